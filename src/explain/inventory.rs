//! The inventory in words: the cells of its table, and everything about one entry as labels and values.

use super::signs::{Paint, Sign};
use crate::domain::inventory::{
    Fact, Facts, GroupKey, Held, IdleUser, Inventory, Key, KeyState, KeyUser, LastUse, Owner, Policies, Row,
    SignsIn, Used, Verdict,
};

/// What stands in a cell of which nothing is known.
const UNKNOWN: &str = "?";
/// Seconds of a day.
const DAY: i64 = 86_400;

/// One fact: its label and what it says.
pub type Line = (&'static str, String);

/// The sign of a verdict.
pub fn sign(verdict: Verdict) -> Sign {
    let (glyph, ascii, paint) = match verdict {
        Verdict::Blocked => ("✗", "x", Paint::Bad),
        Verdict::Rotate => ("~", "~", Paint::Warn),
        Verdict::Skip => ("–", "-", Paint::Dim),
        Verdict::Done => ("✓", "v", Paint::Good),
    };
    Sign { glyph, ascii, paint }
}

/// `1 day`, `400 days`.
fn counted(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// An age in a word or two: `5 min`, `3 h`, `400 days`.
fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ ..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..DAY => format!("{} h", seconds / 3600),
        seconds => counted(seconds / DAY, "day", "days"),
    }
}

/// Minutes and seconds of a use: `40 min`, `50 s`.
fn span(seconds: i64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}

/// A connection, with its environment or else its project: `AWS-Dev (dev)`.
pub fn name(facts: &Facts) -> String {
    match &facts.place {
        Some(place) => format!("{} ({})", facts.connection, place.environment),
        None => format!("{} (in {})", facts.connection, facts.project),
    }
}

/// The cell of the key a connection holds.
pub fn key_cell(facts: &Facts) -> String {
    match &facts.held {
        None => String::new(),
        Some(Held::Key(key)) => key.id.clone(),
        Some(Held::Variable) => "a variable".to_owned(),
        Some(Held::Other) => "no key id".to_owned(),
    }
}

/// The cell of its age.
pub fn age_cell(facts: &Facts, now: i64) -> String {
    let Some(Held::Key(key)) = &facts.held else { return String::new() };
    match key.state() {
        Fact::Known(Some(KeyState { created: Some(created), .. })) => age(now - created),
        _ => UNKNOWN.to_owned(),
    }
}

/// The cell of its last use; a wide one tells service and region too.
pub fn last_cell(facts: &Facts, now: i64, wide: bool) -> String {
    let Some(Held::Key(key)) = &facts.held else { return String::new() };
    match key.user().map(|user| &user.last) {
        None => UNKNOWN.to_owned(),
        Some(None) => "never".to_owned(),
        Some(Some(last)) if wide => format!("{} ago, {} {}", age(now - last.at), last.service, last.region),
        Some(Some(last)) => format!("{} ago", age(now - last.at)),
    }
}

/// The cell of its user: `deploy`, with the account in a wide one.
pub fn user_cell(facts: &Facts) -> String {
    let Some(Held::Key(key)) = &facts.held else { return String::new() };
    key.user().map_or_else(|| UNKNOWN.to_owned(), |user| user.name.clone())
}

fn told<T>(fact: &Fact<T>, words: impl FnOnce(&T) -> String) -> String {
    match fact {
        Fact::Known(value) => words(value),
        Fact::Unknown(why) => format!("unknown: {why}"),
    }
}

fn last(last: Option<&LastUse>, now: i64) -> String {
    let Some(LastUse { at, service, region }) = last else {
        return "never, as far as AWS tells".to_owned();
    };
    format!("{} ago by {service} in {region}", age(now - at))
}

fn state(key: &KeyState, now: i64) -> String {
    let active = if key.active { "active" } else { "inactive" };
    let made = key.created.map(|created| format!(", {} old", age(now - created))).unwrap_or_default();
    let used = match &key.last {
        None => "never used, as far as AWS tells".to_owned(),
        used => format!("used {}", last(used.as_ref(), now)),
    };
    format!("{} {active}{made}, {used}", key.id)
}

