//! Which providers and trusts name which issuer: the inventory before a move. Pure.

use serde::Serialize;

use super::arn::RoleArn;
use super::failure::Result;
use super::federation::Federation;
use super::issuer::Issuer;
use super::names::AccountId;
use super::policy::{Document, PrincipalKind, Scope, Statement};
use super::provider::Provider;

/// What one account has.
pub struct Account {
    /// Its OIDC providers.
    pub providers: Vec<Provider>,
    /// Every role with its trust.
    pub roles: Vec<(RoleArn, Document)>,
}

/// One issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssuerUse {
    /// Its address; empty where an account could not be looked at.
    pub issuer: String,
    /// The day it is announced to end, where one is.
    pub retires: Option<String>,
    /// Whether it is the one the answers mean.
    pub present: bool,
    /// Where it is used.
    pub accounts: Vec<AccountUse>,
}

/// One account that knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountUse {
    /// The account.
    pub account: String,
    /// ARN of its provider; none: trusts name it, and it is not there.
    pub provider: Option<String>,
    /// The provider's client ids.
    pub audiences: Vec<String>,
    /// The trusts that name it.
    pub trusts: Vec<TrustUse>,
    /// Why the account could not be looked at.
    pub unknown: Option<String>,
}

/// One statement of a trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrustUse {
    /// ARN of the role.
    pub role: String,
    /// The environment whose role it is; none: somebody else's.
    pub environment: Option<String>,
    /// The statement's `Sid`.
    pub sid: Option<String>,
    /// The subjects it names; empty: it names none.
    pub subjects: Vec<String>,
}

/// Joins what was found, the present issuer first.
pub fn of(
    present: &Issuer,
    federation: &Federation,
    accounts: Vec<(AccountId, Result<Account>)>,
) -> Vec<IssuerUse> {
    let mut uses: Vec<IssuerUse> = Vec::new();
    for (account, found) in accounts {
        let mut put = |host_path: &str, add: &mut dyn FnMut(&mut AccountUse)| {
            let known = match uses.iter().position(|known| bare(&known.issuer) == host_path) {
                Some(known) => known,
                None => {
                    uses.push(named(host_path, present));
                    uses.len() - 1
                }
            };
            add(in_account(&mut uses[known].accounts, &account));
        };
        let found = match found {
            Ok(found) => found,
            Err(failure) => {
                put("", &mut |at| at.unknown = Some(failure.to_string()));
                continue;
            }
        };
        for provider in &found.providers {
            put(&provider.url, &mut |at| {
                at.provider = Some(provider.arn.clone());
                at.audiences = provider.audiences.iter().cloned().collect();
            });
        }
        for (role, trust) in &found.roles {
            let environment = federation.environments.iter().find(|it| it.role_arn() == *role);
            for statement in trust.statements() {
                for host_path in issuers(statement) {
                    put(&host_path, &mut |at| {
                        at.trusts.push(TrustUse {
                            role: role.to_string(),
                            environment: environment.map(|it| it.name.to_string()),
                            sid: statement.sid().map(str::to_owned),
                            subjects: subjects(statement),
                        });
                    });
                }
            }
        }
    }
    uses.sort_by_key(|known| (!known.present, known.issuer.clone()));
    uses
}

fn bare(issuer: &str) -> &str {
    issuer.trim_start_matches("https://")
}

fn named(host_path: &str, present: &Issuer) -> IssuerUse {
    let issuer = if host_path.is_empty() { String::new() } else { format!("https://{host_path}") };
    let retires = issuer.parse::<Issuer>().ok().and_then(|issuer| issuer.retires());
    IssuerUse {
        present: host_path == present.host_path(),
        retires: retires.map(|day| day.to_string()),
        accounts: Vec::new(),
        issuer,
    }
}

fn in_account<'a>(accounts: &'a mut Vec<AccountUse>, account: &AccountId) -> &'a mut AccountUse {
    let at = match accounts.iter().position(|known| known.account == account.as_str()) {
        Some(at) => at,
        None => {
            accounts.push(AccountUse {
                account: account.to_string(),
                provider: None,
                audiences: Vec::new(),
                trusts: Vec::new(),
                unknown: None,
            });
            accounts.len() - 1
        }
    };
    &mut accounts[at]
}

/// Host and path of the OIDC providers a statement names.
fn issuers(statement: &Statement) -> Vec<String> {
    let (Scope::Only(principals) | Scope::AllBut(principals)) = statement.principals() else {
        return Vec::new();
    };
    let federated = principals.iter().filter(|principal| principal.kind == PrincipalKind::Federated);
    federated
        .filter_map(|principal| principal.id.split_once(":oidc-provider/").map(|(_, path)| path.to_owned()))
        .collect()
}

fn subjects(statement: &Statement) -> Vec<String> {
    let of_subject = statement.conditions().iter().filter(|it| it.key.to_ascii_lowercase().ends_with(":sub"));
    of_subject.flat_map(|condition| condition.values.iter().cloned()).collect()
}
