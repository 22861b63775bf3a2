//! The key `secrets` of an environment: names of variable groups and secure files, and never a value.

use toml_edit::TableLike;

use super::environment::each;
use super::keys::{self, Held, Key};
use super::problem::Span;
use super::reader::{Place, Reader, Wrong, shown};
use crate::domain::deploy::Value;
use crate::domain::federation::Secrets;
use crate::domain::variable_group::looks_secret;

const GROUPS: Key = Key { name: "variable-groups", about: "", example: "[\"payments-prod-vault\"]" };
const FILES: Key = Key { name: "secure-files", about: "", example: "[\"prod.pem\"]" };

/// What deployments take from the project's library, by name.
pub(super) fn secrets(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> Secrets {
    let key = keys::SECRETS;
    let Some(item) = table.get(key.name) else { return Secrets::default() };
    let Some(table) = item.as_table_like() else {
        reader.wrong_type(item, place, key, "a table");
        return Secrets::default();
    };
    let span = item.span().unwrap_or_else(|| place.span.clone());
    let place = Place { path: place.key(key.name), span };
    reader.unknown(table, &place, [GROUPS.name, FILES.name]);
    Secrets {
        variable_groups: names(reader, table, &place, GROUPS),
        secure_files: names(reader, table, &place, FILES),
    }
}

/// Names without two that mean the same: the library ignores case.
fn names(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place, key: Key) -> Vec<Value> {
    let mut taken: Vec<(String, Span)> = Vec::new();
    for (name, span) in reader.list(table, place, key).unwrap_or_default() {
        if let Some(wrong) = refused(&name, key, &taken) {
            reader.wrong(&span, place.key(key.name), wrong);
        } else {
            taken.push((name, span));
        }
    }
    each(reader, place, key, taken)
}

fn refused(name: &str, key: Key, taken: &[(String, Span)]) -> Option<Wrong> {
    if looks_secret(name) {
        // It is not repeated.
        let wrong = Wrong::new(
            "what stands there looks like a secret itself",
            "take it out, replace it where it is valid, and name the group or file that is to hold it",
        );
        return Some(wrong.accepted("names of what the library holds"));
    }
    if taken.iter().any(|(known, _)| known.to_lowercase() == name.to_lowercase()) {
        return Some(Wrong::new(format!("`{}` is there twice", shown(name)), "remove one of the two"));
    }
    let is_path = key.name == FILES.name && name.contains(['/', '\\']);
    is_path.then(|| {
        Wrong::new(
            format!("`{}` is a path", shown(name)),
            "name the file as the library calls it (Pipelines, Library, Secure files)",
        )
    })
}

/// As the file holds it: only what was named.
pub(super) fn held(secrets: &Secrets) -> Held {
    let list = |key: Key, names: &[Value]| {
        let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
        (!texts.is_empty()).then(|| (key.name.to_owned(), Held::List(texts)))
    };
    let lists = [list(GROUPS, &secrets.variable_groups), list(FILES, &secrets.secure_files)];
    Held::Table(lists.into_iter().flatten().collect())
}