fn listed(names: &[String], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

fn rights(policies: &Policies) -> String {
    let mut parts = Vec::new();
    for (what, names) in
        [("inline", &policies.inline), ("attached", &policies.attached), ("by group", &policies.groups)]
    {
        if !names.is_empty() {
            parts.push(format!("{what}: {}", names.join(", ")));
        }
    }
    parts.extend(policies.boundary.iter().map(|arn| format!("boundary: {arn}")));
    parts.extend(policies.unreadable.iter().map(|what| format!("unknown: {what}")));
    if parts.is_empty() { "none".to_owned() } else { parts.join("; ") }
}

/// A key and whose it is.
fn key(key: &Key, now: i64) -> Vec<Line> {
    let mut lines = vec![("access key", key.id.clone()), ("account", told(&key.account, String::clone))];
    match &key.owner {
        Owner::User(user) => lines.extend(of_user(key, user, now)),
        Owner::Gone => lines.push(("user", "none: the account has no such key any more".to_owned())),
        Owner::Unreached => lines.push(("user", told(&key.state(), |_| String::new()))),
        Owner::Unknown(why) => lines.push(("user", format!("unknown: {why}"))),
    }
    lines
}

fn of_user(key: &Key, user: &KeyUser, now: i64) -> Vec<Line> {
    let mine = told(&key.state(), |state| match state {
        None => "the user's list lacks it".to_owned(),
        Some(state) => {
            let made =
                state.created.map(|created| format!(", {} old", age(now - created))).unwrap_or_default();
            format!("{}{made}", if state.active { "active" } else { "inactive" })
        }
    });
    let others = told(&user.keys, |keys| {
        let others: Vec<String> =
            keys.iter().filter(|other| other.id != key.id).map(|other| state(other, now)).collect();
        if others.is_empty() { "none".to_owned() } else { others.join("; ") }
    });
    let mut lines = vec![
        ("user", user.name.clone()),
        ("state", mine),
        ("last used", last(user.last.as_ref(), now)),
        ("other keys", others),
        ("console password", told(&user.password, |has| if *has { "yes" } else { "no" }.to_owned())),
        ("policies", told(&user.policies, rights)),
    ];
    if !user.named_by.is_empty() {
        lines.push(("named by", user.named_by.join(", ")));
    }
    if !user.unread.is_empty() {
        lines.push(("not read", user.unread.join(", ")));
    }
    lines
}

fn uses(uses: &[Used], now: i64) -> String {
    let one = |used: &Used| {
        let last = used.last.map(|at| format!(", last {} ago", age(now - at))).unwrap_or_default();
        let longest = used.longest.map(|seconds| format!(", up to {}", span(seconds))).unwrap_or_default();
        let runs = i64::try_from(used.runs).unwrap_or(i64::MAX);
        format!("{} of {} ({}{last}{longest})", used.name, used.project, counted(runs, "run", "runs"))
    };
    let told: Vec<String> = uses.iter().map(one).collect();
    if told.is_empty() { "nobody that can be seen".to_owned() } else { told.join("; ") }
}

/// Everything about a connection.
pub fn of_row(row: &Row, now: i64) -> Vec<Line> {
    let facts = &row.facts;
    let mut lines = vec![("verdict", row.verdict.as_str().to_owned())];
    lines.extend(row.reasons.iter().map(|reason| ("because", reason.clone())));
    lines.push(("project", facts.project.clone()));
    let environment = facts.place.as_ref().map(|place| place.environment.to_string());
    lines.push(("environment", environment.unwrap_or_else(|| "none of keyless.toml".to_owned())));
    lines.push((
        "signs in by",
        match facts.signs_in {
            SignsIn::Oidc => "OIDC".to_owned(),
            SignsIn::KeyAndRole => "access key, and assumes a role".to_owned(),
            SignsIn::Key => "access key".to_owned(),
            SignsIn::Nothing => "nothing of its own: tasks take what the agent has".to_owned(),
        },
    ));
    lines.extend(facts.role.iter().map(|role| ("role", role.clone())));
    match &facts.held {
        None => {}
        Some(Held::Key(held)) => lines.extend(key(held, now)),
        Some(Held::Variable) => lines.push(("access key", "a variable of pipelines".to_owned())),
        Some(Held::Other) => {
            lines.push(("access key", "not shown: what stands there is no access key id".to_owned()));
        }
    }
    match &facts.replaces {
        Fact::Known(None) => {}
        Fact::Known(Some(old)) => {
            lines.push(("replaces", old.id.clone()));
            lines.extend(key(old, now).into_iter().skip(1));
        }
        Fact::Unknown(why) => lines.push(("replaces", format!("unknown: {why}"))),
    }
    let shared = match facts.shared {
        true => format!("with {}", listed(&facts.shared_with, "projects that are not told")),
        false => "no".to_owned(),
    };
    lines.push(("shared", shared));
    lines.push(("used by", told(&facts.uses, |all| uses(all, now))));
    lines
}

/// Everything about a key in a variable group.
pub fn of_group(found: &GroupKey, now: i64) -> Vec<Line> {
    let mut lines = vec![
        ("project", found.project.clone()),
        ("variable group", found.group.clone()),
        ("variable", found.variable.clone()),
    ];
    match &found.key {
        Fact::Known(it) => lines.extend(key(it, now)),
        Fact::Unknown(why) => lines.push(("access key", format!("unknown: {why}"))),
    }
    lines
}

/// Everything about a user whose keys no connection holds.
pub fn of_idle(user: &IdleUser, now: i64) -> Vec<Line> {
    let mut lines = vec![("account", user.account.clone()), ("user", user.name.clone())];
    lines.extend(user.keys.iter().map(|key| ("access key", state(key, now))));
    lines.extend(user.notes.iter().map(|note| ("note", note.clone())));
    lines
}

/// In a sentence: how many connections there are, and what is to be done.
pub fn tally(inventory: &Inventory) -> String {
    let number = i64::try_from(inventory.connections.len()).unwrap_or(i64::MAX);
    let mut text = counted(number, "AWS connection", "AWS connections");
    let of = [Verdict::Rotate, Verdict::Blocked, Verdict::Skip, Verdict::Done];
    let parts = of.into_iter().filter_map(|verdict| {
        let count = inventory.count(verdict);
        let word = match verdict {
            Verdict::Rotate => "to rotate",
            Verdict::Blocked => "blocked",
            Verdict::Skip => "skipped",
            Verdict::Done => "done",
        };
        (count > 0).then(|| format!("{count} {word}"))
    });
    let parts: Vec<String> = parts.collect();
    if !parts.is_empty() {
        text = format!("{text}: {}", parts.join(", "));
    }
    text
}

/// One entry of an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is called.
    pub title: String,
    /// What is known of it.
    pub lines: Vec<Line>,
}

