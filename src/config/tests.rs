//! Tests of reading, writing and editing `keyless.toml`.

use std::collections::BTreeMap;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use uuid::Uuid;

use super::{missing, parse, render, update};
use crate::domain::deploy::Value as PipelineValue;
use crate::domain::federation::{
    Authentication, Deployment, Deploys, Environment, Federation, Flow, Options, Secrets, SignIn, Tool,
    Verification, defaults,
};
use crate::domain::gates::Gates;
use crate::domain::gates::hours::{BusinessHours, Day, TimeOfDay};
use crate::domain::issuer::AUDIENCE;
use crate::domain::names::EnvironmentName;

const SMALL: &str = r#"
organization = "contoso"
project = "payments"

[[environments]]
name = "dev"
account = "111122223333"
region = "eu-west-1"
sign-in = { profile = "contoso-dev" }

[[environments]]
name = "prod"
account = "444455556666"
region = "us-gov-west-1"
sign-in = { assume-role = "arn:aws-us-gov:iam::444455556666:role/Admin", from = "dev" }
"#;

fn small() -> Federation {
    parse(SMALL, "keyless.toml").unwrap()
}

#[test]
fn a_small_file_has_the_habits_defaults() {
    let federation = small();
    let [dev, prod] = &federation.environments[..] else { panic!("two environments") };
    assert_eq!(
        (dev.role.as_str(), dev.connection.as_str(), dev.protected),
        ("AzureDevOpsDevRole", "AWS-Dev", false)
    );
    assert_eq!(
        (prod.role.as_str(), prod.connection.as_str(), prod.protected),
        ("AzureDevOpsProdRole", "AWS-Prod", true)
    );
    assert_eq!(dev.branches.iter().map(|b| b.as_str()).collect::<Vec<_>>(), ["feat/*", "fix/*"]);
    assert_eq!((dev.preset.as_str(), dev.session_hours, dev.role_path.as_str()), ("minimal", 1, "/"));
    assert_eq!(federation.audience, AUDIENCE);
    assert_eq!(federation.verification.repository.as_str(), defaults::VERIFICATION);
    assert_eq!(
        prod.sign_in,
        SignIn::AssumeRole {
            assume_role: "arn:aws-us-gov:iam::444455556666:role/Admin".parse().unwrap(),
            from: "dev".parse().unwrap()
        }
    );
}

#[test]
fn every_form_of_table_is_read() {
    let inline = r#"
organization = "contoso"
project = "payments"
verification = { queue = "Default" }
environments = [
    { name = "dev", account = "111122223333", region = "eu-west-1", sign-in = { sso-session = "corp", permission-set = "Admin" } },
]
"#;
    let dotted = r#"
organization = "contoso"
project = "payments"
verification.queue = "Default"
[[environments]]
name = "dev"
account = "111122223333"
region = "eu-west-1"
sign-in.sso-session = "corp"
sign-in.permission-set = "Admin"
"#;
    let whole = r#"
organization = "contoso"
project = "payments"
[verification]
queue = "Default"
[[environments]]
name = "dev"
account = "111122223333"
region = "eu-west-1"
[environments.sign-in]
sso-session = "corp"
permission-set = "Admin"
"#;
    let one = parse(inline, "a").unwrap();
    assert_eq!(one, parse(dotted, "b").unwrap());
    assert_eq!(one, parse(whole, "c").unwrap());
    let mut other = one.clone();
    other.environments[0].sign_in = SignIn::Environment { environment: true };
    other.environments[0].tags = BTreeMap::from([("team".to_owned(), "x".to_owned())]);
    other.environments.push(small().environments[0].clone());
    other.environments[1].name = "two".parse().unwrap();
    other.environments[1].role = "Two".parse().unwrap();
    other.environments[1].connection = "AWS-Two".parse().unwrap();
    for text in [inline, dotted, whole] {
        assert_eq!(parse(&update(text, &other).unwrap(), "d").unwrap(), other, "{text}");
    }
}

const BROKEN: &str = r#"organisation = "contoso"
project = "pay/ments"
organization-id = "00000000-0000-0000-0000-000000000000"
audience = ""
AZURE_DEVOPS_EXT_PAT = "s3cr3t-never-shown"

[verification]
branch = "feat/*"
que = "Default"

[[environments]]
name = "dev"
account = 111122223333
region = "eu_west_1"
sign-in = { profile = "a", environment = true }
session-hours = 13
preset = "minmal"

