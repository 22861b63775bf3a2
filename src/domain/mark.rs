//! Marks of ownership in the clouds: an IAM tag, and a marker in Azure DevOps descriptions.

use serde::{Deserialize, Serialize};

use super::names::{OrganizationName, ProjectName};

/// IAM tag with the federation's id on every object keyless makes.
pub const TAG_FEDERATION: &str = "keyless:federation";
/// IAM tag with the environment's name.
pub const TAG_ENVIRONMENT: &str = "keyless:environment";

/// Tags that other owners leave; what they manage changes only after a yes.
const OWNER_TAGS: [(&str, &str); 4] = [
    ("aws:cloudformation:stack-name", "CloudFormation stack"),
    ("terraform", "Terraform"),
    ("managed-by", "owner"),
    ("managedby", "owner"),
];

/// Who an existing object belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "owner", rename_all = "snake_case")]
pub enum Owner {
    /// This federation made it.
    Ours,
    /// It carries no mark: somebody made it by hand.
    Unmarked,
    /// Another federation or tool says it is theirs.
    Other {
        /// Who, in words.
        name: String,
    },
}

/// The id of a federation: organisation and project, as Azure DevOps spells them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FederationId(String);

impl FederationId {
    /// The id of the federation of one project.
    pub fn new(organization: &OrganizationName, project: &ProjectName) -> Self {
        Self(format!("{organization}/{project}"))
    }

    /// As it stands in marks.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the IAM tag. IAM tag values take letters, digits, spaces and `_.:/=+-@`; anything else becomes `_`.
    pub fn tag_value(&self) -> String {
        self.0.chars().map(|c| if c.is_alphanumeric() || " _.:/=+-@".contains(c) { c } else { '_' }).collect()
    }

    /// The marker for a description in Azure DevOps.
    pub fn marker(&self) -> String {
        format!("[keyless:{}]", self.0)
    }

    /// Who owns an IAM object with these tags.
    pub fn owner_by_tags<'a>(&self, tags: impl IntoIterator<Item = (&'a str, &'a str)> + Clone) -> Owner {
        if let Some((_, value)) = tags.clone().into_iter().find(|(key, _)| *key == TAG_FEDERATION) {
            return if value == self.tag_value() {
                Owner::Ours
            } else {
                Owner::Other { name: format!("keyless federation {value}") }
            };
        }
        for (key, value) in tags {
            if let Some((_, tool)) = OWNER_TAGS.iter().find(|(tag, _)| key.eq_ignore_ascii_case(tag)) {
                return Owner::Other { name: format!("{tool} {value}") };
            }
        }
        Owner::Unmarked
    }

    /// Who owns an Azure DevOps object with this description.
    pub fn owner_by_description(&self, description: &str) -> Owner {
        let Some(start) = description.find("[keyless:") else { return Owner::Unmarked };
        let marker = &description[start..];
        let marker = marker.find(']').map_or(marker, |end| &marker[..=end]);
        if marker == self.marker() {
            Owner::Ours
        } else {
            Owner::Other {
                name: marker.trim_matches(['[', ']']).replacen("keyless:", "keyless federation ", 1),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> FederationId {
        FederationId::new(&"contoso".parse().unwrap(), &"payments".parse().unwrap())
    }

    #[test]
    fn marks_tell_owners_apart() {
        assert_eq!(id().owner_by_tags([("keyless:federation", "contoso/payments")]), Owner::Ours);
        assert_eq!(id().owner_by_tags([("team", "x")]), Owner::Unmarked);
        assert!(matches!(id().owner_by_tags([("keyless:federation", "contoso/web")]), Owner::Other { .. }));
        assert!(matches!(
            id().owner_by_tags([("aws:cloudformation:stack-name", "base")]),
            Owner::Other { .. }
        ));
        assert_eq!(id().owner_by_description("by hand"), Owner::Unmarked);
        assert_eq!(id().owner_by_description("dev deploys [keyless:contoso/payments]"), Owner::Ours);
        assert_eq!(
            id().owner_by_description("[keyless:contoso/web]"),
            Owner::Other { name: "keyless federation contoso/web".to_owned() }
        );
    }
}
