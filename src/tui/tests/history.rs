//! History: the journal's runs.

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::draw::{press, screen, types};
use super::seen::{DARK, Stand, looked, names};
use crate::domain::failure::{Code, Failure};
use crate::tui::msg::{Effect, Msg, Past};

fn past(at: &str, run: &str, step: Option<&str>, what: &str, ended: &str, failed: bool) -> Past {
    Past {
        at: at.to_owned(),
        run: run.to_owned(),
        command: if run == "b" { "teardown" } else { "setup" }.to_owned(),
        step: step.map(|step| step.parse().unwrap()),
        what: what.to_owned(),
        ended: ended.to_owned(),
        failed,
    }
}

fn runs() -> Vec<Past> {
    let role = Some("role:111122223333/AzureDevOpsDevRole");
    let mut all = vec![
        past("2026-11-20T09:00:00Z", "a", None, "keyless setup", "", false),
        past(
            "2026-11-20T09:00:04Z",
            "a",
            Some("provider:111122223333"),
            "CreateOpenIDConnectProvider",
            "done",
            false,
        ),
        past("2026-11-20T09:00:05Z", "a", role, "CreateRole AzureDevOpsDevRole", "done", false),
        past("2026-11-20T09:00:06Z", "a", role, "PutRolePolicy AzureDevOpsDevRole", "", true),
        past("2026-11-21T19:02:10Z", "b", None, "keyless teardown", "", false),
        past(
            "2026-11-21T19:02:12Z",
            "b",
            role,
            "DeleteRole AzureDevOpsDevRole",
            "KL-AWS-DENIED: AWS denied it",
            true,
        ),
        past("2026-11-21T20:00:00Z", "c", None, "keyless setup", "", false),
    ];
    all.reverse();
    all
}

#[test]
fn runs_open_close_and_are_filtered() {
    let mut program = looked(DARK, &names(3), &[Stand::Proven]);
    assert!(matches!(types(&mut program, "H").as_slice(), [Effect::ReadHistory]));
    assert!(screen(&mut program, 80, 24).contains("Reading the journal"));
    program.update(Msg::History(Ok(runs())));
    press(&mut program, KeyCode::Down);
    press(&mut program, KeyCode::Enter);
    press(&mut program, KeyCode::End);
    press(&mut program, KeyCode::Enter);
    assert_snapshot!("history_80", screen(&mut program, 80, 24));
    assert_snapshot!("history_120", screen(&mut program, 120, 40));
    types(&mut program, "/putrole");
    assert_snapshot!("history_filter_80", screen(&mut program, 80, 24));
    press(&mut program, KeyCode::Esc);
    press(&mut program, KeyCode::Home);
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Home");
}

#[test]
fn an_empty_and_an_unreadable_journal_say_so() {
    let mut program = looked(DARK, &names(3), &[Stand::Proven]);
    types(&mut program, "H");
    program.update(Msg::History(Ok(Vec::new())));
    assert!(screen(&mut program, 80, 24).contains("keyless has changed nothing yet"));
    let failure = Failure::new(Code::JournalBroken).with("file", "journal.jsonl").with("cause", "denied");
    program.update(Msg::History(Err(failure)));
    assert_snapshot!("history_failed_80", screen(&mut program, 80, 24));
}
