package query

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"sort"
	"strings"

	"github.com/tarn-data/tarn/internal/catalog"
	"github.com/tarn-data/tarn/internal/sqlfront"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
)

// escapeHive writes a name or value as Hive's folders have it: what a path or a pattern would read otherwise becomes %XX.
func escapeHive(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || strings.IndexByte("\"#%'*/:=?\\{[]^", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescapeHive decodes the value of a folder's name.
func unescapeHive(v string) string {
	if s, err := url.PathUnescape(v); err == nil {
		return s
	}
	return v
}

// likePattern is SHOW's pattern: * and | of Hive.
func likePattern(p string) (*regexp.Regexp, error) {
	if p == "" {
		p = "*"
	}
	var alternatives []string
	for _, a := range strings.Split(p, "|") {
		a = strings.ReplaceAll(a, ".*", "*")
		alternatives = append(alternatives, strings.ReplaceAll(regexp.QuoteMeta(a), `\*`, ".*"))
	}
	return regexp.Compile("(?i)^(?:" + strings.Join(alternatives, "|") + ")$")
}

func (r *running) show(ctx context.Context, st *parse.Statement) error {
	one := func(name string, values []string) error {
		re, err := likePattern(st.Like)
		if err != nil {
			return refused("pattern %s is not supported", st.Like)
		}
		sort.Strings(values)
		var rows [][]string
		for _, v := range values {
			if st.Action == "TBLPROPERTIES" || re.MatchString(v) {
				rows = append(rows, []string{v})
			}
		}
		return r.lines(ctx, []Column{{name, varchar}}, rows)
	}
	switch st.Action {
	case "DATABASES":
		if err := r.mayDatabase(ctx, "glue:GetDatabases", "*"); err != nil {
			return err
		}
		var names []string
		after := ""
		for {
			list, more, err := r.e.opts.Catalog.Databases(ctx, r.s, after, 1000)
			if err != nil {
				return err
			}
			for _, d := range list {
				names = append(names, d.Name)
				after = d.Name
			}
			if !more {
				return one("database_name", names)
			}
		}
	case "TABLES", "VIEWS":
		db := r.database()
		if len(st.Name) > 0 {
			db = st.Name[0]
		}
		if err := r.mayTable(ctx, "glue:GetTables", db, "*"); err != nil {
			return err
		}
		if _, err := r.e.opts.Catalog.Database(ctx, r.s, db); err != nil {
			return &sqlfront.Error{Name: "SCHEMA_NOT_FOUND", Message: "Schema '" + db + "' does not exist"}
		}
		var names []string
		after := ""
		for {
			list, more, err := r.e.opts.Catalog.Tables(ctx, r.s, db, "", after, 1000)
			if err != nil {
				return err
			}
			for _, t := range list {
				after = t.Name
				if st.Action == "TABLES" || t.Type == "VIRTUAL_VIEW" {
					names = append(names, t.Name)
				}
			}
			if !more {
				return one(map[string]string{"TABLES": "tab_name", "VIEWS": "views"}[st.Action], names)
			}
		}
	}
	t, err := r.table(ctx, st.Name)
	if err != nil {
		return catalogError(err)
	}
	switch st.Action {
	case "PARTITIONS":
		if len(t.PartitionKeys) == 0 {
			return &sqlfront.Error{Name: "FAILED", Message: "Execution Error, return code 1. Table " + t.Name + " is not a partitioned table"}
		}
		if err := r.mayTable(ctx, "glue:GetPartitions", t.Database, t.Name); err != nil {
			return err
		}
		list, _, err := r.e.opts.Catalog.Partitions(ctx, r.s, t.Database, t.Name, catalog.PartitionQuery{WithoutColumns: true})
		if err != nil {
			return err
		}
		var rows [][]string
		for _, p := range list {
			rows = append(rows, []string{partitionName(t, p.Values)})
		}
		return r.lines(ctx, []Column{{"partition", varchar}}, rows)
	case "COLUMNS":
		var rows [][]string
		for _, c := range append(append([]catalog.Column{}, t.Storage.Columns...), t.PartitionKeys...) {
			rows = append(rows, []string{fmt.Sprintf("%-20s", c.Name)})
		}
		return r.lines(ctx, []Column{{"field", varchar}}, rows)
	case "TBLPROPERTIES":
		var rows []string
		for k, v := range t.Parameters {
			if st.Like == "" || st.Like == k {
				rows = append(rows, k+"\t"+v)
			}
		}
		return one("prpt_name", rows)
	case "CREATE VIEW":
		if t.Type != "VIRTUAL_VIEW" {
			return &sqlfront.Error{Name: "FAILED", Message: t.Name + " is not a view"}
		}
		text, _, err := viewText(t)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, l := range strings.Split("CREATE VIEW "+t.Database+"."+t.Name+" AS\n"+text, "\n") {
			rows = append(rows, []string{l})
		}
		return r.lines(ctx, []Column{{"Create View", varchar}}, rows)
	}
	var rows [][]string
	for _, l := range strings.Split(createText(t), "\n") {
		rows = append(rows, []string{l})
	}
	return r.lines(ctx, []Column{{"createtab_stmt", varchar}}, rows)
}

// createText writes a table's definition as SHOW CREATE TABLE does.
func createText(t catalog.Table) string {
	var b strings.Builder
	columns := func(list []catalog.Column) {
		for i, c := range list {
			fmt.Fprintf(&b, "  `%s` %s", c.Name, c.Type)
			if c.Comment != "" {
				b.WriteString(" COMMENT '" + strings.ReplaceAll(c.Comment, "'", `\'`) + "'")
			}
			if i < len(list)-1 {
				b.WriteString(", \n")
			}
		}
		b.WriteString(")\n")
	}
	fmt.Fprintf(&b, "CREATE EXTERNAL TABLE `%s.%s`(\n", t.Database, t.Name)
	columns(t.Storage.Columns)
	if t.Description != "" {
		b.WriteString("COMMENT '" + strings.ReplaceAll(t.Description, "'", `\'`) + "'\n")
	}
	if len(t.PartitionKeys) > 0 {
		b.WriteString("PARTITIONED BY ( \n")
		columns(t.PartitionKeys)
	}
	pairs := func(head string, m map[string]string) {
		if len(m) == 0 {
			return
		}
		keys := make([]string, 0, len(m))
		for k := range m {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		b.WriteString(head + " ( \n")
		for i, k := range keys {
			fmt.Fprintf(&b, "  '%s'='%s'", k, strings.ReplaceAll(m[k], "'", `\'`))
			if i < len(keys)-1 {
				b.WriteString(", \n")
			}
		}
		b.WriteString(") \n")
	}
	if sd := t.Storage.Serde; sd != nil {
		b.WriteString("ROW FORMAT SERDE \n  '" + sd.Library + "' \n")
		pairs("WITH SERDEPROPERTIES", sd.Parameters)
	}
	fmt.Fprintf(&b, "STORED AS INPUTFORMAT \n  '%s' \nOUTPUTFORMAT \n  '%s'\nLOCATION\n  '%s'\n", t.Storage.InputFormat, t.Storage.OutputFormat, t.Storage.Location)
	pairs("TBLPROPERTIES", t.Parameters)
	return strings.TrimRight(b.String(), " \n")
}

func (r *running) describe(ctx context.Context, st *parse.Statement) error {
	t, err := r.table(ctx, st.Name)
	if err != nil {
		return catalogError(err)
	}
	cols := []Column{{"col_name", varchar}, {"data_type", varchar}, {"comment", varchar}}
	row := func(c catalog.Column) []string {
		return []string{fmt.Sprintf("%-20s", c.Name), fmt.Sprintf("%-20s", c.Type), fmt.Sprintf("%-20s", c.Comment)}
	}
	var rows [][]string
	for _, c := range append(append([]catalog.Column{}, t.Storage.Columns...), t.PartitionKeys...) {
		rows = append(rows, row(c))
	}
	if len(t.PartitionKeys) > 0 {
		rows = append(rows, []string{"", "", ""}, []string{"# Partition Information", "", ""}, []string{"# col_name            ", "data_type           ", "comment             "})
		for _, c := range t.PartitionKeys {
			rows = append(rows, row(c))
		}
	}
	if st.Action != "" {
		add := func(k, v string) { rows = append(rows, []string{fmt.Sprintf("%-20s", k), v, ""}) }
		rows = append(rows, []string{"", "", ""}, []string{"# Detailed Table Information", "", ""})
		add("Database:", t.Database)
		add("CreateTime:", t.Created.UTC().Format("Mon Jan 02 15:04:05 UTC 2006"))
		add("Location:", t.Storage.Location)
		add("Table Type:", t.Type)
		for _, k := range sortedKeys(t.Parameters) {
			add("  "+k, t.Parameters[k])
		}
		if sd := t.Storage.Serde; sd != nil {
			add("SerDe Library:", sd.Library)
		}
		add("InputFormat:", t.Storage.InputFormat)
		add("OutputFormat:", t.Storage.OutputFormat)
	}
	return r.lines(ctx, cols, rows)
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
