//! Wiring: opens the clouds, runs a program, dresses its events, answers with an exit code.

mod answers;
mod approve;
mod audit;
mod commands;
mod doctor;
mod door;
mod entry;
mod flags;
mod flow;
mod halves;
mod login;
mod logs;
mod move_issuer;
mod open;
mod output;
mod permissions;
mod pipeline;
mod play;
mod practice;
mod rotate;
mod screen;
mod sign_in;
mod sign_ins;
mod sso;
mod stop;
mod stream;
mod trace;
mod vault;
mod whoami;
mod wizard;

use clap::ValueEnum;

use crate::cli::{Cli, Command, Format, Half, Handover, PermissionsCommand, Wait, Yes};
use crate::domain::failure::{Code, Failure};
use crate::domain::move_issuer::Typed;
use crate::domain::names::EnvironmentName;
use crate::explain::{Exit, Invocation};
use crate::host::process::Process;
use crate::plan::file::Only;
use crate::programs::rotate::Options;
use halves::What;

use open::Opening;
use output::Output;

/// Threads that work at once, at most: keyless mostly waits for the network, and each thread holds memory of its own.
const WORKERS: usize = 4;

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_multi_thread().worker_threads(processors.min(WORKERS)).enable_all().build()
}

/// Runs one command. Returns the process's exit code (the table is in the README).
pub fn main(cli: Cli, process: Process) -> u8 {
    let output = Output::new(&cli.global, &process, called(&cli));
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.talk(&format!("keyless cannot start: {error}"));
            return Exit::BadInput.code();
        }
    };
    let exit = runtime.block_on(interruptible(cli, process, &output));
    // Servers of the practice cloud and idle connections need no farewell.
    runtime.shutdown_background();
    exit.code()
}

async fn interruptible(cli: Cli, process: Process, output: &Output) -> Exit {
    let stop = stop::Stop::new();
    let run = cli.command.as_ref().and_then(run_of);
    let command = command(cli, process, output, &stop);
    let ended = tokio::select! {
        result = command => result.inspect_err(|failure| output.tell(failure)),
        () = stop.twice(output) => Err(Failure::new(Code::Stopped).with("by", "a second signal")),
    };
    ended.unwrap_or_else(|failure| {
        if let Some(run) = run {
            output.refuse(run, &failure);
        }
        Exit::of(&failure)
    })
}

/// The name of a command that tells its run as events.
fn run_of(command: &Command) -> Option<&'static str> {
    match command {
        Command::Setup { .. } => Some("setup"),
        Command::Apply { .. } => Some("apply"),
        Command::Verify { denial: true, .. } => Some("verify --denial"),
        Command::Verify { .. } => Some("verify"),
        Command::Teardown { .. } => Some("teardown"),
        Command::Rotate { .. } => Some("rotate"),
        Command::MoveIssuer { inventory: false, plan: false, .. } => Some("move-issuer"),
        Command::Doctor { fix: true, .. } => Some("doctor"),
        Command::Permissions { command: PermissionsCommand::Narrow { .. } } => Some("permissions narrow"),
        Command::Pipeline { delivery, .. } if delivery.way().is_some() => Some("pipeline"),
        Command::Plan { .. }
        | Command::MoveIssuer { .. }
        | Command::Doctor { .. }
        | Command::Explain { .. }
        | Command::Pipeline { .. }
        | Command::Status { .. }
        | Command::Login { .. }
        | Command::Logout { .. }
        | Command::Whoami { .. }
        | Command::Permissions { .. }
        | Command::Export { .. }
        | Command::Audit { .. }
        | Command::History { .. }
        | Command::Sandbox { .. } => None,
    }
}

