//! Answers by question, and the federation they make.

use uuid::Uuid;

use super::deploy::{self, Deploy};
use super::model::Model;
use super::naming;
use super::page::{Default, Field, Key, Value};
use crate::domain::federation::{
    Authentication, Deployment, Environment, Federation, SignIn, Verification, defaults,
};
use crate::domain::issuer::AUDIENCE;
use crate::domain::names::{BranchPattern, EnvironmentName, IpRange, OrganizationName, RepositoryName};

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Typed,
    File,
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

impl Given {
    pub(super) fn as_default(&self) -> Default {
        let source = match self.origin {
            Origin::Typed => "your answer",
            Origin::File => "keyless.toml",
        };
        Default { value: self.value.clone(), source: source.to_owned() }
    }
}

/// The forms of sign-in, as answered.
pub(super) const FORMS: [&str; 4] = ["profile", "sso", "assume-role", "environment"];
/// The word for no branches.
pub(super) const NO_BRANCHES: &str = "none";

/// Names in a list a person typed.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// The branches of an answer.
pub(super) fn branches(text: &str) -> Result<Vec<BranchPattern>, String> {
    if text.trim().eq_ignore_ascii_case(NO_BRANCHES) {
        return Ok(Vec::new());
    }
    split(text).map(|part| part.parse().map_err(|refused| format!("{refused}"))).collect()
}

impl Model {
    /// Takes over the answers of an existing file.
    pub(super) fn fill(&mut self, federation: &Federation) {
        let mut give = |key: Key, value: Value| {
            self.answers.insert(key, Given { value, origin: Origin::File });
        };
        give(Key::of(Field::Organization), Value::text(federation.organization.as_str()));
        give(Key::of(Field::Project), Value::text(federation.project.as_str()));
        if let Some(id) = federation.organization_id {
            give(Key::of(Field::OrganizationId), Value::text(id.to_string()));
        }
        if let Some(queue) = &federation.verification.queue {
            give(Key::of(Field::Queue), Value::text(queue));
        }
        if federation.verification.branch.is_some() {
            give(Key::of(Field::Repository), Value::text(federation.verification.repository.as_str()));
        }
        let mut of_profiles: Vec<String> = Vec::new();
        let mut further = Vec::new();
        for environment in &federation.environments {
            let name = &environment.name;
            match &environment.sign_in {
                SignIn::Profile { profile } if !of_profiles.contains(profile) => {
                    of_profiles.push(profile.clone());
                    let field = Field::Name { profile: profile.clone() };
                    give(Key::of(field), Value::text(name.as_str()));
                }
                _ => further.push(name.as_str()),
            }
            fill_environment(environment, deploy::chosen_branches(federation, environment), &mut give);
        }
        deploy::fill(federation, &mut give);
        give(Key::of(Field::Profiles), Value::Many(of_profiles));
        give(Key::of(Field::More), Value::text(further.join(", ")));
    }

    /// The profiles and SSO accounts chosen to make environments of, with the name of each.
    pub(super) fn chosen(&self) -> &[(String, Option<EnvironmentName>)] {
        &self.made.chosen
    }

    /// The environments, in promotion order: those of the file as they stand there, new ones by their stage.
    pub fn environment_names(&self) -> &[EnvironmentName] {
        &self.made.environments
    }

    /// Computes what follows from the answers and the profiles found.
    pub(super) fn remake(&mut self) {
        let profiles: Vec<&str> =
            self.discovery.profiles().iter().map(|profile| profile.name.as_str()).collect();
        self.made.proposals = naming::propose(&profiles);
        self.made.sso_proposals = self.sso_proposals();
        self.made.chosen = self.make_chosen();
        self.made.environments = self.order();
    }

