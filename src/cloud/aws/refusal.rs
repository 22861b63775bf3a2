//! From an error of the AWS SDK to a failure: by error code and kind, never by the words of a message.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_iam::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::caller::is_other_key;
use crate::cloud::http::causes;
use crate::domain::failure::{Class, Code, Failure};
use crate::domain::names::{Partition, Region};

/// Whether the same call may succeed a moment later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Refused before it was executed.
    Throttled,
    /// No answer, or the service failed: it may have been executed.
    Transient,
    /// No.
    No,
}

/// What a failure says about repeating its call.
pub(super) fn again(failure: &Failure) -> Again {
    match failure.class {
        Class::Throttled => Again::Throttled,
        Class::Unreachable => Again::Transient,
        _ => Again::No,
    }
}

/// The failure of an error code of AWS, where the code alone decides.
fn coded(code: &str) -> Option<Failure> {
    let known = match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => Code::AwsDenied,
        "NoSuchEntity"
        | "NoSuchEntityException"
        | "NoSuchBucketPolicy"
        | "NoSuchBucket"
        | "NotFound"
        | "NotFoundException"
        | "ParameterNotFound"
        | "ResourceNotFoundException" => Code::AwsNotFound,
        "EntityAlreadyExists"
        | "EntityAlreadyExistsException"
        | "DeleteConflict"
        | "DeleteConflictException" => Code::AwsConflict,
        // Another change of the same object is still being made.
        "ConcurrentModification" | "EntityTemporarilyUnmodifiable" => {
            return Some(Failure::new(Code::AwsConflict).class(Class::NotYet));
        }
        "LimitExceeded" | "LimitExceededException" => Code::AwsLimit,
        "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "RequestExpired"
        | "AuthFailure"
        | "OptInRequired"
        | "RegionDisabledException" => Code::AwsSignIn,
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" => Code::PolicyMalformed,
        "ServiceFailure"
        | "ServiceFailureException"
        | "ServiceUnavailable"
        | "InternalFailure"
        | "InternalError" => Code::AwsUnreachable,
        _ if code.starts_with("Throttling")
            || matches!(
                code,
                "TooManyRequestsException" | "RequestLimitExceeded" | "RequestThrottled" | "SlowDown"
            ) =>
        {
            Code::AwsThrottled
        }
        _ => return None,
    };
    Some(Failure::new(known))
}

/// The failure of an SDK error.
pub(crate) fn failure<E>(action: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let failure = match error {
        SdkError::ServiceError(service) => {
            let failure = service.err().code().and_then(coded).unwrap_or_else(|| by_status(status));
            let failure = failure.with("action", action);
            let failure = match service.err().code() {
                Some(code) => failure.with("error code", code),
                None => failure,
            };
            match service.err().message() {
                Some(message) => failure.with("answered", message),
                None => failure,
            }
        }
        SdkError::ResponseError(_) => by_status(status).with("action", action).with("cause", causes(error)),
        // Timeouts, lost connections, and credentials that could not be had.
        _ if is_other_key(error) => {
            Failure::new(Code::AwsWrongAccount).with("action", action).with("cause", causes(error))
        }
        _ => match credentials_error(error) {
            Some(refused) => {
                Failure::new(Code::AwsSignIn).with("action", action).with("cause", causes(refused))
            }
            None => Failure::new(Code::AwsUnreachable).with("action", action).with("cause", causes(error)),
        },
    };
    let failure = match status {
        Some(status) => failure.with("status", status),
        None => failure,
    };
    match error.request_id() {
        Some(id) => failure.with("request id", id),
        None => failure,
    }
}

/// An answer without an error code that is known.
fn by_status(status: Option<u16>) -> Failure {
    Failure::new(match status {
        Some(429) => Code::AwsThrottled,
        Some(403) => Code::AwsDenied,
        Some(500..=599) => Code::AwsUnreachable,
        _ => Code::AwsRefused,
    })
}

