//! Pipelines: what their YAML asks of a connection that it, the toolkit or the role cannot give.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::finding::{Finding, FindingCode};
use crate::domain::names::EnvironmentName;
use crate::domain::pipeline::{Record, RecordState};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Ids of the toolkit's tasks that run somebody's program (contracts/aws-tasks; facts/azure-devops.md §6).
pub const AWS_TASKS: [Uuid; 3] = [
    crate::domain::handshake::AWSCLI_TASK,
    uuid::uuid!("3aea39d2-803c-43c7-b8d6-8e71b670f816"),
    uuid::uuid!("37dda93c-8427-4372-9b7b-9b6e10f3f744"),
];

/// Seconds a session lasts unless a variable says otherwise (facts/aws-toolkit.md §2).
const DEFAULT_SESSION: i64 = 900;

/// The variable that says how long a session lasts, in seconds.
const DURATION: &str = "aws.rolecredential.maxduration";

/// The variable that says the region of a task without one.
const REGION: &str = "aws.region";

/// Bytes of YAML that are read. Azure DevOps takes none that is longer than 4 MB, templates included.
const LONGEST: usize = 4 << 20;

/// Programs that people try to run with `AWSCLI@1`, which runs nothing but `aws` (facts/aws-toolkit.md §3).
const PROGRAMS: [&str; 18] = [
    "ampx",
    "bash",
    "cdk",
    "copilot",
    "docker",
    "helm",
    "kubectl",
    "node",
    "npm",
    "npx",
    "pnpm",
    "pulumi",
    "sam",
    "serverless",
    "sh",
    "terraform",
    "tofu",
    "yarn",
];

/// What is known of an environment that a pipeline may deploy to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The environment.
    pub environment: EnvironmentName,
    /// The name of its connection.
    pub connection: String,
    /// Longest session of its role, in seconds.
    pub max_session: i64,
}

/// A pipeline that was looked at.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// Its name.
    pub name: String,
    /// Its YAML on the default branch.
    pub yaml: String,
    /// Its own variables, beside the YAML's. Secret ones have no value.
    pub variables: BTreeMap<String, String>,
    /// How long the longest of its newest AWS tasks ran, in seconds.
    pub longest: Option<i64>,
}

/// A task of the YAML.
struct Task<'a> {
    /// `AWSCLI` of `AWSCLI@1`.
    name: &'a str,
    step: &'a Map<String, Value>,
}

impl Task<'_> {
    fn input(&self, name: &str) -> Option<String> {
        let inputs = self.step.get("inputs")?.as_object()?;
        let (_, value) = inputs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        text(value).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn uses(&self, connection: &str) -> bool {
        self.input("awsCredentials").is_some_and(|name| name.eq_ignore_ascii_case(connection))
    }

    /// Whether any input is this connection: other extensions call theirs otherwise.
    fn names(&self, connection: &str) -> bool {
        let inputs = self.step.get("inputs").and_then(Value::as_object);
        inputs.is_some_and(|inputs| {
            inputs.values().filter_map(Value::as_str).any(|value| value.eq_ignore_ascii_case(connection))
        })
    }

    fn is_given_a_region(&self) -> bool {
        let environment = self.step.get("env").and_then(Value::as_object);
        let in_environment = environment.is_some_and(|environment| environment.contains_key("AWS_REGION"));
        self.input("regionName").is_some() || in_environment
    }
}

/// What the whole YAML says, as far as it can be said without running it.
#[derive(Default)]
struct Content<'a> {
    tasks: Vec<Task<'a>>,
    /// By name in lower case.
    variables: BTreeMap<String, String>,
    /// Whether variables or tasks come from elsewhere: a variable group, a template.
    open: bool,
    /// Whether jobs may run on somebody's own agents, which can have a region of their own.
    own_agents: bool,
}

