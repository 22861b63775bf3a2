//! The Azure DevOps client: what it reads, changes, refuses, repeats and traces.

use super::*;

#[tokio::test]
async fn azure_devops_tells_what_a_survey_asks() {
    let bench = Bench::new().await;
    let (devops, world) = (&bench.devops, &bench.practice.ground().world);
    let data = devops.connection_data().await.unwrap();
    assert_eq!(data.instance_id.to_string(), world.organization.id);
    let project = bench.project().await;
    assert_eq!((project.name.as_str(), project.organization.as_str()), ("payments", "contoso"));
    assert_eq!(project.collection_id, Some(data.instance_id));
    assert_eq!(devops.projects().await.unwrap().len(), 1);
    assert!(devops.aws_type().await.unwrap().unwrap().has_use_oidc);
    let toolkit = devops.toolkit().await.unwrap().unwrap();
    assert_eq!((toolkit.version.as_str(), toolkit.disabled), ("1.24.0", false));
    assert!(devops.hosted_parallel_jobs().await.unwrap().is_some_and(|jobs| jobs >= 1));
    assert!(devops.queues(&project).await.unwrap().iter().any(|queue| queue.hosted));
    let connections = devops.connections(&project).await.unwrap();
    let legacy = connections.iter().find(|found| found.name == "legacy-s3-upload").unwrap();
    assert!(legacy.is_aws() && !legacy.parameters.username.is_empty());
    let permission = devops.permission(&project, &Protected::Endpoint(legacy.id)).await.unwrap();
    assert!(permission.all_pipelines);
    assert!(devops.checks(&project, &Protected::Endpoint(legacy.id)).await.unwrap().is_empty());
    let discovery = discover(&bench.http, &bench.ends, &bench.issuer().await).await.unwrap();
    assert_eq!(discovery.issuer, bench.issuer().await.as_str());
}

#[tokio::test]
async fn a_round_asks_once_for_what_environments_share() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    let listed = |bench: &Bench| {
        let lines = bench.lines.0.lock().unwrap();
        lines.iter().filter(|line| line.contains("/serviceendpoint/endpoints?")).count()
    };
    let (a, b) = tokio::join!(bench.devops.connections(&project), bench.devops.connections(&project));
    assert_eq!(a.unwrap(), b.unwrap());
    assert_eq!(listed(&bench), 1);
    bench.devops.forget();
    bench.devops.connections(&project).await.unwrap();
    assert_eq!(listed(&bench), 2);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let bench = Bench::new().await;
    let unknown = bench.devops.project(&"nowhere".parse().unwrap()).await.unwrap_err();
    assert_eq!(unknown.code, Code::ProjectUnknown);
    assert_eq!(unknown.evidence("visible projects"), Some("payments"));
    let token = Credential::Pat("wrong".to_owned().into());
    let stranger =
        DevOps::new(bench.http.clone(), bench.ends.clone(), "contoso".parse().unwrap(), &token).unwrap();
    let refused = stranger.connection_data().await.unwrap_err();
    assert_eq!((refused.code, refused.class), (Code::DevopsToken, Class::Denied));
    assert_eq!(refused.evidence("attempted"), Some("GET /{organization}/_apis/connectionData"));
    let project = bench.project().await;
    assert_eq!(bench.devops.connection(&project, uuid::Uuid::nil()).await.unwrap(), None);
    assert_eq!(bench.devops.repository(&project, "nothing").await.unwrap(), None);
    assert_eq!(bench.devops.pipeline(&project, 4711).await.unwrap(), None);
    bench.devops.create_connection(&bench.pen, &project, &wanted_connection()).await.unwrap();
    let taken = bench.devops.create_connection(&bench.pen, &project, &wanted_connection()).await.unwrap_err();
    assert_eq!(taken.code, Code::DevopsConflict);
    assert!(bench.notes.results.lock().unwrap()[1].is_err());
}

