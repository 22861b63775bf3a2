//! Template expressions and the reading of pipelines.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::agent::steps::Work;
use crate::sandbox::agent::yaml::{Pipeline, Source, compile};

fn compiled(yaml: &str, parameters: Value) -> Result<Pipeline, String> {
    let parameters = parameters.as_object().unwrap().clone();
    let variables = BTreeMap::from([("Build.SourceBranch".to_owned(), "refs/heads/main".to_owned())]);
    let defaults = BTreeMap::from([("Who".to_owned(), "definition".to_owned())]);
    let shared = BTreeMap::from([("Who".to_owned(), "group".to_owned())]);
    let groups = BTreeMap::from([("shared".to_owned(), shared)]);
    compile(&Source {
        yaml,
        path: "/p.yml",
        parameters: &parameters,
        variables: &variables,
        defaults: &defaults,
        groups: &groups,
    })
}

fn displays(pipeline: &Pipeline) -> Vec<String> {
    let jobs = pipeline.stages.iter().flat_map(|stage| &stage.jobs);
    jobs.flat_map(|job| job.steps.iter().map(|step| step.display.clone())).collect()
}

const EACH: &str = "
parameters:
- name: environments
  type: object
  default: []
- name: extra
  type: boolean
  default: false
variables:
- name: aws.rolecredential.maxduration
  value: 3600
pool:
  vmImage: ubuntu-latest
steps:
- checkout: none
- ${{ each e in parameters.environments }}:
  - task: AWSCLI@1
    displayName: ${{ format('{0} in {1}', e.name, e.account) }}
    ${{ if e.protected }}:
      continueOnError: true
    retryCountOnTaskFailure: 3
    inputs:
      awsCredentials: ${{ e.connection }}
      awsArguments: --output json
- ${{ if eq(parameters.extra, true) }}:
  - script: echo extra
    displayName: extra
- ${{ elseif startsWith(variables['Build.SourceBranch'], 'refs/heads/') }}:
  - script: echo branch
    displayName: branch ${{ variables['aws.rolecredential.maxduration'] }}
- ${{ else }}:
  - script: echo other
    displayName: other
";

#[test]
fn each_if_and_else_make_the_steps() {
    let environments = json!([
        {"name": "dev", "account": "012345678901", "connection": "AWS-Dev"},
        {"name": "prod", "account": 777788889999_u64, "connection": "AWS-Prod", "protected": true},
    ]);
    for given in [environments.clone(), Value::String(environments.to_string())] {
        let pipeline = compiled(EACH, json!({"environments": given})).unwrap();
        let wanted = ["Checkout none", "dev in 012345678901", "prod in 777788889999", "branch 3600"];
        assert_eq!(displays(&pipeline), wanted);
        let job = &pipeline.stages[0].jobs[0];
        assert_eq!((pipeline.stages[0].name.as_str(), job.name.as_str()), ("__default", "Job"));
        assert_eq!(job.variables["aws.rolecredential.maxduration"], "3600");
        assert_eq!((job.steps[1].retries, job.steps[1].continue_on_error), (3, false));
        assert!(job.steps[2].continue_on_error);
        assert_eq!(job.steps[2].connection(), Some("AWS-Prod"));
        let Work::Task { inputs, .. } = &job.steps[1].work else { panic!("not a task") };
        assert_eq!(inputs["awsarguments"], "--output json");
    }
    let extra =
        compiled(EACH, json!({"environments": "- {name: a, account: 1, connection: C}", "extra": "True"}));
    assert_eq!(displays(&extra.unwrap()), ["Checkout none", "a in 1", "extra"]);
}

#[test]
fn a_boolean_becomes_text_as_the_service_writes_it() {
    let yaml = "
parameters:
- {name: on, type: boolean}
- {name: count, type: number, default: 2}
- {name: place, type: string, default: eu-west-1, values: [eu-west-1, us-east-1]}
steps:
- bash: echo
  displayName: ${{ parameters.on }} ${{ parameters.count }} ${{ parameters.place }}
  enabled: ${{ parameters.on }}
";
    let pipeline = compiled(yaml, json!({"on": true})).unwrap();
    assert_eq!(displays(&pipeline), ["True 2 eu-west-1"]);
    assert!(pipeline.stages[0].jobs[0].steps[0].enabled);
    let refused = |given| compiled(yaml, given).unwrap_err();
    assert!(refused(json!({"on": "x"})).contains("not a valid Boolean"));
    assert!(refused(json!({"on": true, "count": "many"})).contains("not a valid Number"));
    assert!(refused(json!({"on": true, "place": "mars"})).contains("not a permitted value"));
}

#[test]
fn stages_wait_for_the_one_before_and_jobs_for_nobody() {
    let yaml = "
stages:
- stage: build
  jobs:
  - job: one
    steps: [{bash: echo}]
  - job: two
    dependsOn: one
    steps: [{bash: echo}]
- stage: deploy
  variables: {target: prod}
  jobs:
  - deployment: release
    environment: prod
    pool: {name: Own}
    strategy: {runOnce: {deploy: {steps: [{bash: echo}]}}}
- stage: after
  dependsOn: []
  condition: always()
  jobs: [{job: last, steps: [{bash: echo}]}]
";
    let pipeline = compiled(yaml, json!({})).unwrap();
    let depends: Vec<Vec<String>> = pipeline.stages.iter().map(|stage| stage.depends.clone()).collect();
    assert_eq!(depends, [vec![], vec!["build".to_owned()], vec![]]);
    assert_eq!(pipeline.stages[0].jobs[1].depends, ["one"]);
    let deploy = &pipeline.stages[1].jobs[0];
    assert_eq!((deploy.queue.as_deref(), deploy.variables["target"].as_str()), (Some("Own"), "prod"));
    assert_eq!(pipeline.stages[2].condition.as_deref(), Some("always()"));
}

#[test]
fn what_cannot_be_read_is_refused() {
    for (yaml, wanted) in [
        ("steps: [", "/p.yml: "),
        ("- a", "A mapping was expected."),
        ("stepz: []", "Unexpected value 'stepz'"),
        ("trigger: none", "Expected a sequence of stages, jobs or steps."),
        ("steps:\n- task: AWSCLI", "has no version"),
        ("steps:\n- template: x.yml", "templates of other files"),
        ("steps:\n- bash: ${{ nothing.x }}", "Unrecognized value: 'nothing'."),
        ("steps:\n- ${{ else }}:\n  - bash: x", "'else' must follow an 'if'."),
        ("jobs:\n- job: a\n  dependsOn: b\n  steps: [{bash: x}]", "which does not exist or waits for it"),
        ("extends: {template: x}", "cannot read 'extends'"),
    ] {
        let problem = compiled(yaml, json!({})).unwrap_err();
        assert!(problem.contains(wanted), "{yaml}: {problem}");
    }
}