/// What the next command must repeat of this one.
fn called(cli: &Cli) -> Invocation {
    let named = |names: &[EnvironmentName]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let half = |only: &Option<Half>| {
        let only = only.as_ref().and_then(clap::ValueEnum::to_possible_value);
        only.map(|half| half.get_name().to_owned())
    };
    let closes = |close: &[EnvironmentName]| close.iter().map(|name| format!("--close {name}")).collect();
    let mut config = cli.global.config.as_ref();
    let (environments, only, again) = match &cli.command {
        Some(Command::Setup { answers, only, close, .. }) => {
            // Only setup has --answers; for every command it is --config.
            config = answers.as_ref().or(config);
            (Vec::new(), half(only), closes(close))
        }
        Some(Command::Plan { only, close, .. }) => (Vec::new(), half(only), closes(close)),
        Some(Command::Verify { environments, only, .. } | Command::Status { environments, only, .. }) => {
            (named(environments), half(only), Vec::new())
        }
        Some(Command::Teardown { environments, .. } | Command::Audit { environments, .. }) => {
            (named(environments), None, Vec::new())
        }
        Some(Command::Permissions { command }) => match command {
            PermissionsCommand::Check { environments } => (named(environments), None, Vec::new()),
            PermissionsCommand::Narrow { environment, unused_days, from, .. } => {
                let days = (*unused_days != 90).then(|| format!("--unused-days {unused_days}"));
                let from = from.as_ref().and_then(ValueEnum::to_possible_value);
                let from = from.map(|source| format!("--from {}", source.get_name()));
                (named(std::slice::from_ref(environment)), None, days.into_iter().chain(from).collect())
            }
        },
        Some(Command::Rotate { inventory: true, all_projects, .. }) => {
            let all = all_projects.then(|| "--all-projects".to_owned());
            (Vec::new(), None, std::iter::once("--inventory".to_owned()).chain(all).collect())
        }
        Some(Command::Rotate {
            environments,
            watch_days,
            delete_users,
            beside,
            rollback,
            renew_keys,
            ..
        }) => {
            let days = (*watch_days != 7).then(|| format!("--watch-days {watch_days}"));
            let flags = [
                (*delete_users, "--delete-users"),
                (*beside, "--beside"),
                (*rollback, "--rollback"),
                (*renew_keys, "--renew-keys"),
            ];
            let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag.to_owned());
            (named(environments), None, days.into_iter().chain(flags).collect())
        }
        Some(Command::Doctor { environments, only, fix, matrix, .. }) => {
            let flags = [(*matrix, "--matrix"), (*fix, "--fix")];
            let flags = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
            (named(environments), half(only), flags.collect())
        }
        Some(Command::Pipeline { preset, flow, repository, delivery, .. }) => {
            let again = pipeline::again(*preset, *flow, repository.as_ref(), delivery.way().as_ref());
            (Vec::new(), None, again)
        }
        Some(Command::MoveIssuer { back, issuer, audience, subject, azp, .. }) => {
            let again =
                move_issuer::again(*back, issuer.as_ref(), audience.as_deref(), subject, azp.as_deref());
            (Vec::new(), None, again)
        }
        Some(
            Command::Apply { .. }
            | Command::Explain { .. }
            | Command::Export { .. }
            | Command::History { .. }
            | Command::Login { .. }
            | Command::Logout { .. }
            | Command::Whoami { .. }
            | Command::Sandbox { .. },
        )
        | None => (Vec::new(), None, Vec::new()),
    };
    let config = config.map(|file| file.display().to_string());
    let invocation = Invocation::new(cli.global.sandbox.as_deref(), config.as_deref(), again);
    invocation.meant_for(environments, only)
}

