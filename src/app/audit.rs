//! `keyless audit` and `keyless history`.

use time::Duration;

use super::commands::known;
use super::doctor::of_findings;
use super::open::{Clouds, Opening, answers};
use super::output::Output;
use crate::domain::audit::access::Audit;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::names::EnvironmentName;
use crate::explain::Exit;
use crate::headless::audit::AuditOutput;
use crate::headless::history::HistoryOutput;
use crate::plain;
use crate::programs;

/// How far back is looked where nobody says: a week.
pub const USUAL: Duration = Duration::days(7);

/// `keyless audit`: who became which role, or tried to, and from which run. Reads only.
///
/// # Errors
/// There are no answers, an environment is unknown, or Azure DevOps cannot be looked at.
pub async fn audit(
    opening: Opening,
    chosen: &[EnvironmentName],
    since: Duration,
    output: &Output,
) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    known(&federation, chosen)?;
    let audit = take(&opening, &clouds, federation, (chosen, since), output).await?;
    match output.json() {
        true => {
            let told = AuditOutput::of(&audit, output.invocation());
            output.data(&serde_json::to_string_pretty(&told).unwrap_or_default());
        }
        false => output.data(&plain::audit::report(&audit, output.look())),
    }
    Ok(of_findings(&audit.findings))
}

/// The audit of the last `since`.
///
/// # Errors
/// Azure DevOps cannot be looked at.
pub async fn take(
    opening: &Opening,
    clouds: &Clouds,
    federation: Federation,
    (chosen, since): (&[EnvironmentName], Duration),
    output: &Output,
) -> Result<Audit> {
    let (events, printer) = output.follow(false);
    let session = clouds.session(opening, federation, events, output).await?;
    let audit = programs::audit::audit(&session, chosen, session.now - since).await;
    drop(session);
    printer.done().await;
    audit
}

/// `keyless history`: what the journal tells of the runs on this machine. Asks no cloud.
///
/// # Errors
/// There are no answers, the journal cannot be read, or no run has this id.
pub async fn history(opening: Opening, run: Option<&str>, output: &Output) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    let mut history = programs::history::read(&clouds.state, &federation)?;
    if let Some(run) = run {
        let all: Vec<String> = history.runs.iter().map(|it| it.id.clone()).take(5).collect();
        history.runs.retain(|it| it.id.starts_with(run));
        if history.runs.is_empty() {
            return Err(Failure::new(Code::RunUnknown).with("run", run).with("newest", all.join(", ")));
        }
    }
    match output.json() {
        true => {
            let told = HistoryOutput::of(&history, output.invocation());
            output.data(&serde_json::to_string_pretty(&told).unwrap_or_default());
        }
        false => output.data(&plain::history::report(&history, run.is_some(), output.look())),
    }
    Ok(Exit::Done)
}
