//! Verdicts in words: how many of each, why, by whom and when.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::look::count;
use super::marks;
use super::sheet::{Sheet, plain};
use crate::domain::handshake::{Handshake, Verdict};
use crate::plan::board::{Board, EnvironmentStatus};

/// Verdict words, worst first.
const WORDS: [&str; 5] = ["failed", "mismatch", "open", "unknown", "proven"];

/// The verdict's word; without a handshake: `unknown`.
pub fn word(handshake: Option<&Handshake>) -> &'static str {
    handshake.map_or("unknown", |handshake| handshake.verdict.word())
}

/// Place of a verdict, worst first.
pub fn rank(handshake: Option<&Handshake>) -> usize {
    WORDS.iter().position(|known| *known == word(handshake)).unwrap_or(WORDS.len())
}

/// `3 environments: 2 proven, 1 failed`.
pub fn tally(board: &Board) -> String {
    let all = &board.environments;
    let numbers = WORDS.iter().rev().filter_map(|known| {
        let number = all.iter().filter(|e| word(e.handshake.as_ref()) == *known).count();
        (number > 0).then(|| format!("{number} {known}"))
    });
    let numbers: Vec<String> = numbers.collect();
    format!("{}: {}", count(all.len(), "environment", "environments"), numbers.join(", "))
}

/// Environments that are not proven, in promotion order.
pub fn unproven(board: &Board) -> Vec<&EnvironmentStatus> {
    let proven = |e: &&EnvironmentStatus| !matches!(&e.handshake, Some(h) if h.verdict == Verdict::Proven);
    board.environments.iter().filter(proven).collect()
}

/// The reason of a verdict; values that nearly match are marked to the character.
pub fn reason(sheet: &mut Sheet<'_>, indent: usize, verdict: &Verdict) {
    if let Verdict::Mismatch { what, wanted, found } = verdict {
        sheet.text(indent, &[plain(format!("the {what} is not the wanted one"))]);
        marks::pair(sheet, indent, ("found", "wanted"), (found, wanted));
    } else if let Some(reason) = verdict.reason() {
        sheet.text(indent, &[plain(reason)]);
    }
}

/// `assumed-role/AzureDevOpsDevRole/keyless-dev` of its ARN.
pub fn short_identity(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// `4 minutes ago, 2026-11-21 20:12 UTC`; text that is no time is given as it is.
pub fn when(at: &str, now: OffsetDateTime) -> String {
    let Ok(then) = OffsetDateTime::parse(at, &Rfc3339) else { return at.to_owned() };
    let then = then.to_offset(time::UtcOffset::UTC);
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let Ok(stamp) = then.format(format) else { return at.to_owned() };
    let age = now - then;
    let ago = |number: i64, one: &str, many: &str| {
        format!("{} ago, {stamp}", count(usize::try_from(number).unwrap_or_default(), one, many))
    };
    match age.whole_minutes() {
        // The clouds' clocks and this one differ: what lies ahead gets no age.
        _ if age.is_negative() => stamp,
        0 => format!("just now, {stamp}"),
        minutes @ 1..=59 => ago(minutes, "minute", "minutes"),
        60..=2879 => ago(age.whole_hours(), "hour", "hours"),
        _ => ago(age.whole_days(), "day", "days"),
    }
}
