"""Visual jobs: graphs of nodes as Glue Studio makes them, by boto3."""
import pytest
from botocore.exceptions import ClientError

from test_jobs import jobs, succeeded  # noqa: F401 (a fixture)


def read(jobs, prefix):
    return {k: jobs.s3.get_object(Bucket=jobs.bucket, Key=k)["Body"].read().decode() for k in jobs.keys(prefix)}


def graph(jobs, name, nodes):
    jobs.glue.create_job(Name=name, Role=jobs.role, GlueVersion="4.0", JobMode="VISUAL", CodeGenConfigurationNodes=nodes,
                         Command={"Name": "glueetl", "ScriptLocation": f"s3://{jobs.bucket}/scripts/{name}.py"})
    return jobs.run(name)


def test_table_mapped_into_csv(jobs, name):
    database = name.replace("-", "_")
    for y, m, rows in (("2020", "08", "1,Ann,2.5\n2,,x\n"), ("2020", "09", "3,Cy,7\n")):
        jobs.s3.put_object(Bucket=jobs.bucket, Key=f"raw/sales/year={y}/month={m}/a.csv", Body="id,name,price\n" + rows)
    jobs.table(database, "sales", "raw/sales/", [("id", "bigint"), ("name", "string"), ("price", "double")], ("year", "month"), partitions=[("2020", "08"), ("2020", "09")])
    nodes = {
        "source": {"S3CatalogSource": {"Name": "sales", "Database": database, "Table": "sales", "PartitionPredicate": "month = '08'"}},
        "map": {"ApplyMapping": {"Name": "map", "Inputs": ["source"], "Mapping": [
            {"FromPath": ["id"], "FromType": "bigint", "ToKey": "sale", "ToType": "int"},
            {"FromPath": ["price"], "FromType": "double", "ToKey": "price", "ToType": "double"},
            {"FromPath": ["month"], "FromType": "string", "ToKey": "month", "ToType": "string"},
            {"FromPath": ["name"], "FromType": "string", "ToKey": "name", "ToType": "string", "Dropped": True}]}},
        "target": {"S3DirectTarget": {"Name": "out", "Inputs": ["map"], "Format": "csv", "Path": f"s3://{jobs.bucket}/out/"}},
    }
    run = succeeded(jobs, graph(jobs, name, nodes))
    assert run["StateDetail"] == "engine duckdb: a visual job"
    assert list(read(jobs, "out/").values()) == ["sale,price,month\n1,2.5,08\n2,,08\n"]
    assert jobs.glue.get_job(JobName=name)["Job"]["CodeGenConfigurationNodes"]["map"]["ApplyMapping"]["Mapping"][0]["ToKey"] == "sale"


