//! The accounts that sign-ins reach: whose a key is, what its user may do, and users whose keys no connection holds.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt as _;
use futures::future::{join_all, join3};
use futures::stream;
use time::OffsetDateTime;

use super::GroupVariable;
use crate::cloud::aws::Aws;
use crate::domain::failure::Result;
use crate::domain::federation::{Environment, Federation};
use crate::domain::inventory::{Fact, Gap, IdleUser, Key, KeyState, KeyUser, LastUse, Owner, Policies, why};
use crate::domain::names::{AccountId, Region};
use crate::domain::rotation::{Mark, deactivated, marks, names_user};
use crate::domain::user::{ResourcePolicies, User};
use crate::programs::matrix;
use crate::programs::owner::{self, Owned};
use crate::programs::session::Session;

/// Users whose keys are asked for at once, in each account.
const AT_ONCE: usize = 16;

/// The accounts of the environments.
pub(super) struct Accounts<'a> {
    session: &'a Session,
    accounts: Vec<Account<'a>>,
}

/// One account.
struct Account<'a> {
    id: AccountId,
    environments: Vec<&'a Environment>,
    /// A client that is really signed in to it, or why there is none.
    client: Result<&'a Aws>,
}

/// A user without the key it was found by.
#[derive(Clone)]
struct Looked {
    arn: Option<String>,
    keys: Fact<Vec<KeyState>>,
    password: Fact<bool>,
    policies: Fact<Policies>,
}

/// Keys by their ids.
#[derive(Default)]
pub(super) struct Keys(BTreeMap<String, Key>);

impl Keys {
    /// A key; one that was not looked up is unknown.
    pub(super) fn get(&self, id: &str) -> Key {
        let unknown = || Key {
            id: id.to_owned(),
            account: Fact::Unknown("it was not looked up".to_owned()),
            owner: Owner::Unreached,
        };
        self.0.get(id).cloned().unwrap_or_else(unknown)
    }
}

impl<'a> Accounts<'a> {
    /// Signs in to each account once.
    pub(super) async fn sign_in(session: &'a Session, federation: &'a Federation) -> Self {
        let looks = matrix::accounts(federation, &[]).into_iter().map(|(id, environments)| async move {
            let client = matrix::signed_in(session, &environments).await;
            Account { id: id.clone(), environments, client }
        });
        Self { session, accounts: join_all(looks).await }
    }

    /// The client of an account; none: it is the account of no environment.
    pub(super) fn client(&self, account: &AccountId) -> Option<Result<Aws>> {
        let found = self.accounts.iter().find(|it| it.id == *account)?;
        Some(found.client.as_ref().map(|aws| (*aws).clone()).map_err(Clone::clone))
    }

