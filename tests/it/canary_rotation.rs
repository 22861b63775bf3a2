//! Rotation, the way back, new keys and the move of an issuer in all their forms: no secret in anything that is said or kept.
//!
//! What every run of the suite is held against (`support::secrets`) is held here against each secret that the cloud holds
//! while keys are made and put in: one that were not looked for would be told.

use keyless::sandbox::issuer::switch;
use keyless::sandbox::world::TokenIssuer;
use serde_json::Value;

use super::canary::assert_trace;
use super::support::binary::assert_clean;
#[cfg(unix)]
use super::support::pty::Terminal;
use super::support::secrets::secret_in;
use super::support::{Lab, Live};

/// A cloud of this process, and a machine beside it.
struct Stage {
    lab: Lab,
    live: Live,
    /// How many secrets were looked for at most.
    known: usize,
}

/// The key of the world's user.
const KEY: &str = "AKIAPRACTICEAAAAAAAA";

/// Members of the cloud's records that hold secrets.
const SECRETS: [&str; 2] = ["secret", "password"];

fn secrets(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(text) if SECRETS.contains(&name.as_str()) && !text.is_empty() => {
                        found.push(text.to_owned());
                    }
                    _ => secrets(value, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|value| secrets(value, found)),
        _ => {}
    }
}

impl Stage {
    fn on(lab: Lab) -> Self {
        Self { live: Live::on(&lab), lab, known: 0 }
    }

    /// keyless with everything it can say, and a trace. Its output was searched as it came; now the files are.
    async fn run(&mut self, arguments: &[&str], codes: &[i32]) -> Value {
        let trace = format!("{}.trace", uuid::Uuid::new_v4());
        let arguments = [arguments, &["-v", "--trace-http", &trace]].concat();
        let said = self.live.run(&arguments).await;
        assert!(codes.contains(&said.code), "{arguments:?}: {said:?}");
        assert_trace(&self.live.machine.work().join(&trace));
        self.check();
        // JSON lines end with the run's end; everything else is for people.
        said.out.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default()
    }

    /// keyless on a terminal, until it ends.
    #[cfg(unix)]
    fn on_terminal(&mut self, arguments: &[&str], keys: &[(&str, &str)], code: u32) {
        let trace = format!("{}.trace", uuid::Uuid::new_v4());
        let arguments = [arguments, &["-v", "--trace-http", &trace]].concat();
        let mut terminal = Terminal::of(&self.live.command(&arguments));
        for (shown, typed) in keys {
            terminal.at(shown, typed);
        }
        assert_eq!(terminal.ended(), code, "{arguments:?}: {}", terminal.text());
        self.check();
    }

    /// Every secret of the cloud is one that is looked for, and no file holds one.
    fn check(&mut self) {
        let mut all = Vec::new();
        for records in self.lab.practice.ground().store.dump().values() {
            records.values().for_each(|record| secrets(record, &mut all));
        }
        for secret in &all {
            assert!(secret_in(secret.as_bytes()).is_some(), "nobody looks for {secret}");
        }
        self.known = self.known.max(all.len());
        assert_clean(&self.live.machine);
    }

    async fn pass_days(&self, days: i64) {
        let ran = self.lab.pass_days(days).await;
        assert!(ran.iter().all(|run| run.ends_with("Succeeded")), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_form_of_a_rotation_and_its_way_back_shows_a_secret() {
    let mut stage = Stage::on(Lab::of_file("rotate-one").await);
    for form in [&["--json"][..], &["--accessible"], &[]] {
        stage.run(&[&["rotate", "--inventory"], form].concat(), &[0]).await;
    }
    let ended = stage.run(&["rotate", "--yes", "--json"], &[0]).await;
    assert_eq!(ended["outcome"], "waiting", "{ended:#}");
    let before = stage.known;
    stage.pass_days(8).await;
    #[cfg(unix)]
    stage.on_terminal(&["rotate"], &[("Type yes to approve", "yes\r")], 0);
    #[cfg(not(unix))]
    stage.run(&["rotate", "--yes"], &[0]).await;
    assert_eq!(stage.lab.dump().table("iam.access-key")[KEY]["active"], false);
    stage.run(&["status", "--json"], &[0, 1]).await;
    stage.run(&["doctor", "--json"], &[0, 1]).await;
    #[cfg(unix)]
    stage.on_terminal(&["rotate", "--rollback"], &[("Type yes to approve", "yes\r")], 0);
    #[cfg(not(unix))]
    stage.run(&["rotate", "--rollback", "--yes"], &[0]).await;
    assert!(stage.known > before, "a key was made, and its secret looked for");
    stage.run(&["rotate", "--inventory", "--json"], &[0]).await;
    #[cfg(unix)]
    screen(&mut stage);
}

/// The panes and the inventory on the full screen.
#[cfg(unix)]
fn screen(stage: &mut Stage) {
    let keys = [("s set up", "r"), ("1 to rotate", "\u{1b}"), ("s set up", "q")];
    stage.on_terminal(&[], &keys, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_form_of_new_keys_shows_a_secret() {
    let mut stage = Stage::on(Lab::of_file("rotate-one").await);
    stage.run(&["rotate", "--renew-keys", "--yes", "--json"], &[0]).await;
    assert!(
        stage.known >= 4,
        "two keys, one of them also in a connection, and the operator's: {}",
        stage.known
    );
    stage.pass_days(8).await;
    stage.run(&["rotate", "--renew-keys", "--yes"], &[0]).await;
    stage.pass_days(8).await;
    let ended = stage.run(&["rotate", "--renew-keys", "--yes", "--json"], &[0]).await;
    assert_eq!(ended["outcome"], "done", "{ended:#}");
    stage.run(&["rotate", "--renew-keys", "--yes", "--accessible"], &[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_form_of_a_move_of_the_issuer_shows_a_secret() {
    let mut stage = Stage::on(Lab::of("shared-account").await);
    stage.run(&["setup", "--yes", "--json"], &[0]).await;
    switch(stage.lab.practice.ground(), TokenIssuer::Entra);
    stage.run(&["verify", "--yes", "--json"], &[1]).await;
    for form in [&["--inventory"][..], &["--inventory", "--json"], &["--plan"], &["--plan", "--json"]] {
        stage.run(&[&["move-issuer"], form].concat(), &[0]).await;
    }
    #[cfg(unix)]
    stage.on_terminal(&["move-issuer"], &[("Type yes to approve", "no\r")], 0);
    let ended = stage.run(&["move-issuer", "--yes", "--json"], &[0]).await;
    assert_eq!(ended["outcome"], "done", "{ended:#}");
    stage.run(&["move-issuer", "--back"], &[0]).await;
}
