//! The handshake: what the toolkit's own log says, held against what the blueprint expects.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::arn::AssumedRole;
use super::diagnose::signature::known;
use super::failure::Evidence;
use super::finding::{Finding, FindingCode};
use super::names::{AccountId, EnvironmentName};

/// Id of the task `AWSCLI@1` (facts/azure-devops.md §6). Only its record is evidence.
pub const AWSCLI_TASK: Uuid = uuid::uuid!("081ccf10-2f14-48dd-9bd0-892b8975d24f");

/// Claims of a token, as the toolkit prints them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`.
    pub audience: String,
}

/// What `sts get-caller-identity` answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerIdentity {
    /// `Account`.
    pub account: String,
    /// `Arn`.
    pub arn: String,
}

/// What one task log tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLog {
    /// Of the last token that was issued.
    pub claims: Option<Claims>,
    /// The session ARN of the line `...role assumed via OIDC Token`.
    pub assumed: Option<String>,
    /// The text after `Failed to assume role with OIDC:`, the real cause.
    pub oidc_failure: Option<String>,
    /// The last line marked as an error.
    pub error: Option<String>,
    /// The answer of `sts get-caller-identity`.
    pub identity: Option<CallerIdentity>,
}

impl TaskLog {
    /// Reads the lines of one attempt of the toolkit's task (facts/azure-devops.md §6), with or without time stamps.
    pub fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut log = Self::default();
        let mut json: Option<String> = None;
        for line in lines {
            let text = without_stamp(line);
            if let Some(open) = &mut json {
                open.push_str(text);
                open.push('\n');
                if text.trim_end() == "}" {
                    log.identity = identity(open).or(log.identity.take());
                    json = None;
                }
                continue;
            }
            if text.contains("Configuring credentials for task") {
                // A retried task writes every attempt into one log; only the last one counts.
                log = Self::default();
            } else if text.trim() == "{" {
                json = Some(format!("{text}\n"));
            } else if let Some(rest) = text.split_once("OIDC Token generated: ").map(|(_, rest)| rest) {
                log.claims = claims(rest).or(log.claims.take());
            } else if let Some((_, arn)) = text.split_once("...role assumed via OIDC Token: ") {
                log.assumed = Some(arn.trim().to_owned());
            } else if let Some((_, cause)) = text.split_once("Failed to assume role with OIDC: ") {
                log.oidc_failure = Some(cause.trim().to_owned());
            } else if let Some((_, error)) = text.split_once("##[error]") {
                log.error = Some(error.trim().to_owned());
            }
        }
        log
    }
}

/// A line without `2024-08-30T20:12:31.5474060Z `.
fn without_stamp(line: &str) -> &str {
    let line = line.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
    match line.split_once(' ') {
        Some((stamp, rest)) if stamp.len() >= 20 && stamp.ends_with('Z') && stamp.as_bytes()[4] == b'-' => {
            rest
        }
        _ => line,
    }
}

/// `issuer: {…} sub: {…}, aud: {…}`, braces optional as different versions print them.
fn claims(text: &str) -> Option<Claims> {
    let (_, rest) = text.split_once("issuer: ")?;
    let (issuer, rest) = rest.split_once(" sub: ")?;
    let (subject, audience) = rest.rsplit_once(", aud: ")?;
    let bare = |text: &str| {
        let text = text.trim().trim_end_matches(',');
        text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text).to_owned()
    };
    Some(Claims { issuer: bare(issuer), subject: bare(subject), audience: bare(audience) })
}

fn identity(json: &str) -> Option<CallerIdentity> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    Some(CallerIdentity {
        account: value["Account"].as_str()?.to_owned(),
        arn: value["Arn"].as_str()?.to_owned(),
    })
}

/// How the tasks of a run get their credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// By a token that a role trusts.
    Oidc,
    /// By the access key in the connection.
    Keys {
        /// The user whose key it is.
        user: String,
        /// Who a task must become: the ARN of the user, or of the session of the role it assumes with the key.
        identity: String,
    },
}

/// What a handshake must show to be a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The environment.
    pub environment: EnvironmentName,
    /// By what.
    pub means: Means,
    /// The claims of its token, where it is by one.
    pub claims: Claims,
    /// The account.
    pub account: AccountId,
    /// The role session it must become, where it is by a token.
    pub identity: AssumedRole,
}

