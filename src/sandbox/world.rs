//! Worlds: the TOML files a practice cloud starts from.

pub(super) mod bootstrap;
mod jobs;
mod people;
mod rotation;
mod sign_in;
mod state;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use jobs::{Agent, AgentPlace, TokenIssuer, Tokens, Withheld};
pub use people::{CodeFile, Person};
pub use rotation::{Bucket, Group, KmsKey, ManagedPolicy, PastUse, SecureFile, UsedElsewhere, VariableGroup};
pub use sign_in::{Entra, Sso, Tenant, TenantRefusal};
pub use state::{Accessed, App, Called, Parameter, Table};

/// What exists, who may do what and how the services behave before anybody has done anything.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct World {
    /// The name in `--sandbox=NAME`.
    pub name: String,
    /// One sentence for `keyless sandbox worlds`.
    pub about: String,
    /// The text of a `keyless.toml` that suits this world. The practice cloud never reads it.
    #[serde(default)]
    pub answers: String,
    /// The Azure DevOps organisation.
    pub organization: Organization,
    /// Its projects, with what lies in them.
    pub projects: Vec<Project>,
    /// The people of the organisation, beside the operator.
    #[serde(default)]
    pub people: Vec<Person>,
    /// The AWS accounts, with what lies in them.
    #[serde(default)]
    pub accounts: Vec<Account>,
    /// Many accounts and answers of one shape.
    #[serde(default)]
    pub many: Option<Many>,
    /// Who runs the jobs.
    #[serde(default)]
    pub agent: Agent,
    /// The ID tokens that jobs get.
    #[serde(default)]
    pub tokens: Tokens,
    /// Where the operator signs in.
    #[serde(default)]
    pub entra: Entra,
    /// Where the operator signs in to AWS accounts with one session.
    #[serde(default)]
    pub sso: Sso,
    /// What the operator may not do.
    #[serde(default)]
    pub rights: Rights,
    /// How the services behave.
    #[serde(default)]
    pub habits: Habits,
}

/// An Azure DevOps organisation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Organization {
    /// Its name with its true casing.
    pub name: String,
    /// Its id (a GUID): `connectionData.instanceId`.
    pub id: String,
    /// Version of the AWS Toolkit extension, or none when it is not installed.
    #[serde(default)]
    pub toolkit: Option<String>,
    /// Whether the AWS Toolkit extension is installed, but disabled.
    #[serde(default)]
    pub toolkit_disabled: bool,
    /// Whether pipelines may use no tasks of the Marketplace. The practice agent does not heed it: what a run does then is not
    /// documented.
    #[serde(default)]
    pub marketplace_tasks_disabled: bool,
}

/// An Azure DevOps project.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Project {
    /// Its name with its true casing.
    pub name: String,
    /// Its id (a GUID).
    pub id: String,
    /// Service connections that exist already.
    #[serde(default)]
    pub connections: Vec<Connection>,
    /// Git repositories that exist already, each with one commit on `main`.
    #[serde(default)]
    pub repositories: Vec<String>,
    /// Files that lie on `main` of those repositories, beside the YAML of pipelines.
    #[serde(default)]
    pub files: Vec<CodeFile>,
    /// YAML pipelines that exist already.
    #[serde(default)]
    pub pipelines: Vec<Pipeline>,
    /// Agent queues; `Azure Pipelines` is the hosted one.
    #[serde(default = "hosted_queue")]
    pub queues: Vec<String>,
    /// Variable groups that exist already.
    #[serde(default)]
    pub variable_groups: Vec<VariableGroup>,
    /// Roles that hold on every connection or environment of the project, beside those of its own groups.
    #[serde(default)]
    pub roles: Vec<ProjectRole>,
    /// Whether somebody has taken the right to edit pipelines from the project's contributors, who have it at first.
    #[serde(default)]
    pub closed_pipelines: bool,
    /// Secure files that exist already.
    #[serde(default)]
    pub secure_files: Vec<SecureFile>,
    /// Whether the service Azure Repos is switched off. It is shown, and changes nothing else: what calls answer then is not
    /// documented.
    #[serde(default)]
    pub repos_off: bool,
}

/// A role that somebody has on every connection or every environment of a project.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProjectRole {
    /// On what.
    pub on: Administered,
    /// A mail address, or a group: `[payments]\Contributors`.
    pub who: String,
    /// `Reader`, `User` or `Administrator`.
    pub role: String,
}

/// What people have roles on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Administered {
    /// Service connections.
    Connections,
    /// Environments of Azure DevOps.
    Environments,
}

