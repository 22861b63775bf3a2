//! Verdicts and reasons, one connection at a time.
#![allow(clippy::unwrap_used, reason = "a test may stop here")]

use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::domain::connection::Use;
use crate::domain::failure::Code;
use crate::domain::finding::FindingCode;
use crate::domain::variable_group::{Variable, VariableGroup};

const DEV: &str = "AKIAPRACTICEAAAAAAAA";

fn state(id: &str, active: bool) -> KeyState {
    KeyState { id: id.to_owned(), active, created: Some(0), last: None }
}

fn deploy() -> KeyUser {
    KeyUser {
        name: "deploy".to_owned(),
        last: None,
        keys: Fact::Known(vec![state(DEV, true)]),
        password: Fact::Known(false),
        policies: Fact::Known(Policies::default()),
        named_by: Vec::new(),
        unread: Vec::new(),
    }
}

fn key(owner: Owner) -> Key {
    Key { id: DEV.to_owned(), account: Fact::Known("111122223333".to_owned()), owner }
}

fn of(owner: Owner) -> Facts {
    let place = Place {
        environment: "dev".parse().unwrap(),
        role: "arn:aws:iam::111122223333:role/Deploy".to_owned(),
        longest: 3600,
        unreached: None,
    };
    Facts {
        project: "payments".to_owned(),
        connection: "AWS-Dev".to_owned(),
        id: Uuid::from_u128(1),
        place: Some(place),
        signs_in: SignsIn::Key,
        role: None,
        held: Some(Held::Key(Box::new(key(owner)))),
        replaces: Fact::Known(None),
        shared: false,
        shared_with: Vec::new(),
        untrusted: Vec::new(),
        uses: Fact::Known(Vec::new()),
    }
}

fn facts() -> Facts {
    of(Owner::User(Box::new(deploy())))
}

fn judged(facts: &Facts) -> (Verdict, String) {
    let inventory = Inventory::default().judged(vec![facts.clone()], "keyless");
    (inventory.connections[0].verdict, inventory.connections[0].reasons.join("; "))
}

fn minutes(minutes: i64, set: Fact<Option<String>>) -> Used {
    Used {
        project: "payments".to_owned(),
        kind: "Build".to_owned(),
        pipeline: Some(7),
        name: "nightly".to_owned(),
        runs: 1,
        last: Some(0),
        longest: Some(minutes * 60),
        duration: set,
    }
}

#[test]
fn how_a_connection_signs_in_follows_from_its_parameters() {
    let of = |username: &str, role: &str, oidc: Option<&str>| {
        SignsIn::of(&AwsParameters {
            username: username.to_owned(),
            assume_role_arn: role.to_owned(),
            use_oidc: oidc.map(str::to_owned),
            ..AwsParameters::default()
        })
    };
    assert_eq!(of("AKIA", "", None), SignsIn::Key);
    assert_eq!(of("AKIA", "arn", Some("true")), SignsIn::KeyAndRole);
    assert_eq!(of("", "arn", Some("true")), SignsIn::Oidc);
    assert_eq!(of("", "arn", Some("True")), SignsIn::Nothing);
    assert_eq!(of("", "", Some("true")), SignsIn::Nothing);
}

#[test]
fn only_access_key_ids_are_ever_told() {
    assert_eq!(Held::read("  "), None);
    assert_eq!(Held::read(DEV), Some(Ok(DEV.to_owned())));
    assert_eq!(Held::read("$(awsKey)"), Some(Err(Held::Variable)));
    assert_eq!(Held::read("PRACTICE/SECRET/aaaa"), Some(Err(Held::Other)));
}

#[test]
fn a_key_of_an_environment_is_rotated() {
    assert_eq!(judged(&facts()), (Verdict::Rotate, String::new()));
    let elsewhere = Facts { place: None, ..facts() };
    assert_eq!(judged(&elsewhere), (Verdict::Skip, "no environment of keyless.toml uses it".to_owned()));
    let nothing = Facts { signs_in: SignsIn::Nothing, held: None, ..facts() };
    assert_eq!(judged(&nothing).0, Verdict::Skip);
}

