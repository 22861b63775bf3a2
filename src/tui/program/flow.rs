//! The stack of screens: home, setup, and the way of a command from its plan to its run.

use super::{Goal, Program, is_flow};
use crate::domain::names::EnvironmentName;
use crate::tui::msg::{Command, Effect, Job};
use crate::tui::running::{Phase, Running};
use crate::tui::screens::Id;
use crate::tui::screens::home::Home;
use crate::tui::screens::review::Review;
use crate::tui::screens::run::Run;
use crate::tui::screens::setup::Setup;
use crate::tui::screens::welcome::Welcome;
use crate::tui::shared::Access;
use crate::wizard::{self, PageId};

impl Program {
    /// Only the home screen stays; a run that the doctor, the inventory or the pipeline began leads back to it.
    pub(super) fn home(&mut self) {
        let from_run = self.stack.last().is_some_and(|screen| screen.id() == Id::Run);
        let begins = |id| matches!(id, Id::Doctor | Id::Inventory | Id::Pipeline);
        let begun = self.stack.iter().rposition(|screen| begins(screen.id()));
        match begun {
            Some(begun) if from_run => self.stack.truncate(begun + 1),
            _ => {
                self.stack.clear();
                self.pop();
            }
        }
    }

    pub(super) fn pop(&mut self) {
        self.stack.pop();
        if self.stack.is_empty() {
            self.stack.push(match self.shared.access {
                Access::Unchosen => Box::new(Welcome::default()),
                _ => Box::new(Home::default()),
            });
        }
    }

    pub(super) fn setup(&mut self, effects: &mut Vec<Effect>) {
        if !matches!(self.shared.access, Access::Open) {
            self.goal = Goal::Setup;
            return;
        }
        if self.shared.is_running() {
            return self.show_run();
        }
        // A command that is looked at, or over, gives way.
        if let Some(job @ Job::Command(_)) = self.shared.run.as_ref().map(|run| run.job) {
            effects.push(Effect::Forget(job));
            self.shared.run = None;
            self.stack.retain(|screen| !is_flow(screen.id()));
        }
        effects.extend(self.shared.begin_wizard());
        if !self.stack.iter().any(|screen| is_flow(screen.id())) {
            self.stack.push(Box::new(Setup::of(&self.shared)));
        }
    }

    /// The run that goes on, instead of another one.
    pub(super) fn show_run(&mut self) {
        if !self.stack.iter().any(|screen| is_flow(screen.id())) {
            self.stack.push(Box::new(Run::default()));
        }
        self.say("a run is going on: wait for it, or stop it with ctrl-c".to_owned());
    }

    pub(super) fn run(
        &mut self,
        command: Command,
        environments: Vec<EnvironmentName>,
        effects: &mut Vec<Effect>,
    ) {
        if self.shared.is_running() {
            return self.show_run();
        }
        if !matches!(self.shared.access, Access::Open) {
            return self.say("the clouds are not open yet".to_owned());
        }
        self.forget_plan(effects);
        let job = self.shared.next_job();
        let mut run = Running::new(job, command.as_str(), self.shared.seconds());
        run.asked = Some((command.clone(), environments.clone()));
        self.shared.run = Some(run);
        // The plan the wizard looked at gives way to this one.
        effects.extend(self.shared.tell_wizard(wizard::Msg::Forgotten));
        effects.push(Effect::Prepare { job, command, environments });
        self.stack.retain(|screen| !is_flow(screen.id()));
        self.stack.push(Box::new(Review::default()));
    }

    /// Forgets a plan that nobody approved: made or still being made, it holds the right to write.
    pub(super) fn forget_plan(&mut self, effects: &mut Vec<Effect>) {
        let Some(run) =
            self.shared.run.take_if(|run| matches!(run.phase, Phase::Planning | Phase::Reviewing))
        else {
            return;
        };
        effects.push(Effect::Forget(run.job));
        if matches!(run.job, Job::Wizard(_)) {
            effects.extend(self.shared.tell_wizard(wizard::Msg::Forgotten));
        }
    }

    /// Shows the screen that belongs to the page the wizard is on.
    pub(super) fn follow_wizard(&mut self) {
        let Some(page) = self.shared.wizard.as_ref().map(wizard::Model::at) else { return };
        let wanted = match page {
            PageId::Review => Id::Review,
            PageId::Run | PageId::Done => Id::Run,
            _ => Id::Setup,
        };
        if self.shared.run.as_ref().is_some_and(|run| matches!(run.job, Job::Command(_))) {
            return;
        }
        let Some(at) = self.stack.iter().position(|screen| is_flow(screen.id())) else { return };
        if self.stack[at].id() != wanted {
            self.stack[at] = match wanted {
                Id::Review => Box::new(Review::default()),
                Id::Run => Box::new(Run::default()),
                _ => Box::new(Setup::of(&self.shared)),
            };
        }
    }
}
