//! Golden transcripts of the accessible lines: the whole flow, the way back, problems, and the end of the input.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{BufRead, Read, Write};
use std::rc::Rc;

use secrecy::{ExposeSecret, SecretString};

use super::driver::{Performer, run};
use super::lines::{Lines, Secrets};
use crate::domain::failure::{Class, Code, Result};
use crate::wizard::tests::answer;
use crate::wizard::{Effect, Ended, Found, Handle, Method, Model, Msg, Offer, Start};

/// Lines that are echoed as a terminal would, so that a transcript shows both sides.
struct Typed {
    lines: VecDeque<String>,
    current: Vec<u8>,
    screen: Screen,
}

#[derive(Clone, Default)]
struct Screen(Rc<RefCell<Vec<u8>>>);

impl Screen {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Read for Typed {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        unreachable!("lines are read as lines")
    }
}

impl BufRead for Typed {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.current.is_empty()
            && let Some(line) = self.lines.pop_front()
        {
            let shown = if line.starts_with("secret-") { "(not echoed)" } else { &line };
            write!(self.screen, "{shown}")?;
            self.current = format!("{line}\n").into_bytes();
        }
        Ok(&self.current)
    }
    fn consume(&mut self, amount: usize) {
        self.current.drain(..amount);
    }
}

/// Answers as the clouds of the wizard's own tests do, except where a test says otherwise.
struct Scripted {
    secrets: RefCell<Vec<SecretString>>,
    effects: RefCell<Vec<Effect>>,
    instead: fn(&Effect, usize) -> Option<Vec<Msg>>,
}

impl Performer for Scripted {
    fn keep(&self, secret: SecretString) -> Handle {
        self.secrets.borrow_mut().push(secret);
        Handle(self.secrets.borrow().len() as u64 - 1)
    }

    async fn perform(&self, effect: Effect) -> Vec<Msg> {
        tokio::task::yield_now().await;
        let before = self.effects.borrow().len();
        self.effects.borrow_mut().push(effect.clone());
        (self.instead)(&effect, before).unwrap_or_else(|| answer(&effect))
    }
}

struct Told {
    screen: String,
    result: Result<()>,
    model: Model,
    performer: Scripted,
}

fn tell(mut model: Model, typed: &str, instead: fn(&Effect, usize) -> Option<Vec<Msg>>) -> Told {
    let screen = Screen::default();
    let lines = typed.lines().map(|line| line.trim().to_owned()).collect();
    let input = Typed { lines, current: Vec::new(), screen: screen.clone() };
    let mut asker = Lines::new(input, screen.clone(), Secrets::Lines);
    let performer = Scripted { secrets: RefCell::default(), effects: RefCell::default(), instead };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let result = runtime.block_on(run(&mut model, &mut asker, &performer));
    let screen = screen.text();
    assert!(!screen.contains("secret-"), "a secret was shown: {screen}");
    for line in screen.lines() {
        assert!(line.chars().count() <= super::words::WIDTH + 24, "too long: {line}");
    }
    Told { screen, result, model, performer }
}

fn nothing_else(_: &Effect, _: usize) -> Option<Vec<Msg>> {
    None
}

#[test]
fn the_whole_way_with_defaults() {
    let told = tell(
        Model::new(Start::default()),
        "secret-pat-1
         contoso

         1















         yes
         prod
         yes",
        nothing_else,
    );
    insta::assert_snapshot!(told.screen);
    told.result.unwrap();
    assert!(told.model.is_done());
    assert_eq!(told.performer.secrets.borrow()[0].expose_secret(), "secret-pat-1");
    let applied =
        |effect: &Effect| matches!(effect, Effect::Apply { environments, .. } if environments.len() == 3);
    assert_eq!(told.performer.effects.borrow().iter().filter(|effect| applied(effect)).count(), 1);
}

