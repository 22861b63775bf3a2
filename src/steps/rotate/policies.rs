//! Permissions: what the key gave pipelines, the role gives them too, and whatever is more is asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Turned, policies_key};
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::arn::RoleArn;
use crate::domain::failure::Result;
use crate::domain::federation::Environment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::StepKey;
use crate::domain::names::{ConnectionName, EnvironmentName};
use crate::domain::pen::Pen;
use crate::domain::policy::{Cover, Document, cover, same_meaning};
use crate::domain::role::{ADOPTED_POLICY, Role as FoundRole, TAG_ADOPTED, WantedRole, adopted_names};
use crate::domain::user::User;
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Gate, Verb};
use crate::steps::facts::{RoleFact, ask_protected, role_key, sign_in_key};

/// What a role takes over from the identity that pipelines had.
pub struct Policies {
    /// The environment.
    pub environment: Environment,
    /// Its role.
    pub role: WantedRole,
    /// Its connection.
    pub connection: ConnectionName,
    /// The key whose user pipelines were.
    pub turned: Turned,
    /// Whether the role is to get what the user had: nobody has chosen permissions for it in `keyless.toml`.
    pub adopts: bool,
    /// The sign-in to the key's account.
    pub owner: StepKey,
    /// The client of the key's account, or why there is none.
    pub of_key: Result<Aws>,
    /// The client of the environment, or why there is none.
    pub of_role: Result<Aws>,
    /// The client of Azure DevOps.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub enum Seen {
    /// The connection is switched: what there was to take over was taken over.
    Switched,
    /// Pipelines assumed this very role with the key: it has what they had.
    Same,
    /// It is compared.
    Compared(Box<Compared>),
}

/// Permissions held against each other.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Who had the old ones, in words.
    from: String,
    /// The inline policy the role is to have; none: nothing of that kind.
    inline: Option<Document>,
    /// Managed policies the role is to have.
    attach: BTreeSet<String>,
    /// The role's own; none: it is not there yet.
    found: Option<FoundRole>,
    /// How the role's permissions, once they are as wanted, stand to the old ones.
    cover: Cover,
    /// What the old ones gave and the role will not.
    lacks: Vec<String>,
}

/// Everything an identity may do.
#[derive(Default)]
struct Held {
    inline: Vec<Document>,
    managed: BTreeMap<String, Option<Document>>,
    boundary: Option<String>,
    unreadable: Vec<String>,
}

impl Held {
    fn documents(&self) -> Vec<&Document> {
        self.inline.iter().chain(self.managed.values().flatten()).collect()
    }
}

async fn managed(aws: &Aws, arns: Vec<String>) -> Result<BTreeMap<String, Option<Document>>> {
    let mut documents = BTreeMap::new();
    for arn in arns {
        let document = aws.managed_policy(&arn).await?;
        documents.insert(arn, document);
    }
    Ok(documents)
}

async fn of_user(aws: &Aws, user: User) -> Result<Held> {
    let (mut inline, mut attached): (Vec<Document>, _) = (user.inline.into_values().collect(), user.attached);
    for group in user.groups {
        inline.extend(group.inline.into_values());
        attached.extend(group.attached);
    }
    let managed = managed(aws, attached).await?;
    Ok(Held { inline, managed, boundary: user.boundary, unreadable: user.unreadable })
}

async fn of_role(aws: &Aws, role: &FoundRole) -> Result<Held> {
    let inline = role.inline.values().cloned().collect();
    let managed = managed(aws, role.managed.clone()).await?;
    Ok(Held { inline, managed, boundary: role.boundary.clone(), unreadable: Vec::new() })
}

/// One policy that says what several say; none: they say nothing.
fn united(documents: &[Document]) -> Option<Document> {
    let mut statements = Vec::new();
    for statement in documents.iter().flat_map(Document::statements) {
        if !statements.contains(statement) {
            statements.push(statement.clone());
        }
    }
    // Names of statements of several policies may be the same, which IAM refuses in one.
    let bare: Vec<_> = statements.iter().filter_map(crate::domain::policy::unnamed).collect();
    (!bare.is_empty()).then(|| Document::new(bare))
}

impl Policies {
    /// Whether a managed policy can be attached to the role: AWS's own, or one of its account.
    fn attachable(&self, arn: &str) -> bool {
        let account = arn.split(':').nth(4);
        account == Some("aws") || account == Some(self.environment.account.as_str())
    }

