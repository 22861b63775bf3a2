//! Approvals that runs wait for: whose turn it is, who may not, and what becomes of them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, Place, identities, pipelines, projects, runs};
use crate::sandbox::Ground;
use crate::sandbox::wire::{Call, Failure, Reply, stamp};

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

const NAMESPACE: &str = "Microsoft.Azure.Pipelines.Approval.WebApi";

/// One approver of an approval: a person, or a group of which anybody may answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The identity's id.
    pub approver: String,
    /// `pending`, `approved`, `rejected`, `skipped`, `canceled` or `timedOut`.
    pub status: String,
    /// Who answered.
    pub by: Option<String>,
    /// What they said.
    pub comment: String,
}

/// One approval: its id is also the id of its `Checkpoint.Approval` record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its id (a GUID).
    pub id: String,
    /// The project's id.
    pub project: String,
    /// The run that waits for it.
    pub run: u64,
    /// The stage that waits for it.
    pub stage: String,
    /// `pending`, `approved`, `rejected`, `canceled` or `timedOut`.
    pub status: String,
    /// Who is asked, in order.
    pub steps: Vec<Step>,
    /// How many of them must approve; 0: all.
    pub least: usize,
    /// Whether one is asked after the other.
    pub in_sequence: bool,
    /// Ids of those who may not.
    pub blocked: Vec<String>,
    /// Who asked for the run.
    pub requester: String,
    /// Whether that one may not approve it.
    pub requester_may_not: bool,
    /// What approvers are told.
    pub instructions: String,
    /// When it was asked for.
    pub created: String,
    /// When it was last changed.
    pub modified: String,
}

impl Approval {
    /// Ends it: what is still open becomes the same, or is skipped where it was approved.
    pub fn end(&mut self, status: &str, now: &str) {
        let open = if status == "approved" || status == "rejected" { "skipped" } else { status };
        for step in self.steps.iter_mut().filter(|step| step.status == "pending") {
            open.clone_into(&mut step.status);
        }
        status.clone_into(&mut self.status);
        now.clone_into(&mut self.modified);
    }

    /// Whether this person may answer at all.
    pub fn may(&self, ground: &Ground, who: &str) -> bool {
        let own = self.requester_may_not && who.eq_ignore_ascii_case(&self.requester);
        let blocked = self.blocked.iter().any(|id| identities::stands_for(ground, who, id));
        !own && !blocked
    }

    /// The place of the step that this person answers now. That nobody answers for two is unverified.
    fn turn_of(&self, ground: &Ground, who: &str) -> Option<usize> {
        if self.steps.iter().any(|step| step.by.as_deref() == Some(who)) {
            return None;
        }
        let mut open = self.steps.iter().enumerate().filter(|(_, step)| step.status == "pending");
        let stands = |step: &Step| identities::stands_for(ground, who, &step.approver);
        match self.in_sequence {
            true => open.next().filter(|(_, step)| stands(step)).map(|(place, _)| place),
            false => open.find(|(_, step)| stands(step)).map(|(place, _)| place),
        }
    }
}

/// Every approval that is pending.
pub fn pending(ground: &Ground) -> Vec<Approval> {
    let all: Vec<(String, Approval)> = ground.store.list("approval", "");
    all.into_iter().map(|(_, one)| one).filter(|one| one.status == "pending").collect()
}

