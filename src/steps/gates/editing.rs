//! Who may edit a pipeline by its access list and those above it, and how the list is narrowed.

use std::collections::{BTreeMap, BTreeSet};

use super::people::Beyond;
use crate::cloud::devops::projects::Project;
use crate::cloud::devops::security::{Access, AccessList};
use crate::domain::gates::administrators::{Excess, Expected};
use crate::domain::gates::check::Identity;

/// Actions of the namespace `Build` that lead around the gates, and how they are told.
pub const ACTIONS: [(&str, &str); 3] = [
    ("EditBuildDefinition", "edit"),
    ("DeleteBuildDefinition", "delete"),
    ("AdministerBuildPermissions", "change permissions of"),
];

/// One access list on the way from the pipeline up to its project.
#[derive(Debug, Clone)]
pub struct Level {
    /// `project payments`, `folder \deploy`; none: the pipeline itself.
    pub above: Option<String>,
    /// The list.
    pub list: AccessList,
}

/// Who may do what, as found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The pipeline's token.
    pub token: String,
    /// The pipeline's own list; none: it has none.
    pub own: Option<AccessList>,
    /// Its own and those it inherits from, in this order.
    pub levels: Vec<Level>,
    /// Who is who, by descriptor in small letters, with the descriptor itself.
    pub names: BTreeMap<String, (String, Identity)>,
    /// The bit of each of [`ACTIONS`].
    pub bits: [i64; 3],
}

impl Found {
    /// The guarded bits together.
    pub fn guarded(&self) -> i64 {
        self.bits.iter().fold(0, |all, bit| all | bit)
    }

    /// Whether Azure DevOps tells who that is.
    fn is_known(&self, descriptor: &str) -> bool {
        self.names.contains_key(&descriptor.to_lowercase())
    }

    fn who(&self, descriptor: &str) -> Identity {
        let known = self.names.get(&descriptor.to_lowercase());
        known
            .map(|(_, who)| who.clone())
            .unwrap_or_else(|| Identity { id: uuid::Uuid::nil(), name: descriptor.to_owned() })
    }

    /// Everybody named on any level.
    pub fn descriptors(&self) -> BTreeSet<&str> {
        self.levels.iter().flat_map(|level| level.list.entries.keys()).map(String::as_str).collect()
    }

    /// What somebody may and may not do: what is set nearer to the pipeline wins, there a deny.
    fn effective(&self, descriptor: &str) -> Access {
        Self::sum(self.levels.iter(), descriptor)
    }

