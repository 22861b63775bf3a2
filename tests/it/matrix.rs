//! The trust matrix: which connection becomes which role, as the program tells it on screen and as JSON.

use std::path::Path;

use keyless::sandbox::world::{Connection, Role, User, World};
use serde_json::{Value, json};

use super::headless::assert_valid;
use super::support::{Lab, Live};

const DEV: &str = "111122223333";
const PROD: &str = "777788889999";
const PROD_ROLE: &str = "arn:aws:iam::777788889999:role/AzureDevOpsProdRole";

/// The healthy world of the doctor's cases.
fn healthy() -> World {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/worlds/healthy.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn role<'a>(world: &'a mut World, account: &str) -> &'a mut Role {
    &mut world.accounts.iter_mut().find(|it| it.id == account).unwrap().roles[0]
}

fn connection(name: &str, parameters: &[(&str, &str)]) -> Connection {
    let parameters = parameters.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Connection { name: name.to_owned(), parameters: parameters.collect(), ..Connection::default() }
}

async fn told(lab: &Lab, code: i32) -> Value {
    lab.watch.forget();
    let told = Live::on(lab).run(&["doctor", "--matrix", "--json"]).await.expect(code).json();
    assert_eq!(lab.watch.writes(), [], "the matrix wrote");
    assert_valid("matrix.schema.json", &told);
    told
}

