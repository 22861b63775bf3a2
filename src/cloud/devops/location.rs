//! connectionData: the organisation's id and who is asking.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{DevOps, routes};
use crate::cloud::http::Request;
use crate::domain::failure::{Code, Result};
use crate::domain::grounds::Operator;

/// What Azure DevOps says about the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionData {
    /// The organisation's id.
    pub instance_id: Uuid,
    /// Whose token is used.
    pub operator: Operator,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    instance_id: Uuid,
    authenticated_user: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    id: Uuid,
    #[serde(default)]
    descriptor: Option<String>,
    #[serde(default)]
    provider_display_name: Option<String>,
    #[serde(default)]
    custom_display_name: Option<String>,
    #[serde(default)]
    properties: Value,
}

impl From<Wire> for ConnectionData {
    fn from(wire: Wire) -> Self {
        let user = wire.authenticated_user;
        let account = user.properties["Account"]["$value"].as_str().map(str::to_owned);
        let named = [user.custom_display_name, user.provider_display_name, account];
        let name = named.into_iter().flatten().find(|name| !name.is_empty());
        let operator = Operator {
            id: user.id,
            descriptor: user.descriptor.unwrap_or_default(),
            name: name.unwrap_or_else(|| user.id.to_string()),
        };
        Self { instance_id: wire.instance_id, operator }
    }
}

impl DevOps {
    /// The organisation's id and the operator.
    ///
    /// # Errors
    /// A token of narrow scopes may be refused here; the project's collection link is the fallback.
    pub async fn connection_data(&self) -> Result<ConnectionData> {
        let read = || async { Ok(self.call(&routes::CONNECTION_DATA, &[]).json::<Wire>().await?.into()) };
        self.memo().get("connection data", read).await
    }

    /// The id of the Entra tenant that the organisation belongs to, from the header of an anonymous call; none: it is not
    /// told. Microsoft's own clients find it so; it is not documented.
    pub async fn tenant(&self) -> Option<Uuid> {
        let mut url = self.call(&routes::CONNECTION_DATA, &[]).url;
        url.query_pairs_mut().append_pair("api-version", routes::CONNECTION_DATA.version);
        let request = Request { route: &routes::CONNECTION_DATA, url, authorization: None, body: None };
        let answer = self.shared.http.send(&request, Code::DevopsUnreachable).await.ok()?;
        // An organisation without a tenant says so with zeros.
        answer.header("x-vss-resourcetenant").trim().parse().ok().filter(|id: &Uuid| !id.is_nil())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn the_instance_id_is_the_organisation() {
        let wire: Wire = serde_json::from_value(serde_json::json!({
            "authenticatedUser": {
                "id": "11111111-1111-1111-1111-111111111111",
                "descriptor": "Microsoft.IdentityModel.Claims.ClaimsIdentity;t\\a@example.com",
                "subjectDescriptor": "aad.x", "providerDisplayName": "Ada", "isActive": true,
                "properties": {"Account": {"$type": "System.String", "$value": "a@example.com"}},
                "resourceVersion": 2, "metaTypeId": 0
            },
            "instanceId": "22222222-2222-2222-2222-222222222222",
            "deploymentId": "33333333-3333-3333-3333-333333333333",
            "deploymentType": "hosted", "locationServiceData": {}
        }))
        .unwrap();
        let data = ConnectionData::from(wire);
        assert_eq!(data.instance_id, Uuid::from_u128(0x22222222_2222_2222_2222_222222222222));
        assert_eq!(data.operator.name, "Ada");
        assert!(data.operator.descriptor.ends_with("a@example.com"));
    }
}
