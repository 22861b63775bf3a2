//! Variables of pipelines that stand outside their YAML: those of a pipeline's definition, and groups of them in the library.

use std::collections::BTreeMap;

/// A variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    /// Its value; none: Azure DevOps does not tell it (a secret never).
    pub value: Option<String>,
    /// Whether it is a secret.
    pub secret: bool,
}

/// A variable group of a project's library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableGroup {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
    /// The name of the Azure Key Vault that its variables come from; none: it holds them itself.
    pub vault: Option<String>,
    /// Its variables by name.
    pub variables: BTreeMap<String, Variable>,
}

impl VariableGroup {
    /// Names of variables that everybody can read and that look like secrets, by their value or by what they are called.
    pub fn readable_secrets(&self) -> Vec<&str> {
        let readable = |variable: &Variable| {
            variable.value.as_deref().filter(|value| !variable.secret && !value.is_empty()).map(str::to_owned)
        };
        let all = self.variables.iter().filter(|_| self.vault.is_none());
        let found = all.filter(|(name, variable)| {
            // A reference to a secret is none.
            let refers = |value: &str| value.starts_with("arn:") || value.starts_with("$(");
            readable(variable)
                .is_some_and(|value| looks_secret(&value) || (is_called_secret(name) && !refers(&value)))
        });
        found.map(|(name, _)| name.as_str()).collect()
    }
}

/// Ends of the names that secrets have, in small letters and without `_`, `-` and `.`.
const CALLED: [&str; 7] =
    ["password", "passwd", "secret", "secretaccesskey", "privatekey", "apikey", "accesstoken"];

fn is_called_secret(name: &str) -> bool {
    let bare: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    CALLED.iter().any(|called| bare.ends_with(called))
}

/// Whether a text has the form of an AWS access key, its secret, or a private key.
pub fn looks_secret(text: &str) -> bool {
    let access_key = |word: &str| {
        word.len() == 20
            && (word.starts_with("AKIA") || word.starts_with("ASIA"))
            && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let secret = |word: &str| {
        word.len() == 40
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/+=".contains(&byte))
            && word.bytes().any(|byte| byte.is_ascii_uppercase())
            && word.bytes().any(|byte| byte.is_ascii_lowercase())
            && word.bytes().any(|byte| byte.is_ascii_digit())
    };
    text.contains("-----BEGIN") || text.split_whitespace().any(|word| access_key(word) || secret(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_reads_and_looks_like_a_secret_is_named() {
        let plain = |value: &str| Variable { value: Some(value.to_owned()), secret: false };
        let variables = BTreeMap::from([
            ("API_URL".to_owned(), plain("https://api.example.com")),
            ("DB_PASSWORD".to_owned(), plain("hunter2")),
            ("DB_SECRET".to_owned(), plain("arn:aws:secretsmanager:eu-west-1:111122223333:secret:db")),
            ("EMPTY_SECRET".to_owned(), plain("")),
            ("HIDDEN_PASSWORD".to_owned(), Variable { value: None, secret: true }),
            ("KEY".to_owned(), plain("AKIAIOSFODNN7EXAMPLE")),
        ]);
        let group = |vault: Option<&str>| VariableGroup {
            id: 1,
            name: "g".to_owned(),
            description: String::new(),
            vault: vault.map(str::to_owned),
            variables: variables.clone(),
        };
        assert_eq!(group(None).readable_secrets(), ["DB_PASSWORD", "KEY"]);
        assert_eq!(group(Some("v")).readable_secrets(), Vec::<&str>::new());
    }
}
