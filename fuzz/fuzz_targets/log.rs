//! Any text as a log.
#![no_main]

use keyless::domain::diagnose::log::diagnose;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let told = diagnose(text, None);
    assert!(told.findings.len() <= 65);
});