impl Expected {
    /// The ARN that must answer.
    #[must_use]
    pub fn arn(&self) -> String {
        match &self.means {
            Means::Oidc => self.identity.to_string(),
            Means::Keys { identity, .. } => identity.clone(),
        }
    }

    /// Whether it is by static keys.
    #[must_use]
    pub fn by_keys(&self) -> bool {
        matches!(self.means, Means::Keys { .. })
    }
}

/// The verdict on one environment (design, "Words").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The run became exactly the wanted role.
    Proven,
    /// It works, but the trust admits others too.
    Open {
        /// Who else, in words.
        admits: Vec<String>,
    },
    /// Another identity or claim than wanted.
    Mismatch {
        /// Which value: `issuer`, `subject`, `audience`, `account`, `role`, `identity`, `means`.
        what: String,
        /// The wanted one.
        wanted: String,
        /// The one found.
        found: String,
    },
    /// The run failed; the reason is the task's own.
    Failed {
        /// The real cause from the task's record.
        reason: String,
    },
    /// Nothing proves it, for or against.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl Verdict {
    /// One word: `proven`, `open`, `mismatch`, `failed`, `unknown`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Open { .. } => "open",
            Self::Mismatch { .. } => "mismatch",
            Self::Failed { .. } => "failed",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Why, where there is more to say than the word.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Proven => None,
            Self::Open { admits } => Some(format!("the trust also admits {}", admits.join("; "))),
            Self::Mismatch { what, wanted, found } => Some(format!("{what} is {found}, wanted {wanted}")),
            Self::Failed { reason } => Some(reason.clone()),
            Self::Unknown { why } => Some(why.clone()),
        }
    }
}

/// A verdict with its circumstances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshake {
    /// The environment.
    pub environment: EnvironmentName,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The identity that answered.
    pub identity: Option<String>,
    /// When the task ended (RFC 3339, Azure DevOps's clock).
    pub at: Option<String>,
    /// The run's page.
    pub run: Option<String>,
    /// What the run's own record names as the cause of a failure; none: it did not fail, or nothing is known about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// A named cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Which.
    pub code: FindingCode,
    /// What the words it was read from hold.
    pub evidence: Vec<Evidence>,
}

impl Handshake {
    /// The named cause as a finding about its environment; none: it did not fail, or nothing is known about it.
    pub fn finding(&self) -> Option<Finding> {
        let cause = self.cause.clone()?;
        Some(Finding { evidence: cause.evidence, ..Finding::about(&self.environment, cause.code) })
    }
}

/// Judges one task's log. `succeeded` is the record's own result. What is quoted of the log is cleaned.
pub fn judge(expected: &Expected, log: &TaskLog, succeeded: bool) -> Verdict {
    match &expected.means {
        Means::Oidc => judge_token(expected, log, succeeded),
        Means::Keys { identity, .. } => judge_keys(expected, identity, log, succeeded),
    }
}

/// Judges a task that must have used the keys of its connection: a token would be another way in.
fn judge_keys(expected: &Expected, wanted: &str, log: &TaskLog, succeeded: bool) -> Verdict {
    let mismatch = |what: &str, wanted: &str, found: &str| Verdict::Mismatch {
        what: what.to_owned(),
        wanted: wanted.to_owned(),
        found: found.to_owned(),
    };
    if log.claims.is_some() || log.assumed.is_some() || log.oidc_failure.is_some() {
        return mismatch("means", "an access key", "an OIDC token");
    }
    if let Some(identity) = &log.identity {
        if identity.account != expected.account.as_str() {
            return mismatch("account", expected.account.as_str(), &identity.account);
        }
        if identity.arn != wanted {
            return mismatch("identity", wanted, &identity.arn);
        }
    }
    if !succeeded {
        let reason = log.error.clone().unwrap_or_else(|| "the task failed without a reason".to_owned());
        return Verdict::Failed { reason };
    }
    match log.identity {
        Some(_) => Verdict::Proven,
        None => Verdict::Failed {
            reason: "sts get-caller-identity left no answer in the task's record".to_owned(),
        },
    }
}

