//! `keyless.toml` → `Federation`: every problem at once, each with its place.

use std::collections::BTreeSet;

use toml_edit::{Document, Item, Table, TableLike};
use uuid::Uuid;

use super::environment::{Sketch, read_environment};
use super::keys::{self, Key};
use super::problem::{Problem, Span};
use super::reader::{Place, Reader, Wrong, is_line, key_span, shown};
use crate::domain::federation::Deployment;
use crate::domain::federation::{Contradiction, Federation, SignIn, Verification, defaults};
use crate::domain::issuer::AUDIENCE;
use crate::domain::names::{BranchPattern, RepositoryName};

/// Reads `keyless.toml`. `file` is the name used in problems.
///
/// # Errors
/// Everything that is wrong, in the order it stands in the file. A text that is no TOML has one problem only.
pub fn parse(text: &str, file: &str) -> Result<Federation, Vec<Problem>> {
    let mut reader = Reader::new(file, text);
    let federation = read(text, &mut reader);
    match federation {
        Some(federation) if !reader.found_any() => Ok(federation),
        _ => Err(reader.problems()),
    }
}

/// The required keys that a text lacks, by their whole names: `organization`, `environments.dev.account`.
/// A text that is no TOML lacks nothing: [`parse`] says what is wrong with it.
pub fn missing(text: &str) -> Vec<String> {
    let mut reader = Reader::new("", text);
    read(text, &mut reader);
    reader.missing
}

/// Bytes of a file that are read: far more than five hundred environments take.
const LONGEST: usize = 16 << 20;
/// Signs that begin or part values in a file that is read. Reading takes time in proportion to the text, but toml_edit
/// makes up to 1.5 KB of an inline table and 0.8 KB of each part of a dotted key: without this bound, 2.7 GB of 10 MB of
/// `{a=1},`, measured.
const MOST_SIGNS: usize = 1_000_000;

/// Why a text is not even read; none: it is.
fn too_much(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return Some(format!("the file is {} bytes long, more than a keyless.toml can be", text.len()));
    }
    let signs = text.bytes().filter(|byte| b"={[,.".contains(byte)).count();
    (signs > MOST_SIGNS).then(|| "the file holds more values than a keyless.toml can".to_owned())
}

fn read(text: &str, reader: &mut Reader<'_>) -> Option<Federation> {
    if let Some(message) = too_much(text) {
        reader.wrong(&(0..0), String::new(), Wrong::new(message, "name the right file"));
        return None;
    }
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let wrong = Wrong::new(
                format!("the file is no TOML: {}", shown(error.message())),
                "correct the line; https://toml.io shows what TOML looks like",
            );
            reader.wrong(&span, String::new(), wrong);
            return None;
        }
    };
    let table = document.as_table();
    let top = Place { path: String::new(), span: 0..0 };
    reader.unknown(table, &top, keys::FEDERATION);
    let organization = required(reader, table, &top, keys::ORGANIZATION);
    let project = required(reader, table, &top, keys::PROJECT);
    let organization_id = organization_id(reader, table, &top);
    let issuer = reader.name(table, &top, keys::ISSUER);
    let audience = audience(reader, table, &top);
    let verification = verification(reader, table, &top);
    let pipeline = super::pipeline::pipeline(reader, table, &top);
    let sketches = environments(reader, table, pipeline.as_ref());
    let federation = Federation {
        organization: organization.or_else(|| "stand-in".parse().ok())?,
        organization_id,
        project: project.or_else(|| "stand-in".parse().ok())?,
        issuer,
        audience,
        azp: reader.text(table, &top, keys::AZP).map(|(azp, _)| azp.to_owned()),
        verification: verification?,
        pipeline,
        environments: sketches.iter().map(|sketch| sketch.environment.clone()).collect(),
    };
    if !reader.is_full() {
        contradictions(reader, &federation, &sketches);
    }
    Some(federation)
}

/// A name that must be there.
pub(super) fn required<T: std::str::FromStr<Err = crate::domain::names::Refused>>(
    reader: &mut Reader<'_>,
    table: &dyn TableLike,
    place: &Place,
    key: Key,
) -> Option<T> {
    if table.contains_key(key.name) {
        return reader.name(table, place, key);
    }
    reader.missing(place, key);
    None
}

