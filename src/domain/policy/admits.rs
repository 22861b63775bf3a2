//! Does a trust policy admit anybody but the expected subject?
//!
//! Careful on the safe side: what cannot be shown to be closed is reported as open. Conditions other than those on
//! subject and audience narrow nothing here, and a Deny counts only where it provably covers what is admitted.

use super::condition::holds;
use super::evaluate::Context;
use super::pattern::{action_matches, has_wildcard};
use super::{
    Comparison, Condition, Document, Effect, Principal, PrincipalKind, Scope, SetOperator, Statement,
    WEB_IDENTITY_ACTION,
};

/// Whom a trust is meant for: one subject of one issuer, with one audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// ARN of the IAM OIDC provider.
    pub provider_arn: String,
    /// The issuer without `https://`.
    pub issuer_host_path: String,
    /// The `aud` claim.
    pub audience: String,
    /// The `sub` claim.
    pub subject: String,
}

/// One way in for somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The statement's place in the document, from 0.
    pub statement: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// Who is admitted.
    pub kind: AdmissionKind,
    /// The part of the statement that shows it, as written there.
    pub evidence: String,
}

/// Who is admitted beside the expected subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdmissionKind {
    /// Everybody: `"*"`, or `NotPrincipal`.
    Everyone,
    /// An AWS principal.
    Aws {
        /// The identifier as written.
        id: String,
        /// What it stands for.
        stands_for: AwsPrincipalKind,
    },
    /// An AWS service.
    Service(String),
    /// Another OIDC or SAML provider.
    OtherProvider(String),
    /// A kind of principal this program does not know.
    OtherPrincipal(String),
    /// Another exact subject.
    AnotherSubject(String),
    /// Every subject that matches a pattern.
    SubjectPattern(String),
    /// The subject in any spelling of upper and lower case.
    SubjectIgnoringCase(String),
    /// `ForAllValues` or `…IfExists` on the subject: holds also when the subject is missing.
    SubjectMayBeMissing,
    /// No condition narrows the subject: everybody the provider issues tokens for.
    AnySubject,
    /// No exact condition on the audience.
    AnyAudience,
    /// The same subject with another audience.
    AnotherAudience(String),
}

/// What an `AWS` principal stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsPrincipalKind {
    /// A whole account.
    Account,
    /// A role.
    Role,
    /// A user.
    User,
    /// One session.
    Session,
    /// The unique id of a deleted user or role (`AIDA…`, `AROA…`): matches nobody any more, but should go.
    Deleted,
    /// Something else.
    Other,
}

impl AdmissionKind {
    /// Does it let in another identity? A loose audience alone does not: the subject is still the expected one.
    #[must_use]
    pub fn is_another_identity(&self) -> bool {
        !matches!(self, Self::AnyAudience | Self::AnotherAudience(_))
    }
}

/// Lists every way in for anybody but the expected subject; empty means the trust is closed.
#[must_use]
pub fn others_admitted(document: &Document, expected: &Expected) -> Vec<Admission> {
    let trust = Trust { document, expected };
    let mut found = Vec::new();
    for (index, statement) in document.statements().iter().enumerate() {
        if statement.effect() != Effect::Allow {
            continue;
        }
        for (principal, kind, evidence) in trust.ways_in(statement) {
            let sid = statement.sid().map(str::to_owned);
            let admission = Admission { statement: index, sid, kind, evidence };
            if !trust.is_denied(statement, &principal, &admission.kind) && !found.contains(&admission) {
                found.push(admission);
            }
        }
    }
    found
}

const STS_ACTIONS: [&str; 3] = ["sts:AssumeRole", WEB_IDENTITY_ACTION, "sts:AssumeRoleWithSAML"];

struct Trust<'a> {
    document: &'a Document,
    expected: &'a Expected,
}

/// A principal, whom it admits, and the evidence.
type WayIn = (Principal, AdmissionKind, String);

