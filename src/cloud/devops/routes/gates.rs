//! Routes of deployments: environments, checks, branch policies, pull requests, identities, roles, definitions, variable groups.

use super::{ACCEPTED_CHECK, VARIABLE_GROUP_BODY, route};
use crate::cloud::http::Route;

const ENVIRONMENTS: &str = "/{organization}/{project}/_apis/distributedtask/environments";
const ENVIRONMENT: &str = "/{organization}/{project}/_apis/distributedtask/environments/{environment}";
pub(in crate::cloud::devops) const TARGETS: Route = route("GET", ENVIRONMENTS, "7.1").response(&["id"]);
pub(in crate::cloud::devops) const CREATE_TARGET: Route =
    route("POST", ENVIRONMENTS, "7.1").response(&["id"]);
pub(in crate::cloud::devops) const UPDATE_TARGET: Route =
    route("PATCH", ENVIRONMENT, "7.1").response(&["id"]);
pub(in crate::cloud::devops) const DELETE_TARGET: Route = route("DELETE", ENVIRONMENT, "7.1");

const CHECKS: &str = "/{organization}/{project}/_apis/pipelines/checks/configurations";
const CHECK: &str = "/{organization}/{project}/_apis/pipelines/checks/configurations/{check}";
const WRITTEN_CHECK: &[&str] = &[
    "type",
    "timeout",
    "version",
    "executionOrder",
    "minRequiredApprovers",
    "requesterCannotBeApprover",
    "ensureProtectionOfBranch",
    "allowUnknownStatusBranch",
];
pub(in crate::cloud::devops) const CHECK_BY_ID: Route =
    route("GET", CHECK, "7.1-preview.1").query(&["$expand"]).response(ACCEPTED_CHECK);
pub(in crate::cloud::devops) const CREATE_CHECK: Route =
    route("POST", CHECKS, "7.1-preview.1").request(WRITTEN_CHECK).response(ACCEPTED_CHECK);
pub(in crate::cloud::devops) const UPDATE_CHECK: Route =
    route("PATCH", CHECK, "7.1-preview.1").request(WRITTEN_CHECK).response(ACCEPTED_CHECK);
pub(in crate::cloud::devops) const DELETE_CHECK: Route = route("DELETE", CHECK, "7.1-preview.1");

const POLICIES: &str = "/{organization}/{project}/_apis/policy/configurations";
const POLICY: &str = "/{organization}/{project}/_apis/policy/configurations/{policy}";
const POLICY_BODY: &[&str] = &[
    "id",
    "revision",
    "isEnabled",
    "isBlocking",
    "isDeleted",
    "isEnterpriseManaged",
    "minimumApproverCount",
    "creatorVoteCounts",
    "allowDownvotes",
    "resetOnSourcePush",
    "resetRejectionsOnSourcePush",
    "requireVoteOnLastIteration",
    "requireVoteOnEachIteration",
    "blockLastPusherVote",
    "buildDefinitionId",
    "manualQueueOnly",
    "queueOnSourceUpdateOnly",
    "validDuration",
    "matchKind",
];
pub(in crate::cloud::devops) const BRANCH_POLICIES: Route =
    route("GET", "/{organization}/{project}/_apis/git/policy/configurations", "7.1").response(POLICY_BODY);
pub(in crate::cloud::devops) const POLICY_BY_ID: Route = route("GET", POLICY, "7.1").response(POLICY_BODY);
pub(in crate::cloud::devops) const CREATE_POLICY: Route =
    route("POST", POLICIES, "7.1").request(POLICY_BODY).response(POLICY_BODY);
pub(in crate::cloud::devops) const UPDATE_POLICY: Route =
    route("PUT", POLICY, "7.1").request(POLICY_BODY).response(POLICY_BODY);
pub(in crate::cloud::devops) const DELETE_POLICY: Route = route("DELETE", POLICY, "7.1");

