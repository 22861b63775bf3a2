//! The program of `keyless pipeline`: the wanted file, checked by Azure DevOps, and brought to its repository.

use std::collections::BTreeSet;

use serde_json::Map;

use super::build::Purpose;
use super::run::{Prepared, prepare_steps};
use super::session::Session;
use super::survey::{Surveyed, survey};
use crate::cloud::devops::git::blob_id;
use crate::domain::deploy::{self, Answered};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Federation, Source};
use crate::engine::erased::erase;
use crate::plan::event::Event;
use crate::steps::gates::delivery::{Delivery, WantedFile};
use crate::steps::pipeline::find;

/// The pipeline's file as it is wanted.
#[derive(Debug, Clone)]
pub struct Written {
    /// The pipeline, and what was assumed for it.
    pub answered: Answered,
    /// Its YAML.
    pub yaml: String,
}

/// Writes the file that the answers mean.
///
/// # Errors
/// The answers make no pipeline.
pub fn write(federation: &Federation) -> Result<Written> {
    let answered = deploy::of(federation).map_err(|problem| problem.failure())?;
    let yaml = deploy::render(&answered.deployment).map_err(|problem| problem.failure())?;
    Ok(Written { answered, yaml })
}

/// How the file is to reach the repository.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// The branch; none: one whose name comes from the content, so that the same content finds it again.
    pub branch: Option<String>,
    /// Whether a pull request is to follow.
    pub pull_request: bool,
}

/// A delivery that was looked at, and nothing written.
pub struct Ready {
    /// What is intended.
    pub prepared: Prepared,
    /// The file and where it goes.
    pub file: WantedFile,
    /// What the main branch holds under that name; none: nothing.
    pub there: Option<String>,
}

/// Looks at the repository and plans the delivery of the file.
///
/// # Errors
/// The code lies outside Azure Repos, the survey fails, or Azure DevOps refuses the file.
pub async fn prepare_delivery(session: &Session, way: &Way) -> Result<Ready> {
    let surveyed = survey(session).await?;
    for notice in &surveyed.notices {
        session.events.send(Event::Notice { text: notice.clone() }).await;
    }
    // Names with the casing of Azure DevOps: they stand in the file.
    let written = write(&surveyed.federation)?;
    let missing = |what: &str| Failure::new(Code::Answers).with("pipeline", what);
    let answers = surveyed.federation.pipeline.clone().ok_or_else(|| missing("there is none"))?;
    let Source::AzureRepos(repository) = &answers.repository else {
        return Err(missing("its code lies on GitHub, where keyless does not write")
            .with("instead", "leave out --branch and --pull-request: the file is written here"));
    };
    let (Some(devops), Some(project)) = (&session.devops, &surveyed.project) else {
        return Err(
            Failure::new(Code::DevopsTokenMissing).with("organisation", &session.federation.organization)
        );
    };
    check(session, &surveyed, &answers.name, &written.yaml).await?;
    let id = blob_id(&written.yaml);
    let file = WantedFile {
        repository: repository.clone(),
        path: answers.file.clone(),
        branch: way.branch.clone().unwrap_or_else(|| format!("keyless/pipeline-{}", &id[..8])),
        main: answers.main.clone(),
        pull_request: way.pull_request,
        title: format!("Deploy by {}: written by keyless", answers.tool),
        description: description(&surveyed.federation, &written),
        content: written.yaml,
    };
    let delivery = Delivery { wanted: file.clone(), devops: devops.clone(), project: project.clone() };
    let path = format!("/{}", file.path);
    let there = match devops.repository(project, repository.as_str()).await? {
        Some(found) => devops.text_file(project, found.id, &file.main, &path).await?.map(|file| file.content),
        None => None,
    };
    let prepared =
        prepare_steps(session, ("pipeline", Purpose::Pipeline), surveyed, vec![erase(delivery)]).await?;
    Ok(Ready { prepared, file, there })
}

/// Lets Azure DevOps read the file as a run of the pipeline would, where there is one. It also looks for the connections the
/// file names, so that nothing can be told before they are there.
async fn check(session: &Session, surveyed: &Surveyed, name: &str, yaml: &str) -> Result<()> {
    let (Some(devops), Some(project)) = (&session.devops, &surveyed.project) else { return Ok(()) };
    let Some(found) = find(devops, project, name).await? else { return Ok(()) };
    let there: BTreeSet<&str> = surveyed.connections.iter().flatten().map(String::as_str).collect();
    let environments = &surveyed.federation.environments;
    let own = environments.iter().filter(|environment| !environment.is_reading());
    let named = own.flat_map(|environment| {
        let plan = environment.deploy.plan_connection.as_ref();
        plan.into_iter().chain([&environment.connection])
    });
    let missing: Vec<&str> = named.map(|name| name.as_str()).filter(|name| !there.contains(name)).collect();
    let text = if missing.is_empty() {
        let read = devops.preview(project, found.id, Some(yaml), &Map::new()).await;
        read.map_err(|failure| refused(failure, name))?;
        format!("Azure DevOps read the file as a run of pipeline {name} would, and takes it")
    } else {
        format!("not read by Azure DevOps yet: there is no connection {}", missing.join(", "))
    };
    session.events.send(Event::Notice { text }).await;
    Ok(())
}

/// A file that Azure DevOps would not run is a matter of the answers it follows from.
fn refused(failure: Failure, pipeline: &str) -> Failure {
    if failure.evidence("type") != Some("PipelineValidationException") {
        return failure;
    }
    let said = failure.evidence("answered").unwrap_or_default().to_owned();
    Failure::new(Code::Answers)
        .with("pipeline", format!("Azure DevOps would not run the file as {pipeline}"))
        .with("answered", said)
}

/// What reviewers of the pull request read.
fn description(federation: &Federation, written: &Written) -> String {
    let mut text = String::from(
        "Written by `keyless pipeline`.\n\n| environment | branches | account |\n| --- | --- | --- |\n",
    );
    for environment in federation.environments.iter().filter(|it| !it.is_reading()) {
        let branches: Vec<String> = environment.branches.iter().map(|branch| format!("`{branch}`")).collect();
        let asks = if environment.protected { ", protected" } else { "" };
        text.push_str(&format!(
            "| {}{asks} | {} | {} |\n",
            environment.name,
            branches.join(", "),
            environment.account
        ));
    }
    text.push_str(
        "\nPull requests build and test, and get no credentials for deployments. A condition in the file is not a gate: \
         approvals, branch control and pipeline permissions are, and `keyless setup` makes them.\n",
    );
    if !written.answered.assumed.is_empty() {
        text.push_str("\nAssumed, because keyless.toml does not say otherwise:\n\n");
        for one in &written.answered.assumed {
            text.push_str(&format!("- `{one}`\n"));
        }
    }
    text
}

/// The page of the pull request that brings the file, or of the branch; none: nothing was brought.
///
/// # Errors
/// Azure DevOps refuses or does not answer.
pub async fn page(session: &Session, surveyed: &Surveyed, file: &WantedFile) -> Result<Option<String>> {
    let (Some(devops), Some(project)) = (&session.devops, &surveyed.project) else { return Ok(None) };
    let Some(found) = devops.repository(project, file.repository.as_str()).await? else { return Ok(None) };
    if file.pull_request {
        let open = devops.active_pull_request(project, &found, &file.branch, &file.main).await?;
        return Ok(open.map(|open| open.web_url));
    }
    let tip = devops.branch_tip(project, found.id, &file.branch).await?;
    Ok(tip.map(|_| found.web_url))
}
