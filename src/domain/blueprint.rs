//! The blueprint: answers and grounds turned into every wanted object. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::arn::{AssumedRole, RoleArn};
use super::connection::WantedConnection;
use super::failure::{Code, Failure, Result};
use super::federation::{Authentication, Deployment, Environment, Federation};
use super::gates::{self, CheckKind, WantedBranch, WantedGates};
use super::grounds::Grounds;
use super::handshake::{Claims, Expected, Means};
use super::issuer::{self, Issuer};
use super::mark::{FederationId, TAG_ENVIRONMENT, TAG_FEDERATION};
use super::names::{EnvironmentName, RepositoryName, SessionName};
use super::policy::{self, Document, Effect, Size, inline_size, permission_statement, user_inline_size};
use super::preset::{self, Preset};
use super::provider::WantedProvider;
use super::role::{INLINE_POLICY, TrustedUser, WantedRole};
use super::rotation::name_beside;
use super::user::WantedUser;

/// The YAML of the verification pipeline, exactly as keyless pushes it.
pub const VERIFICATION_YAML: &str = include_str!("../../assets/pipelines/verification.yml");
/// Its path in the verification repository.
pub const VERIFICATION_PATH: &str = "/keyless-verification.yml";

/// Everything that is wanted, in names.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// The federation's id, as marks carry it.
    pub id: FederationId,
    /// The grounds it rests on.
    pub grounds: Grounds,
    /// One per account that is used.
    pub providers: Vec<WantedProvider>,
    /// One per environment, in promotion order.
    pub environments: Vec<Wanted>,
    /// How the handshake is made.
    pub verification: WantedVerification,
    /// The pipeline that deploys, with its gates; none: it is not wanted.
    pub deployment: Option<WantedDeployment>,
}

/// What one environment wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The answers it comes from.
    pub environment: Environment,
    /// The service connection.
    pub connection: WantedConnection,
    /// The role; with nothing but an access key there is none, and this one is never made.
    pub role: WantedRole,
    /// The user whose access key pipelines sign in with; none: they sign in by token.
    pub user: Option<WantedUser>,
    /// What its handshake must show.
    pub expected: Expected,
}

/// The pipeline that deploys, and what stands before its deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedDeployment {
    /// The answers it comes from.
    pub answers: Deployment,
    /// The gates of each environment, in promotion order.
    pub gates: Vec<WantedGates>,
    /// The policies of the branch that pull requests go to, where the code lies in Azure Repos.
    pub code: Option<WantedBranch>,
    /// The policy of the verification branch, where the connection of an environment has branch control.
    pub verification: Option<WantedBranch>,
}

impl WantedDeployment {
    fn new(federation: &Federation, answers: &Deployment, id: &FederationId, branch: &str) -> Result<Self> {
        let of = |environment: &Environment| {
            let unnamed = || Failure::new(Code::Answers).with("environment", &environment.name);
            gates::wanted(answers, environment, id, branch).ok_or_else(unnamed)
        };
        let own = federation.environments.iter().filter(|it| !it.is_reading());
        let gates = own.map(of).collect::<Result<Vec<_>>>()?;
        let mut checks = gates.iter().flat_map(|gates| &gates.checks);
        let controlled = checks.any(|check| check.settings.kind() == CheckKind::BranchControl);
        let repository = federation.verification.repository.as_str();
        Ok(Self {
            answers: answers.clone(),
            code: gates::wanted_branch(answers),
            verification: controlled.then(|| gates::wanted_verification(repository, branch)),
            gates,
        })
    }
}

/// Where the verification pipeline lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedVerification {
    /// The repository.
    pub repository: RepositoryName,
    /// A branch of a repository that is not keyless's own; none: an own repository, branch `main`.
    pub foreign_branch: Option<String>,
    /// The pipeline's name.
    pub pipeline: String,
    /// The agent queue that was asked for.
    pub queue: Option<String>,
}

impl WantedVerification {
    /// The branch that holds the YAML, without `refs/heads/`.
    pub fn branch(&self) -> &str {
        self.foreign_branch.as_deref().unwrap_or("main")
    }
}

