//! What is wrong with the AWS Toolkit where it is installed: too old to try again when a token is late.

use crate::domain::finding::{Finding, FindingCode};

/// The first version that asks again when a token is late (facts/aws-toolkit.md §2).
const RETRIES: [u32; 2] = [1, 20];

/// What the installed version means. A version that cannot be read says nothing.
pub fn version(found: &str) -> Option<Finding> {
    let mut parts = found.split('.').map(|part| part.parse::<u32>().ok());
    let read = [parts.next()??, parts.next()??];
    (read < RETRIES).then(|| {
        Finding::overall(FindingCode::ToolkitNoRetries).with("version", found).with("needed", "1.20.0")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        for (found, old) in [
            ("1.19.9", true),
            ("1.20.0", false),
            ("1.9.0", true),
            ("2.0.0", false),
            ("", false),
            ("new", false),
        ] {
            assert_eq!(version(found).is_some(), old, "{found}");
        }
    }
}
