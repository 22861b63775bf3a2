//! The federation's answers → a deployment pipeline, with what had to be assumed.

use super::check::Problem;
use super::deployment::{
    Approval, Backend, Deployment, Host, Hosting, Lock, Place, PlanAccess, Pool, Preset, Stack, Target,
};
use super::value::Value;
use crate::domain::arn::RoleArn;
use crate::domain::federation::{self, Environment, Federation, Options, Source, Tool};
use crate::domain::gates::group_name;
use crate::domain::names::{AccountId, Partition, Refused};

/// The queue of Microsoft-hosted agents.
const HOSTED: &str = "Azure Pipelines";
/// Their image: the scripts of the presets are for Linux.
const IMAGE: &str = "ubuntu-latest";

/// The folder that a build for Amplify Hosting writes, where nothing is said.
pub const OUTPUT: &str = "dist";
/// The CloudFormation template, where nothing is said.
pub const TEMPLATE: &str = "template.yaml";
/// The script that deploys, where nothing is said.
pub const SCRIPT: &str = "deploy.sh";

/// The bucket of Terraform's state in an account, where nothing is said.
pub fn state_bucket(pipeline: &str, account: &AccountId) -> String {
    format!("{}-terraform-state-{account}", slug(pipeline))
}

/// The role that CloudFormation assumes itself, where nothing is said.
///
/// # Errors
/// The name of that role is refused.
pub fn execution_role(partition: Partition, account: &AccountId) -> Result<RoleArn, Refused> {
    Ok(RoleArn {
        partition,
        account: account.clone(),
        path: "/".parse()?,
        name: "CloudFormationExecutionRole".parse()?,
    })
}

/// A pipeline, and what was assumed where the answers say nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The pipeline.
    pub deployment: Deployment,
    /// What was assumed, each with the key that says otherwise.
    pub assumed: Vec<String>,
}

/// The pipeline that a federation's answers mean.
///
/// # Errors
/// There is no `[pipeline]`, or something is missing that cannot be assumed.
pub fn of(federation: &Federation) -> Result<Answered, Problem> {
    let answers = federation.pipeline.as_ref().ok_or(Problem::NoPipeline)?;
    let mut assumed = Assumed::default();
    let preset = preset(answers, &mut assumed)?;
    let mut targets = Vec::new();
    for environment in federation.environments.iter().filter(|it| !it.is_reading()) {
        targets.push(target(environment, answers, &mut assumed)?);
    }
    let pool = match &answers.queue {
        Some(queue) if queue != HOSTED => Pool::Named(queue.parse()?),
        _ => Pool::Hosted(or(answers.options.image.as_ref(), IMAGE)?),
    };
    let approval = match &answers.options.manual_validation {
        Some(notify) => Approval::ManualValidation { notify: notify.clone() },
        None => Approval::Environments,
    };
    let host = match answers.repository {
        Source::AzureRepos(_) => Host::AzureRepos,
        Source::GitHub { .. } => Host::Github,
    };
    let deployment = Deployment { preset, flow: answers.flow, host, pool, approval, targets };
    Ok(Answered { deployment, assumed: assumed.0 })
}

/// What was assumed so far.
#[derive(Default)]
struct Assumed(Vec<String>);

impl Assumed {
    /// What is held, else an assumption, which is told with its key under `[pipeline]`.
    fn shared(&mut self, held: Option<&Value>, key: &str, assumed: &str) -> Result<Value, Refused> {
        if held.is_none() {
            self.0.push(format!("[pipeline] {key} = \"{assumed}\""));
        }
        or(held, assumed)
    }

    /// The same for one environment.
    fn of(
        &mut self,
        environment: &Environment,
        held: Option<&Value>,
        key: &str,
        assumed: &str,
    ) -> Result<Value, Refused> {
        if held.is_none() {
            self.0.push(format!("{}: deploy = {{ {key} = \"{assumed}\" }}", environment.name));
        }
        or(held, assumed)
    }
}

