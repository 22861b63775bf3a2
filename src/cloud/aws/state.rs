//! What deployment tools keep in an account: the CDK's bootstrap version, Terraform's state bucket and lock table, Amplify's app. Reads only.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Aws;
use super::providers::there;
use super::resource_policies::{JSON, encoded, unreadable};
use super::rest::{AMPLIFY, Ask, DYNAMODB, ELSEWHERE, S3, SSM, Service};
use crate::domain::failure::Result;
use crate::domain::names::Region;

/// DynamoDB speaks the older of the two (Amazon DynamoDB, low-level API).
const JSON_1_0: (&str, &str) = ("content-type", "application/x-amz-json-1.0");

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    parameter: ParameterValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterValue {
    value: String,
}

impl Aws {
    /// The version of the CDK's bootstrap stack in the environment's region (`/cdk-bootstrap/<qualifier>/version`); none: it
    /// is not bootstrapped with that qualifier.
    ///
    /// # Errors
    /// SSM refuses or does not answer; `AwsRefused`: the parameter is no number.
    pub async fn bootstrap_version(&self, qualifier: &str) -> Result<Option<u32>> {
        const ACTION: &str = "ssm:GetParameter";
        let headers = &[("x-amz-target", "AmazonSSM.GetParameter"), JSON];
        let body = json!({"Name": format!("/cdk-bootstrap/{qualifier}/version")});
        let Some(answer) =
            there(self.posted((&SSM, self.region()), ("GetParameter", ACTION), headers, &body).await)?
        else {
            return Ok(None);
        };
        let found: Parameter =
            serde_json::from_str(&answer).map_err(|error| unreadable(ACTION, &error.to_string()))?;
        let version = found.parameter.value.trim().parse();
        version.map(Some).map_err(|_| unreadable(ACTION, "the bootstrap version is no number"))
    }

    /// Whether there is a bucket of that name that these credentials may list.
    ///
    /// # Errors
    /// `AwsDenied`: it is there and may not be listed, perhaps because it is another account's.
    pub async fn bucket_exists(&self, name: &str) -> Result<bool> {
        let ask = Ask {
            service: &S3,
            operation: "HeadBucket",
            action: "s3:ListBucket",
            region: self.region(),
            method: "HEAD",
            path: format!("/{}", encoded(name)),
            headers: &[],
            body: String::new(),
        };
        match self.ask(&ask).await {
            // It is in another region.
            Err(failure) if failure.evidence("error code") == Some(ELSEWHERE) => Ok(true),
            answer => Ok(there(answer)?.is_some()),
        }
    }

    /// Whether there is a DynamoDB table of that name in a region.
    ///
    /// # Errors
    /// DynamoDB refuses or does not answer.
    pub async fn table_exists(&self, name: &str, region: &Region) -> Result<bool> {
        let headers = &[("x-amz-target", "DynamoDB_20120810.DescribeTable"), JSON_1_0];
        let asked = ("DescribeTable", "dynamodb:DescribeTable");
        Ok(there(self.posted((&DYNAMODB, region), asked, headers, &json!({"TableName": name})).await)?
            .is_some())
    }

    /// Whether there is an Amplify app of that id in the environment's region.
    ///
    /// # Errors
    /// Amplify refuses or does not answer.
    pub async fn app_exists(&self, id: &str) -> Result<bool> {
        let ask = Ask {
            service: &AMPLIFY,
            operation: "GetApp",
            action: "amplify:GetApp",
            region: self.region(),
            method: "GET",
            path: format!("/apps/{}", encoded(id)),
            headers: &[],
            body: String::new(),
        };
        Ok(there(self.ask(&ask).await)?.is_some())
    }

    async fn posted(
        &self,
        (service, region): (&'static Service, &Region),
        (operation, action): (&'static str, &'static str),
        headers: &'static [(&'static str, &'static str)],
        body: &Value,
    ) -> Result<String> {
        self.ask(&Ask {
            service,
            operation,
            action,
            region,
            method: "POST",
            path: "/".to_owned(),
            headers,
            body: body.to_string(),
        })
        .await
    }
}
