//! The house rules: which room names which, where this machine is asked, and which licences come in.
#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test may stop here, and says what it left out"
)]

use std::path::{Path, PathBuf};

#[path = "layers/licences.rs"]
mod licences;
#[path = "layers/planted.rs"]
mod planted;
#[path = "layers/rules.rs"]
mod rules;
#[path = "layers/scan.rs"]
mod scan;
#[path = "layers/words.rs"]
mod words;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, with its place in it.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder").map(|entry| entry.expect("an entry").path())
        {
            if entry.is_dir() {
                open.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let place = entry.strip_prefix(folder).expect("below").to_string_lossy().replace('\\', "/");
                found.push((place, std::fs::read_to_string(&entry).expect("a source file")));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_room_names_only_what_it_may() {
    let source = root().join("src");
    let lib = std::fs::read_to_string(source.join("lib.rs")).expect("src/lib.rs");
    let table = rules::table(&lib);
    assert!(table.len() >= 15, "the table of rooms in src/lib.rs is not understood: {table:?}");
    let files = files(&source);
    assert!(files.len() > 150, "only {} files were found", files.len());
    let mut found = Vec::new();
    for (path, text) in &files {
        found.extend(
            rules::violations(path, text, &table).into_iter().map(|what| format!("src/{path}: {what}")),
        );
    }
    assert!(found.is_empty(), "{} violations:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_test_file_says_what_it_is_for() {
    let silent: Vec<String> = files(&root().join("tests"))
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "without a first `//! …` line: {}", silent.join(", "));
}
