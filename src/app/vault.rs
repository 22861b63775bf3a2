//! What the wizard's handles name: sign-ins to Azure DevOps that are kept in memory, and the one under way.

use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::sign_in::{Begun, Desk, SignedIn};
use crate::cloud::devops::Credential;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::OrganizationName;
use crate::wizard::{Handle, Method, Prompt};

/// Sign-ins by handle. Nothing of it is ever shown.
pub struct Vault {
    desk: Desk,
    /// Ends every wait.
    stop: CancellationToken,
    kept: Mutex<Vec<Kept>>,
    open: Mutex<Open>,
}

/// A sign-in, and the organisation that accepted it.
struct Kept {
    signed_in: SignedIn,
    accepted_by: Option<OrganizationName>,
}

impl Kept {
    /// Whether it may go to an organisation: a token belongs to the one that accepted it, an account to many.
    fn is_for(&self, organization: &OrganizationName) -> bool {
        let bound = !matches!(self.signed_in.credential, Credential::Session(_));
        let other = |by: &OrganizationName| !by.as_str().eq_ignore_ascii_case(organization.as_str());
        !(bound && self.accepted_by.as_ref().is_some_and(other))
    }
}

/// The sign-in under way.
#[derive(Default)]
struct Open {
    begun: Option<(u64, Begun)>,
    /// Ends the wait for it, when a newer one begins.
    stop: CancellationToken,
}

impl Vault {
    /// An empty vault. `stop` ends every wait.
    pub fn new(desk: Desk, stop: CancellationToken) -> Self {
        Self { desk, stop, kept: Mutex::default(), open: Mutex::default() }
    }

    /// Keeps a sign-in, and names it.
    pub fn keep(&self, signed_in: SignedIn) -> Handle {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(Kept { signed_in, accepted_by: None });
        Handle(u64::try_from(kept.len() - 1).unwrap_or_default())
    }

    /// What a handle names, where it may go to this organisation; none: no handle, or it belongs to another one.
    pub fn get(&self, handle: Option<Handle>, organization: &OrganizationName) -> Option<SignedIn> {
        let Handle(index) = handle?;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get(usize::try_from(index).ok()?)?;
        kept.is_for(organization).then(|| kept.signed_in.clone())
    }

    /// Notes which organisation accepted what a handle names. The first one counts.
    pub fn accepted(&self, handle: Option<Handle>, organization: &OrganizationName) {
        let Some(Handle(index)) = handle else { return };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = usize::try_from(index).ok().and_then(|index| kept.get_mut(index)) {
            kept.accepted_by.get_or_insert_with(|| organization.clone());
        }
    }

    /// Begins a sign-in; one that was begun before ends.
    ///
    /// # Errors
    /// As [`Desk::begin`].
    pub async fn begin(&self, generation: u64, method: Method) -> Result<Prompt> {
        let stop = self.stop.child_token();
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.stop.cancel();
            *open = Open { begun: None, stop: stop.clone() };
        }
        let begun = tokio::select! {
            begun = self.desk.begin(method) => begun?,
            () = stop.cancelled() => return Err(Failure::new(Code::Stopped)),
        };
        let prompt = begun.prompt.clone();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !stop.is_cancelled() {
            open.begun = Some((generation, begun));
        }
        Ok(prompt)
    }

    /// Waits until the person signed in, and keeps what came of it.
    ///
    /// # Errors
    /// As [`Desk::finish`]; another one was begun meanwhile.
    pub async fn wait(&self, generation: u64) -> Result<Handle> {
        let (begun, stop) = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            (open.begun.take_if(|(begun, _)| *begun == generation), open.stop.clone())
        };
        let (_, begun) = begun.ok_or_else(|| Failure::new(Code::Stopped).with("by", "a newer sign-in"))?;
        let signed_in = self.desk.finish(begun, &stop).await?;
        Ok(self.keep(signed_in))
    }
}
