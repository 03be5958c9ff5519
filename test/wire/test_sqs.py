"""SQS as boto3 speaks it (JSON), and as older clients do (query)."""
import hashlib
import json
import urllib.parse
import urllib.request
import uuid

import botocore
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest


def name(suffix=""):
    return "q-" + uuid.uuid4().hex[:12] + suffix


@pytest.fixture
def sqs(server):
    return server.client("sqs")


@pytest.fixture
def queue(sqs):
    return sqs.create_queue(QueueName=name(), Attributes={"VisibilityTimeout": "30"})["QueueUrl"]


def code(call, **args):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**args)
    return e.value.response["Error"]["Code"]


def test_life_of_a_message(sqs, queue):
    attrs = {"a": {"DataType": "String", "StringValue": "ü"}, "n": {"DataType": "Number.int", "StringValue": "7"}, "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    sent = sqs.send_message(QueueUrl=queue, MessageBody="hello", MessageAttributes=attrs)  # boto3 checks the MD5s
    assert sent["MD5OfMessageBody"] == hashlib.md5(b"hello").hexdigest()
    got = sqs.receive_message(QueueUrl=queue, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"][0]
    assert got["Body"] == "hello" and got["MessageId"] == sent["MessageId"] and got["MessageAttributes"] == attrs
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert got["Attributes"]["ApproximateReceiveCount"] == "1" and got["Attributes"]["SenderId"]
    counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "1" and counts["MaximumMessageSize"] == "1048576"
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=got["ReceiptHandle"], VisibilityTimeout=0)
    again = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["n.*", "a"])["Messages"][0]
    assert set(again["MessageAttributes"]) == {"a"}
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=again["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_urls_of_aws(sqs, queue):
    path = urllib.parse.urlparse(queue).path
    client_url = "https://sqs.us-west-2.amazonaws.com" + path
    sqs.send_message(QueueUrl=client_url, MessageBody="x")
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "x"


def test_fifo(sqs):
    q = sqs.create_queue(QueueName=name(".fifo"), Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
    a = sqs.send_message(QueueUrl=q, MessageBody="1", MessageGroupId="g")
    assert sqs.send_message(QueueUrl=q, MessageBody="1", MessageGroupId="g")["MessageId"] == a["MessageId"]
    sqs.send_message(QueueUrl=q, MessageBody="2", MessageGroupId="g")
    got = sqs.receive_message(QueueUrl=q, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
    assert [m["Body"] for m in got] == ["1", "2"] and len(got[0]["Attributes"]["SequenceNumber"]) == 20
    assert "Messages" not in sqs.receive_message(QueueUrl=q)


def test_batches(sqs, queue):
    out = sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": "1"}, {"Id": "b", "MessageBody": "\x01"}])
    assert [s["Id"] for s in out["Successful"]] == ["a"] and out["Failed"][0]["Code"] == "InvalidMessageContents"
    h = sqs.receive_message(QueueUrl=queue)["Messages"][0]["ReceiptHandle"]
    out = sqs.delete_message_batch(QueueUrl=queue, Entries=[{"Id": "a", "ReceiptHandle": h}, {"Id": "b", "ReceiptHandle": "forged"}])
    assert [s["Id"] for s in out["Successful"]] == ["a"] and out["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"


def test_refusals(sqs, queue):
    pre = "AWS.SimpleQueueService."
    none = queue + "-none"
    big = "x" * (1 << 20)
    sqs.send_message(QueueUrl=queue, MessageBody=big)
    assert code(sqs.send_message, QueueUrl=queue, MessageBody=big + "x") == "InvalidParameterValue"
    assert code(sqs.send_message, QueueUrl=none, MessageBody="x") == pre + "NonExistentQueue"
    assert code(sqs.send_message, QueueUrl=queue, MessageBody="") == "MissingParameter"
    assert code(sqs.send_message, QueueUrl=queue, MessageBody="x", DelaySeconds=901) == "InvalidParameterValue"
    assert code(sqs.receive_message, QueueUrl=queue, MaxNumberOfMessages=11) == "InvalidParameterValue"
    assert code(sqs.receive_message, QueueUrl=queue, WaitTimeSeconds=21) == "InvalidParameterValue"
    assert code(sqs.receive_message, QueueUrl=queue, VisibilityTimeout=43201) == "InvalidParameterValue"
    assert code(sqs.delete_message, QueueUrl=queue, ReceiptHandle="forged") == "ReceiptHandleIsInvalid"
    assert code(sqs.send_message_batch, QueueUrl=queue, Entries=[]) == pre + "EmptyBatchRequest"
    entry = {"Id": "a", "MessageBody": "x"}
    assert code(sqs.send_message_batch, QueueUrl=queue, Entries=[entry, entry]) == pre + "BatchEntryIdsNotDistinct"
    assert code(sqs.send_message_batch, QueueUrl=queue, Entries=[dict(entry, Id=str(i)) for i in range(11)]) == pre + "TooManyEntriesInBatchRequest"
    assert code(sqs.send_message_batch, QueueUrl=queue, Entries=[dict(entry, Id="a b")]) == pre + "InvalidBatchEntryId"
    half = "x" * (600 << 10)
    assert code(sqs.send_message_batch, QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half}]) == pre + "BatchRequestTooLong"
    assert code(sqs.create_queue, QueueName="a b") == "InvalidParameterValue"
    assert code(sqs.create_queue, QueueName=name(), Attributes={"What": "1"}) == "InvalidAttributeName"
    assert code(sqs.create_queue, QueueName=name(), Attributes={"VisibilityTimeout": "43201"}) == "InvalidAttributeValue"
    assert code(sqs.create_queue, QueueName=queue.rsplit("/", 1)[1], Attributes={"VisibilityTimeout": "31"}) == "QueueAlreadyExists"
    sqs.create_queue(QueueName=queue.rsplit("/", 1)[1], Attributes={"VisibilityTimeout": "30"})
    sqs.purge_queue(QueueUrl=queue)
    assert code(sqs.purge_queue, QueueUrl=queue) == pre + "PurgeQueueInProgress"


def test_dead_letters_and_redrive(sqs, queue):
    dead = sqs.create_queue(QueueName=name())["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"})})
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [queue]
    sqs.send_message(QueueUrl=queue, MessageBody="bad")
    sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    m = sqs.receive_message(QueueUrl=dead, VisibilityTimeout=0, AttributeNames=["All"])["Messages"][0]
    assert m["Body"] == "bad" and m["Attributes"]["DeadLetterQueueSourceArn"].endswith(queue.rsplit("/", 1)[1])
    sqs.start_message_move_task(SourceArn=arn)
    assert sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"][0]["Body"] == "bad"
    assert sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]["ApproximateNumberOfMessagesToMove"] == 1


def test_query_protocol(sqs, queue):
    body = urllib.parse.urlencode({
        "Action": "SendMessage", "Version": "2012-11-05", "QueueUrl": queue, "MessageBody": "by query", "MessageAttribute.1.Name": "k",
        "MessageAttribute.1.Value.DataType": "String", "MessageAttribute.1.Value.StringValue": "v"}).encode()
    r = AWSRequest("POST", queue, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    SigV4Auth(sqs._request_signer._credentials, "sqs", sqs.meta.region_name).add_auth(r)
    answer = urllib.request.urlopen(urllib.request.Request(queue, body, dict(r.headers.items()))).read().decode()
    assert "<MD5OfMessageBody>" in answer
    got = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"][0]
    assert got["Body"] == "by query" and got["MessageAttributes"]["k"]["StringValue"] == "v"
