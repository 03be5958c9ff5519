"""Faults over the whole binary: a full disk, and functions that do what they must not."""
import base64
import contextlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import zipfile

import pytest
from botocore.client import Config
from botocore.exceptions import ClientError

from conftest import Server, until, zipped

ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=60, s3={"addressing_style": "path"})


@contextlib.contextmanager
def small_disk(path, megabytes):
    """A disk of its own of that size at path: a mount, which root alone may make."""
    if os.geteuid() != 0:
        pytest.skip("a full disk needs a mount, which needs root: run the tests as root (in a container with CAP_SYS_ADMIN)")
    path.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a full disk needs a mount, which this container forbids (CAP_SYS_ADMIN): {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def refused(call):
    """The code and status that a call is refused with, or None."""
    try:
        call()
    except ClientError as e:
        return e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


def test_a_full_disk_refuses_writes_and_loses_nothing(tmp_path):
    with small_disk(tmp_path / "disk", 400) as disk:
        server = Server(disk / "tarn").start()
        try:
            fill_and_free(server, disk)
        finally:
            server.kill()


def test_a_full_disk_lets_deletions_through(tmp_path):
    with small_disk(tmp_path / "disk", 400) as disk:
        server = Server(disk / "tarn").start()
        try:
            fill_and_delete(server, disk)
        finally:
            server.kill()


def filled(disk, leave):
    """Somebody else fills the disk, up to so many bytes."""
    with open(disk / "filler", "ab") as f, contextlib.suppress(OSError):
        while shutil.disk_usage(disk).free > leave:
            f.write(bytes(256 << 10))
            f.flush()


def fill_and_delete(server, disk):
    s3, sqs, sfn, iam = (server.client(s, config=ONCE) for s in ("s3", "sqs", "stepfunctions", "iam"))
    for bucket in ("full", "empty"):
        s3.create_bucket(Bucket=bucket)
    queue, other = (sqs.create_queue(QueueName=n)["QueueUrl"] for n in ("full", "other"))
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    machine = sfn.create_state_machine(name="m", roleArn=role, definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 9999, "End": True}}}))["stateMachineArn"]
    waiting = sfn.start_execution(stateMachineArn=machine, name="waits")["executionArn"]
    for key, size in [("small", 100), ("a", 10), ("b", 300_000), ("large", 48 << 20), ("kept", 1000)]:
        s3.put_object(Bucket="full", Key=key, Body=bytes(size))
    upload = s3.create_multipart_upload(Bucket="full", Key="parts")["UploadId"]
    s3.upload_part(Bucket="full", Key="parts", UploadId=upload, PartNumber=1, Body=bytes(5 << 20))
    for i in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody=f"m{i}")
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1, VisibilityTimeout=900)["Messages"][0]

    def fails():
        return refused(lambda: s3.put_object(Bucket="full", Key="never", Body=b"x")) == ("ServiceUnavailable", 503)

    filled(disk, 40 << 20)  # of the 64 MiB that the server keeps
    until(fails)
    # What frees space, or ends what uses more, goes on; nothing else does.
    s3.delete_object(Bucket="full", Key="small")
    assert len(s3.delete_objects(Bucket="full", Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})["Deleted"]) == 2
    s3.abort_multipart_upload(Bucket="full", Key="parts", UploadId=upload)
    s3.delete_bucket(Bucket="empty")
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=received["ReceiptHandle"])
    sqs.purge_queue(QueueUrl=queue)
    sqs.delete_queue(QueueUrl=other)
    sfn.stop_execution(executionArn=waiting)
    assert fails()
    assert refused(lambda: sqs.send_message(QueueUrl=queue, MessageBody="never"))[1] == 503
    assert refused(lambda: sfn.start_execution(stateMachineArn=machine, name="never"))[1] == 503
    # A deletion gives its space back, and with it come the writes, without anybody's help.
    s3.delete_object(Bucket="full", Key="large")
    until(lambda: not fails(), 60)
    server.kill()
    server.start()
    s3, sqs, sfn = (server.client(s, config=ONCE) for s in ("s3", "sqs", "stepfunctions"))
    assert {o["Key"] for o in s3.list_objects_v2(Bucket="full")["Contents"]} == {"kept", "never"}
    assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["full"] and [u.rsplit("/")[-1] for u in sqs.list_queues()["QueueUrls"]] == ["full"]
    queue = sqs.get_queue_url(QueueName="full")["QueueUrl"]
    assert sqs_depth(sqs, queue) == 0 and sfn.describe_execution(executionArn=waiting)["status"] == "ABORTED"
    # A disk that somebody else fills up to the last byte has no room for deletions either.
    spare = [f"spare/{i}" for i in range(40)]
    for key in spare:
        s3.put_object(Bucket="full", Key=key, Body=b"x")
    filled(disk, 0)
    until(fails)
    assert until(lambda: refused(lambda: s3.delete_object(Bucket="full", Key=spare.pop()))) == ("ServiceUnavailable", 503)  # the server looks now and then
    assert s3.get_object(Bucket="full", Key="kept")["Body"].read() == bytes(1000)
    os.truncate(disk / "filler", (disk / "filler").stat().st_size - (30 << 20))
    until(lambda: refused(lambda: s3.delete_object(Bucket="full", Key="kept")) is None)
    assert "panic" not in (server.data / "server.log").read_text()


