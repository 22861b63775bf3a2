//! The command line, as clap sees it. Help texts are written for somebody who has never seen keyless.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::domain::federation::{Flow, Source, Tool};
use crate::domain::issuer::Issuer;
use crate::domain::names::{BranchPattern, EnvironmentName, OrganizationName};
use crate::plan::file::Only;
use crate::programs::pipeline::Way;
use crate::sandbox::worlds;
use crate::wizard::Method;

/// Azure DevOps pipelines deploy to AWS without access keys: keyless sets up OIDC federation and proves it.
///
/// Try it first on the practice cloud, where nothing real is touched: `keyless --sandbox setup`.
#[derive(Debug, Parser)]
#[command(name = "keyless", version, max_term_width = 100, propagate_version = true)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of every command
    #[command(flatten)]
    pub global: Global,
    /// Flags of the full screen
    #[command(flatten)]
    pub begin: Begin,
}

/// Flags of the full screen, which opens without a command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Full screen (without a command)")]
pub struct Begin {
    /// Look at every environment again after this many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(5..=900))]
    pub refresh: Option<u64>,
    /// Leave the mouse to the terminal
    #[arg(long)]
    pub no_mouse: bool,
    /// Record the session to a new file, secrets left out, for a report of what went wrong
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Work on the practice cloud instead of the real one; WORLD chooses what it holds (see `keyless sandbox worlds`)
    #[arg(long, value_name = "WORLD", num_args = 0..=1, require_equals = true, default_missing_value = worlds::DEFAULT, global = true)]
    pub sandbox: Option<String>,
    /// The answers to use; without it `keyless.toml` is searched here and in the folders above
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Plain prompts and lines instead of full screen
    #[arg(long, global = true)]
    pub plain: bool,
    /// Numbered lines without any redraw, for screen readers (also: ACCESSIBLE=1)
    #[arg(long, global = true)]
    pub accessible: bool,
    /// Print JSON on stdout; talk goes to stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Write every HTTP exchange, secrets left out, to a new file: one JSON object a line
    #[arg(long, value_name = "FILE", global = true)]
    pub trace_http: Option<PathBuf>,
    /// Requests in flight at once: to Azure DevOps, and to each AWS service
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256), global = true)]
    pub concurrency: u16,
}

/// What a person may say yes to without being asked.
#[derive(Debug, Clone, Default, Args)]
pub struct Yes {
    /// Approve the plan without being asked; protected environments still need --confirm
    #[arg(long)]
    pub yes: bool,
    /// Approve what concerns this protected environment
    #[arg(long, value_name = "ENVIRONMENT")]
    pub confirm: Vec<EnvironmentName>,
    /// Approve that a trust names this subject instead of quite another one; --yes never does
    #[arg(long, value_name = "SUBJECT")]
    pub confirm_subject: Vec<String>,
}

/// How long runs may take.
#[derive(Debug, Clone, Copy, Args)]
pub struct Wait {
    /// Seconds a verification run may wait for an agent or an approval before it is cancelled [default: 900]
    #[arg(long, value_name = "SECONDS")]
    pub wait: Option<u64>,
}

impl Wait {
    /// Seconds, where none are named.
    pub const USUAL: u64 = 900;

    /// Seconds.
    pub fn seconds(self) -> u64 {
        self.wait.unwrap_or(Self::USUAL)
    }
}

/// Which half of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Half {
    /// Providers and roles in the AWS accounts
    Aws,
    /// Connections, verification pipeline and permissions in Azure DevOps
    AzureDevops,
}

impl From<Half> for Only {
    fn from(half: Half) -> Self {
        match half {
            Half::Aws => Self::Aws,
            Half::AzureDevops => Self::AzureDevops,
        }
    }
}

/// How to sign in to Azure DevOps.
#[derive(Debug, Clone, Copy, Default, Args)]
#[group(multiple = false)]
pub struct How {
    /// With your work account in the browser of this machine (the default on a desktop)
    #[arg(long)]
    pub browser: bool,
    /// With your work account and a code that is typed in any browser (the default over SSH)
    #[arg(long)]
    pub device: bool,
    /// As whoever is signed in to the Azure CLI (`az`)
    #[arg(long)]
    pub az: bool,
    /// With a personal access token for this organisation: asked for, or the first line of stdin
    #[arg(long)]
    pub pat: bool,
}

impl How {
    /// The way that was named.
    pub fn method(self) -> Option<Method> {
        let ways = [
            (self.browser, Method::Browser),
            (self.device, Method::Device),
            (self.az, Method::AzureCli),
            (self.pat, Method::Pat),
        ];
        ways.into_iter().find(|(named, _)| *named).map(|(_, method)| method)
    }
}

