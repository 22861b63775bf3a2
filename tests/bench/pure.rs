//! What is computed without a cloud: trust policies read, judged and merged, and the board folded from its events.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark may stop here")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use keyless::domain::key::{Kind, StepKey};
use keyless::domain::names::EnvironmentName;
use keyless::domain::policy::{
    Caller, Context, Document, Statement, TrustRequest, evaluate, merge_trust, trust_statement,
};
use keyless::plan::board::Board;
use keyless::plan::change::Change;
use keyless::plan::event::{Ended, EnvironmentInfo, Event, Header, StepInfo, VERSION};
use keyless::plan::link::{Link, LinkState, LinkStatus};
use serde_json::json;

const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/vstoken.dev.azure.com/0c1d";
const ISSUER: &str = "vstoken.dev.azure.com/0c1d";
const AUDIENCE: &str = "api://AzureADTokenExchange";
const SUBJECT: &str = "sc://contoso/Shop/AWS-Prod";

/// A trust with several statements of others, one of them with a pattern, as long-lived roles have it.
fn trust() -> Document {
    let others = (0..8).map(|n| {
        json!({
            "Sid": format!("Other{n}"), "Effect": "Allow", "Principal": { "Federated": PROVIDER },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": { (format!("{ISSUER}:aud")): AUDIENCE },
                "StringLike": { (format!("{ISSUER}:sub")): format!("sc://contoso/Shop-{n}/*") },
            },
        })
    });
    let all: Vec<_> = others.collect();
    Document::from_value(json!({ "Version": "2012-10-17", "Statement": all })).unwrap()
}

fn policies(criterion: &mut Criterion) {
    let (document, wanted) = (trust(), statement());
    let text = document.to_json();
    let request = TrustRequest {
        action: "sts:AssumeRoleWithWebIdentity".into(),
        caller: Caller::Federated(PROVIDER.into()),
        context: Context::web_identity(ISSUER, AUDIENCE, SUBJECT),
    };
    let mut group = criterion.benchmark_group("a trust of eight statements");
    group.sample_size(10);
    group.bench_function("read", |bencher| bencher.iter(|| Document::parse(black_box(&text)).unwrap()));
    group.bench_function("evaluated", |bencher| bencher.iter(|| evaluate(black_box(&document), &request)));
    group.bench_function("merged", |bencher| {
        bencher.iter(|| merge_trust(black_box(&document), &wanted, |found| found.sid() == wanted.sid()));
    });
    group.finish();
}

fn statement() -> Statement {
    trust_statement("keylessProd", PROVIDER, ISSUER, AUDIENCE, SUBJECT).unwrap()
}

/// The events of a look at and an application of so many environments, as the engine sends them.
fn events(count: usize) -> Vec<Event> {
    let names: Vec<EnvironmentName> = (1..=count).map(|n| format!("team-{n:03}").parse().unwrap()).collect();
    let steps: Vec<(EnvironmentName, StepKey, Link)> = names
        .iter()
        .flat_map(|name| {
            [
                (Kind::SignIn, Link::SignIn),
                (Kind::Provider, Link::Provider),
                (Kind::Connection, Link::Connection),
                (Kind::Role, Link::Role),
                (Kind::Permission, Link::Permission),
            ]
            .map(|(kind, link)| (name.clone(), StepKey::new(kind, name.as_str()), link))
        })
        .collect();
    let info = |name: &EnvironmentName| EnvironmentInfo {
        name: name.clone(),
        protected: false,
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        connection: format!("AWS-{name}"),
        role: format!("arn:aws:iam::111122223333:role/{name}"),
        branches: vec!["main".into()],
        left_out: None,
    };
    let header = Header {
        federation: "contoso/payments".into(),
        organization: "contoso".into(),
        organization_id: "4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f".into(),
        project: "payments".into(),
        issuer: format!("https://{ISSUER}"),
        issuer_retires: None,
        environments: names.iter().map(info).collect(),
    };
    let step_info = |(name, step, _): &(EnvironmentName, StepKey, Link)| StepInfo {
        step: step.clone(),
        title: step.to_string(),
        environments: vec![name.clone()],
    };
    let mut events = vec![Event::RunStarted {
        version: VERSION,
        command: "setup".into(),
        federation: Some(header),
        steps: steps.iter().map(step_info).collect(),
    }];
    for applying in [false, true] {
        for (name, step, link) in &steps {
            let step = step.clone();
            events.push(Event::StepStarted { step: step.clone(), applying });
            let links = vec![LinkStatus::new(name, *link, LinkState::Ok, "as wanted")];
            let (findings, handshakes) = (Vec::new(), Vec::new());
            events.push(Event::StepObserved {
                step: step.clone(),
                links,
                findings,
                handshakes,
                denials: Vec::new(),
                found: None,
            });
            events.push(if applying {
                Event::StepFinished { step, ended: Ended::Kept }
            } else {
                Event::StepPlanned { change: Box::new(Change::keep(step, "an object", "as wanted")) }
            });
        }
    }
    events
}

fn board(criterion: &mut Criterion) {
    let events = events(500);
    let mut group = criterion.benchmark_group("the board of 500 environments");
    group.sample_size(10);
    group.bench_function(format!("folded from {} events", events.len()), |bencher| {
        bencher.iter(|| {
            let mut board = Board::default();
            events.iter().for_each(|event| board.fold(event));
            board
        });
    });
    group.finish();
}

criterion_group!(pure, policies, board);
criterion_main!(pure);
