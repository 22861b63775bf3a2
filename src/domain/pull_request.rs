//! Pull requests of Azure Repos.

use serde::{Deserialize, Serialize};

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Its number.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// The ref it brings, `refs/heads/…`.
    pub source: String,
    /// The ref it changes.
    pub target: String,
    /// How far it is.
    pub status: PullRequestStatus,
    /// Whether the two can be merged.
    pub merge: MergeStatus,
    /// The tip of its source, as it was last merged on trial; none: that has not happened yet.
    pub source_commit: Option<String>,
    /// The merge commit: of the trial while it is active, the real one once it is completed.
    pub merge_commit: Option<String>,
    /// Its page.
    pub web_url: String,
}

/// How far a pull request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullRequestStatus {
    /// Open.
    Active,
    /// Merged.
    Completed,
    /// Closed without a merge.
    Abandoned,
    /// Something else, or not told.
    Unknown,
}

/// Whether the branches of a pull request can be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeStatus {
    /// Azure DevOps is still trying.
    Queued,
    /// They can.
    Succeeded,
    /// Both changed the same.
    Conflicts,
    /// A policy forbids it.
    RejectedByPolicy,
    /// The trial failed.
    Failed,
    /// Not told.
    Unknown,
}
