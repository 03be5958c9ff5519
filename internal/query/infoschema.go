package query

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/duck/value"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// infoSchema is the database whose tables describe the others, as in Trino.
const infoSchema = "information_schema"

// infoTable is a table of information_schema by its name.
type infoTable string

// infoColumns are the columns of information_schema's tables. The schema and the table restrict what is listed, as keys of
// partitions do.
var infoColumns = map[infoTable][]sqlfront.Column{
	"schemata": {{Name: "catalog_name", Type: varchar}, {Name: "schema_name", Type: varchar, Partition: true}},
	"tables":   {{Name: "table_catalog", Type: varchar}, {Name: "table_schema", Type: varchar, Partition: true}, {Name: "table_name", Type: varchar, Partition: true}, {Name: "table_type", Type: varchar}},
	"views":    {{Name: "table_catalog", Type: varchar}, {Name: "table_schema", Type: varchar, Partition: true}, {Name: "table_name", Type: varchar, Partition: true}, {Name: "view_definition", Type: varchar}},
	"columns": {
		{Name: "table_catalog", Type: varchar}, {Name: "table_schema", Type: varchar, Partition: true}, {Name: "table_name", Type: varchar, Partition: true}, {Name: "column_name", Type: varchar},
		{Name: "ordinal_position", Type: types.Of(types.BigInt)}, {Name: "column_default", Type: varchar}, {Name: "is_nullable", Type: varchar}, {Name: "data_type", Type: varchar},
		{Name: "comment", Type: varchar, Hidden: true}, {Name: "extra_info", Type: varchar, Hidden: true},
	},
}

const infoCatalog = "awsdatacatalog"

// defineInfo makes the view that a table of information_schema stands for.
func (r *running) defineInfo(ctx context.Context, use *sqlfront.TableUse, name infoTable) (string, error) {
	var rows []string
	err := r.eachInfo(ctx, use, name, func(cells ...string) { rows = append(rows, "("+strings.Join(cells, ", ")+")") })
	if err != nil {
		return "", err
	}
	where := ""
	if len(rows) == 0 {
		where = " WHERE false"
		rows = []string{"(" + strings.TrimSuffix(strings.Repeat("NULL, ", len(use.Columns)), ", ") + ")"}
	}
	names, items := make([]string, len(use.Columns)), make([]string, len(use.Columns))
	for i, c := range use.Columns {
		n := "c" + strconv.Itoa(i)
		names[i], items[i] = n, "CAST(v."+n+" AS "+sqlfront.Repr(c.Type).String()+") AS "+n
	}
	return "CREATE VIEW " + use.Alias + " AS SELECT " + strings.Join(items, ", ") + " FROM (VALUES " + strings.Join(rows, ", ") + ") AS v(" + strings.Join(names, ", ") + ")" + where, nil
}

// eachInfo calls row with the cells of each row, as SQL.
func (r *running) eachInfo(ctx context.Context, use *sqlfront.TableUse, name infoTable, row func(cells ...string)) error {
	lit := value.Literal
	schemaKey := "table_schema"
	if name == "schemata" {
		schemaKey = "schema_name"
	}
	if err := r.mayDatabase(ctx, "glue:GetDatabases", "*"); err != nil {
		return err
	}
	list, _, err := r.e.opts.Catalog.Databases(ctx, r.s, "", 0)
	if err != nil {
		return err
	}
	for _, d := range append(list, catalog.Database{Name: infoSchema}) {
		keep, err := mayHold(use, schemaKey, varchar, d.Name)
		if err != nil {
			return err
		}
		switch {
		case !keep:
			continue
		case name == "schemata":
			row(lit(infoCatalog), lit(d.Name))
			continue
		}
		tables, err := r.infoTables(ctx, d.Name)
		if err != nil {
			return err
		}
		for i := range tables {
			t := &tables[i]
			if keep, err := mayHold(use, "table_name", varchar, t.Name); err != nil || !keep {
				if err != nil {
					return err
				}
				continue
			}
			if err := infoRows(name, t, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// infoTables lists the tables of a database, of information_schema too. A database that is dropped meanwhile has none.
func (r *running) infoTables(ctx context.Context, database string) ([]catalog.Table, error) {
	if database != infoSchema {
		if r.mayTable(ctx, "glue:GetTables", database, "*") != nil {
			return nil, nil // as Trino, which shows what one may see
		}
		list, _, err := r.e.opts.Catalog.Tables(ctx, r.s, database, "", "", 0)
		if errors.Is(err, catalog.ErrNotFound) {
			err = nil
		}
		return list, err
	}
	var list []catalog.Table
	for _, n := range []infoTable{"columns", "schemata", "tables", "views"} {
		t := catalog.Table{Database: infoSchema, Name: string(n), Storage: &catalog.Storage{}}
		for _, c := range infoColumns[n] {
			if !c.Hidden {
				t.Storage.Columns = append(t.Storage.Columns, catalog.Column{Name: c.Name, Type: strings.Replace(c.Type.String(), "varchar", "string", 1)})
			}
		}
		list = append(list, t)
	}
	return list, nil
}

func infoRows(name infoTable, t *catalog.Table, row func(cells ...string)) error {
	lit := value.Literal
	id := []string{lit(infoCatalog), lit(t.Database), lit(t.Name)}
	view := t.Type == "VIRTUAL_VIEW"
	switch name {
	case "tables":
		kind := "BASE TABLE"
		if view {
			kind = "VIEW"
		}
		row(append(id, lit(kind))...)
	case "views":
		if !view {
			return nil
		}
		text, _, err := viewText(*t)
		if err != nil {
			return err
		}
		row(append(id, lit(text))...)
	case "columns":
		if t.Storage == nil {
			return nil
		}
		n := 0
		each := func(columns []catalog.Column, extra string) {
			for _, c := range columns {
				n++
				typ := c.Type
				if parsed, err := types.ParseHive(c.Type); err == nil {
					typ = parsed.String()
				}
				comment := "NULL"
				if c.Comment != "" {
					comment = lit(c.Comment)
				}
				row(append(id[:3:3], lit(strings.ToLower(c.Name)), strconv.Itoa(n), "NULL", "'YES'", lit(typ), comment, extra)...)
			}
		}
		each(t.Storage.Columns, "NULL")
		each(t.PartitionKeys, "'partition key'")
	}
	return nil
}
