//! IAM: roles, policies, providers, quotas and refusals.

use aws_sdk_iam::types::Tag;

use super::*;

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

#[tokio::test]
async fn a_role_comes_back_as_it_was_made() {
    let practice = practice().await;
    let iam = iam(&practice);
    let boundary = format!("arn:aws:iam::{DEV}:policy/limits");
    let made = iam
        .create_role()
        .role_name("Deploy")
        .path("/team/")
        .assume_role_policy_document(trust(&practice))
        .description("For <deployments> & more")
        .max_session_duration(7200)
        .permissions_boundary(&boundary)
        .tags(tag("keyless:federation", "contoso/payments"))
        .send()
        .await
        .unwrap();
    let made = made.role().unwrap();
    assert_eq!(made.arn(), format!("arn:aws:iam::{DEV}:role/team/Deploy"));
    assert!(made.role_id().starts_with("AROA") && made.role_id().len() == 21);
    let got = iam.get_role().role_name("Deploy").send().await.unwrap();
    let got = got.role().unwrap();
    let text = got.assume_role_policy_document().unwrap();
    assert!(text.starts_with("%7B%22Version%22%3A"), "{text}");
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().unwrap();
    assert_eq!(decoded, trust(&practice));
    assert_eq!(got.description(), Some("For <deployments> & more"));
    assert_eq!(got.max_session_duration(), Some(7200));
    assert_eq!(got.permissions_boundary().unwrap().permissions_boundary_arn(), Some(boundary.as_str()));
    assert_eq!(got.tags()[0].value(), "contoso/payments");
    assert!(got.create_date().secs() > 1_700_000_000);
}

#[tokio::test]
async fn every_change_of_a_role_is_seen() {
    let practice = practice().await;
    let iam = iam(&practice);
    let name = "Deploy";
    iam.create_role().role_name(name).assume_role_policy_document(trust(&practice)).send().await.unwrap();
    iam.update_role().role_name(name).max_session_duration(43200).description("d").send().await.unwrap();
    let wider = trust(&practice).replace("AWS-Dev", "AWS-Test");
    iam.update_assume_role_policy().role_name(name).policy_document(&wider).send().await.unwrap();
    iam.tag_role().role_name(name).tags(tag("Team", "a")).tags(tag("x", "y")).send().await.unwrap();
    iam.tag_role().role_name(name).tags(tag("team", "b")).send().await.unwrap();
    iam.untag_role().role_name(name).tag_keys("X").send().await.unwrap();
    let boundary = format!("arn:aws:iam::{DEV}:policy/limits");
    iam.put_role_permissions_boundary().role_name(name).permissions_boundary(&boundary).send().await.unwrap();
    let role = iam.get_role().role_name(name).send().await.unwrap().role.unwrap();
    assert_eq!(role.max_session_duration(), Some(43200));
    assert!(role.assume_role_policy_document().unwrap().contains("AWS-Test"));
    assert!(role.permissions_boundary().is_some());
    let tags = iam.list_role_tags().role_name(name).send().await.unwrap().tags;
    assert_eq!(tags, [tag("team", "b")]);
    iam.delete_role_permissions_boundary().role_name(name).send().await.unwrap();
    let role = iam.get_role().role_name(name).send().await.unwrap().role.unwrap();
    assert!(role.permissions_boundary().is_none());
}

#[tokio::test]
async fn policies_come_and_go_and_hold_a_role_back_from_its_end() {
    let practice = practice().await;
    let iam = iam(&practice);
    let name = "Deploy";
    iam.create_role().role_name(name).assume_role_policy_document(trust(&practice)).send().await.unwrap();
    let text =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}}"#;
    iam.put_role_policy().role_name(name).policy_name("p").policy_document(text).send().await.unwrap();
    let got = iam.get_role_policy().role_name(name).policy_name("p").send().await.unwrap();
    let decoded = percent_encoding::percent_decode_str(got.policy_document()).decode_utf8().unwrap();
    assert_eq!(decoded, text);
    assert_eq!(iam.list_role_policies().role_name(name).send().await.unwrap().policy_names(), ["p"]);
    let managed = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    iam.attach_role_policy().role_name(name).policy_arn(managed).send().await.unwrap();
    let attached = iam.list_attached_role_policies().role_name(name).send().await.unwrap();
    assert_eq!(attached.attached_policies()[0].policy_arn(), Some(managed));
    assert_eq!(attached.attached_policies()[0].policy_name(), Some("ReadOnlyAccess"));
    let end = || iam.delete_role().role_name(name).send();
    assert_eq!(refusal(end().await).1, "Cannot delete entity, must detach all policies first.");
    iam.detach_role_policy().role_name(name).policy_arn(managed).send().await.unwrap();
    assert_eq!(refusal(end().await).0, "DeleteConflict");
    iam.delete_role_policy().role_name(name).policy_name("p").send().await.unwrap();
    end().await.unwrap();
    assert_eq!(
        refusal(iam.get_role().role_name(name).send().await),
        ("NoSuchEntity".to_owned(), "The role with name Deploy cannot be found.".to_owned())
    );
}

