//! The board as text: a block for each of few environments, one line for each of many, worst first.

use time::OffsetDateTime;

use super::doctor::headline;
use super::look::{Look, Paint, count};
use super::sheet::{Sheet, columns, padded, plain, span};
use super::{trouble, verdicts};
use crate::domain::denial::Denial;
use crate::domain::failure::Failure;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::handshake::Handshake;
use crate::explain;
use crate::plan::board::{Board, EnvironmentStatus};
use crate::plan::event::{Ended, Header};
use crate::plan::link::{Link, LinkState, LinkStatus};
use crate::plan::place as places;

/// Environments up to which each gets a block.
const BLOCKS: usize = 4;
/// Columns of a link's name and its state.
const LINK: usize = 11;
const STATE: usize = 8;
/// Days before the issuer ends from which it is a warning.
const SOON: i64 = 90;

/// The board as text that can be pasted. `now` dates handshakes and the issuer's end.
pub fn status(board: &Board, look: &Look, now: OffsetDateTime) -> String {
    let mut sheet = Sheet::new(look);
    if let Some(header) = &board.header {
        federation(&mut sheet, header, now);
    }
    if board.environments.len() <= BLOCKS || look.verbose {
        for environment in &board.environments {
            block(&mut sheet, board, environment, now);
        }
    } else {
        table(&mut sheet, board);
    }
    everywhere(&mut sheet, board);
    failures(&mut sheet, board);
    if !board.environments.is_empty() {
        sheet.gap();
        sheet.text(0, &[span(Paint::Strong, format!("{}.", verdicts::tally(board)))]);
    }
    if nothing_is_there(board) {
        sheet.text(0, &[span(Paint::Strong, "Next: "), plain(look.invocation.dress("keyless setup"))]);
    }
    sheet.finish()
}

/// Whether no environment has anything of its own yet.
pub fn nothing_is_there(board: &Board) -> bool {
    let own = |link: &&LinkStatus| matches!(link.link, Link::Connection | Link::Role);
    let absent = |link: &LinkStatus| link.state == LinkState::Absent;
    let all = &board.environments;
    !all.is_empty() && all.iter().all(|e| e.chain.iter().filter(own).all(absent))
}

/// What could be done from here, each as the command that does it.
pub fn ways(look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.line(&[span(Paint::Strong, "What could be done:")]);
    for (command, does) in [
        ("keyless doctor", "finds what is wrong, how that is known and what heals it; only reads"),
        ("keyless doctor --fix", "heals what keyless can: shows the plan, and asks before it writes"),
        ("keyless setup", "asks, shows the plan, applies what is approved and proves every environment"),
        ("keyless verify", "proves every environment by a real pipeline run"),
        ("keyless login", "signs in to Azure DevOps"),
        ("keyless help", "all commands and flags"),
    ] {
        let command = look.invocation.dress(command);
        sheet.hanging_from(&[plain("  "), span(Paint::Strong, command), plain(": ")], 4, &[plain(does)]);
    }
    sheet.finish()
}

fn federation(sheet: &mut Sheet<'_>, header: &Header, now: OffsetDateTime) {
    sheet.line(&[span(Paint::Strong, header.federation.as_str())]);
    let row = |name: &str| plain(format!("{name:<14}"));
    sheet.flow(
        &[row("organisation")],
        &[plain(format!("{} {}", header.organization, header.organization_id))],
    );
    sheet.flow(&[row("issuer")], &[plain(header.issuer.as_str())]);
    let format = time::macros::format_description!("[year]-[month]-[day]");
    let Some(retires) = &header.issuer_retires else { return };
    let Ok(day) = time::Date::parse(retires, format) else {
        return sheet.flow(&[row("")], &[plain(format!("retires on {retires}"))]);
    };
    let left = (day - now.date()).whole_days();
    let days = |days: i64| count(usize::try_from(days).unwrap_or_default(), "day", "days");
    let (text, paint) = match left {
        ..0 => (format!("retired {} ago, on {retires}", days(-left)), Paint::Bad),
        0 => (format!("retires today, {retires}"), Paint::Bad),
        _ => (
            format!("retires in {}, on {retires}", days(left)),
            if left < SOON { Paint::Warn } else { Paint::Plain },
        ),
    };
    sheet.flow(&[row("")], &[span(paint, text)]);
}

