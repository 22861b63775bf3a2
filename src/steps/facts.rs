//! What steps yield to each other, and the keys and questions they share.

use uuid::Uuid;

use crate::domain::connection::AwsParameters;
use crate::domain::federation::Environment;
use crate::domain::key::{Kind, StepKey};
use crate::domain::mark::Owner;
use crate::domain::names::{AccountId, ConnectionName, EnvironmentName};
use crate::domain::policy::Document;
use crate::plan::change::{Ask, Change};

/// What is to become of the verification's repository and pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// It must be there.
    Present,
    /// It goes.
    Absent,
    /// It is only looked at.
    AsItIs,
}

/// A connection that is there.
#[derive(Debug, Clone)]
pub struct ConnectionFact {
    /// Its id.
    pub id: Uuid,
    /// Its parameters as found.
    pub parameters: AwsParameters,
    /// Whether it was disabled: no run can use it.
    pub disabled: bool,
}

/// A role that is there.
#[derive(Debug, Clone)]
pub struct RoleFact {
    /// Its unique id.
    pub id: String,
    /// Its trust as found.
    pub trust: Document,
}

/// The verification YAML that is there.
#[derive(Debug, Clone)]
pub struct SourceFact {
    /// Its repository.
    pub repository: Uuid,
    /// The commit that holds it.
    pub commit: String,
}

/// The verification pipeline that is there.
#[derive(Debug, Clone, Copy)]
pub struct PipelineFact {
    /// Its definition id.
    pub id: i64,
}

/// The key of an environment's sign-in.
pub fn sign_in_key(environment: &Environment) -> StepKey {
    StepKey::new(Kind::SignIn, environment.name.as_str())
}

/// The key of the operator's rights in an environment's account.
pub fn rights_key(environment: &Environment) -> StepKey {
    StepKey::new(Kind::SignIn, format!("{}/rights", environment.name))
}

/// The key of an account's provider.
pub fn provider_key(account: &AccountId) -> StepKey {
    StepKey::new(Kind::Provider, account.as_str())
}

/// The key of an environment's role.
pub fn role_key(environment: &Environment) -> StepKey {
    StepKey::new(Kind::Role, format!("{}/{}", environment.account, environment.role))
}

/// The key of the user whose access key an environment's pipelines sign in with; none: they sign in by token.
pub fn user_key(environment: &Environment) -> Option<StepKey> {
    let user = environment.authentication.user()?;
    Some(StepKey::new(Kind::User, format!("{}/{user}", environment.account)))
}

/// The key of the step that makes a user's access key and puts it into the connection; none: pipelines sign in by token.
pub fn access_key_key(environment: &Environment) -> Option<StepKey> {
    let user = environment.authentication.user()?;
    Some(StepKey::new(Kind::Key, format!("{}/of {user}", environment.account)))
}

/// The key of a connection.
pub fn connection_key(name: &ConnectionName) -> StepKey {
    StepKey::new(Kind::Connection, name.as_str())
}

/// The key of the organisation's AWS Toolkit extension.
pub fn extension_key() -> StepKey {
    StepKey::new(Kind::Extension, "aws-vsts-tools")
}

/// The key of the step that knows an environment's connection last: the one that puts a wanted key into it, else its own.
pub fn holder_key(environment: &Environment) -> StepKey {
    access_key_key(environment).unwrap_or_else(|| connection_key(&environment.connection))
}

/// The question an existing object asks that keyless did not make.
pub fn ask_owner(owner: &Owner, object: &str) -> Option<Ask> {
    match owner {
        Owner::Ours => None,
        Owner::Unmarked => Some(Ask::Foreign { what: format!("{object} was not made by keyless") }),
        Owner::Other { name } => Some(Ask::Foreign { what: format!("{object} belongs to {name}") }),
    }
}

/// Whether a trust has this subject anywhere in it.
pub fn trust_names(trust: &Document, subject: &str) -> bool {
    trust.to_json().contains(&serde_json::Value::from(subject).to_string())
}

/// The questions of everybody protected who shares an object that is to go.
pub fn ask_all(protected: &[EnvironmentName]) -> impl Iterator<Item = Ask> {
    protected.iter().map(|name| Ask::Protected { environment: name.clone() })
}

/// The questions of the protected ones of some environments, each once, and which of them are decided with another one.
pub fn ask_each<'a>(change: &mut Change, environments: impl Iterator<Item = &'a Environment> + Clone) {
    for ask in environments.clone().filter_map(ask_protected) {
        if !change.asks.contains(&ask) {
            change.asks.push(ask);
        }
    }
    let reading = environments.filter_map(|it| Some((it.name.clone(), it.reads_for.clone()?)));
    change.decided_with = reading.collect();
}

/// The question a protected environment asks.
pub fn ask_protected(environment: &Environment) -> Option<Ask> {
    environment.protected.then(|| Ask::Protected { environment: environment.owner().clone() })
}
