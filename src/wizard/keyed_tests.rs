//! Tests of the questions about access keys: out of the way of those who use OIDC.

use super::tests::{name, reviewed, say};
use super::*;
use crate::domain::federation::Authentication;

fn at(field: Field) -> Key {
    Key::at(&name("dev"), field)
}

fn asked(model: &Model) -> Vec<Field> {
    let keys = model.detail_keys(&name("dev")).into_iter();
    keys.map(|key| key.field)
        .filter(|field| [Field::Role, Field::User, Field::SourceIp].contains(field))
        .collect()
}

fn of(model: &Model) -> Authentication {
    model.federation().unwrap().environments[0].authentication.clone()
}

#[test]
fn keys_are_asked_about_only_where_they_are_wanted() {
    let mut model = reviewed();
    assert_eq!((asked(&model), of(&model)), (vec![Field::Role], Authentication::Oidc));
    say(&mut model, at(Field::Authentication), Value::text("access-key-and-role"));
    assert_eq!(asked(&model), [Field::Role, Field::User, Field::SourceIp]);
    let user = || "AzureDevOpsDevUser".parse().unwrap();
    let wanted = Authentication::AccessKeyAndRole { user: user(), source_ip: Vec::new(), external_id: None };
    assert_eq!(of(&model), wanted);
    say(&mut model, at(Field::SourceIp), Value::text("203.0.113.0/24, 2001:db8::/32"));
    assert_eq!(of(&model).source_ip().len(), 2);
    assert!(model.check(&at(Field::SourceIp), "203.0.113.0/33").is_err());
    say(&mut model, at(Field::Authentication), Value::text("access-key"));
    assert_eq!(asked(&model), [Field::User]);
    assert_eq!(of(&model), Authentication::AccessKey { user: user() });
    assert!(model.check(&at(Field::Authentication), "keys").is_err());
}
