//! Run: progress, stopping, and the end.

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::draw::{press, screen, types};
use super::plans::*;
use crate::plan::change::Plan;
use crate::plan::event::Outcome;
use crate::tui::msg::{Effect, Ending, Job, Msg};
use crate::tui::program::Program;
use crate::tui::theme::{Palette, Theme};

/// A program that carries out a plan.
fn going(theme: Theme, names: &[String], plan: &Plan) -> (Program, Job) {
    let (mut program, job) = reviewed(theme, names, plan);
    types(&mut program, "a");
    while program.screen() == "Review" {
        press(&mut program, KeyCode::Enter);
    }
    (program, job)
}

fn tells(program: &mut Program, job: Job, events: &[Value]) {
    for value in events {
        tell(program, job, event(value.clone()));
    }
}

fn start(step: &str) -> Value {
    json!({"type": "step.started", "step": step, "applying": true})
}

fn finish(step: &str, outcome: Value) -> Value {
    let mut value = json!({"type": "step.finished", "step": step});
    value.as_object_mut().unwrap().extend(outcome.as_object().unwrap().clone());
    value
}

fn done(step: &str) -> Value {
    finish(step, json!({"outcome": "applied"}))
}

fn ok(environment: &str, link: &str, detail: &str) -> Value {
    json!({"environment": environment, "link": link, "state": "ok", "detail": detail})
}

fn at(program: &mut Program, seconds: i64) {
    program.update(Msg::Now((NOW + seconds) * 1000));
}

/// The middle of a run: dev is far, staging waits, prod failed.
fn middle(program: &mut Program, job: Job) {
    let kept = json!({"outcome": "kept"});
    tells(
        program,
        job,
        &[
            start("extension:AmazonWebServices.aws-vsts-tools"),
            finish("extension:AmazonWebServices.aws-vsts-tools", kept.clone()),
            start("sign-in:dev"),
            start("sign-in:staging"),
            start("sign-in:prod"),
            json!({"type": "step.observed", "step": "sign-in:dev", "links": [ok("dev", "sign-in", "account 111122223333")], "findings": [], "handshakes": []}),
            finish("sign-in:dev", kept.clone()),
            finish("sign-in:staging", kept),
            finish(
                "sign-in:prod",
                json!({"outcome": "failed", "failure": wrong_account("prod", "333366669999")}),
            ),
            finish("provider:333366669999", json!({"outcome": "will_not_run", "because": "sign-in:prod"})),
            start("provider:111122223333"),
            json!({"type": "step.wrote", "step": "provider:111122223333", "operation": "iam:CreateOpenIDConnectProvider", "object": "vstoken.dev.azure.com"}),
            json!({"type": "step.observed", "step": "provider:111122223333", "links": [ok("dev", "provider", "vstoken.dev.azure.com")], "findings": [], "handshakes": []}),
            done("provider:111122223333"),
        ],
    );
    at(program, 9);
    tells(
        program,
        job,
        &[
            start("repository:keyless-verification"),
            json!({"type": "step.progress", "step": "repository:keyless-verification", "message": "its first branch is pushed", "attempt": 1}),
            start("role:111122223333/AzureDevOps-dev"),
            start("connection:AWS-staging"),
            json!({"type": "step.progress", "step": "connection:AWS-staging", "message": "Azure DevOps makes it ready", "attempt": 4}),
        ],
    );
    at(program, 14);
}

fn end(program: &mut Program, job: Job, names: &[String], outcome: Outcome, waiting: &[&str]) {
    for name in names.iter().filter(|name| *name != "prod") {
        let arn = format!("arn:aws:sts::111122223333:assumed-role/AzureDevOps-{name}/keyless-{name}");
        let run = "https://dev.azure.com/contoso/payments/_build/results?buildId=1842";
        let proof = json!({"environment": name, "verdict": "proven", "identity": arn, "at": "2026-11-21T20:14:31Z", "run": run});
        tells(
            program,
            job,
            &[json!({"type": "step.observed", "step": "handshake:shared",
            "links": [ok(name, "handshake", "proven")], "findings": [], "handshakes": [proof]})],
        );
    }
    at(program, 62);
    let word = serde_json::to_value(outcome).unwrap();
    tells(
        program,
        job,
        &[json!({"type": "run.finished", "outcome": word, "writes": 14, "proven": [], "open": [],
        "mismatch": [], "unknown": [], "failed": [], "waiting_for": waiting, "leftovers": []})],
    );
    let ending = Ending { outcome, failures: Vec::new(), leftovers: Vec::new() };
    program.update(Msg::Ended { job, result: Ok(ending) });
}

