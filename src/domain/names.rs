//! Names and ids as parsed newtypes: what is accepted is said once, here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A value that was refused: what it is, what came, what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is no {what}: {accepted}")]
pub struct Refused {
    /// The kind of value.
    pub what: &'static str,
    /// What was given.
    pub value: String,
    /// What is accepted.
    pub accepted: &'static str,
}

impl Refused {
    pub(crate) fn new(what: &'static str, value: &str, accepted: &'static str) -> Self {
        Self { what, value: value.to_owned(), accepted }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $accepted:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// What is accepted, as a phrase.
            pub const ACCEPTED: &'static str = $accepted;

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = Refused;
            fn from_str(text: &str) -> Result<Self, Refused> {
                let text = text.trim();
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(Refused::new($what, text, $accepted)) }
            }
        }

        impl TryFrom<String> for $type {
            type Error = Refused;
            fn try_from(text: String) -> Result<Self, Refused> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// An AWS account id.
    AccountId, "AWS account id", "twelve digits, for example 111122223333",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);

name!(
    /// The name of an environment of the federation: dev, staging, prod, …
    EnvironmentName, "environment name", "1 to 40 letters, digits, `-` or `_`, beginning with a letter or digit",
    |text| (1..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
);

name!(
    /// An Azure DevOps organisation, as in `https://dev.azure.com/NAME`.
    OrganizationName, "Azure DevOps organisation name", "1 to 50 letters, digits or `-`, as in https://dev.azure.com/NAME",
    |text| (1..=50).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
);

name!(
    /// An Azure DevOps project. Rules: Microsoft's naming restrictions.
    ProjectName, "Azure DevOps project name",
    "1 to 64 characters, none of / : \\ ~ & % ; @ ' \" ? < > | # $ * } { , + = [ ], no leading `_`, no leading or trailing `.`",
    |text| (1..=64).contains(&text.chars().count())
        && !text.contains(['/', ':', '\\', '~', '&', '%', ';', '@', '\'', '"', '?', '<', '>', '|', '#', '$', '*', '}', '{', ',', '+', '=', '[', ']'])
        && !text.chars().any(char::is_control)
        && !text.starts_with('_') && !text.starts_with('.') && !text.ends_with('.')
);

name!(
    /// An Azure DevOps service connection. Narrower than Azure DevOps: the name becomes part of the token's
    /// subject, where `*`, `?`, `$`, `{` and `/` would mean something to IAM.
    ConnectionName, "service connection name", "1 to 64 characters, none of / * ? $ { } and no control characters",
    |text| (1..=64).contains(&text.chars().count())
        && !text.contains(['/', '*', '?', '$', '{', '}'])
        && !text.chars().any(char::is_control)
);

name!(
    /// An IAM role name (IAM API reference, CreateRole).
    RoleName, "IAM role name", "1 to 64 letters, digits or any of + = , . @ - _",
    |text| (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@-_".contains(c))
);

name!(
    /// An IAM user name (IAM API reference, CreateUser).
    UserName, "IAM user name", "1 to 64 letters, digits or any of + = , . @ - _",
    |text| (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@-_".contains(c))
);

name!(
    /// An external id (STS API reference, AssumeRole).
    ExternalId, "external id", "2 to 1224 letters, digits or any of + = , . @ : / - _",
    |text| (2..=1224).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@:/-_".contains(c))
);

name!(
    /// A range of source addresses, as the condition operator `IpAddress` takes it (RFC 4632; IAM User Guide,
    /// reference_policies_elements_condition_operators).
    IpRange, "range of addresses", "an IPv4 or IPv6 range such as 203.0.113.0/24 or 2001:db8::/32",
    |text| {
        let Some((address, bits)) = text.split_once('/') else { return false };
        let most = match address.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(_)) => 32,
            Ok(std::net::IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        let plain = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
        plain && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
    }
);

name!(
    /// An IAM path (IAM API reference, CreateRole).
    RolePath, "IAM path", "`/`, or text that begins and ends with `/`, at most 512 characters",
    |text| (1..=512).contains(&text.len()) && text.starts_with('/') && text.ends_with('/')
        && text.bytes().all(|b| (0x21..=0x7e).contains(&b))
);

name!(
    /// An AWS region.
    Region, "AWS region", "a region code such as eu-west-1, us-gov-west-1 or cn-north-1",
    |text| {
        let parts: Vec<&str> = text.split('-').collect();
        parts.len() >= 3
            && parts.last().is_some_and(|n| !n.is_empty() && n.len() <= 2 && n.bytes().all(|b| b.is_ascii_digit()))
            && parts[..parts.len() - 1].iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase()))
            && parts[0].len() == 2
    }
);

name!(
    /// The name of a git repository in Azure DevOps.
    RepositoryName, "repository name", "1 to 64 characters, none of / \\ : * ? \" < > | # { } , + = ; @ & % ~ $",
    |text| (1..=64).contains(&text.chars().count())
        && !text.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|', '#', '{', '}', ',', '+', '=', ';', '@', '&', '%', '~', '$'])
        && !text.starts_with('.') && !text.ends_with('.') && !text.starts_with('_')
);

name!(
    /// An environment of Azure DevOps (facts/azure-devops.md, section 7).
    TargetName, "environment name of Azure DevOps", "1 to 127 characters, none of , \" / \\ [ ] : | < > + = ; ? *",
    |text| (1..=127).contains(&text.chars().count())
        && !text.contains([',', '"', '/', '\\', '[', ']', ':', '|', '<', '>', '+', '=', ';', '?', '*'])
        && !text.chars().any(char::is_control)
);

name!(
    /// A git branch pattern: an exact name or a prefix that ends in `/*`.
    BranchPattern, "branch pattern", "a branch name such as main, or a prefix that ends in /* such as feat/*",
    |text| {
        let stem = text.strip_suffix("/*").unwrap_or(text);
        !stem.is_empty() && stem.len() <= 200
            && !stem.contains(['*', '?', '[', '~', '^', ':', '\\', ' '])
            && !stem.contains("..") && !stem.starts_with('/') && !stem.ends_with('/') && !stem.starts_with("refs/")
    }
);

name!(
    /// A value for `roleSessionName` (STS API reference, AssumeRoleWithWebIdentity).
    SessionName, "role session name", "2 to 64 letters, digits or any of + = , . @ - _",
    |text| (2..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@-_".contains(c))
);

/// A group of AWS regions with its own accounts, endpoints and ARN prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Partition {
    /// Commercial regions.
    Aws,
    /// GovCloud (US).
    AwsUsGov,
    /// China.
    AwsCn,
}

impl Partition {
    /// The partition's part of an ARN.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsUsGov => "aws-us-gov",
            Self::AwsCn => "aws-cn",
        }
    }

    /// The host of the web console, without a path.
    pub fn console_host(self) -> &'static str {
        match self {
            Self::Aws => "console.aws.amazon.com",
            Self::AwsUsGov => "console.amazonaws-us-gov.com",
            Self::AwsCn => "console.amazonaws.cn",
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Partition {
    type Err = Refused;
    fn from_str(text: &str) -> Result<Self, Refused> {
        match text {
            "aws" => Ok(Self::Aws),
            "aws-us-gov" => Ok(Self::AwsUsGov),
            "aws-cn" => Ok(Self::AwsCn),
            _ => Err(Refused::new("AWS partition", text, "aws, aws-us-gov or aws-cn")),
        }
    }
}

impl Region {
    /// The partition a region belongs to.
    pub fn partition(&self) -> Partition {
        if self.0.starts_with("cn-") {
            Partition::AwsCn
        } else if self.0.starts_with("us-gov-") {
            Partition::AwsUsGov
        } else {
            Partition::Aws
        }
    }
}

impl BranchPattern {
    /// The prefix of a pattern that ends in `/*`, with its `/`.
    pub fn prefix(&self) -> Option<&str> {
        self.0.strip_suffix('*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_tell_their_partition() {
        for (region, partition) in [
            ("eu-west-1", Partition::Aws),
            ("us-gov-west-1", Partition::AwsUsGov),
            ("cn-north-1", Partition::AwsCn),
            ("ap-southeast-2", Partition::Aws),
        ] {
            assert_eq!(region.parse::<Region>().unwrap().partition(), partition, "{region}");
        }
    }

    #[test]
    fn bad_names_say_what_is_accepted() {
        assert!("11112222333".parse::<AccountId>().unwrap_err().to_string().contains("twelve digits"));
        assert!("eu_west_1".parse::<Region>().is_err());
        assert!("AWS/Dev".parse::<ConnectionName>().is_err());
        assert!("AWS ${x}".parse::<ConnectionName>().is_err());
        for good in ["203.0.113.0/24", "0.0.0.0/0", "2001:db8::/32", "::1/128"] {
            assert!(good.parse::<IpRange>().is_ok(), "{good}");
        }
        for bad in ["203.0.113.0", "203.0.113.0/33", "203.0.113/24", "::1/129", "::/", "10.0.0.0/+8", "x/8"] {
            assert!(bad.parse::<IpRange>().is_err(), "{bad}");
        }
        assert!("a b".parse::<ExternalId>().is_err() && "a:b/c".parse::<ExternalId>().is_ok());
        assert!("feat*".parse::<BranchPattern>().is_err());
        assert!("feat/*".parse::<BranchPattern>().is_ok());
        assert!("a".repeat(65).parse::<RoleName>().is_err());
    }
}
