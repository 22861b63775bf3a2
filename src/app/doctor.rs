//! `keyless doctor` and `keyless explain`.

use super::approve;
use super::commands::known;
use super::flow::{Flow, Reviewed};
use super::open::{Clouds, Opening, answers};
use super::output::Output;
use crate::cli::Yes;
use crate::domain::diagnose::network;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::finding::{Finding, FindingCode, Severity};
use crate::domain::names::EnvironmentName;
use crate::explain::codes::Group;
use crate::explain::{self, Exit};
use crate::headless::doctor::Diagnosis;
use crate::headless::matrix::MatrixOutput;
use crate::plain;
use crate::plan::event::Header;
use crate::plan::file::Only;
use crate::programs::build::Purpose;
use crate::programs::doctor::{Examined, examine};
use crate::programs::matrix::{Mapped, map};
use crate::programs::session::Session;

/// What was found, and the federation it was found in.
pub struct Diagnosed {
    /// By environment in promotion order; the worst of each first.
    pub findings: Vec<Finding>,
    /// The federation, where as much could be seen.
    pub header: Option<Header>,
}

/// `keyless doctor`: looks, tells and, with `fix`, heals what can be healed and looks again.
///
/// # Errors
/// There are no answers, an environment is unknown, or a plan was not approved. Whatever else fails is a finding.
pub async fn doctor(
    opening: Opening,
    chosen: &[EnvironmentName],
    fix: Option<&Yes>,
    output: &Output,
) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    let confirmed = fix.map(|yes| yes.confirm.as_slice()).unwrap_or_default();
    for names in [chosen, confirmed] {
        known(&federation, names)?;
    }
    let Some(yes) = fix else {
        let diagnosed = look(&opening, &clouds, federation, chosen, output).await?;
        tell(&diagnosed, output, false);
        return Ok(of_findings(&diagnosed.findings));
    };
    let healed = match heal(&opening, &clouds, federation.clone(), chosen, yes, output).await? {
        Healed::Declined(exit) => return Ok(exit),
        Healed::Tried(exit) => exit,
    };
    let left = look(&opening, &clouds, federation, chosen, output).await?;
    tell(&left, output, true);
    Ok(healed.max(of_findings(&left.findings)))
}

/// `keyless doctor --matrix`: who can become what. Reads only.
///
/// # Errors
/// There are no answers, an environment is unknown, or Azure DevOps cannot be looked at.
pub async fn matrix(opening: Opening, chosen: &[EnvironmentName], output: &Output) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    known(&federation, chosen)?;
    let mapped = mapped(&opening, &clouds, federation, chosen, output).await?;
    let Mapped { federation, matrix, findings, incomplete } = mapped;
    let incomplete: Vec<String> = incomplete.iter().map(ToString::to_string).collect();
    if output.json() {
        let told = MatrixOutput::of(&federation, &matrix, incomplete, &findings, output.invocation());
        output.data(&serde_json::to_string_pretty(&told).unwrap_or_default());
    } else {
        output.data(&plain::matrix::report(&federation, &matrix, &incomplete, &findings, output.look()));
    }
    Ok(of_findings(&findings))
}

/// Who can become what. Reads only.
///
/// # Errors
/// Azure DevOps cannot be looked at.
pub async fn mapped(
    opening: &Opening,
    clouds: &Clouds,
    federation: Federation,
    chosen: &[EnvironmentName],
    output: &Output,
) -> Result<Mapped> {
    let (events, printer) = output.follow(false);
    let session = clouds.session(opening, federation, events, output).await?;
    let mapped = map(&session, chosen).await;
    drop(session);
    printer.done().await;
    mapped
}

/// One look. Reads only.
///
/// # Errors
/// An environment is unknown, or the answers contradict each other.
pub async fn look(
    opening: &Opening,
    clouds: &Clouds,
    federation: Federation,
    chosen: &[EnvironmentName],
    output: &Output,
) -> Result<Diagnosed> {
    let (events, printer) = output.follow(false);
    let (mut session, refused) = session(opening, clouds, federation, events, output).await?;
    let examined = examine(&mut session, chosen).await?;
    let header = session.events.board().header;
    let Examined { mut findings, prepared } = examined;
    drop((session, prepared));
    printer.done().await;
    if let Some(failure) = &refused {
        findings.iter_mut().for_each(|finding| finding.heal = None);
        findings.insert(0, Finding::failed(None, failure));
    }
    if clouds.practice.is_none() {
        findings.splice(..0, network::proxy(|name| opening.process.variable(name)));
    }
    Ok(Diagnosed { findings, header })
}

/// A session; where nobody is signed in to Azure DevOps, that is told, and AWS is looked at all the same.
async fn session(
    opening: &Opening,
    clouds: &Clouds,
    federation: Federation,
    events: crate::engine::step::Events,
    output: &Output,
) -> Result<(Session, Option<Failure>)> {
    match clouds.session(opening, federation.clone(), events.clone(), output).await {
        Ok(session) => Ok((session, None)),
        Err(failure) if opening.only.is_some() || failure.code == Code::Stopped => Err(failure),
        Err(failure) => {
            let half = Opening { only: Some(Only::Aws), ..opening.clone() };
            Ok((clouds.session(&half, federation, events, output).await?, Some(failure)))
        }
    }
}

