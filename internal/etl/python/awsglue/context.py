"""GlueContext: sources and sinks of DynamicFrames over the engine's session."""
import datetime
import os
from functools import reduce
from urllib.parse import unquote

from awsglue import storage, tables
from awsglue.dynamicframe import DynamicFrame, DynamicFrameReader, DynamicFrameWriter
from awsglue.storage import bookmarks


def kind(name):
    """A format's plain name."""
    name = (name or "").lower()
    return {"glueparquet": "parquet", "sparkcsv": "csv"}.get(name, name)


def _true(value):
    return str(value).lower() == "true"


class Logger:
    def info(self, text):
        print(f"INFO {text}")

    def warn(self, text):
        print(f"WARN {text}")

    warning = warn

    def error(self, text):
        print(f"ERROR {text}")

    def debug(self, text):
        pass


class DataSink:
    """What getSink returns: a sink that may keep the catalog up to date."""

    def __init__(self, context, connection_type, transformation_ctx="", **options):
        if connection_type != "s3":
            raise NotImplementedError(f"a sink of the kind {connection_type} is not supported: want s3")
        self._context, self._options, self._table = context, options, None
        self._format, self._format_options = options.get("format"), dict(options.get("format_options") or {})

    def setFormat(self, format, **options):
        self._format = format
        self._format_options.update(options)

    def setCatalogInfo(self, catalogDatabase, catalogTableName, catalogId=""):
        self._table = (catalogDatabase, catalogTableName)

    def setAccumulableSize(self, size):
        pass

    def writeFrame(self, frame, info=""):
        o = self._options
        keys = o.get("partitionKeys") or []
        frame_data = frame.toDF()
        options = dict(self._format_options)
        if o.get("compression"):
            options["compression"] = o["compression"]
        self._context.write_files(frame_data, o["path"], self._format, keys, options)
        if self._table and o.get("enableUpdateCatalog"):
            values = [tuple(r) for r in frame_data.select(*keys).distinct().collect()] if keys else []
            tables.update_catalog(*self._table, o["path"], kind(self._format), frame_data.dtypes, keys, values, o.get("updateBehavior", "UPDATE_IN_DATABASE"))
        return frame

    write = writeFrame


class DataSource:
    """What getSource returns: a source whose format may still be set."""

    def __init__(self, read):
        self._read, self._format, self._options = read, None, {}

    def setFormat(self, format, **options):
        self._format, self._options = format, options

    def getFrame(self, **kwargs):
        return self._read(self._format, self._options)


