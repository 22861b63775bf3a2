//! Access keys put into a connection. The secret goes into the request and nowhere else.

use secrecy::SecretString;
use serde_json::json;

use super::super::DevOps;
use super::super::projects::Project;
use super::{NOBODY_KNOWS_KEYS, Next};
use crate::domain::connection::{AwsParameters, Connection};
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
