//! Wiring: opens the clouds, runs a program, dresses its events, answers with an exit code.

mod answers;
mod approve;
mod commands;
mod open;
mod output;
mod practice;
mod stop;
mod trace;
mod wizard;

use crate::cli::{Cli, Command, Half, Yes};
use crate::domain::failure::Failure;
use crate::explain::{self, Exit};
use crate::host::process::Process;
use crate::plan::file::Only;

use open::Opening;
use output::Output;

/// Runs one command. Returns the process's exit code (the table is in the README).
pub fn main(cli: Cli, process: Process) -> u8 {
    let output = Output::new(&cli.global, &process);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
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
    let command = command(cli, process, output, &stop);
    tokio::select! {
        result = command => result.unwrap_or_else(|failure| refused(output, &failure)),
        () = stop.twice(output) => Exit::Interrupted,
    }
}

/// Tells a failure that ended the command, and its exit code.
fn refused(output: &Output, failure: &Failure) -> Exit {
    for line in explain::lines(failure) {
        output.talk(&line);
    }
    Exit::of(failure)
}

async fn command(cli: Cli, process: Process, output: &Output, stop: &stop::Stop) -> Result<Exit, Failure> {
    let Cli { command, global } = cli;
    let opening = |answers, only: Option<Half>, wait| Opening {
        global: global.clone(),
        process: process.clone(),
        stop: stop.token(),
        answers,
        only: only.map(Only::from),
        close: Vec::new(),
        patience: std::time::Duration::from_secs(wait),
    };
    match command {
        None => {
            output.help();
            Ok(Exit::BadInput)
        }
        Some(Command::Setup { answers, only, close, yes, wait }) => {
            let opening = Opening { close, ..opening(answers, only, wait.wait) };
            commands::setup(opening, &yes, output).await
        }
        Some(Command::Plan { out, only, close }) => {
            let opening = Opening { close, ..opening(None, only, 0) };
            commands::plan(opening, out.as_deref(), output).await
        }
        Some(Command::Apply { file, yes, wait }) => {
            commands::apply(opening(None, None, wait.wait), &file, &yes, output).await
        }
        Some(Command::Verify { environments, yes, wait }) => {
            commands::verify(opening(None, None, wait.wait), &environments, &yes, output).await
        }
        Some(Command::Status { environments, watch }) => {
            commands::status(opening(None, None, 0), &environments, watch, output).await
        }
        Some(Command::Teardown { environments, yes }) => {
            commands::teardown(opening(None, None, 0), &environments, &yes, output).await
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
