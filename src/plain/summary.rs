//! The end of a run: how it went, what is left, what comes next.

use super::look::{Look, Paint, count};
use super::sheet::{Sheet, plain, span};
use super::{trouble, verdicts};
use crate::domain::failure::{Code, Failure};
use crate::domain::handshake::{Handshake, Verdict};
use crate::domain::names::EnvironmentName;
use crate::explain::{self, Invocation};
use crate::plan::board::{Board, EnvironmentStatus, StepStatus};
use crate::plan::event::{Ended, Outcome};
use crate::plan::file::{HandedOver, Only};
use crate::plan::place as places;

/// The command that makes denial proofs.
const DENIAL: &str = "verify --denial";

/// Verdicts told in full without `-v`.
const IN_FULL: usize = 6;

/// The end of a run as text. `command` is what ran: `setup`, `verify`, `teardown`, …
pub fn summary(board: &Board, command: &str, look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    let tears_down = command == "teardown";
    headline(&mut sheet, board, command);
    if command == DENIAL {
        denials(&mut sheet, board);
    } else if !tears_down {
        unproven(&mut sheet, board);
    }
    failures(&mut sheet, board);
    list(&mut sheet, "Waits for", &board.waiting_for);
    list(&mut sheet, "Stays behind", &board.leftovers);
    if !tears_down && command != DENIAL {
        runs(&mut sheet, board);
    }
    if let Some(half) = &board.handed_over {
        handed_over(&mut sheet, half);
    }
    if let Some(next) = next(board, command, &look.invocation) {
        sheet.gap();
        sheet.flow(&[span(Paint::Strong, "Next: ")], &[plain(next)]);
    }
    sheet.finish()
}

/// What each throw-away connection was answered.
fn denials(sheet: &mut Sheet<'_>, board: &Board) {
    if board.environments.is_empty() {
        return;
    }
    sheet.gap();
    for environment in &board.environments {
        let name = environment.info.name.as_str();
        let (glyph, paint, words, reason) = match &environment.denial {
            Some(denial) => {
                let (glyph, paint) = sheet.look.denial(&denial.verdict);
                (glyph, paint, denial.verdict.words(), denial.verdict.reason())
            }
            None => ("?", Paint::Warn, "not tried", None),
        };
        sheet.line(&[plain("  "), span(paint, glyph), plain(format!(" {name}: ")), span(paint, words)]);
        if let Some(reason) = reason {
            sheet.text(4, &[plain(reason)]);
        }
        if let Some(run) = environment.denial.as_ref().and_then(|denial| denial.run.as_deref()) {
            sheet.whole(&[plain("    run: ")], plain(run));
        }
    }
}

/// What was written for somebody else, and what they do with it. Commands are whole lines, to be copied.
fn handed_over(sheet: &mut Sheet<'_>, half: &HandedOver) {
    let cloud = half.half.cloud();
    sheet.gap();
    sheet.line(&[span(Paint::Strong, format!("For whoever may change {cloud}:"))]);
    let names: Vec<&str> = half.environments.iter().map(EnvironmentName::as_str).collect();
    let names = trouble::enumerated(sheet, &names);
    sheet.flow(
        &[plain("  ")],
        &[plain(format!("the {cloud} side of {names} is written to {}/", half.folder))],
    );
    for way in &half.ways {
        sheet.flow(&[plain("  ")], &[plain(format!("with {}:", way.with))]);
        let shown = if sheet.look.verbose { way.commands.len() } else { way.commands.len().min(IN_FULL) };
        for command in &way.commands[..shown] {
            sheet.whole(&[plain("    ")], plain(command.as_str()));
        }
        if way.commands.len() > shown {
            let rest = way.commands.len() - shown;
            sheet.text(4, &[plain(format!("and {rest} more, in {}/README.md", half.folder))]);
        }
    }
    if !half.missing.is_empty() {
        let missing: Vec<&str> = half.missing.iter().map(EnvironmentName::as_str).collect();
        let missing = trouble::enumerated(sheet, &missing);
        let text =
            format!("not written: {missing}, whose {} side is not set up yet", half.half.other().cloud());
        sheet.flow(&[plain("  ")], &[plain(text)]);
    }
}

/// What is left once one side is done: whoever may use Azure DevOps proves it.
fn proves(board: &Board, invocation: &Invocation) -> Option<String> {
    let half = board.environments.iter().find_map(|environment| environment.info.left_out)?;
    let verify = invocation.dress("keyless verify --only azure-devops");
    Some(match half {
        Only::Aws => format!("{verify}, when the AWS side is done"),
        Only::AzureDevops => format!("{verify}, by whoever may use Azure DevOps, when that side is done too"),
    })
}

