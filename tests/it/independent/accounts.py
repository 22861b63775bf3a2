#!/usr/bin/env python3
"""An AWS that nobody on this project wrote (moto), for the tests.

accounts.py serve [CLOCK]         serves on a free port, prints {"url": …}, and ends when stdin is closed; the file CLOCK
                                  tells by how many seconds its time is ahead
accounts.py seed URL < JSON       makes what is somebody else's: {account: {"roles": […], "providers": […], "users": […]}};
                                  a user gets "keys" access keys: {account: {user: [{"id": …, "secret": …}]}} is printed
accounts.py tag URL ACCOUNT USER  tags a user with the JSON object of stdin
accounts.py use URL REGION < JSON uses an access key {"id": …, "secret": …}: lists buckets
accounts.py decide < JSON          what its evaluator of policies says: [{"policy": …, "action": …, "resource": …}] → [bool]
accounts.py dump URL ACCOUNT…     prints what the accounts hold: {account: {"roles": {…}, "providers": {…}, "users": {…}}}
"""
import datetime
import json
import logging
import os
import sys
import time


def moved(clock):
    """The time of answers and of what IAM keeps. moto knows no clock that can be moved."""
    from moto.iam import models
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    written, known = MotoRequestHandler.date_time_string, models.utcnow

    def ahead():
        with open(clock) as file:
            return int(file.read())

    MotoRequestHandler.date_time_string = lambda self, at=None: written(self, (at or time.time()) + ahead())
    models.utcnow = lambda: known() + datetime.timedelta(seconds=ahead())


def serve(clock=None):
    if clock:
        moved(clock)
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    from moto.server import ThreadedMotoServer

    # One line a request says nothing here; what fails is told by keyless.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(json.dumps({"url": f"http://{host}:{port}"}), flush=True)
    # The test holds the other end: when it is gone, so is the server.
    sys.stdin.read()
    server.stop()


def client(url, account):
    """IAM of one account. moto chooses the account by the key, and an assumed role's key belongs to the role's account."""
    import boto3

    base = {"endpoint_url": url, "region_name": "eu-west-1"}
    sts = boto3.client("sts", aws_access_key_id="AKIAMOTOREADER000001", aws_secret_access_key="moto", **base)
    role = f"arn:aws:iam::{account}:role/Reader"
    keys = sts.assume_role(RoleArn=role, RoleSessionName="reader")["Credentials"]
    session = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    answered = boto3.client("sts", **session, **base).get_caller_identity()["Account"]
    assert answered == account, f"{answered} answered for {account}"
    return boto3.client("iam", **session, **base)


def seed_user(iam, name, inline, attached, tags, keys):
    iam.create_user(UserName=name, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    for policy, document in inline.items():
        iam.put_user_policy(UserName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
    for arn in attached:
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    made = [iam.create_access_key(UserName=name)["AccessKey"] for _ in range(keys)]
    return [{"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]} for key in made]


def seed(url):
    made = {}
    for account, objects in json.load(sys.stdin).items():
        iam = client(url, account)
        for user in objects.get("users", []):
            made.setdefault(account, {})[user["name"]] = seed_user(iam, **user)
        for provider in objects.get("providers", []):
            iam.create_open_id_connect_provider(**provider)
        for role in objects.get("roles", []):
            iam.create_role(**{**role, "AssumeRolePolicyDocument": json.dumps(role["AssumeRolePolicyDocument"])})
    print(json.dumps(made))


def use(url, region):
    import boto3

    key = json.load(sys.stdin)
    keys = {"aws_access_key_id": key["id"], "aws_secret_access_key": key["secret"]}
    boto3.client("s3", endpoint_url=url, region_name=region, **keys).list_buckets()


def tag(url, account, user):
    iam = client(url, account)
    iam.tag_user(UserName=user, Tags=[{"Key": key, "Value": value} for key, value in json.load(sys.stdin).items()])


def tags(found):
    return {tag["Key"]: tag["Value"] for tag in found}


def role(iam, name):
    found = iam.get_role(RoleName=name)["Role"]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return {
        "arn": found["Arn"],
        "path": found["Path"],
        "trust": found["AssumeRolePolicyDocument"],
        "session": found["MaxSessionDuration"],
        "boundary": found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": tags(iam.list_role_tags(RoleName=name)["Tags"]),
        "inline": {p: iam.get_role_policy(RoleName=name, PolicyName=p)["PolicyDocument"] for p in inline},
        "attached": sorted(policy["PolicyArn"] for policy in attached),
    }


def access_key(iam, found):
    last = iam.get_access_key_last_used(AccessKeyId=found["AccessKeyId"])["AccessKeyLastUsed"]
    used = f'{last["ServiceName"]} {last["Region"]}' if "LastUsedDate" in last else None
    return {"active": found["Status"] == "Active", "used": used}


def user(iam, name):
    keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    attached = iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    return {
        "tags": tags(iam.list_user_tags(UserName=name)["Tags"]),
        "inline": sorted(iam.list_user_policies(UserName=name)["PolicyNames"]),
        "attached": sorted(policy["PolicyArn"] for policy in attached),
        "keys": {found["AccessKeyId"]: access_key(iam, found) for found in keys},
    }


def provider(iam, arn):
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    return {
        "url": found["Url"],
        "audiences": found["ClientIDList"],
        "thumbprints": found.get("ThumbprintList", []),
        "tags": tags(found.get("Tags", [])),
    }


def decide():
    from moto.iam.access_control import IAMPolicy, PermissionResult

    def permitted(asked):
        policy = IAMPolicy(json.dumps(asked["policy"]))
        return policy.is_action_permitted(asked["action"], asked["resource"]) == PermissionResult.PERMITTED

    print(json.dumps([permitted(asked) for asked in json.load(sys.stdin)]))


def dump(url, accounts):
    held = {}
    for account in accounts:
        iam = client(url, account)
        roles = [r["RoleName"] for page in iam.get_paginator("list_roles").paginate() for r in page["Roles"]]
        providers = [p["Arn"] for p in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
        users = [u["UserName"] for page in iam.get_paginator("list_users").paginate() for u in page["Users"]]
        held[account] = {
            "users": {name: user(iam, name) for name in sorted(users)},
            "roles": {name: role(iam, name) for name in sorted(roles)},
            "providers": {arn: provider(iam, arn) for arn in sorted(providers)},
        }
    print(json.dumps(held))


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    commands = {"serve": serve, "seed": seed, "tag": tag, "use": use, "decide": decide}
    {**commands, "dump": lambda url, *accounts: dump(url, accounts)}[command](*arguments)
