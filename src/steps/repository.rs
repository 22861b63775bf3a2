//! The verification repository (or a branch of another one) with exactly keyless's YAML.

use serde_json::json;

use super::facts::{Aim, SourceFact, ask_all};
use super::gates::policy::guards;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::git::{File, Push};
use crate::cloud::devops::projects::Project;
use crate::cloud::devops::pull_requests::Proposal;
use crate::domain::blueprint::{VERIFICATION_PATH, VERIFICATION_YAML, WantedVerification};
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::pipeline::Repository as Found;
use crate::domain::pull_request::{MergeStatus, PullRequestStatus};
use crate::engine::known::{Known, Yields};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Verb};

/// The verification repository.
pub struct Repository {
    /// What is wanted.
    pub wanted: WantedVerification,
    /// What is to become of it.
    pub aim: Aim,
    /// Whether the journal says that keyless made it.
    pub made: bool,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
    /// Every environment: they all need it.
    pub environments: Vec<EnvironmentName>,
    /// Those of them that ask by name before it is taken away.
    pub protected: Vec<EnvironmentName>,
}

/// What a look sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The repository.
    pub found: Option<Found>,
    /// Tip of the branch.
    pub tip: Option<String>,
    /// The YAML on it.
    pub yaml: Option<File>,
    /// Tip of the default branch, for a branch that is to be made from it.
    pub base: Option<String>,
    /// Whether a policy keeps pushes away: changes go by pull request.
    pub guarded: bool,
}

/// The key of the verification repository.
pub fn repository_key(wanted: &WantedVerification) -> StepKey {
    StepKey::new(Kind::Repository, wanted.repository.as_str())
}

impl Repository {
    fn is_own(&self) -> bool {
        self.wanted.foreign_branch.is_none()
    }

    fn is_current(seen: &Seen) -> bool {
        seen.yaml.as_ref().is_some_and(|file| file.content.replace("\r\n", "\n") == VERIFICATION_YAML)
    }

    /// An own repository is empty (a crash came between making and pushing), or `main` is its default branch and holds
    /// keyless's YAML.
    fn check_owner(&self, seen: &Seen) -> Result<()> {
        let default = seen.found.as_ref().and_then(|found| found.default_branch.as_deref());
        let foreign = match (&seen.tip, &seen.yaml) {
            (None, _) => self.is_own() && default.is_some(),
            (Some(_), Some(file)) => {
                !file.content.starts_with("# keyless:")
                    || (self.is_own() && default != Some("refs/heads/main"))
            }
            (Some(_), None) => self.is_own(),
        };
        if !foreign {
            return Ok(());
        }
        Err(Failure::new(Code::RepositoryForeign)
            .with("repository", &self.wanted.repository)
            .with("branch", self.wanted.branch())
            .with("file", VERIFICATION_PATH))
    }

    fn plan_present(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "it holds keyless's pipeline");
        change.rights = vec!["vso.code_write".to_owned()];
        change.after = Some(json!({ "path": VERIFICATION_PATH, "branch": self.wanted.branch() }));
        if seen.found.is_none() {
            change.verb = Verb::Create;
            change.writes = 2;
            change.why =
                "there is no such repository; the handshake's pipeline needs one nobody else pushes to"
                    .to_owned();
            change.rights = vec!["vso.code_manage".to_owned()];
        } else if !Self::is_current(seen) {
            change.verb = if seen.yaml.is_some() { Verb::Update } else { Verb::Create };
            // A branch of its own, a pull request, and its completion.
            change.writes = if seen.guarded { 3 } else { 1 };
            if seen.yaml.is_none() && self.is_own() && !self.made {
                change.asks.push(Ask::Foreign {
                    what: format!("{} is empty and may be somebody else's", self.title()),
                });
            }
            change.why = match (&seen.yaml, self.is_own()) {
                (Some(_), _) => "its pipeline is not the one of this keyless".to_owned(),
                (None, true) => "it is empty".to_owned(),
                (None, false) => {
                    "the branch does not hold keyless's pipeline; whoever may push to it can change what runs"
                        .to_owned()
                }
            };
        } else {
            change.rights = Vec::new();
            change.before.clone_from(&change.after);
        }
        change
    }

    fn plan_absent(&self, seen: &Seen) -> Change {
        let keep = |why: &str| Change::keep(self.key(), self.title(), why);
        if seen.found.is_none() || (!self.is_own() && seen.tip.is_none()) {
            return keep("there is none");
        }
        if self.is_own() && seen.tip.is_none() && !self.made {
            return keep("left: it is empty, and nothing says that keyless made it");
        }
        let mut change = keep(if self.is_own() {
            "keyless made it; Azure DevOps keeps it in the recycle bin for 30 days"
        } else {
            "keyless made the branch"
        });
        change.verb = Verb::Delete;
        change.before = Some(json!({ "path": VERIFICATION_PATH, "branch": self.wanted.branch() }));
        change.writes = 1;
        change.rights = vec!["vso.code_manage".to_owned()];
        change.asks = ask_all(&self.protected).collect();
        change
    }

    async fn push(&self, pen: &Pen, found: &Found, seen: &Seen) -> Result<()> {
        let parent = seen.tip.as_deref().or(seen.base.as_deref());
        let push = Push {
            branch: self.wanted.branch(),
            parent,
            path: VERIFICATION_PATH,
            content: VERIFICATION_YAML,
            replaces: seen.yaml.is_some(),
            comment: "keyless: pipeline that proves the federation",
        };
        self.devops.push_file(pen, &self.project, found, &push).await.map(drop)
    }

    /// Brings the YAML to a branch that takes no pushes: by a pull request that goes past the reviewers. Nobody but the
    /// operator may write to this repository, so nobody else could look at it. Goes on where an earlier one stopped.
    async fn propose(&self, pen: &Pen, found: &Found, seen: &Seen) -> Result<()> {
        let (devops, project, target) = (&self.devops, &self.project, self.wanted.branch());
        let not_yet = |cause: &str| {
            Failure::new(Code::DevopsConflict)
                .class(Class::NotYet)
                .with("branch", target)
                .with("cause", cause)
        };
        let source = format!("keyless/update-{}", seen.tip.as_deref().unwrap_or_default());
        if devops.branch_tip(project, found.id, &source).await?.is_none() {
            let push = Push {
                branch: &source,
                parent: seen.tip.as_deref(),
                path: VERIFICATION_PATH,
                content: VERIFICATION_YAML,
                replaces: seen.yaml.is_some(),
                comment: "keyless: pipeline that proves the federation",
            };
            devops.push_file(pen, project, found, &push).await?;
        }
        let open = match devops.active_pull_request(project, found, &source, target).await? {
            Some(open) => open,
            None => {
                let proposal = Proposal {
                    source: &source,
                    target,
                    title: "keyless: pipeline that proves the federation",
                    description: "Written by keyless. It is what its handshakes run.",
                };
                devops.create_pull_request(pen, project, found, proposal).await?
            }
        };
        if open.source_commit.is_none() || open.merge == MergeStatus::Queued {
            return Err(not_yet("Azure DevOps still merges the pull request on trial"));
        }
        let reason = "keyless's own pipeline: nobody else may write to this repository";
        let done = devops.complete_pull_request(pen, project, found, &open, Some(reason)).await?;
        match done.status {
            PullRequestStatus::Completed => Ok(()),
            _ => Err(not_yet("Azure DevOps still completes the pull request")),
        }
    }
}

