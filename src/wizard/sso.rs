//! Accounts that are reached through SSO sessions: choosing them, and signing in to a session that has ended.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::discovery::{FoundAccount, Slot, SsoFound};
use super::model::Model;
use super::msg::Effect;
use super::naming;
use super::page::{Choice, Field, Key, Options, PageId, State, Value};
use crate::domain::names::{AccountId, EnvironmentName};

/// What a part of a choice may not hold as it is: lists of choices are typed with commas and blanks between.
const PART: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'@').remove(b'+').remove(b'=');

/// An option of the page of AWS accounts that is no profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SsoChoice {
    /// `sso:SESSION`: sign in to the session, so that its accounts can be chosen.
    SignIn {
        /// The session.
        session: String,
    },
    /// `sso:SESSION/ACCOUNT/PERMISSION-SET`: make an environment of the account.
    Account {
        /// The session.
        session: String,
        /// The account.
        account: AccountId,
        /// The permission set that keyless uses there.
        permission_set: String,
    },
}

impl fmt::Display for SsoChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |text| utf8_percent_encode(text, PART);
        match self {
            Self::SignIn { session } => write!(f, "sso:{}", part(session)),
            Self::Account { session, account, permission_set } => {
                write!(f, "sso:{}/{account}/{}", part(session), part(permission_set))
            }
        }
    }
}

/// A text that is no [`SsoChoice`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoChoice;

impl FromStr for SsoChoice {
    type Err = NoChoice;

    fn from_str(text: &str) -> Result<Self, NoChoice> {
        let part = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8().map_err(|_| NoChoice)?.into_owned();
            if decoded.is_empty() { Err(NoChoice) } else { Ok(decoded) }
        };
        let parts: Vec<&str> = text.strip_prefix("sso:").ok_or(NoChoice)?.split('/').collect();
        match parts[..] {
            [session] => Ok(Self::SignIn { session: part(session)? }),
            [session, account, set] => Ok(Self::Account {
                session: part(session)?,
                account: account.parse().map_err(|_| NoChoice)?,
                permission_set: part(set)?,
            }),
            _ => Err(NoChoice),
        }
    }
}

/// What a person must do to sign in to a session.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SsoCode {
    /// What the page shows, to be compared.
    pub user_code: String,
    /// The address to open; the code is asked for there.
    pub address: String,
    /// The address with the code filled in.
    pub address_with_code: String,
    /// Seconds until the code is no longer taken.
    pub expires_in: u64,
}

/// A sign-in to a session that was begun.
#[derive(Debug, Clone)]
pub(super) struct SsoLogin {
    session: String,
    generation: u64,
    code: Option<SsoCode>,
    ended: Option<Result<(), String>>,
}

impl Model {
    /// The sign-in to an SSO session that waits for the person: the session, and what to open once that is known.
    pub fn sso_sign_in(&self) -> Option<(&str, Option<&SsoCode>)> {
        let login = self.sso_login.as_ref().filter(|login| login.ended.is_none())?;
        Some((&login.session, login.code.as_ref()))
    }

    /// The names of the SSO sessions.
    pub(super) fn sso_sessions(&self) -> &[String] {
        self.discovery.profiles.ready().map_or(&[], |(_, sessions)| sessions)
    }

    /// Every account that can be chosen through a session: the choice, and the account's name.
    pub(super) fn sso_accounts(&self) -> impl Iterator<Item = (SsoChoice, &str)> {
        self.discovery.sso.iter().flat_map(|(session, slot)| {
            let found = match slot.ready() {
                Some(SsoFound::Accounts(accounts)) => accounts.as_slice(),
                _ => &[],
            };
            found.iter().flat_map(move |account| {
                account.permission_sets.iter().map(move |set| {
                    let choice = SsoChoice::Account {
                        session: session.clone(),
                        account: account.id.clone(),
                        permission_set: set.clone(),
                    };
                    (choice, account.name.as_str())
                })
            })
        })
    }