    /// Accounts that cannot be signed in to.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        let gap = |account: &Account<'_>| {
            let names: Vec<&str> = account.environments.iter().map(|it| it.name.as_str()).collect();
            let what = format!("account {} ({})", account.id, names.join(", "));
            Some(Gap { what, why: why(account.client.as_ref().err()?) })
        };
        self.accounts.iter().filter_map(gap).collect()
    }

    fn reached(&self) -> impl Iterator<Item = (&Account<'a>, &'a Aws)> {
        self.accounts.iter().filter_map(|account| Some((account, *account.client.as_ref().ok()?)))
    }

    /// The cloud's own time; where no account is reached, this machine's.
    pub(super) async fn now(&self, here: OffsetDateTime) -> OffsetDateTime {
        let Some((_, aws)) = self.reached().next() else { return here };
        aws.cloud_time().await.unwrap_or(here)
    }

    /// Looks up keys, each once, and each of their users once. Policies of resources are read for users of keys that a
    /// switch is `ahead` of.
    pub(super) async fn keys(&self, ids: BTreeSet<String>, ahead: &BTreeSet<String>) -> Keys {
        let Some((_, asked)) = self.reached().next() else { return Keys(self.unreached(ids)) };
        let looks = ids.into_iter().map(|id| async move {
            let owned = owner::owned(asked, &id, |account| self.client(account)).await;
            (id, owned)
        });
        let owned: Vec<(String, Result<Owned>)> = join_all(looks).await;
        let (mut users, mut switched) = (BTreeSet::new(), BTreeSet::new());
        for (id, found) in &owned {
            let Ok(Owned { account, owner: owner::Owner::User(name, _) }) = found else { continue };
            users.insert((account.clone(), name.clone()));
            if ahead.contains(id) {
                switched.insert(account.clone());
            }
        }
        let users = users.into_iter().map(|(account, name)| async move {
            let looked = self.user(&account, &name).await;
            ((account, name), looked)
        });
        let policies = switched.into_iter().map(|account| async move {
            let read = self.resource_policies(&account).await;
            (account, read)
        });
        let (users, policies) = futures::join!(join_all(users), join_all(policies));
        let (users, policies) = (users.into_iter().collect(), policies.into_iter().collect());
        let keys = owned.into_iter().map(|(id, found)| {
            let policies = ahead.contains(&id).then_some(&policies);
            (id.clone(), key(id, found, &users, policies))
        });
        Keys(keys.collect())
    }

    /// Keys of which nothing can be told, because no sign-in works.
    fn unreached(&self, ids: BTreeSet<String>) -> BTreeMap<String, Key> {
        let refused = self.accounts.iter().find_map(|account| account.client.as_ref().err());
        let reason = refused.map_or_else(|| "no sign-in to AWS works".to_owned(), why);
        let key = |id: String| {
            let account = Fact::Unknown(reason.clone());
            (id.clone(), Key { id, account, owner: Owner::Unreached })
        };
        ids.into_iter().map(key).collect()
    }

    async fn user(&self, account: &AccountId, name: &str) -> Option<Looked> {
        let Some(Ok(aws)) = self.client(account) else { return None };
        let (user, keys, password) = join3(aws.user(name), aws.user_keys(name), aws.has_password(name)).await;
        let arn = user.as_ref().ok().and_then(|user| Some(user.as_ref()?.arn.clone()));
        let policies = match user {
            Ok(Some(user)) => Fact::Known(user.into()),
            Ok(None) => Fact::Unknown("the user is gone".to_owned()),
            Err(failure) => Fact::Unknown(why(&failure)),
        };
        let keys = keys.map(|keys| keys.into_iter().map(KeyState::from).collect());
        Some(Looked { arn, keys: Fact::of(keys), password: Fact::of(password), policies })
    }

    /// The policies of an account's resources: KMS keys of every region that its environments are in.
    async fn resource_policies(&self, account: &AccountId) -> ResourcePolicies {
        let mut regions: BTreeMap<Region, Aws> = BTreeMap::new();
        for it in self.accounts.iter().filter(|it| it.id == *account) {
            let clients =
                it.environments.iter().filter_map(|mine| self.session.aws.get(&mine.name)?.as_ref().ok());
            for aws in clients {
                regions.entry(aws.region().clone()).or_insert_with(|| aws.clone());
            }
        }
        let mut all = ResourcePolicies::default();
        for read in join_all(regions.values().map(Aws::resource_policies)).await {
            for (resource, policy) in read.found {
                if !all.found.iter().any(|(known, _)| *known == resource) {
                    all.found.push((resource, policy));
                }
            }
        }
        all
    }

    /// Users with active keys that no connection holds, and what could not be seen. keyless's own user is none of them.
    pub(super) async fn idle_users(
        &self,
        held: &BTreeSet<String>,
        groups: &[GroupVariable],
    ) -> (Vec<IdleUser>, Vec<Gap>) {
        let looks = self.reached().map(|(account, aws)| async move {
            let gap = |what: String, failure| Gap { what, why: why(&failure) };
            let users = match aws.users().await {
                Ok(users) => users,
                Err(failure) => {
                    return (Vec::new(), Some(gap(format!("IAM users of account {}", account.id), failure)));
                }
            };
            let own = aws.caller_identity().await.map(|identity| identity.arn).unwrap_or_default();
            let users = users.into_iter().filter(|user| user.arn != own);
            let read: Vec<_> = stream::iter(users)
                .map(|user| async move {
                    let keys = aws.user_keys(&user.name).await;
                    (user, keys)
                })
                .buffered(AT_ONCE)
                .collect()
                .await;
            let (mut idle, mut blind) = (Vec::new(), None);
            for (user, keys) in read {
                match keys {
                    Ok(keys) => idle.extend(unheld(
                        &account.id,
                        &user,
                        keys.into_iter().map(KeyState::from),
                        held,
                        groups,
                    )),
                    Err(failure) => {
                        blind =
                            Some(gap(format!("access keys of IAM users of account {}", account.id), failure));
                    }
                }
            }
            (idle, blind)
        });
        let (users, gaps): (Vec<_>, Vec<_>) = join_all(looks).await.into_iter().unzip();
        (users.into_iter().flatten().collect(), gaps.into_iter().flatten().collect())
    }
}

