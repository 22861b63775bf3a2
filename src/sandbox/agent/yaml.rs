//! Pipeline YAML: parameters checked, template expressions filled in, stages, jobs and steps taken out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::deployment;
use super::expression::{Problem, text};
use super::steps::{self, Step};
use super::template::{Names, expand};

/// What a run is compiled from.
pub struct Source<'a> {
    /// The YAML text at the run's commit.
    pub yaml: &'a str,
    /// The file's path, for messages.
    pub path: &'a str,
    /// Values given for its parameters: JSON, or text that holds JSON or YAML.
    pub parameters: &'a Map<String, Value>,
    /// Variables given at queue time and predefined ones.
    pub variables: &'a BTreeMap<String, String>,
    /// Variables of the definition, which the file's own win over.
    pub defaults: &'a BTreeMap<String, String>,
    /// The project's variable groups by their names in small letters.
    pub groups: &'a BTreeMap<String, BTreeMap<String, String>>,
}

/// A compiled pipeline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Its stages, in order.
    pub stages: Vec<Stage>,
    /// The values its parameters got.
    pub parameters: Map<String, Value>,
    /// The YAML with every template expression filled in.
    pub final_yaml: String,
    /// Names of the variable groups it uses.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The other repositories of Azure Repos that it links.
    #[serde(default)]
    pub repositories: Vec<Linked>,
    /// Whether a newer run waits behind an older one at an exclusive lock, instead of taking its place.
    #[serde(default)]
    pub sequential: bool,
}

/// A repository that a pipeline links beside its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    /// `repository` or `project/repository`.
    pub name: String,
    /// The branch; none: the default one.
    pub ref_name: Option<String>,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// `__default` when the YAML has no stages.
    pub name: String,
    /// What people see.
    pub display: String,
    /// Names of stages it waits for.
    pub depends: Vec<String>,
    /// Its condition.
    pub condition: Option<String>,
    /// Its jobs.
    pub jobs: Vec<Job>,
    /// As [`Pipeline::sequential`], for this stage.
    #[serde(default)]
    pub sequential: bool,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// `Job` when the YAML has no jobs.
    pub name: String,
    /// What people see.
    pub display: String,
    /// Names of jobs of the same stage it waits for.
    pub depends: Vec<String>,
    /// Its condition.
    pub condition: Option<String>,
    /// The queue it names; none: the hosted one.
    pub queue: Option<String>,
    /// Variables of pipeline, stage and job, the nearest wins.
    pub variables: BTreeMap<String, String>,
    /// Whether its failure is not the run's failure.
    pub continue_on_error: bool,
    /// Its steps.
    pub steps: Vec<Step>,
    /// The environment that a deployment job deploys to.
    #[serde(default)]
    pub environment: Option<String>,
    /// Whether it runs without an agent.
    #[serde(default)]
    pub server: bool,
}

/// Reads, checks and fills in a pipeline.
///
/// # Errors
/// What is wrong with the YAML or the parameters, as the service says it.
pub fn compile(source: &Source<'_>) -> Result<Pipeline, Problem> {
    let at = |problem: Problem| format!("{}: {problem}", source.path);
    let root: Value = parse(source.yaml).map_err(at)?;
    let Value::Object(mut root) = root else { return Err(at("A mapping was expected.".to_owned())) };
    check_root(&root).map_err(at)?;
    let declared = root.remove("parameters").unwrap_or_default();
    let parameters = bind(&declared, source.parameters).map_err(at)?;
    let mut known = source.defaults.clone();
    known.extend(source.variables.clone());
    let names = Names::default().with("parameters", Value::Object(parameters.clone()));
    let own_variables = root.remove("variables").unwrap_or_default();
    let own = variables(&own_variables, &names.with("variables", json!(known)), source.groups).map_err(at)?;
    known.extend(own);
    // What was given at queue time wins over what the file says.
    known.extend(source.variables.clone());
    let names = names.with("variables", json!(known));
    let filled = expand(&Value::Object(root), &names).map_err(at)?;
    let stages = stages(&filled, &known, &names, source.groups).map_err(at)?;
    let mut groups = groups_of(&own_variables);
    for stage in filled["stages"].as_array().into_iter().flatten() {
        groups.extend(groups_of(&stage["variables"]));
        groups.extend(
            stage["jobs"].as_array().into_iter().flatten().flat_map(|job| groups_of(&job["variables"])),
        );
    }
    groups
        .extend(filled["jobs"].as_array().into_iter().flatten().flat_map(|job| groups_of(&job["variables"])));
    groups.sort();
    groups.dedup();
    let final_yaml = serde_saphyr::to_string(&filled).map_err(|error| at(error.to_string()))?;
    let (repositories, sequential) = (deployment::linked(&filled), is_sequential(&filled));
    Ok(Pipeline { stages, parameters, final_yaml, groups, repositories, sequential })
}

