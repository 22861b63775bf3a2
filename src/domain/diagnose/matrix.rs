//! The trust matrix: every connection against every role, decided offline from trusts and claims. Nothing is tried.

mod judged;
mod reach;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::arn::RoleArn;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::names::EnvironmentName;
use crate::domain::policy::{Document, Effect, PrincipalKind, Scope};

pub use judged::{Judged, Stands};
pub use reach::{Reach, admits_user, names_itself};

/// Who signs in with a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caller {
    /// A token of the issuer.
    Token {
        /// The `sub` claim; none: how Azure DevOps writes it for this connection is not known.
        subject: Option<String>,
    },
    /// An IAM user, by an access key that the connection holds.
    Keys {
        /// `AKIA…`.
        access_key: String,
        /// The user; none: no account that could be asked knows the key.
        user: Option<User>,
    },
}

/// An IAM user and what its own policies say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// `arn:aws:iam::111122223333:user/deploy`.
    pub arn: String,
    /// Whether its policies let it assume a role; a role that is missing here was not asked for.
    pub may_assume: BTreeMap<RoleArn, Result<bool, String>>,
}

/// One row: a connection, once for its token and once for the access key it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The connection.
    pub connection: String,
    /// Its environment; none: it is no connection of the federation.
    pub environment: Option<EnvironmentName>,
    /// The role the connection names, as written.
    pub names: String,
    /// Who signs in.
    pub caller: Caller,
}

/// A role's trust, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Trust {
    /// It was read.
    Read(Document),
    /// There is no such role.
    Missing,
    /// It could not be read, and why.
    Unread(String),
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The role.
    pub role: RoleArn,
    /// Its environment; none: it is no role of the federation.
    pub environment: Option<EnvironmentName>,
    /// Its trust.
    pub trust: Trust,
}

/// What the tokens of all rows have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer without `https://`: how trusts name it.
    pub issuer_host_path: String,
    /// The `aud` claim.
    pub audience: String,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Whether the row becomes the column's role.
    pub reach: Reach,
    /// Whether it should.
    pub expected: bool,
}

impl Cell {
    /// Whether a role is reached that should not be.
    #[must_use]
    pub fn is_unexpected(&self) -> bool {
        matches!(self.reach, Reach::Yes { .. }) && !self.expected
    }
}

/// Who can become what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// The rows: worst first, else in promotion order, then by name.
    pub rows: Vec<Row>,
    /// The columns: the environments' in promotion order, then the others by ARN.
    pub columns: Vec<Column>,
    /// By row, then by column.
    pub cells: Vec<Vec<Cell>>,
    /// What was held against the trusts, beside each row's own.
    pub claims: Claims,
}

impl Matrix {
    /// Decides every cell. Roles of nobody's environment stay only where they trust the issuer, or a row may reach them.
    #[must_use]
    pub fn new(rows: Vec<Row>, columns: Vec<Column>, claims: &Claims) -> Self {
        let decided = |row: &Row| -> Vec<Cell> {
            let cell = |column: &Column| Cell {
                reach: reach::of(row, column, claims),
                expected: row.expects(column),
            };
            columns.iter().map(cell).collect()
        };
        let mut table: Vec<(Row, Vec<Cell>)> = rows
            .into_iter()
            .map(|row| {
                let cells = decided(&row);
                (row, cells)
            })
            .collect();
        let matters: Vec<bool> = columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let touched = |(row, cells): &(Row, Vec<Cell>)| {
                    row.is_known()
                        && cells.get(at).is_some_and(|cell| !matches!(cell.reach, Reach::No { .. }))
                };
                column.environment.is_some()
                    || column.trusts_issuer(&claims.issuer_host_path)
                    || table.iter().any(touched)
            })
            .collect();
        let mut kept = matters.iter();
        let columns = columns.into_iter().filter(|_| kept.next() == Some(&true)).collect();
        for (_, cells) in &mut table {
            let mut kept = matters.iter();
            cells.retain(|_| kept.next() == Some(&true));
        }
        // Stable: rows that are equally bad stay in the order they came in.
        table.sort_by_key(|(_, cells)| std::cmp::Reverse(badness(cells)));
        let (rows, cells) = table.into_iter().unzip();
        Self { rows, columns, cells, claims: claims.clone() }
    }

    /// Every cell with its row and column.
    pub fn entries(&self) -> impl Iterator<Item = (&Row, &Column, &Cell)> {
        self.rows.iter().zip(&self.cells).flat_map(|(row, cells)| {
            self.columns.iter().zip(cells).map(move |(column, cell)| (row, column, cell))
        })
    }

    /// Every statement of a column's trust held against a row's caller, the one that decides first. Empty: the trust could
    /// not be read, or it is not known who signs in.
    #[must_use]
    pub fn judged(&self, row: &Row, column: &Column) -> Vec<Judged> {
        judged::of(row, column, &self.claims)
    }

    /// Each unexpected reach.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let unexpected = self.entries().filter(|(.., cell)| cell.is_unexpected());
        unexpected.map(|(row, column, cell)| finding(row, column, cell)).collect()
    }
}

