package key

// Space is the first byte of a key: one engine's part of the store. An engine writes in its own spaces only; what else
// is in the key is described in docs/formats.
type Space byte

// The spaces. Numbers are never reused: they are on users' disks.
const (
	System     Space = 1  // format version, leases, node identity
	Blob       Space = 2  // references to blobs and the garbage queue
	Outbox     Space = 3  // effects that wait for their delivery
	Lineage    Space = 4  // runs with their inputs and outputs
	Meter      Space = 5  // billable acts
	Identity   Space = 10 // users, roles, access keys, sessions
	Bucket     Space = 11 // buckets and their settings
	Object     Space = 12 // objects and their versions
	Multipart  Space = 13 // uploads in progress and their parts
	Logs       Space = 14 // log groups, streams and events
	Function   Space = 15 // functions, versions, aliases, layers, queued invocations
	Workflow   Space = 16 // state machines, executions, histories, timers, tokens
	Catalog    Space = 17 // databases, tables, partitions
	Crawl      Space = 18 // crawlers, classifiers, crawls
	ETL        Space = 19 // jobs, runs, bookmarks, triggers
	Query      Space = 20 // workgroups, executions, named queries
	Queue      Space = 21 // queues and their messages
	Topic      Space = 22 // topics and subscriptions
	Event      Space = 23 // buses, rules, schedules, archives
	Mapping    Space = 24 // event source mappings
	Scheduler  Space = 25 // schedule groups and schedules
	Connection Space = 26 // connections and API destinations
)
