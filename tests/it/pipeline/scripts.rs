//! The scripts themselves, run by bash with a stand-in for the tools they call.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use keyless::domain::deploy::{Deployment, Flow, render};
use serde_json::Value as Json;

use super::answers::{deployment, optional, presets};

/// A step of a stage: its script and environment.
struct Step {
    script: String,
    environment: Vec<(String, String)>,
}

/// The step of that name (its beginning) in the deployment of an environment.
fn step(deployment: &Deployment, stage: &str, display: &str) -> Step {
    let yaml: Json = serde_saphyr::from_str(&render(deployment).unwrap()).unwrap();
    let stages = yaml["stages"].as_array().unwrap();
    let stage = stages.iter().find(|one| one["stage"] == stage).unwrap_or_else(|| panic!("no {stage}"));
    let job = stage["jobs"].as_array().unwrap().last().unwrap();
    let deploy = &job["strategy"]["runOnce"]["deploy"]["steps"];
    let steps = if deploy.is_array() { deploy } else { &job["steps"] };
    let named = |one: &&Json| one["displayName"].as_str().is_some_and(|name| name.starts_with(display));
    let step = steps.as_array().unwrap().iter().find(named).unwrap_or_else(|| panic!("no {display}"));
    let script = step["bash"].as_str().or(step["inputs"]["inlineScript"].as_str()).unwrap();
    let environment = step["env"].as_object().into_iter().flatten();
    let environment = environment.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    Step { script: script.to_owned(), environment: environment.collect() }
}

/// Runs a step in a folder, where `tools` are the only programs of their names; each notes its arguments in `calls`.
fn run(home: &Path, step: &Step, tools: &[(&str, &str)], more: &[(&str, &str)]) -> (Output, String) {
    let bin = home.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let _ = std::fs::remove_file(home.join("calls"));
    for (name, body) in tools {
        let file = bin.join(name);
        let text = format!("#!/bin/bash\necho \"{name} $*\" >> \"$CALLS\"\n{body}\n");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &step.script])
        .current_dir(home)
        .env_clear()
        .env("PATH", path)
        .env("CALLS", home.join("calls"))
        .env("AGENT_TEMPDIRECTORY", home)
        .env("PIPELINE_WORKSPACE", home.join("workspace"))
        .envs(step.environment.iter().map(|(name, value)| (name, value)))
        .envs(more.iter().copied())
        .output()
        .unwrap();
    let calls = std::fs::read_to_string(home.join("calls")).unwrap_or_default();
    (output, calls)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_job_that_is_somebody_else_ends_before_it_changes_anything() {
    let home = tempfile::tempdir().unwrap();
    let answers = deployment(presets().remove(0), Flow::Mapped);
    let check = step(&answers, "deploy_dev", "Check that this job is");
    let role = "arn:aws:sts::111111111111:assumed-role/AzureDevOpsDevRole";
    for (arn, passes) in [
        (format!("{role}/keyless-dev"), true),
        (format!("{role}/a@b"), true),
        (format!("{role}2/keyless-dev"), false),
        (format!("{role}/"), false),
        (role.to_owned(), false),
        (format!("x{role}/keyless-dev"), false),
        (role.replace("111111111111", "222222222222") + "/keyless-dev", false),
        (role.replace("Dev", "dev") + "/keyless-dev", false),
        ("arn:aws:iam::111111111111:user/ci".to_owned(), false),
        (String::new(), false),
    ] {
        let (output, calls) = run(home.path(), &check, &[("aws", &format!("echo '{arn}'"))], &[]);
        assert_eq!(output.status.success(), passes, "{arn}: {}", said(&output));
        assert_eq!(said(&output).contains("##vso[task.logissue type=error]"), !passes, "{}", said(&output));
        assert_eq!(calls, "aws sts get-caller-identity --query Arn --output text\n");
    }
    let (output, _) = run(home.path(), &check, &[("aws", "exit 254")], &[]);
    assert!(!output.status.success(), "no answer is no identity");
}

