//! The words and options of every question.

use super::answers::FORMS;
use super::deploy;
use super::model::Model;
use super::page::{Choice, Field, Key, Kind, Options, Question, State};
use super::sso::SsoChoice;
use super::welcome::CLOUDS;
use crate::domain::federation::Authentication;
use crate::domain::names::EnvironmentName;
use crate::domain::preset::PRESETS;

impl Model {
    /// A question with its options and default.
    pub(super) fn question(&self, key: &Key) -> Question {
        let (label, why) = self.words(key);
        Question {
            kind: self.kind(key),
            // A name that did not work is not offered again.
            default: self.default(key).filter(|_| {
                let failed = self.discovery.organization.failed().is_some() && !self.sign_in.is_lost();
                key.field != Field::Organization || !failed
            }),
            optional: self.is_optional(key),
            problem: self.hindered.get(key).cloned(),
            key: key.clone(),
            label,
            why,
        }
    }

    fn words(&self, key: &Key) -> (String, String) {
        let name = key.environment.as_ref().map(EnvironmentName::as_str).unwrap_or_default();
        let (label, why): (String, String) = match &key.field {
            Field::Method => {
                let why = "keyless works with your own rights in Azure DevOps and gets no others.";
                let likely = self.start.sign_in.likely.as_ref();
                let likely = likely.map(|(method, source)| format!(" Likely: {}, since {source}.", method.word()));
                ("How to sign in".into(), format!("{why}{}", likely.unwrap_or_default()))
            }
            Field::Cloud => (
                "Where".into(),
                "Practice first: everything looks and works the same, and nothing real is touched.".into(),
            ),
            Field::Goal => ("What for".into(), "Nothing is changed before you approve a plan.".into()),
            Field::Token => (
                "Personal access token".into(),
                "keyless reads and changes the project with it; it is kept in memory and the keyring, never in a file.".into(),
            ),
            Field::Organization => (
                "Organisation".into(),
                "The NAME of https://dev.azure.com/NAME: tokens of its pipelines name it.".into(),
            ),
            Field::OrganizationId => (
                "Organisation id".into(),
                "The issuer of the tokens contains it; a typed one is compared with what Azure DevOps says.".into(),
            ),
            Field::Project => ("Project".into(), "Its pipelines deploy to AWS, and tokens name it.".into()),
            Field::Queue => (
                "Agent queue".into(),
                "The verification pipeline runs there; no queue with agents hosted by Microsoft was found.".into(),
            ),
            Field::Repository => (
                "Existing repository for the verification pipeline".into(),
                "You may not make repositories here, so its YAML goes to a branch of this one: whoever may push there can change what the pipeline runs.".into(),
            ),
            Field::Profiles => (
                "AWS profiles to make environments of".into(),
                "keyless signs in to each account with its profile or SSO session, only to set things up.".into(),
            ),
            Field::Name { profile } => (
                match profile.parse::<SsoChoice>() {
                    Ok(choice) => format!("Environment of account {}", self.sso_words(&choice)),
                    Err(_) => format!("Environment of profile {profile}"),
                },
                "Role, connection and branches get their usual names from it.".into(),
            ),
            Field::More => (
                "Further environments".into(),
                "For accounts without a profile here; names with commas between.".into(),
            ),
            Field::Preset => match &key.environment {
                Some(_) => ("Rights".into(), "What pipelines may do with the role.".into()),
                None => ("Rights of the roles".into(), "What pipelines may do in AWS once they assumed a role.".into()),
            },
            Field::Save => (
                format!("Save {}", self.start.file),
                "It holds the answers and no secret: commit it, and the next setup asks nothing.".into(),
            ),
            Field::Foreign { step } => (
                format!("Change {}", self.foreign_words(step)),
                "keyless did not make it; somebody else may rely on it as it is.".into(),
            ),
            Field::Confirm => (
                format!("Type {name} to change it"),
                format!("{name} is protected: changes to it need its name."),
            ),
            Field::HandOver => (
                "Leave that to somebody else".into(),
                "Their AWS side is written as files for whoever may change it, and the rest is set up; you see the new plan first.".into(),
            ),
            Field::Subject { step } => match self.review().and_then(|review| review.subjects.get(step)) {
                Some(other) => (
                    format!("Type the subject that {} shall trust", other.title),
                    format!(
                        "It trusts {} today. To make it trust {} instead, type that; nothing leaves the role as it is.",
                        other.found, other.wanted
                    ),
                ),
                None => (format!("Type the subject that {} shall trust", step.words()), String::new()),
            },
            Field::Approve => ("Carry out this plan".into(), "Nothing has been changed so far.".into()),
            Field::Deploy(what) => return deploy::words(*what, name),
            field => return environment_words(field, name),
        };
        (label, why)
    }

