//! Tests of the policy room: tables, documented AWS answers, random mutations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::single_range_in_vec_init)]

mod admission;
mod cases;
mod comparing;
mod golden;
mod merging;
mod mutations;
mod oracle;
mod reading;

use serde_json::{Value, json};

use crate::domain::policy::{Caller, Context, Document, Expected, Statement, TrustRequest, trust_statement};

const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/vstoken.dev.azure.com/0c1d";
const ISSUER: &str = "vstoken.dev.azure.com/0c1d";
const AUDIENCE: &str = "api://AzureADTokenExchange";
const SUBJECT: &str = "sc://contoso/Shop/AWS-Prod";

fn wanted() -> Statement {
    trust_statement("keylessProd", PROVIDER, ISSUER, AUDIENCE, SUBJECT).unwrap()
}

fn expected() -> Expected {
    Expected {
        provider_arn: PROVIDER.into(),
        issuer_host_path: ISSUER.into(),
        audience: AUDIENCE.into(),
        subject: SUBJECT.into(),
    }
}

fn request() -> TrustRequest {
    TrustRequest {
        action: "sts:AssumeRoleWithWebIdentity".into(),
        caller: Caller::Federated(PROVIDER.into()),
        context: Context::web_identity(ISSUER, AUDIENCE, SUBJECT),
    }
}

fn document(statements: Value) -> Document {
    Document::from_value(json!({ "Version": "2012-10-17", "Statement": statements })).unwrap()
}

fn statement(value: Value) -> Statement {
    Statement::from_value(value).unwrap()
}

/// An Allow statement on our provider with these conditions.
fn web(conditions: Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Federated": PROVIDER },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": conditions,
    })
}

fn sub() -> String {
    format!("{ISSUER}:sub")
}

fn aud() -> String {
    format!("{ISSUER}:aud")
}
