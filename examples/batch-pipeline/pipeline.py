"""Deploys the batch pipeline with plain boto3 and runs three days of files through it.

    eval "$(tarn env)"; pip install -r requirements.txt; python pipeline.py

Nothing here is special to Tarn but for the last step, which asks its command line for the lineage and the cost.
"""
import argparse
import csv
import io
import json
import pathlib
import random
import subprocess
import sys
import time
import zipfile

import boto3
from pyathena import connect

import state_machine

HERE = pathlib.Path(__file__).parent
BUCKET = "customer-lake"
DAYS = ["20260801", "20260802", "20260803"]
MACHINE = "Datapipeline-for-SageMaker"
FUNCTIONS = ["invoke-step-function", "generic-file-transfer", "generic-file-transfer-status", "generic-crawler-invoke", "generic-crawler-status"]


def say(text=""):
    print(text, flush=True)


def customers(day, rows):
    """A day's file: the same for the same day, whenever it is made."""
    rnd = random.Random(day)
    out = io.StringIO()
    w = csv.writer(out, lineterminator="\n")
    w.writerow(["email_id", "retailer_name", "units_purchased", "purchase_date", "sale_id"])
    for i in range(rows):
        w.writerow([f"user{rnd.randrange(10_000)}@example.com", rnd.choice(["Alder", "Birch", "Cedar", "Elm"]), rnd.randint(1, 40),
                    f"{day[:4]}-{day[4:6]}-{day[6:]}", f"S{day}-{i:05d}"])
    return out.getvalue().encode()


