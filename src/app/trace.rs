//! The file of `--trace-http`: new, private, one exchange a line.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

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

/// The file of one process. It is new when it is first opened, and the same one ever after.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Option<Arc<TraceFile>>>>);

impl Trace {
    /// The file, made where it is not made yet.
    ///
    /// # Errors
    /// As [`TraceFile::create`].
    pub fn open(&self, path: &Path) -> Result<Arc<dyn TraceSink>> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match made.take() {
            Some(file) => file,
            None => Arc::new(TraceFile::create(path)?),
        };
        *made = Some(Arc::clone(&file));
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;
    use crate::domain::failure::Code;

    #[test]
    fn clouds_that_are_opened_again_go_on_in_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.jsonl");
        let trace = Trace::default();
        trace.open(&path).unwrap().line("one");
        trace.clone().open(&path).unwrap().line("two");
        assert_eq!(files::read(&path).unwrap().unwrap(), "one\ntwo\n");
        let other = Trace::default().open(&path).err().unwrap();
        assert_eq!(other.code, Code::FileExists, "a file that was there before stays as it is");
    }
}
