//! The access portal: the accounts and permission sets of the person, and credentials for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde_json::{Value, json};

use super::Refusal;
use super::oidc::TOKENS;
use crate::sandbox::Ground;
use crate::sandbox::aws::records::{self, Role};
use crate::sandbox::aws::session::Session;
use crate::sandbox::devops::identities;
use crate::sandbox::web::Fields;
use crate::sandbox::world::Account;

/// Seconds that the credentials of a role last.
const ROLE_SECONDS: i64 = 3600;

/// The query of a request whose token is good.
fn signed_in(ground: &Ground, parts: &Parts) -> Result<Fields, Refusal> {
    let token = parts.headers.get("x-amz-sso_bearer_token").and_then(|token| token.to_str().ok());
    let expires = token.and_then(|token| ground.store.get::<i64>(TOKENS, token));
    if expires.is_none_or(|expires| expires <= ground.clock.now()) {
        return Err(Refusal::portal(401, "UnauthorizedException", "Session token not found or invalid"));
    }
    Ok(Fields::of(parts.uri.query().unwrap_or_default()))
}

/// The world's account that a query names.
fn account<'a>(ground: &'a Ground, fields: &Fields) -> Result<&'a Account, Refusal> {
    let id = fields.get("account_id").unwrap_or_default();
    let known = ground.world.accounts.iter().find(|account| account.id == id);
    known.ok_or_else(|| Refusal::portal(403, "ForbiddenException", "No access"))
}

/// One page of `items` under `name`.
fn page(items: Vec<Value>, name: &str, ground: &Ground, fields: &Fields) -> Result<Json<Value>, Refusal> {
    let number = |field: &str| fields.get(field).map(str::parse::<usize>).transpose();
    let invalid = |_| Refusal::portal(400, "InvalidRequestException", "Invalid page");
    let from = number("next_token").map_err(invalid)?.unwrap_or_default();
    let most = usize::try_from(ground.world.sso.page).unwrap_or(usize::MAX).max(1);
    let most = number("max_result")
        .map_err(invalid)?
        .filter(|wanted| *wanted > 0)
        .map_or(most, |wanted| wanted.min(most));
    let next = from.saturating_add(most);
    let token = if next < items.len() { json!(next.to_string()) } else { Value::Null };
    let shown: Vec<Value> = items.into_iter().skip(from).take(most).collect();
    Ok(Json(json!({"nextToken": token, name: shown})))
}

/// `GET /assignment/accounts`
pub async fn accounts(State(ground): State<Arc<Ground>>, parts: Parts) -> Result<Json<Value>, Refusal> {
    let fields = signed_in(&ground, &parts)?;
    let mail = identities::operator(&ground).account;
    let one = |account: &Account| json!({"accountId": account.id, "accountName": account.profile, "emailAddress": mail});
    page(ground.world.accounts.iter().map(one).collect(), "accountList", &ground, &fields)
}

/// `GET /assignment/roles`
pub async fn roles(State(ground): State<Arc<Ground>>, parts: Parts) -> Result<Json<Value>, Refusal> {
    let fields = signed_in(&ground, &parts)?;
    let account = account(&ground, &fields)?;
    let one = |name: &String| json!({"roleName": name, "accountId": account.id});
    page(ground.world.sso.permission_sets.keys().map(one).collect(), "roleList", &ground, &fields)
}

/// `GET /federation/credentials`
pub async fn credentials(State(ground): State<Arc<Ground>>, parts: Parts) -> Result<Json<Value>, Refusal> {
    let fields = signed_in(&ground, &parts)?;
    let account = account(&ground, &fields)?;
    let set = fields.get("role_name").unwrap_or_default();
    let Some(policies) = ground.world.sso.permission_sets.get(set) else {
        return Err(Refusal::portal(403, "ForbiddenException", "No access"));
    };
    let role = role(&ground, account, set, policies);
    let session = Session {
        account: account.id.clone(),
        role: role.name,
        role_id: role.id,
        name: identities::operator(&ground).account,
        expires: ground.clock.now() + ROLE_SECONDS,
        policy: None,
    };
    Ok(Json(json!({"roleCredentials": session.credentials(&ground).json()})))
}

/// `POST /logout`
pub async fn logout(State(ground): State<Arc<Ground>>, parts: Parts) -> Result<StatusCode, Refusal> {
    signed_in(&ground, &parts)?;
    let token = parts.headers.get("x-amz-sso_bearer_token").and_then(|token| token.to_str().ok());
    ground.store.remove(TOKENS, token.unwrap_or_default());
    Ok(StatusCode::OK)
}

/// The role that a permission set is in an account; made when it is first used.
fn role(ground: &Ground, account: &Account, set: &str, managed: &[String]) -> Role {
    let hash = digest(&SHA256, format!("{} {set}", account.id).as_bytes());
    let tail: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("AWSReservedSSO_{set}_{tail}");
    let key = records::key(&account.id, &name);
    ground.store.transaction(|tx| {
        if let Some(role) = tx.get::<Role>(records::ROLES, &key) {
            return role;
        }
        let provider = format!(
            "arn:{}:iam::{}:saml-provider/AWSSSO_{tail}_DO_NOT_DELETE",
            account.partition, account.id
        );
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
            "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
        }]});
        let role = Role {
            account: account.id.clone(),
            name: name.clone(),
            path: "/aws-reserved/sso.amazonaws.com/".to_owned(),
            id: records::unique_id(tx, "AROA"),
            created: ground.clock.now(),
            trust: trust.to_string(),
            description: None,
            max_session: 43_200,
            boundary: None,
            tags: BTreeMap::new(),
            inline: BTreeMap::new(),
            managed: managed.iter().map(|arn| arn.replace("{partition}", &account.partition)).collect(),
        };
        tx.put(records::ROLES, &key, &role);
        role
    })
}
