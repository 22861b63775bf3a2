//! The AWS Toolkit extension: its connection type must exist and know OIDC.

use serde_json::json;

use super::facts::extension_key;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::endpoints::AwsType;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::Known;
use crate::engine::step::{Cx, Step};
use crate::plan::change::{Ask, Change, Verb};

/// The extension of the organisation.
pub struct Extension {
    /// The client.
    pub devops: DevOps,
    /// Every environment: they all need it.
    pub environments: Vec<EnvironmentName>,
}

impl Step for Extension {
    type Seen = Option<AwsType>;

    fn key(&self) -> StepKey {
        extension_key()
    }

    fn title(&self) -> String {
        "extension AWS Toolkit for Azure DevOps".to_owned()
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.environments.clone()
    }

    fn needs(&self) -> Vec<StepKey> {
        Vec::new()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Option<AwsType>> {
        let kind = self.devops.aws_type().await?;
        if kind.as_ref().is_some_and(|kind| !kind.has_use_oidc) {
            return Err(Failure::new(Code::ToolkitTooOld)
                .with("extension", "AmazonWebServices.aws-vsts-tools")
                .with("needed", "1.15.0 or newer: its connection type has no useOIDC input"));
        }
        if kind.is_none()
            && let Ok(Some(found)) = self.devops.toolkit().await
            && found.disabled
        {
            return Err(Failure::new(Code::ToolkitDisabled)
                .with("extension", "AmazonWebServices.aws-vsts-tools")
                .with("version", found.version)
                .with("page", "Organization settings > Extensions"));
        }
        Ok(kind)
    }

    fn plan(&self, seen: &Option<AwsType>) -> Change {
        if seen.is_some() {
            return Change::keep(self.key(), self.title(), "installed, and it knows OIDC");
        }
        let mut change =
            Change::keep(self.key(), self.title(), "the organisation has no connection type AWS");
        change.verb = Verb::Create;
        change.after = Some(json!({ "extension": "AmazonWebServices.aws-vsts-tools" }));
        change.reversible = false;
        change.writes = 1;
        change.rights =
            vec!["vso.extension_manage".to_owned(), "Project Collection Administrator".to_owned()];
        change.asks =
            vec![Ask::Foreign { what: "an extension is installed for the whole organisation".to_owned() }];
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, _seen: Option<AwsType>) -> Result<()> {
        match self.devops.install_toolkit(pen).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.class == Class::Denied => Err(Failure::new(Code::ToolkitMissing)
                .with("installing", failure)
                .with("who can", "a Project Collection Administrator")),
            Err(failure) => Err(failure),
        }
    }
}