async fn command(cli: Cli, process: Process, output: &Output, stop: &stop::Stop) -> Result<Exit, Failure> {
    let full_screen = screen::is_wanted(&cli, &process);
    flags::check(&cli, full_screen, output.invocation())?;
    let Cli { command, global, begin } = cli;
    let opening = |answers, only: Option<Half>, wait| Opening {
        global: global.clone(),
        process: process.clone(),
        stop: stop.token(),
        answers,
        only: only.map(Only::from),
        close: Vec::new(),
        handover: Handover::default(),
        patience: std::time::Duration::from_secs(wait),
        calls: None,
        trace: trace::Trace::default(),
    };
    match command {
        None if full_screen => screen::run(begin, opening(None, None, Wait::USUAL), output).await,
        None => {
            let opening = opening(None, None, Wait::USUAL);
            // Lines instead of the full screen; with nobody to ask, what keyless is.
            if !wizard::can_ask(&opening).await {
                output.help();
                return Ok(Exit::BadInput);
            }
            if door::is_needed(&opening)? {
                return door::run(&opening, output).await;
            }
            commands::begin(opening, output).await
        }
        Some(Command::Setup { answers, only, close, handover, yes, wait }) => {
            let opening = Opening { close, handover, ..opening(answers, only, wait.seconds()) };
            commands::setup(opening, &yes, output).await
        }
        Some(Command::Plan { out, only, close }) => {
            let opening = Opening { close, ..opening(None, only, 0) };
            commands::plan(opening, out.as_deref(), output).await
        }
        Some(Command::Apply { file, yes, wait }) => {
            commands::apply(opening(None, None, wait.seconds()), &file, &yes, output).await
        }
        Some(Command::Verify { environments, denial, only, yes, wait }) => {
            let opening = opening(None, only, wait.seconds());
            commands::verify(opening, &environments, denial, &yes, output).await
        }
        Some(Command::Status { environments, only, watch }) => {
            commands::status(opening(None, only, 0), &environments, watch, output).await
        }
        Some(Command::Doctor { log: Some(file), .. }) => {
            logs::log(&opening(None, None, 0), &file, output).await
        }
        Some(Command::Doctor { run: Some(run), .. }) => {
            logs::run(&opening(None, None, 0), &run, output).await
        }
        Some(Command::Doctor { environments, matrix: true, .. }) => {
            doctor::matrix(opening(None, None, 0), &environments, output).await
        }
        Some(Command::Doctor { environments, only, fix, yes, wait, .. }) => {
            let opening = opening(None, only, wait.seconds());
            doctor::doctor(opening, &environments, fix.then_some(&yes), output).await
        }
        Some(Command::Explain { code: Some(code) }) => doctor::explain(&code, output),
        Some(Command::Explain { code: None }) => Ok(doctor::codes(output)),
        Some(Command::Rotate { inventory: true, all_projects, .. }) => {
            rotate::inventory(opening(None, None, 0), all_projects, output).await
        }
        Some(Command::Rotate {
            environments,
            watch_days,
            delete_users,
            beside,
            rollback,
            renew_keys,
            yes,
            wait,
            ..
        }) => {
            let opening = opening(None, None, wait.seconds());
            let options = rotate::options(watch_days, delete_users, rotate::way(rollback, renew_keys));
            let asks_users = !decided(&yes) && opening.process.is_interactive();
            let options = Options { beside, asks_users, ..options };
            rotate::rotate(opening, &environments, options, &yes, output).await
        }
        Some(Command::MoveIssuer { inventory: true, .. }) => {
            move_issuer::inventory(opening(None, None, 0), output).await
        }
        Some(Command::MoveIssuer { plan, back, issuer, audience, subject, azp, yes, wait, .. }) => {
            let subjects = subject.into_iter().collect();
            let wish = move_issuer::Wish { back, plan, typed: Typed { issuer, audience, subjects, azp } };
            move_issuer::move_issuer(opening(None, None, wait.seconds()), wish, &yes, output).await
        }
        Some(Command::Pipeline { preset, flow, repository, stdout, delivery, yes }) => {
            let wish = pipeline::Wish { preset, flow, repository, stdout, delivery: delivery.way(), yes };
            pipeline::pipeline(opening(None, None, 0), &wish, output).await
        }
        Some(Command::Teardown { environments, yes }) => {
            commands::teardown(opening(None, None, 0), &environments, &yes, output).await
        }
        Some(Command::Login { organization, how, tenant, client_id }) => {
            let login = login::Login { organization, method: how.method(), tenant, client_id };
            login::login(opening(None, None, 0), login, output).await
        }
        Some(Command::Logout { organization }) => {
            login::logout(opening(None, None, 0), organization, output).await
        }
        Some(Command::Whoami { organization }) => {
            whoami::whoami(opening(None, None, 0), organization, output).await
        }
        Some(Command::Permissions { command: PermissionsCommand::Check { environments } }) => {
            permissions::check(opening(None, None, 0), &environments, output).await
        }
        Some(Command::Permissions {
            command: PermissionsCommand::Narrow { environment, unused_days, from, yes },
        }) => {
            let basis = permissions::basis(from, unused_days)?;
            permissions::narrow(opening(None, None, 0), (&environment, unused_days, basis), &yes, output)
                .await
        }
        Some(Command::Export { whole, format, only, out }) => {
            let opening = opening(None, Some(only), 0);
            let what = whole.map(What::Whole).or(format.map(What::Half));
            let what = what.unwrap_or(What::Half(Format::Plan));
            halves::export(opening, what, out.as_deref(), output).await
        }
        Some(Command::Audit { environments, since }) => {
            audit::audit(opening(None, None, 0), &environments, since, output).await
        }
        Some(Command::History { run }) => {
            audit::history(opening(None, None, 0), run.as_deref(), output).await
        }
        Some(Command::Sandbox { command }) => {
            practice::command(command, &global, &process, output, stop).await
        }
    }
}

/// Whether a general yes was said; --confirm alone approves nothing by itself.
fn decided(yes: &Yes) -> bool {
    yes.yes
}
