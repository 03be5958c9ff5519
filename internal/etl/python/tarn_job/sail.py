"""The engine "sail": a Spark Connect server inside this process, and guards where it differs from Spark.

Each guard either makes the result equal to Spark's or refuses by name; docs/jobs.md lists them.
"""
import os
import re
import sys
import types

from tarn_job import rdd, sinks

# The server must stay referenced: one that is collected stops listening, and its client retries for minutes.
_server = None
_views = {}


class NeedsSpark(NotImplementedError):
    """The script uses something for which the job must run on real Spark."""

    def __init__(self, what):
        super().__init__(f"{what}: run this job with --tarn-engine spark")


def start():
    global _server
    from pysail.spark import SparkConnectServer

    _server = SparkConnectServer(ip="127.0.0.1", port=0)
    _server.start(background=True)
    os.environ["SPARK_REMOTE"] = "sc://%s:%d" % _server.listening_address
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    _provide_contexts()
    _sessions()
    _writes()
    _reads()
    _names()


def _provide_contexts():
    """pyspark.context, .conf and .rdd exist in the JVM's client only."""
    import pyspark

    for name, members in {
        "context": {"SparkContext": rdd.SparkContext},
        "conf": {"SparkConf": rdd.SparkConf},
        "rdd": {"RDD": rdd.RDD},
    }.items():
        module = types.ModuleType(f"pyspark.{name}")
        for member, value in members.items():
            setattr(module, member, value)
            setattr(pyspark, member, value)
        sys.modules[f"pyspark.{name}"] = module
        setattr(pyspark, name, module)


def _sessions():
    import pyspark.sql
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.session import SparkSession

    pyspark.sql.SparkSession, pyspark.sql.DataFrame = SparkSession, DataFrame
    builder = SparkSession.Builder
    builder.master = lambda self, _: self
    builder.enableHiveSupport = lambda self: self
    create = builder.getOrCreate
    made = []

    def get_or_create(self):
        options = dict(getattr(self, "_options", {}))
        self._options = {"spark.remote": os.environ["SPARK_REMOTE"]}
        if not made:
            made.append(create(self))
            made[0].conf.set("spark.sql.session.timeZone", "UTC")
            made[0].conf.set("spark.sql.ansi.enabled", os.environ.get("TARN_ANSI", "false"))
        for key, value in options.items():
            if key.startswith("spark.sql."):  # the others are settings of a JVM
                made[0].conf.set(key, value)
        return made[0]

    builder.getOrCreate = get_or_create
    SparkSession.sparkContext = property(lambda self: rdd.SparkContext())
    SparkSession.stop = lambda self: None
    DataFrame.rdd = property(lambda self: rdd.RDD(self.toLocalIterator, rdd.SparkContext()))


def _writes():
    from pyspark.sql.connect.readwriter import DataFrameWriter

    save = DataFrameWriter.save

    def guarded(self, path=None, format=None, mode=None, partitionBy=None, **options):
        self.mode(mode).options(**options)
        if format is not None:
            self.format(format)
        if partitionBy is not None:
            self.partitionBy(partitionBy)
        write = self._write
        how = (write.mode or "error").lower()
        if how == "overwrite" and write.partitioning_cols and _dynamic(write, self._spark):
            raise NeedsSpark("dynamic partition overwrite")
        if not sinks.is_store(path):
            return save(self, path)

        def to(staging):
            write.mode = None
            self.mode("append")
            save(self, staging)

        sinks.save(to, path, "error" if how in ("error", "errorifexists", "default") else how)

    DataFrameWriter.save = guarded


def _dynamic(write, session):
    options = {k.lower(): v for k, v in (write.options or {}).items()}
    chosen = options.get("partitionoverwritemode") or session.conf.get("spark.sql.sources.partitionOverwriteMode", "static")
    return str(chosen).lower() == "dynamic"


def _reads():
    from pyspark.sql.connect.readwriter import DataFrameReader

    load = DataFrameReader.load

    def typed(self, path=None, format=None, schema=None, **options):
        frame = load(self, path, format, schema, **options)
        if schema is None and not getattr(self, "_schema", ""):
            frame = _partition_types(frame, path)
        return frame

    DataFrameReader.load = typed


def _partition_types(frame, path):
    """Gives partition columns that were found in paths the types that Spark infers: int, bigint, date, else string."""
    from pyspark.sql import functions as F

    from awsglue import storage

    seen = {}
    for p in [path] if isinstance(path, str) else list(path or []):
        if not sinks.is_store(p):
            continue
        for f in storage.files(p):
            for part in f.url[len(p):].split("/")[:-1]:
                key, equals, value = part.partition("=")
                if equals and value != "__HIVE_DEFAULT_PARTITION__":
                    seen.setdefault(key, set()).add(value)
    have = dict(frame.dtypes)
    for key, values in seen.items():
        kind = next((t for t, form in (("int", r"-?\d{1,9}"), ("bigint", r"-?\d{1,18}"), ("date", r"\d{4}-\d\d-\d\d"))
                     if all(re.fullmatch(form, v) for v in values)), None)
        if have.get(key) == "string" and kind:
            frame = frame.withColumn(key, F.col(f"`{key}`").cast(kind))
    return frame


def _names():
    """Names of temporary views do not depend on case in Spark."""
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.session import SparkSession

    register, sql = DataFrame.createOrReplaceTempView, SparkSession.sql

    def create(self, name):
        _views[name.lower()] = self
        for form in {name, name.lower(), name.upper()}:
            register(self, form)

    DataFrame.createOrReplaceTempView = DataFrame.createTempView = DataFrame.registerTempTable = create

    def query(self, text, *args, **kwargs):
        try:
            return sql(self, text, *args, **kwargs)
        except Exception as e:
            missing = re.search(r"(?:view|table) not found: (\w+)\s*$", str(e).split("\n")[0])
            if not missing or missing.group(1).lower() not in _views:
                raise
            register(_views[missing.group(1).lower()], missing.group(1))
            return sql(self, text, *args, **kwargs)

    SparkSession.sql = query
