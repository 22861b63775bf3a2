//! Changes an existing `keyless.toml` to hold other answers: comments, order and everything that stays is kept.

use toml_edit::{Array, ArrayOfTables, Document, DocumentMut, InlineTable, Item, Table, TableLike, Value};
use uuid::Uuid;

use super::keys::{self, Entry, Held};
use super::parse::parse;
use super::problem::Problem;
use super::render::value;
use crate::domain::federation::Federation;

/// The text, changed to hold this federation. Equal answers give back the same bytes.
///
/// # Errors
/// The text is no TOML. Other problems are no hindrance: keys that matter are corrected, unknown ones stay.
pub fn update(existing: &str, federation: &Federation) -> Result<String, Vec<Problem>> {
    let federation = &federation.without_reading();
    match parse(existing, "keyless.toml") {
        Ok(held) if held == *federation => return Ok(existing.to_owned()),
        Err(problems) if problems.iter().any(|problem| problem.key.is_empty()) => return Err(problems),
        _ => {}
    }
    let uncommented = uncomment(existing, federation);
    let Ok(mut document) = uncommented.parse::<DocumentMut>().or_else(|_| existing.parse::<DocumentMut>())
    else {
        return Ok(existing.to_owned());
    };
    let top = document.as_table_mut();
    for entry in keys::federation(federation) {
        set(top, &entry);
    }
    set_verification(top, federation);
    set_pipeline(top, federation);
    set_environments(top, federation);
    Ok(document.to_string())
}

fn set_verification(top: &mut Table, federation: &Federation) {
    let entries = keys::verification(&federation.verification);
    if top.get("verification").is_some_and(|item| !item.is_table_like()) {
        top.remove("verification");
    }
    if !top.contains_key("verification") {
        if entries.iter().all(|entry| entry.default) {
            return;
        }
        top.insert("verification", Item::Table(Table::new()));
    }
    if let Some(table) = top.get_mut("verification").and_then(Item::as_table_like_mut) {
        for entry in &entries {
            set(table, entry);
        }
    }
}

fn set_pipeline(top: &mut Table, federation: &Federation) {
    let Some(pipeline) = &federation.pipeline else {
        top.remove("pipeline");
        return;
    };
    if !top.get("pipeline").is_some_and(Item::is_table_like) {
        top.insert("pipeline", Item::Table(Table::new()));
    }
    if let Some(table) = top.get_mut("pipeline").and_then(Item::as_table_like_mut) {
        for entry in &keys::deployment(pipeline) {
            set(table, entry);
        }
    }
}

fn set_environments(top: &mut Table, federation: &Federation) {
    let usable = top.get("environments").is_some_and(|item| {
        item.is_array_of_tables() || item.as_array().is_some_and(|all| all.iter().all(Value::is_inline_table))
    });
    if !usable {
        top.insert("environments", Item::ArrayOfTables(ArrayOfTables::new()));
    }
    let Some(item) = top.get_mut("environments") else { return };
    arrange(item, federation);
    let tables: Vec<&mut dyn TableLike> = match item {
        Item::ArrayOfTables(tables) => tables.iter_mut().map(|table| table as &mut dyn TableLike).collect(),
        Item::Value(Value::Array(array)) => array
            .iter_mut()
            .filter_map(|value| value.as_inline_table_mut().map(|table| table as &mut dyn TableLike))
            .collect(),
        _ => return,
    };
    for (table, environment) in tables.into_iter().zip(&federation.environments) {
        for entry in keys::environment(environment, federation.pipeline.as_ref()) {
            set(table, &entry);
        }
    }
}

fn name_of(table: &dyn TableLike) -> Option<&str> {
    table.get("name").and_then(Item::as_str)
}

