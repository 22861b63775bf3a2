//! Types of service connections: `Generic` is always there, `AWS` comes with the AWS Toolkit extension.

use serde_json::{Value, json};

use super::{Op, Place, extensions};
use crate::sandbox::Ground;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "5a7938a4-655e-486c-b562-b78c54a7e87b",
    area: "serviceendpoint",
    resource: "types",
    template: "_apis/{area}/{resource}",
    version: 1,
    oldest: "4.1",
    released: true,
    methods: &[Op::read("GET", "connection-types", list)],
}];

/// Inputs of the AWS type: id, name, confidential, mode.
const AWS_INPUTS: [(&str, &str, bool, &str); 7] = [
    ("username", "Access Key ID", false, "textBox"),
    ("password", "Secret Access Key", true, "passwordBox"),
    ("sessionToken", "Session Token", true, "passwordBox"),
    ("assumeRoleArn", "Role to Assume", false, "textBox"),
    ("roleSessionName", "Role Session Name", false, "textBox"),
    ("externalId", "External ID", false, "textBox"),
    ("useOIDC", "Use OIDC", false, "checkBox"),
];

/// Whether a connection of this type and scheme can be made.
pub fn exists(ground: &Ground, kind: &str, scheme: &str) -> bool {
    types(ground).iter().any(|known| {
        let same =
            |value: &Value, text: &str| value.as_str().is_some_and(|name| name.eq_ignore_ascii_case(text));
        same(&known["name"], kind)
            && known["authenticationSchemes"]
                .as_array()
                .is_some_and(|schemes| schemes.iter().any(|known| same(&known["scheme"], scheme)))
    })
}

/// 400: the extension that brings the type is not installed.
pub fn unknown(kind: &str, scheme: &str) -> Failure {
    Failure::new(
        400,
        "Microsoft.VisualStudio.Services.ServiceEndpoints.WebApi",
        "ServiceEndpointException",
        format!("Unable to find service connection type '{kind}' using authentication scheme '{scheme}'."),
    )
}

fn types(ground: &Ground) -> Vec<Value> {
    let mut types = vec![kind(
        "Generic",
        "Generic",
        "",
        &[
            input(("username", "Username", false, "textBox")),
            input(("password", "Password/Token Key", true, "passwordBox")),
        ],
    )];
    if let Some(version) = extensions::toolkit(ground) {
        // OIDC came with 1.15.0; before it the checkbox does not exist.
        let inputs: Vec<Value> = AWS_INPUTS
            .into_iter()
            .filter(|(id, ..)| *id != "useOIDC" || version.knows_oidc())
            .map(input)
            .collect();
        types.push(kind("AWS", "AWS", "https://aws.amazon.com/", &inputs));
    }
    types
}

fn input((id, name, confidential, mode): (&str, &str, bool, &str)) -> Value {
    json!({
        "id": id,
        "name": name,
        "description": name,
        "type": null,
        "properties": null,
        "inputMode": mode,
        "isConfidential": confidential,
        "useInDefaultDescription": false,
        "groupName": null,
        "valueHint": null,
        "validation": {"dataType": "string", "isRequired": false},
    })
}

fn kind(name: &str, display: &str, url: &str, inputs: &[Value]) -> Value {
    json!({
        "authenticationSchemes": [{
            "scheme": "UsernamePassword",
            "displayName": "i18n:Basic Authentication",
            "inputDescriptors": inputs,
            "authorizationHeaders": [],
            "clientCertificates": [],
            "properties": {"isVerifiable": "False"},
        }],
        "dataSources": [],
        "dependencyData": [],
        "description": "",
        "displayName": display,
        "endpointUrl": {"displayName": "Server Url", "helpText": "", "isVisible": "false", "value": url},
        "helpMarkDown": "",
        "inputDescriptors": [],
        "name": name,
        "trustedHosts": [],
    })
}

fn list(call: &Call) -> Result<Reply, Failure> {
    let mut types = types(&call.ground);
    if let Some(wanted) = call.query("type") {
        types.retain(|known| known["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(wanted)));
    }
    if let Some(wanted) = call.query("scheme") {
        types.retain(|known| {
            known["authenticationSchemes"][0]["scheme"]
                .as_str()
                .is_some_and(|name| name.eq_ignore_ascii_case(wanted))
        });
    }
    Ok(Reply::list(types))
}