[[environments]]
name = "stage"
account = "222233334444"
region = "eu-west-1"
sign-in = {}
boundary = "arn:aws:iam::999988887777:policy/b"
managed-policies = ["arn:aws-cn:iam::aws:policy/ReadOnlyAccess"]
branches = "main"
tags = { "keyless:federation" = "x" }

[[environments]]
name = "Stage"
region = "cn-north-1"
acount = "1"
sign-in = { assume-role = "arn:aws:iam::111122223333:role/Admin", from = "dev" }
"#;

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    let problems = parse(BROKEN, "keyless.toml").unwrap_err();
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let text = text.join("\n");
    assert!(!text.contains("s3cr3t"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn contradictions_stand_at_their_values() {
    let text = format!(
        "{}\n[[environments]]\nname = \"DEV\"\naccount = \"111122223333\"\nregion = \"cn-north-1\"\nsign-in = {{ profile = \"x\" }}\n",
        SMALL.replace("arn:aws-us-gov:iam::444455556666", "arn:aws:iam::111122223333")
    );
    let found: Vec<(String, usize)> =
        parse(&text, "f").unwrap_err().into_iter().map(|problem| (problem.key, problem.line)).collect();
    let expected = [
        ("environments.prod.sign-in", 15),
        ("environments.DEV.connection", 17),
        ("environments.DEV.role", 17),
        ("environments.DEV.name", 18),
        ("environments.DEV.region", 20),
    ];
    assert_eq!(found, expected.map(|(key, line)| (key.to_owned(), line)));
}

#[test]
fn what_belongs_to_another_way_to_sign_in_is_refused() {
    let with = |lines: &str| {
        let text = SMALL.replacen("name = \"dev\"", &format!("name = \"dev\"\n{lines}"), 1);
        match parse(&text, "f") {
            Ok(federation) => Ok(federation.environments[0].authentication.clone()),
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        }
    };
    let keyed = with("authentication = \"access-key-and-role\"\nsource-ip = [\"203.0.113.0/24\"]").unwrap();
    assert_eq!(
        keyed,
        Authentication::AccessKeyAndRole {
            user: "AzureDevOpsDevUser".parse().unwrap(),
            source_ip: vec!["203.0.113.0/24".parse().unwrap()],
            external_id: None,
        }
    );
    assert_eq!(with("authentication = \"oidc\""), Ok(Authentication::Oidc));
    for (lines, said) in [
        ("authentication = \"keys\"", "oidc, access-key-and-role, access-key"),
        ("authentication = \"acces-key\"", "`authentication = \"access-key\"` if that was meant"),
        (
            "user = \"deploy\"",
            "f:7:1: environments.dev.user: `user` says nothing with `authentication = \"oidc\"`",
        ),
        ("authentication = \"access-key\"\nsource-ip = [\"10.0.0.0/8\"]", "access-key-and-role"),
        (
            "authentication = \"access-key-and-role\"\nsource-ip = [\"10.0.0.0\"]",
            "`10.0.0.0` is no range of addresses. Accepted: an IPv4 or IPv6 range",
        ),
        (
            "authentication = \"access-key\"\nboundary = \"arn:aws:iam::111122223333:policy/b\"",
            "keyless puts none on a user",
        ),
    ] {
        let wrong = with(lines).unwrap_err();
        assert!(wrong.contains(said), "{lines}: {wrong}");
    }
    let twice = SMALL.replace("\nregion", "\nauthentication = \"access-key\"\nuser = \"d\"\nregion");
    let twice = twice.replace("444455556666", "111122223333").replace("us-gov-west-1", "eu-west-1");
    let twice = parse(&twice.replace("arn:aws-us-gov", "arn:aws"), "f").unwrap_err();
    assert!(twice.iter().any(|it| it.key == "environments.prod.user"), "{twice:?}");
}

#[test]
fn absent_keys_are_named() {
    assert_eq!(
        missing(""),
        [
            "organization",
            "project",
            "environments.name",
            "environments.account",
            "environments.region",
            "environments.sign-in"
        ]
    );
    let text = "organization = \"contoso\"\n[[environments]]\nname = \"dev\"\n[[environments]]\naccount = \"111122223333\"\n";
    assert_eq!(
        missing(text),
        [
            "project",
            "environments.dev.account",
            "environments.dev.region",
            "environments.dev.sign-in",
            "environments[2].name",
            "environments[2].region",
            "environments[2].sign-in"
        ]
    );
    assert!(missing(SMALL).is_empty());
    assert_eq!(parse("", "f").unwrap_err().len(), 3, "organization, project, environments");
}

#[test]
fn a_new_file_reads_well() {
    let mut federation = small();
    federation.environments[0].role = "Deployer".parse().unwrap();
    insta::assert_snapshot!(render(&federation));
}

#[test]
fn comments_and_order_survive_an_edit() {
    let mut federation = small();
    federation.organization_id = Some(Uuid::from_u128(7));
    let text = render(&federation)
        .replace("name = \"dev\"", "name = \"dev\" # ours\n# the first")
        .replace("# branches = [\"main\"]", "branches = [\n    \"main\", # trunk\n]");
    federation.organization_id = None;
    federation.environments[0].session_hours = 4;
    federation.environments[0].boundary = Some("arn:aws:iam::111122223333:policy/b".to_owned());
    federation.environments[1].branches.push("hotfix/*".parse().unwrap());
    let edited = update(&text, &federation).unwrap();
    assert_eq!(parse(&edited, "f").unwrap(), federation);
    let difference: Vec<String> = lines_of_difference(&text, &edited);
    insta::assert_snapshot!(difference.join("\n"));
}

#[test]
fn environments_can_be_reordered_removed_and_added() {
    let mut federation = small();
    let mut staging = federation.environments[0].clone();
    staging.name = "staging".parse().unwrap();
    staging.account = "777788889999".parse().unwrap();
    staging.connection = "AWS-Staging".parse().unwrap();
    federation.environments.insert(1, staging);
    let text = SMALL.replace("name = \"prod\"", "name = \"prod\"\ntags.team = \"a\"");
    let text = text
        .replace("[[environments]]\nname = \"prod\"", "# prod is last\n[[environments]]\nname = \"prod\"");
    federation.environments[2].tags = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
    let added = update(&text, &federation).unwrap();
    assert_eq!(parse(&added, "f").unwrap(), federation);
    assert!(
        added.find("staging") < added.find("# prod is last\n[[environments]]\nname = \"prod\""),
        "{added}"
    );
    federation.environments.swap(0, 2);
    let swapped = update(&added, &federation).unwrap();
    assert_eq!(parse(&swapped, "f").unwrap(), federation);
    federation.environments.remove(1);
    assert_eq!(parse(&update(&swapped, &federation).unwrap(), "f").unwrap(), federation);
}

#[test]
fn a_file_with_problems_is_corrected_and_no_toml_is_refused() {
    let corrected = update(BROKEN, &small()).unwrap();
    let left: Vec<String> =
        parse(&corrected, "f").unwrap_err().into_iter().map(|problem| problem.key).collect();
    assert_eq!(
        left,
        ["organisation", "AZURE_DEVOPS_EXT_PAT", "verification.que"],
        "only what nobody knows stays"
    );
    let none = update("organization =", &small()).unwrap_err();
    assert_eq!((none.len(), none[0].line), (1, 1));
}

fn lines_of_difference(before: &str, after: &str) -> Vec<String> {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}"));
    let come = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(come).collect()
}

fn sign_in(account: String, partition: &'static str, first: bool) -> impl Strategy<Value = SignIn> {
    let own = prop_oneof![
        "[a-zA-Z0-9.\\[\\]\"'#=-]([ a-zA-Z0-9\"'é]{0,8}[a-z])?"
            .prop_map(|profile| SignIn::Profile { profile }),
        ("[a-z]{1,8}", "[A-Za-z]{1,8}")
            .prop_map(|(sso_session, permission_set)| SignIn::Sso { sso_session, permission_set }),
        Just(SignIn::Environment { environment: true }),
    ];
    let assumed = "[A-Za-z]{1,8}".prop_map(move |role| SignIn::AssumeRole {
        assume_role: format!("arn:{partition}:iam::{account}:role/p/{role}").parse().unwrap(),
        from: "dev".parse().unwrap(),
    });
    if first { own.boxed() } else { prop_oneof![3 => own, 1 => assumed].boxed() }
}

fn environment(index: usize, name: &'static str) -> impl Strategy<Value = Environment> {
    let account = format!("{:012}", 111_122_223_333_u64 + index as u64);
    let (region, partition) =
        [("eu-west-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")][index % 3];
    let name: EnvironmentName = name.parse().unwrap();
    let role = prop_oneof![
        Just(defaults::role(&name).unwrap()),
        "[A-Za-z0-9+=,.@_-]{1,20}".prop_map(move |role| format!("{role}{index}").parse().unwrap()),
    ];
    let connection = prop_oneof![
        Just(defaults::connection(&name).unwrap()),
        "[A-Za-zé\"'#. \\\\]{0,12}".prop_map(move |text| format!("C{text}{index}").parse().unwrap()),
    ];
    let branches = prop_oneof![
        Just(defaults::branches(&name, None)),
        subsequence(vec!["main", "feat/*", "a/b/*", "é#\"", "x"], 0..4)
            .prop_map(|all| all.into_iter().map(|branch| branch.parse().unwrap()).collect()),
    ];
    let tags = proptest::collection::btree_map("[a-zé][a-z :=+@.-]{0,6}[a-z]", "[A-Za-z0-9 =é/-]{0,8}", 0..3);
    let policies = subsequence(
        vec![
            format!("arn:{partition}:iam::aws:policy/ReadOnlyAccess"),
            format!("arn:{partition}:iam::{account}:policy/x"),
        ],
        0..=2,
    );
    let boundary = option::of(Just(format!("arn:{partition}:iam::{account}:policy/boundary")));
    let names = (
        role,
        connection,
        branches,
        tags,
        select(vec!["/", "/a/b/"]),
        sign_in(account.clone(), partition, index == 0),
    );
    let subject =
        option::of(select(vec!["sc://a/b/c", "/eid1/c/pub/t/x"])).prop_map(|text| text.map(str::to_owned));
    let rest =
        (any::<bool>(), select(vec!["minimal", "cdk"]), policies, boundary, subject, 1_u8..=12).boxed();
    let variables = proptest::collection::btree_map("[A-Za-z0-9_.-]{1,3}", "[ -~é]{0,9}", 0..3);
    let rest = (
        rest,
        gates(index).boxed(),
        variables,
        deploys(index, &account, partition).boxed(),
        secrets().boxed(),
    );
    (names, rest, authentication(&name)).prop_map(move |(names, rest, authentication)| {
        let (rest, gates, variables, deploy, secrets) = rest;
        let (protected, preset, managed_policies, boundary, subject, session_hours) = rest;
        let boundary = boundary.filter(|_| !matches!(authentication, Authentication::AccessKey { .. }));
        let (role, connection, branches, tags, role_path, sign_in) = names;
        Environment {
            reads_for: None,
            name: name.clone(),
            protected,
            account: account.parse().unwrap(),
            region: region.parse().unwrap(),
            sign_in,
            role,
            role_path: role_path.parse().unwrap(),
            tags,
            connection,
            authentication,
            branches,
            preset: preset.to_owned(),
            permissions: Default::default(),
            managed_policies,
            boundary,
            subject,
            session_hours,
            gates,
            variables,
            secrets,
            deploy,
        }
    })
}

fn value() -> impl Strategy<Value = Option<PipelineValue>> {
    option::of(select(vec![".", "a/b c", "it's \"x\"", "1.13"]).prop_map(|text| text.parse().unwrap()))
}

fn secrets() -> impl Strategy<Value = Secrets> {
    let names = |all: Vec<&'static str>| {
        subsequence(all, 0..=2)
            .prop_map(|names| names.iter().map(|it| it.parse().unwrap()).collect::<Vec<_>>())
    };
    (names(vec!["it's \"a\" vault", "b"]), names(vec!["prod.pem", "x y"]))
        .prop_map(|(variable_groups, secure_files)| Secrets { variable_groups, secure_files })
}

