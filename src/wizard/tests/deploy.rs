//! The questions about deployments: what is asked, what follows, what an answer of no leaves.

use super::clouds::{answer, name, reviewed, say, send};
use crate::domain::federation::{Flow, Source, Tool};
use crate::wizard::page::{Kind, Page};
use crate::wizard::*;

fn of(what: Deploy) -> Key {
    Key::of(Field::Deploy(what))
}

fn at(environment: &str, what: Deploy) -> Key {
    Key::at(&name(environment), Field::Deploy(what))
}

fn default(model: &Model, key: &Key) -> (String, String) {
    let default = model.default(key).unwrap_or_else(|| panic!("{key:?} has no default"));
    (default.value.line(), default.source)
}

/// The page about deployments of a wizard that has been further already.
fn back_to_deployments(model: &mut Model) -> Page {
    while *model.at() != PageId::Pipeline {
        send(model, Msg::Back);
    }
    model.page()
}

#[test]
fn defaults_take_up_the_deployments_and_say_why() {
    let model = reviewed();
    let told = |what| default(&model, &of(what));
    let pair = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(told(Deploy::TakeUp), pair("yes", "the project has repositories"));
    assert_eq!(told(Deploy::Repository), pair("app", "the only repository of the project"));
    assert_eq!(told(Deploy::Tool), pair("cdk", "cdk.json in the repository"));
    assert_eq!(told(Deploy::Flow).0, "mapped");
    let approvers = default(&model, &at("prod", Deploy::Approvers));
    assert_eq!(approvers, pair("Payments Team", "the project's default team"));
    let federation = model.federation().unwrap();
    let pipeline = federation.pipeline.unwrap();
    assert_eq!((pipeline.name.as_str(), pipeline.tool, pipeline.flow), ("app", Tool::Cdk, Flow::Mapped));
    assert!(federation.environments[2].gates.approvers.is_empty(), "the default team is who is asked anyway");
}

#[test]
fn branches_follow_the_flow_unless_somebody_chose_them() {
    let mut model = reviewed();
    say(&mut model, Key::at(&name("staging"), Field::Branches), Value::text("rc/*"));
    say(&mut model, of(Deploy::Flow), Value::text("trunk"));
    let branches = |model: &Model| -> Vec<String> {
        let federation = model.federation().unwrap();
        federation.environments.iter().map(|it| it.branches[0].to_string()).collect()
    };
    assert_eq!(branches(&model), ["main", "rc/*", "main"]);
    let shown = default(&model, &Key::at(&name("dev"), Field::Branches));
    assert_eq!(shown, ("main".to_owned(), "flow trunk".to_owned()));
    // The same from the file, and back: what followed the flow of the file follows another one.
    let mut again = Model::resume(Start { signed_in: true, ..Start::default() }, model.federation().unwrap());
    assert_eq!(again.federation(), model.federation());
    assert_eq!(default(&again, &Key::at(&name("dev"), Field::Branches)).1, "keyless.toml");
    say(&mut again, of(Deploy::Flow), Value::text("mapped"));
    assert_eq!(branches(&again), ["feat/*", "rc/*", "main"]);
}

#[test]
fn a_no_leaves_no_pipeline_and_asks_nothing_more() {
    let mut model = reviewed();
    say(&mut model, of(Deploy::TakeUp), Value::Flag(false));
    let federation = model.federation().unwrap();
    assert_eq!(federation.pipeline, None);
    let page = back_to_deployments(&mut model);
    assert_eq!(page.questions.len(), 1);
    let fields = |model: &Model| -> Vec<Field> {
        model.details(&name("prod")).into_iter().map(|question| question.key.field).collect()
    };
    assert!(!fields(&model).iter().any(|field| matches!(field, Field::Deploy(_))), "{:?}", fields(&model));
    // The answer given before is not lost by it.
    say(&mut model, of(Deploy::TakeUp), Value::Flag(true));
    assert!(model.federation().unwrap().pipeline.is_some());
}

#[test]
fn a_no_leaves_the_pipeline_of_the_file_as_it_is() {
    let federation = reviewed().federation().unwrap();
    let mut again = Model::resume(Start { signed_in: true, ..Start::default() }, federation.clone());
    say(&mut again, of(Deploy::TakeUp), Value::Flag(false));
    assert_eq!(again.federation().unwrap().pipeline, federation.pipeline);
}

#[test]
fn nobody_approves_what_they_administer() {
    let mut federation = reviewed().federation().unwrap();
    let prod = federation.environments.iter_mut().find(|it| it.name == name("prod")).unwrap();
    prod.gates.administrators = vec!["ada@contoso.example".to_owned()];
    prod.gates.approvers = vec!["Ada@contoso.example".to_owned()];
    let found = federation.contradictions();
    assert!(found.iter().any(|it| it.field == "gates"), "{found:#?}");
}

