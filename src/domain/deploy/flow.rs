//! Flows: which branches deploy to which environment, and which environments come before another one.

use serde::{Deserialize, Serialize};

use super::deployment::Target;
use crate::domain::names::BranchPattern;

/// How branches map to environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "flow", rename_all = "kebab-case")]
pub enum Flow {
    /// Each environment has branches of its own (`feat/*`, `fix/*` → dev; `release/*` → staging; `main` → prod).
    Mapped,
    /// One branch goes through every environment in turn.
    Trunk {
        /// That branch.
        main: BranchPattern,
    },
    /// A development branch goes to the first environment, `release/*` to those between, the main branch to the
    /// protected ones and the last.
    Develop {
        /// The development branch.
        develop: BranchPattern,
        /// The main branch.
        main: BranchPattern,
    },
    /// As the trunk, and `hotfix/*` enters at the last environment that is not protected. It reaches the protected ones
    /// by being merged.
    Hotfix {
        /// The trunk.
        main: BranchPattern,
    },
}

/// How far one environment's deployment needs an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// No branch deploys to both.
    Never,
    /// Some branches deploy to both.
    Sometimes,
    /// Every branch that deploys here deploys there first.
    Always,
}

impl Flow {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Trunk { .. } => "trunk",
            Self::Develop { .. } => "develop",
            Self::Hotfix { .. } => "hotfix",
        }
    }

    /// The branches it names itself; each must be an exact name.
    pub fn named(&self) -> Vec<&BranchPattern> {
        match self {
            Self::Mapped => Vec::new(),
            Self::Trunk { main } | Self::Hotfix { main } => vec![main],
            Self::Develop { develop, main } => vec![develop, main],
        }
    }

    /// The branches of each target, in the order of the targets.
    pub fn branches(&self, targets: &[Target]) -> Vec<Vec<BranchPattern>> {
        let prefix = |text: &str| text.parse::<BranchPattern>().into_iter().collect::<Vec<_>>();
        match self {
            Self::Mapped => targets.iter().map(|target| target.branches.clone()).collect(),
            Self::Trunk { main } => targets.iter().map(|_| vec![main.clone()]).collect(),
            Self::Develop { develop, main } => {
                let last = targets.len().saturating_sub(1);
                let first = targets.iter().position(|target| !target.protected).filter(|at| *at != last);
                let each = targets.iter().enumerate();
                each.map(|(at, target)| match at {
                    _ if target.protected || at == last => vec![main.clone()],
                    _ if Some(at) == first => vec![develop.clone()],
                    _ => prefix("release/*"),
                })
                .collect()
            }
            Self::Hotfix { main } => {
                let entry = targets.iter().rposition(|target| !target.protected);
                let each = 0..targets.len();
                each.map(|at| {
                    let mut branches = vec![main.clone()];
                    if Some(at) == entry {
                        branches.extend(prefix("hotfix/*"));
                    }
                    branches
                })
                .collect()
            }
        }
    }
}

/// Whether every branch that `narrow` means is one that `wide` means, as conditions compare: ignoring case.
pub(super) fn covers(wide: &BranchPattern, narrow: &BranchPattern) -> bool {
    let (wide_text, narrow_text) = (wide.as_str().to_lowercase(), narrow.as_str().to_lowercase());
    match (wide.prefix(), narrow.prefix()) {
        (Some(prefix), None | Some(_)) => narrow_text.starts_with(&prefix.to_lowercase()),
        (None, None) => wide_text == narrow_text,
        (None, Some(_)) => false,
    }
}

/// How far what deploys `later` needs what deploys `earlier`.
pub(super) fn needed(later: &[BranchPattern], earlier: &[BranchPattern]) -> Needed {
    let all = later.iter().all(|branch| earlier.iter().any(|other| covers(other, branch)));
    let any =
        later.iter().any(|branch| earlier.iter().any(|other| covers(other, branch) || covers(branch, other)));
    match (all, any) {
        (true, _) => Needed::Always,
        (false, true) => Needed::Sometimes,
        (false, false) => Needed::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(list: &[&str]) -> Vec<BranchPattern> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn what_is_needed_before() {
        for (later, earlier, wanted) in [
            (vec!["main"], vec!["main"], Needed::Always),
            (vec!["MAIN"], vec!["main"], Needed::Always),
            (vec!["main"], vec!["main", "hotfix/*"], Needed::Always),
            (vec!["main", "hotfix/*"], vec!["main"], Needed::Sometimes),
            (vec!["release/1"], vec!["release/*"], Needed::Always),
            (vec!["release/*"], vec!["release/1"], Needed::Sometimes),
            (vec!["release/a/*"], vec!["release/*"], Needed::Always),
            (vec!["release/*"], vec!["release/a/*"], Needed::Sometimes),
            (vec!["main"], vec!["main-old"], Needed::Never),
            (vec!["release"], vec!["release/*"], Needed::Never),
            (vec!["feat/*"], vec!["feature/*"], Needed::Never),
        ] {
            assert_eq!(needed(&patterns(&later), &patterns(&earlier)), wanted, "{later:?} after {earlier:?}");
        }
    }
}
