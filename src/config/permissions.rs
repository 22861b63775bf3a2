//! The key `permissions` of an environment.

use toml_edit::TableLike;

use super::environment::each;
use super::keys::{self, Key};
use super::reader::{Place, Reader, Wrong, shown};
use crate::domain::federation::{Permissions, is_part};

const KEYS: [&str; 10] = [
    "qualifier",
    "state-bucket",
    "lock-table",
    "services",
    "stack",
    "execution-role",
    "app",
    "source-ip",
    "source-vpc",
    "guard",
];

const fn of(name: &'static str, example: &'static str) -> Key {
    Key { name, about: "", example }
}

/// What the preset is filled with.
pub(super) fn permissions(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> Permissions {
    let key = keys::PERMISSIONS;
    let Some(item) = table.get(key.name) else { return Permissions::default() };
    let Some(table) = item.as_table_like() else {
        reader.wrong_type(item, place, key, "a table");
        return Permissions::default();
    };
    let span = item.span().unwrap_or_else(|| place.span.clone());
    let place = Place { path: place.key(key.name), span: span.clone() };
    reader.unknown(table, &place, KEYS);
    let ranges = of("source-ip", "[\"203.0.113.0/24\"]");
    let listed = reader.list(table, &place, ranges).unwrap_or_default();
    let found = Permissions {
        qualifier: one(reader, table, &place, of("qualifier", "\"hnb659fds\"")),
        state_bucket: one(reader, table, &place, of("state-bucket", "\"contoso-state\"")),
        lock_table: one(reader, table, &place, of("lock-table", "\"contoso-lock\"")),
        services: many(reader, table, &place, of("services", "[\"s3\"]")),
        stack: one(reader, table, &place, of("stack", "\"payments\"")),
        execution_role: reader.name(table, &place, of("execution-role", "\"payments-cloudformation\"")),
        app: one(reader, table, &place, of("app", "\"d1a2b3c4d5e6f7\"")),
        source_ip: each(reader, &place, ranges, listed),
        source_vpc: many(reader, table, &place, of("source-vpc", "[\"vpc-0a1b2c3d\"]")),
        guard: reader.flag(table, &place, of("guard", "true")).unwrap_or(false),
    };
    if !found.source_ip.is_empty() && !found.source_vpc.is_empty() {
        let message =
            "a request through an endpoint of a VPC has no public address: both together admit none";
        reader.wrong(&span, place.path.clone(), Wrong::new(message, "keep `source-ip` or `source-vpc`"));
    }
    found
}

const ACCEPTED: &str = "1 to 255 letters, digits or any of - _ .";

fn one(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place, key: Key) -> Option<String> {
    let (text, span) = reader.text(table, place, key)?;
    if is_part(text) {
        return Some(text.to_owned());
    }
    let wrong =
        Wrong::new(format!("`{}` is no such name", shown(text)), format!("write it as `{}`", key.example));
    reader.wrong(&span, place.key(key.name), wrong.accepted(ACCEPTED));
    None
}

fn many(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place, key: Key) -> Vec<String> {
    let mut found = Vec::new();
    for (text, span) in reader.list(table, place, key).unwrap_or_default() {
        if is_part(&text) {
            found.push(text);
        } else {
            let wrong = Wrong::new(format!("`{}` is no such name", shown(&text)), "correct or remove it");
            reader.wrong(&span, place.key(key.name), wrong.accepted(ACCEPTED));
        }
    }
    found
}
