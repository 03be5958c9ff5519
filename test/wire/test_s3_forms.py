"""Uploads by forms, as browsers make them: policies that boto3 signs."""
import base64
import datetime
import hashlib
import hmac
import http.client
import json
import re
import urllib.parse
import uuid

import pytest
from botocore.client import Config


@pytest.fixture
def s3(server):
    return server.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))


def multipart(fields, file=b"hello", filename="f.txt", end=True):
    """The body of a form, and its type. fields may be a list with names that come twice."""
    boundary = uuid.uuid4().hex
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in (fields.items() if isinstance(fields, dict) else fields)]
    if file is not None:
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\nContent-Type: text/plain\r\n\r\n'.encode() + file + b"\r\n")
    return b"".join(parts) + (f"--{boundary}--\r\n".encode() if end else b""), f"multipart/form-data; boundary={boundary}"


def send(url, body, kind):
    """Returns status, headers and text."""
    u = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(u.netloc, timeout=30)
    try:
        c.request("POST", u.path, body, {"Content-Type": kind})
        r = c.getresponse()
        return r.status, r.headers, r.read().decode()
    finally:
        c.close()


def post(url, fields, **more):
    return send(url, *multipart(fields, **more))


def code(answer):
    found = re.search("<Code>(.*?)</Code>", answer[2])
    return answer[0], found and found[1]


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_post(server, bucket, version):
    s3 = server.client("s3", config=Config(signature_version=version, s3={"addressing_style": "path"}))
    p = s3.generate_presigned_post(bucket, "in/${filename}", Fields={"Content-Type": "text/x", "x-amz-meta-a": "1", "acl": "private"},
                                   Conditions=[["starts-with", "$Content-Type", "text/"], {"x-amz-meta-a": "1"}, {"acl": "private"}, ["content-length-range", 1, 10]])
    status, headers, _ = post(p["url"], p["fields"], filename="C:\\\\dir\\\\é.txt")
    assert status == 204 and headers["ETag"] == '"' + hashlib.md5(b"hello").hexdigest() + '"'
    s3 = server.client("s3")
    got = s3.get_object(Bucket=bucket, Key="in/é.txt")
    assert got["Body"].read() == b"hello" and got["ContentType"] == "text/x" and got["Metadata"] == {"a": "1"}
    assert code(post(p["url"], p["fields"], file=b"x" * 11)) == (400, "EntityTooLarge")
    assert code(post(p["url"], p["fields"], file=b"")) == (400, "EntityTooSmall")
    assert code(post(p["url"], {**p["fields"], "Content-Type": "image/png"})) == (403, "AccessDenied")
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["in/é.txt"]


def test_answers(s3, bucket):
    def go(**extra):
        p = s3.generate_presigned_post(bucket, "k/1", Fields=extra, Conditions=[{k: v} for k, v in extra.items()])
        return post(p["url"], p["fields"])

    status, headers, text = go(success_action_status="201")
    assert status == 201 and f"<Bucket>{bucket}</Bucket><Key>k/1</Key><ETag>&#34;" in text and headers["Location"].endswith(f"/{bucket}/k%2F1")
    assert go(success_action_status="200")[0] == 200
    assert go(success_action_status="404")[0] == 204
    status, headers, _ = go(success_action_redirect="http://example.com/done?x=1")
    assert status == 303
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(headers["Location"]).query) == {"x": ["1"], "bucket": [bucket], "key": ["k/1"], "etag": ['"' + hashlib.md5(b"hello").hexdigest() + '"']}
    assert go(success_action_redirect="no address")[0] == 204
    tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    assert go(tagging=tags)[0] == 204
    assert s3.get_object_tagging(Bucket=bucket, Key="k/1")["TagSet"] == [{"Key": "a", "Value": "b"}]


def test_a_large_file_streams(s3, bucket):
    data = bytes(range(256)) * 40_000
    p = s3.generate_presigned_post(bucket, "big", Fields={"x-amz-checksum-algorithm": "SHA256"}, Conditions=[{"x-amz-checksum-algorithm": "SHA256"}])
    assert post(p["url"], p["fields"], file=data)[0] == 204
    got = s3.get_object(Bucket=bucket, Key="big", ChecksumMode="ENABLED")
    assert got["Body"].read() == data and got["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(data).digest()).decode()


def test_events_name_the_form(server, s3, bucket, name):
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(allow)})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]})
    # AWS tells the queue that it is connected.
    test = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]
    body = json.loads(test["Body"])
    assert body["Service"] == "Amazon S3" and body["Event"] == "s3:TestEvent" and body["Bucket"] == bucket and {"Time", "RequestId", "HostId"} <= body.keys()
    sqs.delete_message(QueueUrl=url, ReceiptHandle=test["ReceiptHandle"])
    p = s3.generate_presigned_post(bucket, "k")
    assert post(p["url"], p["fields"])[0] == 204
    event = json.loads(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]["Body"])["Records"][0]
    assert event["eventName"] == "ObjectCreated:Post" and event["s3"]["object"]["size"] == 5


