"""Starts the state machine for a file that arrived in the landing zone: data/landing/customers_20260801.csv."""
import json
import os
import uuid
from datetime import datetime

import boto3

sfn = boto3.client("stepfunctions")


def lambda_handler(event, context):
    key = event["Records"][0]["s3"]["object"]["key"]
    date_text = key.split("/")[2].split("_")[1].replace(".csv", "")
    date = datetime.strptime(date_text, "%Y%m%d")
    day = {"year": date.strftime("%Y"), "month": date.strftime("%m"), "day": date.strftime("%d")}
    sfn.start_execution(
        stateMachineArn=os.environ["STATE_MACHINE_ARN"],
        name=f"{date_text}-{uuid.uuid4().hex[:2]}",
        input=json.dumps(day),
    )
    return day
