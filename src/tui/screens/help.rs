//! The help of a screen: what it shows, and its keys.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{Act, Id, Screen};
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, wrapped};
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::widgets::boxed;
use crate::tui::widgets::scroll::Scroll;

/// The help of one screen.
#[derive(Debug)]
pub struct Help {
    name: &'static str,
    about: &'static str,
    hints: Vec<Hint>,
    top: Scroll,
}

/// What works everywhere.
const EVERYWHERE: [(&str, &str); 9] = [
    ("arrows, hjkl", "Move; page up, page down, home and end too."),
    ("esc", "Back. Answers are kept."),
    (": or ctrl-k", "Every command by name."),
    ("?", "This help."),
    ("ctrl-c", "Stops a run between writes; once more drops the call. Without a run it ends keyless."),
    ("ctrl-z", "To the background; fg brings it back."),
    ("M", "Gives the mouse back to the terminal, or takes it."),
    ("T", "Other colours."),
    ("q", "Ends keyless; asks first while a run goes on."),
];

impl Help {
    /// The help of a screen as it is now.
    pub fn of(screen: &dyn Screen, shared: &Shared) -> Self {
        Self {
            name: screen.id().name(),
            about: screen.about(),
            hints: screen.hints(shared),
            top: Scroll::default(),
        }
    }

    fn lines(&self, canvas: &Canvas<'_>, width: usize) -> Vec<ratatui::text::Line<'static>> {
        let mut lines: Vec<ratatui::text::Line<'static>> = Vec::new();
        for line in wrapped(self.about, width) {
            lines.push(vec![canvas.span(Paint::Plain, line)].into());
        }
        let own = self
            .hints
            .iter()
            .map(|hint| (hint.key, if hint.help.is_empty() { hint.does.as_str() } else { hint.help }));
        for (title, keys) in
            [("On this screen", own.collect::<Vec<_>>()), ("Everywhere", EVERYWHERE.to_vec())]
        {
            lines.push(ratatui::text::Line::default());
            lines.push(vec![canvas.span(Paint::Strong, title)].into());
            for (key, help) in keys {
                for (at, part) in wrapped(help, width.saturating_sub(15)).into_iter().enumerate() {
                    let key = if at == 0 { key } else { "" };
                    let key = canvas.role(Role::Key, format!("{key:<14} "));
                    lines.push(vec![key, canvas.span(Paint::Plain, part)].into());
                }
            }
        }
        lines
    }
}

impl Screen for Help {
    fn id(&self) -> Id {
        Id::Help
    }

    fn about(&self) -> &'static str {
        "What a screen shows, and the keys it takes."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        let mut hints = vec![Hint::new("esc", "close", Press::of(KeyCode::Esc), "Closes the help.")];
        hints.extend(self.top.hints());
        hints
    }

    fn press(&mut self, press: Press, _shared: &mut Shared) -> Option<Vec<Act>> {
        if let Some(motion) = press.motion(true) {
            self.top.step(motion);
            return Some(Vec::new());
        }
        if press.code == KeyCode::Char(' ') {
            self.top.step(Motion::PageDown);
            return Some(Vec::new());
        }
        matches!(press.code, KeyCode::Char('?' | 'q') | KeyCode::Enter).then(|| vec![Act::Pop])
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, _shared: &Shared) {
        let width = area.width.min(76);
        let lines = self.lines(canvas, usize::from(width.saturating_sub(4)));
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
        let inner = boxed(canvas, area, (width, height), &format!("Help: {}", self.name));
        let seen = self.top.window(lines.len(), usize::from(inner.height));
        canvas.lines(inner, 0, &lines[seen]);
    }

    fn is_overlay(&self) -> bool {
        true
    }
}
