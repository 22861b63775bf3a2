//! How a task asks its own Azure DevOps for the ID token of a connection.

use std::time::Duration;

use serde_json::{Value, json};

use super::job::Work;
use super::log::Log;
use super::toolkit::claims;
use crate::sandbox::devops::extensions::ToolkitVersion;
use crate::sandbox::wire::segment;

/// How often the toolkit asks since 1.20.0.
const TRIES: u32 = 5;

/// What the practice agent waits in between; a real one waits 5, 15, 45 and 135 seconds.
const PAUSE: Duration = Duration::from_millis(2);

/// Asks for the ID token of a connection and says what is in it.
///
/// # Errors
/// What went wrong, as the task would print it.
pub async fn get(
    work: &Work<'_>,
    connection: &str,
    version: ToolkitVersion,
    log: &mut Log<'_>,
) -> Result<String, String> {
    match fetch(work, connection, version, log).await {
        Ok(token) => {
            let claims = claims(&token).unwrap_or_default();
            let text = |name: &str| claims[name].as_str().unwrap_or("undefined").to_owned();
            log.say(format!(
                "OIDC Token generated: issuer: {{{}}} sub: {{{}}}, aud: {{{}}}",
                text("iss"),
                text("sub"),
                text("aud")
            ));
            Ok(token)
        }
        Err(problem) => {
            log.say(
                "Failed to generate OIDC token. May fall back to other (potentially invalid) credential sources.",
            );
            Err(problem)
        }
    }
}

async fn fetch(
    work: &Work<'_>,
    connection: &str,
    version: ToolkitVersion,
    log: &mut Log<'_>,
) -> Result<String, String> {
    let tries = if version.retries_token() { TRIES } else { 1 };
    let mut last = String::new();
    for attempt in 0..tries {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
            log.say(format!("Retry count: {attempt}"));
        }
        let asked = match attempt < work.progress.ground().world.agent.token_timeouts {
            // The library's own words, with nothing behind the colon.
            true => Err("AggregateError [ETIMEDOUT]: ".to_owned()),
            false => once(work, connection).await,
        };
        match asked {
            Ok(Some(token)) => return Ok(token),
            // The client library turns a 404 into null, and the task does not look.
            Ok(None) => {
                return Err("TypeError: Cannot read properties of null (reading 'oidcToken')".to_owned());
            }
            Err(problem) => {
                if version.retries_token() {
                    log.say(format!("Call failed: {problem}"));
                }
                last = problem;
            }
        }
    }
    Err(last)
}

async fn once(work: &Work<'_>, connection: &str) -> Result<Option<String>, String> {
    let (desk, ground, run) = (work.progress.desk, work.progress.ground(), work.progress.run);
    let Some(addresses) = ground.addresses.get() else { return Err("Error: no address".to_owned()) };
    let collection = format!("{}/{}/", addresses.azure_devops, segment(&ground.world.organization.name));
    let network = |error: reqwest::Error| format!("Error: {error}");
    // The client library asks where the route is before it uses it.
    let routes = format!("{collection}_apis/distributedtask");
    let routes = desk.http.request(reqwest::Method::OPTIONS, routes).bearer_auth(work.token).send().await;
    let routes: Value = routes.map_err(network)?.json().await.unwrap_or_default();
    let known = routes["value"].as_array().into_iter().flatten();
    if !known.into_iter().any(|row| row["id"] == "69a319f4-28c1-4bfd-93e6-ea0ff5c6f1a2") {
        return Err("Error: Failed to find api location for area: distributedtask id: \
                    69a319f4-28c1-4bfd-93e6-ea0ff5c6f1a2"
            .to_owned());
    }
    let url = format!(
        "{collection}{}/_apis/distributedtask/hubs/build/plans/{}/jobs/{}/oidctoken?serviceConnectionId={connection}",
        run.project, run.plan, work.id
    );
    let answer = desk
        .http
        .post(url)
        .bearer_auth(work.token)
        .header("accept", "application/json;api-version=7.2-preview.1")
        .json(&json!({}))
        .send()
        .await
        .map_err(network)?;
    let status = answer.status();
    if status.as_u16() == 404 {
        return Ok(None);
    }
    let body: Value = answer.json().await.unwrap_or_default();
    if !status.is_success() {
        let message = body["message"].as_str().map(str::to_owned);
        return Err(format!(
            "Error: {}",
            message.unwrap_or_else(|| format!("Failed request: ({})", status.as_u16()))
        ));
    }
    match body["oidcToken"].as_str() {
        Some(token) => Ok(Some(token.to_owned())),
        None => Err("Error: Invalid response when requesting OIDC token.".to_owned()),
    }
}
