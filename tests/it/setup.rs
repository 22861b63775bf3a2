//! Setting up: worlds of every kind become proven, nothing foreign is touched, and a second setup is reads only.

use super::support::lab::THREE;
use super::support::{Job, Lab};

/// The fresh world becomes three proven environments with exactly the planned writes; again it is reads only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_world_is_proven_once_and_then_left_alone() {
    let lab = Lab::of("fresh").await;
    let start = std::time::Instant::now();
    let first = lab.run(Job::setup()).await;
    eprintln!("{:?}", start.elapsed());
    first.assert_proven(&THREE);
    assert_eq!(first.plan.writes(), lab.watch.writes().len());
    for (table, records) in lab.practice.ground().store.dump() {
        eprintln!("{table} {}", records.len());
    }
    eprintln!("{:#?}", lab.watch.distinct_writes());

    let before = lab.dump();
    lab.watch.forget();
    let start = std::time::Instant::now();
    let second = lab.run(Job::setup()).await;
    eprintln!("{:?}", start.elapsed());
    second.assert_proven(&THREE);
    assert_eq!(lab.watch.writes(), []);
    assert_eq!((second.plan.writes(), second.board.writes), (0, 0));
    before.assert_same(&lab.dump(), "the second setup changed something");
}
