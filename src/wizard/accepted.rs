//! Inline validation: whether an answer is accepted, and what is.

use std::str::FromStr;

use uuid::Uuid;

use super::answers::{FORMS, Given, Origin, branches, split};
use super::deploy::Deploy;
use super::model::Model;
use super::page::{Field, Key, Value};
use super::welcome::{CLOUDS, Goal};
use crate::domain::arn::RoleArn;
use crate::domain::federation::Authentication;
use crate::domain::names::{
    AccountId, ConnectionName, EnvironmentName, IpRange, OrganizationName, ProjectName, Refused, Region,
    RepositoryName, RoleName, UserName,
};
use crate::domain::preset::PRESETS;
use crate::domain::regions;

pub(super) fn parsed<T: FromStr<Err = Refused>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|refused: Refused| refused.to_string())
}

pub(super) fn one_line(text: &str, what: &str) -> Result<(), String> {
    if text.is_empty() || text.chars().any(char::is_control) || text.chars().count() > 256 {
        return Err(format!("`{text}` is no {what}: one line of text is accepted"));
    }
    Ok(())
}

pub(super) fn among<'a>(
    text: &str,
    what: &str,
    all: impl IntoIterator<Item = &'a str> + Clone,
) -> Result<(), String> {
    if all.clone().into_iter().any(|one| one == text) {
        return Ok(());
    }
    let all: Vec<&str> = all.into_iter().take(12).collect();
    Err(format!("`{text}` is no {what}: {} is accepted", all.join(", ")))
}

fn region(text: &str) -> Result<(), String> {
    match regions::meant(&parsed::<Region>(text)?) {
        Some(meant) => Err(format!("AWS has no region `{text}`: {meant} is the nearest")),
        None => Ok(()),
    }
}

/// The name in what was typed or pasted: the organisation's address stands for its name.
fn organization(text: &str) -> &str {
    let text = text.trim();
    let Some(place) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return text.strip_prefix("dev.azure.com/").map_or(text, first_part);
    };
    // A host may name its user: https://contoso@dev.azure.com/contoso, as in addresses to clone.
    let place = place.split_once('@').map_or(place, |(_, place)| place);
    match place.split_once('/') {
        Some(("dev.azure.com", path)) => first_part(path),
        _ => first_part(place).strip_suffix(".visualstudio.com").unwrap_or(text),
    }
}

fn first_part(path: &str) -> &str {
    path.split(['/', '?', '#']).next().unwrap_or(path)
}

/// `yes` or `no`, as typed.
pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "y" | "yes" | "true" => Ok(true),
        "n" | "no" | "false" => Ok(false),
        _ => Err(format!("`{text}` is no answer: yes or no is accepted")),
    }
}

impl Model {
    /// Whether a text is accepted as the answer to a question; texts of several values are split at commas.
    ///
    /// # Errors
    /// What is wrong with it and what is accepted.
    pub fn check(&self, key: &Key, text: &str) -> Result<(), String> {
        self.check_alone(key, text)?;
        let Some(value) = self.value_of(key, text) else { return Ok(()) };
        let mut with = self.clone();
        with.answers.insert(key.clone(), Given { value, origin: Origin::Typed });
        with.remake();
        // What another question is at fault for is said there, when the person goes on.
        let before = self.contradictions();
        let new = with
            .contradictions()
            .into_iter()
            .find(|wrong| wrong.0 == *key || (wrong.0.field == key.field && !before.contains(wrong)));
        match new {
            None => Ok(()),
            Some((at, text)) if at == *key => Err(text),
            // It clashes with another environment's answer.
            Some((at, text)) => Err(at.environment.map_or(text.clone(), |name| format!("{name}: {text}"))),
        }
    }

    /// The typed answer a text stands for; none: it is not accepted at all.
    pub fn value_of(&self, key: &Key, text: &str) -> Option<Value> {
        let text = text.trim();
        match key.field {
            Field::Adjust
            | Field::Save
            | Field::Approve
            | Field::HandOver
            | Field::Protected
            | Field::Deploy(Deploy::TakeUp)
            | Field::Foreign { .. } => yes_or_no(text).ok().map(Value::Flag),
            Field::Deploy(Deploy::Approvers) => Some(Value::Many(split(text).map(str::to_owned).collect())),
            Field::Profiles => Some(Value::Many(split(text).map(str::to_owned).collect())),
            Field::Token => None,
            Field::Organization => Some(Value::text(organization(text))),
            _ => Some(Value::text(text)),
        }
    }

