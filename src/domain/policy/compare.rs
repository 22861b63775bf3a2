//! Equality of meaning, and a difference that a screen can show.
//!
//! Order, single value or list, case of actions, operators and keys, `Sid` and spelling variants carry no meaning.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::chardiff::CharDiff;
use super::pattern::has_wildcard;
use super::{Comparison, Condition, Document, Operator, Principal, PrincipalKind, Scope, Statement};

/// How two documents differ in meaning. Indices count the statements of each document from 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Found and wanted language version, where the version changes the meaning (policy variables).
    pub version: Option<(String, String)>,
    /// Statements that belong together and differ.
    pub changed: Vec<StatementDifference>,
    /// Statements only the found document has.
    pub only_found: Vec<usize>,
    /// Statements only the wanted document has.
    pub only_wanted: Vec<usize>,
    /// Statements of equal meaning: found, wanted.
    pub equal: Vec<(usize, usize)>,
}

impl Difference {
    /// Do both documents mean the same?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.version.is_none()
            && self.changed.is_empty()
            && self.only_found.is_empty()
            && self.only_wanted.is_empty()
    }
}

/// Two statements that belong together and differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementDifference {
    /// Index in the found document.
    pub found: usize,
    /// Index in the wanted document.
    pub wanted: usize,
    /// What differs, in the order of the policy's elements.
    pub parts: Vec<PartDifference>,
}

/// One differing part of a statement, with the values as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartDifference {
    /// Which part.
    pub part: Part,
    /// The values found and not wanted; empty where the part is absent.
    pub found: Vec<String>,
    /// The values wanted and not found; empty where the part is absent.
    pub wanted: Vec<String>,
    /// The differing characters, where exactly one value stands against one.
    pub chars: Option<CharDiff>,
}

/// A part of a statement that has a meaning of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `Effect`
    Effect,
    /// `Principal` of one kind (`AWS`, `Federated`, …)
    Principal(PrincipalKind),
    /// `NotPrincipal` of one kind
    NotPrincipal(PrincipalKind),
    /// `Action`
    Action,
    /// `NotAction`
    NotAction,
    /// `Resource`
    Resource,
    /// `NotResource`
    NotResource,
    /// One operator and key of `Condition`; operator canonical, key in lower case.
    Condition {
        /// The canonical operator name.
        operator: String,
        /// The condition key in lower case.
        key: String,
    },
    /// A member this program does not know.
    Other(String),
}

/// Do both documents mean the same to IAM?
#[must_use]
pub fn same_meaning(found: &Document, wanted: &Document) -> bool {
    difference(found, wanted).is_empty()
}

/// Compares two documents by meaning. `Sid` and `Id` carry none; a `Sid` only helps to see what belongs together.
#[must_use]
pub fn difference(found: &Document, wanted: &Document) -> Difference {
    let left: Vec<Meaning> = found.statements().iter().map(Meaning::of).collect();
    let right: Vec<Meaning> = wanted.statements().iter().map(Meaning::of).collect();
    let mut pairs = Pairs { left: vec![None; left.len()], right: vec![None; right.len()] };
    for (i, mine) in left.iter().enumerate() {
        // A statement said twice means what it says once, so one counterpart serves all copies.
        pairs.left[i] = right.iter().position(|other| other == mine);
    }
    for (j, mine) in right.iter().enumerate() {
        pairs.right[j] = left.iter().position(|other| other == mine);
    }
    let mut result = Difference { version: version(found, wanted), ..Difference::default() };
    result.equal = pairs.left.iter().enumerate().filter_map(|(i, j)| j.map(|j| (i, j))).collect();
    for (i, j) in pairs.belonging(found, wanted, &left, &right) {
        result.changed.push(StatementDifference { found: i, wanted: j, parts: left[i].parts(&right[j]) });
    }
    result.changed.sort_by_key(|change| change.wanted);
    result.only_found = pairs.left.iter().enumerate().filter(|(_, j)| j.is_none()).map(|(i, _)| i).collect();
    result.only_wanted =
        pairs.right.iter().enumerate().filter(|(_, i)| i.is_none()).map(|(j, _)| j).collect();
    result
}

/// Do both statements mean the same, `Sid` aside?
pub fn same_statement(left: &Statement, right: &Statement) -> bool {
    Meaning::of(left) == Meaning::of(right)
}

