//! Words for failures.

use super::Words;
use crate::domain::failure::{Code, Failure};

/// The words for a failure.
pub fn words(failure: &Failure) -> Words {
    let (cause, hint) = match failure.code {
        Code::DevopsToken
        | Code::DevopsTokenMissing
        | Code::DevopsTokenExpired
        | Code::DevopsTokenGlobal
        | Code::DevopsDenied
        | Code::DevopsUnreachable
        | Code::DevopsThrottled
        | Code::DevopsNotFound
        | Code::DevopsConflict
        | Code::DevopsRefused
        | Code::DevopsUnexpected
        | Code::ProjectUnknown
        | Code::OrganizationIdDiffers
        | Code::OrganizationIdUnknown
        | Code::IssuerDiffers
        | Code::IssuerUnreachable => devops(failure),
        Code::EntraUnreachable
        | Code::EntraDeclined
        | Code::EntraTimedOut
        | Code::EntraBlocked
        | Code::EntraInteraction
        | Code::EntraEnded
        | Code::EntraConsent
        | Code::EntraClient
        | Code::EntraTenant
        | Code::EntraAccount
        | Code::EntraRefused
        | Code::EntraUnexpected
        | Code::EntraListener
        | Code::AzureCliMissing
        | Code::AzureCliSignedOut
        | Code::AzureCliFailed
        | Code::Keyring => super::sign_in::words(failure),
        Code::AwsSignIn
        | Code::AwsWrongAccount
        | Code::AwsDenied
        | Code::AwsThrottled
        | Code::AwsUnreachable
        | Code::AwsNotFound
        | Code::AwsConflict
        | Code::AwsLimit
        | Code::AwsKeyLimit
        | Code::AwsRefused
        | Code::SsoExpired
        | Code::SsoRefused
        | Code::SsoCodeExpired
        | Code::PolicyTooLong
        | Code::PolicyMalformed => aws(failure),
        Code::ToolkitMissing
        | Code::ToolkitTooOld
        | Code::ToolkitDisabled
        | Code::ConnectionInvisible
        | Code::ConnectionWrongType
        | Code::ConnectionNotReady
        | Code::ConnectionKeepsKeys
        | Code::QueueUnclear
        | Code::RepositoryForeign
        | Code::PipelineForeign
        | Code::HandshakeFailed
        | Code::HandshakeWaits
        | Code::RunNotPinned
        | Code::PermissionStands => objects(failure),
        Code::BlueprintConflict
        | Code::Answers
        | Code::AnswersMissing
        | Code::InputEnded
        | Code::NotApproved
        | Code::Flags
        | Code::SubjectUnknown
        | Code::EnvironmentUnknown
        | Code::CodeUnknown
        | Code::RunUnknown
        | Code::WorldUnknown
        | Code::AddressUnusable
        | Code::PlanUnreadable
        | Code::PlanStale
        | Code::PlanNotImplied
        | Code::NothingToRotate
        | Code::NotSettled
        | Code::TimedOut
        | Code::Stopped
        | Code::JournalLocked
        | Code::JournalBroken
        | Code::File
        | Code::FileExists
        | Code::Terminal => flow(failure),
    };
    Words { cause, hint: hint.to_owned() }
}

/// The evidence of that label; where there is none, words that fit in its place.
fn told<'a>(failure: &'a Failure, label: &str, otherwise: &'a str) -> &'a str {
    failure.evidence(label).unwrap_or(otherwise)
}

