# Processes batches of messages. Rows that are marked as bad make their batch fail: with one receive allowed, the batch goes to the
# dead-letter queue and is not processed again.
import json


def handler(event, context):
    rows = [json.loads(m['body']) for m in event['Records']]
    bad = [r['id'] for r in rows if r['kind'] == 'bad']
    if bad:
        raise ValueError(f'cannot process {bad}')
    for r in rows:
        print('processed', r['id'])
    return {'statusCode': 200, 'body': 'All messages processed successfully'}
