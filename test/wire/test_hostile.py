"""Requests that no client sends by mistake: smuggling, oversize, entity bombs, tricks with paths and packages.

None may be answered with success or an internal error, and none may disturb what others do."""
import base64
import hashlib
import io
import json
import socket
import time
import urllib.parse
import zipfile

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

PRIVATE = "nobody-may-read-this"


@pytest.fixture(scope="module")
def target(server):
    """A bucket with an object that the requests are after; at the end it is as it was."""
    s3 = server.client("s3", config=Config(s3={"addressing_style": "path"}))
    s3.create_bucket(Bucket="hostile")
    s3.put_object(Bucket="hostile", Key="secret", Body=PRIVATE)
    yield server
    assert s3.get_object(Bucket="hostile", Key="secret")["Body"].read() == PRIVATE.encode()
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="hostile")["Contents"]] == ["secret"]


def talk(server, text, wait=10):
    """Sends bytes and returns all that comes back until the server closes or has nothing more to say."""
    u = urllib.parse.urlsplit(server.endpoint)
    with socket.create_connection((u.hostname, u.port), timeout=wait) as c:
        try:
            c.sendall(text.encode("latin-1") if isinstance(text, str) else text)
            c.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it was refused before all was sent
        got = b""
        try:
            while part := c.recv(65536):
                got += part
        except OSError:
            pass
        return got


