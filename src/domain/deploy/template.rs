//! Templates of `assets/pipelines/`: sections of steps, and placeholders that are filled through one pen.

use std::collections::BTreeMap;

use super::check::Problem;
use super::deployment::Preset;
use super::value::scalar;

/// What placeholders stand for; none: lines that ask for it are left out.
pub(super) type Filling = BTreeMap<&'static str, Option<String>>;

/// A template: one section of steps a key, in YAML.
#[derive(Debug, Clone, Copy)]
pub(super) struct Template {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

/// Steps that every preset shares.
pub(super) const COMMON: Template =
    Template { name: "common", text: include_str!("../../../assets/pipelines/common.yml") };

/// The frontend's steps stand with Amplify Hosting; Gen 2 uses them too.
pub(super) const FRONTEND: Template =
    Template { name: "amplify-hosting", text: include_str!("../../../assets/pipelines/amplify-hosting.yml") };

/// The presets' own templates.
const PRESETS: [Template; 7] = [
    Template { name: "cdk", text: include_str!("../../../assets/pipelines/cdk.yml") },
    Template { name: "terraform", text: include_str!("../../../assets/pipelines/terraform.yml") },
    Template { name: "amplify-gen2", text: include_str!("../../../assets/pipelines/amplify-gen2.yml") },
    FRONTEND,
    Template { name: "amplify-upload", text: include_str!("../../../assets/pipelines/amplify-upload.yml") },
    Template { name: "cloudformation", text: include_str!("../../../assets/pipelines/cloudformation.yml") },
    Template { name: "script", text: include_str!("../../../assets/pipelines/script.yml") },
];

/// The preset's own template.
///
/// # Errors
/// There is none of its name.
pub(super) fn of(preset: &Preset) -> Result<Template, Problem> {
    let found = PRESETS.into_iter().find(|template| template.name == preset.name());
    found.ok_or_else(|| Problem::Template { template: preset.name(), name: "its file".to_owned() })
}

/// What a template says of itself: the comment at its beginning.
pub(super) fn about(template: Template) -> impl Iterator<Item = &'static str> {
    template.text.lines().take_while(|line| line.starts_with('#'))
}

/// The steps of one section, filled in; empty when the template has no such section. Lines are without the section's own
/// indentation.
///
/// # Errors
/// A placeholder that nobody knows.
pub(super) fn section(template: Template, name: &str, filling: &Filling) -> Result<Vec<String>, Problem> {
    let head = format!("{name}:");
    let inside = template.text.lines().skip_while(|line| *line != head).skip(1);
    let mut lines = Vec::new();
    for line in inside.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        let line = line.strip_prefix("  ").unwrap_or(line);
        if let Some(line) = fill(template, line, filling)? {
            lines.push(line);
        }
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    Ok(without_empty(&lines))
}

/// The lines without an `env:` under which nothing is left.
fn without_empty(lines: &[String]) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let kept = lines.iter().enumerate().filter(|(at, line)| {
        let below = lines.get(at + 1).is_some_and(|next| indent(next) > indent(line));
        line.trim() != "env:" || below
    });
    kept.map(|(_, line)| line.clone()).collect()
}

/// Fills in one line: its whole scalar is put together first and quoted then.
fn fill(template: Template, line: &str, filling: &Filling) -> Result<Option<String>, Problem> {
    let Some(at) = line.find("{{") else { return Ok(Some(line.to_owned())) };
    let begin = line[..at].rfind(": ").map(|colon| colon + 2);
    let begin = begin.or_else(|| line[..at].rfind("- ").map(|dash| dash + 2)).unwrap_or(at);
    let (head, mut rest) = line.split_at(begin);
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once("{{") {
        let unknown = || Problem::Template { template: template.name, name: after.to_owned() };
        let (name, end) = after.split_once("}}").ok_or_else(unknown)?;
        let unknown = || Problem::Template { template: template.name, name: name.to_owned() };
        let Some(value) = filling.get(name).ok_or_else(unknown)? else { return Ok(None) };
        text.push_str(before);
        text.push_str(value);
        rest = end;
    }
    text.push_str(rest);
    Ok(Some(format!("{head}{}", scalar(&text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files as YAML: placeholders are only where a whole scalar is filled in, never inside a script.
    #[test]
    fn no_placeholder_stands_inside_a_script() {
        for Template { name, text } in PRESETS.into_iter().chain([COMMON]) {
            let mut filled = 0;
            for line in text.lines().filter(|line| line.contains("{{")) {
                let trimmed = line.trim_start().trim_start_matches("- ");
                let (key, _) = trimmed.split_once(": ").unwrap_or_else(|| panic!("{name}: {line}"));
                assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{name}: {line}");
                filled += 1;
            }
            assert!(filled > 0, "{name}");
            let quoted = text.replace("{{", "<<").replace("}}", ">>");
            let read: serde_json::Value = serde_saphyr::from_str(&quoted).unwrap();
            let mut scripts = 0;
            visit(&read, &mut |text| {
                if text.contains('\n') {
                    assert!(!text.contains("<<") || text.contains("<<<"), "{name}: {text}");
                    assert!(text.starts_with("set -euo pipefail\n"), "{name}: {text}");
                    scripts += 1;
                }
            });
            assert!(scripts > 0, "{name}");
        }
    }

    fn visit(value: &serde_json::Value, look: &mut impl FnMut(&str)) {
        match value {
            serde_json::Value::String(text) => look(text),
            serde_json::Value::Array(items) => items.iter().for_each(|item| visit(item, look)),
            serde_json::Value::Object(fields) => fields.values().for_each(|item| visit(item, look)),
            _ => {}
        }
    }

    #[test]
    fn a_line_without_its_value_is_left_out() {
        let template = Template {
            name: "t",
            text: "# about\none:\n  - a: {{x}}\n    b: v {{y}} w\n    c: {{none}}\n\ntwo:\n  - d: {{nobody}}\n",
        };
        let filling = Filling::from([
            ("x", Some("it's: \"x\"".to_owned())),
            ("y", Some("12".to_owned())),
            ("none", None),
        ]);
        let lines = section(template, "one", &filling).unwrap();
        assert_eq!(lines, ["- a: 'it''s: \"x\"'", "  b: v 12 w"]);
        assert!(section(template, "two", &filling).unwrap_err().to_string().contains("nobody"));
        assert!(section(template, "three", &filling).unwrap().is_empty());
    }
}