/// What became of the healing.
enum Healed {
    /// The person said no: what was found stands.
    Declined(Exit),
    /// What was approved was tried; a second look tells what is left.
    Tried(Exit),
}

/// Tells what is wrong, shows the plan that heals it, and carries out what is approved.
async fn heal(
    opening: &Opening,
    clouds: &Clouds,
    federation: Federation,
    chosen: &[EnvironmentName],
    yes: &Yes,
    output: &Output,
) -> Result<Healed> {
    let (events, printer) = output.follow(true);
    let (mut session, refused) = session(opening, clouds, federation, events, output).await?;
    let Examined { findings, prepared } = examine(&mut session, chosen).await?;
    // Without Azure DevOps nothing is healed: names and ids as typed are no ground for a write.
    let prepared = prepared.filter(|_| refused.is_none());
    if let Some(prepared) = &prepared {
        approve::check_subjects(&prepared.decidable(), &prepared.blueprint, chosen, yes)?;
    }
    printer.caught_up(&session.events).await;
    let header = session.events.board().header;
    let Some(prepared) = prepared.filter(|prepared| prepared.decidable().writes() > 0) else {
        drop(session);
        printer.done().await;
        return Ok(Healed::Tried(Exit::Done));
    };
    if !output.json() {
        output.data(&plain::doctor::report(&findings, header.as_ref(), output.look()));
    }
    let flow = Flow { opening, clouds, output, yes, command: "doctor", purpose: Purpose::Doctor };
    let reviewed = flow.carry_out(prepared, &session, &printer).await?;
    let board = session.events.board();
    drop(session);
    printer.done().await;
    let exit = flow.end(&board, &reviewed);
    Ok(match reviewed {
        Reviewed::Declined(_) => Healed::Declined(of_findings(&findings)),
        Reviewed::Done(_) => Healed::Tried(exit),
    })
}

fn tell(diagnosed: &Diagnosed, output: &Output, one_line: bool) {
    if output.json() {
        let diagnosis = Diagnosis::of(&diagnosed.findings, output.invocation());
        let text = if one_line {
            serde_json::to_string(&diagnosis)
        } else {
            serde_json::to_string_pretty(&diagnosis)
        };
        output.data(&text.unwrap_or_default());
    } else {
        output.data(&plain::doctor::report(&diagnosed.findings, diagnosed.header.as_ref(), output.look()));
    }
}

/// The worst of all findings: notes alone are no reason for concern.
pub fn of_findings(findings: &[Finding]) -> Exit {
    let exit = |finding: &Finding| match finding.code {
        FindingCode::Failed(code) => Exit::of(&Failure::new(code)).max(Exit::Findings),
        code if code.severity() > Severity::Note => Exit::Findings,
        _ => Exit::Done,
    };
    findings.iter().map(exit).max().unwrap_or_default()
}

/// `keyless explain`: the page of a code.
///
/// # Errors
/// There is no such code.
pub fn explain(code: &str, output: &Output) -> Result<Exit> {
    let Some(known) = FindingCode::named(code) else {
        let unknown = Failure::new(Code::CodeUnknown).with("code", code);
        return Err(near(code).into_iter().fold(unknown, |unknown, near| unknown.with("near it", near)));
    };
    let page = explain::page(known);
    if output.json() {
        let page = serde_json::json!({ "version": 1, "code": known.text(), "severity": known.severity(), "page": page });
        output.data(&page.to_string());
    } else {
        output.data(&plain::doctor::page(&known.text(), &page, output.look()));
    }
    Ok(Exit::Done)
}

/// `keyless explain` alone: every code with its first sentence, in groups.
pub fn codes(output: &Output) -> Exit {
    let groups = explain::codes::groups();
    if output.json() {
        let told = |group: &Group, code: &FindingCode| {
            let kind = if group.failures { "failure" } else { "finding" };
            serde_json::json!({ "code": code.text(), "severity": code.severity(), "kind": kind, "group": group.title })
        };
        let codes = groups.iter().flat_map(|group| group.codes.iter().map(|code| told(group, code)));
        let codes: Vec<_> = codes.collect();
        output.data(&serde_json::json!({ "version": 1, "codes": codes }).to_string());
    } else {
        output.data(&plain::doctor::codes(&groups, output.look()));
    }
    Exit::Done
}

/// Codes that have a word of the one that was asked for.
fn near(code: &str) -> Vec<String> {
    let asked = code.to_ascii_uppercase();
    let words: Vec<&str> = asked.split('-').filter(|word| word.len() > 2 && *word != "KL").collect();
    let mut near: Vec<(usize, String)> = explain::codes::groups()
        .iter()
        .flat_map(|group| &group.codes)
        .map(|code| code.text())
        .map(|text| (words.iter().filter(|word| text.contains(**word)).count(), text))
        .filter(|(hits, _)| *hits > 0)
        .collect();
    near.sort_by_key(|(hits, _)| std::cmp::Reverse(*hits));
    near.into_iter().take(5).map(|(_, text)| text).collect()
}
