//! `Federation` → a new `keyless.toml`: every key explained in one line, defaults as comments.

use std::fmt::Write as _;

use toml_edit::{Array, InlineTable, Value};

use super::keys::{self, Entry, Held};
use crate::domain::federation::{Federation, Options};

const HEAD: &str = "\
# keyless.toml: how the pipelines of one Azure DevOps project reach AWS without stored keys.
# Commit it. It holds no secret. Change it and run `keyless setup` again.
# A line such as `# role = \"…\"` shows a default: remove the `# ` to set another value.
";

/// The file for a federation that has none yet. [`parse`](super::parse()) reads it back to an equal federation.
pub fn render(federation: &Federation) -> String {
    let mut text = HEAD.to_owned();
    section(&mut text, &keys::federation(federation), true);
    text.push_str(
        "\n# How keyless proves that an environment works: a small pipeline of its own.\n[verification]\n",
    );
    section(&mut text, &keys::verification(&federation.verification), true);
    if let Some(pipeline) = &federation.pipeline {
        text.push_str("\n# The pipeline that deploys: `keyless pipeline` writes it, `keyless setup` makes its gates.\n[pipeline]\n");
        let mut entries = keys::deployment(pipeline);
        // What another tool would need to know is no part of this file.
        entries
            .retain(|entry| super::deploys::means_something(Options::tools(entry.key.name), pipeline.tool));
        section(&mut text, &entries, true);
    }
    let own = federation.environments.iter().filter(|environment| !environment.is_reading());
    for (index, environment) in own.enumerate() {
        text.push_str(match index {
            0 => "\n# One table for each AWS account and region that pipelines deploy to, in promotion order.\n",
            1 => "\n# The keys are explained above, at the first environment.\n",
            _ => "\n",
        });
        text.push_str("[[environments]]\n");
        let mut entries = keys::environment(environment, federation.pipeline.as_ref());
        entries.retain(|entry| {
            environment.authentication.by_keys() || !keys::OF_ACCESS_KEYS.contains(&entry.key)
        });
        section(&mut text, &entries, index == 0);
    }
    text
}

/// The entries of one table. The last is always written, never a comment: comments after it would belong to the
/// next table, and move with that one when the file is edited.
fn section(text: &mut String, entries: &[Entry], explain: bool) {
    for (index, Entry { key, held, default }) in entries.iter().enumerate() {
        if explain {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n# {}\n", key.about);
        }
        let last = index + 1 == entries.len();
        let written = !*default || last;
        let shown = if written { value(held) } else { shown_default(held) };
        let _ = match shown {
            Some(value) if written => writeln!(text, "{} = {value}", key.name),
            Some(value) => writeln!(text, "# {} = {value}", key.name),
            // An example is worth its line once.
            None if explain => writeln!(text, "# {} = {}", key.name, key.example),
            None => Ok(()),
        };
    }
}

/// A default as text; none where an empty one would show nothing and the example says more.
fn shown_default(held: &Held) -> Option<Value> {
    match held {
        Held::List(texts) if texts.is_empty() => None,
        Held::Table(pairs) if pairs.is_empty() => None,
        held => value(held),
    }
}

/// The TOML of a value; none for nothing.
pub(super) fn value(held: &Held) -> Option<Value> {
    Some(match held {
        Held::Nothing => return None,
        Held::Text(text) => Value::from(text.as_str()),
        Held::Flag(flag) => Value::from(*flag),
        Held::Number(number) => Value::from(*number),
        Held::List(texts) => Value::Array(texts.iter().map(String::as_str).collect::<Array>()),
        Held::Table(pairs) => {
            let pairs = pairs.iter().filter_map(|(name, held)| Some((name.as_str(), value(held)?)));
            Value::InlineTable(pairs.collect::<InlineTable>())
        }
    })
}