def test_files_joined_grouped_and_kept_in_the_catalog(jobs, name):
    database = name.replace("-", "_")
    jobs.glue.create_database(DatabaseInput={"Name": database})
    jobs.s3.put_object(Bucket=jobs.bucket, Key="in/sales.csv", Body="id,cc,amt,none\n1,it,10,\n2,de,5,\n3,it,7,\n4,fr,1,\n4,fr,1,\n")
    jobs.s3.put_object(Bucket=jobs.bucket, Key="lands/l.json", Body='{"code":"it","land":"Italy"}\n{"code":"de","land":"Germany"}\n')
    nodes = {
        "sales": {"S3CsvSource": {"Name": "sales", "Paths": [f"s3://{jobs.bucket}/in/"], "Separator": "comma", "QuoteChar": "quote", "WithHeader": True}},
        "lands": {"S3JsonSource": {"Name": "lands", "Paths": [f"s3://{jobs.bucket}/lands/"]}},
        "unique": {"DropDuplicates": {"Name": "unique", "Inputs": ["sales"]}},
        "clean": {"DropNullFields": {"Name": "clean", "Inputs": ["unique"], "NullCheckBoxList": {"IsEmpty": True}}},
        "typed": {"ApplyMapping": {"Name": "typed", "Inputs": ["clean"], "Mapping": [
            {"FromPath": [c], "FromType": "string", "ToKey": c, "ToType": t} for c, t in (("id", "long"), ("cc", "string"), ("amt", "long"))]}},
        "big": {"Filter": {"Name": "big", "Inputs": ["typed"], "LogicalOperator": "AND", "Filters": [
            {"Operation": "GT", "Negated": False, "Values": [{"Type": "COLUMNEXTRACTED", "Value": ["amt"]}, {"Type": "CONSTANT", "Value": ["4"]}]}]}},
        "join": {"Join": {"Name": "join", "Inputs": ["big", "lands"], "JoinType": "equijoin", "Columns": [{"From": "big", "Keys": [["cc"]]}, {"From": "lands", "Keys": [["code"]]}]}},
        "sum": {"Aggregate": {"Name": "sum", "Inputs": ["join"], "Groups": [["land"]], "Aggs": [{"Column": ["amt"], "AggFunc": "sum"}, {"Column": ["id"], "AggFunc": "countDistinct"}]}},
        "named": {"RenameField": {"Name": "named", "Inputs": ["sum"], "SourcePath": ["sum(amt)"], "TargetPath": ["total"]}},
        "slim": {"DropFields": {"Name": "slim", "Inputs": ["named"], "Paths": [["count(DISTINCT id)"]]}},
        "target": {"S3GlueParquetTarget": {"Name": "out", "Inputs": ["slim"], "Path": f"s3://{jobs.bucket}/refined/", "PartitionKeys": [["land"]], "Compression": "snappy",
                                           "SchemaChangePolicy": {"EnableUpdateCatalog": True, "UpdateBehavior": "UPDATE_IN_DATABASE", "Database": database, "Table": "totals"}}},
        "rest": {"Route": {"Name": "route", "Inputs": ["typed"], "GroupFiltersList": [{"GroupName": "italy", "LogicalOperator": "AND", "Filters": [
            {"Operation": "REGEX", "Values": [{"Type": "COLUMNEXTRACTED", "Value": ["cc"]}, {"Type": "CONSTANT", "Value": ["i."]}]}]}]}},
        "others": {"SelectFromCollection": {"Name": "others", "Inputs": ["rest"], "Index": 1}},
        "json": {"S3DirectTarget": {"Name": "json", "Inputs": ["others"], "Format": "json", "Path": f"s3://{jobs.bucket}/others"}},
    }
    succeeded(jobs, graph(jobs, name, nodes))
    assert sorted({k.split("/")[1] for k in jobs.keys("refined/")}) == ["land=Germany", "land=Italy"]
    table = jobs.glue.get_table(DatabaseName=database, Name="totals")["Table"]
    assert [(c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"]] == [("total", "bigint")]
    assert sorted(p["Values"][0] for p in jobs.glue.get_partitions(DatabaseName=database, TableName="totals")["Partitions"]) == ["Germany", "Italy"]
    others = "".join(read(jobs, "others/").values())
    assert sorted(others.splitlines()) == ['{"id":2,"cc":"de","amt":5}', '{"id":4,"cc":"fr","amt":1}']
    # Rows add up when Athena reads the table that the job has made.
    athena = jobs.server.client("athena")
    from conftest import until
    q = athena.start_query_execution(QueryString=f"SELECT land, total FROM {database}.totals ORDER BY land", ResultConfiguration={"OutputLocation": f"s3://{jobs.bucket}/results/"})["QueryExecutionId"]
    until(lambda: athena.get_query_execution(QueryExecutionId=q)["QueryExecution"]["Status"]["State"] in ("SUCCEEDED", "FAILED"))
    rows = athena.get_query_results(QueryExecutionId=q)["ResultSet"]["Rows"]
    assert [[c.get("VarCharValue") for c in r["Data"]] for r in rows[1:]] == [["Germany", "5"], ["Italy", "17"]]


CUSTOM = """def Split(glueContext, dfc) -> DynamicFrameCollection:
    from pyspark.sql import functions as F
    df = dfc.select(list(dfc.keys())[0]).toDF()
    paid = df.withColumn("paid", F.col("amt") * 2)
    return DynamicFrameCollection({"big": DynamicFrame.fromDF(paid.filter("amt >= 7"), glueContext, "big"),
                                   "none": DynamicFrame.fromDF(df.filter("amt > 1000"), glueContext, "none")}, glueContext)
"""


def test_nodes_in_python_and_spark_sql(jobs, name):
    jobs.s3.put_object(Bucket=jobs.bucket, Key="in/sales.csv", Body="id,cc,amt,at\n1,it,10,2024-01-02 03:04:05\n2,de,5,2024-01-02 03:04:05\n3,it,7,2024-02-02 03:04:05\n")
    jobs.s3.put_object(Bucket=jobs.bucket, Key="code/scale.py", Body="def scale(self, factor, column='amt'):\n    df = self.toDF()\n    return DynamicFrame.fromDF(df.withColumn(column, df[column] * factor), self.glue_ctx, 'scaled')\n")
    nodes = {
        "sales": {"S3CsvSource": {"Name": "sales", "Paths": [f"s3://{jobs.bucket}/in/"], "Separator": "comma", "QuoteChar": "quote", "WithHeader": True}},
        "typed": {"ApplyMapping": {"Name": "typed", "Inputs": ["sales"], "Mapping": [
            {"FromPath": [c], "FromType": "string", "ToKey": c, "ToType": t} for c, t in (("id", "long"), ("cc", "string"), ("amt", "long"), ("at", "timestamp"))]}},
        "custom": {"CustomCode": {"Name": "custom", "Inputs": ["typed"], "ClassName": "Split", "Code": CUSTOM}},
        "big": {"SelectFromCollection": {"Name": "big", "Inputs": ["custom"], "Index": 0}},
        "none": {"SelectFromCollection": {"Name": "none", "Inputs": ["custom"], "Index": 1}},
        "scaled": {"DynamicTransform": {"Name": "scaled", "TransformName": "scale", "FunctionName": "scale", "Path": f"s3://{jobs.bucket}/code/scale.py", "Inputs": ["big"],
                                        "Parameters": [{"Name": "factor", "Type": "int", "Value": ["100"]}]}},
        "sql": {"SparkSQL": {"Name": "sql", "Inputs": ["scaled", "typed"], "SqlAliases": [{"From": "scaled", "Alias": "b"}, {"From": "typed", "Alias": "t"}],
                             "SqlQuery": "select t.cc, sum(b.paid) paid, max(b.amt) amt, max(t.at) at from b join t on b.id = t.id group by t.cc"}},
        "csv": {"S3DirectTarget": {"Name": "csv", "Inputs": ["sql"], "Format": "csv", "Path": f"s3://{jobs.bucket}/out/"}},
        "empty": {"S3DirectTarget": {"Name": "empty", "Inputs": ["none"], "Format": "csv", "Path": f"s3://{jobs.bucket}/empty/"}},
    }
    run = succeeded(jobs, graph(jobs, name, nodes))
    assert run["StateDetail"] == "engine duckdb: a visual job; SparkSQL on sail"
    assert list(read(jobs, "out/").values()) == ["cc,paid,amt,at\nit,34,1000,2024-02-02 03:04:05\n"]
    assert list(read(jobs, "empty/").values()) == ["id,cc,amt,at\n"]

    nodes["custom"]["CustomCode"]["Code"] = "    df = dfc.select(list(dfc.keys())[0]).toDF()\n    raise KeyError('day')\n"
    jobs.glue.update_job(JobName=name, JobUpdate={"Role": jobs.role, "Command": {"Name": "glueetl"}, "CodeGenConfigurationNodes": nodes})
    run = jobs.run(name)
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "node custom: KeyError: 'day' (line 2 of the script)")


@pytest.mark.parametrize("nodes,message", [
    ({"a": {"FillMissingValues": {"Name": "a", "Inputs": ["b"], "ImputedPath": "x"}}}, "FillMissingValues"),
    ({"b": {"S3ParquetSource": {"Name": "b", "Paths": ["s3://b/x/"]}}, "a": {"SparkSQL": {"Name": "a", "Inputs": ["b"], "SqlQuery": "select 1", "SqlAliases": [{"From": "c", "Alias": "t"}]}}}, "alias"),
    ({"a": {"S3CsvSource": {"Name": "a", "Paths": ["s3://b/x/"], "Separator": "comma", "QuoteChar": "quote"}}}, "no target"),
    ({"a": {"S3DirectTarget": {"Name": "a", "Inputs": ["none"], "Format": "csv", "Path": "s3://b/x/"}}}, "does not exist"),
    ({"a": {"S3ParquetSource": {"Name": "a", "Paths": ["s3://b/x/"]}}, "t": {"S3DirectTarget": {"Name": "t", "Inputs": ["a"], "Format": "hudi", "Path": "s3://b/x/"}}}, "hudi"),
])
def test_what_is_not_compiled_is_refused_by_name(jobs, name, nodes, message):
    with pytest.raises(ClientError, match=message):
        graph(jobs, name, nodes)