class GlueContext:
    def __init__(self, sparkContext=None, **options):
        from pyspark.sql import SparkSession

        self._spark_context = sparkContext
        self.spark_session = self.sparkSession = SparkSession.builder.getOrCreate()
        self.create_dynamic_frame, self.write_dynamic_frame = DynamicFrameReader(self), DynamicFrameWriter(self)
        self.create_data_frame, self.write_data_frame = DynamicFrameReader(self, plain=True), DynamicFrameWriter(self)

    def __getattr__(self, name):
        # On Glue this is an SQLContext as well: sql, table, read, createDataFrame, range, udf …
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.spark_session, name)

    def setConf(self, key, value):
        self.spark_session.conf.set(key, value)

    def getConf(self, key, default=None):
        return self.spark_session.conf.get(key, default)

    def registerDataFrameAsTable(self, df, name):
        df.createOrReplaceTempView(name)

    def get_logger(self):
        return Logger()

    def getSink(self, connection_type="s3", format=None, transformation_ctx="", **options):
        return DataSink(self, connection_type, transformation_ctx, format=format, **options)

    def getSource(self, connection_type="s3", transformation_ctx="", push_down_predicate="", **options):
        def read(format, more):
            given = {**(options.get("format_options") or {}), **more}
            return self.create_dynamic_frame_from_options(connection_type, options, format or options.get("format"), given, transformation_ctx, push_down_predicate)

        return DataSource(read)

    def getCatalogSource(self, database=None, table_name=None, transformation_ctx="", push_down_predicate="", **kwargs):
        return DataSource(lambda _format, _more: self.create_dynamic_frame_from_catalog(
            database, table_name, transformation_ctx=transformation_ctx, push_down_predicate=push_down_predicate))

    def create_dynamic_frame_from_catalog(self, database=None, table_name=None, redshift_tmp_dir="", transformation_ctx="", push_down_predicate="",
                                          additional_options=None, catalog_id=None, name_space=None, plain=False, **kwargs):
        t = tables.Table(database or name_space, table_name, catalog_id)
        if t.keys:
            partitions = self._select(t, push_down_predicate, (additional_options or {}).get("catalogPartitionPredicate"))
            groups = []
            for p in partitions:
                context = f"{transformation_ctx}|{'/'.join(p['Values'])}" if transformation_ctx else ""
                groups.append((p["Values"], bookmarks.fresh(context, storage.files(p["StorageDescriptor"]["Location"]))))
        else:
            groups = [([], bookmarks.fresh(transformation_ctx, storage.files(t.location)))]
        _tell_source(groups, table=f"{t.database}.{t.name}")
        schema = t.schema() if t.format() in ("csv", "json") else None
        frame = self._load(t.format(), t.options(), groups, schema, t.keys)
        return frame if plain else DynamicFrame(frame, self, table_name)

    def _select(self, t, predicate, expression):
        """The partitions that a predicate selects. The engine evaluates it over their values, so that month == 08 means what
        it means in Spark."""
        partitions = t.partitions(expression)
        if not predicate or not partitions:
            return partitions
        rows = [tuple(p["Values"]) + (i,) for i, p in enumerate(partitions)]
        schema = ", ".join(f"`{n}` string" for n, _ in t.keys) + ", `__i` int"
        typed = [f"cast(`{n}` as {kind}) as `{n}`" for n, kind in t.keys] + ["`__i`"]
        kept = self.spark_session.createDataFrame(rows, schema).selectExpr(*typed).where(predicate).select("__i").collect()
        wanted = {r[0] for r in kept}
        return [p for i, p in enumerate(partitions) if i in wanted]

    def create_dynamic_frame_from_options(self, connection_type="s3", connection_options=None, format=None, format_options=None, transformation_ctx="",
                                          push_down_predicate="", plain=False, **kwargs):
        given, how = connection_options or {}, format_options or {}
        if connection_type not in ("s3", "file", None, ""):
            raise NotImplementedError(f"a source of the kind {connection_type} is not supported: want s3")
        found = [f for p in given.get("paths") or [given["path"]] for f in storage.files(p)]
        found = bookmarks.fresh(transformation_ctx, found)
        groups, keys = {}, []
        for f in found:  # folders key=value become columns of strings
            pairs = [p.partition("=")[::2] for p in f.url.split("/")[3:-1] if "=" in p]
            keys += [k for k, _ in pairs if k not in keys]
            groups.setdefault(tuple((k, unquote(v)) for k, v in pairs), []).append(f)
        listed = [([dict(pairs).get(k) for k in keys], fs) for pairs, fs in groups.items()]
        _tell_source(listed)
        frame = self._load(kind(format), _reader_options(kind(format), how), listed, None, [(k, "string") for k in keys])
        if push_down_predicate:
            frame = frame.where(push_down_predicate)
        return frame if plain else DynamicFrame(frame, self, transformation_ctx or "frame")

    def _load(self, format, options, groups, schema, keys):
        """One frame of groups [(partition values, files)]; the values become columns of the keys' types."""
        from pyspark.sql import functions as F

        frames = []
        for values, found in groups:
            if not found:
                continue
            reader = self.spark_session.read.format(format).options(**options)
            if schema:
                reader = reader.schema(schema)
            frame = reader.load([f.url for f in found])
            for (name, type_name), value in zip(keys, values):
                frame = frame.withColumn(name, F.lit(value).cast(type_name))
            frames.append(frame)
        if not frames:
            columns = ", ".join(filter(None, [schema] + [f"`{n}` {t}" for n, t in keys]))
            return self.spark_session.createDataFrame([], columns or "_empty string")
        return reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), frames)

    def write_files(self, frame, path, format, keys, options):
        format = kind(format) or "parquet"
        writer = frame.write.mode("append").format(format)  # Glue's sinks always append
        if format == "csv":
            header = "false" if str(options.get("writeHeader", True)).lower() == "false" else "true"
            writer = writer.option("header", header).option("sep", options.get("separator", ","))
        compression = options.get("compression")
        if compression and compression not in ("uncompressed", "none"):
            writer = writer.option("compression", compression)
        elif format == "parquet":
            writer = writer.option("compression", "snappy")
        if keys:
            writer = writer.partitionBy(*keys)
        writer.save(path)

    def write_dynamic_frame_from_options(self, frame, connection_type="s3", connection_options=None, format=None, format_options=None, transformation_ctx=""):
        given = connection_options or {}
        if connection_type != "s3":
            raise NotImplementedError(f"a sink of the kind {connection_type} is not supported: want s3")
        options = dict(format_options or {})
        if given.get("compression"):
            options["compression"] = given["compression"]
        data = frame.toDF() if isinstance(frame, DynamicFrame) else frame
        self.write_files(data, given["path"], format, given.get("partitionKeys") or [], options)
        return frame

    write_from_options = write_dynamic_frame_from_options

    def write_dynamic_frame_from_catalog(self, frame, database=None, table_name=None, redshift_tmp_dir="", transformation_ctx="", additional_options=None,
                                         catalog_id=None, name_space=None):
        t = tables.Table(database or name_space, table_name, catalog_id)
        more = additional_options or {}
        keys = [n for n, _ in t.keys] or more.get("partitionKeys") or []
        data = frame.toDF()
        self.write_files(data, t.location, t.format(), keys, {})
        if keys and more.get("enableUpdateCatalog"):
            values = [tuple(r) for r in data.select(*keys).distinct().collect()]
            tables.update_catalog(t.database, t.name, t.location, t.format(), data.dtypes, keys, values, more.get("updateBehavior", "UPDATE_IN_DATABASE"))
        return frame

    def purge_s3_path(self, s3_path, options=None, transformation_ctx="", catalog_id=None):
        """Deletes the files that are older than retentionPeriod hours (168 unless given)."""
        if os.environ.get("TARN_SCRATCH"):
            return  # a run that is compared with another changes nothing
        hours = float((options or {}).get("retentionPeriod", 168))
        before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=hours)
        for f in storage.files(s3_path):
            if f.modified <= before:
                bucket, key = storage.split(f.url)
                storage.client("s3").delete_object(Bucket=bucket, Key=key)

    def extract_jdbc_conf(self, connection_name, catalog_id=None):
        p = storage.client("glue").get_connection(Name=connection_name)["Connection"]["ConnectionProperties"]
        url = p.get("JDBC_CONNECTION_URL", "")
        return {"url": url, "fullUrl": url, "vendor": url.split(":")[1] if ":" in url else "", "user": p.get("USERNAME"), "password": p.get("PASSWORD")}


def _reader_options(format, how):
    options = {}
    if format == "csv":
        options = {"header": "true" if _true(how.get("withHeader", False)) else "false", "sep": how.get("separator", ",")}
        if how.get("quoteChar", '"') != -1:
            options["quote"] = how.get("quoteChar", '"')
        if how.get("escaper"):
            options["escape"] = how["escaper"]
        if _true(how.get("multiline", "")):
            options["multiLine"] = "true"
    elif format == "json" and (_true(how.get("multiline", "")) or how.get("jsonPath") in ("$", "$[*]")):
        options["multiLine"] = "true"
    return options


def _tell_source(groups, table=None):
    """Tells Tarn what is read: for the run's lineage and metrics."""
    from tarn_job import channel

    found = [f for _, fs in groups for f in fs]
    channel.ask("source", table=table, files=[{"url": f.url, "etag": f.etag.strip('"'), "size": f.size} for f in found[:10000]], bytes=sum(f.size for f in found))
