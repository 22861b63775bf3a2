//! Whose an access key is: the account that STS names for it, and the IAM user, where a sign-in reaches that account.

use crate::cloud::aws::Aws;
use crate::domain::failure::{Failure, Result};
use crate::domain::names::AccountId;
use crate::domain::user::LastUse;

/// Whose an access key is.
#[derive(Debug, Clone)]
pub struct Owned {
    /// The account, as STS names it.
    pub account: AccountId,
    /// The user in it.
    pub owner: Owner,
}

/// The user of an access key.
#[derive(Debug, Clone)]
pub enum Owner {
    /// It is this one, who used the key then.
    User(String, Option<LastUse>),
    /// The account has no such key any more.
    Gone,
    /// No sign-in reaches the account.
    Unreached,
    /// The account may not be asked, or does not answer.
    Unknown(Failure),
}

/// Looks whose a key is. Any account may be asked for the key's account; only that one tells its user.
///
/// # Errors
/// STS does not tell the key's account.
pub async fn owned(
    asked: &Aws,
    key: &str,
    reached: impl FnOnce(&AccountId) -> Option<Result<Aws>>,
) -> Result<Owned> {
    let account = asked.access_key_account(key).await?;
    let found = match reached(&account) {
        None => return Ok(Owned { account, owner: Owner::Unreached }),
        Some(Err(failure)) => Err(failure),
        Some(Ok(aws)) => aws.user_of_key(key).await,
    };
    let owner = match found {
        Ok(Some((user, last))) => Owner::User(user, last),
        Ok(None) => Owner::Gone,
        Err(failure) => Owner::Unknown(failure),
    };
    Ok(Owned { account, owner })
}
