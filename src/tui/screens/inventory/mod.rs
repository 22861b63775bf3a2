//! The inventory: every AWS connection with the key it holds, keys in variable groups, users whose keys none holds.

mod entry;
mod turn;
mod view;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use tui_input::Input;

use super::{Act, Id, Screen};
use crate::domain::failure::Failure;
use crate::domain::inventory::Inventory;
use crate::explain::inventory::{self as words, Entry};
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Hint, Press};
use crate::tui::msg::{Command, Effect, Msg, TerminalEffect};
use crate::tui::shared::Shared;
use crate::tui::when;
use crate::tui::widgets::field;
use crate::tui::widgets::pick::Pick;
use entry::EntryPage;

/// What the looks told.
#[derive(Debug, Default)]
enum Told {
    /// They are going on.
    #[default]
    Looking,
    /// What was found.
    Found(Box<Found>),
    /// They were not possible.
    Failed(Failure),
}

/// An inventory, and each of its entries in words.
#[derive(Debug)]
struct Found {
    inventory: Inventory,
    /// Connections, keys in variable groups, users, and last what could not be seen.
    entries: Vec<Entry>,
    /// When it was told (seconds since 1970, by this machine).
    at: i64,
}

/// The inventory's screen.
#[derive(Debug, Default)]
pub struct InventoryScreen {
    told: Told,
    /// Whether it is looking, also while an older inventory is shown.
    looking: bool,
    /// Whether all projects are looked at.
    everywhere: bool,
    pick: Pick,
    filter: Input,
    typing: bool,
}

impl InventoryScreen {
    /// The screen, and the looks it begins with.
    pub fn begin() -> Vec<Act> {
        let screen = Self { looking: true, ..Self::default() };
        vec![Act::Push(Box::new(screen)), Act::Effect(Effect::TakeInventory { everywhere: false })]
    }

    fn found(&self) -> Option<&Found> {
        match &self.told {
            Told::Found(found) => Some(found),
            Told::Looking | Told::Failed(_) => None,
        }
    }

    fn all(&self) -> &[Entry] {
        self.found().map(|found| found.entries.as_slice()).unwrap_or_default()
    }

    /// The places of the entries that hold every word of the filter.
    fn list(&self) -> Vec<usize> {
        let words: Vec<String> = self.filter.value().split_whitespace().map(str::to_lowercase).collect();
        let fits = |entry: &Entry| {
            let mut text = entry.title.to_lowercase();
            for (_, value) in &entry.lines {
                text.push(' ');
                text.push_str(&value.to_lowercase());
            }
            words.iter().all(|word| text.contains(word.as_str()))
        };
        (0..).zip(self.all()).filter(|(_, entry)| fits(entry)).map(|(at, _)| at).collect()
    }

    fn chosen(&self) -> Option<&Entry> {
        let list = self.list();
        self.all().get(*list.get(self.pick.place(list.len()))?)
    }

    fn copy(&self) -> Vec<Act> {
        let Some(found) = self.found() else { return Vec::new() };
        let text =
            words::text(&found.inventory, env!("CARGO_PKG_VERSION"), &when::stamp(found.inventory.now));
        vec![
            Act::Effect(Effect::Terminal(TerminalEffect::Copy(text))),
            Act::Say("copied: the whole inventory as text, without secrets".to_owned()),
        ]
    }

    fn look(&mut self, everywhere: bool, shared: &Shared) -> Vec<Act> {
        if shared.is_running() {
            return vec![Act::Say("a run is going on: it is looked at again when that has ended".to_owned())];
        }
        if self.looking && everywhere == self.everywhere {
            return Vec::new();
        }
        (self.looking, self.everywhere) = (true, everywhere);
        vec![Act::Effect(Effect::TakeInventory { everywhere })]
    }

    fn press_filter(&mut self, press: Press) -> Option<Vec<Act>> {
        match press.code {
            KeyCode::Esc => {
                self.typing = false;
                self.filter = Input::default();
            }
            KeyCode::Enter => self.typing = false,
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                let count = self.list().len();
                self.pick.step(press.motion(false)?, count, 1);
            }
            _ => {
                self.filter.handle(field::request(press)?);
                self.pick.set(0);
            }
        }
        Some(Vec::new())
    }

    fn open(&self) -> Vec<Act> {
        let page = self.chosen().map(|entry| EntryPage::of(entry.clone()));
        page.map(|page| Act::Push(Box::new(page))).into_iter().collect()
    }
}

impl Screen for InventoryScreen {
    fn id(&self) -> Id {
        Id::Inventory
    }

