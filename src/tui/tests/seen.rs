//! Programs that have seen environments: answers, boards and looks.

use serde_json::{Value, json};

use crate::domain::failure::{Code, Failure};
use crate::domain::federation::Federation;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::handshake::{Handshake, Verdict};
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::plan::board::Board;
use crate::plan::change::{Change, Verb};
use crate::plan::event::{EnvironmentInfo, Event, Header, StepInfo};
use crate::plan::link::{Link, LinkState, LinkStatus};
use crate::tui::msg::{Effect, Msg, Opened};
use crate::tui::program::{Begin, Program};
use crate::tui::theme::{Palette, Theme};
use crate::wizard;

/// 2026-11-21 20:14:00 UTC in seconds since 1970.
pub(super) const NOW: i64 = 1_795_292_040;

pub(super) const DARK: Theme = Theme { palette: Palette::Dark, ascii: false };

/// How an environment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    Proven,
    Unproven,
    Failed,
    Absent,
    Open,
}

pub(super) fn names(count: usize) -> Vec<String> {
    match count {
        1 => vec!["dev".to_owned()],
        3 => ["dev", "staging", "prod"].map(str::to_owned).to_vec(),
        count => (1..=count).map(|at| format!("team-{at:03}")).collect(),
    }
}

/// Answers for environments of these names.
pub(super) fn federation(names: &[String]) -> Federation {
    let environments: Vec<_> = (1_u64..)
        .zip(names)
        .map(|(at, name)| {
            json!({
                "name": name, "protected": name == "prod", "account": format!("{:012}", at * 111_111_111_111 % 1_000_000_000_000),
                "region": "eu-west-1", "sign-in": {"profile": "contoso"}, "role": format!("AzureDevOps-{name}"),
                "role-path": "/", "tags": {}, "connection": format!("AWS-{name}"), "branches": ["main"],
                "preset": "cdk", "managed-policies": [], "boundary": null, "session-hours": 1,
            })
        })
        .collect();
    serde_json::from_value(json!({
        "organization": "contoso", "organization-id": null, "project": "payments", "issuer": null,
        "audience": "api://AzureADTokenExchange",
        "verification": {"repository": "keyless-verification", "branch": null, "pipeline": "keyless-verification", "queue": null},
        "environments": environments,
    }))
    .unwrap()
}

fn info(federation: &Federation, name: &str) -> EnvironmentInfo {
    let environment = federation.environments.iter().find(|e| e.name.as_str() == name).unwrap();
    EnvironmentInfo {
        name: environment.name.clone(),
        protected: environment.protected,
        account: environment.account.to_string(),
        region: environment.region.to_string(),
        connection: environment.connection.to_string(),
        role: environment.role_arn().to_string(),
        branches: environment.branches.iter().map(ToString::to_string).collect(),
        left_out: None,
    }
}

