//! The trust matrix: reads every connection of the project and every role's trust of the accounts, and decides offline.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::session::Session;
use super::survey::{Surveyed, survey};
use crate::cloud::aws::{Aws, Rights};
use crate::cloud::devops::projects::Project;
use crate::domain::arn::RoleArn;
use crate::domain::connection::Connection;
use crate::domain::diagnose::matrix::{
    Caller, Claims, Column, Matrix, Row, Trust, User, admits_user, names_itself,
};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Environment, Federation};
use crate::domain::finding::Finding;
use crate::domain::issuer::{AUDIENCE, subject};
use crate::domain::names::{AccountId, EnvironmentName};
use crate::domain::policy::Document;

/// The action a user needs for a role.
const ASSUME: &str = "sts:AssumeRole";

/// The matrix and what it could not see.
pub struct Mapped {
    /// `organisation/project`.
    pub federation: String,
    /// Who can become what.
    pub matrix: Matrix,
    /// Unexpected reaches, and looks that failed.
    pub findings: Vec<Finding>,
    /// Accounts of which only the environments' roles could be looked at.
    pub incomplete: Vec<AccountId>,
}

/// Reads and decides. Of the accounts, only those of the `chosen` environments; none: all. Writes nothing and tries nothing.
///
/// # Errors
/// Azure DevOps cannot be looked at: without connections there is nothing to decide. An account that cannot be looked at is
/// a finding.
pub async fn map(session: &Session, chosen: &[EnvironmentName]) -> Result<Mapped> {
    let Some(devops) = &session.devops else { return Err(Failure::new(Code::DevopsTokenMissing)) };
    let surveyed = survey(session).await?;
    let Some(project) = &surveyed.project else { return Err(Failure::new(Code::ProjectUnknown)) };
    let connections = devops.connections(project).await?;
    let federation = &surveyed.federation;
    let accounts = accounts(federation, chosen);
    let accounts = join_all(accounts.into_iter().map(|(id, mine)| look(session, id, mine))).await;
    let clients: Vec<&Aws> = accounts.iter().filter_map(|account| account.client).collect();
    let columns = columns(federation, &accounts);
    let place = Place { surveyed: &surveyed, project, clients: &clients, columns: &columns };
    let aws = connections.iter().filter(|connection| connection.is_aws());
    let mut rows: Vec<Row> =
        join_all(aws.map(|connection| place.rows(connection))).await.into_iter().flatten().collect();
    let position = |name: &EnvironmentName| federation.environments.iter().position(|it| it.name == *name);
    rows.sort_by_key(|row| (row.environment.as_ref().and_then(position).unwrap_or(usize::MAX), row.name()));
    let claims = Claims {
        issuer_host_path: surveyed.grounds.issuer.host_path().to_owned(),
        audience: AUDIENCE.to_owned(),
    };
    let matrix = Matrix::new(rows, columns, &claims);
    let mut findings: Vec<Finding> =
        accounts.iter().filter_map(|account| account.finding(federation)).collect();
    findings.extend(matrix.findings());
    Ok(Mapped {
        federation: format!("{}/{}", surveyed.grounds.organization, surveyed.grounds.project),
        incomplete: accounts.iter().filter(|it| it.failure.is_some()).map(|it| it.id.clone()).collect(),
        matrix,
        findings,
    })
}

/// Each account with its environments, in promotion order.
pub(super) fn accounts<'a>(
    federation: &'a Federation,
    chosen: &[EnvironmentName],
) -> Vec<(&'a AccountId, Vec<&'a Environment>)> {
    let mut accounts: Vec<(&AccountId, Vec<&Environment>)> = Vec::new();
    for environment in &federation.environments {
        match accounts.iter_mut().find(|(id, _)| **id == environment.account) {
            Some((_, mine)) => mine.push(environment),
            None => accounts.push((&environment.account, vec![environment])),
        }
    }
    accounts.retain(|(_, mine)| mine.iter().any(|it| it.is_among(chosen)));
    accounts
}

/// What was seen of one account.
struct Account<'a> {
    id: AccountId,
    /// A client that is signed in to it.
    client: Option<&'a Aws>,
    roles: Vec<(RoleArn, Trust)>,
    /// Why not all of its roles are there.
    failure: Option<Failure>,
}

impl Account<'_> {
    fn finding(&self, federation: &Federation) -> Option<Finding> {
        let failure = self.failure.as_ref()?;
        let first = federation.environments.iter().find(|it| it.account == self.id);
        Some(Finding::failed(first.map(|it| &it.name), failure))
    }
}

/// Reads the trusts of one account: all of them, else those of its environments' roles.
async fn look<'a>(session: &'a Session, id: &AccountId, mine: Vec<&Environment>) -> Account<'a> {
    let account = Account { id: id.clone(), client: None, roles: Vec::new(), failure: None };
    let client = match signed_in(session, &mine).await {
        Ok(client) => client,
        Err(failure) => {
            let unread = |it: &&Environment| (it.role_arn(), Trust::Unread(failure.to_string()));
            return Account { roles: mine.iter().map(unread).collect(), failure: Some(failure), ..account };
        }
    };
    let (roles, failure) = match client.roles_with_trust().await {
        Ok(roles) => (of_all(&mine, roles), None),
        Err(failure) => (join_all(mine.iter().map(|it| own(client, it))).await, Some(failure)),
    };
    Account { client: Some(client), roles, failure, ..account }
}

