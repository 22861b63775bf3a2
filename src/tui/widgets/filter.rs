//! A filter over a list: typed behind `/`, kept with enter, cleared with esc.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use tui_input::Input;

use super::field;
use crate::explain::signs::Paint;
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::theme::Role;

/// What a press did to a filter that is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// Its words are others.
    Changed,
    /// It was emptied and closed.
    Cleared,
    /// It was closed and holds.
    Kept,
    /// Meanwhile somebody goes through the list.
    Moved(Motion),
}

/// The filter of one list.
#[derive(Debug, Default)]
pub struct Filter {
    input: Input,
    typing: bool,
}

impl Filter {
    /// Takes letters from now on.
    pub fn begin(&mut self) {
        self.typing = true;
    }

    /// Whether letters are taken as its text.
    pub fn is_typing(&self) -> bool {
        self.typing
    }

    /// Whether it has a line of its own on the screen.
    pub fn is_seen(&self) -> bool {
        self.typing || !self.input.value().is_empty()
    }

    /// Empties it; tells whether there was anything.
    pub fn clear(&mut self) -> bool {
        let held = !self.input.value().is_empty();
        *self = Self::default();
        held
    }

    /// A press while it is typed; none: not one of its own.
    pub fn press(&mut self, press: Press) -> Option<Typed> {
        Some(match press.code {
            KeyCode::Esc => {
                self.clear();
                Typed::Cleared
            }
            KeyCode::Enter => {
                self.typing = false;
                Typed::Kept
            }
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                Typed::Moved(press.motion(false)?)
            }
            _ => {
                self.input.handle(field::request(press)?);
                Typed::Changed
            }
        })
    }

    /// A pasted text; tells whether its words are others now.
    pub fn paste(&mut self, text: &str) -> bool {
        if self.typing {
            field::insert(&mut self.input, text);
        }
        self.typing
    }

    /// Its words, in lower case.
    pub fn words(&self) -> Vec<String> {
        self.input.value().split_whitespace().map(str::to_lowercase).collect()
    }

    /// The keys while it is typed; `all` says what esc shows again.
    pub fn hints(all: &'static str) -> Vec<Hint> {
        vec![
            Hint::new("enter", "keep", Press::of(KeyCode::Enter), "Keeps the filter."),
            Hint::new("esc", "clear", Press::of(KeyCode::Esc), all),
        ]
    }

    /// Draws it, where it has a line.
    pub fn draw(&self, canvas: &mut Canvas<'_>, line: Rect) {
        if self.typing {
            return field::draw(canvas, line, "/ ", &self.input);
        }
        if self.is_seen() {
            let spans = [
                canvas.role(Role::Accent, "/ "),
                canvas.span(Paint::Plain, self.input.value()),
                canvas.span(Paint::Dim, "   esc clears the filter"),
            ];
            canvas.line(line, 0, &spans);
        }
    }
}

/// Whether a text holds every word, in whatever case and order.
pub fn holds(words: &[String], text: &str) -> bool {
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_typed_kept_and_cleared() {
        let mut filter = Filter::default();
        assert_eq!(filter.paste("too early"), filter.is_typing());
        filter.begin();
        assert_eq!(filter.press(Press::letter('A')), Some(Typed::Changed));
        assert!(filter.paste("ws  PROD\n"));
        assert_eq!(filter.press(Press::of(KeyCode::Down)), Some(Typed::Moved(Motion::Down)));
        assert_eq!(filter.press(Press::ctrl('k')), None, "the palette's");
        assert_eq!(filter.press(Press::of(KeyCode::Enter)), Some(Typed::Kept));
        assert!(!filter.is_typing() && filter.is_seen());
        assert_eq!(filter.words(), ["aws", "prod"]);
        assert!(holds(&filter.words(), "Prod of AWS-Prod") && !holds(&filter.words(), "AWS-Dev"));
        assert!(filter.clear() && !filter.clear() && !filter.is_seen());
    }
}
