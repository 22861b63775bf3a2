//! The second, read-only access of an environment, as an environment of its own: what pull requests and plans look with.

use super::{Authentication, Deployment, Deploys, Environment, Federation, Permissions, Tool, defaults};
use crate::domain::arn::RoleArn;
use crate::domain::deploy::{assumed_stack, state_bucket};
use crate::domain::gates::Gates;
use crate::domain::names::EnvironmentName;

/// Longest session of a read-only role, in hours.
const SESSION_HOURS: u8 = 1;

impl Environment {
    /// Whether it is only the read-only access of another one.
    pub fn is_reading(&self) -> bool {
        self.reads_for.is_some()
    }

    /// The name a person knows: of the environment that a read-only access belongs to, else its own.
    pub fn owner(&self) -> &EnvironmentName {
        self.reads_for.as_ref().unwrap_or(&self.name)
    }

    /// Whether it is among the chosen ones, by its own name or by that of the environment it reads for; none chosen: all are.
    pub fn is_among(&self, chosen: &[EnvironmentName]) -> bool {
        chosen.is_empty() || chosen.contains(&self.name) || chosen.contains(self.owner())
    }

    /// The name of its read-only access; none: the name is too long for one.
    pub fn reading_name(&self) -> Option<EnvironmentName> {
        format!("{}-plan", self.name).parse().ok()
    }

    /// The read-only role, as it was said, else beside that of the deployments: its name with `Plan` in it. None: that name
    /// is too long.
    pub fn plan_role(&self) -> Option<RoleArn> {
        let beside = || -> Option<RoleArn> {
            let own = self.role_arn();
            let name = own.name.as_str();
            let stem = name.strip_suffix("Role").unwrap_or(name);
            Some(RoleArn { name: format!("{stem}PlanRole").parse().ok()?, ..own.clone() })
        };
        self.deploy.plan_role.clone().or_else(beside)
    }

    /// The read-only access as an environment of its own: another connection and role in the same account and region, with
    /// the same tags and boundary, and a preset that only reads. None: there is none, or it is the team's own, because
    /// pipelines sign in with an access key here.
    pub fn reading(&self, pipeline: Option<&Deployment>) -> Option<Self> {
        let connection = self.deploy.plan_connection.clone()?;
        if !self.authentication.is_oidc() || self.is_reading() {
            return None;
        }
        let role = self.plan_role()?;
        Some(Self {
            name: self.reading_name()?,
            reads_for: Some(self.name.clone()),
            connection,
            role: role.name,
            role_path: role.path,
            authentication: Authentication::Oidc,
            subject: self.deploy.plan_subject.clone(),
            branches: Vec::new(),
            preset: self.reading_preset(pipeline).to_owned(),
            permissions: self.reading_permissions(pipeline),
            managed_policies: self.deploy.plan_managed_policies.clone(),
            session_hours: SESSION_HOURS,
            gates: Gates::default(),
            variables: Default::default(),
            secrets: Default::default(),
            deploy: Deploys::default(),
            ..self.clone()
        })
    }

    /// The preset that reads what the deployments of this tool change.
    fn reading_preset(&self, pipeline: Option<&Deployment>) -> &'static str {
        match pipeline.map(|pipeline| pipeline.tool) {
            Some(Tool::Cdk) => "cdk-plan",
            Some(Tool::Terraform) => "terraform-plan",
            Some(Tool::CloudFormation) => "cloudformation-plan",
            Some(Tool::Amplify | Tool::AmplifyHosting | Tool::Script) => defaults::PRESET,
            None => match self.preset.as_str() {
                "cdk" => "cdk-plan",
                "terraform" => "terraform-plan",
                "cloudformation" => "cloudformation-plan",
                _ => defaults::PRESET,
            },
        }
    }

    /// What that preset is filled with: as that of the deployments, else as the pipeline's file says.
    fn reading_permissions(&self, pipeline: Option<&Deployment>) -> Permissions {
        let mut fill = Permissions { guard: false, ..self.permissions.clone() };
        let said = |value: Option<&crate::domain::deploy::Value>| value.map(ToString::to_string);
        fill.state_bucket = said(self.deploy.state_bucket.as_ref())
            .or(fill.state_bucket)
            .or_else(|| Some(state_bucket(&pipeline?.name, &self.account)));
        fill.stack =
            said(self.deploy.stack.as_ref()).or(fill.stack).or_else(|| Some(assumed_stack(pipeline?, self)));
        fill
    }
}