fn or(held: Option<&Value>, assumed: &str) -> Result<Value, Refused> {
    held.cloned().map_or_else(|| assumed.parse(), Ok)
}

fn preset(answers: &federation::Deployment, assumed: &mut Assumed) -> Result<Preset, Problem> {
    let Options { dir, version, output, template, build, preview, deploy, .. } = &answers.options;
    let here = || or(dir.as_ref(), ".");
    Ok(match answers.tool {
        Tool::Cdk => Preset::Cdk { dir: here()? },
        Tool::Terraform => Preset::Terraform { dir: here()?, version: version.clone() },
        Tool::Amplify => Preset::AmplifyGen2 { dir: here()? },
        Tool::AmplifyHosting => Preset::AmplifyHosting {
            dir: here()?,
            output: assumed.shared(output.as_ref(), "output", OUTPUT)?,
            // Amplify connects to GitHub and not to Azure Repos.
            hosting: match answers.repository {
                Source::AzureRepos(_) => Hosting::Upload,
                Source::GitHub { .. } => Hosting::Connected,
            },
        },
        Tool::CloudFormation => {
            Preset::CloudFormation { template: assumed.shared(template.as_ref(), "template", TEMPLATE)? }
        }
        Tool::Script => Preset::Script {
            build: build.clone(),
            output: or(output.as_ref(), ".")?,
            preview: preview.clone(),
            deploy: assumed.shared(deploy.as_ref(), "deploy", SCRIPT)?,
        },
    })
}

fn target(
    environment: &Environment,
    answers: &federation::Deployment,
    assumed: &mut Assumed,
) -> Result<Target, Problem> {
    let deploys = &environment.deploy;
    let place = place(environment, answers, assumed)?;
    let mut target = Target::of(environment, place)?;
    if let Some(minutes) = deploys.session_minutes {
        target.session_seconds = u32::from(minutes) * 60;
    }
    if let Some(name) = &environment.gates.target {
        target.environment = name.as_str().parse()?;
    }
    if !environment.variables.is_empty() {
        target.variable_group = Some(group_name(&answers.name, &environment.name).parse()?);
    }
    target.secrets = environment.secrets.clone();
    target.plan = plan(environment, target.session_seconds);
    target.per_branch = deploys.per_branch;
    Ok(target)
}

/// The read-only access, where one of its two halves is named; its role is by default that of the deployments with `Plan`
/// in its name.
fn plan(environment: &Environment, session_seconds: u32) -> Option<PlanAccess> {
    let connection = environment.deploy.plan_connection.clone()?;
    Some(PlanAccess {
        connection,
        role: environment.plan_role()?,
        session_seconds: session_seconds.min(3600),
    })
}

fn place(
    environment: &Environment,
    answers: &federation::Deployment,
    assumed: &mut Assumed,
) -> Result<Place, Problem> {
    let deploys = &environment.deploy;
    let (stem, name) = (slug(&answers.name), environment.name.as_str());
    // What the role may work with is what is deployed to, wherever it is said.
    let held = |value: &Option<Value>, placeholder: &str| match value {
        Some(value) => Ok(Some(value.clone())),
        None => environment.fills(placeholder).map(|text| text.parse::<Value>()).transpose(),
    };
    Ok(match answers.tool {
        Tool::Cdk => Place::Cdk(deploys.stacks.clone()),
        Tool::Terraform => {
            let bucket = state_bucket(&answers.name, &environment.account);
            let key = format!("{stem}/{name}.tfstate");
            Place::Terraform(Backend {
                bucket: assumed.of(
                    environment,
                    held(&deploys.state_bucket, "state-bucket")?.as_ref(),
                    "state-bucket",
                    &bucket,
                )?,
                key: or(deploys.state_key.as_ref(), &key)?,
                region: deploys.state_region.clone(),
                lock: held(&deploys.lock_table, "lock-table")?.map_or(Lock::File, Lock::Table),
                variables: deploys.var_file.clone(),
            })
        }
        Tool::Amplify | Tool::AmplifyHosting => {
            let missing = || Problem::Missing {
                environment: environment.name.clone(),
                key: "app-id",
                example: "\"d1a2b3c4d5e6f7\"",
            };
            Place::Amplify {
                app: held(&deploys.app_id, "app")?.ok_or_else(missing)?,
                branch: deploys.app_branch.clone(),
                frontend: deploys.frontend.unwrap_or(true),
            }
        }
        Tool::CloudFormation => {
            let execution = execution_role(environment.partition(), &environment.account)?;
            let named = match &deploys.execution_role {
                Some(role) => Some(role.clone()),
                None => {
                    environment.fills("execution-role").map(|it| role_of(environment, &it)).transpose()?
                }
            };
            if named.is_none() {
                assumed.0.push(format!("{name}: deploy = {{ execution-role = \"{execution}\" }}"));
            }
            Place::CloudFormation(Stack {
                name: or(held(&deploys.stack, "stack")?.as_ref(), &assumed_stack(answers, environment))?,
                execution_role: named.unwrap_or(execution),
                parameters: deploys.parameters.clone(),
                bucket: deploys.bucket.clone(),
            })
        }
        Tool::Script => Place::Script,
    })
}

