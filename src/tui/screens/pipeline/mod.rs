//! The pipeline that deploys, as it would be written: presets and flows are tried, and the file follows at once. From here
//! it is written, or proposed as a pull request.

mod difference;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use self::difference::Difference;
use super::ask::Ask;
use super::{Act, Id, Screen};
use crate::domain::deploy::{of, render};
use crate::domain::failure::Failure;
use crate::domain::federation::{Federation, Flow, Otherwise, Source, Tool};
use crate::explain::signs::Paint;
use crate::plan::event::Outcome;
use crate::tui::canvas::{Canvas, wrapped};
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::msg::{Command, Effect, Msg, PipelineWish, Placed};
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::widgets::scroll::Scroll;

/// What the answers make.
#[derive(Debug)]
enum Told {
    /// The file, and what was assumed for it.
    File { lines: Vec<String>, assumed: Vec<String> },
    /// They make none, and why.
    Nothing(String),
}

/// The pipeline screen.
#[derive(Debug)]
pub struct Pipeline {
    tool: Tool,
    flow: Flow,
    told: Told,
    /// Whether the code lies where keyless can open a pull request.
    proposes: bool,
    /// The page of the pull request that was opened from here.
    page: Option<String>,
    top: Scroll,
}

/// A failure in one line.
fn in_words(failure: &Failure) -> String {
    let cause = crate::explain::failure(failure).cause;
    match failure.evidence.first() {
        Some(first) => format!("{cause} ({}: {})", first.label, first.value),
        None => cause,
    }
}

/// The one after it; after the last comes the first.
fn next<T: Copy + PartialEq>(all: &[T], now: T) -> T {
    let at = all.iter().position(|one| *one == now).map_or(0, |at| (at + 1) % all.len());
    all.get(at).copied().unwrap_or(now)
}

fn told(answers: Option<&Federation>, tool: Tool, flow: Flow) -> Told {
    let Some(answers) = answers else {
        return Told::Nothing("there are no answers yet: set up first".to_owned());
    };
    let otherwise = Otherwise { tool: Some(tool), flow: Some(flow), repository: None };
    let federation = match answers.deploying(&otherwise) {
        Ok(Some(federation)) => federation,
        Ok(None) => return Told::Nothing("nothing says what deploys".to_owned()),
        Err(refused) => return Told::Nothing(refused.to_string()),
    };
    let written = of(&federation).and_then(|answered| Ok((render(&answered.deployment)?, answered.assumed)));
    match written {
        Ok((text, assumed)) => Told::File { lines: text.lines().map(str::to_owned).collect(), assumed },
        Err(problem) => Told::Nothing(problem.to_string()),
    }
}

/// The answers with this pipeline in them; none: they make none.
fn wanted(answers: Option<&Federation>, wish: PipelineWish) -> Option<Federation> {
    let otherwise = Otherwise { tool: Some(wish.tool), flow: Some(wish.flow), repository: None };
    answers?.deploying(&otherwise).ok()?
}

/// Asks whether the answers are kept, where they are not yet: setup, status and doctor only know of what is saved.
fn offers(wish: PipelineWish, shared: &Shared) -> Option<Act> {
    let answers = shared.opened.as_ref()?.federation.as_ref()?;
    let wanted = wanted(Some(answers), wish)?;
    if wanted == *answers {
        return None;
    }
    let question = "Save [pipeline] to keyless.toml, so that setup, status and doctor know of it?";
    Some(Act::Push(Box::new(Ask::new(question, Act::Effect(Effect::SavePipeline(wish))))))
}

impl Pipeline {
    /// The screen, with what the answers say.
    pub fn of(shared: &Shared) -> Self {
        let answers = shared.opened.as_ref().and_then(|opened| opened.federation.as_ref());
        let there = answers.and_then(|answers| answers.pipeline.as_ref());
        let (tool, flow) = there.map_or((Tool::Cdk, Flow::Mapped), |there| (there.tool, there.flow));
        let mut screen = Self {
            tool,
            flow,
            told: Told::Nothing(String::new()),
            proposes: false,
            page: None,
            top: Scroll::default(),
        };
        screen.turn(tool, flow, shared);
        screen
    }

