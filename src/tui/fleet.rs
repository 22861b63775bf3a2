//! The panes: one per environment, each with what was seen last and when it is looked at next.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::msg::{LastSeen, Seen};
use crate::domain::failure::Failure;
use crate::domain::federation::Federation;
use crate::domain::finding::{Finding, Severity};
use crate::domain::handshake::Verdict;
use crate::domain::names::EnvironmentName;
use crate::plan::board::{Board, EnvironmentStatus};
use crate::plan::event::{EnvironmentInfo, Header};
use crate::plan::link::{Link, LinkState, LinkStatus};

/// The shortest pause between two looks at one environment, in seconds.
pub const SHORTEST: i64 = 5;
/// The pause without any setting, in seconds.
pub const USUAL: i64 = 60;
/// The longest pause after failures, in seconds.
const LONGEST: i64 = 15 * 60;
/// What is due within this part of the pause is looked at together.
const TOGETHER: i64 = 10;
/// Environments looked at in one second, on average, whatever the interval: the clouds throttle.
const PER_SECOND: usize = 4;

/// One environment.
#[derive(Debug, Clone)]
pub struct Pane {
    /// What its answers say.
    pub info: EnvironmentInfo,
    /// What was seen last; none: nothing yet.
    pub board: Option<Arc<Board>>,
    /// When it was seen (seconds since 1970).
    pub seen: Option<i64>,
    /// Whether what is shown is from an earlier start of the program.
    pub old: bool,
    /// Whether it is being looked at.
    pub looking: bool,
    /// Why the last look failed.
    pub failure: Option<Failure>,
    /// Looks that failed one after the other.
    failures: u32,
    /// When it is looked at next.
    due: i64,
}

impl Pane {
    fn new(info: EnvironmentInfo) -> Self {
        Self { info, board: None, seen: None, old: false, looking: false, failure: None, failures: 0, due: 0 }
    }

    /// The environment on its board.
    pub fn status(&self) -> Option<&EnvironmentStatus> {
        self.board.as_ref()?.environments.iter().find(|status| status.info.name == self.info.name)
    }

    /// A link as it was seen.
    pub fn link(&self, link: Link) -> Option<&LinkStatus> {
        self.status()?.chain.iter().find(|status| status.link == link)
    }

    /// The latest verdict.
    pub fn verdict(&self) -> Option<&Verdict> {
        Some(&self.status()?.handshake.as_ref()?.verdict)
    }

    /// The worst finding.
    pub fn worst(&self) -> Option<&Finding> {
        self.board.as_ref()?.findings_of(&self.info.name).into_iter().next()
    }

    /// How bad it stands, for the order of a table: the larger, the worse.
    pub fn badness(&self) -> u32 {
        let Some(status) = self.status() else { return 1 };
        let worst = status.chain.iter().map(|link| weight(link.state)).max().unwrap_or(0);
        let verdict = match self.verdict() {
            Some(Verdict::Proven) => 0,
            Some(Verdict::Open { .. }) => 5,
            Some(Verdict::Unknown { .. }) | None => 1,
            Some(Verdict::Mismatch { .. } | Verdict::Failed { .. }) => 7,
        };
        let finding = match self.worst().map(|finding| finding.code.severity()) {
            Some(Severity::Error) => 5,
            Some(Severity::Warning) => 2,
            Some(Severity::Note) | None => 0,
        };
        worst.max(verdict).max(finding).max(if self.failure.is_some() { 6 } else { 0 })
    }

    /// After how many seconds the next look comes, where the last ones failed.
    pub fn backs_off(&self, now: i64) -> Option<i64> {
        (self.failures > 0 && !self.looking).then(|| (self.due - now).max(0))
    }
}

fn weight(state: LinkState) -> u32 {
    match state {
        LinkState::Ok => 0,
        LinkState::Unknown => 1,
        LinkState::Waiting => 2,
        LinkState::Absent => 3,
        LinkState::Foreign => 4,
        LinkState::Differs => 6,
        LinkState::Failed => 7,
    }
}

