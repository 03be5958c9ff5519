"""One server for the whole session, on a temporary folder; what Tarn installs at first need is kept in .cache."""
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import uuid
import zipfile

import boto3
import pytest

BINARY = os.environ["TARN_BINARY"]
CACHE = pathlib.Path(os.environ["TARN_CACHE"])
REPOSITORY = pathlib.Path(__file__).parents[2]


class Server:
    """A tarn serve process that can be killed and started again on the same data."""

    def __init__(self, data, *flags):
        self.data, self.flags, self.process, self.endpoint, self.listen = pathlib.Path(data), flags, None, None, "127.0.0.1:0"
        for part, cache in (("functions/sdk", "functions"), ("jobs/venv", "jobs")):
            kept = CACHE / "demo" / cache
            kept.mkdir(parents=True, exist_ok=True)
            link = self.data / part
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(kept)

    def start(self):
        log = open(self.data / "server.log", "ab")
        self.process = subprocess.Popen([BINARY, "serve", "--data", str(self.data), "--listen", self.listen, "--log-level", "warn", *self.flags],
                                        stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("tarn ready endpoint="):
            raise RuntimeError(f"the server did not start: {line!r}\n" + (self.data / "server.log").read_text()[-4000:])
        self.endpoint = line.split()[2].removeprefix("endpoint=")
        key = json.loads((self.data / "root-key.json").read_text())
        self.env = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": key["AccessKeyID"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
                    "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=15)

    def session(self, region="us-east-1", **keys):
        given = {"aws_access_key_id": self.env["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": self.env["AWS_SECRET_ACCESS_KEY"], **keys}
        return boto3.Session(region_name=region, **given)

    def client(self, service, region="us-east-1", config=None, **keys):
        return self.session(region, **keys).client(service, endpoint_url=self.endpoint, config=config)

    def tarn(self, *args):
        """Runs the command line and returns its output."""
        done = subprocess.run([BINARY, *args], capture_output=True, text=True, env={**os.environ, "TARN_DATA": str(self.data)})
        assert done.returncode == 0, done.stderr
        return done.stdout


class Watcher:
    """A command that prints a line of JSON for each thing that it sees, until it is interrupted."""

    def __init__(self, server, *args):
        self.process = subprocess.Popen([BINARY, "--json", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TARN_DATA": str(server.data)})

    def line(self):
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=10)
        return self.process.returncode, out, err


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    s = Server(tmp_path_factory.mktemp("tarn")).start()
    yield s
    assert s.stop() == 0
    log = (s.data / "server.log").read_text()
    assert "panic" not in log, log[-4000:]


@pytest.fixture
def fresh_server(tmp_path):
    """A server of its own, for tests that kill it."""
    s = Server(tmp_path / "tarn", "--region", "us-west-2")
    s.start()
    yield s
    if s.process.poll() is None:
        s.kill()


@pytest.fixture
def name():
    """A name that nobody else uses."""
    return "t-" + uuid.uuid4().hex[:12]


@pytest.fixture
def bucket(server, name):
    server.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def role(server):
    """role(service) gives a role that the service may assume and that may do everything."""
    iam, made = server.client("iam"), {}

    def make(service):
        if service not in made:
            trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
            role_name = "test-" + service.split(".")[0]
            made[service] = iam.create_role(RoleName=role_name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
            iam.attach_role_policy(RoleName=role_name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        return made[service]

    return make


def zipped(files, executable=()):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o755 if path in executable else 0o644) << 16
            z.writestr(entry, text)
    return buffer.getvalue()


def until(condition, seconds=30, every=0.05):
    """Waits until condition() is true and returns its value."""
    end = time.time() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.time() < end, "it did not become true in time"
        time.sleep(every)
