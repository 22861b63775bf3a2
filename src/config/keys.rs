//! Every key `keyless.toml` knows: its name, one line of what it is for, and an example.

use crate::domain::deploy::Value;
use crate::domain::federation::{
    Deployment, Environment, Federation, Flow, Permissions, SignIn, Verification, defaults,
};
use crate::domain::gates::Gates;
use crate::domain::issuer::AUDIENCE;

/// One key of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// Its name.
    pub(super) name: &'static str,
    /// What it is for, in one line.
    pub(super) about: &'static str,
    /// A value as it could stand in the file.
    pub(super) example: &'static str,
}

const fn key(name: &'static str, about: &'static str, example: &'static str) -> Key {
    Key { name, about, example }
}

pub(super) const ORGANIZATION: Key =
    key("organization", "The Azure DevOps organisation, as in https://dev.azure.com/NAME.", "\"contoso\"");
pub(super) const PROJECT: Key = key("project", "Its project whose pipelines deploy to AWS.", "\"payments\"");
pub(super) const ORGANIZATION_ID: Key = key(
    "organization-id",
    "The organisation's id. Discovered when left out; compared with the discovered one when given.",
    "\"7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34\"",
);
pub(super) const ISSUER: Key = key(
    "issuer",
    "The issuer of the pipelines' tokens. Computed from the organisation's id when left out.",
    "\"https://vstoken.dev.azure.com/7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34\"",
);
pub(super) const AUDIENCE_KEY: Key =
    key("audience", "The audience of the pipelines' tokens.", "\"api://AzureADTokenExchange\"");

pub(super) const AZP: Key = key(
    "azp",
    "The azp claim of the tokens, where they have one: IAM holds it against client ids instead of the audience.",
    "\"0b1f3c52-6b0e-4f3a-9c77-2d5e8f1a0b34\"",
);

pub(super) const REPOSITORY: Key = key(
    "repository",
    "The repository that holds the verification pipeline's YAML.",
    "\"keyless-verification\"",
);
pub(super) const BRANCH: Key = key(
    "branch",
    "A branch of an existing repository, where creating repositories is not allowed.",
    "\"keyless-verification\"",
);
pub(super) const PIPELINE: Key = key("pipeline", "The verification pipeline.", "\"keyless-verification\"");
pub(super) const QUEUE: Key =
    key("queue", "The agent queue. The hosted one, else the only one, when left out.", "\"Azure Pipelines\"");

pub(super) const NAME: Key = key("name", "The environment's name.", "\"dev\"");
pub(super) const PROTECTED: Key =
    key("protected", "Changes to a protected environment ask for its name.", "true");
pub(super) const ACCOUNT: Key = key("account", "The AWS account id.", "\"111122223333\"");
pub(super) const REGION: Key =
    key("region", "The region pipelines deploy to. It also decides the AWS partition.", "\"eu-west-1\"");
pub(super) const SIGN_IN: Key =
    key("sign-in", "How keyless itself signs in to the account.", "{ profile = \"contoso-dev\" }");
pub(super) const ROLE: Key = key("role", "The IAM role pipelines assume.", "\"AzureDevOpsDevRole\"");
pub(super) const ROLE_PATH: Key = key("role-path", "The role's path.", "\"/\"");
pub(super) const TAGS: Key =
    key("tags", "Tags for what keyless makes in this account, beside its own.", "{ team = \"payments\" }");
