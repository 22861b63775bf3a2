//! The answers about the pipeline that deploys: where its code lies, which branches go where, who else may use the connections.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Options;
use super::defaults::{self, Stage};
use crate::domain::names::{BranchPattern, EnvironmentName, Refused, RepositoryName};

/// The pipeline that deploys to every environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deployment {
    /// The pipeline's name; also the beginning of the variable groups' names.
    pub name: String,
    /// Where its code lies.
    pub repository: Source,
    /// Path of its YAML in that repository, without a `/` in front.
    pub file: String,
    /// What deploys.
    pub tool: Tool,
    /// Which branches deploy where, unless an environment says otherwise.
    pub flow: Flow,
    /// The branch that is protected and that pull requests go to.
    pub main: String,
    /// The agent queue; none: that of the verification.
    pub queue: Option<String>,
    /// Other pipelines that may use the connections, existing ones included.
    pub pipelines: Vec<String>,
    /// How many others must have looked at a pull request into the protected branch (0 to 10; 0: no such policy).
    pub reviewers: u8,
    /// What the tool must know.
    #[serde(default)]
    pub options: Options,
}

impl Deployment {
    /// A pipeline of which only this is said.
    pub fn new(name: String, repository: Source, tool: Tool) -> Self {
        Self {
            name,
            repository,
            file: defaults::PIPELINE_FILE.to_owned(),
            tool,
            flow: Flow::Mapped,
            main: defaults::MAIN.to_owned(),
            queue: None,
            pipelines: Vec::new(),
            reviewers: defaults::REVIEWERS,
            options: Options::default(),
        }
    }

    /// The pipeline's name where none is given: that of its repository.
    pub fn default_name(repository: &Source) -> String {
        match repository {
            Source::AzureRepos(name) => name.to_string(),
            Source::GitHub { name, .. } => name.clone(),
        }
    }
}

/// Where code lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Source {
    /// A repository of the same project in Azure Repos.
    AzureRepos(RepositoryName),
    /// A repository on GitHub.
    GitHub {
        /// Its owner.
        owner: String,
        /// Its name.
        name: String,
    },
}

impl Source {
    /// Its repository in Azure Repos; none: the code lies elsewhere, and keyless cannot write there.
    pub fn azure_repos(&self) -> Option<&RepositoryName> {
        match self {
            Self::AzureRepos(name) => Some(name),
            Self::GitHub { .. } => None,
        }
    }
}

impl FromStr for Source {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let text = text.trim();
        let on_github =
            ["https://github.com/", "github.com/"].iter().find_map(|head| text.strip_prefix(head));
        let Some(rest) = on_github else {
            return text.parse().map(Self::AzureRepos);
        };
        let refused = || {
            Refused::new("repository", text, "a repository of this project, or https://github.com/OWNER/NAME")
        };
        let rest = rest.trim_end_matches('/');
        let (owner, name) = rest.strip_suffix(".git").unwrap_or(rest).split_once('/').ok_or_else(refused)?;
        let plain = |part: &str| {
            (1..=100).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                && part.bytes().any(|byte| byte != b'.')
        };
        if plain(owner) && plain(name) {
            Ok(Self::GitHub { owner: owner.to_owned(), name: name.to_owned() })
        } else {
            Err(refused())
        }
    }
}

impl TryFrom<String> for Source {
    type Error = Refused;
    fn try_from(text: String) -> Result<Self, Refused> {
        text.parse()
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AzureRepos(name) => write!(f, "{name}"),
            Self::GitHub { owner, name } => write!(f, "https://github.com/{owner}/{name}"),
        }
    }
}

