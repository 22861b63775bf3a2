//! Runs of commands given on a screen: planned, reviewed there, carried out.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::open::Scene;
use super::pipeline::{self, Proposed};
use crate::app::commands::plan_file;
use crate::app::flow::exit_of;
use crate::app::open::{Clouds, Opening};
use crate::app::output::{Output, Printer};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::names::EnvironmentName;
use crate::explain::Exit;
use crate::plan::change::Plan;
use crate::plan::file::PlanFile;
use crate::programs::build::Purpose;
use crate::programs::consent::Consent;
use crate::programs::doctor::heals;
use crate::programs::pipeline::page;
use crate::programs::rotate::{Options, Way, prepare_rotation};
use crate::programs::run::{Prepared, Summary, prepare};
use crate::programs::session::Session;
use crate::steps::gates::delivery::WantedFile;
use crate::tui::msg::{Approval, Command, Ending, Job, OtherFile};

/// A plan that a person reads.
struct Shown {
    session: Session,
    prepared: Prepared,
    printer: Printer,
    /// The file that a pull request brings.
    file: Option<WantedFile>,
}

/// A plan on its way to a person.
struct Planned {
    prepared: Prepared,
    file: Option<WantedFile>,
    /// A file that stays as it is and differs from the one that is proposed.
    other: Option<OtherFile>,
}

/// How a run ended.
pub struct Ran {
    /// As screens tell it.
    pub ending: Ending,
    /// The exit code a command would have had.
    pub exit: Exit,
    /// The page of the pull request it opened, or found open.
    pub page: Option<String>,
}

/// Plans a rotation with the usual waits.
///
/// # Errors
/// As the program's own; where no environment can be led there, the reason of each.
async fn rotation(session: &Session, way: Way, chosen: &[EnvironmentName]) -> Result<Prepared> {
    let options = Options { way, ..Options::default() };
    let (found, prepared) = prepare_rotation(session, options, chosen).await?;
    prepared.ok_or_else(|| {
        let nothing = Failure::new(Code::NothingToRotate);
        found.skipped.iter().fold(nothing, |failure, (name, why)| failure.with(name.as_str(), why))
    })
}

/// Plans a command on its session.
///
/// # Errors
/// As the program's own.
async fn planned(session: &Session, command: &Command, chosen: &[EnvironmentName]) -> Result<Planned> {
    let plain = async |purpose| prepare(session, command.as_str(), purpose, chosen).await;
    let prepared = match command {
        Command::Verify => plain(Purpose::Verify).await?,
        Command::Heal(healing) => {
            let mut prepared = plain(Purpose::Doctor).await?;
            if let Some(healing) = healing {
                prepared.mean_only(|step| heals(healing, step));
            }
            prepared
        }
        Command::Teardown => plain(Purpose::Teardown { whole: chosen.is_empty() }).await?,
        Command::Rotate => rotation(session, Way::Oidc, chosen).await?,
        Command::Rollback => rotation(session, Way::Back, chosen).await?,
        Command::RenewKeys => rotation(session, Way::Renew, chosen).await?,
        Command::Pipeline(_) => {
            let Proposed { prepared, file, differs } = pipeline::propose(session).await?;
            return Ok(Planned { prepared, file: Some(file), other: differs });
        }
    };
    Ok(Planned { prepared, file: None, other: None })
}

/// The plans that wait for a person. Forgetting one gives back the right to write.
#[derive(Default)]
pub struct Jobs {
    shown: Mutex<BTreeMap<Job, Shown>>,
}

impl Jobs {
    /// Looks, and plans a command; beside the plan, a file that stays as it is and differs from the one that is proposed.
    ///
    /// # Errors
    /// As the program's own.
    pub async fn plan(
        &self,
        (clouds, opening): (&Clouds, &Opening),
        federation: Federation,
        (job, command, chosen): (Job, Command, Vec<EnvironmentName>),
        output: &Output,
    ) -> Result<(Plan, Option<OtherFile>)> {
        let (events, printer) = output.follow(true);
        let session = match &command {
            Command::Pipeline(wish) => {
                pipeline::session((clouds, opening), &federation, *wish, (events, output)).await?
            }
            _ => clouds.session(opening, federation, events, output).await?,
        };
        let Planned { prepared, file, other } = planned(&session, &command, &chosen).await?;
        self.show(job, Shown { session, prepared, printer, file }).await.map(|plan| (plan, other))
    }

    /// Keeps a plan until a person has read it.
    async fn show(&self, job: Job, shown: Shown) -> Result<Plan> {
        shown.printer.caught_up(&shown.session.events).await;
        let plan = shown.prepared.decidable();
        let mut all = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: who forgets the plan from now on finds it.
        if shown.session.stop.is_cancelled() {
            return Err(Failure::new(Code::Stopped).with("by", "another plan"));
        }
        all.insert(job, shown);
        Ok(plan)
    }

    fn take(&self, job: Job) -> Option<Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).remove(&job)
    }

    /// Carries out what was agreed to.
    ///
    /// # Errors
    /// The plan was forgotten, or the journal cannot be used.
    pub async fn carry_out(&self, job: Job, approval: Approval) -> Result<Ran> {
        let gone =
            || Failure::new(Code::PlanStale).with("cause", "the plan that was approved is not at hand");
        let Shown { session, prepared, printer, file } = self.take(job).ok_or_else(gone)?;
        let names = prepared.blueprint.environments.iter().map(|wanted| wanted.environment.name.clone());
        let consent = Consent {
            yes: true,
            left_out: names.filter(|name| !approval.environments.contains(name)).collect(),
            confirmed: approval.confirmed,
            every_protected: false,
            subjects: approval.subjects,
            foreign: Some(approval.foreign),
            ..Consent::default()
        };
        let decision = consent.decide(&prepared.decidable());
        let (purpose, surveyed) = (prepared.purpose, prepared.surveyed.clone());
        let summary = prepared.carry_out(&session, decision).await;
        // Where it cannot be read, the run is no worse for it.
        let page = match &file {
            Some(file) => page(&session, &surveyed, file).await.unwrap_or_default(),
            None => None,
        };
        let board = session.events.board();
        drop(session);
        printer.done().await;
        let summary = summary?;
        let exit = exit_of(&board, &summary, purpose);
        let Summary { outcome, failures, leftovers } = summary;
        Ok(Ran { ending: Ending { outcome, failures, leftovers }, exit, page })
    }

    /// Forgets a plan.
    pub fn forget(&self, job: Job) {
        drop(self.take(job));
    }

    /// A plan as a file holds it.
    pub fn file(&self, job: Job, scene: &Scene) -> Option<PlanFile> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = shown.get(&job)?;
        Some(plan_file(&scene.clouds, &shown.session, &shown.prepared.plan))
    }
}
