//! The steps of what stands before deployments: environments, checks, variables, policies, permissions.

use super::build::{Builder, Purpose};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::{Wanted, WantedDeployment};
use crate::domain::federation::{Environment, Secrets};
use crate::domain::gates::{CheckKind, WantedBranch, WantedGates};
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::engine::erased::{Shared, erase};
use crate::engine::step::Step;
use crate::steps::facts::Aim;
use crate::steps::gates::administrators::Administrators;
use crate::steps::gates::checks::Checks;
use crate::steps::gates::deployment::Definition;
use crate::steps::gates::editors::Editors;
use crate::steps::gates::group::Group;
use crate::steps::gates::people::People;
use crate::steps::gates::policy::Policy;
use crate::steps::gates::target::Target;
use crate::steps::gates::uses::Uses;
use crate::steps::repository::repository_key;

type Ends<'a> = (&'a DevOps, &'a Project);

impl Builder<'_> {
    /// What deploys, where this program cares for its gates.
    pub(super) fn gates_wanted(&self) -> Option<&WantedDeployment> {
        let concerned = matches!(
            self.purpose,
            Purpose::Setup | Purpose::Status | Purpose::Doctor | Purpose::Teardown { .. }
        );
        self.blueprint.deployment.as_ref().filter(|_| concerned)
    }

    /// Whether a step tells of the gates of an environment; a read-only access has none.
    pub(super) fn has_gates(&self, environment: &EnvironmentName) -> bool {
        self.gates_wanted().is_some_and(|it| it.gates.iter().any(|gates| gates.environment == *environment))
    }

    /// Adds the gates, where a pipeline that deploys is wanted, and answers the steps after which a handshake is to come: it
    /// must get through branch control.
    pub(super) fn gates(&self, ends: Ends<'_>, steps: &mut Vec<Shared>) -> Vec<StepKey> {
        let Some(deployment) = self.gates_wanted() else {
            return Vec::new();
        };
        let mut before = Vec::new();
        for gates in &deployment.gates {
            let Some(wanted) = self.blueprint.environment(&gates.environment) else { continue };
            let controlled =
                gates.checks.iter().any(|check| check.settings.kind() == CheckKind::BranchControl);
            let checks = self.of_environment(deployment, gates, wanted, ends, steps);
            before.extend(controlled.then_some(checks));
        }
        for wanted in self.blueprint.environments.iter().filter(|it| it.environment.is_reading()) {
            steps.push(erase(self.uses(deployment, None, wanted, ends)));
        }
        steps.push(erase(Definition {
            wanted: deployment.answers.clone(),
            aim: self.shared_aim(),
            made: self.origins.made.holds("pipeline", &deployment.answers.name),
            devops: ends.0.clone(),
            project: ends.1.clone(),
            environments: self.names(),
            protected: self.protected(),
        }));
        // While environments remain, what they share is not this program's to change.
        if self.shared_aim() == Aim::AsItIs {
            return before;
        }
        // What was narrowed for an environment that went earlier, or is protected no longer, is still owed.
        let owed = self.is_teardown() && !self.origins.gifts.lists.is_empty();
        if owed || !self.protected().is_empty() {
            steps.push(erase(self.editors(&deployment.answers.name, ends)));
        }
        if let Some(branch) = &deployment.code {
            steps.push(erase(self.policy(branch, None, ends)));
        }
        if let Some(branch) = &deployment.verification {
            let source = repository_key(&self.blueprint.verification);
            steps.push(erase(self.policy(branch, Some(source), ends)));
        }
        before
    }

    /// What every environment shares stays while one of them remains.
    fn shared_aim(&self) -> Aim {
        match self.purpose {
            Purpose::Teardown { whole: true } => Aim::Absent,
            Purpose::Teardown { whole: false } => Aim::AsItIs,
            _ => Aim::Present,
        }
    }

    /// Adds the gates of one environment, and answers the step of its checks.
    fn of_environment(
        &self,
        deployment: &WantedDeployment,
        gates: &WantedGates,
        wanted: &Wanted,
        (devops, project): Ends<'_>,
        steps: &mut Vec<Shared>,
    ) -> StepKey {
        let environment: &Environment = &wanted.environment;
        let present = !self.is_teardown();
        steps.push(erase(Target {
            wanted: gates.target.clone(),
            aim: if present { Aim::Present } else { Aim::Absent },
            environment: environment.clone(),
            federation: self.blueprint.id.clone(),
            devops: devops.clone(),
            project: project.clone(),
        }));
        steps.push(erase(Group {
            wanted: gates.group.clone(),
            present,
            environment: environment.clone(),
            federation: self.blueprint.id.clone(),
            devops: devops.clone(),
            project: project.clone(),
        }));
        let checks = Checks {
            wanted: gates.clone(),
            present,
            made: self.origins.made.ids("checks/create"),
            pipeline: matches!(self.purpose, Purpose::Status | Purpose::Doctor)
                .then(|| deployment.answers.name.clone()),
            environment: environment.clone(),
            verification: deployment.verification.clone(),
            devops: devops.clone(),
            project: project.clone(),
        };
        let key = checks.key();
        steps.push(erase(checks));
        let owed = self.is_teardown() && !self.origins.gifts.roles.is_empty();
        if owed || environment.protected {
            steps.push(erase(self.administrators(gates, environment, (devops, project))));
        }
        steps.push(erase(self.uses(deployment, Some(gates), wanted, (devops, project))));
        key
    }

    /// Who may use what deployments need; without gates it is a read-only access, which has a connection and nothing else.
    fn uses(
        &self,
        deployment: &WantedDeployment,
        gates: Option<&WantedGates>,
        wanted: &Wanted,
        (devops, project): Ends<'_>,
    ) -> Uses {
        Uses {
            deployment: deployment.answers.clone(),
            gates: gates.cloned(),
            permits: self.permits(&wanted.environment),
            present: !self.is_teardown(),
            made_connection: self.origins.made.holds("connection", wanted.environment.connection.as_str()),
            queue: self.queue_of(deployment, &wanted.environment),
            verification: self.blueprint.verification.pipeline.clone(),
            environment: wanted.environment.clone(),
            devops: devops.clone(),
            project: project.clone(),
        }
    }

    /// What of the library is permitted with this environment: the first one that names something permits it for all, and a
    /// teardown leaves what remaining environments name too.
    fn permits(&self, environment: &Environment) -> Secrets {
        let mut secrets = environment.secrets.clone();
        let all = self.blueprint.environments.iter().map(|wanted| &wanted.environment);
        for earlier in all.take_while(|other| other.name != environment.name) {
            secrets.forget(&earlier.secrets);
        }
        if self.is_teardown() {
            let goes = |name: &EnvironmentName| self.blueprint.environment(name).is_some();
            let all = self.surveyed.federation.environments.iter();
            for other in all.filter(|other| !goes(&other.name)) {
                secrets.forget(&other.secrets);
            }
        }
        secrets
    }

    /// The queue all deployments share: the first environment's step permits it for all of them.
    fn queue_of(&self, deployment: &WantedDeployment, environment: &Environment) -> Option<String> {
        let first = self.blueprint.environments.first()?;
        let surveyed = self.surveyed.queue.as_ref().ok().map(|queue| queue.name.clone());
        let queue = deployment.answers.queue.clone().or(surveyed);
        let shared = self.shared_aim() != Aim::AsItIs;
        queue.filter(|_| shared && first.environment.name == environment.name)
    }

    /// Who may administer what guards one protected environment.
    fn administrators(
        &self,
        gates: &WantedGates,
        environment: &Environment,
        (devops, project): Ends<'_>,
    ) -> Administrators {
        let operator = self.blueprint.grounds.operator.clone();
        Administrators {
            gates: gates.clone(),
            people: People::of(std::iter::once(environment), operator),
            present: !self.is_teardown(),
            given: self.origins.gifts.roles.clone(),
            made_connection: self.origins.made.holds("connection", environment.connection.as_str()),
            environment: environment.clone(),
            devops: devops.clone(),
            project: project.clone(),
            met: Default::default(),
        }
    }

    /// Who may edit the pipeline: those who may administer any protected environment of the federation, chosen or not, as
    /// there is one pipeline for all of them.
    fn editors(&self, pipeline: &str, (devops, project): Ends<'_>) -> Editors {
        let all = self.surveyed.federation.environments.iter();
        let operator = self.blueprint.grounds.operator.clone();
        Editors {
            pipeline: pipeline.to_owned(),
            people: People::of(all.filter(|environment| environment.protected), operator),
            present: !self.is_teardown(),
            made: self.origins.made.holds("pipeline", pipeline),
            given: self.origins.gifts.lists.clone(),
            protected: self.protected(),
            devops: devops.clone(),
            project: project.clone(),
            was_absent: Default::default(),
        }
    }

    fn policy(&self, branch: &WantedBranch, before: Option<StepKey>, (devops, project): Ends<'_>) -> Policy {
        Policy {
            wanted: branch.clone(),
            present: !self.is_teardown(),
            made: self.origins.made.ids("policies/create"),
            own: before.is_some() && self.blueprint.verification.foreign_branch.is_none(),
            verification: self.blueprint.verification.repository.clone(),
            before,
            devops: devops.clone(),
            project: project.clone(),
            environments: self.names(),
            protected: self.protected(),
        }
    }
}