/// A YAML pipeline, with its file on `main` of one of the project's repositories.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pipeline {
    /// Its name with its true casing.
    pub name: String,
    /// The repository's name.
    pub repository: String,
    /// The file's path.
    #[serde(default = "yaml_path")]
    pub path: String,
    /// The file's text.
    pub yaml: String,
    /// How many minutes the `AWSShellScript@1` of a run in the past took; none: it has never run.
    #[serde(default)]
    pub ran_minutes: Option<u32>,
    /// Whether it is a deployment pipeline of the team, which runs once whenever the practice clock is moved ahead.
    #[serde(default)]
    pub team: bool,
    /// How many minutes its `AWSShellScript@1` works before its last command. The agent moves the clock instead of waiting.
    #[serde(default)]
    pub minutes: u32,
    /// Variables of its definition.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// A service connection.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Connection {
    /// Its name with its true casing.
    pub name: String,
    /// Its description; keyless leaves its mark here.
    #[serde(default)]
    pub description: String,
    /// `authorization.parameters`, secrets included.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Whether every pipeline may use it.
    #[serde(default)]
    pub all_pipelines: bool,
    /// Mail addresses of those who must approve its use; empty: no check.
    #[serde(default)]
    pub approvers: Vec<String>,
    /// A disabled connection cannot be used by any run.
    #[serde(default)]
    pub disabled: bool,
    /// Names of other projects that share it.
    #[serde(default)]
    pub shared_with: Vec<String>,
    /// Its type; none: AWS.
    #[serde(default)]
    pub kind: Option<String>,
    /// What Azure DevOps says about it because it could not make it.
    #[serde(default)]
    pub failed: Option<String>,
    /// Names of pipelines that have used it, each once; their permission is gone.
    #[serde(default)]
    pub used_by: Vec<String>,
    /// Names of pipelines that may use it, in any project that it is in.
    #[serde(default)]
    pub permitted: Vec<String>,
    /// Runs that used it before the world begins.
    #[serde(default)]
    pub uses: Vec<PastUse>,
    /// Whether an update with empty keys keeps the old ones.
    #[serde(default)]
    pub keeps_keys: bool,
}

/// An AWS account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// The name of the AWS profile that signs in to it as administrator.
    pub profile: String,
    /// `aws`, `aws-us-gov` or `aws-cn`.
    #[serde(default = "commercial")]
    pub partition: String,
    /// Regions in which STS is not activated.
    #[serde(default)]
    pub regions_off: Vec<String>,
    /// Whether a resource control policy of the organisation denies web identities here, which no trust shows.
    #[serde(default)]
    pub resource_control: bool,
    /// Whether a trail of CloudTrail logs.
    #[serde(default)]
    pub trail: Trail,
    /// IAM OIDC providers that exist already.
    #[serde(default)]
    pub providers: Vec<Provider>,
    /// IAM roles that exist already.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// IAM users that exist already, beside the operator.
    #[serde(default)]
    pub users: Vec<User>,
    /// IAM groups.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Customer managed policies.
    #[serde(default)]
    pub policies: Vec<ManagedPolicy>,
    /// S3 buckets.
    #[serde(default)]
    pub buckets: Vec<Bucket>,
    /// DynamoDB tables.
    #[serde(default)]
    pub tables: Vec<Table>,
    /// Parameters of Systems Manager.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// Amplify apps.
    #[serde(default)]
    pub apps: Vec<App>,
    /// Regions in which somebody has run `cdk bootstrap`.
    #[serde(default)]
    pub cdk_bootstrap: Vec<String>,
    /// When roles last used services.
    #[serde(default)]
    pub accessed: Vec<Accessed>,
    /// Calls that sessions of roles made, each with the assumption of the role just before.
    #[serde(default)]
    pub called: Vec<Called>,
    /// KMS keys that customers manage.
    #[serde(default)]
    pub kms_keys: Vec<KmsKey>,
    /// Web identities that STS refused before the world begins, as CloudTrail has recorded them.
    #[serde(default)]
    pub refused: Vec<Refused>,
}

/// A web identity that STS refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Refused {
    /// The name of the role it asked for.
    pub role: String,
    /// The subject of its token.
    pub subject: String,
    /// How many days ago.
    pub days_ago: u32,
}

/// See [`Account::trail`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trail {
    /// One logs, in all regions.
    #[default]
    Logging,
    /// There is one, and somebody has stopped it.
    Stopped,
    /// There is none.
    None,
}

/// Accounts and answers of one shape. In both templates `{n}` stands for 001, 002, …
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Many {
    /// How many accounts.
    pub count: u32,
    /// The account template; its `id` is the first account's.
    pub account: Account,
    /// What the answers get for every account; `{id}` is the account's id.
    pub answers: String,
}

