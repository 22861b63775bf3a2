//! Runs the wizard with a front end that asks one question at a time, and with whoever performs its effects.

use std::future::Future;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use secrecy::SecretString;

use crate::domain::failure::{Code, Failure, Result};
use crate::wizard::{Effect, Field, Handle, Key, Model, Msg, Page, PageId, Question, Value, update};

/// How long answers that are only nice to know are waited for.
const PATIENCE: Duration = Duration::from_secs(4);

/// What a person did with a question.
#[derive(Debug)]
pub enum Turn {
    /// Answered it.
    Answer(Value),
    /// Took the default, or left it empty.
    Default,
    /// Gave a secret.
    Secret(SecretString),
    /// Wants to go back.
    Back,
    /// Wants what failed to be tried again.
    Retry,
}

/// Asks a person.
pub trait Asker {
    /// Shows a page: title, reason and facts.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    fn page(&mut self, page: &Page) -> Result<()>;

    /// Asks one question until it is answered with something accepted.
    ///
    /// # Errors
    /// The person stopped it, there is nobody to answer, or the terminal does not work.
    fn ask(&mut self, page: &Page, question: &Question, model: &Model) -> impl Future<Output = Result<Turn>>;

    /// Asks what to do about a page that has a problem and no question: [`Turn::Retry`] or [`Turn::Back`].
    ///
    /// # Errors
    /// As [`Asker::ask`].
    fn stuck(&mut self, page: &Page) -> impl Future<Output = Result<Turn>>;

    /// Says something.
    ///
    /// # Errors
    /// The terminal cannot be written to.
    fn tell(&mut self, text: &str) -> Result<()>;
}

/// Does what the wizard wants done.
pub trait Performer {
    /// Keeps a secret in memory, and names it.
    fn keep(&self, secret: SecretString) -> Handle;
    /// Performs an effect; what came of it are messages with its generation.
    fn perform(&self, effect: Effect) -> impl Future<Output = Vec<Msg>>;
    /// Ends when the person wants to stop: a question that is open then is not waited for any longer.
    fn stopped(&self) -> impl Future<Output = ()> {
        std::future::pending()
    }
}

/// The questions asked since the person came to a page.
struct Visit {
    page: PageId,
    edition: u64,
    asked: Vec<Key>,
    told: Option<String>,
}

/// Asks every page until the wizard is done. Effects run side by side; a page waits only for what it needs.
///
/// # Errors
/// The person stopped it (class canceled), a question had nobody to answer it, or the terminal does not work.
pub async fn run<A: Asker, P: Performer>(model: &mut Model, asker: &mut A, performer: &P) -> Result<()> {
    let mut work = FuturesUnordered::new();
    work.extend(model.begin().into_iter().map(|effect| performer.perform(effect)));
    let mut visit: Option<Visit> = None;
    let mut impatient: Option<PageId> = None;
    let mut announced: Option<String> = None;
    loop {
        tokio::task::yield_now().await;
        while let Some(Some(messages)) = work.next().now_or_never() {
            let effects = feed(model, messages);
            work.extend(effects.into_iter().map(|effect| performer.perform(effect)));
        }
        let page = model.page();
        if model.is_done() {
            return asker.page(&page);
        }
        let pending = page.pending.clone().filter(|_| impatient.as_ref() != Some(&page.id));
        if let Some(reason) = page.waiting.as_ref().or(pending.as_ref()) {
            if announced.as_ref() != Some(reason) {
                asker.tell(&format!("{reason} ..."))?;
                announced = Some(reason.clone());
            }
            let next = match page.waiting {
                Some(_) => work.next().await,
                None => tokio::time::timeout(PATIENCE, work.next()).await.unwrap_or_else(|_| {
                    impatient = Some(page.id.clone());
                    Some(Vec::new())
                }),
            };
            let Some(messages) = next else {
                return Err(Failure::new(Code::Terminal).with("waiting for something nobody does", reason));
            };
            let effects = feed(model, messages);
            work.extend(effects.into_iter().map(|effect| performer.perform(effect)));
            continue;
        }
        announced = None;
        let message = match tokio::select! {
            step = turn(model, asker, &page, &mut visit) => step?,
            () = performer.stopped() => return Err(Failure::new(Code::Stopped).with("by", "ctrl-c")),
        } {
            Step::Asked => continue,
            Step::Message(message) => message,
            Step::Secret(secret) => Msg::Secret { handle: performer.keep(secret) },
        };
        let went_on = message == Msg::Next;
        let effects = update(model, message);
        work.extend(effects.into_iter().map(|effect| performer.perform(effect)));
        if went_on && revisit(model, asker, &page, &mut visit)? {
            // Only something that is still under way can open this page again.
            let Some(messages) = work.next().await else {
                return Err(Failure::new(Code::Terminal).with("a page that cannot be left", page.title));
            };
            let effects = feed(model, messages);
            work.extend(effects.into_iter().map(|effect| performer.perform(effect)));
        }
    }
}

