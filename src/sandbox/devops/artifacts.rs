//! What runs publish: names, and what can be said of them. The practice agent has no files, so there is nothing to fetch.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, Place, builds};
use crate::sandbox::Ground;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "1db06c96-014e-44e1-ac91-90b2d4b3e984",
    area: "build",
    resource: "artifacts",
    template: "{project}/_apis/{area}/builds/{buildId}/{resource}/{artifactName}",
    version: 5,
    oldest: "2.0",
    released: true,
    methods: &[Op::read("GET", "artifacts {buildId}", read)],
}];

/// An artifact of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Artifact {
    id: u64,
    name: String,
    source: String,
}

/// Publishes an artifact; says whether its name was still free in this run.
pub fn publish(ground: &Ground, run: u64, name: &str, source: &str) -> bool {
    ground.store.transaction(|tx| {
        let prefix = format!("{run:08}/");
        let known: Vec<(String, Artifact)> = tx.list("artifact", &prefix);
        if known.iter().any(|(_, one)| one.name.eq_ignore_ascii_case(name)) {
            return false;
        }
        let id = tx.next_number("artifact");
        let one = Artifact { id, name: name.to_owned(), source: source.to_owned() };
        tx.put("artifact", &format!("{prefix}{id:08}"), &one);
        true
    })
}

/// The names of a run's artifacts.
pub fn names(ground: &Ground, run: u64) -> Vec<String> {
    let all: Vec<(String, Artifact)> = ground.store.list("artifact", &format!("{run:08}/"));
    all.into_iter().map(|(_, one)| one.name).collect()
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let run = builds::of_call(call)?;
    let all: Vec<(String, Artifact)> = call.ground.store.list("artifact", &format!("{:08}/", run.id));
    let wanted = call.query("artifactName").or(call.route("artifactName"));
    let shown = |one: &Artifact| -> Value {
        let path =
            format!("{}/_apis/build/builds/{}/artifacts?artifactName={}", run.project, run.id, one.name);
        json!({
            "id": one.id,
            "name": one.name,
            "source": one.source,
            "resource": {"type": "PipelineArtifact", "data": "", "properties": {}, "url": call.link(&path)},
        })
    };
    let Some(name) = wanted else {
        return Ok(Reply::list(all.iter().map(|(_, one)| shown(one)).collect()));
    };
    let found = all.iter().find(|(_, one)| one.name.eq_ignore_ascii_case(name));
    found.map(|(_, one)| Reply::json(shown(one))).ok_or_else(|| {
        Failure::new(
            404,
            "Microsoft.TeamFoundation.Build.WebApi",
            "ArtifactNotFoundException",
            format!("The artifact {name} does not exist for build {}.", run.id),
        )
    })
}
