//! The IAM role of one environment: compared by meaning, repaired in place, other people's statements kept.

mod difference;
mod present;
mod remove;

use std::collections::BTreeMap;

use super::facts::{ConnectionFact, RoleFact, provider_key, role_key, sign_in_key, user_key};
use super::rights;
use super::rotate::beside::trust_end_key;
use crate::cloud::aws::Aws;
use crate::domain::diagnose;
use crate::domain::diagnose::trust::admitted;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::StepKey;
use crate::domain::mark::{FederationId, Owner};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::policy::{self, Admission, Document, Size, Statement};
use crate::domain::role::{ADOPTED_POLICY, INLINE_POLICY, Role as Found, WantedRole, is_adopted};
use crate::domain::rotation::{Pointer, REPLACES};
use crate::engine::known::{Known, Of, Yields};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::Change;
use crate::plan::link::{Link, LinkState, LinkStatus};

pub use difference::Difference;

/// What keyless changed in a role it did not make, read from the journal: how it was before the first change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origin {
    /// The trust before keyless changed it, and as keyless left it.
    pub trust: Option<(Document, Document)>,
    /// Inline policies keyless wrote, with what was there before.
    pub inline: BTreeMap<String, Option<Document>>,
    /// Managed policies keyless attached.
    pub attached: Vec<String>,
    /// Tags keyless added, with their value before.
    pub tagged: BTreeMap<String, Option<String>>,
    /// The boundary before keyless changed it.
    pub boundary: Option<Option<String>>,
    /// The longest session in seconds before keyless changed it.
    pub max_session: Option<i32>,
}

/// Whether the role is wanted, or is to go.
#[derive(Debug, Clone)]
pub enum Aim {
    /// It must be there as wanted.
    Present,
    /// It goes when keyless made it; else it is put back as it was.
    Absent {
        /// From the journal.
        origin: Box<Origin>,
    },
}

/// The role of one environment.
pub struct Role {
    /// What is wanted.
    pub wanted: WantedRole,
    /// Whether it is wanted at all.
    pub aim: Aim,
    /// Its environment.
    pub environment: Environment,
    /// The federation, to recognise own objects.
    pub federation: FederationId,
    /// Whether the wanted subject is only somebody's word: it was typed for a move of the issuer, and no run told it.
    pub typed: bool,
    /// Whether statements that admit anybody else are to go too: the person asked for it.
    pub close: bool,
    /// The step of the connection its trust names; none where this side does not see it.
    pub connection: Option<StepKey>,
    /// In a teardown, the end of a second connection that the trust may name: it goes after the trust.
    pub second: Option<StepKey>,
    /// Names of the connections that are there or wanted; none where they are not looked at.
    pub connections: Option<Vec<String>>,
    /// The client, or why there is none.
    pub aws: Result<Aws>,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The role.
    pub found: Option<Found>,
    /// How it differs from what is wanted; none where there is no role.
    pub difference: Option<Difference>,
    /// Who else its trust admits, once it is as wanted.
    pub admissions: Vec<Admission>,
    /// Whether its trust admits the subject although the connection is not there.
    pub dangling: bool,
    /// Whether its trust admits the second connection of a rotation although the first one is switched.
    pub left: bool,
    /// What its tag tells of a key it replaces, and the days left by the cloud's own clock.
    pub waits: Option<(Pointer, i64)>,
}

