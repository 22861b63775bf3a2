//! The AWS client on what a role may do and what deployment tools keep in an account. Reads only.

use keyless::cloud::aws::{LastAccessed, Simulation};
use keyless::domain::diagnose::aws::DeniedBy;
use time::{Duration as Span, OffsetDateTime};

use super::*;

#[tokio::test]
async fn the_roles_of_a_bootstrap_are_read_with_every_policy() {
    let bench = Bench::with(worlds::named("deploy").unwrap(), None).await;
    let aws = bench.aws(&environment("111122223333"));
    assert_eq!(aws.bootstrap_version("hnb659fds").await.unwrap(), Some(21));
    assert_eq!(aws.bootstrap_version("other").await.unwrap(), None);
    let exec = "cdk-hnb659fds-cfn-exec-role-111122223333-eu-west-1".parse().unwrap();
    let found = aws.role_policies(&exec).await.unwrap().unwrap();
    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    let text = found.managed[administrator].as_ref().unwrap().to_json().to_string();
    assert!(text.contains('*'), "{text}");
    assert_eq!((found.managed.len(), found.boundary), (1, None));
    let deploy = "cdk-hnb659fds-deploy-role-111122223333-eu-west-1".parse().unwrap();
    let found = aws.role_policies(&deploy).await.unwrap().unwrap();
    assert!(!found.role.inline.is_empty() && found.managed.is_empty(), "{found:?}");
    assert_eq!(aws.role_policies(&"nobody".parse().unwrap()).await.unwrap(), None);

    let assets = "cdk-hnb659fds-assets-111122223333-eu-west-1";
    assert!(aws.bucket_exists(assets).await.unwrap());
    assert!(!aws.bucket_exists("nobody-has-this-bucket").await.unwrap());
    assert!(aws.table_exists("contoso-terraform-lock", aws.region()).await.unwrap());
    assert!(!aws.table_exists("nobody-has-this-table", aws.region()).await.unwrap());

    let arn = found.role.arn.to_string();
    let bucket = format!("arn:aws:s3:::{assets}");
    let told =
        aws.simulate_on(&arn, &["cloudformation:CreateChangeSet", "iam:CreateUser"], &[&bucket], &[]).await;
    let Simulation::Told(told) = told.unwrap() else { panic!("not simulated") };
    let said: Vec<_> = told.iter().map(|it| (it.action.as_str(), it.denied, it.explicit)).collect();
    let denied = ("iam:CreateUser", Some(DeniedBy::Identity), false);
    assert_eq!(said, [("cloudformation:CreateChangeSet", None, false), denied]);

    let job = aws.generate_last_accessed(&found.role.arn).await.unwrap();
    let ready = aws.last_accessed(&job).await.unwrap();
    let LastAccessed::Ready(services) = ready else { panic!("{ready:?}") };
    assert!(services.iter().any(|service| service.namespace == "cloudformation"), "{services:?}");
}

#[tokio::test]
async fn who_assumed_a_role_is_told_for_a_window_of_time() {
    let bench = Bench::new().await;
    let (_, run) = handshake(&bench).await;
    assert_eq!(run.result.as_deref(), Some("succeeded"));
    let aws = bench.aws(&environment("111122223333"));
    // Events come late.
    bench.practice.ground().clock.advance(1800);
    let now = OffsetDateTime::from_unix_timestamp(bench.practice.ground().clock.now()).unwrap();
    let day = Span::days(1);
    let found = aws.assumptions(now - day, Some(now + day), 2).await.unwrap();
    assert!(found.cut.is_empty());
    let one = &found.found[0];
    assert!(one.subject.as_deref().is_some_and(|subject| subject.ends_with("AWS-Dev")), "{one:?}");
    assert!(
        one.session.is_some() && one.error.is_none() && one.role.ends_with("AzureDevOpsDevRole"),
        "{one:?}"
    );
    let before = aws.assumptions(now - day - day, Some(now - day), 2).await.unwrap();
    assert!(before.found.is_empty());
}