#[tokio::test]
async fn a_connection_is_changed_in_place_and_put_back() {
    let bench = Bench::new().await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let made = devops.create_connection(pen, &project, &wanted_connection()).await.unwrap();
    let found = devops.connection(&project, made.id).await.unwrap().unwrap();
    assert_eq!(found.parameters, wanted_connection().parameters());
    let mut other = wanted_connection();
    other.session = "another".parse().unwrap();
    let changed = devops.update_connection(pen, &project, &found, &other).await.unwrap();
    assert_eq!((changed.id, changed.parameters.role_session_name.as_str()), (made.id, "another"));
    devops.restore_connection(pen, &project, &found).await.unwrap();
    assert_eq!(devops.connection(&project, made.id).await.unwrap().unwrap(), found);

    let connections = devops.connections(&project).await.unwrap();
    let legacy = connections.iter().find(|found| !found.parameters.username.is_empty()).unwrap();
    let mut emptied = wanted_connection();
    emptied.name = legacy.name.parse().unwrap();
    let emptied = devops.update_connection(pen, &project, legacy, &emptied).await.unwrap();
    assert_eq!((emptied.id, emptied.parameters.username.as_str()), (legacy.id, ""));
    let irreversible = |write: &Write| matches!(write.inverse, Inverse::Irreversible { .. });
    assert!(irreversible(bench.notes.intents.lock().unwrap().last().unwrap()));

    devops.delete_connection(pen, &project, &found).await.unwrap();
    let gone = async || devops.connection(&project, made.id).await.unwrap().is_none();
    while !gone().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    devops.delete_connection(pen, &project, &found).await.unwrap();
}

#[tokio::test]
async fn access_lists_are_set_and_removed() {
    let bench = Bench::new().await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let operator = devops.connection_data().await.unwrap().operator;
    let repository = devops.create_repository(pen, &project, "keyless-verification").await.unwrap();
    let namespace = devops.namespace(GIT_REPOSITORIES).await.unwrap();
    let push = namespace.actions["GenericContribute"];
    let token = format!("repoV2/{}/{}", project.id, repository.id);
    let before = devops.access_list(GIT_REPOSITORIES, &token).await.unwrap();
    let access = Access { allow: push, deny: 0 };
    let wanted = AccessList { inherit: false, entries: BTreeMap::from([(operator.descriptor, access)]) };
    let set =
        devops.set_access_list(pen, GIT_REPOSITORIES, &token, before.as_ref(), &wanted, "repository x").await;
    set.unwrap();
    assert_eq!(devops.access_list(GIT_REPOSITORIES, &token).await.unwrap(), Some(wanted.clone()));
    devops.remove_access_list(pen, GIT_REPOSITORIES, &token, &wanted, "repository x").await.unwrap();
    assert_eq!(devops.access_list(GIT_REPOSITORIES, &token).await.unwrap(), None);
}

#[tokio::test]
async fn branches_and_files_live_and_go() {
    let bench = Bench::new().await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let repository = devops.create_repository(pen, &project, "own").await.unwrap();
    assert_eq!(repository.default_branch, None);
    assert_eq!(devops.branch_tip(&project, repository.id, "main").await.unwrap(), None);
    assert_eq!(devops.file(&project, repository.id, "main", "/a.yml", "one").await.unwrap(), None);
    let push = Push {
        branch: "main",
        parent: None,
        path: "/a.yml",
        content: "one",
        replaces: false,
        comment: "first",
    };
    let first = devops.push_file(pen, &project, &repository, &push).await.unwrap();
    assert_eq!(devops.branch_tip(&project, repository.id, "main").await.unwrap(), Some(first.clone()));
    let push = Push { parent: Some(&first), content: "two", replaces: true, comment: "second", ..push };
    let second = devops.push_file(pen, &project, &repository, &push).await.unwrap();
    for expected in ["two", "something else"] {
        let file = devops.file(&project, repository.id, "main", "/a.yml", expected).await.unwrap().unwrap();
        assert_eq!(file.content, "two", "{expected}");
    }
    let stale = devops.push_file(pen, &project, &repository, &push).await.unwrap_err();
    assert_eq!(stale.code, Code::DevopsConflict);
    // A push may begin a branch on the tip of another one.
    let push = Push { branch: "keyless", parent: Some(&second), content: "three", ..push };
    let third = devops.push_file(pen, &project, &repository, &push).await.unwrap();
    assert_eq!(devops.branch_tip(&project, repository.id, "main").await.unwrap(), Some(second.clone()));
    devops.delete_branch(pen, &project, &repository, "keyless", &third).await.unwrap();
    assert_eq!(devops.branch_tip(&project, repository.id, "keyless").await.unwrap(), None);
    devops.delete_repository(pen, &project, &repository).await.unwrap();
    assert_eq!(devops.repository(&project, "own").await.unwrap(), None);
}

