//! Golden files of every preset and flow: what is written, and that others take it. `UPDATE_GOLDEN=1` writes them anew.

use std::path::{Path, PathBuf};

use keyless::domain::deploy::{Deployment, Flow, render};

use super::answers::{deployment, flows, optional, presets};
use crate::independent::Judges;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pipelines")
}

/// Every golden file with its answers.
fn all() -> Vec<(String, Deployment)> {
    let mut all = Vec::new();
    for preset in presets() {
        for flow in flows() {
            all.push((format!("{}-{}.yml", preset.name(), flow), deployment(preset.clone(), flow)));
        }
        all.push((format!("{}-optional.yml", preset.name()), optional(preset)));
    }
    all
}

#[test]
fn every_preset_and_flow_is_written_as_its_golden_file_says() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    for (name, deployment) in all() {
        let text = render(&deployment).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(text, render(&deployment).unwrap(), "{name}: the same answers give the same text");
        let file = folder().join(&name);
        if update {
            std::fs::write(&file, &text).unwrap();
        } else if std::fs::read_to_string(&file).ok().as_deref() != Some(text.as_str()) {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "not as in tests/golden/pipelines (UPDATE_GOLDEN=1 writes them): {wrong:?}");
}

#[test]
fn there_is_no_golden_file_that_nothing_writes() {
    let known: Vec<String> = all().into_iter().map(|(name, _)| name).collect();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name), "{name} belongs to no preset and flow");
    }
}

/// Microsoft's schema of pipeline YAML and the tasks' own declarations take every one of them as it lies there.
#[test]
fn the_published_schema_takes_every_golden_file() {
    let Some(judges) = Judges::find("golden pipelines") else { return };
    let files: Vec<PathBuf> = all().into_iter().map(|(name, _)| folder().join(name)).collect();
    let mut check = judges.python();
    let output = check.arg(judges.contracts.join("check_yaml.py")).args(&files).output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches(" VALID").count(), files.len(), "{said}");
}

/// A script that bash does not take would fail only in the first run.
#[cfg(unix)]
#[test]
fn bash_takes_every_script() {
    let mut scripts: Vec<String> = Vec::new();
    for (name, deployment) in all() {
        let text = render(&deployment).unwrap();
        let yaml: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let before = scripts.len();
        collect(&yaml, &mut scripts);
        assert!(scripts.len() > before, "{name}");
    }
    scripts.sort();
    scripts.dedup();
    assert!(scripts.len() > 20, "{}", scripts.len());
    let home = tempfile::tempdir().unwrap();
    for (at, script) in scripts.iter().enumerate() {
        let file = home.path().join(format!("{at}.sh"));
        std::fs::write(&file, script).unwrap();
        let output = std::process::Command::new("bash").arg("-n").arg(&file).output().unwrap();
        assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
    }
}

fn collect(yaml: &serde_json::Value, scripts: &mut Vec<String>) {
    match yaml {
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, scripts)),
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str().filter(|_| key == "bash" || key == "inlineScript") {
                    Some(script) => scripts.push(script.to_owned()),
                    None => collect(value, scripts),
                }
            }
        }
        _ => {}
    }
}

/// A shorter name for the tests beside this one.
pub fn rendered(preset: &keyless::domain::deploy::Preset, flow: Flow) -> String {
    render(&deployment(preset.clone(), flow)).unwrap()
}