fn organization_id(reader: &mut Reader<'_>, table: &Table, top: &Place) -> Option<Uuid> {
    let key = keys::ORGANIZATION_ID;
    let (text, span) = reader.text(table, top, key)?;
    let accepted = "a GUID such as 7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34, not all zeros";
    match Uuid::parse_str(text.trim()) {
        Ok(id) if !id.is_nil() => return Some(id),
        Ok(_) => {
            let wrong = Wrong::new(
                "the GUID of all zeros is no organisation's",
                "remove the key: keyless discovers the id",
            );
            reader.wrong(&span, top.key(key.name), wrong.accepted(accepted));
        }
        Err(_) => {
            let wrong = Wrong::new(
                format!("`{}` is no GUID", shown(text)),
                "correct it, or remove the key: keyless discovers the id",
            );
            reader.wrong(&span, top.key(key.name), wrong.accepted(accepted));
        }
    }
    None
}

fn audience(reader: &mut Reader<'_>, table: &Table, top: &Place) -> String {
    let key = keys::AUDIENCE_KEY;
    let Some((text, span)) = reader.text(table, top, key) else { return AUDIENCE.to_owned() };
    if is_line(text) && !text.contains(char::is_whitespace) && text.len() <= 255 {
        return text.to_owned();
    }
    let wrong = Wrong::new(
        format!("`{}` is no audience", shown(text)),
        format!("remove the key: Azure DevOps uses {AUDIENCE}"),
    );
    reader.wrong(&span, top.key(key.name), wrong.accepted("1 to 255 characters without blanks"));
    AUDIENCE.to_owned()
}

fn verification(reader: &mut Reader<'_>, table: &Table, top: &Place) -> Option<Verification> {
    let mut found = Verification {
        repository: defaults::VERIFICATION.parse::<RepositoryName>().ok()?,
        branch: None,
        pipeline: defaults::VERIFICATION.to_owned(),
        queue: None,
    };
    let Some(item) = table.get("verification") else { return Some(found) };
    let Some(table) = item.as_table_like() else {
        let key =
            Key { name: "verification", about: "", example: "{ repository = \"keyless-verification\" }" };
        reader.wrong_type(item, top, key, "a table");
        return Some(found);
    };
    let place = Place { path: "verification".to_owned(), span: item.span().unwrap_or(0..0) };
    reader.unknown(table, &place, keys::VERIFICATION.map(|key| key.name));
    if let Some(repository) = reader.name(table, &place, keys::REPOSITORY) {
        found.repository = repository;
    }
    if let Some(pipeline) = reader.line(table, &place, keys::PIPELINE) {
        found.pipeline = pipeline;
    }
    found.queue = reader.line(table, &place, keys::QUEUE);
    if let Some((text, span)) = reader.text(table, &place, keys::BRANCH) {
        match text.parse::<BranchPattern>() {
            Ok(branch) if branch.prefix().is_none() => found.branch = Some(branch.to_string()),
            _ => {
                let wrong = Wrong::new(
                    format!("`{}` is no branch name", shown(text)),
                    format!("write it as `branch = {}`", keys::BRANCH.example),
                );
                reader.wrong(
                    &span,
                    place.key("branch"),
                    wrong.accepted("one branch, without refs/heads/ and without *"),
                );
            }
        }
    }
    Some(found)
}

/// Every environment, whole or with stand-ins for what is wrong.
fn environments(reader: &mut Reader<'_>, top: &Table, pipeline: Option<&Deployment>) -> Vec<Sketch> {
    let required = [keys::NAME, keys::ACCOUNT, keys::REGION, keys::SIGN_IN];
    let Some(item) = top.get("environments") else {
        reader.missing.extend(required.iter().map(|key| format!("environments.{}", key.name)));
        return Vec::new();
    };
    let tables = tables(item);
    let Some(tables) = tables else {
        let span = item.span().unwrap_or(0..0);
        let wrong = Wrong::new(
            "must be a list of tables",
            "write one `[[environments]]` for each, with double brackets",
        );
        reader.wrong(&span, "environments".to_owned(), wrong);
        return Vec::new();
    };
    let mut found: Vec<Sketch> = Vec::new();
    for (index, (table, span)) in tables.into_iter().enumerate() {
        found.extend(read_environment(reader, table, (index, span), pipeline));
        // What else is wrong would not be listed.
        if reader.is_full() {
            break;
        }
    }
    if found.is_empty() {
        reader.missing.extend(required.iter().map(|key| format!("environments.{}", key.name)));
    }
    found
}

