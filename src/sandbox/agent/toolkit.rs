//! Tasks of the AWS Toolkit: which credentials they find, in which order, and what they say on the way.
//!
//! Follows `awsConnectionParameters.ts` of the toolkit, its silent fallback included.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cli::{self, Environment};
use super::job::Work;
use super::log::Log;
use super::sigv4::Credentials;
use super::step::Failed;
use super::sts::{self, Wish};
use super::{script, token};
use crate::sandbox::devops::endpoints;
use crate::sandbox::devops::extensions::{self, ToolkitVersion};

type Inputs = BTreeMap<String, String>;

const DEFAULT_SESSION: &str = "aws-vsts-tools";

/// What a connection gives a task; an absent parameter is an empty one.
pub(super) struct Endpoint {
    pub(super) id: String,
    access_key: String,
    secret_key: String,
    session_token: String,
    role: String,
    external_id: String,
    session: String,
    use_oidc: String,
}

fn input<'a>(inputs: &'a Inputs, name: &str) -> &'a str {
    inputs.get(name).map(String::as_str).unwrap_or_default()
}

fn variable<'a>(work: &'a Work<'_>, name: &str) -> Option<&'a str> {
    let found = work.variables.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

fn required<'a>(inputs: &'a Inputs, name: &str, spelled: &str) -> Result<&'a str, Failed> {
    let value = input(inputs, name);
    if value.is_empty() { Err(Failed(format!("Error: Input required: {spelled}"))) } else { Ok(value) }
}

/// `AWSCLI@1`
pub async fn aws_cli(work: &Work<'_>, inputs: &Inputs, log: &mut Log<'_>) -> Result<(), Failed> {
    let command = required(inputs, "awscommand", "awsCommand")?;
    let sub_command = required(inputs, "awssubcommand", "awsSubCommand")?;
    let more = input(inputs, "awsarguments");
    if work.progress.ground().world.agent.without_aws_cli {
        return Err(Failed("Error: AWS CLI is not installed on this machine.".to_owned()));
    }
    let environment = environment(work, inputs, log).await?;
    let mut arguments = vec![command, sub_command];
    arguments.extend(more.split_whitespace());
    log.say(format!("[command]/usr/local/bin/aws {}", arguments.join(" ")));
    // Each of the first two inputs is one argument: `cdk deploy` is no command of the AWS CLI.
    if command.contains(char::is_whitespace) {
        log.say(
            "\nusage: aws [options] <command> <subcommand> [<subcommand> ...] [parameters]\nTo see help text, you can run:\n\n  \
             aws help\n  aws <command> help\n  aws <command> <subcommand> help\n\naws: error: argument command: Invalid \
             choice, valid choices are:\n",
        );
        return Err(exit("/usr/local/bin/aws", 252));
    }
    let print = cli::read(&arguments)?;
    match cli::caller_identity(work.progress.desk, &environment, &print, log).await {
        0 => Ok(()),
        code => Err(exit("/usr/local/bin/aws", code)),
    }
}

/// `AWSShellScript@1`
pub async fn shell_script(
    work: &Work<'_>,
    inputs: &Inputs,
    env: &BTreeMap<String, String>,
    log: &mut Log<'_>,
) -> Result<(), Failed> {
    if !input(inputs, "scripttype").eq_ignore_ascii_case("inline") {
        return Err(Failed("The practice agent performs inline scripts only.".to_owned()));
    }
    let text = required(inputs, "inlinescript", "inlineScript")?;
    let environment = environment(work, inputs, log).await?;
    log.say("[command]/usr/bin/bash /home/vsts/work/_temp/awsshellscript_2042.sh");
    match script::play(work, env, &environment, text, log).await? {
        0 => Ok(()),
        code => Err(exit("/usr/bin/bash", code)),
    }
}

/// Any other task of the toolkit: it gets its credentials, and what it would do with them is taken as done.
pub async fn other(work: &Work<'_>, name: &str, inputs: &Inputs, log: &mut Log<'_>) -> Result<(), Failed> {
    let environment = environment(work, inputs, log).await?;
    if environment.credentials.is_none() {
        return Err(Failed("CredentialsError: Missing credentials in config".to_owned()));
    }
    log.say(format!("The practice agent does not do what {name} does; it is taken as succeeded."));
    Ok(())
}

pub(super) fn exit(program: &str, code: i32) -> Failed {
    Failed(format!("Error: The process '{program}' failed with exit code {code}"))
}

/// Credentials and region, as the task puts them into the environment of what it runs.
async fn environment(work: &Work<'_>, inputs: &Inputs, log: &mut Log<'_>) -> Result<Environment, Failed> {
    let credentials = credentials(work, inputs, log).await?;
    let region = region(work, inputs, log);
    log.flush();
    Ok(Environment { credentials, region })
}

