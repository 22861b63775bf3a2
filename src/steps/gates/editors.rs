//! Who may edit the pipeline that deploys, delete it or change its permissions: told, and narrowed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::deployment::DeploymentFact;
use super::editing::{ACTIONS, Found, Level, above};
use super::people::{Beyond, People, findings, hides};
use super::{deployment_key, editors_key};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::cloud::devops::security::{AccessList, BUILD};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gates::administrators::Expected;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Verb};
use crate::steps::facts::ask_all;

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

/// What a look sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// What is found, or why it cannot be seen; none: the pipeline is not there yet.
    pub found: Option<Result<Found>>,
    /// Who is expected.
    pub expected: Expected,
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
                    change.before = Some(json!({"may edit": found.shown().join(", ")}));
                    let left = found.left(&seen.expected);
                    change.after = Some(json!({"may edit": left.join(", "), "inherits": list.inherit}));
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
            change.after = Some(json!({"may edit": names.join(", "), "besides": besides}));
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
        let about_all = |code| match self.protected.as_slice() {
            [one] => Finding::about(one, code),
            _ => Finding::overall(code),
        };
        let heals = self.people.names_anybody() && self.people.operator.is_some();
        match found {
            Ok(found) => {
                let about =
                    |code| if heals { about_all(code).healed_by(&self.key()) } else { about_all(code) };
                let mut findings = findings(&found.beyond(&seen.expected), &self.words(), about);
                let unknown = found.unknown();
                if !unknown.is_empty() {
                    let why = format!("Azure DevOps does not tell who this is: {}", unknown.join(", "));
                    let finding = about_all(FindingCode::GateAdministratorsUnknown);
                    findings.push(finding.with("on", self.words()).with("why", why));
                }
                Report { findings, found: Some(json!({"may edit": found.shown()})), ..Report::default() }
            }
            Err(failure) => {
                let finding = about_all(FindingCode::GateAdministratorsUnknown);
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
