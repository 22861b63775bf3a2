//! The IAM OIDC provider of one account: reused where it exists, never narrowed for others.

use std::collections::BTreeSet;

use serde_json::json;

use super::facts::{ask_all, provider_key, sign_in_key};
use super::rights;
use crate::cloud::aws::Aws;
use crate::domain::diagnose;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::{Kind, StepKey};
use crate::domain::mark::{FederationId, Owner};
use crate::domain::names::{EnvironmentName, RoleName};
use crate::domain::pen::Pen;
use crate::domain::provider::{Provider as Found, WantedProvider};
use crate::engine::known::{Known, Yields};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Verb};
use crate::plan::link::{Link, LinkState, LinkStatus};

/// Whether the provider is wanted, or is to go.
#[derive(Debug, Clone)]
pub enum Aim {
    /// It must be there.
    Present,
    /// It goes, unless a role of the account other than these names it.
    Absent {
        /// Environments of the account that stay in the federation.
        needed_by: Vec<EnvironmentName>,
        /// Roles that go in the same run.
        leaving: Vec<RoleName>,
        /// Audiences that keyless added to a provider it did not make, from the journal.
        added: BTreeSet<String>,
    },
}

/// The provider of one account.
pub struct Provider {
    /// What is wanted.
    pub wanted: WantedProvider,
    /// Whether it is wanted at all.
    pub aim: Aim,
    /// The federation, to recognise own objects.
    pub federation: FederationId,
    /// The environment whose sign-in is used, and its client.
    pub environment: Environment,
    /// The client, or why there is none.
    pub aws: Result<Aws>,
    /// Environments that ask by name.
    pub protected: Vec<EnvironmentName>,
    /// Whether the account's other providers are looked at where this one is missing.
    pub looks_around: bool,
    /// What must have come before; for the provider of an issuer that was moved away from. It is not part of any chain.
    pub retired: Option<Vec<StepKey>>,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The provider.
    pub found: Option<Found>,
    /// Roles of the account that name it, or why that cannot be seen; only looked up where it is to go.
    pub users: Result<Users>,
    /// ARNs of the account's other providers; only looked up where this one is missing and the operator may list them.
    pub others: Vec<String>,
}

/// Roles that name a provider.
#[derive(Debug, Clone, Default)]
pub struct Users {
    /// Those that this run leaves alone.
    pub others: Vec<String>,
    /// Those that have had their turn in this run and name it all the same: they did before keyless came.
    pub stay: Vec<String>,
}

