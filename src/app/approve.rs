//! Approval: flags first, then the person; without either nothing is written.

use tokio_util::sync::CancellationToken;

use super::decided;
use super::open::{Clouds, Opening};
use super::output::Output;
use super::stream::WAITS_FOR;
use crate::cli::Yes;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::plain::lines::{Source, StandardInput};
use crate::plan::change::{Ask, Plan};
use crate::programs::consent::Consent;

/// What flags and, where they decide nothing, the person say to a plan.
///
/// # Errors
/// Nobody can be asked and no flag decides, or the person says no.
pub async fn consent(
    plan: &Plan,
    yes: &Yes,
    opening: &Opening,
    clouds: &Clouds,
    output: &Output,
) -> Result<Consent> {
    let mut consent = Consent {
        yes: decided(yes),
        confirmed: yes.confirm.iter().cloned().collect(),
        every_protected: false,
        subjects: yes.confirm_subject.iter().cloned().collect(),
        ..Consent::default()
    };
    if consent.yes {
        if clouds.practice.is_some() && yes.yes {
            consent.every_protected = true;
            if plan.changes.iter().any(|change| !change.is_keep() && change.protected().next().is_some()) {
                output.talk("on the practice cloud --yes includes protected environments");
            }
        }
        return Ok(consent);
    }
    if plan.changes.iter().all(crate::plan::change::Change::is_keep) {
        return Ok(consent);
    }
    if !opening.process.is_interactive() {
        return Err(not_approved(plan, Consent { every_protected: clouds.practice.is_some(), ..consent }));
    }
    ask(plan, &mut consent, output, &opening.stop).await?;
    Ok(consent)
}

/// The failure of a plan that nobody approved, with the flags that would.
fn not_approved(plan: &Plan, consent: Consent) -> Failure {
    let requests = crate::plain::look::count(
        plan.writes(),
        "request that changes a cloud",
        "requests that change a cloud",
    );
    let failure = Failure::new(Code::NotApproved).with(WAITS_FOR, format!("{requests}: --yes"));
    let rest = Consent { yes: true, ..consent }.decide(plan).waiting_for;
    rest.into_iter().fold(failure, |failure, waits| failure.with(WAITS_FOR, waits))
}

/// Asks once for everything, then by name for each protected environment and each changed subject.
async fn ask(plan: &Plan, consent: &mut Consent, output: &Output, stop: &CancellationToken) -> Result<()> {
    let question = "Apply this? Type yes to approve, anything else to leave everything as it is:";
    if !agrees(question, output, stop).await? {
        return Err(not_approved(plan, consent.clone()).class(Class::Canceled));
    }
    consent.yes = true;
    let mut names: Vec<_> =
        plan.changes.iter().filter(|change| !change.is_keep()).flat_map(|c| c.protected().cloned()).collect();
    names.sort();
    names.dedup();
    for name in names {
        output
            .talk(&format!("{name} is protected. Type its name to include it, or nothing to leave it out:"));
        if line(stop).await? == name.as_str() {
            consent.confirmed.insert(name);
        }
    }
    for change in plan.changes.iter().filter(|change| !change.is_keep()) {
        for ask in &change.asks {
            if let Ask::Subject { found, wanted } = ask {
                output.talk(&format!(
                    "{} trusts {found} today. Type the new subject to change that:\n  {wanted}",
                    change.title
                ));
                if line(stop).await? == *wanted {
                    consent.subjects.insert(wanted.clone());
                }
            }
        }
    }
    Ok(())
}

/// A question that is answered by yes or anything else.
///
/// # Errors
/// The person stopped it, or the terminal cannot be read.
pub async fn agrees(question: &str, output: &Output, stop: &CancellationToken) -> Result<bool> {
    output.talk(question);
    Ok(line(stop).await?.eq_ignore_ascii_case("yes"))
}

/// What was typed; the end of the input is nothing. A signal ends the wait.
async fn line(stop: &CancellationToken) -> Result<String> {
    let mut input = StandardInput;
    let read = tokio::select! {
        read = input.line() => read,
        () = stop.cancelled() => {
            return Err(Failure::new(Code::Stopped).with("by", "ctrl-c").with("writes", "none: nothing was approved"));
        }
    };
    let text = read.map_err(|error| Failure::new(Code::Terminal).with("cause", error))?;
    Ok(text.unwrap_or_default().trim().to_owned())
}
