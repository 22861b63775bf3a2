//! Moving to another issuer: there, ahead of time, back; and what belongs to somebody else stays.

use std::collections::BTreeMap;

use keyless::domain::denial;
use keyless::domain::failure::Result;
use keyless::domain::finding::FindingCode;
use keyless::domain::handshake::Verdict;
use keyless::domain::move_issuer::{Stays, Target, Typed, target};
use keyless::plan::event::Outcome;
use keyless::programs::consent::Consent;
use keyless::programs::move_issuer::{Intent, look, moved, prepare_back, prepare_move};
use keyless::sandbox::issuer::{of_tokens, switch};
use keyless::sandbox::world::TokenIssuer;
use keyless::sandbox::worlds;
use serde_json::Value;

use super::support::binary::Machine;
use super::support::lab::{Ran, THREE};
use super::support::{Job, Lab};

/// `move-issuer --yes`, or with more said.
pub fn yes() -> Consent {
    Consent { yes: true, every_protected: true, ..Consent::default() }
}

/// Where a move leads now.
pub async fn leads(lab: &Lab, typed: &Typed) -> std::result::Result<Target, Stays> {
    let (session, collected) = lab.collecting();
    let sight = look(&session).await.unwrap();
    let found = target(&sight.surveyed.grounds.issuer, &lab.answers.audience, &sight.standings, typed);
    drop(session);
    collected.await.unwrap();
    found
}

/// A move to there; what was done is in the answers afterwards.
pub async fn go(lab: &mut Lab, target: &Target, consent: Consent) -> Result<Ran> {
    let (session, collected) = lab.collecting();
    let sight = look(&session).await?;
    drop(session);
    collected.await.unwrap();
    let (session, collected) = lab.collecting();
    let prepared = prepare_move(&session, sight, target, Intent::Apply).await?;
    let plan = prepared.decidable();
    let summary = prepared.carry_out(&session, consent.decide(&plan)).await?;
    let board = session.events.board();
    drop(session);
    let ran = Ran { plan, summary, board, events: collected.await.unwrap() };
    if ran.outcome() == Outcome::Done {
        lab.answers = moved(&lab.answers, target);
    }
    Ok(ran)
}

/// The way back; none: there is nothing to take back.
pub async fn back(lab: &Lab) -> Option<Ran> {
    let (session, collected) = lab.collecting();
    let sight = look(&session).await.unwrap();
    drop(session);
    collected.await.unwrap();
    let (session, collected) = lab.collecting();
    let prepared = prepare_back(&session, sight, Intent::Apply).await.unwrap()?;
    let plan = prepared.decidable();
    let summary = prepared.carry_out(&session, yes().decide(&plan)).await.unwrap();
    let board = session.events.board();
    drop(session);
    Some(Ran { plan, summary, board, events: collected.await.unwrap() })
}

pub async fn proven(world: &str) -> Lab {
    let lab = Lab::of(world).await;
    assert_eq!(lab.run(Job::setup()).await.outcome(), Outcome::Done);
    lab.watch.forget();
    lab
}

/// What roles trust and which providers are there, as text.
fn trusted(lab: &Lab) -> String {
    let dump = lab.dump();
    let roles = dump.table("iam.role").into_values().map(|role| role["trust"].to_string());
    roles.chain(dump.table("iam.provider").into_keys()).collect::<Vec<_>>().join("\n")
}

