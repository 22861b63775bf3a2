//! The keyring against a real gnome-keyring-daemon, in a D-Bus session of its own; in CI that may not be skipped.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use keyless::host::keyring::{Keyring, Trouble};
use keyless::sandbox::practice_token;
use secrecy::ExposeSecret;

use super::headless::assert_valid;
use super::sign_in::{by_device, login_by_device};
use super::support::binary::{Machine, assert_clean, assert_silent};
use super::support::{Lab, Live};

/// Whether a program of this machine is there.
fn there(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    keyless::host::command::find(program, &path).is_some()
}

#[expect(clippy::print_stderr, reason = "a test says what it left out, and why")]
fn skipped(text: &str) {
    assert!(std::env::var_os("CI").is_none(), "CI may not skip it: {text}");
    eprintln!("{text}");
}

/// Runs one of the tests below inside a D-Bus session of its own, with a home of its own. `before` prepares the session.
fn inside(test: &str, home: &Path, before: &str) -> Option<Output> {
    let missing: Vec<&str> =
        ["dbus-run-session", "gnome-keyring-daemon"].into_iter().filter(|program| !there(program)).collect();
    if !missing.is_empty() {
        let text =
            format!("{test}: skipped, {} not installed (apt install gnome-keyring dbus)", missing.join(", "));
        skipped(&text);
        return None;
    }
    let runtime = home.join("run");
    std::fs::create_dir_all(&runtime).unwrap();
    let exe = std::env::current_exe().unwrap();
    let run =
        format!("{before}\nexec '{}' --exact keyring::{test} --ignored --nocapture --quiet", exe.display());
    let output = Command::new("dbus-run-session")
        .args(["--", "bash", "-c", &run])
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", &runtime)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .output()
        .unwrap();
    Some(output)
}

