//! The Azure DevOps client on keys in connections, variable groups and variables of pipelines.

use keyless::domain::connection::AwsParameters;
use keyless::domain::variable_group::Variable;
use keyless::sandbox::world;
use secrecy::SecretString;

use super::*;

const MAXIMUM: &str = "aws.rolecredential.maxduration";
const SECRET: &str = "PRACTICE/SECRET/putIntoAConnection000001";

fn world() -> World {
    let mut world = worlds::named("fresh").unwrap();
    world.projects[0].variable_groups.push(world::VariableGroup {
        name: "deploy".to_owned(),
        description: "for deployments".to_owned(),
        variables: [("ACCESS_KEY".to_owned(), "AKIAPRACTICEREPORTS2".to_owned())].into(),
        secrets: [("SECRET_KEY".to_owned(), "PRACTICE/SECRET/inAVariableGroup00000001".to_owned())].into(),
        ..world::VariableGroup::default()
    });
    world
}

fn plain(value: &str) -> Variable {
    Variable { value: Some(value.to_owned()), secret: false }
}

fn secret() -> Variable {
    Variable { value: None, secret: true }
}

fn variables<const N: usize>(list: [(&str, Variable); N]) -> BTreeMap<String, Variable> {
    list.map(|(name, variable)| (name.to_owned(), variable)).into()
}

/// Whether anything that was written down holds a text.
fn written(bench: &Bench, text: &str) -> bool {
    let notes = format!("{:?}{:?}", bench.notes.intents.lock().unwrap(), bench.notes.results.lock().unwrap());
    notes.contains(text) || bench.lines.0.lock().unwrap().iter().any(|line| line.contains(text))
}

/// Whether the practice cloud holds a text.
fn kept(bench: &Bench, text: &str) -> bool {
    json!(bench.practice.ground().store.dump()).to_string().contains(text)
}

#[tokio::test]
async fn keys_are_put_into_a_connection_and_shown_by_nothing() {
    let bench = Bench::new().await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let made = devops.create_connection(pen, &project, &wanted_connection()).await.unwrap();
    let parameters = AwsParameters {
        username: "AKIAPRACTICENEWNEWNE".to_owned(),
        use_oidc: Some("false".to_owned()),
        external_id: "kept".to_owned(),
        ..made.parameters.clone()
    };
    let hidden = SecretString::from(SECRET);
    let put = devops.put_keys(pen, &project, &made, parameters.clone(), &hidden).await.unwrap();
    assert_eq!((put.id, &put.parameters), (made.id, &parameters));
    let found = devops.connection(&project, made.id).await.unwrap().unwrap();
    assert_eq!((&found.parameters, &found.description), (&parameters, &made.description));
    assert!(kept(&bench, SECRET), "the secret did not arrive");
    assert!(!written(&bench, SECRET));

    // The key that was there goes: its secret cannot be put back.
    let next = AwsParameters { username: "AKIAPRACTICENEXTNEXT".to_owned(), ..parameters };
    devops.put_keys(pen, &project, &found, next, &hidden).await.unwrap();
    let connection =
        devops.connections(&project).await.unwrap().into_iter().find(|it| it.id == made.id).unwrap();
    assert_eq!(connection.parameters.username, "AKIAPRACTICENEXTNEXT");
    devops.update_connection(pen, &project, &connection, &wanted_connection()).await.unwrap();
    assert!(!kept(&bench, SECRET), "the secret stayed");

    let intents = bench.notes.intents.lock().unwrap();
    let [_, first, second, emptied] = &intents[..] else { panic!("{intents:?}") };
    assert_eq!(first.detail, json!({"put_access_key": "AKIAPRACTICENEWNEWNE"}));
    assert_eq!(first.inverse, Inverse::Restore { before: json!(made) });
    let detail =
        json!({"emptied_access_key": "AKIAPRACTICENEWNEWNE", "put_access_key": "AKIAPRACTICENEXTNEXT"});
    assert_eq!(second.detail, detail);
    assert!(matches!(second.inverse, Inverse::Irreversible { .. }));
    assert_eq!(emptied.detail, json!({"emptied_access_key": "AKIAPRACTICENEXTNEXT"}));
}

