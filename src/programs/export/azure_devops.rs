//! Azure DevOps as Terraform: connections, environments with their checks, variable groups, pipelines and branch policies.

use super::terraform::{label, quoted_hcl};
use crate::domain::blueprint::{Blueprint, VERIFICATION_PATH, VERIFICATION_YAML, Wanted, WantedDeployment};
use crate::domain::federation::{Secrets, Source};
use crate::domain::gates::check::APPROVAL_MINUTES;
use crate::domain::gates::hours::Day;
use crate::domain::gates::{Gated, Settings, WantedBranch, WantedCheck, WantedGates, WantedPolicy};

/// What keyless does and no resource of the provider says, in words.
pub const LEFT_OUT: [&str; 4] = [
    "handshakes: keyless starts real pipeline runs and reads their records; `keyless verify` does it afterwards",
    "permission of the verification pipeline: keyless gives it for one run and withdraws it",
    "who may change the verification repository and pipeline: keyless closes them to everybody else",
    "the AWS Toolkit extension: somebody who may must have installed it in the organisation",
];

/// The label of the verification's own resources.
const VERIFICATION: &str = "verification";
/// The label of the deployment's own resources.
const DEPLOYMENT: &str = "deployment";

/// One line of a block: name and expression.
type Line<'a> = (&'a str, String);