/// An IAM user with its access keys.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct User {
    /// Its name.
    pub name: String,
    /// Inline policies as JSON text, by name.
    #[serde(default)]
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached managed policies.
    #[serde(default)]
    pub managed: Vec<String>,
    /// Its access keys.
    #[serde(default)]
    pub access_keys: Vec<AccessKey>,
    /// Names of the groups it is in.
    #[serde(default)]
    pub groups: Vec<String>,
    /// ARN of its permissions boundary.
    #[serde(default)]
    pub boundary: Option<String>,
    /// Whether it has a password for the console.
    #[serde(default)]
    pub console: bool,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// An access key of an IAM user.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccessKey {
    /// `AKIAPRACTICE` and eight of A-Z, 2-7.
    pub id: String,
    /// `PRACTICE/SECRET/` and 24 more characters.
    pub secret: String,
    /// How old the key is.
    #[serde(default)]
    pub age_days: u32,
    /// Whether it is inactive.
    #[serde(default)]
    pub inactive: bool,
    /// How many days ago it was last used; none: never.
    #[serde(default)]
    pub used_days_ago: Option<u32>,
    /// Who else uses it, and how often, as long as it is active.
    #[serde(default)]
    pub used_elsewhere: Option<UsedElsewhere>,
}

/// An IAM OIDC identity provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Provider {
    /// The issuer with its `https://`.
    pub url: String,
    /// The client id list.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// Server certificate thumbprints.
    #[serde(default)]
    pub thumbprints: Vec<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// An IAM role.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its path.
    #[serde(default = "root_path")]
    pub path: String,
    /// Its trust policy as JSON text.
    pub trust: String,
    /// Inline policies as JSON text, by name.
    #[serde(default)]
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached managed policies.
    #[serde(default)]
    pub managed: Vec<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Longest session in seconds.
    #[serde(default = "one_hour")]
    pub max_session_seconds: u32,
    /// ARN of its permissions boundary.
    #[serde(default)]
    pub boundary: Option<String>,
}

/// What the operator may not do: each entry takes a right away.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Rights {
    /// Azure DevOps: `create-repository`, `create-connection`, `create-pipeline`, `pipeline-permissions`,
    /// `queue-build`, `install-extension`, `access-control`, `connections` (invisible), `environments`, `policies`,
    /// `variable-groups`, `security-roles`, `secure-files` (invisible).
    pub devops_denied: Vec<String>,
    /// Azure DevOps: areas of calls whose scope the operator's token lacks, such as `serviceendpoint` or `git`.
    pub scopes_missing: Vec<String>,
    /// Whether the operator's token is one for all organisations: it may read the profile of its owner.
    pub token_for_all: bool,
    /// Why the operator's token is not taken; none: it is.
    pub token: Option<TokenRefusal>,
    /// AWS: IAM actions such as `iam:CreateRole`, denied in every account.
    pub aws_denied: Vec<String>,
    /// AWS: IAM actions that the operator's permissions boundary does not allow, in every account.
    pub aws_outside_boundary: Vec<String>,
    /// AWS: IAM actions that no service control policy of the organisation allows, in every account.
    pub aws_outside_organization: Vec<String>,
}

/// Why Azure DevOps takes no token of the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenRefusal {
    /// It is past its end.
    Expired,
    /// It is none that Azure DevOps knows.
    Unknown,
    /// A Conditional Access policy refuses the place it is used from (VS403463).
    ConditionalAccess,
}

/// How the services behave.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Habits {
    /// Milliseconds before each answer.
    pub latency_ms: u64,
    /// A new or changed IAM object stays unseen (or old) for this many reads of it; a role that is assumed is read.
    pub consistency_reads: u32,
    /// Every n-th request of a service is throttled (429 or `Throttling`); 0: never.
    pub throttle_every: u32,
    /// Most roles an account can hold; 0: AWS's own default of 1,000.
    pub role_quota: u32,
    /// Most OIDC providers an account can hold; 0: AWS's own default of 100.
    pub provider_quota: u32,
    /// Minutes until an event is found in CloudTrail.
    pub trail_delay_minutes: u32,
    /// Minutes until a use of an access key is told by `GetAccessKeyLastUsed`.
    pub last_used_delay_minutes: u32,
    /// Most characters of a trust policy, white space not counted (AWS's own default is 2,048); 0: the most that AWS
    /// grants, 4,096.
    pub trust_quota: u32,
}

fn hosted_queue() -> Vec<String> {
    vec!["Azure Pipelines".to_owned()]
}

fn yaml_path() -> String {
    "/azure-pipelines.yml".to_owned()
}

fn commercial() -> String {
    "aws".to_owned()
}

fn root_path() -> String {
    "/".to_owned()
}

fn one_hour() -> u32 {
    3600
}
