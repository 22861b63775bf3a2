//! A plan as text, for the eye of the person who approves it.

use serde_json::Value;

use super::differ::{self, Leaf, is_nothing};
use super::look::{Look, Paint, count};
use super::sheet::{Sheet, columns, padded, plain, span};
use super::{digest, marks, trouble};
use crate::domain::failure::Failure;
use crate::domain::key::Kind;
use crate::domain::names::EnvironmentName;
use crate::plan::change::{Ask, Blocked, Change, Plan, Verb};
use crate::plan::event::{EnvironmentInfo, Header, StepInfo};
use crate::plan::place::{self as places, FEW, Place};

/// Indentation of what is told about one change.
const INDENT: usize = 6;

/// A plan as text. `header` gives the environments' order, accounts and protection.
pub fn review(plan: &Plan, header: Option<&Header>, look: &Look) -> String {
    let mut sheet = Sheet::new(look);
    let name = header.map_or("this federation", |header| header.federation.as_str());
    let settled = plan.is_settled();
    if !settled {
        sheet.line(&[plain("Plan for "), span(Paint::Strong, name)]);
    }
    if !settled || look.verbose {
        groups(&mut sheet, plan, header);
        waits(&mut sheet, plan);
        blocked(&mut sheet, &plan.blocked);
        sheet.gap();
    }
    if settled {
        let objects = count(plan.changes.len(), "object is", "objects are");
        sheet.text(
            0,
            &[span(Paint::Strong, name), plain(format!(": nothing to change, {objects} as wanted."))],
        );
    } else {
        totals(&mut sheet, plan);
    }
    sheet.finish()
}

/// What keeps steps from going on now.
fn waits(sheet: &mut Sheet<'_>, plan: &Plan) {
    for (at, (change, gate)) in plan.gates().enumerate() {
        if at == 0 {
            sheet.gap();
            sheet.line(&[span(Paint::Strong, "Waits")]);
        }
        let until = gate.until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
        sheet.text(2, &[plain(format!("{}: {}{until}", change.title, gate.reason))]);
    }
}

/// The plan of a teardown as text: where nothing is there, nothing is to remove.
pub fn teardown(plan: &Plan, header: Option<&Header>, look: &Look) -> String {
    let Some(header) = header.filter(|_| plan.is_settled() && !look.verbose) else {
        return review(plan, header, look);
    };
    let mut sheet = Sheet::new(look);
    sheet.text(0, &[span(Paint::Strong, header.federation.as_str()), plain(": nothing to remove.")]);
    sheet.finish()
}

/// The changes of one place.
struct Group<'p> {
    place: Place,
    changes: Vec<&'p Change>,
}

impl Group<'_> {
    fn writing(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().copied().filter(|change| !change.is_keep())
    }

    fn is_kept(&self) -> bool {
        self.writing().next().is_none()
    }

    /// What makes two environments alike; none: it must be seen in full.
    fn pattern(&self) -> Option<Vec<String>> {
        let mut pattern = Vec::new();
        for change in self.writing() {
            if !change.reversible || change.asks.iter().any(|ask| !matches!(ask, Ask::Protected { .. })) {
                return None;
            }
            let paths: Vec<String> = leaves(change).into_iter().map(|leaf| leaf.path).collect();
            let (kind, verb) = (change.step.kind.as_str(), change.verb.as_str());
            pattern.push(format!("{verb} {kind} {} {paths:?}", change.asks.len()));
        }
        Some(pattern)
    }
}

