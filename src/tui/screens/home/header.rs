//! The head of the home screen, and what stands in place of panes where there are none.

use ratatui::layout::Rect;

use crate::domain::failure::Failure;
use crate::explain;
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, wrapped};
use crate::tui::running::Phase;
use crate::tui::shared::{Access, Shared};
use crate::tui::theme::Role;
use crate::tui::when;

/// Days before the end of an issuer from which on it is a warning.
const SOON: i64 = 365;

/// Draws the head; gives what is left of the area.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) -> Rect {
    let line = Rect { x: area.x + 1, width: area.width.saturating_sub(2), height: 1, ..area };
    draw_names(canvas, line, shared);
    draw_state(canvas, Rect { y: line.y + 1, ..line }, shared);
    let mut used = 2;
    if !shared.fleet.panes().is_empty()
        && let Some((paint, text)) = banner(shared)
    {
        let span = canvas.span(paint, text);
        canvas.line(Rect { y: line.y + 2, ..line }, 0, &[span]);
        used += 1;
    }
    Rect { y: area.y + used, height: area.height - used, ..area }
}

/// Who and where: the federation, its issuer and how long that one lasts.
fn draw_names(canvas: &mut Canvas<'_>, line: Rect, shared: &Shared) {
    let header = shared.fleet.header.as_ref();
    let answers = shared.opened.as_ref().and_then(|opened| opened.federation.as_ref());
    let federation = header
        .map(|header| header.federation.clone())
        .or_else(|| answers.map(|answers| format!("{}/{}", answers.organization, answers.project)));
    let issuer = header
        .map(|header| header.issuer.clone())
        .or_else(|| answers.and_then(|answers| answers.issuer.as_ref()).map(ToString::to_string));
    let mut right = Vec::new();
    if let Some(issuer) = issuer {
        let bare = issuer.trim_start_matches("https://").to_owned();
        // The whole address only where it takes nothing from the federation's name.
        let names = bare.len() + federation.as_ref().map_or(0, String::len);
        let wide = usize::from(line.width) >= names + 45;
        let name = if wide { bare.as_str() } else { bare.split('/').next().unwrap_or_default() };
        right.push(canvas.span(Paint::Dim, "issuer"));
        if line.width >= 76 {
            right.push(canvas.span(Paint::Plain, format!(" {name},")));
        }
    }
    let retires = header.and_then(|header| header.issuer_retires.as_deref());
    if let Some(days) = retires.and_then(|day| when::days_until(day, shared.seconds())) {
        let (paint, text) = match days {
            ..0 => (Paint::Bad, format!(" retired {} days ago", -days)),
            0 => (Paint::Bad, " retires today".to_owned()),
            days if days < SOON => (Paint::Warn, format!(" retires in {days} days")),
            days => (Paint::Dim, format!(" retires in {days} days")),
        };
        right.push(canvas.span(paint, text));
    }
    let width: usize = right.iter().map(ratatui::text::Span::width).sum();
    let room = line.width.saturating_sub(u16::try_from(width).unwrap_or(u16::MAX)).saturating_sub(2);
    let mut left = vec![canvas.role(Role::Accent, "keyless")];
    left.push(canvas.span(Paint::Strong, format!("  {}", federation.unwrap_or_default())));
    if let Some(header) = header.filter(|_| line.width >= 150) {
        left.push(canvas.span(Paint::Dim, format!("  organisation {}", header.organization_id)));
    }
    canvas.line(Rect { width: room, ..line }, 0, &left);
    canvas.line_right(line, 0, &right);
}

/// Which clouds, which answers, and the rhythm of looking.
fn draw_state(canvas: &mut Canvas<'_>, line: Rect, shared: &Shared) {
    let mut left = Vec::new();
    match (shared.practice(), &shared.opened) {
        (Some(world), _) => {
            left.push(canvas.span(Paint::Warn, format!("practice cloud \"{world}\"")));
            left.push(canvas.span(Paint::Dim, ", nothing real is touched"));
        }
        (None, Some(opened)) => left.push(canvas.span(Paint::Dim, format!("answers: {}", opened.source))),
        (None, None) => {}
    }
    if let (Some(_), Some(opened)) = (shared.practice(), &shared.opened)
        && line.width >= 100
    {
        left.push(canvas.span(Paint::Dim, format!("; answers: {}", opened.source)));
    }
    let (paint, rhythm) = rhythm(shared);
    let room = u16::try_from(rhythm.chars().count() + 2).unwrap_or(u16::MAX);
    canvas.line(Rect { width: line.width.saturating_sub(room), ..line }, 0, &left);
    let rhythm = canvas.span(paint, rhythm);
    canvas.line_right(line, 0, &[rhythm]);
}

