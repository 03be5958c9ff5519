"""What IAM asks of those who make and change identities."""
import json
import time
import uuid

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def keys(server, *statements):
    iam, user = server.client("iam"), "iam-" + uuid.uuid4().hex[:8]
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def refused(call, **args):
    with pytest.raises(ClientError) as e:
        call(**args)
    assert e.value.response["Error"]["Code"] == "AccessDenied", e.value


TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
S3 = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


def test_a_path_is_part_of_what_is_made(server, name):
    iam = server.client("iam", **keys(server, {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
                                      {"Effect": "Deny", "Action": "iam:*", "Resource": [f"arn:aws:iam::{ACCOUNT}:{k}/admin/*" for k in ("user", "role", "group")]}))
    refused(iam.create_user, UserName=name, Path="/admin/")
    refused(iam.create_group, GroupName=name, Path="/admin/")
    refused(iam.create_role, RoleName=name, Path="/admin/", AssumeRolePolicyDocument=TRUST)
    iam.create_user(UserName=name, Path="/staff/")
    iam.create_group(GroupName=name)
    refused(iam.update_user, UserName=name, NewPath="/admin/")
    refused(iam.update_group, GroupName=name, NewPath="/admin/")
    iam.update_user(UserName=name, NewUserName=name + "2")
    assert iam.get_user(UserName=name + "2")["User"]["Path"] == "/staff/"


def test_who_must_bound_what_it_makes(server, name):
    root = server.client("iam")
    boundary = root.create_policy(PolicyName=name, PolicyDocument=S3)["Policy"]["Arn"]
    iam = server.client("iam", **keys(server, {"Effect": "Allow", "Action": ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"],
                                               "Resource": "*", "Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}}},
                                      {"Effect": "Deny", "Action": "iam:DeleteRolePermissionsBoundary", "Resource": "*", "Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}}}))
    refused(iam.create_role, RoleName=name, AssumeRolePolicyDocument=TRUST)
    refused(iam.create_role, RoleName=name, AssumeRolePolicyDocument=TRUST, PermissionsBoundary=ADMIN)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, PermissionsBoundary=boundary)
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=S3)
    iam.attach_role_policy(RoleName=name, PolicyArn=ADMIN)
    refused(iam.delete_role_permissions_boundary, RoleName=name)
    refused(iam.put_role_permissions_boundary, RoleName=name, PermissionsBoundary=ADMIN)
    root.create_role(RoleName=name + "-free", AssumeRolePolicyDocument=TRUST)
    refused(iam.put_role_policy, RoleName=name + "-free", PolicyName="p", PolicyDocument=S3)
    refused(iam.attach_role_policy, RoleName=name + "-free", PolicyArn=ADMIN)


def test_a_policy_has_one_name(server, name):
    server.client("iam").create_user(UserName=name)
    iam = server.client("iam", **keys(server, {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
                                      {"Effect": "Deny", "Action": "iam:AttachUserPolicy", "Resource": "*", "Condition": {"ArnEquals": {"iam:PolicyARN": ADMIN}}},
                                      {"Effect": "Deny", "Action": "iam:GetPolicy", "Resource": ADMIN}))
    for arn in (ADMIN, ADMIN.replace("Administrator", "administrator")):
        refused(iam.attach_user_policy, UserName=name, PolicyArn=arn)
        refused(iam.get_policy, PolicyArn=arn)


def test_a_session_begets_no_session(server):
    first = server.client("sts", **keys(server, {"Effect": "Allow", "Action": "*", "Resource": "*"})).get_session_token(DurationSeconds=900)["Credentials"]
    session = {"aws_access_key_id": first["AccessKeyId"], "aws_secret_access_key": first["SecretAccessKey"], "aws_session_token": first["SessionToken"]}
    refused(server.client("sts", **session).get_session_token)
    assert server.client("sts", **session).get_caller_identity()["Account"] == ACCOUNT


def test_a_marker_that_is_none(server):
    with pytest.raises(ClientError, match="Invalid Marker"):
        server.client("iam").list_users(Marker="%%%")


def test_log_streams_are_resources(server, name):
    logs, group = server.client("logs"), "/" + name
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"
    for stream in ("mine", "secret"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    mine = server.client("logs", **keys(server, {"Effect": "Allow", "Action": "logs:*", "Resource": f"{arn}:log-stream:mine"}, {"Effect": "Allow", "Action": "logs:ListTagsForResource", "Resource": arn}))
    event = {"logEvents": [{"timestamp": int(time.time() * 1000), "message": "x"}]}
    mine.put_log_events(logGroupName=group, logStreamName="mine", **event)
    assert mine.get_log_events(logGroupName=group, logStreamName="mine")["events"]
    mine.list_tags_for_resource(resourceArn=arn)
    most = server.client("logs", **keys(server, {"Effect": "Allow", "Action": "logs:*", "Resource": f"arn:aws:logs:*:{ACCOUNT}:*"},
                                        {"Effect": "Deny", "Action": "logs:*", "Resource": f"{arn}:log-stream:secret"}))
    assert most.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    for client in (mine, most):
        for call in (lambda: client.put_log_events(logGroupName=group, logStreamName="secret", **event), lambda: client.get_log_events(logGroupName=group, logStreamName="secret"),
                     lambda: client.delete_log_stream(logGroupName=group, logStreamName="secret")):
            with pytest.raises(ClientError, match="log-stream:secret"):
                call()


def test_batches_name_each_resource(server):
    glue = server.client("glue", **keys(server, {"Effect": "Allow", "Action": "glue:*", "Resource": f"arn:aws:glue:us-east-1:{ACCOUNT}:*/mine"}))
    for call, argument in ((glue.batch_get_jobs, "JobNames"), (glue.batch_get_crawlers, "CrawlerNames"), (glue.batch_get_triggers, "TriggerNames"),
                           (glue.batch_get_workflows, "Names"), (glue.get_crawler_metrics, "CrawlerNameList")):
        call(**{argument: ["mine"]})
        with pytest.raises(ClientError, match="/secret"):
            call(**{argument: ["mine", "secret"]})


def test_a_table_with_a_bad_index_is_not_made(server, name):
    glue, database = server.client("glue"), name.replace("-", "_")
    glue.create_database(DatabaseInput={"Name": database})
    with pytest.raises(ClientError):
        glue.create_table(DatabaseName=database, TableInput={"Name": "t", "PartitionKeys": [{"Name": "p", "Type": "string"}]}, PartitionIndexes=[{"IndexName": "i", "Keys": ["none"]}])
    assert glue.get_tables(DatabaseName=database)["TableList"] == []
