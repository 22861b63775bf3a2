//! The IAM role of one environment, as found and as wanted.

use std::collections::BTreeMap;

use super::arn::RoleArn;
use super::failure::{Code, Failure, Result};
use super::names::{EnvironmentName, ExternalId, IpRange};
use super::policy::{self, Admission, Document, Expected, Size, Statement};

/// A role as IAM shows it (GetRole, ListRolePolicies, GetRolePolicy, ListAttachedRolePolicies).
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its ARN.
    pub arn: RoleArn,
    /// Its unique id (`AROA…`): another role of the same name has another.
    pub id: String,
    /// Its trust policy.
    pub trust: Document,
    /// Longest session in seconds.
    pub max_session_seconds: i32,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Inline policies by name.
    pub inline: BTreeMap<String, Document>,
    /// ARNs of attached managed policies.
    pub managed: Vec<String>,
}

/// A role as one environment needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedRole {
    /// Its environment.
    pub environment: EnvironmentName,
    /// Its ARN.
    pub arn: RoleArn,
    /// ARN of the provider it trusts.
    pub provider_arn: String,
    /// Host and path of the issuer.
    pub issuer_host_path: String,
    /// The audience it demands.
    pub audience: String,
    /// The one subject it demands.
    pub subject: String,
    /// The same connection's token as another issuer made it, trusted beside while the issuer is moved: the statement that
    /// admits it stays, and this one is the second. None: no move is under way here.
    pub beside: Option<Expected>,
    /// The user whose key pipelines assume it with, where OIDC cannot be used: then it trusts exactly that one, and no token.
    pub trusts: Option<TrustedUser>,
    /// The token of the connection that a careful rotation proves first (`rotate --beside`), where its subject can be known:
    /// a statement for exactly that is keyless's own while the rotation lasts.
    pub second: Option<Expected>,
    /// Longest session in seconds.
    pub max_session_seconds: i32,
    /// ARN of a permissions boundary; none: an existing one is left as it is.
    pub boundary: Option<String>,
    /// Tags it must have; others on it are left.
    pub tags: BTreeMap<String, String>,
    /// The inline policy keyless writes: name and document.
    pub inline: BTreeMap<String, Document>,
    /// ARNs of managed policies it must have; others on it are left and reported.
    pub managed: Vec<String>,
    /// Whether it must only read: what it may change is wrong.
    pub reads_only: bool,
    /// What it may do beyond the role of the environment where changes are tried first, which takes a yes of its own; none:
    /// nothing.
    pub wider: Option<String>,
}

/// A user that a role trusts in the place of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedUser {
    /// Its ARN.
    pub arn: String,
    /// Where requests must come from; empty: from anywhere.
    pub source_ip: Vec<IpRange>,
    /// The external id they must name.
    pub external_id: Option<ExternalId>,
}

impl WantedRole {
    /// The token its trust must admit, and nobody else. A role that trusts a user admits none: nothing equals what is empty.
    pub fn expected(&self) -> Expected {
        if self.trusts.is_some() {
            let none = String::new;
            return Expected {
                provider_arn: none(),
                issuer_host_path: none(),
                audience: none(),
                subject: none(),
            };
        }
        Expected {
            provider_arn: self.provider_arn.clone(),
            issuer_host_path: self.issuer_host_path.clone(),
            audience: self.audience.clone(),
            subject: self.subject.clone(),
        }
    }

    /// The `Sid` of the statement keyless writes into its trust.
    pub fn sid(&self) -> String {
        let name: String = self.environment.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
        // Another one than the token's: while pipelines are turned from one to the other, both let them in.
        format!("Keyless{name}{}", if self.trusts.is_some() { "Key" } else { "" })
    }

    /// The `Sid` of the second statement, for the issuer that comes next.
    pub fn next_sid(&self) -> String {
        format!("{}Next", self.sid())
    }

    /// Whether a statement admits this connection's token of the other issuer of a move, and says nothing more: the first
    /// statement as the second sees it, or the second as the first does.
    pub fn is_beside(&self, statement: &Statement) -> bool {
        if self.trusts.is_some() {
            return false;
        }
        match &self.beside {
            Some(first) => {
                policy::trusts_exactly(statement, first)
                    || (statement.sid() == Some(&self.sid())
                        && policy::exact_token(statement)
                            .is_some_and(|token| token.provider_arn == first.provider_arn))
            }
            None => self.next(statement).is_some(),
        }
    }