impl Trust<'_> {
    fn ways_in(&self, statement: &Statement) -> Vec<WayIn> {
        let principals = match statement.principals() {
            Scope::Unstated => return Vec::new(),
            Scope::Only(principals) => principals.clone(),
            // All but some is not everybody, but nobody can say who.
            Scope::AllBut(_) => vec![Principal { kind: PrincipalKind::Everyone, id: "*".into() }],
        };
        let mut found = Vec::new();
        for principal in principals {
            if !self.actions_of(&principal).any(|action| covers(statement.actions(), action)) {
                continue;
            }
            let mut add = |kind, evidence| found.push((principal.clone(), kind, evidence));
            match (self.reach(statement, "sub"), self.whole(&principal)) {
                (Reach::Exactly(subjects, evidence), _) => {
                    for subject in subjects.iter().filter(|it| **it != self.expected.subject) {
                        add(AdmissionKind::AnotherSubject(subject.clone()), evidence.clone());
                    }
                    if !subjects.is_empty() {
                        self.audiences(statement)
                            .into_iter()
                            .for_each(|(kind, evidence)| add(kind, evidence));
                    }
                }
                (_, Some(kind)) => {
                    add(kind, format!("Principal {}: {}", principal.kind.as_str(), principal.id));
                }
                (Reach::Open(kinds), None) => {
                    kinds
                        .into_iter()
                        .chain(self.audiences(statement))
                        .for_each(|(kind, evidence)| add(kind, evidence));
                }
            }
        }
        found
    }

    /// The actions that are of use to a principal: STS takes each only from one kind of caller.
    fn actions_of(&self, principal: &Principal) -> impl Iterator<Item = &'static str> + use<> {
        let saml = principal.id.contains(":saml-provider/");
        let any = principal.is_everyone()
            || matches!(principal.kind, PrincipalKind::Other(_))
            || principal.id == "*";
        let federated = principal.kind == PrincipalKind::Federated;
        STS_ACTIONS.into_iter().filter(move |action| match *action {
            "sts:AssumeRole" => any || !federated,
            WEB_IDENTITY_ACTION => any || (federated && !saml),
            _ => any || (federated && saml),
        })
    }

    /// Who a principal is, where it is not the expected provider.
    fn whole(&self, principal: &Principal) -> Option<AdmissionKind> {
        let id = principal.id.clone();
        if principal.is_everyone() {
            return Some(AdmissionKind::Everyone);
        }
        match &principal.kind {
            PrincipalKind::Federated if id == self.expected.provider_arn => None,
            PrincipalKind::Federated => Some(AdmissionKind::OtherProvider(id)),
            PrincipalKind::Aws => Some(AdmissionKind::Aws { stands_for: stands_for(&id), id }),
            PrincipalKind::Service => Some(AdmissionKind::Service(id)),
            PrincipalKind::Everyone | PrincipalKind::CanonicalUser | PrincipalKind::Other(_) => {
                Some(AdmissionKind::OtherPrincipal(id))
            }
        }
    }

    fn key(&self, claim: &str) -> String {
        format!("{}:{claim}", self.expected.issuer_host_path)
    }

    fn audiences(&self, statement: &Statement) -> Vec<(AdmissionKind, String)> {
        match self.reach(statement, "aud") {
            Reach::Exactly(values, evidence) => values
                .into_iter()
                .filter(|value| *value != self.expected.audience)
                .map(|value| (AdmissionKind::AnotherAudience(value), evidence.clone()))
                .collect(),
            Reach::Open(kinds) => {
                let evidence = kinds.into_iter().map(|(_, evidence)| evidence).next().unwrap_or_default();
                vec![(AdmissionKind::AnyAudience, evidence)]
            }
        }
    }

    /// Which values of a claim the statement lets through.
    fn reach(&self, statement: &Statement, claim: &str) -> Reach {
        let key = self.key(claim);
        let about = About::of(statement, &key, self.document.knows_variables());
        if let Some(exact) = about.binding(|it| is_exact(it) && about.is_fixed(it)) {
            return Reach::Exactly(about.passing(exact, &key), said(exact));
        }
        let ignores_case =
            |it: &Condition| it.operator.comparison() == Some(Comparison::StringEqualsIgnoreCase);
        let textual = |it: &Condition| {
            matches!(it.operator.comparison(), Some(Comparison::StringEquals | Comparison::StringLike))
        };
        if let Some(it) = about.binding(ignores_case) {
            let kind = |value: &String| {
                if about.has_variable(value) {
                    AdmissionKind::SubjectPattern(value.clone())
                } else if value.to_lowercase() == self.expected.subject.to_lowercase() {
                    AdmissionKind::SubjectIgnoringCase(value.clone())
                } else {
                    AdmissionKind::AnotherSubject(value.clone())
                }
            };
            return Reach::Open(it.values.iter().map(|value| (kind(value), said(it))).collect());
        }
        if let Some(it) = about.binding(textual) {
            // At least one value is a pattern here, or the condition would have been exact.
            let is_pattern = |value: &str| has_wildcard(value) || about.has_variable(value);
            let others =
                it.values.iter().filter(|value| is_pattern(value) || **value != self.expected.subject);
            let kind = |value: &String| match is_pattern(value) {
                true => AdmissionKind::SubjectPattern(value.clone()),
                false => AdmissionKind::AnotherSubject(value.clone()),
            };
            return Reach::Open(others.map(|value| (kind(value), said(it))).collect());
        }
        Reach::Open(vec![match (about.optional(), about.conditions.first()) {
            (Some(it), _) => (AdmissionKind::SubjectMayBeMissing, said(it)),
            (None, Some(it)) => (AdmissionKind::AnySubject, said(it)),
            (None, None) => (AdmissionKind::AnySubject, format!("no condition on {key}")),
        }])
    }

    /// Does some Deny provably cover this way in?
    fn is_denied(&self, allow: &Statement, principal: &Principal, kind: &AdmissionKind) -> bool {
        self.document.statements().iter().filter(|it| it.effect() == Effect::Deny).any(|deny| {
            let Scope::Only(denied) = deny.principals() else { return false };
            let same_principal = denied.iter().any(|it| it.is_everyone() || it == principal);
            let same_actions = self
                .actions_of(principal)
                .filter(|action| covers(allow.actions(), action))
                .all(|action| covers(deny.actions(), action));
            same_principal && same_actions && self.conditions_cover(deny.conditions(), kind)
        })
    }

    fn conditions_cover(&self, conditions: &[Condition], kind: &AdmissionKind) -> bool {
        let (claim, wanted, value) = match kind {
            AdmissionKind::AnyAudience => ("aud", &self.expected.audience, None),
            AdmissionKind::AnotherAudience(value) => ("aud", &self.expected.audience, Some(value)),
            AdmissionKind::AnotherSubject(value) => ("sub", &self.expected.subject, Some(value)),
            _ => ("sub", &self.expected.subject, None),
        };
        let key = self.key(claim);
        let plain = |it: &Condition| it.is_about(&key) && it.values.iter().all(|value| !value.contains("${"));
        if let Some(value) = value {
            let context = Context::new().with(&key, [value.as_str()]);
            return conditions.iter().all(|it| plain(it) && holds(it, &context, false).is_ok());
        }
        match conditions {
            [] => true,
            // "Not equal to the expected one" holds for every other value, and for a missing key.
            [only] => {
                plain(only)
                    && is_exact(only)
                    && only.operator.is_negated()
                    && only.operator.set_operator().is_none()
                    && only.values.iter().all(|value| value == wanted)
            }
            _ => false,
        }
    }
}

