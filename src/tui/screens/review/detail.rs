//! Everything about one change as lines: why, before and after, what it takes, what it asks.

use crate::domain::key::Kind;
use crate::explain::signs::Paint;
use crate::explain::{self, Invocation};
use crate::plan::change::{Ask, Blocked, Change, Plan};
use crate::tui::canvas::wrapped;
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::diff;

type Lines = Vec<Vec<(Role, String)>>;

/// Widest text, in columns: wider screens do not stretch sentences.
const WIDEST: usize = 112;

fn told(lines: &mut Lines, columns: usize, theme: Theme, paint: Paint, text: &str) {
    let text = theme.clean(text);
    lines.extend(wrapped(&text, columns.min(WIDEST)).into_iter().map(|line| vec![(Role::Text(paint), line)]));
}

/// The lines of a change.
pub fn change(change: &Change, columns: usize, theme: Theme) -> Lines {
    let mut lines = Lines::new();
    told(&mut lines, columns, theme, Paint::Plain, &change.why);
    if !change.is_keep() {
        let values = diff::compare(change.before.as_ref(), change.after.as_ref());
        lines.extend(diff::rows(&values, columns.min(WIDEST), theme));
    }
    if change.environments.len() > 1 {
        let names: Vec<&str> = change.environments.iter().map(|name| name.as_str()).collect();
        told(&mut lines, columns, theme, Paint::Dim, &format!("serves {}", names.join(", ")));
    }
    if !change.is_keep() {
        cost(&mut lines, change, columns, theme);
    }
    for ask in &change.asks {
        let text = match ask {
            Ask::Protected { environment } => {
                format!("asks for the name of {environment}, which is protected")
            }
            Ask::Foreign { what } | Ask::Wider { what } | Ask::Retire { what, .. } => {
                format!("asks for a yes of its own: {what}")
            }
            Ask::Subject { found, wanted } => {
                format!("asks for the new subject to be typed: {found} is trusted today, {wanted} would be")
            }
        };
        told(&mut lines, columns, theme, Paint::Warn, &text);
    }
    if let Some(leftover) = &change.leftover {
        told(&mut lines, columns, theme, Paint::Warn, &format!("stays behind: {leftover}"));
    }
    lines.push(Vec::new());
    lines
}

fn cost(lines: &mut Lines, change: &Change, columns: usize, theme: Theme) {
    let (paint, text) = match (change.reversible, change.step.kind) {
        (true, _) => (Paint::Dim, "can be taken back"),
        (false, Kind::Handshake | Kind::Denial) => {
            (Paint::Dim, "a run cannot be unmade; it changes nothing else")
        }
        (false, _) => (Paint::Bad, "cannot be taken back"),
    };
    told(lines, columns, theme, paint, text);
    let requests = match change.writes {
        1 => "1 request".to_owned(),
        number => format!("{number} requests"),
    };
    let rights = match change.rights.is_empty() {
        true => requests,
        false => format!("{requests}; needs {}", change.rights.join(", ")),
    };
    told(lines, columns, theme, Paint::Dim, &rights);
}

/// The lines of a step that could not be planned.
pub fn blocked(
    blocked: &Blocked,
    plan: &Plan,
    columns: usize,
    theme: Theme,
    invocation: &Invocation,
) -> Lines {
    let mut lines = Lines::new();
    if let Some(failure) = &blocked.failure {
        for (at, line) in explain::lines(failure, invocation).iter().enumerate() {
            let paint = if at == 0 { Paint::Bad } else { Paint::Plain };
            let text = line.trim_start();
            told(&mut lines, columns, theme, paint, text);
        }
    }
    if let Some(because) = &blocked.because {
        let cause = plan.blocked.iter().find(|other| other.step == *because);
        let name = cause.map_or_else(|| because.words(), |cause| cause.title.clone());
        told(
            &mut lines,
            columns,
            theme,
            Paint::Plain,
            &format!("it needs {name}, which could not be planned"),
        );
    }
    lines.push(Vec::new());
    lines
}