    fn foreign_words(&self, step: &crate::domain::key::StepKey) -> String {
        let what = self.review().and_then(|review| review.foreign.get(step));
        what.cloned().unwrap_or_else(|| step.to_string())
    }

    /// An account of an SSO session, by name and id.
    pub(super) fn sso_words(&self, choice: &SsoChoice) -> String {
        match choice {
            SsoChoice::SignIn { session } => format!("of SSO session {session}"),
            SsoChoice::Account { account, permission_set, .. } => match self.sso_account_name(choice) {
                Some(name) => format!("{name} ({account}, {permission_set})"),
                None => format!("{account} ({permission_set})"),
            },
        }
    }

    fn kind(&self, key: &Key) -> Kind {
        match &key.field {
            Field::Deploy(what) => self.kind_of_deploy(key, *what),
            Field::Method => {
                let methods = &self.start.sign_in.methods;
                Kind::Choice(Options::fixed(methods.iter().map(|method| (method.word(), method.about()))))
            }
            Field::Cloud => Kind::Choice(Options::fixed(CLOUDS)),
            Field::Goal => Kind::Choice(Self::goals()),
            Field::Token => Kind::Secret,
            Field::Project => match self.discovery.projects.ready() {
                Some(projects) if !projects.is_empty() => {
                    Kind::Choice(Options::fixed(projects.iter().map(|project| (project.as_str(), ""))))
                }
                _ => Kind::Text,
            },
            Field::Queue => match self.discovery.verification.ready() {
                Some(found) if !found.queues.is_empty() => {
                    let note =
                        |hosted: &bool| if *hosted { "hosted by Microsoft" } else { "your own agents" };
                    Kind::Choice(Options::fixed(
                        found.queues.iter().map(|(name, hosted)| (name, note(hosted))),
                    ))
                }
                _ => Kind::Text,
            },
            Field::Repository => match self.discovery.verification.ready() {
                Some(found) if !found.repositories.is_empty() => {
                    Kind::Choice(Options::fixed(found.repositories.iter().map(|name| (name, ""))))
                }
                _ => Kind::Text,
            },
            Field::Profiles => Kind::Many(self.account_options()),
            Field::Profile if !self.discovery.profiles().is_empty() => Kind::Choice(self.profile_options()),
            Field::SignIn => Kind::Choice(Options::fixed(FORMS.into_iter().zip([
                "a profile of the AWS configuration",
                "an IAM Identity Center session of the AWS configuration",
                "a role, assumed with the sign-in of another environment",
                "AWS_ACCESS_KEY_ID and its companions",
            ]))),
            Field::SsoSession => match self.discovery.profiles.ready() {
                Some((_, sessions)) if !sessions.is_empty() => {
                    Kind::Choice(Options::fixed(sessions.iter().map(|name| (name, ""))))
                }
                _ => Kind::Text,
            },
            Field::PermissionSet => {
                let known = key.environment.as_ref().and_then(|name| self.sso_permission_sets(name));
                known
                    .map_or(Kind::Text, |sets| Kind::Choice(Options::fixed(sets.iter().map(|set| (set, "")))))
            }
            Field::From => {
                let names = self.environment_names();
                let others = names.iter().filter(|name| Some(*name) != key.environment.as_ref());
                Kind::Choice(Options::fixed(others.map(|name| (name.as_str(), ""))))
            }
            Field::Preset => {
                Kind::Choice(Options::fixed(PRESETS.iter().map(|preset| (preset.name, preset.about))))
            }
            Field::Authentication => Kind::Choice(Options::fixed(Authentication::WORDS.into_iter().zip([
                "the token of the run: no key is stored",
                "a stored key that may only become the role: whoever reads it can do that too",
                "a stored key that has the rights itself: whoever reads it has them too",
            ]))),
            Field::Adjust
            | Field::Save
            | Field::Approve
            | Field::HandOver
            | Field::Protected
            | Field::Foreign { .. } => Kind::Confirm,
            _ => Kind::Text,
        }
    }