/// A role of the environment's account by its path and name.
fn role_of(environment: &Environment, name: &str) -> Result<RoleArn, Refused> {
    format!("arn:{}:iam::{}:role/{name}", environment.partition(), environment.account).parse()
}

/// The stack of CloudFormation, where none is named.
pub fn assumed_stack(answers: &federation::Deployment, environment: &Environment) -> String {
    format!("{}-{}", slug(&answers.name), environment.name)
}

/// A name as buckets and stacks may bear it: small letters, digits and dashes, at most 32, a letter first.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.to_ascii_lowercase().chars().take(32) {
        match letter {
            'a'..='z' | '0'..='9' => slug.push(letter),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.starts_with(|first: char| first.is_ascii_alphabetic()) {
        slug.to_owned()
    } else {
        format!("app-{slug}").trim_end_matches('-').to_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;
    use crate::domain::deploy::render;
    use crate::domain::federation::{Deploys, Otherwise};

    fn answers(tool: Tool) -> Federation {
        let text = r#"{"organization":"contoso","organization-id":null,"project":"Pay ments","issuer":null,
            "audience":"api://AzureADTokenExchange","environments":[],
            "verification":{"repository":"v","branch":null,"pipeline":"v","queue":null}}"#;
        let mut federation: Federation = serde_json::from_str(text).unwrap();
        for (name, account) in [("dev", "111122223333"), ("prod", "777788889999")] {
            let text = format!(
                r#"{{"name":"{name}","protected":{},"account":"{account}","region":"eu-west-1","sign-in":{{"environment":true}},
                "role":"AzureDevOps{name}Role","role-path":"/","tags":{{}},"connection":"AWS-{name}","branches":[],"preset":"minimal",
                "managed-policies":[],"boundary":null,"session-hours":1}}"#,
                name == "prod"
            );
            federation.environments.push(serde_json::from_str(&text).unwrap());
        }
        for environment in &mut federation.environments {
            environment.branches = federation::defaults::branches(&environment.name, None);
        }
        let otherwise = Otherwise { tool: Some(tool), ..Otherwise::default() };
        federation.deploying(&otherwise).unwrap().unwrap()
    }

    #[test]
    fn every_tool_makes_a_pipeline_and_tells_what_it_assumed() {
        for (tool, assumed) in
            [(Tool::Cdk, 0), (Tool::Terraform, 2), (Tool::CloudFormation, 3), (Tool::Script, 1)]
        {
            let made = of(&answers(tool)).unwrap();
            assert_eq!(made.assumed.len(), assumed, "{tool}: {:?}", made.assumed);
            render(&made.deployment).unwrap();
        }
        for tool in [Tool::Amplify, Tool::AmplifyHosting] {
            let mut answers = answers(tool);
            assert!(matches!(of(&answers), Err(Problem::Missing { key: "app-id", .. })), "{tool}");
            for environment in &mut answers.environments {
                environment.deploy.app_id = Some("d1a2b3".parse().unwrap());
            }
            render(&of(&answers).unwrap().deployment).unwrap();
        }
    }

    #[test]
    fn names_of_the_pipeline_become_names_of_buckets_and_stacks() {
        let made = of(&answers(Tool::Terraform)).unwrap();
        let Place::Terraform(backend) = &made.deployment.targets[0].place else { panic!("{made:?}") };
        assert_eq!(backend.bucket.as_str(), "pay-ments-terraform-state-111122223333");
        assert_eq!(backend.key.as_str(), "pay-ments/dev.tfstate");
        for (name, wanted) in [("9 lives", "app-9-lives"), ("é", "app"), ("A__b.", "a-b")] {
            assert_eq!(slug(name), wanted);
        }
    }

    #[test]
    fn what_the_role_may_work_with_is_deployed_to() {
        let mut terraform = answers(Tool::Terraform);
        for environment in &mut terraform.environments {
            environment.permissions.state_bucket = Some("tf-dev".to_owned());
            environment.permissions.lock_table = Some("locks".to_owned());
        }
        let made = of(&terraform).unwrap();
        assert_eq!(made.assumed, Vec::<String>::new());
        let Place::Terraform(backend) = &made.deployment.targets[0].place else { panic!("{made:?}") };
        assert_eq!(
            (backend.bucket.as_str(), &backend.lock),
            ("tf-dev", &Lock::Table("locks".parse().unwrap()))
        );
        let mut stacks = answers(Tool::CloudFormation);
        stacks.environments[0].permissions.stack = Some("web".to_owned());
        stacks.environments[0].permissions.execution_role = Some("Cfn".parse().unwrap());
        let made = of(&stacks).unwrap();
        let Place::CloudFormation(stack) = &made.deployment.targets[0].place else { panic!("{made:?}") };
        assert_eq!(stack.name.as_str(), "web");
        assert_eq!(stack.execution_role.to_string(), "arn:aws:iam::111122223333:role/Cfn");
        let mut app = answers(Tool::AmplifyHosting);
        for environment in &mut app.environments {
            environment.permissions.app = Some("d1a2b3".to_owned());
        }
        assert!(of(&app).is_ok());
    }

    #[test]
    fn another_flow_moves_the_branches_that_nobody_chose() {
        let mut answers = answers(Tool::Cdk);
        answers.environments[1].branches = vec!["live".parse().unwrap()];
        let flow = Otherwise { flow: Some(federation::Flow::Trunk), ..Otherwise::default() };
        let trunk = answers.deploying(&flow).unwrap().unwrap();
        let branches = |at: usize| trunk.environments[at].branches[0].to_string();
        assert_eq!((branches(0), branches(1)), ("main".to_owned(), "live".to_owned()));
    }

    #[test]
    fn what_means_nothing_to_the_tool_is_left_out() {
        let mut answers = answers(Tool::Terraform);
        answers.environments[0].deploy.state_bucket = Some("b".parse().unwrap());
        answers.environments[0].deploy.session_minutes = Some(30);
        let cdk = Otherwise { tool: Some(Tool::Cdk), ..Otherwise::default() };
        let cdk = answers.deploying(&cdk).unwrap().unwrap();
        assert_eq!(cdk.environments[0].deploy, Deploys { session_minutes: Some(30), ..Deploys::default() });
        assert_eq!(of(&cdk).unwrap().deployment.targets[0].session_seconds, 1800);
    }

    #[test]
    fn the_read_only_role_stands_beside_that_of_the_deployments() {
        let mut answers = answers(Tool::Terraform);
        answers.environments[1].deploy.plan_connection = Some("AWS-Prod-Plan".parse().unwrap());
        let made = of(&answers).unwrap();
        let plan = made.deployment.targets[1].plan.clone().unwrap();
        assert_eq!(plan.role.to_string(), "arn:aws:iam::777788889999:role/AzureDevOpsprodPlanRole");
        assert!(render(&made.deployment).unwrap().contains("preview_prod"));
    }
}
