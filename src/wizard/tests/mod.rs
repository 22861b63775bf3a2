//! Tests of the wizard: what is asked, what is kept, what is dropped, and that nothing writes without a review.

mod any;
mod clouds;
mod deploy;
mod plans;

use super::*;
use crate::domain::federation::{Federation, SignIn};
pub(crate) use clouds::{answer, name, profile, reviewed, say};
use clouds::{send, started};

#[test]
fn defaults_alone_make_a_federation() {
    let model = reviewed();
    let federation = model.federation().unwrap();
    assert_eq!(federation.organization.as_str(), "Contoso", "the true casing");
    assert_eq!(federation.organization_id, None, "nothing was typed");
    assert_eq!(federation.project.as_str(), "Payments");
    let names: Vec<&str> = federation.environments.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(names, ["dev", "staging", "prod"]);
    let dev = &federation.environments[0];
    assert_eq!(dev.account.as_str(), "111122223333");
    assert_eq!(dev.sign_in, SignIn::Profile { profile: "contoso-dev".to_owned() });
    assert_eq!((dev.role.as_str(), dev.connection.as_str()), ("AzureDevOpsDevRole", "AWS-Dev"));
    assert!(federation.environments[2].protected);
    assert_eq!(federation.contradictions(), vec![]);
}

#[test]
fn every_default_says_where_it_came_from() {
    let model = reviewed();
    for name in model.environment_names() {
        for question in model.details(name) {
            let default = question.default.unwrap_or_else(|| panic!("{:?} has no default", question.key));
            assert!(!default.source.is_empty() && !question.why.is_empty() && !question.label.is_empty());
        }
    }
    let account = model.details(&name("dev")).into_iter().find(|q| q.key.field == Field::Account).unwrap();
    assert_eq!(account.default.unwrap().source, "AWS, asked with profile contoso-dev");
}

#[test]
fn late_answers_are_dropped() {
    let mut model = started();
    update(&mut model, Msg::Secret { handle: Handle(1) });
    update(&mut model, Msg::Next);
    let ask = |model: &mut Model, text: &str| {
        let value = Value::text(text);
        update(model, Msg::Answer { key: Key::of(Field::Organization), value }).remove(0)
    };
    let first = ask(&mut model, "contoso");
    let second = ask(&mut model, "fabrikam");
    for msg in answer(&first) {
        update(&mut model, msg);
    }
    assert!(model.page().waiting.is_some(), "the answer about contoso is late");
    for msg in answer(&second) {
        update(&mut model, msg);
    }
    assert!(model.page().problem.unwrap().contains("fabrikam"));
    update(&mut model, Msg::Next);
    assert_eq!(*model.at(), PageId::Organization, "it cannot be passed");
    let again = update(&mut model, Msg::Retry);
    assert!(matches!(&again[0], Effect::DiscoverOrganization { .. }), "{again:?}");
}

#[test]
fn a_typed_id_is_compared_with_the_discovered_one() {
    let model = reviewed();
    let key = Key::of(Field::OrganizationId);
    assert_eq!(model.check(&key, "7A1C9D52-6B0E-4F3A-9C77-2D5E8F1A0B34"), Ok(()));
    let problem = model.check(&key, "00000000-0000-0000-0000-000000000001").unwrap_err();
    assert!(
        problem.contains("00000000-0000-0000-0000-000000000001") && problem.contains("7a1c9d52"),
        "{problem}"
    );
    assert!(model.check(&key, "00000000-0000-0000-0000-000000000000").is_err());
    assert!(model.check(&key, "contoso").unwrap_err().contains("GUID"));
}

