//! Benchmarks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]
mod stage;
fn main() {
    let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let n: usize = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(3);
        let lat: u64 = std::env::args().nth(2).and_then(|a| a.parse().ok()).unwrap_or(50);
        let world = if n == 3 { stage::three() } else { stage::many(n) };
        let stage = stage::Stage::on(stage::slow(world, std::time::Duration::from_millis(lat))).await;
        for what in ["setup", "setup", "status", "teardown"] {
            let ran = match what {
                "setup" => stage.setup().await,
                "status" => stage.status().await,
                _ => stage.teardown().await,
            };
            println!(
                "== {what} {:?} took {:?} before runs {:?} writes {} total {} calls {:?}",
                ran.outcome,
                ran.took,
                ran.before_runs(),
                ran.writes(),
                ran.seen.len(),
                ran.calls()
            );
            for (k, c) in ran.kinds() {
                println!("   {c:5} {k}");
            }
            if n <= 3 {
                for s in &ran.seen {
                    println!(
                        "      {:6.0} {} {} {}",
                        (s.at - ran.began).as_secs_f64() * 1000.0,
                        s.request.service,
                        s.request.method,
                        s.request.object
                    );
                }
            }
        }
    });
}
