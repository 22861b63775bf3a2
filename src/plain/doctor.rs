//! Findings as text: by environment, the worst first, each with its evidence and what heals it.

use super::look::{Look, Paint, count};
use super::marks;
use super::sheet::{Sheet, plain, span};
use super::trouble;
use crate::domain::diagnose::log::LogDiagnosis;
use crate::domain::failure::Evidence;
use crate::domain::finding::{Finding, FindingCode, Severity};
use crate::domain::handshake::Claims;
use crate::domain::names::EnvironmentName;
use crate::explain::codes::Group;
use crate::explain::{self, signs};
use crate::plan::event::Header;

/// Environments with findings up to which each is told in full; beyond that each code once.
const IN_FULL: usize = 12;

/// Findings as text that can be pasted. `header` is the federation, once it is known.
pub fn report(findings: &[Finding], header: Option<&Header>, look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    if let Some(header) = header {
        sheet.line(&[span(Paint::Strong, header.federation.as_str())]);
    }
    let environments = concerned(findings);
    if environments.len() <= IN_FULL || look.verbose {
        for environment in &environments {
            head(&mut sheet, *environment, header);
            let mine = findings.iter().filter(|finding| finding.environment.as_ref() == *environment);
            mine.for_each(|finding| tell(&mut sheet, finding));
        }
    } else {
        by_code(&mut sheet, findings);
    }
    end(&mut sheet, findings);
    sheet.finish()
}

/// The environments of findings in their order; none: all of them.
fn concerned(findings: &[Finding]) -> Vec<Option<&EnvironmentName>> {
    let mut environments: Vec<Option<&EnvironmentName>> = Vec::new();
    for finding in findings {
        if !environments.contains(&finding.environment.as_ref()) {
            environments.push(finding.environment.as_ref());
        }
    }
    environments
}

fn head(sheet: &mut Sheet<'_>, environment: Option<&EnvironmentName>, header: Option<&Header>) {
    sheet.gap();
    let info =
        header.and_then(|header| header.environments.iter().find(|info| Some(&info.name) == environment));
    let name = environment.map_or("all environments", EnvironmentName::as_str);
    let place = info.map(|info| {
        let protected = if info.protected { ", protected" } else { "" };
        format!("  {} {}{protected}", info.account, info.region)
    });
    sheet.line(&[span(Paint::Strong, name), plain(place.unwrap_or_default())]);
}

/// One finding: code and cause, the two values, other evidence that the cause does not hold, what heals it.
pub(super) fn tell(sheet: &mut Sheet<'_>, finding: &Finding) {
    let words = explain::finding(finding);
    headline(sheet, finding.code, &words.cause);
    if let Some((found, wanted)) = finding.pair() {
        marks::pair(sheet, 3, ("found", "wanted"), (found, wanted));
    }
    for Evidence { label, value } in explain::evidence(finding, &words) {
        sheet.flow(&[plain(format!("   {label}: "))], &[plain(value.as_str())]);
    }
    if !words.heal.is_empty() {
        sheet.flow(&[plain("   what to do: ")], &[plain(sheet.look.invocation.dress(&words.heal))]);
    }
}

/// How much it matters, as glyph and word, the code, and what follows it.
pub(super) fn headline(sheet: &mut Sheet<'_>, code: FindingCode, text: &str) {
    let severity = code.severity();
    let (glyph, paint) = signs::severity(severity).drawn(sheet.look.ascii);
    let word = signs::severity_word(severity);
    sheet.flow(
        &[plain(" "), span(paint, format!("{glyph} "))],
        &[span(paint, format!("{word} {}", code.text())), plain(format!(": {text}"))],
    );
}

/// Each code once, with the environments it concerns and one of its findings in full.
fn by_code(sheet: &mut Sheet<'_>, findings: &[Finding]) {
    let mut codes: Vec<FindingCode> = findings.iter().map(|finding| finding.code).collect();
    codes.sort_by_key(|code| (std::cmp::Reverse(code.severity()), *code));
    codes.dedup();
    for code in codes {
        let mine: Vec<&Finding> = findings.iter().filter(|finding| finding.code == code).collect();
        let mut names: Vec<&str> =
            mine.iter().map(|f| f.environment.as_ref().map_or("all", EnvironmentName::as_str)).collect();
        names.dedup();
        sheet.gap();
        let names = trouble::enumerated(sheet, &names);
        sheet.flow(&[], &[span(Paint::Strong, names)]);
        if let Some(first) = mine.first() {
            tell(sheet, first);
        }
        if mine.len() > 1 {
            let rest = count(mine.len() - 1, "more like this", "more like this");
            sheet.text(3, &[plain(format!("and {rest}; -v tells each"))]);
        }
    }
}

