"""Data frames through S3, Glue and Athena: by awswrangler (AWS SDK for pandas), SQLAlchemy, Arrow's own client of S3, and PyIceberg."""
import datetime as dt
from urllib.parse import quote_plus

import awswrangler as wr
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
import pytest
import sqlalchemy as sa

from pyiceberg.catalog import load_catalog

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


def test_sqlalchemy(server, lake):
    bucket, database = lake
    q = quote_plus
    engine = sa.create_engine(f"awsathena+rest://{q(server.env['AWS_ACCESS_KEY_ID'])}:{q(server.env['AWS_SECRET_ACCESS_KEY'])}@athena.us-east-1.amazonaws.com:443/{database}"
                              f"?s3_staging_dir={q(f's3://{bucket}/out/')}&endpoint_url={q(server.endpoint)}")
    pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "x"]}).to_sql("t", engine, schema=database, index=False, method="multi")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE OR REPLACE VIEW v AS SELECT b, sum(a) AS total FROM t GROUP BY b"))
        table = sa.Table("t", sa.MetaData(), autoload_with=connection)
        assert connection.execute(sa.select(table.c.a).where(table.c.b == "x").order_by(table.c.a)).scalars().all() == [1, 3]
        assert connection.execute(sa.text("SELECT * FROM v ORDER BY b")).fetchall() == [("x", 4), ("y", 2)]
        kinds = connection.execute(sa.text(f"SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = '{database}' ORDER BY 1")).fetchall()
        assert kinds == [("t", "BASE TABLE"), ("v", "VIEW")]
    inspector = sa.inspect(engine)
    assert database in inspector.get_schema_names()
    assert (inspector.get_table_names(), inspector.get_view_names(), inspector.has_table("none")) == (["t"], ["v"], False)
    assert [c["name"] for c in inspector.get_columns("t")] == ["a", "b"]


def test_iceberg_in_the_catalog(server, lake):
    bucket, database = lake
    keys = {"access-key-id": server.env["AWS_ACCESS_KEY_ID"], "secret-access-key": server.env["AWS_SECRET_ACCESS_KEY"], "region": "us-east-1", "endpoint": server.endpoint}
    catalog = load_catalog("glue", **{"type": "glue"}, **{f"{s}.{k}": v for s in ("glue", "s3") for k, v in keys.items()})
    rows = pa.table({"id": [1, 2, 3], "n": ["a", "b", "c"]})
    catalog.create_table((database, "ice"), schema=rows.schema, location=f"s3://{bucket}/ice")
    for _ in range(2):
        catalog.load_table((database, "ice")).append(rows)
    assert catalog.load_table((database, "ice")).scan(row_filter="id > 1").to_arrow().num_rows == 4
    catalog.rename_table((database, "ice"), (database, "snow"))
    assert catalog.list_tables(database) == [(database, "snow")]
    with pytest.raises(Exception, match="Iceberg tables are not supported"):
        wr.athena.read_sql_query("SELECT * FROM snow", database=database, s3_output=f"s3://{bucket}/out/", ctas_approach=False)
