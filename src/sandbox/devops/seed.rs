//! Puts what the world holds of Azure DevOps into an empty store.

use std::collections::BTreeMap;

use serde_json::Map;

use super::endpoints::{Connection, Share};
use super::projects::Project;
use super::queues::Queue;
use super::security::{Acl, BUILD, Entry, GIT};
use super::timeline::Outcome;
use super::{
    checks, extensions, git, history, identities, past, permissions, pipelines, refs, runs, secure_files,
    security, stable_id, variable_groups,
};
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::stamp;
use crate::sandbox::{Ground, world};

/// Puts what the world holds into an empty store.
pub fn seed(ground: &Ground) {
    if let Some(version) = &ground.world.organization.toolkit {
        extensions::put(ground, "AmazonWebServices", "aws-vsts-tools", version);
    }
    for project in &ground.world.projects {
        let record = Project { id: project.id.to_ascii_lowercase(), name: project.name.clone() };
        ground.store.put("project", &record.id, &record);
    }
    for project in &ground.world.projects {
        let id = project.id.to_ascii_lowercase();
        ground.store.transaction(|tx| {
            for name in &project.queues {
                add_queue(tx, &id, name);
            }
            for name in &project.repositories {
                let files = project.pipelines.iter().filter(|pipeline| pipeline.repository == *name);
                let code = project.files.iter().filter(|file| file.repository == *name);
                let repository = add_repository(ground, tx, &id, name, files.clone(), code);
                for pipeline in files {
                    past::add_pipeline(ground, tx, &repository, pipeline);
                }
            }
            add_access(ground, tx, &id, &project.name);
        });
        for group in &project.variable_groups {
            variable_groups::seed(ground, &id, group);
        }
        for file in &project.secure_files {
            secure_files::seed(ground, &id, file);
        }
    }
    // After the pipelines of all projects, which may have used them.
    for project in &ground.world.projects {
        for connection in &project.connections {
            add_connection(ground, &project.id.to_ascii_lowercase(), connection);
        }
    }
}

fn add_queue(tx: &mut Transaction<'_>, project: &str, name: &str) {
    let id = tx.next_number("queue");
    // Pools belong to the organisation: queues of one name share theirs.
    let known: Vec<(String, Queue)> = tx.list("queue", "");
    let pool = known.iter().find(|(_, queue)| queue.name == name).map(|(_, queue)| queue.pool);
    let pool = pool.unwrap_or_else(|| tx.next_number("pool"));
    let queue = Queue { id, project: project.to_owned(), name: name.to_owned(), pool };
    tx.put("queue", &format!("{id:08}"), &queue);
}

fn add_repository<'a>(
    ground: &Ground,
    tx: &mut Transaction<'_>,
    project: &str,
    name: &str,
    pipelines: impl Iterator<Item = &'a world::Pipeline>,
    code: impl Iterator<Item = &'a world::CodeFile>,
) -> git::Repository {
    let repository = git::put(ground, tx, project, name);
    let readme = refs::put_blob(tx, &format!("# {name}\n"));
    let mut files = BTreeMap::from([("/README.md".to_owned(), readme)]);
    for file in code {
        files.insert(file.path.clone(), refs::put_blob(tx, &file.text));
    }
    for pipeline in pipelines {
        files.insert(pipeline.path.clone(), refs::put_blob(tx, &pipeline.yaml));
    }
    let commit = refs::Commit { files, parents: Vec::new(), comment: "Added README.md".to_owned() };
    let commit = refs::put_commit(tx, &repository.id, &commit);
    refs::put_ref(tx, &repository.id, "refs/heads/main", &commit);
    repository
}

/// The bit of `EditBuildDefinition` in the namespace of builds.
const EDIT: u64 = 0x800;

/// What the groups of a new project may do, in the order of [`identities::groups`].
fn add_access(ground: &Ground, tx: &mut Transaction<'_>, project: &str, name: &str) {
    let git_bits = [0x7fff, 0x40f6, 0x4076, 0x2];
    let closed = ground.world.projects.iter().any(|one| one.name == name && one.closed_pipelines);
    let contributors = (0x1_0ef5 | 0x8000) & if closed { !EDIT } else { !0 };
    let build_bits = [0x1_ffff, 0x1_ffff, contributors, 0x401];
    for (namespace, token, bits) in
        [(GIT, format!("repoV2/{project}"), git_bits), (BUILD, project.to_owned(), build_bits)]
    {
        let entries = identities::groups(ground, name)
            .into_iter()
            .zip(bits)
            .map(|(group, allow)| (group.descriptor, Entry { allow, deny: 0 }));
        let list = Acl { inherit: true, entries: entries.collect() };
        tx.put("acl", &security::key(namespace, &token), &list);
    }
}