#[tokio::test]
async fn roles_are_listed_page_by_page() {
    let practice = practice().await;
    let iam = iam(&practice);
    for n in 0..5 {
        let name = format!("page-{n}");
        iam.create_role()
            .role_name(name)
            .path("/p/")
            .assume_role_policy_document(trust(&practice))
            .send()
            .await
            .unwrap();
    }
    let pages = iam.list_roles().path_prefix("/p/").into_paginator().page_size(2).items().send();
    let names: Vec<String> =
        pages.collect::<Result<Vec<_>, _>>().await.unwrap().into_iter().map(|r| r.role_name).collect();
    assert_eq!(names, ["page-0", "page-1", "page-2", "page-3", "page-4"]);
}

#[tokio::test]
async fn bad_documents_and_names_are_refused_in_the_words_of_aws() {
    let practice = practice_of(|world| world.habits.trust_quota = 600).await;
    let iam = iam(&practice);
    let create = |name: &str, document: String| {
        iam.create_role().role_name(name).assume_role_policy_document(document).send()
    };
    let good = trust(&practice);
    let cases = [
        ("a", "{".to_owned(), "MalformedPolicyDocument", "This policy contains invalid Json"),
        (
            "a",
            good.replace("sts:AssumeRoleWithWebIdentity", "s3:GetObject"),
            "MalformedPolicyDocument",
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            "a",
            good.replace("\"Action\"", "\"Resource\":\"*\",\"Action\""),
            "MalformedPolicyDocument",
            "Has prohibited field Resource",
        ),
        (
            "a",
            good.replace("StringEquals", "StringIs"),
            "MalformedPolicyDocument",
            "Syntax errors in policy.",
        ),
        (
            "a",
            good.replace("\"Federated\"", "\"AWS\""),
            "MalformedPolicyDocument",
            "Invalid principal in policy: ",
        ),
        (
            "a",
            good.replace("AWS-Dev", &"x".repeat(600)),
            "LimitExceeded",
            "Cannot exceed quota for ACLSizePerRole: 600",
        ),
        ("a b", good.clone(), "ValidationError", "1 validation error detected: Value 'a b' at 'roleName'"),
        (&"x".repeat(65), good.clone(), "ValidationError", "1 validation error detected"),
        (
            "GITHUB-actions-docs",
            good.clone(),
            "EntityAlreadyExists",
            "Role with name GITHUB-actions-docs already exists.",
        ),
    ];
    for (name, document, code, message) in cases {
        let (got, text) = refusal(create(name, document).await);
        assert_eq!(got, code, "{text}");
        assert!(text.starts_with(message), "{text}");
    }
    let long = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::{}"}}}}"#,
        "x".repeat(10_240)
    );
    create("a", good).await.unwrap();
    let put = iam.put_role_policy().role_name("a").policy_name("p").policy_document(long).send().await;
    assert_eq!(refusal(put).1, "Maximum policy size of 10240 bytes exceeded for role a");
    assert!(iam.list_role_policies().role_name("a").send().await.unwrap().policy_names().is_empty());
}

#[tokio::test]
async fn a_provider_lives_its_whole_life() {
    let practice = practice().await;
    let iam = iam(&practice);
    let url = issuer(&practice);
    let create = || {
        iam.create_open_id_connect_provider().url(&url).client_id_list(AUDIENCE).tags(tag("a", "b")).send()
    };
    let arn = create().await.unwrap().open_id_connect_provider_arn.unwrap();
    assert_eq!(arn, provider_arn(&practice));
    assert_eq!(
        refusal(create().await),
        ("EntityAlreadyExists".to_owned(), format!("Provider with url {url} already exists."))
    );
    let add = || {
        iam.add_client_id_to_open_id_connect_provider()
            .open_id_connect_provider_arn(&arn)
            .client_id("other")
            .send()
    };
    add().await.unwrap();
    add().await.unwrap();
    iam.remove_client_id_from_open_id_connect_provider()
        .open_id_connect_provider_arn(&arn)
        .client_id(AUDIENCE)
        .send()
        .await
        .unwrap();
    let print = "a".repeat(40);
    iam.update_open_id_connect_provider_thumbprint()
        .open_id_connect_provider_arn(&arn)
        .thumbprint_list(&print)
        .send()
        .await
        .unwrap();
    iam.tag_open_id_connect_provider()
        .open_id_connect_provider_arn(&arn)
        .tags(tag("c", "d"))
        .send()
        .await
        .unwrap();
    iam.untag_open_id_connect_provider()
        .open_id_connect_provider_arn(&arn)
        .tag_keys("a")
        .send()
        .await
        .unwrap();
    let got = iam.get_open_id_connect_provider().open_id_connect_provider_arn(&arn).send().await.unwrap();
    assert_eq!(got.url(), url.strip_prefix("https://"));
    assert_eq!((got.client_id_list(), got.thumbprint_list()), (&["other".to_owned()][..], &[print][..]));
    assert_eq!(got.tags(), [tag("c", "d")]);
    let tags =
        iam.list_open_id_connect_provider_tags().open_id_connect_provider_arn(&arn).send().await.unwrap();
    assert_eq!(tags.tags(), [tag("c", "d")]);
    let list = iam.list_open_id_connect_providers().send().await.unwrap();
    assert_eq!(list.open_id_connect_provider_list().len(), 2);
    let delete = || iam.delete_open_id_connect_provider().open_id_connect_provider_arn(&arn).send();
    delete().await.unwrap();
    delete().await.unwrap();
    let gone = iam.get_open_id_connect_provider().open_id_connect_provider_arn(&arn).send().await;
    assert_eq!(
        refusal(gone),
        ("NoSuchEntity".to_owned(), format!("OpenIDConnect Provider not found for arn {arn}"))
    );
    for bad in ["http://example.com", "example.com", "https://example.com:8443", "https://example.com/?x=1"] {
        let made = iam.create_open_id_connect_provider().url(bad).send().await;
        assert_eq!(refusal(made).0, "InvalidInput", "{bad}");
    }
}

