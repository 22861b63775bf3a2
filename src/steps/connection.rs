//! The service connection of one environment: made for OIDC, or turned to it in place with its id kept.

mod shown;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shown::{differences, shown, shown_whole};

use super::facts::{
    ConnectionFact, RoleFact, access_key_key, ask_owner, ask_protected, connection_key, extension_key,
    role_key, trust_names,
};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::connection::{Connection as Found, WantedConnection};
use crate::domain::diagnose::connection::{self as diagnose, renamed};
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::finding::Finding;
use crate::domain::key::StepKey;
use crate::domain::mark::{FederationId, Owner};
use crate::domain::names::{ConnectionName, EnvironmentName};
use crate::domain::pen::Pen;
use crate::domain::pipeline::{Check, Protected};
use crate::engine::known::{Known, Of, Yields};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Verb};
use crate::plan::link::{Link, LinkState, LinkStatus};

/// Whether the connection is wanted, or is to go.
#[derive(Debug, Clone)]
pub enum Aim {
    /// It must be there.
    Present,
    /// It goes when keyless made it; else its parameters go back to what the journal says.
    Absent {
        /// The connection before keyless changed it, from the journal.
        before: Option<Box<Found>>,
    },
}

/// The connection of one environment.
pub struct Connection {
    /// What is wanted.
    pub wanted: WantedConnection,
    /// The subject of its tokens.
    pub subject: String,
    /// Whether it is wanted at all.
    pub aim: Aim,
    /// Its environment.
    pub environment: Environment,
    /// The federation, to recognise own objects.
    pub federation: FederationId,
    /// The connections of all environments: none of them is another one renamed.
    pub named: Vec<ConnectionName>,
    /// The step that signs in to the account its role is in: nothing is made for an account that is another one. None where
    /// AWS is left out, or where the connection is only looked at.
    pub sign_in: Option<StepKey>,
    /// What must be there before it is turned away from keys; none where it has none, or where that is not this program's care.
    pub before: Vec<StepKey>,
    /// Whether a step of its own tells of the gates: then this one is silent about them.
    pub gated: bool,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
    /// What a missing one may be called now, as the last look before the writes has it.
    pub known_as: KnownAs,
}

/// A connection that may be the missing one under another name.
pub type KnownAs = Mutex<Option<Finding>>;

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The connection.
    pub found: Option<Found>,
    /// Checks on it.
    pub checks: Vec<Check>,
    /// Whether a role still trusts its subject although the connection is to go.
    pub trusted: bool,
    /// Another one that may be this one renamed, where this one is not there.
    pub renamed: Option<Finding>,
}

impl Connection {
    fn owner(&self, found: &Found) -> Owner {
        self.federation.owner_by_description(&found.description)
    }

    /// What is wanted, with the name and (where it is not keyless's own) the description it has. A mark would make it
    /// keyless's to delete.
    fn kept(&self, found: &Found) -> WantedConnection {
        let mut wanted = self.wanted.clone();
        if self.owner(found) != Owner::Ours {
            wanted.description.clone_from(&found.description);
        }
        wanted
    }

    fn ask(&self, found: &Found) -> Vec<Ask> {
        let mut asks: Vec<Ask> = ask_protected(&self.environment).into_iter().collect();
        asks.extend(ask_owner(&self.owner(found), &self.title()));
        if found.shared {
            asks.push(Ask::Foreign { what: format!("{} is shared with other projects", self.title()) });
        }
        asks
    }

    fn plan_present(&self, found: Option<&Found>, renamed: Option<&Finding>) -> Change {
        let Some(found) = found else {
            let mut change = planned(&self.wanted, &self.environment);
            if let Some((other, _)) = renamed.and_then(Finding::pair) {
                let what = format!("connection {other} may be this one renamed, and this makes a second one");
                change.why.push_str("; a connection that may be it has another name now");
                change.asks.push(Ask::Foreign { what });
            }
            return change;
        };
        if self.wanted.by_keys() {
            return Change::keep(
                self.key(),
                self.title(),
                "it keeps its id, and its key is a step of its own",
            );
        }
        let differences = differences(&found.parameters, &self.wanted.parameters());
        if differences.is_empty() {
            return Change::keep(self.key(), self.title(), "it uses OIDC and this role, without keys");
        }
        let mut change = Change::keep(self.key(), self.title(), differences.join("; "));
        change.verb = Verb::Update;
        change.before = Some(shown(&found.parameters));
        change.after = Some(shown(&self.wanted.parameters()));
        change.writes = 1;
        change.rights = vec!["vso.serviceendpoint_manage".to_owned()];
        // The secret key of a connection is never returned, so emptying it cannot be taken back.
        change.reversible = found.parameters.username.is_empty();
        change.asks = self.ask(found);
        change
    }

