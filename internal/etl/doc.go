// Package etl keeps Glue's jobs and runs them.
//
// A script job is a Python program that sees pyspark and awsglue. It runs in a process of its own on one of two engines
// behind the DataFrame API: Sail (a Spark Connect server in that same process, no JVM) or Apache Spark. Which one is
// decided before it starts (engine.go): Sail only for what is known to give the same result. A Python shell job runs without
// either.
//
// Invariants:
//
//	E1  A run has one record; its state only moves on. A run whose process died with Tarn starts again as the same run.
//	E2  What a write of a script makes becomes visible when the write has ended, all files together, and a run that starts
//	    again replaces what it had published: rows are never written twice (publish.go).
//	E3  What a run that failed has staged and not published is removed.
//	E4  A bookmark moves only when the script commits, and its state is durable before the script goes on.
//	E5  A job never runs more often at a time than it allows.
//
//	E6  A trigger fires once for each time or each set of ends that it waits for: that it fired is stored in the batch that
//	    begins what it starts. An end is stored in the batch of the end itself and stays until the triggers have seen it.
//	E7  A workflow's run is a record of what its triggers have started and how that ended; what happens next follows from the
//	    record alone. Each trigger fires once in a run.
//
// Keys, all under (ETL, account, region):
//
//	("job", name)              → Job
//	("run", job, started, id)  → Run
//	("runid", job, id)         → when it started
//	("bookmark", job)          → Bookmark
//	("published", job, run, n) → the objects that the n-th write of a run has made
//	("active", job, id)        → runs that have not ended
//
// and under (ETL, kind, account, region):
//
//	("trigger", name)                    → Trigger
//	("workflow", name)                   → Workflow
//	("flowrun", workflow, started, id)   → WorkflowRun
//	("flowrunid", workflow, id)          → when it started
//	("flowactive", workflow, id)         → workflow runs that have not ended
//	("ended", id)                        → end of a job's run or crawl that triggers have not seen
//	("start", id)                        → crawl that a trigger has to start
package etl
