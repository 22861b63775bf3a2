//! The keys `gates` and `variables` of an environment.

use std::collections::BTreeMap;

use toml_edit::TableLike;

use super::keys::{self, Key};
use super::pipeline::small_number;
use super::problem::Span;
use super::reader::{Place, Reader, Wrong, shown};
use crate::domain::gates::Gates;
use crate::domain::gates::hours::{BusinessHours, Day, TimeOfDay};
use crate::domain::variable_group::looks_secret;

const KEYS: [&str; 9] = [
    "environment",
    "approval",
    "approvers",
    "minimum-approvers",
    "exclusive-lock",
    "branch-control",
    "business-hours",
    "connection-approval",
    "administrators",
];

const fn of(name: &'static str, example: &'static str) -> Key {
    Key { name, about: "", example }
}

/// What stands before an environment's deployments.
pub(super) fn gates(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> Gates {
    let key = keys::GATES;
    let Some(item) = table.get(key.name) else { return Gates::default() };
    let Some(table) = item.as_table_like() else {
        reader.wrong_type(item, place, key, "a table");
        return Gates::default();
    };
    let span = item.span().unwrap_or_else(|| place.span.clone());
    let place = Place { path: place.key(key.name), span };
    reader.unknown(table, &place, KEYS);
    let approvers = people(reader, table, &place, of("approvers", "[\"ada@contoso.example\"]"));
    let administrators =
        people(reader, table, &place, of("administrators", "[\"[payments]\\\\Release Managers\"]"));
    let names = |people: Vec<(String, _)>| people.into_iter().map(|(name, _)| name).collect();
    Gates {
        target: reader.name(table, &place, of("environment", "\"prod\"")),
        approval: reader.flag(table, &place, of("approval", "true")),
        approvers: names(approvers),
        minimum_approvers: small_number(reader, table, &place, of("minimum-approvers", "1"), 1, 20),
        exclusive_lock: reader.flag(table, &place, of("exclusive-lock", "true")),
        branch_control: reader.flag(table, &place, of("branch-control", "true")),
        business_hours: business_hours(reader, table, &place),
        connection_approval: reader.flag(table, &place, of("connection-approval", "true")).unwrap_or(false),
        administrators: names(administrators),
    }
}

/// Names of people and groups, each once, with where they stand.
fn people(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place, key: Key) -> Vec<(String, Span)> {
    let listed = reader.list(table, place, key).unwrap_or_default();
    let mut found: Vec<(String, Span)> = Vec::new();
    for (name, span) in listed {
        if name.trim().is_empty() {
            let wrong = Wrong::new("a name is empty", "remove it");
            reader.wrong(&span, place.key(key.name), wrong.accepted("names, mail addresses or groups"));
        } else if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name.trim())) {
            found.push((name.trim().to_owned(), span));
        }
    }
    found
}

fn business_hours(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> Option<BusinessHours> {
    let key = of(
        "business-hours",
        "{ days = [\"Monday\", \"Tuesday\"], from = \"08:00\", to = \"17:00\", time-zone = \"UTC\" }",
    );
    let item = table.get(key.name)?;
    let Some(table) = item.as_table_like() else {
        reader.wrong_type(item, place, key, "a table");
        return None;
    };
    let span = item.span().unwrap_or_else(|| place.span.clone());
    let place = Place { path: place.key(key.name), span: span.clone() };
    reader.unknown(table, &place, ["days", "from", "to", "time-zone"]);
    let from: Option<TimeOfDay> = reader.name(table, &place, of("from", "\"08:00\""));
    let to: Option<TimeOfDay> = reader.name(table, &place, of("to", "\"17:00\""));
    let days = days(reader, table, &place);
    let time_zone =
        reader.line(table, &place, of("time-zone", "\"UTC\"")).unwrap_or_else(|| "UTC".to_owned());
    for absent in ["from", "to"].into_iter().filter(|name| !table.contains_key(name)) {
        let wrong = Wrong::new(
            format!("`{absent}` is missing"),
            format!("write it as `{} = {}`", key.name, key.example),
        );
        reader.wrong(&span, place.path.clone(), wrong);
    }
    let (from, to) = (from?, to?);
    if from >= to {
        let wrong =
            Wrong::new(format!("{from} is not before {to}"), "give a beginning and an end of the same day");
        reader.wrong(&span, place.path.clone(), wrong);
    }
    Some(BusinessHours { days, from, to, time_zone })
}

fn days(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> Vec<Day> {
    let key = of("days", "[\"Monday\", \"Tuesday\"]");
    let Some(listed) = reader.list(table, place, key) else { return Day::WORK.to_vec() };
    let mut days = Vec::new();
    for (text, span) in listed {
        match text.parse() {
            Ok(day) => days.push(day),
            Err(refused) => reader.refused(&span, place, key, &refused),
        }
    }
    days.sort();
    days.dedup();
    if days.is_empty() { Day::WORK.to_vec() } else { days }
}

/// Variables by the rules of variable groups: names without blanks, and nothing that looks like an access key.
pub(super) fn variables(
    reader: &mut Reader<'_>,
    table: &dyn TableLike,
    place: &Place,
) -> BTreeMap<String, String> {
    let key = keys::VARIABLES;
    let Some(item) = table.get(key.name) else { return BTreeMap::new() };
    let Some(listed) = item.as_table_like() else {
        reader.wrong_type(item, place, key, "a table");
        return BTreeMap::new();
    };
    let place = Place { path: place.key(key.name), span: item.span().unwrap_or_else(|| place.span.clone()) };
    let mut found = BTreeMap::new();
    for (name, value) in listed.iter() {
        let span = value.span().unwrap_or_else(|| place.span.clone());
        let Some(text) = value.as_str() else {
            reader.wrong_type(value, &place, of("NAME", "\"value\""), "a text");
            continue;
        };
        let named = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let lower = name.to_ascii_lowercase();
        let taken = ["system.", "build.", "agent.", "release.", "environment.", "endpoint."];
        if name.is_empty() || name.len() > 100 || !name.chars().all(named) {
            let wrong =
                Wrong::new(format!("`{}` is no name for a variable", shown(name)), "rename the variable");
            reader.wrong(&span, place.key(&shown(name)), wrong.accepted("letters, digits and any of . _ -"));
        } else if taken.iter().any(|head| lower.starts_with(head)) {
            let wrong = Wrong::new(format!("Azure DevOps keeps `{name}` for itself"), "rename the variable");
            reader.wrong(&span, place.key(name), wrong);
        } else if looks_secret(text) {
            // The value is not repeated.
            let wrong = Wrong::new(
                format!("the value of `{name}` looks like a secret"),
                "put it into a variable group of your own, linked to a Key Vault, and name that group under `secrets`",
            );
            reader.wrong(&span, place.key(name), wrong);
        } else {
            found.insert(name.to_owned(), text.to_owned());
        }
    }
    found
}
