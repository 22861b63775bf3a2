//! Findings as a report for a ticket: plain text without colours, sizes or secrets.

use super::{FindingWords, finding as words};
use crate::domain::failure::Evidence;
use crate::domain::finding::Finding;
use crate::plan::event::Header;

/// Evidence that neither the cause nor the pair of values shows already.
pub fn evidence<'f>(finding: &'f Finding, words: &FindingWords) -> Vec<&'f Evidence> {
    let pair = finding.pair().is_some();
    let shown = |evidence: &&Evidence| {
        let paired = pair && ["found", "wanted"].contains(&evidence.label.as_str());
        let told = [&words.cause, &words.heal].iter().any(|text| text.contains(&evidence.value));
        !paired && !told
    };
    finding.evidence.iter().filter(shown).collect()
}

/// The report. `version` and `day` say what looked, and when.
pub fn ticket(findings: &[Finding], header: Option<&Header>, version: &str, day: &str) -> String {
    let of = header.map(|header| format!(" of {}", header.federation)).unwrap_or_default();
    let mut lines = vec![format!("keyless {version} doctor{of}, {day}")];
    if let Some(header) = header {
        lines.push(format!("issuer {}", header.issuer));
    }
    for finding in findings {
        let told = words(finding);
        let environment = finding.environment.as_ref().map(|name| format!(" {name}:")).unwrap_or_default();
        lines.push(String::new());
        lines.push(format!("{}{environment} {}", finding.code.text(), told.cause));
        if let Some((found, wanted)) = finding.pair() {
            lines.push(format!("  found   {found}"));
            lines.push(format!("  wanted  {wanted}"));
        }
        let rest = evidence(finding, &told);
        lines.extend(rest.iter().map(|evidence| format!("  {}: {}", evidence.label, evidence.value)));
        if !told.heal.is_empty() {
            lines.push(format!("  what to do: {}", told.heal));
        }
    }
    if findings.is_empty() {
        lines.push("no findings".to_owned());
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::finding::FindingCode;

    #[test]
    fn a_ticket_holds_each_value_once() {
        let environment = "dev".parse().unwrap();
        let finding = Finding::about(&environment, FindingCode::ConnectionKeys)
            .with("connection", "AWS-Dev")
            .with("access key", "AKIAPRACTICEAAAAAAAA")
            .differs("a", "b");
        let text = ticket(&[finding], None, "1.0.0", "2026-11-22");
        assert!(text.starts_with("keyless 1.0.0 doctor, 2026-11-22\n\nKL-CONNECTION-KEYS dev: "), "{text}");
        assert!(text.contains("\n  found   a\n  wanted  b\n"), "{text}");
        assert_eq!(text.matches("AKIAPRACTICEAAAAAAAA").count(), 1, "{text}");
    }
}
