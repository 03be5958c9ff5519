"""Broken files: crawlers, queries and jobs say what is wrong, or read what AWS reads, and nothing else is disturbed."""
import gzip

import pytest

from conftest import until
from test_jobs import jobs  # noqa: F401  (a fixture)

GOOD = b"id,name,amount\n1,ann,1.5\n2,bob,2.5\n"
ROWS = [["1", "ann", "1.5"], ["2", "bob", "2.5"]]
LAZY = "ROW FORMAT DELIMITED FIELDS TERMINATED BY ','"
OPEN = "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'"
LONG = b"x" * 10_000_000
CUT = gzip.compress(b"".join(b"%d,name %d,%d.5\n" % (i, i * 7919, i) for i in range(20_000)))
CUT = CUT[:len(CUT) // 2]

# name of the file, its bytes, and what each serde makes of it: rows or an error
TEXTS = {
    "open_quote": ("f.csv", GOOD + b'3,"cy,3.5\n4,dan,4.5\n', ROWS + [["3", '"cy', "3.5"], ["4", "dan", "4.5"]], ROWS + [["3", "cy,3.5\n4,dan,4.5\n", None]]),
    "long_line": ("f.csv", GOOD + b"3," + LONG + b",3.5\n", ROWS + [["3", LONG.decode(), "3.5"]], ROWS + [["3", LONG.decode(), "3.5"]]),
    "short_rows": ("f.csv", GOOD + b"3\n4,dan,4.5,more\n", ROWS + [["3", None, None], ["4", "dan", "4.5"]], ROWS + [["3", None, None], ["4", "dan", "4.5"]]),
    "empty": ("f.csv", b"", [], []),
    "header_only": ("f.csv", b"id,name,amount\n", [], []),
    "latin1": ("f.csv", GOOD + b"3,caf\xe9,3.5\n", ROWS + [["3", "caf\ufffd", "3.5"]], ROWS + [["3", "caf\ufffd", "3.5"]]),
    "not_gzip": ("f.csv.gz", GOOD, "HIVE_CURSOR_ERROR: incorrect header check: s3://", "HIVE_CURSOR_ERROR: incorrect header check: s3://"),
    "cut_gzip": ("f.csv.gz", CUT, "HIVE_CURSOR_ERROR: Unexpected end of input stream: s3://", "HIVE_CURSOR_ERROR: Unexpected end of input stream: s3://"),
}


class Athena:
    def __init__(self, server, bucket):
        self.client, self.output = server.client("athena"), {"OutputLocation": f"s3://{bucket}/results/"}

    def __call__(self, sql):
        """Rows, or the reason of the failure."""
        q = self.client.start_query_execution(QueryString=sql, ResultConfiguration=self.output)["QueryExecutionId"]

        def ended():
            status = self.client.get_query_execution(QueryExecutionId=q)["QueryExecution"]["Status"]
            return status if status["State"] in ("SUCCEEDED", "FAILED") else None

        status = until(ended, 60)
        if status["State"] == "FAILED":
            return status["StateChangeReason"]
        return [[c.get("VarCharValue") for c in r["Data"]] for r in self.client.get_query_results(QueryExecutionId=q)["ResultSet"]["Rows"][1:]]


@pytest.fixture
def athena(server, jobs, name):  # noqa: F811
    jobs.glue.create_database(DatabaseInput={"Name": name.replace("-", "_")})
    return Athena(server, jobs.bucket)


@pytest.mark.parametrize("case", TEXTS)
def test_broken_text_in_a_query(jobs, athena, name, case):  # noqa: F811
    file, body, lazy, opencsv = TEXTS[case]
    jobs.s3.put_object(Bucket=jobs.bucket, Key=f"t/{file}", Body=body)
    for serde, table, want in ((LAZY, "lazy", lazy), (OPEN, "opencsv", opencsv)):
        table = f"{name.replace('-', '_')}.{table}"
        assert athena(f"CREATE EXTERNAL TABLE {table} (id string, name string, amount string) {serde} LOCATION 's3://{jobs.bucket}/t/' TBLPROPERTIES ('skip.header.line.count'='1')") == []
        got = athena(f"SELECT * FROM {table}")
        if isinstance(want, str):
            assert got.startswith(want) and got.endswith(file), got
        elif case == "open_quote" and serde == OPEN:  # the rest of the file is in the quotes
            assert got[:2] == want[:2] and len(got) == 3 and got[2][1].startswith("cy,3.5\n4,dan"), got
        else:
            assert got == want
    assert athena("SELECT 1") == [["1"]]


def test_half_a_parquet_file(jobs, athena, name):  # noqa: F811
    db = name.replace("-", "_")
    athena(f"CREATE TABLE {db}.whole WITH (format = 'PARQUET', external_location = 's3://{jobs.bucket}/whole/') AS SELECT 1 id, 'a' name")
    whole = jobs.s3.get_object(Bucket=jobs.bucket, Key=jobs.keys("whole/")[0])["Body"].read()
    jobs.s3.put_object(Bucket=jobs.bucket, Key="half/f.parquet", Body=whole[:len(whole) // 2])
    athena(f"CREATE EXTERNAL TABLE {db}.half (id int, name string) STORED AS PARQUET LOCATION 's3://{jobs.bucket}/half/'")
    assert athena(f"SELECT * FROM {db}.half").startswith(f"HIVE_BAD_DATA: Not valid Parquet file: s3://{jobs.bucket}/half/f.parquet")
    assert athena(f"SELECT * FROM {db}.whole") == [["1", "a"]]

    jobs.s3.put_object(Bucket=jobs.bucket, Key="both/a.parquet", Body=whole)
    jobs.s3.put_object(Bucket=jobs.bucket, Key="both/b.parquet", Body=whole[:len(whole) // 2])
    log = crawl(jobs, name, "both/")
    assert [c["Name"] for c in jobs.glue.get_table(DatabaseName=db, Name="both")["Table"]["StorageDescriptor"]["Columns"]] == ["id", "name"]
    assert f"Left out an unreadable file: s3://{jobs.bucket}/both/b.parquet" in log


def crawl(jobs, name, prefix):  # noqa: F811
    crawler = f"{name}-{prefix.strip('/')}"
    jobs.glue.create_crawler(Name=crawler, Role=jobs.role, DatabaseName=name.replace("-", "_"), Targets={"S3Targets": [{"Path": f"s3://{jobs.bucket}/{prefix}"}]})
    jobs.glue.start_crawler(Name=crawler)
    until(lambda: jobs.glue.get_crawler(Name=crawler)["Crawler"]["State"] == "READY", 60)
    assert jobs.glue.get_crawler(Name=crawler)["Crawler"]["LastCrawl"]["Status"] == "SUCCEEDED"
    events = jobs.server.client("logs").get_log_events(logGroupName="/aws-glue/crawlers", logStreamName=crawler, startFromHead=True)["events"]
    return "\n".join(e["message"] for e in events)


def test_crawls_name_what_they_leave_out(jobs, athena, name):  # noqa: F811
    for file, body in (("good.csv", GOOD), ("cut.csv.gz", CUT), ("nul.csv", b"a,b\n\0,1\n"), ("empty.csv", b"")):
        jobs.s3.put_object(Bucket=jobs.bucket, Key=f"mixed/{file}", Body=body)
    log = crawl(jobs, name, "mixed/")
    assert "cut.csv.gz: damaged compressed file: Unexpected end of input stream" in log and "nul.csv: it is left out" in log
    jobs.s3.put_object(Bucket=jobs.bucket, Key="lines/a.json", Body=b'{"id":1,"name":"a"}\n{"id":2,"name":\n')
    crawl(jobs, name, "lines/")
    assert athena(f"SELECT * FROM {name.replace('-', '_')}.lines").startswith("HIVE_CURSOR_ERROR: Row is not a valid JSON Object")


@pytest.mark.parametrize("file,body,message", [
    ("f.csv.gz", CUT, "Unexpected end of input stream"),
    ("f.csv.gz", GOOD, "incorrect header check"),
    ("f.parquet", b"PAR1 and no more", "f.parquet"),
], ids=["cut", "plain", "parquet"])
def test_broken_files_in_a_visual_job(jobs, name, file, body, message):  # noqa: F811
    jobs.s3.put_object(Bucket=jobs.bucket, Key=f"in/{file}", Body=body)
    source = {"S3ParquetSource": {"Name": "in", "Paths": [f"s3://{jobs.bucket}/in/"]}}
    if "csv" in file:
        source = {"S3CsvSource": {"Name": "in", "Paths": [f"s3://{jobs.bucket}/in/"], "Separator": "comma", "QuoteChar": "quote", "WithHeader": True}}
    nodes = {"in": source, "out": {"S3DirectTarget": {"Name": "out", "Inputs": ["in"], "Format": "json", "Path": f"s3://{jobs.bucket}/out/"}}}
    jobs.glue.create_job(Name=name, Role=jobs.role, GlueVersion="4.0", JobMode="VISUAL", CodeGenConfigurationNodes=nodes,
                         Command={"Name": "glueetl", "ScriptLocation": f"s3://{jobs.bucket}/s.py"})
    run = jobs.run(name)
    assert run["JobRunState"] == "FAILED" and message in run["ErrorMessage"], run
    assert jobs.keys("out/") == []


def test_a_cut_file_in_a_script_job(jobs, name):  # noqa: F811
    jobs.s3.put_object(Bucket=jobs.bucket, Key="in/f.csv.gz", Body=CUT)
    jobs.create(name, f"""
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.read.csv("s3://{jobs.bucket}/in/").write.parquet("s3://{jobs.bucket}/out/")
""", DefaultArguments={"--tarn-engine": "sail"})
    run = jobs.run(name)
    assert run["JobRunState"] == "FAILED" and "(line 4 of the script)" in run["ErrorMessage"], run
    assert jobs.keys("out/") == []
