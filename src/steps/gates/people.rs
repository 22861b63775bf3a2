//! Who is expected to administer what guards deployments: names of `keyless.toml`, looked up.

use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::failure::{Class, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gates::administrators::{Excess, Expected};
use crate::domain::gates::check::Identity;
use crate::domain::grounds::Operator;

/// Those who are named, and those who approve.
#[derive(Debug, Clone, Default)]
pub struct People {
    /// Whom `keyless.toml` names as administrators; empty: nobody, and it is only told who may.
    pub administrators: Vec<String>,
    /// Whom it names as approvers, once for each environment with an approval; empty: the project's default team.
    pub approvers: Vec<Vec<String>>,
    /// Who is signed in; none: Azure DevOps did not tell.
    pub operator: Option<Operator>,
}

impl People {
    /// Those of some environments together.
    pub fn of<'a>(environments: impl Iterator<Item = &'a Environment>, operator: Option<Operator>) -> Self {
        let mut people = Self { operator, ..Self::default() };
        for environment in environments {
            let gates = &environment.gates;
            people.administrators.extend_from_slice(&gates.administrators);
            if gates.approval.unwrap_or(environment.protected) || gates.connection_approval {
                people.approvers.push(gates.approvers.clone());
            }
        }
        people
    }

    /// Whether anybody is named: then others are narrowed.
    pub fn names_anybody(&self) -> bool {
        !self.administrators.is_empty()
    }

    /// Looks everybody up.
    ///
    /// # Errors
    /// `Answers`: a name is nobody's, or more than one's. Azure DevOps refuses or does not answer.
    pub async fn expected(&self, devops: &DevOps, project: &Project) -> Result<Expected> {
        let mut named = Vec::new();
        for name in &self.administrators {
            named.push(devops.identity(project, name).await.map_err(as_administrator)?);
        }
        let mut approvers = Vec::new();
        for names in &self.approvers {
            for name in names {
                approvers.push(devops.identity(project, name).await?);
            }
            if names.is_empty() {
                approvers.push(devops.default_team(project).await?);
            }
        }
        Ok(Expected {
            organization: project.organization.to_string(),
            project: project.name.to_string(),
            named: self.names_anybody().then_some(named),
            approvers,
            operator: self.operator.as_ref().map(identity),
        })
    }
}

/// The operator, as roles name somebody.
fn identity(operator: &Operator) -> Identity {
    Identity { id: operator.id, name: operator.name.clone() }
}

/// A name that is looked up is told by the key it stands under.
fn as_administrator(mut failure: Failure) -> Failure {
    for evidence in failure.evidence.iter_mut().filter(|evidence| evidence.label == "approver") {
        "administrator".clone_into(&mut evidence.label);
    }
    failure
}

/// Whether a failed look tells that nothing may be seen: then it is unknown who may, and that is said.
pub fn hides(failure: &Failure) -> bool {
    matches!(failure.class, Class::Denied | Class::NotFound)
}

/// Somebody who may and is not expected to, and where that comes from, in words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Beyond {
    /// Why not.
    pub excess: Excess,
    /// `[payments]\Contributors (inherited from project payments; everybody who works in the project)`.
    pub words: String,
}

/// The findings about one object: those who may beyond the expected, the worse kind first.
pub fn findings(beyond: &[Beyond], on: &str, about: impl Fn(FindingCode) -> Finding) -> Vec<Finding> {
    let code = |excess: Excess| match excess {
        Excess::Wide | Excess::Approver | Excess::Unnamed => FindingCode::GateAdministrators,
        Excess::Other => FindingCode::GateAdministratorsOthers,
    };
    let mut found = Vec::new();
    for kind in [FindingCode::GateAdministrators, FindingCode::GateAdministratorsOthers] {
        let who: Vec<&str> =
            beyond.iter().filter(|one| code(one.excess) == kind).map(|one| one.words.as_str()).collect();
        if !who.is_empty() {
            found.push(about(kind).with("on", on).with("who", who.join(", ")));
        }
    }
    found
}
