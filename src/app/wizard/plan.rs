//! What the wizard does with its answers: they are saved, planned with, carried out.

use std::sync::PoisonError;

use super::kept::Shown;
use super::{INDENT, Stage};
use crate::app::answers;
use crate::app::flow::exit_of;
use crate::app::halves;
use crate::config;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::explain::{self, Exit};
use crate::host::files;
use crate::plain::{review, summary};
use crate::plan::event::Outcome;
use crate::plan::file::Only;
use crate::programs::build::Purpose;
use crate::programs::consent::Consent;
use crate::programs::reach;
use crate::programs::run::{Prepared, prepare};
use crate::tui::msg::Ending;
use crate::wizard::review::Review;
use crate::wizard::{Ended, Handle};

impl Stage<'_> {
    pub(super) fn save(&self, federation: &Federation) -> Result<String> {
        let path = answers::place(self.opening, self.clouds.practice.as_ref());
        let text = match files::read(&path)? {
            Some(existing) => {
                config::update(&existing, federation).map_err(|problems| config::failure(&problems))?
            }
            None => config::render(federation),
        };
        files::write(&path, &text)?;
        Ok(path.display().to_string())
    }

    pub(super) async fn plan(
        &self,
        generation: u64,
        federation: Federation,
        token: Option<Handle>,
        hand_over: bool,
    ) -> Result<Review> {
        // A plan that was looked at before is not carried out any more; it gives back the right to write.
        self.kept.forget();
        let devops = match self.opening.only {
            Some(Only::Aws) => None,
            _ => {
                let devops = self.devops(&federation.organization, token).await?;
                self.clouds.refuse_global(&devops).await?;
                Some(devops)
            }
        };
        let (events, printer) = self.output.follow(true);
        let mut session =
            self.clouds.session_with(self.opening, federation, devops, events, self.output).await?;
        let mut prepared = prepare(&session, "setup", Purpose::Setup, &[]).await?;
        let mut out = reach::out_of_reach(&session, &prepared);
        if (hand_over || self.opening.handover.hand_over) && !out.environments.is_empty() {
            drop(prepared);
            session.leave_aws(&out.environments);
            prepared = prepare(&session, "setup", Purpose::Setup, &[]).await?;
            out = reach::out_of_reach(&session, &prepared);
        }
        printer.caught_up(&session.events).await;
        let mut made = Review::of(&prepared.plan);
        made.out_of_reach = (!out.environments.is_empty()).then(|| halves::words(&out));
        let header = session.events.board().header;
        let text = review::review(&prepared.plan, header.as_ref(), &self.output.look().narrower(INDENT));
        made.lines = text.lines().map(str::to_owned).collect();
        let mut shown = self.kept.shown.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: who forgets the plan from now on finds it.
        if session.stop.is_cancelled() {
            return Err(Failure::new(Code::Stopped).with("by", "another plan"));
        }
        *shown = Some(Shown { generation, session, prepared, printer });
        Ok(made)
    }

    pub(super) async fn apply(&self, plan: u64, consent: impl Fn(&Prepared) -> Consent) -> Ended {
        let shown = self.kept.shown.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Shown { session, prepared, printer, .. }) = shown.filter(|shown| shown.generation == plan)
        else {
            return Ended {
                stale: true,
                lines: vec!["the plan that was approved is not the one at hand".to_owned()],
            };
        };
        let decision = consent(&prepared).decide(&prepared.decidable());
        self.output.begins_to_write();
        let result = halves::carry_out(prepared, &session, decision, self.opening, self.clouds).await;
        let board = session.events.board();
        drop(session);
        printer.done().await;
        self.kept.note(result.clone().map(|summary| Ending {
            outcome: summary.outcome,
            failures: summary.failures,
            leftovers: summary.leftovers,
        }));
        let mut exit = self.kept.exit.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(summary) => {
                *exit = exit_of(&board, &summary, Purpose::Setup);
                let text = summary::summary(&board, "setup", &self.output.look().narrower(INDENT));
                let lines = text.lines().map(str::to_owned).collect();
                Ended { stale: summary.outcome == Outcome::Stale, lines }
            }
            Err(failure) => {
                *exit = Exit::of(&failure);
                Ended {
                    stale: failure.class == Class::Stale,
                    lines: explain::lines(&failure, self.output.invocation()),
                }
            }
        }
    }
}
