//! Wildcards and policy variables in values of a policy.

use super::evaluate::Context;

/// One piece of an expanded policy value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// Exactly this character.
    Char(char),
    /// `?`: one character.
    One,
    /// `*`: any number of characters.
    Many,
}

/// Does the text contain `*` or `?`?
pub(super) fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// A policy value as pieces. With a context `${…}` is filled in; what a variable brings in, and `${*}`, `${?}`,
/// `${$}`, is literal. `None`: a variable has no value, so that nothing equals this value
/// (IAM User Guide, reference_policies_variables, "Policy variables with no value").
pub(super) fn pieces(text: &str, variables: Option<&Context>) -> Option<Vec<Piece>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let (Some(context), Some((inside, after))) = (variables, variable(rest)) {
            found.extend(value_of(inside, context)?.chars().map(Piece::Char));
            rest = after;
            continue;
        }
        found.push(match first {
            '*' => Piece::Many,
            '?' => Piece::One,
            other => Piece::Char(other),
        });
        rest = &rest[first.len_utf8()..];
    }
    Some(found)
}

/// A policy value as plain text, wildcards literal; `None` where a variable has no value.
pub(super) fn literal(text: &str, variables: Option<&Context>) -> Option<String> {
    let as_char = |piece| match piece {
        Piece::Char(c) => c,
        Piece::One => '?',
        Piece::Many => '*',
    };
    pieces(text, variables).map(|pieces| pieces.into_iter().map(as_char).collect())
}

/// Takes `${inside}` off the front. A quoted default value may contain a brace.
fn variable(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix("${")?;
    let mut quoted = false;
    let end = inside.find(|c| {
        quoted ^= c == '\'';
        c == '}' && !quoted
    })?;
    Some((&inside[..end], &inside[end + 1..]))
}

/// The value of a variable, or its default: `${key, 'default'}`. Only single-valued keys can be variables.
fn value_of(inside: &str, context: &Context) -> Option<String> {
    if matches!(inside, "*" | "?" | "$") {
        return Some(inside.to_owned());
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, rest)) => (key, rest.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''))),
        None => (inside, None),
    };
    match context.get(key.trim()) {
        Some([value]) => Some(value.clone()),
        _ => default.map(str::to_owned),
    }
}

/// Does the whole text match the pieces?
pub(super) fn matches(pieces: &[Piece], text: &[char]) -> bool {
    let (mut at, mut read) = (0, 0);
    // Where to go on when a guess of `*` was too short: after the star, one character further.
    let mut retry: Option<(usize, usize)> = None;
    while read < text.len() {
        match pieces.get(at) {
            Some(Piece::Many) => {
                retry = Some((at, read));
                at += 1;
            }
            Some(Piece::One) => (at, read) = (at + 1, read + 1),
            Some(Piece::Char(c)) if *c == text[read] => (at, read) = (at + 1, read + 1),
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    (at, read) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pieces[at..].iter().all(|piece| *piece == Piece::Many)
}

/// Does an action pattern cover an action? Case is ignored (IAM User Guide, reference_policies_elements_action).
pub(in crate::domain) fn action_matches(pattern: &str, action: &str) -> bool {
    let text: Vec<char> = action.to_ascii_lowercase().chars().collect();
    pieces(&pattern.to_ascii_lowercase(), None).is_some_and(|pieces| matches(&pieces, &text))
}

/// Does a resource pattern cover a resource? A policy variable in it covers nothing here: nobody asks.
pub(in crate::domain) fn resource_matches(pattern: &str, resource: &str) -> bool {
    let text: Vec<char> = resource.chars().collect();
    pieces(pattern, None).is_some_and(|pieces| matches(&pieces, &text))
}

/// Splits an ARN pattern into its six components; the last one may contain colons.
pub(super) fn arn_components<T>(arn: &[T], is_colon: impl Fn(&T) -> bool) -> Option<Vec<&[T]>> {
    let parts: Vec<&[T]> = arn.splitn(6, is_colon).collect();
    (parts.len() == 6).then_some(parts)
}
