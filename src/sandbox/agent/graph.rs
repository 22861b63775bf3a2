//! Runs things that wait for each other: stages of a run, jobs of a stage.

use std::collections::BTreeMap;
use std::future::Future;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::sandbox::devops::timeline::Outcome;

/// How things ended, by name.
pub type Results = BTreeMap<String, Outcome>;

/// How what comes before one ended.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// What it names in `dependsOn`: `dependencies` shows these and no others.
    pub direct: Results,
    /// Those and what they waited for, and so on: status functions such as `succeeded()` look at all of them.
    pub all: Results,
}

impl Before {
    /// One entry without a name: the job that a step is in.
    pub fn unnamed(outcome: Outcome) -> Self {
        let only = Results::from([(String::new(), outcome)]);
        Self { direct: only.clone(), all: only }
    }

    /// None while something it names has not ended. What comes before that has ended, then, too.
    fn of(depends: &[String], nodes: &[(&str, &[String])], ended: &Results) -> Option<Self> {
        let direct: Option<Results> =
            depends.iter().map(|name| Some((name.clone(), *ended.get(name)?))).collect();
        let direct = direct?;
        let mut all = direct.clone();
        let mut open: Vec<&String> = depends.iter().collect();
        while let Some(name) = open.pop() {
            let above = nodes.iter().find(|(node, _)| *node == name.as_str()).map(|(_, depends)| *depends);
            for name in above.unwrap_or_default() {
                if let Some(outcome) = ended.get(name)
                    && all.insert(name.clone(), *outcome).is_none()
                {
                    open.push(name);
                }
            }
        }
        Some(Self { direct, all })
    }
}

/// Runs every node as soon as the nodes it depends on have ended. Names that nobody has count as never ending; the
/// compiler refuses them before.
pub async fn run<F, Fut>(nodes: &[(&str, &[String])], work: F) -> Results
where
    F: Fn(usize, Before) -> Fut,
    Fut: Future<Output = Outcome>,
{
    let mut ended = Results::new();
    let mut waiting: Vec<usize> = (0..nodes.len()).collect();
    let mut running = FuturesUnordered::new();
    loop {
        waiting.retain(|at| {
            let (_, depends) = nodes[*at];
            let Some(before) = Before::of(depends, nodes, &ended) else { return true };
            let work = work(*at, before);
            let at = *at;
            running.push(async move { (at, work.await) });
            false
        });
        let Some((at, outcome)) = running.next().await else { return ended };
        ended.insert(nodes[at].0.to_owned(), outcome);
    }
}
