//! Every route of Azure DevOps this program uses, with its version and what a trace may show of it.

mod gates;

pub(super) use gates::*;

use crate::cloud::http::Route;
use crate::cloud::trace::Shows;

const fn route(method: &'static str, template: &'static str, version: &'static str) -> Route {
    let reads = matches!(method.as_bytes(), b"GET");
    Route { method, template, version, reads, shows: Shows { query: &[], request: &[], response: &[] } }
}

impl Route {
    /// A request that asks by POST and changes nothing.
    const fn only_reads(mut self) -> Self {
        self.reads = true;
        self
    }

    const fn query(mut self, names: &'static [&'static str]) -> Self {
        self.shows.query = names;
        self
    }

    const fn request(mut self, names: &'static [&'static str]) -> Self {
        self.shows.request = names;
        self
    }

    const fn response(mut self, names: &'static [&'static str]) -> Self {
        self.shows.response = names;
        self
    }
}

const PAGE: &[&str] = &["$top", "stateFilter", "includeCapabilities"];
const ENDPOINT_REQUEST: &[&str] = &["type", "owner", "scheme", "useOIDC", "url"];
const ENDPOINT_ANSWER: &[&str] =
    &["type", "owner", "scheme", "useOIDC", "isReady", "isShared", "isDisabled", "state", "isOutdated"];
const PERMISSION: &[&str] = &["type", "authorized"];
const REPOSITORY_ANSWER: &[&str] =
    &["isDisabled", "isInMaintenance", "isFork", "state", "visibility", "size"];
const PIPELINE: &[&str] = &["type", "folder", "path", "id", "revision"];
const RUN_ANSWER: &[&str] =
    &["id", "state", "result", "version", "refName", "createdDate", "finishedDate", "type"];
const BUILD_ANSWER: &[&str] = &[
    "id",
    "status",
    "result",
    "reason",
    "priority",
    "queueTime",
    "startTime",
    "finishTime",
    "sourceVersion",
    "queuePosition",
    "queueOptions",
    "state",
    "visibility",
    "type",
    "queueStatus",
    "quality",
    "jobAuthorizationScope",
];

pub(super) const CONNECTION_DATA: Route =
    route("GET", "/{organization}/_apis/connectionData", "7.1-preview.1")
        .response(&["deploymentType", "instanceId"]);
pub(super) const PROFILE: Route =
    route("GET", "/_apis/profile/profiles/me", "7.1").response(&["revision", "coreRevision"]);
pub(super) const PROJECTS: Route = route("GET", "/{organization}/_apis/projects", "7.1")
    .query(PAGE)
    .response(&["state", "visibility", "revision"]);
pub(super) const PROJECT: Route = route("GET", "/{organization}/_apis/projects/{project}", "7.1")
    .query(PAGE)
    .response(&["state", "visibility", "revision"]);

pub(super) const ENDPOINT_TYPES: Route =
    route("GET", "/{organization}/_apis/serviceendpoint/types", "7.1").query(&["type"]).response(&[
        "name",
        "id",
        "scheme",
        "inputMode",
        "dataType",
        "isRequired",
        "isConfidential",
        "type",
        "flags",
    ]);
pub(super) const ENDPOINTS: Route =
    route("GET", "/{organization}/{project}/_apis/serviceendpoint/endpoints", "7.1")
        .query(&["includeFailed", "type"])
        .response(ENDPOINT_ANSWER);
pub(super) const ENDPOINT: Route =
    route("GET", "/{organization}/{project}/_apis/serviceendpoint/endpoints/{endpoint}", "7.1")
        .response(ENDPOINT_ANSWER);
pub(super) const CREATE_ENDPOINT: Route =
    route("POST", "/{organization}/_apis/serviceendpoint/endpoints", "7.1")
        .request(ENDPOINT_REQUEST)
        .response(ENDPOINT_ANSWER);
pub(super) const UPDATE_ENDPOINT: Route =
    route("PUT", "/{organization}/_apis/serviceendpoint/endpoints/{endpoint}", "7.1")
        .request(ENDPOINT_ANSWER)
        .response(ENDPOINT_ANSWER);
pub(super) const DELETE_ENDPOINT: Route =
    route("DELETE", "/{organization}/_apis/serviceendpoint/endpoints/{endpoint}", "7.1")
        .query(&["projectIds"]);

pub(super) const EXECUTION_HISTORY: Route =
    route("GET", "/{organization}/{project}/_apis/serviceendpoint/{endpoint}/executionhistory", "7.1")
        .query(&["top"])
        .response(&["id", "planType", "startTime", "finishTime", "result"]);

/// Undocumented, as the portal asks it: what others call too, not verified here.
pub(super) const DATA_PROVIDERS: Route =
    route("POST", "/{organization}/_apis/Contribution/HierarchyQuery", "7.1-preview.1")
        .only_reads()
        .request(&["contributionIds", "routeId", "adminPivot", "controller", "action"])
        .response(&["disableMarketplaceTasksVar", "disableInBoxTasksVar"]);
