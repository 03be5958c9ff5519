package app

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/duck/value"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/objstore"
)

// Compared is what two prefixes hold in the folder of one write.
type Compared struct {
	Write       string // name of the folder
	Left, Right int64  // rows
	OnlyLeft    int64  // rows that are on one side only
	OnlyRight   int64
	Error       string `json:",omitempty"` // the two cannot be compared: other columns, for example
}

// Same reports whether both sides hold the same rows.
func (c Compared) Same() bool { return c.Error == "" && c.OnlyLeft == 0 && c.OnlyRight == 0 }

// compare compares the rows below two prefixes, folder by folder, and removes the objects. Parquet is compared by columns, other
// files line by line; folders key=value count as a column.
func (a *App) compare(ctx context.Context, bucket, left, right string) ([]Compared, error) {
	dir := filepath.Join(a.sqlDir(), "compare-"+ident.Hex(8))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var sides [2]map[string][]objstore.File
	var names []string
	for i, prefix := range []string{left, right} {
		sides[i] = map[string][]objstore.File{}
		for f, err := range a.Objects.Files(ctx, bucket, prefix) {
			if err != nil {
				return nil, err
			}
			if f.Size > 0 && f.Path == "" {
				f.Path = filepath.Join(dir, ident.Hex(8))
				if err := os.WriteFile(f.Path, f.Inline, 0o600); err != nil {
					return nil, err
				}
			}
			rel := strings.TrimPrefix(f.Key, prefix)
			write, _, _ := strings.Cut(rel, "/")
			if !slices.Contains(names, write) {
				names = append(names, write)
			}
			if f.Size > 0 {
				sides[i][write] = append(sides[i][write], f)
			}
		}
	}
	slices.Sort(names)
	var out []Compared
	for _, name := range names {
		out = append(out, a.compareWrite(ctx, name, sides[0][name], sides[1][name]))
	}
	for _, side := range sides {
		for _, files := range side {
			for _, f := range files {
				if _, err := a.Objects.Delete(ctx, &objstore.DeleteRequest{Bucket: bucket, Key: f.Key}); err != nil {
					return out, err
				}
			}
		}
	}
	return out, nil
}

func (a *App) compareWrite(ctx context.Context, name string, left, right []objstore.File) Compared {
	c := Compared{Write: name}
	job := duck.Job{Group: "compare"}
	for _, f := range slices.Concat(left, right) {
		job.ReadPaths = append(job.ReadPaths, f.Path)
	}
	if len(left) == 0 || len(right) == 0 {
		c.Error = "one side has written nothing"
		if len(left) == len(right) {
			c.Error = ""
		}
		return c
	}
	job.Statements = []string{
		"CREATE VIEW l AS " + rowsOf(left), "CREATE VIEW r AS " + rowsOf(right),
		"SELECT (SELECT count(*) FROM l), (SELECT count(*) FROM r), (SELECT count(*) FROM (FROM l EXCEPT ALL FROM r)), (SELECT count(*) FROM (FROM r EXCEPT ALL FROM l))",
	}
	res, err := a.SQL.Run(ctx, job)
	if err != nil {
		c.Error = err.Error()
		return c
	}
	defer res.Close()
	rows, err := res.All()
	if err != nil {
		c.Error = err.Error()
		return c
	}
	for i, to := range []*int64{&c.Left, &c.Right, &c.OnlyLeft, &c.OnlyRight} {
		n, ok := rows[0][i].(int64)
		if !ok {
			c.Error = fmt.Sprintf("a count is of type %T", rows[0][i])
			return c
		}
		*to = n
	}
	return c
}

// rowsOf is a query of all rows of some files, with the folder that each lies in.
func rowsOf(files []objstore.File) string {
	var selects []string
	for _, f := range files {
		compression := "uncompressed"
		if strings.HasSuffix(f.Key, ".gz") {
			compression = "gzip"
		}
		var folders []string
		for part := range strings.SplitSeq(path.Dir(f.Key), "/") {
			if strings.Contains(part, "=") {
				folders = append(folders, part)
			}
		}
		from := "read_csv(" + value.Literal(f.Path) + ", auto_detect = false, header = false, columns = {'line': 'VARCHAR'}, delim = " + value.Literal("\x1f") +
			", quote = '', escape = '', compression = " + value.Literal(compression) + ")"
		if strings.HasSuffix(f.Key, ".parquet") {
			from = "read_parquet(" + value.Literal(f.Path) + ", hive_partitioning = false)"
		}
		selects = append(selects, "SELECT *, "+value.Literal(strings.Join(folders, "/"))+` AS "folder of the file" FROM `+from)
	}
	return strings.Join(selects, " UNION ALL BY NAME ")
}