impl Step for Repository {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        repository_key(&self.wanted)
    }

    fn title(&self) -> String {
        match &self.wanted.foreign_branch {
            None => format!("repository {}", self.wanted.repository),
            Some(branch) => format!("branch {branch} of repository {}", self.wanted.repository),
        }
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.environments.clone()
    }

    fn needs(&self) -> Vec<StepKey> {
        Vec::new()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Seen> {
        let (devops, project) = (&self.devops, &self.project);
        let Some(found) = devops.repository(project, self.wanted.repository.as_str()).await? else {
            if self.is_own() || self.aim != Aim::Present {
                return Ok(Seen::default());
            }
            return Err(Failure::new(Code::DevopsNotFound).with("repository", &self.wanted.repository));
        };
        let branch = self.wanted.branch();
        let tip = devops.branch_tip(project, found.id, branch).await?;
        let yaml = match tip {
            Some(_) => devops.file(project, found.id, branch, VERIFICATION_PATH, VERIFICATION_YAML).await?,
            None => None,
        };
        let base = match (&tip, &found.default_branch) {
            (None, Some(default)) if !self.is_own() => {
                devops.branch_tip(project, found.id, default.trim_start_matches("refs/heads/")).await?
            }
            _ => None,
        };
        let mut seen = Seen { found: Some(found), tip, yaml, base, guarded: false };
        self.check_owner(&seen)?;
        if let (Some(found), true, Aim::Present) =
            (&seen.found, seen.tip.is_some() && !Self::is_current(&seen), self.aim)
        {
            let ref_name = format!("refs/heads/{branch}");
            seen.guarded = guards(&devops.branch_policies(project, found.id, &ref_name).await?);
        }
        Ok(seen)
    }

    fn yields(&self, seen: &Seen) -> Yields {
        match (&seen.found, &seen.tip) {
            (Some(found), Some(tip)) if Self::is_current(seen) => {
                Yields::some(SourceFact { repository: found.id, commit: tip.clone() })
            }
            _ => Yields::none(),
        }
    }

    fn report(&self, seen: &Seen) -> Report {
        let open = !self.is_own() && seen.tip.is_some();
        let finding = || Finding::overall(FindingCode::RepositoryOpen).with("repository", self.title());
        Report { findings: open.then(finding).into_iter().collect(), ..Report::default() }
    }

    fn plan(&self, seen: &Seen) -> Change {
        match self.aim {
            Aim::Present => self.plan_present(seen),
            Aim::Absent => self.plan_absent(seen),
            Aim::AsItIs => Change::keep(self.key(), self.title(), "other environments use it"),
        }
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        match (&seen.found, self.aim == Aim::Present) {
            (Some(found), true) if seen.guarded => self.propose(pen, found, &seen).await,
            (Some(found), true) => self.push(pen, found, &seen).await,
            (None, true) => {
                let made =
                    self.devops.create_repository(pen, &self.project, self.wanted.repository.as_str()).await;
                let made = made.map_err(|failure| match failure.class {
                    Class::Denied => failure.with(
                        "instead",
                        "name an existing repository and a `branch` for keyless under [verification]",
                    ),
                    _ => failure,
                })?;
                self.push(pen, &made, &seen).await
            }
            (Some(found), false) if self.is_own() => {
                self.devops.delete_repository(pen, &self.project, found).await
            }
            (Some(found), false) => match &seen.tip {
                Some(tip) => {
                    self.devops.delete_branch(pen, &self.project, found, self.wanted.branch(), tip).await
                }
                None => Ok(()),
            },
            (None, false) => Ok(()),
        }
    }
}
