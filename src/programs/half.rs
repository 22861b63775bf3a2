//! One half for somebody else: what it wants in exact values, as files they can use.

use std::collections::BTreeSet;

use super::export::cloudformation::{self, Template};
use super::export::{TextFile, terraform};
use super::run::Prepared;
use super::session::Session;
use super::survey::typed_grounds;
use crate::domain::blueprint::{Blueprint, Wanted};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Federation, SignIn, defaults};
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::provider::WantedProvider;
use crate::engine::step::Step;
use crate::plan::change::{Change, Plan};
use crate::plan::file::{HandedOver, Only, PlanFile, VERSION, Way};
use crate::steps::{connection, facts, provider, role};

/// Name of the saved plan in the folder of a half.
pub const PLAN: &str = "plan.json";
/// Name of the text that tells the other person what to do.
pub const README: &str = "README.md";

/// How the other tools differ, in the README of the AWS half.
const OTHER_TOOLS: &str = " CloudFormation and Terraform make everything\n\
    anew: an account that knows the issuer already needs `ProviderExists=yes` (CloudFormation) or its id in\n\
    `existing_providers` (Terraform), and a role of the same name is in their way. Each CloudFormation\n\
    template is for the account in its name, and is deployed with credentials of it; Terraform\n\
    takes the profile of each account from `profiles`, by its id. What they make bears\n\
    keyless's mark: `keyless setup` heals it, and `keyless teardown` removes it.";

/// What one half wants, as if nothing of it were there: what somebody who cannot look at it can still say exactly.
///
/// # Errors
/// A trust cannot be written, or no account takes it.
pub fn intended(half: Only, blueprint: &Blueprint) -> Result<Plan> {
    check_keys(blueprint)?;
    let mut plan = Plan::default();
    match half {
        Only::Aws => {
            plan.changes
                .extend(blueprint.providers.iter().map(|wanted| intended_provider(blueprint, wanted)));
            for wanted in &blueprint.environments {
                wanted.role.trust()?;
                plan.changes.push(intended_role(blueprint, wanted));
            }
        }
        Only::AzureDevops => plan.changes.extend(blueprint.environments.iter().map(intended_connection)),
    }
    Ok(plan)
}

/// Refuses to write a half of what has none: an access key goes from AWS into Azure DevOps in one step.
///
/// # Errors
/// An environment signs in with an access key.
pub fn check_keys(blueprint: &Blueprint) -> Result<()> {
    let Some(wanted) = blueprint.environments.iter().find(|wanted| wanted.user.is_some()) else {
        return Ok(());
    };
    let why = "an access key goes from AWS into Azure DevOps in one step, which no file can do";
    Err(Failure::new(Code::Answers)
        .with("environment", &wanted.environment.name)
        .with("authentication", wanted.environment.authentication.word())
        .with("cause", why))
}

fn nobody() -> Failure {
    Failure::new(Code::AwsSignIn).with("cause", "AWS is somebody else's")
}

fn intended_provider(blueprint: &Blueprint, wanted: &WantedProvider) -> Change {
    let members: Vec<&Wanted> =
        wanted.environments.iter().filter_map(|name| blueprint.environment(name)).collect();
    let protected = members.iter().filter(|wanted| wanted.environment.protected);
    let mut protected: Vec<EnvironmentName> =
        protected.map(|wanted| wanted.environment.owner().clone()).collect();
    protected.dedup();
    let mut change = provider::planned(wanted, &protected);
    change.environments.clone_from(&wanted.environments);
    change
}

fn intended_role(blueprint: &Blueprint, wanted: &Wanted) -> Change {
    let step = role::Role {
        typed: false,
        wanted: wanted.role.clone(),
        aim: role::Aim::Present,
        environment: wanted.environment.clone(),
        federation: blueprint.id.clone(),
        close: false,
        connection: None,
        second: None,
        connections: None,
        aws: Err(nobody()),
    };
    let mut change = step.plan(&role::Seen {
        found: None,
        difference: None,
        admissions: Vec::new(),
        dangling: false,
        left: false,
        waits: None,
    });
    change.environments = step.environments();
    change
}

