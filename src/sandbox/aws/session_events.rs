//! What sessions of roles called, as CloudTrail records it: what the world tells of, and calls of STS and IAM that are made here.

use axum::http::request::Parts;
use serde_json::{Value, json};
use uuid::Uuid;

use super::cloudtrail::{Event, keep};
use super::query::Refusal;
use super::records::Role;
use super::session::Session;
use super::{partition_of, sign};
use crate::sandbox::world::Called;
use crate::sandbox::{Ground, clock};

const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// A call of a session, for its event.
struct Made<'a> {
    account: &'a str,
    partition: &'a str,
    /// The role's path and name: `/ci/Dev`.
    role: &'a str,
    session: &'a str,
    /// `cloudformation`.
    service: &'a str,
    name: &'a str,
    region: &'a str,
    at: i64,
    id: String,
}

impl Made<'_> {
    fn event(&self) -> Event {
        let Self { account, partition, role, session, service, name, region, at, id } = self;
        let short = role.rsplit('/').next().unwrap_or_default();
        let reads = ["Get", "List", "Describe"].iter().any(|verb| name.starts_with(verb));
        let record = json!({
            "eventVersion": "1.08",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": format!("AROAPRACTICE:{session}"),
                "arn": format!("arn:{partition}:sts::{account}:assumed-role/{short}/{session}"),
                "accountId": account,
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "principalId": "AROAPRACTICE",
                        "arn": format!("arn:{partition}:iam::{account}:role{role}"),
                        "accountId": account,
                        "userName": short,
                    },
                    "attributes": { "creationDate": clock::iso(*at), "mfaAuthenticated": "false" },
                },
            },
            "eventTime": clock::iso(*at),
            "eventSource": format!("{service}.amazonaws.com"),
            "eventName": name,
            "awsRegion": region,
            "sourceIPAddress": "127.0.0.1",
            "requestParameters": null,
            "responseElements": null,
            "eventID": id,
            "readOnly": reads,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": account,
            "eventCategory": "Management",
        });
        Event { region: (*region).to_owned(), at: *at, user: (*session).to_owned(), record }
    }
}

/// Records what a session asked STS or IAM, as of now. IAM's own calls are recorded where its one address is.
pub fn record(
    ground: &Ground,
    (session, role): (&Session, &Role),
    (service, name): (&str, &str),
    parts: &Parts,
    refusal: Option<&Refusal>,
) {
    let partition = partition_of(ground, &session.account);
    let region = match (service, partition) {
        ("iam", "aws-us-gov") => "us-gov-west-1",
        ("iam", "aws-cn") => "cn-north-1",
        ("iam", _) => "us-east-1",
        _ => sign::region(&parts.headers).unwrap_or("us-east-1"),
    };
    let made = Made {
        account: &session.account,
        partition,
        role: &format!("{}{}", role.path, role.name),
        session: &session.name,
        service,
        name,
        region,
        at: ground.clock.now(),
        id: Uuid::new_v4().to_string(),
    };
    let mut event = made.event();
    if let Some(refusal) = refusal {
        event.record["errorCode"] = refusal.code.into();
        event.record["errorMessage"] = refusal.message.as_str().into();
    }
    keep(ground, &session.account, &event);
}

/// The events of what the world tells of an account, as old as it says at this moment.
pub fn of_world(ground: &Ground, account: &str) -> Vec<Event> {
    let known = ground.world.accounts.iter().find(|known| known.id == account);
    let called = known.map(|known| known.called.as_slice()).unwrap_or_default();
    let partition = partition_of(ground, account);
    let mut events = Vec::new();
    for one in called {
        let Called { role, session, service, calls, days_ago, region } = one;
        let at = ground.clock.now() - i64::from(*days_ago) * SECONDS_A_DAY;
        let mut made = |service: &str, name: &str| {
            let id = format!("00000000-0000-4000-8000-{:012}", events.len());
            let role = &format!("/{role}");
            events.push(Made { account, partition, role, session, service, name, region, at, id }.event());
        };
        made("sts", "AssumeRoleWithWebIdentity");
        for name in calls {
            made(service, name);
        }
    }
    events.iter_mut().for_each(|event| of_assumption(event, partition, account));
    events
}

/// An assumption is no call of the session itself: nobody is it before.
fn of_assumption(event: &mut Event, partition: &str, account: &str) {
    if event.record["eventName"] != "AssumeRoleWithWebIdentity" {
        return;
    }
    let role = event.record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"].take();
    event.record["userIdentity"] = json!({ "type": "WebIdentityUser" });
    event.record["requestParameters"] = json!({ "roleArn": role, "roleSessionName": event.user });
    event.record["resources"] = json!([{ "accountId": account, "type": "AWS::IAM::Role", "ARN": role }]);
    event.record["awsRegion"] = Value::from(event.region.as_str());
    event.user = format!("arn:{partition}:iam::{account}:oidc-provider");
}
