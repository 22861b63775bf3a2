//! Who may administer what guards deployments: who is expected to, who is not, and how roles are narrowed.

use super::check::Identity;
use super::target::RoleAssignment;

/// The role that may change checks, permissions and roles of a connection or an environment.
pub const ADMINISTRATOR: &str = "Administrator";
/// What somebody keeps who is no longer to administer.
pub const USER: &str = "User";

/// Groups that can give themselves any right: taking a role away from them would be a show.
const ROOT: [&str; 4] = [
    "Project Administrators",
    "Project Collection Administrators",
    "Project Collection Service Accounts",
    "Project Collection Build Service Accounts",
];
/// Groups that Azure DevOps makes to administer connections, environments and pipelines.
const OFFICES: [&str; 4] = [
    "Build Administrators",
    "Release Administrators",
    "Endpoint Administrators",
    "Project Collection Build Administrators",
];
/// Groups that hold everybody who works in a project.
const WIDE: [&str; 6] = [
    "Contributors",
    "Readers",
    "Project Valid Users",
    "Project Collection Valid Users",
    "Project-Scoped Users",
    "Everyone",
];

/// Why somebody is not expected to administer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Excess {
    /// It is a group of everybody who works in the project.
    Wide,
    /// Who approves deployments could take the approval away.
    Approver,
    /// `keyless.toml` names administrators, and this is none of them.
    Unnamed,
    /// `keyless.toml` names nobody, and this is no group of administrators.
    Other,
}

impl Excess {
    /// In words, after the name.
    pub fn words(self) -> &'static str {
        match self {
            Self::Wide => "everybody who works in the project",
            Self::Approver => "approves what it guards",
            Self::Unnamed => "not named in keyless.toml",
            Self::Other => "no group of administrators",
        }
    }
}

/// Who is expected to administer what guards one environment, or all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// The organisation's name: groups of all projects are named after it.
    pub organization: String,
    /// The project's name: its groups are named after it.
    pub project: String,
    /// Who is named in `keyless.toml`; none: nobody is, and it is only told who may.
    pub named: Option<Vec<Identity>>,
    /// Who approves deployments.
    pub approvers: Vec<Identity>,
    /// Who is signed in; none: Azure DevOps did not tell.
    pub operator: Option<Identity>,
}

impl Expected {
    /// The group's own name, if it is one of the project or of the organisation: `Contributors` of `[payments]\Contributors`.
    fn group<'a>(&self, who: &'a Identity) -> Option<&'a str> {
        let (scope, name) = who.name.strip_prefix('[')?.split_once("]\\")?;
        let here = [self.project.as_str(), self.organization.as_str(), "TEAM FOUNDATION"];
        here.iter().any(|known| known.eq_ignore_ascii_case(scope)).then_some(name)
    }

    fn is_in(&self, who: &Identity, groups: &[&str]) -> bool {
        self.group(who).is_some_and(|name| groups.iter().any(|group| group.eq_ignore_ascii_case(name)))
    }

    /// Whether it is the project's default team, or holds everybody by its name.
    fn is_wide(&self, who: &Identity) -> bool {
        let team = format!("{} Team", self.project);
        self.is_in(who, &WIDE) || self.is_in(who, &[&team])
    }

    /// Whether it is a group that can give itself any right.
    pub fn is_root(&self, who: &Identity) -> bool {
        self.is_in(who, &ROOT)
    }

    /// Why somebody is not expected to administer; none: it is right so. Whoever is signed in always may.
    pub fn excess(&self, who: &Identity) -> Option<Excess> {
        let is = |other: &Identity| other.id == who.id;
        if self.operator.as_ref().is_some_and(is) || self.is_root(who) {
            return None;
        }
        if self.approvers.iter().any(is) {
            return Some(if self.is_wide(who) { Excess::Wide } else { Excess::Approver });
        }
        match &self.named {
            Some(named) if named.iter().any(is) => None,
            _ if self.is_wide(who) => Some(Excess::Wide),
            Some(_) => Some(Excess::Unnamed),
            None if self.is_in(who, &OFFICES) => None,
            None => Some(Excess::Other),
        }
    }

    /// Those that are to administer beside whoever may already: the named ones who do not approve.
    pub fn wanted(&self) -> impl Iterator<Item = &Identity> {
        let approves = |who: &&Identity| !self.approvers.iter().any(|approver| approver.id == who.id);
        self.named.iter().flatten().filter(approves)
    }

    /// Whoever may be narrowed to; none: nobody is named, or nobody knows who would be locked out.
    pub fn narrows(&self) -> Option<&Identity> {
        self.named.as_ref().and(self.operator.as_ref())
    }
}

/// The roles on one object, as found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// Every assignment, inherited ones included.
    pub found: Vec<RoleAssignment>,
    /// What was inherited before keyless ended that, and nobody got back yet: a run was cut off in between.
    pub owed: Vec<RoleAssignment>,
}

