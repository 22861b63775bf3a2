//! `keyless doctor --matrix --json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::doctor::{Diagnosis, DiagnosisFinding};
use super::wire::VERSION;
use crate::domain::diagnose::matrix::{Caller, Cell, Column, Matrix, Reach, Row, Trust};
use crate::domain::finding::Finding;
use crate::explain::Invocation;

/// Who can become what, decided offline from trusts and claims.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MatrixOutput {
    /// Always 1.
    pub version: u32,
    /// `organisation/project`.
    pub federation: String,
    /// The project's AWS connections, the worst first; one that holds an access key is there twice.
    pub connections: Vec<MatrixConnection>,
    /// The environments' roles in promotion order, then others that trust the issuer or may be reached.
    pub roles: Vec<MatrixRole>,
    /// Who becomes what. A pair that is missing here: the connection does not become the role, and need not.
    pub reaches: Vec<MatrixReach>,
    /// Accounts of which only the environments' roles could be looked at.
    pub incomplete: Vec<String>,
    /// Unexpected reaches, and looks that failed.
    pub findings: Vec<DiagnosisFinding>,
}

/// One connection, by its token or by the access key it holds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MatrixConnection {
    /// Its name.
    pub name: String,
    /// Its environment; null: it is no connection of the federation.
    pub environment: Option<String>,
    /// The subject of its token; null: it is not known, or the row is about an access key.
    pub subject: Option<String>,
    /// The access key it holds; null: the row is about its token.
    pub access_key: Option<String>,
    /// ARN of the key's user; null: it could not be found out.
    pub user: Option<String>,
}

/// One role.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MatrixRole {
    /// Its ARN.
    pub arn: String,
    /// Its environment; null: it is no role of the federation.
    pub environment: Option<String>,
    /// What is known of its trust.
    pub trust: TrustWord,
}

/// What is known of a trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrustWord {
    /// It was read.
    Read,
    /// There is no such role.
    Missing,
    /// It could not be read.
    Unread,
}

/// One connection and one role.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MatrixReach {
    /// The connection, as its place in `connections`, from 0.
    pub connection: usize,
    /// The role, as its place in `roles`, from 0.
    pub role: usize,
    /// Whether the one becomes the other.
    pub reach: ReachWord,
    /// Whether it should.
    pub expected: bool,
    /// The statement that decides: its `Sid`, else its place from 1.
    pub statement: Option<String>,
    /// Why not, or why that is unknown.
    pub why: Option<String>,
}

/// Whether a connection becomes a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReachWord {
    /// The trust lets it in.
    Yes,
    /// It does not.
    No,
    /// Nobody can tell offline.
    Unknown,
}

impl MatrixOutput {
    /// A matrix as `--json` prints it.
    pub fn of(
        federation: &str,
        matrix: &Matrix,
        incomplete: Vec<String>,
        findings: &[Finding],
        invocation: &Invocation,
    ) -> Self {
        let cells = matrix.cells.iter().enumerate();
        let cells = cells.flat_map(|(row, cells)| {
            cells.iter().enumerate().filter_map(move |(column, cell)| reach(row, column, cell))
        });
        Self {
            version: VERSION,
            federation: federation.to_owned(),
            connections: matrix.rows.iter().map(connection).collect(),
            roles: matrix.columns.iter().map(role).collect(),
            reaches: cells.collect(),
            incomplete,
            findings: Diagnosis::of(findings, invocation).findings,
        }
    }
}

fn connection(row: &Row) -> MatrixConnection {
    let (subject, access_key, user) = match &row.caller {
        Caller::Token { subject } => (subject.clone(), None, None),
        Caller::Keys { access_key, user } => {
            (None, Some(access_key.clone()), user.as_ref().map(|user| user.arn.clone()))
        }
    };
    MatrixConnection {
        name: row.connection.clone(),
        environment: row.environment.as_ref().map(ToString::to_string),
        subject,
        access_key,
        user,
    }
}

fn role(column: &Column) -> MatrixRole {
    MatrixRole {
        arn: column.role.to_string(),
        environment: column.environment.as_ref().map(ToString::to_string),
        trust: match column.trust {
            Trust::Read(_) => TrustWord::Read,
            Trust::Missing => TrustWord::Missing,
            Trust::Unread(_) => TrustWord::Unread,
        },
    }
}

fn reach(connection: usize, role: usize, cell: &Cell) -> Option<MatrixReach> {
    let (reach, statement, why) = match &cell.reach {
        Reach::No { .. } if !cell.expected => return None,
        Reach::Yes { statement } => (ReachWord::Yes, Some(statement.clone()), None),
        Reach::No { statement, why } => (ReachWord::No, statement.clone(), Some(why.clone())),
        Reach::Unknown { why } => (ReachWord::Unknown, None, Some(why.clone())),
    };
    Some(MatrixReach { connection, role, reach, expected: cell.expected, statement, why })
}
