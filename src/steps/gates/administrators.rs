//! Who may administer the connection and the environment of Azure DevOps of a protected environment: told, and narrowed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::people::{Beyond, People, findings, hides};
use super::target::TargetFact;
use super::{administrators_key, gates_key, target_key, uses_key};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gates::administrators::{Expected, Narrowing, Roles};
use crate::domain::gates::check::Identity;
use crate::domain::gates::given::{Given, Returned};
use crate::domain::gates::target::{Administered, RoleAssignment};
use crate::domain::gates::{Gated, WantedGates};
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Verb};
use crate::steps::facts::{ConnectionFact, ask_protected, holder_key};

/// Who may administer what guards one environment.
pub struct Administrators {
    /// The environment's gates: what they stand on.
    pub gates: WantedGates,
    /// Who is to.
    pub people: People,
    /// Whether it is looked after; false: what keyless changed is given back.
    pub present: bool,
    /// What the journal says keyless changed.
    pub given: BTreeMap<Administered, Given>,
    /// Whether keyless made the connection: then it goes, with its roles.
    pub made_connection: bool,
    /// The environment.
    pub environment: Environment,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
    /// What this run has met.
    pub met: Mutex<Met>,
}

/// What a run has met on its way.
#[derive(Debug, Default)]
pub struct Met {
    /// What was not there when it was planned: nobody could see then who would inherit what.
    absent: BTreeSet<Gated>,
    /// What was inherited before it ended that.
    ended: BTreeMap<Administered, Vec<RoleAssignment>>,
    /// Where it let roles of the project hold again.
    inherits: BTreeSet<Administered>,
}

/// One object that is administered.
#[derive(Debug, Clone)]
pub struct Object {
    /// What it is.
    pub on: Gated,
    /// The object; none: it is not there yet.
    pub place: Option<Administered>,
    /// The roles on it, or why they cannot be seen.
    pub roles: Result<Roles>,
    /// Whether it was not there when the run was planned.
    pub fresh: bool,
    /// Whether keyless made it.
    pub ours: bool,
}

/// What a look sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The connection and the environment of Azure DevOps.
    pub objects: Vec<Object>,
    /// Who is expected to administer them.
    pub expected: Expected,
}

/// What is to be given back on one object.
struct Returning<'a> {
    object: &'a Object,
    place: Administered,
    inherits: bool,
    roles: Vec<Returned>,
}

impl Object {
    fn narrowing(&self, expected: &Expected) -> Narrowing {
        self.roles.as_ref().map(|roles| roles.narrowing(expected)).unwrap_or_default()
    }
}

impl Administrators {
    fn met(&self) -> std::sync::MutexGuard<'_, Met> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a role comes from, in words.
    fn source(&self, row: &RoleAssignment) -> String {
        match row.inherited {
            true => format!("inherited from project {}", self.project.name),
            false => "set on it".to_owned(),
        }
    }

    async fn roles(&self, place: Administered) -> Result<Roles> {
        let found = self.devops.role_assignments(&self.project, place).await?;
        let met = self.met().ended.get(&place).cloned();
        let owed = match met {
            Some(ended) if !found.iter().any(|row| row.inherited) => {
                let own = |who: &Identity| found.iter().any(|row| row.who.id == who.id);
                ended.into_iter().filter(|row| !own(&row.who)).collect()
            }
            _ => self.given.get(&place).map(|given| given.owed(&found)).unwrap_or_default(),
        };
        let roles = Roles { found, owed };
        // Without the right to see them there are none, and something without an administrator there is not.
        if roles.administrators().next().is_none() {
            return Err(Failure::new(Code::DevopsDenied)
                .with("attempted", "read who administers it")
                .with("found", "Azure DevOps names no administrator"));
        }
        Ok(roles)
    }

    async fn object(&self, on: Gated, place: Option<Administered>, ours: bool) -> Result<Object> {
        let fresh = match place {
            None => {
                self.met().absent.insert(on.clone());
                true
            }
            Some(_) => self.met().absent.contains(&on),
        };
        let roles = match place {
            None => Ok(Roles::default()),
            Some(place) => match self.roles(place).await {
                Err(failure) if !hides(&failure) => return Err(failure),
                seen => seen,
            },
        };
        Ok(Object { on, place, roles, fresh, ours })
    }

    /// Those who may and are not expected to.
    fn beyond(&self, roles: &Roles, expected: &Expected) -> Vec<Beyond> {
        let told = |row: &RoleAssignment| {
            let excess = expected.excess(&row.who)?;
            let words = format!("{} ({}; {})", row.who.name, self.source(row), excess.words());
            Some(Beyond { excess, words })
        };
        roles.administrators().filter_map(told).collect()
    }

