"""EventBridge by boto3, with S3 as a producer and queues as targets."""
import json
import uuid

import botocore
import pytest

from conftest import until


@pytest.fixture
def rig(server):
    events, sqs = server.client("events"), server.client("sqs")

    def rule(pattern, bus="default", **target):
        name = "r-" + uuid.uuid4().hex[:12]
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": ["events.amazonaws.com", "s3.amazonaws.com"]}, "Action": "sqs:SendMessage", "Resource": arn}]})})
        events.put_rule(Name=name, EventPattern=json.dumps(pattern), EventBusName=bus)
        events.put_targets(Rule=name, EventBusName=bus, Targets=[dict({"Id": "1", "Arn": arn}, **target)])
        return arn, lambda wait=5: [m["Body"] for m in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=wait, MaxNumberOfMessages=10).get("Messages", [])]

    return server, events, rule


def test_pattern_and_transformer(rig):
    _, events, rule = rig
    bus = "b-" + uuid.uuid4().hex[:8]
    events.create_event_bus(Name=bus)
    _, whole = rule({"source": ["shop"], "detail": {"n": [{"numeric": [">", 1]}]}}, bus)
    _, part = rule({"source": ["shop"]}, bus, InputTransformer={"InputPathsMap": {"n": "$.detail.n", "s": "$.source"}, "InputTemplate": '{"n": <n>, "text": "from <s>: <n>"}'})
    out = events.put_events(Entries=[
        {"Source": "shop", "DetailType": "sale", "Detail": '{"n": 2, "x": "ü"}', "EventBusName": bus}, {"Source": "shop", "DetailType": "sale", "Detail": "[]", "EventBusName": bus}])
    assert out["FailedEntryCount"] == 1 and out["Entries"][1]["ErrorCode"] == "MalformedDetail"
    e = json.loads(whole()[0])
    assert e["id"] == out["Entries"][0]["EventId"] and e["detail"] == {"n": 2, "x": "ü"} and e["detail-type"] == "sale"
    assert json.loads(part()[0]) == {"n": 2, "text": "from shop: 2"}


def test_s3_on_the_default_bus_and_to_a_queue(rig, bucket):
    server, _, rule = rig
    s3 = server.client("s3")
    arn, got = rule({"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"suffix": ".csv"}]}}})
    direct, notified = rule({"source": ["none"]})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "EventBridgeConfiguration": {}, "QueueConfigurations": [{"QueueArn": direct, "Events": ["s3:ObjectCreated:*"]}]})
    s3.put_object(Bucket=bucket, Key="a.txt", Body=b"1")
    s3.put_object(Bucket=bucket, Key="a.csv", Body=b"22")
    bodies = []
    until(lambda: bodies.extend(got(1)) or len(bodies) >= 1)
    e = json.loads(bodies[0])
    assert len(bodies) == 1 and e["detail"]["object"]["key"] == "a.csv" and e["detail"]["object"]["size"] == 2 and e["detail"]["reason"] == "PutObject"
    records = []
    until(lambda: records.extend(json.loads(b)["Records"][0]["s3"]["object"]["key"] for b in notified(1) if "Records" in json.loads(b)) or len(records) >= 2)
    assert sorted(records) == ["a.csv", "a.txt"]


def test_refusals(rig):
    _, events, _ = rig
    for code, call in (
        ("InvalidEventPatternException", lambda: events.put_rule(Name="x", EventPattern='{"a": 1}')),
        ("ValidationException", lambda: events.put_rule(Name="x", ScheduleExpression="rate(1 minutes)")),
        ("ResourceNotFoundException", lambda: events.describe_rule(Name="none")),
        ("ResourceNotFoundException", lambda: events.put_rule(Name="x", EventPattern='{"a": [1]}', EventBusName="none")),
        ("ResourceAlreadyExistsException", lambda: events.create_event_bus(Name="default")),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as e:
            call()
        assert e.value.response["Error"]["Code"] == code