    fn order(&self) -> Vec<EnvironmentName> {
        let further = self.text(None, Field::More).unwrap_or_default();
        let mut all: Vec<EnvironmentName> = Vec::new();
        let chosen = self.chosen().iter().filter_map(|(_, name)| name.clone());
        for name in chosen.chain(split(&further).filter_map(|name| name.parse().ok())) {
            if !all.iter().any(|other| other.as_str().eq_ignore_ascii_case(name.as_str())) {
                all.push(name);
            }
        }
        let base = self.base.iter().flat_map(|base| &base.environments);
        let (mut ordered, mut new): (Vec<EnvironmentName>, Vec<EnvironmentName>) = (Vec::new(), Vec::new());
        ordered.extend(base.map(|e| &e.name).filter(|name| all.contains(name)).cloned());
        new.extend(all.into_iter().filter(|name| !ordered.contains(name)));
        new.sort_by_key(|name| naming::rank(name.as_str()));
        for name in new {
            let rank = naming::rank(name.as_str());
            let place = ordered.iter().position(|other| naming::rank(other.as_str()) > rank);
            ordered.insert(place.unwrap_or(ordered.len()), name);
        }
        ordered
    }

    /// The federation the answers make.
    ///
    /// # Errors
    /// The questions whose answer is missing or wrong, each with what is accepted.
    pub fn federation(&self) -> Result<Federation, Vec<(Key, String)>> {
        let mut wrong = self.wrong_single_answers();
        for (key, text) in self.contradictions() {
            if !wrong.iter().any(|(other, _)| *other == key) {
                wrong.push((key, text));
            }
        }
        let names = self.environment_names();
        let environments: Vec<Environment> = names.iter().filter_map(|name| self.environment(name)).collect();
        match self.assemble(environments) {
            Some(federation) if wrong.is_empty() && federation.environments.len() == names.len() => {
                Ok(federation)
            }
            _ => {
                // An answer of another kind than its question takes is no answer; the environment it spoils is named.
                let spoiled = names.iter().filter(|name| self.environment(name).is_none());
                for name in spoiled {
                    if !wrong.iter().any(|(key, _)| key.environment.as_ref() == Some(name)) {
                        let text = "an answer does not fit its question; change anything to give it again";
                        wrong.push((Key::at(name, Field::Adjust), text.to_owned()));
                    }
                }
                Err(wrong)
            }
        }
    }

    /// What is wrong with the answers together, as far as they can be judged.
    pub(super) fn contradictions(&self) -> Vec<(Key, String)> {
        let names = self.environment_names();
        let environments: Vec<Environment> = names.iter().filter_map(|name| self.environment(name)).collect();
        let whole = environments.len() == names.len();
        let Some(federation) = self.assemble(environments) else { return Vec::new() };
        let keyed = federation.contradictions().into_iter().map(|contradiction| {
            let at = contradiction.environment.and_then(|index| federation.environments.get(index));
            (key_of(contradiction.field, at.map(|environment| &environment.name)), contradiction.text)
        });
        // With environments left out, a chain of sign-ins may only seem to be broken.
        keyed.filter(|(key, _)| whole || !matches!(key.field, Field::AssumeRole | Field::More)).collect()
    }

    /// Every question about the federation and its environments that has no usable answer.
    fn wrong_single_answers(&self) -> Vec<(Key, String)> {
        let mut keys: Vec<Key> =
            [Field::Organization, Field::OrganizationId, Field::Project, Field::Profiles]
                .map(Key::of)
                .to_vec();
        if self.asks_for_queue() {
            keys.push(Key::of(Field::Queue));
        }
        if self.asks_for_repository() {
            keys.push(Key::of(Field::Repository));
        }
        keys.extend(
            self.chosen().iter().map(|(profile, _)| Key::of(Field::Name { profile: profile.clone() })),
        );
        keys.push(Key::of(Field::More));
        keys.extend(self.pipeline_keys());
        for name in self.environment_names() {
            keys.extend(self.detail_keys(name));
        }
        keys.into_iter().filter_map(|key| self.problem(&key).map(|problem| (key, problem))).collect()
    }