fn end(sheet: &mut Sheet<'_>, findings: &[Finding]) {
    sheet.gap();
    let invocation = &sheet.look.invocation;
    if findings.is_empty() {
        sheet.line(&[span(Paint::Good, "No findings.")]);
        return;
    }
    let of = |severity| findings.iter().filter(|finding| finding.code.severity() == severity).count();
    let kinds = [
        (Severity::Error, "error", "errors"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Note, "note", "notes"),
    ];
    let kinds: Vec<String> = kinds
        .into_iter()
        .filter(|(severity, ..)| of(*severity) > 0)
        .map(|(severity, one, many)| count(of(severity), one, many))
        .collect();
    let total = count(findings.len(), "finding", "findings");
    let tally = format!("{total}: {}.", kinds.join(", "));
    let healable: Vec<&Finding> = findings.iter().filter(|finding| finding.heal.is_some()).collect();
    let needs = healable.iter().any(|finding| finding.evidence("needs").is_some());
    let again = invocation.again("doctor");
    let fix = if again.contains(" --fix") { again } else { format!("{again} --fix") };
    let needs = if needs { ", with what they need" } else { "" };
    let heals = match healable.len() {
        0 => "keyless can heal none of them by itself.".to_owned(),
        1 if findings.len() == 1 => format!("`{fix}` heals it{}.", needs.replace("they need", "it needs")),
        all if all == findings.len() => format!("`{fix}` heals them{needs}."),
        some => format!("`{fix}` heals {some} of them{needs}."),
    };
    let more =
        findings.first().map(|finding| format!("`keyless explain {}` tells more.", finding.code.text()));
    sheet.flow(&[], &[span(Paint::Strong, tally), plain(format!(" {heals} {}", more.unwrap_or_default()))]);
}

/// What a pasted log tells. `compared`: whether answers were at hand.
pub fn log(told: &LogDiagnosis, compared: bool, look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.line(&[span(Paint::Strong, count(told.lines, "line", "lines")), plain(" of a log")]);
    if let Some(Claims { issuer, subject, audience }) = &told.claims {
        for (label, value) in [("issuer", issuer), ("subject", subject), ("audience", audience)] {
            sheet.whole(&[plain(format!("  {label:<9} "))], plain(value.as_str()));
        }
    }
    if let Some(assumed) = &told.assumed {
        sheet.whole(&[plain("  assumed   ")], plain(assumed.as_str()));
    }
    sheet.gap();
    told.findings.iter().for_each(|finding| tell(&mut sheet, finding));
    let advice = match (told.findings.is_empty(), compared) {
        (true, _) => "No findings: the log shows no error that keyless knows.",
        (false, true) => "A log is advice: any script can print these lines. `keyless doctor` looks itself.",
        (false, false) => {
            "A log is advice: any script can print these lines. With --config FILE its claims are held against your \
             answers, and `keyless doctor` looks itself."
        }
    };
    sheet.gap();
    sheet.flow(&[], &[plain(look.invocation.dress(advice))]);
    sheet.finish()
}

/// What one pipeline run tells: of so many logs read, and so many tries of keyless's own denial proof.
pub fn run(id: i64, (logs, denials): (usize, usize), findings: &[Finding], look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    let read = format!(", {} read", count(logs, "log", "logs"));
    sheet.line(&[span(Paint::Strong, format!("run {id}")), plain(read)]);
    sheet.gap();
    findings.iter().for_each(|finding| tell(&mut sheet, finding));
    if denials > 0 {
        let tries =
            count(denials, "try of keyless's own denial proof is", "tries of keyless's own denial proof are");
        let text =
            format!("{tries} in it: being refused is what they are for. `keyless status` tells the verdict.");
        sheet.flow(&[], &[plain(look.invocation.dress(&text))]);
    }
    let advice = match findings.is_empty() {
        true => "No findings: nothing in it is a fault that keyless knows.",
        false => "What a run says is advice. `keyless doctor` looks itself.",
    };
    sheet.gap();
    sheet.flow(&[], &[plain(look.invocation.dress(advice))]);
    sheet.finish()
}

/// The page of a code: a heading, the paragraphs wrapped.
pub fn page(title: &str, paragraphs: &str, look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.line(&[span(Paint::Strong, title)]);
    for paragraph in paragraphs.lines() {
        match paragraph.trim() {
            "" => sheet.gap(),
            text => {
                let indent = paragraph.len() - paragraph.trim_start().len();
                sheet.text(indent, &[plain(look.invocation.dress(text))]);
            }
        }
    }
    sheet.finish()
}

/// Every code with what is the matter: findings, then failures, in groups.
pub fn codes(groups: &[Group], look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.text(0, &[plain(look.invocation.dress("`keyless explain CODE` tells more of each."))]);
    let mut failures = false;
    for group in groups {
        if group.failures && !failures {
            failures = true;
            sheet.gap();
            sheet.text(0, &[plain("The following name why a look or a command could not go on.")]);
        }
        sheet.gap();
        sheet.text(0, &[span(Paint::Strong, group.title)]);
        for code in &group.codes {
            let cause = explain::finding(&Finding::overall(*code)).cause;
            let head = [plain("  "), span(Paint::Strong, code.text()), plain(": ")];
            sheet.hanging_from(&head, 4, &[plain(cause)]);
        }
    }
    sheet.finish()
}
