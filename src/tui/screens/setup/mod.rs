//! The wizard's questions: whatever page it is on, with the settings of all environments as one table.

mod policy;
mod table;
mod table_view;
mod view;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use self::policy::Policy;
use self::table::Table;
use super::{Act, Id, Screen};
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Hint, Press};
use crate::tui::msg::Msg;
use crate::tui::shared::Shared;
use crate::tui::widgets::form::{self, Form};
use crate::wizard::{self, Field, Page, PageId};

/// The wizard's questions.
#[derive(Debug, Default)]
pub struct Setup {
    form: Form,
    table: Table,
    /// Whether what is typed now is text, and a secret: as of the last message.
    typing: bool,
    secret: bool,
}

fn is_table(page: &Page) -> bool {
    matches!(page.id, PageId::Environment(_))
}

fn is_first(shared: &Shared) -> bool {
    shared.wizard.as_ref().is_none_or(|model| model.pages().first() == Some(model.at()))
}

impl Setup {
    /// On the page the wizard is on.
    pub fn of(shared: &Shared) -> Self {
        let mut setup = Self::default();
        setup.note(shared);
        setup
    }

    fn note(&mut self, shared: &Shared) {
        let Some(page) = form::page(shared) else { return };
        let table = is_table(&page);
        self.typing = if table { self.table.is_typing(shared) } else { self.form.is_typing(&page) };
        self.secret = !table && self.form.is_secret(&page);
    }

    /// Back to the page before, or out of the wizard; it is gone on with later.
    fn back(&mut self, shared: &mut Shared) -> Vec<Act> {
        let mut acts = self.form.leave(shared);
        if is_first(shared) {
            acts.push(Act::Pop);
        } else {
            acts.extend(form::tell(shared, wizard::Msg::BackStage));
        }
        acts
    }

    fn shows_presets(&self, page: &Page) -> bool {
        self.form.key(page).is_some_and(|key| key.field == Field::Preset)
    }
}

impl Screen for Setup {
    fn id(&self) -> Id {
        Id::Setup
    }

    fn about(&self) -> &'static str {
        "keyless asks what it cannot find out. Every answer has a reason, and every default says where it came from; \
         nothing is changed before a plan is reviewed and approved. Leaving keeps the answers for as long as keyless runs."
    }

    fn hints(&self, shared: &Shared) -> Vec<Hint> {
        let Some(page) = form::page(shared) else { return Vec::new() };
        let mut hints = match is_table(&page) {
            true => self.table.hints(shared),
            false => self.form.hints(&page),
        };
        if !is_table(&page) && self.shows_presets(&page) {
            hints.push(Hint::new(
                "v",
                "view",
                Press::letter('v'),
                "Shows the policy of each preset in full.",
            ));
        }
        if !self.table.is_open() {
            let does = if is_first(shared) { "leave" } else { "back" };
            hints.push(Hint::new("esc", does, Press::of(KeyCode::Esc), "Back; answers are kept."));
        }
        hints
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        let page = form::page(shared)?;
        let acts = match is_table(&page) {
            true => self.table.press(press, shared),
            false => self.form.press(press, shared),
        };
        let acts = acts.or_else(|| match press.code {
            KeyCode::Char('v') if press == Press::letter('v') && self.shows_presets(&page) => {
                Some(vec![Act::Push(Box::new(Policy::default()))])
            }
            KeyCode::Esc => Some(self.back(shared)),
            _ => None,
        });
        self.note(shared);
        acts
    }

    fn paste(&mut self, text: &str, shared: &mut Shared) -> Vec<Act> {
        match form::page(shared) {
            Some(page) if is_table(&page) => self.table.paste(text, shared),
            _ => self.form.paste(text, shared),
        }
        self.note(shared);
        Vec::new()
    }

    fn pick(&mut self, item: usize, shared: &mut Shared) -> Vec<Act> {
        let acts = match form::page(shared) {
            Some(page) if is_table(&page) => self.table.pick(item, shared),
            _ => self.form.pick(item, shared),
        };
        self.note(shared);
        acts
    }

    fn told(&mut self, msg: &Msg, shared: &mut Shared) -> Vec<Act> {
        let acts = match form::page(shared) {
            Some(page) if is_table(&page) => {
                self.table.told(shared);
                Vec::new()
            }
            _ => self.form.told(msg, shared),
        };
        self.note(shared);
        acts
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        let (Some(page), Some(model)) = (form::page(shared), shared.wizard.as_ref()) else { return };
        if is_table(&page) {
            let body = view::frame(canvas, area, shared, &page, "Details of the environments");
            self.table.draw(canvas, body, &page, model);
        } else {
            let body = view::frame(canvas, area, shared, &page, &page.title);
            form::view::draw_body(canvas, view::column(body), &page, &self.form);
        }
    }

    fn is_typing(&self) -> bool {
        self.typing
    }

    fn is_secret(&self) -> bool {
        self.secret
    }
}
