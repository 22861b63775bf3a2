//! Tests of the wizard: what is asked, what is kept, what is dropped, and that nothing writes without a review.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::review::{OtherSubject, Review};
use super::*;
use crate::domain::federation::{Federation, SignIn};
use crate::domain::key::{Kind as Step, StepKey};
use crate::domain::names::EnvironmentName;

pub(crate) fn name(text: &str) -> EnvironmentName {
    text.parse().unwrap()
}

pub(crate) fn profile(profile: &str) -> AwsProfile {
    AwsProfile {
        name: profile.to_owned(),
        region: Some("eu-west-1".parse().unwrap()),
        account: None,
        kind: "SSO session corp".to_owned(),
        broken: None,
    }
}

fn account_of(profile: &str) -> &'static str {
    match profile {
        "contoso-dev" => "111122223333",
        "contoso-staging" => "444455556666",
        _ => "777788889999",
    }
}

/// What a helpful pair of clouds answers.
pub(crate) fn answer(effect: &Effect) -> Vec<Msg> {
    let found = |generation: u64, found| vec![Msg::Discovered { generation, found }];
    match effect {
        Effect::SignIn { generation, method } => {
            let code = ("K7PQ-2XMD", "https://microsoft.com/devicelogin");
            let prompt = match method {
                Method::Device => {
                    Prompt::Code { code: code.0.to_owned(), address: code.1.to_owned(), minutes: 15 }
                }
                Method::AzureCli => Prompt::AzureCli,
                _ => Prompt::Browser { address: "https://login.example/".to_owned(), opened: true },
            };
            vec![Msg::SignInBegun { generation: *generation, result: Ok(prompt) }]
        }
        Effect::AwaitSignIn { generation } => {
            vec![Msg::SignedIn { generation: *generation, result: Ok(Handle(7)) }]
        }
        Effect::DiscoverOrganization { generation, organization, .. } => found(
            *generation,
            Found::Organization(match organization.as_str().eq_ignore_ascii_case("contoso") {
                true => Ok(FoundOrganization {
                    name: "Contoso".parse().unwrap(),
                    id: Uuid::from_u128(0x7a1c_9d52_6b0e_4f3a_9c77_2d5e_8f1a_0b34),
                    operator: Some("Ada Lovelace".to_owned()),
                }),
                false => Err(format!("no organisation {organization} is visible to this token")),
            }),
        ),
        Effect::DiscoverProjects { generation, .. } => {
            let projects = ["Payments", "web"].map(|name| name.parse().unwrap()).to_vec();
            found(*generation, Found::Projects(Ok(projects)))
        }
        Effect::DiscoverVerification { generation, .. } => found(
            *generation,
            Found::Verification(Ok(FoundVerification {
                queues: vec![("Azure Pipelines".to_owned(), true), ("Default".to_owned(), false)],
                may_create_repository: Some(true),
                repositories: vec!["app".to_owned()],
                missing_rights: Vec::new(),
            })),
        ),
        Effect::DiscoverProfiles { generation } => {
            let profiles =
                ["contoso-prod", "contoso-dev", "contoso-staging", "default"].map(profile).to_vec();
            found(*generation, Found::Profiles(Ok((profiles, vec!["corp".to_owned()]))))
        }
        Effect::IdentifyProfile { generation, profile } => {
            let identity = match profile.as_str() {
                "default" => Err("its SSO session has expired".to_owned()),
                _ => Ok(Identity {
                    account: account_of(profile).parse().unwrap(),
                    arn: format!("arn:aws:sts::{}:assumed-role/Admin/ada", account_of(profile)),
                }),
            };
            found(*generation, Found::Identity { profile: profile.clone(), identity })
        }
        Effect::CheckShellKeys { generation } => found(*generation, Found::ShellKeys(None)),
        Effect::SsoDiscover { generation, session } => {
            found(*generation, Found::Sso { session: session.clone(), found: Ok(SsoFound::SignedOut) })
        }
        Effect::SsoBegin { generation, .. } => {
            let code = SsoCode {
                user_code: "ABCD-EFGH".to_owned(),
                address: "https://device.example/".to_owned(),
                address_with_code: "https://device.example/?user_code=ABCD-EFGH".to_owned(),
                expires_in: 600,
            };
            vec![Msg::SsoCode { generation: *generation, result: Ok(code) }]
        }
        Effect::SsoWait { generation, .. } => {
            vec![Msg::SsoSignedIn { generation: *generation, result: Ok(()) }]
        }
        Effect::SaveConfig { generation, .. } => {
            vec![Msg::Saved { generation: *generation, result: Ok("/work/app/keyless.toml".to_owned()) }]
        }
        Effect::MakePlan { generation, federation, .. } => {
            vec![Msg::Reviewed { generation: *generation, result: Box::new(Ok(review(federation))) }]
        }
        Effect::Apply { generation, environments, .. } => {
            let names: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
            let lines = vec![format!("{}: proven", names.join(", "))];
            vec![Msg::Ended { generation: *generation, ended: Ended { stale: false, lines } }]
        }
        Effect::Open { generation, practice, .. } => {
            let start = Start { practice: *practice, ..Start::default() };
            vec![Msg::Opened {
                generation: *generation,
                result: Box::new(Ok(Opened { start, federation: None })),
            }]
        }
    }
}