#[test]
fn every_branch_has_a_name_of_its_own_that_stacks_can_carry() {
    let home = tempfile::tempdir().unwrap();
    let slug = step(&optional(presets().remove(0)), "build", "Name the stacks");
    let long = format!("refs/heads/feat/{}", "x".repeat(150));
    let branches = [
        "refs/heads/feat/a-b",
        "refs/heads/feat/a/b",
        "refs/heads/feat/A-b",
        "refs/heads/feat/a_b",
        "refs/heads/feat/ünï",
        "refs/heads/feat/$(id)",
        "refs/heads/feat/'x'",
        "refs/heads/x/////",
        &long,
    ];
    let mut names = BTreeSet::new();
    for branch in branches {
        let (output, _) = run(home.path(), &slug, &[], &[("BUILD_SOURCEBRANCH", branch)]);
        let said = said(&output);
        let name = said.trim().strip_prefix("##vso[task.setvariable variable=branchSlug]");
        let name = name.unwrap_or_else(|| panic!("{branch}: {said}")).to_owned();
        assert!(name.len() <= 37, "{name}");
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.chars().all(letters), "{branch}: {name:?}");
        names.insert(name);
    }
    assert_eq!(names.len(), branches.len(), "{names:?}");
}

#[test]
fn cdk_deploys_what_was_synthesized_for_this_environment() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("infra")).unwrap();
    let npx = [("npx", "true")];
    let workspace = home.path().join("workspace").display().to_string();
    let all = deployment(presets().remove(0), Flow::Mapped);
    let (output, calls) = run(home.path(), &step(&all, "deploy_prod", "Deploy prod"), &npx, &[]);
    assert!(output.status.success(), "{}", said(&output));
    let rest = "--require-approval never --ci --progress events";
    assert_eq!(calls, format!("npx cdk deploy --all --app {workspace}/cdk.out/prod {rest}\n"));
    let chosen = optional(presets().remove(0));
    // A file that the pattern would match is not what is meant.
    std::fs::write(home.path().join("infra/PaymentsFile"), "").unwrap();
    let (_, calls) = run(home.path(), &step(&chosen, "deploy_dev", "Deploy dev"), &npx, &[]);
    assert_eq!(calls, format!("npx cdk deploy Payments* Audit --app {workspace}/cdk.out/dev {rest}\n"));
    let (_, calls) = run(home.path(), &step(&all, "preview_prod", "Show what"), &npx, &[]);
    assert_eq!(calls, format!("npx cdk diff --app {workspace}/cdk.out/prod --no-change-set\n"));
    let slug = [("STACK_SUFFIX", "feat-x-123456")];
    let synth = step(&chosen, "build", "Synthesize dev");
    let (_, calls) = run(home.path(), &synth, &npx, &slug);
    assert!(calls.trim_end().ends_with("--context stackSuffix=feat-x-123456"), "{calls}");
    let synth = step(&chosen, "build", "Synthesize prod");
    let (_, calls) = run(home.path(), &synth, &npx, &[]);
    assert!(calls.trim_end().ends_with("--context region=eu-west-1"), "{calls}");
}

#[test]
fn terraform_applies_exactly_the_plan_that_was_shown() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("source/terraform")).unwrap();
    let terraform = [("terraform", "[ \"$1\" = show ] && echo '1 to add'; exit 0")];
    let answers = deployment(presets().remove(1), Flow::Mapped);
    let here = home.path().display().to_string();
    let (output, calls) = run(home.path(), &step(&answers, "plan_prod", "Plan prod"), &terraform, &[]);
    assert!(output.status.success(), "{}", said(&output));
    let init = "terraform init -input=false -lockfile=readonly";
    assert_eq!(
        calls,
        format!(
            "{init} -backend-config=bucket=acme-state-333333333333 -backend-config=key=payments/prod.tfstate \
             -backend-config=region=eu-west-1 -backend-config=use_lockfile=true\n\
             terraform plan -input=false -lock=false -var-file=prod.tfvars -out={here}/plan/tfplan\n\
             terraform show -no-color {here}/plan/tfplan\n"
        )
    );
    let shown = std::fs::read_to_string(home.path().join("plan/plan.md")).unwrap();
    assert_eq!(shown, "## Plan for prod\n```\n1 to add\n```\n");
    assert!(said(&output).contains(&format!("##vso[task.uploadsummary]{here}/plan/plan.md")));
    let (output, calls) = run(home.path(), &step(&answers, "deploy_dev", "Apply"), &terraform, &[]);
    assert!(output.status.success(), "{}", said(&output));
    let last = calls.lines().last().unwrap();
    assert_eq!(last, format!("terraform apply -input=false {here}/workspace/plan-dev/tfplan"));
    assert!(calls.contains("-backend-config=dynamodb_table=acme-lock"), "{calls}");
    // A plan that fails is not handed on.
    let broken = [("terraform", "[ \"$1\" = plan ] && exit 1; exit 0")];
    let (output, _) = run(home.path(), &step(&answers, "plan_prod", "Plan prod"), &broken, &[]);
    assert!(!output.status.success());
}

