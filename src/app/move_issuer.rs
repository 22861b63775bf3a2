//! `keyless move-issuer`.

use time::OffsetDateTime;

use super::commands::known;
use super::flow::{Flow, Reviewed};
use super::open::{Clouds, Opening, answers};
use super::output::{Output, Printer};
use crate::cli::Yes;
use crate::config;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::issuer::Issuer;
use crate::domain::move_issuer::{Standing, Stays, Target, Typed, target};
use crate::domain::names::EnvironmentName;
use crate::explain::{Exit, quoted};
use crate::host::clock::Clock;
use crate::host::files;
use crate::plain;
use crate::plan::event::Outcome;
use crate::programs::build::Purpose;
use crate::programs::move_issuer::{self as program, Intent, Sight, moved, prepare_back, prepare_move};
use crate::programs::run::{Prepared, prepare};
use crate::programs::session::Session;
use crate::programs::survey::survey;

/// What the flags say.
pub struct Wish {
    /// The way back.
    pub back: bool,
    /// Nothing is written.
    pub plan: bool,
    /// What was typed.
    pub typed: Typed,
}

/// What the next command must repeat of this one.
pub fn again(
    back: bool,
    issuer: Option<&Issuer>,
    audience: Option<&str>,
    subjects: &[(EnvironmentName, String)],
    azp: Option<&str>,
) -> Vec<String> {
    let flag = |name: &str, value: &str| format!("{name} {}", quoted(value));
    let mut again: Vec<String> = back.then(|| "--back".to_owned()).into_iter().collect();
    again.extend(issuer.map(|issuer| flag("--issuer", issuer.as_str())));
    again.extend(audience.map(|audience| flag("--audience", audience)));
    again.extend(subjects.iter().map(|(name, subject)| flag("--subject", &format!("{name}={subject}"))));
    again.extend(azp.map(|azp| flag("--azp", azp)));
    again
}

/// `keyless move-issuer --inventory`: which providers and trusts name which issuer. Reads only.
///
/// # Errors
/// There are no answers, or the survey fails.
pub async fn inventory(opening: Opening, output: &Output) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    let (events, printer) = output.follow(false);
    let session = clouds.session(&opening, federation, events, output).await?;
    let surveyed = survey(&session).await?;
    let uses = program::inventory(&session, &surveyed).await;
    drop(session);
    printer.done().await;
    let incomplete = uses.iter().flat_map(|known| &known.accounts).any(|account| account.unknown.is_some());
    if output.json() {
        let told = serde_json::json!({ "version": 1, "issuers": uses });
        output.data(&serde_json::to_string_pretty(&told).unwrap_or_default());
    } else {
        output.data(&plain::issuers::inventory(&uses, output.look()));
    }
    Ok(if incomplete { Exit::Denied } else { Exit::Done })
}

/// Goes as far towards another issuer as the clouds allow today, or back.
///
/// # Errors
/// There are no answers, something is not set up yet, or the plan was not approved.
pub async fn move_issuer(opening: Opening, wish: Wish, yes: &Yes, output: &Output) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    known(&federation, &yes.confirm)?;
    let names: Vec<EnvironmentName> = wish.typed.subjects.keys().cloned().collect();
    known(&federation, &names)?;
    let desk = Desk { opening: &opening, clouds: &clouds, output, federation: &federation };
    let mut sight = desk.look().await?;
    if wish.back {
        return desk.carry_out(sight, None, wish.plan, yes).await;
    }
    let mut found = desk.target(&sight, &wish.typed);
    // What runs show may be of long ago: only a run of now tells what Azure DevOps issues now.
    let current = found.as_ref().is_ok_and(|target| target.waits.is_empty());
    if !current && !wish.plan && is_set_up(&sight.standings) {
        desk.run_once(yes).await?;
        sight = desk.look().await?;
        found = desk.target(&sight, &wish.typed);
    }
    match found {
        Ok(target) => desk.carry_out(sight, Some(target), wish.plan, yes).await,
        Err(Stays::Here) => {
            desk.stays(&sight);
            Ok(Exit::Done)
        }
        Err(Stays::Unknown { issuer, environment }) => Err(Failure::new(Code::Answers)
            .with("issuer", issuer)
            .with("environment", &environment)
            .with("cause", "its subject there is not known yet: no run has shown it")
            .with(
                "accepted",
                format!("a run of it (`keyless verify {environment}`), or --subject {environment}=SUBJECT"),
            )),
        Err(Stays::Contradiction { what }) => Err(Failure::new(Code::Answers).with("cause", what)),
    }
}

/// Whether every environment has a connection that a run could use.
fn is_set_up(standings: &[Standing]) -> bool {
    standings.iter().all(|standing| standing.connection.is_some())
}

struct Desk<'a> {
    opening: &'a Opening,
    clouds: &'a Clouds,
    output: &'a Output,
    federation: &'a Federation,
}

