"""What every service must refuse, with AWS's own code and status; and that nothing is lost by it.

Codes and statuses come from the services' models and documentation. A row fails where Tarn accepts the request, too."""
import base64
import datetime
import hashlib
import http.client
import json
import re
import socket
import urllib.parse

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from conftest import zipped

QUIET = Config(parameter_validation=False, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
ACCOUNT = "000000000000"
EVERY_SERVICE = ["s3", "iam", "sts", "lambda", "logs", "glue", "athena", "stepfunctions", "sqs", "sns", "events"]
SIGNED_AS = {"stepfunctions": "states"}
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


class World:
    """A server with something in it, and ways to ask it for what it must refuse."""

    def __init__(self, server):
        self.server, self.clients = server, {}
        self.keys = Credentials(server.env["AWS_ACCESS_KEY_ID"], server.env["AWS_SECRET_ACCESS_KEY"])

    def __getattr__(self, service):
        return self.client({"lam": "lambda", "sfn": "stepfunctions"}.get(service, service))

    def client(self, service, **keys):
        at = (service, *keys.values())
        if at not in self.clients:
            self.clients[at] = self.server.client(service, config=QUIET, **keys)
        return self.clients[at]

    def raw(self, service, method="POST", path="/", body=b"", headers=None, keys=None, late=None, length=None):
        """Sends a signed request that no SDK would and raises what comes back as the SDKs do. late shifts the clock of the
        signer; length claims a body that is not sent."""
        url = urllib.parse.urlsplit(self.server.endpoint)
        headers = dict(headers or {})
        if length is not None:
            headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
        request = AWSRequest(method, self.server.endpoint + path, headers, body)
        auth = (S3SigV4Auth if service == "s3" else SigV4Auth)(keys or self.keys, SIGNED_AS.get(service, service), "us-east-1")
        auth.payload_of = auth.payload
        auth.payload = lambda r: headers.get("X-Amz-Content-SHA256") or auth.payload_of(r)
        if late:
            sign_at(auth, request, datetime.datetime.now(datetime.timezone.utc) + late)
        else:
            auth.add_auth(request)
        connection = http.client.HTTPConnection(url.netloc, timeout=30)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for k, v in request.headers.items():
                if k.lower() not in ("host", "content-length"):
                    connection.putheader(k, v)
            connection.putheader("Content-Length", str(len(body) if length is None else length))
            connection.endheaders(body if length is None else None)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 300:
            found = re.search(r"<Code>(.*?)</Code>|\"(?:__type|[Cc]ode)\":\s*\"(?:[^\"#]*#)?(.*?)\"", text)
            code = next((g for g in found.groups() if g), "") if found else answer.getheader("x-amzn-errortype", text)
            raise ClientError({"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": answer.status}}, method)

    def json(self, service, target, body):
        self.raw(service, body=body, headers={"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1." + ("0" if service in ("stepfunctions", "sqs") else "1")})

    def form(self, service, **fields):
        self.raw(service, body=urllib.parse.urlencode(fields).encode(), headers={"Content-Type": "application/x-www-form-urlencoded"})


def sign_at(auth, request, when):
    """Signs as a client whose clock is wrong."""
    request.context["timestamp"] = when.strftime("%Y%m%dT%H%M%SZ")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    if isinstance(auth, S3SigV4Auth):
        request.headers["X-Amz-Content-SHA256"] = auth.payload(request)
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    signed = auth.signed_headers(auth.headers_to_sign(request))
    request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={signed}, Signature={auth.signature(to_sign, request)}"