/// Undocumented; Microsoft's own clients call it.
pub(super) const FEATURE_STATES: Route = route(
    "POST",
    "/{organization}/_apis/FeatureManagement/FeatureStatesQuery/host/project/{project}",
    "7.1-preview.1",
)
.only_reads()
.request(&["featureIds"])
.response(&["featureId", "state"]);
pub(super) const HAS_PERMISSIONS: Route =
    route("GET", "/{organization}/_apis/permissions/{namespace}/{permissions}", "7.1").query(&["tokens"]);

pub(super) const PERMISSION_OF: Route = route(
    "GET",
    "/{organization}/{project}/_apis/pipelines/pipelinepermissions/{type}/{resource}",
    "7.1-preview.1",
)
.response(PERMISSION);
pub(super) const PERMIT: Route = route(
    "PATCH",
    "/{organization}/{project}/_apis/pipelines/pipelinepermissions/{type}/{resource}",
    "7.1-preview.1",
)
.request(PERMISSION)
.response(PERMISSION);
pub(super) const PERMIT_MANY: Route =
    route("PATCH", "/{organization}/{project}/_apis/pipelines/pipelinepermissions", "7.1-preview.1")
        .request(PERMISSION)
        .response(PERMISSION);

pub(super) const NAMESPACE: Route =
    route("GET", "/{organization}/_apis/securitynamespaces/{namespace}", "7.1").response(&[
        "bit",
        "name",
        "namespaceId",
        "readPermission",
        "writePermission",
        "separatorValue",
        "structureValue",
    ]);
const ACCESS_LISTS: &str = "/{organization}/_apis/accesscontrollists/{namespace}";
pub(super) const ACCESS_LIST: Route = route("GET", ACCESS_LISTS, "7.1")
    .query(&["token", "includeExtendedInfo", "recurse"])
    .response(&["allow", "deny", "inheritPermissions"]);
pub(super) const SET_ACCESS_LIST: Route =
    route("POST", ACCESS_LISTS, "7.1").request(&["count", "allow", "deny", "inheritPermissions"]);
pub(super) const REMOVE_ACCESS_LIST: Route =
    route("DELETE", ACCESS_LISTS, "7.1").query(&["tokens", "recurse"]);

const REPOSITORIES: &str = "/{organization}/{project}/_apis/git/repositories";
pub(super) const REPOSITORY: Route =
    route("GET", "/{organization}/{project}/_apis/git/repositories/{repository}", "7.1")
        .response(REPOSITORY_ANSWER);
pub(super) const REPOSITORY_LIST: Route = route("GET", REPOSITORIES, "7.1").response(REPOSITORY_ANSWER);
pub(super) const CREATE_REPOSITORY: Route = route("POST", REPOSITORIES, "7.1").response(REPOSITORY_ANSWER);
pub(super) const DELETE_REPOSITORY: Route =
    route("DELETE", "/{organization}/{project}/_apis/git/repositories/{repository}", "7.1");
const REFS_TEMPLATE: &str = "/{organization}/{project}/_apis/git/repositories/{repository}/refs";
pub(super) const REFS: Route =
    route("GET", REFS_TEMPLATE, "7.1").query(&["filter"]).response(&["name", "objectId"]);
pub(super) const UPDATE_REFS: Route = route("POST", REFS_TEMPLATE, "7.1")
    .request(&["name", "oldObjectId", "newObjectId"])
    .response(&["name", "oldObjectId", "newObjectId", "success", "updateStatus"]);
pub(super) const ITEMS: Route =
    route("GET", "/{organization}/{project}/_apis/git/repositories/{repository}/items", "7.1")
        .query(&[
            "scopePath",
            "path",
            "includeContent",
            "versionDescriptor.versionType",
            "versionDescriptor.version",
        ])
        .response(&["objectId", "gitObjectType", "commitId", "path", "isFolder"]);
pub(super) const PUSH: Route =
    route("POST", "/{organization}/{project}/_apis/git/repositories/{repository}/pushes", "7.1")
        .request(&["name", "oldObjectId", "changeType", "path", "contentType"])
        .response(&[
            "name",
            "oldObjectId",
            "newObjectId",
            "commitId",
            "pushId",
            "state",
            "visibility",
            "changeType",
        ]);

const PIPELINES_TEMPLATE: &str = "/{organization}/{project}/_apis/pipelines";
pub(super) const PIPELINES: Route =
    route("GET", PIPELINES_TEMPLATE, "7.1").query(&["$top"]).response(PIPELINE);
pub(super) const PIPELINE_BY_ID: Route =
    route("GET", "/{organization}/{project}/_apis/pipelines/{pipeline}", "7.1").response(PIPELINE);
pub(super) const CREATE_PIPELINE: Route =
    route("POST", PIPELINES_TEMPLATE, "7.1").request(PIPELINE).response(PIPELINE);
