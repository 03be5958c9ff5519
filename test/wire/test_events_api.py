"""API destinations as targets of EventBridge's rules by boto3."""
import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError

from conftest import until

ACCOUNT = "000000000000"


@pytest.fixture
def api():
    """An HTTP API that notes what it is sent; answers holds the statuses that it gives first, after which it gives 200."""
    seen, answers = [], []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            seen.append({"at": time.monotonic(), "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": json.loads(body)})
            self.send_response(answers.pop(0) if answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.answers, server.url = seen, answers, "http://127.0.0.1:%d" % server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def rig(server, api):
    """A rule on the source that it is named after with an API destination as its target."""
    events, iam, sqs, name = server.client("events"), server.client("iam"), server.client("sqs"), "a-" + uuid.uuid4().hex[:8]
    connection = events.create_connection(Name=name, AuthorizationType="API_KEY", AuthParameters={
        "ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "secret"},
        "InvocationHttpParameters": {"BodyParameters": [{"Key": "by", "Value": "tarn", "IsValueSecret": False}]}})["ConnectionArn"]
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
    dead = sqs.create_queue(QueueName=name, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}]})})["QueueUrl"]

    def target(path, rate, **parameters):
        d = events.create_api_destination(Name=name, ConnectionArn=connection, InvocationEndpoint=api.url + path, HttpMethod="POST", InvocationRateLimitPerSecond=rate)["ApiDestinationArn"]
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": d}]}))
        events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
        t = {"Id": "1", "Arn": d, "RoleArn": role, "HttpParameters": parameters, "DeadLetterConfig": {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"}, "InputPath": "$.detail"}
        events.put_targets(Rule=name, Targets=[t])
        assert events.list_targets_by_rule(Rule=name)["Targets"][0] == t
        return t

    def put(**detail):
        assert events.put_events(Entries=[{"Source": name, "DetailType": "d", "Detail": json.dumps(detail)}])["FailedEntryCount"] == 0

    def buried():
        return sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=10, MessageAttributeNames=["All"])["Messages"][0]

    return events, target, put, buried, name


def test_call_with_parameters_and_retry(api, rig):
    events, target, put, _, name = rig
    api.answers.append(503)
    target("/orders/*/lines/*?q=1", 100, PathParameterValues=["$.detail.id", "all"], HeaderParameters={"x-kind": "$.detail.kind"}, QueryStringParameters={"n": "$.detail.n"})
    put(id="a b/c", kind="new", n=7)
    until(lambda: len(api.seen) == 2)  # the second after the 503
    for got in api.seen:
        assert got["path"] == "/orders/a%20b%2Fc/lines/all?n=7&q=1" and got["body"] == {"id": "a b/c", "kind": "new", "n": 7, "by": "tarn"}
        assert got["headers"]["x-kind"] == "new" and got["headers"]["x-key"] == "secret" and got["headers"]["user-agent"] == "Amazon/EventBridge/ApiDestinations"
    assert events.describe_api_destination(Name=name)["ApiDestinationState"] == "ACTIVE"


def test_rate_limit(api, rig):
    _, target, put, _, _ = rig
    target("/", 4)
    for i in range(5):
        put(i=i)
    until(lambda: len(api.seen) == 5)
    at = sorted(s["at"] for s in api.seen)
    assert at[-1] - at[0] >= 0.9, at


def test_refusals_are_buried(api, rig, server):
    events, target, put, buried, name = rig
    api.answers.append(400)
    t = target("/", 100)
    put(i=1)
    m = buried()
    assert json.loads(m["Body"]) == {"i": 1} and "400" in m["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    server.client("iam").delete_role_policy(RoleName=name, PolicyName="p")
    put(i=2)
    assert "events:InvokeApiDestination" in buried()["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"] and len(api.seen) == 1
    for bad in ({"RoleArn": None}, {"Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}", "HttpParameters": {"HeaderParameters": {"a": "b"}}}):
        with pytest.raises(ClientError) as e:
            events.put_targets(Rule=name, Targets=[{k: v for k, v in {**t, **bad}.items() if v}])
        assert e.value.response["Error"]["Code"] == "ValidationException"
