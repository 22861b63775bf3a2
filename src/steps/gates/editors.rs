//! Who may edit the pipeline that deploys, delete it or change its permissions: told, and narrowed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::deployment::DeploymentFact;
use super::people::{Beyond, People, findings, hides};
use super::{deployment_key, editors_key};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::cloud::devops::security::{Access, AccessList, BUILD};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gates::administrators::Expected;
use crate::domain::gates::check::Identity;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Verb};
use crate::steps::facts::ask_all;

/// Actions of the namespace `Build` that lead around the gates, and how they are told.
const ACTIONS: [(&str, &str); 3] = [
    ("EditBuildDefinition", "edit"),
    ("DeleteBuildDefinition", "delete"),
    ("AdministerBuildPermissions", "change permissions of"),
];

/// Who may edit the pipeline that deploys.
pub struct Editors {
    /// Its name.
    pub pipeline: String,
    /// Who is to: those of all protected environments together.
    pub people: People,
    /// Whether it is looked after; false: what keyless changed is given back.
    pub present: bool,
    /// Whether keyless made the pipeline: then it goes, with its access list.
    pub made: bool,
    /// Access lists that the journal says keyless changed, before and after, by token.
    pub given: BTreeMap<String, (Value, Value)>,
    /// The protected environments it deploys to.
    pub protected: Vec<EnvironmentName>,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
    /// Whether it was not there when this run was planned.
    pub was_absent: AtomicBool,
}

/// One access list on the way from the pipeline up to its project.
#[derive(Debug, Clone)]
pub struct Level {
    /// `project payments`, `folder \deploy`; none: the pipeline itself.
    pub above: Option<String>,
    /// The list.
    pub list: AccessList,
}

/// Who may do what, as found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The pipeline's token.
    pub token: String,
    /// The pipeline's own list; none: it has none.
    pub own: Option<AccessList>,
    /// Its own and those it inherits from, in this order.
    pub levels: Vec<Level>,
    /// Who is who, by descriptor in small letters, with the descriptor itself.
    pub names: BTreeMap<String, (String, Identity)>,
    /// The bit of each of [`ACTIONS`].
    pub bits: [i64; 3],
}

/// What a look sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// What is found, or why it cannot be seen; none: the pipeline is not there yet.
    pub found: Option<Result<Found>>,
    /// Who is expected.
    pub expected: Expected,
}

impl Found {
    fn guarded(&self) -> i64 {
        self.bits.iter().fold(0, |all, bit| all | bit)
    }

    fn who(&self, descriptor: &str) -> Identity {
        let known = self.names.get(&descriptor.to_lowercase());
        known
            .map(|(_, who)| who.clone())
            .unwrap_or_else(|| Identity { id: uuid::Uuid::nil(), name: descriptor.to_owned() })
    }

    /// Everybody named on any level.
    fn descriptors(&self) -> BTreeSet<&str> {
        self.levels.iter().flat_map(|level| level.list.entries.keys()).map(String::as_str).collect()
    }

    /// What somebody may and may not do: what is set nearer to the pipeline wins, there a deny.
    fn effective(&self, descriptor: &str) -> Access {
        let mut sum = Access::default();
        for entry in self.levels.iter().filter_map(|level| level.list.entries.get(descriptor)) {
            let deny = entry.deny & !sum.allow;
            sum.allow |= entry.allow & !entry.deny & !sum.deny;
            sum.deny |= deny;
        }
        sum
    }

    /// Where the guarded rights somebody has come from, in words.
    fn source(&self, descriptor: &str) -> String {
        let has = self.effective(descriptor).allow & self.guarded();
        let gives =
            |level: &&Level| level.list.entries.get(descriptor).is_some_and(|entry| entry.allow & has != 0);
        match self.levels.iter().find(gives).and_then(|level| level.above.as_deref()) {
            Some(above) => format!("inherited from {above}"),
            None => "set on it".to_owned(),
        }
    }

