//! Before a connection is switched: which key it had is noted in the clouds, and what the switch would break is looked for.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Turned, mark_key};
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::connection::Connection;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::StepKey;
use crate::domain::names::{ConnectionName, EnvironmentName, OrganizationName};
use crate::domain::pen::Pen;
use crate::domain::role::WantedRole;
use crate::domain::rotation::{Mark as Tag, Pointer, REPLACES, marks, names_user, untrusted};
use crate::domain::user::ResourcePolicies;
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Gate, Verb};
use crate::steps::facts::{RoleFact, ask_protected, role_key, sign_in_key};

/// What is noted of one connection's key, and whether it may be switched.
pub struct Mark {
    /// The environment.
    pub environment: Environment,
    /// Its role.
    pub role: WantedRole,
    /// The connection's name.
    pub connection: ConnectionName,
    /// The key.
    pub turned: Turned,
    /// The sign-in to the key's account.
    pub owner: StepKey,
    /// The client of the key's account.
    pub of_key: Result<Aws>,
    /// The client of the environment.
    pub of_role: Result<Aws>,
    /// Steps that must have been taken before the switch: pipelines whose sessions are too short.
    pub before: Vec<StepKey>,
    /// The organisation, for the subjects of other projects.
    pub organization: OrganizationName,
    /// Whether the connection is to assume the role, whose tag then points to the key; else it goes on with keys.
    pub points: bool,
    /// The client of Azure DevOps.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The connection; none: it is gone.
    connection: Option<Connection>,
    /// The user's ARN and tags; none: it is gone.
    user: Option<(String, BTreeMap<String, String>)>,
    /// The role's tag that points to the key.
    pointer: Option<String>,
    /// Policies of resources that name the user.
    named_by: Vec<String>,
    /// What could not be read, and why.
    unread: Vec<String>,
    /// Subjects of other projects that share the connection and are not trusted.
    untrusted: Vec<String>,
}

impl Mark {
    fn holds(&self, seen: &Seen) -> bool {
        seen.connection.as_ref().is_some_and(|found| found.parameters.username == self.turned.key)
    }

    fn tag(&self, found: &Connection) -> Tag {
        let role = Some(found.parameters.assume_role_arn.clone()).filter(|role| !role.is_empty());
        let external =
            Some(found.parameters.external_id.clone()).filter(|id| role.is_some() && !id.is_empty());
        Tag { key: self.turned.key.clone(), connection: found.id, role, external, since: None, left: false }
    }

    /// The role's tag that points to a key, as it is.
    async fn pointed(&self) -> Result<Option<String>> {
        let aws = self.of_role.as_ref().map_err(Clone::clone)?;
        Ok(aws.role_tags(&self.role.arn.name).await?.and_then(|mut tags| tags.remove(REPLACES)))
    }

    fn pointer(&self) -> Pointer {
        let Turned { key, account, user } = &self.turned;
        Pointer { key: key.clone(), account: account.to_string(), user: user.clone(), waits: None }
    }

    /// The tags that are still to be written: of the user, and of the role.
    fn missing(&self, seen: &Seen) -> (Option<(String, String)>, Option<String>) {
        let Some(found) = &seen.connection else { return (None, None) };
        let tag = self.tag(found);
        let there = seen.user.as_ref().is_some_and(|(_, tags)| {
            marks(tags)
                .iter()
                .any(|mark| mark.key == tag.key && mark.connection == tag.connection && !mark.left)
        });
        let points = seen.pointer.as_deref().and_then(Pointer::read);
        let points = !self.points || points.is_some_and(|pointer| pointer.key == self.turned.key);
        ((!there).then(|| tag.tag()), (!points).then(|| self.pointer().value()))
    }

    /// What forbids the switch.
    fn gate(&self, seen: &Seen) -> Option<Gate> {
        let reason = if !seen.named_by.is_empty() {
            format!(
                "policies of {} to name role {} as they name user {}",
                seen.named_by.join(", "),
                self.role.arn,
                self.turned.user
            )
        } else if !seen.untrusted.is_empty() {
            format!(
                "the trust of role {} to admit {}, for connection {} is shared; or for the end of the sharing",
                self.role.arn.name,
                seen.untrusted.join(", "),
                self.connection
            )
        } else {
            return None;
        };
        Some(Gate { reason, until: None })
    }
}