fn devops(failure: &Failure) -> (String, &'static str) {
    match failure.code {
        Code::DevopsToken => (
            "Azure DevOps does not accept the token".to_owned(),
            "sign in again with `keyless login`, or make a new personal access token for this organisation",
        ),
        Code::DevopsTokenMissing => (
            "no token for Azure DevOps".to_owned(),
            "sign in with `keyless login`, or set AZURE_DEVOPS_EXT_PAT to a personal access token, or AZURE_DEVOPS_TOKEN or SYSTEM_ACCESSTOKEN to a bearer token; the README lists the scopes; `keyless setup --only aws` needs none",
        ),
        Code::DevopsTokenGlobal => (
            "this personal access token is for all organisations; Azure DevOps stops taking such tokens on 2026-12-01".to_owned(),
            "sign in with `keyless login`, or make a token for this organisation alone (in the token's page, choose the organisation instead of \"All accessible organizations\")",
        ),
        Code::DevopsTokenExpired => {
            ("the Azure DevOps token has expired".to_owned(), "sign in with `keyless login`, or make a new one and set AZURE_DEVOPS_EXT_PAT")
        }
        Code::DevopsDenied => (
            "Azure DevOps denies this to you".to_owned(),
            match failure.evidence("number") {
                Some("TF402455") => {
                    "a policy of the branch takes changes by pull request only: make one, or take the branch out of the policy in Project settings > Repos > Repositories > Policies"
                }
                Some("TF401027") => {
                    "have Contribute on the repository allowed to whoever pushes: Project settings > Repos > Repositories > Security"
                }
                _ => {
                    "hold your token's scopes and your rights against the list in the README, and have a project administrator add what is missing"
                }
            },
        ),
        Code::DevopsUnreachable => (
            "Azure DevOps did not answer".to_owned(),
            "check the network and proxy (HTTPS_PROXY), then try again",
        ),
        Code::DevopsThrottled => {
            ("Azure DevOps asks to slow down".to_owned(), "wait some minutes, then try again")
        }
        Code::DevopsNotFound => (
            "Azure DevOps does not show this object: it is not there, or you may not see it".to_owned(),
            "check the name, and that you may read it",
        ),
        Code::DevopsConflict => (
            "the object in Azure DevOps is there already, or was changed by somebody else".to_owned(),
            "run the command again: it looks anew",
        ),
        Code::ProjectUnknown => (
            format!(
                "there is no project {} in this organisation, or you may not see it",
                told(failure, "project", "of that name")
            ),
            "check `project` in keyless.toml",
        ),
        Code::OrganizationIdDiffers => (
            "the organisation id in the answers is not the one Azure DevOps tells".to_owned(),
            "remove `organization-id` from keyless.toml; keyless finds it (it is not the Entra tenant id)",
        ),
        Code::OrganizationIdUnknown => (
            "the organisation id is needed and could not be found out".to_owned(),
            "sign in to Azure DevOps, or write `organization-id` into keyless.toml",
        ),
        Code::IssuerDiffers => (
            "the issuer's own discovery document names another issuer".to_owned(),
            "check `organization-id` and `issuer` in keyless.toml",
        ),
        Code::IssuerUnreachable => (
            "the issuer of the tokens did not answer".to_owned(),
            "check the network and proxy, then try again",
        ),
        _ => (
            "Azure DevOps answered in a way keyless does not know".to_owned(),
            "run again with --trace-http FILE and report it",
        ),
    }
}

fn aws(failure: &Failure) -> (String, &'static str) {
    match failure.code {
        Code::AwsSignIn => (
            "signing in to AWS did not work".to_owned(),
            "sign in again (`aws sso login --profile …`), or check `sign-in` in keyless.toml",
        ),
        Code::SsoExpired => (
            format!(
                "nobody is signed in to the SSO session {}, or no longer",
                told(failure, "sso-session", "of the environment")
            ),
            "sign in: `keyless setup` offers it on the page of AWS accounts, `aws sso login --sso-session NAME` does it too",
        ),
        Code::SsoRefused => (
            format!(
                "the sign-in to the SSO session {} was denied on its page",
                told(failure, "sso-session", "of the environment")
            ),
            "sign in again and allow it, where the code on the page is the one that keyless shows",
        ),
        Code::SsoCodeExpired => (
            format!(
                "nobody allowed the sign-in to the SSO session {} in time",
                told(failure, "sso-session", "of the environment")
            ),
            "sign in again: each code is taken for some minutes only",
        ),
        Code::AwsWrongAccount => (
            match (failure.evidence("signed in"), failure.evidence("wanted")) {
                (Some(found), Some(wanted)) => {
                    format!("signed in to account {found}, but the environment is {wanted}")
                }
                _ => "signed in to another account than the environment's".to_owned(),
            },
            "check `account` and `sign-in` in keyless.toml",
        ),
        Code::AwsDenied => (
            "IAM denies this to you".to_owned(),
            "use a role with the rights in the README, or hand this half to an administrator (`--only azure-devops`)",
        ),
        Code::AwsThrottled => ("AWS asks to slow down".to_owned(), "wait a minute, then try again"),
        Code::AwsUnreachable => {
            ("AWS did not answer".to_owned(), "check the network, proxy and region, then try again")
        }
        Code::AwsNotFound => {
            ("IAM does not know this object".to_owned(), "run the command again: it looks anew")
        }
        Code::AwsConflict => (
            "the object in IAM is there already, or in use".to_owned(),
            "run the command again: it looks anew",
        ),
        Code::AwsLimit => (
            "a quota of the AWS account is reached".to_owned(),
            "ask AWS to raise it, or remove what is not needed",
        ),
        Code::AwsKeyLimit => (
            format!(
                "the IAM user {} has two access keys, and no user may have more",
                told(failure, "user", "of the key")
            ),
            "find out which of them is used by nothing, and delete that one; then run the command again",
        ),
        Code::PolicyTooLong => {
            ("the policy is longer than IAM takes".to_owned(), "shorten it, or use a managed policy")
        }
        Code::PolicyMalformed => ("this is not a policy IAM would take".to_owned(), "correct the policy"),
        _ => ("AWS refused the request".to_owned(), "run again with --trace-http FILE and report it"),
    }
}

