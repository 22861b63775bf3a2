//! Runs things that wait for each other: stages of a run, jobs of a stage.

use std::collections::BTreeMap;
use std::future::Future;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::sandbox::devops::timeline::Outcome;

/// How the things that one waits for ended, by name.
pub type Before = BTreeMap<String, Outcome>;

/// Runs every node as soon as the nodes it depends on have ended. Names that nobody has count as never ending; the
/// compiler refuses them before.
pub async fn run<F, Fut>(nodes: &[(&str, &[String])], work: F) -> BTreeMap<String, Outcome>
where
    F: Fn(usize, Before) -> Fut,
    Fut: Future<Output = Outcome>,
{
    let mut ended: BTreeMap<String, Outcome> = BTreeMap::new();
    let mut waiting: Vec<usize> = (0..nodes.len()).collect();
    let mut running = FuturesUnordered::new();
    loop {
        waiting.retain(|at| {
            let (_, depends) = nodes[*at];
            let before: Option<Before> =
                depends.iter().map(|name| Some((name.clone(), *ended.get(name)?))).collect();
            let Some(before) = before else { return true };
            let work = work(*at, before);
            let at = *at;
            running.push(async move { (at, work.await) });
            false
        });
        let Some((at, outcome)) = running.next().await else { return ended };
        ended.insert(nodes[at].0.to_owned(), outcome);
    }
}
