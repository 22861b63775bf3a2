//! The audit as text: one assumption of a role after the other, the newest first, each with its run.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::doctor::tell;
use super::look::{Look, Paint, count};
use super::sheet::{Sheet, padded, plain, span};
use crate::domain::audit::access::{Access, Audit, By};
use crate::domain::diagnose::trail::DELAY;

/// Accesses that are shown; `-v` shows all.
const MOST: usize = 50;
/// Columns of text for an environment's name, at most.
const NAME: usize = 16;

/// The audit as text that can be pasted.
pub fn report(audit: &Audit, look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    let title = format!(": who became which role since {}", stamp(audit.from));
    sheet.flow(&[], &[span(Paint::Strong, audit.federation.as_str()), plain(title)]);
    sheet.gap();
    let name =
        audit.accesses.iter().map(|it| environment(it).chars().count()).max().unwrap_or(0).min(NAME) + 2;
    let shown = if look.verbose { audit.accesses.len() } else { audit.accesses.len().min(MOST) };
    audit.accesses.iter().take(shown).for_each(|access| one(&mut sheet, access, name));
    if shown < audit.accesses.len() {
        let text = format!("and {} older ones; -v tells each, --json too", audit.accesses.len() - shown);
        sheet.text(2, &[plain(text)]);
    }
    if audit.accesses.is_empty() {
        sheet.text(0, &[plain("No event in that time.")]);
    }
    sheet.gap();
    for gap in &audit.gaps {
        sheet.flow(&[span(Paint::Warn, "? ")], &[plain(format!("not seen: {}: {}", gap.what, gap.why))]);
    }
    sheet.gap();
    audit.findings.iter().for_each(|finding| tell(&mut sheet, finding));
    sheet.gap();
    sheet.flow(&[], &[plain(format!("{}; {DELAY}.", tally(audit)))]);
    sheet.finish()
}

/// How many there are, in words.
pub fn tally(audit: &Audit) -> String {
    let refused = audit.accesses.iter().filter(|access| access.error.is_some()).count();
    let unknown = audit.accesses.iter().filter(|access| !matches!(access.by, By::Run(_))).count();
    format!(
        "{}, {refused} of them refused, {unknown} of no run that can be told",
        count(audit.accesses.len(), "assumption of a role", "assumptions of roles")
    )
}

fn environment(access: &Access) -> &str {
    access.environment.as_ref().map_or("(none)", |name| name.as_str())
}

fn one(sheet: &mut Sheet<'_>, access: &Access, name: usize) {
    let (sign, paint) = match (&access.error, &access.by) {
        (Some(_), _) => ("! ", Paint::Bad),
        (None, By::Run(_)) => ("  ", Paint::Good),
        (None, _) => ("? ", Paint::Warn),
    };
    let head = [
        span(paint, sign),
        plain(format!("{}  ", stamp(access.at))),
        padded(Paint::Strong, environment(access), name),
    ];
    sheet.hanging_from(&head, 4, &[span(paint, format!("{}: ", access.result())), plain(access.by.words())]);
    let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "not told".to_owned());
    let mut rest = format!(
        "role {}, subject {}, session {}",
        access.role_name(),
        told(&access.subject),
        told(&access.session)
    );
    if sheet.look.verbose {
        let address = told(&access.source_address);
        rest.push_str(&format!(", region {}, from {address}, event {}", access.region, access.event));
        if let By::Run(deed) = &access.by {
            rest.push_str(&format!(", commit {}, {}", told(&deed.commit), deed.web_url));
        }
    }
    sheet.text(4, &[span(Paint::Dim, rest)]);
}

/// `2026-11-22 10:00:01Z`.
fn stamp(at: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(&Rfc3339).unwrap_or_default().replacen('T', " ", 1)
}