    /// What is wrong with the present answer or default of a question; none: nothing.
    pub(super) fn problem(&self, key: &Key) -> Option<String> {
        if key.field == Field::Token {
            return (!self.sign_in.typed()).then(|| "a token is needed".to_owned());
        }
        match self.value(key) {
            Some(Value::Many(values)) => values.iter().find_map(|value| self.check_alone(key, value).err()),
            Some(Value::Text(text)) if text.trim().is_empty() && self.is_optional(key) => None,
            Some(value) => self.check_alone(key, &value.line()).err(),
            None if self.is_optional(key) => None,
            None => Some("an answer is needed".to_owned()),
        }
    }

    /// Whether a question may stay without an answer.
    pub(super) fn is_optional(&self, key: &Key) -> bool {
        match key.field {
            Field::OrganizationId => self.start.ask_azure_devops,
            Field::More => self.chosen().iter().any(|(_, name)| name.is_some()),
            Field::Confirm | Field::Subject { .. } | Field::Profiles | Field::SourceIp => true,
            Field::Deploy(what) => self.is_optional_deploy(what),
            _ => false,
        }
    }

    fn check_alone(&self, key: &Key, text: &str) -> Result<(), String> {
        let text = text.trim();
        if text.is_empty() && self.is_optional(key) {
            return Ok(());
        }
        match &key.field {
            Field::Method => {
                among(text, "way to sign in", self.start.sign_in.methods.iter().map(|method| method.word()))
            }
            Field::Token => Ok(()),
            Field::Deploy(what) => self.check_deploy(key, *what, text),
            Field::Cloud => among(text, "cloud", CLOUDS.map(|(word, _)| word)),
            Field::Goal => among(text, "goal", Goal::ALL.map(Goal::word)),
            Field::Organization => parsed::<OrganizationName>(organization(text)).map(drop),
            Field::OrganizationId => self.check_organization_id(text),
            Field::Project => self.check_project(text),
            Field::Queue => match self.discovery.verification.ready() {
                Some(found) => {
                    among(text, "queue of this project", found.queues.iter().map(|(name, _)| name.as_str()))
                }
                None => one_line(text, "queue"),
            },
            Field::Repository => {
                parsed::<RepositoryName>(text)?;
                let found = self.discovery.verification.ready().map(|found| &found.repositories);
                found.map_or(Ok(()), |all| {
                    among(text, "repository of this project", all.iter().map(String::as_str))
                })
            }
            Field::Profiles => split(text).try_for_each(|value| {
                self.check_sso_choice(value).unwrap_or_else(|| self.check_profile(value))
            }),
            Field::Profile => self.check_profile(text),
            Field::Name { profile } => self.check_name(profile, text),
            Field::More => self.check_more(text),
            Field::Account => self.check_account(key, text),
            Field::Region => region(text),
            Field::SignIn => among(text, "form of sign-in", FORMS),
            Field::SsoSession => match self.discovery.profiles.ready() {
                Some((_, sessions)) if !sessions.is_empty() => {
                    among(text, "SSO session of the AWS configuration", sessions.iter().map(String::as_str))
                }
                _ => one_line(text, "SSO session"),
            },
            Field::PermissionSet => one_line(text, "permission set"),
            Field::AssumeRole => parsed::<RoleArn>(text).map(drop),
            Field::From => {
                let names = self.environment_names();
                let own = key.environment.as_ref();
                let others = names.iter().filter(|name| Some(*name) != own).map(EnvironmentName::as_str);
                among(text, "other environment", others)
            }
            Field::Role => parsed::<RoleName>(text).map(drop),
            Field::Connection => parsed::<ConnectionName>(text).map(drop),
            Field::Authentication => among(text, "way to sign in", Authentication::WORDS),
            Field::User => parsed::<UserName>(text).map(drop),
            Field::SourceIp => split(text).try_for_each(|range| parsed::<IpRange>(range).map(drop)),
            Field::Branches if text.is_empty() => {
                Err("branches with commas between, or none, are accepted".to_owned())
            }
            Field::Branches => branches(text).map(drop),
            Field::Preset => among(text, "preset", PRESETS.iter().map(|preset| preset.name)),
            Field::Adjust
            | Field::Save
            | Field::Approve
            | Field::HandOver
            | Field::Protected
            | Field::Foreign { .. } => yes_or_no(text).map(drop),
            Field::Confirm => match &key.environment {
                Some(name) if name.as_str() == text => Ok(()),
                Some(name) => Err(format!(
                    "`{text}` is not `{name}`: its name, or nothing to leave it out, is accepted"
                )),
                None => Ok(()),
            },
            Field::Subject { step } => match self.review().and_then(|review| review.subjects.get(step)) {
                Some(other) if other.wanted != text => Err(format!(
                    "`{text}` is not `{}`: that subject, or nothing to leave the role as it is, is accepted",
                    other.wanted
                )),
                _ => Ok(()),
            },
        }
    }

