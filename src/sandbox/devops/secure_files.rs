//! Secure files of a project's library: list, filtered by name or id. Their content is nobody's to see, so none is kept.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, Place, identities, permissions, projects, stable_id};
use crate::sandbox::wire::{Call, Failure, Reply, stamp};
use crate::sandbox::{Ground, world};

/// Places of this file. Uploading and deleting is left to the library's page, which is not here.
pub const PLACES: &[Place] = &[Place {
    id: "adcfd8bc-b184-43ba-bd84-7c8c6a2ff421",
    area: "distributedtask",
    resource: "securefiles",
    template: "{project}/_apis/{area}/{resource}/{secureFileId}",
    version: 1,
    oldest: "3.2",
    released: false,
    methods: &[Op::read("GET", "secure-file {secureFileId}", read)],
}];

/// A secure file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecureFile {
    /// Its id (a GUID).
    pub id: String,
    /// Its name, unique in the project's library.
    pub name: String,
    /// The project's id.
    pub project: String,
}

/// Puts what a world holds.
pub(super) fn seed(ground: &Ground, project: &str, wanted: &world::SecureFile) {
    let id = stable_id(ground, &format!("secure file {project} {}", wanted.name));
    let file = SecureFile { id, name: wanted.name.clone(), project: project.to_owned() };
    ground.store.put("secure-file", &file.id, &file);
    if wanted.all_pipelines {
        let now = stamp(ground.clock.now_millis());
        permissions::open(ground, project, "securefile", &file.id, &now);
    }
}

fn all(ground: &Ground, project: &str) -> Vec<SecureFile> {
    let all: Vec<(String, SecureFile)> = ground.store.list("secure-file", "");
    all.into_iter().map(|(_, file)| file).filter(|file| file.project == project).collect()
}

/// A file as a step names it: by name or id.
pub fn named(ground: &Ground, project: &str, name: &str) -> Option<SecureFile> {
    let is = |file: &SecureFile| file.name.eq_ignore_ascii_case(name) || file.id.eq_ignore_ascii_case(name);
    all(ground, project).into_iter().find(is)
}

pub(super) fn name_of(ground: &Ground, id: &str) -> Option<String> {
    ground.store.get("secure-file", &id.to_ascii_lowercase()).map(|file: SecureFile| file.name)
}

fn answer(call: &Call, file: &SecureFile) -> Value {
    let who = identities::reference(call, &identities::operator(&call.ground));
    json!({
        "id": file.id,
        "name": file.name,
        "properties": {},
        "createdBy": who,
        "modifiedBy": who,
        "createdOn": call.now(),
        "modifiedOn": call.now(),
    })
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let mut all = all(&call.ground, &project.id);
    // Who has no role in the library sees none.
    all.retain(|_| !call.denied("secure-files"));
    if let Some(id) = call.route("secureFileId") {
        let found = all.iter().find(|file| file.id.eq_ignore_ascii_case(id));
        return found.map(|file| Reply::json(answer(call, file))).ok_or_else(|| not_found(id));
    }
    if let Some(pattern) = call.query("namePattern").map(str::to_lowercase) {
        all.retain(|file| match pattern.strip_suffix('*') {
            Some(start) => file.name.to_lowercase().starts_with(start),
            None => file.name.to_lowercase() == pattern,
        });
    }
    for (parameter, by_id) in [("secureFileIds", true), ("secureFileNames", false)] {
        let Some(wanted) = call.list(parameter) else { continue };
        let of = |file: &SecureFile| if by_id { file.id.clone() } else { file.name.clone() };
        all.retain(|file| wanted.iter().any(|one| one.eq_ignore_ascii_case(&of(file))));
    }
    Ok(Reply::list(all.iter().map(|file| answer(call, file)).collect()))
}

/// Status and words are unverified.
fn not_found(id: &str) -> Failure {
    Failure::new(
        404,
        "Microsoft.TeamFoundation.DistributedTask.WebApi",
        "SecureFileNotFoundException",
        format!("No secure file was found with the ID {id}."),
    )
}
