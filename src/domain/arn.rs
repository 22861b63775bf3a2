//! ARNs of IAM and STS, parsed into their parts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::names::{AccountId, Partition, Refused, RoleName, RolePath};

/// Any ARN: `arn:partition:service:region:account:resource`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn {
    /// The partition.
    pub partition: Partition,
    /// The service, for example `iam`.
    pub service: String,
    /// The region; empty for IAM.
    pub region: String,
    /// The account; empty for AWS-owned objects it is `aws`.
    pub account: String,
    /// Everything after the fifth colon.
    pub resource: String,
}

impl FromStr for Arn {
    type Err = Refused;
    fn from_str(text: &str) -> Result<Self, Refused> {
        let refused = || Refused::new("ARN", text, "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE");
        let text = text.trim();
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = parts[..] else { return Err(refused()) };
        if arn != "arn" || service.is_empty() || resource.is_empty() {
            return Err(refused());
        }
        Ok(Self {
            partition: partition.parse()?,
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource: resource.to_owned(),
        })
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// The ARN of an IAM role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleArn {
    /// Its partition.
    pub partition: Partition,
    /// Its account.
    pub account: AccountId,
    /// Its path, `/` when it has none.
    pub path: RolePath,
    /// Its name.
    pub name: RoleName,
}

const ROLE_ARN: &str =
    "arn:PARTITION:iam::ACCOUNT:role/NAME, for example arn:aws:iam::111122223333:role/AzureDevOpsDevRole";

impl FromStr for RoleArn {
    type Err = Refused;
    fn from_str(text: &str) -> Result<Self, Refused> {
        let refused = || Refused::new("IAM role ARN", text, ROLE_ARN);
        let arn: Arn = text.parse().map_err(|_| refused())?;
        let rest = arn.resource.strip_prefix("role/").filter(|_| arn.service == "iam").ok_or_else(refused)?;
        let (path, name) = match rest.rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name),
            None => ("/".to_owned(), rest),
        };
        Ok(Self {
            partition: arn.partition,
            account: arn.account.parse().map_err(|_| refused())?,
            path: path.parse().map_err(|_| refused())?,
            name: name.parse().map_err(|_| refused())?,
        })
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:iam::{}:role{}{}", self.partition, self.account, self.path, self.name)
    }
}

impl TryFrom<String> for RoleArn {
    type Error = Refused;
    fn try_from(text: String) -> Result<Self, Refused> {
        text.parse()
    }
}

impl From<RoleArn> for String {
    fn from(arn: RoleArn) -> Self {
        arn.to_string()
    }
}

/// The identity `sts get-caller-identity` shows for a role session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumedRole {
    /// Its partition.
    pub partition: Partition,
    /// Its account.
    pub account: AccountId,
    /// The role's name, without its path (STS leaves it out).
    pub role: RoleName,
    /// The session name.
    pub session: String,
}

impl FromStr for AssumedRole {
    type Err = Refused;
    fn from_str(text: &str) -> Result<Self, Refused> {
        let refused =
            || Refused::new("assumed-role ARN", text, "arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION");
        let arn: Arn = text.parse().map_err(|_| refused())?;
        let rest = arn.resource.strip_prefix("assumed-role/").filter(|_| arn.service == "sts");
        let (role, session) = rest.and_then(|rest| rest.split_once('/')).ok_or_else(refused)?;
        Ok(Self {
            partition: arn.partition,
            account: arn.account.parse().map_err(|_| refused())?,
            role: role.parse().map_err(|_| refused())?,
            session: session.to_owned(),
        })
    }
}

impl fmt::Display for AssumedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:sts::{}:assumed-role/{}/{}", self.partition, self.account, self.role, self.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_arns_keep_their_path() {
        let text = "arn:aws-us-gov:iam::111122223333:role/team/ci/AzureDevOpsDevRole";
        let arn: RoleArn = text.parse().unwrap();
        assert_eq!((arn.path.as_str(), arn.name.as_str()), ("/team/ci/", "AzureDevOpsDevRole"));
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn other_arns_are_refused() {
        for text in [
            "arn:aws:iam::111122223333:user/x",
            "arn:aws:sts::1:role/x",
            "role/x",
            "arn:azure:iam::111122223333:role/x",
        ] {
            assert!(text.parse::<RoleArn>().is_err(), "{text}");
        }
    }

    #[test]
    fn assumed_roles_are_read() {
        let text = "arn:aws:sts::111122223333:assumed-role/AzureDevOpsDevRole/keyless-dev";
        let identity: AssumedRole = text.parse().unwrap();
        assert_eq!(
            (identity.role.as_str(), identity.session.as_str()),
            ("AzureDevOpsDevRole", "keyless-dev")
        );
        assert_eq!(identity.to_string(), text);
    }
}
