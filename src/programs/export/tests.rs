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
    let federation = federation.with_reading();
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
        environment("prod", "777788889999", "deploy = { plan-connection = \"Plan\" }\n"),
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
    assert_eq!(seen, 5);
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

/// One that signs in with a key and becomes a role, one whose user has the rights itself, and one by token.
fn keyed() -> Blueprint {
    let and_role =
        "authentication = \"access-key-and-role\"\nuser = \"deployer\"\nsource-ip = [\"203.0.113.0/24\"]\n";
    let alone = "authentication = \"access-key\"\nuser = \"alone\"\nrole-path = \"/ci/\"\n\
                 managed-policies = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n";
    let pipeline = "[pipeline]\nrepository = \"payments\"\ntool = \"cdk\"\n";
    let answers = [
        HEAD.replace(" & Co. Ünïcode", ""),
        pipeline.to_owned(),
        environment("dev", "111122223333", and_role),
        environment("old", "444455556666", alone),
        environment("prod", "777788889999", "deploy = { plan-connection = \"Plan\" }\n"),
    ];
    blueprint(&answers.concat())
}

#[test]
fn users_of_wanted_keys_are_made_and_their_keys_are_not() {
    let blueprint = keyed();
    let user = |name: &str| {
        let found = blueprint.environments.iter().find(|it| it.environment.name.as_str() == name);
        found.unwrap().user.as_ref().unwrap()
    };
    let own = |name: &str| user(name).inline["keyless-permissions"].to_value();
    let trust = blueprint.environments[0].role.trust().unwrap().to_value();

    let texts: Vec<String> = templates(&blueprint).unwrap().into_iter().map(|it| it.file.text).collect();
    let of = |account: &str| -> Value {
        let text = texts.iter().find(|text| text.contains(&format!("for account {account}"))).unwrap();
        serde_saphyr::from_str::<Value>(text).unwrap()["Resources"].clone()
    };
    let (dev, old) = (of("111122223333"), of("444455556666"));
    assert_eq!(dev["Userdev"]["Properties"]["UserName"], "deployer");
    assert_eq!(dev["Userdev"]["Properties"]["Policies"][0]["PolicyDocument"], own("dev"));
    assert_eq!(dev["Roledev"]["DependsOn"], "Userdev");
    assert_eq!(dev["Roledev"]["Properties"]["AssumeRolePolicyDocument"], trust);
    assert_eq!(old.as_object().unwrap().keys().collect::<Vec<_>>(), ["Userold"], "no role and no provider");
    assert_eq!(old["Userold"]["Properties"]["Path"], "/ci/");
    assert_eq!(old["Userold"]["Properties"]["ManagedPolicyArns"], json!(user("old").managed));
    assert_eq!(tags(&old["Userold"]["Properties"]["Tags"]), json!(user("old").tags));

    let cdk = super::cdk::application(&blueprint).unwrap().text;
    assert!(cdk.contains("import { CfnOIDCProvider, CfnRole, CfnUser }"), "{cdk}");
    assert!(cdk.contains("const user0 = new CfnUser(stack, \"User-dev\", {"), "{cdk}");
    assert!(cdk.contains("}).addDependency(user0);"), "{cdk}");

    let text = super::terraform::whole(&blueprint, Some("Build Farm")).unwrap().text;
    let made = block(&text, "resource \"aws_iam_user\" \"env_dev\"");
    assert_eq!(argument(made, "name").unwrap(), "deployer");
    let policy = block(&text, "resource \"aws_iam_user_policy\" \"env_old\"");
    assert_eq!(argument(policy, "policy").unwrap(), own("old"));
    let attached = block(&text, "resource \"aws_iam_user_policy_attachment\" \"env_old\"");
    assert_eq!(argument(attached, "for_each").unwrap(), json!(user("old").managed));
    let role = block(&text, "resource \"aws_iam_role\" \"env_dev\"");
    assert_eq!(argument(role, "assume_role_policy").unwrap(), trust);
    assert!(role.contains("depends_on           = [aws_iam_user.env_dev]"), "{role}");
    // Its connection holds the key, so it is somebody's who has the key.
    assert!(!text.contains("resource \"azuredevops_serviceendpoint_aws\" \"env_dev\""));
    assert!(text.contains("resource_id = var.key_connections[\"dev\"]"), "{text}");
    for text in texts.iter().chain([&cdk, &text]) {
        for never in ["secret_access_key", "AWS::IAM::AccessKey", "CfnAccessKey", "aws_iam_access_key"] {
            assert!(!text.contains(never), "{never}");
        }
        if text.contains("deployer") {
            assert!(
                text.contains("The access key of ") && text.contains("is not here: no file makes it"),
                "{text}"
            );
        }
    }
}

#[test]
fn the_queue_and_the_second_connection_are_permitted_and_providers_have_versions() {
    let text = super::terraform::whole(&keyed(), Some("Build Farm")).unwrap().text;
    let queue = block(&text, "data \"azuredevops_agent_queue\" \"deployment\"");
    assert_eq!(argument(queue, "name").unwrap(), "Build Farm");
    let permitted =
        |label: &str| block(&text, &format!("resource \"azuredevops_pipeline_authorization\" \"{label}\""));
    assert!(permitted("queue").contains("data.azuredevops_agent_queue.deployment.id"));
    assert!(permitted("env_prod-plan_endpoint").contains("azuredevops_serviceendpoint_aws.env_prod-plan.id"));
    assert!(
        !text.contains("env_prod-plan_environment")
            && !text
                .contains("\"env_prod-plan\" {\n  project_id  = data.azuredevops_project.project.id\n  name")
    );
    assert!(text.contains("version = \">= 5.81.0, < 7.0.0\""), "{text}");
    assert!(text.contains("version = \">= 1.5.0, < 2.0.0\""), "{text}");
    let unknown = super::terraform::whole(&keyed(), None).unwrap().text;
    assert!(
        unknown.contains("permit the pipeline one by hand") && !unknown.contains("azuredevops_agent_queue")
    );
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

#[test]
fn a_read_only_access_that_is_left_out_of_a_half_is_not_made_by_it() {
    let plan =
        "deploy = { plan-connection = \"Plan\", plan-role = \"arn:aws:iam::111122223333:role/Looks\" }\n";
    let answers = HEAD.replace(" & Co. Ünïcode", "") + &environment("dev", "111122223333", plan);
    let federation = config::parse(&answers, "a test").unwrap().with_reading();
    let blueprint = blueprint(&answers);
    for only in [Only::Aws, Only::AzureDevops] {
        let mut half = Half::of(only, &federation, &blueprint, &BTreeSet::new());
        let whole = half.plan_file().unwrap();
        half::check(&whole).unwrap();
        assert_eq!(whole.answers.with_reading(), federation);
        half.keep(|step| !["Plan", "Looks"].iter().any(|name| step.to_string().ends_with(name)));
        let file = half.plan_file().unwrap();
        half::check(&file).unwrap();
        let names: Vec<String> =
            file.answers.with_reading().environments.iter().map(|it| it.name.to_string()).collect();
        assert_eq!(names, ["dev"]);
        // One whose answers lead to it after all shows less than would be made.
        let mut more = file;
        more.answers.environments[0].deploy = whole.answers.environments[0].deploy.clone();
        assert_eq!(half::check(&more).unwrap_err().code, crate::domain::failure::Code::PlanNotImplied);
    }
}
