package query

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var varchar = types.VarcharOf(types.Unbounded)

// resolver shows the catalog to sqlfront.
type resolver struct{ r *running }

// Table implements sqlfront.Catalog.
func (x *resolver) Table(ctx context.Context, database, name string) (*sqlfront.Table, error) {
	r := x.r
	if database == infoSchema {
		columns, ok := infoColumns[infoTable(name)]
		if !ok {
			return nil, sqlfront.ErrNoTable
		}
		return &sqlfront.Table{Handle: infoTable(name), Columns: columns}, nil
	}
	if err := r.mayTable(ctx, "glue:GetTable", database, name); err != nil {
		return nil, err
	}
	t, err := r.e.opts.Catalog.Table(ctx, r.s, database, name)
	if errors.Is(err, catalog.ErrNotFound) {
		if _, err := r.e.opts.Catalog.Database(ctx, r.s, database); errors.Is(err, catalog.ErrNotFound) && database != "default" {
			return nil, sqlfront.ErrNoSchema
		}
		return nil, sqlfront.ErrNoTable
	}
	if err != nil {
		return nil, fmt.Errorf("read table %s.%s: %w", database, name, err)
	}
	out := &sqlfront.Table{Handle: &t}
	if t.Type == "VIRTUAL_VIEW" {
		if out.View, out.ViewDatabase, err = viewText(t); err != nil {
			return nil, err
		}
		return out, nil
	}
	if t.Storage == nil {
		return nil, &sqlfront.Error{Name: "HIVE_INVALID_METADATA", Message: "table " + name + " has no storage descriptor"}
	}
	add := func(c catalog.Column, key bool) error {
		typ, err := types.ParseHive(c.Type)
		if err != nil {
			return &sqlfront.Error{Name: "NOT_SUPPORTED", Message: fmt.Sprintf("column %s of table %s: %s", c.Name, name, err)}
		}
		out.Columns = append(out.Columns, sqlfront.Column{Name: c.Name, Type: typ, Partition: key})
		return nil
	}
	for _, c := range t.Storage.Columns {
		if err := add(c, false); err != nil {
			return nil, err
		}
	}
	for _, c := range t.PartitionKeys {
		if err := add(c, true); err != nil {
			return nil, err
		}
	}
	for _, hidden := range []string{"$path"} {
		out.Columns = append(out.Columns, sqlfront.Column{Name: hidden, Type: varchar, Hidden: true})
	}
	return out, nil
}

const (
	viewPrefix = "/* Presto View: "
	viewSuffix = " */"
)

// viewText returns the query of a view as Presto, Trino and Athena store it in the catalog.
func viewText(t catalog.Table) (text, database string, err error) {
	raw := strings.TrimSpace(t.ViewOriginal)
	if body, ok := strings.CutPrefix(raw, viewPrefix); ok {
		data, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(body, viewSuffix))
		if err != nil {
			return "", "", fmt.Errorf("decode view %s: %w", t.Name, err)
		}
		var v struct{ OriginalSQL, Schema string }
		if err := json.Unmarshal(data, &v); err != nil {
			return "", "", fmt.Errorf("decode view %s: %w", t.Name, err)
		}
		return v.OriginalSQL, v.Schema, nil
	}
	if raw == "" {
		return "", "", &sqlfront.Error{Name: "INVALID_VIEW", Message: "view " + t.Name + " has no text"}
	}
	return raw, t.Database, nil
}

// encodeView writes a view's text as Presto does.
func encodeView(text, database string, columns []sqlfront.Column) string {
	type column struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	v := struct {
		OriginalSQL string   `json:"originalSql"`
		Catalog     string   `json:"catalog"`
		Schema      string   `json:"schema"`
		Columns     []column `json:"columns"`
	}{OriginalSQL: text, Catalog: "awsdatacatalog", Schema: database}
	for _, c := range columns {
		v.Columns = append(v.Columns, column{c.Name, c.Type.String()})
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic("BUG: view cannot be encoded: " + err.Error())
	}
	return viewPrefix + base64.StdEncoding.EncodeToString(data) + viewSuffix
}
