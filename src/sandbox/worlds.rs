//! The worlds that come with the program, and the reading of any other.

use super::world::{Account, World};

/// The world that `--sandbox` means when none is named.
pub const DEFAULT: &str = "fresh";

/// Name and text of every world that comes with the program.
const BUILT_IN: [(&str, &str); 1] = [("fresh", include_str!("../../assets/worlds/fresh.toml"))];

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
    use super::*;

    #[test]
    fn every_built_in_world_can_be_read_and_is_called_by_its_name() {
        for (name, text) in BUILT_IN {
            let world = parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(world.name, name);
            assert!(!world.accounts.is_empty(), "{name}");
        }
    }
}
