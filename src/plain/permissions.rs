//! What the roles of pipelines may do, as text: a line for each role, then what a person should know.

use super::doctor::tell;
use super::look::{Look, Paint, count};
use super::sheet::{Sheet, columns, padded, plain, span};
use crate::domain::finding::{Finding, Severity};
use crate::domain::reach::{Checked, ConcernKind, Read, Simulation};

/// Findings that are told one by one; `-v` tells all.
const MOST_TOLD: usize = 40;

/// The check as text that can be pasted.
pub fn report(federation: &str, checked: &[Checked], findings: &[Finding], look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.line(&[span(Paint::Strong, federation), plain(": what the roles of pipelines may do")]);
    sheet.gap();
    table(&mut sheet, checked);
    for of_role in checked {
        notes(&mut sheet, of_role);
    }
    sheet.gap();
    let told = if look.verbose { findings.len() } else { findings.len().min(MOST_TOLD) };
    let mut last = None;
    for finding in findings.iter().take(told) {
        if let Some(environment) = finding.environment.as_ref().filter(|it| last != Some(*it)) {
            sheet.gap();
            sheet.line(&[span(Paint::Strong, environment.as_str())]);
            last = Some(environment);
        }
        tell(&mut sheet, finding);
    }
    if told < findings.len() {
        let more = format!("and {} more; -v tells each, --json too", findings.len() - told);
        sheet.text(2, &[plain(more)]);
    }
    end(&mut sheet, checked, findings);
    sheet.finish()
}

/// How far a role gets, in a word, and its paint.
fn word(checked: &Checked) -> (&'static str, Paint) {
    let kind = |wanted: &[ConcernKind]| checked.concerns.iter().any(|concern| wanted.contains(&concern.kind));
    let own = checked.concerns.iter().filter(|concern| concern.via.is_empty());
    match &checked.read {
        Read::Missing => ("no role yet", Paint::Dim),
        Read::Failed(_) => ("not read", Paint::Warn),
        Read::Whole if own.clone().any(|concern| concern.kind == ConcernKind::Administrator) => {
            ("administrator", Paint::Bad)
        }
        Read::Whole if kind(&[ConcernKind::Escalation, ConcernKind::PassAny]) => ("can get more", Paint::Bad),
        Read::Whole if kind(&[ConcernKind::Administrator]) => ("administrator through others", Paint::Warn),
        Read::Whole if kind(&[ConcernKind::Writes]) => ("more than read", Paint::Bad),
        Read::Whole if checked.concerns.is_empty() => ("as named", Paint::Good),
        Read::Whole if kind(&[ConcernKind::AssumeAny, ConcernKind::NotAction, ConcernKind::Wildcard]) => {
            ("wide", Paint::Warn)
        }
        Read::Whole => ("not all known", Paint::Warn),
    }
}

fn table(sheet: &mut Sheet<'_>, checked: &[Checked]) {
    let widest = |of: fn(&Checked) -> &str, least| {
        checked.iter().map(|it| columns(of(it))).max().unwrap_or(0).clamp(least, 36) + 2
    };
    let name = widest(|it| it.environment.as_str(), 11);
    let role = widest(|it| it.role.name.as_str(), 4);
    sheet.line(&[
        padded(Paint::Dim, "environment", name),
        padded(Paint::Dim, "role", role),
        span(Paint::Dim, "may"),
    ]);
    for of_role in checked {
        let (text, paint) = word(of_role);
        sheet.line(&[
            padded(Paint::Strong, of_role.environment.as_str(), name),
            padded(Paint::Plain, of_role.role.name.as_str(), role),
            span(paint, text),
        ]);
    }
}

/// What was read of a role, and what IAM says.
fn notes(sheet: &mut Sheet<'_>, checked: &Checked) {
    if checked.read != Read::Whole {
        return;
    }
    let boundary = checked.boundary.as_ref().map(|arn| format!(", within {arn}")).unwrap_or_default();
    let leads = match checked.leads_to.len() {
        0 => String::new(),
        roles => format!("; leads to {}", count(roles, "role", "roles")),
    };
    let simulation = match &checked.simulation {
        Simulation::Agrees(questions) => {
            format!("IAM's simulation agrees ({})", count(*questions, "question", "questions"))
        }
        Simulation::Differs(differences) => {
            format!("IAM's simulation differs in {}", count(differences.len(), "answer", "answers"))
        }
        Simulation::Unknown(why) => format!("IAM's simulation could not be asked: {why}"),
    };
    let policies = count(checked.policies.len(), "policy", "policies");
    sheet.flow(
        &[plain(format!("{}: ", checked.environment))],
        &[plain(format!("{policies}{boundary}{leads}; {simulation}"))],
    );
}

fn end(sheet: &mut Sheet<'_>, checked: &[Checked], findings: &[Finding]) {
    let read = checked.iter().filter(|it| it.read == Read::Whole).count();
    let worse = findings.iter().filter(|finding| finding.code.severity() > Severity::Note).count();
    sheet.gap();
    let none = sheet.look.invocation.dress("There is no role yet to look at: `keyless setup` makes them.");
    let tally = match (read, worse) {
        (0, 0) => plain(none),
        (_, 0) => span(Paint::Good, "No role may do more than its policies name."),
        _ => span(Paint::Warn, format!("{} to look at.", count(worse, "finding", "findings"))),
    };
    let how = " Decided from the policies as they are, conditions taken as fulfilled; nothing was tried.";
    let how = if read > 0 { how } else { "" };
    sheet.flow(&[], &[tally, plain(how)]);
}
