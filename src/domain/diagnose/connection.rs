//! What is wrong with a service connection: keys, OIDC, role, state, sharing, name, and who uses it.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::domain::arn::RoleArn;
use crate::domain::connection::{Connection, Use, WantedConnection};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::inventory::SignsIn;
use crate::domain::key::StepKey;
use crate::domain::mark::{FederationId, Owner};
use crate::domain::names::ConnectionName;
use crate::domain::pipeline::{Permission, Pipeline};
use crate::domain::rotation::name_beside;

const USE_OIDC: &str = "useOIDC";
const ROLE: &str = "assumeRoleArn";

/// A connection as found, and what decides whether that is right.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The connection.
    pub found: &'a Connection,
    /// What the environment needs.
    pub wanted: &'a WantedConnection,
    /// Who owns it.
    pub owner: &'a Owner,
    /// The federation's project.
    pub project: Uuid,
    /// The step that changes its parameters.
    pub heal: &'a StepKey,
}

impl Found<'_> {
    /// Everything that is wrong with it, the most dangerous first.
    pub fn findings(&self) -> Vec<Finding> {
        let parts = [self.keys(), self.oidc(), self.role(), self.state(), self.shared(), self.foreign()];
        parts.into_iter().flatten().collect()
    }

    fn about(&self, code: FindingCode) -> Finding {
        Finding::about(&self.wanted.environment, code).with("connection", &self.found.name)
    }

    fn keys(&self) -> Option<Finding> {
        if self.wanted.by_keys() {
            return None;
        }
        let key = Some(&self.found.parameters.username).filter(|key| !key.is_empty())?;
        Some(self.about(FindingCode::ConnectionKeys).with("access key", key).healed_by(self.heal))
    }

    /// Only exactly `"true"` under exactly `useOIDC` makes the task ask for a token.
    fn oidc(&self) -> Option<Finding> {
        if self.wanted.by_keys() {
            return None;
        }
        let parameters = &self.found.parameters;
        let about = |code| self.about(code).healed_by(self.heal);
        match (parameters.use_oidc.as_deref(), parameters.misspelling(USE_OIDC)) {
            (Some("true"), _) => None,
            (Some("false" | ""), _) => {
                let value = parameters.use_oidc.as_deref().unwrap_or_default();
                Some(about(FindingCode::ConnectionNoOidc).differs(value, "true"))
            }
            (Some(value), _) => Some(about(FindingCode::ConnectionOidcValue).differs(value, "true")),
            (None, Some(name)) => Some(about(FindingCode::ConnectionOidcName).differs(name, USE_OIDC)),
            (None, None) => Some(about(FindingCode::ConnectionNoOidc).with("parameter", USE_OIDC)),
        }
    }

    fn role(&self) -> Option<Finding> {
        let (text, wanted) = (&self.found.parameters.assume_role_arn, &self.wanted.role);
        // With nothing but a key no role is wanted: the step of the key says so.
        if *text == wanted.to_string() || self.wanted.signs_in == SignsIn::Key {
            return None;
        }
        let about = |code| self.about(code).healed_by(self.heal);
        if text.is_empty() {
            let finding = about(FindingCode::ConnectionRoleMissing).with("role", wanted);
            return Some(match self.found.parameters.misspelling(ROLE) {
                Some(name) => finding.with("parameter", name),
                None => finding,
            });
        }
        let code = match text.parse::<RoleArn>() {
            // White space around it is sent to STS as it is.
            Ok(_) if text.trim() != text => FindingCode::ConnectionRoleMalformed,
            Ok(role) if role.partition != wanted.partition => FindingCode::ConnectionRolePartition,
            Ok(role) if role.account != wanted.account => FindingCode::ConnectionRoleAccount,
            Ok(_) => FindingCode::ConnectionRoleOther,
            Err(_) => FindingCode::ConnectionRoleMalformed,
        };
        Some(about(code).differs(text, wanted))
    }

    fn state(&self) -> Option<Finding> {
        if self.found.disabled {
            return Some(self.about(FindingCode::ConnectionDisabled));
        }
        let status = self.found.status.as_ref();
        let finding = self.about(FindingCode::ConnectionNotReady);
        (!self.found.ready).then(|| match status.filter(|status| !status.is_empty()) {
            Some(status) => finding.with("answered", status),
            None => finding,
        })
    }

    fn shared(&self) -> Option<Finding> {
        if let Some(home) = self.found.shared_from(self.project) {
            let name = if home.name.is_empty() { home.id.to_string() } else { home.name.clone() };
            return Some(self.about(FindingCode::ConnectionSharedFrom).with("project", name));
        }
        let others = self.found.projects.iter().filter(|share| share.id != self.project);
        let others: Vec<&str> = others.map(|share| share.name.as_str()).collect();
        let finding = self.about(FindingCode::ConnectionShared);
        self.found.shared.then(|| match others.as_slice() {
            [] => finding,
            _ => finding.with("projects", others.join(", ")),
        })
    }

    fn foreign(&self) -> Option<Finding> {
        match self.owner {
            Owner::Other { name } => Some(self.about(FindingCode::ConnectionForeign).with("owner", name)),
            Owner::Ours | Owner::Unmarked => None,
        }
    }
}

