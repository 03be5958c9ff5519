// Package catalog keeps databases, tables and partitions: what data there is, where it lies and how to read it. Its model
// is that of the Hive metastore as Glue has it, because that is what engines outside (Trino, Spark) read.
//
// Invariants:
//
//	C1  Names of databases and tables are kept in lower case; columns keep their case.
//	C2  Every change of a table raises its version by one; unless the change says otherwise, the old version is kept.
//	C3  A change made under a version succeeds only if that version is the newest.
//	C4  Deleting a table or database removes all that belongs to it in one batch.
//
// Keys, all under (Catalog, account, region):
//
//	("db", database)                                → Database
//	("table", database, table)                      → Table
//	("version", database, table, number)            → Table    older versions
//	("partition", database, table, values…)         → Partition
//	("stats", database, table, column)              → ColumnStatistics of the table
//	("pstats", database, table, values…, column)    → ColumnStatistics of a partition
//	("index", database, table, name)                → Index
//	("function", database, name)                    → UserFunction
//	("connection", name)                            → Connection
package catalog
