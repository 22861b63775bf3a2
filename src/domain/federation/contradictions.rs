//! Answers that cannot all be meant: every environment held against those before it, in one pass.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Authentication, Environment, Federation, SignIn};
use crate::domain::arn::{Arn, RoleArn};
use crate::domain::gates::group_name;
use crate::domain::names::{EnvironmentName, Partition};

/// Environments that a message names at most.
const NAMED: usize = 20;

impl Federation {
    /// Everything wrong with the answers taken together, each with the field it concerns. Empty: nothing.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let mut found = Vec::new();
        if self.environments.is_empty() {
            found.push(Contradiction::new(None, "environments", "there is none; at least one is needed"));
        }
        if let Some(pipeline) = &self.pipeline {
            let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
            let mut say = |text: &str| found.push(Contradiction::new(None, "pipeline", text));
            if same(&pipeline.name, &self.verification.pipeline) {
                say("the pipeline that deploys cannot be the verification pipeline; give it another `name`");
            }
            let own = self.verification.branch.is_none();
            let code = pipeline.repository.azure_repos().map_or("", |name| name.as_str());
            if own && same(code, self.verification.repository.as_str()) {
                say(
                    "the code cannot lie in the verification repository: keyless closes that to everybody else",
                );
            }
        }
        let broken = self.broken_chains();
        let reading = self.reading_places();
        let mut before = Before::default();
        for (index, environment) in self.environments.iter().enumerate() {
            before.contradicts(index, environment, &mut found);
            environment.contradictions(index, &mut found);
            if let Some(own) = self.own_group(environment) {
                let text = format!(
                    "`{own}` is the variable group that keyless itself makes, and it holds no secret"
                );
                found.push(Contradiction::new(Some(index), "secrets", text));
            }
            if let SignIn::AssumeRole { assume_role, from } = &environment.sign_in {
                if assume_role.account != environment.account
                    || assume_role.partition != environment.partition()
                {
                    found.push(Contradiction::new(
                        Some(index),
                        "sign-in",
                        format!(
                            "{assume_role} is not in account {} of partition {}",
                            environment.account,
                            environment.partition()
                        ),
                    ));
                }
                if broken[index] {
                    found.push(Contradiction::new(
                        Some(index),
                        "sign-in",
                        format!("`from = \"{from}\"` must lead to an environment with a sign-in of its own; there are {}", self.names()),
                    ));
                }
            }
        }
        for (index, environment) in &reading {
            let mut own = Vec::new();
            before.contradicts(*index, environment, &mut own);
            environment.contradictions(*index, &mut own);
            // What both share was said at the environment it reads for.
            own.retain(|it| !["boundary", "region"].contains(&it.field));
            found.extend(own.into_iter().map(|it| Contradiction { field: "deploy", ..it }));
        }
        found
    }

    /// The read-only accesses that are no environments yet, each with the place of the environment it reads for.
    fn reading_places(&self) -> Vec<(usize, Environment)> {
        let there = |it: &Environment| {
            self.environments.iter().any(|other| other.reads_for.as_ref() == Some(&it.name))
        };
        let places = self.environments.iter().enumerate().filter(|(_, it)| !there(it));
        places.filter_map(|(index, it)| Some((index, it.reading(self.pipeline.as_ref())?))).collect()
    }

    /// The variable group with plain values, where it is named among those with secrets.
    fn own_group(&self, environment: &Environment) -> Option<String> {
        let own = group_name(&self.pipeline.as_ref()?.name, &environment.name);
        let mut named = environment.secrets.variable_groups.iter();
        named.any(|group| group.as_str().eq_ignore_ascii_case(&own)).then_some(own)
    }

    /// The environments' names, as many as fit into a message.
    fn names(&self) -> String {
        let names: Vec<&str> = self.environments.iter().take(NAMED).map(|e| e.name.as_str()).collect();
        let listed = names.join(", ");
        match self.environments.len().saturating_sub(NAMED) {
            0 => listed,
            more => format!("{listed} and {more} more"),
        }
    }

    /// For each environment, whether following `from` never reaches one that signs in by itself. Every environment is
    /// passed once: what a way led to holds for all on it.
    fn broken_chains(&self) -> Vec<bool> {
        let mut places: HashMap<&EnvironmentName, usize> = HashMap::new();
        for (index, environment) in self.environments.iter().enumerate() {
            places.entry(&environment.name).or_insert(index);
        }
        let mut known: Vec<Option<bool>> = vec![None; self.environments.len()];
        for start in 0..self.environments.len() {
            let mut way = Vec::new();
            let mut next = Some(start);
            let broken = loop {
                let Some(place) = next else { break true };
                if let Some(broken) = known[place] {
                    break broken;
                }
                // Until the way has ended, whoever comes back to it goes round in circles.
                known[place] = Some(true);
                way.push(place);
                match &self.environments[place].sign_in {
                    SignIn::AssumeRole { from, .. } => next = places.get(from).copied(),
                    _ => break false,
                }
            };
            for place in way {
                known[place] = Some(broken);
            }
        }
        known.into_iter().map(|broken| broken.unwrap_or_default()).collect()
    }
}

