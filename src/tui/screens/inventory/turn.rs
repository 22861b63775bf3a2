//! What of the inventory can be led away from its key, back to one, or on to a new one: and why the rest cannot.

use super::InventoryScreen;
use crate::domain::inventory::{Fact, Held, Owner, Row, SignsIn, Verdict};
use crate::domain::names::EnvironmentName;
use crate::explain::inventory as words;
use crate::tui::keys::{Hint, Press};
use crate::tui::msg::Command;
use crate::tui::screens::Act;

/// The environment whose rotation can be planned, or why none can. The plan itself tells what else stands in the way.
pub(super) fn environment<'a>(row: &'a Row, command: &Command) -> Result<&'a EnvironmentName, String> {
    let facts = &row.facts;
    let why = || row.reasons.join("; ");
    let Some(place) = &facts.place else { return Err(why()) };
    let holds = match &facts.held {
        None => false,
        Some(Held::Key(key)) if key.user().is_some() && place.unreached.is_none() => true,
        // Whose key it is cannot be told: nothing can be done about it.
        Some(_) => return Err(why()),
    };
    match command {
        Command::Rotate if row.verdict == Verdict::Rotate || holds => Ok(&place.environment),
        Command::RenewKeys if holds => Ok(&place.environment),
        Command::RenewKeys => Err("it holds no access key that could be renewed".to_owned()),
        Command::Rollback if holds => Ok(&place.environment),
        Command::Rollback if facts.signs_in == SignsIn::Oidc => match &facts.replaces {
            Fact::Known(None) => Err("nothing tells that it ever had an access key".to_owned()),
            Fact::Known(Some(key)) if key.owner == Owner::Gone => Err(why()),
            Fact::Known(Some(_)) | Fact::Unknown(_) => Ok(&place.environment),
        },
        _ => Err(why()),
    }
}

/// Whether a rotation may be under way that can be rolled back: a switched connection, or a user with a key beside this one.
/// Only the plan knows: it reads what is noted.
fn may_go_back(row: &Row) -> bool {
    let Some(Held::Key(key)) = &row.facts.held else { return true };
    key.user().is_none_or(|user| user.keys.known().is_none_or(|keys| keys.len() > 1))
}

impl InventoryScreen {
    /// The chosen connection; none: something else is chosen, or nothing.
    fn row(&self) -> Option<&Row> {
        let list = self.list();
        let at = list.get(self.pick.place(list.len()))?;
        self.found()?.inventory.connections.get(*at)
    }

    /// Plans a rotation of the chosen connection's environment, or says why there is none. The plan is reviewed first.
    pub(super) fn turn(&self, command: Command) -> Vec<Act> {
        let say = |text: String| vec![Act::Say(text)];
        let Some(entry) = self.chosen() else {
            return say(if self.looking { "it is still looking" } else { "nothing is chosen" }.to_owned());
        };
        let Some(row) = self.row() else {
            return say(format!("{}: only connections are rotated", entry.title));
        };
        match environment(row, &command) {
            Ok(name) => vec![Act::Run(command, vec![name.clone()])],
            Err(why) => say(format!("{}: {why}", words::name(&row.facts))),
        }
    }

    /// Plans a rotation of every connection that can be rotated.
    pub(super) fn turn_all(&self) -> Vec<Act> {
        let rows = self.found().map(|found| found.inventory.connections.as_slice()).unwrap_or_default();
        match rows.iter().any(|row| environment(row, &Command::Rotate).is_ok()) {
            true => vec![Act::Run(Command::Rotate, Vec::new())],
            false if self.looking => vec![Act::Say("it is still looking".to_owned())],
            false => vec![Act::Say("no connection can be led away from an access key".to_owned())],
        }
    }

    /// The keys that begin a rotation of what is chosen.
    pub(super) fn turn_hints(&self) -> Vec<Hint> {
        let mut hints = Vec::new();
        let Some(row) = self.row() else { return hints };
        let can = |command| environment(row, &command).is_ok();
        if can(Command::Rotate) {
            let does = if row.facts.signs_in == SignsIn::Oidc { "go on" } else { "to OIDC" };
            let help = "Plans how the chosen connection is led away from its access key, as far as the clouds allow today; \
                        the plan is reviewed first.";
            hints.push(Hint::new("o", does, Press::letter('o'), help));
        }
        if can(Command::RenewKeys) {
            let help = "Where OIDC cannot be used: plans a new access key in the place of the old one; the plan is reviewed \
                        first.";
            hints.push(Hint::new("n", "new key", Press::letter('n'), help));
        }
        if can(Command::Rollback) && may_go_back(row) {
            let help = "Plans the way back to an access key, from any phase before the end of the old one; the plan is \
                        reviewed first.";
            hints.push(Hint::new("b", "roll back", Press::letter('b'), help));
        }
        hints
    }
}