pub(super) const CONNECTION: Key = key("connection", "The Azure DevOps service connection.", "\"AWS-Dev\"");
pub(super) const SUBJECT: Key = key(
    "subject",
    "The subject of the connection's tokens. Computed from its names when left out.",
    "\"sc://contoso/payments/AWS-Dev\"",
);
pub(super) const AUTHENTICATION: Key = key(
    "authentication",
    "How pipelines sign in: oidc; where that cannot be used, access-key-and-role or access-key.",
    "\"oidc\"",
);
pub(super) const USER: Key = key(
    "user",
    "The IAM user whose access key pipelines sign in with. Not with oidc.",
    "\"AzureDevOpsDevUser\"",
);
pub(super) const SOURCE_IP: Key = key(
    "source-ip",
    "Addresses the access key works from; everywhere when left out. Only with access-key-and-role.",
    "[\"203.0.113.0/24\"]",
);
pub(super) const EXTERNAL_ID: Key = key(
    "external-id",
    "The external id the role demands beside the access key. Only with access-key-and-role.",
    "\"payments-7f3a\"",
);
pub(super) const BRANCHES: Key = key("branches", "Which branches deploy here.", "[\"feat/*\", \"fix/*\"]");
pub(super) const PRESET: Key = key(
    "preset",
    "What the role may do: the name of a permission preset; by default that of what deploys.",
    "\"minimal\"",
);
pub(super) const PERMISSIONS: Key = key(
    "permissions",
    "What the preset is filled with, beside what `deploy` says (qualifier, state-bucket, lock-table, services, stack, execution-role, app), and limits (source-ip, source-vpc, guard).",
    "{ state-bucket = \"contoso-state\", services = [\"s3\"] }",
);
pub(super) const MANAGED_POLICIES: Key = key(
    "managed-policies",
    "ARNs of managed policies to attach beside the preset.",
    "[\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]",
);
pub(super) const BOUNDARY: Key = key(
    "boundary",
    "ARN of a permissions boundary for the role.",
    "\"arn:aws:iam::111122223333:policy/ci-boundary\"",
);
pub(super) const SESSION_HOURS: Key =
    key("session-hours", "The longest session of the role, in hours (1 to 12).", "1");

pub(super) const GATES: Key = key(
    "gates",
    "What stands before its deployments. Approval, lock and branch control are there for protected ones.",
    "{ approvers = [\"ada@contoso.example\"] }",
);
pub(super) const VARIABLES: Key = key(
    "variables",
    "Values its deployments need to know. They go into a variable group that people can read: no secrets.",
    "{ API_URL = \"https://api.example.com\" }",
);

pub(super) const SECRETS: Key = key(
    "secrets",
    "Variable groups (linked to a Key Vault, for example) and secure files that its deployments read: names, never values.",
    "{ variable-groups = [\"payments-prod-vault\"], secure-files = [\"prod.pem\"] }",
);

pub(super) const DEPLOY: Key = key(
    "deploy",
    "What the deployment tool must know about this environment; the README lists its keys.",
    "{ session-minutes = 60 }",
);
pub(super) const CODE: Key =
    key("repository", "Where the code lies: a repository of this project, or one on GitHub.", "\"payments\"");
pub(super) const TOOL: Key = key(
    "tool",
    "What deploys: cdk, terraform, amplify, amplify-hosting, cloudformation or script.",
    "\"cdk\"",
);
pub(super) const FLOW: Key = key(
    "flow",
    "Which branches deploy where: mapped, trunk, develop or hotfix. An environment's own branches win.",
    "\"mapped\"",
);
pub(super) const MAIN: Key = key("main", "The protected branch that pull requests go to.", "\"main\"");
pub(super) const PIPELINE_NAME: Key =
    key("name", "The pipeline's name. That of the repository when left out.", "\"payments\"");
pub(super) const FILE: Key = key("file", "Path of its YAML in the repository.", "\"azure-pipelines.yml\"");
pub(super) const PIPELINES: Key = key(
    "pipelines",
    "Other pipelines that may use the connections, existing ones included.",
    "[\"payments-infrastructure\"]",
);
pub(super) const REVIEWERS: Key = key(
    "reviewers",
    "How many others must look at a pull request into that branch (0 to 10; 0: no such policy).",
    "1",
);
pub(super) const DIR: Key =
    key("dir", "The folder of the code to deploy. The top when left out.", "\"infra\"");
pub(super) const TOOL_VERSION: Key =
    key("version", "The Terraform to install. The agent's own when left out.", "\"1.13.3\"");
pub(super) const OUTPUT: Key = key("output", "The folder that the build writes.", "\"dist\"");
pub(super) const TEMPLATE: Key = key("template", "The CloudFormation template.", "\"template.yaml\"");
pub(super) const BUILD: Key = key("build", "The script that builds.", "\"ci/build.sh\"");
pub(super) const PREVIEW: Key =
    key("preview", "The script that shows a change with a read-only role.", "\"ci/preview.sh\"");
pub(super) const SCRIPT: Key = key("deploy", "The script that deploys.", "\"ci/deploy.sh\"");
pub(super) const IMAGE: Key =
    key("image", "The image of Microsoft-hosted agents. ubuntu-latest when left out.", "\"ubuntu-24.04\"");