/// What the environments before one use, each with the first that does. Names are held in lower case.
#[derive(Default)]
struct Before<'a> {
    names: HashMap<String, &'a Environment>,
    connections: HashMap<String, &'a Environment>,
    roles: HashMap<(&'a str, String), &'a Environment>,
    targets: HashMap<String, &'a Environment>,
    users: HashMap<(&'a str, String), &'a Environment>,
    /// By account: the first, and the first of another partition than that one's.
    accounts: HashMap<&'a str, (&'a Environment, Option<&'a Environment>)>,
}

impl<'a> Before<'a> {
    /// Adds in what an environment contradicts those before it, and joins it to them.
    fn contradicts(&mut self, index: usize, own: &'a Environment, found: &mut Vec<Contradiction>) {
        let mut say = |field, text: String| found.push(Contradiction::new(Some(index), field, text));
        if let Some(other) = first(&mut self.names, own.name.as_str().to_ascii_lowercase(), own) {
            say(
                "name",
                format!(
                    "`{}` is there twice; names must differ in more than case (`{}`)",
                    own.name, other.name
                ),
            );
        }
        if let Some(other) = first(&mut self.connections, own.connection.as_str().to_ascii_lowercase(), own) {
            say(
                "connection",
                format!(
                    "`{}` is also the connection of {}; every environment needs its own",
                    own.connection, other.name
                ),
            );
        }
        let role = (own.account.as_str(), own.role.as_str().to_ascii_lowercase());
        if let Some(other) = first(&mut self.roles, role, own) {
            say(
                "role",
                format!(
                    "`{}` in account {} is also the role of {}; every environment needs its own",
                    own.role, own.account, other.name
                ),
            );
        }
        let target = own.target().filter(|_| !own.is_reading()).map(|name| name.as_str().to_lowercase());
        if let Some(other) = target.and_then(|target| first(&mut self.targets, target, own)) {
            // Names that differ in case only are said above.
            if !own.name.as_str().eq_ignore_ascii_case(other.name.as_str()) {
                let both = "of Azure DevOps stands for both it and";
                say(
                    "gates",
                    format!("one environment {both} {}; every environment needs its own", other.name),
                );
            }
        }
        if let Some(user) = own.authentication.user()
            && let Some(other) =
                first(&mut self.users, (own.account.as_str(), user.as_str().to_ascii_lowercase()), own)
        {
            say(
                "user",
                format!(
                    "`{user}` in account {} is also the user of {}; every environment needs its own",
                    own.account, other.name
                ),
            );
        }
        if let Some((other, partition)) = self.elsewhere(own) {
            say(
                "region",
                format!(
                    "account {} cannot be in partition {} here and {partition} for {}",
                    own.account,
                    own.partition(),
                    other.name
                ),
            );
        }
    }

    /// The first environment of the same account in another partition.
    fn elsewhere(&mut self, own: &'a Environment) -> Option<(&'a Environment, Partition)> {
        let (one, another) = self.accounts.entry(own.account.as_str()).or_insert((own, None));
        let other = match one.partition() == own.partition() {
            true => *another,
            false => {
                another.get_or_insert(own);
                Some(*one)
            }
        };
        other.map(|other| (other, other.partition()))
    }
}

/// The first environment of that key; none: it is this one.
fn first<'a, K: std::hash::Hash + Eq>(
    all: &mut HashMap<K, &'a Environment>,
    key: K,
    own: &'a Environment,
) -> Option<&'a Environment> {
    match all.entry(key) {
        Entry::Occupied(first) => Some(first.get()),
        Entry::Vacant(free) => {
            free.insert(own);
            None
        }
    }
}