#[test]
fn an_amplify_job_is_watched_to_its_end() {
    let home = tempfile::tempdir().unwrap();
    let more = [("BUILD_SOURCEBRANCH", "refs/heads/feat/x"), ("BUILD_SOURCEVERSION", "c0ffee")];
    let aws = |status: &str| {
        format!(
            "case \"$2\" in start-job) echo 7 ;; create-deployment) echo '7 https://x.invalid/put' ;; get-job) {status} ;; esac"
        )
    };
    // Running at first, then as told.
    let later =
        |end: &str| format!("if [ -e seen ]; then rm seen; echo {end}; else touch seen; echo RUNNING; fi");
    for (preset, display) in [(3, "Build the frontend of dev"), (4, "Upload to dev")] {
        let answers = deployment(presets().remove(preset), Flow::Mapped);
        let watch = step(&answers, "deploy_dev", display);
        for (status, passes) in [
            (later("SUCCEED"), true),
            (later("FAILED"), false),
            (later("CANCELLED"), false),
            ("exit 254".to_owned(), false),
        ] {
            let aws = aws(&status);
            let tools = [("aws", aws.as_str()), ("sleep", "true"), ("curl", "true")];
            let (output, calls) = run(home.path(), &watch, &tools, &more);
            assert_eq!(output.status.success(), passes, "{status}: {}", said(&output));
            assert!(
                calls.contains("aws amplify get-job --app-id d1devexample --branch-name dev --job-id 7"),
                "{calls}"
            );
            assert_eq!(calls.contains("curl"), preset == 4, "{calls}");
            assert!(!said(&output).contains("x.invalid"), "the address to upload to is as good as a key");
        }
        // It ends before the session does.
        let aws = aws("echo RUNNING");
        let tools = [("aws", aws.as_str()), ("sleep", "true"), ("curl", "true")];
        let (output, _) = run(home.path(), &watch, &tools, &[("WAIT_SECONDS", "0"), more[0], more[1]]);
        assert!(!output.status.success() && said(&output).contains("is still RUNNING"), "{}", said(&output));
    }
    let mut own = optional(presets().remove(2));
    own.targets[0].plan = None;
    std::fs::create_dir_all(home.path().join("source")).unwrap();
    let (output, calls) =
        run(home.path(), &step(&own, "deploy_dev", "Deploy dev"), &[("npx", "true")], &more);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(calls, "npx ampx pipeline-deploy --branch feat/x --app-id d1devexample\n");
}

#[test]
fn a_template_is_compared_with_what_is_there_without_a_change_set() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("source/stack")).unwrap();
    std::fs::write(home.path().join("source/stack/template.yaml"), "Resources: {}\n").unwrap();
    let answers = deployment(presets().remove(5), Flow::Trunk);
    let preview = step(&answers, "preview_prod", "Show what would change");
    let jq = "[ \"$1\" = --raw-output ] && cat || exit 4";
    for (listed, deployed, passes, words) in [
        ("", "", true, "everything in stack/template.yaml is new"),
        ("payments-prod", "Resources: {}", true, ""),
        ("payments-prod", "Resources: {a: 1}", true, "-Resources: {a: 1}\n+Resources: {}"),
    ] {
        let aws = format!(
            "case \"$2\" in list-stacks) echo '{listed}' ;; get-template) echo '{deployed}' ;; *) exit 9 ;; esac"
        );
        let (output, calls) = run(home.path(), &preview, &[("aws", &aws), ("jq", jq)], &[]);
        assert_eq!(output.status.success(), passes, "{}", said(&output));
        assert!(said(&output).contains(words), "{}", said(&output));
        assert!(!calls.contains("change-set"), "{calls}");
    }
    let (output, _) = run(home.path(), &preview, &[("aws", "exit 254"), ("jq", jq)], &[]);
    assert!(!output.status.success(), "{}", said(&output));
}