#[tokio::test]
async fn every_project_is_told() {
    let bench = Bench::new().await;
    assert_eq!(bench.devops.all_projects().await.unwrap(), bench.devops.projects().await.unwrap());
}

#[tokio::test]
async fn a_variable_of_a_group_is_set_and_the_others_stay() {
    let bench = Bench::with(world(), None).await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let groups = devops.variable_groups(&project).await.unwrap();
    let [group] = &groups[..] else { panic!("{groups:?}") };
    assert_eq!((group.name.as_str(), group.description.as_str()), ("deploy", "for deployments"));
    let before = variables([("ACCESS_KEY", plain("AKIAPRACTICEREPORTS2")), ("SECRET_KEY", secret())]);
    assert_eq!(group.variables, before);

    devops.set_group_variable(pen, &project, group.id, MAXIMUM, "3600").await.unwrap();
    let mut after = before.clone();
    after.insert(MAXIMUM.to_owned(), plain("3600"));
    let seen = async || devops.variable_groups(&project).await.unwrap().remove(0);
    assert_eq!(seen().await.variables, after);
    assert!(kept(&bench, "PRACTICE/SECRET/inAVariableGroup00000001"), "the secret variable was emptied");
    devops.set_group_variable(pen, &project, group.id, MAXIMUM, None).await.unwrap();
    assert_eq!(seen().await.variables, before);
    assert_eq!(seen().await.description, "for deployments");
    let missing = devops.set_group_variable(pen, &project, 4711, MAXIMUM, "3600").await.unwrap_err();
    assert_eq!(missing.code, Code::DevopsNotFound);

    let intents = bench.notes.intents.lock().unwrap();
    assert_eq!(intents[0].object, "variable group deploy");
    assert_eq!(intents[0].detail, json!({"variable": MAXIMUM, "value": "3600"}));
    let restored =
        |value| Inverse::Restore { before: json!({"group": group.id, "variable": MAXIMUM, "value": value}) };
    assert_eq!(
        (&intents[0].inverse, &intents[1].inverse),
        (&restored(Value::Null), &restored(json!("3600")))
    );
}

#[tokio::test]
async fn a_variable_of_a_pipeline_is_set_and_the_definition_stays() {
    let bench = Bench::with(world(), None).await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let repository = devops.create_repository(pen, &project, "own").await.unwrap();
    let push =
        Push { branch: "main", parent: None, path: "/a.yml", content: YAML, replaces: false, comment: "c" };
    devops.push_file(pen, &project, &repository, &push).await.unwrap();
    let made = devops.create_pipeline(pen, &project, "deploy", &repository, "/a.yml").await.unwrap();
    let pipeline = devops.pipeline(&project, made.id).await.unwrap().unwrap();
    assert!(devops.pipeline_variables(&project, made.id).await.unwrap().is_empty());

    devops.set_pipeline_variable(pen, &project, made.id, MAXIMUM, Some("3600")).await.unwrap();
    devops.set_pipeline_variable(pen, &project, made.id, "other", Some("1")).await.unwrap();
    let seen = async || devops.pipeline_variables(&project, made.id).await.unwrap();
    assert_eq!(seen().await, variables([(MAXIMUM, plain("3600")), ("other", plain("1"))]));
    devops.set_pipeline_variable(pen, &project, made.id, MAXIMUM, None).await.unwrap();
    assert_eq!(seen().await, variables([("other", plain("1"))]));
    devops.forget();
    assert_eq!(devops.pipeline(&project, made.id).await.unwrap().unwrap(), pipeline);

    let missing = devops.set_pipeline_variable(pen, &project, 4711, MAXIMUM, None).await.unwrap_err();
    assert_eq!(missing.code, Code::DevopsNotFound);
    assert!(devops.pipeline_variables(&project, 4711).await.unwrap().is_empty());
    let intents = bench.notes.intents.lock().unwrap();
    let last = intents.last().unwrap();
    assert_eq!((last.operation.as_str(), last.object.as_str()), ("definitions/update", "pipeline deploy"));
    let before = json!({"pipeline": made.id, "variable": MAXIMUM, "value": "3600"});
    assert_eq!(last.inverse, Inverse::Restore { before });
}
