"""EventBridge by boto3, with S3 as a producer and queues as targets."""
import datetime
import json
import select
import uuid

import botocore
import pytest

from conftest import Server, Watcher, until


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


def inbox(server, service="events.amazonaws.com", fifo=False):
    """A queue that the service may send to, and a function that returns what came since."""
    sqs, name = server.client("sqs"), "q-" + uuid.uuid4().hex[:12] + (".fifo" if fifo else "")
    url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}]})})
    seen = []

    def take(count, seconds=20):
        def more():
            for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"], AttributeNames=["All"]).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
                seen.append(m)
            return len(seen) >= count
        until(more, seconds)
        got, seen[:] = list(seen), []
        return got

    return arn, take


@pytest.fixture
def bus(server):
    name = "b-" + uuid.uuid4().hex[:8]
    return name, server.client("events").create_event_bus(Name=name)["EventBusArn"]


def send(events, bus, detail, source="shop"):
    out = events.put_events(Entries=[{"Source": source, "DetailType": "sale", "Detail": json.dumps(detail), "EventBusName": bus}])
    assert out["FailedEntryCount"] == 0
    return out["Entries"][0]["EventId"]


def test_targets(server, bus, role, name):
    events, sfn, logs = server.client("events"), server.client("stepfunctions"), server.client("logs")
    other = events.create_event_bus(Name=name)["EventBusArn"]
    machine = sfn.create_state_machine(name=name, roleArn=role("states.amazonaws.com"), definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}')["stateMachineArn"]
    logs.create_log_group(logGroupName="/aws/events/" + name)
    fifo, from_fifo = inbox(server, fifo=True)
    dead, from_dead = inbox(server)
    second, from_second = inbox(server)
    events.put_rule(Name="r", EventBusName=bus[0], EventPattern='{"source":["shop"]}')
    group = logs.describe_log_groups(logGroupNamePrefix="/aws/events/" + name)["logGroups"][0]["arn"]
    refused = server.client("sqs").create_queue(QueueName=name)["QueueUrl"].split("/")[-1]
    events.put_targets(Rule="r", EventBusName=bus[0], Targets=[
        {"Id": "machine", "Arn": machine, "RoleArn": role("events.amazonaws.com"), "InputPath": "$.detail"},
        {"Id": "bus", "Arn": other},
        {"Id": "logs", "Arn": group},
        {"Id": "fifo", "Arn": fifo, "SqsParameters": {"MessageGroupId": "g"}},
        {"Id": "refused", "Arn": f"arn:aws:sqs:us-east-1:000000000000:{refused}", "DeadLetterConfig": {"Arn": dead}},
    ])
    events.put_rule(Name="second", EventBusName=name, EventPattern='{"source":["shop"]}')
    events.put_targets(Rule="second", EventBusName=name, Targets=[{"Id": "1", "Arn": second}, {"Id": "2", "Arn": bus[1], "DeadLetterConfig": {"Arn": dead}}])
    eid = send(events, bus[0], {"n": 1})
    runs = until(lambda: sfn.list_executions(stateMachineArn=machine)["executions"])
    assert json.loads(sfn.describe_execution(executionArn=runs[0]["executionArn"])["input"]) == {"n": 1}
    assert json.loads(from_second(1)[0]["Body"])["id"] == eid
    assert until(lambda: logs.filter_log_events(logGroupName="/aws/events/" + name)["events"])[0]["message"].find(eid) > 0
    message = from_fifo(1)[0]
    assert message["Attributes"]["MessageGroupId"] == "g" and json.loads(message["Body"])["id"] == eid
    buried = {m["MessageAttributes"]["TARGET_ARN"]["StringValue"]: m["MessageAttributes"] for m in from_dead(2)}
    assert len(buried) == 2 and buried[bus[1]]["RULE_ARN"]["StringValue"].endswith("/second"), "what came from a bus does not go to a third"
    assert buried[f"arn:aws:sqs:us-east-1:000000000000:{refused}"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    for bad in ({"Arn": machine}, {"Arn": other, "Input": "{}"}, {"Arn": fifo}, {"Arn": "arn:aws:batch:us-east-1:000000000000:job-queue/x"}):
        with pytest.raises(botocore.exceptions.ClientError) as e:
            events.put_targets(Rule="r", EventBusName=bus[0], Targets=[{"Id": "x", **bad}])
        assert e.value.response["Error"]["Code"] == "ValidationException"


def test_archive_and_replay(server, bus, name):
    events = server.client("events")
    archive = events.create_archive(ArchiveName=name, EventSourceArn=bus[1], EventPattern='{"detail":{"keep":[true]}}', RetentionDays=1)["ArchiveArn"]
    arn, take = inbox(server)
    only, take_only = inbox(server)
    for rule, target in (("all", arn), ("only", only)):
        rule = events.put_rule(Name=rule, EventBusName=bus[0], EventPattern='{"source":["shop"]}')["RuleArn"]
        events.put_targets(Rule=rule.split("/")[-1], EventBusName=bus[0], Targets=[{"Id": "1", "Arn": target}])
    ids = [send(events, bus[0], {"keep": i != 1, "i": i}) for i in range(3)]
    take(3), take_only(3)
    shown = events.describe_archive(ArchiveName=name)
    assert shown["EventCount"] == 2 and shown["State"] == "ENABLED" and shown["SizeBytes"] > 100
    assert [a["ArchiveName"] for a in events.list_archives(EventSourceArn=bus[1])["Archives"]] == [name]
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    events.start_replay(ReplayName=name, EventSourceArn=archive, EventStartTime=now - hour, EventEndTime=now + hour, Destination={"Arn": bus[1], "FilterArns": [rule]})
    again = [json.loads(m["Body"]) for m in take_only(2)]
    assert sorted(e["id"] for e in again) == sorted([ids[0], ids[2]]) and all(e["replay-name"] == name for e in again)
    done = until(lambda: (r := events.describe_replay(ReplayName=name))["State"] == "COMPLETED" and r)
    assert done["Destination"]["FilterArns"] == [rule] and done["EventLastReplayedTime"]
    assert events.list_replays(NamePrefix=name)["Replays"][0]["ReplayName"] == name
    assert events.describe_archive(ArchiveName=name)["EventCount"] == 2, "replayed events are not archived again"
    refusals = {
        "ResourceAlreadyExistsException": lambda: events.start_replay(
            ReplayName=name, EventSourceArn=archive, EventStartTime=now - hour, EventEndTime=now, Destination={"Arn": bus[1]}),
        "ValidationException": lambda: events.start_replay(
            ReplayName=name + "x", EventSourceArn=archive, EventStartTime=now, EventEndTime=now - hour, Destination={"Arn": bus[1]}),
        "IllegalStatusException": lambda: events.cancel_replay(ReplayName=name),
        "ResourceNotFoundException": lambda: events.describe_archive(ArchiveName=name + "x"),
        "InvalidEventPatternException": lambda: events.update_archive(ArchiveName=name, EventPattern='{"a":1}'),
    }
    for code, call in refusals.items():
        with pytest.raises(botocore.exceptions.ClientError) as e:
            call()
        assert e.value.response["Error"]["Code"] == code
    events.delete_archive(ArchiveName=name)
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.delete_archive(ArchiveName=name)


def test_permissions_of_buses(tmp_path):
    server = Server(tmp_path / "tarn", "--insecure-dev").start()
    try:
        mine, theirs = server.client("events"), server.client("events", aws_access_key_id="111111111111", aws_secret_access_key="x")
        bus = mine.create_event_bus(Name="shared")["EventBusArn"]
        arn, take = inbox(server)
        mine.put_rule(Name="r", EventBusName="shared", EventPattern='{"account":["111111111111","000000000000"]}')
        mine.put_targets(Rule="r", EventBusName="shared", Targets=[{"Id": "1", "Arn": arn}])

        def denied():
            with pytest.raises(botocore.exceptions.ClientError) as e:
                send(theirs, bus, {})
            assert e.value.response["Error"]["Code"] == "AccessDeniedException"

        denied()
        mine.put_permission(EventBusName="shared", Action="events:PutEvents", Principal="111111111111", StatementId="them")
        assert json.loads(mine.describe_event_bus(Name="shared")["Policy"])["Statement"][0]["Sid"] == "them"
        send(theirs, bus, {})
        assert json.loads(take(1)[0]["Body"])["account"] == "111111111111"  # who put it, not whose bus it is
        # A rule of theirs may forward to it as well, without a role.
        theirs.put_rule(Name="fwd", EventPattern='{"source":["shop"]}')
        theirs.put_targets(Rule="fwd", Targets=[{"Id": "1", "Arn": bus}])
        send(theirs, "default", {})
        assert json.loads(take(1)[0]["Body"])["account"] == "111111111111"
        mine.remove_permission(EventBusName="shared", StatementId="them")
        denied()
        with pytest.raises(mine.exceptions.ResourceNotFoundException):
            mine.remove_permission(EventBusName="shared", StatementId="them")
        with pytest.raises(botocore.exceptions.ClientError) as e:
            mine.put_permission(EventBusName="shared", Policy="{}")
        assert e.value.response["Error"]["Code"] == "ValidationException"
        policy = {"Version": "2012-10-17", "Statement": [{"Sid": "x" * 10300, "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": bus}]}
        with pytest.raises(botocore.exceptions.ClientError) as e:
            mine.put_permission(EventBusName="shared", Policy=json.dumps(policy))
        assert e.value.response["Error"]["Code"] == "PolicyLengthExceededException"
    finally:
        server.kill()


def test_events_of_services(server, role, name, bucket):
    """Step Functions, Athena and the Data Catalog tell the default bus."""
    events, sfn, athena, glue = server.client("events"), server.client("stepfunctions"), server.client("athena"), server.client("glue")
    arn, take = inbox(server)
    events.put_rule(Name=name, EventPattern=json.dumps({"$or": [
        {"source": ["aws.states"], "detail": {"name": [name]}}, {"source": ["aws.glue"], "detail": {"databaseName": [name.replace("-", "_")]}},
        {"source": ["aws.athena"], "detail": {"workgroupName": [name]}}]}))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    machine = sfn.create_state_machine(name=name, roleArn=role("states.amazonaws.com"), definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}')["stateMachineArn"]
    run = sfn.start_execution(stateMachineArn=machine, name=name, input='{"a":1}')["executionArn"]
    got = sorted((json.loads(m["Body"]) for m in take(2)), key=lambda e: e["detail"]["stopDate"] or 0)
    assert [e["detail"]["status"] for e in got] == ["RUNNING", "SUCCEEDED"] and got[0]["resources"] == [run]
    assert got[1]["detail-type"] == "Step Functions Execution Status Change" and got[1]["detail"]["output"] == '{"a":1}' and got[1]["detail"]["stateMachineArn"] == machine
    db = name.replace("-", "_")
    glue.create_database(DatabaseInput={"Name": db})
    table = {"Name": "t", "PartitionKeys": [{"Name": "p", "Type": "string"}], "StorageDescriptor": {"Columns": [{"Name": "c", "Type": "string"}], "Location": f"s3://{bucket}/t/"}}
    glue.create_table(DatabaseName=db, TableInput=table)
    glue.batch_create_partition(DatabaseName=db, TableName="t", PartitionInputList=[{"Values": [v], "StorageDescriptor": table["StorageDescriptor"]} for v in "ab"])
    glue.update_table(DatabaseName=db, TableInput=table)
    glue.delete_table(DatabaseName=db, Name="t")
    changes = {e["detail"]["typeOfChange"]: e for e in (json.loads(m["Body"]) for m in take(4))}
    assert sorted(changes) == ["BatchCreatePartition", "CreateTable", "DeleteTable", "UpdateTable"]
    assert sorted(changes["BatchCreatePartition"]["detail"]["changedPartitions"]) == ["[a]", "[b]"] and changes["CreateTable"]["detail"]["changedTables"] == ["t"]
    athena.create_work_group(Name=name, Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/r/"}})
    query = athena.start_query_execution(QueryString="SELECT 1", WorkGroup=name)["QueryExecutionId"]
    states = sorted((json.loads(m["Body"])["detail"] for m in take(3)), key=lambda d: d["sequenceNumber"])
    assert [(d["currentState"], d.get("previousState")) for d in states] == [("QUEUED", None), ("RUNNING", "QUEUED"), ("SUCCEEDED", "RUNNING")]
    assert all(d["queryExecutionId"] == query and d["statementType"] == "DML" for d in states)


def test_tail(server, bus, tmp_path):
    pattern = tmp_path / "pattern.json"
    pattern.write_text('{"detail":{"n":[2]}}')
    watcher = Watcher(server, "events", "tail", "--bus", bus[0], "--pattern", str(pattern))
    events = server.client("events")
    until(lambda: events.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": json.dumps({"n": n}), "EventBusName": bus[0]} for n in (1, 2)]) and
          select.select([watcher.process.stdout], [], [], 0.2)[0])
    assert watcher.line()["detail"] == {"n": 2}
    code, _, err = watcher.end()
    assert code == 0 and not err
    assert Watcher(server, "events", "tail", "--bus", "none").process.wait(10) == 1


def test_limits(server, bus, name):
    events = server.client("events")
    arn, _ = inbox(server)
    entry = {"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": bus[0]}
    events.put_rule(Name=name, EventBusName=bus[0], EventPattern='{"source":["s"]}')
    target = {"Arn": arn, "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 60}}
    put = lambda n, **more: events.put_targets(Rule=name, EventBusName=bus[0], Targets=[{"Id": str(i), **target, **more} for i in range(n)])
    events.put_events(Entries=[entry] * 10)
    put(5)
    events.put_rule(Name="r" * 64, EventBusName=bus[0], EventPattern='{"source":["s"]}')
    for code, call in (
        ("ValidationException", lambda: events.put_events(Entries=[entry] * 11)),
        ("ValidationException", lambda: events.put_events(Entries=[dict(entry, Detail=json.dumps({"x": "x" * (1 << 20)}))])),
        ("LimitExceededException", lambda: put(6)),
        ("ValidationException", lambda: put(1, RetryPolicy={"MaximumRetryAttempts": 186})),
        ("ValidationException", lambda: put(1, RetryPolicy={"MaximumEventAgeInSeconds": 86401})),
        ("ValidationException", lambda: put(1, Input="{}", InputPath="$.detail")),
        ("ValidationException", lambda: put(1, Input="no JSON")),
        ("ValidationException", lambda: events.put_rule(Name="r" * 65, EventBusName=bus[0], EventPattern='{"source":["s"]}')),
        ("ValidationException", lambda: events.put_rule(Name="r", EventBusName=bus[0])),
        ("ValidationException", lambda: events.put_rule(Name="r", EventBusName=bus[0], ScheduleExpression="rate(1 hour)")),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as e:
            call()
        assert e.value.response["Error"]["Code"] == code, e.value


def test_pages_of_targets_and_patterns(rig):
    _, events, rule = rig
    arn, _ = rule({"source": ["x"]})
    name = arn.split(":")[-1]
    events.put_targets(Rule=name, Targets=[{"Id": "2", "Arn": arn}])
    page = events.list_targets_by_rule(Rule=name, Limit=1)
    rest = events.list_targets_by_rule(Rule=name, Limit=1, NextToken=page["NextToken"])
    assert [t["Id"] for t in page["Targets"] + rest["Targets"]] == ["1", "2"] and "NextToken" not in rest
    event = {"id": "1", "account": "1", "source": "x", "time": "2026-01-01T00:00:00Z", "region": "r", "detail-type": "t", "detail": {"a": {"b": [[1], [2]]}}}
    for pattern, want in (({"detail.a.b": [2]}, True), ({"detail": {"a.b": [3]}}, False)):
        assert events.test_event_pattern(Event=json.dumps(event), EventPattern=json.dumps(pattern))["Result"] is want
    for given in ([event], {"source": "x"}):
        with pytest.raises(botocore.exceptions.ClientError) as e:
            events.test_event_pattern(Event=json.dumps(given), EventPattern='{"source":["x"]}')
        assert e.value.response["Error"]["Message"] == "Parameter Event is not valid."
    with pytest.raises(events.exceptions.InvalidEventPatternException) as e:
        events.put_rule(Name=name, EventPattern='{"source":[{"suffix":1}]}')
    assert e.value.response["Error"]["Message"].startswith("Event pattern is not valid. Reason: suffix match pattern must be a string")