/// The conditions of a statement on one claim.
struct About<'a> {
    conditions: Vec<&'a Condition>,
    variables: bool,
    /// `Null` demands the key, so that what else holds for a missing key does not matter.
    required: bool,
}

impl<'a> About<'a> {
    fn of(statement: &'a Statement, key: &str, variables: bool) -> Self {
        let conditions: Vec<&Condition> =
            statement.conditions().iter().filter(|it| it.is_about(key)).collect();
        let required = conditions.iter().any(|it| {
            it.operator.comparison() == Some(Comparison::Null)
                && it.values.iter().all(|value| value.eq_ignore_ascii_case("false"))
        });
        Self { conditions, variables, required }
    }

    fn has_variable(&self, value: &str) -> bool {
        self.variables && value.contains("${")
    }

    fn is_fixed(&self, condition: &Condition) -> bool {
        !condition.values.iter().any(|value| self.has_variable(value))
    }

    /// The first condition of this sort that lets through only what it names.
    fn binding(&self, sort: impl Fn(&Condition) -> bool) -> Option<&'a Condition> {
        let binds = |it: &Condition| !it.operator.is_negated() && (self.required || !holds_when_missing(it));
        self.conditions.iter().copied().find(|it| sort(it) && binds(it))
    }

    /// A condition that would bind if it did not also hold for a missing key.
    fn optional(&self) -> Option<&'a Condition> {
        self.conditions.iter().copied().find(|it| !it.operator.is_negated() && holds_when_missing(it))
    }

    /// The values of an exact condition that all the others let through too.
    fn passing(&self, exact: &Condition, key: &str) -> Vec<String> {
        let passes = |value: &&String| {
            let context = Context::new().with(key, [value.as_str()]);
            // What a variable stands for is not known here, so such a condition excludes nothing.
            let known = self.conditions.iter().filter(|it| self.is_fixed(it));
            known.into_iter().all(|it| holds(it, &context, self.variables).is_ok())
        };
        exact.values.iter().filter(passes).cloned().collect()
    }
}

