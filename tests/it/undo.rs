//! Teardown: what keyless made goes, what it changed is put back, everything else is as if it had never been there.

use std::collections::BTreeMap;

use keyless::domain::failure::Code;
use keyless::plan::change::Verb;
use keyless::plan::event::{Ended, Event, Outcome};
use keyless::sandbox::Fate;
use keyless::sandbox::world::World;
use serde_json::{Value, json};

use super::support::lab::THREE;
use super::support::points::at_every;
use super::support::{Job, Lab, Live, Ran, Then, world};

const ISSUER: &str = "vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f";

async fn torn_down(lab: &Lab) -> Ran {
    let ran = lab.run(Job::teardown()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    assert_eq!(ran.summary.leftovers, [""; 0]);
    ran
}

/// The fresh world is as before, with exactly the planned writes; once more there is nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_world_is_as_before() {
    let lab = Lab::of("fresh").await;
    let before = lab.dump();
    lab.run(Job::setup()).await.assert_proven(&THREE);
    lab.watch.forget();
    let ran = torn_down(&lab).await;
    before.assert_same(&lab.dump(), "teardown leaves something");
    assert_eq!(ran.plan.writes(), lab.watch.writes().len());
    // What Azure DevOps itself keeps is said.
    let Some(Event::RunFinished { leftovers, .. }) = ran.events.last() else {
        panic!("{:?}", ran.events.last())
    };
    assert!(leftovers.iter().any(|line| line.contains("recycle bin")), "{leftovers:?}");

    lab.watch.forget();
    let again = torn_down(&lab).await;
    assert_eq!((again.plan.writes(), lab.watch.writes()), (0, Vec::new()));
    // And it can all be set up again.
    lab.run(Job::setup()).await.assert_proven(&THREE);
}

/// The trust goes before the connection it names: a dangling subject can be taken over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trust_goes_first_and_the_connection_last() {
    let lab = Lab::of("fresh").await;
    lab.run(Job::setup()).await;
    lab.watch.forget();
    torn_down(&lab).await;
    let writes = lab.watch.writes();
    let place = |method: &str, object: &str| {
        let found = writes.iter().position(|name| name.method == method && name.object == object);
        found.unwrap_or_else(|| panic!("no {method} {object} in {writes:#?}"))
    };
    for (role, connection) in [
        ("111122223333/AzureDevOpsDevRole", "AWS-Dev"),
        ("444455556666/AzureDevOpsStageRole", "AWS-Staging"),
        ("777788889999/AzureDevOpsProdRole", "AWS-Prod"),
    ] {
        let trust = place("DeleteRole", &format!("role {role}"));
        assert!(trust < place("DELETE", &format!("connection {connection}")), "{writes:#?}");
    }
}

/// Adopted objects are put back as the journal says: trust, connection parameters, audience.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adopted_objects_are_put_back() {
    let lab = Lab::of("half-done").await;
    let before = lab.dump();
    lab.run(Job::setup()).await.assert_proven(&THREE);
    torn_down(&lab).await;
    before.assert_same(&lab.dump(), "teardown leaves something");
}

/// Also when setup crashed at any of its writes and was run again. The journal then holds intents without results.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adopted_objects_are_put_back_after_a_crash_at_every_write() {
    let lab = Lab::of("half-done").await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let writes = lab.watch.distinct_writes();
    let points = writes.iter().flat_map(|name| [format!("{name} (CutBefore)"), format!("{name} (CutAfter)")]);
    let all: Vec<_> = writes
        .iter()
        .flat_map(|name| [(name.clone(), Fate::CutBefore), (name.clone(), Fate::CutAfter)])
        .collect();
    let named: BTreeMap<String, _> = points.zip(all).collect();
    let keys: Vec<String> = named.keys().cloned().collect();
    at_every(keys, |key| {
        let (name, fate) = named[&key].clone();
        async move {
            let lab = Lab::of("half-done").await;
            let before = lab.dump();
            lab.watch.set(&name, fate, Then::Die);
            lab.crash(Job::setup()).await;
            lab.run(Job::setup()).await.assert_proven(&THREE);
            torn_down(&lab).await;
            before.assert_same(&lab.dump(), "teardown leaves something");
        }
    })
    .await;
}

/// Without the journal what was changed is not guessed: it is left, said, and the exit code is 5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_journal_adopted_objects_are_left_and_said() {
    let lab = Lab::of("half-done").await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let before = lab.dump();
    // The binary has a state folder of its own: it knows nothing of what was done here.
    let live = Live::on(&lab);
    let said = live.run(&["teardown", "--yes", "--confirm", "prod", "--json"]).await.expect(5);
    let finished = said.lines().pop().unwrap();
    let leftovers = finished["leftovers"].to_string();
    assert!(leftovers.contains("AzureDevOpsDevRole"), "{finished:#}");
    let roles = |dump: &super::support::Dump| dump.table("iam.role");
    assert_eq!(roles(&lab.dump()), roles(&before), "adopted roles stay as they are");
    assert_eq!(lab.dump().table("iam.provider"), before.table("iam.provider"));
    let names = |dump: &super::support::Dump| -> Vec<Value> {
        dump.table("connection").into_values().map(|connection| connection["name"].clone()).collect()
    };
    assert!(
        names(&lab.dump()).contains(&json!("AWS-Dev")) && !names(&lab.dump()).contains(&json!("AWS-Prod"))
    );
}

