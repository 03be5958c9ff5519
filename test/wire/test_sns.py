"""SNS as boto3 speaks it."""
import json
import uuid

import botocore
import pytest


def name(suffix=""):
    return "t-" + uuid.uuid4().hex[:12] + suffix


@pytest.fixture
def subscribed(server):
    """A topic, and how to subscribe a new queue to it."""
    sns, sqs = server.client("sns"), server.client("sqs")
    topic = sns.create_topic(Name=name())["TopicArn"]

    def subscribe(**attributes):
        url = sqs.create_queue(QueueName=name())["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]})})
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
        return lambda: [m for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", [])]

    return sns, topic, subscribe


def test_fan_out(subscribed):
    sns, topic, subscribe = subscribed
    plain, raw = subscribe(), subscribe(RawMessageDelivery="true")
    only = subscribe(FilterPolicy=json.dumps({"kind": [{"prefix": "a"}], "n": [{"numeric": [">", 1]}]}))
    on_body = subscribe(FilterPolicy=json.dumps({"x": {"y": [1]}}), FilterPolicyScope="MessageBody")
    attrs = {"kind": {"DataType": "String", "StringValue": "abc"}, "n": {"DataType": "Number", "StringValue": "2"}}
    mid = sns.publish(TopicArn=topic, Subject="s", Message='{"x":{"y":1}}', MessageAttributes=attrs)["MessageId"]
    sns.publish(TopicArn=topic, Message="other")
    wrapped = [json.loads(m["Body"]) for m in plain()]
    assert [w["Message"] for w in wrapped] == ['{"x":{"y":1}}', "other"]
    assert wrapped[0]["Subject"] == "s" and wrapped[0]["MessageId"] == mid and wrapped[0]["MessageAttributes"]["n"] == {"Type": "Number", "Value": "2"}
    bare = raw()
    assert bare[0]["Body"] == '{"x":{"y":1}}' and bare[0]["MessageAttributes"]["kind"]["StringValue"] == "abc"
    assert len(only()) == 1 and len(on_body()) == 1


def test_structure_and_batch(subscribed):
    sns, topic, subscribe = subscribed
    raw = subscribe(RawMessageDelivery="true")
    out = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
        {"Id": "1", "Message": json.dumps({"default": "d", "sqs": "for queues"}), "MessageStructure": "json"}, {"Id": "2", "Message": "{}", "MessageStructure": "json"}])
    assert [s["Id"] for s in out["Successful"]] == ["1"] and out["Failed"][0]["Id"] == "2"
    assert [m["Body"] for m in raw()] == ["for queues"]


def test_refusals(subscribed):
    sns, topic, _ = subscribed
    for call in (
        lambda: sns.publish(PhoneNumber="+4930123", Message="x"),
        lambda: sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+4930123"),
        lambda: sns.publish(TopicArn=topic, Message="x" * (256 * 1024 + 1)),
        lambda: sns.create_topic(Name="a b"),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as e:
            call()
        assert e.value.response["Error"]["Code"] == "InvalidParameter"
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.publish(TopicArn=topic + "x", Message="x")
