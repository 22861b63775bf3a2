//! Who runs the jobs of a world, what is wrong with the machine, and the ID tokens they get.

use serde::{Deserialize, Serialize};

/// Who runs the jobs, how many at once, and what is wrong with its machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Agent {
    /// `inside`: the practice agent runs them; `outside`: a job is held in progress for a real one.
    pub place: AgentPlace,
    /// Hosted jobs at once; 0 means that no parallelism was granted.
    pub parallelism: u32,
    /// Whether Azure DevOps hears nothing of it once a job has begun: no step leaves a log.
    pub lost: bool,
    /// Whether the AWS CLI is not installed on it.
    pub without_aws_cli: bool,
    /// Whether its proxy is known to tasks, and to what they start as `HTTP_PROXY` alone: that does not reach AWS.
    pub http_proxy_only: bool,
    /// How many minutes its clock is ahead; negative: behind. What it signs carries that time.
    pub clock_ahead_minutes: i64,
    /// How often a task's question for a token runs into a timeout before it is answered.
    pub token_timeouts: u32,
    /// Minutes it is suspended for between getting a token and using it. The practice clock stands still meanwhile: the
    /// token is dated back.
    pub token_held_minutes: u32,
    /// Minutes it is suspended for between assuming a role and running the command. The session is dated back, the lines
    /// of the log that follow are dated forward.
    pub session_held_minutes: u32,
}

/// The ID tokens of service connections.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Tokens {
    /// Who issues them.
    pub issuer: TokenIssuer,
    /// Why no job gets one; none: each gets its own.
    pub withheld: Option<Withheld>,
    /// Whether AWS cannot fetch the keys they are signed with.
    pub keys_hidden: bool,
}

/// See [`Tokens::issuer`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenIssuer {
    /// Azure DevOps: `https://vstoken.dev.azure.com/{organisation id}`.
    #[default]
    AzureDevops,
    /// Microsoft Entra ID: `https://login.microsoftonline.com/{tenant id}/v2.0`, as connections to Azure get them.
    Entra,
}

/// See [`Tokens::withheld`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Withheld {
    /// The job's access token is not authorised (401, TF400813).
    Unauthorized,
    /// There is nothing at that address (404), as where the connection is gone or the server knows no ID tokens.
    Unknown,
}

/// See [`Agent::place`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentPlace {
    /// The practice agent runs the jobs.
    Inside,
    /// A job waits in progress, and its access token may be used from outside.
    Outside,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            place: AgentPlace::Inside,
            parallelism: 1,
            lost: false,
            without_aws_cli: false,
            http_proxy_only: false,
            clock_ahead_minutes: 0,
            token_timeouts: 0,
            token_held_minutes: 0,
            session_held_minutes: 0,
        }
    }
}
