//! Settings of organisation and project that pages of the portal show, and what the operator may do on a security token.

use serde_json::{Map, Value, json};

use super::security::GIT;
use super::{Op, Place, projects};
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "3353e165-a11e-43aa-9d88-14f2bb09b6d9",
        area: "Contribution",
        resource: "HierarchyQuery",
        template: "_apis/{area}/{resource}/{scopeName}/{scopeValue}",
        version: 1,
        oldest: "5.0",
        released: false,
        methods: &[Op::read("POST", "data-providers", providers)],
    },
    Place {
        id: "f29e997b-c2da-4d15-8380-765788a1a74c",
        area: "FeatureManagement",
        resource: "FeatureStatesQuery",
        template: "_apis/{area}/{resource}/{userScope}/{scopeName}/{scopeValue}",
        version: 1,
        oldest: "3.1",
        released: false,
        methods: &[Op::read("POST", "features", features)],
    },
    Place {
        id: "dd3b8bd6-c7fc-4cbd-929a-933d9c011c9d",
        area: "Security",
        resource: "Permissions",
        template: "_apis/{resource}/{securityNamespaceId}/{permissions}",
        version: 2,
        oldest: "1.0",
        released: true,
        methods: &[Op::read("GET", "permissions {securityNamespaceId}", has_permissions)],
    },
];

const PIPELINE_SETTINGS: &str = "ms.vss-build-web.pipelines-org-settings-data-provider";
const REPOS: &str = "ms.vss-code.version-control";
/// The bit of `CreateRepository` in the namespace of Git repositories.
const CREATE_REPOSITORY: u64 = 256;

/// Data providers by their contributions; one that is not known answers nothing.
fn providers(call: &Call) -> Result<Reply, Failure> {
    let wanted = call.body["contributionIds"].as_array().ok_or_else(|| Failure::missing("query"))?;
    let mut found = Map::from_iter([("ms.vss-web.component-data".to_owned(), json!({}))]);
    if wanted.iter().any(|id| id == PIPELINE_SETTINGS) {
        let settings = json!({
            "enforceJobAuthScope": true,
            "disableInBoxTasksVar": false,
            "disableMarketplaceTasksVar": call.ground.world.organization.marketplace_tasks_disabled,
            "disableNode6TasksVar": false,
            "isTaskLockdownFeatureEnabled": true,
        });
        found.insert(PIPELINE_SETTINGS.to_owned(), settings);
    }
    Ok(Reply::json(json!({"dataProviders": found})))
}

/// Features of a project that are switched off; every other one is on.
fn features(call: &Call) -> Result<Reply, Failure> {
    let id = call.route("scopeValue").unwrap_or_default();
    let project = projects::find(&call.ground, id).ok_or_else(|| projects::unknown(id))?;
    let known = &call.ground.world.projects;
    let repos_off = known.iter().any(|one| one.id.eq_ignore_ascii_case(&project.id) && one.repos_off);
    let wanted = call.body["featureIds"].as_array().ok_or_else(|| Failure::missing("query"))?;
    let states = wanted.iter().filter_map(Value::as_str).map(|feature| {
        let off = feature == REPOS && repos_off;
        let state = json!({
            "featureId": feature,
            "scope": {"userScoped": false, "settingScope": "project"},
            "state": if off { "disabled" } else { "enabled" },
        });
        (feature.to_owned(), state)
    });
    Ok(Reply::json(json!({"featureIds": wanted, "featureStates": Map::from_iter(states)})))
}

/// The operator has every permission that the world does not take away.
fn has_permissions(call: &Call) -> Result<Reply, Failure> {
    let namespace = call.route("securityNamespaceId").unwrap_or_default();
    let bits = call.route("permissions").and_then(|text| text.parse::<u64>().ok());
    let bits = bits.ok_or_else(|| Failure::missing("permissions"))?;
    let creates = namespace.eq_ignore_ascii_case(GIT) && bits & CREATE_REPOSITORY != 0;
    let has = !(creates && call.denied("create-repository"));
    let tokens = call.list("tokens").map_or(0, |tokens| tokens.len());
    Ok(Reply::list(vec![json!(has); tokens]))
}
