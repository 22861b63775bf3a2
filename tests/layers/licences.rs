//! Every crate's licence stands on the list of `deny.toml`; every crate comes from crates.io.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use serde_json::Value;

/// The licences that `deny.toml` takes.
fn allowed() -> BTreeSet<String> {
    let text = std::fs::read_to_string(super::root().join("deny.toml")).expect("deny.toml");
    let file: toml::Table = text.parse().expect("deny.toml is TOML");
    let list = file["licenses"]["allow"].as_array().expect("licenses.allow").clone();
    list.into_iter().map(|licence| licence.as_str().expect("a licence").to_owned()).collect()
}

/// Whether an SPDX expression can be met with licences of the list. Old `A/B` means `A OR B`; AND binds before OR.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any(&words, &mut at, allowed);
    met && at == words.len()
}

fn any(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = all(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all(words, at, allowed);
    }
    met
}

fn all(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let met = any(words, at, allowed);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return met && closed;
    }
    let mut licence = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        licence = format!("{licence} WITH {}", words.get(*at + 1).unwrap_or(&"?"));
        *at += 2;
    }
    allowed.contains(&licence)
}

fn metadata(more: &[&str]) -> Output {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    Command::new(cargo)
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .args(more)
        .current_dir(super::root())
        .output()
        .expect("cargo runs")
}

/// The crates of every platform; of this one alone where the others' were never fetched, as after a mere build.
fn packages() -> Vec<Value> {
    let mut output = metadata(&[]);
    if !output.status.success() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI fetches every platform's crates (`cargo fetch --locked`): {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let version = Command::new("rustc").arg("-vV").output().expect("rustc runs").stdout;
        let version = String::from_utf8_lossy(&version).into_owned();
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
        eprintln!("licences: only crates of {host} are looked at; `cargo fetch` brings the other platforms'");
        output = metadata(&["--filter-platform", host]);
    }
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

#[test]
fn every_crate_comes_from_crates_io_under_a_licence_of_the_list() {
    let allowed = allowed();
    let mut wrong = Vec::new();
    let packages = packages();
    assert!(packages.len() > 200, "only {} packages", packages.len());
    for package in &packages {
        let licence = package["license"].as_str().unwrap_or("none");
        if !is_met(licence, &allowed) {
            wrong.push(format!("{} {}: licence {licence}", package["name"], package["version"]));
        }
        let source = package["source"].as_str();
        if source.is_some_and(|source| source != "registry+https://github.com/rust-lang/crates.io-index") {
            wrong.push(format!("{} comes from {}", package["name"], package["source"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let allowed: BTreeSet<String> =
        ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into_iter().collect();
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("Unlicense/MIT", true),
        ("MIT OR GPL-3.0-only AND GPL-2.0-only", true),
        ("(MIT OR GPL-3.0-only) AND GPL-2.0-only", false),
        ("(MIT OR GPL-3.0-only) AND ISC", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
        ("MIT WITH Classpath-exception-2.0", false),
        ("MIT ISC", false),
        ("(MIT", false),
        ("", false),
        ("none", false),
    ] {
        assert_eq!(is_met(expression, &allowed), met, "{expression}");
    }
}