/// What a look at one environment tells.
pub(super) fn board(federation: &Federation, name: &str, stand: Stand) -> Board {
    let environment: EnvironmentName = name.parse().unwrap();
    let info = info(federation, name);
    let ok = |link, detail: &str| LinkStatus::new(&environment, link, LinkState::Ok, detail);
    let mut links = vec![
        ok(Link::SignIn, &format!("account {} as assumed-role/Admin/ada", info.account)),
        ok(Link::Connection, &info.connection),
        ok(Link::Provider, "vstoken.dev.azure.com/3f0c4a52-9d4e-4d0b-8a51-1b2c3d4e5f60"),
        ok(Link::Role, &format!("AzureDevOps-{name}")),
        ok(Link::Trust, "aud sub iss"),
        ok(Link::Permission, "only during a handshake"),
        ok(Link::Gates, "none"),
        ok(Link::Handshake, &format!("assumed-role/AzureDevOps-{name}/keyless-{name}")),
    ];
    let mut findings = Vec::new();
    let arn = format!("arn:aws:sts::{}:assumed-role/AzureDevOps-{name}/keyless-{name}", info.account);
    let mut handshake = Handshake {
        environment: environment.clone(),
        verdict: Verdict::Proven,
        identity: Some(arn),
        at: Some("2026-11-21T20:09:41Z".to_owned()),
        run: Some("https://dev.azure.com/contoso/payments/_build/results?buildId=1842".to_owned()),
        cause: None,
    };
    let set = |links: &mut Vec<LinkStatus>, at: Link, state, detail: &str| {
        let slot = links.iter_mut().find(|status| status.link == at).unwrap();
        *slot = LinkStatus::new(&environment, at, state, detail);
    };
    match stand {
        Stand::Proven => {}
        Stand::Unproven => {
            handshake.verdict = Verdict::Unknown { why: "no handshake has been made".to_owned() };
            handshake.identity = None;
            set(&mut links, Link::Handshake, LinkState::Unknown, "no handshake has been made");
        }
        Stand::Failed => {
            let reason = "Not authorized to perform sts:AssumeRoleWithWebIdentity".to_owned();
            handshake.verdict = Verdict::Failed { reason: reason.clone() };
            handshake.identity = None;
            set(&mut links, Link::Trust, LinkState::Differs, "sub is sc://contoso/payments/aws-prod");
            set(&mut links, Link::Handshake, LinkState::Failed, &reason);
        }
        Stand::Absent => {
            handshake.verdict = Verdict::Unknown { why: "there is no connection".to_owned() };
            handshake.identity = None;
            for link in &Link::ALL[1..] {
                set(&mut links, *link, LinkState::Absent, "none");
            }
        }
        Stand::Open => {
            let admits = vec!["every subject of the issuer (statement 2)".to_owned()];
            handshake.verdict = Verdict::Open { admits: admits.clone() };
            findings.push(
                Finding::about(&environment, FindingCode::TrustOpen)
                    .with("role", &info.role)
                    .with("admits", admits.join("; ")),
            );
        }
    }
    let header = Header {
        federation: "contoso/payments".to_owned(),
        organization: "contoso".to_owned(),
        organization_id: "3f0c4a52-9d4e-4d0b-8a51-1b2c3d4e5f60".to_owned(),
        project: "payments".to_owned(),
        issuer: "https://vstoken.dev.azure.com/3f0c4a52-9d4e-4d0b-8a51-1b2c3d4e5f60".to_owned(),
        issuer_retires: Some("2027-07-01".to_owned()),
        environments: vec![info.clone()],
    };
    let objects = objects(&info, stand);
    let announced = |step: &StepKey| StepInfo {
        step: step.clone(),
        title: step.words(),
        environments: vec![environment.clone()],
    };
    let mut board = Board::default();
    board.fold(&Event::RunStarted {
        version: 1,
        command: "status".to_owned(),
        federation: Some(header),
        steps: objects.iter().map(|(step, ..)| announced(step)).collect(),
    });
    for (step, found, change) in objects {
        let (links, findings, handshakes) = match step.kind {
            Kind::Role => (links.clone(), findings.clone(), vec![handshake.clone()]),
            _ => (Vec::new(), Vec::new(), Vec::new()),
        };
        board.fold(&Event::StepObserved { step, links, findings, handshakes, denials: Vec::new(), found });
        board.fold(&Event::StepPlanned { change: Box::new(change) });
    }
    board
}

fn trust(info: &EnvironmentInfo, subject: &str) -> Value {
    let issuer = "vstoken.dev.azure.com/3f0c4a52-9d4e-4d0b-8a51-1b2c3d4e5f60";
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": format!("Keyless{}", info.name), "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::{}:oidc-provider/{issuer}", info.account)},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                format!("{issuer}:aud"): "api://AzureADTokenExchange", format!("{issuer}:sub"): subject,
            }},
        }],
    })
}

