// Objects by the SDK 3: put, get, list, copies, a multipart upload by lib-storage, presigned addresses and forms.
const assert = require('node:assert/strict')
const { createHash, randomBytes } = require('node:crypto')
const { Readable } = require('node:stream')
const {
  S3Client, CreateBucketCommand, PutObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, CopyObjectCommand, DeleteObjectsCommand,
  NoSuchKey, paginateListObjectsV2,
} = require('@aws-sdk/client-s3')
const { Upload } = require('@aws-sdk/lib-storage')
const { getSignedUrl } = require('@aws-sdk/s3-request-presigner')
const { createPresignedPost } = require('@aws-sdk/s3-presigned-post')

async function main() {
  const Bucket = process.env.WIRE_NAME
  const s3 = new S3Client({ forcePathStyle: true })
  await s3.send(new CreateBucketCommand({ Bucket }))
  const put = await s3.send(new PutObjectCommand({ Bucket, Key: 'a/é +.txt', Body: 'hello', Metadata: { k: 'v' }, ContentType: 'text/plain' }))
  assert.equal(put.ETag, '"' + createHash('md5').update('hello').digest('hex') + '"')
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'a/é +.txt' }))
  assert.equal(await got.Body.transformToString(), 'hello')
  assert.deepEqual(got.Metadata, { k: 'v' })
  assert.equal(await (await s3.send(new GetObjectCommand({ Bucket, Key: 'a/é +.txt', Range: 'bytes=1-2' }))).Body.transformToString(), 'el')
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'a/copy', CopySource: encodeURI(`${Bucket}/a/é +.txt`).replace('+', '%2B') }))
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: 'none' })), (e) => e instanceof NoSuchKey && e.$metadata.httpStatusCode === 404)

  // A stream of unknown length goes up in parts.
  const big = randomBytes(11 << 20)
  const chunks = []
  for (let at = 0; at < big.length; at += 1 << 20) chunks.push(big.subarray(at, at + (1 << 20)))
  let seen = 0
  const upload = new Upload({ client: s3, params: { Bucket, Key: 'big', Body: Readable.from(chunks) }, partSize: 5 << 20 })
  upload.on('httpUploadProgress', (p) => { seen = Math.max(seen, p.loaded) })
  const done = await upload.done()
  assert.match(done.ETag, /-3"$/)
  assert.equal(seen, big.length)
  const back = await (await s3.send(new GetObjectCommand({ Bucket, Key: 'big' }))).Body.transformToByteArray()
  assert.ok(big.equals(Buffer.from(back)))
  assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: 'big' }))).ContentLength, big.length)

  const keys = []
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 1 }, { Bucket })) keys.push(...(page.Contents ?? []).map((o) => o.Key))
  assert.deepEqual(keys, ['a/copy', 'a/é +.txt', 'big'])
  assert.deepEqual((await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: '/' }))).CommonPrefixes, [{ Prefix: 'a/' }])

  const read = await fetch(await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'a/copy' }), { expiresIn: 60 }))
  assert.equal(await read.text(), 'hello')
  const write = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'signed' }), { expiresIn: 60 })
  assert.equal((await fetch(write, { method: 'PUT', body: 'by address' })).status, 200)
  assert.equal((await fetch(write.replace('signed', 'other'), { method: 'PUT', body: 'x' })).status, 403)

  const post = await createPresignedPost(s3, { Bucket, Key: 'form/${filename}', Conditions: [['content-length-range', 1, 100], ['starts-with', '$key', 'form/']], Expires: 60 })
  const form = new FormData()
  for (const [k, v] of Object.entries(post.fields)) form.append(k, v)
  form.append('file', new Blob(['by form']), 'f.txt')
  assert.equal((await fetch(post.url, { method: 'POST', body: form })).status, 204)
  assert.equal(await (await s3.send(new GetObjectCommand({ Bucket, Key: 'form/f.txt' }))).Body.transformToString(), 'by form')

  const gone = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [...keys, 'signed', 'form/f.txt'].map((Key) => ({ Key })) } }))
  assert.equal(gone.Deleted.length, 5)
}

main().catch((e) => { console.error(e); process.exit(1) })
