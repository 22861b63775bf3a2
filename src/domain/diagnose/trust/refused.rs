//! Why a trust does not admit the expected token: Deny statements, or the parts of the nearest Allow that do not fit.

use super::{parts, statement_name};
use crate::domain::arn::Arn;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::policy::{
    ConditionMiss, Decision, Document, Effect, Expected, Likeness, Mismatch, Principal, PrincipalKind,
    StatementOutcome, WEB_IDENTITY_ACTION,
};

/// One reason, and which value of which statement it is about.
pub(super) struct Reason {
    pub(super) finding: Finding,
    pub(super) statement: Option<usize>,
    pub(super) value: Option<String>,
}

/// Every reason; empty: the token is admitted.
pub(super) fn reasons(
    document: &Document,
    expected: &Expected,
    connections: Option<&[String]>,
    decision: &Decision,
) -> Vec<Reason> {
    if decision.is_allowed() {
        return Vec::new();
    }
    let mut found: Vec<Reason> =
        decision.statements.iter().filter_map(|outcome| denial(document, outcome)).collect();
    let Some(nearest) = decision.nearest_allow() else {
        let finding = Finding::overall(FindingCode::TrustFederated).differs("nobody", &expected.provider_arn);
        found.push(Reason { finding, statement: None, value: None });
        return found;
    };
    let reader = Reader { expected, connections, outcome: nearest };
    found.extend(nearest.mismatches.iter().filter_map(|mismatch| reader.reason(mismatch)));
    found
}

/// A Deny statement that applies to the token.
fn denial(document: &Document, outcome: &StatementOutcome) -> Option<Reason> {
    if outcome.effect != Effect::Deny || !outcome.applies() {
        return None;
    }
    let statement = document.statements().get(outcome.index)?;
    let conditions = statement.conditions();
    let network = conditions.iter().find_map(|condition| network(&condition.key));
    let said: Vec<String> =
        conditions.iter().map(|it| format!("{} {}: {}", it.operator, it.key, it.values.join(", "))).collect();
    let finding = Finding::overall(network.unwrap_or(FindingCode::TrustDeny))
        .with("statement", statement_name(outcome.sid.as_deref(), outcome.index))
        .with("condition", if said.is_empty() { "none".to_owned() } else { said.join("; ") });
    Some(Reason { finding, statement: Some(outcome.index), value: None })
}

/// What a condition key says about the way a request comes from. Hosted agents fulfil neither lastingly.
fn network(key: &str) -> Option<FindingCode> {
    match key.to_ascii_lowercase().as_str() {
        "aws:sourceip" => Some(FindingCode::TrustSourceIp),
        "aws:sourcevpc" | "aws:sourcevpce" | "aws:sourcevpcarn" | "aws:vpcsourceip" => {
            Some(FindingCode::TrustVpc)
        }
        _ => None,
    }
}

/// Reads what does not fit in one statement.
struct Reader<'a> {
    expected: &'a Expected,
    connections: Option<&'a [String]>,
    outcome: &'a StatementOutcome,
}