fn groups(sheet: &mut Sheet<'_>, plan: &Plan, header: Option<&Header>) {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for change in &plan.changes {
        let place = places::of(&change.step, &change.environments);
        match groups.iter_mut().find(|group| group.place == place) {
            Some(group) => group.changes.push(change),
            None => groups.push(Group { place, changes: vec![change] }),
        }
    }
    let promotion = |name: &EnvironmentName| {
        header.and_then(|header| header.environments.iter().position(|info| info.name == *name))
    };
    groups.sort_by_key(|group| match &group.place {
        Place::DevOps => (0, 0),
        Place::Account(_) => (1, 0),
        Place::Environment(name) => (2, promotion(name).unwrap_or(usize::MAX)),
        Place::Handshake => (3, 0),
    });
    let environments = groups.iter().filter(|group| matches!(group.place, Place::Environment(_))).count();
    let mut told: Vec<(Vec<String>, String)> = Vec::new();
    let mut kept: Vec<&str> = Vec::new();
    for group in &groups {
        let Place::Environment(name) = &group.place else {
            // What comes after the environments comes after those that were only counted, too.
            tell_kept(sheet, &mut kept);
            tell(sheet, group, header);
            continue;
        };
        if group.is_kept() && !sheet.look.verbose {
            // What is held up elsewhere is not as wanted.
            if !plan.blocked.iter().any(|blocked| blocked.environments.contains(name)) {
                kept.push(name.as_str());
            }
        } else if let Some(like) = alike(group, &told).filter(|_| environments > FEW && !sheet.look.verbose) {
            fold(sheet, group, header, like);
        } else {
            told.extend(group.pattern().map(|pattern| (pattern, name.to_string())));
            tell(sheet, group, header);
        }
    }
    tell_kept(sheet, &mut kept);
}

fn alike<'t>(group: &Group<'_>, told: &'t [(Vec<String>, String)]) -> Option<&'t str> {
    let pattern = group.pattern()?;
    told.iter().find(|(known, _)| *known == pattern).map(|(_, name)| name.as_str())
}

fn tell_kept(sheet: &mut Sheet<'_>, kept: &mut Vec<&str>) {
    if !kept.is_empty() {
        sheet.gap();
        let (names, is) = (trouble::enumerated(sheet, kept), if kept.len() == 1 { "is" } else { "are" });
        sheet.flow(&[span(Paint::Dim, "= ")], &[plain(format!("{names} {is} as wanted"))]);
        kept.clear();
    }
}

/// One line for an environment that changes as another one does.
fn fold(sheet: &mut Sheet<'_>, group: &Group<'_>, header: Option<&Header>, like: &str) {
    let (name, account) = heading(group, header);
    let asks =
        if group.writing().any(|change| change.protected().next().is_some()) { ", asks by name" } else { "" };
    sheet.flow(
        &[padded(Paint::Strong, &name, 2), plain(" ")],
        &[plain(format!("{account}  {}, as {like}{asks}", verbs(group)))],
    );
}

fn info<'h>(header: Option<&'h Header>, name: &EnvironmentName) -> Option<&'h EnvironmentInfo> {
    header.and_then(|header| header.environments.iter().find(|info| info.name == *name))
}

/// What a group is called, and where it is.
fn heading(group: &Group<'_>, header: Option<&Header>) -> (String, String) {
    match &group.place {
        Place::DevOps => ("Azure DevOps".to_owned(), String::new()),
        Place::Account(account) => {
            let mut names: Vec<&str> = Vec::new();
            for name in group.changes.iter().flat_map(|change| &change.environments) {
                if !names.contains(&name.as_str()) {
                    names.push(name.as_str());
                }
            }
            (format!("account {account}"), names.join(", "))
        }
        Place::Environment(name) => {
            let key =
                || group.changes.iter().find_map(|change| places::account(&change.step)).unwrap_or_default();
            (
                name.to_string(),
                info(header, name).map_or_else(|| key().to_owned(), |info| info.account.clone()),
            )
        }
        Place::Handshake => ("proof".to_owned(), String::new()),
    }
}

/// `3 create, 1 update, 2 keep`.
fn verbs(group: &Group<'_>) -> String {
    let all = [Verb::Create, Verb::Update, Verb::Replace, Verb::Delete, Verb::Keep];
    let numbers = all.iter().filter_map(|verb| {
        let number = group.changes.iter().filter(|change| change.verb == *verb).count();
        (number > 0).then(|| format!("{number} {}", verb.as_str()))
    });
    numbers.collect::<Vec<_>>().join(", ")
}

fn tell(sheet: &mut Sheet<'_>, group: &Group<'_>, header: Option<&Header>) {
    if group.is_kept() && !sheet.look.verbose {
        return;
    }
    let (name, account) = heading(group, header);
    let mut left = vec![span(Paint::Strong, name), plain(format!("  {account}"))];
    if let Place::Environment(name) = &group.place
        && group.writing().any(|change| change.protected().any(|protected| protected == name))
    {
        left.push(span(Paint::Warn, "  protected: asks by name"));
    }
    sheet.gap();
    sheet.ends(&left, &[plain(verbs(group))]);
    for change in &group.changes {
        if !change.is_keep() || sheet.look.verbose {
            tell_change(sheet, change, &group.place);
        }
    }
}

