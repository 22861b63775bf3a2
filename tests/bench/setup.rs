//! How long setup takes on a practice cloud that answers after 50 ms: against the chain of calls, for a hundred, and again.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark may stop here, and tells"
)]

mod chain;
mod stage;

use std::time::Duration;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use keyless::plan::event::Outcome;
use stage::{Stage, many, slow, three};
use tokio::runtime::Runtime;

const LATENCY: Duration = Duration::from_millis(50);
/// Setup of three environments takes at most so many times the chain.
const MOST_RATIO: f64 = 1.3;
/// A hundred environments are ready for their handshakes in this time.
const MOST_BEFORE_HANDSHAKES: Duration = Duration::from_secs(10);

fn middle<T: PartialOrd + Copy>(mut all: Vec<T>) -> T {
    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
    all[all.len() / 2]
}

/// What is promised is promised of the program people get, not of a debug build.
fn promised(holds: bool, what: &str) {
    println!("{what}");
    assert!(holds || cfg!(debug_assertions), "{what}");
}

fn benchmarks(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("setup, 50 ms for each answer");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));

    let mut ratios = Vec::new();
    group.bench_function("of three environments", |bencher| {
        bencher.iter_custom(|times| {
            let mut took = Duration::ZERO;
            for _ in 0..times {
                let ran = runtime.block_on(async { Stage::on(slow(three(), LATENCY)).await.setup().await });
                assert_eq!(ran.outcome, Outcome::Done);
                let chain = LATENCY * u32::try_from(chain::length(&ran.seen, 3, LATENCY)).unwrap();
                ratios.push(ran.took.as_secs_f64() / chain.as_secs_f64());
                took += ran.took;
            }
            took
        });
    });
    if !ratios.is_empty() {
        let ratio = middle(ratios);
        promised(
            ratio <= MOST_RATIO,
            &format!("{ratio:.2} times the longest chain of calls (at most {MOST_RATIO})"),
        );
    }

    let mut before: Vec<Duration> = Vec::new();
    group.bench_function("of a hundred environments, until the handshakes", |bencher| {
        bencher.iter_custom(|times| {
            let one = || {
                runtime.block_on(async {
                    Stage::on(slow(many(100), LATENCY)).await.setup_until_handshakes().await
                })
            };
            let all: Vec<Duration> = (0..times).map(|_| one()).collect();
            before.extend(&all);
            all.iter().sum()
        });
    });
    if !before.is_empty() {
        let before = middle(before);
        promised(
            before <= MOST_BEFORE_HANDSHAKES,
            &format!("{before:.1?} before the handshakes (at most {MOST_BEFORE_HANDSHAKES:?})"),
        );
    }

    let finished = runtime.block_on(async {
        let stage = Stage::on(slow(three(), LATENCY)).await;
        assert_eq!(stage.setup().await.outcome, Outcome::Done);
        stage
    });
    group.bench_function("once more, nothing to change", |bencher| {
        bencher.iter_custom(|times| {
            let mut took = Duration::ZERO;
            for _ in 0..times {
                let ran = runtime.block_on(finished.setup());
                assert_eq!((ran.outcome, ran.writes()), (Outcome::Done, 0), "only reads");
                took += ran.took;
            }
            took
        });
    });
    group.finish();
}

criterion_group!(setup, benchmarks);
criterion_main!(setup);
