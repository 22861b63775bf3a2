//! The wizard as prompts, driven through a pseudo-terminal of 80×24: the real inquire, keys in, screen out.

#![cfg(unix)]

use std::cell::RefCell;

use keyless::plain::driver::{Performer, run};
use keyless::plain::prompts::Prompts;
use keyless::wizard::review::Review;
use keyless::wizard::{
    AwsProfile, Effect, Ended, Found, FoundOrganization, FoundPeople, FoundVerification, Handle, Identity,
    Model, Msg, Prompt, Somebody, Start,
};
use portable_pty::CommandBuilder;
use secrecy::{ExposeSecret, SecretString};

use super::sign_in::person;
use super::support::pty::Terminal;
use super::support::{Lab, Live};

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
            Effect::SignIn { generation, .. } => {
                return vec![Msg::SignInBegun { generation, result: Ok(Prompt::AzureCli) }];
            }
            Effect::AwaitSignIn { generation } => {
                return vec![Msg::SignedIn { generation, result: Ok(Handle(7)) }];
            }
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
            Effect::DiscoverPeople { generation, .. } => {
                let one = |value: &str| Somebody { value: value.to_owned(), note: String::new() };
                let people = vec![one("Payments Team"), one("ada@contoso.example")];
                let found = FoundPeople { default_team: "Payments Team".to_owned(), people };
                (generation, Found::People(Ok(found)))
            }
            Effect::DiscoverTool { generation, .. } => (generation, Found::Tool(None)),
            Effect::DiscoverProfiles { generation } => {
                let profiles = PROFILES.map(|(name, _)| profile(name)).to_vec();
                (generation, Found::Profiles(Ok((profiles, Vec::new()))))
            }
            Effect::IdentifyProfile { generation, profile } => {
                let account = PROFILES.iter().find(|(name, _)| *name == profile).unwrap().1.parse().unwrap();
                let identity = Ok(Identity { account, arn: String::new() });
                (generation, Found::Identity { profile, identity })
            }
            Effect::CheckShellKeys { generation } => (generation, Found::ShellKeys(None)),
            Effect::SsoDiscover { generation, session } => {
                (generation, Found::Sso { session, found: Err("not asked here".to_owned()) })
            }
            Effect::SsoBegin { generation, .. } | Effect::SsoWait { generation, .. } => {
                return vec![Msg::SsoSignedIn { generation, result: Err("not asked here".to_owned()) }];
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

/// The wizard on the other side of a terminal.
fn open() -> Terminal {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "prompts::other_side", "--ignored", "--nocapture", "--quiet"]);
    command.env("TERM", "xterm-256color");
    Terminal::start(command, (80, 24))
}

/// keyless itself on a fresh practice cloud.
fn keyless(state: &std::path::Path, arguments: &[&str]) -> Terminal {
    Terminal::keyless(state, arguments, (80, 24), &[])
}

/// Waits for the line that is being asked, the last one on the screen; then types.
fn asked(terminal: &mut Terminal, question: &str, keys: &str) {
    terminal.until(question, |text| {
        text.lines().rev().find(|line| line.starts_with("? ")).is_some_and(|line| line.contains(question))
    });
    terminal.keys(keys);
}

#[test]
fn prompts_lead_through_the_whole_wizard() {
    let mut terminal = open();
    asked(&mut terminal, "Personal access token", "secret-pat-7\r");
    asked(&mut terminal, "Organisation", "con toso\r");
    terminal.until("the reason", |text| text.contains("is no Azure DevOps organisation name"));
    assert!(!terminal.text().contains("secret-pat-7"));
    asked(&mut terminal, "Organisation", &format!("{}contoso\r", "\u{7f}".repeat(8)));
    asked(&mut terminal, "Organisation id", "\r");
    asked(&mut terminal, "Project", "web\r");
    asked(&mut terminal, "AWS profiles", "\r");
    asked(&mut terminal, "Environment of profile contoso-dev", "\r");
    asked(&mut terminal, "Environment of profile contoso-staging", "\u{1b}");
    asked(&mut terminal, "Environment of profile contoso-dev", "\r");
    asked(&mut terminal, "Environment of profile contoso-staging", "\r");
    asked(&mut terminal, "Environment of profile contoso-prod", "\r");
    asked(&mut terminal, "Further environments", "\r");
    asked(&mut terminal, "Take up the deployments too", "y\r");
    asked(&mut terminal, "Repository of the code", "\r");
    asked(&mut terminal, "What deploys", "terraform\r");
    asked(&mut terminal, "Which branches deploy where", "trunk\r");
    for name in ["dev", "staging"] {
        asked(&mut terminal, &format!("Change anything for {name}"), "\r");
    }
    asked(&mut terminal, "Who approves deployments", "\r");
    asked(&mut terminal, "Change anything for prod", "\r");
    asked(&mut terminal, "Rights of the roles", "\r");
    terminal.shows("deployments: terraform from web, flow trunk");
    asked(&mut terminal, "Save keyless.toml", "n\r");
    asked(&mut terminal, "Type prod to change it", "pro\r");
    terminal.until("the reason", |text| text.contains("`pro` is not `prod`"));
    asked(&mut terminal, "Type prod to change it", "d\r");
    asked(&mut terminal, "Carry out this plan", "y\r");
    terminal.until("the end", |text| text.contains("ended:"));
    let text = terminal.text();
    assert!(text.contains("ended: applied dev prod staging; secrets of [12]"), "{text}");
}

