//! The wizard as prompts, driven through a pseudo-terminal of 80×24: the real inquire, keys in, screen out.

#![cfg(unix)]

use std::cell::RefCell;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use keyless::plain::driver::{Performer, run};
use keyless::plain::prompts::Prompts;
use keyless::wizard::review::Review;
use keyless::wizard::{
    AwsProfile, Effect, Ended, Found, FoundOrganization, FoundVerification, Handle, Identity, Model, Msg,
    Start,
};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use secrecy::{ExposeSecret, SecretString};

/// Clouds that answer at once.
#[derive(Default)]
struct Clouds {
    secrets: RefCell<Vec<SecretString>>,
    applied: RefCell<Vec<String>>,
}

const PROFILES: [(&str, &str); 3] =
    [("contoso-dev", "111122223333"), ("contoso-staging", "444455556666"), ("contoso-prod", "777788889999")];

fn profile(name: &str) -> AwsProfile {
    AwsProfile {
        name: name.to_owned(),
        region: "eu-west-1".parse().ok(),
        account: None,
        kind: "SSO session corp".to_owned(),
        broken: None,
    }
}

impl Performer for Clouds {
    fn keep(&self, secret: SecretString) -> Handle {
        self.secrets.borrow_mut().push(secret);
        Handle(0)
    }

    async fn perform(&self, effect: Effect) -> Vec<Msg> {
        let (generation, found) = match effect {
            Effect::DiscoverOrganization { generation, organization, .. } => {
                let id = "7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34".parse().unwrap();
                (
                    generation,
                    Found::Organization(Ok(FoundOrganization { name: organization, id, operator: None })),
                )
            }
            Effect::DiscoverProjects { generation, .. } => {
                let names = ["Payments", "web"].map(|name| name.parse().unwrap());
                (generation, Found::Projects(Ok(names.to_vec())))
            }
            Effect::DiscoverVerification { generation, .. } => {
                (generation, Found::Verification(Ok(FoundVerification::default())))
            }
            Effect::DiscoverProfiles { generation } => {
                let profiles = PROFILES.map(|(name, _)| profile(name)).to_vec();
                (generation, Found::Profiles(Ok((profiles, Vec::new()))))
            }
            Effect::IdentifyProfile { generation, profile } => {
                let account = PROFILES.iter().find(|(name, _)| *name == profile).unwrap().1.parse().unwrap();
                let identity = Ok(Identity { account, arn: String::new() });
                (generation, Found::Identity { profile, identity })
            }
            Effect::SaveConfig { generation, .. } => {
                return vec![Msg::Saved { generation, result: Ok("keyless.toml".to_owned()) }];
            }
            Effect::MakePlan { generation, federation, .. } => {
                let environments =
                    federation.environments.iter().map(|e| (e.name.clone(), e.protected)).collect();
                let review = Review { writes: 9, environments, ..Review::default() };
                return vec![Msg::Reviewed { generation, result: Box::new(Ok(review)) }];
            }
            Effect::Apply { generation, environments, .. } => {
                self.applied.borrow_mut().extend(environments.iter().map(ToString::to_string));
                return vec![Msg::Ended { generation, ended: Ended { stale: false, lines: Vec::new() } }];
            }
            Effect::Open { .. } => unreachable!("these clouds are open"),
        };
        vec![Msg::Discovered { generation, found }]
    }
}

