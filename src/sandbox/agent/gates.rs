//! Checks that no person answers: branch control and business hours; and what kind a check is of.

use super::hours;
use crate::sandbox::Ground;
use crate::sandbox::devops::checks::Check;
use crate::sandbox::devops::policies;
use crate::sandbox::devops::run_resources;
use crate::sandbox::devops::runs::Run;

/// What a check asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// People.
    Approval,
    /// That nobody else is at it.
    Lock,
    /// The right branches.
    Branches,
    /// The right time.
    Hours,
    /// Something that the practice cloud cannot evaluate.
    Unknown,
}

const LOCK: &str = "2ef31ad6-baa0-403a-8b45-2cbc9b4e5563";
const BRANCHES: &str = "86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b";
const HOURS: &str = "445fde2f-6c39-441c-807f-8a59ff2e075f";

/// What kind a check is of.
pub(super) fn of(check: &Check) -> Gate {
    let is = |value: &serde_json::Value, wanted: &str| {
        value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(wanted))
    };
    let definition = &check.settings["definitionRef"];
    if check.is_approval() {
        Gate::Approval
    } else if is(&check.check["id"], LOCK) || is(&check.check["name"], "ExclusiveLock") {
        Gate::Lock
    } else if is(&definition["id"], BRANCHES) || is(&definition["name"], "evaluatebranchProtection") {
        Gate::Branches
    } else if is(&definition["id"], HOURS) || is(&definition["name"], "evaluateBusinessHours") {
        Gate::Hours
    } else {
        Gate::Unknown
    }
}

/// What people call a check.
pub(super) fn name(check: &Check) -> String {
    let named = check.settings["displayName"].as_str().or(check.check["name"].as_str());
    named.unwrap_or("Check").to_owned()
}

/// Minutes between two evaluations; none: it is evaluated once.
pub(super) fn retry_minutes(check: &Check) -> Option<u64> {
    check.settings["retryInterval"].as_u64().filter(|minutes| *minutes > 0)
}

/// Whether it is met now.
///
/// # Errors
/// Why not.
pub(super) fn evaluate(ground: &Ground, run: &Run, check: &Check) -> Result<(), String> {
    match of(check) {
        Gate::Branches => branches(ground, run, check),
        Gate::Hours => match hours::open(&check.settings["inputs"], ground.clock.now())? {
            true => Ok(()),
            false => Err(format!("{}: it is outside the business hours.", name(check))),
        },
        _ => Err(format!("The practice cloud cannot evaluate the check '{}'.", name(check))),
    }
}

/// Every repository that is linked to the run counts, not only its own.
fn branches(ground: &Ground, run: &Run, check: &Check) -> Result<(), String> {
    let inputs = &check.settings["inputs"];
    let allowed = inputs["allowedBranches"].as_str().unwrap_or_default();
    let protected =
        inputs["ensureProtectionOfBranch"].as_str().is_some_and(|word| word.eq_ignore_ascii_case("true"))
            || inputs["ensureProtectionOfBranch"] == true;
    for (repository, branch) in run_resources::repositories(ground, run) {
        if !allowed.split(',').map(str::trim).any(|pattern| fits(pattern, &branch)) {
            return Err(format!(
                "Branch control: {branch} of {} is not one of the allowed branches {allowed}.",
                repository.name
            ));
        }
        if protected && !policies::protects(ground, &repository, &branch) {
            return Err(format!(
                "Branch control: {branch} of {} has no branch policy, and the check asks for a protected branch.",
                repository.name
            ));
        }
    }
    Ok(())
}

fn fits(pattern: &str, branch: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| branch.strip_prefix(start)) else { return false };
    let mut open_end = !pattern.contains('*') && rest.is_empty();
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        open_end = part.is_empty();
        rest = if part.is_empty() { rest } else { &rest[at + part.len()..] };
    }
    open_end || rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_branch_fits_a_whole_name_or_a_pattern() {
        for (pattern, branch, wanted) in [
            ("refs/heads/main", "refs/heads/main", true),
            ("refs/heads/main", "refs/heads/main-old", false),
            ("refs/heads/*", "refs/heads/feature/x", true),
            ("refs/heads/release/*", "refs/heads/main", false),
            ("refs/heads/*/x", "refs/heads/a/x", true),
            ("refs/heads/*/x", "refs/heads/a/y", false),
            ("*", "refs/tags/v1", true),
            ("", "refs/heads/main", false),
        ] {
            assert_eq!(fits(pattern, branch), wanted, "{pattern} {branch}");
        }
    }
}
