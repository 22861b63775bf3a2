//! What the deployment tool must know: keys of `[pipeline]`, and the key `deploy` of an environment.

use toml_edit::TableLike;

use super::keys::{self, Held, Key};
use super::reader::{Place, Reader, Wrong, key_span};
use crate::domain::deploy::Value;
use crate::domain::federation::{Deploys, Options, Tool};

const fn of(name: &'static str, example: &'static str) -> Key {
    Key { name, about: "", example }
}

const STACKS: Key = of("stacks", "[\"Payments\"]");
const STATE_BUCKET: Key = of("state-bucket", "\"contoso-terraform-state\"");
const STATE_KEY: Key = of("state-key", "\"payments/dev.tfstate\"");
const STATE_REGION: Key = of("state-region", "\"eu-west-1\"");
const LOCK_TABLE: Key = of("lock-table", "\"terraform-locks\"");
const VAR_FILE: Key = of("var-file", "\"dev.tfvars\"");
const APP_ID: Key = of("app-id", "\"d1a2b3c4d5e6f7\"");
const APP_BRANCH: Key = of("app-branch", "\"main\"");
const FRONTEND: Key = of("frontend", "true");
const STACK: Key = of("stack", "\"payments-dev\"");
const EXECUTION_ROLE: Key =
    of("execution-role", "\"arn:aws:iam::111122223333:role/CloudFormationExecutionRole\"");
const PARAMETERS: Key = of("parameters", "\"parameters/dev.json\"");
const BUCKET: Key = of("bucket", "\"contoso-templates\"");
const PER_BRANCH: Key = of("per-branch", "true");
const PLAN_CONNECTION: Key = of("plan-connection", "\"AWS-Dev-Plan\"");
const PLAN_ROLE: Key = of("plan-role", "\"arn:aws:iam::111122223333:role/AzureDevOpsDevPlanRole\"");
const PLAN_SUBJECT: Key = of("plan-subject", "\"sc://contoso/payments/AWS-Dev-Plan\"");
const PLAN_MANAGED_POLICIES: Key =
    of("plan-managed-policies", "[\"arn:aws:iam::aws:policy/job-function/ViewOnlyAccess\"]");
const SESSION_MINUTES: Key = of("session-minutes", "60");

const ALL: [Key; 19] = [
    STACKS,
    STATE_BUCKET,
    STATE_KEY,
    STATE_REGION,
    LOCK_TABLE,
    VAR_FILE,
    APP_ID,
    APP_BRANCH,
    FRONTEND,
    STACK,
    EXECUTION_ROLE,
    PARAMETERS,
    BUCKET,
    PER_BRANCH,
    PLAN_CONNECTION,
    PLAN_ROLE,
    PLAN_SUBJECT,
    PLAN_MANAGED_POLICIES,
    SESSION_MINUTES,
];

/// Whether a key means something to a tool, by the tools it means something to; none: to all.
pub(super) fn means_something(tools: Option<&'static [Tool]>, tool: Tool) -> bool {
    tools.is_none_or(|tools| tools.contains(&tool))
}

