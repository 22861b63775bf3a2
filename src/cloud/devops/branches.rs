//! Branches of a repository, made and deleted.

use serde::Deserialize;
use serde_json::json;

use super::git::{ZERO, head, unexpected};
use super::projects::{Project, segment};
use super::{DevOps, List, SERVICE, routes};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::pipeline::Repository;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefResult {
    #[serde(default)]
    success: Option<bool>,
    #[serde(default)]
    update_status: Option<String>,
}

/// A refused change of a branch comes as a success whose parts failed (facts/azure-devops.md §5).
fn accepted(results: &[RefResult], name: &str) -> Result<()> {
    let Some(refused) = results.iter().find(|result| result.success != Some(true)) else {
        return if results.is_empty() { Err(unexpected("no result for the branch")) } else { Ok(()) };
    };
    let status = refused.update_status.as_deref().unwrap_or("unknown");
    let code = match status {
        "staleOldObjectId" | "refNameConflict" | "forcePushRequired" => Code::DevopsConflict,
        "writePermissionRequired" | "createBranchPermissionRequired" | "rejectedByPolicy" | "locked" => {
            Code::DevopsDenied
        }
        _ => Code::DevopsRefused,
    };
    Err(Failure::new(code).with("branch", name).with("status", status))
}

impl DevOps {
    /// Deletes a branch that stands on `commit`.
    ///
    /// # Errors
    /// `DevopsConflict`: it has moved.
    pub async fn delete_branch(
        &self,
        pen: &Pen,
        project: &Project,
        repository: &Repository,
        branch: &str,
        commit: &str,
    ) -> Result<()> {
        let inverse = Inverse::Restore {
            before: json!({"repository": repository.id, "branch": branch, "commit": commit}),
        };
        let write = Write::new(SERVICE, "refs/delete", branch_object(repository, branch), inverse);
        self.move_branch(pen, project, repository, (branch, commit, ZERO), write).await
    }

    async fn move_branch(
        &self,
        pen: &Pen,
        project: &Project,
        repository: &Repository,
        (branch, old, new): (&str, &str, &str),
        write: Write,
    ) -> Result<()> {
        let body = json!([{"name": head(branch), "oldObjectId": old, "newObjectId": new}]);
        let call = async {
            let call =
                self.call(&routes::UPDATE_REFS, &[&segment(project), &repository.id.to_string()]).body(body);
            let results: List<RefResult> = call.json().await?;
            accepted(&results.value, branch)
        };
        pen.write(write, call, |()| json!({"branch": branch, "commit": new})).await
    }
}

fn branch_object(repository: &Repository, branch: &str) -> String {
    format!("branch {branch} of {}", repository.name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn a_branch_refused_inside_a_success_is_a_failure() {
        let result =
            |success, status: &str| RefResult { success: Some(success), update_status: Some(status.into()) };
        assert!(accepted(&[result(true, "succeeded")], "main").is_ok());
        for (status, code) in [
            ("staleOldObjectId", Code::DevopsConflict),
            ("createBranchPermissionRequired", Code::DevopsDenied),
            ("invalidRefName", Code::DevopsRefused),
        ] {
            assert_eq!(accepted(&[result(false, status)], "main").unwrap_err().code, code, "{status}");
        }
        assert_eq!(accepted(&[], "main").unwrap_err().code, Code::DevopsUnexpected);
    }
}
