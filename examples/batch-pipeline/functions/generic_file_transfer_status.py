"""Checks a transfer: raising makes the state machine retry, or fail in the end."""
import boto3

s3 = boto3.resource("s3")


class LandingToRawFileTransferIncompleteException(Exception):
    pass


class LandingToArchiveFileTransferIncompleteException(Exception):
    pass


def count(bucket, prefix):
    n = sum(1 for found in bucket.objects.filter(Prefix=prefix) if ".csv" in found.key)
    print(prefix, "holds", n, "files")
    return n


def lambda_handler(event, context):
    bucket = s3.Bucket(event["bucket_name"])
    left = count(bucket, event["source_prefix"])
    if event["step"] == "landing-to-raw-file-transfer":
        if left != count(bucket, event["destination_prefix"]):
            raise LandingToRawFileTransferIncompleteException("not all files are in the raw zone yet")
    elif left > 0:
        raise LandingToArchiveFileTransferIncompleteException("there are files left in the landing zone")
    return {"year": event["year"], "month": event["month"], "day": event["day"]}
