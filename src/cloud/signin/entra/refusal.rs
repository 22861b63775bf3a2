//! From a refusal of Entra to a failure: by `error`, `suberror` and `error_codes`, never by the words of a message.

use serde::Deserialize;

use super::Client;
use crate::cloud::http::{Answer, Route, attempted};
use crate::domain::failure::{Code, Failure};

/// The members of a refusal that decide.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Refusal {
    /// OAuth's word.
    pub error: String,
    /// AADSTS numbers, most important first.
    #[serde(default)]
    pub error_codes: Vec<u64>,
    /// Entra's finer word.
    #[serde(default)]
    pub suberror: Option<String>,
    /// For support.
    #[serde(default)]
    pub correlation_id: Option<String>,
}

/// What the AADSTS numbers mean that ask for different things to be done (learn.microsoft.com, reference-error-codes).
const CODES: [(u64, Code); 50] = [
    // Conditional Access: the device, the place, the app or the way of signing in.
    (53000, Code::EntraBlocked),
    (53001, Code::EntraBlocked),
    (53002, Code::EntraBlocked),
    (53003, Code::EntraBlocked),
    (53004, Code::EntraBlocked),
    (53009, Code::EntraBlocked),
    (53010, Code::EntraBlocked),
    (53011, Code::EntraBlocked),
    (530_002, Code::EntraBlocked),
    (530_031, Code::EntraBlocked),
    (530_032, Code::EntraBlocked),
    (530_033, Code::EntraBlocked),
    (530_034, Code::EntraBlocked),
    (530_035, Code::EntraBlocked),
    (50097, Code::EntraBlocked),
    (50131, Code::EntraBlocked),
    (50155, Code::EntraBlocked),
    // The person is wanted: a factor, terms, a password.
    (50055, Code::EntraInteraction),
    (50058, Code::EntraInteraction),
    (50072, Code::EntraInteraction),
    (50074, Code::EntraInteraction),
    (50076, Code::EntraInteraction),
    (50078, Code::EntraInteraction),
    (50079, Code::EntraInteraction),
    (50144, Code::EntraInteraction),
    (50158, Code::EntraInteraction),
    (16000, Code::EntraInteraction),
    // Consent.
    (65001, Code::EntraConsent),
    (65002, Code::EntraConsent),
    (65004, Code::EntraDeclined),
    (90008, Code::EntraConsent),
    (90094, Code::EntraConsent),
    // The client.
    (50011, Code::EntraClient),
    (500_011, Code::EntraClient),
    (700_016, Code::EntraClient),
    (7_000_112, Code::EntraClient),
    (7_000_218, Code::EntraClient),
    // The tenant.
    (90002, Code::EntraTenant),
    (900_021, Code::EntraTenant),
    (900_023, Code::EntraTenant),
    (50059, Code::EntraTenant),
    // The account.
    (50020, Code::EntraAccount),
    (50034, Code::EntraAccount),
    (50057, Code::EntraAccount),
    (50105, Code::EntraAccount),
    (51004, Code::EntraAccount),
    (500_200, Code::EntraAccount),
    // A stored sign-in that has ended.
    (70008, Code::EntraEnded),
    (700_082, Code::EntraEnded),
    (50173, Code::EntraEnded),
];

