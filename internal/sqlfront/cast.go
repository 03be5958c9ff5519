package sqlfront

import (
	"github.com/tarn-data/tarn/internal/sqlfront/parse"
	"github.com/tarn-data/tarn/internal/sqlfront/scalar"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// coerce changes an expression to a type that it is coercible to.
func (a *analyzer) coerce(x *ex, t types.Type) *ex {
	if x.t.Equal(t) {
		return x
	}
	if x.t.Base == types.Unknown {
		return null(t)
	}
	if x.isLit && x.lit != nil {
		if f, ok := scalar.Cast(x.t, t); ok && !t.Is(types.Array, types.Map, types.Row) {
			if v, err := f(x.lit); err == nil {
				return constant(v, t)
			}
		}
	}
	if sql, ok := nativeCast(x, t); ok {
		return &ex{sql: sql, t: t, simple: x.simple, field: x.field}
	}
	return a.mustCall(parse.Pos{}, "conversion to "+t.String(), "$cast", t, x)
}

// nativeCast generates the casts that DuckDB does as Trino does.
func nativeCast(x *ex, t types.Type) (string, bool) {
	from := x.t
	rank := map[types.Base]int{types.TinyInt: 1, types.SmallInt: 2, types.Integer: 3, types.BigInt: 4}
	switch {
	case rank[from.Base] > 0 && rank[t.Base] > rank[from.Base]:
		return castSQL(x.sql, t), true
	case from.Integral() && t.Base == types.Double, from.Base == types.Real && t.Base == types.Double, from.Base == types.Decimal && from.P <= 15 && t.Base == types.Double:
		return castSQL(x.sql, t), true
	case from.Integral() && t.Base == types.Decimal && t.P-t.S >= types.AsDecimal(from).P:
		return castSQL(x.sql, t), true
	case from.Base == types.Decimal && t.Base == types.Decimal && t.S >= from.S && t.P-t.S >= from.P-from.S:
		return castSQL(x.sql, t), true
	case from.Base == types.Varchar && t.Base == types.Varchar && t.P >= from.P:
		return x.sql, true
	case from.Base == types.Varchar && t.Base == types.Char && t.P >= from.P:
		return "rtrim(" + x.sql + ", ' ')", true
	case from.Base == types.Char && t.Base == types.Char && t.P >= from.P:
		return x.sql, true
	case from.Base == types.Timestamp && t.Base == types.Timestamp && t.P >= from.P:
		return x.sql, true
	case from.Base == types.Time && t.Base == types.Time && t.P >= from.P:
		return x.sql, true
	case from.Base == types.TimestampTZ && t.Base == types.TimestampTZ && t.P >= from.P:
		return x.sql, true
	case from.Base == types.TimeTZ && t.Base == types.TimeTZ && t.P >= from.P:
		return x.sql, true
	case from.Base == types.Date && t.Base == types.Timestamp, from.Base == types.Timestamp && t.Base == types.Date:
		return castSQL(x.sql, t), true
	case from.Integral() && t.Base == types.Varchar && t.P >= 20:
		return castSQL(x.sql, t), true
	case from.Is(types.Array, types.Row, types.Map) && from.Base == t.Base && len(from.Args) == len(t.Args) && sameRepr(from, t):
		return castSQL(x.sql, t), true
	}
	return "", false
}

// sameRepr tells whether a cast between nested types only renames, or fills in the type of NULLs.
func sameRepr(from, to types.Type) bool {
	if from.Equal(to) || from.Base == types.Unknown {
		return true
	}
	if from.Base != to.Base || len(from.Args) != len(to.Args) {
		return false
	}
	switch from.Base {
	case types.Array, types.Row, types.Map:
		for i := range from.Args {
			if !sameRepr(from.Args[i], to.Args[i]) {
				return false
			}
		}
		return true
	case types.Varchar, types.Timestamp, types.TimestampTZ, types.Time, types.TimeTZ, types.Char:
		return to.P >= from.P
	}
	return false
}

func (a *analyzer) castExpr(e *parse.Expr, s *scope) *ex {
	x := a.expr(e.A[0], s)
	t, bad := resolveType(e.T)
	if bad != nil {
		at := e.Pos
		if bad.name != "TYPE_MISMATCH" {
			at = parse.Pos{}
		}
		a.fail(bad.name, at, "%s", bad.message)
	}
	if x.t.Base == types.Unknown {
		return null(t)
	}
	if _, ok := scalar.Cast(x.t, t); !ok {
		if knownCast(x.t, t) {
			a.refuse(e.Pos, "CAST from %s to %s is not supported", x.t, t)
		}
		a.fail("TYPE_MISMATCH", e.Pos, "Cannot cast %s to %s", x.t, t)
	}
	if sql, ok := nativeCast(x, t); ok {
		return &ex{sql: sql, t: t, simple: x.simple}
	}
	impl := "$cast"
	if e.Try {
		impl = "$try_cast"
	}
	return a.mustCall(e.Pos, "CAST", impl, t, x)
}

// knownCast lists casts that Trino has and package scalar does not.
func knownCast(from, to types.Type) bool {
	if from.Base == types.TimeTZ && to.Is(types.TimestampTZ, types.Timestamp) {
		return true
	}
	digest := []types.Base{types.HyperLogLog, types.QDigest, types.TDigest, types.SetDigest, types.P4HyperLogLog}
	return from.Is(digest...) || to.Is(digest...) || from.Is(types.BingTile) || to.Is(types.BingTile)
}