fn objects(failure: &Failure) -> (String, &'static str) {
    match failure.code {
        Code::ToolkitMissing => (
            "the AWS Toolkit extension is not installed in this organisation".to_owned(),
            "ask a Project Collection Administrator to install AmazonWebServices.aws-vsts-tools from the marketplace",
        ),
        Code::ToolkitTooOld => (
            "the AWS Toolkit extension is too old for OIDC (1.15 is needed)".to_owned(),
            "update it in Organization settings > Extensions",
        ),
        Code::ToolkitDisabled => (
            "the AWS Toolkit extension is installed, but disabled".to_owned(),
            "ask a Project Collection Administrator to enable it in Organization settings > Extensions",
        ),
        Code::ConnectionInvisible => (
            format!(
                "a connection {} exists, but you may not see it",
                told(failure, "connection", "of that name")
            ),
            "ask its administrator for the User role, or choose another name",
        ),
        Code::ConnectionWrongType => (
            format!(
                "the connection {} is of type {}, not AWS",
                told(failure, "connection", "of that name"),
                told(failure, "type", "of another service")
            ),
            "choose another `connection` name in keyless.toml",
        ),
        Code::ConnectionKeepsKeys => (
            format!(
                "Azure DevOps left the access key in connection {}",
                told(failure, "connection", "of the environment")
            ),
            "the connection was put back as it was, and pipelines go on with the key; make a new connection of another name, give it to the \
             environment in keyless.toml, and delete this one",
        ),
        Code::ConnectionNotReady => (
            "Azure DevOps could not make the connection ready".to_owned(),
            "look at it in Project settings, then run again",
        ),
        Code::QueueUnclear => (
            "which agent queue runs the handshake is not clear".to_owned(),
            "write `queue = \"NAME\"` under [verification] in keyless.toml",
        ),
        Code::RepositoryForeign => (
            format!("the repository {} is not keyless's", told(failure, "repository", "of that name")),
            "choose another `repository` under [verification], or name a `branch` of it for keyless",
        ),
        Code::PipelineForeign => (
            format!("the pipeline {} is not keyless's", told(failure, "pipeline", "of that name")),
            "choose another `pipeline` under [verification] in keyless.toml",
        ),
        Code::HandshakeFailed => (
            "the handshake did not prove every environment".to_owned(),
            "read the reason of each; `keyless status` shows the chain",
        ),
        Code::HandshakeWaits => (
            format!("the handshake waits for {}", told(failure, "waiting for", "somebody, or for an agent")),
            "run `keyless verify` again when that is done",
        ),
        Code::PermissionStands => (
            format!(
                "what the pipeline {} was permitted for its run could not be withdrawn",
                told(failure, "pipeline", "of the verification")
            ),
            "run `keyless setup` again: it withdraws what stands",
        ),
        _ => (
            "the run was not of the commit keyless pinned, so it proves nothing".to_owned(),
            "look who else can push to the verification repository, then run `keyless verify` again",
        ),
    }
}

