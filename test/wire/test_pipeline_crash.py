"""The pipeline of examples/batch-pipeline while the server is killed at every stage of it: the rows that landed are in the refined table, once.

TARN_SEED repeats a run, TARN_KILLS changes how often the server is killed."""
import contextlib
import csv
import importlib.util
import io
import os
import pathlib
import random
import socket
import threading
import time

import boto3
import pytest
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError
from pyathena import connect

from conftest import REPOSITORY, until

REGION, KILLS, ROWS = "us-west-2", int(os.environ.get("TARN_KILLS", "20")), 150
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=60)
UNDISTURBED, KILLED = "20260801", ["20260802", "20260803"]
DATA, STAGING = "data/", "data/refined/customers/_tarn_staging/"
STATES = ["LandingToRawFileTransfer", "LandingToRawFileTransferStatus", "StartRawCrawler", "RawCrawlerStatus", "GlueJob", "StartRefinedCrawler",
          "RefinedCrawlerStatus", "LandingToArchiveFileTransfer", "LandingToArchiveFileTransferStatus"]
# The stages of a day in their order, each with the longest time that the kill comes after it was seen to begin.
STAGES = [("upload", 0.01), ("landed", 0.1), ("function", 0.5), ("LandingToRawFileTransfer", 0.5), ("LandingToRawFileTransferStatus", 0.4), ("StartRawCrawler", 0.3),
          ("raw crawler runs", 0.02), ("RawCrawlerStatus", 0.3), ("GlueJob", 0.05), ("job runs", 1.5), ("job writes", 0.03), ("StartRefinedCrawler", 0.3),
          ("refined crawler runs", 0.02), ("RefinedCrawlerStatus", 0.3), ("LandingToArchiveFileTransfer", 0.5), ("LandingToArchiveFileTransferStatus", 0.3)]
# A function may run twice: the event of an upload comes at least once, and a task is called again when its answer was lost. The two functions of the
# example that mind it are written here as they are for production: an execution is named by the request, and a crawler that is at work is what was wanted.
PRODUCTION = {
    "invoke_step_function.py": ('f"{date_text}-{uuid.uuid4().hex[:2]}"', 'f"{date_text}-{context.aws_request_id}"'),
    "generic_crawler_invoke.py": ('    glue.start_crawler(Name=event["crawler_name"])\n', """    try:
        glue.start_crawler(Name=event["crawler_name"])
    except glue.exceptions.CrawlerRunningException:
        print("it is at work")
"""),
}


