//! The assuming of roles: by web identities, which is what it is all for, and by AWS identities.

use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityOutput;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::sandbox::issuer::Claims;

const ROLE: &str = "arn:aws:iam::111122223333:role/AzureDevOpsDevRole";

/// A practice cloud in which dev is federated as keyless would do it.
async fn federated(change: impl FnOnce(&mut World)) -> Practice {
    let practice = practice_of(change).await;
    let iam = iam(&practice);
    iam.create_open_id_connect_provider()
        .url(issuer(&practice))
        .client_id_list(AUDIENCE)
        .send()
        .await
        .unwrap();
    iam.create_role()
        .role_name("AzureDevOpsDevRole")
        .assume_role_policy_document(trust(&practice))
        .send()
        .await
        .unwrap();
    practice
}

fn token(practice: &Practice) -> String {
    let ground = practice.ground();
    ground.keys.sign(ground.clock.now(), &issuer(practice), SUBJECT, AUDIENCE)
}

/// A token that differs from a good one in some claims.
fn token_with(practice: &Practice, changed: Value) -> String {
    let now = practice.ground().clock.now();
    let mut claims = json!(Claims::new(now, &issuer(practice), SUBJECT, AUDIENCE));
    for (name, value) in changed.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    practice.ground().keys.sign_claims(&claims)
}

async fn assume(
    practice: &Practice,
    role: &str,
    token: &str,
) -> Result<AssumeRoleWithWebIdentityOutput, (String, String)> {
    let call =
        sts_as(practice, None).assume_role_with_web_identity().role_arn(role).role_session_name("AWS-Dev");
    let answer = call.web_identity_token(token).duration_seconds(900).send().await;
    match answer {
        Ok(answer) => Ok(answer),
        refused => Err(refusal(refused)),
    }
}

async fn refused(practice: &Practice, role: &str, token: &str) -> (String, String) {
    assume(practice, role, token).await.unwrap_err()
}

#[tokio::test]
async fn the_right_token_gets_a_session_that_is_exactly_that_role() {
    let practice = federated(|_| {}).await;
    let got = assume(&practice, ROLE, &token(&practice)).await.unwrap();
    assert_eq!(got.subject_from_web_identity_token(), Some(SUBJECT));
    assert_eq!(got.audience(), Some(AUDIENCE));
    assert_eq!(got.provider().unwrap(), provider_arn(&practice));
    let user = got.assumed_role_user().unwrap();
    assert_eq!(user.arn(), "arn:aws:sts::111122223333:assumed-role/AzureDevOpsDevRole/AWS-Dev");
    let credentials = got.credentials().unwrap();
    assert!(credentials.access_key_id().starts_with("ASIAPRACTICE"));
    assert!(credentials.session_token().starts_with("PRACTICESESSION"));
    assert_eq!(credentials.expiration().secs(), practice.ground().clock.now() + 900);
    let sts = sts_as(&practice, Some(temporary(credentials)));
    let who = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(who.arn().unwrap(), user.arn());
    assert_eq!(who.user_id().unwrap(), user.assumed_role_id());
    let (code, _) = refusal(iam_as(&practice, temporary(credentials)).list_roles().send().await);
    assert_eq!(code, "AccessDenied", "the role has no policy");
    practice.ground().clock.advance(901);
    assert_eq!(refusal(sts.get_caller_identity().send().await).0, "ExpiredToken");
}

#[tokio::test]
async fn every_wrong_token_is_refused_in_the_words_of_aws() {
    let practice = federated(|_| {}).await;
    let now = practice.ground().clock.now();
    let good = token(&practice);
    let forged = {
        let (text, _) = good.rsplit_once('.').unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode([7; 256]))
    };
    let (header, rest) = good.split_once('.').unwrap();
    let none = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
    let changed = {
        let claims = json!(Claims::new(now, &issuer(&practice), SUBJECT, AUDIENCE));
        let (_, signature) = good.rsplit_once('.').unwrap();
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()))
    };
    let stranger = Keys::generate().unwrap().sign(now, &issuer(&practice), SUBJECT, AUDIENCE);
    let not_a_jwt =
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
    let no_key = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";
    let denied = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    let with = |changed: Value| token_with(&practice, changed);
    let cases = [
        ("no JWT", "notatoken".to_owned(), "InvalidIdentityToken", not_a_jwt),
        ("alg none", none, "InvalidIdentityToken", not_a_jwt),
        ("no exp", with(json!({"exp": null})), "InvalidIdentityToken", "Missing a required claim: exp"),
        ("no sub", with(json!({"sub": null})), "InvalidIdentityToken", "Missing a required claim: sub"),
        (
            "issuer",
            with(json!({"iss": "https://example.com"})),
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://example.com",
        ),
        (
            "unreachable issuer",
            with(json!({"iss": "https://token.actions.githubusercontent.com"})),
            "InvalidIdentityToken",
            no_key,
        ),
        ("other key", stranger, "InvalidIdentityToken", no_key),
        ("forged", forged, "InvalidIdentityToken", "Provided Token signature is invalid"),
        ("changed", changed, "InvalidIdentityToken", "Provided Token signature is invalid"),
        (
            "expired",
            with(json!({"exp": now - 1})),
            "ExpiredTokenException",
            "Token expired: current date/time ",
        ),
        ("not yet", with(json!({"nbf": now + 60})), "InvalidIdentityToken", "Token is not valid yet"),
        ("audience", with(json!({"aud": "api://other"})), "InvalidIdentityToken", "Incorrect token audience"),
        ("subject", with(json!({"sub": "sc://contoso/payments/AWS-Prod"})), "AccessDenied", denied),
        ("subject's case", with(json!({"sub": SUBJECT.to_lowercase()})), "AccessDenied", denied),
    ];
    for (what, token, code, message) in cases {
        let (got, text) = refused(&practice, ROLE, &token).await;
        assert_eq!(got, code, "{what}: {text}");
        assert!(text.starts_with(message), "{what}: {text}");
    }
}

