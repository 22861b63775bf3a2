//! Which questions stand on each page.

use super::deploy::Deploy;
use super::model::Model;
use super::page::{Field, Key, Page, PageId, Value};
use super::welcome::Goal;
use crate::domain::federation::Authentication;
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
                "A role may do what its preset names; more can be given in keyless.toml at any time.",
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