/// Reads pipeline YAML.
///
/// # Errors
/// Why it is none, in the parser's words, or that it is too long.
pub fn parse(yaml: &str) -> Result<Value, String> {
    if yaml.len() > LONGEST {
        return Err(format!("it is {} bytes long, more than Azure DevOps takes", yaml.len()));
    }
    serde_saphyr::from_str(yaml)
        .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

/// Everything that is wrong with a pipeline's use of these connections.
pub fn findings(pipeline: &Looked, targets: &[Target]) -> Vec<Finding> {
    let value = match parse(&pipeline.yaml) {
        Ok(value) => value,
        Err(cause) => return unreadable(pipeline, targets, &cause),
    };
    let mut content = Content::default();
    for (name, value) in &pipeline.variables {
        content.variables.insert(name.to_ascii_lowercase(), value.clone());
    }
    gather(&value, &mut content);
    targets.iter().flat_map(|target| of_target(pipeline, &content, target)).collect()
}

/// YAML that cannot be read matters where it names a connection.
fn unreadable(pipeline: &Looked, targets: &[Target], cause: &str) -> Vec<Finding> {
    let yaml = pipeline.yaml.to_lowercase();
    let named = targets.iter().filter(|target| yaml.contains(&target.connection.to_lowercase()));
    named
        .map(|target| {
            Finding::about(&target.environment, FindingCode::PipelineUnreadable)
                .with("pipeline", &pipeline.name)
                .with("cause", cause)
        })
        .collect()
}

fn of_target(pipeline: &Looked, content: &Content<'_>, target: &Target) -> Vec<Finding> {
    let about = |code| {
        Finding::about(&target.environment, code)
            .with("pipeline", &pipeline.name)
            .with("connection", &target.connection)
    };
    let mut findings = Vec::new();
    for task in &content.tasks {
        let terraform = task.name.to_ascii_lowercase().starts_with("terraform");
        if terraform && task.names(&target.connection) {
            findings.push(about(FindingCode::PipelineTerraformTask).with("task", task.name));
        }
        if !task.uses(&target.connection) {
            continue;
        }
        if let Some(command) = other_program(task) {
            findings.push(about(FindingCode::PipelineAwsCli).with("command", command));
        }
        let known_elsewhere = content.open || content.own_agents || content.variables.contains_key(REGION);
        if !task.is_given_a_region() && !known_elsewhere {
            findings.push(about(FindingCode::PipelineRegion).with("task", task.name));
        }
    }
    if content.tasks.iter().any(|task| task.uses(&target.connection)) {
        findings.extend(session(pipeline, content, target, about));
    }
    let mut once: Vec<Finding> = Vec::new();
    for finding in findings {
        if !once.contains(&finding) {
            once.push(finding);
        }
    }
    once
}

/// Whether the session the pipeline asks for is longer than the role allows, or shorter than its tasks run.
fn session(
    pipeline: &Looked,
    content: &Content<'_>,
    target: &Target,
    about: impl Fn(FindingCode) -> Finding,
) -> Option<Finding> {
    match content.variables.get(DURATION).map(|value| value.trim().parse::<i64>()) {
        Some(Ok(asked)) if asked > target.max_session => Some(
            about(FindingCode::PipelineSessionLong)
                .differs(asked, target.max_session)
                .with("variable", DURATION),
        ),
        Some(_) => None,
        None if content.open => None,
        None => {
            let ran = pipeline.longest.filter(|ran| *ran > DEFAULT_SESSION)?;
            Some(about(FindingCode::PipelineSessionShort).with("ran", format!("{} minutes", ran / 60)))
        }
    }
}

/// The program that `AWSCLI` is to run and cannot.
fn other_program(task: &Task<'_>) -> Option<String> {
    if !task.name.eq_ignore_ascii_case("AWSCLI") {
        return None;
    }
    let command = task.input("awsCommand")?;
    let first = command.split_whitespace().next()?.to_ascii_lowercase();
    PROGRAMS.contains(&first.as_str()).then_some(command)
}

/// Collects tasks and variables wherever they stand. The parser has bounded how deep that is.
fn gather<'a>(value: &'a Value, content: &mut Content<'a>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, content)),
        Value::Object(map) => {
            if let Some(task) = map.get("task").and_then(Value::as_str) {
                let name = task.split('@').next().unwrap_or(task);
                content.tasks.push(Task { name, step: map });
            }
            content.open |= map.contains_key("template") || map.contains_key("extends");
            for (key, inner) in map {
                match key.as_str() {
                    "variables" => variables(inner, content),
                    "pool" => content.own_agents |= is_own(inner),
                    _ => gather(inner, content),
                }
            }
        }
        _ => {}
    }
}

/// `variables:` as a map, or as a list of names and values, groups and templates.
fn variables(value: &Value, content: &mut Content<'_>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match text(value) {
                    Some(value) => drop(content.variables.insert(name.to_ascii_lowercase(), value)),
                    // A condition around variables: which of them hold is known only in a run.
                    None => content.open = true,
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                match (item["name"].as_str(), text(&item["value"])) {
                    (Some(name), Some(value)) => {
                        content.variables.insert(name.to_ascii_lowercase(), value);
                    }
                    _ => content.open = true,
                }
            }
        }
        _ => content.open = true,
    }
}

/// What the YAML's root says of the session time. It wins over variables outside the YAML, and those of stages and jobs win
/// over it (learn.microsoft.com, "Define variables").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootDuration {
    /// It sets it to this.
    Set(String),
    /// It does not.
    Unset,
    /// That cannot be told, and why.
    Unknown(String),
}