#[test]
fn each_tool_asks_for_what_it_cannot_do_without() {
    let mut model = reviewed();
    let shared = |model: &mut Model| -> Vec<Field> {
        let fields = back_to_deployments(model).questions.into_iter().map(|question| question.key.field);
        fields.skip(4).collect()
    };
    for (tool, whole, each, value) in [
        ("terraform", None, Some(Deploy::StateBucket), "app-terraform-state-111122223333"),
        (
            "cloudformation",
            Some(Deploy::Template),
            Some(Deploy::ExecutionRole),
            "arn:aws:iam::111122223333:role/CloudFormationExecutionRole",
        ),
        ("script", Some(Deploy::Script), None, ""),
        ("cdk", None, None, ""),
    ] {
        say(&mut model, of(Deploy::Tool), Value::text(tool));
        assert_eq!(shared(&mut model), whole.map(Field::Deploy).into_iter().collect::<Vec<_>>(), "{tool}");
        if let Some(each) = each {
            assert_eq!(default(&model, &at("dev", each)).0, value);
        }
        let federation = model.federation().unwrap();
        crate::domain::deploy::of(&federation).unwrap();
        assert_eq!(
            federation.environments[0].deploy,
            Default::default(),
            "what only follows is not written down"
        );
    }
    say(&mut model, of(Deploy::Tool), Value::text("amplify"));
    let wrong: Vec<Key> = model.federation().unwrap_err().into_iter().map(|(key, _)| key).collect();
    assert_eq!(wrong, ["dev", "staging", "prod"].map(|name| at(name, Deploy::AppId)));
    assert!(model.check(&at("dev", Deploy::AppId), "$(app)").unwrap_err().contains("printable characters"));
    for environment in ["dev", "staging", "prod"] {
        say(&mut model, at(environment, Deploy::AppId), Value::text("d1a2b3c4d5e6f7"));
    }
    assert!(model.federation().unwrap().environments.iter().all(|it| it.deploy.app_id.is_some()));
    // An environment's own page asks for what it lacks, and brings the person back to it.
    model.answers.remove(&at("staging", Deploy::AppId));
    for _ in 0..20 {
        send(&mut model, Msg::Next);
    }
    assert_eq!(*model.at(), PageId::Environment(name("staging")));
}

#[test]
fn code_lies_in_the_project_or_on_github() {
    let mut model = reviewed();
    let key = of(Deploy::Repository);
    assert!(model.check(&key, "nowhere").unwrap_err().contains("app, https://github.com/OWNER/NAME"));
    let Kind::Choice(options) = back_to_deployments(&mut model).question(&key).unwrap().kind.clone() else {
        panic!()
    };
    let values: Vec<&str> = options.choices.iter().map(|choice| choice.value.as_str()).collect();
    assert_eq!(values, ["app", "https://github.com/"]);
    say(&mut model, key.clone(), Value::text("https://github.com/"));
    let wrong = model.federation().unwrap_err();
    assert_eq!(wrong[0].0, of(Deploy::GitHub));
    let refused = model.check(&of(Deploy::GitHub), "contoso/app").unwrap_err();
    assert!(refused.contains("https://github.com/OWNER/NAME is accepted"), "{refused}");
    say(&mut model, of(Deploy::GitHub), Value::text("https://github.com/contoso/shop"));
    let federation = model.federation().unwrap();
    let pipeline = federation.pipeline.clone().unwrap();
    assert!(matches!(pipeline.repository, Source::GitHub { .. }) && pipeline.name == "shop", "{pipeline:?}");
    let again = Model::resume(Start { signed_in: true, ..Start::default() }, federation.clone());
    assert_eq!(again.federation(), Ok(federation));
    // Straight, as one answer.
    say(&mut model, key, Value::text("https://github.com/contoso/other"));
    assert_eq!(model.federation().unwrap().pipeline.unwrap().name, "other");
}

