package catalog

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"
)

// Expression is a condition over a table's partition keys, in the SQL of Glue's GetPartitions: comparisons, BETWEEN, IN,
// LIKE, IS NULL, AND, OR, NOT and parentheses. A value is compared by the type of its key: strings by their bytes,
// numbers by their value, dates and timestamps by time. A number stands against a string key by its value, as Spark and
// Hive do: month = 8 selects the partition month=08.
//
// Source: the Expression parameter of GetPartitions in the AWS Glue API reference.
type Expression struct {
	keys []Column
	root node
}

// node is a part of the condition. holds reports true, false or unknown (SQL's NULL).
type node interface{ holds(values []string) truth }

type truth int8

const (
	no truth = iota
	yes
	unknown
)

func of(b bool) truth {
	if b {
		return yes
	}
	return no
}

// Match reports whether a partition with these values is selected. The zero Expression selects all.
func (e *Expression) Match(values []string) bool {
	return e.root == nil || e.root.holds(values) == yes
}

// leading returns the values of the first keys that the condition fixes, for narrowing a scan.
func (e *Expression) leading() []string {
	fixed := map[int]string{}
	var walk func(node)
	walk = func(n node) {
		switch n := n.(type) {
		case and:
			walk(n.a)
			walk(n.b)
		case compare:
			if n.op == "=" && n.kind == kindString && n.value.quoted {
				fixed[n.key] = n.value.text
			}
		}
	}
	walk(e.root)
	var list []string
	for i := range e.keys {
		v, ok := fixed[i]
		if !ok {
			break
		}
		list = append(list, v)
	}
	return list
}

type (
	and     struct{ a, b node }
	or      struct{ a, b node }
	not     struct{ a node }
	compare struct {
		key   int
		kind  kind
		op    string // = <> < <= > >=
		value literal
	}
	like struct {
		key int
		re  *regexp.Regexp
	}
	isNull struct{ key int }
	always truth
)

func (n and) holds(v []string) truth {
	a, b := n.a.holds(v), n.b.holds(v)
	switch {
	case a == no || b == no:
		return no
	case a == yes && b == yes:
		return yes
	}
	return unknown
}

func (n or) holds(v []string) truth {
	a, b := n.a.holds(v), n.b.holds(v)
	switch {
	case a == yes || b == yes:
		return yes
	case a == no && b == no:
		return no
	}
	return unknown
}

func (n not) holds(v []string) truth {
	switch n.a.holds(v) {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

func (n always) holds([]string) truth { return truth(n) }

// hiveNull is how Hive writes the partition of NULL values.
const hiveNull = "__HIVE_DEFAULT_PARTITION__"

func (n isNull) holds(v []string) truth { return of(v[n.key] == hiveNull) }

func (n like) holds(v []string) truth {
	if v[n.key] == hiveNull {
		return unknown
	}
	return of(n.re.MatchString(v[n.key]))
}

func (n compare) holds(v []string) truth {
	if v[n.key] == hiveNull {
		return unknown
	}
	c, ok := order(n.kind, v[n.key], n.value)
	if !ok {
		return unknown
	}
	switch n.op {
	case "=":
		return of(c == 0)
	case "<>":
		return of(c != 0)
	case "<":
		return of(c < 0)
	case "<=":
		return of(c <= 0)
	case ">":
		return of(c > 0)
	}
	return of(c >= 0)
}

// kind is how values of a key are compared.
type kind uint8

const (
	kindString kind = iota
	kindNumber
	kindTime
)

func kindOf(hive string) kind {
	base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(hive)), "(")
	switch base {
	case "tinyint", "smallint", "int", "integer", "bigint", "long", "float", "double", "decimal":
		return kindNumber
	case "date", "timestamp":
		return kindTime
	}
	return kindString
}

// literal is a constant of the expression.
type literal struct {
	text   string
	quoted bool
	number *big.Rat  // of an unquoted number, or a quoted one where the key is a number
	time   time.Time // where the key is a date or timestamp
}

func order(k kind, value string, l literal) (int, bool) {
	switch {
	case k == kindTime:
		t, ok := parseTime(value)
		return t.Compare(l.time), ok
	case k == kindNumber || !l.quoted:
		r := rat(strings.TrimSpace(value))
		if r == nil || l.number == nil {
			return 0, false
		}
		return r.Cmp(l.number), true
	}
	return strings.Compare(value, l.text), true
}

func parseTime(s string) (time.Time, bool) {
	for _, form := range []string{"2006-01-02", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04", time.RFC3339Nano} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// likePattern compiles an SQL LIKE pattern: % any characters, _ one, \ quotes.
func likePattern(p string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)^`)
	escaped := false
	for _, r := range p {
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString("$")
	return regexp.MustCompile(b.String())
}

func badExpression(src, what string) error {
	return fmt.Errorf("%w: %s: %s", ErrBadExpression, src, what)
}
