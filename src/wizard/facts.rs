//! What each page shows before it asks.

use super::defaults::shown_branches;
use super::deploy::Deploy;
use super::model::Model;
use super::page::{Fact, Field, Key, PageId};
use crate::domain::federation::{Authentication, Federation};
use crate::domain::names::EnvironmentName;

impl Model {
    pub(super) fn facts(&self, id: &PageId) -> Vec<Fact> {
        let own = self.own_facts(id);
        self.shell_facts(id).into_iter().chain(own).collect()
    }

    /// What is wrong with the keys in the environment, before the first question.
    fn shell_facts(&self, id: &PageId) -> Option<Fact> {
        let problem = self.discovery.shell_keys.ready()?.as_ref()?;
        let first = self.pages().first() == Some(id);
        first.then(|| {
            Fact::line(format!("The AWS keys of this shell (AWS_ACCESS_KEY_ID) do not work: {problem}"))
        })
    }

    fn own_facts(&self, id: &PageId) -> Vec<Fact> {
        match id {
            PageId::SignIn => self.sign_in.facts(),
            PageId::Organization | PageId::Project => self.organization_facts(),
            PageId::Profiles => self.profile_facts(),
            PageId::Environment(name) => self.environment_facts(name),
            PageId::Pipeline => self.people_facts(),
            PageId::Save => self.save_facts(),
            PageId::Review => self.review_facts(),
            PageId::Done => self.ending(),
            _ => Vec::new(),
        }
    }

    /// What Azure DevOps lets the person do was found out while the page before was answered.
    fn profile_facts(&self) -> Vec<Fact> {
        let missing = self.discovery.verification.ready().map(|found| &found.missing_rights[..]);
        let mut facts: Vec<Fact> = missing
            .unwrap_or_default()
            .iter()
            .map(|scope| Fact::new("missing in Azure DevOps", scope, "asked with your sign-in"))
            .collect();
        if self.discovery.profiles().is_empty() {
            let text = match self.discovery.profiles.failed() {
                Some(reason) => format!("The AWS configuration could not be read: {reason}"),
                None if !self.sso_sessions().is_empty() => {
                    "The AWS configuration has no profiles: accounts of its SSO sessions can be chosen."
                        .to_owned()
                }
                None => "The AWS configuration has no profiles: environments are named on the next page."
                    .to_owned(),
            };
            facts.push(Fact::line(text));
        }
        facts
    }

    fn organization_facts(&self) -> Vec<Fact> {
        let Some(found) = self.discovery.organization.ready() else { return Vec::new() };
        let mut facts =
            vec![Fact::new("organisation", format!("{} ({})", found.name, found.id), "Azure DevOps")];
        if let Some(operator) = &found.operator {
            facts.push(Fact::new("signed in as", operator, "Azure DevOps"));
        }
        facts
    }

    fn environment_facts(&self, name: &EnvironmentName) -> Vec<Fact> {
        let fact = |key: Key| {
            let default = self.default(&key)?;
            // What nearly everybody has is not worth a line, nor what is left empty.
            let usual =
                key.field == Field::Authentication && default.value.line() == Authentication::WORDS[0];
            let empty = matches!(key.field, Field::SourceIp | Field::Deploy(Deploy::Others));
            if usual || (empty && default.value.line().is_empty()) {
                return None;
            }
            let question = self.question(&key);
            let value = match key.field {
                Field::Branches => shown_branches(&default.value.line()),
                _ => default.value.line(),
            };
            Some(Fact::new(&question.label, value, default.source))
        };
        self.detail_keys(name).into_iter().filter_map(fact).collect()
    }

    fn save_facts(&self) -> Vec<Fact> {
        let names: Vec<String> = self.environment_names().iter().map(ToString::to_string).collect();
        let mut facts = vec![Fact::new("environments", names.join(", "), "")];
        facts.extend(self.deployment_facts());
        if let Some(Ok(path)) =
            self.saved.as_ref().filter(|_| self.is_saved()).and_then(|saved| saved.result.as_ref())
        {
            facts.push(Fact::new("saved", path, ""));
        }
        let gone = |base: &Federation| {
            let left = base.environments.iter().map(|environment| &environment.name);
            left.filter(|name| !self.environment_names().contains(name))
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let gone = self.base.as_ref().filter(|_| !self.is_saved()).map(gone).unwrap_or_default();
        if !gone.is_empty() {
            let source = "with all that stands about it in the file; its objects in the clouds stay";
            facts.push(Fact::new("taken out of the file", gone.join(", "), source));
        }
        facts
    }

    fn review_facts(&self) -> Vec<Fact> {
        let Some(review) = self.review() else { return Vec::new() };
        let mut facts = Vec::new();
        if let Some(ended) = self.ended().filter(|ended| ended.stale) {
            facts.push(Fact::line("The clouds changed since the last plan was made; this is a new one."));
            facts.extend(ended.lines.iter().map(Fact::line));
        }
        facts.extend(review.lines.iter().map(Fact::line));
        facts.extend(review.blocked.iter().map(|what| Fact::new("cannot be planned", what, "")));
        facts.extend(review.out_of_reach.iter().map(|why| Fact::line(format!("{why}."))));
        if review.is_settled() {
            let text = match review.blocked.is_empty() {
                true => "Nothing is to do: everything is as the answers want it.",
                false => "Nothing can be done before that is healed.",
            };
            facts.push(Fact::line(text));
        } else {
            let ordered =
                self.environment_names().iter().filter(|name| review.environments.contains_key(name));
            let names: Vec<&str> = ordered.map(EnvironmentName::as_str).collect();
            facts.push(Fact::new("changes", format!("{} requests that change a cloud", review.writes), ""));
            facts.push(Fact::new("environments", names.join(", "), ""));
        }
        facts
    }

    fn ending(&self) -> Vec<Fact> {
        if let Some(ended) = self.ended() {
            return ended.lines.iter().map(Fact::line).collect();
        }
        let mut facts = Vec::new();
        if self.review().is_some_and(super::review::Review::is_settled) {
            facts.push(Fact::line("Nothing was to do."));
        } else {
            facts.push(Fact::line("Nothing was changed in Azure DevOps or AWS."));
            let flags = &self.start.flags;
            facts.push(Fact::line(format!(
                "`keyless{flags} setup` asks again; `keyless{flags} plan` shows the plan."
            )));
        }
        facts
    }
}
