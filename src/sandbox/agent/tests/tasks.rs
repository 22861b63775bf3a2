//! What the AWS Toolkit's tasks find, do and say, in real runs against the practice STS.

use serde_json::{Value, json};

use crate::sandbox::Practice;
use crate::sandbox::devops::tests::{Client, practice_of};
use crate::sandbox::world::{Connection, Provider, Role, World};

const ISSUER: &str = "https://vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f";
const ROLE: &str = "arn:aws:iam::111122223333:role/Deploy";
const STAMP: usize = 29;

fn provider() -> Provider {
    Provider {
        url: ISSUER.to_owned(),
        audiences: vec!["api://AzureADTokenExchange".to_owned()],
        thumbprints: Vec::new(),
        tags: Default::default(),
    }
}

fn role(subject: &str) -> Role {
    let host = ISSUER.trim_start_matches("https://");
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{host}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("{host}:aud"): "api://AzureADTokenExchange", format!("{host}:sub"): subject,
        }},
    }]});
    Role {
        name: "Deploy".to_owned(),
        path: "/".to_owned(),
        trust: trust.to_string(),
        inline: Default::default(),
        managed: Vec::new(),
        tags: Default::default(),
        max_session_seconds: 3600,
        boundary: None,
    }
}

fn connection(parameters: &[(&str, &str)]) -> Connection {
    Connection {
        name: "AWS-Dev".to_owned(),
        description: String::new(),
        parameters: parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        all_pipelines: true,
        ..Connection::default()
    }
}

/// A world with the provider, a role that trusts the connection, and the connection.
fn federate(world: &mut World, subject: &str, parameters: &[(&str, &str)]) {
    world.accounts[0].providers.push(provider());
    world.accounts[0].roles.push(role(subject));
    world.projects[0].connections.push(connection(parameters));
}

const SUBJECT: &str = "sc://contoso/payments/AWS-Dev";
const OIDC: [(&str, &str); 3] =
    [("assumeRoleArn", ROLE), ("roleSessionName", "keyless-dev"), ("useOIDC", "true")];

const CLI: &str = "
  - task: AWSCLI@1
    displayName: verify
    inputs:
      awsCredentials: aws-dev
      regionName: eu-west-1
      awsCommand: sts
      awsSubCommand: get-caller-identity
";

/// Runs a pipeline with these steps; answers its build, its task's record and the task's log.
async fn run(practice: &Practice, steps: &str) -> (Value, Value, Vec<String>) {
    let client = Client::of(practice);
    let (pipeline, _) =
        client.pipeline("verify", &format!("trigger: none\nsteps:\n  - checkout: none\n{steps}")).await;
    let queues = client.get("payments/_apis/distributedtask/queues").await.ok();
    client.permit("queue", &queues["value"][0]["id"].to_string(), pipeline).await;
    let run = client.run(pipeline, json!({})).await.ok()["id"].as_u64().unwrap();
    let build = client.wait_end(run).await;
    let records = client.records(run).await;
    let record = records.into_iter().find(|record| record["name"] == "verify").unwrap();
    let log = client.log(run, "verify").await;
    (build, record, log)
}

/// The lines between the banner and the end, with the connection's id as `<id>`.
fn said(log: &[String]) -> Vec<String> {
    let start = log.iter().rposition(|line| line.starts_with("=====")).unwrap() + 1;
    let hide = |line: &String| match line.split_once("service endpoint '") {
        Some((before, _)) => format!("{before}service endpoint '<id>'"),
        None => line.clone(),
    };
    log[start..log.len() - 1].iter().map(hide).collect()
}

const BEGIN: [&str; 2] = ["Configuring credentials for task", ENDPOINT];
const ENDPOINT: &str = "...configuring AWS credentials from service endpoint '<id>'";
const SKIP_PROFILE: &str = "Skipping Instance profile, we have OIDC enabled";
const GET_TOKEN: &str = "Getting OIDC Token...";
const REGION: [&str; 2] =
    ["Configuring region for task", "...configured to use region eu-west-1, defined in task."];
