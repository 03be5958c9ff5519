// Package query runs SQL over the lake as Athena does: workgroups, executions with their states and results, prepared
// statements and named queries.
//
// A statement is parsed and typed by sqlfront against the catalog, its tables become lists of files of the object store,
// and DuckDB runs it in a worker process (package duck). DDL is carried out on the catalog.
//
// Invariants:
//
//	Q1  An execution that was acknowledged is on disk with its text before anything of it runs. One that a stop of the
//	    process interrupts begins anew with the next one, after what it had written is removed; DDL is FAILED with a reason (resume.go).
//	Q2  The result object and its metadata are written before the state becomes SUCCEEDED.
//	Q3  The files of CTAS and INSERT are written before the catalog change that makes their table or partitions known;
//	    a failed write removes the objects that it made.
//	Q4  A worker may read exactly the files of the tables that the statement names, after pruning by partition.
//	Q5  A state only moves forward: QUEUED, RUNNING, then one of SUCCEEDED, FAILED, CANCELLED. One that begins anew is QUEUED again, as
//	    on Athena when it tries a query again.
//
// Keys and values are described in docs/formats/query.md.
package query

import "errors"

// Errors; compare with errors.Is. The wrapped text says what was wrong.
var (
	// ErrNotFound reports a workgroup, execution, statement or query that does not exist.
	ErrNotFound = errors.New("not found")
	// ErrInvalid reports a request that cannot be carried out as it is.
	ErrInvalid = errors.New("invalid request")
	// ErrNoMetadata reports a database or table that the catalog lacks.
	ErrNoMetadata = errors.New("metadata not found")
)