/// The tables of `[[environments]]` or `environments = [{…}]`; none when something in it is no table.
fn tables(item: &Item) -> Option<Vec<(&dyn TableLike, Span)>> {
    if let Some(tables) = item.as_array_of_tables() {
        let all = tables.iter().map(|table| (table as &dyn TableLike, table.span().unwrap_or(0..0)));
        return Some(all.collect());
    }
    item.as_array()?
        .iter()
        .map(|value| {
            let table = value.as_inline_table()?;
            Some((table as &dyn TableLike, value.span().unwrap_or(0..0)))
        })
        .collect()
}

/// Adds what is wrong with the answers together, as far as the single answers can be relied on.
fn contradictions(reader: &mut Reader<'_>, federation: &Federation, sketches: &[Sketch]) {
    let nameless = sketches.iter().any(|sketch| sketch.unsure.contains(keys::NAME.name));
    let environments_wrong = reader.found("environments");
    for Contradiction { environment, field, text } in federation.contradictions() {
        let Some(sketch) = environment.and_then(|index| sketches.get(index)) else {
            if field == "pipeline" {
                let wrong = Wrong::new(text, "correct the table `[pipeline]`");
                reader.wrong(&(0..0), field.to_owned(), wrong);
                continue;
            }
            if !environments_wrong {
                let wrong =
                    Wrong::new(text, "add a table `[[environments]]` with name, account, region and sign-in");
                reader.wrong(&(0..0), field.to_owned(), wrong);
            }
            continue;
        };
        let follows = |sign_in: &SignIn| matches!(sign_in, SignIn::AssumeRole { .. });
        if sketch.doubts(field) || (nameless && field == "sign-in" && follows(&sketch.environment.sign_in)) {
            continue;
        }
        let span = sketch.spans.get(field).unwrap_or(&sketch.place.span).clone();
        let (accepted, fix) = advice(field);
        let mut wrong = Wrong::new(text, fix);
        wrong.accepted = accepted.map(str::to_owned);
        reader.wrong(&span, sketch.place.key(field), wrong);
    }
}

/// What is accepted and what to do, for a contradiction in a field.
fn advice(field: &str) -> (Option<&'static str>, &'static str) {
    match field {
        "name" => (None, "rename one of the two environments"),
        "gates" => (None, "give one of the two its own `gates = { environment = \"…\" }`"),
        "secrets" => (None, "remove it here, or name a group that you have made yourself"),
        "connection" => (None, "give one of the two its own `connection = \"…\"`"),
        "role" => (None, "give one of the two its own `role = \"…\"`"),
        "user" => (None, "give one of the two its own `user = \"…\"`"),
        "region" => (None, "correct the region or the account"),
        "permissions" => (None, "say it once, under `deploy` or under `permissions`"),
        "session-hours" => (Some("a whole number from 1 to 12"), "write it as `session-hours = 1`"),
        "sign-in" => (
            Some("a role of this environment's account, and another environment that signs in by itself"),
            "write it as `sign-in = { assume-role = \"arn:aws:iam::ACCOUNT:role/NAME\", from = \"dev\" }`",
        ),
        "boundary" | "managed-policies" => (
            Some("managed policies of this account or of AWS, in this partition"),
            "correct the ARN, or remove it",
        ),
        _ => (None, "correct it"),
    }
}

/// Spans of a table's values by key, for problems found later.
pub(super) fn spans(table: &dyn TableLike) -> std::collections::BTreeMap<String, Span> {
    table
        .iter()
        .filter_map(|(name, item)| Some((name.to_owned(), item.span().or_else(|| key_span(table, name))?)))
        .collect()
}

/// Keys whose value is a stand-in.
pub(super) type Unsure = BTreeSet<&'static str>;
