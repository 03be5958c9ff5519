"""A Glue job: one day of the raw zone (CSV) becomes Parquet in the refined zone, partitioned by year, month and day."""
import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.transforms import ApplyMapping, DropNullFields, ResolveChoice
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket", "year", "month", "day"])
glue = GlueContext(SparkContext())
job = Job(glue)
job.init(args["JOB_NAME"], args)

# The partitions are strings ("08"); the engine compares them with numbers as Spark does.
day = f"((year == {args['year']}) and (month == {args['month']}) and (day == {args['day']}))"
raw = glue.create_dynamic_frame.from_catalog(database="raw", table_name="customers", push_down_predicate=day, transformation_ctx="raw")

fields = [("email_id", "string"), ("retailer_name", "string"), ("units_purchased", "long"), ("purchase_date", "string"), ("sale_id", "string"),
          ("year", "string"), ("month", "string"), ("day", "string")]
mapped = ApplyMapping.apply(frame=raw, mappings=[(name, kind, name, kind) for name, kind in fields], transformation_ctx="mapped")
resolved = ResolveChoice.apply(frame=mapped, choice="make_struct", transformation_ctx="resolved")
refined = DropNullFields.apply(frame=resolved, transformation_ctx="refined")

glue.write_dynamic_frame.from_options(
    frame=refined,
    connection_type="s3",
    connection_options={"path": f"s3://{args['bucket']}/data/refined/customers/", "partitionKeys": ["year", "month", "day"]},
    format="parquet",
    transformation_ctx="sink",
)
job.commit()
