//! What the keyring holds of a sign-in, and how it is written there: no copy of a secret is left in memory.

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};

use crate::cloud::signin::entra::Client;

/// A sign-in as the keyring holds it.
#[derive(Debug)]
pub enum Entry {
    /// What gets the next token of Entra.
    Entra {
        /// Which Entra gave it.
        issuer: String,
        /// As whom it was given.
        client: Client,
        /// The refresh token.
        refresh: SecretString,
    },
    /// That the Azure CLI is asked.
    AzureCli {
        /// For which tenant.
        tenant: String,
    },
    /// A personal access token, or whatever was typed.
    Token {
        /// The token.
        token: SecretString,
    },
}

const ENTRA: &str = "entra";
const AZURE_CLI: &str = "azure-cli";
const TOKEN: &str = "token";

/// The members of an entry.
#[derive(Deserialize)]
struct Read {
    kind: String,
    issuer: Option<String>,
    tenant: Option<String>,
    client: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    refresh: Option<SecretString>,
    #[serde(default, deserialize_with = "secret")]
    token: Option<SecretString>,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Option::<String>::deserialize(from).map(|text| text.map(SecretString::from))
}

/// The same while it is written: secrets are borrowed.
#[derive(Default, Serialize)]
struct Written<'a> {
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

impl Written<'_> {
    /// Bytes that are enough for its text: nothing in JSON takes more than six for one.
    fn room(&self) -> usize {
        let members = [Some(self.kind), self.issuer, self.tenant, self.client, self.refresh, self.token];
        members.into_iter().flatten().map(|text| text.len() * 6 + 32).sum()
    }
}

impl Entry {
    /// The entry of a text; none: it is not one of keyless.
    pub fn read(text: &SecretString) -> Option<Self> {
        let Read { kind, issuer, tenant, client, refresh, token } =
            serde_json::from_str(text.expose_secret()).ok()?;
        Some(match kind.as_str() {
            ENTRA => Self::Entra {
                issuer: issuer?,
                client: Client { tenant: tenant?, id: client? },
                refresh: refresh?,
            },
            AZURE_CLI => Self::AzureCli { tenant: tenant? },
            TOKEN => Self::Token { token: token? },
            _ => return None,
        })
    }

    /// Its text. The buffer it is made in never grows, so that it leaves nothing behind, and is wiped.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn text(&self) -> Result<SecretString, serde_json::Error> {
        let written = match self {
            Self::Entra { issuer, client, refresh } => Written {
                kind: ENTRA,
                issuer: Some(issuer),
                tenant: Some(&client.tenant),
                client: Some(&client.id),
                refresh: Some(refresh.expose_secret()),
                ..Written::default()
            },
            Self::AzureCli { tenant } => {
                Written { kind: AZURE_CLI, tenant: Some(tenant), ..Written::default() }
            }
            Self::Token { token } => {
                Written { kind: TOKEN, token: Some(token.expose_secret()), ..Written::default() }
            }
        };
        let mut buffer = Zeroizing::new(Vec::with_capacity(written.room()));
        serde_json::to_writer(&mut *buffer, &written)?;
        let text = std::str::from_utf8(&buffer).map_err(serde::ser::Error::custom)?;
        Ok(SecretString::from(text))
    }

    /// Whether it is a sign-in of this Entra, as this client, that goes on with this refresh token.
    pub fn goes_on_with(&self, issuer: &str, client: &Client, refresh: &SecretString) -> bool {
        match self {
            Self::Entra { issuer: own, client: as_client, refresh: kept } => {
                own == issuer && as_client == client && kept.expose_secret() == refresh.expose_secret()
            }
            Self::AzureCli { .. } | Self::Token { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    fn entra(refresh: &str) -> Entry {
        Entry::Entra {
            issuer: "https://login.example/".to_owned(),
            client: Client::default(),
            refresh: refresh.to_owned().into(),
        }
    }

    #[test]
    fn entries_are_read_as_they_were_written() {
        let token = Entry::Token { token: "hush \"\u{1}\u{1}\u{1}\"".to_owned().into() };
        let azure_cli = Entry::AzureCli { tenant: "contoso.com".to_owned() };
        for (entry, kind) in [(entra("hush"), "entra"), (azure_cli, "azure-cli"), (token, "token")] {
            let text = entry.text().unwrap();
            let json: serde_json::Value = serde_json::from_str(text.expose_secret()).unwrap();
            assert_eq!(json["kind"], kind);
            let again = Entry::read(&text).unwrap().text().unwrap();
            assert_eq!(again.expose_secret(), text.expose_secret());
            assert!(!format!("{entry:?}").contains("hush"), "{entry:?}");
        }
    }

    #[test]
    fn what_is_no_entry_is_told() {
        for text in ["", "{}", r#"{"kind":"entra"}"#, r#"{"kind":"other","token":"x"}"#, r#"{"token":"x"}"#] {
            assert!(Entry::read(&text.into()).is_none(), "{text}");
        }
    }

    #[test]
    fn only_the_same_sign_in_goes_on() {
        let (issuer, client) = ("https://login.example/", Client::default());
        let refresh = |text: &str| SecretString::from(text);
        assert!(entra("one").goes_on_with(issuer, &client, &refresh("one")));
        assert!(!entra("two").goes_on_with(issuer, &client, &refresh("one")));
        assert!(!entra("one").goes_on_with("https://other.example/", &client, &refresh("one")));
        let guest = Client { tenant: "contoso.com".to_owned(), ..Client::default() };
        assert!(!entra("one").goes_on_with(issuer, &guest, &refresh("one")));
        let typed = Entry::Token { token: refresh("one") };
        assert!(!typed.goes_on_with(issuer, &client, &refresh("one")));
    }
}
