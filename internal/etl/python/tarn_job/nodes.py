"""Nodes of visual jobs that Python runs: CustomCode, SparkSQL and DynamicTransform. Their inputs and results are Parquet files."""
import os


def context():
    from awsglue.context import GlueContext
    from pyspark.context import SparkContext

    return GlueContext(SparkContext.getOrCreate())


def read(glue, path):
    return glue.spark_session.read.parquet(path)


def write(frame, folder):
    """Writes a DataFrame or DynamicFrame; one without rows leaves a file with its columns as well."""
    frame = _plain(frame)
    frame.write.mode("append").parquet(folder)
    if not any(f.endswith(".parquet") for _, _, files in os.walk(folder) for f in files):
        import pyarrow.parquet

        os.makedirs(folder, exist_ok=True)
        pyarrow.parquet.write_table(frame.limit(0).toArrow(), os.path.join(folder, "empty.parquet"))


def _plain(frame):
    from awsglue.dynamicframe import DynamicFrame

    return frame.toDF() if isinstance(frame, DynamicFrame) else frame


def custom(glue, transform, inputs, folder):
    """Calls a user's transform with the collection of the inputs and writes each frame of its result to a folder of its number."""
    from awsglue.dynamicframe import DynamicFrame, DynamicFrameCollection

    frames = DynamicFrameCollection({name: DynamicFrame.fromDF(read(glue, path), glue, name) for name, path in inputs}, glue)
    result = transform(glue, frames)
    if not isinstance(result, DynamicFrameCollection):
        raise TypeError(f"{transform.__name__} returned {type(result).__name__}: a CustomCode node returns a DynamicFrameCollection")
    for number, name in enumerate(list(result.keys())):
        write(result.select(name), f"{folder}/{number}")


def views(glue, inputs):
    for name, path in inputs:
        read(glue, path).createOrReplaceTempView(name)


def dynamic(glue, transform, path, arguments, folder):
    from awsglue.dynamicframe import DynamicFrame

    setattr(DynamicFrame, transform.__name__, transform)
    frame = DynamicFrame.fromDF(read(glue, path), glue, transform.__name__)
    write(getattr(frame, transform.__name__)(**arguments), f"{folder}/0")