impl Reader<'_> {
    fn about(&self, code: FindingCode) -> Finding {
        let name = statement_name(self.outcome.sid.as_deref(), self.outcome.index);
        Finding::overall(code).with("statement", name)
    }

    fn made(&self, finding: Finding, value: Option<&str>) -> Option<Reason> {
        Some(Reason { finding, statement: Some(self.outcome.index), value: value.map(str::to_owned) })
    }

    fn reason(&self, mismatch: &Mismatch) -> Option<Reason> {
        match mismatch {
            Mismatch::Principal { expected, excluded, .. } => self.principal(expected, *excluded),
            Mismatch::Action { expected, excluded, .. } => {
                let found = if *excluded { "all but " } else { "" }.to_owned() + &expected.join(", ");
                self.made(self.about(FindingCode::TrustAction).differs(found, WEB_IDENTITY_ACTION), None)
            }
            Mismatch::Condition { operator, key, expected, miss, nearest, .. } => {
                let nearest = nearest.as_ref().map(|nearest| nearest.expected.as_str());
                self.condition(operator, key, expected, *miss, nearest)
            }
        }
    }

    fn principal(&self, named: &[Principal], excluded: bool) -> Option<Reason> {
        let wanted = &self.expected.provider_arn;
        let federated = named.iter().filter(|principal| principal.kind == PrincipalKind::Federated);
        let elsewhere = federated.clone().find(|principal| is_of_another_account(&principal.id, wanted));
        let code = match elsewhere {
            Some(_) if !excluded => FindingCode::ProviderAccount,
            _ => FindingCode::TrustFederated,
        };
        let shown = elsewhere.or_else(|| federated.clone().next()).or_else(|| named.first());
        let found = match shown {
            Some(one) if excluded => format!("all but {}", one.id),
            Some(one) if one.kind == PrincipalKind::Federated => one.id.clone(),
            Some(one) => format!("{} {}", one.kind.as_str(), one.id),
            None => "nobody".to_owned(),
        };
        let value = shown.map(|one| one.id.as_str());
        self.made(self.about(code).with("condition", "Principal").differs(found, wanted), value)
    }

    fn condition(
        &self,
        operator: &str,
        key: &str,
        values: &[String],
        miss: ConditionMiss,
        nearest: Option<&str>,
    ) -> Option<Reason> {
        let said = format!("{operator} {key}");
        let issuer = &self.expected.issuer_host_path;
        let value = nearest.or_else(|| values.first().map(String::as_str));
        let text = value.unwrap_or("nothing");
        if let Some(code) = network(key) {
            return self
                .made(self.about(code).with("condition", said).with("found", values.join(", ")), None);
        }
        let Some((prefix, claim)) = key.rsplit_once(':') else { return self.other(said, values) };
        let wanted = match claim.to_ascii_lowercase().as_str() {
            "sub" => &self.expected.subject,
            "aud" => &self.expected.audience,
            _ => return self.other(said, values),
        };
        let is_sub = claim.eq_ignore_ascii_case("sub");
        if !prefix.eq_ignore_ascii_case(issuer) {
            // A statement for another provider has that one's conditions: the provider is what is wrong.
            if self.outcome.mismatches.iter().any(|it| matches!(it, Mismatch::Principal { .. })) {
                return None;
            }
            let code = if is_sub { FindingCode::TrustSubOther } else { FindingCode::TrustAud };
            let finding = self.about(code).with("condition", said);
            return self.made(finding.differs(key, format!("{issuer}:{claim}")), None);
        }
        if matches!(miss, ConditionMiss::UnknownOperator | ConditionMiss::KeyPresent) {
            return self.other(said, values);
        }
        let code = match (is_sub, miss) {
            (false, _) => FindingCode::TrustAud,
            (true, ConditionMiss::Excluded) => FindingCode::TrustSubOther,
            (true, _) => self.subject(text),
        };
        let finding = self.about(code).with("condition", said).differs(text, wanted);
        self.made(finding, value)
    }

    /// A condition on something else, which the token does not fulfil.
    fn other(&self, said: String, values: &[String]) -> Option<Reason> {
        let finding = self.about(FindingCode::TrustCondition);
        let found = values.join(", ");
        self.made(finding.with("condition", format!("{said}: {found}")).with("found", found), None)
    }

    /// In what way a trusted subject is another than the token's.
    fn subject(&self, found: &str) -> FindingCode {
        // What varies is no name, so nothing was renamed; in `StringEquals` an asterisk is only a character.
        let varies = found.contains(['*', '?', '$']);
        match Likeness::between(found, &self.expected.subject) {
            Likeness::Case => FindingCode::TrustSubCase,
            Likeness::Space => FindingCode::TrustSubSpace,
            Likeness::PercentEncoding => FindingCode::TrustSubEncoding,
            Likeness::Different if !varies && self.is_renamed(found) => FindingCode::TrustSubRenamed,
            Likeness::Different | Likeness::Same => FindingCode::TrustSubOther,
        }
    }

    /// Whether exactly one of the three names differs, and is not the name of another connection that is there.
    fn is_renamed(&self, found: &str) -> bool {
        let (Some(mine), Some(theirs)) = (parts(found), parts(&self.expected.subject)) else { return false };
        let differing: Vec<usize> = (0..3).filter(|part| mine[*part] != theirs[*part]).collect();
        match differing.as_slice() {
            [2] => !self
                .connections
                .is_some_and(|known| known.iter().any(|name| name.to_lowercase() == mine[2].to_lowercase())),
            [_] => true,
            _ => false,
        }
    }
}

/// The same provider in another account.
fn is_of_another_account(found: &str, wanted: &str) -> bool {
    match (found.parse::<Arn>(), wanted.parse::<Arn>()) {
        (Ok(found), Ok(wanted)) => found.account != wanted.account && found.resource == wanted.resource,
        _ => false,
    }
}