/// A value that a policy can hold, too.
fn part() -> impl Strategy<Value = Option<PipelineValue>> {
    option::of(select(vec!["state", "a-b.c_1"]).prop_map(|text| text.parse().unwrap()))
}

fn deploys(index: usize, account: &str, partition: &str) -> impl Strategy<Value = Deploys> + use<> {
    let own = format!("arn:{partition}:iam::{account}:role/x/Plan{index}");
    let execution = format!("arn:{partition}:iam::{account}:role/x/Exec");
    let policy = format!("arn:{partition}:iam::aws:policy/job-function/ViewOnlyAccess");
    let plan = option::of(
        select(vec!["AWS-Plan", "P"]).prop_map(move |name| format!("{name} {index}").parse().unwrap()),
    );
    let plan_role = option::of(Just(own).prop_map(|arn| arn.parse().unwrap()));
    let second = (plan_role, subsequence(vec![policy], 0..=1), option::of(Just("sc://a/b/d".to_owned())));
    let stacks = subsequence(vec!["A*", "B"], 0..=2);
    let execution = option::of(Just(execution.parse().unwrap()));
    let names = (part(), value(), part(), value(), part(), value(), part(), value(), value());
    let rest =
        (stacks, execution, plan, second, option::of(15_u16..=720), any::<bool>(), option::of(any::<bool>()));
    (names, rest).prop_map(|(names, rest)| {
        let (state_bucket, state_key, lock_table, var_file, app_id, app_branch, stack, parameters, bucket) =
            names;
        let (stacks, execution_role, plan_connection, second, session_minutes, per_branch, frontend) = rest;
        let (plan_role, plan_managed_policies, plan_subject) = match plan_connection {
            Some(_) => second,
            None => Default::default(),
        };
        Deploys {
            stacks: stacks.into_iter().map(|stack| stack.parse().unwrap()).collect(),
            state_bucket,
            state_key,
            state_region: lock_table.is_some().then(|| "eu-west-1".parse().unwrap()),
            lock_table,
            var_file,
            app_id,
            app_branch,
            frontend,
            stack,
            execution_role,
            parameters,
            bucket,
            per_branch,
            plan_role,
            plan_managed_policies,
            plan_subject,
            plan_connection,
            session_minutes,
        }
    })
}

