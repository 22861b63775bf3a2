//! The doctor: everything is looked at as for a setup, and all that is not as wanted becomes a finding.

use std::collections::BTreeSet;

use super::build::Purpose;
use super::run::{Prepared, prepare};
use super::session::Session;
use super::survey::diagnosed;
use crate::domain::diagnose::signature::known;
use crate::domain::diagnose::{aws, issuer, trust};
use crate::domain::failure::{Code, Evidence, Failure, Result};
use crate::domain::finding::{Finding, FindingCode, Severity};
use crate::domain::handshake::{Handshake, Verdict};
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::engine::erased::Shared;
use crate::engine::known::Of;
use crate::plan::board::Board;
use crate::plan::change::{Ask, Blocked, Change, Plan, Verb};
use crate::plan::file::Only;
use crate::plan::link::{Link, link_of};
use crate::steps::facts::{RoleFact, role_key};

/// What an examination found.
pub struct Examined {
    /// By environment in promotion order, those about all of them first; the worst of each first.
    pub findings: Vec<Finding>,
    /// The plan that heals what can be healed. None: Azure DevOps could not be looked at, and from names and ids as typed
    /// nothing is healed.
    pub prepared: Option<Prepared>,
}

/// Looks at the whole chain of every environment. Reads only.
///
/// Where Azure DevOps cannot be looked at, that is a finding, and AWS is looked at all the same.
///
/// # Errors
/// An environment is unknown or the answers contradict each other; everything else is a finding.
pub async fn examine(session: &mut Session, chosen: &[EnvironmentName]) -> Result<Examined> {
    let mut findings = Vec::new();
    let (prepared, whole) = match look(session, chosen).await {
        Ok(prepared) => (Some(prepared), true),
        Err(failure) if is_input(failure.code) => return Err(failure),
        Err(failure) => {
            findings.push(diagnosed(session, &failure).await);
            (half(session, chosen).await, false)
        }
    };
    if let Some(prepared) = &prepared {
        findings.extend(collect(prepared, &session.events.board()));
        findings.extend(issuer::retires(&prepared.blueprint.grounds.issuer, session.now));
    }
    if !whole {
        // An id that is wrong, or a name that was renamed, would be healed into every trust.
        findings.iter_mut().for_each(|finding| finding.heal = None);
    }
    Ok(Examined {
        findings: sorted(
            findings,
            &session.federation.environments.iter().map(|e| &e.name).collect::<Vec<_>>(),
        ),
        prepared: prepared.filter(|_| whole),
    })
}

async fn look(session: &Session, chosen: &[EnvironmentName]) -> Result<Prepared> {
    prepare(session, "doctor", Purpose::Doctor, chosen).await
}

/// What the person typed, and no cloud's fault.
fn is_input(code: Code) -> bool {
    matches!(code, Code::EnvironmentUnknown | Code::BlueprintConflict | Code::Answers | Code::Stopped)
}

/// AWS alone, where Azure DevOps cannot be looked at.
async fn half(session: &mut Session, chosen: &[EnvironmentName]) -> Option<Prepared> {
    if !session.does_devops() || session.aws.is_empty() || session.federation.organization_id.is_none() {
        return None;
    }
    session.devops = None;
    session.only = Some(Only::Aws);
    look(session, chosen).await.ok()
}

/// Everything a look says that is not as wanted.
fn collect(prepared: &Prepared, board: &Board) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let surveyed = prepared.surveyed.findings.iter().cloned();
    let told = surveyed.chain(board.findings.values().flatten().cloned());
    for finding in told.chain(prepared.plan.blocked.iter().flat_map(blocked)).chain(verdicts(prepared, board))
    {
        if !findings.contains(&finding) && !is_early(&finding, board) {
            findings.push(finding);
        }
    }
    // In the order steps run: the handshakes, which come last, know what is wrong before them.
    for change in &prepared.plan.changes {
        let more = of_change(change, &findings);
        findings.extend(more);
    }
    // Those of what is left alone are told, and not healed.
    for finding in &mut findings {
        finding.heal = finding.heal.take().filter(|step| !prepared.held.contains(step));
    }
    fold_verification(&mut findings);
    for finding in &mut findings {
        tell_subject(finding, &prepared.plan.changes);
    }
    findings
}

/// Steps whose changes heal nothing: a connection that was renamed would be doubled under its old name, and what needs it
/// would be made for a name that nobody uses.
pub fn held(plan: &Plan, steps: &[Shared], board: &Board) -> BTreeSet<StepKey> {
    let findings: Vec<&Finding> = board.findings.values().flatten().collect();
    let doubles =
        |change: &&Change| change.verb == Verb::Create && is_renamed(change, findings.iter().copied());
    let mut held: BTreeSet<StepKey> =
        plan.changes.iter().filter(doubles).map(|change| change.step.clone()).collect();
    // In an order that respects needs.
    for step in steps {
        if step.needs().iter().any(|need| held.contains(need)) {
            held.insert(step.key());
        }
    }
    held
}

