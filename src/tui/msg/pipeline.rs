//! The pipeline that deploys, as screens ask for its file.

use serde::{Deserialize, Serialize};

use crate::domain::federation::{Flow, Tool};

/// Which pipeline is meant: what deploys, and which branches deploy where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineWish {
    /// What deploys.
    pub tool: Tool,
    /// Which branches deploy where.
    pub flow: Flow,
}

/// A file that is there, and how the wanted one differs from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherFile {
    /// Where it is, in words.
    pub name: String,
    /// What differs, line by line: `- ` is there, `+ ` is wanted.
    pub lines: Vec<String>,
}

/// What became of a file that was to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placed {
    /// It was written there.
    Written(String),
    /// It was written there, beside another one.
    Beside(String),
    /// Exactly this was there already.
    Unchanged(String),
    /// Another file is there and stays; nothing was written.
    Other {
        /// What is there.
        other: OtherFile,
        /// Where this one can be written instead.
        beside: String,
    },
}