fn is_sequential(item: &Value) -> bool {
    item["lockBehavior"].as_str().is_some_and(|word| word.eq_ignore_ascii_case("sequential"))
}

/// Reads YAML as the service does.
///
/// # Errors
/// It is no YAML.
pub fn parse(yaml: &str) -> Result<Value, Problem> {
    // `on` and `yes` are words here, as they are to the service.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(yaml, options).map_err(|error| error.to_string())
}

const ROOT: [&str; 19] = [
    "name",
    "trigger",
    "pr",
    "schedules",
    "pool",
    "variables",
    "parameters",
    "resources",
    "stages",
    "jobs",
    "steps",
    "appendcommitmessagetorunname",
    "lockbehavior",
    "workspace",
    "continueonerror",
    "container",
    "services",
    "extends",
    "strategy",
];

fn check_root(root: &Map<String, Value>) -> Result<(), Problem> {
    for key in root.keys().filter(|key| !key.starts_with("${{")) {
        let small = key.to_ascii_lowercase();
        if !ROOT.contains(&small.as_str()) {
            return Err(format!("Unexpected value '{key}'"));
        }
        if ["extends", "strategy", "container", "services"].contains(&small.as_str()) {
            return Err(format!("The practice cloud cannot read '{key}'."));
        }
    }
    Ok(())
}

/// Gives every declared parameter its value, checked against its type.
fn bind(declared: &Value, given: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let declared = match declared {
        Value::Null => &Vec::new(),
        Value::Array(list) => list,
        _ => return Err("A sequence of parameters was expected.".to_owned()),
    };
    let name_of = |item: &Value| item["name"].as_str().unwrap_or_default().to_owned();
    for name in given.keys() {
        if !declared.iter().any(|item| name_of(item).eq_ignore_ascii_case(name)) {
            return Err(format!("Unexpected parameter '{name}'"));
        }
    }
    let mut bound = Map::new();
    for item in declared {
        let name = name_of(item);
        let given = given.iter().find(|(key, _)| key.eq_ignore_ascii_case(&name)).map(|(_, value)| value);
        let value = given
            .or(item.get("default"))
            .ok_or_else(|| format!("A value for the '{name}' parameter must be provided."))?;
        let kind = item["type"].as_str().unwrap_or("string");
        let value = typed(&name, kind, value)?;
        let allowed = item["values"].as_array();
        if allowed.is_some_and(|list| !list.iter().any(|one| text(one).ok() == text(&value).ok())) {
            return Err(format!(
                "The '{name}' parameter value '{}' is not a permitted value.",
                text(&value)?
            ));
        }
        bound.insert(name, value);
    }
    Ok(bound)
}

fn typed(name: &str, kind: &str, value: &Value) -> Result<Value, Problem> {
    let wrong = |kind: &str| format!("The '{name}' parameter is not a valid {kind}.");
    match kind.to_ascii_lowercase().as_str() {
        "boolean" => match literal(value).map(|text| text.to_ascii_lowercase()).as_deref() {
            Ok("true") => Ok(json!(true)),
            Ok("false") => Ok(json!(false)),
            _ => Err(wrong("Boolean")),
        },
        "number" => {
            let text = literal(value).map_err(|_| wrong("Number"))?;
            serde_json::from_str::<serde_json::Number>(&text).map(Value::Number).map_err(|_| wrong("Number"))
        }
        "string" => literal(value).map(Value::String).map_err(|_| wrong("String")),
        // Objects come as JSON or, through most clients, as a text that holds JSON or YAML.
        _ => match value {
            Value::String(text) if text.trim().is_empty() => Ok(json!("")),
            Value::String(text) => parse(text).map_err(|_| wrong("Object")),
            other => Ok(other.clone()),
        },
    }
}

