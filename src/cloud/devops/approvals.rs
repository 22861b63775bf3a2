//! Approvals a run waits for.

use serde::Deserialize;
use uuid::Uuid;

use super::projects::{Project, segment};
use super::{DevOps, List, routes};
use crate::domain::failure::Result;
use crate::domain::pipeline::PendingApproval;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: Uuid,
    #[serde(default)]
    min_required_approvers: Option<u32>,
    #[serde(default)]
    instructions: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    steps: Option<Vec<Step>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    assigned_approver: Option<Approver>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Approver {
    #[serde(default)]
    display_name: Option<String>,
}

/// The approvals that are still pending, with those who have not decided yet.
fn pending(approvals: Vec<Wire>) -> Vec<PendingApproval> {
    let is_pending = |status: &Option<String>| status.as_deref() == Some("pending");
    let open = approvals.into_iter().filter(|approval| is_pending(&approval.status));
    open.map(|approval| {
        let steps = approval.steps.unwrap_or_default().into_iter().filter(|step| is_pending(&step.status));
        PendingApproval {
            id: approval.id,
            approvers: steps.filter_map(|step| step.assigned_approver?.display_name).collect(),
            // As in the check's settings, 0 stands for all of them.
            minimum: approval.min_required_approvers.filter(|minimum| *minimum > 0),
            instructions: approval.instructions.unwrap_or_default(),
        }
    })
    .collect()
}

fn names(approvals: Vec<PendingApproval>) -> Vec<String> {
    let mut names: Vec<String> = approvals.into_iter().flat_map(|approval| approval.approvers).collect();
    names.sort();
    names.dedup();
    names
}

impl DevOps {
    /// The approvals a run waits for. `approvals` are the ids of its `Checkpoint.Approval` records. Read anew.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn pending_approvals(
        &self,
        project: &Project,
        approvals: &[Uuid],
    ) -> Result<Vec<PendingApproval>> {
        if approvals.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = approvals.iter().map(Uuid::to_string).collect();
        let call = self.call(&routes::APPROVALS, &[&segment(project)]);
        let list: List<Wire> =
            call.query("approvalIds", &ids.join(",")).query("$expand", "steps").json().await?;
        Ok(pending(list.value))
    }

    /// Who can approve what a run waits for, by name. As [`DevOps::pending_approvals`].
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn pending_approvers(&self, project: &Project, approvals: &[Uuid]) -> Result<Vec<String>> {
        Ok(names(self.pending_approvals(project, approvals).await?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn only_pending_steps_name_approvers() {
        let approvals: Vec<Wire> = serde_json::from_value(serde_json::json!([
            {"id": Uuid::from_u128(1), "status": "pending", "minRequiredApprovers": 1, "instructions": "look", "steps": [
                {"status": "pending", "assignedApprover": {"displayName": "Release Managers"}},
                {"status": "approved", "assignedApprover": {"displayName": "Ada"}}]},
            {"id": Uuid::from_u128(2), "status": "approved", "steps": [{"status": "pending", "assignedApprover": {"displayName": "Eve"}}]}
        ]))
        .unwrap();
        let open = pending(approvals);
        let [only] = &open[..] else { panic!("{open:?}") };
        assert_eq!(
            (only.id, only.minimum, only.instructions.as_str()),
            (Uuid::from_u128(1), Some(1), "look")
        );
        assert_eq!(names(open), ["Release Managers"]);
    }
}
