//! What must be true of every pipeline that is written, whatever its preset and flow.

use std::collections::BTreeSet;

use keyless::domain::deploy::{Deployment, Flow, Host, Place, Target, render};
use serde_json::Value as Json;

use super::answers::{deployment, flows, optional, presets};

fn all() -> Vec<(String, Deployment, Json)> {
    let mut all: Vec<(String, Deployment)> = Vec::new();
    for preset in presets() {
        for flow in flows() {
            all.push((format!("{} {}", preset.name(), flow), deployment(preset.clone(), flow)));
        }
        all.push((format!("{} optional", preset.name()), optional(preset)));
    }
    let read = |(name, deployment): (String, Deployment)| {
        let yaml = serde_saphyr::from_str(&render(&deployment).unwrap()).unwrap();
        (name, deployment, yaml)
    };
    all.into_iter().map(read).collect()
}

fn list(yaml: &Json) -> Vec<&Json> {
    yaml.as_array().into_iter().flatten().collect()
}

/// The steps of a job of either kind.
fn steps(job: &Json) -> Vec<&Json> {
    let deployment = &job["strategy"]["runOnce"]["deploy"]["steps"];
    list(if deployment.is_array() { deployment } else { &job["steps"] })
}

fn connections(stage: &Json) -> BTreeSet<&str> {
    let steps = list(&stage["jobs"]).into_iter().flat_map(steps);
    steps.filter_map(|step| step["inputs"]["awsCredentials"].as_str()).collect()
}

/// Neither builds nor plans nor previews, whatever the branch, name a secret or a secure file.
#[test]
fn only_the_stage_that_deploys_has_secrets() {
    for (name, deployment, yaml) in all() {
        let named = deployment.targets.iter().any(|target| !target.secrets.is_empty());
        assert_eq!(named, name.ends_with(" optional"), "{name}");
        let holds = |stage: &&Json| {
            let text = stage.to_string();
            text.contains("payments-prod-vault") || text.contains("DownloadSecureFile")
        };
        let stages: Vec<&str> = list(&yaml["stages"])
            .into_iter()
            .filter(holds)
            .map(|stage| stage["stage"].as_str().unwrap())
            .collect();
        let wanted: &[&str] = if named { &["deploy_prod"] } else { &[] };
        assert_eq!(stages, wanted, "{name}");
        assert!(yaml["variables"].is_null(), "{name}: no group for all stages");
    }
}

#[test]
fn every_stage_says_what_it_waits_for_and_when_it_runs() {
    for (name, _, yaml) in all() {
        let stages = list(&yaml["stages"]);
        assert_eq!(stages[0]["stage"], "build", "{name}");
        assert_eq!(stages[0]["dependsOn"], Json::Array(Vec::new()), "{name}");
        let mut known = vec!["build"];
        for stage in &stages[1..] {
            let id = stage["stage"].as_str().unwrap();
            let depends: Vec<&str> =
                list(&stage["dependsOn"]).iter().map(|one| one.as_str().unwrap()).collect();
            assert_eq!(depends[0], "build", "{name} {id}");
            assert!(depends.iter().all(|one| known.contains(one)), "{name} {id}: {depends:?}");
            let condition = stage["condition"].as_str().unwrap();
            assert!(condition.contains("not(canceled())"), "{name} {id}: {condition}");
            // Its result is looked at if, and only if, it is waited for: any other name would be null.
            for other in &known {
                let looked_at = condition.contains(&format!("dependencies.{other}.result"));
                assert_eq!(looked_at, depends.contains(other), "{name} {id} and {other}: {condition}");
            }
            known.push(id);
        }
    }
}

