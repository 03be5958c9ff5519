"""Records a conversation of boto3 with IAM and STS, signed, for TestConversationOfBoto3. Nothing goes over a network.

    python3 capture.py     writes conversation.json beside this file
"""
import base64
import json
import os

import boto3
from botocore.awsrequest import AWSResponse

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
out = []
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'


class Raw:
    def stream(self, *a, **k):
        yield b""

    def read(self, *a):
        return b""


def call(service, op, **params):
    c = boto3.client(service, region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=SECRET, endpoint_url="http://127.0.0.1:4566")

    def send(request, **_):
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        headers = {k: (v.decode() if isinstance(v, bytes) else v) for k, v in sorted(request.headers.items()) if k.lower() != "user-agent"}
        out.append({"method": request.method, "url": request.url, "headers": headers, "body": base64.b64encode(body).decode()})
        return AWSResponse(request.url, 200, {}, Raw())

    c.meta.events.register("before-send", send)
    n = len(out)
    try:
        getattr(c, op)(**params)
    except Exception as e:
        if len(out) == n:
            raise e


call("sts", "get_caller_identity")
call("iam", "create_user", UserName="ann", Path="/team/", Tags=[{"Key": "a", "Value": "b"}])
call("iam", "create_user", UserName="ann")
call("iam", "get_user", UserName="ann")
call("iam", "get_user")
call("iam", "get_user", UserName="bob")
call("iam", "list_users", MaxItems=10)
call("iam", "create_user", UserName="a" * 65)
call("iam", "put_user_policy", UserName="ann", PolicyName="p", PolicyDocument=POLICY)
call("iam", "get_user_policy", UserName="ann", PolicyName="p")
call("iam", "put_user_policy", UserName="ann", PolicyName="p", PolicyDocument="{}")
call("iam", "create_role", RoleName="r", AssumeRolePolicyDocument=TRUST)
call("iam", "attach_role_policy", RoleName="r", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole")
call("iam", "list_attached_role_policies", RoleName="r")
call("iam", "list_entities_for_policy", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole")
call("iam", "delete_role", RoleName="r")
call("sts", "assume_role", RoleArn="arn:aws:iam::000000000000:role/r", RoleSessionName="session")
call("sts", "assume_role", RoleArn="arn:aws:iam::000000000000:role/r", RoleSessionName="session", SourceIdentity="someone")
call("iam", "create_instance_profile", InstanceProfileName="x")
call("iam", "get_account_summary")

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "conversation.json"), "w") as f:
    json.dump(out, f, indent=1)
print(len(out), "requests")
