//! Approval: flags first, then the person; without either nothing is written.

use std::io::BufRead;

use super::decided;
use super::open::{Clouds, Opening};
use super::output::Output;
use crate::cli::Yes;
use crate::domain::failure::{Code, Failure, Result};
use crate::plan::change::{Ask, Plan};
use crate::programs::consent::Consent;

/// What flags and, where they decide nothing, the person say to a plan.
///
/// # Errors
/// Nobody can be asked and no flag decides, or the person says no.
pub fn consent(
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
        return Err(Failure::new(Code::Answers)
            .with("plan", format!("{} requests would change a cloud; nothing was written", plan.writes()))
            .with("accepted", "--yes to approve, and --confirm NAME for a protected environment"));
    }
    ask(plan, &mut consent, output)?;
    Ok(consent)
}

/// Asks once for everything, then by name for each protected environment and each changed subject.
fn ask(plan: &Plan, consent: &mut Consent, output: &Output) -> Result<()> {
    output.talk("Apply this? Type yes to approve, anything else to leave everything as it is:");
    if !line()?.eq_ignore_ascii_case("yes") {
        return Err(Failure::new(Code::Stopped).with("answer", "not approved; nothing was written"));
    }
    consent.yes = true;
    let mut names: Vec<_> =
        plan.changes.iter().filter(|change| !change.is_keep()).flat_map(|c| c.protected().cloned()).collect();
    names.sort();
    names.dedup();
    for name in names {
        output
            .talk(&format!("{name} is protected. Type its name to include it, or nothing to leave it out:"));
        if line()? == name.as_str() {
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
                if line()? == *wanted {
                    consent.subjects.insert(wanted.clone());
                }
            }
        }
    }
    Ok(())
}

fn line() -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_line(&mut text);
    read.map_err(|error| Failure::new(Code::Terminal).with("cause", error))?;
    Ok(text.trim().to_owned())
}
