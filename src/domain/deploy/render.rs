//! The deployment pipeline as one `azure-pipelines.yml`: header, triggers, the build stage and a stage per environment.

use super::check::{Problem, check};
use super::condition::{self, Before, Expression};
use super::deployment::{Approval, Deployment, Host, Hosting, Place, Pool, Preset, SHORTEST_SESSION, Target};
use super::flow::{Needed, needed};
use super::place::{self, Access};
use super::secrets;
use super::template::{self, COMMON, Filling, Template, section};
use super::value::{Value, scalar};
use crate::domain::names::BranchPattern;

/// The build stage's name.
const BUILD: &str = "build";

/// Minutes a job may take where nothing is said (Azure Pipelines, `timeoutInMinutes`).
const DEFAULT_MINUTES: u32 = 60;

/// Minutes a question in the YAML stays open; nobody's answer is a no.
const ANSWER_MINUTES: u32 = 1440;

/// What one environment is called in the YAML, and who deploys there.
struct Lane<'a> {
    target: &'a Target,
    /// Its name as it may stand in a stage's name.
    id: String,
    branches: Vec<BranchPattern>,
}

impl Lane<'_> {
    fn deploy(&self) -> String {
        format!("deploy_{}", self.id)
    }

    fn plan(&self) -> String {
        format!("plan_{}", self.id)
    }
}

/// A pipeline while it is written.
struct Writer<'a> {
    deployment: &'a Deployment,
    template: Template,
    lines: Vec<String>,
}

/// The whole pipeline. The same answers give the same text.
///
/// # Errors
/// What is wrong with the answers.
pub fn render(deployment: &Deployment) -> Result<String, Problem> {
    check(deployment)?;
    let lanes = lanes(deployment);
    let template = template::of(&deployment.preset)?;
    let mut writer = Writer { deployment, template, lines: Vec::new() };
    writer.header(&lanes);
    writer.triggers(&lanes)?;
    writer.put(0, "");
    writer.put(0, "stages:");
    writer.build(&lanes)?;
    for (at, lane) in lanes.iter().enumerate() {
        writer.preview(lane)?;
        if deployment.preset.saves_plan() {
            writer.plan(lane, &lanes[..at])?;
        }
        writer.deploy(lane, &lanes[..at])?;
    }
    Ok(writer.lines.join("\n") + "\n")
}

/// Stage names know only letters, digits and `_`, whatever their case; two that would be the same are numbered.
fn lanes(deployment: &Deployment) -> Vec<Lane<'_>> {
    let mut lanes: Vec<Lane<'_>> = Vec::new();
    for target in &deployment.targets {
        let plain = target.name.as_str().replace('-', "_");
        let taken = |id: &str, lanes: &[Lane<'_>]| lanes.iter().any(|lane| lane.id.eq_ignore_ascii_case(id));
        let mut id = plain.clone();
        let mut number = 2;
        while taken(&id, &lanes) {
            id = format!("{plain}_{number}");
            number += 1;
        }
        lanes.push(Lane { target, id, branches: target.branches.clone() });
    }
    lanes
}

