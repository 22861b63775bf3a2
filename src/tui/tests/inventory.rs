//! The inventory: its rows, everything about one, and what is said while there are none.

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use uuid::Uuid;

use super::draw::{press, screen, types};
use super::seen::{DARK, NOW, Stand, looked, names};
use crate::domain::failure::{Code, Failure};
use crate::domain::inventory::{
    Fact, Facts, Gap, GroupKey, Held, IdleUser, Inventory, Key, KeyState, KeyUser, LastUse, Owner, Place,
    Policies, SignsIn, Used,
};
use crate::plan::event::Outcome;
use crate::tui::msg::{Effect, Ending, Job, Msg, TerminalEffect};
use crate::tui::program::Program;
use crate::tui::theme::Theme;

const DAY: i64 = 86_400;

fn state(id: &str, days: i64) -> KeyState {
    KeyState { id: id.to_owned(), active: true, created: Some(NOW - days * DAY), last: None }
}

fn key(id: &str, account: &str, days: i64) -> Key {
    let user = KeyUser {
        name: "azure-devops-deploy".to_owned(),
        last: Some(LastUse { at: NOW - DAY, service: "s3".to_owned(), region: "eu-west-1".to_owned() }),
        keys: Fact::Known(vec![state(id, days), state("AKIAPRACTICESPARE000", 900)]),
        password: Fact::Known(false),
        policies: Fact::Known(Policies {
            inline: vec!["deploy".to_owned()],
            attached: vec!["arn:aws:iam::aws:policy/AmazonS3FullAccess".to_owned()],
            groups: vec!["deployers".to_owned()],
            ..Policies::default()
        }),
        named_by: Vec::new(),
        unread: Vec::new(),
    };
    Key { id: id.to_owned(), account: Fact::Known(account.to_owned()), owner: Owner::User(Box::new(user)) }
}

fn facts(connection: &str, environment: Option<&str>, held: Option<Held>) -> Facts {
    Facts {
        project: "payments".to_owned(),
        connection: connection.to_owned(),
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, connection.as_bytes()),
        place: environment.map(|name| Place {
            environment: name.parse().unwrap(),
            role: "arn:aws:iam::111122223333:role/AzureDevOps".to_owned(),
            longest: 3600,
            unreached: None,
        }),
        signs_in: if held.is_some() { SignsIn::Key } else { SignsIn::Oidc },
        role: None,
        held,
        replaces: Fact::Known(None),
        shared: false,
        shared_with: Vec::new(),
        untrusted: Vec::new(),
        uses: Fact::Known(vec![Used {
            project: "payments".to_owned(),
            kind: "Build".to_owned(),
            pipeline: Some(7),
            name: "deploy".to_owned(),
            runs: 12,
            last: Some(NOW - 2 * DAY),
            longest: Some(300),
            duration: Fact::Known(None),
        }]),
    }
}

pub(super) fn inventory() -> Inventory {
    let held = |id: &str, account: &str, days| Some(Held::Key(Box::new(key(id, account, days))));
    let mut long = facts("AWS-prod", Some("prod"), held("AKIAPRACTICECCCCCCCC", "777788889999", 30));
    if let Fact::Known(uses) = &mut long.uses {
        uses[0].longest = Some(2400);
    }
    let unreached = Key {
        id: "AKIAPRACTICEFFFFFFFF".to_owned(),
        account: Fact::Known("999900001111".to_owned()),
        owner: Owner::Unreached,
    };
    let connections = vec![
        facts("AWS-dev", Some("dev"), held("AKIAPRACTICEAAAAAAAA", "111122223333", 400)),
        facts("AWS-staging", Some("staging"), None),
        long,
        facts("AWS-legacy-of-the-data-team", None, Some(Held::Key(Box::new(unreached)))),
        facts("AWS-variable", None, Some(Held::Variable)),
    ];
    let found = Inventory {
        federation: "contoso/payments".to_owned(),
        projects: vec!["payments".to_owned()],
        now: NOW,
        groups: vec![GroupKey {
            project: "payments".to_owned(),
            group: "report".to_owned(),
            variable: "AWS_ACCESS_KEY_ID".to_owned(),
            key: Fact::Known(key("AKIAPRACTICEDDDDDDDD", "111122223333", 700)),
        }],
        users: vec![IdleUser {
            account: "111122223333".to_owned(),
            name: "former-colleague".to_owned(),
            keys: vec![state("AKIAPRACTICEEEEEEEEE", 900)],
            notes: Vec::new(),
        }],
        gaps: vec![Gap {
            what: "IAM users of account 777788889999".to_owned(),
            why: "iam:GetAccountAuthorizationDetails is denied".to_owned(),
        }],
        ..Inventory::default()
    };
    found.judged(connections, "keyless-verification")
}

