//! A run while it goes on: one line for each thing that happened, nothing redrawn, nothing said twice.

use std::collections::{BTreeMap, BTreeSet};

use super::look::{Look, Paint, count};
use super::sheet::{Sheet, plain, span};
use super::verdicts;
use crate::domain::failure::{Code, Failure};
use crate::domain::handshake::{Handshake, Verdict};
use crate::domain::key::{Kind, StepKey};
use crate::explain;
use crate::plan::board::{Board, EnvironmentStatus};
use crate::plan::change::Verb;
use crate::plan::event::{Ended, Event};
use crate::plan::link::{Link, LinkStatus};
use crate::plan::place::{self as places, FEW};

/// Folds the events of a run and tells each that a person should hear of.
#[derive(Debug, Clone)]
pub struct Follower {
    look: Look,
    board: Board,
    command: String,
    /// Steps that may write in this round.
    applying: BTreeSet<StepKey>,
    /// What each step intends; a step that has done it intends nothing any more.
    verbs: BTreeMap<StepKey, Verb>,
    /// The last progress told of each step.
    progress: BTreeMap<StepKey, String>,
    /// Sign-ins told.
    sign_ins: BTreeSet<String>,
}

impl Follower {
    /// Nothing has happened yet.
    pub fn new(look: Look) -> Self {
        Self {
            look,
            board: Board::default(),
            command: String::new(),
            applying: BTreeSet::new(),
            verbs: BTreeMap::new(),
            progress: BTreeMap::new(),
            sign_ins: BTreeSet::new(),
        }
    }

    /// The fold of all events so far.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// The command that runs: `setup`, `verify`, …; empty before the first event.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Takes one event and gives the lines to print for it; often none.
    pub fn take(&mut self, event: &Event) -> Vec<String> {
        self.board.fold(event);
        let look = self.look.clone();
        let mut sheet = Sheet::new(&look);
        match event {
            Event::RunStarted { command, .. } => self.started(&mut sheet, command),
            Event::StepStarted { step, applying } => {
                if *applying {
                    self.applying.insert(step.clone());
                }
            }
            Event::StepProgress { step, message, .. } => self.moved(&mut sheet, step, message),
            Event::StepObserved { links, .. } => {
                links.iter().for_each(|link| self.signed_in(&mut sheet, link))
            }
            Event::StepWrote { step, operation, object } if look.verbose => {
                sheet.flow(&[plain("  ")], &[plain(format!("{}: {operation} {object}", self.name(step)))]);
            }
            Event::StepFinished { step, ended } => self.finished(&mut sheet, step, ended),
            Event::Notice { text } => sheet.flow(&[span(Paint::Warn, "note: ")], &[plain(text.as_str())]),
            Event::StepPlanned { change } => {
                if !change.is_keep() {
                    self.verbs.insert(change.step.clone(), change.verb);
                }
            }
            // The summary tells what was handed over, where it is not scrolled away.
            Event::StepWrote { .. } | Event::RunFinished { .. } | Event::HalfWritten { .. } => {}
        }
        sheet.into_lines()
    }

    /// Whether what is unchanged is told too.
    fn tells_all(&self) -> bool {
        self.look.verbose || self.board.environments.len() <= FEW
    }

    /// A step by name; one that was not announced by its key.
    fn name(&self, step: &StepKey) -> String {
        self.board.step(step).map_or_else(|| step.words(), |status| places::named(&status.info))
    }

    fn started(&mut self, sheet: &mut Sheet<'_>, command: &str) {
        self.applying.clear();
        if command == self.command {
            return;
        }
        command.clone_into(&mut self.command);
        if let Some(header) = &self.board.header {
            // What no environment stands behind, such as a pull request, says nothing of them.
            let environments = match header.environments.len() {
                0 => String::new(),
                many => format!(", {}", count(many, "environment", "environments")),
            };
            sheet.text(0, &[plain(format!("{command} of {}{environments}", header.federation))]);
        }
    }

    fn moved(&mut self, sheet: &mut Sheet<'_>, step: &StepKey, message: &str) {
        if self.progress.get(step).is_some_and(|told| told == message) {
            return;
        }
        self.progress.insert(step.clone(), message.to_owned());
        // A message that is the rest of a sentence goes on; one of its own gets a colon.
        let joint = if message.starts_with("wait") || message.starts_with("is ") { "" } else { ":" };
        say(sheet, &format!("{}{joint} {message}", self.name(step)), None);
    }

    fn signed_in(&mut self, sheet: &mut Sheet<'_>, link: &LinkStatus) {
        if link.link != Link::SignIn || !self.tells_all() {
            return;
        }
        let text = format!("{}: sign-in {}, {}", link.environment, link.state.as_str(), link.detail);
        if self.sign_ins.insert(text.clone()) {
            say(sheet, &text, None);
        }
    }

