"""Copies files from the landing zone: to the raw zone, partitioned by day, or to the archive, where they leave landing."""
import boto3

s3 = boto3.resource("s3")


def lambda_handler(event, context):
    step = event["step"]
    year, month, day = event["year"], event["month"], event["day"]
    source, destination = event["source_prefix"], event["destination_prefix"]
    bucket = s3.Bucket(event["bucket_name"])
    for found in bucket.objects.filter(Prefix=source):
        if ".csv" not in found.key:
            continue
        table = found.key.split("/")[2].split("_")[0]
        if step == "landing-to-raw-file-transfer":
            prefix = f"{destination}{table}/year={year}/month={month}/day={day}/"
        else:
            prefix = f"{destination}{year}-{month}-{day}/"
        target = found.key.replace(source, prefix)
        print("copy", found.key, "to", target)
        bucket.Object(target).copy({"Bucket": bucket.name, "Key": found.key})
        if step == "landing-to-archive-file-transfer":
            bucket.objects.filter(Prefix=found.key).delete()
    return {"year": year, "month": month, "day": day}