    /// What can be chosen on the page of AWS accounts: profiles, then what SSO sessions reach.
    pub(super) fn account_options(&self) -> Options {
        let mut options = self.profile_options();
        for session in self.sso_sessions() {
            let Some(slot) = self.discovery.sso.get(session) else { continue };
            if matches!(slot.ready(), Some(SsoFound::Accounts(accounts)) if !accounts.is_empty()) {
                continue;
            }
            let (note, state) = match slot.ready() {
                Some(SsoFound::SignedOut) => {
                    ("SSO session, nobody is signed in: choose it to sign in".to_owned(), State::Ready)
                }
                Some(SsoFound::Accounts(_)) => {
                    ("SSO session".to_owned(), State::Failed("it reaches no account".to_owned()))
                }
                None => ("SSO session".to_owned(), slot.state()),
            };
            let value = SsoChoice::SignIn { session: session.clone() }.to_string();
            options.choices.push(Choice { value, note, state });
        }
        options.choices.extend(self.sso_accounts().filter_map(|(choice, name)| {
            let SsoChoice::Account { session, account, permission_set } = &choice else { return None };
            let note = format!("account {account} {name}, {permission_set} through SSO session {session}");
            Some(Choice { value: choice.to_string(), note, state: State::Ready })
        }));
        options
    }

    /// The accounts of a session, once they are listed.
    fn sso_listed(&self, session: &str) -> Option<&[FoundAccount]> {
        match self.discovery.sso.get(session)?.ready()? {
            SsoFound::Accounts(accounts) => Some(accounts),
            SsoFound::SignedOut => None,
        }
    }

    fn sso_account(&self, session: &str, id: &AccountId) -> Option<&FoundAccount> {
        self.sso_listed(session)?.iter().find(|account| account.id == *id)
    }

    /// Whether a value of the page of AWS accounts that is no profile can be chosen; none: it is meant as a profile.
    pub(super) fn check_sso_choice(&self, text: &str) -> Option<Result<(), String>> {
        let choice: SsoChoice = text.parse().ok()?;
        let known = match &choice {
            SsoChoice::SignIn { session } => self.sso_sessions().contains(session),
            SsoChoice::Account { session, account, permission_set } => {
                // What is not listed yet is not judged: the plan will tell.
                let found = || self.sso_account(session, account);
                self.sso_sessions().contains(session)
                    && (self.sso_listed(session).is_none()
                        || found().is_some_and(|account| account.permission_sets.contains(permission_set)))
            }
        };
        let refused = || format!("`{text}` is no account of an SSO session: one of the list is accepted");
        Some(if known { Ok(()) } else { Err(refused()) })
    }

    /// The choice that an environment was made of.
    pub(super) fn sso_choice_of(&self, name: &EnvironmentName) -> Option<SsoChoice> {
        let (value, _) = self.chosen().iter().find(|(_, made)| made.as_ref() == Some(name))?;
        value.parse().ok().filter(|choice| matches!(choice, SsoChoice::Account { .. }))
    }

    /// The name of the account of a choice, once it is known.
    pub(super) fn sso_account_name(&self, choice: &SsoChoice) -> Option<&str> {
        match choice {
            SsoChoice::SignIn { .. } => None,
            SsoChoice::Account { session, account, .. } => {
                self.sso_account(session, account).map(|account| account.name.as_str())
            }
        }
    }

    /// The permission sets of a person in the account of an environment; none: not known.
    pub(super) fn sso_permission_sets(&self, name: &EnvironmentName) -> Option<&[String]> {
        let session = self.text(Some(name), Field::SsoSession)?;
        let account: AccountId = self.text(Some(name), Field::Account)?.parse().ok()?;
        let sets = self.sso_account(&session, &account)?.permission_sets.as_slice();
        (!sets.is_empty()).then_some(sets)
    }

    /// Whether the session is known not to reach the account.
    pub(super) fn sso_misses(&self, session: &str, account: &AccountId) -> bool {
        self.sso_listed(session).is_some_and(|accounts| !accounts.iter().any(|known| known.id == *account))
    }

    /// Names for the environments of accounts, by choice.
    pub(super) fn sso_proposals(&self) -> BTreeMap<String, EnvironmentName> {
        let all: Vec<(SsoChoice, &str)> = self.sso_accounts().collect();
        let names: Vec<&str> = all.iter().map(|(_, name)| *name).collect();
        let proposed = naming::propose(&names);
        all.iter()
            .filter_map(|(choice, name)| Some((choice.to_string(), proposed.get(*name)?.clone())))
            .collect()
    }

