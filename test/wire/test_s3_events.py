"""What S3 tells queues and the default bus of each kind of write."""
import json

import pytest


@pytest.fixture
def told(server, bucket, name):
    """Sends all events of the bucket to a queue, directly and by the default bus; told(n) gives the next n documents of both."""
    s3, sqs, events = (server.client(service) for service in ("s3", "sqs", "events"))
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": ["s3.amazonaws.com", "events.amazonaws.com"]}, "Action": "sqs:SendMessage", "Resource": arn}]})})
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}))
    events.put_targets(Rule=name, Targets=[{"Id": "q", "Arn": arn}])
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "EventBridgeConfiguration": {},
        "QueueConfigurations": [{"Id": "all", "QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put", "s3:ObjectRestore:*"],
                                 "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ""}]}}}]})

    def take(n):
        direct, bussed = [], []
        while len(direct) < n or len(bussed) < n:
            got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10, AttributeNames=["All"]).get("Messages", [])
            assert got, (direct, bussed)
            for m in got:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
                body = json.loads(m["Body"])
                if "Records" in body:
                    direct.append((body["Records"][0], m.get("Attributes", {})))
                elif "detail" in body:
                    bussed.append(body)
        direct.sort(key=lambda d: (d[0]["s3"]["object"].get("sequencer", ""), d[0]["s3"]["object"]["key"]))
        bussed.sort(key=lambda b: (b["detail"]["object"].get("sequencer", ""), b["detail"]["object"]["key"]))
        assert (len(direct), len(bussed)) == (n, n)
        return direct, bussed
    return take


def test_members_of_events_by_kind(server, bucket, told):
    s3 = server.client("s3")
    s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: request.headers.__setitem__("X-Amzn-Trace-Id", "Root=1-3152b799-8954dae64eda91bc9a23a7e8"))
    assert s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"][0]["Filter"] == {"Key": {"FilterRules": [{"Name": "Suffix", "Value": ""}]}}
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"abc")["ETag"].strip('"')
    [(put, attributes)], [bussed] = told(1)
    assert put["eventVersion"] == "2.1" and put["s3"]["object"].items() >= {"key": "k", "size": 3, "eTag": etag}.items() and "versionId" not in put["s3"]["object"]
    assert attributes["AWSTraceHeader"].startswith("Root=1-3152b799")
    assert put["userIdentity"]["principalId"].startswith("AWS:") and put["s3"]["bucket"]["ownerIdentity"]["principalId"].startswith("A")
    assert bussed["detail"]["reason"] == "PutObject" and bussed["detail"]["object"]["sequencer"] == put["s3"]["object"]["sequencer"]

    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    [(tagged, _)], [bussed] = told(1)
    assert tagged["eventVersion"] == "2.3" and tagged["s3"]["object"] == {"key": "k", "eTag": etag}
    assert bussed["detail-type"] == "Object Tags Added" and bussed["detail"]["object"] == {"key": "k", "etag": etag} and "reason" not in bussed["detail"]

    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "never-1"}, {"Key": "never-2"}]})
    direct, bussed = told(3)
    assert [d["s3"]["object"]["key"] for d, _ in direct] == ["k", "never-1", "never-2"]
    assert {d["eventName"] for d, _ in direct} == {"ObjectRemoved:Delete"} and {b["detail"]["deletion-type"] for b in bussed} == {"Permanently Deleted"}


def test_versions_in_events(server, bucket, told):
    s3 = server.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=first)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    direct, bussed = told(4)
    objects = [d["s3"]["object"] for d, _ in direct]
    assert [d["eventName"] for d, _ in direct] == ["ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:Delete", "ObjectCreated:Put"]
    assert [o.get("versionId") for o in objects] == [first, marker, first, None]
    assert objects[1]["eTag"] == "d41d8cd98f00b204e9800998ecf8427e" and "eTag" not in objects[2]
    assert [b["detail"]["object"].get("version-id") for b in bussed] == [first, marker, first, None]
    assert bussed[1]["detail"]["deletion-type"] == "Delete Marker Created"


def test_destinations_are_checked(server, bucket):
    s3 = server.client("s3")
    function = "arn:aws:lambda:us-east-1:000000000000:function:missing"
    with pytest.raises(s3.exceptions.ClientError) as e:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [{"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}]})
    assert e.value.response["Error"].items() >= {"Code": "InvalidArgument", "Message": "Unable to validate the following destination configurations", "ArgumentName1": function + ", null", "ArgumentValue1": f"Not authorized to invoke function [{function}]"}.items()