fn review(federation: &Federation) -> Review {
    Review {
        lines: federation
            .environments
            .iter()
            .map(|e| format!("+ role  {} in {}", e.role, e.account))
            .collect(),
        writes: 3 * federation.environments.len(),
        environments: federation.environments.iter().map(|e| (e.name.clone(), e.protected)).collect(),
        foreign: [(
            StepKey::new(Step::Connection, "AWS-Dev"),
            "connection AWS-Dev, shared with web".to_owned(),
        )]
        .into(),
        ..Review::default()
    }
}

fn moved() -> OtherSubject {
    OtherSubject {
        title: "role Mine in 111122223333".to_owned(),
        found: "sc://contoso/payments/old".to_owned(),
        wanted: "sc://contoso/payments/AWS-Dev".to_owned(),
    }
}

/// Sends a message, and answers every effect until none is left. Returns the effects.
fn send(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut all = update(model, msg);
    let mut next = 0;
    while let Some(effect) = all.get(next).cloned() {
        next += 1;
        for msg in answer(&effect) {
            all.extend(update(model, msg));
        }
    }
    all
}

pub(crate) fn say(model: &mut Model, key: Key, value: Value) {
    send(model, Msg::Answer { key, value });
}

fn started() -> Model {
    let mut model = Model::new(Start::default());
    for effect in model.begin() {
        for msg in answer(&effect) {
            send(&mut model, msg);
        }
    }
    model
}

