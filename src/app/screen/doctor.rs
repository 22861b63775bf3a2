//! What the doctor's screens show: everything that is not as wanted, and who can become what.

use super::open::Scene;
use crate::app::doctor::{Diagnosed, look, mapped};
use crate::app::output::Output;
use crate::domain::failure::Result;
use crate::domain::federation::Federation;
use crate::domain::finding::FindingCode;
use crate::programs::matrix::Mapped;
use crate::tui::msg::{Examination, Mapping};

/// Looks at the whole chain of every environment. Reads only.
///
/// # Errors
/// The answers contradict each other.
pub async fn examine(scene: &Scene, federation: Federation, output: &Output) -> Result<Examination> {
    let Diagnosed { findings, header } = look(&scene.opening, &scene.clouds, federation, &[], output).await?;
    Ok(Examination { findings, header })
}

/// Every connection against every role. Reads only.
///
/// # Errors
/// Azure DevOps cannot be looked at.
pub async fn map(scene: &Scene, federation: Federation, output: &Output) -> Result<Mapping> {
    let Mapped { federation, matrix, mut findings, incomplete } =
        mapped(&scene.opening, &scene.clouds, federation, &[], output).await?;
    // An unexpected reach is marked where it is.
    findings.retain(|finding| finding.code != FindingCode::MatrixUnexpected);
    let incomplete = incomplete.iter().map(ToString::to_string).collect();
    Ok(Mapping { federation, matrix, failed: findings, incomplete })
}
