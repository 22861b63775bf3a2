//! `keyless rotate --inventory`: what stands in the clouds, as a table, line by line and as JSON. It writes nothing.

use serde_json::{Value, json};

use crate::headless::assert_valid;
use crate::support::{Lab, Live, world};

const DEV_KEY: &str = "AKIAPRACTICEAAAAAAAA";

async fn told(lab: &Lab, arguments: &[&str], code: i32) -> Value {
    lab.watch.forget();
    let all: Vec<&str> = ["rotate", "--inventory", "--json"].iter().chain(arguments).copied().collect();
    let told = Live::on(lab).run(&all).await.expect(code).json();
    assert_eq!(lab.watch.writes(), [], "the inventory wrote");
    assert_valid("inventory.schema.json", &told);
    assert!(!told.to_string().contains("PRACTICE/SECRET"), "{told:#}");
    told
}

fn connection<'a>(told: &'a Value, name: &str) -> &'a Value {
    let mut all = told["connections"].as_array().unwrap().iter();
    all.find(|it| it["name"] == name).unwrap_or_else(|| panic!("{told:#}"))
}

/// The verdict and the reasons of a connection, and the codes of the findings.
fn judged(told: &Value, name: &str) -> (String, String, Vec<String>) {
    let row = connection(told, name);
    let reasons: Vec<&str> =
        row["reasons"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let findings = told["findings"].as_array().unwrap().iter();
    (
        row["verdict"].as_str().unwrap().to_owned(),
        reasons.join("; "),
        findings.map(|it| it["code"].as_str().unwrap().to_owned()).collect(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_nobody_dares_to_touch_are_told_with_all_that_hangs_on_them() {
    let lab = Lab::start(world("static-keys")).await;
    let told = told(&lab, &[], 0).await;
    let names: Vec<_> = told["connections"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["AWS-Dev", "AWS-Staging", "AWS-Prod"]);
    let dev = connection(&told, "AWS-Dev");
    assert_eq!(
        (&dev["environment"], &dev["signs_in"], &dev["verdict"]),
        (&json!("dev"), &json!("key"), &json!("rotate"))
    );
    let key = &dev["access_key"]["key"];
    assert_eq!(
        (&key["id"], &key["account"], &key["active"]),
        (&json!(DEV_KEY), &json!("111122223333"), &json!(true))
    );
    assert_eq!(key["user"]["name"], "azure-devops-deploy");
    assert_eq!(key["user"]["console_password"], false);
    assert!(key["user"]["last_used"]["service"].is_string(), "{key:#}");
    let policies = &key["user"]["policies"];
    assert_eq!(policies["inline"], json!(["deploy"]));
    assert_eq!(policies["attached"], json!(["arn:aws:iam::aws:policy/AmazonS3FullAccess"]));
    assert_eq!(dev["uses"][0]["pipeline"], "deploy-dev");
    assert_eq!((&dev["uses"][0]["runs"], &dev["uses"][0]["longest_seconds"]), (&json!(2), &json!(300)));
    let staging = connection(&told, "AWS-Staging");
    assert_eq!((&staging["signs_in"], &staging["verdict"]), (&json!("key_and_role"), &json!("rotate")));
    let prod = connection(&told, "AWS-Prod");
    assert_eq!(prod["access_key"]["key"]["user"]["policies"]["groups"], json!(["deployers"]));
    // Keys that no connection holds: in a variable group, and of a user nobody knows.
    let variables = told["variable_groups"].as_array().unwrap();
    assert_eq!(variables.len(), 2, "{told:#}");
    assert_eq!(variables[0]["access_key"]["user"]["name"], "report");
    assert!(variables[1]["access_key"]["unknown"].as_str().unwrap().contains("secret"));
    let idle: Vec<_> = told["idle_users"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(idle.len(), 2, "{told:#}");
    assert!(idle.contains(&json!("report")) && idle.contains(&json!("former-colleague")), "{idle:?}");
    assert_eq!((&told["unseen"], &told["findings"]), (&json!([]), &json!([])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_is_told_as_a_table_and_line_by_line() {
    let lab = Lab::start(world("static-keys")).await;
    let live = Live::on(&lab);
    let said = live.run(&["rotate", "--inventory"]).await.expect(0);
    assert!(said.out.lines().all(|line| line.chars().count() <= 80), "{}", said.out);
    assert!(!said.out.contains('\u{1b}') && !said.out.contains("PRACTICE/SECRET"), "{}", said.out);
    for part in [
        DEV_KEY,
        "AWS-Dev (dev)",
        "user azure-devops-deploy in 111122223333",
        "former-colleague",
        "3 AWS connections: 3 to rotate.",
    ] {
        assert!(said.out.contains(part), "{part}\n{}", said.out);
    }
    let lines = live.run(&["rotate", "--inventory", "--accessible"]).await.expect(0);
    assert!(lines.out.contains("1. AWS-Dev (dev)\n   verdict: rotate\n"), "{}", lines.out);
    assert!(lines.out.contains("   console password: no\n"), "{}", lines.out);
    live.run(&["rotate", "--inventory", "--yes"]).await.expect(2);
    live.run(&["rotate", "--inventory", "--delete-users"]).await.expect(2);
    live.run(&["rotate", "--all-projects"]).await.expect(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_before_a_switch_blocks_it_under_its_own_code() {
    for (name, why, code) in [
        ("rotate-long-job", "deploy-dev holds it for 40 minutes", Some("KL-PIPELINE-SESSION-SHORT")),
        ("rotate-resource-policy", "arn:aws:s3:::contoso-dev-artifacts", Some("KL-ROTATION-NAMED")),
        ("rotate-shared-connection", "sc://contoso/billing/AWS-Dev", Some("KL-ROTATION-SHARED")),
        ("rotate-other-account", "account 444455556666 is reached by no sign-in", None),
    ] {
        let lab = Lab::of_file(name).await;
        let told = told(&lab, &[], 1).await;
        let (verdict, reasons, codes) = judged(&told, "AWS-Dev");
        assert!(verdict == "blocked" && reasons.contains(why), "{name}: {verdict}, {reasons}");
        assert_eq!(codes, code.into_iter().collect::<Vec<_>>(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_of_three_connections_is_looked_up_once_and_said_at_each() {
    let lab = Lab::of_file("rotate-shared-user").await;
    let told = told(&lab, &[], 0).await;
    for name in ["AWS-Dev", "AWS-Test", "AWS-Demo"] {
        let (verdict, reasons, _) = judged(&told, name);
        assert!(verdict == "rotate" && reasons.contains("the same key is in"), "{name}: {reasons}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_projects_show_who_else_uses_a_shared_connection() {
    let lab = Lab::of_file("rotate-shared-connection").await;
    let one = told(&lab, &[], 1).await;
    assert_eq!(one["projects"], json!(["payments"]));
    assert_eq!(connection(&one, "AWS-Dev")["shared_with"], json!(["billing"]));
    let all = told(&lab, &["--all-projects"], 1).await;
    assert_eq!(all["projects"], json!(["payments", "billing"]));
    assert_eq!(all["connections"].as_array().unwrap().len(), 1, "{all:#}");
    let uses = connection(&all, "AWS-Dev")["uses"].as_array().unwrap();
    let pipelines: Vec<_> = uses.iter().map(|it| (&it["project"], &it["pipeline"])).collect();
    assert!(pipelines.contains(&(&json!("billing"), &json!("deploy-billing"))), "{pipelines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_missing_is_told_in_its_cell_and_ends_nothing() {
    let mut world = world("static-keys");
    world.rights.aws_denied = [
        "iam:ListAccessKeys",
        "iam:GetLoginProfile",
        "iam:GetAccountAuthorizationDetails",
        "s3:ListAllMyBuckets",
        "kms:ListKeys",
    ]
    .map(str::to_owned)
    .to_vec();
    let lab = Lab::start(world).await;
    let told = told(&lab, &[], 0).await;
    let key = &connection(&told, "AWS-Dev")["access_key"]["key"];
    assert_eq!(key["active"], json!({ "unknown": "iam:ListAccessKeys is denied" }));
    assert_eq!(key["user"]["console_password"], json!({ "unknown": "iam:GetLoginProfile is denied" }));
    assert!(key["user"]["unread"].to_string().contains("s3:ListAllMyBuckets is denied"), "{key:#}");
    let (verdict, reasons, codes) = judged(&told, "AWS-Dev");
    assert!(verdict == "rotate" && reasons.contains("kms:ListKeys is denied"), "{reasons}");
    assert!(codes.iter().all(|code| code == "KL-ROTATION-UNREAD") && codes.len() == 3, "{codes:?}");
    let unseen = told["unseen"].to_string();
    assert!(unseen.contains("iam:GetAccountAuthorizationDetails is denied"), "{unseen}");
}
