//! Logs: which named causes a task's log shows, and how the claims in it differ from what is trusted.
//!
//! A log is advice for a person: any script can print these lines, so nothing here ever feeds a write.

use regex::Regex;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::expectation::{Expectation, Trusted, differences, nearest};
use super::signature::{Marker, Place, Signature, Signatures, known};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::handshake::{Cause, Claims};

/// Bytes of one line that are read; the rest of a longer one is left out.
const LINE: usize = 8 * 1024;

/// Findings that are kept at most, and trusted subjects that are remembered.
const MOST: usize = 64;

/// What a log tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogDiagnosis {
    /// Named causes, the most trustworthy first: what STS or Azure DevOps said behind the swallowed failure, then other
    /// errors, then what only looks like a cause.
    pub findings: Vec<Finding>,
    /// Claims of the last token.
    pub claims: Option<Claims>,
    /// The last role session the toolkit assumed.
    pub assumed: Option<String>,
    /// How many lines were read.
    pub lines: usize,
    /// How many of them were longer than is read of a line.
    pub cut: usize,
}

/// The named cause in one task's own record, and the words that tell it; none: nothing is known about what it says.
///
/// A retried task writes every attempt into one log: as in [`crate::domain::handshake::TaskLog`], the last one counts.
pub fn cause<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<(Cause, String)> {
    let mut reader = Reader::new();
    for line in lines {
        let attempt = reader.section.number;
        reader.line(line);
        if reader.section.number != attempt {
            reader.found.clear();
        }
    }
    let told = reader.found.into_iter().filter(is_cause);
    let found = told.min_by_key(|found| (found.tier, found.line))?;
    Some((Cause { code: found.finding.code, evidence: found.finding.evidence }, found.said))
}

/// Whether it names why a task failed, and not only that it did.
fn is_cause(found: &Found) -> bool {
    !matches!(found.finding.code, FindingCode::SecondaryError | FindingCode::LogUnknown)
}

/// How much a line is to be trusted as the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    /// Behind the swallowed failure.
    Cause,
    /// Any other error.
    Other,
    /// What the task tries after it has failed.
    Secondary,
}

/// One task of the log so far.
#[derive(Debug, Default)]
struct Section {
    number: usize,
    begun: bool,
    asked: bool,
    assumed: bool,
    /// Time stamp of the line that told the role was assumed.
    since: Option<OffsetDateTime>,
    claims: Option<Claims>,
    role: Option<String>,
}

struct Found {
    section: usize,
    tier: Tier,
    line: usize,
    finding: Finding,
    /// The words it was read from.
    said: String,
    claims: Option<Claims>,
    role: Option<String>,
}

struct Reader {
    known: &'static Signatures,
    section: Section,
    found: Vec<Found>,
    trusted: Vec<Trusted>,
    error: Option<String>,
    /// Whether any line was one of the toolkit's.
    toolkit: bool,
    diagnosis: LogDiagnosis,
}

/// Reads a log. Memory is bounded by the limits above, time is linear in the text.
pub fn diagnose(text: &str, expected: Option<&Expectation>) -> LogDiagnosis {
    let mut reader = Reader::new();
    for line in text.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        reader.line(line);
    }
    reader.end(expected)
}

impl Reader {
    fn new() -> Self {
        Self {
            known: known(),
            section: Section::default(),
            found: Vec::new(),
            trusted: Vec::new(),
            error: None,
            toolkit: false,
            diagnosis: LogDiagnosis::default(),
        }
    }

    fn line(&mut self, whole: &str) {
        self.diagnosis.lines += 1;
        let line = cut(whole, LINE);
        self.diagnosis.cut += usize::from(line.len() < whole.len());
        let (stamp, text) = parted(line);
        let hits = self.known.hits(text);
        let mut cause = None;
        for (marker, pattern) in hits.markers {
            self.mark(marker, pattern, text, stamp, &mut cause);
        }
        if let Some(cause) = cause {
            return self.cause(&cause);
        }
        let applies = hits.signatures.into_iter().find(|signature| self.applies(signature, stamp));
        if let Some(signature) = applies {
            let tier = match signature.code {
                FindingCode::SecondaryError => Tier::Secondary,
                _ => Tier::Other,
            };
            self.add(tier, signature, text);
        }
    }

