//! A connection as plans and screens show it, and what differs, in words.

use serde_json::{Value, json};

use crate::domain::connection::{AwsParameters, Connection as Found};
use crate::domain::pipeline::Check;

/// The connection with all that Azure DevOps tells of it. Its secrets are never returned.
pub(super) fn shown_whole(found: &Found, checks: &[Check]) -> Value {
    json!({
        "id": found.id,
        "name": found.name,
        "type": found.kind,
        "description": found.description,
        "parameters": shown(&found.parameters),
        "isShared": found.shared,
        "isReady": found.ready,
        "isDisabled": found.disabled,
        "checks": checks.iter().map(|check| json!({ "id": check.id, "type": check.kind })).collect::<Vec<_>>(),
    })
}

/// The parameters that may be shown: no secret is ever returned.
pub(super) fn shown(parameters: &AwsParameters) -> Value {
    let mut shown = json!({
        "accessKeyId": parameters.username,
        "assumeRoleArn": parameters.assume_role_arn,
        "roleSessionName": parameters.role_session_name,
        "externalId": parameters.external_id,
        "useOIDC": parameters.use_oidc,
    });
    for (name, value) in &parameters.misspelled {
        shown[name.as_str()] = json!(value);
    }
    shown
}

/// What differs, in words, most dangerous first.
pub(super) fn differences(found: &AwsParameters, wanted: &AwsParameters) -> Vec<String> {
    let mut differences = Vec::new();
    if found.username != wanted.username {
        differences.push(format!("access key {} wins over OIDC", found.username));
    }
    if found.use_oidc != wanted.use_oidc {
        differences.push(match &found.use_oidc {
            Some(value) => format!("useOIDC is \"{value}\", not \"true\""),
            None => "useOIDC is missing".to_owned(),
        });
    }
    for name in found.misspelled.keys().filter(|name| !wanted.misspelled.contains_key(*name)) {
        differences.push(format!("{name} is spelled in another casing than the tasks read"));
    }
    if found.assume_role_arn != wanted.assume_role_arn {
        differences.push(match found.assume_role_arn.as_str() {
            "" => "no role".to_owned(),
            other => format!("another role: {other}"),
        });
    }
    if found.role_session_name != wanted.role_session_name {
        differences.push("another session name".to_owned());
    }
    if found.external_id != wanted.external_id {
        differences.push("an external id, which OIDC ignores".to_owned());
    }
    differences
}
