//! The screens: each a small state that takes keys and a view that draws it. None of them knows another's state.

pub mod ask;
pub mod audit;
pub mod detail;
pub mod doctor;
pub mod help;
pub mod history;
pub mod home;
pub mod inventory;
pub mod log;
pub mod matrix;
pub mod palette;
pub mod pipeline;
pub mod review;
pub mod run;
pub mod setup;
pub mod welcome;

use ratatui::layout::Rect;

use crate::domain::names::EnvironmentName;
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Hint, Press};
use crate::tui::msg::{Command, Effect, Msg};
use crate::tui::shared::Shared;
use crate::wizard;

/// What a screen wants done.
#[derive(Debug)]
pub enum Act {
    /// Something outside.
    Effect(Effect),
    /// Another screen on top.
    Push(Box<dyn Screen>),
    /// This screen goes.
    Pop,
    /// Another screen in its place.
    Replace(Box<dyn Screen>),
    /// Only the home screen stays.
    Home,
    /// The first screen: practice or live.
    Welcome,
    /// A message for the wizard.
    Wizard(wizard::Msg),
    /// The wizard is begun, or gone on with.
    Setup,
    /// A command is planned and reviewed; no environments: all.
    Run(Command, Vec<EnvironmentName>),
    /// A text goes into the clipboard, and the person is told so.
    Copy(String),
    /// Something is said at the foot of the screen for some seconds.
    Say(String),
    /// A press for the screen below, after this one went.
    Press(Press),
    /// The program ends; a run that goes on is asked about first.
    Quit,
    /// The program ends now.
    QuitNow,
}

/// Which screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id {
    /// Practice or live, and what for.
    Welcome,
    /// The panes.
    Home,
    /// The wizard's questions.
    Setup,
    /// A plan and its approval.
    Review,
    /// A run and its end.
    Run,
    /// One link of a chain.
    Detail,
    /// What is wrong, and what heals it.
    Doctor,
    /// Which connection can become which role.
    Matrix,
    /// Why one can, or cannot.
    Reach,
    /// AWS connections and the access keys they hold.
    Inventory,
    /// Who became which role, and from which run.
    Audit,
    /// The file of the pipeline that deploys.
    Pipeline,
    /// What a code means.
    Page,
    /// The latest events.
    Log,
    /// What the journal tells.
    History,
    /// What the screen below shows and takes.
    Help,
    /// Every action by name.
    Palette,
    /// A question of yes or no.
    Ask,
}

impl Id {
    /// The screen as it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Welcome => "Welcome",
            Self::Home => "Home",
            Self::Setup => "Set up",
            Self::Review => "Review",
            Self::Run => "Run",
            Self::Detail => "Detail",
            Self::Doctor => "Doctor",
            Self::Matrix => "Trust matrix",
            Self::Reach => "Reach",
            Self::Inventory => "Inventory",
            Self::Audit => "Audit",
            Self::Pipeline => "Pipeline",
            Self::Page => "Explain",
            Self::Log => "Log",
            Self::History => "History",
            Self::Help => "Help",
            Self::Palette => "Commands",
            Self::Ask => "Question",
        }
    }
}

/// One screen.
pub trait Screen: std::fmt::Debug {
    /// Which it is.
    fn id(&self) -> Id;

    /// One paragraph on what it shows, for the help.
    fn about(&self) -> &'static str;

    /// The keys that work now, the most useful first: bottom line, help and palette are made of them.
    fn hints(&self, shared: &Shared) -> Vec<Hint>;

    /// A key; none: not one of its own.
    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>>;

    /// A pasted text.
    fn paste(&mut self, _text: &str, _shared: &mut Shared) -> Vec<Act> {
        Vec::new()
    }

    /// An item was pressed with the mouse.
    fn pick(&mut self, _item: usize, _shared: &mut Shared) -> Vec<Act> {
        Vec::new()
    }

    /// Something happened that the shared state has taken already.
    fn told(&mut self, _msg: &Msg, _shared: &mut Shared) -> Vec<Act> {
        Vec::new()
    }

    /// Draws it. The bottom line is not its own.
    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared);

    /// Whether letters are text now and no commands.
    fn is_typing(&self) -> bool {
        false
    }

    /// Whether what is typed is a secret: it is never recorded.
    fn is_secret(&self) -> bool {
        false
    }

    /// Whether it lies over the screen below instead of in its place.
    fn is_overlay(&self) -> bool {
        false
    }

    /// Whether something on it counts seconds.
    fn counts_seconds(&self, _shared: &Shared) -> bool {
        false
    }
}