fn intended_connection(wanted: &Wanted) -> Change {
    let mut change = connection::planned(&wanted.connection, &wanted.environment);
    change.environments = vec![wanted.environment.name.clone()];
    change
}

/// Holds a half's file against its own answers: its changes are exactly what they lead to. Nothing is asked of a cloud.
///
/// # Errors
/// `PlanNotImplied`: it shows something else than its answers lead to; the answers contradict each other.
pub fn check(file: &PlanFile) -> Result<()> {
    let wrong = |cause: &str| Failure::new(Code::PlanNotImplied).with("cause", cause);
    let Some(half) = file.only else { return Err(wrong("it does not say which half it is")) };
    // As a session takes them: a read-only access that follows from them would be made too.
    let answers = file.answers.with_reading();
    let blueprint = Blueprint::new(&answers, &typed_grounds(&answers)?)?;
    let implied = intended(half, &blueprint)?;
    let same = |one: &Change, other: &Change| {
        one.step == other.step
            && one.verb == other.verb
            && one.before == other.before
            && one.after == other.after
            && one.asks == other.asks
    };
    for change in &file.plan.changes {
        if !implied.change(&change.step).is_some_and(|implied| same(implied, change)) {
            return Err(wrong("its answers lead to something else").with("step", &change.step));
        }
    }
    match implied.changes.iter().find(|change| file.plan.change(&change.step).is_none()) {
        Some(change) => Err(wrong("its answers lead to more than it shows").with("step", &change.step)),
        None => Ok(()),
    }
}

/// Refuses a half whose other side was set up for other names: tokens would carry a subject that its trust does not know.
///
/// # Errors
/// `PlanStale` with both subjects.
pub fn check_names(file: &PlanFile, prepared: &Prepared) -> Result<()> {
    let told = Blueprint::new(&file.answers, &typed_grounds(&file.answers)?)?;
    for wanted in &told.environments {
        let now = prepared.blueprint.environment(&wanted.environment.name);
        if let Some(now) = now.filter(|now| now.role.subject != wanted.role.subject) {
            return Err(Failure::new(Code::PlanStale)
                .with("environment", &wanted.environment.name)
                .with("written for", &wanted.role.subject)
                .with("Azure DevOps spells it", &now.role.subject));
        }
    }
    Ok(())
}

/// A half that is to be written for somebody else.
#[derive(Debug, Clone)]
pub struct Half {
    half: Only,
    federation: Federation,
    blueprint: Blueprint,
    close: BTreeSet<EnvironmentName>,
    practice: Option<String>,
    /// Its environments so far.
    environments: Vec<EnvironmentName>,
    missing: Vec<EnvironmentName>,
}

impl Half {
    /// The half that a program leaves to somebody else; none: it does both itself.
    ///
    /// `practice` is the practice cloud's world.
    pub fn left_out(session: &Session, prepared: &Prepared, practice: Option<String>) -> Option<Self> {
        let all = prepared.blueprint.environments.iter().map(|wanted| &wanted.environment.name);
        let left = all.filter_map(|name| Some((name.clone(), session.left_out(name)?)));
        let (environments, halves): (Vec<_>, Vec<_>) = left.unzip();
        let half = *halves.first()?;
        let (federation, blueprint) = (&prepared.surveyed.federation, &prepared.blueprint);
        Some(Self { environments, practice, ..Self::of(half, federation, blueprint, &session.close) })
    }

    /// All of one half.
    pub fn of(
        half: Only,
        federation: &Federation,
        blueprint: &Blueprint,
        close: &BTreeSet<EnvironmentName>,
    ) -> Self {
        let grounds = &blueprint.grounds;
        let mut federation = federation.clone();
        // The other person may be able to ask nobody for it.
        federation.organization_id = Some(grounds.organization_id);
        Self {
            half,
            environments: blueprint.environments.iter().map(|w| w.environment.name.clone()).collect(),
            federation,
            blueprint: blueprint.clone(),
            close: close.clone(),
            practice: None,
            missing: Vec::new(),
        }
    }

