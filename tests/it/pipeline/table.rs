//! Which stages run for which branch, asked of the practice agent's own graph and conditions.

use std::collections::BTreeMap;

use keyless::domain::deploy::{Flow, Preset};
use keyless::sandbox::agent::forecast;
use keyless::sandbox::agent::yaml::{Pipeline, Source, compile};
use keyless::sandbox::devops::timeline::Outcome;
use serde_json::Map;

use super::answers::{flows, presets};
use super::golden::rendered;

/// What starts a run: its branch, and for a pull request its target and whether it comes from a fork.
struct Start {
    branch: &'static str,
    reason: &'static str,
    target: Option<(&'static str, &'static str)>,
}

const fn push(branch: &'static str) -> Start {
    Start { branch, reason: "IndividualCI", target: None }
}

const fn pull(target: &'static str, fork: &'static str) -> Start {
    Start { branch: "refs/pull/1/merge", reason: "PullRequest", target: Some((target, fork)) }
}

fn compiled(yaml: &str) -> Pipeline {
    let source = Source {
        yaml,
        path: "azure-pipelines.yml",
        parameters: &Map::new(),
        variables: &BTreeMap::new(),
        defaults: &BTreeMap::new(),
        groups: &BTreeMap::from([("payments prod".to_owned(), BTreeMap::new())]),
    };
    compile(&source).unwrap_or_else(|problem| panic!("{problem}\n{yaml}"))
}

/// The same with the predefined variables of a run. Nothing in these files is decided when they are compiled.
fn started(pipeline: &Pipeline, start: &Start) -> Pipeline {
    let mut variables = vec![("Build.SourceBranch", start.branch), ("Build.Reason", start.reason)];
    if let Some((target, fork)) = start.target {
        variables.push(("System.PullRequest.TargetBranch", target));
        variables.extend((!fork.is_empty()).then_some(("System.PullRequest.IsFork", fork)));
    }
    let mut pipeline = pipeline.clone();
    for job in pipeline.stages.iter_mut().flat_map(|stage| &mut stage.jobs) {
        job.variables.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    }
    pipeline
}

/// The stages that run, without the build, when all go well.
async fn runs(pipeline: &Pipeline, start: &Start) -> Vec<String> {
    let pipeline = started(pipeline, start);
    let ended = forecast::stages(&pipeline, |_| Outcome::Succeeded).await;
    assert_eq!(ended["build"], Outcome::Succeeded, "the build always runs");
    let order = pipeline.stages.iter().map(|stage| stage.name.clone());
    order.filter(|name| name != "build" && ended[name] == Outcome::Succeeded).collect()
}

const NONE: [&str; 0] = [];

type Names = &'static [&'static str];

/// Branch → environments, per flow. Conditions ignore case, so `MAIN` and `Feat/x` pass where `main` and `feat/x` do: what
/// stands against them is the trigger, which minds case, and branch control.
fn wanted(flow: &Flow) -> Vec<(&'static str, Names)> {
    const ALL: Names = &["dev", "staging", "prod"];
    const DEV: Names = &["dev"];
    const STAGING: Names = &["staging"];
    const PROD: Names = &["prod"];
    let [feature, release, develop, hotfix, main] = match flow {
        Flow::Mapped => [DEV, STAGING, &[], &[], PROD],
        Flow::Trunk => [&[], &[], &[], &[], ALL],
        Flow::Develop => [&[], STAGING, DEV, &[], PROD],
        Flow::Hotfix => [&[], &[], &[], STAGING, ALL],
    };
    vec![
        ("refs/heads/feat/x", feature),
        ("refs/heads/Feat/x", feature),
        ("refs/heads/fix/x", feature),
        ("refs/heads/feat/x/y", feature),
        ("refs/heads/feature", &[]),
        ("refs/heads/feature/x", &[]),
        ("refs/heads/feat", &[]),
        ("refs/heads/release/1", release),
        ("refs/heads/release-1", &[]),
        ("refs/heads/develop", develop),
        ("refs/heads/hotfix/1", hotfix),
        ("refs/heads/main", main),
        ("refs/heads/MAIN", main),
        ("refs/heads/main-old", &[]),
        ("refs/heads/main/x", &[]),
        ("refs/heads/x/main", &[]),
        ("refs/tags/v1", &[]),
        ("refs/tags/main", &[]),
        ("main", &[]),
        ("", &[]),
    ]
}

fn stages_of(preset: &Preset, environments: &[&str]) -> Vec<String> {
    let each = |name: &&str| {
        let plan = preset.saves_plan().then(|| format!("plan_{name}"));
        plan.into_iter().chain([format!("deploy_{name}")]).collect::<Vec<_>>()
    };
    environments.iter().flat_map(each).collect()
}

#[tokio::test]
async fn every_branch_deploys_where_its_flow_says_and_nowhere_else() {
    let mut asked = 0;
    for preset in presets() {
        for flow in flows() {
            let pipeline = compiled(&rendered(&preset, flow));
            for (branch, environments) in wanted(&flow) {
                for reason in ["IndividualCI", "BatchedCI", "Manual", "Schedule"] {
                    let start = Start { reason, ..push(branch) };
                    let ran = runs(&pipeline, &start).await;
                    let place = format!("{} {} {branch} {reason}", preset.name(), flow);
                    assert_eq!(ran, stages_of(&preset, environments), "{place}");
                    asked += 1;
                }
            }
        }
    }
    assert_eq!(asked, 7 * 4 * 20 * 4);
}

