//! What is typed of a secret: wiped when it goes, never in a debug text, shown as one mark per character.

use secrecy::SecretString;
use secrecy::zeroize::{Zeroize, Zeroizing};

/// The most bytes a secret has. The room is taken at once, so that no copy is left behind when it grows.
const MOST: usize = 8 * 1024;

/// A secret that is being typed.
pub struct Hidden {
    text: Zeroizing<String>,
}

impl Default for Hidden {
    fn default() -> Self {
        Self { text: Zeroizing::new(String::with_capacity(MOST)) }
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden(***)")
    }
}

impl Hidden {
    /// How many characters it has.
    pub fn count(&self) -> usize {
        self.text.chars().count()
    }

    /// Adds a character; one that has no room is not taken.
    pub fn push(&mut self, c: char) {
        if !c.is_control() && self.text.len() + c.len_utf8() <= MOST {
            self.text.push(c);
        }
    }

    /// Takes the last character away.
    pub fn pop(&mut self) {
        self.text.pop();
    }

    /// Wipes it.
    pub fn clear(&mut self) {
        self.text.zeroize();
    }

    /// Hands it out and wipes it; none: there is nothing but blanks.
    pub fn take(&mut self) -> Option<SecretString> {
        let secret = Some(self.text.trim()).filter(|text| !text.is_empty()).map(SecretString::from);
        self.clear();
        secret
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]

    use secrecy::ExposeSecret;

    use super::{Hidden, MOST};

    #[test]
    fn it_is_taken_once_and_shown_nowhere() {
        let mut hidden = Hidden::default();
        " pat-1 \n".chars().for_each(|c| hidden.push(c));
        assert_eq!(hidden.count(), 7);
        assert_eq!(format!("{hidden:?}"), "Hidden(***)");
        assert_eq!(hidden.take().unwrap().expose_secret(), "pat-1");
        assert_eq!((hidden.count(), hidden.take().is_none()), (0, true));
    }

    #[test]
    fn it_never_moves_and_never_grows_beyond_its_room() {
        let mut hidden = Hidden::default();
        let place = hidden.text.as_ptr();
        (0..2 * MOST).for_each(|_| hidden.push('x'));
        assert_eq!((hidden.count(), hidden.text.as_ptr()), (MOST, place));
    }
}
