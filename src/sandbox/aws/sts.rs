//! STS: who am I, and the assuming of roles, by AWS identities and by web identities.

use serde_json::Value;

use super::cloudtrail::{self, WebIdentity};
use super::conditions::ContextKeys;
use super::object::role_of_arn;
use super::query::{Answer, Form, Refusal, Xml};
use super::records::{self, Provider, Role};
use super::session::Session;
use super::sign::Caller;
use super::token::IdToken;
use super::trust::{Decision, Policy, Principal, TrustRequest, evaluate};
use super::{Call, Handler, account_of_key, grant, partition_of};
use crate::sandbox::Ground;

/// The handler of a signed STS action.
pub fn handler(action: &str) -> Option<Handler> {
    Some(match action {
        "GetCallerIdentity" => get_caller_identity,
        "GetAccessKeyInfo" => get_access_key_info,
        "AssumeRole" => assume_role,
        _ => return None,
    })
}

fn get_caller_identity(call: &Call<'_>) -> Answer {
    let mut xml = Xml::default();
    xml.text("Arn", &call.caller.arn(call.partition))
        .text("UserId", &call.caller.id())
        .text("Account", call.account);
    Ok(xml)
}

fn get_access_key_info(call: &Call<'_>) -> Answer {
    call.authorise("sts:GetAccessKeyInfo", "*")?;
    let id = call.form.required("AccessKeyId")?;
    let account = account_of_key(call.ground, id)
        .filter(|account| call.ground.world.accounts.iter().any(|known| known.id == *account))
        // Partitions know nothing of each other.
        .filter(|account| partition_of(call.ground, account) == call.partition)
        .ok_or_else(|| Refusal::validation("Invalid Access Key ID"))?;
    let mut xml = Xml::default();
    xml.text("Account", &account);
    Ok(xml)
}

/// What both ways of assuming a role are given.
struct Wish<'a> {
    arn: &'a str,
    account: &'a str,
    role: &'a str,
    session: &'a str,
    seconds: u32,
    /// Seconds until the session is used, for which the practice clock stands still.
    held: u32,
    policy: Option<String>,
}

impl<'a> Wish<'a> {
    fn read(form: &'a Form) -> Result<Self, Refusal> {
        let arn = form.required("RoleArn")?;
        if arn.len() < 20 {
            return Err(Refusal::member("RoleArn", Some(arn), "have length greater than or equal to 20"));
        }
        let session = form.name("RoleSessionName", 64)?;
        if session.len() < 2 {
            let constraint = "have length greater than or equal to 2";
            return Err(Refusal::member("RoleSessionName", Some(session), constraint));
        }
        let seconds = form.number("DurationSeconds", 900, 43_200, 3600)?;
        let (account, role) =
            role_of_arn(arn).ok_or_else(|| Refusal::validation("Request ARN is invalid"))?;
        let policy = form.get("Policy").map(str::to_owned);
        if let Some(text) = &policy {
            let document = serde_json::from_str(text)
                .map_err(|_| Refusal::malformed("This policy contains invalid Json"))?;
            Policy::parse(&document)
                .and_then(|policy| policy.check_identity())
                .map_err(Refusal::malformed)?;
        }
        Ok(Self { arn, account, role, session, seconds, held: 0, policy })
    }

    /// The role as STS sees it, if the ARN is exactly its own.
    fn find(&self, ground: &Ground) -> Option<Role> {
        let role: Role = records::read(ground, records::ROLES, &records::key(self.account, self.role))?;
        let partition = partition_of(ground, self.account);
        let arn = format!("arn:{partition}:iam::{}:role{}{}", role.account, role.path, role.name);
        (arn == self.arn).then_some(role)
    }

    fn check_duration(&self, role: &Role) -> Result<(), Refusal> {
        if self.seconds > role.max_session {
            let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
            return Err(Refusal::validation(text));
        }
        Ok(())
    }

    /// Writes the new session of `role`.
    fn grant(self, ground: &Ground, role: &Role, xml: &mut Xml) {
        let session = Session {
            account: role.account.clone(),
            role: role.name.clone(),
            role_id: role.id.clone(),
            name: self.session.to_owned(),
            expires: ground.clock.now() + i64::from(self.seconds) - i64::from(self.held),
            policy: self.policy,
        };
        session.credentials(ground).write(xml);
        xml.element("AssumedRoleUser", |xml| {
            let partition = partition_of(ground, &role.account);
            let arn =
                format!("arn:{partition}:sts::{}:assumed-role/{}/{}", role.account, role.name, self.session);
            xml.text("AssumedRoleId", &format!("{}:{}", role.id, self.session)).text("Arn", &arn);
        });
    }
}

