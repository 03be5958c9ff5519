package parse

import "strings"

func (p *parser) create(st *Statement) {
	p.expect("CREATE")
	if p.accept("OR") {
		p.expect("REPLACE")
		st.Replace = true
	}
	st.External = p.accept("EXTERNAL")
	switch {
	case p.accept("TABLE"):
		p.ifAbsent(st)
		st.Name = p.tableName()
		if !st.External && (p.isAny("WITH", "AS") || p.is("COMMENT") && !p.is("(")) {
			p.createAs(st)
			return
		}
		p.createTable(st)
	case p.accept("VIEW"):
		st.Kind = CreateView
		st.Name = p.tableName()
		if p.is("(") {
			st.Names = p.columnAliases()
		}
		if p.accept("COMMENT") {
			st.Comment = p.str()
		}
		p.expect("AS")
		p.queryOf(st)
	case p.accept("DATABASE"), p.accept("SCHEMA"):
		st.Kind = CreateDatabase
		p.ifAbsent(st)
		st.Name = []string{p.hiveName()}
		if p.accept("COMMENT") {
			st.Comment = p.str()
		}
		if p.accept("LOCATION") {
			st.Location = p.str()
		}
		if p.accept("WITH", "DBPROPERTIES") {
			p.properties(st.Properties)
		}
	default:
		p.fail("'DATABASE'", "'EXTERNAL'", "'SCHEMA'", "'TABLE'", "'VIEW'")
	}
}

func (p *parser) createAs(st *Statement) {
	st.Kind = CreateTableAs
	if p.accept("COMMENT") {
		st.Comment = p.str()
	}
	if p.accept("WITH") {
		p.withProperties(st)
	}
	p.expect("AS")
	p.queryOf(st)
	if p.accept("WITH", "NO", "DATA") {
		st.Action = "NO DATA"
	} else {
		p.accept("WITH", "DATA")
	}
}

func (p *parser) createTable(st *Statement) {
	st.Kind = CreateTable
	if p.accept("(") {
		st.Columns = p.columnDefs(false)
	}
	if p.accept("COMMENT") {
		st.Comment = p.str()
	}
	for {
		switch {
		case p.accept("PARTITIONED", "BY"):
			p.expect("(")
			st.Partition = p.columnDefs(true)
		case p.accept("CLUSTERED", "BY"):
			p.expect("(")
			for {
				st.Clustered = append(st.Clustered, p.hiveName())
				if !p.accept(",") {
					break
				}
			}
			p.expect(")", "INTO")
			st.Buckets = p.number()
			p.expect("BUCKETS")
		case p.accept("ROW", "FORMAT"):
			p.rowFormat(&st.Format)
		case p.accept("WITH", "SERDEPROPERTIES"):
			if st.Format.SerdeProperties == nil {
				st.Format.SerdeProperties = map[string]string{}
			}
			p.properties(st.Format.SerdeProperties)
		case p.accept("STORED", "AS"):
			if p.accept("INPUTFORMAT") {
				st.Format.Input = p.str()
				p.expect("OUTPUTFORMAT")
				st.Format.Output = p.str()
			} else {
				st.Format.StoredAs = strings.ToUpper(p.hiveName())
			}
		case p.accept("LOCATION"):
			st.Location = p.str()
		case p.accept("TBLPROPERTIES"):
			p.properties(st.Properties)
		default:
			return
		}
	}
}

func (p *parser) rowFormat(f *Format) {
	if p.accept("SERDE") {
		f.Serde = p.str()
		return
	}
	p.expect("DELIMITED")
	f.Delimited = true
	for {
		switch {
		case p.accept("FIELDS", "TERMINATED", "BY"):
			f.Fields = p.str()
			if p.accept("ESCAPED", "BY") {
				f.Escape = p.str()
			}
		case p.accept("COLLECTION", "ITEMS", "TERMINATED", "BY"):
			f.Items = p.str()
		case p.accept("MAP", "KEYS", "TERMINATED", "BY"):
			f.Keys = p.str()
		case p.accept("LINES", "TERMINATED", "BY"):
			f.Lines = p.str()
		case p.accept("NULL", "DEFINED", "AS"):
			f.Null = p.str()
		default:
			return
		}
	}
}

