//! The pen: whoever changes a cloud holds one, and only the engine makes one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::Result;

/// How a write can be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "inverse", rename_all = "snake_case")]
pub enum Inverse {
    /// The object was made by this write: deleting it takes it back.
    Delete,
    /// The object had this state before (never a secret): putting it back takes the write back.
    Restore {
        /// The state before, in the shape of the operation's own input.
        before: Value,
    },
    /// Cannot be taken back.
    Irreversible {
        /// Why not.
        why: String,
    },
}

/// One intended request that changes a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// `azure-devops` or `iam`.
    pub service: String,
    /// The API's own name of the operation: `CreateRole`, `endpoints/create`.
    pub operation: String,
    /// The object by name: `role 111122223333/AzureDevOpsDevRole`.
    pub object: String,
    /// How it can be taken back.
    pub inverse: Inverse,
    /// What of the object is written, without secrets: a policy's name, a document, tags.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

impl Write {
    /// The same write, with what of the object it concerns.
    #[must_use]
    pub fn about(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// An intended write.
    pub fn new(service: &str, operation: &str, object: impl Into<String>, inverse: Inverse) -> Self {
        Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            object: object.into(),
            inverse,
            detail: Value::Null,
        }
    }
}

/// Names one intent in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(pub u64);

/// A future that a trait object returns.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a pen writes to. Only the engine implements it.
pub trait Ink: Send + Sync {
    /// Makes the intent durable; refuses when the person has stopped the run.
    fn intend<'a>(&'a self, write: &'a Write) -> Boxed<'a, Result<Ticket>>;
    /// Records how it went. `Err` of a lost connection is recorded as unknown: the next observation looks it up.
    fn record<'a>(&'a self, ticket: Ticket, write: &'a Write, result: Result<Value>)
    -> Boxed<'a, Result<()>>;
    /// The same ink for writes that must be made also after the run was stopped: they withdraw what must not stay.
    fn closing(&self) -> Arc<dyn Ink>;
}

/// The right to change a cloud, held for one step. Every client method that writes takes a reference to one.
#[derive(Clone)]
pub struct Pen {
    ink: Arc<dyn Ink>,
}

impl Pen {
    /// Only the engine calls this (held by `tests/layers.rs`).
    pub fn new(ink: Arc<dyn Ink>) -> Self {
        Self { ink }
    }

    /// A pen for withdrawing: its writes are made also after the run was stopped.
    #[must_use]
    pub fn closing(&self) -> Self {
        Self { ink: self.ink.closing() }
    }

    /// Journals the intent, makes the call, records the receipt. `receipt` names what the cloud made, without secrets.
    ///
    /// # Errors
    /// The run was stopped before the call, the journal cannot be written, or the call itself failed.
    pub async fn write<T>(
        &self,
        write: Write,
        call: impl Future<Output = Result<T>> + Send,
        receipt: impl FnOnce(&T) -> Value + Send,
    ) -> Result<T> {
        let ticket = self.ink.intend(&write).await?;
        let result = call.await;
        let record = match &result {
            Ok(value) => Ok(receipt(value)),
            Err(failure) => Err(failure.clone()),
        };
        self.ink.record(ticket, &write, record).await?;
        result
    }
}
