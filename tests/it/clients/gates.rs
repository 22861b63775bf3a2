//! The Azure DevOps client on what stands before a deployment: environments, checks, policies, pull requests, roles, groups.

use keyless::cloud::devops::branch_policies::Asks;
use keyless::cloud::devops::definitions::NewPipeline;
use keyless::cloud::devops::pull_requests::Proposal;
use keyless::cloud::devops::variable_groups::GroupChange;
use keyless::domain::gates::Settings;
use keyless::domain::gates::check::{Approval, Identity};
use keyless::domain::gates::hours::{BusinessHours, Day};
use keyless::domain::gates::policy::Rule;
use keyless::domain::gates::target::Administered;
use keyless::domain::pipeline::Repository;
use keyless::domain::pull_request::{MergeStatus, PullRequestStatus};
use keyless::domain::variable_group::Variable;
use keyless::sandbox::world;

use super::*;

const MAIN: &str = "refs/heads/main";

fn world() -> World {
    let mut world = worlds::named("fresh").unwrap();
    let person = |name: &str, mail: &str| world::Person {
        name: name.to_owned(),
        mail: mail.to_owned(),
        groups: Vec::new(),
    };
    world.people = vec![
        person("Grace Hopper", "grace@practice.example"),
        person("Grace Hopper", "grace.two@practice.example"),
        person("Ada Lovelace", "ada@practice.example"),
    ];
    world
}

fn approval(who: &Identity, minimum: u8, instructions: &str) -> Settings<Identity> {
    Settings::Approval(Approval {
        approvers: vec![who.clone()],
        minimum,
        requester_may: false,
        instructions: instructions.to_owned(),
    })
}

fn inverses(bench: &Bench) -> Vec<Inverse> {
    bench.notes.intents.lock().unwrap().iter().map(|write| write.inverse.clone()).collect()
}

/// A repository with one file on `main`.
async fn repository(bench: &Bench, project: &Project) -> Repository {
    let (devops, pen) = (&bench.devops, &bench.pen);
    let made = devops.create_repository(pen, project, "shop").await.unwrap();
    let push =
        Push { branch: "main", parent: None, path: "/a.yml", content: YAML, replaces: false, comment: "c" };
    devops.push_file(pen, project, &made, &push).await.unwrap();
    made
}

#[tokio::test]
async fn an_environment_is_made_described_and_deleted() {
    let bench = Bench::new().await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let name = "Prod".parse().unwrap();
    assert_eq!(devops.target(&project, &name).await.unwrap(), None);
    let made = devops.create_target(pen, &project, &name, "deployments").await.unwrap();
    devops.create_target(pen, &project, &"prod-old".parse().unwrap(), "").await.unwrap();
    let any_case = "pROD".parse().unwrap();
    assert_eq!(devops.target(&project, &any_case).await.unwrap().as_ref(), Some(&made));
    let taken = devops.create_target(pen, &project, &any_case, "").await.unwrap_err();
    assert_eq!(taken.code, Code::DevopsConflict);

    let described = devops.describe_target(pen, &project, &made, "other").await.unwrap();
    assert_eq!((described.id, described.description.as_str()), (made.id, "other"));
    let resource = [(Protected::Environment(made.id), "environment Prod".to_owned())];
    devops.permit(pen, &project, &resource, 12, true).await.unwrap();
    assert_eq!(devops.permission(&project, &resource[0].0).await.unwrap().pipelines, [12]);
    devops.delete_target(pen, &project, &described).await.unwrap();
    devops.delete_target(pen, &project, &described).await.unwrap();
    assert_eq!(devops.target(&project, &name).await.unwrap(), None);

    let before = json!({"id": made.id, "name": "Prod", "description": "deployments"});
    let inverses = inverses(&bench);
    assert_eq!((&inverses[0], &inverses[3]), (&Inverse::Delete, &Inverse::Restore { before }));
    assert!(matches!(inverses[5], Inverse::Irreversible { .. }));
}