pub(super) const MANUAL_VALIDATION: Key = key(
    "manual-validation",
    "Who is asked inside the pipeline, where environments of Azure DevOps cannot be used. That is no gate.",
    "\"ops@contoso.example\"",
);
/// Keys of `[pipeline]`, in the order they are written.
pub(super) const DEPLOYMENT: [Key; 18] = [
    CODE,
    TOOL,
    FLOW,
    MAIN,
    PIPELINE_NAME,
    FILE,
    DIR,
    TOOL_VERSION,
    OUTPUT,
    TEMPLATE,
    BUILD,
    PREVIEW,
    SCRIPT,
    IMAGE,
    MANUAL_VALIDATION,
    QUEUE,
    PIPELINES,
    REVIEWERS,
];

/// Keys that belong at the top of the file.
pub(super) const FEDERATION: [&str; 9] = [
    "organization",
    "project",
    "organization-id",
    "issuer",
    "audience",
    "azp",
    "verification",
    "pipeline",
    "environments",
];
/// Keys of a sign-in.
pub(super) const SIGN_IN_KEYS: [&str; 6] =
    ["profile", "sso-session", "permission-set", "assume-role", "from", "environment"];
/// Keys of `[verification]`.
pub(super) const VERIFICATION: [Key; 4] = [REPOSITORY, BRANCH, PIPELINE, QUEUE];
/// Keys of an environment, in the order they are written.
pub(super) const ENVIRONMENT: [Key; 24] = [
    NAME,
    ACCOUNT,
    REGION,
    SIGN_IN,
    PROTECTED,
    ROLE,
    ROLE_PATH,
    TAGS,
    CONNECTION,
    AUTHENTICATION,
    USER,
    SOURCE_IP,
    EXTERNAL_ID,
    SUBJECT,
    BRANCHES,
    PRESET,
    PERMISSIONS,
    MANAGED_POLICIES,
    BOUNDARY,
    GATES,
    VARIABLES,
    SECRETS,
    DEPLOY,
    SESSION_HOURS,
];

/// Keys that say something only where pipelines sign in with access keys.
pub(super) const OF_ACCESS_KEYS: [Key; 3] = [USER, SOURCE_IP, EXTERNAL_ID];

/// A value as the file holds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Held {
    /// Not in the file: there is none.
    Nothing,
    /// A text.
    Text(String),
    /// True or false.
    Flag(bool),
    /// A number.
    Number(i64),
    /// A list of texts.
    List(Vec<String>),
    /// Names with values.
    Table(Vec<(String, Held)>),
}

/// A key with the value a federation gives it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: Key,
    /// Its value.
    pub(super) held: Held,
    /// Whether leaving the key out means the same.
    pub(super) default: bool,
}

impl Entry {
    fn required(key: Key, text: &str) -> Self {
        Self { key, held: Held::Text(text.to_owned()), default: false }
    }

    fn optional(key: Key, text: Option<String>) -> Self {
        let default = text.is_none();
        Self { key, held: text.map_or(Held::Nothing, Held::Text), default }
    }

    fn with_default(key: Key, held: Held, default: bool) -> Self {
        Self { key, held, default }
    }
}

/// The top of the file, without its tables.
pub(super) fn federation(federation: &Federation) -> Vec<Entry> {
    vec![
        Entry::required(ORGANIZATION, federation.organization.as_str()),
        Entry::required(PROJECT, federation.project.as_str()),
        Entry::optional(ORGANIZATION_ID, federation.organization_id.map(|id| id.to_string())),
        Entry::optional(ISSUER, federation.issuer.as_ref().map(ToString::to_string)),
        // The last is always written: one that has a value.
        Entry::optional(AZP, federation.azp.clone()),
        Entry::with_default(
            AUDIENCE_KEY,
            Held::Text(federation.audience.clone()),
            federation.audience == AUDIENCE,
        ),
    ]
}

/// The table `[verification]`.
pub(super) fn verification(verification: &Verification) -> Vec<Entry> {
    let text = |text: &str| (Held::Text(text.to_owned()), text == defaults::VERIFICATION);
    let (repository, repository_default) = text(verification.repository.as_str());
    let (pipeline, pipeline_default) = text(&verification.pipeline);
    vec![
        Entry::with_default(REPOSITORY, repository, repository_default),
        Entry::optional(BRANCH, verification.branch.clone()),
        Entry::optional(QUEUE, verification.queue.clone()),
        Entry::with_default(PIPELINE, pipeline, pipeline_default),
    ]
}

