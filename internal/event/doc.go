// Package event keeps event buses with their rules and archives. An event that is put on a bus is matched against the rules' patterns when
// it is put; for each target of a rule that matches, a delivery goes into an outbox in the batch of the event. Rules may
// also have a schedule, whose runs are deliveries of an event of their own. Archives keep events, in the batch of the
// event too, and replays put them on their bus again.
//
// Invariants:
//
//	E1  Events are acknowledged when all their deliveries are durable; each reaches its target, or the target's dead-letter
//	    queue, at least once, and exactly once where the target is kept in the same store (a queue, a topic, a function's queue,
//	    a state machine, a bus).
//	E2  A scheduled run is queued in the batch that moves the schedule on: a restart neither repeats nor skips a run that was due
//	    while the process ran. Runs that fell due while it was down are skipped.
//	E3  A replay moves its cursor in the batch of the events that it replays: each is replayed once, across restarts.
//	E4  No lock is held over a sync: changes are applied under mu and waited for outside.
//
// Keys, in the space Event, all under (account, region):
//
//	("bus", name)                       → Bus      but for the default one, which always exists and is here only with a policy or tags
//	("rule", bus, name)                 → Rule
//	("archive", name)                   → Archive
//	("archived", archive, time, id)     → event as targets get it
//	("replay", name)                    → Replay
package event