#[test]
fn three_environments_go_on() {
    let names = names(3);
    let (mut program, job) = going(DARK, &names, &plan(&names));
    assert_snapshot!("run_begun_80", screen(&mut program, 80, 24));
    middle(&mut program, job);
    assert_snapshot!("run_three_80", screen(&mut program, 80, 24));
    assert_snapshot!("run_three_120", screen(&mut program, 120, 40));
    assert_snapshot!("run_three_60", screen(&mut program, 60, 16));
    press(&mut program, KeyCode::Right);
    press(&mut program, KeyCode::Right);
    press(&mut program, KeyCode::Enter);
    assert_snapshot!("run_steps_80", screen(&mut program, 80, 24));
}

#[test]
fn ctrl_c_stops_between_writes_and_then_at_once() {
    let names = names(3);
    let (mut program, job) = going(DARK, &names, &plan(&names));
    middle(&mut program, job);
    let ctrl_c = || Msg::Input(Input::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    let effects = program.update(ctrl_c());
    assert!(matches!(effects.as_slice(), [Effect::Stop(other)] if *other == job));
    at(&mut program, 30);
    assert_snapshot!("run_stopping_80", screen(&mut program, 80, 24));
    let effects = program.update(ctrl_c());
    assert!(matches!(effects.as_slice(), [Effect::Drop(other)] if *other == job));
    assert!(program.update(ctrl_c()).is_empty() && !program.is_over());
    assert!(screen(&mut program, 80, 24).contains("Dropped."));
}

#[test]
fn many_environments_scroll() {
    for (count, size, name) in [(40, (80, 24), "run_forty_80"), (500, (120, 40), "run_five_hundred_120")] {
        let names = names(count);
        let (mut program, job) = going(DARK, &names, &plan(&names));
        tells(&mut program, job, &[start("sign-in:team-002"), start("sign-in:team-003")]);
        tells(
            &mut program,
            job,
            &[finish(
                "sign-in:team-003",
                json!({"outcome": "failed", "failure": wrong_account("team-003", "333366669999")}),
            )],
        );
        at(&mut program, 4);
        assert_snapshot!(name, screen(&mut program, size.0, size.1));
        types(&mut program, "ff");
        assert!(screen(&mut program, 80, 24).contains("team-003"));
        assert!(!screen(&mut program, 80, 24).contains("team-002"));
        types(&mut program, "ffff");
        press(&mut program, KeyCode::End);
        assert!(screen(&mut program, 80, 24).contains(&names[count - 1]));
    }
}

#[test]
fn the_end_sums_up() {
    let names = names(3);
    let (mut program, job) = going(DARK, &names, &plan(&names));
    middle(&mut program, job);
    end(&mut program, job, &names, Outcome::Failed, &[]);
    assert_snapshot!("run_failed_80", screen(&mut program, 80, 24));
    assert_snapshot!("run_failed_120", screen(&mut program, 120, 40));
    let effects = types(&mut program, "c");
    assert!(
        matches!(effects.as_slice(), [Effect::Terminal(crate::tui::msg::TerminalEffect::Copy(text))] if text.starts_with("arn:aws:sts"))
    );
    press(&mut program, KeyCode::Tab);
    assert_snapshot!("run_after_80", screen(&mut program, 80, 24));
    press(&mut program, KeyCode::Tab);
    let effects = types(&mut program, "r");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Prepare { .. })));
    assert_eq!(program.screen(), "Review");
}

#[test]
fn what_waits_names_how_it_goes_on() {
    let names = names(3);
    let (mut program, job) = going(DARK, &names, &plan(&names));
    let waits =
        ["prod is protected: --confirm prod", "handshake: an approval of connection AWS-staging is awaited"];
    end(&mut program, job, &names, Outcome::Waiting, &waits);
    assert_snapshot!("run_waiting_80", screen(&mut program, 80, 24));
    press(&mut program, KeyCode::Enter);
    assert_eq!(program.screen(), "Home");
}

