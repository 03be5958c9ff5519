"""Java functions. Their package is compiled here: the tests need a JDK."""
import base64
import json
import pathlib
import shutil
import subprocess

import pytest
from botocore.exceptions import ClientError

from conftest import zipped

SOURCES = pathlib.Path(__file__).with_name("java")


@pytest.fixture(scope="session")
def classes(tmp_path_factory):
    """The compiled classes by path: what a build tool puts into a jar."""
    assert shutil.which("javac"), "javac is missing: apt-get install default-jdk-headless"
    out = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-Xlint:-options", "--release", "8", "-g", "-encoding", "UTF-8", "-d", str(out), *map(str, sorted(SOURCES.rglob("*.java")))], check=True, timeout=120)
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*.class")}


@pytest.fixture
def functions(server):
    return server.client("lambda")


def make(functions, name, role, handler, files, runtime="java17", memory=512, **more):
    functions.create_function(FunctionName=name, Runtime=runtime, Handler=handler, Role=role("lambda.amazonaws.com"), Code={"ZipFile": zipped(files)}, Timeout=20, MemorySize=memory, **more)


def call(functions, name, event, **more):
    r = functions.invoke(FunctionName=name, Payload=json.dumps(event), **more)
    return r.get("FunctionError"), json.load(r["Payload"]), r


def core(classes):
    return {p: b for p, b in classes.items() if p.startswith("com/")}


def mine(classes):
    return {p: b for p, b in classes.items() if p.startswith("example/")}


def test_beans_context_and_log(functions, role, name, classes):
    # The code at the root, a library as a jar in lib, as build tools lay packages out.
    make(functions, name, role, "example.Orders", {**mine(classes), "lib/core.jar": zipped(core(classes))})
    order = {"id": 7, "urgent": True, "state": "PAID", "total": 12.50, "items": [{"name": "nail", "count": 40_000_000_000}, {"name": "é", "count": 2}],
             "marks": {"a": [1, 2, 3]}, "customerURL": "u", "sealed": "s", "unknown": {"x": 1}}
    failed, got, r = call(functions, name, order, LogType="Tail")
    assert failed is None, got
    del order["unknown"]
    order["marks"]["a"].append(4)
    assert got.pop("order") == order
    assert 400 < got.pop("heap") <= 512 * 85 // 100 + 1
    request = r["ResponseMetadata"]["RequestId"]
    assert got == {"count": 40_000_000_002, "request": request, "function": name, "arn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}", "memory": 512, "inTime": True}
    log = base64.b64decode(r["LogResult"]).decode()
    assert "order 7\rof 2 items\n" in log or "order 7\nof 2 items\n" in log
    assert " é\n" in log and "REPORT RequestId: " + request in log


@pytest.mark.parametrize("handler, event, answer", [
    ("example.Plain::add", [1, 2, 3], 6),
    ("example.Plain::greet", "you", "hello you from {name}"),
    ("example.Plain::copy", {"é": [None, 1.5]}, {"é": [None, 1.5]}),
    ("example.Plain::echo", {"n": 12345678901234567890, "d": 0.1, "l": [True, False, None, "\u0001\"\\"]}, {"n": 12345678901234567890, "d": 0.1, "l": [True, False, None, "\u0001\"\\"]}),
    ("example.Stream", {"a": 1}, {"bytes": 8}),
    ("example.Stream::handleRequest", {"a": 1}, {"bytes": 8}),
    ("example.Orders::handleRequest", {"items": [], "marks": {"a": []}}, None),
])
def test_signatures(functions, role, name, classes, handler, event, answer):
    make(functions, name, role, handler, classes, runtime="java11")
    failed, got, _ = call(functions, name, event)
    assert failed is None, got
    if isinstance(answer, str):
        answer = answer.format(name=name)
    assert answer is None or got == answer


def test_a_process_is_kept(functions, role, name, classes):
    make(functions, name, role, "example.Plain::count", classes, runtime="java8.al2")
    assert [call(functions, name, {})[1] for _ in range(3)] == [1, 2, 3]


def test_layers(functions, role, name, classes):
    layer = functions.publish_layer_version(LayerName=name, Content={"ZipFile": zipped({"java/lib/core.jar": zipped(core(classes))})})["LayerVersionArn"]
    make(functions, name, role, "example.Stream", mine(classes), Layers=[layer])
    assert call(functions, name, {})[1] == {"bytes": 2}


def test_errors(functions, role, name, classes):
    make(functions, name, role, "example.Plain::fail", classes)
    failed, got, r = call(functions, name, {"number": "x"}, LogType="Tail")
    assert failed == "Unhandled"
    assert got["errorType"] == "java.lang.IllegalStateException" and got["errorMessage"] == "not a number: x"
    assert got["stackTrace"][0].startswith("example.Plain.fail(Plain.java:") and len(got["stackTrace"]) == 1
    assert got["cause"]["errorType"] == "java.lang.NumberFormatException"
    assert "java.lang.IllegalStateException" in base64.b64decode(r["LogResult"]).decode()
    assert call(functions, name, {"number": "1"})[:2] == (None, None), "the process goes on"
    failed, got, _ = call(functions, name, [1])
    assert failed and got["errorMessage"] == "An error occurred during JSON parsing" and got["errorType"] == "java.lang.RuntimeException"


@pytest.mark.parametrize("handler, kind, message", [
    ("example.None", "java.lang.ClassNotFoundException", "Class not found: example.None"),
    ("example.Plain::none", "java.lang.Exception", "No public method named none with appropriate method signature found on class example.Plain"),
    ("example.Plain", "java.lang.Exception", "Class does not implement an appropriate handler interface: example.Plain"),
    ("example.Order::getId", "java.lang.Exception", "Class example.Order has no public zero-argument constructor"),
])
def test_handlers_that_are_not_there(functions, role, name, classes, handler, kind, message):
    make(functions, name, role, handler, classes)
    failed, got, _ = call(functions, name, {})
    assert failed and (got["errorType"], got["errorMessage"]) == (kind, message)


def test_memory_and_exit(functions, role, name, classes):
    make(functions, name, role, "example.Plain::fill", classes, memory=128)
    failed, got, _ = call(functions, name, {})
    assert failed and got["errorType"] in ("java.lang.OutOfMemoryError", "Runtime.OutOfMemory"), got
    functions.update_function_configuration(FunctionName=name, Handler="example.Plain::exit")
    failed, got, _ = call(functions, name, {})
    assert failed and got["errorType"] == "Runtime.ExitError" and "exit status 3" in got["errorMessage"]


def test_refusals(functions, role, name, classes):
    with pytest.raises(ClientError) as e:
        make(functions, name, role, "example.Plain::count", classes, runtime="java7")
    assert e.value.response["Error"]["Code"] == "InvalidParameterValueException"
