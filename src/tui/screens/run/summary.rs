//! The end of a run, line by line: verdicts, failures, what waits, what stays, what comes next, where to look.

use unicode_width::UnicodeWidthStr;

use crate::domain::failure::Code;
use crate::domain::handshake::Verdict;
use crate::explain;
use crate::explain::signs::{self, Paint};
use crate::plan::board::{EnvironmentStatus, StepStatus};
use crate::plan::event::{Ended, Outcome};
use crate::plan::place;
use crate::tui::canvas::wrapped;
use crate::tui::rotation;
use crate::tui::running::Running;
use crate::tui::screens::review::count;
use crate::tui::shared::Shared;

/// Environments whose pages are named one by one.
const FEW: usize = 12;

/// Widest text, in columns.
const WIDEST: u16 = 112;

/// One line, and what `c` copies of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Its pieces by their meaning.
    pub spans: Vec<(Paint, String)>,
    /// A link, ARN or command.
    pub copy: Option<String>,
}

impl Line {
    fn of(paint: Paint, text: impl Into<String>) -> Self {
        Self { spans: vec![(paint, text.into())], copy: None }
    }

    /// The line on as many rows as it needs. A link or ARN stays on one: it is copied, not read.
    fn folded(self, columns: usize) -> Vec<Self> {
        let width: usize = self.spans.iter().map(|(_, text)| text.width()).sum();
        let Some(((paint, last), head)) = self.spans.split_last().filter(|_| width > columns) else {
            return vec![self];
        };
        let used: usize = head.iter().map(|(_, text)| text.width()).sum();
        let indent = last.len() - last.trim_start().len();
        let room = columns.saturating_sub(used + indent);
        // A value that is copied as it stands, or a head that leaves no room, is cut instead.
        if room < 20 || self.copy.as_deref() == Some(last.trim()) {
            return vec![self];
        }
        let texts = wrapped(last.trim_start(), room).into_iter().enumerate();
        let row = |(at, text): (usize, String)| {
            let before = match at {
                0 => head.to_vec(),
                _ => vec![(Paint::Plain, " ".repeat(used))],
            };
            let own = (*paint, format!("{}{text}", " ".repeat(indent)));
            Self { spans: before.into_iter().chain([own]).collect(), copy: self.copy.clone() }
        };
        texts.map(row).collect()
    }

    fn value(label: &str, value: String) -> Self {
        Self {
            spans: vec![(Paint::Dim, format!("  {label:<12} ")), (Paint::Plain, value.clone())],
            copy: Some(value),
        }
    }
}

fn title(lines: &mut Vec<Line>, text: &str) {
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines.push(Line::of(Paint::Strong, text));
}

/// All lines of the end of a run, for a screen of so many columns.
pub fn lines(run: &Running, shared: &Shared, columns: u16) -> Vec<Line> {
    let whole = told(run, shared);
    let columns = usize::from(columns.clamp(40, WIDEST)) - 2;
    whole.into_iter().flat_map(|line| line.folded(columns)).collect()
}

fn told(run: &Running, shared: &Shared) -> Vec<Line> {
    let mut lines = Vec::new();
    let tears_down = run.command == "teardown";
    if !tears_down {
        verdicts(&mut lines, run, shared.theme.ascii);
    }
    if let Some(Err(failure)) = &run.ending {
        title(&mut lines, "What went wrong");
        lines.extend(
            explain::lines(failure, &shared.invocation())
                .into_iter()
                .map(|line| Line::of(Paint::Plain, line)),
        );
    }
    failures(&mut lines, run, shared);
    list(&mut lines, "Waits for", &run.board.waiting_for);
    list(&mut lines, "Stays behind", &run.board.leftovers);
    next(&mut lines, run, shared);
    if !tears_down {
        links(&mut lines, run, shared);
        every_verdict(&mut lines, run, shared.theme.ascii);
    }
    lines
}

fn verdict(status: &EnvironmentStatus) -> Option<&Verdict> {
    status.handshake.as_ref().map(|handshake| &handshake.verdict)
}

