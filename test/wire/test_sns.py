"""SNS as boto3 speaks it."""
import base64
import email
import email.policy
import http.server
import json
import re
import select
import threading
import urllib.error
import urllib.request
import uuid

import botocore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from conftest import Watcher, until


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
    entries = [{"Id": "1", "Message": json.dumps({"default": "d", "sqs": "for queues"}), "MessageStructure": "json"}, {"Id": "2", "Message": "{}", "MessageStructure": "json"}]
    with pytest.raises(sns.exceptions.InvalidParameterException):  # as a whole
        sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert [s["Id"] for s in sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries[:1])["Successful"]] == ["1"]
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


class Listener:
    """An HTTP endpoint that keeps what it is sent and answers as it is told."""

    def __init__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = outer.statuses.pop(0) if outer.statuses else 200
                outer.got.append((dict(self.headers), body.decode(), status))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.got, self.statuses = [], []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def next(self, status=200):
        return until(lambda: [g for g in self.got if g[2] == status] and self.got.pop([g[2] for g in self.got].index(status)))


@pytest.fixture
def listener():
    one = Listener()
    yield one
    one.server.shutdown()


def verify(doc, version):
    """What AWS documents for the verification of its messages."""
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"] if doc["Type"] == "Notification" else [
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{n}\n{doc[n]}\n" for n in names if n in doc)
    assert doc["SignatureVersion"] == version and doc["SigningCertURL"].endswith(".pem")
    with urllib.request.urlopen(doc["SigningCertURL"]) as answer:
        cert = x509.load_pem_x509_certificate(answer.read())
    cert.public_key().verify(base64.b64decode(doc["Signature"]), text.encode(), padding.PKCS1v15(), hashes.SHA1() if version == "1" else hashes.SHA256())


def get(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("version", ["1", "2"])
def test_http(server, listener, version):
    sns = server.client("sns")
    topic = sns.create_topic(Name=name(), Attributes={"SignatureVersion": version})["TopicArn"]
    assert sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url)["SubscriptionArn"] == "pending confirmation"
    headers, body, _ = listener.next()
    ask = json.loads(body)
    verify(ask, version)
    assert headers["X-Amz-Sns-Message-Type"] == ask["Type"] == "SubscriptionConfirmation" and headers["Content-Type"].startswith("text/plain")
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"] == "PendingConfirmation"
    sns.publish(TopicArn=topic, Message="nobody has confirmed")
    with pytest.raises(botocore.exceptions.ClientError) as e:
        sns.confirm_subscription(TopicArn=topic, Token="0" * 64)
    assert e.value.response["Error"]["Code"] == "InvalidParameter"
    assert "<SubscriptionArn>" + topic in get(ask["SubscribeURL"])
    arn = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"]
    sent = sns.publish(TopicArn=topic, Message="grüße\n\"x\"", Subject="s", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})["MessageId"]
    headers, body, _ = listener.next()
    note = json.loads(body)
    verify(note, version)
    assert note["Message"] == "grüße\n\"x\"" and note["MessageId"] == sent == headers["X-Amz-Sns-Message-Id"] and note["MessageAttributes"]["a"]["Value"] == "b"
    assert headers["X-Amz-Sns-Topic-Arn"] == topic and headers["X-Amz-Sns-Subscription-Arn"] == arn and headers["X-Amz-Sns-Message-Type"] == "Notification"
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true")
    sns.publish(TopicArn=topic, Message="bare")
    headers, body, _ = listener.next()
    assert body == "bare" and headers["X-Amz-Sns-Rawdelivery"] == "true"
    get(note["UnsubscribeURL"])
    headers, body, _ = listener.next()
    verify(json.loads(body), version)
    assert headers["X-Amz-Sns-Message-Type"] == "UnsubscribeConfirmation" and not sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    get(json.loads(body)["SubscribeURL"])
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"] == arn


