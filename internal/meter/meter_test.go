package meter_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/meter"
)

func TestSumIsTheSameBeforeAndAfterCompact(t *testing.T) {
	store, m := kvtest.New(t), meter.New()
	scope := ident.Scope{Account: "000000000000", Region: "us-east-1"}
	hour := time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)
	var b kv.Batch
	for i := range 100 {
		m.Add(&b, hour.Add(time.Duration(i)*time.Second), scope, meter.S3Tier1, "bucket", 1)
		m.Add(&b, hour.Add(time.Hour), scope, meter.AthenaBytes, "primary", 0.5)
	}
	m.Add(&b, hour, ident.Scope{Account: "111111111111", Region: "us-east-1"}, meter.S3Tier1, "other", 7)
	m.Add(&b, hour, scope, meter.S3Tier2, "bucket", 0)
	if err := kv.Commit(t.Context(), store, &b); err != nil {
		t.Fatal(err)
	}
	want := []meter.Usage{
		{Hour: hour, Region: "us-east-1", Unit: meter.S3Tier1, Resource: "bucket", Quantity: 100},
		{Hour: hour.Add(time.Hour), Region: "us-east-1", Unit: meter.AthenaBytes, Resource: "primary", Quantity: 50},
	}
	check := func(when string, rows int) {
		t.Helper()
		got, err := meter.Sum(t.Context(), store, scope.Account, hour.Add(30*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", when, d)
		}
		n := 0
		for _, err := range store.Scan(t.Context(), kv.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != rows {
			t.Errorf("%s: %d rows, want %d", when, n, rows)
		}
	}
	check("before", 201)
	if err := meter.Compact(t.Context(), store, hour.Add(90*time.Minute)); err != nil {
		t.Fatal(err)
	}
	check("the running hour is left alone", 102)
	if err := meter.Compact(t.Context(), store, hour.Add(3*time.Hour)); err != nil {
		t.Fatal(err)
	}
	check("after", 3)
}

func TestEveryPriceIsForAKnownUnit(t *testing.T) {
	if c, ok := meter.Cents(meter.AthenaBytes, 2e12); !ok || c != 1000 {
		t.Errorf("2 TB scanned cost %v cents, %v", c, ok)
	}
	if _, ok := meter.Cents("none", 1); ok {
		t.Error("an unknown unit has a price")
	}
}

func TestCompactLosesNothingOfAResourceWithMoreRowsThanABatch(t *testing.T) {
	store, m := kvtest.New(t), meter.New()
	scope := ident.Scope{Account: "000000000000", Region: "us-east-1"}
	hour := time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)
	const acts = 25_000
	var b kv.Batch
	for range acts {
		m.Add(&b, hour, scope, meter.S3Tier1, "bucket", 1)
	}
	if err := kv.Commit(t.Context(), store, &b); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := meter.Compact(t.Context(), store, hour.Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		got, err := meter.Sum(t.Context(), store, scope.Account, hour)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].Quantity != acts {
			t.Fatalf("the sum is %v, want %d", got, acts)
		}
	}
}
