//! The keys of the home screen, in the order of their use.

use crossterm::event::KeyCode;

use super::{Home, has_run};
use crate::tui::keys::{Hint, Press};
use crate::tui::rotation;
use crate::tui::shared::{Access, Shared};
use crate::tui::widgets::filter::Filter;

fn key(key: char, name: &'static str, does: &str, help: &'static str) -> Hint {
    Hint::new(name, does, Press::letter(key), help)
}

/// The keys that work now.
pub(super) fn hints(home: &Home, shared: &Shared) -> Vec<Hint> {
    let enter = |does: &str, help| Hint::new("enter", does, Press::of(KeyCode::Enter), help);
    let esc = |does: &str, help| Hint::new("esc", does, Press::of(KeyCode::Esc), help);
    if home.filter.is_typing() {
        return Filter::hints("Shows all environments again.");
    }
    let open = matches!(shared.access, Access::Open);
    let any = !shared.fleet.panes().is_empty();
    let mut hints = Vec::new();
    let turns = turns(home, shared);
    let help = "Proves the chosen environment by a real pipeline run; the plan is reviewed first.";
    let verify = key('v', "v", "verify", help);
    // Where a rotation is to be gone on with, a proof is not what comes next.
    let late = turns.len() > 1;
    if shared.is_running() {
        hints.push(key('w', "w", "watch the run", "Goes to the run that is going on."));
    }
    if matches!(shared.access, Access::Failed(_)) {
        hints.push(key('o', "o", "try again", "Opens the clouds again."));
    }
    if home.link.is_some() {
        hints.push(enter("detail", "Shows the chosen link: as found, as wanted, calls and addresses."));
        hints.push(esc("back", "Back to all environments."));
    }
    if open && !shared.is_running() {
        hints.push(key(
            's',
            "s",
            "set up",
            "Asks what is missing, shows the whole plan, and carries it out once you approve.",
        ));
        hints.extend(turns);
        if any && !late {
            hints.push(verify.clone());
        }
    }
    if open && any {
        let help = "Finds what is wrong in the whole chain of every environment, and plans what heals it. It only reads.";
        hints.push(key('d', "d", "doctor", help));
        let help = "Every AWS connection, whose access key it holds, and whether it can be led away from it. It only reads.";
        hints.push(key('r', "r", "inventory", help));
    }
    if any && home.link.is_none() {
        hints.push(enter(
            "open",
            "Opens the chosen environment: choose a link, enter again shows its detail.",
        ));
        if open && late && !shared.is_running() {
            hints.push(verify);
        }
        hints.push(key(
            '/',
            "/",
            "filter",
            "Filters by name, account, region, branch, or words such as failed, proven, waiting.",
        ));
        let (does, help) = match home.is_table() {
            true => ("panes", "Shows panes instead of the table."),
            false => ("table", "Shows one line per environment, the worst first."),
        };
        hints.push(key('t', "t", does, help));
    }
    hints.push(key('L', "L", "log", "The latest events."));
    if shared.opened.is_some() {
        hints.push(key('H', "H", "history", "What the journal tells of earlier runs."));
    }
    if open && any {
        rarer(shared, &mut hints);
    }
    hints
}

/// The keys of a rotation, where the chosen environment has one to go on with or to begin.
fn turns(home: &Home, shared: &Shared) -> Vec<Hint> {
    let Some(pane) = home.chosen(shared) else { return Vec::new() };
    if rotation::waits(pane).is_some() {
        let help = "Goes on with the rotation of the chosen environment, as far as the clouds allow today; the plan is \
                    reviewed first.";
        let back =
            "Plans the way of the chosen environment back to an access key; the plan is reviewed first.";
        return vec![key('o', "o", "go on", help), key('b', "b", "roll back", back)];
    }
    if rotation::holds_key(pane) {
        let help = "Plans how the chosen environment's connection is led away from its access key; the plan is reviewed \
                    first.";
        return vec![key('o', "o", "to OIDC", help)];
    }
    Vec::new()
}

/// Keys that are wanted now and then.
fn rarer(shared: &Shared, hints: &mut Vec<Hint>) {
    let help = "Who became which role in the last 7 days, and from which pipeline run. It only reads.";
    hints.push(key('a', "a", "audit", help));
    let help =
        "The file of the pipeline that deploys, by preset and flow: written here, or as a pull request.";
    hints.push(key('P', "P", "pipeline", help));
    hints.push(key('R', "R", "look again", "Looks at every environment now; ctrl-r too. It only reads."));
    let (does, help) = match shared.fleet.is_paused() {
        true => ("go on", "Lets the panes refresh by themselves again."),
        false => ("pause", "Stops the panes from refreshing by themselves."),
    };
    hints.push(key('p', "p", does, help));
    hints.push(key('+', "+", "less often", "Lengthens the pause between two looks."));
    hints.push(key('-', "-", "more often", "Shortens the pause between two looks."));
    if !shared.is_running() {
        hints.push(key(
            'V',
            "V",
            "verify all",
            "Proves all environments by a real pipeline run; the plan is reviewed first.",
        ));
        if has_run(shared) {
            hints.push(key('w', "w", "last run", "Shows how the last run ended."));
        }
    }
}
