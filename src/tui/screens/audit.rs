//! The audit: who became which role lately, or tried to, and from which run of which pipeline.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{Act, Id, Screen};
use crate::domain::audit::access::{Access, Audit, By};
use crate::domain::diagnose::trail::DELAY;
use crate::domain::failure::Failure;
use crate::domain::finding::Finding;
use crate::domain::inventory::Gap;
use crate::explain::signs::Paint;
use crate::explain::{self, Invocation};
use crate::tui::canvas::{Canvas, Hit, wrapped};
use crate::tui::keys::{Hint, Press};
use crate::tui::msg::{Effect, Msg};
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::when;
use crate::tui::widgets::filter::{Filter, Typed, holds};
use crate::tui::widgets::pick::Pick;

/// Rows of the list that are always left.
const LEAST_LIST: u16 = 4;
/// Columns of a label, with the blanks behind it.
const LABEL: usize = 14;
/// Columns of text at most.
const WIDEST: usize = 110;

/// What the looks told.
#[derive(Debug, Default)]
enum Told {
    /// They are going on.
    #[default]
    Looking,
    /// What was found.
    Found {
        /// Accesses, then what was not seen, then findings.
        rows: Vec<Row>,
        /// What is said of all of them.
        tally: String,
    },
    /// They were not possible.
    Failed(Failure),
}

/// One row, and everything about it.
#[derive(Debug)]
struct Row {
    sign: &'static str,
    paint: Paint,
    title: String,
    lines: Vec<(&'static str, String)>,
}

impl Row {
    fn of(access: &Access) -> Self {
        let (sign, paint) = match (&access.error, &access.by) {
            (Some(_), _) => ("!", Paint::Bad),
            (None, By::Run(_)) => (" ", Paint::Plain),
            (None, _) => ("?", Paint::Warn),
        };
        let environment = access.environment.as_ref().map_or("(none)", |name| name.as_str());
        let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "not told".to_owned());
        let mut lines = vec![
            ("result", access.result()),
            ("run", access.by.words()),
            ("role", access.role.clone()),
            ("subject", told(&access.subject)),
            ("connection", told(&access.connection)),
            ("session", told(&access.session)),
            ("region", access.region.clone()),
            ("from", told(&access.source_address)),
            ("event", access.event.clone()),
        ];
        if let By::Run(deed) = &access.by {
            lines.push(("commit", told(&deed.commit)));
            lines.push(("page", deed.web_url.clone()));
        }
        let at = when::stamp(access.at);
        let title = format!("{at}  {environment:<10} {}: {}", access.result(), access.by.words());
        Self { sign, paint, title, lines }
    }

    fn unseen(gap: &Gap) -> Self {
        let title = format!("not seen: {}", gap.what);
        Self { sign: "?", paint: Paint::Warn, title, lines: vec![("why", gap.why.clone())] }
    }

    fn found(finding: &Finding, invocation: &Invocation) -> Self {
        let words = explain::finding(finding);
        let lines = vec![("what to do", invocation.dress(&words.heal))];
        let title = format!("{}: {}", finding.code.text(), words.cause);
        Self { sign: "!", paint: Paint::Warn, title, lines }
    }

    fn text(&self) -> String {
        let lines = self.lines.iter().map(|(label, value)| format!("\n{label}: {value}"));
        format!("{}{}", self.title, lines.collect::<String>())
    }
}

/// The audit's screen.
#[derive(Debug, Default)]
pub struct AuditScreen {
    told: Told,
    pick: Pick,
    filter: Filter,
}

impl AuditScreen {
    /// The screen, and the looks it begins with.
    pub fn begin() -> Vec<Act> {
        vec![Act::Push(Box::new(Self::default())), Act::Effect(Effect::Audit)]
    }

    fn rows(&self) -> Vec<&Row> {
        let Told::Found { rows, .. } = &self.told else { return Vec::new() };
        let words = self.filter.words();
        rows.iter().filter(|row| words.is_empty() || holds(&words, &row.text())).collect()
    }

    fn chosen(&self) -> Option<&Row> {
        let rows = self.rows();
        rows.get(self.pick.place(rows.len())).copied()
    }

    fn take(&mut self, audit: &Audit, invocation: &Invocation) {
        let accesses = audit.accesses.iter().map(Row::of);
        let gaps = audit.gaps.iter().map(Row::unseen);
        let findings = audit.findings.iter().map(|finding| Row::found(finding, invocation));
        let refused = audit.accesses.iter().filter(|access| access.error.is_some()).count();
        let tally = format!("{} since {}, {refused} refused", audit.accesses.len(), when::stamp(audit.from));
        self.told = Told::Found { rows: accesses.chain(gaps).chain(findings).collect(), tally };
    }

    fn press_filter(&mut self, press: Press) -> Option<Vec<Act>> {
        match self.filter.press(press)? {
            Typed::Moved(motion) => {
                let count = self.rows().len();
                self.pick.step(motion, count, 1);
            }
            Typed::Changed => self.pick.set(0),
            Typed::Cleared | Typed::Kept => {}
        }
        Some(Vec::new())
    }

    /// What is said instead of a list; none: there is one.
    fn instead(&self, rows: usize, shared: &Shared) -> Option<(Paint, String)> {
        match &self.told {
            Told::Looking => {
                let text = "Reading CloudTrail of every account, and the runs that used the connections. CloudTrail answers \
                            two requests a second.";
                Some((Paint::Dim, text.to_owned()))
            }
            Told::Failed(failure) => {
                let words = explain::failure(failure);
                let hint = shared.invocation().dress(&words.hint);
                Some((Paint::Bad, format!("{}: {}. {hint}", failure.code.text(), words.cause)))
            }
            Told::Found { rows: all, .. } if all.is_empty() => {
                Some((Paint::Dim, "No event in that time.".to_owned()))
            }
            Told::Found { .. } if rows == 0 => Some((Paint::Dim, "No event holds these words.".to_owned())),
            Told::Found { .. } => None,
        }
    }