    fn sum<'a>(levels: impl Iterator<Item = &'a Level>, descriptor: &str) -> Access {
        let mut sum = Access::default();
        for entry in levels.filter_map(|level| level.list.entries.get(descriptor)) {
            let deny = entry.deny & !sum.allow;
            sum.allow |= entry.allow & !entry.deny & !sum.deny;
            sum.deny |= deny;
        }
        sum
    }

    /// Where the guarded rights somebody has come from, in words.
    fn source(&self, descriptor: &str) -> String {
        let has = self.effective(descriptor).allow & self.guarded();
        let gives =
            |level: &&Level| level.list.entries.get(descriptor).is_some_and(|entry| entry.allow & has != 0);
        match self.levels.iter().find(gives).and_then(|level| level.above.as_deref()) {
            Some(above) => format!("inherited from {above}"),
            None => "set on it".to_owned(),
        }
    }

    /// Whether somebody would have any of the guarded rights from above without those set on the pipeline itself.
    fn inherits(&self, descriptor: &str) -> bool {
        let own = self.own.as_ref().and_then(|own| own.entries.get(descriptor));
        let above = Self::sum(self.levels.iter().filter(|level| level.above.is_some()), descriptor);
        above.allow & self.guarded() & !own.map_or(0, |own| own.deny) != 0
    }

    /// Everybody who may lead around the gates: descriptor, who, and what they may.
    fn editors(&self) -> Vec<(&str, Identity, String)> {
        let all = self.descriptors().into_iter();
        let may = all.filter_map(|descriptor| {
            let allow = self.effective(descriptor).allow;
            let words: Vec<&str> = ACTIONS
                .iter()
                .zip(self.bits)
                .filter(|(_, bit)| allow & bit != 0)
                .map(|((_, words), _)| *words)
                .collect();
            (!words.is_empty()).then(|| (descriptor, self.who(descriptor), words.join(", ")))
        });
        may.collect()
    }

    /// Why somebody is not expected to; none: it is right so, or nobody knows who that is.
    fn excess(&self, expected: &Expected, descriptor: &str, who: &Identity) -> Option<Excess> {
        expected.excess(who).filter(|_| self.is_known(descriptor))
    }

    /// Descriptors of those who may and of whom Azure DevOps does not tell who they are.
    pub fn unknown(&self) -> Vec<&str> {
        let all = self.editors().into_iter().map(|(descriptor, ..)| descriptor);
        all.filter(|descriptor| !self.is_known(descriptor)).collect()
    }

    /// Those who may and are not expected to.
    pub fn beyond(&self, expected: &Expected) -> Vec<Beyond> {
        let told = |(descriptor, who, rights): (&str, Identity, String)| {
            let excess = self.excess(expected, descriptor, &who)?;
            let source = self.source(descriptor);
            let words = format!("{} ({rights}; {source}; {})", who.name, excess.words());
            Some(Beyond { excess, words })
        };
        self.editors().into_iter().filter_map(told).collect()
    }

    /// The pipeline's own list, so that only those expected are left; none: they are. Other rights stay as they are, also
    /// where nothing is inherited any more, and so do all rights of those nobody knows. `operator`: the descriptor of who is signed in.
    pub fn narrowed(&self, expected: &Expected, operator: &str) -> Option<AccessList> {
        let signed_in = expected.narrows()?;
        let guarded = self.guarded();
        let editors = self.editors();
        let goes: Vec<&str> = editors
            .iter()
            .filter(|(descriptor, who, _)| self.excess(expected, descriptor, who).is_some())
            .map(|(descriptor, ..)| *descriptor)
            .collect();
        let of = |id: uuid::Uuid| self.names.values().find(|(_, who)| who.id == id);
        let lacking: Vec<String> = expected
            .wanted()
            .filter(|who| who.id != signed_in.id && !editors.iter().any(|(_, known, _)| known.id == who.id))
            .filter_map(|who| of(who.id).map(|(descriptor, _)| descriptor.clone()))
            .collect();
        if goes.is_empty() && lacking.is_empty() {
            return None;
        }
        let breaks = goes.iter().any(|descriptor| self.inherits(descriptor));
        let mut list = self.own.clone().unwrap_or(AccessList { inherit: true, entries: BTreeMap::new() });
        if breaks {
            let all = self.descriptors().into_iter();
            list.entries = all.map(|who| (who.to_owned(), self.effective(who))).collect();
            list.inherit = false;
        }
        for descriptor in goes {
            if let Some(entry) = list.entries.get_mut(descriptor) {
                entry.allow &= !guarded;
            }
        }
        for descriptor in lacking.iter().map(String::as_str).chain([operator]) {
            let known = list.entries.keys().find(|key| key.eq_ignore_ascii_case(descriptor)).cloned();
            let entry = list.entries.entry(known.unwrap_or_else(|| descriptor.to_owned())).or_default();
            entry.allow |= guarded;
            entry.deny &= !guarded;
        }
        list.entries.retain(|_, entry| entry.allow != 0 || entry.deny != 0);
        Some(list)
    }

    /// Names of those who may once it is narrowed, sorted.
    pub fn left(&self, expected: &Expected) -> Vec<String> {
        let editors = self.editors();
        let stay = editors
            .iter()
            .filter(|(descriptor, who, _)| self.excess(expected, descriptor, who).is_none())
            .map(|(_, who, _)| who);
        let all = stay.chain(expected.wanted()).chain(&expected.operator);
        let mut names: Vec<String> = all.map(|who| who.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Everybody who may, in words.
    pub fn shown(&self) -> Vec<String> {
        let words = |(descriptor, who, rights): (&str, Identity, String)| {
            let unknown = if self.is_known(descriptor) { "" } else { "; unknown to Azure DevOps" };
            format!("{} ({rights}; {}{unknown})", who.name, self.source(descriptor))
        };
        self.editors().into_iter().map(words).collect()
    }
}

/// The tokens above a pipeline, the nearest first, each in words: its folders, then its project.
pub fn above(project: &Project, folder: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = folder.split('\\').filter(|part| !part.is_empty()).collect();
    let folders = (1..=parts.len()).rev().map(|count| {
        let token = format!("{}/{}", project.id, parts[..count].join("/"));
        (token, format!("folder \\{}", parts[..count].join("\\")))
    });
    folders.chain([(project.id.to_string(), format!("project {}", project.name))]).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use uuid::Uuid;

    use super::*;

    const EDIT: i64 = 1;
    const DELETE: i64 = 2;
    const OTHER: i64 = 16;

    fn who(number: u128, name: &str) -> (String, (String, Identity)) {
        let identity = Identity { id: Uuid::from_u128(number), name: name.to_owned() };
        (format!("group;{number}"), (format!("Group;{number}"), identity))
    }

    fn list(inherit: bool, entries: &[(u128, i64, i64)]) -> AccessList {
        let entries = entries
            .iter()
            .map(|(number, allow, deny)| (format!("Group;{number}"), Access { allow: *allow, deny: *deny }));
        AccessList { inherit, entries: entries.collect() }
    }

    fn found(own: Option<AccessList>) -> Found {
        let own_level = own.clone().map(|list| Level { above: None, list });
        let above = Level {
            above: Some("project payments".to_owned()),
            list: list(true, &[(2, EDIT | OTHER, 0), (3, EDIT | DELETE | OTHER, 0)]),
        };
        Found {
            token: "p/1".to_owned(),
            own,
            levels: own_level.into_iter().chain([above]).collect(),
            names: [
                who(1, "Operator"),
                who(2, "[payments]\\Contributors"),
                who(3, "[payments]\\Project Administrators"),
                who(4, "Alan"),
            ]
            .into_iter()
            .collect(),
            bits: [EDIT, DELETE, 4],
        }
    }

    fn expected() -> Expected {
        Expected {
            project: "payments".to_owned(),
            named: Some(vec![who(4, "Alan").1.1]),
            operator: Some(who(1, "Operator").1.1),
            ..Expected::default()
        }
    }

    #[test]
    fn what_is_inherited_is_set_on_the_pipeline_but_for_what_goes() {
        let narrowed = found(None).narrowed(&expected(), "Group;1").unwrap();
        let all = EDIT | DELETE | 4;
        let wanted = [(1, all, 0), (2, OTHER, 0), (3, EDIT | DELETE | OTHER, 0), (4, all, 0)];
        assert_eq!(narrowed, list(false, &wanted));
        let mut after = found(Some(narrowed));
        after.levels.truncate(1);
        assert_eq!(after.narrowed(&expected(), "Group;1"), None, "a second look changes nothing");
        assert_eq!(after.left(&expected()), ["Alan", "Operator", "[payments]\\Project Administrators"]);
    }

    #[test]
    fn what_is_nearer_wins_and_an_own_right_goes_without_a_break() {
        let denied = found(Some(list(true, &[(2, 0, EDIT), (4, EDIT, 0)])));
        assert!(denied.beyond(&expected()).is_empty(), "{:?}", denied.beyond(&expected()));
        let mut own = found(Some(list(true, &[(2, EDIT, 0), (4, EDIT, 0)])));
        own.levels[1].list = list(true, &[(3, EDIT, 0)]);
        let narrowed = own.narrowed(&expected(), "Group;1").unwrap();
        assert_eq!(narrowed, list(true, &[(1, EDIT | DELETE | 4, 0), (4, EDIT, 0)]));
        let nobody = Expected { operator: None, ..expected() };
        assert_eq!(own.narrowed(&nobody, "Group;1"), None, "nobody is narrowed by somebody unknown");
    }

    #[test]
    fn what_is_inherited_beside_an_own_right_goes_too() {
        let own = found(Some(list(true, &[(2, EDIT, 0), (4, EDIT, 0)])));
        let narrowed = own.narrowed(&expected(), "Group;1").unwrap();
        let all = EDIT | DELETE | 4;
        let wanted = [(1, all, 0), (2, OTHER, 0), (3, EDIT | DELETE | OTHER, 0), (4, EDIT, 0)];
        assert_eq!(narrowed, list(false, &wanted));
        let mut denied = found(Some(list(true, &[(2, DELETE, EDIT), (4, EDIT, 0)])));
        denied.levels[1].list = list(true, &[(2, EDIT, 0)]);
        let narrowed = denied.narrowed(&expected(), "Group;1").unwrap();
        assert_eq!(
            narrowed,
            list(true, &[(1, all, 0), (2, 0, EDIT), (4, EDIT, 0)]),
            "a deny holds by itself"
        );
    }

    #[test]
    fn whom_nobody_knows_is_told_and_left() {
        let mut found = found(None);
        found.levels[0].list.entries.insert("Group;9".to_owned(), Access { allow: EDIT, deny: 0 });
        assert_eq!(found.unknown(), ["Group;9"]);
        assert!(found.beyond(&expected()).iter().all(|one| !one.words.contains("Group;9")));
        assert!(found.shown().iter().any(|one| one.contains("Group;9") && one.contains("unknown")));
        let narrowed = found.narrowed(&expected(), "Group;1").unwrap();
        assert_eq!(narrowed.entries["Group;9"], Access { allow: EDIT, deny: 0 });
        assert!(found.left(&expected()).contains(&"Group;9".to_owned()));
    }

    #[test]
    fn folders_stand_between_a_pipeline_and_its_project() {
        let project = Project {
            id: Uuid::from_u128(7),
            name: "payments".parse().unwrap(),
            organization: "contoso".parse().unwrap(),
            collection_id: None,
            public: false,
        };
        let words =
            |folder: &str| above(&project, folder).into_iter().map(|(_, words)| words).collect::<Vec<_>>();
        assert_eq!(words("\\"), ["project payments"]);
        assert_eq!(words("\\a\\b"), ["folder \\a\\b", "folder \\a", "project payments"]);
        assert_eq!(above(&project, "\\a\\b")[0].0, format!("{}/a/b", project.id));
    }
}
