//! `keyless doctor --log` and `--run`: what a pasted log or one pipeline run tells. Advice, never evidence for a write.

use std::io::Read;
use std::path::Path;

use super::answers;
use super::doctor::of_findings;
use super::open::{Clouds, Opening};
use super::output::Output;
use crate::domain::diagnose::expectation::Expectation;
use crate::domain::diagnose::log::diagnose;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::finding::Finding;
use crate::explain::Exit;
use crate::headless::doctor::Diagnosis;
use crate::host::files;
use crate::plain;
use crate::programs::logs::{LONGEST, read_run};

/// Bytes of a log that are read at most.
const MOST: u64 = LONGEST as u64;

/// `keyless doctor --log FILE`: reads a pasted log; `-` reads stdin. No cloud is asked.
///
/// # Errors
/// The log cannot be read or is too long, or answers that were named cannot be used.
pub async fn log(opening: &Opening, file: &Path, output: &Output) -> Result<Exit> {
    let bytes = match file.to_str() {
        // On a thread of its own: somebody may paste, and ctrl-c must still be heard.
        Some("-") => {
            let read = tokio::task::spawn_blocking(|| bounded(std::io::stdin(), "stdin"));
            read.await.map_err(|_| Failure::new(Code::Stopped))??
        }
        _ => files::read_bytes(&opening.process.directory.join(file), MOST)?,
    };
    let text = text(&bytes);
    if text.trim().is_empty() {
        return Err(Failure::new(Code::File).with("file", file.display()).with("cause", "it is empty"));
    }
    let expected = known(opening, output).await?.map(|federation| Expectation::of(&federation));
    let told = diagnose(&text, expected.as_ref());
    tell(&told.findings, output, |output| {
        output.data(&plain::doctor::log(&told, expected.is_some(), output.look()));
    });
    Ok(of_findings(&told.findings))
}

/// The answers a log can be held against: the practice world's, a named file, or the `keyless.toml` that lies here.
async fn known(opening: &Opening, output: &Output) -> Result<Option<Federation>> {
    let found = match &opening.global.sandbox {
        Some(_) => {
            let clouds = Clouds::open(opening, output).await?;
            answers::find(opening, clouds.practice.as_ref())?
        }
        None => answers::find_on(opening, None)?,
    };
    Ok(found.map(|answers| answers.federation))
}

/// `keyless doctor --run URL|ID`: reads one run's records and logs. Reads only.
///
/// # Errors
/// There are no answers or there is no sign-in, or Azure DevOps knows no such run.
pub async fn run(opening: &Opening, run: &str, output: &Output) -> Result<Exit> {
    let clouds = Clouds::open(opening, output).await?;
    let federation = super::open::answers(opening, &clouds, output)?.federation;
    super::login::sign_in(&clouds, opening, &federation.organization, output).await?;
    let devops = clouds.devops(&federation.organization)?;
    clouds.refuse_global(&devops).await?;
    let project = devops.project(&federation.project).await?;
    let expected = Expectation::of(&federation);
    let told = read_run(&devops, &project, run, Some(&expected)).await?;
    for task in &told.cut {
        output.talk(&format!(
            "the log of {task} is longer than {} MB: only its beginning was read",
            MOST >> 20
        ));
    }
    tell(&told.findings, output, |output| {
        output.data(&plain::doctor::run(told.id, (told.logs, told.denials), &told.findings, output.look()));
    });
    Ok(of_findings(&told.findings))
}

fn tell(findings: &[Finding], output: &Output, lines: impl FnOnce(&Output)) {
    if output.json() {
        let diagnosis = Diagnosis::of(findings, output.invocation());
        output.data(&serde_json::to_string_pretty(&diagnosis).unwrap_or_default());
    } else {
        lines(output);
    }
}

/// All of a stream, unless it is too long.
fn bounded(from: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let failed = |cause: String| Failure::new(Code::File).with("file", name).with("cause", cause);
    from.take(MOST + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    match u64::try_from(bytes.len()).is_ok_and(|length| length <= MOST) {
        true => Ok(bytes),
        false => Err(failed(format!("it is longer than {} MB; give the log of one task", MOST >> 20))),
    }
}

/// A log as text: UTF-8, or UTF-16 as PowerShell writes it. What is neither is replaced, not refused.
fn text(bytes: &[u8]) -> String {
    let wide = |read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn a_log_of_power_shell_is_read() {
        let wide: Vec<u8> = "##[error]é".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text(&[&[0xff, 0xfe], wide.as_slice()].concat()), "##[error]é");
        assert_eq!(text("é".as_bytes()), "é");
        assert_eq!(text(&[b'a', 0xc3]), "a\u{fffd}");
    }

    #[test]
    fn a_stream_has_an_end() {
        assert_eq!(bounded(&b"abc"[..], "stdin").unwrap(), b"abc");
        assert_eq!(bounded(std::io::repeat(b'x'), "stdin").unwrap_err().code, Code::File);
    }
}