fn options() -> impl Strategy<Value = Options> {
    let names = (value(), value(), value(), value(), value(), value(), value(), value(), value());
    names.prop_map(|(dir, version, output, template, build, preview, deploy, image, manual_validation)| {
        Options { dir, version, output, template, build, preview, deploy, image, manual_validation }
    })
}

fn gates(index: usize) -> impl Strategy<Value = Gates> {
    let hours = || {
        let days = subsequence(Day::ALL.to_vec(), 1..=7);
        (days, 0_u8..8, 9_u8..23, select(vec!["UTC", "W. Europe Standard Time"])).prop_map(
            |(days, from, to, zone)| BusinessHours {
                days,
                from: TimeOfDay::of_hour(from),
                to: TimeOfDay::of_hour(to),
                time_zone: zone.to_owned(),
            },
        )
    };
    let flag = || option::of(any::<bool>());
    let approvers = subsequence(vec!["ada@contoso.example", "Grace Hopper", "[payments]\\Ops"], 0..=3);
    let administrators = subsequence(vec!["eve@contoso.example", "[payments]\\Release Managers"], 0..=2);
    let rest = (
        option::of(1_u8..=20),
        option::of(hours()),
        any::<bool>(),
        option::of(select(vec!["Live", "é 1"])),
        administrators,
    );
    (flag(), flag(), flag(), approvers, rest).prop_map(move |(approval, lock, branches, approvers, rest)| {
        Gates {
            target: rest.3.and_then(|name| format!("{name} {index}").parse().ok()),
            approval,
            approvers: approvers.into_iter().map(str::to_owned).collect(),
            minimum_approvers: rest.0,
            exclusive_lock: lock,
            branch_control: branches,
            business_hours: rest.1,
            connection_approval: rest.2,
            administrators: rest.4.into_iter().map(str::to_owned).collect(),
        }
    })
}

