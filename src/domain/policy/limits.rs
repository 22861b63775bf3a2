//! Sizes IAM accepts, checked before a write (IAM User Guide, reference_iam-quotas).

use super::Document;

/// Characters of a role trust policy in an account that never asked for more. Above it a write may be refused.
pub const TRUST_CHARACTERS_DEFAULT: usize = 2_048;

/// Characters of a role trust policy that no quota increase goes beyond.
pub const TRUST_CHARACTERS: usize = 4_096;

/// Characters of all inline policies of one role together.
pub const INLINE_CHARACTERS: usize = 10_240;

/// Characters of all inline policies of one user together.
pub const USER_INLINE_CHARACTERS: usize = 2_048;

/// Characters of a role name, and of a role session name.
pub const NAME_CHARACTERS: usize = 64;

/// How a policy stands against its limit. Counts are characters without white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Within every limit.
    Fits {
        /// Characters used.
        used: usize,
    },
    /// Over the default quota; AWS accepts it only in an account with a raised quota.
    OverDefault {
        /// Characters used.
        used: usize,
        /// The default quota.
        quota: usize,
    },
    /// Over what AWS accepts anywhere.
    TooLarge {
        /// Characters used.
        used: usize,
        /// The limit.
        limit: usize,
    },
}

/// Characters as IAM counts them: white space is left out (reference_policies_grammar).
#[must_use]
pub fn counted_characters(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// Checks a trust policy.
#[must_use]
pub fn trust_size(document: &Document) -> Size {
    let used = counted_characters(&document.to_json());
    if used > TRUST_CHARACTERS {
        Size::TooLarge { used, limit: TRUST_CHARACTERS }
    } else if used > TRUST_CHARACTERS_DEFAULT {
        Size::OverDefault { used, quota: TRUST_CHARACTERS_DEFAULT }
    } else {
        Size::Fits { used }
    }
}

/// Checks all inline policies of one role together.
#[must_use]
pub fn inline_size<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Size {
    let used = documents.into_iter().map(|document| counted_characters(&document.to_json())).sum();
    if used > INLINE_CHARACTERS {
        Size::TooLarge { used, limit: INLINE_CHARACTERS }
    } else {
        Size::Fits { used }
    }
}

/// Checks the inline policy of a user that has no other.
#[must_use]
pub fn user_inline_size(document: &Document) -> Size {
    match counted_characters(&document.to_json()) {
        used if used > USER_INLINE_CHARACTERS => Size::TooLarge { used, limit: USER_INLINE_CHARACTERS },
        used => Size::Fits { used },
    }
}

/// Why IAM would refuse a role name or session name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("the name is empty")]
    Empty,
    /// More than [`NAME_CHARACTERS`].
    #[error("the name has {used} characters; IAM takes {NAME_CHARACTERS}")]
    TooLong {
        /// Characters used.
        used: usize,
    },
    /// A character outside `A-Z a-z 0-9 + = , . @ _ -`.
    #[error("the name contains {character:?}; IAM takes letters, digits and + = , . @ _ -")]
    Character {
        /// The first such character.
        character: char,
    },
}

/// Checks a role name or role session name.
///
/// # Errors
/// [`NameError`] says which rule it breaks.
pub fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    let accepted = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if let Some(character) = name.chars().find(|c| !accepted(*c)) {
        return Err(NameError::Character { character });
    }
    match name.len() {
        used if used > NAME_CHARACTERS => Err(NameError::TooLong { used }),
        _ => Ok(()),
    }
}