async fn credentials(
    work: &Work<'_>,
    inputs: &Inputs,
    log: &mut Log<'_>,
) -> Result<Option<Credentials>, Failed> {
    log.say("Configuring credentials for task");
    let name = input(inputs, "awscredentials");
    if name.is_empty() {
        return from_variables(work, log).await;
    }
    let version = extensions::toolkit(work.progress.ground()).unwrap_or(ToolkitVersion::parse("0"));
    let endpoint = endpoint(work, name, version, log)?;
    from_instance_profile(&endpoint, log)?;
    if version.knows_oidc()
        && let Some(found) = from_oidc(work, inputs, &endpoint, version, log).await
    {
        return Ok(Some(found));
    }
    announce(&endpoint, log);
    let keys = Credentials {
        key_id: endpoint.access_key.clone(),
        secret: endpoint.secret_key.clone(),
        token: endpoint.session_token.clone(),
    };
    from_keys(work, &endpoint, keys, log).await.map(Some)
}

fn announce(endpoint: &Endpoint, log: &mut Log<'_>) {
    log.say(format!("...configuring AWS credentials from service endpoint '{}'", endpoint.id));
}

fn endpoint(
    work: &Work<'_>,
    name: &str,
    version: ToolkitVersion,
    log: &mut Log<'_>,
) -> Result<Endpoint, Failed> {
    let (ground, run) = (work.progress.ground(), work.progress.run);
    let connection = endpoints::by_name(ground, &run.project, name)
        .ok_or_else(|| Failed(format!("Error: Endpoint auth data not present: {name}")))?;
    // The task code is particular about case: `useOidc` is not seen.
    let text = |key: &str| connection.parameters.get(key).cloned().unwrap_or_default();
    let endpoint = Endpoint {
        access_key: text("username"),
        secret_key: text("password"),
        session_token: text("sessionToken"),
        role: text("assumeRoleArn"),
        external_id: text("externalId"),
        session: text("roleSessionName"),
        use_oidc: if version.knows_oidc() { text("useOIDC") } else { String::new() },
        id: connection.id,
    };
    announce(&endpoint, log);
    if endpoint.access_key.is_empty() != endpoint.secret_key.is_empty() {
        return Err(Failed(
            "Error: Need to define or omit both \"Access Key ID\" and \"Secret Access Key\", not just one."
                .to_owned(),
        ));
    }
    Ok(endpoint)
}

