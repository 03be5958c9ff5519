// Package function keeps functions and runs them. A function is code with a configuration; publishing freezes both as a
// numbered version, and an alias names one or two versions. Code runs in processes of its own, one request at a
// time in each, that speak the Lambda Runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) with
// this package and are kept warm.
//
// Invariants:
//
//	F1  An instance serves one request at a time and only requests of the version it was started for.
//	F2  An asynchronous invocation is accepted when it is durable; it is removed in the batch that queues its
//	    destination, or that gives it up to the dead-letter target.
//	F3  After a time-out, a crash or a broken protocol the instance is killed with its whole process group and never reused.
//	F4  The number of running instances never exceeds Options.MaxInstances; a request waits for one as long as its function's time-out.
//	F5  Everything that an instance wrote before its answer is in the log before the answer is given.
//
// Keys, all under (Function, account, region):
//
//	("fn", name, version)       → Version    $LATEST and numbers, numbers written with ten digits
//	("meta", name)              → meta       next version, concurrency, tags, policies' revision
//	("alias", name, alias)      → Alias
//	("policy", name, qualifier) → []Permission
//	("event", name, qualifier)  → EventConfig
//	("layer", name, version)    → Layer
//
// Code packages are blobs; their owner is the key of the version or layer that uses them. Asynchronous invocations wait
// in the outbox "function".
package function
