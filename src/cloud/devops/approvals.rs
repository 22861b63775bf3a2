//! Approvals a run waits for.

use serde::Deserialize;
use uuid::Uuid;

use super::projects::{Project, segment};
use super::{DevOps, List, routes};
use crate::domain::failure::Result;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
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

fn pending_names(approvals: Vec<Wire>) -> Vec<String> {
    let pending = |status: &Option<String>| status.as_deref() == Some("pending");
    let mut names: Vec<String> = approvals
        .into_iter()
        .filter(|approval| pending(&approval.status))
        .flat_map(|approval| approval.steps.unwrap_or_default())
        .filter(|step| pending(&step.status))
        .filter_map(|step| step.assigned_approver?.display_name)
        .collect();
    names.sort();
    names.dedup();
    names
}

impl DevOps {
    /// Who can approve what a run waits for. `approvals` are the ids of its `Checkpoint.Approval` records. Read anew.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn pending_approvers(&self, project: &Project, approvals: &[Uuid]) -> Result<Vec<String>> {
        if approvals.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = approvals.iter().map(Uuid::to_string).collect();
        let call = self.call(&routes::APPROVALS, &[&segment(project)]);
        let list: List<Wire> =
            call.query("approvalIds", &ids.join(",")).query("$expand", "steps").json().await?;
        Ok(pending_names(list.value))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn only_pending_steps_name_approvers() {
        let approvals: Vec<Wire> = serde_json::from_value(serde_json::json!([
            {"id": "a", "status": "pending", "steps": [
                {"status": "pending", "assignedApprover": {"displayName": "Release Managers"}},
                {"status": "approved", "assignedApprover": {"displayName": "Ada"}}]},
            {"id": "b", "status": "approved", "steps": [{"status": "pending", "assignedApprover": {"displayName": "Eve"}}]}
        ]))
        .unwrap();
        assert_eq!(pending_names(approvals), ["Release Managers"]);
    }
}