/// The version changes the meaning only where something looks like a policy variable.
fn version(found: &Document, wanted: &Document) -> Option<(String, String)> {
    let matters = |document: &Document| document.to_json().contains("${");
    (found.knows_variables() != wanted.knows_variables() && (matters(found) || matters(wanted)))
        .then(|| (found.version().to_owned(), wanted.version().to_owned()))
}

struct Pairs {
    left: Vec<Option<usize>>,
    right: Vec<Option<usize>>,
}

impl Pairs {
    /// Pairs what is left over: same `Sid` first, then the most alike that share more than the effect.
    fn belonging(
        &mut self,
        found: &Document,
        wanted: &Document,
        left: &[Meaning],
        right: &[Meaning],
    ) -> Vec<(usize, usize)> {
        let mut candidates = Vec::new();
        for i in (0..left.len()).filter(|i| self.left[*i].is_none()) {
            for j in (0..right.len()).filter(|j| self.right[*j].is_none()) {
                let (a, b) = (found.statements()[i].sid(), wanted.statements()[j].sid());
                let same_sid = a.is_some() && a == b;
                let shared = left[i].shared(&right[j]);
                if same_sid || shared > 1 {
                    candidates.push((!same_sid, usize::MAX - shared, i, j));
                }
            }
        }
        candidates.sort_unstable();
        let mut belonging = Vec::new();
        for (_, _, i, j) in candidates {
            if self.left[i].is_none() && self.right[j].is_none() {
                self.left[i] = Some(j);
                self.right[j] = Some(i);
                belonging.push((i, j));
            }
        }
        belonging
    }
}

/// A statement's meaning: for each part the normal form of every value, with the value as written.
#[derive(Debug, Clone)]
struct Meaning(BTreeMap<Part, BTreeMap<String, String>>);

impl PartialEq for Meaning {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|((a, x), (b, y))| a == b && x.keys().eq(y.keys()))
    }
}

impl Meaning {
    fn of(statement: &Statement) -> Self {
        let mut parts: BTreeMap<Part, BTreeMap<String, String>> = BTreeMap::new();
        let mut put = |part: Part, normal: String, written: String| {
            parts.entry(part).or_default().insert(normal, written);
        };
        let effect = statement.effect().as_str().to_owned();
        put(Part::Effect, effect.clone(), effect);
        let (principals, not) = taken_apart(statement.principals());
        for principal in principals {
            let (kind, normal) = normal_principal(principal);
            let part = if not { Part::NotPrincipal(kind) } else { Part::Principal(kind) };
            put(part, normal, principal.id.clone());
        }
        let (actions, not) = taken_apart(statement.actions());
        for action in actions {
            let part = if not { Part::NotAction } else { Part::Action };
            put(part, action.to_ascii_lowercase(), action.clone());
        }
        let (resources, not) = taken_apart(statement.resources());
        for resource in resources {
            let part = if not { Part::NotResource } else { Part::Resource };
            put(part, resource.clone(), resource.clone());
        }
        for (name, value) in statement.unknown_members() {
            put(Part::Other(name.to_owned()), sorted(value), value.to_string());
        }
        // Lists that differ only in the spelling of operator or key are a logical AND, never one list. A second list
        // for the same key is kept apart by a blank, which no key contains; sorting makes that independent of order.
        let conditions: BTreeSet<_> = statement.conditions().iter().map(normal_condition).collect();
        for (operator, mut key, values) in conditions {
            while parts.contains_key(&Part::Condition { operator: operator.clone(), key: key.clone() }) {
                key.push(' ');
            }
            parts.insert(Part::Condition { operator, key }, values.into_iter().collect());
        }
        Self(parts)
    }

    /// How many parts are equal.
    fn shared(&self, other: &Self) -> usize {
        self.0
            .iter()
            .filter(|(part, values)| other.0.get(part).is_some_and(|theirs| values.keys().eq(theirs.keys())))
            .count()
    }

