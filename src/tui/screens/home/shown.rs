//! What is shown of one environment: the running run's word where it has one, else what was seen last.

use crate::domain::denial;
use crate::domain::finding::Finding;
use crate::domain::handshake::{Handshake, Verdict};
use crate::explain;
use crate::explain::signs::{self, Paint, Sign};
use crate::plan::board::{Board, EnvironmentStatus};
use crate::plan::link::{Link, LinkState, LinkStatus};
use crate::tui::fleet::Pane;
use crate::tui::rotation::Waits;
use crate::tui::shared::Shared;
use crate::tui::when;
use crate::tui::widgets::fuzzy;

/// One environment with the time it is shown at.
pub(super) struct Shown<'a> {
    pub(super) pane: &'a Pane,
    /// The step of a run that works on it now.
    pub(super) step: Option<String>,
    running: Option<&'a Board>,
    now: i64,
}

impl<'a> Shown<'a> {
    pub(super) fn of(pane: &'a Pane, shared: &'a Shared) -> Self {
        let name = &pane.info.name;
        let run = shared.run.as_ref().filter(|run| run.is_going());
        let run = run.filter(|run| run.board.environments.iter().any(|status| status.info.name == *name));
        let step = run.and_then(|run| {
            let mine = |step: &&crate::plan::board::StepStatus| {
                step.info.environments.contains(name) && run.since.contains_key(&step.info.step)
            };
            run.board.steps.iter().find(mine).map(|step| step.info.step.kind.as_str().to_owned())
        });
        Self { pane, step, running: run.map(|run| &run.board), now: shared.seconds() }
    }