impl Blueprint {
    /// Computes every wanted object.
    ///
    /// # Errors
    /// The answers contradict each other, a preset is unknown, or a policy is too long for IAM.
    pub fn new(federation: &Federation, grounds: &Grounds) -> Result<Self> {
        if let Some(contradiction) = federation.contradictions().first() {
            return Err(Failure::new(Code::BlueprintConflict)
                .with("field", contradiction.field)
                .with("cause", &contradiction.text));
        }
        let id = FederationId::new(&grounds.organization, &grounds.project);
        let environments = federation
            .environments
            .iter()
            .map(|environment| wanted(federation, environment, grounds, &id))
            .collect::<Result<Vec<_>>>()?;
        let verification = WantedVerification {
            repository: federation.verification.repository.clone(),
            foreign_branch: federation.verification.branch.clone(),
            pipeline: federation.verification.pipeline.clone(),
            queue: federation.verification.queue.clone(),
        };
        let deployment = federation.pipeline.as_ref();
        let deployment =
            deployment.map(|answers| WantedDeployment::new(federation, answers, &id, verification.branch()));
        Ok(Self {
            providers: providers(federation, &grounds.issuer, &id),
            environments,
            deployment: deployment.transpose()?,
            verification,
            grounds: grounds.clone(),
            id,
        })
    }

    /// What one environment wants.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Wanted> {
        self.environments.iter().find(|wanted| wanted.environment.name == *name)
    }
}

/// The one statement of a user that may do nothing but become the role.
fn assumes(role: &RoleArn) -> Result<Document> {
    let statement =
        permission_statement("BecomeTheRole", Effect::Allow, &["sts:AssumeRole"], &[&role.to_string()]);
    let statement = statement
        .map_err(|error| Failure::new(Code::PolicyMalformed).with("role", role).with("cause", error))?;
    Ok(Document::new(vec![statement]))
}

/// The user whose access key pipelines sign in with, where they do.
fn user(
    environment: &Environment,
    tags: &BTreeMap<String, String>,
    policy: &Document,
) -> Result<Option<WantedUser>> {
    let (Some(name), Some(arn)) = (environment.authentication.user(), environment.user_arn()) else {
        return Ok(None);
    };
    let (policy, managed) = match environment.authentication {
        Authentication::AccessKey { .. } => (policy.clone(), environment.managed_policies.clone()),
        _ => (assumes(&environment.role_arn())?, Vec::new()),
    };
    if let Size::TooLarge { used, limit } = user_inline_size(&policy) {
        return Err(Failure::new(Code::PolicyTooLong)
            .with("policy", format!("policy of user {name}"))
            .with("characters", used)
            .with("limit", limit));
    }
    Ok(Some(WantedUser {
        environment: environment.name.clone(),
        name: name.clone(),
        path: environment.role_path.clone(),
        arn,
        tags: tags.clone(),
        inline: BTreeMap::from([(INLINE_POLICY.to_owned(), policy)]),
        managed,
    }))
}

/// How its runs are proven: as a token's role, as a key's user, or as the role that user becomes.
fn means(environment: &Environment, identity: &AssumedRole) -> Means {
    let (Some(user), Some(arn)) = (environment.authentication.user(), environment.user_arn()) else {
        return Means::Oidc;
    };
    let identity = match environment.authentication {
        Authentication::AccessKey { .. } => arn,
        _ => identity.to_string(),
    };
    Means::Keys { user: user.to_string(), identity }
}

