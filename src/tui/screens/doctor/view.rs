//! The doctor drawn: the list above, the chosen finding below.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::{Doctor, Told};
use crate::domain::finding::{Finding, Severity};
use crate::explain;
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, Hit, padded, wrapped};
use crate::tui::screens::home::severity;
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::when;
use crate::tui::widgets::diff;

/// Rows of the list that are always left.
const LEAST_LIST: u16 = 4;
/// Columns of an environment's name in the list, at most.
const NAME: usize = 16;
/// Columns of text at most.
const WIDEST: usize = 110;

pub(super) fn draw(doctor: &Doctor, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
    head(doctor, canvas, area, shared);
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let list = doctor.list();
    if let Some((paint, text)) = instead(doctor, list.len(), shared) {
        let lines: Vec<Line<'static>> = wrapped(&text, usize::from(area.width.saturating_sub(2)).min(WIDEST))
            .into_iter()
            .map(|line| vec![canvas.span(paint, format!(" {line}"))].into())
            .collect();
        canvas.lines(body, 0, &lines);
        return;
    }
    let wanted = u16::try_from(list.len()).unwrap_or(u16::MAX);
    let height = wanted.min((body.height / 2).max(LEAST_LIST)).min(body.height);
    rows(doctor, canvas, Rect { height, ..body }, &list);
    let rest = Rect { y: body.y + height, height: body.height - height, ..body };
    if rest.height > 1 {
        canvas.rule(rest, 0);
        let below = Rect { y: rest.y + 1, height: rest.height - 1, ..rest };
        chosen(doctor, canvas, below, shared);
    }
}

fn head(doctor: &Doctor, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
    let all = doctor.all();
    let of = |severity| all.iter().filter(|finding| finding.code.severity() == severity).count();
    let mut spans = vec![canvas.role(Role::Accent, "Doctor")];
    if matches!(doctor.told, Told::Found(..)) {
        let count = |number: usize, one: &str, many: &str| {
            format!("{number} {}", if number == 1 { one } else { many })
        };
        spans.push(canvas.span(Paint::Plain, format!("  {}", count(all.len(), "finding", "findings"))));
        for (severity, one, many, paint) in [
            (Severity::Error, "error", "errors", Paint::Bad),
            (Severity::Warning, "warning", "warnings", Paint::Warn),
            (Severity::Note, "note", "notes", Paint::Dim),
        ] {
            if of(severity) > 0 {
                spans.push(canvas.span(Paint::Dim, ", "));
                spans.push(canvas.span(paint, count(of(severity), one, many)));
            }
        }
    }
    canvas.line(area, 0, &spans);
    let state = match (&doctor.told, doctor.looking) {
        (_, true) => Some((Paint::Warn, "looking; it only reads".to_owned())),
        (Told::Found(_, at), false) => {
            Some((Paint::Dim, format!("looked {}", when::ago(shared.seconds() - at))))
        }
        _ => None,
    };
    if let Some((paint, text)) = state {
        let span = canvas.span(paint, text);
        canvas.line_right(area, 0, &[span]);
    }
    doctor.filter.draw(canvas, Rect { y: area.y + 1, ..area });
}

/// What is said instead of a list; none: there is one.
fn instead(doctor: &Doctor, shown: usize, shared: &Shared) -> Option<(Paint, String)> {
    match &doctor.told {
        Told::Looking => {
            let count = shared.fleet.panes().len();
            let text = format!(
                "Looking at the whole chain of {}: sign-ins, connections, providers, roles, trusts, permissions, \
                 pipelines and proofs.",
                if count == 1 { "1 environment".to_owned() } else { format!("{count} environments") }
            );
            Some((Paint::Dim, text))
        }
        Told::Failed(failure) => {
            let words = explain::failure(failure);
            let hint = shared.invocation().dress(&words.hint);
            Some((Paint::Bad, format!("{}: {}. {hint}", failure.code.text(), words.cause)))
        }
        Told::Found(examination, _) if examination.findings.is_empty() => Some((
            Paint::Good,
            "No findings: every link of every environment is as wanted, and a run has proven it.".to_owned(),
        )),
        Told::Found(..) if shown == 0 => Some((Paint::Dim, "No finding holds these words.".to_owned())),
        Told::Found(..) => None,
    }
}

fn glyph(finding: &Finding, ascii: bool) -> &'static str {
    match (finding.code.severity(), ascii) {
        (Severity::Error, false) => "✗",
        (Severity::Error, true) => "x",
        (Severity::Warning, _) => "!",
        (Severity::Note, _) => "i",
    }
}

