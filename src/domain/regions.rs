//! The regions AWS has, to tell a typing mistake from a region that is newer than this program.

use super::names::Region;

/// AWS General Reference, "Regions", with those of GovCloud (US) and China; November 2026.
const KNOWN: [&str; 38] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Changes of one character up to which an unknown code is taken for a mistyped one.
const NEAR: usize = 2;

/// The region that was probably meant by a code that is none; none: it is one, or like none and may be new.
pub fn meant(region: &Region) -> Option<&'static str> {
    let typed = region.as_str();
    if KNOWN.contains(&typed) {
        return None;
    }
    let near = KNOWN.into_iter().map(|known| (distance(typed, known), known));
    near.filter(|(distance, _)| *distance <= NEAR)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Levenshtein distance, bounded by the length of a key that anybody would type.
pub fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_regions_are_told_from_new_ones() {
        for (typed, wanted) in [
            ("eu-west-1", None),
            ("us-gov-west-1", None),
            ("eu-wset-1", Some("eu-west-1")),
            ("eu-wes-1", Some("eu-west-1")),
            ("us-esat-2", Some("us-east-2")),
            ("eu-central-11", Some("eu-central-1")),
            ("br-interior-1", None),
            ("za-middle-1", None),
        ] {
            assert_eq!(meant(&typed.parse().unwrap()), wanted, "{typed}");
        }
    }
}