    fn plan_absent(&self, found: Option<&Found>, before: Option<&Found>) -> Change {
        let keep = |why: &str| Change::keep(self.key(), self.title(), why);
        let Some(found) = found else { return keep("there is none") };
        let mut change = keep("keyless made it");
        change.asks = ask_protected(&self.environment).into_iter().collect();
        change.rights = vec!["vso.serviceendpoint_manage".to_owned()];
        change.before = Some(shown(&found.parameters));
        change.writes = 1;
        if self.owner(found) == Owner::Ours {
            change.verb = Verb::Delete;
            return change;
        }
        let Some(before) = before.filter(|before| before.id == found.id) else {
            return keep("left: keyless did not make it");
        };
        if before.parameters == found.parameters {
            return keep("left: as it was before keyless");
        }
        if !before.parameters.username.is_empty() {
            let mut left = keep("left: it held access keys before, and those cannot be read back");
            left.leftover = Some(format!("{}: {}", self.title(), left.why));
            return left;
        }
        change.why = "keyless changed it: put back as the journal says".to_owned();
        change.verb = Verb::Update;
        change.after = Some(shown(&before.parameters));
        change
    }

    /// What is not as wanted, in words.
    fn differences(&self, found: &Found) -> Vec<String> {
        let (there, wanted) = (&found.parameters, self.wanted.parameters());
        if !self.wanted.by_keys() {
            return differences(there, &wanted);
        }
        let mut differences = Vec::new();
        if there.username.is_empty() {
            differences.push("it holds no access key".to_owned());
        }
        if !there.same_beside_key(&wanted) {
            differences.push("it is another beside its key".to_owned());
        }
        differences
    }

    fn links(&self, seen: &Seen) -> Vec<LinkStatus> {
        let name = &self.environment.name;
        let gates =
            |state, detail: String| (!self.gated).then(|| LinkStatus::new(name, Link::Gates, state, detail));
        let Some(found) = &seen.found else {
            let own = LinkStatus::new(name, Link::Connection, LinkState::Absent, self.wanted.name.as_str());
            return [Some(own), gates(LinkState::Absent, "no connection".to_owned())]
                .into_iter()
                .flatten()
                .collect();
        };
        let differences = self.differences(found);
        let (state, detail) = if found.disabled {
            (LinkState::Failed, format!("{} is disabled", found.name))
        } else if differences.is_empty() {
            (LinkState::Ok, found.name.clone())
        } else if matches!(self.owner(found), Owner::Other { .. }) {
            (LinkState::Foreign, found.name.clone())
        } else {
            (LinkState::Differs, format!("{}: {}", found.name, differences.join("; ")))
        };
        let checks = match seen.checks.as_slice() {
            [] => "none".to_owned(),
            checks => checks.iter().map(|check| check.kind.as_str()).collect::<Vec<_>>().join(", "),
        };
        let own = LinkStatus::new(name, Link::Connection, state, detail);
        [Some(own), gates(LinkState::Ok, checks)].into_iter().flatten().collect()
    }

    fn findings(&self, seen: &Seen) -> Vec<Finding> {
        let Some(found) = &seen.found else {
            return seen.renamed.iter().cloned().collect();
        };
        let (wanted, owner, project) = (&self.wanted, self.owner(found), self.project.id);
        let key = access_key_key(&self.environment).unwrap_or_else(|| self.key());
        diagnose::Found { found, wanted, owner: &owner, project, heal: &key }.findings()
    }

    /// What it may be called now. That is asked once, and not between writes.
    async fn renamed(&self, known: &Known) -> Result<Option<Finding>> {
        if matches!(self.aim, Aim::Absent { .. }) {
            return Ok(None);
        }
        let remembered = || self.known_as.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_applying() {
            return Ok(remembered().clone());
        }
        let all = self.devops.connections(&self.project).await?;
        let found = renamed(&all, &self.wanted, &self.named, &self.federation);
        remembered().clone_from(&found);
        Ok(found)
    }

    async fn create(&self, cx: &Cx, pen: &Pen) -> Result<()> {
        match self.devops.create_connection(pen, &self.project, &self.wanted).await {
            Ok(made) => until_ready(&self.devops, &self.project, cx, made).await.map(drop),
            Err(failure) if failure.class == Class::Conflict => {
                self.devops.forget();
                let there = self.devops.connections(&self.project).await?;
                if there.iter().any(|c| c.name.eq_ignore_ascii_case(self.wanted.name.as_str())) {
                    return Err(failure.class(Class::NotYet));
                }
                Err(Failure::new(Code::ConnectionInvisible).with("connection", &self.wanted.name))
            }
            Err(failure) => Err(failure),
        }
    }
}

