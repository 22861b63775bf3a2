//! The policies of one branch: reviewers and a build before anything gets there.

use serde_json::{Value, json};

use super::deployment::DeploymentFact;
use super::{deployment_key, policy_key};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::branch_policies::Asks;
use crate::cloud::devops::projects::Project;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gates::{FoundPolicy, WantedBranch, WantedPolicy};
use crate::domain::key::StepKey;
use crate::domain::names::{EnvironmentName, RepositoryName};
use crate::domain::pen::Pen;
use crate::domain::pipeline::Repository;
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Gate, Verb};
use crate::steps::facts::ask_all;

/// The policies of one branch.
pub struct Policy {
    /// What is wanted.
    pub wanted: WantedBranch,
    /// Whether they are wanted; false: those that keyless made go.
    pub present: bool,
    /// Ids of policies that the journal says keyless made.
    pub made: Vec<i64>,
    /// Whether the repository is keyless's own: its policies go with it, and nobody else's work changes.
    pub own: bool,
    /// keyless's own repository. Before it is there nothing was set up, and nothing can be amiss.
    pub verification: RepositoryName,
    /// The step that makes the branch what it is, where one does.
    pub before: Option<StepKey>,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
    /// The environments that stand behind it.
    pub environments: Vec<EnvironmentName>,
    /// Those of them that ask by name.
    pub protected: Vec<EnvironmentName>,
}

/// A wanted policy and what there is of it.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What is wanted.
    pub wanted: WantedPolicy,
    /// The one that is there.
    pub found: Option<FoundPolicy>,
    /// How it falls short.
    pub short: Vec<String>,
}

/// What a look sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The repository; none: there is none.
    pub repository: Option<Repository>,
    /// Whether the federation was ever set up: what is missing before is no drift.
    pub begun: bool,
    /// The definition of the pipeline that deploys, where a build by it is wanted.
    pub definition: Option<i64>,
    /// Every wanted policy.
    pub pairs: Vec<Pair>,
    /// Every policy that holds for the branch.
    pub found: Vec<FoundPolicy>,
}

impl Seen {
    fn open(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| pair.found.is_none() || !pair.short.is_empty())
    }
}

impl Policy {
    fn build(&self) -> Option<&str> {
        self.wanted.policies.iter().find_map(|policy| match policy {
            WantedPolicy::BuildValidation { pipeline } => Some(pipeline.as_str()),
            WantedPolicy::MinimumReviewers { .. } => None,
        })
    }

    fn plan_present(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "every policy is there");
        if seen.repository.is_none() && !self.own {
            let reason = format!("repository {}", self.wanted.repository);
            return Change::wait(self.key(), self.title(), Gate { reason, until: None });
        }
        change.after = Some(json!(self.wanted.policies.iter().map(words).collect::<Vec<_>>()));
        let open: Vec<&Pair> = seen.open().collect();
        if open.is_empty() && seen.repository.is_some() {
            change.before.clone_from(&change.after);
            return change;
        }
        let found = seen.pairs.iter().filter_map(|pair| pair.found.as_ref());
        let there: Vec<Value> =
            found.map(|found| json!({"rule": found.rule, "in force": found.in_force})).collect();
        change.verb = if there.is_empty() { Verb::Create } else { Verb::Update };
        change.before = (!there.is_empty()).then(|| json!(there));
        change.writes = if seen.repository.is_some() { open.len() } else { self.wanted.policies.len() };
        change.rights = vec!["vso.code_write".to_owned()];
        change.why = if self.own {
            "branch control takes a branch for protected only with a policy on it".to_owned()
        } else {
            open.iter().map(|pair| lack(pair)).collect::<Vec<_>>().join("; ")
        };
        if !self.own {
            let what = format!(
                "{} changes how everybody works on repository {}",
                self.title(),
                self.wanted.repository
            );
            change.asks.push(Ask::Foreign { what });
        }
        change.asks.extend(ask_all(&self.protected));
        change
    }

    fn plan_absent(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "keyless made none that stays");
        let ours: Vec<String> = self.leaving(seen).map(|found| found.type_name.clone()).collect();
        // The policies of keyless's own repository go with it.
        if ours.is_empty() || self.own {
            return change;
        }
        change.verb = Verb::Delete;
        change.writes = ours.len();
        change.before = Some(json!(ours));
        "keyless made them".clone_into(&mut change.why);
        change.rights = vec!["vso.code_write".to_owned()];
        change.asks.extend(ask_all(&self.protected));
        change
    }

    fn leaving<'a>(&'a self, seen: &'a Seen) -> impl Iterator<Item = &'a FoundPolicy> {
        seen.found.iter().filter(|found| self.made.contains(&found.id))
    }
}

