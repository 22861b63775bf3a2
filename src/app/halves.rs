//! Two people: what this session lacks the rights for is left to somebody else, and written as files for them.

use std::path::Path;

use super::approve::agrees;
use super::decided;
use super::open::{Clouds, Opening, answers};
use super::output::Output;
use crate::cli::{Format, Whole, Yes};
use crate::config;
use crate::domain::blueprint::Blueprint;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::names::EnvironmentName;
use crate::explain::{self, Exit};
use crate::host::files;
use crate::plan::board::Board;
use crate::plan::event::{Ended, Event};
use crate::plan::file::{Only, PlanFile};
use crate::programs::build::Purpose;
use crate::programs::consent::Decision;
use crate::programs::export::{TextFile, cdk, terraform};
use crate::programs::half::{self, Half};
use crate::programs::pipeline;
use crate::programs::reach::{self, OutOfReach};
use crate::programs::run::{Prepared, Summary, prepare};
use crate::programs::session::Session;
use crate::programs::survey::{Surveyed, survey};

/// How many folders of one name are tried before somebody must tidy up.
const MOST_FOLDERS: u32 = 99;

/// Carries a setup out and, where a half is somebody else's, writes it before the run tells its end.
///
/// # Errors
/// As [`Prepared::carry_out`]; the files cannot be written.
pub async fn carry_out(
    prepared: Prepared,
    session: &Session,
    decision: Decision,
    opening: &Opening,
    clouds: &Clouds,
) -> Result<Summary> {
    let world = clouds.practice.as_ref().map(|open| open.world.clone());
    let half = Half::left_out(session, &prepared, world);
    let mut failed = None;
    let last = |board: &Board| match write(half?, board, opening) {
        Ok(event) => event,
        Err(failure) => {
            failed = Some(failure);
            None
        }
    };
    let summary = prepared.carry_out_with(session, decision, last).await?;
    failed.map_or(Ok(summary), Err)
}

/// Writes what is left to somebody else, for every environment whose own side is there. None: there is none.
fn write(mut half: Half, board: &Board, opening: &Opening) -> Result<Option<Event>> {
    half.keep(|step| {
        board.step(step).is_some_and(|status| match &status.ended {
            Some(ended) => matches!(ended, Ended::Kept | Ended::Applied),
            None => status.change.as_ref().is_some_and(|change| change.is_keep()),
        })
    });
    if half.is_empty() {
        return Ok(None);
    }
    let usual = format!("keyless-{}-half", half.half().as_str());
    let named = opening.handover.half_dir.as_deref();
    for attempt in 1..=MOST_FOLDERS {
        let folder = match (named, attempt) {
            (Some(named), _) => named.display().to_string(),
            (None, 1) => usual.clone(),
            (None, _) => format!("{usual}-{attempt}"),
        };
        let (texts, handed_over) = half.files(&folder, explain::quoted)?;
        match place(&opening.process.directory.join(&folder), texts) {
            Ok(()) => return Ok(Some(Event::HalfWritten { handed_over })),
            // Files of an earlier setup may be in somebody's hands: they stay as they are.
            Err(failure) if failure.code == Code::FileExists && named.is_none() => {}
            Err(failure) => return Err(failure),
        }
    }
    Err(Failure::new(Code::FileExists).with("file", format!("{usual} to {usual}-{MOST_FOLDERS}")))
}

fn place(folder: &Path, texts: Vec<TextFile>) -> Result<()> {
    let texts: Vec<(String, String)> = texts.into_iter().map(|file| (file.name, file.text)).collect();
    files::write_new(folder, &texts)
}

/// What cannot be set up from here, as one sentence.
pub fn words(out: &OutOfReach) -> String {
    let names: Vec<&str> = out.environments.iter().map(EnvironmentName::as_str).collect();
    let cause = out.cause.as_ref().map(because).unwrap_or_default();
    format!("AWS of {} cannot be set up from here: {cause}", names.join(", "))
}

fn because(failure: &Failure) -> String {
    let cause = explain::failure(failure).cause;
    let told = failure.evidence("missing").or_else(|| failure.evidence.first().map(|e| e.value.as_str()));
    told.map_or_else(|| cause.clone(), |told| format!("{cause} ({told})"))
}

