//! Answers behind the pipelines of these tests: three environments, every preset and every flow.

use keyless::domain::deploy::{
    Approval, Backend, Deployment, Flow, Host, Hosting, Lock, Place, PlanAccess, Pool, Preset, Stack, Target,
    Value,
};
use keyless::domain::federation::Secrets;

/// A text as the type that is wanted.
pub fn v<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is not taken"))
}

/// Every flow.
pub fn flows() -> [Flow; 4] {
    [Flow::Mapped, Flow::Trunk, Flow::Develop, Flow::Hotfix]
}

/// Every preset.
pub fn presets() -> Vec<Preset> {
    let dir = || v::<Value>("web");
    vec![
        Preset::Cdk { dir: v("infra") },
        Preset::Terraform { dir: v("terraform"), version: Some(v("1.13.3")) },
        Preset::AmplifyGen2 { dir: v(".") },
        Preset::AmplifyHosting { dir: dir(), output: v("dist"), hosting: Hosting::Connected },
        Preset::AmplifyHosting { dir: dir(), output: v("dist"), hosting: Hosting::Upload },
        Preset::CloudFormation { template: v("stack/template.yaml") },
        Preset::Script {
            build: Some(v("ci/build.sh")),
            output: v("dist"),
            preview: Some(v("ci/preview.sh")),
            deploy: v("ci/deploy.sh"),
        },
    ]
}

fn place(preset: &Preset, name: &str, account: &str) -> Place {
    match preset {
        Preset::Cdk { .. } => Place::Cdk(Vec::new()),
        Preset::Terraform { .. } => Place::Terraform(Backend {
            bucket: v(&format!("acme-state-{account}")),
            key: v(&format!("payments/{name}.tfstate")),
            region: None,
            lock: if name == "dev" { Lock::Table(v("acme-lock")) } else { Lock::File },
            variables: Some(v(&format!("{name}.tfvars"))),
        }),
        Preset::AmplifyGen2 { .. } | Preset::AmplifyHosting { .. } => Place::Amplify {
            app: v(&format!("d1{name}example")),
            branch: Some(v(if name == "prod" { "main" } else { name })),
            frontend: true,
        },
        Preset::CloudFormation { .. } => Place::CloudFormation(Stack {
            name: v(&format!("payments-{name}")),
            execution_role: v(&format!("arn:aws:iam::{account}:role/PaymentsExecution")),
            parameters: Some(v(&format!("stack/{name}.json"))),
            bucket: None,
        }),
        Preset::Script { .. } => Place::Script,
    }
}

/// One environment.
pub fn target(preset: &Preset, name: &str, account: &str, branches: &[&str]) -> Target {
    let title = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
    let protected = name == "prod";
    Target {
        name: v(name),
        connection: v(&format!("AWS-{title}")),
        role: v(&format!("arn:aws:iam::{account}:role/deploy/AzureDevOps{title}Role")),
        region: v("eu-west-1"),
        protected,
        branches: branches.iter().map(|branch| v(branch)).collect(),
        session_seconds: if protected { 7200 } else { 900 },
        environment: v(name),
        variable_group: protected.then(|| v("payments prod")),
        secrets: Secrets::default(),
        plan: protected.then(|| PlanAccess {
            connection: v(&format!("AWS-{title}-Plan")),
            role: v(&format!("arn:aws:iam::{account}:role/AzureDevOps{title}PlanRole")),
            session_seconds: 3600,
        }),
        per_branch: false,
        place: place(preset, name, account),
    }
}

/// dev, staging and prod with the branches of the field's habit.
pub fn deployment(preset: Preset, flow: Flow) -> Deployment {
    let [dev, staging, prod]: [&[&str]; 3] = match flow {
        Flow::Mapped => [&["feat/*", "fix/*"], &["release/*"], &["main"]],
        Flow::Trunk => [&["main"], &["main"], &["main"]],
        Flow::Develop => [&["develop"], &["release/*"], &["main"]],
        Flow::Hotfix => [&["main"], &["main", "hotfix/*"], &["main"]],
    };
    let targets = vec![
        target(&preset, "dev", "111111111111", dev),
        target(&preset, "staging", "222222222222", staging),
        target(&preset, "prod", "333333333333", prod),
    ];
    // Amplify connects to GitHub and not to Azure Repos.
    let github = matches!(&preset, Preset::AmplifyHosting { hosting: Hosting::Connected, .. });
    Deployment {
        preset,
        flow,
        host: if github { Host::Github } else { Host::AzureRepos },
        pool: Pool::Hosted(v("ubuntu-latest")),
        approval: Approval::Environments,
        targets,
    }
}

/// Everything that is optional: own agents, questions in the YAML, a shared dev, code on GitHub, secrets by reference.
pub fn optional(preset: Preset) -> Deployment {
    let mut deployment = deployment(preset, Flow::Mapped);
    deployment.host = Host::Github;
    deployment.pool = Pool::Named(v("Build Farm"));
    deployment.approval = Approval::ManualValidation { notify: v("ops@example.com") };
    deployment.targets[2].secrets =
        Secrets { variable_groups: vec![v("payments-prod-vault")], secure_files: vec![v("prod.pem")] };
    let dev = &mut deployment.targets[0];
    dev.per_branch = true;
    if let Place::Amplify { branch, frontend, .. } = &mut dev.place {
        *branch = None;
        *frontend = false;
    }
    if let Place::Cdk(stacks) = &mut dev.place {
        *stacks = vec![v("Payments*"), v("Audit")];
    }
    deployment
}