impl Federation {
    /// The answers with every read-only access as an environment of its own, just behind the one it reads for. Those that
    /// are there already stay as they are.
    #[must_use]
    pub fn with_reading(&self) -> Self {
        let mut all = self.clone();
        all.environments.clear();
        for environment in &self.environments {
            all.environments.push(environment.clone());
            let there = |it: &Environment| it.reads_for.as_ref() == Some(&environment.name);
            if !self.environments.iter().any(there) {
                all.environments.extend(environment.reading(self.pipeline.as_ref()));
            }
        }
        all
    }

    /// The answers as they are written: without the read-only accesses, which follow from them.
    #[must_use]
    pub fn without_reading(&self) -> Self {
        let mut all = self.clone();
        all.environments.retain(|environment| !environment.is_reading());
        all
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use crate::config;
    use crate::domain::federation::Federation;

    fn answers(tool: &str, dev: &str, deploy: &str) -> Federation {
        let text = format!(
            "organization = \"contoso\"\nproject = \"payments\"\n[pipeline]\nrepository = \"payments\"\ntool = \"{tool}\"\n\
             [[environments]]\nname = \"dev\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\nsign-in = {{ profile = \"p\" }}\n\
             role-path = \"/ci/\"\ntags = {{ team = \"payments\" }}\n{dev}\ndeploy = {{ {deploy} }}\n"
        );
        config::parse(&text, "a test").unwrap_or_else(|problems| panic!("{problems:#?}"))
    }

    #[test]
    fn the_second_access_stands_beside_the_first() {
        let all = answers("terraform", "", "plan-connection = \"AWS-Dev-Plan\"").with_reading();
        let [dev, plan] = &all.environments[..] else { panic!("{all:#?}") };
        assert_eq!((plan.name.as_str(), plan.owner()), ("dev-plan", &dev.name));
        assert_eq!(plan.role_arn().to_string(), "arn:aws:iam::111122223333:role/ci/AzureDevOpsDevPlanRole");
        assert_eq!((&plan.tags, plan.preset.as_str()), (&dev.tags, "terraform-plan"));
        assert_eq!(
            plan.permissions.state_bucket.as_deref(),
            Some("payments-terraform-state-111122223333"),
            "the bucket that the pipeline's file names"
        );
        assert_eq!(all.with_reading(), all, "a second time nothing is added");
        assert_eq!(all.without_reading().environments.len(), 1);
        assert!(
            plan.is_among(std::slice::from_ref(&dev.name)) && !dev.is_among(std::slice::from_ref(&plan.name))
        );
    }

    #[test]
    fn without_a_second_connection_there_is_none() {
        assert_eq!(answers("cdk", "", "").with_reading().environments.len(), 1);
        let keyed = answers("cdk", "authentication = \"access-key\"", "plan-connection = \"Mine\"");
        assert_eq!(keyed.with_reading().environments.len(), 1, "that one is the team's own");
    }

    #[test]
    fn a_role_of_its_own_is_taken() {
        let role = "plan-connection = \"P\", plan-role = \"arn:aws:iam::111122223333:role/read/Only\"";
        let all = answers("cloudformation", "", role).with_reading();
        assert_eq!(all.environments[1].role_arn().to_string(), "arn:aws:iam::111122223333:role/read/Only");
        assert_eq!(all.environments[1].permissions.stack.as_deref(), Some("payments-dev"));
    }
}
