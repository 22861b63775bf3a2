//! Pull requests of Azure Repos: made, found, completed, abandoned.

use serde::Deserialize;
use serde_json::{Value, json};

use super::git::{head, unexpected};
use super::projects::{Project, segment};
use super::{DevOps, List, SERVICE, routes};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::pipeline::Repository;
use crate::domain::pull_request::{MergeStatus, PullRequest, PullRequestStatus};

/// A pull request to be made.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// The branch it brings, without `refs/heads/`.
    pub source: &'a str,
    /// The branch it changes, without `refs/heads/`.
    pub target: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Its description (Markdown).
    pub description: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    pull_request_id: i64,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    merge_status: Option<String>,
    #[serde(default)]
    source_ref_name: Option<String>,
    #[serde(default)]
    target_ref_name: Option<String>,
    #[serde(default)]
    last_merge_source_commit: Option<Commit>,
    #[serde(default)]
    last_merge_commit: Option<Commit>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commit {
    #[serde(default)]
    commit_id: Option<String>,
}

impl Wire {
    fn pull_request(self, repository: &Repository) -> PullRequest {
        let commit = |commit: Option<Commit>| commit.and_then(|commit| commit.commit_id);
        PullRequest {
            id: self.pull_request_id,
            title: self.title.unwrap_or_default(),
            source: self.source_ref_name.unwrap_or_default(),
            target: self.target_ref_name.unwrap_or_default(),
            status: match self.status.as_deref() {
                Some("active") => PullRequestStatus::Active,
                Some("completed") => PullRequestStatus::Completed,
                Some("abandoned") => PullRequestStatus::Abandoned,
                _ => PullRequestStatus::Unknown,
            },
            merge: match self.merge_status.as_deref() {
                Some("queued") => MergeStatus::Queued,
                Some("succeeded") => MergeStatus::Succeeded,
                Some("conflicts") => MergeStatus::Conflicts,
                Some("rejectedByPolicy") => MergeStatus::RejectedByPolicy,
                Some("failure") => MergeStatus::Failed,
                _ => MergeStatus::Unknown,
            },
            source_commit: commit(self.last_merge_source_commit),
            merge_commit: commit(self.last_merge_commit),
            web_url: format!("{}/pullrequest/{}", repository.web_url, self.pull_request_id),
        }
    }
}

fn object(title: &str, repository: &Repository) -> String {
    format!("pull request {title} of {}", repository.name)
}

