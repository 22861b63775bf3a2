//! The rules of the house, held against one file at a time.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::{self, Named};

/// Which rooms a room may name; none: all of them.
pub type Table = BTreeMap<String, Option<BTreeSet<String>>>;

/// The table of rooms in the first comment of `src/lib.rs`.
pub fn table(lib: &str) -> Table {
    let names = |cell: &str| -> Vec<String> {
        cell.split(',').map(|name| name.trim().trim_matches('`').to_owned()).collect()
    };
    let mut table = Table::new();
    for line in lib.lines().map_while(|line| line.strip_prefix("//!")) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [rooms, _about, may] = cells.as_slice() else { continue };
        if !rooms.starts_with('`') {
            continue;
        }
        let may = match *may {
            "all" => None,
            "nothing" => Some(BTreeSet::new()),
            list => Some(names(list).into_iter().collect()),
        };
        table.extend(names(rooms).into_iter().map(|room| (room, may.clone())));
    }
    table
}

/// The room of a file by its place under `src/`; `main` and `lib` are no rooms.
pub fn room(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or_default();
    first.strip_suffix(".rs").unwrap_or(first)
}

/// Files that are compiled only for tests.
pub fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs"))
}

/// Everything in a file under `src/` that breaks a rule, in words.
pub fn violations(path: &str, source: &str, table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    if !source.starts_with("//! ") {
        found.push("the first line does not say what the file is for (`//! …`)".to_owned());
    }
    if is_test(path) {
        return found;
    }
    let tokens = scan::without_tests(&scan::tokens(source));
    let room = room(path);
    if path == "lib.rs" {
        if tokens.iter().any(|token| token == "use") {
            found.push("the root re-exports or imports something".to_owned());
        }
        for pair in tokens.windows(2).filter(|pair| pair[0] == "mod" && !table.contains_key(&pair[1])) {
            found.push(format!("`{}` is a module but no room of the table", pair[1]));
        }
        return found;
    }
    if path != "main.rs" && !table.contains_key(room) {
        found.push(format!("`{room}` is no room of the table"));
    }
    if tokens.iter().any(|token| token == "macro_export") {
        found.push("an exported macro would live at the root, in no room".to_owned());
    }
    if tokens.windows(2).any(|pair| pair == ["extern", "crate"]) {
        found.push("`extern crate` gives the root another name".to_owned());
    }
    found.extend(allows(&tokens));
    for named in scan::paths(&tokens) {
        found.extend(violation(path, room, &named, table));
    }
    found
}

/// `allow(…)` inside an attribute.
fn allows(tokens: &[String]) -> Option<String> {
    for (at, token) in tokens.iter().enumerate() {
        let inner = usize::from(tokens.get(at + 1).is_some_and(|token| token == "!"));
        let open = at + 1 + inner;
        if token != "#" || tokens.get(open).is_none_or(|token| token != "[") {
            continue;
        }
        let attribute = &tokens[open..scan::closing(tokens, open).min(tokens.len())];
        if attribute.windows(2).any(|pair| pair == ["allow", "("]) {
            return Some("`allow` outside tests: `expect` with a reason, or mend it".to_owned());
        }
    }
    None
}

fn violation(path: &str, room: &str, named: &Named, table: &Table) -> Option<String> {
    let segments: Vec<&str> = named.segments.iter().map(String::as_str).collect();
    let whole = segments.join("::");
    let machine = room == "host" || matches!(path, "sandbox/store.rs" | "sandbox/clock.rs");
    let is_root_file = !path.contains('/') || path.split('/').nth(1) == Some("mod.rs");
    match segments.as_slice() {
        ["crate", "self" | "*" | "as", ..] => return Some(format!("{whole}: the root itself is named")),
        ["crate", other, ..] if *other != room && !may_name(room, other, table) => {
            return Some(format!("{whole}: `{room}` may not name `{other}`"));
        }
        ["keyless", _, ..] if path != "main.rs" => {
            return Some(format!("{whole}: rooms are named by `crate`"));
        }
        ["super", ..] if is_root_file && !named.inline && path != "main.rs" => {
            return Some(format!("{whole}: `super` is the root here"));
        }
        ["std" | "core" | "tokio", "as" | "self" | "*", ..] => {
            return Some(format!("{whole}: a whole library under another name hides what is used of it"));
        }
        ["std" | "tokio", "fs", ..] | ["std", "env", ..]
            if !(machine || named.bang && segments.len() == 2) =>
        {
            return Some(format!(
                "{whole}: this machine is asked only in `host` and sandbox/{{store,clock}}"
            ));
        }
        _ => {}
    }
    if segments.contains(&"SystemTime") && !machine {
        return Some(format!("{whole}: the clock is read only in `host` and sandbox/{{store,clock}}"));
    }
    if segments.windows(2).any(|pair| pair == ["super", "super"]) {
        return Some(format!("{whole}: `super::super` hides which room is named"));
    }
    if segments.len() > 1 && segments.contains(&"sandbox") && !matches!(room, "app" | "cli" | "sandbox") {
        return Some(format!("{whole}: the practice cloud is named only by `app` and `cli`"));
    }
    if segments.windows(2).any(|pair| pair == ["Pen", "new"]) && room != "engine" {
        return Some(format!("{whole}: only the engine makes a pen"));
    }
    None
}

fn may_name(room: &str, other: &str, table: &Table) -> bool {
    // `main` is the start of the wiring.
    let may = if room == "main" { table.get("app") } else { table.get(room) };
    match may {
        Some(None) => table.contains_key(other),
        Some(Some(rooms)) => rooms.contains(other),
        None => false,
    }
}
