//! The trust matrix: who can become what, why, filtered, scrolled, read anew; also with 500 environments.

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::draw::{press, screen, types};
use super::seen::{DARK, Stand, looked, names, wait};
use crate::domain::diagnose::matrix::{Caller, Cell, Claims, Column, Matrix, Reach, Row, Trust, User};
use crate::domain::failure::{Code, Failure};
use crate::domain::finding::Finding;
use crate::domain::policy::Document;
use crate::plan::event::Outcome;
use crate::tui::msg::{Effect, Ending, Job, Mapping, Msg, TerminalEffect};
use crate::tui::program::Program;
use crate::tui::theme::{Palette, Theme};

const HOST: &str = "vstoken.dev.azure.com/3f0c4a52-9d4e-4d0b-8a51-1b2c3d4e5f60";
const AUDIENCE: &str = "api://AzureADTokenExchange";
const ACCOUNT: &str = "111122223333";

fn claims() -> Claims {
    Claims { issuer_host_path: HOST.to_owned(), audience: AUDIENCE.to_owned() }
}

fn token(connection: &str, environment: Option<&str>) -> Row {
    Row {
        connection: connection.to_owned(),
        environment: environment.map(|name| name.parse().unwrap()),
        names: String::new(),
        caller: Caller::Token { subject: Some(format!("sc://contoso/payments/{connection}")) },
    }
}

fn keys(connection: &str, environment: Option<&str>, user: Option<User>) -> Row {
    let caller = Caller::Keys { access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(), user };
    Row { caller, ..token(connection, environment) }
}

fn admits(operator: &str, subject: &str) -> Value {
    let mut conditions = json!({"StringEquals": {format!("{HOST}:aud"): AUDIENCE}});
    conditions[operator][format!("{HOST}:sub")] = json!(subject);
    json!({
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": conditions,
    })
}

fn column(name: &str, environment: Option<&str>, trust: Trust) -> Column {
    Column {
        role: format!("arn:aws:iam::{ACCOUNT}:role/{name}").parse().unwrap(),
        environment: environment.map(|name| name.parse().unwrap()),
        trust,
    }
}

fn read(statements: Value) -> Trust {
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    Trust::Read(Document::parse(&text).unwrap())
}

