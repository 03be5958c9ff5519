// Package value describes what crosses the border to the SQL engine: column types and the Go form of their values.
// It has no cgo, so that front ends and function libraries can use it without linking the engine.
//
// The Go form of a value depends on its type alone, at every depth:
//
//	BOOLEAN bool        TINYINT SMALLINT INTEGER BIGINT and their unsigned forms  int64
//	FLOAT float32       DOUBLE float64              VARCHAR, JSON, UUID  string     BLOB []byte
//	DECIMAL *big.Int (the unscaled value)           HUGEINT UHUGEINT UBIGINT *big.Int
//	DATE int64 (days since 1970-01-01)              TIME int64 (microseconds since midnight)
//	TIMESTAMP, TIMESTAMP WITH TIME ZONE int64 (microseconds since 1970-01-01 00:00:00 UTC)
//	LIST, STRUCT []any  MAP []any of two-element []any, in the engine's order      NULL nil
package value

import (
	"fmt"
	"strings"
)

// Kind is the base of a type.
type Kind string

// The kinds that cross the border.
const (
	Boolean     Kind = "BOOLEAN"
	TinyInt     Kind = "TINYINT"
	SmallInt    Kind = "SMALLINT"
	Integer     Kind = "INTEGER"
	BigInt      Kind = "BIGINT"
	UTinyInt    Kind = "UTINYINT"
	USmallInt   Kind = "USMALLINT"
	UInteger    Kind = "UINTEGER"
	UBigInt     Kind = "UBIGINT"
	HugeInt     Kind = "HUGEINT"
	UHugeInt    Kind = "UHUGEINT"
	Float       Kind = "FLOAT"
	Double      Kind = "DOUBLE"
	Decimal     Kind = "DECIMAL"
	Varchar     Kind = "VARCHAR"
	JSON        Kind = "JSON"
	UUID        Kind = "UUID"
	Blob        Kind = "BLOB"
	Date        Kind = "DATE"
	Time        Kind = "TIME"
	Timestamp   Kind = "TIMESTAMP"
	TimestampTZ Kind = "TIMESTAMP WITH TIME ZONE"
	List        Kind = "LIST"
	Struct      Kind = "STRUCT"
	Map         Kind = "MAP"
)

// Type is a column type of the engine. The zero value is no type.
type Type struct {
	Kind             Kind
	Precision, Scale int     // of DECIMAL
	Fields           []Field // of STRUCT; the element of LIST; key and value of MAP (names are ignored there)
}

// Field is a named part of a STRUCT.
type Field struct {
	Name string
	Type Type
}

// Of returns a type without parameters.
func Of(k Kind) Type { return Type{Kind: k} }

// ListOf returns the type of lists of elem.
func ListOf(elem Type) Type { return Type{Kind: List, Fields: []Field{{Type: elem}}} }

// DecimalOf returns DECIMAL(p, s).
func DecimalOf(p, s int) Type { return Type{Kind: Decimal, Precision: p, Scale: s} }

// Elem returns the element type of a LIST.
func (t Type) Elem() Type { return t.Fields[0].Type }

// String returns the type as the engine's SQL spells it.
func (t Type) String() string {
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case List:
		return t.Elem().String() + "[]"
	case Map:
		return "MAP(" + t.Fields[0].Type.String() + ", " + t.Fields[1].Type.String() + ")"
	case Struct:
		var b strings.Builder
		b.WriteString("STRUCT(")
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(Quote(f.Name) + " " + f.Type.String())
		}
		b.WriteByte(')')
		return b.String()
	}
	return string(t.Kind)
}

// Quote returns an identifier in double quotes.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Literal returns a string literal of the engine's SQL. A NUL byte, which the engine's parser refuses, is written by chr().
func Literal(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.IndexByte(s, 0) < 0 {
		return q
	}
	return "(" + strings.ReplaceAll(q, "\x00", "' || chr(0) || '") + ")"
}
