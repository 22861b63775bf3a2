//! How a found role differs from the wanted one, aspect by aspect and by meaning.

use std::collections::BTreeMap;

use crate::domain::narrow::{TAG_NARROWED, is_from};
use crate::domain::policy::{self, Admission, Document, Likeness, Scope, Statement};
use crate::domain::role::{Role as Found, WantedRole};

/// Differences that a change removes. What others put on a role beside them is left alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The trust as it is to be: the wanted statement beside those of others.
    pub trust: Document,
    /// Whether it is another than found.
    pub trust_changes: bool,
    /// Why, in a few words.
    pub trust_why: String,
    /// The subject trusted today in place of the wanted one, where it is quite another one.
    pub other_subject: Option<String>,
    /// Statements of others that go because the person asked for it.
    pub closes: Vec<String>,
    /// The session in seconds, where it differs.
    pub max_session: Option<i32>,
    /// The boundary, where it differs.
    pub boundary: Option<String>,
    /// Tags that are missing or have another value.
    pub tags: BTreeMap<String, String>,
    /// Inline policies that are missing or mean something else.
    pub inline: BTreeMap<String, Document>,
    /// Managed policies that are missing.
    pub managed: Vec<String>,
}

impl Difference {
    /// Compares. A role keyless did not make (`adopted`) gets no mark of ownership: it is not keyless's to delete.
    pub fn between(found: &Found, wanted: &WantedRole, statement: &Statement, adopted: bool) -> Self {
        // A subject that was renamed is still the only one trusted. Whether this is one, the person says: see `other_subject`.
        let renamed = policy::renamed(&found.trust, statement).filter(|one| !wanted.is_second(one));
        let merged = policy::merge_trust(&found.trust, statement, |one| Some(one) == renamed);
        let trust_changes =
            !merged.replaced.is_empty() || !policy::same_meaning(&found.trust, &merged.document);
        let other_subject = merged
            .replaced
            .iter()
            .find_map(subject_of)
            .filter(|subject| Likeness::between(subject, &wanted.subject) == Likeness::Different);
        Self {
            trust_why: why(&merged.replaced, wanted),
            trust: if trust_changes { merged.document } else { found.trust.clone() },
            trust_changes,
            other_subject,
            closes: Vec::new(),
            max_session: (found.max_session_seconds != wanted.max_session_seconds)
                .then_some(wanted.max_session_seconds),
            boundary: wanted.boundary.clone().filter(|boundary| found.boundary.as_ref() != Some(boundary)),
            tags: wanted
                .tags
                .iter()
                .filter(|(key, value)| {
                    found.tags.get(*key) != Some(value) && !(adopted && key.starts_with("keyless:"))
                })
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            inline: wanted
                .inline
                .iter()
                .filter(|(name, document)| {
                    let as_wanted =
                        |there| policy::same_meaning(there, document) || is_narrowed(found, there, document);
                    !found.inline.get(*name).is_some_and(as_wanted)
                })
                .map(|(name, document)| (name.clone(), document.clone()))
                .collect(),
            managed: wanted.managed.iter().filter(|arn| !found.managed.contains(arn)).cloned().collect(),
        }
    }

    /// Takes out the statements that admit anybody else, but for those that are `ours`. One that also is keyless's own stays.
    pub fn close(&mut self, admissions: &[Admission], ours: impl Fn(&Statement) -> bool) {
        let others =
            |index: &usize| admissions.iter().any(|a| a.statement == *index && a.kind.is_another_identity());
        let statements = self.trust.statements();
        let (closed, kept): (Vec<usize>, Vec<usize>) =
            (0..statements.len()).partition(|index| others(index) && !ours(&statements[*index]));
        if closed.is_empty() || kept.is_empty() {
            return;
        }
        let name = |index: &usize| match statements[*index].sid() {
            Some(sid) => format!("statement {sid}"),
            None => format!("statement {}", index + 1),
        };
        self.closes = closed.iter().map(name).collect();
        let kept = kept.into_iter().map(|index| statements[index].clone()).collect();
        self.trust = self.trust.with_statements(kept);
        self.trust_why = format!("{} admits others and goes", self.closes.join(", "));
        self.trust_changes = true;
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        !self.trust_changes && self.beside_trust().is_empty()
    }

    /// What differs beside the trust, in a few words each.
    pub fn beside_trust(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if let Some(seconds) = self.max_session {
            parts.push(format!("session of {} h", seconds / 3600));
        }
        if self.boundary.is_some() {
            parts.push("boundary".to_owned());
        }
        if !self.tags.is_empty() {
            parts.push("tags".to_owned());
        }
        if !self.inline.is_empty() {
            parts.push("permissions".to_owned());
        }
        if !self.managed.is_empty() {
            parts.push("managed policies".to_owned());
        }
        parts
    }

    /// How many requests it takes to remove the differences.
    pub fn writes(&self) -> usize {
        usize::from(self.trust_changes)
            + usize::from(self.max_session.is_some())
            + usize::from(self.boundary.is_some())
            + usize::from(!self.tags.is_empty())
            + self.inline.len()
            + self.managed.len()
    }

    /// The IAM actions that takes.
    pub fn rights(&self) -> Vec<String> {
        [
            (self.trust_changes, "iam:UpdateAssumeRolePolicy"),
            (self.max_session.is_some(), "iam:UpdateRole"),
            (self.boundary.is_some(), "iam:PutRolePermissionsBoundary"),
            (!self.tags.is_empty(), "iam:TagRole"),
            (!self.inline.is_empty(), "iam:PutRolePolicy"),
            (!self.managed.is_empty(), "iam:AttachRolePolicy"),
        ]
        .into_iter()
        .filter(|(needed, _)| *needed)
        .map(|(_, right)| right.to_owned())
        .collect()
    }
}

/// Whether a policy is the wanted one with what is not used taken out, as `keyless permissions narrow` left it.
fn is_narrowed(found: &Found, there: &Document, wanted: &Document) -> bool {
    let tagged = found.tags.get(TAG_NARROWED).is_some_and(|tag| is_from(tag, wanted));
    tagged && policy::cover(&[wanted], &[there]) == policy::Cover::Covered
}

/// The exact subject a statement names.
pub fn subject_of(statement: &Statement) -> Option<String> {
    if matches!(statement.principals(), Scope::AllBut(_)) {
        return None;
    }
    let condition = statement
        .conditions()
        .iter()
        .find(|condition| condition.key.to_ascii_lowercase().ends_with(":sub"))?;
    condition.values.first().cloned()
}

fn why(replaced: &[Statement], wanted: &WantedRole) -> String {
    if wanted.trusts.is_some() {
        let differs = "the statement that lets the user in differs";
        return if replaced.is_empty() { "the user is not trusted yet" } else { differs }.to_owned();
    }
    let Some(subject) = replaced.iter().find_map(subject_of) else {
        return "the subject is not trusted yet".to_owned();
    };
    match Likeness::between(&subject, &wanted.subject) {
        Likeness::Same => "the conditions differ".to_owned(),
        Likeness::Case => "sub case".to_owned(),
        Likeness::Space => "sub white space".to_owned(),
        Likeness::PercentEncoding => "sub percent-encoding".to_owned(),
        Likeness::Different => "another subject".to_owned(),
    }
}