    /// Whether any of the guarded rights somebody has comes from above.
    fn inherits(&self, descriptor: &str) -> bool {
        let own = self.own.as_ref().and_then(|own| own.entries.get(descriptor));
        self.effective(descriptor).allow & self.guarded() & !own.map_or(0, |own| own.allow) != 0
    }

    /// Everybody who may lead around the gates: descriptor, who, and what they may.
    fn editors(&self) -> Vec<(&str, Identity, String)> {
        let all = self.descriptors().into_iter();
        let may = all.filter_map(|descriptor| {
            let allow = self.effective(descriptor).allow;
            let words: Vec<&str> = ACTIONS
                .iter()
                .zip(self.bits)
                .filter(|(_, bit)| allow & bit != 0)
                .map(|((_, words), _)| *words)
                .collect();
            (!words.is_empty()).then(|| (descriptor, self.who(descriptor), words.join(", ")))
        });
        may.collect()
    }

    fn beyond(&self, expected: &Expected) -> Vec<Beyond> {
        let told = |(descriptor, who, rights): (&str, Identity, String)| {
            let excess = expected.excess(&who)?;
            let source = self.source(descriptor);
            let words = format!("{} ({rights}; {source}; {})", who.name, excess.words());
            Some(Beyond { excess, words })
        };
        self.editors().into_iter().filter_map(told).collect()
    }

    /// The pipeline's own list, so that only those expected are left; none: they are. Other rights stay as they are, also
    /// where nothing is inherited any more. `operator`: the descriptor of who is signed in.
    fn narrowed(&self, expected: &Expected, operator: &str) -> Option<AccessList> {
        let signed_in = expected.narrows()?;
        let guarded = self.guarded();
        let editors = self.editors();
        let goes: Vec<&str> = editors
            .iter()
            .filter(|(_, who, _)| expected.excess(who).is_some())
            .map(|(descriptor, ..)| *descriptor)
            .collect();
        let of = |id: uuid::Uuid| self.names.values().find(|(_, who)| who.id == id);
        let lacking: Vec<String> = expected
            .wanted()
            .filter(|who| who.id != signed_in.id && !editors.iter().any(|(_, known, _)| known.id == who.id))
            .filter_map(|who| of(who.id).map(|(descriptor, _)| descriptor.clone()))
            .collect();
        if goes.is_empty() && lacking.is_empty() {
            return None;
        }
        let breaks = goes.iter().any(|descriptor| self.inherits(descriptor));
        let mut list = self.own.clone().unwrap_or(AccessList { inherit: true, entries: BTreeMap::new() });
        if breaks {
            let all = self.descriptors().into_iter();
            list.entries = all.map(|who| (who.to_owned(), self.effective(who))).collect();
            list.inherit = false;
        }
        for descriptor in goes {
            if let Some(entry) = list.entries.get_mut(descriptor) {
                entry.allow &= !guarded;
            }
        }
        for descriptor in lacking.iter().map(String::as_str).chain([operator]) {
            let known = list.entries.keys().find(|key| key.eq_ignore_ascii_case(descriptor)).cloned();
            let entry = list.entries.entry(known.unwrap_or_else(|| descriptor.to_owned())).or_default();
            entry.allow |= guarded;
            entry.deny &= !guarded;
        }
        list.entries.retain(|_, entry| entry.allow != 0 || entry.deny != 0);
        Some(list)
    }