/// A policy in a few words.
fn words(policy: &WantedPolicy) -> String {
    match policy {
        WantedPolicy::MinimumReviewers { count } => {
            format!("reviewers: {count}, not the author, votes reset by a push")
        }
        WantedPolicy::BuildValidation { pipeline } => format!("build validation by pipeline {pipeline}"),
    }
}

fn lack(pair: &Pair) -> String {
    let kind = pair.wanted.kind().words();
    match &pair.found {
        None => format!("no {kind}"),
        Some(_) => format!("{kind}: {}", pair.short.join(", ")),
    }
}

impl Step for Policy {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        policy_key(&self.wanted)
    }

    fn title(&self) -> String {
        let branch = self.wanted.ref_name.trim_start_matches("refs/heads/");
        format!("policies of branch {branch} of repository {}", self.wanted.repository)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.environments.clone()
    }

    fn needs(&self) -> Vec<StepKey> {
        let build = self.build().filter(|_| self.present).map(deployment_key);
        build.into_iter().chain(self.before.clone()).collect()
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let mut seen = Seen {
            repository: self.devops.repository(&self.project, &self.wanted.repository).await?,
            definition: self
                .build()
                .and_then(|name| known.get(&Of::<DeploymentFact>::new(deployment_key(name))))
                .map(|fact| fact.id),
            ..Seen::default()
        };
        seen.begun = match self.own {
            true => seen.repository.is_some(),
            false => self.devops.repository(&self.project, self.verification.as_str()).await?.is_some(),
        };
        if let Some(repository) = &seen.repository {
            seen.found =
                self.devops.branch_policies(&self.project, repository.id, &self.wanted.ref_name).await?;
        }
        for wanted in &self.wanted.policies {
            let meets = |found: &&FoundPolicy| wanted.is_met_by(found, seen.definition);
            let best = seen.found.iter().filter(meets).min_by_key(|found| wanted.shortfalls(found).len());
            let short = best.map(|found| wanted.shortfalls(found)).unwrap_or_default();
            // One for many branches is not this step's to change: a policy of the branch's own is put beside it.
            let found = best.filter(|found| short.is_empty() || found.own_scope).cloned();
            seen.pairs.push(Pair { wanted: wanted.clone(), found, short });
        }
        Ok(seen)
    }

    fn report(&self, seen: &Seen) -> Report {
        let open = seen.open().filter(|_| self.present && seen.begun && seen.repository.is_some());
        let about = |pair: &Pair| {
            let code =
                if pair.found.is_none() { FindingCode::PolicyMissing } else { FindingCode::PolicyWeak };
            let finding = Finding::overall(code)
                .with("policy", pair.wanted.kind().words())
                .with("branch", &self.wanted.ref_name)
                .with("repository", &self.wanted.repository);
            let finding =
                if pair.short.is_empty() { finding } else { finding.with("why", pair.short.join("; ")) };
            finding.healed_by(&self.key())
        };
        Report {
            findings: open.map(about).collect(),
            found: Some(json!(seen.found.iter().map(|found| &found.type_name).collect::<Vec<_>>())),
            ..Report::default()
        }
    }

    fn plan(&self, seen: &Seen) -> Change {
        if self.present { self.plan_present(seen) } else { self.plan_absent(seen) }
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let (devops, project, ref_name) = (&self.devops, &self.project, self.wanted.ref_name.as_str());
        let missing = || Failure::new(Code::DevopsNotFound).with("repository", &self.wanted.repository);
        let repository = seen.repository.as_ref().ok_or_else(missing)?;
        let on = (repository, ref_name);
        if !self.present {
            for found in self.leaving(&seen) {
                devops.delete_policy(pen, project, on, found).await?;
            }
            return Ok(());
        }
        for pair in seen.open() {
            let asks = match &pair.wanted {
                WantedPolicy::MinimumReviewers { count } => Asks::Reviewers(*count),
                WantedPolicy::BuildValidation { pipeline } => {
                    let absent = || Failure::new(Code::DevopsNotFound).with("pipeline", pipeline);
                    Asks::Build { definition: seen.definition.ok_or_else(absent)?, name: pipeline.clone() }
                }
            };
            match &pair.found {
                None => devops.create_policy(pen, project, on, &asks).await?,
                Some(found) => devops.update_policy(pen, project, on, found, &asks).await?,
            };
        }
        Ok(())
    }
}

/// Whether anything that blocks holds for a branch: a push to it is refused then.
pub fn guards(found: &[FoundPolicy]) -> bool {
    found.iter().any(|policy| policy.in_force && policy.rule.is_some())
}
