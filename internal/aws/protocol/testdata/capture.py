"""Records the requests that boto3 sends, for TestRequestsOfBoto3. Nothing goes over a network.

    python3 capture.py     writes requests.json beside this file
"""
import base64
import datetime
import json
import os

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

KW = dict(region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="x", endpoint_url="http://127.0.0.1:4566",
          config=Config(s3={"addressing_style": "path"}))
KEEP = ("content-type", "x-amz-", "x-amzn-query-mode", "if-", "range", "content-md5", "content-encoding", "expires")
DROP = ("x-amz-date",)
out = []


class Raw:
    def stream(self, *a, **k):
        yield b""

    def read(self, *a):
        return b""


def capture(service, op, **params):
    client = boto3.client(service, **KW)

    def send(request, **_):
        body = request.body or b""
        if hasattr(body, "read"):
            body = body.read()
        if isinstance(body, str):
            body = body.encode()
        headers = {k: (v.decode() if isinstance(v, bytes) else v) for k, v in sorted(request.headers.items()) if k.lower().startswith(KEEP) and k.lower() not in DROP}
        out.append({"service": service, "method": request.method, "url": request.url, "headers": headers, "body": base64.b64encode(body).decode()})
        return AWSResponse(request.url, 200, {"content-type": "application/json"}, Raw())

    client.meta.events.register("before-send", send)
    n = len(out)
    try:
        getattr(client, op)(**params)
    except Exception as e:  # the empty answer is no answer
        if len(out) == n:
            raise e


when = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, datetime.timezone.utc)
columns = [{"Name": f"col_{i}", "Type": "decimal(18,2)" if i % 3 else "string", "Parameters": {"k": "v"}} for i in range(3)]
capture("glue", "create_table", DatabaseName="sales", TableInput={
    "Name": "orders", "Retention": 0, "TableType": "EXTERNAL_TABLE", "LastAccessTime": when,
    "StorageDescriptor": {"Columns": columns, "Location": "s3://lake/orders/", "Compressed": False, "NumberOfBuckets": -1, "BucketColumns": [],
                          "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe", "Parameters": {"paths": "a,b,c"}},
                          "SortColumns": [{"Column": "col_1", "SortOrder": 1}]},
    "PartitionKeys": [{"Name": "dt", "Type": "string"}]})
attrs = {"source": {"DataType": "String", "StringValue": "sensor-7"}, "b": {"DataType": "Binary", "BinaryValue": b"\x00\x01\xfe"}}
capture("sqs", "send_message", QueueUrl="http://127.0.0.1:4566/000000000000/q", MessageBody='say "hi" \u00e9\n', DelaySeconds=5, MessageAttributes=attrs)
capture("lambda", "invoke", FunctionName="arn:aws:lambda:us-east-1:000000000000:function:score", Qualifier="live", InvocationType="Event", Payload=b'{"a": 1}')
capture("lambda", "create_function", FunctionName="f", Role="arn:aws:iam::000000000000:role/r", Handler="m.h", Runtime="python3.12", Code={"ZipFile": b"PK\x00"}, Environment={"Variables": {"AB": "b"}}, Layers=[])
capture("lambda", "untag_resource", Resource="arn:aws:lambda:us-east-1:000000000000:function:f", TagKeys=["a", "b"])
capture("lambda", "list_functions", MaxItems=7)
capture("s3", "put_object", Bucket="lake", Key="a b/c+d/\u00e9//x", Body=b"hello", Metadata={"Owner": "me"}, ContentType="text/plain", Tagging="a=b", Expires=when)
capture("s3", "copy_object", Bucket="lake", Key="copy", CopySource={"Bucket": "lake", "Key": "a b"}, CopySourceIfModifiedSince=when)
capture("s3", "list_objects_v2", Bucket="lake", Prefix="a/", Delimiter="/", MaxKeys=3)
capture("s3", "list_objects", Bucket="lake")
capture("s3", "upload_part", Bucket="lake", Key="k", PartNumber=2, UploadId="u", Body=b"x")
capture("s3", "upload_part_copy", Bucket="lake", Key="k", PartNumber=2, UploadId="u", CopySource="lake/a")
capture("s3", "list_parts", Bucket="lake", Key="k", UploadId="u")
capture("s3", "complete_multipart_upload", Bucket="lake", Key="k", UploadId="u", MultipartUpload={"Parts": [{"ETag": '"a"', "PartNumber": 1}, {"ETag": '"b"', "PartNumber": 2}]})
capture("s3", "delete_objects", Bucket="lake", Delete={"Objects": [{"Key": "a & <b>"}, {"Key": "c", "VersionId": "v"}], "Quiet": True})
capture("s3", "get_object_attributes", Bucket="lake", Key="k", ObjectAttributes=["ETag", "ObjectSize"])
capture("s3", "get_bucket_location", Bucket="lake")
capture("s3", "head_bucket", Bucket="lake")
capture("s3", "list_buckets")
capture("s3", "put_bucket_policy", Bucket="lake", Policy='{"Version":"2012-10-17"}')
capture("s3", "put_bucket_lifecycle_configuration", Bucket="lake", LifecycleConfiguration={"Rules": [
    {"ID": "r", "Status": "Enabled", "Filter": {"And": {"Prefix": "p/", "Tags": [{"Key": "a", "Value": "b & c"}]}}, "Expiration": {"Days": 365}, "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}]},
    {"ID": "r2", "Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"Date": when}}]})
capture("s3", "put_bucket_acl", Bucket="lake", AccessControlPolicy={"Owner": {"ID": "o"}, "Grants": [{"Permission": "READ", "Grantee": {"Type": "CanonicalUser", "ID": "x"}}]})
capture("sns", "publish", TopicArn="arn:aws:sns:us-east-1:000000000000:t", Message="hello <world>", MessageAttributes=attrs)
capture("iam", "create_role", RoleName="r", AssumeRolePolicyDocument="{}", Tags=[{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d"}])
capture("sts", "assume_role", RoleArn="arn:aws:iam::000000000000:role/r", RoleSessionName="session", DurationSeconds=900)
capture("stepfunctions", "start_execution", stateMachineArn="arn:aws:states:us-east-1:000000000000:stateMachine:m", input="{}")
capture("logs", "put_log_events", logGroupName="g", logStreamName="s", logEvents=[{"timestamp": 9007199254740993, "message": "m"}])
capture("athena", "start_query_execution", QueryString="select 1", ResultConfiguration={"OutputLocation": "s3://b/"})
capture("events", "put_events", Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}", "Time": when}])
capture("scheduler", "create_schedule", Name="n", ScheduleExpression="rate(1 hour)", StartDate=when, FlexibleTimeWindow={"Mode": "OFF"}, Target={"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": "arn:aws:iam::000000000000:role/r"})

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "requests.json"), "w") as f:
    json.dump(out, f, indent=1)
print(len(out), "requests")