fn add_connection(ground: &Ground, project: &str, wanted: &world::Connection) {
    let shared = wanted.shared_with.iter().filter_map(|name| super::projects::find(ground, name));
    let share = |project: String| Share {
        project,
        name: wanted.name.clone(),
        description: wanted.description.clone(),
    };
    let mut shares = vec![share(project.to_owned())];
    shares.extend(shared.map(|project| share(project.id)));
    let number =
        ground.store.transaction(|tx| tx.next_number(&format!("connection {project} {}", wanted.name)));
    let connection = Connection {
        id: stable_id(ground, &format!("connection {project} {} {number}", wanted.name)),
        name: wanted.name.clone(),
        kind: wanted.kind.clone().unwrap_or_else(|| "AWS".to_owned()),
        url: "https://aws.amazon.com/".to_owned(),
        scheme: "UsernamePassword".to_owned(),
        parameters: wanted.parameters.clone(),
        data: Map::new(),
        shares,
        disabled: wanted.disabled,
        failed: wanted.failed.clone(),
        keeps_keys: wanted.keeps_keys,
    };
    ground.store.put("connection", &connection.id, &connection);
    if wanted.all_pipelines {
        let now = stamp(ground.clock.now_millis());
        for share in &connection.shares {
            permissions::open(ground, &share.project, "endpoint", &connection.id, &now);
        }
    }
    if !wanted.approvers.is_empty() {
        checks::put_approval(ground, project, "endpoint", &connection.id, &wanted.approvers);
    }
    for name in &wanted.used_by {
        add_use(ground, project, &connection.id, name);
    }
    for name in &wanted.permitted {
        admit(ground, &connection, name);
    }
    for used in &wanted.uses {
        add_past_use(ground, &connection, used);
    }
}

/// A pipeline of that name, in a project that the connection is in.
fn pipeline_of(ground: &Ground, connection: &Connection, name: &str) -> Option<pipelines::Pipeline> {
    let all: Vec<(String, pipelines::Pipeline)> = ground.store.list("pipeline", "");
    let mut all = all.into_iter().map(|(_, pipeline)| pipeline);
    all.find(|pipeline| pipeline.name == name && connection.share(&pipeline.project).is_some())
}

/// Lets a pipeline use a connection, and the hosted agents.
fn admit(ground: &Ground, connection: &Connection, name: &str) {
    let Some(pipeline) = pipeline_of(ground, connection, name) else { return };
    let now = stamp(ground.clock.now_millis());
    let queue = runs::queue_of(ground, &pipeline.project, None).map(|queue| queue.id.to_string());
    ground.store.transaction(|tx| {
        permissions::admit(tx, &pipeline.project, "endpoint", &connection.id, pipeline.id, &now);
        if let Some(queue) = queue {
            permissions::admit(tx, &pipeline.project, "queue", &queue, pipeline.id, &now);
        }
    });
}

/// A run of a pipeline that is still there, and its use of a connection. A pipeline of no such name has used nothing.
fn add_past_use(ground: &Ground, connection: &Connection, wanted: &world::PastUse) {
    let Some(pipeline) = pipeline_of(ground, connection, &wanted.pipeline) else { return };
    let run =
        ground.store.transaction(|tx| past::add_run(ground, tx, &pipeline, wanted.minutes, wanted.days_ago));
    let (began, ended) = (run.started.unwrap_or_default(), run.finished.unwrap_or_default());
    history::note(ground, std::slice::from_ref(&connection.id), run.id, (&began, &ended), Outcome::Succeeded);
}

/// A pipeline that once used a connection.
fn add_use(ground: &Ground, project: &str, connection: &str, name: &str) {
    let now = stamp(ground.clock.now_millis());
    let pipeline = ground.store.transaction(|tx| {
        let id = tx.next_number("pipeline");
        let pipeline = pipelines::Pipeline {
            id,
            project: project.to_owned(),
            name: name.to_owned(),
            folder: "\\".to_owned(),
            revision: 1,
            path: "/azure-pipelines.yml".to_owned(),
            repository: stable_id(ground, &format!("repository of {name}")),
            default_branch: None,
            triggers: Vec::new(),
            variables: BTreeMap::new(),
            minutes: 0,
            team: false,
        };
        tx.put("pipeline", &pipelines::key(id), &pipeline);
        id
    });
    history::note_pipeline(ground, connection, pipeline, &now);
}
