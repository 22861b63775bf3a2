//! Installed extensions. Live, this area is served by `extmgmt.dev.azure.com`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Op, Place, identities, stable_id};
use crate::sandbox::Ground;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "fb0da285-f23e-4b56-8b53-3ef5f9f6de66",
    area: "ExtensionManagement",
    resource: "InstalledExtensionsByName",
    template: "_apis/{area}/{resource}/{publisherName}/{extensionName}/{version}",
    version: 1,
    oldest: "3.1",
    released: false,
    methods: &[
        Op::read("GET", "extension {extensionName}", get),
        Op::write("POST", "extension {extensionName}", install),
        Op::write("DELETE", "extension {extensionName}", uninstall),
    ],
}];

/// The AWS Toolkit's full name.
const TOOLKIT: &str = "amazonwebservices.aws-vsts-tools";

/// The version the marketplace offers.
const TOOLKIT_NEWEST: &str = "1.24.0";

/// An installed extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// `AmazonWebServices`.
    pub publisher: String,
    /// `aws-vsts-tools`.
    pub name: String,
    /// `1.24.0`.
    pub version: String,
}

/// A version of the AWS Toolkit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToolkitVersion(u32, u32, u32);

impl ToolkitVersion {
    /// Reads `1.24.0`; what is no number counts as 0.
    pub fn parse(text: &str) -> Self {
        let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        Self(next(), next(), next())
    }

    /// OIDC came with 1.15.0.
    pub fn knows_oidc(self) -> bool {
        self >= Self(1, 15, 0)
    }

    /// Asking for the ID token is tried again since 1.20.0.
    pub fn retries_token(self) -> bool {
        self >= Self(1, 20, 0)
    }
}

impl std::fmt::Display for ToolkitVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The installed version of the AWS Toolkit; none also where it is disabled: what it contributes is gone then.
pub fn toolkit(ground: &Ground) -> Option<ToolkitVersion> {
    if ground.world.organization.toolkit_disabled {
        return None;
    }
    let extension: Extension = ground.store.get("extension", TOOLKIT)?;
    Some(ToolkitVersion::parse(&extension.version))
}

/// Installs an extension into the store.
pub(super) fn put(ground: &Ground, publisher: &str, name: &str, version: &str) -> Extension {
    let extension =
        Extension { publisher: publisher.to_owned(), name: name.to_owned(), version: version.to_owned() };
    ground.store.put("extension", &format!("{publisher}.{name}").to_ascii_lowercase(), &extension);
    extension
}

pub(super) fn full_name(route: &BTreeMap<String, String>) -> String {
    let part = |name: &str| route.get(name).map(String::as_str).unwrap_or_default();
    format!("{}.{}", part("publishername"), part("extensionname"))
}

fn not_installed(name: &str) -> Failure {
    Failure::new(
        404,
        "Microsoft.VisualStudio.Services.ExtensionManagement.WebApi",
        "InstalledExtensionNotFoundException",
        format!("TF1590010: The following extension was not found or is not installed: {name}"),
    )
}

fn answer(call: &Call, extension: &Extension) -> Reply {
    let disabled = call.ground.world.organization.toolkit_disabled && extension.name == "aws-vsts-tools";
    Reply::json(json!({
        "installState": {"flags": if disabled { "disabled" } else { "none" }, "lastUpdated": call.now()},
        "registrationId": stable_id(&call.ground, &format!("registration {}", extension.name)),
        "manifestVersion": 1,
        "extensionId": extension.name,
        "extensionName": if extension.name == "aws-vsts-tools" { "AWS Toolkit for Azure DevOps" } else { &extension.name },
        "publisherId": extension.publisher,
        "publisherName": if extension.publisher == "AmazonWebServices" { "Amazon Web Services" } else { &extension.publisher },
        "version": extension.version,
        "scopes": ["vso.build", "vso.build_execute", "vso.release"],
        "contributions": [],
        "files": [],
    }))
}

fn get(call: &Call) -> Result<Reply, Failure> {
    let name = full_name(&call.route);
    let extension: Option<Extension> = call.ground.store.get("extension", &name.to_ascii_lowercase());
    extension.map(|extension| answer(call, &extension)).ok_or_else(|| not_installed(&name))
}

fn refuse(call: &Call) -> Result<(), Failure> {
    if !call.denied("install-extension") {
        return Ok(());
    }
    Err(Failure::new(
        403,
        "Microsoft.VisualStudio.Services.Security",
        "AccessCheckException",
        format!(
            "Access Denied: {} needs the following permission(s) to perform this action: Manage extensions",
            identities::operator(&call.ground).name
        ),
    ))
}

fn install(call: &Call) -> Result<Reply, Failure> {
    refuse(call)?;
    let name = full_name(&call.route);
    if name.to_ascii_lowercase() != TOOLKIT {
        return Err(Failure::new(
            404,
            "Microsoft.VisualStudio.Services.Gallery.WebApi",
            "ExtensionDoesNotExistException",
            format!("Extension '{name}' does not exist."),
        ));
    }
    if call.ground.store.get::<Extension>("extension", TOOLKIT).is_some() {
        return Err(Failure::new(
            409,
            "Microsoft.VisualStudio.Services.ExtensionManagement.WebApi",
            "ExtensionAlreadyInstalledException",
            format!("TF1590010: The extension '{name}' is already installed in this organization."),
        ));
    }
    let version = call.route("version").unwrap_or(TOOLKIT_NEWEST);
    Ok(answer(call, &put(&call.ground, "AmazonWebServices", "aws-vsts-tools", version)))
}

fn uninstall(call: &Call) -> Result<Reply, Failure> {
    refuse(call)?;
    let name = full_name(&call.route);
    if !call.ground.store.remove("extension", &name.to_ascii_lowercase()) {
        return Err(not_installed(&name));
    }
    Ok(Reply::nothing())
}
