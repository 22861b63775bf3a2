//! Plans: what is approved, what takes a review away, and what is left to somebody else.

use std::collections::BTreeSet;

use super::clouds::{answer, moved, name, review, reviewed, say, send};
use crate::domain::key::{Kind as Step, StepKey};
use crate::domain::names::EnvironmentName;
use crate::wizard::review::Review;
use crate::wizard::*;

#[test]
fn protected_environments_need_their_name() {
    let mut model = reviewed();
    say(&mut model, Key::of(Field::Approve), Value::Flag(true));
    say(&mut model, Key::at(&name("prod"), Field::Confirm), Value::text("Prod"));
    assert!(model.page().question(&Key::at(&name("prod"), Field::Confirm)).is_some());
    assert_eq!(send(&mut model, Msg::Next), vec![], "a wrong name is no name");
    say(&mut model, Key::at(&name("prod"), Field::Confirm), Value::text(""));
    let effects = send(&mut model.clone(), Msg::Next);
    let [Effect::Apply { environments, foreign, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(environments.iter().map(|e| e.as_str()).collect::<Vec<_>>(), ["dev", "staging"]);
    assert!(foreign.is_empty(), "nobody said yes to it");
    say(&mut model, Key::at(&name("prod"), Field::Confirm), Value::text("prod"));
    let step = StepKey::new(Step::Connection, "AWS-Dev");
    say(&mut model, Key::of(Field::Foreign { step: step.clone() }), Value::Flag(true));
    let only = [name("prod")].into_iter().collect::<BTreeSet<_>>();
    let effects = send(&mut model, Msg::Approve { environments: only.clone() });
    let [Effect::Apply { environments, foreign, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((environments, foreign), (&only, &[step].into()));
    assert_eq!(*model.at(), PageId::Done);
    assert_eq!(model.ended().unwrap().lines, ["prod: proven"]);
}

#[test]
fn another_subject_is_trusted_only_when_it_was_typed() {
    let mut model = reviewed();
    let effects = update(&mut model, Msg::Retry);
    let [Effect::MakePlan { generation, federation, .. }, ..] = &effects[..] else { panic!("{effects:?}") };
    let mut made = review(federation);
    made.subjects.insert(StepKey::new(Step::Role, "111122223333/Mine"), moved());
    update(&mut model, Msg::Reviewed { generation: *generation, result: Box::new(Ok(made)) });
    let key = Key::of(Field::Subject { step: StepKey::new(Step::Role, "111122223333/Mine") });
    let asked = model.page().question(&key).cloned().unwrap();
    assert!(asked.optional && asked.default.is_none(), "{asked:?}");
    assert!(asked.why.contains("sc://contoso/payments/old") && asked.why.contains(&moved().wanted));
    let refused = model.check(&key, "yes").unwrap_err();
    assert!(refused.contains(&moved().wanted) && model.check(&key, "").is_ok(), "{refused}");
    say(&mut model, Key::of(Field::Approve), Value::Flag(true));
    for (typed, wanted) in [(None, None), (Some(moved().wanted), Some(moved().wanted))] {
        if let Some(typed) = typed {
            say(&mut model, key.clone(), Value::text(typed));
        }
        let effects = update(&mut model.clone(), Msg::Next);
        let [Effect::Apply { subjects, .. }] = &effects[..] else { panic!("{effects:?}") };
        assert_eq!(subjects.iter().next(), wanted.as_ref());
    }
    say(&mut model, key, Value::text("yes"));
    assert_eq!(update(&mut model, Msg::Next), vec![], "a wrong subject is named first");
}

#[test]
fn a_forgotten_plan_is_made_anew() {
    let mut model = reviewed();
    assert_eq!(update(&mut model, Msg::Forgotten), vec![]);
    assert_eq!(*model.at(), PageId::Save);
    let effects = update(&mut model, Msg::Next);
    assert!(matches!(&effects[..], [Effect::MakePlan { .. }]), "{effects:?}");
}

#[test]
fn after_a_run_the_same_answers_are_planned_again() {
    let mut model = reviewed();
    say(&mut model, Key::of(Field::Approve), Value::Flag(true));
    send(&mut model, Msg::Next);
    assert_eq!(*model.at(), PageId::Done);
    let effects = update(&mut model, Msg::Retry);
    assert!(matches!(&effects[..], [Effect::MakePlan { .. }, ..]), "{effects:?}");
    assert_eq!((model.at(), model.flag(&Key::of(Field::Approve))), (&PageId::Review, None));
}

#[test]
fn a_changed_answer_takes_the_review_away() {
    let mut model = reviewed();
    say(&mut model, Key::of(Field::Approve), Value::Flag(true));
    say(&mut model, Key::at(&name("dev"), Field::Role), Value::text("Other"));
    let all: BTreeSet<EnvironmentName> = model.environment_names().iter().cloned().collect();
    assert_eq!(update(&mut model, Msg::Approve { environments: all }), vec![]);
    let effects = update(&mut model, Msg::Next);
    assert!(matches!(&effects[..], [Effect::MakePlan { .. }]), "{effects:?}");
    assert!(model.page().questions.is_empty(), "the old approval is gone with the old plan");
}

#[test]
fn a_stale_run_leads_to_a_new_plan() {
    let mut model = reviewed();
    say(&mut model, Key::of(Field::Approve), Value::Flag(true));
    let effects = update(&mut model, Msg::Next);
    let [Effect::Apply { generation, .. }] = effects[..] else { panic!("{effects:?}") };
    let ended = Ended { stale: true, lines: Vec::new() };
    let effects = update(&mut model, Msg::Ended { generation, ended });
    assert!(matches!(&effects[..], [Effect::MakePlan { .. }]));
    assert_eq!(*model.at(), PageId::Review);
    assert_eq!(model.flag(&Key::of(Field::Approve)), None);
}

/// What cannot be set up from here is left to somebody else only after a yes, and the new plan is reviewed before it is approved.
#[test]
fn a_side_out_of_reach_can_be_left_to_somebody_else() {
    let out_of_reach = |model: &mut Model| {
        let federation = model.federation().unwrap();
        let reviewed = model.reviewed.as_mut().unwrap();
        let why = Some("AWS of dev cannot be set up from here: no sign-in".to_owned());
        reviewed.result = Some(Ok(Review { out_of_reach: why, ..review(&federation) }));
    };
    let key = Key::of(Field::HandOver);
    let mut model = reviewed();
    out_of_reach(&mut model);
    let page = model.page();
    assert_eq!(
        page.questions.iter().map(|question| &question.key).collect::<Vec<_>>(),
        [&key],
        "nothing is approved yet"
    );
    assert!(page.facts.iter().any(|fact| fact.value.contains("cannot be set up from here")));
    let all = model.federation().unwrap().environments.iter().map(|e| e.name.clone()).collect();
    assert_eq!(update(&mut model, Msg::Approve { environments: all }), []);
    let edition = model.page().edition;
    let effects = update(&mut model, Msg::Next);
    assert!(matches!(effects.as_slice(), [Effect::MakePlan { hand_over: true, .. }]), "{effects:?}");
    for msg in answer(&effects[0]) {
        update(&mut model, msg);
    }
    assert_eq!(*model.at(), PageId::Review);
    assert_ne!(model.page().edition, edition, "another plan is read anew");
    assert!(
        model.page().question(&key).is_none() && model.page().question(&Key::of(Field::Approve)).is_some()
    );

    // No: the whole plan as it is, with its approval.
    let mut model = reviewed();
    out_of_reach(&mut model);
    say(&mut model, key.clone(), Value::Flag(false));
    assert!(
        model.page().question(&key).is_some() && model.page().question(&Key::of(Field::Approve)).is_some()
    );
}
