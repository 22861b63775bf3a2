//! `keyless whoami`: who keyless is in Azure DevOps and in each AWS account.

use super::login;
use super::open::{Clouds, Opening};
use super::output::Output;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::names::{OrganizationName, ProjectName};
use crate::explain::{self, Exit, Invocation};
use crate::headless::whoami::{DevopsIdentity, EnvironmentIdentity, Trouble, Whoami};
use crate::headless::wire::VERSION;

/// `keyless whoami`.
///
/// # Errors
/// There is no organisation to ask about, or the answers cannot be used.
pub async fn whoami(
    opening: Opening,
    organization: Option<OrganizationName>,
    output: &Output,
) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let answers = login::at_hand(&opening, &clouds)?;
    let last = || login::remembered(&clouds.state).ok().and_then(|all| all.into_iter().next());
    let organization =
        organization.or_else(|| answers.as_ref().map(|a| a.organization.clone())).or_else(last);
    let organization = organization.ok_or_else(super::answers::missing)?;
    let of_answers = answers.as_ref().filter(|a| a.organization == organization);
    let project = of_answers.map(|federation| &federation.project);
    let (azure_devops, (environments, mut exit)) = futures::try_join!(
        async { Ok(in_azure_devops(&clouds, &organization, project, output).await) },
        in_aws(&clouds, answers.as_ref(), output)
    )?;
    let azure_devops = match azure_devops {
        Ok(identity) => identity,
        Err(failure) => {
            exit = exit.max(Exit::of(&failure));
            let source = clouds.signed_in(&organization).map(|signed_in| signed_in.source.words());
            let failure = Some(trouble(&failure, output.invocation()));
            DevopsIdentity { source, failure, ..DevopsIdentity::nobody(organization.as_str()) }
        }
    };
    if !azure_devops.missing.is_empty() {
        exit = exit.max(Exit::Findings);
    }
    let whoami = Whoami { version: VERSION, azure_devops, environments };
    match output.json() {
        true => output.data(&serde_json::to_string_pretty(&whoami).unwrap_or_default()),
        false => lines(&whoami).iter().for_each(|line| output.data(line)),
    }
    Ok(exit)
}

async fn in_azure_devops(
    clouds: &Clouds,
    organization: &OrganizationName,
    project: Option<&ProjectName>,
    output: &Output,
) -> Result<DevopsIdentity> {
    clouds.find_sign_in(organization, output).await;
    let devops = clouds.devops(organization)?;
    let data = devops.connection_data().await?;
    clouds.refuse_global(&devops).await?;
    let mut missing = Vec::new();
    if let Some(project) = project {
        let project = devops.project(project).await?;
        let rights = devops.rights(&project).await;
        missing.extend(rights.missing.iter().map(ToString::to_string));
    }
    Ok(DevopsIdentity {
        organization_id: Some(data.instance_id.to_string()),
        name: Some(data.operator.name),
        id: Some(data.operator.id.to_string()),
        source: clouds.signed_in(organization).map(|signed_in| signed_in.source.words()),
        missing,
        ..DevopsIdentity::nobody(organization.as_str())
    })
}

async fn in_aws(
    clouds: &Clouds,
    answers: Option<&Federation>,
    output: &Output,
) -> Result<(Vec<EnvironmentIdentity>, Exit)> {
    let Some(federation) = answers else { return Ok((Vec::new(), Exit::Done)) };
    let clients = clouds.aws(federation, output).await?;
    let asked = federation.environments.iter().map(|environment| {
        let client = clients.get(&environment.name).cloned();
        async move {
            let client = client.unwrap_or_else(|| Err(Failure::new(Code::AwsSignIn)))?;
            let identity = client.caller_identity().await?;
            if identity.account == environment.account.as_str() {
                return Ok(identity);
            }
            Err(Failure::new(Code::AwsWrongAccount)
                .with("wanted", &environment.account)
                .with("signed in", &identity.account)
                .with("identity", &identity.arn))
        }
    });
    let mut exit = Exit::Done;
    let mut found = Vec::new();
    for (environment, asked) in federation.environments.iter().zip(futures::future::join_all(asked).await) {
        let (identity, failure) = match asked {
            Ok(identity) => (Some(identity.arn), None),
            Err(failure) => {
                exit = exit.max(Exit::of(&failure));
                (None, Some(trouble(&failure, output.invocation())))
            }
        };
        let (name, account) = (environment.name.to_string(), environment.account.to_string());
        found.push(EnvironmentIdentity { name, account, identity, failure });
    }
    Ok((found, exit))
}

fn trouble(failure: &Failure, invocation: &Invocation) -> Trouble {
    let words = explain::failure(failure);
    let evidence = failure.evidence.iter().map(Into::into).collect();
    Trouble { code: failure.code.text(), cause: words.cause, evidence, hint: invocation.dress(&words.hint) }
}

/// What a person reads.
fn lines(whoami: &Whoami) -> Vec<String> {
    let devops = &whoami.azure_devops;
    let mut lines = vec![format!("Azure DevOps: {}", devops.organization)];
    if let Some(name) = &devops.name {
        lines.push(format!("  {name}"));
    }
    if let Some(id) = &devops.organization_id {
        lines.push(format!("  organisation id {id}"));
    }
    lines.extend(devops.source.iter().map(|source| format!("  signed in with {source}")));
    lines.extend(devops.missing.iter().map(|missing| format!("  missing right: {missing}")));
    lines.extend(devops.failure.iter().flat_map(troubled));
    for environment in &whoami.environments {
        lines.push(format!("{}: AWS account {}", environment.name, environment.account));
        lines.extend(environment.identity.iter().map(|arn| format!("  {arn}")));
        lines.extend(environment.failure.iter().flat_map(troubled));
    }
    lines
}

fn troubled(trouble: &Trouble) -> Vec<String> {
    let mut lines = vec![format!("  {}: {}", trouble.code, trouble.cause)];
    lines.extend(trouble.evidence.iter().map(|e| format!("    {}: {}", e.label, e.value)));
    if !trouble.hint.is_empty() {
        lines.push(format!("    what to do: {}", trouble.hint));
    }
    lines
}
