//! Secrets of practice clouds: what no process may say, and no file may hold. Every run of every test is held against it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keyless::sandbox::practice_token;

/// A token that no practice cloud takes.
pub const WRONG_TOKEN: &str = "PRACTICESECRETPAT2NOTTHERIGHTONEATALLXXXXXXXXXXXXXXX";

/// How a signed token begins.
const TOKEN: &[u8] = b"eyJ";

/// Byte sequences that only secrets of a practice cloud hold.
fn canaries() -> &'static [Vec<u8>] {
    static ALL: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: Vec<String> = vec![
            "PRACTICESECRET".to_owned(),
            "PRACTICE/SECRET/".to_owned(),
            "PRACTICE%2FSECRET%2F".to_owned(),
            "PRACTICE\\/SECRET".to_owned(),
            "PRACTICESESSION".to_owned(),
        ];
        for token in [practice_token(), WRONG_TOKEN] {
            // As the Authorization header carries it; base64 in groups of three, so its end depends on what follows.
            let header = STANDARD.encode(format!(":{token}"));
            all.push(header[..40].to_owned());
        }
        all.into_iter().map(String::into_bytes).collect()
    })
}

/// A signed token: `eyJ` and then two more parts of at least ten characters.
fn is_token(bytes: &[u8]) -> bool {
    let token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_".contains(*byte);
    bytes.starts_with(TOKEN) && bytes.iter().take_while(token).count() >= 20
}

/// The first secret in these bytes, with what is around it.
pub fn secret_in(bytes: &[u8]) -> Option<String> {
    let canaries = canaries();
    let mut begins = [false; 256];
    for first in canaries.iter().map(|canary| canary[0]).chain([TOKEN[0]]) {
        begins[usize::from(first)] = true;
    }
    for (at, byte) in bytes.iter().enumerate() {
        if !begins[usize::from(*byte)] {
            continue;
        }
        let rest = &bytes[at..];
        if is_token(rest) || canaries.iter().any(|canary| rest.starts_with(canary)) {
            let around = &bytes[at.saturating_sub(60)..(at + 60).min(bytes.len())];
            return Some(String::from_utf8_lossy(around).into_owned());
        }
    }
    None
}

/// Every file below a folder.
pub fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

/// The first secret in a file below a folder. Only the practice state itself may hold one, and what a person keeps for the
/// programs of AWS: credentials, and the sign-ins of its CLI; and programs that a test plays.
pub fn secret_below(root: &Path) -> Option<String> {
    let mut all = Vec::new();
    files(root, &mut all);
    for path in all {
        let place = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let allowed = (place.starts_with("state/practice/") && place.contains("/cloud/"))
            || place == "home/.aws/credentials"
            || place.starts_with("home/.aws/sso/cache/")
            || place.starts_with("bin/");
        if !allowed && let Some(secret) = secret_in(&std::fs::read(&path).unwrap()) {
            return Some(format!("{place}: {secret}"));
        }
    }
    None
}
