//! Why a profile cannot sign in, as far as it can be told without asking anybody.

use aws_config::profile::{Profile, ProfileSet};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::identity_center::state_of;
use super::profiles::{ProfileKind, kind};
use super::sso_cache::{CachedToken, SsoCache, file_of};
use super::{Lookup, SessionState};

/// Settings in which tools write until when the keys of a profile are good.
const ENDS: [&str; 4] =
    ["x_security_token_expires", "aws_session_expiration", "aws_expiration", "expiration"];

/// What is looked at.
pub(super) struct Bench<'a> {
    pub(super) set: &'a ProfileSet,
    pub(super) lookup: &'a Lookup,
    /// None: sessions are not looked at.
    pub(super) cache: Option<&'a dyn SsoCache>,
}

fn setting<'a>(profile: &'a Profile, key: &str) -> Option<&'a str> {
    profile.get(key).map(str::trim).filter(|value| !value.is_empty())
}

impl Bench<'_> {
    /// Why the profile cannot sign in; none: nothing speaks against it.
    pub(super) fn broken(&self, profile: &Profile) -> Option<String> {
        self.broken_after(profile, &mut Vec::new())
    }

    fn broken_after(&self, profile: &Profile, seen: &mut Vec<String>) -> Option<String> {
        seen.push(profile.name().to_owned());
        match kind(profile) {
            ProfileKind::Settings => Some("the profile has no credentials of any kind".to_owned()),
            ProfileKind::Sso => self.sso(profile),
            ProfileKind::Role => self.role(profile, seen),
            ProfileKind::Keys => self.keys(profile),
            ProfileKind::Process | ProfileKind::Login | ProfileKind::WebIdentity => None,
        }
    }

    fn sso(&self, profile: &Profile) -> Option<String> {
        for key in ["sso_account_id", "sso_role_name"] {
            if setting(profile, key).is_none() {
                return Some(format!(
                    "it has no {key}: `aws configure sso --profile {}` writes it",
                    profile.name()
                ));
            }
        }
        let identifier = match setting(profile, "sso_session") {
            Some(name) => {
                let Some(session) = self.set.sso_session(name) else {
                    return Some(format!(
                        "the AWS configuration has no [sso-session {name}], which it names"
                    ));
                };
                let lacks = |key: &&str| session.get(key).is_none_or(|value| value.trim().is_empty());
                if let Some(key) = ["sso_start_url", "sso_region"].into_iter().find(lacks) {
                    return Some(format!("[sso-session {name}], which it names, has no {key}"));
                }
                name
            }
            None => {
                if setting(profile, "sso_region").is_none() {
                    return Some("it has no sso_region".to_owned());
                }
                setting(profile, "sso_start_url")?
            }
        };
        let how = match setting(profile, "sso_session") {
            Some(name) => {
                format!("sign in with `aws sso login --sso-session {name}`, or choose sso:{name} here")
            }
            None => format!("sign in with `aws sso login --profile {}`", profile.name()),
        };
        let cache = self.cache?;
        let cached = cache.read(&file_of(identifier)).ok()?;
        match state_of(cached.as_ref().and_then(CachedToken::parse).as_ref(), cache.now()) {
            SessionState::SignedIn => None,
            SessionState::Expired(at) => Some(format!("its SSO session expired at {}: {how}", moment(at))),
            SessionState::Never => Some(format!("nobody is signed in to its SSO session: {how}")),
        }
    }

    fn role(&self, profile: &Profile, seen: &mut Vec<String>) -> Option<String> {
        match (setting(profile, "source_profile"), setting(profile, "credential_source")) {
            (None, None) => Some(
                "it has a role_arn, but neither source_profile nor credential_source to assume it with"
                    .to_owned(),
            ),
            (Some(_), Some(_)) => {
                Some("it has both source_profile and credential_source; one is accepted".to_owned())
            }
            (Some(source), None) => self.source(profile, source, seen),
            (None, Some(source)) => self.credential_source(source),
        }
    }

    fn source(&self, profile: &Profile, source: &str, seen: &mut Vec<String>) -> Option<String> {
        let Some(found) = self.set.get_profile(source) else {
            return Some(format!("its source_profile {source} is not in the AWS configuration"));
        };
        // A profile may name itself: its own keys assume its role.
        if source == profile.name() {
            return match setting(profile, "aws_access_key_id") {
                Some(_) => self.keys(profile),
                None => Some("it names itself as source_profile and has no keys of its own".to_owned()),
            };
        }
        if seen.iter().any(|name| name == source) {
            return Some(format!("its source_profile {source} leads back to it"));
        }
        let why = self.broken_after(found, seen)?;
        Some(format!("its source_profile {source} does not work: {why}"))
    }

    fn credential_source(&self, source: &str) -> Option<String> {
        match source {
            "Environment" => {
                let keys = (self.lookup)("AWS_ACCESS_KEY_ID").is_some_and(|value| !value.is_empty());
                (!keys).then(|| {
                    "it takes keys from the environment, where AWS_ACCESS_KEY_ID is not set".to_owned()
                })
            }
            "EcsContainer" => None,
            "Ec2InstanceMetadata" => {
                Some("it takes credentials from EC2 instance metadata, which keyless does not ask".to_owned())
            }
            other => Some(format!(
                "its credential_source {other} is unknown: Environment, EcsContainer or Ec2InstanceMetadata is accepted"
            )),
        }
    }

    fn keys(&self, profile: &Profile) -> Option<String> {
        if setting(profile, "aws_secret_access_key").is_none() {
            return Some("it has an aws_access_key_id and no aws_secret_access_key".to_owned());
        }
        let now = self.cache?.now();
        let ends = ENDS.iter().find_map(|key| setting(profile, key)).and_then(end)?;
        (ends <= now).then(|| format!("its keys expired at {}", moment(ends)))
    }
}