fn deployment() -> impl Strategy<Value = Deployment> {
    let names = (
        select(vec!["payments", "https://github.com/contoso/shop"]),
        select(vec!["payments", "shop", "deploy \"all\""]),
        select(vec!["azure-pipelines.yml", "ci/deploy.yaml"]),
        select(vec!["main", "trunk/a"]),
        option::of(select(vec!["Linux"])),
    );
    let rest = (
        select(Tool::ALL.to_vec()),
        select(Flow::ALL.to_vec()),
        subsequence(vec!["a", "b c"], 0..=2),
        0_u8..=10,
        options(),
    );
    (names, rest).prop_map(
        |((repository, name, file, main, queue), (tool, flow, pipelines, reviewers, options))| Deployment {
            name: name.to_owned(),
            repository: repository.parse().unwrap(),
            file: file.to_owned(),
            tool,
            flow,
            main: main.to_owned(),
            queue: queue.map(str::to_owned),
            pipelines: pipelines.into_iter().map(str::to_owned).collect(),
            reviewers,
            options: options.of(tool),
        },
    )
}

fn authentication(name: &EnvironmentName) -> impl Strategy<Value = Authentication> + use<> {
    let user = select(vec![defaults::user(name).unwrap(), "deploy".parse().unwrap()]);
    let ranges = subsequence(vec!["203.0.113.0/24", "2001:db8::/32"], 0..=2);
    let external = option::of(Just("a:b/c".parse().unwrap()));
    prop_oneof![
        4 => Just(Authentication::Oidc),
        1 => user.clone().prop_map(|user| Authentication::AccessKey { user }),
        2 => (user, ranges, external).prop_map(|(user, ranges, external_id)| Authentication::AccessKeyAndRole {
            user,
            source_ip: ranges.into_iter().map(|range| range.parse().unwrap()).collect(),
            external_id,
        }),
    ]
}

