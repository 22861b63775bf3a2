//! IAM OIDC providers: read, made, their audiences added and removed.

use std::collections::BTreeMap;

use aws_sdk_iam::types::Tag;
use serde_json::json;

use super::{Aws, Repeat, SERVICE};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::provider::{Provider, WantedProvider};

/// Tags as the SDK takes them.
pub(super) fn tags(tags: &BTreeMap<String, String>) -> Result<Vec<Tag>> {
    tags.iter()
        .map(|(key, value)| {
            let tag = Tag::builder().key(key).value(value).build();
            tag.map_err(|error| Failure::new(Code::AwsRefused).with("tag", key).with("cause", error))
        })
        .collect()
}

/// Tags as the SDK gives them.
pub(super) fn tag_map(tags: Option<Vec<Tag>>) -> BTreeMap<String, String> {
    tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// What is not there as none.
pub(super) fn there<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.code == Code::AwsNotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

impl Aws {
    fn provider_object(&self, arn: &str) -> String {
        let name = arn.split_once(":oidc-provider/").map_or(arn, |(_, name)| name);
        format!("provider {}/{name}", self.account())
    }

    /// The provider with that ARN; none: there is none.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn provider(&self, arn: &str) -> Result<Option<Provider>> {
        let request = self.iam().get_open_id_connect_provider().open_id_connect_provider_arn(arn);
        let answer =
            self.call_iam("iam:GetOpenIDConnectProvider", Repeat::Read, || request.clone().send()).await;
        Ok(there(answer)?.map(|found| Provider {
            arn: arn.to_owned(),
            url: found.url.unwrap_or_default(),
            audiences: found.client_id_list.unwrap_or_default().into_iter().collect(),
            thumbprints: found.thumbprint_list.unwrap_or_default(),
            tags: tag_map(found.tags),
        }))
    }

    /// ARNs of all OIDC providers of the account. IAM answers them at once, without pages.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn providers(&self) -> Result<Vec<String>> {
        let request = self.iam().list_open_id_connect_providers();
        let answer =
            self.call_iam("iam:ListOpenIDConnectProviders", Repeat::Read, || request.clone().send()).await?;
        let entries = answer.open_id_connect_provider_list.unwrap_or_default();
        Ok(entries.into_iter().filter_map(|entry| entry.arn).collect())
    }

    /// Makes a provider, with audiences and tags, without thumbprints (IAM needs none), and answers its ARN.
    ///
    /// # Errors
    /// `AwsConflict`: there is one for this issuer; `AwsLimit`: the account has as many as it may.
    pub async fn create_provider(&self, pen: &Pen, wanted: &WantedProvider) -> Result<String> {
        let request = self
            .iam()
            .create_open_id_connect_provider()
            .url(wanted.issuer.as_str())
            .set_client_id_list(Some(wanted.audiences.iter().cloned().collect()))
            .set_tags(Some(tags(&wanted.tags)?));
        let object = self.provider_object(&wanted.arn());
        let write = Write::new(SERVICE, "CreateOpenIDConnectProvider", object, Inverse::Delete);
        let call = async {
            let answer = self
                .call_iam("iam:CreateOpenIDConnectProvider", Repeat::Write, || request.clone().send())
                .await?;
            let unnamed = || Failure::new(Code::AwsRefused).with("cause", "a new provider without an ARN");
            answer.open_id_connect_provider_arn.ok_or_else(unnamed)
        };
        pen.write(write, call, |arn| json!({"arn": arn})).await
    }

    /// Adds an audience (client id) to a provider; the others stay.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn add_audience(&self, pen: &Pen, arn: &str, audience: &str) -> Result<()> {
        let request = self
            .iam()
            .add_client_id_to_open_id_connect_provider()
            .open_id_connect_provider_arn(arn)
            .client_id(audience);
        let write = Write::new(
            SERVICE,
            "AddClientIDToOpenIDConnectProvider",
            self.provider_object(arn),
            Inverse::Delete,
        )
        .about(json!({"audience": audience}));
        let call = async {
            let action = "iam:AddClientIDToOpenIDConnectProvider";
            self.call_iam(action, Repeat::Write, || request.clone().send()).await.map(drop)
        };
        pen.write(write, call, |()| json!({"arn": arn, "audience": audience})).await
    }

    /// Removes an audience from a provider.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn remove_audience(&self, pen: &Pen, arn: &str, audience: &str) -> Result<()> {
        let request = self
            .iam()
            .remove_client_id_from_open_id_connect_provider()
            .open_id_connect_provider_arn(arn)
            .client_id(audience);
        let inverse = Inverse::Restore { before: json!({"arn": arn, "audience": audience}) };
        let write = Write::new(
            SERVICE,
            "RemoveClientIDFromOpenIDConnectProvider",
            self.provider_object(arn),
            inverse,
        )
        .about(json!({"audience": audience}));
        let call = async {
            let action = "iam:RemoveClientIDFromOpenIDConnectProvider";
            self.call_iam(action, Repeat::Write, || request.clone().send()).await.map(drop)
        };
        pen.write(write, call, |()| json!({"arn": arn, "audience": audience})).await
    }

    /// Deletes a provider. One that is gone is deleted.
    ///
    /// # Errors
    /// IAM refuses or does not answer.
    pub async fn delete_provider(&self, pen: &Pen, before: &Provider) -> Result<()> {
        let request = self.iam().delete_open_id_connect_provider().open_id_connect_provider_arn(&before.arn);
        let inverse = Inverse::Restore { before: json!(before) };
        let write =
            Write::new(SERVICE, "DeleteOpenIDConnectProvider", self.provider_object(&before.arn), inverse);
        let call = async {
            let action = "iam:DeleteOpenIDConnectProvider";
            there(self.call_iam(action, Repeat::Write, || request.clone().send()).await).map(drop)
        };
        pen.write(write, call, |()| json!({"arn": before.arn})).await
    }
}
