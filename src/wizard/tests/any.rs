//! Any messages in any order: a page is always there, and nothing is applied that was not reviewed.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::clouds::{answer, name, review, reviewed, started};
use crate::domain::key::{Kind as Step, StepKey};
use crate::wizard::*;

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
        select(Deploy::ALL.to_vec()).prop_map(Field::Deploy),
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
            "arn:aws:iam::777788889999:role/Admin", "AWS-Dev", "app", "https://github.com/", "https://github.com/contoso/app", "terraform", "amplify", "script", "trunk",
            "08:00-17:00", "ada@contoso.example", "7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34",
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
