//! Branch policies and pull requests: what a protected branch takes, and how a change gets into it.

use serde_json::{Value, json};

use super::{Client, practice_of};
use crate::sandbox::people::Wanted;

const YAML: &str = "
steps:
- checkout: self
- bash: echo \"$(Build.Reason) $(System.PullRequest.TargetBranch) $(System.PullRequest.IsFork)\"
  displayName: say
";

const REVIEWERS: &str = "fa4e907d-c16b-4a4c-9dfa-4906e5d171dd";
const BUILD: &str = "0609b952-1397-4640-95ec-e00a01b2c241";

/// A repository of its own with a pipeline over it.
struct Place {
    client: Client,
    /// `payments/_apis/git/repositories/{id}`
    path: String,
    id: String,
    pipeline: u64,
    main: String,
}

async fn place(practice: &crate::sandbox::Practice) -> Place {
    let client = Client::of(practice);
    let (pipeline, main) = client.pipeline("app", YAML).await;
    let queues = client.get("payments/_apis/distributedtask/queues").await.ok();
    client.permit("queue", &queues["value"][0]["id"].to_string(), pipeline).await;
    let found = client.get("payments/_apis/git/repositories/app").await.ok();
    let id = found["id"].as_str().unwrap().to_owned();
    Place { client, path: format!("payments/_apis/git/repositories/{id}"), id, pipeline, main }
}

impl Place {
    async fn push(&self, branch: &str, old: &str, path: &str, text: &str) -> super::Answer {
        let body = json!({
            "refUpdates": [{"name": branch, "oldObjectId": old}],
            "commits": [{"comment": "Change", "changes": [{"changeType": "add", "item": {"path": path},
                "newContent": {"content": text, "contentType": "rawtext"}}]}],
        });
        self.client.post(&format!("{}/pushes", self.path), body).await
    }

    async fn protect(&self, kind: &str, settings: Value) -> Value {
        let mut settings = settings;
        settings["scope"] =
            json!([{"repositoryId": self.id, "refName": "refs/heads/main", "matchKind": "exact"}]);
        let body = json!({"isEnabled": true, "isBlocking": true, "type": {"id": kind}, "settings": settings});
        self.client.post("payments/_apis/policy/configurations", body).await.ok()
    }

    async fn open(&self) -> Value {
        let body = json!({"sourceRefName": "refs/heads/feat/x", "targetRefName": "refs/heads/main",
            "title": "Pipeline", "description": "By keyless"});
        let made = self.client.post(&format!("{}/pullrequests", self.path), body).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()
    }

    async fn complete(&self, one: &Value) -> super::Answer {
        let body = json!({"status": "completed", "lastMergeSourceCommit": one["lastMergeSourceCommit"],
            "completionOptions": {"mergeStrategy": "squash", "deleteSourceBranch": true}});
        self.client.patch(&format!("{}/pullrequests/{}", self.path, one["pullRequestId"]), body).await
    }

    async fn file(&self, path: &str) -> u16 {
        let query = format!("{}/items?path={path}&versionDescriptor.version=main", self.path);
        self.client.get(&query).await.status
    }
}

#[tokio::test]
async fn policies_are_kept_without_defaults_and_listed_by_branch() {
    let practice = practice_of(|_| {}).await;
    let place = place(&practice).await;
    let client = &place.client;
    let settings = json!({"minimumApproverCount": 2, "creatorVoteCounts": false, "resetOnSourcePush": true});
    let made = place.protect(REVIEWERS, settings).await;
    assert_eq!(made["type"]["displayName"], "Minimum number of reviewers");
    let wanted = json!({"minimumApproverCount": 2, "resetOnSourcePush": true,
        "scope": [{"repositoryId": place.id, "refName": "refs/heads/main", "matchKind": "Exact"}]});
    assert_eq!((&made["settings"], &made["revision"]), (&wanted, &json!(1)));
    assert!(!made["createdDate"].as_str().unwrap().ends_with('Z'));
    let path = format!("payments/_apis/policy/configurations/{}", made["id"]);
    let mut changed = made.clone();
    changed["isBlocking"] = json!(false);
    let changed = client.call("PUT", &path, Some(changed)).await.ok();
    assert_eq!((&changed["isBlocking"], &changed["revision"]), (&json!(false), &json!(2)));
    let listed = async |query: &str| {
        client.get(&format!("payments/_apis/git/policy/configurations?{query}")).await.ok()["count"].clone()
    };
    assert_eq!(listed(&format!("repositoryId={}&refName=refs/heads/main", place.id)).await, 1);
    assert_eq!(listed(&format!("repositoryId={}&refName=refs/heads/x", place.id)).await, 0);
    let scope = format!("payments/_apis/policy/configurations?scope={}", place.id.replace('-', ""));
    assert_eq!(client.get(&scope).await.ok()["count"], 1);
    let types = client.get("payments/_apis/policy/types").await.ok();
    assert!(types["value"].as_array().unwrap().iter().any(|one| one["displayName"] == "Build"));
    assert_eq!(client.call("DELETE", &path, None).await.status, 204);
    assert_eq!(client.get(&path).await.refusal().1, "PolicyConfigurationNotFoundException");
}

#[tokio::test]
async fn a_protected_branch_takes_no_push_and_no_move() {
    let practice = practice_of(|_| {}).await;
    let place = place(&practice).await;
    place.protect(REVIEWERS, json!({"minimumApproverCount": 1})).await;
    let refused = place.push("refs/heads/main", &place.main, "/a", "a").await.refusal();
    assert!(refused.2.starts_with("TF402455"), "{}", refused.2);
    let gone = json!([{"name": "refs/heads/main", "oldObjectId": place.main, "newObjectId": "0".repeat(40)}]);
    let answer = place.client.post(&format!("{}/refs", place.path), gone).await.ok();
    assert_eq!(answer["value"][0]["updateStatus"], "rejectedByPolicy");
    assert_eq!(place.push("refs/heads/feat/x", &place.main, "/a", "a").await.status, 201);
}