const ASSUMING: &str = "Assuming role via OIDC Token...";

fn token_line() -> String {
    format!(
        "OIDC Token generated: issuer: {{{ISSUER}}} sub: {{{SUBJECT}}}, aud: {{api://AzureADTokenExchange}}"
    )
}

#[tokio::test]
async fn success_is_a_role_assumed_and_an_identity_printed() {
    let practice = practice_of(|world| federate(world, SUBJECT, &OIDC)).await;
    let (build, record, log) = run(&practice, CLI).await;
    assert_eq!((&build["result"], &record["result"]), (&json!("succeeded"), &json!("succeeded")), "{log:#?}");
    let said = said(&log);
    let token = token_line();
    let mut wanted: Vec<&str> = BEGIN.to_vec();
    wanted.extend([SKIP_PROFILE, ENDPOINT, GET_TOKEN, &token]);
    wanted.extend(REGION);
    wanted.extend([
        ASSUMING,
        "...role assumed via OIDC Token: arn:aws:sts::111122223333:assumed-role/Deploy/keyless-dev",
    ]);
    wanted.extend(REGION);
    wanted.push("[command]/usr/local/bin/aws sts get-caller-identity");
    assert_eq!(said[..wanted.len()], wanted);
    let printed: Value = serde_json::from_str(&said[wanted.len()..].concat()).unwrap();
    assert_eq!(printed["Arn"], "arn:aws:sts::111122223333:assumed-role/Deploy/keyless-dev");
    assert_eq!(printed["Account"], "111122223333");
    assert_eq!(log[0], "##[section]Starting: verify");
    let client = Client::of(&practice);
    let connection = client.get("payments/_apis/serviceendpoint/endpoints?endpointNames=AWS-Dev").await.ok();
    let id = connection["value"][0]["id"].as_str().unwrap();
    let history =
        client.get(&format!("payments/_apis/serviceendpoint/{id}/executionhistory?top=5")).await.ok();
    let used = &history["value"][0]["data"];
    assert_eq!((&used["owner"]["id"], &used["definition"]["name"]), (&build["id"], &json!("verify")));
    assert_eq!(used["result"], "succeeded");
    assert_eq!(log.last().unwrap(), "##[section]Finishing: verify");
}

#[tokio::test]
async fn a_hundred_connections_are_proven_in_one_job() {
    let practice = practice_of(|world| {
        federate(world, SUBJECT, &OIDC);
        for number in 0..100 {
            let mut more = connection(&OIDC);
            more.name = format!("AWS-{number}");
            world.projects[0].connections.push(more);
        }
    })
    .await;
    let steps: String = (0..100)
        .map(|number| {
            CLI.replace("aws-dev", &format!("AWS-{number}"))
                .replace("    inputs", "    condition: always()\n    inputs")
        })
        .collect();
    let client = Client::of(&practice);
    let (pipeline, _) = client.pipeline("verify", &format!("steps:\n{steps}")).await;
    let queues = client.get("payments/_apis/distributedtask/queues").await.ok();
    client.permit("queue", &queues["value"][0]["id"].to_string(), pipeline).await;
    let run = client.run(pipeline, json!({})).await.ok()["id"].as_u64().unwrap();
    let build = client.wait_end(run).await;
    assert_eq!(build["result"], "failed", "the trust names one of them only");
    let records = client.records(run).await;
    assert_eq!(
        records.iter().filter(|record| record["name"] == "verify" && record["result"] == "failed").count(),
        100
    );
}