pub fn entra(lab: &Lab) -> String {
    let ground = lab.practice.ground();
    switch(ground, TokenIssuer::Entra);
    of_tokens(ground)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_run_tells_where_to_move_and_the_old_issuer_goes() {
    let mut lab = proven("fresh").await;
    assert_eq!(leads(&lab, &Typed::default()).await, Err(Stays::Here));
    let new = entra(&lab);
    // The newest run is of before: nobody knows yet.
    assert_eq!(leads(&lab, &Typed::default()).await, Err(Stays::Here));
    let refused = lab.run(Job::verify()).await;
    assert_eq!(refused.proven(), Vec::<String>::new());
    let found = leads(&lab, &Typed::default()).await.unwrap();
    assert_eq!((found.issuer.as_str(), found.typed.len(), found.waits.len()), (new.as_str(), 0, 0));

    let ran = go(&mut lab, &found, yes()).await.unwrap();
    ran.assert_proven(&THREE);
    let text = trusted(&lab);
    assert!(!text.contains("vstoken.dev.azure.com") && text.contains("/eid1/c/pub/t/"), "{text}");
    assert!(!text.contains("Next"), "the only statement has the usual name: {text}");

    // Others are denied as before, although no name tells their subject.
    let denied = lab.run(Job::denial()).await;
    assert_eq!(denied.denial("dev"), Some(denial::Verdict::Denied));

    // Whoever looks with the new answers finds a federation as wanted, and nothing to do.
    assert_eq!(lab.examine().await.unwrap(), []);
    lab.watch.forget();
    let again = lab.run(Job::setup()).await;
    again.assert_proven(&THREE);
    assert!(lab.watch.writes().is_empty(), "{:?}", lab.watch.writes());
    assert_eq!(leads(&lab, &Typed::default()).await, Err(Stays::Here));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_comes_later_is_trusted_ahead_and_waits() {
    let mut lab = proven("fresh").await;
    let before = lab.dump();
    let ground = lab.practice.ground();
    switch(ground, TokenIssuer::Entra);
    let new = of_tokens(ground);
    switch(ground, TokenIssuer::AzureDevops);
    let subject = |name: &str| {
        let connections = lab.dump().table("connection");
        let id = connections
            .iter()
            .find(|(_, it)| it.to_string().contains(&format!("AWS-{name}")))
            .unwrap()
            .0
            .clone();
        entra_subject(&lab, &id)
    };
    let subjects: BTreeMap<_, _> = [("dev", "Dev"), ("staging", "Staging"), ("prod", "Prod")]
        .map(|(name, of)| (name.parse().unwrap(), subject(of)))
        .into();
    let typed = Typed { issuer: Some(new.parse().unwrap()), subjects: subjects.clone(), ..Typed::default() };
    let found = leads(&lab, &typed).await.unwrap();
    assert_eq!((found.typed.len(), found.waits.len()), (3, 3));

    // A general yes covers no typed subject.
    let ran = go(&mut lab, &found, yes()).await.unwrap();
    assert_eq!(ran.outcome(), Outcome::Waiting);
    assert!(!trusted(&lab).contains("/eid1/"));
    let confirmed = Consent { subjects: subjects.into_values().collect(), ..yes() };
    let ran = go(&mut lab, &found, confirmed).await.unwrap();
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    let text = trusted(&lab);
    assert!(text.contains("/eid1/") && text.contains("vstoken.dev.azure.com"), "{text}");

    // Pipelines go on, nobody is called open, and the doctor says what is under way.
    lab.run(Job::verify()).await.assert_proven(&THREE);
    let codes: Vec<FindingCode> = lab.examine().await.unwrap().into_iter().map(|it| it.code).collect();
    assert_eq!(codes, [FindingCode::IssuerMoving; 3]);

    // Taken back, all is as before.
    let ran = back(&lab).await.unwrap();
    ran.assert_proven(&THREE);
    before.assert_same(&lab.dump(), "something is left of the move");
    assert!(back(&lab).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_goes_on_when_the_service_has_changed() {
    let mut lab = proven("fresh").await;
    let new = entra(&lab);
    lab.run(Job::verify()).await;
    let found = leads(&lab, &Typed::default()).await.unwrap();
    // Only dev is approved: everything else waits, nothing old is removed.
    let some = Consent { every_protected: false, ..yes() };
    let ran = go(&mut lab, &found, some).await.unwrap();
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    let text = trusted(&lab);
    assert!(text.matches("vstoken.dev.azure.com").count() >= 6, "{text}");
    // Another machine goes on from what it sees.
    let found = leads(&lab, &Typed::default()).await.unwrap();
    assert_eq!(found.issuer.as_str(), new);
    go(&mut lab, &found, yes()).await.unwrap().assert_proven(&THREE);
    assert!(!trusted(&lab).contains("vstoken.dev.azure.com"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_role_keeps_the_provider_it_names_and_environments_share_one() {
    let provider =
        "arn:aws:iam::111122223333:oidc-provider/vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f";
    let claim = "vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f";
    let trust = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Federated": provider }, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": { (format!("{claim}:sub")): "sc://contoso/web/AWS", (format!("{claim}:aud")): "api://AzureADTokenExchange" } },
    }] });
    let text = include_str!("../../assets/worlds/shared-account.toml");
    for foreign in [true, false] {
        let role = format!("\n[[accounts.roles]]\nname = \"Foreign\"\ntrust = '''{trust}'''\n");
        let world = if foreign { format!("{text}{role}") } else { text.to_owned() };
        let mut lab = Lab::start(worlds::parse(&world).unwrap()).await;
        assert_eq!(lab.run(Job::setup()).await.outcome(), Outcome::Done);
        entra(&lab);
        lab.run(Job::verify()).await;
        let found = leads(&lab, &Typed::default()).await.unwrap();
        go(&mut lab, &found, yes()).await.unwrap().assert_proven(&["dev", "staging"]);
        let providers: Vec<String> = lab.dump().table("iam.provider").into_keys().collect();
        let old = providers.iter().any(|key| key.contains("vstoken"));
        assert_eq!((old, providers.len()), (foreign, if foreign { 2 } else { 1 }), "{providers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_with_azp_is_trusted_by_it() {
    let mut world = worlds::named("shared-account").unwrap();
    world.tokens.issuer = TokenIssuer::AzureDevops;
    let mut lab = Lab::start(world).await;
    assert_eq!(lab.run(Job::setup()).await.outcome(), Outcome::Done);
    let ground = lab.practice.ground();
    switch(ground, TokenIssuer::Entra);
    ground.store.put("practice", "azp", &"0b1f3c52-client".to_owned());
    lab.run(Job::verify()).await;
    // The log shows the audience alone, and AWS holds azp against the trust.
    let found = leads(&lab, &Typed::default()).await.unwrap();
    let ran = go(&mut lab, &found, yes()).await.unwrap();
    assert!(matches!(ran.verdict("dev"), Verdict::Failed { .. }), "{:?}", ran.verdict("dev"));
    assert!(trusted(&lab).contains("vstoken"), "nothing old goes before the proof");
    back(&lab).await.unwrap();
    let typed = Typed { azp: Some("0b1f3c52-client".to_owned()), ..Typed::default() };
    let found = leads(&lab, &typed).await.unwrap();
    go(&mut lab, &found, yes()).await.unwrap().assert_proven(&["dev", "staging"]);
    assert_eq!(lab.examine().await.unwrap(), []);
}

/// The subject that Entra would give a connection's token.
fn entra_subject(lab: &Lab, connection: &str) -> String {
    keyless::sandbox::devops::oidctoken::entra_subject(lab.practice.ground(), connection)
}

#[test]
fn the_command_plays_the_whole_move() {
    let machine = Machine::new();
    let world = "--sandbox=shared-account";
    let calm = machine.run(&[world, "move-issuer", "--plan"]).expect(0);
    assert!(calm.out.contains("Nothing is to be moved") && calm.out.contains("2027-07-01"), "{}", calm.out);
    machine.run(&[world, "setup", "--yes"]).expect(0);
    // Nothing has changed: a run of now says so.
    let stays = machine.run(&[world, "move-issuer", "--yes"]).expect(0);
    assert!(stays.out.contains("Nothing is to be moved"), "{}", stays.out);
    machine.run(&[world, "sandbox", "issuer", "entra"]).expect(0);
    let moved = machine.run(&[world, "move-issuer", "--yes", "--json"]).expect(0);
    let last = moved.lines().pop().unwrap();
    assert_eq!((&last["outcome"], &last["proven"]), (&"done".into(), &serde_json::json!(["dev", "staging"])));
    let answers =
        std::fs::read_to_string(machine.state().join("practice/shared-account/keyless.toml")).unwrap();
    assert!(answers.contains("issuer = \"https://login.microsoftonline.com/"), "{answers}");
    assert!(answers.starts_with("# What keyless sets up"), "comments are kept: {answers}");
    machine.run(&[world, "doctor"]).expect(0);
    machine.run(&[world, "setup", "--yes"]).expect(0);
    let inventory = machine.run(&[world, "move-issuer", "--inventory", "--json"]).expect(0).json();
    let issuers: Vec<&Value> = inventory["issuers"].as_array().unwrap().iter().collect();
    assert_eq!((issuers.len(), &issuers[0]["present"]), (1, &Value::Bool(true)));
    assert_eq!(issuers[0]["accounts"][0]["trusts"].as_array().unwrap().len(), 2);
    let shown = machine.run(&[world, "move-issuer", "--inventory"]).expect(0);
    assert!(shown.out.contains("2 trust statements"), "{}", shown.out);
}