#[test]
fn answers_are_checked_against_each_other() {
    let model = reviewed();
    let dev = name("dev");
    assert!(
        model.check(&Key::at(&dev, Field::Account), "999988887777").unwrap_err().contains("111122223333")
    );
    assert!(model.check(&Key::at(&dev, Field::Connection), "aws-staging").unwrap_err().contains("staging"));
    assert!(model.check(&Key::at(&dev, Field::Connection), "AWS-New").is_ok());
    assert!(model.check(&Key::of(Field::Project), "pay").unwrap_err().contains("Payments"));
    let named = Key::of(Field::Name { profile: "contoso-dev".to_owned() });
    assert!(model.check(&named, "PROD").is_err());
    assert!(model.check(&Key::at(&dev, Field::Branches), "feat*").is_err());
    assert!(model.check(&Key::at(&dev, Field::Branches), "none").is_ok());
    assert!(model.check(&Key::of(Field::Profiles), "contoso-dev, nobody").is_err());
}

#[test]
fn back_loses_nothing() {
    let mut model = reviewed();
    say(&mut model, Key::at(&name("dev"), Field::Role), Value::text("Mine"));
    let before = model.federation();
    for _ in 0..20 {
        send(&mut model, Msg::Back);
    }
    assert_eq!(*model.at(), PageId::SignIn);
    assert_eq!(model.federation(), before);
    assert!(model.review().is_none(), "the plan was made for other answers");
}

#[test]
fn an_existing_file_is_resumed_and_kept() {
    let mut federation = reviewed().federation().unwrap();
    federation.environments[0].boundary = Some("arn:aws:iam::111122223333:policy/b".to_owned());
    federation.environments[0].session_hours = 4;
    federation.environments[1].sign_in = SignIn::AssumeRole {
        assume_role: "arn:aws:iam::444455556666:role/Admin".parse().unwrap(),
        from: name("dev"),
    };
    federation.environments.swap(0, 2);
    federation.verification.branch = Some("keyless".to_owned());
    let mut model = Model::resume(Start { signed_in: true, ..Start::default() }, federation.clone());
    assert_eq!(model.federation(), Ok(federation.clone()), "also before anything was discovered");
    for effect in model.begin() {
        for msg in answer(&effect) {
            send(&mut model, msg);
        }
    }
    for _ in 0..20 {
        send(&mut model, Msg::Next);
    }
    assert_eq!((model.at(), model.federation()), (&PageId::Review, Ok(federation)));
    say(&mut model, Key::of(Field::More), Value::text("staging, qa"));
    let names: Vec<&str> = model.environment_names().iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["qa", "prod", "staging", "dev"], "the file's order stays");
}

#[test]
fn questions_appear_where_nothing_is_known() {
    let mut model = Model::new(Start { ask_azure_devops: false, ask_aws: false, ..Start::default() });
    let [Effect::DiscoverProfiles { generation }] = model.begin()[..] else {
        panic!("only the local file is read")
    };
    update(&mut model, Msg::Discovered { generation, found: Found::Profiles(Ok((Vec::new(), Vec::new()))) });
    assert_eq!(*model.at(), PageId::Organization);
    say(&mut model, Key::of(Field::Organization), Value::text("contoso"));
    assert_eq!(update(&mut model, Msg::Next), vec![]);
    let id = Key::of(Field::OrganizationId);
    assert!(model.page().question(&id).unwrap().problem.is_some(), "nobody can discover it here");
    say(&mut model, id, Value::text("7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34"));
    update(&mut model, Msg::Next);
    say(&mut model, Key::of(Field::Project), Value::text("payments"));
    for _ in 0..4 {
        update(&mut model, Msg::Next);
    }
    assert_eq!(*model.at(), PageId::Environment(name("dev")));
    let asked: Vec<Field> = model.page().questions.into_iter().map(|question| question.key.field).collect();
    assert_eq!(asked, [Field::SignIn, Field::Account, Field::Region, Field::Adjust]);
}