    fn wish(&self) -> PipelineWish {
        PipelineWish { tool: self.tool, flow: self.flow }
    }

    fn turn(&mut self, tool: Tool, flow: Flow, shared: &Shared) {
        let answers = shared.opened.as_ref().and_then(|opened| opened.federation.as_ref());
        (self.tool, self.flow) = (tool, flow);
        self.told = told(answers, tool, flow);
        self.proposes = wanted(answers, self.wish())
            .and_then(|federation| federation.pipeline)
            .is_some_and(|pipeline| matches!(pipeline.repository, Source::AzureRepos(_)));
        self.top.reset();
    }

    /// What became of the file, and whether the answers are to be kept.
    fn placed(&self, wish: PipelineWish, placed: &Placed, shared: &Shared) -> Vec<Act> {
        match placed {
            Placed::Other { other, beside } => {
                vec![Act::Push(Box::new(Difference::here(
                    other.clone(),
                    beside.clone(),
                    wish,
                    self.proposes,
                )))]
            }
            Placed::Written(path) => {
                std::iter::once(Act::Say(format!("written: {path}"))).chain(offers(wish, shared)).collect()
            }
            Placed::Beside(path) => {
                let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
                let text = format!("written: {name}; to use it, name it as file under [pipeline]");
                std::iter::once(Act::Say(text)).chain(offers(wish, shared)).collect()
            }
            Placed::Unchanged(path) => {
                let text = format!("{path} holds exactly this already; nothing was written");
                std::iter::once(Act::Say(text)).chain(offers(wish, shared)).collect()
            }
        }
    }

    /// The command that brings the file to its repository.
    fn command(&self, shared: &Shared) -> String {
        let command = format!("keyless pipeline --preset {} --flow {} --pull-request", self.tool, self.flow);
        shared.invocation().dress(&command)
    }

    fn draw_head(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        let spans = vec![
            canvas.role(Role::Accent, "Pipeline"),
            canvas.span(Paint::Dim, "  preset "),
            canvas.span(Paint::Strong, self.tool.as_str()),
            canvas.span(Paint::Dim, "  flow "),
            canvas.span(Paint::Strong, self.flow.as_str()),
        ];
        canvas.line(area, 0, &spans);
        let (paint, text) = match &self.told {
            Told::File { assumed, .. } if assumed.is_empty() && offers(self.wish(), shared).is_none() => {
                (Paint::Dim, "as the answers say; a condition in it is not a gate".to_owned())
            }
            Told::File { assumed, .. } if assumed.is_empty() => {
                (Paint::Dim, "not what keyless.toml says yet: w and o offer to keep it there".to_owned())
            }
            Told::File { assumed, .. } => (Paint::Warn, format!("assumed: {}", assumed.join("; "))),
            Told::Nothing(_) => (Paint::Dim, String::new()),
        };
        let line = canvas.span(paint, text);
        canvas.line(area, 1, &[line]);
        if let Some(page) = &self.page {
            let spans = [canvas.span(Paint::Good, "pull request  "), canvas.span(Paint::Plain, page)];
            canvas.line(area, 2, &spans);
        }
    }
}

impl Screen for Pipeline {
    fn id(&self) -> Id {
        Id::Pipeline
    }