    /// Takes in what a task says on its way.
    fn mark(
        &mut self,
        marker: Marker,
        pattern: &Regex,
        text: &str,
        stamp: Option<&str>,
        cause: &mut Option<String>,
    ) {
        let captures = pattern.captures(text);
        let group = |name: &str| {
            let found = captures.as_ref().and_then(|captures| captures.name(name));
            found.map(|found| found.as_str().trim().to_owned()).unwrap_or_default()
        };
        // What is told or compared; the cause is cleaned when its signature is known.
        let clean = |name: &str| self.known.cleaned(&group(name));
        self.toolkit |= !matches!(marker, Marker::Error | Marker::TrustedSubject | Marker::TrustedAudience);
        match marker {
            Marker::Attempt => {
                self.section = Section { number: self.section.number + 1, begun: true, ..Section::default() };
            }
            Marker::Asked => self.section.asked = true,
            Marker::Token => {
                let (issuer, subject) = (clean("issuer"), clean("subject"));
                let claims = Claims { issuer, subject, audience: clean("audience") };
                self.section.asked = true;
                self.section.claims = Some(claims.clone());
                self.diagnosis.claims = Some(claims);
            }
            Marker::Failure => {
                self.section.asked = true;
                *cause = Some(group("cause"));
            }
            Marker::Assumed => {
                let session = clean("role_session");
                self.section.assumed = true;
                self.section.since = stamp.and_then(time_of);
                self.diagnosis.assumed = Some(session);
            }
            Marker::Role => self.role(clean("role")),
            Marker::TrustedSubject => self.trust(clean("subject")),
            Marker::TrustedAudience => {
                let audience = clean("audience");
                if let Some(last) = self.trusted.last_mut() {
                    last.audience.get_or_insert(audience);
                }
            }
            Marker::Error => self.error = Some(self.known.shown(&group("error"))),
        }
    }

    /// The role a task is about. The toolkit prints it when it falls back, after the failure.
    fn role(&mut self, role: String) {
        for found in self.found.iter_mut().filter(|found| found.section == self.section.number) {
            found.role = Some(role.clone());
        }
        self.section.role = Some(role);
    }

    /// Remembers a subject of a trust policy that stands in the log.
    fn trust(&mut self, subject: String) {
        if self.trusted.len() < MOST && self.trusted.iter().all(|known| known.subject != subject) {
            self.trusted.push(Trusted {
                environment: None,
                role: None,
                subject,
                audience: None,
                issuer: None,
                from: "the trust policy in this log".to_owned(),
            });
        }
    }

    /// The text behind a swallowed failure: the real cause, whatever comes after it.
    fn cause(&mut self, text: &str) {
        let hits = self.known.hits(text);
        let found = hits
            .signatures
            .into_iter()
            .find(|signature| matches!(signature.place, Place::Anywhere | Place::Cause));
        match found {
            Some(signature) if signature.code != FindingCode::SecondaryError => {
                self.add(Tier::Cause, signature, text);
            }
            _ => {
                let error = self.known.shown(text);
                let unknown = Finding::overall(FindingCode::LogUnknown).with("error", error);
                self.keep(Tier::Cause, unknown, text);
            }
        }
    }

    fn applies(&self, signature: &Signature, stamp: Option<&str>) -> bool {
        let placed = match signature.place {
            Place::Anywhere => true,
            Place::Cause => false,
            Place::NotAsked => self.section.begun && !self.section.asked,
            Place::AfterAssumed => self.section.assumed,
        };
        let timed = || {
            let Some((from, to)) = signature.minutes else { return true };
            let passed = self.section.since.zip(stamp.and_then(time_of)).map(|(since, now)| now - since);
            passed.is_some_and(|passed| (from..=to).contains(&passed.whole_minutes()))
        };
        placed && timed()
    }

    fn add(&mut self, tier: Tier, signature: &Signature, text: &str) {
        let mut finding = Finding::overall(signature.code);
        finding.evidence = self.known.captured(signature, text);
        self.keep(tier, finding, text);
    }

    fn keep(&mut self, tier: Tier, finding: Finding, text: &str) {
        let about_token = tier == Tier::Cause || is_about_token(finding.code);
        let claims = self.section.claims.clone().filter(|_| about_token && !self.section.assumed);
        let same = |found: &Found| found.finding.code == finding.code && found.claims == claims;
        if self.found.len() < MOST && !self.found.iter().any(same) {
            let (line, role) = (self.diagnosis.lines, self.section.role.clone());
            let (section, said) = (self.section.number, self.known.shown(text));
            self.found.push(Found { section, tier, line, finding, said, claims, role });
        } else if let Some(known) = self.found.iter_mut().find(|found| same(found)) {
            // What is said behind the failure outranks the same said elsewhere.
            known.tier = known.tier.min(tier);
        }
    }