    /// Whether a statement is the other one of a move, or lets in nobody but the one trusted user as wanted.
    pub fn is_ours(&self, statement: &Statement) -> bool {
        let own = self.trusts.as_ref().and_then(|_| self.statement().ok());
        self.is_beside(statement) || own.is_some_and(|own| policy::same_statement(statement, &own))
    }

    /// The token that the second statement of a move admits, where this is it.
    pub fn next(&self, statement: &Statement) -> Option<Expected> {
        if self.trusts.is_some() {
            return None;
        }
        let token = policy::exact_token(statement).filter(|token| token.provider_arn != self.provider_arn)?;
        (statement.sid() == Some(&self.next_sid())).then_some(token)
    }

    /// A trust without the statement that a move of the issuer has beside this one, without that of a careful rotation, and
    /// without the one that lets in the one trusted user: what is left must admit nobody else.
    pub fn without_beside(&self, trust: &Document) -> Document {
        without(trust, |statement| self.is_ours(statement) || self.is_second(statement))
    }

    /// The `Sid` of the statement for the second connection of a careful rotation.
    pub fn second_sid(&self) -> String {
        format!("{}Beside", self.sid())
    }

    /// Whether a statement admits the second connection of a careful rotation, and says nothing more.
    pub fn is_second(&self, statement: &Statement) -> bool {
        statement.sid() == Some(&self.second_sid())
            && self.second.as_ref().is_some_and(|second| policy::trusts_exactly(statement, second))
    }

    /// A trust without the statement for the second connection: neither its coming nor its going changes what is proven of
    /// the first.
    pub fn without_second(&self, trust: &Document) -> Document {
        without(trust, |statement| self.is_second(statement))
    }

    /// A trust with the statement for the second connection; none: it is there, or its subject cannot be known.
    ///
    /// # Errors
    /// As [`Self::statement`]; `PolicyTooLong`: no account takes it.
    pub fn with_second(&self, trust: &Document) -> Result<Option<Document>> {
        let Some(second) = &self.second else { return Ok(None) };
        if trust.statements().iter().any(|statement| self.is_second(statement)) {
            return Ok(None);
        }
        let Expected { provider_arn, issuer_host_path, audience, subject } = second;
        let statement =
            policy::trust_statement(&self.second_sid(), provider_arn, issuer_host_path, audience, subject)
                .map_err(|error| self.malformed(error))?;
        let with = policy::merge_trust(trust, &statement, |_| false).document;
        self.check_trust(&with)?;
        Ok(Some(with))
    }

    fn malformed(&self, cause: impl std::fmt::Display) -> Failure {
        Failure::new(Code::PolicyMalformed).with("role", &self.arn).with("cause", cause)
    }

    /// Who else a trust admits. The two issuers of a move are both this connection, and the second connection of a careful
    /// rotation is keyless's own.
    pub fn others_admitted(&self, trust: &Document) -> Vec<Admission> {
        policy::others_admitted(&self.without_beside(trust), &self.expected())
    }

    /// The one statement keyless writes into its trust.
    ///
    /// # Errors
    /// `PolicyMalformed`: IAM would refuse a value, or read it as something else.
    pub fn statement(&self) -> Result<Statement> {
        if let Some(user) = &self.trusts {
            let external = user.external_id.as_ref().map(ExternalId::as_str);
            return policy::user_trust_statement(&self.sid(), &user.arn, &user.source_ip, external).map_err(
                |error| Failure::new(Code::PolicyMalformed).with("role", &self.arn).with("cause", error),
            );
        }
        let sid = match self.beside {
            Some(_) => self.next_sid(),
            None => self.sid(),
        };
        policy::trust_statement(
            &sid,
            &self.provider_arn,
            &self.issuer_host_path,
            &self.audience,
            &self.subject,
        )
        .map_err(|error| self.malformed(error))
    }

    /// The trust of a role that is made anew.
    ///
    /// # Errors
    /// As [`Self::statement`]; `PolicyTooLong`: no account takes it.
    pub fn trust(&self) -> Result<Document> {
        let trust = Document::new(vec![self.statement()?]);
        self.check_trust(&trust)?;
        Ok(trust)
    }