/// Gives an enum of unit variants its names: `as_str`, `ALL`, `FromStr` and `Display`.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident, $what:literal, $accepted:literal, { $($(#[$about:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum $type { $($(#[$about])* $variant,)+ }

        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
            /// What is accepted, as a phrase.
            pub const ACCEPTED: &'static str = $accepted;

            /// Its name in `keyless.toml`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl FromStr for $type {
            type Err = Refused;
            fn from_str(text: &str) -> Result<Self, Refused> {
                let found = Self::ALL.iter().copied().find(|it| it.as_str() == text.trim());
                found.ok_or_else(|| Refused::new($what, text, $accepted))
            }
        }

        impl TryFrom<String> for $type {
            type Error = Refused;
            fn try_from(text: String) -> Result<Self, Refused> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(it: $type) -> Self {
                it.as_str().to_owned()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named!(
    /// What deploys.
    Tool, "deployment tool", "cdk, terraform, amplify, amplify-hosting, cloudformation or script", {
        /// AWS CDK.
        Cdk = "cdk",
        /// Terraform.
        Terraform = "terraform",
        /// Amplify Gen 2 (`ampx pipeline-deploy`).
        Amplify = "amplify",
        /// A job of Amplify Hosting.
        AmplifyHosting = "amplify-hosting",
        /// CloudFormation by a change set.
        CloudFormation = "cloudformation",
        /// A script of the repository.
        Script = "script",
    }
);

named!(
    /// Which branches deploy where.
    Flow, "flow", "mapped, trunk, develop or hotfix", {
        /// feat and fix → dev, release → staging, main → prod: each branch deploys to its own environment.
        Mapped = "mapped",
        /// main → dev → staging → prod: one branch is promoted through all.
        Trunk = "trunk",
        /// develop, feat and fix → dev, release → staging, main → prod.
        Develop = "develop",
        /// As mapped, and hotfix → staging. It reaches prod by being merged.
        Hotfix = "hotfix",
    }
);

impl Flow {
    /// Which branches deploy to an environment of that name, `main` being the protected branch.
    pub fn branches(self, name: &EnvironmentName, main: &str) -> Vec<BranchPattern> {
        let patterns: &[&str] = match (self, Stage::of(name)) {
            (Self::Trunk, _) | (_, Stage::Prod) => &["main"],
            (Self::Develop, Stage::Dev) => &["develop", "feat/*", "fix/*"],
            (Self::Hotfix, Stage::Staging) => &["release/*", "hotfix/*"],
            (_, Stage::Dev) => &["feat/*", "fix/*"],
            (_, Stage::Staging) => &["release/*"],
            _ => &[],
        };
        let named = patterns.iter().map(|pattern| if *pattern == "main" { main } else { pattern });
        named.filter_map(|pattern| pattern.parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branches(flow: Flow, name: &str, main: &str) -> Vec<String> {
        flow.branches(&name.parse().unwrap(), main).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn flows_say_which_branch_goes_where() {
        assert_eq!(branches(Flow::Mapped, "dev", "main"), ["feat/*", "fix/*"]);
        assert_eq!(branches(Flow::Mapped, "prod", "trunk"), ["trunk"]);
        assert_eq!(branches(Flow::Mapped, "sandbox", "main"), Vec::<String>::new());
        for name in ["dev", "staging", "prod", "eu-west"] {
            assert_eq!(branches(Flow::Trunk, name, "main"), ["main"]);
        }
        assert_eq!(branches(Flow::Develop, "dev", "main"), ["develop", "feat/*", "fix/*"]);
        assert_eq!(branches(Flow::Hotfix, "staging", "main"), ["release/*", "hotfix/*"]);
        assert_eq!(branches(Flow::Hotfix, "prod", "main"), ["main"]);
    }

    #[test]
    fn code_lies_in_azure_repos_or_on_github() {
        assert!(matches!("payments".parse::<Source>().unwrap(), Source::AzureRepos(_)));
        let github: Source = "https://github.com/contoso/payments.git".parse().unwrap();
        assert_eq!(github.to_string(), "https://github.com/contoso/payments");
        for wrong in ["https://github.com/contoso", "https://github.com/../x y", "a/b/c"] {
            assert!(wrong.parse::<Source>().is_err(), "{wrong}");
        }
    }
}
