//! `keyless rotate`.

use super::approve;
use super::commands::known;
use super::doctor::of_findings;
use super::flow::{Flow, Reviewed};
use super::open::{Clouds, Opening, answers};
use super::output::{Output, Printer};
use crate::cli::Yes;
use crate::domain::failure::Result;
use crate::domain::federation::Federation;
use crate::domain::inventory::{Inventory, Verdict};
use crate::domain::names::EnvironmentName;
use crate::domain::rotation::Patience;
use crate::explain::Exit;
use crate::headless::inventory::InventoryOutput;
use crate::plain;
use crate::programs;
use crate::programs::rotate::{Options, Way, prepare_rotation};
use crate::programs::session::Session;

/// Where the flags lead.
pub fn way(rollback: bool, renew_keys: bool) -> Way {
    match (rollback, renew_keys) {
        (true, _) => Way::Back,
        (false, true) => Way::Renew,
        (false, false) => Way::Oidc,
    }
}

/// What the flags say.
pub fn options(watch_days: u16, delete_users: bool, way: Way) -> Options {
    let watch = time::Duration::days(i64::from(watch_days));
    let patience = Patience { watch, ..Patience::default() };
    Options { patience, way, delete_users, ..Options::default() }
}

/// Goes as far towards the end of the keys as the clouds allow today.
///
/// # Errors
/// There are no answers, an environment is unknown, a side is left out, or the plan was not approved.
pub async fn rotate(
    opening: Opening,
    chosen: &[EnvironmentName],
    options: Options,
    yes: &Yes,
    output: &Output,
) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    for names in [chosen, &yes.confirm] {
        known(&federation, names)?;
    }
    let (_, purpose) = options.way.program();
    let (events, printer) = output.follow(true);
    let session = clouds.session(&opening, federation, events, output).await?;
    let flow = Flow { opening: &opening, clouds: &clouds, output, yes, command: "rotate", purpose };
    let result = reviewed(&flow, &session, (options, chosen), &printer).await;
    let board = session.events.board();
    drop(session);
    printer.done().await;
    let Some(reviewed) = result? else {
        output.talk(nothing(options.way));
        return Ok(Exit::Done);
    };
    Ok(flow.end(&board, &reviewed))
}

/// What is said where no environment can be led there.
pub fn nothing(way: Way) -> &'static str {
    match way {
        Way::Oidc => "nothing is to be rotated: no connection holds an access key, or lately did",
        Way::Back => "there is nothing to go back from: no rotation of these connections is under way",
        Way::Renew => "nothing is to be renewed: no connection holds an access key",
    }
}

/// `keyless rotate --inventory`: every AWS connection, and what is to be done about it. Reads only.
///
/// # Errors
/// There are no answers, or Azure DevOps cannot be looked at.
pub async fn inventory(opening: Opening, everywhere: bool, output: &Output) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let federation = answers(&opening, &clouds, output)?.federation;
    let found = take(&opening, &clouds, federation, everywhere, output).await?;
    let blocked = if found.count(Verdict::Blocked) > 0 { Exit::Findings } else { Exit::Done };
    let exit = blocked.max(of_findings(&found.findings));
    if output.json() {
        let told = InventoryOutput::of(found, output.invocation());
        output.data(&serde_json::to_string_pretty(&told).unwrap_or_default());
    } else {
        output.data(&plain::inventory::report(&found, output.look(), opening.is_accessible()));
    }
    Ok(exit)
}

/// Takes the inventory. Reads only.
///
/// # Errors
/// Azure DevOps cannot be looked at.
pub async fn take(
    opening: &Opening,
    clouds: &Clouds,
    federation: Federation,
    everywhere: bool,
    output: &Output,
) -> Result<Inventory> {
    let (events, printer) = output.follow(false);
    let session = clouds.session(opening, federation, events, output).await?;
    let found = programs::inventory::inventory(&session, everywhere).await;
    drop(session);
    printer.done().await;
    found
}

async fn reviewed(
    flow: &Flow<'_>,
    session: &Session,
    (options, chosen): (Options, &[EnvironmentName]),
    printer: &Printer,
) -> Result<Option<Reviewed>> {
    let (_, prepared) = prepare_rotation(session, options, chosen).await?;
    let Some(prepared) = prepared else { return Ok(None) };
    approve::check_subjects(&prepared.decidable(), &prepared.blueprint, chosen, flow.yes)?;
    flow.carry_out(prepared, session, printer).await.map(Some)
}