fn feed(model: &mut Model, messages: Vec<Msg>) -> Vec<Effect> {
    messages.into_iter().flat_map(|message| update(model, message)).collect()
}

enum Step {
    /// The person only moved between questions of this page.
    Asked,
    Message(Msg),
    Secret(SecretString),
}

/// Asks the next question of a page, or goes on when there is none.
async fn turn<A: Asker>(
    model: &Model,
    asker: &mut A,
    page: &Page,
    visit: &mut Option<Visit>,
) -> Result<Step> {
    if visit.as_ref().is_none_or(|visit| (&visit.page, visit.edition) != (&page.id, page.edition)) {
        asker.page(page)?;
        *visit = Some(Visit { page: page.id.clone(), edition: page.edition, asked: Vec::new(), told: None });
    }
    let Some(here) = visit.as_mut() else { return Ok(Step::Asked) };
    if page.problem.is_some() && here.told != page.problem {
        asker.tell(&format!("Problem: {}", page.problem.as_deref().unwrap_or_default()))?;
        here.told.clone_from(&page.problem);
    }
    let question = page.questions.iter().find(|question| !here.asked.contains(&question.key));
    let Some(question) = question else {
        let stuck = page.problem.is_some() && page.questions.is_empty();
        if !stuck {
            return Ok(Step::Message(Msg::Next));
        }
        return Ok(Step::Message(match asker.stuck(page).await? {
            Turn::Retry => {
                here.told = None;
                Msg::Retry
            }
            _ => {
                *visit = None;
                Msg::Back
            }
        }));
    };
    // What was just answered changed what is known: it is shown once more before it is agreed to.
    if question.key.field == Field::Adjust && !here.asked.is_empty() {
        asker.page(page)?;
    }
    let turn = asker.ask(page, question, model).await?;
    let key = question.key.clone();
    Ok(match turn {
        Turn::Answer(value) => {
            here.asked.push(key.clone());
            Step::Message(Msg::Answer { key, value })
        }
        Turn::Default => {
            here.asked.push(key);
            Step::Asked
        }
        Turn::Secret(secret) => {
            here.asked.push(key);
            Step::Secret(secret)
        }
        Turn::Retry => {
            here.told = None;
            Step::Message(Msg::Retry)
        }
        // Back goes to the question before, and from the first one to the page before.
        Turn::Back => match here.asked.pop() {
            Some(_) => Step::Asked,
            None => {
                *visit = None;
                Step::Message(Msg::Back)
            }
        },
    })
}

/// After an attempt to go on: where the page stayed, what is wrong is asked again. True: it asks nothing, and stays.
fn revisit<A: Asker>(model: &Model, asker: &mut A, before: &Page, visit: &mut Option<Visit>) -> Result<bool> {
    let page = model.page();
    let wrong: Vec<&Question> = page.questions.iter().filter(|question| question.problem.is_some()).collect();
    for question in &wrong {
        asker.tell(&format!("{}: {}", question.label, question.problem.as_deref().unwrap_or_default()))?;
    }
    if page.id != before.id || page.waiting.is_some() {
        return Ok(false);
    }
    let Some(here) = visit.as_mut() else { return Ok(false) };
    if wrong.is_empty() {
        here.asked.clear();
    } else {
        here.asked.retain(|key| wrong.iter().all(|question| question.key != *key));
    }
    Ok(page.questions.is_empty() && page.problem.is_none())
}