def test_http_retries_and_dead_letters(server, listener, subscribed):
    sns, topic, subscribe = subscribed
    sqs = server.client("sqs")
    subscribe()
    queue = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["Endpoint"]
    policy = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 2, "numNoDelayRetries": 1}, "requestPolicy": {"headerContentType": "application/json"}}
    arn = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=listener.url, ReturnSubscriptionArn=True, Attributes={
        "DeliveryPolicy": json.dumps(policy), "RedrivePolicy": json.dumps({"deadLetterTargetArn": queue})})["SubscriptionArn"]
    sns.confirm_subscription(TopicArn=topic, Token=json.loads(listener.next()[1])["Token"], AuthenticateOnUnsubscribe="true")
    effective = json.loads(sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["EffectiveDeliveryPolicy"])
    assert effective["healthyRetryPolicy"]["numRetries"] == 2
    listener.statuses = [503, 503]
    sns.publish(TopicArn=topic, Message="third time lucky")
    headers, body, _ = listener.next()
    assert json.loads(body)["Message"] == "third time lucky" and headers["Content-Type"] == "application/json"
    listener.statuses = [404]
    sns.publish(TopicArn=topic, Message="refused")
    url = sqs.get_queue_url(QueueName=queue.split(":")[-1])["QueueUrl"]
    bodies = []

    def dead():
        for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]).get("Messages", []):
            bodies.append(json.loads(m["Body"])["Message"])
        return bodies.count("refused") == 2  # the subscription of the queue, and the dead letter

    until(dead)
    with pytest.raises(urllib.error.HTTPError) as e:
        get(f"{server.endpoint}/?Action=Unsubscribe&SubscriptionArn={arn}")
    assert e.value.code == 403
    for bad in ({"healthyRetryPolicy": {"numRetries": 101}}, {"healthyRetryPolicy": {"maxDelayTarget": 3601}}, {"throttlePolicy": {"maxReceivesPerSecond": 0}}):
        with pytest.raises(sns.exceptions.InvalidParameterException):
            sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="DeliveryPolicy", AttributeValue=json.dumps(bad))
    throttle = {"throttlePolicy": {"maxReceivesPerSecond": 5}}
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="DeliveryPolicy", AttributeValue=json.dumps(throttle))
    effective = json.loads(sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["EffectiveDeliveryPolicy"])
    assert effective["throttlePolicy"] == throttle["throttlePolicy"]


def test_mail_without_a_relay(server):
    sns = server.client("sns")
    topic = sns.create_topic(Name=name(), Attributes={"DisplayName": "Ärger"})["TopicArn"]
    address = name() + "@example.com"
    mails = {}

    def mail(count):
        for p in (server.data / "mail").glob("*.eml"):
            m = email.message_from_bytes(p.read_bytes(), policy=email.policy.default)
            if m["To"].addresses[0].addr_spec == address:
                mails[p.name] = m
        return len(mails) == count

    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    until(lambda: mail(1))
    ask = next(iter(mails.values()))
    assert ask["Subject"] == "AWS Notification - Subscription Confirmation" and ask["From"].addresses[0].display_name == "Ärger"
    get(re.search(r"http\S+ConfirmSubscription\S+", ask.get_content())[0])
    sns.publish(TopicArn=topic, Subject="hello", Message="dear subscriber, ä")
    until(lambda: mail(2))
    note = [m for m in mails.values() if m["Subject"] == "hello"][0].get_content()
    assert note.startswith("dear subscriber, ä") and "mail" in server.tarn("status")
    get(re.search(r"http\S+Unsubscribe\S+", note)[0])
    assert not sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="nobody")


