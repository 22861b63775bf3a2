//! The page that signs in to Azure DevOps: how, and what the person must do meanwhile.

use super::flow::next;
use super::model::Model;
use super::msg::{Effect, Handle};
use super::page::{self, Fact, Field, Key, PageId, Value};

/// A way to sign in to Azure DevOps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Method {
    /// Microsoft Entra in the browser of this machine.
    Browser,
    /// Microsoft Entra with a code that is typed on any machine.
    Device,
    /// The token of the Azure CLI.
    AzureCli,
    /// A personal access token.
    Pat,
}

impl Method {
    /// Every way, as it is offered.
    pub const ALL: [Self; 4] = [Self::Browser, Self::Device, Self::AzureCli, Self::Pat];

    /// The word it is answered with; the flags of `keyless login` are the same.
    pub fn word(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Device => "device",
            Self::AzureCli => "az",
            Self::Pat => "pat",
        }
    }

    /// What it is, beside its word.
    pub fn about(self) -> &'static str {
        match self {
            Self::Browser => "your work account, in the browser of this machine",
            Self::Device => "your work account, with a code typed in any browser",
            Self::AzureCli => "whoever is signed in to the Azure CLI",
            Self::Pat => "a personal access token for this organisation",
        }
    }

    /// The way of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.word() == word)
    }
}

/// Which ways are offered, and which is likely.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Offer {
    /// The ways; with one alone nothing is asked.
    pub methods: Vec<Method>,
    /// The likely one, and why.
    pub likely: Option<(Method, String)>,
}

impl Default for Offer {
    /// A personal access token alone: what can be piped.
    fn default() -> Self {
        Self { methods: vec![Method::Pat], likely: None }
    }
}

/// What the person must do for a sign-in to go on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Prompt {
    /// Sign in in the browser.
    Browser {
        /// What the browser must show.
        address: String,
        /// Whether a browser was told to open it.
        opened: bool,
    },
    /// Type a code.
    Code {
        /// The code.
        code: String,
        /// Where it is typed.
        address: String,
        /// For how long it is taken.
        minutes: u64,
    },
    /// Nothing: the Azure CLI is asked.
    AzureCli,
}

impl Prompt {
    /// What is to be done, in one sentence.
    pub fn words(&self) -> String {
        match self {
            Self::Browser { opened: true, .. } => {
                "Sign in in the browser window that was opened; keyless waits for it".to_owned()
            }
            Self::Browser { address, opened: false } => {
                format!("No browser could be opened: open {address} on this machine and sign in")
            }
            Self::Code { code, address, minutes } => {
                format!("Open {address} in any browser and type {code} (taken for {minutes} minutes)")
            }
            Self::AzureCli => "The Azure CLI is asked for a token".to_owned(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Browser { address, .. } => vec![Fact::new("address", address, "Microsoft Entra")],
            Self::Code { code, address, .. } => vec![
                Fact::new("address", address, "Microsoft Entra"),
                Fact::new("code", code, "Microsoft Entra"),
            ],
            Self::AzureCli => Vec::new(),
        }
    }
}

/// A sign-in that was begun.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    generation: u64,
    method: Method,
    /// What the person must do, once it is known.
    prompt: Option<Prompt>,
    /// Why it failed.
    failed: Option<String>,
}

/// Where signing in stands.
#[derive(Debug, Clone, Default)]
pub(super) struct SignIn {
    attempt: Option<Attempt>,
    /// The way the present token was got.
    by: Option<Method>,
    /// Whether the session's own sign-in does not work for the organisation.
    lost: bool,
    /// How many attempts have failed: the page is read anew after each.
    failures: u64,
}

impl SignIn {
    fn open(&self) -> Option<&Attempt> {
        self.attempt.as_ref().filter(|attempt| attempt.failed.is_none())
    }

    /// Why the last attempt failed.
    pub(super) fn failed(&self) -> Option<&str> {
        self.attempt.as_ref().and_then(|attempt| attempt.failed.as_deref())
    }

    /// Differs after each failure.
    pub(super) fn edition(&self) -> u64 {
        self.failures
    }

    /// Whether the session's own sign-in does not work for the organisation, and nobody signed in anew.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether the token that is there is a typed one.
    pub(super) fn typed(&self) -> bool {
        self.by == Some(Method::Pat)
    }

    /// What is waited for.
    pub(super) fn waiting(&self) -> Option<String> {
        let attempt = self.open()?;
        Some(match (&attempt.prompt, attempt.method) {
            (Some(prompt), _) => prompt.words(),
            (None, Method::AzureCli) => Prompt::AzureCli.words(),
            (None, _) => "Microsoft Entra is asked for a sign-in".to_owned(),
        })
    }

    pub(super) fn facts(&self) -> Vec<Fact> {
        self.open().and_then(|attempt| attempt.prompt.as_ref()).map(Prompt::facts).unwrap_or_default()
    }
}

