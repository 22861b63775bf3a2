//! A witness that notes every request, and may cut one that was named before it came.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use keyless::sandbox::{Fate, Request, Witness};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The name of a request: what it does to what, the same in every run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// HTTP method or AWS action.
    pub method: String,
    /// What it is about.
    pub object: String,
}

impl Name {
    fn of(request: &Request) -> Self {
        Self { method: request.method.clone(), object: request.object.clone() }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.object)
    }
}

/// What happens once the named request has come.
#[derive(Clone)]
pub enum Then {
    /// Keyless goes on by itself.
    GoOn,
    /// No request after it arrives any more, and whoever waits in [`Watch::died`] drops the engine: a crash.
    Die,
    /// The person stops keyless.
    Stop(CancellationToken),
}

/// Which request a trap is for.
enum For {
    /// The first one of that name.
    Named(Name),
    /// The write that comes after so many others: names of throw-away things are never the same.
    After(usize),
}

impl For {
    /// Whether it is this request.
    fn is(&mut self, request: &Request) -> bool {
        match self {
            Self::Named(name) => *name == Name::of(request),
            Self::After(_) if !request.writes => false,
            Self::After(0) => true,
            Self::After(others) => {
                *others -= 1;
                false
            }
        }
    }
}

struct Trap {
    on: For,
    fate: Fate,
    then: Then,
}

#[derive(Default)]
struct State {
    seen: Vec<Request>,
    trap: Option<Trap>,
    dead: bool,
}

/// The witness of one practice cloud.
#[derive(Default)]
pub struct Watch {
    state: Mutex<State>,
    death: Notify,
}

impl Watch {
    /// Unarmed.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Everything seen since the last [`Watch::forget`].
    pub fn seen(&self) -> Vec<Request> {
        self.state.lock().unwrap().seen.clone()
    }

    /// Forgets what was seen.
    pub fn forget(&self) {
        self.state.lock().unwrap().seen.clear();
    }

    /// The writes that were seen, in their order.
    pub fn writes(&self) -> Vec<Name> {
        self.seen().iter().filter(|request| request.writes).map(Name::of).collect()
    }

    /// The names of the writes that were seen. Each must name one request only, or a trap would not say which it means.
    pub fn distinct_writes(&self) -> Vec<Name> {
        let writes = self.writes();
        let names: BTreeSet<&Name> = writes.iter().collect();
        assert_eq!(names.len(), writes.len(), "two writes have the same name: {writes:#?}");
        writes
    }

    /// Sets a trap for the first request of that name.
    pub fn set(&self, name: &Name, fate: Fate, then: Then) {
        self.state.lock().unwrap().trap = Some(Trap { on: For::Named(name.clone()), fate, then });
    }

    /// Sets a trap for the write that comes after `others` more.
    pub fn set_after(&self, others: usize, fate: Fate, then: Then) {
        self.state.lock().unwrap().trap = Some(Trap { on: For::After(others), fate, then });
    }

    /// Whether the trap that was set last is still waiting.
    pub fn is_set(&self) -> bool {
        self.state.lock().unwrap().trap.is_some()
    }

    /// Returns once a trap with [`Then::Die`] has snapped.
    pub async fn died(&self) {
        self.death.notified().await;
    }

    /// Requests arrive again.
    pub fn revive(&self) {
        self.state.lock().unwrap().dead = false;
    }
}

/// Requests of the practice agent are not keyless's: they go on when keyless has died.
fn is_agents(request: &Request) -> bool {
    request.object.starts_with("oidctoken")
        || request.method == "AssumeRoleWithWebIdentity"
        || request.service == "sts"
}

impl Witness for Watch {
    fn request(&self, request: &Request) -> Fate {
        let mut state = self.state.lock().unwrap();
        if state.dead && !is_agents(request) {
            return Fate::CutBefore;
        }
        state.seen.push(request.clone());
        let Some(trap) = state.trap.take_if(|trap| trap.on.is(request)) else {
            return Fate::Answer;
        };
        match trap.then {
            Then::GoOn => {}
            Then::Die => {
                state.dead = true;
                self.death.notify_one();
            }
            Then::Stop(token) => token.cancel(),
        }
        trap.fate
    }
}