impl Writer<'_> {
    fn put(&mut self, depth: usize, line: &str) {
        let indent = if line.is_empty() { String::new() } else { "  ".repeat(depth) };
        self.lines.push(format!("{indent}{line}"));
    }

    fn put_all(&mut self, depth: usize, lines: &[String]) {
        for line in lines {
            self.put(depth, line);
        }
    }

    fn pair(&mut self, depth: usize, key: &str, text: &str) {
        self.put(depth, &format!("{key}: {}", scalar(text)));
    }

    fn header(&mut self, lanes: &[Lane<'_>]) {
        let Deployment { preset, flow, host, approval, .. } = self.deployment;
        self.put(0, &format!("# Written by keyless: preset {}, flow {}.", preset.name(), flow));
        self.put(0, "#");
        for lane in lanes {
            let branches: Vec<&str> = lane.branches.iter().map(BranchPattern::as_str).collect();
            self.put(0, &format!("#   {} <- {}", lane.target.name, branches.join(", ")));
        }
        self.put(0, "#");
        for line in template::about(self.template) {
            self.put(0, line);
        }
        let mut text = vec![
            "",
            "Yours to edit: the steps, versions and tests. Keep: stages, dependsOn and conditions, the check of the identity",
            "at the start of every stage, and the names of connections, which the trust policies in AWS know.",
            "",
            "A condition is no gate. It ignores case, and whoever may push a branch may change this file in it. What stops a",
            "deployment is outside: branch control and pipeline permissions of the connections, approvals and locks.",
            "",
            "Pull requests build and test, and skip every stage that names a connection for deployments. A token for a",
            "connection can only be asked for inside a job whose task names it, so a skipped stage asks for none.",
        ];
        if *approval == Approval::Environments {
            text.push("Approvals and exclusive locks belong to the Azure DevOps environments below.");
        } else {
            text.push("Questions (ManualValidation) are part of this file and so no gates either.");
        }
        if preset.previews() && lanes.iter().any(|lane| previewed(lane.target)) {
            text.push(
                "The preview stages use read-only connections, for pull requests that are not from a fork.",
            );
        }
        if lanes.iter().any(|lane| !lane.target.secrets.is_empty()) {
            text.extend(secrets::ABOUT);
        }
        text.push("");
        match host {
            Host::AzureRepos => text.extend([
                "Azure Repos ignores a pr section: a build validation policy on the target branches runs this pipeline for",
                "pull requests.",
            ]),
            Host::Github => text.push("GitHub: pull requests into the branches under pr run this pipeline."),
        }
        text.push("Triggers mind upper and lower case. Tags start nothing, and no stage deploys one.");
        for line in text {
            self.put(0, format!("# {line}").trim_end());
        }
    }

    /// Exactly the branches that deploy somewhere, each once.
    fn triggers(&mut self, lanes: &[Lane<'_>]) -> Result<(), Problem> {
        let mut all: Vec<&BranchPattern> = Vec::new();
        for branch in lanes.iter().flat_map(|lane| &lane.branches) {
            if !all.contains(&branch) {
                all.push(branch);
            }
        }
        let pull_requests = self.deployment.host == Host::Github;
        for key in ["trigger:", "pr:"].into_iter().take(if pull_requests { 2 } else { 1 }) {
            self.put(0, key);
            self.put(1, "branches:");
            self.put(2, "include:");
            for branch in &all {
                let value: Value = branch.as_str().parse()?;
                self.put(3, &format!("- {}", scalar(value.as_str())));
            }
        }
        self.put(0, "pool:");
        match &self.deployment.pool {
            Pool::Hosted(image) => self.pair(1, "vmImage", image.as_str()),
            Pool::Named(name) => self.pair(1, "name", name.as_str()),
        }
        // Deployments wait for each other; by default the newest would cancel those that wait.
        self.pair(0, "lockBehavior", "sequential");
        Ok(())
    }

    fn stage(&mut self, name: &str, display: &str, depends: &[String], condition: Option<&Expression>) {
        self.put(0, "");
        self.put(1, &format!("- stage: {name}"));
        self.pair(2, "displayName", display);
        match depends {
            [] => self.put(2, "dependsOn: []"),
            all => {
                self.put(2, "dependsOn:");
                for one in all {
                    self.put(3, &format!("- {one}"));
                }
            }
        }
        if let Some(condition) = condition {
            self.put(2, "condition: |");
            self.put_all(3, &condition.lines());
        }
    }

    fn build(&mut self, lanes: &[Lane<'_>]) -> Result<(), Problem> {
        let shared = place::shared(self.deployment);
        self.stage(BUILD, "Build and test, without credentials", &[], None);
        self.put(2, "jobs:");
        self.put(3, &format!("- job: {BUILD}"));
        self.put(4, "steps:");
        self.steps(5, self.template, "tools", &shared)?;
        self.steps(5, self.template, "build", &shared)?;
        let each = lanes.iter().map(|lane| {
            let filling = place::of(self.deployment, lane.target, Access::deploying(lane.target));
            section(self.template, "build-each", &filling)
        });
        let each = each.collect::<Result<Vec<_>, _>>()?;
        if each.iter().flatten().any(|line| line.contains(place::SLUG)) {
            self.steps(5, COMMON, "slug", &shared)?;
        }
        for steps in each {
            self.put_all(5, &steps);
        }
        let (from, name) =
            if packs(&self.deployment.preset) { (COMMON, "pack") } else { (self.template, "build-end") };
        self.steps(5, from, name, &shared)
    }

    fn steps(&mut self, depth: usize, from: Template, name: &str, filling: &Filling) -> Result<(), Problem> {
        let lines = section(from, name, filling)?;
        self.put_all(depth, &lines);
        Ok(())
    }

    /// The steps of a job with credentials: who it is, then what it does.
    fn work(&mut self, depth: usize, target: &Target, access: Access<'_>, name: &str) -> Result<(), Problem> {
        let preset = &self.deployment.preset;
        let filling = place::of(self.deployment, target, access);
        self.put(depth, "steps:");
        let depth = depth + 1;
        self.steps(depth, COMMON, "identity", &filling)?;
        if name == "deploy" {
            self.put_all(depth, &secrets::steps(&target.secrets));
        }
        if packs(preset) && !(matches!(preset, Preset::CloudFormation { .. }) && name == "deploy") {
            self.steps(depth, COMMON, "unpack", &filling)?;
        }
        self.steps(depth, self.template, "tools", &filling)?;
        let steps = section(self.template, name, &filling)?;
        if steps.iter().any(|line| line.contains(place::SLUG)) {
            self.steps(depth, COMMON, "slug", &filling)?;
        }
        self.put_all(depth, &steps);
        let frontend = match (preset, &target.place) {
            (Preset::AmplifyGen2 { .. }, Place::Amplify { frontend, .. }) => *frontend,
            (Preset::AmplifyHosting { hosting, .. }, _) => *hosting == Hosting::Connected,
            _ => false,
        };
        if frontend && name == "deploy" {
            self.steps(depth, template::FRONTEND, "frontend", &filling)?;
        }
        Ok(())
    }

    /// The variable groups that are wanted, and how long sessions last.
    fn variables(&mut self, groups: &[&Value], access: Access<'_>) {
        let longer = access.seconds > SHORTEST_SESSION;
        if groups.is_empty() && !longer {
            return;
        }
        self.put(2, "variables:");
        for group in groups {
            self.pair(3, "- group", group.as_str());
        }
        if longer {
            // The toolkit asks for 900 s when nothing is said (facts/aws-toolkit.md §2).
            self.pair(3, "- name", "aws.rolecredential.maxduration");
            self.pair(4, "value", &access.seconds.to_string());
        }
    }

    fn timeout(&mut self, depth: usize, access: Access<'_>) {
        let minutes = access.seconds.div_ceil(60);
        if minutes > DEFAULT_MINUTES {
            self.put(depth, &format!("timeoutInMinutes: {minutes}"));
        }
    }

    /// What a pull request would change, seen with the read-only role.
    fn preview(&mut self, lane: &Lane<'_>) -> Result<(), Problem> {
        let deployment = self.deployment;
        let reading = Access::reading(lane.target).filter(|_| previewed(lane.target));
        let Some(access) = reading.filter(|_| deployment.preset.previews()) else { return Ok(()) };
        let name = format!("preview_{}", lane.id);
        let condition = condition::previews(&[BUILD], &lane.branches, deployment.host)?;
        let display = format!("Preview {} for a pull request, read-only", lane.target.name);
        self.stage(&name, &display, &[BUILD.to_owned()], Some(&condition));
        self.variables(&[], access);
        self.put(2, "jobs:");
        self.put(3, &format!("- job: {name}"));
        self.timeout(4, access);
        self.work(4, lane.target, access, "preview")
    }

    fn plan(&mut self, lane: &Lane<'_>, earlier: &[Lane<'_>]) -> Result<(), Problem> {
        let target = lane.target;
        let reading = Access::reading(target).filter(|_| self.deployment.preset.plans_read_only());
        let access = reading.unwrap_or_else(|| Access::deploying(target));
        let name = lane.plan();
        let (depends, condition) = needs(lane, earlier, &[])?;
        self.stage(&name, &format!("Plan {}", target.name), &depends, Some(&condition));
        self.variables(&target.variable_group.iter().collect::<Vec<_>>(), access);
        self.put(2, "jobs:");
        self.put(3, &format!("- job: {name}"));
        self.timeout(4, access);
        self.work(4, target, access, "plan")
    }

    fn deploy(&mut self, lane: &Lane<'_>, earlier: &[Lane<'_>]) -> Result<(), Problem> {
        let (deployment, target) = (self.deployment, lane.target);
        let name = lane.deploy();
        let planned = deployment.preset.saves_plan().then(|| lane.plan());
        let (depends, condition) = needs(lane, earlier, planned.as_slice())?;
        self.stage(&name, &format!("Deploy {}", target.name), &depends, Some(&condition));
        let access = Access::deploying(target);
        let groups = target.variable_group.iter().chain(&target.secrets.variable_groups);
        self.variables(&groups.collect::<Vec<_>>(), access);
        self.put(2, "jobs:");
        if deployment.approval == Approval::Environments {
            self.put(3, &format!("- deployment: {name}"));
            self.timeout(4, access);
            self.put(4, "environment:");
            self.pair(5, "name", target.environment.as_str());
            self.put(4, "strategy:");
            self.put(5, "runOnce:");
            self.put(6, "deploy:");
            return self.work(7, target, access, "deploy");
        }
        let asks = format!("ask_{}", lane.id);
        if target.protected {
            let filling = place::of(deployment, target, access);
            self.put(3, &format!("- job: {asks}"));
            self.put(4, "pool: server");
            self.put(4, &format!("timeoutInMinutes: {ANSWER_MINUTES}"));
            self.put(4, "steps:");
            self.steps(5, COMMON, "approve", &filling)?;
        }
        self.put(3, &format!("- job: {name}"));
        if target.protected {
            self.put(4, &format!("dependsOn: {asks}"));
        }
        self.timeout(4, access);
        self.work(4, target, access, "deploy")
    }
}

