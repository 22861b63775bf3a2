//! Tests of accounts through SSO sessions: choosing, signing in, late and failed answers.
#![allow(clippy::unwrap_used, reason = "a test may stop here")]
use super::Effect;
use super::discovery::SsoFound;
use super::model::Model;
use super::page::{Field, Key, PageId, Value};
use super::sso::{NoChoice, SsoChoice, SsoCode};
use crate::domain::federation::SignIn;
use crate::domain::names::EnvironmentName;
use crate::wizard::tests::answer;
use crate::wizard::{Found, FoundAccount, Msg, Start, update};

/// Performs what an update wants, except what is about SSO sessions: that comes back.
fn settle(model: &mut Model, effects: Vec<Effect>) -> Vec<Effect> {
    let mut open = effects;
    let mut sso = Vec::new();
    while let Some(effect) = open.pop() {
        match effect {
            Effect::SsoDiscover { .. } | Effect::SsoBegin { .. } | Effect::SsoWait { .. } => sso.push(effect),
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
    assert_eq!(model.value(&Key::of(Field::Profiles)), Some(Value::Many(vec!["contoso-staging".to_owned()])));
    let asked = choose(
        &mut model,
        &["contoso-staging", "sso:corp/111122223333/Administrator", "sso:corp/777788889999/Administrator"],
    );
    assert_eq!((asked, model.at()), (Vec::new(), &PageId::Names));
    let names: Vec<&str> = model.environment_names().iter().map(EnvironmentName::as_str).collect();
    assert_eq!(names, ["dev", "staging", "prod"]);
    say(&mut model, Msg::Next);
    say(
        &mut model,
        Msg::Answer { key: Key::at(&"dev".parse().unwrap(), Field::Region), value: Value::text("eu-west-1") },
    );
    let federation = model.federation().unwrap();
    let dev = &federation.environments[0];
    assert_eq!(dev.account.as_str(), "111122223333");
    let through_corp =
        SignIn::Sso { sso_session: "corp".to_owned(), permission_set: "Administrator".to_owned() };
    assert_eq!(dev.sign_in, through_corp);
    assert_eq!(federation.environments[1].sign_in, SignIn::Profile { profile: "contoso-staging".to_owned() });
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
    update(&mut model, Msg::Discovered { generation: generation.unwrap(), found: Found::ShellKeys(problem) });
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
    for text in ["corp", "sso:", "sso:a/b", "sso:a/1/b", "sso:a/111122223333/", "sso:a/111122223333/b/c"] {
        assert_eq!(text.parse::<SsoChoice>(), Err(NoChoice), "{text}");
    }
}
