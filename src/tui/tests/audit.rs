//! The audit's screen: events with their runs, what is not known, and a filter.

use crossterm::event::KeyCode;

use super::draw::{press, screen, types};
use super::seen::{DARK, Stand, looked, names};
use crate::domain::audit::access::{Access, Audit, By, Deed};
use crate::domain::diagnose::trail::off;
use crate::domain::failure::{Code, Failure};
use crate::domain::inventory::Gap;
use crate::tui::msg::{Effect, Msg};

fn access(environment: &str, at: i64, error: Option<&str>, by: By) -> Access {
    Access {
        event: format!("event-{at}"),
        at,
        region: "us-east-1".to_owned(),
        environment: Some(environment.parse().unwrap()),
        role: format!("arn:aws:iam::111122223333:role/{environment}"),
        subject: Some(format!("sc://contoso/payments/AWS-{environment}")),
        connection: error.is_none().then(|| format!("AWS-{environment}")),
        session: Some(format!("keyless-{environment}")),
        source_address: Some("203.0.113.7".to_owned()),
        error: error.map(str::to_owned),
        by,
    }
}

fn audit() -> Audit {
    let deed = Deed {
        id: 42,
        number: "20261120.3".to_owned(),
        pipeline: "payments".to_owned(),
        branch: Some("refs/heads/main".to_owned()),
        commit: Some("0a1b2c3d".to_owned()),
        requested_by: Some("Ada Lovelace".to_owned()),
        reason: Some("individualCI".to_owned()),
        result: Some("succeeded".to_owned()),
        web_url: "https://dev.azure.com/contoso/payments/_build/results?buildId=42".to_owned(),
    };
    let why = "no connection of the project has this subject now".to_owned();
    Audit {
        federation: "contoso/payments".to_owned(),
        from: 1_763_000_000,
        until: 1_763_600_000,
        accesses: vec![
            access("prod", 1_763_590_000, None, By::Run(Box::new(deed))),
            access("dev", 1_763_580_000, Some("AccessDenied"), By::Nobody { why }),
            access("dev", 1_763_570_000, None, By::OneOf { runs: vec![40, 41] }),
        ],
        gaps: vec![Gap {
            what: "account 444455556666".to_owned(),
            why: "cloudtrail:LookupEvents is denied".to_owned(),
        }],
        findings: vec![off(&"dev".parse().unwrap(), "111122223333", "eu-west-1")],
    }
}

#[test]
fn events_are_listed_with_their_runs_and_filtered() {
    let mut program = looked(DARK, &names(3), &[Stand::Proven]);
    assert!(matches!(types(&mut program, "a").as_slice(), [Effect::Audit]));
    assert!(screen(&mut program, 80, 24).contains("Reading CloudTrail"));
    program.update(Msg::Audited(Ok(Box::new(audit()))));
    let text = screen(&mut program, 120, 40);
    for part in [
        "payments run 20261120.3 of main",
        "refused (AccessDenied)",
        "one of the runs 40, 41",
        "not seen",
        "KL-TRAIL-OFF",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    types(&mut program, "/refused");
    let text = screen(&mut program, 80, 24);
    assert!(text.contains("AccessDenied") && !text.contains("Ada"), "{text}");
    press(&mut program, KeyCode::Esc);
    assert!(matches!(types(&mut program, "R").as_slice(), [Effect::Audit]));
    program.update(Msg::Audited(Err(Failure::new(Code::DevopsTokenMissing))));
    assert!(screen(&mut program, 80, 24).contains("KL-DEVOPS-TOKEN-MISSING"));
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Home");
}

#[test]
fn an_audit_can_be_recorded() {
    let text = serde_json::to_string(&Msg::Audited(Ok(Box::new(audit())))).unwrap();
    let Msg::Audited(Ok(again)) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
    assert_eq!(*again, audit());
}
