//! Builds: runs as the older API shows them, with cancel, and the leases that retain them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::runs::{self, Ending, Run, Status};
use super::{Op, Place, definitions, git, identities, pipelines, projects, queues};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply, segment, stamp};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "0cd358e1-9217-4d94-8269-1c1ee6f93dcf",
        area: "Build",
        resource: "Builds",
        template: "{project}/_apis/build/{resource}/{buildId}",
        version: 7,
        oldest: "1.0",
        released: true,
        methods: &[
            Op::read("GET", "build {buildId}", read),
            Op::write("PATCH", "build {buildId}", update),
            Op::write("DELETE", "build {buildId}", delete),
        ],
    },
    Place {
        id: "3da19a6a-f088-45c4-83ce-2ad3a87be6c4",
        area: "build",
        resource: "buildleases",
        template: "{project}/_apis/{area}/builds/{buildId}/leases",
        version: 1,
        oldest: "6.1",
        released: true,
        methods: &[Op::read("GET", "leases {buildId}", leases_of_build)],
    },
    Place {
        id: "272051e4-9af1-45b5-ae22-8d960a5539d4",
        area: "build",
        resource: "leases",
        template: "{project}/_apis/{area}/retention/{resource}/{*leaseId}",
        version: 2,
        oldest: "6.0",
        released: true,
        methods: &[
            Op::read("GET", "leases", leases),
            Op::write("POST", "leases", add_leases),
            Op::write("DELETE", "leases", delete_leases),
        ],
    },
];

/// Keeps a run, and with it its pipeline, from being deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    id: u64,
    owner: String,
    run: u64,
    pipeline: u64,
    created: String,
    until: String,
    protect: bool,
}

/// Whether a run of this pipeline is retained.
pub(super) fn is_retained(ground: &Ground, pipeline: u64) -> bool {
    let all: Vec<(String, Lease)> = ground.store.list("lease", "");
    all.iter().any(|(_, lease)| lease.pipeline == pipeline)
}

/// Drops what belongs to a run that is gone.
pub(super) fn forget(tx: &mut Transaction<'_>, run: u64) {
    for table in ["timeline", "log", "artifact"] {
        for (key, _) in tx.list::<Value>(table, &format!("{run:08}/")) {
            tx.remove(table, &key);
        }
    }
    for table in ["run-plan", "queued-run"] {
        tx.remove(table, &runs::key(run));
    }
}

/// 404 of a build.
pub fn not_found(id: &str) -> Failure {
    Failure::new(
        404,
        "Microsoft.TeamFoundation.Build.WebApi",
        "BuildNotFoundException",
        format!("The requested build {id} could not be found."),
    )
}

/// The run that the route names.
///
/// # Errors
/// 404 of the project or the build.
pub fn of_call(call: &Call) -> Result<Run, Failure> {
    let project = projects::of_call(call)?;
    let id = call.route("buildId").unwrap_or_default();
    let run = id.parse().ok().and_then(|id| runs::by_id(&call.ground, id));
    run.filter(|run| run.project == project.id).ok_or_else(|| not_found(id))
}

fn issues(run: &Run) -> Vec<Value> {
    run.issues.iter().map(|message| json!({"result": "error", "message": message})).collect()
}

fn trigger(run: &Run) -> Value {
    run.pull_request.map_or_else(|| json!({}), |id| json!({"pr.number": id.to_string()}))
}

fn answer(call: &Call, run: &Run) -> Value {
    let ground = &call.ground;
    let link = call.link(&format!("{}/_apis/build/Builds/{}", run.project, run.id));
    let who = identities::reference(call, &run.requester(ground));
    let project = projects::find(ground, &run.project);
    let pipeline = pipelines::by_id(ground, run.pipeline);
    let repository =
        pipeline.as_ref().and_then(|pipeline| git::find(ground, &run.project, &pipeline.repository));
    let queue = run.queue.and_then(|id| queues::by_id(ground, &run.project, &id.to_string()));
    let mut answer = json!({
        "_links": {
            "self": {"href": link},
            "web": {"href": runs::web(call, run)},
            "timeline": {"href": format!("{link}/Timeline")},
        },
        "properties": {},
        "tags": [],
        "validationResults": issues(run),
        "plans": [{"planId": run.plan}],
        "templateParameters": run.parameters,
        "triggerInfo": trigger(run),
        "id": run.id,
        "buildNumber": run.name,
        "status": run.status,
        "queueTime": run.queued,
        "startTime": run.started,
        "finishTime": run.finished,
        "url": link,
        "uri": format!("vstfs:///Build/Build/{}", run.id),
        "sourceBranch": run.ref_name,
        "sourceVersion": run.version,
        "priority": "normal",
        "reason": run.reason(),
        "requestedFor": who,
        "requestedBy": who,
        "lastChangedDate": run.finished.as_ref().or(run.started.as_ref()).unwrap_or(&run.queued),
        "lastChangedBy": who,
        "orchestrationPlan": {"planId": run.plan},
        "logs": {"id": 0, "type": "Container", "url": format!("{link}/logs")},
        "queue": queue.map(|queue| queues::reference(call, &queue)),
        "retainedByRelease": false,
        "triggeredByBuild": null,
        "appendCommitMessageToRunName": true,
    });
    if let (Some(project), Some(pipeline)) = (&project, &pipeline) {
        answer["definition"] = definitions::definition(call, project, pipeline);
        answer["project"] = projects::reference(call, project);
    }
    if let (Some(project), Some(repository)) = (&project, &repository) {
        answer["repository"] = json!({
            "id": repository.id,
            "type": "TfsGit",
            "name": repository.name,
            "url": call.link(&format!("{}/_git/{}", segment(&project.name), segment(&repository.name))),
            "clean": null,
            "checkoutSubmodules": false,
        });
    }
    if let Some(result) = run.result {
        answer["result"] = json!(result);
    }
    answer
}

