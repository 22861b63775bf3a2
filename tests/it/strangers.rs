//! What a stranger stumbled over: hints that do less than they say, flags that nobody heard, a no that looked like a fault.

use super::support::binary::Machine;

#[test]
fn a_hint_does_what_the_call_meant() {
    let machine = Machine::new();
    let told = machine.run(&["--sandbox=half-done", "doctor", "dev", "--only", "aws"]).expect(1).out;
    let whole = "keyless --sandbox=half-done doctor dev --only aws --fix";
    assert!(told.split_whitespace().collect::<Vec<_>>().join(" ").matches(whole).count() > 1, "{told}");
    let json = machine.run(&["--sandbox=half-done", "doctor", "dev", "--only", "aws", "--json"]).expect(1);
    assert!(json.out.contains(whole) && !json.out.contains("doctor --fix"), "{}", json.out);
}

#[test]
fn flags_without_effect_are_refused_before_anything_is_begun() {
    let machine = Machine::new();
    for (arguments, flags) in [
        (["doctor", "--yes", "--confirm-subject=sc://a/b/c"], "--yes, --confirm-subject"),
        (["doctor", "dev", "--log=any.log"], "names of environments"),
        (["doctor", "--matrix", "--fix"], "--fix"),
    ] {
        let refused = machine.run(&[&["--sandbox=half-done"], &arguments[..]].concat()).expect(2);
        assert!(refused.out.is_empty(), "{}", refused.out);
        assert!(refused.err.starts_with("KL-FLAGS: "), "{}", refused.err);
        assert!(
            refused.err.contains(flags)
                && refused.err.contains("accepted: `keyless --sandbox=half-done doctor"),
            "{}",
            refused.err
        );
    }
    assert!(!machine.state().join("practice").exists(), "no practice cloud was opened for them");
}

#[test]
fn a_subject_nobody_wants_is_told_with_the_nearest_one() {
    let machine = Machine::new();
    let before = machine.run(&["--sandbox=renamed", "doctor", "--json"]).expect(1).json();
    let fix = ["--sandbox=renamed", "doctor", "--fix", "--yes", "--confirm-subject"];
    let refused = machine.run(&[&fix[..], &["sc://contoso/payments/aws-Release"]].concat()).expect(2);
    let lines: Vec<&str> = refused.err.lines().map(str::trim).collect();
    for line in [
        "confirmed: sc://contoso/payments/aws-Release",
        "nearest: sc://contoso/payments/AWS-Release",
        "differs: \"aws\" where \"AWS\" belongs (only upper and lower case differ)",
    ] {
        assert!(lines.contains(&line), "{line}: {}", refused.err);
    }
    assert_eq!(machine.run(&["--sandbox=renamed", "doctor", "--json"]).expect(1).json(), before);
    // What is trusted already is no slip.
    let right = "sc://contoso/payments/AWS-Release";
    machine.run(&[&fix[..], &[right]].concat()).expect(0);
    machine.run(&[&fix[..], &[right]].concat()).expect(0);
}

#[test]
fn every_code_is_listed_and_can_be_explained() {
    let machine = Machine::new();
    let listed = machine.run(&["explain", "--json"]).expect(0).json();
    let codes = listed["codes"].as_array().unwrap();
    for (code, kind) in [("KL-TRUST-SUB-CASE", "finding"), ("KL-ENTRA-BLOCKED", "failure")] {
        let known = codes.iter().find(|known| known["code"] == code).unwrap();
        assert_eq!(known["kind"], kind, "{known}");
        assert!(machine.run(&["explain", code]).expect(0).out.starts_with(code));
    }
    let lines = machine.run(&["explain"]).expect(0).out;
    assert!(
        lines.contains("KL-ENTRA-BLOCKED") && lines.lines().all(|line| line.chars().count() <= 80),
        "{lines}"
    );
}

#[test]
fn errors_and_warnings_have_glyphs_and_words_of_their_own() {
    let machine = Machine::new();
    for (command, signs) in
        [("status", &[("✗", "error")][..]), ("doctor", &[("✗", "error"), ("!", "warning")])]
    {
        let told = machine.run(&["--sandbox=half-done", command]).expect(1).out;
        let heads: Vec<&str> = told.lines().filter(|line| line.contains(" KL-")).map(str::trim).collect();
        for (sign, word) in signs {
            let begin = format!("{sign} {word} KL-");
            assert!(heads.iter().any(|line| line.starts_with(&begin)), "{begin}: {told}");
        }
        let pairs = ["✗ error ", "! warning ", "i note "];
        let strays = heads.iter().filter(|line| line.starts_with(['✗', '!', 'i']));
        let mut strays = strays.filter(|line| !pairs.iter().any(|pair| line.starts_with(pair)));
        assert_eq!(strays.next(), None, "{told}");
    }
}

#[cfg(unix)]
mod terminals {
    use super::super::support::pty::Terminal;
    use super::Machine;

    const SIZE: (u16, u16) = (80, 24);

    #[test]
    fn a_no_changes_nothing_and_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let mut doctor =
            Terminal::keyless(folder.path(), &["--sandbox=half-done", "doctor", "--fix"], SIZE, &[]);
        doctor.at("Apply this?", "n\r");
        doctor.shows("Nothing was changed.");
        assert_eq!(doctor.ended(), 1, "what was found stands: {}", doctor.text());
        drop(doctor);
        let plan = ["--sandbox=half-done", "plan", "--out", "plan.json"];
        let mut plan = Terminal::keyless(folder.path(), &plan, SIZE, &[]);
        plan.shows("plan saved");
        assert_eq!(plan.ended(), 0);
        drop(plan);
        let mut apply =
            Terminal::keyless(folder.path(), &["--sandbox=half-done", "apply", "plan.json"], SIZE, &[]);
        apply.at("Apply this?", "n\r");
        apply.shows("Nothing was changed.");
        assert_eq!(apply.ended(), 0, "{}", apply.text());
        assert!(!apply.text().contains("KL-"), "{}", apply.text());
    }

    #[test]
    fn without_a_screen_what_stands_is_told_first() {
        let folder = tempfile::tempdir().unwrap();
        let dumb = [("TERM", "dumb")];
        let mut lines = Terminal::keyless(folder.path(), &["--sandbox=half-done"], SIZE, &dumb);
        lines.shows("What could be done:");
        lines.shows("keyless --sandbox=half-done doctor --fix");
        assert_eq!(lines.ended(), 1, "{}", lines.text());
        drop(lines);
        // Where nothing stands, it asks.
        let mut lines = Terminal::keyless(folder.path(), &["--sandbox"], SIZE, &dumb);
        lines.shows("(1 of ");
        lines.signal("INT");
        assert_eq!(lines.ended(), 130, "{}", lines.text());
    }

    #[test]
    fn lines_fit_a_narrow_terminal() {
        let machine = Machine::new();
        let plain = [("NO_COLOR", "1")];
        for command in [&["doctor"][..], &["status"], &["doctor", "--yes"], &["explain", "KL-TRUST-OPEN"]] {
            let arguments = [&["--sandbox=half-done"], command].concat();
            let mut terminal = Terminal::keyless(machine.root(), &arguments, (60, 24), &plain);
            terminal.ended();
            terminal.until("the end of what it says", |text| !text.trim().is_empty());
            let text = String::from_utf8(terminal.written()).unwrap();
            let wide = |line: &&str| line.chars().count() > 60 && line.split_whitespace().count() > 1;
            let wide: Vec<&str> = text.lines().map(|line| line.trim_end()).filter(wide).collect();
            assert!(wide.is_empty(), "{command:?}: {wide:#?}");
        }
    }
}