    pub(super) fn profile_options(&self) -> Options {
        let choices = self.discovery.profiles().iter().map(|profile| {
            let slot = self.discovery.identities.get(&profile.name);
            let (note, state) = match (&profile.broken, slot) {
                (Some(reason), _) => (profile.kind.clone(), State::Failed(reason.clone())),
                (None, Some(slot)) => {
                    let account = slot.ready().map(|identity| &identity.account).or(profile.account.as_ref());
                    let account = account.map(|account| format!("account {account}, ")).unwrap_or_default();
                    (format!("{account}{}", profile.kind), slot.state())
                }
                (None, None) => (profile.kind.clone(), State::Ready),
            };
            Choice { value: profile.name.clone(), note, state }
        });
        Options { state: self.discovery.profiles.state(), choices: choices.collect() }
    }
}

fn environment_words(field: &Field, name: &str) -> (String, String) {
    let (label, why) = match field {
        Field::Account => {
            ("Account id", "The provider and the role are made in this AWS account.".to_owned())
        }
        Field::Region => ("Region", "Pipelines deploy there; it also decides the AWS partition.".to_owned()),
        Field::SignIn => (
            "How keyless signs in",
            "keyless itself needs rights in the account; pipelines never use this.".to_owned(),
        ),
        Field::Profile => {
            ("AWS profile", "The profile of the AWS configuration that reaches this account.".to_owned())
        }
        Field::SsoSession => ("SSO session", "The [sso-session NAME] of the AWS configuration.".to_owned()),
        Field::PermissionSet => {
            ("Permission set", "The role that IAM Identity Center gives you in this account.".to_owned())
        }
        Field::AssumeRole => ("Role to assume", "A role in this account that keyless may assume.".to_owned()),
        Field::From => ("Assumed from", "The environment whose sign-in may assume that role.".to_owned()),
        Field::Role => ("Role of the pipelines", format!("The IAM role that pipelines of {name} assume.")),
        Field::Connection => (
            "Service connection",
            format!("Pipelines name it to deploy to {name}, and the role trusts exactly it."),
        ),
        Field::Authentication => (
            "How pipelines sign in",
            "A stored key is only for where OIDC cannot be used; it stays a finding as long as it is there."
                .to_owned(),
        ),
        Field::User => (
            "User of the access key",
            format!("keyless makes it, and pipelines of {name} sign in with its key."),
        ),
        Field::SourceIp => (
            "Addresses the key works from",
            "Ranges such as 203.0.113.0/24 with commas between; nothing: from everywhere.".to_owned(),
        ),
        Field::Branches => (
            "Branches",
            "Which branches deploy here; names or prefixes such as feat/*, with commas between.".to_owned(),
        ),
        Field::Protected => (
            "Protected",
            format!("Changes to a protected environment ask for its name; {name} would be typed each time."),
        ),
        Field::Adjust => {
            return (
                format!("Change anything for {name}"),
                "The values above are taken when you do not.".to_owned(),
            );
        }
        _ => ("", String::new()),
    };
    (label.to_owned(), why)
}
