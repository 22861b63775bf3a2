//! Detail: objects, differences, calls, pages, and what is copied.

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::draw::{press, screen, types};
use super::seen::{DARK, Stand, looked, names, open, opened};
use crate::tui::msg::{Call, Effect, Msg, TerminalEffect};
use crate::tui::program::Program;
use crate::tui::theme::{Palette, Theme};

fn calls() -> Msg {
    let call = |service: &str, what: &str, object: &str, account: &str, status, id: &str| Call {
        at: super::seen::NOW,
        service: service.to_owned(),
        what: what.to_owned(),
        object: object.to_owned(),
        account: account.to_owned(),
        status,
        request_id: id.to_owned(),
    };
    Msg::Calls(vec![
        call(
            "IAM",
            "GetRole",
            "AzureDevOps-prod",
            "333333333333",
            200,
            "6e1a8c1e-0000-4000-8000-000000000001",
        ),
        call(
            "IAM",
            "GetRole",
            "AzureDevOps-dev",
            "111111111111",
            200,
            "6e1a8c1e-0000-4000-8000-000000000002",
        ),
        call("Azure DevOps", "GET serviceendpoint/endpoints", "contoso/payments", "", 203, ""),
        call("STS", "GetCallerIdentity", "", "333333333333", 0, ""),
    ])
}

/// The detail of a link of the third environment, reached by keys.
fn detail(program: &mut Program, link: usize) {
    screen(program, 80, 24);
    press(program, KeyCode::End);
    press(program, KeyCode::Enter);
    press(program, KeyCode::Home);
    (0..link).for_each(|_| drop(press(program, KeyCode::Down)));
    press(program, KeyCode::Enter);
    program.update(calls());
}

const STANDS: [Stand; 3] = [Stand::Proven, Stand::Open, Stand::Failed];

#[test]
fn a_trust_that_differs() {
    let mut program = looked(DARK, &names(3), &STANDS);
    detail(&mut program, 4);
    assert_snapshot!("detail_trust_80", screen(&mut program, 80, 24));
    assert_snapshot!("detail_trust_120", screen(&mut program, 120, 60));
    assert_snapshot!("detail_trust_60", screen(&mut program, 60, 16));
}

#[test]
fn other_links() {
    let mut program = looked(DARK, &names(3), &STANDS);
    detail(&mut program, 1);
    assert_snapshot!("detail_connection_80", screen(&mut program, 80, 40));
    press(&mut program, KeyCode::Left);
    assert_snapshot!("detail_sign_in_80", screen(&mut program, 80, 24));
    press(&mut program, KeyCode::Left);
    assert_snapshot!("detail_handshake_80", screen(&mut program, 80, 24));
}

#[test]
fn pages_of_real_clouds_are_named() {
    let names = names(3);
    let federation = super::seen::federation(&names);
    let (mut program, _) = super::seen::begin(DARK, None);
    let mut opened = opened(Some(federation.clone()));
    opened.practice = None;
    program.update(Msg::Opened(Ok(Box::new(opened))));
    super::seen::look(&mut program, &federation, "prod", Stand::Failed);
    detail(&mut program, 4);
    let text = screen(&mut program, 120, 60);
    let role =
        "https://console.aws.amazon.com/iam/home#/roles/details/AzureDevOps-prod?section=trust_relationships";
    assert!(text.contains(role), "{text}");
    (0..3).for_each(|_| drop(press(&mut program, KeyCode::Left)));
    let text = screen(&mut program, 160, 60);
    let page = "https://dev.azure.com/contoso/payments/_settings/adminservices?resourceId=b7d0f1c2-3e4f-4a5b-8c6d-7e8f90a1b2c3";
    assert!(text.contains(page), "{text}");
}

#[test]
fn a_value_is_copied_whole() {
    let mut program = looked(DARK, &names(3), &STANDS);
    detail(&mut program, 4);
    screen(&mut program, 60, 16);
    let effects = types(&mut program, "c");
    let copied = |effects: &[Effect]| match effects {
        [Effect::Terminal(TerminalEffect::Copy(text))] => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(copied(&effects), "arn:aws:iam::333333333333:role/AzureDevOps-prod");
    for value in
        ["api://AzureADTokenExchange", "sc://contoso/payments/aws-prod", "sc://contoso/payments/AWS-prod"]
    {
        press(&mut program, KeyCode::Down);
        assert_eq!(copied(&types(&mut program, "c")), value);
    }
    press(&mut program, KeyCode::End);
    assert_eq!(copied(&types(&mut program, "c")), "6e1a8c1e-0000-4000-8000-000000000001");
    let (mut seen, mut last) = (Vec::new(), String::new());
    for _ in 0..60 {
        press(&mut program, KeyCode::Up);
        last = copied(&types(&mut program, "c"));
        seen.push(last.clone());
    }
    assert_eq!(last, "arn:aws:iam::333333333333:role/AzureDevOps-prod");
    let document = seen.iter().find(|text| text.starts_with('{')).unwrap();
    let policy: serde_json::Value = serde_json::from_str(document).unwrap();
    assert_eq!(policy["Statement"][0]["Effect"], "Allow");
}

#[test]
fn before_the_first_look_and_in_ascii() {
    let mut program = open(DARK, &names(3));
    detail(&mut program, 2);
    assert_snapshot!("detail_unseen_80", screen(&mut program, 80, 24));
    let mono = Theme { palette: Palette::Mono, ascii: true };
    let mut program = looked(mono, &names(3), &STANDS);
    detail(&mut program, 4);
    let text = screen(&mut program, 80, 60);
    assert!(text.is_ascii(), "{text}");
}
