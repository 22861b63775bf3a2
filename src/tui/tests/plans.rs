//! Plans, events and programs for the review and the run.

use crossterm::event::KeyCode;
use serde_json::{Value, json};

use super::draw::{press, types};
use crate::domain::failure::{Code, Failure};
use crate::domain::federation::Federation;
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::plan::change::{Ask, Blocked, Change, Plan, Verb};
use crate::plan::event::{EnvironmentInfo, Event, Header, StepInfo};
use crate::tui::msg::{Effect, Job, Msg, Opened};
use crate::tui::program::{Begin, Program};
use crate::tui::theme::{Palette, Theme};
use crate::wizard;

/// 2026-11-21 20:14:00 UTC in seconds since 1970.
pub(super) const NOW: i64 = 1_795_292_040;

pub(super) const DARK: Theme = Theme { palette: Palette::Dark, ascii: false };

pub(super) fn names(count: usize) -> Vec<String> {
    match count {
        1 => vec!["dev".to_owned()],
        3 => ["dev", "staging", "prod"].map(str::to_owned).to_vec(),
        count => (1..=count).map(|at| format!("team-{at:03}")).collect(),
    }
}

fn account(at: usize) -> String {
    let at = u64::try_from(at).unwrap() + 1;
    format!("{:012}", at * 111_122_223_333 % 1_000_000_000_000)
}

pub(super) fn federation(names: &[String]) -> Federation {
    let environment = |(at, name): (usize, &String)| {
        json!({
            "name": name, "protected": name == "prod", "account": account(at), "region": "eu-west-1",
            "sign-in": {"profile": format!("contoso-{name}")}, "role": format!("AzureDevOps-{name}"),
            "role-path": "/", "tags": {}, "connection": format!("AWS-{name}"), "branches": ["main"],
            "preset": "minimal", "managed-policies": [], "boundary": null, "session-hours": 1,
        })
    };
    let environments: Vec<Value> = names.iter().enumerate().map(environment).collect();
    serde_json::from_value(json!({
        "organization": "contoso", "organization-id": null, "project": "payments", "issuer": null,
        "audience": "api://AzureADTokenExchange",
        "verification": {"repository": "keyless-verification", "branch": null, "pipeline": "keyless-verification", "queue": null},
        "environments": environments,
    }))
    .unwrap()
}

pub(super) fn key(text: &str) -> StepKey {
    text.parse().unwrap()
}

pub(super) fn environment(name: &str) -> EnvironmentName {
    name.parse().unwrap()
}

/// A change of an object for environments.
pub(super) fn change(step: &str, names: &[String], title: &str, verb: Verb, why: &str) -> Change {
    let mut change = Change::keep(key(step), title, why);
    change.verb = verb;
    change.environments = names.iter().map(|name| environment(name)).collect();
    change.writes = usize::from(verb != Verb::Keep);
    change
}

fn trust(subject: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            "vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f:aud": "api://AzureADTokenExchange",
            "vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f:sub": subject,
        }},
    }]})
}

fn of_environment(name: &String, account: &str) -> Vec<Change> {
    let own = std::slice::from_ref(name);
    let protected = Ask::Protected { environment: environment(name) };
    let create = |step: &str, title: &str, why: &str| {
        let mut made = change(step, own, title, Verb::Create, why);
        if name == "prod" {
            made.asks.push(protected.clone());
        }
        made
    };
    let mut provider = create(
        &format!("provider:{account}"),
        &format!("provider vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f in {account}"),
        "there is no such provider",
    );
    provider.rights =
        vec!["iam:CreateOpenIDConnectProvider".to_owned(), "iam:TagOpenIDConnectProvider".to_owned()];
    let mut role = create(
        &format!("role:{account}/AzureDevOps-{name}"),
        &format!("role AzureDevOps-{name} in {account}"),
        "there is no such role",
    );
    role.after =
        Some(json!({"trust": trust(&format!("sc://contoso/payments/AWS-{name}")), "maxSessionSeconds": 3600,
        "boundary": null, "tags": {"keyless:federation": "contoso/payments"}, "inline": {}, "managed": []}));
    role.rights = ["iam:CreateRole", "iam:TagRole", "iam:PutRolePolicy"].map(str::to_owned).to_vec();
    role.writes = 2;
    if name == "dev" {
        role.verb = Verb::Update;
        role.why = "trust: sub case; session of 1 h".to_owned();
        role.before = Some(
            json!({"trust": trust("sc://contoso/payments/aws-dev"), "maxSessionSeconds": 7200,
            "boundary": null, "tags": {"keyless:federation": "contoso/payments"}, "inline": {}, "managed": []}),
        );
    }
    let mut connection = create(
        &format!("connection:AWS-{name}"),
        &format!("connection AWS-{name}"),
        "there is no such connection",
    );
    connection.after = Some(json!({"type": "AWS", "useOIDC": "true", "region": "eu-west-1"}));
    let mut sign_in = change(
        &format!("sign-in:{name}"),
        own,
        &format!("sign-in to {name}"),
        Verb::Keep,
        "it is the account",
    );
    sign_in.writes = 0;
    vec![sign_in, provider, connection, role]
}

