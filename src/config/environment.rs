//! One `[[environments]]` table → `Environment`, with stand-ins for what is wrong so that the rest is still judged.

use std::collections::BTreeMap;

use toml_edit::TableLike;

use super::deploys::deploys;
use super::gates::{gates, variables};
use super::keys::{self, Key};
use super::parse::{Unsure, required, spans};
use super::permissions::permissions;
use super::problem::Span;
use super::reader::{Place, Reader, Wrong, is_line, shown};
use super::secrets::secrets;
use crate::domain::federation::{Authentication, Deployment, Environment, SignIn, defaults};
use crate::domain::names::{AccountId, BranchPattern, EnvironmentName, Region};
use crate::domain::preset::PRESETS;
use crate::domain::regions;

/// An environment as far as it could be read.
pub(super) struct Sketch {
    /// It, with stand-ins.
    pub(super) environment: Environment,
    /// Keys whose value is a stand-in.
    pub(super) unsure: Unsure,
    /// Its table.
    pub(super) place: Place,
    /// Where its values stand.
    pub(super) spans: BTreeMap<String, Span>,
}

impl Sketch {
    /// Whether a contradiction in that field may come from a stand-in.
    pub(super) fn doubts(&self, field: &str) -> bool {
        let unsure = |key: Key| self.unsure.contains(key.name);
        let homeless = unsure(keys::ACCOUNT) || unsure(keys::REGION);
        self.unsure.contains(field)
            || (homeless
                && matches!(field, "role" | "user" | "region" | "sign-in" | "boundary" | "managed-policies"))
    }
}

/// Reads one environment; `index` counts from 0. None only if a stand-in itself is refused, which tests rule out.
pub(super) fn read_environment(
    reader: &mut Reader<'_>,
    table: &dyn TableLike,
    (index, span): (usize, Span),
    pipeline: Option<&Deployment>,
) -> Option<Sketch> {
    let typed = table.get(keys::NAME.name).and_then(|item| item.as_str()).filter(|name| is_line(name));
    let path = typed.map_or_else(
        || format!("environments[{}]", index + 1),
        |name| format!("environments.{}", shown(name)),
    );
    let place = Place { path, span };
    let mut unsure = Unsure::new();
    let name: Option<EnvironmentName> = required(reader, table, &place, keys::NAME);
    reader.unknown(table, &place, keys::ENVIRONMENT.map(|key| key.name));
    if name.is_none() {
        unsure.extend([keys::NAME.name, keys::ROLE.name, keys::CONNECTION.name]);
    }
    reader.own.clone_from(&name);
    let name = name.or_else(|| format!("stand-in-{index}").parse().ok())?;
    let account: Option<AccountId> = required(reader, table, &place, keys::ACCOUNT);
    let region: Option<Region> = required(reader, table, &place, keys::REGION);
    if let Some(meant) = region.as_ref().and_then(regions::meant) {
        mistyped(reader, table, &place, meant);
    }
    unsure.extend(account.is_none().then_some(keys::ACCOUNT.name));
    unsure.extend(region.is_none().then_some(keys::REGION.name));
    // An account of its own, so that no neighbour seems to share a role or a partition with it.
    let homeless = account.is_none() || region.is_none();
    let stand_in = || format!("{:012}", 999_000_000_000_u64 + index as u64).parse().ok();
    let account = if homeless { stand_in()? } else { account? };
    let region = region.or_else(|| "eu-west-1".parse().ok())?;
    let sign_in = sign_in(reader, table, &place);
    unsure.extend(sign_in.is_none().then_some(keys::SIGN_IN.name));
    let role = named(reader, table, &place, keys::ROLE, defaults::role(&name), &mut unsure);
    let connection = named(reader, table, &place, keys::CONNECTION, defaults::connection(&name), &mut unsure);
    let session_hours = session_hours(reader, table, &place, &mut unsure);
    let authentication = authentication(reader, table, &place, &name, &mut unsure);
    let said = preset(reader, table, &place);
    let mut environment = Environment {
        reads_for: None,
        protected: reader.flag(table, &place, keys::PROTECTED).unwrap_or_else(|| defaults::protected(&name)),
        account,
        region,
        sign_in: sign_in.unwrap_or(SignIn::Environment { environment: true }),
        role: role.or_else(|| format!("stand-in-{index}").parse().ok())?,
        role_path: reader.name(table, &place, keys::ROLE_PATH).or_else(|| "/".parse().ok())?,
        tags: tags(reader, table, &place),
        connection: connection.or_else(|| format!("stand-in-{index}").parse().ok())?,
        authentication,
        subject: reader.text(table, &place, keys::SUBJECT).map(|(subject, _)| subject.to_owned()),
        branches: branches(reader, table, &place).unwrap_or_else(|| defaults::branches(&name, pipeline)),
        preset: defaults::PRESET.to_owned(),
        permissions: permissions(reader, table, &place),
        managed_policies: reader
            .list(table, &place, keys::MANAGED_POLICIES)
            .unwrap_or_default()
            .into_iter()
            .map(|(arn, _)| arn)
            .collect(),
        boundary: reader.text(table, &place, keys::BOUNDARY).map(|(arn, _)| arn.to_owned()),
        session_hours,
        gates: gates(reader, table, &place),
        variables: variables(reader, table, &place),
        secrets: secrets(reader, table, &place),
        deploy: deploys(reader, table, &place, pipeline.map(|it| it.tool)),
        name,
    };
    environment.preset = said.unwrap_or_else(|| defaults::preset(&environment, pipeline).to_owned());
    reader.own = None;
    Some(Sketch { environment, unsure, place, spans: spans(table) })
}

