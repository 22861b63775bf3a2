//! Expressions: a table of what the service answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sandbox::agent::conditions::{Now, met};
use crate::sandbox::agent::expression::{Expression, text};
use crate::sandbox::agent::template::Names;
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
        (Some("succeededOrFailed()"), vec![Canceled], false),
        (Some("and(succeeded(), eq(variables.stage, 'prod'))"), vec![Succeeded], true),
        (Some("eq(variables['stage'], 'dev')"), vec![Succeeded], false),
        (Some("eq(dependencies.a.result, 'Failed')"), vec![Failed], true),
    ] {
        let before = ["a", "b"].map(str::to_owned).into_iter().zip(outcomes.clone()).collect();
        let answer = met(condition, &Now { variables: &variables, before: &before });
        assert_eq!(answer, Ok(wanted), "{condition:?} after {outcomes:?}");
    }
}
