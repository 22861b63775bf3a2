//! Whether the operator has the IAM rights a plan needs, by simulation.

use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, PermissionsBoundaryDecisionDetail,
    PolicyEvaluationDecisionType, Statement,
};

use super::{Aws, Repeat};
use crate::domain::arn::{Arn, AssumedRole};
use crate::domain::diagnose::aws::{Denied, DeniedBy};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::role_policies::Simulated;

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

/// What a simulation on certain resources says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Simulation {
    /// For every action and resource.
    Told(Vec<Simulated>),
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
        let arn = match self.simulated_principal(identity).await {
            Ok(Ok(arn)) => arn,
            Ok(Err(why)) => return Ok(Rights::Unknown(why.to_owned())),
            Err(failure) => return unknown(failure),
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

impl Aws {
    /// Whether the identity behind an ARN may perform each action on each resource, with these values of condition keys.
    ///
    /// Policies of resources and sessions are not simulated; what no policy of the identity, boundary or organisation allows
    /// may still be allowed by a resource's own policy.
    ///
    /// # Errors
    /// Only without usable credentials; everything else that prevents a simulation is [`Simulation::Unknown`].
    pub async fn simulate_on(
        &self,
        identity: &str,
        actions: &[&str],
        resources: &[&str],
        context: &[(&str, &str)],
    ) -> Result<Simulation> {
        let unknown = |failure: Failure| match failure.code {
            Code::AwsSignIn => Err(failure),
            _ => Ok(Simulation::Unknown(failure.to_string())),
        };
        let arn = match self.simulated_principal(identity).await {
            Ok(Ok(arn)) => arn,
            Ok(Err(why)) => return Ok(Simulation::Unknown(why.to_owned())),
            Err(failure) => return unknown(failure),
        };
        let texts = |list: &[&str]| Some(list.iter().map(ToString::to_string).collect::<Vec<_>>());
        let entry = |(key, value): &(&str, &str)| {
            let kind = ContextKeyTypeEnum::String;
            ContextEntry::builder()
                .context_key_name(*key)
                .context_key_values(*value)
                .context_key_type(kind)
                .build()
        };
        let mut told = Vec::new();
        let mut marker = None;
        loop {
            let request = self
                .iam()
                .simulate_principal_policy()
                .policy_source_arn(&arn)
                .set_action_names(texts(actions))
                .set_resource_arns(texts(resources).filter(|arns| !arns.is_empty()))
                .set_context_entries(
                    Some(context.iter().map(entry).collect()).filter(|all: &Vec<_>| !all.is_empty()),
                )
                .set_marker(marker);
            let call = || request.clone().send();
            let answer = match self.call_iam("iam:SimulatePrincipalPolicy", Repeat::Read, call).await {
                Ok(answer) => answer,
                Err(failure) => return unknown(failure),
            };
            told.extend(answer.evaluation_results.unwrap_or_default().into_iter().flat_map(simulated));
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                return Ok(Simulation::Told(told));
            }
        }
    }

    /// The ARN to simulate for an identity, or why there is none.
    async fn simulated_principal(&self, identity: &str) -> Result<std::result::Result<String, &'static str>> {
        match principal(identity) {
            Principal::Arn(arn) => Ok(Ok(arn)),
            Principal::Not(why) => Ok(Err(why)),
            Principal::RoleOf(role) => {
                let request = self.iam().get_role().role_name(role);
                let answer = self.call_iam("iam:GetRole", Repeat::Once, || request.clone().send()).await?;
                Ok(Ok(answer.role.map(|role| role.arn).unwrap_or_default()))
            }
        }
    }
}

/// One result for each resource, where IAM tells them apart.
fn simulated(result: EvaluationResult) -> Vec<Simulated> {
    let organization = result.organizations_decision_detail.as_ref();
    let organization = organization.is_some_and(|detail| !detail.allowed_by_organizations);
    let one = |resource: Option<String>,
               decision: &PolicyEvaluationDecisionType,
               boundary: Option<&PermissionsBoundaryDecisionDetail>,
               statements: Vec<Statement>,
               missing: Vec<String>| {
        let boundary = boundary.is_some_and(|detail| !detail.allowed_by_permissions_boundary);
        let mut policies: Vec<String> =
            statements.into_iter().filter_map(|statement| statement.source_policy_id).collect();
        policies.sort();
        policies.dedup();
        Simulated {
            action: result.eval_action_name.clone(),
            resource: resource.unwrap_or_else(|| "*".to_owned()),
            denied: (*decision != PolicyEvaluationDecisionType::Allowed)
                .then(|| fence(organization, boundary)),
            explicit: *decision == PolicyEvaluationDecisionType::ExplicitDeny,
            policies,
            missing_context: missing,
        }
    };
    let specific = result.resource_specific_results.clone().unwrap_or_default();
    if specific.is_empty() {
        let boundary = result.permissions_boundary_decision_detail.as_ref();
        let statements = result.matched_statements.clone().unwrap_or_default();
        let missing = result.missing_context_values.clone().unwrap_or_default();
        return vec![one(
            result.eval_resource_name.clone(),
            &result.eval_decision,
            boundary,
            statements,
            missing,
        )];
    }
    let of_resource = specific.into_iter().map(|found| {
        let boundary = found.permissions_boundary_decision_detail.as_ref();
        let statements = found.matched_statements.clone().unwrap_or_default();
        let missing = found.missing_context_values.clone().unwrap_or_default();
        one(
            Some(found.eval_resource_name.clone()),
            &found.eval_resource_decision,
            boundary,
            statements,
            missing,
        )
    });
    of_resource.collect()
}

/// What denies: the outermost fence first, for within it nothing else helps.
fn by(result: &EvaluationResult) -> DeniedBy {
    let organization = result.organizations_decision_detail.as_ref();
    let boundary = result.permissions_boundary_decision_detail.as_ref();
    fence(
        organization.is_some_and(|detail| !detail.allowed_by_organizations),
        boundary.is_some_and(|detail| !detail.allowed_by_permissions_boundary),
    )
}

fn fence(organization: bool, boundary: bool) -> DeniedBy {
    if organization {
        DeniedBy::Organization
    } else if boundary {
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
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn resources_are_told_apart() {
        use aws_sdk_iam::types::ResourceSpecificResult;
        let denied = PolicyEvaluationDecisionType::ImplicitDeny;
        let one = |resource: &str, decision: PolicyEvaluationDecisionType| {
            ResourceSpecificResult::builder()
                .eval_resource_name(resource)
                .eval_resource_decision(decision)
                .build()
                .unwrap()
        };
        let statement = Statement::builder().source_policy_id("deploy").build();
        let builder = EvaluationResult::builder()
            .eval_action_name("s3:GetObject")
            .eval_decision(denied.clone())
            .matched_statements(statement.clone())
            .matched_statements(statement);
        let whole = simulated(builder.clone().build().unwrap());
        assert_eq!((whole[0].resource.as_str(), &whole[0].policies[..]), ("*", &["deploy".to_owned()][..]));
        assert_eq!((whole[0].denied, whole[0].explicit), (Some(DeniedBy::Identity), false));
        let apart = builder
            .resource_specific_results(one("a", PolicyEvaluationDecisionType::Allowed))
            .resource_specific_results(one("b", PolicyEvaluationDecisionType::ExplicitDeny))
            .build()
            .unwrap();
        let told: Vec<_> =
            simulated(apart).into_iter().map(|it| (it.resource, it.denied, it.explicit)).collect();
        assert_eq!(told, [("a".to_owned(), None, false), ("b".to_owned(), Some(DeniedBy::Identity), true)]);
    }

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
