## to_date_with_format
spark.createDataFrame([("21/03/2020",), ("bad",), (None,)], "s string").select("s", F.to_date("s", "dd/MM/yyyy").alias("d"), F.to_timestamp("s", "dd/MM/yyyy").alias("t")).orderBy("s")
## to_date_default
spark.createDataFrame([("2020-03-21",), ("2020-3-1",), ("2020-03-21 05:06:07",), ("x",)], "s string").select("s", F.to_date("s").alias("d"), F.to_timestamp("s").alias("t")).orderBy("s")
## to_timestamp_formats
spark.createDataFrame([("2020-03-21T05:06:07", "20200321 050607")], "a string, b string").select(F.to_timestamp("a", "yyyy-MM-dd'T'HH:mm:ss").alias("a"), F.to_timestamp("b", "yyyyMMdd HHmmss").alias("b"))
## unix_timestamp_cast
spark.createDataFrame([("21/03/2020",)], "s string").withColumn("s", F.unix_timestamp("s", "dd/MM/yyyy").cast(T.TimestampType()))
## unix_timestamp_of_columns
moments.select(F.unix_timestamp("t").alias("u"), F.col("t").cast("long").alias("l")).orderBy("u")
## from_unixtime
spark.createDataFrame([(1600000000,)], "e long").select(F.from_unixtime("e").alias("a"), F.from_unixtime("e", "yyyy/MM/dd").alias("b"), F.col("e").cast("timestamp").alias("t"))
## date_format_numbers
moments.select(F.date_format("t", "yyyy-MM-dd HH:mm:ss").alias("a"), F.date_format("t", "yyyyMMdd_HHmmssSSS").alias("c"), F.date_format("d", "dd/MM/yy").alias("e")).orderBy("a")
## date_format_names
moments.select(F.date_format("t", "EEE, d MMM yy h:mm a").alias("b"), F.date_format("t", "EEEE MMMM").alias("c")).orderBy("b")
## date_parts
moments.select(F.year("d"), F.month("d"), F.dayofmonth("d"), F.dayofweek("d"), F.dayofyear("d"), F.weekofyear("d"), F.quarter("d")).orderBy("year(d)")
## time_parts
moments.select(F.hour("t"), F.minute("t"), F.second("t")).orderBy("hour(t)")
## date_add_sub
moments.select(F.date_add("d", 1).alias("a"), F.date_sub("d", 1).alias("b"), F.add_months("d", 1).alias("c"), F.last_day("d").alias("e")).orderBy("a")
## date_differences
moments.select(F.datediff(F.lit("2021-12-31").cast("date"), "d").alias("x"), F.months_between(F.lit("2021-12-31").cast("date"), "d").alias("y")).orderBy("x")
## truncations
moments.select(F.trunc("d", "MM").alias("a"), F.trunc("d", "year").alias("b"), F.date_trunc("month", "t").alias("c"), F.date_trunc("hour", "t").alias("e")).orderBy("a", "e")
## next_day
moments.select(F.next_day("d", "Mon").alias("x")).orderBy("x")
## current_moments
[r for r in spark.range(1).select(F.current_date().isNotNull(), F.current_timestamp().isNotNull()).first()]
## time_zones
moments.select(F.from_utc_timestamp("t", "Europe/Rome").alias("a"), F.to_utc_timestamp("t", "America/New_York").alias("b")).orderBy("a")
## timestamps_compared
moments.where(F.col("t") > "2021-01-15 00:00:00").count()
## dates_compared
moments.where(F.col("d") >= dt.date(2021, 2, 1)).select("d").orderBy("d")
## interval_arithmetic
moments.select((F.col("t") + F.expr("interval 1 day")).alias("a"), F.expr("t - interval 2 hours as b")).orderBy("a")
## make_date
spark.range(1).select(F.make_date(F.lit(2020), F.lit(2), F.lit(29)).alias("x"))
## session_time_zone
spark.conf.set("spark.sql.session.timeZone", "Europe/Rome")
r = spark.sql("select cast(to_timestamp('2020-07-01 00:00:00') as long) x, hour(timestamp_seconds(0)) h").collect()
spark.conf.set("spark.sql.session.timeZone", "UTC")
[tuple(x) for x in r]
## timestamp_seconds
spark.range(1).select(F.timestamp_seconds(F.lit(1600000000)).alias("x"))
## date_from_text_in_filter
moments.where("d = '2021-01-31'").count()
## extract_in_sql
moments.createOrReplaceTempView("moments")
spark.sql("select extract(year from d) y, extract(month from d) m, date_part('day', d) dd from moments order by y, m, dd")
