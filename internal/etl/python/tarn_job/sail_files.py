"""Guards of the engine "sail" for files: what it reads and writes is what Spark would read and write, or it refuses by name."""
import os
import re

from tarn_job import sinks
from tarn_job.refusals import NeedsSpark

# What Spark's CSV reader takes for a value of a type; anything else is NULL.
_FORMS = {
    "int": r"^[-+]?\d{1,10}$",
    "bigint": r"^[-+]?\d{1,19}$",
    "smallint": r"^[-+]?\d{1,5}$",
    "tinyint": r"^[-+]?\d{1,3}$",
    "double": r"^\s*[-+]?(\d+\.?\d*([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?|NaN|Infinity)\s*$",
    "float": r"^\s*[-+]?(\d+\.?\d*([eE][-+]?\d+)?|\.\d+([eE][-+]?\d+)?|NaN|Infinity)\s*$",
    "boolean": r"^(?i)(true|false)$",
    "date": r"^\d{4}-\d\d-\d\d$",
}


def guard_reads():
    from pyspark.sql.connect.readwriter import DataFrameReader

    load = DataFrameReader.load

    def guarded(self, path=None, format=None, schema=None, **options):
        if format is not None:
            self.format(format)
        if schema is not None:
            self.schema(schema)
        self.options(**options)
        kind, wanted = self._format, getattr(self, "_schema", "")
        given = {k.lower(): v for k, v in self._options.items()}
        if kind == "csv":
            return _csv(self, load, path, given, wanted)
        frame = load(self, path)
        if wanted:
            return frame
        if kind == "json":
            frame = _sorted_fields(self, load, frame, path)
        return _partition_types(frame, path)

    DataFrameReader.load = guarded


def _csv(reader, load, path, given, wanted):
    """Reads text and gives it types itself: a value that is none of its type is NULL, not an error."""
    from pyspark.sql import functions as F

    # Rows with fewer fields end in NULL.
    reader.option("allowTruncatedRows", "true")
    null = given.get("nullvalue") or None
    fields = _fields(reader, wanted) if wanted else None
    if fields:
        for name, kind in fields:
            if kind not in _FORMS and kind not in ("string", "timestamp"):
                raise NeedsSpark(f"a CSV column of the type {kind} ({name})")
        if any(kind == "timestamp" for _, kind in fields):
            raise NeedsSpark("a CSV column of the type timestamp")
        reader.schema(", ".join(f"`{name}` string" for name, _ in fields))
    frame = load(reader, path)
    if null is not None:
        frame = frame.select(*[F.when(F.col(f"`{c}`") == null, None).otherwise(F.col(f"`{c}`")).alias(c) if t == "string" else F.col(f"`{c}`") for c, t in frame.dtypes])
    if fields:
        typed = dict(fields)
        frame = frame.select(*[_typed(F.col(f"`{c}`"), typed.get(c, "string")).alias(c) for c in frame.columns])
        return frame
    return _partition_types(frame, path)


def _fields(reader, wanted):
    """Names and types of a schema that is a DDL text or JSON."""
    import json

    from pyspark.sql.types import StructType

    if wanted.lstrip().startswith("{"):
        schema = StructType.fromJson(json.loads(wanted))
    else:
        schema = reader._client._parse_ddl(wanted)
    return [(f.name, f.dataType.simpleString()) for f in schema.fields]


def _typed(column, kind):
    from pyspark.sql import functions as F

    if kind == "string":
        return column
    return F.when(column.rlike(_FORMS[kind]), column.try_cast(kind)).otherwise(F.lit(None).cast(kind))


def _sorted_fields(reader, load, frame, path):
    """Spark sorts the fields that it finds in JSON by name."""
    from pyspark.sql.types import ArrayType, StructType

    def in_order(t):
        if isinstance(t, StructType):
            made = StructType()
            for f in sorted(t.fields, key=lambda f: f.name):
                made = made.add(f.name, in_order(f.dataType), f.nullable)
            return made
        return ArrayType(in_order(t.elementType), t.containsNull) if isinstance(t, ArrayType) else t

    found = frame.schema
    sorted_schema = in_order(found)
    if sorted_schema == found:
        return frame
    parts = set(_partition_values(path))
    inner = StructType([f for f in sorted_schema.fields if f.name not in parts])
    return load(reader.schema(inner), path)


def _partition_values(path):
    """Names of the folders key=value under a path, with the values found."""
    from awsglue import storage

    seen = {}
    for p in [path] if isinstance(path, str) else list(path or []):
        if sinks.is_store(p):
            folders = [f.url[len(p):].split("/")[:-1] for f in storage.files(p)]
        else:
            folders = [os.path.relpath(d, p).split(os.sep) for d, _, files in os.walk(p) if files]
        for part in (part for folder in folders for part in folder):
            key, equals, value = part.partition("=")
            if equals and value != "__HIVE_DEFAULT_PARTITION__":
                seen.setdefault(key, set()).add(value)
    return seen


def _partition_types(frame, path):
    """Gives partition columns that were found in paths the types that Spark infers: int, bigint, date, else string."""
    from pyspark.sql import functions as F

    values = _partition_values(path)
    have = dict(frame.dtypes) if values else {}
    for key, found in values.items():
        kind = next((t for t, form in (("int", r"-?\d{1,9}"), ("bigint", r"-?\d{1,18}"), ("date", r"\d{4}-\d\d-\d\d"))
                     if all(re.fullmatch(form, v) for v in found)), None)
        if have.get(key) == "string" and kind:
            frame = frame.withColumn(key, F.col(f"`{key}`").cast(kind))
    return frame


def guard_writes():
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
        how = "error" if how in ("default", "errorifexists") else how
        if how == "overwrite" and write.partitioning_cols and _dynamic(write, self._spark):
            raise NeedsSpark("dynamic partition overwrite")
        if write.source in ("csv", "json"):
            _as_text(self, write.source)
        if not sinks.is_store(path):
            return save(self, path)

        def to(staging):
            write.mode = None
            self.mode("append")
            save(self, staging)

        sinks.save(to, path, how)

    DataFrameWriter.save = guarded


def _dynamic(write, session):
    options = {k.lower(): v for k, v in (write.options or {}).items()}
    chosen = options.get("partitionoverwritemode") or session.conf.get("spark.sql.sources.partitionOverwriteMode", "static")
    return str(chosen).lower() == "dynamic"


def _as_text(writer, kind):
    """Times get Spark's form; what the two engines write as different text is refused."""
    from pyspark.sql import functions as F
    from pyspark.sql.connect.dataframe import DataFrame

    frame = DataFrame(writer._df, writer._spark)
    odd, columns, changed = [], [], False
    for name, t in frame.dtypes:
        column = F.col(f"`{name}`")
        if t == "timestamp":
            changed = True
            columns.append(F.date_format(column, "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'").alias(name))
            continue
        columns.append(column)
        if "timestamp" in t:
            raise NeedsSpark(f"a timestamp inside column {name} written as {kind}")
        if kind == "csv" and t == "string" and name not in (writer._write.partitioning_cols or []):
            odd.append(column.rlike(r'["\\]|^\s|\s$') | (column == ""))
        if kind == "csv" and t in ("double", "float"):
            odd.append((F.abs(column) >= 1e7) | ((F.abs(column) < 1e-3) & (column != 0)))
    if odd:
        found = odd[0]
        for test in odd[1:]:
            found = found | test
        if not frame.where(found).isEmpty():
            raise NeedsSpark("CSV with quotes, empty texts, spaces at the ends, or numbers that are very large or small")
    if changed:
        writer._write._child = frame.select(*columns)._plan