    fn assemble(&self, environments: Vec<Environment>) -> Option<Federation> {
        let typed = self.organization()?;
        let found = self.discovery.organization.ready().map(|found| &found.name);
        let same = |found: &&OrganizationName| found.as_str().eq_ignore_ascii_case(typed.as_str());
        let organization = found.filter(same).cloned().unwrap_or(typed.clone());
        let typed_id = self.answers.get(&Key::of(Field::OrganizationId)).map(|given| given.value.line());
        Some(Federation {
            organization,
            organization_id: typed_id.and_then(|id| Uuid::parse_str(id.trim()).ok()),
            project: self.project()?,
            issuer: self.base.as_ref().and_then(|base| base.issuer.clone()),
            audience: self.base.as_ref().map_or_else(|| AUDIENCE.to_owned(), |base| base.audience.clone()),
            azp: self.base.as_ref().and_then(|base| base.azp.clone()),
            verification: self.verification()?,
            pipeline: self.deployment().or_else(|| self.left_pipeline()),
            environments,
        })
    }

    /// The pipeline of the file, where a no leaves deployments as they are.
    fn left_pipeline(&self) -> Option<Deployment> {
        self.base.as_ref().filter(|_| !self.deploys())?.pipeline.clone()
    }

    fn verification(&self) -> Option<Verification> {
        let mut verification = match &self.base {
            Some(base) => base.verification.clone(),
            None => Verification {
                repository: defaults::VERIFICATION.parse().ok()?,
                branch: None,
                pipeline: defaults::VERIFICATION.to_owned(),
                queue: None,
            },
        };
        if self.asks_for_queue() {
            verification.queue = self.text(None, Field::Queue).or(verification.queue);
        }
        let repository = self.text(None, Field::Repository).filter(|_| self.asks_for_repository());
        if let Some(repository) = repository.and_then(|name| name.parse::<RepositoryName>().ok()) {
            verification.repository = repository;
            verification.branch.get_or_insert_with(|| defaults::VERIFICATION.to_owned());
        }
        Some(verification)
    }

    /// One environment, where every answer of it is usable.
    pub(super) fn environment(&self, name: &EnvironmentName) -> Option<Environment> {
        self.environment_with(name, self.text(Some(name), Field::Preset)?)
    }

    /// The same with this permission preset.
    pub(super) fn environment_with(&self, name: &EnvironmentName, preset: String) -> Option<Environment> {
        let text = |field| self.text(Some(name), field);
        let base = self.base.as_ref().and_then(|base| base.environment(name));
        Some(Environment {
            reads_for: None,
            name: name.clone(),
            protected: self.flag(&Key::at(name, Field::Protected))?,
            account: text(Field::Account)?.parse().ok()?,
            region: text(Field::Region)?.parse().ok()?,
            sign_in: self.sign_in(name)?,
            role: text(Field::Role)?.parse().ok()?,
            role_path: base.map_or_else(|| "/".parse().ok(), |base| Some(base.role_path.clone()))?,
            tags: base.map(|base| base.tags.clone()).unwrap_or_default(),
            connection: text(Field::Connection)?.parse().ok()?,
            authentication: self.authentication(name)?,
            subject: base.and_then(|base| base.subject.clone()),
            branches: branches(&text(Field::Branches)?).ok()?,
            preset,
            permissions: base.map(|base| base.permissions.clone()).unwrap_or_default(),
            managed_policies: base.map(|base| base.managed_policies.clone()).unwrap_or_default(),
            boundary: base.and_then(|base| base.boundary.clone()),
            session_hours: base.map_or(defaults::SESSION_HOURS, |base| base.session_hours),
            gates: self.gates(name, base),
            variables: base.map(|base| base.variables.clone()).unwrap_or_default(),
            secrets: base.map(|base| base.secrets.clone()).unwrap_or_default(),
            deploy: self.deploys_of(name, base),
        })
    }