#[tokio::test]
async fn checks_are_made_found_changed_and_deleted() {
    let bench = Bench::with(world(), None).await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let target = devops.create_target(pen, &project, &"prod".parse().unwrap(), "").await.unwrap();
    let protected = Protected::Environment(target.id);
    let on = (&protected, "environment prod");
    let ada = devops.identity(&project, "ada@practice.example").await.unwrap();
    assert_eq!(ada.name, "Ada Lovelace");

    let hours = BusinessHours {
        days: Day::WORK.to_vec(),
        from: "08:00".parse().unwrap(),
        to: "16:00".parse().unwrap(),
        time_zone: "UTC".to_owned(),
    };
    let all = [
        approval(&ada, 1, "look"),
        Settings::ExclusiveLock,
        Settings::BranchControl { allowed: vec![MAIN.to_owned()] },
        Settings::BusinessHours(hours),
    ];
    for wanted in &all {
        devops.create_check(pen, &project, on, wanted).await.unwrap();
    }
    let found = devops.found_checks(&project, &protected).await.unwrap();
    let kinds: Vec<_> = found.iter().map(|check| check.settings.as_ref().map(Settings::kind)).collect();
    assert_eq!(kinds, all.each_ref().map(|wanted| Some(wanted.kind())));
    assert_eq!(devops.checks(&project, &protected).await.unwrap().len(), 4);
    for (wanted, found) in all.iter().zip(&found) {
        assert!(wanted.shortfalls(found).is_empty(), "{found:?}");
    }

    let stricter = approval(&ada, 2, "look twice");
    let changed = devops.update_check(pen, &project, on, &found[0], &stricter).await.unwrap();
    assert!(stricter.shortfalls(&changed).is_empty(), "{changed:?}");
    assert_ne!(changed.version, found[0].version);
    let stale = devops.update_check(pen, &project, on, &found[0], &all[0]).await.unwrap_err();
    assert_eq!(stale.code, Code::DevopsConflict);
    let other = devops.update_check(pen, &project, on, &found[1], &all[0]).await.unwrap_err();
    assert_eq!(other.code, Code::DevopsRefused);
    for check in &found {
        devops.delete_check(pen, &project, on, check).await.unwrap();
    }
    assert!(devops.found_checks(&project, &protected).await.unwrap().is_empty());
    let notes = bench.notes.intents.lock().unwrap();
    assert_eq!(
        (notes[1].object.as_str(), &notes[1].inverse),
        ("approval on environment prod", &Inverse::Delete)
    );
    let restored = |write: &Write| matches!(&write.inverse, Inverse::Restore { before } if before["settings"]["check"] == "approval");
    assert!(restored(&notes[5]), "{:?}", notes[5]);
}

#[tokio::test]
async fn approvers_are_exactly_one_person_or_group() {
    let bench = Bench::with(world(), None).await;
    let (devops, project) = (&bench.devops, bench.project().await);
    let twice = devops.identity(&project, "Grace Hopper").await.unwrap_err();
    assert_eq!(twice.code, Code::Answers);
    let listed = twice.evidence("found").unwrap();
    assert!(
        listed.contains("grace@practice.example") && listed.contains("grace.two@practice.example"),
        "{listed}"
    );
    let nobody = devops.identity(&project, "Eve").await.unwrap_err();
    assert_eq!((nobody.code, nobody.evidence("found")), (Code::Answers, Some("nobody")));
    let contributors = devops.identity(&project, "Contributors").await.unwrap();
    assert_eq!(contributors.name, format!("[{}]\\Contributors", project.name));
    let team = devops.default_team(&project).await.unwrap();
    let found = devops.identity(&project, &format!("[{}]\\{}", project.name, team.name)).await.unwrap();
    assert_eq!(found.id, team.id);
}

