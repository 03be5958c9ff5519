package sqlfront

import (
	"fmt"

	"github.com/tarn-data/tarn/internal/duck/value"
	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// Repr returns the DuckDB type that holds values of t.
func Repr(t types.Type) value.Type {
	switch t.Base {
	case types.Boolean:
		return value.Of(value.Boolean)
	case types.TinyInt:
		return value.Of(value.TinyInt)
	case types.SmallInt:
		return value.Of(value.SmallInt)
	case types.Integer, types.IntervalYear, types.Unknown:
		return value.Of(value.Integer)
	case types.BigInt, types.IntervalDay:
		return value.Of(value.BigInt)
	case types.Real:
		return value.Of(value.Float)
	case types.Double:
		return value.Of(value.Double)
	case types.Decimal:
		return value.DecimalOf(t.P, t.S)
	case types.Varbinary, types.IPAddress:
		return value.Of(value.Blob)
	case types.Date:
		return value.Of(value.Date)
	case types.Time:
		return value.Of(value.Time)
	case types.Timestamp:
		return value.Of(value.Timestamp)
	case types.TimestampTZ:
		return value.Type{Kind: value.Struct, Fields: []value.Field{{Name: "t", Type: value.Of(value.Timestamp)}, {Name: "z", Type: value.Of(value.Varchar)}}}
	case types.TimeTZ:
		return value.Type{Kind: value.Struct, Fields: []value.Field{{Name: "t", Type: value.Of(value.BigInt)}, {Name: "z", Type: value.Of(value.BigInt)}}}
	case types.Array:
		return value.ListOf(Repr(t.Elem()))
	case types.Map:
		return value.ListOf(value.Type{Kind: value.Struct, Fields: []value.Field{{Name: "k", Type: Repr(t.Args[0])}, {Name: "v", Type: Repr(t.Args[1])}}})
	case types.Row:
		s := value.Type{Kind: value.Struct}
		for i, f := range t.Args {
			s.Fields = append(s.Fields, value.Field{Name: fmt.Sprintf("f%d", i), Type: Repr(f)})
		}
		return s
	}
	return value.Of(value.Varchar)
}

func reprSQL(t types.Type) string { return Repr(t).String() }

// native tells whether DuckDB's own =, < and sort order on the representation are Trino's.
func native(t types.Type) bool {
	switch t.Base {
	case types.Double, types.Real, types.TimestampTZ, types.TimeTZ, types.Array, types.Map, types.Row:
		return false
	}
	return true
}