/// Runs in the pseudo-terminal, started by the tests below.
#[test]
#[ignore = "the other side of a pseudo-terminal"]
fn other_side() {
    let clouds = Clouds::default();
    let mut model = Model::new(Start::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    match runtime.block_on(run(&mut model, &mut Prompts::new(std::io::stderr()), &clouds)) {
        Ok(()) => {
            let secrets = clouds.secrets.borrow();
            let lengths: Vec<usize> = secrets.iter().map(|secret| secret.expose_secret().len()).collect();
            println!("ended: applied {}; secrets of {lengths:?}", clouds.applied.borrow().join(" "));
        }
        Err(failure) => println!("ended: {failure}"),
    }
}

/// The near side: what is on the screen, and keys.
struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Terminal {
    fn open() -> Self {
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", "prompts::other_side", "--ignored", "--nocapture", "--quiet"]);
        Self::start(command)
    }

    /// keyless itself on a fresh practice cloud.
    fn keyless(state: &std::path::Path, arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_keyless"));
        command.args(arguments);
        command.env("KEYLESS_STATE_DIR", state);
        command.cwd(state);
        Self::start(command)
    }

    fn start(mut command: CommandBuilder) -> Self {
        let pair = native_pty_system()
            .openpty(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 })
            .unwrap();
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let (rows, columns) = (24.try_into().unwrap(), 80.try_into().unwrap());
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 500)));
        let (mut reader, shown) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..length]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { screen, keys, child, _master: pair.master }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// The exit code, once the process has ended.
    fn ended(&mut self) -> u32 {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "it goes on:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The line that is being asked, once the screen shows it last; then the keys are typed.
    fn at(&mut self, question: &str, keys: &str) {
        self.until(question, |text| {
            text.lines().rev().find(|line| line.starts_with("? ")).is_some_and(|line| line.contains(question))
        });
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !holds(&self.text()) {
            assert!(Instant::now() < deadline, "{what} did not come:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn prompts_lead_through_the_whole_wizard() {
    let mut terminal = Terminal::open();
    terminal.at("Personal access token", "secret-pat-7\r");
    terminal.at("Organisation", "con toso\r");
    terminal.until("the reason", |text| text.contains("is no Azure DevOps organisation name"));
    assert!(!terminal.text().contains("secret-pat-7"));
    terminal.at("Organisation", &format!("{}contoso\r", "\u{7f}".repeat(8)));
    terminal.at("Organisation id", "\r");
    terminal.at("Project", "web\r");
    terminal.at("AWS profiles", "\r");
    terminal.at("Environment of profile contoso-dev", "\r");
    terminal.at("Environment of profile contoso-staging", "\u{1b}");
    terminal.at("Environment of profile contoso-dev", "\r");
    terminal.at("Environment of profile contoso-staging", "\r");
    terminal.at("Environment of profile contoso-prod", "\r");
    terminal.at("Further environments", "\r");
    for name in ["dev", "staging", "prod"] {
        terminal.at(&format!("Change anything for {name}"), "\r");
    }
    terminal.at("Rights of the roles", "\r");
    terminal.at("Save keyless.toml", "n\r");
    terminal.at("Type prod to change it", "pro\r");
    terminal.until("the reason", |text| text.contains("`pro` is not `prod`"));
    terminal.at("Type prod to change it", "d\r");
    terminal.at("Carry out this plan", "y\r");
    terminal.until("the end", |text| text.contains("ended:"));
    let text = terminal.text();
    assert!(text.contains("ended: applied dev prod staging; secrets of [12]"), "{text}");
}

#[test]
fn ctrl_c_stops() {
    let mut terminal = Terminal::open();
    terminal.at("Personal access token", "\r");
    terminal.until("the reason", |text| text.contains("A token is needed"));
    terminal.at("Personal access token", "\u{3}");
    terminal.until("the end", |text| text.contains("ended: KL-STOPPED"));
}

#[test]
fn a_question_in_lines_can_be_stopped() {
    let state = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::keyless(state.path(), &["--sandbox", "--accessible", "setup"]);
    terminal.until("the first question", |text| text.contains("Organisation"));
    terminal.keys.write_all(b"\x03").unwrap();
    assert_eq!(terminal.ended(), 130, "{}", terminal.text());
}

#[test]
fn a_prompt_does_not_outlive_its_terminal() {
    let state = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::keyless(state.path(), &["--sandbox", "--plain", "setup"]);
    terminal.until("the first question", |text| text.contains("? Organisation"));
    let process = terminal.child.process_id().unwrap().to_string();
    // As a closed window does: every process of the terminal is told.
    assert!(std::process::Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
    assert_eq!(terminal.ended(), 130, "{}", terminal.text());
}
