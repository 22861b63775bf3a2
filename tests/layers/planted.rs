//! Planted violations: a rule that finds nothing would be worth nothing.

use super::rules::{self, Table};

const MAP: &str = "//! Rooms.
//!
//! | room | what is in it | may name |
//! | --- | --- | --- |
//! | `domain` | nouns | nothing |
//! | `plan` | plans | domain |
//! | `engine` | runs | domain, plan, host |
//! | `host` | this machine | domain |
//! | `sandbox` | practice | nothing |
//! | `app`, `cli` | wiring | all |

pub mod domain;
";

fn table() -> Table {
    rules::table(MAP)
}

/// What is found in a file whose first line is in order.
fn found(path: &str, code: &str) -> Vec<String> {
    rules::violations(path, &format!("//! A planted file.\n{code}\n"), &table())
}

#[test]
fn the_map_is_read_as_it_stands() {
    let table = table();
    assert_eq!(
        table.keys().map(String::as_str).collect::<Vec<_>>(),
        ["app", "cli", "domain", "engine", "host", "plan", "sandbox"]
    );
    assert_eq!(table["app"], None);
    assert_eq!(table["domain"].as_ref().map(std::collections::BTreeSet::len), Some(0));
    assert_eq!(table["engine"].as_ref().map(std::collections::BTreeSet::len), Some(3));
}

#[test]
fn what_is_forbidden_is_found() {
    for (path, code) in [
        ("domain/a.rs", "use crate::plan::change::Change;"),
        ("plan/a.rs", "use crate::{domain::names::Name, engine::step::Step};"),
        ("plan/a.rs", "use crate::{\n    domain::{a, b},\n    host::{clock, files},\n};"),
        ("plan/a.rs", "fn f() { let _ = crate::host::clock::Clock; }"),
        ("plan.rs", "fn f(x: Vec<crate::engine::Step>) {}"),
        ("domain/a.rs", "pub(in crate::plan) struct A;"),
        ("domain/a.rs", "use r#crate::plan::A;"),
        ("plan/a/b.rs", "use super::super::other::Thing;"),
        ("plan/a/b.rs", "use super::{super::other::Thing, fine};"),
        ("plan/mod.rs", "use super::engine::Step;"),
        ("plan.rs", "fn f() { super::engine::go() }"),
        ("plan/a.rs", "use crate as all;"),
        ("plan/a.rs", "use crate::{self as all};"),
        ("plan/a.rs", "use crate::*;"),
        ("plan/a.rs", "extern crate self as all;"),
        ("plan/a.rs", "use keyless::engine::step::Step;"),
        ("plan/a.rs", "use ::keyless::engine::step::Step;"),
        ("plan/a.rs", "#[macro_export] macro_rules! name { () => {} }"),
        ("attic/a.rs", "struct A;"),
        ("engine/a.rs", "use std::fs;"),
        ("engine/a.rs", "use std::{collections::BTreeMap, fs::File};"),
        ("engine/a.rs", "fn f() { let _ = ::std::fs::read(\"a\"); }"),
        ("engine/a.rs", "async fn f() { let _ = tokio::fs::read(\"a\").await; }"),
        ("app/a.rs", "fn f() { let _ = std::env::var(\"HOME\"); }"),
        ("app/a.rs", "use std::env;"),
        ("app/a.rs", "use std as s;"),
        ("sandbox/world.rs", "use std::time::{Duration, SystemTime};"),
        ("domain/a.rs", "fn f<T: crate::sandbox::X>() {}"),
        ("engine/a.rs", "use keyless::sandbox::store;"),
        ("plan/a.rs", "fn f() { domain::pen::Pen::new() }"),
        ("app/a.rs", "fn f(p: Pen) { let _ = Pen::new(1); }"),
        ("app/a.rs", "#[allow(dead_code)] struct A;"),
        ("app/a.rs", "#![allow(clippy::todo, reason = \"later\")]"),
        ("app/a.rs", "#[cfg_attr(unix, allow(dead_code))] struct A;"),
        ("lib.rs", "pub use domain::names::Name;"),
        ("lib.rs", "pub mod attic;"),
        // What comes after a test-only item counts again.
        ("plan/a.rs", "#[cfg(test)]\nmod tests { use std::fs; }\nuse std::fs;"),
        ("plan/a.rs", "#[cfg(test)]\nuse std::{fs};\nuse std::env;"),
        ("plan/a.rs", "#[cfg(test)]\n#[path = \"x_tests.rs\"]\nmod tests;\nuse std::env;"),
        // Literals that could hide the rest of a file.
        ("plan/a.rs", "const A: char = '\"'; use std::fs; const B: char = '\"';"),
        ("plan/a.rs", "const A: &str = r#\"\"\"#; use std::fs; const B: &str = \"\";"),
        ("plan/a.rs", "const A: &str = \"\\\\\"; use std::fs; const B: &str = \"\";"),
        ("plan/a.rs", "/* a /* b */ c */ use std::fs;"),
        ("plan/a.rs", "fn f<'a>(x: &'a str) { std::fs::read(x); let _ = 'a'; }"),
    ] {
        assert!(!found(path, code).is_empty(), "nothing was found in {path}: {code}");
    }
    assert!(!rules::violations("plan/a.rs", "struct A;\n", &table()).is_empty(), "no first line");
    assert!(
        !rules::violations("plan/tests.rs", "struct A;\n", &table()).is_empty(),
        "no first line in tests"
    );
}

#[test]
fn what_is_allowed_is_left_alone() {
    for (path, code) in [
        ("domain/a.rs", "use crate::domain::names::Name;\nuse super::b;"),
        ("plan/a.rs", "use crate::{domain::names::{A, B}, plan::change};"),
        ("plan/a.rs", "// use std::fs;\n/* use std::env; */\nconst A: &str = \"std::fs crate::host\";"),
        ("plan/a.rs", "/// `std::fs` and [`crate::host::files`]\nstruct A;"),
        (
            "plan/a.rs",
            "const A: &str = std::env!(\"CARGO_PKG_VERSION\"); const B: &str = env!(\"CARGO_PKG_NAME\");",
        ),
        (
            "plan/a.rs",
            "#[cfg(test)]\n#[expect(clippy::unwrap_used, reason = \"[x}\")]\nmod tests { use std::{env, fs}; #[allow(dead_code)] fn f() {} }",
        ),
        ("plan/mod.rs", "mod inner { use super::change; }"),
        ("plan/tests.rs", "use std::fs;"),
        ("plan/tests/a.rs", "use std::fs;"),
        ("plan/a_tests.rs", "use std::fs;"),
        ("host/files.rs", "use std::{env, fs}; use std::time::SystemTime;"),
        ("sandbox/store.rs", "use std::fs;"),
        ("sandbox/clock.rs", "use std::time::SystemTime;"),
        ("engine/run.rs", "fn f() { let _ = crate::domain::pen::Pen::new(); }"),
        ("app/a.rs", "use crate::sandbox::store; use crate::{cli, engine};"),
        ("main.rs", "use keyless::app; fn main() { app::main() }"),
        ("plan/a.rs", "fn f(allow: bool) { if allow (1); let sandbox = 1; }"),
        ("plan/a.rs", "pub(crate) struct A; pub(super) struct B;"),
        ("lib.rs", "pub mod domain;\npub mod plan;"),
    ] {
        assert_eq!(found(path, code), Vec::<String>::new(), "{path}: {code}");
    }
}