#[test]
fn only_its_own_connection_is_named_in_a_stage_and_none_in_the_build() {
    for (name, deployment, yaml) in all() {
        for stage in list(&yaml["stages"]) {
            let id = stage["stage"].as_str().unwrap();
            let target = deployment.targets.iter().find(|target| id.ends_with(target.name.as_str()));
            let Some(target) = target else {
                assert_eq!((id, connections(stage)), ("build", BTreeSet::new()), "{name}");
                continue;
            };
            let own = target.connection.as_str();
            let reading = target.plan.as_ref().map(|plan| plan.connection.as_str());
            let wanted = match id.split_once('_').unwrap().0 {
                "preview" => reading.unwrap(),
                "plan" if deployment.preset.plans_read_only() => reading.unwrap_or(own),
                _ => own,
            };
            assert_eq!(connections(stage), BTreeSet::from([wanted]), "{name} {id}");
            let guard = "ne(variables['Build.Reason'], 'PullRequest')";
            let condition = stage["condition"].as_str().unwrap();
            assert_eq!(condition.contains(guard), !id.starts_with("preview_"), "{name} {id}");
        }
    }
}

#[test]
fn the_identity_is_checked_before_anything_else_and_against_account_and_role() {
    for (name, deployment, yaml) in all() {
        for stage in list(&yaml["stages"]) {
            let id = stage["stage"].as_str().unwrap();
            for job in list(&stage["jobs"]) {
                let steps = steps(job);
                let with = |step: &&&Json| step["inputs"]["awsCredentials"].is_string();
                let Some(first) = steps.iter().find(with) else { continue };
                assert!(std::ptr::eq(*first, steps[0]), "{name} {id}: the first step");
                let script = first["inputs"]["inlineScript"].as_str().unwrap();
                assert!(script.contains("aws sts get-caller-identity"), "{name} {id}: {script}");
                let target =
                    deployment.targets.iter().find(|target| id.ends_with(target.name.as_str())).unwrap();
                let connection = first["inputs"]["awsCredentials"].as_str().unwrap();
                let plan = target.plan.as_ref().filter(|plan| plan.connection.as_str() == connection);
                let role = plan.map_or(&target.role, |plan| &plan.role);
                let session = format!("arn:aws:sts::{}:assumed-role/{}", role.account, role.name);
                assert_eq!(first["env"]["EXPECTED_ROLE"], session, "{name} {id}");
            }
        }
    }
}

#[test]
fn deployments_run_in_their_environment_and_their_sessions_are_long_enough() {
    for (name, deployment, yaml) in all() {
        let stages = list(&yaml["stages"]);
        let order: Vec<&str> =
            stages.iter().filter_map(|stage| stage["stage"].as_str()?.strip_prefix("deploy_")).collect();
        assert_eq!(order, ["dev", "staging", "prod"], "{name}: promotion order");
        let optional = name.ends_with("optional");
        for (target, id) in deployment.targets.iter().zip(order) {
            let stage = stages.iter().find(|stage| stage["stage"] == format!("deploy_{id}")).unwrap();
            let job = list(&stage["jobs"]).into_iter().next_back().unwrap();
            assert_eq!(job["deployment"].is_string(), !optional, "{name} {id}");
            if !optional {
                assert_eq!(job["environment"]["name"], target.environment.as_str(), "{name} {id}");
            }
            let variables = list(&stage["variables"]);
            let named = |one: &&&Json| one["name"] == "aws.rolecredential.maxduration";
            let session = variables.iter().find(named).map(|one| one["value"].as_str().unwrap().to_owned());
            let longer = target.session_seconds > 900;
            assert_eq!(session, longer.then(|| target.session_seconds.to_string()), "{name} {id}");
            let plan = stages.iter().find(|stage| stage["stage"] == format!("plan_{id}"));
            let plan_session = plan.map(|plan| list(&plan["variables"])).unwrap_or_default();
            let plan_session = plan_session.iter().find(named).and_then(|one| one["value"].as_str());
            if deployment.preset.plans_read_only() && target.plan.is_some() {
                assert_eq!(plan_session, Some("3600"), "{name} {id}: the other role's session");
            }
            let minutes = job["timeoutInMinutes"].as_u64();
            assert_eq!(minutes, (target.session_seconds > 3600).then_some(120), "{name} {id}");
        }
    }
}