/// A hosted agent has no instance profile, so this either does nothing or fails.
fn from_instance_profile(endpoint: &Endpoint, log: &mut Log<'_>) -> Result<(), Failed> {
    if endpoint.use_oidc == "true" {
        log.say("Skipping Instance profile, we have OIDC enabled");
        return Ok(());
    }
    if endpoint.access_key.is_empty() && !endpoint.role.is_empty() {
        log.say("Assuming role without credentials (via instance profile)...");
        return Err(Failed(
            "CredentialsError: Missing credentials in config, if using AWS_CONFIG_FILE, set AWS_SDK_LOAD_CONFIG=1"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Whatever goes wrong here is said, and swallowed.
async fn from_oidc(
    work: &Work<'_>,
    inputs: &Inputs,
    endpoint: &Endpoint,
    version: ToolkitVersion,
    log: &mut Log<'_>,
) -> Option<Credentials> {
    announce(endpoint, log);
    if endpoint.use_oidc.is_empty() {
        log.say("Skipping OIDC: not enabled in service connections");
        return None;
    }
    if !endpoint.access_key.is_empty() || endpoint.role.is_empty() {
        return None;
    }
    log.say("Getting OIDC Token...");
    log.flush();
    match assume(work, inputs, endpoint, version, log).await {
        Ok(credentials) => Some(credentials),
        Err(problem) => {
            log.say(format!("Failed to assume role with OIDC: {problem}"));
            None
        }
    }
}

async fn assume(
    work: &Work<'_>,
    inputs: &Inputs,
    endpoint: &Endpoint,
    version: ToolkitVersion,
    log: &mut Log<'_>,
) -> Result<Credentials, String> {
    let token = token::get(work, &endpoint.id, version, log).await?;
    log.pass(work.progress.ground().world.agent.token_held_minutes);
    let region = region(work, inputs, log);
    check_host(&region, &endpoint.role)?;
    log.say("Assuming role via OIDC Token...");
    log.flush();
    let seconds = duration(work, log);
    let wish = Wish { role: &endpoint.role, session: session(endpoint), seconds, external_id: "" };
    let assumed = sts::with_web_identity(work.progress.desk, &region, &wish, &token).await;
    let assumed = assumed.map_err(|refused| refused.to_string())?;
    log.say(format!("...role assumed via OIDC Token: {}", assumed.arn));
    log.pass(work.progress.ground().world.agent.session_held_minutes);
    Ok(assumed.credentials)
}

fn session(endpoint: &Endpoint) -> &str {
    if endpoint.session.is_empty() { DEFAULT_SESSION } else { &endpoint.session }
}

/// The STS host comes from the region alone: a typing error or another partition cannot work.
fn check_host(region: &str, role: &str) -> Result<(), String> {
    let known = region.is_empty() || {
        let mut parts = region.rsplitn(3, '-');
        let number =
            parts.next().is_some_and(|part| part.len() == 1 && part.chars().all(|c| c.is_ascii_digit()));
        let place = parts.next().is_some_and(|part| {
            ["north", "south", "east", "west", "central", "northeast", "northwest", "southeast", "southwest"]
                .contains(&part)
        });
        let area = parts.next().is_some_and(|part| {
            ["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx", "cn", "us-gov"].contains(&part)
        });
        number && place && area
    };
    if !known {
        return Err(format!(
            "UnknownEndpoint: Inaccessible host: `sts.{region}.amazonaws.com' at port `undefined'. This service may \
             not be available in the `{region}' region."
        ));
    }
    let partition = match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    if role.split(':').nth(1).is_some_and(|of_role| of_role != partition) {
        return Err("ValidationError: Request ARN is invalid".to_owned());
    }
    Ok(())
}

fn duration(work: &Work<'_>, log: &mut Log<'_>) -> u32 {
    let Some(wanted) = variable(work, "aws.rolecredential.maxduration") else { return 900 };
    match wanted.parse::<u32>() {
        Ok(seconds) if (900..=43200).contains(&seconds) => seconds,
        _ => {
            log.say(format!("Invalid credential duration '{wanted}', minimum is 900, max 43200"));
            900
        }
    }
}

/// Keys as they are, or a role assumed with them; with empty keys AWS refuses, and that is the task's red line.
async fn from_keys(
    work: &Work<'_>,
    endpoint: &Endpoint,
    keys: Credentials,
    log: &mut Log<'_>,
) -> Result<Credentials, Failed> {
    if endpoint.role.is_empty() {
        log.say("...endpoint defines standard access/secret key credentials");
        return Ok(keys);
    }
    log.say(format!("...endpoint defines role-based credentials for role {}.", endpoint.role));
    let seconds = duration(work, log);
    let wish = Wish {
        role: &endpoint.role,
        session: session(endpoint),
        seconds,
        external_id: &endpoint.external_id,
    };
    let assumed = sts::assume_role(work.progress.desk, &wish, &keys).await;
    assumed.map(|assumed| assumed.credentials).map_err(|refused| Failed(refused.to_string()))
}

async fn from_variables(work: &Work<'_>, log: &mut Log<'_>) -> Result<Option<Credentials>, Failed> {
    let text = |name: &str| variable(work, name).unwrap_or_default().to_owned();
    let access_key = text("AWS.AccessKeyID");
    if access_key.is_empty() {
        log.say(
            "No credentials configured.The task will attempt to use credentials found in the build host environment.",
        );
        return Ok(None);
    }
    let endpoint = Endpoint {
        id: String::new(),
        access_key,
        secret_key: text("AWS.SecretAccessKey"),
        session_token: text("AWS.SessionToken"),
        role: text("AWS.AssumeRoleArn"),
        external_id: text("AWS.ExternalId"),
        session: text("AWS.RoleSessionName"),
        use_oidc: String::new(),
    };
    if endpoint.secret_key.is_empty() {
        return Err(Failed(
            "Error: AWS access key ID present in task variables but secret key value is missing; cannot configure task \
             credentials."
                .to_owned(),
        ));
    }
    log.say("...configuring AWS credentials from task variables");
    let keys = Credentials {
        key_id: endpoint.access_key.clone(),
        secret: endpoint.secret_key.clone(),
        token: endpoint.session_token.clone(),
    };
    from_keys(work, &endpoint, keys, log).await.map(Some)
}

fn region(work: &Work<'_>, inputs: &Inputs, log: &mut Log<'_>) -> String {
    log.say("Configuring region for task");
    let region = input(inputs, "regionname").to_lowercase();
    if !region.is_empty() {
        log.say(format!("...configured to use region {region}, defined in task."));
        return region;
    }
    if let Some(region) = variable(work, "AWS.Region") {
        log.say(format!("...configured to use region {region}, defined in task variable AWS.Region."));
        return region.to_owned();
    }
    log.say(
        "Attempting to retrieve an IMDSv2 token.\nRetrieving the AWS region from the Instance Metadata Service (IMDS).\n\
         ...error: failed to query EC2 instance metadata for region - TimeoutError: Socket timed out without \
         establishing a connection\nNo region specified in the task configuration or environment",
    );
    String::new()
}

/// The claims of a token, read as the task reads them: without looking at its signature.
pub fn claims(token: &str) -> Option<Value> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}
