//! Expressions: a table of what the service answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::agent::conditions::{Now, met};
use crate::sandbox::agent::expression::{Expression, text};
use crate::sandbox::agent::forecast;
use crate::sandbox::agent::graph::{Before, Results};
use crate::sandbox::agent::template::Names;
use crate::sandbox::agent::yaml::{Pipeline, Stage};
use crate::sandbox::devops::timeline::Outcome;

fn value(source: &str) -> Result<Value, String> {
    let names = Names::default()
        .with(
            "parameters",
            json!({"name": "Dev", "list": ["a", "b"], "on": true, "n": 3, "Env": {"region": "eu-west-1"}}),
        )
        .with("variables", json!({"Build.SourceBranch": "refs/heads/main"}));
    Expression::parse(source)?.evaluate(&names)
}

#[test]
fn values() {
    for (source, wanted) in [
        ("'it''s'", json!("it's")),
        ("parameters.name", json!("Dev")),
        ("parameters.NAME", json!("Dev")),
        ("parameters.env.region", json!("eu-west-1")),
        ("parameters['env']['REGION']", json!("eu-west-1")),
        ("parameters.list[1]", json!("b")),
        ("parameters.nothing", Value::Null),
        ("parameters.nothing.at.all", Value::Null),
        ("variables['build.sourcebranch']", json!("refs/heads/main")),
        ("eq(parameters.name, 'dEV')", json!(true)),
        ("eq(parameters.on, 'true')", json!(true)),
        ("eq('true', parameters.on)", json!(true)),
        ("eq(parameters.n, '3')", json!(true)),
        ("eq(parameters.n, 'three')", json!(false)),
        ("ne(parameters.name, 'prod')", json!(true)),
        ("and(true, eq(1, 1), not(false))", json!(true)),
        ("or(false, '', 0)", json!(false)),
        ("in('b', 'A', 'B')", json!(true)),
        ("notIn('c', 'a', 'b')", json!(true)),
        ("startsWith(variables['Build.SourceBranch'], 'REFS/heads/')", json!(true)),
        ("endsWith('release/1', '/1')", json!(true)),
        ("contains('AWS-Prod', 'prod')", json!(true)),
        ("containsValue(parameters.list, 'B')", json!(true)),
        ("format('{0}-{1}{{}}', parameters.name, parameters.n)", json!("Dev-3{}")),
        ("coalesce('', parameters.nothing, 'x')", json!("x")),
        ("length(parameters.list)", json!(2)),
        ("length('four')", json!(4)),
        ("join(', ', parameters.list)", json!("a, b")),
        ("split('a;b', ';')[1]", json!("b")),
        ("replace(lower('A-B'), '-', '_')", json!("a_b")),
        ("iif(parameters.on, 'yes', 'no')", json!("yes")),
        ("xor(true, false)", json!(true)),
        ("lt(2, parameters.n)", json!(true)),
        ("ge('b', 'A')", json!(true)),
        ("convertToJson(parameters.list)", json!("[\n  \"a\",\n  \"b\"\n]")),
    ] {
        assert_eq!(value(source), Ok(wanted), "{source}");
    }
}

#[test]
fn refusals() {
    for source in [
        "",
        "eq(1)",
        "eq(1, 2, 3)",
        "nothing",
        "nothing()",
        "'open",
        "eq(1, 2",
        "parameters.",
        "1 2",
        "format('{9}')",
        "join(',', parameters)",
        "succeeded()",
    ] {
        assert!(value(source).is_err(), "{source}: {:?}", value(source));
    }
    assert!(text(&json!([])).is_err());
    assert_eq!(text(&json!(true)), Ok("True".to_owned()));
}

