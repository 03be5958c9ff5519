// Package query runs SQL over the lake as Athena does: workgroups, executions with their states and results, prepared
// statements and named queries.
package query
