//! The last calls about a link, with the ids the services gave them.

use super::rows::{Row, heading};
use crate::domain::names::EnvironmentName;
use crate::explain::signs::Paint;
use crate::plan::link::Link;
use crate::tui::msg::Call;
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::when;

/// How many calls are shown.
const SHOWN: usize = 20;

/// Whether a call can have anything to do with an environment: of its account, or of no account.
pub(super) fn concerns(call: &Call, shared: &Shared, name: &EnvironmentName) -> bool {
    let Some(pane) = shared.fleet.pane(name) else { return false };
    call.account.is_empty() || call.account == pane.info.account
}

/// The calls about a link, newest first.
pub(super) fn rows(calls: Option<&[Call]>, shared: &Shared, name: &EnvironmentName, link: Link) -> Vec<Row> {
    let mut rows = Vec::new();
    heading(&mut rows, "Last calls");
    let role = shared.fleet.pane(name).and_then(|pane| pane.info.role.rsplit('/').next());
    let mine: Vec<&Call> = match calls {
        None => {
            rows.push(Row::plain(Paint::Dim, "They are being read."));
            return rows;
        }
        Some(calls) => {
            calls.iter().filter(|call| is_about(call, link, role.unwrap_or_default())).take(SHOWN).collect()
        }
    };
    if mine.is_empty() {
        rows.push(Row::plain(Paint::Dim, "None since this start of keyless."));
    }
    for call in mine {
        rows.push(row(call));
        if !call.request_id.is_empty() {
            let id = format!("           request id {}", call.request_id);
            let copy = Some(call.request_id.clone());
            rows.push(Row { parts: vec![(Role::Text(Paint::Dim), id)], copy });
        }
    }
    rows
}

fn row(call: &Call) -> Row {
    let (paint, status) = match call.status {
        0 => (Paint::Bad, "no answer".to_owned()),
        status @ 200..300 => (Paint::Good, status.to_string()),
        status => (Paint::Warn, status.to_string()),
    };
    let what = [&call.service, &call.what, &call.object].map(String::as_str);
    let what = what.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("  ");
    Row {
        parts: vec![
            (Role::Text(Paint::Dim), format!("{}  ", when::clock(call.at))),
            (Role::Text(paint), format!("{status:<4} ")),
            (Role::Text(Paint::Plain), what),
        ],
        copy: None,
    }
}

/// Whether a call is one that looks at a link, or changes it.
fn is_about(call: &Call, link: Link, role: &str) -> bool {
    let devops = call.service == "Azure DevOps";
    let area = |areas: &[&str]| {
        let what = call.what.to_ascii_lowercase();
        devops
            && areas.iter().any(|area| what.split_once(' ').is_some_and(|(_, path)| path.starts_with(area)))
    };
    match link {
        Link::SignIn => call.service == "STS",
        Link::Provider => call.service == "IAM" && call.what.contains("OpenIDConnect"),
        Link::Role | Link::Trust => call.service == "IAM" && call.object.split(' ').any(|name| name == role),
        Link::Connection => area(&["serviceendpoint/"]),
        Link::Permission => area(&["pipelines/pipelinepermissions"]),
        Link::Gates => area(&["pipelines/checks", "distributedtask/environments"]),
        Link::Handshake => {
            area(&["build/", "pipelines/"]) && !area(&["pipelines/pipelinepermissions", "pipelines/checks"])
        }
    }
}
