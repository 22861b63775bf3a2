//! Who may administer what guards a protected environment: told, narrowed after a yes, kept, and given back.

use std::collections::BTreeMap;

use keyless::domain::finding::FindingCode;
use keyless::plan::change::Ask;
use keyless::plan::event::Outcome;
use keyless::sandbox::Fate;
use keyless::sandbox::world::World;
use serde_json::Value;

use crate::support::points::at_every;
use crate::support::{Job, Lab, Name, Then};

/// The deploy world with prod alone, whose contributors may edit every pipeline, as Azure DevOps has it at first. The team
/// has made the connection already.
fn open(administrators: &str) -> World {
    let text = include_str!("../../assets/worlds/deploy.toml");
    let from = text.find("[[environments]]\nname = \"dev\"").unwrap();
    let to = text.find("[[environments]]\nname = \"prod\"").unwrap();
    let text = format!("{}{}", &text[..from], &text[to..]);
    let gates = match administrators {
        "" => "protected = true".to_owned(),
        names => format!("protected = true\ngates = {{ administrators = [{names}] }}"),
    };
    let text = text
        .replace("protected = true", &gates)
        .replace("closed-pipelines = true\n", "connections = [{ name = \"AWS-Prod\" }]\n");
    keyless::sandbox::worlds::parse(&text).unwrap()
}

const ALAN: &str = "\"alan@contoso.example\"";
const CONNECTION: &str = "distributedtask.serviceendpointrole";
const ENVIRONMENT: &str = "distributedtask.environmentreferencerole";
const BUILD: &str = "33344d9c-fc72-4d6f-aba5-fa317101a7e9";
/// `EditBuildDefinition`, `DeleteBuildDefinition` and `AdministerBuildPermissions`.
const GUARDED: u64 = 0x800 | 0x1000 | 0x4000;

/// A name for everybody this test meets.
fn names(lab: &Lab) -> BTreeMap<String, String> {
    let all = keyless::sandbox::devops::identities::everybody(lab.practice.ground());
    all.into_iter().flat_map(|who| [(who.id, who.name.clone()), (who.descriptor, who.name)]).collect()
}

/// The roles set on the one object of a scope, and whether it inherits; none: nothing was ever set.
fn roles(lab: &Lab, scope: &str) -> Option<(bool, BTreeMap<String, String>)> {
    let names = names(lab);
    let all = lab.dump().table("security-role");
    let (_, found) = all.iter().find(|(key, _)| key.starts_with(scope))?;
    let roles = found["roles"].as_object().unwrap().iter();
    let named = roles.map(|(who, role)| (names[who].clone(), role.as_str().unwrap().to_owned()));
    Some((found["inherit"].as_bool().unwrap(), named.collect()))
}

/// Who may do anything of the guarded on the pipeline `payments` by its own list; none: it has none.
fn editors(lab: &Lab) -> Option<(bool, Vec<String>)> {
    let names = names(lab);
    let dump = lab.dump();
    let pipelines = dump.table("pipeline");
    let (_, payments) = pipelines.iter().find(|(_, it)| it["name"] == "payments").unwrap();
    let end = format!("/{}", payments["id"]);
    let lists = dump.table("acl");
    let (_, list) = lists.iter().find(|(key, _)| key.starts_with(BUILD) && key.ends_with(&end))?;
    let may = |entry: &Value| entry["allow"].as_u64().unwrap() & GUARDED != 0;
    let entries = list["entries"].as_object().unwrap().iter();
    let mut who: Vec<String> =
        entries.filter(|(_, entry)| may(entry)).map(|(who, _)| names[who].clone()).collect();
    who.sort();
    Some((list["inherit"].as_bool().unwrap(), who))
}

