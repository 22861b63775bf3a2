//! Whether the operator has the IAM rights a plan needs, by simulation.

use aws_sdk_iam::types::{EvaluationResult, PolicyEvaluationDecisionType};

use super::{Aws, Repeat};
use crate::domain::arn::{Arn, AssumedRole};
use crate::domain::diagnose::aws::{Denied, DeniedBy};
use crate::domain::failure::{Code, Failure, Result};

/// What a simulation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rights {
    /// Every action is allowed.
    Allowed,
    /// These are not.
    Denied(Vec<Denied>),
    /// Nobody knows, and why.
    Unknown(String),
}

/// Whose policies are simulated.
#[derive(Debug, PartialEq, Eq)]
enum Principal {
    /// An IAM user or role by its ARN.
    Arn(String),
    /// The role of a session: STS leaves out the role's path, IAM has to be asked.
    RoleOf(String),
    /// Cannot be simulated.
    Not(&'static str),
}

fn principal(text: &str) -> Principal {
    if let Ok(session) = text.parse::<AssumedRole>() {
        return Principal::RoleOf(session.role.to_string());
    }
    match text.parse::<Arn>() {
        Ok(arn) if arn.service == "iam" && arn.resource == "root" => {
            Principal::Not("the root user has no policies to simulate")
        }
        Ok(arn) if arn.service == "iam" => Principal::Arn(text.to_owned()),
        _ => Principal::Not("only users and roles can be simulated"),
    }
}

impl Aws {
    /// Whether the identity behind an ARN may perform the actions, on `resource` or on any.
    ///
    /// Simulation sees identity policies, boundaries and organisation policies; it is no promise. A principal whose rights are
    /// limited to certain resources looks denied where no resource is given.
    ///
    /// # Errors
    /// Only without usable credentials; everything else that prevents a simulation is [`Rights::Unknown`].
    pub async fn simulate(&self, identity: &str, actions: &[&str], resource: Option<&str>) -> Result<Rights> {
        let arn = match principal(identity) {
            Principal::Arn(arn) => arn,
            Principal::Not(why) => return Ok(Rights::Unknown(why.to_owned())),
            Principal::RoleOf(role) => {
                let request = self.iam().get_role().role_name(role);
                match self.call_iam("iam:GetRole", Repeat::Once, || request.clone().send()).await {
                    Ok(answer) => answer.role.map(|role| role.arn).unwrap_or_default(),
                    Err(failure) => return unknown(failure),
                }
            }
        };
        let mut denied = Vec::new();
        let mut marker = None;
        loop {
            let request = self
                .iam()
                .simulate_principal_policy()
                .policy_source_arn(&arn)
                .set_action_names(Some(actions.iter().map(ToString::to_string).collect()))
                .set_resource_arns(resource.map(|resource| vec![resource.to_owned()]))
                .set_marker(marker);
            let answer = match self
                .call_iam("iam:SimulatePrincipalPolicy", Repeat::Once, || request.clone().send())
                .await
            {
                Ok(answer) => answer,
                Err(failure) => return unknown(failure),
            };
            let results = answer.evaluation_results.unwrap_or_default();
            let refused = results
                .into_iter()
                .filter(|result| result.eval_decision != PolicyEvaluationDecisionType::Allowed);
            denied.extend(refused.map(|result| Denied { by: by(&result), action: result.eval_action_name }));
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                return Ok(if denied.is_empty() { Rights::Allowed } else { Rights::Denied(denied) });
            }
        }
    }
}

/// What denies: the outermost fence first, for within it nothing else helps.
fn by(result: &EvaluationResult) -> DeniedBy {
    let organization = result.organizations_decision_detail.as_ref();
    let boundary = result.permissions_boundary_decision_detail.as_ref();
    if organization.is_some_and(|detail| !detail.allowed_by_organizations) {
        DeniedBy::Organization
    } else if boundary.is_some_and(|detail| !detail.allowed_by_permissions_boundary) {
        DeniedBy::Boundary
    } else {
        DeniedBy::Identity
    }
}

fn unknown(failure: Failure) -> Result<Rights> {
    if failure.code == Code::AwsSignIn { Err(failure) } else { Ok(Rights::Unknown(failure.to_string())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_simulated_as_their_role() {
        for (text, expected) in [
            (
                "arn:aws:sts::111122223333:assumed-role/Admin/me@example.com",
                Principal::RoleOf("Admin".into()),
            ),
            (
                "arn:aws:iam::111122223333:user/ada",
                Principal::Arn("arn:aws:iam::111122223333:user/ada".into()),
            ),
            ("arn:aws:iam::111122223333:root", Principal::Not("the root user has no policies to simulate")),
            (
                "arn:aws:sts::111122223333:federated-user/x",
                Principal::Not("only users and roles can be simulated"),
            ),
        ] {
            assert_eq!(principal(text), expected, "{text}");
        }
    }
}
