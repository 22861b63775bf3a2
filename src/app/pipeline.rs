//! `keyless pipeline`: the file that deploys, on stdout, here, on a branch or as a pull request.

use std::path::{Path, PathBuf};

use super::answers::{self, Answers};
use super::approve;
use super::flow::{Flow, Reviewed};
use super::open::{Clouds, Opening};
use super::output::{Output, Printer};
use super::stream::WAITS_FOR;
use crate::cli::Yes;
use crate::config;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{self, Deployment, Federation, Otherwise, Source, Tool, defaults};
use crate::domain::names::Refused;
use crate::explain::{Exit, quoted};
use crate::headless::pipeline::PipelineOutput;
use crate::host::files;
use crate::plain;
use crate::plan::file::Only;
use crate::programs::build::Purpose;
use crate::programs::pipeline::{Way, Written, page, prepare_delivery, write};
use crate::programs::session::Session;

/// What the flags say.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// What deploys, instead of what the answers say.
    pub preset: Option<Tool>,
    /// Which branches deploy where, instead of what the answers say.
    pub flow: Option<federation::Flow>,
    /// Where the code lies, instead of what the answers say.
    pub repository: Option<Source>,
    /// Only print it.
    pub stdout: bool,
    /// Bring it to a branch, and how; none: write it here.
    pub delivery: Option<Way>,
    /// Write beside what is there, and save the answers.
    pub yes: bool,
}

