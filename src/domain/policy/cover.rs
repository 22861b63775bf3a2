//! Whether a new set of permissions gives more than an old one did, as far as documents can tell.

use serde_json::Value;

use super::pattern::{Piece, pieces};
use super::{Document, Effect, Scope, Statement};

/// The action that needs no permission at all (STS, GetCallerIdentity: "No permissions are required").
const EVERYBODY: &str = "sts:GetCallerIdentity";

/// How new permissions stand to old ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cover {
    /// Everything the new ones allow, the old ones allowed.
    Covered,
    /// The new ones allow more; each entry says what.
    Wider(Vec<String>),
    /// The documents do not tell; each entry says why.
    CannotTell(Vec<String>),
}

impl Cover {
    /// The word for it: `covered`, `wider`, `cannot tell`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::Wider(_) => "wider",
            Self::CannotTell(_) => "cannot tell",
        }
    }

    /// What is wider, or why it cannot be told.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        match self {
            Self::Covered => &[],
            Self::Wider(reasons) | Self::CannotTell(reasons) => reasons,
        }
    }
}

/// Compares what `new` allows with what `old` allowed. Errs on the side of asking: what is not surely covered is wider
/// or cannot be told.
#[must_use]
pub fn cover(old: &[&Document], new: &[&Document]) -> Cover {
    let all = |documents: &[&Document], effect: Effect| -> Vec<Statement> {
        let statements = documents.iter().flat_map(|document| document.statements());
        statements.filter(|statement| statement.effect() == effect).cloned().collect()
    };
    let (allowed, denied) = (all(old, Effect::Allow), all(old, Effect::Deny));
    let denies = all(new, Effect::Deny);
    let (mut wider, mut unsure) = (Vec::new(), Vec::new());
    for deny in denied.iter().filter(|deny| !denies.iter().any(|kept| same(kept, deny))) {
        unsure.push(format!("a Deny of {} is not taken over", named(deny)));
    }
    for statement in &all(new, Effect::Allow) {
        match held(statement, &allowed) {
            Held::Yes => {}
            Held::No(what) => wider.extend(what),
            Held::Unsure(why) => unsure.push(why),
        }
    }
    if !unsure.is_empty() {
        unsure.extend(wider);
        Cover::CannotTell(unsure)
    } else if wider.is_empty() {
        Cover::Covered
    } else {
        Cover::Wider(wider)
    }
}

enum Held {
    Yes,
    /// Every action that is not, each with the first resource on which it is not: who says yes says it to all.
    No(Vec<String>),
    Unsure(String),
}

/// Whether one Allow is within what other Allows give.
fn held(statement: &Statement, allowed: &[Statement]) -> Held {
    if let Some(variable) = variables(statement) {
        return Held::Unsure(format!(
            "{} names {variable}, which is another value for a role",
            named(statement)
        ));
    }
    if allowed.iter().any(|known| same(known, statement) || everything(known)) {
        return Held::Yes;
    }
    let (Scope::Only(actions), Scope::Only(resources)) = (statement.actions(), statement.resources()) else {
        return Held::Unsure(format!(
            "{} says what it does not allow instead of what it allows",
            named(statement)
        ));
    };
    let (mut unsure, mut more) = (None, Vec::new());
    for action in actions.iter().filter(|action| !action.eq_ignore_ascii_case(EVERYBODY)) {
        let mut beyond: Vec<&str> = Vec::new();
        for resource in resources {
            match pair(action, resource, statement, allowed) {
                Some(true) => {}
                Some(false) => {
                    unsure = Some(format!("{action} on {resource} was allowed under other conditions"))
                }
                None => beyond.push(resource),
            }
        }
        match beyond.as_slice() {
            [] => {}
            [one] => more.push(format!("{action} on {one}")),
            [one, others @ ..] => more.push(format!("{action} on {one} and {} more", others.len())),
        }
    }
    if !more.is_empty() {
        return Held::No(more);
    }
    unsure.map_or(Held::Yes, Held::Unsure)
}

/// One action on one resource: surely allowed, perhaps (a condition or a `Not…` element decides), or not.
fn pair(action: &str, resource: &str, statement: &Statement, allowed: &[Statement]) -> Option<bool> {
    let mut perhaps = None;
    for known in allowed {
        let (Scope::Only(actions), Scope::Only(resources)) = (known.actions(), known.resources()) else {
            perhaps = Some(false);
            continue;
        };
        let does = actions.iter().any(|pattern| within(&action.to_lowercase(), &pattern.to_lowercase()));
        if !does || !resources.iter().any(|pattern| within(resource, pattern)) {
            continue;
        }
        if known.conditions().is_empty() || known.conditions() == statement.conditions() {
            return Some(true);
        }
        perhaps = Some(false);
    }
    perhaps
}

/// Whether everything that `inner` matches, `outer` matches too. A `*` within is only covered by a `*` around it.
fn within(inner: &str, outer: &str) -> bool {
    let (Some(inner), Some(outer)) = (pieces(inner, None), pieces(outer, None)) else { return false };
    // covered[o]: what was read of `inner` is covered by the first `o` pieces of `outer`.
    let open = |covered: &mut Vec<bool>| {
        for at in 0..outer.len() {
            if covered[at] && outer[at] == Piece::Many {
                covered[at + 1] = true;
            }
        }
    };
    let mut covered = vec![false; outer.len() + 1];
    covered[0] = true;
    open(&mut covered);
    for piece in inner {
        let mut next = vec![false; outer.len() + 1];
        for (at, pattern) in outer.iter().enumerate().filter(|(at, _)| covered[*at]) {
            match (pattern, piece) {
                (Piece::Many, _) => next[at] = true,
                (Piece::One, Piece::Char(_) | Piece::One) => next[at + 1] = true,
                (Piece::Char(wanted), Piece::Char(found)) if *wanted == found => next[at + 1] = true,
                _ => {}
            }
        }
        open(&mut next);
        covered = next;
    }
    covered[outer.len()]
}

