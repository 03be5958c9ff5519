package workflow

import (
	"bytes"
	"compress/gzip"
	"log/slog"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

func packed(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What a distributed Map reads, as the items that its children get.
func TestItemReaders(t *testing.T) {
	files := &memFiles{objects: map[string]string{
		"in/a.jsonl":          "{\"n\":1}\n\n{\"n\":2}",
		"in/b.parquet":        "{\"n\":3,\"s\":null}\n{\"n\":4,\"s\":\"x\"}\n",
		"in/no.rows":          "x",
		"in/list.json":        `{"data":{"rows":[5,6]}}`,
		"in/huge.jsonl":       "{}\n\"" + strings.Repeat("x", maxItem+100<<10) + "\"\n",
		"in/beside.json":      `{"other":["` + strings.Repeat(strings.Repeat("y", 1<<20)+`","`, 17) + `"],"rows":[{"n":1}]}`,
		"in/c.csv.gz":         packed(t, "n,s\n7,\"a\nb\"\n"),
		"in/broken.csv.gz":    "no gzip",
		"in/unload.csv":       "s3://in/parts/1.jsonl.gz\ns3://in/parts/2.jsonl.gz\n",
		"in/unload-bad.csv":   "parts/1\n",
		"in/parts/":           "",
		"in/parts/1.jsonl.gz": packed(t, "{\"n\":8}\n"),
		"in/parts/2.jsonl.gz": packed(t, "{\"n\":9}\n{\"n\":10}\n"),
		"in/inventory.json":   `{"destinationBucket":"arn:aws:s3:::in","fileFormat":"CSV","fileSchema":"Bucket, Key","files":[{"key":"inv/1.csv.gz"}]}`,
		"in/inv/1.csv.gz":     packed(t, "\"b\",\"k1\"\n\"b\",\"k2\"\n"),
		"in/inventory2.json":  `{"destinationBucket":"arn:aws:s3:::in","fileFormat":"Parquet","files":[{"key":"b.parquet"}]}`,
		"in/inventory3.json":  `{"destinationBucket":"arn:aws:s3:::in","fileFormat":"ORC","files":[]}`,
	}}
	e, err := Open(t.Context(), Options{Store: kvtest.New(t), Tasks: newFakeTasks(outcomes), Files: files, Clock: newFastClock(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	get := func(key, config string) string {
		return `{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{` + config + `},"Parameters":{"Bucket":"in","Key":"` + key + `"}}`
	}
	for name, c := range map[string]struct{ reader, want string }{
		"JSON lines":         {get("a.jsonl", `"InputType":"JSONL"`), `[{"n":1},{"n":2}]`},
		"Parquet":            {get("b.parquet", `"InputType":"PARQUET"`), `[{"n":3,"s":null},{"n":4,"s":"x"}]`},
		"no Parquet":         {get("no.rows", `"InputType":"PARQUET"`), "States.ItemReaderFailed: no.rows is no Parquet file"},
		"below a pointer":    {get("list.json", `"InputType":"JSON","ItemsPointer":"/data/rows"`), `[5,6]`},
		"a huge item":        {get("huge.jsonl", `"InputType":"JSONL"`), "States.ItemReaderFailed: The file has an item of more than 16777216 bytes."},
		"beside much":        {get("beside.json", `"InputType":"JSON","ItemsPointer":"/rows"`), `[{"n":1}]`},
		"packed CSV":         {get("c.csv.gz", `"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"`), `[{"s":"a\nb","n":"7"}]`},
		"no gzip":            {get("broken.csv.gz", `"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"`), "States.ItemReaderFailed: The file s3://in/broken.csv.gz is not in gzip format"},
		"UNLOAD's manifest":  {get("unload.csv", `"InputType":"JSONL","ManifestType":"ATHENA_DATA"`), `[{"n":8},{"n":9},{"n":10}]`},
		"bad manifest":       {get("unload-bad.csv", `"InputType":"JSONL","ManifestType":"ATHENA_DATA"`), `States.ItemReaderFailed: The manifest has the line "parts/1"`},
		"inventory":          {get("inventory.json", `"InputType":"MANIFEST"`), `[{"Bucket":"b","Key":"k1"},{"Bucket":"b","Key":"k2"}]`},
		"inventory, Parquet": {get("inventory2.json", `"InputType":"MANIFEST","ManifestType":"S3_INVENTORY"`), `[{"n":3,"s":null},{"n":4,"s":"x"}]`},
		"inventory, ORC":     {get("inventory3.json", `"InputType":"MANIFEST"`), `States.ItemReaderFailed: Manifests of the format "ORC"`},
		"objects":            {`{"Resource":"arn:aws:states:::s3:listObjectsV2","Parameters":{"Bucket":"in","Prefix":"parts/1"}}`, `[{"Key":"parts/1.jsonl.gz"}]`},
		"objects, flattened": {`{"Resource":"arn:aws:states:::s3:listObjectsV2","ReaderConfig":{"InputType":"JSONL","Transformation":"LOAD_AND_FLATTEN"},"Parameters":{"Bucket":"in","Prefix":"parts/"}}`, `[{"n":8},{"n":9},{"n":10}]`},
		"at most two":        {get("unload.csv", `"InputType":"JSONL","ManifestType":"ATHENA_DATA","MaxItems":2`), `[{"n":8},{"n":9}]`},
		"no such object":     {get("none", `"InputType":"JSONL"`), "States.ItemReaderFailed: "},
	} {
		m := create(t, e, "m-"+strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(name), `{"StartAt":"M","States":{"M":{"Type":"Map","ItemReader":`+c.reader+`,
		 "ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}},"End":true}}}`, Standard)
		rec := await(t, e, start(t, e, m.ARN, "x", `{}`).ARN)
		got := rec.Output
		if rec.Status != interp.Succeeded {
			got = *rec.Error + ": " + *rec.Cause
		}
		if !strings.HasPrefix(got, c.want) || rec.Status == interp.Succeeded && got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