    /// Names of those who may once it is narrowed, sorted.
    fn left(&self, expected: &Expected) -> Vec<String> {
        let editors = self.editors();
        let stay = editors.iter().map(|(_, who, _)| who).filter(|who| expected.excess(who).is_none());
        let all = stay.chain(expected.wanted()).chain(&expected.operator);
        let mut names: Vec<String> = all.map(|who| who.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    fn shown(&self) -> Vec<String> {
        let words = |(descriptor, who, rights): (&str, Identity, String)| {
            format!("{} ({rights}; {})", who.name, self.source(descriptor))
        };
        self.editors().into_iter().map(words).collect()
    }
}

/// The tokens above a pipeline, the nearest first, each in words: its folders, then its project.
fn above(project: &Project, folder: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = folder.split('\\').filter(|part| !part.is_empty()).collect();
    let folders = (1..=parts.len()).rev().map(|count| {
        let token = format!("{}/{}", project.id, parts[..count].join("/"));
        (token, format!("folder \\{}", parts[..count].join("\\")))
    });
    folders.chain([(project.id.to_string(), format!("project {}", project.name))]).collect()
}

impl Editors {
    fn words(&self) -> String {
        format!("pipeline {}", self.pipeline)
    }

    async fn found(&self, id: i64, expected: &Expected) -> Result<Found> {
        let (devops, project) = (&self.devops, &self.project);
        let pipelines = devops.pipelines(project).await?;
        let folder = pipelines.iter().find(|it| it.id == id).map(|it| it.folder.as_str()).unwrap_or_default();
        let mut tokens = above(project, folder);
        let token = tokens.first().map(|(nearest, _)| format!("{nearest}/{id}")).unwrap_or_default();
        tokens.insert(0, (token.clone(), String::new()));
        let mut found = Found { token, ..Found::default() };
        let namespace = devops.namespace(BUILD).await?;
        for (bit, (action, _)) in found.bits.iter_mut().zip(ACTIONS) {
            *bit = namespace.actions.get(action).copied().unwrap_or_default();
        }
        for (token, words) in tokens {
            let list = devops.access_list(BUILD, &token).await?;
            if words.is_empty() {
                found.own.clone_from(&list);
            }
            let inherits = list.as_ref().is_none_or(|list| list.inherit);
            let above = (!words.is_empty()).then_some(words);
            found.levels.extend(list.map(|list| Level { above, list }));
            if !inherits {
                break;
            }
        }
        let mut descriptors: Vec<String> = found.descriptors().into_iter().map(str::to_owned).collect();
        // Without the right to see them there are none, and a pipeline nobody may edit there is not.
        if descriptors.is_empty() || found.guarded() == 0 {
            return Err(Failure::new(Code::DevopsDenied)
                .with("attempted", "read who may edit it")
                .with("found", "Azure DevOps names nobody"));
        }
        descriptors.sort();
        let names = devops.identities_of(&descriptors).await?;
        let missing = expected.wanted().filter(|who| !names.values().any(|known| known.id == who.id));
        let missing: Vec<_> = missing.map(|who| who.id).collect();
        let more = devops.descriptors_of(&missing).await?;
        let all = names.into_iter().chain(more);
        found.names = all.map(|(key, who)| (key.to_lowercase(), (key, who))).collect();
        Ok(found)
    }

    fn plan_present(&self, seen: &Seen) -> Change {
        let keep = |why: &str| Change::keep(self.key(), self.title(), why);
        if !self.people.names_anybody() {
            return keep("keyless.toml names no administrators: nothing is taken from anybody");
        }
        let Some(operator) = &self.people.operator else {
            return keep("Azure DevOps does not tell who is signed in: nobody is narrowed");
        };
        let fresh = self.was_absent.load(Ordering::Relaxed);
        let mut change = keep("");
        match &seen.found {
            Some(Err(_)) => return keep("what cannot be seen is left as it is"),
            Some(Ok(found)) => {
                let Some(list) = found.narrowed(&seen.expected, &operator.descriptor) else {
                    return keep("only those expected may");
                };
                if !fresh {
                    let ask = |one: Beyond| Ask::Foreign {
                        what: format!("{} may edit {} no longer", one.words, self.words()),
                    };
                    change.asks.extend(found.beyond(&seen.expected).into_iter().map(ask));
                    change.before = Some(json!({"may edit": found.shown()}));
                    let left = found.left(&seen.expected);
                    change.after = Some(json!({"may edit": left, "inherits": list.inherit}));
                }
            }
            None => {}
        }
        if fresh {
            let all = seen.expected.wanted().chain(&seen.expected.operator);
            let mut names: Vec<&str> = all.map(|who| who.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let besides = format!("administrators of project {}", self.project.name);
            change.after = Some(json!({"may edit": names, "besides": besides}));
        }
        change.verb = Verb::Update;
        change.writes = 1;
        "whoever edits it can have anything run with what it may use; only those named are to"
            .clone_into(&mut change.why);
        change.rights = vec!["vso.security_manage".to_owned()];
        change.asks.extend(ask_all(&self.protected));
        change
    }

    /// The pipeline's list before keyless changed it, where it is still as keyless left it. None: nothing is given back.
    fn returned(&self, seen: &Seen) -> Option<Option<AccessList>> {
        let Some(Ok(found)) = &seen.found else { return None };
        let (before, after) = self.given.get(&found.token).filter(|_| !self.made)?;
        let after: AccessList = serde_json::from_value(after.clone()).ok()?;
        (found.own.as_ref() == Some(&after))
            .then(|| serde_json::from_value(before.clone()).unwrap_or_default())
    }

    fn plan_absent(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "keyless changed nothing that stays");
        let Some(before) = self.returned(seen) else { return change };
        change.verb = Verb::Update;
        change.before = Some(json!({"inherits": false}));
        change.after = Some(json!({"inherits": before.is_none_or(|before| before.inherit)}));
        change.writes = 1;
        "keyless narrowed it, and it was there before keyless".clone_into(&mut change.why);
        change.rights = vec!["vso.security_manage".to_owned()];
        change.asks.extend(ask_all(&self.protected));
        change
    }

    async fn give_back(&self, pen: &Pen, seen: &Seen) -> Result<()> {
        let (Some(Ok(found)), Some(before)) = (&seen.found, self.returned(seen)) else { return Ok(()) };
        let (Some(own), token, words) = (&found.own, &found.token, self.words()) else { return Ok(()) };
        match before {
            Some(before) => self.devops.set_access_list(pen, BUILD, token, Some(own), &before, &words).await,
            None => self.devops.remove_access_list(pen, BUILD, token, own, &words).await,
        }
    }
}

impl Step for Editors {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        editors_key(&self.pipeline)
    }

    fn title(&self) -> String {
        format!("who may edit pipeline {}", self.pipeline)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.protected.clone()
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![deployment_key(&self.pipeline)]
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let expected = match self.present {
            true => self.people.expected(&self.devops, &self.project).await?,
            false => Expected::default(),
        };
        let fact = known.get(&Of::<DeploymentFact>::new(deployment_key(&self.pipeline)));
        let Some(fact) = fact else {
            self.was_absent.store(true, Ordering::Relaxed);
            return Ok(Seen { found: None, expected });
        };
        let found = match self.found(fact.id, &expected).await {
            Err(failure) if !hides(&failure) => return Err(failure),
            seen => seen,
        };
        Ok(Seen { found: Some(found), expected })
    }

    fn report(&self, seen: &Seen) -> Report {
        let Some(found) = seen.found.as_ref().filter(|_| self.present) else { return Report::default() };
        let about = |code| match self.protected.as_slice() {
            [one] => Finding::about(one, code),
            _ => Finding::overall(code),
        };
        let heals = self.people.names_anybody() && self.people.operator.is_some();
        match found {
            Ok(found) => {
                let about = |code| if heals { about(code).healed_by(&self.key()) } else { about(code) };
                Report {
                    findings: findings(&found.beyond(&seen.expected), &self.words(), about),
                    found: Some(json!({"may edit": found.shown()})),
                    ..Report::default()
                }
            }
            Err(failure) => {
                let finding = about(FindingCode::GateAdministratorsUnknown);
                let finding = finding.with("on", self.words()).with("why", failure);
                Report { findings: vec![finding], ..Report::default() }
            }
        }
    }

    fn plan(&self, seen: &Seen) -> Change {
        if self.present { self.plan_present(seen) } else { self.plan_absent(seen) }
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        if !self.present {
            return self.give_back(pen, &seen).await;
        }
        let (Some(Ok(found)), Some(operator)) = (&seen.found, &self.people.operator) else { return Ok(()) };
        let Some(list) = found.narrowed(&seen.expected, &operator.descriptor) else { return Ok(()) };
        let (token, words) = (&found.token, self.words());
        self.devops.set_access_list(pen, BUILD, token, found.own.as_ref(), &list, &words).await
    }
}