/// `…IfExists` and `ForAllValues` hold when the key is missing.
fn holds_when_missing(condition: &Condition) -> bool {
    condition.operator.is_if_exists() || condition.operator.set_operator() == Some(SetOperator::ForAllValues)
}

enum Reach {
    /// Only these values, as this condition says.
    Exactly(Vec<String>, String),
    /// More than exact values; empty where everything listed is the expected one.
    Open(Vec<(AdmissionKind, String)>),
}

/// Compares exactly, negated or not.
fn is_exact(condition: &Condition) -> bool {
    match condition.operator.comparison() {
        Some(Comparison::StringEquals) => true,
        Some(Comparison::StringLike) => condition.values.iter().all(|value| !has_wildcard(value)),
        _ => false,
    }
}

fn covers(actions: &Scope<Vec<String>>, action: &str) -> bool {
    match actions {
        Scope::Unstated => false,
        Scope::Only(patterns) => patterns.iter().any(|pattern| action_matches(pattern, action)),
        Scope::AllBut(patterns) => !patterns.iter().any(|pattern| action_matches(pattern, action)),
    }
}

/// The condition as written.
fn said(condition: &Condition) -> String {
    format!("{} {}: {}", condition.operator, condition.key, condition.values.join(", "))
}

fn stands_for(id: &str) -> AwsPrincipalKind {
    if super::compare::is_account_id(id) || super::compare::account_of_root(id).is_some() {
        return AwsPrincipalKind::Account;
    }
    match id.splitn(6, ':').nth(5).and_then(|resource| resource.split('/').next()) {
        Some("role") => AwsPrincipalKind::Role,
        Some("user") => AwsPrincipalKind::User,
        Some("assumed-role" | "federated-user") => AwsPrincipalKind::Session,
        _ if id.starts_with("AIDA") || id.starts_with("AROA") => AwsPrincipalKind::Deleted,
        _ => AwsPrincipalKind::Other,
    }
}