/// How the roles on one object are narrowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Roles that are given first: nobody is to be locked out.
    pub first: Vec<(Identity, String)>,
    /// Whether roles of the project are to hold here no longer.
    pub breaks: bool,
    /// Roles that are given then.
    pub then: Vec<(Identity, String)>,
}

impl Narrowing {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.writes() == 0
    }

    /// How many requests it takes.
    pub fn writes(&self) -> usize {
        self.first.len() + usize::from(self.breaks) + self.then.len()
    }
}

fn administers(row: &RoleAssignment) -> bool {
    row.role.eq_ignore_ascii_case(ADMINISTRATOR)
}

impl Roles {
    fn own(&self, who: &Identity) -> Option<&RoleAssignment> {
        self.found.iter().find(|row| !row.inherited && row.who.id == who.id)
    }

    /// What comes, or came, from the project.
    fn above(&self) -> impl Iterator<Item = &RoleAssignment> {
        self.found.iter().filter(|row| row.inherited).chain(&self.owed)
    }

    /// Whether roles of the project hold here, as far as that can be seen.
    pub fn inherits(&self) -> bool {
        self.found.iter().any(|row| row.inherited)
    }

    /// Everybody who may administer.
    pub fn administrators(&self) -> impl Iterator<Item = &RoleAssignment> {
        self.found.iter().filter(|row| administers(row))
    }

    /// How only those expected are left to administer. Somebody who may no longer keeps the use of the object. What is
    /// inherited cannot be taken away one by one: then nothing is inherited any more, and whatever else came from the
    /// project is set on the object itself.
    pub fn narrowing(&self, expected: &Expected) -> Narrowing {
        let Some(operator) = expected.narrows() else { return Narrowing::default() };
        let goes = |row: &&RoleAssignment| administers(row) && expected.excess(&row.who).is_some();
        let breaks = self.found.iter().filter(|row| row.inherited).any(|row| goes(&row));
        let ended = breaks || !self.owed.is_empty();
        let mut first: Vec<(Identity, String)> = Vec::new();
        let mut then: Vec<(Identity, String)> = Vec::new();
        let administrator = |who: &Identity| (who.clone(), ADMINISTRATOR.to_owned());
        let is_one = |who: &Identity| self.own(who).is_some_and(administers);
        let lowered: Vec<&RoleAssignment> =
            self.found.iter().filter(|row| !row.inherited).filter(goes).collect();
        if (ended || !lowered.is_empty()) && !is_one(operator) {
            first.push(administrator(operator));
        }
        for who in expected.wanted() {
            let inherits = || !ended && self.above().any(|row| row.who.id == who.id && administers(row));
            if who.id != operator.id && !is_one(who) && !inherits() {
                first.push(administrator(who));
            }
        }
        for row in self.above().filter(|row| ended && self.own(&row.who).is_none()) {
            let known = first.iter().chain(&then).any(|(who, _)| who.id == row.who.id);
            match (known, goes(&row)) {
                (true, _) => {}
                (false, true) => then.push((row.who.clone(), USER.to_owned())),
                (false, false) if administers(row) => first.push((row.who.clone(), row.role.clone())),
                (false, false) => then.push((row.who.clone(), row.role.clone())),
            }
        }
        then.extend(lowered.into_iter().map(|row| (row.who.clone(), USER.to_owned())));
        Narrowing { first, breaks, then }
    }

