#!/usr/bin/env python3
"""What other tools make of the exports.

exports.py lint FILE                 ends well when cfn-lint has neither error nor warning about the template
exports.py deploy URL ACCOUNT FILE   makes a stack of the template in moto, in that account
exports.py objects FILE              prints what the configuration makes, as the steps of a plan are called
exports.py terraform FILE            prints what the configuration asks for: {"roles": {…}, "providers": {…}}
"""
import ast
import json
import re
import sys


def lint(path):
    from cfnlint.api import lint_all

    with open(path, encoding="utf-8") as template:
        # Rules that begin with I only inform; cfn-lint itself shows them to nobody who does not ask.
        matches = [match for match in lint_all(template.read()) if not match.rule.id.startswith("I")]
    sys.exit("\n".join(str(match) for match in matches) or None)


def deploy(url, account, path):
    import boto3

    base = {"endpoint_url": url, "region_name": "eu-west-1"}
    sts = boto3.client("sts", aws_access_key_id="AKIAMOTOREADER000001", aws_secret_access_key="moto", **base)
    keys = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/Deployer", RoleSessionName="deployer")["Credentials"]
    session = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    stacks = boto3.client("cloudformation", **session, **base)
    with open(path, encoding="utf-8") as template:
        stacks.create_stack(StackName="half", TemplateBody=template.read(), Capabilities=["CAPABILITY_NAMED_IAM"])
    status = stacks.describe_stacks(StackName="half")["Stacks"][0]["StackStatus"]
    assert status == "CREATE_COMPLETE", status
    write_inline_as_json(boto3.client("iam", **session, **base))


def write_inline_as_json(iam):
    """moto's CloudFormation keeps an inline policy as the text of a Python object, which no IAM would answer: each is
    written again as the JSON of exactly that object. Everything else of a role stays as the stack made it."""
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            held = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            if isinstance(held, str):
                document = json.dumps(ast.literal_eval(held))
                iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)


def plain(value):
    """A value as hcl2 gives it, without the quotes and wrappers it keeps."""
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items() if key != "__is_block__"}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, str):
        encoded = re.fullmatch(r"\$\{(?:jsonencode|toset)\((.*)\)\}", value, re.DOTALL)
        if encoded:
            return json.loads(re.sub(r'" = ', '": ', encoded.group(1)))
        if value.startswith('"'):
            return json.loads(value)
    return value


def terraform(path):
    import hcl2

    with open(path, encoding="utf-8") as configuration:
        blocks = plain(hcl2.load(configuration))
    accounts = {}
    for block in blocks["provider"]:
        settings = block["aws"]
        accounts[settings["alias"]] = settings["allowed_account_ids"][0]
    roles, providers = {}, {}
    resources = [(kind, label, body) for block in blocks["resource"] for kind, labels in block.items() for label, body in labels.items()]

    def account(body):
        return accounts[re.fullmatch(r"\$\{aws\.(\w+)\}", body["provider"]).group(1)]

    for kind, label, body in resources:
        if kind == "aws_iam_openid_connect_provider":
            providers[account(body)] = {"url": body["url"], "audiences": body["client_id_list"], "tags": body["tags"]}
        elif kind == "aws_iam_role":
            roles[label] = {
                "account": account(body),
                "name": body["name"],
                "path": body["path"],
                "trust": body["assume_role_policy"],
                "session": body["max_session_duration"],
                "boundary": body.get("permissions_boundary"),
                "tags": body["tags"],
                "inline": {},
                "attached": [],
            }
    for kind, label, body in resources:
        if kind == "aws_iam_role_policy":
            assert body["role"] == f"${{aws_iam_role.{label}.name}}", body
            roles[label]["inline"][body["name"]] = body["policy"]
        elif kind == "aws_iam_role_policy_attachment":
            assert body["policy_arn"] == "${each.value}", body
            roles[label]["attached"] = sorted(body["for_each"])
    print(json.dumps({"roles": roles, "providers": providers}))


CHECKS = {"check_approval", "check_exclusive_lock", "check_branch_control", "check_business_hours"}


def objects(path):
    import hcl2

    with open(path, encoding="utf-8") as configuration:
        blocks = plain(hcl2.load(configuration))
    accounts = {block["aws"]["alias"]: block["aws"]["allowed_account_ids"][0] for block in blocks["provider"] if "aws" in block}
    found = {}
    for section in ("data", "resource"):
        for block in blocks.get(section, []):
            for kind, labels in block.items():
                for label, body in labels.items():
                    found[(section, kind, label)] = body

    def account(body):
        return accounts[re.fullmatch(r"\$\{aws\.(\w+)\}", body["provider"]).group(1)]

    def one(value):
        return value[0] if isinstance(value, list) else value

    def repository(reference):
        own = re.fullmatch(r"\$\{azuredevops_git_repository\.(\w+)\.id\}", reference)
        other = re.fullmatch(r"\$\{data\.azuredevops_git_repository\.(\w+)\.id\}", reference)
        section, label = ("resource", own.group(1)) if own else ("data", other.group(1))
        return found[(section, "azuredevops_git_repository", label)]["name"]

    names = {
        "azuredevops_git_repository": lambda body: "repository:" + body["name"],
        "azuredevops_environment": lambda body: "environment:" + body["name"],
        "azuredevops_variable_group": lambda body: "variable-group:" + body["name"],
        "azuredevops_build_definition": lambda body: "pipeline:" + body["name"],
        "azuredevops_serviceendpoint_aws": lambda body: "connection:" + body["service_endpoint_name"],
        "aws_iam_openid_connect_provider": lambda body: "provider:" + account(body),
        "aws_iam_role": lambda body: f"role:{account(body)}/{body['name']}",
        "aws_iam_user": lambda body: f"user:{account(body)}/{body['name']}",
    }
    steps = set()
    for (section, kind, label), body in found.items():
        short = kind.removeprefix("azuredevops_")
        if section == "data":
            continue
        if kind in names:
            steps.add(names[kind](body))
        elif short in CHECKS:
            steps.add("gates:" + re.fullmatch(r"env_(.+)_(?:environment|endpoint)", label).group(1))
        elif short == "pipeline_authorization" and label.startswith("queue"):
            assert body["type"] == "queue", body
            steps.add("queue")
        elif short == "pipeline_authorization":
            steps.add("permission:deployments/" + re.match(r"env_(.+)_(?:environment|endpoint|variablegroup)", label).group(1))
        elif short.startswith("branch_policy_"):
            scope = one(one(body["settings"])["scope"])
            steps.add(f"policy:{repository(scope['repository_id'])}/{scope['repository_ref']}")
        else:
            policies = {f"aws_iam_{of}_policy{end}" for of in ("role", "user") for end in ("", "_attachment")}
            assert kind in policies | {"azuredevops_git_repository_file"}, kind
    print(json.dumps(sorted(steps)))


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    {"lint": lint, "objects": objects, "deploy": deploy, "terraform": terraform}[command](*arguments)
