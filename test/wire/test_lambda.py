"""Lambda and CloudWatch Logs by boto3."""
import base64
import json

import pytest
from botocore.exceptions import ClientError

from conftest import until, zipped


@pytest.fixture
def functions(server):
    return server.client("lambda")


def make(functions, name, role, code, runtime="python3.12", file="app.py", **more):
    return functions.create_function(FunctionName=name, Runtime=runtime, Handler="app.handler", Role=role("lambda.amazonaws.com"), Code={"ZipFile": zipped({file: code})},
                                     Timeout=20, **more)["FunctionArn"]


def test_invoke_returns_answer_log_and_errors(functions, role, name):
    make(functions, name, role, "def handler(e, c):\n    print('hi', c.aws_request_id)\n    if e.get('bad'):\n        raise ValueError('no')\n    return {'got': e}\n")
    r = functions.invoke(FunctionName=name, Payload=json.dumps({"a": 1}), LogType="Tail")
    assert r["StatusCode"] == 200 and json.load(r["Payload"]) == {"got": {"a": 1}}
    log = base64.b64decode(r["LogResult"]).decode()
    assert f"hi {r['ResponseMetadata']['RequestId']}" in log and "REPORT RequestId" in log
    r = functions.invoke(FunctionName=name, Payload=b'{"bad": true}')
    assert r["FunctionError"] == "Unhandled"
    assert json.load(r["Payload"])["errorType"] == "ValueError"
    assert functions.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204


def test_logs_as_json(server, functions, role, name):
    code = "import logging\ndef handler(e, c):\n    logging.info('not told')\n    logging.warning('told', extra={'order': e['order']})\n    print('text')\n    raise ValueError('no')\n"
    make(functions, name, role, code, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"})
    r = functions.invoke(FunctionName=name, Payload=b'{"order": 7}')
    assert r["FunctionError"] == "Unhandled"
    lines = [e["message"] for e in server.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]]
    records = [json.loads(line) for line in lines if line != "text"]
    assert "text" in lines and [x.get("type") or x["level"] for x in records] == ["platform.initStart", "platform.start", "WARNING", "ERROR", "platform.runtimeDone", "platform.report"], lines
    request = r["ResponseMetadata"]["RequestId"]
    assert records[2].items() >= {"message": "told", "logger": "root", "order": 7, "requestId": request}.items()
    assert records[3].items() >= {"errorType": "ValueError", "errorMessage": "no", "requestId": request}.items() and records[3]["stackTrace"]
    assert records[5]["record"]["requestId"] == request and records[5]["record"]["status"] == "error" and records[5]["record"]["metrics"]["billedDurationMs"] >= 1


def test_boto3_inside_reaches_the_lake(server, functions, role, name, bucket):
    code = "import boto3\ndef handler(e, c):\n    boto3.resource('s3').Object(e['bucket'], 'made').put(Body=b'by the function')\n    return boto3.client('sts').get_caller_identity()['Arn']\n"
    make(functions, name, role, code)
    r = functions.invoke(FunctionName=name, Payload=json.dumps({"bucket": bucket}))
    assert json.load(r["Payload"]) == f"arn:aws:sts::000000000000:assumed-role/test-lambda/{name}"
    assert server.client("s3").get_object(Bucket=bucket, Key="made")["Body"].read() == b"by the function"


@pytest.mark.parametrize("code", [
    "const { S3Client, PutObjectCommand } = require('@aws-sdk/client-s3')\n"
    "exports.handler = async (e) => { await new S3Client({ forcePathStyle: true }).send(new PutObjectCommand({ Bucket: e.bucket, Key: 'node', Body: 'x' })); return 'done' }",
    "const AWS = require('aws-sdk')\nexports.handler = async (e) => { await new AWS.S3().putObject({ Bucket: e.bucket, Key: 'node', Body: 'x' }).promise(); return 'done' }",
], ids=["sdk3", "sdk2"])
def test_node_with_the_sdks(server, functions, role, name, bucket, code):
    make(functions, name, role, code, runtime="nodejs20.x", file="app.js")
    r = functions.invoke(FunctionName=name, Payload=json.dumps({"bucket": bucket}))
    assert json.load(r["Payload"]) == "done"
    assert server.client("s3").get_object(Bucket=bucket, Key="node")["Body"].read() == b"x"


def test_an_upload_invokes_a_function_once(server, functions, role, name, bucket):
    arn = make(functions, name, role, "import json\ndef handler(e, c):\n    print('EVENT', json.dumps(e['Records'][0]['s3']['object']['key']))\n")
    s3, logs = server.client("s3"), server.client("logs")
    configuration = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".csv"}]}}}]}
    with pytest.raises(ClientError) as e:  # nobody has allowed S3 to invoke it
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    assert e.value.response["Error"]["Code"] == "InvalidArgument"
    functions.add_permission(FunctionName=name, StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{bucket}")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    for k in ("one.csv", "two.txt", "three.csv"):
        s3.put_object(Bucket=bucket, Key=k, Body=b"x")

    def seen():
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="EVENT")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return sorted(e["message"].strip() for e in events)

    until(lambda: len(seen()) >= 2)
    assert seen() == ['EVENT "one.csv"', 'EVENT "three.csv"']


