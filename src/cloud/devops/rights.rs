//! What a sign-in may do, by family of calls: which scope a call needs, and which families are refused before any write.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use futures::future::join_all;
use uuid::Uuid;

use super::projects::Project;
use super::security::BUILD;
use super::{Authorization, DevOps, routes};
use crate::cloud::http::{Request, Route};
use crate::domain::failure::{Code, Failure, Result};

/// How long it may take to find out whether a token is for all organisations: some networks let nobody ask.
const PATIENCE: Duration = Duration::from_secs(2);

/// A family of calls: the scope of a personal access token, and its place on the token's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The scope, as Azure DevOps documents it.
    pub scope: &'static str,
    /// Where it is ticked.
    pub label: &'static str,
    /// What keyless needs it for.
    pub purpose: &'static str,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}), for {}", self.label, self.scope, self.purpose)
    }
}

const fn named(scope: &'static str, label: &'static str, purpose: &'static str) -> Family {
    Family { scope, label, purpose }
}

const PROJECT: Family = named("vso.project", "Project and Team: Read", "organisation and project");
const CONNECTIONS: Family =
    named("vso.serviceendpoint_manage", "Service Connections: Read, query & manage", "connections");
const CODE: Family = named("vso.code_manage", "Code: Read, write & manage", "the verification repository");
const BUILD_RUNS: Family = named("vso.build_execute", "Build: Read & execute", "the verification pipeline");
const RESOURCES: Family =
    named("vso.pipelineresources_manage", "Pipeline Resources: Use and manage", "the permission of one run");
const SECURITY: Family =
    named("vso.security_manage", "Security: Manage", "closing repository and pipeline to others");
const VARIABLES: Family = named(
    "vso.variablegroups_manage",
    "Variable Groups: Read, create & manage",
    "session times in variable groups",
);
const ENVIRONMENTS: Family = named(
    "vso.environment_manage",
    "Environment: Read & manage",
    "environments that deployments are approved for",
);
const IDENTITY: Family = named("vso.identity", "Identity: Read", "looking up who may approve");
const QUEUES: Family = named("vso.agentpools", "Agent Pools: Read", "the agent queue");
const EXTENSIONS: Family =
    named("vso.extension_manage", "Extensions: Read & manage", "installing the AWS Toolkit");

/// Parts of routes, and the family they belong to; the first that fits counts.
const PARTS: [(&str, Family); 18] = [
    ("/serviceendpoint/", CONNECTIONS),
    ("/git/", CODE),
    ("/policy/", CODE),
    ("/pipelines/pipelinepermissions", RESOURCES),
    ("/pipelines/checks", RESOURCES),
    ("/pipelines/approvals", RESOURCES),
    ("/pipelines", BUILD_RUNS),
    ("/build/", BUILD_RUNS),
    ("/distributedtask/variablegroups", VARIABLES),
    ("/distributedtask/environments", ENVIRONMENTS),
    ("/distributedtask/", QUEUES),
    ("/securitynamespaces/", SECURITY),
    ("/accesscontrollists/", SECURITY),
    ("/permissions/", SECURITY),
    ("/securityroles/", SECURITY),
    ("/identities", IDENTITY),
    ("/extensionmanagement/", EXTENSIONS),
    ("", PROJECT),
];

/// The family of a route.
pub(super) fn family(route: &Route) -> Family {
    PARTS.iter().find(|(part, _)| route.template.contains(part)).map_or(PROJECT, |(_, family)| *family)
}

/// What a sign-in may do in a project, as far as it can be known without a write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// Families whose plainest reading call is refused.
    pub missing: Vec<Family>,
    /// Families that could not be asked for: which, and why.
    pub unknown: Vec<(Family, Failure)>,
}

