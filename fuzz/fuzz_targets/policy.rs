//! Any text as a policy document, which is read again as it is written.
#![no_main]

use keyless::domain::policy::Document;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(document) = Document::parse(text) {
        assert!(Document::parse(&document.to_json()).is_ok());
    }
});
