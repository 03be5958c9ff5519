package parse

import (
	"strings"
)

// Kind of statements.
const (
	Select         = "SELECT"
	CreateTable    = "CREATE TABLE"
	CreateTableAs  = "CREATE TABLE AS SELECT"
	CreateView     = "CREATE VIEW"
	CreateDatabase = "CREATE DATABASE"
	DropTable      = "DROP TABLE"
	DropView       = "DROP VIEW"
	DropDatabase   = "DROP DATABASE"
	AlterTable     = "ALTER TABLE"
	AlterDatabase  = "ALTER DATABASE"
	Repair         = "MSCK REPAIR TABLE"
	Show           = "SHOW"
	Describe       = "DESCRIBE"
	Insert         = "INSERT"
	Unload         = "UNLOAD"
	Prepare        = "PREPARE"
	Execute        = "EXECUTE"
	Deallocate     = "DEALLOCATE"
	Explain        = "EXPLAIN"
)

// Statement is a statement of Athena. Which fields matter depends on Kind and Action.
type Statement struct {
	Pos
	Kind string
	// Action tells what ALTER, SHOW, DESCRIBE and EXPLAIN do: ADD PARTITION, TABLES, FORMATTED, VALIDATE, ….
	Action    string
	Name      []string // of the object: table, or database and table
	IfExists  bool
	IfAbsent  bool // IF NOT EXISTS
	Replace   bool
	Cascade   bool
	External  bool
	Query     *Query
	QueryText string
	TextPos   Pos        // of the literal of EXECUTE IMMEDIATE
	Inner     *Statement // of EXPLAIN and PREPARE
	Columns   []ColumnDef
	Partition []ColumnDef // PARTITIONED BY
	Names     []string    // columns of INSERT; column of DROP or CHANGE
	Comment   string
	Location  string
	Format    Format
	Buckets   int
	Clustered []string
	// Properties are TBLPROPERTIES, DBPROPERTIES, or WITH (…) of CTAS and UNLOAD; arrays are joined by commas.
	Properties map[string]string
	Specs      []PartitionSpec
	Like       string // pattern of SHOW
	Using      []string
}

// ColumnDef is a column of a table's definition, its type in Hive's words.
type ColumnDef struct {
	Name, Type, Comment string
}

// Format is the ROW FORMAT and STORED AS part of CREATE TABLE.
type Format struct {
	Serde           string
	SerdeProperties map[string]string
	Delimited       bool
	Fields, Escape  string
	Items, Keys     string
	Lines, Null     string
	StoredAs        string
	Input, Output   string
}

// PartitionSpec is PARTITION (k = 'v', …) [LOCATION '…'].
type PartitionSpec struct {
	Keys, Values []string
	Location     string
}

// ParseStatement reads one statement of Athena: a query of Trino or DDL of Hive.
func ParseStatement(src string) (*Statement, error) { return parseStatement(src, Pos{1, 1}) }

// ParseImmediate parses the text of EXECUTE IMMEDIATE. Places are those of the outer statement, as in Trino: the first line follows
// the literal's quote.
func ParseImmediate(st *Statement) (*Statement, error) {
	return parseStatement(st.QueryText, Pos{st.TextPos.Line, st.TextPos.Col + 1})
}

func parseStatement(src string, at Pos) (*Statement, error) {
	var st *Statement
	words := firstWords(src)
	hive := false
	switch words[0] {
	case "ALTER", "MSCK", "SHOW", "DESCRIBE", "DESC", "DROP":
		hive = true
	case "CREATE":
		hive = words[1] == "EXTERNAL" || words[1] == "DATABASE" || words[1] == "SCHEMA" || words[1] == "TABLE" && !isCTAS(src)
	}
	err := run(src, hive, at, func(p *parser) {
		st = p.statement()
		for p.is(";") && p.peek(1).kind == eof {
			p.i++
		}
		p.expectEOF()
	})
	if err != nil {
		return nil, err
	}
	return st, nil
}

// firstWords returns the first two words of a statement in upper case.
func firstWords(src string) [2]string {
	var out [2]string
	for i, t := range lex(src, false, Pos{1, 1}) {
		if i > 1 {
			break
		}
		out[i] = t.up
	}
	return out
}

// isCTAS tells CREATE TABLE … AS from the definition of a table: a WITH or AS comes right after the name.
func isCTAS(src string) bool {
	toks := lex(src, false, Pos{1, 1})
	i := 2
	for i < len(toks) && (is(toks[i], "IF") || is(toks[i], "NOT") || is(toks[i], "EXISTS")) {
		i++
	}
	for i+1 < len(toks) && is(toks[i+1], ".") {
		i += 2
	}
	i++
	return i < len(toks) && (is(toks[i], "WITH") || is(toks[i], "AS") || is(toks[i], "COMMENT"))
}

