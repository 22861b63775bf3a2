//! How many requests a program makes: so many for itself and so many for each environment, so that growth is noticed.

use std::collections::BTreeMap;

use keyless::sandbox::world::World;
use keyless::sandbox::{Request, worlds};

use super::support::{Job, Lab, world};

/// Requests by service.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Calls {
    azure_devops: usize,
    issuer: usize,
    sts: usize,
    iam: usize,
}

impl Calls {
    fn new(azure_devops: usize, issuer: usize, sts: usize, iam: usize) -> Self {
        Self { azure_devops, issuer, sts, iam }
    }

    fn plus(self, each: Self, times: usize) -> Self {
        Self {
            azure_devops: self.azure_devops + each.azure_devops * times,
            issuer: self.issuer + each.issuer * times,
            sts: self.sts + each.sts * times,
            iam: self.iam + each.iam * times,
        }
    }

    /// Keyless's own among the requests that were seen, without the looks at a run that goes on: those follow its time.
    fn of(seen: &[Request]) -> Self {
        let mut calls = Self::default();
        let mut runs = false;
        for request in seen {
            runs |= request.method == "POST" && request.object.starts_with("run ");
            match request.service {
                "azure-devops" if is_agents(request) || is_look_at_run(request) => {}
                "azure-devops" => calls.azure_devops += 1,
                "issuer" => calls.issuer += 1,
                "iam" => calls.iam += 1,
                // Keyless signs in before it asks for a run; who asks STS later is the agent.
                "sts" if runs => {}
                "sts" => calls.sts += 1,
                other => panic!("what service is {other}?"),
            }
        }
        calls
    }
}

/// The agent asks for tokens, after it has asked where to.
fn is_agents(request: &Request) -> bool {
    request.object.starts_with("oidctoken") || request.method == "OPTIONS"
}

fn is_look_at_run(request: &Request) -> bool {
    request.method == "GET" && ["build", "timeline"].contains(&kind(request))
}

fn kind(request: &Request) -> &str {
    request.object.split(' ').next().unwrap()
}

/// What was asked how often, for whoever wants to know where a number comes from.
fn told(seen: &[Request]) -> String {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for request in seen {
        *kinds.entry(format!("{} {} {}", request.service, request.method, kind(request))).or_default() += 1;
    }
    kinds.into_iter().map(|(kind, count)| format!("{count:6} {kind}\n")).collect()
}

/// So many environments of one shape, each in an account of its own.
fn many(count: usize) -> World {
    let text = include_str!("../../assets/worlds/many.toml");
    assert!(text.contains("count = 100"), "the world of many says how many");
    worlds::parse(&text.replace("count = 100", &format!("count = {count}"))).unwrap()
}

/// What each program may ask: for itself, and for each environment.
fn bounds() -> [(&'static str, Job, Calls, Calls); 4] {
    [
        ("first setup", Job::setup(), Calls::new(36, 1, 0, 0), Calls::new(5, 0, 1, 13)),
        ("second setup", Job::setup(), Calls::new(16, 1, 0, 0), Calls::new(3, 0, 1, 6)),
        ("status", Job::status(), Calls::new(16, 1, 0, 0), Calls::new(3, 0, 1, 5)),
        ("teardown", Job::teardown(), Calls::new(33, 1, 0, 0), Calls::new(6, 0, 1, 17)),
    ]
}

async fn hold(world: World) {
    let lab = Lab::start(world).await;
    let environments = lab.answers.environments.len();
    let mut wrong = String::new();
    for (what, job, own, each) in bounds() {
        lab.watch.forget();
        lab.run(job).await;
        let seen = lab.watch.seen();
        let (calls, expected) = (Calls::of(&seen), own.plus(each, environments));
        if calls != expected {
            let told = told(&seen);
            wrong += &format!("{what} of {environments} environments: {calls:?}, not {expected:?}\n{told}");
        }
        if what == "second setup" || what == "status" {
            assert!(seen.iter().all(|request| !request.writes), "{what} only reads");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_one_environment() {
    hold(many(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_three_environments() {
    hold(many(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_ten_environments() {
    hold(many(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_do_not_depend_on_what_others_have() {
    hold(world("fresh")).await;
}