#[test]
fn what_nobody_can_reach_is_blocked() {
    let cases = [
        (Owner::Unreached, "account 111122223333 is reached by no sign-in"),
        (Owner::Gone, "has no access key AKIAPRACTICEAAAAAAAA any more"),
        (
            Owner::Unknown("iam:GetAccessKeyLastUsed is denied".to_owned()),
            "iam:GetAccessKeyLastUsed is denied",
        ),
    ];
    for (owner, why) in cases {
        let (verdict, reasons) = judged(&of(owner));
        assert!(verdict == Verdict::Blocked && reasons.contains(why), "{reasons}");
    }
    let variable = Facts { held: Some(Held::Variable), ..facts() };
    assert!(judged(&variable).1.starts_with("its access key id is a variable"));
    let place = Place { unreached: Some("KL-AWS-SIGN-IN".to_owned()), ..facts().place.unwrap() };
    let unreached = Facts { place: Some(place), ..facts() };
    assert_eq!(judged(&unreached).0, Verdict::Blocked);
}

#[test]
fn a_switched_connection_is_done_once_its_old_key_is_gone() {
    let oidc = |replaces| Facts { signs_in: SignsIn::Oidc, held: None, replaces, ..facts() };
    assert_eq!(judged(&oidc(Fact::Known(None))), (Verdict::Done, "already OIDC".to_owned()));
    assert_eq!(judged(&oidc(Fact::Known(Some(key(Owner::Gone))))).0, Verdict::Done);
    let watched = oidc(Fact::Known(Some(key(Owner::User(Box::new(deploy()))))));
    let (verdict, reasons) = judged(&watched);
    assert!(verdict == Verdict::Rotate && reasons.contains("`keyless rotate` goes on"), "{reasons}");
    let off = KeyUser { keys: Fact::Known(vec![state(DEV, false)]), ..deploy() };
    assert!(
        judged(&oidc(Fact::Known(Some(key(Owner::User(Box::new(off))))))).1.contains("off, and not deleted")
    );
    let unknown = oidc(Fact::Unknown("iam:ListRoleTags is denied".to_owned()));
    assert!(judged(&unknown).1.contains("iam:ListRoleTags is denied"));
}

#[test]
fn long_uses_block_until_their_sessions_last() {
    let of = |used| Facts { uses: Fact::Known(vec![used]), ..facts() };
    let set = |value: &str| Fact::Known(Some(value.to_owned()));
    assert_eq!(judged(&of(minutes(15, Fact::Known(None)))).0, Verdict::Rotate);
    assert_eq!(judged(&of(minutes(40, set("3600")))).0, Verdict::Rotate);
    let own = Used { name: "keyless".to_owned(), ..minutes(40, Fact::Known(None)) };
    assert_eq!(judged(&of(own)).0, Verdict::Rotate);
    let release = Used { kind: "Release".to_owned(), ..minutes(40, Fact::Known(None)) };
    for (used, why, code) in [
        (
            minutes(40, Fact::Known(None)),
            "not set; `keyless rotate` sets it first",
            FindingCode::PipelineSessionShort,
        ),
        (minutes(40, set("7200")), "set to 7200; `keyless rotate`", FindingCode::PipelineSessionShort),
        (minutes(90, Fact::Known(None)), "the role allows sessions of 60", FindingCode::PipelineSessionLong),
        (release, "no pipeline whose variables", FindingCode::PipelineSessionShort),
        (
            minutes(40, Fact::Unknown("KL-DEVOPS-DENIED".to_owned())),
            "KL-DEVOPS-DENIED",
            FindingCode::PipelineSessionShort,
        ),
    ] {
        let facts = of(used);
        let inventory = Inventory::default().judged(vec![facts], "keyless");
        let row = &inventory.connections[0];
        assert!(row.verdict == Verdict::Blocked && row.reasons[0].contains(why), "{:?}", row.reasons);
        assert_eq!(inventory.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [code]);
    }
}