def signed(server, policy, **fields):
    """Fields with a policy of one's own and its right signature."""
    now = datetime.datetime.now(datetime.timezone.utc)
    date = now.strftime("%Y%m%d")
    key = ("AWS4" + server.env["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in (date, "us-east-1", "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = base64.b64encode(policy.encode()).decode()
    return {"key": "k", "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-credential": f"{server.env['AWS_ACCESS_KEY_ID']}/{date}/us-east-1/s3/aws4_request",
            "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"), "policy": text, "x-amz-signature": hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), **fields}


def test_refusals(server, s3, bucket):
    p = s3.generate_presigned_post(bucket, "k")
    url, good = p["url"], p["fields"]
    without = lambda *names: {k: v for k, v in good.items() if k not in names}  # noqa: E731
    flipped = {**good, "x-amz-signature": "0" * 64}
    cases = {
        "other signature": (post(url, flipped), 403, "SignatureDoesNotMatch"),
        "other policy": (post(url, {**good, "policy": base64.b64encode(b"{}").decode()}), 403, "SignatureDoesNotMatch"),
        "unknown key": (post(url, {**good, "x-amz-credential": "AKIAAAAAAAAAAAAAAAAA" + good["x-amz-credential"][good["x-amz-credential"].index("/"):]}), 403, "InvalidAccessKeyId"),
        "no signature": (post(url, without("x-amz-signature")), 400, "InvalidArgument"),
        "no policy": (post(url, without("policy")), 400, "InvalidArgument"),
        "nobody": (post(url, {"key": "k"}), 403, "AccessDenied"),
        "no key": (post(url, without("key")), 400, "InvalidArgument"),
        "no file": (post(url, good, file=None), 400, "InvalidArgument"),
        "other key": (post(url, {**good, "key": "other"}), 403, "AccessDenied"),
        "field without a condition": (post(url, {**good, "x-amz-meta-a": "1"}), 403, "AccessDenied"),
        "the second key": (post(url, [*without("key").items(), ("key", "other"), ("key", "k")]), 403, "AccessDenied"),
        "expired": (post(url, signed(server, '{"expiration":"2020-01-01T00:00:00Z","conditions":[]}')), 403, "AccessDenied"),
        "broken policy": (post(url, signed(server, "{")), 400, "InvalidPolicyDocument"),
        "no expiration": (post(url, signed(server, '{"conditions":[]}')), 400, "InvalidPolicyDocument"),
        "fields over 20 KB": (post(url, {**good, "x-ignore-a": "x" * 21_000}), 400, "MaxPostPreDataLengthExceeded"),
        "missing bucket": (post(url.replace(bucket, "no-such-bucket-here"), {"key": "k"}), 404, "NoSuchBucket"),
        "key in the path": (post(url.rstrip("/") + "/k", good), 405, "MethodNotAllowed"),
        "cut off": (send(url, *multipart(good, file=b"x" * 100_000, end=False)), 400, "MalformedPOSTRequest"),
        "cut off, small": (send(url, *multipart(good, end=False)), 400, "MalformedPOSTRequest"),
        "no boundary": (send(url, b"x", "multipart/form-data"), 400, "MalformedPOSTRequest"),
        "other boundary": (send(url, multipart(good)[0], "multipart/form-data; boundary=other"), 400, None),
        "ACL": (post(url, signed(server, '{"expiration":"2099-01-01T00:00:00Z","conditions":[["starts-with","$key",""],{"acl":"public-read"},["starts-with","$x-amz-algorithm",""],["starts-with","$x-amz-credential",""],["starts-with","$x-amz-date",""]]}', acl="public-read")),
                400, "AccessControlListNotSupported"),
        "customer's key": (post(url, signed(server, '{"expiration":"2099-01-01T00:00:00Z","conditions":[["starts-with","$key",""],["starts-with","$x-amz-server-side-encryption-customer-algorithm",""],["starts-with","$x-amz-algorithm",""],["starts-with","$x-amz-credential",""],["starts-with","$x-amz-date",""]]}', **{"x-amz-server-side-encryption-customer-algorithm": "AES256"})),
                           501, "NotImplemented"),
    }
    wrong = {name: code(answer) for name, (answer, *expected) in cases.items() if expected[1] and code(answer) != tuple(expected)}
    assert not wrong
    assert cases["other boundary"][0][0] in (400, 403)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket), "nothing was stored"


def test_anybody_by_the_buckets_policy(s3, bucket, server):
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicPolicy": False, "RestrictPublicBuckets": False})
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/open/*"}]}))
    url = f"{server.endpoint}/{bucket}"
    assert post(url, {"key": "open/k"})[0] == 204
    assert code(post(url, {"key": "closed/k"})) == (403, "AccessDenied")