fn narrowed() -> BTreeMap<String, String> {
    let pair = |name: &str, role: &str| (name.to_owned(), role.to_owned());
    BTreeMap::from([
        pair("Alan Turing", "Administrator"),
        pair("Operator", "Administrator"),
        pair("[payments]\\Project Administrators", "Administrator"),
        pair("[payments]\\Build Administrators", "User"),
        pair("[payments]\\Contributors", "User"),
        pair("[payments]\\Readers", "Reader"),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_answer_it_is_told_and_nothing_is_taken() {
    let lab = Lab::start(open("")).await;
    let ran = lab.run(Job::setup()).await;
    ran.assert_proven(&["prod"]);
    assert_eq!((roles(&lab, CONNECTION), roles(&lab, ENVIRONMENT), editors(&lab)), (None, None, None));
    let status = lab.run(Job::status()).await;
    assert_eq!(status.findings("prod"), [FindingCode::GateAdministrators]);
    let findings = lab.examine().await.unwrap();
    let finding = findings.iter().find(|it| it.code == FindingCode::GateAdministrators).unwrap();
    assert_eq!(finding.evidence("on"), Some("pipeline payments"));
    assert_eq!(
        finding.evidence("who"),
        Some(
            "[payments]\\Contributors (edit; inherited from project payments; everybody who works in the project)"
        )
    );
    assert_eq!(finding.heal, None, "only an answer heals it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_answer_others_lose_it_and_a_teardown_gives_it_back() {
    let lab = Lab::start(open(ALAN)).await;
    let before = lab.dump();
    let ran = lab.run(Job::setup()).await;
    ran.assert_proven(&["prod"]);
    let asks: Vec<&str> =
        ran.plan.changes.iter().flat_map(|change| &change.asks).filter_map(Ask::by_itself).collect();
    for words in ["Build Administrators", "Contributors"] {
        assert!(
            asks.iter().any(|ask| ask.contains(words) && ask.contains("no longer")),
            "{words}: {asks:#?}"
        );
    }
    assert_eq!(roles(&lab, CONNECTION), Some((false, narrowed())));
    assert_eq!(roles(&lab, ENVIRONMENT), Some((false, narrowed())));
    let left = ["Alan Turing", "Operator", "[payments]\\Project Administrators"].map(str::to_owned);
    assert_eq!(editors(&lab), Some((false, left.to_vec())));
    let again = lab.run(Job::setup()).await;
    assert_eq!(again.plan.writes(), 0, "{:#?}", again.plan);
    assert!(again.findings("prod").is_empty(), "{:?}", again.findings("prod"));
    let ended = lab.run(Job::teardown()).await;
    assert_eq!(ended.outcome(), Outcome::Done, "{:#?}", ended.summary);
    // Connection and pipeline were there before keyless: what they inherited they inherit again.
    let (inherits, own) = roles(&lab, CONNECTION).unwrap();
    assert!(inherits);
    assert_eq!(own, BTreeMap::from([("Operator".to_owned(), "Administrator".to_owned())]));
    assert_eq!(roles(&lab, ENVIRONMENT), None, "it went with its environment");
    assert_eq!(lab.dump().table("acl"), before.table("acl"));
}

/// The same with dev beside it, which is not protected.
fn beside() -> World {
    let mut world = open(ALAN);
    let dev = "[[environments]]\nname = \"dev\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n\
               sign-in = { profile = \"contoso-dev\" }\n\n[[environments]]\nname = \"prod\"";
    world.answers = world.answers.replace("[[environments]]\nname = \"prod\"", dev);
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_teardown_gives_back_what_an_earlier_environment_narrowed() {
    let mut lab = Lab::start(beside()).await;
    let before = lab.dump();
    lab.run(Job::setup()).await.assert_proven(&["dev", "prod"]);
    let ended = lab.run(Job::teardown().of(&["prod"])).await;
    assert_eq!(ended.outcome(), Outcome::Done, "{:#?}", ended.summary);
    assert!(editors(&lab).is_some(), "what they share stays while one remains");
    lab.answers.environments.retain(|environment| environment.name.as_str() == "dev");
    let ended = lab.run(Job::teardown()).await;
    assert_eq!(ended.outcome(), Outcome::Done, "{:#?}", ended.summary);
    assert_eq!(lab.dump().table("acl"), before.table("acl"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_protected_no_longer_is_given_back_all_the_same() {
    let mut lab = Lab::start(open(ALAN)).await;
    let before = lab.dump();
    lab.run(Job::setup()).await.assert_proven(&["prod"]);
    lab.answers.environments[0].protected = false;
    let ended = lab.run(Job::teardown()).await;
    assert_eq!(ended.outcome(), Outcome::Done, "{:#?}", ended.summary);
    assert!(roles(&lab, CONNECTION).unwrap().0, "inherited again");
    assert_eq!(lab.dump().table("acl"), before.table("acl"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_seen_is_unknown_and_left() {
    let mut world = open(ALAN);
    world.rights.devops_denied.extend(["read-security-roles", "read-project-access"].map(str::to_owned));
    let lab = Lab::start(world).await;
    let ran = lab.run(Job::setup()).await;
    ran.assert_proven(&["prod"]);
    let status = lab.run(Job::status()).await;
    assert_eq!(status.findings("prod"), [FindingCode::GateAdministratorsUnknown; 3]);
    assert_eq!((roles(&lab, CONNECTION), editors(&lab)), (None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_narrowed_without_the_right_to() {
    let mut world = open(ALAN);
    world.rights.devops_denied.push("security-roles".to_owned());
    let lab = Lab::start(world).await;
    let ran = lab.run(Job::setup()).await;
    assert_eq!(ran.outcome(), Outcome::Failed, "{:#?}", ran.summary);
    assert_eq!((roles(&lab, CONNECTION), roles(&lab, ENVIRONMENT)), (None, None));
}

struct Point {
    name: Name,
    fate: Fate,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({:?})", self.name, self.fate)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn narrowing_converges_after_a_crash_at_every_write_of_it() {
    let lab = Lab::start(open(ALAN)).await;
    lab.run(Job::setup()).await.assert_proven(&["prod"]);
    let concerns = |name: &Name| name.to_string().contains(CONNECTION);
    let writes: Vec<Name> = lab.watch.writes().into_iter().filter(concerns).collect();
    let distinct: std::collections::BTreeSet<&Name> = writes.iter().collect();
    assert!(
        writes.len() == 6 && distinct.len() == writes.len(),
        "{:?}",
        writes.iter().map(ToString::to_string).collect::<Vec<_>>()
    );
    let points = writes
        .into_iter()
        .flat_map(|name| [Fate::CutBefore, Fate::CutAfter].map(|fate| Point { name: name.clone(), fate }));
    at_every(points, |point| async move {
        let lab = Lab::start(open(ALAN)).await;
        lab.watch.set(&point.name, point.fate, Then::Die);
        lab.crash(Job::setup()).await;
        lab.run(Job::setup()).await.assert_proven(&["prod"]);
        for scope in [CONNECTION, ENVIRONMENT] {
            assert_eq!(roles(&lab, scope), Some((false, narrowed())));
        }
        assert_eq!(lab.run(Job::setup()).await.plan.writes(), 0);
    })
    .await;
}