/// What tells one token from another without holding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl DevOps {
    /// Asks one reading call of each family. Rights to write show only when they are used: Azure DevOps tells no scopes.
    pub async fn rights(&self, project: &Project) -> Rights {
        let (id, namespace) = (project.id.to_string(), BUILD.to_string());
        let calls = [
            self.call(&routes::ENDPOINTS, &[&id]).query("type", "aws"),
            self.call(&routes::REPOSITORY_LIST, &[&id]),
            self.call(&routes::PIPELINES, &[&id]).query("$top", "1"),
            self.call(&routes::NAMESPACE, &[&namespace]),
            self.call(&routes::QUEUES, &[&id]),
        ];
        let asked = calls.map(|call| {
            let family = family(call.route);
            async move { (family, call.answer().await.err()) }
        });
        let mut rights = Rights::default();
        for (family, failure) in join_all(asked).await {
            match failure {
                // The project was read with the same token: what is not accepted here is its scope.
                Some(refused) if is_refusal(&refused) => rights.missing.push(family),
                Some(failure) => rights.unknown.push((family, failure)),
                None => {}
            }
        }
        rights
    }

    /// What tells this client's token apart from others without holding it; none: it is no token that could be for all
    /// organisations.
    pub fn token_digest(&self) -> Option<Digest> {
        let Authorization::Fixed(header) = &self.shared.authorization else { return None };
        header.as_bytes().starts_with(b"Basic ").then(|| {
            let mut made = [0; 32];
            made.copy_from_slice(digest(&SHA256, header.as_bytes()).as_ref());
            Digest(made)
        })
    }

    /// Refuses a personal access token that is for all organisations: only those may ask for the profile of their owner.
    /// A token that may not is for one organisation, or has no scope for profiles; that cannot be told apart.
    ///
    /// # Errors
    /// `DevopsTokenGlobal`.
    pub async fn refuse_global_token(&self) -> Result<()> {
        let Authorization::Fixed(header) = &self.shared.authorization else { return Ok(()) };
        if !header.to_str().is_ok_and(|text| text.starts_with("Basic ")) {
            return Ok(());
        }
        let mut url = self.shared.ends.profiles.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(routes::PROFILE.template.split('/').filter(|part| !part.is_empty()));
        }
        url.query_pairs_mut().append_pair("api-version", routes::PROFILE.version);
        let request = Request { route: &routes::PROFILE, url, authorization: Some(header), body: None };
        let asked = self.shared.http.send(&request, Code::DevopsUnreachable);
        // Who cannot be asked says nothing about the token.
        let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, asked).await else { return Ok(()) };
        let owner = answer.json.as_ref().and_then(|json| json.get("id")?.as_str()?.parse::<Uuid>().ok());
        match (answer.status, owner) {
            (200, Some(_)) => {
                Err(Failure::new(Code::DevopsTokenGlobal).with("organisation", self.organization()).with(
                    "known by",
                    "the profile of its owner, which a token for one organisation cannot read",
                ))
            }
            _ => Ok(()),
        }
    }
}

fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.code, Code::DevopsDenied | Code::DevopsToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_its_family() {
        for (route, scope) in [
            (&routes::PROJECTS, "vso.project"),
            (&routes::CONNECTION_DATA, "vso.project"),
            (&routes::CREATE_ENDPOINT, "vso.serviceendpoint_manage"),
            (&routes::PUSH, "vso.code_manage"),
            (&routes::PERMIT, "vso.pipelineresources_manage"),
            (&routes::APPROVALS, "vso.pipelineresources_manage"),
            (&routes::START_RUN, "vso.build_execute"),
            (&routes::TIMELINE, "vso.build_execute"),
            (&routes::QUEUES, "vso.agentpools"),
            (&routes::UPDATE_VARIABLE_GROUP, "vso.variablegroups_manage"),
            (&routes::UPDATE_DEFINITION, "vso.build_execute"),
            (&routes::SET_ACCESS_LIST, "vso.security_manage"),
            (&routes::INSTALL, "vso.extension_manage"),
            (&routes::CREATE_TARGET, "vso.environment_manage"),
            (&routes::CREATE_CHECK, "vso.pipelineresources_manage"),
            (&routes::CREATE_POLICY, "vso.code_manage"),
            (&routes::BRANCH_POLICIES, "vso.code_manage"),
            (&routes::CREATE_PULL_REQUEST, "vso.code_manage"),
            (&routes::IDENTITIES, "vso.identity"),
            (&routes::SET_ROLE, "vso.security_manage"),
            (&routes::CREATE_VARIABLE_GROUP, "vso.variablegroups_manage"),
            (&routes::CREATE_DEFINITION, "vso.build_execute"),
        ] {
            assert_eq!(family(route).scope, scope, "{}", route.template);
        }
    }
}
