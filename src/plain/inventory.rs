//! The inventory as text: a table of connections, keys in variable groups, users whose keys nobody holds; or line by line.

use super::doctor::tell;
use super::look::{Look, Paint, count};
use super::sheet::{Sheet, Span, columns, padded, plain, span};
use crate::domain::inventory::{Fact, GroupKey, Held, Inventory, Row, Verdict};
use crate::explain::inventory::{self as words, Entry};

/// Columns of the sign and the verdict.
const VERDICT: usize = 9;
/// Columns of a connection's name, at most.
const NAME: usize = 22;
/// Columns of an access key id and a blank.
const KEY: usize = 21;
/// Columns of an age: `1,000 days` and a blank.
const AGE: usize = 10;
/// Columns of how a connection signs in; only where there is room for it.
const BY: usize = 12;
/// Width from which the table tells more.
const WIDE: usize = 96;

/// The inventory as text that can be pasted. `accessible`: without a table, every entry line by line.
pub fn report(inventory: &Inventory, look: &Look, accessible: bool) -> String {
    let mut sheet = Sheet::new(look);
    let projects = match inventory.projects.len() {
        0 | 1 => String::new(),
        number => format!(" and {}", count(number - 1, "other project", "other projects")),
    };
    sheet.line(&[
        span(Paint::Strong, inventory.federation.as_str()),
        plain(format!("{projects}: access keys of AWS connections")),
    ]);
    sheet.gap();
    if accessible || look.verbose {
        one_by_one(&mut sheet, inventory);
    } else {
        table(&mut sheet, inventory);
        groups(&mut sheet, inventory);
        idle(&mut sheet, inventory);
    }
    gaps(&mut sheet, inventory);
    sheet.gap();
    inventory.findings.iter().for_each(|finding| tell(&mut sheet, finding));
    end(&mut sheet, inventory);
    sheet.finish()
}

fn one_by_one(sheet: &mut Sheet<'_>, inventory: &Inventory) {
    for (number, Entry { title, lines }) in (1..).zip(words::entries(inventory)) {
        sheet.gap();
        sheet.line(&[plain(format!("{number}. ")), span(Paint::Strong, title)]);
        for (label, value) in lines {
            sheet.flow(&[plain(format!("   {label}: "))], &[plain(value)]);
        }
    }
}

fn table(sheet: &mut Sheet<'_>, inventory: &Inventory) {
    if inventory.connections.is_empty() {
        sheet.line(&[plain("no AWS connection can be seen")]);
        return;
    }
    let wide = sheet.look.width >= WIDE;
    let longest = inventory.connections.iter().map(|row| columns(&words::name(&row.facts))).max();
    let name = longest.unwrap_or(0).clamp(10, NAME) + 1;
    let mut head =
        vec![plain("  "), padded(Paint::Dim, "verdict", VERDICT), padded(Paint::Dim, "connection", name)];
    if wide {
        head.push(padded(Paint::Dim, "signs in by", BY));
    }
    head.extend([
        padded(Paint::Dim, "access key", KEY),
        padded(Paint::Dim, "age", AGE),
        span(Paint::Dim, "last used"),
    ]);
    sheet.line(&head);
    for row in &inventory.connections {
        line(sheet, row, inventory.now, (name, wide));
        below(sheet, row, wide);
    }
}

fn line(sheet: &mut Sheet<'_>, row: &Row, now: i64, (name, wide): (usize, bool)) {
    let (glyph, paint) = words::sign(row.verdict).drawn(sheet.look.ascii);
    let title = words::name(&row.facts);
    let mut line = vec![span(paint, format!("{glyph} ")), padded(paint, row.verdict.as_str(), VERDICT)];
    if columns(&title) >= name {
        // A long name has a line of its own.
        line.push(plain(title));
        sheet.line(&line);
        line = vec![padded(Paint::Plain, "", 2 + VERDICT + name)];
    } else {
        line.push(padded(Paint::Strong, &title, name));
    }
    let facts = &row.facts;
    if wide {
        line.push(padded(Paint::Plain, facts.signs_in.as_str(), BY));
    }
    line.extend([
        padded(Paint::Plain, &words::key_cell(facts), KEY),
        padded(Paint::Plain, &words::age_cell(facts, now), AGE),
        plain(words::last_cell(facts, now, false)),
    ]);
    sheet.line(&line);
}

