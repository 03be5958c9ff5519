package catalog_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

var scope = ident.Scope{Account: "000000000000", Region: "us-east-1"}

func open(t *testing.T) *catalog.Catalog {
	t.Helper()
	c := catalog.New(kvtest.New(t), catalog.Options{})
	if err := c.CreateDatabase(t.Context(), scope, catalog.Database{Name: "Lake"}); err != nil {
		t.Fatal(err)
	}
	return c
}

func sales() catalog.Table {
	return catalog.Table{
		Database: "lake", Name: "Sales", Storage: &catalog.Storage{Columns: []catalog.Column{{Name: "id", Type: "bigint"}}},
		PartitionKeys: []catalog.Column{{Name: "region", Type: "string"}, {Name: "day", Type: "int"}},
	}
}

func TestTableVersions(t *testing.T) {
	c, ctx := open(t), t.Context()
	if err := c.CreateTable(ctx, scope, sales()); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTable(ctx, scope, sales()); !errors.Is(err, catalog.ErrExists) {
		t.Errorf("second create: %v", err)
	}
	for i := range 3 {
		up := sales()
		up.Description = fmt.Sprint("change ", i)
		if err := c.UpdateTable(ctx, scope, up, catalog.Update{SkipArchive: i == 1}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.Table(ctx, scope, "LAKE", "SALES")
	if err != nil || got.Version != 3 || got.Name != "sales" || got.Description != "change 2" {
		t.Fatalf("%+v, %v", got, err)
	}
	stale := uint64(2)
	if err := c.UpdateTable(ctx, scope, sales(), catalog.Update{Version: &stale}); !errors.Is(err, catalog.ErrConcurrent) {
		t.Errorf("stale version: %v", err)
	}
	versions, _, err := c.Versions(ctx, scope, "lake", "sales", nil, 0)
	var numbers []uint64
	for _, v := range versions {
		numbers = append(numbers, v.Version)
	}
	if err != nil || !slices.Equal(numbers, []uint64{3, 2, 0}) { // 1 was not archived
		t.Errorf("versions %v, %v", numbers, err)
	}
	if _, err := c.Version(ctx, scope, "lake", "sales", 1); !errors.Is(err, catalog.ErrVersionGone) {
		t.Errorf("version 1: %v", err)
	}
	if err := c.DeleteDatabase(ctx, scope, "lake"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Table(ctx, scope, "lake", "sales"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("after delete: %v", err)
	}
}

func TestPartitionsPageSegmentAndFilter(t *testing.T) {
	c, ctx := open(t), t.Context()
	if err := c.CreateTable(ctx, scope, sales()); err != nil {
		t.Fatal(err)
	}
	const n = 500
	var list []catalog.Partition
	for i := range n {
		list = append(list, catalog.Partition{Values: []string{[]string{"eu", "us"}[i%2], fmt.Sprintf("%03d", i)}})
	}
	if taken, err := c.CreatePartitions(ctx, scope, "lake", "sales", list); err != nil || taken != nil {
		t.Fatal(taken, err)
	}
	if taken, err := c.CreatePartitions(ctx, scope, "lake", "sales", list[:2]); err != nil || !slices.Equal(taken, []int{0, 1}) {
		t.Errorf("again: %v, %v", taken, err)
	}
	count := 0
	q := catalog.PartitionQuery{Expression: "region = 'eu' AND day BETWEEN 100 AND 199", Limit: 7}
	for more := true; more; {
		var page []catalog.Partition
		var err error
		if page, more, err = c.Partitions(ctx, scope, "lake", "sales", q); err != nil {
			t.Fatal(err)
		}
		count += len(page)
		q.After = page[len(page)-1].Values
	}
	if count != 50 {
		t.Errorf("%d partitions, want 50", count)
	}
	seen := map[string]int{}
	for i := range 5 {
		part, _, err := c.Partitions(ctx, scope, "lake", "sales", catalog.PartitionQuery{Segment: i, Total: 5})
		if err != nil {
			t.Fatal(err)
		}
		if len(part) < n/10 {
			t.Errorf("segment %d holds only %d", i, len(part))
		}
		for _, p := range part {
			seen[fmt.Sprint(p.Values)]++
		}
	}
	if len(seen) != n {
		t.Errorf("the segments hold %d different partitions, want %d", len(seen), n)
	}
	if err := c.UpdatePartition(ctx, scope, "lake", "sales", []string{"eu", "000"}, catalog.Partition{Values: []string{"ap", "000"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Partition(ctx, scope, "lake", "sales", []string{"eu", "000"}); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("moved partition: %v", err)
	}
	if missing, err := c.DeletePartitions(ctx, scope, "lake", "sales", [][]string{{"ap", "000"}, {"no", "1"}}); err != nil || !slices.Equal(missing, []int{1}) {
		t.Errorf("delete: %v, %v", missing, err)
	}
	if _, err := c.Partition(ctx, scope, "lake", "sales", []string{"eu"}); !errors.Is(err, catalog.ErrBadInput) {
		t.Errorf("too few values: %v", err)
	}
}

func TestExpression(t *testing.T) {
	keys := []catalog.Column{{Name: "s", Type: "string"}, {Name: "n", Type: "int"}, {Name: "d", Type: "date"}, {Name: "m", Type: "decimal(10,2)"}}
	row := []string{"08", "9", "2026-03-04", "1.50"}
	for expr, want := range map[string]bool{
		"":                        true,
		"s = '08'":                true,
		"s = '8'":                 false,
		"s == 8":                  true, // a number against a string key: by value
		"(s = '08') and (n > 10)": false,
		"n < 10 OR s = 'x'":       true,
		"NOT n = 9":               false,
		"n IN (1, 9)":             true,
		"n not in (1, 2)":         true,
		"n between 9 and 9":       true,
		"d >= '2026-03-04' AND d < DATE '2026-04-01'": true,
		"m = 1.5":                           true,
		"m = '1.50'":                        true,
		"s like '0%'":                       true,
		"s like '_'":                        false,
		"s is null":                         false,
		"s is not null":                     true,
		"10 > n":                            true,
		"1 = 1":                             true,
		"'a' <> 'a'":                        false,
		"`s` = \"08\"":                      true,
		"((s='08'))AND((n=9))":              true,
		"s != '08' or not (n = 1 or n = 2)": true,
	} {
		e, err := catalog.ParseExpression(expr, keys)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got := e.Match(row); got != want {
			t.Errorf("%s = %v, want %v", expr, got, want)
		}
	}
	null := []string{"__HIVE_DEFAULT_PARTITION__", "9", "2026-03-04", "1"}
	for expr, want := range map[string]bool{"s = 'x'": false, "s <> 'x'": false, "NOT s = 'x'": false, "s is null": true, "s = 'x' or n = 9": true} {
		e, err := catalog.ParseExpression(expr, keys)
		if err != nil || e.Match(null) != want {
			t.Errorf("%s on NULL: %v, want %v (%v)", expr, !want, want, err)
		}
	}
	for _, bad := range []string{"x = 1", "s", "s =", "s = 'a", "n = 'abc'", "d > 'yesterday'", "(n = 1", "n = 1)", "n = 1 n = 2", "s like 5", "n in ()", "n ; 1", "not", "s is 5", "upper(s) = 'X'"} {
		if _, err := catalog.ParseExpression(bad, keys); !errors.Is(err, catalog.ErrBadExpression) {
			t.Errorf("%q: err = %v, want ErrBadExpression", bad, err)
		}
	}
}

func FuzzParseExpression(f *testing.F) {
	for _, s := range []string{"s = 'a' and n in (1,2)", "not (d between '2026-01-01' and '2026-02-01')", "1 = 1", "s like '%_\\%'", "n = 1e9"} {
		f.Add(s)
	}
	keys := []catalog.Column{{Name: "s", Type: "string"}, {Name: "n", Type: "int"}, {Name: "d", Type: "date"}}
	f.Fuzz(func(_ *testing.T, src string) {
		if e, err := catalog.ParseExpression(src, keys); err == nil {
			e.Match([]string{"a", "1", "2026-01-01"})
		}
	})
}

func TestStatisticsFunctionsConnections(t *testing.T) {
	c, ctx := open(t), t.Context()
	if err := c.CreateTable(ctx, scope, sales()); err != nil {
		t.Fatal(err)
	}
	unknown, err := c.PutStatistics(ctx, scope, "lake", "sales", nil, []catalog.ColumnStatistics{{Column: "id", Data: []byte(`{}`)}, {Column: "zz", Data: []byte(`{}`)}})
	if err != nil || !slices.Equal(unknown, []int{1}) {
		t.Fatal(unknown, err)
	}
	got, missing, err := c.Statistics(ctx, scope, "lake", "sales", nil, []string{"id", "region"})
	if err != nil || len(got) != 1 || !slices.Equal(missing, []string{"region"}) {
		t.Errorf("%v %v %v", got, missing, err)
	}
	if err := c.DeleteStatistics(ctx, scope, "lake", "sales", nil, "region"); err != nil {
		t.Errorf("delete of statistics that are not there: %v", err)
	}
	if err := c.DeleteStatistics(ctx, scope, "lake", "none", nil, "region"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("delete of statistics of no table: %v", err)
	}
	if err := c.CreateFunction(ctx, scope, catalog.UserFunction{Database: "lake", Name: "trino__f"}); err != nil {
		t.Fatal(err)
	}
	fs, _, err := c.Functions(ctx, scope, "", "trino__.*", "", 0)
	if err != nil || len(fs) != 1 {
		t.Errorf("%v %v", fs, err)
	}
	if err := c.CreateConnection(ctx, scope, catalog.Connection{Name: "pg"}); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteConnection(ctx, scope, "none"); !errors.Is(err, catalog.ErrNotFound) {
		t.Error(err)
	}
}

// Short texts can stand for numbers of megabytes: they are none here.
func TestExpressionDoesNotCalculateHugeNumbers(t *testing.T) {
	keys := []catalog.Column{{Name: "n", Type: "int"}}
	if _, err := catalog.ParseExpression("n = 1e900000", keys); !errors.Is(err, catalog.ErrBadExpression) {
		t.Errorf("err = %v, want ErrBadExpression", err)
	}
	e, err := catalog.ParseExpression("NOT n < 5", keys)
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]bool{"1e900000": false, "1e3": true, "4": false} {
		if got := e.Match([]string{value}); got != want {
			t.Errorf("%s: %v, want %v", value, got, want)
		}
	}
}

// What is made while its database is deleted is not in the next one of the name.
func TestFunctionsGoWithTheirDatabase(t *testing.T) {
	c, ctx := open(t), t.Context()
	for range 200 {
		if err := c.CreateDatabase(ctx, scope, catalog.Database{Name: "gone"}); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				err := c.CreateFunction(ctx, scope, catalog.UserFunction{Database: "gone", Name: fmt.Sprint("f", i)})
				if err != nil && !errors.Is(err, catalog.ErrNotFound) && !errors.Is(err, catalog.ErrConcurrent) {
					t.Errorf("create function: %v", err)
				}
			})
		}
		if err := c.DeleteDatabase(ctx, scope, "gone"); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if list, _, err := c.Functions(ctx, scope, "", "", "", 0); err != nil || len(list) > 0 {
			t.Fatalf("%d functions outlive their database, err = %v", len(list), err)
		}
	}
}