fn block(sheet: &mut Sheet<'_>, board: &Board, environment: &EnvironmentStatus, now: OffsetDateTime) {
    let info = &environment.info;
    let protected = if info.protected { ", protected" } else { "" };
    let branches =
        if info.branches.is_empty() { String::new() } else { format!(", {}", info.branches.join(" ")) };
    let where_ = format!("  {} {}{branches}{protected}", info.account, info.region);
    let handshake = environment.handshake.as_ref();
    let (glyph, paint) = sheet.look.verdict(handshake.map(|handshake| &handshake.verdict));
    let verdict = span(paint, format!("{glyph} {}", verdicts::word(handshake)));
    sheet.gap();
    sheet.ends(&[span(Paint::Strong, info.name.as_str()), plain(where_)], &[verdict]);
    for status in &environment.chain {
        // What is only waited for has no run to show.
        let waits = status.state == LinkState::Waiting && handshake.is_none_or(|h| h.run.is_none());
        if status.link == Link::Handshake
            && let Some(handshake) = handshake.filter(|_| !waits)
        {
            proof(sheet, handshake, now);
        } else {
            link(sheet, status);
        }
    }
    if let Some(denial) = &environment.denial {
        denial_proof(sheet, denial, now);
    }
    for finding in own_findings(board, environment) {
        tell_finding(sheet, finding);
    }
}

fn link(sheet: &mut Sheet<'_>, status: &LinkStatus) {
    let (glyph, paint) = sheet.look.state(status.state);
    let (name, state) = (status.link.as_str(), status.state.as_str());
    let head = [
        plain(" "),
        span(paint, format!("{glyph} ")),
        padded(Paint::Plain, name, LINK),
        padded(paint, state, STATE),
    ];
    sheet.flow(&head, &[plain(status.detail.as_str())]);
}

fn proof(sheet: &mut Sheet<'_>, handshake: &Handshake, now: OffsetDateTime) {
    let (glyph, paint) = sheet.look.verdict(Some(&handshake.verdict));
    let at = handshake.at.as_deref().map(|at| verdicts::when(at, now)).unwrap_or_default();
    let head = [
        plain(" "),
        span(paint, format!("{glyph} ")),
        padded(Paint::Plain, Link::Handshake.as_str(), LINK),
        padded(paint, handshake.verdict.word(), STATE),
    ];
    sheet.flow(&head, &[plain(at)]);
    verdicts::reason(sheet, 3, &handshake.verdict);
    let row = |name: &str| plain(format!("   {name:<9} "));
    if let Some(identity) = &handshake.identity {
        sheet.whole(&[row("identity")], plain(identity.as_str()));
    }
    if let Some(run) = &handshake.run {
        sheet.whole(&[row("run")], plain(run.as_str()));
    }
}

/// Whether others are denied, where that was tried: `denied as required, 4 minutes ago, …`.
fn denial_proof(sheet: &mut Sheet<'_>, denial: &Denial, now: OffsetDateTime) {
    let (glyph, paint) = sheet.look.denial(&denial.verdict);
    let head = [
        plain(" "),
        span(paint, format!("{glyph} ")),
        padded(Paint::Plain, "others", LINK),
        span(paint, denial.verdict.words()),
    ];
    let told = denial.at.as_deref().map(|at| verdicts::when(at, now)).into_iter();
    let told = told.chain(denial.verdict.reason().map(str::to_owned));
    let told: String = told.map(|text| format!(", {text}")).collect();
    sheet.flow(&head, &[plain(told)]);
    if let Some(run) = &denial.run {
        sheet.whole(&[plain(format!("   {:<9} ", "run"))], plain(run.as_str()));
    }
}

fn own_findings<'b>(board: &'b Board, environment: &EnvironmentStatus) -> Vec<&'b Finding> {
    let all = board.findings_of(&environment.info.name);
    all.into_iter().filter(|finding| finding.environment.is_some()).collect()
}

fn tell_finding(sheet: &mut Sheet<'_>, finding: &Finding) {
    let words = explain::finding(finding);
    headline(sheet, finding.code, &words.cause);
    if !words.heal.is_empty() {
        sheet.flow(&[plain("   what to do: ")], &[plain(sheet.look.invocation.dress(&words.heal))]);
    }
}

/// Findings about no environment in particular, once.
fn everywhere(sheet: &mut Sheet<'_>, board: &Board) {
    let mut all: Vec<&Finding> = Vec::new();
    for finding in board.findings.values().flatten().filter(|finding| finding.environment.is_none()) {
        if !all.contains(&finding) {
            all.push(finding);
        }
    }
    if all.is_empty() {
        return;
    }
    all.sort_by_key(|finding| std::cmp::Reverse(finding.code.severity()));
    sheet.gap();
    sheet.line(&[span(Paint::Strong, "all environments")]);
    all.into_iter().for_each(|finding| tell_finding(sheet, finding));
}

