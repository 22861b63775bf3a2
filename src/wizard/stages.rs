//! The stages of the wizard by name, and where the person is among them.

use super::model::Model;
use super::page::PageId;

/// How far a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is behind the person.
    Past,
    /// The person is there.
    Here,
    /// It is still to come.
    Ahead,
}

/// One stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Its place, from 1.
    pub number: usize,
    /// Its name in a word or two.
    pub name: &'static str,
    /// How far it is.
    pub progress: Progress,
}

/// The stages in order; the pages of all environments are one.
const NAMES: [&str; 14] = [
    "Welcome",
    "Sign in",
    "Organisation",
    "Project",
    "Proof",
    "Accounts",
    "Names",
    "Pipeline",
    "Details",
    "Rights",
    "Save",
    "Review",
    "Run",
    "Done",
];

fn place(id: &PageId) -> usize {
    match id {
        PageId::Welcome => 0,
        PageId::SignIn => 1,
        PageId::Organization => 2,
        PageId::Project => 3,
        PageId::Verification => 4,
        PageId::Profiles => 5,
        PageId::Names => 6,
        PageId::Pipeline => 7,
        PageId::Environment(_) => 8,
        PageId::Preset => 9,
        PageId::Save => 10,
        PageId::Review => 11,
        PageId::Run => 12,
        PageId::Done => 13,
    }
}

impl Model {
    /// Whether the wizard has this stage: the first two are there only where they are needed.
    fn there(&self, place: usize) -> bool {
        match place {
            0 => self.start.welcome,
            1 => self.asks_to_be_signed_in(),
            _ => true,
        }
    }

    /// The place of a page among the stages of the wizard, from 1. All environments are one stage, and a stage that
    /// turns out to ask nothing keeps its number: the count does not change under way.
    pub(super) fn stage(&self, id: &PageId) -> usize {
        (0..=place(id)).filter(|place| self.there(*place)).count().max(1)
    }

    /// All stages by name.
    pub fn stages(&self) -> Vec<Stage> {
        let here = place(&self.at);
        let shown = (0..NAMES.len()).filter(|place| self.there(*place));
        shown
            .enumerate()
            .map(|(index, place)| Stage {
                number: index + 1,
                name: NAMES[place],
                progress: match place.cmp(&here) {
                    std::cmp::Ordering::Less => Progress::Past,
                    std::cmp::Ordering::Equal => Progress::Here,
                    std::cmp::Ordering::Greater => Progress::Ahead,
                },
            })
            .collect()
    }
}
