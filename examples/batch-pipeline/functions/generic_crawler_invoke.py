"""Starts a crawler."""
import boto3

glue = boto3.client("glue")


def lambda_handler(event, context):
    glue.start_crawler(Name=event["crawler_name"])
    return {"year": event["year"], "month": event["month"], "day": event["day"]}