#[test]
fn approvers_are_chosen_of_those_who_were_found_or_named() {
    let mut model = reviewed();
    let key = at("prod", Deploy::Approvers);
    let (Some(question), None) = (
        model.details(&name("prod")).into_iter().find(|question| question.key == key),
        model
            .details(&name("dev"))
            .into_iter()
            .find(|question| matches!(question.key.field, Field::Deploy(_))),
    ) else {
        panic!("only prod is protected")
    };
    let Kind::Many(options) = &question.kind else { panic!("{question:?}") };
    assert_eq!(options.choices[2].note, "Hopper, Grace");
    say(&mut model, key.clone(), Value::Many(vec!["ada@contoso.example".to_owned()]));
    say(&mut model, at("prod", Deploy::Others), Value::text("[Payments]\\Release Managers"));
    say(
        &mut model,
        at("prod", Deploy::Hours),
        Value::text("Monday-Friday 08:00-17:00 W. Europe Standard Time"),
    );
    let refused = model.check(&at("prod", Deploy::Hours), "nine to five").unwrap_err();
    assert!(refused.contains("Monday-Friday 08:00-17:00 UTC") && refused.contains("none"), "{refused}");
    let federation = model.federation().unwrap();
    let gates = &federation.environments[2].gates;
    assert_eq!(gates.approvers, ["ada@contoso.example", "[Payments]\\Release Managers"]);
    assert_eq!(gates.business_hours.as_ref().unwrap().time_zone, "W. Europe Standard Time");
    // From a file they are offered with the others, and taken back they are gone.
    let mut again = Model::resume(Start { signed_in: true, ..Start::default() }, federation.clone());
    assert_eq!(again.federation(), Ok(federation));
    for what in [Deploy::Approvers, Deploy::Hours] {
        send(&mut again, Msg::Reset { key: at("prod", what) });
    }
    let gates = &again.federation().unwrap().environments[2].gates;
    assert!(gates.approvers.is_empty() && gates.business_hours.is_none(), "{gates:?}");
    // Who is no longer protected asks nobody.
    say(&mut model, Key::at(&name("prod"), Field::Protected), Value::Flag(false));
    assert!(!model.is_approved(&name("prod")));
}

#[test]
fn what_cannot_be_found_out_is_typed() {
    let mut model = Model::new(Start { signed_in: true, ..Start::default() });
    let mut effects = model.begin();
    let mut asked = false;
    for (field, value) in [(Field::Organization, "contoso"), (Field::Project, "payments")] {
        effects.extend(update(&mut model, Msg::Answer { key: Key::of(field), value: Value::text(value) }));
    }
    for _ in 0..12 {
        for effect in std::mem::take(&mut effects) {
            let messages = match &effect {
                Effect::DiscoverPeople { generation, .. } => {
                    asked = true;
                    let found = Found::People(Err("not allowed".to_owned()));
                    vec![Msg::Discovered { generation: *generation, found }]
                }
                Effect::DiscoverTool { generation, .. } => {
                    vec![Msg::Discovered { generation: *generation, found: Found::Tool(None) }]
                }
                effect => answer(effect),
            };
            for msg in messages {
                effects.extend(update(&mut model, msg));
            }
        }
        if *model.at() < PageId::Pipeline {
            effects.extend(update(&mut model, Msg::Next));
        }
    }
    let page = model.page();
    assert!(asked && page.id == PageId::Pipeline && page.retry, "{page:?}");
    assert!(page.facts.iter().any(|fact| fact.value.contains("not allowed")), "{page:?}");
    update(&mut model, Msg::Next);
    assert!(model.page().question(&of(Deploy::Tool)).unwrap().problem.is_some(), "what deploys nobody knows");
    let again = update(&mut model, Msg::Retry);
    assert!(again.iter().any(|effect| matches!(effect, Effect::DiscoverPeople { .. })), "{again:?}");
    say(&mut model, of(Deploy::Tool), Value::text("cdk"));
    let key = at("prod", Deploy::Approvers);
    update(
        &mut model,
        Msg::Answer { key: key.clone(), value: Value::text("ada@contoso.example, Release Managers") },
    );
    let given = model.value(&key);
    assert_eq!(
        given,
        Some(Value::Many(vec!["ada@contoso.example".to_owned(), "Release Managers".to_owned()]))
    );
}

#[test]
fn without_repositories_or_for_another_goal_deployments_stay_as_they_are() {
    let source = |start: Start| default(&Model::new(start), &of(Deploy::TakeUp));
    let (value, why) = source(Start { ask_azure_devops: false, ..Start::default() });
    assert_eq!((value.as_str(), why.as_str()), ("no", "the repositories of the project are not known"));
    let (value, why) = source(Start { goal: Goal::Rotate, ..Start::default() });
    assert_eq!((value.as_str(), why.as_str()), ("no", "connections come first; it can be taken up later"));
    let there = reviewed().federation().unwrap().pipeline.unwrap();
    let likely = Some((Box::new(there), "the practice cloud's world x".to_owned()));
    let (value, why) = source(Start { pipeline: likely, ..Start::default() });
    assert_eq!((value.as_str(), why.as_str()), ("yes", "the practice cloud's world x"));
}
