// Package types has Trino's SQL types: their names, their order of coercion and the common type of two.
package types

import (
	"strconv"
	"strings"
)

// Base is a type without its parameters, in Trino's spelling.
type Base string

// The bases. Those from Geometry on are known by name only: no value of them is ever made.
const (
	Unknown       Base = "unknown" // the type of the literal NULL
	Boolean       Base = "boolean"
	TinyInt       Base = "tinyint"
	SmallInt      Base = "smallint"
	Integer       Base = "integer"
	BigInt        Base = "bigint"
	Real          Base = "real"
	Double        Base = "double"
	Decimal       Base = "decimal"
	Varchar       Base = "varchar"
	Char          Base = "char"
	Varbinary     Base = "varbinary"
	JSON          Base = "json"
	Date          Base = "date"
	Time          Base = "time"
	TimeTZ        Base = "time with time zone"
	Timestamp     Base = "timestamp"
	TimestampTZ   Base = "timestamp with time zone"
	IntervalDay   Base = "interval day to second"
	IntervalYear  Base = "interval year to month"
	UUID          Base = "uuid"
	IPAddress     Base = "ipaddress"
	Array         Base = "array"
	Map           Base = "map"
	Row           Base = "row"
	Function      Base = "function" // of a lambda; the last argument is the result
	JSON2016      Base = "json2016"
	Geometry      Base = "geometry"
	SphericalGeo  Base = "sphericalgeography"
	HyperLogLog   Base = "hyperloglog"
	P4HyperLogLog Base = "p4hyperloglog"
	QDigest       Base = "qdigest"
	TDigest       Base = "tdigest"
	SetDigest     Base = "setdigest"
	BingTile      Base = "bingtile"
	Color         Base = "color"
	JoniRegexp    Base = "joniregexp"
	JSONPath      Base = "jsonpath"
	CodePoints    Base = "codepoints"
)

// Unbounded is the length of a varchar without one.
const Unbounded = 1<<31 - 1

// MaxDecimal is the largest precision of a decimal.
const MaxDecimal = 38

// Type is a resolved type. P is the length of varchar and char, the precision of decimal, time and timestamp; S is the
// scale of decimal. Args are element, key and value, or the fields, whose Names are "" where they have none.
type Type struct {
	Base  Base
	P, S  int
	Args  []Type
	Names []string
}

// Of returns a type without parameters.
func Of(b Base) Type { return Type{Base: b} }

// VarcharOf returns varchar(n); Unbounded gives varchar.
func VarcharOf(n int) Type { return Type{Base: Varchar, P: min(max(n, 0), Unbounded)} }

// DecimalOf returns decimal(p,s).
func DecimalOf(p, s int) Type { return Type{Base: Decimal, P: p, S: s} }

// With returns a type that has a precision or length only.
func With(b Base, p int) Type { return Type{Base: b, P: p} }

// ArrayOf returns array(t).
func ArrayOf(t Type) Type { return Type{Base: Array, Args: []Type{t}} }

// MapOf returns map(k, v).
func MapOf(k, v Type) Type { return Type{Base: Map, Args: []Type{k, v}} }

// RowOf returns a row of fields without names.
func RowOf(fields ...Type) Type {
	return Type{Base: Row, Args: fields, Names: make([]string, len(fields))}
}

// Elem returns the element type of an array.
func (t Type) Elem() Type { return t.Args[0] }

// Is tells whether the base is one of bs.
func (t Type) Is(bs ...Base) bool {
	for _, b := range bs {
		if t.Base == b {
			return true
		}
	}
	return false
}

// Integral tells whether t is one of the four integer types.
func (t Type) Integral() bool { return t.Is(TinyInt, SmallInt, Integer, BigInt) }

// Numeric tells whether t is a number.
func (t Type) Numeric() bool { return t.Integral() || t.Is(Real, Double, Decimal) }

// Text tells whether t is varchar or char.
func (t Type) Text() bool { return t.Is(Varchar, Char) }

// String returns the type as Trino prints it in messages and typeof().
func (t Type) String() string {
	n := strconv.Itoa
	switch t.Base {
	case Varchar:
		if t.P == Unbounded {
			return "varchar"
		}
		return "varchar(" + n(t.P) + ")"
	case Char:
		return "char(" + n(t.P) + ")"
	case Decimal:
		return "decimal(" + n(t.P) + "," + n(t.S) + ")"
	case Time, Timestamp:
		return string(t.Base) + "(" + n(t.P) + ")"
	case TimeTZ:
		return "time(" + n(t.P) + ") with time zone"
	case TimestampTZ:
		return "timestamp(" + n(t.P) + ") with time zone"
	case Array, Function, QDigest:
		return string(t.Base) + "(" + t.list(",") + ")"
	case Map, Row:
		return string(t.Base) + "(" + t.list(", ") + ")"
	}
	return string(t.Base)
}

func (t Type) list(sep string) string {
	var b strings.Builder
	for i, a := range t.Args {
		if i > 0 {
			b.WriteString(sep)
		}
		if t.Base == Row && t.Names[i] != "" {
			b.WriteString(fieldName(t.Names[i]) + " ")
		}
		b.WriteString(a.String())
	}
	return b.String()
}

func fieldName(s string) string {
	for i, c := range s {
		if !(c == '_' || c >= 'a' && c <= 'z' || i > 0 && c >= '0' && c <= '9') {
			return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
	}
	return s
}

// Equal tells whether two types are the same, field names included.
func (t Type) Equal(o Type) bool {
	if t.Base != o.Base || t.P != o.P || t.S != o.S || len(t.Args) != len(o.Args) {
		return false
	}
	for i := range t.Args {
		if !t.Args[i].Equal(o.Args[i]) || t.Base == Row && !strings.EqualFold(t.Names[i], o.Names[i]) {
			return false
		}
	}
	return true
}

// Orderable tells whether values of t have an order (ORDER BY, <, min).
func (t Type) Orderable() bool {
	return t.all(Map, JSON, Function, HyperLogLog, QDigest, TDigest, SetDigest, Geometry, SphericalGeo, BingTile, Color, JSONPath, JoniRegexp)
}

// Comparable tells whether values of t can be equal (=, GROUP BY, DISTINCT).
func (t Type) Comparable() bool {
	return t.all(Function, HyperLogLog, QDigest, TDigest, SetDigest, JSONPath, JoniRegexp, Geometry, SphericalGeo, Color)
}

func (t Type) all(not ...Base) bool {
	if t.Is(not...) {
		return false
	}
	for _, a := range t.Args {
		if !a.all(not...) {
			return false
		}
	}
	return true
}

// Has tells whether t or a part of it has one of the bases.
func (t Type) Has(bs ...Base) bool {
	if t.Is(bs...) {
		return true
	}
	for _, a := range t.Args {
		if a.Has(bs...) {
			return true
		}
	}
	return false
}
