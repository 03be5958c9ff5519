"""Data frames through S3, Glue and Athena by awswrangler (AWS SDK for pandas), and Arrow's own client of S3."""
import datetime as dt

import awswrangler as wr
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
import pytest

from conftest import until


@pytest.fixture
def lake(server, bucket, name, monkeypatch):
    for k, v in server.env.items():
        monkeypatch.setenv(k, v)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    wr.config.reset()
    database = name.replace("-", "_")
    wr.catalog.create_database(database)
    return bucket, database


def frame(n=60):
    return pd.DataFrame({
        "id": range(n), "name": [f"n{i}" for i in range(n)], "amount": [i / 3 for i in range(n)], "day": [dt.date(2024, 1, 1 + i % 3) for i in range(n)],
        "at": pd.to_datetime(["2024-01-01 10:00:00.123"] * n), "flag": [i % 2 == 0 for i in range(n)], "part": [f"p{i % 4}" for i in range(n)],
    })


def test_datasets(lake):
    bucket, database = lake
    data, path, out = frame(), f"s3://{bucket}/t/", f"s3://{bucket}/out/"

    def query(sql, **more):
        return wr.athena.read_sql_query(sql, database=database, **{"s3_output": out, **more})

    for mode in ("overwrite", "append"):
        wr.s3.to_parquet(data, path=path, dataset=True, database=database, table="t", partition_cols=["part"], mode=mode)
    wr.s3.to_parquet(data[data.part == "p1"], path=path, dataset=True, database=database, table="t", partition_cols=["part"], mode="overwrite_partitions")
    assert query("SELECT part, count(*) AS n FROM t GROUP BY 1 ORDER BY 1").values.tolist() == [["p0", 30], ["p1", 15], ["p2", 30], ["p3", 30]]
    whole = query("SELECT * FROM t WHERE part = 'p1' ORDER BY id", ctas_approach=False)
    pd.testing.assert_frame_equal(whole.drop(columns="at"), data[data.part == "p1"].reset_index(drop=True).drop(columns="at"), check_dtype=False)
    assert whole["at"].iloc[0] == pd.Timestamp("2024-01-01 10:00:00.123")
    assert query("SELECT * FROM t", ctas_approach=False, unload_approach=True, s3_output=f"s3://{bucket}/unload/").shape == (105, 7)
    assert wr.athena.describe_table(database=database, table="t", s3_output=out)["Column Name"].tolist()[:2] == ["id", "name"]
    assert "PARTITIONED BY" in wr.athena.show_create_table(database=database, table="t", s3_output=out)
    assert wr.s3.read_parquet(path, dataset=True, partition_filter=lambda x: x["part"] == "p2").shape == (30, 7)

    wr.s3.to_parquet(data.assign(more=1), path=path, dataset=True, database=database, table="t", partition_cols=["part"], mode="append", schema_evolution=True)
    assert query("SELECT count(more) AS n, count(*) AS rows FROM t").values.tolist() == [[60, 165]]
    wr.athena.create_ctas_table(sql="SELECT id, name FROM t", database=database, ctas_table="b", bucketing_info=(["id"], 3), s3_output=f"s3://{bucket}/b/", wait=True)
    assert query("SELECT count(*) AS n FROM b").n[0] == 165
    wr.catalog.delete_table_if_exists(database=database, table="b")
    assert sorted(t["Name"] for t in wr.catalog.get_tables(database=database)) == ["t"]


def test_text_json_and_projection(lake):
    bucket, database = lake
    data, out = frame(8), f"s3://{bucket}/out/"
    wr.s3.to_csv(data, path=f"s3://{bucket}/c/", dataset=True, database=database, table="c", index=False)
    wr.s3.to_json(data, path=f"s3://{bucket}/j/", dataset=True, database=database, table="j", orient="records", lines=True, index=False)
    for table in ("c", "j"):
        got = wr.athena.read_sql_query(f"SELECT sum(id) AS ids, max(name) AS name, count_if(flag) AS flags FROM {table}", database=database, s3_output=out)
        assert got.values.tolist() == [[28, "n7", 4]], table
    wr.s3.to_parquet(data, path=f"s3://{bucket}/p/", dataset=True, database=database, table="p", partition_cols=["part"],
                     athena_partition_projection_settings={"projection_types": {"part": "enum"}, "projection_values": {"part": "p0,p1,p3"}})
    got = wr.athena.read_sql_query("SELECT part, count(*) AS n FROM p GROUP BY 1 ORDER BY 1", database=database, s3_output=out)
    assert got.values.tolist() == [["p0", 2], ["p1", 2], ["p3", 2]]


def test_arrow(server, lake):
    bucket, _ = lake
    fs = pyarrow.fs.S3FileSystem(endpoint_override=server.endpoint, access_key=server.env["AWS_ACCESS_KEY_ID"], secret_key=server.env["AWS_SECRET_ACCESS_KEY"], region="us-east-1")
    table = pa.table({"i": list(range(1000)), "p": [x % 3 for x in range(1000)]})
    ds.write_dataset(table, f"{bucket}/ds", filesystem=fs, format="parquet", partitioning=["p"], partitioning_flavor="hive")
    assert ds.dataset(f"{bucket}/ds", filesystem=fs, partitioning="hive").to_table(filter=ds.field("p") == 1).num_rows == 333
    with fs.open_output_stream(f"{bucket}/big") as f:  # in parts
        for _ in range(3):
            f.write(b"z" * 10_000_000)
    assert fs.get_file_info(f"{bucket}/big").size == 30_000_000
    fs.delete_dir(f"{bucket}/ds")
    until(lambda: fs.get_file_info(f"{bucket}/ds").type == pyarrow.fs.FileType.NotFound)