/// A wizard that has come as far as the review.
pub(crate) fn reviewed() -> Model {
    let mut model = started();
    send(&mut model, Msg::Secret { handle: Handle(1) });
    send(&mut model, Msg::Next);
    say(&mut model, Key::of(Field::Organization), Value::text("contoso"));
    send(&mut model, Msg::Next);
    say(&mut model, Key::of(Field::Project), Value::text("payments"));
    for _ in 0..20 {
        if *model.at() == PageId::Review {
            break;
        }
        send(&mut model, Msg::Next);
    }
    assert_eq!(*model.at(), PageId::Review, "{:?}", model.federation());
    model
}

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
fn protected_environments_need_their_name() {
    let mut model = reviewed();
    say(&mut model, Key::of(Field::Approve), Value::Flag(true));
    say(&mut model, Key::at(&name("prod"), Field::Confirm), Value::text("Prod"));
    assert!(model.page().question(&Key::at(&name("prod"), Field::Confirm)).is_some());
    assert_eq!(send(&mut model, Msg::Next), vec![], "a wrong name is no name");
    say(&mut model, Key::at(&name("prod"), Field::Confirm), Value::text(""));
    let effects = send(&mut model.clone(), Msg::Next);
    let [Effect::Apply { environments, foreign, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(environments.iter().map(|e| e.as_str()).collect::<Vec<_>>(), ["dev", "staging"]);
    assert!(foreign.is_empty(), "nobody said yes to it");
    say(&mut model, Key::at(&name("prod"), Field::Confirm), Value::text("prod"));
    let step = StepKey::new(Step::Connection, "AWS-Dev");
    say(&mut model, Key::of(Field::Foreign { step: step.clone() }), Value::Flag(true));
    let only = [name("prod")].into_iter().collect::<BTreeSet<_>>();
    let effects = send(&mut model, Msg::Approve { environments: only.clone() });
    let [Effect::Apply { environments, foreign, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((environments, foreign), (&only, &[step].into()));
    assert_eq!(*model.at(), PageId::Done);
    assert_eq!(model.ended().unwrap().lines, ["prod: proven"]);
}

#[test]
fn another_subject_is_trusted_only_when_it_was_typed() {
    let mut model = reviewed();
    let effects = update(&mut model, Msg::Retry);
    let [Effect::MakePlan { generation, federation, .. }, ..] = &effects[..] else { panic!("{effects:?}") };
    let mut made = review(federation);
    made.subjects.insert(StepKey::new(Step::Role, "111122223333/Mine"), moved());
    update(&mut model, Msg::Reviewed { generation: *generation, result: Box::new(Ok(made)) });
    let key = Key::of(Field::Subject { step: StepKey::new(Step::Role, "111122223333/Mine") });
    let asked = model.page().question(&key).cloned().unwrap();
    assert!(asked.optional && asked.default.is_none(), "{asked:?}");
    assert!(asked.why.contains("sc://contoso/payments/old") && asked.why.contains(&moved().wanted));
    let refused = model.check(&key, "yes").unwrap_err();
    assert!(refused.contains(&moved().wanted) && model.check(&key, "").is_ok(), "{refused}");
    say(&mut model, Key::of(Field::Approve), Value::Flag(true));
    for (typed, wanted) in [(None, None), (Some(moved().wanted), Some(moved().wanted))] {
        if let Some(typed) = typed {
            say(&mut model, key.clone(), Value::text(typed));
        }
        let effects = update(&mut model.clone(), Msg::Next);
        let [Effect::Apply { subjects, .. }] = &effects[..] else { panic!("{effects:?}") };
        assert_eq!(subjects.iter().next(), wanted.as_ref());
    }
    say(&mut model, key, Value::text("yes"));
    assert_eq!(update(&mut model, Msg::Next), vec![], "a wrong subject is named first");
}

#[test]
fn a_forgotten_plan_is_made_anew() {
    let mut model = reviewed();
    assert_eq!(update(&mut model, Msg::Forgotten), vec![]);
    assert_eq!(*model.at(), PageId::Save);
    let effects = update(&mut model, Msg::Next);
    assert!(matches!(&effects[..], [Effect::MakePlan { .. }]), "{effects:?}");
}

#[test]
fn after_a_run_the_same_answers_are_planned_again() {
    let mut model = reviewed();
    say(&mut model, Key::of(Field::Approve), Value::Flag(true));
    send(&mut model, Msg::Next);
    assert_eq!(*model.at(), PageId::Done);
    let effects = update(&mut model, Msg::Retry);
    assert!(matches!(&effects[..], [Effect::MakePlan { .. }, ..]), "{effects:?}");
    assert_eq!((model.at(), model.flag(&Key::of(Field::Approve))), (&PageId::Review, None));
}

#[test]
fn a_changed_answer_takes_the_review_away() {
    let mut model = reviewed();
    say(&mut model, Key::of(Field::Approve), Value::Flag(true));
    say(&mut model, Key::at(&name("dev"), Field::Role), Value::text("Other"));
    let all: BTreeSet<EnvironmentName> = model.environment_names().iter().cloned().collect();
    assert_eq!(update(&mut model, Msg::Approve { environments: all }), vec![]);
    let effects = update(&mut model, Msg::Next);
    assert!(matches!(&effects[..], [Effect::MakePlan { .. }]), "{effects:?}");
    assert!(model.page().questions.is_empty(), "the old approval is gone with the old plan");
}

#[test]
fn a_stale_run_leads_to_a_new_plan() {
    let mut model = reviewed();
    say(&mut model, Key::of(Field::Approve), Value::Flag(true));
    let effects = update(&mut model, Msg::Next);
    let [Effect::Apply { generation, .. }] = effects[..] else { panic!("{effects:?}") };
    let ended = Ended { stale: true, lines: Vec::new() };
    let effects = update(&mut model, Msg::Ended { generation, ended });
    assert!(matches!(&effects[..], [Effect::MakePlan { .. }]));
    assert_eq!(*model.at(), PageId::Review);
    assert_eq!(model.flag(&Key::of(Field::Approve)), None);
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
    for _ in 0..3 {
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
    for _ in 0..3 {
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
    assert_eq!(*model.at(), PageId::Names);
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

fn field() -> impl Strategy<Value = Field> {
    let profile = || select(vec!["contoso-dev", "contoso-prod", "nobody"]).prop_map(str::to_owned);
    prop_oneof![
        select(vec![
            Field::Token,
            Field::Organization,
            Field::OrganizationId,
            Field::Project,
            Field::Queue,
            Field::Repository,
            Field::Profiles,
            Field::More,
            Field::Account,
            Field::Region,
            Field::SignIn,
            Field::Profile,
            Field::SsoSession,
            Field::PermissionSet,
            Field::AssumeRole,
            Field::From,
            Field::Role,
            Field::Connection,
            Field::Branches,
            Field::Protected,
            Field::Preset,
            Field::Adjust,
            Field::Save,
            Field::Confirm,
            Field::Approve,
            Field::Cloud,
            Field::Goal,
        ]),
        profile().prop_map(|profile| Field::Name { profile }),
        Just(Field::Foreign { step: StepKey::new(Step::Connection, "AWS-Dev") }),
        Just(Field::Subject { step: StepKey::new(Step::Role, "111122223333/Mine") }),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    let environment =
        prop_oneof![Just(None), select(vec!["dev", "staging", "prod", "qa"]).prop_map(|e| Some(name(e)))];
    (environment, field()).prop_map(|(environment, field)| Key { environment, field })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(vec![
            "contoso", "Payments", "dev", "prod", "dev, qa", "", "profile", "sso", "assume-role", "environment", "none",
            "111122223333", "777788889999", "eu-west-1", "cn-north-1", "contoso-dev", "yes", "cdk", "feat/*, main",
            "arn:aws:iam::777788889999:role/Admin", "AWS-Dev", "7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
    ]
}

fn message() -> impl Strategy<Value = Msg> {
    let value = prop_oneof![
        3 => text().prop_map(Value::Text),
        1 => proptest::collection::vec(text(), 0..3).prop_map(Value::Many),
        1 => any::<bool>().prop_map(Value::Flag),
    ];
    let all = || ["dev", "staging", "prod"].map(name).into_iter().collect::<BTreeSet<_>>();
    prop_oneof![
        8 => (key(), value).prop_map(|(key, value)| Msg::Answer { key, value }),
        2 => key().prop_map(|key| Msg::Reset { key }),
        2 => (0_u64..3).prop_map(|handle| Msg::Secret { handle: Handle(handle) }),
        12 => Just(Msg::Next),
        4 => Just(Msg::Back),
        2 => Just(Msg::NextStage),
        1 => Just(Msg::BackStage),
        1 => Just(Msg::Retry),
        1 => Just(Msg::Forgotten),
        2 => Just(Msg::Approve { environments: all() }),
        1 => (0_u64..40).prop_map(|generation| Msg::Discovered { generation, found: Found::Organization(Err("late".to_owned())) }),
        1 => (0_u64..40).prop_map(|generation| Msg::Saved { generation, result: Err("disk full".to_owned()) }),
        1 => (0_u64..40).prop_map(|generation| Msg::Reviewed { generation, result: Box::new(Err("denied".to_owned())) }),
        1 => (0_u64..40).prop_map(|generation| {
            Msg::Ended { generation, ended: Ended { stale: generation % 2 == 0, lines: Vec::new() } }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn any_messages_leave_a_page_and_never_apply_unseen(
        messages in proptest::collection::vec((message(), any::<bool>()), 0..60),
        far in any::<bool>(),
    ) {
        let mut model = if far { reviewed() } else { started() };
        let mut answered: Vec<u64> = Vec::new();
        let mut waiting: Vec<Effect> = Vec::new();
        for (msg, answers) in messages {
            let given = model.answers.clone();
            let moved = matches!(msg, Msg::Back | Msg::Next | Msg::NextStage | Msg::BackStage);
            if let Msg::Reviewed { generation, .. } = &msg {
                answered.push(*generation);
            }
            let seen = model.review().is_some();
            let effects = update(&mut model, msg);
            if moved {
                let asked_again = |key: &Key| matches!(key.field, Field::Approve | Field::Confirm | Field::Foreign { .. } | Field::Subject { .. });
                prop_assert!(given.iter().all(|(key, value)| asked_again(key) || model.answers.get(key) == Some(value)));
            }
            for effect in &effects {
                if let Effect::Apply { plan, environments, .. } = effect {
                    prop_assert!(seen && answered.contains(plan) || far, "nothing was reviewed");
                    if environments.contains(&name("prod")) && review(&model.federation().unwrap()).environments[&name("prod")] {
                        let typed = model.answers.get(&Key::at(&name("prod"), Field::Confirm));
                        prop_assert_eq!(typed.map(|given| given.value.line()), Some("prod".to_owned()));
                    }
                }
            }
            waiting.extend(effects);
            if answers {
                for effect in std::mem::take(&mut waiting) {
                    for msg in answer(&effect) {
                        if let Msg::Reviewed { generation, .. } = &msg {
                            answered.push(*generation);
                        }
                        waiting.extend(update(&mut model, msg));
                    }
                }
            }
            let page = model.page();
            prop_assert!(page.number >= 1 && page.number <= page.of && !page.title.is_empty());
            prop_assert!(model.pages().contains(model.at()));
            if let Err(wrong) = model.federation() {
                prop_assert!(!wrong.is_empty());
                prop_assert!(wrong.iter().all(|(_, text)| !text.is_empty()));
            }
        }
    }

    #[test]
    fn an_answer_of_another_kind_is_named(which in 0..2usize) {
        let mut model = reviewed();
        let value = [Value::Many(Vec::new()), Value::text("maybe")][which].clone();
        update(&mut model, Msg::Answer { key: Key::at(&name("dev"), Field::Protected), value });
        let wrong = model.federation().unwrap_err();
        prop_assert!(wrong.iter().any(|(key, _)| key.environment == Some(name("dev"))));
    }

    #[test]
    fn no_text_makes_a_check_panic(key in key(), text in text()) {
        let _ = reviewed().check(&key, &text);
    }
}

/// What cannot be set up from here is left to somebody else only after a yes, and the new plan is reviewed before it is approved.
#[test]
fn a_side_out_of_reach_can_be_left_to_somebody_else() {
    let out_of_reach = |model: &mut Model| {
        let federation = model.federation().unwrap();
        let reviewed = model.reviewed.as_mut().unwrap();
        let why = Some("AWS of dev cannot be set up from here: no sign-in".to_owned());
        reviewed.result = Some(Ok(Review { out_of_reach: why, ..review(&federation) }));
    };
    let key = Key::of(Field::HandOver);
    let mut model = reviewed();
    out_of_reach(&mut model);
    let page = model.page();
    assert_eq!(
        page.questions.iter().map(|question| &question.key).collect::<Vec<_>>(),
        [&key],
        "nothing is approved yet"
    );
    assert!(page.facts.iter().any(|fact| fact.value.contains("cannot be set up from here")));
    let all = model.federation().unwrap().environments.iter().map(|e| e.name.clone()).collect();
    assert_eq!(update(&mut model, Msg::Approve { environments: all }), []);
    let edition = model.page().edition;
    let effects = update(&mut model, Msg::Next);
    assert!(matches!(effects.as_slice(), [Effect::MakePlan { hand_over: true, .. }]), "{effects:?}");
    for msg in answer(&effects[0]) {
        update(&mut model, msg);
    }
    assert_eq!(*model.at(), PageId::Review);
    assert_ne!(model.page().edition, edition, "another plan is read anew");
    assert!(
        model.page().question(&key).is_none() && model.page().question(&Key::of(Field::Approve)).is_some()
    );

    // No: the whole plan as it is, with its approval.
    let mut model = reviewed();
    out_of_reach(&mut model);
    say(&mut model, key.clone(), Value::Flag(false));
    assert!(
        model.page().question(&key).is_some() && model.page().question(&Key::of(Field::Approve)).is_some()
    );
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
