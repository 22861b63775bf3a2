//! What stands in the way in organisation and project: the toolkit's version, forbidden tasks, Azure Repos, rights, the token.

use serde_json::json;

use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project as Place;
use crate::domain::blueprint::WantedVerification;
use crate::domain::diagnose::extension;
use crate::domain::diagnose::project::Policy;
use crate::domain::failure::{Failure, Result};
use crate::domain::finding::Finding;
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::Known;
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::Change;

/// The look at organisation and project.
pub struct Project {
    /// Where the verification lives.
    pub verification: WantedVerification,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Place,
    /// Whether the verification runs on Microsoft's agents.
    pub hosted: bool,
    /// Every environment: they all need it.
    pub environments: Vec<EnvironmentName>,
}

/// What a look sees. What could not be asked is not told.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The toolkit's version.
    pub toolkit: Option<String>,
    /// What is set.
    pub policy: Policy,
    /// That the token is one for all organisations.
    pub global: Option<Failure>,
}

impl Project {
    /// How many jobs Microsoft's agents run at once, where that counts and is told.
    async fn hosted_jobs(&self) -> Option<i64> {
        if !self.hosted || self.project.public {
            return None;
        }
        self.devops.hosted_parallel_jobs().await.ok().flatten()
    }

    /// Whether the repository may be made, where it is still to be made.
    async fn may_create_repository(&self) -> Option<bool> {
        if self.verification.foreign_branch.is_some() {
            return None;
        }
        match self.devops.repository(&self.project, self.verification.repository.as_str()).await {
            Ok(None) => self.devops.may_create_repository(&self.project).await.ok().flatten(),
            _ => None,
        }
    }
}

impl Step for Project {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        StepKey::new(Kind::Inspection, "project")
    }

    fn title(&self) -> String {
        format!("settings of {}/{}", self.project.organization, self.project.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.environments.clone()
    }

    fn needs(&self) -> Vec<StepKey> {
        Vec::new()
    }

    /// Each of these calls needs a right of its own that keyless can do without: a refusal tells nothing.
    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Seen> {
        let (toolkit, tasks, repos, create, token, hosted_jobs) = futures::join!(
            self.devops.toolkit(),
            self.devops.marketplace_tasks_disabled(),
            self.devops.repos_off(&self.project),
            self.may_create_repository(),
            self.devops.refuse_global_token(),
            self.hosted_jobs(),
        );
        Ok(Seen {
            toolkit: toolkit.ok().flatten().map(|found| found.version),
            global: token.err(),
            policy: Policy {
                marketplace_tasks_disabled: tasks.ok().flatten(),
                repos_off: repos.ok().flatten(),
                may_create_repository: create,
                hosted_jobs,
            },
        })
    }

    fn report(&self, seen: &Seen) -> Report {
        let mut findings: Vec<Finding> =
            seen.toolkit.as_deref().and_then(extension::version).into_iter().collect();
        findings.extend(seen.global.iter().map(|failure| Finding::failed(None, failure)));
        let (organization, project) = (&self.project.organization, &self.project.name);
        findings.extend(seen.policy.findings(organization, project, &self.verification.repository));
        let found = json!({
            "toolkit": seen.toolkit,
            "marketplaceTasksDisabled": seen.policy.marketplace_tasks_disabled,
            "reposOff": seen.policy.repos_off,
        });
        Report { findings, found: Some(found), ..Report::default() }
    }

    fn plan(&self, _seen: &Seen) -> Change {
        Change::keep(self.key(), self.title(), "only looked at")
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, _pen: &Pen, _seen: Seen) -> Result<()> {
        Ok(())
    }
}
