"""SQS as boto3 speaks it (JSON), and as older clients do (query)."""
import hashlib
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid

import botocore
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from conftest import Server, until


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
    assert set(again["MessageAttributes"]) == {"a", "n"}
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


def query(sqs, url, **parameters):
    """Sends a request as clients did before JSON."""
    body = urllib.parse.urlencode({"Version": "2012-11-05", **parameters}).encode()
    r = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    SigV4Auth(sqs._request_signer._credentials, "sqs", sqs.meta.region_name).add_auth(r)
    try:
        return urllib.request.urlopen(urllib.request.Request(url, body, dict(r.headers.items()))).read().decode()
    except urllib.error.HTTPError as e:
        return e.read().decode()


def test_query_protocol(sqs, queue):
    attribute = {"MessageAttribute.1.Name": "k", "MessageAttribute.1.Value.DataType": "String", "MessageAttribute.1.Value.StringValue": "v"}
    assert "<MD5OfMessageBody>" in query(sqs, queue, Action="SendMessage", QueueUrl=queue, MessageBody="by query", **attribute)
    assert "<MD5OfMessageBody>" in query(sqs, queue, Action="SendMessage", MessageBody="by path")
    assert f"<QueueUrl>{queue}</QueueUrl>" in query(sqs, queue, Action="GetQueueUrl", QueueName=queue.rsplit("/", 1)[1])
    got = {m["Body"]: m for _ in range(2) for m in sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], MaxNumberOfMessages=10).get("Messages", [])}
    assert set(got) == {"by query", "by path"} and got["by query"]["MessageAttributes"]["k"]["StringValue"] == "v"
    root = queue.rsplit("/", 2)[0] + "/"
    for answer, url, parameters in (
        ("MissingParameter", queue, {"Action": "SendMessage"}),
        ("MissingParameter", root, {"Action": "SendMessage", "MessageBody": "x"}),
        ("MissingParameter", root, {"Action": "CreateQueue"}),
        ("MissingAction", queue, {}),
        ("InvalidAction", queue, {"Action": "Nothing"}),
        ("InvalidAttributeName", queue, {"Action": "GetQueueAttributes", "AttributeName.1": "Nothing"}),
        ("InvalidAttributeValue", queue, {"Action": "SetQueueAttributes", "Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "901"}),
        ("AWS.SimpleQueueService.NonExistentQueue", queue + "x", {"Action": "GetQueueAttributes", "AttributeName.1": "All"}),
    ):
        assert f"<Code>{answer}</Code>" in query(sqs, url, **parameters), (answer, parameters)


def test_a_deleted_name_rests(sqs):
    q = name()
    sqs.delete_queue(QueueUrl=sqs.create_queue(QueueName=q)["QueueUrl"])
    assert code(sqs.create_queue, QueueName=q) == "AWS.SimpleQueueService.QueueDeletedRecently"


@pytest.mark.parametrize("attribute,low,high", [
    ("DelaySeconds", 0, 900), ("MaximumMessageSize", 1024, 1048576), ("MessageRetentionPeriod", 60, 1209600), ("ReceiveMessageWaitTimeSeconds", 0, 20), ("VisibilityTimeout", 0, 43200)])
def test_limits_of_attributes(sqs, queue, attribute, low, high):
    for value in (low, high):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={attribute: str(value)})
        assert sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[attribute])["Attributes"][attribute] == str(value)
    for value in (low - 1, high + 1, "x", ""):
        assert code(sqs.set_queue_attributes, QueueUrl=queue, Attributes={attribute: str(value)}) == "InvalidAttributeValue", value


def test_limits_of_requests(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x", MessageAttributes={str(i): {"DataType": "String", "StringValue": "x"} for i in range(10)})
    assert code(sqs.send_message, QueueUrl=queue, MessageBody="x", MessageAttributes={str(i): {"DataType": "String", "StringValue": "x"} for i in range(11)}) == "InvalidParameterValue"
    for bad in ("", "a b", "x" * 257, "AWS.x", ".x", "x..y"):
        assert code(sqs.send_message, QueueUrl=queue, MessageBody="x", MessageAttributes={bad: {"DataType": "String", "StringValue": "x"}}) in ("InvalidParameterValue", "MissingParameter"), bad
    for n in (1, 10):
        sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=n, VisibilityTimeout=0)
    for n in (0, 11):
        assert code(sqs.receive_message, QueueUrl=queue, MaxNumberOfMessages=n) == "InvalidParameterValue"
    h = sqs.receive_message(QueueUrl=queue)["Messages"][0]["ReceiptHandle"]
    for n in (-1, 43201):
        assert code(sqs.change_message_visibility, QueueUrl=queue, ReceiptHandle=h, VisibilityTimeout=n) == "InvalidParameterValue"
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=h, VisibilityTimeout=0)
    sqs.create_queue(QueueName=uuid.uuid4().hex + "x" * 48)
    assert code(sqs.create_queue, QueueName="x" * 81) == "InvalidParameterValue"