pub(super) const DELETE_PIPELINE: Route = route("DELETE", DEFINITION_TEMPLATE, "7.1");
const DEFINITION_TEMPLATE: &str = "/{organization}/{project}/_apis/build/definitions/{definition}";
const DEFINITION_BODY: &[&str] = &[
    "type",
    "path",
    "id",
    "revision",
    "state",
    "visibility",
    "queueStatus",
    "quality",
    "jobAuthorizationScope",
    "isSecret",
    "allowOverride",
];
pub(super) const DEFINITION: Route = route("GET", DEFINITION_TEMPLATE, "7.1").response(DEFINITION_BODY);
pub(super) const UPDATE_DEFINITION: Route =
    route("PUT", DEFINITION_TEMPLATE, "7.1").request(DEFINITION_BODY).response(DEFINITION_BODY);
const RUNS_TEMPLATE: &str = "/{organization}/{project}/_apis/pipelines/{pipeline}/runs";
pub(super) const RUNS: Route = route("GET", RUNS_TEMPLATE, "7.1").response(RUN_ANSWER);
pub(super) const RUN: Route =
    route("GET", "/{organization}/{project}/_apis/pipelines/{pipeline}/runs/{run}", "7.1")
        .response(RUN_ANSWER);
pub(super) const START_RUN: Route =
    route("POST", RUNS_TEMPLATE, "7.1").request(&["refName", "version"]).response(RUN_ANSWER);
pub(super) const PREVIEW: Route =
    route("POST", "/{organization}/{project}/_apis/pipelines/{pipeline}/preview", "7.1")
        .only_reads()
        .request(&["previewRun", "refName", "version"]);

pub(super) const BUILD: Route =
    route("GET", "/{organization}/{project}/_apis/build/builds/{build}", "7.1").response(BUILD_ANSWER);
pub(super) const CANCEL_BUILD: Route =
    route("PATCH", "/{organization}/{project}/_apis/build/builds/{build}", "7.1")
        .request(&["status"])
        .response(BUILD_ANSWER);
pub(super) const TIMELINE: Route =
    route("GET", "/{organization}/{project}/_apis/build/builds/{build}/timeline", "7.1").response(&[
        "type",
        "state",
        "result",
        "attempt",
        "order",
        "errorCount",
        "warningCount",
        "startTime",
        "finishTime",
        "changeId",
        "version",
        "percentComplete",
        "category",
    ]);
pub(super) const LOG: Route =
    route("GET", "/{organization}/{project}/_apis/build/builds/{build}/logs/{log}", "7.1");

pub(super) const QUEUES: Route =
    route("GET", "/{organization}/{project}/_apis/distributedtask/queues", "7.1")
        .query(&["actionFilter"])
        .response(&["id", "isHosted", "poolType", "size", "isLegacy", "options"]);
const VARIABLE_GROUP_BODY: &[&str] = &["id", "type", "isSecret", "isShared"];
pub(super) const VARIABLE_GROUPS: Route =
    route("GET", "/{organization}/{project}/_apis/distributedtask/variablegroups", "7.1")
        .response(VARIABLE_GROUP_BODY);
/// Never with a download ticket: nothing of a file is read but its name.
pub(super) const SECURE_FILES: Route =
    route("GET", "/{organization}/{project}/_apis/distributedtask/securefiles", "7.1-preview.1")
        .response(&["id"]);
pub(super) const VARIABLE_GROUP: Route =
    route("GET", "/{organization}/{project}/_apis/distributedtask/variablegroups/{group}", "7.1")
        .response(VARIABLE_GROUP_BODY);
pub(super) const UPDATE_VARIABLE_GROUP: Route =
    route("PUT", "/{organization}/_apis/distributedtask/variablegroups/{group}", "7.1")
        .request(VARIABLE_GROUP_BODY)
        .response(VARIABLE_GROUP_BODY);
pub(super) const RESOURCE_LIMITS: Route =
    route("GET", "/{organization}/_apis/distributedtask/resourcelimits", "7.1-preview.1").response(&[
        "parallelismTag",
        "isHosted",
        "isPremium",
        "totalCount",
        "totalMinutes",
        "FreeCount",
        "PurchasedCount",
    ]);

const EXTENSION: &str =
    "/{organization}/_apis/extensionmanagement/installedextensionsbyname/{publisher}/{extension}";
const EXTENSION_ANSWER: &[&str] = &["extensionId", "publisherId", "version", "flags", "scopes"];
pub(super) const INSTALLED: Route = route("GET", EXTENSION, "7.1-preview.1").response(EXTENSION_ANSWER);
pub(super) const INSTALL: Route = route("POST", EXTENSION, "7.1-preview.1").response(EXTENSION_ANSWER);

pub(super) const CHECKS: Route =
    route("GET", "/{organization}/{project}/_apis/pipelines/checks/configurations", "7.1-preview.1")
        .query(&["resourceType", "$expand"])
        .response(ACCEPTED_CHECK);
const ACCEPTED_CHECK: &[&str] = &["type", "id", "timeout", "version", "isDisabled"];
pub(super) const APPROVALS: Route =
    route("GET", "/{organization}/{project}/_apis/pipelines/approvals", "7.1")
        .query(&["$expand", "approvalIds"])
        .response(&["status", "executionOrder", "permissions", "minRequiredApprovers", "order"]);