/// The table `[pipeline]`.
pub(super) fn deployment(deployment: &Deployment) -> Vec<Entry> {
    let text = |text: &str| Held::Text(text.to_owned());
    let name = deployment.name == Deployment::default_name(&deployment.repository);
    let options = &deployment.options;
    let option =
        |key: Key, held: &Option<Value>| Entry::optional(key, held.as_ref().map(ToString::to_string));
    vec![
        Entry::required(CODE, &deployment.repository.to_string()),
        Entry::required(TOOL, deployment.tool.as_str()),
        Entry::with_default(FLOW, text(deployment.flow.as_str()), deployment.flow == Flow::Mapped),
        Entry::with_default(MAIN, text(&deployment.main), deployment.main == defaults::MAIN),
        Entry::with_default(PIPELINE_NAME, text(&deployment.name), name),
        Entry::with_default(FILE, text(&deployment.file), deployment.file == defaults::PIPELINE_FILE),
        option(DIR, &options.dir),
        option(TOOL_VERSION, &options.version),
        option(OUTPUT, &options.output),
        option(TEMPLATE, &options.template),
        option(BUILD, &options.build),
        option(PREVIEW, &options.preview),
        option(SCRIPT, &options.deploy),
        option(IMAGE, &options.image),
        option(MANUAL_VALIDATION, &options.manual_validation),
        Entry::optional(QUEUE, deployment.queue.clone()),
        Entry::with_default(
            PIPELINES,
            Held::List(deployment.pipelines.clone()),
            deployment.pipelines.is_empty(),
        ),
        Entry::with_default(
            REVIEWERS,
            Held::Number(deployment.reviewers.into()),
            deployment.reviewers == defaults::REVIEWERS,
        ),
    ]
}

/// One table `[[environments]]`.
pub(super) fn environment(environment: &Environment, pipeline: Option<&Deployment>) -> Vec<Entry> {
    let Environment { name, branches, managed_policies, tags, .. } = environment;
    let text = |text: &str| Held::Text(text.to_owned());
    let role = defaults::role(name).as_ref() == Some(&environment.role);
    let connection = defaults::connection(name).as_ref() == Some(&environment.connection);
    let tags: Vec<_> = tags.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    let no_tags = tags.is_empty();
    let variables = environment.variables.iter();
    let variables: Vec<_> = variables.map(|(key, value)| (key.clone(), text(value))).collect();
    let no_variables = variables.is_empty();
    let authentication = &environment.authentication;
    let user = authentication.user();
    let user_default = user.is_none() || user == defaults::user(name).as_ref();
    let source_ip: Vec<String> = authentication.source_ip().iter().map(ToString::to_string).collect();
    vec![
        Entry::required(NAME, name.as_str()),
        Entry::required(ACCOUNT, environment.account.as_str()),
        Entry::required(REGION, environment.region.as_str()),
        Entry::with_default(SIGN_IN, sign_in(&environment.sign_in), false),
        Entry::with_default(
            PROTECTED,
            Held::Flag(environment.protected),
            environment.protected == defaults::protected(name),
        ),
        Entry::with_default(ROLE, text(environment.role.as_str()), role),
        Entry::with_default(
            ROLE_PATH,
            text(environment.role_path.as_str()),
            environment.role_path.as_str() == "/",
        ),
        Entry::with_default(TAGS, Held::Table(tags), no_tags),
        Entry::with_default(CONNECTION, text(environment.connection.as_str()), connection),
        Entry::with_default(AUTHENTICATION, text(authentication.word()), authentication.is_oidc()),
        Entry {
            key: USER,
            held: user.map_or(Held::Nothing, |user| text(user.as_str())),
            default: user_default,
        },
        Entry { key: SOURCE_IP, default: source_ip.is_empty(), held: list_or_nothing(source_ip) },
        Entry::optional(EXTERNAL_ID, authentication.external_id().map(ToString::to_string)),
        Entry::optional(SUBJECT, environment.subject.clone()),
        Entry::with_default(
            BRANCHES,
            Held::List(branches.iter().map(ToString::to_string).collect()),
            *branches == defaults::branches(name, pipeline),
        ),
        Entry::with_default(
            PRESET,
            text(&environment.preset),
            environment.preset == defaults::preset(environment, pipeline),
        ),
        Entry::with_default(
            PERMISSIONS,
            permissions(&environment.permissions),
            environment.permissions == Permissions::default(),
        ),
        Entry::with_default(
            MANAGED_POLICIES,
            Held::List(managed_policies.clone()),
            managed_policies.is_empty(),
        ),
        Entry::optional(BOUNDARY, environment.boundary.clone()),
        Entry::with_default(GATES, gates(&environment.gates), environment.gates == Gates::default()),
        Entry::with_default(VARIABLES, Held::Table(variables), no_variables),
        Entry::with_default(
            SECRETS,
            super::secrets::held(&environment.secrets),
            environment.secrets.is_empty(),
        ),
        Entry::with_default(
            DEPLOY,
            super::deploys::held(&environment.deploy),
            environment.deploy == Default::default(),
        ),
        Entry::with_default(
            SESSION_HOURS,
            Held::Number(environment.session_hours.into()),
            environment.session_hours == defaults::SESSION_HOURS,
        ),
    ]
}