/// What setup does with the half that is somebody else's.
#[derive(Debug, Clone, Default, Args)]
pub struct Handover {
    /// Where rights for one side are missing: set up the other one, and write that side as files for somebody who has them
    #[arg(long)]
    pub hand_over: bool,
    /// Folder for those files; without it keyless-aws-half or keyless-azure-devops-half, here
    #[arg(long, value_name = "DIR")]
    pub half_dir: Option<PathBuf>,
}

/// Where the pipeline's file goes.
#[derive(Debug, Clone, Default, Args)]
pub struct Delivery {
    /// Commit it to this branch of the repository, a new one where there is none
    #[arg(long, value_name = "NAME", value_parser = branch)]
    pub branch: Option<String>,
    /// Commit it to a new branch, and open a pull request
    #[arg(long)]
    pub pull_request: bool,
}

impl Delivery {
    /// The way to the repository; none: it is written here.
    pub fn way(&self) -> Option<Way> {
        let Self { branch, pull_request } = self;
        (*pull_request || branch.is_some())
            .then(|| Way { branch: branch.clone(), pull_request: *pull_request })
    }
}

/// The name of one branch.
fn branch(text: &str) -> Result<String, String> {
    match text.parse::<BranchPattern>() {
        Ok(branch) if branch.prefix().is_none() => Ok(branch.to_string()),
        Ok(_) => Err(format!("'{text}' is a prefix, and one branch is needed")),
        Err(refused) => Err(refused.to_string()),
    }
}

/// How a half can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A template for each AWS account
    #[value(name = "cloudformation")]
    CloudFormation,
    /// One configuration for all AWS accounts
    Terraform,
    /// A saved plan for `keyless apply`
    Plan,
}