def zipped(path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        z.write(path, "lambda_function.py")
    return buffer.getvalue()


class Pipeline:
    def __init__(self, retry_seconds):
        self.retry_seconds = retry_seconds
        self.s3, self.iam, self.functions, self.glue, self.sfn = (boto3.client(s) for s in ("s3", "iam", "lambda", "glue", "stepfunctions"))
        self.account = boto3.client("sts").get_caller_identity()["Account"]
        self.region = self.s3.meta.region_name
        self.machine_arn = f"arn:aws:states:{self.region}:{self.account}:stateMachine:{MACHINE}"

    def role(self, name, service, *policies):
        """A role that a service may assume, with what it may do."""
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        rights = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources} for actions, resources in policies]}
        self.iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=json.dumps(rights))
        return arn

    def deploy(self):
        lake = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
        lambda_role = self.role("pipeline-functions", "lambda.amazonaws.com", (["s3:*"], lake), (["glue:StartCrawler", "glue:GetCrawlerMetrics"], "*"),
                                (["states:StartExecution"], self.machine_arn), (["logs:*"], "*"))
        glue_role = self.role("pipeline-glue", "glue.amazonaws.com", (["s3:*"], lake), (["glue:*"], "*"), (["logs:*"], "*"))
        states_role = self.role("pipeline-states", "states.amazonaws.com", (["lambda:InvokeFunction"], "*"), (["glue:StartJobRun", "glue:GetJobRun", "glue:BatchStopJobRun"], "*"))

        where = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self.s3.create_bucket(Bucket=BUCKET, **where)
        self.s3.put_object(Bucket=BUCKET, Key="scripts/raw_refined.py", Body=(HERE / "job/raw_refined.py").read_bytes())

        for name in FUNCTIONS:
            path = HERE / "functions" / (name.replace("-", "_") + ".py")
            self.functions.create_function(FunctionName=name, Runtime="python3.12", Handler="lambda_function.lambda_handler", Role=lambda_role, Timeout=60, MemorySize=256,
                                           Code={"ZipFile": zipped(path)}, Environment={"Variables": {"STATE_MACHINE_ARN": self.machine_arn}})

        for zone in ("raw", "refined"):
            self.glue.create_database(DatabaseInput={"Name": zone})
            self.glue.create_crawler(Name=zone, Role=glue_role, DatabaseName=zone, Targets={"S3Targets": [{"Path": f"s3://{BUCKET}/data/{zone}/customers/"}]})
        self.glue.create_job(Name="retail-raw-refined", Role=glue_role, GlueVersion="4.0", WorkerType="G.1X", NumberOfWorkers=2, Timeout=10,
                             Command={"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/scripts/raw_refined.py", "PythonVersion": "3"})

        definition = state_machine.definition(BUCKET, lambda f: f"arn:aws:lambda:{self.region}:{self.account}:function:{f}", self.retry_seconds)
        self.sfn.create_state_machine(name=MACHINE, definition=json.dumps(definition), roleArn=states_role)

        # A file that lands starts it all.
        trigger = "invoke-step-function"
        self.functions.add_permission(FunctionName=trigger, StatementId="lake", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
                                      SourceArn=f"arn:aws:s3:::{BUCKET}", SourceAccount=self.account)
        self.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"LambdaFunctionConfigurations": [{
            "LambdaFunctionArn": f"arn:aws:lambda:{self.region}:{self.account}:function:{trigger}", "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "data/landing/"}, {"Name": "suffix", "Value": ".csv"}]}},
        }]})

    def execution_of(self, day):
        """The execution that the trigger starts for a day."""
        while True:
            for e in self.sfn.list_executions(stateMachineArn=self.machine_arn)["executions"]:
                if e["name"].startswith(day):
                    return e["executionArn"]
            time.sleep(0.2)

    def follow(self, arn):
        """Prints the states as they pass and returns how the execution ended."""
        seen = 0
        while True:
            execution = self.sfn.describe_execution(executionArn=arn)
            status, began = execution["status"], execution["startDate"].timestamp()
            events = []
            for page in self.sfn.get_paginator("get_execution_history").paginate(executionArn=arn):
                events += page["events"]
            for e in events[seen:]:
                kind = e["type"]
                if kind.endswith("StateExited") and not kind.startswith("Pass"):
                    say(f"    {e['timestamp'].timestamp() - began:6.1f} s  {e['stateExitedEventDetails']['name']}")
                elif kind.endswith("Failed") or kind.endswith("TimedOut"):
                    detail = next((v for k, v in e.items() if k.endswith("EventDetails")), {})
                    say(f"             {kind}: {detail.get('error')} {str(detail.get('cause'))[:200]}")
            seen = len(events)
            if status != "RUNNING":
                return status, execution["stopDate"].timestamp() - began
            time.sleep(0.3)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rows", type=int, default=1500, help="rows a day")
    p.add_argument("--retry-seconds", type=int, default=1, help="wait before a status check is repeated (30 in production)")
    p.add_argument("--tarn", help="path of the tarn program, for lineage and cost")
    args = p.parse_args()

    say("deploying roles, bucket, functions, crawlers, job and state machine …")
    pipeline = Pipeline(args.retry_seconds)
    pipeline.deploy()
    expected = {}
    for day in DAYS:
        data = customers(day, args.rows)
        expected[day] = data.count(b"\n") - 1
        key = f"data/landing/customers_{day}.csv"
        say(f"\n{key}: {expected[day]} rows land in the lake")
        pipeline.s3.put_object(Bucket=BUCKET, Key=key, Body=data)
        status, seconds = pipeline.follow(pipeline.execution_of(day))
        say(f"    {status} after {seconds:.1f} s")
        if status != "SUCCEEDED":
            sys.exit(f"the pipeline of {day} ended {status}")

    say("\nthe refined table, read by PyAthena:")
    cursor = connect(s3_staging_dir=f"s3://{BUCKET}/athena/", region_name=pipeline.region).cursor()
    cursor.execute("SELECT year || month || day AS day, count(*) AS sales, sum(units_purchased) AS units FROM refined.customers GROUP BY 1 ORDER BY 1")
    got = {}
    for day, sales, units in cursor.fetchall():
        say(f"    {day}  {sales} sales, {units} units")
        got[day] = sales
    if got != expected:
        sys.exit(f"the table holds {got}, the files held {expected}")
    say("    every row that landed is there, once")

    if args.tarn:
        first = DAYS[0]
        partition = f"s3://{BUCKET}/data/refined/customers/year={first[:4]}/month={first[4:6]}/day={first[6:]}/"
        say(f"\nwhere the partition of {first} comes from (tarn lineage {partition}):")
        subprocess.run([args.tarn, "lineage", partition], check=True)
        say("\nwhat it would have cost on AWS (tarn cost):")
        subprocess.run([args.tarn, "cost"], check=True)


if __name__ == "__main__":
    main()
