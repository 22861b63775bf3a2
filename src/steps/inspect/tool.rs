//! What a deployment tool must find in an environment's account: looked at, told, never made.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::cloud::aws::Aws;
use crate::domain::diagnose::tool::{Need, Standing, needs, qualifier_of, unfilled};
use crate::domain::failure::Result;
use crate::domain::federation::{Environment, Tool as Deploying};
use crate::domain::finding::Finding;
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::Known;
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::Change;
use crate::steps::facts::sign_in_key;

/// How the key of such a look begins.
const OBJECT: &str = "tool of ";

/// A look for what the tool needs. Whatever may not be read is unknown: nothing of the federation needs it.
pub struct Tool {
    /// The environment.
    pub environment: Environment,
    /// What deploys; none: no pipeline of keyless does.
    pub tool: Option<Deploying>,
    /// The client, or why there is none.
    pub aws: Result<Aws>,
}

/// What a look sees: each thing that is needed, and how it stands.
pub type Seen = Vec<(Need, Standing)>;

/// Whether a step is such a look.
pub fn is_tool(step: &StepKey) -> bool {
    step.kind == Kind::Inspection && step.object.starts_with(OBJECT)
}

impl Tool {
    /// Whether there is anything to look for, or to tell.
    pub fn is_needed(&self) -> bool {
        !needs(&self.environment, self.tool).is_empty() || self.unfilled().is_some()
    }

    fn unfilled(&self) -> Option<Finding> {
        self.tool.and_then(|tool| unfilled(&self.environment, tool))
    }

    async fn look(&self, need: &Need) -> Result<Standing> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let there = match need {
            Need::Bootstrap { qualifier, .. } => match aws.bootstrap_version(qualifier).await? {
                Some(version) => return Ok(Standing::Version(version)),
                None => return Ok(Standing::Missing(self.other_bootstraps(aws, qualifier).await)),
            },
            Need::Bucket(name) => aws.bucket_exists(name).await?,
            Need::Table { name, region } => aws.table_exists(name, region).await?,
            Need::ExecutionRole(name) => aws.role_tags(name).await?.is_some(),
            Need::App(id) => aws.app_exists(id).await?,
        };
        Ok(if there { Standing::There } else { Standing::Missing(Vec::new()) })
    }

    /// Qualifiers of bootstraps in the account and region, by their deploy roles; none where roles may not be listed.
    async fn other_bootstraps(&self, aws: &Aws, asked: &str) -> Vec<String> {
        let roles = aws.roles_with_trust().await.unwrap_or_default();
        let all = roles.iter().filter_map(|(role, _)| qualifier_of(role, &self.environment));
        all.filter(|qualifier| qualifier != asked).collect()
    }
}

impl Step for Tool {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        StepKey::new(Kind::Inspection, format!("{OBJECT}{}", self.environment.name))
    }

    fn title(&self) -> String {
        format!("what deployments to {} need", self.environment.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![sign_in_key(&self.environment)]
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Seen> {
        let looks = needs(&self.environment, self.tool).into_iter().map(|need| async move {
            let standing = self.look(&need).await.unwrap_or_else(Standing::Unknown);
            (need, standing)
        });
        Ok(join_all(looks).await)
    }

    fn report(&self, seen: &Seen) -> Report {
        let wrong = seen.iter().filter_map(|(need, standing)| need.finding(&self.environment, standing));
        let found = seen.iter().map(|(need, standing)| {
            let stands = match standing {
                Standing::There => json!(true),
                Standing::Version(version) => json!(version),
                Standing::Missing(_) => json!(false),
                Standing::Unknown(failure) => json!(format!("unknown: {}", failure.code.text())),
            };
            (need.to_string(), stands)
        });
        Report {
            found: Some(Value::Object(found.collect())),
            findings: self.unfilled().into_iter().chain(wrong).collect(),
            ..Report::default()
        }
    }

    fn plan(&self, seen: &Seen) -> Change {
        let told = seen.iter().map(|(need, standing)| need.words(&self.environment, standing));
        let unfilled = self.unfilled().and_then(|finding| {
            let missing = finding.evidence("missing")?.to_owned();
            let tool = self.tool?;
            Some(format!("the role may do nothing yet: the preset of {tool} needs `{missing}`"))
        });
        let why: Vec<String> = unfilled.into_iter().chain(told).collect();
        Change::keep(self.key(), self.title(), why.join("; "))
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, _pen: &Pen, _seen: Seen) -> Result<()> {
        Ok(())
    }
}
