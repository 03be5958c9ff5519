"""Script jobs from their definition to what they wrote, by boto3."""
import io
import json
import time
import zipfile

import pytest

from conftest import until

ENDED = ("SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED", "ERROR")


@pytest.fixture
def glue(server):
    return server.client("glue")


class Jobs:
    """Makes jobs of scripts and runs them."""

    def __init__(self, server, role, bucket):
        self.server, self.role, self.bucket = server, role, bucket
        self.s3, self.glue = server.client("s3"), server.client("glue")

    def create(self, name, script, command="glueetl", **more):
        self.s3.put_object(Bucket=self.bucket, Key=f"scripts/{name}.py", Body=script)
        self.glue.create_job(Name=name, Role=self.role, GlueVersion="4.0", Command={"Name": command, "ScriptLocation": f"s3://{self.bucket}/scripts/{name}.py"}, **more)

    def wait(self, name, run):
        def ended():
            r = self.glue.get_job_run(JobName=name, RunId=run)["JobRun"]
            return r if r["JobRunState"] in ENDED else None

        return until(ended, 500, 0.1)

    def run(self, name, **arguments):
        return self.wait(name, self.glue.start_job_run(JobName=name, Arguments={f"--{k}": v for k, v in arguments.items()})["JobRunId"])

    def log(self, run):
        logs = self.server.client("logs")
        text = ""
        for group in ("/aws-glue/jobs/output", "/aws-glue/jobs/error"):
            try:
                text += "\n".join(e["message"] for e in logs.get_log_events(logGroupName=group, logStreamName=run["Id"], startFromHead=True)["events"]) + "\n"
            except logs.exceptions.ResourceNotFoundException:
                pass
        return text

    def keys(self, prefix):
        return [o["Key"] for o in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])]

    def table(self, database, name, path, columns, keys=(), header=True, partitions=()):
        try:
            self.glue.create_database(DatabaseInput={"Name": database})
        except self.glue.exceptions.AlreadyExistsException:
            pass
        storage = {"Columns": [{"Name": c, "Type": t} for c, t in columns], "Location": f"s3://{self.bucket}/{path}",
                   "InputFormat": "org.apache.hadoop.mapred.TextInputFormat", "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                   "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", "Parameters": {"field.delim": ","}}}
        parameters = {"classification": "csv", **({"skip.header.line.count": "1"} if header else {})}
        self.glue.create_table(DatabaseName=database, TableInput={"Name": name, "StorageDescriptor": storage, "Parameters": parameters, "TableType": "EXTERNAL_TABLE",
                                                                  "PartitionKeys": [{"Name": k, "Type": "string"} for k in keys]})
        for values in partitions:
            at = f"s3://{self.bucket}/{path}" + "/".join(f"{k}={v}" for k, v in zip(keys, values)) + "/"
            self.glue.create_partition(DatabaseName=database, TableName=name, PartitionInput={"Values": list(values), "StorageDescriptor": {**storage, "Location": at}})


@pytest.fixture
def jobs(server, role, bucket):
    return Jobs(server, role("glue.amazonaws.com"), bucket)


def succeeded(jobs, run):
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage", "") + "\n" + jobs.log(run)
    return run


FRAME = """
import sys
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.job import Job
from awsglue.transforms import *
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME"])
sc = SparkContext()
glue = GlueContext(sc)
spark = glue.spark_session
job = Job(glue)
job.init(args["JOB_NAME"], args)
"""


def test_one_day_of_csv_becomes_partitioned_parquet(jobs, name):
    database = name.replace("-", "_")
    columns = [("email_id", "string"), ("retailer_name", "string"), ("units_purchased", "bigint"), ("purchase_date", "string"), ("sale_id", "string")]
    days = [("2020", "08", "01"), ("2020", "08", "02")]
    for y, m, d in days:
        rows = "".join(f"u{i}@x.io,shop {i % 2},{i if i else 'many'},0{d}/08/2020,s{d}{i}\n" for i in range(10))
        jobs.s3.put_object(Bucket=jobs.bucket, Key=f"raw/customers/year={y}/month={m}/day={d}/a.csv", Body="e,r,u,p,s\n" + rows)
    jobs.table(database, "customers", "raw/customers/", columns, ("year", "month", "day"), partitions=days)
    jobs.create(name, FRAME + f"""
day = getResolvedOptions(sys.argv, ["year", "month", "day"])
wanted = "((year == " + day["year"] + ") and (month == " + day["month"] + ") and (day == " + day["day"] + "))"
raw = glue.create_dynamic_frame.from_catalog(database="{database}", table_name="customers", push_down_predicate=wanted, transformation_ctx="raw")
names = ["email_id", "retailer_name", "purchase_date", "sale_id", "year", "month", "day"]
mapped = ApplyMapping.apply(frame=raw, mappings=[(n, "string", n, "string") for n in names] + [("units_purchased", "long", "units_purchased", "long")])
clean = DropNullFields.apply(frame=ResolveChoice.apply(frame=mapped, choice="make_struct"))
glue.write_dynamic_frame.from_options(frame=clean, connection_type="s3", format="parquet",
    connection_options={{"path": "s3://{jobs.bucket}/refined/customers/", "partitionKeys": ["year", "month", "day"]}})
job.commit()
""")
    run = succeeded(jobs, jobs.run(name, year="2020", month="08", day="02"))
    assert run["StateDetail"].startswith("engine sail")
    made = jobs.keys("refined/")
    assert made and all(k.startswith("refined/customers/year=2020/month=08/day=02/") and k.endswith(".parquet") for k in made)
    jobs.create(name + "-check", FRAME + f"""
frame = spark.read.parquet("s3://{jobs.bucket}/refined/customers/")
print("rows", frame.count(), "units", [r[0] for r in frame.selectExpr("sum(units_purchased)").collect()][0], frame.dtypes)
""")
    check = succeeded(jobs, jobs.run(name + "-check"))
    assert "rows 10 units 45 " in jobs.log(check) and "('month', 'int')" in jobs.log(check)


def test_rows_of_one_room_by_sql_into_partitioned_csv(jobs, name):
    database = name.replace("-", "_")
    jobs.s3.put_object(Bucket=jobs.bucket, Key="in/t.csv", Body="21,R1,2020-01-01\n22,R2,2020-01-01\n23,R1,2020-01-02\n")
    jobs.table(database, "temperatures", "in/", [("temp", "bigint"), ("room_id", "string"), ("timestamp", "string")], header=False)
    jobs.create(name, FRAME + f"""
frame = glue.create_dynamic_frame.from_catalog(database="{database}", table_name="temperatures", transformation_ctx="source").toDF()
frame.createOrReplaceTempView("TEMPERATURES")
chosen = DynamicFrame.fromDF(glue.sql("SELECT * FROM temperatures WHERE room_id = 'R1'"), glue, "chosen")
mapped = ApplyMapping.apply(frame=chosen, mappings=[("temp", "bigint", "temp", "bigint"), ("room_id", "string", "room_id", "string"), ("timestamp", "string", "timestamp", "string")])
glue.write_dynamic_frame.from_options(frame=mapped, connection_type="s3", format="csv",
    connection_options={{"path": "s3://{jobs.bucket}/OUT/R1/", "partitionKeys": ["timestamp"]}})
job.commit()
""")
    run = succeeded(jobs, jobs.run(name))
    assert run["StateDetail"].startswith("engine sail")
    bodies = {k.split("/")[2]: jobs.s3.get_object(Bucket=jobs.bucket, Key=k)["Body"].read().decode() for k in jobs.keys("OUT/")}
    assert bodies == {"timestamp=2020-01-01": "temp,room_id\n21,R1\n", "timestamp=2020-01-02": "temp,room_id\n23,R1\n"}


def test_dates_are_parsed_with_spark_functions(jobs, name):
    database = name.replace("-", "_")
    jobs.s3.put_object(Bucket=jobs.bucket, Key="sales/s.csv", Body="id,purchase_date\n1,21/03/2020\n2,\n")
    jobs.table(database, "sales", "sales/", [("id", "bigint"), ("purchase_date", "string")])
    jobs.create(name, FRAME + f"""
import datetime
from pyspark.sql.functions import *
from pyspark.sql.types import *
frame = glue.create_dynamic_frame.from_catalog(database="{database}", table_name="sales", transformation_ctx="source").toDF()
frame = frame.withColumn("purchase_date", unix_timestamp(frame.purchase_date, "dd/MM/yyyy").cast(TimestampType()))
clean = DropNullFields.apply(frame=ResolveChoice.apply(frame=DynamicFrame.fromDF(frame, glue, "fields"), choice="make_struct"))
now = datetime.datetime.now()
path = "s3://{jobs.bucket}/refined/year=" + str(now.year) + "/month=" + str(now.month) + "/"
glue.write_dynamic_frame.from_options(frame=clean, connection_type="s3", connection_options={{"path": path}}, format="parquet")
print([tuple(map(str, r)) for r in spark.read.parquet(path).orderBy("id").collect()])
job.commit()
""")
    run = succeeded(jobs, jobs.run(name))
    assert run["StateDetail"].startswith("engine sail"), run["StateDetail"]
    assert "[('1', '2020-03-21 00:00:00'), ('2', 'None')]" in jobs.log(run)


def test_bookmarks_read_each_file_once(jobs, name):
    jobs.s3.put_object(Bucket=jobs.bucket, Key="in/1.json", Body='{"a":1}\n{"a":2}\n')
    jobs.create(name, FRAME + f"""
frame = glue.create_dynamic_frame.from_options("s3", {{"paths": ["s3://{jobs.bucket}/in/"]}}, "json", transformation_ctx="in")
print("read", frame.count())
job.commit()
""", DefaultArguments={"--job-bookmark-option": "job-bookmark-enable"})
    assert "read 2" in jobs.log(succeeded(jobs, jobs.run(name)))
    assert "read 0" in jobs.log(succeeded(jobs, jobs.run(name)))
    jobs.s3.put_object(Bucket=jobs.bucket, Key="in/2.json", Body='{"a":3}\n')
    assert "read 1" in jobs.log(succeeded(jobs, jobs.run(name)))
    assert jobs.glue.get_job_bookmark(JobName=name)["JobBookmarkEntry"]["Version"] == 3
    jobs.glue.reset_job_bookmark(JobName=name)
    assert "read 3" in jobs.log(succeeded(jobs, jobs.run(name)))


def test_modules_and_arguments(jobs, name):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("shop/prices.py", "def gross(x):\n    return x * 1.22\n")
        z.writestr("shop/__init__.py", "")
    jobs.s3.put_object(Bucket=jobs.bucket, Key="lib/shop.zip", Body=archive.getvalue())
    jobs.create(name, FRAME + "from shop.prices import gross\nprint('gross', gross(100), sc.parallelize([1, 2]).map(gross).count())\n",
                DefaultArguments={"--extra-py-files": f"s3://{jobs.bucket}/lib/shop.zip"})
    assert "gross 122.0 2" in jobs.log(succeeded(jobs, jobs.run(name)))


@pytest.mark.parametrize("script,message", [
    ("spark = 1\nif spark\n    pass\n", "SyntaxError: expected ':'"),
    (FRAME + "\nraise RuntimeError('stop at this line')\n", f"RuntimeError: stop at this line (line {FRAME.count(chr(10)) + 2} of the script)"),
    ("import sys\nsys.exit(4)\n", "SystemExit: 4 (line 2 of the script)"),
    (FRAME + "spark.sql('select nothing from nowhere').collect()\n", "(line "),
])
def test_errors_are_the_scripts_own(jobs, name, script, message):
    jobs.create(name, script)
    run = jobs.run(name)
    assert run["JobRunState"] == "FAILED" and message in run["ErrorMessage"], run


def test_python_shell(jobs, name):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("shop/__init__.py", "RATE = 1.22\n")
    jobs.s3.put_object(Bucket=jobs.bucket, Key="lib/shop-1.0-py3-none-any.whl", Body=archive.getvalue())
    jobs.s3.put_object(Bucket=jobs.bucket, Key="lib/tools.py", Body="def double(x):\n    return 2 * x\n")
    jobs.s3.put_object(Bucket=jobs.bucket, Key="lib/rates.json", Body='{"eur": 3}')
    jobs.create(name, """
import boto3, json, sys
from awsglue.utils import getResolvedOptions
from shop import RATE
from tools import double
args = getResolvedOptions(sys.argv, ["day", "bucket"])
rates = json.load(open("rates.json"))
boto3.client("s3").put_object(Bucket=args["bucket"], Key="out/" + args["day"], Body=str(double(rates["eur"]) * RATE))
print("python", sys.version_info[0], "empty", repr(dict(a.split("=", 1) for a in sys.argv if a.startswith("--none"))["--none"]))
print("error line", file=sys.stderr)
""", command="pythonshell", MaxCapacity=0.0625, DefaultArguments={
        "--extra-py-files": f"s3://{jobs.bucket}/lib/shop-1.0-py3-none-any.whl,s3://{jobs.bucket}/lib/tools.py", "--extra-files": f"s3://{jobs.bucket}/lib/rates.json",
        "--day": "1", "--bucket": jobs.bucket, "--none": ""})
    run = succeeded(jobs, jobs.run(name, day="2024-01-02"))
    assert jobs.s3.get_object(Bucket=jobs.bucket, Key="out/2024-01-02")["Body"].read() == b"7.32"
    assert run["MaxCapacity"] == 0.0625 and run["Arguments"] == {"--day": "2024-01-02"}
    text = jobs.log(run)
    assert "python 3 empty ''" in text and "error line" in text


@pytest.mark.parametrize("script,message", [
    ("import nothing_like_this\n", "ModuleNotFoundError: No module named 'nothing_like_this' (line 1 of the script)"),
    ("print('a'\n", "SyntaxError: '(' was never closed"),
    ("import os\nos._exit(7)\n", "the script ended with exit status 7"),
    ("def f():\n    raise KeyError('x')\n\nf()\n", "KeyError: 'x' (line 2 of the script)"),
    ("import sys\nsys.exit('no rows')\n", "SystemExit: no rows (line 2 of the script)"),
    ("from awsglue.utils import getResolvedOptions\nimport sys\ngetResolvedOptions(sys.argv, ['day'])\n", "the following arguments are required: --day (line 3 of the script)"),
])
def test_python_shell_fails_with_the_scripts_error(jobs, name, script, message):
    jobs.create(name, script, command="pythonshell")
    run = jobs.run(name)
    assert run["JobRunState"] == "FAILED" and message in run["ErrorMessage"], run


@pytest.mark.parametrize("wrong,message", [
    ({"Command": {"Name": "pythonshell", "ScriptLocation": "s3://b/x.py", "PythonVersion": "2"}}, "Python 2"),
    ({"MaxCapacity": 5}, "0.0625 or 1"),
    ({"WorkerType": "G.1X", "NumberOfWorkers": 2}, "pythonshell"),
])
def test_python_shell_refuses(jobs, name, wrong, message):
    with pytest.raises(jobs.glue.exceptions.InvalidInputException, match=message):
        jobs.glue.create_job(**{"Name": name, "Role": jobs.role, "Command": {"Name": "pythonshell", "ScriptLocation": "s3://b/x.py"}, **wrong})


def test_python_shell_has_the_analytics_libraries(jobs, name):
    jobs.create(name, f"""
import awswrangler as wr
import pandas as pd
wr.s3.to_parquet(pd.DataFrame({{"a": [1, 2]}}), path="s3://{jobs.bucket}/frame/", dataset=True)
print("rows", len(wr.s3.read_parquet("s3://{jobs.bucket}/frame/", dataset=True)))
""", command="pythonshell")
    assert "rows 2" in jobs.log(succeeded(jobs, jobs.run(name)))


def test_timeout(server, jobs, name):
    jobs.create(name, "import time\ntime.sleep(600)\n", command="pythonshell", Timeout=1, MaxRetries=1)
    run = jobs.glue.start_job_run(JobName=name)["JobRunId"]
    until(lambda: jobs.glue.get_job_run(JobName=name, RunId=run)["JobRun"]["JobRunState"] == "RUNNING", 120)
    assert jobs.glue.get_job_run(JobName=name, RunId=run)["JobRun"]["Timeout"] == 1
    jobs.glue.batch_stop_job_run(JobName=name, JobRunIds=[run])
    assert jobs.wait(name, run)["JobRunState"] == "STOPPED"


def test_a_write_survives_sigkill_with_its_rows_once(fresh_server, tmp_path):
    iam = fresh_server.client("iam", "us-west-2")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    s3 = fresh_server.client("s3", "us-west-2")
    s3.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    # The first write is published, the second is under way when the server is killed.
    s3.put_object(Bucket="lake", Key="job.py", Body="""
import time
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.getOrCreate()
spark.range(1000).write.mode("append").parquet("s3://lake/first/")

def slowly(frames):
    for frame in frames:
        time.sleep(3)
        yield frame

spark.range(1000).mapInPandas(slowly, "id long").write.mode("append").parquet("s3://lake/second/")
print("counts", spark.read.parquet("s3://lake/first/").count(), spark.read.parquet("s3://lake/second/").count())
""")
    glue = fresh_server.client("glue", "us-west-2")
    glue.create_job(Name="j", Role=role, GlueVersion="4.0", Command={"Name": "glueetl", "ScriptLocation": "s3://lake/job.py"}, DefaultArguments={"--tarn-engine": "sail"})
    run = glue.start_job_run(JobName="j")["JobRunId"]
    until(lambda: any("_tarn_staging" not in o["Key"] for o in s3.list_objects_v2(Bucket="lake", Prefix="first/").get("Contents", [])), 120)
    fresh_server.kill()
    time.sleep(0.2)
    fresh_server.start()
    glue, s3, logs = (fresh_server.client(x, "us-west-2") for x in ("glue", "s3", "logs"))
    done = until(lambda: (lambda r: r if r["JobRunState"] in ENDED else None)(glue.get_job_run(JobName="j", RunId=run)["JobRun"]), 120)
    assert done["JobRunState"] == "SUCCEEDED", done
    lines = [e["message"] for e in logs.get_log_events(logGroupName="/aws-glue/jobs/output", logStreamName=run, startFromHead=True)["events"]]
    assert lines[-1] == "counts 1000 1000"
    assert not [o["Key"] for o in s3.list_objects_v2(Bucket="lake")["Contents"] if "_tarn_staging" in o["Key"]]


def test_what_sail_lacks_runs_on_spark(jobs, name):
    """The script is not refused by its look: Sail meets rows that it cannot read, and the run goes to Spark before it has written."""
    jobs.s3.put_object(Bucket=jobs.bucket, Key="in/ragged.csv", Body="a,b\n1,2\n3,4,5\n")
    jobs.create(name, FRAME + f"""
frame = spark.read.option("header", True).csv("s3://{jobs.bucket}/in/ragged.csv")
print("rows", sorted(tuple(r) for r in frame.collect()))
frame.write.mode("overwrite").partitionBy("a").parquet("s3://{jobs.bucket}/out/")
print("again", spark.read.parquet("s3://{jobs.bucket}/out/").count())
""")
    run = succeeded(jobs, jobs.run(name))
    assert run["StateDetail"].startswith("engine spark: Sail refused"), run["StateDetail"]
    assert "rows [('1', '2'), ('3', '4')]" in jobs.log(run) and "again 2" in jobs.log(run)
    made = jobs.keys("out/")
    assert len(made) == 2 and not [k for k in made if "_tarn_staging" in k or "__magic" in k or k.endswith("_SUCCESS")], made


def test_triggers_chain_jobs(jobs, name):
    for job in ("first", "second"):
        jobs.create(f"{name}-{job}", "import sys\nprint(sys.argv[1:])\n", command="pythonshell")
    g = jobs.glue
    g.create_trigger(Name=f"{name}-go", Type="ON_DEMAND", Actions=[{"JobName": f"{name}-first"}])
    g.create_trigger(Name=f"{name}-then", Type="CONDITIONAL", StartOnCreation=True, Actions=[{"JobName": f"{name}-second", "Arguments": {"--day": "01"}}],
                     Predicate={"Conditions": [{"LogicalOperator": "EQUALS", "JobName": f"{name}-first", "State": "SUCCEEDED"}]})
    g.create_trigger(Name=f"{name}-nightly", Type="SCHEDULED", Schedule="cron(0 3 * * ? *)", Actions=[{"JobName": f"{name}-first"}])
    assert g.get_trigger(Name=f"{name}-then")["Trigger"]["State"] == "ACTIVATED"
    g.start_trigger(Name=f"{name}-go")
    runs = until(lambda: g.get_job_runs(JobName=f"{name}-second")["JobRuns"], 120)
    run = jobs.wait(f"{name}-second", runs[0]["Id"])
    assert run["JobRunState"] == "SUCCEEDED" and run["TriggerName"] == f"{name}-then" and run["Arguments"] == {"--day": "01"}
    g.start_trigger(Name=f"{name}-nightly")
    assert g.get_trigger(Name=f"{name}-nightly")["Trigger"]["State"] == "ACTIVATED"
    g.stop_trigger(Name=f"{name}-nightly")
    assert [t["Name"] for t in g.get_triggers(DependentJobName=f"{name}-second")["Triggers"]] == [f"{name}-then"]
    with pytest.raises(g.exceptions.AlreadyExistsException):
        g.create_trigger(Name=f"{name}-go", Type="ON_DEMAND", Actions=[{"JobName": f"{name}-first"}])
    g.delete_trigger(Name=f"{name}-go")
    with pytest.raises(g.exceptions.EntityNotFoundException):
        g.get_trigger(Name=f"{name}-go")


def test_verify_compares_both_engines(server, jobs, name):
    jobs.s3.put_object(Bucket=jobs.bucket, Key="in/a.csv", Body="id,cc\n1,it\n2,de\n3,it\n")
    jobs.create(name, FRAME + f"""
frame = spark.read.option("header", True).csv("s3://{jobs.bucket}/in/")
frame.write.mode("overwrite").partitionBy("cc").parquet("s3://{jobs.bucket}/out/")
frame.groupBy("cc").count().write.mode("overwrite").json("s3://{jobs.bucket}/counts/")
""")
    said = server.tarn("job", "verify", name)
    assert "write 001: 3 rows, equal" in said and "write 002: 2 rows, equal" in said, said
    assert jobs.keys("out/") == [] and jobs.keys("_tarn_verify/") == []
    jobs.create(name + "-odd", FRAME + f"""
from pyspark.sql import functions as F
spark.range(1).select(F.initcap(F.lit('say "x"')).alias("x")).write.parquet("s3://{jobs.bucket}/odd/")
""")
    with pytest.raises(AssertionError, match="the engines differ"):
        server.tarn("job", "verify", name + "-odd")


def test_ends_of_runs_are_events(server, jobs, name):
    sqs, events = server.client("sqs"), server.client("events")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.glue"], "detail": {"jobName": [name]}}))["RuleArn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
                                                      "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    jobs.create(name, "raise ValueError('no such day')\n", command="pythonshell")
    run = jobs.run(name)
    got = json.loads(until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))[0]["Body"])
    assert got["detail-type"] == "Glue Job State Change" and got["detail"]["state"] == "FAILED" and got["detail"]["jobRunId"] == run["Id"]
    assert got["detail"]["message"] == "ValueError: no such day (line 1 of the script)"
