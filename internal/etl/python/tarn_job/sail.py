"""The engine "sail": a Spark Connect server inside this process, and guards where it differs from Spark.

Each guard either makes the result equal to Spark's or refuses by name; docs/jobs.md lists them.
"""
import os
import re
import sys
import types

from tarn_job import rdd
from tarn_job.sail_files import guard_reads, guard_writes
from tarn_job.sail_functions import guard_functions

# The server must stay referenced: one that is collected stops listening, and its client retries for minutes.
_server = None
_views = {}


def start():
    global _server
    from pysail.spark import SparkConnectServer

    _server = SparkConnectServer(ip="127.0.0.1", port=0)
    _server.start(background=True)
    os.environ["SPARK_REMOTE"] = "sc://%s:%d" % _server.listening_address
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    _provide_contexts()
    _sessions()
    guard_writes()
    guard_reads()
    guard_functions()
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
        for word in set(re.findall(r"\w+", text)):
            if word.lower() in _views:
                register(_views[word.lower()], word)
        return sql(self, text, *args, **kwargs)

    SparkSession.sql = query
