"""Corners of S3 that tools meet: settings that were never made, odd keys, who pays, other names for this machine."""
import http.client
import re
import urllib.parse

import pytest
from botocore.client import Config
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from conftest import Server


@pytest.fixture
def s3(server):
    return server.client("s3", config=Config(parameter_validation=False))


def signed(server, method, path, host=None, headers=None, body=b""):
    """A signed request as it is written, whatever clients would make of it."""
    request = AWSRequest(method, server.endpoint + path, {**(headers or {}), **({"Host": host} if host else {})}, body)
    S3SigV4Auth(Credentials(server.env["AWS_ACCESS_KEY_ID"], server.env["AWS_SECRET_ACCESS_KEY"]), "s3", "us-east-1").add_auth(request)
    c = http.client.HTTPConnection(server.endpoint.removeprefix("http://"))
    c.request(method, path, body, dict(request.headers))
    answer = c.getresponse()
    return answer.status, answer.read().decode()


# What Terraform and the CDK read of a bucket that has none of it.
NEVER_SET = {
    "get_bucket_cors": "NoSuchCORSConfiguration", "get_bucket_website": "NoSuchWebsiteConfiguration", "get_bucket_replication": "ReplicationConfigurationNotFoundError",
    "get_object_lock_configuration": "ObjectLockConfigurationNotFoundError", "get_bucket_tagging": "NoSuchTagSet", "get_bucket_policy": "NoSuchBucketPolicy",
    "get_bucket_lifecycle_configuration": "NoSuchLifecycleConfiguration", "get_bucket_logging": None, "get_bucket_accelerate_configuration": None,
    "get_bucket_request_payment": None, "get_bucket_acl": None, "get_bucket_versioning": None, "get_bucket_encryption": None, "get_public_access_block": None,
    "get_bucket_ownership_controls": None, "get_bucket_notification_configuration": None, "get_bucket_location": None, "delete_bucket_website": None,
    "delete_bucket_replication": None, "list_bucket_metrics_configurations": None, "list_bucket_inventory_configurations": None,
    "list_bucket_analytics_configurations": None, "list_bucket_intelligent_tiering_configurations": None,
}


def test_settings_that_were_never_made(s3, bucket):
    for operation, code in NEVER_SET.items():
        try:
            getattr(s3, operation)(Bucket=bucket)
            got = None
        except ClientError as e:
            got = e.response["Error"]["Code"]
            assert e.response["Error"]["BucketName"] == bucket
        assert got == code, operation
    for kind in ("metrics", "inventory", "analytics", "intelligent_tiering"):
        for verb in ("get", "delete"):
            with pytest.raises(ClientError) as e:
                getattr(s3, f"{verb}_bucket_{kind}_configuration")(Bucket=bucket, Id="x")
            assert e.value.response["Error"]["Code"] == "NoSuchConfiguration"


KEYS = ["a b", "a+b", "a%b", "%2F", "ü/é", "..", "../x", "a/../b", "./a", "a//b", "/lead", "trail/", "a?b", "a#b", "a&b=c", "€", "😀", "a\nb", "\x01x", "a\\b", 'q"', "<x>", "x" * 1024]


def test_odd_keys(s3, bucket):
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == sorted(KEYS, key=str.encode)
    for key in ("x" * 1025, "ü" * 513):
        with pytest.raises(ClientError) as e:
            s3.put_object(Bucket=bucket, Key=key)
        assert e.value.response["Error"]["Code"] == "KeyTooLongError"
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k} for k in KEYS if k != "\x01x"]})  # which no document can name
    assert "Errors" not in gone and s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_lists(s3, bucket):
    for key in ("a", "b--c", "b--d", "c/1", "c/2", "d"):
        s3.put_object(Bucket=bucket, Key=key)
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="--")
    assert [o["Key"] for o in page["Contents"]] == ["a", "c/1", "c/2", "d"] and [p["Prefix"] for p in page["CommonPrefixes"]] == ["b--"]
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0
    first = s3.list_objects_v2(Bucket=bucket, MaxKeys=2, StartAfter="a")
    assert first["StartAfter"] == "a"
    second = s3.list_objects_v2(Bucket=bucket, MaxKeys=2, StartAfter="a", ContinuationToken=first["NextContinuationToken"])
    assert [o["Key"] for o in second["Contents"]] == ["c/1", "c/2"] and "StartAfter" not in second


