//! Making a key and putting it into the connections: what is written, and what is taken back where that fails.

use super::{Renewal, Seen};
use crate::cloud::aws::Aws;
use crate::domain::connection::Connection;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::pen::Pen;
use crate::domain::rotation::renewing_tag;
use crate::domain::user::NewKey;
use crate::engine::journal::may_have_landed;
use crate::engine::step::Cx;
use crate::engine::wait;
use crate::steps::connection::until_ready;

impl Renewal {
    /// Waits until AWS knows the new key everywhere a task may ask: it must answer as that user before anybody gets it.
    async fn until_it_answers(&self, cx: &Cx, aws: &Aws, seen: &Seen, key: &NewKey) -> Result<()> {
        let mut patience = wait::Patience::default();
        let found = loop {
            match aws.answers(key).await {
                Ok(found) => break found,
                Err(failure)
                    if matches!(failure.class, Class::NotYet | Class::Throttled | Class::Unreachable) =>
                {
                    let reason = format!("until AWS knows the new access key {}", key.id);
                    patience.wait(cx, &reason).await?;
                }
                Err(failure) => return Err(failure),
            }
        };
        if found.arn == seen.arn {
            return Ok(());
        }
        Err(Failure::new(Code::AwsRefused)
            .with("access key", &key.id)
            .with("wanted", &seen.arn)
            .with("answered", found.arn))
    }

    /// Puts the key into the connections, and tells how many have it.
    async fn put(
        &self,
        cx: &Cx,
        pen: &Pen,
        seen: &Seen,
        key: &NewKey,
    ) -> std::result::Result<Vec<Connection>, (Failure, usize)> {
        let mut made = Vec::new();
        for (member, found) in self.to_put(seen) {
            cx.check_stop().map_err(|failure| (failure, made.len()))?;
            let parameters = self.parameters(member, found, &key.id);
            let put = self.devops.put_keys(pen, &self.project, found, parameters, &key.secret).await;
            let now = put.map_err(|failure| (failure, made.len()))?;
            if now.parameters.username != key.id {
                let failure = Failure::new(Code::ConnectionKeepsKeys).with("connection", &now.name);
                return Err((failure, made.len()));
            }
            made.push(now);
        }
        Ok(made)
    }

    /// Takes a key back that no connection got, also after a stop. Where that fails too, it is found by the record.
    async fn take_back(&self, aws: &Aws, pen: &Pen, key: &NewKey, failure: Failure) -> Failure {
        let (closing, user) = (pen.closing(), &self.turned.user);
        if let Err(stays) = aws.delete_access_key(&closing, user, &key.id).await {
            return failure.with("access key that is still there", &key.id).with("because", stays);
        }
        let untagged = aws.untag_user(&closing, user, &[renewing_tag(&self.turned.key)]).await;
        untagged.err().into_iter().fold(failure, |failure, stays| failure.with("a tag stays, because", stays))
    }

    /// Takes away what is left of interrupted tries, and the record of them.
    pub(super) async fn tidy(&self, aws: &Aws, pen: &Pen, orphans: &[String]) -> Result<()> {
        for id in orphans {
            aws.delete_access_key(pen, &self.turned.user, id).await?;
        }
        aws.untag_user(pen, &self.turned.user, &[renewing_tag(&self.turned.key)]).await?;
        self.memory().tidy = true;
        Ok(())
    }

    /// Notes which keys the user has before one is made.
    async fn record(&self, aws: &Aws, pen: &Pen, seen: &Seen, orphans: &[String]) -> Result<()> {
        let rest = seen.keys.iter().map(|key| &key.id).filter(|id| !orphans.contains(id));
        let mut ids: Vec<String> = rest.chain(seen.recorded.iter().flatten()).cloned().collect();
        ids.sort();
        ids.dedup();
        if seen.recorded.as_ref() == Some(&ids) {
            return Ok(());
        }
        // A user without any key: a tag may be empty, and an empty one tells of no key, too.
        let tag = (renewing_tag(&self.turned.key), ids.join(" "));
        aws.tag_user(pen, &self.turned.user, &[tag]).await?;
        self.memory().recorded = Some(ids);
        Ok(())
    }

    pub(super) async fn renew(&self, cx: &Cx, pen: &Pen, aws: &Aws, seen: &Seen) -> Result<()> {
        let (user, orphans) = (&self.turned.user, self.orphans(seen));
        let Ok(victim) = self.room(seen) else { return Ok(()) };
        for id in &orphans {
            aws.delete_access_key(pen, user, id).await?;
        }
        self.record(aws, pen, seen, &orphans).await?;
        if let Some(victim) = victim {
            aws.delete_access_key(pen, user, &victim).await?;
        }
        let key = aws.create_access_key(pen, user).await?;
        if let Err(failure) = self.until_it_answers(cx, aws, seen, &key).await {
            return Err(final_one(self.take_back(aws, pen, &key, failure).await));
        }
        let made = match self.put(cx, pen, seen, &key).await {
            Ok(made) => made,
            // Whether a lost one landed, the next look tells.
            Err((failure, _)) if may_have_landed(&failure) => return Err(failure),
            Err((failure, 0)) => return Err(final_one(self.take_back(aws, pen, &key, failure).await)),
            Err((failure, _)) => return Err(final_one(failure)),
        };
        self.memory().done = Some(key.id.clone());
        // One whose making was not answered may show only now.
        let known = |id: &String| {
            *id == key.id || seen.has(id) || seen.held.contains_key(id) || {
                let mut recorded = seen.recorded.iter().flatten();
                recorded.any(|known| known == id)
            }
        };
        let late = aws.user_keys(user).await?.into_iter().map(|key| key.id).filter(|id| !known(id));
        let late: Vec<String> = if seen.recorded.is_some() { late.collect() } else { Vec::new() };
        self.tidy(aws, pen, &late).await?;
        for now in made {
            until_ready(&self.devops, &self.project, cx, now).await?;
        }
        Ok(())
    }
}

/// A failure after which the step is not tried again by itself: each try makes a key.
fn final_one(failure: Failure) -> Failure {
    match failure.class {
        Class::NotFound | Class::Conflict | Class::NotYet | Class::TimedOut | Class::Unreachable => {
            failure.class(Class::Refused)
        }
        _ => failure,
    }
}
