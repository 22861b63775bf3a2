//! The loop: input, messages and time go in, frames and effects come out. Nothing is drawn while nothing changes.

use std::time::Duration;

use crossterm::event::{Event, EventStream};
use futures::StreamExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use super::msg::{Effect, Msg, TerminalEffect};
use super::program::Program;
use super::record::Recorder;
use super::terminal::{Screen, panicked};
use crate::domain::failure::{Code, Failure, Result};
use crate::host::clock::Clock;

/// The shortest time between two frames: 30 a second.
const FRAME: Duration = Duration::from_millis(33);
/// Messages taken before the next frame.
const BATCH: usize = 256;

/// How long a run is waited for once the terminal is gone.
const WIND_UP: Duration = Duration::from_secs(60);

/// Does what the program wants done; what comes of it goes into the loop's inbox. Returns at once.
pub trait Performer {
    /// Performs one effect.
    fn perform(&self, effect: Effect);
}

/// What wakes the loop.
enum Woken {
    Input(Event),
    Message(Msg),
    Time,
    Frame,
    Gone,
    Back,
    Panicked,
}

/// Runs the program until it is over.
///
/// # Errors
/// The terminal is gone, or something panicked.
pub async fn run<P: Performer>(
    program: &mut Program,
    screen: &mut Screen,
    inbox: &mut UnboundedReceiver<Msg>,
    performer: &P,
    begin: Vec<Effect>,
    recorder: &mut Option<Recorder>,
) -> Result<()> {
    let mut events = EventStream::new();
    let mut continued = Continued::new();
    let mut next_frame = Instant::now();
    let mut dirty = true;
    perform(begin, screen, performer)?;
    while !program.is_over() {
        if screen.is_lost() {
            wind_up(program, inbox, performer).await;
            return Err(Failure::new(Code::Terminal).with("cause", "keyless panicked; see the lines above"));
        }
        if dirty && Instant::now() >= next_frame {
            if let Err(failure) = screen.draw(|buffer| program.draw(buffer)) {
                wind_up(program, inbox, performer).await;
                return Err(failure);
            }
            next_frame = Instant::now() + FRAME;
            dirty = false;
        }
        let wake = wake_at(program);
        let woken = tokio::select! {
            event = events.next() => match event {
                Some(Ok(event)) => Woken::Input(event),
                Some(Err(_)) | None => Woken::Gone,
            },
            message = inbox.recv() => message.map_or(Woken::Gone, Woken::Message),
            () = sleep_until(next_frame), if dirty => Woken::Frame,
            () = sleep_until(wake.unwrap_or(next_frame)), if wake.is_some() => Woken::Time,
            () = continued.next() => Woken::Back,
            () = panicked() => Woken::Panicked,
        };
        // Every message is taken at its own time: ages and waits are counted from it.
        let mut take = |program: &mut Program, msg: Msg| {
            let mut effects = Vec::new();
            for msg in [Msg::Now(Clock.millis()), msg] {
                if let Some(recorder) = recorder.as_mut() {
                    recorder.take(&msg, program.is_secret(), program.is_typing());
                }
                effects.extend(program.update(msg));
            }
            effects
        };
        let effects = match woken {
            Woken::Input(event) => take(program, Msg::Input(event)),
            Woken::Message(msg) => {
                let mut effects = take(program, msg);
                for _ in 0..BATCH {
                    let Ok(msg) = inbox.try_recv() else { break };
                    effects.extend(take(program, msg));
                }
                effects
            }
            Woken::Time => take(program, Msg::Now(Clock.millis())),
            Woken::Frame => continue,
            Woken::Back => {
                screen.again()?;
                Vec::new()
            }
            // Nobody is there any more: the same as a hang-up.
            Woken::Gone => {
                wind_up(program, inbox, performer).await;
                return Err(Failure::new(Code::Stopped).with("by", "the end of the terminal"));
            }
            Woken::Panicked => continue,
        };
        dirty = true;
        perform(effects, screen, performer)?;
    }
    Ok(())
}

/// Nobody sees the screen any more: what runs is stopped between writes, and waited for.
async fn wind_up<P: Performer>(program: &mut Program, inbox: &mut UnboundedReceiver<Msg>, performer: &P) {
    let deadline = Instant::now() + WIND_UP;
    let mut effects = program.update(Msg::Signal);
    while program.shared().is_running() {
        let others = effects.drain(..).filter(|effect| !matches!(effect, Effect::Terminal(_)));
        others.for_each(|effect| performer.perform(effect));
        match tokio::time::timeout_at(deadline, inbox.recv()).await {
            Ok(Some(msg)) => effects = program.update(msg),
            Ok(None) | Err(_) => return,
        }
    }
}

/// When the program wants to be told the time.
fn wake_at(program: &Program) -> Option<Instant> {
    let wait = program.next_wake()? - Clock.millis();
    Some(Instant::now() + Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
}

fn perform<P: Performer>(effects: Vec<Effect>, screen: &mut Screen, performer: &P) -> Result<()> {
    for effect in effects {
        match effect {
            Effect::Terminal(TerminalEffect::Copy(text)) => screen.copy(&text)?,
            Effect::Terminal(TerminalEffect::Mouse(mouse)) => screen.set_mouse(mouse)?,
            Effect::Terminal(TerminalEffect::Suspend) => screen.suspend()?,
            Effect::Terminal(TerminalEffect::Redraw) => screen.redraw()?,
            Effect::Terminal(TerminalEffect::Quit) => {}
            effect => performer.perform(effect),
        }
    }
    Ok(())
}

/// SIGCONT: the shell has brought the program back, also where something else had stopped it.
#[cfg(unix)]
struct Continued(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Continued {
    fn new() -> Self {
        let kind = tokio::signal::unix::SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
        Self(tokio::signal::unix::signal(kind).ok())
    }

    async fn next(&mut self) {
        match self.0.as_mut() {
            Some(signal) => {
                let _ = signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
struct Continued;

#[cfg(not(unix))]
impl Continued {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}
