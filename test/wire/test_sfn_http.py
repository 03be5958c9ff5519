"""HTTP tasks with EventBridge's connections by boto3."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import until
from test_sfn import ended, machine


@pytest.fixture
def api():
    """An HTTP API that echoes requests, /status/N answers N, /token gives out numbered tokens, of which t1 is not taken."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            request = {"method": self.command, "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body}
            seen.append(request)
            status, out = 200, request
            if self.path.startswith("/status/"):
                status = int(self.path[8:])
            elif self.path.startswith("/token"):
                out = {"access_token": "t%d" % sum(r["path"].startswith("/token") for r in seen), "expires_in": 3600}
            elif request["headers"].get("authorization") == "Bearer t1":
                status = 401
            text = json.dumps(out).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.url = seen, "http://127.0.0.1:%d" % server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def sfn(server):
    return server.client("stepfunctions")


@pytest.fixture
def events(server):
    return server.client("events")


def connect(events, name, kind, auth, **invocation):
    if invocation:
        auth["InvocationHttpParameters"] = invocation
    return events.create_connection(Name=name, AuthorizationType=kind, AuthParameters=auth)["ConnectionArn"]


def task(connection, url, method="GET", **more):
    return {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": True,
            "Parameters": {"ApiEndpoint": url, "Method": method, "InvocationConfig": {"ConnectionArn": connection}, **more}}


def run(sfn, role, name, state):
    return ended(sfn, sfn.start_execution(stateMachineArn=machine(sfn, role, name, {"Call": state}, "Call"))["executionArn"])


def test_task_with_key_and_form(sfn, events, role, name, api):
    arn = connect(events, name, "API_KEY", {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "hush"}},
                  QueryStringParameters=[{"Key": "q", "Value": "theirs"}], BodyParameters=[{"Key": "b", "Value": "hidden", "IsValueSecret": True}])
    shown = events.describe_connection(Name=name)
    assert shown["ConnectionState"] == "AUTHORIZED" and shown["AuthParameters"]["ApiKeyAuthParameters"] == {"ApiKeyName": "X-Key"}
    assert "hush" not in str(shown) and "hidden" not in str(shown)
    done = run(sfn, role, name, task(arn, api.url + "/p", "POST", Headers={"Content-Type": "application/x-www-form-urlencoded"}, QueryParameters={"q": "mine"},
                                     RequestBody={"a": [1, 2]}, Transform={"RequestBodyEncoding": "URL_ENCODED"}))
    assert done["status"] == "SUCCEEDED", done
    out = json.loads(done["output"])
    got = out["ResponseBody"]
    assert (out["StatusCode"], out["StatusText"], out["Headers"]["content-type"]) == (200, "OK", ["application/json"])
    assert (got["path"], got["body"], got["headers"]["x-key"]) == ("/p?q=theirs", "a%5B0%5D=1&a%5B1%5D=2&b=hidden", "hush")
    assert got["headers"]["user-agent"] == "Amazon|StepFunctions|HttpInvoke|us-east-1" and got["headers"]["range"] == "bytes=0-262144"


def test_failures_have_the_status_as_name(sfn, events, role, name, api):
    arn = connect(events, name, "BASIC", {"BasicAuthParameters": {"Username": "u", "Password": "p"}})
    state = task(arn, api.url + "/status/503")
    state["Catch"] = [{"ErrorEquals": ["States.Http.StatusCode.503"], "Next": "Caught"}]
    sm = machine(sfn, role, name, {"Call": state, "Caught": {"Type": "Pass", "End": True}}, "Call")
    done = ended(sfn, sfn.start_execution(stateMachineArn=sm)["executionArn"])
    assert json.loads(done["output"]) == {"Error": "States.Http.StatusCode.503", "Cause": "Service Unavailable"}
    events.deauthorize_connection(Name=name)
    done = run(sfn, role, name + "2", task(arn, api.url))
    assert done["status"] == "FAILED" and done["error"] == "Events.ConnectionResource.InvalidConnectionState"
    events.delete_connection(Name=name)
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_connection(Name=name)


