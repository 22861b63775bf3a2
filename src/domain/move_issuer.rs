//! Moving from one issuer to another: what runs have shown, what was typed, and which of it the move may rest on. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::handshake::Claims;
use super::issuer::Issuer;
use super::names::EnvironmentName;
use super::policy::Expected;

/// The claims of the token that one environment's newest pinned run got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The claims.
    pub claims: Claims,
    /// When the run's task ended (RFC 3339, Azure DevOps's clock).
    pub at: Option<String>,
    /// The run's page.
    pub run: Option<String>,
}

/// How one environment stands before a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub environment: EnvironmentName,
    /// Its connection: id, and name.
    pub connection: Option<(Uuid, String)>,
    /// What its newest pinned run showed; none: no run has shown a token.
    pub observed: Option<Observed>,
    /// The token of the second statement of its trust; none: there is no such statement.
    pub next: Option<Expected>,
}

impl Standing {
    fn sees(&self, issuer: &Issuer) -> bool {
        self.observed.as_ref().is_some_and(|observed| observed.claims.issuer == issuer.as_str())
    }

    /// Whether a subject says by itself that it is this connection's: by id, or by name at its end.
    fn is_named_in(&self, subject: &str) -> bool {
        self.connection.as_ref().is_some_and(|(id, name)| {
            subject.to_ascii_lowercase().contains(&id.to_string()) || subject.ends_with(&format!("/{name}"))
        })
    }
}

/// What a person typed, before any run has shown it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// The issuer.
    pub issuer: Option<Issuer>,
    /// The audience; none: the present one.
    pub audience: Option<String>,
    /// The subjects by environment.
    pub subjects: BTreeMap<EnvironmentName, String>,
    /// The `azp` claim, which no log shows.
    pub azp: Option<String>,
}

/// Where a move leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// The issuer.
    pub issuer: Issuer,
    /// The audience.
    pub audience: String,
    /// The `azp` claim, where tokens have one.
    pub azp: Option<String>,
    /// The subjects of all environments.
    pub subjects: BTreeMap<EnvironmentName, String>,
    /// Environments whose subject is only somebody's word.
    pub typed: BTreeSet<EnvironmentName>,
    /// Environments whose tokens do not come from there yet.
    pub waits: Vec<EnvironmentName>,
}

/// Why there is no target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stays {
    /// Every run that is known got its token from the present issuer, and nothing else was typed or begun.
    Here,
    /// Another issuer is known, and one environment's subject there is not.
    Unknown {
        /// The other issuer.
        issuer: Issuer,
        /// The environment.
        environment: EnvironmentName,
    },
    /// Environments are told different issuers or audiences.
    Contradiction {
        /// In words.
        what: String,
    },
}

/// Where a move from `from` leads: what was typed, else what a run showed, else what a move that was begun has in the trusts.
///
/// # Errors
/// There is no move to make, or not enough is known for one.
pub fn target(from: &Issuer, audience: &str, standings: &[Standing], typed: &Typed) -> Result<Target, Stays> {
    let issuer = match &typed.issuer {
        Some(issuer) => issuer.clone(),
        None => seen_or_begun(from, standings)?.ok_or(Stays::Here)?,
    };
    if issuer == *from {
        return Err(Stays::Here);
    }
    let mut target = Target {
        audience: typed.audience.clone().unwrap_or_else(|| audience.to_owned()),
        azp: typed.azp.clone(),
        subjects: BTreeMap::new(),
        typed: BTreeSet::new(),
        waits: Vec::new(),
        issuer,
    };
    let mut audiences: BTreeSet<&str> = BTreeSet::new();
    for standing in standings {
        let name = &standing.environment;
        let observed = standing.observed.as_ref().filter(|_| standing.sees(&target.issuer));
        let next = standing.next.as_ref().filter(|next| next.issuer_host_path == target.issuer.host_path());
        let subject = match (observed, typed.subjects.get(name), next) {
            (Some(observed), _, _) => {
                audiences.insert(&observed.claims.audience);
                &observed.claims.subject
            }
            (None, Some(typed), _) => typed,
            (None, None, Some(next)) => &next.subject,
            (None, None, None) => {
                return Err(Stays::Unknown { issuer: target.issuer, environment: name.clone() });
            }
        };
        // What is trusted already was confirmed when it was added.
        let confirmed = next.is_some_and(|next| next.subject == *subject);
        if !confirmed && (observed.is_none() || !standing.is_named_in(subject)) {
            target.typed.insert(name.clone());
        }
        if observed.is_none() {
            target.waits.push(name.clone());
        }
        if let Some(same) = target.subjects.iter().find(|(_, known)| *known == subject) {
            return Err(Stays::Contradiction {
                what: format!("{} and {name} have one subject: {subject}", same.0),
            });
        }
        target.subjects.insert(name.clone(), subject.clone());
    }
    if audiences.len() > 1 {
        let all: Vec<&str> = audiences.into_iter().collect();
        return Err(Stays::Contradiction {
            what: format!("runs show several audiences: {}", all.join(", ")),
        });
    }
    if let Some(seen) = audiences.first() {
        (*seen).clone_into(&mut target.audience);
    }
    begun_audience(&mut target, standings);
    Ok(target)
}

