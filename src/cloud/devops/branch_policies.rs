//! Branch policies of Azure Repos: those that hold for one ref, made, changed, deleted.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::check_settings::id;
use super::projects::{Project, segment};
use super::{DevOps, SERVICE, routes};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::gates::policy::{FoundPolicy, PolicyKind, Rule};
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::pipeline::Repository;

/// Minutes a validation build counts after the target branch has moved (facts/azure-devops.md, section 8).
const BUILD_MINUTES: u32 = 720;

/// What a policy is made to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asks {
    /// Others must have looked: the author's vote does not count, a push resets the votes, and who pushed last does not count.
    Reviewers(u8),
    /// A pipeline must have built the pull request.
    Build {
        /// Its definition id.
        definition: i64,
        /// Its name, as pull requests show it.
        name: String,
    },
}

impl Asks {
    fn kind(&self) -> PolicyKind {
        match self {
            Self::Reviewers(_) => PolicyKind::MinimumReviewers,
            Self::Build { .. } => PolicyKind::BuildValidation,
        }
    }

    fn settings(&self) -> Value {
        match self {
            Self::Reviewers(count) => json!({
                "minimumApproverCount": count,
                "creatorVoteCounts": false,
                "allowDownvotes": false,
                "resetOnSourcePush": true,
                "blockLastPusherVote": true,
            }),
            Self::Build { definition, name } => json!({
                "buildDefinitionId": definition,
                "displayName": name,
                "manualQueueOnly": false,
                "queueOnSourceUpdateOnly": true,
                "validDuration": BUILD_MINUTES,
            }),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: i64,
    #[serde(default)]
    is_enabled: Option<bool>,
    #[serde(default)]
    is_blocking: Option<bool>,
    #[serde(default)]
    is_deleted: Option<bool>,
    #[serde(default, rename = "type")]
    kind: Value,
    #[serde(default)]
    settings: Value,
}

impl Wire {
    fn found(self, repository: Uuid, ref_name: &str) -> FoundPolicy {
        let kind = id(&self.kind["id"]).and_then(PolicyKind::of);
        let name = self.kind["displayName"].as_str().or_else(|| self.kind["id"].as_str());
        FoundPolicy {
            id: self.id,
            in_force: self.is_enabled.unwrap_or_default() && self.is_blocking.unwrap_or_default(),
            rule: kind.and_then(|kind| rule(kind, &self.settings)),
            type_name: name.unwrap_or("unknown").to_owned(),
            own_scope: is_own(&self.settings, repository, ref_name),
        }
    }
}

/// What the settings ask for. The service leaves out what has its default value.
fn rule(kind: PolicyKind, settings: &Value) -> Option<Rule> {
    let yes = |name: &str| settings[name].as_bool().unwrap_or_default();
    Some(match kind {
        PolicyKind::MinimumReviewers => Rule::MinimumReviewers {
            count: u8::try_from(settings["minimumApproverCount"].as_u64()?).unwrap_or(u8::MAX),
            creator_counts: yes("creatorVoteCounts"),
            resets_on_push: yes("resetOnSourcePush"),
        },
        PolicyKind::BuildValidation => Rule::BuildValidation {
            definition: settings["buildDefinitionId"].as_i64()?,
            manual: yes("manualQueueOnly"),
        },
    })
}

/// Whether a policy is about this ref alone.
fn is_own(settings: &Value, repository: Uuid, ref_name: &str) -> bool {
    let Some([scope]) = settings["scope"].as_array().map(Vec::as_slice) else { return false };
    id(&scope["repositoryId"]) == Some(repository)
        && scope["refName"].as_str() == Some(ref_name)
        && scope["matchKind"].as_str().is_none_or(|kind| kind.eq_ignore_ascii_case("exact"))
}

fn key(repository: Uuid, ref_name: &str) -> String {
    format!("branch policies {repository} {ref_name}")
}

fn body(kind: PolicyKind, settings: &Value) -> Value {
    json!({"isEnabled": true, "isBlocking": true, "type": {"id": kind.type_id()}, "settings": settings})
}

fn object(what: &str, repository: &Repository, ref_name: &str) -> String {
    format!("policy {what} on {ref_name} of {}", repository.name)
}

/// A policy as it was, in the shape that makes it again.
fn before(raw: &Value) -> Value {
    let member = |name: &str| raw[name].clone();
    json!({
        "id": raw["id"],
        "isEnabled": member("isEnabled"),
        "isBlocking": member("isBlocking"),
        "type": {"id": raw["type"]["id"]},
        "settings": member("settings"),
    })
}

impl DevOps {
    /// The policies that hold for a ref (`refs/heads/main`), those of wider scopes included.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn branch_policies(
        &self,
        project: &Project,
        repository: Uuid,
        ref_name: &str,
    ) -> Result<Vec<FoundPolicy>> {
        let read = || async {
            let call = self.call(&routes::BRANCH_POLICIES, &[&segment(project)]);
            let call = call.query("repositoryId", &repository.to_string()).query("refName", ref_name);
            let wires: Vec<Wire> = call.pages().await?;
            let there = wires.into_iter().filter(|wire| wire.is_deleted != Some(true));
            Ok(there.map(|wire| wire.found(repository, ref_name)).collect())
        };
        self.memo().get(&key(repository, ref_name), read).await
    }

    /// Makes a policy for one ref, enabled and blocking. From then on changes of the ref go by pull request.
    ///
    /// # Errors
    /// `DevopsDenied`: the right to edit policies is missing.
    pub async fn create_policy(
        &self,
        pen: &Pen,
        project: &Project,
        (repository, ref_name): (&Repository, &str),
        asks: &Asks,
    ) -> Result<FoundPolicy> {
        let kind = asks.kind();
        let mut settings = asks.settings();
        settings["scope"] =
            json!([{"repositoryId": repository.id, "refName": ref_name, "matchKind": "Exact"}]);
        let object = object(kind.words(), repository, ref_name);
        let write = Write::new(SERVICE, "policies/create", object, Inverse::Delete).about(settings.clone());
        let call = async {
            let call = self.call(&routes::CREATE_POLICY, &[&segment(project)]).body(body(kind, &settings));
            let made: Wire = call.changes([key(repository.id, ref_name)]).json().await?;
            Ok(made.found(repository.id, ref_name))
        };
        pen.write(write, call, |made| json!({"id": made.id})).await
    }

    /// Sets a found policy of one ref to what is wanted, enabled and blocking. What of its settings keyless does not know
    /// stays; what is stricter than asked for, becomes as asked for.
    ///
    /// # Errors
    /// `DevopsRefused`: it is about other branches too, or of another kind; `DevopsNotFound`: it is gone.
    pub async fn update_policy(
        &self,
        pen: &Pen,
        project: &Project,
        (repository, ref_name): (&Repository, &str),
        found: &FoundPolicy,
        asks: &Asks,
    ) -> Result<FoundPolicy> {
        let object = object(asks.kind().words(), repository, ref_name);
        let raw = self.raw_policy(project, found.id, &object).await?;
        let refused =
            |cause: &str| Failure::new(Code::DevopsRefused).with("policy", &object).with("cause", cause);
        if !is_own(&raw["settings"], repository.id, ref_name) {
            return Err(refused("it is about other branches too"));
        }
        if id(&raw["type"]["id"]) != Some(asks.kind().type_id()) {
            return Err(refused("it is of another kind"));
        }
        let mut settings = raw["settings"].clone();
        if let (Some(all), Value::Object(wanted)) = (settings.as_object_mut(), asks.settings()) {
            all.extend(wanted);
        }
        let inverse = Inverse::Restore { before: before(&raw) };
        let write = Write::new(SERVICE, "policies/update", object, inverse).about(settings.clone());
        let call = async {
            let call = self.call(&routes::UPDATE_POLICY, &[&segment(project), &found.id.to_string()]);
            let call = call.body(body(asks.kind(), &settings));
            let made: Wire = call.changes([key(repository.id, ref_name)]).json().await?;
            Ok(made.found(repository.id, ref_name))
        };
        pen.write(write, call, |made| json!({"id": made.id})).await
    }

    /// Deletes a policy of one ref. One that is gone is deleted.
    ///
    /// # Errors
    /// `DevopsRefused`: it is about other branches too.
    pub async fn delete_policy(
        &self,
        pen: &Pen,
        project: &Project,
        (repository, ref_name): (&Repository, &str),
        found: &FoundPolicy,
    ) -> Result<()> {
        let object = object(&found.type_name, repository, ref_name);
        let Some(raw) = super::there(self.raw_policy(project, found.id, &object).await)? else {
            return Ok(());
        };
        if !is_own(&raw["settings"], repository.id, ref_name) {
            let cause = "it is about other branches too";
            return Err(Failure::new(Code::DevopsRefused).with("policy", object).with("cause", cause));
        }
        let inverse = Inverse::Restore { before: before(&raw) };
        let write = Write::new(SERVICE, "policies/delete", object, inverse);
        let call = async {
            let call = self.call(&routes::DELETE_POLICY, &[&segment(project), &found.id.to_string()]);
            super::there(call.changes([key(repository.id, ref_name)]).answer().await).map(drop)
        };
        pen.write(write, call, |()| json!({"id": found.id})).await
    }

    async fn raw_policy(&self, project: &Project, policy: i64, object: &str) -> Result<Value> {
        let call = self.call(&routes::POLICY_BY_ID, &[&segment(project), &policy.to_string()]);
        let raw: Option<Value> = call.json_if_there().await?;
        raw.filter(|raw| raw["id"] == policy && raw["isDeleted"] != true)
            .ok_or_else(|| Failure::new(Code::DevopsNotFound).with("policy", object))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    const REPOSITORY: Uuid = Uuid::from_u128(7);
    const MAIN: &str = "refs/heads/main";

    fn found(kind: PolicyKind, settings: &Value) -> FoundPolicy {
        let wire: Wire = serde_json::from_value(json!({
            "id": 3, "revision": 1, "isEnabled": true, "isBlocking": true, "isDeleted": false, "isEnterpriseManaged": false,
            "createdDate": "2026-01-01T00:00:00.0000000",
            "type": {"id": kind.type_id(), "url": "x", "displayName": "Prüfer"}, "settings": settings
        }))
        .unwrap();
        wire.found(REPOSITORY, MAIN)
    }

    fn scope(reference: &Value, kind: &str) -> Value {
        json!([{"repositoryId": REPOSITORY, "refName": reference, "matchKind": kind}])
    }

    #[test]
    fn left_out_settings_have_their_default() {
        let settings = json!({"minimumApproverCount": 1, "scope": scope(&json!(MAIN), "Exact")});
        let expected = Rule::MinimumReviewers { count: 1, creator_counts: false, resets_on_push: false };
        let policy = found(PolicyKind::MinimumReviewers, &settings);
        assert_eq!((policy.rule, policy.own_scope, policy.in_force), (Some(expected), true, true));
        let build = found(PolicyKind::BuildValidation, &json!({"buildDefinitionId": 9, "scope": []}));
        assert_eq!(build.rule, Some(Rule::BuildValidation { definition: 9, manual: false }));
        assert!(!build.own_scope);
    }

    #[test]
    fn only_an_exact_scope_is_the_branchs_own() {
        for (scope, own) in [
            (scope(&json!(MAIN), "exact"), true),
            (scope(&json!(MAIN), "Prefix"), false),
            (scope(&json!("refs/heads/other"), "Exact"), false),
            (json!([{"repositoryId": null, "matchKind": "DefaultBranch"}]), false),
            (json!([{"repositoryId": REPOSITORY, "refName": MAIN}, {"repositoryId": null}]), false),
        ] {
            let policy =
                found(PolicyKind::MinimumReviewers, &json!({"minimumApproverCount": 1, "scope": scope}));
            assert_eq!(policy.own_scope, own, "{scope}");
        }
    }

    #[test]
    fn what_is_asked_for_is_what_is_read() {
        let rule = |asks: &Asks| rule(asks.kind(), &asks.settings()).unwrap();
        assert_eq!(
            rule(&Asks::Reviewers(2)),
            Rule::MinimumReviewers { count: 2, creator_counts: false, resets_on_push: true }
        );
        let build = Asks::Build { definition: 9, name: "payments".to_owned() };
        assert_eq!(rule(&build), Rule::BuildValidation { definition: 9, manual: false });
    }
}
