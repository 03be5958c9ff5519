## view_and_group
people.createOrReplaceTempView("people")
spark.sql("select cc, count(*) n, sum(amt) s from people group by cc order by cc")
## view_names_ignore_case
people.createOrReplaceTempView("PEOPLE_upper")
spark.sql("select ID, CC from people_UPPER where Id = 1")
## global_view_of_table
people.createOrReplaceTempView("people")
spark.table("people").orderBy("id")
## sql_arithmetic
spark.sql("select 7/2 a, 7 div 2 b, -7 % 3 c, cast(5 as int)/cast(2 as int) e")
## sql_common_table_and_window
people.createOrReplaceTempView("people")
spark.sql("with t as (select *, rank() over (partition by cc order by amt desc nulls last) r from people) select id, r from t where r = 1 order by id")
## sql_joins
people.createOrReplaceTempView("people")
lands.createOrReplaceTempView("lands")
spark.sql("select p.id, l.country from people p left join lands l on p.cc = l.cc order by p.id")
## sql_subqueries
people.createOrReplaceTempView("people")
spark.sql("select id from people where amt = (select max(amt) from people) or cc in (select cc from people group by cc having count(*) = 1) order by id")
## sql_exists
people.createOrReplaceTempView("people")
lands.createOrReplaceTempView("lands")
spark.sql("select id from people p where not exists (select 1 from lands l where l.cc = p.cc) order by id")
## sql_unions
spark.sql("select 1 a union all select 2 union all select 2 union select 3 order by a")
## sql_case_and_nulls
people.createOrReplaceTempView("people")
spark.sql("select id, case cc when 'it' then 'Italy' else 'abroad' end land, coalesce(name, '?') name, nvl(amt, 0) amt, if(id > 2, 'y', 'n') f from people order by id")
## sql_strings
spark.sql("select concat('a', 'b') a, 'x' || 'y' b, upper('q') c, substr('hello', 2, 3) d, replace('aXb', 'X', '-') e, trim('  t ') f, length('four') g, lpad('1', 3, '0') h, split('a b', ' ') i")
## sql_like
people.createOrReplaceTempView("people")
spark.sql("select id from people where name like '_o%' or name rlike '^A' order by id")
## sql_dates
spark.sql("select date'2020-01-31' + 1 a, year(date'2020-01-31') b, date_format(timestamp'2020-01-02 03:04:05', 'yyyy-MM') c, to_date('2020-05-06') e")
## sql_days_between
spark.sql("select datediff(date'2020-03-01', date'2020-02-01') d")
## sql_casts
spark.sql("select cast('12' as int) a, cast('x' as int) b, cast(3.7 as int) c, int('5') d, cast('2020-01-02' as date) e, cast(1 as boolean) f, cast('1.5' as double) g")
## sql_lateral_view
spark.sql("select id, x from (select 1 id, array('a', 'b') xs) t lateral view explode(xs) e as x order by x")
## sql_stack
people.selectExpr("id", "stack(2, 'name', name, 'cc', cc) as (k, v)").orderBy("id", "k")
## sql_group_by_position
people.createOrReplaceTempView("people")
spark.sql("select cc, max(id) from people group by 1 order by 1")
## sql_grouping_sets
people.createOrReplaceTempView("people")
spark.sql("select cc, name, count(*) n from people group by grouping sets ((cc), (name)) order by cc nulls last, name nulls last")
## sql_distinct_count
people.createOrReplaceTempView("people")
spark.sql("select count(distinct cc) a, count(amt) b, sum(distinct id) c from people")
## sql_limit
people.createOrReplaceTempView("people")
spark.sql("select id from people order by id desc limit 2")
## sql_values
spark.sql("select * from values (1, 'a'), (2, 'b') as t(x, y) order by x")
## sql_pivot
people.createOrReplaceTempView("people")
spark.sql("select * from (select cc, amt from people) pivot (sum(amt) for cc in ('it', 'de'))")
## sql_higher_order
spark.sql("select transform(array(1, 2), x -> x * 2) a, filter(array(1, 2, 3), x -> x > 1) b, aggregate(array(1, 2), 0, (s, x) -> s + x) c")
## sql_structs
spark.sql("select named_struct('a', 1, 'b', 'x').b x, struct(1, 2) y, map('k', 1)['k'] z, array(1, 2)[0] w")
## sql_between_in
people.createOrReplaceTempView("people")
spark.sql("select id from people where id between 2 and 3 or id in (5) order by id")
## sql_decimal_literals
spark.sql("select 10.0 / 3 c")
## sql_decimal_sums
spark.sql("select 1.10 + 2.2 a, 1.5 * 2.25 b")
## tables_saved
spark.sql("create database if not exists zdb")
spark.sql("drop table if exists zdb.t1")
people.write.mode("overwrite").format("parquet").saveAsTable("zdb.t1")
spark.table("zdb.t1").orderBy("id")
## tables_created_and_inserted
spark.sql("create database if not exists zdb")
spark.sql("drop table if exists zdb.t2")
people.createOrReplaceTempView("people")
spark.sql("create table zdb.t2 using parquet as select id, cc from people where id < 3")
spark.sql("insert into zdb.t2 values (77, 'zz')")
spark.sql("select * from zdb.t2 order by id")
## sql_monotonic_and_hash
spark.sql("select md5('a') a, sha2('a', 256) b, hash('a', 1) c")
## sql_percentiles
people.createOrReplaceTempView("people")
spark.sql("select percentile(amt, 0.5) a, percentile_approx(amt, 0.5) b from people")
## python_udf
reverse = F.udf(lambda s: None if s is None else s[::-1], T.StringType())
people.withColumn("r", reverse("name")).orderBy("id")
## python_udf_decorator
@F.udf(returnType="array<string>")
def capitals(s):
    return [c for c in s or "" if c.isupper()]
