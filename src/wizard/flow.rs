//! Messages in, effects out: the one place where the wizard changes.

use std::collections::BTreeSet;

use super::answers::{Given, Origin};
use super::discovery::{self, due};
use super::model::{Model, Reviewed, Running, Saved};
use super::msg::{Effect, Ended, Msg};
use super::page::{Field, Key, PageId, Value};
use super::sign_in;
use super::sso;
use super::welcome;
use crate::domain::federation::Federation;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;

/// Takes one message. Pure: what must be done outside comes back as effects.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = match msg {
        Msg::Answer { key, value } => answer(model, key, value),
        Msg::Reset { key } => {
            model.hindered.remove(&key);
            model.answers.remove(&key);
            Vec::new()
        }
        Msg::Secret { handle } => {
            model.hindered.remove(&Key::of(Field::Token));
            sign_in::typed(model, handle);
            Vec::new()
        }
        Msg::SignInBegun { generation, result } => sign_in::begun(model, generation, result),
        Msg::SignedIn { generation, result } => sign_in::ended(model, generation, result),
        Msg::Next => next(model),
        Msg::Back => {
            back(model);
            Vec::new()
        }
        Msg::NextStage => next_stage(model),
        Msg::BackStage => {
            back_stage(model);
            Vec::new()
        }
        Msg::Retry => retry(model),
        Msg::Discovered { generation, found } => {
            discovery::found(model, generation, found);
            Vec::new()
        }
        Msg::SsoCode { generation, result } => sso::code(model, generation, result),
        Msg::SsoSignedIn { generation, result } => sso::signed_in(model, generation, result),
        Msg::Saved { generation, result } => saved(model, generation, result),
        Msg::Reviewed { generation, result } => {
            if let Some(reviewed) = model.reviewed.as_mut().filter(|made| made.generation == generation) {
                reviewed.result.get_or_insert(*result);
            }
            Vec::new()
        }
        Msg::Approve { environments } => approve(model, &environments),
        Msg::Forgotten => {
            forget(model);
            Vec::new()
        }
        Msg::Ended { generation, ended } => ended_run(model, generation, ended),
        Msg::Opened { generation, result } => {
            if welcome::opened(model, generation, *result) {
                go(model, true);
            }
            Vec::new()
        }
    };
    model.note_change();
    model.remake();
    settle(model);
    effects.extend(unplanned(model));
    effects.extend(due(model));
    effects
}

fn answer(model: &mut Model, key: Key, value: Value) -> Vec<Effect> {
    model.hindered.remove(&key);
    if key.field != Field::Token {
        // A front end may hold a choice as text: each answer is kept in the shape its question has.
        // What was chosen from a list is as it stands there, commas included.
        let value = match value {
            Value::Many(_) if matches!(key.field, Field::Deploy(_)) => value,
            value => model.value_of(&key, &value.line()).unwrap_or(value),
        };
        model.answers.insert(key, Given { value, origin: Origin::Typed });
    }
    Vec::new()
}

/// Keeps the person on a page that exists: answers may have removed the one they are on, or left it nothing to ask.
fn settle(model: &mut Model) {
    let pages = model.pages();
    if pages.contains(&model.at) {
        return;
    }
    let after = pages.into_iter().find(|page| *page > model.at).unwrap_or(PageId::Names);
    model.at = if matches!(model.at, PageId::Environment(_)) { PageId::Names } else { after };
}

fn go(model: &mut Model, forward: bool) {
    let pages = model.pages();
    let here = pages.iter().position(|page| *page == model.at).unwrap_or_default();
    if forward
        && matches!(model.at, PageId::Welcome | PageId::SignIn)
        && !asks_to_sign_in(model, &pages)
        && model.repairs()
    {
        model.at = PageId::Review;
        return;
    }
    let there = if forward { here + 1 } else { here.saturating_sub(1) };
    if let Some(page) = pages.into_iter().nth(there) {
        model.at = page;
    }
}

/// Whether the page where the person signs in is still to come.
fn asks_to_sign_in(model: &Model, pages: &[PageId]) -> bool {
    model.at < PageId::SignIn && pages.contains(&PageId::SignIn)
}

/// A review that was come to without the questions: its plan is due.
fn unplanned(model: &mut Model) -> Vec<Effect> {
    if model.at != PageId::Review || model.reviewed.is_some() {
        return Vec::new();
    }
    model.federation().map_or_else(|_| Vec::new(), |federation| make_plan(model, federation))
}