/// Every reach as (connection, role's name, how), expected ones with a star.
fn reaches(told: &Value) -> Vec<String> {
    let at =
        |list: &str, index: &Value| told[list][usize::try_from(index.as_u64().unwrap()).unwrap()].clone();
    let reaches = told["reaches"].as_array().unwrap().iter().map(|reach| {
        let connection = at("connections", &reach["connection"]);
        let arn = at("roles", &reach["role"])["arn"].as_str().unwrap().to_owned();
        let key = if connection["access_key"].is_string() { "+key" } else { "" };
        let star = if reach["expected"] == true { "*" } else { "" };
        let name = connection["name"].as_str().unwrap();
        format!("{name}{key} {} {}{star}", arn.rsplit('/').next().unwrap(), reach["reach"].as_str().unwrap())
    });
    reaches.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_federation_is_its_diagonal() {
    let lab = Lab::start(healthy()).await;
    let told = told(&lab, 0).await;
    let diagonal = [
        "AWS-Dev AzureDevOpsDevRole yes*",
        "AWS-Staging AzureDevOpsStageRole yes*",
        "AWS-Prod AzureDevOpsProdRole yes*",
    ];
    assert_eq!(reaches(&told), diagonal);
    assert_eq!(
        (&told["version"], &told["findings"], &told["incomplete"]),
        (&json!(1), &json!([]), &json!([]))
    );
    let live = Live::on(&lab);
    let said = live.run(&["doctor", "--matrix"]).await.expect(0);
    assert!(said.out.contains("Nothing unexpected is reached."), "{}", said.out);
    assert!(said.out.lines().all(|line| line.chars().count() <= 80), "{}", said.out);
    let dev = live.run(&["doctor", "--matrix", "dev", "--json"]).await.expect(0).json();
    assert_eq!(reaches(&dev), diagonal[..1]);
    live.run(&["doctor", "--matrix", "--fix"]).await.expect(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wildcard_lets_every_connection_in() {
    let mut world = healthy();
    let role = role(&mut world, PROD);
    let exact = role.trust.clone();
    let subject = r#""StringEquals":{"#;
    role.trust = exact.replace(subject, r#""StringLike":{"#).replace("payments/AWS-Prod", "payments/*");
    assert_ne!(role.trust, exact);
    world.projects[0].connections.push(connection("AWS-Sandbox", &[("useOIDC", "true")]));
    let lab = Lab::start(world).await;
    let told = told(&lab, 1).await;
    assert_eq!(
        reaches(&told),
        [
            "AWS-Dev AzureDevOpsDevRole yes*",
            "AWS-Dev AzureDevOpsProdRole yes",
            "AWS-Staging AzureDevOpsStageRole yes*",
            "AWS-Staging AzureDevOpsProdRole yes",
            "AWS-Sandbox AzureDevOpsProdRole yes",
            "AWS-Prod AzureDevOpsProdRole yes*",
        ]
    );
    let findings = told["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 3, "{findings:#?}");
    assert!(findings.iter().all(|it| it["code"] == "KL-MATRIX-UNEXPECTED" && it["environment"] == "prod"));
    let said = Live::on(&lab).run(&["doctor", "--matrix"]).await.expect(1);
    assert!(said.out.contains("OPEN") && said.out.contains("3 roles are reached"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_connection_that_prod_trusts_is_unexpected() {
    let mut world = healthy();
    let role = role(&mut world, PROD);
    role.trust = role.trust.replace(
        r#""sc://contoso/payments/AWS-Prod""#,
        r#"["sc://contoso/payments/AWS-Prod","sc://contoso/payments/AWS-Dev"]"#,
    );
    // Another team's connection and role are nobody's surprise.
    let mut theirs = role.clone();
    theirs.name = "DataRole".to_owned();
    theirs.trust = exact_for(&healthy(), "AWS-Data");
    let data = "arn:aws:iam::777788889999:role/DataRole";
    world.accounts[2].roles.push(theirs);
    let parameters = [("useOIDC", "true"), ("assumeRoleArn", data)];
    world.projects[0].connections.push(connection("AWS-Data", &parameters));
    let lab = Lab::start(world).await;
    let told = told(&lab, 1).await;
    let unexpected: Vec<_> = reaches(&told).into_iter().filter(|it| !it.ends_with('*')).collect();
    assert_eq!(unexpected, ["AWS-Dev AzureDevOpsProdRole yes"]);
    assert!(reaches(&told).contains(&"AWS-Data DataRole yes*".to_owned()));
    let evidence = told["findings"][0]["evidence"].as_array().unwrap();
    let value = |label: &str| evidence.iter().find(|it| it["label"] == label).unwrap()["value"].clone();
    assert_eq!((value("connection"), value("role")), (json!("AWS-Dev"), json!(PROD_ROLE)));
    assert_eq!((value("subject"), value("statement")), (json!("sc://contoso/payments/AWS-Dev"), json!("1")));
}

fn exact_for(world: &World, connection: &str) -> String {
    world.accounts[2].roles[0].trust.replace("AWS-Prod", connection)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_reach_what_their_user_may_assume() {
    let mut world = healthy();
    let key = "AKIAPRACTICEAAAAAAAB";
    let statement = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"{PROD_ROLE}"}}]}}"#
    );
    world.accounts[2].users.push(User {
        name: "deploy".to_owned(),
        inline: [("assume".to_owned(), statement)].into(),
        managed: Vec::new(),
        access_keys: vec![
            toml::from_str(&format!("id = \"{key}\"\nsecret = \"PRACTICE/SECRET/{}\"", "a".repeat(24)))
                .unwrap(),
        ],
        ..User::default()
    });
    let trust = r#"{"Sid":"Users","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::777788889999:root"},"Action":"sts:AssumeRole"},"#;
    let role = role(&mut world, PROD);
    role.trust = role.trust.replace(r#""Statement":["#, &format!(r#""Statement":[{trust}"#));
    world.projects[0].connections.push(connection("AWS-Keys", &[("username", key)]));
    world.projects[0].connections.push(connection("AWS-Stranger", &[("username", "AKIAIOSFODNN7EXAMPLE")]));
    let lab = Lab::start(world).await;
    let told = told(&lab, 1).await;
    let found: Vec<_> = reaches(&told).into_iter().filter(|it| it.contains("+key")).collect();
    let wanted = ["AWS-Keys+key AzureDevOpsProdRole yes", "AWS-Stranger+key AzureDevOpsProdRole unknown"];
    assert_eq!(found, wanted);
    let keys = told["connections"].as_array().unwrap().iter().find(|it| it["access_key"] == key).unwrap();
    assert_eq!(keys["user"], "arn:aws:iam::777788889999:user/deploy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_listed_is_said() {
    let mut world = healthy();
    world.rights.aws_denied.push("iam:ListRoles".to_owned());
    let lab = Lab::start(world).await;
    let told = told(&lab, 3).await;
    assert_eq!(reaches(&told).len(), 3, "the environments' roles are read one by one");
    assert_eq!(told["incomplete"], json!([DEV, "444455556666", PROD]));
    let mut world = healthy();
    world.rights.aws_denied.extend(["iam:ListRoles".to_owned(), "iam:GetRole".to_owned()]);
    let lab = Lab::start(world).await;
    let told = self::told(&lab, 3).await;
    assert_eq!(told["roles"][0]["trust"], "unread");
    assert!(reaches(&told).iter().all(|it| it.contains("unknown")), "{told:#}");
}
