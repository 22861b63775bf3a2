//! `keyless pipeline`: data on stdout, a file that overwrites nothing, and a pull request that is made once.

use serde_json::Value;

use crate::headless::assert_valid;
use crate::support::binary::{Machine, Said};
use crate::support::lab::THREE;
use crate::support::{Job, Lab, Live};

fn pull_requests(lab: &Lab) -> Vec<Value> {
    lab.dump().table("pull-request").into_values().collect()
}

fn link(said: &Said) -> String {
    let line = said.err.lines().find_map(|line| line.strip_prefix("pull request: "));
    line.unwrap_or_else(|| panic!("{}", said.err)).to_owned()
}

#[test]
fn the_file_goes_to_stdout_and_the_talk_does_not() {
    let machine = Machine::new();
    for (preset, flow) in
        [("cdk", "mapped"), ("terraform", "trunk"), ("script", "develop"), ("cloudformation", "hotfix")]
    {
        let said = machine
            .run(&["--sandbox=fresh", "pipeline", "--preset", preset, "--flow", flow, "--stdout"])
            .expect(0);
        let yaml: Value = serde_saphyr::from_str(&said.out).unwrap();
        assert!(
            said.out.starts_with(&format!("# Written by keyless: preset {preset}, flow {flow}.")),
            "{}",
            said.out
        );
        let stages = yaml["stages"].as_array().unwrap();
        for environment in ["dev", "staging", "prod"] {
            assert!(
                stages.iter().any(|stage| stage["stage"] == format!("deploy_{environment}")),
                "{}",
                said.out
            );
        }
        assert!(said.err.contains("repository payments"), "{}", said.err);
    }
    assert_eq!(std::fs::read_dir(machine.work()).unwrap().count(), 0, "nothing was written");
    let told = machine
        .run(&["--sandbox=fresh", "pipeline", "--preset", "terraform", "--stdout", "--json"])
        .expect(0)
        .json();
    assert_valid("pipeline.schema.json", &told);
    assert_eq!(told["environments"][2]["branches"], serde_json::json!(["main"]));
    assert_eq!(told["assumed"].as_array().unwrap().len(), 3);
    // What only the person knows is asked for, by the key it stands under.
    let said = machine.run(&["--sandbox=fresh", "pipeline", "--preset", "amplify", "--stdout"]).expect(2);
    assert!(said.out.is_empty() && said.err.contains("deploy = { app-id ="), "{}", said.err);
    let said = machine.run(&["--sandbox=fresh", "pipeline", "--stdout"]).expect(2);
    assert!(said.err.contains("--preset NAME"), "{}", said.err);
}