    fn about(&self) -> &'static str {
        "The pipeline that deploys, as `keyless pipeline` would write it from the answers: a stage per environment, for \
         exactly its branches. Other presets and flows are shown at once. w writes the file into the repository keyless was \
         started in, o plans a pull request with it: a file that is there is never overwritten, and nothing is written before \
         you have read what differs."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        let mut hints = vec![
            Hint::new("p", "preset", Press::letter('p'), "Shows the file of the next preset."),
            Hint::new("f", "flow", Press::letter('f'), "Shows the file of the next flow."),
        ];
        if matches!(self.told, Told::File { .. }) {
            let help = "Writes the file into the repository keyless was started in; another one that is there stays.";
            hints.push(Hint::new("w", "write here", Press::letter('w'), help));
            if self.proposes {
                let help = "Plans a pull request with the file; the plan is reviewed first.";
                hints.push(Hint::new("o", "pull request", Press::letter('o'), help));
            }
            if self.page.is_some() {
                let help = "Copies the address of the pull request that was opened from here.";
                hints.push(Hint::new("u", "copy link", Press::letter('u'), help));
            }
            hints.push(Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back."));
            hints.push(Hint::new("c", "copy file", Press::letter('c'), "Copies the file."));
            hints.push(Hint::new(
                "x",
                "copy command",
                Press::letter('x'),
                "Copies the command that opens a pull request with it.",
            ));
        }
        if !matches!(self.told, Told::File { .. }) {
            hints.push(Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back."));
        }
        hints.extend(self.top.hints());
        hints
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        if let Some(motion) = press.motion(true) {
            self.top.step(motion);
            return Some(Vec::new());
        }
        match (press.text()?, &self.told) {
            ('p', _) => self.turn(next(Tool::ALL, self.tool), self.flow, shared),
            ('f', _) => self.turn(self.tool, next(Flow::ALL, self.flow), shared),
            (' ', _) => drop(self.top.step(Motion::PageDown)),
            ('w', Told::File { .. }) => {
                let write = Effect::PlacePipeline { wish: self.wish(), beside: false };
                return Some(vec![Act::Effect(write)]);
            }
            ('o', Told::File { .. }) if self.proposes => {
                return Some(vec![Act::Run(Command::Pipeline(self.wish()), Vec::new())]);
            }
            ('o', Told::File { .. }) => {
                let text = "the code lies on GitHub, where keyless does not write: w writes the file here";
                return Some(vec![Act::Say(text.to_owned())]);
            }
            ('u', _) => return self.page.clone().map(|page| vec![Act::Copy(page)]),
            ('c', Told::File { lines, .. }) => return Some(vec![Act::Copy(lines.join("\n") + "\n")]),
            ('x', Told::File { .. }) => return Some(vec![Act::Copy(self.command(shared))]),
            _ => return None,
        }
        Some(Vec::new())
    }

    fn told(&mut self, msg: &Msg, shared: &mut Shared) -> Vec<Act> {
        match msg {
            Msg::PipelinePlaced { wish, result: Ok(placed) } => self.placed(*wish, placed, shared),
            Msg::PipelinePlaced { result: Err(failure), .. } | Msg::PipelineSaved(Err(failure)) => {
                vec![Act::Say(in_words(failure))]
            }
            Msg::PipelineSaved(Ok(path)) => vec![Act::Say(format!("[pipeline] is saved to {path}"))],
            Msg::PipelinePage(page) => {
                self.page = Some(page.clone());
                Vec::new()
            }
            Msg::PipelineDiffers(other) => vec![Act::Push(Box::new(Difference::on_main(other.clone())))],
            Msg::Ended { job, result: Ok(ending) } if ending.outcome == Outcome::Done => {
                let run = shared.run.as_ref().filter(|run| run.job == *job);
                match run.and_then(|run| run.asked.as_ref()) {
                    Some((Command::Pipeline(wish), _)) => offers(*wish, shared).into_iter().collect(),
                    _ => Vec::new(),
                }
            }
            Msg::Answers(_) => {
                let top = self.top.clone();
                self.turn(self.tool, self.flow, shared);
                self.top = top;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        self.draw_head(canvas, Rect { height: 3.min(area.height), ..area }, shared);
        let above = if self.page.is_some() { 4 } else { 3 };
        let rest = Rect { y: area.y + above, height: area.height.saturating_sub(above), ..area };
        match &self.told {
            Told::File { lines, .. } => {
                let seen = self.top.window(lines.len(), usize::from(rest.height));
                for (row, line) in (0_u16..).zip(&lines[seen]) {
                    let paint = if line.trim_start().starts_with('#') { Paint::Dim } else { Paint::Plain };
                    let span = canvas.span(paint, line);
                    canvas.line(rest, row, &[span]);
                }
            }
            Told::Nothing(why) => {
                for (row, line) in (0_u16..).zip(wrapped(why, usize::from(rest.width))) {
                    let span = canvas.span(Paint::Warn, line);
                    canvas.line(rest, row, &[span]);
                }
            }
        }
    }
}