fn rows(doctor: &Doctor, canvas: &mut Canvas<'_>, area: Rect, list: &[&Finding]) {
    let ascii = canvas.theme.ascii;
    let place = doctor.pick.place(list.len());
    let widest = list.iter().filter_map(|f| f.environment.as_ref()).map(|name| name.as_str().len()).max();
    let name = widest.unwrap_or(0).clamp(3, NAME);
    let code = list.iter().map(|finding| finding.code.text().len()).max().unwrap_or(0).min(30);
    for (row, at) in doctor.pick.window(list.len(), 1, usize::from(area.height)).enumerate() {
        let Some(finding) = list.get(at) else { break };
        let environment = finding.environment.as_ref().map_or("all", |name| name.as_str());
        let spans: Vec<Span<'static>> = vec![
            canvas.span(severity(finding), format!(" {} ", glyph(finding, ascii))),
            canvas.span(Paint::Strong, format!("{} ", padded(environment, name, ascii))),
            canvas.span(severity(finding), format!("{} ", padded(&finding.code.text(), code, ascii))),
            canvas.span(Paint::Plain, explain::finding(finding).cause),
        ];
        let line = Rect { y: area.y + u16::try_from(row).unwrap_or(0), height: 1, ..area };
        canvas.line(line, 0, &spans);
        if at == place {
            canvas.tint(line, Role::Selected);
        }
        canvas.hit(line, Hit::Item(at));
    }
}

/// The chosen finding in full.
fn chosen(doctor: &Doctor, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
    let Some(finding) = doctor.chosen() else { return };
    let columns = usize::from(area.width.saturating_sub(2)).min(WIDEST);
    let words = explain::finding(finding);
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut say = |canvas: &Canvas<'_>, paint: Paint, label: &str, text: &str| {
        for (at, line) in wrapped(text, columns.saturating_sub(label.len()).max(20)).into_iter().enumerate() {
            let label = if at == 0 { label.to_owned() } else { " ".repeat(label.len()) };
            lines.push(vec![canvas.span(Paint::Dim, format!(" {label}")), canvas.span(paint, line)].into());
        }
    };
    say(canvas, severity(finding), "", &format!("{}: {}", finding.code.text(), words.cause));
    let pair = finding.pair().map(|(found, wanted)| {
        let (found, wanted) = (Value::from(found), Value::from(wanted));
        diff::rows(&diff::compare(Some(&found), Some(&wanted)), columns.saturating_sub(8), canvas.theme)
    });
    let mut after: Vec<(String, String)> = explain::evidence(finding, &words)
        .into_iter()
        .map(|evidence| (format!("{}  ", evidence.label), evidence.value.clone()))
        .collect();
    after.push(("what to do  ".to_owned(), shared.invocation().dress(&words.heal)));
    let heals = match &finding.heal {
        Some(step) => format!("{} (f plans it, nothing is written yet)", step.words()),
        None => "not keyless: see what to do; it goes away once that is done".to_owned(),
    };
    after.push(("heals it    ".to_owned(), heals));
    if let Some(pair) = pair {
        let marked = pair.into_iter().map(|parts| {
            let label = match parts.first().map(|(_, sign)| sign.as_str()) {
                Some("- ") => " found  ",
                Some("+ ") => " wanted ",
                _ => "        ",
            };
            let parts = parts.into_iter().map(|(role, text)| canvas.role(role, text));
            std::iter::once(canvas.span(Paint::Dim, label)).chain(parts).collect::<Vec<_>>().into()
        });
        let marked: Vec<Line<'static>> = marked.collect();
        lines.extend(marked);
    }
    let mut rest: Vec<Line<'static>> = Vec::new();
    for (label, text) in after.iter().filter(|(_, text)| !text.is_empty()) {
        for (at, line) in wrapped(text, columns.saturating_sub(label.len()).max(20)).into_iter().enumerate() {
            let label = if at == 0 { label.clone() } else { " ".repeat(label.len()) };
            rest.push(
                vec![canvas.span(Paint::Dim, format!(" {label}")), canvas.span(Paint::Plain, line)].into(),
            );
        }
    }
    lines.extend(rest);
    let height = usize::from(area.height);
    // The last row tells that there is more.
    let fits = lines.len() <= height;
    let seen = doctor.text.window(lines.len(), if fits { height } else { height.saturating_sub(1) });
    let more = match lines.len() - seen.end {
        _ if fits => String::new(),
        0 => " the end; space begins anew".to_owned(),
        1 => " 1 more line: space".to_owned(),
        more => format!(" {more} more lines: space"),
    };
    canvas.lines(area, 0, &lines[seen]);
    let more = canvas.span(Paint::Dim, more);
    canvas.line(area, area.height.saturating_sub(1), &[more]);
}
