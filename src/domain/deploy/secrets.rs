//! Secrets by reference in a pipeline: what its header says of them, and the steps that download secure files.

use super::value::scalar;
use crate::domain::federation::Secrets;

/// How secrets reach a deployment, as the header says it.
pub(super) const ABOUT: [&str; 7] = [
    "",
    "Secrets are named and never written here. Only the stages that deploy have them: the groups under `- group`, and a",
    "DownloadSecureFile step before the deployment, whose path is $(NAME.secureFilePath). No build, plan or pull request",
    "does. A secret variable is not passed to scripts by itself: map it in the step that needs it, and logs show ***.",
    "",
    "  env:",
    "    DB_PASSWORD: $(db-password)",
];

/// A step for each secure file, under a name of its own: its path is `$(NAME.secureFilePath)`.
pub(super) fn steps(secrets: &Secrets) -> Vec<String> {
    let one = |(name, file): (String, &super::Value)| {
        [
            "- task: DownloadSecureFile@1".to_owned(),
            format!("  name: {name}"),
            format!("  displayName: {}", scalar(&format!("Download {file} for this deployment"))),
            "  inputs:".to_owned(),
            format!("    secureFile: {}", scalar(file.as_str())),
        ]
    };
    secrets.steps().into_iter().flat_map(one).collect()
}
