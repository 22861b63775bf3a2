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
    let begin = only(update(&mut model, Msg::Next));
    assert!(matches!(begin, Effect::SignIn { .. }), "{begin:?}");
    // Who signed in anew goes on, and is not asked once more.
    let wait = only(update(&mut model, answer(&begin).remove(0)));
    update(&mut model, answer(&wait).remove(0));
    assert_eq!(*model.at(), PageId::Organization);
}

/// A wizard that begins with a sign-in which Azure DevOps does not accept any more.
fn ended() -> (Model, u64) {
    let offer = Offer { methods: Method::ALL.to_vec(), likely: None };
    let organization = Some(("contoso".to_owned(), "the last sign-in".to_owned()));
    let start = Start { signed_in: true, sign_in: offer, organization, ..Start::default() };
    let mut model = Model::new(start);
    assert_eq!(*model.at(), PageId::Organization);
    let asked = model.begin();
    let generation = asked.iter().find_map(|effect| match effect {
        Effect::DiscoverOrganization { generation, token: None, .. } => Some(*generation),
        _ => None,
    });
    (model, generation.unwrap())
}

fn signed_out(model: &mut Model, generation: u64) {
    let found = Found::SignedOut("the stored sign-in has ended".to_owned());
    update(model, Msg::Discovered { generation, found });
}

#[test]
fn a_sign_in_that_has_ended_leads_to_the_page_that_signs_in() {
    let (mut model, generation) = ended();
    assert!(!model.pages().contains(&PageId::SignIn));
    signed_out(&mut model, generation);
    let page = model.page();
    assert_eq!(page.id, PageId::Organization);
    assert!(page.problem.unwrap().contains("the stored sign-in has ended; go on to sign in"));
    assert!(page.questions[0].default.is_some(), "the name is right");
    update(&mut model, Msg::Next);
    assert_eq!(*model.at(), PageId::SignIn);
    assert_eq!(model.page().problem.as_deref(), Some("the stored sign-in has ended"));
    choose(&mut model, Method::Device);
    let begin = only(update(&mut model, Msg::Next));
    let wait = only(update(&mut model, answer(&begin).remove(0)));
    let asked = update(&mut model, answer(&wait).remove(0));
    assert_eq!(*model.at(), PageId::Organization);
    assert!(
        matches!(asked[..], [Effect::DiscoverOrganization { token: Some(Handle(7)), .. }]),
        "it is asked anew: {asked:?}"
    );
    for msg in answer(&asked[0]) {
        update(&mut model, msg);
    }
    assert_eq!(model.page().problem, None);
    assert!(model.pages().contains(&PageId::SignIn), "the person can come back to it");
}

#[test]
fn another_organisation_needs_no_new_sign_in_where_it_has_one() {
    let (mut model, generation) = ended();
    signed_out(&mut model, generation);
    let value = Value::text("Contoso2");
    let asked = update(&mut model, Msg::Answer { key: Key::of(Field::Organization), value });
    let Some(Effect::DiscoverOrganization { generation, token: None, .. }) = asked.first() else {
        panic!("{asked:?}")
    };
    let name = "Contoso2".parse().unwrap();
    let found = FoundOrganization { name, id: uuid::Uuid::from_u128(1), operator: None };
    update(&mut model, Msg::Discovered { generation: *generation, found: Found::Organization(Ok(found)) });
    assert_eq!(model.page().problem, None);
    assert!(!model.pages().contains(&PageId::SignIn));
}

#[test]
fn late_news_of_an_ended_sign_in_changes_nothing() {
    let (mut model, generation) = ended();
    signed_out(&mut model, generation + 1000);
    assert!(!model.pages().contains(&PageId::SignIn));
    signed_out(&mut model, generation);
    assert!(model.pages().contains(&PageId::SignIn));
}
