//! The profiles and Identity Center sessions of the AWS configuration, for the person to choose from.

use std::collections::HashMap;

use aws_config::profile::{Profile, ProfileSet};
use aws_types::os_shim_internal::{Env, Fs};

use super::broken::Bench;
use super::{AwsSignIn, Lookup};
use crate::cloud::http::causes;
use crate::domain::arn::Arn;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::AccountId;

/// Where a profile's credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileKind {
    /// IAM Identity Center.
    Sso,
    /// A role assumed with another profile's credentials.
    Role,
    /// A program that prints credentials.
    Process,
    /// `aws login`.
    Login,
    /// A token file.
    WebIdentity,
    /// Access keys in the file.
    Keys,
    /// None of these: only settings.
    Settings,
}

impl ProfileKind {
    /// How it signs in, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Sso => "IAM Identity Center",
            Self::Role => "assumes a role",
            Self::Process => "credential process",
            Self::Login => "aws login",
            Self::WebIdentity => "web identity token file",
            Self::Keys => "access keys",
            Self::Settings => "only settings",
        }
    }
}

/// A profile, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileFacts {
    /// Its name.
    pub name: String,
    /// Where its credentials come from.
    pub kind: ProfileKind,
    /// Its account, where the profile tells it.
    pub account: Option<AccountId>,
    /// Its region, where the profile tells it.
    pub region: Option<String>,
    /// Why it cannot sign in, as far as it can be told without asking anybody; none: nothing speaks against it.
    pub broken: Option<String>,
}

/// Variables that say where the AWS configuration is.
const PLACES: [&str; 8] = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_PROFILE",
    "HOME",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "AWS_SDK_LOAD_CONFIG",
];

/// The environment as aws-config's own loader takes it.
fn places(lookup: &Lookup) -> Env {
    let found = PLACES.iter().filter_map(|name| Some(((*name).to_owned(), lookup(name)?)));
    Env::from(found.collect::<HashMap<String, String>>())
}

pub(super) fn kind(profile: &Profile) -> ProfileKind {
    let has = |key: &str| profile.get(key).is_some_and(|value| !value.is_empty());
    // The order is aws-config's own.
    if has("role_arn") && has("web_identity_token_file") {
        ProfileKind::WebIdentity
    } else if has("role_arn") {
        ProfileKind::Role
    } else if has("sso_session") || has("sso_start_url") {
        ProfileKind::Sso
    } else if has("login_session") {
        ProfileKind::Login
    } else if has("aws_access_key_id") {
        ProfileKind::Keys
    } else if has("credential_process") {
        ProfileKind::Process
    } else {
        ProfileKind::Settings
    }
}

fn account(profile: &Profile) -> Option<AccountId> {
    let of_arn = |key: &str| profile.get(key)?.parse::<Arn>().ok().map(|arn| arn.account);
    let text = of_arn("role_arn")
        .or_else(|| profile.get("sso_account_id").map(str::to_owned))
        .or_else(|| of_arn("login_session"))
        .or_else(|| profile.get("aws_account_id").map(str::to_owned))?;
    text.parse().ok()
}

impl AwsSignIn {
    /// The AWS configuration, read by aws-config's own loader.
    pub(super) async fn profile_set(&self) -> Result<ProfileSet> {
        let env = places(&self.lookup);
        let files = self.files.clone().build();
        aws_config::profile::load(&Fs::real(), &env, &files, None).await.map_err(|error| {
            Failure::new(Code::AwsSignIn).with("file", "the AWS configuration").with("cause", causes(&error))
        })
    }

    /// Every profile, by name. None at all is no failure.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub async fn profiles(&self) -> Result<Vec<ProfileFacts>> {
        let set = self.profile_set().await?;
        let bench = Bench { set: &set, lookup: &self.lookup, cache: self.cache.as_deref() };
        let mut profiles: Vec<ProfileFacts> = set
            .profiles()
            .filter_map(|name| set.get_profile(name))
            .map(|profile| ProfileFacts {
                name: profile.name().to_owned(),
                kind: kind(profile),
                account: account(profile),
                region: profile.get("region").map(str::to_owned),
                broken: bench.broken(profile),
            })
            .collect();
        profiles.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(profiles)
    }

    /// Whether a credential process has a part in the profile's credentials.
    pub(super) fn asks_a_process(set: &ProfileSet, name: &str) -> bool {
        let mut seen: Vec<&str> = Vec::new();
        let mut next = set.get_profile(name);
        while let Some(profile) = next.take().filter(|profile| !seen.contains(&profile.name())) {
            if profile.get("credential_process").is_some() {
                return true;
            }
            seen.push(profile.name());
            next = profile.get("source_profile").and_then(|source| set.get_profile(source));
        }
        false
    }

    /// The Identity Center session that the profile's credentials begin with, by the name of its cache file's owner.
    pub(super) fn session_of(set: &ProfileSet, name: &str) -> Option<String> {
        let mut seen: Vec<&str> = Vec::new();
        let mut next = set.get_profile(name);
        while let Some(profile) = next.take().filter(|profile| !seen.contains(&profile.name())) {
            if kind(profile) == ProfileKind::Sso {
                return profile.get("sso_session").map(str::to_owned);
            }
            seen.push(profile.name());
            next = profile.get("source_profile").and_then(|source| set.get_profile(source));
        }
        None
    }

    /// The names of the Identity Center sessions.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub async fn sso_sessions(&self) -> Result<Vec<String>> {
        let set = self.profile_set().await?;
        let mut names: Vec<String> = set.sso_sessions().map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use std::sync::Arc;

    use aws_runtime::env_config::file::{Builder, EnvConfigFileKind};

    use super::*;
    use crate::cloud::aws::{CONCURRENCY, Transport};

    const CONFIG: &str = "
[default]
region = eu-west-1
[profile dev]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = Admin
[profile prod]
role_arn = arn:aws:iam::444455556666:role/Admin
source_profile = dev
[profile vault]
credential_process = /bin/vault
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
";

    #[tokio::test]
    async fn profiles_tell_kind_and_account() {
        let files = Builder::new().with_contents(EnvConfigFileKind::Config, CONFIG).with_contents(
            EnvConfigFileKind::Credentials,
            "[keys]\naws_access_key_id=AKIA\naws_secret_access_key=hush\n",
        );
        let desk =
            AwsSignIn::new(Transport::new(None, CONCURRENCY, None), Arc::new(|_| None)).with_files(files);
        let found = desk.profiles().await.unwrap();
        let told: Vec<(&str, ProfileKind, Option<&str>)> = found
            .iter()
            .map(|p| (p.name.as_str(), p.kind, p.account.as_ref().map(AccountId::as_str)))
            .collect();
        assert_eq!(
            told,
            [
                ("default", ProfileKind::Settings, None),
                ("dev", ProfileKind::Sso, Some("111122223333")),
                ("keys", ProfileKind::Keys, None),
                ("prod", ProfileKind::Role, Some("444455556666")),
                ("vault", ProfileKind::Process, None),
            ]
        );
        assert_eq!(desk.sso_sessions().await.unwrap(), ["corp"]);
        assert!(!format!("{found:?}").contains("hush"));
    }
}