def test_refusals(functions, role, name):
    make(functions, name, role, "def handler(e, c):\n    return 1\n")
    for call, code in [
        (lambda: functions.invoke(FunctionName="none"), "ResourceNotFoundException"),
        (lambda: functions.invoke(FunctionName=name, Payload=b"{"), "InvalidRequestContentException"),
        (lambda: make(functions, name, role, "x"), "ResourceConflictException"),
        (lambda: functions.create_function(FunctionName="x", Runtime="python3.12", Handler="a.b", Role="arn:aws:iam::000000000000:role/none", Code={"ZipFile": zipped({"a.py": ""})}),
         "InvalidParameterValueException"),
        (lambda: functions.update_function_configuration(FunctionName=name, Timeout=900, RevisionId="stale"), "PreconditionFailedException"),
    ]:
        with pytest.raises(ClientError) as e:
            call()
        assert e.value.response["Error"]["Code"] == code


def test_what_a_function_does_not_have(functions, role, name):
    """Tools that describe functions completely ask for it, and say that it is not wanted."""
    arn = make(functions, name, role, "def handler(e, c):\n    return 1\n", SnapStart={"ApplyOn": "None"}, VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
    assert not functions.get_function_code_signing_config(FunctionName=name).get("CodeSigningConfigArn")
    management = functions.get_runtime_management_config(FunctionName=name)
    assert management["UpdateRuntimeOn"] == "Auto" and management["FunctionArn"] == arn
    assert functions.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"] == []
    assert functions.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"] == []
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.list_function_url_configs(FunctionName=name + "-none")
    for wanted in ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}):
        with pytest.raises(functions.exceptions.InvalidParameterValueException):
            make(functions, name + "-2", role, "", **wanted)


def test_states_and_revisions(functions, role, name):
    """A change is answered as under way and read as done; policies, tags and publishing change the revision, publishing twice makes one version."""
    created = functions.create_function(FunctionName=name, Runtime="python3.12", Handler="app.handler", Role=role("lambda.amazonaws.com"), Code={"ZipFile": zipped({"app.py": ""})},
                                        Environment={"Variables": {}}, LoggingConfig={"LogFormat": "JSON"})
    assert (created["State"], created["StateReasonCode"], created["Environment"]) == ("Pending", "Creating", {"Variables": {}})
    assert created["LoggingConfig"]["ApplicationLogLevel"] == "INFO" and created["RuntimeVersionConfig"]["RuntimeVersionArn"]
    get = lambda **q: functions.get_function_configuration(FunctionName=name, **q)
    assert get()["State"] == "Active" and get(Qualifier="$LATEST")["FunctionArn"].endswith(":$LATEST")
    assert functions.update_function_configuration(FunctionName=name, Description="d")["LastUpdateStatus"] == "InProgress"
    assert get()["LastUpdateStatus"] == "Successful"
    version = functions.publish_version(FunctionName=name)["Version"]
    seen = [created["RevisionId"], get()["RevisionId"]]
    functions.add_permission(FunctionName=name, StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", RevisionId=seen[-1])
    assert functions.get_policy(FunctionName=name)["RevisionId"] == get()["RevisionId"]
    seen.append(get()["RevisionId"])
    functions.tag_resource(Resource=created["FunctionArn"], Tags={"a": "b"})
    seen.append(get()["RevisionId"])
    assert len(set(seen)) == len(seen)
    assert functions.publish_version(FunctionName=name)["Version"] == version
    assert all("State" not in v for v in functions.list_versions_by_function(FunctionName=name)["Versions"])


def test_a_wrapper_starts_the_runtime(functions, role, name):
    files = {"app.py": "import os\ndef handler(e, c):\n    return os.environ['WRAPPED']\n", "wrap": '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n'}
    functions.create_function(FunctionName=name, Runtime="python3.12", Handler="app.handler", Role=role("lambda.amazonaws.com"), Code={"ZipFile": zipped(files, executable=("wrap",))},
                              Timeout=20, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}})
    assert json.load(functions.invoke(FunctionName=name)["Payload"]) == "yes"
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/none"}})
    r = functions.invoke(FunctionName=name)
    failure = json.load(r["Payload"])
    assert failure["errorType"] == "Runtime.ExitError" and "exit status 127" in failure["errorMessage"]
    assert failure["errorMessage"].startswith(f"RequestId: {r['ResponseMetadata']['RequestId']} Error: ")


def test_where_asynchronous_calls_end(server, functions, role, name):
    """A bus gets the record as an event, a dead-letter queue the event with the reason as attributes."""
    arn = make(functions, name, role, "def handler(e, c):\n    raise ValueError('no ' + e['n'])\n")
    queues, events = server.client("sqs"), server.client("events")
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    queue = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = events.create_event_bus(Name=name)["EventBusArn"]
    events.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps({"source": ["lambda"]}))
    rule = events.describe_rule(Name=name, EventBusName=name)["Arn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}
    queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "q", "Arn": queue}])
    functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": bus}})

    def next_message():
        return until(lambda: queues.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"]).get("Messages"))[0]

    functions.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"n": "1"}')
    m = next_message()
    event = json.loads(m["Body"])
    queues.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
    assert (event["detail-type"], event["resources"]) == ("Lambda Function Invocation Result - Failure", [bus, arn + ":$LATEST"])
    assert event["detail"]["responsePayload"]["errorMessage"] == "no 1"
    functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    functions.update_function_configuration(FunctionName=name, DeadLetterConfig={"TargetArn": queue})
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"n": "2"}')
    m = next_message()
    assert json.loads(m["Body"]) == {"n": "2"}
    assert {k: v["StringValue"] for k, v in m["MessageAttributes"].items() if k != "RequestID"} == {"ErrorCode": "200", "ErrorMessage": "no 2"}