    fn draw_list(&self, canvas: &mut Canvas<'_>, area: Rect, rows: &[&Row]) {
        let place = self.pick.place(rows.len());
        let window = self.pick.window(rows.len(), 1, usize::from(area.height));
        for (row, at) in (0_u16..).zip(window) {
            let Some(one) = rows.get(at) else { break };
            let line = Rect { y: area.y + row, height: 1, ..area };
            let spans = [
                canvas.span(one.paint, format!(" {} ", one.sign)),
                canvas.span(one.paint, one.title.as_str()),
            ];
            canvas.line(line, 0, &spans);
            if at == place {
                canvas.tint(line, Role::Selected);
            }
            canvas.hit(line, Hit::Item(at));
        }
    }

    fn draw_chosen(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let Some(row) = self.chosen() else { return };
        let columns = usize::from(area.width).min(WIDEST).saturating_sub(LABEL + 1).max(20);
        let mut lines: Vec<Line<'static>> = Vec::new();
        for (label, value) in &row.lines {
            for (at, part) in wrapped(value, columns).into_iter().enumerate() {
                let label = if at == 0 { *label } else { "" };
                let label = canvas.span(Paint::Dim, format!(" {label:<LABEL$}"));
                lines.push(vec![label, canvas.span(Paint::Plain, part)].into());
            }
        }
        canvas.lines(area, 0, &lines);
    }
}

impl Screen for AuditScreen {
    fn id(&self) -> Id {
        Id::Audit
    }

    fn about(&self) -> &'static str {
        "Who became which role in the last 7 days, or tried to: CloudTrail's events of tokens, each joined with the pipeline \
         run that used the subject's connection at that time. Events are up to 15 minutes late, and that there is none \
         proves nothing. Where several runs used a connection at once, or none that is still kept, it is told as unknown. \
         Looking only reads."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        if self.filter.is_typing() {
            return Filter::hints("Shows all events again.");
        }
        let mut hints = Vec::new();
        if matches!(self.told, Told::Found { .. }) {
            let help = "Shows only what holds every word typed: an environment, a person, refused.";
            hints.push(Hint::new("/", "filter", Press::letter('/'), help));
        }
        if self.chosen().is_some() {
            let help = "Copies the chosen event with everything about it.";
            hints.push(Hint::new("c", "copy", Press::letter('c'), help));
        }
        hints.push(Hint::new("R", "look again", Press::letter('R'), "Reads everything once more."));
        hints.push(Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back, or clears the filter first."));
        hints
    }

    fn press(&mut self, press: Press, _shared: &mut Shared) -> Option<Vec<Act>> {
        if self.filter.is_typing() {
            return self.press_filter(press);
        }
        if let Some(motion) = press.motion(true) {
            let count = self.rows().len();
            self.pick.step(motion, count, 1);
            return Some(Vec::new());
        }
        if press.code == KeyCode::Esc && self.filter.clear() {
            return Some(Vec::new());
        }
        match press.text()? {
            '/' => self.filter.begin(),
            'c' => return Some(self.chosen().map(|row| Act::Copy(row.text())).into_iter().collect()),
            'R' if !matches!(self.told, Told::Looking) => {
                self.told = Told::Looking;
                return Some(vec![Act::Effect(Effect::Audit)]);
            }
            _ => return None,
        }
        Some(Vec::new())
    }

    fn paste(&mut self, text: &str, _shared: &mut Shared) -> Vec<Act> {
        self.filter.paste(text);
        Vec::new()
    }

    fn pick(&mut self, item: usize, _shared: &mut Shared) -> Vec<Act> {
        self.pick.set(item);
        Vec::new()
    }

    fn told(&mut self, msg: &Msg, shared: &mut Shared) -> Vec<Act> {
        match msg {
            Msg::Audited(Ok(audit)) => self.take(audit, &shared.invocation()),
            Msg::Audited(Err(failure)) => self.told = Told::Failed(failure.clone()),
            _ => {}
        }
        Vec::new()
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        let line = Rect { x: area.x + 1, width: area.width.saturating_sub(2), height: 1, ..area };
        let mut head = vec![canvas.role(Role::Accent, "Audit")];
        if let Told::Found { tally, .. } = &self.told {
            head.push(canvas.span(Paint::Plain, format!("  {tally}")));
        }
        canvas.line(line, 0, &head);
        let late = Rect { y: line.y + 1, ..line };
        if self.filter.is_seen() {
            self.filter.draw(canvas, late);
        } else {
            let note = canvas.span(Paint::Dim, DELAY);
            canvas.line(late, 0, &[note]);
        }
        let body = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
        let rows = self.rows();
        if let Some((paint, text)) = self.instead(rows.len(), shared) {
            let place = Rect { x: line.x, width: line.width, ..body };
            for (row, text) in (0..).zip(wrapped(&text, usize::from(place.width).min(WIDEST))) {
                let span = canvas.span(paint, text);
                canvas.line(place, row, &[span]);
            }
            return;
        }
        let wanted = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        let height = wanted.min((body.height / 2).max(LEAST_LIST)).min(body.height);
        self.draw_list(canvas, Rect { height, ..body }, &rows);
        let rest = Rect { y: body.y + height, height: body.height - height, ..body };
        if rest.height > 1 {
            canvas.rule(rest, 0);
            self.draw_chosen(canvas, Rect { y: rest.y + 1, height: rest.height - 1, ..rest });
        }
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }
}