    fn parts(&self, wanted: &Self) -> Vec<PartDifference> {
        let every: BTreeSet<&Part> = self.0.keys().chain(wanted.0.keys()).collect();
        let none = BTreeMap::new();
        every
            .into_iter()
            .filter_map(|part| {
                let (mine, theirs) = (self.0.get(part), wanted.0.get(part));
                let absent = mine.is_none() || theirs.is_none();
                let (mine, theirs) = (mine.unwrap_or(&none), theirs.unwrap_or(&none));
                let only = |these: &BTreeMap<String, String>, those: &BTreeMap<String, String>| {
                    these
                        .iter()
                        .filter(|(key, _)| !those.contains_key(*key))
                        .map(|(_, text)| text.clone())
                        .collect()
                };
                let (found, wanted): (Vec<String>, Vec<String>) = (only(mine, theirs), only(theirs, mine));
                // A part with an empty list is not the same as no part.
                if found.is_empty() && wanted.is_empty() && !absent {
                    return None;
                }
                let chars = match (found.as_slice(), wanted.as_slice()) {
                    ([one], [other]) => Some(CharDiff::between(one, other)),
                    _ => None,
                };
                Some(PartDifference { part: part.clone(), found, wanted, chars })
            })
            .collect()
    }
}

fn taken_apart<T>(scope: &Scope<Vec<T>>) -> (&[T], bool) {
    match scope {
        Scope::Unstated => (&[], false),
        Scope::Only(values) => (values, false),
        Scope::AllBut(values) => (values, true),
    }
}

/// An account id and its root ARN behave the same (IAM User Guide, reference_policies_elements_principal).
fn normal_principal(principal: &Principal) -> (PrincipalKind, String) {
    if principal.is_everyone() {
        return (PrincipalKind::Aws, "*".into());
    }
    let id = match account_of_root(&principal.id) {
        Some(account) if principal.kind == PrincipalKind::Aws => account.to_owned(),
        _ => principal.id.clone(),
    };
    (principal.kind.clone(), id)
}

/// The account id of `arn:…:iam::ACCOUNT:root`.
pub(super) fn account_of_root(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let ("arn", _partition, "iam", "", account, "root") =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?)
    else {
        return None;
    };
    is_account_id(account).then_some(account)
}

/// Twelve digits.
pub(super) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

type NormalCondition = (String, String, Vec<(String, String)>);

/// Canonical operator, key in lower case, and for every value its normal form and itself.
fn normal_condition(condition: &Condition) -> NormalCondition {
    let values: BTreeMap<String, String> = condition
        .values
        .iter()
        .map(|value| (normal_value(&condition.operator, value), value.clone()))
        .collect();
    (normal_operator(condition), condition.key.to_ascii_lowercase(), values.into_iter().collect())
}

/// `StringLike` without wildcards compares exactly like `StringEquals`.
fn normal_operator(condition: &Condition) -> String {
    let name = condition.operator.canonical();
    let exact = condition.operator.comparison() == Some(Comparison::StringLike)
        && condition.values.iter().all(|value| !has_wildcard(value));
    if !exact {
        return name;
    }
    name.replace("StringLike", "StringEquals").replace("StringNotLike", "StringNotEquals")
}

fn normal_value(operator: &Operator, value: &str) -> String {
    match operator.comparison() {
        // Where a variable may stand its text is not folded: its default value is a text of its own.
        Some(Comparison::StringEqualsIgnoreCase) if !value.contains("${") => value.to_lowercase(),
        Some(Comparison::Bool | Comparison::Null) => value.to_ascii_lowercase(),
        Some(Comparison::Numeric(_)) => {
            super::condition::number(value).map_or_else(|| value.to_owned(), |number| number.to_string())
        }
        _ => value.to_owned(),
    }
}

/// JSON text with sorted keys, so that order carries no meaning.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<&String, String> = members.iter().map(|(k, v)| (k, sorted(v))).collect();
            let inner: Vec<String> = members.into_iter().map(|(k, v)| format!("{k:?}:{v}")).collect();
            format!("{{{}}}", inner.join(","))
        }
        Value::Array(values) => format!("[{}]", values.iter().map(sorted).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

impl Part {
    /// The element's name in the policy.
    #[must_use]
    pub fn element(&self) -> &str {
        match self {
            Self::Effect => "Effect",
            Self::Principal(_) => "Principal",
            Self::NotPrincipal(_) => "NotPrincipal",
            Self::Action => "Action",
            Self::NotAction => "NotAction",
            Self::Resource => "Resource",
            Self::NotResource => "NotResource",
            Self::Condition { .. } => "Condition",
            Self::Other(name) => name,
        }
    }
}
