//! What `cdk bootstrap` leaves in an account, region by region: its five roles, a bucket, and the version of all that.
//!
//! The policies are those of the template of version 21 in their essence; they lack conditions and some actions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Account, Bucket, Parameter, Role};

/// The qualifier that `cdk bootstrap` takes when it is given none.
const QUALIFIER: &str = "hnb659fds";

/// The version of the bootstrap template.
const VERSION: &str = "21";

/// Adds what [`Account::cdk_bootstrap`] says.
pub(in crate::sandbox) fn expand(account: &mut Account) {
    for region in std::mem::take(&mut account.cdk_bootstrap) {
        add(account, &region);
        account.cdk_bootstrap.push(region);
    }
}

fn add(account: &mut Account, region: &str) {
    let (id, partition) = (account.id.clone(), account.partition.clone());
    let bucket = format!("cdk-{QUALIFIER}-assets-{id}-{region}");
    let arn = |role: &str| format!("arn:{partition}:iam::{id}:role/{}", name(role, &id, region));
    let own = json!({"AWS": format!("arn:{partition}:iam::{id}:root")});
    let objects = [format!("arn:{partition}:s3:::{bucket}"), format!("arn:{partition}:s3:::{bucket}/*")];
    let allow = |actions: &[&str], resource: Value| json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    let version = format!("arn:{partition}:ssm:{region}:{id}:parameter/cdk-bootstrap/{QUALIFIER}/version");
    let deploy = json!([
        allow(
            &[
                "cloudformation:CreateChangeSet",
                "cloudformation:DeleteChangeSet",
                "cloudformation:DescribeChangeSet",
                "cloudformation:DescribeStacks",
                "cloudformation:ExecuteChangeSet",
                "cloudformation:CreateStack",
                "cloudformation:UpdateStack",
            ],
            json!("*"),
        ),
        allow(&["iam:PassRole"], json!(arn("cfn-exec"))),
        allow(
            &[
                "cloudformation:DescribeStackEvents",
                "cloudformation:GetTemplate",
                "cloudformation:DeleteStack",
                "cloudformation:UpdateTerminationProtection",
                "sts:GetCallerIdentity",
            ],
            json!("*"),
        ),
        allow(&["s3:GetObject*", "s3:GetBucket*", "s3:List*"], json!(objects)),
        allow(&["ssm:GetParameter", "ssm:GetParameters"], json!([version.clone()])),
    ]);
    let publish = json!([allow(
        &[
            "s3:GetObject*",
            "s3:GetBucket*",
            "s3:GetEncryptionConfiguration",
            "s3:List*",
            "s3:DeleteObject*",
            "s3:PutObject*",
            "s3:Abort*",
        ],
        json!(objects),
    )]);
    let repository = format!(
        "arn:{partition}:ecr:{region}:{id}:repository/cdk-{QUALIFIER}-container-assets-{id}-{region}"
    );
    let images = json!([
        allow(
            &[
                "ecr:PutImage",
                "ecr:InitiateLayerUpload",
                "ecr:UploadLayerPart",
                "ecr:CompleteLayerUpload",
                "ecr:BatchCheckLayerAvailability",
                "ecr:DescribeRepositories",
                "ecr:DescribeImages",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            json!(repository),
        ),
        allow(&["ecr:GetAuthorizationToken"], json!("*")),
    ]);
    let lookup =
        json!([{"Effect": "Deny", "Action": ["kms:Decrypt"], "Resource": "*", "Sid": "DontReadSecrets"}]);
    let of_aws = |policy: &str| format!("arn:{partition}:iam::aws:policy/{policy}");
    let cloudformation = json!({"Service": "cloudformation.amazonaws.com"});
    for (role, principal, inline, managed) in [
        ("deploy", &own, Some(deploy), None),
        ("cfn-exec", &cloudformation, None, Some("AdministratorAccess")),
        ("file-publishing", &own, Some(publish), None),
        ("image-publishing", &own, Some(images), None),
        ("lookup", &own, Some(lookup), Some("ReadOnlyAccess")),
    ] {
        let document =
            |statements: Value| json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let trust = json!([{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]);
        let inline = inline.map(|statements| ("default".to_owned(), document(statements)));
        account.roles.push(Role {
            name: name(role, &id, region),
            path: "/".to_owned(),
            trust: document(trust),
            inline: inline.into_iter().collect(),
            managed: managed.map(of_aws).into_iter().collect(),
            tags: BTreeMap::from([("aws-cdk:bootstrap-role".to_owned(), role.to_owned())]),
            max_session_seconds: 3600,
            boundary: None,
        });
    }
    account.buckets.push(Bucket { name: bucket, region: region.to_owned(), policy: None });
    account.parameters.push(Parameter {
        name: format!("/cdk-bootstrap/{QUALIFIER}/version"),
        region: region.to_owned(),
        value: VERSION.to_owned(),
    });
}

fn name(role: &str, account: &str, region: &str) -> String {
    format!("cdk-{QUALIFIER}-{role}-role-{account}-{region}")
}
