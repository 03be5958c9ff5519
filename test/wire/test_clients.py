"""Clients that are neither boto3 nor built on it: the AWS command line, and aws-sdk-go-v2 by the module in go/."""
import json
import os
import pathlib
import subprocess
import sys
import urllib.request

import pytest

from conftest import until

AWS = pathlib.Path(sys.executable).with_name("aws")


@pytest.fixture
def aws(server, tmp_path):
    """aws(*arguments) runs the command line as a user does, with nothing but the environment to lead it to Tarn, and returns
    what it prints."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    env |= {**server.env, "AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_PAGER": "", "AWS_DEFAULT_OUTPUT": "json"}

    def run(*args, fails=None, stdin=None):
        done = subprocess.run([str(AWS), *args], env=env, capture_output=True, text=True, input=stdin, timeout=120)
        if fails:
            assert done.returncode != 0 and f"({fails})" in done.stderr, done.stdout + done.stderr
            return done.stderr
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_aws_s3_commands(aws, name, tmp_path):
    aws("s3", "mb", f"s3://{name}")
    tree = {"a.txt": b"a", "deep/b c.txt": b"bc", "deep/é+.bin": bytes(range(256)), "large": os.urandom(9 << 20)}
    for path, body in tree.items():
        (tmp_path / "src" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / path).write_bytes(body)
    aws("s3", "sync", str(tmp_path / "src"), f"s3://{name}/tree", "--no-progress")
    assert aws("s3", "sync", str(tmp_path / "src"), f"s3://{name}/tree", "--no-progress") == "", "a second sync has nothing to do"
    aws("s3", "cp", f"s3://{name}/tree/", str(tmp_path / "back"), "--recursive", "--no-progress")
    assert {path: (tmp_path / "back" / path).read_bytes() for path in tree} == tree
    aws("s3", "cp", "-", f"s3://{name}/piped", stdin="from a pipe")
    assert aws("s3", "cp", f"s3://{name}/piped", "-") == "from a pipe"
    aws("s3", "mv", f"s3://{name}/tree/large", f"s3://{name}/moved")
    assert f"Total Objects: {len(tree) + 1}" in aws("s3", "ls", f"s3://{name}", "--recursive", "--summarize")
    assert "BucketNotEmpty" in aws("s3", "rb", f"s3://{name}", fails="BucketNotEmpty")
    aws("s3", "rb", f"s3://{name}", "--force")
    aws("s3api", "head-bucket", "--bucket", name, fails="404")


def test_aws_presigned_url(aws, bucket):
    aws("s3", "cp", "-", f"s3://{bucket}/k", stdin="signed")
    assert urllib.request.urlopen(aws("s3", "presign", f"s3://{bucket}/k").strip()).read() == b"signed"


def test_aws_identity_and_queue(server, aws, name):
    assert json.loads(aws("sts", "get-caller-identity"))["Account"] == "000000000000"
    # The command line goes to a legacy host of SQS that AWS_ENDPOINT_URL does not change.
    sqs = lambda *args: aws("sqs", *args, "--endpoint-url", server.endpoint)  # noqa: E731
    url = json.loads(sqs("create-queue", "--queue-name", name))["QueueUrl"]
    sqs("send-message", "--queue-url", url, "--message-body", "hello")
    assert json.loads(sqs("receive-message", "--queue-url", url, "--wait-time-seconds", "5"))["Messages"][0]["Body"] == "hello"
    aws("iam", "get-user", "--user-name", name, fails="NoSuchEntity")


def test_aws_state_machine(aws, role, name):
    definition = {"StartAt": "Say", "States": {"Say": {"Type": "Pass", "Result": {"said": "é"}, "End": True}}}
    machine = json.loads(aws("stepfunctions", "create-state-machine", "--name", name, "--role-arn", role("states.amazonaws.com"), "--definition", json.dumps(definition)))
    run = json.loads(aws("stepfunctions", "start-execution", "--state-machine-arn", machine["stateMachineArn"], "--input", "{}"))

    def ended():
        got = json.loads(aws("stepfunctions", "describe-execution", "--execution-arn", run["executionArn"]))
        return got if got["status"] != "RUNNING" else None

    got = until(ended)
    assert got["status"] == "SUCCEEDED" and json.loads(got["output"]) == {"said": "é"}


def test_aws_catalog_and_query(aws, bucket, name):
    database = name.replace("-", "_")
    aws("glue", "create-database", "--database-input", json.dumps({"Name": database}))
    assert json.loads(aws("glue", "get-tables", "--database-name", database))["TableList"] == []
    query = json.loads(aws("athena", "start-query-execution", "--query-string", "SELECT 6 * 7 AS answer", "--result-configuration", f"OutputLocation=s3://{bucket}/out/"))["QueryExecutionId"]
    until(lambda: json.loads(aws("athena", "get-query-execution", "--query-execution-id", query))["QueryExecution"]["Status"]["State"] == "SUCCEEDED")
    rows = json.loads(aws("athena", "get-query-results", "--query-execution-id", query))["ResultSet"]["Rows"]
    assert rows == [{"Data": [{"VarCharValue": "answer"}]}, {"Data": [{"VarCharValue": "42"}]}]


def test_go_sdk(server, role):
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | server.env | {"WIRE_ROLE": role("states.amazonaws.com"), "GOFLAGS": "-mod=readonly"}
    done = subprocess.run(["go", "test", "-count=1", "./..."], cwd=pathlib.Path(__file__).with_name("go"), env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