/// What the credentials' own source said, wherever in the chain of causes it is.
fn credentials_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<CredentialsError>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Regions that every account has. Commercial regions that came later are off until the account opts in.
const ALWAYS_ON: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Whether an account has to opt in to a region: valid credentials look unknown there before (AWS, "Managing regions").
pub(super) fn is_opt_in(region: &Region) -> bool {
    region.partition() == Partition::Aws && !ALWAYS_ON.contains(&region.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use aws_sdk_iam::error::ErrorMetadata;
    use aws_sdk_iam::operation::get_role::GetRoleError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn response(status: u16) -> HttpResponse {
        HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty())
    }

    fn service(code: Option<&str>, status: u16) -> SdkError<GetRoleError, HttpResponse> {
        let mut metadata = ErrorMetadata::builder().message("said so");
        if let Some(code) = code {
            metadata = metadata.code(code);
        }
        SdkError::service_error(GetRoleError::generic(metadata.build()), response(status))
    }

    #[test]
    fn error_codes_decide() {
        for (code, status, expected, again_expected) in [
            ("AccessDenied", 403, Code::AwsDenied, Again::No),
            ("NoSuchEntity", 404, Code::AwsNotFound, Again::No),
            ("EntityAlreadyExists", 409, Code::AwsConflict, Again::No),
            ("DeleteConflict", 409, Code::AwsConflict, Again::No),
            ("LimitExceeded", 409, Code::AwsLimit, Again::No),
            ("Throttling", 400, Code::AwsThrottled, Again::Throttled),
            ("ThrottlingException", 400, Code::AwsThrottled, Again::Throttled),
            ("InvalidClientTokenId", 403, Code::AwsSignIn, Again::No),
            ("NoSuchBucketPolicy", 404, Code::AwsNotFound, Again::No),
            ("InvalidAccessKeyId", 403, Code::AwsSignIn, Again::No),
            ("ExpiredToken", 403, Code::AwsSignIn, Again::No),
            ("SignatureDoesNotMatch", 403, Code::AwsSignIn, Again::No),
            ("MalformedPolicyDocument", 400, Code::PolicyMalformed, Again::No),
            ("InvalidInput", 400, Code::AwsRefused, Again::No),
            ("ServiceFailure", 500, Code::AwsUnreachable, Again::Transient),
            ("Unheard", 500, Code::AwsUnreachable, Again::Transient),
        ] {
            let failure = failure("iam:GetRole", &service(Some(code), status));
            assert_eq!((failure.code, again(&failure)), (expected, again_expected), "{code}");
            assert_eq!(failure.evidence("action"), Some("iam:GetRole"));
            assert_eq!(failure.evidence("answered"), Some("said so"));
        }
    }

    #[test]
    fn answers_without_a_code_go_by_status() {
        assert_eq!(failure("a", &service(None, 500)).code, Code::AwsUnreachable);
        assert_eq!(failure("a", &service(None, 400)).code, Code::AwsRefused);
    }

    #[test]
    fn what_is_being_changed_is_not_yet() {
        assert_eq!(failure("a", &service(Some("ConcurrentModification"), 409)).class, Class::NotYet);
    }

    #[test]
    fn credentials_that_cannot_be_had_are_a_sign_in_matter() {
        let cause = CredentialsError::not_loaded("the SSO session has expired");
        let error: SdkError<GetRoleError, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::other(Box::new(cause), None));
        let failure = failure("sts:GetCallerIdentity", &error);
        assert_eq!(failure.code, Code::AwsSignIn);
        assert!(failure.evidence("cause").unwrap().contains("the SSO session has expired"), "{failure}");
    }

    #[test]
    fn lost_connections_are_transient() {
        let cause = std::io::Error::other("reset");
        let error: SdkError<GetRoleError, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::io(Box::new(cause)));
        let failure = failure("iam:GetRole", &error);
        assert_eq!((failure.code, again(&failure)), (Code::AwsUnreachable, Again::Transient));
    }

    #[test]
    fn newer_commercial_regions_are_opt_in() {
        for (region, opt_in) in
            [("eu-west-1", false), ("eu-south-2", true), ("us-gov-west-1", false), ("me-central-1", true)]
        {
            assert_eq!(is_opt_in(&region.parse().unwrap()), opt_in, "{region}");
        }
    }
}