impl Step for Connection {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        connection_key(&self.wanted.name)
    }

    fn title(&self) -> String {
        title(&self.wanted)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        match self.aim {
            Aim::Present => {
                let own = std::iter::once(extension_key()).chain(self.sign_in.clone());
                own.chain(self.before.iter().cloned()).collect()
            }
            Aim::Absent { .. } => Vec::new(),
        }
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let found = self.devops.connection_named(&self.project, &self.wanted.name).await?;
        let Some(found) = found else {
            let renamed = self.renamed(known).await?;
            return Ok(Seen { found: None, checks: Vec::new(), trusted: false, renamed });
        };
        if !found.is_aws() {
            return Err(Failure::new(Code::ConnectionWrongType)
                .with("connection", &found.name)
                .with("type", &found.kind));
        }
        let checks = self.devops.checks(&self.project, &Protected::Endpoint(found.id)).await?;
        // By then the role has had its turn. A subject without its connection could be taken by anybody.
        let trusted = matches!(self.aim, Aim::Absent { .. })
            && known.is_applying()
            && known
                .get(&Of::<RoleFact>::new(role_key(&self.environment)))
                .is_some_and(|role| trust_names(&role.trust, &self.subject));
        Ok(Seen { found: Some(found), checks, trusted, renamed: None })
    }

    fn yields(&self, seen: &Seen) -> Yields {
        match &seen.found {
            Some(found) => Yields::some(ConnectionFact {
                id: found.id,
                parameters: found.parameters.clone(),
                disabled: found.disabled,
            }),
            None => Yields::none(),
        }
    }

    fn report(&self, seen: &Seen) -> Report {
        Report {
            links: self.links(seen),
            findings: self.findings(seen),
            handshakes: Vec::new(),
            denials: Vec::new(),
            found: seen.found.as_ref().map(|found| shown_whole(found, &seen.checks)),
        }
    }

    fn plan(&self, seen: &Seen) -> Change {
        match &self.aim {
            Aim::Present => self.plan_present(seen.found.as_ref(), seen.renamed.as_ref()),
            Aim::Absent { before } => {
                let change = self.plan_absent(seen.found.as_ref(), before.as_deref());
                if !seen.trusted || change.verb != Verb::Delete {
                    return change;
                }
                let why =
                    "left: a role still trusts its subject, and whoever made one of that name would get in";
                let mut left = Change::keep(self.key(), self.title(), why);
                left.leftover = Some(format!("{}: {}", self.title(), left.why));
                left
            }
        }
    }

    async fn apply(&self, cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        match (&self.aim, seen.found) {
            (Aim::Present, None) => self.create(cx, pen).await,
            (Aim::Present, Some(found)) => {
                let made =
                    self.devops.update_connection(pen, &self.project, &found, &self.kept(&found)).await?;
                if !made.parameters.username.is_empty() {
                    // The old key with the new role would be neither the old way nor the new one.
                    self.devops.put_back(&pen.closing(), &self.project, &found).await?;
                    return Err(Failure::new(Code::ConnectionKeepsKeys).with("connection", &made.name));
                }
                until_ready(&self.devops, &self.project, cx, made).await.map(drop)
            }
            (Aim::Absent { .. }, None) => Ok(()),
            (Aim::Absent { .. }, Some(found)) if self.owner(&found) == Owner::Ours => {
                self.devops.delete_connection(pen, &self.project, &found).await
            }
            (Aim::Absent { before }, Some(found)) => {
                let Some(before) = before else { return Ok(()) };
                let state = Found { parameters: before.parameters.clone(), ..found };
                self.devops.restore_connection(pen, &self.project, &state).await.map(drop)
            }
        }
    }
}

/// Waits until Azure DevOps, which makes a connection in the background, has it ready; a run refuses one that is not.
///
/// # Errors
/// `ConnectionNotReady`: it could not be made, or not in time. The person stopped it.
pub async fn until_ready(devops: &DevOps, project: &Project, cx: &Cx, mut made: Found) -> Result<Found> {
    let mut pause = Duration::from_millis(250);
    for attempt in 1..=30 {
        if made.ready {
            return Ok(made);
        }
        if let Some(status) = made.status.as_ref().filter(|status| !status.is_empty()) {
            return Err(Failure::new(Code::ConnectionNotReady)
                .with("connection", &made.name)
                .with("answered", status));
        }
        cx.progress("Azure DevOps makes the connection ready", attempt);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = cx.stop.cancelled() => return Err(Failure::new(Code::Stopped)),
        }
        pause = (pause * 2).min(Duration::from_secs(5));
        let Some(now) = devops.connection(project, made.id).await? else { continue };
        made = now;
    }
    Err(Failure::new(Code::ConnectionNotReady)
        .with("connection", &made.name)
        .with("answered", "not ready in time"))
}

fn title(wanted: &WantedConnection) -> String {
    format!("connection {}", wanted.name)
}

/// What is intended where there is no such connection.
pub fn planned(wanted: &WantedConnection, environment: &Environment) -> Change {
    let mut change = Change::keep(connection_key(&wanted.name), title(wanted), "there is no such connection");
    change.verb = Verb::Create;
    change.after = Some(shown(&wanted.parameters()));
    change.writes = 1;
    change.rights = vec!["vso.serviceendpoint_manage".to_owned()];
    change.asks = ask_protected(environment).into_iter().collect();
    change
}
