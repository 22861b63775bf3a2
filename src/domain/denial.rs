//! The denial proof: a throw-away connection tries a role, and the task's own log must show that it was denied.

use serde::{Deserialize, Serialize};

use super::arn::AssumedRole;
use super::blueprint::Wanted;
use super::connection::{Connection, WantedConnection};
use super::diagnose::signature::known;
use super::failure::{Code, Failure, Result};
use super::handshake::{Claims, TaskLog};
use super::issuer;
use super::mark::{FederationId, Owner};
use super::names::{ConnectionName, EnvironmentName, OrganizationName, ProjectName};

/// What the description of every throw-away connection says, beside keyless's marker.
const DECOY: &str = "decoy of a denial proof, safe to delete";
/// What stands between the connection's name and the random part.
const JOINT: &str = "-keyless-";
/// Characters a connection's name may have ([`ConnectionName`]).
const LONGEST_NAME: usize = 64;
/// Hex digits of the random part.
const RANDOM: usize = 8;

/// The code STS refuses with (facts/aws-toolkit.md §6): the toolkit prints it before the message.
const ACCESS_DENIED: &str = "AccessDenied";

/// Whether a task of a run has the name of such a try: `keyless ENVIRONMENT denial-…`.
pub fn is_try(task: &str) -> bool {
    task.strip_prefix("keyless ").is_some_and(|rest| rest.contains(" denial-"))
}

/// The verdict of a denial proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// A token was issued for the throw-away connection, and STS denied it the role.
    Denied,
    /// The role let it in.
    Admitted,
    /// Neither is proven.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl Verdict {
    /// One word: `denied`, `admitted`, `unknown`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Admitted => "admitted",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// As people read it: `denied as required`, `let in`, `unknown`.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Denied => "denied as required",
            Self::Admitted => "let in",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Why, where there is more to say than the words.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Denied | Self::Admitted => None,
            Self::Unknown { why } => Some(why),
        }
    }
}

/// A verdict with its circumstances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The environment.
    pub environment: EnvironmentName,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The subject of the throw-away connection's token.
    pub subject: Option<String>,
    /// When the task ended (RFC 3339, Azure DevOps's clock).
    pub at: Option<String>,
    /// The run's page.
    pub run: Option<String>,
}

/// What a denial proof's log must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The claims of the throw-away connection's token.
    pub claims: Claims,
    /// The environment's own subject, where subjects are not made of names: then all that is known of the throw-away
    /// connection's is that it is another one.
    pub own: Option<String>,
    /// The role session it must not become.
    pub identity: AssumedRole,
}

/// The throw-away connection of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoy {
    /// The random part of its name.
    pub random: String,
    /// The connection. Only its name is another one than the environment's: nothing else is why it is denied.
    pub connection: WantedConnection,
    /// What its try must show.
    pub expected: Expected,
}

impl Decoy {
    /// The throw-away connection of an environment. `random` are eight hex digits.
    ///
    /// # Errors
    /// `Answers`: no connection name can be made of it.
    pub fn new(
        wanted: &Wanted,
        (organization, project): (&OrganizationName, &ProjectName),
        random: &str,
    ) -> Result<Self> {
        let environment = &wanted.environment.name;
        let refused =
            |cause| Failure::new(Code::Answers).with("environment", environment).with("cause", cause);
        let name: ConnectionName = name_of(&wanted.connection.name, random).parse().map_err(refused)?;
        let marker = FederationId::new(organization, project).marker();
        let claims = Claims {
            subject: issuer::subject(organization, project, &name),
            ..wanted.expected.claims.clone()
        };
        Ok(Self {
            random: random.to_owned(),
            connection: WantedConnection {
                name,
                description: format!("{environment}: {DECOY} {marker}"),
                ..wanted.connection.clone()
            },
            expected: Expected {
                claims,
                own: wanted.environment.subject.clone(),
                identity: wanted.expected.identity.clone(),
            },
        })
    }
}