    /// The same on the practice cloud.
    #[must_use]
    pub fn on(mut self, world: Option<String>) -> Self {
        self.practice = world;
        self
    }

    /// Which half.
    pub fn half(&self) -> Only {
        self.half
    }

    /// The step of this side that must be there before somebody may rely on it: a role trusts a name, and whoever takes a
    /// name that is free gets in.
    fn needed(&self, wanted: &Wanted) -> StepKey {
        match self.half {
            Only::Aws => facts::connection_key(&wanted.connection.name),
            Only::AzureDevops => facts::role_key(&wanted.environment),
        }
    }

    /// Keeps only environments whose own side is there.
    pub fn keep(&mut self, is_there: impl Fn(&StepKey) -> bool) {
        let there = |name: &EnvironmentName| {
            self.blueprint.environment(name).is_some_and(|wanted| is_there(&self.needed(wanted)))
        };
        let (mut stay, mut go): (Vec<_>, Vec<_>) = self.environments.iter().cloned().partition(there);
        // A sign-in that begins in an environment that is left out leads nowhere.
        loop {
            let begins = |name: &EnvironmentName| match self.federation.environment(name).map(|e| &e.sign_in)
            {
                Some(SignIn::AssumeRole { from, .. }) => stay.contains(from),
                _ => true,
            };
            let (good, bad): (Vec<_>, Vec<_>) = stay.iter().cloned().partition(begins);
            if bad.is_empty() {
                break;
            }
            go.extend(bad);
            stay = good;
        }
        self.environments = stay;
        self.missing.extend(go);
    }

    /// Whether nothing is left to write.
    pub fn is_empty(&self) -> bool {
        self.environments.is_empty()
    }

    /// The answers and the blueprint of its environments alone. What a read-only access that is left out would follow from is
    /// left out too: whoever applies the half would have it after all.
    fn narrowed(&self) -> Result<(Federation, Blueprint)> {
        let mut federation = self.federation.clone();
        federation.environments.retain(|environment| self.environments.contains(&environment.name));
        let reads_for: Vec<_> =
            federation.environments.iter().filter_map(|environment| environment.reads_for.clone()).collect();
        for environment in &mut federation.environments {
            if !reads_for.contains(&environment.name) {
                let deploy = &mut environment.deploy;
                deploy.plan_connection = None;
                deploy.plan_role = None;
                deploy.plan_subject = None;
                deploy.plan_managed_policies.clear();
            }
        }
        let blueprint = Blueprint::new(&federation, &self.blueprint.grounds)?;
        Ok((federation, blueprint))
    }

    /// The saved plan: input for `keyless apply` of the other person.
    ///
    /// # Errors
    /// A trust cannot be written, or no account takes it.
    pub fn plan_file(&self) -> Result<PlanFile> {
        let (answers, blueprint) = self.narrowed()?;
        let close = self.close.iter().filter(|name| self.environments.contains(name)).cloned().collect();
        Ok(PlanFile {
            version: VERSION,
            keyless: env!("CARGO_PKG_VERSION").to_owned(),
            answers,
            practice: self.practice.clone(),
            only: Some(self.half),
            close,
            unseen: true,
            plan: intended(self.half, &blueprint)?,
        })
    }

    /// CloudFormation templates; none for Azure DevOps.
    ///
    /// # Errors
    /// As [`Self::plan_file`].
    pub fn templates(&self) -> Result<Vec<Template>> {
        match self.half {
            Only::Aws => cloudformation::templates(&self.narrowed()?.1),
            Only::AzureDevops => Ok(Vec::new()),
        }
    }

    /// The Terraform configuration; none for Azure DevOps.
    ///
    /// # Errors
    /// As [`Self::plan_file`].
    pub fn terraform(&self) -> Result<Option<TextFile>> {
        match self.half {
            Only::Aws => terraform::configuration(&self.narrowed()?.1).map(Some),
            Only::AzureDevops => Ok(None),
        }
    }

