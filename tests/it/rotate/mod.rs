//! Rotation on practice clouds whose connections hold access keys.

mod back;
mod back_crash;
mod beside;
mod crash;
mod forward;
mod inventory;
mod renew;

use keyless::sandbox::world::World;
use keyless::sandbox::worlds;

use crate::support::Lab;

/// The key of the first user of every world here.
const KEY: &str = "AKIAPRACTICEAAAAAAAA";

/// A world of `tests/worlds`, to be changed.
fn world_of(name: &str) -> World {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/worlds").join(format!("{name}.toml"));
    worlds::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// So many days pass, and every pipeline of the team is green.
async fn deploys(lab: &Lab, days: i64) {
    let ran = lab.pass_days(days).await;
    assert!(!ran.is_empty() && ran.iter().all(|run| run.ends_with("Succeeded")), "{ran:?}");
}

/// The access key id a connection holds.
fn held(lab: &Lab, connection: &str) -> String {
    let connections = lab.dump().table("connection");
    let found = connections.values().find(|found| found["name"] == connection).unwrap();
    found["parameters"]["username"].as_str().unwrap_or_default().to_owned()
}

/// The access keys of the user that deploys, in the first account.
fn keys_of(lab: &Lab) -> Vec<String> {
    let keys = lab.dump().table("iam.access-key");
    let own = keys
        .into_iter()
        .filter(|(_, key)| key["user"] == "azure-devops-deploy" && key["account"] == "111122223333");
    own.map(|(id, _)| id).collect()
}

/// What users' and roles' tags note of rotations.
fn notes(lab: &Lab) -> Vec<String> {
    let dump = lab.dump();
    let tagged = dump.table("iam.user").into_values().chain(dump.table("iam.role").into_values());
    let tags = tagged.flat_map(|found| found["tags"].as_object().cloned().unwrap_or_default());
    // A key that stays behind is told by a note too, and that is none of a rotation under way.
    let noted = tags.filter(|(_, value)| value != "left").map(|(key, _)| key).filter(|key| {
        ["keyless:rotation/", "keyless:deactivated/", "keyless:renewing/", "keyless:replaces"]
            .iter()
            .any(|begin| key.starts_with(begin))
    });
    noted.collect()
}

/// Nothing may be used by the verification pipeline any more.
fn nothing_stands(lab: &Lab) {
    let dump = lab.dump();
    let pipelines = dump.table("pipeline");
    let Some(own) = pipelines.values().find(|found| found["name"] == "keyless-verification") else { return };
    let id = own["id"].as_u64().map_or_else(|| own["id"].as_str().unwrap().to_owned(), |id| id.to_string());
    let permissions = dump.table("permission");
    let standing = permissions.values().filter(|found| {
        found["pipelines"].as_array().unwrap().iter().any(|pipeline| pipeline.as_str() == Some(&id))
    });
    assert_eq!(standing.count(), 0, "{permissions:#?}");
}
