//! What outlives a single effect of the wizard: sign-ins, the plan that is being looked at, the exit code so far.

use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;

use crate::app::commands::plan_file;
use crate::app::open::{Clouds, Opening};
use crate::app::output::Printer;
use crate::app::sign_in::{SignedIn, Source};
use crate::app::sso::Logins;
use crate::app::vault::Vault;
use crate::cloud::devops::Credential;
use crate::domain::failure::{Code, Failure, Result};
use crate::explain::Exit;
use crate::plan::change::Plan;
use crate::plan::file::PlanFile;
use crate::programs::run::Prepared;
use crate::programs::session::Session;
use crate::tui::msg::Ending;
use crate::wizard::Handle;

/// A plan that is being looked at.
pub(super) struct Shown {
    pub(super) generation: u64,
    pub(super) session: Session,
    pub(super) prepared: Prepared,
    pub(super) printer: Printer,
}

/// What outlives a single effect: sign-ins, the plan that is being looked at, the exit code so far.
pub(in crate::app) struct Kept {
    pub(super) vault: Vault,
    pub(super) shown: Mutex<Option<Shown>>,
    pub(super) exit: Mutex<Exit>,
    pub(super) logins: Logins,
    /// How the last plan or run ended, for who needs more than words.
    ended: Mutex<Option<Result<Ending>>>,
}

impl Kept {
    /// Nothing is kept yet. The stop of `opening` ends every wait for a sign-in.
    pub(in crate::app) fn new(clouds: &Clouds, opening: &Opening) -> Self {
        Self {
            vault: Vault::new(clouds.desk.clone(), opening.stop.clone()),
            shown: Mutex::default(),
            exit: Mutex::default(),
            logins: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    pub(super) fn note(&self, ended: Result<Ending>) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    }

    /// The exit code so far.
    pub(in crate::app) fn exit(&self) -> Exit {
        *self.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the last run ended.
    ///
    /// # Errors
    /// It could not be carried out.
    pub(in crate::app) fn ending(&self) -> Result<Ending> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        ended.unwrap_or_else(|| Err(Failure::new(Code::PlanStale).with("cause", "the plan is not at hand")))
    }

    /// Why the last plan could not be made.
    pub(in crate::app) fn failure(&self) -> Failure {
        self.ending().err().unwrap_or_else(|| Failure::new(Code::Stopped).with("by", "ctrl-c"))
    }

    /// Keeps a secret in memory, and names it.
    pub(in crate::app) fn keep(&self, secret: SecretString) -> Handle {
        self.vault.keep(SignedIn { credential: Credential::typed(secret), source: Source::Typed })
    }

    /// The plan that is being looked at, where it is the one of that generation.
    pub(in crate::app) fn plan(&self, generation: u64) -> Option<Plan> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.as_ref().filter(|shown| shown.generation == generation).map(|shown| shown.prepared.plan.clone())
    }

    /// The plan as a file holds it, where it is the one of that generation.
    pub(in crate::app) fn plan_file(&self, generation: u64, clouds: &Clouds) -> Option<PlanFile> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = shown.as_ref().filter(|shown| shown.generation == generation)?;
        Some(plan_file(clouds, &shown.session, &shown.prepared.plan))
    }

    /// Forgets the plan: the right to write goes back.
    pub(in crate::app) fn forget(&self) {
        drop(self.shown.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
