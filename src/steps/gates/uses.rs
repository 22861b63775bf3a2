//! Which pipelines may use what the deployments of one environment need: exactly those that `keyless.toml` names.

use std::collections::BTreeSet;

use serde_json::json;

use super::deployment::DeploymentFact;
use super::group::GroupFact;
use super::target::TargetFact;
use super::{deployment_key, gates_key, group_key, target_key, uses_key};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::failure::Result;
use crate::domain::federation::{Deployment, Environment};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gates::WantedGates;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::pipeline::{Permission, Pipeline, Protected};
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Gate, Verb};
use crate::steps::facts::{ConnectionFact, ask_protected, connection_key};

/// Who may use what one environment's deployments need.
pub struct Uses {
    /// The pipeline that deploys, and others that may.
    pub deployment: Deployment,
    /// The environment's gates: its environment of Azure DevOps and its variable group.
    pub gates: WantedGates,
    /// Whether they may; false: what keyless granted is withdrawn.
    pub present: bool,
    /// The name of the deployments' queue.
    pub queue: Option<String>,
    /// The verification pipeline's name: its permission is looked after elsewhere.
    pub verification: String,
    /// The environment.
    pub environment: Environment,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// One resource and who may use it.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// The resource.
    pub protected: Protected,
    /// Who may use it.
    pub found: Permission,
    /// Whether others than those named are to be kept out.
    pub exact: bool,
}

/// What a look sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The resources that are there.
    pub resources: Vec<Resource>,
    /// Named pipelines that are there.
    pub named: Vec<Pipeline>,
    /// Names without a pipeline.
    pub missing: Vec<String>,
    /// The verification pipeline.
    pub verification: Option<i64>,
    /// Every pipeline, for names.
    pub all: Vec<Pipeline>,
}

/// One pipeline and one resource: it may use it and should not, or should and may not.
struct Grant<'a> {
    resource: &'a Resource,
    pipeline: i64,
}

impl Seen {
    fn lacking(&self) -> impl Iterator<Item = Grant<'_>> {
        self.resources.iter().flat_map(|resource| {
            let may = |id: i64| resource.found.all_pipelines || resource.found.pipelines.contains(&id);
            let lacking = self.named.iter().filter(move |pipeline| !may(pipeline.id));
            lacking.map(move |pipeline| Grant { resource, pipeline: pipeline.id })
        })
    }

    fn others(&self) -> impl Iterator<Item = Grant<'_>> {
        let known = |id: i64| self.named.iter().any(|it| it.id == id) || self.verification == Some(id);
        self.resources.iter().filter(|resource| resource.exact).flat_map(move |resource| {
            let others = resource.found.pipelines.iter().copied().filter(move |id| !known(*id));
            others.map(move |pipeline| Grant { resource, pipeline })
        })
    }

    fn name(&self, id: i64) -> String {
        let found = self.all.iter().find(|pipeline| pipeline.id == id);
        found.map_or_else(|| format!("pipeline {id}"), |found| found.name.clone())
    }

    fn words(&self, steps: &[Grant<'_>]) -> Vec<String> {
        steps.iter().map(|it| format!("{} on {}", self.name(it.pipeline), it.resource.name)).collect()
    }
}

impl Uses {
    fn names(&self) -> Vec<&str> {
        let named = self.deployment.pipelines.iter().map(String::as_str);
        std::iter::once(self.deployment.name.as_str()).chain(named).collect()
    }

    fn resources(&self, known: &Known) -> Vec<(String, Protected, bool)> {
        let mut found = Vec::new();
        // Where the connection is gated, another YAML must not go around the gates.
        let exact = self.environment.protected;
        let connection = &self.environment.connection;
        if let Some(fact) = known.get(&Of::<ConnectionFact>::new(connection_key(connection))) {
            found.push((format!("connection {connection}"), Protected::Endpoint(fact.id), exact));
        }
        let target = &self.gates.target.name;
        if let Some(fact) = known.get(&Of::<TargetFact>::new(target_key(target))) {
            found.push((
                format!("environment {target}"),
                Protected::Environment(fact.id),
                exact && fact.ours,
            ));
        }
        let group = &self.gates.group.name;
        if let Some(fact) = known.get(&Of::<GroupFact>::new(group_key(group))) {
            found.push((format!("variable group {group}"), Protected::VariableGroup(fact.id), false));
        }
        found
    }

