//! Fills the empty accounts with what the world holds, and an administrator for each.

use super::cloudtrail::{self, WebIdentity};
use super::providers::derived_thumbprint;
use super::records::{self, AccessKey, Group, KeyUse, ManagedPolicy, Provider, Role, User};
use crate::sandbox::store::Transaction;
use crate::sandbox::world::{self, Account};
use crate::sandbox::{Ground, issuer};

/// The IAM user that the operator signs in as in every account.
const OPERATOR: &str = "practice-administrator";

const SECONDS_A_DAY: i64 = 24 * 60 * 60;

/// The access key id of the administrator of `account`.
pub fn operator_key_id(account: &str) -> String {
    records::account_key_id("AKIA", account)
}

/// The secret access key of the administrator of `account`.
pub fn operator_secret(account: &str) -> String {
    records::practice_secret(&format!("operator {account}"))
}

/// Puts what the world holds into an empty store.
pub fn seed(ground: &Ground) {
    let now = ground.clock.now();
    ground.store.transaction(|tx| {
        for account in &ground.world.accounts {
            put_operator(tx, account, now);
            for policy in &account.policies {
                put_policy(tx, account, policy);
            }
            for group in &account.groups {
                put_group(tx, account, group);
            }
            for user in &account.users {
                put_user(tx, account, user, now);
            }
            for provider in &account.providers {
                put_provider(tx, account, provider, now);
            }
            for role in &account.roles {
                put_role(tx, account, role, now);
            }
        }
    });
    for account in &ground.world.accounts {
        for refused in &account.refused {
            put_refused(ground, account, refused, now);
        }
    }
}

/// A web identity of the organisation's issuer that STS refused.
fn put_refused(ground: &Ground, account: &Account, refused: &world::Refused, now: i64) {
    let issuer = issuer::url_of(&ground.world.organization.id);
    let iam = format!("arn:{}:iam::{}", account.partition, account.id);
    let who = WebIdentity {
        account: &account.id,
        role: &format!("{iam}:role/{}", refused.role),
        session: "aws-vsts-tools",
        provider: &format!("{iam}:oidc-provider/{}", issuer.trim_start_matches("https://")),
        audience: "api://AzureADTokenExchange",
        subject: &refused.subject,
    };
    let at = now - i64::from(refused.days_ago) * SECONDS_A_DAY;
    cloudtrail::record_at(ground, at, &who, Some("AccessDenied"));
}

fn put_operator(tx: &mut Transaction<'_>, account: &Account, now: i64) {
    let user = world::User {
        name: OPERATOR.to_owned(),
        managed: vec![format!("arn:{}:iam::aws:policy/AdministratorAccess", account.partition)],
        access_keys: vec![world::AccessKey {
            id: operator_key_id(&account.id),
            secret: operator_secret(&account.id),
            age_days: 30,
            ..world::AccessKey::default()
        }],
        ..world::User::default()
    };
    put_user(tx, account, &user, now);
}

fn put_user(tx: &mut Transaction<'_>, account: &Account, user: &world::User, now: i64) {
    let oldest = user.access_keys.iter().map(|key| key.age_days).max().unwrap_or_default();
    let record = User {
        account: account.id.clone(),
        name: user.name.clone(),
        path: "/".to_owned(),
        id: records::unique_id(tx, "AIDA"),
        created: now - i64::from(oldest) * SECONDS_A_DAY,
        tags: user.tags.clone(),
        inline: user.inline.iter().map(|(name, text)| (name.clone(), text.trim().to_owned())).collect(),
        managed: user.managed.clone(),
        groups: user.groups.clone(),
        boundary: user.boundary.clone(),
        console: user.console,
    };
    tx.put(records::USERS, &records::key(&account.id, &user.name), &record);
    for key in &user.access_keys {
        let record = AccessKey {
            id: key.id.clone(),
            secret: key.secret.clone(),
            account: account.id.clone(),
            user: user.name.clone(),
            active: !key.inactive,
            created: now - i64::from(key.age_days) * SECONDS_A_DAY,
        };
        tx.put(records::ACCESS_KEYS, &key.id, &record);
        if let Some(days) = key.used_days_ago {
            let at = now - i64::from(days) * SECONDS_A_DAY;
            let region = "us-east-1".to_owned();
            let used = KeyUse { at, service: "sts".to_owned(), region, earlier: Vec::new() };
            tx.put(records::KEY_USES, &key.id, &used);
        }
    }
}

fn put_group(tx: &mut Transaction<'_>, account: &Account, group: &world::Group) {
    let record = Group {
        account: account.id.clone(),
        name: group.name.clone(),
        id: records::unique_id(tx, "AGPA"),
        inline: group.inline.iter().map(|(name, text)| (name.clone(), text.trim().to_owned())).collect(),
        managed: group.managed.clone(),
    };
    tx.put(records::GROUPS, &records::key(&account.id, &group.name), &record);
}

fn put_policy(tx: &mut Transaction<'_>, account: &Account, policy: &world::ManagedPolicy) {
    let record = ManagedPolicy {
        account: account.id.clone(),
        name: policy.name.clone(),
        id: records::unique_id(tx, "ANPA"),
        document: policy.document.trim().to_owned(),
    };
    tx.put(records::POLICIES, &records::key(&account.id, &policy.name), &record);
}

fn put_provider(tx: &mut Transaction<'_>, account: &Account, provider: &world::Provider, now: i64) {
    let url = provider.url.trim_start_matches("https://").to_owned();
    let mut thumbprints = provider.thumbprints.clone();
    if thumbprints.is_empty() {
        thumbprints.push(derived_thumbprint(&url));
    }
    let record = Provider {
        account: account.id.clone(),
        url: url.clone(),
        created: now,
        client_ids: provider.audiences.clone(),
        thumbprints,
        tags: provider.tags.clone(),
    };
    tx.put(records::PROVIDERS, &records::key(&account.id, &url), &record);
}

fn put_role(tx: &mut Transaction<'_>, account: &Account, role: &world::Role, now: i64) {
    let record = Role {
        account: account.id.clone(),
        name: role.name.clone(),
        path: role.path.clone(),
        id: records::unique_id(tx, "AROA"),
        created: now,
        trust: role.trust.trim().to_owned(),
        description: None,
        max_session: role.max_session_seconds,
        boundary: role.boundary.clone(),
        tags: role.tags.clone(),
        inline: role.inline.iter().map(|(name, text)| (name.clone(), text.trim().to_owned())).collect(),
        managed: role.managed.clone(),
    };
    tx.put(records::ROLES, &records::key(&account.id, &role.name), &record);
}