def example(server, directory):
    """The example's module, over the server, with the functions as they are for production."""
    spec = importlib.util.spec_from_file_location("batch_pipeline", REPOSITORY / "examples/batch-pipeline/pipeline.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(REPOSITORY / "examples/batch-pipeline"))
        spec.loader.exec_module(module)
    plain = module.zipped

    def zipped(path):
        if path.name in PRODUCTION:
            text, (old, new) = path.read_text(), PRODUCTION[path.name]
            assert text.count(old) == 1, path
            path = directory / path.name
            path.write_text(text.replace(old, new))
        return plain(path)

    module.zipped = zipped
    boto3.setup_default_session(region_name=REGION, aws_access_key_id=server.env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=server.env["AWS_SECRET_ACCESS_KEY"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        try:
            return module, module.Pipeline(retry_seconds=1)
        finally:
            boto3.DEFAULT_SESSION = None


def free_port():
    """A port that the kernel gives to no client meanwhile: the server comes back on it."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


class Run:
    """What happens to the pipeline, seen from outside, and the kills."""

    def __init__(self, server, module, pipeline, rnd):
        self.server, self.module, self.pipeline, self.rnd, self.hit = server, module, pipeline, rnd, []
        session = server.session(REGION)
        self.s3, self.sfn, self.glue, self.athena = (session.client(s, endpoint_url=server.endpoint, config=ONCE) for s in ("s3", "stepfunctions", "glue", "athena"))
        self.processes = set()

    def kill(self, stage, seen=True):
        """Kills the server and starts it again; what it had started dies with it."""
        mine = processes_of(self.server)
        self.processes |= mine - {self.server.process.pid}
        self.server.kill()
        self.server.start()
        until(lambda: not any(alive(p) for p in mine), 20)
        self.hit.append(stage if seen else stage + " (over)")

    def day(self, day, kills):
        """Lets a day's file land, follows its execution to the end and kills the server at the stages in kills."""
        body, key = self.module.customers(day, ROWS), f"data/landing/customers_{day}.csv"
        kills = list(kills)
        during = [k for k in kills if k[0] == "upload"]
        kills = kills[len(during):]
        self.upload(key, body, [delay for _, delay in during])
        arn, began = None, time.time()
        while True:
            assert time.time() < began + 300, f"{day} did not end: {self.hit}"
            arn = arn or self.execution(day)
            seen, over = self.progress(arn)
            if kills and kills[0][0] == "job writes" and "job runs" in seen:
                seen |= self.writing()
            for zone, start in (("raw", "StartRawCrawler"), ("refined", "StartRefinedCrawler")):
                if kills and kills[0][0] == zone + " crawler runs" and start in seen:
                    seen |= self.crawling(zone, arn, start)
            if kills:
                (stage, delay) = kills[0]
                if stage in seen or over or passed(seen, stage):
                    time.sleep(delay)  # a moment within the stage
                    self.kill(stage, stage in seen)
                    kills.pop(0)
                    continue
            elif over:
                return arn
            time.sleep(0.01)

    def upload(self, key, body, delays):
        """Puts the file until it is there, as a user who looks before he repeats."""
        delays = list(delays)
        while True:
            putting = threading.Thread(target=self.put, args=[key, body])
            putting.start()
            if delays:
                time.sleep(delays.pop(0))
                self.kill("upload")
            putting.join()
            if any(o["Key"] == key for o in self.s3.list_objects_v2(Bucket=self.module.BUCKET, Prefix=key).get("Contents", [])) or self.execution(key[-12:-4]):
                return

    def put(self, key, body):
        with contextlib.suppress(BotoCoreError, ClientError):
            self.s3.put_object(Bucket=self.module.BUCKET, Key=key, Body=body)

    def execution(self, day):
        found = [e["executionArn"] for e in self.sfn.list_executions(stateMachineArn=self.pipeline.machine_arn)["executions"] if e["name"].startswith(day)]
        return found[0] if found else None

    def progress(self, arn):
        """The stages that are under way, and whether the execution is over."""
        if arn is None:
            return {"landed", "function"}, False
        events = self.sfn.get_execution_history(executionArn=arn, maxResults=20, reverseOrder=True)["events"]
        over = events[0]["type"] in ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")
        entered = next((e["stateEnteredEventDetails"]["name"] for e in events if e["type"] == "TaskStateEntered"), None)
        seen = {entered}
        if entered == "GlueJob":
            runs = self.glue.get_job_runs(JobName="retail-raw-refined", MaxResults=1)["JobRuns"]
            if runs and runs[0]["JobRunState"] == "RUNNING":
                seen.add("job runs")
        elif entered and "Crawler" in entered:
            zone = "raw" if "Raw" in entered else "refined"
            if self.glue.get_crawler(Name=zone)["Crawler"]["State"] != "READY":
                seen.add(zone + " crawler runs")
        return seen, over

    def writing(self):
        """Waits for the short time between the first staged file of the job and their publication."""
        while True:
            if self.s3.list_objects_v2(Bucket=self.module.BUCKET, Prefix=STAGING, MaxKeys=1)["KeyCount"]:
                return {"job writes"}
            if self.glue.get_job_runs(JobName="retail-raw-refined", MaxResults=1)["JobRuns"][0]["JobRunState"] != "RUNNING":
                return set()

    def crawling(self, zone, arn, start):
        """Waits for the crawl that a state starts."""
        while start in self.progress(arn)[0]:
            for _ in range(20):
                if self.glue.get_crawler(Name=zone)["Crawler"]["State"] != "READY":
                    return {zone + " crawler runs"}
        return set()

    def listing(self):
        return sorted(o["Key"] for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.module.BUCKET, Prefix=DATA) for o in page.get("Contents", []))

    def query(self, sql):
        """Rows by PyAthena."""
        keys = {"aws_access_key_id": self.server.env["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": self.server.env["AWS_SECRET_ACCESS_KEY"]}
        with connect(s3_staging_dir=f"s3://{self.module.BUCKET}/athena/", region_name=REGION, endpoint_url=self.server.endpoint, poll_interval=0.05, **keys) as c:
            return c.cursor().execute(sql).fetchall()


def passed(seen, stage):
    """Whether the execution is in a later state than the stage belongs to."""
    order = [s for s, _ in STAGES]
    at = [order.index(s) for s in seen if s in STATES]
    return bool(at) and min(at) > order.index(stage)


def plan(rnd, kills):
    """The kills of each day: every stage once, the rest where chance has it (but an upload is repeated only if it was lost), in the order of the stages."""
    days, first = [[], []], rnd.randrange(2)
    for i in sorted(rnd.sample(range(len(STAGES)), min(kills, len(STAGES)))):
        days[(first + i) % 2].append(STAGES[i])  # neighbours on different days: a kill leaves time until the next
    for _ in range(kills - len(STAGES)):
        rnd.choice(days).append(rnd.choice(STAGES[1:]))
    order = {name: i for i, (name, _) in enumerate(STAGES)}
    return [[(name, rnd.uniform(0, longest)) for name, longest in sorted(day, key=lambda s: order[s[0]])] for day in days]


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def processes_of(server):
    """The server and everything that knows its folder or its endpoint: workers, functions, jobs."""
    marks, found = (str(server.data).encode(), server.endpoint.encode()), set()
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(p.name) != os.getpid() and any(m in p.joinpath(f).read_bytes() for m in marks for f in ("cmdline", "environ")):
                found.add(int(p.name))
    return {p for p in found if alive(p)}


def expected_rows(module, days):
    """What the job makes of the files: their rows, with the day as partitions."""
    rows = []
    for day in days:
        for r in csv.DictReader(io.StringIO(module.customers(day, ROWS).decode())):
            rows.append((r["email_id"], r["retailer_name"], int(r["units_purchased"]), r["purchase_date"], r["sale_id"], day[:4], day[4:6], day[6:]))
    return sorted(rows)


def of_day(keys, day):
    """The keys of a day, without what is its own: dates and generated names."""
    year, month, date = day[:4], day[4:6], day[6:]
    mine = [k for k in keys if f"year={year}/month={month}/day={date}/" in k or f"{year}-{month}-{date}/" in k]
    return sorted(k.replace(day, "DAY").replace(f"day={date}", "DAY").replace(f"{year}-{month}-{date}", "DAY") if "/refined/" not in k
                  else k.replace(f"day={date}", "DAY").rsplit("/", 1)[0] + "/PART" for k in mine)


@pytest.fixture
def run(fresh_server, tmp_path):
    server = fresh_server
    server.stop()
    server.listen = f"127.0.0.1:{free_port()}"
    server.start()
    seed = int(os.environ.get("TARN_SEED") or random.randrange(1 << 32))
    print("seed", seed)
    module, pipeline = example(server, tmp_path)
    pipeline.deploy()
    yield Run(server, module, pipeline, random.Random(seed))


def test_a_pipeline_survives_twenty_kills(run):
    server, module = run.server, run.module
    reads = min(1, KILLS)
    run.day(UNDISTURBED, [])
    assert run.query("SELECT count(*) FROM refined.customers") == [(ROWS,)]
    for day, kills in zip(KILLED, plan(run.rnd, KILLS - reads)):
        run.day(day, kills)
    kill_a_query(run)
    print("killed at", run.hit)
    assert len(run.hit) == KILLS

    # The rows, all of them and none twice.
    got = run.query("SELECT email_id, retailer_name, units_purchased, purchase_date, sale_id, year, month, day FROM refined.customers")
    assert sorted(got) == expected_rows(module, [UNDISTURBED, *KILLED])
    # The files: as many as without kills, and nothing is left behind.
    keys = run.listing()
    usual = of_day(keys, UNDISTURBED)
    assert usual == ["data/archive/DAY/customers_DAY.csv", "data/raw/customers/year=2026/month=08/DAY/customers_DAY.csv", "data/refined/customers/year=2026/month=08/DAY/PART"]
    for day in KILLED:
        assert of_day(keys, day) == usual
    assert len(keys) == len(usual) * 3, keys
    # One execution a file, which ended once and well, with every event once.
    executions = run.sfn.list_executions(stateMachineArn=run.pipeline.machine_arn)["executions"]
    assert sorted((e["name"][:8], e["status"]) for e in executions) == [(d, "SUCCEEDED") for d in [UNDISTURBED, *KILLED]]
    for e in executions:
        events = [x for page in run.sfn.get_paginator("get_execution_history").paginate(executionArn=e["executionArn"]) for x in page["events"]]
        assert [x["id"] for x in events] == list(range(1, len(events) + 1))
        assert [x["stateEnteredEventDetails"]["name"] for x in events if x["type"] == "TaskStateEntered"] == STATES
        assert [x["type"] for x in events if x["type"].startswith("Execution")] == ["ExecutionStarted", "ExecutionSucceeded"]
    # One run of the job a file, and crawlers that have come to rest with all partitions.
    runs = run.glue.get_job_runs(JobName="retail-raw-refined")["JobRuns"]
    assert [r["JobRunState"] for r in runs] == ["SUCCEEDED"] * 3
    for zone in ("raw", "refined"):
        until(lambda: run.glue.get_crawler(Name=zone)["Crawler"]["State"] == "READY")
        assert sorted(p["Values"] for p in run.glue.get_partitions(DatabaseName=zone, TableName="customers")["Partitions"]) == [["2026", "08", d[6:]] for d in [UNDISTURBED, *KILLED]]
    # Nothing runs on, neither of the servers that were killed nor of the last one.
    assert run.processes and not any(alive(p) for p in run.processes)
    last = processes_of(server)
    assert server.stop() == 0
    until(lambda: not any(alive(p) for p in last) and not processes_of(server))
    assert "panic" not in (server.data / "server.log").read_text()


def kill_a_query(run):
    """Kills the server while it reads the table."""
    if len(run.hit) == KILLS:
        return
    given = {"QueryString": "SELECT count(*) AS rows FROM refined.customers", "ResultConfiguration": {"OutputLocation": f"s3://{run.module.BUCKET}/athena/"}}
    q = run.athena.start_query_execution(**given)["QueryExecutionId"]
    time.sleep(run.rnd.uniform(0, 0.1))
    run.kill("query")
    status = until(lambda: (s := run.athena.get_query_execution(QueryExecutionId=q)["QueryExecution"]["Status"])["State"] not in ("QUEUED", "RUNNING") and s)
    assert status["State"] == "SUCCEEDED", status
    assert [r["Data"][0]["VarCharValue"] for r in run.athena.get_query_results(QueryExecutionId=q)["ResultSet"]["Rows"]] == ["rows", str(3 * ROWS)]