#[test]
fn conditions_look_at_what_came_before() {
    use Outcome::{Canceled, Failed, Skipped, Succeeded, SucceededWithIssues};
    let variables = BTreeMap::from([("stage".to_owned(), "Prod".to_owned())]);
    for (condition, outcomes, wanted) in [
        (None, vec![], true),
        (None, vec![Succeeded, SucceededWithIssues], true),
        (None, vec![Succeeded, Skipped], false),
        (None, vec![Failed], false),
        (Some("always()"), vec![Failed, Canceled], true),
        (Some("failed()"), vec![Succeeded, Failed], true),
        (Some("failed('a')"), vec![Succeeded, Failed], false),
        (Some("failed('b')"), vec![Succeeded, Failed], true),
        (Some("succeededOrFailed()"), vec![Failed], true),
        (Some("succeededOrFailed()"), vec![Failed, Skipped], true),
        (Some("succeededOrFailed('b')"), vec![Failed, Skipped], false),
        (Some("succeededOrFailed()"), vec![Canceled], false),
        (Some("not(canceled())"), vec![Failed], true),
        (Some("not(canceled())"), vec![Canceled], false),
        (Some("in(dependencies.A.RESULT, 'succeeded', 'skipped')"), vec![Skipped], true),
        (Some("in(dependencies.a.result, 'Succeeded', 'Skipped')"), vec![Canceled], false),
        (Some("eq(dependencies.c.result, 'Skipped')"), vec![Skipped, Skipped], false),
        (Some("eq(variables['nothing'], 'False')"), vec![], false),
        (Some("and(succeeded(), eq(variables.stage, 'prod'))"), vec![Succeeded], true),
        (Some("eq(variables['stage'], 'dev')"), vec![Succeeded], false),
        (Some("eq(dependencies.a.result, 'Failed')"), vec![Failed], true),
    ] {
        let before: Results = ["a", "b"].map(str::to_owned).into_iter().zip(outcomes.clone()).collect();
        let before = Before { direct: before.clone(), all: before };
        let answer = met(condition, &Now { variables: &variables, before: &before });
        assert_eq!(answer, Ok(wanted), "{condition:?} after {outcomes:?}");
    }
}

/// a ← b ← c, and d waits for c only.
async fn chain(conditions: [Option<&str>; 4], ends: impl Fn(&str) -> Outcome) -> Vec<Outcome> {
    let stage = |(name, depends, condition): (&str, &[&str], Option<&str>)| Stage {
        name: name.to_owned(),
        display: name.to_owned(),
        depends: depends.iter().map(|name| (*name).to_owned()).collect(),
        condition: condition.map(str::to_owned),
        jobs: Vec::new(),
        sequential: false,
    };
    let [a, b, c, d] = conditions;
    let stages: [(&str, &[&str], Option<&str>); 4] =
        [("a", &[], a), ("b", &["a"], b), ("c", &["b"], c), ("d", &["c"], d)];
    let pipeline = Pipeline { stages: stages.into_iter().map(stage).collect(), ..Pipeline::default() };
    forecast::stages(&pipeline, ends).await.into_values().collect()
}

#[tokio::test]
async fn status_functions_look_at_everything_before_and_dependencies_only_at_what_is_named() {
    use Outcome::{Failed, Skipped, Succeeded};
    let never = Some("false");
    let anyway = Some("in(dependencies.a.result, 'Succeeded', 'Skipped')");
    for (conditions, failing, wanted) in [
        ([None, None, None, None], "", [Succeeded, Succeeded, Succeeded, Succeeded]),
        // What fails first holds back everything after it.
        ([None, None, None, None], "b", [Succeeded, Failed, Skipped, Skipped]),
        // A condition that minds only its neighbour runs after a failure further back, and `succeeded()` after it does not.
        (
            [None, None, Some("in(dependencies.b.result, 'Succeeded', 'Skipped')"), None],
            "a",
            [Failed, Skipped, Succeeded, Skipped],
        ),
        ([None, None, Some("failed()"), None], "a", [Failed, Skipped, Succeeded, Skipped]),
        ([None, None, Some("not(failed())"), None], "a", [Failed, Skipped, Skipped, Skipped]),
        ([never, anyway, None, None], "", [Skipped, Succeeded, Skipped, Skipped]),
        // `a` is not among the `dependsOn` of `c`: its result is null there.
        ([None, None, anyway, None], "", [Succeeded, Succeeded, Skipped, Skipped]),
        ([None, None, Some("nonsense("), None], "", [Succeeded, Succeeded, Failed, Skipped]),
    ] {
        let ends = |name: &str| if name == failing { Failed } else { Succeeded };
        assert_eq!(chain(conditions, ends).await, wanted, "{conditions:?}, {failing} fails");
    }
}
