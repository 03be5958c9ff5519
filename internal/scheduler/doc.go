// Package scheduler keeps schedules and calls their targets when they fall due, with the rights of a role.
//
// A firing goes into an outbox in the batch that moves its schedule on, to be delivered at a moment of the schedule's flexible
// window; the outbox tries until the target takes it or the retry policy ends.
//
// Invariants:
//
//	C1  A firing is queued exactly once, in the batch that moves the schedule on. Its target is called at least once, under the same
//	    execution id each time.
//	C2  Of what fell due while the process was down the newest is fired at the start, unless it is older than the retry policy allows;
//	    then it goes to the dead-letter queue.
//	C3  A schedule that ends, and is to be deleted then, is deleted in the batch of its last firing.
//	C4  No lock is held over a sync: changes are applied under mu and waited for outside.
//
// Keys, in the space Scheduler, all under (account, region):
//
//	("group", name)             → Group      but for the default one, which always exists and is here only with tags
//	("schedule", group, name)   → Schedule
//
// Firings wait in the outbox "schedules".
package scheduler