    async fn compare(&self, from: String, held: Held, found: Option<FoundRole>) -> Result<Compared> {
        let aws = self.of_role.as_ref().map_err(Clone::clone)?;
        let (mut texts, mut attach) = (Vec::new(), BTreeSet::new());
        if self.adopts {
            texts.clone_from(&held.inline);
            for (arn, document) in &held.managed {
                match document {
                    _ if self.attachable(arn) => {
                        attach.insert(arn.clone());
                    }
                    Some(document) => texts.push(document.clone()),
                    None => {}
                }
            }
        }
        let inline = united(&texts);
        let mut wanted: Vec<Document> = self.role.inline.values().chain(&inline).cloned().collect();
        let mut arns: BTreeSet<String> = attach.iter().chain(&self.role.managed).cloned().collect();
        if let Some(found) = &found {
            let kept = found
                .inline
                .iter()
                .filter(|(name, _)| name.as_str() != ADOPTED_POLICY && !self.role.inline.contains_key(*name));
            wanted.extend(kept.map(|(_, document)| document.clone()));
            arns.extend(found.managed.iter().cloned());
        }
        arns.retain(|arn| !held.managed.contains_key(arn));
        for (arn, document) in managed(aws, arns.into_iter().collect()).await? {
            match document {
                Some(document) => wanted.push(document),
                None => wanted.extend(unknown(&arn)),
            }
        }
        let kept = found.as_ref().map(|found| found.managed.as_slice()).unwrap_or_default();
        let has =
            |arn: &String| attach.contains(arn) || self.role.managed.contains(arn) || kept.contains(arn);
        wanted.extend(held.managed.iter().filter(|(arn, _)| has(arn)).filter_map(|(_, text)| text.clone()));
        let (old, new) = (held.documents(), wanted.iter().collect::<Vec<_>>());
        let cover = self.judged(&held, found.as_ref(), cover(&old, &new));
        let lacks = match crate::domain::policy::cover(&new, &old) {
            Cover::Wider(lacks) => lacks,
            Cover::Covered | Cover::CannotTell(_) => Vec::new(),
        };
        Ok(Compared { from, inline, attach, found, cover, lacks })
    }

    /// The comparison with what documents do not show: boundaries, and policies that could not be read.
    fn judged(&self, held: &Held, found: Option<&FoundRole>, cover: Cover) -> Cover {
        let mut unsure: Vec<String> =
            held.unreadable.iter().map(|what| format!("{what} could not be read")).collect();
        let gone = held.managed.iter().filter(|(_, document)| document.is_none());
        unsure.extend(gone.map(|(arn, _)| format!("{arn} could not be read")));
        let boundary = self.role.boundary.as_ref().or(found.and_then(|found| found.boundary.as_ref()));
        if let Some(own) = held.boundary.as_ref().filter(|own| boundary != Some(own)) {
            unsure.push(format!(
                "the permissions boundary {own} limited {}, and not the role",
                self.turned.user
            ));
        }
        if unsure.is_empty() {
            return cover;
        }
        unsure.extend(cover.reasons().iter().cloned());
        Cover::CannotTell(unsure)
    }

    /// What is still to be written: the inline policy, policies to attach, and the tag that says so.
    fn missing<'a>(&self, seen: &'a Compared) -> (Option<&'a Document>, Vec<&'a String>, Option<String>) {
        let found = seen.found.as_ref();
        let there = found.and_then(|found| found.inline.get(ADOPTED_POLICY));
        let inline =
            seen.inline.as_ref().filter(|wanted| !there.is_some_and(|there| same_meaning(there, wanted)));
        let has = |arn: &&String| {
            found.is_some_and(|found| found.managed.contains(arn)) || self.role.managed.contains(arn)
        };
        let attach: Vec<&String> = seen.attach.iter().filter(|arn| !has(arn)).collect();
        let tag = adopted_names(seen.attach.iter().map(String::as_str));
        let tagged = found.and_then(|found| found.tags.get(TAG_ADOPTED));
        let tag = (!seen.attach.is_empty() && tagged != Some(&tag)).then_some(tag);
        (inline, attach, tag)
    }
}

/// A policy that could not be read allows nobody knows what.
fn unknown(arn: &str) -> Option<Document> {
    let text = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": arn.rsplit('/').next(), "Effect": "Allow", "NotAction": "keyless:Unknown", "Resource": "*" }],
    });
    Document::from_value(text).ok()
}

