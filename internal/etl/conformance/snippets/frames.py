## select_columns
people.select("id", "name").orderBy("id")
## select_star
people.select("*").orderBy("id")
## select_expressions
people.select(F.col("id") + 1, (F.col("amt") * 2).alias("twice")).orderBy("id")
## select_expr
people.selectExpr("id", "amt * 2 as twice", "upper(cc) as land").orderBy("id")
## bracket_and_attribute_columns
people.select(people["id"], people.name, people.cc.alias("land")).orderBy("id")
## filter_text
people.filter("amt > 50 and cc = 'it'").orderBy("id")
## filter_columns
people.where(F.col("amt").isNotNull() & ~(F.col("cc") == "fr")).orderBy("id")
## filter_or_in
people.where((people.id > 4) | people.cc.isin("fr", "es")).orderBy("id")
## filter_between
people.where(F.col("id").between(2, 4)).orderBy("id")
## filter_like
people.where(F.col("name").like("%n%") | F.col("name").startswith("C") | F.col("name").endswith("e") | F.col("name").contains("o")).orderBy("id")
## filter_null_safe
people.where(F.col("amt").eqNullSafe(None)).orderBy("id")
## with_column_when
people.withColumn("size", F.when(F.col("amt") > 80, "big").when(F.col("amt").isNull(), "none").otherwise("small")).orderBy("id")
## with_column_replaces
people.withColumn("id", F.col("id") * 10).orderBy("id")
## with_columns
people.withColumns({"a": F.lit(1), "b": F.lit("x")}).orderBy("id")
## with_column_renamed
people.withColumnRenamed("amt", "amount").withColumnRenamed("absent", "x").orderBy("id")
## with_columns_renamed
people.withColumnsRenamed({"amt": "amount", "cc": "land"}).orderBy("id")
## drop_columns
people.drop("name", "absent").drop(F.col("cc")).orderBy("id")
## to_df_renames
people.toDF("a", "b", "c", "d").orderBy("a")
## order_nulls_first
people.orderBy("amt").select("id")
## order_descending
people.orderBy(F.col("amt").desc()).select("id")
## order_two_columns
people.sort(F.desc("cc"), F.asc("id")).select("id")
## order_nulls_last
people.orderBy(F.col("amt").asc_nulls_last()).select("id")
## order_by_ascending_list
people.orderBy(["cc", "id"], ascending=[False, True]).select("id")
## limit_after_order
people.orderBy(F.desc("id")).limit(2)
## distinct_values
people.select("cc").distinct().orderBy("cc")
## drop_duplicates
people.dropDuplicates(["cc"]).select("cc").orderBy("cc")
## drop_duplicates_rows
people.select("cc").union(people.select("cc")).dropDuplicates().orderBy("cc")
## union_all
people.select("id").union(people.select("id")).orderBy("id")
## union_by_name
people.select("id", "cc").unionByName(spark.createDataFrame([("zz", 9)], "cc string, id int")).orderBy("id")
## union_by_name_missing
people.select("id").unionByName(people.select("id", "cc"), allowMissingColumns=True).orderBy("id", "cc")
## intersect_and_subtract
people.select("cc").intersect(spark.createDataFrame([("it",), ("es",)], "cc string")).union(people.select("cc").subtract(spark.createDataFrame([("it",)], "cc string"))).orderBy("cc")
## except_all
people.select("cc").exceptAll(spark.createDataFrame([("it",)], "cc string")).orderBy("cc")
## fill_by_column
people.na.fill({"amt": 0.0, "name": "?"}).orderBy("id")
## fill_all_numbers
people.fillna(0).orderBy("id")
## fill_subset
people.fillna("?", subset=["name"]).orderBy("id")
## drop_nulls
people.na.drop().orderBy("id")
## drop_nulls_subset
people.dropna(subset=["name"]).orderBy("id")
## drop_nulls_how_all
people.dropna(how="all", subset=["name", "amt"]).orderBy("id")
## replace_values
people.replace("it", "IT", subset=["cc"]).orderBy("id")
## columns_and_types
[people.columns, people.dtypes]
## schema_text
people.select(F.struct("amt", "cc").alias("pair"), F.array("id").alias("list")).schema.simpleString()
## schema_fields
[(f.name, f.dataType.simpleString(), f.nullable) for f in people.schema.fields]
## field_names
people.schema.fieldNames()
## print_schema
import contextlib, io
out = io.StringIO()
with contextlib.redirect_stdout(out):
    people.printSchema()