impl Environment {
    /// Adds what is wrong with its answers alone.
    fn contradictions(&self, index: usize, found: &mut Vec<Contradiction>) {
        let mut say = |field, text: String| found.push(Contradiction::new(Some(index), field, text));
        if !(1..=12).contains(&self.session_hours) {
            say("session-hours", format!("{} is outside 1 to 12", self.session_hours));
        }
        for (field, arn) in self
            .boundary
            .iter()
            .map(|b| ("boundary", b))
            .chain(self.managed_policies.iter().map(|p| ("managed-policies", p)))
        {
            if let Some(problem) = self.policy_arn_problem(arn) {
                say(field, problem);
            }
        }
        for (field, text) in self.misfits() {
            say(field, text);
        }
        let approves = |name: &&String| self.gates.approvers.iter().any(|it| it.eq_ignore_ascii_case(name));
        for name in self.gates.administrators.iter().filter(approves) {
            say(
                "gates",
                format!(
                    "`{name}` approves deployments, and would administer the approval: whoever administers a gate \
                     can take it away; name somebody else in one of the two"
                ),
            );
        }
        if self.deploy.plan_connection.is_some() && self.authentication.is_oidc() {
            let role = self.deploy.plan_role.as_ref();
            let elsewhere =
                |role: &&RoleArn| role.account != self.account || role.partition != self.partition();
            if let Some(role) = role.filter(elsewhere) {
                say(
                    "deploy",
                    format!("`plan-role` {role} is not in account {} of the environment", self.account),
                );
            } else if self.reading_name().is_none() || self.plan_role().is_none() {
                say("deploy", "the names are too long for a second, read-only access beside them".to_owned());
            }
        }
        if matches!(self.authentication, Authentication::AccessKey { .. }) && self.boundary.is_some() {
            say(
                "boundary",
                "a permissions boundary needs a role here: keyless puts none on a user".to_owned(),
            );
        }
    }

    /// Why an ARN is no managed policy that this account can use.
    fn policy_arn_problem(&self, text: &str) -> Option<String> {
        let Ok(arn) = text.parse::<Arn>() else {
            return Some(format!(
                "`{text}` is no ARN: arn:{}:iam::{}:policy/NAME is accepted",
                self.partition(),
                self.account
            ));
        };
        if arn.service != "iam" || !arn.resource.starts_with("policy/") {
            return Some(format!(
                "`{text}` is no managed policy: arn:{}:iam::{}:policy/NAME is accepted",
                self.partition(),
                self.account
            ));
        }
        if arn.partition != self.partition() {
            return Some(format!(
                "`{text}` is of partition {}, the environment of {}",
                arn.partition,
                self.partition()
            ));
        }
        (arn.account != "aws" && arn.account != self.account.as_str())
            .then(|| format!("`{text}` is of account {}, the environment of {}", arn.account, self.account))
    }
}

/// Answers that cannot all be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// Index of the environment it concerns.
    pub environment: Option<usize>,
    /// The key in `keyless.toml`.
    pub field: &'static str,
    /// What is wrong and what is accepted.
    pub text: String,
}

