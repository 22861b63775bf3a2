//! The worlds that come with the program, and the reading of any other.

use super::world::{Account, World, bootstrap};

/// The world that `--sandbox` means when none is named.
pub const DEFAULT: &str = "deploy";

/// Name and text of every world that comes with the program.
const BUILT_IN: [(&str, &str); 8] = [
    ("fresh", include_str!("../../assets/worlds/fresh.toml")),
    ("half-done", include_str!("../../assets/worlds/half-done.toml")),
    ("renamed", include_str!("../../assets/worlds/renamed.toml")),
    ("locked-down", include_str!("../../assets/worlds/locked-down.toml")),
    ("shared-account", include_str!("../../assets/worlds/shared-account.toml")),
    ("static-keys", include_str!("../../assets/worlds/static-keys.toml")),
    ("deploy", include_str!("../../assets/worlds/deploy.toml")),
    ("many", include_str!("../../assets/worlds/many.toml")),
];

/// The names of the worlds that come with the program.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The world of that name, or none.
pub fn named(name: &str) -> Option<World> {
    let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
    // Every built-in world is read by a test, so a text that cannot be read is never shipped.
    parse(text).ok()
}

/// Reads a world and writes out its accounts and answers of one shape.
///
/// # Errors
/// The text is not TOML, or not a world.
pub fn parse(text: &str) -> Result<World, toml::de::Error> {
    let mut world: World = toml::from_str(text)?;
    if let Some(many) = world.many.take() {
        let first: u64 = many.account.id.parse().unwrap_or_default();
        for n in 1..=many.count {
            let id = format!("{:012}", first + u64::from(n) - 1);
            let fill = |template: &str| template.replace("{n}", &format!("{n:03}")).replace("{id}", &id);
            world.answers.push_str(&fill(&many.answers));
            world.accounts.push(fill_account(&many.account, &id, &fill));
        }
    }
    world.accounts.iter_mut().for_each(bootstrap::expand);
    Ok(world)
}

fn fill_account(template: &Account, id: &str, fill: &impl Fn(&str) -> String) -> Account {
    let mut account = template.clone();
    account.id = id.to_owned();
    account.profile = fill(&account.profile);
    for role in &mut account.roles {
        role.name = fill(&role.name);
        role.trust = fill(&role.trust);
    }
    account
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]

    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::sandbox::Credentials;
    use crate::sandbox::aws::trust::Policy;

    #[test]
    fn every_built_in_world_can_be_read_and_holds_together() {
        for (name, text) in BUILT_IN {
            let world = parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(world.name, name);
            assert!(!world.about.is_empty());
            let answers: toml::Table = toml::from_str(&world.answers).unwrap();
            let environments = answers["environments"].as_array().unwrap();
            for environment in environments {
                let account = environment["account"].as_str().unwrap();
                let profile = environment["sign-in"]["profile"].as_str().unwrap();
                let known = world.accounts.iter().any(|one| one.id == account && one.profile == profile);
                assert!(known, "{name}: {account} {profile}");
            }
            for account in &world.accounts {
                assert!(account.id.len() == 12 && account.id.bytes().all(|byte| byte.is_ascii_digit()));
                for role in &account.roles {
                    let document: Value = serde_json::from_str(&role.trust).unwrap();
                    assert_eq!(
                        Policy::parse(&document).unwrap().check_trust(),
                        Ok(()),
                        "{name}: {}",
                        role.name
                    );
                }
                for key in account.users.iter().flat_map(|user| &user.access_keys) {
                    assert_eq!((key.id.len(), key.secret.len()), (20, 40), "{name}");
                    assert!(key.id.starts_with("AKIAPRACTICE") && key.secret.starts_with("PRACTICE/SECRET/"));
                }
            }
        }
    }

    #[test]
    fn the_world_of_many_has_a_hundred_accounts_that_nobody_has_to_read() {
        let world = named("many").unwrap();
        let ids: BTreeSet<&str> = world.accounts.iter().map(|account| account.id.as_str()).collect();
        assert_eq!(ids.len(), 100);
        assert_eq!(world.accounts[41].profile, "contoso-042");
        assert!(world.answers.contains("name = \"team-100\"\naccount = \"100000000100\""));
        let keys: BTreeSet<String> =
            Credentials::of(&world).accounts.into_iter().map(|account| account.access_key_id).collect();
        assert_eq!(keys.len(), 100);
    }

    #[test]
    fn an_unknown_world_is_none() {
        assert!(named("flat").is_none());
        assert!(names().any(|name| name == DEFAULT));
    }
}