/// Whether the connection of a change was found under another name.
fn is_renamed<'a>(change: &Change, mut findings: impl Iterator<Item = &'a Finding>) -> bool {
    change.step.kind == Kind::Connection
        && findings.any(|finding| {
            finding.code == FindingCode::ConnectionRenamed
                && finding.environment.as_ref().is_some_and(|name| change.environments.contains(name))
        })
}

/// A changed subject is never healed by a general yes: the finding says what must be typed.
fn tell_subject(finding: &mut Finding, changes: &[Change]) {
    let healing = changes.iter().filter(|change| finding.heal.as_ref() == Some(&change.step));
    let mut subjects = healing.flat_map(|change| &change.asks).filter_map(|ask| match ask {
        Ask::Subject { wanted, .. } => Some(wanted.clone()),
        _ => None,
    });
    if let Some(wanted) = subjects.next() {
        finding
            .evidence
            .push(Evidence { label: "needs".to_owned(), value: format!("--confirm-subject \"{wanted}\"") });
    }
}

/// What the verification lacks is one finding: its parts are made and mended together.
fn fold_verification(findings: &mut Vec<Finding>) {
    let mut parts = findings.iter().filter(|finding| finding.code == FindingCode::VerificationMissing);
    let Some(first) = parts.next().cloned() else { return };
    let objects: Vec<&str> =
        std::iter::once(&first).chain(parts).filter_map(|finding| finding.evidence("object")).collect();
    let folded = Finding { evidence: Vec::new(), ..first.clone() }.with("object", objects.join(", "));
    let at = findings.iter().position(|finding| finding.code == FindingCode::VerificationMissing);
    findings.retain(|finding| finding.code != FindingCode::VerificationMissing);
    findings.insert(at.unwrap_or_default(), folded);
}

/// A key that was replaced is said once OIDC works in its place: nobody is to turn it off before.
fn is_early(finding: &Finding, board: &Board) -> bool {
    if !matches!(finding.code, FindingCode::KeysActive | FindingCode::KeysUnused) {
        return false;
    }
    let works = |verdict: &Verdict| matches!(verdict, Verdict::Proven | Verdict::Open { .. });
    let proven = board.with_verdict(works);
    !finding.environment.as_ref().is_some_and(|name| proven.contains(name))
}

/// A step that could not be looked at: about its environment, or about all where it serves several.
fn blocked(blocked: &Blocked) -> Option<Finding> {
    let failure = blocked.failure.as_ref()?;
    let environment = match blocked.environments.as_slice() {
        [one] => Some(one),
        _ => None,
    };
    Some(aws::failed(environment, failure).unwrap_or_else(|| Finding::failed(environment, failure)))
}

/// Runs that did not prove what they were made for. Only keyless's own pinned runs are on the board, so what their
/// records say is evidence.
fn verdicts(prepared: &Prepared, board: &Board) -> Vec<Finding> {
    let handshakes = board.environments.iter().filter_map(|status| status.handshake.as_ref());
    handshakes
        .filter_map(|handshake| {
            let about = |code| Finding::about(&handshake.environment, code);
            let finding = match &handshake.verdict {
                Verdict::Failed { reason } => match handshake.finding() {
                    // What is found in the trust says more than that STS refused.
                    Some(named) if named.code == FindingCode::TrustRefused => {
                        if is_explained(board, handshake) {
                            return None;
                        }
                        suspected(prepared, &handshake.environment).unwrap_or(named)
                    }
                    Some(named) => named.with("reason", known().shown(reason)),
                    None => about(FindingCode::HandshakeRefused).with("reason", known().shown(reason)),
                },
                Verdict::Mismatch { what, wanted, found } => {
                    about(FindingCode::HandshakeMismatch).with("claim", what).differs(found, wanted)
                }
                Verdict::Proven | Verdict::Open { .. } | Verdict::Unknown { .. } => return None,
            };
            Some(match &handshake.run {
                Some(run) => finding.with("run", run),
                None => finding,
            })
        })
        .collect()
}

/// What remains where STS refused a token that the trust, as it was read, would admit.
fn suspected(prepared: &Prepared, environment: &EnvironmentName) -> Option<Finding> {
    let wanted = prepared.blueprint.environment(environment)?;
    let role: RoleFact = prepared.known().get(&Of::new(role_key(&wanted.environment)))?;
    let finding = trust::denied_all_the_same(&role.trust, &wanted.role.expected())?;
    Some(Finding { environment: Some(environment.clone()), ..finding }.with("role", &wanted.role.arn))
}