/// A list that is left out where it is empty.
fn list_or_nothing(texts: Vec<String>) -> Held {
    if texts.is_empty() { Held::Nothing } else { Held::List(texts) }
}

fn sign_in(sign_in: &SignIn) -> Held {
    let text = |key: &str, text: &str| (key.to_owned(), Held::Text(text.to_owned()));
    Held::Table(match sign_in {
        SignIn::Profile { profile } => vec![text("profile", profile)],
        SignIn::Sso { sso_session, permission_set } => {
            vec![text("sso-session", sso_session), text("permission-set", permission_set)]
        }
        SignIn::AssumeRole { assume_role, from } => {
            vec![text("assume-role", &assume_role.to_string()), text("from", from.as_str())]
        }
        SignIn::Environment { .. } => vec![("environment".to_owned(), Held::Flag(true))],
    })
}

/// What a preset is filled with: only what was said.
fn permissions(permissions: &Permissions) -> Held {
    let mut pairs = Vec::new();
    let mut add = |key: &str, held: Option<Held>| pairs.extend(held.map(|held| (key.to_owned(), held)));
    let text = |text: &Option<String>| text.clone().map(Held::Text);
    let texts = |texts: Vec<String>| (!texts.is_empty()).then_some(Held::List(texts));
    add("qualifier", text(&permissions.qualifier));
    add("state-bucket", text(&permissions.state_bucket));
    add("lock-table", text(&permissions.lock_table));
    add("services", texts(permissions.services.clone()));
    add("stack", text(&permissions.stack));
    add("execution-role", permissions.execution_role.as_ref().map(|role| Held::Text(role.to_string())));
    add("app", text(&permissions.app));
    add("source-ip", texts(permissions.source_ip.iter().map(ToString::to_string).collect()));
    add("source-vpc", texts(permissions.source_vpc.clone()));
    add("guard", permissions.guard.then_some(Held::Flag(true)));
    Held::Table(pairs)
}

/// What stands before an environment's deployments: only what was decided.
fn gates(gates: &Gates) -> Held {
    let mut pairs = Vec::new();
    let mut add = |key: &str, held: Option<Held>| pairs.extend(held.map(|held| (key.to_owned(), held)));
    let texts = |texts: &[String]| Held::List(texts.to_vec());
    add("environment", gates.target.as_ref().map(|name| Held::Text(name.to_string())));
    add("approval", gates.approval.map(Held::Flag));
    add("approvers", (!gates.approvers.is_empty()).then(|| texts(&gates.approvers)));
    add("minimum-approvers", gates.minimum_approvers.map(|count| Held::Number(count.into())));
    add("exclusive-lock", gates.exclusive_lock.map(Held::Flag));
    add("branch-control", gates.branch_control.map(Held::Flag));
    add(
        "business-hours",
        gates.business_hours.as_ref().map(|hours| {
            let days: Vec<String> = hours.days.iter().map(|day| day.as_str().to_owned()).collect();
            let text = |key: &str, text: &str| (key.to_owned(), Held::Text(text.to_owned()));
            Held::Table(vec![
                ("days".to_owned(), Held::List(days)),
                text("from", &hours.from.to_string()),
                text("to", &hours.to.to_string()),
                text("time-zone", &hours.time_zone),
            ])
        }),
    );
    add("connection-approval", gates.connection_approval.then_some(Held::Flag(true)));
    add("administrators", (!gates.administrators.is_empty()).then(|| texts(&gates.administrators)));
    Held::Table(pairs)
}
