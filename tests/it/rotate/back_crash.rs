//! Every write of a way back, from every phase, is cut before and after: the next one ends where an undisturbed one does.

use std::fmt;
use std::sync::Arc;

use keyless::sandbox::Fate;

use super::back::{cut_at_the_switch, is_back, rotated};
use super::{held, keys_of, notes, nothing_stands};
use crate::support::lab::Saved;
use crate::support::points::at_every;
use crate::support::{Dump, Job, Lab, Name, Then};

/// How far a rotation is when it is taken back.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The key is noted, and the connection still holds it.
    Prepared,
    /// The connection is switched, and nothing proved that yet.
    Switched,
    /// The switch is proven, and the key watched.
    Watched,
    /// The key is off.
    Deactivated,
}

impl Phase {
    async fn lab(self) -> Lab {
        let lab = match self {
            Self::Prepared => cut_at_the_switch(Fate::CutBefore).await,
            Self::Switched => cut_at_the_switch(Fate::CutAfter).await,
            Self::Watched => rotated("rotate-one", 1).await,
            Self::Deactivated => rotated("rotate-one", 2).await,
        };
        lab.watch.forget();
        lab
    }
}

struct Point {
    phase: Phase,
    others: usize,
    name: Name,
    fate: Fate,
    begin: Arc<Saved>,
    end: Arc<Dump>,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, write {}: {} ({:?})", self.phase, self.others, self.name, self.fate)
    }
}

async fn is_green(lab: &Lab, when: &str) {
    let ran = lab.team_deploys().await;
    assert!(!ran.is_empty() && ran.iter().all(|run| run.ends_with("Succeeded")), "{when}: {ran:?}");
}

/// What the cloud holds, whichever id and secret the connection's key has.
fn dump(lab: &Lab) -> Dump {
    let id = held(lab, "AWS-Dev");
    let keys = lab.practice.ground().store.list::<serde_json::Value>("iam.access-key", &id);
    let secret = keys[0].1["secret"].as_str().unwrap().to_owned();
    lab.dump().renamed(&id, "KEY").renamed(&secret, "SECRET")
}

/// The writes of an undisturbed way back from a phase, each cut before and after.
async fn points(phase: Phase) -> Vec<Point> {
    let lab = phase.lab().await;
    let begin = Arc::new(lab.saved());
    let ran = lab.run(Job::rollback()).await;
    is_back(&lab, &ran, &["dev"]).await;
    let end = Arc::new(dump(&lab));
    let mut points = Vec::new();
    for (others, name) in lab.watch.writes().into_iter().enumerate() {
        for fate in [Fate::CutBefore, Fate::CutAfter] {
            let (begin, end) = (Arc::clone(&begin), Arc::clone(&end));
            points.push(Point { phase, others, name: name.clone(), fate, begin, end });
        }
    }
    points
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_back_from_every_phase_converges_after_a_crash_at_every_write() {
    let mut all = Vec::new();
    for phase in [Phase::Prepared, Phase::Switched, Phase::Watched, Phase::Deactivated] {
        let points = points(phase).await;
        assert!(points.len() > 4, "{phase:?}: {}", points.len());
        all.extend(points);
    }
    at_every(all, |point| async move {
        let lab = Lab::like(&point.begin).await;
        lab.watch.set_after(point.others, point.fate, Then::Die);
        lab.crash(Job::rollback()).await;
        is_green(&lab, "after the crash").await;
        // The last notes may be gone: then it was back already.
        if !notes(&lab).is_empty() {
            let ran = lab.run(Job::rollback()).await;
            ran.assert_proven(&["dev"]);
            is_green(&lab, "in the end").await;
        }
        nothing_stands(&lab);
        point.end.assert_same(&dump(&lab), "an undisturbed way back leads elsewhere");
    })
    .await;
}

/// One new key for three connections, and a way back that is cut between them: those that got it hold a key whose secret is
/// gone, and no user has a third one. It is deleted, and they are the first to get another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_reached_only_some_connections_is_replaced_there_first() {
    let begin = rotated("rotate-shared-user", 1).await.saved();
    let put = |connection: &str, fate| {
        (Name { method: "PUT".to_owned(), object: format!("connection {connection}") }, fate)
    };
    for (name, fate) in [put("AWS-Dev", Fate::CutAfter), put("AWS-Demo", Fate::CutBefore)] {
        let lab = Lab::like(&begin).await;
        lab.watch.set(&name, fate, Then::Die);
        lab.crash(Job::rollback()).await;
        let lost = held(&lab, "AWS-Dev");
        assert!(keys_of(&lab).contains(&lost), "{lost}");
        is_green(&lab, "after the crash").await;
        lab.watch.forget();
        let ran = lab.run(Job::rollback()).await;
        is_back(&lab, &ran, &["dev", "test", "demo"]).await;
        assert!(keys_of(&lab).len() == 2 && !keys_of(&lab).contains(&lost), "{lost}");
        let writes: Vec<String> = lab.watch.writes().iter().map(ToString::to_string).collect();
        let user = "access-key 111122223333/azure-devops-deploy";
        let (deleted, made) = (format!("DeleteAccessKey {user}"), format!("CreateAccessKey {user}"));
        assert_eq!(writes[..3], [deleted, made, "PUT connection AWS-Dev".to_owned()], "{writes:#?}");
    }
}
