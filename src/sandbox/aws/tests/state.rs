//! What deployment tools leave in an account, and what least privilege is found from: bootstrap, state, reach, last use.

use aws_sdk_iam::types::{AccessAdvisorUsageGranularityType, JobStatusType, PolicyEvaluationDecisionType};
use serde_json::{Value, json};

use super::rotation::{practice_of_world, signed};
use super::*;

const PROD: &str = "777788889999";

#[tokio::test]
async fn the_cdk_bootstrap_of_an_account_can_be_read() {
    let practice = practice_of_world("deploy", |_| {}).await;
    let iam = iam(&practice);
    let name = |role: &str| format!("cdk-hnb659fds-{role}-role-{DEV}-eu-west-1");
    let exec = iam.list_attached_role_policies().role_name(name("cfn-exec")).send().await.unwrap();
    assert_eq!(exec.attached_policies()[0].policy_name(), Some("AdministratorAccess"));
    let deploy = iam.get_role_policy().role_name(name("deploy")).policy_name("default").send().await.unwrap();
    assert!(deploy.policy_document().contains("cfn-exec"), "{}", deploy.policy_document());
    let ask = async |region: &str, name: &str| {
        let extra = [("x-amz-target", "AmazonSSM.GetParameter")];
        let body = json!({"Name": name}).to_string();
        let answer = signed(&practice, ("ssm", region), ("POST", "/", ""), &extra, &body).await;
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, found) = ask("eu-west-1", "/cdk-bootstrap/hnb659fds/version").await;
    assert_eq!((status, found["Parameter"]["Value"].as_str()), (200, Some("21")), "{found}");
    let (status, none) = ask("us-east-1", "/cdk-bootstrap/hnb659fds/version").await;
    assert_eq!((status, none["__type"].as_str()), (400, Some("ParameterNotFound")));
    let head = async |region: &str, path: &str| {
        signed(&practice, ("s3", region), ("HEAD", path, ""), &[], "").await.status().as_u16()
    };
    let bucket = format!("/cdk-hnb659fds-assets-{DEV}-eu-west-1");
    assert_eq!((head("eu-west-1", &bucket).await, head("us-east-1", &bucket).await), (200, 301));
    assert_eq!(head("eu-west-1", "/no-such-bucket").await, 404);
}

#[tokio::test]
async fn a_lock_table_can_be_described() {
    let practice = practice_of_world("deploy", |_| {}).await;
    let ask = async |name: &str| {
        let extra = [("x-amz-target", "DynamoDB_20120810.DescribeTable")];
        let body = json!({"TableName": name}).to_string();
        let answer = signed(&practice, ("dynamodb", "eu-west-1"), ("POST", "/", ""), &extra, &body).await;
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, found) = ask("contoso-terraform-lock").await;
    assert_eq!(status, 200, "{found}");
    assert_eq!(found["Table"]["KeySchema"][0]["AttributeName"], "LockID");
    let (status, none) = ask("other").await;
    assert_eq!((status, none["__type"].as_str()), (400, Some("ResourceNotFoundException")));
}

#[tokio::test]
async fn a_simulation_follows_wildcards_denials_and_every_resource() {
    let practice = practice_of_world("deploy", |_| {}).await;
    let iam = iam(&practice);
    let arn = |role: &str| format!("arn:aws:iam::{DEV}:role/cdk-hnb659fds-{role}-role-{DEV}-eu-west-1");
    let ask = async |role: &str, action: &str, resources: &[String]| {
        let asked = iam.simulate_principal_policy().policy_source_arn(arn(role)).action_names(action);
        let asked = asked.set_resource_arns(Some(resources.to_vec()));
        let answer = asked.send().await.unwrap();
        answer.evaluation_results().iter().map(|one| one.eval_decision().clone()).collect::<Vec<_>>()
    };
    use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
    let roles = [arn("cfn-exec"), arn("lookup")];
    assert_eq!(ask("deploy", "iam:PassRole", &roles).await, [Allowed, ImplicitDeny]);
    let object = [format!("arn:aws:s3:::cdk-hnb659fds-assets-{DEV}-eu-west-1/a")];
    assert_eq!(ask("file-publishing", "s3:PutObject", &object).await, [Allowed]);
    assert_eq!(ask("lookup", "kms:Decrypt", &["*".to_owned()]).await, [ExplicitDeny]);
    assert_eq!(ask("cfn-exec", "iam:CreateUser", &["*".to_owned()]).await, [Allowed]);
}