impl DevOps {
    /// The open pull request from one branch (without `refs/heads/`) to another; none: there is none. Read anew.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn active_pull_request(
        &self,
        project: &Project,
        repository: &Repository,
        source: &str,
        target: &str,
    ) -> Result<Option<PullRequest>> {
        let call = self.call(&routes::PULL_REQUESTS_OF, &[&segment(project), &repository.id.to_string()]);
        let call = call
            .query("searchCriteria.status", "active")
            .query("searchCriteria.sourceRefName", &head(source))
            .query("searchCriteria.targetRefName", &head(target));
        let list: List<Wire> = call.json().await?;
        let mut found = list.value.into_iter().map(|wire| wire.pull_request(repository));
        Ok(found.find(|one| {
            one.status == PullRequestStatus::Active
                && one.source == head(source)
                && one.target == head(target)
        }))
    }

    /// A pull request by its number; none: it is not there. Read anew: merging takes Azure DevOps a moment.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn pull_request(
        &self,
        project: &Project,
        repository: &Repository,
        number: i64,
    ) -> Result<Option<PullRequest>> {
        let segments = [segment(project), repository.id.to_string(), number.to_string()];
        let call = self.call(&routes::PULL_REQUEST_BY_ID, &segments.each_ref().map(String::as_str));
        let found: Option<Option<Wire>> = call.json_if_there().await?;
        Ok(found.flatten().map(|wire| wire.pull_request(repository)))
    }

    /// Makes a pull request.
    ///
    /// # Errors
    /// `DevopsConflict`: there is one from that branch to the other already.
    pub async fn create_pull_request(
        &self,
        pen: &Pen,
        project: &Project,
        repository: &Repository,
        proposal: Proposal<'_>,
    ) -> Result<PullRequest> {
        let why = "a pull request stays in the history; it can be abandoned".to_owned();
        let object = object(proposal.title, repository);
        let write = Write::new(SERVICE, "pullRequests/create", object, Inverse::Irreversible { why })
            .about(json!({"source": proposal.source, "target": proposal.target}));
        let body = json!({
            "sourceRefName": head(proposal.source),
            "targetRefName": head(proposal.target),
            "title": proposal.title,
            "description": proposal.description,
        });
        let call = async {
            let call =
                self.call(&routes::CREATE_PULL_REQUEST, &[&segment(project), &repository.id.to_string()]);
            Ok(call.body(body).changes([]).json::<Wire>().await?.pull_request(repository))
        };
        pen.write(write, call, |made| json!({"id": made.id})).await
    }

    /// Asks Azure DevOps to complete a pull request as one commit and to delete its source branch. It takes a moment;
    /// [`DevOps::pull_request`] tells. `bypass` is the reason to go past its policies: only where a person asked for that.
    ///
    /// # Errors
    /// `DevopsConflict`: nobody knows yet which commit would be merged, or the source has moved; `DevopsRefused` or
    /// `DevopsDenied`: a policy is not met.
    pub async fn complete_pull_request(
        &self,
        pen: &Pen,
        project: &Project,
        repository: &Repository,
        found: &PullRequest,
        bypass: Option<&str>,
    ) -> Result<PullRequest> {
        let object = object(&found.title, repository);
        let Some(commit) = &found.source_commit else {
            return Err(Failure::new(Code::DevopsConflict)
                .with("pull request", object)
                .with("cause", "Azure DevOps has not merged it on trial yet"));
        };
        let mut options = json!({"deleteSourceBranch": true, "squashMerge": true, "mergeStrategy": "squash"});
        if let Some(reason) = bypass {
            options["bypassPolicy"] = json!(true);
            options["bypassReason"] = json!(reason);
        }
        let body = json!({
            "status": "completed",
            "lastMergeSourceCommit": {"commitId": commit},
            "completionOptions": options,
        });
        let why = "a commit stays in the history of its branch".to_owned();
        let write = Write::new(SERVICE, "pullRequests/complete", object, Inverse::Irreversible { why })
            .about(json!({"id": found.id, "commit": commit, "bypass": bypass}));
        pen.write(
            write,
            self.change_pull_request(project, repository, found.id, body),
            |made| json!({"id": made.id, "commit": made.merge_commit}),
        )
        .await
    }

    /// Closes a pull request without a merge. Its branch stays.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn abandon_pull_request(
        &self,
        pen: &Pen,
        project: &Project,
        repository: &Repository,
        found: &PullRequest,
    ) -> Result<PullRequest> {
        let before = json!({"repository": repository.id, "id": found.id, "status": "active"});
        let object = object(&found.title, repository);
        let write = Write::new(SERVICE, "pullRequests/abandon", object, Inverse::Restore { before });
        let body = json!({"status": "abandoned"});
        let call = self.change_pull_request(project, repository, found.id, body);
        pen.write(write, call, |made| json!({"id": made.id})).await
    }

    /// A merge moves branches, and by that every file that was read of them: the whole round is dropped.
    async fn change_pull_request(
        &self,
        project: &Project,
        repository: &Repository,
        number: i64,
        body: Value,
    ) -> Result<PullRequest> {
        let segments = [segment(project), repository.id.to_string(), number.to_string()];
        let call = self.call(&routes::UPDATE_PULL_REQUEST, &segments.each_ref().map(String::as_str));
        let answer: Option<Wire> = call.body(body).json().await?;
        let answer = answer.ok_or_else(|| unexpected("a change of a pull request without an answer"))?;
        Ok(answer.pull_request(repository))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_pull_request_is_read() {
        let repository = Repository {
            id: Uuid::from_u128(7),
            name: "payments".to_owned(),
            default_branch: None,
            web_url: "https://dev.azure.com/contoso/Payments/_git/payments".to_owned(),
            disabled: false,
        };
        let wire: Wire = serde_json::from_value(json!({
            "pullRequestId": 12, "codeReviewId": 12, "status": "active", "title": "Deploy", "mergeStatus": "queued",
            "sourceRefName": "refs/heads/keyless/pipeline", "targetRefName": "refs/heads/main",
            "lastMergeSourceCommit": {"commitId": "abc", "url": "x"}
        }))
        .unwrap();
        let found = wire.pull_request(&repository);
        assert_eq!((found.status, found.merge), (PullRequestStatus::Active, MergeStatus::Queued));
        assert_eq!((found.source_commit.as_deref(), found.merge_commit), (Some("abc"), None));
        assert_eq!(found.web_url, "https://dev.azure.com/contoso/Payments/_git/payments/pullrequest/12");
    }
}
