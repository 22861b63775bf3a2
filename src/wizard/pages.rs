//! Which questions and facts stand on each page.

use super::defaults::shown_branches;
use super::deploy::Deploy;
use super::discovery::{Discovery, Slot};
use super::model::Model;
use super::page::{Fact, Field, Key, Page, PageId, Value};
use super::welcome::Goal;
use crate::domain::federation::{Authentication, Federation};
use crate::domain::names::EnvironmentName;

impl Model {
    pub(super) fn page_of(&self, id: &PageId) -> Page {
        let (title, why) = self.title(id);
        let questions = self.keys_of(id).iter().map(|key| self.question(key)).collect();
        Page {
            id: id.clone(),
            edition: match (id, &self.reviewed) {
                (PageId::SignIn, _) => self.sign_in.edition(),
                (PageId::Review, Some(reviewed)) => reviewed.generation,
                (PageId::Profiles, _) => self.sso_edition(),
                _ => 0,
            },
            number: self.stage(id),
            of: self.stage(&PageId::Done),
            title,
            why,
            facts: self.facts(id),
            questions,
            waiting: self.waiting(id),
            pending: self.pending(id),
            problem: self.page_problem(id),
            retry: self.can_retry(id),
        }
    }

    fn title(&self, id: &PageId) -> (String, String) {
        let cloud = self.cloud();
        let (title, why) = match id {
            PageId::Welcome => (
                "keyless".to_owned(),
                "Azure DevOps pipelines deploy to AWS without access keys: keyless sets it up and proves it.",
            ),
            PageId::SignIn => (
                "Sign in to Azure DevOps".to_owned(),
                "Signed in, keyless looks at the project and sets up its connections with your own rights.",
            ),
            PageId::Organization => (
                format!("Azure DevOps organisation{cloud}"),
                "Every token of a pipeline names its organisation; AWS trusts exactly that.",
            ),
            PageId::Project => {
                ("Project".to_owned(), "Service connections, and so the tokens, belong to one project.")
            }
            PageId::Verification => (
                "Place of the verification pipeline".to_owned(),
                "keyless proves each environment with a small pipeline, and cannot tell where to put it.",
            ),
            PageId::Profiles => (
                format!("AWS accounts{cloud}"),
                "Each environment is one account and region that pipelines deploy to.",
            ),
            PageId::Names => (
                "Names of the environments".to_owned(),
                "An environment is called by one short name everywhere.",
            ),
            PageId::Pipeline => (
                "Deployments".to_owned(),
                "keyless can also look after what comes next: the pipeline that deploys, and who must agree before it does.",
            ),
            PageId::Environment(name) if self.goal() == Goal::Rotate => (
                format!("Environment {name}"),
                "The service connection must be the one that holds access keys now: the plan empties it of them.",
            ),
            PageId::Environment(name) => (
                format!("Environment {name}"),
                "Everything for it follows from these values; nothing is made before you approve the plan.",
            ),
            PageId::Preset => (
                "Rights".to_owned(),
                "Roles begin with the least; more can be given in keyless.toml at any time.",
            ),
            PageId::Save => ("Keep the answers".to_owned(), "The answers are complete."),
            PageId::Review => (
                "Review".to_owned(),
                "This is everything keyless would do; it does exactly what you approve.",
            ),
            PageId::Run => ("Run".to_owned(), "The approved plan is being carried out."),
            PageId::Done => ("Done".to_owned(), "That is all."),
        };
        (title, why.to_owned())
    }