/// A move that was begun demands an audience that no run shows: the `azp` claim that was typed then.
fn begun_audience(target: &mut Target, standings: &[Standing]) {
    let begun = standings.iter().filter_map(|standing| standing.next.as_ref());
    let mut begun = begun.filter(|next| next.issuer_host_path == target.issuer.host_path());
    if let (None, Some(next)) = (&target.azp, begun.next())
        && next.audience != target.audience
    {
        target.azp = Some(next.audience.clone());
    }
}

/// Another issuer than `from` that a run showed, else one that a trust names beside it.
fn seen_or_begun(from: &Issuer, standings: &[Standing]) -> Result<Option<Issuer>, Stays> {
    let seen = standings.iter().filter_map(|standing| standing.observed.as_ref());
    let seen = seen.map(|observed| observed.claims.issuer.clone());
    let seen: BTreeSet<String> = seen.filter(|issuer| issuer != from.as_str()).collect();
    let begun = standings.iter().filter_map(|standing| standing.next.as_ref());
    let begun: BTreeSet<String> = begun.map(|next| format!("https://{}", next.issuer_host_path)).collect();
    let others = if seen.is_empty() { begun } else { seen };
    let mut others = others.into_iter();
    match (others.next(), others.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => only
            .parse()
            .map(Some)
            .map_err(|_| Stays::Contradiction { what: format!("{only} is no issuer that IAM takes") }),
        (Some(one), Some(other)) => {
            Err(Stays::Contradiction { what: format!("tokens come from {one} and from {other}") })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    const OLD: &str = "https://old.example/x";
    const NEW: &str = "https://new.example/t/v2.0";
    const ID: Uuid = uuid::uuid!("0a000000-0000-0000-0000-000000000001");

    fn standing(name: &str, issuer: Option<&str>, next: Option<&str>) -> Standing {
        let subject = format!("/eid1/{ID}-{name}");
        let observed = issuer.map(|issuer| Observed {
            claims: Claims {
                issuer: issuer.to_owned(),
                subject: subject.clone(),
                audience: "aud".to_owned(),
            },
            at: None,
            run: None,
        });
        let next = next.map(|next| Expected {
            provider_arn: "arn".to_owned(),
            issuer_host_path: next.trim_start_matches("https://").to_owned(),
            audience: "aud".to_owned(),
            subject,
        });
        let connection = Some((ID, format!("AWS-{name}")));
        Standing { environment: name.parse().unwrap(), connection, observed, next }
    }

    fn of(standings: &[Standing], typed: &Typed) -> Result<Target, Stays> {
        target(&OLD.parse().unwrap(), "aud", standings, typed)
    }

    #[test]
    fn nothing_is_moved_while_runs_show_the_present_issuer() {
        assert_eq!(of(&[standing("dev", Some(OLD), None)], &Typed::default()), Err(Stays::Here));
        assert_eq!(of(&[standing("dev", None, None)], &Typed::default()), Err(Stays::Here));
    }

    #[test]
    fn what_a_run_shows_is_moved_to() {
        let found = of(&[standing("dev", Some(NEW), None)], &Typed::default()).unwrap();
        assert_eq!((found.issuer.as_str(), found.waits.len(), found.typed.len()), (NEW, 0, 0));
        let stays =
            of(&[standing("dev", Some(NEW), None), standing("prod", Some(OLD), None)], &Typed::default());
        assert!(matches!(stays, Err(Stays::Unknown { environment, .. }) if environment.as_str() == "prod"));
        let two = [standing("dev", Some(NEW), None), standing("prod", Some("https://third.example"), None)];
        assert!(matches!(of(&two, &Typed::default()), Err(Stays::Contradiction { .. })));
    }

    #[test]
    fn a_subject_that_does_not_name_its_connection_is_only_somebodys_word() {
        let mut odd = standing("dev", Some(NEW), None);
        odd.connection = Some((Uuid::nil(), "AWS-Dev".to_owned()));
        assert_eq!(of(&[odd], &Typed::default()).unwrap().typed.len(), 1);
    }

    #[test]
    fn what_is_typed_waits_and_is_confirmed_once() {
        let typed = Typed {
            issuer: Some(NEW.parse().unwrap()),
            subjects: BTreeMap::from([("dev".parse().unwrap(), "/eid1/typed".to_owned())]),
            ..Typed::default()
        };
        let found = of(&[standing("dev", Some(OLD), None)], &typed).unwrap();
        assert_eq!((found.typed.len(), found.waits.len()), (1, 1));
        // Later the trust tells where it leads, without flags.
        let found = of(&[standing("dev", Some(OLD), Some(NEW))], &Typed::default()).unwrap();
        assert_eq!((found.typed.len(), found.waits.len()), (0, 1));
        let found = of(&[standing("dev", Some(NEW), Some(NEW))], &Typed::default()).unwrap();
        assert_eq!((found.typed.len(), found.waits.len()), (0, 0));
    }

    #[test]
    fn a_typed_azp_is_remembered_by_the_trust() {
        let mut begun = standing("dev", Some(NEW), Some(NEW));
        begun.next.as_mut().unwrap().audience = "client".to_owned();
        let found = of(&[begun], &Typed::default()).unwrap();
        assert_eq!((found.audience.as_str(), found.azp.as_deref()), ("aud", Some("client")));
    }

    #[test]
    fn two_environments_never_get_one_subject() {
        let one = standing("dev", Some(NEW), None);
        let other = Standing { environment: "prod".parse().unwrap(), ..one.clone() };
        assert!(matches!(of(&[one, other], &Typed::default()), Err(Stays::Contradiction { .. })));
    }
}
