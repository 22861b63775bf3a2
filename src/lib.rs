//! keyless: from static AWS keys to OIDC federation for Azure DevOps pipelines.
//!
//! Rooms, and what each may name (held by `tests/layers.rs`):
//!
//! | room | what is in it | may name |
//! | --- | --- | --- |
//! | `domain` | pure nouns and rules, policies, blueprint, the pen | nothing |
//! | `config` | `keyless.toml` ⇄ `Federation` | domain |
//! | `plan` | plan, change, run events and their fold, the board | domain |
//! | `engine` | step, schedule, journal, retry, undo; knows no cloud | domain, plan, host |
//! | `cloud` | clients for Azure DevOps and AWS, sign-in, tracing | domain |
//! | `steps` | one cloud object each | domain, plan, engine, cloud |
//! | `programs` | survey, setup, verify, doctor, rotate, move_issuer, status, teardown: lists of steps | domain, plan, engine, steps, cloud, host |
//! | `host` | this machine: clock, directories, files, terminal facts | domain |
//! | `wizard` | the wizard as data | domain, plan |
//! | `tui` | the wizard and the live panes on the full screen (ratatui) | domain, plan, wizard, explain, host |
//! | `plain` | the wizard as prompts and lines | domain, plan, wizard, explain, host |
//! | `headless` | JSON in and out, schemas | domain, plan, wizard, explain, host |
//! | `explain` | words for failures and findings, exit codes | domain, plan |
//! | `sandbox` | the practice cloud | nothing |
//! | `app`, `cli` | wiring | all |

pub mod app;
pub mod cli;
pub mod cloud;
pub mod config;
pub mod domain;
pub mod engine;
pub mod explain;
pub mod headless;
pub mod host;
pub mod plain;
pub mod plan;
pub mod programs;
pub mod sandbox;
pub mod steps;
pub mod tui;
pub mod wizard;
