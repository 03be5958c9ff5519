"""DynamicFrame over a DataFrame whose schema is known. Choice types do not arise: what Glue would infer as a choice is read
with the catalog's type."""
from awsglue.gluetypes import ddl


class DynamicRecord(dict):
    """A row as functions of Map and Filter see it: fields by key or by attribute."""

    __getattr__ = dict.get


class DynamicFrameCollection(dict):
    def __init__(self, dynamic_frames, glue_ctx=None):
        super().__init__(dynamic_frames)

    def select(self, key):
        return self[key]


def _parts(path):
    """The steps of a path: "a.b" has two, "`a.b`" one."""
    return [path.strip("`")] if "`" in path else path.split(".")


def _column(path):
    return ".".join(f"`{p}`" for p in _parts(path))


def _record(row):
    return DynamicRecord({k: _record(v) if hasattr(v, "asDict") else v for k, v in zip(row.__fields__, row)})


class DynamicFrame:
    def __init__(self, df, glue_ctx, name="frame"):
        self._df, self.glue_ctx, self.name = df, glue_ctx, name

    @classmethod
    def fromDF(cls, dataframe, glue_ctx, name):
        return cls(dataframe, glue_ctx, name)

    def toDF(self, options=None, **kwargs):
        return self._df

    def _with(self, df, name=None):
        return DynamicFrame(df, self.glue_ctx, name or self.name)

    def schema(self):
        return self._df.schema

    def printSchema(self):
        self._df.printSchema()

    def show(self, num_rows=20):
        self._df.show(num_rows)

    def count(self):
        return self._df.count()

    def repartition(self, num_partitions, *args, **kwargs):
        return self._with(self._df.repartition(num_partitions))

    def coalesce(self, num_partitions, *args, **kwargs):
        return self._with(self._df.coalesce(num_partitions))

    def getNumPartitions(self):
        return 1

    def errorsCount(self):
        return 0

    stageErrorsCount = errorsCount

    def assertErrorThreshold(self):
        pass

    @property
    def write(self):
        return self.glue_ctx.write_dynamic_frame

    def select_fields(self, paths, transformation_ctx="", **kwargs):
        wanted = [paths] if isinstance(paths, str) else paths
        return self._with(self._df.select(*[_column(p) for p in wanted if _parts(p)[0] in self._df.columns]))

    def drop_fields(self, paths, transformation_ctx="", **kwargs):
        from pyspark.sql import functions as F

        frame = self._df
        for path in [paths] if isinstance(paths, str) else paths:
            top, *inner = _parts(path)
            frame = frame.withColumn(top, F.col(f"`{top}`").dropFields(".".join(inner))) if inner else frame.drop(top)
        return self._with(frame)

    def rename_field(self, oldName, newName, transformation_ctx="", **kwargs):
        return self._with(self._df.withColumnRenamed(oldName.strip("`"), newName.strip("`")))

    def apply_mapping(self, mappings, case_sensitive=False, transformation_ctx="", **kwargs):
        from pyspark.sql import functions as F

        by_lower, types = {c.lower(): c for c in self._df.columns}, dict(self._df.dtypes)
        tree = {}
        for m in mappings:
            if len(m) == 4:
                source, _, target, kind = m
            elif len(m) == 3:
                source, _, kind = m
                target = source
            else:
                source, target = m
                kind = None
            top, *inner = _parts(source)
            top = top if case_sensitive else by_lower.get(top.lower())
            if top not in types:
                print(f"WARN ApplyMapping: there is no field {source}")
                continue
            column = F.col(".".join(f"`{p}`" for p in [top, *inner]))
            if kind and (inner or types[top] != ddl(kind)):
                column = column.cast(ddl(kind))
            node = tree
            *outer, last = _parts(target)
            for step in outer:
                node = node.setdefault(step, {})
            node[last] = column

        def build(name, node):
            return (F.struct(*[build(k, v) for k, v in node.items()]) if isinstance(node, dict) else node).alias(name)

        return self._with(self._df.select(*[build(k, v) for k, v in tree.items()]))

    def _whole_row(self):
        from pyspark.sql import functions as F

        return F.struct(*[f"`{c}`" for c in self._df.columns])

    def filter(self, f, transformation_ctx="", **kwargs):
        from pyspark.sql import functions as F

        return self._with(self._df.where(F.udf(lambda row: bool(f(_record(row))), "boolean")(self._whole_row())))

    def map(self, f, preservesPartitioning=False, transformation_ctx="", **kwargs):
        """Applies f to each row. The result's schema is that of the first hundred results."""
        from pyspark.sql import Row
        from pyspark.sql import functions as F

        sample = [f(_record(row)) for row in self._df.limit(100).collect()]
        if not sample:
            return self._with(self._df)
        names = list(dict.fromkeys(n for s in sample for n in s))
        schema = self.glue_ctx.spark_session.createDataFrame([Row(**{n: s.get(n) for n in names}) for s in sample]).schema

        def apply(row):
            out = f(_record(row))
            return tuple(out.get(n) for n in names)

        return self._with(self._df.select(F.udf(apply, schema)(self._whole_row()).alias("r")).select("r.*"))

    def resolveChoice(self, specs=None, choice="", database=None, table_name=None, transformation_ctx="", **kwargs):
        from pyspark.sql import functions as F

        frame = self._df
        for path, action in specs or []:
            what, _, kind = action.partition(":")
            if what in ("cast", "project") and kind and path in frame.columns:
                frame = frame.withColumn(path, F.col(_column(path)).cast(ddl(kind)))
        if choice == "match_catalog":
            from awsglue import tables

            t = tables.Table(database, table_name)
            want = dict(t.columns() + t.keys)
            frame = frame.select(*[F.col(_column(c)).cast(want[c]).alias(c) if c in want else F.col(_column(c)) for c in frame.columns])
        return self._with(frame)

    def drop_nulls(self, transformation_ctx="", **kwargs):
        return self._with(self._df.select(*[_column(c) for c, kind in self._df.dtypes if kind not in ("void", "null")]))

    def union(self, other_frame, transformation_ctx="", **kwargs):
        return self._with(self._df.unionByName(other_frame.toDF(), allowMissingColumns=True))

    def join(self, paths1, paths2, frame2, transformation_ctx="", **kwargs):
        """An inner join; fields of the second frame whose names clash get a dot in front, as on Glue."""
        from functools import reduce

        from pyspark.sql import functions as F

        left, right = self._df.alias("l"), frame2.toDF()
        renamed = {c: f".{c}" for c in right.columns if c in self._df.columns}
        for old, new in renamed.items():
            right = right.withColumnRenamed(old, new)
        tests = [F.col(f"l.`{a}`") == F.col(f"`{renamed.get(b, b)}`") for a, b in zip(paths1, paths2)]
        return self._with(left.join(right, reduce(lambda x, y: x & y, tests), "inner"))

    def split_fields(self, paths, name1, name2, transformation_ctx="", **kwargs):
        return DynamicFrameCollection({name1: self.select_fields(paths), name2: self.drop_fields(paths)})

    def mergeDynamicFrame(self, stage_dynamic_frame, primary_keys, transformation_ctx="", options=None, **kwargs):
        stage = stage_dynamic_frame.toDF()
        kept = self._df.join(stage.select(*primary_keys), primary_keys, "left_anti").select(*self._df.columns)
        return self._with(kept.unionByName(stage, allowMissingColumns=True))

    def unnest(self, transformation_ctx="", **kwargs):
        """Fields of structs become columns named by their path."""
        from pyspark.sql import functions as F

        def leaves(schema, path):
            for field in schema.fields:
                inner = [*path, field.name]
                if field.dataType.typeName() == "struct":
                    yield from leaves(field.dataType, inner)
                else:
                    yield F.col(".".join(f"`{p}`" for p in inner)).alias(".".join(inner))

        return self._with(self._df.select(*leaves(self._df.schema, [])))

    def relationalize(self, root_table_name="roottable", staging_path=None, options=None, transformation_ctx="", **kwargs):
        """Arrays become tables of their own, tied by ids. Rows are numbered once and held, so that the ids agree."""
        from pyspark.sql import functions as F

        tables = {}

        def split(name, frame):
            flat = frame.unnest().toDF()
            arrays = [c for c, kind in flat.dtypes if kind.startswith("array")]
            if not arrays:
                tables[name] = self._with(flat, name)
                return
            rows = flat.collect()
            numbered = self.glue_ctx.spark_session.createDataFrame([tuple(r) + (i + 1,) for i, r in enumerate(rows)],
                                                                   flat.schema.add("__id", "long")) if rows else flat.withColumn("__id", F.lit(0).cast("long"))
            root = numbered
            for c in arrays:
                root = root.withColumn(c, F.when(F.col(f"`{c}`").isNotNull(), F.col("__id")))
            tables[name] = self._with(root.drop("__id"), name)
            for c in arrays:
                inner = numbered.select(F.col("__id").alias("id"), F.posexplode(f"`{c}`").alias("index", f"{c}.val"))
                split(f"{name}_{c}", self._with(inner))

        split(root_table_name, self)
        return DynamicFrameCollection(tables)

    def spigot(self, path, options=None, transformation_ctx="", **kwargs):
        rows = int((options or {}).get("topk", 10))
        self._df.limit(rows).write.mode("append").format("json").save(path)
        return self


