//! Who signs: an identity holds for the access key it was asked with, and IAM is sent nothing that another key signed.
//!
//! Credentials are looked up again when they end. By then a profile may point at another account than the plan was made for.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::sts::Identity;

/// The identity of a client's credentials.
#[derive(Default)]
pub(super) struct Caller {
    /// The last answer of STS. Held while STS is asked, so that many who need it ask once.
    pub(super) identity: tokio::sync::Mutex<Option<Identity>>,
    keys: Arc<Mutex<Keys>>,
}

/// Access key ids; none of them is a secret.
#[derive(Default)]
struct Keys {
    /// That signed the last request.
    last: Option<String>,
    /// That signed the last question who it belongs to.
    asked: Option<String>,
    /// Whose identity is known.
    known: Option<String>,
}

impl Caller {
    /// Whether the identity that is known is that of the key which signed the last request.
    pub(super) fn is_known(&self) -> bool {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.known.is_some() && keys.known == keys.last
    }

    /// The answer of STS has come: it is about the key it was asked with.
    pub(super) fn learn(&self) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = keys.asked.clone();
        keys.last.clone_from(&asked);
        keys.known = asked;
    }

    /// What watches the requests to a service.
    pub(super) fn watch(&self, service: Service) -> Watch {
        Watch { service, keys: Arc::clone(&self.keys) }
    }
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Asking whose the key is.
    Sts,
    /// Everything else: once an identity is known, only its key signs.
    Iam,
}

/// Notes the key that signed a request, and stops what a key signed whose identity is another one's or not known.
pub(super) struct Watch {
    service: Service,
    keys: Arc<Mutex<Keys>>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "keyless caller"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let key = context.request().headers().get("authorization").and_then(signer).map(str::to_owned);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.last.clone_from(&key);
        match self.service {
            Service::Sts => keys.asked = key,
            Service::Iam if keys.known.is_some() && keys.known != key => return Err(OtherKey.into()),
            Service::Iam => {}
        }
        Ok(())
    }
}

/// The request was signed with another key than the one whose identity is known; it was not sent.
#[derive(Debug, thiserror::Error)]
#[error("the credentials changed after it was asked whose they are")]
struct OtherKey;

/// Whether a request was stopped because another key signed it.
pub(super) fn is_other_key<'a>(error: &'a (dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<OtherKey>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// The access key id in `AWS4-HMAC-SHA256 Credential=AKIA…/20260101/…, SignedHeaders=…`.
fn signer(authorization: &str) -> Option<&str> {
    let (_, rest) = authorization.split_once("Credential=")?;
    rest.split_once('/').map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signer_is_read_from_the_signature() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(signer(header), Some("AKIAX"));
        assert_eq!(signer("Bearer x"), None);
    }

    #[test]
    fn what_is_known_holds_for_one_key() {
        let caller = Caller::default();
        let sign = |key: &str| caller.keys.lock().unwrap().last = Some(key.to_owned());
        assert!(!caller.is_known());
        caller.keys.lock().unwrap().asked = Some("AKIAX".to_owned());
        caller.learn();
        assert!(caller.is_known());
        sign("AKIAY");
        assert!(!caller.is_known());
        sign("AKIAX");
        assert!(caller.is_known());
    }
}
