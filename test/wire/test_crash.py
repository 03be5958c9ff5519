"""A part of a pipeline while the server is killed again and again: what was acknowledged holds.

Uploads notify a function that copies them to another bucket, and executions of a state machine wait while the server dies."""
import hashlib
import json
import random
import threading

from botocore.client import Config
from botocore.exceptions import BotoCoreError

from conftest import until, zipped

REGION, KILLS = "us-west-2", 20
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=20)
COPIER = """
import boto3
s3 = boto3.client('s3')
def handler(event, context):
    for r in event['Records']:
        s3.copy_object(Bucket='copied', Key=r['s3']['object']['key'], CopySource={'Bucket': 'landed', 'Key': r['s3']['object']['key']})
"""
MACHINE = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "Next": "Done"}, "Done": {"Type": "Pass", "Parameters": {"done.$": "$.n"}, "End": True}}}


class Load:
    """Users who put objects and start executions, and note what was acknowledged."""

    def __init__(self, server, machine):
        self.server, self.machine, self.session = server, machine, server.session(REGION)
        self.objects, self.executions, self.attempts = {}, {}, 0
        self.acknowledged = threading.Condition()

    def client(self, service):
        return self.session.client(service, endpoint_url=self.server.endpoint, config=ONCE)

    def until_killed(self, request):
        """Repeats the request until the server does not answer any more."""
        while True:
            with self.acknowledged:
                self.attempts += 1
                n = self.attempts
            try:
                note, key, value = request(n)
            except BotoCoreError:
                return
            with self.acknowledged:
                note[key] = value
                self.acknowledged.notify_all()

    def round(self, kill_after):
        """Runs the users, and kills the server when it has acknowledged so many of their requests."""
        s3, sfn = self.client("s3"), self.client("stepfunctions")

        def put(n):
            body = f"object {n}\n".encode() * (1 if n % 3 else 20_000)  # within the state's log, and as a file
            etag = s3.put_object(Bucket="landed", Key=f"k{n}", Body=body)["ETag"]
            return self.objects, f"k{n}", (etag, hashlib.md5(body).hexdigest())

        def start(n):
            return self.executions, sfn.start_execution(stateMachineArn=self.machine, name=f"e{n}", input=json.dumps({"n": n}))["executionArn"], n

        users = [threading.Thread(target=self.until_killed, args=[r]) for r in (put, put, start)]
        before = len(self.objects) + len(self.executions)
        for u in users:
            u.start()
        with self.acknowledged:
            enough = self.acknowledged.wait_for(lambda: len(self.objects) + len(self.executions) - before >= kill_after, timeout=120)
        self.server.kill()
        for u in users:
            u.join()
        assert enough, f"{kill_after} requests were not acknowledged in time"


def test_what_was_acknowledged_survives_twenty_kills(fresh_server):
    server, seed = fresh_server, random.randrange(1 << 32)
    print("seed", seed)
    points = random.Random(seed)
    s3, functions, iam = server.client("s3", REGION), server.client("lambda", REGION), server.client("iam", REGION)
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    for bucket in ("landed", "copied"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    copier = functions.create_function(FunctionName="copier", Runtime="python3.12", Handler="app.handler", Role=role, Timeout=20, Code={"ZipFile": zipped({"app.py": COPIER})})["FunctionArn"]
    functions.add_permission(FunctionName="copier", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", SourceArn="arn:aws:s3:::landed")
    s3.put_bucket_notification_configuration(Bucket="landed", NotificationConfiguration={"LambdaFunctionConfigurations": [{"LambdaFunctionArn": copier, "Events": ["s3:ObjectCreated:*"]}]})
    machine = server.client("stepfunctions", REGION).create_state_machine(name="m", roleArn=role, definition=json.dumps(MACHINE))["stateMachineArn"]

    load = Load(server, machine)
    for _ in range(KILLS):
        load.round(points.randint(1, 15))
        server.start()
    s3, sfn = load.client("s3"), load.client("stepfunctions")
    assert load.objects and load.executions

    for key, (etag, md5) in load.objects.items():
        got = s3.get_object(Bucket="landed", Key=key)
        assert got["ETag"] == etag == f'"{md5}"' and hashlib.md5(got["Body"].read()).hexdigest() == md5, key

    def listed(bucket):
        return {o["Key"]: o["ETag"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket) for o in page.get("Contents", [])}

    # What was stored but not acknowledged any more notifies, too.
    landed = listed("landed")
    assert landed.keys() >= load.objects.keys()
    until(lambda: listed("copied") == landed, 240)  # the first time the SDK of functions is installed meanwhile

    def all_executions():
        return [e for page in sfn.get_paginator("list_executions").paginate(stateMachineArn=machine) for e in page["executions"]]

    until(lambda: all(e["status"] != "RUNNING" for e in all_executions()))
    arns = [e["executionArn"] for e in all_executions()]
    assert len(arns) == len(set(arns)) and set(arns) >= load.executions.keys()
    for arn in arns:
        events = sfn.get_execution_history(executionArn=arn)["events"]
        assert [e["type"] for e in events] == ["ExecutionStarted", "WaitStateEntered", "WaitStateExited", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"], events
        assert [e["id"] for e in events] == list(range(1, len(events) + 1))
    for arn, n in load.executions.items():
        assert json.loads(sfn.describe_execution(executionArn=arn)["output"]) == {"done": n}
    assert "panic" not in (server.data / "server.log").read_text()