people.select("id", capitals("name").alias("t")).orderBy("id")
## python_udf_in_sql
spark.udf.register("plus_one", lambda x: x + 1, T.IntegerType())
people.createOrReplaceTempView("people")
spark.sql("select plus_one(id) y from people order by y")
## python_udf_two_columns
join = F.udf(lambda a, b: f"{a}-{b}", "string")
people.select(join("id", "cc").alias("x")).orderBy("x")
## python_udf_struct
pair = F.udf(lambda x: (x, x * 2), "a int, b int")
people.select(pair("id").alias("p")).select("p.a", "p.b").orderBy("a")
## pandas_udf
import pandas as pd
@F.pandas_udf("double")
def tenfold(s: pd.Series) -> pd.Series:
    return s * 10
people.select("id", tenfold("amt").alias("x")).orderBy("id")
## apply_in_pandas
def running(frame):
    return frame.assign(amt=frame.amt.fillna(0).cumsum())[["id", "amt"]]
people.groupBy("cc").applyInPandas(running, "id int, amt double").orderBy("id")
## map_in_pandas
def positive(frames):
    for frame in frames:
        yield frame[frame.id > 2][["id"]]
people.mapInPandas(positive, "id int").orderBy("id")
## rdd_word_count
sorted(people.rdd.map(lambda r: (r.cc, 1)).reduceByKey(lambda a, b: a + b).collect())
## rdd_to_frame
spark.sparkContext.parallelize([(1, "a"), (2, "b")]).toDF(["i", "s"]).orderBy("i")
## rdd_pipeline
spark.sparkContext.parallelize(range(6)).filter(lambda x: x % 2 == 0).flatMap(lambda x: [x, x]).map(lambda x: x + 1).collect()
## broadcast_value
table = spark.sparkContext.broadcast({"it": 1})
find = F.udf(lambda c: table.value.get(c, 0), "int")
people.select("id", find("cc").alias("b")).orderBy("id")