    fn plan_present(&self, seen: &Seen) -> Change {
        let keep = |why: &str| Change::keep(self.key(), self.title(), why);
        if !self.people.names_anybody() {
            return keep("keyless.toml names no administrators: nothing is taken from anybody");
        }
        if seen.expected.operator.is_none() {
            return keep("Azure DevOps does not tell who is signed in: nobody is narrowed");
        }
        let hidden = seen.objects.iter().any(|object| object.roles.is_err());
        let why = if hidden { "what cannot be seen is left as it is" } else { "only those expected may" };
        let mut change = keep(why);
        let absent = seen.objects.iter().any(|object| object.place.is_none());
        let narrowed: Vec<(&Object, Narrowing)> = seen
            .objects
            .iter()
            .map(|object| (object, object.narrowing(&seen.expected)))
            .filter(|(_, narrowing)| !narrowing.is_empty())
            .collect();
        if narrowed.is_empty() && !absent {
            return change;
        }
        let (mut before, mut after) = (Map::new(), Map::new());
        change.verb = Verb::Update;
        for (object, narrowing) in narrowed.iter().filter(|(object, _)| !object.fresh) {
            let Ok(roles) = &object.roles else { continue };
            let words = object.on.words();
            let beyond = self.beyond(roles, &seen.expected);
            let ask = |one: &Beyond| Ask::Foreign {
                what: format!("{} may administer {words} no longer", one.words),
            };
            change.asks.extend(beyond.iter().map(ask));
            before.insert(words.clone(), json!({"administrators": self.shown(roles).join(", ")}));
            let inherits = roles.inherits() && !narrowing.breaks;
            after.insert(
                words,
                json!({"administrators": roles.left(&seen.expected).join(", "), "inherits": inherits}),
            );
            change.writes += narrowing.writes();
        }
        // Of what this run makes nobody knows yet who will inherit what: the approved is who will be left.
        for object in seen.objects.iter().filter(|object| object.fresh) {
            after.insert(object.on.words(), self.foreseen(&seen.expected));
            change.writes += 1;
        }
        change.before = (!before.is_empty()).then_some(Value::Object(before));
        change.after = Some(Value::Object(after));
        "whoever administers it can take its gates away; only those named are to".clone_into(&mut change.why);
        change.rights = vec!["vso.security_manage".to_owned()];
        change.asks.extend(ask_protected(&self.environment));
        change
    }

    /// Who will be left to administer what is still to be made.
    fn foreseen(&self, expected: &Expected) -> Value {
        let mut names: Vec<&str> =
            expected.wanted().chain(&expected.operator).map(|who| who.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        json!({"administrators": names, "besides": format!("administrators of project {}", self.project.name)})
    }

    fn shown(&self, roles: &Roles) -> Vec<String> {
        let words = |row: &RoleAssignment| format!("{} ({})", row.who.name, self.source(row));
        roles.administrators().map(words).collect()
    }

    /// What keyless changed on objects that stay.
    fn returning<'a>(&self, seen: &'a Seen) -> Vec<Returning<'a>> {
        let stays = seen.objects.iter().filter(|object| !object.ours);
        let returning = stays.filter_map(|object| {
            let (Some(place), Ok(roles)) = (object.place, &object.roles) else { return None };
            let given = self.given.get(&place)?;
            let inherits = given.inherits_again(roles) && !self.met().inherits.contains(&place);
            let mut back = given.returned(roles);
            // Who gives the others their roles back is the last to lose an own one.
            let operator = self.people.operator.as_ref().map(|operator| operator.id);
            back.sort_by_key(|one| Some(one.found.who.id) == operator);
            (inherits || !back.is_empty()).then_some(Returning { object, place, inherits, roles: back })
        });
        returning.collect()
    }

    fn plan_absent(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "keyless changed none that stays");
        let returning = self.returning(seen);
        if returning.is_empty() {
            return change;
        }
        change.verb = Verb::Update;
        let (mut before, mut after) = (Map::new(), Map::new());
        for one in &returning {
            let now: BTreeMap<&str, &str> =
                one.roles.iter().map(|it| (it.found.who.name.as_str(), it.found.role.as_str())).collect();
            let then: BTreeMap<&str, &str> = one
                .roles
                .iter()
                .map(|it| (it.found.who.name.as_str(), it.before.as_deref().unwrap_or("inherited")))
                .collect();
            before.insert(one.object.on.words(), json!({"roles": now, "inherits": !one.inherits}));
            after.insert(one.object.on.words(), json!({"roles": then, "inherits": true}));
            change.writes += usize::from(one.inherits) + one.roles.len();
        }
        change.before = Some(Value::Object(before));
        change.after = Some(Value::Object(after));
        "keyless narrowed it, and it was there before keyless".clone_into(&mut change.why);
        change.rights = vec!["vso.security_manage".to_owned()];
        change.asks.extend(ask_protected(&self.environment));
        change
    }

    async fn give_back(&self, pen: &Pen, seen: &Seen) -> Result<()> {
        let (devops, project) = (&self.devops, &self.project);
        for one in self.returning(seen) {
            let words = one.object.on.words();
            let on = (one.place, words.as_str());
            if one.inherits {
                devops.inherit_roles(pen, project, on, true, &[]).await?;
                self.met().inherits.insert(one.place);
            }
            for Returned { found, before } in &one.roles {
                match before {
                    Some(role) => {
                        devops.set_role(pen, project, on, (&found.who, role), Some(found)).await?;
                    }
                    None => devops.remove_role(pen, project, on, found).await?,
                }
            }
        }
        Ok(())
    }

    async fn narrow(
        &self,
        pen: &Pen,
        (place, on): (Administered, &str),
        roles: &Roles,
        narrowing: &Narrowing,
    ) -> Result<()> {
        let (devops, project) = (&self.devops, &self.project);
        let own = |who: &Identity| roles.found.iter().find(|row| !row.inherited && row.who.id == who.id);
        for (who, role) in &narrowing.first {
            devops.set_role(pen, project, (place, on), (who, role), own(who)).await?;
        }
        if narrowing.breaks {
            let is_set = |who: &Identity| narrowing.first.iter().any(|(known, _)| known.id == who.id);
            let inherited = roles.found.iter().filter(|row| row.inherited && !is_set(&row.who));
            let inherited: Vec<RoleAssignment> = inherited.cloned().collect();
            self.met().ended.insert(place, inherited.clone());
            devops.inherit_roles(pen, project, (place, on), false, &inherited).await?;
        }
        for (who, role) in &narrowing.then {
            devops.set_role(pen, project, (place, on), (who, role), own(who)).await?;
        }
        Ok(())
    }
}