/// dev as it should be, staging trusting another spelling, prod open to all of the project and to the users of its account.
fn three() -> Matrix {
    let users = json!({"Sid": "Users", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")},
        "Action": "sts:AssumeRole"});
    let office = json!({"Sid": "Office", "Effect": "Deny", "Principal": "*", "Action": "sts:*",
        "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}});
    let prod: crate::domain::arn::RoleArn = format!("arn:aws:iam::{ACCOUNT}:role/ProdRole").parse().unwrap();
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/deploy");
    let user = User { arn, may_assume: [(prod, Ok(true))].into() };
    let rows = vec![
        token("AWS-Dev", Some("dev")),
        token("AWS-Staging", Some("staging")),
        token("AWS-Prod", Some("prod")),
        keys("AWS-Prod", Some("prod"), None),
        token("AWS-Sandbox", None),
        keys("AWS-Sandbox", None, Some(user)),
    ];
    let columns = vec![
        column(
            "DevRole",
            Some("dev"),
            read(json!([admits("StringEquals", "sc://contoso/payments/AWS-Dev")])),
        ),
        column(
            "StagingRole",
            Some("staging"),
            read(json!([admits("StringEquals", "sc://contoso/payments/aws-staging")])),
        ),
        column(
            "ProdRole",
            Some("prod"),
            read(json!([admits("StringLike", "sc://contoso/payments/*"), users])),
        ),
        column(
            "AuditRole",
            None,
            read(json!([admits("StringEquals", "sc://contoso/payments/AWS-Sandbox"), office])),
        ),
    ];
    Matrix::new(rows, columns, &claims())
}

fn mapped(program: &mut Program, matrix: Matrix) -> Vec<Effect> {
    let federation = "contoso/payments".to_owned();
    let mapping = Mapping { federation, matrix, failed: Vec::new(), incomplete: Vec::new() };
    program.update(Msg::Mapped(Ok(Box::new(mapping))))
}

fn opened(theme: Theme) -> Program {
    let mut program = looked(theme, &names(3), &[Stand::Proven]);
    assert!(matches!(types(&mut program, "d").as_slice(), [Effect::Examine]));
    assert!(matches!(types(&mut program, "m").as_slice(), [Effect::Map]));
    assert_eq!(program.screen(), "Trust matrix");
    program
}

fn shown(theme: Theme) -> Program {
    let mut program = opened(theme);
    assert!(mapped(&mut program, three()).is_empty(), "nothing more is wanted");
    program
}

#[test]
fn every_connection_is_held_against_every_role() {
    let mut program = shown(DARK);
    assert_snapshot!("matrix_80", screen(&mut program, 80, 24));
    assert_snapshot!("matrix_120", screen(&mut program, 120, 40));
    assert_snapshot!("matrix_60", screen(&mut program, 60, 16));
    let mut ascii = shown(Theme { palette: Palette::Mono, ascii: true });
    let text = screen(&mut ascii, 80, 24);
    assert!(text.is_ascii(), "{text}");
    assert_snapshot!("matrix_ascii_80", text);
}

#[test]
fn the_chosen_cell_says_why_and_can_be_copied() {
    let mut program = shown(DARK);
    // The next after the last is the first again.
    for _ in 0..4 {
        types(&mut program, "n");
        let text = screen(&mut program, 80, 24);
        assert!(text.contains("✗ OPEN: AWS-") && text.contains("becomes this role, and should"), "{text}");
    }
    // A spelling that differs: both values, and the nearest.
    types(&mut program, "/staging no");
    press(&mut program, KeyCode::Enter);
    let text = screen(&mut program, 120, 40);
    assert!(text.contains("comes nearest") && text.contains("only upper and lower case differ"), "{text}");
    assert!(text.contains("StringEquals") && text.contains("/aws-staging"), "{text}");
    press(&mut program, KeyCode::Enter);
    assert_eq!(program.screen(), "Reach");
    assert_snapshot!("matrix_reach_80", screen(&mut program, 80, 24));
    let effects = types(&mut program, "c");
    let [Effect::Terminal(TerminalEffect::Copy(text))] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(text.contains("sub sc://contoso/payments/AWS-Staging, aud api://"), "{text}");
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Trust matrix");
    press(&mut program, KeyCode::Esc);
    assert!(!screen(&mut program, 80, 24).contains("/ staging"), "esc clears the filter first");
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Doctor");
}

#[test]
fn what_nobody_can_tell_offline_is_no_reach_and_no_denial() {
    let mut program = shown(DARK);
    types(&mut program, "/auditrole unknown");
    press(&mut program, KeyCode::Enter);
    let text = screen(&mut program, 120, 40);
    assert!(text.contains("? unknown") && text.contains("aws:SourceIp"), "{text}");
    press(&mut program, KeyCode::Esc);
    types(&mut program, "/akia prod");
    let text = screen(&mut program, 120, 40);
    assert!(text.contains("key") && text.contains("by the static key AKIAIOSFODNN7EXAMPLE"), "{text}");
    types(&mut program, " no such words");
    assert!(screen(&mut program, 80, 24).contains("No connection, role or reach holds these words."));
}

#[test]
fn reading_failing_and_nothing_say_so() {
    let mut program = opened(DARK);
    wait(&mut program, 7);
    assert_snapshot!("matrix_reading_80", screen(&mut program, 80, 24));
    assert!(types(&mut program, "R").is_empty(), "it is being read");
    program.update(Msg::Mapped(Err(Failure::new(Code::DevopsTokenMissing))));
    assert_snapshot!("matrix_failed_80", screen(&mut program, 80, 24));
    assert!(matches!(types(&mut program, "R").as_slice(), [Effect::Map]));
    mapped(&mut program, Matrix::new(Vec::new(), Vec::new(), &claims()));
    assert!(screen(&mut program, 80, 24).contains("The project has no AWS connection"));
    types(&mut program, "R");
    let dev = "dev".parse().unwrap();
    let failed = vec![Finding::failed(Some(&dev), &Failure::new(Code::AwsSignIn))];
    let unread = vec![column("DevRole", Some("dev"), Trust::Unread("KL-AWS-SIGN-IN".to_owned()))];
    let matrix = Matrix::new(vec![token("AWS-Dev", Some("dev"))], unread, &claims());
    let incomplete = vec![ACCOUNT.to_owned()];
    let mapping = Mapping { federation: String::new(), matrix, failed, incomplete };
    program.update(Msg::Mapped(Ok(Box::new(mapping))));
    let text = screen(&mut program, 120, 40);
    assert!(text.contains("were looked at in: 111122223333; dev: "), "{text}");
    assert!(text.contains("? unknown") && text.contains("KL-AWS-SIGN-IN"), "{text}");
    // After a run trusts may be others.
    let ending = Ending { outcome: Outcome::Done, failures: Vec::new(), leftovers: Vec::new() };
    let effects = program.update(Msg::Ended { job: Job::Command(9), result: Ok(ending) });
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Map)), "{effects:?}");
}

#[test]
fn a_matrix_is_recorded_and_played_again() {
    let matrix = three();
    let mapping = Mapping { federation: String::new(), matrix, failed: Vec::new(), incomplete: Vec::new() };
    let text = serde_json::to_string(&Msg::Mapped(Ok(Box::new(mapping)))).unwrap();
    let Msg::Mapped(Ok(again)) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
    assert_eq!(again.matrix, three());
}