    fn end(mut self, expected: Option<&Expectation>) -> LogDiagnosis {
        self.found.sort_by_key(|found| (found.tier, found.line));
        let wanted = expected.into_iter().flat_map(|expected| &expected.trusted);
        let trusted: Vec<&Trusted> = self.trusted.iter().chain(wanted).collect();
        let mut findings = Vec::new();
        for found in &self.found {
            for finding in compared(found, &trusted, self.known) {
                if !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
        let mut diagnosis = std::mem::take(&mut self.diagnosis);
        if findings.is_empty() && (self.error.is_some() || !self.toolkit) {
            let unknown = Finding::overall(FindingCode::LogUnknown).with("lines", diagnosis.lines);
            findings.push(match &self.error {
                Some(error) => unknown.with("error", error),
                None => unknown,
            });
        }
        diagnosis.findings = findings;
        diagnosis
    }
}

/// The finding with the claims it is about; in place of a refusal, the differences that explain it.
fn compared(found: &Found, trusted: &[&Trusted], known: &Signatures) -> Vec<Finding> {
    let finding = found.finding.clone().with("line", found.line);
    let Some(claims) = &found.claims else { return vec![finding] };
    let role = found.role.as_deref();
    let near = nearest(claims, role, trusted);
    // A policy that stands in the log itself is what the role had then; answers are what it should have.
    let here: Vec<&Trusted> = trusted.iter().filter(|known| known.environment.is_none()).copied().collect();
    let environment = near.and_then(|known| known.environment.clone());
    let about = |finding: Finding| Finding { environment: environment.clone(), ..finding };
    let candidates = nearest(claims, role, &here).into_iter().chain(near);
    let mut explained = candidates.map(|known| differences(found.finding.code, role, claims, known));
    if let Some(explained) = explained.find(|explained| !explained.is_empty()) {
        return explained.into_iter().map(|finding| about(finding.with("line", found.line))).collect();
    }
    let mut finding = about(finding);
    for (label, value) in
        [("issuer", &claims.issuer), ("subject", &claims.subject), ("audience", &claims.audience)]
    {
        if finding.evidence(label).is_none() {
            finding = finding.with(label, known.shown(value));
        }
    }
    vec![match near {
        Some(trusted) => finding.with("compared with", &trusted.from),
        None => finding,
    }]
}

/// Whether STS says it about the token itself.
fn is_about_token(code: FindingCode) -> bool {
    matches!(
        code,
        FindingCode::TrustRefused
            | FindingCode::ProviderMissing
            | FindingCode::ProviderAudience
            | FindingCode::IssuerOther
            | FindingCode::TokenExpired
    )
}

/// The first bytes of a line, whole characters only.
fn cut(line: &str, most: usize) -> &str {
    let mut end = line.len().min(most);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    &line[..end]
}

/// A line without its time stamp, and the stamp.
fn parted(line: &str) -> (Option<&str>, &str) {
    let line = line.trim_start_matches('\u{feff}');
    match line.split_once(' ') {
        Some((stamp, rest)) if stamp.len() >= 20 && stamp.ends_with('Z') && stamp.as_bytes()[4] == b'-' => {
            (Some(stamp), rest)
        }
        _ => (None, line),
    }
}

fn time_of(stamp: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(stamp, &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    const TRIED: &str = "\
2026-11-20T20:12:31.0Z Configuring credentials for task
2026-11-20T20:12:31.0Z Getting OIDC Token...
2026-11-20T20:12:31.0Z Failed to assume role with OIDC: AggregateError [ETIMEDOUT]: 
2026-11-20T20:12:31.0Z ##[error]InvalidClientTokenId: The security token included in the request is invalid.
2026-11-20T20:12:32.0Z Configuring credentials for task
2026-11-20T20:12:32.0Z Getting OIDC Token...
2026-11-20T20:12:33.0Z ...role assumed via OIDC Token: arn:aws:sts::111122223333:assumed-role/R/s
";

    #[test]
    fn the_cause_of_a_record_is_that_of_its_last_attempt() {
        let end = "2026-11-20T20:12:34.0Z Could not connect to the endpoint URL: \"https://sts.eu-west-1.amazonaws.com/\"\n\
                   2026-11-20T20:12:34.0Z ##[error]Error: The process '/usr/local/bin/aws' failed with exit code 255\n";
        let (cause, said) = cause(format!("{TRIED}{end}").lines()).unwrap();
        assert_eq!((cause.code, cause.evidence.len()), (FindingCode::ProxyHttps, 1));
        assert_eq!(said, "Could not connect to the endpoint URL: \"https://sts.eu-west-1.amazonaws.com/\"");
        assert_eq!(super::cause(TRIED.lines()), None, "the last attempt says nothing of a failure");
        let first: Vec<&str> = TRIED.lines().take(4).collect();
        let (cause, said) = super::cause(first.iter().copied()).unwrap();
        assert_eq!(
            (cause.code, said.as_str()),
            (FindingCode::AgentUnreachable, "AggregateError [ETIMEDOUT]:")
        );
        // What is not known stays without a name, and what only follows from a failure is none.
        assert_eq!(super::cause(["Failed to assume role with OIDC: Error: something new"]), None);
        assert_eq!(super::cause([first[3]]), None);
    }
}