    /// The questions of a page, in order.
    pub(super) fn keys_of(&self, id: &PageId) -> Vec<Key> {
        match id {
            PageId::Welcome => [Field::Cloud, Field::Goal].map(Key::of).to_vec(),
            PageId::SignIn => self.sign_in_keys(),
            // Without a discovered id only a person who asked for AWS alone can go on.
            PageId::Organization
                if self.start.ask_azure_devops && self.discovery.organization.ready().is_none() =>
            {
                vec![Key::of(Field::Organization)]
            }
            PageId::Organization => vec![Key::of(Field::Organization), Key::of(Field::OrganizationId)],
            PageId::Project => vec![Key::of(Field::Project)],
            PageId::Verification => {
                let queue = self.asks_for_queue().then_some(Field::Queue);
                let repository = self.asks_for_repository().then_some(Field::Repository);
                queue.into_iter().chain(repository).map(Key::of).collect()
            }
            // Without any profile there is nothing to choose.
            PageId::Profiles if self.account_options().choices.is_empty() => Vec::new(),
            PageId::Profiles => vec![Key::of(Field::Profiles)],
            PageId::Names => {
                let profiles = self.chosen().iter().map(|(profile, _)| profile.clone());
                let names = profiles.map(|profile| Key::of(Field::Name { profile }));
                names.chain([Key::of(Field::More)]).collect()
            }
            PageId::Pipeline => self.pipeline_keys(),
            PageId::Environment(name) => self.environment_keys(name),
            PageId::Preset => vec![Key::of(Field::Preset)],
            PageId::Save => match self.is_saved() {
                true => Vec::new(),
                false => vec![Key::of(Field::Save)],
            },
            PageId::Review => self.review_keys(),
            PageId::Run | PageId::Done => Vec::new(),
        }
    }

    /// What must be answered first, then whether to go through the rest, then the rest.
    fn environment_keys(&self, name: &EnvironmentName) -> Vec<Key> {
        let details = self.detail_keys(name);
        let needed = |key: &&Key| {
            let typed = self.answers.contains_key(key);
            // Which connection holds the keys, and who approves, nobody but the person knows.
            let unsure = self.goal() == Goal::Rotate && key.field == Field::Connection
                || key.field == Field::Deploy(Deploy::Approvers);
            (!typed && (unsure || self.computed(key).is_none()))
                || self.problem(key).is_some()
                || self.hindered.contains_key(key)
        };
        let mut keys: Vec<Key> = details.iter().filter(needed).cloned().collect();
        let adjust = Key::at(name, Field::Adjust);
        let all = self.flag(&adjust) == Some(true);
        keys.push(adjust);
        if all {
            let rest: Vec<Key> = details.into_iter().filter(|key| !keys.contains(key)).collect();
            keys.extend(rest);
        }
        keys
    }

    /// Every setting of an environment that the wizard asks about. A role to assume comes after the account it is in.
    pub fn detail_keys(&self, name: &EnvironmentName) -> Vec<Key> {
        let form = self.text(Some(name), Field::SignIn).unwrap_or_default();
        let (before, after): (&[Field], &[Field]) = match form.as_str() {
            "profile" => (&[Field::Profile], &[]),
            "sso" => (&[Field::SsoSession, Field::PermissionSet], &[]),
            "assume-role" => (&[Field::From], &[Field::AssumeRole]),
            _ => (&[], &[]),
        };
        let home = [Field::Account, Field::Region];
        let [_, and_role, alone] = Authentication::WORDS;
        let word = self.text(Some(name), Field::Authentication).unwrap_or_default();
        let by_key: &[Field] = match word.as_str() {
            word if word == and_role => &[Field::User, Field::SourceIp],
            word if word == alone => &[Field::User],
            _ => &[],
        };
        // With nothing but a key there is no role.
        let role = (word != alone).then_some(Field::Role);
        let middle = [Field::Connection, Field::Branches, Field::Protected];
        let last = [Field::Preset, Field::Authentication];
        let deploys = self.deploy_fields(name);
        let rest = role.into_iter().chain(middle).chain(deploys).chain(last).chain(by_key.iter().cloned());
        let fields = [Field::SignIn].into_iter().chain(before.iter().cloned()).chain(home);
        fields.chain(after.iter().cloned()).chain(rest).map(|field| Key::at(name, field)).collect()
    }

    /// The questions of a page, with all settings of an environment whether they are shown or not.
    pub(super) fn all_keys_of(&self, id: &PageId) -> Vec<Key> {
        let mut keys = self.keys_of(id);
        if let PageId::Environment(name) = id {
            keys.extend(self.detail_keys(name));
        }
        keys
    }

