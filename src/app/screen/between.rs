//! What looks keep between rounds: clients of AWS, and environments whose AWS is somebody else's.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cloud::aws::Aws;
use crate::domain::federation::{Environment, Federation, SignIn};
use crate::domain::names::{AccountId, EnvironmentName, Region};

/// So many looks leave AWS alone where it is somebody else's; then it is tried again.
const LEFT_FOR: u32 = 10;

/// How an environment gets into AWS: its own sign-in, and those it goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way(Vec<(SignIn, AccountId, Region)>);

impl Way {
    fn of(chain: &[&Environment]) -> Self {
        let link = |e: &&Environment| (e.sign_in.clone(), e.account.clone(), e.region.clone());
        Self(chain.iter().map(link).collect())
    }
}

/// What outlives a round of looks.
#[derive(Default)]
pub struct Between {
    clients: Mutex<BTreeMap<EnvironmentName, (Way, Aws)>>,
    /// How many looks AWS is left alone for.
    left: Mutex<BTreeMap<EnvironmentName, u32>>,
}

impl Between {
    fn clients(&self) -> MutexGuard<'_, BTreeMap<EnvironmentName, (Way, Aws)>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left(&self) -> MutexGuard<'_, BTreeMap<EnvironmentName, u32>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client of the first of these environments, where one was made for the same way into AWS.
    pub fn client(&self, chain: &[&Environment]) -> Option<Aws> {
        let name = &chain.first()?.name;
        let clients = self.clients();
        clients.get(name).filter(|(way, _)| *way == Way::of(chain)).map(|(_, client)| client.at_rest())
    }

    /// Keeps a client of the first of these environments, at rest.
    pub fn keep(&self, chain: &[&Environment], client: &Aws) {
        if let Some(first) = chain.first() {
            self.clients().insert(first.name.clone(), (Way::of(chain), client.at_rest()));
        }
    }

    /// Drops a client whose sign-in does not work.
    pub fn drop_client(&self, environment: &EnvironmentName) {
        self.clients().remove(environment);
    }

    /// AWS of this environment is somebody else's. Tells whether that is new.
    pub fn leave(&self, environment: &EnvironmentName) -> bool {
        self.left().insert(environment.clone(), LEFT_FOR).is_none()
    }

    /// AWS of this environment can be set up from here.
    pub fn reach(&self, environment: &EnvironmentName) {
        self.left().remove(environment);
    }

    /// Whether this look leaves AWS alone. Now and then one does not.
    pub fn leaves(&self, environment: &EnvironmentName) -> bool {
        let mut left = self.left();
        let Some(looks) = left.get_mut(environment).filter(|looks| **looks > 0) else { return false };
        *looks -= 1;
        true
    }

    /// Everything is found out anew: the person asked for it, a run has changed things, or the answers are others.
    pub fn forget(&self) {
        self.clients().clear();
        self.left().clear();
    }
}

/// An environment and those whose sign-ins it goes through, in this order. None: one of them is not there.
pub fn chain<'a>(federation: &'a Federation, environment: &EnvironmentName) -> Option<Vec<&'a Environment>> {
    let mut chain = vec![federation.environment(environment)?];
    while let Some(SignIn::AssumeRole { from, .. }) = chain.last().map(|last| &last.sign_in) {
        let next = federation.environment(from)?;
        if chain.contains(&next) {
            break;
        }
        chain.push(next);
    }
    Some(chain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn aws_of_somebody_else_is_tried_again_now_and_then() {
        let (between, dev) = (Between::default(), "dev".parse().unwrap());
        assert!(!between.leaves(&dev));
        assert!(between.leave(&dev));
        for _ in 0..LEFT_FOR {
            assert!(between.leaves(&dev));
        }
        assert!(!between.leaves(&dev));
        assert!(!between.leave(&dev), "that is known");
        between.reach(&dev);
        assert!(!between.leaves(&dev));
        between.leave(&dev);
        between.forget();
        assert!(!between.leaves(&dev));
    }
}
