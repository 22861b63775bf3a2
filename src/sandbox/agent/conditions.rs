//! Conditions of stages, jobs and steps, evaluated while a run goes on.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::expression::{Expression, Problem, Scope, truthy};
use super::graph::Before;
use super::yaml::Stage;
use crate::sandbox::devops::timeline::Outcome;

/// What a condition may look at.
pub struct Now<'a> {
    /// Variables.
    pub variables: &'a BTreeMap<String, String>,
    /// How what came before ended, by name: stages, jobs, or one unnamed entry for the job a step is in.
    pub before: &'a Before,
}

impl Scope for Now<'_> {
    fn name(&self, name: &str) -> Option<Value> {
        match name.to_ascii_lowercase().as_str() {
            "variables" => Some(json!(self.variables)),
            "dependencies" | "stagedependencies" => {
                let results = self
                    .before
                    .direct
                    .iter()
                    .map(|(name, outcome)| (name.clone(), json!({"result": word(*outcome)})));
                Some(Value::Object(Map::from_iter(results)))
            }
            _ => None,
        }
    }

    fn status(&self, function: &str, arguments: &[Value]) -> Option<bool> {
        let names: Vec<&str> = arguments.iter().filter_map(Value::as_str).collect();
        let chosen = self.before.all.iter().filter(|(name, _)| {
            names.is_empty() || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
        });
        let chosen: Vec<Outcome> = chosen.map(|(_, outcome)| *outcome).collect();
        let good = |outcome: &Outcome| matches!(outcome, Outcome::Succeeded | Outcome::SucceededWithIssues);
        match function {
            "always" => Some(true),
            "canceled" => Some(chosen.contains(&Outcome::Canceled)),
            // What was skipped is not what succeeded.
            "succeeded" => Some(chosen.iter().all(good)),
            "failed" => Some(chosen.contains(&Outcome::Failed)),
            // Without names it is `always()`, but not in a run that was cancelled.
            "succeededorfailed" if names.is_empty() => Some(!chosen.contains(&Outcome::Canceled)),
            "succeededorfailed" => {
                Some(chosen.iter().all(|outcome| good(outcome) || *outcome == Outcome::Failed))
            }
            _ => None,
        }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "Succeeded",
        Outcome::SucceededWithIssues => "SucceededWithIssues",
        Outcome::Skipped => "Skipped",
        Outcome::Canceled => "Canceled",
        Outcome::Failed => "Failed",
    }
}

/// Whether a condition is met; none means `succeeded()`.
///
/// # Errors
/// The condition cannot be read or has no value.
pub fn met(condition: Option<&str>, now: &Now<'_>) -> Result<bool, Problem> {
    let text = condition.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("succeeded()");
    Ok(truthy(&Expression::parse(text)?.evaluate(now)?))
}

/// Whether a stage runs after what came before it.
///
/// # Errors
/// Its condition cannot be read or has no value.
pub fn stage_runs(stage: &Stage, before: &Before) -> Result<bool, Problem> {
    let variables: BTreeMap<String, String> =
        stage.jobs.first().map(|job| job.variables.clone()).unwrap_or_default();
    met(stage.condition.as_deref(), &Now { variables: &variables, before })
}