#[test]
fn a_file_is_written_once_and_another_one_stays() {
    let machine = Machine::new();
    std::fs::create_dir_all(machine.work().join("repository/.git")).unwrap();
    std::fs::create_dir_all(machine.work().join("repository/src")).unwrap();
    let run = |arguments: &[&str]| -> Said {
        let mut command =
            machine.command(&[&["--sandbox=fresh", "pipeline", "--preset", "cdk"], arguments].concat());
        command.current_dir(machine.work().join("repository/src")).output().unwrap().into()
    };
    let file = machine.work().join("repository/azure-pipelines.yml");
    run(&[]).expect(0);
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("# Written by keyless"), "{written}");
    let again = run(&[]).expect(0);
    assert!(again.err.contains("holds exactly this already"), "{}", again.err);
    let edited = written.replace("vmImage: ubuntu-latest", "vmImage: ubuntu-24.04");
    std::fs::write(&file, &edited).unwrap();
    let refused = run(&[]).expect(2);
    assert!(refused.out.contains("- ") && refused.out.contains("ubuntu-24.04"), "{}", refused.out);
    assert!(refused.err.contains("azure-pipelines.keyless.yml: --yes"), "{}", refused.err);
    let said = run(&["--yes"]).expect(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), edited, "another file is never overwritten");
    let beside = machine.work().join("repository/azure-pipelines.keyless.yml");
    assert_eq!(std::fs::read_to_string(&beside).unwrap(), written);
    assert!(said.err.contains("file = \"azure-pipelines.keyless.yml\""), "{}", said.err);
    // Yes saved the table: from now on status knows of gates.
    let answers = std::fs::read_to_string(machine.state().join("practice/fresh/keyless.toml")).unwrap();
    assert!(answers.contains("[pipeline]") && answers.contains("tool = \"cdk\""), "{answers}");
    let status = machine.run(&["--sandbox=fresh", "status", "--json"]).expect(0).json();
    assert!(status.to_string().contains("gates"), "{status:#}");
    // The second file is not overwritten either.
    std::fs::write(&beside, "other: 1\n").unwrap();
    run(&["--yes"]).expect(2);
    assert_eq!(std::fs::read_to_string(&beside).unwrap(), "other: 1\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_is_made_once_and_again_for_another_content() {
    let lab = Lab::of("fresh").await;
    let live = Live::on(&lab);
    let terraform = ["pipeline", "--preset", "terraform", "--pull-request"];
    let refused = live.run(&terraform).await.expect(2);
    assert!(refused.err.contains("2 requests that change a cloud: --yes"), "{}", refused.err);
    assert!(pull_requests(&lab).is_empty());
    let yes = [&terraform[..], &["--yes"]].concat();
    let first = live.run(&yes).await.expect(0);
    assert!(first.err.contains("`keyless setup` takes up pipeline payments"), "{}", first.err);
    let again = live.run(&yes).await.expect(0);
    assert_eq!((link(&again), pull_requests(&lab).len()), (link(&first), 1));
    assert!(again.out.contains("0 writes"), "{}", again.out);
    let made = &pull_requests(&lab)[0];
    assert_eq!(
        made["targetRefName"].as_str().or(made["target"].as_str()),
        Some("refs/heads/main"),
        "{made:#}"
    );
    let other = live.run(&["pipeline", "--preset", "cdk", "--pull-request", "--yes"]).await.expect(0);
    assert_ne!(link(&other), link(&first));
    let json =
        live.run(&["pipeline", "--preset", "cdk", "--pull-request", "--yes", "--json"]).await.expect(0);
    let lines = json.lines();
    assert_eq!(lines.last().unwrap()["writes"], 0);
    assert!(json.out.contains(&link(&other)), "the page of the pull request is told: {}", json.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_gets_the_file_and_another_file_on_main_is_shown() {
    let lab = Lab::of("deploy").await;
    let live = Live::on(&lab);
    let arguments = ["pipeline", "--branch", "deployments", "--yes"];
    let said = live.run(&arguments).await.expect(0);
    assert!(
        said.out.contains("azure-pipelines.yml on main of payments")
            && said.out.contains("- - script: npm ci"),
        "{}",
        said.out
    );
    assert!(pull_requests(&lab).is_empty());
    let again = live.run(&arguments).await.expect(0);
    assert!(again.out.contains("0 writes"), "{}", again.out);
    // The pull request comes from that branch; nothing is pushed again.
    let proposed =
        live.run(&["pipeline", "--branch", "deployments", "--pull-request", "--yes"]).await.expect(0);
    assert!(proposed.out.contains("1 write."), "{}", proposed.out);
    assert_eq!(pull_requests(&lab).len(), 1);
}

/// Before a delivery Azure DevOps reads the file as a run would: what it names must be there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_devops_reads_the_file_first_and_may_refuse_it() {
    let lab = Lab::of("deploy").await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let live = Live::on(&lab);
    let before = lab.dump().table("pull-request").len();
    let read = |said: &Said| {
        said.out.split_whitespace().chain(said.err.split_whitespace()).collect::<Vec<_>>().join(" ")
    };
    let taken = live.run(&["pipeline", "--branch", "deployments", "--yes"]).await.expect(0);
    assert!(
        read(&taken).contains("Azure DevOps read the file as a run of pipeline payments would, and takes it"),
        "{}",
        read(&taken)
    );
    // The file names a queue that is not there: Azure DevOps says so, and nothing is pushed.
    let path = live.machine.work().join("keyless.toml");
    let answers = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, answers.replace("tool = \"cdk\"", "tool = \"cdk\"\nqueue = \"Nobody\"")).unwrap();
    for way in [&["--branch", "others"][..], &["--pull-request"]] {
        let refused = live.run(&[&["pipeline", "--yes"], way].concat()).await.expect(2);
        let told = read(&refused);
        assert!(
            told.contains("would not run the file")
                && told.contains("Could not find a pool with name Nobody"),
            "{told}"
        );
    }
    let dump = lab.dump();
    assert_eq!(dump.table("pull-request").len(), before);
    assert!(!dump.table("ref").keys().any(|name| name.contains("others")), "{:?}", dump.table("ref").keys());
}

/// Keyless does not write to GitHub: a file and what to do with it.
#[test]
fn code_on_github_gets_a_file_and_instructions() {
    let machine = Machine::new();
    let github = [
        "--sandbox=fresh",
        "pipeline",
        "--preset",
        "cdk",
        "--repository",
        "https://github.com/contoso/payments",
    ];
    let said = machine.run(&[&github[..], &["--pull-request", "--yes"]].concat()).expect(2);
    assert!(said.err.contains("its code lies on GitHub"), "{}", said.err);
    let said = machine.run(&github).expect(0);
    assert!(
        said.err.contains("pull request into main of https://github.com/contoso/payments"),
        "{}",
        said.err
    );
    let written = std::fs::read_to_string(machine.work().join("azure-pipelines.yml")).unwrap();
    assert!(written.contains("\npr:\n"), "{written}");
}