/// The flags that the same call repeats.
pub fn again(
    preset: Option<Tool>,
    flow: Option<federation::Flow>,
    repository: Option<&Source>,
    delivery: Option<&Way>,
) -> Vec<String> {
    let named = |flag: &str, value: Option<String>| value.map(|value| format!("--{flag} {}", quoted(&value)));
    let proposes = delivery.is_some_and(|way| way.pull_request);
    [
        named("preset", preset.map(|tool| tool.to_string())),
        named("flow", flow.map(|flow| flow.to_string())),
        named("repository", repository.map(ToString::to_string)),
        named("branch", delivery.and_then(|way| way.branch.clone())),
        proposes.then(|| "--pull-request".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The name beside a file that is there.
const BESIDE: &str = "keyless";

/// Writes the pipeline that deploys.
///
/// # Errors
/// There are no answers or they make no pipeline, another file is there and nobody decides, or Azure DevOps refuses.
pub async fn pipeline(opening: Opening, wish: &Wish, output: &Output) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let found = answers::find(&opening, clouds.practice.as_ref())?.ok_or_else(answers::missing)?;
    let federation = filled(&found, wish, &opening, output).await?;
    let written = write(&federation)?;
    let shown = Shown { opening: &opening, clouds: &clouds, output, federation: &federation, wish };
    shown.tells_assumed(&written);
    if wish.stdout {
        shown.prints(&written, None, false);
        return Ok(Exit::Done);
    }
    let (exit, saves) = match &wish.delivery {
        Some(way) => shown.delivers(way).await?,
        None => shown.writes(&written).await?,
    };
    if saves && federation != found.federation {
        shown.offers_to_save().await?;
    }
    Ok(exit)
}

/// The answers with a pipeline in them, as the flags say.
async fn filled(found: &Answers, wish: &Wish, opening: &Opening, output: &Output) -> Result<Federation> {
    let refused = |refused: Refused| Failure::new(Code::Answers).with("pipeline", refused);
    let mut otherwise = Otherwise { tool: wish.preset, flow: wish.flow, repository: wish.repository.clone() };
    if found.federation.pipeline.is_none() {
        if otherwise.repository.is_none() {
            let own = found.federation.own_repository().map_err(refused)?;
            output
                .talk(&format!("repository {own}, that of the project's name (--repository names another)"));
        }
        if otherwise.tool.is_none() {
            otherwise.tool = Some(asked(opening, output).await?);
        }
    }
    let missing = || Failure::new(Code::Answers).with("pipeline", "what deploys is not said");
    let federation = found.federation.deploying(&otherwise).map_err(refused)?.ok_or_else(missing)?;
    match federation.contradictions().into_iter().next() {
        Some(contradiction) => Err(Failure::new(Code::Answers).with(contradiction.field, contradiction.text)),
        None => Ok(federation),
    }
}

/// What deploys, as the person says.
async fn asked(opening: &Opening, output: &Output) -> Result<Tool> {
    let missing = || {
        Failure::new(Code::Answers)
            .with("pipeline", "what deploys is not said")
            .with("accepted", format!("--preset NAME: {}", Tool::ACCEPTED))
    };
    if !opening.process.is_interactive() {
        return Err(missing());
    }
    output.talk(&format!("What deploys? Type one of {}:", Tool::ACCEPTED));
    approve::line(&opening.stop).await?.parse().map_err(|_| missing())
}

/// One call of the command.
struct Shown<'a> {
    opening: &'a Opening,
    clouds: &'a Clouds,
    output: &'a Output,
    federation: &'a Federation,
    wish: &'a Wish,
}

impl Shown<'_> {
    fn dressed(&self, text: &str) -> String {
        self.output.invocation().dress(text)
    }

    fn tells_assumed(&self, written: &Written) {
        let assumed = &written.answered.assumed;
        if assumed.is_empty() {
            return;
        }
        self.output.talk("assumed, because keyless.toml does not say otherwise:");
        assumed.iter().for_each(|one| self.output.talk(&format!("  {one}")));
    }

    /// The file on stdout, or what is told of it as JSON.
    fn prints(&self, written: &Written, path: Option<String>, unchanged: bool) {
        let Some(answers) = &self.federation.pipeline else { return };
        if self.output.json() {
            let told = PipelineOutput::of(answers, &written.answered, &written.yaml, path, unchanged);
            self.output.data(&serde_json::to_string_pretty(&told).unwrap_or_default());
        } else if self.wish.stdout {
            self.output.data(written.yaml.trim_end_matches('\n'));
        }
    }

    /// Writes the file into the repository at hand. What is there already stays. With whether the answers are to be saved.
    async fn writes(&self, written: &Written) -> Result<(Exit, bool)> {
        let file = self.federation.pipeline.as_ref().map_or(defaults::PIPELINE_FILE, |it| it.file.as_str());
        let root = files::repository_root(&self.opening.process.directory);
        let path = root.join(file);
        let place = match files::read(&path)? {
            None => path,
            Some(there) if there == written.yaml => {
                self.output
                    .talk(&format!("{} holds exactly this already; nothing was written", path.display()));
                self.prints(written, Some(path.display().to_string()), true);
                self.tells_next(&path);
                return Ok((Exit::Done, true));
            }
            Some(there) => match self.beside(&path, &there, written).await? {
                Beside::Write(place) => place,
                Beside::Deliver => {
                    return self.delivers(&Way { branch: None, pull_request: true }).await;
                }
                Beside::Leave => {
                    self.output.talk("Nothing was changed.");
                    return Ok((Exit::Done, false));
                }
            },
        };
        self.places(&place, written)?;
        Ok((Exit::Done, true))
    }

    fn places(&self, place: &Path, written: &Written) -> Result<()> {
        let folder = place.parent().unwrap_or(place);
        let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let unchanged = files::read(place)?.is_some_and(|there| there == written.yaml);
        files::write_new(folder, &[(name, written.yaml.clone())])?;
        self.output.talk(&match unchanged {
            true => format!("{} holds exactly this already; nothing was written", place.display()),
            false => format!("written: {}", place.display()),
        });
        self.prints(written, Some(place.display().to_string()), unchanged);
        self.tells_next(place);
        Ok(())
    }

    /// Another file of that name is there: shows what differs, and asks.
    async fn beside(&self, path: &Path, there: &str, written: &Written) -> Result<Beside> {
        let name = path.display().to_string();
        if !self.output.json() {
            self.output.data(&plain::pipeline::difference(&name, there, &written.yaml, self.output.look()));
        }
        let place = beside(path);
        if self.wish.yes {
            self.output.talk(&format!("{name} is another file and stays as it is"));
            return Ok(Beside::Write(place));
        }
        if !self.opening.process.is_interactive() {
            return Err(Failure::new(Code::NotApproved)
                .with("there is another file", &name)
                .with(WAITS_FOR, format!("a new file {}: --yes", place.display()))
                .with(WAITS_FOR, "a pull request: --pull-request"));
        }
        let can_propose =
            matches!(self.federation.pipeline.as_ref().map(|it| &it.repository), Some(Source::AzureRepos(_)));
        let proposal = if can_propose { ", pr to open a pull request" } else { "" };
        self.output.talk(&format!(
            "{name} is another file, and is never overwritten. Type new to write {}{proposal}, anything else to leave everything \
             as it is:",
            place.display()
        ));
        Ok(match approve::line(&self.opening.stop).await?.as_str() {
            "new" => Beside::Write(place),
            "pr" if can_propose => Beside::Deliver,
            _ => Beside::Leave,
        })
    }

    /// What a person does with the file, as far as keyless does not.
    fn tells_next(&self, place: &Path) {
        let Some(Deployment { name, repository, file, main, .. }) = &self.federation.pipeline else { return };
        let own = place.ends_with(file);
        let to_main = match repository {
            Source::AzureRepos(_) => format!(
                "commit it and bring it to {main} by a pull request, or let `keyless pipeline --pull-request` do both"
            ),
            Source::GitHub { .. } => format!(
                "commit it and open a pull request into {main} of {repository}; make the pipeline {name} in Azure DevOps \
                 from there (New pipeline, GitHub, Existing YAML file), because only you can let it in to GitHub"
            ),
        };
        let path = place.file_name().unwrap_or_default().to_string_lossy();
        let named =
            if own { String::new() } else { format!("; name it under [pipeline] as file = \"{path}\"") };
        self.output.talk(&self.dressed(&format!(
            "next: {to_main}{named}; then `keyless setup` takes up pipeline {name}, its gates and permissions"
        )));
    }

    /// Brings the file to a branch of its repository. With whether the answers are to be saved.
    async fn delivers(&self, way: &Way) -> Result<(Exit, bool)> {
        let (events, printer) = self.output.follow(true);
        let opening = Opening { only: Some(Only::AzureDevops), ..self.opening.clone() };
        let mut session = self.clouds.session(&opening, self.federation.clone(), events, self.output).await?;
        // AWS is nobody else's here: it is just not asked.
        session.only = None;
        session.aws = session
            .federation
            .environments
            .iter()
            .map(|environment| (environment.name.clone(), Err(Failure::new(Code::AwsSignIn))))
            .collect();
        let result = self.delivered(&session, way, &printer).await;
        drop(session);
        printer.done().await;
        let delivered = result?;
        Ok((self.tells_end(&delivered), !matches!(delivered.reviewed, Reviewed::Declined(_))))
    }

    async fn delivered(&self, session: &Session, way: &Way, printer: &Printer) -> Result<Delivered> {
        let ready = prepare_delivery(session, way).await?;
        if let Some(there) = ready.there.as_ref().filter(|there| **there != ready.file.content) {
            let name = format!("{} on {} of {}", ready.file.path, ready.file.main, ready.file.repository);
            if !self.output.json() {
                let look = self.output.look();
                printer.caught_up(&session.events).await;
                self.output.data(&plain::pipeline::difference(&name, there, &ready.file.content, look));
            }
        }
        let yes = Yes { yes: self.wish.yes, ..Yes::default() };
        let flow = Flow {
            opening: self.opening,
            clouds: self.clouds,
            output: self.output,
            yes: &yes,
            command: "pipeline",
            purpose: Purpose::Pipeline,
        };
        let on_main = ready.there.as_ref() == Some(&ready.file.content);
        let surveyed = ready.prepared.surveyed.clone();
        let reviewed = flow.carry_out(ready.prepared, session, printer).await?;
        let page = page(session, &surveyed, &ready.file).await?;
        printer.caught_up(&session.events).await;
        let exit = flow.end(&session.events.board(), &reviewed);
        Ok(Delivered {
            reviewed,
            exit,
            page,
            on_main,
            branch: ready.file.branch,
            pull_request: way.pull_request,
        })
    }

    fn tells_end(&self, delivered: &Delivered) -> Exit {
        let Some(Deployment { name, main, .. }) = &self.federation.pipeline else { return delivered.exit };
        if matches!(delivered.reviewed, Reviewed::Declined(_)) {
            return delivered.exit;
        }
        if let Some(page) = &delivered.page {
            match delivered.pull_request {
                true => self.output.talk(&format!("pull request: {page}")),
                false => self.output.talk(&format!("branch {} of {page}", delivered.branch)),
            }
        }
        let then = match (delivered.on_main, delivered.pull_request) {
            (true, _) => "next:".to_owned(),
            (false, true) => format!("next, once it is merged into {main}:"),
            (false, false) => format!("next, once a pull request brought it to {main}:"),
        };
        self.output.talk(
            &self.dressed(&format!(
                "{then} `keyless setup` takes up pipeline {name}, its gates and permissions"
            )),
        );
        delivered.exit
    }

    /// Keeps what the flags said, where the person wants that: `keyless setup` makes gates only for a pipeline it knows.
    async fn offers_to_save(&self) -> Result<()> {
        let path = answers::place(self.opening, self.clouds.practice.as_ref());
        let agreed = match (self.wish.yes, self.opening.process.is_interactive()) {
            (true, _) => true,
            (false, true) => {
                let question = format!(
                    "Save [pipeline] to {}, so that setup, status and doctor know it? Type yes, anything else to leave it:",
                    path.display()
                );
                approve::agrees(&question, self.output, &self.opening.stop).await?
            }
            (false, false) => false,
        };
        if !agreed {
            self.output.talk(
                "[pipeline] was not saved: setup, status and doctor do not know of it (--yes saves it)",
            );
            return Ok(());
        }
        let practice = self.clouds.practice.as_ref();
        let existing = files::read(&path)?.or_else(|| practice.map(|open| open.answers.clone()));
        let text = match existing {
            Some(existing) => {
                config::update(&existing, self.federation).map_err(|problems| config::failure(&problems))?
            }
            None => config::render(self.federation),
        };
        files::write(&path, &text)?;
        self.output.talk(&format!("[pipeline] is saved to {}", path.display()));
        Ok(())
    }
}

/// What became of the file.
struct Delivered {
    reviewed: Reviewed,
    exit: Exit,
    page: Option<String>,
    on_main: bool,
    branch: String,
    pull_request: bool,
}

/// What happens to a file beside another one of its name.
enum Beside {
    Write(PathBuf),
    Deliver,
    Leave,
}

/// `azure-pipelines.keyless.yml` beside `azure-pipelines.yml`.
fn beside(path: &Path) -> PathBuf {
    let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    path.with_extension(format!("{BESIDE}.{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beside_another_keeps_its_ending() {
        assert_eq!(beside(Path::new("ci/azure-pipelines.yml")), Path::new("ci/azure-pipelines.keyless.yml"));
    }
}