#[test]
fn all_is_proven() {
    let names = vec!["dev".to_owned(), "staging".to_owned()];
    let (mut program, job) = going(DARK, &names, &plan(&names));
    end(&mut program, job, &names, Outcome::Done, &[]);
    assert_snapshot!("run_done_80", screen(&mut program, 80, 24));
}

#[test]
fn a_run_that_could_not_begin_says_why() {
    let names = names(1);
    let (mut program, job) = going(DARK, &names, &plan(&names));
    let failure = crate::domain::failure::Failure::new(crate::domain::failure::Code::JournalLocked);
    program.update(Msg::Ended { job, result: Err(failure) });
    assert_snapshot!("run_error_80", screen(&mut program, 80, 24));
}

#[test]
fn the_wizard_can_end_without_a_run() {
    let names = names(3);
    let (mut program, _) = reviewed_by_wizard(&names, &plan(&names));
    types(&mut program, "n");
    assert_eq!(program.screen(), "Question");
    types(&mut program, "y");
    assert_eq!(program.screen(), "Run");
    assert_snapshot!("run_none_80", screen(&mut program, 80, 24));
    press(&mut program, KeyCode::Enter);
    assert_eq!(program.screen(), "Home");
}

#[test]
fn a_run_is_found_again_from_home() {
    let names = names(3);
    let (mut program, _) = going(DARK, &names, &plan(&names));
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Home");
    command(&mut program, "Run: what");
    assert_eq!(program.screen(), "Run");
}

#[test]
fn without_colour_in_ascii() {
    let theme = Theme { palette: Palette::Mono, ascii: true };
    let names = names(3);
    let (mut program, job) = going(theme, &names, &plan(&names));
    middle(&mut program, job);
    let text = screen(&mut program, 80, 24);
    assert!(text.is_ascii(), "{text}");
    assert_snapshot!("run_ascii_80", text);
}

#[test]
fn after_the_wizards_run_the_same_answers_are_planned_again() {
    let names = names(3);
    let (mut program, generation) = reviewed_by_wizard(&names, &plan(&names));
    types(&mut program, "a");
    let mut effects = Vec::new();
    while program.screen() == "Review" {
        effects = press(&mut program, KeyCode::Enter);
    }
    let Some(Effect::Wizard(crate::wizard::Effect::Apply { generation: run, .. })) = effects.last() else {
        panic!("{effects:?}")
    };
    let run = *run;
    end(
        &mut program,
        Job::Wizard(generation),
        &names,
        Outcome::Waiting,
        &["prod is protected: --confirm prod"],
    );
    let ended = crate::wizard::Ended { stale: false, lines: Vec::new() };
    program.update(Msg::Wizard(crate::wizard::Msg::Ended { generation: run, ended }));
    assert_eq!(program.screen(), "Run");
    assert_snapshot!("run_wizard_120", screen(&mut program, 120, 40));
    let effects = types(&mut program, "r");
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Wizard(crate::wizard::Effect::MakePlan { .. })))
    );
    assert_eq!(program.screen(), "Review");
}

#[test]
fn nothing_moves_while_shared_steps_come_and_go() {
    let names = names(3);
    let (mut program, job) = going(DARK, &names, &plan(&names));
    let frame =
        |program: &mut Program| screen(program, 80, 24).lines().position(|line| line.contains(" dev "));
    let before = frame(&mut program);
    assert!(before.is_some());
    for step in [
        "extension:AmazonWebServices.aws-vsts-tools",
        "repository:keyless-verification",
        "pipeline:keyless-verification",
    ] {
        tells(&mut program, job, &[start(step)]);
        assert_eq!(frame(&mut program), before);
    }
    assert!(screen(&mut program, 80, 24).contains("and 1 more"));
}

#[test]
fn many_ends_begin_with_what_needs_a_person() {
    let names = names(40);
    let (mut program, job) = going(DARK, &names, &plan(&names));
    tells(
        &mut program,
        job,
        &[finish(
            "sign-in:team-007",
            json!({"outcome": "failed", "failure": wrong_account("team-007", "333366669999")}),
        )],
    );
    end(&mut program, job, &names[..39], Outcome::Failed, &[]);
    assert_snapshot!("run_many_ended_80", screen(&mut program, 80, 24));
}
