//! Names of environments proposed from names of AWS profiles, and their order of promotion.

use std::collections::BTreeMap;

use crate::domain::names::EnvironmentName;

/// Stages in promotion order; a name that is none of them stands before production.
const STAGES: [&[&str]; 4] = [
    &["sandbox", "sbx", "dev", "development"],
    &["test", "tst", "qa", "int", "integration"],
    &["staging", "stage", "stg", "uat", "preprod"],
    &["prod", "production", "prd", "live"],
];
const PRODUCTION: usize = 3;
/// Short and long forms, and the name a proposal takes instead.
const ALIASES: [(&str, &str); 8] = [
    ("sbx", "sandbox"),
    ("development", "dev"),
    ("tst", "test"),
    ("integration", "int"),
    ("stage", "staging"),
    ("stg", "staging"),
    ("production", "prod"),
    ("prd", "prod"),
];

fn stage(part: &str) -> Option<usize> {
    let part = part.to_lowercase();
    STAGES.iter().position(|names| names.contains(&part.as_str()))
}

/// Where a name stands in the order of promotion.
pub(super) fn rank(name: &str) -> usize {
    match name.split(['-', '_']).find_map(stage) {
        Some(PRODUCTION) => PRODUCTION + 1,
        Some(stage) => stage,
        None => PRODUCTION,
    }
}

/// Whether a name is that of a stage everybody knows.
pub(super) fn is_stage(name: &str) -> bool {
    stage(name).is_some()
}

/// A name for the environment that each profile signs in to: its stage where it has one, else what tells it from the
/// others, else the whole.
pub(super) fn propose(profiles: &[&str]) -> BTreeMap<String, EnvironmentName> {
    let parts: Vec<Vec<&str>> = profiles
        .iter()
        .map(|name| {
            name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect()
        })
        .collect();
    let first = parts.first().cloned().unwrap_or_default();
    let common = match parts.len() {
        0 | 1 => 0,
        _ => (0..first.len())
            .take_while(|index| parts.iter().all(|other| other.get(*index) == first.get(*index)))
            .count(),
    };
    let name = |own: &[&str]| {
        if let Some(stage) = own.iter().find(|part| stage(part).is_some()) {
            let stage = stage.to_lowercase();
            let usual =
                ALIASES.iter().find(|(alias, _)| *alias == stage).map(|(_, usual)| (*usual).to_owned());
            return usual.unwrap_or(stage).parse().ok();
        }
        let rest = own.get(common..).filter(|rest| !rest.is_empty()).unwrap_or(own);
        let name: String = rest.join("-").chars().take(40).collect();
        name.trim_end_matches('-').parse().ok()
    };
    profiles
        .iter()
        .zip(&parts)
        .filter_map(|(profile, own)| Some(((*profile).to_owned(), name(own)?)))
        .collect()
}

/// The same name, or with the first number behind it that is free.
pub(super) fn unique(name: EnvironmentName, taken: &[EnvironmentName]) -> EnvironmentName {
    let free = |name: &str| !taken.iter().any(|other| other.as_str().eq_ignore_ascii_case(name));
    if free(name.as_str()) {
        return name;
    }
    let stem: String = name.as_str().chars().take(36).collect();
    (2..1000)
        .map(|number| format!("{stem}-{number}"))
        .find(|name| free(name))
        .and_then(|name| name.parse().ok())
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_stages_then_from_what_differs() {
        let all = [
            "contoso-dev",
            "contoso-STG",
            "contoso-shop-eu",
            "contoso-shop-us",
            "AdministratorAccess-111122223333",
        ];
        for (profile, name) in [
            ("contoso-dev", "dev"),
            ("contoso-STG", "staging"),
            ("contoso-shop-eu", "contoso-shop-eu"),
            ("AdministratorAccess-111122223333", "AdministratorAccess-111122223333"),
        ] {
            assert_eq!(propose(&all)[profile].as_str(), name);
        }
        assert_eq!(propose(&["a-b-eu", "a-b-us"])["a-b-eu"].as_str(), "eu");
        assert_eq!(propose(&["a-b", "a-b-us"])["a-b"].as_str(), "a-b");
        assert_eq!(propose(&["default"])["default"].as_str(), "default");
        assert!(propose(&["---"]).is_empty());
        let long = "x".repeat(90);
        assert_eq!(propose(&[&long])[&long].as_str().len(), 40);
    }

    #[test]
    fn promotion_goes_from_dev_to_prod() {
        let mut names = ["prod", "eu-live", "tools", "staging", "qa", "dev-2", "dev"];
        names.sort_by_key(|name| rank(name));
        assert_eq!(names, ["dev-2", "dev", "qa", "staging", "tools", "prod", "eu-live"]);
    }

    #[test]
    fn taken_names_get_a_number() {
        let dev: EnvironmentName = "dev".parse().unwrap();
        assert_eq!(unique(dev.clone(), &[]).as_str(), "dev");
        assert_eq!(
            unique("DEV".parse().unwrap(), &[dev.clone(), "dev-2".parse().unwrap()]).as_str(),
            "DEV-3"
        );
    }
}
