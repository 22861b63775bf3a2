//! An IAM user whose last key is gone: deleted, its policies recorded first, where nothing else needs it.

use serde_json::json;

use super::key::KeyEnds;
use super::{Turned, key_key, user_key};
use crate::cloud::aws::Aws;
use crate::domain::failure::Result;
use crate::domain::federation::Environment;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::user::User as Found;
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Verb};
use crate::steps::facts::ask_protected;

/// What is known of a person's will about users that nothing needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// They stay.
    #[default]
    Left,
    /// The person can be asked about each.
    Asked,
    /// They go.
    Deleted,
}

/// The end of an IAM user.
pub struct User {
    /// The user, and the key that was its last.
    pub turned: Turned,
    /// The keys of this user that the rotation ends: each is gone first.
    pub keys: Vec<Turned>,
    /// Whether it is to go at all.
    pub wish: Wish,
    /// The environments it deployed to.
    pub environments: Vec<Environment>,
    /// The sign-in to its account.
    pub owner: StepKey,
    /// The client of its account, or why there is none.
    pub aws: Result<Aws>,
}

/// What a look sees; none: the user is gone.
pub type Seen = Option<There>;

/// A user that is there.
#[derive(Debug, Clone)]
pub struct There {
    user: Found,
    /// Its keys.
    keys: Vec<String>,
    /// Whether a person signs in to the console with it.
    password: bool,
}

impl User {
    /// Why it stays.
    fn needed(&self, there: &There) -> Option<String> {
        if !there.keys.is_empty() {
            return Some(format!("it has access keys: {}", there.keys.join(", ")));
        }
        if there.password {
            return Some("it has a console password: a person may use it".to_owned());
        }
        if !there.user.unreadable.is_empty() {
            return Some(format!(
                "{} could not be read, so it could not be made again",
                there.user.unreadable.join(", ")
            ));
        }
        None
    }
}

impl Step for User {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        user_key(&self.turned)
    }

    fn title(&self) -> String {
        format!("user {} in {}", self.turned.user, self.turned.account)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.environments.iter().map(|environment| environment.name.clone()).collect()
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![self.owner.clone()]
    }

    fn after(&self) -> Vec<StepKey> {
        self.keys.iter().map(key_key).collect()
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let Some(user) = aws.user(&self.turned.user).await? else { return Ok(None) };
        let (keys, password) =
            futures::try_join!(aws.user_keys(&self.turned.user), aws.has_password(&self.turned.user))?;
        // Those that end in this run are gone before the user's turn comes.
        let ends = |id: &String| {
            let own = self.keys.iter().find(|turned| turned.key == *id);
            own.is_some_and(|turned| known.get(&Of::<KeyEnds>::new(key_key(turned))).is_some())
        };
        let keys = keys.into_iter().map(|key| key.id).filter(|id| !ends(id)).collect();
        Ok(Some(There { user, keys, password }))
    }

    fn report(&self, seen: &Seen) -> Report {
        let found = seen.as_ref().map(|there| {
            json!({
                "arn": there.user.arn,
                "policies": there.user.inline.keys().chain(&there.user.attached).collect::<Vec<_>>(),
                "groups": there.user.groups.iter().map(|group| &group.name).collect::<Vec<_>>(),
                "console password": there.password,
                "access keys": there.keys,
            })
        });
        Report { found, ..Report::default() }
    }

    fn plan(&self, seen: &Seen) -> Change {
        let Some(there) = seen else { return Change::keep(self.key(), self.title(), "it is gone") };
        if let Some(why) = self.needed(there) {
            return Change::keep(self.key(), self.title(), format!("left: {why}"));
        }
        if self.wish == Wish::Left {
            return Change::keep(
                self.key(),
                self.title(),
                "left: nothing else uses it, and --delete-users would delete it",
            );
        }
        let why = "its last key is gone, it has no password, and nothing else uses it";
        let mut change = Change::keep(self.key(), self.title(), why);
        let user = &there.user;
        change.verb = Verb::Delete;
        change.before = Some(json!({
            "arn": user.arn,
            "policies": user.inline.keys().collect::<Vec<_>>(),
            "attached": user.attached,
            "groups": user.groups.iter().map(|group| &group.name).collect::<Vec<_>>(),
        }));
        change.writes = 1 + user.inline.len() + user.attached.len() + user.groups.len();
        change.reversible = false;
        change.rights =
            ["iam:DeleteUserPolicy", "iam:DetachUserPolicy", "iam:RemoveUserFromGroup", "iam:DeleteUser"]
                .map(str::to_owned)
                .to_vec();
        change.asks = self.environments.iter().filter_map(ask_protected).collect();
        change.asks.push(match self.wish {
            Wish::Asked => Ask::Retire {
                user: user.name.clone(),
                what: format!("{} has no key any more, no password, and nothing else uses it", self.title()),
            },
            Wish::Left | Wish::Deleted => {
                Ask::Foreign { what: format!("{} was not made by keyless", self.title()) }
            }
        });
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let Some(there) = seen else { return Ok(()) };
        aws.delete_user(pen, &there.user).await
    }
}
