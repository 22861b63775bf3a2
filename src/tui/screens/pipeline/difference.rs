//! Another file of the pipeline's name is there: what differs, and what can be done without touching it.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, wrapped};
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::msg::{Command, Effect, OtherFile, PipelineWish};
use crate::tui::screens::{Act, Id, Screen};
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::widgets::scroll::Scroll;

/// Where the other file is.
#[derive(Debug)]
enum Where {
    /// In the repository at hand.
    Here {
        /// Which pipeline was to be written.
        wish: PipelineWish,
        /// Where it can be written instead.
        beside: String,
        /// Whether it can be proposed.
        proposes: bool,
    },
    /// On the main branch; the plan of the pull request is below.
    Main,
}

/// The difference.
#[derive(Debug)]
pub struct Difference {
    other: OtherFile,
    place: Where,
    top: Scroll,
}

impl Difference {
    /// Of a file in the repository at hand.
    pub fn here(other: OtherFile, beside: String, wish: PipelineWish, proposes: bool) -> Self {
        Self { other, place: Where::Here { wish, beside, proposes }, top: Scroll::default() }
    }

    /// Of a file on the main branch.
    pub fn on_main(other: OtherFile) -> Self {
        Self { other, place: Where::Main, top: Scroll::default() }
    }

    fn reason(&self) -> String {
        match &self.place {
            Where::Here { beside, .. } => {
                format!("Another file is there, and it is never overwritten. n writes {beside} beside it.")
            }
            Where::Main => "The main branch holds another file of that name: only a merge of the pull request replaces it. \
                            Enter goes on to the plan."
                .to_owned(),
        }
    }
}

impl Screen for Difference {
    fn id(&self) -> Id {
        Id::Detail
    }

    fn about(&self) -> &'static str {
        "What differs between the pipeline's file that is there and the one that is wanted: lines with - are there, lines \
         with + are wanted. A file that is there is never overwritten."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        let mut hints = Vec::new();
        match &self.place {
            Where::Here { proposes, .. } => {
                hints.push(Hint::new(
                    "n",
                    "write beside",
                    Press::letter('n'),
                    "Writes a new file beside it.",
                ));
                if *proposes {
                    let help = "Plans a pull request with the file instead; the plan is reviewed first.";
                    hints.push(Hint::new("o", "pull request", Press::letter('o'), help));
                }
                hints.push(Hint::new("esc", "leave as it is", Press::of(KeyCode::Esc), "Writes nothing."));
            }
            Where::Main => {
                hints.push(Hint::new(
                    "enter",
                    "to the plan",
                    Press::of(KeyCode::Enter),
                    "Goes on to the plan.",
                ));
            }
        }
        hints.extend(self.top.hints());
        hints
    }

    fn press(&mut self, press: Press, _shared: &mut Shared) -> Option<Vec<Act>> {
        if let Some(motion) = press.motion(true) {
            self.top.step(motion);
            return Some(Vec::new());
        }
        if press.text() == Some(' ') {
            self.top.step(Motion::PageDown);
            return Some(Vec::new());
        }
        match (press.code, &self.place) {
            (KeyCode::Enter, Where::Main) => Some(vec![Act::Pop]),
            (KeyCode::Char('n'), Where::Here { wish, .. }) => {
                let write = Effect::PlacePipeline { wish: *wish, beside: true };
                Some(vec![Act::Pop, Act::Effect(write)])
            }
            (KeyCode::Char('o'), Where::Here { wish, proposes: true, .. }) => {
                Some(vec![Act::Pop, Act::Run(Command::Pipeline(*wish), Vec::new())])
            }
            _ => None,
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, _shared: &Shared) {
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let title =
            [canvas.role(Role::Accent, "Another file  "), canvas.span(Paint::Strong, &self.other.name)];
        canvas.line(area, 0, &title);
        let mut row = 1;
        for line in wrapped(&self.reason(), usize::from(area.width)) {
            let span = canvas.span(Paint::Plain, line);
            canvas.line(area, row, &[span]);
            row += 1;
        }
        let row = (row + 1).min(area.height);
        let rest = Rect { y: area.y + row, height: area.height - row, ..area };
        let lines = &self.other.lines;
        let seen = self.top.window(lines.len(), usize::from(rest.height));
        for (row, line) in (0_u16..).zip(&lines[seen]) {
            let paint = match line.as_bytes() {
                [b'-', b' ', ..] => Paint::Bad,
                [b'+', b' ', ..] => Paint::Good,
                [b'@', ..] => Paint::Dim,
                _ => Paint::Plain,
            };
            let span = canvas.span(paint, line);
            canvas.line(rest, row, &[span]);
        }
    }
}