impl Contradiction {
    fn new(environment: Option<usize>, field: &'static str, text: impl Into<String>) -> Self {
        Self { environment, field, text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::AccountId;

    /// `name account region sign-in`, where the sign-in is another environment or `-`.
    fn federation(lines: &[&str]) -> Federation {
        let environments = lines.iter().map(|line| {
            let [name, account, region, from] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let account: AccountId = account.repeat(12).parse().unwrap();
            let own = SignIn::Environment { environment: true };
            let assume_role = format!("arn:aws:iam::{account}:role/R").parse().unwrap();
            Environment {
                subject: None,
                authentication: Authentication::Oidc,
                protected: false,
                sign_in: match from {
                    "-" => own,
                    from => SignIn::AssumeRole { assume_role, from: from.parse().unwrap() },
                },
                account,
                region: region.parse().unwrap(),
                role: format!("R-{name}").parse().unwrap(),
                role_path: "/".parse().unwrap(),
                tags: std::collections::BTreeMap::new(),
                connection: format!("C-{name}").parse().unwrap(),
                branches: Vec::new(),
                preset: "minimal".to_owned(),
                permissions: Default::default(),
                managed_policies: Vec::new(),
                boundary: None,
                session_hours: 1,
                gates: Default::default(),
                reads_for: None,
                variables: Default::default(),
                secrets: Default::default(),
                deploy: Default::default(),
                name: name.parse().unwrap(),
            }
        });
        Federation {
            azp: None,
            organization: "contoso".parse().unwrap(),
            organization_id: None,
            project: "payments".parse().unwrap(),
            issuer: None,
            audience: String::new(),
            verification: super::super::Verification {
                repository: "v".parse().unwrap(),
                branch: None,
                pipeline: "v".to_owned(),
                queue: None,
            },
            pipeline: None,
            environments: environments.collect(),
        }
    }

    fn fields(lines: &[&str]) -> Vec<(usize, &'static str)> {
        let found = federation(lines).contradictions();
        found.iter().map(|it| (it.environment.unwrap(), it.field)).collect()
    }

    #[test]
    fn chains_end_at_a_sign_in_of_their_own() {
        let ways = ["a 1 eu-west-1 b", "b 2 eu-west-1 c", "c 3 eu-west-1 -", "d 4 eu-west-1 a"];
        assert_eq!(fields(&ways), []);
        let circle = ["a 1 eu-west-1 b", "b 2 eu-west-1 a", "c 3 eu-west-1 -", "d 4 eu-west-1 a"];
        assert_eq!(fields(&circle), [(0, "sign-in"), (1, "sign-in"), (3, "sign-in")]);
        assert_eq!(fields(&["a 1 eu-west-1 a"]), [(0, "sign-in")]);
        assert_eq!(fields(&["a 1 eu-west-1 x", "b 2 eu-west-1 a"]), [(0, "sign-in"), (1, "sign-in")]);
    }

    #[test]
    fn each_is_held_against_the_first_of_its_kind() {
        let found =
            federation(&["a 1 eu-west-1 -", "A 1 eu-west-1 -", "b 1 cn-north-1 -", "c 1 eu-west-1 -"]);
        let told: Vec<(Option<usize>, &str)> =
            found.contradictions().iter().map(|it| (it.environment, it.field)).collect();
        let of = |index, field| (Some(index), field);
        assert_eq!(
            told,
            [of(1, "name"), of(1, "connection"), of(1, "role"), of(2, "region"), of(3, "region")]
        );
        let texts: Vec<String> = found.contradictions().into_iter().map(|it| it.text).collect();
        assert!(texts[3].ends_with("for a") && texts[4].ends_with("for b"), "{texts:?}");
    }

    #[test]
    fn a_message_names_some_of_many_environments() {
        let lines: Vec<String> = (0..30).map(|n| format!("e{n} {} eu-west-1 e{n}", n % 10)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let found = federation(&lines).contradictions();
        assert!(found.iter().all(|it| it.text.ends_with("e18, e19 and 10 more")), "{found:?}");
        assert_eq!(found.len(), 30);
    }
}