/// Somebody approves or rejects.
///
/// # Errors
/// It is decided already, or it is not for them to say. Classes and words are unverified.
pub fn decide(ground: &Ground, id: &str, who: &str, yes: bool, comment: &str) -> Result<Approval, Failure> {
    let id = id.to_ascii_lowercase();
    let mut one: Approval = ground.store.get("approval", &id).ok_or_else(|| not_found(&id))?;
    if one.status != "pending" {
        return Err(Failure::new(
            400,
            NAMESPACE,
            "ApprovalUpdateNotAllowedException",
            format!("Approval with id {id} is already {}.", one.status),
        ));
    }
    let turn = one.turn_of(ground, who).filter(|_| one.may(ground, who));
    let Some(turn) = turn else {
        return Err(Failure::new(
            403,
            NAMESPACE,
            "ApprovalUnauthorizedException",
            format!("You are not authorized to update the approval with id {id}."),
        ));
    };
    let now = stamp(ground.clock.now_millis());
    let step = &mut one.steps[turn];
    step.status = if yes { "approved" } else { "rejected" }.to_owned();
    step.by = Some(who.to_owned());
    comment.clone_into(&mut step.comment);
    now.clone_into(&mut one.modified);
    let given = one.steps.iter().filter(|step| step.status == "approved").count();
    let least = if one.least == 0 { one.steps.len() } else { one.least.min(one.steps.len()) };
    if !yes {
        one.end("rejected", &now);
    } else if given >= least {
        one.end("approved", &now);
    }
    ground.store.put("approval", &id, &one);
    Ok(one)
}

/// Withdraws what nobody needs to decide any more.
pub fn withdraw(ground: &Ground, run: u64) {
    let now = stamp(ground.clock.now_millis());
    ground.store.transaction(|tx| {
        for (key, mut approval) in tx.list::<Approval>("approval", "") {
            if approval.run == run && approval.status == "pending" {
                approval.end("canceled", &now);
                tx.put("approval", &key, &approval);
            }
        }
    });
}

fn step_json(call: &Call, approval: &Approval, place: usize, step: &Step) -> Value {
    let mut answer = json!({
        "assignedApprover": identities::reference_to(call, &step.approver),
        "status": step.status,
        "comment": step.comment,
        "order": if approval.in_sequence { place + 1 } else { 1 },
        "initiatedOn": approval.created,
        "lastModifiedOn": approval.modified,
        "history": [],
        "permissions": "view, update",
    });
    if let Some(who) = &step.by {
        answer["actualApprover"] = identities::reference_to(call, who);
        answer["lastModifiedBy"] = identities::reference_to(call, who);
    }
    answer
}

fn answer(call: &Call, approval: &Approval) -> Value {
    let ground = &call.ground;
    let steps = approval.steps.iter().enumerate();
    let steps: Vec<Value> = steps.map(|(place, step)| step_json(call, approval, place, step)).collect();
    let blocked: Vec<Value> = approval.blocked.iter().map(|id| identities::reference_to(call, id)).collect();
    let link = call.link(&format!("{}/_apis/pipelines/approvals/{}", approval.project, approval.id));
    let mut answer = json!({
        "id": approval.id,
        "steps": steps,
        "status": approval.status,
        "createdOn": approval.created,
        "lastModifiedOn": approval.modified,
        "executionOrder": if approval.in_sequence { "inSequence" } else { "anyOrder" },
        "minRequiredApprovers": approval.least,
        "instructions": approval.instructions,
        "blockedApprovers": blocked,
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
    Failure::new(404, NAMESPACE, "ApprovalNotFoundException", format!("Approval with id {id} was not found."))
}

fn update(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let items = call.body.as_array().ok_or_else(|| Failure::missing("updateParameters"))?;
    let who = identities::operator(&call.ground).id;
    let mut answers = Vec::new();
    for item in items {
        let text = |name: &str| item[name].as_str().unwrap_or_default();
        let (id, status) = (text("approvalId"), text("status").to_ascii_lowercase());
        if status != "approved" && status != "rejected" {
            return Err(Failure::argument(format!("Approval status {status} is not valid for an update.")));
        }
        let known: Option<Approval> = call.ground.store.get("approval", &id.to_ascii_lowercase());
        known.filter(|one| one.project == project.id).ok_or_else(|| not_found(id))?;
        let decided = decide(&call.ground, id, &who, status == "approved", text("comment"))?;
        answers.push(answer(call, &decided));
    }
    Ok(Reply::list(answers))
}