/// Somebody changed an adopted trust meanwhile: only keyless's own statement goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_changed_meanwhile_stays() {
    let lab = Lab::of("half-done").await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let role = "111122223333/AzureDevOpsDevRole";
    lab.change("iam.role", role, |record| {
        let mut trust: Value = serde_json::from_str(record["trust"].as_str().unwrap()).unwrap();
        trust["Statement"].as_array_mut().unwrap().push(json!({
            "Sid": "BreakGlass", "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
        }));
        record["trust"] = json!(trust.to_string());
    });
    torn_down(&lab).await;
    let trust = lab.dump().table("iam.role")[role]["trust"].to_string();
    assert!(trust.contains("BreakGlass") && !trust.contains("Keylessdev"), "{trust}");
}

/// One environment goes; what the others share stays, and they stay proven.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_environment_goes_and_what_is_shared_stays() {
    let lab = Lab::of("fresh").await;
    let fresh = lab.dump();
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let ran = lab.run(Job::teardown().of(&["dev"])).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    let dump = lab.dump();
    assert!(!dump.table("iam.role").contains_key("111122223333/AzureDevOpsDevRole"));
    assert!(!dump.table("iam.provider").contains_key(&format!("111122223333/{ISSUER}")));
    assert_eq!((dump.table("pipeline").len(), dump.table("repository").len()), (1, 2));
    let status = lab.run(Job::status().of(&["staging", "prod"])).await;
    assert_eq!(status.proven(), ["staging", "prod"]);
    assert_eq!(status.bad_links("staging"), []);
    torn_down(&lab).await;
    fresh.assert_same(&lab.dump(), "teardown leaves something");
}

/// The provider stays while another environment's role names it, and goes with the last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_provider_goes_with_its_last_role() {
    let lab = Lab::of("shared-account").await;
    let before = lab.dump();
    lab.run(Job::setup()).await.assert_proven(&["dev", "staging"]);
    let provider = format!("111122223333/{ISSUER}");
    lab.run(Job::teardown().of(&["dev"])).await;
    assert!(lab.dump().table("iam.provider").contains_key(&provider));
    assert_eq!(lab.run(Job::status().of(&["staging"])).await.proven(), ["staging"]);
    torn_down(&lab).await;
    before.assert_same(&lab.dump(), "teardown leaves something");
}

/// A role that somebody else made names the provider: it stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_stays_while_a_foreign_role_names_it() {
    let lab = Lab::of("fresh").await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let theirs = "111122223333/theirs";
    let roles = lab.practice.ground().store.list::<Value>("iam.role", "111122223333/AzureDevOpsDevRole");
    let mut role = roles[0].1.clone();
    role["name"] = json!("theirs");
    role["tags"] = json!({});
    lab.practice.ground().store.put("iam.role", theirs, &role);
    let ran = lab.run(Job::teardown()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    let dump = lab.dump();
    assert!(dump.table("iam.provider").contains_key(&format!("111122223333/{ISSUER}")));
    assert!(!dump.table("iam.provider").contains_key(&format!("444455556666/{ISSUER}")));
    assert_eq!(dump.table("iam.role")[theirs]["name"], "theirs");
    let kept =
        ran.plan.changes.iter().find(|change| change.step.to_string() == "provider:111122223333").unwrap();
    assert_eq!(kept.verb, Verb::Keep);
    assert!(kept.why.contains("theirs"), "{}", kept.why);
}

/// Whether a role uses the provider cannot be seen: it is not deleted, and that is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_stays_while_roles_cannot_be_read() {
    let mut blind: World = world("fresh");
    blind.rights.aws_denied.push("iam:ListRoles".to_owned());
    let lab = Lab::start(blind).await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let ran = lab.run(Job::teardown()).await;
    // Everything else goes.
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    assert!(!lab.dump().table("iam.role").contains_key("111122223333/AzureDevOpsDevRole"));
    assert_eq!(ran.summary.leftovers.len(), 3, "{:#?}", ran.summary);
    assert!(ran.summary.leftovers[0].contains("cannot be seen"), "{:#?}", ran.summary);
    assert!(lab.dump().table("iam.provider").contains_key(&format!("111122223333/{ISSUER}")));
}

/// A protected environment is torn down only by its own name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_environment_is_not_torn_down_by_a_general_yes() {
    let lab = Lab::of("fresh").await;
    let fresh = lab.dump();
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let ran = lab.run(Job::teardown().without_protected()).await;
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    let dump = lab.dump();
    assert!(dump.table("iam.role").contains_key("777788889999/AzureDevOpsProdRole"));
    assert!(!dump.table("iam.role").contains_key("111122223333/AzureDevOpsDevRole"));
    assert_eq!(ran.ended("role:777788889999/AzureDevOpsProdRole"), Ended::NotApproved);
    // What it shares with the others stays too: it is still proven.
    assert_eq!(lab.run(Job::status().of(&["prod"])).await.proven(), ["prod"]);
    lab.run(Job::teardown().confirm("prod")).await;
    fresh.assert_same(&lab.dump(), "teardown leaves something");
}

/// An account that cannot be reached is a failure of the teardown, not a finished one; its connection stays with its role.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wrong_account_is_not_torn_down_and_said() {
    let mut lab = Lab::of("fresh").await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let prod = lab.answers.environments[2].sign_in.clone();
    lab.answers.environments[0].sign_in = prod;
    let ran = lab.run(Job::teardown()).await;
    assert_eq!(ran.outcome(), Outcome::Failed, "{:#?}", ran.summary);
    assert_eq!(ran.failure("sign-in:dev").code, Code::AwsWrongAccount);
    let dump = lab.dump();
    assert_eq!(dump.table("iam.role").keys().filter(|key| key.contains("/AzureDevOps")).count(), 1);
    let names: Vec<Value> =
        dump.table("connection").into_values().map(|record| record["name"].clone()).collect();
    assert!(names.contains(&json!("AWS-Dev")) && !names.contains(&json!("AWS-Staging")), "{names:?}");
}