def fill_and_free(server, disk):
    def clients():
        return server.client("s3", config=ONCE), server.client("sqs", config=ONCE), server.client("stepfunctions", config=ONCE)

    s3, sqs, sfn = clients()
    s3.create_bucket(Bucket="full")
    queue = sqs.create_queue(QueueName="full")["QueueUrl"]
    iam = server.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    machine = sfn.create_state_machine(name="m", roleArn=role, definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}))["stateMachineArn"]
    kept, sent = {}, 0

    def put(key, body):
        why = refused(lambda: s3.put_object(Bucket="full", Key=key, Body=body))
        if why is None:
            kept[key] = body
        return why

    for i in range(5):
        assert put(f"small/{i}", f"body {i}".encode() * 100) is None
        assert put(f"large/{i}", os.urandom(300_000)) is None
        assert refused(lambda: sqs.send_message(QueueUrl=queue, MessageBody="m")) is None
        sent += 1
    # Somebody else fills the disk, up to what the server keeps in reserve (64 MiB) and a little more.
    for i in range(2000):
        if i % 50 == 0:
            filled(disk, 68 << 20)  # the store may have removed old files meanwhile
        why = put(f"more/{i}", os.urandom(200_000 if i % 2 else 2_000))
        if why:
            break
    assert why == ("ServiceUnavailable", 503)
    filled(disk, 0)  # and now all of it
    assert put("large/never", os.urandom(3_000_000)) == ("ServiceUnavailable", 503)
    assert refused(lambda: sqs.send_message(QueueUrl=queue, MessageBody="never"))[1] == 503
    assert refused(lambda: sfn.start_execution(stateMachineArn=machine, name="never"))[1] == 503
    assert refused(lambda: s3.create_bucket(Bucket="never"))[1] == 503
    # Reads go on.
    for key, body in kept.items():
        assert s3.get_object(Bucket="full", Key=key)["Body"].read() == body, key
    assert {o["Key"] for o in s3.list_objects_v2(Bucket="full")["Contents"]} == set(kept)
    assert json.loads(server.tarn("status", "--json"))["health"]["status"] == "ok"
    # Space returns, and with it the writes, without a restart.
    (disk / "filler").unlink()
    until(lambda: put("after", b"there is room") is None)
    assert sfn.start_execution(stateMachineArn=machine, name="after")["executionArn"]
    assert put("after/large", os.urandom(3_000_000)) is None
    # And it is all there after a kill.
    server.kill()
    server.start()
    s3, sqs, sfn = clients()
    for key, body in kept.items():
        assert s3.get_object(Bucket="full", Key=key)["Body"].read() == body, key
    assert {o["Key"] for o in s3.list_objects_v2(Bucket="full")["Contents"]} == set(kept)
    assert sqs_depth(sqs, queue) == sent
    assert [e["name"] for e in sfn.list_executions(stateMachineArn=machine)["executions"]] == ["after"]
    assert "panic" not in (server.data / "server.log").read_text()


def sqs_depth(sqs, queue):
    return int(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]["ApproximateNumberOfMessages"])


MISBEHAVIOUR = """
import json, os, subprocess, sys, time

def handler(e, c):
    return globals()[e['do']](e)

def fine(e):
    return os.getpid()

def crash(e):
    os.abort()

def hang(e):
    while True:
        time.sleep(60)

def spin(e):
    while True:
        pass

def print_much(e):
    line = 'x' * 999
    for _ in range(100_000):
        print(line)
    return 'printed'

def fork(e):
    pids = []
    try:
        while True:
            pid = os.fork()
            if pid == 0:
                time.sleep(600)
                os._exit(0)
            pids.append(pid)
    except OSError as x:
        return len(pids)

def leave_children(e):
    p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)
    time.sleep(600)

def fill_tmp(e):
    try:
        with open('/tmp/big', 'wb') as f:
            while True:
                f.write(bytes(8 << 20))
    except OSError as x:
        return 'OSError %d' % x.errno

def large_answer(e):
    return 'x' * (10 << 20)

def exit(e):
    sys.exit(7)

def memory(e):
    return len(bytearray(2 << 30))

"""