#[tokio::test]
async fn a_run_is_followed_to_the_tasks_own_record() {
    let bench = Bench::new().await;
    let (project, run) = handshake(&bench).await;
    assert_eq!((run.completed, run.result.as_deref()), (true, Some("succeeded")));
    let records = bench.devops.timeline(&project, run.id).await.unwrap();
    let record = records.iter().find(|record| record.task == Some(AWSCLI_TASK)).unwrap();
    assert_eq!(record.state, RecordState::Completed);
    let log = bench.devops.log(&project, run.id, record.log.unwrap()).await.unwrap();
    assert!(!log.cut);
    let log = TaskLog::read(log.lines.iter().map(String::as_str));
    assert_eq!(log.identity.unwrap().account, "111122223333");
    assert_eq!(log.claims.unwrap().subject, "sc://contoso/payments/AWS-Dev");
}

#[tokio::test]
async fn a_trace_shows_no_secret_and_no_content() {
    let bench = Bench::new().await;
    let (project, run) = handshake(&bench).await;
    let records = bench.devops.timeline(&project, run.id).await.unwrap();
    let log = records.iter().find_map(|record| record.log).unwrap();
    bench.devops.log(&project, run.id, log).await.unwrap();
    let lines = bench.lines.0.lock().unwrap();
    assert!(lines.len() >= 15, "{}", lines.len());
    let credentials = bench.practice.credentials();
    let mut secrets =
        vec![credentials.azure_devops.expose_secret().to_owned(), "get-caller-identity".to_owned()];
    for account in &credentials.accounts {
        secrets.push(account.secret_access_key.expose_secret().to_owned());
        secrets.push(account.access_key_id.clone());
    }
    for line in lines.iter() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        assert!(exchange["status"].as_u64().is_some_and(|status| status >= 200), "{line}");
        for secret in secrets.iter().map(String::as_str).chain(["PRACTICE/SECRET", "arn:aws:iam", "Basic "]) {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
    assert!(lines.iter().any(|line| line.contains(r#""Action":"CreateRole""#)));
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_not_repeated() {
    for (fate, made) in [(Fate::CutBefore, 0), (Fate::CutAfter, 1)] {
        let watch = Watch::new("POST", "connection AWS-Dev", fate);
        let bench = Bench::with(worlds::named("fresh").unwrap(), Some(watch.clone())).await;
        let project = bench.project().await;
        let failure =
            bench.devops.create_connection(&bench.pen, &project, &wanted_connection()).await.unwrap_err();
        assert_eq!((failure.code, watch.count()), (Code::DevopsUnreachable, 1), "{fate:?}");
        let connections = bench.devops.connections(&project).await.unwrap();
        assert_eq!(connections.iter().filter(|found| found.name == "AWS-Dev").count(), made, "{fate:?}");
    }
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let mut world = worlds::named("fresh").unwrap();
    world.habits.throttle_every = 3;
    let bench = Bench::with(world, None).await;
    let project = bench.project().await;
    let aws = bench.aws(&environment("111122223333"));
    let name = "github-actions-docs".parse().unwrap();
    for _ in 0..2 {
        bench.devops.forget();
        bench.devops.connections(&project).await.unwrap();
        assert!(aws.role(&name).await.unwrap().is_some());
    }
    let statuses: Vec<u64> = {
        let lines = bench.lines.0.lock().unwrap();
        lines
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["status"].as_u64().unwrap())
            .collect()
    };
    assert!(statuses.contains(&429) && statuses.contains(&200), "{statuses:?}");
}
