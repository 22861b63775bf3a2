//! The command palette: every action by name, with a filter.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use tui_input::{Input, InputRequest};

use super::audit::AuditScreen;
use super::doctor::Doctor;
use super::history::History;
use super::inventory::InventoryScreen;
use super::log::LogScreen;
use super::matrix::TrustMatrix;
use super::pipeline::Pipeline;
use super::{Act, Id, Screen};
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, Hit};
use crate::tui::keys::{Hint, Press};
use crate::tui::msg::{Command, Effect};
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::widgets::fuzzy;
use crate::tui::widgets::pick::Pick;
use crate::tui::widgets::{boxed, field};

/// What an entry does.
#[derive(Debug, Clone)]
enum Does {
    /// As this key on the screen below.
    Press(Press),
    Setup,
    Doctor,
    Matrix,
    Inventory,
    Audit,
    Pipeline,
    Run(Command),
    Log,
    History,
    Home,
    Welcome,
    Quit,
}

#[derive(Debug, Clone)]
struct Entry {
    title: String,
    key: &'static str,
    does: Does,
}

/// The palette.
#[derive(Debug)]
pub struct Palette {
    entries: Vec<Entry>,
    filter: Input,
    pick: Pick,
}

impl Palette {
    /// The actions of a screen, then those of the program.
    pub fn new(hints: Vec<Hint>, shared: &Shared) -> Self {
        let own = hints.into_iter().filter_map(|hint| {
            let title = match hint.help {
                "" => hint.does.clone(),
                help => format!("{}: {help}", hint.does),
            };
            Some(Entry { title, key: hint.key, does: Does::Press(hint.press?) })
        });
        let mut entries: Vec<Entry> = own.collect();
        let mut add = |title: &str, key: &'static str, does: Does| {
            entries.push(Entry { title: title.to_owned(), key, does });
        };
        if shared.opened.is_some() && !shared.is_running() {
            add("Set up: answer the questions, review, run", "", Does::Setup);
            add("Doctor: find what is wrong, and heal it", "d", Does::Doctor);
            add("Trust matrix: which connection can become which role", "", Does::Matrix);
            add("Inventory: access keys of AWS connections, and what can be rotated", "r", Does::Inventory);
            add("Audit: who became which role, and from which run", "a", Does::Audit);
            add("Verify: prove every environment by a real run", "", Does::Run(Command::Verify));
            add("Rotate: lead every connection away from its access key", "", Does::Run(Command::Rotate));
            add("Roll back: lead every connection back to an access key", "", Does::Run(Command::Rollback));
            add("New keys: put new access keys in the place of old ones", "", Does::Run(Command::RenewKeys));
            add("Tear down: remove what keyless made", "", Does::Run(Command::Teardown));
        }
        if shared.opened.as_ref().is_some_and(|opened| opened.federation.is_some()) {
            add("Pipeline: the file that deploys, by preset and flow", "P", Does::Pipeline);
        }
        if shared.is_running() {
            add("Run: what is being carried out", "", Does::Setup);
        }
        if !shared.is_running() {
            add("Welcome: practice or live, and what for", "", Does::Welcome);
        }
        add("Home: the panes of all environments", "", Does::Home);
        add("Log: the latest events", "", Does::Log);
        if shared.opened.is_some() {
            add("History: what the journal tells of earlier runs", "", Does::History);
        }
        add("Mouse: give it to the terminal, or take it", "M", Does::Press(Press::letter('M')));
        add("Colours: the next palette", "T", Does::Press(Press::letter('T')));
        add("Redraw the screen", "ctrl-l", Does::Press(Press::ctrl('l')));
        add("Help for this screen", "?", Does::Press(Press::letter('?')));
        add("End keyless", "q", Does::Quit);
        Self { entries, filter: Input::default(), pick: Pick::default() }
    }

    fn found(&self) -> Vec<&Entry> {
        fuzzy::filter(self.filter.value(), &self.entries, |entry| entry.title.as_str())
    }

    fn chosen(&self, shared: &Shared) -> Vec<Act> {
        let found = self.found();
        let Some(entry) = found.get(self.pick.place(found.len())) else { return Vec::new() };
        let act = match &entry.does {
            Does::Press(press) => Act::Press(*press),
            Does::Setup => Act::Setup,
            Does::Run(command) => Act::Run(command.clone(), Vec::new()),
            Does::Doctor => return std::iter::once(Act::Pop).chain(Doctor::begin()).collect(),
            Does::Matrix => return std::iter::once(Act::Pop).chain(TrustMatrix::begin(shared)).collect(),
            Does::Inventory => {
                return std::iter::once(Act::Pop).chain(InventoryScreen::begin()).collect();
            }
            Does::Audit => return std::iter::once(Act::Pop).chain(AuditScreen::begin()).collect(),
            Does::Pipeline => Act::Push(Box::new(Pipeline::of(shared))),
            Does::Log => Act::Push(Box::new(LogScreen::default())),
            Does::History => {
                return vec![
                    Act::Pop,
                    Act::Push(Box::new(History::default())),
                    Act::Effect(Effect::ReadHistory),
                ];
            }
            Does::Home => Act::Home,
            Does::Welcome => Act::Welcome,
            Does::Quit => Act::Quit,
        };
        vec![Act::Pop, act]
    }
}