/// A time as tools write it, in seconds since 1970.
fn end(text: &str) -> Option<i64> {
    let text = text.replacen(' ', "T", 1);
    let with_zone = format!("{text}Z");
    let parsed =
        OffsetDateTime::parse(&text, &Rfc3339).or_else(|_| OffsetDateTime::parse(&with_zone, &Rfc3339));
    parsed.ok().map(OffsetDateTime::unix_timestamp)
}

fn moment(seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use aws_runtime::env_config::file::{Builder, EnvConfigFileKind};
    use secrecy::SecretString;

    use super::*;
    use crate::cloud::aws::{CONCURRENCY, Transport};
    use crate::cloud::signin::AwsSignIn;
    use crate::domain::failure::Result;

    const NOW: i64 = 1_795_293_493;

    struct Kept(BTreeMap<String, String>);

    impl SsoCache for Kept {
        fn read(&self, file: &str) -> Result<Option<SecretString>> {
            Ok(self.0.get(file).map(|text| text.as_str().into()))
        }
        fn write(&self, _: &str, _: &SecretString) -> Result<()> {
            Ok(())
        }
        fn now(&self) -> i64 {
            NOW
        }
    }

    const CONFIG: &str = "
[profile good]
sso_session = live
sso_account_id = 111122223333
sso_role_name = Admin
[profile renewable]
sso_session = renewable
sso_account_id = 111122223333
sso_role_name = Admin
[profile expired]
sso_session = old
sso_account_id = 111122223333
sso_role_name = Admin
[profile never]
sso_session = never
sso_account_id = 111122223333
sso_role_name = Admin
[profile old-form]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 111122223333
sso_role_name = Admin
[profile no-session]
sso_session = gone
sso_account_id = 111122223333
sso_role_name = Admin
[profile no-region]
sso_session = half
sso_account_id = 111122223333
sso_role_name = Admin
[profile no-role]
sso_session = live
sso_account_id = 111122223333
[profile no-source]
role_arn = arn:aws:iam::111122223333:role/x
[profile lost-source]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = gone
[profile a]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = b
[profile b]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = a
[profile behind]
role_arn = arn:aws:iam::111122223333:role/x
source_profile = expired
[profile metadata]
role_arn = arn:aws:iam::111122223333:role/x
credential_source = Ec2InstanceMetadata
[profile half-keys]
aws_access_key_id = AKIA
[profile stale-keys]
aws_access_key_id = ASIA
aws_secret_access_key = hush
x_security_token_expires = 2026-11-21T20:38:12Z
[profile keys]
aws_access_key_id = ASIA
aws_secret_access_key = hush
expiration = 2026-11-21 20:38:14
[profile nothing]
region = eu-west-1
[sso-session live]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
[sso-session renewable]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
[sso-session old]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
[sso-session never]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
[sso-session half]
sso_start_url = https://corp.awsapps.com/start
";

    fn cache() -> Kept {
        let token =
            |ends: &str, more: &str| format!(r#"{{"accessToken": "hush", "expiresAt": "{ends}"{more}}}"#);
        let renewal = r#", "clientId": "i", "clientSecret": "s", "refreshToken": "r", "registrationExpiresAt": "2027-01-01T00:00:00Z""#;
        Kept(BTreeMap::from([
            (file_of("live"), token("2026-11-21T20:38:14Z", "")),
            (file_of("old"), token("2026-11-21T20:38:13Z", "")),
            (file_of("renewable"), token("2026-11-20T20:38:13Z", renewal)),
        ]))
    }

    #[tokio::test]
    async fn every_broken_profile_says_why() {
        let files = Builder::new().with_contents(EnvConfigFileKind::Config, CONFIG);
        let desk = AwsSignIn::new(Transport::new(None, CONCURRENCY, None), Arc::new(|_| None));
        let desk = desk.with_files(files).with_cache(Arc::new(cache()));
        let found: BTreeMap<String, Option<String>> =
            desk.profiles().await.unwrap().into_iter().map(|facts| (facts.name, facts.broken)).collect();
        for (name, why) in [
            ("expired", "its SSO session expired at 2026-11-21T20:38:13Z: sign in with"),
            ("never", "nobody is signed in to its SSO session"),
            ("old-form", "`aws sso login --profile old-form`"),
            ("no-session", "no [sso-session gone]"),
            ("no-region", "[sso-session half], which it names, has no sso_region"),
            ("no-role", "it has no sso_role_name"),
            ("no-source", "neither source_profile nor credential_source"),
            ("lost-source", "its source_profile gone is not in"),
            ("a", "leads back"),
            ("behind", "its source_profile expired does not work: its SSO session expired"),
            ("metadata", "EC2 instance metadata"),
            ("half-keys", "no aws_secret_access_key"),
            ("stale-keys", "its keys expired at 2026-11-21T20:38:12Z"),
            ("nothing", "no credentials of any kind"),
        ] {
            let told = found[name].as_deref().unwrap_or_else(|| panic!("{name} is not broken"));
            assert!(told.contains(why), "{name}: {told}");
        }
        for name in ["good", "renewable", "keys"] {
            assert_eq!(found[name], None, "{name}");
        }
        assert!(!format!("{found:?}").contains("hush"));
    }
}
