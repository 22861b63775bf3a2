//! Repositories, refs, pushes, files.

use serde_json::{Value, json};

use super::{Client, practice_of};

const ZEROS: &str = "0000000000000000000000000000000000000000";

fn push(old: &str, name: &str, kind: &str, content: &str) -> Value {
    json!({
        "refUpdates": [{"name": name, "oldObjectId": old}],
        "commits": [{"comment": "A change", "changes": [{
            "changeType": kind, "item": {"path": "/azure-pipelines.yml"},
            "newContent": {"content": content, "contentType": "rawtext"},
        }]}],
    })
}

#[tokio::test]
async fn a_repository_lives_from_empty_to_the_recycle_bin() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let made = client.post("payments/_apis/git/repositories", json!({"name": "keyless-verification"})).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert!(made.get("defaultBranch").is_none(), "an empty repository has no default branch");
    assert_eq!(made["remoteUrl"], format!("{}/payments/_git/keyless-verification", client.base));
    let again = client.post("payments/_apis/git/repositories", json!({"name": "KEYLESS-verification"})).await;
    assert_eq!((again.status, again.refusal().1.as_str()), (409, "GitRepositoryNameAlreadyExistsException"));
    let path = format!("payments/_apis/git/repositories/{}", made["id"].as_str().unwrap());

    let pushed =
        client.post(&format!("{path}/pushes"), push(ZEROS, "refs/heads/main", "add", "steps: []")).await;
    assert_eq!(pushed.status, 201);
    let pushed = pushed.ok();
    let tip = pushed["refUpdates"][0]["newObjectId"].as_str().unwrap().to_owned();
    assert_eq!(tip.len(), 40);
    assert_eq!(client.get(&path).await.ok()["defaultBranch"], "refs/heads/main");
    let refs = client.get(&format!("{path}/refs?filter=heads/main")).await.ok();
    assert_eq!(refs["value"][0]["objectId"], tip);

    let stale = client.post(&format!("{path}/pushes"), push(ZEROS, "refs/heads/main", "edit", "x")).await;
    assert_eq!(stale.refusal().1, "GitReferenceStaleException");
    assert!(stale.refusal().2.starts_with("TF401028"));
    let taken = client.post(&format!("{path}/pushes"), push(&tip, "refs/heads/main", "add", "x")).await;
    assert_eq!(taken.status, 409);
    let branch =
        client.post(&format!("{path}/pushes"), push(&tip, "refs/heads/feat/x", "edit", "steps: [a]")).await;
    assert_eq!(branch.status, 201);

    let item = format!(
        "{path}/items?path=/azure-pipelines.yml&versionDescriptor.version=main&versionDescriptor.versionType=branch"
    );
    assert_eq!(client.get(&format!("{item}&includeContent=true")).await.ok()["content"], "steps: []");
    assert_eq!(client.get(&format!("{item}&$format=octetStream")).await.text, "steps: []");
    let absent = client.get(&format!("{path}/items?path=/nothing")).await;
    assert_eq!(absent.refusal().1, "GitItemNotFoundException");
    let commits = client.get(&format!("{path}/commits?searchCriteria.itemVersion.version=feat/x")).await.ok();
    assert_eq!(commits["count"], 2);
    assert_eq!(commits["value"][0]["parents"], json!([tip]));

    assert_eq!(client.call("DELETE", &path, None).await.status, 204);
    assert_eq!(client.get(&path).await.refusal().1, "GitRepositoryNotFoundException");
    let bin = client.get("payments/_apis/git/recycleBin/repositories").await.ok();
    assert_eq!(bin["value"][0]["name"], "keyless-verification");
    let purge = format!("payments/_apis/git/recycleBin/repositories/{}", made["id"].as_str().unwrap());
    assert_eq!(client.call("DELETE", &purge, None).await.status, 204);
    assert_eq!(client.get("payments/_apis/git/recycleBin/repositories").await.ok()["count"], 0);
}

#[tokio::test]
async fn the_same_content_gets_the_same_ids_everywhere() {
    let (one, two) = (practice_of(|_| {}).await, practice_of(|_| {}).await);
    let yaml = "trigger: none\nsteps:\n- checkout: none\n";
    let first = Client::of(&one).pipeline("verify", yaml).await;
    let second = Client::of(&two).pipeline("verify", yaml).await;
    assert_eq!(first, second);
    for table in ["repository", "ref", "commit", "blob", "pipeline"] {
        assert_eq!(one.ground().store.dump().get(table), two.ground().store.dump().get(table), "{table}");
    }
}

#[tokio::test]
async fn refused_ref_updates_are_still_a_200() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let path = "payments/_apis/git/repositories/payments/refs";
    let main = client.get(&format!("{path}?filter=heads/main")).await.ok();
    let tip = main["value"][0]["objectId"].as_str().unwrap().to_owned();
    let make = json!([{"name": "refs/heads/copy", "oldObjectId": ZEROS, "newObjectId": tip}]);
    let made = client.post(path, make.clone()).await.ok();
    assert_eq!(made["value"][0]["success"], true);
    let again = client.post(path, make).await.ok();
    assert_eq!(again["value"][0]["success"], false);
    assert_eq!(again["value"][0]["updateStatus"], "staleOldObjectId");
    let gone = json!([{"name": "refs/heads/copy", "oldObjectId": tip, "newObjectId": ZEROS}]);
    assert_eq!(client.post(path, gone).await.ok()["value"][0]["updateStatus"], "succeeded");
}

#[tokio::test]
async fn a_missing_right_is_said_in_git_words() {
    let practice = practice_of(|world| world.rights.devops_denied.push("create-repository".to_owned())).await;
    let refused = Client::of(&practice).post("payments/_apis/git/repositories", json!({"name": "x"})).await;
    let (status, key, message) = refused.refusal();
    assert_eq!((status, key.as_str()), (403, "GitNeedsPermissionException"));
    assert!(message.starts_with("TF401027: You need the Git 'CreateRepository' permission"), "{message}");
}