    fn board(&self) -> Option<&'a Board> {
        self.running.or(self.pane.board.as_deref())
    }

    pub(super) fn status(&self) -> Option<&'a EnvironmentStatus> {
        let name = &self.pane.info.name;
        self.board()?.environments.iter().find(|status| status.info.name == *name)
    }

    pub(super) fn link(&self, link: Link) -> Option<&'a LinkStatus> {
        self.status()?.chain.iter().find(|status| status.link == link)
    }

    pub(super) fn handshake(&self) -> Option<&'a Handshake> {
        self.status()?.handshake.as_ref()
    }

    /// Findings, worst first.
    pub(super) fn findings(&self) -> Vec<&'a Finding> {
        self.board().map(|board| board.findings_of(&self.pane.info.name)).unwrap_or_default()
    }

    pub(super) fn badness(&self) -> u32 {
        self.pane.badness()
    }

    /// The link to look at first: the first that failed, else the first that is not as wanted.
    pub(super) fn worst_link(&self) -> usize {
        let state = |at: usize| self.link(Link::ALL[at]).map(|link| link.state);
        let first = |wanted: &dyn Fn(LinkState) -> bool| {
            (0..Link::ALL.len()).find(|at| state(*at).is_some_and(wanted))
        };
        first(&|state| state == LinkState::Failed)
            .or_else(|| first(&|state| matches!(state, LinkState::Differs | LinkState::Foreign)))
            .or_else(|| first(&|state| matches!(state, LinkState::Absent | LinkState::Waiting)))
            .unwrap_or(0)
    }

    /// The verdict: its sign and its words.
    pub(super) fn verdict(&self) -> (Sign, String) {
        if let Some(step) = &self.step {
            return (signs::state(LinkState::Waiting), format!("running: {step}"));
        }
        let Some(status) = self.status() else {
            let (state, words) = match (self.pane.looking, &self.pane.failure) {
                (true, _) => (LinkState::Unknown, "looking"),
                (false, Some(_)) => (LinkState::Failed, "look failed"),
                (false, None) => (LinkState::Unknown, "not looked at yet"),
            };
            return (signs::state(state), words.to_owned());
        };
        let Some(handshake) = &status.handshake else {
            return (signs::state(LinkState::Unknown), "not proven yet".to_owned());
        };
        let words = match &handshake.verdict {
            Verdict::Proven => "proven",
            Verdict::Open { .. } => "proven, open",
            Verdict::Mismatch { .. } => "mismatch",
            Verdict::Failed { .. } => "failed",
            Verdict::Unknown { .. } => "not proven",
        };
        (signs::verdict(Some(&handshake.verdict)), words.to_owned())
    }

    /// When it was proven, as an age; empty: it was not.
    pub(super) fn proven_ago(&self) -> String {
        let proven = self.handshake().filter(|handshake| handshake.verdict == Verdict::Proven);
        let at = proven.and_then(|handshake| when::read(handshake.at.as_deref()?));
        at.map(|at| when::ago(self.now - at)).unwrap_or_default()
    }

    /// What the last denial proof says, with its age, whole and short; none: none was made that still holds.
    pub(super) fn denial(&self) -> Option<(Paint, String, String)> {
        let denial = self.status()?.denial.as_ref()?;
        let at = denial.at.as_deref().and_then(when::read);
        let age = at.map(|at| format!(", {}", when::ago(self.now - at))).unwrap_or_default();
        let (words, brief) = match denial.verdict {
            denial::Verdict::Denied => (denial.verdict.words(), "denied"),
            denial::Verdict::Admitted => (denial.verdict.words(), "let in"),
            denial::Verdict::Unknown { .. } => ("denial unknown", "denial unknown"),
        };
        let paint = signs::denial(&denial.verdict).paint;
        Some((paint, format!("{words}{age}"), format!("{brief}{age}")))
    }

    /// The identity that answered: `AzureDevOpsDevRole/keyless-dev`.
    pub(super) fn identity(&self) -> Option<&'a str> {
        let arn = self.handshake()?.identity.as_deref()?;
        Some(arn.split_once(":assumed-role/").map_or(arn, |(_, session)| session))
    }

    /// The one sentence a person should read first, beside the verdict; empty: all is well.
    pub(super) fn trouble(&self) -> (Paint, String) {
        if let Some(failure) = &self.pane.failure {
            return (Paint::Bad, explain::failure(failure).cause);
        }
        let verdict = self.handshake().map(|handshake| &handshake.verdict);
        if let Some(verdict @ (Verdict::Failed { .. } | Verdict::Mismatch { .. })) = verdict {
            return (Paint::Bad, verdict.reason().unwrap_or_default());
        }
        if let Some(finding) = self.findings().first() {
            if let Some(waits) = Waits::of(finding) {
                return (if waits.days > 0 { severity(finding) } else { Paint::Warn }, waits.short());
            }
            let text = format!("{}: {}", finding.code.text(), explain::finding(finding).cause);
            return (severity(finding), text);
        }
        let link = self.link(Link::ALL[self.worst_link()]);
        match link.filter(|link| link.state != LinkState::Ok && link.state != LinkState::Unknown) {
            Some(link) => {
                (signs::state(link.state).paint, format!("{}: {}", link.link.as_str(), link.detail))
            }
            None => (Paint::Dim, verdict.and_then(Verdict::reason).unwrap_or_default()),
        }
    }

    /// How fresh this is; `brief` in a pane.
    pub(super) fn freshness(&self, brief: bool) -> (Paint, String) {
        let pane = self.pane;
        if self.running.is_some() {
            return (Paint::Dim, "live".to_owned());
        }
        if pane.looking {
            return (Paint::Dim, "looking now".to_owned());
        }
        if let Some(seconds) = pane.backs_off(self.now) {
            return (Paint::Bad, format!("again in {}", when::span(seconds)));
        }
        match pane.seen {
            None => (Paint::Dim, "not looked at yet".to_owned()),
            Some(seen) if pane.old && brief => {
                (Paint::Warn, format!("{}, last start", when::ago(self.now - seen)))
            }
            Some(seen) if pane.old => {
                (Paint::Warn, format!("seen {}, before this start", when::ago(self.now - seen)))
            }
            Some(seen) => (Paint::Dim, format!("seen {}", when::ago(self.now - seen))),
        }
    }

    /// Whether every word of a filter fits: letters in order in a name, or a part of anything else.
    pub(super) fn fits(&self, words: &[String]) -> bool {
        let info = &self.pane.info;
        let mut texts = vec![info.account.clone(), info.region.clone(), info.role.clone()];
        texts.extend(info.branches.iter().cloned());
        texts.push(self.verdict().1);
        texts.push(self.freshness(false).1);
        texts.push(if info.protected { "protected" } else { "" }.to_owned());
        if let Some(status) = self.status() {
            let states = status.chain.iter().map(|link| link.state).filter(|state| *state != LinkState::Ok);
            texts.extend(states.map(|state| state.as_str().to_owned()));
        }
        texts.extend(self.findings().iter().map(|finding| finding.code.text()));
        let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
        words.iter().all(|word| {
            fuzzy::has(word, info.name.as_str())
                || fuzzy::has(word, &info.connection)
                || texts.iter().any(|text| text.contains(word.as_str()))
        })
    }
}

/// What the colour of a finding is.
pub(in crate::tui) fn severity(finding: &Finding) -> Paint {
    use crate::domain::finding::Severity;
    match finding.code.severity() {
        Severity::Error => Paint::Bad,
        Severity::Warning => Paint::Warn,
        Severity::Note => Paint::Dim,
    }
}
