//! Tests of the exports: what the other tools would make is what keyless would make, names are legal, sizes fit.
#![allow(clippy::unwrap_used, reason = "a test may stop here")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::cloudformation::{TEMPLATE_BYTES, templates};
use super::terraform::configuration;
use super::{quoted, slug};
use crate::config;
use crate::domain::blueprint::{Blueprint, Wanted};
use crate::domain::policy::{Caller, Context, Document, TrustRequest, Verdict, evaluate, same_meaning};
use crate::plan::file::Only;
use crate::programs::half::{self, Half};
use crate::programs::survey::typed_grounds;

const HEAD: &str = "organization = \"contoso\"\nproject = \"Zahlungen & Co. Ünïcode\"\n\
                    organization-id = \"4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f\"\n";

fn environment(name: &str, account: &str, rest: &str) -> String {
    format!(
        "\n[[environments]]\nname = \"{name}\"\naccount = \"{account}\"\nregion = \"eu-west-1\"\n\
         sign-in = {{ profile = \"p\" }}\nrole = \"Role-{name}\"\nconnection = \"C {name}\"\n{rest}"
    )
}

fn blueprint(answers: &str) -> Blueprint {
    let federation = config::parse(answers, "a test").unwrap();
    Blueprint::new(&federation, &typed_grounds(&federation).unwrap()).unwrap()
}

/// Everything that can be asked of a role, and two environments in one account.
fn full() -> Blueprint {
    let dev = "preset = \"cdk\"\nrole-path = \"/pipelines/\"\nsession-hours = 2\n\
               boundary = \"arn:aws:iam::111122223333:policy/ci\"\n\
               managed-policies = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\", \"arn:aws:iam::111122223333:policy/x\"]\n\
               tags = { team = \"payments\" }\n";
    let answers = [
        HEAD.replace(" & Co. Ünïcode", " Ünïcode"),
        environment("dev", "111122223333", dev),
        environment("dev-2", "111122223333", ""),
        environment("dev_2", "111122223333", ""),
        environment("prod", "777788889999", ""),
    ];
    let mut blueprint = blueprint(&answers.concat());
    // More than keyless.toml would take: what is written must not depend on that.
    let tags = &mut blueprint.environments[0].role.tags;
    tags.insert("hard".to_owned(), "a \"quoted\" one ${x} %{y} \\ end: {".to_owned());
    blueprint
}

fn admits(trust: &Document, wanted: &Wanted, subject: &str) -> bool {
    let role = &wanted.role;
    let request = TrustRequest {
        action: "sts:AssumeRoleWithWebIdentity".to_owned(),
        caller: Caller::Federated(role.provider_arn.clone()),
        context: Context::web_identity(&role.issuer_host_path, &role.audience, subject),
    };
    evaluate(trust, &request).verdict == Verdict::Allowed
}

/// What keyless itself would make of one environment, against a role as another tool was told it.
#[track_caller]
fn assert_same(wanted: &Wanted, role: &Value, inline: &[(String, Value)], managed: &[String]) {
    let plan = half::intended(Only::Aws, &full()).unwrap();
    let own = plan.changes.iter().find(|change| {
        change.environments == [wanted.environment.name.clone()]
            && change.step.to_string().starts_with("role:")
    });
    let own = own.unwrap().after.clone().unwrap();
    let trust = Document::from_value(role["trust"].clone()).unwrap();
    assert!(same_meaning(&trust, &Document::from_value(own["trust"].clone()).unwrap()));
    assert_eq!(role["trust"], own["trust"], "to the letter");
    assert!(admits(&trust, wanted, &wanted.role.subject));
    for other in [format!("{}x", wanted.role.subject), wanted.role.subject.to_uppercase()] {
        assert!(!admits(&trust, wanted, &other), "{other}");
    }
    assert_eq!(role["name"], wanted.role.arn.name.as_str());
    assert_eq!(role["path"], wanted.role.arn.path.as_str());
    assert_eq!(role["seconds"], own["maxSessionSeconds"]);
    assert_eq!(role.get("boundary").cloned().unwrap_or_default(), own["boundary"]);
    assert_eq!(role["tags"], own["tags"]);
    let told: Value = inline.iter().cloned().collect::<serde_json::Map<_, _>>().into();
    assert_eq!(told, own["inline"]);
    assert_eq!(json!(managed), own["managed"]);
}