    fn check_organization_id(&self, text: &str) -> Result<(), String> {
        let accepted = "a GUID such as 7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34 is accepted";
        let typed = Uuid::parse_str(text).map_err(|_| format!("`{text}` is no GUID: {accepted}"))?;
        if typed.is_nil() {
            return Err(format!("a GUID of all zeros is no organisation's: {accepted}"));
        }
        match self.discovery.organization.ready() {
            Some(found) if found.id != typed => {
                Err(format!("you typed {typed}, but Azure DevOps says {} for {}", found.id, found.name))
            }
            _ => Ok(()),
        }
    }

    fn check_project(&self, text: &str) -> Result<(), String> {
        let typed: ProjectName = parsed(text)?;
        let Some(found) = self.discovery.projects.ready() else { return Ok(()) };
        let lower = typed.as_str().to_lowercase();
        if found.iter().any(|project| project.as_str().to_lowercase() == lower) {
            return Ok(());
        }
        among(text, "project this token can see", found.iter().map(ProjectName::as_str))
    }

    fn check_profile(&self, text: &str) -> Result<(), String> {
        one_line(text, "profile")?;
        match self.discovery.profiles.ready() {
            Some((profiles, _)) if !profiles.iter().any(|profile| profile.name == text) => among(
                text,
                "profile of the AWS configuration",
                profiles.iter().map(|profile| profile.name.as_str()),
            ),
            _ => Ok(()),
        }
    }

    fn check_name(&self, profile: &str, text: &str) -> Result<(), String> {
        let name: EnvironmentName = parsed(text)?;
        let further = self.text(None, Field::More).unwrap_or_default();
        let mut others: Vec<EnvironmentName> = split(&further).filter_map(|name| name.parse().ok()).collect();
        others.extend(
            self.chosen().iter().filter(|(other, _)| other != profile).filter_map(|(_, name)| name.clone()),
        );
        match others.iter().any(|other| other.as_str().eq_ignore_ascii_case(name.as_str())) {
            true => Err(format!("`{name}` is the name of another environment: each needs its own")),
            false => Ok(()),
        }
    }

    fn check_more(&self, text: &str) -> Result<(), String> {
        let mut taken: Vec<EnvironmentName> =
            self.chosen().iter().filter_map(|(_, name)| name.clone()).collect();
        for part in split(text) {
            let name: EnvironmentName = parsed(part)?;
            if taken.iter().any(|other| other.as_str().eq_ignore_ascii_case(name.as_str())) {
                return Err(format!("`{name}` is there twice: each environment needs its own name"));
            }
            taken.push(name);
        }
        match taken.is_empty() {
            true => Err("at least one environment is needed, for example dev".to_owned()),
            false => Ok(()),
        }
    }

    fn check_account(&self, key: &Key, text: &str) -> Result<(), String> {
        let typed: AccountId = parsed(text)?;
        let environment = key.environment.as_ref();
        let form = self.text(environment, Field::SignIn);
        if form.as_deref() == Some("sso")
            && let Some(session) = self.text(environment, Field::SsoSession)
            && self.sso_misses(&session, &typed)
        {
            return Err(format!(
                "SSO session {session} does not reach account {typed}: correct the account, or sign in another way"
            ));
        }
        let profile = self.text(environment, Field::Profile).filter(|_| form.as_deref() == Some("profile"));
        let Some(profile) = profile else { return Ok(()) };
        match self.discovery.identity(&profile) {
            Some(identity) if identity.account != typed => Err(format!(
                "profile {profile} is in account {}, not {typed}: correct the account, or sign in another way",
                identity.account
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::organization;

    #[test]
    fn an_address_stands_for_its_organisation() {
        for (typed, name) in [
            ("contoso", "contoso"),
            (" https://dev.azure.com/contoso ", "contoso"),
            ("https://dev.azure.com/contoso/", "contoso"),
            ("https://dev.azure.com/contoso/payments/_build?x=1", "contoso"),
            ("https://contoso@dev.azure.com/contoso/payments", "contoso"),
            ("dev.azure.com/contoso/payments", "contoso"),
            ("https://contoso.visualstudio.com/payments", "contoso"),
            ("https://example.com/contoso", "https://example.com/contoso"),
            ("con/toso", "con/toso"),
        ] {
            assert_eq!(organization(typed), name, "{typed}");
        }
    }
}