#[tokio::test]
async fn a_report_tells_which_services_a_role_may_use_and_last_did() {
    let practice = practice_of_world("deploy", |_| {}).await;
    let iam = iam_as(&practice, operator(&practice, PROD));
    let arn = format!("arn:aws:iam::{PROD}:role/payments-deploy");
    let job = iam
        .generate_service_last_accessed_details()
        .arn(&arn)
        .granularity(AccessAdvisorUsageGranularityType::ActionLevel)
        .send()
        .await
        .unwrap();
    let id = job.job_id().unwrap();
    let report = iam.get_service_last_accessed_details().job_id(id).send().await.unwrap();
    assert_eq!(report.job_status(), &JobStatusType::Completed);
    let of = |name: &str| report.services_last_accessed().iter().find(|one| one.service_namespace() == name);
    let s3 = of("s3").unwrap();
    assert!(s3.last_authenticated().is_some());
    assert_eq!(s3.last_authenticated_region(), Some("eu-west-1"));
    assert_eq!(s3.tracked_actions_last_accessed()[0].action_name(), Some("PutObject"));
    assert!(of("lambda").unwrap().last_authenticated().is_none(), "allowed and never used");
    assert!(of("iam").is_none(), "PowerUserAccess does not reach it");
    let gone = iam.get_service_last_accessed_details().job_id(uuid::Uuid::new_v4().to_string()).send().await;
    assert_eq!(refusal(gone).0, "NoSuchEntity");
}

#[tokio::test]
async fn an_assumed_role_is_found_in_the_trail_once_it_is_there() {
    use crate::sandbox::aws::cloudtrail::{WebIdentity, record};
    let practice = practice_of(|world| world.habits.trail_delay_minutes = 15).await;
    let role = format!("arn:aws:iam::{DEV}:role/Deploy");
    for number in 0..3 {
        let who = WebIdentity {
            account: DEV,
            role: &role,
            session: &format!("run-{number}"),
            provider: &provider_arn(&practice),
            audience: AUDIENCE,
            subject: SUBJECT,
        };
        record(practice.ground(), &who, None);
    }
    let ask = async |token: Option<&str>| {
        let extra = [("x-amz-target", "CloudTrail_20131101.LookupEvents")];
        let only = json!([{"AttributeKey": "ResourceName", "AttributeValue": role}]);
        let mut body = json!({"LookupAttributes": only, "MaxResults": 2});
        if let Some(token) = token {
            body["NextToken"] = json!(token);
        }
        let body = body.to_string();
        let answer = signed(&practice, ("cloudtrail", "us-east-1"), ("POST", "/", ""), &extra, &body).await;
        answer.json::<Value>().await.unwrap()
    };
    assert_eq!(ask(None).await["Events"], json!([]));
    practice.ground().move_clock(15 * 60);
    let first = ask(None).await;
    let last = ask(first["NextToken"].as_str()).await;
    assert_eq!((first["Events"].as_array().unwrap().len(), last["Events"].as_array().unwrap().len()), (2, 1));
    assert!(last["NextToken"].is_null());
    let event: Value = serde_json::from_str(last["Events"][0]["CloudTrailEvent"].as_str().unwrap()).unwrap();
    assert_eq!(event["responseElements"]["subjectFromWebIdentityToken"], SUBJECT);
    let session = format!("arn:aws:sts::{DEV}:assumed-role/Deploy/run-0");
    assert_eq!(event["responseElements"]["assumedRoleUser"]["arn"], session);
    assert_eq!(first["Events"][0]["Resources"][0]["ResourceName"], role);
}