impl Provider {
    fn owner(&self, found: &Found) -> Owner {
        self.federation.owner_by_tags(found.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    fn missing_audiences(&self, found: &Found) -> Vec<String> {
        self.wanted.audiences.difference(&found.audiences).cloned().collect()
    }

    fn change(&self, verb: Verb, why: String, writes: usize, rights: &[&str]) -> Change {
        let mut change = Change::keep(self.key(), self.title(), why);
        change.verb = verb;
        change.writes = writes;
        change.rights = rights.iter().map(|right| (*right).to_owned()).collect();
        change.asks =
            self.protected.iter().map(|name| Ask::Protected { environment: name.clone() }).collect();
        change
    }

    fn plan_present(&self, found: Option<&Found>) -> Change {
        let Some(found) = found else { return planned(&self.wanted, &self.protected) };
        let missing = self.missing_audiences(found);
        if missing.is_empty() {
            return Change::keep(self.key(), self.title(), "the account knows the issuer and the audience");
        }
        let why = format!("audience {} is missing; others stay", missing.join(", "));
        let mut change =
            self.change(Verb::Update, why, missing.len(), &["iam:AddClientIDToOpenIDConnectProvider"]);
        let united: Vec<&String> = found.audiences.union(&self.wanted.audiences).collect();
        change.before = Some(json!({ "audiences": found.audiences }));
        change.after = Some(json!({ "audiences": united }));
        if let Owner::Other { name } = self.owner(found) {
            change.asks.push(Ask::Foreign { what: format!("{} belongs to {name}", self.title()) });
        }
        change
    }

    fn plan_absent(&self, seen: &Seen, needed_by: &[EnvironmentName], added: &BTreeSet<String>) -> Change {
        let keep = |why: String| Change::keep(self.key(), self.title(), why);
        let Some(found) = &seen.found else { return keep("there is none".to_owned()) };
        if let Some(name) = needed_by.first() {
            return keep(format!("left: {name} uses it too"));
        }
        let ours = self.owner(found) == Owner::Ours;
        match &seen.users {
            Ok(users) if !users.others.is_empty() => {
                return keep(format!("left: still named by {}", users.others.join(", ")));
            }
            Ok(users) if ours && !users.stay.is_empty() => {
                let mut left = keep(format!("left: still named by {}", users.stay.join(", ")));
                left.leftover = Some(format!("{}: {}", self.title(), left.why));
                return left;
            }
            Ok(_) => {}
            Err(failure) => {
                let mut left = keep(format!("left: whether a role uses it cannot be seen ({failure})"));
                left.leftover = ours.then(|| format!("{}: {}", self.title(), left.why));
                return left;
            }
        }
        if ours {
            let why = "keyless made it and no role names it".to_owned();
            let mut change = self.change(Verb::Delete, why, 1, &["iam:DeleteOpenIDConnectProvider"]);
            change.before = Some(json!({ "url": self.wanted.issuer, "audiences": found.audiences }));
            return change;
        }
        let back: Vec<&String> = found.audiences.intersection(added).collect();
        if back.is_empty() {
            return keep("left: keyless did not make it".to_owned());
        }
        let why = "keyless added the audience to a provider it did not make".to_owned();
        let rights = ["iam:RemoveClientIDFromOpenIDConnectProvider"];
        let mut change = self.change(Verb::Update, why, back.len(), &rights);
        let rest: Vec<&String> = found.audiences.difference(added).collect();
        change.before = Some(json!({ "audiences": found.audiences }));
        change.after = Some(json!({ "audiences": rest }));
        change
    }
}

impl Step for Provider {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        match self.retired {
            Some(_) => retired_provider_key(&self.wanted),
            None => provider_key(&self.wanted.account),
        }
    }

    fn title(&self) -> String {
        title(&self.wanted)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.wanted.environments.clone()
    }

    fn needs(&self) -> Vec<StepKey> {
        let before = self.retired.iter().flatten().cloned();
        std::iter::once(sign_in_key(&self.environment)).chain(before).collect()
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let found = aws.provider(&self.wanted.arn()).await?;
        let users = match (&self.aim, &found) {
            (Aim::Absent { leaving, .. }, Some(found)) => {
                match users(aws, found, leaving, known.is_applying()).await {
                    Err(failure) if failure.class != Class::Denied => return Err(failure),
                    users => users,
                }
            }
            _ => Ok(Users::default()),
        };
        let others = match (&found, self.looks_around) {
            (None, true) => match aws.providers().await {
                Err(failure) if failure.class != Class::Denied => return Err(failure),
                others => others.unwrap_or_default(),
            },
            _ => Vec::new(),
        };
        Ok(Seen { found, users, others })
    }

    fn yields(&self, seen: &Seen) -> Yields {
        seen.found.clone().map_or_else(Yields::none, Yields::some)
    }

    fn report(&self, seen: &Seen) -> Report {
        if self.retired.is_some() {
            return Report::default();
        }
        let (state, detail) = match &seen.found {
            None => (LinkState::Absent, "none for this issuer".to_owned()),
            Some(found) => match self.missing_audiences(found).as_slice() {
                [] => (LinkState::Ok, found.url.clone()),
                missing => (LinkState::Differs, format!("audience {} is missing", missing.join(", "))),
            },
        };
        let findings = match &seen.found {
            Some(found) => diagnose::provider::explains(&self.wanted, found),
            None => diagnose::provider::near(&self.wanted, &seen.others),
        };
        let healed = |finding: Finding| match finding.code {
            FindingCode::ProviderThumbprint => finding,
            _ => finding.healed_by(&self.key()),
        };
        let links = self.wanted.environments.iter();
        Report {
            findings: findings.into_iter().map(healed).collect(),
            links: links.map(|name| LinkStatus::new(name, Link::Provider, state, detail.clone())).collect(),
            found: seen.found.as_ref().map(|found| {
                json!({
                    "arn": found.arn,
                    "url": found.url,
                    "audiences": found.audiences,
                    "thumbprints": found.thumbprints,
                    "tags": found.tags,
                })
            }),
            ..Report::default()
        }
    }

    fn plan(&self, seen: &Seen) -> Change {
        match &self.aim {
            Aim::Present => self.plan_present(seen.found.as_ref()),
            Aim::Absent { needed_by, added, .. } => self.plan_absent(seen, needed_by, added),
        }
    }

    async fn apply(&self, _cx: &Cx, known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let change = self.plan(&seen);
        rights::check(known, &self.environment, &change)?;
        match (&self.aim, &seen.found) {
            (Aim::Present, None) => aws.create_provider(pen, &self.wanted).await.map(drop),
            (Aim::Present, Some(found)) => {
                for audience in self.missing_audiences(found) {
                    aws.add_audience(pen, &found.arn, &audience).await?;
                }
                Ok(())
            }
            (Aim::Absent { .. }, Some(found)) if change.verb == Verb::Delete => {
                aws.delete_provider(pen, found).await
            }
            (Aim::Absent { added, .. }, Some(found)) => {
                for audience in found.audiences.intersection(added) {
                    aws.remove_audience(pen, &found.arn, audience).await?;
                }
                Ok(())
            }
            (Aim::Absent { .. }, None) => Ok(()),
        }
    }
}

/// The key of the provider of an issuer that was moved away from, or is not moved to after all.
fn retired_provider_key(wanted: &WantedProvider) -> StepKey {
    StepKey::new(Kind::Provider, format!("{}/{}", wanted.account, wanted.issuer.host_path()))
}

fn title(wanted: &WantedProvider) -> String {
    format!("provider {} in {}", wanted.issuer.host_path(), wanted.account)
}

/// What is intended where the account does not know the issuer.
pub fn planned(wanted: &WantedProvider, protected: &[EnvironmentName]) -> Change {
    let why = "the account does not know the issuer yet";
    let mut change = Change::keep(provider_key(&wanted.account), title(wanted), why);
    change.verb = Verb::Create;
    change.writes = 1;
    let rights = ["iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"];
    change.rights = rights.map(str::to_owned).to_vec();
    change.asks = ask_all(protected).collect();
    change.after = Some(json!({ "url": wanted.issuer, "audiences": wanted.audiences, "tags": wanted.tags }));
    change
}

/// Roles whose trust names the provider. Every role of the account must be readable.
async fn users(aws: &Aws, found: &Found, leaving: &[RoleName], applying: bool) -> Result<Users> {
    let roles = aws.roles_with_trust().await.map_err(|failure| {
        Failure::new(Code::AwsDenied)
            .class(failure.class)
            .with("object", &found.arn)
            .with("cause", "whether another role uses the provider cannot be seen")
            .with("detail", failure)
    })?;
    let mut users = Users::default();
    for (arn, _) in roles.into_iter().filter(|(_, trust)| trust.to_json().contains(&found.arn)) {
        if !leaving.contains(&arn.name) {
            users.others.push(arn.to_string());
        } else if applying {
            // Once changes are made, roles that went are gone: what is still there stays.
            users.stay.push(arn.to_string());
        }
    }
    Ok(users)
}
