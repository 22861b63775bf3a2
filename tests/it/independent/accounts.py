#!/usr/bin/env python3
"""An AWS that nobody on this project wrote (moto), for the tests.

accounts.py serve                 serves on a free port, prints {"url": …}, and ends when stdin is closed
accounts.py seed URL < JSON       makes roles and providers of others: {account: {"roles": […], "providers": […]}}
accounts.py dump URL ACCOUNT…     prints what the accounts hold: {account: {"roles": {…}, "providers": {…}}}
"""
import json
import logging
import os
import sys


def serve():
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


def seed(url):
    for account, objects in json.load(sys.stdin).items():
        iam = client(url, account)
        for provider in objects.get("providers", []):
            iam.create_open_id_connect_provider(**provider)
        for role in objects.get("roles", []):
            iam.create_role(**{**role, "AssumeRolePolicyDocument": json.dumps(role["AssumeRolePolicyDocument"])})


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


def provider(iam, arn):
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    return {
        "url": found["Url"],
        "audiences": found["ClientIDList"],
        "thumbprints": found.get("ThumbprintList", []),
        "tags": tags(found.get("Tags", [])),
    }


def dump(url, accounts):
    held = {}
    for account in accounts:
        iam = client(url, account)
        roles = [r["RoleName"] for page in iam.get_paginator("list_roles").paginate() for r in page["Roles"]]
        providers = [p["Arn"] for p in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
        held[account] = {
            "roles": {name: role(iam, name) for name in sorted(roles)},
            "providers": {arn: provider(iam, arn) for arn in sorted(providers)},
        }
    print(json.dumps(held))


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    {"serve": serve, "seed": seed, "dump": lambda url, *accounts: dump(url, accounts)}[command](*arguments)
