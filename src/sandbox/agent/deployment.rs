//! What only deployment jobs have: an environment, and a strategy around their steps; and the repositories a run links.

use serde_json::{Value, json};

use super::expression::Problem;
use super::yaml::Linked;

/// The hooks of `runOnce`, in the order they run.
const HOOKS: [&str; 4] = ["preDeploy", "deploy", "routeTraffic", "postRouteTraffic"];

/// The environment that a deployment job names: `name`, `name.resource`, or a mapping.
///
/// # Errors
/// There is none, or its name is no text.
pub(super) fn environment(item: &Value) -> Result<String, Problem> {
    let given = match &item["environment"] {
        Value::Object(fields) => fields.get("name").unwrap_or(&Value::Null),
        other => other,
    };
    let name = given.as_str().map(str::trim).filter(|name| !name.is_empty());
    let name = name.ok_or("A deployment job must have an environment.")?;
    // What stands behind the first dot is a resource inside the environment.
    Ok(name.split('.').next().unwrap_or(name).to_owned())
}

/// The steps of all hooks, one after the other, as the body of one job. A real run makes a job of each hook.
///
/// # Errors
/// The strategy is not `runOnce`, or has no `deploy`.
pub(super) fn steps(item: &Value) -> Result<Value, Problem> {
    let once = &item["strategy"]["runOnce"];
    if !once.is_object() {
        return Err("The practice cloud reads deployment jobs with the strategy 'runOnce' only.".to_owned());
    }
    if !once["deploy"]["steps"].is_array() {
        return Err("A deployment job must have 'deploy' with 'steps'.".to_owned());
    }
    let hooks = HOOKS.iter().filter_map(|hook| once[*hook]["steps"].as_array());
    let mut all: Vec<Value> = hooks.flatten().cloned().collect();
    for (hook, condition) in [("success", "succeeded()"), ("failure", "failed()")] {
        for step in once["on"][hook]["steps"].as_array().into_iter().flatten() {
            let mut step = step.clone();
            if step["condition"].is_null() {
                step["condition"] = json!(condition);
            }
            all.push(step);
        }
    }
    Ok(json!({ "steps": all }))
}

/// The repositories under `resources`, and those that a `checkout` names in full.
pub(super) fn linked(root: &Value) -> Vec<Linked> {
    let listed = root["resources"]["repositories"].as_array().into_iter().flatten();
    let of_git = listed.filter(|item| {
        let kind = item["type"].as_str().unwrap_or("git");
        kind.eq_ignore_ascii_case("git") || kind.eq_ignore_ascii_case("tfsgit")
    });
    let mut all: Vec<Linked> = of_git
        .filter_map(|item| {
            let name = item["name"].as_str()?.to_owned();
            Some(Linked { name, ref_name: item["ref"].as_str().map(str::to_owned) })
        })
        .collect();
    checkouts(root, &mut all);
    all.dedup();
    all
}

fn checkouts(value: &Value, found: &mut Vec<Linked>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| checkouts(item, found)),
        Value::Object(fields) => {
            let inline = fields.get("checkout").and_then(Value::as_str);
            if let Some(text) = inline.and_then(|text| text.strip_prefix("git://")) {
                let (name, branch) = text.split_once('@').map_or((text, None), |(name, at)| (name, Some(at)));
                found.push(Linked { name: name.to_owned(), ref_name: branch.map(str::to_owned) });
            }
            fields.values().for_each(|value| checkouts(value, found));
        }
        _ => {}
    }
}
