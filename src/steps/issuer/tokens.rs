//! Which issuer Azure DevOps's tokens come from: while it is not the new one, the proof of that has to wait.

use super::tokens_key;
use crate::domain::failure::Result;
use crate::domain::issuer::Issuer;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::Known;
use crate::engine::step::{Cx, Step};
use crate::plan::change::{Change, Gate};

/// What the newest pinned runs told.
pub struct Tokens {
    /// The issuer that is moved to.
    pub issuer: Issuer,
    /// All environments.
    pub environments: Vec<EnvironmentName>,
    /// Environments whose tokens came from another one.
    pub others: Vec<EnvironmentName>,
}

impl Step for Tokens {
    type Seen = ();

    fn key(&self) -> StepKey {
        tokens_key()
    }

    fn title(&self) -> String {
        "issuer of the tokens".to_owned()
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.environments.clone()
    }

    fn needs(&self) -> Vec<StepKey> {
        Vec::new()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<()> {
        Ok(())
    }

    fn plan(&self, _seen: &()) -> Change {
        if self.others.is_empty() {
            let why = format!("a pinned run got its token from {}", self.issuer);
            return Change::keep(self.key(), self.title(), why);
        }
        let names: Vec<&str> = self.others.iter().map(EnvironmentName::as_str).collect();
        let whose = if names.len() == self.environments.len() {
            String::new()
        } else {
            format!(" for {}", names.join(", "))
        };
        let reason = format!("Azure DevOps does not issue from {} yet{whose}", self.issuer);
        Change::wait(self.key(), self.title(), Gate { reason, until: None })
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, _pen: &Pen, _seen: ()) -> Result<()> {
        Ok(())
    }
}