/// As what everything can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Whole {
    /// One configuration for all AWS accounts and Azure DevOps
    Terraform,
    /// A template for each AWS account
    #[value(name = "cloudformation")]
    CloudFormation,
    /// A CDK application in TypeScript, a stack for each AWS account
    Cdk,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up the federation: asks, shows the plan, applies it and proves every environment
    Setup {
        /// Use these answers instead of asking
        #[arg(long, value_name = "FILE")]
        answers: Option<PathBuf>,
        /// Only this half
        #[arg(long, value_enum)]
        only: Option<Half>,
        /// Also remove trust statements of this environment's role that admit anybody else
        #[arg(long, value_name = "ENVIRONMENT")]
        close: Vec<EnvironmentName>,
        /// For two people
        #[command(flatten)]
        handover: Handover,
        /// Approval
        #[command(flatten)]
        yes: Yes,
        /// Patience
        #[command(flatten)]
        wait: Wait,
    },
    /// Show what setup would change, and why; writes nothing
    Plan {
        /// Save the plan to a new file, for `keyless apply`
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Only this half
        #[arg(long, value_enum)]
        only: Option<Half>,
        /// Also remove trust statements of this environment's role that admit anybody else
        #[arg(long, value_name = "ENVIRONMENT")]
        close: Vec<EnvironmentName>,
    },
    /// Apply a saved plan: looks again, shows it, refuses it when it no longer fits
    Apply {
        /// The plan
        file: PathBuf,
        /// Approval
        #[command(flatten)]
        yes: Yes,
        /// Patience
        #[command(flatten)]
        wait: Wait,
    },
    /// Prove environments by real pipeline runs of `sts get-caller-identity`
    Verify {
        /// The environments; none: all
        environments: Vec<EnvironmentName>,
        /// Prove that others are denied: a throw-away connection tries each role, and is removed
        #[arg(long)]
        denial: bool,
        /// `azure-devops`: without looking at AWS, for somebody who has no rights there
        #[arg(long, value_enum)]
        only: Option<Half>,
        /// Approval
        #[command(flatten)]
        yes: Yes,
        /// Patience
        #[command(flatten)]
        wait: Wait,
    },
    /// Show every link of each environment's chain and the last proof; only reads
    Status {
        /// The environments; none: all
        environments: Vec<EnvironmentName>,
        /// Only this half; what is somebody else's is waited for
        #[arg(long, value_enum)]
        only: Option<Half>,
        /// Look again every SECONDS until interrupted
        #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "30",
              value_parser = clap::value_parser!(u64).range(1..))]
        watch: Option<u64>,
    },
    /// Find what is wrong in the whole chain of every environment, how that is known, and what heals it; only reads
    Doctor {
        /// The environments; none: all
        environments: Vec<EnvironmentName>,
        /// Only this half
        #[arg(long, value_enum)]
        only: Option<Half>,
        /// Heal what keyless can: shows the plan, applies what is approved, and looks again
        #[arg(long)]
        fix: bool,
        /// Show which connection can become which role, decided offline from all trusts; an unexpected reach ends with 1
        #[arg(long)]
        matrix: bool,
        /// Read the pasted log of a pipeline's task instead (`-`: stdin); no cloud is asked
        #[arg(long, value_name = "FILE")]
        log: Option<PathBuf>,
        /// Read one run of a pipeline instead: its address or number
        #[arg(long, value_name = "URL|ID")]
        run: Option<String>,
        /// Approval
        #[command(flatten)]
        yes: Yes,
        /// Patience
        #[command(flatten)]
        wait: Wait,
    },
    /// Lead connections away from access keys: prepare, switch, prove, watch, deactivate, delete; goes on where the clouds stand
    Rotate {
        /// The environments; none: all whose connections hold keys, or lately did
        environments: Vec<EnvironmentName>,
        /// How many days nobody may have used a key before it is deactivated, and how many it stays off before it is deleted
        #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365))]
        watch_days: u16,
        /// Also delete a user whose last key is gone, that has no password, and that nothing else needs
        #[arg(long)]
        delete_users: bool,
        /// First prove a second connection with a subject and a trust statement of its own; both go after the switch. It does not prove the final subject
        #[arg(long, conflicts_with_all = ["rollback", "renew_keys"])]
        beside: bool,
        /// Go back to access keys: the old key is activated, and the connection gets a new one of the same user
        #[arg(long, conflicts_with_all = ["renew_keys", "delete_users"])]
        rollback: bool,
        /// Stay with access keys, and replace each by a new one: put in, proven, the old one watched, deactivated, deleted
        #[arg(long, conflicts_with = "delete_users")]
        renew_keys: bool,
        /// Only show every AWS connection, how it signs in, whose key it holds and what is to be done; a blocked one ends with 1
        #[arg(long, conflicts_with_all = ["environments", "delete_users", "beside", "rollback", "renew_keys", "watch_days", "yes", "confirm", "confirm_subject", "wait"])]
        inventory: bool,
        /// With --inventory: the connections of all projects that can be seen
        #[arg(long, requires = "inventory")]
        all_projects: bool,
        /// Approval
        #[command(flatten)]
        yes: Yes,
        /// Patience
        #[command(flatten)]
        wait: Wait,
    },
    /// Move trusts to another issuer of tokens: adds it beside the present one, proves it, removes the old; goes on where the clouds stand
    MoveIssuer {
        /// Show which providers and trusts name which issuer; only reads
        #[arg(long, conflicts_with_all = ["back", "plan", "issuer"])]
        inventory: bool,
        /// Show what would be changed, as the newest run tells; writes nothing
        #[arg(long)]
        plan: bool,
        /// Take the move back: removes the second statements and providers; possible until the last step
        #[arg(long, conflicts_with_all = ["issuer", "audience", "subject", "azp"])]
        back: bool,
        /// The issuer that comes, typed, before any run has shown it
        #[arg(long, value_name = "URL", requires = "subject")]
        issuer: Option<Issuer>,
        /// Its audience; without it the present one
        #[arg(long, value_name = "AUDIENCE", requires = "issuer")]
        audience: Option<String>,
        /// The subject of an environment's tokens there; each must be confirmed again with --confirm-subject
        #[arg(long, value_name = "ENVIRONMENT=SUBJECT", requires = "issuer", value_parser = subject_of)]
        subject: Vec<(EnvironmentName, String)>,
        /// The azp claim of the new tokens, where they have one: IAM holds it against client ids instead of the audience
        #[arg(long, value_name = "VALUE")]
        azp: Option<String>,
        /// Approval
        #[command(flatten)]
        yes: Yes,
        /// Patience
        #[command(flatten)]
        wait: Wait,
    },
    /// Write the pipeline that deploys to every environment: as a file here, on stdout, on a branch, or as a pull request
    Pipeline {
        /// What deploys: cdk, terraform, amplify, amplify-hosting, cloudformation or script; without it what keyless.toml says
        #[arg(long, value_name = "NAME")]
        preset: Option<Tool>,
        /// Which branches deploy where: mapped, trunk, develop or hotfix; without it what keyless.toml says
        #[arg(long, value_name = "NAME")]
        flow: Option<Flow>,
        /// Where the code lies: a repository of the project, or https://github.com/OWNER/NAME
        #[arg(long, value_name = "REPOSITORY")]
        repository: Option<Source>,
        /// Print it, and write nothing
        #[arg(long, conflicts_with_all = ["branch", "pull_request", "yes"])]
        stdout: bool,
        /// Where it goes
        #[command(flatten)]
        delivery: Delivery,
        /// Go ahead without being asked: a file beside another one, commit, pull request, [pipeline] in keyless.toml
        #[arg(long)]
        yes: bool,
    },
    /// Tell what a code means, how it is known and what heals it
    Explain {
        /// The code, for example KL-TRUST-SUB-CASE; without it all are listed
        code: Option<String>,
    },
    /// Remove what keyless made, and only that; shows the plan first
    Teardown {
        /// The environments; none: all
        environments: Vec<EnvironmentName>,
        /// Approval
        #[command(flatten)]
        yes: Yes,
    },
    /// Sign in to Azure DevOps, and keep that in the keyring of this machine
    Login {
        /// The organisation; without it the one of keyless.toml
        #[arg(long, value_name = "NAME")]
        organization: Option<OrganizationName>,
        /// How
        #[command(flatten)]
        how: How,
        /// The Entra tenant: an id or a domain; without it any work account is taken
        #[arg(long, value_name = "TENANT", env = "KEYLESS_ENTRA_TENANT")]
        tenant: Option<String>,
        /// A public client of your own instead of the one Azure DevOps tools use
        #[arg(long, value_name = "ID", env = "KEYLESS_ENTRA_CLIENT_ID")]
        client_id: Option<String>,
    },
    /// Forget what the keyring holds for Azure DevOps
    Logout {
        /// Only this organisation; without it all that were signed in to
        #[arg(long, value_name = "NAME")]
        organization: Option<OrganizationName>,
    },
    /// Tell who keyless is in Azure DevOps and in each AWS account; only reads
    Whoami {
        /// The organisation; without it the one of keyless.toml, else the last one signed in to
        #[arg(long, value_name = "NAME")]
        organization: Option<OrganizationName>,
    },
    /// What the roles of pipelines may do, and where that leads
    Permissions {
        /// What to do with them
        #[command(subcommand)]
        command: PermissionsCommand,
    },
    /// Write everything keyless would make as code that a team can own instead, or one half for somebody else; only reads
    Export {
        /// Everything, as this: Azure DevOps is part of terraform only, which alone can say it
        #[arg(value_enum, required_unless_present = "format", conflicts_with_all = ["format", "only"])]
        whole: Option<Whole>,
        /// One half, as this
        #[arg(long, value_enum)]
        format: Option<Format>,
        /// Which half; azure-devops only as a plan
        #[arg(long, value_enum, default_value = "aws")]
        only: Half,
        /// Write new files into this folder; without it stdout
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Tell who became which role, and from which pipeline run: CloudTrail joined with Azure DevOps; only reads
    Audit {
        /// The environments; none: all
        environments: Vec<EnvironmentName>,
        /// How far back: 90m, 12h, 7d, up to the 90d that CloudTrail keeps
        #[arg(long, value_name = "TIME", default_value = "7d", value_parser = span)]
        since: time::Duration,
    },
    /// Tell what keyless changed from this machine: who, when, what, before, after, and what takes it back; asks no cloud
    History {
        /// Only this run, with all of its values: its id, or how it begins
        #[arg(long, value_name = "ID")]
        run: Option<String>,
    },
    /// The practice cloud by itself
    Sandbox {
        /// What to do with it
        #[command(subcommand)]
        command: SandboxCommand,
    },
}

