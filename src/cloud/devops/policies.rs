//! What organisation and project allow: tasks of the Marketplace, Azure Repos, new repositories.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::projects::{Project, segment};
use super::security::GIT_REPOSITORIES;
use super::{DevOps, List, routes};
use crate::domain::failure::Result;

/// What the portal's page Organization settings > Pipelines > Settings is made of. Not documented.
const PIPELINE_SETTINGS: &str = "ms.vss-build-web.pipelines-org-settings-data-provider";
/// The feature Azure Repos. Not documented.
const REPOS: &str = "ms.vss-code.version-control";
/// The action of the Git namespace that making a repository needs, on the project's token.
const CREATE_REPOSITORY: &str = "CreateRepository";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Providers {
    #[serde(default)]
    data_providers: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Features {
    #[serde(default)]
    feature_states: Map<String, Value>,
}

impl DevOps {
    /// Whether tasks of the Marketplace are disabled in the organisation; none: it is not told. The documented settings of a
    /// project (build/generalsettings) do not tell it.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn marketplace_tasks_disabled(&self) -> Result<Option<bool>> {
        let organization = self.organization();
        let page = json!({
            "url": format!("https://dev.azure.com/{organization}/_settings/pipelinessettings"),
            "routeId": "ms.vss-admin-web.collection-admin-hub-route",
            "routeValues": {"adminPivot": "pipelinessettings", "controller": "ContributedPage", "action": "Execute"},
        });
        let body = json!({
            "contributionIds": [PIPELINE_SETTINGS],
            "dataProviderContext": {"properties": {"sourcePage": page}},
        });
        let found: Providers = self.call(&routes::DATA_PROVIDERS, &[]).body(body).json().await?;
        Ok(found
            .data_providers
            .get(PIPELINE_SETTINGS)
            .and_then(|it| it["disableMarketplaceTasksVar"].as_bool()))
    }

    /// Whether Azure Repos is switched off in the project; none: it is not told.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn repos_off(&self, project: &Project) -> Result<Option<bool>> {
        let id = segment(project);
        let body = json!({"featureIds": [REPOS], "featureStates": {}, "scopeValues": {"project": id}});
        let found: Features = self.call(&routes::FEATURE_STATES, &[&id]).body(body).json().await?;
        let state = found.feature_states.get(REPOS).and_then(|it| it["state"].as_str());
        Ok(state.map(|state| state.eq_ignore_ascii_case("disabled")))
    }

    /// Whether the operator may make repositories in the project; none: it is not told.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn may_create_repository(&self, project: &Project) -> Result<Option<bool>> {
        let known = self.namespace(GIT_REPOSITORIES).await?;
        let Some(bit) = known.actions.get(CREATE_REPOSITORY) else { return Ok(None) };
        let segments = [GIT_REPOSITORIES.to_string(), bit.to_string()];
        let call = self.call(&routes::HAS_PERMISSIONS, &[&segments[0], &segments[1]]);
        let list: List<bool> = call.query("tokens", &format!("repoV2/{}", segment(project))).json().await?;
        Ok(list.value.first().copied())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn a_page_without_the_setting_tells_nothing() {
        for answer in
            [json!({}), json!({"dataProviders": {PIPELINE_SETTINGS: {}}, "dataProviderExceptions": {}})]
        {
            let found: Providers = serde_json::from_value(answer).unwrap();
            let told = found.data_providers.get(PIPELINE_SETTINGS);
            assert_eq!(told.and_then(|it| it["disableMarketplaceTasksVar"].as_bool()), None);
        }
    }
}
