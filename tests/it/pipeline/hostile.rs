//! Names that want to be more than names, and answers that make no pipeline.

use keyless::domain::deploy::{Approval, Deployment, Flow, Place, Pool, Problem, Value, render};
use serde_json::Value as Json;

use super::answers::{deployment, presets, v};

fn read(text: &str) -> Json {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Everything that is only a name comes out of the YAML as it went in, and nothing else changes.
#[test]
fn a_name_stays_a_name() {
    for hostile in [
        "it's",
        "\"quoted\"",
        "a: b",
        "a # b",
        "# b",
        "- a",
        "yes",
        "0123",
        "}} {{ x",
        "a', condition: always(), 'b",
        "`id`; rm -rf x",
        "ünïcödé",
        "!!python/object:x",
        "&anchor",
        "%TAG",
    ] {
        for preset in presets() {
            let plain = deployment(preset, Flow::Mapped);
            let mut named = plain.clone();
            named.pool = Pool::Named(v(hostile));
            named.targets[0].variable_group = Some(v(hostile));
            if let Ok(connection) = hostile.parse() {
                named.targets[0].connection = connection;
            }
            if let Ok(environment) = hostile.parse::<Value>()
                && !hostile.contains(['"', ':', '/', ';', '[', '<', '>', '=', '?', '*', ','])
            {
                named.targets[0].environment = environment;
            }
            let (text, before) = (render(&named).unwrap(), render(&plain).unwrap());
            let (yaml, before) = (read(&text), read(&before));
            assert_eq!(yaml["pool"]["name"], hostile, "{text}");
            let dev = |yaml: &Json| {
                let stages = yaml["stages"].as_array().unwrap().clone();
                stages.into_iter().find(|stage| stage["stage"] == "deploy_dev").unwrap()
            };
            let (stage, before_stage) = (dev(&yaml), dev(&before));
            assert_eq!(stage["variables"][0]["group"], hostile);
            assert_eq!(stage["condition"], before_stage["condition"]);
            let job = &stage["jobs"][0];
            assert_eq!(job["environment"]["name"], named.targets[0].environment.as_str());
            let identity = &job["strategy"]["runOnce"]["deploy"]["steps"][0];
            assert_eq!(identity["inputs"]["awsCredentials"], named.targets[0].connection.as_str());
            assert_eq!(keys(&yaml), keys(&before), "the shape of the YAML is the same");
        }
    }
}

/// The keys of stages, jobs and steps, without values.
fn keys(yaml: &Json) -> Vec<String> {
    let mut found = Vec::new();
    for stage in yaml["stages"].as_array().unwrap() {
        let mut stage = stage.clone();
        // The group is what one of the two has and the other has not.
        stage.as_object_mut().unwrap().remove("variables");
        shape(&stage, "", &mut found);
    }
    found
}

fn shape(yaml: &Json, place: &str, found: &mut Vec<String>) {
    match yaml {
        Json::Object(fields) => {
            for (key, value) in fields {
                shape(value, &format!("{place}.{key}"), found);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| shape(item, &format!("{place}[]"), found)),
        _ => found.push(place.to_owned()),
    }
}

/// git takes these as branch names, and so does the type.
#[test]
fn a_branch_is_only_a_branch_in_conditions_and_triggers() {
    let branch = "x'),eq(1,1),('y";
    let mut answers = deployment(presets().remove(0), Flow::Mapped);
    answers.targets[0].branches = vec![v(branch)];
    let yaml = read(&render(&answers).unwrap());
    assert_eq!(yaml["trigger"]["branches"]["include"][0], branch);
    let condition = yaml["stages"][1]["condition"].as_str().unwrap();
    assert!(condition.contains("'refs/heads/x''),eq(1,1),(''y')"), "{condition}");
    for expanded in ["a$(System.AccessToken)", "a${{parameters.x}}", "a$[x"] {
        if let Ok(branch) = expanded.parse() {
            answers.targets[0].branches = vec![branch];
            assert!(matches!(render(&answers), Err(Problem::Value(_))), "{expanded}");
        }
    }
}

type Change = fn(&mut Deployment);

#[test]
fn answers_that_make_no_pipeline_are_refused() {
    let cases: [(Change, &str); 16] = [
        (|d| d.targets.clear(), "no environment"),
        (|d| d.targets[1].name = v("DEV"), "two environments are called DEV"),
        (|d| d.targets[0].branches.clear(), "no branch deploys to dev"),
        (|d| d.targets[0].session_seconds = 899, "899 s for dev"),
        (|d| d.targets[0].session_seconds = 43_201, "43201 s for dev"),
        (|d| d.targets[2].plan.as_mut().unwrap().session_seconds = 0, "0 s for prod"),
        (
            |d| {
                *d = deployment(presets().remove(5), Flow::Mapped);
                d.targets[0].per_branch = true;
                if let Place::CloudFormation(stack) = &mut d.targets[0].place {
                    stack.name = v(&"x".repeat(91));
                }
            },
            "at most 90",
        ),
        (|d| d.targets[0].region = v("cn-north-1"), "another partition"),
        (|d| d.targets[2].per_branch = true, "prod is protected"),
        (|d| d.targets[0].environment = v("a/b"), "no name for an Azure DevOps environment"),
        (|d| d.targets[0].environment = v(&"x".repeat(128)), "no name for an Azure DevOps environment"),
        (|d| d.targets[0].place = Place::Script, "dev has no settings for the preset cdk"),
        (|d| d.targets[0].place = Place::Cdk(vec![v("a b")]), "`a b` is no stack"),
        (
            |d| {
                let connection = d.targets[2].connection.clone();
                d.targets[2].plan.as_mut().unwrap().connection = connection;
            },
            "must be others",
        ),
        (
            |d| d.targets[2].plan.as_mut().unwrap().role = v("arn:aws:iam::999999999999:role/Plan"),
            "another account",
        ),
        (
            |d| d.preset = keyless::domain::deploy::Preset::Cdk { dir: v("../other") },
            "no path inside the repository",
        ),
    ];
    for (change, words) in cases {
        let mut answers = deployment(presets().remove(0), Flow::Mapped);
        change(&mut answers);
        let problem = render(&answers).expect_err(words);
        assert!(problem.to_string().contains(words), "{problem} is not: {words}");
        assert_eq!(problem.failure().evidence[0].value, problem.to_string());
    }
}

/// Names that differ only in what a stage's name cannot hold.
#[test]
fn stages_have_names_of_their_own() {
    let mut answers = deployment(presets().remove(0), Flow::Trunk);
    for (target, name) in answers.targets.iter_mut().zip(["eu-1", "eu_1", "1-eu"]) {
        target.name = v(name);
    }
    let yaml = read(&render(&answers).unwrap());
    let names: Vec<&str> =
        yaml["stages"].as_array().unwrap().iter().map(|s| s["stage"].as_str().unwrap()).collect();
    assert_eq!(names, ["build", "deploy_eu_1", "deploy_eu_1_2", "preview_1_eu", "deploy_1_eu"]);
}

#[test]
fn a_question_in_the_yaml_is_asked_before_protected_environments_only() {
    let mut answers = deployment(presets().remove(0), Flow::Mapped);
    answers.approval = Approval::ManualValidation { notify: v("ops@example.com, [payments]\\Ops") };
    let text = render(&answers).unwrap();
    let yaml = read(&text);
    assert_eq!(text.matches("ManualValidation@0").count(), 1);
    let prod = yaml["stages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(prod["jobs"][0]["pool"], "server");
    assert_eq!(prod["jobs"][0]["steps"][0]["inputs"]["notifyUsers"], "ops@example.com, [payments]\\Ops");
    assert_eq!(prod["jobs"][1]["dependsOn"], "ask_prod");
    assert!(!text.contains("deployment:"), "{text}");
}
