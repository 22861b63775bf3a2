//! Access keys in variable groups: ids where they can be read, secrets that are called like a key by their name alone.

use crate::domain::connection::is_access_key_id;
use crate::domain::variable_group::VariableGroup;

/// What stands in a variable of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// An access key id.
    Key(String),
    /// A secret that is called like a key: nobody can read it.
    Secret,
}

/// Names of variables that hold keys, in small letters and without `_`, `-` and `.`.
const CALLED: [&str; 4] = ["accesskey", "secretkey", "awskey", "awssecret"];

/// The variables of a group that hold an access key id, or are secrets called like a key.
pub fn in_group(group: &VariableGroup) -> Vec<(String, Stands)> {
    let mut found = Vec::new();
    for (name, variable) in &group.variables {
        let value = variable.value.as_deref().unwrap_or_default();
        let mut ids: Vec<&str> = ids(name).chain(ids(value)).collect();
        ids.sort_unstable();
        ids.dedup();
        let hidden = variable.secret && ids.is_empty() && is_called_like_a_key(name);
        found.extend(ids.into_iter().map(|id| (name.clone(), Stands::Key(id.to_owned()))));
        found.extend(hidden.then(|| (name.clone(), Stands::Secret)));
    }
    found
}

/// The ids of long-lived access keys in a text.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| word.starts_with("AKIA") && is_access_key_id(word))
}

fn is_called_like_a_key(name: &str) -> bool {
    let bare: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    CALLED.iter().any(|called| bare.contains(called))
}
