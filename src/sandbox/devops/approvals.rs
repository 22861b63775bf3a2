//! Approvals that runs wait for.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, Place, identities, pipelines, projects, runs};
use crate::sandbox::Ground;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "37794717-f36f-4d78-b2bf-4dc30d0cfbcd",
    area: "approval",
    resource: "approvals",
    template: "{project}/_apis/pipelines/{resource}/{approvalId}",
    version: 2,
    oldest: "5.1",
    released: true,
    methods: &[Op::read("GET", "approval", read), Op::write("PATCH", "approval", update)],
}];

/// One approval: its id is also the id of its `Checkpoint.Approval` record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its id (a GUID).
    pub id: String,
    /// The project's id.
    pub project: String,
    /// The run that waits for it.
    pub run: u64,
    /// `pending`, `approved`, `rejected` or `canceled`.
    pub status: String,
    /// Ids of those who may approve.
    pub approvers: Vec<String>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// What they said.
    pub comment: String,
    /// When it was asked for.
    pub created: String,
    /// When it was last changed.
    pub modified: String,
}

/// Withdraws what nobody needs to decide any more.
pub fn withdraw(ground: &Ground, run: u64) {
    let now = crate::sandbox::wire::stamp(ground.clock.now_millis());
    ground.store.transaction(|tx| {
        for (key, mut approval) in tx.list::<Approval>("approval", "") {
            if approval.run == run && approval.status == "pending" {
                approval.status = "canceled".to_owned();
                approval.modified.clone_from(&now);
                tx.put("approval", &key, &approval);
            }
        }
    });
}

fn answer(call: &Call, approval: &Approval) -> Value {
    let ground = &call.ground;
    let mails =
        ground.world.projects.iter().flat_map(|project| &project.connections).flat_map(|c| &c.approvers);
    let people: Vec<identities::Identity> = mails.map(|mail| identities::person(ground, mail)).collect();
    let person = |id: &str| {
        people
            .iter()
            .find(|person| person.id == id)
            .map_or_else(|| json!({"id": id}), |found| identities::reference(call, found))
    };
    let steps: Vec<Value> = approval
        .approvers
        .iter()
        .enumerate()
        .map(|(number, id)| {
            let mut step = json!({
                "assignedApprover": person(id),
                "status": approval.status,
                "comment": approval.comment,
                "order": number + 1,
                "initiatedOn": approval.created,
                "lastModifiedOn": approval.modified,
                "history": [],
                "permissions": "view, update",
            });
            if approval.decided_by.is_some() {
                step["actualApprover"] = identities::reference(call, &identities::operator(ground));
            }
            step
        })
        .collect();
    let link = call.link(&format!("{}/_apis/pipelines/approvals/{}", approval.project, approval.id));
    let mut answer = json!({
        "id": approval.id,
        "steps": steps,
        "status": approval.status,
        "createdOn": approval.created,
        "lastModifiedOn": approval.modified,
        "executionOrder": "anyOrder",
        "minRequiredApprovers": 1,
        "instructions": "",
        "blockedApprovers": [],
        "permissions": "view, update",
        "_links": {"self": {"href": link}},
    });
    let run = runs::by_id(ground, approval.run);
    if let Some(pipeline) = run.and_then(|run| pipelines::by_id(ground, run.pipeline)) {
        answer["pipeline"] = json!({
            "id": pipeline.id.to_string(),
            "name": pipeline.name,
            "owner": {"id": approval.run, "name": approval.run.to_string()},
        });
    }
    answer
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let all: Vec<(String, Approval)> = call.ground.store.list("approval", "");
    let mut all: Vec<Approval> =
        all.into_iter().map(|(_, one)| one).filter(|one| one.project == project.id).collect();
    if let Some(id) = call.route("approvalId") {
        let found = all.iter().find(|approval| approval.id.eq_ignore_ascii_case(id));
        return found.map(|approval| Reply::json(answer(call, approval))).ok_or_else(|| not_found(id));
    }
    if let Some(state) = call.query("state").filter(|state| !state.eq_ignore_ascii_case("all")) {
        all.retain(|approval| approval.status.eq_ignore_ascii_case(state));
    }
    if let Some(ids) = call.list("approvalIds") {
        all.retain(|approval| ids.iter().any(|id| id.eq_ignore_ascii_case(&approval.id)));
    }
    let most = call.query("top").and_then(|top| top.parse().ok()).unwrap_or(usize::MAX);
    Ok(Reply::list(all.iter().take(most).map(|approval| answer(call, approval)).collect()))
}

fn not_found(id: &str) -> Failure {
    Failure::new(
        404,
        "Microsoft.Azure.Pipelines.Approval.WebApi",
        "ApprovalNotFoundException",
        format!("Approval with id {id} was not found."),
    )
}

fn update(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let items = call.body.as_array().ok_or_else(|| Failure::missing("updateParameters"))?;
    let now = call.now();
    let mut answers = Vec::new();
    for item in items {
        let id = item["approvalId"].as_str().unwrap_or_default();
        let status = item["status"].as_str().unwrap_or_default().to_ascii_lowercase();
        if status != "approved" && status != "rejected" {
            return Err(Failure::argument(format!("Approval status {status} is not valid for an update.")));
        }
        let approval = call.ground.store.transaction(|tx| {
            let mut approval: Approval = tx
                .get("approval", &id.to_ascii_lowercase())
                .filter(|approval: &Approval| approval.project == project.id)
                .ok_or_else(|| not_found(id))?;
            if approval.status != "pending" {
                return Err(Failure::new(
                    400,
                    "Microsoft.Azure.Pipelines.Approval.WebApi",
                    "ApprovalUpdateNotAllowedException",
                    format!("Approval with id {id} is already {}.", approval.status),
                ));
            }
            approval.status.clone_from(&status);
            approval.decided_by = Some(identities::operator(&call.ground).id);
            approval.comment = item["comment"].as_str().unwrap_or_default().to_owned();
            approval.modified.clone_from(&now);
            tx.put("approval", &approval.id, &approval);
            Ok(approval)
        })?;
        answers.push(answer(call, &approval));
    }
    Ok(Reply::list(answers))
}