/// Refuses a key that means nothing to the tool.
fn refuse(
    reader: &mut Reader<'_>,
    table: &dyn TableLike,
    place: &Place,
    (key, tools): (Key, Option<&'static [Tool]>),
    tool: Option<Tool>,
) {
    let (Some(tools), Some(tool)) = (tools, tool) else { return };
    if !table.contains_key(key.name) || tools.contains(&tool) {
        return;
    }
    let span = key_span(table, key.name).unwrap_or_else(|| place.span.clone());
    let message = format!("`{}` says nothing with `tool = \"{tool}\"`", key.name);
    let names: Vec<&str> = tools.iter().map(|tool| tool.as_str()).collect();
    let wrong = Wrong::new(message, format!("remove it; it is for {}", names.join(", ")));
    reader.wrong(&span, place.key(key.name), wrong);
}

/// What the tool must know, of `[pipeline]`.
pub(super) fn options(
    reader: &mut Reader<'_>,
    table: &dyn TableLike,
    place: &Place,
    tool: Option<Tool>,
) -> Options {
    for key in keys::DEPLOYMENT {
        refuse(reader, table, place, (key, Options::tools(key.name)), tool);
    }
    let mut value = |key: Key| -> Option<Value> { reader.name(table, place, key) };
    Options {
        dir: value(keys::DIR),
        version: value(keys::TOOL_VERSION),
        output: value(keys::OUTPUT),
        template: value(keys::TEMPLATE),
        build: value(keys::BUILD),
        preview: value(keys::PREVIEW),
        deploy: value(keys::SCRIPT),
        image: value(keys::IMAGE),
        manual_validation: value(keys::MANUAL_VALIDATION),
    }
}

/// What the tool must know about one environment.
pub(super) fn deploys(
    reader: &mut Reader<'_>,
    table: &dyn TableLike,
    place: &Place,
    tool: Option<Tool>,
) -> Deploys {
    let key = keys::DEPLOY;
    let Some(item) = table.get(key.name) else { return Deploys::default() };
    let Some(table) = item.as_table_like() else {
        reader.wrong_type(item, place, key, "a table");
        return Deploys::default();
    };
    let span = item.span().unwrap_or_else(|| place.span.clone());
    let place = Place { path: place.key(key.name), span };
    reader.unknown(table, &place, ALL.map(|key| key.name));
    for key in ALL {
        refuse(reader, table, &place, (key, Deploys::tools(key.name)), tool);
    }
    let plan_connection = reader.name(table, &place, PLAN_CONNECTION);
    for key in [PLAN_ROLE, PLAN_SUBJECT, PLAN_MANAGED_POLICIES] {
        if plan_connection.is_none() && table.contains_key(key.name) {
            let wrong = Wrong::new(
                format!("`{}` says nothing without `plan-connection`", key.name),
                format!("add `{} = {}`, with your own value", PLAN_CONNECTION.name, PLAN_CONNECTION.example),
            );
            reader.wrong(&place.span, place.key(key.name), wrong);
        }
    }
    Deploys {
        stacks: stacks(reader, table, &place),
        state_bucket: reader.name(table, &place, STATE_BUCKET),
        state_key: reader.name(table, &place, STATE_KEY),
        state_region: reader.name(table, &place, STATE_REGION),
        lock_table: reader.name(table, &place, LOCK_TABLE),
        var_file: reader.name(table, &place, VAR_FILE),
        app_id: reader.name(table, &place, APP_ID),
        app_branch: reader.name(table, &place, APP_BRANCH),
        frontend: reader.flag(table, &place, FRONTEND),
        stack: reader.name(table, &place, STACK),
        execution_role: reader.name(table, &place, EXECUTION_ROLE),
        parameters: reader.name(table, &place, PARAMETERS),
        bucket: reader.name(table, &place, BUCKET),
        per_branch: reader.flag(table, &place, PER_BRANCH).unwrap_or(false),
        plan_connection,
        plan_role: reader.name(table, &place, PLAN_ROLE),
        plan_subject: reader.text(table, &place, PLAN_SUBJECT).map(|(subject, _)| subject.to_owned()),
        plan_managed_policies: policies(reader, table, &place),
        session_minutes: session_minutes(reader, table, &place),
    }
}

fn policies(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> Vec<String> {
    let found = reader.list(table, place, PLAN_MANAGED_POLICIES).unwrap_or_default();
    found.into_iter().map(|(arn, _)| arn).collect()
}

fn stacks(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> Vec<Value> {
    let mut found = Vec::new();
    for (text, span) in reader.list(table, place, STACKS).unwrap_or_default() {
        match text.parse() {
            Ok(stack) => found.push(stack),
            Err(refused) => reader.refused(&span, place, STACKS, &refused),
        }
    }
    found
}

fn session_minutes(reader: &mut Reader<'_>, table: &dyn TableLike, place: &Place) -> Option<u16> {
    let key = SESSION_MINUTES;
    let item = table.get(key.name)?;
    let Some(number) = item.as_integer() else {
        reader.wrong_type(item, place, key, "a whole number");
        return None;
    };
    let found = u16::try_from(number).ok().filter(|minutes| (15..=720).contains(minutes));
    if found.is_none() {
        let span = item.span().unwrap_or_else(|| place.span.clone());
        let fix = format!("write it as `{} = {}`", key.name, key.example);
        let wrong = Wrong::new(format!("{number} is outside 15 to 720"), fix);
        reader.wrong(&span, place.key(key.name), wrong.accepted("a whole number from 15 to 720"));
    }
    found
}

/// The table `deploy`: only what was decided.
pub(super) fn held(deploys: &Deploys) -> Held {
    let mut pairs = Vec::new();
    let mut add = |key: Key, held: Option<Held>| pairs.extend(held.map(|held| (key.name.to_owned(), held)));
    fn text<T: ToString>(held: Option<&T>) -> Option<Held> {
        held.map(|held| Held::Text(held.to_string()))
    }
    let stacks: Vec<String> = deploys.stacks.iter().map(ToString::to_string).collect();
    add(STACKS, (!stacks.is_empty()).then_some(Held::List(stacks)));
    add(STATE_BUCKET, text(deploys.state_bucket.as_ref()));
    add(STATE_KEY, text(deploys.state_key.as_ref()));
    add(STATE_REGION, text(deploys.state_region.as_ref()));
    add(LOCK_TABLE, text(deploys.lock_table.as_ref()));
    add(VAR_FILE, text(deploys.var_file.as_ref()));
    add(APP_ID, text(deploys.app_id.as_ref()));
    add(APP_BRANCH, text(deploys.app_branch.as_ref()));
    add(FRONTEND, deploys.frontend.map(Held::Flag));
    add(STACK, text(deploys.stack.as_ref()));
    add(EXECUTION_ROLE, text(deploys.execution_role.as_ref()));
    add(PARAMETERS, text(deploys.parameters.as_ref()));
    add(BUCKET, text(deploys.bucket.as_ref()));
    add(PER_BRANCH, deploys.per_branch.then_some(Held::Flag(true)));
    add(PLAN_CONNECTION, text(deploys.plan_connection.as_ref()));
    add(PLAN_ROLE, text(deploys.plan_role.as_ref()));
    add(PLAN_SUBJECT, text(deploys.plan_subject.as_ref()));
    let policies = &deploys.plan_managed_policies;
    add(PLAN_MANAGED_POLICIES, (!policies.is_empty()).then(|| Held::List(policies.clone())));
    add(SESSION_MINUTES, deploys.session_minutes.map(|minutes| Held::Number(minutes.into())));
    Held::Table(pairs)
}
