"""No service reads or writes for a caller what the caller could not read or write itself."""
import json

import pytest
from botocore.exceptions import ClientError

from conftest import Server, until, zipped

ACCOUNT = "000000000000"


class Lake:
    """A table in a bucket, a bucket for results, and users with just the rights that a test gives them."""

    def __init__(self, server, name):
        self.server, self.name, self.bucket, self.results = server, name, name, name + "-results"
        s3, glue = server.client("s3"), server.client("glue")
        for b in (self.bucket, self.results):
            s3.create_bucket(Bucket=b)
        s3.put_object(Bucket=self.bucket, Key="t/a.csv", Body="1,secret\n")
        self.database = name.replace("-", "_")
        glue.create_database(DatabaseInput={"Name": self.database})
        glue.create_table(DatabaseName=self.database, TableInput={"Name": "t", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": {
            "Columns": [{"Name": "a", "Type": "int"}, {"Name": "b", "Type": "string"}], "Location": f"s3://{self.bucket}/t/",
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat", "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", "Parameters": {"field.delim": ","}}}})

    def keys(self, user, *statements):
        iam = self.server.client("iam")
        user = self.name + user
        iam.create_user(UserName=user)
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": a, "Resource": r} for a, r in statements]}))
        key = iam.create_access_key(UserName=user)["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def run(self, keys, sql):
        """The state of a statement and why it is so."""
        athena = self.server.client("athena", **keys)
        q = athena.start_query_execution(QueryString=sql, QueryExecutionContext={"Database": self.database},
                                         ResultConfiguration={"OutputLocation": f"s3://{self.results}/r/"})["QueryExecutionId"]
        status = until(lambda: (lambda s: s if s["State"] in ("SUCCEEDED", "FAILED") else None)(athena.get_query_execution(QueryExecutionId=q)["QueryExecution"]["Status"]))
        return q, status["State"], status.get("StateChangeReason", "")

    def fails(self, keys, sql, why):
        _, state, reason = self.run(keys, sql)
        assert state == "FAILED" and why in reason, (sql, state, reason)


@pytest.fixture
def lake(server, name):
    return Lake(server, name)


def glue(lake, *resources):
    return [f"arn:aws:glue:us-east-1:{ACCOUNT}:{r}" for r in ("catalog", f"database/{lake.database}", *resources)]


def test_a_query_has_the_rights_of_its_user(lake):
    athena, out = ("athena:*", "*"), ("s3:PutObject", f"arn:aws:s3:::{lake.results}/r/*")
    tables = ("glue:*", glue(lake, f"table/{lake.database}/*"))
    lake.fails(lake.keys("none", athena), "SELECT 1", "Access denied when writing output")
    keys = lake.keys("out", athena, out)
    lake.fails(keys, "SELECT * FROM t", "glue:GetTable")
    lake.fails(keys, "SHOW TABLES", "glue:GetTables")
    lake.fails(keys, "SHOW DATABASES", "glue:GetDatabases")
    lake.fails(keys, "CREATE DATABASE mine", "glue:CreateDatabase")
    lake.fails(keys, "CREATE EXTERNAL TABLE u (a int) LOCATION 's3://x/y/'", "glue:CreateTable")
    lake.fails(keys, "CREATE VIEW v AS SELECT 1 a", "glue:CreateTable")
    lake.fails(keys, "ALTER TABLE t SET TBLPROPERTIES ('a'='b')", "glue:GetTable")
    lake.fails(keys, "DROP TABLE t", "glue:GetTable")
    lake.fails(keys, f"DROP DATABASE {lake.database}", "glue:DeleteDatabase")
    lake.fails(keys, f"UNLOAD (SELECT 1 a) TO 's3://{lake.bucket}/u/' WITH (format='JSON')", "Permission denied on S3 path")
    assert lake.run(keys, "SELECT 1")[1] == "SUCCEEDED"
    keys = lake.keys("tables", athena, out, tables)
    lake.fails(keys, "SELECT * FROM t", f"Permission denied on S3 path: s3://{lake.bucket}/t/")
    lake.fails(keys, "INSERT INTO t VALUES (2, 'x')", "Access denied when writing output")
    keys = lake.keys("list", athena, out, tables, ("s3:ListBucket", f"arn:aws:s3:::{lake.bucket}"))
    lake.fails(keys, "SELECT * FROM t", f"Permission denied on S3 path: s3://{lake.bucket}/t/a.csv")
    lake.fails(keys, f"CREATE TABLE c WITH (external_location='s3://{lake.bucket}/c/') AS SELECT 1 a", "Access denied when writing output")
    keys = lake.keys("all", athena, out, tables, ("s3:ListBucket", f"arn:aws:s3:::{lake.bucket}"), ("s3:GetObject", f"arn:aws:s3:::{lake.bucket}/t/*"))
    q, state, reason = lake.run(keys, "SELECT * FROM t")
    assert state == "SUCCEEDED", reason
    # Who may run queries does not thereby read their results.
    with pytest.raises(ClientError, match="s3:GetObject"):
        lake.server.client("athena", **keys).get_query_results(QueryExecutionId=q)
    assert [o["Key"] for o in lake.server.client("s3").list_objects_v2(Bucket=lake.bucket)["Contents"]] == ["t/a.csv"]


def test_a_query_has_the_policy_of_its_session(lake):
    iam = lake.server.client("iam")
    iam.create_role(RoleName=lake.name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}]}))
    iam.attach_role_policy(RoleName=lake.name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    lake.keys("user", ("sts:AssumeRole", "*"))

    def session(**policy):
        sts = lake.server.client("sts", **lake.keys("s" + str(len(policy)), ("sts:AssumeRole", "*")))
        c = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{lake.name}", RoleSessionName="session", **policy)["Credentials"]
        return {"aws_access_key_id": c["AccessKeyId"], "aws_secret_access_key": c["SecretAccessKey"], "aws_session_token": c["SessionToken"]}

    assert lake.run(session(), "SELECT * FROM t")[1] == "SUCCEEDED"
    narrow = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["athena:*", "glue:*"], "Resource": "*"}, {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::{lake.results}*"}]})
    lake.fails(session(Policy=narrow), "SELECT * FROM t", "Permission denied on S3 path")


def test_ids_of_queries_are_of_their_work_group(lake):
    athena = lake.server.client("athena")
    athena.create_work_group(Name=lake.name, Configuration={"EnforceWorkGroupConfiguration": False})
    q = athena.start_query_execution(QueryString="SELECT 1", WorkGroup=lake.name, ResultConfiguration={"OutputLocation": f"s3://{lake.results}/r/"})["QueryExecutionId"]
    n = athena.create_named_query(Name="n", Database="d", QueryString="SELECT 1", WorkGroup=lake.name)["NamedQueryId"]
    mine = lake.server.client("athena", **lake.keys("mine", ("athena:*", f"arn:aws:athena:us-east-1:{ACCOUNT}:workgroup/{lake.name}")))
    other = lake.server.client("athena", **lake.keys("other", ("athena:*", f"arn:aws:athena:us-east-1:{ACCOUNT}:workgroup/primary")))
    assert mine.get_query_execution(QueryExecutionId=q)["QueryExecution"]["WorkGroup"] == lake.name
    assert mine.batch_get_query_execution(QueryExecutionIds=[q])["QueryExecutions"]
    assert mine.get_named_query(NamedQueryId=n)["NamedQuery"]["WorkGroup"] == lake.name
    for call in (lambda: other.get_query_execution(QueryExecutionId=q), lambda: other.stop_query_execution(QueryExecutionId=q), lambda: other.get_query_results(QueryExecutionId=q),
                 lambda: other.batch_get_query_execution(QueryExecutionIds=[q]), lambda: other.get_query_runtime_statistics(QueryExecutionId=q),
                 lambda: other.get_named_query(NamedQueryId=n), lambda: other.delete_named_query(NamedQueryId=n), lambda: other.batch_get_named_query(NamedQueryIds=[n]),
                 lambda: other.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName=lake.database, TableName="t")):
        with pytest.raises(ClientError, match="is not authorized"):
            call()