    /// What the page of AWS accounts waits for on behalf of a session.
    pub(super) fn sso_waiting(&self) -> Option<String> {
        let login = self.sso_login.as_ref()?;
        match (&login.ended, &login.code) {
            (None, None) => {
                Some(format!("IAM Identity Center is asked for a code for session {}", login.session))
            }
            (None, Some(code)) => Some(format!(
                "Open {} and allow access where the page shows the code {}: keyless waits for it, {} minutes at most",
                code.address_with_code,
                code.user_code,
                code.expires_in.div_ceil(60)
            )),
            (Some(Ok(())), _)
                if self.discovery.sso.get(&login.session).is_some_and(|slot| slot.is_loading()) =>
            {
                Some(format!("IAM Identity Center is asked for the accounts of session {}", login.session))
            }
            (Some(_), _) => None,
        }
    }

    /// Why the last sign-in to a session did not work.
    pub(super) fn sso_problem(&self) -> Option<String> {
        self.sso_login.as_ref()?.ended.as_ref()?.as_ref().err().cloned()
    }

    /// Differs when a sign-in has ended: the page shows other options, and is read anew.
    pub(super) fn sso_edition(&self) -> u64 {
        self.sso_login.as_ref().filter(|login| login.ended.is_some()).map_or(0, |login| login.generation)
    }

    /// The sessions whose accounts are being asked for.
    pub(super) fn sso_loading(&self) -> impl Iterator<Item = &str> {
        let loading = self.discovery.sso.iter().filter(|(_, slot)| slot.is_loading());
        loading.map(|(session, _)| session.as_str())
    }
}

/// Begins the sign-in that was chosen on the page of AWS accounts, if one was.
pub(super) fn begin(model: &mut Model) -> Option<Vec<Effect>> {
    let Some(Value::Many(chosen)) = model.value(&Key::of(Field::Profiles)) else { return None };
    let session = chosen.iter().find_map(|value| match value.parse() {
        Ok(SsoChoice::SignIn { session }) => Some(session),
        _ => None,
    })?;
    let generation = model.next_generation();
    model.sso_login = Some(SsoLogin { session: session.clone(), generation, code: None, ended: None });
    Some(vec![Effect::SsoBegin { generation, session }])
}

/// Takes the code of a sign-in, or the reason why there is none.
pub(super) fn code(model: &mut Model, generation: u64, result: Result<SsoCode, String>) -> Vec<Effect> {
    let login = model.sso_login.as_mut().filter(|login| login.generation == generation);
    let Some(login) = login.filter(|login| login.code.is_none() && login.ended.is_none()) else {
        return Vec::new();
    };
    match result {
        Ok(code) => {
            login.code = Some(code);
            vec![Effect::SsoWait { generation, session: login.session.clone() }]
        }
        Err(reason) => signed_in(model, generation, Err(reason)),
    }
}

/// Takes the end of a sign-in. The choice that began it is done with, and the accounts are asked for.
pub(super) fn signed_in(model: &mut Model, generation: u64, result: Result<(), String>) -> Vec<Effect> {
    let login = model.sso_login.as_mut().filter(|login| login.generation == generation);
    let Some(login) = login.filter(|login| login.ended.is_none()) else { return Vec::new() };
    let session = login.session.clone();
    if result.is_ok() {
        // Profiles that need the session work now, too.
        model.discovery.sso.remove(&session);
        model.discovery.profiles = Slot::default();
        model.discovery.forget_failures();
    }
    login.ended = Some(result);
    let done = SsoChoice::SignIn { session }.to_string();
    let key = Key::of(Field::Profiles);
    if let Some(given) = model.answers.get_mut(&key)
        && let Value::Many(values) = &mut given.value
    {
        values.retain(|value| *value != done);
        if values.is_empty() {
            model.answers.remove(&key);
        }
    }
    Vec::new()
}

/// Leaves a sign-in that nobody waits for any longer.
pub(super) fn leave(model: &mut Model) {
    if model.at == PageId::Profiles {
        model.sso_login = None;
    }
}
