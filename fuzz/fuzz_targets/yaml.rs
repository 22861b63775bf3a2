//! Any text as a pipeline's YAML.
#![no_main]

use keyless::domain::diagnose::pipeline::{Looked, Target, findings};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(environment) = "dev".parse() else { return };
    let target = Target { environment, connection: "AWS-Dev".to_owned(), max_session: 3600 };
    let looked = Looked { yaml: text.to_owned(), ..Looked::default() };
    drop(findings(&looked, &[target]));
});