def test_requests_are_counted(server, sqs):
    def units():
        return sum(line["Quantity"] for line in json.loads(server.tarn("--json", "cost"))["lines"] or [] if line["Unit"] == "sqs:requests")

    sqs.list_queues()
    before = until(units)
    url = sqs.create_queue(QueueName=name())["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x" * (65 * 1024))  # two units
    sqs.receive_message(QueueUrl=url)  # two again
    until(lambda: units() >= before + 5, every=0.5)


def refused(call, **args):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**args)
    error = e.value.response["Error"]
    return error["Code"], error["Message"]


def test_refusals_in_the_words_of_sqs(sqs, queue):
    groups = sqs.create_queue(QueueName=name(".fifo"), Attributes={"FifoQueue": "True", "ContentBasedDeduplication": "False"})["QueueUrl"]
    entries = [{"Id": "1", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}, {"Id": "2", "MessageBody": "y", "MessageGroupId": "g"}]
    for got, code, text in (
        (refused(sqs.create_queue, QueueName=name(), Attributes={"FifoQueue": "false"}), "InvalidAttributeName", "Unknown Attribute FifoQueue."),
        (refused(sqs.create_queue, QueueName=name(), Attributes={"DeduplicationScope": "queue"}), "InvalidAttributeName",
         "You can specify the DeduplicationScope only when FifoQueue is set to true."),
        (refused(sqs.set_queue_attributes, QueueUrl=groups, Attributes={"FifoQueue": "false"}), "InvalidAttributeValue",
         "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."),
        (refused(sqs.delete_message, QueueUrl=queue, ReceiptHandle="garbage"), "ReceiptHandleIsInvalid", 'The input receipt handle "garbage" is not a valid receipt handle.'),
        (refused(sqs.send_message_batch, QueueUrl=groups, Entries=entries), "InvalidParameterValue",
         "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"),
        (refused(sqs.send_message, QueueUrl=groups, MessageBody="x", MessageGroupId="", MessageDeduplicationId="1"), "InvalidParameterValue",
         "Value  for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."),
    ):
        assert got == (code, text)
    assert "Messages" not in sqs.receive_message(QueueUrl=groups)


def test_handles_of_earlier_receives(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    first = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"][0]["ReceiptHandle"]
    sqs.receive_message(QueueUrl=queue)
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=first, VisibilityTimeout=0)
    assert sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"][0]["Body"] == "x"
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=first, VisibilityTimeout=60)  # it is visible, and hidden again
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_what_no_policy_shares(tmp_path):
    """A queue's policy lets other accounts use it, and not own it."""
    server = Server(tmp_path / "tarn", "--insecure-dev").start()
    try:
        mine, theirs = server.client("sqs"), server.client("sqs", aws_access_key_id="111111111111", aws_secret_access_key="x")
        url = mine.create_queue(QueueName="shared")["QueueUrl"]
        mine.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sqs:*", "Resource": "arn:aws:sqs:us-east-1:000000000000:shared"}]})})
        theirs.send_message(QueueUrl=url, MessageBody="x")
        assert theirs.receive_message(QueueUrl=url)["Messages"]
        for call in (
            lambda: theirs.delete_queue(QueueUrl=url), lambda: theirs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1"}),
            lambda: theirs.tag_queue(QueueUrl=url, Tags={"a": "b"}), lambda: theirs.list_queue_tags(QueueUrl=url),
            lambda: theirs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["111111111111"], Actions=["SendMessage"]),
            lambda: theirs.start_message_move_task(SourceArn="arn:aws:sqs:us-east-1:000000000000:shared"),
        ):
            with pytest.raises(botocore.exceptions.ClientError) as e:
                call()
            assert e.value.response["Error"]["Code"] == "AccessDenied"
        theirs.purge_queue(QueueUrl=url)
    finally:
        server.kill()