#[tokio::test]
async fn a_branch_is_closed_by_policies_and_changed_by_a_pull_request() {
    let bench = Bench::new().await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let shop = repository(&bench, &project).await;
    let tip = devops.branch_tip(&project, shop.id, "main").await.unwrap().unwrap();
    let queue = devops.queues(&project).await.unwrap().remove(0);
    let wanted = NewPipeline {
        name: "shop",
        repository: &shop,
        yaml_path: "/a.yml",
        branch: "main",
        queue: Some(&queue),
    };
    let pipeline = devops.create_definition(pen, &project, &wanted).await.unwrap();
    let found = devops.definition(&project, pipeline.id).await.unwrap().unwrap();
    assert_eq!((found.repository, found.default_branch.as_deref()), (Some(shop.id), Some(MAIN)));
    assert_eq!((found.yaml_path.as_deref(), found.queue_id), (Some("/a.yml"), Some(queue.id)));

    // Before any policy, a branch with one file more.
    let push = Push {
        branch: "keyless/pipeline",
        parent: Some(&tip),
        path: "/b.yml",
        content: "steps: []\n",
        replaces: false,
        comment: "pipeline",
    };
    devops.push_file(pen, &project, &shop, &push).await.unwrap();
    let text = devops.text_file(&project, shop.id, "keyless/pipeline", "/b.yml").await.unwrap();
    assert_eq!(text.unwrap().content, "steps: []\n");
    assert_eq!(devops.text_file(&project, shop.id, "main", "/b.yml").await.unwrap(), None);

    let branch = (&shop, MAIN);
    devops.create_policy(pen, &project, branch, &Asks::Reviewers(1)).await.unwrap();
    let build = Asks::Build { definition: pipeline.id, name: "shop".to_owned() };
    devops.create_policy(pen, &project, branch, &build).await.unwrap();
    let policies = devops.branch_policies(&project, shop.id, MAIN).await.unwrap();
    assert!(policies.iter().all(|policy| policy.own_scope && policy.in_force), "{policies:?}");
    let reviewers = |count| Rule::MinimumReviewers { count, creator_counts: false, resets_on_push: true };
    assert_eq!(policies[0].rule, Some(reviewers(1)));
    assert_eq!(policies[1].rule, Some(Rule::BuildValidation { definition: pipeline.id, manual: false }));
    let two = devops.update_policy(pen, &project, branch, &policies[0], &Asks::Reviewers(2)).await.unwrap();
    assert_eq!(two.rule, Some(reviewers(2)));
    let refused = Push {
        branch: "main",
        parent: Some(&tip),
        path: "/c.yml",
        content: "x",
        replaces: false,
        comment: "c",
    };
    let refused = devops.push_file(pen, &project, &shop, &refused).await.unwrap_err();
    assert_eq!(refused.code, Code::DevopsDenied);
    for policy in &policies {
        devops.delete_policy(pen, &project, branch, policy).await.unwrap();
    }
    assert!(devops.branch_policies(&project, shop.id, MAIN).await.unwrap().is_empty());

    let proposal =
        Proposal { source: "keyless/pipeline", target: "main", title: "Deploy", description: "by keyless" };
    let made = devops.create_pull_request(pen, &project, &shop, proposal).await.unwrap();
    let twice = devops.create_pull_request(pen, &project, &shop, proposal).await.unwrap_err();
    assert_eq!(twice.code, Code::DevopsConflict);
    let open =
        devops.active_pull_request(&project, &shop, "keyless/pipeline", "main").await.unwrap().unwrap();
    assert_eq!((open.id, open.status), (made.id, PullRequestStatus::Active));
    let begun = Instant::now();
    let ready = loop {
        let found = devops.pull_request(&project, &shop, made.id).await.unwrap().unwrap();
        if found.merge == MergeStatus::Succeeded {
            break found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    devops.complete_pull_request(pen, &project, &shop, &ready, None).await.unwrap();
    loop {
        let found = devops.pull_request(&project, &shop, made.id).await.unwrap().unwrap();
        if found.status == PullRequestStatus::Completed {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(devops.text_file(&project, shop.id, "main", "/b.yml").await.unwrap().is_some());
    assert_eq!(devops.branch_tip(&project, shop.id, "keyless/pipeline").await.unwrap(), None);
    assert_eq!(devops.active_pull_request(&project, &shop, "keyless/pipeline", "main").await.unwrap(), None);
}

#[tokio::test]
async fn a_pull_request_is_abandoned() {
    let bench = Bench::new().await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let shop = repository(&bench, &project).await;
    let tip = devops.branch_tip(&project, shop.id, "main").await.unwrap().unwrap();
    let push =
        Push { branch: "x", parent: Some(&tip), path: "/b.yml", content: "x", replaces: false, comment: "c" };
    devops.push_file(pen, &project, &shop, &push).await.unwrap();
    let proposal = Proposal { source: "x", target: "main", title: "X", description: "" };
    let made = devops.create_pull_request(pen, &project, &shop, proposal).await.unwrap();
    let closed = devops.abandon_pull_request(pen, &project, &shop, &made).await.unwrap();
    assert_eq!(closed.status, PullRequestStatus::Abandoned);
    assert_eq!(devops.pull_request(&project, &shop, 4711).await.unwrap(), None);
    let notes = bench.notes.intents.lock().unwrap();
    let last = notes.last().unwrap();
    let before = json!({"repository": shop.id, "id": made.id, "status": "active"});
    assert_eq!(last.inverse, Inverse::Restore { before });
}

#[tokio::test]
async fn roles_are_given_taken_and_no_longer_inherited() {
    let bench = Bench::with(world(), None).await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let ada = devops.identity(&project, "Ada Lovelace").await.unwrap();
    let target = devops.create_target(pen, &project, &"prod".parse().unwrap(), "").await.unwrap();
    let connection = devops.create_connection(pen, &project, &wanted_connection()).await.unwrap();
    for on in [Administered::Environment(target.id), Administered::Connection(connection.id)] {
        let place = (on, "it");
        let roles = async || devops.role_assignments(&project, on).await.unwrap();
        assert!(roles().await.iter().any(|role| role.inherited), "{:?}", roles().await);
        devops.set_role(pen, &project, place, (&ada, "User"), None).await.unwrap();
        let all = roles().await;
        let own = all.iter().find(|role| role.who.id == ada.id).unwrap();
        assert_eq!((own.role.as_str(), own.inherited), ("User", false));
        devops.set_role(pen, &project, place, (&ada, "Reader"), Some(own)).await.unwrap();
        devops.inherit_roles(pen, &project, place, false, &[]).await.unwrap();
        let all = roles().await;
        assert!(all.iter().all(|role| !role.inherited), "{all:?}");
        let own = all.iter().find(|role| role.who.id == ada.id).unwrap();
        assert_eq!(own.role, "Reader");
        devops.remove_role(pen, &project, place, own).await.unwrap();
        assert!(roles().await.iter().all(|role| role.who.id != ada.id));
    }
}

#[tokio::test]
async fn a_variable_group_is_made_changed_and_deleted_without_its_secrets() {
    let mut world = world();
    world.projects[0].variable_groups.push(world::VariableGroup {
        name: "deploy".to_owned(),
        description: String::new(),
        variables: BTreeMap::from([
            ("REGION".to_owned(), "eu-west-1".to_owned()),
            ("OLD".to_owned(), "x".to_owned()),
        ]),
        secrets: BTreeMap::from([(
            "TOKEN".to_owned(),
            "PRACTICE/SECRET/ofAGroup0000000000000001".to_owned(),
        )]),
        ..world::VariableGroup::default()
    });
    let bench = Bench::with(world, None).await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let plain = |value: &str| Variable { value: Some(value.to_owned()), secret: false };
    let set = BTreeMap::from([("AWS_REGION".to_owned(), "eu-west-1".to_owned())]);
    let made = devops.create_variable_group(pen, &project, "shop-prod", "by keyless", &set).await.unwrap();
    assert_eq!(made.variables, BTreeMap::from([("AWS_REGION".to_owned(), plain("eu-west-1"))]));
    let resource = [(Protected::VariableGroup(made.id), "variable group shop-prod".to_owned())];
    devops.permit(pen, &project, &resource, 12, true).await.unwrap();
    assert_eq!(devops.permission(&project, &resource[0].0).await.unwrap().pipelines, [12]);

    let groups = devops.variable_groups(&project).await.unwrap();
    let deploy = groups.iter().find(|group| group.name == "deploy").unwrap();
    let change = GroupChange { description: "d", set: &set, remove: &["OLD".to_owned()] };
    let changed = devops.update_variable_group(pen, &project, deploy, &change).await.unwrap();
    let names: Vec<&str> = changed.variables.keys().map(String::as_str).collect();
    assert_eq!((names, changed.description.as_str()), (vec!["AWS_REGION", "REGION", "TOKEN"], "d"));
    let kept = json!(bench.practice.ground().store.dump()).to_string();
    assert!(kept.contains("PRACTICE/SECRET/ofAGroup0000000000000001"), "the secret was emptied");
    let secret = BTreeMap::from([("token".to_owned(), "x".to_owned())]);
    let touched = GroupChange { set: &secret, ..change };
    let refused = devops.update_variable_group(pen, &project, deploy, &touched).await.unwrap_err();
    assert_eq!(refused.code, Code::DevopsRefused);
    devops.delete_variable_group(pen, &project, &made).await.unwrap();
    devops.delete_variable_group(pen, &project, &made).await.unwrap();
    devops.delete_variable_group(pen, &project, deploy).await.unwrap();
    assert!(devops.variable_groups(&project).await.unwrap().is_empty());
    let inverses = inverses(&bench);
    let [.., own, foreign] = &inverses[..] else { panic!("{inverses:?}") };
    assert!(matches!(own, Inverse::Restore { .. }) && matches!(foreign, Inverse::Irreversible { .. }));
}