impl Step for Mark {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        mark_key(&self.connection)
    }

    fn title(&self) -> String {
        format!("note of access key {} of {}", self.turned.key, self.turned.user)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        let own = [sign_in_key(&self.environment), self.owner.clone()];
        let role = self.points.then(|| role_key(&self.environment));
        own.into_iter().chain(role).chain(self.before.iter().cloned()).collect()
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let aws = self.of_key.as_ref().map_err(Clone::clone)?;
        let connection = self.devops.connection_named(&self.project, &self.connection).await?;
        let role = known.get(&Of::<RoleFact>::new(role_key(&self.environment)));
        let user = aws.user(&self.turned.user).await?;
        let mut seen = Seen {
            pointer: if self.points { self.pointed().await? } else { None },
            user: user.map(|user| (user.arn, user.tags)),
            connection,
            named_by: Vec::new(),
            unread: Vec::new(),
            untrusted: Vec::new(),
        };
        // Who goes on with keys stays the same user: nothing that names it breaks.
        if !self.points || !self.holds(&seen) {
            return Ok(seen);
        }
        if let Some(connection) = &seen.connection {
            let place = (&self.organization, self.project.id);
            let trust = role.as_ref().map(|role| &role.trust);
            seen.untrusted = untrusted(connection, place, &self.role.expected(), trust);
        }
        let policies: ResourcePolicies = aws.resource_policies().await;
        if let Some((arn, _)) = &seen.user {
            let named = policies.readable().filter(|(_, policy)| names_user(policy, arn));
            seen.named_by = named.map(|(resource, _)| resource.to_owned()).collect();
        }
        let unread = policies.unreadable();
        seen.unread = unread.map(|(what, why)| format!("{what} ({})", why.code.text())).collect();
        Ok(seen)
    }

    fn report(&self, seen: &Seen) -> Report {
        let about = |code| {
            Finding::about(&self.environment.name, code)
                .with("connection", &self.connection)
                .with("user", &self.turned.user)
                .with("role", &self.role.arn)
        };
        let mut findings = Vec::new();
        if !seen.named_by.is_empty() {
            findings.push(about(FindingCode::RotationNamed).with("resources", seen.named_by.join(", ")));
        }
        if !seen.unread.is_empty() {
            findings.push(about(FindingCode::RotationUnread).with("resources", seen.unread.join(", ")));
        }
        if !seen.untrusted.is_empty() {
            findings.push(about(FindingCode::RotationShared).with("subjects", seen.untrusted.join(", ")));
        }
        Report { findings, ..Report::default() }
    }

    fn plan(&self, seen: &Seen) -> Change {
        if !self.holds(seen) {
            return Change::keep(self.key(), self.title(), "the connection does not hold the key any more");
        }
        if let Some(gate) = self.gate(seen) {
            return Change::wait(self.key(), self.title(), gate);
        }
        let (tag, pointer) = self.missing(seen);
        if tag.is_none() && pointer.is_none() {
            return Change::keep(self.key(), self.title(), "it is noted");
        }
        let why = "whoever goes on, on any machine, must know which key the connection had";
        let mut change = Change::keep(self.key(), self.title(), why);
        change.verb = Verb::Update;
        change.writes = usize::from(tag.is_some()) + usize::from(pointer.is_some());
        change.after = Some(json!({
            "user": tag.map(|(key, value)| json!({ key: value })),
            "role": pointer.map(|value| json!({ REPLACES: value })),
        }));
        change.rights = vec!["iam:TagUser".to_owned(), "iam:TagRole".to_owned()];
        change.asks = ask_protected(&self.environment).into_iter().collect();
        change.asks.push(Ask::Foreign { what: format!("user {} was not made by keyless", self.turned.user) });
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let (tag, pointer) = self.missing(&seen);
        if let Some(tag) = tag {
            if seen.user.is_none() {
                return Err(Failure::new(Code::AwsNotFound).with("user", &self.turned.user));
            }
            let aws = self.of_key.as_ref().map_err(Clone::clone)?;
            aws.tag_user(pen, &self.turned.user, &[tag]).await?;
        }
        if let Some(pointer) = pointer {
            let aws = self.of_role.as_ref().map_err(Clone::clone)?;
            let before = seen.pointer.iter().map(|value| (REPLACES.to_owned(), value.clone())).collect();
            aws.tag(pen, &self.role.arn, &before, &BTreeMap::from([(REPLACES.to_owned(), pointer)])).await?;
        }
        Ok(())
    }
}