def test_oauth_token_is_fetched_and_renewed(sfn, events, role, name, api):
    arn = connect(events, name, "OAUTH_CLIENT_CREDENTIALS", {"OAuthParameters": {
        "AuthorizationEndpoint": api.url + "/token", "HttpMethod": "POST", "ClientParameters": {"ClientID": "id", "ClientSecret": "shh"},
        "OAuthHttpParameters": {"BodyParameters": [{"Key": "audience", "Value": "api"}]}}})
    assert until(lambda: events.describe_connection(Name=name)["ConnectionState"] == "AUTHORIZED")
    asked = api.seen[0]
    assert asked["headers"]["authorization"].startswith("Basic ") and "grant_type=client_credentials" in asked["body"] and "audience=api" in asked["body"]
    done = run(sfn, role, name, task(arn, api.url + "/x"))
    assert json.loads(done["output"])["ResponseBody"]["headers"]["authorization"] == "Bearer t2", done
    assert "shh" not in str(events.describe_connection(Name=name))


def test_role_needs_permissions(server, sfn, events, name, api):
    iam = server.client("iam")
    arn = connect(events, name, "BASIC", {"BasicAuthParameters": {"Username": "u", "Password": "p"}})
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}}
    role_arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

    def allow(*statements):
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Resource": "*", **s} for s in statements]}))

    def call(method="GET"):
        done = run(sfn, lambda _: role_arn, name + str(len(api.seen)) + method + str(call.n), task(arn, api.url + "/p", method))
        call.n += 1
        return done.get("error", "ok")
    call.n = 0
    invoke = {"Action": "states:InvokeHTTPEndpoint", "Condition": {"StringEquals": {"states:HTTPMethod": "GET"}, "StringLike": {"states:HTTPEndpoint": api.url + "/*"}}}
    connection = {"Action": "events:RetrieveConnectionCredentials", "Resource": arn}
    secret = {"Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"], "Resource": "arn:aws:secretsmanager:*:*:secret:events!connection/*"}
    allow(invoke)
    assert call() == "Events.ConnectionResource.AccessDenied"
    allow(invoke, connection)
    assert call() == "Events.ConnectionResource.AccessDenied"
    allow(invoke, connection, secret)
    assert call() == "ok"
    assert call("POST") == "States.Permissions"


def test_test_state_reveals_secrets_on_request(server, events, role, name, api):
    sfn = server.client("stepfunctions", config=Config(inject_host_prefix=False))  # else boto3 calls sync-127.0.0.1
    arn = connect(events, name, "API_KEY", {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "hush"}})

    def seen(**more):
        out = sfn.test_state(definition=json.dumps(task(arn, api.url + "/p")), roleArn=role("states.amazonaws.com"), inspectionLevel="TRACE", **more)
        assert out["status"] == "SUCCEEDED" and out["inspectionData"]["response"]["statusCode"] == "200"
        return out["inspectionData"]["request"]
    assert "hush" not in str(seen()) and seen()["url"] == api.url + "/p"
    assert json.loads(seen(revealSecrets=True)["headers"])["X-Key"] == ["hush"]


def test_api_destinations(events, name):
    arn = connect(events, name, "BASIC", {"BasicAuthParameters": {"Username": "u", "Password": "p"}})
    made = events.create_api_destination(Name=name, ConnectionArn=arn, HttpMethod="POST", InvocationEndpoint="https://example.com/api")
    assert made["ApiDestinationState"] == "ACTIVE"
    events.update_api_destination(Name=name, HttpMethod="PUT", InvocationRateLimitPerSecond=5)
    shown = events.describe_api_destination(Name=name)
    assert (shown["HttpMethod"], shown["InvocationRateLimitPerSecond"], shown["ConnectionArn"]) == ("PUT", 5, arn)
    assert [d["Name"] for d in events.list_api_destinations(NamePrefix=name)["ApiDestinations"]] == [name]
    events.delete_api_destination(Name=name)
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_api_destination(Name=name)
    with pytest.raises(ClientError) as e:
        events.create_connection(Name="no spaces", AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "a", "ApiKeyValue": "b"}})
    assert e.value.response["Error"]["Code"] == "ValidationException"