@pytest.fixture(scope="module")
def world(server, role):
    w = World(server)
    w.bodies = {"a": b"kept", "b/ü": bytes(range(256)) * 300}
    w.s3.create_bucket(Bucket="refusals")
    for k, body in w.bodies.items():
        w.s3.put_object(Bucket="refusals", Key=k, Body=body)
    w.upload = w.s3.create_multipart_upload(Bucket="refusals", Key="parts")["UploadId"]
    w.parts = [w.s3.upload_part(Bucket="refusals", Key="parts", UploadId=w.upload, PartNumber=n, Body=b"small")["ETag"] for n in (1, 2)]
    w.iam.create_user(UserName="restricted")
    key = w.iam.create_access_key(UserName="restricted")["AccessKey"]
    w.iam.create_access_key(UserName="restricted")
    w.restricted = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    w.role = role("lambda.amazonaws.com")
    w.lam.create_function(FunctionName="refusals", Runtime="python3.12", Handler="app.handler", Role=w.role, Code={"ZipFile": zipped({"app.py": "def handler(e, c):\n    return e\n"})})
    w.logs.create_log_group(logGroupName="refusals")
    w.glue.create_database(DatabaseInput={"Name": "refusals"})
    w.glue.create_table(DatabaseName="refusals", TableInput={"Name": "t", "PartitionKeys": [{"Name": "day", "Type": "string"}], "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://refusals/t/"}})
    w.athena.create_work_group(Name="refusals")
    w.definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    w.machine = w.sfn.create_state_machine(name="refusals", roleArn=role("states.amazonaws.com"), definition=w.definition)["stateMachineArn"]
    w.sfn.start_execution(stateMachineArn=w.machine, name="once", input='{"a":1}')
    w.queue = w.sqs.create_queue(QueueName="refusals")["QueueUrl"]
    w.fifo = w.sqs.create_queue(QueueName="refusals.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    w.sqs.send_message(QueueUrl=w.queue, MessageBody="kept")
    w.topic = w.sns.create_topic(Name="refusals")["TopicArn"]
    w.events.put_rule(Name="refusals", EventPattern='{"source":["refusals"]}')
    w.events.put_targets(Rule="refusals", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:refusals"}])
    return w


def refused(call, status, code):
    with pytest.raises(ClientError) as e:
        call()
    got = e.value.response
    assert (got["ResponseMetadata"]["HTTPStatusCode"], got["Error"]["Code"]) == (status, code), got["Error"]["Message"]


READ = {
    "s3": lambda c: c.list_buckets(), "iam": lambda c: c.list_users(), "sts": lambda c: c.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/test-lambda", RoleSessionName="session"),
    "lambda": lambda c: c.list_functions(), "logs": lambda c: c.describe_log_groups(), "glue": lambda c: c.get_databases(), "athena": lambda c: c.list_work_groups(),
    "stepfunctions": lambda c: c.list_state_machines(), "sqs": lambda c: c.list_queues(), "sns": lambda c: c.list_topics(), "events": lambda c: c.list_rules(),
}


def by_protocol(service, xml, query, rest_json, json_):
    """The answer of the family that a service belongs to."""
    return {"s3": xml, "iam": query, "sts": query, "sns": query, "lambda": rest_json}.get(service, json_)


@pytest.mark.parametrize("service", EVERY_SERVICE)
def test_wrong_secret(world, service):
    expected = by_protocol(service, (403, "SignatureDoesNotMatch"), (403, "SignatureDoesNotMatch"), (403, "InvalidSignatureException"), (400, "InvalidSignatureException"))
    refused(lambda: READ[service](world.client(service, aws_secret_access_key="wrong")), *expected)


@pytest.mark.parametrize("service", EVERY_SERVICE)
def test_unknown_key(world, service):
    expected = by_protocol(service, (403, "InvalidAccessKeyId"), (403, "InvalidClientTokenId"), (403, "UnrecognizedClientException"), (400, "UnrecognizedClientException"))
    refused(lambda: READ[service](world.client(service, aws_access_key_id="AKIAAAAAAAAAAAAAAAAA")), *expected)


@pytest.mark.parametrize("hours", [-2, 2], ids=["late", "early"])
@pytest.mark.parametrize("service", EVERY_SERVICE)
def test_signature_of_another_hour(world, service, hours):
    expected = by_protocol(service, (403, "RequestTimeTooSkewed"), (403, "SignatureDoesNotMatch"), (403, "InvalidSignatureException"), (400, "InvalidSignatureException"))
    target = {"logs": "Logs_20140328.DescribeLogGroups", "glue": "AWSGlue.GetDatabases", "athena": "AmazonAthena.ListWorkGroups", "stepfunctions": "AWSStepFunctions.ListStateMachines",
              "sqs": "AmazonSQS.ListQueues", "events": "AWSEvents.ListRules"}.get(service)
    version = {"iam": ("ListUsers", "2010-05-08"), "sts": ("GetCallerIdentity", "2011-06-15"), "sns": ("ListTopics", "2010-03-31")}.get(service)
    late = datetime.timedelta(hours=hours)
    if target:
        call = lambda: world.raw(service, body=b"{}", headers={"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}, late=late)  # noqa: E731
    elif version:
        call = lambda: world.raw(service, body=f"Action={version[0]}&Version={version[1]}".encode(), headers={"Content-Type": "application/x-www-form-urlencoded"}, late=late)  # noqa: E731
    else:
        call = lambda: world.raw(service, "GET", "/2015-03-31/functions/" if service == "lambda" else "/", late=late)  # noqa: E731
    refused(call, *expected)


@pytest.mark.parametrize("service", EVERY_SERVICE)
def test_user_without_permissions(world, service):
    expected = {"sns": (403, "AuthorizationError"), "sqs": (403, "AccessDenied")}.get(service) or by_protocol(
        service, (403, "AccessDenied"), (403, "AccessDenied"), (403, "AccessDeniedException"), (400, "AccessDeniedException"))
    refused(lambda: READ[service](world.client(service, **world.restricted)), *expected)


def test_a_refused_upload_is_not_asked_for(world):
    """A client that waits for "100 Continue" gets the refusal in its place."""
    url = urllib.parse.urlsplit(world.server.endpoint)
    request = AWSRequest("PUT", world.server.endpoint + "/no-such-bucket-here/k", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, b"")
    auth = S3SigV4Auth(world.keys, "s3", "us-east-1")
    auth.payload = lambda r: "UNSIGNED-PAYLOAD"
    auth.add_auth(request)
    head = f"PUT /no-such-bucket-here/k HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {8 << 20}\r\nExpect: 100-continue\r\n"
    head += "".join(f"{k}: {v}\r\n" for k, v in request.headers.items()) + "\r\n"
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 404 ")


def put(w, **more):
    return w.s3.put_object(Bucket="refusals", Key="never", **{"Body": b"never", **more})


def complete(w, *parts, upload=None):
    return w.s3.complete_multipart_upload(Bucket="refusals", Key="parts", UploadId=upload or w.upload, MultipartUpload={"Parts": [{"PartNumber": n, "ETag": etag} for n, etag in parts]})


def function(w, **more):
    return w.lam.create_function(**{"FunctionName": "never", "Runtime": "python3.12", "Handler": "app.handler", "Role": w.role, "Code": {"ZipFile": zipped({"app.py": ""})}, **more})


def arn(service, rest):
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{rest}"


MISSING_QUERY = "00000000-0000-0000-0000-000000000000"

TABLE = {
    "s3": [
        ("bucket name in capitals", lambda w: w.s3.create_bucket(Bucket="UPPER"), 400, "InvalidBucketName"),
        ("bucket name like an address", lambda w: w.s3.create_bucket(Bucket="10.0.0.1"), 400, "InvalidBucketName"),
        ("missing bucket", lambda w: w.s3.list_objects_v2(Bucket="no-such-bucket-here"), 404, "NoSuchBucket"),
        ("missing key", lambda w: w.s3.get_object(Bucket="refusals", Key="none"), 404, "NoSuchKey"),
        ("delete of a full bucket", lambda w: w.s3.delete_bucket(Bucket="refusals"), 409, "BucketNotEmpty"),
        ("negative max-keys", lambda w: w.s3.list_objects_v2(Bucket="refusals", MaxKeys=-1), 400, "InvalidArgument"),
        ("key of 1025 bytes", lambda w: w.s3.put_object(Bucket="refusals", Key="k" * 1025, Body=b""), 400, "KeyTooLongError"),
        ("range behind the end", lambda w: w.s3.get_object(Bucket="refusals", Key="a", Range="bytes=100-"), 416, "InvalidRange"),
        ("if-match of another", lambda w: w.s3.get_object(Bucket="refusals", Key="a", IfMatch='"other"'), 412, "PreconditionFailed"),
        ("put where one is", lambda w: w.s3.put_object(Bucket="refusals", Key="a", Body=b"lost", IfNoneMatch="*"), 412, "PreconditionFailed"),
        ("part 10001", lambda w: w.s3.upload_part(Bucket="refusals", Key="parts", UploadId=w.upload, PartNumber=10001, Body=b""), 400, "InvalidArgument"),
        ("part of a missing upload", lambda w: w.s3.upload_part(Bucket="refusals", Key="parts", UploadId="none", PartNumber=1, Body=b""), 404, "NoSuchUpload"),
        ("end of a missing upload", lambda w: complete(w, (1, w.parts[0]), upload="none"), 404, "NoSuchUpload"),
        ("part with another ETag", lambda w: complete(w, (1, '"0123456789abcdef0123456789abcdef"')), 400, "InvalidPart"),
        ("small part before the last", lambda w: complete(w, (1, w.parts[0]), (2, w.parts[1])), 400, "EntityTooSmall"),
        ("parts out of order", lambda w: complete(w, (2, w.parts[1]), (1, w.parts[0])), 400, "InvalidPartOrder"),
        ("another MD5", lambda w: put(w, ContentMD5=base64.b64encode(hashlib.md5(b"other").digest()).decode()), 400, "BadDigest"),
        ("no MD5", lambda w: put(w, ContentMD5="nonsense"), 400, "InvalidDigest"),
        ("another CRC32", lambda w: put(w, ChecksumCRC32="AAAAAA=="), 400, "BadDigest"),
        ("another SHA-256 than the signed", lambda w: w.raw("s3", "PUT", "/refusals/never", b"never", {"X-Amz-Content-SHA256": hashlib.sha256(b"other").hexdigest()}), 400, "XAmzContentSHA256Mismatch"),
        ("metadata over 2 KB", lambda w: put(w, Metadata={"m": "x" * 2100}), 400, "MetadataTooLarge"),
        ("more than 5 GiB at once", lambda w: w.raw("s3", "PUT", "/refusals/never", length=(5 << 30) + 1), 400, "EntityTooLarge"),
        ("broken XML", lambda w: w.raw("s3", "POST", "/refusals?delete=", b"<Delete><Object>", {"Content-MD5": base64.b64encode(hashlib.md5(b"<Delete><Object>").digest()).decode()}), 400, "MalformedXML"),
        ("eleven tags", lambda w: w.s3.put_object_tagging(Bucket="refusals", Key="a", Tagging={"TagSet": [{"Key": f"k{i}", "Value": ""} for i in range(11)]}), 400, "BadRequest"),
        ("copy of a missing key", lambda w: w.s3.copy_object(Bucket="refusals", Key="never", CopySource="refusals/none"), 404, "NoSuchKey"),
        ("no policy", lambda w: w.s3.get_bucket_policy(Bucket="refusals"), 404, "NoSuchBucketPolicy"),
        ("no lifecycle", lambda w: w.s3.get_bucket_lifecycle_configuration(Bucket="refusals"), 404, "NoSuchLifecycleConfiguration"),
        ("no CORS", lambda w: w.s3.get_bucket_cors(Bucket="refusals"), 404, "NoSuchCORSConfiguration"),
        ("no tags", lambda w: w.s3.get_bucket_tagging(Bucket="refusals"), 404, "NoSuchTagSet"),
        ("policy that is no JSON", lambda w: w.s3.put_bucket_policy(Bucket="refusals", Policy="{"), 400, "MalformedPolicy"),
    ],
    "iam": [
        ("missing user", lambda w: w.iam.get_user(UserName="none"), 404, "NoSuchEntity"),
        ("user twice", lambda w: w.iam.create_user(UserName="restricted"), 409, "EntityAlreadyExists"),
        ("name with a space", lambda w: w.iam.create_user(UserName="a b"), 400, "ValidationError"),
        ("no name", lambda w: w.form("iam", Action="CreateUser", Version="2010-05-08"), 400, "ValidationError"),
        ("broken policy", lambda w: w.iam.create_role(RoleName="never", AssumeRolePolicyDocument="{"), 400, "MalformedPolicyDocument"),
        ("missing policy", lambda w: w.iam.attach_user_policy(UserName="restricted", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/none"), 404, "NoSuchEntity"),
        ("third access key", lambda w: w.iam.create_access_key(UserName="restricted"), 409, "LimitExceeded"),
        ("user with keys", lambda w: w.iam.delete_user(UserName="restricted"), 409, "DeleteConflict"),
        ("role with policies", lambda w: w.iam.delete_role(RoleName="test-lambda"), 409, "DeleteConflict"),
        ("page of none", lambda w: w.iam.list_users(MaxItems=0), 400, "ValidationError"),
        ("unknown operation", lambda w: w.form("iam", Action="Nonsense", Version="2010-05-08"), 400, "InvalidAction"),
    ],
    "sts": [
        ("missing role", lambda w: w.client("sts", **w.restricted).assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/none", RoleSessionName="session"), 403, "AccessDenied"),
        ("ten seconds", lambda w: w.client("sts", **w.restricted).get_session_token(DurationSeconds=10), 400, "ValidationError"),
        ("unknown operation", lambda w: w.form("sts", Action="Nonsense", Version="2011-06-15"), 400, "InvalidAction"),
    ],
    "lambda": [
        ("missing function", lambda w: w.lam.invoke(FunctionName="none"), 404, "ResourceNotFoundException"),
        ("function twice", lambda w: function(w, FunctionName="refusals"), 409, "ResourceConflictException"),
        ("name with a space", lambda w: function(w, FunctionName="a b"), 400, "ValidationException"),
        ("1 MB of memory", lambda w: function(w, MemorySize=1), 400, "ValidationException"),
        ("an hour", lambda w: function(w, Timeout=3600), 400, "ValidationException"),
        ("unknown runtime", lambda w: function(w, Runtime="java7"), 400, "InvalidParameterValueException"),
        ("runtime that Tarn does not run", lambda w: function(w, Runtime="ruby3.3"), 400, "InvalidParameterValueException"),
        ("no zip", lambda w: function(w, Code={"ZipFile": b"nonsense"}), 400, "InvalidParameterValueException"),
        ("missing role", lambda w: function(w, Role=f"arn:aws:iam::{ACCOUNT}:role/none"), 400, "InvalidParameterValueException"),
        ("payload that is no JSON", lambda w: w.lam.invoke(FunctionName="refusals", Payload=b"{"), 400, "InvalidRequestContentException"),
        ("payload over 6 MB", lambda w: w.lam.invoke(FunctionName="refusals", Payload=b'"' + b"x" * (7 << 20) + b'"'), 413, "RequestTooLargeException"),
        ("stale revision", lambda w: w.lam.update_function_configuration(FunctionName="refusals", Timeout=9, RevisionId=MISSING_QUERY), 412, "PreconditionFailedException"),
        ("no policy", lambda w: w.lam.get_policy(FunctionName="refusals"), 404, "ResourceNotFoundException"),
        ("alias of a missing version", lambda w: w.lam.create_alias(FunctionName="refusals", Name="live", FunctionVersion="7"), 404, "ResourceNotFoundException"),
        ("missing mapping", lambda w: w.lam.delete_event_source_mapping(UUID=MISSING_QUERY), 404, "ResourceNotFoundException"),
        ("unknown path", lambda w: w.raw("lambda", "GET", "/2015-03-31/nonsense"), 404, "UnknownOperationException"),
        ("broken JSON", lambda w: w.raw("lambda", "POST", "/2015-03-31/functions", b"{", {"Content-Type": "application/json"}), 400, "SerializationException"),
    ],
    "logs": [
        ("group twice", lambda w: w.logs.create_log_group(logGroupName="refusals"), 400, "ResourceAlreadyExistsException"),
        ("name with a space", lambda w: w.logs.create_log_group(logGroupName="a b"), 400, "InvalidParameterException"),
        ("page of 51", lambda w: w.logs.describe_log_groups(limit=51), 400, "InvalidParameterException"),
        ("missing group", lambda w: w.logs.filter_log_events(logGroupName="none"), 400, "ResourceNotFoundException"),
        ("missing stream", lambda w: w.logs.put_log_events(logGroupName="refusals", logStreamName="none", logEvents=[{"timestamp": 1, "message": "m"}]), 400, "ResourceNotFoundException"),
        ("two days of retention", lambda w: w.logs.put_retention_policy(logGroupName="refusals", retentionInDays=2), 400, "InvalidParameterException"),
        ("broken JSON", lambda w: w.json("logs", "Logs_20140328.DescribeLogGroups", b"{"), 400, "SerializationException"),
        ("unknown operation", lambda w: w.json("logs", "Logs_20140328.Nonsense", b"{}"), 400, "UnknownOperationException"),
    ],
    "glue": [
        ("database twice", lambda w: w.glue.create_database(DatabaseInput={"Name": "refusals"}), 400, "AlreadyExistsException"),
        ("table twice", lambda w: w.glue.create_table(DatabaseName="refusals", TableInput={"Name": "t"}), 400, "AlreadyExistsException"),
        ("missing database", lambda w: w.glue.get_tables(DatabaseName="none"), 400, "EntityNotFoundException"),
        ("missing table", lambda w: w.glue.get_table(DatabaseName="refusals", Name="none"), 400, "EntityNotFoundException"),
        ("missing partition", lambda w: w.glue.get_partition(DatabaseName="refusals", TableName="t", PartitionValues=["x"]), 400, "EntityNotFoundException"),
        ("partition of two values", lambda w: w.glue.create_partition(DatabaseName="refusals", TableName="t", PartitionInput={"Values": ["a", "b"]}), 400, "InvalidInputException"),
        ("broken expression", lambda w: w.glue.get_partitions(DatabaseName="refusals", TableName="t", Expression="day = = 1"), 400, "InvalidInputException"),
        ("missing job", lambda w: w.glue.start_job_run(JobName="none"), 400, "EntityNotFoundException"),
        ("missing crawler", lambda w: w.glue.start_crawler(Name="none"), 400, "EntityNotFoundException"),
        ("broken JSON", lambda w: w.json("glue", "AWSGlue.GetDatabases", b'{"MaxResults":'), 400, "SerializationException"),
        ("unknown operation", lambda w: w.json("glue", "AWSGlue.Nonsense", b"{}"), 400, "UnknownOperationException"),
    ],
    "athena": [
        ("missing query", lambda w: w.athena.get_query_execution(QueryExecutionId=MISSING_QUERY), 400, "InvalidRequestException"),
        ("empty query", lambda w: w.athena.start_query_execution(QueryString="", ResultConfiguration={"OutputLocation": "s3://refusals/out/"}), 400, "InvalidRequestException"),
        ("nowhere to put results", lambda w: w.athena.start_query_execution(QueryString="SELECT 1", WorkGroup="refusals"), 400, "InvalidRequestException"),
        ("query over 256 KB", lambda w: w.athena.start_query_execution(QueryString="SELECT 1 --" + "x" * 262144, ResultConfiguration={"OutputLocation": "s3://refusals/out/"}), 400, "InvalidRequestException"),
        ("missing workgroup", lambda w: w.athena.get_work_group(WorkGroup="none"), 400, "InvalidRequestException"),
        ("workgroup twice", lambda w: w.athena.create_work_group(Name="refusals"), 400, "InvalidRequestException"),
        ("page of 1001 rows", lambda w: w.athena.get_query_results(QueryExecutionId=MISSING_QUERY, MaxResults=1001), 400, "InvalidRequestException"),
        ("broken JSON", lambda w: w.json("athena", "AmazonAthena.ListWorkGroups", b"nonsense"), 400, "SerializationException"),
        ("unknown operation", lambda w: w.json("athena", "AmazonAthena.Nonsense", b"{}"), 400, "UnknownOperationException"),
    ],
    "stepfunctions": [
        ("no ARN", lambda w: w.sfn.describe_state_machine(stateMachineArn="nonsense"), 400, "InvalidArn"),
        ("missing machine", lambda w: w.sfn.start_execution(stateMachineArn=arn("states", "stateMachine:none")), 400, "StateMachineDoesNotExist"),
        ("missing execution", lambda w: w.sfn.describe_execution(executionArn=arn("states", "execution:refusals:none")), 400, "ExecutionDoesNotExist"),
        ("no definition", lambda w: w.sfn.create_state_machine(name="never", roleArn=w.role, definition="{"), 400, "InvalidDefinition"),
        ("name with a space", lambda w: w.sfn.create_state_machine(name="a b", roleArn=w.role, definition=w.definition), 400, "InvalidName"),
        ("another machine of the name", lambda w: w.sfn.create_state_machine(name="refusals", roleArn=w.role, definition=w.definition.replace('"A"', '"B"')), 400, "StateMachineAlreadyExists"),
        ("input that is no JSON", lambda w: w.sfn.start_execution(stateMachineArn=w.machine, input="{"), 400, "InvalidExecutionInput"),
        ("input over 256 KB", lambda w: w.sfn.start_execution(stateMachineArn=w.machine, input='"' + "x" * 262144 + '"'), 400, "ValidationException"),
        ("execution twice", lambda w: w.sfn.start_execution(stateMachineArn=w.machine, name="once", input='{"a":2}'), 400, "ExecutionAlreadyExists"),
        ("page of 1001", lambda w: w.sfn.list_executions(stateMachineArn=w.machine, maxResults=1001), 400, "ValidationException"),
        ("no task token", lambda w: w.sfn.send_task_success(taskToken="nonsense", output="{}"), 400, "InvalidToken"),
        ("broken JSON", lambda w: w.json("stepfunctions", "AWSStepFunctions.ListStateMachines", b"[1"), 400, "SerializationException"),
        ("unknown operation", lambda w: w.json("stepfunctions", "AWSStepFunctions.Nonsense", b"{}"), 400, "UnknownOperationException"),
    ],
    "sqs": [
        ("missing queue", lambda w: w.sqs.get_queue_url(QueueName="none"), 400, "AWS.SimpleQueueService.NonExistentQueue"),
        ("name with a space", lambda w: w.sqs.create_queue(QueueName="a b"), 400, "InvalidParameterValue"),
        ("name of 81 characters", lambda w: w.sqs.create_queue(QueueName="q" * 81), 400, "InvalidParameterValue"),
        ("unknown attribute", lambda w: w.sqs.create_queue(QueueName="never", Attributes={"Nonsense": "1"}), 400, "InvalidAttributeName"),
        ("another queue of the name", lambda w: w.sqs.create_queue(QueueName="refusals", Attributes={"DelaySeconds": "7"}), 400, "QueueAlreadyExists"),
        ("eleven at once", lambda w: w.sqs.receive_message(QueueUrl=w.queue, MaxNumberOfMessages=11), 400, "InvalidParameterValue"),
        ("body over 1 MiB", lambda w: w.sqs.send_message(QueueUrl=w.queue, MessageBody="x" * (2 << 20)), 400, "InvalidParameterValue"),
        ("batch of none", lambda w: w.sqs.send_message_batch(QueueUrl=w.queue, Entries=[]), 400, "AWS.SimpleQueueService.EmptyBatchRequest"),
        ("batch of eleven", lambda w: w.sqs.send_message_batch(QueueUrl=w.queue, Entries=[{"Id": str(i), "MessageBody": "x"} for i in range(11)]), 400, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
        ("batch with an id twice", lambda w: w.sqs.send_message_batch(QueueUrl=w.queue, Entries=[{"Id": "1", "MessageBody": "x"}] * 2), 400, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
        ("message without a group", lambda w: w.sqs.send_message(QueueUrl=w.fifo, MessageBody="x", MessageDeduplicationId="1"), 400, "MissingParameter"),
        ("unknown operation", lambda w: w.json("sqs", "AmazonSQS.Nonsense", b"{}"), 400, "UnknownOperationException"),
    ],
    "sns": [
        ("missing topic", lambda w: w.sns.publish(TopicArn=arn("sns", "none"), Message="m"), 404, "NotFound"),
        ("name with a space", lambda w: w.sns.create_topic(Name="a b"), 400, "InvalidParameter"),
        ("no ARN", lambda w: w.sns.get_topic_attributes(TopicArn="nonsense"), 400, "InvalidParameter"),
        ("empty message", lambda w: w.sns.publish(TopicArn=w.topic, Message=""), 400, "InvalidParameter"),
        ("message over 256 KB", lambda w: w.sns.publish(TopicArn=w.topic, Message="x" * (257 << 10)), 400, "InvalidParameter"),
        ("unknown protocol", lambda w: w.sns.subscribe(TopicArn=w.topic, Protocol="pigeon", Endpoint="coop"), 400, "InvalidParameter"),
        ("no subscription", lambda w: w.sns.get_subscription_attributes(SubscriptionArn=w.topic + ":" + MISSING_QUERY), 404, "NotFound"),
        ("unknown operation", lambda w: w.form("sns", Action="Nonsense", Version="2010-03-31"), 400, "InvalidAction"),
    ],
    "events": [
        ("rule of nothing", lambda w: w.events.put_rule(Name="never"), 400, "ValidationException"),
        ("name with a space", lambda w: w.events.put_rule(Name="a b", EventPattern='{"source":["x"]}'), 400, "ValidationException"),
        ("broken pattern", lambda w: w.events.put_rule(Name="never", EventPattern='{"source":'), 400, "InvalidEventPatternException"),
        ("pattern of a scalar", lambda w: w.events.put_rule(Name="never", EventPattern='{"source":"x"}'), 400, "InvalidEventPatternException"),
        ("broken schedule", lambda w: w.events.put_rule(Name="never", ScheduleExpression="cron(nonsense)"), 400, "ValidationException"),
        ("missing rule", lambda w: w.events.describe_rule(Name="none"), 400, "ResourceNotFoundException"),
        ("targets of a missing rule", lambda w: w.events.put_targets(Rule="none", Targets=[{"Id": "1", "Arn": arn("sqs", "refusals")}]), 400, "ResourceNotFoundException"),
        ("rule with targets", lambda w: w.events.delete_rule(Name="refusals"), 400, "ValidationException"),
        ("missing bus", lambda w: w.events.describe_event_bus(Name="none"), 400, "ResourceNotFoundException"),
        ("eleven events", lambda w: w.events.put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": "{}"}] * 11), 400, "ValidationException"),
        ("page of 101", lambda w: w.events.list_rules(Limit=101), 400, "ValidationException"),
        ("broken JSON", lambda w: w.json("events", "AWSEvents.ListRules", b"{]"), 400, "SerializationException"),
        ("unknown operation", lambda w: w.json("events", "AWSEvents.Nonsense", b"{}"), 400, "UnknownOperationException"),
    ],
}


@pytest.mark.parametrize("call,status,code", [pytest.param(*row[1:], id=f"{service}: {row[0]}") for service, rows in TABLE.items() for row in rows])
def test_refused(world, call, status, code):
    refused(lambda: call(world), status, code)


def test_nothing_was_lost_or_left(world):
    """After all of it: what was there is there, what was refused is not."""
    w = world
    assert {o["Key"]: w.s3.get_object(Bucket="refusals", Key=o["Key"])["Body"].read() for o in w.s3.list_objects_v2(Bucket="refusals")["Contents"]} == w.bodies
    assert [p["ETag"] for p in w.s3.list_parts(Bucket="refusals", Key="parts", UploadId=w.upload)["Parts"]] == w.parts
    assert len(w.iam.list_access_keys(UserName="restricted")["AccessKeyMetadata"]) == 2
    assert not {"never", "a b"} & {u["UserName"] for u in w.iam.list_users()["Users"]} | {"never"} & {r["RoleName"] for r in w.iam.list_roles()["Roles"]}
    assert json.load(w.lam.invoke(FunctionName="refusals", Payload=b'{"a":1}')["Payload"]) == {"a": 1}
    refused(lambda: w.lam.get_function(FunctionName="never"), 404, "ResourceNotFoundException")
    assert [t["Name"] for t in w.glue.get_tables(DatabaseName="refusals")["TableList"]] == ["t"]
    assert [e["name"] for e in w.sfn.list_executions(stateMachineArn=w.machine)["executions"]] == ["once"]
    assert w.sfn.describe_state_machine(stateMachineArn=w.machine)["definition"] == w.definition
    assert [m["Body"] for m in w.sqs.receive_message(QueueUrl=w.queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)["Messages"]] == ["kept"]
    assert w.topic in [t["TopicArn"] for t in w.sns.list_topics()["Topics"]]
    assert [t["Id"] for t in w.events.list_targets_by_rule(Rule="refusals")["Targets"]] == ["1"]
    refused(lambda: w.events.describe_rule(Name="never"), 400, "ResourceNotFoundException")