    /// Everything as files, and what the other person does with them in `folder`. `quote` makes a path one word of a shell.
    ///
    /// # Errors
    /// As [`Self::plan_file`].
    pub fn files(&self, folder: &str, quote: impl Fn(&str) -> String) -> Result<(Vec<TextFile>, HandedOver)> {
        let templates = self.templates()?;
        let terraform = self.terraform()?;
        let mut files = vec![TextFile { name: PLAN.to_owned(), text: json(&self.plan_file()?)? }];
        let ways = |place: &dyn Fn(&str) -> String| self.ways(&templates, terraform.is_some(), place);
        let readme = self.readme(&ways(&|name| match name {
            "" => ".".to_owned(),
            name => name.to_owned(),
        }));
        let within = |name: &str| match (folder, name) {
            ("", "") => ".".to_owned(),
            ("", name) => name.to_owned(),
            (folder, "") => quote(folder),
            (folder, name) => quote(&format!("{}/{name}", folder.trim_end_matches('/'))),
        };
        let handed_over = HandedOver {
            half: self.half,
            environments: self.environments.clone(),
            folder: folder.to_owned(),
            ways: ways(&within),
            then: self.verify(),
            missing: self.missing.clone(),
            files: Vec::new(),
        };
        files.push(TextFile { name: README.to_owned(), text: readme });
        files.extend(templates.into_iter().map(|template| template.file));
        files.extend(terraform);
        let names = files.iter().map(|file| file.name.clone()).collect();
        Ok((files, HandedOver { files: names, ..handed_over }))
    }

    fn ways(&self, templates: &[Template], terraform: bool, place: &dyn Fn(&str) -> String) -> Vec<Way> {
        let way = |with: &str, commands: Vec<String>| Way { with: with.to_owned(), commands };
        let mut ways = vec![way("keyless", vec![format!("keyless{} apply {}", self.sandbox(), place(PLAN))])];
        if !templates.is_empty() {
            let deploy = templates.iter().map(|template| template.command(&place(&template.file.name)));
            ways.push(way("CloudFormation", deploy.collect()));
        }
        if terraform {
            let folder = match place("") {
                here if here == "." => String::new(),
                folder => format!(" -chdir={folder}"),
            };
            let commands = ["init", "apply"].map(|word| format!("terraform{folder} {word}"));
            ways.push(way("Terraform", commands.to_vec()));
        }
        ways
    }

    /// What stands behind `keyless`, so that a practice command is never copied into a live one.
    fn sandbox(&self) -> String {
        match &self.practice {
            Some(world) if world == defaults::WORLD => " --sandbox".to_owned(),
            Some(world) => format!(" --sandbox={world}"),
            None => String::new(),
        }
    }

    /// What proves both halves together.
    fn verify(&self) -> String {
        format!("keyless{} verify --only azure-devops", self.sandbox())
    }

    fn readme(&self, ways: &[Way]) -> String {
        let cloud = self.half.cloud();
        let names: Vec<&str> = self.environments.iter().map(EnvironmentName::as_str).collect();
        let mut text = format!(
            "# The {cloud} side of {}\n\nEnvironments: {}.\nWritten by keyless for somebody who may change {cloud}; it holds no secret.\n",
            self.blueprint.id.as_str(),
            names.join(", "),
        );
        for (index, way) in ways.iter().enumerate() {
            let or = if index == 0 { "With" } else { "Or with" };
            text.push_str(&format!("\n{or} {}:\n\n", way.with));
            text.extend(way.commands.iter().map(|command| format!("    {command}\n")));
        }
        text.push_str(&format!(
            "\nkeyless looks first, shows the plan, and keeps what is there already.{}\n\n\
             Afterwards whoever may use Azure DevOps proves it:\n\n    {}\n",
            match self.half {
                Only::Aws => OTHER_TOOLS,
                Only::AzureDevops => "",
            },
            self.verify(),
        ));
        text
    }
}

/// A plan as the text of a file.
///
/// # Errors
/// It cannot be written as JSON.
pub fn json(file: &PlanFile) -> Result<String> {
    let text =
        serde_json::to_string_pretty(file).map_err(|error| Failure::new(Code::File).with("cause", error))?;
    Ok(format!("{text}\n"))
}