#[test]
fn resources_and_projects_that_would_be_shut_out_block() {
    let user = KeyUser { named_by: vec!["arn:aws:s3:::logs".to_owned()], ..deploy() };
    let named = of(Owner::User(Box::new(user)));
    let shared = Facts {
        shared: true,
        shared_with: vec!["web".to_owned()],
        untrusted: vec!["sc://contoso/web/AWS-Dev".to_owned()],
        ..facts()
    };
    for (facts, code) in [(named, FindingCode::RotationNamed), (shared, FindingCode::RotationShared)] {
        let inventory = Inventory::default().judged(vec![facts], "keyless");
        assert_eq!(inventory.count(Verdict::Blocked), 1);
        assert_eq!(inventory.findings[0].code, code);
    }
    let user = KeyUser { unread: vec!["S3 buckets (s3:ListAllMyBuckets is denied)".to_owned()], ..deploy() };
    let (verdict, reasons) = judged(&of(Owner::User(Box::new(user))));
    assert!(verdict == Verdict::Rotate && reasons.contains("s3:ListAllMyBuckets is denied"), "{reasons}");
}

#[test]
fn connections_that_hold_the_same_key_know_of_each_other() {
    let other = Facts { connection: "AWS-Old".to_owned(), id: Uuid::from_u128(2), place: None, ..facts() };
    let inventory = Inventory::default().judged(vec![facts(), other], "keyless");
    assert!(inventory.connections[0].reasons[0].contains("AWS-Old (payments, no environment)"));
    assert_eq!(inventory.count(Verdict::Skip), 1);
}

#[test]
fn what_is_unknown_says_which_right_is_missing() {
    let denied = Failure::new(Code::AwsDenied).with("action", "iam:ListAccessKeys");
    assert_eq!(Fact::<()>::of(Err(denied)), Fact::Unknown("iam:ListAccessKeys is denied".to_owned()));
    let unreachable = Failure::new(Code::AwsUnreachable).with("action", "iam:GetUser");
    assert_eq!(why(&unreachable), "iam:GetUser: KL-AWS-UNREACHABLE");
    assert_eq!(why(&Failure::new(Code::DevopsDenied)), "KL-DEVOPS-DENIED");
}

#[test]
fn uses_are_counted_by_pipeline_and_the_longest_is_told() {
    let one = |name: &str, day: u32, minutes: u32| Use {
        run: None,
        kind: "Build".to_owned(),
        pipeline: Some(7),
        name: name.to_owned(),
        started: format!("2026-11-{day:02}T10:00:00Z"),
        finished: format!("2026-11-{day:02}T10:{minutes:02}:00Z"),
        result: "succeeded".to_owned(),
    };
    let found = used("payments", &[one("deploy", 1, 20), one("nightly", 2, 5), one("deploy", 3, 4)]);
    let told: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.runs, it.longest)).collect();
    assert_eq!(told, [("deploy", 2, Some(1200)), ("nightly", 1, Some(300))]);
}

#[test]
fn keys_in_variable_groups_are_found_and_secrets_are_only_named() {
    let plain = |value: &str| Variable { value: Some(value.to_owned()), secret: false };
    let secret = || Variable { value: None, secret: true };
    let group = VariableGroup {
        vault: None,
        id: 1,
        name: "report".to_owned(),
        description: String::new(),
        variables: BTreeMap::from([
            ("AWS_ACCESS_KEY_ID".to_owned(), plain(DEV)),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), secret()),
            ("connection-string".to_owned(), plain(&format!("key={DEV};region=eu-west-1"))),
            ("password".to_owned(), secret()),
            ("region".to_owned(), plain("eu-west-1")),
        ]),
    };
    let found = in_group(&group);
    let named: Vec<_> = found.iter().map(|(name, stands)| (name.as_str(), stands.clone())).collect();
    let id = || Stands::Key(DEV.to_owned());
    assert_eq!(
        named,
        [("AWS_ACCESS_KEY_ID", id()), ("AWS_SECRET_ACCESS_KEY", Stands::Secret), ("connection-string", id())]
    );
}