out.getvalue()
## show_rows
import contextlib, io
out = io.StringIO()
with contextlib.redirect_stdout(out):
    people.orderBy("id").show(2)
    people.orderBy("id").show(3, truncate=False)
out.getvalue()
## collect_first_take_head
rows = people.orderBy("id")
[rows.first()["cc"], rows.take(2)[1].asDict(), rows.head().id, rows.head(2)[1][0], rows.isEmpty(), [r.name for r in rows.collect()]]
## count_rows
[people.count(), people.where("id > 100").count(), people.where("id > 100").isEmpty()]
## row_access
r = people.orderBy("id").first()
[r[0], r["name"], r.cc, list(r), r.asDict()]
## local_iterator
[r.id for r in people.orderBy("id").toLocalIterator()]
## to_pandas
people.orderBy("id").toPandas()["id"].tolist()
## create_from_rows
from pyspark.sql import Row
spark.createDataFrame([Row(a=1, b="x", c=[1, 2], d={"k": 1.5}), Row(a=2, b=None, c=[], d={})]).orderBy("a")
## create_from_tuples
spark.createDataFrame([(1, "x", 2.5, True), (2, None, None, False)], ["a", "b", "c", "d"]).orderBy("a")
## create_from_dicts
spark.createDataFrame([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]).orderBy("a")
## create_from_pandas
import pandas as pd
spark.createDataFrame(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})).orderBy("a")
## create_with_struct_type
schema = T.StructType([T.StructField("a", T.IntegerType(), False), T.StructField("b", T.ArrayType(T.StringType())), T.StructField("c", T.MapType(T.StringType(), T.LongType())), T.StructField("d", T.DoubleType()), T.StructField("e", T.BooleanType())])
spark.createDataFrame([(1, ["x"], {"k": 5}, 1.5, True), (2, None, None, None, None)], schema).orderBy("a")
## create_empty
spark.createDataFrame([], "a int, b string")
## range_of_numbers
spark.range(3).union(spark.range(10, 14, 2)).orderBy("id")
## repartition_cache
cached = people.repartition(4, "cc").cache()
n = cached.count()
cached.unpersist()
n
## persist_coalesce
people.persist().coalesce(1).orderBy("id")
## transform_method
people.transform(lambda f: f.withColumn("x", F.lit(1))).orderBy("id")
## random_split_sums
sum(part.count() for part in people.randomSplit([0.5, 0.5], seed=1))
## columns_in_a_loop
frame = people
for name, kind in frame.dtypes:
    if kind == "string":
        frame = frame.withColumn(name, F.lower(F.trim(F.col(name))))
frame.orderBy("id")
## columns_renamed_in_a_loop
people.toDF(*[c.upper() + "_x" for c in people.columns]).orderBy("ID_X")
## unpivot
people.unpivot(["id"], ["name", "cc"], "key", "value").orderBy("id", "key")
## cross_join
people.select("id").crossJoin(spark.range(2).withColumnRenamed("id", "n")).orderBy("id", "n")
## describe_columns
people.describe("amt")
## summary_columns
people.select("amt").summary("count", "min", "max")
## approx_quantile
people.approxQuantile("amt", [0.5], 0.0)
## sample_everything
people.sample(1.0).count()
## tail_rows
people.orderBy("id").tail(2)
## explain_is_printed
people.select("id").explain()
"done"