/// A plan that makes everything; the role of `dev` is there with another subject's case.
pub(super) fn plan(names: &[String]) -> Plan {
    let shared = |step: &str, title: &str, verb, why: &str| change(step, names, title, verb, why);
    let mut changes = vec![
        shared(
            "extension:AmazonWebServices.aws-vsts-tools",
            "AWS Toolkit extension",
            Verb::Keep,
            "1.24.0 is installed",
        ),
        shared(
            "repository:keyless-verification",
            "repository keyless-verification",
            Verb::Create,
            "there is no such repository",
        ),
        shared(
            "pipeline:keyless-verification",
            "pipeline keyless-verification",
            Verb::Create,
            "there is no such pipeline",
        ),
    ];
    for (at, name) in names.iter().enumerate() {
        changes.extend(of_environment(name, &account(at)));
    }
    let mut run =
        shared("handshake:shared", "handshake", Verb::Create, "no run proves these environments yet");
    run.reversible = false;
    run.divisible = true;
    run.after =
        Some(names.iter().map(|name| (name.clone(), json!({"connection": format!("AWS-{name}")}))).collect());
    run.asks = names
        .iter()
        .filter(|name| *name == "prod")
        .map(|name| Ask::Protected { environment: environment(name) })
        .collect();
    changes.push(run);
    Plan { changes, blocked: Vec::new() }
}

/// The plan when nothing is to do.
pub(super) fn settled(names: &[String]) -> Plan {
    let mut plan = plan(names);
    for change in &mut plan.changes {
        change.verb = Verb::Keep;
        change.asks.clear();
        change.writes = 0;
        change.why = "as wanted".to_owned();
    }
    plan
}

/// The plan with an account that cannot be looked at.
pub(super) fn blocked(names: &[String], which: &str) -> Plan {
    let mut plan = plan(names);
    let at = names.iter().position(|name| name == which).unwrap();
    let own = |change: &Change| change.environments == [environment(which)];
    let (cut, rest): (Vec<Change>, Vec<Change>) = plan.changes.into_iter().partition(own);
    plan.changes = rest;
    plan.blocked = cut
        .into_iter()
        .map(|change| Blocked {
            failure: (change.step.kind == Kind::SignIn).then(|| wrong_account(which, &account(at))),
            because: (change.step.kind != Kind::SignIn).then(|| key(&format!("sign-in:{which}"))),
            step: change.step,
            environments: change.environments,
            title: change.title,
        })
        .collect();
    plan
}

pub(super) fn wrong_account(name: &str, account: &str) -> Failure {
    Failure::new(Code::AwsWrongAccount)
        .with("environment", name)
        .with("signed in", "999988887777")
        .with("wanted", account)
}