    /// Names of those who may administer once the narrowing is done, sorted.
    pub fn left(&self, expected: &Expected) -> Vec<String> {
        let stay = self.found.iter().chain(&self.owed).filter(|row| administers(row));
        let stay = stay.map(|row| &row.who).filter(|who| expected.excess(who).is_none());
        let mut names: Vec<String> =
            stay.chain(expected.wanted()).chain(&expected.operator).map(|who| who.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn who(number: u128, name: &str) -> Identity {
        Identity { id: Uuid::from_u128(number), name: name.to_owned() }
    }

    fn operator() -> Identity {
        who(1, "Operator")
    }
    fn ada() -> Identity {
        who(2, "Ada")
    }
    fn project_administrators() -> Identity {
        who(3, "[payments]\\Project Administrators")
    }
    fn build_administrators() -> Identity {
        who(4, "[payments]\\Build Administrators")
    }
    fn contributors() -> Identity {
        who(5, "[payments]\\Contributors")
    }

    fn expected(named: Option<Vec<Identity>>) -> Expected {
        Expected {
            organization: "contoso".to_owned(),
            project: "payments".to_owned(),
            named,
            approvers: Vec::new(),
            operator: Some(operator()),
        }
    }

    fn row(who: Identity, role: &str, inherited: bool) -> RoleAssignment {
        RoleAssignment { who, role: role.to_owned(), inherited }
    }

    fn usual() -> Roles {
        let found = vec![
            row(operator(), ADMINISTRATOR, false),
            row(project_administrators(), ADMINISTRATOR, true),
            row(build_administrators(), ADMINISTRATOR, true),
            row(contributors(), USER, true),
        ];
        Roles { found, owed: Vec::new() }
    }

    #[test]
    fn without_an_answer_offices_are_expected_and_crowds_are_not() {
        let nobody = expected(None);
        let excess = |name: &str| nobody.excess(&who(9, name));
        assert_eq!(excess("[payments]\\Build Administrators"), None);
        assert_eq!(excess("[contoso]\\Project Collection Administrators"), None);
        assert_eq!(excess("[PAYMENTS]\\contributors"), Some(Excess::Wide));
        assert_eq!(excess("[payments]\\payments Team"), Some(Excess::Wide));
        assert_eq!(excess("[contoso]\\Project Collection Valid Users"), Some(Excess::Wide));
        // A group of another project is nobody's office here, and a person may call himself anything.
        assert_eq!(excess("[other]\\Project Administrators"), Some(Excess::Other));
        assert_eq!(excess("Project Administrators"), Some(Excess::Other));
        assert_eq!(nobody.excess(&operator()), None);
        assert!(usual().narrowing(&nobody).is_empty());
    }

    #[test]
    fn with_an_answer_others_go_but_never_the_operator_or_who_can_take_any_right() {
        let named = expected(Some(vec![ada(), contributors()]));
        assert_eq!(named.excess(&build_administrators()), Some(Excess::Unnamed));
        assert_eq!(named.excess(&contributors()), None, "named is named");
        assert_eq!(named.excess(&project_administrators()), None);
        assert_eq!(named.excess(&operator()), None);
        let approver = Expected { approvers: vec![ada()], ..named };
        assert_eq!(approver.excess(&ada()), Some(Excess::Approver));
        assert_eq!(approver.wanted().collect::<Vec<_>>(), [&contributors()]);
    }

    #[test]
    fn what_is_inherited_ends_and_the_rest_of_it_is_set_on_the_object() {
        let narrowing = usual().narrowing(&expected(Some(vec![ada()])));
        let pair = |who: Identity, role: &str| (who, role.to_owned());
        assert!(narrowing.breaks);
        assert_eq!(
            narrowing.first,
            [pair(ada(), ADMINISTRATOR), pair(project_administrators(), ADMINISTRATOR)]
        );
        assert_eq!(narrowing.then, [pair(build_administrators(), USER), pair(contributors(), USER)]);
        assert_eq!(
            usual().left(&expected(Some(vec![ada()]))),
            ["Ada", "Operator", "[payments]\\Project Administrators"]
        );
    }

    /// Applies a narrowing up to so many writes, as the service would.
    fn after(roles: &Roles, narrowing: &Narrowing, writes: usize) -> Roles {
        let mut rows = roles.found.clone();
        let mut owed = roles.owed.clone();
        let mut left = writes;
        let mut take = || {
            let any = left > 0;
            left -= usize::from(any);
            any
        };
        let set = |rows: &mut Vec<RoleAssignment>, (who, role): &(Identity, String)| {
            // An assignment of its own hides the inherited one.
            rows.retain(|row| row.who.id != who.id);
            rows.push(row(who.clone(), role, false));
        };
        for one in &narrowing.first {
            if take() {
                set(&mut rows, one);
            }
        }
        if narrowing.breaks && take() {
            owed.extend(rows.iter().filter(|row| row.inherited).cloned());
            rows.retain(|row| !row.inherited);
        }
        for one in &narrowing.then {
            if take() {
                set(&mut rows, one);
            }
        }
        owed.retain(|row| !rows.iter().any(|own| own.who.id == row.who.id));
        Roles { found: rows, owed }
    }

    #[test]
    fn cut_off_anywhere_it_comes_to_the_same_end_with_an_administrator_all_along() {
        let expected = expected(Some(vec![ada()]));
        let sorted = |mut roles: Roles| {
            roles.found.sort_by_key(|row| row.who.id);
            roles
        };
        let whole = usual().narrowing(&expected);
        let end = sorted(after(&usual(), &whole, whole.writes()));
        assert!(end.narrowing(&expected).is_empty(), "{end:#?}");
        assert!(end.owed.is_empty());
        for writes in 0..whole.writes() {
            let half = after(&usual(), &whole, writes);
            let may = |row: &RoleAssignment| row.who == operator() && row.role == ADMINISTRATOR;
            assert!(half.found.iter().any(may), "{half:#?}");
            let rest = half.narrowing(&expected);
            assert!(!rest.is_empty(), "after {writes}: {half:#?}");
            assert_eq!(half.left(&expected), usual().left(&expected), "after {writes}");
            assert_eq!(sorted(after(&half, &rest, rest.writes())), end, "after {writes}");
        }
    }

    #[test]
    fn an_operator_by_group_alone_is_set_before_the_group_goes() {
        let mut roles = usual();
        roles.found.remove(0);
        roles.found.push(row(build_administrators(), ADMINISTRATOR, false));
        let narrowing = roles.narrowing(&expected(Some(Vec::new())));
        assert_eq!(narrowing.first[0], (operator(), ADMINISTRATOR.to_owned()));
        let unknown = Expected { operator: None, ..expected(Some(vec![ada()])) };
        assert!(roles.narrowing(&unknown).is_empty());
    }
}