    fn about(&self) -> &'static str {
        "Every AWS connection of the project: how it signs in, whose access key it holds, how old that is and when it was \
         last used, who uses the connection, and whether it can be led away from its key. Below them access keys in variable \
         groups, and IAM users with active keys that no connection holds. Looking only reads; a right that is missing is \
         told as unknown. o leads the chosen connection away from its key, b back to one, n on to a new one: each makes a          plan, and nothing is written before you have read and approved it."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        if self.typing {
            return vec![
                Hint::new("enter", "keep", Press::of(KeyCode::Enter), "Keeps the filter."),
                Hint::new("esc", "clear", Press::of(KeyCode::Esc), "Shows all entries again."),
            ];
        }
        let mut hints = Vec::new();
        if self.chosen().is_some() {
            let help = "Shows everything about the chosen entry.";
            hints.push(Hint::new("enter", "details", Press::of(KeyCode::Enter), help));
        }
        hints.extend(self.turn_hints());
        hints.push(Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back to the panes."));
        if !self.all().is_empty() {
            let help = "Shows only entries that hold every word typed, such as blocked or a user's name.";
            hints.push(Hint::new("/", "filter", Press::letter('/'), help));
            let help = "Copies the whole inventory as text without secrets, for a ticket.";
            hints.push(Hint::new("c", "copy", Press::letter('c'), help));
        }
        let (does, help) = match self.everywhere {
            true => ("this project", "Looks at the connections of this project alone."),
            false => ("all projects", "Looks at the connections of all projects that you can see."),
        };
        hints.push(Hint::new("a", does, Press::letter('a'), help));
        if !self.turn_all().iter().all(|act| matches!(act, Act::Say(_))) {
            let help =
                "Plans how every connection is led away from its access key; the plan is reviewed first.";
            hints.push(Hint::new("O", "all to OIDC", Press::letter('O'), help));
        }
        hints.push(Hint::new(
            "R",
            "look again",
            Press::letter('R'),
            "Looks at everything once more; ctrl-r too.",
        ));
        hints
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        if self.typing {
            return self.press_filter(press);
        }
        if press == Press::ctrl('r') {
            return Some(self.look(self.everywhere, shared));
        }
        if let Some(motion) = press.motion(true) {
            let count = self.list().len();
            self.pick.step(motion, count, 1);
            return Some(Vec::new());
        }
        match press.code {
            KeyCode::Enter => return Some(self.open()),
            KeyCode::Esc if !self.filter.value().is_empty() => {
                self.filter = Input::default();
                return Some(Vec::new());
            }
            _ => {}
        }
        match press.text()? {
            'c' => Some(self.copy()),
            'a' => Some(self.look(!self.everywhere, shared)),
            'R' => Some(self.look(self.everywhere, shared)),
            'o' => Some(self.turn(Command::Rotate)),
            'O' => Some(self.turn_all()),
            'b' => Some(self.turn(Command::Rollback)),
            'n' => Some(self.turn(Command::RenewKeys)),
            '/' if !self.all().is_empty() => {
                self.typing = true;
                Some(Vec::new())
            }
            _ => None,
        }
    }

    fn paste(&mut self, text: &str, _shared: &mut Shared) -> Vec<Act> {
        if self.typing {
            field::insert(&mut self.filter, text);
        }
        Vec::new()
    }

    fn pick(&mut self, item: usize, _shared: &mut Shared) -> Vec<Act> {
        let again = self.pick.place(self.list().len()) == item;
        self.pick.set(item);
        if again { self.open() } else { Vec::new() }
    }

    fn told(&mut self, msg: &Msg, shared: &mut Shared) -> Vec<Act> {
        match msg {
            Msg::Inventory { everywhere, result } if *everywhere == self.everywhere => {
                self.looking = false;
                self.told = match result {
                    Ok(inventory) => {
                        let gaps = inventory.gaps.iter();
                        let gaps = gaps.map(|gap| Entry {
                            title: gap.what.clone(),
                            lines: vec![("not seen", gap.why.clone())],
                        });
                        let mut entries: Vec<Entry> =
                            words::entries(inventory).into_iter().chain(gaps).collect();
                        let invocation = shared.invocation();
                        for (_, value) in entries.iter_mut().flat_map(|entry| &mut entry.lines) {
                            *value = invocation.dress(value);
                        }
                        let inventory = inventory.as_ref().clone();
                        Told::Found(Box::new(Found { inventory, entries, at: shared.seconds() }))
                    }
                    Err(failure) => Told::Failed(failure.clone()),
                };
                Vec::new()
            }
            // Something was changed: it is looked at again.
            Msg::Ended { .. } => {
                self.looking = true;
                vec![Act::Effect(Effect::TakeInventory { everywhere: self.everywhere })]
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        view::draw(self, canvas, area, shared);
    }

    fn is_typing(&self) -> bool {
        self.typing
    }
}