/// `AWS-Dev-keyless-0a1b2c3d`; a long name gives way to the random part.
fn name_of(connection: &ConnectionName, random: &str) -> String {
    let room = LONGEST_NAME.saturating_sub(JOINT.len() + random.len());
    let stem: String = connection.as_str().chars().take(room).collect();
    format!("{stem}{JOINT}{random}")
}

/// Whether a text is the random part of a throw-away connection's name.
pub fn is_random(text: &str) -> bool {
    text.len() == RANDOM && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a connection is a throw-away one of this federation: its description says so, and its name is of that kind.
pub fn is_decoy(federation: &FederationId, found: &Connection) -> bool {
    let ours = federation.owner_by_description(&found.description) == Owner::Ours;
    let named = found.name.rsplit_once(JOINT).is_some_and(|(_, random)| is_random(random));
    ours && named && found.description.contains(DECOY)
}

/// Whether a throw-away connection's name was made of this connection's.
pub fn is_of(decoy: &str, connection: &ConnectionName) -> bool {
    decoy.rsplit_once(JOINT).is_some_and(|(_, random)| decoy == name_of(connection, random))
}

/// Judges one task's log. Only a token that was issued for the throw-away connection, and STS's own code, count. What
/// is quoted of the log is cleaned.
pub fn judge(expected: &Expected, log: &TaskLog) -> Verdict {
    let unknown = |why: String| Verdict::Unknown { why };
    let Some(found) = &log.claims else {
        let cause = log.oidc_failure.as_ref().or(log.error.as_ref());
        let cause = cause.map(|cause| format!(": {}", known().shown(cause))).unwrap_or_default();
        return unknown(format!("its log shows no token{cause}"));
    };
    let wanted = &expected.claims;
    for (what, wanted, found) in [
        ("issuer", &wanted.issuer, &found.issuer),
        ("subject", &wanted.subject, &found.subject),
        ("audience", &wanted.audience, &found.audience),
    ] {
        let fits = match (what, &expected.own) {
            ("subject", Some(own)) => found != own,
            _ => wanted == found,
        };
        if !fits {
            let found = known().cleaned(found);
            return unknown(format!("its token's {what} is {found}, not {wanted}"));
        }
    }
    match (&log.oidc_failure, &log.assumed) {
        (None, Some(assumed)) if *assumed == expected.identity.to_string() => Verdict::Admitted,
        (None, Some(assumed)) => {
            unknown(format!("it became {}, not {}", known().shown(assumed), expected.identity))
        }
        (Some(reason), None) if code(reason) == ACCESS_DENIED => Verdict::Denied,
        (Some(reason), None) => unknown(known().shown(reason)),
        (None, None) => {
            let cause = log.error.as_ref().map(|error| known().shown(error));
            unknown(cause.unwrap_or_else(|| "its log shows no answer of STS".to_owned()))
        }
        (Some(_), Some(_)) => unknown("its log shows that it was let in, and that it was not".to_owned()),
    }
}

/// The error code the toolkit prints before an error's message.
fn code(failure: &str) -> &str {
    failure.split_once(':').map_or(failure, |(code, _)| code).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sts::111122223333:assumed-role/R/keyless-dev";
    const SUBJECT: &str = "sc://contoso/payments/AWS-Dev-keyless-0a1b2c3d";
    const DENIED: &str = "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity";

    fn expected() -> Expected {
        let claims = Claims {
            issuer: "https://vstoken.dev.azure.com/g".to_owned(),
            subject: SUBJECT.to_owned(),
            audience: "api://AzureADTokenExchange".to_owned(),
        };
        Expected { claims, own: None, identity: ARN.parse().unwrap() }
    }

    fn log(failure: Option<&str>, assumed: Option<&str>) -> TaskLog {
        TaskLog {
            claims: Some(expected().claims),
            oidc_failure: failure.map(str::to_owned),
            assumed: assumed.map(str::to_owned),
            ..TaskLog::default()
        }
    }

    #[test]
    fn only_stss_own_refusal_of_the_decoys_token_is_a_denial() {
        assert_eq!(judge(&expected(), &log(Some(DENIED), None)), Verdict::Denied);
        assert_eq!(judge(&expected(), &log(None, Some(ARN))), Verdict::Admitted);
        let unknown = |log: &TaskLog| matches!(judge(&expected(), log), Verdict::Unknown { .. });
        for failure in [
            "InvalidIdentityToken: No OpenIDConnect provider found in your account for https://x",
            "TypeError: AccessDenied: Cannot read properties of null",
            "AggregateError [ETIMEDOUT]",
            "",
        ] {
            assert!(unknown(&log(Some(failure), None)), "{failure}");
        }
        assert!(unknown(&log(None, None)));
        assert!(unknown(&log(Some(DENIED), Some(ARN))));
        assert!(unknown(&log(None, Some("arn:aws:sts::111122223333:assumed-role/Other/keyless-dev"))));
        assert!(unknown(&TaskLog { claims: None, ..log(Some(DENIED), None) }));
        assert!(unknown(&TaskLog::default()));
    }

    #[test]
    fn what_is_quoted_of_a_log_is_cleaned() {
        let key = "AKIAIOSFODNN7EXAMPLE\u{1b}";
        let mut other = log(Some(DENIED), None);
        other.claims.iter_mut().for_each(|claims| claims.subject = key.to_owned());
        let told = [
            log(Some(key), None),
            log(None, Some(key)),
            TaskLog { error: Some(key.to_owned()), ..log(None, None) },
            TaskLog { claims: None, ..log(Some(key), None) },
            other,
        ];
        for log in told {
            let Verdict::Unknown { why } = judge(&expected(), &log) else { panic!("{log:?}") };
            assert!(why.contains("***\u{fffd}") && !why.contains("AKIA"), "{why}");
        }
    }

    #[test]
    fn a_refusal_of_another_token_tells_nothing() {
        let change: [fn(&mut Claims); 3] = [
            |claims| claims.subject = "sc://contoso/payments/AWS-Dev".to_owned(),
            |claims| claims.issuer.push('/'),
            |claims| claims.audience = "sts.amazonaws.com".to_owned(),
        ];
        for change in change {
            let mut told = log(Some(DENIED), None);
            told.claims.iter_mut().for_each(change);
            assert!(matches!(judge(&expected(), &told), Verdict::Unknown { .. }), "{told:?}");
        }
    }

    fn found(name: &str, description: &str) -> Connection {
        Connection {
            projects: Vec::new(),
            id: uuid::Uuid::nil(),
            name: name.to_owned(),
            kind: "aws".to_owned(),
            description: description.to_owned(),
            parameters: crate::domain::connection::AwsParameters::default(),
            shared: false,
            ready: true,
            disabled: false,
            status: None,
        }
    }

    #[test]
    fn a_decoy_is_known_by_description_and_name_together() {
        let id = FederationId::new(&"contoso".parse().unwrap(), &"payments".parse().unwrap());
        let ours = format!("dev: {DECOY} {}", id.marker());
        let name = "AWS-Dev-keyless-0a1b2c3d";
        assert!(is_decoy(&id, &found(name, &ours)));
        for (name, description) in [
            ("AWS-Dev", ours.as_str()),
            ("AWS-Dev-keyless-prod", ours.as_str()),
            (name, "decoy: OIDC into account 111122223333 [keyless:contoso/payments]"),
            (name, "dev: decoy of a denial proof, safe to delete [keyless:contoso/web]"),
            (name, "dev: decoy of a denial proof, safe to delete"),
        ] {
            assert!(!is_decoy(&id, &found(name, description)), "{name}, {description}");
        }
    }

    #[test]
    fn a_long_name_gives_way_to_the_random_part() {
        let long: ConnectionName = "ä".repeat(64).parse().unwrap();
        let name = name_of(&long, "0a1b2c3d");
        assert!(name.ends_with("ä-keyless-0a1b2c3d") && name.parse::<ConnectionName>().is_ok());
        assert!(is_of(&name, &long) && !is_of(&name, &"AWS-Dev".parse().unwrap()));
        assert!(is_of("AWS-Dev-keyless-0a1b2c3d", &"AWS-Dev".parse().unwrap()));
        assert!(!is_of("AWS-Dev-2-keyless-0a1b2c3d", &"AWS-Dev".parse().unwrap()));
    }
}