#[test]
fn an_unclear_queue_is_asked_for() {
    let mut model = reviewed();
    for _ in 0..20 {
        send(&mut model, Msg::Back);
    }
    update(&mut model, Msg::Secret { handle: Handle(2) });
    let mut others = update(&mut model, Msg::Next);
    while !others.is_empty() {
        let effect = others.remove(0);
        let messages = match &effect {
            Effect::DiscoverVerification { generation, .. } => vec![Msg::Discovered {
                generation: *generation,
                found: Found::Verification(Ok(FoundVerification {
                    queues: vec![("one".to_owned(), false), ("two".to_owned(), false)],
                    may_create_repository: Some(false),
                    repositories: vec!["app".to_owned()],
                    missing_rights: Vec::new(),
                })),
            }],
            effect => answer(effect),
        };
        for msg in messages {
            others.extend(update(&mut model, msg));
        }
        if others.is_empty() && *model.at() < PageId::Verification {
            others.extend(update(&mut model, Msg::Next));
        }
    }
    assert_eq!(*model.at(), PageId::Verification);
    let missing: Vec<Field> = model.federation().unwrap_err().into_iter().map(|(key, _)| key.field).collect();
    assert_eq!(missing, [Field::Queue, Field::Repository]);
    say(&mut model, Key::of(Field::Queue), Value::text("two"));
    say(&mut model, Key::of(Field::Repository), Value::text("app"));
    let verification = model.federation().unwrap().verification;
    assert_eq!(verification.queue.as_deref(), Some("two"));
    assert_eq!(
        (verification.repository.as_str(), verification.branch.as_deref()),
        ("app", Some("keyless-verification"))
    );
}

#[test]
fn hundreds_of_profiles_stay_quick() {
    let mut model = Model::new(Start { signed_in: true, ..Start::default() });
    let effects = model.begin();
    let generation = effects
        .iter()
        .find_map(|effect| match effect {
            Effect::DiscoverProfiles { generation } => Some(*generation),
            _ => None,
        })
        .unwrap();
    let profiles: Vec<AwsProfile> = (0..500).map(|number| profile(&format!("team-{number}"))).collect();
    let names = profiles.iter().map(|profile| profile.name.clone()).collect();
    update(&mut model, Msg::Discovered { generation, found: Found::Profiles(Ok((profiles, Vec::new()))) });
    say(&mut model, Key::of(Field::Profiles), Value::Many(names));
    assert_eq!(model.environment_names().len(), 500);
    assert_eq!(model.pages().iter().filter(|page| matches!(page, PageId::Environment(_))).count(), 500);
    assert!(model.federation().is_err());
}

/// Opens with what a test wants, and answers everything else.
fn welcomed(start: &Start, federation: Option<&Federation>) -> Model {
    let mut model = Model::new(Start { welcome: true, ..Start::default() });
    assert_eq!(model.begin(), vec![], "nothing is asked before it is known whom");
    for effect in update(&mut model, Msg::Next) {
        let Effect::Open { generation, .. } = effect else { panic!("{effect:?}") };
        let opened = Opened { start: start.clone(), federation: federation.cloned() };
        send(&mut model, Msg::Opened { generation, result: Box::new(Ok(opened)) });
    }
    model
}

#[test]
fn clouds_are_opened_once_for_each_choice() {
    let signed_in = Start { signed_in: true, practice: true, ..Start::default() };
    let mut model = welcomed(&signed_in, None);
    assert_eq!(*model.at(), PageId::Organization);
    say(&mut model, Key::of(Field::Organization), Value::text("contoso"));
    send(&mut model, Msg::Back);
    assert_eq!(*model.at(), PageId::Welcome);
    assert_eq!(update(&mut model, Msg::Next), vec![], "they are open");
    assert_eq!(model.value(&Key::of(Field::Organization)), Some(Value::text("contoso")));
    update(&mut model, Msg::Back);
    say(&mut model, Key::of(Field::Cloud), Value::text("live"));
    let effects = update(&mut model, Msg::Next);
    let [Effect::Open { generation, practice: false, .. }] = effects[..] else { panic!("{effects:?}") };
    update(&mut model, Msg::Opened { generation, result: Box::new(Err("no".to_owned())) });
    assert_eq!((model.at(), model.page().problem.as_deref()), (&PageId::Welcome, Some("no")));
    let effects = update(&mut model, Msg::Retry);
    assert!(matches!(effects[..], [Effect::Open { practice: false, .. }]), "{effects:?}");
    assert_eq!(model.stages()[0].name, "Welcome");
    assert_eq!(model.stages().len(), model.page().of);
}

