//! The IAM user whose access key pipelines sign in with, where OIDC cannot be used: the user and its rights.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde_json::{Value, json};

use super::facts::{ask_owner, ask_protected, sign_in_key};
use super::rights;
use crate::cloud::aws::Aws;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Authentication, Environment};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::{Kind, StepKey};
use crate::domain::mark::{FederationId, Owner};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::policy::{self, Document};
use crate::domain::role::INLINE_POLICY;
use crate::domain::user::{User as Found, WantedUser};
use crate::engine::known::Known;
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Change, Verb};
use crate::plan::link::{Link, LinkState, LinkStatus};

/// Whether the user is wanted, or is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// It must be there as wanted.
    Present,
    /// It goes with its keys when keyless made it; else only the policy goes that keyless wrote.
    Absent,
}

/// The user of one environment.
pub struct User {
    /// What is wanted.
    pub wanted: WantedUser,
    /// Whether it is wanted at all.
    pub aim: Aim,
    /// Its environment.
    pub environment: Environment,
    /// The federation, to recognise own objects.
    pub federation: FederationId,
    /// The client, or why there is none.
    pub aws: Result<Aws>,
}

/// A user that is there.
#[derive(Debug, Clone)]
pub struct There {
    user: Found,
    keys: Vec<String>,
    password: bool,
}

/// What is missing on a user; what others put on it beside that is left alone.
#[derive(Debug, Clone, Default, PartialEq)]
struct Difference {
    tags: BTreeMap<String, String>,
    inline: BTreeMap<String, Document>,
    managed: Vec<String>,
}

impl Difference {
    fn writes(&self) -> usize {
        usize::from(!self.tags.is_empty()) + self.inline.len() + self.managed.len()
    }

    fn parts(&self) -> Vec<&'static str> {
        let parts = [
            (!self.tags.is_empty(), "tags"),
            (!self.inline.is_empty(), "rights"),
            (!self.managed.is_empty(), "managed policies"),
        ];
        parts.into_iter().filter(|(differs, _)| *differs).map(|(_, part)| part).collect()
    }
}

