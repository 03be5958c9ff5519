"""Records requests that botocore has signed, for TestRequestsOfBotocore. Nothing goes over a network.

    python3 capture.py     writes signed.json beside this file
"""
import base64
import io
import json
import os
import urllib.request

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
out = []


class Raw:
    def stream(self, *a, **k):
        yield b""

    def read(self, *a):
        return b""


def client(service, token=None, **config):
    return boto3.client(service, region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=SECRET, aws_session_token=token,
                        endpoint_url="https://localhost:4566", config=Config(**config))


def capture(name, c, op, **params):
    def send(request, **_):
        body = request.body or b""
        if hasattr(body, "read"):
            body = body.read()
        if isinstance(body, str):
            body = body.encode()
        headers = {k: (v.decode() if isinstance(v, bytes) else v) for k, v in sorted(request.headers.items()) if k.lower() != "user-agent"}
        out.append({"name": name, "method": request.method, "url": request.url, "headers": headers, "body": base64.b64encode(body).decode()})
        return AWSResponse(request.url, 200, {}, Raw())

    c.meta.events.register("before-send", send)
    n = len(out)
    try:
        getattr(c, op)(**params)
    except Exception as e:
        if len(out) == n:
            raise e


def presigned(name, url, method="GET"):
    out.append({"name": name, "method": method, "url": url, "headers": {}, "body": ""})


path = {"s3": {"addressing_style": "path"}}
capture("s3 put with odd key", client("s3", **path), "put_object", Bucket="lake", Key="a b/c+d/\u00e9//./x~%2F", Body=b"hello", Metadata={"k": "two  spaces"})
capture("s3 put trailer", client("s3", **path), "put_object", Bucket="lake", Key="k", Body=io.BytesIO(b"hello world" * 10000), ChecksumAlgorithm="CRC32")
capture("s3 list", client("s3", token="TOKEN/+=", **path), "list_objects_v2", Bucket="lake", Prefix="a b/+&=", Delimiter="/")
capture("s3 policy", client("s3", **path), "get_bucket_policy", Bucket="lake")
capture("lambda arn", client("lambda"), "get_function", FunctionName="arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST")
capture("lambda tags", client("lambda"), "untag_resource", Resource="arn:aws:lambda:us-east-1:000000000000:function:f", TagKeys=["b", "a b"])
capture("sqs", client("sqs"), "send_message", QueueUrl="https://localhost:4566/000000000000/q", MessageBody="x")
capture("iam", client("iam", token="TOKEN/+="), "create_user", UserName="a+b", Tags=[{"Key": "k", "Value": "v w"}])
for version in ("s3", "s3v4"):
    c = client("s3", token="TOKEN/+=" if version == "s3" else None, signature_version=version, **path)
    presigned(f"presigned {version} get", c.generate_presigned_url("get_object", Params={"Bucket": "lake", "Key": "a b/+\u00e9", "VersionId": "v1", "ResponseContentType": "text/plain"}))
    presigned(f"presigned {version} put", c.generate_presigned_url("put_object", Params={"Bucket": "lake", "Key": "k", "ContentType": "text/csv"}), "PUT")
out[-3]["headers"]["Content-Type"] = "text/csv"
out[-1]["headers"]["Content-Type"] = "text/csv"
virtual = boto3.client("s3", region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=SECRET, config=Config(signature_version="s3"))
presigned("presigned s3 virtual host", virtual.generate_presigned_url("get_object", Params={"Bucket": "lake", "Key": "a/b"}))
presigned("presigned sts", client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET"))

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "signed.json"), "w") as f:
    json.dump(out, f, indent=1)
print(len(out), "requests")
