//! Words for findings, out of `assets/findings.toml`; those of failed looks are the failure's own.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{FindingWords, failures};
use crate::domain::failure::Failure;
use crate::domain::finding::{Finding, FindingCode};

/// One entry of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    cause: String,
    heal: String,
    page: String,
}

/// The table by code without `KL-`. A test holds it against [`FindingCode::ALL`].
static TABLE: LazyLock<BTreeMap<String, Entry>> =
    LazyLock::new(|| toml::from_str(include_str!("../../assets/findings.toml")).unwrap_or_default());

fn entry(code: FindingCode) -> Option<&'static Entry> {
    TABLE.get(code.text().strip_prefix("KL-")?)
}

/// The words for a finding.
pub fn words(finding: &Finding) -> FindingWords {
    if let FindingCode::Failed(code) = finding.code {
        let failure = Failure { evidence: finding.evidence.clone(), ..Failure::new(code) };
        let words = failures::words(&failure);
        return FindingWords { cause: words.cause, heal: words.hint };
    }
    match entry(finding.code) {
        Some(entry) => {
            FindingWords { cause: filled(&entry.cause, finding), heal: filled(&entry.heal, finding) }
        }
        None => FindingWords { cause: finding.code.text(), heal: String::new() },
    }
}

/// The page of a code: what it means, how it is known, what to do. None: the table has no such code.
pub fn page(code: FindingCode) -> Option<&'static str> {
    entry(code).map(|entry| entry.page.trim())
}

/// The text with every `{label}` replaced by the evidence of that label.
fn filled(text: &str, finding: &Finding) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((label, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        let (label, otherwise) = label.split_once('|').unwrap_or((label, ""));
        let environment = || finding.environment.as_ref().map(|name| name.as_str());
        let value = match label {
            "environment" => environment(),
            _ => finding.evidence(label),
        };
        out.push_str(value.unwrap_or(otherwise));
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_words_and_every_word_a_code() {
        let table: BTreeMap<String, Entry> =
            toml::from_str(include_str!("../../assets/findings.toml")).unwrap();
        let known: Vec<String> = FindingCode::ALL.iter().map(|code| code.text()).collect();
        for code in &known {
            let entry = table.get(&code[3..]).unwrap_or_else(|| panic!("no words for {code}"));
            assert!(!entry.cause.is_empty() && !entry.heal.is_empty() && !entry.page.is_empty(), "{code}");
        }
        for code in table.keys() {
            assert!(known.contains(&format!("KL-{code}")), "{code} is no code");
        }
    }

    #[test]
    fn evidence_stands_where_its_label_stands() {
        let finding = Finding::overall(FindingCode::TrustOpen).with("role", "R {x}");
        assert_eq!(filled("a {role} b {no|nobody} c {environment|all}", &finding), "a R {x} b nobody c all");
        assert_eq!(filled("{", &finding), "{");
    }
}
