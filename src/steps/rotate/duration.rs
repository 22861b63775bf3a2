//! How long a pipeline's sessions last: jobs that ran for 40 minutes with a key fail after 15 under a role.

use serde_json::json;

use super::duration_key;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::diagnose::pipeline::{RootDuration, root_duration};
use crate::domain::failure::{Class, Result};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::rotation::{DURATION, LongUse, wanted_seconds};
use crate::engine::known::Known;
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Gate, Verb};

/// The variable `aws.rolecredential.maxduration` of one pipeline that uses a connection for longer than 15 minutes.
pub struct Duration {
    /// The pipeline's longest use.
    pub used: LongUse,
    /// The environments whose connections it uses.
    pub environments: Vec<EnvironmentName>,
    /// Those of them that are protected.
    pub protected: Vec<EnvironmentName>,
    /// The longest session that every one of their roles allows, in seconds.
    pub longest: i64,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The pipeline's own variable; none: it is not set, or the pipeline is none that has variables.
    variable: Option<String>,
    /// What its YAML says, which wins.
    yaml: RootDuration,
}

impl Seen {
    /// The value that counts, as far as it is known.
    fn value(&self) -> Option<&str> {
        match &self.yaml {
            RootDuration::Set(value) => Some(value),
            RootDuration::Unset | RootDuration::Unknown(_) => self.variable.as_deref(),
        }
    }
}

impl Duration {
    /// Seconds that are asked for.
    fn wanted(&self) -> i64 {
        wanted_seconds(self.used.seconds).min(self.longest)
    }

    fn suffices(&self, seen: &Seen) -> bool {
        let set = seen.value().and_then(|value| value.trim().parse::<i64>().ok());
        set.is_some_and(|set| set >= self.used.seconds && set <= self.longest)
    }

    /// What the YAML on the default branch says, where Azure Repos has it.
    async fn yaml(&self, pipeline: i64) -> Result<RootDuration> {
        let unknown = |why: &str| Ok(RootDuration::Unknown(why.to_owned()));
        let (devops, project) = (&self.devops, &self.project);
        let whole = devops.pipeline(project, pipeline).await?;
        let Some((id, path)) = whole.and_then(|whole| whole.repository.zip(whole.yaml_path)) else {
            return unknown("its YAML is not in Azure Repos");
        };
        let repositories = devops.repositories(project).await?;
        let repository = repositories.iter().find(|repository| repository.id == id && !repository.disabled);
        let Some(branch) = repository.and_then(|repository| repository.default_branch.as_deref()) else {
            return unknown("its repository cannot be seen");
        };
        let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
        let path = format!("/{}", path.trim_start_matches('/'));
        match devops.file(project, id, branch, &path, "").await {
            Ok(Some(file)) => Ok(root_duration(&file.content)),
            Ok(None) => unknown("its YAML is not on the default branch"),
            Err(failure) if matches!(failure.class, Class::Denied | Class::NotFound) => {
                unknown("its YAML may not be read")
            }
            Err(failure) => Err(failure),
        }
    }

    /// Why no variable helps.
    fn gate(&self, seen: &Seen) -> Option<Gate> {
        let minutes = self.used.seconds / 60;
        let reason = if self.used.seconds > self.longest {
            format!(
                "a higher session-hours in keyless.toml: {} holds the connection for {minutes} minutes, and the role allows \
                 sessions of {}",
                self.used.name,
                self.longest / 60
            )
        } else if let RootDuration::Set(value) = &seen.yaml {
            format!(
                "variable {DURATION} = {} in the YAML of {}, which says {value}, wins over any that keyless could set, and \
                 whose job holds the connection for {minutes} minutes",
                self.wanted(),
                self.used.name
            )
        } else if self.used.pipeline.is_none() || !self.used.kind.eq_ignore_ascii_case("build") {
            format!(
                "variable {DURATION} = {} in {}, which holds the connection for {minutes} minutes and whose variables keyless \
                 does not set",
                self.wanted(),
                self.used.name
            )
        } else {
            return None;
        };
        Some(Gate { reason, until: None })
    }
}

impl Step for Duration {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        duration_key(&self.used.name)
    }

    fn title(&self) -> String {
        format!("sessions of pipeline {}", self.used.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.environments.clone()
    }

    fn needs(&self) -> Vec<StepKey> {
        Vec::new()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Seen> {
        let Some(pipeline) = self.used.pipeline.filter(|_| self.used.kind.eq_ignore_ascii_case("build"))
        else {
            let yaml = RootDuration::Unknown("it is no pipeline with YAML".to_owned());
            return Ok(Seen { variable: None, yaml });
        };
        let variables = self.devops.pipeline_variables(&self.project, pipeline).await?;
        let set = variables.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(DURATION));
        let variable = set.and_then(|(_, variable)| variable.value);
        Ok(Seen { variable, yaml: self.yaml(pipeline).await? })
    }

    fn report(&self, seen: &Seen) -> Report {
        if self.suffices(seen) {
            return Report::default();
        }
        let code = match self.used.seconds > self.longest {
            true => FindingCode::PipelineSessionLong,
            false => FindingCode::PipelineSessionShort,
        };
        let findings = self.environments.iter().map(|environment| {
            let finding = Finding::about(environment, code)
                .with("pipeline", &self.used.name)
                .with("runs for", format!("{} minutes", self.used.seconds / 60))
                .with("seconds", seen.value().unwrap_or("not set"))
                .with("longest", format!("{} s", self.longest));
            if self.gate(seen).is_none() { finding.healed_by(&self.key()) } else { finding }
        });
        Report { findings: findings.collect(), ..Report::default() }
    }

    fn plan(&self, seen: &Seen) -> Change {
        if self.suffices(seen) {
            return Change::keep(self.key(), self.title(), "its sessions last long enough");
        }
        if let Some(gate) = self.gate(seen) {
            return Change::wait(self.key(), self.title(), gate);
        }
        let why = format!("a job of {} minutes outlives a session of 15", self.used.seconds / 60);
        let mut change = Change::keep(self.key(), self.title(), why);
        if let RootDuration::Unknown(why) = &seen.yaml {
            change.why.push_str("; whether its YAML sets another is unknown: ");
            change.why.push_str(why);
        }
        change.verb = if seen.variable.is_some() { Verb::Update } else { Verb::Create };
        change.before = seen.variable.as_ref().map(|value| json!({ DURATION: value }));
        change.after = Some(json!({ DURATION: self.wanted().to_string() }));
        change.writes = 1;
        change.rights = vec!["vso.build_execute".to_owned()];
        change.asks =
            vec![Ask::Foreign { what: format!("pipeline {} was not made by keyless", self.used.name) }];
        change.asks.extend(self.protected.iter().map(|name| Ask::Protected { environment: name.clone() }));
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, _seen: Seen) -> Result<()> {
        let Some(pipeline) = self.used.pipeline else { return Ok(()) };
        let value = self.wanted().to_string();
        self.devops.set_pipeline_variable(pen, &self.project, pipeline, DURATION, Some(&value)).await
    }
}
