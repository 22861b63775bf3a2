//! What organisation and project forbid: tasks of the Marketplace, Azure Repos, new repositories; and a renamed project.

use crate::domain::connection::Connection;
use crate::domain::failure::{Code, Failure};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::mark::{FederationId, Owner};
use crate::domain::names::{OrganizationName, ProjectName, RepositoryName};

/// What is set in organisation and project; none: it is not told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Tasks of the Marketplace are disabled in the organisation.
    pub marketplace_tasks_disabled: Option<bool>,
    /// Azure Repos is switched off in the project.
    pub repos_off: Option<bool>,
    /// The verification repository is missing, and the operator may make repositories in the project.
    pub may_create_repository: Option<bool>,
    /// How many jobs Microsoft's agents run at once for the project; only where the verification runs on them.
    pub hosted_jobs: Option<i64>,
}

impl Policy {
    /// What of it stands in the way.
    pub fn findings(
        &self,
        organization: &OrganizationName,
        project: &ProjectName,
        repository: &RepositoryName,
    ) -> Vec<Finding> {
        let told = [
            (self.marketplace_tasks_disabled == Some(true), FindingCode::MarketplaceTasksDisabled),
            (self.repos_off == Some(true), FindingCode::ReposOff),
            (self.may_create_repository == Some(false), FindingCode::RepositoryDenied),
            (self.hosted_jobs == Some(0), FindingCode::PipelineParallelism),
        ];
        let finding = |code| {
            let finding = Finding::overall(code).with("organisation", organization);
            match code {
                FindingCode::MarketplaceTasksDisabled | FindingCode::PipelineParallelism => finding,
                FindingCode::RepositoryDenied => {
                    finding.with("project", project).with("repository", repository)
                }
                _ => finding.with("project", project),
            }
        };
        told.into_iter().filter(|(is, _)| *is).map(|(_, code)| finding(code)).collect()
    }
}

/// The project that was once called `old`: keyless's marks on its connections still say so.
pub fn renamed<'a>(
    organization: &OrganizationName,
    old: &ProjectName,
    others: impl IntoIterator<Item = (&'a ProjectName, &'a [Connection])>,
) -> Option<Finding> {
    let federation = FederationId::new(organization, old);
    let marked = |found: &&Connection| federation.owner_by_description(&found.description) == Owner::Ours;
    others.into_iter().find_map(|(name, connections)| {
        let marked = connections.iter().find(marked)?;
        Some(
            Finding::overall(FindingCode::ProjectRenamed)
                .differs(old, name)
                .with("known by", format!("keyless's mark on the connection {}", marked.name)),
        )
    })
}

/// A token that reads the project and is refused elsewhere lacks scopes: those of the families that were refused.
pub fn scopes(refused: &Failure, missing: impl IntoIterator<Item = String>) -> Option<Failure> {
    let mut missing = missing.into_iter().peekable();
    missing.peek()?;
    let mut failure = Failure::new(Code::DevopsDenied);
    failure.evidence = refused.evidence.iter().filter(|it| it.label != "needs").cloned().collect();
    Some(missing.fold(failure, |failure, needs| failure.with("needs", needs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_is_no_finding() {
        let codes = |policy: Policy| {
            let findings = policy.findings(
                &"contoso".parse().unwrap(),
                &"payments".parse().unwrap(),
                &"k".parse().unwrap(),
            );
            findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(Policy::default()), []);
        let fine = Policy {
            marketplace_tasks_disabled: Some(false),
            repos_off: Some(false),
            may_create_repository: Some(true),
            hosted_jobs: Some(1),
        };
        assert_eq!(codes(fine), []);
        let bad = Policy {
            marketplace_tasks_disabled: Some(true),
            repos_off: Some(true),
            may_create_repository: Some(false),
            hosted_jobs: Some(0),
        };
        assert_eq!(
            codes(bad),
            [
                FindingCode::MarketplaceTasksDisabled,
                FindingCode::ReposOff,
                FindingCode::RepositoryDenied,
                FindingCode::PipelineParallelism,
            ]
        );
    }

    #[test]
    fn missing_scopes_make_a_refused_token_a_denial() {
        let refused = Failure::new(Code::DevopsToken).with("attempted", "GET x");
        assert_eq!(scopes(&refused, []), None);
        let denied = scopes(&refused, ["Code: Read".to_owned()]).unwrap();
        assert_eq!((denied.code, denied.evidence("needs")), (Code::DevopsDenied, Some("Code: Read")));
        assert_eq!(denied.evidence("attempted"), Some("GET x"));
    }
}