fn tell_change(sheet: &mut Sheet<'_>, change: &Change, place: &Place) {
    let (glyph, paint) = sheet.look.verb(change.verb);
    let title = match place {
        Place::Environment(_) | Place::Account(_) => places::short_title(&change.step, &change.title),
        Place::DevOps | Place::Handshake => &change.title,
    };
    let head = [plain("  "), span(paint, format!("{glyph} ")), padded(paint, change.verb.as_str(), 8)];
    sheet.flow(&head, &[span(Paint::Strong, title)]);
    sheet.text(INDENT, &[plain(change.why.as_str())]);
    details(sheet, change);
    if is_run(change) && !change.reversible {
        let why = "not reversible: a run cannot be unmade; it changes nothing else";
        sheet.text(INDENT, &[span(Paint::Dim, why)]);
    } else if !change.reversible {
        sheet.text(INDENT, &[span(Paint::Bad, "not reversible")]);
    }
    for ask in &change.asks {
        tell_ask(sheet, ask, place);
    }
    if sheet.look.verbose && !change.rights.is_empty() {
        let head = plain(format!("{}needs ", " ".repeat(INDENT)));
        sheet.flow(&[head], &[plain(change.rights.join(", "))]);
    }
}

/// Whether it is a run of the verification, which leaves nothing.
fn is_run(change: &Change) -> bool {
    matches!(change.step.kind, Kind::Handshake | Kind::Denial)
}

fn tell_ask(sheet: &mut Sheet<'_>, ask: &Ask, place: &Place) {
    let asks = |text: String| [span(Paint::Warn, "asks"), plain(format!(" {text}"))];
    match ask {
        // Its environment's heading says it.
        Ask::Protected { environment } if *place == Place::Environment(environment.clone()) => {}
        Ask::Protected { environment } => {
            sheet.text(INDENT, &asks(format!("by name: {environment} is protected")));
        }
        Ask::Foreign { what } => sheet.text(INDENT, &asks(format!("by itself: {what}"))),
        Ask::Wider { what } => sheet.text(INDENT, &asks(format!("for more rights: {what}"))),
        Ask::Retire { what, .. } => sheet.text(INDENT, &asks(format!("by name: {what}"))),
        Ask::Subject { found, wanted } => {
            sheet
                .text(INDENT, &asks("for the subject by name: the trust names another one today".to_owned()));
            marks::pair(sheet, INDENT + 2, ("from", "to"), (found, wanted));
        }
    }
}

fn leaves(change: &Change) -> Vec<Leaf> {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => differ::differences(before, after),
        _ => Vec::new(),
    }
}

fn details(sheet: &mut Sheet<'_>, change: &Change) {
    match (change.verb, &change.before, &change.after) {
        (Verb::Keep, ..) => {}
        (_, Some(_), Some(_)) => {
            for leaf in leaves(change) {
                tell_leaf(sheet, &leaf);
            }
        }
        (_, None, Some(after)) => digest::write(sheet, INDENT, after),
        (_, Some(before), None) if sheet.look.verbose => digest::write(sheet, INDENT, before),
        _ => {}
    }
}