    /// Refuses a trust that no account takes.
    ///
    /// # Errors
    /// `PolicyTooLong`.
    pub fn check_trust(&self, trust: &Document) -> Result<()> {
        match policy::trust_size(trust) {
            Size::TooLarge { used, limit } => Err(Failure::new(Code::PolicyTooLong)
                .with("policy", format!("trust of {}", self.arn))
                .with("characters", used)
                .with("limit", limit)),
            Size::Fits { .. } | Size::OverDefault { .. } => Ok(()),
        }
    }
}

/// A document without some statements; the very same one where there are none of them.
fn without(trust: &Document, goes: impl Fn(&Statement) -> bool) -> Document {
    let kept: Vec<Statement> =
        trust.statements().iter().filter(|statement| !goes(statement)).cloned().collect();
    if kept.len() == trust.statements().len() { trust.clone() } else { trust.with_statements(kept) }
}

/// Name of the inline policy keyless writes.
pub const INLINE_POLICY: &str = "keyless-permissions";
/// Name of the inline policy that holds what a role took over from the identity pipelines had before (rotation).
pub const ADOPTED_POLICY: &str = "keyless-adopted";
/// IAM tag with the names of the managed policies that a role took over.
pub const TAG_ADOPTED: &str = "keyless:adopted";
/// Most characters of an IAM tag's value.
const TAG_VALUE: usize = 256;

/// The value of [`TAG_ADOPTED`]: names, as many as fit. IAM takes no comma in a tag.
pub fn adopted_names<'a>(arns: impl IntoIterator<Item = &'a str>) -> String {
    let mut value = String::new();
    for name in arns.into_iter().map(policy_name) {
        if value.len() + 1 + name.len() > TAG_VALUE {
            break;
        }
        if !value.is_empty() {
            value.push(' ');
        }
        value.push_str(&name);
    }
    value
}

/// Whether the role's own tag says that it took this managed policy over.
pub fn is_adopted(tags: &BTreeMap<String, String>, arn: &str) -> bool {
    let name = policy_name(arn);
    tags.get(TAG_ADOPTED).is_some_and(|names| names.split(' ').any(|known| known == name))
}

fn policy_name(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).replace(',', "_")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    fn wanted(source_ip: &[&str], external: Option<&str>) -> WantedRole {
        WantedRole {
            environment: "dev".parse().unwrap(),
            arn: "arn:aws:iam::111122223333:role/R".parse().unwrap(),
            provider_arn: "arn:aws:iam::111122223333:oidc-provider/i".to_owned(),
            issuer_host_path: "i".to_owned(),
            audience: "a".to_owned(),
            subject: "s".to_owned(),
            beside: None,
            second: None,
            trusts: Some(TrustedUser {
                arn: "arn:aws:iam::111122223333:user/u".to_owned(),
                source_ip: source_ip.iter().map(|range| range.parse().unwrap()).collect(),
                external_id: external.map(|id| id.parse().unwrap()),
            }),
            max_session_seconds: 3600,
            boundary: None,
            tags: BTreeMap::new(),
            inline: BTreeMap::new(),
            managed: Vec::new(),
            reads_only: false,
            wider: None,
        }
    }

    #[test]
    fn a_role_of_a_key_admits_exactly_its_user() {
        let role = wanted(&["203.0.113.0/24"], Some("ab"));
        let trust = role.trust().unwrap();
        assert_eq!(
            trust.to_json(),
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"KeylessdevKey","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/u"},"Action":"sts:AssumeRole","Condition":{"IpAddress":{"aws:SourceIp":["203.0.113.0/24"]},"StringEquals":{"sts:ExternalId":"ab"}}}]}"#
        );
        assert_eq!(role.others_admitted(&trust), []);
        // The same user from anywhere is more than wanted, and so is the token.
        assert_eq!(role.others_admitted(&wanted(&[], None).trust().unwrap()).len(), 1);
        let token = WantedRole { trusts: None, ..role.clone() };
        assert_eq!(role.others_admitted(&token.trust().unwrap()).len(), 1);
        assert_eq!(token.others_admitted(&trust).len(), 1);
        assert_ne!(role.sid(), token.sid());
    }
}