fn rhythm(shared: &Shared) -> (Paint, String) {
    let panes = shared.fleet.panes();
    if panes.is_empty() || !matches!(shared.access, Access::Open) {
        return (Paint::Dim, String::new());
    }
    if shared.fleet.is_paused() {
        return (Paint::Warn, "paused, p goes on".to_owned());
    }
    let looking = panes.iter().filter(|pane| pane.looking).count();
    let every = format!("looks every {}", when::span(shared.fleet.pause()));
    match looking {
        0 => (Paint::Dim, every),
        looking => (Paint::Dim, format!("{every}, looking at {looking} of {}", panes.len())),
    }
}

/// What goes on beside looking, above panes that are there all the same.
fn banner(shared: &Shared) -> Option<(Paint, String)> {
    match &shared.access {
        Access::Opening => return Some((Paint::Warn, opening(shared))),
        Access::Failed(failure) => {
            let words = explain::failure(failure);
            return Some((Paint::Bad, format!("not opened: {}; o tries again", words.cause)));
        }
        Access::Open | Access::Unchosen => {}
    }
    let run = shared.run.as_ref()?;
    let command = &run.command;
    match run.phase {
        Phase::Going => {
            let elapsed = when::span(run.elapsed(shared.seconds()));
            Some((Paint::Warn, format!("{command} is running, {elapsed}; w watches it")))
        }
        Phase::Planning | Phase::Reviewing | Phase::Over => None,
    }
}

fn opening(shared: &Shared) -> String {
    match &shared.asked {
        Some(world) => format!("opening the practice cloud \"{world}\"…"),
        None => "opening Azure DevOps and AWS…".to_owned(),
    }
}

/// What stands in place of panes: why there are none, and what to do.
pub(super) fn draw_nothing(canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
    let width = area.width.saturating_sub(4).min(76);
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + area.height / 4,
        width,
        height: area.height - area.height / 4,
    };
    let mut lines: Vec<(Paint, String)> = Vec::new();
    let mut say = |paint: Paint, text: &str| {
        lines.extend(wrapped(text, usize::from(width)).into_iter().map(|line| (paint, line)));
    };
    match &shared.access {
        Access::Unchosen => {}
        Access::Opening => say(Paint::Plain, &opening(shared)),
        Access::Failed(failure) => tell_failure(failure, shared, &mut say),
        Access::Open => {
            say(Paint::Strong, "There are no environments yet.");
            say(Paint::Plain, "");
            say(
                Paint::Plain,
                "Press s to set up: keyless asks for your Azure DevOps project and AWS accounts, shows the whole plan, \
                 and writes nothing before you approve it.",
            );
        }
    }
    for (row, (paint, text)) in (0..).zip(lines) {
        let span = canvas.span(paint, text);
        canvas.line(place, row, &[span]);
    }
}

fn tell_failure(failure: &Failure, shared: &Shared, say: &mut dyn FnMut(Paint, &str)) {
    let words = explain::failure(failure);
    say(Paint::Bad, "The clouds could not be opened.");
    say(Paint::Plain, "");
    say(Paint::Plain, &format!("{}: {}", failure.code.text(), words.cause));
    for evidence in &failure.evidence {
        say(Paint::Dim, &format!("  {}: {}", evidence.label, evidence.value));
    }
    say(Paint::Plain, "");
    if !words.hint.is_empty() {
        say(Paint::Plain, &format!("What to do: {}", shared.invocation().dress(&words.hint)));
    }
    say(Paint::Plain, "Press o to try again.");
}

/// What stands in place of panes where none fits the filter.
pub(super) fn draw_unmatched(canvas: &mut Canvas<'_>, area: Rect, count: usize) {
    let text = format!(
        "None of the {count} environments fits. Words may be a part of a name, account, region or branch, or a state: \
         proven, failed, waiting, absent, differs, protected."
    );
    let place = Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 1 };
    for (row, text) in (0..).zip(wrapped(&text, usize::from(place.width))) {
        let span = canvas.span(Paint::Dim, text);
        canvas.line(place, row, &[span]);
    }
}