/// Brings the tables into the federation's order: those of a kept name stay, others go, new ones come empty.
fn arrange(item: &mut Item, federation: &Federation) {
    let wanted: Vec<&str> = federation.environments.iter().map(|e| e.name.as_str()).collect();
    match item {
        Item::ArrayOfTables(tables) => {
            if tables.iter().map(|table| name_of(table)).eq(wanted.iter().map(|name| Some(*name))) {
                return;
            }
            let mut held: Vec<Table> = tables.iter().cloned().collect();
            let first = held.iter().filter_map(Table::position).min();
            tables.clear();
            for (index, name) in wanted.into_iter().enumerate() {
                let position = held.iter().position(|table| name_of(table) == Some(name));
                let mut table = position.map_or_else(Table::new, |position| held.remove(position));
                // Tables are printed by position. Without one they follow the table before them, sub-tables included.
                forget_positions(&mut table);
                if index == 0 {
                    table.set_position(first);
                }
                tables.push(table);
            }
        }
        Item::Value(Value::Array(array)) => {
            let names = array.iter().map(|value| value.as_inline_table().and_then(|table| name_of(table)));
            if names.eq(wanted.iter().map(|name| Some(*name))) {
                return;
            }
            let mut held: Vec<Value> = array.iter().cloned().collect();
            array.clear();
            for name in wanted {
                let position = held
                    .iter()
                    .position(|value| value.as_inline_table().and_then(|table| name_of(table)) == Some(name));
                match position {
                    Some(position) => array.push_formatted(held.remove(position)),
                    None => array.push(InlineTable::new()),
                }
            }
        }
        _ => {}
    }
}

fn forget_positions(table: &mut Table) {
    table.set_position(None);
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(table) => forget_positions(table),
            Item::ArrayOfTables(tables) => tables.iter_mut().for_each(forget_positions),
            _ => {}
        }
    }
}

/// Gives a key its value where the text says something else.
fn set(table: &mut dyn TableLike, entry: &Entry) {
    let name = entry.key.name;
    let nothing = match &entry.held {
        Held::Nothing => true,
        Held::Table(pairs) => pairs.is_empty(),
        _ => false,
    };
    match table.get_mut(name) {
        None if entry.default || nothing => {}
        None => {
            if let Some(value) = value(&entry.held) {
                table.insert(name, Item::Value(value));
            }
        }
        Some(item)
            if holds(item, &entry.held) || (name == "organization-id" && same_guid(item, &entry.held)) => {}
        Some(_) if nothing => {
            table.remove(name);
        }
        Some(item) => change(item, &entry.held),
    }
}

/// Whether the item says exactly this.
fn holds(item: &Item, held: &Held) -> bool {
    match held {
        Held::Nothing => item.is_none(),
        Held::Text(text) => item.as_str() == Some(text),
        Held::Flag(flag) => item.as_bool() == Some(*flag),
        Held::Number(number) => item.as_integer() == Some(*number),
        Held::List(texts) => item.as_array().is_some_and(|array| {
            array.iter().map(Value::as_str).eq(texts.iter().map(|text| Some(text.as_str())))
        }),
        Held::Table(pairs) => item.as_table_like().is_some_and(|table| {
            table.len() == pairs.len()
                && pairs.iter().all(|(name, held)| table.get(name).is_some_and(|item| holds(item, held)))
        }),
    }
}

fn same_guid(item: &Item, held: &Held) -> bool {
    let (Some(item), Held::Text(text)) = (item.as_str(), held) else { return false };
    Uuid::parse_str(item.trim()).is_ok_and(|id| Uuid::parse_str(text) == Ok(id))
}

fn change(item: &mut Item, held: &Held) {
    match (&mut *item, held) {
        (Item::Table(table), Held::Table(pairs)) => set_pairs(table, pairs),
        (Item::Value(Value::InlineTable(table)), Held::Table(pairs))
            if table.len() == pairs.len() && pairs.iter().all(|(name, _)| table.contains_key(name)) =>
        {
            set_pairs(table, pairs);
        }
        // A list over several lines keeps its lines and their comments.
        (Item::Value(Value::Array(array)), Held::List(texts)) if array.to_string().contains('\n') => {
            set_lines(array, texts);
        }
        _ => {
            let Some(mut new) = value(held) else { return };
            if let Some(old) = item.as_value() {
                *new.decor_mut() = old.decor().clone();
            }
            *item = Item::Value(new);
        }
    }
}

fn set_pairs(table: &mut dyn TableLike, pairs: &[(String, Held)]) {
    let extra: Vec<String> = table
        .iter()
        .map(|(name, _)| name.to_owned())
        .filter(|name| !pairs.iter().any(|(wanted, _)| wanted == name))
        .collect();
    for name in extra {
        table.remove(&name);
    }
    for (name, held) in pairs {
        match table.get_mut(name) {
            Some(item) if holds(item, held) => {}
            Some(item) => change(item, held),
            None => {
                if let Some(value) = value(held) {
                    table.insert(name, Item::Value(value));
                }
            }
        }
    }
}

