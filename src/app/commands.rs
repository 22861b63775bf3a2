//! The commands: each a program, its review and approval, its dress and its exit code.

use std::path::{Path, PathBuf};

use super::approve;
use super::decided;
use super::flow::{Flow, Reviewed, of_board};
use super::halves;
use super::open::{Clouds, Opening, answers};
use super::output::{Output, Printer};
use super::wizard;
use crate::cli::Yes;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::names::EnvironmentName;
use crate::explain::{self, Exit};
use crate::headless::wire::{PlanOutput, Status};
use crate::host::clock::Clock;
use crate::host::files;
use crate::plain;
use crate::plan::change::Plan;
use crate::plan::file::{Only, PlanFile, VERSION};
use crate::programs::build::Purpose;
use crate::programs::compare;
use crate::programs::half;
use crate::programs::run::{Prepared, prepare};
use crate::programs::session::Session;

/// `keyless setup`.
///
/// # Errors
/// As the program's own.
pub async fn setup(opening: Opening, yes: &Yes, output: &Output) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    if !decided(yes) && opening.answers.is_none() && wizard::can_ask(&opening).await {
        return wizard::run(&opening, &clouds, output).await;
    }
    let federation = answers(&opening, &clouds, output).map_err(super::answers::to_ask_for)?.federation;
    let program = ("setup", Purpose::Setup, [].as_slice());
    let first = write(&opening, &clouds, federation.clone(), program, yes, output, None).await;
    match first {
        Err(failure) if halves::leaves_azure_devops(&failure, &opening, yes, output).await? => {
            let opening = Opening { only: Some(Only::Aws), ..opening };
            write(&opening, &clouds, federation, program, yes, output, None).await
        }
        first => first,
    }
}

/// `keyless` alone, on lines: what stands there and what could be done, as the full screen begins; where nothing stands
/// yet, the questions.
///
/// # Errors
/// The answers cannot be used, or as setup's own.
pub async fn begin(opening: Opening, output: &Output) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let Some(found) = super::answers::find(&opening, clouds.practice.as_ref())? else {
        return wizard::run(&opening, &clouds, output).await;
    };
    let exit = match look(&opening, &clouds, found.federation, &[], (output, true)).await {
        Ok(Some(exit)) => exit,
        Ok(None) => return wizard::run(&opening, &clouds, output).await,
        Err(failure) if failure.code == Code::Stopped => return Err(failure),
        Err(failure) => {
            output.tell(&failure);
            Exit::of(&failure)
        }
    };
    output.data(&plain::status::ways(output.look()));
    Ok(exit)
}

/// `keyless plan`.
///
/// # Errors
/// As the program's own; the file exists already.
pub async fn plan(opening: Opening, out: Option<&Path>, output: &Output) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    known(&federation, &opening.close)?;
    let (events, printer) = output.follow(false);
    let session = clouds.session(&opening, federation, events, output).await?;
    let prepared = prepare(&session, "plan", Purpose::Setup, &[]).await?;
    let board = session.events.board();
    if output.json() {
        output.data(&serde_json::to_string_pretty(&PlanOutput::of(&prepared.plan)).unwrap_or_default());
    } else {
        output.data(&plain::review::review(&prepared.plan, board.header.as_ref(), output.look()));
    }
    if let Some(path) = out {
        save(&opening, &clouds, &session, &prepared.plan, path, output)?;
    }
    let exit = blocked(&prepared.plan);
    drop((session, prepared));
    printer.done().await;
    Ok(exit)
}

fn save(
    opening: &Opening,
    clouds: &Clouds,
    session: &Session,
    plan: &Plan,
    path: &Path,
    output: &Output,
) -> Result<()> {
    let path = write_plan(opening, &plan_file(clouds, session, plan), path)?;
    let next = format!(
        "plan saved to {}; `keyless apply {}` applies exactly this",
        path.display(),
        explain::quoted(&path.display().to_string())
    );
    output.talk(&output.invocation().dress(&next));
    Ok(())
}

/// A plan as a file holds it.
pub fn plan_file(clouds: &Clouds, session: &Session, plan: &Plan) -> PlanFile {
    PlanFile {
        version: VERSION,
        keyless: env!("CARGO_PKG_VERSION").to_owned(),
        answers: session.federation.clone(),
        practice: clouds.practice.as_ref().map(|open| open.world.clone()),
        only: session.only,
        close: session.close.iter().cloned().collect(),
        unseen: false,
        plan: plan.clone(),
    }
}

