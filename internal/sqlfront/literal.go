package sqlfront

import (
	"math"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

func (a *analyzer) literal(e *parse.Expr) *ex {
	switch e.Kind {
	case parse.Null:
		return null(types.Of(types.Unknown))
	case parse.Bool:
		return constant(e.S == "true", types.Of(types.Boolean))
	case parse.Int:
		n, err := strconv.ParseInt(e.S, 10, 64)
		if err != nil {
			a.fail("SYNTAX_ERROR", e.Pos, "Invalid numeric literal: %s", e.S)
		}
		if n >= math.MinInt32 && n <= math.MaxInt32 {
			return constant(n, types.Of(types.Integer))
		}
		return constant(n, types.Of(types.BigInt))
	case parse.Dec:
		return a.decimal(e, e.S)
	case parse.Dbl:
		f, err := strconv.ParseFloat(e.S, 64)
		if err != nil && !math.IsInf(f, 0) {
			a.fail("INVALID_LITERAL", e.Pos, "'%s' is not a valid DOUBLE literal", e.S)
		}
		return constant(f, types.Of(types.Double))
	case parse.Str:
		return constant(e.S, types.VarcharOf(len([]rune(e.S))))
	case parse.Bin:
		return constant([]byte(e.S), types.Of(types.Varbinary))
	case parse.Interval:
		v, t, ok := scalar.ParseInterval(e.S, e.Name, e.To, e.Neg)
		if !ok {
			unit := e.Name
			if e.To != "" {
				unit += " TO " + e.To
			}
			a.fail("INVALID_LITERAL", e.Pos, "Invalid INTERVAL %s value: %s", unit, e.S)
		}
		return constant(v, t)
	}
	return a.typedLiteral(e)
}

// decimal reads the literal of a decimal: its type has the digits that are written.
func (a *analyzer) decimal(e *parse.Expr, s string) *ex {
	v, scale, ok := scalar.ParseDecimal(s)
	if !ok || strings.ContainsAny(s, "eE") {
		a.fail("INVALID_LITERAL", e.Pos, "'%s' is not a valid DECIMAL literal", e.S)
	}
	whole, _, _ := strings.Cut(strings.TrimLeft(s, "+-"), ".")
	p := max(1, len(strings.TrimLeft(whole, "0"))+scale)
	if p > types.MaxDecimal {
		a.fail("INVALID_LITERAL", e.Pos, "'%s' is not a valid DECIMAL literal", e.S)
	}
	return constant(v, types.DecimalOf(p, scale))
}

func (a *analyzer) typedLiteral(e *parse.Expr) *ex {
	invalid := func(label string) {
		a.fail("INVALID_LITERAL", e.Pos, "'%s' is not a valid %s literal", e.S, label)
	}
	varchar := types.VarcharOf(types.Unbounded)
	switch name := e.T.Name; name {
	case "decimal":
		return a.decimal(e, e.S)
	case "char":
		return constant(strings.TrimRight(e.S, " "), types.With(types.Char, len([]rune(e.S))))
	case "varchar":
		return constant(e.S, varchar)
	case "json":
		s, ok := scalar.CanonicalJSON(e.S)
		if !ok {
			invalid("JSON")
		}
		return constant(s, types.Of(types.JSON))
	case "date":
		d, ok := scalar.ParseDate(e.S)
		if !ok {
			invalid("DATE")
		}
		return constant(d, types.Of(types.Date))
	case "time":
		return a.timeLiteral(e)
	case "timestamp":
		return a.timestampLiteral(e)
	case "interval":
		a.fail("TYPE_NOT_FOUND", parse.Pos{}, "io.trino.spi.TrinoException: line %d:%d: Unknown resolvedType: %s", e.Pos.Line, e.Pos.Col, e.T.Text)
	}
	t, why := resolveType(e.T)
	if why != nil {
		a.fail("TYPE_NOT_FOUND", parse.Pos{}, "io.trino.spi.TrinoException: line %d:%d: Unknown resolvedType: %s", e.Pos.Line, e.Pos.Col, e.T.Text)
	}
	f, ok := scalar.Cast(varchar, t)
	if !ok {
		a.fail("INVALID_LITERAL", e.Pos, "No literal form for type %s", t)
	}
	v, err := f(e.S)
	if err != nil {
		invalid(strings.ToUpper(e.T.Name))
	}
	return constant(v, t)
}

func (a *analyzer) timeLiteral(e *parse.Expr) *ex {
	m, ok := scalar.ParseTime(e.S)
	if !ok {
		a.fail("INVALID_LITERAL", e.Pos, "'%s' is not a valid TIME literal", e.S)
	}
	a.checkPrecision(e, m, "TIME")
	if m.Zone == "" {
		return constant(m.Micros, types.With(types.Time, m.Precision))
	}
	off, ok := scalar.OffsetMinutes(m.Zone)
	if !ok {
		a.fail("INVALID_LITERAL", e.Pos, "'%s' is not a valid TIME literal", e.S)
	}
	return constant([]any{m.Micros, off}, types.With(types.TimeTZ, m.Precision))
}

func (a *analyzer) checkPrecision(e *parse.Expr, m *scalar.Moment, label string) {
	if m.Precision > 12 {
		a.fail("NUMERIC_VALUE_OUT_OF_RANGE", e.Pos, "%s precision must be in range [0, 12]: %d", label, m.Precision)
	}
	if m.Finer {
		a.refuse(e.Pos, "timestamps and times finer than a microsecond are not supported")
	}
}

func (a *analyzer) timestampLiteral(e *parse.Expr) *ex {
	invalid := func() { a.fail("INVALID_LITERAL", e.Pos, "'%s' is not a valid TIMESTAMP literal", e.S) }
	m, ok := scalar.ParseTimestamp(e.S)
	if !ok {
		invalid()
	}
	a.checkPrecision(e, m, "TIMESTAMP")
	if m.Zone == "" {
		return constant(m.Micros, types.With(types.Timestamp, m.Precision))
	}
	zone, ok := scalar.ZoneName(m.Zone)
	if !ok {
		if m.Zone[0] == '+' || m.Zone[0] == '-' {
			a.refuse(e.Pos, "Time zone not supported: %s", m.Zone)
		}
		invalid()
	}
	us, gap := scalar.ToInstant(m.Micros, zone)
	if gap {
		invalid()
	}
	return constant([]any{us, zone}, types.With(types.TimestampTZ, m.Precision))
}

// unknownType reports a type that Trino does not have.
type unknownType struct{ name, message string }

func (u *unknownType) Error() string { return u.message }

var simpleTypes = map[string]types.Type{
	"boolean": types.Of(types.Boolean), "tinyint": types.Of(types.TinyInt), "smallint": types.Of(types.SmallInt), "integer": types.Of(types.Integer),
	"int": types.Of(types.Integer), "bigint": types.Of(types.BigInt), "real": types.Of(types.Real), "double": types.Of(types.Double),
	"varbinary": types.Of(types.Varbinary), "json": types.Of(types.JSON), "date": types.Of(types.Date), "uuid": types.Of(types.UUID),
	"ipaddress": types.Of(types.IPAddress), "hyperloglog": types.Of(types.HyperLogLog), "p4hyperloglog": types.Of(types.P4HyperLogLog),
	"tdigest": types.Of(types.TDigest), "setdigest": types.Of(types.SetDigest), "geometry": types.Of(types.Geometry),
	"sphericalgeography": types.Of(types.SphericalGeo), "bingtile": types.Of(types.BingTile), "color": types.Of(types.Color), "json2016": types.Of(types.JSON2016),
}

// resolveType returns the type that a name stands for. Errors: *unknownType.
func resolveType(n *parse.TypeName) (types.Type, *unknownType) {
	if t, ok := simpleTypes[n.Name]; ok && len(n.Args) == 0 {
		return t, nil
	}
	unknown := func() (types.Type, *unknownType) {
		return types.Type{}, &unknownType{"TYPE_MISMATCH", "Unknown type: " + n.Text}
	}
	number := func(i, def, lo, hi int) (int, bool) {
		if i >= len(n.Args) {
			return def, true
		}
		v := n.Args[i].Number
		return v, n.Args[i].Type == nil && v >= lo && v <= hi
	}
	switch n.Name {
	case "varchar":
		if p, ok := number(0, types.Unbounded, 0, types.Unbounded); ok && len(n.Args) < 2 {
			return types.VarcharOf(p), nil
		}
	case "char":
		if p, ok := number(0, 1, 0, 65536); ok && len(n.Args) < 2 {
			return types.With(types.Char, p), nil
		}
	case "decimal":
		p, ok1 := number(0, 38, 0, 1<<30)
		s, ok2 := number(1, 0, 0, 1<<30)
		if ok1 && ok2 && len(n.Args) < 3 {
			if p < 1 || p > 38 {
				return types.Type{}, &unknownType{"INVALID_FUNCTION_ARGUMENT", "DECIMAL precision must be in range [1, 38]: " + itoa(p)}
			}
			if s > p {
				return types.Type{}, &unknownType{"INVALID_FUNCTION_ARGUMENT", "DECIMAL scale must be in range [0, precision (" + itoa(p) + ")]: " + itoa(s)}
			}
			return types.DecimalOf(p, s), nil
		}
	case "timestamp", "time", "timestamp with time zone", "time with time zone":
		if p, ok := number(0, 3, 0, 12); ok && len(n.Args) < 2 {
			return types.With(types.Base(n.Name), p), nil
		}
	case "interval day to second", "interval year to month":
		return types.Of(types.Base(n.Name)), nil
	case "unknown":
		return types.Type{}, &unknownType{"TYPE_MISMATCH", "UNKNOWN is not a valid type"}
	case "array", "map", "row", "qdigest":
		t := types.Type{Base: types.Base(n.Name)}
		for _, arg := range n.Args {
			if arg.Type == nil {
				return unknown()
			}
			x, err := resolveType(arg.Type)
			if err != nil {
				return x, err
			}
			t.Args = append(t.Args, x)
			if n.Name == "row" {
				t.Names = append(t.Names, strings.ToLower(arg.Field))
			}
		}
		if n.Name == "array" && len(t.Args) != 1 || n.Name == "map" && len(t.Args) != 2 || len(t.Args) == 0 {
			return unknown()
		}
		return t, nil
	}
	return unknown()
}
