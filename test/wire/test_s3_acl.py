"""Access control lists of S3, who may do what by them, and the condition keys of requests."""
import json
import urllib.error
import urllib.request

import pytest
from botocore import UNSIGNED
from botocore.client import Config
from botocore.exceptions import ClientError

from conftest import Server

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


def refused(code, call, **args):
    with pytest.raises(ClientError) as e:
        call(**args)
    assert e.value.response["Error"]["Code"] in code.split("|"), e.value
    return e.value.response


@pytest.fixture
def s3(server):
    return server.client("s3")


@pytest.fixture
def nobody(server):
    return server.client("s3", config=Config(signature_version=UNSIGNED))


@pytest.fixture
def listed(s3, name):
    """A bucket in which lists are in force and public ones are not blocked."""
    s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    s3.delete_public_access_block(Bucket=name)
    return name


def test_buckets_whose_owner_owns_all_have_no_lists(s3, bucket):
    me = s3.list_buckets()["Owner"]["ID"]
    s3.put_object(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    only = {"Owner": {"ID": me}, "Grants": [{"Grantee": {"ID": me, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]}
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=only)
    refused("AccessControlListNotSupported", s3.put_bucket_acl, Bucket=bucket, ACL="private")
    refused("AccessControlListNotSupported", s3.put_bucket_acl, Bucket=bucket, GrantRead=f'id="{me}"')
    refused("AccessControlListNotSupported", s3.put_object_acl, Bucket=bucket, Key="k", ACL="public-read")
    refused("AccessControlListNotSupported", s3.put_object, Bucket=bucket, Key="k", ACL="public-read")
    refused("AccessControlListNotSupported", s3.copy_object, Bucket=bucket, Key="l", CopySource=f"{bucket}/k", ACL="public-read")
    refused("AccessControlListNotSupported", s3.create_multipart_upload, Bucket=bucket, Key="l", GrantFullControl=f'id="{me}"')
    got = s3.get_object_acl(Bucket=bucket, Key="k")
    assert got["Owner"]["ID"] == me and got["Grants"] == only["Grants"] == s3.get_bucket_acl(Bucket=bucket)["Grants"]


def test_new_buckets_and_lists(s3, name):
    refused("InvalidBucketAclWithObjectOwnership", s3.create_bucket, Bucket=name, ACL="public-read")
    refused("InvalidBucketAclWithBlockPublicAccessError", s3.create_bucket, Bucket=name, ACL="public-read", ObjectOwnership="ObjectWriter")
    refused("InvalidRequest", s3.create_bucket, Bucket=name, ACL="private", GrantRead=f'uri="{ALL_USERS}"', ObjectOwnership="ObjectWriter")
    s3.create_bucket(Bucket=name, ACL="private")
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]})
    for call in (lambda: s3.put_bucket_acl(Bucket=name, ACL="public-read"), lambda: s3.put_object(Bucket=name, Key="k", ACL="public-read-write")):
        with pytest.raises(ClientError) as e:
            call()
        assert e.value.response["Error"]["Code"] == "AccessDenied" and "BlockPublicAcls" in e.value.response["Error"]["Message"]
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_acl(Bucket=name, ACL="public-read")
    refused("InvalidBucketAclWithObjectOwnership", s3.put_bucket_ownership_controls, Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})


