"""The AWS SDKs for JavaScript, versions 3 and 2, by the scripts in npm/."""
import base64
import os
import pathlib
import subprocess

import pytest

from conftest import zipped

SCRIPTS = pathlib.Path(__file__).with_name("npm")
HANDLER = "exports.handler = async (e) => ({ got: e })\n"


@pytest.mark.parametrize("script", ["s3.js", "services.js", "sdk2.js"])
def test_npm_client(server, role, name, script):
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | server.env | {
        "NODE_PATH": os.environ["WIRE_NODE_MODULES"], "WIRE_NAME": name, "WIRE_LAMBDA_ROLE": role("lambda.amazonaws.com"), "WIRE_STATES_ROLE": role("states.amazonaws.com"),
        "WIRE_ZIP": base64.b64encode(zipped({"app.js": HANDLER})).decode()}
    done = subprocess.run(["node", "--no-warnings", str(SCRIPTS / script)], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
