//! The first screen: practice or live, and what for.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{Act, Id, Screen};
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, Hit};
use crate::tui::keys::{Hint, Press};
use crate::tui::msg::Effect;
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::widgets::pick::Pick;

/// The choices.
const CHOICES: [(&str, &str); 2] = [
    ("Practice", "on an Azure DevOps and AWS inside this program; nothing real is touched"),
    ("Live", "on your own Azure DevOps organisation and AWS accounts"),
];

/// The first screen.
#[derive(Debug, Default)]
pub struct Welcome {
    pick: Pick,
}

impl Welcome {
    fn chosen(&self) -> Vec<Act> {
        let practice = (self.pick.place(CHOICES.len()) == 0).then(|| "fresh".to_owned());
        vec![Act::Effect(Effect::Open { practice }), Act::Setup, Act::Home]
    }
}

impl Screen for Welcome {
    fn id(&self) -> Id {
        Id::Welcome
    }

    fn about(&self) -> &'static str {
        "keyless replaces AWS access keys in Azure DevOps by OIDC federation, and proves that it works."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        vec![
            Hint::new("enter", "choose", Press::of(KeyCode::Enter), "Goes on with the chosen line."),
            Hint::new("q", "quit", Press::letter('q'), "Ends keyless."),
        ]
    }

    fn press(&mut self, press: Press, _shared: &mut Shared) -> Option<Vec<Act>> {
        if let Some(motion) = press.motion(true) {
            self.pick.step(motion, CHOICES.len(), 1);
            return Some(Vec::new());
        }
        (press.code == KeyCode::Enter).then(|| self.chosen())
    }

    fn pick(&mut self, item: usize, _shared: &mut Shared) -> Vec<Act> {
        self.pick.set(item);
        self.chosen()
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, _shared: &Shared) {
        let title = canvas.role(Role::Accent, " keyless");
        canvas.line(area, 0, &[title]);
        for (at, (name, about)) in CHOICES.iter().enumerate() {
            let row = 3 + 2 * u16::try_from(at).unwrap_or(0);
            let spans =
                [canvas.span(Paint::Strong, format!(" {name:<10}")), canvas.span(Paint::Plain, about)];
            let line = Rect { y: area.y + row, height: 1, ..area };
            canvas.line(line, 0, &spans);
            if at == self.pick.place(CHOICES.len()) {
                canvas.tint(line, Role::Selected);
            }
            canvas.hit(line, Hit::Item(at));
        }
    }
}