    fn authentication(&self, name: &EnvironmentName) -> Option<Authentication> {
        let [oidc, and_role, alone] = Authentication::WORDS;
        let text = |field| self.text(Some(name), field);
        let word = text(Field::Authentication)?;
        if word == oidc {
            return Some(Authentication::Oidc);
        }
        let user = text(Field::User)?.parse().ok()?;
        if word == alone {
            return Some(Authentication::AccessKey { user });
        }
        let ranges = text(Field::SourceIp).unwrap_or_default();
        let source_ip = split(&ranges).map(|range| range.parse().ok()).collect::<Option<Vec<_>>>()?;
        let base = self.base.as_ref().and_then(|base| base.environment(name));
        let external_id = base.and_then(|base| base.authentication.external_id().cloned());
        (word == and_role).then_some(Authentication::AccessKeyAndRole { user, source_ip, external_id })
    }

    fn sign_in(&self, name: &EnvironmentName) -> Option<SignIn> {
        let text = |field| self.text(Some(name), field);
        Some(match text(Field::SignIn)?.as_str() {
            "profile" => SignIn::Profile { profile: text(Field::Profile)? },
            "sso" => SignIn::Sso {
                sso_session: text(Field::SsoSession)?,
                permission_set: text(Field::PermissionSet)?,
            },
            "assume-role" => SignIn::AssumeRole {
                assume_role: text(Field::AssumeRole)?.parse().ok()?,
                from: text(Field::From)?.parse().ok()?,
            },
            "environment" => SignIn::Environment { environment: true },
            _ => return None,
        })
    }
}

fn fill_environment(environment: &Environment, branches_chosen: bool, give: &mut impl FnMut(Key, Value)) {
    let mut text = |field, text: &str| give(Key::at(&environment.name, field), Value::text(text));
    text(Field::Account, environment.account.as_str());
    text(Field::Region, environment.region.as_str());
    text(Field::Role, environment.role.as_str());
    text(Field::Connection, environment.connection.as_str());
    text(Field::Preset, &environment.preset);
    let authentication = &environment.authentication;
    text(Field::Authentication, authentication.word());
    if let Some(user) = authentication.user() {
        text(Field::User, user.as_str());
        let ranges: Vec<&str> = authentication.source_ip().iter().map(IpRange::as_str).collect();
        text(Field::SourceIp, &ranges.join(", "));
    }
    let patterns: Vec<&str> = environment.branches.iter().map(BranchPattern::as_str).collect();
    if branches_chosen {
        let line = if patterns.is_empty() { NO_BRANCHES.to_owned() } else { patterns.join(", ") };
        text(Field::Branches, &line);
    }
    match &environment.sign_in {
        SignIn::Profile { profile } => {
            text(Field::SignIn, "profile");
            text(Field::Profile, profile);
        }
        SignIn::Sso { sso_session, permission_set } => {
            text(Field::SignIn, "sso");
            text(Field::SsoSession, sso_session);
            text(Field::PermissionSet, permission_set);
        }
        SignIn::AssumeRole { assume_role, from } => {
            text(Field::SignIn, "assume-role");
            text(Field::AssumeRole, &assume_role.to_string());
            text(Field::From, from.as_str());
        }
        SignIn::Environment { .. } => text(Field::SignIn, "environment"),
    }
    give(Key::at(&environment.name, Field::Protected), Value::Flag(environment.protected));
}

/// The question that a key of `keyless.toml` belongs to.
fn key_of(field: &str, environment: Option<&EnvironmentName>) -> Key {
    let field = match field {
        "connection" => Field::Connection,
        "role" => Field::Role,
        "user" => Field::User,
        "region" => Field::Region,
        "sign-in" => Field::AssumeRole,
        "pipeline" => Field::Deploy(Deploy::Repository),
        "gates" => Field::Deploy(Deploy::Approvers),
        // What the wizard does not ask about is changed in the file.
        "boundary" | "managed-policies" | "permissions" | "deploy" | "session-hours" => Field::Account,
        _ => return Key::of(Field::More),
    };
    Key { environment: environment.cloned(), field }
}