/// A scalar as the YAML wrote it: `true` stays `true`.
pub(super) fn literal(value: &Value) -> Result<String, Problem> {
    match value {
        Value::Bool(value) => Ok(value.to_string()),
        other => text(other),
    }
}

type Groups = BTreeMap<String, BTreeMap<String, String>>;

/// Names of the variable groups among `variables`.
fn groups_of(variables: &Value) -> Vec<String> {
    let items = variables.as_array().into_iter().flatten();
    items.filter_map(|item| item["group"].as_str()).map(str::to_owned).collect()
}

/// `variables` in its two forms. What is named later wins; an unknown group gives none, and is complained about elsewhere.
fn variables(value: &Value, names: &Names, groups: &Groups) -> Result<BTreeMap<String, String>, Problem> {
    let filled = expand(value, names)?;
    let mut found = BTreeMap::new();
    match &filled {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                found.insert(name.clone(), literal(value)?);
            }
        }
        Value::Array(items) => {
            for item in items {
                if let Some(group) = item["group"].as_str() {
                    found.extend(groups.get(&group.to_lowercase()).cloned().unwrap_or_default());
                    continue;
                }
                let Some(name) = item["name"].as_str() else {
                    return Err("The practice cloud cannot read templates of variables.".to_owned());
                };
                found.insert(name.to_owned(), literal(&item["value"])?);
            }
        }
        _ => return Err("A mapping or sequence of variables was expected.".to_owned()),
    }
    Ok(found)
}

fn stages(
    root: &Value,
    known: &BTreeMap<String, String>,
    names: &Names,
    groups: &Groups,
) -> Result<Vec<Stage>, Problem> {
    let Some(list) = root["stages"].as_array() else {
        let jobs = jobs(root, root, known, names, groups)?;
        let stage = Stage {
            name: "__default".to_owned(),
            display: "__default".to_owned(),
            depends: Vec::new(),
            condition: None,
            jobs,
            sequential: false,
        };
        return Ok(vec![stage]);
    };
    let mut stages: Vec<Stage> = Vec::new();
    for item in list {
        let name = named(item, "stage")?;
        let mut known = known.clone();
        known.extend(variables(&item["variables"], names, groups)?);
        let previous: Vec<String> = stages.last().map(|stage| stage.name.clone()).into_iter().collect();
        stages.push(Stage {
            display: item["displayName"].as_str().unwrap_or(&name).to_owned(),
            depends: depends(item)?.unwrap_or(previous),
            condition: condition(item)?,
            jobs: jobs(item, root, &known, names, groups)?,
            sequential: is_sequential(item),
            name,
        });
    }
    check_depends(stages.iter().map(|stage| (&stage.name, &stage.depends)))?;
    if stages.is_empty() {
        return Err("The pipeline must contain at least one stage.".to_owned());
    }
    Ok(stages)
}

fn named(item: &Value, kind: &str) -> Result<String, Problem> {
    if item.get("template").is_some() {
        return Err("The practice cloud cannot read templates of other files.".to_owned());
    }
    match item.get(kind) {
        Some(Value::String(name)) if !name.is_empty() => Ok(name.clone()),
        _ => Err(format!("Expected a {kind} with a name.")),
    }
}

