//! The file of the pipeline that deploys: a commit on a new branch and, where it is wanted, a pull request into main.

use serde_json::json;

use crate::cloud::devops::DevOps;
use crate::cloud::devops::git::{File, Push};
use crate::cloud::devops::projects::Project;
use crate::cloud::devops::pull_requests::Proposal;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::{EnvironmentName, RepositoryName};
use crate::domain::pen::Pen;
use crate::domain::pipeline::Repository;
use crate::domain::pull_request::PullRequest;
use crate::engine::known::Known;
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Change, Verb};

/// The file, and where it is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedFile {
    /// The repository.
    pub repository: RepositoryName,
    /// Its path, without a `/` in front.
    pub path: String,
    /// Its content.
    pub content: String,
    /// The branch it is committed to, without `refs/heads/`.
    pub branch: String,
    /// The branch it is meant for, without `refs/heads/`.
    pub main: String,
    /// Whether a pull request is to bring it there.
    pub pull_request: bool,
    /// What the commit and the pull request are called.
    pub title: String,
    /// What the pull request says.
    pub description: String,
}

/// The file of the pipeline on its way.
pub struct Delivery {
    /// What is wanted.
    pub wanted: WantedFile,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The repository.
    pub repository: Repository,
    /// Tip of the main branch; none: the repository is empty.
    pub main: Option<String>,
    /// The file on it.
    pub on_main: Option<File>,
    /// Tip of the branch; none: there is no such branch.
    pub tip: Option<String>,
    /// The file on it.
    pub on_branch: Option<File>,
    /// The open pull request from that branch.
    pub open: Option<PullRequest>,
}

impl Delivery {
    fn path(&self) -> String {
        format!("/{}", self.wanted.path)
    }

    async fn on(&self, repository: &Repository, branch: &str) -> Result<Option<File>> {
        let content = &self.wanted.content;
        self.devops.file(&self.project, repository.id, branch, &self.path(), content).await
    }

    fn is_current(&self, file: Option<&File>) -> bool {
        file.is_some_and(|file| file.content == self.wanted.content)
    }

    /// Where the file goes: an empty repository has no branch that another one could start from.
    fn branch<'a>(&'a self, seen: &Seen) -> &'a str {
        if seen.main.is_some() { &self.wanted.branch } else { &self.wanted.main }
    }

    fn proposes(&self, seen: &Seen) -> bool {
        self.wanted.pull_request && seen.main.is_some() && seen.open.is_none()
    }

    fn shown(&self, seen: &Seen) -> serde_json::Value {
        let mut shown = json!({ "path": self.path(), "branch": self.branch(seen) });
        if self.wanted.pull_request && seen.main.is_some() {
            shown["pull request into"] = json!(self.wanted.main);
        }
        shown
    }
}

impl Step for Delivery {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        StepKey::new(Kind::Delivery, format!("{}/{}", self.wanted.repository, self.wanted.branch))
    }

    fn title(&self) -> String {
        let WantedFile { repository, path, branch, main, pull_request, .. } = &self.wanted;
        match pull_request {
            true => format!("pull request with {path} into {main} of repository {repository}"),
            false => format!("{path} on branch {branch} of repository {repository}"),
        }
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        Vec::new()
    }

    fn needs(&self) -> Vec<StepKey> {
        Vec::new()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Seen> {
        let (devops, project, wanted) = (&self.devops, &self.project, &self.wanted);
        let missing = || Failure::new(Code::DevopsNotFound).with("repository", &wanted.repository);
        let repository = devops.repository(project, wanted.repository.as_str()).await?.ok_or_else(missing)?;
        let main = devops.branch_tip(project, repository.id, &wanted.main).await?;
        if let (None, Some(default)) = (&main, &repository.default_branch) {
            return Err(missing()
                .with("branch", &wanted.main)
                .with("default branch", default.trim_start_matches("refs/heads/")));
        }
        let mut seen = Seen { repository, main, on_main: None, tip: None, on_branch: None, open: None };
        if seen.main.is_none() {
            return Ok(seen);
        }
        seen.on_main = self.on(&seen.repository, &wanted.main).await?;
        if self.is_current(seen.on_main.as_ref()) {
            return Ok(seen);
        }
        seen.tip = devops.branch_tip(project, seen.repository.id, &wanted.branch).await?;
        if seen.tip.is_some() {
            seen.on_branch = self.on(&seen.repository, &wanted.branch).await?;
            if wanted.pull_request {
                let (source, target) = (&wanted.branch, &wanted.main);
                seen.open = devops.active_pull_request(project, &seen.repository, source, target).await?;
            }
        }
        Ok(seen)
    }

    fn report(&self, seen: &Seen) -> Report {
        let mut found = json!({ "repository": seen.repository.name, "path": self.path() });
        if let Some(open) = &seen.open {
            found["pull request"] = json!(open.web_url);
        }
        Report { found: Some(found), ..Report::default() }
    }

    fn plan(&self, seen: &Seen) -> Change {
        let keep = |why: String| Change::keep(self.key(), self.title(), why);
        let WantedFile { main, branch, .. } = &self.wanted;
        if self.is_current(seen.on_main.as_ref()) {
            return keep(format!("{main} holds exactly this already"));
        }
        let pushes = !self.is_current(seen.on_branch.as_ref());
        let proposes = self.proposes(seen);
        if !pushes && !proposes {
            return keep(match &seen.open {
                Some(open) => format!("pull request {} with exactly this is open", open.id),
                None => format!("branch {branch} holds exactly this already"),
            });
        }
        let mut change = keep(match (&seen.main, &seen.on_main, pushes) {
            (None, ..) => "the repository is empty: this is its first commit".to_owned(),
            (Some(_), _, false) => {
                format!("branch {branch} holds it, and no pull request brings it to {main}")
            }
            (Some(_), Some(_), true) => {
                format!("{main} holds another file of that name, which only a merge replaces")
            }
            (Some(_), None, true) => format!("{main} holds no file of that name"),
        });
        change.verb = if seen.tip.is_some() && pushes { Verb::Update } else { Verb::Create };
        change.after = Some(self.shown(seen));
        if change.verb == Verb::Update {
            change.before = Some(json!({ "path": self.path(), "branch": self.branch(seen) }));
        }
        change.writes = usize::from(pushes) + usize::from(proposes);
        // A commit stays in the history; branch and pull request can be dropped.
        change.reversible = false;
        change.rights = vec!["vso.code_write".to_owned()];
        change
    }

    async fn apply(&self, cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let (devops, project) = (&self.devops, &self.project);
        let wanted = &self.wanted;
        if !self.is_current(seen.on_branch.as_ref()) {
            let there = if seen.tip.is_some() { &seen.on_branch } else { &seen.on_main };
            let push = Push {
                branch: self.branch(&seen),
                parent: seen.tip.as_deref().or(seen.main.as_deref()),
                path: &self.path(),
                content: &wanted.content,
                replaces: there.is_some(),
                comment: &wanted.title,
            };
            devops.push_file(pen, project, &seen.repository, &push).await?;
        }
        if self.proposes(&seen) {
            cx.check_stop()?;
            let proposal = Proposal {
                source: &wanted.branch,
                target: &wanted.main,
                title: &wanted.title,
                description: &wanted.description,
            };
            devops.create_pull_request(pen, project, &seen.repository, proposal).await?;
        }
        Ok(())
    }
}