#[tokio::test]
async fn a_wrong_subject_is_said_and_then_covered_by_a_second_error() {
    let practice = practice_of(|world| federate(world, "sc://contoso/payments/aws-dev", &OIDC)).await;
    let (build, record, log) = run(&practice, CLI).await;
    assert_eq!(build["result"], "failed");
    let said = said(&log);
    let token = token_line();
    let mut wanted: Vec<&str> = BEGIN.to_vec();
    wanted.extend([SKIP_PROFILE, ENDPOINT, GET_TOKEN, &token]);
    wanted.extend(REGION);
    let fallback = format!("...endpoint defines role-based credentials for role {ROLE}.");
    wanted.extend([
        ASSUMING,
        "Failed to assume role with OIDC: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ENDPOINT,
        &fallback,
        "##[error]InvalidClientTokenId: The security token included in the request is invalid.",
    ]);
    assert_eq!(said, wanted);
    let message = &record["issues"][0]["message"];
    assert_eq!(*message, "InvalidClientTokenId: The security token included in the request is invalid.");
}

#[tokio::test]
async fn without_a_provider_sts_names_the_issuer() {
    let practice = practice_of(|world| {
        federate(world, SUBJECT, &OIDC);
        world.accounts[0].providers.clear();
    })
    .await;
    let (_, _, log) = run(&practice, CLI).await;
    let line = format!(
        "Failed to assume role with OIDC: InvalidIdentityToken: No OpenIDConnect provider found in your account for {ISSUER}"
    );
    assert!(log.contains(&line), "{log:#?}");
}

#[tokio::test]
async fn static_keys_win_in_silence() {
    let practice = practice_of(|world| {
        federate(
            world,
            SUBJECT,
            &[
                ("username", "AKIAPRACTICEREPORTS2"),
                ("password", "PRACTICE/SECRET/legacyS3uploadKey0000001"),
                ("useOIDC", "true"),
            ],
        );
    })
    .await;
    let (build, _, log) = run(&practice, CLI).await;
    assert_eq!(build["result"], "succeeded", "{log:#?}");
    let said = said(&log);
    let mut wanted: Vec<&str> = BEGIN.to_vec();
    wanted.extend([
        SKIP_PROFILE,
        ENDPOINT,
        ENDPOINT,
        "...endpoint defines standard access/secret key credentials",
    ]);
    wanted.extend(REGION);
    assert_eq!(said[..wanted.len()], wanted);
    assert!(said.iter().any(|line| line.contains(":user/reporting")), "{said:#?}");
    assert!(!log.concat().contains("SECRET"), "{log:#?}");
}

#[tokio::test]
async fn one_key_of_two_and_other_misprints_fail_as_the_task_does() {
    let one_key = [("username", "AKIAPRACTICEREPORTS2"), ("assumeRoleArn", ROLE), ("useOIDC", "true")];
    let capital = [("assumeRoleArn", ROLE), ("useOIDC", "True")];
    let other_case = [("assumeRoleArn", ROLE), ("useOidc", "true")];
    let no_role = [("assumeRoleArn", ""), ("useOIDC", "true")];
    let missing = "##[error]CredentialsError: Missing credentials in config, if using AWS_CONFIG_FILE, set AWS_SDK_LOAD_CONFIG=1";
    let profile = "Assuming role without credentials (via instance profile)...";
    for (parameters, wanted) in [
        (
            one_key.as_slice(),
            vec![
                "##[error]Error: Need to define or omit both \"Access Key ID\" and \"Secret Access Key\", not just one.",
            ],
        ),
        (capital.as_slice(), vec![profile, missing]),
        (other_case.as_slice(), vec![profile, missing]),
        // Without a role there is no OIDC at all, and the command still runs.
        (
            no_role.as_slice(),
            vec![
                "...endpoint defines standard access/secret key credentials",
                "Unable to locate credentials. You can configure credentials by running \"aws configure\".",
                "##[error]Error: The process '/usr/local/bin/aws' failed with exit code 253",
            ],
        ),
    ] {
        let practice = practice_of(|world| federate(world, SUBJECT, parameters)).await;
        let (build, _, log) = run(&practice, CLI).await;
        assert_eq!(build["result"], "failed", "{parameters:?}");
        for line in wanted {
            assert!(log.iter().any(|said| said == line), "{parameters:?}: {line} in {log:#?}");
        }
        assert!(!log.iter().any(|line| line == GET_TOKEN), "{log:#?}");
    }
}