impl Model {
    /// Whether there is a page that signs in: nobody was signed in at the start, or not any more.
    pub(super) fn asks_to_be_signed_in(&self) -> bool {
        let here = self.sign_in.lost || self.sign_in.by.is_some();
        self.start.ask_azure_devops && (!self.start.signed_in || here)
    }

    /// What the person must do for the sign-in that is open; none: no sign-in is open, or it is just being begun.
    pub fn sign_in_prompt(&self) -> Option<&Prompt> {
        self.sign_in.open()?.prompt.as_ref()
    }

    /// The way that is chosen.
    pub(super) fn method(&self) -> Option<Method> {
        match &self.start.sign_in.methods[..] {
            [only] => Some(*only),
            _ => match self.value(&Key::of(Field::Method))? {
                Value::Text(word) => Method::of(&word),
                Value::Many(_) | Value::Flag(_) => None,
            },
        }
    }

    pub(super) fn likely_method(&self) -> Option<page::Default> {
        let (method, source) = self.start.sign_in.likely.as_ref()?;
        Some(page::Default { value: Value::text(method.word()), source: source.clone() })
    }

    pub(super) fn sign_in_keys(&self) -> Vec<Key> {
        let asks = (self.start.sign_in.methods.len() > 1).then_some(Field::Method);
        let token = (self.method() == Some(Method::Pat)).then_some(Field::Token);
        asks.into_iter().chain(token).map(Key::of).collect()
    }
}

/// A secret was typed.
pub(super) fn typed(model: &mut Model, handle: Handle) {
    model.token = Some(handle);
    model.sign_in.by = Some(Method::Pat);
    model.sign_in.attempt = None;
    model.sign_in.lost = false;
}

/// The session's own sign-in does not work for the organisation: the person can sign in, or name another one.
pub(super) fn lost(model: &mut Model) {
    model.token = None;
    model.sign_in.by = None;
    model.sign_in.lost = true;
    model.sign_in.failures += 1;
    if (PageId::Project..PageId::Run).contains(&model.at) {
        // A plan that could not be looked at is made anew.
        model.reviewed = None;
        model.hindered.clear();
        model.at = PageId::SignIn;
    }
}

/// A sign-in works for the organisation.
pub(super) fn found(model: &mut Model) {
    model.sign_in.lost = false;
}

/// On from the page: what must be begun first; none: the page can be left.
pub(super) fn leave(model: &mut Model) -> Option<Vec<Effect>> {
    let method = model.method()?;
    // Who comes back to a page that worked is not signed in again, unless Azure DevOps refused what came of it.
    let usable = model.sign_in.by == Some(method) && model.discovery.organization.failed().is_none();
    (method != Method::Pat && !usable).then(|| begin(model, method))
}

fn begin(model: &mut Model, method: Method) -> Vec<Effect> {
    let generation = model.next_generation();
    model.sign_in.attempt = Some(Attempt { generation, method, prompt: None, failed: None });
    vec![Effect::SignIn { generation, method }]
}

/// Once more what failed.
pub(super) fn retry(model: &mut Model) -> Vec<Effect> {
    match model.method() {
        Some(method) if method != Method::Pat && model.sign_in.failed().is_some() => begin(model, method),
        _ => Vec::new(),
    }
}

/// The person no longer waits.
pub(super) fn give_up(model: &mut Model) {
    model.sign_in.attempt = None;
}

/// A sign-in was begun, or could not be.
pub(super) fn begun(model: &mut Model, generation: u64, result: Result<Prompt, String>) -> Vec<Effect> {
    let attempt = model.sign_in.attempt.as_mut();
    let Some(attempt) = attempt.filter(|attempt| attempt.generation == generation) else { return Vec::new() };
    if attempt.failed.is_some() || attempt.prompt.is_some() {
        return Vec::new();
    }
    match result {
        Ok(prompt) => {
            attempt.prompt = Some(prompt);
            vec![Effect::AwaitSignIn { generation }]
        }
        Err(reason) => {
            attempt.failed = Some(reason);
            model.sign_in.failures += 1;
            Vec::new()
        }
    }
}

/// A sign-in ended.
pub(super) fn ended(model: &mut Model, generation: u64, result: Result<Handle, String>) -> Vec<Effect> {
    let attempt = model.sign_in.attempt.as_mut();
    let Some(attempt) = attempt.filter(|attempt| attempt.generation == generation) else { return Vec::new() };
    if attempt.failed.is_some() {
        return Vec::new();
    }
    match result {
        Ok(handle) => {
            model.sign_in.by = Some(attempt.method);
            model.sign_in.attempt = None;
            model.sign_in.lost = false;
            // What the sign-in before could not do says nothing about this one.
            model.discovery.organization.forget_failure();
            model.token = Some(handle);
            if model.at == PageId::SignIn {
                return next(model);
            }
        }
        Err(reason) => {
            attempt.failed = Some(reason);
            model.sign_in.failures += 1;
        }
    }
    Vec::new()
}
