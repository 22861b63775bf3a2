//! The doctor: findings, the chosen one in full, and the keys that heal it.

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::draw::{press, screen, types};
use super::seen::{DARK, Stand, looked, names};
use crate::domain::failure::{Code, Failure};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::plan::event::Outcome;
use crate::tui::msg::{Command, Effect, Ending, Examination, Job, Msg, TerminalEffect};
use crate::tui::theme::Theme;

fn findings() -> Vec<Finding> {
    let dev: EnvironmentName = "dev".parse().unwrap();
    let prod: EnvironmentName = "prod".parse().unwrap();
    let role = StepKey::new(Kind::Role, "111122223333/AzureDevOpsDevRole");
    vec![
        Finding::failed(None, &Failure::new(Code::ToolkitTooOld).with("needed", "1.15.0 or newer")),
        Finding::about(&dev, FindingCode::TrustSubCase)
            .with("role", "arn:aws:iam::111122223333:role/AzureDevOpsDevRole")
            .with("statement", "1")
            .differs("sc://contoso/payments/aws-dev", "sc://contoso/payments/AWS-Dev")
            .healed_by(&role),
        Finding::about(&prod, FindingCode::ConnectionDisabled).with("connection", "AWS-Prod"),
    ]
}

fn examined(theme: Theme, findings: Vec<Finding>) -> crate::tui::program::Program {
    let mut program = looked(theme, &names(3), &[Stand::Failed]);
    assert!(matches!(types(&mut program, "d").as_slice(), [Effect::Examine]));
    program.update(Msg::Examined(Ok(Box::new(Examination { findings, header: None }))));
    program
}

#[test]
fn findings_are_listed_and_the_chosen_one_is_told_in_full() {
    let mut program = examined(DARK, findings());
    press(&mut program, KeyCode::Down);
    assert_snapshot!("doctor_80", screen(&mut program, 80, 24));
    assert_snapshot!("doctor_120", screen(&mut program, 120, 40));
    assert_snapshot!("doctor_60", screen(&mut program, 60, 16));
    let mut ascii = examined(Theme { ascii: true, ..DARK }, findings());
    press(&mut ascii, KeyCode::Down);
    assert_snapshot!("doctor_ascii_80", screen(&mut ascii, 80, 24));
    types(&mut program, "e");
    let page = screen(&mut program, 80, 24);
    assert!(page.contains("KL-TRUST-SUB-CASE"), "{page}");
    press(&mut program, KeyCode::Esc);
    types(&mut program, "/disabled");
    let filtered = screen(&mut program, 80, 24);
    assert!(filtered.contains("KL-CONNECTION-DISABLED") && !filtered.contains("KL-TRUST"), "{filtered}");
}

#[test]
fn healing_is_planned_and_reviewed_and_then_looked_at_again() {
    let mut program = examined(DARK, findings());
    types(&mut program, "f");
    assert!(screen(&mut program, 80, 24).contains("not healed by keyless: "));
    press(&mut program, KeyCode::Down);
    let effects = types(&mut program, "f");
    let [Effect::Prepare { job, command: Command::Heal(Some(step)), environments }] = effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert_eq!(environments, &["dev".parse().unwrap()]);
    assert_eq!(step.to_string(), "role:111122223333/AzureDevOpsDevRole");
    assert_eq!(*job, Job::Command(1));
    assert_eq!(program.screen(), "Review");
    let ending = Ending { outcome: Outcome::Done, failures: Vec::new(), leftovers: Vec::new() };
    let effects = program.update(Msg::Ended { job: *job, result: Ok(ending) });
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Examine)), "{effects:?}");
}

#[test]
fn a_report_is_copied_without_being_shown() {
    let mut program = examined(DARK, findings());
    let effects = types(&mut program, "c");
    let [Effect::Terminal(TerminalEffect::Copy(text))] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(text.contains("KL-TRUST-SUB-CASE dev:"), "{text}");
    assert!(screen(&mut program, 80, 24).contains("a report of 3 findings"));
}

#[test]
fn nothing_found_and_nothing_seen_say_so() {
    let mut program = looked(DARK, &names(3), &[Stand::Proven]);
    types(&mut program, "d");
    assert_snapshot!("doctor_looking_80", screen(&mut program, 80, 24));
    program.update(Msg::Examined(Ok(Box::new(Examination { findings: Vec::new(), header: None }))));
    assert_snapshot!("doctor_healthy_80", screen(&mut program, 80, 24));
    assert!(matches!(types(&mut program, "R").as_slice(), [Effect::Examine]));
    program.update(Msg::Examined(Err(Failure::new(Code::AnswersMissing))));
    assert!(screen(&mut program, 80, 24).contains("KL-ANSWERS-MISSING"));
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Home");
}