fn tags(list: &Value) -> Value {
    let pairs = list.as_array().unwrap().iter();
    pairs
        .map(|tag| (tag["Key"].as_str().unwrap().to_owned(), tag["Value"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn cloudformation_makes_what_keyless_would_make() {
    let blueprint = full();
    let templates = templates(&blueprint).unwrap();
    assert_eq!(templates.len(), 2, "one an account");
    let mut seen = 0;
    for template in &templates {
        let value: Value = serde_saphyr::from_str(&template.file.text).unwrap();
        let guard = &value["Rules"]["RightAccount"]["Assertions"][0]["Assert"]["Fn::Equals"];
        assert_eq!(*guard, json!([{ "Ref": "AWS::AccountId" }, template.account]));
        assert_eq!(value["Parameters"]["ProviderExists"]["Default"], "no");
        let resources = value["Resources"].as_object().unwrap();
        let wanted = blueprint.providers.iter().find(|p| p.account.as_str() == template.account).unwrap();
        let provider = &resources["Provider"];
        assert_eq!(provider["Condition"], "MakesProvider");
        assert_eq!(provider["Properties"]["Url"], wanted.issuer.as_str());
        assert_eq!(provider["Properties"]["ClientIdList"], json!(wanted.audiences));
        assert_eq!(tags(&provider["Properties"]["Tags"]), json!(wanted.tags));
        for (id, resource) in resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role") {
            assert!(id.len() <= 255 && id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
            let told = &resource["Properties"];
            let wanted = blueprint.environments.iter().find(|w| w.role.arn.name.as_str() == told["RoleName"]);
            let mut role = json!({
                "trust": told["AssumeRolePolicyDocument"], "name": told["RoleName"], "path": told["Path"],
                "seconds": told["MaxSessionDuration"], "tags": tags(&told["Tags"]),
            });
            if let Some(boundary) = told.get("PermissionsBoundary") {
                role["boundary"] = boundary.clone();
            }
            let inline = told["Policies"].as_array().unwrap().iter();
            let inline: Vec<(String, Value)> = inline
                .map(|policy| {
                    (policy["PolicyName"].as_str().unwrap().to_owned(), policy["PolicyDocument"].clone())
                })
                .collect();
            assert_same(wanted.unwrap(), &role, &inline, &strings(&told["ManagedPolicyArns"]));
            seen += 1;
        }
    }
    assert_eq!(seen, 4);
}

#[test]
fn cdk_makes_what_keyless_would_make() {
    let blueprint = full();
    let text = super::cdk::application(&blueprint).unwrap().text;
    let settings = |head: String| -> Value {
        let start = text.find(&head).unwrap_or_else(|| panic!("no {head}\n{text}")) + head.len();
        serde_json::Deserializer::from_str(&text[start..]).into_iter().next().unwrap().unwrap()
    };
    let lower = |list: &Value| -> Value {
        let pairs = list.as_array().unwrap().iter();
        pairs
            .map(|tag| (tag["key"].as_str().unwrap().to_owned(), tag["value"].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    for wanted in &blueprint.environments {
        let told = settings(format!("new CfnRole(stack, \"Role-{}\", ", wanted.environment.name));
        let mut role = json!({
            "trust": told["assumeRolePolicyDocument"], "name": told["roleName"], "path": told["path"],
            "seconds": told["maxSessionDuration"], "tags": lower(&told["tags"]),
        });
        if let Some(boundary) = told.get("permissionsBoundary") {
            role["boundary"] = boundary.clone();
        }
        let inline = told["policies"].as_array().unwrap().iter();
        let inline: Vec<(String, Value)> = inline
            .map(|policy| {
                (policy["policyName"].as_str().unwrap().to_owned(), policy["policyDocument"].clone())
            })
            .collect();
        assert_same(wanted, &role, &inline, &strings(&told["managedPolicyArns"]));
    }
    assert_eq!(text.matches("new CfnOIDCProvider(").count(), blueprint.providers.len());
    assert_eq!(text.matches("new Stack(").count(), 2, "one an account");
    for wanted in &blueprint.providers {
        assert!(text.contains(&format!("\"account\": \"{}\"", wanted.account)));
        assert!(text.contains(wanted.issuer.as_str()));
    }
}

/// The block of a resource in what this module writes.
fn block<'a>(text: &'a str, head: &str) -> &'a str {
    let start = text.find(&format!("{head} {{\n")).unwrap_or_else(|| panic!("no {head}\n{text}"));
    &text[start..start + text[start..].find("\n}\n").unwrap()]
}

/// The value of an argument, read back from HCL that has one member or item a line.
fn argument(block: &str, name: &str) -> Option<Value> {
    let start = block.lines().position(|line| {
        line.trim_start().split(' ').next() == Some(name)
            && line.starts_with("  ")
            && !line.starts_with("   ")
    })?;
    let lines: Vec<&str> = block.lines().skip(start).collect();
    let first = lines[0].split_once("= ").unwrap().1;
    let mut text = String::new();
    let open = first.ends_with(['{', '[']);
    for (index, line) in lines.iter().enumerate() {
        let line = if index == 0 { first } else { line.trim() };
        let line = line.replacen("\" = ", "\": ", 1).replace("$${", "${").replace("%%{", "%{");
        text.push_str(&line);
        text.push(match line.ends_with(['{', '[']) {
            true => ' ',
            false => ',',
        });
        let closes = index > 0 && ["  }", "  ]"].iter().any(|end| lines[index].starts_with(end));
        if !open || closes {
            break;
        }
    }
    for wrapper in ["jsonencode(", "toset("] {
        text = text.replace(wrapper, "");
    }
    let text = text.replace("}),", "}").replace("]),", "]").replace(",,", ",");
    let text = text.replace(",}", "}").replace(",]", "]");
    let text = text.trim_end_matches(',');
    Some(serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

#[test]
fn terraform_makes_what_keyless_would_make() {
    let blueprint = full();
    let text = configuration(&blueprint).unwrap().text;
    assert_eq!(text.matches("resource \"aws_iam_openid_connect_provider\"").count(), 2);
    for wanted in &blueprint.providers {
        let label = format!("account_{}", wanted.account);
        let provider = block(&text, &format!("resource \"aws_iam_openid_connect_provider\" \"{label}\""));
        assert_eq!(argument(provider, "url").unwrap(), wanted.issuer.as_str());
        assert_eq!(argument(provider, "client_id_list").unwrap(), json!(wanted.audiences));
        assert_eq!(argument(provider, "tags").unwrap(), json!(wanted.tags));
        assert!(text.contains(&format!("allowed_account_ids = [\"{}\"]", wanted.account)));
    }
    for wanted in &blueprint.environments {
        let label = format!("env_{}", wanted.environment.name);
        let role = block(&text, &format!("resource \"aws_iam_role\" \"{label}\""));
        assert!(role.contains(&format!("provider             = aws.account_{}", wanted.environment.account)));
        let mut told = json!({
            "trust": argument(role, "assume_role_policy"), "name": argument(role, "name"),
            "path": argument(role, "path"), "seconds": argument(role, "max_session_duration"),
            "tags": argument(role, "tags"),
        });
        if let Some(boundary) = argument(role, "permissions_boundary") {
            told["boundary"] = boundary;
        }
        let policy = block(&text, &format!("resource \"aws_iam_role_policy\" \"{label}\""));
        let name = argument(policy, "name").unwrap().as_str().unwrap().to_owned();
        let head = format!("resource \"aws_iam_role_policy_attachment\" \"{label}\"");
        let managed = match wanted.role.managed.is_empty() {
            true => Vec::new(),
            false => strings(&argument(block(&text, &head), "for_each").unwrap()),
        };
        assert_same(wanted, &told, &[(name, argument(policy, "policy").unwrap())], &managed);
    }
}

#[test]
fn five_hundred_environments_fit() {
    let each = |number: usize| environment(&format!("e{number}"), "111122223333", "");
    let one_account =
        format!("{HEAD}{}", (0..500).map(each).collect::<String>()).replace(" & Co. Ünïcode", "");
    let blueprint = blueprint(&one_account);
    let templates = templates(&blueprint).unwrap();
    let (mut roles, mut names, mut providers) = (BTreeSet::new(), BTreeSet::new(), 0);
    for template in &templates {
        assert!(template.file.text.len() <= TEMPLATE_BYTES, "{}", template.file.name);
        assert!(names.insert((template.file.name.clone(), template.stack.clone())));
        let value: Value = serde_saphyr::from_str(&template.file.text).unwrap();
        let resources = value["Resources"].as_object().unwrap();
        providers += usize::from(resources.contains_key("Provider"));
        for (_, role) in resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role") {
            roles.insert(role["Properties"]["RoleName"].as_str().unwrap().to_owned());
        }
    }
    assert!(templates.len() > 10);
    assert_eq!((roles.len(), providers), (500, 1));
    assert_eq!(configuration(&blueprint).unwrap().text.matches("resource \"aws_iam_role\" ").count(), 500);
    let accounts =
        |number: usize| environment(&format!("e{number}"), &format!("{:012}", 100_000_000_000 + number), "");
    let many = format!("{HEAD}{}", (0..500).map(accounts).collect::<String>()).replace(" & Co. Ünïcode", "");
    assert_eq!(super::cloudformation::templates(&super::tests::blueprint(&many)).unwrap().len(), 500);
}

#[test]
fn names_of_stacks_are_legal_and_their_own() {
    let of = |project: &str| {
        slug(&blueprint(
            &(HEAD.replace("Zahlungen & Co. Ünïcode", project) + &environment("dev", "111122223333", "")),
        ))
    };
    let slugs: Vec<String> = ["payments", "Payments", "pay ments", "pay-ments", "Ünï"].map(of).to_vec();
    assert_eq!(slugs[0], "keyless-contoso-payments");
    assert_eq!(slugs.iter().collect::<BTreeSet<_>>().len(), slugs.len(), "{slugs:?}");
    for slug in &slugs {
        assert!(slug.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && slug.len() < 120, "{slug}");
    }
}

#[test]
fn texts_are_quoted_as_both_languages_read_them() {
    assert_eq!(quoted("a\"b\\c\u{7}\u{feff}ü"), "\"a\\\"b\\\\c\\u0007\\ufeffü\"");
}

/// The half's file is held against its own answers, to the letter.
#[test]
fn a_half_that_was_changed_is_refused() {
    let answers = HEAD.replace(" & Co. Ünïcode", "") + &environment("dev", "111122223333", "");
    let federation = config::parse(&answers, "a test").unwrap();
    let blueprint = blueprint(&answers);
    for only in [Only::Aws, Only::AzureDevops] {
        let file = Half::of(only, &federation, &blueprint, &BTreeSet::new()).plan_file().unwrap();
        half::check(&file).unwrap();
        let mut wider = file.clone();
        wider.plan.changes.last_mut().unwrap().after = Some(json!({ "trust": "*" }));
        let mut shorter = file.clone();
        shorter.plan.changes.pop();
        let mut other = file.clone();
        other.only = Some(only.other());
        let mut neither = file;
        neither.only = None;
        for changed in [wider, shorter, other, neither] {
            assert_eq!(half::check(&changed).unwrap_err().code, crate::domain::failure::Code::PlanNotImplied);
        }
    }
}