fn read(call: &Call) -> Result<Reply, Failure> {
    if call.route("buildId").is_some() {
        return of_call(call).map(|run| Reply::json(answer(call, &run)));
    }
    let project = projects::of_call(call)?;
    let all: Vec<(String, Run)> = call.ground.store.list("run", "");
    let any = |name: &str, value: &str| {
        call.list(name)
            .is_none_or(|list| list.iter().any(|item| item.eq_ignore_ascii_case(value) || *item == "all"))
    };
    let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
    let mut listed: Vec<&Run> = all
        .iter()
        .map(|(_, run)| run)
        .filter(|run| {
            run.project == project.id
                && any("definitions", &run.pipeline.to_string())
                && any("buildIds", &run.id.to_string())
                && any("statusFilter", &word(json!(run.status)))
                && any("resultFilter", &word(json!(run.result)))
                && any("branchName", &run.ref_name)
                && any("reasonFilter", run.reason())
        })
        .collect();
    if !call.query("queryOrder").is_some_and(|order| order.to_ascii_lowercase().ends_with("ascending")) {
        listed.reverse();
    }
    Ok(call.page(listed.into_iter().map(|run| answer(call, run)).collect(), 1000))
}

fn update(call: &Call) -> Result<Reply, Failure> {
    let run = of_call(call)?;
    let wanted = call.body["status"].as_str().unwrap_or_default().to_ascii_lowercase();
    if !wanted.is_empty() && wanted != "cancelling" {
        return Err(Failure::argument(format!("A build cannot be set to the status {wanted}.")));
    }
    let run = call.ground.store.transaction(|tx| {
        let mut run: Run = tx.get("run", &runs::key(run.id)).unwrap_or(run);
        if wanted == "cancelling" && run.status != Status::Completed {
            run.status = Status::Cancelling;
            tx.put("run", &runs::key(run.id), &run);
        }
        run
    });
    Ok(Reply::json(answer(call, &run)))
}

fn delete(call: &Call) -> Result<Reply, Failure> {
    let run = of_call(call)?;
    if run.result.is_none_or(|ending| ending == Ending::Canceled && run.status != Status::Completed) {
        return Err(Failure::argument(format!(
            "The build {} is not completed and cannot be deleted.",
            run.id
        )));
    }
    call.ground.store.transaction(|tx| {
        forget(tx, run.id);
        tx.remove("run", &runs::key(run.id));
    });
    Ok(Reply::nothing())
}

fn lease_json(lease: &Lease) -> Value {
    json!({
        "leaseId": lease.id,
        "ownerId": lease.owner,
        "runId": lease.run,
        "definitionId": lease.pipeline,
        "createdOn": lease.created,
        "validUntil": lease.until,
        "protectPipeline": lease.protect,
    })
}

fn leases_of_build(call: &Call) -> Result<Reply, Failure> {
    let run = of_call(call)?;
    let all: Vec<(String, Lease)> = call.ground.store.list("lease", "");
    Ok(Reply::list(
        all.iter().filter(|(_, lease)| lease.run == run.id).map(|(_, lease)| lease_json(lease)).collect(),
    ))
}

fn leases(call: &Call) -> Result<Reply, Failure> {
    projects::of_call(call)?;
    let all: Vec<(String, Lease)> = call.ground.store.list("lease", "");
    if let Some(id) = call.route("leaseId") {
        let found = all.iter().find(|(_, lease)| lease.id.to_string() == id);
        return found.map(|(_, lease)| Reply::json(lease_json(lease))).ok_or_else(|| not_found(id));
    }
    let same = |name: &str, value: &str| call.query(name).is_none_or(|wanted| wanted == value);
    let listed = all.iter().map(|(_, lease)| lease).filter(|lease| {
        same("definitionId", &lease.pipeline.to_string())
            && same("runId", &lease.run.to_string())
            && same("ownerId", &lease.owner)
    });
    Ok(Reply::list(listed.map(lease_json).collect()))
}

fn add_leases(call: &Call) -> Result<Reply, Failure> {
    projects::of_call(call)?;
    let wanted = call.body.as_array().ok_or_else(|| Failure::missing("newLeases"))?;
    let now = call.ground.clock.now_millis();
    let mut answers = Vec::new();
    for item in wanted {
        let number = |name: &str| item[name].as_u64();
        let (Some(run), Some(pipeline)) = (number("runId"), number("definitionId")) else {
            return Err(Failure::missing("runId"));
        };
        runs::by_id(&call.ground, run).ok_or_else(|| not_found(&run.to_string()))?;
        let days = i64::try_from(number("daysValid").unwrap_or(1)).unwrap_or(1);
        let lease = call.ground.store.transaction(|tx| {
            let lease = Lease {
                id: tx.next_number("lease"),
                owner: item["ownerId"].as_str().unwrap_or_default().to_owned(),
                run,
                pipeline,
                created: stamp(now),
                until: stamp(now.saturating_add(days.saturating_mul(86_400_000))),
                protect: item["protectPipeline"].as_bool().unwrap_or(false),
            };
            tx.put("lease", &format!("{:08}", lease.id), &lease);
            lease
        });
        answers.push(lease_json(&lease));
    }
    Ok(Reply::list(answers))
}

fn delete_leases(call: &Call) -> Result<Reply, Failure> {
    projects::of_call(call)?;
    let ids = call.list("ids").ok_or_else(|| Failure::missing("ids"))?;
    call.ground.store.transaction(|tx| {
        for id in ids.iter().filter_map(|id| id.parse::<u64>().ok()) {
            tx.remove("lease", &format!("{id:08}"));
        }
    });
    Ok(Reply::nothing())
}
