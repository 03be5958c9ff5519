// Package crawl finds tables in the object store and keeps the catalog in step with them, as Glue's crawlers do.
//
// A crawl lists the objects under its targets, finds the format and schema of each (or of a sample of a folder's files),
// groups folders into tables, and changes the catalog in one step. The state of a crawler is durable: a crawl that the
// end of the process interrupts is run again at the next start, and because a crawl only compares what is there with
// what the catalog says, running it twice changes nothing.
//
// How folders become tables (group.go): the highest folder under which all files have one format and alike schemas is
// a table; the folders between it and its files are its partitions, whose keys are the names before "=" or partition_0,
// partition_1 …. Files that are not alike make their folder no table: each subfolder is looked at by itself.
//
// Keys, all under (Crawl, account, region):
//
//	("crawler", name)             → Crawler
//	("run", name, start, id)      → Run
//	("classifier", name)          → Classifier
package crawl
