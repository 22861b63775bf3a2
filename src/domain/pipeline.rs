//! Azure DevOps nouns around a run: repository, queue, pipeline, permission, run, timeline.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A git repository of Azure Repos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Its id.
    pub id: Uuid,
    /// Its name with its true casing.
    pub name: String,
    /// `refs/heads/…`; none while it is empty.
    pub default_branch: Option<String>,
    /// Its page.
    pub web_url: String,
    /// Whether it was disabled.
    pub disabled: bool,
}

/// An agent queue of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// The queue's id (not the pool's).
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Whether Microsoft hosts its agents.
    pub hosted: bool,
}

/// A YAML pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Its definition id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its repository, where Azure DevOps tells it.
    pub repository: Option<Uuid>,
    /// Path of its YAML, where Azure DevOps tells it.
    pub yaml_path: Option<String>,
    /// The folder it lies in, `\` or `\folder\below`; empty: Azure DevOps did not tell.
    #[serde(default)]
    pub folder: String,
}

/// A pipeline's definition, with what the pipeline alone does not tell (build/definitions).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its id, the same as the pipeline's.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Counts its changes.
    pub revision: Option<i64>,
    /// Where its code lies: `TfsGit` is Azure Repos, `GitHub`, …
    pub repository_type: String,
    /// Its repository, where that is of Azure Repos.
    pub repository: Option<Uuid>,
    /// Its repository's name.
    pub repository_name: String,
    /// Path of its YAML; none: a classic pipeline.
    pub yaml_path: Option<String>,
    /// The branch it runs from unless it is said otherwise, `refs/heads/…`.
    pub default_branch: Option<String>,
    /// Name of the agent queue of jobs that name none.
    pub queue: Option<String>,
    /// Id of that queue.
    pub queue_id: Option<i64>,
}

/// An approval that a run waits for (pipelines/approvals).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingApproval {
    /// Its id, the same as that of its record in the timeline.
    pub id: Uuid,
    /// Names of those who may approve and have not decided yet.
    pub approvers: Vec<String>,
    /// How many must; none: all, or not told.
    pub minimum: Option<u32>,
    /// What the approvers read.
    pub instructions: String,
}

/// Something a pipeline must be permitted to use (pipelines/pipelinePermissions).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Protected {
    /// A service connection.
    Endpoint(Uuid),
    /// An agent queue.
    Queue(i64),
    /// An environment of Azure DevOps.
    Environment(i64),
    /// A variable group.
    VariableGroup(i64),
    /// A secure file.
    SecureFile(Uuid),
    /// A repository of Azure Repos.
    Repository {
        /// The id of its project.
        project: Uuid,
        /// Its id.
        id: Uuid,
    },
}

/// Who may use a protected resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Every pipeline of the project.
    pub all_pipelines: bool,
    /// Definition ids of single pipelines.
    pub pipelines: Vec<i64>,
}

/// A check on a protected resource (pipelines/checks/configurations).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its id.
    pub id: i64,
    /// `Approval`, `ExclusiveLock`, `Task Check`, …
    pub kind: String,
}

/// A pipeline run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id, the same as the build's.
    pub id: i64,
    /// Whether it has ended.
    pub completed: bool,
    /// `succeeded`, `failed`, `canceled`; none while it goes on.
    pub result: Option<String>,
    /// The commit of its YAML, where Azure DevOps tells it.
    pub commit: Option<String>,
    /// When it was made (RFC 3339).
    pub created: String,
    /// When it ended (RFC 3339).
    pub finished: Option<String>,
    /// Its page.
    pub web_url: String,
}

/// How far a timeline record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecordState {
    /// Not begun.
    Pending,
    /// Going on.
    InProgress,
    /// Ended.
    Completed,
}

/// One record of a run's timeline (build/builds/{id}/timeline).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub id: Uuid,
    /// The record above it.
    pub parent: Option<Uuid>,
    /// `Stage`, `Phase`, `Job`, `Task`, `Checkpoint`, `Checkpoint.Approval`, …
    pub kind: String,
    /// Its display name.
    pub name: String,
    /// How far it is.
    pub state: RecordState,
    /// `succeeded`, `failed`, `skipped`, …; none while it goes on.
    pub result: Option<String>,
    /// Errors and warnings it shows.
    pub issues: Vec<String>,
    /// Id of its log, once there is one.
    pub log: Option<i64>,
    /// The agent it runs on.
    pub worker: Option<String>,
    /// Counts from 1.
    pub attempt: u32,
    /// The id of the task it performs.
    pub task: Option<Uuid>,
    /// When it began (RFC 3339).
    pub started: Option<String>,
    /// When it ended (RFC 3339).
    pub finished: Option<String>,
}
