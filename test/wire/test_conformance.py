"""Every snippet of internal/etl/conformance on the job engine Sail, against the recorded answers of Apache Spark."""
import subprocess

import pytest

from conftest import CACHE, REPOSITORY, until

SNIPPETS = REPOSITORY / "internal" / "etl" / "conformance"


@pytest.fixture
def sail(server, role, name, bucket):
    """The interpreter of the engine's environment, which the first job makes."""
    found = sorted((CACHE / "demo" / "jobs").glob("sail-*/complete"))
    if not found:
        glue = server.client("glue")
        server.client("s3").put_object(Bucket=bucket, Key="job.py", Body="print('ready')")
        glue.create_job(Name=name, Role=role("glue.amazonaws.com"), Command={"Name": "glueetl", "ScriptLocation": f"s3://{bucket}/job.py"},
                        DefaultArguments={"--tarn-engine": "sail"})
        run = glue.start_job_run(JobName=name)["JobRunId"]
        until(lambda: glue.get_job_run(JobName=name, RunId=run)["JobRun"]["JobRunState"] == "SUCCEEDED", 600, 0.5)
        found = sorted((CACHE / "demo" / "jobs").glob("sail-*/complete"))
    return found[-1].parent / "bin" / "python"


def test_sail_gives_the_answers_of_spark(sail, tmp_path):
    out = tmp_path / "sail.json"
    subprocess.run([sail, SNIPPETS / "run.py", "sail", out], check=True, capture_output=True, cwd=tmp_path)
    done = subprocess.run([sail, SNIPPETS / "compare.py", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
