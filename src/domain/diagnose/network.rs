//! The network of this machine: what its proxy and its clock do to calls to AWS.

use time::{Duration, OffsetDateTime};

use crate::domain::finding::{Finding, FindingCode};

/// How far a clock may be off. AWS takes signatures that are five minutes old.
const SKEW: Duration = Duration::minutes(5);

/// A proxy that is set for HTTP alone: AWS and Azure DevOps are reached over HTTPS, and so without it.
///
/// `variable` tells an environment variable of this machine that is set and not empty.
pub fn proxy<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> Option<Finding> {
    let any = |names: [&str; 2]| names.into_iter().find_map(&variable);
    let http = any(["HTTP_PROXY", "http_proxy"])?;
    let https = any(["HTTPS_PROXY", "https_proxy"]).or_else(|| any(["ALL_PROXY", "all_proxy"]));
    if https.is_some() {
        return None;
    }
    let finding = Finding::overall(FindingCode::ProxyHttps).with("where", "this machine");
    Some(finding.with("proxy", without_password(http)))
}

/// A proxy's address without the name and password that may stand in it.
fn without_password(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((before, host)) => match before.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://{host}"),
            None => host.to_owned(),
        },
        None => address.to_owned(),
    }
}

/// A clock of this machine that is further off than AWS allows. `cloud` is the `Date` of an answer that came at `here`.
pub fn clock(cloud: OffsetDateTime, here: OffsetDateTime) -> Option<Finding> {
    let off = here - cloud;
    if off.abs() <= SKEW {
        return None;
    }
    let way = if off.is_positive() { "ahead" } else { "behind" };
    let minutes = off.abs().whole_minutes();
    let finding = Finding::overall(FindingCode::ClockSkew).with("where", "this machine");
    Some(finding.with("off by", format!("{minutes} minutes {way}")))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn with(variables: &[(&str, &'static str)]) -> Option<Finding> {
        proxy(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| *value))
    }

    #[test]
    fn only_a_proxy_for_http_alone_is_a_finding() {
        let found = with(&[("HTTP_PROXY", "http://ada:secret@proxy:3128")]).unwrap();
        assert_eq!(
            (found.code, found.evidence("proxy")),
            (FindingCode::ProxyHttps, Some("http://proxy:3128"))
        );
        assert!(with(&[("http_proxy", "proxy:3128")]).is_some());
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[("HTTP_PROXY", "http://p"), ("https_proxy", "http://p")]), None);
        assert_eq!(with(&[("http_proxy", "http://p"), ("ALL_PROXY", "http://p")]), None);
    }

    #[test]
    fn five_minutes_are_allowed() {
        let cloud = datetime!(2026-11-21 20:00 UTC);
        assert_eq!(clock(cloud, datetime!(2026-11-21 20:05 UTC)), None);
        let behind = clock(cloud, datetime!(2026-11-21 19:48 UTC)).unwrap();
        assert_eq!(behind.evidence("off by"), Some("12 minutes behind"));
        assert!(clock(cloud, datetime!(2026-11-21 20:06 UTC)).is_some());
    }
}