func (p *parser) statement() *Statement {
	t := p.tok()
	st := &Statement{Pos: t.Pos, Properties: map[string]string{}}
	switch {
	case p.isAny("SELECT", "WITH", "VALUES", "(") || p.is("TABLE"):
		st.Kind = Select
		p.queryOf(st)
	case p.is("CREATE"):
		p.create(st)
	case p.is("DROP"):
		p.drop(st)
	case p.are("ALTER", "TABLE"):
		p.alter(st)
	case p.are("ALTER", "DATABASE"), p.are("ALTER", "SCHEMA"):
		p.i += 2
		st.Kind, st.Name = AlterDatabase, []string{p.hiveName()}
		p.expect("SET", "DBPROPERTIES")
		p.properties(st.Properties)
	case p.accept("MSCK"):
		st.Kind = Repair
		p.expect("REPAIR", "TABLE")
		st.Name = p.tableName()
	case p.is("SHOW"):
		p.show(st)
	case p.is("DESCRIBE"), p.is("DESC"):
		p.describe(st)
	case p.is("INSERT"):
		p.insert(st)
	case p.is("UNLOAD"):
		p.unload(st)
	case p.accept("PREPARE"):
		st.Kind, st.Name = Prepare, []string{p.name()}
		p.expect("FROM")
		from := p.tok().off
		st.Inner = p.statement()
		st.QueryText = p.written(from)
	case p.are("EXECUTE", "IMMEDIATE") && p.peek(2).kind == text:
		p.i += 2
		st.TextPos = p.tok().Pos
		st.Kind, st.Action, st.QueryText = Execute, "IMMEDIATE", p.str()
		p.using(st)
	case p.accept("EXECUTE"):
		st.Kind, st.Name = Execute, []string{p.name()}
		p.using(st)
	case p.accept("DEALLOCATE"):
		p.expect("PREPARE")
		st.Kind, st.Name = Deallocate, []string{p.name()}
	case p.accept("EXPLAIN"):
		st.Kind = Explain
		if p.accept("ANALYZE") {
			st.Action = "ANALYZE"
			p.accept("VERBOSE")
		}
		if p.is("(") && !p.startsQuery(1) {
			p.i++
			for !p.accept(")") {
				w := p.tok()
				p.i++
				if w.kind == eof {
					p.fail("')'")
				}
				if w.up == "VALIDATE" {
					st.Action = "VALIDATE"
				}
			}
		}
		st.Inner = p.statement()
	default:
		p.fail("'ALTER'", "'CREATE'", "'DEALLOCATE'", "'DESCRIBE'", "'DROP'", "'EXECUTE'", "'EXPLAIN'", "'INSERT'", "'MSCK'", "'PREPARE'", "'SELECT'", "'SHOW'", "'UNLOAD'", "'VALUES'", "'WITH'")
	}
	return st
}

// using reads the values of an EXECUTE as they are written.
func (p *parser) using(st *Statement) {
	if !p.accept("USING") {
		return
	}
	for {
		from := p.tok().off
		p.expr()
		st.Using = append(st.Using, p.written(from))
		if !p.accept(",") {
			return
		}
	}
}

func (p *parser) queryOf(st *Statement) {
	from := p.tok().off
	st.Query = p.query()
	st.QueryText = p.written(from)
}

// hiveName reads a name of Hive's DDL, which may be in backquotes and may be a keyword.
func (p *parser) hiveName() string {
	t := p.tok()
	switch t.kind {
	case word, backquoted, quoted, digitWord:
		p.i++
		return strings.ToLower(t.s)
	case text:
		if strings.HasPrefix(t.raw, `"`) {
			p.i++
			return strings.ToLower(t.s)
		}
	}
	p.fail("<identifier>")
	return ""
}

func (p *parser) tableName() []string {
	out := []string{p.hiveName()}
	for p.accept(".") {
		out = append(out, p.hiveName())
	}
	return out
}

func (p *parser) str() string {
	t := p.tok()
	if t.kind != text {
		p.fail("<string>")
	}
	p.i++
	return t.s
}

func (p *parser) ifExists(st *Statement) {
	st.IfExists = p.accept("IF", "EXISTS")
}

func (p *parser) ifAbsent(st *Statement) {
	st.IfAbsent = p.accept("IF", "NOT", "EXISTS")
}

