//! Tests of the page that signs in: what is asked, what is waited for, what a failure leaves, and that late answers are dropped.

use super::tests::answer;
use super::*;

fn offered(likely: Method) -> Model {
    let offer =
        Offer { methods: Method::ALL.to_vec(), likely: Some((likely, "this is an SSH session".to_owned())) };
    let mut model = Model::new(Start { sign_in: offer, ..Start::default() });
    // The AWS configuration is read meanwhile.
    model.begin();
    model
}

fn choose(model: &mut Model, method: Method) {
    let value = Value::text(method.word());
    assert_eq!(update(model, Msg::Answer { key: Key::of(Field::Method), value }), vec![]);
}

fn only(effects: Vec<Effect>) -> Effect {
    let mut effects = effects.into_iter();
    let first = effects.next().unwrap();
    assert_eq!(effects.next(), None);
    first
}

fn fields(model: &Model) -> Vec<Field> {
    model.page().questions.into_iter().map(|question| question.key.field).collect()
}

#[test]
fn the_way_is_asked_with_a_default_that_says_why() {
    let mut model = offered(Method::Device);
    assert_eq!(fields(&model), [Field::Method]);
    let default = model.page().questions[0].default.clone().unwrap();
    assert_eq!(
        (default.value.line().as_str(), default.source.as_str()),
        ("device", "this is an SSH session")
    );
    choose(&mut model, Method::Pat);
    assert_eq!(fields(&model), [Field::Method, Field::Token]);
    assert!(model.check(&Key::of(Field::Method), "smoke").unwrap_err().contains("browser"));
    // What can only be piped is not asked which way.
    assert_eq!(fields(&Model::new(Start::default())), [Field::Token]);
}

#[test]
fn a_code_is_shown_until_somebody_signed_in() {
    let mut model = offered(Method::Device);
    let begin = only(update(&mut model, Msg::Next));
    assert!(matches!(begin, Effect::SignIn { method: Method::Device, .. }), "{begin:?}");
    assert!(model.page().waiting.unwrap().contains("Entra"));
    let wait = only(update(&mut model, answer(&begin).remove(0)));
    let page = model.page();
    assert!(page.waiting.as_ref().unwrap().contains("K7PQ-2XMD"), "{page:?}");
    assert!(page.facts.iter().any(|fact| fact.label == "code" && fact.value == "K7PQ-2XMD"));
    assert!(matches!(model.sign_in_prompt(), Some(Prompt::Code { minutes: 15, .. })));
    assert_eq!(*model.at(), PageId::SignIn);
    update(&mut model, answer(&wait).remove(0));
    assert_eq!(*model.at(), PageId::Organization);
    let value = Value::text("contoso");
    let asked = update(&mut model, Msg::Answer { key: Key::of(Field::Organization), value });
    let token =
        |effect: &Effect| matches!(effect, Effect::DiscoverOrganization { token: Some(Handle(7)), .. });
    assert!(asked.iter().any(token), "{asked:?}");
    // Who comes back and goes on is not signed in once more.
    update(&mut model, Msg::Back);
    assert_eq!(*model.at(), PageId::SignIn);
    assert!(!update(&mut model, Msg::Next).iter().any(|effect| matches!(effect, Effect::SignIn { .. })));
    assert_eq!(*model.at(), PageId::Organization);
}

#[test]
fn a_failure_is_told_and_another_way_can_be_chosen() {
    let mut model = offered(Method::Browser);
    let Effect::SignIn { generation, .. } = only(update(&mut model, Msg::Next)) else { unreachable!() };
    let before = model.page().edition;
    update(&mut model, Msg::SignInBegun { generation, result: Err("a policy blocks it".to_owned()) });
    let page = model.page();
    assert_eq!(
        (page.problem.as_deref(), page.waiting.as_deref(), page.retry),
        (Some("a policy blocks it"), None, true)
    );
    assert_ne!(page.edition, before, "the page is read anew");
    let again = only(update(&mut model, Msg::Retry));
    assert!(
        matches!(again, Effect::SignIn { method: Method::Browser, generation: newer } if newer > generation)
    );
    // The first one is answered late.
    update(&mut model, Msg::SignedIn { generation, result: Ok(Handle(1)) });
    assert_eq!(*model.at(), PageId::SignIn);
    update(&mut model, Msg::Back);
    assert_eq!(model.page().waiting, None, "nobody waits any longer");
    choose(&mut model, Method::Pat);
    update(&mut model, Msg::Next);
    assert!(model.page().question(&Key::of(Field::Token)).unwrap().problem.is_some());
    update(&mut model, Msg::Secret { handle: Handle(2) });
    update(&mut model, Msg::Next);
    assert_eq!(*model.at(), PageId::Organization);
}

#[test]
fn what_azure_devops_refused_is_signed_in_anew() {
    let mut model = offered(Method::AzureCli);
    let begin = only(update(&mut model, Msg::Next));
    let wait = only(update(&mut model, answer(&begin).remove(0)));
    update(&mut model, answer(&wait).remove(0));
    let value = Value::text("fabrikam");
    let asked = update(&mut model, Msg::Answer { key: Key::of(Field::Organization), value });
    for msg in asked.iter().flat_map(answer) {
        update(&mut model, msg);
    }
    assert!(model.page().problem.is_some());
    update(&mut model, Msg::Back);
    let effects = update(&mut model, Msg::Next);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::SignIn { .. })), "{effects:?}");
}
