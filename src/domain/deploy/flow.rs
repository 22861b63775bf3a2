//! Which environments come before another one, by the branches that deploy to both.

use crate::domain::names::BranchPattern;

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
