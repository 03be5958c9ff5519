"""Object lock by boto3: what is locked stays."""
import datetime

import pytest
from botocore.exceptions import ClientError


def refused(call, code):
    with pytest.raises(ClientError) as e:
        call()
    assert e.value.response["Error"]["Code"] == code, e.value.response


def test_object_lock(server):
    s3 = server.client("s3")
    bucket = "locked-by-boto3"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    refused(lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}), "InvalidBucketState")
    until = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=1)
    v = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)["VersionId"]
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", until)
    assert s3.get_object_retention(Bucket=bucket, Key="k")["Retention"] == {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    refused(lambda: s3.delete_object(Bucket=bucket, Key="k", VersionId=v), "AccessDenied")
    many = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": v}]})
    assert many["Errors"][0]["Code"] == "AccessDenied"
    s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(Bucket=bucket, Key="k")["LegalHold"]["Status"] == "ON"
    refused(lambda: s3.delete_object(Bucket=bucket, Key="k", VersionId=v, BypassGovernanceRetention=True), "AccessDenied")
    s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "OFF"})
    s3.delete_object(Bucket=bucket, Key="k", VersionId=v, BypassGovernanceRetention=True)

    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={
        "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}})
    up = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="m", UploadId=up, PartNumber=1, Body=b"y")
    v = s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=up, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})["VersionId"]
    assert s3.head_object(Bucket=bucket, Key="m")["ObjectLockMode"] == "COMPLIANCE"
    refused(lambda: s3.delete_object(Bucket=bucket, Key="m", VersionId=v, BypassGovernanceRetention=True), "AccessDenied")
    refused(lambda: s3.delete_bucket(Bucket=bucket), "BucketNotEmpty")
