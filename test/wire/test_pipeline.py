"""The batch pipeline of examples/ as a user runs it."""
import os
import subprocess
import sys


from conftest import REPOSITORY

PIPELINE = REPOSITORY / "examples" / "batch-pipeline" / "pipeline.py"


def run(server, *args):
    env = {**os.environ, **server.env, "AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-west-2", "TARN_DATA": str(server.data), "AWS_RETRY_MODE": "standard",
           "AWS_MAX_ATTEMPTS": "12"}
    return subprocess.run([sys.executable, str(PIPELINE), "--rows", "200", *args], env=env, capture_output=True, text=True, timeout=600)


def test_three_days_of_files(fresh_server):
    done = run(fresh_server, "--tarn", os.environ["TARN_BINARY"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every row that landed is there, once" in done.stdout
    assert "data/landing/customers_20260801.csv" in done.stdout
    assert "← job" in done.stdout and "glue:job-dpu-hours" in done.stdout
