//! Signatures: the prose of logs as data, out of `assets/diagnosis.toml`. Nothing else in keyless matches prose.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex, RegexSet};
use serde::Deserialize;

use crate::domain::failure::Evidence;
use crate::domain::finding::FindingCode;

/// The longest value that is taken out of a line, in characters.
const VALUE: usize = 300;

/// Stands for what must not be shown.
const HIDDEN: &str = "***";

/// Where a signature applies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In any line.
    #[default]
    Anywhere,
    /// In the text after "Failed to assume role with OIDC:".
    Cause,
    /// In a task that configured credentials and never asked for a token.
    NotAsked,
    /// After the role was assumed.
    AfterAssumed,
}

/// What a task says on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Marker {
    /// A task, or one more attempt of it, begins.
    Attempt,
    /// It asks for a token.
    Asked,
    /// It got one, with these claims.
    Token,
    /// The real cause, which the task swallows.
    Failure,
    /// It became the role.
    Assumed,
    /// The role it is to become.
    Role,
    /// A subject in a trust policy.
    TrustedSubject,
    /// An audience in a trust policy.
    TrustedAudience,
    /// A line marked as an error.
    Error,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    marker: Vec<MarkerEntry>,
    hide: Hide,
    signature: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarkerEntry {
    name: Marker,
    pattern: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hide {
    patterns: Vec<String>,
    #[serde(default)]
    keep: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    code: String,
    pattern: String,
    #[serde(default)]
    place: Place,
    minutes: Option<(i64, i64)>,
    source: String,
}

/// One signature.
#[derive(Debug)]
pub struct Signature {
    /// What it stands for.
    pub code: FindingCode,
    /// Where it applies.
    pub place: Place,
    /// Only so many minutes after the role was assumed, from and to.
    pub minutes: Option<(i64, i64)>,
    /// Where its wording is known from.
    pub source: String,
    pattern: Regex,
}

/// Every marker and signature of a table.
#[derive(Debug)]
pub struct Signatures {
    markers: Vec<(Marker, Regex)>,
    signatures: Vec<Signature>,
    hidden: Vec<Regex>,
    /// Where nothing that is to be hidden begins.
    kept: Vec<Regex>,
    /// All patterns at once, markers first: most lines match none.
    set: RegexSet,
}

/// Those of `assets/diagnosis.toml`. A test reads the file; an unreadable one would know nothing.
static KNOWN: LazyLock<Signatures> =
    LazyLock::new(|| Signatures::read(include_str!("../../../assets/diagnosis.toml")).unwrap_or_default());

/// The signatures that come with keyless.
pub fn known() -> &'static Signatures {
    &KNOWN
}

impl Default for Signatures {
    fn default() -> Self {
        Self {
            markers: Vec::new(),
            signatures: Vec::new(),
            hidden: Vec::new(),
            kept: Vec::new(),
            set: RegexSet::empty(),
        }
    }
}

/// Which patterns a line matches.
pub struct Hits<'a> {
    /// What the task says with it.
    pub markers: Vec<(Marker, &'a Regex)>,
    /// What it may mean, in the table's order.
    pub signatures: Vec<&'a Signature>,
}

impl Signatures {
    /// Reads a table.
    ///
    /// # Errors
    /// It is no TOML, a pattern is none, or a code is unknown; in words.
    pub fn read(text: &str) -> Result<Self, String> {
        let table: Table = toml::from_str(text).map_err(|error| error.to_string())?;
        let regex = |pattern: &str| Regex::new(pattern).map_err(|error| error.to_string());
        let patterns: Vec<&str> = table
            .marker
            .iter()
            .map(|marker| marker.pattern.as_str())
            .chain(table.signature.iter().map(|entry| entry.pattern.as_str()))
            .collect();
        let set = RegexSet::new(&patterns).map_err(|error| error.to_string())?;
        let signature = |entry: &Entry| {
            let code = FindingCode::named(&entry.code).ok_or_else(|| format!("{} is no code", entry.code))?;
            Ok::<_, String>(Signature {
                code,
                place: entry.place,
                minutes: entry.minutes,
                source: entry.source.clone(),
                pattern: regex(&entry.pattern)?,
            })
        };
        Ok(Self {
            markers: table
                .marker
                .iter()
                .map(|marker| Ok((marker.name, regex(&marker.pattern)?)))
                .collect::<Result<_, String>>()?,
            signatures: table.signature.iter().map(signature).collect::<Result<_, _>>()?,
            hidden: table.hide.patterns.iter().map(|pattern| regex(pattern)).collect::<Result<_, _>>()?,
            kept: table.hide.keep.iter().map(|pattern| regex(pattern)).collect::<Result<_, _>>()?,
            set,
        })
    }

    /// Every signature, in the table's order.
    pub fn all(&self) -> &[Signature] {
        &self.signatures
    }