fn finding(row: &Row, column: &Column, cell: &Cell) -> Finding {
    let code = FindingCode::MatrixUnexpected;
    let finding = match &column.environment {
        Some(name) => Finding::about(name, code),
        None => Finding::overall(code),
    };
    let finding = finding.with("connection", row.name()).with("role", &column.role);
    let finding = match &row.caller {
        Caller::Token { subject } => finding.with("subject", subject.as_deref().unwrap_or("unknown")),
        Caller::Keys { user, .. } => finding.with("user", user.as_ref().map_or("unknown", |user| &user.arn)),
    };
    match &cell.reach {
        Reach::Yes { statement } => finding.with("statement", statement),
        Reach::No { .. } | Reach::Unknown { .. } => finding,
    }
}

/// How bad a row is: unexpected reaches, then expected ones that are not there, then what is not known.
fn badness(cells: &[Cell]) -> (usize, usize, usize) {
    let count = |is: fn(&Cell) -> bool| cells.iter().filter(|cell| is(cell)).count();
    (
        count(Cell::is_unexpected),
        count(|cell| cell.expected && matches!(cell.reach, Reach::No { .. })),
        count(|cell| matches!(cell.reach, Reach::Unknown { .. })),
    )
}

impl Row {
    /// The connection, and the access key where the row is about that.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.caller {
            Caller::Token { .. } => self.connection.clone(),
            Caller::Keys { access_key, .. } => format!("{} (key {access_key})", self.connection),
        }
    }

    /// The role of its environment; outside the federation the role it names, unless that is an environment's.
    fn expects(&self, column: &Column) -> bool {
        match (&self.environment, &column.environment) {
            (Some(mine), Some(theirs)) => mine == theirs,
            (None, None) => self.names == column.role.to_string(),
            _ => false,
        }
    }

    /// Whether it is known who signs in.
    fn is_known(&self) -> bool {
        match &self.caller {
            Caller::Token { subject } => subject.is_some(),
            Caller::Keys { user, .. } => user.is_some(),
        }
    }
}

impl Column {
    /// Whether a statement allows something to the issuer's provider, in whatever account, or to everybody.
    fn trusts_issuer(&self, issuer_host_path: &str) -> bool {
        let Trust::Read(document) = &self.trust else { return false };
        let provider = format!(":oidc-provider/{issuer_host_path}");
        document.statements().iter().filter(|statement| statement.effect() == Effect::Allow).any(
            |statement| match statement.principals() {
                Scope::Unstated => false,
                Scope::AllBut(_) => true,
                Scope::Only(principals) => principals.iter().any(|principal| {
                    principal.is_everyone()
                        || (principal.kind == PrincipalKind::Federated
                            && (principal.id == "*" || principal.id.ends_with(&provider)))
                }),
            },
        )
    }
}