fn failures(sheet: &mut Sheet<'_>, board: &Board) {
    let failed: Vec<(String, &Failure)> = board
        .steps
        .iter()
        .filter_map(|step| match &step.ended {
            Some(Ended::Failed { failure }) => Some((places::named(&step.info), failure)),
            _ => None,
        })
        .collect();
    if !failed.is_empty() {
        sheet.gap();
        sheet.line(&[span(Paint::Bad, "Could not be looked at")]);
        trouble::failures(sheet, &failed);
    }
}

/// One line for each environment.
fn table(sheet: &mut Sheet<'_>, board: &Board) {
    let mut rows: Vec<&EnvironmentStatus> = board.environments.iter().collect();
    let worst = |e: &EnvironmentStatus| e.chain.iter().map(|link| link.state).max();
    rows.sort_by_key(|e| (verdicts::rank(e.handshake.as_ref()), std::cmp::Reverse(worst(e))));
    let widest = |text: fn(&EnvironmentStatus) -> &str, least: usize| {
        rows.iter().map(|e| columns(text(e))).max().unwrap_or(0).max(least) + 2
    };
    let (name, region) = (widest(|e| e.info.name.as_str(), 11), widest(|e| &e.info.region, 6));
    sheet.gap();
    let chain = Link::ALL.len() + 2;
    let title = format!(
        "  {:<name$}{:<14}{:<region$}{:<chain$}{:<10}not ok",
        "environment", "account", "region", "chain", "verdict"
    );
    sheet.line(&[span(Paint::Dim, title)]);
    for environment in rows {
        row(sheet, environment, (name, region));
    }
    let links: Vec<&str> = Link::ALL.iter().map(|link| link.as_str()).collect();
    let states = [
        LinkState::Ok,
        LinkState::Waiting,
        LinkState::Unknown,
        LinkState::Absent,
        LinkState::Differs,
        LinkState::Foreign,
        LinkState::Failed,
    ];
    let signs: Vec<String> =
        states.iter().map(|state| format!("{} {}", sheet.look.state(*state).0, state.as_str())).collect();
    sheet.gap();
    sheet.flow(&[plain("chain: ")], &[plain(format!("{}.", links.join(", ")))]);
    sheet.flow(&[plain("signs: ")], &[plain(format!("{}.", signs.join(", ")))]);
    grouped_findings(sheet, board);
}

fn row(sheet: &mut Sheet<'_>, environment: &EnvironmentStatus, (name, region): (usize, usize)) {
    let info = &environment.info;
    let handshake = environment.handshake.as_ref();
    let (glyph, paint) = sheet.look.verdict(handshake.map(|handshake| &handshake.verdict));
    let mut spans = vec![
        span(paint, format!("{glyph} ")),
        padded(Paint::Plain, info.name.as_str(), name),
        padded(Paint::Plain, &info.account, 14),
        padded(Paint::Plain, &info.region, region),
    ];
    for status in &environment.chain {
        let (glyph, paint) = sheet.look.state(status.state);
        spans.push(span(paint, glyph));
    }
    spans.push(plain("  "));
    spans.push(padded(paint, verdicts::word(handshake), 10));
    // The first link in the chain that is not as wanted explains those behind it.
    let first = environment.chain.iter().find(|link| link.state != LinkState::Ok);
    let detail = first.map(|link| match link.state {
        LinkState::Unknown => link.link.as_str().to_owned(),
        state => format!("{} {}", link.link.as_str(), state.as_str()),
    });
    sheet.flow(&spans, &[plain(detail.unwrap_or_default())]);
}

/// Findings of many environments: each code once, with the environments it concerns.
fn grouped_findings(sheet: &mut Sheet<'_>, board: &Board) {
    let mut codes: Vec<(FindingCode, Vec<&str>)> = Vec::new();
    for environment in &board.environments {
        for finding in own_findings(board, environment) {
            let name = environment.info.name.as_str();
            match codes.iter_mut().find(|(code, _)| *code == finding.code) {
                Some((_, names)) if names.last() == Some(&name) => {}
                Some((_, names)) => names.push(name),
                None => codes.push((finding.code, vec![name])),
            }
        }
    }
    codes.sort_by_key(|(code, _)| std::cmp::Reverse(code.severity()));
    if codes.is_empty() {
        return;
    }
    sheet.gap();
    for (code, names) in &codes {
        let names = trouble::enumerated(sheet, names);
        headline(sheet, *code, &names);
    }
    let example = codes[0].1[0];
    let told = format!("`keyless status {example}` tells cause and what to do.");
    sheet.text(2, &[plain(sheet.look.invocation.dress(&told))]);
}