fn judge_token(expected: &Expected, log: &TaskLog, succeeded: bool) -> Verdict {
    if let Some(reason) = &log.oidc_failure {
        // The toolkit falls back to other credentials after this line, so nothing later counts.
        return Verdict::Failed { reason: known().shown(reason) };
    }
    let mismatch = |what: &str, wanted: &str, found: &str| Verdict::Mismatch {
        what: what.to_owned(),
        wanted: wanted.to_owned(),
        found: known().cleaned(found),
    };
    if let Some(found) = &log.claims {
        let wanted = &expected.claims;
        for (what, wanted, found) in [
            ("issuer", &wanted.issuer, &found.issuer),
            ("subject", &wanted.subject, &found.subject),
            ("audience", &wanted.audience, &found.audience),
        ] {
            if wanted != found {
                return mismatch(what, wanted, found);
            }
        }
    }
    let wanted = expected.identity.to_string();
    if let Some(identity) = &log.identity {
        if identity.account != expected.account.as_str() {
            return mismatch("account", expected.account.as_str(), &identity.account);
        }
        if identity.arn != wanted {
            return mismatch("role", &wanted, &identity.arn);
        }
    }
    if !succeeded {
        let error = log.error.as_ref().map(|error| known().shown(error));
        let reason = error.unwrap_or_else(|| "the task failed without a reason".to_owned());
        return Verdict::Failed { reason };
    }
    match (&log.claims, &log.assumed, &log.identity) {
        (None, ..) => Verdict::Failed {
            reason: "the task used other credentials: it never asked for an OIDC token".to_owned(),
        },
        (_, None, _) => {
            Verdict::Failed { reason: "the task's record does not show a role assumed via OIDC".to_owned() }
        }
        (_, Some(assumed), _) if *assumed != wanted => mismatch("role", &wanted, assumed),
        (_, _, None) => Verdict::Failed {
            reason: "sts get-caller-identity left no answer in the task's record".to_owned(),
        },
        _ => Verdict::Proven,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
2026-11-21T20:12:31.5474060Z Configuring credentials for task
2026-11-21T20:12:31.5474060Z OIDC Token generated: issuer: {https://vstoken.dev.azure.com/g} sub: {sc://contoso/pay, ments/AWS-Dev}, aud: {api://AzureADTokenExchange}
2026-11-21T20:12:31.5474060Z ...role assumed via OIDC Token: arn:aws:sts::111122223333:assumed-role/R/keyless-dev
2026-11-21T20:12:31.5474060Z {
2026-11-21T20:12:31.5474060Z     \"UserId\": \"AROA:keyless-dev\",
2026-11-21T20:12:31.5474060Z     \"Account\": \"111122223333\",
2026-11-21T20:12:31.5474060Z     \"Arn\": \"arn:aws:sts::111122223333:assumed-role/R/keyless-dev\"
2026-11-21T20:12:31.5474060Z }";

    fn expected() -> Expected {
        Expected {
            environment: "dev".parse().unwrap(),
            means: Means::Oidc,
            claims: Claims {
                issuer: "https://vstoken.dev.azure.com/g".to_owned(),
                subject: "sc://contoso/pay, ments/AWS-Dev".to_owned(),
                audience: "api://AzureADTokenExchange".to_owned(),
            },
            account: "111122223333".parse().unwrap(),
            identity: "arn:aws:sts::111122223333:assumed-role/R/keyless-dev".parse().unwrap(),
        }
    }

    #[test]
    fn the_whole_log_proves() {
        assert_eq!(judge(&expected(), &TaskLog::read(GOOD.lines()), true), Verdict::Proven);
    }

    #[test]
    fn every_missing_line_is_no_proof() {
        for skip in [1, 2, 3, 5] {
            let lines = GOOD.lines().enumerate().filter(|(index, _)| *index != skip).map(|(_, line)| line);
            assert!(
                matches!(judge(&expected(), &TaskLog::read(lines), true), Verdict::Failed { .. }),
                "line {skip}"
            );
        }
    }

    #[test]
    fn a_green_run_after_a_swallowed_failure_is_a_failure() {
        let text = GOOD.replace(
            "...role assumed via OIDC Token: arn",
            "Failed to assume role with OIDC: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity arn",
        );
        let Verdict::Failed { reason } = judge(&expected(), &TaskLog::read(text.lines()), true) else {
            panic!()
        };
        assert!(reason.starts_with("AccessDenied"));
    }

    #[test]
    fn what_is_quoted_of_a_log_is_cleaned() {
        let quoted =
            |text: String, succeeded| match judge(&expected(), &TaskLog::read(text.lines()), succeeded) {
                Verdict::Failed { reason } => reason,
                Verdict::Mismatch { found, .. } => found,
                other => panic!("{other:?}"),
            };
        let failed = GOOD.replace(
            "...role assumed via OIDC Token: arn",
            "Failed to assume role with OIDC: \u{1b}AKIAIOSFODNN7EXAMPLE ",
        );
        assert!(quoted(failed, true).starts_with("\u{fffd}*** "));
        assert_eq!(
            quoted(GOOD.replace("AWS-Dev}", "AKIAIOSFODNN7EXAMPLE}"), true),
            "sc://contoso/pay, ments/***"
        );
        assert_eq!(quoted(format!("{GOOD}\n##[error]{}", "x ".repeat(400)), false).chars().count(), 301);
    }

    #[test]
    fn only_the_last_attempt_counts() {
        let failed =
            GOOD.replace("...role assumed via OIDC Token:", "Failed to assume role with OIDC: AccessDenied");
        let text = format!("{failed}\n{GOOD}");
        assert_eq!(judge(&expected(), &TaskLog::read(text.lines()), true), Verdict::Proven);
        let text = format!("{GOOD}\n{failed}");
        assert!(matches!(judge(&expected(), &TaskLog::read(text.lines()), true), Verdict::Failed { .. }));
    }

    #[test]
    fn each_other_value_is_a_mismatch_that_names_it() {
        for (from, to, named) in [
            ("{https://vstoken.dev.azure.com/g}", "{https://login.microsoftonline.com/t/v2.0}", "issuer"),
            ("AWS-Dev}", "aws-dev}", "subject"),
            ("AzureADTokenExchange", "Other", "audience"),
            ("\"111122223333\"", "\"999922223333\"", "account"),
            ("assumed-role/R/", "assumed-role/Other/", "role"),
        ] {
            let text = GOOD.replace(from, to);
            let verdict = judge(&expected(), &TaskLog::read(text.lines()), true);
            assert!(
                matches!(&verdict, Verdict::Mismatch { what, .. } if what == named),
                "{named}: {verdict:?}"
            );
        }
    }
    const USER: &str = "arn:aws:iam::111122223333:user/deploy";

    fn by_keys() -> Expected {
        let means = Means::Keys { user: "deploy".to_owned(), identity: USER.to_owned() };
        Expected { means, ..expected() }
    }

    /// The log of a task that used the keys of its connection.
    fn keys() -> String {
        let lines = GOOD.lines().filter(|line| !line.contains("OIDC"));
        let text: Vec<&str> = lines.collect();
        text.join("\n").replace("arn:aws:sts::111122223333:assumed-role/R/keyless-dev", USER)
    }

    #[test]
    fn keys_prove_the_user_they_belong_to() {
        assert_eq!(judge(&by_keys(), &TaskLog::read(keys().lines()), true), Verdict::Proven);
        let failed = judge(&by_keys(), &TaskLog::read(keys().lines()), false);
        assert!(matches!(failed, Verdict::Failed { .. }), "{failed:?}");
        let silent = keys().replace("Arn", "Other");
        let silent = judge(&by_keys(), &TaskLog::read(silent.lines()), true);
        assert!(matches!(silent, Verdict::Failed { .. }), "{silent:?}");
    }

    #[test]
    fn another_user_or_a_token_is_no_proof_of_keys() {
        let other = keys().replace("user/deploy", "user/other");
        let account = keys().replace("\"111122223333\"", "\"999922223333\"");
        let swallowed = keys().replace(
            "Configuring credentials for task",
            "Configuring credentials for task\nFailed to assume role with OIDC: AccessDenied",
        );
        for (text, named) in
            [(GOOD, "means"), (&swallowed, "means"), (&other, "identity"), (&account, "account")]
        {
            let verdict = judge(&by_keys(), &TaskLog::read(text.lines()), true);
            assert!(
                matches!(&verdict, Verdict::Mismatch { what, .. } if what == named),
                "{named}: {verdict:?}"
            );
        }
    }

    #[test]
    fn keys_are_no_proof_of_a_token() {
        let role = keys().replace(USER, "arn:aws:sts::111122223333:assumed-role/R/keyless-dev");
        let verdict = judge(&expected(), &TaskLog::read(role.lines()), true);
        assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict:?}");
    }
}
