// Functions, queues, topics, workflows, the catalog and queries by the SDK 3.
const assert = require('node:assert/strict')
const { LambdaClient, CreateFunctionCommand, InvokeCommand, DeleteFunctionCommand, ResourceNotFoundException } = require('@aws-sdk/client-lambda')
const { SQSClient, CreateQueueCommand, SendMessageBatchCommand, ReceiveMessageCommand, DeleteMessageCommand, GetQueueAttributesCommand, QueueDoesNotExist } = require('@aws-sdk/client-sqs')
const { SNSClient, CreateTopicCommand, PublishCommand } = require('@aws-sdk/client-sns')
const { SFNClient, CreateStateMachineCommand, StartExecutionCommand, DescribeExecutionCommand } = require('@aws-sdk/client-sfn')
const { GlueClient, CreateDatabaseCommand, CreateTableCommand, GetTablesCommand, EntityNotFoundException } = require('@aws-sdk/client-glue')
const { AthenaClient, StartQueryExecutionCommand, GetQueryExecutionCommand, GetQueryResultsCommand } = require('@aws-sdk/client-athena')
const { S3Client, CreateBucketCommand } = require('@aws-sdk/client-s3')

// until asks again until the answer is one that ends.
async function until(ask, ended) {
  for (;;) {
    const got = await ask()
    if (ended(got)) return got
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function lambda(name) {
  const client = new LambdaClient()
  const made = await client.send(new CreateFunctionCommand({
    FunctionName: name, Runtime: 'nodejs20.x', Handler: 'app.handler', Role: process.env.WIRE_LAMBDA_ROLE, Code: { ZipFile: Buffer.from(process.env.WIRE_ZIP, 'base64') }, Timeout: 20,
  }))
  assert.equal(made.FunctionName, name)
  const r = await client.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify({ a: 1 }), LogType: 'Tail' }))
  assert.equal(r.FunctionError, undefined)
  assert.deepEqual(JSON.parse(Buffer.from(r.Payload).toString()), { got: { a: 1 } })
  assert.match(Buffer.from(r.LogResult, 'base64').toString(), /REPORT RequestId/)
  await client.send(new DeleteFunctionCommand({ FunctionName: name }))
  await assert.rejects(client.send(new InvokeCommand({ FunctionName: name })), ResourceNotFoundException)
}

async function sqs(name) {
  const client = new SQSClient()
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: name }))
  const sent = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries: [{ Id: '1', MessageBody: 'é', MessageAttributes: { n: { DataType: 'Number', StringValue: '7' } } }] }))
  assert.equal(sent.Successful.length, 1)
  const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5, MessageAttributeNames: ['All'] }))
  assert.equal(Messages[0].Body, 'é')
  assert.equal(Messages[0].MessageAttributes.n.StringValue, '7')
  await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }))
  const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))
  assert.equal(Attributes.ApproximateNumberOfMessages, '0')
  await assert.rejects(client.send(new ReceiveMessageCommand({ QueueUrl: QueueUrl + '-none' })), QueueDoesNotExist)
}

async function sns(name) {
  const client = new SNSClient()
  const { TopicArn } = await client.send(new CreateTopicCommand({ Name: name }))
  assert.ok((await client.send(new PublishCommand({ TopicArn, Message: 'm' }))).MessageId)
}

async function sfn(name) {
  const client = new SFNClient()
  const definition = JSON.stringify({ StartAt: 'Say', States: { Say: { Type: 'Pass', Result: { said: 'é' }, End: true } } })
  const { stateMachineArn } = await client.send(new CreateStateMachineCommand({ name, definition, roleArn: process.env.WIRE_STATES_ROLE }))
  const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn, input: '{}' }))
  const run = await until(() => client.send(new DescribeExecutionCommand({ executionArn })), (r) => r.status !== 'RUNNING')
  assert.equal(run.status, 'SUCCEEDED')
  assert.deepEqual(JSON.parse(run.output), { said: 'é' })
  assert.ok(run.stopDate instanceof Date)
}

async function catalog(name) {
  const glue = new GlueClient()
  const DatabaseName = name.replaceAll('-', '_')
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: DatabaseName } }))
  await glue.send(new CreateTableCommand({ DatabaseName, TableInput: { Name: 't', StorageDescriptor: { Columns: [{ Name: 'a', Type: 'int' }], Location: `s3://${name}/t/` } } }))
  const { TableList } = await glue.send(new GetTablesCommand({ DatabaseName }))
  assert.deepEqual(TableList.map((t) => [t.Name, t.StorageDescriptor.Columns[0].Type]), [['t', 'int']])
  await assert.rejects(glue.send(new GetTablesCommand({ DatabaseName: 'none' })), EntityNotFoundException)

  await new S3Client({ forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: name }))
  const athena = new AthenaClient()
  const { QueryExecutionId } = await athena.send(new StartQueryExecutionCommand({ QueryString: "SELECT 6 * 7 AS n, 'é' AS s", ResultConfiguration: { OutputLocation: `s3://${name}/out/` } }))
  const { QueryExecution } = await until(() => athena.send(new GetQueryExecutionCommand({ QueryExecutionId })), (r) => !['QUEUED', 'RUNNING'].includes(r.QueryExecution.Status.State))
  assert.equal(QueryExecution.Status.State, 'SUCCEEDED', QueryExecution.Status.StateChangeReason)
  const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId }))
  assert.deepEqual(ResultSet.Rows.map((r) => r.Data.map((d) => d.VarCharValue)), [['n', 's'], ['42', 'é']])
}

async function main() {
  const name = process.env.WIRE_NAME
  for (const [service, drive] of Object.entries({ lambda, sqs, sns, sfn, catalog })) {
    await drive(`${name}-${service}`).catch((e) => { throw new Error(`${service}: ${e.message}`, { cause: e }) })
  }
}

main().catch((e) => { console.error(e); process.exit(1) })