#[tokio::test]
async fn an_old_toolkit_knows_nothing_of_oidc() {
    let practice = practice_of(|world| {
        federate(world, SUBJECT, &OIDC);
        world.organization.toolkit = Some("1.14.0".to_owned());
    })
    .await;
    let (build, record, log) = run(&practice, CLI).await;
    assert_eq!((&build["result"], &record["task"]["version"]), (&json!("failed"), &json!("1.14.0")));
    assert!(log.iter().any(|line| line.starts_with("Assuming role without credentials")), "{log:#?}");
}

#[tokio::test]
async fn a_shell_script_runs_line_by_line_as_bash_would() {
    let practice = practice_of(|world| federate(world, SUBJECT, &OIDC)).await;
    let script = |lines: &str| {
        format!(
            "
  - task: AWSShellScript@1
    displayName: verify
    inputs:
      awsCredentials: AWS-Dev
      regionName: $(region)
      scriptType: inline
      inlineScript: |
{}
variables:
  region: eu-west-1
",
            lines.lines().map(|line| format!("        {line}\n")).collect::<String>()
        )
    };
    let good =
        script("# who am I?\nset -euo pipefail\n\naws sts get-caller-identity --query Arn --output text");
    let (build, _, log) = run(&practice, &good).await;
    assert_eq!(build["result"], "succeeded", "{log:#?}");
    assert!(
        log.iter().any(|line| line == "arn:aws:sts::111122223333:assumed-role/Deploy/keyless-dev"),
        "{log:#?}"
    );
    let practice = practice_of(|world| federate(world, SUBJECT, &OIDC)).await;
    let (build, _, log) = run(&practice, &script("aws sts get-caller-identity\nnpx cdk deploy --all")).await;
    assert_eq!(build["result"], "succeeded");
    let note = "The practice agent does not run this; it is taken as succeeded: npx cdk deploy --all";
    assert!(log.iter().any(|line| line == note), "{log:#?}");
}

/// The step that a deployment pipeline begins its stages with.
const IDENTITY: &str = r###"
  - task: AWSShellScript@1
    displayName: verify
    inputs:
      awsCredentials: AWS-Dev
      regionName: eu-west-1
      scriptType: inline
      inlineScript: |
        set -euo pipefail
        arn=$(aws sts get-caller-identity --query Arn --output text)
        case "$arn" in
          "$EXPECTED_ROLE"/?*)
            echo "This job is $arn."
            ;;
          *)
            echo "##vso[task.logissue type=error]This job is $arn and not $EXPECTED_ROLE."
            exit 1
            ;;
        esac
    env:
      EXPECTED_ROLE: ROLE
"###;

#[tokio::test]
async fn a_script_that_asks_who_it_is_goes_on_only_as_the_role_it_expects() {
    let expect = |role: &str| IDENTITY.replace("ROLE\n", &format!("{role}\n"));
    let practice = practice_of(|world| federate(world, SUBJECT, &OIDC)).await;
    let (build, _, log) = run(&practice, &expect("arn:aws:sts::111122223333:assumed-role/Deploy")).await;
    assert_eq!(build["result"], "succeeded", "{log:#?}");
    let said = "This job is arn:aws:sts::111122223333:assumed-role/Deploy/keyless-dev.";
    assert!(log.iter().any(|line| line == said), "{log:#?}");
    let practice = practice_of(|world| federate(world, SUBJECT, &OIDC)).await;
    let (build, _, log) = run(&practice, &expect("arn:aws:sts::111122223333:assumed-role/Dep")).await;
    assert_eq!(build["result"], "failed", "{log:#?}");
    assert!(
        log.iter().any(|line| line.starts_with("##[error]This job is arn:aws:sts::111122223333")),
        "{log:#?}"
    );
}

