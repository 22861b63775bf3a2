//! From an answer of Azure DevOps to a failure: by status, type key and error code, never by the words of a message.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::rights;
use crate::cloud::http::{Answer, Route, attempted};
use crate::cloud::trace::error_token;
use crate::domain::failure::{Code, Failure};

/// Type keys (the class of the service's exception) and what they mean. Compared by their beginning.
const TYPE_KEYS: [(&str, Code); 17] = [
    ("ProjectDoesNotExist", Code::ProjectUnknown),
    ("Duplicate", Code::DevopsConflict),
    ("DefinitionExists", Code::DevopsConflict),
    ("GitRepositoryNameAlreadyExists", Code::DevopsConflict),
    ("RepositoryAlreadyExists", Code::DevopsConflict),
    ("PipelineExists", Code::DevopsConflict),
    ("GitReferenceStale", Code::DevopsConflict),
    ("GitReferenceUpdate", Code::DevopsConflict),
    ("ExtensionAlreadyInstalled", Code::DevopsConflict),
    ("AccessDenied", Code::DevopsDenied),
    ("AccessCheck", Code::DevopsDenied),
    ("GitNeedsPermission", Code::DevopsDenied),
    ("PermissionDenied", Code::DevopsDenied),
    ("InvalidAccess", Code::DevopsDenied),
    ("UnauthorizedRequest", Code::DevopsDenied),
    ("ServiceEndpointNotFound", Code::DevopsNotFound),
    ("GitRepositoryNotFound", Code::DevopsNotFound),
];

/// Error codes a message may begin with.
const ERROR_CODES: [(&str, Code); 12] = [
    // Conditional Access, told with status 403 (coe-starter-kit #6694).
    ("VS403463", Code::EntraBlocked),
    ("TF200016", Code::ProjectUnknown),
    ("TF401019", Code::DevopsNotFound),
    ("TF401174", Code::DevopsNotFound),
    ("TF401175", Code::DevopsNotFound),
    ("TF401027", Code::DevopsDenied),
    ("TF402455", Code::DevopsDenied),
    ("TF215106", Code::DevopsDenied),
    ("TF400813", Code::DevopsDenied),
    ("TF401028", Code::DevopsConflict),
    ("TF400948", Code::DevopsConflict),
    ("TF400733", Code::DevopsThrottled),
];

/// The failure an answer means; none for a success.
pub(super) fn failure(route: &Route, answer: &Answer) -> Option<Failure> {
    let code = code(answer)?;
    let mut failure = Failure::new(code).with("attempted", attempted(route)).with("status", answer.status);
    let service_error =
        percent_decode_str(answer.header("x-tfs-serviceerror")).decode_utf8_lossy().into_owned();
    let said = member(answer, "message").map_or(service_error, str::to_owned);
    if !said.is_empty() {
        failure = failure.with("answered", said);
    } else if answer.json.is_none() && !answer.text.trim().is_empty() {
        failure = failure.with("answered", format!("{} instead of JSON", answer.header("content-type")));
    }
    if let Some(key) = member(answer, "typeKey") {
        failure = failure.with("type", key);
    }
    if matches!(failure.code, Code::DevopsDenied) {
        failure = failure.with("needs", rights::family(route));
    }
    let activity = answer.request_id();
    if !activity.is_empty() {
        failure = failure.with("activity", activity);
    }
    Some(failure)
}

/// Whether an answer only says that the token was not accepted.
pub(super) fn is_token(route: &Route, answer: &Answer) -> bool {
    let code = failure(route, answer).map(|failure| failure.code);
    matches!(code, Some(Code::DevopsToken | Code::DevopsTokenExpired))
}

fn code(answer: &Answer) -> Option<Code> {
    let empty = answer.text.trim().is_empty();
    match answer.status {
        200 if answer.cut => Some(Code::DevopsUnexpected),
        // A sign-in page in place of an answer.
        203 => Some(Code::DevopsToken),
        200..=299 if answer.json.is_some() || empty => None,
        200..=299 => Some(Code::DevopsToken),
        300..=399 => Some(redirected(answer)),
        // The header is the only place where an expired token is told apart; there is no code for it.
        401 if answer.header("x-tfs-serviceerror").contains("expired") => Some(Code::DevopsTokenExpired),
        401 => Some(Code::DevopsToken),
        429 => Some(Code::DevopsThrottled),
        status => Some(typed(answer).unwrap_or_else(|| by_status(status))),
    }
}

/// A redirect is never followed; to the sign-in page it means that the token was not accepted.
fn redirected(answer: &Answer) -> Code {
    if answer.header("location").contains("_signin") { Code::DevopsToken } else { Code::DevopsUnexpected }
}

fn typed(answer: &Answer) -> Option<Code> {
    let key = member(answer, "typeKey").unwrap_or_default();
    let token = error_token(member(answer, "message").unwrap_or_default());
    let by_key = TYPE_KEYS.iter().find(|(prefix, _)| key.starts_with(prefix));
    by_key.or_else(|| ERROR_CODES.iter().find(|(code, _)| *code == token)).map(|(_, code)| *code)
}