impl Screen for Palette {
    fn id(&self) -> Id {
        Id::Palette
    }

    fn about(&self) -> &'static str {
        "Every action by name: type a few letters of it."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        vec![
            Hint::new("enter", "do it", Press::of(KeyCode::Enter), "Does the chosen action."),
            Hint::new("esc", "close", Press::of(KeyCode::Esc), "Closes the palette."),
        ]
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        if press.code == KeyCode::Enter {
            return Some(self.chosen(shared));
        }
        if press == Press::ctrl('k') {
            return Some(vec![Act::Pop]);
        }
        if let Some(motion) =
            press.motion(false).filter(|_| !matches!(press.code, KeyCode::Left | KeyCode::Right))
        {
            let count = self.found().len();
            self.pick.step(motion, count, 1);
            return Some(Vec::new());
        }
        let request = field::request(press)?;
        self.filter.handle(request);
        self.pick.set(0);
        Some(Vec::new())
    }

    fn paste(&mut self, text: &str, _shared: &mut Shared) -> Vec<Act> {
        for c in field::one_line(text).chars() {
            self.filter.handle(InputRequest::InsertChar(c));
        }
        Vec::new()
    }

    fn pick(&mut self, item: usize, shared: &mut Shared) -> Vec<Act> {
        self.pick.set(item);
        self.chosen(shared)
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, _shared: &Shared) {
        let inner = boxed(canvas, area, (area.width.min(72), area.height.min(20)), "Commands");
        field::draw(canvas, Rect { height: 1, ..inner }, "> ", &self.filter);
        let list = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
        let found = self.found();
        if found.is_empty() {
            let none = canvas.span(Paint::Dim, "no command has these letters");
            canvas.line(list, 0, &[none]);
        }
        let place = self.pick.place(found.len());
        let window = self.pick.window(found.len(), 1, usize::from(list.height));
        for (row, at) in (0..).zip(window) {
            let Some(entry) = found.get(at) else { break };
            let title = canvas.span(Paint::Plain, &entry.title);
            let key = canvas.role(Role::Key, entry.key);
            let line = Rect { y: list.y + row, height: 1, ..list };
            let room = Rect { width: line.width.saturating_sub(8), ..line };
            canvas.line(room, 0, &[title]);
            canvas.line_right(line, 0, &[key]);
            if at == place {
                canvas.tint(line, Role::Selected);
            }
            canvas.hit(line, Hit::Item(at));
        }
    }

    fn is_typing(&self) -> bool {
        true
    }

    fn is_overlay(&self) -> bool {
        true
    }
}
