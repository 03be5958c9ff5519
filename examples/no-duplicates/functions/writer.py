# One message a row of a CSV file that arrives in S3, in batches of 10.
#
# The article's writer, with the imports and the client that its listing forgets, and with the real name of its unique column.
# Two more changes keep its own promises: a batch that is full when the file ends is not followed by an empty one, and a row
# that the queue refuses makes the function fail instead of passing in silence.
import csv
import json
import os

import boto3

s3 = boto3.resource('s3')
sqs = boto3.client('sqs')

processing_queue_url = os.environ['QUEUE_URL']


def lambda_handler(event, context):
    for record in event['Records']:
        obj = s3.Bucket(record['s3']['bucket']['name']).Object(record['s3']['object']['key'])
        lines = obj.get()['Body'].read().decode('utf-8').split('\n')
        count, messages = 0, []

        def flush():
            if messages:
                response = sqs.send_message_batch(QueueUrl=processing_queue_url, Entries=messages)
                if response.get('Failed'):
                    raise RuntimeError(f"refused: {response['Failed']}")
                messages.clear()

        for row in csv.DictReader(lines):
            count += 1
            messages.append({'Id': row['id'], 'MessageBody': json.dumps(row)})
            if len(messages) == 10:
                flush()
        flush()
        print('record count is :', count)
