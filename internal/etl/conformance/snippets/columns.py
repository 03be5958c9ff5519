## casts
people.select(F.col("id").alias("s"), F.col("amt").cast("int").alias("i"), F.lit("abc").cast("int").alias("bad"), F.lit("12").cast("bigint").alias("n"), F.lit("true").cast("boolean").alias("t"), F.lit("2020-02-30").cast("date").alias("d")).orderBy("s")
## casts_by_type
people.select(F.col("amt").cast(T.IntegerType()), F.col("id").cast(T.LongType()).alias("l"), F.col("id").cast(T.DoubleType()).alias("x"), F.col("id").cast(T.FloatType()).alias("f")).orderBy("id")
## cast_of_doubles_to_text
spark.createDataFrame([(1.0, 0.1, 1e10, 1e-5, 123456789.123)], "a double, b double, c double, d double, e double").select(*[F.col(c).cast("string") for c in "abcde"])
## cast_of_booleans_and_dates
spark.createDataFrame([(True, dt.date(2021, 3, 4), dt.datetime(2021, 3, 4, 5, 6, 7))], "b boolean, d date, t timestamp").select(F.col("b").cast("string"), F.col("d").cast("string"), F.col("t").cast("string"), F.col("t").cast("date").alias("td"), F.col("d").cast("timestamp").alias("dt"), F.col("b").cast("int").alias("n"))
## cast_of_text_with_spaces
spark.createDataFrame([(" 12 ",), ("1.9",), ("-",), ("",), ("1e3",)], "s string").select("s", F.col("s").cast("int").alias("i"), F.col("s").cast("double").alias("d")).orderBy("s")
## decimals
spark.createDataFrame([(decimal.Decimal("10.25"), decimal.Decimal("3.1"))], "a decimal(10,2), b decimal(5,1)").select((F.col("a") * F.col("b")).alias("m"), (F.col("a") / F.col("b")).alias("q"), (F.col("a") + 1).alias("p"))
## decimal_sum
people.select(F.col("amt").cast("decimal(10,1)").alias("d")).agg(F.sum("d"), F.avg("d"))
## arithmetic
spark.range(1).select(F.lit(7) / 2, F.lit(7) % 4, F.lit(-7) % 3, F.lit(2) * 3 - 1)
## coalesce_and_nulls
people.select("id", F.coalesce("amt", F.lit(0.0)).alias("a"), F.isnull("name").alias("n"), F.nvl("name", F.lit("?")).alias("v"), F.ifnull("name", F.lit("!")).alias("w")).orderBy("id")
## greatest_least
people.select("id", F.greatest("id", F.lit(3)).alias("g"), F.least("id", F.lit(3)).alias("l")).orderBy("id")
## isnan
people.select("id", F.isnan("amt").alias("nan")).orderBy("id")
## nanvl
spark.createDataFrame([(float("nan"),), (1.0,)], "x double").select(F.nanvl("x", F.lit(0.0)).alias("y")).orderBy("y")
## literals
spark.range(1).select(F.lit(1), F.lit(1.5), F.lit("a"), F.lit(None).cast("string").alias("n"), F.lit(True), F.lit(dt.date(2020, 1, 2)).alias("d"))
## trim_and_length
texts.select(F.trim("s"), F.ltrim("s"), F.rtrim("s"), F.length("s")).orderBy(F.length("s"), "trim(s)")
## upper_lower
texts.select(F.upper("s"), F.lower("s")).orderBy("upper(s)")
## initcap
texts.select(F.initcap(F.lower("s")).alias("x")).orderBy("x")
## substrings
texts.select("s", F.substring("s", 2, 3).alias("a"), F.col("s").substr(1, 2).alias("b"), F.instr("s", "l").alias("c"), F.locate("o", "s").alias("d")).orderBy("s")
## pads_and_repeat
spark.range(1).select(F.lpad(F.lit("7"), 3, "0"), F.rpad(F.lit("7"), 3, "x"), F.repeat(F.lit("ab"), 2), F.reverse(F.lit("abc")))
## concat
people.select(F.concat("cc", F.lit("-"), "name").alias("a"), F.concat_ws("/", "cc", "name").alias("b")).orderBy("b")
## translate
texts.select(F.translate("s", "lo", "01").alias("x")).orderBy("x")
## split_and_items
spark.createDataFrame([("a,b,c",), ("",), (None,)], "s string").select("s", F.split("s", ",").alias("l"), F.split("s", ",")[1].alias("x"), F.size(F.split("s", ",")).alias("n"), F.split("s", ",").getItem(5).alias("o")).orderBy("s")
## split_with_limit
spark.range(1).select(F.split(F.lit("a1b2c3"), "[0-9]", 2).alias("x"))
## substring_index
spark.range(1).select(F.substring_index(F.lit("a.b.c"), ".", 2).alias("x"), F.substring_index(F.lit("a.b.c"), ".", -1).alias("y"))
## regexp_extract
codes.select(F.regexp_extract("s", r"(\d+)-x(\d+)", 2).alias("a"), F.regexp_extract("s", "zzz(.)", 1).alias("d")).orderBy("a")
## regexp_replace
codes.select(F.regexp_replace("s", r"\d", "#").alias("b"), F.regexp_replace("s", r"(\w+)-", "$1_").alias("c")).orderBy("b")
## rlike
codes.select("s", F.col("s").rlike("^order").alias("c"), F.col("s").rlike("[0-9]{3}").alias("d")).orderBy("s")
## regexp_extract_all
codes.select(F.regexp_extract_all("s", F.lit(r"(\d+)"), F.lit(1)).alias("x")).orderBy("x")
## levenshtein_soundex
spark.range(1).select(F.levenshtein(F.lit("kitten"), F.lit("sitting")), F.soundex(F.lit("Robert")), F.ascii(F.lit("A")))
## md5_sha
people.select(F.md5("cc").alias("a"), F.sha1("cc").alias("b"), F.sha2("cc", 256).alias("c"), F.crc32("cc").alias("d")).orderBy("a")
## hash_functions
people.select(F.hash("id", "cc").alias("a"), F.xxhash64("cc", "id").alias("b")).orderBy("a")
## base64_and_hex
spark.range(1).select(F.base64(F.lit("abc").cast("binary")), F.unbase64(F.lit("YWJj")).cast("string").alias("u"), F.hex(F.lit(255)), F.unhex(F.lit("616263")).cast("string").alias("h"))
## encode_decode
spark.range(1).select(F.decode(F.encode(F.lit("häß"), "utf-8"), "utf-8").alias("x"))
## rounding
numbers.select(F.round("a"), F.bround("a"), F.round("c", 1), F.round("c", -2)).orderBy("round(a, 0)")
## ceil_floor
numbers.select(F.ceil("b"), F.floor("b"), F.abs("b"), F.signum("b")).orderBy("CEIL(b)")
## roots_and_powers
numbers.select(F.sqrt("c"), F.pow("a", F.lit(2)), F.exp(F.lit(1.0)), F.log(F.lit(10.0)), F.log10("c"), F.log2(F.lit(8.0)), F.cbrt(F.lit(27.0))).orderBy("SQRT(c)")
## trigonometry
spark.range(1).select(F.sin(F.lit(1.0)), F.cos(F.lit(1.0)), F.tan(F.lit(1.0)), F.atan2(F.lit(1.0), F.lit(2.0)), F.degrees(F.lit(3.0)), F.radians(F.lit(90.0)))
## format_number
numbers.select(F.format_number("c", 2).alias("x")).orderBy("x")
## format_string
people.select(F.format_string("%s has %d", "cc", "id").alias("x")).orderBy("x")
## bit_operations
spark.range(1).select(F.lit(6).bitwiseAND(3).alias("a"), F.lit(6).bitwiseOR(3).alias("o"), F.lit(6).bitwiseXOR(3).alias("x"), F.shiftleft(F.lit(1), 3).alias("l"))
## conv_bin
spark.range(1).select(F.conv(F.lit("ff"), 16, 10), F.bin(F.lit(5)))
## struct_fields
people.select(F.struct("id", "cc").alias("st")).select("st.id", F.col("st")["cc"].alias("c2"), F.col("st").getField("id").alias("i2")).orderBy("id")
## struct_star
people.select(F.struct("id", F.col("cc").alias("land")).alias("st")).select("st.*").orderBy("id")
## struct_with_field
people.select(F.struct("id", "cc").alias("st")).select(F.col("st").withField("x", F.lit(1)).alias("st")).select("st.x", "st.id").orderBy("id")
## arrays
spark.createDataFrame([([3, 1, 2, 3],)], "xs array<int>").select(F.size("xs"), F.array_contains("xs", 2), F.sort_array("xs"), F.array_distinct("xs"), F.array_max("xs"), F.array_min("xs"), F.element_at("xs", 1), F.slice("xs", 2, 2), F.array_join("xs", "-"))
## array_sets
spark.createDataFrame([([1, 2], [2, 3])], "a array<int>, b array<int>").select(F.array_union("a", "b"), F.array_intersect("a", "b"), F.array_except("a", "b"), F.arrays_overlap("a", "b"))
## array_position_remove
spark.createDataFrame([([1, 2, 1],)], "a array<int>").select(F.array_position("a", 2), F.array_remove("a", 1), F.array_repeat(F.lit("x"), 2), F.reverse("a"))
## flatten_arrays
spark.createDataFrame([([[1], [2, 3]],)], "a array<array<int>>").select(F.flatten("a").alias("x"))
## arrays_zip
spark.createDataFrame([([1, 2], ["a", "b"])], "a array<int>, b array<string>").select(F.arrays_zip("a", "b").alias("z"))
## sequence
spark.range(1).select(F.sequence(F.lit(1), F.lit(5), F.lit(2)).alias("x"))
## higher_order
spark.createDataFrame([([1, 2, 3],)], "xs array<int>").select(F.transform("xs", lambda x: x + 1).alias("t"), F.filter("xs", lambda x: x > 1).alias("f"), F.exists("xs", lambda x: x == 2).alias("e"), F.forall("xs", lambda x: x > 0).alias("a"), F.aggregate("xs", F.lit(0), lambda a, x: a + x).alias("g"))
## explode
spark.createDataFrame([(1, ["a", "b"]), (2, [])], "id int, xs array<string>").select("id", F.explode("xs").alias("x")).orderBy("id", "x")
## explode_outer
spark.createDataFrame([(1, ["a", "b"]), (2, None)], "id int, xs array<string>").select("id", F.explode_outer("xs").alias("x")).orderBy("id", "x")
## posexplode
spark.createDataFrame([(1, ["a", "b"])], "id int, xs array<string>").select("id", F.posexplode("xs")).orderBy("pos")
## posexplode_outer
spark.createDataFrame([(1, ["a", "b"]), (2, None)], "id int, xs array<string>").select("id", F.posexplode_outer("xs")).orderBy("id", "pos")
## maps
people.select("id", F.create_map(F.lit("k"), F.col("cc")).alias("m")).select("id", F.col("m")["k"].alias("v"), F.map_keys("m").alias("ks"), F.map_values("m").alias("vs"), F.element_at("m", "k").alias("e")).orderBy("id")
## explode_map
spark.createDataFrame([(1, {"a": 1, "b": 2})], "id int, m map<string,int>").select("id", F.explode("m")).orderBy("key")
## map_from_arrays
spark.range(1).select(F.map_from_arrays(F.array(F.lit("a"), F.lit("b")), F.array(F.lit(1), F.lit(2))).alias("m"))
## map_concat
spark.range(1).select(F.map_concat(F.create_map(F.lit("a"), F.lit(1)), F.create_map(F.lit("b"), F.lit(2))).alias("m"))
## get_json_object
documents.select(F.get_json_object("j", "$.b.c").alias("g"), F.get_json_object("j", "$.a").alias("a")).orderBy("g")
## from_json
documents.select(F.from_json("j", "a int, b struct<c:string>").alias("p")).select("p.a", "p.b.c").orderBy("a")
## to_json
people.select(F.to_json(F.struct("id", "cc")).alias("t")).orderBy("t")
## json_tuple
documents.select(F.json_tuple("j", "a", "z")).orderBy("c0")
## monotonic_ids
people.coalesce(1).withColumn("i", F.monotonically_increasing_id()).select("i").orderBy("i")
## spark_partition_of_one
people.coalesce(1).select(F.spark_partition_id().alias("p")).distinct()
## typeof
people.select(F.typeof("id"), F.typeof("amt")).limit(1)
## expr_case
people.select("id", F.expr("case when cc = 'it' then 1 else 0 end as it")).orderBy("id")
