//! What each question takes without an answer, and where that came from.

use super::answers::{Given, NO_BRANCHES, branches, split};
use super::model::Model;
use super::naming;
use super::page::{Default, Field, Key, Value};
use super::sso::SsoChoice;
use crate::domain::arn::RoleArn;
use crate::domain::federation::{Authentication, Tool, defaults};
use crate::domain::names::{AccountId, BranchPattern, EnvironmentName, Region};

fn default(value: impl Into<String>, source: impl Into<String>) -> Option<Default> {
    Some(Default { value: Value::Text(value.into()), source: source.into() })
}

fn flag(value: bool, source: impl Into<String>) -> Option<Default> {
    Some(Default { value: Value::Flag(value), source: source.into() })
}

fn usual_preset(tool: Option<(Tool, &'static str)>) -> Option<Default> {
    match tool {
        Some((tool, preset)) => default(preset, format!("{tool} deploys")),
        None => default(defaults::PRESET, "the least rights"),
    }
}

impl Model {
    /// The default that follows from everything else; earlier answers to the same question do not count.
    pub(super) fn computed(&self, key: &Key) -> Option<Default> {
        match &key.environment {
            Some(environment) => self.computed_of(environment, &key.field),
            None => self.computed_of_federation(&key.field),
        }
    }

    fn computed_of_federation(&self, field: &Field) -> Option<Default> {
        match field {
            Field::Organization => {
                self.start.organization.as_ref().and_then(|(name, source)| default(name, source))
            }
            // The secret itself is in the vault; that it was given is all there is to say.
            Field::Token => self.sign_in.typed().then(|| default("given", "your answer")).flatten(),
            Field::Method => self.likely_method(),
            Field::OrganizationId => self
                .discovery
                .organization
                .ready()
                .and_then(|found| default(found.id.to_string(), "Azure DevOps")),
            Field::Project => self.likely_project(),
            Field::Queue => match &self.discovery.verification.ready()?.queues[..] {
                [(only, _)] => default(only, "the only queue of the project"),
                _ => None,
            },
            Field::Profiles => self.likely_profiles(),
            Field::Name { profile } => {
                let (_, name) = self.chosen().iter().find(|(chosen, _)| chosen == profile)?;
                let source = match profile.parse::<SsoChoice>() {
                    Ok(_) => "the name of the account".to_owned(),
                    Err(_) => format!("the name of profile {profile}"),
                };
                default(name.as_ref()?.as_str(), source)
            }
            Field::More => match self.chosen_profiles().is_empty() {
                true => default("dev, staging, prod", "the usual three"),
                false => default("", "none needed"),
            },
            Field::Preset => self.likely_preset(),
            Field::Cloud => self.likely_cloud(),
            Field::Goal => self.likely_goal(),
            Field::Deploy(what) => self.computed_deploy(None, *what),
            Field::Save => flag(true, "so that the answers are kept"),
            Field::HandOver => flag(true, "it cannot be set up from here"),
            Field::Foreign { .. } => flag(false, "what others made is left alone"),
            _ => None,
        }
    }

    /// The rights of what deploys, where every environment says what they are filled with; else the least.
    fn likely_preset(&self) -> Option<Default> {
        let all = self.made.environments.iter();
        let tool = self.deploying().filter(|(tool, _)| all.clone().all(|name| self.is_filled(name, *tool)));
        usual_preset(tool)
    }

    /// The same for one environment, unless one answer was given for all.
    fn likely_preset_of(&self, name: &EnvironmentName) -> Option<Default> {
        let shared = Key::of(Field::Preset);
        if self.answers.contains_key(&shared) {
            return self.default(&shared);
        }
        usual_preset(self.deploying().filter(|(tool, _)| self.is_filled(name, *tool)))
    }

    /// What deploys, and the preset that lets it.
    fn deploying(&self) -> Option<(Tool, &'static str)> {
        let tool = self.tool().filter(|_| self.deploys())?;
        Some((tool, tool.preset()?))
    }

    /// Whether the answers about an environment say all that the preset of a tool is filled with.
    fn is_filled(&self, name: &EnvironmentName, tool: Tool) -> bool {
        let environment = self.environment_with(name, defaults::PRESET.to_owned());
        environment.is_some_and(|environment| environment.unfilled(tool).is_empty())
    }

    fn likely_project(&self) -> Option<Default> {
        if let Some((name, source)) = &self.start.project {
            return default(name, source);
        }
        match &self.discovery.projects.ready()?[..] {
            [only] => default(only.as_str(), "the only project this token can see"),
            _ => None,
        }
    }

    /// Profiles named after stages, where each stage is there once.
    fn likely_profiles(&self) -> Option<Default> {
        if let Some((profiles, source)) = &self.start.profiles {
            let there: Vec<String> =
                profiles.iter().filter(|name| self.made.proposals.contains_key(*name)).cloned().collect();
            if there.len() == profiles.len() {
                return Some(Default { value: Value::Many(there), source: source.clone() });
            }
        }
        let proposals = self.made.proposals.iter();
        let mut likely: Vec<(&EnvironmentName, &String)> = proposals
            .map(|(profile, name)| (name, profile))
            .filter(|(name, _)| naming::is_stage(name.as_str()))
            .collect();
        likely.sort_by_key(|(name, _)| (naming::rank(name.as_str()), (*name).clone()));
        let once = likely.windows(2).all(|pair| pair[0].0 != pair[1].0);
        if !once || likely.is_empty() {
            return Some(Default { value: Value::Many(Vec::new()), source: "none is chosen".to_owned() });
        }
        let value = Value::Many(likely.into_iter().map(|(_, profile)| profile.clone()).collect());
        Some(Default { value, source: "their names".to_owned() })
    }

    fn chosen_profiles(&self) -> Vec<String> {
        match self.value(&Key::of(Field::Profiles)) {
            Some(Value::Many(profiles)) => profiles,
            _ => Vec::new(),
        }
    }

    /// A name for the environment of a profile or an SSO account.
    fn proposal(&self, value: &str) -> Option<&EnvironmentName> {
        self.made.proposals.get(value).or_else(|| self.made.sso_proposals.get(value))
    }

    /// The chosen profiles and accounts with the names answered, and names of their own for the others.
    pub(super) fn make_chosen(&self) -> Vec<(String, Option<EnvironmentName>)> {
        let given = |field: Field| self.answers.get(&Key::of(field)).map(|given| given.value.line());
        let further = given(Field::More).unwrap_or_default();
        let mut taken: Vec<EnvironmentName> = split(&further).filter_map(|name| name.parse().ok()).collect();
        let profiles = self.chosen_profiles();
        let named = |profile: &String| given(Field::Name { profile: profile.clone() });
        taken.extend(profiles.iter().filter_map(|profile| named(profile)?.parse().ok()));
        profiles
            .into_iter()
            .map(|profile| {
                let name = match named(&profile) {
                    Some(name) => name.parse().ok(),
                    None => self.proposal(&profile).map(|name| {
                        let name = naming::unique(name.clone(), &taken);
                        taken.push(name.clone());
                        name
                    }),
                };
                (profile, name)
            })
            .collect()
    }

    fn computed_of(&self, name: &EnvironmentName, field: &Field) -> Option<Default> {
        let usual = format!("usual for {name}");
        match field {
            Field::Account => self.likely_account(name),
            Field::Region => self.likely_region(name),
            Field::SignIn => self.likely_form(name),
            Field::Profile => {
                let (profile, source) = self.likely_profile(name)?;
                default(profile, source)
            }
            Field::SsoSession if self.sso_choice_of(name).is_some() => match self.sso_choice_of(name)? {
                SsoChoice::Account { session, .. } => default(session, "chosen above"),
                SsoChoice::SignIn { .. } => None,
            },
            Field::PermissionSet => match self.sso_choice_of(name)? {
                SsoChoice::Account { permission_set, .. } => default(permission_set, "chosen above"),
                SsoChoice::SignIn { .. } => None,
            },
            Field::SsoSession => match self.discovery.profiles.ready() {
                Some((_, sessions)) if sessions.len() == 1 => {
                    default(&sessions[0], "the only SSO session of the AWS configuration")
                }
                _ => None,
            },
            Field::AssumeRole => self.likely_role(name),
            Field::From => self.likely_from(name),
            Field::Role => default(defaults::role(name)?.as_str(), usual),
            Field::Connection => default(defaults::connection(name)?.as_str(), usual),
            Field::Authentication => default(Authentication::WORDS[0], "no key is stored"),
            Field::User => default(defaults::user(name)?.as_str(), usual),
            Field::SourceIp => default("", "from everywhere"),
            Field::Branches => {
                let flow = self.flow();
                let patterns = match &flow {
                    Some((flow, main)) => flow.branches(name, main),
                    None => defaults::branches(name, None),
                };
                let there = self.base.as_ref().and_then(|base| base.environment(name));
                let kept = there.is_some_and(|environment| environment.branches == patterns);
                let patterns: Vec<&str> = patterns.iter().map(BranchPattern::as_str).collect();
                let line = if patterns.is_empty() { NO_BRANCHES.to_owned() } else { patterns.join(", ") };
                match (kept, patterns.is_empty(), flow) {
                    (true, ..) => default(line, "keyless.toml"),
                    (_, true, _) => default(line, format!("no branch usually deploys to {name}")),
                    (_, false, Some((flow, _))) => default(line, format!("flow {flow}")),
                    (_, false, None) => default(line, usual),
                }
            }
            Field::Protected => flag(defaults::protected(name), usual),
            Field::Preset => self.likely_preset_of(name),
            Field::Deploy(what) => self.computed_deploy(Some(name), *what),
            Field::Adjust => flag(false, "what is shown is complete"),
            Field::Confirm => default("", "without its name it is left out"),
            _ => None,
        }
    }

    /// The profile an environment was made of, or one whose name says the same.
    fn likely_profile(&self, name: &EnvironmentName) -> Option<(String, &'static str)> {
        let made_of = self.chosen().iter().find(|(_, made)| made.as_ref() == Some(name));
        if let Some((profile, _)) = made_of {
            if profile.parse::<SsoChoice>().is_ok() {
                return None;
            }
            return Some((profile.clone(), "chosen above"));
        }
        let mut alike = self.made.proposals.iter().filter(|(_, proposed)| *proposed == name);
        match (alike.next(), alike.next()) {
            (Some((profile, _)), None) => Some((profile.clone(), "its name")),
            _ => None,
        }
    }

    fn likely_form(&self, name: &EnvironmentName) -> Option<Default> {
        if self.sso_choice_of(name).is_some() {
            return default("sso", "chosen above");
        }
        if let Some((_, source)) = self.likely_profile(name) {
            return default("profile", source);
        }
        if self.start.ask_azure_devops && !self.start.ask_aws {
            return default("environment", "whoever sets up AWS may sign in their own way");
        }
        if self.discovery.profiles().is_empty() {
            return self.start.aws_keys.then(|| default("environment", "AWS_ACCESS_KEY_ID is set")).flatten();
        }
        default("profile", "the AWS configuration has profiles")
    }

    /// What was answered about an environment, without defaults: for defaults that depend on each other.
    fn given(&self, name: &EnvironmentName, field: Field) -> Option<&Given> {
        self.answers.get(&Key::at(name, field))
    }

    fn likely_account(&self, name: &EnvironmentName) -> Option<Default> {
        match self.text(Some(name), Field::SignIn)?.as_str() {
            "profile" => {
                let profile = self.text(Some(name), Field::Profile)?;
                if let Some(identity) = self.discovery.identity(&profile) {
                    return default(identity.account.as_str(), format!("AWS, asked with profile {profile}"));
                }
                let account = self.discovery.profile(&profile)?.account.as_ref()?;
                default(account.as_str(), format!("profile {profile}"))
            }
            "sso" => match self.sso_choice_of(name)? {
                SsoChoice::Account { account, .. } => default(account.as_str(), "chosen above"),
                SsoChoice::SignIn { .. } => None,
            },
            "assume-role" => {
                let arn: RoleArn = self.given(name, Field::AssumeRole)?.value.line().parse().ok()?;
                default(arn.account.as_str(), "the role to assume")
            }
            _ => None,
        }
    }

    fn likely_region(&self, name: &EnvironmentName) -> Option<Default> {
        let of_profile = |name: &EnvironmentName| {
            let profile = self.text(Some(name), Field::Profile)?;
            let region = self.discovery.profile(&profile)?.region.clone()?;
            Some((region, profile))
        };
        if let Some((region, profile)) = of_profile(name) {
            return default(region.as_str(), format!("profile {profile}"));
        }
        let as_others = self.environment_names().iter().filter(|other| *other != name).find_map(|other| {
            let given = self.given(other, Field::Region).and_then(|given| given.value.line().parse().ok());
            let region: Region = given.or_else(|| of_profile(other).map(|(region, _)| region))?;
            default(region.as_str(), format!("as for {other}"))
        });
        as_others.or_else(|| self.start.region.as_ref().and_then(|(region, source)| default(region, source)))
    }

    fn likely_role(&self, name: &EnvironmentName) -> Option<Default> {
        let account: AccountId = self.given(name, Field::Account)?.value.line().parse().ok()?;
        let region: Region = self.text(Some(name), Field::Region)?.parse().ok()?;
        let arn = RoleArn {
            partition: region.partition(),
            account,
            path: "/".parse().ok()?,
            name: "OrganizationAccountAccessRole".parse().ok()?,
        };
        default(arn.to_string(), "the role AWS Organizations makes in new accounts")
    }

    fn likely_from(&self, name: &EnvironmentName) -> Option<Default> {
        let names = self.environment_names();
        let other = names
            .iter()
            .filter(|other| *other != name)
            .find(|other| self.text(Some(other), Field::SignIn).is_some_and(|form| form != "assume-role"))?;
        default(other.as_str(), "the first that signs in by itself")
    }
}

/// Whether a text is what the default of branches means by none.
pub(super) fn shown_branches(text: &str) -> String {
    match branches(text) {
        Ok(patterns) if patterns.is_empty() => "none".to_owned(),
        _ => text.to_owned(),
    }
}