fn by_status(status: u16) -> Code {
    match status {
        403 => Code::DevopsDenied,
        404 | 410 => Code::DevopsNotFound,
        409 => Code::DevopsConflict,
        500 | 502..=504 => Code::DevopsUnreachable,
        400..=499 => Code::DevopsRefused,
        _ => Code::DevopsUnexpected,
    }
}

fn member<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.json.as_ref().and_then(|body| body.get(name)).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;
    use crate::cloud::devops::routes;
    use crate::domain::failure::Class;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], text: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Answer {
            status,
            headers: map,
            text: text.to_owned(),
            json: serde_json::from_str(text).ok(),
            cut: false,
        }
    }

    fn told(answer: &Answer) -> Option<Code> {
        failure(&routes::PROJECTS, answer).map(|failure| failure.code)
    }

    fn error(status: u16, key: &str, message: &str) -> Answer {
        answer(
            status,
            &[],
            &format!(
                r#"{{"$id":"1","innerException":null,"message":"{message}","typeName":"N.{key}, A","typeKey":"{key}","errorCode":0,"eventId":3000}}"#
            ),
        )
    }

    #[test]
    fn a_sign_in_page_is_a_refused_token() {
        assert_eq!(told(&answer(203, &[], "<html>")), Some(Code::DevopsToken));
        assert_eq!(told(&answer(200, &[("content-type", "text/html")], "<html>")), Some(Code::DevopsToken));
        assert_eq!(
            told(&answer(302, &[("location", "https://spsprodweu.vssps.visualstudio.com/_signin?x")], "")),
            Some(Code::DevopsToken)
        );
        assert_eq!(
            told(&answer(302, &[("location", "https://elsewhere/")], "")),
            Some(Code::DevopsUnexpected)
        );
        assert_eq!(told(&answer(401, &[], "")), Some(Code::DevopsToken));
        let expired = answer(
            401,
            &[(
                "x-tfs-serviceerror",
                "Access%20Denied%3A%20The%20Personal%20Access%20Token%20used%20has%20expired.",
            )],
            "",
        );
        let failure = failure(&routes::PROJECTS, &expired).unwrap();
        assert_eq!(failure.code, Code::DevopsTokenExpired);
        assert_eq!(
            failure.evidence("answered"),
            Some("Access Denied: The Personal Access Token used has expired.")
        );
    }

    #[test]
    fn success_is_no_failure() {
        for text in ["{}", "null", ""] {
            assert_eq!(told(&answer(200, &[], text)), None, "{text}");
        }
        assert_eq!(told(&answer(204, &[], "")), None);
    }

    #[test]
    fn type_keys_and_codes_decide_before_the_status() {
        for (answer, code) in [
            (error(500, "DuplicateServiceConnectionException", "x"), Code::DevopsConflict),
            (error(404, "ProjectDoesNotExistWithNameException", "TF200016: x"), Code::ProjectUnknown),
            (error(400, "ArgumentException", "At least one project reference"), Code::DevopsRefused),
            (error(403, "VssServiceException", "VS403463: x"), Code::EntraBlocked),
            (error(403, "GitNeedsPermissionException", "TF401027: x"), Code::DevopsDenied),
            (error(400, "Unheard", "TF402455: Pushes to this branch are not permitted"), Code::DevopsDenied),
            (error(409, "GitReferenceStaleException", "TF401028: x"), Code::DevopsConflict),
            (error(400, "AccessDeniedException", "TF215106: x"), Code::DevopsDenied),
            (error(404, "VssResourceNotFoundException", "x"), Code::DevopsNotFound),
            (error(400, "VssInvalidPreviewVersionException", "x"), Code::DevopsRefused),
            (answer(410, &[], ""), Code::DevopsNotFound),
            (Answer { cut: true, ..answer(200, &[], "{\"count\":1") }, Code::DevopsUnexpected),
            (error(429, "X", "TF400733: x"), Code::DevopsThrottled),
            (error(503, "X", "TF24668: x"), Code::DevopsUnreachable),
            (answer(500, &[], "<html>"), Code::DevopsUnreachable),
            (
                answer(404, &[("content-type", "text/plain")], "The controller for path '/x' was not found"),
                Code::DevopsNotFound,
            ),
        ] {
            assert_eq!(told(&answer), Some(code), "{}", answer.text);
        }
    }

    #[test]
    fn evidence_names_request_answer_and_activity() {
        let mut answer = error(403, "AccessDeniedException", "needs Edit build pipeline");
        answer
            .headers
            .insert("x-vss-e2eid", HeaderValue::from_static("11111111-0000-0000-0000-000000000000"));
        let failure = failure(&routes::PROJECTS, &answer).unwrap();
        assert_eq!(failure.class, Class::Denied);
        for (label, value) in [
            ("attempted", "GET /{organization}/_apis/projects"),
            ("status", "403"),
            ("answered", "needs Edit build pipeline"),
            ("type", "AccessDeniedException"),
            ("activity", "11111111-0000-0000-0000-000000000000"),
        ] {
            assert_eq!(failure.evidence(label), Some(value));
        }
    }
}
