"""A principal without rights is refused every operation of the messaging services, with the service's own code."""
import base64
import json
import urllib.request
import uuid

import botocore
import botocore.config
import pytest

from conftest import Server

ACCOUNT = "000000000000"
DENIED = {"sqs": "AccessDenied", "sns": "AuthorizationError", "events": "AccessDeniedException", "scheduler": "AccessDeniedException"}


@pytest.fixture(scope="module")
def world(server):
    """Resources of each service, by the parameter that names them, and a user who may do nothing."""
    iam, tag = server.client("iam"), "n-" + uuid.uuid4().hex[:8]
    iam.create_user(UserName=tag)
    key = iam.create_access_key(UserName=tag)["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    url = server.client("sqs").create_queue(QueueName=tag)["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{tag}"
    sns = server.client("sns")
    topic = sns.create_topic(Name=tag)["TopicArn"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]
    events = server.client("events")
    bus = events.create_event_bus(Name=tag)["EventBusArn"]
    values = {
        "ConnectionArn": f"arn:aws:events:us-east-1:{ACCOUNT}:connection/none/00000000-0000-0000-0000-000000000000", "InvocationEndpoint": "https://example.com/",
        "QueueUrl": url, "SourceArn": queue, "TopicArn": topic, "SubscriptionArn": subscription, "Name": tag, "Rule": tag, "EventBusName": tag, "Arn": queue, "TargetArn": queue,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/x", "EventPattern": '{"source":["x"]}', "Event": "{}", "ScheduleExpression": "rate(1 day)", "Protocol": "sqs", "Endpoint": queue,
        "EventSourceArn": bus, "AttributeName": "DisplayName", "QueueName": tag, "ArchiveName": tag, "ReplayName": tag, "Detail": "{}", "MessageBody": "x", "Mode": "OFF",
    }
    return server, keys, values, {"sns": topic, "events": bus, "scheduler": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/default"}


def fill(shape, name, values, resource):
    """The smallest value of a shape that the service takes."""
    kind = shape.type_name
    if kind == "structure":
        return {m: fill(shape.members[m], m, values, resource) for m in shape.required_members}
    if kind == "list":
        return [fill(shape.member, name, values, resource)]
    if kind == "map":
        return {"DelaySeconds": "1"}
    if kind == "timestamp":
        return 0 if name == "EventStartTime" else 1
    if kind == "string":
        if name in ("ResourceArn", "ResourceARN"):
            return resource
        return values.get(name) or (shape.enum[0] if shape.enum else "x")
    return 1


UNSIGNED_LINKS = {"ConfirmSubscription", "Unsubscribe"}


@pytest.mark.parametrize("service", sorted(DENIED))
def test_every_operation(world, service):
    server, keys, values, resources = world
    client = server.client(service, config=botocore.config.Config(parameter_validation=False), **keys)
    tried = 0
    for name, method in client.meta.method_to_api_mapping.items():
        op = client.meta.service_model.operation_model(method)
        args = fill(op.input_shape, "", values, resources.get(service, "")) if op.input_shape else {}
        if service == "sns" and method == "Publish":
            args["TopicArn"] = values["TopicArn"]
        if service == "events" and method == "PutEvents":
            args["Entries"] = [{"Source": "x", "DetailType": "x", "Detail": "{}"}]
        try:
            getattr(client, name)(**args)
            raise AssertionError(f"{method} was allowed")
        except botocore.exceptions.ClientError as e:
            error = e.response["Error"]
        if "not supported by Tarn" in error["Message"]:
            continue
        tried += 1
        assert error["Code"] == DENIED[service], (method, args, error)
    assert tried >= {"sqs": 23, "sns": 19, "events": 31, "scheduler": 12}[service]


def test_other_accounts(tmp_path):
    server = Server(tmp_path / "tarn", "--insecure-dev").start()
    try:
        theirs = {"aws_access_key_id": "111111111111", "aws_secret_access_key": "x"}
        sqs, sns = server.client("sqs"), server.client("sns")
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        topic = sns.create_topic(Name="t")["TopicArn"]

        def refused(call, code):
            with pytest.raises(botocore.exceptions.ClientError) as e:
                call()
            assert e.value.response["Error"]["Code"] == code

        other_sqs, other_sns = server.client("sqs", **theirs), server.client("sns", **theirs)
        refused(lambda: other_sqs.send_message(QueueUrl=url, MessageBody="x"), "AccessDenied")
        refused(lambda: other_sns.publish(TopicArn=topic, Message="x"), "AuthorizationError")
        sqs.add_permission(QueueUrl=url, Label="them", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
        sns.add_permission(TopicArn=topic, Label="them", AWSAccountId=["111111111111"], ActionName=["Publish"])
        other_sqs.send_message(QueueUrl=url, MessageBody="x")
        other_sns.publish(TopicArn=topic, Message="x")
        refused(lambda: other_sqs.receive_message(QueueUrl=url), "AccessDenied")
        refused(lambda: other_sns.delete_topic(TopicArn=topic), "AuthorizationError")
        assert json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])["Statement"][0]["Sid"] == "them"

        # A bus takes events of another account by its policy alone, whose own bus is another one of the same name.
        events, other_events = server.client("events"), server.client("events", **theirs)
        bus = events.create_event_bus(Name="b")["EventBusArn"]
        entry = {"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": bus}

        def put():
            out = other_events.put_events(Entries=[entry])
            return out["Entries"][0].get("ErrorCode", "taken")

        refused(put, "AccessDeniedException")
        refused(lambda: other_events.describe_event_bus(Name=bus), "AccessDeniedException")
        refused(lambda: other_events.put_rule(Name="r", EventBusName=bus, EventPattern='{"source":["s"]}'), "AccessDeniedException")
        events.put_permission(EventBusName="b", StatementId="them", Principal="111111111111", Action="events:PutEvents")
        assert put() == "taken"
        refused(lambda: other_events.list_rules(EventBusName=bus), "AccessDeniedException")
        refused(lambda: other_events.list_rule_names_by_target(TargetArn=topic, EventBusName=bus), "AccessDeniedException")
        refused(lambda: other_events.create_archive(ArchiveName="spy", EventSourceArn=bus), "ResourceNotFoundException")
        handle = base64.b64encode(json.dumps({"taskId": "x", "sourceArn": "arn:aws:sqs:us-east-1:000000000000:q"}).encode()).decode()
        refused(lambda: other_sqs.cancel_message_move_task(TaskHandle=handle), "AccessDenied")

        # A queue of another account is subscribed once its owner has confirmed, unless its owner asks.
        theirs_url = other_sqs.create_queue(QueueName="theirs", Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*", "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]})})["QueueUrl"]
        arn = other_sqs.get_queue_attributes(QueueUrl=theirs_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        assert sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"] == "pending confirmation"

        def next_message():
            m = other_sqs.receive_message(QueueUrl=theirs_url, WaitTimeSeconds=10)["Messages"][0]
            other_sqs.delete_message(QueueUrl=theirs_url, ReceiptHandle=m["ReceiptHandle"])
            return json.loads(m["Body"])

        asked = next_message()
        assert asked["Type"] == "SubscriptionConfirmation" and asked["TopicArn"] == topic
        sns.publish(TopicArn=topic, Message="not yet")
        urllib.request.urlopen(asked["SubscribeURL"]).read()
        sns.publish(TopicArn=topic, Message="confirmed")
        assert next_message()["Message"] == "confirmed"
        refused(lambda: other_sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn), "AuthorizationError")
        sns.add_permission(TopicArn=topic, Label="subscribe", AWSAccountId=["111111111111"], ActionName=["Subscribe"])
        second = other_sqs.create_queue(QueueName="second")["QueueUrl"]
        arn = other_sqs.get_queue_attributes(QueueUrl=second, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        assert other_sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"].startswith(topic)
    finally:
        server.kill()