/// What differs in one place.
fn tell_leaf(sheet: &mut Sheet<'_>, leaf: &Leaf) {
    let path = &leaf.path;
    let value = |value: &Option<Value>| match value {
        None => "none".to_owned(),
        Some(value) => sheet.look.clean(&value.to_string()),
    };
    let (before, after) = (value(&leaf.before), value(&leaf.after));
    match (&leaf.before, &leaf.after) {
        (None, Some(new)) if leaf.element || new.is_object() => {
            digest::member(sheet, INDENT, &format!("{path} adds"), new);
        }
        (Some(old), None) if leaf.element || old.is_object() => {
            digest::member(sheet, INDENT, &format!("{path} drops"), old);
        }
        (Some(Value::String(old)), Some(Value::String(new)))
            if !is_empty_pair(old, new) && marks::are_alike(old, new) =>
        {
            sheet.line(&[plain(" ".repeat(INDENT)), plain(path.as_str())]);
            marks::pair(sheet, INDENT + 2, ("is", "becomes"), (old, new));
        }
        _ => {
            let line = format!("{path}: {before} → {after}");
            if INDENT + columns(&line) <= sheet.look.width {
                sheet.line(&[plain(" ".repeat(INDENT)), plain(line)]);
            } else {
                let label = |text: &str| plain(format!("{}{text:<8}", " ".repeat(INDENT + 2)));
                sheet.line(&[plain(" ".repeat(INDENT)), plain(path.as_str())]);
                sheet.whole(&[label("is")], plain(before));
                sheet.whole(&[label("becomes")], plain(after));
            }
        }
    }
}

fn is_empty_pair(old: &str, new: &str) -> bool {
    is_nothing(&Value::from(old)) || is_nothing(&Value::from(new))
}

fn blocked(sheet: &mut Sheet<'_>, all: &[Blocked]) {
    if all.is_empty() {
        return;
    }
    sheet.gap();
    sheet.ends(&[span(Paint::Bad, "Cannot be planned")], &[plain(count(all.len(), "object", "objects"))]);
    let named = |blocked: &Blocked| {
        let Blocked { step, environments, title, .. } = blocked;
        places::named(&StepInfo {
            step: step.clone(),
            title: title.clone(),
            environments: environments.clone(),
        })
    };
    let failed: Vec<(String, &Failure)> =
        all.iter().filter_map(|blocked| Some((named(blocked), blocked.failure.as_ref()?))).collect();
    trouble::failures(sheet, &failed);
    let waits = all.iter().filter(|blocked| blocked.failure.is_none()).map(|blocked| {
        let because = blocked.because.as_ref();
        let cause = because.map(|key| match all.iter().find(|other| other.step == *key) {
            Some(other) => named(other),
            None => key.words(),
        });
        (named(blocked), cause.unwrap_or_default())
    });
    trouble::held_up(sheet, "needs", &waits.collect::<Vec<_>>());
}

/// The last lines: how much, where, and what has to be answered.
fn totals(sheet: &mut Sheet<'_>, plan: &Plan) {
    let writing: Vec<&Change> = plan.changes.iter().filter(|change| !change.is_keep()).collect();
    let mut accounts: Vec<&str> = writing.iter().filter_map(|change| places::account(&change.step)).collect();
    let in_aws = accounts.len();
    accounts.sort_unstable();
    accounts.dedup();
    let mut parts = Vec::new();
    if in_aws > 0 {
        let accounts = count(accounts.len(), "account", "accounts");
        parts.push(format!("{} in {accounts}", count(in_aws, "change", "changes")));
    }
    let in_devops = writing.len() - in_aws;
    if in_devops > 0 {
        let noun = if in_aws == 0 { if in_devops == 1 { " change" } else { " changes" } } else { "" };
        parts.push(format!("{in_devops}{noun} in Azure DevOps"));
    }
    if parts.is_empty() {
        parts.push("nothing to change".to_owned());
    }
    let kept = plan.changes.len() - writing.len();
    if kept > 0 {
        parts.push(format!("{kept} kept"));
    }
    let requests = count(plan.writes(), "request that changes a cloud", "requests that change a cloud");
    sheet.text(
        0,
        &[span(Paint::Strong, parts.join(", ")), plain(format!("; {requests}; nothing written yet."))],
    );
    let final_ones = writing.iter().filter(|change| !change.reversible && !is_run(change)).count();
    if final_ones > 0 {
        sheet.text(0, &[span(Paint::Bad, format!("{final_ones} not reversible."))]);
    }
    let mut protected: Vec<&EnvironmentName> = writing.iter().flat_map(|change| change.protected()).collect();
    protected.sort_unstable();
    protected.dedup();
    if !protected.is_empty() {
        let names: Vec<&str> = protected.iter().map(|name| name.as_str()).collect();
        sheet.text(
            0,
            &[span(Paint::Warn, "Asks by name: "), plain(format!("{}.", trouble::enumerated(sheet, &names)))],
        );
    }
}
