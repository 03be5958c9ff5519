"""Runs every snippet on one engine in one process: run.py spark|sail OUT.json [SNIPPET...]

A snippet is a small script under snippets/, begun by a line "## name"; its result is the value of its last line. Results are
kept with column names and types; the rows of a snippet that does not order them are sorted.
"""
import ast
import datetime as dt
import decimal
import json
import math
import os
import pathlib
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
SECONDS = 60  # that one snippet may take


def snippets():
    """Name → text of all snippets."""
    found = {}
    for path in sorted((HERE / "snippets").glob("*.py")):
        for block in path.read_text().split("## ")[1:]:
            name, _, text = block.partition("\n")
            if name in found:
                raise ValueError(f"two snippets are named {name}")
            found[name] = text
    return found


def plain(v):
    """A value as JSON that two engines write alike where it is equal."""
    if isinstance(v, float):
        return str(v) if math.isnan(v) or math.isinf(v) else float(f"{v:.10g}")
    if isinstance(v, decimal.Decimal):
        return f"decimal {v:f}"
    if isinstance(v, dt.datetime):
        return f"timestamp {v.replace(tzinfo=None)}"
    if isinstance(v, dt.date):
        return f"date {v}"
    if isinstance(v, (bytes, bytearray)):
        return f"binary {bytes(v).hex()}"
    if hasattr(v, "asDict"):
        return {k: plain(x) for k, x in zip(v.__fields__, tuple(v))} if hasattr(v, "__fields__") else [plain(x) for x in v]
    if isinstance(v, dict):
        return {str(k): plain(x) for k, x in sorted(v.items(), key=str)}
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    return v if v is None or isinstance(v, (bool, int, str)) else repr(v)


def result(text, names):
    tree = ast.parse(text)
    last = tree.body.pop()
    exec(compile(tree, "snippet", "exec"), names)
    value = eval(compile(ast.Expression(last.value), "snippet", "eval"), names)
    if not hasattr(value, "collect") or not hasattr(value, "dtypes"):
        return plain(value)
    rows = [[plain(x) for x in row] for row in value.collect()]
    if "order" not in text.lower() and "sort" not in text:
        rows.sort(key=json.dumps)
    return {"columns": [f"{n} {t}" for n, t in value.dtypes], "rows": rows}


def session(engine):
    if engine == "sail":
        sys.path.insert(0, str(HERE.parent / "python"))
        from tarn_job import sail

        sail.start()
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    if engine == "spark":
        warehouse = tempfile.mkdtemp()
        for key, value in {"spark.master": "local[2]", "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.sql.session.timeZone": "UTC",
                           "spark.sql.warehouse.dir": warehouse, "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}.items():
            builder = builder.config(key, value)
    made = builder.getOrCreate()
    if engine == "spark":
        made.sparkContext.setLogLevel("OFF")
    return made


def frames(spark):
    """What snippets find ready by name."""
    people = spark.createDataFrame([(1, "Ann", "it", 100.5), (2, "Bob", "de", None), (3, "Cy", "it", 70.0), (4, None, "fr", 20.25), (5, "Eve", "de", 88.0)],
                                   "id int, name string, cc string, amt double")
    moments = [(dt.date(2021, 1, 3), dt.datetime(2021, 1, 3, 15, 6, 7)), (dt.date(2021, 1, 31), dt.datetime(2021, 1, 31, 0, 0, 0)),
               (dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 23, 59, 59, 120000))]
    return {
        "people": people,
        "lands": spark.createDataFrame([("it", "Italy"), ("de", "Germany"), ("es", "Spain")], "cc string, country string"),
        "texts": spark.createDataFrame([("  Héllo World ",), ("hello",), ("",), (None,), ('say "x", ok',)], "s string"),
        "codes": spark.createDataFrame([("order-123-x45",), ("nothing",), (None,)], "s string"),
        "numbers": spark.createDataFrame([(2.5, -3.5, 1234.567), (3.5, 0.5, 0.05)], "a double, b double, c double"),
        "documents": spark.createDataFrame([('{"a":1,"b":{"c":"x"}}',), ("bad",), (None,), ('{"a":"7","z":[1,2]}',)], "j string"),
        "moments": spark.createDataFrame(moments, "d date, t timestamp"),
    }


def main():
    engine, out, only = sys.argv[1], sys.argv[2], sys.argv[3:]
    os.environ["TZ"] = "UTC"
    time.tzset()
    sys.path.insert(0, str(HERE))
    import inputs

    folder = tempfile.mkdtemp()
    inputs.make(folder)
    spark = session(engine)
    from pyspark.sql import Window
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    known = {"spark": spark, "F": F, "T": T, "W": Window, "D": folder, "O": folder + "/out", "dt": dt, "decimal": decimal, **frames(spark)}

    def slow(*_):
        raise TimeoutError(f"the snippet took more than {SECONDS} s")

    signal.signal(signal.SIGALRM, slow)
    answers = {}
    for name, text in snippets().items():
        if only and name not in only:
            continue
        signal.alarm(SECONDS)
        try:
            answers[name] = {"is": result(text, dict(known))}
        except Exception as e:
            answers[name] = {"error": f"{type(e).__name__}: {e}".split("\n")[0][:200]}
        signal.alarm(0)
    with open(out, "w", encoding="utf-8") as f:
        f.write("{\n" + ",\n".join(f"{json.dumps(n)}: {json.dumps(a, ensure_ascii=False)}" for n, a in sorted(answers.items())) + "\n}\n")
    failed = [n for n, a in answers.items() if "error" in a]
    print(f"{engine}: {len(answers)} snippets, {len(failed)} errors: {' '.join(failed)}")
    sys.stdout.flush()
    os._exit(0)


main()