/// A user's active keys that no connection holds; none: it has none.
fn unheld(
    account: &AccountId,
    user: &User,
    keys: impl Iterator<Item = KeyState>,
    held: &BTreeSet<String>,
    groups: &[GroupVariable],
) -> Option<IdleUser> {
    let off = |key: &KeyState| deactivated(&user.tags, &key.id);
    let keys: Vec<KeyState> =
        keys.filter(|key| (key.active || off(key).is_some()) && !held.contains(&key.id)).collect();
    if keys.is_empty() {
        return None;
    }
    let watched = marks(&user.tags);
    let mut notes = Vec::new();
    for key in &keys {
        let marks: Vec<&Mark> = watched.iter().filter(|mark| mark.key == key.id).collect();
        let since = marks.iter().filter_map(|mark| mark.since).max();
        let state = match (off(key), since) {
            (Some(off), _) => Some(format!("is off since {}: `keyless rotate` goes on", off.date())),
            (None, Some(since)) => {
                Some(format!("is watched since {}: `keyless rotate` goes on", since.date()))
            }
            (None, None) if marks.iter().any(|mark| mark.left) => Some(
                "stayed behind when its rotation was taken back: `keyless rotate` and `keyless rotate --renew-keys` end it"
                    .to_owned(),
            ),
            (None, None) if !marks.is_empty() => {
                Some("is being rotated: `keyless rotate` goes on".to_owned())
            }
            (None, None) => None,
        };
        notes.extend(state.map(|state| format!("{} {state}", key.id)));
        let stands = groups.iter().filter(|group| group.key() == Some(&key.id));
        notes.extend(
            stands.map(|it| format!("{} stands in variable group {} of {}", key.id, it.group, it.project)),
        );
    }
    Some(IdleUser { account: account.to_string(), name: user.name.clone(), keys, notes })
}

/// A key with its user, as far as both were seen.
fn key(
    id: String,
    found: Result<Owned>,
    users: &BTreeMap<(AccountId, String), Option<Looked>>,
    policies: Option<&BTreeMap<AccountId, ResourcePolicies>>,
) -> Key {
    let Owned { account, owner } = match found {
        Ok(owned) => owned,
        Err(failure) => return Key { id, account: Fact::Unknown(why(&failure)), owner: Owner::Unreached },
    };
    let owner = match owner {
        owner::Owner::Gone => Owner::Gone,
        owner::Owner::Unreached => Owner::Unreached,
        owner::Owner::Unknown(failure) => Owner::Unknown(why(&failure)),
        owner::Owner::User(name, last) => {
            let looked = users.get(&(account.clone(), name.clone())).cloned().flatten();
            let policies = policies.and_then(|policies| policies.get(&account));
            Owner::User(Box::new(user(name, last.map(Into::into), looked, policies)))
        }
    };
    Key { id, account: Fact::Known(account.to_string()), owner }
}

fn user(
    name: String,
    last: Option<LastUse>,
    looked: Option<Looked>,
    policies: Option<&ResourcePolicies>,
) -> KeyUser {
    let unseen = || "it was not looked up".to_owned();
    let looked = looked.unwrap_or_else(|| Looked {
        arn: None,
        keys: Fact::Unknown(unseen()),
        password: Fact::Unknown(unseen()),
        policies: Fact::Unknown(unseen()),
    });
    let (mut named_by, mut unread) = (Vec::new(), Vec::new());
    if let Some(policies) = policies {
        match &looked.arn {
            Some(arn) => {
                let named = policies.readable().filter(|(_, policy)| names_user(policy, arn));
                named_by.extend(named.map(|(resource, _)| resource.to_owned()));
            }
            None => unread.push("its ARN is not known".to_owned()),
        }
        unread.extend(policies.unreadable().map(|(what, failure)| format!("{what} ({})", why(failure))));
    }
    let Looked { keys, password, policies, .. } = looked;
    KeyUser { name, last, keys, password, policies, named_by, unread }
}