/// Past the pages of all environments; stays at the first with something to correct.
fn next_stage(model: &mut Model) -> Vec<Effect> {
    if !matches!(model.at, PageId::Environment(_)) {
        return next(model);
    }
    let stage: Vec<PageId> =
        model.pages().into_iter().filter(|page| matches!(page, PageId::Environment(_))).collect();
    let wrong = model.federation().err().unwrap_or_default();
    let (mut hindered, mut first) = (std::collections::BTreeMap::new(), None);
    for page in &stage {
        let keys = model.all_keys_of(page);
        let own = wrong.iter().filter(|(key, _)| keys.contains(key));
        hindered.extend(own.cloned());
        if first.is_none() && keys.iter().any(|key| hindered.contains_key(key)) {
            first = Some(page.clone());
        }
    }
    model.hindered = hindered;
    match first {
        Some(page) => model.at = page,
        None => {
            model.at = stage.last().cloned().unwrap_or(PageId::Names);
            go(model, true);
        }
    }
    Vec::new()
}

fn back_stage(model: &mut Model) {
    if matches!(model.at, PageId::Environment(_)) {
        model.hindered.clear();
        model.at = PageId::Pipeline;
    } else {
        back(model);
    }
}

fn back(model: &mut Model) {
    model.hindered.clear();
    sso::leave(model);
    sign_in::give_up(model);
    if !matches!(model.at, PageId::Run | PageId::Done) {
        go(model, false);
    }
}

pub(super) fn next(model: &mut Model) -> Vec<Effect> {
    model.hindered = hindrances(model);
    if !model.hindered.is_empty() {
        // At the end everything counts: the person is brought to the first page with something to correct.
        let at_fault =
            |page: &PageId| model.all_keys_of(page).iter().any(|key| model.hindered.contains_key(key));
        if let Some(page) = model.pages().into_iter().find(at_fault) {
            model.at = page;
        }
        return Vec::new();
    }
    if model.page().waiting.is_some() {
        return Vec::new();
    }
    match model.at {
        PageId::Welcome => welcome::leave(model).unwrap_or_else(|| {
            go(model, true);
            Vec::new()
        }),
        PageId::SignIn => sign_in::leave(model).unwrap_or_else(|| {
            go(model, true);
            Vec::new()
        }),
        PageId::Save => save(model),
        PageId::Review => decide(model),
        // A page that cannot be passed without an answer of Azure DevOps.
        PageId::Organization if model.discovery.organization.failed().is_some() => {
            if model.sign_in.is_lost() {
                model.at = PageId::SignIn;
            }
            Vec::new()
        }
        PageId::Run | PageId::Done => Vec::new(),
        PageId::Profiles => sso::begin(model).unwrap_or_else(|| {
            sso::leave(model);
            go(model, true);
            Vec::new()
        }),
        _ => {
            go(model, true);
            Vec::new()
        }
    }
}

/// What is wrong on the present page, and before the end anywhere.
fn hindrances(model: &Model) -> std::collections::BTreeMap<Key, String> {
    let keys = model.all_keys_of(&model.at);
    let mut found: std::collections::BTreeMap<Key, String> =
        keys.iter().filter_map(|key| model.problem(key).map(|problem| (key.clone(), problem))).collect();
    if let Err(wrong) = model.federation() {
        let ending = model.at == PageId::Save;
        found.extend(wrong.into_iter().filter(|(key, _)| ending || keys.contains(key)));
    }
    found
}

fn save(model: &mut Model) -> Vec<Effect> {
    let Ok(federation) = model.federation() else { return Vec::new() };
    if model.is_saved() || model.flag(&Key::of(Field::Save)) == Some(false) {
        return review(model, federation);
    }
    let generation = model.next_generation();
    model.saved = Some(Saved { generation, federation: federation.clone(), result: None });
    vec![Effect::SaveConfig { generation, federation: Box::new(federation) }]
}

fn saved(model: &mut Model, generation: u64, result: Result<String, String>) -> Vec<Effect> {
    let Some(saved) = model.saved.as_mut().filter(|saved| saved.generation == generation) else {
        return Vec::new();
    };
    if saved.result.is_some() {
        return Vec::new();
    }
    saved.result = Some(result);
    match model.federation() {
        Ok(federation) if model.at == PageId::Save && model.is_saved() => review(model, federation),
        _ => Vec::new(),
    }
}

/// Goes to the review; a plan that was made for the same answers is shown again.
fn review(model: &mut Model, federation: Federation) -> Vec<Effect> {
    model.at = PageId::Review;
    let fits = model
        .reviewed
        .as_ref()
        .is_some_and(|made| made.federation == federation && !matches!(made.result, Some(Err(_))));
    if fits {
        return Vec::new();
    }
    // Other answers may be within reach.
    model.hands_over = false;
    make_plan(model, federation)
}

