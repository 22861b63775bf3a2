//! Flags that do nothing together are refused before anything is begun: nobody is left to think that they were heard.

use std::path::Path;

use crate::cli::{Begin, Cli, Command, Format, Half, Wait, Yes};
use crate::domain::failure::{Code, Failure, Result};
use crate::explain::Invocation;

/// Refuses flags that would have no effect beside the others.
///
/// # Errors
/// There are some; the failure names them, why, and what is accepted, as it would be typed after this call.
pub fn check(cli: &Cli, full_screen: bool, invocation: &Invocation) -> Result<()> {
    together(cli, full_screen).map_err(|mut failure| {
        failure.evidence.iter_mut().for_each(|evidence| evidence.value = invocation.dress(&evidence.value));
        failure
    })
}

fn together(cli: &Cli, full_screen: bool) -> Result<()> {
    begin(&cli.begin, cli.command.is_some(), full_screen)?;
    match &cli.command {
        Some(Command::Setup { answers: Some(_), .. }) if cli.global.config.is_some() => {
            Err(refused(&["--config"], "--answers names the answers already", "one of the two"))
        }
        Some(Command::Verify { denial: true, only: Some(_), .. }) => Err(refused(
            &["--only"],
            "a denial proof needs both sides: it holds for the trust as it is, and is a run",
            "`keyless verify --denial`",
        )),
        Some(Command::Verify { only: Some(Half::Aws), .. }) => Err(refused(
            &["--only aws"],
            "a proof is a run in Azure DevOps",
            "`keyless verify --only azure-devops`, or both sides: `keyless verify`",
        )),
        Some(Command::Export { format: Some(Format::CloudFormation | Format::Terraform), only, .. })
            if *only == Half::AzureDevops =>
        {
            Err(refused(
                &["--only azure-devops"],
                "CloudFormation and Terraform are written for AWS only",
                "`keyless export --format plan --only azure-devops`",
            ))
        }
        Some(Command::Doctor { environments, only, fix, matrix, log, run, yes, wait }) => doctor(&Doctor {
            environments: !environments.is_empty(),
            only: only.is_some(),
            fix: *fix,
            matrix: *matrix,
            log: log.as_deref(),
            run: run.is_some(),
            yes,
            wait: *wait,
        }),
        _ => Ok(()),
    }
}

fn refused(without_effect: &[&str], why: &str, accepted: &str) -> Failure {
    Failure::new(Code::Flags)
        .with("without effect", without_effect.join(", "))
        .with("why", why)
        .with("accepted", accepted)
}

/// Those of `given` that are there.
fn there<'a>(given: &[(bool, &'a str)]) -> Vec<&'a str> {
    given.iter().filter(|(given, _)| *given).map(|(_, flag)| *flag).collect()
}

/// The full screen's own flags: it opens without a command, on a terminal that can draw.
fn begin(begin: &Begin, command: bool, full_screen: bool) -> Result<()> {
    let given = there(&[
        (begin.refresh.is_some(), "--refresh"),
        (begin.no_mouse, "--no-mouse"),
        (begin.record.is_some(), "--record"),
    ]);
    match (given.is_empty(), command) {
        (true, _) => Ok(()),
        (false, true) => Err(refused(
            &given,
            "they are the full screen's, which opens without a command",
            "the command without them; keyless with them and no command",
        )),
        (false, false) if full_screen => Ok(()),
        (false, false) => Err(refused(
            &given,
            "they are the full screen's, and this call gets lines",
            "a terminal that can draw, without --plain, --accessible and --json",
        )),
    }
}

/// What was given to the doctor.
struct Doctor<'a> {
    environments: bool,
    only: bool,
    fix: bool,
    matrix: bool,
    log: Option<&'a Path>,
    run: bool,
    yes: &'a Yes,
    wait: Wait,
}