/// All panes, and the rhythm they are looked at in.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// In promotion order.
    panes: Vec<Pane>,
    places: BTreeMap<EnvironmentName, usize>,
    /// The header of the last board seen.
    pub header: Option<Header>,
    /// Seconds between two looks, as set.
    interval: i64,
    /// Whether panes are looked at by themselves.
    paused: bool,
    round: u64,
}

impl Default for Fleet {
    fn default() -> Self {
        Self {
            panes: Vec::new(),
            places: BTreeMap::new(),
            header: None,
            interval: USUAL,
            paused: false,
            round: 0,
        }
    }
}

impl Fleet {
    /// The panes in promotion order.
    pub fn panes(&self) -> &[Pane] {
        &self.panes
    }

    /// The pane of an environment.
    pub fn pane(&self, name: &EnvironmentName) -> Option<&Pane> {
        self.places.get(name).and_then(|place| self.panes.get(*place))
    }

    fn pane_mut(&mut self, name: &EnvironmentName) -> Option<&mut Pane> {
        let place = *self.places.get(name)?;
        self.panes.get_mut(place)
    }

    /// Takes the environments of these answers. What was seen of them stays where the answers did not change.
    pub fn take_answers(&mut self, federation: &Federation) {
        let mut known: BTreeMap<EnvironmentName, Pane> =
            self.panes.drain(..).map(|pane| (pane.info.name.clone(), pane)).collect();
        // A read-only access has a pane of its own.
        self.panes = federation
            .with_reading()
            .environments
            .iter()
            .map(|environment| {
                let info = EnvironmentInfo {
                    name: environment.name.clone(),
                    protected: environment.protected,
                    account: environment.account.to_string(),
                    region: environment.region.to_string(),
                    connection: environment.connection.to_string(),
                    role: environment.role_arn().to_string(),
                    branches: environment.branches.iter().map(ToString::to_string).collect(),
                    left_out: None,
                };
                match known.remove(&environment.name) {
                    Some(pane) if pane.info == info => pane,
                    _ => Pane::new(info),
                }
            })
            .collect();
        let names = self.panes.iter().enumerate();
        self.places = names.map(|(place, pane)| (pane.info.name.clone(), place)).collect();
        self.round += 1;
        self.panes.iter_mut().for_each(|pane| pane.looking = false);
    }

    /// Takes what an earlier start of the program saw, where nothing newer is there.
    pub fn take_last(&mut self, last: LastSeen) {
        for seen in last.boards {
            if self.header.is_none() {
                self.header.clone_from(&seen.board.header);
            }
            if let Some(pane) = self.pane_mut(&seen.environment).filter(|pane| pane.board.is_none()) {
                pane.board = Some(seen.board);
                pane.seen = Some(seen.at);
                pane.old = true;
            }
        }
    }

    /// Takes the answer to a look. Gives the links that changed.
    pub fn take_look(
        &mut self,
        environment: &EnvironmentName,
        round: u64,
        result: &Result<Arc<Board>, Failure>,
        now: i64,
    ) -> Vec<LinkStatus> {
        let (interval, current) = (self.pause(), self.round);
        let Some(pane) = self.pane_mut(environment).filter(|pane| pane.looking && round == current) else {
            return Vec::new();
        };
        pane.looking = false;
        match result {
            Ok(board) => {
                let before = pane.status().map(|status| status.chain.clone()).unwrap_or_default();
                pane.failure = None;
                pane.failures = 0;
                pane.due = now + interval;
                pane.seen = Some(now);
                pane.old = false;
                pane.board = Some(Arc::clone(board));
                let changed: Vec<LinkStatus> = pane
                    .status()
                    .map(|status| status.chain.clone())
                    .unwrap_or_default()
                    .into_iter()
                    // At first only what should be read: not that all is well.
                    .filter(|link| {
                        let told = link.state != LinkState::Ok || link.link == Link::Handshake;
                        !before.contains(link) && (told || !before.is_empty())
                    })
                    .collect();
                self.header.clone_from(&board.header);
                changed
            }
            Err(failure) => {
                pane.failures = pane.failures.saturating_add(1);
                pane.due = now + (interval << pane.failures.min(8)).min(LONGEST.max(interval));
                pane.failure = Some(failure.clone());
                Vec::new()
            }
        }
    }