#[test]
fn a_device_code_is_read_out_and_a_failed_way_is_asked_again() {
    let offer = Offer {
        methods: Method::ALL.to_vec(),
        likely: Some((Method::Browser, "this machine has a desktop".to_owned())),
    };
    let told = tell(
        Model::new(Start { sign_in: offer, ..Start::default() }),
        "

         2
         back
         4
         secret-pat-1
         contoso",
        |effect, _| match effect {
            Effect::SignIn { generation, method: Method::Browser } => {
                let result =
                    Err("a Conditional Access policy of your organisation blocks this sign-in".to_owned());
                Some(vec![Msg::SignInBegun { generation: *generation, result }])
            }
            _ => None,
        },
    );
    insta::assert_snapshot!(told.screen);
    assert_eq!(told.result.unwrap_err().code, Code::InputEnded);
    assert_eq!(told.performer.secrets.borrow().len(), 1);
    let begun = |effect: &Effect| matches!(effect, Effect::SignIn { .. });
    assert_eq!(told.performer.effects.borrow().iter().filter(|effect| begun(effect)).count(), 3);
}

#[test]
fn help_mistakes_and_the_way_back() {
    let told = tell(
        Model::new(Start { signed_in: true, ..Start::default() }),
        "?
         con toso
         fabrikam
         contoso
         7a1c9d52-6b0e-4f3a-9c77-000000000000
         7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34
         9
         payments
         9, 1
         all
         test
         back
         back
         back
         2
         2, 3
         prod
         back
         test

         ?
         sandbox
         no
         2


         yes


         999988887777



         aws-test
         AWS-Testing
         main, *
         none

         cdk


         no
         no
         no",
        nothing_else,
    );
    insta::assert_snapshot!(told.screen);
    told.result.unwrap();
    let federation = told.model.federation().unwrap();
    assert_eq!(federation.project.as_str(), "web");
    let staging = &federation.environments[2];
    assert_eq!((staging.connection.as_str(), staging.preset.as_str()), ("AWS-Testing", "cdk"));
    assert!(staging.branches.is_empty());
    let written = |effect: &Effect| matches!(effect, Effect::SaveConfig { .. } | Effect::Apply { .. });
    assert!(!told.performer.effects.borrow().iter().any(written));
}

#[test]
fn the_end_of_the_input_names_the_question() {
    let told =
        tell(Model::new(Start { signed_in: true, ..Start::default() }), "contoso\n\n1\n", nothing_else);
    let failure = told.result.unwrap_err();
    assert_eq!((failure.code, failure.class), (Code::InputEnded, Class::BadInput));
    assert_eq!(failure.evidence("question"), Some("AWS profiles to make environments of"));
}

#[test]
fn a_plan_that_fails_or_goes_stale_is_shown_anew() {
    fn fails_once_then_goes_stale(effect: &Effect, before: usize) -> Option<Vec<Msg>> {
        if let (Effect::Apply { generation, .. }, ..=15) = (effect, before) {
            let ended = Ended { stale: true, lines: Vec::new() };
            return Some(vec![Msg::Ended { generation: *generation, ended }]);
        }
        let Effect::MakePlan { generation, .. } = effect else { return None };
        let reason = "AWS did not answer for staging (KL-AWS-UNREACHABLE)".to_owned();
        (before < 13).then(|| vec![Msg::Reviewed { generation: *generation, result: Box::new(Err(reason)) }])
    }
    let model = Model::new(Start { signed_in: true, ..Start::default() });
    let told = tell(
        model,
        "contoso\n\n1\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nwhat\nretry\n\n\nyes\n\n\nyes\n",
        fails_once_then_goes_stale,
    );
    insta::assert_snapshot!(told.screen.split_once("Keep the answers").unwrap().1);
    assert!(told.model.is_done() && told.result.is_ok());
}

#[test]
fn nothing_is_asked_twice_when_nothing_can_be_discovered() {
    fn nothing_works(effect: &Effect, _: usize) -> Option<Vec<Msg>> {
        let reason = || "no answer".to_owned();
        let (generation, found) = match effect {
            Effect::DiscoverOrganization { generation, .. } => {
                (generation, Found::Organization(Err(reason())))
            }
            Effect::DiscoverProfiles { generation } => (generation, Found::Profiles(Err(reason()))),
            _ => return None,
        };
        Some(vec![Msg::Discovered { generation: *generation, found }])
    }
    let told = tell(
        Model::new(Start { signed_in: true, ..Start::default() }),
        "contoso\nretry\ncontoso\n",
        nothing_works,
    );
    insta::assert_snapshot!(told.screen);
    assert_eq!(told.result.unwrap_err().code, Code::InputEnded);
}
