//! The file of `--trace-http`: new, private, one exchange a line.

use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::cloud::trace::TraceSink;
use crate::domain::failure::Result;
use crate::host::files;

/// Where exchanges go.
pub struct TraceFile(Mutex<Box<dyn Write + Send>>);

impl TraceFile {
    /// Makes the file.
    ///
    /// # Errors
    /// It exists already, or cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self(Mutex::new(Box::new(files::create_private(path)?))))
    }
}

impl TraceSink for TraceFile {
    fn line(&self, line: &str) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk must not stop a run; the trace is then only shorter.
        let _ = writeln!(file, "{line}");
    }
}