/// The objects of an environment: step, as found, and what is to change.
fn objects(info: &EnvironmentInfo, stand: Stand) -> Vec<(StepKey, Option<Value>, Change)> {
    let subject = format!("sc://contoso/payments/{}", info.connection);
    let role = |subject: &str| {
        json!({"trust": trust(info, subject), "maxSessionSeconds": 3600, "boundary": null,
            "tags": {"keyless:federation": "contoso/payments"}, "inline": {}, "managed": []})
    };
    let key = StepKey::new(Kind::Role, format!("{}/AzureDevOps-{}", info.account, info.name));
    let mut change = Change::keep(key.clone(), key.words(), "role, trust and permissions are as wanted");
    let mut found = role(&subject);
    if stand == Stand::Failed {
        found = role(&subject.replace("AWS-", "aws-"));
        change.verb = Verb::Update;
        change.why = "trust: another subject".to_owned();
        change.before = Some(found.clone());
        change.after = Some(role(&subject));
    }
    let connection = StepKey::new(Kind::Connection, info.connection.clone());
    let keep = |key: &StepKey, why: &str| Change::keep(key.clone(), key.words(), why);
    let endpoint = json!({
        "id": "b7d0f1c2-3e4f-4a5b-8c6d-7e8f90a1b2c3", "name": info.connection, "type": "AWS",
        "description": "made by keyless", "parameters": {"useOIDC": "true", "assumeRoleArn": info.role},
        "isShared": false, "isReady": true, "isDisabled": false, "checks": [],
    });
    let endpoint_change = keep(&connection, "it uses OIDC and this role, without keys");
    vec![(connection, Some(endpoint), endpoint_change), (key, Some(found), change)]
}

/// A program before anything is known.
pub(super) fn begin(theme: Theme, open: Option<&str>) -> (Program, Vec<Effect>) {
    Program::new(Begin {
        theme,
        now: NOW * 1000,
        open: Some(open.map(str::to_owned)),
        opened: None,
        interval: None,
        no_mouse: false,
    })
}

/// What opening the clouds gives.
pub(super) fn opened(federation: Option<Federation>) -> Opened {
    Opened {
        practice: Some("three".to_owned()),
        start: wizard::Start { practice: true, ..wizard::Start::default() },
        federation,
        own: true,
        source: "keyless.toml".to_owned(),
        repeats: Default::default(),
        last: None,
    }
}

/// A program whose clouds are open and whose environments are being looked at.
pub(super) fn open(theme: Theme, names: &[String]) -> Program {
    let (mut program, _) = begin(theme, Some("three"));
    program.update(Msg::Opened(Ok(Box::new(opened(Some(federation(names)))))));
    program
}

/// An environment was looked at.
pub(super) fn look(program: &mut Program, federation: &Federation, name: &str, stand: Stand) -> Vec<Effect> {
    show(program, name, board(federation, name, stand))
}

/// A look told this of an environment.
pub(super) fn show(program: &mut Program, name: &str, board: Board) -> Vec<Effect> {
    let result = Ok(std::sync::Arc::new(board));
    program.update(Msg::Looked { environment: name.parse().unwrap(), round: 1, result })
}

/// A look failed.
pub(super) fn fail(program: &mut Program, name: &str) -> Vec<Effect> {
    let failure = Failure::new(Code::AwsUnreachable)
        .with("address", "https://iam.amazonaws.com")
        .with("cause", "no route to host");
    program.update(Msg::Looked { environment: name.parse().unwrap(), round: 1, result: Err(failure) })
}

/// A program that has looked at environments, each standing as told, in turn.
pub(super) fn looked(theme: Theme, names: &[String], stands: &[Stand]) -> Program {
    let federation = federation(names);
    let mut program = open(theme, names);
    for (name, stand) in names.iter().zip(stands.iter().cycle()) {
        look(&mut program, &federation, name, *stand);
    }
    program
}

/// Time goes by.
pub(super) fn wait(program: &mut Program, seconds: i64) -> Vec<Effect> {
    let now = program.shared().now;
    program.update(Msg::Now(now + seconds * 1000))
}