#[test]
fn the_palette_leads_there_and_a_click_chooses() {
    let mut program = looked(DARK, &names(3), &[Stand::Proven]);
    types(&mut program, ":");
    types(&mut program, "trust matrix");
    assert!(matches!(press(&mut program, KeyCode::Enter).as_slice(), [Effect::Map]));
    mapped(&mut program, three());
    types(&mut program, "?");
    assert!(screen(&mut program, 80, 24).contains("Who can become what"));
    press(&mut program, KeyCode::Esc);
    let text = screen(&mut program, 80, 24);
    let row = text.lines().position(|line| line.contains("AWS-Staging")).unwrap();
    let line = text.lines().nth(row).unwrap();
    let column = line.find("no").unwrap();
    let column = line[..column].chars().count();
    let at = |n: usize| u16::try_from(n).unwrap();
    use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let kind = MouseEventKind::Down(MouseButton::Left);
    let event = MouseEvent { kind, column: at(column), row: at(row), modifiers: KeyModifiers::NONE };
    program.update(Msg::Input(Event::Mouse(event)));
    assert!(screen(&mut program, 80, 24).contains("AWS-Staging does not become this role, and should"));
    program.update(Msg::Input(Event::Mouse(event)));
    assert_eq!(program.screen(), "Reach");
    press(&mut program, KeyCode::Esc);
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Home");
}

/// 500 environments; the last one's role also trusts the first one's connection.
fn many() -> Matrix {
    let names = names(500);
    let column = |name: &String| {
        let own = admits("StringEquals", &format!("sc://contoso/payments/AWS-{name}"));
        let statements = match name.as_str() {
            "team-500" => json!([own, admits("StringEquals", "sc://contoso/payments/AWS-team-001")]),
            _ => json!([own]),
        };
        column(&format!("AzureDevOps-{name}"), Some(name), read(statements))
    };
    // Decided here: that the rules decide so is tested with them, and takes long for 250000 cells.
    let cell = |row: usize, column: usize| Cell {
        reach: match (row, column) {
            (0, 499) => Reach::Yes { statement: "2".to_owned() },
            _ if row == column => Reach::Yes { statement: "1".to_owned() },
            _ => Reach::No { statement: Some("1".to_owned()), why: "its sub is another".to_owned() },
        },
        expected: row == column,
    };
    Matrix {
        rows: names.iter().map(|name| token(&format!("AWS-{name}"), Some(name))).collect(),
        columns: names.iter().map(column).collect(),
        cells: (0..500).map(|row| (0..500).map(|column| cell(row, column)).collect()).collect(),
        claims: claims(),
    }
}

#[test]
fn five_hundred_environments_scroll_and_filter() {
    let mut program = opened(DARK);
    mapped(&mut program, many());
    let first = screen(&mut program, 80, 24);
    assert!(first.contains("1 OPEN, 500 rows, 500 roles"), "{first}");
    let lines: Vec<&str> = first.lines().collect();
    assert!(lines[3].starts_with(" ! AWS-team-001"), "the worst comes first: {first}");
    assert!(
        lines[3].contains("✗ OPEN") && lines[2].contains("< 495 more"),
        "the worst cell is chosen: {first}"
    );
    // To the first role, then to the far corner.
    for _ in 0..600 {
        press(&mut program, KeyCode::Left);
    }
    let left = screen(&mut program, 80, 24);
    assert!(left.lines().nth(2).unwrap().contains("495 more >") && left.contains("✓ yes"), "{left}");
    press(&mut program, KeyCode::End);
    for _ in 0..600 {
        press(&mut program, KeyCode::Right);
    }
    let last = screen(&mut program, 80, 24);
    assert!(
        last.contains("team-500") && last.contains("AWS-team-500 becomes this role, as it should"),
        "{last}"
    );
    let head = last.lines().nth(2).unwrap();
    assert!(head.contains("< 4") && head.contains("more") && !head.contains("team-001"), "{last}");
    types(&mut program, "n");
    let open = screen(&mut program, 80, 24);
    assert!(open.contains("AWS-team-001 becomes this role, and should not"), "{open}");
    assert!(open.contains("statement 2 (Allow) lets it in"), "{open}");
    // What is found is shown with what it joins, and nothing else.
    types(&mut program, "/team-500");
    let found = screen(&mut program, 80, 24);
    let rows = found.lines().filter(|line| line.contains(" token ")).count();
    assert_eq!(rows, 2, "{found}");
    assert!(found.contains("✗ OPEN") && found.contains("✓ yes"), "{found}");
    press(&mut program, KeyCode::Esc);
    types(&mut program, "/open");
    let found = screen(&mut program, 80, 24);
    assert_eq!(found.lines().filter(|line| line.contains(" token ")).count(), 1, "{found}");
    for (width, height) in [(60, 16), (200, 50)] {
        assert!(screen(&mut program, width, height).contains("OPEN"));
    }
    press(&mut program, KeyCode::Esc);
    press(&mut program, KeyCode::PageDown);
    let page = screen(&mut program, 80, 24);
    assert!(page.lines().filter(|line| line.contains(" token ")).count() >= 8, "{page}");
}