// columnDefs reads name type [COMMENT '…'], … up to the closing bracket. The types of partition keys may be left out
// where Iceberg's transforms stand, which is refused later.
func (p *parser) columnDefs(keys bool) []ColumnDef {
	var out []ColumnDef
	for {
		c := ColumnDef{Name: p.hiveName()}
		if keys && (p.is(",") || p.is(")") || p.is("(")) {
			p.fail("<type>")
		}
		c.Type = p.hiveType()
		if p.accept("COMMENT") {
			c.Comment = p.str()
		}
		out = append(out, c)
		if !p.accept(",") {
			break
		}
	}
	if !p.accept(")") {
		p.fail("')'", "','")
	}
	return out
}

// hiveType reads a type as Hive writes it and returns it without blanks.
func (p *parser) hiveType() string {
	defer p.enter()()
	name := p.hiveName()
	switch {
	case p.accept("<"):
		var parts []string
		for {
			part := ""
			if name == "struct" {
				part = p.hiveName()
				p.expect(":")
				part += ":"
			}
			parts = append(parts, part+p.hiveType())
			if !p.accept(",") {
				break
			}
		}
		p.expect(">")
		return name + "<" + strings.Join(parts, ",") + ">"
	case p.is("("):
		p.i++
		args := []string{p.digits()}
		for p.accept(",") {
			args = append(args, p.digits())
		}
		p.expect(")")
		return name + "(" + strings.Join(args, ",") + ")"
	}
	return name
}

func (p *parser) digits() string {
	t := p.tok()
	if t.kind != integer {
		p.fail("<integer>")
	}
	p.i++
	return t.s
}

func (p *parser) alter(st *Statement) {
	p.expect("ALTER", "TABLE")
	st.Kind = AlterTable
	st.Name = p.tableName()
	switch {
	case p.accept("ADD"):
		p.ifAbsent(st)
		switch {
		case p.is("PARTITION"):
			st.Action = "ADD PARTITION"
			for p.accept("PARTITION") {
				s := p.spec()
				if p.accept("LOCATION") {
					s.Location = p.str()
				}
				st.Specs = append(st.Specs, s)
				p.accept(",")
			}
		case p.accept("COLUMNS"):
			st.Action = "ADD COLUMNS"
			p.expect("(")
			st.Columns = p.columnDefs(false)
		default:
			p.fail("'COLUMNS'", "'PARTITION'")
		}
	case p.accept("DROP"):
		p.ifExists(st)
		if p.accept("COLUMN") {
			st.Action, st.Names = "DROP COLUMN", []string{p.hiveName()}
			return
		}
		st.Action = "DROP PARTITION"
		if !p.is("PARTITION") {
			p.fail("'PARTITION'")
		}
		for p.accept("PARTITION") {
			st.Specs = append(st.Specs, p.spec())
			p.accept(",")
		}
	case p.accept("REPLACE", "COLUMNS"):
		st.Action = "REPLACE COLUMNS"
		p.expect("(")
		st.Columns = p.columnDefs(false)
	case p.accept("CHANGE"):
		p.accept("COLUMN")
		st.Action, st.Names = "CHANGE COLUMN", []string{p.hiveName()}
		c := ColumnDef{Name: p.hiveName(), Type: p.hiveType()}
		if p.accept("COMMENT") {
			c.Comment = p.str()
		}
		st.Columns = []ColumnDef{c}
	case p.accept("SET", "TBLPROPERTIES"):
		st.Action = "SET TBLPROPERTIES"
		p.properties(st.Properties)
	case p.accept("SET", "LOCATION"):
		st.Action, st.Location = "SET LOCATION", p.str()
	case p.is("PARTITION"):
		p.i++
		s := p.spec()
		switch {
		case p.accept("SET", "LOCATION"):
			st.Action = "SET LOCATION"
			s.Location = p.str()
			st.Specs = []PartitionSpec{s}
		case p.accept("RENAME"):
			p.expect("TO", "PARTITION")
			st.Action = "RENAME PARTITION"
			st.Specs = []PartitionSpec{s, p.spec()}
		default:
			p.fail("'RENAME'", "'SET'")
		}
	default:
		p.fail("'ADD'", "'CHANGE'", "'DROP'", "'PARTITION'", "'REPLACE'", "'SET'")
	}
}