def statuses(answer):
    return [int(line.split()[1]) for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.") and len(line.split()) > 1]


HEAD = "POST /hostile/k HTTP/1.1\r\nHost: 127.0.0.1\r\n"
SECOND = "GET /hostile/secret HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
MANY_FIELDS = "".join(f'--b\r\nContent-Disposition: form-data; name="f{i}"\r\n\r\n\r\n' for i in range(10_000)) + "--b--\r\n"
RAW = {
    "length and chunks": HEAD + f"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SECOND}",
    "chunks and length": HEAD + f"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{SECOND}",
    "two lengths": HEAD + f"Content-Length: 0\r\nContent-Length: 90\r\n\r\n{SECOND}",
    "two lengths in one": HEAD + f"Content-Length: 0, 90\r\n\r\n{SECOND}",
    "length with a sign": HEAD + "Content-Length: +5\r\n\r\nhello",
    "length in hexadecimal": HEAD + "Content-Length: 0x5\r\n\r\nhello",
    "length of 30 digits": HEAD + "Content-Length: 999999999999999999999999999999\r\n\r\n",
    "space before the colon": HEAD + f"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{SECOND}",
    "folded header": HEAD + f"X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n{SECOND}",
    "folded encoding": HEAD + f"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{SECOND}",
    "tab in the encoding": HEAD + f"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n{SECOND}",
    "chunked twice": HEAD + f"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n{SECOND}",
    "chunked and identity": HEAD + f"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{SECOND}",
    "gzip encoding": HEAD + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "broken chunk size": HEAD + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    "negative chunk size": HEAD + "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "huge chunk size": HEAD + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "bare line feeds in a chunk": HEAD + "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    "carriage return alone": "GET /hostile/secret HTTP/1.1\rHost: 127.0.0.1\r\r\n\r\n",
    "header with a NUL": "GET /hostile/secret HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: a\0b\r\n\r\n",
    "header injection": "GET /hostile/secret?x=%0d%0aX-Amz-Acl:public HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "no host": "GET /hostile/secret HTTP/1.1\r\n\r\n",
    "two hosts": "GET /hostile/secret HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "host with a path": "GET /hostile/secret HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "absolute address elsewhere": "GET http://evil.example/hostile/secret HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "version 9": "GET /hostile/secret HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    "HTTP/2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "upgrade": "GET /hostile/secret HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "a proxy's method": "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n",
    "TRACE": "TRACE /hostile/secret HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a name with a slash": "GET /hostile/secret HTTP/1.1\r\nHost: 127.0.0.1\r\nX/A: b\r\n\r\n",
    "2 MB of one header": "GET /hostile/secret HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + "a" * (2 << 20) + "\r\n\r\n",
    "5,000 headers": "GET /hostile/secret HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "".join(f"X-{i}: b\r\n" for i in range(5000)) + "\r\n",
    "address of 100 KB": "GET /hostile/" + "a" * 100_000 + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "100 KB of parameters": "GET /hostile/secret?" + "a=b&" * 25_000 + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "signature in two places": "GET /hostile/secret?X-Amz-Signature=a HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=b\r\n\r\n",
    "two signatures": "GET /hostile/secret HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/e\r\nAuthorization: x\r\n\r\n",
    "signature of a megabyte": "GET /hostile/secret HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: AWS4-HMAC-SHA256 Credential=" + "a" * 900_000 + "\r\n\r\n",
    "no algorithm": "GET /hostile/secret HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic cm9vdDpyb290\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64 + b"\r\n\r\n",
    "dots": "GET /hostile/../hostile/secret HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "escaped dots": "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "dots escaped twice": "GET /hostile/%252e%252e/%252e%252e/etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "the data directory": "GET /hostile/..%2f..%2froot-key.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "backslashes": "GET /hostile/..\\..\\root-key.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "slashes": "GET //hostile//secret HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "NUL in the path": "GET /hostile/secret%00.txt HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "overlong UTF-8": "GET /hostile/%c0%ae%c0%ae/secret HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "broken UTF-8": "GET /hostile/%ff%fe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a surrogate": "GET /hostile/%ed%a0%80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "broken escape": "GET /hostile/%zz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "escape cut off": "GET /hostile/secret% HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "bucket by the host": "GET /secret HTTP/1.1\r\nHost: hostile.localhost\r\n\r\n",
    "internal path by dots": "POST /hostile/../_tarn/backup HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n",
    "internal path by escapes": "POST /%5ftarn/backup HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n",
    "somebody's code package": "GET /_tarn/code/00000000-0000-0000-0000-000000000000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "form without an end": "POST /hostile HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 60\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--b\r\n",
    "form with a header of a megabyte": "POST /hostile HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000050\r\n\r\n--b\r\nContent-Disposition: " + "x" * 1_000_000 + "\r\n\r\nk\r\n--b--\r\n",
    "form of 10,000 fields": "POST /hostile HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n" + f"Content-Length: {len(MANY_FIELDS)}\r\n\r\n{MANY_FIELDS}",
    "form by a boundary of 1 KB": "POST /hostile HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=" + "b" * 1000 + "\r\nContent-Length: 1\r\n\r\nx",
}


@pytest.mark.parametrize("name", RAW)
def test_raw(target, name):
    answer = talk(target, RAW[name])
    assert PRIVATE.encode() not in answer, "the object was given out"
    for status in statuses(answer):
        assert 400 <= status < 500 or status in (301, 307, 501, 505), answer[:300]
    assert name != "TLS" or len(answer) < 1000


def signed(server, method, path, body=b"", headers=None):
    """A request with the root's signature, as it is sent."""
    request = AWSRequest(method, server.endpoint + path, dict(headers or {}), body)
    S3SigV4Auth(Credentials(server.env["AWS_ACCESS_KEY_ID"], server.env["AWS_SECRET_ACCESS_KEY"]), "s3", "us-east-1").add_auth(request)
    u = urllib.parse.urlsplit(server.endpoint)
    head = f"{method} {path} HTTP/1.1\r\nHost: {u.netloc}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    return (head + "".join(f"{k}: {v}\r\n" for k, v in request.headers.items() if k.lower() not in ("host", "content-length")) + "\r\n").encode() + body


LAUGHS = "<!DOCTYPE d [<!ENTITY a0 \"ha\">" + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)) + "]>"
DOCUMENTS = {
    "a billion laughs": LAUGHS + "<Tagging><TagSet><Tag><Key>&a11;</Key><Value>v</Value></Tag></TagSet></Tagging>",
    "a file as an entity": '<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]><Tagging><TagSet><Tag><Key>&f;</Key><Value>v</Value></Tag></TagSet></Tagging>',
    "an address as an entity": '<!DOCTYPE d SYSTEM "http://127.0.0.1:1/x.dtd"><Tagging><TagSet><Tag><Key>&f;</Key><Value>v</Value></Tag></TagSet></Tagging>',
    "100,000 levels": "<Tagging>" * 100_000,
    "100,000 attributes": "<Tagging " + " ".join(f'a{i}="b"' for i in range(100_000)) + "><TagSet/>",
    "no end": "<Tagging><TagSet><Tag><Key>k",
    "another character set": '<?xml version="1.0" encoding="UTF-7"?><Tagging>+ADw-TagSet+AD4-</Tagging>',
    "UTF-16": "\ufeff<Tagging><TagSet></TagSet></Tagging>",
    "two roots": "<Tagging><TagSet></TagSet></Tagging><Tagging/><x",
    "NUL": "<Tagging><TagSet><Tag><Key>\0</Key><Value>v</Value></Tag></TagSet></Tagging>",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(target, name):
    body = DOCUMENTS[name].encode("utf-16" if name == "UTF-16" else "utf-8")
    began = time.monotonic()
    answer = talk(target, signed(target, "PUT", "/hostile/secret?tagging=", body, {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}), wait=30)
    assert time.monotonic() - began < 20
    assert statuses(answer) and all(400 <= s < 500 for s in statuses(answer)), answer[:300]
    assert b"root:" not in answer


@pytest.mark.parametrize("service, target_name, body", [
    ("glue", "AWSGlue.GetTables", b"[" * 1_000_000),
    ("glue", "AWSGlue.GetTables", b'{"a":' * 200_000),
    ("stepfunctions", "AWSStepFunctions.CreateStateMachine", json.dumps({"name": "never", "roleArn": "arn:aws:iam::000000000000:role/test-states", "definition": "[" * 500_000}).encode()),
    ("sqs", "AmazonSQS.SendMessage", b'{"QueueUrl":"' + b"\\u0000" * 10_000 + b'","MessageBody":"x"}'),
    ("sqs", "AmazonSQS.SendMessage", b'{"QueueUrl":"\xff\xfe","MessageBody":"x"}'),
    ("athena", "AmazonAthena.StartQueryExecution", json.dumps({"QueryString": "SELECT " + "(" * 50_000 + "1", "ResultConfiguration": {"OutputLocation": "s3://hostile/"}}).encode()),
], ids=["deep list", "deep object", "deep definition", "NULs", "broken UTF-8", "deep SQL"])
def test_json(target, service, target_name, body):
    from botocore.auth import SigV4Auth

    request = AWSRequest("POST", target.endpoint + "/", {"X-Amz-Target": target_name, "Content-Type": "application/x-amz-json-1.0"}, body)
    SigV4Auth(Credentials(target.env["AWS_ACCESS_KEY_ID"], target.env["AWS_SECRET_ACCESS_KEY"]), {"stepfunctions": "states"}.get(service, service), "us-east-1").add_auth(request)
    u = urllib.parse.urlsplit(target.endpoint)
    head = f"POST / HTTP/1.1\r\nHost: {u.netloc}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in request.headers.items() if k.lower() not in ("host", "content-length"))
    answer = talk(target, head.encode() + b"\r\n" + body, wait=30)
    if service == "athena" and statuses(answer) == [200]:
        athena = target.client("athena")
        query = json.loads(answer.partition(b"\r\n\r\n")[2])["QueryExecutionId"]
        while (status := athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"])["State"] in ("QUEUED", "RUNNING"):
            pass
        assert status["State"] == "FAILED"
        return
    assert statuses(answer) and all(400 <= s < 500 for s in statuses(answer)), answer[:300]


def package(entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in entries:
            z.writestr(name, data)
    return buffer.getvalue()


def link(name, to):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info, to


@pytest.mark.parametrize("zip_", [
    package([("../../outside.py", "x")]), package([("/etc/outside.py", "x")]), package([("a\\..\\..\\outside.py", "x")]),
    package([(f"{i}.bin", bytes(50 << 20)) for i in range(6)]), b"PK\x03\x04" + b"\0" * 100, b"",
], ids=["path with dots", "absolute path", "path with backslashes", "bomb of 300 MB", "broken", "empty"])
def test_packages(target, role, zip_):
    functions = target.client("lambda", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError) as e:
        functions.create_function(FunctionName="never", Runtime="python3.12", Handler="a.b", Role=role("lambda.amazonaws.com"), Code={"ZipFile": zip_})
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400, e.value


def test_links_out_of_a_package_lead_nowhere(target, role, name):
    functions = target.client("lambda")
    code = "def handler(e, c):\n    return open('out').read()\n"
    try:
        functions.create_function(FunctionName=name, Runtime="python3.12", Handler="app.handler", Role=role("lambda.amazonaws.com"), Timeout=20,
                                  Code={"ZipFile": package([("app.py", code), link("out", str(target.data / "root-key.json"))])})
        r = functions.invoke(FunctionName=name)
        assert "FunctionError" in r
        assert target.env["AWS_SECRET_ACCESS_KEY"].encode() not in r["Payload"].read()
    except ClientError as e:
        assert e.response["ResponseMetadata"]["HTTPStatusCode"] < 500 or e.response["Error"]["Code"] == "InvalidRuntimeException", e


def test_slow_clients_do_not_hold_others_up(target):
    """Many connections that never finish their request."""
    u = urllib.parse.urlsplit(target.endpoint)
    held = []
    try:
        for _ in range(200):
            c = socket.create_connection((u.hostname, u.port), timeout=10)
            c.sendall(b"PUT /hostile/slow HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
            held.append(c)
        assert target.client("s3").list_buckets()["Buckets"]
    finally:
        for c in held:
            c.close()