def test_across_accounts(tmp_path):
    server = Server(tmp_path / "tarn", "--insecure-dev").start()
    try:
        theirs = {"aws_access_key_id": "111111111111", "aws_secret_access_key": "x"}
        mine, code = server.client("s3"), zipped({"f.py": "def f(e, c): return 1"})
        mine.create_bucket(Bucket="private")
        mine.put_object(Bucket="private", Key="code.zip", Body=code)
        mine.put_object(Bucket="private", Key="t/a.csv", Body="secret\n")
        server.client("s3", **theirs).create_bucket(Bucket="results-of-theirs")
        with pytest.raises(ClientError, match="not authorized to perform: s3:GetObject"):
            server.client("lambda", **theirs).create_function(FunctionName="f", Runtime="python3.11", Handler="f.f", Role="arn:aws:iam::111111111111:role/r",
                                                              Code={"S3Bucket": "private", "S3Key": "code.zip"})
        # Nor does a mapping call a function of another account.
        role = "arn:aws:iam::000000000000:role/r"
        victim = server.client("lambda").create_function(FunctionName="victim", Runtime="python3.11", Handler="f.f", Role=role, Code={"ZipFile": code})["FunctionArn"]
        queue = server.client("sqs", **theirs).create_queue(QueueName="q")["QueueUrl"]
        server.client("sqs", **theirs).add_permission(QueueUrl=queue, Label="all", AWSAccountIds=["000000000000"], Actions=["*"])
        with pytest.raises(ClientError, match="Function does not exist"):
            server.client("lambda", **theirs).create_event_source_mapping(FunctionName=victim, EventSourceArn="arn:aws:sqs:us-east-1:111111111111:q")
        athena = server.client("athena", **theirs)

        def run(sql, out="s3://results-of-theirs/"):
            q = athena.start_query_execution(QueryString=sql, ResultConfiguration={"OutputLocation": out})["QueryExecutionId"]
            return until(lambda: (lambda s: s if s["State"] in ("SUCCEEDED", "FAILED") else None)(athena.get_query_execution(QueryExecutionId=q)["QueryExecution"]["Status"]))

        assert run("CREATE DATABASE d")["State"] == "SUCCEEDED"
        assert run("CREATE EXTERNAL TABLE d.t (a string) LOCATION 's3://private/t/'")["State"] == "SUCCEEDED"
        assert "Permission denied on S3 path" in run("SELECT * FROM d.t")["StateChangeReason"]
        assert "Access denied when writing output" in run("INSERT INTO d.t VALUES ('x')")["StateChangeReason"]
        assert "Access denied when writing output" in run("SELECT 1", "s3://private/r/")["StateChangeReason"]
        assert [o["Key"] for o in mine.list_objects_v2(Bucket="private")["Contents"]] == ["code.zip", "t/a.csv"]
    finally:
        server.stop()
