"""S3 by boto3."""
import hashlib
import os
import urllib.error
import urllib.request

import pytest
from botocore.client import Config
from botocore.exceptions import ClientError


@pytest.fixture
def s3(server):
    return server.client("s3")


def test_put_get_list_delete(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a/b c+d.txt", Body=b"hello", ContentType="text/x", Metadata={"k": "v"})
    got = s3.get_object(Bucket=bucket, Key="a/b c+d.txt")
    assert got["Body"].read() == b"hello" and got["ContentType"] == "text/x" and got["Metadata"] == {"k": "v"}
    assert got["ETag"] == '"' + hashlib.md5(b"hello").hexdigest() + '"'
    listed = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [p["Prefix"] for p in listed["CommonPrefixes"]] == ["a/"] and "Contents" not in listed
    assert s3.get_object(Bucket=bucket, Key="a/b c+d.txt", Range="bytes=1-3")["Body"].read() == b"ell"
    s3.delete_object(Bucket=bucket, Key="a/b c+d.txt")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="a/b c+d.txt")


def test_pages(s3, bucket):
    keys = [f"k/{i:04d}" for i in range(250)]
    for k in keys:
        s3.put_object(Bucket=bucket, Key=k, Body=b"x")
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 100}))
    assert [len(p["Contents"]) for p in pages] == [100, 100, 50]
    assert [o["Key"] for p in pages for o in p["Contents"]] == keys


def test_multipart_upload_of_20_mib(s3, bucket, tmp_path):
    data = os.urandom(20 << 20)
    path = tmp_path / "big"
    path.write_bytes(data)
    s3.upload_file(str(path), bucket, "big")
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-3"')
    s3.download_file(bucket, "big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == data
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copy")
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == len(data)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls(server, bucket, version):
    server.client("s3").put_object(Bucket=bucket, Key="k", Body=b"data")
    url = server.client("s3", config=Config(signature_version=version, s3={"addressing_style": "path"})).generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert urllib.request.urlopen(url).read() == b"data"
    with pytest.raises(urllib.error.HTTPError) as e:
        urllib.request.urlopen(url.replace("ignature=", "ignature=A"))
    assert e.value.code == 403


def test_conditions_and_versions(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError) as e:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"3")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"3"
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 2


def test_acknowledged_objects_survive_sigkill(fresh_server):
    s3 = fresh_server.client("s3", "us-west-2")
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    bodies = {f"k{i}": os.urandom(100 if i % 2 else 100_000) for i in range(60)}
    for k, body in bodies.items():
        s3.put_object(Bucket="kept", Key=k, Body=body)
    fresh_server.kill()
    fresh_server.start()
    s3 = fresh_server.client("s3", "us-west-2")
    assert {k: s3.get_object(Bucket="kept", Key=k)["Body"].read() for k in bodies} == bodies


def test_encryption_with_keys_that_do_not_exist_is_refused(server, bucket):
    s3 = server.client("s3")
    for refused in (lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms"),
                    lambda: s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]})):
        with pytest.raises(ClientError) as e:
            refused()
        assert e.value.response["Error"]["Code"] == "NotImplemented"
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256")["ServerSideEncryption"] == "AES256"
