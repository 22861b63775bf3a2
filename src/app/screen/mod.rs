//! The full screen: opens the terminal, performs what the program wants done, and gives the terminal back.

mod between;
pub mod calls;
mod doctor;
mod history;
mod jobs;
mod last;
mod look;
mod open;
mod performer;
mod pipeline;
mod rounds;
#[cfg(test)]
mod tests;

use tokio::sync::mpsc;

use super::open::Opening;
use super::output::Output;
use crate::cli::{self, Cli};
use crate::domain::failure::Result;
use crate::explain::Exit;
use crate::host::clock::Clock;
use crate::host::files;
use crate::host::process::Process;
use crate::tui::msg::Msg;
use crate::tui::program::{Begin, Program};
use crate::tui::record::Recorder;
use crate::tui::terminal::Screen;
use crate::tui::theme::Theme;
use performer::FullScreen;

/// Whether the full screen is meant and possible: a terminal that can draw, and nobody asked for lines.
pub fn is_wanted(cli: &Cli, process: &Process) -> bool {
    let lines = cli.global.plain || cli.global.accessible || cli.global.json;
    let accessible = process.variable("ACCESSIBLE").is_some_and(|value| value != "0");
    let dumb = process.variable("TERM").is_none_or(|term| term == "dumb");
    cli.command.is_none() && process.is_interactive() && !lines && !accessible && !(dumb && cfg!(unix))
}

/// The process as the full screen uses it: nobody is asked on lines there; a person is there all the same, who can sign in.
pub fn without_lines(mut process: Process) -> Process {
    process.stderr_is_terminal = false;
    process
}

/// Runs the full-screen program until it is over.
///
/// # Errors
/// The terminal cannot be taken or is gone, or a file that was named cannot be used.
pub async fn run(flags: cli::Begin, mut opening: Opening, output: &Output) -> Result<Exit> {
    opening.process = without_lines(opening.process);
    let begin = begin(&flags, &opening)?;
    let size = crossterm::terminal::size().unwrap_or((80, 24));
    let mut recorder = match &flags.record {
        Some(path) => {
            let file = files::create_private(&opening.process.directory.join(path))?;
            Some(Recorder::new(Box::new(file), &begin, size))
        }
        None => None,
    };
    let (sender, mut inbox) = mpsc::unbounded_channel();
    let stop = opening.stop.clone();
    let performer = FullScreen::new(opening, sender.clone());
    let (palette, mouse) = (begin.theme.palette, !begin.no_mouse);
    let (mut program, effects) = Program::new(begin);
    let mut screen = Screen::take(palette, mouse)?;
    output.hush(true);
    let signalled = stop.clone();
    let told = tokio::spawn(async move {
        signalled.cancelled().await;
        let _ = sender.send(Msg::Signal);
    });
    let ended =
        crate::tui::run::run(&mut program, &mut screen, &mut inbox, &performer, effects, &mut recorder).await;
    told.abort();
    drop(screen);
    output.hush(false);
    let exit = performer.end();
    if let Some(run) = program.shared().run.as_ref().filter(|run| run.has_stopped()) {
        let command = run.called(program.shared().invocation()).again(&run.command);
        output.talk(&format!(
            "{} was stopped after {} requests that change a cloud; `{command}` goes on where the clouds stand",
            run.command, run.board.writes
        ));
    }
    ended?;
    Ok(if stop.is_cancelled() { Exit::Interrupted } else { exit })
}

/// How the program begins: what is known before any cloud is open.
fn begin(flags: &cli::Begin, opening: &Opening) -> Result<Begin> {
    let world = opening.global.sandbox.clone();
    let known = open::known(opening)?;
    let chosen = world.is_some() || known.is_some();
    Ok(Begin {
        theme: Theme::of(&opening.process),
        now: Clock.millis(),
        open: chosen.then_some(world),
        opened: known,
        interval: flags.refresh.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX)),
        no_mouse: flags.no_mouse,
    })
}
