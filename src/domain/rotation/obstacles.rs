//! What a switch away from an access key would break: resources that name the user, projects that share the connection.

use serde_json::Value;
use uuid::Uuid;

use crate::domain::connection::{Connection, Share};
use crate::domain::diagnose;
use crate::domain::issuer;
use crate::domain::names::{ConnectionName, OrganizationName, ProjectName};
use crate::domain::policy::{Document, Expected};

/// Whether a resource's policy names a user: by its ARN, as a principal or in a condition.
#[must_use]
pub fn names_user(policy: &Document, arn: &str) -> bool {
    let quoted = Value::from(arn).to_string();
    policy.to_json().contains(&quoted)
}

/// Subjects under which other projects would use a shared connection of `project`, and which the role's trust does not admit;
/// no trust: the role is not there yet. That their tokens name their own project is what Azure DevOps documents for a
/// connection's own project; for shared ones it is unverified, so a person looks at a run.
#[must_use]
pub fn untrusted(
    connection: &Connection,
    (organization, project): (&OrganizationName, Uuid),
    expected: &Expected,
    trust: Option<&Document>,
) -> Vec<String> {
    let others = connection.projects.iter().filter(|share| connection.shared && share.id != project);
    let subject = |share: &Share| {
        let project: ProjectName = share.name.parse().ok()?;
        let name: ConnectionName = connection.name.parse().ok()?;
        Some(issuer::subject(organization, &project, &name))
    };
    let admits = |trust: &Document, subject: &str| {
        let expected = Expected { subject: subject.to_owned(), ..expected.clone() };
        diagnose::trust::decision(trust, &expected).is_allowed()
    };
    let subjects = others.map(|share| subject(share).unwrap_or_else(|| format!("project {}", share.name)));
    subjects.filter(|subject| !trust.is_some_and(|trust| admits(trust, subject))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn a_user_is_named_by_its_whole_arn_alone() {
        let of = |principal: &str| {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"s3:*","Resource":"*"}}]}}"#
            );
            Document::parse(&text).unwrap()
        };
        let user = "arn:aws:iam::111122223333:user/deploy";
        assert!(names_user(&of(user), user));
        assert!(!names_user(&of("arn:aws:iam::111122223333:user/deploy-2"), user));
        assert!(!names_user(&of("*"), user));
    }
}
