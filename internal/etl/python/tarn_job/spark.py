"""The engine "spark": classic PySpark with a JVM, set up to reach Tarn's store."""
import glob
import os
import sys

from tarn_job import sinks


def configure():
    """Writes the defaults that SparkContext() of the user's script then finds."""
    # Python workers would take python3 from PATH and miss the packages of this environment.
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    conf = os.path.join(os.getcwd(), "conf")
    os.makedirs(conf, exist_ok=True)
    os.environ["SPARK_CONF_DIR"] = conf
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    settings = {
        "spark.master": "local[*]",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.jars": ",".join(sorted(glob.glob(os.environ.get("TARN_SPARK_JARS", "") + "/*.jar"))),
        "spark.local.dir": os.environ.get("TMPDIR", "/tmp"),
        "spark.driver.memory": os.environ.get("TARN_JOB_MEMORY", "1g"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(os.cpu_count()),
        "spark.sql.warehouse.dir": os.getcwd() + "/warehouse",
        "spark.sql.ansi.enabled": os.environ.get("TARN_ANSI", "false"),
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": str(endpoint.startswith("https")).lower(),
        "spark.hadoop.fs.s3a.endpoint.region": os.environ.get("AWS_REGION", "us-east-1"),
        "spark.hadoop.fs.s3a.bucket.probe": "0",
        "spark.hadoop.fs.s3a.aws.credentials.provider": "com.amazonaws.auth.EnvironmentVariableCredentialsProvider",
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
        "spark.hadoop.fs.s3a.committer.name": "magic",
        "spark.hadoop.fs.s3a.committer.magic.enabled": "true",
        "spark.sql.sources.commitProtocolClass": "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol",
        "spark.sql.parquet.output.committer.class": "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter",
    }
    with open(os.path.join(conf, "spark-defaults.conf"), "w") as f:
        f.writelines(f"{key} {value}\n" for key, value in settings.items() if value)
    with open(os.path.join(conf, "log4j2.properties"), "w") as f:
        f.write("rootLogger.level=error\nrootLogger.appenderRef.c.ref=c\nappender.c.type=Console\nappender.c.name=c\nappender.c.target=SYSTEM_ERR\n"
                "appender.c.layout.type=PatternLayout\nappender.c.layout.pattern=%d{HH:mm:ss} %p %c{1}: %m%n\n")
    _writes()


def _writes():
    from pyspark.sql.readwriter import DataFrameWriter

    save, set_mode = DataFrameWriter.save, DataFrameWriter.mode

    def mode(self, saveMode):
        if saveMode is not None:
            self._tarn_mode = saveMode.lower()
        return set_mode(self, saveMode)

    def staged(self, path=None, format=None, mode=None, partitionBy=None, **options):
        self.mode(mode).options(**options)
        if format is not None:
            self.format(format)
        if partitionBy is not None:
            self.partitionBy(partitionBy)
        if not sinks.is_store(path):
            return save(self, path)
        how = getattr(self, "_tarn_mode", "error")
        sinks.save(lambda staging: save(set_mode(self, "append"), staging), path, "error" if how in ("error", "errorifexists", "default") else how)

    DataFrameWriter.mode, DataFrameWriter.save = mode, staged
    for name in ("parquet", "csv", "json", "orc"):
        _through_save(DataFrameWriter, name)


def _through_save(writer, name):
    """parquet(path, mode=…) and the like call the JVM directly: they are led through save."""

    def write(self, path, mode=None, partitionBy=None, **options):
        given = {k: v for k, v in options.items() if v is not None}
        self.save(path, format=name, mode=mode, partitionBy=partitionBy, **given)

    setattr(writer, name, write)