/// Fills a list that stands on several lines. What follows an element on its line belongs to that element, what
/// stands above it too; both go where it goes.
fn set_lines(array: &mut Array, texts: &[String]) {
    let raw =
        |raw: Option<&toml_edit::RawString>| raw.and_then(|raw| raw.as_str()).unwrap_or_default().to_owned();
    let split = |gap: &str| match gap.find('\n') {
        Some(newline) => (gap[..newline].trim_end_matches('\r').to_owned(), gap[newline..].to_owned()),
        None => (String::new(), gap.to_owned()),
    };
    let mut gaps: Vec<String> = array.iter().map(|value| raw(value.decor().prefix())).collect();
    gaps.push(raw(Some(array.trailing())));
    let gaps: Vec<(String, String)> = gaps.iter().map(|gap| split(gap)).collect();
    let (head, indent) = gaps.first().cloned().unwrap_or_default();
    let end = gaps.last().map(|(_, end)| end.clone()).unwrap_or_default();
    // Element, what stands above it, what follows it on its line.
    let mut held: Vec<(Value, String, String)> = array
        .iter()
        .enumerate()
        .map(|(index, value)| (value.clone(), gaps[index].1.clone(), gaps[index + 1].0.clone()))
        .collect();
    array.clear();
    let indent = indent.rsplit_once('\n').map_or(indent.clone(), |(_, last)| format!("\n{last}"));
    let mut tail = head;
    for text in texts {
        let kept = held.iter().position(|(value, ..)| value.as_str() == Some(text)).map(|at| held.remove(at));
        let (mut value, above, after) =
            kept.unwrap_or_else(|| (Value::from(text.as_str()), indent.clone(), String::new()));
        value.decor_mut().set_prefix(format!("{tail}{above}"));
        array.push_formatted(value);
        tail = after;
    }
    array.set_trailing_comma(true);
    array.set_trailing(format!("{tail}{end}"));
}

/// Turns a line `# key = default` into `key = wanted` where the key is absent: so the explanation above it stays with
/// it. What this pass gets wrong, the edits after it correct.
fn uncomment(existing: &str, federation: &Federation) -> String {
    let Ok(document) = Document::parse(existing) else { return existing.to_owned() };
    let top = document.as_table();
    let tables = top.get("environments").and_then(Item::as_array_of_tables);
    let mut absent = lacking(top, keys::federation(federation));
    let pipeline = federation.pipeline.as_ref();
    let mut environment = 0;
    let mut text = String::with_capacity(existing.len() + 256);
    for line in existing.split_inclusive('\n') {
        let plain = line.trim();
        if plain.starts_with("[[environments]]") {
            let table = tables.and_then(|tables| tables.get(environment));
            let name = table.and_then(|table| name_of(table));
            let wanted = federation.environments.iter().find(|e| Some(e.name.as_str()) == name);
            absent = match (table, wanted) {
                (Some(table), Some(wanted)) => lacking(table, keys::environment(wanted, pipeline)),
                _ => Vec::new(),
            };
            environment += 1;
        } else if plain.starts_with("[verification]") {
            let table = top.get("verification").and_then(Item::as_table_like);
            absent = table
                .map(|table| lacking(table, keys::verification(&federation.verification)))
                .unwrap_or_default();
        } else if plain.starts_with("[pipeline]") {
            let table = top.get("pipeline").and_then(Item::as_table_like);
            let wanted = table.zip(pipeline).map(|(table, wanted)| lacking(table, keys::deployment(wanted)));
            absent = wanted.unwrap_or_default();
        } else if plain.starts_with('[') {
            absent.clear();
        }
        match default_line(plain).and_then(|key| absent.iter().position(|entry| entry.key.name == key)) {
            Some(at) => {
                let entry = absent.remove(at);
                let ending = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
                if let Some(value) = value(&entry.held) {
                    text.push_str(&format!("{} = {value}{ending}", entry.key.name));
                }
            }
            None => text.push_str(line),
        }
    }
    text
}

/// The key of a commented default: `role` of `# role = "…"`.
fn default_line(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix('#')?.trim_start().split_once('=')?;
    Some(key.trim_end())
}

/// What must be added to a table.
fn lacking(table: &dyn TableLike, entries: Vec<Entry>) -> Vec<Entry> {
    entries
        .into_iter()
        .filter(|entry| !entry.default && entry.held != Held::Nothing && !table.contains_key(entry.key.name))
        .collect()
}
