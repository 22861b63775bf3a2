//! Tenants, applications and scopes: what a sign-in must name before anything else is looked at.

use super::{AZURE_DEVOPS, Refusal};
use crate::sandbox::Ground;
use crate::sandbox::devops::stable_id;
use crate::sandbox::world::{Tenant, TenantRefusal};

/// A tenant of the world with its id.
pub struct Found<'a> {
    /// Its id (a GUID).
    pub id: String,
    /// What the world says of it.
    pub tenant: &'a Tenant,
}

/// The id of the tenant that the Azure DevOps organisation belongs to.
pub fn home(ground: &Ground) -> String {
    stable_id(ground, "tenant")
}

fn id_of(ground: &Ground, number: usize, tenant: &Tenant) -> String {
    if number == 0 { home(ground) } else { stable_id(ground, &format!("tenant {}", tenant.domain)) }
}

/// The tenant that a path names: by id, by domain, or the organisation's own for `organizations` and `common`.
///
/// # Errors
/// There is none of that name, or it is one for private persons.
pub fn find<'a>(ground: &'a Ground, name: &str) -> Result<Found<'a>, Refusal> {
    if name.eq_ignore_ascii_case("consumers") {
        return Err(Refusal::new(
            "invalid_request",
            9_002_331,
            "Application is configured for use by Azure Active Directory users only. Please do not use the /consumers \
             endpoint to serve this request.",
        ));
    }
    let any = ["organizations", "common"].iter().any(|alias| alias.eq_ignore_ascii_case(name));
    let tenants = ground.world.entra.tenants.iter().enumerate();
    let mut known = tenants.map(|(number, tenant)| Found { id: id_of(ground, number, tenant), tenant });
    known
        .find(|found| {
            any || found.id.eq_ignore_ascii_case(name) || found.tenant.domain.eq_ignore_ascii_case(name)
        })
        .ok_or_else(|| {
            Refusal::new(
                "invalid_tenant",
                90002,
                format!(
                    "Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing \
                     into the correct cloud. Check with your subscription administrator, this may happen if there \
                     are no active subscriptions for the tenant."
                ),
            )
        })
}

/// Checks that the tenant knows the application.
///
/// # Errors
/// It does not.
pub fn check_client(ground: &Ground, tenant: &Found<'_>, client: &str) -> Result<(), Refusal> {
    if ground.world.entra.clients.iter().any(|known| known.eq_ignore_ascii_case(client)) {
        return Ok(());
    }
    Err(Refusal::new(
        "unauthorized_client",
        700_016,
        format!(
            "Application with identifier '{client}' was not found in the directory '{}'. This can happen if the \
             application has not been installed by the administrator of the tenant or consented to by any user in \
             the tenant. You may have sent your authentication request to the wrong tenant.",
            tenant.tenant.domain
        ),
    ))
}

/// Checks that the scopes are for Azure DevOps and nothing else.
///
/// # Errors
/// They are for another resource, or for none.
pub fn check_scope(scope: &str, domain: &str) -> Result<(), Refusal> {
    let mut resources = scope
        .split_whitespace()
        .filter(|word| !["openid", "profile", "email", "offline_access"].contains(word))
        .peekable();
    if resources.peek().is_none() {
        let text = format!(
            "The provided value for the input parameter 'scope' isn't valid. The scope {scope} isn't valid."
        );
        return Err(Refusal::new("invalid_scope", 70011, text));
    }
    for word in resources {
        let (resource, _) = word.rsplit_once('/').unwrap_or((word, ""));
        if resource != AZURE_DEVOPS {
            let text = format!(
                "The resource principal named {resource} was not found in the tenant named {domain}. This can happen \
                 if the application has not been installed by the administrator of the tenant or consented to by any \
                 user in the tenant."
            );
            return Err(Refusal::new("invalid_resource", 500_011, text));
        }
    }
    Ok(())
}

/// Why the tenant gives no token to `client`, although the person signed in.
pub fn refusal(tenant: &Tenant, client: &str) -> Option<Refusal> {
    Some(match tenant.refuses? {
        TenantRefusal::ConditionalAccess => Refusal::new(
            "invalid_grant",
            53003,
            "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        )
        .sub("message_only"),
        TenantRefusal::Consent => Refusal::new(
            "invalid_grant",
            65001,
            format!(
                "The user or administrator has not consented to use the application with ID '{client}' named \
                 'keyless'. Send an interactive authorization request for this user and resource."
            ),
        )
        .sub("consent_required"),
        TenantRefusal::MultiFactor => Refusal::new(
            "invalid_grant",
            50076,
            format!(
                "Due to a configuration change made by your administrator, or because you moved to a new location, \
                 you must use multi-factor authentication to access '{AZURE_DEVOPS}'."
            ),
        )
        .sub("basic_action"),
    })
}