class DynamicFrameReader:
    def __init__(self, glue_context, plain=False):
        self._context, self._plain = glue_context, plain

    def from_catalog(self, database=None, table_name=None, *args, **kwargs):
        return self._context.create_dynamic_frame_from_catalog(database, table_name, *args, plain=self._plain, **kwargs)

    def from_options(self, connection_type="s3", connection_options=None, format=None, format_options=None, transformation_ctx="", push_down_predicate="", **kwargs):
        return self._context.create_dynamic_frame_from_options(connection_type, connection_options, format, format_options, transformation_ctx,
                                                               push_down_predicate, plain=self._plain)

    def from_rdd(self, data, name, schema=None, sampleRatio=None, transformation_ctx="", **kwargs):
        return DynamicFrame(data.toDF(schema), self._context, name)


class DynamicFrameWriter:
    def __init__(self, glue_context):
        self._context = glue_context

    def from_options(self, frame, connection_type="s3", connection_options=None, format=None, format_options=None, transformation_ctx="", **kwargs):
        return self._context.write_dynamic_frame_from_options(frame, connection_type, connection_options, format, format_options, transformation_ctx)

    def from_catalog(self, frame, database=None, table_name=None, *args, **kwargs):
        return self._context.write_dynamic_frame_from_catalog(frame, database, table_name, *args, **kwargs)

    def from_jdbc_conf(self, frame, catalog_connection, connection_options=None, **kwargs):
        raise NotImplementedError("from_jdbc_conf is not supported: write to S3, or with the DataFrame's own JDBC writer")