    /// What a line matches.
    pub fn hits(&self, line: &str) -> Hits<'_> {
        let mut hits = Hits { markers: Vec::new(), signatures: Vec::new() };
        for index in self.set.matches(line) {
            match index.checked_sub(self.markers.len()) {
                Some(signature) => hits.signatures.push(&self.signatures[signature]),
                None => hits.markers.push((self.markers[index].0, &self.markers[index].1)),
            }
        }
        hits
    }

    /// A value as it may be shown, without the blanks around it.
    pub fn shown(&self, value: &str) -> String {
        self.cleaned(value.trim())
    }

    /// A value as it may be shown: on one line, without control characters, tokens and keys, and not endless. Blanks around
    /// it stay: they may be what is wrong with it.
    pub fn cleaned(&self, value: &str) -> String {
        let plain = |c: char| match c {
            _ if !c.is_control() => c,
            _ if c.is_whitespace() => ' ',
            _ => char::REPLACEMENT_CHARACTER,
        };
        let mut text = match value.contains(char::is_control) {
            true => Cow::Owned(value.chars().map(plain).collect()),
            false => Cow::Borrowed(value),
        };
        for hidden in &self.hidden {
            let hide = |found: &Captures<'_>| match found.get(0) {
                Some(whole) if self.keeps(&text, whole.start()) => whole.as_str().to_owned(),
                _ => HIDDEN.to_owned(),
            };
            if let Cow::Owned(replaced) = hidden.replace_all(&text, hide) {
                text = Cow::Owned(replaced);
            }
        }
        match text.char_indices().nth(VALUE) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.into_owned(),
        }
    }

    /// Whether what begins there is an error code and no secret.
    fn keeps(&self, text: &str, start: usize) -> bool {
        self.kept.iter().any(|kept| kept.find_iter(text).any(|found| found.range().contains(&start)))
    }

    /// What a signature takes out of a line, as evidence.
    pub fn captured(&self, signature: &Signature, line: &str) -> Vec<Evidence> {
        let Some(captures) = signature.pattern.captures(line) else { return Vec::new() };
        let names = signature.pattern.capture_names().flatten();
        names
            .filter_map(|name| {
                let value = self.shown(captures.name(name)?.as_str());
                (!value.is_empty()).then(|| Evidence { label: name.replace('_', " "), value })
            })
            .collect()
    }

    /// What the reason of a task's own record means: the text after the swallowed failure, or its last error where the
    /// task swallowed nothing. None: no signature knows it.
    pub fn of_reason(&self, reason: &str) -> Option<(FindingCode, Vec<Evidence>)> {
        let applies = |signature: &&Signature| {
            signature.place != Place::AfterAssumed && signature.code != FindingCode::SecondaryError
        };
        let found = self.hits(reason).signatures.into_iter().find(applies)?;
        Some((found.code, self.captured(found, reason)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_says_where_its_words_are_from() {
        let known = Signatures::read(include_str!("../../../assets/diagnosis.toml")).unwrap();
        assert!(known.all().len() > 40 && known.markers.len() == 9);
        assert!(known.all().iter().all(|signature| !signature.source.is_empty()));
    }

    #[test]
    fn a_table_with_an_unknown_code_or_pattern_is_refused() {
        let base = "hide = { patterns = [] }\nmarker = []\n";
        let entry = |code: &str, pattern: &str| {
            format!("{base}[[signature]]\ncode = '{code}'\npattern = '{pattern}'\nsource = 'x'\n")
        };
        assert!(Signatures::read(&entry("TRUST-REFUSED", "x")).is_ok());
        assert!(Signatures::read(&entry("NOTHING", "x")).unwrap_err().contains("NOTHING"));
        assert!(Signatures::read(&entry("TRUST-REFUSED", "(")).is_err());
    }

    #[test]
    fn control_characters_are_not_shown_and_blanks_only_where_they_matter() {
        assert_eq!(known().shown(" a\tb\u{1b}[2J\r\n"), "a b\u{fffd}[2J");
        assert_eq!(known().cleaned("sc://contoso/payments/AWS-Dev "), "sc://contoso/payments/AWS-Dev ");
        assert_eq!(known().cleaned("sc://a/b/AKIAIOSFODNN7EXAMPLE\u{7}"), "sc://a/b/***\u{fffd}");
    }

    #[test]
    fn keys_and_tokens_are_not_shown() {
        let shown = known().shown("a eyJhbGciOiJSUzI1NiJ9.eyJpc3Mi.c2ln b AKIAIOSFODNN7EXAMPLE c");
        assert_eq!(shown, "a *** b *** c");
        let code = "InvalidIdentityToken: Incorrect token audience";
        assert_eq!(known().shown(code), code);
        let shown =
            known().shown("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG SYSTEM_ACCESSTOKEN: \"abcdefghijk\"");
        assert!(!shown.contains("wJalr") && !shown.contains("abcdefg"), "{shown}");
        assert_eq!(known().shown(&"ä".repeat(1000)).chars().count(), VALUE + 1);
    }

    #[test]
    fn the_reason_of_a_record_is_named() {
        let code = |reason: &str| known().of_reason(reason).map(|(code, _)| code);
        assert_eq!(
            code("AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"),
            Some(FindingCode::TrustRefused)
        );
        assert_eq!(
            code("the task used other credentials: it never asked for an OIDC token"),
            Some(FindingCode::TokenNotAsked)
        );
        assert_eq!(code("Error: The process '/usr/local/bin/aws' failed with exit code 255"), None);
        let (code, evidence) = known()
            .of_reason(
                "InvalidIdentityToken: No OpenIDConnect provider found in your account for https://x/y",
            )
            .unwrap();
        assert_eq!((code, evidence[0].value.as_str()), (FindingCode::ProviderMissing, "https://x/y"));
    }
}
