package crawl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/tabular"
)

// sampleBytes is how much of a text file a crawl reads.
const sampleBytes = 1 << 20

// found is what a crawl learnt of a file.
type found struct {
	classification string // csv, json, parquet, UNKNOWN
	compression    string // none, gzip, bzip2, zstd, snappy
	columns        []tabular.Field
	csv            tabular.CSV
	array          bool // of a JSON file
	classifier     *Classifier
	rows           int64 // in the file, or estimated from the sample
}

// schemaKey tells kinds of files apart that cannot be in one table.
func (f *found) schemaKey() string {
	if f.classification == "csv" {
		return fmt.Sprintf("csv %q %v", f.csv.Delimiter, f.csv.Header)
	}
	return fmt.Sprintf("%s %v", f.classification, f.array)
}

// sniff finds out the format and schema of an object.
func (s *Service) sniff(ctx context.Context, scope ident.Scope, role, bucket string, f File, custom []Classifier) (*found, error) {
	body, err := s.opts.Objects.Open(ctx, scope, role, bucket, f)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	head := make([]byte, 16)
	n, err := body.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read s3://%s/%s: %w", bucket, f.Key, err)
	}
	head = head[:n]
	if bytes.HasPrefix(head, []byte("PAR1")) {
		p, err := tabular.SniffParquet(body, f.Size)
		if err != nil {
			return nil, fmt.Errorf("s3://%s/%s: %w", bucket, f.Key, err)
		}
		return &found{classification: "parquet", compression: "none", columns: p.Columns, rows: p.Rows}, nil
	}
	out := &found{classification: "UNKNOWN", compression: compressionOf(head)}
	r, err := tabular.Decompress(body, out.compression)
	if err != nil {
		return nil, fmt.Errorf("s3://%s/%s: %w", bucket, f.Key, err)
	}
	defer r.Close()
	sample, err := io.ReadAll(io.LimitReader(r, sampleBytes+1))
	if err != nil && len(sample) == 0 {
		return nil, fmt.Errorf("s3://%s/%s: %w", bucket, f.Key, err)
	}
	if errors.Is(err, tabular.ErrCompressed) {
		return nil, fmt.Errorf("s3://%s/%s: %w", bucket, f.Key, err)
	}
	complete := len(sample) <= sampleBytes && err == nil
	if !complete {
		sample = sample[:min(len(sample), sampleBytes)]
	}
	out.classify(sample, complete, custom)
	if !complete && out.rows > 0 {
		out.rows = out.rows * f.Size / int64(len(sample))
	}
	return out, nil
}

// classify tries the user's classifiers, then the built-in ones.
func (f *found) classify(sample []byte, complete bool, custom []Classifier) {
	for i, c := range custom {
		if c.Kind == "csv" {
			if t, err := tabular.SniffCSV(sample, complete, c.rules()); err == nil {
				f.classification, f.csv, f.columns, f.rows, f.classifier = "csv", t, t.Columns, int64(t.Rows), &custom[i]
				return
			}
		} else if j, err := tabular.SniffJSON(sample, complete); err == nil {
			f.classification, f.columns, f.rows, f.array, f.classifier = "json", j.Columns, int64(j.Rows), j.Array, &custom[i]
			return
		}
	}
	if j, err := tabular.SniffJSON(sample, complete); err == nil {
		f.classification, f.columns, f.rows, f.array = "json", j.Columns, int64(j.Rows), j.Array
		return
	}
	if t, err := tabular.SniffCSV(sample, complete, tabular.CSVRules{}); err == nil {
		f.classification, f.csv, f.columns, f.rows = "csv", t, t.Columns, int64(t.Rows)
	}
}

func compressionOf(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.HasPrefix(head, []byte("BZh")):
		return "bzip2"
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	case bytes.HasPrefix(head, []byte("\xff\x06\x00\x00sNaPpY")):
		return "snappy"
	}
	return "none"
}

// hidden reports whether an object is none of a table's data: names that begin with _ or . and folder markers.
func hidden(key string) bool {
	name := key[strings.LastIndexByte(key, '/')+1:]
	if name == "" || name[0] == '_' || name[0] == '.' || strings.HasSuffix(name, "_$folder$") {
		return true
	}
	for part := range strings.SplitSeq(key, "/") {
		if strings.HasPrefix(part, ".") || strings.HasPrefix(part, "_") && !strings.Contains(part, "=") {
			return true
		}
	}
	return false
}
