//! The words and options of the questions about deployments.

use super::{Deploy, ON_GITHUB};
use crate::domain::federation::{Flow, Tool};
use crate::wizard::model::Model;
use crate::wizard::page::{Choice, Fact, Field, Key, Kind, Options, State};

fn about(tool: Tool) -> &'static str {
    match tool {
        Tool::Cdk => "AWS CDK: cdk deploy of all stacks",
        Tool::Terraform => "Terraform: shows a plan, then applies it; state in S3",
        Tool::Amplify => "Amplify Gen 2: ampx pipeline-deploy, one app per account",
        Tool::AmplifyHosting => "Amplify Hosting: the built site as a job of the app",
        Tool::CloudFormation => "CloudFormation: one template, by a change set",
        Tool::Script => "a script of the repository, with the role's credentials",
    }
}

fn route(flow: Flow) -> &'static str {
    match flow {
        Flow::Mapped => "feat, fix to dev; release to staging; main to prod",
        Flow::Trunk => "main is promoted through all environments in turn",
        Flow::Develop => "develop, feat, fix to dev; release to staging; main to prod",
        Flow::Hotfix => "as mapped; hotfix to staging, and to prod by being merged",
    }
}

/// Label and reason of a question about deployments; `name`: the environment's.
pub(in crate::wizard) fn words(what: Deploy, name: &str) -> (String, String) {
    let (label, why) = match what {
        Deploy::TakeUp => (
            "Take up the deployments too",
            "keyless also makes the pipeline that deploys, with approvals and branch rules; no leaves all that as it is."
                .to_owned(),
        ),
        Deploy::Repository => (
            "Repository of the code",
            "The pipeline's file lies there: a repository of this project, or https://github.com/OWNER/NAME.".to_owned(),
        ),
        Deploy::GitHub => (
            "Its address on GitHub",
            "https://github.com/OWNER/NAME. keyless does not write there: it makes the file, and you bring it in."
                .to_owned(),
        ),
        Deploy::Tool => ("What deploys", "Every stage of the pipeline runs it with its environment's connection.".to_owned()),
        Deploy::Flow => (
            "Which branches deploy where",
            "Branches of the environments follow it, unless you give an environment others.".to_owned(),
        ),
        Deploy::Template => ("CloudFormation template", "Its path in the repository.".to_owned()),
        Deploy::Output => ("Folder of the build", "What the build writes there becomes the site.".to_owned()),
        Deploy::Script => ("Deployment script", "Its path in the repository; it gets the environment's name.".to_owned()),
        Deploy::AppId => (
            "Amplify app",
            format!("The id of the app that is deployed to {name}, such as d1a2b3c4d5e6f7: it stands in the app's ARN."),
        ),
        Deploy::StateBucket => {
            ("Terraform state bucket", format!("The S3 bucket that holds the state of {name}; keyless does not make it."))
        }
        Deploy::ExecutionRole => (
            "CloudFormation's role",
            format!("CloudFormation makes the stack of {name} with it; pipelines may only pass it on."),
        ),
        Deploy::Approvers => (
            "Who approves deployments",
            format!("Azure DevOps asks them before a run deploys to {name}; who asked for the run cannot approve it alone."),
        ),
        Deploy::Others => (
            "Others who approve",
            "Mail addresses, names or groups such as [Payments]\\Release Managers, with commas between.".to_owned(),
        ),
        Deploy::Hours => (
            "Business hours",
            format!("When deployments to {name} may begin, such as Monday-Friday 08:00-17:00 UTC; none: at any time."),
        ),
    };
    (label.to_owned(), why)
}

impl Model {
    /// How a question about deployments is answered.
    pub(in crate::wizard) fn kind_of_deploy(&self, key: &Key, what: Deploy) -> Kind {
        match what {
            Deploy::TakeUp => Kind::Confirm,
            Deploy::Tool => {
                Kind::Choice(Options::fixed(Tool::ALL.iter().map(|tool| (tool.as_str(), about(*tool)))))
            }
            Deploy::Flow => {
                Kind::Choice(Options::fixed(Flow::ALL.iter().map(|flow| (flow.as_str(), route(*flow)))))
            }
            Deploy::Repository => match self.code_repositories() {
                Some(all) if !all.is_empty() => {
                    let there = all.into_iter().map(|name| (name, ""));
                    Kind::Choice(Options::fixed(there.chain([(ON_GITHUB, "the code lies on GitHub")])))
                }
                _ => Kind::Text,
            },
            Deploy::Approvers => self.approver_options(key),
            _ => Kind::Text,
        }
    }

    /// Those who were found, and those who were answered before.
    fn approver_options(&self, key: &Key) -> Kind {
        let people = self.people();
        if people.is_empty() {
            return Kind::Text;
        }
        let mut choices: Vec<Choice> = people
            .iter()
            .map(|one| Choice { value: one.value.clone(), note: one.note.clone(), state: State::Ready })
            .collect();
        for name in self.many(key) {
            if !choices.iter().any(|choice| choice.value == name) {
                choices.push(Choice { value: name, note: "named before".to_owned(), state: State::Ready });
            }
        }
        Kind::Many(Options { state: State::Ready, choices })
    }

    /// What is known of deployments, on the page about them and before the answers are saved.
    pub(in crate::wizard) fn deployment_facts(&self) -> Vec<Fact> {
        if !self.deploys() {
            return Vec::new();
        }
        let text = |what: Deploy| self.text(None, Field::Deploy(what)).unwrap_or_default();
        let source = self.source().map(|source| source.to_string()).unwrap_or_default();
        let value = format!("{} from {source}, flow {}", text(Deploy::Tool), text(Deploy::Flow));
        vec![Fact::new("deployments", value, "")]
    }

    /// Why nobody can be chosen who approves.
    pub(in crate::wizard) fn people_facts(&self) -> Vec<Fact> {
        let failed = self.people_failed().filter(|_| self.deploys());
        let text = |why: &str| format!("Who may approve could not be read, and is typed: {why}");
        failed.map(|why| Fact::line(text(why))).into_iter().collect()
    }
}
