//! Access keys put into a connection. The secret goes into the request and nowhere else.

use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::{NOBODY_KNOWS_KEYS, Next};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::connection::{AwsParameters, Connection, is_access_key_id};
use crate::domain::failure::Result;
use crate::domain::pen::{Inverse, Pen};

impl DevOps {
    /// Puts an access key into a connection, in place: its id, name, description and data stay. `parameters` are those it gets,
    /// with the access key id as `username`; the intent names that id, never the secret.
    ///
    /// # Errors
    /// `DevopsNotFound` when it is gone.
    pub async fn put_keys(
        &self,
        pen: &Pen,
        project: &Project,
        before: &Connection,
        parameters: AwsParameters,
        secret: &SecretString,
    ) -> Result<Connection> {
        let inverse = if before.parameters.username.is_empty() {
            Inverse::Restore { before: json!(before) }
        } else {
            Inverse::Irreversible { why: NOBODY_KNOWS_KEYS.to_owned() }
        };
        let next =
            Next { name: &before.name, description: &before.description, parameters, secret: Some(secret) };
        self.put(pen, project, before, next, inverse).await
    }
}

/// What an intent tells of access keys. Their ids are no secrets, and all that is left to find them by: whoever made a key
/// may have forgotten it.
pub(super) fn told(before: &str, after: &str) -> Value {
    let mut told = Map::new();
    if is_access_key_id(before) && before != after {
        told.insert("emptied_access_key".to_owned(), json!(before));
    }
    if !after.is_empty() {
        told.insert("put_access_key".to_owned(), json!(after));
    }
    if told.is_empty() { Value::Null } else { Value::Object(told) }
}
