package lineage_test

import (
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/lineage"
)

func TestTraceLeadsBackToTheFirstFile(t *testing.T) {
	const account = "000000000000"
	store := kvtest.New(t)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	landing, raw := lineage.Object("lake", "landing/a.csv", "v1"), lineage.Object("lake", "raw/a.csv", "v2")
	refined := lineage.Object("lake", "refined/day=1/part-0.parquet", "v3")
	table := lineage.Table("us-east-1", "raw", "customers", "1")
	var b kv.Batch
	lineage.Record(&b, lineage.Run{ID: "copy", Kind: "invocation", Account: account, At: at, Inputs: []lineage.Asset{landing}, Outputs: []lineage.Asset{raw}})
	lineage.Record(&b, lineage.Run{ID: "crawl", Kind: "crawl", Account: account, At: at.Add(1), Inputs: []lineage.Asset{raw}, Outputs: []lineage.Asset{table}})
	lineage.Record(&b, lineage.Run{ID: "later crawl", Kind: "crawl", Account: account, At: at.Add(9), Outputs: []lineage.Asset{table}})
	lineage.Record(&b, lineage.Run{ID: "old", Kind: "job", Account: account, At: at.Add(2), Outputs: []lineage.Asset{refined}})
	lineage.Record(&b, lineage.Run{ID: "job", Kind: "job", Account: account, At: at.Add(3), Inputs: []lineage.Asset{table, raw}, Outputs: []lineage.Asset{refined}})
	if err := kv.Commit(t.Context(), store, &b); err != nil {
		t.Fatal(err)
	}
	n, err := lineage.Trace(t.Context(), store, account, lineage.Asset{Name: "s3://lake/refined/"}, 10)
	if err != nil {
		t.Fatal(err)
	}
	if n.Run == nil || n.Run.ID != "job" {
		t.Fatalf("the newest run that made it is %+v", n.Run)
	}
	byTable, byFile := n.Sources[0], n.Sources[1]
	if byTable.Run.ID != "crawl" || byTable.Sources[0].Run.ID != "copy" || byTable.Sources[0].Sources[0].Asset != landing {
		t.Errorf("by table: %+v", byTable)
	}
	if !byFile.Seen {
		t.Error("a source that stands elsewhere is not marked")
	}
	read, err := lineage.Read(t.Context(), store, account, raw.Name, time.Time{}, 0)
	if err != nil || len(read) != 2 || read[0].ID != "job" {
		t.Errorf("read by %+v, %v", read, err)
	}
}
