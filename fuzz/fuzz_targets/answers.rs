//! Any text as a `keyless.toml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(problems) = keyless::config::parse(text, "keyless.toml") {
        assert!(!problems.is_empty());
    }
});
