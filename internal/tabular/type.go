// Package tabular knows the shapes of tables in files: column types in Hive's words, and how to find them in CSV, JSON
// and Parquet.
package tabular

import (
	"fmt"
	"slices"
	"strings"
)

// Type is a column's type.
type Type struct {
	Base   string  // bigint, double, string, boolean, decimal(p,s), array, map, struct …
	Elem   *Type   // of an array; the values of a map
	Key    *Type   // of a map
	Fields []Field // of a struct
}

// Field is a named part of a struct, or a column of a table.
type Field struct {
	Name string
	Type Type
}

// The simple types that inference gives.
var (
	Null      = Type{Base: "null"} // nothing but nulls seen: becomes string
	Boolean   = Type{Base: "boolean"}
	Int       = Type{Base: "int"}
	Bigint    = Type{Base: "bigint"}
	Double    = Type{Base: "double"}
	String    = Type{Base: "string"}
	Date      = Type{Base: "date"}
	Timestamp = Type{Base: "timestamp"}
	Binary    = Type{Base: "binary"}
)

// String returns the type in Hive's syntax: array<struct<a:int,b:string>>.
func (t Type) String() string {
	switch t.Base {
	case "array":
		return "array<" + t.Elem.String() + ">"
	case "map":
		return "map<" + t.Key.String() + "," + t.Elem.String() + ">"
	case "struct":
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name + ":" + f.Type.String()
		}
		return "struct<" + strings.Join(parts, ",") + ">"
	case "null":
		return "string"
	}
	return t.Base
}

// Equal reports whether two types are the same.
func (t Type) Equal(u Type) bool { return t.String() == u.String() }

var rank = map[string]int{"tinyint": 1, "smallint": 2, "int": 3, "bigint": 4, "float": 5, "double": 6}

// Merge returns the narrowest type that holds values of both: numbers widen, structs take the fields of both, all else
// becomes a string.
func Merge(a, b Type) Type {
	switch {
	case a.Equal(b) && a.Base == b.Base:
		return a
	case a.Base == "null":
		return b
	case b.Base == "null":
		return a
	case rank[a.Base] > 0 && rank[b.Base] > 0:
		if rank[a.Base] > rank[b.Base] {
			return a
		}
		return b
	case a.Base == "array" && b.Base == "array":
		e := Merge(*a.Elem, *b.Elem)
		return Type{Base: "array", Elem: &e}
	case a.Base == "map" && b.Base == "map" && a.Key.Equal(*b.Key):
		e := Merge(*a.Elem, *b.Elem)
		return Type{Base: "map", Key: a.Key, Elem: &e}
	case a.Base == "struct" && b.Base == "struct":
		return Type{Base: "struct", Fields: MergeFields(a.Fields, b.Fields)}
	case a.Base == "date" && b.Base == "timestamp" || a.Base == "timestamp" && b.Base == "date":
		return Timestamp
	}
	return String
}

// MergeFields merges two lists by name, ignoring case; fields that only b has come last.
func MergeFields(a, b []Field) []Field {
	out := slices.Clone(a)
	for _, f := range b {
		i := slices.IndexFunc(out, func(g Field) bool { return strings.EqualFold(f.Name, g.Name) })
		if i < 0 {
			out = append(out, f)
			continue
		}
		out[i].Type = Merge(out[i].Type, f.Type)
	}
	return out
}

// ParseType reads a type in Hive's syntax.
func ParseType(s string) (Type, error) {
	p := &typeParser{src: s, rest: strings.TrimSpace(s)}
	t, err := p.parse(0)
	if err == nil && strings.TrimSpace(p.rest) != "" {
		err = p.fail("the end")
	}
	return t, err
}

type typeParser struct{ src, rest string }

func (p *typeParser) fail(want string) error {
	return fmt.Errorf("type %q: want %s at %q", p.src, want, p.rest)
}

func (p *typeParser) take(c byte) bool {
	p.rest = strings.TrimLeft(p.rest, " ")
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *typeParser) word() string {
	p.rest = strings.TrimLeft(p.rest, " ")
	i := strings.IndexAny(p.rest, "<>,:() ")
	if i < 0 {
		i = len(p.rest)
	}
	w := p.rest[:i]
	p.rest = p.rest[i:]
	return w
}

func (p *typeParser) parse(depth int) (Type, error) {
	if depth > 100 {
		return Type{}, p.fail("nesting of at most 100")
	}
	t := Type{Base: strings.ToLower(p.word())}
	if t.Base == "" {
		return Type{}, p.fail("a type")
	}
	switch t.Base {
	case "array", "map", "struct":
		if !p.take('<') {
			return Type{}, p.fail("<")
		}
	}
	sub := func() (*Type, error) {
		u, err := p.parse(depth + 1)
		return &u, err
	}
	var err error
	switch t.Base {
	case "array":
		t.Elem, err = sub()
	case "map":
		if t.Key, err = sub(); err == nil {
			if !p.take(',') {
				return Type{}, p.fail(",")
			}
			t.Elem, err = sub()
		}
	case "struct":
		for {
			name := p.word()
			if name == "" || !p.take(':') {
				return Type{}, p.fail("name:type")
			}
			f, err := p.parse(depth + 1)
			if err != nil {
				return Type{}, err
			}
			t.Fields = append(t.Fields, Field{name, f})
			if !p.take(',') {
				break
			}
		}
	default:
		if p.take('(') {
			i := strings.IndexByte(p.rest, ')')
			if i < 0 {
				return Type{}, p.fail(")")
			}
			t.Base += "(" + strings.ReplaceAll(p.rest[:i], " ", "") + ")"
			p.rest = p.rest[i+1:]
		}
		return t, nil
	}
	if err == nil && !p.take('>') {
		err = p.fail(">")
	}
	return t, err
}