/// Whether an error in the trust of the handshake's environment was found.
fn is_explained(board: &Board, handshake: &Handshake) -> bool {
    board
        .findings_of(&handshake.environment)
        .iter()
        .any(|finding| link_of(finding.code) == Link::Trust && finding.code.severity() == Severity::Error)
}

/// A change that no finding explains is one itself.
fn of_change(change: &Change, findings: &[Finding]) -> Vec<Finding> {
    // That a trust can be taken over while its connection is missing says nothing about why the connection is missing.
    let explains =
        |code: FindingCode| change.step.kind != Kind::Connection || code != FindingCode::TrustDangling;
    let explained =
        findings.iter().any(|finding| finding.heal.as_ref() == Some(&change.step) && explains(finding.code));
    if change.is_keep() || explained || is_renamed(change, findings.iter()) {
        return Vec::new();
    }
    let made = change.verb == Verb::Create;
    let code = match change.step.kind {
        Kind::Provider if made => FindingCode::ProviderMissing,
        Kind::Provider => FindingCode::ProviderAudience,
        Kind::Connection if made => FindingCode::ConnectionMissing,
        Kind::Connection => FindingCode::ConnectionDiffers,
        Kind::Role if made => FindingCode::RoleMissing,
        Kind::Role => FindingCode::RoleDiffers,
        Kind::Extension => FindingCode::Failed(Code::ToolkitMissing),
        Kind::Permission if change.step.object.starts_with("deployments/") => return Vec::new(),
        Kind::Permission => FindingCode::PermissionStanding,
        Kind::Target => FindingCode::DeploymentEnvironment,
        Kind::Group => FindingCode::DeploymentVariables,
        Kind::Gates => FindingCode::GateMissing,
        Kind::Policy => FindingCode::PolicyMissing,
        Kind::Repository | Kind::Pipeline | Kind::Access => FindingCode::VerificationMissing,
        Kind::Handshake => return unproven(change, findings),
        Kind::Decoy => FindingCode::DenialDecoy,
        Kind::Beside => FindingCode::RotationBeside,
        // Who may and should not is a finding of the step's own.
        Kind::Administrators => return Vec::new(),
        Kind::SignIn | Kind::Denial | Kind::Inspection | Kind::Delivery => return Vec::new(),
        Kind::Key => FindingCode::KeysMissing,
        Kind::User => FindingCode::UserDiffers,
        // Steps of rotation, which the doctor does not have.
        Kind::Policies | Kind::Duration | Kind::Issuer => return Vec::new(),
    };
    let finding = match change.environments.as_slice() {
        [one] => Finding::about(one, code),
        _ => Finding::overall(code),
    };
    let finding = match code {
        FindingCode::Failed(code) => {
            Finding { code: finding.code, ..Finding::failed(None, &Failure::new(code)) }
        }
        _ => finding,
    };
    let finding = finding.with("object", &change.title).healed_by(&change.step);
    // That something is made because it is not there is said already.
    vec![if made { finding } else { finding.with("why", &change.why) }]
}

/// Environments that nothing proves. One with a fault is proven when that is healed: nothing more is to be said.
fn unproven(change: &Change, findings: &[Finding]) -> Vec<Finding> {
    let parts = change.after.as_ref().and_then(|after| after.as_object());
    let to_prove: BTreeSet<&str> =
        parts.map(|parts| parts.keys().map(String::as_str).collect()).unwrap_or_default();
    let faulty = |name: &EnvironmentName| {
        findings.iter().any(|finding| finding.environment.as_ref() == Some(name) && finding.heal.is_some())
    };
    let about =
        |name: &EnvironmentName| Finding::about(name, FindingCode::HandshakeMissing).healed_by(&change.step);
    let proven_by_it = change.environments.iter().filter(|name| to_prove.contains(name.as_str()));
    proven_by_it.filter(|name| !faulty(name)).map(about).collect()
}

/// Whether a step is part of what heals a finding: the parts of the verification are one finding, and mended together.
#[must_use]
pub fn heals(healing: &StepKey, step: &StepKey) -> bool {
    healing == step || (is_verification(healing.kind) && is_verification(step.kind))
}

fn is_verification(kind: Kind) -> bool {
    matches!(kind, Kind::Repository | Kind::Pipeline | Kind::Access)
}

/// In the order people read them: about all, then by environment, the worst first.
fn sorted(mut findings: Vec<Finding>, order: &[&EnvironmentName]) -> Vec<Finding> {
    let place = |finding: &Finding| {
        finding.environment.as_ref().map(|name| order.iter().position(|known| *known == name))
    };
    findings
        .sort_by_key(|finding| (place(finding), std::cmp::Reverse(finding.code.severity()), finding.code));
    findings
}
