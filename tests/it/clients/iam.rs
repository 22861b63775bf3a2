//! The AWS client and its sign-ins.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::*;

/// Two environments of one account: one signed in by a profile with an endpoint of its own, one through a role.
fn chained(first: &Environment, role: &str) -> Federation {
    let assume_role = role.parse().unwrap();
    let mut second = first.clone();
    second.name = "chained".parse().unwrap();
    second.sign_in = SignIn::AssumeRole { assume_role, from: first.name.clone() };
    Federation {
        organization: "contoso".parse().unwrap(),
        organization_id: None,
        project: "payments".parse().unwrap(),
        issuer: None,
        audience: AUDIENCE.to_owned(),
        azp: None,
        verification: Verification {
            repository: "keyless-verification".parse().unwrap(),
            branch: None,
            pipeline: "keyless-verification".to_owned(),
            queue: None,
        },
        pipeline: None,
        environments: vec![first.clone(), second],
    }
}

#[tokio::test]
async fn iam_objects_are_made_read_and_removed() {
    let bench = Bench::new().await;
    let aws = bench.aws(&environment("111122223333"));
    let pen = &bench.pen;
    let identity = aws.caller_identity().await.unwrap();
    assert_eq!(identity.account, "111122223333");
    let rights =
        aws.simulate(&identity.arn, &["iam:CreateRole", "iam:CreateOpenIDConnectProvider"], None).await;
    assert_eq!(rights.unwrap(), Rights::Allowed);

    let issuer = bench.issuer().await;
    let wanted = wanted_provider(&issuer);
    assert_eq!(aws.provider(&wanted.arn()).await.unwrap(), None);
    aws.create_provider(pen, &wanted).await.unwrap();
    assert_eq!(aws.create_provider(pen, &wanted).await.unwrap_err().code, Code::AwsConflict);
    aws.add_audience(pen, &wanted.arn(), "other").await.unwrap();
    let provider = aws.provider(&wanted.arn()).await.unwrap().unwrap();
    assert_eq!(provider.audiences, BTreeSet::from([AUDIENCE.to_owned(), "other".to_owned()]));
    assert_eq!(provider.tags, wanted.tags);
    aws.remove_audience(pen, &wanted.arn(), "other").await.unwrap();

    let wanted = wanted_role(&issuer);
    let name = wanted.arn.name.clone();
    assert_eq!(aws.role(&name).await.unwrap(), None);
    aws.create_role(pen, &wanted, &trust(&wanted)).await.unwrap();
    aws.put_inline(pen, &wanted.arn, "keyless-permissions", None, &permissions()).await.unwrap();
    aws.attach(pen, &wanted.arn, "arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap();
    let role = aws.role(&name).await.unwrap().unwrap();
    assert_eq!((&role.arn, role.max_session_seconds), (&wanted.arn, 7200));
    assert_eq!(role.trust.to_json(), trust(&wanted).to_json());
    assert_eq!((&role.tags, role.inline.len(), role.managed.len()), (&wanted.tags, 1, 1));
    let all = aws.roles_with_trust().await.unwrap();
    assert!(
        all.iter().any(|(arn, trust)| *arn == wanted.arn && trust.to_json().contains(&wanted.provider_arn))
    );

    let (was, now) = (BTreeMap::new(), BTreeMap::from([("team".to_owned(), "web".to_owned())]));
    aws.tag(pen, &wanted.arn, &was, &now).await.unwrap();
    aws.untag(pen, &wanted.arn, &wanted.tags).await.unwrap();
    aws.set_max_session(pen, &wanted.arn, 7200, 3600).await.unwrap();
    aws.set_boundary(pen, &wanted.arn, None, "arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap();
    let role = aws.role(&name).await.unwrap().unwrap();
    assert_eq!((role.tags, role.max_session_seconds, role.boundary.is_some()), (now, 3600, true));

    assert_eq!(aws.delete_role(pen, &wanted.arn).await.unwrap_err().code, Code::AwsConflict);
    aws.delete_boundary(pen, &wanted.arn, "arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap();
    aws.detach(pen, &wanted.arn, "arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap();
    aws.delete_inline(pen, &wanted.arn, "keyless-permissions", &permissions()).await.unwrap();
    for _ in 0..2 {
        aws.delete_role(pen, &wanted.arn).await.unwrap();
    }
    aws.delete_provider(pen, &provider).await.unwrap();
    assert_eq!(aws.provider(&provider.arn).await.unwrap(), None);
}

#[tokio::test]
async fn foreign_keys_are_a_sign_in_matter() {
    let bench = Bench::new().await;
    let environment = environment("111122223333");
    let transport = Transport::new(bench.ends.aws.clone(), aws::CONCURRENCY, None);
    let keys = StaticKeys {
        access_key_id: "AKIAUNKNOWNUNKNOWN00".to_owned(),
        secret_access_key: "hush".to_owned().into(),
        session_token: None,
    };
    let stranger = AwsSignIn::new(transport, Arc::new(|_| None)).practice(&environment, &keys);
    let failure = stranger.caller_identity().await.unwrap_err();
    assert_eq!(
        (failure.code, failure.evidence("error code")),
        (Code::AwsSignIn, Some("InvalidClientTokenId"))
    );
    assert_eq!(failure.evidence("account"), Some("111122223333"));
}

/// Keys that end at once, so that they are looked up for every request; the profile they are of can be pointed elsewhere.
#[derive(Debug)]
struct Moving {
    keys: [Credentials; 2],
    moved: Arc<AtomicBool>,
}

impl ProvideCredentials for Moving {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let keys = &self.keys[usize::from(self.moved.load(Ordering::SeqCst))];
        future::ProvideCredentials::ready(Ok(keys.clone()))
    }
}

/// Between plan and apply a profile is pointed at another account: nothing is written there, whatever was known before.
#[tokio::test]
async fn a_write_never_goes_to_another_account_than_was_signed_in_to() {
    let bench = Bench::new().await;
    let environment = environment("111122223333");
    let accounts = bench.practice.credentials().accounts;
    let keys = ["111122223333", "444455556666"].map(|id| {
        let account = accounts.iter().find(|account| account.id == id).unwrap();
        let secret = account.secret_access_key.expose_secret().to_owned();
        Credentials::new(&account.access_key_id, secret, None, Some(SystemTime::now()), "test")
    });
    let moved = Arc::new(AtomicBool::new(false));
    let desk =
        AwsSignIn::new(Transport::new(bench.ends.aws.clone(), aws::CONCURRENCY, None), Arc::new(|_| None));
    let provider = SharedCredentialsProvider::new(Moving { keys, moved: Arc::clone(&moved) });
    let aws = desk.practice_with(&environment, provider);
    let wanted = wanted_role(&bench.issuer().await);
    aws.create_provider(&bench.pen, &wanted_provider(&bench.issuer().await)).await.unwrap();
    assert_eq!(aws.caller_identity().await.unwrap().account, "111122223333");
    assert_eq!(aws.role(&wanted.arn.name).await.unwrap(), None);

    moved.store(true, Ordering::SeqCst);
    let refused = aws.create_role(&bench.pen, &wanted, &trust(&wanted)).await.unwrap_err();
    assert_eq!(refused.code, Code::AwsWrongAccount);
    assert_eq!(
        (refused.evidence("wanted"), refused.evidence("signed in")),
        (Some("111122223333"), Some("444455556666"))
    );
    assert_eq!(aws.role(&wanted.arn.name).await.unwrap(), None, "looking shows what is there");
    assert_eq!(aws.caller_identity().await.unwrap().account, "444455556666");
    let roles = bench.practice.ground().store.list::<Value>("iam.role", "");
    assert!(roles.iter().all(|(key, _)| !key.ends_with("/AzureDevOpsDevRole")), "{roles:#?}");

    // Back again, the same call is made.
    moved.store(false, Ordering::SeqCst);
    aws.create_role(&bench.pen, &wanted, &trust(&wanted)).await.unwrap();
    assert!(aws.role(&wanted.arn.name).await.unwrap().is_some());
}

#[tokio::test]
async fn a_role_whose_answer_is_lost_is_not_made_twice() {
    let watch = Watch::new("CreateRole", "role 111122223333/AzureDevOpsDevRole", Fate::CutAfter);
    let bench = Bench::with(worlds::named("fresh").unwrap(), Some(watch.clone())).await;
    let aws = bench.aws(&environment("111122223333"));
    let issuer = bench.issuer().await;
    aws.create_provider(&bench.pen, &wanted_provider(&issuer)).await.unwrap();
    let wanted = wanted_role(&issuer);
    let failure = aws.create_role(&bench.pen, &wanted, &trust(&wanted)).await.unwrap_err();
    assert_eq!((failure.code, watch.count()), (Code::AwsUnreachable, 1));
    assert!(aws.role(&wanted.arn.name).await.unwrap().is_some());
}

#[tokio::test]
async fn a_read_whose_answer_is_lost_is_repeated() {
    let watch = Watch::new("GetRole", "role 777788889999/break-glass", Fate::CutBefore);
    let bench = Bench::with(worlds::named("fresh").unwrap(), Some(watch.clone())).await;
    let role = bench.aws(&environment("777788889999")).role(&"break-glass".parse().unwrap()).await.unwrap();
    assert_eq!((role.unwrap().arn.path.as_str(), watch.count()), ("/emergency/", 2));
}

#[tokio::test]
async fn profiles_with_endpoints_and_chained_roles_sign_in() {
    let bench = Bench::new().await;
    let mut first = environment("111122223333");
    first.sign_in = SignIn::Profile { profile: "base".to_owned() };
    let mut role = wanted_role(&bench.issuer().await);
    role.arn = "arn:aws:iam::111122223333:role/Chained".parse().unwrap();
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}"#;
    bench.aws(&first).create_role(&bench.pen, &role, &Document::parse(trust).unwrap()).await.unwrap();

    let account = bench.practice.credentials().accounts.remove(0);
    let config = format!(
        "[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\nendpoint_url = {}\n",
        account.access_key_id,
        account.secret_access_key.expose_secret(),
        bench.practice.addresses().aws
    );
    let files = Builder::new().with_contents(EnvConfigFileKind::Config, config);
    let transport = Transport::new(None, aws::CONCURRENCY, None);
    let desk = AwsSignIn::new(transport, Arc::new(|_| None)).with_files(files);
    let federation = chained(&first, "arn:aws:iam::111122223333:role/Chained");
    let announced = desk.overrides(&federation).await.unwrap();
    assert_eq!(announced[0].address, bench.practice.addresses().aws);
    for (index, ending) in [(0, "user/practice-administrator"), (1, "assumed-role/Chained/keyless")] {
        let aws = desk.aws(&federation, &federation.environments[index]).await.unwrap();
        let identity = aws.caller_identity().await.unwrap();
        assert!(identity.arn.ends_with(ending), "{}", identity.arn);
    }
    let failure = desk.aws(&federation, &first).await.unwrap().role(&"none".parse().unwrap()).await;
    assert_eq!(failure.unwrap(), None);
}

#[tokio::test]
async fn a_profile_without_credentials_says_so() {
    let bench = Bench::new().await;
    let mut first = environment("111122223333");
    first.sign_in = SignIn::Profile { profile: "nobody".to_owned() };
    let config = format!("[profile other]\nendpoint_url = {}\n", bench.practice.addresses().aws);
    let files = Builder::new().with_contents(EnvConfigFileKind::Config, config);
    let desk =
        AwsSignIn::new(Transport::new(bench.ends.aws.clone(), 1, None), Arc::new(|_| None)).with_files(files);
    let federation = chained(&first, "arn:aws:iam::111122223333:role/Chained");
    for environment in &federation.environments {
        let failure = desk.aws(&federation, environment).await.unwrap().caller_identity().await.unwrap_err();
        assert_eq!(failure.code, Code::AwsSignIn, "{failure}");
        assert!(failure.evidence("cause").unwrap().contains("`nobody`"), "{failure}");
    }
}