/// Every entry in order: connections, keys in variable groups, users whose keys no connection holds.
pub fn entries(inventory: &Inventory) -> Vec<Entry> {
    let now = inventory.now;
    let rows = inventory.connections.iter();
    let rows = rows.map(|row| Entry { title: name(&row.facts), lines: of_row(row, now) });
    let groups = inventory.groups.iter().map(|found| Entry {
        title: format!("{} of variable group {}", found.variable, found.group),
        lines: of_group(found, now),
    });
    let users = inventory.users.iter().map(|user| Entry {
        title: format!("user {} in {}", user.name, user.account),
        lines: of_idle(user, now),
    });
    rows.chain(groups).chain(users).collect()
}

/// Everything as plain text, for a ticket: no colours, no secrets. `day` says when it was looked at.
pub fn text(inventory: &Inventory, version: &str, day: &str) -> String {
    let mut lines = vec![
        format!("keyless {version} rotate --inventory of {}, {day}", inventory.federation),
        tally(inventory),
    ];
    for Entry { title, lines: about } in entries(inventory) {
        lines.push(String::new());
        lines.push(title);
        lines.extend(about.into_iter().map(|(label, value)| format!("  {label}: {value}")));
    }
    if !inventory.gaps.is_empty() {
        lines.push(String::new());
        lines.push("not seen".to_owned());
        lines.extend(inventory.gaps.iter().map(|gap| format!("  {}: {}", gap.what, gap.why)));
    }
    lines.join("\n") + "\n"
}
