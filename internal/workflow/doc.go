// Package workflow keeps state machines and runs their executions durably. What a definition means is package asl's,
// how an execution goes on from one event is package interp's; this package stores, keeps time, calls tasks and answers.
//
// Invariants:
//
//	W1  A transition is one batch: history events, the changed threads with their timers, and at the end the record. After
//	    a crash every execution goes on from its last batch, and the history has no gap and nothing twice.
//	W2  Effects (tasks, map runs, timers) are carried out only after their batch is durable. A task may be started again
//	    after a crash (at least once); a job whose handle was stored is taken up, not started again.
//	W3  An execution has one step at a time (exec.mu); nothing waits for a disk under that lock.
//	W4  An outcome names thread and attempt; one that is late or comes twice changes nothing.
//	W5  A name is used once for each state machine while its execution is kept.
//	W6  What only waits is not in memory: it sleeps. An execution is read by one reader at a time, and a step on one that has
//	    gone to sleep is done again on what is read, so that each step meets the newest state.
//
// Keys, all in the space Workflow; "scope" is account and region as two elements:
//
//	("m", scope, name)                      → machine
//	("v", scope, name, version)             → version
//	("a", scope, name, alias)               → alias
//	("d", hash)                             → text of a definition
//	("c", scope, name)                      → activity
//	("x", scope, machine, name)             → record of an execution; machine is "NAME" or, for children of a map run, "NAME/LABEL"
//	("l", scope, machine, ~start, key)      → item of the list of executions
//	("h", key, first event id)              → events of one batch
//	("r", key)                              → what changes while an execution runs; exists only then
//	("s", key)                              → in place of "r" while the execution sleeps: its due time, then what "r" holds
//	("w", due, key)                         → nothing: a sleeper that a timer will wake
//	("t", key, thread)                      → thread; after the end only those of what can be redriven
//	("i", key, thread)                      → items of a Map state
//	("o", key, thread, index)               → result of a branch or iteration
//	("p", scope, machine, label:id)         → map run
//	("q", key, map run ARN)                 → nothing: the map runs of an execution
//	("n", map run ARN, index)               → what a map run's child was and became
//	("g", stop, key)                        → key of a record, for the retention
package workflow