fn jobs(
    owner: &Value,
    root: &Value,
    known: &BTreeMap<String, String>,
    names: &Names,
    groups: &Groups,
) -> Result<Vec<Job>, Problem> {
    let Some(list) = owner["jobs"].as_array() else {
        if !owner["steps"].is_array() {
            return Err("Expected a sequence of stages, jobs or steps.".to_owned());
        }
        return Ok(vec![job("Job".to_owned(), owner, owner, root, known, names, groups)?]);
    };
    let mut jobs = Vec::new();
    for item in list {
        if item.get("strategy").is_some() && item.get("deployment").is_none() {
            return Err("The practice cloud cannot read 'strategy' of a job.".to_owned());
        }
        if item.get("deployment").is_some() {
            let name = named(item, "deployment")?;
            let steps = deployment::steps(item)?;
            let environment = Some(deployment::environment(item)?);
            jobs.push(Job { environment, ..job(name, item, &steps, root, known, names, groups)? });
        } else {
            let name = item["job"].as_str().filter(|name| !name.is_empty());
            let name = name.map_or_else(|| format!("Job{}", jobs.len() + 1), str::to_owned);
            if item.get("template").is_some() {
                named(item, "job")?;
            }
            jobs.push(job(name, item, item, root, known, names, groups)?);
        }
    }
    check_depends(jobs.iter().map(|job| (&job.name, &job.depends)))?;
    if jobs.is_empty() {
        return Err("A stage must contain at least one job.".to_owned());
    }
    Ok(jobs)
}

fn job(
    name: String,
    item: &Value,
    body: &Value,
    root: &Value,
    known: &BTreeMap<String, String>,
    names: &Names,
    groups: &Groups,
) -> Result<Job, Problem> {
    let mut variables_here = known.clone();
    if !std::ptr::eq(item, root) {
        variables_here.extend(variables(&item["variables"], names, groups)?);
    }
    let pool = [&item["pool"], &root["pool"]].into_iter().find(|pool| !pool.is_null());
    let server = pool.is_some_and(|pool| pool == "server");
    let queue = match pool {
        _ if server => None,
        Some(Value::String(name)) => Some(name.clone()),
        Some(pool) => pool["name"].as_str().map(str::to_owned),
        None => None,
    };
    let list = body["steps"].as_array().ok_or_else(|| format!("The job {name} has no steps."))?;
    let mut steps: Vec<Step> = list.iter().map(steps::read).collect::<Result<_, _>>()?;
    // Which connection is meant is settled before the run begins.
    steps.iter_mut().for_each(|step| step.name_connection(&variables_here));
    Ok(Job {
        display: item["displayName"].as_str().unwrap_or(&name).to_owned(),
        depends: depends(item)?.unwrap_or_default(),
        condition: condition(item)?,
        queue,
        variables: variables_here,
        continue_on_error: item["continueOnError"].as_bool().unwrap_or(false),
        steps,
        environment: None,
        server,
        name,
    })
}

fn depends(item: &Value) -> Result<Option<Vec<String>>, Problem> {
    match &item["dependsOn"] {
        Value::Null => Ok(None),
        Value::String(name) => Ok(Some(vec![name.clone()])),
        Value::Array(list) => list.iter().map(literal).collect::<Result<_, _>>().map(Some),
        _ => Err("A name or a sequence of names was expected after 'dependsOn'.".to_owned()),
    }
}

/// Every name that is waited for exists, and stands before: so there is no circle.
fn check_depends<'a>(nodes: impl Iterator<Item = (&'a String, &'a Vec<String>)>) -> Result<(), Problem> {
    let nodes: Vec<_> = nodes.collect();
    let mut open: Vec<usize> = (0..nodes.len()).collect();
    let mut done: Vec<&String> = Vec::new();
    while !open.is_empty() {
        let (ready, waiting): (Vec<usize>, Vec<usize>) =
            open.iter().partition(|at| nodes[**at].1.iter().all(|name| done.contains(&name)));
        let Some(first) = waiting.first().filter(|_| ready.is_empty()) else {
            done.extend(ready.iter().map(|at| nodes[*at].0));
            open = waiting;
            continue;
        };
        let (name, depends) = nodes[*first];
        return Err(format!(
            "{name} depends on {}, which does not exist or waits for it.",
            depends.join(", ")
        ));
    }
    Ok(())
}

pub(super) fn condition(item: &Value) -> Result<Option<String>, Problem> {
    match &item["condition"] {
        Value::Null => Ok(None),
        other => literal(other).map(Some),
    }
}