fn wanted(
    federation: &Federation,
    environment: &Environment,
    grounds: &Grounds,
    id: &FederationId,
) -> Result<Wanted> {
    let name = &environment.name;
    let role = environment.role_arn();
    let subject = environment.subject(&grounds.organization, &grounds.project);
    let session: SessionName = format!("keyless-{name}")
        .parse()
        .map_err(|refused| Failure::new(Code::Answers).with("environment", name).with("cause", refused))?;
    let policy = Preset::named(&environment.preset)?.policy(environment)?;
    if let Size::TooLarge { used, limit } = inline_size([&policy]) {
        return Err(Failure::new(Code::PolicyTooLong)
            .with("policy", format!("preset {} of {name}", environment.preset))
            .with("characters", used)
            .with("limit", limit));
    }
    let mut tags = environment.tags.clone();
    tags.insert(TAG_FEDERATION.to_owned(), id.tag_value());
    tags.insert(TAG_ENVIRONMENT.to_owned(), name.to_string());
    let identity = AssumedRole {
        partition: role.partition,
        account: role.account.clone(),
        role: role.name.clone(),
        session: session.to_string(),
    };
    let authentication = &environment.authentication;
    let by = if authentication.by_keys() { "access key" } else { "OIDC" };
    let external_id = authentication.external_id().cloned();
    Ok(Wanted {
        user: user(environment, &tags, &policy)?,
        connection: WantedConnection {
            environment: name.clone(),
            name: environment.connection.clone(),
            role: role.clone(),
            session,
            signs_in: authentication.signs_in(),
            external_id: external_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            description: format!("{name}: {by} into account {} {}", environment.account, id.marker()),
        },
        role: WantedRole {
            environment: name.clone(),
            provider_arn: grounds.issuer.provider_arn(environment.partition(), &environment.account),
            issuer_host_path: grounds.issuer.host_path().to_owned(),
            audience: federation.client().to_owned(),
            subject: subject.clone(),
            beside: None,
            trusts: environment.user_arn().map(|arn| TrustedUser {
                arn,
                source_ip: authentication.source_ip().to_vec(),
                external_id,
            }),
            second: second(environment, grounds, federation),
            max_session_seconds: i32::from(environment.session_hours) * 3600,
            boundary: environment.boundary.clone(),
            tags,
            inline: BTreeMap::from([(INLINE_POLICY.to_owned(), policy)]),
            managed: environment.managed_policies.clone(),
            reads_only: environment.is_reading(),
            wider: wider(federation, environment)?,
            arn: role,
        },
        expected: Expected {
            environment: name.clone(),
            means: means(environment, &identity),
            claims: Claims {
                issuer: grounds.issuer.to_string(),
                subject,
                audience: federation.audience.clone(),
            },
            account: environment.account.clone(),
            identity,
        },
        environment: environment.clone(),
    })
}

/// What a protected environment may do beyond the nearest one before it that is not protected, where changes are tried.
fn wider(federation: &Federation, environment: &Environment) -> Result<Option<String>> {
    let own = federation.environments.iter().filter(|it| !it.is_reading());
    let before = own.take_while(|it| it.name != environment.name);
    match before.filter(|it| !it.protected).last() {
        Some(tried) if environment.protected && !environment.is_reading() => {
            let more = preset::wider(environment, tried)?;
            Ok(more.map(|more| format!("{} may do more than {}: {more}", environment.name, tried.name)))
        }
        _ => Ok(None),
    }
}

/// The token of the connection that a careful rotation proves first. Subjects that are not made of names tell nothing of it.
fn second(environment: &Environment, grounds: &Grounds, federation: &Federation) -> Option<policy::Expected> {
    let plain = environment.authentication.is_oidc() && environment.subject.is_none();
    let possible = plain && !environment.is_reading();
    let name = name_beside(&environment.connection).filter(|_| possible)?;
    Some(policy::Expected {
        provider_arn: grounds.issuer.provider_arn(environment.partition(), &environment.account),
        issuer_host_path: grounds.issuer.host_path().to_owned(),
        audience: federation.client().to_owned(),
        subject: issuer::subject(&grounds.organization, &grounds.project, &name),
    })
}

/// One provider per account; environments that share an account share it. Access keys need none.
fn providers(federation: &Federation, issuer: &Issuer, id: &FederationId) -> Vec<WantedProvider> {
    let mut providers: Vec<WantedProvider> = Vec::new();
    for environment in federation.environments.iter().filter(|it| it.authentication.is_oidc()) {
        if let Some(shared) = providers.iter_mut().find(|provider| provider.account == environment.account) {
            shared.environments.push(environment.name.clone());
            continue;
        }
        providers.push(WantedProvider {
            account: environment.account.clone(),
            partition: environment.partition(),
            issuer: issuer.clone(),
            audiences: BTreeSet::from([federation.client().to_owned()]),
            tags: BTreeMap::from([(TAG_FEDERATION.to_owned(), id.tag_value())]),
            environments: vec![environment.name.clone()],
        });
    }
    providers
}
