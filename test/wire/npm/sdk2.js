// The SDK 2, which knows nothing of AWS_ENDPOINT_URL: an endpoint is all that its users change.
const assert = require('node:assert/strict')
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = '1'
const AWS = require('aws-sdk')

AWS.config.update({ endpoint: process.env.AWS_ENDPOINT_URL, region: 'us-east-1', s3ForcePathStyle: true })

async function until(ask, ended) {
  for (;;) {
    const got = await ask()
    if (ended(got)) return got
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function main() {
  const name = process.env.WIRE_NAME
  const s3 = new AWS.S3()
  await s3.createBucket({ Bucket: name }).promise()
  await s3.putObject({ Bucket: name, Key: 'a b', Body: 'x', Metadata: { k: 'v' } }).promise()
  assert.equal((await s3.getObject({ Bucket: name, Key: 'a b' }).promise()).Body.toString(), 'x')
  const up = await s3.upload({ Bucket: name, Key: 'big', Body: Buffer.alloc(6 << 20, 7) }, { partSize: 5 << 20 }).promise()
  assert.match(up.ETag, /-2"$/)
  assert.deepEqual((await s3.listObjectsV2({ Bucket: name }).promise()).Contents.map((o) => o.Key), ['a b', 'big'])
  assert.equal(await (await fetch(s3.getSignedUrl('getObject', { Bucket: name, Key: 'a b' }))).text(), 'x')
  await assert.rejects(s3.getObject({ Bucket: name, Key: 'none' }).promise(), { code: 'NoSuchKey', statusCode: 404 })

  const lambda = new AWS.Lambda()
  await lambda.createFunction({
    FunctionName: name, Runtime: 'nodejs20.x', Handler: 'app.handler', Role: process.env.WIRE_LAMBDA_ROLE, Code: { ZipFile: Buffer.from(process.env.WIRE_ZIP, 'base64') }, Timeout: 20,
  }).promise()
  assert.deepEqual(JSON.parse((await lambda.invoke({ FunctionName: name, Payload: '{"a":1}' }).promise()).Payload), { got: { a: 1 } })

  const sqs = new AWS.SQS()
  const { QueueUrl } = await sqs.createQueue({ QueueName: name }).promise()
  await sqs.sendMessage({ QueueUrl, MessageBody: 'm' }).promise()
  const { Messages } = await sqs.receiveMessage({ QueueUrl, WaitTimeSeconds: 5 }).promise()
  assert.equal(Messages[0].Body, 'm')
  await sqs.deleteMessage({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }).promise()

  const sfn = new AWS.StepFunctions()
  const definition = JSON.stringify({ StartAt: 'Say', States: { Say: { Type: 'Pass', End: true } } })
  const { stateMachineArn } = await sfn.createStateMachine({ name, definition, roleArn: process.env.WIRE_STATES_ROLE }).promise()
  const { executionArn } = await sfn.startExecution({ stateMachineArn, input: '{"a":1}' }).promise()
  const run = await until(() => sfn.describeExecution({ executionArn }).promise(), (r) => r.status !== 'RUNNING')
  assert.deepEqual([run.status, run.output], ['SUCCEEDED', '{"a":1}'])

  const athena = new AWS.Athena()
  const { QueryExecutionId } = await athena.startQueryExecution({ QueryString: 'SELECT 1 AS n', ResultConfiguration: { OutputLocation: `s3://${name}/out/` } }).promise()
  await until(() => athena.getQueryExecution({ QueryExecutionId }).promise(), (r) => r.QueryExecution.Status.State === 'SUCCEEDED')
  assert.equal((await athena.getQueryResults({ QueryExecutionId }).promise()).ResultSet.Rows[1].Data[0].VarCharValue, '1')
  assert.ok(Array.isArray((await new AWS.Glue().getDatabases({}).promise()).DatabaseList))
  assert.equal((await new AWS.STS().getCallerIdentity({}).promise()).Account, '000000000000')
}

main().catch((e) => { console.error(e); process.exit(1) })
