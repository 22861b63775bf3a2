//! Where a person sees the object: the pages of Azure DevOps and of the AWS console.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::facts;
use super::rows::{Row, heading, say, value};
use crate::domain::names::{EnvironmentName, Partition};
use crate::explain::signs::Paint;
use crate::plan::event::EnvironmentInfo;
use crate::plan::link::Link;
use crate::tui::shared::Shared;

/// What stays as it is in a part of a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The pages of a link.
pub(super) fn rows(shared: &Shared, name: &EnvironmentName, link: Link, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(pane) = shared.fleet.pane(name) else { return rows };
    let step = pane.board.as_ref().and_then(|board| facts::step(board, name, link));
    let found = step.and_then(|step| step.found.as_ref());
    let text = |member: &str| found.and_then(|found| found.get(member)).and_then(|value| value.as_str());
    let run = pane.status().and_then(|status| status.handshake.as_ref()?.run.clone());
    let mut pages: Vec<(&str, String)> = Vec::new();
    match link {
        // The pages of a practice cloud are its own: there is no console for it.
        Link::Handshake => pages.extend(run.map(|run| ("run", run))),
        _ if shared.practice().is_some() => {
            heading(&mut rows, "Pages");
            say(&mut rows, Paint::Dim, "The practice cloud has no pages for this.", columns);
            return rows;
        }
        Link::Connection | Link::Gates | Link::Permission => {
            pages.extend(connection(shared, text("id")).map(|page| ("connection", page)));
        }
        Link::Role | Link::Trust => pages.push(("AWS console", role(&pane.info, link))),
        Link::Provider => pages.extend(text("arn").map(|arn| ("AWS console", provider(&pane.info, arn)))),
        Link::SignIn => {}
    }
    if pages.is_empty() {
        return rows;
    }
    heading(&mut rows, "Pages");
    for (name, page) in &pages {
        value(&mut rows, name, page, columns);
    }
    if matches!(link, Link::Role | Link::Trust | Link::Provider) {
        let text =
            format!("The console shows the account it is signed in to: this is {}.", pane.info.account);
        say(&mut rows, Paint::Dim, &text, columns);
    }
    rows
}

/// The page of a service connection; without its id the list of all.
fn connection(shared: &Shared, id: Option<&str>) -> Option<String> {
    let header = shared.fleet.header.as_ref()?;
    let part = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
    let base = format!(
        "https://dev.azure.com/{}/{}/_settings/adminservices",
        part(&header.organization),
        part(&header.project)
    );
    Some(id.map_or_else(|| base.clone(), |id| format!("{base}?resourceId={}", part(id))))
}

/// The console of an account's partition, by the role's ARN.
fn console(info: &EnvironmentInfo) -> &'static str {
    let partition = info.role.split(':').nth(1).unwrap_or_default();
    if partition == Partition::AwsCn.as_str() {
        "https://console.amazonaws.cn"
    } else if partition == Partition::AwsUsGov.as_str() {
        "https://console.amazonaws-us-gov.com"
    } else {
        "https://console.aws.amazon.com"
    }
}

fn role(info: &EnvironmentInfo, link: Link) -> String {
    let name = info.role.rsplit('/').next().unwrap_or_default();
    let section = if link == Link::Trust { "trust_relationships" } else { "permissions" };
    let name = utf8_percent_encode(name, PLAIN);
    format!("{}/iam/home#/roles/details/{name}?section={section}", console(info))
}

fn provider(info: &EnvironmentInfo, arn: &str) -> String {
    let arn = utf8_percent_encode(arn, PLAIN);
    format!("{}/iam/home#/identity_providers/details/OPENID/{arn}", console(info))
}
