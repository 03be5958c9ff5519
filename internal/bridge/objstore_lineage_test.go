package bridge

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tarn-data/tarn/internal/blob/fileblob"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/lineage"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/objstore"
)

type noEvents struct{}

func (noEvents) Add(*kv.Batch, objstore.Event) {}

func TestCopiesAreTracedToTheirSource(t *testing.T) {
	ctx := t.Context()
	quiet := slog.New(slog.DiscardHandler)
	db := kvtest.Open(t, vfs.NewMem())
	blobs, err := fileblob.Open(ctx, fileblob.Options{Dir: t.TempDir(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	c := clock.NewFake(time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC))
	s, err := objstore.Open(ctx, objstore.Options{
		KV: db, Blobs: blobs, Clock: c, Events: noEvents{}, Logger: quiet, Recorder: ObjectWrites{ObjectMeter{meter.New()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateBucket(ctx, ident.Scope{Account: "000000000000", Region: "us-east-1"}, "lake"); err != nil {
		t.Fatal(err)
	}
	in, err := s.Put(ctx, &objstore.PutRequest{Bucket: "lake", Key: "landing/a.csv", Content: objstore.Content{Body: strings.NewReader("a,b"), Size: 3}})
	if err != nil {
		t.Fatal(err)
	}
	copied := func(to string, by objstore.Actor) lineage.Node {
		t.Helper()
		c.Advance(time.Second)
		if _, _, err := s.Copy(ctx, &objstore.CopyRequest{SourceBucket: "lake", SourceKey: "landing/a.csv", Bucket: "lake", Key: to, By: by}); err != nil {
			t.Fatal(err)
		}
		n, err := lineage.Trace(ctx, db, "000000000000", lineage.Asset{Name: "s3://lake/" + to}, 3)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}

	n := copied("raw/a.csv", objstore.Actor{PrincipalID: "AIDA", RequestID: "R1"})
	if n.Run == nil || n.Run.Kind != "copy" || n.Run.ID != "R1" || len(n.Sources) != 1 || n.Sources[0].Asset != lineage.Object("lake", "landing/a.csv", in.ETag) {
		t.Errorf("trace of a copy: %+v", n)
	}
	// What Tarn copies by itself is a part of a run that has its own record.
	if n := copied("raw/b.csv", objstore.Actor{}); n.Run != nil {
		t.Errorf("Tarn's own copy left a record: %+v", n.Run)
	}
}
