//! `keyless pipeline` asks: what deploys, what becomes of a file that is there, whether the answers are kept.

#![cfg(unix)]

use std::path::Path;

use crate::support::pty::Terminal;

/// Answers that say nothing of a pipeline.
pub const ANSWERS: &str = "answers.toml";

/// Writes them into a folder that is a repository.
pub fn answers(folder: &Path) {
    let of = |name: &str, account: &str, profile: &str| {
        format!(
            "\n[[environments]]\nname = \"{name}\"\naccount = \"{account}\"\nregion = \"eu-west-1\"\n\
             sign-in = {{ profile = \"{profile}\" }}\n"
        )
    };
    let text = format!(
        "# Ours.\norganization = \"contoso\"\nproject = \"payments\"\n{}{}{}protected = true\n",
        of("dev", "111122223333", "contoso-dev"),
        of("staging", "444455556666", "contoso-stg"),
        of("prod", "777788889999", "contoso-prod")
    );
    std::fs::create_dir(folder.join(".git")).unwrap();
    std::fs::write(folder.join(ANSWERS), text).unwrap();
}

/// One call, answered step by step: its exit code, the screen at its end and everything written. Its terminal is closed: only
/// few can be open at once.
#[track_caller]
fn ask(folder: &Path, steps: &[(&str, &str)]) -> (u32, String, String) {
    let arguments = ["--sandbox", "--config", ANSWERS, "pipeline"];
    let mut terminal = Terminal::keyless(folder, &arguments, (80, 24), &[]);
    // A sentence counts wherever its lines are broken.
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    for (sentence, keys) in steps {
        terminal.until(sentence, |text| squeezed(text).contains(&squeezed(sentence)));
        terminal.keys(keys);
    }
    let code = terminal.ended();
    let written = String::from_utf8_lossy(&terminal.written()).into_owned();
    (code, terminal.text(), written)
}

const WHICH: &str = "What deploys? Type one of";
const SAVES: &str = "Save [pipeline] to";

#[test]
fn what_deploys_is_asked_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    answers(folder.path());
    let saved = || std::fs::read_to_string(folder.path().join(ANSWERS)).unwrap();
    let (code, text, _) = ask(folder.path(), &[(WHICH, "make\r")]);
    assert_eq!(code, 2, "{text}");
    let (code, text, _) = ask(folder.path(), &[(WHICH, "terraform\r"), (SAVES, "later\r")]);
    assert_eq!(code, 0, "{text}");
    assert!(!saved().contains("[pipeline]"));
    let again = [(WHICH, "terraform\r"), ("holds exactly this already", ""), (SAVES, "yes\r")];
    let (code, text, _) = ask(folder.path(), &again);
    assert_eq!(code, 0, "{text}");
    assert!(saved().contains("tool = \"terraform\"") && saved().starts_with("# Ours."), "{}", saved());
    // Now that it is known, nothing is asked.
    let (code, text, _) = ask(folder.path(), &[]);
    assert!(code == 0 && !text.contains("What deploys?"), "{text}");
}

#[test]
fn another_file_is_shown_and_stays_whatever_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    answers(folder.path());
    let path = folder.path().join(ANSWERS);
    let text = std::fs::read_to_string(&path).unwrap();
    let pipeline = "\n[pipeline]\nrepository = \"payments\"\ntool = \"script\"\n";
    std::fs::write(&path, text + pipeline).unwrap();
    let file = folder.path().join("azure-pipelines.yml");
    let beside = folder.path().join("azure-pipelines.keyless.yml");
    std::fs::write(&file, "trigger: none\n").unwrap();

    let asked = "is another file, and is never overwritten. Type new to write";
    let (code, text, all) = ask(folder.path(), &[(asked, "no\r"), ("Nothing was changed.", "")]);
    assert_eq!(code, 0, "{text}");
    assert!(all.contains("- trigger: none") && all.contains("# Written by keyless"), "{all}");
    assert!(!beside.exists());
    let (code, text, _) = ask(folder.path(), &[("pr to open a pull request", "new\r")]);
    assert_eq!(code, 0, "{text}");
    assert!(std::fs::read_to_string(&beside).unwrap().starts_with("# Written by keyless"));
    let steps = [
        ("pr to open a pull request", "pr\r"),
        ("Apply this? Type yes to approve", "yes\r"),
        ("pull request: http", ""),
    ];
    let (code, text, _) = ask(folder.path(), &steps);
    assert_eq!(code, 0, "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "trigger: none\n");
}