/// The first client that really is in the account.
pub(super) async fn signed_in<'a>(session: &'a Session, mine: &[&Environment]) -> Result<&'a Aws> {
    let mut refused = Failure::new(Code::AwsSignIn);
    for environment in mine {
        let client = match session.aws.get(&environment.name) {
            Some(Ok(client)) => client,
            Some(Err(failure)) => {
                refused = failure.clone();
                continue;
            }
            None => continue,
        };
        match client.caller_identity().await {
            Ok(identity) if identity.account == environment.account.as_str() => return Ok(client),
            Ok(identity) => {
                refused = Failure::new(Code::AwsWrongAccount)
                    .with("environment", &environment.name)
                    .with("wanted", &environment.account)
                    .with("signed in", &identity.account)
                    .with("identity", &identity.arn);
            }
            Err(failure) => refused = failure,
        }
    }
    Err(refused)
}

/// Every role, and the environments' ones that are not among them.
fn of_all(mine: &[&Environment], roles: Vec<(RoleArn, Document)>) -> Vec<(RoleArn, Trust)> {
    let mut all: Vec<(RoleArn, Trust)> =
        roles.into_iter().map(|(arn, trust)| (arn, Trust::Read(trust))).collect();
    for environment in mine {
        if !all.iter().any(|(arn, _)| is_role_of(environment, arn)) {
            all.push((environment.role_arn(), Trust::Missing));
        }
    }
    all
}

/// One environment's role.
async fn own(client: &Aws, environment: &Environment) -> (RoleArn, Trust) {
    match client.role(&environment.role).await {
        Ok(Some(role)) => (role.arn, Trust::Read(role.trust)),
        Ok(None) => (environment.role_arn(), Trust::Missing),
        Err(failure) => (environment.role_arn(), Trust::Unread(failure.to_string())),
    }
}

/// Names of roles ignore case.
fn is_role_of(environment: &Environment, arn: &RoleArn) -> bool {
    environment.account == arn.account && environment.role.as_str().eq_ignore_ascii_case(arn.name.as_str())
}

/// The environments' roles in promotion order, then the others.
fn columns(federation: &Federation, accounts: &[Account<'_>]) -> Vec<Column> {
    let of = |arn: &RoleArn| federation.environments.iter().position(|it| is_role_of(it, arn));
    let roles = accounts.iter().flat_map(|account| &account.roles);
    let mut columns: Vec<(usize, Column)> = roles
        .map(|(arn, trust)| {
            let place = of(arn);
            let environment = place.and_then(|at| federation.environments.get(at)).map(|it| it.name.clone());
            let column = Column { role: arn.clone(), environment, trust: trust.clone() };
            (place.unwrap_or(usize::MAX), column)
        })
        .collect();
    columns.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.role.cmp(&other.role)));
    columns.into_iter().map(|(_, column)| column).collect()
}

/// What rows are made from.
struct Place<'a> {
    surveyed: &'a Surveyed,
    project: &'a Project,
    clients: &'a [&'a Aws],
    columns: &'a [Column],
}

impl Place<'_> {
    /// The rows of one connection: what its token becomes and, where it holds one, what its access key does.
    async fn rows(&self, connection: &Connection) -> Vec<Row> {
        let Surveyed { federation, grounds, .. } = self.surveyed;
        let mine = |it: &&Environment| it.connection.as_str().eq_ignore_ascii_case(&connection.name);
        let name = connection.name.parse().ok().filter(|_| connection.shared_from(self.project.id).is_none());
        let own = federation.environments.iter().find(mine);
        // What was typed or observed for an environment counts; other names are computed.
        let known = own.and_then(|environment| environment.subject.clone());
        let subject =
            known.or_else(|| name.map(|name| subject(&grounds.organization, &grounds.project, &name)));
        let token = Row {
            connection: connection.name.clone(),
            environment: own.map(|it| it.name.clone()),
            names: connection.parameters.assume_role_arn.clone(),
            caller: Caller::Token { subject },
        };
        let access_key = connection.parameters.username.trim();
        if access_key.is_empty() {
            return vec![token];
        }
        let caller = Caller::Keys { access_key: access_key.to_owned(), user: self.owner(access_key).await };
        vec![Row { caller, ..token.clone() }, token]
    }

    /// The user of an access key. An account refuses to tell of keys that are not its own.
    async fn owner(&self, access_key: &str) -> Option<User> {
        let asked = join_all(self.clients.iter().map(|client| client.access_key_owner(access_key))).await;
        let mut found = self.clients.iter().zip(asked).filter_map(|(client, arn)| Some((client, arn.ok()??)));
        let (client, arn) = found.next()?;
        let admits = |column: &&Column| match &column.trust {
            Trust::Read(document) => {
                !names_itself(document, &column.role, &arn) && admits_user(document, &arn)
            }
            Trust::Missing | Trust::Unread(_) => false,
        };
        let asks = self.columns.iter().filter(admits).map(|column| may_assume(client, &arn, &column.role));
        let may_assume: BTreeMap<_, _> = join_all(asks).await.into_iter().collect();
        Some(User { arn, may_assume })
    }
}

async fn may_assume(client: &Aws, user: &str, role: &RoleArn) -> (RoleArn, Result<bool, String>) {
    let said = match client.simulate(user, &[ASSUME], Some(&role.to_string())).await {
        Ok(Rights::Allowed) => Ok(true),
        Ok(Rights::Denied(_)) => Ok(false),
        Ok(Rights::Unknown(why)) => Err(why),
        Err(failure) => Err(failure.to_string()),
    };
    (role.clone(), said)
}
