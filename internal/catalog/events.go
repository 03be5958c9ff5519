package catalog

import (
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// TableEvent is a change of a table or of its partitions.
type TableEvent struct {
	Database, Table string
	Change          string     // CreateTable, UpdateTable, DeleteTable, CreatePartition, BatchCreatePartition, UpdatePartition, DeletePartition or BatchDeletePartition
	Partitions      [][]string // the values of those that changed
}

// Events is told of changes. What it adds to the batch becomes durable with the change. It is implemented by bridge.
type Events interface {
	CatalogChanged(b *kv.Batch, s ident.Scope, x TableEvent)
}

// partitionChange collects the partitions of a table that a change creates, replaces or removes.
type partitionChange struct {
	scope           ident.Scope
	database, table string
	verb            string // Create, Update or Delete
}

func (ch *Change) tell(s ident.Scope, database, table, change string) {
	if ch.c.events != nil {
		ch.c.events.CatalogChanged(&ch.Batch, s, TableEvent{Database: database, Table: table, Change: change})
	}
}

func (ch *Change) touch(s ident.Scope, t Table, verb string, values []string) {
	if ch.c.events == nil {
		return
	}
	if ch.parts == nil {
		ch.parts = map[partitionChange][][]string{}
	}
	k := partitionChange{s, t.Database, t.Name, verb}
	ch.parts[k] = append(ch.parts[k], values)
}

// partitionsInEvent is how many partitions one event names.
const partitionsInEvent = 1000

// tellPartitions adds the events of the partitions that were touched.
func (ch *Change) tellPartitions() {
	for k, list := range ch.parts {
		for len(list) > 0 {
			n := min(len(list), partitionsInEvent)
			change := k.verb + "Partition"
			if n > 1 {
				change = "Batch" + change
			}
			ch.c.events.CatalogChanged(&ch.Batch, k.scope, TableEvent{Database: k.database, Table: k.table, Change: change, Partitions: list[:n]})
			list = list[n:]
		}
	}
	ch.parts = nil
}
