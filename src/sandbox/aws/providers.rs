//! IAM OIDC identity providers.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use std::collections::BTreeMap;

use super::query::{Answer, Page, Refusal, Xml};
use super::records::{self, PROVIDERS, Provider};
use super::roles::{limit, merged};
use super::{Call, Handler};
use crate::sandbox::clock;

/// AWS's default for OIDC providers in an account.
const MOST_PROVIDERS: u32 = 100;
/// Most audiences of one provider.
const MOST_AUDIENCES: usize = 100;
/// Most thumbprints of one provider.
const MOST_THUMBPRINTS: usize = 5;

/// The handler of an action on OIDC providers.
pub fn handler(action: &str) -> Option<Handler> {
    Some(match action {
        "CreateOpenIDConnectProvider" => create,
        "GetOpenIDConnectProvider" => get,
        "ListOpenIDConnectProviders" => list,
        "DeleteOpenIDConnectProvider" => delete,
        "AddClientIDToOpenIDConnectProvider" => add_client_id,
        "RemoveClientIDFromOpenIDConnectProvider" => remove_client_id,
        "UpdateOpenIDConnectProviderThumbprint" => update_thumbprint,
        "TagOpenIDConnectProvider" => tag,
        "UntagOpenIDConnectProvider" => untag,
        "ListOpenIDConnectProviderTags" => list_tags,
        _ => return None,
    })
}

