package tabular

import (
	"fmt"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

func isRepeated(e format.SchemaElement) bool {
	return e.RepetitionType.Valid && e.RepetitionType.V == format.Repeated
}

func isList(e format.SchemaElement) bool {
	_, logical := e.LogicalType.Value.(*format.ListType)
	return logical || converted(e, deprecated.List)
}

func isMap(e format.SchemaElement) bool {
	_, logical := e.LogicalType.Value.(*format.MapType)
	return logical || converted(e, deprecated.Map) || converted(e, deprecated.MapKeyValue)
}

func converted(e format.SchemaElement, t deprecated.ConvertedType) bool {
	return e.ConvertedType.Valid && e.ConvertedType.V == t
}

// leafType maps a primitive column to Hive's type, by its logical type, else its older converted type, else how it is
// stored. Source: LogicalTypes.md of apache/parquet-format.
func leafType(e format.SchemaElement) Type {
	switch l := e.LogicalType.Value.(type) {
	case *format.StringType, *format.EnumType, *format.JsonType, *format.UUIDType:
		return String
	case *format.DateType:
		return Date
	case *format.TimestampType:
		return Timestamp
	case *format.DecimalType:
		return Type{Base: fmt.Sprintf("decimal(%d,%d)", l.Precision, l.Scale)}
	case *format.IntType:
		return intType(int(l.BitWidth), l.IsSigned)
	}
	if e.ConvertedType.Valid {
		switch e.ConvertedType.V {
		case deprecated.UTF8, deprecated.Enum, deprecated.Json:
			return String
		case deprecated.Date:
			return Date
		case deprecated.TimestampMillis, deprecated.TimestampMicros:
			return Timestamp
		case deprecated.Decimal:
			return Type{Base: fmt.Sprintf("decimal(%d,%d)", e.Precision.V, e.Scale.V)}
		case deprecated.Int8:
			return intType(8, true)
		case deprecated.Int16:
			return intType(16, true)
		case deprecated.Uint8:
			return intType(8, false)
		case deprecated.Uint16:
			return intType(16, false)
		case deprecated.Uint32:
			return intType(32, false)
		}
	}
	switch e.Type.V {
	case format.Boolean:
		return Boolean
	case format.Int32:
		return Int
	case format.Int64:
		return Bigint
	case format.Int96:
		return Timestamp
	case format.Float:
		return Type{Base: "float"}
	case format.Double:
		return Double
	}
	return Binary
}

// intType returns the type that holds all values of an integer; unsigned ones need the next wider.
func intType(bits int, signed bool) Type {
	if !signed {
		bits *= 2
	}
	switch {
	case bits <= 8:
		return Type{Base: "tinyint"}
	case bits <= 16:
		return Type{Base: "smallint"}
	case bits <= 32:
		return Int
	case bits <= 64:
		return Bigint
	}
	return Type{Base: "decimal(20,0)"}
}
