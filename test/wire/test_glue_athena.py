"""Glue's catalog, crawlers and jobs, and Athena, by boto3 and PyAthena."""
import time

import pytest
from botocore.exceptions import ClientError
from pyathena import connect

from conftest import until


@pytest.fixture
def glue(server):
    return server.client("glue")


def crawl(glue, role, name, database, path):
    glue.create_crawler(Name=name, Role=role("glue.amazonaws.com"), DatabaseName=database, Targets={"S3Targets": [{"Path": path}]})
    glue.start_crawler(Name=name)
    until(lambda: glue.get_crawler(Name=name)["Crawler"]["State"] == "READY")
    last = glue.get_crawler(Name=name)["Crawler"]["LastCrawl"]
    assert last["Status"] == "SUCCEEDED", last


def athena(server, bucket):
    return connect(s3_staging_dir=f"s3://{bucket}/results/", region_name="us-east-1", endpoint_url=server.endpoint,
                   aws_access_key_id=server.env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=server.env["AWS_SECRET_ACCESS_KEY"]).cursor()


def test_crawl_and_query(server, glue, role, name, bucket):
    s3, database = server.client("s3"), name.replace("-", "_")
    for day, rows in (("01", "1,ann,2.5\n2,bob,\n"), ("02", "3,cy,7\n")):
        s3.put_object(Bucket=bucket, Key=f"data/sales/day={day}/a.csv", Body="id,name,price\n" + rows)
    crawl(glue, role, name, database, f"s3://{bucket}/data/sales/")
    table = glue.get_table(DatabaseName=database, Name="sales")["Table"]
    assert [(c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"]] == [("id", "bigint"), ("name", "string"), ("price", "double")]
    assert [p["Values"] for p in glue.get_partitions(DatabaseName=database, TableName="sales", Expression="day = '02'")["Partitions"]] == [["02"]]
    cursor = athena(server, bucket)
    cursor.execute(f"SELECT day, count(*), sum(price) FROM {database}.sales GROUP BY day ORDER BY day")
    assert cursor.fetchall() == [("01", 2, 2.5), ("02", 1, 7.0)]
    cursor.execute(f"SELECT name FROM {database}.sales WHERE day = '01' AND price IS NULL")
    assert cursor.fetchall() == [("bob",)]
    with pytest.raises(Exception, match="COLUMN_NOT_FOUND"):
        cursor.execute(f"SELECT nothing FROM {database}.sales")


def test_versions_and_optimistic_locks(glue, name):
    database = name.replace("-", "_")
    glue.create_database(DatabaseInput={"Name": database})
    table = {"Name": "t", "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://x/y/"}}
    glue.create_table(DatabaseName=database, TableInput=table)
    glue.update_table(DatabaseName=database, TableInput={**table, "Description": "new"}, VersionId="0")
    with pytest.raises(glue.exceptions.ConcurrentModificationException):
        glue.update_table(DatabaseName=database, TableInput=table, VersionId="0")
    assert [v["VersionId"] for v in glue.get_table_versions(DatabaseName=database, TableName="t")["TableVersions"]] == ["1", "0"]
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_table(DatabaseName=database, TableInput=table)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_table(DatabaseName=database, Name="none")


def script_job(server, glue, role, name, bucket, script, **more):
    server.client("s3").put_object(Bucket=bucket, Key="job.py", Body=script)
    glue.create_job(Name=name, Role=role("glue.amazonaws.com"), GlueVersion="4.0", Command={"Name": more.pop("command", "glueetl"), "ScriptLocation": f"s3://{bucket}/job.py"}, **more)


def finished(glue, name, run):
    return until(lambda: (lambda r: r if r["JobRunState"] in ("SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED") else None)(glue.get_job_run(JobName=name, RunId=run)["JobRun"]), 300)


def test_job_errors_name_the_line(server, glue, role, name, bucket):
    script_job(server, glue, role, name, bucket, "import sys\n\nraise ValueError('no such day')\n", command="pythonshell")
    run = finished(glue, name, glue.start_job_run(JobName=name)["JobRunId"])
    assert run["JobRunState"] == "FAILED" and run["ErrorMessage"] == "ValueError: no such day (line 3 of the script)"


def test_a_write_that_fails_leaves_nothing(server, glue, role, name, bucket):
    script = f"""
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.createDataFrame([(1, "a"), (2, "b")], "id int, name string").write.mode("append").parquet("s3://{bucket}/out/")
spark.sql("select raise_error('stop here')").write.mode("append").parquet("s3://{bucket}/never/")
"""
    script_job(server, glue, role, name, bucket, script, DefaultArguments={"--tarn-engine": "sail"})
    run = finished(glue, name, glue.start_job_run(JobName=name)["JobRunId"])
    assert run["JobRunState"] == "FAILED", run
    keys = [o["Key"] for o in server.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert [k for k in keys if k.startswith("never")] == [] and len([k for k in keys if k.startswith("out/")]) >= 1
    assert not [k for k in keys if "_tarn_staging" in k]


def test_stop_and_concurrency(server, glue, role, name, bucket):
    script_job(server, glue, role, name, bucket, "import time\ntime.sleep(600)\n", command="pythonshell")
    run = glue.start_job_run(JobName=name)["JobRunId"]
    with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
        glue.start_job_run(JobName=name)
    until(lambda: glue.get_job_run(JobName=name, RunId=run)["JobRun"]["JobRunState"] == "RUNNING", 120)
    glue.batch_stop_job_run(JobName=name, JobRunIds=[run])
    assert finished(glue, name, run)["JobRunState"] == "STOPPED"
