//! `GenerateServiceLastAccessedDetails` and its answer: which services a role may use, and when it last did.
//!
//! The times come from the world. A report is ready at once; a real one takes a while.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::query::{Answer, Page, Refusal, Xml};
use super::records::{self, Role, User};
use super::{Call, Handler, policies};
use crate::sandbox::clock;
use crate::sandbox::world::Accessed;

/// Namespaces and names of the services that a report lists. A real one knows some four hundred.
const SERVICES: [(&str, &str); 22] = [
    ("acm", "AWS Certificate Manager"),
    ("apigateway", "Amazon API Gateway Management"),
    ("cloudformation", "AWS CloudFormation"),
    ("cloudfront", "Amazon CloudFront"),
    ("cloudwatch", "Amazon CloudWatch"),
    ("dynamodb", "Amazon DynamoDB"),
    ("ec2", "Amazon EC2"),
    ("ecr", "Amazon Elastic Container Registry"),
    ("ecs", "Amazon Elastic Container Service"),
    ("events", "Amazon EventBridge"),
    ("iam", "AWS Identity and Access Management"),
    ("kms", "AWS Key Management Service"),
    ("lambda", "AWS Lambda"),
    ("logs", "Amazon CloudWatch Logs"),
    ("rds", "Amazon RDS"),
    ("route53", "Amazon Route 53"),
    ("s3", "Amazon S3"),
    ("secretsmanager", "AWS Secrets Manager"),
    ("sns", "Amazon SNS"),
    ("sqs", "Amazon SQS"),
    ("ssm", "AWS Systems Manager"),
    ("sts", "AWS Security Token Service"),
];

const TABLE: &str = "iam.last-accessed";

const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// A report that was asked for.
#[derive(Debug, Serialize, Deserialize)]
struct Job {
    arn: String,
    actions: bool,
    at: i64,
}

/// The handler of an action on these reports.
pub fn handler(action: &str) -> Option<Handler> {
    Some(match action {
        "GenerateServiceLastAccessedDetails" => generate,
        "GetServiceLastAccessedDetails" => get,
        _ => return None,
    })
}

fn generate(call: &Call<'_>) -> Answer {
    let arn = call.form.required("Arn")?;
    texts_of(call, arn)?;
    let actions = match call.form.get("Granularity") {
        None | Some("SERVICE_LEVEL") => false,
        Some("ACTION_LEVEL") => true,
        Some(other) => {
            let set = "satisfy enum value set: [SERVICE_LEVEL, ACTION_LEVEL]";
            return Err(Refusal::member("Granularity", Some(other), set));
        }
    };
    let id = Uuid::new_v4().to_string();
    let job = Job { arn: arn.to_owned(), actions, at: call.ground.clock.now() };
    call.ground.store.put(TABLE, &records::key(call.account, &id), &job);
    let mut xml = Xml::default();
    xml.text("JobId", &id);
    Ok(xml)
}

/// The policies of a role or user, as texts.
fn texts_of(call: &Call<'_>, arn: &str) -> Result<Vec<String>, Refusal> {
    let start = format!("arn:{}:iam::{}:", call.partition, call.account);
    let rest = arn.strip_prefix(&start).unwrap_or_default();
    let key = records::key(call.account, rest.rsplit('/').next().unwrap_or_default());
    let missing = || Refusal::missing(format!("ARN {arn} cannot be found."));
    let (inline, managed) = if rest.starts_with("role/") {
        let role: Role = call.ground.store.get(records::ROLES, &key).ok_or_else(missing)?;
        (role.inline, role.managed)
    } else if rest.starts_with("user/") {
        let user: User = call.ground.store.get(records::USERS, &key).ok_or_else(missing)?;
        (user.inline, user.managed)
    } else {
        return Err(Refusal::input(format!("Invalid ARN: {arn}")));
    };
    let known = managed.iter().filter_map(|arn| policies::document(call.ground, call.account, arn));
    Ok(inline.into_values().chain(known).collect())
}

fn list(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether a policy allows anything of a service. Denials do not count, as in a real report.
fn allows(text: &str, service: &str) -> bool {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let statements = match &document["Statement"] {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    statements.iter().filter(|statement| statement["Effect"] == "Allow").any(|statement| {
        let of = |pattern: &str| {
            let name = pattern.split(':').next().unwrap_or(pattern);
            name == "*" || name.eq_ignore_ascii_case(service)
        };
        if statement["NotAction"].is_null() {
            list(&statement["Action"]).into_iter().any(of)
        } else {
            let whole = format!("{service}:*");
            !list(&statement["NotAction"]).iter().any(|left_out| *left_out == "*" || *left_out == whole)
        }
    })
}

fn get(call: &Call<'_>) -> Answer {
    let id = call.form.required("JobId")?;
    let job: Option<Job> = call.ground.store.get(TABLE, &records::key(call.account, id));
    let job = job.ok_or_else(|| Refusal::missing(format!("Job {id} does not exist.")))?;
    let texts = texts_of(call, &job.arn)?;
    let known = call.ground.world.accounts.iter().find(|known| known.id == call.account);
    let used: Vec<&Accessed> = known
        .map(|known| {
            known.accessed.iter().filter(|one| job.arn.ends_with(&format!("/{}", one.role))).collect()
        })
        .unwrap_or_default();
    let services = SERVICES.iter().filter(|(name, _)| texts.iter().any(|text| allows(text, name)));
    let page = Page::of(services.collect(), call.form)?;
    let mut xml = Xml::default();
    xml.text("JobStatus", "COMPLETED")
        .text("JobType", if job.actions { "ACTION_LEVEL" } else { "SERVICE_LEVEL" })
        .text("JobCreationDate", &clock::iso(job.at))
        .text("JobCompletionDate", &clock::iso(job.at));
    xml.list("ServicesLastAccessed", page.items(), |xml, (name, display)| {
        xml.text("ServiceName", display).text("ServiceNamespace", name);
        let last = used.iter().find(|one| one.service == *name);
        xml.text("TotalAuthenticatedEntities", if last.is_some() { "1" } else { "0" });
        let Some(last) = last else { return };
        let at = clock::iso(job.at - i64::from(last.days_ago) * SECONDS_A_DAY);
        xml.text("LastAuthenticated", &at)
            .text("LastAuthenticatedEntity", &job.arn)
            .text("LastAuthenticatedRegion", &last.region);
        if job.actions {
            xml.list("TrackedActionsLastAccessed", &last.actions, |xml, action| {
                xml.text("ActionName", action)
                    .text("LastAccessedEntity", &job.arn)
                    .text("LastAccessedTime", &at)
                    .text("LastAccessedRegion", &last.region);
            });
        }
    });
    Ok(page.finish(xml))
}
