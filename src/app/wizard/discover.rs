//! What the wizard finds out on the clouds.

use super::{Stage, probe, words};
use crate::app::login;
use crate::app::sign_ins::asks_to_sign_in;
use crate::app::sso::{PRACTICE_SESSION, SsoDesk};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::teams::Member;
use crate::config;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Environment, SignIn, Tool};
use crate::domain::names::{OrganizationName, ProjectName, RepositoryName};
use crate::wizard::{
    AwsProfile, Found, FoundOrganization, FoundPeople, FoundTool, FoundVerification, Handle, Identity,
    Somebody,
};

/// Files at the top of a repository that tell what deploys it.
const TELLING: [(&str, Tool); 4] = [
    ("cdk.json", Tool::Cdk),
    ("amplify/backend.ts", Tool::Amplify),
    ("main.tf", Tool::Terraform),
    ("template.yaml", Tool::CloudFormation),
];

impl Stage<'_> {
    pub(super) fn sso(&self) -> SsoDesk<'_> {
        SsoDesk::new(self.clouds, self.output, &self.kept.logins)
    }

    /// A client with the sign-in that the person gave here, else with the organisation's own.
    pub(super) async fn devops(
        &self,
        organization: &OrganizationName,
        token: Option<Handle>,
    ) -> Result<DevOps> {
        if let Some(signed_in) = self.kept.vault.get(token, organization) {
            return self.clouds.devops_with(organization, &signed_in.credential);
        }
        self.clouds.find_sign_in(organization, self.output).await;
        self.clouds.devops(organization)
    }

    /// What was found out, in words. A sign-in that was there and works no more is forgotten: the person can sign in.
    pub(super) fn told<T>(
        &self,
        (organization, token): (&OrganizationName, Option<Handle>),
        found: Result<T>,
        tell: impl FnOnce(std::result::Result<T, String>) -> Found,
    ) -> Found {
        match found {
            Ok(found) => tell(Ok(found)),
            // What was given here is told on the page where it was given.
            Err(failure)
                if asks_to_sign_in(&failure) && self.kept.vault.get(token, organization).is_none() =>
            {
                self.clouds.forget_sign_in(organization);
                Found::SignedOut(words(&failure))
            }
            Err(failure) => tell(Err(words(&failure))),
        }
    }

    pub(super) async fn organization(
        &self,
        typed: &OrganizationName,
        token: Option<Handle>,
    ) -> Result<FoundOrganization> {
        let devops = self.devops(typed, token).await?;
        let global = self.clouds.refuse_global(&devops);
        let (data, projects, ()) = futures::try_join!(devops.connection_data(), devops.projects(), global)?;
        if let Some(signed_in) = self.kept.vault.get(token, typed) {
            // Only now it is known what it is good for.
            self.kept.vault.accepted(token, typed);
            login::keep(self.clouds, &self.clouds.desk, typed, &signed_in, self.output).await;
            // Whatever else works with this organisation is signed in with it too.
            self.clouds.signs_in(typed, signed_in);
        }
        let name = projects.first().map_or_else(|| typed.clone(), |project| project.organization.clone());
        Ok(FoundOrganization { name, id: data.instance_id, operator: Some(data.operator.name) })
    }

    pub(super) async fn projects(
        &self,
        organization: &OrganizationName,
        token: Option<Handle>,
    ) -> Result<Vec<ProjectName>> {
        let projects = self.devops(organization, token).await?.projects().await?;
        Ok(projects.into_iter().map(|project| project.name).collect())
    }

    pub(super) async fn verification(
        &self,
        organization: &OrganizationName,
        project: &ProjectName,
        token: Option<Handle>,
    ) -> Result<FoundVerification> {
        let devops = self.devops(organization, token).await?;
        let project = devops.project(project).await?;
        let (queues, repositories, rights) =
            futures::join!(devops.queues(&project), devops.repositories(&project), devops.rights(&project));
        // Everything that is refused is told at once, not one right after the other.
        let missing_rights: Vec<String> = rights.missing.iter().map(ToString::to_string).collect();
        let (queues, repositories) = match (queues, repositories) {
            (Ok(queues), Ok(repositories)) => (queues, repositories),
            (Err(_), _) | (_, Err(_)) if !missing_rights.is_empty() => (Vec::new(), Vec::new()),
            (Err(failure), _) | (_, Err(failure)) => return Err(failure),
        };
        Ok(FoundVerification {
            missing_rights,
            queues: queues.into_iter().map(|queue| (queue.name, queue.hosted)).collect(),
            // Azure DevOps tells it only when it is tried; the plan says what to do when it is denied.
            may_create_repository: None,
            repositories: repositories.into_iter().map(|repository| repository.name).collect(),
        })
    }

    pub(super) async fn profiles(&self) -> Result<(Vec<AwsProfile>, Vec<String>)> {
        if let Some(open) = &self.clouds.practice {
            let world = config::parse(&open.answers, "world").ok();
            let region = |name: &String| {
                let environments = &world.as_ref()?.environments;
                let signs_in =
                    |e: &&Environment| matches!(&e.sign_in, SignIn::Profile { profile } if profile == name);
                environments.iter().find(signs_in).map(|environment| environment.region.clone())
            };
            let profile = |name: &String| AwsProfile {
                name: name.clone(),
                region: region(name),
                account: None,
                kind: "practice profile".to_owned(),
                broken: None,
            };
            return Ok((open.keys.keys().map(profile).collect(), vec![PRACTICE_SESSION.to_owned()]));
        }
        let (profiles, sessions) =
            futures::try_join!(self.clouds.sign_in.profiles(), self.clouds.sign_in.sso_sessions())?;
        let profiles = profiles
            .into_iter()
            .map(|facts| AwsProfile {
                name: facts.name,
                region: facts.region.and_then(|region| region.parse().ok()),
                account: facts.account,
                kind: facts.kind.words().to_owned(),
                broken: facts.broken,
            })
            .collect();
        Ok((profiles, sessions))
    }

    pub(super) async fn identify(&self, profile: &str) -> Result<Identity> {
        let probe = probe(SignIn::Profile { profile: profile.to_owned() })?;
        let environment = probe.environments.first().ok_or_else(|| Failure::new(Code::AwsSignIn))?;
        let aws = match &self.clouds.practice {
            Some(_) => self.clouds.aws_of(environment).await?,
            None => {
                self.clouds.announce_aws(&probe, self.output).await?;
                self.clouds.sign_in.aws(&probe, environment).await?
            }
        };
        let identity = aws.caller_identity().await?;
        let account = identity
            .account
            .parse()
            .map_err(|refused| Failure::new(Code::AwsSignIn).with("account", refused))?;
        Ok(Identity { account, arn: identity.arn })
    }

    /// Who may approve deployments: the project's teams, and the people in its default team.
    pub(super) async fn people(
        &self,
        organization: &OrganizationName,
        project: &ProjectName,
        token: Option<Handle>,
    ) -> Result<FoundPeople> {
        let devops = self.devops(organization, token).await?;
        let project = devops.project(project).await?;
        let (teams, default) = futures::try_join!(devops.teams(&project), devops.default_team(&project))?;
        let members = devops.team_members(&project, default.id).await?;
        let default_team =
            teams.iter().find(|team| team.id == default.id).map_or(default.name, |team| team.name.clone());
        let note = |name: &str| if name == default_team { "the project's default team" } else { "a team" };
        let mut people: Vec<Somebody> = teams
            .iter()
            .map(|team| Somebody { value: team.name.clone(), note: note(&team.name).to_owned() })
            .collect();
        people.extend(
            members.into_iter().map(|Member { account, name }| Somebody { value: account, note: name }),
        );
        Ok(FoundPeople { default_team, people })
    }

    /// What deploys the code of a repository, by a file at its top. None where nothing tells it: then it is asked.
    pub(super) async fn tool(
        &self,
        (organization, project): (&OrganizationName, &ProjectName),
        repository: &RepositoryName,
        token: Option<Handle>,
    ) -> Option<FoundTool> {
        let devops = self.devops(organization, token).await.ok()?;
        let project = devops.project(project).await.ok()?;
        let found = devops.repository(&project, repository.as_str()).await.ok()??;
        let branch = found.default_branch.as_deref()?.trim_start_matches("refs/heads/").to_owned();
        for (file, tool) in TELLING {
            let path = format!("/{file}");
            if devops.text_file(&project, found.id, &branch, &path).await.ok()?.is_some() {
                return Some(FoundTool { tool, file: file.to_owned() });
            }
        }
        None
    }
}