/// The thumbprint that IAM finds by itself when none is given; here it is made from the issuer's host.
pub fn derived_thumbprint(url: &str) -> String {
    let host = url.split('/').next().unwrap_or(url);
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, host.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn create(call: &Call<'_>) -> Answer {
    let form = call.form;
    let given = form.required("Url")?;
    let url = issuer_of(given)?;
    let tags = form.tags()?;
    let arn = format!("arn:{}:iam::{}:oidc-provider/{url}", call.partition, call.account);
    if !tags.is_empty() {
        call.authorise("iam:TagOpenIDConnectProvider", &arn)?;
    }
    let mut client_ids: Vec<String> = Vec::new();
    for id in form.list("ClientIDList") {
        add(&mut client_ids, id)?;
    }
    let mut thumbprints = thumbprints(call)?;
    if thumbprints.is_empty() {
        thumbprints.push(derived_thumbprint(&url));
    }
    let provider = Provider {
        account: call.account.to_owned(),
        url: url.clone(),
        created: call.ground.clock.now(),
        client_ids,
        thumbprints,
        tags: merged(BTreeMap::new(), tags, "TagsPerOpenIdConnectProvider")?,
    };
    let quota = limit(call.ground.world.habits.provider_quota, MOST_PROVIDERS) as usize;
    let key = records::key(call.account, &url);
    call.ground.store.transaction(|tx| {
        if tx.get::<Provider>(PROVIDERS, &key).is_some() {
            return Err(Refusal::exists(format!("Provider with url {given} already exists.")));
        }
        if tx.list::<Provider>(PROVIDERS, &records::key(call.account, "")).len() >= quota {
            return Err(Refusal::quota("OpenIdConnectProvidersPerAccount", quota));
        }
        records::write(call.ground, tx, PROVIDERS, &key, &provider);
        Ok(())
    })?;
    let mut xml = Xml::default();
    xml.text("OpenIDConnectProviderArn", &arn);
    if !provider.tags.is_empty() {
        xml.tags(&provider.tags);
    }
    Ok(xml)
}

/// The issuer without its scheme, if IAM takes it: `https`, a host, no port, no query.
fn issuer_of(given: &str) -> Result<String, Refusal> {
    let refused = || Refusal::input("Invalid Open ID Connect Provider URL");
    let url = url::Url::parse(given).map_err(|_| refused())?;
    let plain = url.port().is_none() && url.query().is_none() && url.fragment().is_none();
    if url.scheme() != "https" || url.host_str().is_none() || !plain || given.len() > 255 {
        return Err(refused());
    }
    Ok(given.get("https://".len()..).unwrap_or_default().to_owned())
}

fn get(call: &Call<'_>) -> Answer {
    let provider = seen(call)?;
    let mut xml = Xml::default();
    xml.text("Url", &provider.url)
        .texts("ClientIDList", &provider.client_ids)
        .texts("ThumbprintList", &provider.thumbprints)
        .text("CreateDate", &clock::iso(provider.created));
    if !provider.tags.is_empty() {
        xml.tags(&provider.tags);
    }
    Ok(xml)
}

fn list(call: &Call<'_>) -> Answer {
    let providers: Vec<Provider> = records::list(call.ground, PROVIDERS, &records::key(call.account, ""));
    let mut xml = Xml::default();
    xml.list("OpenIDConnectProviderList", providers, |xml, provider| {
        xml.text(
            "Arn",
            &format!("arn:{}:iam::{}:oidc-provider/{}", call.partition, call.account, provider.url),
        );
    });
    Ok(xml)
}

/// Deleting what is not there is no error, as in AWS.
fn delete(call: &Call<'_>) -> Answer {
    let key = key_of(call)?;
    call.ground.store.transaction(|tx| records::remove(tx, PROVIDERS, &key));
    Ok(Xml::default())
}

fn add_client_id(call: &Call<'_>) -> Answer {
    let id = call.form.required("ClientID")?;
    change(call, |provider| add(&mut provider.client_ids, id))
}

fn remove_client_id(call: &Call<'_>) -> Answer {
    let id = call.form.required("ClientID")?;
    change(call, |provider| {
        provider.client_ids.retain(|known| known != id);
        Ok(())
    })
}

fn update_thumbprint(call: &Call<'_>) -> Answer {
    let thumbprints = thumbprints(call)?;
    change(call, |provider| {
        provider.thumbprints = thumbprints;
        Ok(())
    })
}

fn tag(call: &Call<'_>) -> Answer {
    let tags = call.form.tags()?;
    change(call, |provider| {
        let old = std::mem::take(&mut provider.tags);
        provider.tags = merged(old, tags, "TagsPerOpenIdConnectProvider")?;
        Ok(())
    })
}

fn untag(call: &Call<'_>) -> Answer {
    let keys = call.form.list("TagKeys");
    change(call, |provider| {
        provider.tags.retain(|known, _| !keys.iter().any(|key| key.eq_ignore_ascii_case(known)));
        Ok(())
    })
}

fn list_tags(call: &Call<'_>) -> Answer {
    let tags: Vec<(String, String)> = seen(call)?.tags.into_iter().collect();
    Ok(Page::of(tags, call.form)?.write("Tags", |xml, (key, value)| {
        xml.text("Key", key).text("Value", value);
    }))
}

fn add(client_ids: &mut Vec<String>, id: &str) -> Result<(), Refusal> {
    if id.is_empty() || id.chars().count() > 255 {
        return Err(Refusal::member("ClientID", Some(id), "have length less than or equal to 255"));
    }
    if !client_ids.iter().any(|known| known == id) {
        client_ids.push(id.to_owned());
    }
    if client_ids.len() > MOST_AUDIENCES {
        return Err(Refusal::quota("ClientIdsPerOpenIdConnectProvider", MOST_AUDIENCES));
    }
    Ok(())
}

fn thumbprints(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let given = call.form.list("ThumbprintList");
    if given.len() > MOST_THUMBPRINTS {
        return Err(Refusal::input("Thumbprint list must contain fewer than 5 entries."));
    }
    if let Some(bad) = given.iter().find(|one| one.len() != 40) {
        return Err(Refusal::member("ThumbprintList", Some(bad), "have length equal to 40"));
    }
    if given.iter().any(|one| !one.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(Refusal::input("Thumbprint contains invalid characters."));
    }
    Ok(given.into_iter().map(str::to_owned).collect())
}

/// The key of the provider that the call names.
fn key_of(call: &Call<'_>) -> Result<String, Refusal> {
    let arn = call.form.required("OpenIDConnectProviderArn")?;
    let start = format!("arn:{}:iam::{}:oidc-provider/", call.partition, call.account);
    match arn.strip_prefix(&start) {
        Some(url) => Ok(records::key(call.account, url)),
        None if arn.contains(":oidc-provider/") => Err(not_found(arn)),
        None => Err(Refusal::input(format!("Invalid ARN: {arn}"))),
    }
}

fn not_found(arn: &str) -> Refusal {
    Refusal::missing(format!("OpenIDConnect Provider not found for arn {arn}"))
}

fn seen(call: &Call<'_>) -> Result<Provider, Refusal> {
    let key = key_of(call)?;
    let arn = call.form.get("OpenIDConnectProviderArn").unwrap_or_default();
    records::read(call.ground, PROVIDERS, &key).ok_or_else(|| not_found(arn))
}

fn change(call: &Call<'_>, work: impl FnOnce(&mut Provider) -> Result<(), Refusal>) -> Answer {
    let key = key_of(call)?;
    let arn = call.form.get("OpenIDConnectProviderArn").unwrap_or_default();
    call.ground.store.transaction(|tx| {
        let mut provider: Provider = tx.get(PROVIDERS, &key).ok_or_else(|| not_found(arn))?;
        work(&mut provider)?;
        records::write(call.ground, tx, PROVIDERS, &key, &provider);
        Ok(Xml::default())
    })
}
