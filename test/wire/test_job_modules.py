"""The modules that job scripts see, without an engine and with Tarn's side of the channel played here."""
import datetime
import sys

import pytest

from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "internal" / "etl" / "python"))

from awsglue import storage, utils  # noqa: E402
from tarn_job import channel, rdd, scan, sinks  # noqa: E402


class Tarn:
    """Answers what a runner asks, from a table, and keeps what was asked."""

    def __init__(self, monkeypatch, **answers):
        self.asked, self.answers = [], answers
        monkeypatch.setattr(channel, "ask", self.ask)

    def ask(self, kind, **fields):
        self.asked.append((kind, fields))
        answer = self.answers.get(kind, {})
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_resolved_options():
    argv = ["job.py", "--JOB_NAME", "j", "--day=01", "--with-dash", "x", "--empty=", "--job-bookmark-option", "job-bookmark-enable"]
    got = utils.getResolvedOptions(argv, ["JOB_NAME", "day", "with-dash", "empty"])
    assert (got["JOB_NAME"], got["day"], got["with-dash"], got["with_dash"], got["empty"]) == ("j", "01", "x", "x", "")
    assert got["job_bookmark_option"] == "job-bookmark-enable"
    with pytest.raises(utils.GlueArgumentError, match="--month"):
        utils.getResolvedOptions(argv, ["month"])


def test_sinks_stage_then_publish(monkeypatch):
    tarn = Tarn(monkeypatch, stage={"staging": "s3://b/out/_tarn_staging/1/"}, publish={"files": 2})
    wrote = []
    assert sinks.save(wrote.append, "s3a://b/out", "append") == {"files": 2}
    assert wrote == ["s3://b/out/_tarn_staging/1/"] and [k for k, _ in tarn.asked] == ["stage", "publish"]
    assert tarn.asked[0][1] == {"path": "s3://b/out/", "mode": "append"}


def test_a_sink_that_fails_publishes_nothing(monkeypatch):
    tarn = Tarn(monkeypatch, stage={"staging": "s3://b/x/"})

    def fails(_):
        raise RuntimeError("half")

    with pytest.raises(RuntimeError):
        sinks.save(fails, "s3://b/out/", "append")
    assert [k for k, _ in tarn.asked] == ["stage"]
    tarn = Tarn(monkeypatch, stage={"skip": True})
    assert sinks.save(fails, "s3://b/out/", "ignore") == {"files": 0}


def file(name, second):
    return storage.File(f"s3://b/{name}", 1, "e", datetime.datetime(2024, 1, 1, 0, 0, second, tzinfo=datetime.timezone.utc))


def test_bookmarks_see_each_file_once(monkeypatch):
    tarn = Tarn(monkeypatch, bookmark_load={})
    b = storage.Bookmarks()
    b.load("job-bookmark-enable")
    assert len(b.fresh("ctx", [file("a", 1), file("b", 2)])) == 2
    assert len(b.fresh("", [file("a", 1)])) == 1  # no context, no bookmark
    b.commit()
    state = tarn.asked[-1][1]["bookmark"]
    Tarn(monkeypatch, bookmark_load={"bookmark": state})
    b = storage.Bookmarks()
    b.load("job-bookmark-enable")
    # c has the time of the newest file seen and was not seen itself.
    assert [f.url for f in b.fresh("ctx", [file("a", 1), file("b", 2), file("c", 2), file("d", 3)])] == ["s3://b/c", "s3://b/d"]


def test_bookmarks_paused_or_off_do_not_move(monkeypatch):
    for option, left in (("job-bookmark-pause", 0), ("job-bookmark-disable", 1)):
        tarn = Tarn(monkeypatch, bookmark_load={"bookmark": {"ctx": {"until": "2025", "seen": []}}})
        b = storage.Bookmarks()
        b.load(option)
        assert len(b.fresh("ctx", [file("a", 1)])) == left
        b.commit()
        assert "bookmark_commit" not in [k for k, _ in tarn.asked]


@pytest.mark.parametrize("text,calls", [
    ("select max(a) as m(b), t.x from t where b in (1, 2)", ["max"]),
    ("with t as (select 1) select coalesce(x, upper (y)) from t", ["coalesce", "upper"]),
    ("plain words", []),
])
def test_functions_of_sql(text, calls):
    assert list(scan.functions(text)) == calls


@pytest.mark.parametrize("script,doubt", [
    ("import datetime\nx = datetime.datetime.now()", None),
    ("from pyspark.sql.functions import initcap", "initcap (line 1)"),
    ("df.select(initcap('a'))", "initcap (line 1)"),
    ("df.selectExpr(f'initcap({c})')", "SQL initcap (line 1)"),
    ("x = (", None),
    ("df.withColumn('a', F.col('a').cast('string'))", "a cast to text"),
    ("spark.sql('select a / 2.5 from t')", "division of decimal literals"),
])
def test_scan(script, doubt):
    found = scan.first_doubt(script)
    assert found is None if doubt is None else found is not None and doubt in found, found


def test_rdd():
    sc = rdd.SparkContext()
    words = sc.parallelize("a b a c".split())
    assert sorted(words.map(lambda w: (w, 1)).reduceByKey(lambda x, y: x + y).collect()) == [("a", 2), ("b", 1), ("c", 1)]
    assert words.distinct().sortBy(lambda w: w, ascending=False).take(2) == ["c", "b"] and words.zipWithIndex().collectAsMap()["c"] == 3
    total = sc.accumulator(0)
    words.foreach(lambda w: total.add(1))
    assert total.value == 4 and sc.broadcast({"x": 1}).value["x"] == 1
    with pytest.raises(ValueError):
        sc.emptyRDD().first()
    with pytest.raises(NotImplementedError, match="--tarn-engine spark"):
        sc.textFile("s3://b/x")