#[tokio::test]
async fn what_the_agent_cannot_perform_fails_and_says_so() {
    let practice = practice_of(|world| federate(world, SUBJECT, &OIDC)).await;
    for (steps, wanted) in [
        ("  - bash: exit 3\n    displayName: verify\n", "failed with exit code 3"),
        (
            "  - download: current\n    artifact: cdk.out\n    displayName: verify\n",
            "Artifact cdk.out was not found",
        ),
        ("  - task: Docker@2\n    displayName: verify\n", "cannot perform the task Docker"),
        (
            &CLI.replace("get-caller-identity", "get-session-token"),
            "it did not run: aws sts get-session-token",
        ),
        (&CLI.replace("awsCommand: sts", "awsCommand: cdk deploy"), "failed with exit code 252"),
        (
            &CLI.replace("      awsSubCommand: get-caller-identity\n", ""),
            "Error: Input required: awsSubCommand",
        ),
        (&CLI.replace("eu-west-1", "eu-wets-1"), "InvalidClientTokenId"),
    ] {
        let client = Client::of(&practice);
        let (build, record, log) = run_again(&client, steps).await;
        assert_eq!(build["result"], "failed");
        let message = record["issues"][0]["message"].as_str().unwrap();
        assert!(message.contains(wanted), "{message}: {log:#?}");
    }
}

/// As [`run`], with a pipeline of a new name.
async fn run_again(client: &Client, steps: &str) -> (Value, Value, Vec<String>) {
    let name = format!("verify-{}", uuid::Uuid::new_v4());
    let (pipeline, _) = client.pipeline(&name, &format!("steps:\n{steps}")).await;
    let queues = client.get("payments/_apis/distributedtask/queues").await.ok();
    client.permit("queue", &queues["value"][0]["id"].to_string(), pipeline).await;
    let run = client.run(pipeline, json!({})).await.ok()["id"].as_u64().unwrap();
    let build = client.wait_end(run).await;
    let record = client.records(run).await.into_iter().find(|record| record["name"] == "verify").unwrap();
    let log = client.log(run, "verify").await;
    (build, record, log)
}

#[tokio::test]
async fn retries_write_to_one_log_and_conditions_are_kept() {
    let practice = practice_of(|world| federate(world, "sc://somebody/else", &OIDC)).await;
    let steps = format!(
        "{}{}{}",
        CLI.replace("    inputs:", "    retryCountOnTaskFailure: 2\n    inputs:"),
        CLI.replace("verify", "left out"),
        CLI.replace(
            "displayName: verify",
            "displayName: anyway\n    condition: always()\n    continueOnError: true"
        ),
    );
    let (build, record, log) = run(&practice, &steps).await;
    assert_eq!(build["result"], "failed");
    assert_eq!(log.iter().filter(|line| *line == GET_TOKEN).count(), 3);
    let warning =
        "##[warning]RetryHelper encountered task failure, will retry (attempt #: 1 out of 2) after 1000 ms";
    assert!(log.iter().any(|line| line == warning), "{log:#?}");
    assert_eq!((&record["errorCount"], &record["warningCount"]), (&json!(3), &json!(2)));
    let client = Client::of(&practice);
    let records = client.records(build["id"].as_u64().unwrap()).await;
    let result = |name: &str| records.iter().find(|record| record["name"] == name).unwrap()["result"].clone();
    assert_eq!((result("left out"), result("anyway")), (json!("skipped"), json!("succeededWithIssues")));
    let url = format!(
        "payments/_apis/build/builds/{}/logs/{}?startLine=1&endLine=1",
        build["id"], record["log"]["id"]
    );
    let text = client.call("GET", &format!("{url}&api-version=7.1"), None).await.text;
    assert!(
        text.ends_with(" ##[section]Starting: verify\r\n") && text.as_bytes()[STAMP - 2] == b'Z',
        "{text}"
    );
}