/// Whether pull requests may look at it: branches of their own have no stacks yet while a pull request is open.
fn previewed(target: &Target) -> bool {
    target.plan.is_some() && !target.per_branch
}

/// Whether the build hands on the sources it checked.
fn packs(preset: &Preset) -> bool {
    matches!(preset, Preset::Terraform { .. } | Preset::AmplifyGen2 { .. } | Preset::CloudFormation { .. })
}

/// The stages that one waits for, and its condition: the build, its plan, and every earlier environment that some of
/// its branches deploy to. All of them by name: what is skipped in between hides no failure before it.
fn needs(
    lane: &Lane<'_>,
    earlier: &[Lane<'_>],
    planned: &[String],
) -> Result<(Vec<String>, Expression), Problem> {
    let befores: Vec<(String, &[BranchPattern], Needed)> = earlier
        .iter()
        .map(|other| (other.deploy(), other.branches.as_slice(), needed(&lane.branches, &other.branches)))
        .filter(|(_, _, needed)| *needed != Needed::Never)
        .collect();
    let mut own = vec![BUILD];
    own.extend(planned.iter().map(String::as_str));
    let before: Vec<Before<'_>> =
        befores.iter().map(|(stage, branches, needed)| Before { stage, branches, needed: *needed }).collect();
    let condition = condition::deploys(&own, &before, &lane.branches)?;
    let depends =
        own.iter().map(|stage| (*stage).to_owned()).chain(befores.iter().map(|(stage, ..)| stage.clone()));
    Ok((depends.collect(), condition))
}