#[tokio::test]
async fn quotas_of_the_world_hold() {
    let practice = practice_of(|world| {
        world.habits.role_quota = 2;
        world.habits.provider_quota = 1;
    })
    .await;
    let iam = iam(&practice);
    let role = |name| iam.create_role().role_name(name).assume_role_policy_document(trust(&practice)).send();
    role("one").await.unwrap();
    assert_eq!(refusal(role("two").await).1, "Cannot exceed quota for RolesPerAccount: 2");
    let provider = iam.create_open_id_connect_provider().url(issuer(&practice)).send().await;
    assert_eq!(refusal(provider).0, "LimitExceeded");
}

#[tokio::test]
async fn accounts_do_not_see_one_another() {
    let practice = practice().await;
    let other = iam_as(&practice, operator(&practice, "444455556666"));
    iam(&practice)
        .create_role()
        .role_name("Deploy")
        .assume_role_policy_document(trust(&practice))
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(other.get_role().role_name("Deploy").send().await).0, "NoSuchEntity");
    assert!(other.list_roles().send().await.unwrap().roles().is_empty());
}

#[tokio::test]
async fn a_right_that_the_world_takes_away_is_denied_and_simulated_so() {
    let practice = practice_of(|world| world.rights.aws_denied = vec!["iam:Create*".to_owned()]).await;
    let iam = iam(&practice);
    let (code, text) =
        refusal(iam.create_role().role_name("x").assume_role_policy_document(trust(&practice)).send().await);
    assert_eq!(code, "AccessDenied");
    let user = format!("arn:aws:iam::{DEV}:user/practice-administrator");
    assert!(
        text.starts_with(&format!(
            "User: {user} is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::{DEV}:role/x"
        )),
        "{text}"
    );
    let simulated = iam
        .simulate_principal_policy()
        .policy_source_arn(&user)
        .action_names("iam:CreateRole")
        .action_names("iam:GetRole")
        .send()
        .await
        .unwrap();
    let words: Vec<&str> =
        simulated.evaluation_results().iter().map(|one| one.eval_decision().as_str()).collect();
    assert_eq!(words, ["implicitDeny", "allowed"]);
    let session = format!("arn:aws:sts::{DEV}:assumed-role/x/y");
    let refused =
        iam.simulate_principal_policy().policy_source_arn(session).action_names("iam:GetRole").send().await;
    assert_eq!(refusal(refused).0, "InvalidInput");
}

#[tokio::test]
async fn a_change_is_seen_only_after_some_reads() {
    let practice = practice_of(|world| world.habits.consistency_reads = 2).await;
    let iam = iam(&practice);
    iam.create_role().role_name("Deploy").assume_role_policy_document(trust(&practice)).send().await.unwrap();
    let get = || iam.get_role().role_name("Deploy").send();
    assert_eq!(refusal(get().await).0, "NoSuchEntity");
    assert_eq!(iam.list_roles().send().await.unwrap().roles().len(), 1, "only the foreign role");
    get().await.unwrap();
    iam.update_role().role_name("Deploy").description("new").send().await.unwrap();
    for expected in [None, None, Some("new")] {
        assert_eq!(get().await.unwrap().role().unwrap().description(), expected);
    }
    assert!(!practice.ground().store.dump().contains_key("iam.delay"));
}

#[tokio::test]
async fn an_account_is_summed_up() {
    let practice = practice().await;
    let summary = iam(&practice).get_account_summary().send().await.unwrap();
    assert_eq!(summary.summary_map().unwrap().get(&"Roles".into()), Some(&1));
}