    fn finished(&mut self, sheet: &mut Sheet<'_>, step: &StepKey, ended: &Ended) {
        self.progress.remove(step);
        let name = self.name(step);
        if step.kind == Kind::Handshake && self.tell_verdicts(sheet, step, ended) {
            return;
        }
        if step.kind == Kind::Denial && self.tell_denials(sheet, step, ended) {
            return;
        }
        match ended {
            Ended::Kept => {
                let told = self.applying.contains(step) && step.kind != Kind::SignIn;
                if told && self.tells_all() {
                    say(sheet, &format!("{name} is as wanted"), None);
                }
            }
            Ended::Applied => say(sheet, &format!("{name} {}", self.done(step)), None),
            Ended::Failed { failure } => say(sheet, &failed(&name, failure), Some((Paint::Bad, "failed"))),
            Ended::WillNotRun { because } => {
                if self.tells_all() {
                    say(sheet, &format!("{name} is not done: it needs {}", self.name(because)), None);
                }
            }
            Ended::Stale { .. } => {
                say(sheet, &format!("{name} is not what it was when the plan was made; left as it is"), None);
            }
            Ended::Waiting { reason } => {
                let reason = reason.trim_start_matches("waits for ");
                say(sheet, &format!("{name} waits for {reason}"), Some((Paint::Warn, "waits")));
            }
            Ended::NotApproved => say(sheet, &format!("{name} left as it is: not approved"), None),
            Ended::Stopped => say(sheet, &format!("{name} stopped, as you asked"), None),
        }
    }

    /// What was done to a step's object.
    fn done(&self, step: &StepKey) -> &'static str {
        match self.verbs.get(step) {
            Some(Verb::Create) => "made",
            Some(Verb::Update) => "changed",
            Some(Verb::Replace) => "replaced",
            Some(Verb::Delete) => "removed",
            Some(Verb::Keep) | None => "done",
        }
    }

    /// The verdicts of a handshake that ended with some. False: it ended for another reason.
    fn tell_verdicts(&self, sheet: &mut Sheet<'_>, step: &StepKey, ended: &Ended) -> bool {
        let judged = match ended {
            Ended::Applied | Ended::Kept => true,
            Ended::Failed { failure } => matches!(failure.code, Code::HandshakeFailed | Code::RunNotPinned),
            _ => false,
        };
        let Some(status) = self.board.step(step).filter(|_| judged) else { return false };
        let verdicts: Vec<&Handshake> = self
            .board
            .environments
            .iter()
            .filter(|e| status.info.environments.contains(&e.info.name))
            .filter_map(|e| e.handshake.as_ref())
            .collect();
        if verdicts.is_empty() {
            return false;
        }
        let silent = *ended == Ended::Kept && !self.tells_all();
        let (proven, others): (Vec<&Handshake>, Vec<&Handshake>) =
            verdicts.into_iter().partition(|handshake| handshake.verdict == Verdict::Proven);
        if proven.len() > FEW && !self.look.verbose {
            if !silent {
                say(sheet, &format!("{} environments: proven", proven.len()), Some((Paint::Good, "proven")));
            }
        } else if !silent {
            proven.into_iter().for_each(|handshake| tell_verdict(sheet, handshake));
        }
        others.into_iter().for_each(|handshake| tell_verdict(sheet, handshake));
        true
    }
}

impl Follower {
    /// The verdicts of denial proofs that were tried. False: it ended without any.
    fn tell_denials(&self, sheet: &mut Sheet<'_>, step: &StepKey, ended: &Ended) -> bool {
        let tried = matches!(ended, Ended::Applied | Ended::Kept) && self.applying.contains(step);
        let Some(status) = self.board.step(step).filter(|_| tried) else { return false };
        let own = |e: &&EnvironmentStatus| status.info.environments.contains(&e.info.name);
        let mut any = false;
        for denial in self.board.environments.iter().filter(own).filter_map(|e| e.denial.as_ref()) {
            let (_, paint) = sheet.look.denial(&denial.verdict);
            let (words, environment) = (denial.verdict.words(), &denial.environment);
            let why = denial.verdict.reason().map(|why| format!(", {why}")).unwrap_or_default();
            say(sheet, &format!("{environment}: others {words}{why}"), Some((paint, words)));
            any = true;
        }
        any
    }
}

fn tell_verdict(sheet: &mut Sheet<'_>, handshake: &Handshake) {
    let (_, paint) = sheet.look.verdict(Some(&handshake.verdict));
    let word = handshake.verdict.word();
    let detail = match (handshake.verdict.reason(), &handshake.identity) {
        (Some(reason), _) => format!(", {reason}"),
        (None, Some(arn)) => format!(", {}", verdicts::short_identity(arn)),
        (None, None) => String::new(),
    };
    say(sheet, &format!("{}: {word}{detail}", handshake.environment), Some((paint, word)));
}

fn failed(name: &str, failure: &Failure) -> String {
    format!("{name} failed, {}: {}", failure.code.text(), explain::failure(failure).cause)
}

/// One sentence; the first `painted` word in it gets its colour. Following lines are moved in.
fn say(sheet: &mut Sheet<'_>, text: &str, painted: Option<(Paint, &str)>) {
    // An environment may be called `failed`: the word is looked for behind the name.
    let start = text.find(' ').unwrap_or(0);
    let painted = painted.and_then(|(paint, word)| Some((paint, word, start + text[start..].find(word)?)));
    match painted {
        Some((paint, word, at)) => {
            sheet.hanging(2, &[plain(&text[..at]), span(paint, word), plain(&text[at + word.len()..])]);
        }
        None => sheet.hanging(2, &[plain(text)]),
    }
}