/// What can be done with permissions.
#[derive(Debug, Subcommand)]
pub enum PermissionsCommand {
    /// Read each role's policies and those of roles it can get to, and tell what is too much; only reads
    Check {
        /// The environments; none: all
        environments: Vec<EnvironmentName>,
    },
    /// Take out of the policies keyless wrote into a role what was not used; shows the plan first
    Narrow {
        /// The environment
        environment: EnvironmentName,
        /// How many days something was not used to count as unused; a younger role is left as it is
        #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=400))]
        unused_days: u16,
        /// Where to read what was used; without it IAM's service-last-accessed data, or CloudTrail where that is denied
        #[arg(long, value_enum, value_name = "SOURCE")]
        from: Option<UsedFrom>,
        /// Approval
        #[command(flatten)]
        yes: Yes,
    },
}

/// Where it is read what a role used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UsedFrom {
    /// IAM's service-last-accessed data
    LastAccessed,
    /// CloudTrail's event history: the last 90 days, without data events
    #[value(name = "cloudtrail")]
    Trail,
}

/// What can be done with the practice cloud by itself.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Serve it until interrupted, and print its addresses and credentials
    Serve {
        /// What it holds
        #[arg(long, default_value = worlds::DEFAULT)]
        world: String,
        /// First of five ports (Azure DevOps, issuer, AWS, Entra ID, Identity Center); without it free ones are taken
        #[arg(long, value_name = "N")]
        port: Option<u16>,
    },
    /// Forget everything that was done on it
    Reset {
        /// Only this world; without it all of them
        #[arg(long)]
        world: Option<String>,
    },
    /// Show the practice clock, or move it: time passes, and the team's pipelines run once
    Clock {
        /// How far, such as +8d, +3h, +30m or -1d; without it the practice time is shown
        #[arg(value_name = "+8d|-3h", allow_hyphen_values = true, value_parser = clock_seconds)]
        by: Option<i64>,
    },
    /// Show who issues the tokens of service connections, or switch it, as Azure DevOps may one day
    Issuer {
        /// From now on; without it the present one is shown
        #[arg(value_enum)]
        to: Option<PracticeIssuer>,
    },
    /// Play a developer: push a commit to a branch, and see which pipelines run
    Push {
        /// The branch; a new one begins at the default branch
        branch: String,
        /// A file of this folder that is pushed at the same path; without it a line of CHANGES.md
        #[arg(long = "file", value_name = "PATH")]
        files: Vec<PathBuf>,
        /// The repository; without it the first one
        #[arg(long, value_name = "NAME")]
        repository: Option<String>,
    },
    /// Play a developer: open a pull request into the default branch, merged once its policies are met
    PullRequest {
        /// The branch that it brings
        branch: String,
        /// The repository; without it the first one
        #[arg(long, value_name = "NAME")]
        repository: Option<String>,
        /// From a fork of the developer's own, which is made where there is none
        #[arg(long)]
        fork: bool,
    },
    /// Play those who are asked: approve what runs wait for
    Approve {
        /// Only what this run waits for
        run: Option<u64>,
        /// Review this pull request instead
        #[arg(long, value_name = "N", conflicts_with = "run")]
        pull_request: Option<u64>,
        /// Say no
        #[arg(long)]
        reject: bool,
    },
    /// List the worlds
    Worlds,
}