impl Desk<'_> {
    /// One quiet look.
    async fn look(&self) -> Result<Sight> {
        let (session, printer) = self.session(false).await?;
        let sight = program::look(&session).await;
        drop(session);
        printer.done().await;
        sight
    }

    async fn session(&self, following: bool) -> Result<(Session, Printer)> {
        let (events, printer) = self.output.follow(following);
        let session = self.clouds.session(self.opening, self.federation.clone(), events, self.output).await?;
        if let Some(devops) = &session.devops {
            devops.forget();
        }
        Ok((session, printer))
    }

    fn target(&self, sight: &Sight, typed: &Typed) -> std::result::Result<Target, Stays> {
        target(&sight.surveyed.grounds.issuer, &self.federation.audience, &sight.standings, typed)
    }

    /// A run of every environment, whose tokens tell who issues them now. That one is refused is no failure here.
    async fn run_once(&self, yes: &Yes) -> Result<()> {
        self.output.talk("a verification run tells which issuer the tokens come from now");
        // As JSON only the move itself is told: a stream of events has one end.
        let (session, printer) = self.session(!self.output.json()).await?;
        let made = self.verify(&session, &printer, yes).await;
        drop(session);
        printer.done().await;
        if let Reviewed::Declined(failure) = made? {
            self.output.declined("move-issuer", &failure);
        }
        Ok(())
    }

    async fn verify(&self, session: &Session, printer: &Printer, yes: &Yes) -> Result<Reviewed> {
        let prepared = prepare(session, "verify", Purpose::Verify, &[]).await?;
        self.flow(yes).carry_out(prepared, session, printer).await
    }

    fn flow<'a>(&'a self, yes: &'a Yes) -> Flow<'a> {
        let Self { opening, clouds, output, .. } = *self;
        Flow { opening, clouds, output, yes, command: "move-issuer", purpose: Purpose::MoveIssuer }
    }

    /// Shows the plan and, where it is more than to be shown, carries out what is approved. No target: the way back.
    async fn carry_out(&self, sight: Sight, target: Option<Target>, shows: bool, yes: &Yes) -> Result<Exit> {
        let (session, printer) = self.session(!shows).await?;
        let done = self.reviewed((&session, &printer), sight, target.as_ref(), shows, yes).await;
        let board = session.events.board();
        drop(session);
        printer.done().await;
        let Some(reviewed) = done? else { return Ok(Exit::Done) };
        let is_done = matches!(&reviewed, Reviewed::Done(summary) if summary.outcome == Outcome::Done);
        if let Some(target) = target.filter(|_| is_done) {
            self.save(&target)?;
        }
        Ok(self.flow(yes).end(&board, &reviewed))
    }

    /// None: nothing is to be carried out.
    async fn reviewed(
        &self,
        (session, printer): (&Session, &Printer),
        sight: Sight,
        target: Option<&Target>,
        shows: bool,
        yes: &Yes,
    ) -> Result<Option<Reviewed>> {
        let intent = if shows { Intent::Show } else { Intent::Apply };
        let prepared: Option<Prepared> = match target {
            Some(target) => Some(prepare_move(session, sight, target, intent).await?),
            None => prepare_back(session, sight, intent).await?,
        };
        let Some(prepared) = prepared else {
            self.output.talk("there is nothing to take back: no trust has a second statement of a move");
            return Ok(None);
        };
        let flow = self.flow(yes);
        if !shows {
            return flow.carry_out(prepared, session, printer).await.map(Some);
        }
        let plan = prepared.decidable();
        flow.show(&plan, session, printer).await;
        if self.output.json() {
            let told = crate::headless::wire::PlanOutput::of(&plan);
            self.output.data(&serde_json::to_string_pretty(&told).unwrap_or_default());
        }
        Ok(None)
    }

    /// Puts the new issuer into the answers; what else stands there is kept, comments too.
    fn save(&self, target: &Target) -> Result<()> {
        let practice = self.clouds.practice.as_ref();
        let path = super::answers::place(self.opening, practice);
        let federation = moved(self.federation, target);
        let existing = files::read(&path)?.or_else(|| practice.map(|open| open.answers.clone()));
        let text = match existing {
            Some(existing) => {
                config::update(&existing, &federation).map_err(|problems| config::failure(&problems))?
            }
            None => config::render(&federation),
        };
        files::write(&path, &text)?;
        self.output.talk(&format!("{} now names {}", path.display(), target.issuer));
        Ok(())
    }

    /// Says that nothing is to be moved, until when, and what will be done then.
    fn stays(&self, sight: &Sight) {
        let issuer = &sight.surveyed.grounds.issuer;
        let now = self.now();
        if self.output.json() {
            let day = issuer.retires();
            let told = serde_json::json!({
                "version": 1,
                "issuer": issuer,
                "retires": day.map(|day| day.to_string()),
                "issuer_retires_days": day.map(|day| (day - now.date()).whole_days()),
                "moves": false,
            });
            self.output.data(&told.to_string());
        } else {
            let text = plain::issuers::stays(issuer, &sight.standings, now, self.output.look());
            self.output.data(&text);
        }
    }

    fn now(&self) -> OffsetDateTime {
        let practice = self.clouds.practice.as_ref();
        Clock.now() + practice.map(|open| open.ahead).unwrap_or_default()
    }
}