impl User {
    fn owner(&self, found: &Found) -> Owner {
        self.federation.owner_by_tags(found.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    fn name(&self) -> &str {
        self.wanted.name.as_str()
    }

    /// A user keyless did not make gets no mark of ownership: it is not keyless's to delete.
    fn difference(&self, found: &Found) -> Difference {
        let adopted = self.owner(found) != Owner::Ours;
        let wanted = &self.wanted;
        let tags = wanted.tags.iter().filter(|(key, value)| {
            found.tags.get(*key) != Some(value) && !(adopted && key.starts_with("keyless:"))
        });
        let inline = wanted.inline.iter().filter(|(name, document)| {
            !found.inline.get(*name).is_some_and(|there| policy::same_meaning(there, document))
        });
        Difference {
            tags: tags.map(|(key, value)| (key.clone(), value.clone())).collect(),
            inline: inline.map(|(name, document)| (name.clone(), document.clone())).collect(),
            managed: wanted.managed.iter().filter(|arn| !found.attached.contains(arn)).cloned().collect(),
        }
    }

    /// The user as it will be.
    fn shown_wanted(&self) -> Value {
        let inline = self.wanted.inline.iter().map(|(name, document)| (name.clone(), document.to_value()));
        let inline: serde_json::Map<String, Value> = inline.collect();
        json!({ "arn": self.wanted.arn, "inline": inline, "managed": self.wanted.managed })
    }

    fn plan_present(&self, seen: Option<&There>) -> Change {
        let keep = |why: &str| Change::keep(self.key(), self.title(), why);
        let asks = ask_protected(&self.environment).into_iter();
        let Some(there) = seen else {
            let mut change = keep("there is no such user");
            change.verb = Verb::Create;
            change.after = Some(self.shown_wanted());
            change.writes = 1 + self.wanted.inline.len() + self.wanted.managed.len();
            change.rights = actions(&["iam:CreateUser", "iam:TagUser", "iam:PutUserPolicy"]);
            change.asks = asks.collect();
            return change;
        };
        let difference = self.difference(&there.user);
        if difference == Difference::default() {
            return keep("user and rights are as wanted");
        }
        let mut change = keep(&difference.parts().join(", "));
        change.verb = Verb::Update;
        change.before = Some(shown_found(&there.user, &self.wanted));
        change.after = Some(self.shown_wanted());
        change.writes = difference.writes();
        change.rights = actions(&["iam:TagUser", "iam:PutUserPolicy", "iam:AttachUserPolicy"]);
        change.asks = asks.chain(ask_owner(&self.owner(&there.user), &self.title())).collect();
        change
    }

    fn plan_absent(&self, seen: Option<&There>) -> Change {
        let keep = |why: &str| Change::keep(self.key(), self.title(), why);
        let Some(there) = seen else { return keep("there is none") };
        let mut change = keep("keyless made it; its keys go with it");
        change.asks = ask_protected(&self.environment).into_iter().collect();
        change.before = Some(json!({ "arn": there.user.arn, "access keys": there.keys }));
        change.verb = Verb::Delete;
        change.reversible = false;
        if self.owner(&there.user) == Owner::Ours && !there.password && there.user.unreadable.is_empty() {
            let user = &there.user;
            change.writes =
                1 + there.keys.len() + user.inline.len() + user.attached.len() + user.groups.len();
            change.rights = actions(&["iam:DeleteAccessKey", "iam:DeleteUserPolicy", "iam:DeleteUser"]);
            return change;
        }
        let why = match self.owner(&there.user) {
            Owner::Ours if there.password => "left: somebody signs in to the console with it",
            Owner::Ours => "left: not everything on it could be read",
            _ => "left: keyless did not make it",
        };
        if !there.user.inline.contains_key(INLINE_POLICY) {
            return keep(why);
        }
        let keys =
            if there.keys.is_empty() { String::new() } else { format!(", with {}", there.keys.join(", ")) };
        change.why = format!("{why}{keys}; only the policy goes that keyless wrote");
        change.writes = 1;
        change.rights = actions(&["iam:DeleteUserPolicy"]);
        change
    }

    async fn apply_present(&self, aws: &Aws, pen: &Pen, seen: Option<There>) -> Result<()> {
        let (name, wanted) = (self.name(), &self.wanted);
        let difference = match &seen {
            Some(there) => self.difference(&there.user),
            None => {
                aws.create_user(pen, name, wanted.path.as_str(), &wanted.tags).await?;
                Difference {
                    tags: BTreeMap::new(),
                    inline: wanted.inline.clone(),
                    managed: wanted.managed.clone(),
                }
            }
        };
        if !difference.tags.is_empty() {
            let tags: Vec<(String, String)> = difference.tags.into_iter().collect();
            aws.tag_user(pen, name, &tags).await?;
        }
        let inline =
            difference.inline.iter().map(|(policy, text)| aws.put_user_policy(pen, name, policy, text));
        let attach = difference.managed.iter().map(|policy| aws.attach_to_user(pen, name, policy));
        futures::try_join!(try_join_all(inline), try_join_all(attach)).map(drop)
    }

    async fn apply_absent(&self, aws: &Aws, pen: &Pen, seen: Option<There>) -> Result<()> {
        let Some(there) = seen else { return Ok(()) };
        if self.owner(&there.user) != Owner::Ours || there.password || !there.user.unreadable.is_empty() {
            let Some(before) = there.user.inline.get(INLINE_POLICY) else { return Ok(()) };
            return aws.delete_user_policy(pen, self.name(), INLINE_POLICY, before).await;
        }
        for key in &there.keys {
            aws.delete_access_key(pen, self.name(), key).await?;
        }
        aws.delete_user(pen, &there.user).await
    }

    /// The links of the chain that a key does without.
    fn links(&self) -> Vec<LinkStatus> {
        let without: &[Link] = match self.environment.authentication {
            _ if self.aim == Aim::Absent => &[],
            Authentication::AccessKey { .. } => &[Link::Provider, Link::Role, Link::Trust],
            _ => &[Link::Provider],
        };
        let name = &self.wanted.environment;
        let status =
            |link: &Link| LinkStatus::new(name, *link, LinkState::Ok, "not needed with an access key");
        without.iter().map(status).collect()
    }

    /// What the user may do beside what pipelines need it for.
    fn findings(&self, there: &There) -> Vec<Finding> {
        let beside = self.wanted.beside(&there.user);
        if self.aim == Aim::Absent || beside.is_empty() {
            return Vec::new();
        }
        let finding = Finding::about(&self.wanted.environment, FindingCode::UserExtraPolicies);
        vec![finding.with("user", &there.user.arn).with("policies", beside.join(", "))]
    }
}

fn actions(actions: &[&str]) -> Vec<String> {
    actions.iter().map(|action| (*action).to_owned()).collect()
}

/// The same aspects as found; what others put on the user beside them is not shown.
fn shown_found(found: &Found, wanted: &WantedUser) -> Value {
    let inline = found.inline.iter().filter(|(name, _)| wanted.inline.contains_key(*name));
    let inline: serde_json::Map<String, Value> =
        inline.map(|(name, document)| (name.clone(), document.to_value())).collect();
    let managed: Vec<&String> = wanted.managed.iter().filter(|arn| found.attached.contains(arn)).collect();
    json!({ "arn": found.arn, "inline": inline, "managed": managed })
}

impl Step for User {
    type Seen = Option<There>;

    fn key(&self) -> StepKey {
        StepKey::new(Kind::User, format!("{}/{}", self.environment.account, self.wanted.name))
    }

    fn title(&self) -> String {
        format!("user {} in {}", self.wanted.name, self.environment.account)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![sign_in_key(&self.environment)]
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Option<There>> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let Some(user) = aws.user(self.name()).await? else { return Ok(None) };
        if user.arn != self.wanted.arn && self.aim == Aim::Present {
            return Err(Failure::new(Code::BlueprintConflict)
                .with("user", &user.arn)
                .with("wanted", &self.wanted.arn)
                .with("cause", "a user of that name exists with another path"));
        }
        if self.aim == Aim::Present {
            return Ok(Some(There { user, keys: Vec::new(), password: false }));
        }
        let (keys, password) = futures::try_join!(aws.user_keys(self.name()), aws.has_password(self.name()))?;
        Ok(Some(There { user, keys: keys.into_iter().map(|key| key.id).collect(), password }))
    }

    fn report(&self, seen: &Option<There>) -> Report {
        let found = seen.as_ref().map(|there| {
            json!({
                "arn": there.user.arn,
                "policies": there.user.inline.keys().chain(&there.user.attached).collect::<Vec<_>>(),
                "groups": there.user.groups.iter().map(|group| &group.name).collect::<Vec<_>>(),
            })
        });
        let findings = seen.as_ref().map(|there| self.findings(there)).unwrap_or_default();
        Report { found, findings, links: self.links(), ..Report::default() }
    }

    fn plan(&self, seen: &Option<There>) -> Change {
        match self.aim {
            Aim::Present => self.plan_present(seen.as_ref()),
            Aim::Absent => self.plan_absent(seen.as_ref()),
        }
    }

    async fn apply(&self, _cx: &Cx, known: &Known, pen: &Pen, seen: Option<There>) -> Result<()> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        rights::check(known, &self.environment, &self.plan(&seen))?;
        match self.aim {
            Aim::Present => self.apply_present(aws, pen, seen).await,
            Aim::Absent => self.apply_absent(aws, pen, seen).await,
        }
    }
}
