//! Every code that can be explained, in groups, as a person looks for one.

use crate::domain::failure::Code;
use crate::domain::finding::FindingCode;

/// Codes that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// Whether they are failures of a look or a command, and no findings.
    pub failures: bool,
    /// The codes.
    pub codes: Vec<FindingCode>,
}

/// What findings are about, by how their codes begin (without `KL-`).
const FINDINGS: [(&str, &[&str]); 11] = [
    ("Who may sign in to AWS, and what they may do", &["RIGHTS-", "REGION-"]),
    ("The service connection and its keys", &["CONNECTION-", "PERMISSION-", "KEYS-", "PROJECT-"]),
    ("The way from keys to OIDC", &["ROTATION-"]),
    ("The provider and the issuer", &["PROVIDER-", "ISSUER-", "ORGANIZATION-"]),
    ("The role, and the user of a wanted key", &["ROLE-", "USER-"]),
    ("The trust, and who else gets in", &["TRUST-", "MATRIX-", "DENIAL-", "TRAIL-"]),
    (
        "What the proof needs",
        &["HANDSHAKE-", "VERIFICATION-", "TOOLKIT-", "MARKETPLACE-", "REPOS-", "REPOSITORY-", "AWS-CLI-"],
    ),
    ("Gates before deployments", &["GATE-", "POLICY-", "DEPLOYMENT-"]),
    ("What deployment tools must find", &["TOOL-"]),
    ("Pipelines and their tokens", &["PIPELINE-", "TOKEN-", "SESSION-"]),
    ("Agents, networks and logs", &["PROXY-", "AGENT-", "ENDPOINT-", "CLOCK-", "SECONDARY-", "LOG-"]),
];

/// The same of failures.
const FAILURES: [(&str, &[&str]); 5] = [
    ("Signing in to Azure DevOps", &["DEVOPS-TOKEN", "ENTRA-", "AZURE-CLI-", "KEYRING"]),
    (
        "Azure DevOps",
        &[
            "DEVOPS-",
            "PROJECT-",
            "ORGANIZATION-",
            "CONNECTION-",
            "QUEUE-",
            "REPOSITORY-",
            "PIPELINE-",
            "TOOLKIT-",
        ],
    ),
    ("AWS and the issuer", &["AWS-", "SSO-", "POLICY-", "ISSUER-"]),
    ("The proof by a run", &["HANDSHAKE-", "RUN-", "PERMISSION-"]),
    (
        "The call, the plan and this machine",
        &[
            "ANSWERS",
            "BLUEPRINT-",
            "INPUT-",
            "NOT-",
            "NOTHING-",
            "FLAGS",
            "SUBJECT-",
            "ENVIRONMENT-",
            "CODE-",
            "WORLD-",
            "ADDRESS-",
            "PLAN-",
            "TIMED-",
            "STOPPED",
            "JOURNAL-",
            "FILE",
            "TERMINAL",
        ],
    ),
];

/// All codes: findings along the chain, then failures. A failure that is also a finding is the finding.
pub fn groups() -> Vec<Group> {
    let failed = |code: &Code| FindingCode::named(&code.text()) == Some(FindingCode::Failed(*code));
    let failures = Code::ALL.into_iter().filter(failed).map(FindingCode::Failed).collect();
    let mut groups = sorted(FindingCode::ALL.to_vec(), &FINDINGS, false);
    groups.extend(sorted(failures, &FAILURES, true));
    groups
}

fn sorted(mut codes: Vec<FindingCode>, table: &[(&'static str, &[&str])], failures: bool) -> Vec<Group> {
    let mut groups = Vec::new();
    for (title, begins) in table {
        let is_one = |code: &FindingCode| begins.iter().any(|begin| code.text()[3..].starts_with(begin));
        let (own, others) = codes.into_iter().partition(is_one);
        codes = others;
        groups.push(Group { title, failures, codes: own });
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::finding::Finding;
    use crate::explain::{finding, page};

    #[test]
    fn every_code_is_in_one_group() {
        let groups = groups();
        assert!(groups.iter().all(|group| !group.codes.is_empty()));
        let mut all: Vec<String> =
            groups.iter().flat_map(|group| &group.codes).map(|code| code.text()).collect();
        let mut known: Vec<String> = FindingCode::ALL.iter().map(|code| code.text()).collect();
        known.extend(Code::ALL.iter().map(|code| code.text()));
        all.sort();
        known.sort();
        known.dedup();
        assert_eq!(all, known);
    }

    /// What is left of a placeholder that nothing filled.
    fn hole(text: &str) -> Option<&str> {
        let bare = |word: &str| word.trim_matches(|c: char| ",;:.()\"'".contains(c)).to_owned();
        if text.split_whitespace().any(|word| bare(word) == "?") {
            return Some("?");
        }
        let holes = ["{", "}", "\"\"", "''", "``", "  ", " ,", " ;", " :", " ."];
        let found = holes.into_iter().find(|hole| text.contains(hole));
        found.or_else(|| (text.trim() != text).then_some("its end"))
    }

    #[test]
    fn words_without_evidence_have_no_holes() {
        assert_eq!(hole("the connection ? is"), Some("?"));
        assert_eq!(hole("there is no"), None);
        for code in groups().into_iter().flat_map(|group| group.codes) {
            let words = finding(&Finding::overall(code));
            for text in [&words.cause, &words.heal] {
                assert!(!text.is_empty() && !text.ends_with(':'), "{}: {text}", code.text());
            }
            for text in [words.cause.as_str(), words.heal.as_str()].into_iter().chain(page(code).lines()) {
                assert_eq!(hole(text), None, "{}: {text}", code.text());
                // A hint may stand where nothing was said before it.
                assert!(!text.contains("named above") && !text.contains("finding above"), "{code:?}: {text}");
            }
        }
    }
}