impl Role {
    fn owner(&self, found: &Found) -> Owner {
        self.federation.owner_by_tags(found.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    /// Whether the one subject is trusted, and its connection was looked for and is not there.
    fn is_dangling(&self, found: &Found, known: &Known) -> bool {
        let Some(connection) = &self.connection else { return false };
        matches!(self.aim, Aim::Present)
            && known.get(&Of::<ConnectionFact>::new(connection.clone())).is_none()
            && diagnose::trust::decision(&found.trust, &self.wanted.expected()).is_allowed()
    }

    /// Whether a careful rotation left its second statement behind: a connection without a key is switched.
    fn is_left(&self, found: &Found, known: &Known) -> bool {
        let Some(connection) = &self.connection else { return false };
        let first = known.get(&Of::<ConnectionFact>::new(connection.clone()));
        first.is_none_or(|first| first.parameters.username.is_empty())
            && found.trust.statements().iter().any(|statement| self.wanted.is_second(statement))
    }

    /// A trust as far as it is somebody else's. A second statement whose connection is gone is nobody's: its name can be
    /// taken.
    fn of_others(&self, trust: &Document) -> Document {
        let second = self.wanted.second.as_ref();
        let name = second.and_then(|second| second.subject.rsplit('/').next()).unwrap_or_default();
        let gone = self.connections.as_ref().is_some_and(|all| !all.iter().any(|known| known == name));
        if gone && second.is_some() {
            return WantedRole { second: None, ..self.wanted.clone() }.without_beside(trust);
        }
        self.wanted.without_beside(trust)
    }

    /// IAM counts all inline policies of a role together, those of others included.
    fn check_inline(&self, found: &Found) -> Result<()> {
        let others = found.inline.iter().filter(|(name, _)| !self.wanted.inline.contains_key(*name));
        let all = others.map(|(_, document)| document).chain(self.wanted.inline.values());
        match policy::inline_size(all) {
            Size::TooLarge { used, limit } => Err(Failure::new(Code::PolicyTooLong)
                .with("policy", format!("inline policies of {} together", self.wanted.arn))
                .with("characters", used)
                .with("limit", limit)),
            Size::Fits { .. } | Size::OverDefault { .. } => Ok(()),
        }
    }

    /// Who else is admitted by what is kept, as an end of a sentence; empty: nobody.
    fn also_admits(admissions: &[Admission]) -> String {
        let who: Vec<String> =
            admissions.iter().filter(|a| a.kind.is_another_identity()).map(admitted).collect();
        if who.is_empty() { String::new() } else { format!("; what is kept also admits {}", who.join("; ")) }
    }

    fn findings(&self, seen: &Seen, found: &Found, difference: &Difference) -> Vec<Finding> {
        let name = &self.wanted.environment;
        let mut findings = self.of_trust(found, difference);
        if seen.dangling {
            let finding = Finding::about(name, FindingCode::TrustDangling)
                .with("role", &found.arn)
                .with("admits", format!("subject {}", self.wanted.subject));
            findings.extend(self.connection.iter().map(|connection| finding.clone().healed_by(connection)));
        }
        if seen.left {
            let sid = self.wanted.second_sid();
            let finding = Finding::about(name, FindingCode::RotationBeside)
                .with("left", format!("statement {sid} of the trust of role {}", found.arn.name));
            findings.push(finding.healed_by(&trust_end_key(name)));
        }
        findings.extend(diagnose::role::explains(found, &self.wanted).into_iter().map(|finding| {
            let heals = match finding.code {
                FindingCode::RoleSession => difference.max_session.is_some(),
                FindingCode::RoleBoundary => difference.boundary.is_some(),
                FindingCode::RoleStar | FindingCode::RolePlanWrites => {
                    let policy = finding.evidence("policy").and_then(|name| difference.inline.get(name));
                    policy.is_some_and(|document| diagnose::role::is_mended(finding.code, document))
                }
                _ => false,
            };
            if heals { finding.healed_by(&self.key()) } else { finding }
        }));
        if let Size::OverDefault { used, .. } = policy::trust_size(&difference.trust) {
            let finding = Finding::about(name, FindingCode::TrustLong);
            findings.push(finding.with("role", &found.arn).with("characters", used));
        }
        let named = |arn: &&String| diagnose::role::is_administrator(arn);
        let extra: Vec<&str> = found
            .inline
            .keys()
            .filter(|policy| ![INLINE_POLICY, ADOPTED_POLICY].contains(&policy.as_str()))
            .chain(found.managed.iter().filter(|arn| {
                !self.wanted.managed.contains(arn) && !named(arn) && !is_adopted(&found.tags, arn)
            }))
            .map(String::as_str)
            .collect();
        if !extra.is_empty() {
            let finding = Finding::about(name, FindingCode::RoleExtraPolicies);
            findings.push(finding.with("role", &found.arn).with("policies", extra.join(", ")));
        }
        findings.extend(seen.waits.as_ref().map(|(pointer, days)| waiting(name, pointer, *days)));
        if let Owner::Other { name: owner } = self.owner(found) {
            let finding = Finding::about(name, FindingCode::RoleForeign);
            findings.push(finding.with("role", &found.arn).with("owner", owner));
        }
        findings
    }

    /// Whether somebody limited whom the trust lets in beyond subject and audience: keyless's own statement, beside that
    /// one or in its place, would admit all the same.
    fn restricts(&self, found: &Found) -> bool {
        if self.wanted.trusts.is_some() {
            return false;
        }
        let own = |claim: &str| format!("{}:{claim}", self.wanted.issuer_host_path);
        let usual = |key: &str| ["sub", "aud"].iter().any(|claim| key.eq_ignore_ascii_case(&own(claim)));
        found.trust.statements().iter().any(|statement| {
            statement.effect() == policy::Effect::Allow
                && statement.to_value().to_string().contains(&self.wanted.provider_arn)
                && statement.conditions().iter().any(|condition| !usual(&condition.key))
        })
    }

    /// What is wrong with the trust as it is. What the trust as it is to be does not say any more, this step heals.
    fn of_trust(&self, found: &Found, difference: &Difference) -> Vec<Finding> {
        let expected = self.wanted.expected();
        let explains = |trust: &Document| {
            let (trust, names) = (self.of_others(trust), self.connections.as_deref());
            match self.wanted.trusts {
                Some(_) => diagnose::trust::lets_in(&trust, &expected, names),
                None => diagnose::trust::explains(&trust, &expected, names),
            }
        };
        let stays = if difference.trust_changes { explains(&difference.trust) } else { Vec::new() };
        // A statement may have another place afterwards: what it says and whom it lets in counts.
        let same = |one: &Finding, other: &Finding| {
            one.code == other.code
                && ["admits", "found"].iter().all(|label| one.evidence(label) == other.evidence(label))
        };
        let about = |finding: Finding| {
            let heals = difference.trust_changes && !stays.iter().any(|left| same(left, &finding));
            let role = Finding::about(&self.wanted.environment, finding.code).with("role", &found.arn);
            let evidence = role.evidence.into_iter().chain(finding.evidence).collect();
            let finding = Finding { environment: role.environment, evidence, ..finding };
            if heals { finding.healed_by(&self.key()) } else { finding }
        };
        let moves = diagnose::issuer::moves(&self.wanted, found);
        explains(&found.trust).into_iter().map(about).chain(moves).collect()
    }
}

/// What waits, where the role replaces a key: only then is the cloud asked for its time.
async fn waits(aws: &Aws, found: &Found) -> Result<Option<(Pointer, i64)>> {
    let pointer = found.tags.get(REPLACES).and_then(|value| Pointer::read(value));
    let Some((pointer, waits)) = pointer.and_then(|pointer| Some((pointer.clone(), pointer.waits?))) else {
        return Ok(None);
    };
    let left = waits.until - aws.cloud_time().await?;
    // A part of a day is one that is still waited for.
    let days = (left.whole_seconds().max(0) + 86_399) / 86_400;
    Ok(Some((pointer, days)))
}

fn waiting(environment: &EnvironmentName, pointer: &Pointer, days: i64) -> Finding {
    let until = pointer.waits.map(|waits| waits.until.date().to_string()).unwrap_or_default();
    let off = pointer.waits.is_some_and(|waits| waits.off);
    Finding::about(environment, FindingCode::RotationWaits)
        .with("access key", &pointer.key)
        .with("user", &pointer.user)
        .with("state", if off { "stays off" } else { "is watched" })
        .with("until", until)
        .with("days", days)
}

impl Step for Role {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        role_key(&self.environment)
    }

    fn title(&self) -> String {
        format!("role {} in {}", self.wanted.arn.name, self.wanted.arn.account)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        let trusted = user_key(&self.environment).unwrap_or_else(|| provider_key(&self.wanted.arn.account));
        let own = [sign_in_key(&self.environment), trusted];
        own.into_iter().chain(self.connection.clone()).chain(self.second.clone()).collect()
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let Some(found) = aws.role(&self.wanted.arn.name).await? else {
            return Ok(Seen {
                found: None,
                difference: None,
                admissions: Vec::new(),
                dangling: false,
                left: false,
                waits: None,
            });
        };
        if found.arn != self.wanted.arn && matches!(self.aim, Aim::Present) {
            return Err(Failure::new(Code::BlueprintConflict)
                .with("role", &found.arn)
                .with("wanted", &self.wanted.arn)
                .with("cause", "a role of that name exists with another path; a path cannot be changed"));
        }
        let adopted = self.owner(&found) != Owner::Ours;
        let mut difference = Difference::between(&found, &self.wanted, &self.wanted.statement()?, adopted);
        if self.close {
            let others = policy::others_admitted(&difference.trust, &self.wanted.expected());
            let own = |one: &Statement| self.wanted.is_ours(one) || self.wanted.is_second(one);
            difference.close(&others, own);
        }
        self.wanted.check_trust(&difference.trust)?;
        self.check_inline(&found)?;
        let admissions = self.wanted.others_admitted(&difference.trust);
        let dangling = self.is_dangling(&found, known);
        let left = self.is_left(&found, known);
        let waits = if known.is_applying() { None } else { waits(aws, &found).await? };
        Ok(Seen { found: Some(found), difference: Some(difference), admissions, dangling, left, waits })
    }

    fn yields(&self, seen: &Seen) -> Yields {
        match &seen.found {
            Some(found) => Yields::some(RoleFact { id: found.id.clone(), trust: found.trust.clone() }),
            None => Yields::none(),
        }
    }

    fn report(&self, seen: &Seen) -> Report {
        let name = &self.wanted.environment;
        let (Some(found), Some(difference)) = (&seen.found, &seen.difference) else {
            let links = vec![
                LinkStatus::new(name, Link::Role, LinkState::Absent, self.wanted.arn.name.as_str()),
                LinkStatus::new(name, Link::Trust, LinkState::Absent, "no role"),
            ];
            return Report { links, ..Report::default() };
        };
        let (state, detail) = match difference.beside_trust().as_slice() {
            [] => (LinkState::Ok, found.arn.name.to_string()),
            parts => (LinkState::Differs, format!("{}: {}", found.arn.name, parts.join(", "))),
        };
        let state = match self.owner(found) {
            Owner::Other { .. } if state == LinkState::Differs => LinkState::Foreign,
            _ => state,
        };
        let (trust, trust_detail) = if difference.trust_changes {
            (LinkState::Differs, difference.trust_why.clone())
        } else if seen.admissions.is_empty() {
            let by = self.environment.authentication.user();
            (LinkState::Ok, by.map_or_else(|| "aud sub iss".to_owned(), |user| format!("user {user}")))
        } else {
            (LinkState::Ok, format!("also admits {}", seen.admissions.len()))
        };
        Report {
            links: vec![
                LinkStatus::new(name, Link::Role, state, detail),
                LinkStatus::new(name, Link::Trust, trust, trust_detail),
            ],
            findings: self.findings(seen, found, difference),
            handshakes: Vec::new(),
            denials: Vec::new(),
            found: Some(present::shown_whole(found)),
        }
    }

    fn plan(&self, seen: &Seen) -> Change {
        match &self.aim {
            Aim::Present => self.plan_present(seen),
            Aim::Absent { origin } => self.plan_absent(seen.found.as_ref(), origin),
        }
    }

    async fn apply(&self, _cx: &Cx, known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let change = self.plan(&seen);
        rights::check(known, &self.environment, &change)?;
        match &self.aim {
            // IAM takes a user for none that it has made just now. The statement itself is keyless's own, and right.
            Aim::Present if self.wanted.trusts.is_some() => {
                let applied = self.apply_present(aws, pen, seen).await;
                applied.map_err(|failure| match failure.code {
                    Code::PolicyMalformed => failure.class(Class::NotYet),
                    _ => failure,
                })
            }
            Aim::Present => self.apply_present(aws, pen, seen).await,
            Aim::Absent { origin } => self.apply_absent(aws, pen, seen.found, origin).await,
        }
    }
}