#[tokio::test]
async fn role_account_and_path_must_be_exactly_right() {
    let practice = federated(|_| {}).await;
    let good = token(&practice);
    let denied =
        ("AccessDenied".to_owned(), "Not authorized to perform sts:AssumeRoleWithWebIdentity".to_owned());
    assert_eq!(refused(&practice, "arn:aws:iam::111122223333:role/Missing", &good).await, denied);
    assert_eq!(
        refused(&practice, "arn:aws:iam::111122223333:role/path/AzureDevOpsDevRole", &good).await,
        denied
    );
    let elsewhere = refused(&practice, "arn:aws:iam::444455556666:role/AzureDevOpsDevRole", &good).await;
    assert_eq!(
        elsewhere.1,
        format!("No OpenIDConnect provider found in your account for {}", issuer(&practice))
    );
    assert_eq!(
        refused(&practice, "arn:aws:s3:::bucket-of-somebody", &good).await.1,
        "Request ARN is invalid"
    );
    let foreign = "arn:aws:iam::111122223333:role/github-actions-docs";
    assert_eq!(refused(&practice, foreign, &good).await, denied);
}

#[tokio::test]
async fn a_session_is_no_longer_than_the_role_allows() {
    let practice = federated(|_| {}).await;
    let call = |seconds| {
        let call = sts_as(&practice, None)
            .assume_role_with_web_identity()
            .role_arn(ROLE)
            .role_session_name("AWS-Dev");
        call.web_identity_token(token(&practice)).duration_seconds(seconds).send()
    };
    let (code, text) = refusal(call(3601).await);
    assert_eq!(code, "ValidationError");
    assert_eq!(text, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    call(3600).await.unwrap();
    assert_eq!(refusal(call(899).await).0, "ValidationError");
}

#[tokio::test]
async fn sts_sees_the_old_trust_for_as_many_tries_as_the_world_says() {
    let practice = federated(|world| world.habits.consistency_reads = 2).await;
    let good = token(&practice);
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(assume(&practice, ROLE, &good).await.err().map(|(code, _)| code));
    }
    let (provider, role) = (Some("InvalidIdentityToken".to_owned()), Some("AccessDenied".to_owned()));
    assert_eq!(codes, [provider.clone(), provider, role.clone(), role, None, None]);
    let narrowed = trust(&practice).replace("AWS-Dev", "AWS-Other");
    iam(&practice)
        .update_assume_role_policy()
        .role_name("AzureDevOpsDevRole")
        .policy_document(narrowed)
        .send()
        .await
        .unwrap();
    for allowed in [true, true, false] {
        assert_eq!(assume(&practice, ROLE, &good).await.is_ok(), allowed);
    }
}

