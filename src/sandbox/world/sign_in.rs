//! Where the operator of a world signs in: Microsoft Entra ID, and IAM Identity Center.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Microsoft Entra ID, where the operator signs in to Azure DevOps.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Entra {
    /// Its tenants. The first is the organisation's own, and what `organizations` means.
    pub tenants: Vec<Tenant>,
    /// The applications (client ids) that every tenant knows.
    pub clients: Vec<String>,
    /// Seconds that a device must wait between two questions.
    pub interval_seconds: u32,
    /// A device code is spent after this many questions; 0: only time ends it.
    pub device_polls: u32,
    /// Seconds that an access token is valid for.
    pub token_seconds: u32,
}

/// IAM Identity Center, which reaches every account of the world.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Sso {
    /// The start URL of the access portal, without a slash at its end.
    pub start_url: String,
    /// The permission sets that the operator has in every account: ARNs of their managed policies by name, with
    /// `{partition}` for the account's own.
    pub permission_sets: BTreeMap<String, Vec<String>>,
    /// Seconds that a device must wait between two questions.
    pub interval_seconds: u32,
    /// A device code is spent after this many questions; 0: only time ends it.
    pub device_polls: u32,
    /// Seconds that an access token is valid for.
    pub token_seconds: u32,
    /// Seconds that a session can be refreshed for.
    pub session_seconds: u32,
    /// Most accounts or permission sets in one answer.
    pub page: u32,
}

/// A tenant of Microsoft Entra ID.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tenant {
    /// Its domain.
    pub domain: String,
    /// Why nobody gets a token from it.
    #[serde(default)]
    pub refuses: Option<TenantRefusal>,
}

/// Why a tenant gives no token to somebody who signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TenantRefusal {
    /// A Conditional Access policy blocks it (AADSTS53003).
    ConditionalAccess,
    /// Nobody consented to the application (AADSTS65001).
    Consent,
    /// A second factor is needed (AADSTS50076).
    MultiFactor,
}

impl Default for Entra {
    fn default() -> Self {
        let tenant = |domain: &str, refuses| Tenant { domain: domain.to_owned(), refuses };
        Self {
            tenants: vec![
                tenant("practice.example", None),
                tenant("guarded.example", Some(TenantRefusal::ConditionalAccess)),
                tenant("unapproved.example", Some(TenantRefusal::Consent)),
                tenant("second-factor.example", Some(TenantRefusal::MultiFactor)),
            ],
            // Visual Studio's own, which credential helpers sign in to Azure DevOps with; and the Azure CLI's.
            clients: vec![
                "872cd9fa-d31f-45e0-9eab-6e460a02d1f1".to_owned(),
                "04b07795-8ddb-461a-bbee-02f9e1bf7b46".to_owned(),
            ],
            interval_seconds: 1,
            device_polls: 0,
            token_seconds: 3600,
        }
    }
}

impl Default for Sso {
    fn default() -> Self {
        let set = |name: &str, policy: &str| {
            (name.to_owned(), vec![format!("arn:{{partition}}:iam::aws:policy/{policy}")])
        };
        Self {
            start_url: "https://practice.awsapps.com/start".to_owned(),
            permission_sets: BTreeMap::from([
                set("AdministratorAccess", "AdministratorAccess"),
                set("ViewOnly", "ReadOnlyAccess"),
            ]),
            interval_seconds: 1,
            device_polls: 0,
            token_seconds: 3600,
            session_seconds: 8 * 3600,
            page: 50,
        }
    }
}