#[tokio::test]
async fn a_pull_request_is_completed_when_others_approve_and_its_build_succeeds() {
    let practice = practice_of(|_| {}).await;
    let place = place(&practice).await;
    let client = &place.client;
    place.protect(REVIEWERS, json!({"minimumApproverCount": 1, "resetOnSourcePush": true})).await;
    let build = json!({"buildDefinitionId": place.pipeline, "validDuration": 720, "displayName": "app"});
    place.protect(BUILD, build).await;
    let pushed = place.push("refs/heads/feat/x", &place.main, "/new.txt", "new").await.ok();
    let one = place.open().await;
    assert_eq!((&one["status"], &one["mergeStatus"]), (&json!("active"), &json!("succeeded")));
    let builds = client.get("payments/_apis/build/builds?reasonFilter=pullRequest").await.ok();
    let run = builds["value"][0]["id"].as_u64().unwrap();
    let built = client.wait_end(run).await;
    assert_eq!((&built["result"], &built["reason"]), (&json!("succeeded"), &json!("pullRequest")));
    assert_eq!(built["sourceBranch"], format!("refs/pull/{}/merge", one["pullRequestId"]));
    assert_eq!(client.log(run, "say").await[1], "PullRequest refs/heads/main False");

    let own = client.get("_apis/connectionData?api-version=7.1-preview.1").await.ok();
    let me = own["authenticatedUser"]["id"].as_str().unwrap();
    let vote = format!("{}/pullRequests/{}/reviewers/{me}", place.path, one["pullRequestId"]);
    client.call("PUT", &vote, Some(json!({"vote": 10}))).await.ok();
    let refused = place.complete(&one).await.refusal();
    assert_eq!(
        refused.1, "GitPullRequestUpdateRejectedByPolicyException",
        "the creator's own vote does not count"
    );
    let told = practice.decide(&Wanted { pull_request: one["pullRequestId"].as_u64(), ..Wanted::default() });
    assert_eq!(told[0].by, ["Ada Lovelace"]);
    let done = place.complete(&one).await.ok();
    assert_eq!(done["status"], "completed");
    assert_eq!(place.file("/new.txt").await, 200);
    let branches = client.get(&format!("{}/refs?filter=heads/feat", place.path)).await.ok();
    assert_eq!(branches["count"], 0, "{pushed}");
    let listed = client.get(&format!("{}/pullrequests?searchCriteria.status=all", place.path)).await.ok();
    assert_eq!(listed["value"][0]["status"], "completed");
    let main = client.get(&format!("{}/refs?filter=heads/main", place.path)).await.ok();
    assert_ne!(main["value"][0]["objectId"], place.main);
}

#[tokio::test]
async fn a_new_push_takes_votes_back_and_a_wish_to_complete_is_kept() {
    let practice = practice_of(|_| {}).await;
    let place = place(&practice).await;
    let client = &place.client;
    place.protect(REVIEWERS, json!({"minimumApproverCount": 2, "resetOnSourcePush": true})).await;
    let pushed = place.push("refs/heads/feat/x", &place.main, "/new.txt", "new").await.ok();
    let one = place.open().await;
    let again =
        json!({"title": "again", "sourceRefName": "refs/heads/feat/x", "targetRefName": "refs/heads/main"});
    let twice = client.post(&format!("{}/pullrequests", place.path), again).await;
    assert_eq!(twice.refusal().1, "GitPullRequestExistsException");
    let review = Wanted { pull_request: one["pullRequestId"].as_u64(), ..Wanted::default() };
    assert_eq!(practice.decide(&review)[0].by, ["Ada Lovelace", "Grace Hopper"]);
    let tip = pushed["refUpdates"][0]["newObjectId"].as_str().unwrap();
    place.push("refs/heads/feat/x", tip, "/more.txt", "more").await.ok();
    let path = format!("{}/pullrequests/{}", place.path, one["pullRequestId"]);
    let now = client.get(&path).await.ok();
    assert!(now["reviewers"].as_array().unwrap().iter().all(|who| who["vote"] == 0), "{now}");
    assert_eq!(place.complete(&one).await.refusal().1, "GitPullRequestStaleException");
    let artifact = format!("vstfs:///CodeReview/CodeReviewId/{}/{}", super::PROJECT, one["pullRequestId"]);
    let states = client.get(&format!("payments/_apis/policy/evaluations?artifactId={artifact}")).await.ok();
    assert_eq!(states["value"][0]["status"], "running");
    let wish = json!({"autoCompleteSetBy": {"id": one["createdBy"]["id"]}});
    assert_eq!(client.patch(&path, wish).await.ok()["status"], "active");
    practice.decide(&review);
    assert_eq!(client.get(&path).await.ok()["status"], "completed");
    assert_eq!(place.file("/more.txt").await, 200);
}

#[tokio::test]
async fn two_sides_that_changed_one_file_do_not_fit_together() {
    let practice = practice_of(|_| {}).await;
    let place = place(&practice).await;
    place.push("refs/heads/feat/x", &place.main, "/same.txt", "theirs").await.ok();
    place.push("refs/heads/main", &place.main, "/same.txt", "ours").await.ok();
    let one = place.open().await;
    assert_eq!(one["mergeStatus"], "conflicts");
    assert_eq!(place.complete(&one).await.status, 403);
    let path = format!("{}/pullrequests/{}", place.path, one["pullRequestId"]);
    let left = place.client.patch(&path, json!({"status": "abandoned"})).await.ok();
    assert_eq!(left["status"], "abandoned");
}