/// Announces a run over the steps of a plan.
pub(super) fn started(names: &[String], plan: &Plan, command: &str) -> Event {
    let info = |(at, name): (usize, &String)| EnvironmentInfo {
        name: environment(name),
        protected: name == "prod",
        account: account(at),
        region: "eu-west-1".to_owned(),
        connection: format!("AWS-{name}"),
        role: format!("arn:aws:iam::{}:role/AzureDevOps-{name}", account(at)),
        branches: vec!["main".to_owned()],
        left_out: None,
    };
    let step = |change: &Change| StepInfo {
        step: change.step.clone(),
        title: change.title.clone(),
        environments: change.environments.clone(),
    };
    let blocked = plan.blocked.iter().map(|blocked| StepInfo {
        step: blocked.step.clone(),
        title: blocked.title.clone(),
        environments: blocked.environments.clone(),
    });
    Event::RunStarted {
        version: 1,
        command: command.to_owned(),
        federation: Some(Header {
            federation: "contoso/payments".to_owned(),
            organization: "contoso".to_owned(),
            organization_id: "4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f".to_owned(),
            project: "payments".to_owned(),
            issuer: "https://vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f".to_owned(),
            issuer_retires: Some("2027-07-01".to_owned()),
            environments: names.iter().enumerate().map(info).collect(),
        }),
        steps: plan.changes.iter().map(step).chain(blocked).collect(),
    }
}

/// A program whose clouds are open.
pub(super) fn open(theme: Theme, names: &[String]) -> Program {
    let (mut program, _) = Program::new(Begin {
        theme,
        now: NOW * 1000,
        open: Some(Some("fresh".to_owned())),
        opened: None,
        interval: None,
        no_mouse: false,
    });
    let opened = Opened {
        practice: Some("fresh".to_owned()),
        start: wizard::Start {
            practice: true,
            signed_in: true,
            ask_azure_devops: false,
            ask_aws: false,
            ..wizard::Start::default()
        },
        federation: Some({
            let mut federation = federation(names);
            federation.organization_id = Some(uuid::Uuid::from_u128(7));
            federation
        }),
        own: true,
        source: "keyless.toml".to_owned(),
        repeats: Default::default(),
        last: None,
    };
    program.update(Msg::Opened(Ok(Box::new(opened))));
    program
}

/// Does an action by its name.
pub(super) fn command(program: &mut Program, name: &str) -> Vec<Effect> {
    types(program, ":");
    types(program, name);
    press(program, KeyCode::Enter)
}

pub(super) fn tell(program: &mut Program, job: Job, event: Event) -> Vec<Effect> {
    program.update(Msg::Event { job, event: Box::new(event) })
}

/// An event from its JSON.
pub(super) fn event(value: Value) -> Event {
    serde_json::from_value(value).unwrap()
}

/// Begins a command, and gives its job.
pub(super) fn begun(program: &mut Program, name: &str) -> Job {
    let effects = command(program, name);
    effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Prepare { job, .. } => Some(*job),
            _ => None,
        })
        .unwrap()
}

/// A program that shows the plan of a command.
pub(super) fn reviewed(theme: Theme, names: &[String], plan: &Plan) -> (Program, Job) {
    let mut program = open(theme, names);
    let job = begun(&mut program, "verify");
    tell(&mut program, job, started(names, plan, "verify"));
    program.update(Msg::Planned { job, result: Ok(Box::new(plan.clone())) });
    (program, job)
}

/// A program whose wizard shows a plan.
pub(super) fn reviewed_by_wizard(names: &[String], plan: &Plan) -> (Program, u64) {
    let mut program = open(DARK, names);
    let mut effects = command(&mut program, "set up");
    for _ in 0..60 {
        if program.screen() == "Review" {
            break;
        }
        let answered: Vec<Msg> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Wizard(effect) => Some(crate::wizard::tests::answer(effect)),
                _ => None,
            })
            .flatten()
            .map(Msg::Wizard)
            .collect();
        effects = answered.into_iter().flat_map(|msg| program.update(msg)).collect();
        if effects.is_empty() {
            effects = program.update(Msg::Wizard(wizard::Msg::Next));
        }
    }
    let generation = effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Wizard(wizard::Effect::MakePlan { generation, .. }) => Some(*generation),
            _ => None,
        })
        .unwrap();
    show(&mut program, generation, names, plan);
    (program, generation)
}

/// The wizard's plan is there.
pub(super) fn show(program: &mut Program, generation: u64, names: &[String], plan: &Plan) {
    let job = Job::Wizard(generation);
    tell(program, job, started(names, plan, "setup"));
    program.update(Msg::Planned { job, result: Ok(Box::new(plan.clone())) });
    let review = wizard::review::Review::of(plan);
    program.update(Msg::Wizard(wizard::Msg::Reviewed { generation, result: Box::new(Ok(review)) }));
}
