//! Branch policies of Azure Repos (policy/configurations): what is wanted, what was found, and how they differ.

use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

/// The kinds of policies keyless looks after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyKind {
    /// Others must have looked at a pull request.
    MinimumReviewers,
    /// A pipeline must have built a pull request.
    BuildValidation,
}

impl PolicyKind {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::MinimumReviewers, Self::BuildValidation];

    /// The kind as it is printed and as it stands in a step's key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MinimumReviewers => "minimum-reviewers",
            Self::BuildValidation => "build-validation",
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::MinimumReviewers => "reviewers",
            Self::BuildValidation => "build validation",
        }
    }

    /// The id of its policy type (facts/azure-devops.md, section 8).
    pub fn type_id(self) -> Uuid {
        match self {
            Self::MinimumReviewers => uuid!("fa4e907d-c16b-4a4c-9dfa-4906e5d171dd"),
            Self::BuildValidation => uuid!("0609b952-1397-4640-95ec-e00a01b2c241"),
        }
    }

    /// The kind of a policy type.
    pub fn of(type_id: Uuid) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_id() == type_id)
    }
}

/// A policy as it is wanted, in names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "kebab-case")]
pub enum WantedPolicy {
    /// Others must have looked at a pull request; its author's vote does not count, and a push resets the votes.
    MinimumReviewers {
        /// How many (1 to 10).
        count: u8,
    },
    /// That pipeline must have built a pull request.
    BuildValidation {
        /// The pipeline's name.
        pipeline: String,
    },
}

/// A policy as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPolicy {
    /// Its id.
    pub id: i64,
    /// Whether it is enabled and blocks.
    pub in_force: bool,
    /// What it asks for; none: a policy of another kind.
    pub rule: Option<Rule>,
    /// Its type's name, as Azure DevOps writes it.
    pub type_name: String,
    /// Whether it is about this branch alone. One for many branches is not changed.
    pub own_scope: bool,
}

/// What a found policy asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "kebab-case")]
pub enum Rule {
    /// Reviewers.
    MinimumReviewers {
        /// How many.
        count: u8,
        /// Whether the author's vote counts.
        creator_counts: bool,
        /// Whether a push resets the votes.
        resets_on_push: bool,
    },
    /// A build.
    BuildValidation {
        /// The pipeline's definition id.
        definition: i64,
        /// Whether a person must start it.
        manual: bool,
    },
}

impl WantedPolicy {
    /// Its kind.
    pub fn kind(&self) -> PolicyKind {
        match self {
            Self::MinimumReviewers { .. } => PolicyKind::MinimumReviewers,
            Self::BuildValidation { .. } => PolicyKind::BuildValidation,
        }
    }

    /// Whether a found policy is about the same: the same kind, and for a build the same pipeline, `definition`.
    pub fn is_met_by(&self, found: &FoundPolicy, definition: Option<i64>) -> bool {
        match (self, &found.rule) {
            (Self::MinimumReviewers { .. }, Some(Rule::MinimumReviewers { .. })) => true,
            (Self::BuildValidation { .. }, Some(Rule::BuildValidation { definition: is, .. })) => {
                Some(*is) == definition
            }
            _ => false,
        }
    }

    /// How a found policy falls short, in words; empty: it is at least as strict.
    pub fn shortfalls(&self, found: &FoundPolicy) -> Vec<String> {
        let mut short = Vec::new();
        if !found.in_force {
            short.push("it is disabled or does not block".to_owned());
        }
        match (self, &found.rule) {
            (
                Self::MinimumReviewers { count: wanted },
                Some(Rule::MinimumReviewers { count, creator_counts, resets_on_push }),
            ) => {
                if count < wanted {
                    short.push(format!("{count} reviewers, not {wanted}"));
                }
                if *creator_counts {
                    short.push("authors may approve their own changes".to_owned());
                }
                if !resets_on_push {
                    short.push("votes stay after a push".to_owned());
                }
            }
            (Self::BuildValidation { .. }, Some(Rule::BuildValidation { manual, .. })) => {
                if *manual {
                    short.push("the build is not started by itself".to_owned());
                }
            }
            _ => short.push(format!("it is of another kind: {}", found.type_name)),
        }
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: Rule) -> FoundPolicy {
        FoundPolicy { id: 1, in_force: true, rule: Some(rule), type_name: String::new(), own_scope: true }
    }

    #[test]
    fn reviewers_fall_short_in_count_own_votes_and_kept_votes() {
        let wanted = WantedPolicy::MinimumReviewers { count: 2 };
        let rule = |count, creator_counts, resets_on_push| {
            found(Rule::MinimumReviewers { count, creator_counts, resets_on_push })
        };
        assert!(wanted.shortfalls(&rule(2, false, true)).is_empty());
        assert!(wanted.shortfalls(&rule(3, false, true)).is_empty());
        assert_eq!(
            wanted.shortfalls(&rule(1, true, false)),
            ["1 reviewers, not 2", "authors may approve their own changes", "votes stay after a push"]
        );
        let mut off = rule(2, false, true);
        off.in_force = false;
        assert_eq!(wanted.shortfalls(&off), ["it is disabled or does not block"]);
    }

    #[test]
    fn a_build_is_that_pipelines_build() {
        let wanted = WantedPolicy::BuildValidation { pipeline: "payments".to_owned() };
        let build = found(Rule::BuildValidation { definition: 7, manual: false });
        assert!(wanted.is_met_by(&build, Some(7)));
        assert!(!wanted.is_met_by(&build, Some(8)));
        assert!(!wanted.is_met_by(&build, None));
    }
}
