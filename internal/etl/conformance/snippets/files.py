## csv_of_text
spark.read.option("header", True).csv(D + "/sales.csv").orderBy("email_id")
## csv_format_load
spark.read.format("csv").option("header", "true").load(D + "/sales.csv").orderBy("email_id").limit(3)
## csv_with_schema
spark.read.csv(D + "/plain.csv", schema="id int, name string, amt double").orderBy("id")
## csv_with_struct_type
spark.read.schema(T.StructType([T.StructField("id", T.IntegerType()), T.StructField("name", T.StringType()), T.StructField("amt", T.DoubleType())])).csv(D + "/plain.csv").orderBy("id")
## csv_separator
spark.read.options(header=True, sep=";").csv(D + "/semi.csv").orderBy("id")
## csv_null_value
spark.read.option("header", True).option("sep", ";").option("nullValue", "NA").csv(D + "/semi.csv").orderBy("id")
## csv_bad_values
spark.read.csv(D + "/semi.csv", header=True, sep=";", schema="id int, name string, at string, amt double").orderBy("id")
## csv_timestamp_format
spark.read.csv(D + "/semi.csv", header=True, sep=";", schema="id int, name string, at timestamp, amt double", timestampFormat="yyyy-MM-dd HH:mm", mode="PERMISSIVE").orderBy("id")
## csv_infer_schema
spark.read.option("header", True).option("inferSchema", True).csv(D + "/sales.csv").orderBy("email_id")
## csv_infer_types
spark.read.option("header", True).option("inferSchema", True).csv(D + "/sales.csv").dtypes
## csv_quotes
spark.read.option("header", True).option("quote", '"').option("escape", '"').csv(D + "/quotes.csv").orderBy("id")
## csv_over_lines
spark.read.option("header", True).option("multiLine", True).option("quote", '"').option("escape", '"').csv(D + "/lines.csv").orderBy("id")
## csv_without_header_names
spark.read.csv(D + "/plain.csv").orderBy("_c0")
## csv_two_files
spark.read.option("header", True).csv([D + "/sales.csv", D + "/sales2.csv"]).count()
## csv_short_rows
spark.read.option("header", True).csv(D + "/short.csv").orderBy("a")
## json_lines
spark.read.json(D + "/events.json").orderBy("id").select("id", "user.name", "tags", "v")
## json_types
spark.read.json(D + "/events.json").dtypes
## json_with_schema
spark.read.schema("id int, v double, tags array<string>, user struct<name:string,age:int>").json(D + "/events.json").orderBy("id")
## json_over_lines
spark.read.option("multiline", "true").json(D + "/array.json").orderBy("id")
## json_flattened
spark.read.json(D + "/events.json").select("id", F.col("user.name").alias("n"), F.explode_outer("tags").alias("t")).orderBy("id", "t")
## parquet_read
spark.read.parquet(D + "/one.parquet").orderBy("a")
## parquet_partitions
spark.read.parquet(D + "/parts").groupBy("year").count().orderBy("year")
## parquet_partition_types
sorted(spark.read.parquet(D + "/parts").dtypes)
## parquet_partition_filter
spark.read.parquet(D + "/parts").where("year = 2020 and month = 1").orderBy("a")
## parquet_columns_pruned
spark.read.parquet(D + "/parts").select("b").distinct().orderBy("b")
## text_lines
spark.read.text(D + "/plain.csv").orderBy("value")
## input_file_name
spark.read.option("header", True).csv(D + "/sales.csv").select(F.regexp_extract(F.input_file_name(), r"([^/]+)$", 1).alias("f")).distinct()
## write_parquet
people.write.mode("overwrite").parquet(O + "/a")
spark.read.parquet(O + "/a").orderBy("id")
## write_partitioned
people.write.mode("overwrite").partitionBy("cc").parquet(O + "/b")
spark.read.parquet(O + "/b").groupBy("cc").agg(F.count("*").alias("n")).orderBy("cc")
## write_partitioned_by_two
people.withColumn("odd", F.col("id") % 2).write.mode("overwrite").partitionBy("cc", "odd").parquet(O + "/c")
sorted(spark.read.parquet(O + "/c").dtypes)
## write_append
people.write.mode("overwrite").json(O + "/d")
people.write.mode("append").json(O + "/d")
spark.read.json(O + "/d").count()
## write_refuses_to_overwrite
people.write.mode("overwrite").csv(O + "/e")
try:
    people.write.csv(O + "/e")
    outcome = "written"
except Exception:
    outcome = "refused"
outcome
## write_ignore
people.write.mode("overwrite").csv(O + "/f")
people.write.mode("ignore").csv(O + "/f")
spark.read.csv(O + "/f").count()
## write_csv_gzip
people.coalesce(1).write.mode("overwrite").option("header", True).option("compression", "gzip").csv(O + "/g")
spark.read.option("header", True).csv(O + "/g").orderBy("id")
## write_csv_text
people.orderBy("id").coalesce(1).write.mode("overwrite").csv(O + "/h")
spark.read.text(O + "/h").orderBy("value")
## write_json_times
moments.coalesce(1).write.mode("overwrite").json(O + "/jt")
spark.read.text(O + "/jt").orderBy("value")
## csv_extra_fields
spark.read.option("header", True).csv(D + "/long.csv").orderBy("a")
## csv_truncated_rows_only
spark.read.option("header", True).csv(D + "/truncated.csv").orderBy("a")
## write_csv_quoted
texts.coalesce(1).write.mode("overwrite").csv(O + "/i", header=True)
spark.read.text(O + "/i").orderBy("value")
## write_json_text
people.orderBy("id").coalesce(1).write.mode("overwrite").json(O + "/j")
spark.read.text(O + "/j").orderBy("value")
## write_json_nested
people.select("id", F.struct("cc", "amt").alias("st"), F.array("id").alias("l")).coalesce(1).write.mode("overwrite").json(O + "/k")
spark.read.text(O + "/k").orderBy("value")
## write_format_save
people.write.format("parquet").mode("overwrite").option("compression", "snappy").save(O + "/l")
spark.read.format("parquet").load(O + "/l").count()
## write_dates_and_times
moments.coalesce(1).write.mode("overwrite").csv(O + "/m")
spark.read.text(O + "/m").orderBy("value")
## write_dynamic_overwrite
spark.conf.set("spark.sql.sources.partitionOverwriteMode", "static")
people.write.mode("overwrite").partitionBy("cc").parquet(O + "/n")
spark.conf.set("spark.sql.sources.partitionOverwriteMode", "dynamic")
people.where("cc = 'it' and id = 1").write.mode("overwrite").partitionBy("cc").parquet(O + "/n")
spark.conf.set("spark.sql.sources.partitionOverwriteMode", "static")
spark.read.parquet(O + "/n").count()
## write_text
people.select("cc").coalesce(1).write.mode("overwrite").text(O + "/o")
spark.read.text(O + "/o").orderBy("value")
## write_orc
people.write.mode("overwrite").orc(O + "/p")
spark.read.orc(O + "/p").orderBy("id")
