//! Conditions of stages, as expressions with one argument a line.

use super::check::Problem;
use super::deployment::Host;
use super::flow::Needed;
use super::value::Value;
use crate::domain::names::BranchPattern;

/// The longest call that still stands on one line.
const WIDTH: usize = 96;

/// An expression of Azure Pipelines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    /// A name or a literal.
    Word(String),
    /// A function and its arguments.
    Call(&'static str, Vec<Expression>),
}

use Expression::{Call, Word};

impl Expression {
    fn flat(&self) -> String {
        match self {
            Word(text) => text.clone(),
            Call(name, arguments) => {
                let arguments: Vec<String> = arguments.iter().map(Self::flat).collect();
                format!("{name}({})", arguments.join(", "))
            }
        }
    }

    /// Its lines; what is short stands on one.
    pub(super) fn lines(&self) -> Vec<String> {
        let flat = self.flat();
        let deep = |argument: &Self| matches!(argument, Call(_, inner) if inner.iter().any(|one| matches!(one, Call(..))));
        match self {
            Call(name, arguments)
                if flat.len() > WIDTH || arguments.len() > 2 && arguments.iter().any(deep) =>
            {
                let mut lines = vec![format!("{name}(")];
                for (at, argument) in arguments.iter().enumerate() {
                    let mut inner: Vec<String> =
                        argument.lines().into_iter().map(|line| format!("  {line}")).collect();
                    if let Some(last) = inner.last_mut().filter(|_| at + 1 < arguments.len()) {
                        last.push(',');
                    }
                    lines.extend(inner);
                }
                lines.push(")".to_owned());
                lines
            }
            _ => vec![flat],
        }
    }
}

fn word(text: &str) -> Expression {
    Word(text.to_owned())
}

fn literal(text: &str) -> Result<Expression, Problem> {
    Ok(Word(text.parse::<Value>()?.literal()))
}

fn variable(name: &str) -> Expression {
    Word(format!("variables['{name}']"))
}

fn any(mut all: Vec<Expression>) -> Expression {
    match all.pop() {
        Some(only) if all.is_empty() => only,
        last => Call("or", all.into_iter().chain(last).collect()),
    }
}

/// The run was not cancelled: a stage with a condition of its own would begin all the same.
fn not_canceled() -> Expression {
    Call("not", vec![Call("canceled", Vec::new())])
}

fn result(stage: &str) -> Expression {
    Word(format!("dependencies.{stage}.result"))
}

fn succeeded(stage: &str) -> Expression {
    Call("in", vec![result(stage), word("'Succeeded'"), word("'SucceededWithIssues'")])
}

/// The run's branch is one of these: an exact name, or all below a prefix that ends in `/`.
fn on_branch(branches: &[BranchPattern]) -> Result<Expression, Problem> {
    let source = || variable("Build.SourceBranch");
    let tests = branches.iter().map(|branch| {
        Ok(match branch.prefix() {
            Some(prefix) => Call("startsWith", vec![source(), literal(&format!("refs/heads/{prefix}"))?]),
            None => Call("eq", vec![source(), literal(&format!("refs/heads/{branch}"))?]),
        })
    });
    Ok(any(tests.collect::<Result<Vec<_>, Problem>>()?))
}

/// The pull request's target is one of these branches; GitHub says `main` where Azure Repos says `refs/heads/main`.
fn into_branch(branches: &[BranchPattern], host: Host) -> Result<Expression, Problem> {
    let before = match host {
        Host::AzureRepos => "refs/heads/",
        Host::Github => "",
    };
    let target = || variable("System.PullRequest.TargetBranch");
    let tests = branches.iter().map(|branch| {
        Ok(match branch.prefix() {
            Some(prefix) => Call("startsWith", vec![target(), literal(&format!("{before}{prefix}"))?]),
            None => Call("eq", vec![target(), literal(&format!("{before}{branch}"))?]),
        })
    });
    Ok(any(tests.collect::<Result<Vec<_>, Problem>>()?))
}

/// A stage that another one waits for.
pub(super) struct Before<'a> {
    /// Its name in the YAML.
    pub(super) stage: &'a str,
    /// Its branches.
    pub(super) branches: &'a [BranchPattern],
    /// How far it is needed.
    pub(super) needed: Needed,
}

/// A stage before this one went well, or was left out because it is not for this branch. Left out for any other reason
/// (what stands before it failed, somebody took it out of the run) it holds this one back.
fn passed(before: &Before<'_>) -> Result<Expression, Problem> {
    if before.needed == Needed::Always {
        return Ok(succeeded(before.stage));
    }
    let left_out = Call("eq", vec![result(before.stage), word("'Skipped'")]);
    let elsewhere = Call("not", vec![on_branch(before.branches)?]);
    Ok(any(vec![succeeded(before.stage), Call("and", vec![left_out, elsewhere])]))
}

/// When a stage with deployment credentials runs: never for a pull request, only on its branches, and only when every
/// stage it needs went well.
pub(super) fn deploys(
    needs: &[&str],
    befores: &[Before<'_>],
    branches: &[BranchPattern],
) -> Result<Expression, Problem> {
    let mut all = vec![not_canceled()];
    all.extend(needs.iter().map(|stage| succeeded(stage)));
    for before in befores {
        all.push(passed(before)?);
    }
    all.push(Call("ne", vec![variable("Build.Reason"), word("'PullRequest'")]));
    all.push(on_branch(branches)?);
    Ok(Call("and", all))
}

/// When a read-only look at the cloud runs: only for a pull request into the environment's branches, and not from a fork.
/// Where Azure DevOps does not say whether it comes from one, it does not run.
pub(super) fn previews(
    needs: &[&str],
    branches: &[BranchPattern],
    host: Host,
) -> Result<Expression, Problem> {
    let mut all = vec![not_canceled()];
    all.extend(needs.iter().map(|stage| succeeded(stage)));
    all.push(Call("eq", vec![variable("Build.Reason"), word("'PullRequest'")]));
    all.push(Call("eq", vec![variable("System.PullRequest.IsFork"), word("'False'")]));
    all.push(into_branch(branches, host)?);
    Ok(Call("and", all))
}
