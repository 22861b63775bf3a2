//! The AWS Toolkit extension of the organisation.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{DevOps, SERVICE, routes};
use crate::domain::failure::Result;
use crate::domain::pen::{Inverse, Pen, Write};

/// The toolkit's publisher and extension name in the marketplace (facts/aws-toolkit.md §4).
pub const TOOLKIT: (&str, &str) = ("AmazonWebServices", "aws-vsts-tools");

/// The toolkit as it is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its version.
    pub version: String,
    /// Whether an administrator has disabled it.
    pub disabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    install_state: Value,
}

impl From<Wire> for Installed {
    fn from(wire: Wire) -> Self {
        let flags = wire.install_state["flags"].as_str().unwrap_or_default();
        Self {
            version: wire.version.unwrap_or_default(),
            disabled: flags.split(',').any(|flag| flag.trim().eq_ignore_ascii_case("disabled")),
        }
    }
}

impl DevOps {
    /// The toolkit; none: it is not installed.
    ///
    /// # Errors
    /// Asking needs the right to manage extensions; the connection type (`aws_type`) tells without it.
    pub async fn toolkit(&self) -> Result<Option<Installed>> {
        let read = || async {
            let call =
                self.call_at(&self.shared.ends.extensions, &routes::INSTALLED, &[TOOLKIT.0, TOOLKIT.1]);
            let installed = call.json_if_there::<Option<Wire>>().await?.flatten();
            Ok(installed.map(Installed::from))
        };
        self.memo().get("toolkit", read).await
    }

    /// Installs the newest toolkit. Only a Project Collection Administrator may.
    ///
    /// # Errors
    /// `DevopsDenied`: the right is missing.
    pub async fn install_toolkit(&self, pen: &Pen) -> Result<Installed> {
        let why = "other projects may use the extension; an administrator can uninstall it".to_owned();
        let object = format!("extension {}.{}", TOOLKIT.0, TOOLKIT.1);
        let write = Write::new(SERVICE, "installedExtensions/install", object, Inverse::Irreversible { why });
        let call = async {
            let call = self.call_at(&self.shared.ends.extensions, &routes::INSTALL, &[TOOLKIT.0, TOOLKIT.1]);
            Ok(Installed::from(call.json::<Wire>().await?))
        };
        pen.write(write, call, |installed| json!({"version": installed.version})).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn flags_are_a_list() {
        for (flags, disabled) in
            [("none", false), ("disabled, versionCheckError", true), ("trusted,Disabled", true)]
        {
            let wire: Wire =
                serde_json::from_value(json!({"version": "1.24.0", "installState": {"flags": flags}}))
                    .unwrap();
            assert_eq!(Installed::from(wire), Installed { version: "1.24.0".into(), disabled }, "{flags}");
        }
    }
}
