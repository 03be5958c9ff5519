package sqlfront

import (
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/duck"
	"github.com/tarn-data/tarn/internal/duck/value"
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// ex is a generated expression: SQL of DuckDB with its Trino type.
type ex struct {
	sql    string
	t      types.Type
	simple bool   // a column or constant: may be written twice
	field  *field // the column it is
	lit    any    // the constant's Go form; see isLit
	isLit  bool
}

func itoa(n int) string { return strconv.Itoa(n) }

func castSQL(sql string, t types.Type) string { return "CAST(" + sql + " AS " + reprSQL(t) + ")" }

func null(t types.Type) *ex {
	return &ex{sql: castSQL("NULL", t), t: t, simple: true, isLit: true}
}

// constant returns a value of the front end as SQL.
func constant(v any, t types.Type) *ex {
	if v == nil {
		return null(t)
	}
	return &ex{sql: constantSQL(v, t), t: t, simple: true, lit: v, isLit: true}
}

func constantSQL(v any, t types.Type) string {
	if v == nil {
		return castSQL("NULL", t)
	}
	num := func() string { return strconv.FormatInt(v.(int64), 10) }
	switch t.Base {
	case types.Boolean:
		return castSQL(strconv.FormatBool(v.(bool)), t)
	case types.TinyInt, types.SmallInt, types.Integer, types.BigInt, types.IntervalDay, types.IntervalYear:
		return castSQL(num(), t)
	case types.Decimal:
		text, _ := scalar.Text(v, t)
		return castSQL("'"+text+"'", t)
	case types.Double:
		return castSQL("'"+scalar.JavaDouble(v.(float64))+"'", t)
	case types.Real: // its cast to varchar has seven digits only
		return castSQL("'"+scalar.JavaFloat(v.(float32))+"'", t)
	case types.Date:
		return "(DATE '1970-01-01' + CAST(" + num() + " AS INTEGER))"
	case types.Timestamp:
		return "make_timestamp(" + num() + ")"
	case types.Time:
		return "CAST(make_timestamp(" + num() + ") AS TIME)"
	case types.TimestampTZ:
		l := v.([]any)
		return "{'t': make_timestamp(" + strconv.FormatInt(l[0].(int64), 10) + "), 'z': " + value.Literal(l[1].(string)) + "}"
	case types.TimeTZ:
		l := v.([]any)
		return castSQL("{'t': "+strconv.FormatInt(l[0].(int64), 10)+", 'z': "+strconv.FormatInt(l[1].(int64), 10)+"}", t)
	case types.Varbinary, types.IPAddress:
		return "unhex('" + hexOf(v.([]byte)) + "')"
	}
	s, _ := v.(string)
	return value.Literal(s)
}

func hexOf(b []byte) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, 2*len(b))
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return string(out)
}

// call applies a function of package scalar; ok is false if there is none for these types.
func (a *analyzer) call(impl string, result types.Type, args ...*ex) (*ex, bool) {
	s := scalar.Signature{Result: result}
	sqls := make([]string, len(args))
	for i, x := range args {
		s.Args = append(s.Args, x.t)
		sqls[i] = x.sql
	}
	onNull, volatile, ok := scalar.Supports(impl, s)
	if !ok {
		return nil, false
	}
	encoded := scalar.EncodeSignature(s)
	key := impl + " " + encoded
	name, ok := a.functions[key]
	if !ok {
		name = "f" + itoa(len(a.functions)+1)
		a.functions[key] = name
		f := duck.Function{Name: name, Impl: impl, Params: []string{encoded}, Result: Repr(result), CallOnNull: onNull, Volatile: volatile}
		for _, t := range s.Args {
			f.Args = append(f.Args, Repr(t))
		}
		a.udfs = append(a.udfs, f)
	}
	return &ex{sql: name + "(" + strings.Join(sqls, ", ") + ")", t: result}, true
}

func (a *analyzer) mustCall(at parse.Pos, what, impl string, result types.Type, args ...*ex) *ex {
	x, ok := a.call(impl, result, args...)
	if !ok {
		var ts []string
		for _, g := range args {
			ts = append(ts, g.t.String())
		}
		a.refuse(at, "%s of %s is not supported", what, strings.Join(ts, ", "))
	}
	return x
}

