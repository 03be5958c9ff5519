"""Raises while a crawler is at work, so that the state machine asks again."""
import boto3

glue = boto3.client("glue")


class CrawlerInProgressException(Exception):
    pass


def lambda_handler(event, context):
    metrics = glue.get_crawler_metrics(CrawlerNameList=[event["crawler_name"]])["CrawlerMetricsList"][0]
    print(metrics)
    if metrics["StillEstimating"] or metrics["TimeLeftSeconds"] > 0:
        raise CrawlerInProgressException("the crawler is at work")
    return {"year": event["year"], "month": event["month"], "day": event["day"]}