fn federations() -> impl Strategy<Value = Federation> {
    let verification = (
        select(vec!["keyless-verification", "proof 1", "é'"]),
        option::of(select(vec!["keyless", "a/b"])),
        select(vec!["keyless-verification", "the \"proof\""]),
        option::of("[A-Za-z \"\\\\é]{0,8}x"),
    )
        .prop_map(|(repository, branch, pipeline, queue)| Verification {
            repository: repository.parse().unwrap(),
            branch: branch.map(str::to_owned),
            pipeline: pipeline.to_owned(),
            queue: queue.map(|queue: String| queue.trim().to_owned()),
        });
    let environments =
        (environment(0, "dev"), environment(1, "staging"), environment(2, "prod"), environment(3, "eu-2"));
    let environments = (environments, subsequence(vec![1_usize, 2, 3], 0..=3).prop_shuffle()).prop_map(
        |((dev, staging, prod, other), picked)| {
            let rest = [staging, prod, other];
            let mut all: Vec<Environment> = picked.into_iter().map(|index| rest[index - 1].clone()).collect();
            let place = all.len() / 2;
            all.insert(place, dev);
            all
        },
    );
    let top = (
        select(vec!["contoso", "fabrikam"]),
        select(vec!["payments", "Zahlungen (neu)", "é-project"]),
        option::of(any::<u128>().prop_filter("not nil", |id| *id != 0).prop_map(Uuid::from_u128)),
        option::of(select(vec![
            "https://vstoken.dev.azure.com/x",
            "https://login.microsoftonline.com/t/v2.0",
        ])),
        select(vec![AUDIENCE, "sts.amazonaws.com"]),
        option::of(select(vec!["0b1f"])).prop_map(|text| text.map(str::to_owned)),
    );
    (top, verification, option::of(deployment().boxed()), environments).prop_map(
        |(top, verification, pipeline, mut environments)| {
            if let Some(pipeline) = &pipeline {
                for environment in &mut environments {
                    environment.deploy = environment.deploy.clone().of(pipeline.tool);
                }
            }
            let (organization, project, organization_id, issuer, audience, azp) = top;
            Federation {
                organization: organization.parse().unwrap(),
                organization_id,
                project: project.parse().unwrap(),
                issuer: issuer.map(|issuer| issuer.parse().unwrap()),
                audience: audience.to_owned(),
                azp,
                verification,
                pipeline,
                environments,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(federation in federations()) {
        prop_assert_eq!(federation.contradictions(), vec![]);
        let text = render(&federation);
        prop_assert_eq!(parse(&text, "f").map_err(|p| p[0].to_string()), Ok(federation.clone()), "{}", text);
        prop_assert_eq!(update(&text, &federation).unwrap(), text);
    }

    #[test]
    fn an_edit_says_the_new_answers(one in federations(), other in federations()) {
        let edited = update(&render(&one), &other).unwrap();
        prop_assert_eq!(parse(&edited, "f").map_err(|p| p[0].to_string()), Ok(other.clone()), "{}", edited);
        prop_assert_eq!(update(&edited, &other).unwrap(), edited);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*", at in any::<prop::sample::Index>(), federation in federations()) {
        let rendered = render(&federation);
        let mut cut = at.index(rendered.len());
        while !rendered.is_char_boundary(cut) {
            cut -= 1;
        }
        for text in [text.clone(), format!("{}{text}{}", &rendered[..cut], &rendered[cut..]), rendered[cut..].to_owned()] {
            let _ = missing(&text);
            for problem in parse(&text, "f").err().into_iter().flatten() {
                prop_assert!(problem.line >= 1 && problem.column >= 1 && !problem.fix.is_empty());
            }
            let _ = update(&text, &federation);
        }
    }

    #[test]
    fn no_toml_makes_it_panic(
        pairs in proptest::collection::vec((select(vec![
            "organization", "project", "organization-id", "issuer", "audience", "verification", "environments",
            "name", "account", "region", "sign-in", "tags", "branches", "preset", "session-hours", "protected",
        ]), select(vec![
            "1", "\"x\"", "true", "[]", "{}", "[1]", "[{}]", "{ profile = 1 }", "[\"a\", \"a\"]", "1.5", "1979-05-27",
        ])), 0..12),
        header in select(vec!["", "[verification]", "[[environments]]", "[environments]", "[[verification]]"]),
        federation in federations(),
    ) {
        let mut text = String::new();
        for (index, (key, value)) in pairs.iter().enumerate() {
            if index == pairs.len() / 2 {
                text.push_str(header);
                text.push('\n');
            }
            text.push_str(&format!("{key} = {value}\n"));
        }
        let parsed = parse(&text, "f");
        let corrected = update(&text, &federation);
        if let (Err(problems), Ok(corrected)) = (parsed, corrected) {
            let unknown = problems.iter().any(|problem| problem.message.contains("unknown key"));
            if !unknown {
                prop_assert_eq!(parse(&corrected, "f").map_err(|p| p[0].to_string()), Ok(federation), "{}\n->\n{}", text, corrected);
            }
        }
    }
}

#[test]
fn a_thousand_problems_are_listed_and_the_rest_counted() {
    let text: String = (0..1500).map(|n| format!("key-{n} = 1\n")).collect();
    let problems = parse(&text, "keyless.toml").unwrap_err();
    assert_eq!(problems.len(), 1001);
    let last = problems.last().unwrap();
    // Unknown keys are noted before the two that are missing.
    assert_eq!((last.line, last.column, last.key.as_str()), (1001, 1, "key-1000"));
    assert!(last.message.starts_with("is one of 502 "), "{last}");
}

#[test]
fn a_pipeline_with_gates_is_read_and_its_flow_gives_the_branches() {
    let text = format!(
        "{SMALL}gates = {{ approvers = [\"ada@contoso.example\"], business-hours = {{ from = \"08:00\", to = \"17:00\" }} }}
variables = {{ API_URL = \"https://api.example.com\" }}

[pipeline]
repository = \"payments\"
tool = \"cdk\"
flow = \"trunk\"
"
    );
    let federation = parse(&text, "keyless.toml").unwrap();
    let pipeline = federation.pipeline.as_ref().unwrap();
    assert_eq!((pipeline.name.as_str(), pipeline.reviewers), ("payments", 1));
    let branches = federation.environments.iter().map(|it| it.branches.clone());
    assert_eq!(branches.collect::<Vec<_>>(), vec![vec!["main".parse().unwrap()]; 2]);
    let hours = federation.environments[1].gates.business_hours.as_ref().unwrap();
    assert_eq!(hours.to_string(), "Monday, Tuesday, Wednesday, Thursday, Friday 08:00-17:00 UTC");
    assert_eq!(parse(&render(&federation), "x").unwrap(), federation);
}

#[test]
fn nobody_administers_the_gate_he_approves_at() {
    let gates = |administrator: &str| {
        let people = format!("approvers = [\"ada@contoso.example\"], administrators = [\"{administrator}\"]");
        parse(&format!("{SMALL}gates = {{ {people} }}\n"), "keyless.toml")
    };
    let federation = gates(" alan@contoso.example").unwrap();
    assert_eq!(federation.environments[1].gates.administrators, ["alan@contoso.example"]);
    let problems = gates("ADA@contoso.example").unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].to_string().contains("approves deployments"), "{}", problems[0]);
}

#[test]
fn what_is_wrong_with_gates_variables_and_the_pipeline_is_said_where_it_stands() {
    let text = format!(
        "{SMALL}gates = {{ approval = \"yes\", minimum-approvers = 0, business-hours = {{ from = \"17:00\", to = \"08:00\" }}, lock = true }}
variables = {{ KEY = \"AKIAIOSFODNN7EXAMPLE\", \"Build.Id\" = \"1\", \"a b\" = \"1\" }}

[pipeline]
repository = \"payments\"
tool = \"pulumi\"
file = \"../x.yml\"
name = \"keyless-verification\"
"
    );
    let problems = parse(&text, "keyless.toml").unwrap_err();
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n\n"));
    assert!(!shown.join("").contains("AKIAIOSFODNN7EXAMPLE"));
}

#[test]
fn what_a_tool_must_know_is_read_and_what_means_nothing_to_it_is_refused() {
    let text = |tool: &str| {
        format!(
            "{SMALL}deploy = {{ state-bucket = \"contoso-state\", lock-table = \"locks\", session-minutes = 45 }}

[pipeline]
repository = \"payments\"
tool = \"{tool}\"
dir = \"infra\"
version = \"1.13.3\"
"
        )
    };
    let federation = parse(&text("terraform"), "keyless.toml").unwrap();
    let options = &federation.pipeline.as_ref().unwrap().options;
    assert_eq!(options.version.as_ref().unwrap().as_str(), "1.13.3");
    assert_eq!(federation.environments[1].deploy.session_minutes, Some(45));
    assert_eq!(parse(&render(&federation), "x").unwrap(), federation);
    let shown = |text: String| {
        let problems = parse(&text, "keyless.toml").unwrap_err();
        problems.iter().map(|problem| format!("{}: {}", problem.key, problem.message)).collect::<Vec<_>>()
    };
    assert_eq!(
        shown(text("cdk")),
        [
            "environments.prod.deploy.state-bucket: `state-bucket` says nothing with `tool = \"cdk\"`",
            "environments.prod.deploy.lock-table: `lock-table` says nothing with `tool = \"cdk\"`",
            "pipeline.version: `version` says nothing with `tool = \"cdk\"`",
        ]
    );
    let wrong = format!(
        "{SMALL}deploy = {{ session-minutes = 10, plan-role = \"x\", app-id = \"$(id)\", stack-name = 1 }}\n"
    );
    let keys: Vec<String> = parse(&wrong, "f").unwrap_err().into_iter().map(|problem| problem.key).collect();
    for key in ["session-minutes", "plan-role", "app-id", "stack-name"] {
        assert!(keys.contains(&format!("environments.prod.deploy.{key}")), "{key}: {keys:?}");
    }
}

#[test]
fn secrets_are_names_and_what_is_none_is_refused_where_it_stands() {
    let text = |secrets: &str| {
        format!("{SMALL}secrets = {secrets}\n\n[pipeline]\nrepository = \"payments\"\ntool = \"cdk\"\n")
    };
    let named = text("{ variable-groups = [\"payments-prod-vault\"], secure-files = [\"prod.pem\"] }");
    let federation = parse(&named, "keyless.toml").unwrap();
    let secrets = &federation.environments[1].secrets;
    assert_eq!(
        (secrets.variable_groups[0].as_str(), secrets.secure_files[0].as_str()),
        ("payments-prod-vault", "prod.pem")
    );
    assert_eq!(parse(&render(&federation), "x").unwrap(), federation);
    let wrong = text(
        "{ variable-groups = [\"AKIAIOSFODNN7EXAMPLE\", \"a\", \"A\", \"$(x)\"], secure-files = [\"certs/prod.pem\"], values = 1 }",
    );
    let shown = |text: &str| {
        let problems = parse(text, "keyless.toml").unwrap_err();
        problems.iter().map(|problem| format!("{}: {}", problem.key, problem.message)).collect::<Vec<_>>()
    };
    let found = shown(&wrong);
    for said in [
        "secrets.variable-groups: what stands there looks like a secret itself",
        "secrets.variable-groups: `A` is there twice",
        "secrets.secure-files: `certs/prod.pem` is a path",
    ] {
        assert!(found.iter().any(|it| it.ends_with(said)), "{said}: {found:#?}");
    }
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(!found.concat().contains("AKIAIOSFODNN7EXAMPLE"));
    let own = shown(&text("{ variable-groups = [\"Payments-PROD\"] }"));
    assert!(own.iter().any(|it| it.contains("keyless itself makes")), "{own:?}");
    assert!(parse(&text("[\"x\"]"), "f").is_err());
}
