"""SparkContext, SparkConf and RDD for engines without a JVM. Rows are held in this process, up to a limit."""
import collections
import functools
import itertools
import os

MAX_ROWS = int(os.environ.get("TARN_RDD_MAX_ROWS", "2000000"))


class SparkConf:
    def __init__(self, loadDefaults=True):
        self._settings = {}

    def set(self, key, value):
        self._settings[key] = value
        return self

    def setAppName(self, value):
        return self.set("spark.app.name", value)

    def setMaster(self, value):
        return self.set("spark.master", value)

    def setAll(self, pairs):
        self._settings.update(pairs)
        return self

    def get(self, key, default=None):
        return self._settings.get(key, default)

    def getAll(self):
        return list(self._settings.items())


class Broadcast:
    def __init__(self, value):
        self.value = value

    def unpersist(self, blocking=False):
        pass

    def destroy(self, blocking=False):
        pass


class Accumulator:
    def __init__(self, value):
        self.value = value

    def add(self, term):
        self.value += term

    def __iadd__(self, term):
        self.value += term
        return self


class SparkContext:
    version = "3.5.0"
    defaultParallelism = os.cpu_count() or 1
    applicationId = "tarn"

    def __init__(self, *args, conf=None, **kwargs):
        self._conf = conf or SparkConf()

    @classmethod
    def getOrCreate(cls, conf=None):
        return cls(conf=conf)

    def getConf(self):
        return self._conf

    def parallelize(self, items, numSlices=None):
        items = list(items)
        return RDD(lambda: iter(items), self)

    def emptyRDD(self):
        return self.parallelize([])

    def broadcast(self, value):
        return Broadcast(value)

    def accumulator(self, value, accum_param=None):
        return Accumulator(value)

    def setLogLevel(self, level):
        pass

    def setJobGroup(self, *args, **kwargs):
        pass

    def stop(self):
        pass

    def __getattr__(self, name):
        raise NotImplementedError(f"SparkContext.{name} needs the JVM: run this job with --tarn-engine spark")


class RDD:
    """A lazy sequence of Python values: source() gives an iterator over it."""

    def __init__(self, source, context):
        self._source, self.ctx, self.context = source, context, context

    def _items(self):
        for i, item in enumerate(self._source()):
            if i >= MAX_ROWS:
                raise MemoryError(f"an RDD holds more than {MAX_ROWS} rows: run this job with --tarn-engine spark")
            yield item

    def _then(self, source):
        return RDD(source, self.ctx)

    def map(self, f, preservesPartitioning=False):
        return self._then(lambda: map(f, self._items()))

    def flatMap(self, f, preservesPartitioning=False):
        return self._then(lambda: (y for x in self._items() for y in f(x)))

    def filter(self, f):
        return self._then(lambda: filter(f, self._items()))

    def mapPartitions(self, f, preservesPartitioning=False):
        return self._then(lambda: iter(f(self._items())))

    def mapValues(self, f):
        return self.map(lambda kv: (kv[0], f(kv[1])))

    def keys(self):
        return self.map(lambda kv: kv[0])

    def values(self):
        return self.map(lambda kv: kv[1])

    def keyBy(self, f):
        return self.map(lambda x: (f(x), x))

    def union(self, other):
        return self._then(lambda: itertools.chain(self._items(), other._items()))

    def distinct(self, numPartitions=None):
        return self._then(lambda: iter(dict.fromkeys(self._items())))

    def zipWithIndex(self):
        return self._then(lambda: ((x, i) for i, x in enumerate(self._items())))

    def sortBy(self, keyfunc, ascending=True, numPartitions=None):
        return self._then(lambda: iter(sorted(self._items(), key=keyfunc, reverse=not ascending)))

    def sortByKey(self, ascending=True, numPartitions=None):
        return self.sortBy(lambda kv: kv[0], ascending)

    def _groups(self):
        groups = collections.defaultdict(list)
        for key, value in self._items():
            groups[key].append(value)
        return groups

    def groupByKey(self, numPartitions=None):
        return self._then(lambda: iter(self._groups().items()))

    def groupBy(self, f, numPartitions=None):
        return self.keyBy(f).groupByKey()

    def reduceByKey(self, func, numPartitions=None):
        return self.groupByKey().mapValues(lambda values: functools.reduce(func, values))

    def join(self, other, numPartitions=None):
        def pairs():
            right = other._groups()
            return ((k, (v, w)) for k, v in self._items() for w in right.get(k, ()))

        return self._then(pairs)

    def collect(self):
        return list(self._items())

    def collectAsMap(self):
        return dict(self._items())

    def count(self):
        return sum(1 for _ in self._items())

    def take(self, num):
        return list(itertools.islice(self._items(), num))

    def first(self):
        found = self.take(1)
        if not found:
            raise ValueError("RDD is empty")
        return found[0]

    def isEmpty(self):
        return not self.take(1)

    def reduce(self, f):
        return functools.reduce(f, self._items())

    def sum(self):
        return sum(self._items())

    def max(self, key=None):
        return max(self._items(), key=key)

    def min(self, key=None):
        return min(self._items(), key=key)

    def countByKey(self):
        return collections.Counter(k for k, _ in self._items())

    def foreach(self, f):
        for item in self._items():
            f(item)

    def foreachPartition(self, f):
        f(self._items())

    def cache(self):
        held = self.collect()
        return self._then(lambda: iter(held))

    persist = lambda self, storageLevel=None: self.cache()

    def getNumPartitions(self):
        return 1

    def repartition(self, numPartitions):
        return self

    coalesce = repartition

    def toDF(self, schema=None, sampleRatio=None):
        from pyspark.sql import SparkSession

        return SparkSession.builder.getOrCreate().createDataFrame(self.collect(), schema)

    def __getattr__(self, name):
        raise NotImplementedError(f"RDD.{name} is not there without the JVM: run this job with --tarn-engine spark")
