//! A helpful pair of clouds, and a wizard that has come as far as the review of what they answer.

use uuid::Uuid;

use crate::domain::federation::{Federation, Tool};
use crate::domain::key::{Kind as Step, StepKey};
use crate::domain::names::EnvironmentName;
use crate::wizard::review::{OtherSubject, Review};
use crate::wizard::*;

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

pub(super) fn account_of(profile: &str) -> &'static str {
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
        Effect::DiscoverPeople { generation, .. } => {
            let one = |value: &str, note: &str| Somebody { value: value.to_owned(), note: note.to_owned() };
            let people = vec![
                one("Payments Team", "the project's default team"),
                one("ada@contoso.example", "Ada Lovelace"),
                one("grace@contoso.example", "Hopper, Grace"),
            ];
            found(
                *generation,
                Found::People(Ok(FoundPeople { default_team: "Payments Team".to_owned(), people })),
            )
        }
        Effect::DiscoverTool { generation, .. } => {
            let tool = FoundTool { tool: Tool::Cdk, file: "cdk.json".to_owned() };
            found(*generation, Found::Tool(Some(tool)))
        }
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

pub(super) fn review(federation: &Federation) -> Review {
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

pub(super) fn moved() -> OtherSubject {
    OtherSubject {
        title: "role Mine in 111122223333".to_owned(),
        found: "sc://contoso/payments/old".to_owned(),
        wanted: "sc://contoso/payments/AWS-Dev".to_owned(),
    }
}

/// Sends a message, and answers every effect until none is left. Returns the effects.
pub(super) fn send(model: &mut Model, msg: Msg) -> Vec<Effect> {
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

pub(super) fn started() -> Model {
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
