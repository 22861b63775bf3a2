//! The careful way of a switch: a second connection beside the first, with a subject and a trust statement of its own.

use crate::domain::blueprint::Wanted;
use crate::domain::connection::{Connection, WantedConnection};
use crate::domain::handshake::{Claims, Expected};
use crate::domain::mark::{FederationId, Owner};
use crate::domain::names::ConnectionName;
use crate::domain::role::WantedRole;

/// What the second connection's name has more than the first one's.
const SUFFIX: &str = "-keyless-beside";
/// What its description says, beside keyless's marker.
const BESIDE: &str = "second connection of a rotation, safe to delete once the first one is switched";

/// The name of the connection that is proven before this one is switched; none: the name leaves no room for it.
#[must_use]
pub fn name_beside(connection: &ConnectionName) -> Option<ConnectionName> {
    format!("{connection}{SUFFIX}").parse().ok()
}

/// An environment as its second connection is to be; none: the second one's subject cannot be known.
#[must_use]
pub fn wanted_beside(wanted: &Wanted, federation: &FederationId) -> Option<Wanted> {
    let name = name_beside(&wanted.connection.name)?;
    let subject = wanted.role.second.as_ref()?.subject.clone();
    let environment = &wanted.environment.name;
    Some(Wanted {
        connection: WantedConnection {
            name,
            // Not as descriptions of first connections begin: it is none of those under another name.
            description: format!("{BESIDE} ({environment}) {}", federation.marker()),
            ..wanted.connection.clone()
        },
        expected: Expected {
            claims: Claims { subject: subject.clone(), ..wanted.expected.claims.clone() },
            ..wanted.expected.clone()
        },
        role: WantedRole { subject, second: None, ..wanted.role.clone() },
        user: None,
        environment: wanted.environment.clone(),
    })
}

/// Whether a connection is such a second one that keyless made.
#[must_use]
pub fn is_beside(federation: &FederationId, found: &Connection) -> bool {
    federation.owner_by_description(&found.description) == Owner::Ours && found.description.contains(BESIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_room_has_none_beside_it() {
        let name = |text: &str| text.parse::<ConnectionName>().unwrap();
        assert_eq!(name_beside(&name("AWS-Dev")), Some(name("AWS-Dev-keyless-beside")));
        assert!(name_beside(&name(&"ä".repeat(49))).is_some());
        assert_eq!(name_beside(&name(&"ä".repeat(50))), None);
    }

    #[test]
    fn nobody_takes_a_second_connection_for_a_decoy() {
        let second = name_beside(&"AWS-Dev".parse().unwrap()).unwrap();
        let (_, end) = second.as_str().rsplit_once("-keyless-").unwrap();
        assert!(!crate::domain::denial::is_random(end));
    }
}
