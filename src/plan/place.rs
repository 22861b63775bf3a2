//! Where a step's object belongs for a reader: Azure DevOps, an account, an environment, or the proof of several.

use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::plan::event::StepInfo;

/// Environments up to which each is told in full.
pub const FEW: usize = 12;

/// Where an object belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Shared by all, in Azure DevOps.
    DevOps,
    /// Shared by some environments of one account.
    Account(String),
    /// One environment's own.
    Environment(EnvironmentName),
    /// The proof of several environments by one run.
    Handshake,
}

/// The place of a step's object.
pub fn of(step: &StepKey, environments: &[EnvironmentName]) -> Place {
    let shared = matches!(
        step.kind,
        Kind::Extension | Kind::Repository | Kind::Pipeline | Kind::Access | Kind::Decoy | Kind::Inspection
    ) || (step.kind == Kind::Permission && step.object.starts_with("queue/"));
    match environments {
        _ if shared => Place::DevOps,
        [one] => Place::Environment(one.clone()),
        _ if matches!(step.kind, Kind::Handshake | Kind::Denial) => Place::Handshake,
        _ => account(step).map_or(Place::DevOps, |account| Place::Account(account.to_owned())),
    }
}

/// The account a step's object lives in, where the key tells.
pub fn account(step: &StepKey) -> Option<&str> {
    let account = match step.kind {
        Kind::Provider => Some(step.object.split_once('/').map_or(&*step.object, |(account, _)| account)),
        Kind::Role | Kind::Key | Kind::User | Kind::Policies | Kind::Issuer => {
            step.object.split_once('/').map(|(account, _)| account)
        }
        _ => None,
    };
    // Notes of a rotation are called by what they are about.
    account.filter(|account| account.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A title without the account, for where the account is said already.
pub fn short_title<'a>(step: &StepKey, title: &'a str) -> &'a str {
    let inside =
        account(step).and_then(|account| title.strip_suffix(account)).and_then(|t| t.strip_suffix(" in "));
    inside.unwrap_or(title)
}

/// A step by name: `dev: role AzureDevOpsDevRole`, `repository keyless-verification`, `dev, staging: handshake`.
pub fn named(info: &StepInfo) -> String {
    let title = match info.step.kind {
        Kind::Handshake if info.step.object.ends_with("/beside") => "handshake over the second connection",
        Kind::Handshake => "handshake",
        Kind::Denial => "denial proof",
        _ => short_title(&info.step, &info.title),
    };
    match of(&info.step, &info.environments) {
        Place::Environment(name) => format!("{name}: {title}"),
        Place::Handshake if info.environments.len() <= 3 => {
            let names: Vec<&str> = info.environments.iter().map(EnvironmentName::as_str).collect();
            format!("{}: {title}", names.join(", "))
        }
        Place::Handshake => format!("{title} of {} environments", info.environments.len()),
        Place::DevOps | Place::Account(_) => info.title.clone(),
    }
}
