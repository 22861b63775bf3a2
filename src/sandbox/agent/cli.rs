//! The only command of the AWS CLI that the practice agent performs: `aws sts get-caller-identity`.

use serde_json::json;

use super::Desk;
use super::log::Log;
use super::sigv4::Credentials;
use super::step::Failed;
use super::sts;

/// What a task puts into the environment of the command.
#[derive(Default)]
pub struct Environment {
    /// `AWS_ACCESS_KEY_ID` and the others; none when the task found no credentials.
    pub credentials: Option<Credentials>,
    /// `AWS_DEFAULT_REGION`; empty when unset.
    pub region: String,
}

/// How to print the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Print {
    /// The whole answer as JSON.
    Json,
    /// One member as a JSON text.
    JsonMember(String),
    /// One member as plain text.
    TextMember(String),
}

/// Reads the arguments after `aws`.
///
/// # Errors
/// A clear sentence for the log: this command is not one the practice agent performs.
pub fn read(arguments: &[&str]) -> Result<Print, Failed> {
    let command = format!("aws {}", arguments.join(" "));
    let refuse = || {
        Err(Failed(format!(
            "The practice agent performs only 'aws sts get-caller-identity'; it did not run: {command}"
        )))
    };
    let ["sts", "get-caller-identity", options @ ..] = arguments else { return refuse() };
    let (mut output, mut member) = ("json", None);
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match (*option, rest.as_slice().first()) {
            ("--no-cli-pager", _) => {}
            ("--output", Some(&"json" | &"text")) => output = rest.next().unwrap_or(&"json"),
            ("--query", Some(name)) => {
                member = Some(name.trim_matches(['\'', '"']).to_owned());
                rest.next();
            }
            _ => return refuse(),
        }
    }
    match (output, member) {
        ("json", None) => Ok(Print::Json),
        (_, Some(name)) if !["Account", "Arn", "UserId"].contains(&name.as_str()) => refuse(),
        ("json", Some(name)) => Ok(Print::JsonMember(name)),
        (_, Some(name)) => Ok(Print::TextMember(name)),
        (_, None) => refuse(),
    }
}

/// Performs the command and prints its answer; answers its exit code.
pub async fn caller_identity(
    desk: &Desk,
    environment: &Environment,
    print: &Print,
    log: &mut Log<'_>,
) -> i32 {
    match ask(desk, environment, print).await {
        Ok(text) => {
            log.say(text);
            0
        }
        Err((code, message)) => {
            log.say(message);
            code
        }
    }
}

/// Performs the command; answers what it prints.
///
/// # Errors
/// Its exit code, and what it says to stderr.
pub async fn ask(desk: &Desk, environment: &Environment, print: &Print) -> Result<String, (i32, String)> {
    let known = environment.credentials.as_ref();
    let Some(credentials) = known.filter(|known| !known.key_id.is_empty() && !known.secret.is_empty()) else {
        let text =
            "\nUnable to locate credentials. You can configure credentials by running \"aws configure\".";
        return Err((253, text.to_owned()));
    };
    if environment.region.is_empty() {
        let text =
            "\nYou must specify a region. You can also configure your region by running \"aws configure\".";
        return Err((253, text.to_owned()));
    }
    let asked = match desk.ground.world.agent.http_proxy_only {
        true => Err(sts::Refused::unreached("no way out but the proxy, which it is not told of")),
        false => sts::caller_identity(desk, &environment.region, credentials).await,
    };
    match asked {
        Ok(identity) => {
            let whole = json!({"UserId": identity.user_id, "Account": identity.account, "Arn": identity.arn});
            Ok(match print {
                Print::Json => format!(
                    "{{\n    \"UserId\": {},\n    \"Account\": {},\n    \"Arn\": {}\n}}",
                    whole["UserId"], whole["Account"], whole["Arn"]
                ),
                Print::JsonMember(name) => whole[name].to_string(),
                Print::TextMember(name) => whole[name].as_str().unwrap_or_default().to_owned(),
            })
        }
        Err(refused) if refused.is_unreached() => Err((
            255,
            format!(
                "\nCould not connect to the endpoint URL: \"https://sts.{}.amazonaws.com/\"",
                environment.region
            ),
        )),
        Err(refused) => Err((
            254,
            format!(
                "\nAn error occurred ({}) when calling the GetCallerIdentity operation: {}",
                refused.code, refused.message
            ),
        )),
    }
}