fn headline(sheet: &mut Sheet<'_>, board: &Board, command: &str) {
    let writes = count(usize::try_from(board.writes).unwrap_or(usize::MAX), "write", "writes");
    let ended = match board.outcome {
        Some(Outcome::Done) => None,
        Some(Outcome::Waiting) => Some((Paint::Warn, "Goes on later.")),
        Some(Outcome::Failed) => Some((Paint::Bad, "Not everything was done.")),
        Some(Outcome::Stopped) => Some((Paint::Warn, "Stopped, as you asked.")),
        Some(Outcome::Stale) => Some((Paint::Bad, "The plan no longer fitted.")),
        None => Some((Paint::Bad, "Not ended.")),
    };
    let tears_down = command == "teardown";
    let what = match (&board.header, board.environments.len()) {
        (Some(_), 1..) if !tears_down => verdicts::tally(board),
        (Some(header), _) => format!("{command} of {}", header.federation),
        (None, _) => command.to_owned(),
    };
    let done = if tears_down && board.outcome == Some(Outcome::Done) { ": done" } else { "" };
    let mut spans = vec![span(Paint::Strong, format!("{what}{done}.")), plain(format!(" {writes}."))];
    if let Some((paint, text)) = ended {
        spans.extend([plain(" "), span(paint, text)]);
    }
    sheet.text(0, &spans);
}

/// Environments a run was to prove and did not.
fn unproven(sheet: &mut Sheet<'_>, board: &Board) {
    let judged: Vec<(&EnvironmentStatus, &Handshake)> =
        verdicts::unproven(board).into_iter().filter_map(|e| Some((e, e.handshake.as_ref()?))).collect();
    if judged.is_empty() {
        return;
    }
    sheet.gap();
    let shown = if sheet.look.verbose { judged.len() } else { judged.len().min(IN_FULL) };
    for (environment, handshake) in &judged[..shown] {
        let verdict = &handshake.verdict;
        let (glyph, paint) = sheet.look.verdict(Some(verdict));
        let name = environment.info.name.as_str();
        sheet.line(&[
            plain("  "),
            span(paint, glyph),
            plain(format!(" {name}: ")),
            span(paint, verdict.word()),
        ]);
        verdicts::reason(sheet, 4, verdict);
        if let Some(cause) = handshake.finding() {
            let words = explain::finding(&cause).cause;
            sheet.text(4, &[span(Paint::Strong, cause.code.text()), plain(format!(": {words}"))]);
        }
    }
    for verdict in ["failed", "mismatch", "open", "unknown"] {
        let rest = judged[shown..].iter().filter(|(_, h)| h.verdict.word() == verdict);
        let names: Vec<&str> = rest.map(|(e, _)| e.info.name.as_str()).collect();
        if !names.is_empty() {
            let names = trouble::enumerated(sheet, &names);
            sheet.flow(&[plain(format!("  {verdict} too: "))], &[plain(names)]);
        }
    }
}

fn ended(board: &Board) -> impl Iterator<Item = (&StepStatus, &Ended)> {
    board.steps.iter().filter_map(|status| Some((status, status.ended.as_ref()?)))
}

fn failures(sheet: &mut Sheet<'_>, board: &Board) {
    let mut failed: Vec<(String, &Failure)> = Vec::new();
    let mut needs: Vec<(String, String)> = Vec::new();
    let mut left: Vec<(String, String)> = Vec::new();
    for (status, ended) in ended(board) {
        let name = || places::named(&status.info);
        match ended {
            // The verdicts above are this failure.
            Ended::Failed { failure }
                if failure.code == Code::HandshakeFailed && has_verdict(board, status) => {}
            Ended::Failed { failure } => failed.push((name(), failure)),
            Ended::WillNotRun { because } => {
                let cause = board.step(because);
                needs.push((
                    name(),
                    cause.map_or_else(|| because.words(), |cause| places::named(&cause.info)),
                ));
            }
            Ended::Stale { now } => {
                left.push((name(), format!("it is not what it was when the plan was made ({})", now.why)));
            }
            Ended::NotApproved => left.push((name(), "it was not approved".to_owned())),
            Ended::Stopped => left.push((name(), "the run was stopped".to_owned())),
            Ended::Kept | Ended::Applied | Ended::Waiting { .. } => {}
        }
    }
    if failed.is_empty() && needs.is_empty() && left.is_empty() {
        return;
    }
    sheet.gap();
    trouble::failures(sheet, &failed);
    trouble::held_up(sheet, "not done, needs", &needs);
    trouble::held_up(sheet, "left as it is,", &left);
}

fn has_verdict(board: &Board, status: &StepStatus) -> bool {
    let own = |e: &&EnvironmentStatus| status.info.environments.contains(&e.info.name);
    let told = |e: &EnvironmentStatus| e.handshake.as_ref().is_some_and(|h| h.verdict != Verdict::Proven);
    board.environments.iter().filter(own).any(told)
}

fn list(sheet: &mut Sheet<'_>, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    sheet.gap();
    sheet.line(&[span(Paint::Strong, format!("{title}:"))]);
    for item in items {
        sheet.flow(&[plain("  - ")], &[plain(item.as_str())]);
    }
}