@pytest.fixture(scope="module")
def misbehave(server, role):
    """misbehave(do) runs it in a function, and then checks that the function and its neighbour go on."""
    functions = server.client("lambda", config=ONCE)
    functions.create_function(FunctionName="misbehave", Runtime="python3.12", Handler="app.handler", Role=role("lambda.amazonaws.com"), Timeout=3, MemorySize=256, Code={"ZipFile": zipped({"app.py": MISBEHAVIOUR})})

    def run(do, timeout=3, **event):
        functions.update_function_configuration(FunctionName="misbehave", Timeout=timeout)
        r = functions.invoke(FunctionName="misbehave", Payload=json.dumps({"do": do, **event}), LogType="Tail")
        answer = json.load(r["Payload"])
        log = base64.b64decode(r["LogResult"]).decode()
        again = functions.invoke(FunctionName="misbehave", Payload=b'{"do": "fine"}')
        assert "FunctionError" not in again, json.load(again["Payload"])
        return r.get("FunctionError"), answer, log

    return run


@pytest.mark.parametrize("do, kind, words", [
    ("crash", "Runtime.ExitError", "signal: "),
    ("exit", "Runtime.ExitError", "exit status 7"),
    ("hang", "Sandbox.Timedout", "Task timed out after 3.00 seconds"),
    ("spin", "Sandbox.Timedout", "Task timed out after 3.00 seconds"),
    ("leave_children", "Sandbox.Timedout", "Task timed out after 3.00 seconds"),
    ("large_answer", "Function.ResponseSizeTooLarge", "6291556"),
])
def test_functions_that_fail(misbehave, do, kind, words):
    failed, answer, log = misbehave(do)
    assert failed == "Unhandled" and answer["errorType"] == kind and words in answer["errorMessage"], answer
    assert "REPORT RequestId" in log


def test_memory(misbehave):
    failed, answer, _ = misbehave("memory", timeout=20)
    assert failed and answer["errorType"] in ("MemoryError", "Runtime.OutOfMemory"), answer


def test_forks_are_bounded_and_gone_afterwards(misbehave):
    failed, answer, _ = misbehave("fork", timeout=20)
    assert failed or answer <= 1024, answer


def test_100_mb_of_output(misbehave):
    failed, answer, log = misbehave("print_much", timeout=60)
    assert (failed, answer) == (None, "printed") and len(log) <= 4096


def test_a_full_tmp(misbehave):
    failed, answer, _ = misbehave("fill_tmp", timeout=60)
    assert failed is None and answer in ("OSError 27", "OSError 28"), answer


def test_no_child_is_left(misbehave, server):
    misbehave("leave_children")

    def children():
        """Processes of the function's kind that somebody still runs."""
        found = []
        for p in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if b"time.sleep(600)" in p.read_bytes():
                    found.append(p)
        return found

    until(lambda: not children())


@pytest.mark.parametrize("answer", ["nonsense", "", '{"a": 1}'])
def test_answers_of_custom_runtimes_are_not_looked_at(server, role, name, answer):
    """AWS's own tutorial of custom runtimes answers with what is no JSON."""
    bootstrap = "\n".join([
        "#!/bin/bash", "api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation",
        "while true; do", "  id=$(curl -sS -D - -o /dev/null $api/next | tr -d '\\r' | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //p')",
        f"  curl -sS -X POST $api/$id/response --data-binary '{answer}' >/dev/null", "done"])
    functions = server.client("lambda", config=ONCE)
    functions.create_function(FunctionName=name, Runtime="provided.al2023", Handler="none", Role=role("lambda.amazonaws.com"), Timeout=10, Code={"ZipFile": executable({"bootstrap": bootstrap})})
    r = functions.invoke(FunctionName=name)
    assert "FunctionError" not in r and r["Payload"].read().decode() == answer


def executable(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        for path, text in files.items():
            info = zipfile.ZipInfo(path)
            info.external_attr = 0o755 << 16
            z.writestr(info, text)
    return buffer.getvalue()
