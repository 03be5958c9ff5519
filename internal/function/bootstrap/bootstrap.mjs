// Runs a Node function: a client of the Lambda Runtime API. The environment is that of Lambda.
import http from 'node:http'
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [place, token] = process.env.AWS_LAMBDA_RUNTIME_API.split('/')
const [host, port] = place.split(':')
const base = (token ? '/' + token : '') + '/2018-06-01/runtime/'
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })

function call(method, where, body = '', headers = {}) {
  return new Promise((resolve, reject) => {
    const data = Buffer.from(body)
    const req = http.request({ host, port, method, path: base + where, agent, headers: { ...headers, 'Content-Length': data.length } }, (res) => {
      const parts = []
      res.on('data', (d) => parts.push(d))
      res.on('end', () => resolve({ headers: res.headers, body: Buffer.concat(parts).toString() }))
    })
    req.on('error', reject)
    req.end(data)
  })
}

function describe(e) {
  if (e instanceof Error) return { errorType: e.name, errorMessage: e.message, trace: (e.stack || '').split('\n') }
  return { errorType: typeof e, errorMessage: String(e), trace: [] }
}

let requestId = 'undefined'
const stamp = () => new Date().toISOString() + '\t' + requestId + '\t'

// Lines of one message stay one event: inner line ends are carriage returns until the platform has them.
async function patchConsole() {
  const { format } = await import('node:util')
  const line = jsonLogs ? (level, args) => jsonLine(level, args, format) : (level, args) => (stamp() + level + '\t' + format(...args)).replace(/\n/g, '\r')
  const lowest = LEVELS.indexOf((process.env.AWS_LAMBDA_LOG_LEVEL ?? '').toUpperCase()) // -1: all
  const write = (level) => (LEVELS.indexOf(level) < lowest ? () => {} : (...args) => void process.stdout.write(line(level, args) + '\n'))
  for (const level of LEVELS) console[level.toLowerCase()] = write(level)
  console.log = console.info
}

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']
const jsonLogs = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON'

const fields = (e) => ({ errorType: e.constructor?.name ?? 'UnknownError', errorMessage: e.message, stackTrace: typeof e.stack === 'string' ? e.stack.split('\n') : [] })

// A single value is the message itself, of whatever type; several are formatted as text, with the first error among them beside it.
function jsonLine(level, args, format) {
  const event = { timestamp: new Date().toISOString(), level, requestId: requestId === 'undefined' ? undefined : requestId }
  if (args.length === 1) {
    try {
      return JSON.stringify({ ...event, message: args[0] }, (_, v) => (v instanceof Error ? { ...fields(v), ...v } : v))
    } catch {} // a cycle, or a number without bounds: as text
  }
  const e = args.length > 1 && args.find((a) => a instanceof Error)
  return JSON.stringify({ ...event, message: format(...args), ...(e ? fields(e) : {}) })
}

// logError tells of an error that nobody has caught.
function logError(d) {
  if (jsonLogs) console.error({ errorType: d.errorType, errorMessage: d.errorMessage, stackTrace: d.trace })
  else console.error('Invoke Error', JSON.stringify({ ...d, stack: d.trace, trace: undefined }))
}

// The SDK 2 ignores AWS_ENDPOINT_URL: its global configuration is given the endpoint when it is first required. Buckets
// are then addressed by path.
function patchSDK2() {
  const endpoint = process.env.AWS_ENDPOINT_URL
  if (!endpoint) return
  const require = createRequire(import.meta.url)
  const Module = require('node:module')
  const load = Module._load
  const done = new WeakSet()
  Module._load = function (name, ...rest) {
    const got = load.call(this, name, ...rest)
    if ((name === 'aws-sdk' || name.startsWith('aws-sdk/')) && got && got.config && typeof got.config.update === 'function' && !done.has(got)) {
      done.add(got)
      got.config.update({ endpoint, s3ForcePathStyle: true })
    }
    return got
  }
}

class InitError extends Error {
  constructor(type, message) {
    super(message)
    this.name = type
  }
}