/// Whose the key is, and why the verdict is what it is.
fn below(sheet: &mut Sheet<'_>, row: &Row, wide: bool) {
    let facts = &row.facts;
    // A wide table has a column for it.
    let mut parts: Vec<String> =
        (!wide).then(|| format!("signs in by {}", facts.signs_in.as_str())).into_iter().collect();
    if let Some(Held::Key(key)) = &facts.held {
        let account = match &key.account {
            Fact::Known(account) => account.clone(),
            Fact::Unknown(why) => format!("an unknown account ({why})"),
        };
        parts.push(match key.user() {
            Some(user) => format!("user {} in {account}", user.name),
            None => format!("a key of {account}"),
        });
    }
    if facts.shared {
        let with =
            if facts.shared_with.is_empty() { "others".to_owned() } else { facts.shared_with.join(", ") };
        parts.push(format!("shared with {with}"));
    }
    if let Fact::Known(uses) = &facts.uses {
        let names: Vec<&str> = uses.iter().take(3).map(|used| used.name.as_str()).collect();
        if !names.is_empty() {
            let more = uses.len().saturating_sub(names.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            parts.push(format!("used by {}{more}", names.join(", ")));
        }
    }
    let indent = 2 + VERDICT;
    if !parts.is_empty() {
        sheet.text(indent, &[span(Paint::Dim, parts.join("; "))]);
    }
    let paint = if row.verdict == Verdict::Blocked { Paint::Warn } else { Paint::Plain };
    for reason in &row.reasons {
        sheet.flow(&[plain(" ".repeat(indent))], &[span(paint, sheet.look.invocation.dress(reason))]);
    }
}

fn groups(sheet: &mut Sheet<'_>, inventory: &Inventory) {
    if inventory.groups.is_empty() {
        return;
    }
    sheet.gap();
    sheet.line(&[span(Paint::Strong, "Access keys in variable groups")]);
    for GroupKey { project, group, variable, key } in &inventory.groups {
        let place = format!("{variable} in group {group} of {project}: ");
        let told = match key {
            Fact::Unknown(why) => format!("unknown, {why}"),
            Fact::Known(key) => {
                let whose = match (key.user(), &key.account) {
                    (Some(user), Fact::Known(account)) => format!("user {} in {account}", user.name),
                    (None, Fact::Known(account)) => format!("a key of {account}"),
                    (_, Fact::Unknown(why)) => format!("whose it is: {why}"),
                };
                format!("{}, {whose}", key.id)
            }
        };
        sheet.flow(&[plain("  ")], &[plain(place), plain(told)]);
    }
}

fn idle(sheet: &mut Sheet<'_>, inventory: &Inventory) {
    if inventory.users.is_empty() {
        return;
    }
    sheet.gap();
    let where_ = if inventory.projects.len() > 1 { "these projects" } else { "this project" };
    sheet.line(&[span(
        Paint::Strong,
        format!("IAM users with active keys that no connection of {where_} holds"),
    )]);
    for user in &inventory.users {
        let head =
            [plain("  "), span(Paint::Strong, user.name.as_str()), plain(format!(" in {}", user.account))];
        sheet.line(&head);
        for (label, value) in words::of_idle(user, inventory.now).into_iter().skip(2) {
            sheet.flow(&[plain(format!("    {label}: "))], &[plain(value)]);
        }
    }
}

fn gaps(sheet: &mut Sheet<'_>, inventory: &Inventory) {
    sheet.gap();
    for gap in &inventory.gaps {
        sheet.flow(&[span(Paint::Warn, "? ")], &[plain(format!("{} not seen: {}", gap.what, gap.why))]);
    }
}

fn end(sheet: &mut Sheet<'_>, inventory: &Inventory) {
    sheet.gap();
    let next: Span = match (inventory.count(Verdict::Rotate), sheet.look.verbose) {
        (0, true) => plain(""),
        (0, false) => plain(" -v tells everything about each."),
        (_, true) => plain(sheet.look.invocation.dress(" `keyless rotate` plans the way.")),
        (_, false) => plain(
            sheet.look.invocation.dress(" `keyless rotate` plans the way; -v tells everything about each."),
        ),
    };
    sheet.flow(&[], &[span(Paint::Strong, format!("{}.", words::tally(inventory))), next]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use uuid::Uuid;

    use super::*;
    use crate::domain::inventory::{Facts, Gap, SignsIn};

    fn inventory() -> Inventory {
        let facts = |connection: &str, signs_in, held| Facts {
            project: "payments".to_owned(),
            connection: connection.to_owned(),
            id: Uuid::nil(),
            place: None,
            signs_in,
            role: None,
            held,
            replaces: Fact::Known(None),
            shared: false,
            shared_with: Vec::new(),
            untrusted: Vec::new(),
            uses: Fact::Unknown("KL-DEVOPS-DENIED".to_owned()),
        };
        let gaps = vec![Gap { what: "account 1".to_owned(), why: "KL-AWS-SIGN-IN".to_owned() }];
        Inventory { federation: "contoso/payments".to_owned(), gaps, ..Inventory::default() }.judged(
            vec![
                facts("AWS", SignsIn::Oidc, None),
                facts("AWS-of-the-whole-data-platform-team", SignsIn::Key, Some(Held::Variable)),
            ],
            "keyless",
        )
    }

    #[test]
    fn a_wide_table_tells_more_and_none_is_wider_than_its_width() {
        for (width, wide) in [(80, false), (120, true)] {
            let look = Look::new(false, true, width, false);
            let text = report(&inventory(), &look, false);
            assert_eq!(text.contains("signs in by access key"), wide, "{text}");
            assert!(text.lines().all(|line| line.len() <= look.width), "{text}");
            assert!(text.contains("2 AWS connections: 1 skipped, 1 done."), "{text}");
            assert!(text.contains("? account 1 not seen: KL-AWS-SIGN-IN"), "{text}");
        }
    }

    #[test]
    fn line_by_line_everything_has_a_number_and_a_label() {
        let text = report(&inventory(), &Look::new(false, true, 80, false), true);
        assert!(
            text.contains("2. AWS-of-the-whole-data-platform-team (in payments)\n   verdict: skip\n"),
            "{text}"
        );
        assert!(text.contains("   used by: unknown: KL-DEVOPS-DENIED\n"), "{text}");
    }
}
