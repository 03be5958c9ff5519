// Package queue keeps message queues: standard ones, which give each message to one consumer at a time until it is
// deleted, and FIFO ones, which also keep the order within a group and drop what was sent twice within five minutes.
//
// A queue is a shard: one mutex guards an index in memory of what is ready, delayed and in flight, which is rebuilt from the
// store when the queue is first used. Bodies stay in the store.
//
// Invariants:
//
//	Q1  A message is acknowledged when it is durable, and delivered until a durable delete.
//	Q2  A receive is durable before its answer: counts, visibility and handles survive a power cut.
//	Q3  Whatever moves a message (dead letters, move tasks, the inbox) deletes it here and puts it there in one batch.
//	Q4  The batch is applied under the shard's mutex and waited for outside it, so that the index and the store have the
//	    same order. Whoever needs several shards locks them in the order of their ids.
//	Q5  Sequence numbers of a queue are never used twice, also after a restart: handles of deleted messages name nothing else.
//	Q6  A message of a FIFO group is received only while no earlier one of its group is in flight.
//	Q7  Time is the wall clock of the start plus what has passed since: whoever sets the clock neither hides nor frees
//	    messages. Over a restart the wall clock counts; where it was set back meanwhile, nothing lasts longer than it was to.
//
// Keys, all in the space Queue:
//
//	("q", account, region, name)  → Queue           definition
//	("m", id, seq)                → message         body and attributes; never changed
//	("i", id, seq)                → state           visibility, counts, group: small, all that the index needs
//	("n", id)                     → uint64          sequence numbers below it may have been used
//	("d", id, hash)               → dedup           what a FIFO queue has taken in the last five minutes
//	("in", due order)             → inbox entry     messages put by the batches of others, not yet in their queue
//	("move", id, handle)          → MoveTask
//
// The algorithm is our own; the semantics are those of the Amazon SQS developer guide.
package queue