#[tokio::test]
async fn a_role_is_assumed_across_accounts_if_both_sides_allow_it() {
    let practice = practice().await;
    let target = iam_as(&practice, operator(&practice, "444455556666"));
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    let document = |principal: &str, external: &str| {
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": external}}}}).to_string()
    };
    let text = document("arn:aws:iam::111122223333:root", "x-1");
    target.create_role().role_name("Access").assume_role_policy_document(text).send().await.unwrap();
    target.attach_role_policy().role_name("Access").policy_arn(admin).send().await.unwrap();
    let arn = "arn:aws:iam::444455556666:role/Access";
    let call =
        |id: &str| sts(&practice).assume_role().role_arn(arn).role_session_name("me").external_id(id).send();
    let (code, text) = refusal(call("x-2").await);
    assert_eq!(code, "AccessDenied");
    assert_eq!(
        text,
        format!(
            "User: arn:aws:iam::{DEV}:user/practice-administrator is not authorized to perform: sts:AssumeRole on resource: {arn}"
        )
    );
    let got = call("x-1").await.unwrap();
    let mine = temporary(got.credentials().unwrap());
    let who = sts_as(&practice, Some(mine.clone())).get_caller_identity().send().await.unwrap();
    assert_eq!(who.arn(), Some("arn:aws:sts::444455556666:assumed-role/Access/me"));
    let roles = iam_as(&practice, mine).list_roles().send().await.unwrap();
    assert_eq!(roles.roles().len(), 1);
    let nobody = target
        .create_role()
        .role_name("n")
        .assume_role_policy_document(document("arn:aws:iam::111122223333:user/nobody", "x"))
        .send()
        .await;
    assert_eq!(
        refusal(nobody).1,
        "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:user/nobody\""
    );
}

#[tokio::test]
async fn a_session_ends_with_its_role() {
    let practice = federated(|_| {}).await;
    let got = assume(&practice, ROLE, &token(&practice)).await.unwrap();
    let iam = iam(&practice);
    iam.delete_role().role_name("AzureDevOpsDevRole").send().await.unwrap();
    iam.create_role()
        .role_name("AzureDevOpsDevRole")
        .assume_role_policy_document(trust(&practice))
        .send()
        .await
        .unwrap();
    let sts = sts_as(&practice, Some(temporary(got.credentials().unwrap())));
    assert_eq!(refusal(sts.get_caller_identity().send().await).0, "InvalidClientTokenId");
}

#[tokio::test]
async fn a_session_policy_narrows_the_role() {
    let practice = practice().await;
    let iam = iam(&practice);
    let root = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": DEV}, "Action": "sts:AssumeRole"}});
    iam.create_role().role_name("Admin").assume_role_policy_document(root.to_string()).send().await.unwrap();
    iam.attach_role_policy()
        .role_name("Admin")
        .policy_arn("arn:aws:iam::aws:policy/AdministratorAccess")
        .send()
        .await
        .unwrap();
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"}});
    let got = sts(&practice)
        .assume_role()
        .role_arn(format!("arn:aws:iam::{DEV}:role/Admin"))
        .role_session_name("me")
        .policy(policy.to_string())
        .send()
        .await
        .unwrap();
    let narrowed = iam_as(&practice, temporary(got.credentials().unwrap()));
    narrowed.get_role().role_name("Admin").send().await.unwrap();
    assert_eq!(refusal(narrowed.list_roles().send().await).0, "AccessDenied");
}

/// Beside the trust, which admits it: a resource control policy says nothing of itself, a region that is off does.
#[tokio::test]
async fn an_account_may_be_fenced_from_outside() {
    let fenced = federated(|world| world.accounts[0].resource_control = true).await;
    let (code, message) = refused(&fenced, ROLE, &token(&fenced)).await;
    assert_eq!(code, "AccessDenied");
    assert_eq!(message, "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let off = practice_of(|world| world.accounts[0].regions_off = vec!["eu-west-1".to_owned()]).await;
    let (code, _) = refusal(sts(&off).get_caller_identity().send().await);
    assert_eq!(code, "RegionDisabledException");
    assert!(iam(&off).list_roles().send().await.is_ok(), "IAM is in no region");
}

#[tokio::test]
async fn what_denies_an_operator_is_told() {
    let practice = practice_of(|world| {
        world.rights.aws_outside_boundary = vec!["iam:CreateRole".to_owned()];
        world.rights.aws_outside_organization = vec!["iam:TagRole".to_owned()];
    })
    .await;
    let (code, message) =
        refusal(iam(&practice).create_role().role_name("x").assume_role_policy_document("{}").send().await);
    assert_eq!(code, "AccessDenied");
    assert!(
        message.ends_with("because no permissions boundary allows the iam:CreateRole action"),
        "{message}"
    );
    let user = format!("arn:aws:iam::{DEV}:user/practice-administrator");
    let asked = iam(&practice).simulate_principal_policy().policy_source_arn(user);
    let answer = asked.action_names("iam:CreateRole").action_names("iam:TagRole").send().await.unwrap();
    let results = answer.evaluation_results();
    assert!(
        results[0]
            .permissions_boundary_decision_detail()
            .is_some_and(|it| !it.allowed_by_permissions_boundary())
    );
    assert!(results[0].organizations_decision_detail().is_none());
    assert!(results[1].organizations_decision_detail().is_some_and(|it| !it.allowed_by_organizations()));
}