/// Pages of the runs that are behind the verdicts, each once.
fn runs(sheet: &mut Sheet<'_>, board: &Board) {
    let mut pages: Vec<&str> = Vec::new();
    for page in board.environments.iter().filter_map(|e| e.handshake.as_ref()?.run.as_deref()) {
        if !pages.contains(&page) {
            pages.push(page);
        }
    }
    let shown = if sheet.look.verbose { pages.len() } else { pages.len().min(IN_FULL) };
    if shown > 0 {
        sheet.gap();
    }
    for page in &pages[..shown] {
        sheet.whole(&[plain("run: ")], plain(*page));
    }
    if pages.len() > shown {
        sheet.text(0, &[plain(format!("and {} more runs", pages.len() - shown))]);
    }
}

/// The flags that cover what was not approved: `--confirm prod`. Consent says each at the end of a sentence.
fn flags(board: &Board) -> Vec<&str> {
    let flag = |text: &'_ String| text.find(": --confirm").map(|at| at + 2);
    board.waiting_for.iter().filter_map(|text| text.get(flag(text)?..)).collect()
}

/// The command that goes on from here, as it must be typed after this call.
fn next(board: &Board, command: &str, invocation: &Invocation) -> Option<String> {
    let names: Vec<&str> = verdicts::unproven(board).iter().map(|e| e.info.name.as_str()).collect();
    let unproven = match names.as_slice() {
        few @ [_, ..] if few.len() <= 3 && few.len() < board.environments.len() => {
            format!(" {}", few.join(" "))
        }
        _ => String::new(),
    };
    // Where some environments are done on both sides, both are looked at.
    let left_out: Option<Vec<Only>> = board.environments.iter().map(|e| e.info.left_out).collect();
    let only = match left_out.as_deref() {
        Some([half, ..]) => format!(" --only {}", half.other().as_str()),
        _ => String::new(),
    };
    // A plan that was applied in part fits no more: setup makes a new one.
    let same = invocation.again(if command == "apply" { "setup" } else { command });
    let again = format!("heal what is named above, then `{same}` again; it goes on where the clouds stand");
    let failed = ended(board).any(
        |(_, ended)| matches!(ended, Ended::Failed { failure } if failure.code != Code::HandshakeFailed),
    );
    let flags = flags(board);
    match board.outcome? {
        Outcome::Stale if command == "apply" => Some(invocation.dress("keyless plan")),
        Outcome::Stale => Some(format!("{same}; it looks anew")),
        Outcome::Stopped => Some(format!("{same}; it goes on where the clouds stand")),
        Outcome::Failed if failed => Some(again),
        // The pipeline's own last words name the command.
        Outcome::Done if ["teardown", "pipeline"].contains(&command) => None,
        Outcome::Waiting if !flags.is_empty() => Some(format!("{same} --yes {}", flags.join(" "))),
        _ if command == "teardown" => Some(again),
        Outcome::Waiting if ["rotate", "move-issuer"].contains(&command) => {
            Some(format!("{same}, when that is done"))
        }
        Outcome::Waiting => {
            Some(invocation.dress(&format!("keyless verify{unproven}{only}, when that is done")))
        }
        Outcome::Done if !command.starts_with("verify") && proves(board, invocation).is_some() => {
            proves(board, invocation)
        }
        Outcome::Done | Outcome::Failed => Some(invocation.dress(&format!("keyless status{unproven}{only}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::federation::defaults;

    fn after(outcome: Outcome, waiting_for: &[&str], command: &str, called: &Invocation) -> Option<String> {
        let waiting_for = waiting_for.iter().map(|text| (*text).to_owned()).collect();
        next(&Board { outcome: Some(outcome), waiting_for, ..Board::default() }, command, called)
    }

    #[test]
    fn what_was_not_confirmed_is_the_next_command() {
        let prod = [
            "prod is protected: --confirm prod",
            "role R is to trust another subject: --confirm-subject \"sc://a/b/c\"",
        ];
        let live = Invocation::default();
        assert_eq!(
            after(Outcome::Waiting, &prod, "setup", &live).as_deref(),
            Some("keyless setup --yes --confirm prod --confirm-subject \"sc://a/b/c\"")
        );
        let some = Invocation::new(Some(defaults::WORLD), None, Vec::new())
            .meant_for(vec!["dev".to_owned(), "prod".to_owned()], None);
        assert_eq!(
            after(Outcome::Waiting, &prod[..1], "teardown", &some).as_deref(),
            Some("keyless --sandbox teardown dev prod --yes --confirm prod"),
            "what was not meant is not torn down"
        );
        let waits = ["the handshake waits for an approval"];
        assert_eq!(
            after(Outcome::Waiting, &waits, "setup", &some).as_deref(),
            Some("keyless --sandbox verify, when that is done")
        );
    }
}