fn make_plan(model: &mut Model, federation: Federation) -> Vec<Effect> {
    let generation = model.next_generation();
    model.answers.retain(|key, _| !is_consent(&key.field));
    model.reviewed = Some(Reviewed { generation, federation: federation.clone(), result: None });
    vec![Effect::MakePlan {
        generation,
        federation: Box::new(federation),
        token: model.token,
        hand_over: model.hands_over,
    }]
}

/// Whether an answer belongs to one plan and to no other.
fn is_consent(field: &Field) -> bool {
    matches!(
        field,
        Field::Approve | Field::Confirm | Field::HandOver | Field::Foreign { .. } | Field::Subject { .. }
    )
}

fn decide(model: &mut Model) -> Vec<Effect> {
    let Some(review) = model.review() else {
        // The answers changed under the plan, or it could not be made: another one is due.
        return match model.federation() {
            Ok(federation) if model.page().problem.is_none() => make_plan(model, federation),
            _ => Vec::new(),
        };
    };
    if let (true, Ok(federation)) = (model.is_handing_over(), model.federation()) {
        model.hands_over = true;
        return make_plan(model, federation);
    }
    if review.is_settled() || model.flag(&Key::of(Field::Approve)) != Some(true) {
        model.at = PageId::Done;
        return Vec::new();
    }
    let all = review.environments.keys().cloned().collect();
    approve(model, &all)
}

fn approve(model: &mut Model, environments: &BTreeSet<EnvironmentName>) -> Vec<Effect> {
    if model.at != PageId::Review || model.running.as_ref().is_some_and(|running| running.ended.is_none()) {
        return Vec::new();
    }
    let Some(review) = model.review().filter(|review| !review.is_settled()) else { return Vec::new() };
    if model.is_handing_over() {
        return Vec::new();
    }
    let released: BTreeSet<EnvironmentName> =
        model.released().into_iter().filter(|name| environments.contains(name)).collect();
    if released.is_empty() && !review.environments.is_empty() {
        let why = "no environment is left to change: type the name of a protected one, or answer no";
        model.hindered.insert(Key::of(Field::Approve), why.to_owned());
        return Vec::new();
    }
    let foreign = review.foreign.keys().cloned();
    let foreign =
        foreign.filter(|step| model.flag(&Key::of(Field::Foreign { step: step.clone() })) == Some(true));
    let foreign = foreign.collect();
    let typed = |step: &StepKey| model.text(None, Field::Subject { step: step.clone() });
    let subjects = review.subjects.iter().filter(|(step, other)| typed(step).as_ref() == Some(&other.wanted));
    let subjects = subjects.map(|(_, other)| other.wanted.clone()).collect();
    // A shared object may need the name of an environment that is left out.
    let confirmed = model.released().into_iter().collect();
    let Some(plan) = model.reviewed.as_ref().map(|reviewed| reviewed.generation) else { return Vec::new() };
    let generation = model.next_generation();
    model.running = Some(Running { generation, ended: None });
    model.at = PageId::Run;
    vec![Effect::Apply { plan, generation, environments: released, foreign, subjects, confirmed }]
}

fn ended_run(model: &mut Model, generation: u64, ended: Ended) -> Vec<Effect> {
    let Some(running) = model.running.as_mut().filter(|running| running.generation == generation) else {
        return Vec::new();
    };
    if running.ended.is_some() {
        return Vec::new();
    }
    let stale = ended.stale;
    running.ended = Some(ended);
    model.at = PageId::Done;
    match model.federation() {
        Ok(federation) if stale => {
            model.at = PageId::Review;
            make_plan(model, federation)
        }
        _ => Vec::new(),
    }
}

fn forget(model: &mut Model) {
    if model.running.as_ref().is_some_and(|running| running.ended.is_none()) {
        return;
    }
    model.reviewed = None;
    model.answers.retain(|key, _| !is_consent(&key.field));
    if model.at == PageId::Review {
        go(model, false);
    }
}

fn retry(model: &mut Model) -> Vec<Effect> {
    model.hindered.clear();
    model.discovery.forget_failures();
    let failed = model.page().problem.is_some();
    let made = model.reviewed.as_ref().is_some_and(|reviewed| reviewed.result.is_some());
    match (model.at.clone(), model.federation()) {
        (PageId::Welcome, _) if failed => welcome::leave(model).unwrap_or_default(),
        (PageId::SignIn, _) => sign_in::retry(model),
        // What was in the way of a plan, or of a run, may be healed by now.
        (PageId::Review, Ok(federation)) if made => make_plan(model, federation),
        (PageId::Done, Ok(federation)) => {
            model.at = PageId::Review;
            make_plan(model, federation)
        }
        (PageId::Save, Ok(_)) if failed => {
            model.saved = None;
            save(model)
        }
        _ => Vec::new(),
    }
}