/// Every action on every resource, whatever happens.
fn everything(statement: &Statement) -> bool {
    let all =
        |scope: &Scope<Vec<String>>| matches!(scope, Scope::Only(list) if list.iter().any(|one| one == "*"));
    all(statement.actions()) && all(statement.resources()) && statement.conditions().is_empty()
}

/// Equal but for the `Sid`.
fn same(one: &Statement, other: &Statement) -> bool {
    bare(one) == bare(other)
}

fn bare(statement: &Statement) -> Value {
    let mut value = statement.to_value();
    if let Some(members) = value.as_object_mut() {
        members.remove("Sid");
    }
    value
}

/// The statement without its `Sid`: two of one name cannot stand in one policy.
#[must_use]
pub fn unnamed(statement: &Statement) -> Option<Statement> {
    Statement::from_value(bare(statement)).ok()
}

/// A policy variable that stands for the caller: a user and a role have other values of it.
fn variables(statement: &Statement) -> Option<String> {
    let text = statement.to_value().to_string();
    let start = text.find("${aws:")?;
    let end = text[start..].find('}')?;
    Some(text[start..=start + end].to_owned())
}

fn named(statement: &Statement) -> String {
    let first = match statement.actions() {
        Scope::Only(actions) | Scope::AllBut(actions) => actions.first().cloned(),
        Scope::Unstated => None,
    };
    let sid = statement.sid().map(|sid| format!("statement {sid}"));
    sid.unwrap_or_else(|| format!("a statement on {}", first.as_deref().unwrap_or("nothing")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    fn document(statements: &str) -> Document {
        Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap()
    }

    fn of(old: &str, new: &str) -> Cover {
        cover(&[&document(old)], &[&document(new)])
    }

    const READ: &str =
        r#"{"Effect":"Allow","Action":["s3:Get*","s3:ListBucket"],"Resource":"arn:aws:s3:::build-*"}"#;

    #[test]
    fn the_same_and_less_are_covered() {
        assert_eq!(of(READ, READ), Cover::Covered);
        let less =
            r#"{"Sid":"X","Effect":"Allow","Action":"S3:getobject","Resource":"arn:aws:s3:::build-a/*"}"#;
        assert_eq!(of(READ, less), Cover::Covered);
        let all = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        assert_eq!(of(all, READ), Cover::Covered);
        let stricter = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::build-a","Condition":{"Bool":{"aws:SecureTransport":"true"}}}"#;
        assert_eq!(of(READ, stricter), Cover::Covered);
    }

    #[test]
    fn more_is_named() {
        let more = r#"{"Effect":"Allow","Action":["s3:Get*","s3:Put*"],"Resource":"arn:aws:s3:::build-*"}"#;
        assert_eq!(of(READ, more), Cover::Wider(vec!["s3:Put* on arn:aws:s3:::build-*".to_owned()]));
        let all = r#"{"Effect":"Allow","Action":["s3:Put*","sqs:*"],"Resource":["arn:aws:s3:::a","arn:aws:s3:::b"]}"#;
        let named = ["s3:Put* on arn:aws:s3:::a and 1 more", "sqs:* on arn:aws:s3:::a and 1 more"];
        assert_eq!(of(READ, all), Cover::Wider(named.map(str::to_owned).to_vec()));
        // A wildcard reaches further than any list of names.
        let star = r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::*"}"#;
        assert!(matches!(of(READ, star), Cover::Wider(_)));
    }

    #[test]
    fn what_documents_do_not_tell_is_said() {
        let conditional = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}"#;
        let free = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#;
        assert!(matches!(of(conditional, free), Cover::CannotTell(_)));
        let but = r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#;
        assert!(matches!(of(READ, but), Cover::CannotTell(_)));
        assert!(matches!(of(but, READ), Cover::CannotTell(_)));
        assert_eq!(of(but, but), Cover::Covered);
        let deny = format!(r#"{READ},{{"Effect":"Deny","Action":"s3:GetObjectAcl","Resource":"*"}}"#);
        assert!(matches!(of(&deny, READ), Cover::CannotTell(_)));
        assert_eq!(of(&deny, &deny), Cover::Covered);
        let home = r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:username}"}"#;
        assert!(matches!(of(home, home), Cover::CannotTell(_)));
    }

    #[test]
    fn a_pattern_within_another() {
        for (inner, outer, is) in [
            ("s3:get*", "s3:*", true),
            ("s3:*", "s3:get*", false),
            ("a?c", "a*", true),
            ("a*c", "a?c", false),
            ("abc", "a?c", true),
            ("*", "*", true),
            ("a*b*c", "a*c", true),
            ("a*c", "a*b*c", false),
            ("", "*", true),
            ("ab", "a", false),
        ] {
            assert_eq!(within(inner, outer), is, "{inner} in {outer}");
        }
    }
}
