"""Executions with waits, maps, retries, nested machines and tokens while the server is killed again and again: each ends once, and its
history is, but for times and ids, the one of an execution that nothing disturbed.

TARN_KILLS and TARN_EXECUTIONS make it longer."""
import json
import os
import random
import threading

import pytest
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError

from conftest import until

REGION, KILLS, EXECUTIONS = "us-west-2", int(os.environ.get("TARN_KILLS", 8)), int(os.environ.get("TARN_EXECUTIONS", 150))
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=30, max_pool_connections=20)


def definition(bucket, queue, nested):
    return json.dumps({"StartAt": "In", "States": {
        "In": {"Type": "Pass", "Assign": {"n.$": "$.n"}, "Next": "Each"},
        "Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 1, "ResultPath": "$.each", "Next": "Missing", "ItemProcessor": {"StartAt": "Pause", "States": {
            "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Kept"}, "Kept": {"Type": "Pass", "End": True}}}},
        "Missing": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Parameters": {"Bucket": bucket, "Key": "none"}, "ResultPath": None,
                    "Retry": [{"ErrorEquals": ["S3.NoSuchKeyException"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}],
                    "Catch": [{"ErrorEquals": ["S3.NoSuchKeyException"], "ResultPath": "$.caught", "Next": "Ask"}], "Next": "Ask"},
        "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "ResultPath": "$.answer", "Next": "Nested",
                "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token", "execution.$": "$$.Execution.Id"}}},
        "Nested": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "ResultPath": "$.nested", "Next": "Out",
                   "Parameters": {"StateMachineArn": nested, "Name.$": "States.Format('{}-nested', $$.Execution.Name)", "Input": {"n.$": "$n"}}},
        "Out": {"Type": "Pass", "Parameters": {"n.$": "$n", "answer.$": "$.answer", "nested.$": "$.nested.Output.n"}, "End": True},
    }})


NESTED = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "P"}, "P": {"Type": "Pass", "End": True}}})


class Users:
    """Those who start executions, and a worker who answers their tokens, whatever happens to the server."""

    def __init__(self, server, machine, queue):
        self.server, self.machine, self.queue, self.session = server, machine, queue, server.session(REGION)
        self.started, self.next, self.over, self.changed = {}, 0, False, threading.Condition()

    def client(self, service):
        return self.session.client(service, endpoint_url=self.server.endpoint, config=ONCE)

    def start(self, n):
        arn = self.client("stepfunctions").start_execution(stateMachineArn=self.machine, name=f"e{n}", input=json.dumps({"n": n, "items": [1, 2]}))["executionArn"]
        with self.changed:
            self.started[n] = arn
            self.changed.notify_all()

    def starter(self):
        while True:
            with self.changed:
                n, self.next = self.next, self.next + 1
            if n >= EXECUTIONS:
                return
            while n not in self.started:  # the same name and input: started once, whatever was acknowledged
                try:
                    self.start(n)
                except BotoCoreError:
                    with self.changed:
                        self.changed.wait(0.05)

    def worker(self):
        """Answers a token when the history says that it is out; a sooner answer makes another history."""
        while not self.over:
            try:
                sqs, sfn = self.client("sqs"), self.client("stepfunctions")
                for m in sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
                    body = json.loads(m["Body"])
                    if sfn.get_execution_history(executionArn=body["execution"], reverseOrder=True, maxResults=1)["events"][0]["type"] == "TaskSubmitted":
                        try:
                            sfn.send_task_success(taskToken=body["token"], output='"thanks"')
                        except ClientError as e:
                            assert e.response["Error"]["Code"] in ("TaskTimedOut", "InvalidToken"), e
                        sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=m["ReceiptHandle"])
            except BotoCoreError:
                with self.changed:
                    self.changed.wait(0.05)


def details(events):
    """What of a history is compared: the events with their places, states, errors and outputs that do not hold drawn ids."""
    assert [e["id"] for e in events] == list(range(1, len(events) + 1)), "the history has gaps"
    out = []
    for e in events:
        of = next((v for k, v in e.items() if k.endswith("EventDetails")), {})
        out.append((e["id"], e["previousEventId"], e["type"], of.get("name"), of.get("error"), of.get("index"), of.get("resource")))
    return out


@pytest.fixture
def users(fresh_server):
    make = lambda service: fresh_server.client(service, REGION)  # noqa: E731
    s3, sqs, iam, sfn = make("s3"), make("sqs"), make("iam"), make("stepfunctions")
    s3.create_bucket(Bucket="crash", CreateBucketConfiguration={"LocationConstraint": REGION})
    queue = sqs.create_queue(QueueName="tokens", Attributes={"VisibilityTimeout": "1"})["QueueUrl"]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="states", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="states", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    nested = sfn.create_state_machine(name="nested", roleArn=role, definition=NESTED)["stateMachineArn"]
    machine = sfn.create_state_machine(name="outer", roleArn=role, definition=definition("crash", f"https://sqs.{REGION}.amazonaws.com/000000000000/tokens", nested))["stateMachineArn"]
    return Users(fresh_server, machine, queue)


def test_executions_survive_kills(fresh_server, users):
    worker = threading.Thread(target=users.worker)
    worker.start()

    def finished(arn):
        try:
            d = users.client("stepfunctions").describe_execution(executionArn=arn)
        except BotoCoreError:
            return None
        return d if d["status"] != "RUNNING" else None

    def history(arn):
        return [e for page in users.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn) for e in page["events"]]

    try:
        users.start(-1)  # undisturbed: what the others are compared with
        assert until(lambda: finished(users.started[-1]), 60)["status"] == "SUCCEEDED"
        want = details(history(users.started[-1]))
        starters = [threading.Thread(target=users.starter) for _ in range(4)]
        for s in starters:
            s.start()
        draw = random.Random(7)
        for k in range(KILLS):
            share = (k + 1) * EXECUTIONS // (KILLS + 1) + draw.randrange(1 + EXECUTIONS // (KILLS + 1) // 2)
            with users.changed:
                assert users.changed.wait_for(lambda: len(users.started) >= min(share, EXECUTIONS), 120)
            fresh_server.kill()
            fresh_server.start()
        for s in starters:
            s.join()
        for n, arn in users.started.items():
            done = until(lambda: finished(arn), 120)
            assert done["status"] == "SUCCEEDED", done
            assert json.loads(done["output"]) == {"n": n, "answer": "thanks", "nested": n}
            assert details(history(arn)) == want, n
        listed = [e for page in users.client("stepfunctions").get_paginator("list_executions").paginate(stateMachineArn=users.machine) for e in page["executions"]]
        assert len(listed) == EXECUTIONS + 1
        assert len({e["executionArn"] for e in listed}) == EXECUTIONS + 1
    finally:
        users.over = True
        worker.join()