#[tokio::test]
async fn a_pull_request_reaches_no_stage_with_deployment_credentials() {
    for preset in presets() {
        for flow in flows() {
            let yaml = rendered(&preset, flow);
            let pipeline = compiled(&yaml);
            let target = if yaml.contains("\npr:\n") { "main" } else { "refs/heads/main" };
            let previews = preset.previews();
            for (start, wanted) in [
                (pull(target, "False"), previews),
                (pull(target, "True"), false),
                // Nobody says whether it is a fork: nothing runs.
                (pull(target, ""), false),
                (pull("refs/heads/main-old", "False"), false),
                (pull("refs/heads/feat/x", "False"), false),
                // The branch of the run itself would do, were it no pull request.
                (Start { branch: "refs/heads/main", ..pull("refs/heads/other", "False") }, false),
                // A run by hand on the merge commit of a pull request.
                (Start { branch: "refs/pull/1/merge", ..push("") }, false),
            ] {
                let ran = runs(&pipeline, &start).await;
                let wanted: Vec<&str> = if wanted { vec!["preview_prod"] } else { NONE.to_vec() };
                let place = format!("{} {} {:?}", preset.name(), flow, start.target);
                assert_eq!(ran, wanted, "{place}");
            }
        }
    }
}

/// The trunk: dev, staging, prod in turn, whatever happens in between.
#[tokio::test]
async fn what_fails_holds_back_everything_after_it() {
    use Outcome::{Canceled, Failed, Skipped, Succeeded, SucceededWithIssues};
    for preset in presets() {
        let yaml = rendered(&preset, Flow::Trunk);
        let pipeline = started(&compiled(&yaml), &push("refs/heads/main"));
        let names = ["build", "deploy_dev", "deploy_staging", "deploy_prod"];
        for (broken, outcome, wanted) in [
            ("build", Failed, [Failed, Skipped, Skipped, Skipped]),
            ("build", Canceled, [Canceled, Skipped, Skipped, Skipped]),
            ("build", SucceededWithIssues, [SucceededWithIssues, Succeeded, Succeeded, Succeeded]),
            ("deploy_dev", Failed, [Succeeded, Failed, Skipped, Skipped]),
            ("deploy_dev", Canceled, [Succeeded, Canceled, Skipped, Skipped]),
            ("deploy_dev", SucceededWithIssues, [Succeeded, SucceededWithIssues, Succeeded, Succeeded]),
            // Taken out of the run by hand: on the trunk that is no way past an environment.
            ("deploy_dev", Skipped, [Succeeded, Skipped, Skipped, Skipped]),
            ("deploy_staging", Failed, [Succeeded, Succeeded, Failed, Skipped]),
            ("deploy_staging", Skipped, [Succeeded, Succeeded, Skipped, Skipped]),
        ] {
            let ended =
                forecast::stages(&pipeline, |name| if name == broken { outcome } else { Succeeded }).await;
            let ended = names.map(|name| ended[name]);
            assert_eq!(ended, wanted, "{}: {broken} ends as {outcome:?}", preset.name());
        }
    }
}

/// A plan that failed is never applied.
#[tokio::test]
async fn what_was_not_planned_is_not_applied() {
    for preset in presets().into_iter().filter(Preset::saves_plan) {
        let yaml = rendered(&preset, Flow::Trunk);
        let pipeline = started(&compiled(&yaml), &push("refs/heads/main"));
        for outcome in [Outcome::Failed, Outcome::Canceled, Outcome::Skipped] {
            let ends = |name: &str| if name == "plan_staging" { outcome } else { Outcome::Succeeded };
            let ended = forecast::stages(&pipeline, ends).await;
            assert_eq!(ended["deploy_dev"], Outcome::Succeeded);
            for held in ["deploy_staging", "plan_prod", "deploy_prod"] {
                assert_eq!(ended[held], Outcome::Skipped, "{}: {held}, {outcome:?}", preset.name());
            }
        }
    }
}

/// A hotfix enters at staging: dev is left out for it, and its failure on the trunk still counts there.
#[tokio::test]
async fn a_stage_that_is_not_for_a_branch_does_not_break_the_chain() {
    use Outcome::{Failed, Skipped, Succeeded};
    let yaml = rendered(&presets()[0], Flow::Hotfix);
    let ends = |broken: &'static str| move |name: &str| if name == broken { Failed } else { Succeeded };
    for (branch, broken, wanted) in [
        ("refs/heads/hotfix/1", "", [Skipped, Succeeded, Skipped]),
        ("refs/heads/hotfix/1", "build", [Skipped, Skipped, Skipped]),
        ("refs/heads/main", "", [Succeeded, Succeeded, Succeeded]),
        ("refs/heads/main", "deploy_dev", [Failed, Skipped, Skipped]),
        ("refs/heads/main", "deploy_staging", [Succeeded, Failed, Skipped]),
    ] {
        let pipeline = started(&compiled(&yaml), &push(branch));
        let ended = forecast::stages(&pipeline, ends(broken)).await;
        let ended = ["deploy_dev", "deploy_staging", "deploy_prod"].map(|name| ended[name]);
        assert_eq!(ended, wanted, "{branch}, {broken} fails");
    }
    // Taken out by hand on the trunk, dev is no stage that "is not for this branch".
    let pipeline = started(&compiled(&yaml), &push("refs/heads/main"));
    let ended =
        forecast::stages(&pipeline, |name| if name == "deploy_dev" { Skipped } else { Succeeded }).await;
    assert_eq!(ended["deploy_staging"], Skipped);
}
