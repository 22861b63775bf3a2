//! Accounts that are reached through SSO sessions: choosing them, and signing in to a session that has ended.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::discovery::SsoFound;
use super::flow::Effect;
use super::model::Model;
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

    /// Whether a value of the page of AWS accounts that is no profile can be chosen; none: it is meant as a profile.
    pub(super) fn check_sso_choice(&self, text: &str) -> Option<Result<(), String>> {
        let choice: SsoChoice = text.parse().ok()?;
        let known = match &choice {
            SsoChoice::SignIn { session } => self.sso_sessions().contains(session),
            SsoChoice::Account { session, .. } => {
                let listed = matches!(
                    self.discovery.sso.get(session).and_then(|slot| slot.ready()),
                    Some(SsoFound::Accounts(_))
                );
                // What is not listed yet is not judged: the plan will tell.
                self.sso_sessions().contains(session)
                    && (!listed || self.sso_accounts().any(|(known, _)| known == choice))
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
        self.sso_accounts().find(|(known, _)| known == choice).map(|(_, name)| name)
    }

    /// The permission sets of a person in the account of an environment; none: not known.
    pub(super) fn sso_permission_sets(&self, name: &EnvironmentName) -> Option<Vec<String>> {
        let session = self.text(Some(name), Field::SsoSession)?;
        let account: AccountId = self.text(Some(name), Field::Account)?.parse().ok()?;
        let sets: Vec<String> = self
            .sso_accounts()
            .filter_map(|(choice, _)| match choice {
                SsoChoice::Account { session: of, account: known, permission_set }
                    if of == session && known == account =>
                {
                    Some(permission_set)
                }
                _ => None,
            })
            .collect();
        (!sets.is_empty()).then_some(sets)
    }

    /// Whether the session is known not to reach the account.
    pub(super) fn sso_misses(&self, session: &str, account: &AccountId) -> bool {
        match self.discovery.sso.get(session).and_then(|slot| slot.ready()) {
            Some(SsoFound::Accounts(accounts)) => !accounts.iter().any(|known| known.id == *account),
            _ => false,
        }
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
        model.discovery.sso.remove(&session);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;
    use crate::domain::federation::SignIn;
    use crate::wizard::tests::answer;
    use crate::wizard::{Found, FoundAccount, Msg, Start, update};

    /// Performs what an update wants, except what is about SSO sessions: that comes back.
    fn settle(model: &mut Model, effects: Vec<Effect>) -> Vec<Effect> {
        let mut open = effects;
        let mut sso = Vec::new();
        while let Some(effect) = open.pop() {
            match effect {
                Effect::SsoDiscover { .. } | Effect::SsoBegin { .. } | Effect::SsoWait { .. } => {
                    sso.push(effect)
                }
                other => answer(&other).into_iter().for_each(|msg| open.extend(update(model, msg))),
            }
        }
        sso
    }

    fn say(model: &mut Model, msg: Msg) -> Vec<Effect> {
        let effects = update(model, msg);
        settle(model, effects)
    }

    fn found(session: &str, generation: u64, found: Result<SsoFound, String>) -> Msg {
        Msg::Discovered { generation, found: Found::Sso { session: session.to_owned(), found } }
    }

    /// A wizard on the page of AWS accounts whose session `corp` nobody is signed in to.
    fn signed_out() -> Model {
        let start = Start {
            signed_in: true,
            organization: Some(("contoso".to_owned(), "a test".to_owned())),
            project: Some(("Payments".to_owned(), "a test".to_owned())),
            ..Start::default()
        };
        let mut model = Model::new(start);
        let effects = model.begin();
        let asked = settle(&mut model, effects);
        let [Effect::SsoDiscover { generation, session }] = &asked[..] else { panic!("{asked:?}") };
        say(&mut model, found(session, *generation, Ok(SsoFound::SignedOut)));
        while *model.at() != PageId::Profiles {
            say(&mut model, Msg::Next);
        }
        model
    }

    fn choose(model: &mut Model, values: &[&str]) -> Vec<Effect> {
        let value = Value::Many(values.iter().map(|value| (*value).to_owned()).collect());
        say(model, Msg::Answer { key: Key::of(Field::Profiles), value });
        say(model, Msg::Next)
    }

    fn code() -> SsoCode {
        SsoCode {
            user_code: "ABCD-EFGH".to_owned(),
            address: "https://device.example/".to_owned(),
            address_with_code: "https://device.example/?user_code=ABCD-EFGH".to_owned(),
            expires_in: 600,
        }
    }

    fn accounts() -> SsoFound {
        let account = |id: &str, name: &str, sets: &[&str]| FoundAccount {
            id: id.parse().unwrap(),
            name: name.to_owned(),
            permission_sets: sets.iter().map(|set| (*set).to_owned()).collect(),
        };
        SsoFound::Accounts(vec![
            account("111122223333", "shop dev", &["Administrator", "ViewOnly"]),
            account("777788889999", "shop prod", &["Administrator"]),
        ])
    }

    /// Signs in to `corp` beside the profile that was chosen too.
    fn signed_in_model() -> Model {
        let mut model = signed_out();
        let begun = choose(&mut model, &["contoso-staging", "sso:corp"]);
        let [Effect::SsoBegin { generation, .. }] = begun[..] else { panic!("{begun:?}") };
        assert!(model.page().waiting.unwrap().contains("asked for a code"));
        let wait = say(&mut model, Msg::SsoCode { generation, result: Ok(code()) });
        assert_eq!(wait, [Effect::SsoWait { generation, session: "corp".to_owned() }]);
        assert_eq!(model.sso_sign_in(), Some(("corp", Some(&code()))));
        assert!(model.page().waiting.unwrap().contains("https://device.example/?user_code=ABCD-EFGH"));
        // Nobody goes on past a sign-in that is under way.
        let stayed = say(&mut model, Msg::Next);
        assert_eq!((stayed, model.at()), (Vec::new(), &PageId::Profiles));
        let asked = say(&mut model, Msg::SsoSignedIn { generation, result: Ok(()) });
        let [Effect::SsoDiscover { generation: listing, .. }] = asked[..] else { panic!("{asked:?}") };
        assert!(model.page().waiting.is_some() && model.page().edition == generation);
        say(&mut model, found("corp", listing, Ok(accounts())));
        assert_eq!(model.page().waiting, None);
        model
    }

    #[test]
    fn signing_in_shows_the_accounts_and_keeps_what_was_chosen() {
        let mut model = signed_in_model();
        let options = model.account_options();
        let values: Vec<&str> = options.choices.iter().map(|choice| choice.value.as_str()).collect();
        assert_eq!(
            values[4..],
            [
                "sso:corp/111122223333/Administrator",
                "sso:corp/111122223333/ViewOnly",
                "sso:corp/777788889999/Administrator"
            ]
        );
        assert_eq!(
            model.value(&Key::of(Field::Profiles)),
            Some(Value::Many(vec!["contoso-staging".to_owned()]))
        );
        let asked = choose(
            &mut model,
            &[
                "contoso-staging",
                "sso:corp/111122223333/Administrator",
                "sso:corp/777788889999/Administrator",
            ],
        );
        assert_eq!((asked, model.at()), (Vec::new(), &PageId::Names));
        let names: Vec<&str> = model.environment_names().iter().map(EnvironmentName::as_str).collect();
        assert_eq!(names, ["dev", "staging", "prod"]);
        say(&mut model, Msg::Next);
        say(
            &mut model,
            Msg::Answer {
                key: Key::at(&"dev".parse().unwrap(), Field::Region),
                value: Value::text("eu-west-1"),
            },
        );
        let federation = model.federation().unwrap();
        let dev = &federation.environments[0];
        assert_eq!(dev.account.as_str(), "111122223333");
        let through_corp =
            SignIn::Sso { sso_session: "corp".to_owned(), permission_set: "Administrator".to_owned() };
        assert_eq!(dev.sign_in, through_corp);
        assert_eq!(
            federation.environments[1].sign_in,
            SignIn::Profile { profile: "contoso-staging".to_owned() }
        );
    }

    #[test]
    fn a_failed_sign_in_is_told_and_late_answers_are_dropped() {
        let mut model = signed_out();
        let begun = choose(&mut model, &["sso:corp"]);
        let [Effect::SsoBegin { generation, .. }] = begun[..] else { panic!("{begun:?}") };
        say(&mut model, Msg::SsoCode { generation: generation + 1, result: Ok(code()) });
        assert_eq!(model.sso_sign_in(), Some(("corp", None)));
        say(&mut model, Msg::SsoCode { generation, result: Ok(code()) });
        say(&mut model, Msg::SsoSignedIn { generation, result: Err("it was denied".to_owned()) });
        let page = model.page();
        assert_eq!((page.problem.as_deref(), page.waiting), (Some("it was denied"), None));
        // The choice is done with: going on does not begin again.
        say(&mut model, Msg::Next);
        assert_eq!(model.at(), &PageId::Names);
        say(&mut model, Msg::SsoSignedIn { generation, result: Ok(()) });
        assert_eq!(model.sso_sign_in(), None);
    }

    #[test]
    fn what_a_session_does_not_reach_is_refused() {
        let model = signed_in_model();
        let key = Key::of(Field::Profiles);
        for text in ["sso:corp/444455556666/Administrator", "sso:corp/777788889999/ViewOnly", "sso:other"] {
            assert!(model.check(&key, text).unwrap_err().contains("no account of an SSO session"), "{text}");
        }
        assert_eq!(model.check(&key, "sso:corp/777788889999/Administrator"), Ok(()));
    }

    #[test]
    fn keys_of_the_shell_that_do_not_work_are_named_first() {
        let mut model = Model::new(Start { aws_keys: true, ..Start::default() });
        let effects = model.begin();
        let generation = effects.iter().find_map(|effect| match effect {
            Effect::CheckShellKeys { generation } => Some(*generation),
            _ => None,
        });
        assert!(model.page().pending.unwrap().contains("keys of this shell"));
        let problem = Some("they have expired (ExpiredToken).".to_owned());
        update(
            &mut model,
            Msg::Discovered { generation: generation.unwrap(), found: Found::ShellKeys(problem) },
        );
        let facts = model.page().facts;
        assert!(facts[0].value.contains("AWS_ACCESS_KEY_ID") && facts[0].value.contains("ExpiredToken"));
        let practice = Model::new(Start { aws_keys: true, practice: true, ..Start::default() }).begin();
        assert!(!practice.iter().any(|effect| matches!(effect, Effect::CheckShellKeys { .. })));
    }

    #[test]
    fn a_choice_is_read_as_it_was_written() {
        for (text, session, set) in [
            ("sso:corp/111122223333/Administrator", "corp", "Administrator"),
            ("sso:my%20corp%2C%20eu/111122223333/A%2FB%25", "my corp, eu", "A/B%"),
        ] {
            let choice = SsoChoice::Account {
                session: session.to_owned(),
                account: "111122223333".parse().unwrap(),
                permission_set: set.to_owned(),
            };
            assert_eq!(choice.to_string(), text);
            assert_eq!(text.parse(), Ok(choice));
        }
        assert_eq!("sso:corp".parse(), Ok(SsoChoice::SignIn { session: "corp".to_owned() }));
        for text in ["corp", "sso:", "sso:a/b", "sso:a/1/b", "sso:a/111122223333/", "sso:a/111122223333/b/c"]
        {
            assert_eq!(text.parse::<SsoChoice>(), Err(NoChoice), "{text}");
        }
    }
}
