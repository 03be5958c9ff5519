"""Processes a CSV file row by row through a queue, with no row processed twice and none lost, and proves it.

    eval "$(tarn env)"; pip install -r requirements.txt; python pipeline.py --rows 10000

Plain boto3: nothing here is special to Tarn. A file in S3 starts the writer function, which puts one message a row on the queue;
the processor function consumes in batches; what fails goes to a dead-letter queue after one receive.
"""
import argparse
import collections
import io
import json
import pathlib
import re
import sys
import time
import uuid
import zipfile

import boto3

HERE = pathlib.Path(__file__).parent


def zipped(path, name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        z.write(path, name)
    return buffer.getvalue()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--rows", type=int, default=2_000)
    args.add_argument("--bad", type=int, default=5, help="rows that cannot be processed")
    args.add_argument("--visibility", type=int, default=60, help="seconds until a failed batch goes to the dead-letter queue")
    args = args.parse_args()
    s3, sqs, iam, fn, logs = (boto3.client(s) for s in ("s3", "sqs", "iam", "lambda", "logs"))
    tag = uuid.uuid4().hex[:8]
    bucket, group = f"rows-{tag}", f"/aws/lambda/processor-{tag}"

    dead_url = sqs.create_queue(QueueName=f"failed_messages-{tag}")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    queue_url = sqs.create_queue(QueueName=f"ToBeProcessed-{tag}", Attributes={
        "VisibilityTimeout": str(args.visibility), "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1}),
    })["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    role = iam.create_role(RoleName=f"rows-{tag}", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=f"rows-{tag}", PolicyName="rows", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "sqs:*", "logs:*"], "Resource": "*"}]}))
    writer = fn.create_function(FunctionName=f"writer-{tag}", Runtime="python3.12", Role=role, Handler="writer.lambda_handler", Timeout=600,
                                Environment={"Variables": {"QUEUE_URL": queue_url}}, Code={"ZipFile": zipped(HERE / "functions/writer.py", "writer.py")})["FunctionArn"]
    fn.create_function(FunctionName=f"processor-{tag}", Runtime="python3.12", Role=role, Handler="processor.handler", Timeout=min(30, args.visibility),
                       Code={"ZipFile": zipped(HERE / "functions/processor.py", "processor.py")})
    fn.create_event_source_mapping(EventSourceArn=queue_arn, FunctionName=f"processor-{tag}", BatchSize=10)

    s3.create_bucket(Bucket=bucket, **({} if s3.meta.region_name == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": s3.meta.region_name}}))
    fn.add_permission(FunctionName=f"writer-{tag}", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{bucket}")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [
        {"LambdaFunctionArn": writer, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".csv"}]}}}]})

    step = max(1, args.rows // args.bad) if args.bad else args.rows + 1
    rows = [f"r{i},{'bad' if i % step == step - 1 and i // step < args.bad else 'good'}" for i in range(args.rows)]
    started = time.time()
    s3.put_object(Bucket=bucket, Key="in/rows.csv", Body=("id,kind\n" + "\n".join(rows) + "\n").encode())
    print(f"{args.rows} rows are in s3://{bucket}/in/rows.csv, {args.bad} of them bad", flush=True)

    processed, dead = collections.Counter(), collections.Counter()
    fast, token = 0.0, {}
    while sum(processed.values()) + sum(dead.values()) < args.rows and time.time() - started < args.rows / 100 + 4 * args.visibility + 120:
        for m in sqs.receive_message(QueueUrl=dead_url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            dead[json.loads(m["Body"])["id"]] += 1
            sqs.delete_message(QueueUrl=dead_url, ReceiptHandle=m["ReceiptHandle"])
        state = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
        waiting, flying = int(state["ApproximateNumberOfMessages"]), int(state["ApproximateNumberOfMessagesNotVisible"])
        if waiting == 0 or dead:
            processed.clear()
            try:
                for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern="processed"):
                    for e in page["events"]:
                        for r in re.findall(r"processed (r\d+)", e["message"]):
                            processed[r] += 1
            except logs.exceptions.ResourceNotFoundException:
                pass
        if waiting or flying and not dead:
            fast = time.time() - started
        print(f"  {time.time() - started:5.1f} s: {waiting} waiting, {flying} in flight, {sum(dead.values())} given up", flush=True)
    left = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    everything = {f"r{i}" for i in range(args.rows)}
    twice = [r for r, n in (processed + dead).items() if n > 1]
    lost = everything - set(processed) - set(dead)
    print(f"\nrows in               {args.rows}\nprocessed once        {sum(1 for n in processed.values() if n == 1)}\nin dead-letter queue  {len(dead)}"
          f"\nprocessed twice       {len(twice)}\nlost                  {len(lost)}\nleft in the queue     {left['ApproximateNumberOfMessages']}"
          f"\nnone waiting after    {fast:.1f} s")
    if twice or lost:
        sys.exit("the claim does not hold")
    print("every row was processed once or is in the dead-letter queue")


if __name__ == "__main__":
    main()