/// The connection that was the environment's before it was renamed: one that no environment names, and that keyless marked
/// for this environment, or that assumes exactly its role. Nothing heals it: a second connection under the old name would
/// not be the one that pipelines use.
pub fn renamed(
    all: &[Connection],
    wanted: &WantedConnection,
    named: &[ConnectionName],
    federation: &FederationId,
) -> Option<Finding> {
    let second = name_beside(&wanted.name);
    let is_second = |found: &Connection| second.as_ref().is_some_and(|name| name.as_str() == found.name);
    let free = |found: &&Connection| {
        found.is_aws()
            && !is_second(found)
            && !named.iter().any(|name| name.as_str().eq_ignore_ascii_case(&found.name))
    };
    let mark = format!("{}: ", wanted.environment);
    let marked = |found: &&Connection| {
        found.description.starts_with(&mark)
            && federation.owner_by_description(&found.description) == Owner::Ours
    };
    let role = wanted.role.to_string();
    let assumes = |found: &&Connection| found.parameters.assume_role_arn == role;
    let candidates = || all.iter().filter(free);
    let (found, known_by) = match candidates().find(marked) {
        Some(found) => (found, "keyless's own mark on it"),
        None => (candidates().find(assumes)?, "the role it assumes"),
    };
    Some(
        Finding::about(&wanted.environment, FindingCode::ConnectionRenamed)
            .differs(&found.name, &wanted.name)
            .with("known by", known_by)
            .with("id", found.id),
    )
}

/// One pipeline that used a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its definition id.
    pub pipeline: i64,
    /// Its name.
    pub name: String,
    /// How often it used the connection, as far as that is told.
    pub runs: usize,
    /// When it did last; empty: Azure DevOps does not tell.
    pub last: String,
}

/// Who used a connection, the latest first. Releases are left out: pipeline permissions do not concern them.
pub fn users(history: &[Use]) -> Vec<User> {
    let mut users: BTreeMap<i64, User> = BTreeMap::new();
    for used in history.iter().filter(|used| used.kind.eq_ignore_ascii_case("build")) {
        let Some(pipeline) = used.pipeline else { continue };
        let user = users.entry(pipeline).or_insert_with(|| User {
            pipeline,
            name: used.name.clone(),
            runs: 0,
            last: String::new(),
        });
        user.runs += 1;
        let at = if used.finished.is_empty() { &used.started } else { &used.finished };
        if *at > user.last {
            user.last.clone_from(at);
        }
    }
    let mut users: Vec<User> = users.into_values().collect();
    users.sort_by(|a, b| b.last.cmp(&a.last).then(a.pipeline.cmp(&b.pipeline)));
    users
}