impl Refusal {
    /// The refusal an answer holds.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        answer.json.as_ref().and_then(|json| Self::deserialize(json).ok())
    }

    /// What it means.
    pub(super) fn code(&self) -> Code {
        let known = |number: &u64| CODES.iter().find(|(known, _)| known == number).map(|(_, code)| *code);
        if let Some(code) = self.error_codes.iter().find_map(known) {
            return code;
        }
        match (self.error.as_str(), self.suberror.as_deref()) {
            ("authorization_declined" | "access_denied", _) => Code::EntraDeclined,
            ("expired_token" | "code_expired", _) => Code::EntraTimedOut,
            ("interaction_required" | "login_required", _) => Code::EntraInteraction,
            ("consent_required", _) | (_, Some("consent_required")) => Code::EntraConsent,
            ("invalid_client" | "unauthorized_client", _) => Code::EntraClient,
            (_, Some("basic_action" | "additional_action" | "user_password_expired")) => {
                Code::EntraInteraction
            }
            ("invalid_grant", Some("bad_token" | "token_expired" | "protection_policy_required")) => {
                Code::EntraEnded
            }
            _ => Code::EntraRefused,
        }
    }

    /// The failure, with the number to look up.
    pub(super) fn failure(&self, client: &Client) -> Failure {
        let mut failure = Failure::new(self.code());
        if let Some(number) = self.error_codes.first() {
            failure = failure.with("answered", format!("AADSTS{number} ({})", self.error));
        } else {
            failure = failure.with("answered", &self.error);
        }
        if let Some(suberror) = self.suberror.as_deref().filter(|text| !text.is_empty()) {
            failure = failure.with("suberror", suberror);
        }
        failure = match failure.code {
            Code::EntraTenant | Code::EntraAccount => failure.with("tenant", &client.tenant),
            Code::EntraClient | Code::EntraConsent => {
                failure.with("client", &client.id).with("tenant", &client.tenant)
            }
            _ => failure,
        };
        match &self.correlation_id {
            Some(id) => failure.with("correlation", id),
            None => failure,
        }
    }
}

/// The failure an answer means.
pub(super) fn failure(route: &Route, answer: &Answer, client: &Client) -> Failure {
    match Refusal::of(answer) {
        Some(refusal) => refusal.failure(client),
        None if answer.status >= 500 => Failure::new(Code::EntraUnreachable)
            .with("attempted", attempted(route))
            .with("status", answer.status),
        None => Failure::new(Code::EntraUnexpected)
            .with("attempted", attempted(route))
            .with("status", answer.status)
            .with("cause", "neither tokens nor an error"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    fn told(json: serde_json::Value) -> Code {
        Refusal::deserialize(&json).unwrap().code()
    }

    #[test]
    fn numbers_decide_before_words() {
        use serde_json::json;
        for (refusal, code) in [
            (json!({"error": "access_denied", "error_codes": [53003]}), Code::EntraBlocked),
            (
                json!({"error": "interaction_required", "error_codes": [50076], "suberror": "basic_action"}),
                Code::EntraInteraction,
            ),
            (
                json!({"error": "invalid_grant", "error_codes": [65001], "suberror": "consent_required"}),
                Code::EntraConsent,
            ),
            (json!({"error": "unauthorized_client", "error_codes": [700_016]}), Code::EntraClient),
            (json!({"error": "invalid_request", "error_codes": [90002]}), Code::EntraTenant),
            (
                json!({"error": "invalid_grant", "error_codes": [700_082], "suberror": "token_expired"}),
                Code::EntraEnded,
            ),
            (json!({"error": "access_denied"}), Code::EntraDeclined),
            (json!({"error": "authorization_declined", "error_codes": [70018]}), Code::EntraDeclined),
            (json!({"error": "expired_token", "error_codes": [70019]}), Code::EntraTimedOut),
            (
                json!({"error": "invalid_grant", "error_codes": [1], "suberror": "bad_token"}),
                Code::EntraEnded,
            ),
            (json!({"error": "invalid_scope", "error_codes": [70011]}), Code::EntraRefused),
        ] {
            assert_eq!(told(refusal.clone()), code, "{refusal}");
        }
    }

    #[test]
    fn the_number_is_told_and_the_message_is_not() {
        let refusal: Refusal = serde_json::from_value(serde_json::json!({
            "error": "invalid_request", "error_description": "AADSTS90002: Tenant 'hush' not found",
            "error_codes": [90002], "correlation_id": "c-1"
        }))
        .unwrap();
        let failure = refusal.failure(&Client::default());
        assert_eq!(failure.evidence("answered"), Some("AADSTS90002 (invalid_request)"));
        assert_eq!(failure.evidence("tenant"), Some("organizations"));
        assert!(!failure.to_string().contains("hush"), "{failure}");
    }
}
