//! `SimulatePrincipalPolicy`: what an identity would be allowed, without doing it.

use super::grant::{self, Fence, Grants};
use super::query::{Answer, Page, Refusal};
use super::records::{self, Role, User};
use super::trust::Decision;
use super::{Call, Handler};

/// The handler of a simulation.
pub fn handler(action: &str) -> Option<Handler> {
    (action == "SimulatePrincipalPolicy").then_some(simulate)
}

struct Outcome {
    action: String,
    resource: String,
    decision: Decision,
    fence: Option<Fence>,
}

fn simulate(call: &Call<'_>) -> Answer {
    let grants = grants_of(call, call.form.required("PolicySourceArn")?)?;
    let actions = call.form.list("ActionNames");
    if actions.is_empty() {
        return Err(Refusal::member("ActionNames", None, "not be null"));
    }
    let mut resources = call.form.list("ResourceArns");
    if resources.is_empty() {
        resources.push("*");
    }
    let mut keys = grant::caller_keys(call.ground, call.caller, call.partition);
    for n in 1.. {
        let entry = format!("ContextEntries.member.{n}");
        let Some(name) = call.form.get(&format!("{entry}.ContextKeyName")) else { break };
        for value in call.form.list(&format!("{entry}.ContextKeyValues")) {
            keys.add(name, value);
        }
    }
    let mut outcomes = Vec::new();
    for action in actions {
        if !action.contains(':') {
            return Err(Refusal::input(format!("Invalid Action Format: {action}")));
        }
        for resource in &resources {
            let decision = grants.decide(call.ground, action, resource, &keys);
            outcomes.push(Outcome {
                action: action.to_owned(),
                resource: (*resource).to_owned(),
                decision,
                fence: grant::fence(call.ground, action),
            });
        }
    }
    Ok(Page::of(outcomes, call.form)?.write("EvaluationResults", |xml, outcome| {
        xml.text("EvalActionName", &outcome.action).text("EvalResourceName", &outcome.resource);
        xml.text("EvalDecision", word(outcome.decision));
        xml.element("MatchedStatements", |_| {}).element("MissingContextValues", |_| {});
        // AWS tells of a fence whose policy speaks; here only of one that does not allow.
        match outcome.fence {
            Some(Fence::Boundary) => {
                xml.element("PermissionsBoundaryDecisionDetail", |xml| {
                    xml.text("AllowedByPermissionsBoundary", "false");
                });
            }
            Some(Fence::Organization) => {
                xml.element("OrganizationsDecisionDetail", |xml| {
                    xml.text("AllowedByOrganizations", "false");
                });
            }
            None => {}
        }
    }))
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allowed",
        Decision::ExplicitDeny => "explicitDeny",
        Decision::Deny | Decision::Malformed => "implicitDeny",
    }
}

/// The policies of the user or role with that ARN. A session's ARN is refused, as in AWS.
fn grants_of(call: &Call<'_>, arn: &str) -> Result<Grants, Refusal> {
    let start = format!("arn:{}:iam::{}:", call.partition, call.account);
    let rest = arn.strip_prefix(&start).unwrap_or_default();
    let key = records::key(call.account, rest.rsplit('/').next().unwrap_or_default());
    let missing = || Refusal::missing(format!("Policy source ARN {arn} cannot be found."));
    if rest.starts_with("user/") {
        let user: User = call.ground.store.get(records::USERS, &key).ok_or_else(missing)?;
        return Ok(Grants::of_user(call.ground, &user));
    }
    if rest.starts_with("role/") {
        let role: Role = call.ground.store.get(records::ROLES, &key).ok_or_else(missing)?;
        return Ok(Grants::of_role(call.ground, &role));
    }
    Err(Refusal::input(format!("Invalid Entity Arn: {arn} does not clearly define entity type and name.")))
}
