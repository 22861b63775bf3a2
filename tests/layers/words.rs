//! README and ready-made policy say what the code does.

use std::collections::BTreeSet;

use clap::CommandFactory;
use keyless::cli::Cli;
use keyless::explain::Exit;
use keyless::steps::rights::SETUP_ACTIONS;
use serde_json::Value;

fn read(place: &str) -> String {
    std::fs::read_to_string(super::root().join(place)).unwrap_or_else(|error| panic!("{place}: {error}"))
}

/// The first code block of a language.
fn block<'a>(text: &'a str, language: &str) -> &'a str {
    let fence = format!("```{language}\n");
    let begin = text.find(&fence).expect("a block") + fence.len();
    &text[begin..begin + text[begin..].find("```").expect("its end")]
}

#[test]
fn the_example_of_the_readme_is_taken() {
    let readme = read("README.md");
    let answers = keyless::config::parse(block(&readme, "toml"), "README.md").expect("answers");
    assert_eq!(answers.environments.len(), 3);
}

#[test]
fn every_command_and_flag_stands_in_the_readme() {
    let readme = read("README.md");
    let command = Cli::command();
    let mut missing = Vec::new();
    for sub in command.get_subcommands() {
        let deeper: Vec<String> = sub
            .get_subcommands()
            .map(|inner| format!("keyless {} {}", sub.get_name(), inner.get_name()))
            .collect();
        let names = if deeper.is_empty() { vec![format!("keyless {}", sub.get_name())] } else { deeper };
        missing.extend(names.into_iter().filter(|name| !readme.contains(&format!("`{name}"))));
    }
    let flags = command
        .get_arguments()
        .filter_map(|flag| flag.get_long())
        .filter(|flag| !["help", "version"].contains(flag));
    missing.extend(
        flags.map(|flag| format!("--{flag}")).filter(|flag| !readme.contains(flag) && flag != "--verbose"),
    );
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_readme_lists_every_exit_code() {
    let readme = read("README.md");
    let listed: Vec<u8> =
        readme.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()?.parse().ok()).collect();
    let all = [
        Exit::Done,
        Exit::Findings,
        Exit::BadInput,
        Exit::Denied,
        Exit::Unreachable,
        Exit::Stale,
        Exit::Interrupted,
    ];
    assert_eq!(listed, all.map(Exit::code));
}

#[test]
fn files_that_the_readme_names_are_there() {
    let readme = read("README.md");
    let named =
        readme.split('`').skip(1).step_by(2).filter(|word| {
            ["assets/", "src/", "tests/", ".ci/"].iter().any(|folder| word.starts_with(folder))
        });
    for place in named {
        assert!(super::root().join(place).exists(), "{place} is not there");
    }
}

/// What AWS is asked for: the actions that the client names at its calls, and those that are looked up beforehand.
fn asked() -> BTreeSet<String> {
    let mut asked: BTreeSet<String> = SETUP_ACTIONS.map(str::to_owned).into_iter().collect();
    for (_, text) in super::files(&super::root().join("src/cloud/aws")) {
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        let literals = product.split('"').skip(1).step_by(2);
        asked.extend(
            literals
                // Of STS, only this one is a right that has to be given.
                .filter(|text| {
                    ["iam:", "cloudtrail:", "s3:", "kms:", "ssm:", "dynamodb:", "amplify:"]
                        .iter()
                        .any(|service| text.starts_with(service))
                        || *text == "sts:GetAccessKeyInfo"
                })
                .map(str::to_owned),
        );
    }
    asked
}

#[test]
fn the_operator_policies_allow_what_is_asked_and_no_more() {
    let mut allowed = BTreeSet::new();
    for name in ["operator", "rotation", "pipeline"] {
        let policy: Value =
            serde_json::from_str(&read(&format!("assets/iam/keyless-{name}.json"))).expect("JSON");
        let mut own = BTreeSet::new();
        for statement in policy["Statement"].as_array().expect("statements") {
            assert_eq!(statement["Effect"], "Allow");
            for action in statement["Action"].as_array().expect("a list") {
                let action = action.as_str().expect("an action").to_owned();
                assert!(own.insert(action.clone()), "{action} stands twice in {name}");
            }
        }
        // Each is attached beside the operator's; the others may share what they both need.
        allowed.extend(own);
    }
    let asked = asked();
    assert!(asked.len() > SETUP_ACTIONS.len(), "the calls of src/cloud/aws are not understood");
    assert_eq!(allowed, asked);
}