/// AWS denies the operator: the wizard offers to leave it to somebody else, shows the new plan, and writes their files.
#[test]
fn what_is_denied_is_left_to_somebody_else() {
    let place = tempfile::tempdir().unwrap();
    let world = format!(
        "{}\n[rights]\naws-denied = [\"iam:CreateRole\"]\n",
        include_str!("../../assets/worlds/fresh.toml")
    );
    std::fs::write(place.path().join("poor.toml"), world).unwrap();
    let mut terminal = keyless(place.path(), &["--sandbox=poor.toml", "--plain", "setup"]);
    for question in ["Organisation", "Organisation id", "Project", "AWS profiles"] {
        asked(&mut terminal, question, "\r");
    }
    for profile in ["contoso-dev", "contoso-stg", "contoso-prod"] {
        asked(&mut terminal, &format!("Environment of profile {profile}"), "\r");
    }
    asked(&mut terminal, "Further environments", "\r");
    asked(&mut terminal, "Take up the deployments too", "n\r");
    for name in ["dev", "staging", "prod"] {
        asked(&mut terminal, &format!("Change anything for {name}"), "\r");
    }
    asked(&mut terminal, "Rights of the roles", "\r");
    asked(&mut terminal, "Save", "n\r");
    asked(&mut terminal, "Leave that to somebody else", "\r");
    asked(&mut terminal, "Type prod to change it", "prod\r");
    asked(&mut terminal, "Carry out this plan", "y\r");
    assert_eq!(terminal.ended(), 0, "{}", terminal.text());
    terminal.until("the next step", |text| text.contains("verify --only azure-devops"));
    let plan = std::fs::read_to_string(place.path().join("keyless-aws-half/plan.json")).unwrap();
    assert!(plan.contains("777788889999"));
}

#[test]
fn ctrl_c_stops() {
    let mut terminal = open();
    asked(&mut terminal, "Personal access token", "\r");
    terminal.until("the reason", |text| text.contains("A token is needed"));
    asked(&mut terminal, "Personal access token", "\u{3}");
    terminal.until("the end", |text| text.contains("ended: KL-STOPPED"));
}

/// A machine on a practice cloud of this process, with nobody signed in, reached over SSH.
fn over_ssh(lab: &Lab) -> Live {
    Live::on(lab)
        .with("AZURE_DEVOPS_EXT_PAT", "")
        .with("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        .with("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")
}

/// The lines of the screen as one text.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wizard_signs_in_with_a_code() {
    let lab = Lab::of("fresh").await;
    let live = over_ssh(&lab);
    std::fs::remove_file(live.machine.work().join("keyless.toml")).unwrap();
    let mut terminal = Terminal::of(&live.command(&["--plain", "setup"]));
    let shown = tokio::task::spawn_blocking(move || {
        terminal.until("why", |text| flat(text).contains("this is an SSH session"));
        asked(&mut terminal, "How to sign in", "\r");
        terminal.until("the code", |text| flat(text).contains(" minutes) ..."));
        terminal
    });
    let mut terminal = shown.await.unwrap();
    let text = flat(&terminal.text());
    let after = |word: &str| text.split_once(word).unwrap().1.split(' ').next().unwrap().to_owned();
    person(&after("Open "), &[("user_code", &after(" and type ")), ("answer", "sign-in")]).await;
    let shown = tokio::task::spawn_blocking(move || {
        asked(&mut terminal, "Organisation", "contoso\r");
        terminal.until("the answer", |text| flat(text).contains("for this command only"));
        asked(&mut terminal, "Organisation id", "\u{3}");
        terminal.ended()
    });
    assert_eq!(shown.await.unwrap(), 130);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_asks_how_to_sign_in() {
    let lab = Lab::of("fresh").await;
    let live = over_ssh(&lab);
    let mut terminal = Terminal::of(&live.command(&["status"]));
    let ended = tokio::task::spawn_blocking(move || {
        // Over SSH the code is likely, and the token is the last of the list.
        asked(&mut terminal, "Sign in to Azure DevOps (contoso)", "pat\r");
        asked(&mut terminal, "Personal access token", &format!("{}\r", keyless::sandbox::practice_token()));
        let code = terminal.ended();
        (code, terminal.text())
    });
    let (code, text) = ended.await.unwrap();
    assert!(code <= 1, "{text}");
    assert!(!text.contains("PRACTICESECRET"), "{text}");
}

#[test]
fn a_question_in_lines_can_be_stopped() {
    let state = tempfile::tempdir().unwrap();
    let mut terminal = keyless(state.path(), &["--sandbox", "--accessible", "setup"]);
    terminal.until("the first question", |text| text.contains("Organisation"));
    terminal.keys("\x03");
    assert_eq!(terminal.ended(), 130, "{}", terminal.text());
}

#[test]
fn a_prompt_does_not_outlive_its_terminal() {
    let state = tempfile::tempdir().unwrap();
    let mut terminal = keyless(state.path(), &["--sandbox", "--plain", "setup"]);
    terminal.until("the first question", |text| text.contains("? Organisation"));
    // As a closed window does: every process of the terminal is told.
    terminal.signal("HUP");
    assert_eq!(terminal.ended(), 130, "{}", terminal.text());
}