/// Writes a plan to a new file; gives its whole path.
///
/// # Errors
/// The file is there already, or cannot be written.
pub fn write_plan(opening: &Opening, file: &PlanFile, path: &Path) -> Result<PathBuf> {
    use std::io::Write;
    let text = serde_json::to_string_pretty(file)
        .map_err(|error| Failure::new(Code::File).with("file", path.display()).with("cause", error))?;
    let path = opening.process.directory.join(path);
    let written = files::create_private(&path)?.write_all(text.as_bytes());
    written.map_err(|error| Failure::new(Code::File).with("file", path.display()).with("cause", error))?;
    Ok(path)
}

/// `keyless apply`.
///
/// # Errors
/// The file is no plan, holds what its answers do not imply, or has gone stale.
pub async fn apply(mut opening: Opening, file: &Path, yes: &Yes, output: &Output) -> Result<Exit> {
    let path = opening.process.directory.join(file);
    let text = files::read(&path)?.ok_or_else(|| {
        Failure::new(Code::File).with("file", path.display()).with("cause", "it is not there")
    })?;
    let mut saved = PlanFile::parse(&text, &path.display().to_string())?;
    if saved.unseen {
        half::check(&saved).map_err(|failure| failure.with("file", path.display()))?;
        halves::own_sign_ins(&mut saved, &opening, output)?;
    }
    let problems = saved.answers.contradictions();
    if let Some(problem) = problems.first() {
        return Err(Failure::new(Code::Answers)
            .with("file", path.display())
            .with(problem.field, &problem.text));
    }
    opening.only = saved.only;
    opening.close.clone_from(&saved.close);
    let clouds = Clouds::open(&opening, output).await?;
    let here = clouds.practice.as_ref().map(|open| open.world.clone());
    if here != saved.practice {
        let place = |world: &Option<String>| match world {
            Some(world) => format!("the practice cloud ({world})"),
            None => "the real clouds".to_owned(),
        };
        return Err(Failure::new(Code::PlanNotImplied)
            .with("made for", place(&saved.practice))
            .with("applied to", place(&here)));
    }
    let federation = saved.answers.clone();
    write(&opening, &clouds, federation, ("apply", Purpose::Setup, &[]), yes, output, Some(&saved)).await
}

/// `keyless verify`, and with `denial` the proof that others are denied.
///
/// # Errors
/// As the program's own.
pub async fn verify(
    opening: Opening,
    chosen: &[EnvironmentName],
    denial: bool,
    yes: &Yes,
    output: &Output,
) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    let program = match denial {
        true => ("verify --denial", Purpose::Denial, chosen),
        false => ("verify", Purpose::Verify, chosen),
    };
    write(&opening, &clouds, federation, program, yes, output, None).await
}

/// `keyless teardown`.
///
/// # Errors
/// As the program's own.
pub async fn teardown(
    opening: Opening,
    chosen: &[EnvironmentName],
    yes: &Yes,
    output: &Output,
) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    let purpose = Purpose::Teardown { whole: chosen.is_empty() };
    write(&opening, &clouds, federation, ("teardown", purpose, chosen), yes, output, None).await
}

/// `keyless status`, once or until interrupted.
///
/// # Errors
/// As the survey's own; while watching, a failed look is told and the next one tried.
pub async fn status(
    opening: Opening,
    chosen: &[EnvironmentName],
    watch: Option<u64>,
    output: &Output,
) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    known(&federation, chosen)?;
    loop {
        let looked = look(&opening, &clouds, federation.clone(), chosen, (output, false)).await;
        let Some(seconds) = watch else { return looked.map(Option::unwrap_or_default) };
        if let Err(failure) = looked {
            output.tell(&failure);
        }
        output.talk(&format!("{}: looks again in {seconds} s, ctrl-c ends", Clock.stamp()));
        tokio::select! {
            () = tokio::time::sleep(std::time::Duration::from_secs(seconds)) => {}
            () = opening.stop.cancelled() => return Ok(Exit::Done),
        }
    }
}