impl Step for Policies {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        policies_key(&self.environment)
    }

    fn title(&self) -> String {
        format!("permissions of role {}", self.role.arn.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![sign_in_key(&self.environment), self.owner.clone(), role_key(&self.environment)]
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let connection = self.devops.connection_named(&self.project, &self.connection).await?;
        let Some(held_by) = connection.filter(|found| found.parameters.username == self.turned.key) else {
            return Ok(Seen::Switched);
        };
        let (of_key, own) =
            (self.of_key.as_ref().map_err(Clone::clone)?, self.of_role.as_ref().map_err(Clone::clone)?);
        let before: Option<RoleArn> = held_by.parameters.assume_role_arn.parse().ok();
        if before.as_ref() == Some(&self.role.arn) {
            return Ok(Seen::Same);
        }
        // A role that is to be made is not there: nothing is asked about it.
        let there = known.get(&Of::<RoleFact>::new(role_key(&self.environment))).is_some();
        let found = if there { own.role(&self.role.arn.name).await? } else { None };
        let (from, held) = match &before {
            Some(role) => {
                let aws = if role.account == self.environment.account { own } else { of_key };
                let held = match aws.role(&role.name).await?.filter(|found| found.arn == *role) {
                    Some(found) => of_role(aws, &found).await?,
                    None => Held { unreadable: vec![format!("role {role}")], ..Held::default() },
                };
                (format!("role {}", role.name), held)
            }
            None => {
                let held = match of_key.user(&self.turned.user).await? {
                    Some(user) => of_user(of_key, user).await?,
                    None => {
                        Held { unreadable: vec![format!("user {}", self.turned.user)], ..Held::default() }
                    }
                };
                (format!("user {}", self.turned.user), held)
            }
        };
        Ok(Seen::Compared(Box::new(self.compare(from, held, found).await?)))
    }

    fn report(&self, seen: &Seen) -> Report {
        let Seen::Compared(seen) = seen else { return Report::default() };
        let about = |code| {
            Finding::about(&self.environment.name, code).with("role", &self.role.arn).with("from", &seen.from)
        };
        let mut findings = Vec::new();
        if seen.cover != Cover::Covered {
            findings.push(about(FindingCode::RotationWider).with("more", seen.cover.reasons().join("; ")));
        }
        if !seen.lacks.is_empty() {
            findings.push(about(FindingCode::RotationLacks).with("missing", seen.lacks.join("; ")));
        }
        let found =
            json!({ "compared with": seen.from, "verdict": seen.cover.word(), "why": seen.cover.reasons() });
        Report { findings, found: Some(found), ..Report::default() }
    }

    fn plan(&self, seen: &Seen) -> Change {
        let keep = |why: &str| Change::keep(self.key(), self.title(), why);
        let seen = match seen {
            Seen::Switched => return keep("the connection is switched: nothing is taken over any more"),
            Seen::Same => return keep("pipelines assumed this very role with the key"),
            Seen::Compared(seen) => seen,
        };
        let together = seen.inline.iter().chain(self.role.inline.values());
        if let crate::domain::policy::Size::TooLarge { used, limit } =
            crate::domain::policy::inline_size(together)
        {
            let reason = format!(
                "a preset or managed-policies in keyless.toml: what {} may do takes {used} characters as an inline policy, and \
                 a role may have {limit}",
                seen.from
            );
            return Change::wait(self.key(), self.title(), Gate { reason, until: None });
        }
        let (inline, attach, tag) = self.missing(seen);
        let verdict = format!("compared with {}: {}", seen.from, seen.cover.word());
        let mut change = keep(&verdict);
        if inline.is_none() && attach.is_empty() && tag.is_none() {
            return change;
        }
        change.why = format!("it gets what {} has; {verdict}", seen.from);
        change.verb = Verb::Update;
        change.after = Some(json!({
            ADOPTED_POLICY: inline.map(Document::to_value),
            "attached": attach,
            "verdict": seen.cover.word(),
            "because": seen.cover.reasons(),
        }));
        change.writes = usize::from(inline.is_some()) + attach.len() + usize::from(tag.is_some());
        change.rights =
            ["iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:TagRole"].map(str::to_owned).to_vec();
        change.asks = ask_protected(&self.environment).into_iter().collect();
        if seen.cover != Cover::Covered {
            let what = format!(
                "{} may do more than {} could: {}",
                self.title(),
                seen.from,
                seen.cover.reasons().join("; ")
            );
            change.asks.push(Ask::Wider { what });
        }
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let aws = self.of_role.as_ref().map_err(Clone::clone)?;
        let Seen::Compared(seen) = seen else { return Ok(()) };
        let (inline, attach, tag) = self.missing(&seen);
        if let Some(document) = inline {
            let before = seen.found.as_ref().and_then(|found| found.inline.get(ADOPTED_POLICY));
            aws.put_inline(pen, &self.role.arn, ADOPTED_POLICY, before, document).await?;
        }
        for arn in attach {
            aws.attach(pen, &self.role.arn, arn).await?;
        }
        if let Some(tag) = tag {
            let tags = seen.found.as_ref().map(|found| found.tags.clone()).unwrap_or_default();
            let before = tags.get(TAG_ADOPTED).map(|value| (TAG_ADOPTED.to_owned(), value.clone()));
            let after = BTreeMap::from([(TAG_ADOPTED.to_owned(), tag)]);
            aws.tag(pen, &self.role.arn, &before.into_iter().collect(), &after).await?;
        }
        Ok(())
    }
}