def test_fifo_deduplication(server):
    sns, sqs = server.client("sns"), server.client("sqs")
    topic = sns.create_topic(Name=name(".fifo"), Attributes={"FifoTopic": "true"})["TopicArn"]
    url = sqs.create_queue(QueueName=name(".fifo"), Attributes={"FifoQueue": "true"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    one = sns.publish(TopicArn=topic, Message="1", MessageGroupId="g", MessageDeduplicationId="a")
    two = sns.publish(TopicArn=topic, Message="2", MessageGroupId="g", MessageDeduplicationId="b")
    again = sns.publish(TopicArn=topic, Message="other", MessageGroupId="h", MessageDeduplicationId="a")
    assert again["MessageId"] == one["MessageId"] and again["SequenceNumber"] == one["SequenceNumber"] and len(one["SequenceNumber"]) == 20
    assert two["SequenceNumber"] > one["SequenceNumber"]
    bodies = [json.loads(m["Body"]) for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert [(b["Message"], b["SequenceNumber"]) for b in bodies] == [("1", one["SequenceNumber"]), ("2", two["SequenceNumber"])]


def test_tail(server):
    sns, topic = server.client("sns"), name()
    arn = sns.create_topic(Name=topic)["TopicArn"]
    watcher = Watcher(server, "topic", "tail", topic)
    until(lambda: sns.publish(TopicArn=arn, Message="x", Subject="s", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}}) and
          select.select([watcher.process.stdout], [], [], 0.2)[0])
    line = watcher.line()
    assert line["message"] == "x" and line["subject"] == "s" and line["attributes"] == {"a": "b"}
    assert watcher.end()[0] == 0


def test_limits(subscribed):
    sns, topic, subscribe = subscribed
    subscribe()
    arn = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"]
    entry = {"Id": "a", "Message": "x"}
    filters = {str(i): ["x"] for i in range(5)}
    for call, below, above, code in (
        (lambda v: sns.publish(TopicArn=topic, Message=v), "x" * (256 * 1024), "x" * (256 * 1024 + 1), "InvalidParameter"),
        (lambda v: sns.publish(TopicArn=topic, Message="x", Subject=v), "s" * 100, "s" * 101, "InvalidParameter"),
        (lambda v: sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=v), [dict(entry, Id=str(i)) for i in range(10)], [dict(entry, Id=str(i)) for i in range(11)],
         "TooManyEntriesInBatchRequest"),
        (lambda v: sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=v), [dict(entry, Message="x" * (128 * 1024)), dict(entry, Id="b", Message="x" * (128 * 1024))],
         [dict(entry, Message="x" * (128 * 1024)), dict(entry, Id="b", Message="x" * (128 * 1024 + 1))], "BatchRequestTooLong"),
        (lambda v: sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=json.dumps(v)), filters, {**filters, "5": ["x"]}, "InvalidParameter"),
        (lambda v: sns.create_topic(Name=v), uuid.uuid4().hex + "x" * 224, "x" * 257, "InvalidParameter"),
        (lambda v: sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue=v), "x" * 100, "x" * 101, "InvalidParameter"),
        (lambda v: sns.tag_resource(ResourceArn=topic, Tags=[{"Key": str(i), "Value": ""} for i in range(v)]), 50, 51, "TagLimitExceeded"),
    ):
        call(below)
        with pytest.raises(botocore.exceptions.ClientError) as e:
            call(above)
        assert e.value.response["Error"]["Code"] == code, e.value
    for entries, code in (([], "EmptyBatchRequest"), ([entry, entry], "BatchEntryIdsNotDistinct"), ([dict(entry, Id="a b")], "InvalidBatchEntryId")):
        with pytest.raises(botocore.exceptions.ClientError) as e:
            sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
        assert e.value.response["Error"]["Code"] == code, e.value


def test_too_large_for_a_queue(server):
    """What a subscribed queue refuses goes to the subscription's dead-letter queue."""
    sns, sqs = server.client("sns"), server.client("sqs")
    topic = sns.create_topic(Name=name())["TopicArn"]

    def queue(**attributes):
        url = sqs.create_queue(QueueName=name(), Attributes=attributes)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]})})
        return url, arn

    (small, small_arn), (dead, dead_arn) = queue(MaximumMessageSize="1024"), queue()
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=small_arn, Attributes={"RawMessageDelivery": "true", "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn})})
    sns.publish(TopicArn=topic, Message="x" * 1024)
    sns.publish(TopicArn=topic, Message="y" * 1025)
    assert [m["Body"][0] for m in sqs.receive_message(QueueUrl=small, MaxNumberOfMessages=10)["Messages"]] == ["x"]
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=5)["Messages"]] == ["y" * 1025]