// properties reads ('k'='v', …).
func (p *parser) properties(into map[string]string) {
	p.expect("(")
	for {
		k := p.str()
		p.expect("=")
		into[k] = p.str()
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
}

func (p *parser) drop(st *Statement) {
	p.expect("DROP")
	switch {
	case p.accept("TABLE"):
		st.Kind = DropTable
	case p.accept("VIEW"):
		st.Kind = DropView
	case p.accept("DATABASE"), p.accept("SCHEMA"):
		st.Kind = DropDatabase
	default:
		p.fail("'DATABASE'", "'SCHEMA'", "'TABLE'", "'VIEW'")
	}
	p.ifExists(st)
	st.Name = p.tableName()
	if st.Kind == DropDatabase {
		st.Cascade = p.accept("CASCADE")
		p.accept("RESTRICT")
	}
}

func (p *parser) show(st *Statement) {
	p.expect("SHOW")
	st.Kind = Show
	in := func() bool { return p.accept("IN") || p.accept("FROM") }
	like := func() {
		p.accept("LIKE")
		if p.tok().kind == text {
			st.Like = p.str()
		}
	}
	switch {
	case p.accept("TABLES"), p.accept("VIEWS"):
		st.Action = p.toks[p.i-1].up
		if in() {
			st.Name = []string{p.hiveName()}
		}
		like()
	case p.accept("DATABASES"), p.accept("SCHEMAS"):
		st.Action = "DATABASES"
		like()
	case p.accept("PARTITIONS"):
		st.Action, st.Name = "PARTITIONS", p.tableName()
	case p.accept("COLUMNS"):
		st.Action = "COLUMNS"
		if !in() {
			p.fail("'FROM'", "'IN'")
		}
		st.Name = p.tableName()
		if len(st.Name) == 1 && in() {
			st.Name = append([]string{p.hiveName()}, st.Name...)
		}
	case p.accept("CREATE", "TABLE"):
		st.Action, st.Name = "CREATE TABLE", p.tableName()
	case p.accept("CREATE", "VIEW"):
		st.Action, st.Name = "CREATE VIEW", p.tableName()
	case p.accept("TBLPROPERTIES"):
		st.Action, st.Name = "TBLPROPERTIES", p.tableName()
		if p.accept("(") {
			st.Like = p.str()
			p.expect(")")
		}
	default:
		p.fail("'COLUMNS'", "'CREATE'", "'DATABASES'", "'PARTITIONS'", "'SCHEMAS'", "'TABLES'", "'TBLPROPERTIES'", "'VIEWS'")
	}
}

func (p *parser) describe(st *Statement) {
	p.i++
	st.Kind = Describe
	if p.isAny("FORMATTED", "EXTENDED") && p.peek(1).kind != eof && !is(p.peek(1), ".") && !is(p.peek(1), ";") {
		st.Action = p.tok().up
		p.i++
	}
	st.Name = p.tableName()
	if p.is("PARTITION") {
		p.i++
		st.Specs = []PartitionSpec{p.spec()}
	}
}

func (p *parser) insert(st *Statement) {
	p.expect("INSERT", "INTO")
	st.Kind = Insert
	p.accept("TABLE")
	st.Name = p.qualified()
	if p.is("(") && !p.startsQuery(1) {
		p.i++
		for {
			st.Names = append(st.Names, p.name())
			if !p.accept(",") {
				break
			}
		}
		p.expect(")")
	}
	p.queryOf(st)
}

func (p *parser) unload(st *Statement) {
	p.expect("UNLOAD", "(")
	st.Kind = Unload
	p.queryOf(st)
	p.expect(")", "TO")
	st.Location = p.str()
	p.expect("WITH")
	p.withProperties(st)
}

// withProperties reads (name = value, …) of Trino's WITH.
func (p *parser) withProperties(st *Statement) {
	p.expect("(")
	for {
		name := p.name()
		p.expect("=")
		st.Properties[name] = p.propertyValue()
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
}

func (p *parser) propertyValue() string {
	e := p.expr()
	switch e.Kind {
	case Str, Int, Dec, Bool:
		return e.S
	case Array:
		parts := make([]string, len(e.A))
		for i, x := range e.A {
			if x.Kind != Str {
				p.failAt(x.Pos, "property needs an array of strings")
			}
			parts[i] = x.S
		}
		return strings.Join(parts, ",")
	}
	p.failAt(e.Pos, "property needs a constant")
	return ""
}

func (p *parser) spec() PartitionSpec {
	var s PartitionSpec
	p.expect("(")
	for {
		s.Keys = append(s.Keys, p.hiveName())
		p.expect("=")
		t := p.tok()
		switch t.kind {
		case text, integer, decimal:
			s.Values = append(s.Values, t.s)
		case word:
			if p.peek(1).kind == text { // DATE '2024-01-01'
				p.i++
				t = p.tok()
			}
			s.Values = append(s.Values, t.s)
		default:
			p.fail("<string>")
		}
		p.i++
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return s
}
