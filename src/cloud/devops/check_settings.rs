//! Settings of checks as they stand on the wire: read by ids only, and written over what is there.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::domain::gates::check::{APPROVAL_MINUTES, Approval, CheckKind, Identity, Settings};
use crate::domain::gates::hours::{BusinessHours, Day};

/// Minutes until an evaluation that never lets a run through is given up: one day, as terraform and the web page send it.
const EVALUATION_MINUTES: u32 = 1440;
/// Minutes between two evaluations of business hours (facts/azure-devops.md, section 7).
const HOURS_RETRY: u32 = 5;

/// The id behind a member, whatever its casing.
pub(super) fn id(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}

/// Booleans among the inputs of a task check are strings.
fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true")))
}

fn list(value: &Value) -> Vec<String> {
    let parts = value.as_str().unwrap_or_default().split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// What a check is set to; none: a kind or settings keyless does not know.
pub(super) fn settings(type_id: Uuid, raw: &Value) -> Option<Settings<Identity>> {
    let definition = id(&raw["definitionRef"]["id"]);
    let inputs = &raw["inputs"];
    Some(match CheckKind::of(type_id, definition)? {
        CheckKind::Approval => Settings::Approval(approval(raw)?),
        CheckKind::ExclusiveLock => Settings::ExclusiveLock,
        CheckKind::BranchControl => Settings::BranchControl { allowed: list(&inputs["allowedBranches"]) },
        CheckKind::BusinessHours => Settings::BusinessHours(hours(inputs)?),
    })
}

fn approval(raw: &Value) -> Option<Approval<Identity>> {
    let approvers = raw["approvers"].as_array()?.iter().map(|who| {
        let known = id(&who["id"])?;
        let name = who["displayName"].as_str().map_or_else(|| known.to_string(), str::to_owned);
        Some(Identity { id: known, name })
    });
    Some(Approval {
        approvers: approvers.collect::<Option<_>>()?,
        // A default value may be left out: 0 stands for all of them.
        minimum: u8::try_from(raw["minRequiredApprovers"].as_u64().unwrap_or_default()).unwrap_or(u8::MAX),
        requester_may: !is_true(&raw["requesterCannotBeApprover"]),
        instructions: raw["instructions"].as_str().unwrap_or_default().to_owned(),
    })
}

fn hours(inputs: &Value) -> Option<BusinessHours> {
    let mut days: Vec<Day> =
        list(&inputs["businessDays"]).iter().map(|day| day.parse().ok()).collect::<Option<_>>()?;
    days.sort();
    days.dedup();
    Some(BusinessHours {
        days,
        from: inputs["startTime"].as_str()?.parse().ok()?,
        to: inputs["endTime"].as_str()?.parse().ok()?,
        time_zone: inputs["timeZone"].as_str()?.to_owned(),
    })
}

/// Whether branch control asks for protected branches, those whose protection it cannot tell included. True for every other kind.
pub(super) fn protects(type_id: Uuid, raw: &Value) -> bool {
    let inputs = &raw["inputs"];
    CheckKind::of(type_id, id(&raw["definitionRef"]["id"])) != Some(CheckKind::BranchControl)
        || is_true(&inputs["ensureProtectionOfBranch"]) && !is_true(&inputs["allowUnknownStatusBranch"])
}

/// The settings to write: `wanted` over what is there, so that members keyless does not know stay.
pub(super) fn written(wanted: &Settings<Identity>, there: Option<&Value>) -> Value {
    let mut all = there.and_then(Value::as_object).cloned().unwrap_or_default();
    match wanted {
        Settings::Approval(approval) => {
            let approvers: Vec<Value> = approval.approvers.iter().map(|who| json!({"id": who.id})).collect();
            all.entry("executionOrder").or_insert_with(|| json!("anyOrder"));
            all.entry("blockedApprovers").or_insert_with(|| json!([]));
            set(&mut all, "approvers", json!(approvers));
            set(&mut all, "minRequiredApprovers", json!(approval.minimum));
            set(&mut all, "instructions", json!(approval.instructions));
            set(&mut all, "requesterCannotBeApprover", json!(!approval.requester_may));
        }
        Settings::ExclusiveLock => {}
        Settings::BranchControl { allowed } => {
            let inputs = json!({
                "allowedBranches": allowed.join(","),
                "ensureProtectionOfBranch": "true",
                "allowUnknownStatusBranch": "false",
            });
            task(&mut all, CheckKind::BranchControl, inputs);
        }
        Settings::BusinessHours(hours) => {
            let days: Vec<&str> = hours.days.iter().map(|day| day.as_str()).collect();
            let inputs = json!({
                "businessDays": days.join(","),
                "timeZone": hours.time_zone,
                "startTime": hours.from.to_string(),
                "endTime": hours.to.to_string(),
            });
            task(&mut all, CheckKind::BusinessHours, inputs);
            all.entry("retryInterval").or_insert_with(|| json!(HOURS_RETRY));
        }
    }
    Value::Object(all)
}

fn set(all: &mut Map<String, Value>, name: &str, value: Value) {
    all.insert(name.to_owned(), value);
}

/// What a check holds whose work is done by a definition of the service.
fn task(all: &mut Map<String, Value>, kind: CheckKind, inputs: Value) {
    let (name, title) = match kind {
        CheckKind::BusinessHours => ("evaluateBusinessHours", "Business hours"),
        _ => ("evaluatebranchProtection", "Branch control"),
    };
    all.entry("displayName").or_insert_with(|| json!(title));
    let definition = json!({"id": kind.definition(), "name": name, "version": "0.0.1"});
    all.entry("definitionRef").or_insert(definition);
    let Value::Object(inputs) = inputs else { return };
    let mut kept = all.get("inputs").and_then(Value::as_object).cloned().unwrap_or_default();
    kept.extend(inputs);
    set(all, "inputs", Value::Object(kept));
}

/// The name of a check's type, as the service writes it.
pub(super) fn type_name(kind: CheckKind) -> &'static str {
    match kind {
        CheckKind::Approval => "Approval",
        CheckKind::ExclusiveLock => "ExclusiveLock",
        CheckKind::BranchControl | CheckKind::BusinessHours => "Task Check",
    }
}

