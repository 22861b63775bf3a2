//! Which pipelines may use what the deployments of one environment need: exactly those that `keyless.toml` names.

use std::collections::BTreeSet;

use serde_json::json;

use super::deployment::DeploymentFact;
use super::group::GroupFact;
use super::secrets::{self, Library};
use super::target::TargetFact;
use super::{deployment_key, gates_key, group_key, target_key, uses_key};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::federation::{Deployment, Environment, Secrets};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gates::WantedGates;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::pipeline::{Permission, Pipeline, Protected};
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Verb};
use crate::steps::facts::{ConnectionFact, ask_protected, holder_key};

/// Who may use what one environment's deployments need.
pub struct Uses {
    /// The pipeline that deploys, and others that may.
    pub deployment: Deployment,
    /// The environment's gates: its environment of Azure DevOps and its variable group. None: it is a read-only access, and
    /// has neither.
    pub gates: Option<WantedGates>,
    /// What of the library is permitted here: what another environment names too is permitted for both there.
    pub permits: Secrets,
    /// Whether they may; false: what keyless granted is withdrawn.
    pub present: bool,
    /// Whether keyless made the connection: else what others may use there was theirs before.
    pub made_connection: bool,
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
    /// The resource; none: it is not there yet.
    pub protected: Option<Protected>,
    /// Who may use it.
    pub found: Permission,
    /// Whether others than those named are to be kept out.
    pub exact: bool,
    /// Whether it is keyless's: then its permissions go with it.
    pub ours: bool,
}

/// What deployments need, as far as it is there.
struct Needed {
    name: String,
    protected: Option<Protected>,
    exact: bool,
    ours: bool,
}

/// A pipeline that is named.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its id; none: it is not there yet.
    pub id: Option<i64>,
}

/// What a look sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Everything deployments need.
    pub resources: Vec<Resource>,
    /// Pipelines that may use it.
    pub named: Vec<Named>,
    /// Names without a pipeline, beside the one that deploys.
    pub missing: Vec<String>,
    /// What is named of the project's library.
    pub library: Library,
    /// The verification pipeline.
    pub verification: Option<i64>,
    /// Every pipeline, for names.
    pub all: Vec<Pipeline>,
    /// Whether a teardown may not see something of the library.
    pub hidden: bool,
}

/// One pipeline and one resource: it may use it and should not, or should and may not.
struct Grant<'a> {
    resource: &'a Resource,
    pipeline: String,
    id: Option<i64>,
}

impl Seen {
    fn lacking(&self) -> Vec<Grant<'_>> {
        let pairs =
            self.resources.iter().flat_map(|resource| self.named.iter().map(move |it| (resource, it)));
        let may = |found: &Permission, id: i64| found.all_pipelines || found.pipelines.contains(&id);
        let lacking = pairs.filter(|(resource, it)| !it.id.is_some_and(|id| may(&resource.found, id)));
        lacking.map(|(resource, it)| Grant { resource, pipeline: it.name.clone(), id: it.id }).collect()
    }

    fn others(&self) -> Vec<Grant<'_>> {
        let known = |id: i64| self.named.iter().any(|it| it.id == Some(id)) || self.verification == Some(id);
        let exact = self.resources.iter().filter(|resource| resource.exact);
        let pairs = exact.flat_map(|resource| resource.found.pipelines.iter().map(move |id| (resource, *id)));
        let others = pairs.filter(|(_, id)| !known(*id));
        others.map(|(resource, id)| Grant { resource, pipeline: self.name(id), id: Some(id) }).collect()
    }

    /// What the named pipelines may use, and keyless may withdraw: on what is somebody else's that is the permission of the
    /// pipeline that deploys, which is named first; others may have had theirs before.
    fn granted(&self) -> Vec<Grant<'_>> {
        let of = |resource: &Resource| if resource.ours { self.named.len() } else { 1 };
        let pairs = self
            .resources
            .iter()
            .flat_map(|resource| self.named.iter().take(of(resource)).map(move |it| (resource, it)));
        let granted =
            pairs.filter(|(resource, it)| it.id.is_some_and(|id| resource.found.pipelines.contains(&id)));
        granted.map(|(resource, it)| Grant { resource, pipeline: it.name.clone(), id: it.id }).collect()
    }

    fn name(&self, id: i64) -> String {
        let found = self.all.iter().find(|pipeline| pipeline.id == id);
        found.map_or_else(|| format!("pipeline {id}"), |found| found.name.clone())
    }
}