/// The doctor looks at the clouds, at a log, at a run or at the matrix; only `--fix` writes, and so takes approval.
fn doctor(given: &Doctor<'_>) -> Result<()> {
    let Doctor { environments, only, fix, matrix, log, run, yes, wait } = given;
    let approval = [
        (yes.yes, "--yes"),
        (!yes.confirm.is_empty(), "--confirm"),
        (!yes.confirm_subject.is_empty(), "--confirm-subject"),
        (wait.wait.is_some(), "--wait"),
    ];
    let (why, accepted, others) = match (log, run, matrix, fix) {
        (Some(_), ..) => (
            "--log reads that text and nothing else",
            "`keyless doctor --log FILE`",
            vec![
                (*environments, "names of environments"),
                (*only, "--only"),
                (*fix, "--fix"),
                (*matrix, "--matrix"),
                (*run, "--run"),
            ],
        ),
        (None, true, ..) => (
            "--run reads that one run and nothing else",
            "`keyless doctor --run URL`",
            vec![
                (*environments, "names of environments"),
                (*only, "--only"),
                (*fix, "--fix"),
                (*matrix, "--matrix"),
            ],
        ),
        (None, false, true, _) => (
            "--matrix only reads, and needs both sides",
            "`keyless doctor --matrix`, also with names of environments; `keyless doctor --fix` heals",
            vec![(*only, "--only"), (*fix, "--fix")],
        ),
        (None, false, false, false) => {
            ("without --fix the doctor only reads", "`keyless doctor --fix --yes`", Vec::new())
        }
        (None, false, false, true) => return Ok(()),
    };
    let given = there(&[others.as_slice(), &approval].concat());
    if given.is_empty() { Ok(()) } else { Err(refused(&given, why, accepted)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use clap::Parser;

    use super::*;

    fn told(line: &str) -> Option<String> {
        let words = std::iter::once("keyless").chain(line.split_whitespace());
        let failure = together(&Cli::try_parse_from(words).unwrap(), true).err()?;
        assert_eq!(failure.code, Code::Flags, "{line}");
        assert!(failure.evidence("accepted").is_some_and(|accepted| !accepted.is_empty()), "{line}");
        failure.evidence("without effect").map(str::to_owned)
    }

    #[test]
    fn flags_without_effect_are_named() {
        for (line, flags) in [
            ("doctor --yes", "--yes"),
            ("doctor dev --confirm-subject sc://a/b/c --confirm prod", "--confirm, --confirm-subject"),
            ("doctor --wait 5", "--wait"),
            ("doctor dev --log x.log", "names of environments"),
            ("doctor --log - --run 5 --fix --yes", "--fix, --run, --yes"),
            ("doctor --run 5 --only aws --matrix", "--only, --matrix"),
            ("doctor --matrix --fix --yes", "--fix, --yes"),
            ("setup --answers a.toml --config b.toml", "--config"),
            ("verify --denial --only azure-devops", "--only"),
            ("verify --only aws", "--only aws"),
            ("export --format terraform --only azure-devops", "--only azure-devops"),
            ("--record f --no-mouse status", "--no-mouse, --record"),
        ] {
            assert_eq!(told(line).as_deref(), Some(flags), "{line}");
        }
    }

    #[test]
    fn flags_that_work_together_are_left_alone() {
        for line in [
            "",
            "--record f --refresh 5",
            "doctor",
            "doctor dev --only aws",
            "doctor dev --fix --yes --confirm dev --confirm-subject sc://a/b/c --wait 5",
            "doctor dev --matrix",
            "doctor --log x.log",
            "doctor --run 5",
            "setup --answers a.toml --yes",
            "verify --denial --yes",
            "verify --only azure-devops",
            "export --format terraform",
            "export --format plan --only azure-devops",
        ] {
            assert_eq!(told(line), None, "{line}");
        }
    }

    #[test]
    fn lines_have_no_use_for_the_flags_of_the_full_screen() {
        let cli = Cli::try_parse_from(["keyless", "--plain", "--refresh", "5"]).unwrap();
        assert_eq!(together(&cli, false).unwrap_err().evidence("without effect"), Some("--refresh"));
    }
}
