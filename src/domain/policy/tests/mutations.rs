//! Random mutations of a matching pair: nothing panics, enough is still allowed, and the parts agree with each other.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::cases::{Caller as PlainCaller, Case, case};
use super::{expected, wanted};
use crate::domain::policy::{
    AdmissionKind, Caller, CharDiff, Context, Decision, Document, Effect, TrustRequest, Verdict, difference,
    evaluate, merge_trust, others_admitted, same_meaning,
};

pub(super) fn decide(case: &Case) -> (Document, Decision) {
    let document = Document::from_value(case.document.clone()).unwrap();
    let request = TrustRequest {
        action: case.action.clone(),
        caller: match case.caller {
            PlainCaller::Federated(arn) => Caller::Federated(arn.into()),
            PlainCaller::Aws(arn) => Caller::Aws(arn.into()),
        },
        context: case.context.iter().map(|(key, values)| (key, values.clone())).collect::<Context>(),
    };
    let decision = evaluate(&document, &request);
    (document, decision)
}

#[test]
fn enough_cases_are_allowed_to_mean_something() {
    let mut runner = TestRunner::deterministic();
    let cases: Vec<Case> = (0..2_000).map(|_| case().new_tree(&mut runner).unwrap().current()).collect();
    let count = |verdict| cases.iter().filter(|case| decide(case).1.verdict == verdict).count();
    let (allowed, denied) = (count(Verdict::Allowed), count(Verdict::ExplicitDeny));
    assert!(allowed * 100 >= 30 * cases.len(), "{allowed} of {} allowed", cases.len());
    assert!(denied * 100 >= 5 * cases.len(), "{denied} of {} explicitly denied", cases.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_reasons_agree_with_the_verdict(case in case()) {
        let (document, decision) = decide(&case);
        prop_assert_eq!(decision.statements.len(), document.statements().len());
        let applies = |effect| decision.statements.iter().any(|it| it.effect == effect && it.applies());
        let verdict = match (applies(Effect::Deny), applies(Effect::Allow)) {
            (true, _) => Verdict::ExplicitDeny,
            (false, true) => Verdict::Allowed,
            (false, false) => Verdict::ImplicitDeny,
        };
        prop_assert_eq!(decision.verdict, verdict);
    }

    #[test]
    fn documents_of_one_meaning_decide_alike(case in case()) {
        let (document, decision) = decide(&case);
        let mut reversed = case.clone();
        if let Some(all) = reversed.document["Statement"].as_array_mut() {
            all.reverse();
        }
        let (other, other_decision) = decide(&reversed);
        prop_assert!(same_meaning(&document, &other));
        prop_assert_eq!(decision.verdict, other_decision.verdict);
        prop_assert_eq!(&Document::parse(&document.to_json()).unwrap(), &document);
    }

    /// Whoever is let in with another subject must have been announced.
    #[test]
    fn a_closed_trust_lets_nobody_else_in(case in case(), other in "sc://[a-z]{1,3}/[a-z]{1,3}/[a-z]{1,3}|sc://contoso/Shop/AWS-(Dev|Pro.)|(?i)sc://contoso/shop/aws-prod") {
        let mut case = case;
        // STS takes each action only from one kind of caller.
        case.action = match case.caller {
            PlainCaller::Federated(_) => "sts:AssumeRoleWithWebIdentity".into(),
            PlainCaller::Aws(_) => "sts:AssumeRole".into(),
        };
        let (document, _) = decide(&case);
        let found = others_admitted(&document, &expected());
        let mut stranger = case.clone();
        let key = format!("{}:sub", super::ISSUER);
        let differs = other != super::SUBJECT;
        stranger.context.insert(key, vec![other]);
        let closed = !found.iter().any(|it| it.kind.is_another_identity());
        if closed && differs {
            prop_assert_ne!(decide(&stranger).1.verdict, Verdict::Allowed, "{}", document.to_json());
        }
        let audience_closed = !found.iter().any(|it| matches!(it.kind, AdmissionKind::AnyAudience | AdmissionKind::AnotherAudience(_)));
        if closed && audience_closed {
            let mut stranger = case;
            stranger.context.insert(format!("{}:aud", super::ISSUER), vec!["another".into()]);
            prop_assert_ne!(decide(&stranger).1.verdict, Verdict::Allowed, "{}", document.to_json());
        }
    }

    #[test]
    fn merging_keeps_foreign_statements_and_is_idempotent(case in case()) {
        let document = Document::from_value(case.document).unwrap();
        let merged = merge_trust(&document, &wanted(), |_| false);
        // Whatever is neither kept nor replaced stood there already as it should.
        let already = document.statements().len() - merged.kept.len() - merged.replaced.len();
        prop_assert!(already <= 1);
        prop_assert_eq!(merged.document.statements().len(), merged.kept.len() + 1);
        for kept in &merged.kept {
            prop_assert!(merged.document.statements().contains(kept));
        }
        let again = merge_trust(&merged.document, &wanted(), |_| false);
        prop_assert_eq!(&again.document, &merged.document);
        prop_assert!(again.replaced.is_empty());
        prop_assert!(difference(&merged.document, &again.document).is_empty());
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}|[{}\\[\\]\",:%A-Za-z0-9]{0,80}") {
        if let Ok(document) = Document::parse(&text) {
            prop_assert_eq!(Document::parse(&document.to_json()).unwrap(), document);
        }
        let value: Value = text.clone().into();
        prop_assert!(Document::from_value(value).is_err());
        prop_assert_eq!(CharDiff::between(&text, &text).weight(), 0);
    }

    /// Without the differing characters both strings are the same.
    #[test]
    fn differing_characters_are_all_there_is(left in "[ab%20 X]{0,12}", right in "[ab%20 X]{0,12}") {
        let diff = CharDiff::between(&left, &right);
        let rest = |text: &str, ranges: &[std::ops::Range<usize>]| -> String {
            text.chars().enumerate().filter(|(at, _)| !ranges.iter().any(|it| it.contains(at))).map(|(_, c)| c).collect()
        };
        prop_assert_eq!(rest(&left, &diff.found), rest(&right, &diff.wanted));
    }
}