/// On the host of identities.
pub(in crate::cloud::devops) const IDENTITIES: Route =
    route("GET", "/{organization}/_apis/identities", "7.1")
        .query(&["searchFilter", "queryMembership", "descriptors", "identityIds"])
        .response(&["isActive", "isContainer", "resourceVersion", "metaTypeId", "SchemaClassName"]);

const PULL_REQUESTS: &str = "/{organization}/{project}/_apis/git/repositories/{repository}/pullrequests";
const PULL_REQUEST: &str =
    "/{organization}/{project}/_apis/git/repositories/{repository}/pullrequests/{pullRequest}";
const PULL_REQUEST_ANSWER: &[&str] = &[
    "pullRequestId",
    "codeReviewId",
    "status",
    "mergeStatus",
    "mergeFailureType",
    "mergeStrategy",
    "state",
    "visibility",
    "commitId",
    "isDraft",
    "squashMerge",
    "deleteSourceBranch",
    "bypassPolicy",
];
pub(in crate::cloud::devops) const PULL_REQUESTS_OF: Route =
    route("GET", PULL_REQUESTS, "7.1").query(&["searchCriteria.status"]).response(PULL_REQUEST_ANSWER);
pub(in crate::cloud::devops) const PULL_REQUEST_BY_ID: Route =
    route("GET", PULL_REQUEST, "7.1").response(PULL_REQUEST_ANSWER);
pub(in crate::cloud::devops) const CREATE_PULL_REQUEST: Route =
    route("POST", PULL_REQUESTS, "7.1").response(PULL_REQUEST_ANSWER);
pub(in crate::cloud::devops) const UPDATE_PULL_REQUEST: Route =
    route("PATCH", PULL_REQUEST, "7.1").request(PULL_REQUEST_ANSWER).response(PULL_REQUEST_ANSWER);

pub(in crate::cloud::devops) const CREATE_VARIABLE_GROUP: Route =
    route("POST", "/{organization}/_apis/distributedtask/variablegroups", "7.1")
        .request(VARIABLE_GROUP_BODY)
        .response(VARIABLE_GROUP_BODY);
pub(in crate::cloud::devops) const DELETE_VARIABLE_GROUP: Route =
    route("DELETE", "/{organization}/_apis/distributedtask/variablegroups/{group}", "7.1")
        .query(&["projectIds"]);

pub(in crate::cloud::devops) const CREATE_DEFINITION: Route =
    route("POST", "/{organization}/{project}/_apis/build/definitions", "7.1")
        .request(super::DEFINITION_BODY)
        .response(super::DEFINITION_BODY);

const ROLES: &str = "/{organization}/_apis/securityroles/scopes/{scope}/roleassignments/resources/{resource}";
const ROLE: &str =
    "/{organization}/_apis/securityroles/scopes/{scope}/roleassignments/resources/{resource}/{identity}";
const ROLE_BODY: &[&str] = &["access", "allowPermissions", "denyPermissions", "scope", "roleName"];
pub(in crate::cloud::devops) const ROLE_ASSIGNMENTS: Route =
    route("GET", ROLES, "7.1-preview.1").response(ROLE_BODY);
pub(in crate::cloud::devops) const SET_ROLE: Route =
    route("PUT", ROLE, "7.1-preview.1").request(ROLE_BODY).response(ROLE_BODY);
pub(in crate::cloud::devops) const INHERIT_ROLES: Route =
    route("PATCH", ROLES, "7.1-preview.1").query(&["inheritPermissions"]);
pub(in crate::cloud::devops) const REMOVE_ROLE: Route = route("DELETE", ROLE, "7.1-preview.1");

pub(in crate::cloud::devops) const TEAMS: Route =
    route("GET", "/{organization}/_apis/projects/{project}/teams", "7.1").query(&["$top"]);
pub(in crate::cloud::devops) const TEAM_MEMBERS: Route =
    route("GET", "/{organization}/_apis/projects/{project}/teams/{team}/members", "7.1")
        .query(&["$top"])
        .response(&["isTeamAdmin"]);
