//! What every program is given: answers, clients, places and the person's stop.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::cloud::Ends;
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::cloud::http::Http;
use crate::domain::failure::Result;
use crate::domain::federation::Federation;
use crate::domain::names::EnvironmentName;
use crate::engine::step::Events;
use crate::plan::file::Only;

/// One command's surroundings.
pub struct Session {
    /// The answers.
    pub federation: Federation,
    /// Which half is meant.
    pub only: Option<Only>,
    /// Environments whose trust is to admit nobody else: statements of others that do go.
    pub close: BTreeSet<EnvironmentName>,
    /// Where to connect.
    pub ends: Ends,
    /// For the issuer's discovery document.
    pub http: Http,
    /// Azure DevOps; none with `--only aws`.
    pub devops: Option<DevOps>,
    /// AWS by environment, or why there is no client. An environment that is missing here is somebody else's in AWS:
    /// nothing of it is looked at or changed there; all of them with `--only azure-devops`.
    pub aws: BTreeMap<EnvironmentName, Result<Aws>>,
    /// Where the journal lies.
    pub state: PathBuf,
    /// Where events go.
    pub events: Events,
    /// Set to stop between writes.
    pub stop: CancellationToken,
    /// Now, as ages and announced ends are counted from.
    pub now: OffsetDateTime,
    /// How far the clouds' clock was moved ahead on purpose: only on the practice cloud, else nothing.
    pub ahead: time::Duration,
    /// How long a handshake may wait for an agent, an approval or anything else.
    pub patience: Duration,
}

impl Session {
    /// Whether AWS of this environment is meant.
    pub fn does_aws(&self, environment: &EnvironmentName) -> bool {
        self.only != Some(Only::AzureDevops) && self.aws.contains_key(environment)
    }

    /// The half of an environment that is somebody else's; none: both are done here.
    pub fn left_out(&self, environment: &EnvironmentName) -> Option<Only> {
        match (self.does_devops(), self.does_aws(environment)) {
            (false, _) => Some(Only::AzureDevops),
            (true, false) => Some(Only::Aws),
            (true, true) => None,
        }
    }

    /// Leaves AWS of these environments to somebody else.
    pub fn leave_aws(&mut self, environments: &[EnvironmentName]) {
        self.aws.retain(|name, _| !environments.contains(name));
        if self.aws.is_empty() {
            self.only = Some(Only::AzureDevops);
        }
    }

    /// Whether Azure DevOps is meant.
    pub fn does_devops(&self) -> bool {
        self.only != Some(Only::Aws)
    }
}