    fn review_keys(&self) -> Vec<Key> {
        let Some(review) = self.review() else { return Vec::new() };
        let hand_over = review.out_of_reach.is_some().then(|| Key::of(Field::HandOver));
        if review.is_settled() || self.is_handing_over() {
            return hand_over.into_iter().collect();
        }
        let foreign = review.foreign.keys().map(|step| Key::of(Field::Foreign { step: step.clone() }));
        let protected =
            self.environment_names().iter().filter(|name| review.environments.get(name) == Some(&true));
        let confirm = protected.map(|name| Key::at(name, Field::Confirm));
        let subjects = review.subjects.keys().map(|step| Key::of(Field::Subject { step: step.clone() }));
        let asked = hand_over.into_iter().chain(foreign).chain(subjects).chain(confirm);
        asked.chain([Key::of(Field::Approve)]).collect()
    }

    /// Whether the side that cannot be set up from here is to be left to somebody else: another plan comes first.
    pub(super) fn is_handing_over(&self) -> bool {
        let offered = self.review().is_some_and(|review| review.out_of_reach.is_some());
        offered && self.flag(&Key::of(Field::HandOver)) == Some(true)
    }

    fn facts(&self, id: &PageId) -> Vec<Fact> {
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

    fn waiting(&self, id: &PageId) -> Option<String> {
        let slot = |loading: bool, text: String| loading.then_some(text);
        let organization = self.organization().map(|name| name.to_string()).unwrap_or_default();
        match id {
            PageId::Welcome => self.opening_words(),
            PageId::SignIn => self.sign_in.waiting(),
            PageId::Organization => slot(
                self.discovery.organization.is_loading(),
                format!("Azure DevOps is asked for the id of {organization}"),
            ),
            PageId::Project => slot(
                self.discovery.projects.is_loading(),
                format!("Azure DevOps is asked for the projects of {organization}"),
            ),
            PageId::Verification => slot(
                self.discovery.verification.is_loading(),
                "Azure DevOps is asked for agent queues and repositories".to_owned(),
            ),
            PageId::Profiles if self.sso_waiting().is_some() => self.sso_waiting(),
            PageId::Profiles | PageId::Names => {
                slot(self.discovery.profiles.is_loading(), "The AWS configuration is read".to_owned())
            }
            PageId::Save => {
                let writing = self.saved.as_ref().is_some_and(|saved| saved.result.is_none());
                slot(writing, format!("{} is written", self.start.file))
            }
            PageId::Review => {
                let made = self.reviewed.as_ref().is_some_and(|reviewed| reviewed.result.is_none());
                slot(made, "Azure DevOps and AWS are looked at, to make the plan".to_owned())
            }
            PageId::Run => slot(self.ended().is_none(), "The plan is being carried out".to_owned()),
            _ => None,
        }
    }

    fn pending(&self, id: &PageId) -> Option<String> {
        if self.discovery.shell_keys.is_loading() && self.pages().first() == Some(id) {
            return Some("AWS is asked whether the keys of this shell work".to_owned());
        }
        let sessions: Vec<&str> = self.sso_loading().filter(|_| *id == PageId::Profiles).collect();
        if !sessions.is_empty() {
            return Some(format!("IAM Identity Center is asked for the accounts of {}", sessions.join(", ")));
        }
        if *id == PageId::Pipeline {
            return self.deployments_pending();
        }
        let asked: Vec<&str> = match id {
            PageId::Profiles => self.loading_profiles().collect(),
            PageId::Environment(name) if self.is_approved(name) && self.discovery.people.is_loading() => {
                return self.deployments_pending();
            }
            PageId::Environment(name) => {
                let profile = self.text(Some(name), Field::Profile);
                self.loading_profiles().filter(|loading| profile.as_deref() == Some(*loading)).collect()
            }
            _ => Vec::new(),
        };
        (!asked.is_empty()).then(|| format!("AWS is asked who it is: {}", asked.join(", ")))
    }

    fn loading_profiles(&self) -> impl Iterator<Item = &str> {
        let identities = self.discovery.identities.iter();
        identities.filter(|(_, slot)| slot.is_loading()).map(|(profile, _)| profile.as_str())
    }

    fn page_problem(&self, id: &PageId) -> Option<String> {
        match id {
            PageId::Welcome => self.opening_problem().map(str::to_owned),
            PageId::SignIn => match self.sign_in.failed() {
                None if self.sign_in.is_lost() => self.azure_devops_failed().map(str::to_owned),
                failed => failed.map(str::to_owned),
            },
            PageId::Organization => {
                self.discovery.organization.failed().map(|reason| match self.sign_in.is_lost() {
                    true => format!("{reason}; go on to sign in, or name another organisation"),
                    false => reason.to_owned(),
                })
            }
            PageId::Project => match self.discovery.projects.ready() {
                Some(projects) if projects.is_empty() => Some(
                    "this token can see no project: check its scopes, or go back and give another".to_owned(),
                ),
                _ => self.discovery.projects.failed().map(str::to_owned),
            },
            PageId::Profiles => self.sso_problem(),
            PageId::Save => self.saved.as_ref()?.result.as_ref()?.as_ref().err().cloned(),
            PageId::Review => self.reviewed.as_ref()?.result.as_ref()?.as_ref().err().cloned(),
            _ => None,
        }
    }

    fn can_retry(&self, id: &PageId) -> bool {
        let failed = |slot: Option<&str>| slot.is_some();
        match id {
            PageId::Welcome => failed(self.opening_problem()),
            PageId::SignIn => failed(self.sign_in.failed()),
            PageId::Organization => failed(self.discovery.organization.failed()),
            PageId::Project => failed(self.discovery.projects.failed()),
            PageId::Profiles => {
                failed(self.discovery.profiles.failed())
                    || self.discovery.identities.values().any(|slot| failed(Slot::failed(slot)))
                    || self.discovery.sso.values().any(|slot| failed(Slot::failed(slot)))
            }
            PageId::Pipeline => self.deploys() && failed(self.people_failed()),
            PageId::Save | PageId::Review => self.page_problem(id).is_some(),
            _ => false,
        }
    }

    /// Why Azure DevOps could not be asked.
    fn azure_devops_failed(&self) -> Option<&str> {
        let Discovery { organization, projects, verification, .. } = &self.discovery;
        organization.failed().or(projects.failed()).or(verification.failed())
    }

    /// Whether the queue must be asked for: several, and none of them is the hosted one.
    pub(super) fn asks_for_queue(&self) -> bool {
        let Some(found) = self.discovery.verification.ready() else { return false };
        found.queues.len() > 1 && !found.queues.iter().any(|(_, hosted)| *hosted)
    }

    /// Whether an existing repository must be chosen: none can be made, and the usual one is not there.
    pub(super) fn asks_for_repository(&self) -> bool {
        let Some(found) = self.discovery.verification.ready() else { return false };
        let wanted = match &self.base {
            Some(base) if base.verification.branch.is_none() => base.verification.repository.as_str(),
            Some(_) => return false,
            None => crate::domain::federation::defaults::VERIFICATION,
        };
        found.may_create_repository == Some(false)
            && !found.repositories.iter().any(|name| name.eq_ignore_ascii_case(wanted))
    }

    /// Whether the present answers stand in the file.
    pub(super) fn is_saved(&self) -> bool {
        let Some(saved) = &self.saved else { return false };
        matches!(saved.result, Some(Ok(_))) && self.federation().as_ref() == Ok(&saved.federation)
    }

    /// The environments whose changes may be carried out: the protected ones only when their name was typed.
    pub(super) fn released(&self) -> Vec<EnvironmentName> {
        let Some(review) = self.review() else { return Vec::new() };
        let typed = |name: &EnvironmentName| {
            let answer = self.answers.get(&Key::at(name, Field::Confirm));
            answer.is_some_and(|given| given.value == Value::text(name.as_str()))
        };
        review
            .environments
            .iter()
            .filter(|(name, protected)| !**protected || typed(name))
            .map(|(name, _)| name.clone())
            .collect()
    }
}