fn body(lines: &[Line<'_>], indent: usize) -> String {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let blank = " ".repeat(indent);
    lines.iter().map(|(name, value)| format!("{blank}{name:<width$} = {value}\n")).collect()
}

fn resource(kind: &str, label: &str, lines: &[Line<'_>], blocks: &str) -> String {
    format!("\nresource \"azuredevops_{kind}\" \"{label}\" {{\n{}{blocks}}}\n", body(lines, 2))
}

fn nested(name: &str, lines: &[Line<'_>], blocks: &str) -> String {
    format!("\n  {name} {{\n{}{blocks}  }}\n", body(lines, 4))
}

fn project() -> Line<'static> {
    ("project_id", "data.azuredevops_project.project.id".to_owned())
}

/// Everything in Azure DevOps that the blueprint wants and the provider can say. `queue` is the agent queue of deployments,
/// where it is known.
pub fn blocks(blueprint: &Blueprint, queue: Option<&str>) -> String {
    let name = quoted_hcl(blueprint.grounds.project.as_str());
    let mut text = format!(
        "\n# Azure DevOps: {}. What is there already is imported first (terraform import).\n\
         # What keyless does there and Terraform cannot say:\n",
        blueprint.id.as_str()
    );
    text.extend(LEFT_OUT.iter().map(|what| format!("# - {what}\n")));
    text.push_str(&format!("\ndata \"azuredevops_project\" \"project\" {{\n  name = {name}\n}}\n"));
    text.push_str(&key_connections(blueprint));
    text.extend(blueprint.environments.iter().map(connection));
    text.push_str(&verification(blueprint));
    if let Some(deployment) = &blueprint.deployment {
        text.push_str(&self::deployment(blueprint, deployment));
        text.push_str(&reading(blueprint, deployment));
        text.push_str(&self::queue(deployment, queue));
    }
    text
}

/// Connections that hold an access key are known by id only: whoever applies it says so.
fn key_connections(blueprint: &Blueprint) -> String {
    let keyed = blueprint.environments.iter().filter(|wanted| wanted.user.is_some());
    let names: Vec<String> =
        keyed.map(|wanted| format!("{}: {}", wanted.environment.name, wanted.connection.name)).collect();
    if names.is_empty() {
        return String::new();
    }
    let about =
        format!("Ids of the connections that hold an access key, by environment. {}.", names.join("; "));
    let lines = [("description", quoted_hcl(&about)), ("type", "map(string)".to_owned())];
    format!(
        "\n# They are made by hand, or by keyless: Terraform's state would hold the key.\nvariable \"key_connections\" {{\n{}}}\n",
        body(&lines, 2)
    )
}

/// The id of an environment's connection.
fn endpoint(wanted: &Wanted) -> String {
    match wanted.user {
        Some(_) => format!("var.key_connections[{}]", quoted_hcl(wanted.environment.name.as_str())),
        None => format!("azuredevops_serviceendpoint_aws.{}.id", label(wanted)),
    }
}

/// The connection; empty: it holds a key, and is made by hand.
fn connection(wanted: &Wanted) -> String {
    if wanted.user.is_some() {
        return String::new();
    }
    let connection = &wanted.connection;
    let lines = [
        project(),
        ("service_endpoint_name", quoted_hcl(connection.name.as_str())),
        ("role_to_assume", quoted_hcl(&connection.role.to_string())),
        ("role_session_name", quoted_hcl(connection.session.as_str())),
        ("use_oidc", "true".to_owned()),
        ("description", quoted_hcl(&connection.description)),
    ];
    resource("serviceendpoint_aws", &label(wanted), &lines, "")
}

/// The repository and pipeline that handshakes are made with.
fn verification(blueprint: &Blueprint) -> String {
    let wanted = &blueprint.verification;
    let name = quoted_hcl(wanted.repository.as_str());
    let mut text = String::new();
    let repository = match wanted.foreign_branch {
        Some(_) => {
            text.push_str(&found_repository(VERIFICATION, &name));
            format!("data.azuredevops_git_repository.{VERIFICATION}.id")
        }
        None => {
            let clean = nested("initialization", &[("init_type", quoted_hcl("Clean"))], "");
            text.push_str(&resource("git_repository", VERIFICATION, &[project(), ("name", name)], &clean));
            format!("azuredevops_git_repository.{VERIFICATION}.id")
        }
    };
    let branch = format!("refs/heads/{}", wanted.branch());
    let file = [
        ("repository_id", repository.clone()),
        ("file", quoted_hcl(VERIFICATION_PATH)),
        ("content", quoted_hcl(VERIFICATION_YAML)),
        ("branch", quoted_hcl(&branch)),
        ("commit_message", quoted_hcl("keyless: verification pipeline")),
    ];
    text.push_str(&resource("git_repository_file", VERIFICATION, &file, ""));
    text.push_str(&definition(
        VERIFICATION,
        &wanted.pipeline,
        &[
            ("repo_type", quoted_hcl("TfsGit")),
            ("repo_id", repository),
            ("branch_name", quoted_hcl(&branch)),
            ("yml_path", quoted_hcl(VERIFICATION_PATH.trim_start_matches('/'))),
        ],
    ));
    text
}

fn found_repository(label: &str, name: &str) -> String {
    format!(
        "\ndata \"azuredevops_git_repository\" \"{label}\" {{\n{}}}\n",
        body(&[project(), ("name", name.to_owned())], 2)
    )
}

fn definition(label: &str, name: &str, repository: &[Line<'_>]) -> String {
    let trigger = nested("ci_trigger", &[("use_yaml", "true".to_owned())], "");
    let repository = nested("repository", repository, "");
    let lines = [project(), ("name", quoted_hcl(name))];
    resource("build_definition", label, &lines, &format!("{trigger}{repository}"))
}

fn deployment(blueprint: &Blueprint, deployment: &WantedDeployment) -> String {
    let answers = &deployment.answers;
    let mut text = approvers(deployment);
    let branch = quoted_hcl(&format!("refs/heads/{}", answers.main));
    let file = quoted_hcl(&answers.file);
    match &answers.repository {
        Source::AzureRepos(name) => {
            text.push_str(&found_repository(DEPLOYMENT, &quoted_hcl(name.as_str())));
            let id = format!("data.azuredevops_git_repository.{DEPLOYMENT}.id");
            let lines = [
                ("repo_type", quoted_hcl("TfsGit")),
                ("repo_id", id),
                ("branch_name", branch),
                ("yml_path", file),
            ];
            text.push_str(&definition(DEPLOYMENT, &answers.name, &lines));
        }
        Source::GitHub { owner, name } => {
            text.push_str(
                "\nvariable \"github_connection\" {\n  description = \"Id of the service connection to GitHub.\"\n  type        = string\n}\n",
            );
            let lines = [
                ("repo_type", quoted_hcl("GitHub")),
                ("repo_id", quoted_hcl(&format!("{owner}/{name}"))),
                ("branch_name", branch),
                ("yml_path", file),
                ("service_connection_id", "var.github_connection".to_owned()),
            ];
            text.push_str(&definition(DEPLOYMENT, &answers.name, &lines));
        }
    }
    text.extend(answers.pipelines.iter().enumerate().map(|(at, name)| {
        let lines = body(&[project(), ("name", quoted_hcl(name))], 2);
        format!("\ndata \"azuredevops_build_definition\" \"pipeline_{at}\" {{\n{lines}}}\n")
    }));
    for gates in &deployment.gates {
        let Some(wanted) = blueprint.environment(&gates.environment) else { continue };
        text.push_str(&of_environment(deployment, gates, wanted));
    }
    let branches = [(&deployment.code, DEPLOYMENT), (&deployment.verification, VERIFICATION)];
    for (branch, label) in branches {
        text.extend(branch.iter().flat_map(|branch| policies(blueprint, branch, label)));
    }
    text
}

/// Who may approve is known by id only: whoever applies it says so.
fn approvers(deployment: &WantedDeployment) -> String {
    let checks =
        deployment.gates.iter().flat_map(|gates| gates.checks.iter().map(move |check| (gates, check)));
    let wanted: Vec<String> = checks
        .filter_map(|(gates, check)| match &check.settings {
            Settings::Approval(approval) if approval.approvers.is_empty() => {
                Some(format!("{}: the project's default team", gates.environment))
            }
            Settings::Approval(approval) => {
                Some(format!("{}: {}", gates.environment, approval.approvers.join(", ")))
            }
            _ => None,
        })
        .collect();
    if wanted.is_empty() {
        return String::new();
    }
    let lines = [
        (
            "description",
            quoted_hcl(&format!("Ids of those who may approve, by environment. {}.", wanted.join("; "))),
        ),
        ("type", "map(list(string))".to_owned()),
    ];
    format!("\nvariable \"approvers\" {{\n{}}}\n", body(&lines, 2))
}

/// The pipelines that may use what deployments need, each with the end of its labels.
fn named(deployment: &WantedDeployment) -> impl Iterator<Item = (String, String)> + use<> {
    let own = format!("azuredevops_build_definition.{DEPLOYMENT}.id");
    let others = (0..deployment.answers.pipelines.len())
        .map(|at| (format!("_{at}"), format!("data.azuredevops_build_definition.pipeline_{at}.id")));
    std::iter::once((String::new(), own)).chain(others)
}

/// One pipeline may use one resource.
fn authorization(label: &str, kind: &str, resource_id: String, pipeline: &str) -> String {
    let lines = [
        project(),
        ("resource_id", resource_id),
        ("type", quoted_hcl(kind)),
        ("pipeline_id", pipeline.to_owned()),
    ];
    resource("pipeline_authorization", label, &lines, "")
}

/// Who may use the read-only connections: they have no gates, because pull requests run from refs/pull.
fn reading(blueprint: &Blueprint, deployment: &WantedDeployment) -> String {
    let mut text = String::new();
    for wanted in blueprint.environments.iter().filter(|wanted| wanted.environment.is_reading()) {
        for (suffix, pipeline) in named(deployment) {
            let label = format!("{}_endpoint{suffix}", label(wanted));
            text.push_str(&authorization(&label, "endpoint", endpoint(wanted), &pipeline));
        }
    }
    text
}

/// Who may use the agent queue of deployments, and where their file comes from.
fn queue(deployment: &WantedDeployment, queue: Option<&str>) -> String {
    let file = &deployment.answers.file;
    let mut text = format!(
        "\n# {file} is not made here: the branch it lies on takes no push. `keyless pipeline --pull-request` brings it; with\n\
         # --out this export writes it beside this file.\n"
    );
    let Some(name) = queue else {
        text.push_str(
            "# Azure DevOps was not asked for its agent queues: permit the pipeline one by hand.\n",
        );
        return text;
    };
    let lines = body(&[project(), ("name", quoted_hcl(name))], 2);
    text.push_str(&format!("\ndata \"azuredevops_agent_queue\" \"{DEPLOYMENT}\" {{\n{lines}}}\n"));
    for (suffix, pipeline) in named(deployment) {
        let id = format!("data.azuredevops_agent_queue.{DEPLOYMENT}.id");
        text.push_str(&authorization(&format!("queue{suffix}"), "queue", id, &pipeline));
    }
    text
}

fn of_environment(deployment: &WantedDeployment, gates: &WantedGates, wanted: &Wanted) -> String {
    let label = &label(wanted);
    let target = [
        project(),
        ("name", quoted_hcl(gates.target.name.as_str())),
        ("description", quoted_hcl(&gates.target.description)),
    ];
    let mut text = resource("environment", label, &target, "");
    text.extend(gates.checks.iter().map(|check| self::check(gates, check, wanted)));
    let group = [
        project(),
        ("name", quoted_hcl(&gates.group.name)),
        ("description", quoted_hcl(&gates.group.description)),
        ("allow_access", "false".to_owned()),
    ];
    let variables = gates.group.variables.iter().map(|(name, value)| {
        nested("variable", &[("name", quoted_hcl(name)), ("value", quoted_hcl(value))], "")
    });
    text.push_str(&resource("variable_group", label, &group, &variables.collect::<String>()));
    text.push_str(&secrets(&gates.secrets, label));
    for (suffix, pipeline) in named(deployment) {
        let library = (0..gates.secrets.variable_groups.len()).map(|at| {
            let group = secret(label, at);
            (group.clone(), "variablegroup", format!("data.azuredevops_variable_group.{group}.id"))
        });
        let made = [
            ("endpoint", endpoint(wanted)),
            ("environment", format!("azuredevops_environment.{label}.id")),
            ("variablegroup", format!("azuredevops_variable_group.{label}.id")),
        ];
        let made = made.map(|(kind, id)| (format!("{label}_{kind}"), kind, id));
        for (name, kind, id) in made.into_iter().chain(library) {
            text.push_str(&authorization(&format!("{name}{suffix}"), kind, id, &pipeline));
        }
    }
    text
}

/// The label of a variable group with secrets.
fn secret(label: &str, at: usize) -> String {
    format!("{label}_variablegroup_secrets_{at}")
}

/// What deployments take from the library: groups that are there, and what the provider cannot say.
fn secrets(secrets: &Secrets, label: &str) -> String {
    let groups = secrets.variable_groups.iter().enumerate().map(|(at, name)| {
        let lines = body(&[project(), ("name", quoted_hcl(name.as_str()))], 2);
        format!("\ndata \"azuredevops_variable_group\" \"{}\" {{\n{lines}}}\n", secret(label, at))
    });
    let mut text: String = groups.collect();
    let files = secrets.secure_files.iter().map(|name| {
        format!(
            "\n# Secure file {name}: the provider knows none. Permit the pipeline on its page (Library, Secure files).\n"
        )
    });
    text.extend(files);
    text
}

fn check(gates: &WantedGates, check: &WantedCheck, wanted: &Wanted) -> String {
    let label = label(wanted);
    let (on, kind) = match &check.on {
        Gated::Environment(_) => (format!("azuredevops_environment.{label}.id"), "environment"),
        Gated::Connection(_) => (endpoint(wanted), "endpoint"),
    };
    let label = format!("{label}_{kind}");
    let mut lines = vec![project(), ("target_resource_id", on), ("target_resource_type", quoted_hcl(kind))];
    let resource_kind = match &check.settings {
        Settings::Approval(approval) => {
            lines.extend([
                ("approvers", format!("var.approvers[{}]", quoted_hcl(gates.environment.as_str()))),
                ("minimum_required_approvers", approval.minimum.to_string()),
                ("requester_can_approve", approval.requester_may.to_string()),
                ("instructions", quoted_hcl(&approval.instructions)),
                ("timeout", APPROVAL_MINUTES.to_string()),
            ]);
            "check_approval"
        }
        Settings::ExclusiveLock => "check_exclusive_lock",
        Settings::BranchControl { allowed } => {
            lines.extend([
                ("display_name", quoted_hcl("keyless: branch control")),
                ("allowed_branches", quoted_hcl(&allowed.join(", "))),
                ("verify_branch_protection", "true".to_owned()),
                ("ignore_unknown_protection_status", "false".to_owned()),
            ]);
            "check_branch_control"
        }
        Settings::BusinessHours(hours) => {
            lines.extend([
                ("display_name", quoted_hcl("keyless: business hours")),
                ("start_time", quoted_hcl(&hours.from.to_string())),
                ("end_time", quoted_hcl(&hours.to.to_string())),
                ("time_zone", quoted_hcl(&hours.time_zone)),
            ]);
            lines.extend(Day::ALL.iter().filter(|day| hours.days.contains(day)).map(|day| {
                let name = match day {
                    Day::Monday => "monday",
                    Day::Tuesday => "tuesday",
                    Day::Wednesday => "wednesday",
                    Day::Thursday => "thursday",
                    Day::Friday => "friday",
                    Day::Saturday => "saturday",
                    Day::Sunday => "sunday",
                };
                (name, "true".to_owned())
            }));
            "check_business_hours"
        }
    };
    resource(resource_kind, &label, &lines, "")
}

/// The policies of a branch. Those of the verification come after its file: a protected branch takes no push.
fn policies(blueprint: &Blueprint, branch: &WantedBranch, label: &str) -> Vec<String> {
    let own = label == VERIFICATION && blueprint.verification.foreign_branch.is_none();
    let found = if own { "" } else { "data." };
    let scope = format!(
        "\n    scope {{\n{}    }}\n",
        body(
            &[
                ("repository_id", format!("{found}azuredevops_git_repository.{label}.id")),
                ("repository_ref", quoted_hcl(&branch.ref_name)),
                ("match_type", quoted_hcl("Exact")),
            ],
            6
        )
    );
    let mut lines = vec![project(), ("enabled", "true".to_owned()), ("blocking", "true".to_owned())];
    if label == VERIFICATION {
        lines.push(("depends_on", format!("[azuredevops_git_repository_file.{VERIFICATION}]")));
    }
    let one = |policy: &WantedPolicy| match policy {
        WantedPolicy::MinimumReviewers { count } => {
            let settings = [
                ("reviewer_count", count.to_string()),
                ("submitter_can_vote", "false".to_owned()),
                ("on_push_reset_all_votes", "true".to_owned()),
            ];
            let settings = nested("settings", &settings, &scope);
            resource("branch_policy_min_reviewers", label, &lines, &settings)
        }
        WantedPolicy::BuildValidation { pipeline } => {
            let settings = [
                ("display_name", quoted_hcl(pipeline)),
                ("build_definition_id", format!("azuredevops_build_definition.{DEPLOYMENT}.id")),
                ("manual_queue_only", "false".to_owned()),
            ];
            let settings = nested("settings", &settings, &scope);
            resource("branch_policy_build_validation", label, &lines, &settings)
        }
    };
    branch.policies.iter().map(one).collect()
}