/// Minutes until a check that is made anew gives up.
pub(super) fn minutes(kind: CheckKind) -> u32 {
    match kind {
        CheckKind::Approval | CheckKind::ExclusiveLock => APPROVAL_MINUTES,
        CheckKind::BranchControl | CheckKind::BusinessHours => EVALUATION_MINUTES,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    fn round(wanted: &Settings<Identity>) -> (Option<Settings<Identity>>, bool) {
        let (kind, raw) = (wanted.kind(), written(wanted, None));
        (settings(kind.type_id(), &raw), protects(kind.type_id(), &raw))
    }

    fn business_hours() -> BusinessHours {
        BusinessHours {
            days: Day::WORK.to_vec(),
            from: "08:00".parse().unwrap(),
            to: "17:30".parse().unwrap(),
            time_zone: "UTC".to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let who = Identity { id: Uuid::from_u128(7), name: Uuid::from_u128(7).to_string() };
        for wanted in [
            Settings::Approval(Approval {
                approvers: vec![who],
                minimum: 2,
                requester_may: false,
                instructions: "look".to_owned(),
            }),
            Settings::ExclusiveLock,
            Settings::BranchControl { allowed: vec!["refs/heads/main".into(), "refs/heads/r/*".into()] },
            Settings::BusinessHours(business_hours()),
        ] {
            assert_eq!(round(&wanted), (Some(wanted.clone()), true));
        }
    }

    #[test]
    fn members_that_are_not_known_stay() {
        let there = json!({"displayName": "Branches", "retryInterval": 9, "inputs": {"allowedBranches": "*", "extra": "1"},
            "definitionRef": {"id": "86B05A0C-73E6-4F7D-B3CF-E38F3B39A75B", "name": "x", "version": "0.0.2"}});
        let wanted = Settings::BranchControl { allowed: vec!["refs/heads/main".to_owned()] };
        let body = written(&wanted, Some(&there));
        assert_eq!((&body["retryInterval"], &body["displayName"]), (&json!(9), &json!("Branches")));
        assert_eq!(body["definitionRef"]["version"], "0.0.2");
        assert_eq!(
            (&body["inputs"]["extra"], &body["inputs"]["ensureProtectionOfBranch"]),
            (&json!("1"), &json!("true"))
        );
        assert_eq!(
            settings(CheckKind::BranchControl.type_id(), &there),
            Some(Settings::BranchControl { allowed: vec!["*".to_owned()] })
        );
        assert!(!protects(CheckKind::BranchControl.type_id(), &there));
    }

    #[test]
    fn settings_of_another_shape_are_not_guessed() {
        let approval = CheckKind::Approval.type_id();
        assert_eq!(settings(approval, &Value::Null), None);
        assert_eq!(settings(approval, &json!({"approvers": [{"id": "x"}]})), None);
        assert_eq!(settings(Uuid::nil(), &json!({})), None);
        let odd = json!({"definitionRef": {"id": CheckKind::BusinessHours.definition()}, "inputs": {"businessDays": "Someday"}});
        assert_eq!(settings(CheckKind::BusinessHours.type_id(), &odd), None);
    }
}
