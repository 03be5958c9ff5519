## group_and_aggregate
people.groupBy("cc").agg(F.sum("amt").alias("s"), F.avg("amt").alias("a"), F.count("name").alias("n"), F.countDistinct("name").alias("d"), F.max("name").alias("m"), F.min("id").alias("i")).orderBy("cc")
## group_names
people.groupBy("cc").agg(F.sum("amt"), F.mean("amt"), F.count("*"), F.max("id")).orderBy("cc")
## group_count
people.groupBy("cc").count().orderBy("cc")
## group_methods
people.groupBy("cc").sum("amt").orderBy("cc")
## group_more_methods
people.groupBy("cc").avg("amt", "id").join(people.groupBy("cc").max("id"), "cc").join(people.groupBy("cc").min("id"), "cc").orderBy("cc")
## group_by_dictionary
people.groupBy("cc").agg({"amt": "sum", "*": "count"}).orderBy("cc")
## group_by_expression
people.groupBy((F.col("id") % 2).alias("odd")).count().orderBy("odd")
## aggregate_without_groups
people.agg(F.sum("id"), F.count(F.lit(1)).alias("n"), F.max("amt"))
## sums_of_nothing
people.where("id > 100").agg(F.sum("id"), F.count("id"), F.avg("amt"))
## collect_list
people.groupBy("cc").agg(F.sort_array(F.collect_list("id")).alias("l")).orderBy("cc")
## collect_set
people.groupBy("cc").agg(F.sort_array(F.collect_set("name")).alias("s")).orderBy("cc")
## first_of_group
people.orderBy("id").coalesce(1).groupBy("cc").agg(F.first("id").alias("f"), F.last("id").alias("l")).orderBy("cc")
## pivot
people.groupBy().pivot("cc").agg(F.sum("amt"))
## pivot_with_values
people.groupBy("id").pivot("cc", ["it", "de"]).agg(F.sum("amt")).orderBy("id")
## pivot_two_aggregates
people.groupBy().pivot("cc", ["it", "de"]).agg(F.sum("amt").alias("s"), F.count("id").alias("n"))
## rollup
people.rollup("cc").agg(F.sum("amt").alias("s")).orderBy("cc")
## cube
people.cube("cc").agg(F.count("id").alias("n")).orderBy("cc", "n")
## grouping_id
people.rollup("cc").agg(F.grouping("cc").alias("g"), F.sum("id").alias("s")).orderBy("g", "cc")
## deviations
people.agg(F.stddev("amt"), F.stddev_pop("amt"), F.variance("amt"), F.var_pop("amt"), F.var_samp("amt"), F.stddev_samp("amt"))
## skewness_kurtosis
people.agg(F.skewness("amt"), F.kurtosis("amt"))
## correlations
people.agg(F.corr("amt", "id"), F.covar_samp("amt", "id"), F.covar_pop("amt", "id"))
## sum_distinct
people.agg(F.sum_distinct("id"))
## approximate_count
people.agg(F.approx_count_distinct("cc"))
## percentile_exact
people.agg(F.percentile("amt", 0.5).alias("p"), F.median("amt").alias("m"))
## percentile_approximate
people.agg(F.percentile_approx("amt", 0.5).alias("p"))
## max_by_min_by
people.agg(F.max_by("name", "id"), F.min_by("name", "id"))
## bool_aggregates
people.agg(F.bool_and(F.col("id") > 0), F.bool_or(F.col("id") > 4), F.count_if(F.col("id") > 2))
## having
people.groupBy("cc").agg(F.count("id").alias("n")).where("n > 1").orderBy("cc")
## window_row_number
people.withColumn("rn", F.row_number().over(W.partitionBy("cc").orderBy(F.desc("amt")))).orderBy("cc", "rn")
## window_ranks
people.withColumn("r", F.rank().over(W.orderBy("cc"))).withColumn("d", F.dense_rank().over(W.orderBy("cc"))).orderBy("id")
## window_percent
people.withColumn("p", F.percent_rank().over(W.orderBy("id"))).withColumn("c", F.cume_dist().over(W.orderBy("id"))).withColumn("n", F.ntile(2).over(W.orderBy("id"))).orderBy("id")
## window_running_sum
w = W.partitionBy("cc").orderBy("id").rowsBetween(W.unboundedPreceding, W.currentRow)
people.withColumn("sum", F.sum("amt").over(w)).orderBy("id")
## window_lag_lead
w = W.orderBy("id")
people.select("id", F.lag("id", 1, 0).over(w).alias("p"), F.lead("id").over(w).alias("n")).orderBy("id")
## window_whole_partition
people.select("id", F.avg("amt").over(W.partitionBy("cc")).alias("a"), F.count("*").over(W.partitionBy("cc")).alias("n")).orderBy("id")
## window_range_between
people.select("id", F.sum("id").over(W.orderBy("id").rangeBetween(-1, 1)).alias("s")).orderBy("id")
## window_first_value
w = W.partitionBy("cc").orderBy("id")
people.select("id", F.first("name").over(w).alias("f"), F.last("name", ignorenulls=True).over(w).alias("l")).orderBy("id")
## window_latest_of_each
w = W.partitionBy("cc").orderBy(F.col("id").desc())
people.withColumn("rn", F.row_number().over(w)).filter(F.col("rn") == 1).drop("rn").orderBy("id")
## join_on_name
people.join(lands, "cc").orderBy("id")
## join_left
people.join(lands, "cc", "left").orderBy("id")
## join_right
people.join(lands, ["cc"], "right").orderBy("cc", "id")
## join_full
people.join(lands, ["cc"], "outer").orderBy("cc", "id")
## join_full_outer_name
people.join(lands, people.cc == lands.cc, "full_outer").select("id", lands.cc, "country").orderBy("id", "country")
## join_semi_anti
people.join(lands, "cc", "left_semi").union(people.join(lands, "cc", "left_anti")).orderBy("id")
## join_condition
people.join(F.broadcast(lands), people.cc == lands.cc, "inner").select(people.id, lands.country).orderBy("id")
## join_two_conditions
people.join(lands, (people.cc == lands.cc) & (people.id > 1)).select("id", "country").orderBy("id")
## join_duplicate_names_dropped
people.join(lands, people.cc == lands.cc).drop(lands.cc).orderBy("id")
## self_join
a, b = people.alias("a"), people.alias("b")
a.join(b, (F.col("a.cc") == F.col("b.cc")) & (F.col("a.id") < F.col("b.id"))).select(F.col("a.id").alias("x"), F.col("b.id").alias("y")).orderBy("x")
## join_nulls_do_not_match
people.select("name").join(people.select("name", "id"), "name").count()