/// Reads what the root of a pipeline's YAML says of the session time.
pub fn root_duration(yaml: &str) -> RootDuration {
    let value = match parse(yaml) {
        Ok(value) => value,
        Err(cause) => return RootDuration::Unknown(format!("its YAML could not be read: {cause}")),
    };
    let mut content = Content::default();
    if let Some(root) = value.get("variables") {
        variables(root, &mut content);
    }
    match content.variables.remove(DURATION) {
        Some(value) => RootDuration::Set(value),
        None if content.open || value.get("extends").is_some() => {
            RootDuration::Unknown("a template, group or condition in its YAML may set it".to_owned())
        }
        None => RootDuration::Unset,
    }
}

/// Whether a `pool:` is another than Microsoft's.
fn is_own(pool: &Value) -> bool {
    let name = pool.as_str().or_else(|| pool["name"].as_str());
    name.is_some_and(|name| !name.eq_ignore_ascii_case("Azure Pipelines"))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// How long the longest AWS task of a run took, in seconds.
pub fn longest(records: &[Record]) -> Option<i64> {
    let at = |text: &Option<String>| OffsetDateTime::parse(text.as_deref()?, &Rfc3339).ok();
    let ours = records.iter().filter(|record| {
        record.state == RecordState::Completed && record.task.is_some_and(|task| AWS_TASKS.contains(&task))
    });
    ours.filter_map(|record| Some((at(&record.finished)? - at(&record.started)?).whole_seconds())).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "pool: { vmImage: ubuntu-latest }\nsteps:\n- task: AWSShellScript@1\n  inputs:\n    awsCredentials: AWS-Dev\n    regionName: eu-west-1\n";

    fn codes(yaml: &str, longest: Option<i64>) -> Vec<FindingCode> {
        let target = Target {
            environment: "dev".parse().unwrap(),
            connection: "AWS-Dev".to_owned(),
            max_session: 3600,
        };
        let looked =
            Looked { name: "deploy".to_owned(), yaml: yaml.to_owned(), longest, ..Looked::default() };
        findings(&looked, &[target]).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_good_pipeline_has_no_findings() {
        assert_eq!(codes(GOOD, Some(899)), []);
        assert_eq!(
            codes(&GOOD.replace("AWS-Dev", "Other").replace("    regionName: eu-west-1\n", ""), Some(5000)),
            []
        );
    }

    #[test]
    fn a_task_without_a_region_is_found_unless_it_may_come_from_elsewhere() {
        let bare = GOOD.replace("    regionName: eu-west-1\n", "");
        assert_eq!(codes(&bare, None), [FindingCode::PipelineRegion]);
        for more in [
            "variables:\n  AWS.Region: eu-west-1\n",
            "variables:\n- group: shared\n",
            "variables:\n- name: aws.region\n  value: x\n",
            "extends:\n  template: x.yml\n",
        ] {
            assert_eq!(codes(&format!("{bare}{more}"), None), [], "{more}");
        }
        assert_eq!(codes(&bare.replace("{ vmImage: ubuntu-latest }", "Own"), None), []);
    }

    #[test]
    fn sessions_are_held_against_role_and_runs() {
        assert_eq!(codes(GOOD, Some(1200)), [FindingCode::PipelineSessionShort]);
        let asks = |seconds: u32| format!("{GOOD}variables:\n  aws.rolecredential.maxduration: {seconds}\n");
        assert_eq!(codes(&asks(3600), Some(1200)), []);
        assert_eq!(codes(&asks(7200), None), [FindingCode::PipelineSessionLong]);
    }

    #[test]
    fn other_programs_and_terraform_tasks_are_found() {
        let cli = GOOD.replace("AWSShellScript", "AWSCLI");
        assert_eq!(codes(&format!("{cli}    awsCommand: cdk deploy\n"), None), [FindingCode::PipelineAwsCli]);
        assert_eq!(codes(&format!("{cli}    awsCommand: sts\n"), None), []);
        let terraform = "steps:\n- task: TerraformTaskV4@4\n  inputs: { provider: aws, environmentServiceNameAWS: aws-dev }\n";
        assert_eq!(codes(terraform, None), [FindingCode::PipelineTerraformTask]);
        assert_eq!(codes(&terraform.replace("aws-dev", "its-own"), None), []);
    }

    #[test]
    fn unreadable_yaml_matters_where_it_names_the_connection() {
        assert_eq!(codes("steps: [\n# AWS-Dev", None), [FindingCode::PipelineUnreadable]);
        assert_eq!(codes("steps: [\n", None), []);
    }
}
