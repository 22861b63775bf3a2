//! Words for failures of signing in to Azure DevOps: Entra, the Azure CLI, the keyring.

use crate::domain::failure::{Code, Failure};

/// Cause and hint of a failure.
pub(super) fn words(failure: &Failure) -> (String, &'static str) {
    match failure.code {
        Code::EntraDeclined
        | Code::EntraTimedOut
        | Code::EntraInteraction
        | Code::EntraEnded
        | Code::EntraListener => person(failure.code),
        Code::EntraBlocked
        | Code::EntraConsent
        | Code::EntraClient
        | Code::EntraTenant
        | Code::EntraAccount => tenant(failure.code),
        Code::AzureCliMissing => (
            "the Azure CLI (`az`) is not installed, or not in PATH".to_owned(),
            "install it (https://aka.ms/azure-cli), or sign in another way: `keyless login --browser`",
        ),
        Code::AzureCliSignedOut => {
            ("nobody is signed in to the Azure CLI".to_owned(), "run `az login`, then try again")
        }
        Code::AzureCliFailed => (
            "the Azure CLI gave no token for Azure DevOps".to_owned(),
            "run `az account get-access-token --resource 499b84ac-1321-427f-aa17-267ca6975798` to see why; `az login` often helps",
        ),
        Code::Keyring => (
            "the keyring of this machine cannot be used".to_owned(),
            "unlock the keyring or start its service, or set AZURE_DEVOPS_EXT_PAT for each command",
        ),
        Code::EntraUnreachable => (
            "Microsoft Entra did not answer".to_owned(),
            "check the network and proxy (HTTPS_PROXY), then try again",
        ),
        Code::EntraRefused => (
            "Microsoft Entra refused the sign-in".to_owned(),
            "look the AADSTS code up at https://login.microsoftonline.com/error, or sign in another way: `keyless login --pat`",
        ),
        _ => (
            "Microsoft Entra answered in a way keyless does not know".to_owned(),
            "run again with --trace-http FILE and report it",
        ),
    }
}

/// What the person at the keyboard can mend.
fn person(code: Code) -> (String, &'static str) {
    match code {
        Code::EntraDeclined => {
            ("the sign-in was refused".to_owned(), "sign in again, and agree where you are asked to")
        }
        Code::EntraTimedOut => (
            "nobody signed in as long as the sign-in was open".to_owned(),
            "begin again, and sign in within some minutes",
        ),
        Code::EntraInteraction => (
            "Microsoft Entra wants you in person again: a second factor, a new password or new terms"
                .to_owned(),
            "sign in with `keyless login --browser`, where it can ask you",
        ),
        Code::EntraEnded => ("the stored sign-in has ended".to_owned(), "sign in again with `keyless login`"),
        _ => (
            "the browser could not come back to keyless: no port of 127.0.0.1 can be listened on".to_owned(),
            "use `keyless login --device`",
        ),
    }
}

/// What an administrator of the tenant can mend.
fn tenant(code: Code) -> (String, &'static str) {
    match code {
        Code::EntraBlocked => (
            "a Conditional Access policy of your organisation blocks this sign-in".to_owned(),
            "many tenants block device codes but not the browser: `keyless login --browser` on a managed device; else show the AADSTS code to your Entra administrator, or use `keyless login --az` or `--pat`",
        ),
        Code::EntraConsent => (
            "your tenant has not consented to the client that keyless signs in with".to_owned(),
            "ask an Entra administrator to consent, or name your own client with --client-id (KEYLESS_ENTRA_CLIENT_ID); `keyless login --az` and `--pat` need none",
        ),
        Code::EntraClient => (
            "the tenant does not know this client, or not as a public client for Azure DevOps".to_owned(),
            "check --client-id (KEYLESS_ENTRA_CLIENT_ID): a public client with the redirect http://localhost and the permission user_impersonation of Azure DevOps; without it keyless uses its default",
        ),
        Code::EntraTenant => (
            "Microsoft Entra knows no such tenant".to_owned(),
            "check --tenant (KEYLESS_ENTRA_TENANT): a tenant id or one of its domains; without it any work account is taken",
        ),
        _ => (
            "this account may not sign in to this tenant".to_owned(),
            "sign in with another account, or name the tenant it belongs to with --tenant (KEYLESS_ENTRA_TENANT)",
        ),
    }
}