pub(super) fn taken(theme: Theme) -> Program {
    let mut program = looked(theme, &names(3), &[Stand::Proven]);
    let effects = types(&mut program, "r");
    assert!(matches!(effects.as_slice(), [Effect::TakeInventory { everywhere: false }]), "{effects:?}");
    program.update(Msg::Inventory { everywhere: false, result: Ok(Box::new(inventory())) });
    program
}

#[test]
fn rows_are_listed_and_the_chosen_one_is_told() {
    let mut program = taken(DARK);
    press(&mut program, KeyCode::Down);
    press(&mut program, KeyCode::Down);
    assert_snapshot!("inventory_80", screen(&mut program, 80, 24));
    assert_snapshot!("inventory_120", screen(&mut program, 120, 40));
    assert_snapshot!("inventory_60", screen(&mut program, 60, 16));
    let mut ascii = taken(Theme { ascii: true, ..DARK });
    assert_snapshot!("inventory_ascii_80", screen(&mut ascii, 80, 24));
    press(&mut program, KeyCode::Enter);
    assert_snapshot!("inventory_entry_80", screen(&mut program, 80, 24));
    let effects = types(&mut program, "c");
    let [Effect::Terminal(TerminalEffect::Copy(text))] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(text.starts_with("AWS-prod (prod)\nverdict: blocked"), "{text}");
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Inventory");
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Home");
}

#[test]
fn a_filter_takes_any_word_of_an_entry() {
    let mut program = taken(DARK);
    types(&mut program, "/blocked");
    let filtered = screen(&mut program, 80, 24);
    assert!(filtered.contains("AWS-prod") && !filtered.contains("AWS-dev"), "{filtered}");
    press(&mut program, KeyCode::Esc);
    types(&mut program, "/former colleague");
    press(&mut program, KeyCode::Enter);
    assert!(screen(&mut program, 80, 24).contains("idle key"));
    press(&mut program, KeyCode::Esc);
    types(&mut program, "/nothing-like-that");
    assert!(screen(&mut program, 80, 24).contains("No entry holds these words."));
}

#[test]
fn the_whole_is_copied_as_text() {
    let mut program = taken(DARK);
    let effects = types(&mut program, "c");
    let [Effect::Terminal(TerminalEffect::Copy(text))] = effects.as_slice() else { panic!("{effects:?}") };
    let whole =
        ["AWS-legacy-of-the-data-team (in payments)", "former-colleague", "is denied", "no sign-in reaches"];
    for part in whole {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn looking_failing_and_all_projects_say_so() {
    let mut program = looked(DARK, &names(3), &[Stand::Proven]);
    types(&mut program, "r");
    assert_snapshot!("inventory_looking_80", screen(&mut program, 80, 24));
    program.update(Msg::Inventory { everywhere: false, result: Err(Failure::new(Code::DevopsTokenMissing)) });
    assert!(screen(&mut program, 80, 24).contains("KL-DEVOPS-TOKEN-MISSING"));
    let effects = types(&mut program, "a");
    assert!(matches!(effects.as_slice(), [Effect::TakeInventory { everywhere: true }]), "{effects:?}");
    // An answer to what was asked before is too late.
    program.update(Msg::Inventory { everywhere: false, result: Ok(Box::new(inventory())) });
    assert!(!screen(&mut program, 80, 24).contains("AWS-dev"));
    program.update(Msg::Inventory { everywhere: true, result: Ok(Box::default()) });
    assert!(screen(&mut program, 80, 24).contains("No AWS connection can be seen"));
    let ending = Ending { outcome: Outcome::Done, failures: Vec::new(), leftovers: Vec::new() };
    let effects = program.update(Msg::Ended { job: Job::Command(1), result: Ok(ending) });
    let again = |effect: &Effect| matches!(effect, Effect::TakeInventory { everywhere: true });
    assert!(effects.iter().any(again), "{effects:?}");
}

#[test]
fn the_palette_leads_to_the_inventory() {
    let mut program = looked(DARK, &names(3), &[Stand::Proven]);
    types(&mut program, ":access keys of");
    let effects = press(&mut program, KeyCode::Enter);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::TakeInventory { .. })), "{effects:?}");
    assert_eq!(program.screen(), "Inventory");
}