/// Every environment with its verdict: those that are not proven first. Of many only these, and not all of them.
fn verdicts(lines: &mut Vec<Line>, run: &Running, ascii: bool) {
    let all = &run.board.environments;
    if all.is_empty() {
        return;
    }
    let (good, rest): (Vec<&EnvironmentStatus>, Vec<&EnvironmentStatus>) =
        all.iter().partition(|status| verdict(status) == Some(&Verdict::Proven));
    title(lines, &format!("{} of {} proven", good.len(), count(all.len(), "environment", "environments")));
    let shown: Vec<&EnvironmentStatus> = match all.len() <= FEW {
        true => rest.iter().chain(&good).copied().collect(),
        false => rest.iter().take(FEW).copied().collect(),
    };
    verdict_lines(lines, shown.into_iter(), ascii);
    if all.len() > FEW && rest.len() > FEW {
        lines.push(Line::of(Paint::Dim, format!("  and {} more: each is told at the end", rest.len() - FEW)));
    }
}

/// Of many environments every one, after what needs a person.
fn every_verdict(lines: &mut Vec<Line>, run: &Running, ascii: bool) {
    if run.board.environments.len() > FEW {
        title(lines, "All environments");
        verdict_lines(lines, run.board.environments.iter(), ascii);
    }
}

fn verdict_lines<'b>(
    lines: &mut Vec<Line>,
    environments: impl Iterator<Item = &'b EnvironmentStatus> + Clone,
    ascii: bool,
) {
    let longest = environments.clone().map(|status| status.info.name.as_str().len()).max().unwrap_or(0);
    for status in environments {
        let (glyph, paint) = signs::verdict(verdict(status)).drawn(ascii);
        let word = verdict(status).map_or("unknown", Verdict::word);
        let handshake = status.handshake.as_ref();
        let identity = handshake.and_then(|handshake| handshake.identity.clone());
        let short = |arn: &str| arn.rsplit(':').next().unwrap_or(arn).to_owned();
        let detail = match verdict(status) {
            Some(Verdict::Proven) => identity.as_deref().map(short),
            Some(other) => other.reason(),
            None => Some("no run has proven it yet".to_owned()),
        };
        lines.push(Line {
            spans: vec![
                (paint, format!("{glyph} ")),
                (Paint::Strong, format!("{:<longest$}  ", status.info.name.as_str())),
                (paint, format!("{word:<9}")),
                (Paint::Plain, detail.unwrap_or_default()),
            ],
            copy: identity,
        });
    }
}

fn failures(lines: &mut Vec<Line>, run: &Running, shared: &Shared) {
    let judged = |step: &StepStatus| {
        let own = |status: &&EnvironmentStatus| step.info.environments.contains(&status.info.name);
        run.board
            .environments
            .iter()
            .filter(own)
            .any(|status| verdict(status).is_some_and(|v| *v != Verdict::Proven))
    };
    let mut told: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    let mut held: Vec<(String, Vec<String>)> = Vec::new();
    for step in &run.board.steps {
        let name = place::named(&step.info);
        let mut hold = |cause: String| match held.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, names)) => names.push(name.clone()),
            None => held.push((cause, vec![name.clone()])),
        };
        match &step.ended {
            // The verdict above is this failure.
            Some(Ended::Failed { failure }) if failure.code == Code::HandshakeFailed && judged(step) => {}
            Some(Ended::Failed { failure }) => {
                let words = explain::lines(failure, &shared.invocation());
                match told.iter_mut().find(|(known, _)| *known == words) {
                    Some((_, names)) => names.push(name),
                    None => told.push((words, vec![name])),
                }
            }
            Some(Ended::WillNotRun { because }) => {
                let cause = run.board.step(because).map(|step| place::named(&step.info));
                hold(format!("not done, needs {}", cause.unwrap_or_else(|| because.words())));
            }
            Some(Ended::Stale { now }) => hold(format!("changed since the plan was made ({})", now.why)),
            Some(Ended::NotApproved) => hold("not approved".to_owned()),
            Some(Ended::Stopped) => hold("stopped before it".to_owned()),
            Some(Ended::Kept | Ended::Applied | Ended::Waiting { .. }) | None => {}
        }
    }
    if !told.is_empty() {
        title(lines, "Failed");
    }
    for (words, names) in told {
        lines.push(Line::of(Paint::Bad, format!("  {}", enumerated(&names))));
        lines.extend(
            words.into_iter().map(|line| Line::of(Paint::Plain, format!("    {}", line.trim_start()))),
        );
    }
    if !held.is_empty() {
        title(lines, "Left as it is");
    }
    for (cause, names) in held {
        lines.push(Line {
            spans: vec![
                (Paint::Warn, "  ".to_owned()),
                (Paint::Plain, format!("{}: {cause}", enumerated(&names))),
            ],
            copy: None,
        });
    }
}