    fn plan_present(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "exactly the named pipelines may use them");
        if seen.named.is_empty() {
            let reason = format!("pipeline {}", self.deployment.name);
            return Change::wait(self.key(), self.title(), Gate { reason, until: None });
        }
        let lacking: Vec<_> = seen.lacking().collect();
        let others: Vec<_> = seen.others().collect();
        if lacking.is_empty() && others.is_empty() {
            return change;
        }
        change.verb = if lacking.is_empty() { Verb::Update } else { Verb::Create };
        change.before = (!others.is_empty()).then(|| json!({ "withdrawn": seen.words(&others) }));
        change.after = (!lacking.is_empty()).then(|| json!({ "granted": seen.words(&lacking) }));
        change.why = match (lacking.is_empty(), others.is_empty()) {
            (false, true) => "a deployment would wait for a permission".to_owned(),
            (true, _) => {
                "others may use what only named pipelines are to use: a way around the gates".to_owned()
            }
            (false, false) => "named pipelines may not use it yet, and others may".to_owned(),
        };
        change.writes = pipelines(&lacking).len() + pipelines(&others).len();
        change.rights = vec!["vso.pipelineresources_manage".to_owned()];
        change.asks.extend(ask_protected(&self.environment));
        for name in seen.words(&others) {
            change.asks.push(Ask::Foreign {
                what: format!(
                    "the permission of {name} is somebody else's; that pipeline will wait for a person"
                ),
            });
        }
        change
    }

    fn plan_absent(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "none of the named pipelines may use them");
        let granted: Vec<_> = self.granted(seen).collect();
        if granted.is_empty() {
            return change;
        }
        change.verb = Verb::Delete;
        change.before = Some(json!({ "withdrawn": seen.words(&granted) }));
        change.writes = pipelines(&granted).len();
        "nothing deploys through them any more".clone_into(&mut change.why);
        change.rights = vec!["vso.pipelineresources_manage".to_owned()];
        change.asks.extend(ask_protected(&self.environment));
        change
    }

    fn granted<'a>(&self, seen: &'a Seen) -> impl Iterator<Item = Grant<'a>> {
        seen.resources.iter().flat_map(move |resource| {
            let named = seen.named.iter().filter(move |it| resource.found.pipelines.contains(&it.id));
            named.map(move |pipeline| Grant { resource, pipeline: pipeline.id })
        })
    }

    async fn set(&self, pen: &Pen, steps: &[Grant<'_>], authorized: bool) -> Result<()> {
        for pipeline in pipelines(steps) {
            let of = steps.iter().filter(|it| it.pipeline == pipeline);
            let resources: Vec<(Protected, String)> =
                of.map(|it| (it.resource.protected.clone(), it.resource.name.clone())).collect();
            self.devops.permit(pen, &self.project, &resources, pipeline, authorized).await?;
        }
        Ok(())
    }
}

/// The pipelines of some steps: one request each.
fn pipelines(steps: &[Grant<'_>]) -> BTreeSet<i64> {
    steps.iter().map(|it| it.pipeline).collect()
}

impl Step for Uses {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        uses_key(&self.environment.name)
    }

    fn title(&self) -> String {
        format!("who may deploy to {}", self.environment.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        let mut needs = vec![
            connection_key(&self.environment.connection),
            target_key(&self.gates.target.name),
            group_key(&self.gates.group.name),
        ];
        if self.present {
            // Nobody is let in before the gates stand.
            needs.push(gates_key(&self.environment.name));
            needs.push(deployment_key(&self.deployment.name));
        }
        needs
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let all = self.devops.pipelines(&self.project).await?;
        let by_name = |name: &str| all.iter().find(|it| it.name.eq_ignore_ascii_case(name)).cloned();
        let mut seen = Seen { verification: by_name(&self.verification).map(|it| it.id), ..Seen::default() };
        for name in self.names() {
            match by_name(name) {
                Some(found) => seen.named.push(found),
                None => seen.missing.push(name.to_owned()),
            }
        }
        // What was just made may be missing in a list.
        let made = known.get(&Of::<DeploymentFact>::new(deployment_key(&self.deployment.name)));
        if let Some(made) = made.filter(|made| !seen.named.iter().any(|it| it.id == made.id)) {
            let name = self.deployment.name.clone();
            seen.missing.retain(|missing| *missing != name);
            seen.named.push(Pipeline { id: made.id, name, repository: None, yaml_path: None });
        }
        let mut resources = self.resources(known);
        if let Some(name) = &self.queue {
            let queues = self.devops.queues(&self.project).await?;
            let found = queues.into_iter().find(|queue| queue.name.eq_ignore_ascii_case(name));
            resources.extend(found.map(|it| (format!("queue {}", it.name), Protected::Queue(it.id), false)));
        }
        for (name, protected, exact) in resources {
            let found = self.devops.permission(&self.project, &protected).await?;
            seen.resources.push(Resource { name, protected, found, exact });
        }
        seen.all = all;
        Ok(seen)
    }

    fn report(&self, seen: &Seen) -> Report {
        let finding = |it: Grant<'_>| {
            Finding::about(&self.environment.name, FindingCode::PermissionOthers)
                .with("pipeline", seen.name(it.pipeline))
                .with("resource", &it.resource.name)
                .healed_by(&self.key())
        };
        let missing = |name: &String| {
            Finding::about(&self.environment.name, FindingCode::DeploymentUnknown).with("pipeline", name)
        };
        // Before the pipeline that deploys is there, it is not missing but not made yet.
        let listed = seen.missing.iter().filter(|name| **name != self.deployment.name);
        let findings = if self.present {
            seen.others().map(finding).chain(listed.map(missing)).collect()
        } else {
            Vec::new()
        };
        Report { findings, ..Report::default() }
    }

    fn plan(&self, seen: &Seen) -> Change {
        if self.present { self.plan_present(seen) } else { self.plan_absent(seen) }
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        if !self.present {
            let granted: Vec<_> = self.granted(&seen).collect();
            return self.set(pen, &granted, false).await;
        }
        let (lacking, others): (Vec<_>, Vec<_>) = (seen.lacking().collect(), seen.others().collect());
        self.set(pen, &others, false).await?;
        self.set(pen, &lacking, true).await
    }
}