def test_everybody_reads_what_a_list_gives(s3, nobody, listed):
    s3.put_object(Bucket=listed, Key="open", Body=b"o", ACL="public-read")
    s3.put_object(Bucket=listed, Key="shut", Body=b"s")
    assert nobody.get_object(Bucket=listed, Key="open")["Body"].read() == b"o"
    assert urllib.request.urlopen(f"{s3.meta.endpoint_url}/{listed}/open").read() == b"o"
    refused("AccessDenied", nobody.get_object, Bucket=listed, Key="shut")
    refused("AccessDenied", nobody.list_objects_v2, Bucket=listed)
    refused("AccessDenied", nobody.get_object_acl, Bucket=listed, Key="open")
    refused("AccessDenied", nobody.put_object, Bucket=listed, Key="open", Body=b"x")
    refused("AccessDenied", nobody.delete_object, Bucket=listed, Key="open")
    s3.put_bucket_acl(Bucket=listed, ACL="public-read-write")
    assert [o["Key"] for o in nobody.list_objects_v2(Bucket=listed)["Contents"]] == ["open", "shut"]
    assert all("Owner" not in o for o in nobody.list_objects(Bucket=listed)["Contents"])
    nobody.put_object(Bucket=listed, Key="theirs", Body=b"t")
    # What others write is theirs: the bucket's owner may delete it and see it in lists, but not read it.
    assert {o["Key"]: o["Owner"]["ID"] for o in s3.list_objects(Bucket=listed)["Contents"]}["theirs"] == "65a011a29cdf8ec533ec3d1ccaae921c"
    refused("AccessDenied", s3.get_object, Bucket=listed, Key="theirs")
    refused("AccessDenied", s3.get_object_acl, Bucket=listed, Key="theirs")
    refused("AccessDenied", nobody.delete_object, Bucket=listed, Key="open")
    nobody.delete_object(Bucket=listed, Key="theirs")
    s3.put_object_acl(Bucket=listed, Key="open", ACL="private")
    refused("AccessDenied", nobody.get_object, Bucket=listed, Key="open")
    s3.put_object_acl(Bucket=listed, Key="open", ACL="public-read")
    s3.put_public_access_block(Bucket=listed, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    refused("AccessDenied", nobody.get_object, Bucket=listed, Key="open")
    refused("AccessDenied", nobody.list_objects_v2, Bucket=listed)


def test_lists_go_with_versions_and_uploads_but_not_with_copies(s3, nobody, listed):
    s3.put_bucket_versioning(Bucket=listed, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=listed, Key="k", Body=b"1", ACL="public-read")["VersionId"]
    s3.put_object(Bucket=listed, Key="k", Body=b"2")
    refused("AccessDenied", nobody.get_object, Bucket=listed, Key="k")
    assert nobody.get_object(Bucket=listed, Key="k", VersionId=first)["Body"].read() == b"1"
    s3.copy_object(Bucket=listed, Key="copy", CopySource={"Bucket": listed, "Key": "k", "VersionId": first})
    refused("AccessDenied", nobody.get_object, Bucket=listed, Key="copy")
    up = s3.create_multipart_upload(Bucket=listed, Key="parts", ACL="public-read")["UploadId"]
    tag = s3.upload_part(Bucket=listed, Key="parts", UploadId=up, PartNumber=1, Body=b"p")["ETag"]
    s3.complete_multipart_upload(Bucket=listed, Key="parts", UploadId=up, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    assert nobody.get_object(Bucket=listed, Key="parts")["Body"].read() == b"p"


def test_forms_and_refusals_of_lists(s3, listed):
    me = s3.list_buckets()["Owner"]["ID"]
    grants = lambda: [(g["Grantee"].get("ID") or g["Grantee"]["URI"], g["Permission"]) for g in s3.get_object_acl(Bucket=listed, Key="k")["Grants"]]
    s3.put_object(Bucket=listed, Key="k", GrantRead=f'uri="{ALL_USERS}", id={"a" * 64}', GrantFullControl=f'id="{me}"')
    assert grants() == [(me, "FULL_CONTROL"), (ALL_USERS, "READ"), ("a" * 64, "READ")]
    s3.put_object_acl(Bucket=listed, Key="k", AccessControlPolicy={"Owner": {"ID": me}, "Grants": [{"Grantee": {"URI": ALL_USERS, "Type": "Group"}, "Permission": "READ_ACP"}]})
    assert grants() == [(ALL_USERS, "READ_ACP")]
    put = lambda **args: dict(call=s3.put_object_acl, Bucket=listed, Key="k", **args)
    assert refused("MissingSecurityHeader", **put())["Error"]["MissingHeaderName"] == "x-amz-acl"
    refused("InvalidArgument", **put(ACL="fake"))
    refused("InvalidArgument", **put(GrantRead='uri="http://x/"'))
    refused("InvalidArgument", **put(GrantRead="nonsense"))
    refused("UnresolvableGrantByEmailAddress", **put(GrantRead='emailAddress="a@example.com"'))
    refused("InvalidRequest", **put(ACL="private", GrantRead=f'uri="{ALL_USERS}"'))
    refused("MalformedACLError", **put(AccessControlPolicy={"Grants": []}))
    refused("AccessDenied", **put(AccessControlPolicy={"Owner": {"ID": "b" * 64}, "Grants": []}))
    refused("UnexpectedContent", **put(ACL="private", AccessControlPolicy={"Owner": {"ID": me}, "Grants": []}))


def test_policies_ask_what_the_request_says(server, s3, bucket, name):
    iam = server.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}))
    theirs = server.client("s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    def forbid(action, condition):
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{bucket}/*", "Condition": condition}]}))

    forbid("s3:PutObject", {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}})
    refused("AccessDenied", theirs.put_object, Bucket=bucket, Key="k")
    theirs.put_object(Bucket=bucket, Key="k", ServerSideEncryption="AES256")
    forbid("s3:PutObject", {"StringNotEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}})
    refused("AccessDenied", theirs.put_object, Bucket=bucket, Key="k")
    theirs.put_object(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    forbid("s3:PutObject", {"StringNotEquals": {"s3:RequestObjectTag/team": "a"}})
    refused("AccessDenied", theirs.put_object, Bucket=bucket, Key="k", Tagging="team=b")
    theirs.put_object(Bucket=bucket, Key="k", Tagging="team=a&class=secret")
    forbid("s3:GetObject", {"StringEquals": {"s3:ExistingObjectTag/class": "secret"}})
    refused("AccessDenied", theirs.get_object, Bucket=bucket, Key="k")
    forbid("s3:PutObject", {"Null": {"s3:if-none-match": "true"}})
    refused("AccessDenied", theirs.put_object, Bucket=bucket, Key="once")
    theirs.put_object(Bucket=bucket, Key="once", IfNoneMatch="*")
    forbid("s3:GetObject", {"StringNotEquals": {"s3:authType": "REST-HEADER"}})
    assert theirs.get_object(Bucket=bucket, Key="once")["Body"].read() == b""
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(theirs.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "once"}))


def test_objects_of_other_accounts(tmp_path):
    server = Server(tmp_path / "tarn", "--insecure-dev").start()
    try:
        ours = server.client("s3")
        theirs = server.client("s3", aws_access_key_id="111111111111", aws_secret_access_key="x")
        third = server.client("s3", aws_access_key_id="222222222222", aws_secret_access_key="x")
        me, they = (c.list_buckets()["Owner"]["ID"] for c in (ours, theirs))
        ours.create_bucket(Bucket="shared", ObjectOwnership="BucketOwnerPreferred")
        ours.put_object(Bucket="shared", Key="k", Body=b"k")
        refused("AccessDenied", theirs.get_object, Bucket="shared", Key="k")
        refused("AccessDenied", theirs.put_object, Bucket="shared", Key="t", Body=b"t")
        ours.put_object_acl(Bucket="shared", Key="k", GrantRead=f'id="{they}"', GrantFullControl=f'id="{me}"')
        ours.put_bucket_acl(Bucket="shared", GrantWrite=f'id="{they}"', GrantFullControl=f'id="{me}"')
        assert theirs.get_object(Bucket="shared", Key="k")["Body"].read() == b"k"
        theirs.put_object(Bucket="shared", Key="t", Body=b"t")
        refused("AccessDenied", theirs.put_object, Bucket="shared", Key="k", Body=b"x")
        refused("AccessDenied", theirs.list_objects_v2, Bucket="shared")
        assert theirs.get_object_acl(Bucket="shared", Key="t")["Owner"]["ID"] == they
        # The policy of the bucket gives away what its owner owns, not what others wrote.
        ours.put_bucket_policy(Bucket="shared", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shared/*"}]}))
        assert third.get_object(Bucket="shared", Key="k")["Body"].read() == b"k"
        refused("AccessDenied", third.get_object, Bucket="shared", Key="t")
        refused("AccessDenied", ours.copy_object, Bucket="shared", Key="c", CopySource="shared/t")
        # Who owns an object does not own its place.
        ours.put_bucket_acl(Bucket="shared", ACL="private")
        again = dict(Bucket="shared", Key="t", CopySource="shared/t", MetadataDirective="REPLACE")
        refused("AccessDenied", theirs.copy_object, **again)
        refused("AccessDenied", theirs.delete_object, Bucket="shared", Key="t")
        assert theirs.get_object(Bucket="shared", Key="t")["Body"].read() == b"t"
        ours.put_bucket_acl(Bucket="shared", GrantWrite=f'id="{they}"', GrantFullControl=f'id="{me}"')
        theirs.put_object(Bucket="shared", Key="t", Body=b"t", ACL="bucket-owner-full-control")
        assert ours.get_object_acl(Bucket="shared", Key="t")["Owner"]["ID"] == me
        assert third.get_object(Bucket="shared", Key="t")["Body"].read() == b"t"
        # Where the bucket's owner owns all, lists no longer count.
        ours.put_bucket_acl(Bucket="shared", ACL="private")
        ours.put_bucket_ownership_controls(Bucket="shared", OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
        refused("AccessDenied", theirs.get_object, Bucket="shared", Key="k")
    finally:
        server.kill()