/// One look, told. None, with nothing told: nothing stands there, and only what stands there was to be told.
async fn look(
    opening: &Opening,
    clouds: &Clouds,
    federation: Federation,
    chosen: &[EnvironmentName],
    (output, only_what_stands): (&Output, bool),
) -> Result<Option<Exit>> {
    let (events, printer) = output.follow(false);
    let session = clouds.session(opening, federation, events, output).await?;
    let prepared = prepare(&session, "status", Purpose::Status, chosen).await?;
    let board = session.events.board();
    if only_what_stands && plain::status::nothing_is_there(&board) {
        return Ok(None);
    }
    if output.json() {
        let status = Status::of(&board, Clock.now().date(), output.invocation());
        output.data(&serde_json::to_string_pretty(&status).unwrap_or_default());
    } else {
        output.data(&plain::status::status(&board, output.look(), Clock.now()));
    }
    halves::tell_what_is_out_of_reach(&session, &prepared, output);
    let exit = blocked(&prepared.plan).max(of_board(&board));
    drop((session, prepared));
    printer.done().await;
    Ok(Some(exit))
}

/// Every command that writes: look, review, approval, apply, summary.
async fn write(
    opening: &Opening,
    clouds: &Clouds,
    federation: Federation,
    (command, purpose, chosen): (&'static str, Purpose, &[EnvironmentName]),
    yes: &Yes,
    output: &Output,
    saved: Option<&PlanFile>,
) -> Result<Exit> {
    for names in [chosen, &opening.close, &yes.confirm] {
        known(&federation, names)?;
    }
    let (events, printer) = output.follow(true);
    let mut session = clouds.session(opening, federation, events, output).await?;
    let flow = Flow { opening, clouds, output, yes, command, purpose };
    let result = reviewed(&flow, (&mut session, &printer), chosen, saved).await;
    let board = session.events.board();
    let whole = board.environments.iter().all(|environment| environment.info.left_out.is_none());
    drop(session);
    printer.done().await;
    let reviewed = result?;
    let exit = flow.end(&board, &reviewed);
    if let Reviewed::Done(summary) = &reviewed {
        halves::tell_what_is_denied(summary, whole && purpose == Purpose::Setup, output);
    }
    Ok(exit)
}

/// Refuses names that no environment has, before anything is asked of a cloud.
pub fn known(federation: &Federation, names: &[EnvironmentName]) -> Result<()> {
    let federation = &federation.with_reading();
    let unknown = names.iter().find(|name| federation.environment(name).is_none());
    unknown.map_or(Ok(()), |unknown| {
        let all: Vec<&str> = federation.environments.iter().map(|e| e.name.as_str()).collect();
        Err(Failure::new(Code::EnvironmentUnknown)
            .with("environment", unknown)
            .with("accepted", all.join(", ")))
    })
}

async fn reviewed(
    flow: &Flow<'_>,
    (session, printer): (&mut Session, &Printer),
    chosen: &[EnvironmentName],
    saved: Option<&PlanFile>,
) -> Result<Reviewed> {
    let Flow { opening, clouds, output, yes, command, purpose } = *flow;
    let mut prepared: Prepared = prepare(session, command, purpose, chosen).await?;
    if command == "setup" {
        prepared = halves::leave_aws(session, prepared, opening, yes, output).await?;
    }
    let plan = match saved {
        // Nobody has looked when it was written: this look is what is reviewed.
        Some(saved) if saved.unseen => {
            half::check_names(saved, &prepared)?;
            prepared.decidable()
        }
        Some(saved) => compare::saved(&saved.plan, &prepared.plan)?,
        None => prepared.decidable(),
    };
    approve::check_subjects(&plan, &prepared.blueprint, chosen, yes)?;
    flow.show(&plan, session, printer).await;
    let decision = match flow.decide(&plan).await? {
        Ok(decision) => decision,
        Err(failure) => return Ok(Reviewed::Declined(failure)),
    };
    let summary = match command {
        "setup" => halves::carry_out(prepared, session, decision, opening, clouds).await?,
        _ => prepared.carry_out(session, decision).await?,
    };
    Ok(Reviewed::Done(summary))
}

/// The worst exit of what could not be planned.
fn blocked(plan: &Plan) -> Exit {
    plan.blocked
        .iter()
        .filter_map(|blocked| blocked.failure.as_ref())
        .map(Exit::of)
        .max()
        .unwrap_or(Exit::Done)
}
