//! The practice cloud: Azure DevOps, an OIDC issuer and AWS as real HTTP servers on loopback. Imports no other room.

pub mod agent;
pub mod aws;
pub mod clock;
pub mod devops;
pub mod issuer;
pub mod store;
pub mod wire;
pub mod world;
pub mod worlds;

use std::sync::{Arc, OnceLock};

use clock::Clock;
use issuer::Keys;
use store::Store;
use world::World;

/// What every practice service stands on. One per practice cloud, shared behind an `Arc`.
pub struct Ground {
    /// What it started from.
    pub world: World,
    /// What it holds now.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// The issuer's signing keys; the practice STS reads the public half from here, never over HTTP.
    pub keys: Keys,
    /// Where the services listen; set once by [`Practice::start`] before the first request is taken.
    pub addresses: OnceLock<Addresses>,
    /// Sees every request, and may cut a connection. Tests only put one in.
    pub witness: Option<Arc<dyn Witness>>,
}

/// Base addresses (`http://127.0.0.1:PORT`, no trailing slash).
#[derive(Debug, Clone)]
pub struct Addresses {
    /// `dev.azure.com` and `extmgmt.dev.azure.com` in one: paths begin with `/{organisation}/`.
    pub azure_devops: String,
    /// `vstoken.dev.azure.com`: paths begin with `/{organisation id}/` or `/.well-known/`.
    pub issuer: String,
    /// STS and IAM of all accounts; the access key tells the account.
    pub aws: String,
}

/// A request as a witness sees it. `object` is stable between runs: names instead of generated ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// `azure-devops`, `issuer`, `sts` or `iam`.
    pub service: &'static str,
    /// HTTP method, or the AWS action (`CreateRole`).
    pub method: String,
    /// What it is about: `connection AWS-Dev`, `role 111122223333/AzureDevOpsDevRole`.
    pub object: String,
    /// Whether it may change the store.
    pub writes: bool,
}

/// What happens to the connection of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Handled and answered.
    Answer,
    /// Dropped before anything was handled.
    CutBefore,
    /// Handled, then dropped before a byte of the answer.
    CutAfter,
}

/// Watches every request of a practice cloud.
pub trait Witness: Send + Sync {
    /// Called once per request, before it is handled.
    fn request(&self, request: &Request) -> Fate;
}