// expr generates an expression.
func (a *analyzer) expr(e *parse.Expr, s *scope) *ex {
	if a.depth++; a.depth > 500 {
		a.refuse(e.Pos, "expressions nested deeper than 500 levels are not supported")
	}
	defer func() { a.depth-- }()
	if s.agg != nil && !(e.Kind == parse.Ident && s.output[strings.ToLower(e.Name)] != nil) {
		if x := s.agg.key(a, e, s); x != nil {
			return x
		}
	}
	switch e.Kind {
	case parse.Null, parse.Bool, parse.Int, parse.Dec, parse.Dbl, parse.Str, parse.Bin, parse.Typed, parse.Interval:
		return a.literal(e)
	case parse.Ident, parse.Deref:
		return a.name(e, s)
	case parse.Call:
		return a.callExpr(e, s)
	case parse.Cast:
		return a.castExpr(e, s)
	case parse.Arith:
		return a.arith(e, s)
	case parse.Concat:
		return a.function("concat", e, []*ex{a.expr(e.A[0], s), a.expr(e.A[1], s)}, s)
	case parse.Neg, parse.Pos_:
		return a.sign(e, s)
	case parse.Not:
		x := a.condition(e.A[0], s, "Value of logical NOT expression")
		return &ex{sql: "(NOT " + x.sql + ")", t: x.t}
	case parse.Logical:
		var parts []string
		for _, p := range e.A {
			parts = append(parts, a.condition(p, s, "Logical expression term").sql)
		}
		return boolean("(" + strings.Join(parts, " "+e.S+" ") + ")")
	case parse.Compare:
		return a.compare(e.S, e.Pos, a.expr(e.A[0], s), a.expr(e.A[1], s))
	case parse.DistinctFrom:
		return a.distinctFrom(e, s)
	case parse.Between:
		return a.between(e, s)
	case parse.InList:
		return a.inList(e, s)
	case parse.Like:
		return a.like(e, s)
	case parse.IsNull:
		x := a.expr(e.A[0], s)
		if e.Not {
			return boolean("(" + x.sql + " IS NOT NULL)")
		}
		return boolean("(" + x.sql + " IS NULL)")
	case parse.Exists, parse.Subquery, parse.InQuery, parse.Quantified:
		return a.subqueryExpr(e, s)
	case parse.Case:
		return a.caseExpr(e, s)
	case parse.Subscript:
		return a.subscript(e, s)
	case parse.Array:
		return a.array(e, s)
	case parse.Row:
		return a.row(e, s)
	case parse.Lambda:
		a.fail("TYPE_MISMATCH", e.Pos, "Lambda expression should always be used inside a function")
	case parse.Param:
		return a.param(e, s)
	case parse.AtZone:
		return a.atZone(e, s)
	case parse.Extract:
		return a.extract(e, s)
	case parse.Current:
		return a.current(e)
	case parse.Trim:
		name := map[string]string{"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}[e.Name]
		placeless := *e // as Trino reports a trim that it does not have
		placeless.Pos = parse.Pos{}
		return a.function(name, &placeless, a.exprs(e.A, s), s)
	case parse.Try:
		return a.try(e, s)
	case parse.Grouping:
		return a.grouping(e, s)
	case parse.JSONCall:
		return a.jsonCall(e, s)
	}
	a.refuse(e.Pos, "this expression is not supported")
	return nil
}

func (a *analyzer) exprs(es []*parse.Expr, s *scope) []*ex {
	out := make([]*ex, len(es))
	for i, e := range es {
		out[i] = a.expr(e, s)
	}
	return out
}

func boolean(sql string) *ex { return &ex{sql: sql, t: types.Of(types.Boolean)} }

// condition generates an expression that must be boolean; what names it in the message.
func (a *analyzer) condition(e *parse.Expr, s *scope, what string) *ex {
	x := a.expr(e, s)
	if x.t.Base == types.Unknown {
		return a.coerce(x, types.Of(types.Boolean))
	}
	if x.t.Base != types.Boolean {
		a.fail("TYPE_MISMATCH", e.Pos, "%s must evaluate to a boolean (actual: %s)", what, x.t)
	}
	return x
}

func (a *analyzer) name(e *parse.Expr, s *scope) *ex {
	if x := a.reference(e, s); x != nil {
		return x
	}
	if e.Kind == parse.Deref {
		if base := e.A[0]; chain(base) == nil || a.reference(base, s) != nil {
			x := a.expr(base, s)
			if x.t.Base != types.Row {
				a.fail("TYPE_MISMATCH", e.Pos, "Expression %s is not of type ROW", base.Text)
			}
			f := rowField(x, e.Name)
			if f == nil {
				a.fail("INVALID_COLUMN_REFERENCE", e.Pos, "Column reference '%s' is invalid", strings.ToLower(e.Name))
			}
			return f
		}
	}
	shown := strings.Join(chain(e), ".")
	a.fail("COLUMN_NOT_FOUND", e.Pos, "Column '%s' cannot be resolved", shown)
	return nil
}

func (a *analyzer) param(e *parse.Expr, s *scope) *ex {
	if e.N >= len(a.params) {
		a.fail("INVALID_PARAMETER_USAGE", a.opts.Start, "Incorrect number of parameters: expected %d but found %d", e.N+1, len(a.params))
	}
	a.paramsUsed = max(a.paramsUsed, e.N+1)
	return a.expr(a.params[e.N], &scope{})
}

func (a *analyzer) caseExpr(e *parse.Expr, s *scope) *ex {
	operand, pairs, other := e.A[0], e.A[1:len(e.A)-1], e.A[len(e.A)-1]
	var conds []string
	var op *ex
	if operand != nil {
		op = a.expr(operand, s)
	}
	var results []*ex
	var places []*parse.Expr
	for i := 0; i < len(pairs); i += 2 {
		if op == nil {
			conds = append(conds, a.condition(pairs[i], s, "CASE WHEN clause").sql)
			continue
		}
		when := a.expr(pairs[i], s)
		if _, ok := types.Common(op.t, when.t); !ok {
			a.fail("TYPE_MISMATCH", pairs[i].Pos, "CASE operand type does not match WHEN clause operand type: %s vs %s", op.t, when.t)
		}
		conds = append(conds, a.compare("=", pairs[i].Pos, op, when).sql)
	}
	for i := 1; i < len(pairs); i += 2 {
		results = append(results, a.expr(pairs[i], s))
		places = append(places, pairs[i])
	}
	if other != nil {
		results = append(results, a.expr(other, s))
		places = append(places, other)
	}
	t := a.common(results, places, "All CASE results")
	var b strings.Builder
	b.WriteString("CASE")
	for i, c := range conds {
		b.WriteString(" WHEN " + c + " THEN " + a.coerce(results[i], t).sql)
	}
	last := null(t)
	if other != nil {
		last = a.coerce(results[len(results)-1], t)
	}
	b.WriteString(" ELSE " + last.sql + " END")
	return &ex{sql: "(" + b.String() + ")", t: t}
}

// common finds the type that all expressions agree on; what begins the message.
func (a *analyzer) common(xs []*ex, places []*parse.Expr, what string) types.Type {
	t := types.Of(types.Unknown)
	for i, x := range xs {
		c, ok := types.Common(t, x.t)
		if !ok {
			a.fail("TYPE_MISMATCH", places[i].Pos, "%s must be the same type or coercible to a common type. Cannot find common type between %s and %s, all types (without duplicates): [%s, %s]", what, t, x.t, t, x.t)
		}
		t = c
	}
	return t
}

func (a *analyzer) array(e *parse.Expr, s *scope) *ex {
	xs := a.exprs(e.A, s)
	t := a.common(xs, e.A, "All ARRAY elements")
	parts := make([]string, len(xs))
	for i, x := range xs {
		parts[i] = a.coerce(x, t).sql
	}
	out := types.ArrayOf(t)
	if len(xs) == 0 {
		return &ex{sql: castSQL("[]", out), t: out}
	}
	return &ex{sql: "[" + strings.Join(parts, ", ") + "]", t: out}
}

func (a *analyzer) row(e *parse.Expr, s *scope) *ex {
	if len(e.A) == 0 {
		a.fail("FUNCTION_NOT_FOUND", e.Pos, "Function 'row' not registered")
	}
	xs := a.exprs(e.A, s)
	ts := make([]types.Type, len(xs))
	parts := make([]string, len(xs))
	for i, x := range xs {
		ts[i] = x.t
		parts[i] = "'f" + itoa(i) + "': " + x.sql
	}
	return &ex{sql: "{" + strings.Join(parts, ", ") + "}", t: types.RowOf(ts...)}
}

func (a *analyzer) subscript(e *parse.Expr, s *scope) *ex {
	base, index := a.expr(e.A[0], s), a.expr(e.A[1], s)
	if base.t.Base == types.Unknown {
		return null(base.t)
	}
	bad := func() {
		a.fail("TYPE_MISMATCH", e.Pos, "Cannot use %s for subscript of %s", index.t, base.t)
	}
	switch base.t.Base {
	case types.Row:
		if e.A[1].Kind != parse.Int {
			a.fail("EXPRESSION_NOT_CONSTANT", e.A[1].Pos, "Subscript expression on ROW requires a constant index")
		}
		n, err := strconv.Atoi(e.A[1].S)
		if err != nil || n < 1 || n > len(base.t.Args) {
			a.fail("INVALID_FUNCTION_ARGUMENT", e.A[1].Pos, "Invalid subscript index: %s. ROW indices start at 1", e.A[1].S)
		}
		return &ex{sql: "(" + base.sql + ").f" + itoa(n-1), t: base.t.Args[n-1]}
	case types.Array:
		if !types.Coercible(index.t, types.Of(types.BigInt)) {
			bad()
		}
		return a.mustCall(e.Pos, "subscript", "$subscript", base.t.Elem(), base, a.coerce(index, types.Of(types.BigInt)))
	case types.Map:
		if !types.Coercible(index.t, base.t.Args[0]) {
			bad()
		}
		return a.mustCall(e.Pos, "subscript", "$subscript", base.t.Args[1], base, a.coerce(index, base.t.Args[0]))
	}
	bad()
	return nil
}

func (a *analyzer) try(e *parse.Expr, s *scope) *ex {
	x := a.expr(e.A[0], s)
	if strings.Contains(x.sql, "(SELECT ") {
		a.refuse(e.Pos, "TRY around a subquery is not supported")
	}
	if x.simple {
		return x
	}
	return &ex{sql: "TRY(" + x.sql + ")", t: x.t}
}
