"""EventBridge Scheduler by boto3: schedules that really fire."""
import datetime
import json
import uuid

import botocore
import pytest

from conftest import until
from test_events import inbox


@pytest.fixture
def rig(server, role):
    scheduler, arn = server.client("scheduler"), role("scheduler.amazonaws.com")

    def create(expression, target, **more):
        name = "s-" + uuid.uuid4().hex[:12]
        out = scheduler.create_schedule(Name=name, ScheduleExpression=expression, FlexibleTimeWindow={"Mode": "OFF"}, Target={"RoleArn": arn, **target}, **more)
        return name, out["ScheduleArn"]

    return scheduler, arn, create


def soon(seconds=2):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("at(%Y-%m-%dT%H:%M:%S)")


def test_targets(server, rig, role, name):
    scheduler, _, create = rig
    plain, from_plain = inbox(server)
    fifo, from_fifo = inbox(server, fifo=True)
    sfn, glue, events, sns = server.client("stepfunctions"), server.client("glue"), server.client("events"), server.client("sns")
    machine = sfn.create_state_machine(name=name, roleArn=role("states.amazonaws.com"), definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}')["stateMachineArn"]
    bus = events.create_event_bus(Name=name)["EventBusArn"]
    events.put_rule(Name=name, EventBusName=name, EventPattern='{"source":["clock"]}')
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "1", "Arn": plain}])
    at = soon()
    once, arn = create(at, {"Arn": plain, "Input": "<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.attempt-number>"}, ActionAfterCompletion="DELETE")
    create(at, {"Arn": plain})
    create(at, {"Arn": fifo, "SqsParameters": {"MessageGroupId": "g"}, "Input": "in order"})
    create(at, {"Arn": machine, "Input": '{"a":1}'})
    create(at, {"Arn": bus, "EventBridgeParameters": {"Source": "clock", "DetailType": "tick"}, "Input": '{"n":1}'})
    create(at, {"Arn": "arn:aws:scheduler:::aws-sdk:glue:createDatabase", "Input": json.dumps({"DatabaseInput": {"Name": name.replace("-", "_")}})})
    bodies = [m["Body"] for m in from_plain(3)]
    filled = next(b for b in bodies if b.startswith("arn:"))
    assert filled == f"{arn} {at[3:-1]}Z 1"
    events_got = {e["detail-type"]: e for e in (json.loads(b) for b in bodies if b.startswith("{"))}
    assert events_got["tick"]["detail"] == {"n": 1} and events_got["Scheduled Event"]["source"] == "aws.scheduler"
    assert from_fifo(1)[0]["Attributes"]["MessageGroupId"] == "g"
    run = until(lambda: sfn.list_executions(stateMachineArn=machine)["executions"])[0]
    assert sfn.describe_execution(executionArn=run["executionArn"])["input"] == '{"a":1}'
    until(lambda: [d for d in glue.get_databases()["DatabaseList"] if d["Name"] == name.replace("-", "_")])
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name=once)


def test_life_of_a_schedule(server, rig, name):
    scheduler, role, create = rig
    queue, take = inbox(server)
    group = scheduler.create_schedule_group(Name=name, Tags=[{"Key": "a", "Value": "b"}])["ScheduleGroupArn"]
    scheduler.tag_resource(ResourceArn=group, Tags=[{"Key": "c", "Value": "d"}])
    scheduler.untag_resource(ResourceArn=group, TagKeys=["a"])
    assert scheduler.list_tags_for_resource(ResourceArn=group)["Tags"] == [{"Key": "c", "Value": "d"}]
    end = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=1)
    s, arn = create("cron(0 9 ? * MON-FRI *)", {"Arn": queue, "RetryPolicy": {"MaximumRetryAttempts": 3}}, GroupName=name, ScheduleExpressionTimezone="Europe/Berlin", EndDate=end, State="DISABLED")
    got = scheduler.get_schedule(Name=s, GroupName=name)
    assert got["Arn"] == arn and got["State"] == "DISABLED" and got["EndDate"] == end and got["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert got["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 86400}
    scheduler.update_schedule(Name=s, GroupName=name, ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"}, Target={"Arn": queue, "RoleArn": role, "Input": "now"})
    assert take(1)[0]["Body"] == "now", "a rate without a start date begins at once"
    assert [x["Name"] for x in scheduler.list_schedules(GroupName=name, State="ENABLED")["Schedules"]] == [s]
    scheduler.delete_schedule_group(Name=name)
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name=s, GroupName=name)


def test_a_target_that_refuses(server, rig):
    _, _, create = rig
    dead, take = inbox(server)
    create(soon(1), {"Arn": "arn:aws:sqs:us-east-1:000000000000:not-there", "Input": "x", "DeadLetterConfig": {"Arn": dead}})
    m = take(1)[0]
    assert m["Body"] == "x" and m["MessageAttributes"]["TARGET_ARN"]["StringValue"].endswith(":not-there") and "SCHEDULED_TIME" in m["MessageAttributes"]


def test_refusals(server, rig, role):
    scheduler, arn, create = rig
    queue, _ = inbox(server)
    ok = {"Arn": queue}
    for code, call in (
        ("ValidationException", lambda: create("rate(1 hours)", ok)),
        ("ValidationException", lambda: create("rate(1 hour)", {**ok, "RoleArn": role("lambda.amazonaws.com")})),
        ("ValidationException", lambda: create("rate(1 hour)", {"Arn": "arn:aws:scheduler:::aws-sdk:s3:getObject"})),
        ("ValidationException", lambda: create("rate(1 hour)", {"Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances"})),
        ("ValidationException", lambda: create("rate(1 hour)", {"Arn": "arn:aws:kinesis:us-east-1:000000000000:stream/s"})),
        ("ValidationException", lambda: create("rate(1 hour)", {**ok, "KinesisParameters": {"PartitionKey": "x"}})),
        ("ValidationException", lambda: create("rate(1 hour)", ok, ScheduleExpressionTimezone="Mars/Crater")),
        ("ValidationException", lambda: scheduler.create_schedule(Name="x", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "FLEXIBLE"}, Target={**ok, "RoleArn": arn})),
        ("ResourceNotFoundException", lambda: create("rate(1 hour)", ok, GroupName="none")),
        ("ResourceNotFoundException", lambda: scheduler.delete_schedule(Name="none")),
        ("ConflictException", lambda: scheduler.create_schedule_group(Name="default")),
        ("ValidationException", lambda: scheduler.delete_schedule_group(Name="default")),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as e:
            call()
        assert e.value.response["Error"]["Code"] == code, e.value


def test_missed_while_the_server_was_killed(fresh_server):
    server = fresh_server
    iam = server.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="s", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="s", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    queue, _ = inbox(server)
    at = soon(2)  # cut to seconds: a second at least is left
    server.client("scheduler").create_schedule(Name="s", ScheduleExpression=at, FlexibleTimeWindow={"Mode": "OFF"}, Target={"Arn": queue, "RoleArn": role, "Input": "late"})
    server.kill()
    until(lambda: soon(0) > at)
    server.start()
    sqs = server.client("sqs")
    url = sqs.get_queue_url(QueueName=queue.split(":")[-1])["QueueUrl"]
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]] == ["late"]