/// Leaves AWS to somebody else where it cannot be set up from here and the person agrees; then everything is planned anew.
///
/// # Errors
/// As [`prepare`]; the person stopped it.
pub async fn leave_aws(
    session: &mut Session,
    prepared: Prepared,
    opening: &Opening,
    yes: &Yes,
    output: &Output,
) -> Result<Prepared> {
    let out = reach::out_of_reach(session, &prepared);
    if out.environments.is_empty() {
        return Ok(prepared);
    }
    let offer = "the Azure DevOps side can be set up, and the AWS side written as files for somebody who may";
    if !agreed(&format!("{}; {offer}", words(&out)), opening, yes, output).await? {
        return Ok(prepared);
    }
    // It holds the right to write, which the new plan needs.
    drop(prepared);
    session.leave_aws(&out.environments);
    prepare(session, "setup", Purpose::Setup, &[]).await
}

/// Whether Azure DevOps is left to somebody else after a failure that says it is not this person's to change.
///
/// # Errors
/// The person stopped it.
pub async fn leaves_azure_devops(
    failure: &Failure,
    opening: &Opening,
    yes: &Yes,
    output: &Output,
) -> Result<bool> {
    if opening.only.is_some() || !reach::lacks_azure_devops(failure) {
        return Ok(false);
    }
    let offer =
        "the AWS side can be set up, and the Azure DevOps side written as a file for somebody who may";
    let text = format!("Azure DevOps cannot be set up from here: {}; {offer}", because(failure));
    agreed(&text, opening, yes, output).await
}

/// Asks, unless a flag has said so already; where nobody can be asked, the flag is named.
async fn agreed(what: &str, opening: &Opening, yes: &Yes, output: &Output) -> Result<bool> {
    output.talk(what);
    if opening.handover.hand_over {
        return Ok(true);
    }
    // The full screen asks in its own way.
    if decided(yes) || !opening.process.is_interactive() || output.is_hushed() {
        output.talk(&format!("`{} --hand-over` does that", output.invocation().again("setup")));
        return Ok(false);
    }
    agrees("Do that? Type yes, or anything else to try everything all the same:", output, &opening.stop).await
}

/// After a run that Azure DevOps denied something: the way that is left.
pub fn tell_what_is_denied(summary: &Summary, whole: bool, output: &Output) {
    if whole && summary.failures.iter().any(reach::lacks_azure_devops) {
        let hint = "Azure DevOps may be somebody else's to change: `keyless setup --only aws` sets up the AWS side and writes \
                    the Azure DevOps side as a file for them";
        output.talk(&output.invocation().dress(hint));
    }
}

/// After a look that could not sign in to AWS: the look that needs no AWS.
pub fn tell_what_is_out_of_reach(session: &Session, prepared: &Prepared, output: &Output) {
    if !reach::out_of_reach(session, prepared).environments.is_empty() {
        let hint =
            "where AWS is somebody else's, `keyless status --only azure-devops` tells what runs have proven";
        output.talk(&output.invocation().dress(hint));
    }
}

/// Takes the sign-ins of the person's own answers (`--config`) into a half that somebody else wrote: how they sign in is
/// theirs, and no part of what is wanted.
///
/// # Errors
/// The answers cannot be read.
pub fn own_sign_ins(file: &mut PlanFile, opening: &Opening, output: &Output) -> Result<()> {
    let Some(path) = &opening.global.config else {
        if file.only == Some(Only::Aws) {
            output.talk("sign-ins to AWS are those of the file; `--config FILE` takes yours instead");
        }
        return Ok(());
    };
    let path = opening.process.directory.join(path);
    let text = files::read(&path)?.ok_or_else(|| {
        Failure::new(Code::File).with("file", path.display()).with("cause", "it is not there")
    })?;
    let own =
        config::parse(&text, &path.display().to_string()).map_err(|problems| config::failure(&problems))?;
    for environment in &mut file.answers.environments {
        let mine = own.environment(&environment.name).filter(|mine| mine.account == environment.account);
        if let Some(mine) = mine {
            environment.sign_in.clone_from(&mine.sign_in);
        }
    }
    Ok(())
}

/// What `keyless export` writes.
#[derive(Debug, Clone, Copy)]
pub enum What {
    /// Everything keyless would make.
    Whole(Whole),
    /// One half, for somebody else.
    Half(Format),
}