def test_requester_pays(tmp_path):
    server = Server(tmp_path / "tarn", "--insecure-dev").start()
    try:
        ours = server.client("s3")
        theirs = server.client("s3", aws_access_key_id="111111111111", aws_secret_access_key="x")
        ours.create_bucket(Bucket="shop")
        ours.put_object(Bucket="shop", Key="k", Body=b"k")
        ours.put_bucket_policy(Bucket="shop", Policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:*","Resource":["arn:aws:s3:::shop","arn:aws:s3:::shop/*"]}]}')
        theirs.get_object(Bucket="shop", Key="k")
        ours.put_bucket_request_payment(Bucket="shop", RequestPaymentConfiguration={"Payer": "Requester"})
        assert ours.get_bucket_request_payment(Bucket="shop")["Payer"] == "Requester"
        for call in (theirs.get_object, theirs.put_object, theirs.delete_object):
            with pytest.raises(ClientError) as e:
                call(Bucket="shop", Key="k")
            assert e.value.response["Error"]["Code"] == "AccessDenied"
        assert theirs.get_object(Bucket="shop", Key="k", RequestPayer="requester")["Body"].read() == b"k"
        assert ours.get_object(Bucket="shop", Key="k")["Body"].read() == b"k"
    finally:
        server.kill()


def test_names_of_hosts(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"body")
    for host in ("{}.localhost:4566", "{}.s3.localhost", "{}.s3.us-east-1.localhost", "{}.s3.amazonaws.com", "{}.s3.us-east-1.amazonaws.com", "{}.s3.localhost.localstack.cloud:4566"):
        assert signed(server, "GET", "/k", host.format(bucket)) == (200, "body"), host
    for host in ("s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "s3.localhost.localstack.cloud:4566"):
        assert signed(server, "GET", f"/{bucket}/k", host) == (200, "body"), host


def test_refusals(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")

    def refused(status, code, method, path, headers=None, body=b""):
        got, text = signed(server, method, path, headers=headers, body=body)
        assert got == status and f"<Code>{code}</Code>" in text, (path, headers, got, text)
        return text

    refused(400, "InvalidArgument", "GET", f"/{bucket}/k?versionId=")
    refused(400, "InvalidRedirectLocation", "PUT", f"/{bucket}/r", {"X-Amz-Website-Redirect-Location": "elsewhere"})
    refused(416, "InvalidRange", "GET", f"/{bucket}/k", {"Range": "bytes=10-"})
    refused(400, "InvalidArgument", "GET", f"/{bucket}?max-keys=99999999999")
    refused(400, "InvalidDigest", "PUT", f"/{bucket}/k", {"Content-MD5": "AAAA"}, b"x")
    text = refused(400, "BadDigest", "PUT", f"/{bucket}/k", {"Content-MD5": "MDAwMDAwMDAwMDAwMDAwMA=="}, b"x")
    assert re.search("<ExpectedDigest>(30){16}</ExpectedDigest>", text)
    # Ranges that S3 takes no notice of.
    for r in ("bytes=0-0,2-3", "bytes=5-2", "items=0-1", "bytes=a-b"):
        assert signed(server, "GET", f"/{bucket}/k", headers={"Range": r}) == (200, "0123456789"), r


def request(url, method="GET", body=None, headers=None):
    """An unsigned request; its answer's status, headers and body."""
    at = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(at.netloc)
    c.request(method, at.path + ("?" + at.query if at.query else ""), body, headers or {})
    answer = c.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode()


def test_presigned_requests_say_headers_in_parameters(server, s3, bucket):
    keys = Credentials(server.env["AWS_ACCESS_KEY_ID"], server.env["AWS_SECRET_ACCESS_KEY"])
    once = AWSRequest("PUT", f"{server.endpoint}/{bucket}/once", {}, b"", params={"If-None-Match": "*", "x-amz-meta-a": "b", "x-amz-storage-class": "STANDARD_IA"})
    S3SigV4QueryAuth(keys, "s3", "us-east-1").add_auth(once)
    assert request(once.url, "PUT", b"x")[0] == 200
    assert request(once.url, "PUT", b"x")[0] == 412
    head = s3.head_object(Bucket=bucket, Key="once")
    assert head["Metadata"] == {"a": "b"} and head["StorageClass"] == "STANDARD_IA"
    old = server.client("s3", config=Config(signature_version="s3", s3={"addressing_style": "path"}))
    assert request(old.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "old", "Metadata": {"c": "d"}}), "PUT", b"x")[0] == 200
    assert s3.head_object(Bucket=bucket, Key="old")["Metadata"] == {"c": "d"}
    typed = old.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "typed", "ContentType": "text/plain"})
    assert request(typed, "PUT", b"x", {"Content-Type": "text/xml"})[0] == 403
    assert request(typed, "PUT", b"x", {"Content-Type": "text/plain"})[0] == 200 == request(typed, "PUT", b"x")[0]
    assert s3.head_object(Bucket=bucket, Key="typed")["ContentType"] == "text/plain"
    status, _, text = request(once.url.replace("STANDARD_IA", "STANDARD"), "PUT", b"x")
    assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in text and "<CanonicalRequest>PUT\n" in text.replace("&#xA;", "\n") and "<StringToSign>AWS4-HMAC-SHA256" in text
    status, _, text = request(f"{server.endpoint}/{bucket}/old?AWSAccessKeyId={keys.access_key}&Expires=9999999999")
    assert status == 403 and "<Code>AccessDenied</Code>" in text


def test_sources_of_copies(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b", Body=b"space")
    s3.put_object(Bucket=bucket, Key="a+b", Body=b"plus")
    for source, want in ((f"{bucket}/a%20b", b"space"), (f"{bucket}/a+b", b"space"), (f"/{bucket}/a%2Bb", b"plus"), (f"{bucket}%2Fa+b", b"space"), (f"%2F{bucket}%2Fa%20b", b"space"), (f"{server.endpoint}/{bucket}/a%2Bb", b"plus")):
        status, text = signed(server, "PUT", f"/{bucket}/copy", headers={"X-Amz-Copy-Source": source})
        assert status == 200 and ".000Z</LastModified>" in text, (source, text)
        assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == want
    for source in ("nothing", f"{bucket}/", "/"):
        status, text = signed(server, "PUT", f"/{bucket}/copy", headers={"X-Amz-Copy-Source": source})
        assert status == 400 and "<Code>InvalidArgument</Code>" in text, (source, text)


def test_preflights(server, s3, bucket):
    url = f"{server.endpoint}/{bucket}/k"

    def ask(at=url, **headers):
        return request(at, "OPTIONS", headers={k.replace("_", "-"): v for k, v in headers.items()})

    def refused(answer, status, *parts):
        assert answer[0] == status and all(p in answer[2] for p in parts) and answer[1]["X-Amz-Request-Id"] in answer[2], answer

    refused(ask(), 400, "<Code>BadRequest</Code>")
    refused(ask(Origin="http://a", Access_Control_Request_Method="PUT"), 403, "CORS is not enabled", "<Method>PUT</Method>", "<ResourceType>BUCKET</ResourceType>")
    refused(ask(f"{server.endpoint}/{bucket}-none/k", Origin="http://a"), 403, "Bucket not found", "<Method>OPTIONS</Method>")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["http://a"], "AllowedHeaders": ["x-a", "x-b"], "MaxAgeSeconds": 60}]})
    status, headers, _ = ask(Origin="http://a", Access_Control_Request_Method="GET", Access_Control_Request_Headers="X-A,x-b")
    assert status == 200 and headers["Access-Control-Allow-Headers"] == "x-a, x-b" and headers["Access-Control-Max-Age"] == "60" and headers["Access-Control-Allow-Origin"] == "http://a"
    refused(ask(Origin="http://a", Access_Control_Request_Method="PUT"), 403, "not allowed", "<ResourceType>OBJECT</ResourceType>")
    s3.put_object(Bucket=bucket, Key="k", Body=b"k")
    link = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert request(link, headers={"Origin": "http://a"})[1]["Access-Control-Max-Age"] == "60"
    for headers in ({"Origin": "http://b"}, {"Origin": "http://a", "Access-Control-Request-Method": "PUT"}, {"Origin": "http://a", "Access-Control-Request-Headers": "x-c"}):
        status, got, _ = request(link, headers=headers)
        assert status == 200 and "Access-Control-Allow-Origin" not in got


def test_everybody_is_told_that_a_bucket_is_not_there(server, name):
    status, _, text = request(f"{server.endpoint}/{name}/k")
    assert status == 404 and "<Code>NoSuchBucket</Code>" in text and f"<BucketName>{name}</BucketName>" in text


def test_transitions_between_storage_classes(s3, bucket):
    rules = [{"ID": "tier", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 90, "StorageClass": "GLACIER_IR"}],
              "NoncurrentVersionTransitions": [{"NoncurrentDays": 30, "NewerNoncurrentVersions": 2, "StorageClass": "STANDARD_IA"}], "Expiration": {"Days": 365}}]
    put = lambda r: s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": r})
    put(rules)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    for code, change in (("NotImplemented", {"Days": 90, "StorageClass": "DEEP_ARCHIVE"}), ("InvalidArgument", {"Days": 1, "StorageClass": "STANDARD_IA"}), ("InvalidArgument", {"Days": 400, "StorageClass": "GLACIER_IR"})):
        with pytest.raises(ClientError) as e:
            put([{**rules[0], "Transitions": [change]}])
        assert e.value.response["Error"]["Code"] == code