/// The days CloudTrail keeps its events (CloudTrail User Guide, event history).
const KEPT: i64 = 90;

/// `90m`, `12h`, `7d`.
fn span(text: &str) -> Result<time::Duration, String> {
    let refused = || format!("a number and m, h or d is meant, such as 12h or 7d, at most {KEPT}d");
    let unit = text.chars().last().ok_or_else(refused)?;
    let number: u32 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| refused())?;
    let span = match unit {
        'm' => time::Duration::minutes(number.into()),
        'h' => time::Duration::hours(number.into()),
        'd' => time::Duration::days(number.into()),
        _ => return Err(refused()),
    };
    (span.is_positive() && span <= time::Duration::days(KEPT)).then_some(span).ok_or_else(refused)
}

/// The two parts of `dev=/eid1/…`.
fn subject_of(text: &str) -> Result<(EnvironmentName, String), String> {
    let (name, subject) = text
        .split_once('=')
        .ok_or_else(|| format!("'{text}' is not ENVIRONMENT=SUBJECT, as in dev=/eid1/c/pub/…"))?;
    let name = name.parse().map_err(|refused: crate::domain::names::Refused| refused.to_string())?;
    match subject.trim() {
        "" => Err(format!("'{text}' names no subject")),
        subject => Ok((name, subject.to_owned())),
    }
}

/// Who issues the tokens of the practice cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PracticeIssuer {
    /// Azure DevOps itself: https://vstoken.dev.azure.com/ORGANISATION-ID
    Vstoken,
    /// Microsoft Entra ID: https://login.microsoftonline.com/TENANT-ID/v2.0
    Entra,
}

/// Seconds in `+8d`, `-3h` or `+30m`.
fn clock_seconds(text: &str) -> Result<i64, String> {
    let wrong = || format!("'{text}' is no time such as +8d, +3h, +30m or -1d");
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => return Err(wrong()),
    };
    let unit = match rest.chars().last() {
        Some('d') => 24 * 60 * 60,
        Some('h') => 60 * 60,
        Some('m') => 60,
        _ => return Err(wrong()),
    };
    // Ten years are enough for any key.
    let count = rest[..rest.len() - 1].parse::<u32>().ok().map(i64::from);
    let seconds = count.map(|count| count * unit).filter(|seconds| *seconds <= 10 * 366 * 24 * 60 * 60);
    seconds.map(|seconds| sign * seconds).ok_or_else(wrong)
}
