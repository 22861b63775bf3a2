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
    let names = Names { id: &id, partition: &partition, region };
    let own = json!({"AWS": format!("arn:{partition}:iam::{id}:root")});
    let cloudformation = json!({"Service": "cloudformation.amazonaws.com"});
    let lookup =
        json!([{"Effect": "Deny", "Action": ["kms:Decrypt"], "Resource": "*", "Sid": "DontReadSecrets"}]);
    for (role, principal, inline, managed) in [
        ("deploy", &own, Some(deploy(&names)), None),
        ("cfn-exec", &cloudformation, None, Some("AdministratorAccess")),
        ("file-publishing", &own, Some(publish(&names)), None),
        ("image-publishing", &own, Some(images(&names)), None),
        ("lookup", &own, Some(lookup), Some("ReadOnlyAccess")),
    ] {
        let document =
            |statements: Value| json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let trust = json!([{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]);
        let inline = inline.map(|statements| ("default".to_owned(), document(statements)));
        let of_aws = |policy: &str| format!("arn:{partition}:iam::aws:policy/{policy}");
        account.roles.push(Role {
            name: names.role(role),
            path: "/".to_owned(),
            trust: document(trust),
            inline: inline.into_iter().collect(),
            managed: managed.map(of_aws).into_iter().collect(),
            tags: BTreeMap::from([("aws-cdk:bootstrap-role".to_owned(), role.to_owned())]),
            max_session_seconds: 3600,
            boundary: None,
        });
    }
    account.buckets.push(Bucket { name: names.bucket(), region: region.to_owned(), policy: None });
    account.parameters.push(Parameter {
        name: version(),
        region: region.to_owned(),
        value: VERSION.to_owned(),
    });
}

/// What the names of one bootstrap are made of.
struct Names<'a> {
    id: &'a str,
    partition: &'a str,
    region: &'a str,
}

impl Names<'_> {
    fn role(&self, role: &str) -> String {
        format!("cdk-{QUALIFIER}-{role}-role-{}-{}", self.id, self.region)
    }

    fn bucket(&self) -> String {
        format!("cdk-{QUALIFIER}-assets-{}-{}", self.id, self.region)
    }

    fn objects(&self) -> Value {
        let bucket = format!("arn:{}:s3:::{}", self.partition, self.bucket());
        json!([bucket, format!("{bucket}/*")])
    }
}

fn version() -> String {
    format!("/cdk-bootstrap/{QUALIFIER}/version")
}

fn allow(actions: &[&str], resource: &Value) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource})
}

fn deploy(names: &Names<'_>) -> Value {
    let Names { id, partition, region } = names;
    let changes = [
        "cloudformation:CreateChangeSet",
        "cloudformation:DeleteChangeSet",
        "cloudformation:DescribeChangeSet",
        "cloudformation:DescribeStacks",
        "cloudformation:ExecuteChangeSet",
        "cloudformation:CreateStack",
        "cloudformation:UpdateStack",
    ];
    let stacks = [
        "cloudformation:DescribeStackEvents",
        "cloudformation:GetTemplate",
        "cloudformation:DeleteStack",
        "cloudformation:UpdateTerminationProtection",
        "sts:GetCallerIdentity",
    ];
    let exec = json!(format!("arn:{partition}:iam::{id}:role/{}", names.role("cfn-exec")));
    let parameter = json!(format!("arn:{partition}:ssm:{region}:{id}:parameter{}", version()));
    json!([
        allow(&changes, &json!("*")),
        allow(&["iam:PassRole"], &exec),
        allow(&stacks, &json!("*")),
        allow(&["s3:GetObject*", "s3:GetBucket*", "s3:List*"], &names.objects()),
        allow(&["ssm:GetParameter", "ssm:GetParameters"], &parameter),
    ])
}

fn publish(names: &Names<'_>) -> Value {
    let actions = [
        "s3:GetObject*",
        "s3:GetBucket*",
        "s3:GetEncryptionConfiguration",
        "s3:List*",
        "s3:DeleteObject*",
        "s3:PutObject*",
        "s3:Abort*",
    ];
    json!([allow(&actions, &names.objects())])
}

fn images(names: &Names<'_>) -> Value {
    let Names { id, partition, region } = names;
    let actions = [
        "ecr:PutImage",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:BatchCheckLayerAvailability",
        "ecr:DescribeRepositories",
        "ecr:DescribeImages",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ];
    let repository = format!(
        "arn:{partition}:ecr:{region}:{id}:repository/cdk-{QUALIFIER}-container-assets-{id}-{region}"
    );
    json!([allow(&actions, &json!(repository)), allow(&["ecr:GetAuthorizationToken"], &json!("*"))])
}