fn enumerated(names: &[String]) -> String {
    match names {
        [first, second, third, _, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len() + 1)
        }
        few => few.join(", "),
    }
}

/// What is told one below the other; the flag in it is copied.
fn list(lines: &mut Vec<Line>, heading: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    title(lines, heading);
    for item in items {
        let copy = item.split_once(": --").map(|(_, flag)| format!("--{flag}"));
        lines.push(Line { spans: vec![(Paint::Plain, format!("  {item}"))], copy });
    }
}

/// The console of the partition a role is in.
fn console(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(6, ':').skip(1);
    let host = match parts.next()? {
        "aws" => "console.aws.amazon.com",
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => return None,
    };
    let name = arn.rsplit('/').next()?;
    Some(format!("https://{host}/iam/home#/roles/details/{name}"))
}

fn links(lines: &mut Vec<Line>, run: &Running, shared: &Shared) {
    let mut found = Vec::new();
    let mut pages: Vec<&str> = Vec::new();
    for page in run.board.environments.iter().filter_map(|e| e.handshake.as_ref()?.run.as_deref()) {
        if !pages.contains(&page) {
            pages.push(page);
        }
    }
    found.extend(pages.into_iter().take(FEW).map(|page| Line::value("run", page.to_owned())));
    if let Some(header) = run.board.header.as_ref().filter(|_| shared.practice().is_none()) {
        let project = header.project.replace(' ', "%20");
        let page = format!("https://dev.azure.com/{}/{project}/_settings/adminservices", header.organization);
        found.push(Line::value("connections", page));
    }
    for status in run.board.environments.iter().take(FEW) {
        found.push(Line::value("role", status.info.role.clone()));
        if shared.practice().is_none() {
            found.extend(console(&status.info.role).map(|page| Line::value("console", page)));
        }
    }
    if !found.is_empty() {
        title(lines, "Where to look (c copies)");
        lines.append(&mut found);
    }
}

/// What comes next where a rotation waits for a day; none: it does not, or was not looked at since.
fn due(run: &Running, shared: &Shared) -> Option<String> {
    let (command, names) = run.asked.as_ref()?;
    let waits = rotation::soonest(shared, names).filter(|_| command.is_rotation())?;
    Some(format!(
        "nothing before {}: until then the old key stays as it is. On the panes and in the inventory o goes on then, and b \
         rolls back at any time before the end of the key.",
        waits.words()
    ))
}

/// What comes next, by key; the same as a command is what `c` copies.
fn next(lines: &mut Vec<Line>, run: &Running, shared: &Shared) {
    let outcome = match &run.ending {
        Some(Ok(ending)) => Some(ending.outcome),
        Some(Err(_)) | None => None,
    };
    let due = due(run, shared);
    let text = match outcome {
        Some(Outcome::Done) if run.command == "teardown" => {
            "enter goes home; nothing of keyless is left there."
        }
        Some(Outcome::Done) => {
            "enter goes to the environments, which are looked at by themselves from now on."
        }
        Some(Outcome::Waiting) if due.is_some() => due.as_deref().unwrap_or_default(),
        Some(Outcome::Waiting) => {
            "r looks anew: what was not approved is asked again, and what waits goes on if it can."
        }
        Some(Outcome::Stopped) => "r goes on where the clouds stand; what was under way is looked at first.",
        Some(Outcome::Stale) => "r looks anew and shows the new plan.",
        Some(Outcome::Failed) | None => {
            "heal what is named above, then r: it goes on where the clouds stand."
        }
    };
    title(lines, "Next");
    lines.push(Line::of(Paint::Plain, format!("  {text}")));
    let proven = |status: &&EnvironmentStatus| verdict(status) == Some(&Verdict::Proven);
    if let Some(status) = run.board.environments.iter().find(proven).filter(|_| run.command == "setup") {
        let input = format!("awsCredentials: {}", status.info.connection);
        let text = format!("  in a pipeline for {}: task AWSShellScript@1 with {input}", status.info.name);
        lines.push(Line { spans: vec![(Paint::Plain, text)], copy: Some(input) });
    }
    if outcome != Some(Outcome::Done) {
        let command = run.called(shared.invocation()).again(&run.command);
        let text = format!("  the same from a shell: {command}");
        lines.push(Line { spans: vec![(Paint::Dim, text)], copy: Some(command) });
    }
}
