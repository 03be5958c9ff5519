// Package logs keeps lines of text by group and stream: what functions, jobs, crawlers and users write.
//
// Model: a group holds streams, a stream holds events; an event is a time in milliseconds and a message. A group's
// events are kept in the order of their time, so that following a group or filtering over a time range is one scan.
//
// Invariants:
//
//	L1  Put answers when the events are durable. Append, for Tarn's own writers, when they can be read.
//	L2  Events of one Put keep their order among equal times.
//	L3  An event older than its group's retention is never returned, and is removed by the next sweep.
//
// Keys, all under (Logs, account, region):
//
//	("group", group)                          → Group
//	("stream", group, stream)                 → Stream
//	("event", group, ms, seq, stream)         → message, ingestion time
//	("of", group, stream, ms, seq)            → nothing: the events of one stream
package logs