    /// Takes the board of a run: it saw everything it touched.
    pub fn take_run(&mut self, board: &Board, now: i64) {
        for pane in &mut self.panes {
            let mine = board.environments.iter().any(|status| status.info.name == pane.info.name);
            if mine {
                pane.board = Some(Arc::new(board.of(&pane.info.name)));
                pane.seen = Some(now);
                pane.old = false;
            }
        }
    }

    /// Which environments are to be looked at now; marks them so. A round shares its reads of Azure DevOps: what is due
    /// soon anyway goes with it, but what failed is left alone as long as it was said.
    pub fn due(&mut self, now: i64) -> Option<(u64, Vec<EnvironmentName>)> {
        let is_due = |pane: &Pane, at: i64| !pane.looking && pane.due <= at;
        if self.paused || !self.panes.iter().any(|pane| is_due(pane, now)) {
            return None;
        }
        let soon = now + (self.pause() / TOGETHER).max(1);
        let mut names = Vec::new();
        for pane in &mut self.panes {
            if is_due(pane, if pane.failures == 0 { soon } else { now }) {
                pane.looking = true;
                names.push(pane.info.name.clone());
            }
        }
        Some((self.round, names))
    }

    /// When the next look is due; none: never by itself, or all are under way.
    pub fn next_due(&self) -> Option<i64> {
        if self.paused {
            return None;
        }
        self.panes.iter().filter(|pane| !pane.looking).map(|pane| pane.due).min()
    }

    /// Everything is looked at again as soon as possible.
    pub fn hurry(&mut self) {
        self.round += 1;
        for pane in &mut self.panes {
            pane.looking = false;
            pane.due = 0;
        }
    }

    /// Drops looks that are under way: a run sees the same, and newer.
    pub fn hold(&mut self) {
        self.round += 1;
        self.panes.iter_mut().for_each(|pane| pane.looking = false);
    }

    /// Seconds between two looks: as set, but longer with very many environments.
    pub fn pause(&self) -> i64 {
        let slowest = i64::try_from(self.panes.len() / PER_SECOND).unwrap_or(LONGEST);
        self.interval.max(slowest)
    }

    /// Seconds between two looks, as set.
    pub fn interval(&self) -> i64 {
        self.interval
    }

    /// Sets the seconds between two looks.
    pub fn set_interval(&mut self, seconds: i64) {
        self.interval = seconds.clamp(SHORTEST, LONGEST);
        let pause = self.pause();
        for pane in &mut self.panes {
            let seen = pane.seen.filter(|_| pane.failures == 0 && !pane.old);
            pane.due = seen.map_or(pane.due, |seen| pane.due.min(seen + pause));
        }
    }

    /// The clock was set back by some seconds.
    pub fn set_back(&mut self, seconds: i64) {
        for pane in &mut self.panes {
            pane.due -= seconds;
            pane.seen = pane.seen.map(|seen| seen - seconds);
        }
    }

    /// Looks by itself or not.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Whether it looks by itself.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// What was seen, for the next start.
    pub fn seen(&self) -> Vec<Seen> {
        let seen = |pane: &Pane| {
            Some(Seen { environment: pane.info.name.clone(), at: pane.seen?, board: pane.board.clone()? })
        };
        self.panes.iter().filter_map(seen).collect()
    }

    /// Whether a look is under way.
    pub fn is_looking(&self) -> bool {
        self.panes.iter().any(|pane| pane.looking)
    }
}