/// Pipelines of the project that used the connection and may not any more. keyless's own never keeps its permission.
pub fn unauthorized(
    wanted: &WantedConnection,
    users: &[User],
    permission: &Permission,
    pipelines: &[Pipeline],
    verification: &str,
) -> Vec<Finding> {
    let known = |user: &&User| pipelines.iter().find(|pipeline| pipeline.id == user.pipeline);
    let is_own = |user: &&User| known(user).is_some_and(|it| it.name.eq_ignore_ascii_case(verification));
    let lost = users.iter().filter(|user| {
        !permission.all_pipelines
            && !permission.pipelines.contains(&user.pipeline)
            && known(user).is_some()
            && !is_own(user)
    });
    lost.map(|user| {
        Finding::about(&wanted.environment, FindingCode::ConnectionUnauthorized)
            .with("connection", &wanted.name)
            .with("pipeline", &user.name)
            .with("runs", user.runs)
            .with("last", &user.last)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::key::Kind;

    fn wanted() -> WantedConnection {
        WantedConnection {
            environment: "dev".parse().unwrap(),
            name: "AWS-Dev".parse().unwrap(),
            role: "arn:aws:iam::111122223333:role/AzureDevOpsDevRole".parse().unwrap(),
            session: "AWS-Dev".parse().unwrap(),
            signs_in: SignsIn::Oidc,
            external_id: String::new(),
            description: "dev: OIDC into account 111122223333 [keyless:contoso/payments]".to_owned(),
        }
    }

    fn found(change: impl FnOnce(&mut Connection)) -> Connection {
        let mut found = Connection {
            id: Uuid::from_u128(2),
            name: "AWS-Dev".to_owned(),
            kind: "AWS".to_owned(),
            description: String::new(),
            parameters: wanted().parameters(),
            shared: false,
            ready: true,
            disabled: false,
            status: None,
            projects: Vec::new(),
        };
        change(&mut found);
        found
    }

    fn codes(change: impl FnOnce(&mut Connection)) -> Vec<FindingCode> {
        let (found, wanted) = (found(change), wanted());
        let key = StepKey::new(Kind::Connection, "AWS-Dev");
        let project = Uuid::from_u128(1);
        let look = Found { found: &found, wanted: &wanted, owner: &Owner::Unmarked, project, heal: &key };
        look.findings().iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn each_fault_has_its_name_and_a_right_one_none() {
        use FindingCode as C;
        assert_eq!(codes(|_| {}), []);
        for (value, code) in [
            (None, C::ConnectionNoOidc),
            (Some("false"), C::ConnectionNoOidc),
            (Some("True"), C::ConnectionOidcValue),
            (Some("true "), C::ConnectionOidcValue),
        ] {
            let of = codes(|found| found.parameters.use_oidc = value.map(str::to_owned));
            assert_eq!(of, [code], "{value:?}");
        }
        let misspelled = codes(|found| {
            found.parameters.use_oidc = None;
            found.parameters.misspelled.insert("useOidc".to_owned(), "true".to_owned());
        });
        assert_eq!(misspelled, [C::ConnectionOidcName]);
        for (role, code) in [
            ("", C::ConnectionRoleMissing),
            ("AzureDevOpsDevRole", C::ConnectionRoleMalformed),
            (" arn:aws:iam::111122223333:role/AzureDevOpsDevRole", C::ConnectionRoleMalformed),
            ("arn:aws-cn:iam::111122223333:role/AzureDevOpsDevRole", C::ConnectionRolePartition),
            ("arn:aws:iam::444455556666:role/AzureDevOpsDevRole", C::ConnectionRoleAccount),
            ("arn:aws:iam::111122223333:role/Other", C::ConnectionRoleOther),
        ] {
            assert_eq!(
                codes(|found| role.clone_into(&mut found.parameters.assume_role_arn)),
                [code],
                "{role}"
            );
        }
        let both = codes(|found| {
            found.parameters.username = "AKIAX".to_owned();
            found.disabled = true;
        });
        assert_eq!(both, [C::ConnectionKeys, C::ConnectionDisabled]);
    }

    #[test]
    fn a_project_that_shares_is_told_from_one_that_is_shared_with() {
        let share =
            |id: u128| crate::domain::connection::Share { id: Uuid::from_u128(id), name: "web".into() };
        let of = |first, second| {
            codes(|found| {
                found.shared = true;
                found.projects = vec![share(first), share(second)];
            })
        };
        assert_eq!(of(1, 9), [FindingCode::ConnectionShared]);
        assert_eq!(of(9, 1), [FindingCode::ConnectionSharedFrom]);
    }

    #[test]
    fn a_renamed_connection_is_known_by_its_mark_before_its_role() {
        let federation = FederationId::new(&"contoso".parse().unwrap(), &"payments".parse().unwrap());
        let by_role = found(|found| "AWS-Old".clone_into(&mut found.name));
        let marked = found(|found| {
            "AWS-New".clone_into(&mut found.name);
            found.description = wanted().description;
            found.parameters.assume_role_arn.clear();
        });
        let name = |all: &[Connection], named: &[ConnectionName]| {
            let finding = renamed(all, &wanted(), named, &federation)?;
            Some(finding.pair()?.0.to_owned())
        };
        assert_eq!(name(&[by_role.clone(), marked.clone()], &[]).as_deref(), Some("AWS-New"));
        assert_eq!(name(std::slice::from_ref(&by_role), &[]).as_deref(), Some("AWS-Old"));
        assert_eq!(name(&[by_role], &["aws-old".parse().unwrap()]), None);
    }

    #[test]
    fn who_lost_the_permission_is_told_and_keyless_is_not() {
        let used = |pipeline, kind: &str, finished: &str| Use {
            run: None,
            kind: kind.to_owned(),
            pipeline: Some(pipeline),
            name: format!("p{pipeline}"),
            started: String::new(),
            finished: finished.to_owned(),
            result: "succeeded".to_owned(),
        };
        let history = [
            used(1, "Build", "2026-01-02"),
            used(2, "Build", "2026-01-01"),
            used(3, "Release", "2026-01-09"),
            used(1, "Build", "2026-01-03"),
            used(4, "Build", "2026-01-01"),
        ];
        let users = users(&history);
        assert_eq!(
            users.iter().map(|user| (user.pipeline, user.runs)).collect::<Vec<_>>(),
            [(1, 2), (2, 1), (4, 1)]
        );
        let pipeline = |id, name: &str| Pipeline {
            id,
            name: name.to_owned(),
            repository: None,
            yaml_path: None,
            folder: String::new(),
        };
        let there = [pipeline(1, "deploy"), pipeline(2, "keyless-verification")];
        let lost = |permission| unauthorized(&wanted(), &users, &permission, &there, "keyless-verification");
        assert_eq!(lost(Permission::default()).len(), 1);
        assert_eq!(lost(Permission { all_pipelines: false, pipelines: vec![1] }), []);
        assert_eq!(lost(Permission { all_pipelines: true, pipelines: vec![] }), []);
    }
}