#[test]
fn triggers_are_exactly_the_branches_that_deploy() {
    for (name, deployment, yaml) in all() {
        let branches = deployment.targets.iter().flat_map(|target| &target.branches);
        let wanted: BTreeSet<&str> = branches.map(|branch| branch.as_str()).collect();
        let included = |key: &str| {
            let list = list(&yaml[key]["branches"]["include"]);
            let names: Vec<&str> = list.iter().map(|one| one.as_str().unwrap()).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{name}: each once");
            names.into_iter().collect::<BTreeSet<_>>()
        };
        assert_eq!(included("trigger"), wanted, "{name}");
        if deployment.host == Host::Github {
            assert_eq!(included("pr"), wanted, "{name}");
        } else {
            assert!(yaml.get("pr").is_none(), "{name}: Azure Repos ignores it");
        }
    }
}

#[test]
fn a_prefix_ends_at_a_slash() {
    let mut prefixes = 0;
    for (name, _, yaml) in all() {
        for stage in list(&yaml["stages"]) {
            let condition = stage["condition"].as_str().unwrap_or_default();
            for call in condition.split("startsWith(").skip(1) {
                let text = call.split('\'').nth(3).unwrap();
                assert!(text.ends_with('/'), "{name}: {condition}");
                prefixes += 1;
            }
        }
    }
    assert!(prefixes > 50, "{prefixes}");
}

/// The answers of the README as a pipeline: the same names, whole sessions.
#[test]
fn a_federation_becomes_targets() {
    let readme = include_str!("../../../README.md");
    let begin = readme.find("```toml\n").unwrap() + 8;
    let answers = &readme[begin..begin + readme[begin..].find("```").unwrap()];
    let federation = keyless::config::parse(answers, "README.md").unwrap();
    let target = |environment| Target::of(environment, Place::Script).unwrap();
    let mut wanted = deployment(presets().remove(6), Flow::Mapped);
    wanted.targets = federation.environments.iter().map(target).collect();
    for (target, environment) in wanted.targets.iter().zip(&federation.environments) {
        assert_eq!(target.role, environment.role_arn());
        assert_eq!(target.session_seconds, u32::from(environment.session_hours) * 3600);
        assert_eq!(target.environment.as_str(), environment.name.as_str());
    }
    let text = render(&wanted).unwrap();
    for environment in &federation.environments {
        assert!(text.contains(&format!("awsCredentials: {}", environment.connection)), "{text}");
    }
}

/// What the tools are told, by preset: the words a reviewer would look for.
#[test]
fn each_preset_is_whole() {
    for (preset, words) in presets().into_iter().zip([
        &["npx cdk synth", "--require-approval never", "cdk.out/$TARGET", "artifact: cdk.out"][..],
        &[
            "-backend-config=\"bucket=$STATE_BUCKET\"",
            "-out=",
            "plan-prod",
            "terraform apply -input=false \"$PIPELINE",
        ],
        &["npx ampx pipeline-deploy --branch", "aws amplify start-job", "aws amplify get-job"],
        &["aws amplify start-job", "job.summary.status", "CANCELLED"],
        &["aws amplify create-deployment", "aws amplify start-deployment", "site.zip"],
        &[
            "CloudFormationCreateOrUpdateStack@1",
            "useChangeSet: true",
            "autoExecuteChangeSet: false",
            "CloudFormationExecuteChangeSet@1",
            "roleARN: 'arn:aws:iam::333333333333:role/PaymentsExecution'",
            "captureAsSecuredVars: true",
        ],
        &["bash \"$DEPLOY_SCRIPT\"", "artifact: build"],
    ]) {
        for flow in flows() {
            let text = render(&deployment(preset.clone(), flow)).unwrap();
            for word in words {
                assert!(text.contains(word), "{}: {word}", preset.name());
            }
            // AWSCLI@1 cannot run cdk, terraform or ampx; approvals in the YAML are asked for only where wanted.
            assert!(!text.contains("AWSCLI@1") && !text.contains("ManualValidation"), "{text}");
            assert!(text.contains("A condition is no gate."), "{text}");
            let file = format!("{}/assets/pipelines/{}.yml", env!("CARGO_MANIFEST_DIR"), preset.name());
            let about = std::fs::read_to_string(file).unwrap();
            let about = about.split("\n\n").next().unwrap();
            assert!(about.starts_with("# ") && text.contains(about), "what must be known of {about}");
            assert!(!text.contains("{{"), "{text}");
        }
    }
}