async function load(name) {
  const file = name.slice(0, name.lastIndexOf('/') + 1)
  const rest = name.slice(file.length)
  const dot = rest.indexOf('.')
  if (dot < 1) throw new InitError('Runtime.MalformedHandlerName', 'Bad handler')
  const module = file + rest.slice(0, dot)
  const root = path.resolve(process.env.LAMBDA_TASK_ROOT, module)
  const found = ['', '.js', '.mjs', '.cjs'].map((e) => root + e).find((p) => fs.statSync(p, { throwIfNoEntry: false })?.isFile())
  if (!found) throw new InitError('Runtime.ImportModuleError', `Error: Cannot find module '${rest.slice(0, dot)}'`)
  let exports
  try {
    if (found.endsWith('.mjs') || (!found.endsWith('.cjs') && isModule(found))) exports = await import(pathToFileURL(found))
    else exports = createRequire(found)(found)
  } catch (e) {
    if (e instanceof SyntaxError) throw Object.assign(new InitError('Runtime.UserCodeSyntaxError', `SyntaxError: ${e.message}`), { stack: e.stack })
    if (e?.code === 'MODULE_NOT_FOUND' || e?.code === 'ERR_MODULE_NOT_FOUND') throw Object.assign(new InitError('Runtime.ImportModuleError', `Error: ${e.message}`), { stack: e.stack })
    throw e
  }
  let handler = exports
  for (const step of rest.slice(dot + 1).split('.')) handler = handler?.[step] ?? (handler === exports ? exports.default?.[step] : undefined)
  if (handler === undefined) throw new InitError('Runtime.HandlerNotFound', `${name} is undefined or not exported`)
  if (typeof handler !== 'function') throw new InitError('Runtime.HandlerNotFound', `${name} is not a function`)
  return handler
}

function isModule(file) {
  for (let dir = path.dirname(file); ; dir = path.dirname(dir)) {
    const p = path.join(dir, 'package.json')
    if (fs.existsSync(p)) {
      try {
        return JSON.parse(fs.readFileSync(p, 'utf8')).type === 'module'
      } catch {
        return false
      }
    }
    if (dir === process.env.LAMBDA_TASK_ROOT || dir === path.dirname(dir)) return false
  }
}

// run calls a handler in whichever style it is written: async, or with a callback.
function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    const settle = (e, v) => (e === null || e === undefined ? resolve(v) : reject(e))
    Object.assign(context, { done: settle, succeed: resolve, fail: reject })
    const out = handler(event, context, settle)
    if (out && typeof out.then === 'function') out.then(resolve, reject)
    else if (handler.length < 3 && out !== undefined) resolve(out)
    else if (handler.length < 2) resolve(out)
  })
}

await patchConsole()
patchSDK2()
let handler
try {
  handler = await load(process.env._HANDLER)
} catch (e) {
  const d = describe(e)
  if (jsonLogs) logError(d)
  else process.stdout.write(new Date().toISOString() + '\tundefined\tERROR\tUncaught Exception\t' + JSON.stringify(d) + '\n')
  await call('POST', 'init/error', JSON.stringify(d), { 'Lambda-Runtime-Function-Error-Type': d.errorType })
  process.exit(1)
}
process.on('unhandledRejection', async (e) => {
  const d = { ...describe(e), errorType: 'Runtime.UnhandledPromiseRejection' }
  await call('POST', `invocation/${requestId}/error`, JSON.stringify(d))
  process.exit(128)
})
for (;;) {
  const next = await call('GET', 'invocation/next')
  const h = next.headers
  requestId = h['lambda-runtime-aws-request-id']
  const deadline = Number(h['lambda-runtime-deadline-ms'])
  if (h['lambda-runtime-trace-id']) process.env._X_AMZN_TRACE_ID = h['lambda-runtime-trace-id']
  const env = process.env
  const context = {
    awsRequestId: requestId,
    invokedFunctionArn: h['lambda-runtime-invoked-function-arn'],
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  }
  if (h['lambda-runtime-client-context']) context.clientContext = JSON.parse(h['lambda-runtime-client-context'])
  try {
    const out = await run(handler, JSON.parse(next.body), context)
    await call('POST', `invocation/${requestId}/response`, JSON.stringify(out) ?? 'null')
  } catch (e) {
    const d = describe(e)
    logError(d)
    await call('POST', `invocation/${requestId}/error`, JSON.stringify(d), { 'Lambda-Runtime-Function-Error-Type': d.errorType })
  }
}