#[test]
fn a_repair_goes_to_the_review_of_what_is_there() {
    let federation = reviewed().federation().unwrap();
    let mut model = Model::new(Start { welcome: true, ..Start::default() });
    say(&mut model, Key::of(Field::Goal), Value::text("repair"));
    let effects = update(&mut model, Msg::Next);
    let [Effect::Open { generation, goal: Goal::Repair, .. }] = effects[..] else { panic!("{effects:?}") };
    let start = Start { signed_in: true, ..Start::default() };
    let opened = Opened { start, federation: Some(federation.clone()) };
    let effects = send(&mut model, Msg::Opened { generation, result: Box::new(Ok(opened)) });
    assert_eq!(*model.at(), PageId::Review);
    let planned = |effect: &&Effect| matches!(effect, Effect::MakePlan { .. });
    assert_eq!(effects.iter().filter(planned).count(), 1);
    assert_eq!(model.federation(), Ok(federation));
}

#[test]
fn a_rotation_asks_which_connection_holds_the_keys() {
    let start = Start { signed_in: true, goal: Goal::Rotate, ..Start::default() };
    let mut model = Model::new(start);
    for effect in model.begin() {
        for msg in answer(&effect) {
            send(&mut model, msg);
        }
    }
    say(&mut model, Key::of(Field::Organization), Value::text("contoso"));
    send(&mut model, Msg::Next);
    say(&mut model, Key::of(Field::Project), Value::text("payments"));
    for _ in 0..4 {
        send(&mut model, Msg::Next);
    }
    assert_eq!(*model.at(), PageId::Environment(name("dev")));
    let asked: Vec<Field> = model.page().questions.into_iter().map(|question| question.key.field).collect();
    assert_eq!(asked, [Field::Connection, Field::Adjust]);
}

#[test]
fn all_environments_are_passed_at_once_when_nothing_is_missing() {
    let mut model = reviewed();
    for _ in 0..3 {
        send(&mut model, Msg::Back);
    }
    assert_eq!(*model.at(), PageId::Environment(name("prod")));
    send(&mut model, Msg::BackStage);
    assert_eq!(*model.at(), PageId::Pipeline);
    send(&mut model, Msg::NextStage);
    assert_eq!(*model.at(), PageId::Environment(name("dev")));
    say(&mut model, Key::at(&name("prod"), Field::Account), Value::text("12"));
    send(&mut model, Msg::NextStage);
    assert_eq!(*model.at(), PageId::Environment(name("prod")), "the first with something to correct");
    let account = model.details(&name("prod")).into_iter().find(|q| q.key.field == Field::Account).unwrap();
    assert!(account.problem.is_some());
    say(&mut model, Key::at(&name("prod"), Field::Account), Value::text("777788889999"));
    send(&mut model, Msg::NextStage);
    assert_eq!(*model.at(), PageId::Preset);
    send(&mut model, Msg::BackStage);
    assert!(matches!(model.at(), PageId::Environment(_)), "on other pages it is back as ever");
}

/// Who leaves AWS to somebody else is not made to know how they sign in.
#[test]
fn a_sign_in_is_no_question_to_somebody_who_leaves_aws_out() {
    let form = |ask_aws: bool| {
        let mut model = Model::new(Start { ask_aws, ..Start::default() });
        update(&mut model, Msg::Answer { key: Key::of(Field::More), value: Value::text("qa") });
        model.default(&Key::at(&name("qa"), Field::SignIn)).map(|default| default.value.line())
    };
    assert_eq!(form(false).as_deref(), Some("environment"));
    assert_eq!(form(true), None);
}
