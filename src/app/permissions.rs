//! `keyless permissions`.

use super::commands::known;
use super::doctor::of_findings;
use super::flow::{Flow, Reviewed};
use super::open::{Clouds, Opening, answers};
use super::output::{Output, Printer};
use crate::cli::{UsedFrom, Yes};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::finding::Finding;
use crate::domain::names::EnvironmentName;
use crate::domain::narrow::{Basis, TRAIL_DAYS};
use crate::explain::Exit;
use crate::headless::permissions::PermissionsOutput;
use crate::plain;
use crate::plan::file::Only;
use crate::programs::build::Purpose;
use crate::programs::permissions;
use crate::programs::session::Session;

/// `keyless permissions check`: what the roles may do. Reads only; Azure DevOps is not asked.
///
/// # Errors
/// There are no answers, or an environment is unknown. A role that cannot be read is a finding.
pub async fn check(opening: Opening, chosen: &[EnvironmentName], output: &Output) -> Result<Exit> {
    let opening = Opening { only: Some(Only::Aws), ..opening };
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    known(&federation, chosen)?;
    let name = format!("{}/{}", federation.organization, federation.project);
    let (events, printer) = output.follow(false);
    let session = clouds.session(&opening, federation, events, output).await?;
    let checked = permissions::check(&session, chosen).await;
    drop(session);
    printer.done().await;
    let findings: Vec<Finding> = checked.iter().flat_map(|role| role.findings()).collect();
    if output.json() {
        let told = PermissionsOutput::of(&name, &checked, &findings, output.invocation());
        output.data(&serde_json::to_string_pretty(&told).unwrap_or_default());
    } else {
        output.data(&plain::permissions::report(&name, &checked, &findings, output.look()));
    }
    Ok(of_findings(&findings))
}

/// Where a call wants it read what was used.
///
/// # Errors
/// More days are asked of CloudTrail than it keeps.
pub fn basis(from: Option<UsedFrom>, unused_days: u16) -> Result<Basis> {
    match from {
        None => Ok(Basis::Either),
        Some(UsedFrom::LastAccessed) => Ok(Basis::LastAccessed),
        Some(UsedFrom::Trail) if unused_days > TRAIL_DAYS => Err(Failure::new(Code::Flags)
            .with("without effect", format!("--unused-days {unused_days}"))
            .with("why", format!("CloudTrail's event history holds {TRAIL_DAYS} days"))
            .with("accepted", format!("--from cloudtrail with --unused-days of at most {TRAIL_DAYS}"))),
        Some(UsedFrom::Trail) => Ok(Basis::Trail),
    }
}

/// `keyless permissions narrow`: takes out what was not used.
///
/// # Errors
/// There are no answers, the environment is unknown, the role cannot be looked at, or the plan was not approved.
pub async fn narrow(
    opening: Opening,
    (environment, unused_days, basis): (&EnvironmentName, u16, Basis),
    yes: &Yes,
    output: &Output,
) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    for names in [std::slice::from_ref(environment), &yes.confirm] {
        known(&federation, names)?;
    }
    let (events, printer) = output.follow(true);
    let session = clouds.session(&opening, federation, events, output).await?;
    let purpose = Purpose::Narrow { unused_days, basis };
    let flow =
        Flow { opening: &opening, clouds: &clouds, output, yes, command: "permissions narrow", purpose };
    let reviewed = reviewed(&flow, &session, (environment, unused_days, basis), &printer).await;
    let board = session.events.board();
    drop(session);
    printer.done().await;
    match reviewed? {
        Ok(reviewed) => Ok(flow.end(&board, &reviewed)),
        Err(why) => {
            output.talk(&format!("Nothing is narrowed: {why}"));
            Ok(Exit::Done)
        }
    }
}

/// What became of the plan, or why there is nothing to do.
async fn reviewed(
    flow: &Flow<'_>,
    session: &Session,
    (environment, unused_days, basis): (&EnvironmentName, u16, Basis),
    printer: &Printer,
) -> Result<std::result::Result<Reviewed, String>> {
    let prepared = permissions::prepare_narrow(session, environment, (unused_days, basis)).await?;
    let plan = prepared.decidable();
    if let Some(failure) = plan.blocked.iter().find_map(|blocked| blocked.failure.clone()) {
        return Err(failure);
    }
    if plan.writes() == 0 {
        printer.caught_up(&session.events).await;
        let whys =
            plan.changes.iter().filter(|change| change.gate.is_none()).map(|change| change.why.clone());
        return Ok(Err(whys.collect::<Vec<_>>().pop().unwrap_or_default()));
    }
    flow.carry_out(prepared, session, printer).await.map(Ok)
}