fn flow(failure: &Failure) -> (String, &'static str) {
    match failure.code {
        Code::BlueprintConflict => (
            "the answers want two things that exclude each other".to_owned(),
            "correct keyless.toml: let both say the same, or give one of them another name",
        ),
        Code::Answers => (
            "the answers cannot be used as they are".to_owned(),
            "correct the answers where it says so; the README shows a whole keyless.toml",
        ),
        Code::AnswersMissing => (
            format!("there is no {} here or above", told(failure, "file", "keyless.toml")),
            "make one with `keyless setup`, or name one with --config FILE",
        ),
        Code::InputEnded => (
            "the input ended before the last question".to_owned(),
            "give a line for each question, or use a complete answers file: --answers FILE --yes",
        ),
        Code::NotApproved => (
            "nothing was written: the plan is not approved".to_owned(),
            "--yes approves it, and --confirm NAME what concerns a protected environment",
        ),
        Code::Flags => (
            "some of these flags would have no effect, so nothing was begun".to_owned(),
            "leave them out, or call it in one of the ways that are accepted; `keyless help` lists all flags",
        ),
        Code::SubjectUnknown => (
            "no trust of this plan is to name the subject that was confirmed; nothing was written".to_owned(),
            "confirm exactly the subject that the plan or the finding names; `keyless doctor` shows it",
        ),
        Code::RunUnknown => (
            format!("the journal on this machine has no run {}", told(failure, "run", "of that id")),
            "`keyless history` lists the runs with their ids",
        ),
        Code::CodeUnknown => (
            format!("keyless has no code {}", told(failure, "code", "of that name")),
            "codes look like KL-TRUST-SUB-CASE; `keyless explain` alone lists them all",
        ),
        Code::EnvironmentUnknown => (
            format!("the answers know no environment {}", told(failure, "environment", "of that name")),
            "choose one of those, or add it to keyless.toml",
        ),
        Code::WorldUnknown => (
            format!("there is no practice world {}", told(failure, "world", "of that name")),
            "choose one of those; `keyless sandbox worlds` tells what each holds",
        ),
        Code::AddressUnusable => (
            format!("{} is no address that can be used", told(failure, "address", "what was given")),
            "correct the variable, or unset it to use the live address",
        ),
        Code::PlanUnreadable => (
            "this file is no plan that can be applied".to_owned(),
            "make the plan anew with `keyless plan --out FILE`",
        ),
        Code::NothingToRotate => (
            "nothing is to be done here about access keys".to_owned(),
            "`keyless rotate --inventory` shows every connection, the key it holds, and what stands in the way",
        ),
        Code::PlanStale => {
            ("what is there no longer fits the plan".to_owned(), "make a new plan and look at it")
        }
        Code::PlanNotImplied => (
            "the plan file holds changes that its own answers do not lead to".to_owned(),
            "make the plan anew with `keyless plan --out FILE`",
        ),
        Code::NotSettled => (
            "a change was made, but is not visible after a long wait".to_owned(),
            "wait some minutes and run the command again: it goes on where the cloud stands",
        ),
        Code::TimedOut => ("it took longer than allowed".to_owned(), "run the command again"),
        Code::Stopped => {
            ("stopped, as you asked".to_owned(), "run the command again: it goes on where the clouds stand")
        }
        Code::JournalLocked => {
            ("another keyless is working on the same federation".to_owned(), "wait until it has ended")
        }
        Code::JournalBroken => (
            "the journal cannot be used, so nothing more is written to a cloud".to_owned(),
            "check that the disk has room and the state folder (KEYLESS_STATE_DIR) can be written",
        ),
        Code::Terminal => {
            ("this terminal cannot be used as asked".to_owned(), "use --accessible, or --answers FILE --yes")
        }
        Code::FileExists => {
            ("the file exists already and is never overwritten".to_owned(), "choose another name")
        }
        _ => ("a file cannot be used".to_owned(), "check the path and its rights"),
    }
}