fn assume_role(call: &Call<'_>) -> Answer {
    let wish = Wish::read(call.form)?;
    let chained = matches!(call.caller, Caller::Session(..));
    if chained && wish.seconds > 3600 {
        let text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err(Refusal::validation(text));
    }
    let denied = || {
        let arn = call.caller.arn(call.partition);
        let text =
            format!("User: {arn} is not authorized to perform: sts:AssumeRole on resource: {}", wish.arn);
        Refusal::new(403, "AccessDenied", text)
    };
    let role = wish.find(call.ground).ok_or_else(denied)?;
    let own = own_names(call);
    let mut all = own.clone();
    all.push(format!("arn:{}:iam::{}:root", call.partition, call.account));
    all.push(call.account.to_owned());
    let mut keys = grant::caller_keys(call.ground, call.caller, call.partition);
    add_role_keys(&mut keys, &wish, &role);
    if let Some(id) = call.form.get("ExternalId") {
        keys.add("sts:ExternalId", id);
    }
    let ask = |names: Vec<String>| {
        let request = TrustRequest {
            principal: Some(Principal::Aws(names)),
            action: "sts:AssumeRole".to_owned(),
            resource: None,
            keys: keys.clone(),
        };
        decide(&role, &request) == Decision::Allow
    };
    if !ask(all) {
        return Err(denied());
    }
    // A trust that names the caller itself, in its own account, is enough; one that names the account leaves it to the
    // caller's identity policies.
    if role.account != call.account || !ask(own) {
        call.authorise("sts:AssumeRole", wish.arn)?;
    }
    wish.check_duration(&role)?;
    let mut xml = Xml::default();
    wish.grant(call.ground, &role, &mut xml);
    Ok(xml)
}

/// The ARNs by which a trust may name the caller itself.
fn own_names(call: &Call<'_>) -> Vec<String> {
    let mut names = vec![call.caller.arn(call.partition)];
    if let Caller::Session(_, role) = call.caller {
        names.push(format!("arn:{}:iam::{}:role{}{}", call.partition, role.account, role.path, role.name));
    }
    names
}

fn add_role_keys(keys: &mut ContextKeys, wish: &Wish<'_>, role: &Role) {
    keys.add("sts:RoleSessionName", wish.session).add("aws:ResourceAccount", wish.account);
    for (key, value) in &role.tags {
        keys.add(&format!("aws:ResourceTag/{key}"), value.as_str())
            .add(&format!("iam:ResourceTag/{key}"), value.as_str());
    }
}

fn decide(role: &Role, request: &TrustRequest) -> Decision {
    match serde_json::from_str::<Value>(&role.trust) {
        Ok(document) => evaluate(&document, request),
        Err(_) => Decision::Malformed,
    }
}

/// `AssumeRoleWithWebIdentity`, the one call that nobody signs.
///
/// # Errors
/// The first of AWS's checks that fails: shape, provider, signature, times, audience, trust, duration.
pub fn assume_role_with_web_identity(ground: &Ground, form: &Form) -> Answer {
    let wish = Wish::read(form)?;
    let token = IdToken::read(form.required("WebIdentityToken")?)?;
    let url = token.issuer.strip_prefix("https://").unwrap_or(&token.issuer);
    let provider: Provider = records::read(ground, records::PROVIDERS, &records::key(wish.account, url))
        .ok_or_else(|| {
            let text = format!("No OpenIDConnect provider found in your account for {}", token.issuer);
            Refusal::new(400, "InvalidIdentityToken", text)
        })?;
    token.verify(ground)?;
    let audience = token
        .audiences
        .iter()
        .find(|audience| provider.client_ids.contains(audience))
        .ok_or_else(|| Refusal::new(400, "InvalidIdentityToken", "Incorrect token audience"))?;
    let partition = partition_of(ground, wish.account);
    let provider_arn = format!("arn:{partition}:iam::{}:oidc-provider/{url}", wish.account);
    let who = WebIdentity {
        account: wish.account,
        role: wish.arn,
        session: wish.session,
        provider: &provider_arn,
        audience,
        subject: &token.subject,
    };
    let answer = admit(ground, wish, url, &token, &who);
    cloudtrail::record(ground, &who, answer.as_ref().err());
    answer
}

/// The last of the checks: the trust, and the session's length.
fn admit(ground: &Ground, wish: Wish<'_>, url: &str, token: &IdToken<'_>, who: &WebIdentity<'_>) -> Answer {
    let denied =
        || Refusal::new(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let role = wish.find(ground).ok_or_else(denied)?;
    let provider_arn = who.provider;
    let mut keys = grant::common_keys(ground);
    add_role_keys(&mut keys, &wish, &role);
    add_token_keys(&mut keys, url, token, provider_arn);
    let request = TrustRequest {
        principal: Some(Principal::Federated(provider_arn.to_owned())),
        action: "sts:AssumeRoleWithWebIdentity".to_owned(),
        resource: None,
        keys,
    };
    let known = ground.world.accounts.iter().find(|known| known.id == wish.account);
    let fenced = known.is_some_and(|account| account.resource_control);
    if fenced || decide(&role, &request) != Decision::Allow {
        return Err(denied());
    }
    wish.check_duration(&role)?;
    let wish = Wish { held: ground.world.agent.session_held_minutes * 60, ..wish };
    let mut xml = Xml::default();
    xml.text("SubjectFromWebIdentityToken", &token.subject)
        .text("Audience", who.audience)
        .text("Provider", provider_arn);
    wish.grant(ground, &role, &mut xml);
    Ok(xml)
}

fn add_token_keys(keys: &mut ContextKeys, url: &str, token: &IdToken<'_>, provider_arn: &str) {
    keys.add("aws:FederatedProvider", provider_arn).add(&format!("{url}:sub"), token.subject.as_str());
    for (claim, values) in
        [("aud", token.audiences.clone()), ("oaud", token.original_audiences()), ("amr", token.methods())]
    {
        for value in values {
            keys.add(&format!("{url}:{claim}"), value);
        }
    }
}
