//! Every write of every phase is cut before and after: what follows converges, and the team's pipelines stay green.

use std::fmt;
use std::sync::Arc;

use keyless::plan::event::Outcome;
use keyless::sandbox::Fate;

use super::forward::active;
use crate::support::lab::Saved;
use crate::support::points::at_every;
use crate::support::{Job, Lab, Name, Then};

const KEY: &str = "AKIAPRACTICEAAAAAAAA";

/// How many days pass before each phase: switch and watch, deactivation, deletion.
const PHASES: [i64; 3] = [0, 8, 8];

#[derive(Clone)]
struct Point {
    phase: usize,
    /// Which of the phase's writes.
    at: usize,
    name: Name,
    fate: Fate,
    /// The cloud in which the phase is due.
    begin: Arc<Saved>,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "phase {}, write {}: {} ({:?})", self.phase, self.at, self.name, self.fate)
    }
}

fn job() -> Job {
    Job::rotate().delete_users()
}

async fn deploys(lab: &Lab, days: i64) {
    let ran = lab.pass_days(days).await;
    assert!(ran.iter().all(|run| run.ends_with("Succeeded")), "{ran:?}");
}

/// From wherever the cut left it to the key's and the user's end.
async fn to_the_end(lab: &Lab) {
    for _ in 0..PHASES.len() {
        deploys(lab, 8).await;
        let ran = lab.run(job()).await;
        if ran.outcome() == Outcome::Done {
            break;
        }
        assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    }
    assert_eq!(active(lab, KEY), None);
    assert!(!lab.dump().table("iam.user").keys().any(|user| user.ends_with("azure-devops-deploy")));
    let roles = lab.dump().table("iam.role");
    assert!(roles.values().all(|role| role["tags"].get("keyless:replaces").is_none()), "{roles:#?}");
    // The team's own permissions stand, and none beside them.
    assert_eq!(lab.standing(), Lab::of_file("rotate-one").await.standing());
    deploys(lab, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_converges_after_a_crash_at_every_write_of_every_phase() {
    let mut points = Vec::new();
    let lab = Lab::of_file("rotate-one").await;
    for (phase, days) in PHASES.into_iter().enumerate() {
        if days > 0 {
            deploys(&lab, days).await;
        }
        let begin = Arc::new(lab.saved());
        lab.watch.forget();
        lab.run(job()).await;
        for (at, name) in lab.watch.writes().into_iter().enumerate() {
            points.extend([Fate::CutBefore, Fate::CutAfter].map(|fate| Point {
                phase,
                at,
                name: name.clone(),
                fate,
                begin: Arc::clone(&begin),
            }));
        }
    }
    assert!(points.len() > 20, "{}", points.len());
    at_every(points, |point| async move {
        let lab = Lab::like(&point.begin).await;
        lab.watch.set_after(point.at, point.fate, Then::Die);
        lab.crash(job()).await;
        deploys(&lab, 1).await;
        let ran = lab.try_run(job()).await;
        // After the last deletion nothing is left that a rotation could find.
        if let Ok(ran) = ran {
            assert_ne!(ran.outcome(), Outcome::Failed, "{:#?}", ran.summary);
            if ran.outcome() == Outcome::Waiting {
                to_the_end(&lab).await;
            }
        }
        assert_eq!(active(&lab, KEY), None);
    })
    .await;
}
