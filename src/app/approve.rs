//! Approval: flags first, then the person; without either nothing is written.

use std::collections::BTreeSet;
use std::ops::Range;

use tokio_util::sync::CancellationToken;

use super::decided;
use super::open::{Clouds, Opening};
use super::output::Output;
use super::stream::WAITS_FOR;
use crate::cli::Yes;
use crate::domain::blueprint::{Blueprint, Wanted};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::EnvironmentName;
use crate::domain::policy::{CharDiff, Likeness};
use crate::plain::lines::{Source, StandardInput};
use crate::plan::change::{Ask, Plan};
use crate::programs::consent::Consent;

/// What was said to a plan.
pub enum Said {
    /// How far it is approved.
    Yes(Consent),
    /// A person was asked and said no. The failure names what would approve it, for whoever reads JSON.
    No(Failure),
}

/// Refuses a subject that is confirmed and that no trust of these environments is to name: a slip would be a silent no.
///
/// # Errors
/// There is such a subject; nothing was written.
pub fn check_subjects(
    plan: &Plan,
    blueprint: &Blueprint,
    chosen: &[EnvironmentName],
    yes: &Yes,
) -> Result<()> {
    let asked = plan.changes.iter().flat_map(|change| &change.asks).filter_map(|ask| match ask {
        Ask::Subject { wanted, .. } => Some(wanted.as_str()),
        _ => None,
    });
    let meant = |wanted: &&Wanted| wanted.environment.is_among(chosen);
    // A subject that is trusted by now was confirmed before.
    let own = blueprint.environments.iter().filter(meant).map(|wanted| wanted.role.subject.as_str());
    let known: BTreeSet<&str> = asked.chain(own).collect();
    let Some(given) = yes.confirm_subject.iter().find(|given| !known.contains(given.as_str())) else {
        return Ok(());
    };
    let failure = Failure::new(Code::SubjectUnknown).with("confirmed", given);
    let differences = known.iter().map(|known| (CharDiff::between(given, known), *known));
    Err(match differences.min_by_key(|(difference, _)| difference.weight()) {
        Some((difference, nearest)) => {
            failure.with("nearest", nearest).with("differs", differing(given, nearest, &difference))
        }
        None => failure,
    })
}

/// The characters that differ, in words: `"aws" where "AWS" belongs`.
fn differing(given: &str, nearest: &str, difference: &CharDiff) -> String {
    let parts = |text: &str, ranges: &[Range<usize>]| {
        let part =
            |range: &Range<usize>| text.chars().skip(range.start).take(range.len()).collect::<String>();
        let parts: Vec<String> = ranges.iter().map(|range| format!("\"{}\"", part(range))).collect();
        if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
    };
    let kind = match difference.likeness {
        Likeness::Case => " (only upper and lower case differ)",
        Likeness::Space => " (only white space differs)",
        Likeness::PercentEncoding => " (only the percent-encoding differs)",
        Likeness::Same | Likeness::Different => "",
    };
    let (found, wanted) = (parts(given, &difference.found), parts(nearest, &difference.wanted));
    format!("{found} where {wanted} belongs{kind}")
}

/// What flags and, where they decide nothing, the person say to a plan.
///
/// # Errors
/// Nobody can be asked and no flag decides, or the person stopped it.
pub async fn consent(
    plan: &Plan,
    yes: &Yes,
    opening: &Opening,
    clouds: &Clouds,
    output: &Output,
) -> Result<Said> {
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
        return Ok(Said::Yes(consent));
    }
    if plan.changes.iter().all(crate::plan::change::Change::is_keep) {
        return Ok(Said::Yes(consent));
    }
    if !opening.process.is_interactive() {
        return Err(not_approved(plan, Consent { every_protected: clouds.practice.is_some(), ..consent }));
    }
    let agreed = ask(plan, &mut consent, output, &opening.stop).await?;
    Ok(if agreed { Said::Yes(consent) } else { Said::No(not_approved(plan, consent)) })
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

/// Asks for what wants a yes of its own beside the plan's: more rights, and the end of a user.
async fn ask_each(
    plan: &Plan,
    consent: &mut Consent,
    output: &Output,
    stop: &CancellationToken,
) -> Result<()> {
    for change in plan.changes.iter().filter(|change| !change.is_keep()) {
        for ask in &change.asks {
            match ask {
                Ask::Wider { what } => {
                    let question =
                        format!("{what}. Type yes to allow it, anything else to leave the role as it is:");
                    if !agrees(&question, output, stop).await? {
                        consent.declined.insert(change.step.clone());
                    }
                }
                Ask::Retire { user, what } => {
                    output.talk(&format!("{what}. Type its name to delete it, or nothing to leave it:"));
                    if line(stop).await? == *user {
                        consent.retired.insert(change.step.clone());
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Asks once for everything, then by name for each protected environment and each changed subject. False: the person
/// said no.
async fn ask(plan: &Plan, consent: &mut Consent, output: &Output, stop: &CancellationToken) -> Result<bool> {
    let question = "Apply this? Type yes to approve, anything else to leave everything as it is:";
    if !agrees(question, output, stop).await? {
        return Ok(false);
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
    ask_each(plan, consent, output, stop).await?;
    Ok(true)
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
///
/// # Errors
/// As [`agrees`].
pub async fn line(stop: &CancellationToken) -> Result<String> {
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