/// Refuses a region that AWS does not have and that is nearly one it has.
fn mistyped(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place, meant: &str) {
    let key = keys::REGION;
    let Some((text, span)) = reader.text(table, place, key) else { return };
    let message = format!("AWS has no region `{}`", shown(text));
    let wrong = Wrong::new(message, format!("write `region = \"{meant}\"` if that was meant"));
    reader.wrong(&span, place.key(key.name), wrong);
}

/// A name with a default. Wrong, or absent without a default: none, and noted as unsure.
fn named<T: std::str::FromStr<Err = crate::domain::names::Refused>>(
    reader: &mut Reader<'_>,
    table: &dyn TableLike,
    place: &Place,
    key: Key,
    default: Option<T>,
    unsure: &mut Unsure,
) -> Option<T> {
    let found = if table.contains_key(key.name) {
        // A name that is written does not depend on the environment's own.
        unsure.remove(key.name);
        reader.name(table, place, key)
    } else {
        if default.is_none() {
            reader.missing(place, key);
        }
        default
    };
    unsure.extend(found.is_none().then_some(key.name));
    found
}

fn session_hours(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place, unsure: &mut Unsure) -> u8 {
    let key = keys::SESSION_HOURS;
    let Some(item) = table.get(key.name) else { return defaults::SESSION_HOURS };
    let Some(number) = item.as_integer() else {
        reader.wrong_type(item, place, key, "a whole number");
        return defaults::SESSION_HOURS;
    };
    if let Some(hours) = u8::try_from(number).ok().filter(|hours| (1..=12).contains(hours)) {
        return hours;
    }
    unsure.insert(key.name);
    let wrong = Wrong::new(format!("{number} is outside 1 to 12"), "write it as `session-hours = 1`");
    let span = item.span().unwrap_or_else(|| place.span.clone());
    reader.wrong(&span, place.key(key.name), wrong.accepted("a whole number from 1 to 12"));
    defaults::SESSION_HOURS
}

