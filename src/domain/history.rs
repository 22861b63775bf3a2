//! History: what keyless changed, by whom, and what takes it back, as the journal tells it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::Failure;
use super::key::StepKey;
use super::pen::{Inverse, Write};

/// The runs of a federation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// `organisation/project`.
    pub federation: String,
    /// The newest first.
    pub runs: Vec<PastRun>,
}

/// One run that could change something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastRun {
    /// Its id.
    pub id: String,
    /// `setup`, `teardown`, …
    pub command: String,
    /// Who was signed in to Azure DevOps; none: nobody was, or it was not written down then.
    pub who: Option<String>,
    /// When it began (RFC 3339, this machine's clock).
    pub at: String,
    /// Its requests that change a cloud, the oldest first.
    pub writes: Vec<PastWrite>,
}

/// One request that changes a cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastWrite {
    /// When it was about to be made (RFC 3339, this machine's clock).
    pub at: String,
    /// The step.
    pub step: StepKey,
    /// What was asked, and how it can be taken back.
    pub write: Write,
    /// What the cloud made, in names and ids; null: nothing is known.
    pub receipt: Value,
    /// How it ended.
    pub ended: PastEnd,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ended", rename_all = "snake_case")]
pub enum PastEnd {
    /// It was answered.
    Done,
    /// It was refused: nothing was changed.
    Refused {
        /// Why.
        failure: Failure,
    },
    /// Its answer was lost: only a look tells what is there.
    Lost,
}

/// What takes a change back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// Nothing was changed.
    Needless,
    /// A command of keyless, which looks first.
    Command(&'static str),
    /// Nothing: why, in words.
    Impossible(String),
}

impl PastWrite {
    /// What was there before; none: nothing, or it is not known.
    pub fn before(&self) -> Option<&Value> {
        match &self.write.inverse {
            Inverse::Restore { before } => Some(before),
            Inverse::Delete | Inverse::Irreversible { .. } => None,
        }
    }

    /// What was written; none: the journal holds no more than the object's name.
    pub fn after(&self) -> Option<&Value> {
        [&self.write.detail, &self.receipt].into_iter().find(|value| !value.is_null())
    }

    /// What takes it back, where a run of `command` made it.
    pub fn undo(&self, command: &str) -> Undo {
        if matches!(self.ended, PastEnd::Refused { .. }) {
            return Undo::Needless;
        }
        match (&self.write.inverse, command) {
            (Inverse::Irreversible { why }, _) => Undo::Impossible(why.clone()),
            (_, "teardown") => Undo::Command("keyless setup"),
            (_, "rotate") => Undo::Command("keyless rotate --rollback"),
            (_, "move-issuer") => Undo::Command("keyless move-issuer --back"),
            _ => Undo::Command("keyless teardown"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use serde_json::json;

    use super::*;
    use crate::domain::failure::Code;

    fn write(inverse: Inverse, ended: PastEnd) -> PastWrite {
        PastWrite {
            at: String::new(),
            step: "role:111122223333/Dev".parse().unwrap(),
            write: Write::new("iam", "UpdateRole", "role 111122223333/Dev", inverse),
            receipt: Value::Null,
            ended,
        }
    }

    #[test]
    fn every_change_tells_its_way_back_or_that_there_is_none() {
        let restore = write(Inverse::Restore { before: json!({"seconds": 3600}) }, PastEnd::Done);
        assert_eq!(restore.before(), Some(&json!({"seconds": 3600})));
        assert_eq!(restore.undo("setup"), Undo::Command("keyless teardown"));
        assert_eq!(restore.undo("rotate"), Undo::Command("keyless rotate --rollback"));
        let gone = write(Inverse::Irreversible { why: "it is gone".to_owned() }, PastEnd::Done);
        assert_eq!(gone.undo("setup"), Undo::Impossible("it is gone".to_owned()));
        let refused = PastEnd::Refused { failure: Failure::new(Code::AwsDenied) };
        assert_eq!(write(Inverse::Delete, refused).undo("setup"), Undo::Needless);
        let lost = write(Inverse::Delete, PastEnd::Lost);
        assert_eq!(lost.undo("teardown"), Undo::Command("keyless setup"));
        assert_eq!((lost.before(), lost.after()), (None, None));
    }
}