impl Step for Administrators {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        administrators_key(&self.environment.name)
    }

    fn title(&self) -> String {
        format!("who may administer what guards {}", self.environment.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![holder_key(&self.environment), target_key(&self.gates.target.name)]
    }

    fn after(&self) -> Vec<StepKey> {
        // Nobody loses a right before everything that needs one is done.
        vec![gates_key(&self.environment.name), uses_key(&self.environment.name)]
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let endpoint = known.get(&Of::<ConnectionFact>::new(holder_key(&self.environment)));
        let target = known.get(&Of::<TargetFact>::new(target_key(&self.gates.target.name)));
        let connection = Gated::Connection(self.environment.connection.clone());
        let environment = Gated::Environment(self.gates.target.name.clone());
        let ours = target.as_ref().is_some_and(|target| target.ours);
        let objects = vec![
            self.object(connection, endpoint.map(|it| Administered::Connection(it.id)), self.made_connection)
                .await?,
            self.object(environment, target.map(|it| Administered::Environment(it.id)), ours).await?,
        ];
        let expected = match self.present {
            true => self.people.expected(&self.devops, &self.project).await?,
            false => Expected::default(),
        };
        Ok(Seen { objects, expected })
    }

    fn report(&self, seen: &Seen) -> Report {
        if !self.present {
            return Report::default();
        }
        let heals = self.people.names_anybody() && seen.expected.operator.is_some();
        let about = |code| {
            let finding = Finding::about(&self.environment.name, code);
            if heals { finding.healed_by(&self.key()) } else { finding }
        };
        let mut found = Vec::new();
        let mut shown = Map::new();
        for object in seen.objects.iter().filter(|object| object.place.is_some()) {
            let on = object.on.words();
            match &object.roles {
                Ok(roles) => {
                    found.extend(findings(&self.beyond(roles, &seen.expected), &on, about));
                    shown.insert(on, json!(self.shown(roles)));
                }
                Err(failure) => {
                    let code = FindingCode::GateAdministratorsUnknown;
                    let finding = Finding::about(&self.environment.name, code);
                    found.push(finding.with("on", &on).with("why", failure));
                    shown.insert(on, Value::Null);
                }
            }
        }
        Report { findings: found, found: Some(Value::Object(shown)), ..Report::default() }
    }

    fn plan(&self, seen: &Seen) -> Change {
        if self.present { self.plan_present(seen) } else { self.plan_absent(seen) }
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        if !self.present {
            return self.give_back(pen, &seen).await;
        }
        for object in &seen.objects {
            let (Some(place), Ok(roles)) = (object.place, &object.roles) else { continue };
            let narrowing = object.narrowing(&seen.expected);
            self.narrow(pen, (place, &object.on.words()), roles, &narrowing).await?;
        }
        Ok(())
    }
}