fn branches(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> Option<Vec<BranchPattern>> {
    let listed = reader.list(table, place, keys::BRANCHES)?;
    Some(each(reader, place, keys::BRANCHES, listed))
}

/// The values of a list, but for those that are refused.
pub(super) fn each<T: std::str::FromStr<Err = crate::domain::names::Refused>>(
    reader: &mut Reader<'_>,
    place: &Place,
    key: Key,
    listed: Vec<(String, Span)>,
) -> Vec<T> {
    let mut found = Vec::new();
    for (text, span) in listed {
        match text.parse() {
            Ok(value) => found.push(value),
            Err(refused) => reader.refused(&span, place, key, &refused),
        }
    }
    found
}

/// How pipelines sign in, with what belongs to that; a key that belongs to another way is refused.
fn authentication(
    reader: &mut Reader<'_>,
    table: &dyn TableLike,
    place: &Place,
    name: &EnvironmentName,
    unsure: &mut Unsure,
) -> Authentication {
    let key = keys::AUTHENTICATION;
    let [oidc, and_role, alone] = Authentication::WORDS;
    let (word, span) = reader.text(table, place, key).unwrap_or((oidc, place.span.clone()));
    if !Authentication::WORDS.contains(&word) {
        let fix = super::problem::nearest(word, Authentication::WORDS).map_or_else(
            || format!("write it as `{} = {}`", key.name, key.example),
            |meant| format!("write `{} = \"{meant}\"` if that was meant", key.name),
        );
        let wrong = Wrong::new(format!("`{}` is no way to sign in", shown(word)), fix);
        reader.wrong(&span, place.key(key.name), wrong.accepted(Authentication::WORDS.join(", ")));
        return Authentication::Oidc;
    }
    let belongs: [(Key, &[&str]); 3] =
        [(keys::USER, &[and_role, alone]), (keys::SOURCE_IP, &[and_role]), (keys::EXTERNAL_ID, &[and_role])];
    for (key, words) in belongs {
        if table.contains_key(key.name) && !words.contains(&word) {
            let span = super::reader::key_span(table, key.name).unwrap_or_else(|| place.span.clone());
            let message = format!("`{}` says nothing with `authentication = \"{word}\"`", key.name);
            let fix = format!("remove it, or write `authentication = \"{}\"`", words[0]);
            reader.wrong(&span, place.key(key.name), Wrong::new(message, fix));
        }
    }
    if word == oidc {
        return Authentication::Oidc;
    }
    let Some(user) = named(reader, table, place, keys::USER, defaults::user(name), unsure) else {
        return Authentication::Oidc;
    };
    if word == alone {
        return Authentication::AccessKey { user };
    }
    let listed = reader.list(table, place, keys::SOURCE_IP).unwrap_or_default();
    Authentication::AccessKeyAndRole {
        user,
        source_ip: each(reader, place, keys::SOURCE_IP, listed),
        external_id: reader.name(table, place, keys::EXTERNAL_ID),
    }
}

/// The preset that is said; none: none is, or it is wrong.
fn preset(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> Option<String> {
    let key = keys::PRESET;
    let (text, span) = reader.text(table, place, key)?;
    if PRESETS.iter().any(|preset| preset.name == text) {
        return Some(text.to_owned());
    }
    let names = PRESETS.map(|preset| preset.name);
    let fix = super::problem::nearest(text, names).map_or_else(
        || format!("write it as `preset = {}`", key.example),
        |meant| format!("write `preset = \"{meant}\"` if that was meant"),
    );
    let wrong = Wrong::new(format!("there is no preset `{}`", shown(text)), fix);
    reader.wrong(&span, place.key(key.name), wrong.accepted(names.join(", ")));
    None
}

/// Tags, by the rules of IAM (IAM user guide, "Rules for tagging"). keyless adds two of its own.
fn tags(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> BTreeMap<String, String> {
    let key = keys::TAGS;
    let Some(item) = table.get(key.name) else { return BTreeMap::new() };
    let Some(listed) = item.as_table_like() else {
        reader.wrong_type(item, place, key, "a table");
        return BTreeMap::new();
    };
    let accepted = "at most 48 tags; names of 1 to 128 and values of at most 256 letters, digits, blanks or any of _ . : / = + - @; names not beginning with aws: or keyless:";
    let tag_place =
        Place { path: place.key(key.name), span: item.span().unwrap_or_else(|| place.span.clone()) };
    if listed.len() > 48 {
        let wrong = Wrong::new(format!("{} tags are too many", listed.len()), "remove some");
        reader.wrong(&tag_place.span, tag_place.path.clone(), wrong.accepted(accepted));
    }
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    // IAM takes tag names that differ in case only for the same.
    let mut lowered: BTreeMap<String, &str> = BTreeMap::new();
    for (name, value) in listed.iter() {
        let span = value.span().unwrap_or_else(|| tag_place.span.clone());
        let Some(text) = value.as_str() else {
            let of_tag = Key { name: "NAME", about: "", example: "\"value\"" };
            reader.wrong_type(value, &tag_place, of_tag, "a text");
            continue;
        };
        let plain =
            |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c));
        let lower = name.to_lowercase();
        let name_fits = (1..=128).contains(&name.chars().count()) && plain(name);
        if !name_fits || lower.starts_with("aws:") || lower.starts_with("keyless:") {
            let wrong =
                Wrong::new(format!("`{}` is no name for a tag", shown(name)), "rename or remove the tag");
            reader.wrong(&span, tag_place.key(&shown(name)), wrong.accepted(accepted));
        } else if text.chars().count() > 256 || !plain(text) {
            let wrong =
                Wrong::new(format!("`{}` is no value for a tag", shown(text)), "correct or remove the tag");
            reader.wrong(&span, tag_place.key(name), wrong.accepted(accepted));
        } else if let Some(other) = lowered.get(&lower) {
            let wrong = Wrong::new(
                format!("`{name}` and `{other}` are the same tag to IAM"),
                "remove one of the two",
            );
            reader.wrong(&span, tag_place.key(name), wrong);
        } else {
            lowered.insert(lower, name);
            found.insert(name.to_owned(), text.to_owned());
        }
    }
    found
}

const FORMS: &str =
    "exactly one of: profile · sso-session with permission-set · assume-role with from · environment = true";

fn sign_in(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> Option<SignIn> {
    let key = keys::SIGN_IN;
    let Some(item) = table.get(key.name) else {
        reader.missing(place, key);
        return None;
    };
    let Some(table) = item.as_table_like() else {
        reader.wrong_type(item, place, key, "a table");
        return None;
    };
    let span = item.span().unwrap_or_else(|| place.span.clone());
    let place = Place { path: place.key(key.name), span: span.clone() };
    reader.unknown(table, &place, keys::SIGN_IN_KEYS);
    let has = |names: &[&str]| names.iter().any(|name| table.contains_key(name));
    let forms = [
        has(&["profile"]),
        has(&["sso-session", "permission-set"]),
        has(&["assume-role", "from"]),
        has(&["environment"]),
    ];
    let of = |name: &'static str, example: &'static str| Key { name, about: "", example };
    match forms {
        [true, false, false, false] => {
            let profile = reader.line(table, &place, of("profile", "\"contoso-dev\""))?;
            Some(SignIn::Profile { profile })
        }
        [false, true, false, false] => {
            let session = of("sso-session", "\"corp\"");
            let permission_set = of("permission-set", "\"AdministratorAccess\"");
            both(reader, table, &place, [session, permission_set])?;
            let sso_session = reader.line(table, &place, session);
            let permission_set = reader.line(table, &place, permission_set);
            Some(SignIn::Sso { sso_session: sso_session?, permission_set: permission_set? })
        }
        [false, false, true, false] => {
            let role = of("assume-role", "\"arn:aws:iam::111122223333:role/OrganizationAccountAccessRole\"");
            let from = of("from", "\"dev\"");
            both(reader, table, &place, [role, from])?;
            let assume_role = reader.name(table, &place, role);
            let from = reader.name(table, &place, from);
            Some(SignIn::AssumeRole { assume_role: assume_role?, from: from? })
        }
        [false, false, false, true] => {
            let flag = of("environment", "true");
            let environment = reader.flag(table, &place, flag)?;
            if !environment {
                let wrong = Wrong::new("false says nothing", "write another form of sign-in, or true");
                let span = table.get("environment").and_then(toml_edit::Item::span).unwrap_or(span);
                reader.wrong(&span, place.key("environment"), wrong.accepted(FORMS));
                return None;
            }
            Some(SignIn::Environment { environment })
        }
        _ => {
            let none = forms.iter().all(|form| !form);
            let message = if none { "says no way to sign in" } else { "says more than one way to sign in" };
            let wrong = Wrong::new(message, format!("write it as `sign-in = {}`", reader.example(key)));
            reader.wrong(&span, place.path.clone(), wrong.accepted(FORMS));
            None
        }
    }
}

/// Refuses a form of two keys of which one is absent.
fn both(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place, keys: [Key; 2]) -> Option<()> {
    let absent = keys.into_iter().find(|key| !table.contains_key(key.name));
    let Some(absent) = absent else { return Some(()) };
    let [one, other] = keys;
    let wrong = Wrong::new(
        format!("`{}` is missing: `{}` and `{}` belong together", absent.name, one.name, other.name),
        format!("add `{} = {}`, with your own value", absent.name, reader.example(absent)),
    );
    reader.wrong(&place.span, place.path.clone(), wrong.accepted(FORMS));
    None
}