/// What deployments use and somebody else made.
fn theirs(name: String, protected: Protected) -> Needed {
    Needed { name, protected: Some(protected), exact: false, ours: false }
}

fn words(grants: &[Grant<'_>]) -> Vec<String> {
    grants.iter().map(|it| format!("{} on {}", it.pipeline, it.resource.name)).collect()
}

/// The pipelines of some grants: one request each.
fn pipelines<'a>(grants: &'a [Grant<'_>]) -> BTreeSet<&'a str> {
    grants.iter().map(|it| it.pipeline.as_str()).collect()
}

impl Uses {
    /// Everything deployments need, as far as it is there.
    fn resources(&self, known: &Known) -> Vec<Needed> {
        // Where the connection is gated, another YAML must not go around the gates.
        let exact = self.environment.protected;
        let endpoint = known.get(&Of::<ConnectionFact>::new(holder_key(&self.environment)));
        let connection = Needed {
            name: format!("connection {}", self.environment.connection),
            protected: endpoint.map(|it| Protected::Endpoint(it.id)),
            exact,
            ours: self.made_connection,
        };
        let Some(gates) = &self.gates else { return vec![connection] };
        let (target, group) = (&gates.target.name, &gates.group.name);
        let place = known.get(&Of::<TargetFact>::new(target_key(target)));
        let variables = known.get(&Of::<GroupFact>::new(group_key(group)));
        // Others may have good reasons to deploy to an environment that is theirs.
        let ours = place.as_ref().is_none_or(|place| place.ours);
        vec![
            connection,
            Needed {
                name: format!("environment {target}"),
                protected: place.map(|it| Protected::Environment(it.id)),
                exact: exact && ours,
                ours,
            },
            Needed {
                name: format!("variable group {group}"),
                protected: variables.map(|it| Protected::VariableGroup(it.id)),
                exact: false,
                ours: true,
            },
        ]
    }

    fn plan_present(&self, seen: &Seen) -> Change {
        // What is not there is nobody's to permit, and nothing else waits for it.
        let told = |why: &str| match seen.library.missing.as_slice() {
            [] => why.to_owned(),
            missing => format!("{why}; the library shows no {}", missing.join(" and no ")),
        };
        let why = told("exactly the named pipelines may use them");
        let mut change = Change::keep(self.key(), self.title(), &why);
        let (lacking, others) = (seen.lacking(), seen.others());
        if lacking.is_empty() && others.is_empty() {
            return change;
        }
        change.verb = if lacking.is_empty() { Verb::Update } else { Verb::Create };
        change.before = (!others.is_empty()).then(|| json!({ "withdrawn": words(&others) }));
        change.after = (!lacking.is_empty()).then(|| json!({ "granted": words(&lacking) }));
        change.why = told(match (lacking.is_empty(), others.is_empty()) {
            (false, true) => "a deployment would wait for a permission",
            (true, _) => "others may use what only named pipelines are to use: a way around the gates",
            (false, false) => "named pipelines may not use it yet, and others may",
        });
        change.writes = pipelines(&lacking).len() + pipelines(&others).len();
        change.rights = vec!["vso.pipelineresources_manage".to_owned()];
        change.asks.extend(ask_protected(&self.environment));
        let theirs = |name: &String| Ask::Foreign {
            what: format!(
                "the permission of {name} is somebody else's; that pipeline will wait for a person"
            ),
        };
        change.asks.extend(words(&others).iter().map(theirs));
        change
    }

    fn plan_absent(&self, seen: &Seen) -> Change {
        let why = match seen.hidden {
            true => "what cannot be seen is left as it is",
            false => "nothing that keyless permitted is left",
        };
        let mut change = Change::keep(self.key(), self.title(), why);
        let granted = seen.granted();
        if granted.is_empty() {
            return change;
        }
        change.verb = Verb::Delete;
        change.before = Some(json!({ "withdrawn": words(&granted) }));
        change.writes = pipelines(&granted).len();
        "nothing deploys through them any more".clone_into(&mut change.why);
        change.rights = vec!["vso.pipelineresources_manage".to_owned()];
        change.asks.extend(ask_protected(&self.environment));
        change
    }

    /// What of the library is there; none: this is a teardown, which may not see it and leaves it.
    async fn library(&self, named: &Secrets) -> Result<Option<Library>> {
        match secrets::look(&self.devops, &self.project, named).await {
            Err(refused) if !self.present && refused.class == Class::Denied => Ok(None),
            seen => seen.map(Some),
        }
    }

    async fn set(&self, pen: &Pen, grants: &[Grant<'_>], authorized: bool) -> Result<()> {
        for pipeline in pipelines(grants) {
            let of = || grants.iter().filter(|it| it.pipeline == pipeline);
            let there =
                of().filter_map(|it| Some((it.resource.protected.clone()?, it.resource.name.clone())));
            let resources: Vec<(Protected, String)> = there.collect();
            let absent = || Failure::new(Code::DevopsNotFound).with("pipeline", pipeline);
            let id = of().find_map(|it| it.id).ok_or_else(absent)?;
            self.devops.permit(pen, &self.project, &resources, id, authorized).await?;
        }
        Ok(())
    }
}

impl Step for Uses {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        uses_key(&self.environment.name)
    }

    fn title(&self) -> String {
        match self.gates {
            Some(_) => format!("who may deploy to {}", self.environment.name),
            None => format!("who may look at {}", self.environment.owner()),
        }
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        let mut needs = vec![holder_key(&self.environment)];
        if let Some(gates) = &self.gates {
            needs.extend([target_key(&gates.target.name), group_key(&gates.group.name)]);
            // Nobody is let in before the gates stand.
            needs.extend(self.present.then(|| gates_key(&self.environment.name)));
        }
        needs.extend(self.present.then(|| deployment_key(&self.deployment.name)));
        needs
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let all = self.devops.pipelines(&self.project).await?;
        let by_name = |name: &str| all.iter().find(|it| it.name.eq_ignore_ascii_case(name)).map(|it| it.id);
        let deploys = self.deployment.name.as_str();
        // What was just made may be missing in a list.
        let made = known.get(&Of::<DeploymentFact>::new(deployment_key(deploys))).map(|made| made.id);
        let mut seen = Seen { verification: by_name(&self.verification), ..Seen::default() };
        seen.named.push(Named { name: deploys.to_owned(), id: made.or_else(|| by_name(deploys)) });
        for name in &self.deployment.pipelines {
            match by_name(name) {
                Some(id) => seen.named.push(Named { name: name.clone(), id: Some(id) }),
                None => seen.missing.push(name.clone()),
            }
        }
        let mut resources = self.resources(known);
        if let Some(name) = &self.queue {
            let queues = self.devops.queues(&self.project).await?;
            let found = queues.into_iter().find(|queue| queue.name.eq_ignore_ascii_case(name));
            resources.extend(found.map(|it| theirs(format!("queue {}", it.name), Protected::Queue(it.id))));
        }
        if let Some(gates) = self.gates.as_ref().filter(|_| self.present) {
            seen.library = self.library(&gates.secrets).await?.unwrap_or_default();
        }
        let here = self.library(&self.permits).await?;
        seen.hidden = here.is_none();
        let items = here.unwrap_or_default().found.into_iter();
        resources.extend(items.map(|it| theirs(it.words(), it.protected)));
        for Needed { name, protected, exact, ours } in resources {
            let found = match &protected {
                Some(protected) => self.devops.permission(&self.project, protected).await?,
                None => Permission::default(),
            };
            seen.resources.push(Resource { name, protected, found, exact, ours });
        }
        seen.all = all;
        Ok(seen)
    }

    fn report(&self, seen: &Seen) -> Report {
        if !self.present {
            return Report::default();
        }
        let about = |code| Finding::about(&self.environment.name, code);
        let mut findings = Vec::new();
        for other in seen.others() {
            let finding = about(FindingCode::PermissionOthers).with("pipeline", &other.pipeline);
            findings.push(finding.with("resource", &other.resource.name).healed_by(&self.key()));
        }
        let missing = |name: &String| about(FindingCode::DeploymentUnknown).with("pipeline", name);
        findings.extend(seen.missing.iter().map(missing));
        findings.extend(seen.library.findings(&self.environment.name));
        Report { findings, found: seen.library.shown(), ..Report::default() }
    }

    fn plan(&self, seen: &Seen) -> Change {
        if self.present { self.plan_present(seen) } else { self.plan_absent(seen) }
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        if !self.present {
            return self.set(pen, &seen.granted(), false).await;
        }
        self.set(pen, &seen.others(), false).await?;
        self.set(pen, &seen.lacking(), true).await
    }
}
