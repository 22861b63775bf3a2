//! What a failed survey means: the organisation's id in another casing, or its tenant's, and an issuer that ends with a slash.

use crate::domain::failure::{Code, Failure};
use crate::domain::finding::{Finding, FindingCode};

/// The label of the organisation's id as Azure DevOps tells it.
pub const TOLD: &str = "Azure DevOps tells";
/// The label of the organisation's id as the answers say it.
pub const TYPED: &str = "the answers say";
/// The label of the id of the organisation's Entra tenant.
pub const TENANT: &str = "its Entra tenant";
/// The label of the issuer as the answers say it.
pub const WANTED: &str = "wanted";
/// The label of the issuer that its own document names.
pub const NAMED: &str = "its document names";

/// The failure as a finding, under the narrowest name that its evidence allows.
pub fn of_failure(failure: &Failure) -> Finding {
    let values = |first: &str, second: &str| Some((failure.evidence(first)?, failure.evidence(second)?));
    let named = match failure.code {
        Code::OrganizationIdDiffers => values(TYPED, TENANT)
            .filter(|(typed, tenant)| typed.eq_ignore_ascii_case(tenant))
            .and_then(|(typed, _)| Some((FindingCode::OrganizationIdTenant, typed, failure.evidence(TOLD)?))),
        Code::IssuerDiffers => values(WANTED, NAMED).and_then(|(typed, named)| {
            let (typed, named) = (typed, named);
            if typed.trim_end_matches('/') == named.trim_end_matches('/') {
                Some((FindingCode::IssuerSlash, typed, named))
            } else {
                typed.eq_ignore_ascii_case(named).then_some((FindingCode::OrganizationIdCase, typed, named))
            }
        }),
        _ => None,
    };
    match named {
        Some((code, found, wanted)) => Finding::overall(code).differs(found, wanted),
        None => Finding::failed(None, failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_name_wins() {
        let id = "4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f";
        let differs = Failure::new(Code::OrganizationIdDiffers).with(TOLD, id).with(TYPED, "a");
        assert_eq!(of_failure(&differs).code, FindingCode::Failed(Code::OrganizationIdDiffers));
        assert_eq!(
            of_failure(&differs.clone().with(TENANT, "b")).code,
            FindingCode::Failed(Code::OrganizationIdDiffers)
        );
        let tenant = of_failure(&differs.with(TENANT, "a"));
        assert_eq!((tenant.code, tenant.pair()), (FindingCode::OrganizationIdTenant, Some(("a", id))));
        let issuer = |typed: &str, named: &str| {
            of_failure(&Failure::new(Code::IssuerDiffers).with(WANTED, typed).with(NAMED, named)).code
        };
        assert_eq!(issuer("https://h/A", "https://h/a"), FindingCode::OrganizationIdCase);
        assert_eq!(issuer("https://h/a", "https://h/a/"), FindingCode::IssuerSlash);
        assert_eq!(issuer("https://h/a", "https://h/b"), FindingCode::Failed(Code::IssuerDiffers));
    }
}