/// `keyless export`.
///
/// # Errors
/// The survey's own; a file is there already.
pub async fn export(opening: Opening, what: What, out: Option<&Path>, output: &Output) -> Result<Exit> {
    let half = opening.only.unwrap_or(Only::Aws);
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    // Azure DevOps tells the exact names; without a token those of the answers are taken, as with `--only aws`.
    clouds.find_sign_in(&federation.organization, output).await;
    let typed = clouds.signed_in(&federation.organization).is_none() && federation.organization_id.is_some();
    let only = if typed { Only::Aws } else { Only::AzureDevops };
    let opening = Opening { only: Some(only), ..opening };
    let (events, printer) = output.follow(false);
    let session = clouds.session(&opening, federation, events, output).await?;
    let surveyed = survey(&session).await?;
    // Names that are not those of the answers are told; that AWS was not looked at is plain here.
    if typed {
        surveyed.notices.iter().for_each(|notice| output.talk(&format!("note: {notice}")));
    }
    let blueprint = Blueprint::new(&surveyed.federation, &surveyed.grounds)?;
    if let What::Half(_) = what {
        half::check_keys(&blueprint)?;
    }
    let queue = deployment_queue(&surveyed);
    let world = clouds.practice.as_ref().map(|open| open.world.clone());
    let half = Half::of(half, &surveyed.federation, &blueprint, &session.close).on(world);
    let texts = match what {
        What::Half(format) => texts(&half, format)?,
        What::Whole(Whole::Terraform) => {
            let mut texts = vec![terraform::whole(&blueprint, queue.as_deref())?];
            // A file of its own is only written to a folder: on stdout is what Terraform reads.
            texts.extend(out.and_then(|_| pipeline_file(&surveyed.federation, output)));
            texts
        }
        What::Whole(Whole::CloudFormation) => texts(&half, Format::CloudFormation)?,
        What::Whole(Whole::Cdk) => vec![cdk::application(&blueprint)?],
    };
    if let What::Whole(Whole::CloudFormation | Whole::Cdk) = what {
        output.talk(
            "note: this is the AWS side; connections, environments, checks and pipelines of Azure DevOps are none of \
             CloudFormation's: `keyless export terraform` writes them too",
        );
    }
    drop(session);
    printer.done().await;
    match out {
        Some(folder) => {
            let names: Vec<String> =
                texts.iter().map(|file| folder.join(&file.name).display().to_string()).collect();
            place(&opening.process.directory.join(folder), texts)?;
            names.iter().for_each(|name| output.data(name));
        }
        None => output.data(joined(&texts).trim_end()),
    }
    Ok(Exit::Done)
}

/// The agent queue of deployments, as far as it is known.
fn deployment_queue(surveyed: &Surveyed) -> Option<String> {
    let said = surveyed.federation.pipeline.as_ref().and_then(|pipeline| pipeline.queue.clone());
    let found = || surveyed.queue.as_ref().ok().map(|queue| queue.name.clone());
    said.or_else(found).or_else(|| surveyed.federation.verification.queue.clone())
}

/// The file of the pipeline that deploys; none: there is no such pipeline, or the answers make none.
fn pipeline_file(federation: &Federation, output: &Output) -> Option<TextFile> {
    let answers = federation.pipeline.as_ref()?;
    match pipeline::write(federation) {
        Ok(written) => {
            let name = answers.file.rsplit('/').next().unwrap_or(&answers.file).to_owned();
            Some(TextFile { name, text: written.yaml })
        }
        Err(failure) => {
            output.talk(&format!("note: {} is not written: {failure}", answers.file));
            None
        }
    }
}

fn texts(half: &Half, format: Format) -> Result<Vec<TextFile>> {
    Ok(match format {
        Format::CloudFormation => half.templates()?.into_iter().map(|template| template.file).collect(),
        Format::Terraform => half.terraform()?.into_iter().collect(),
        Format::Plan => vec![TextFile { name: half::PLAN.to_owned(), text: half::json(&half.plan_file()?)? }],
    })
}

/// Several files on stdout: YAML documents, each with its name.
fn joined(texts: &[TextFile]) -> String {
    match texts {
        [one] => one.text.clone(),
        many => many.iter().map(|file| format!("--- # {}\n{}", file.name, file.text)).collect(),
    }
}