#[track_caller]
fn passed(output: &Output) {
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// A password without a line's end, and one daemon: as facts of the field say.
const UNLOCKED: &str = "echo -n pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null";

#[test]
fn a_real_keyring_keeps_sign_ins() {
    let home = tempfile::tempdir().unwrap();
    let Some(output) = inside("unlocked", home.path(), UNLOCKED) else { return };
    passed(&output);
    // The same keyring in another session, which nobody unlocks.
    let Some(output) = inside("locked", home.path(), "true") else { return };
    passed(&output);
}

/// A machine that reaches the keyring of this session.
fn machine_here(live: Live) -> Live {
    let variable = |name: &str| std::env::var(name).unwrap();
    live.with("DBUS_SESSION_BUS_ADDRESS", &variable("DBUS_SESSION_BUS_ADDRESS"))
        .with("XDG_RUNTIME_DIR", &variable("XDG_RUNTIME_DIR"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a D-Bus session"]
async fn unlocked() {
    tokio::task::spawn_blocking(|| {
        let keyring = Keyring::platform();
        assert!(keyring.get("keyless-test", "contoso").unwrap().is_none());
        keyring.set("keyless-test", "contoso", "kept".to_owned().into()).unwrap();
        let other = Keyring::platform().get("keyless-test", "contoso").unwrap().unwrap();
        assert_eq!(other.expose_secret(), "kept");
        assert_eq!(keyring.delete("keyless-test", "contoso"), Ok(true));
        assert_eq!(keyring.delete("keyless-test", "contoso"), Ok(false));
        // Stays for the session that finds it locked.
        keyring.set("keyless-test", "locked", "kept".to_owned().into()).unwrap();
    })
    .await
    .unwrap();

    let lab = Lab::of("fresh").await;
    let live = machine_here(Live::on(&lab).with("AZURE_DEVOPS_EXT_PAT", ""));
    let login = login_by_device(&live, &[], "sign-in").await.expect(0);
    assert!(login.err.contains("can be read"), "{login:?}");
    // Twice, past the end of its first token: what Entra gave anew was kept.
    for _ in 0..2 {
        lab.practice.ground().clock.advance(3700);
        let said = live.run(&["whoami", "--json"]).await.expect(0);
        assert_valid("whoami.schema.json", &said.json());
        assert_eq!(said.json()["azure_devops"]["source"], "Microsoft Entra");
        assert_silent(&said, &["whoami"]);
    }
    let plan = live.run(&["plan"]).await.expect(0);
    assert_silent(&plan, &["plan"]);
    // Another Entra gets no token of this one.
    let elsewhere = machine_here(Live::on(&lab).with("AZURE_DEVOPS_EXT_PAT", ""))
        .with("KEYLESS_ENTRA_URL", "http://127.0.0.1:9/")
        .run(&["whoami", "--organization", "contoso"])
        .await
        .expect(2);
    assert!(elsewhere.out.contains("KL-DEVOPS-TOKEN-MISSING"), "{elsewhere:?}");
    let logout = live.run(&["logout", "--json"]).await.expect(0);
    assert_eq!(logout.json(), serde_json::json!({"version": 1, "signed_out": ["contoso"]}));
    let again = live.run(&["logout"]).await.expect(0);
    assert!(again.out.contains("nobody was signed in to contoso"), "{again:?}");
    let nobody = live.run(&["whoami"]).await.expect(2);
    assert!(nobody.out.contains("KL-DEVOPS-TOKEN-MISSING"), "{nobody:?}");
    assert_clean(&live.machine);
    practice().await;
}

/// The practice cloud keeps its sign-ins apart from live ones.
async fn practice() {
    let machine = Machine::new();
    let here = |arguments: &[&str]| {
        let mut command = machine.command(arguments);
        for name in ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"] {
            command.env(name, std::env::var(name).unwrap());
        }
        command
    };
    by_device(here(&["--sandbox", "login", "--device"]), "sign-in").await.expect(0);
    let run = |arguments: &[&str], input: &str| {
        use std::io::Write;
        let piped = std::process::Stdio::piped;
        let mut child = here(arguments).stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        super::support::binary::Said::from(child.wait_with_output().unwrap())
    };
    // Its Entra listens elsewhere now; it is the same one.
    let said = run(&["--sandbox", "whoami"], "").expect(0);
    assert!(said.out.contains("signed in with Microsoft Entra"), "{said:?}");
    let token = format!("{}\n", practice_token());
    run(&["--sandbox", "login", "--pat"], &token).expect(0);
    let said = run(&["--sandbox", "whoami"], "").expect(0);
    assert!(said.out.contains("with a personal access token"), "{said:?}");
    let live = run(&["whoami", "--organization", "contoso"], "").expect(2);
    assert!(live.out.contains("KL-DEVOPS-TOKEN-MISSING"), "{live:?}");
    run(&["--sandbox", "logout"], "").expect(0);
    let said = run(&["--sandbox", "whoami"], "").expect(0);
    assert!(said.out.contains("the practice cloud's own token"), "{said:?}");
}

#[test]
#[ignore = "runs inside a D-Bus session"]
fn locked() {
    let keyring = Keyring::platform();
    assert_eq!(keyring.set("keyless-test", "contoso", "s".to_owned().into()), Err(Trouble::Locked));
    assert_eq!(keyring.get("keyless-test", "locked").err(), Some(Trouble::Locked));
}

#[test]
fn a_bus_that_never_answers_does_not_hold_anybody_up() {
    let machine = Machine::new();
    let socket = machine.root().join("bus");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    // Takes connections and says nothing.
    std::thread::spawn(move || {
        let mut open = Vec::new();
        listener.incoming().for_each(|stream| open.push(stream));
    });
    let began = Instant::now();
    let output = machine
        .command(&["logout", "--organization", "contoso"])
        .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", socket.display()))
        .output()
        .unwrap();
    let said = super::support::binary::Said::from(output).expect(2);
    assert!(said.err.contains("the keyring does not answer"), "{said:?}");
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
}

#[test]
fn a_machine_without_a_bus_has_no_keyring() {
    let machine = Machine::new();
    let output = machine
        .command(&["logout", "--organization", "contoso"])
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        .output()
        .unwrap();
    let said = super::support::binary::Said::from(output).expect(2);
    assert!(said.err.contains("there is no keyring here"), "{said:?}");
}
