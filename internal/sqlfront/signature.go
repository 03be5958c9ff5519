package sqlfront

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

// The tables of functions and operators: name, kind, argument types, result type; one overload a line.
var (
	//go:embed signatures.tsv
	signatureText string
	//go:embed operators.tsv
	operatorText string
)

// pattern is a type of a signature: with variables for types (T, K) and numbers (p, x).
type pattern struct {
	base    types.Base // "" = a type variable
	name    string     // of the variable
	args    []*pattern
	names   []string // of fields
	numbers []string // parameters: digits or variables
}

type overload struct {
	name, kind string
	args       []*pattern
	result     *pattern
	generic    bool
	text       string
}

var signatures = sync.OnceValue(func() map[string][]*overload {
	m := map[string][]*overload{}
	for _, line := range strings.Split(strings.TrimSpace(signatureText)+"\n"+strings.TrimSpace(operatorText), "\n") {
		f := strings.Split(line, "\t")
		o := &overload{name: f[0], kind: f[1], text: f[0] + "(" + f[2] + ")"}
		for _, a := range splitTypes(f[2]) {
			o.args = append(o.args, parsePattern(a))
		}
		o.result = parsePattern(f[3])
		for _, a := range o.args {
			o.generic = o.generic || a.generic()
		}
		m[o.name] = append(m[o.name], o)
	}
	return m
})

// splitTypes cuts at the commas outside brackets.
func splitTypes(s string) []string {
	var out []string
	depth, from := 0, 0
	for i, c := range s {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(s[from:i]))
				from = i + 1
			}
		}
	}
	if last := strings.TrimSpace(s[from:]); last != "" {
		out = append(out, last)
	}
	return out
}

var knownBases = func() map[string]types.Base {
	m := map[string]types.Base{}
	for _, b := range []types.Base{types.Unknown, types.Boolean, types.TinyInt, types.SmallInt, types.Integer, types.BigInt, types.Real, types.Double,
		types.Decimal, types.Varchar, types.Char, types.Varbinary, types.JSON, types.Date, types.Time, types.TimeTZ, types.Timestamp, types.TimestampTZ,
		types.IntervalDay, types.IntervalYear, types.UUID, types.IPAddress, types.Array, types.Map, types.Row, types.Function, types.Geometry, types.SphericalGeo,
		types.HyperLogLog, types.QDigest, types.TDigest, types.SetDigest, types.BingTile, types.Color, types.JoniRegexp, types.JSONPath, types.CodePoints,
		"classifier", "regressor", "kdbtree"} {
		m[string(b)] = b
	}
	return m
}()

func parsePattern(s string) *pattern {
	s = strings.TrimSpace(s)
	zone := strings.HasSuffix(s, " with time zone")
	s = strings.TrimSuffix(s, " with time zone")
	name, inner := s, ""
	if i := strings.IndexByte(s, '('); i >= 0 && strings.HasSuffix(s, ")") {
		name, inner = s[:i], s[i+1:len(s)-1]
	}
	if zone {
		name += " with time zone"
	}
	base, ok := knownBases[name]
	if !ok {
		return &pattern{name: name}
	}
	p := &pattern{base: base}
	for _, a := range splitTypes(inner) {
		switch base {
		case types.Array, types.Map, types.Row, types.Function, types.QDigest, "classifier":
			field := ""
			if strings.HasPrefix(a, `"`) {
				field, a, _ = strings.Cut(a[1:], `" `)
			}
			p.args, p.names = append(p.args, parsePattern(a)), append(p.names, field)
		default:
			p.numbers = append(p.numbers, a)
		}
	}
	return p
}

func (p *pattern) generic() bool {
	if p.base == "" {
		return true
	}
	for _, n := range p.numbers {
		if _, err := strconv.Atoi(n); err != nil {
			return true
		}
	}
	for _, a := range p.args {
		if a.generic() {
			return true
		}
	}
	return false
}

// bindings are the values of a signature's variables.
type bindings struct {
	types   map[string]types.Type
	numbers map[string]int
}

// bind matches an actual type; exact allows no coercion. A lambda's type (Function) binds nothing here.
func (b *bindings) bind(p *pattern, t types.Type, exact bool) bool {
	if p.base == "" {
		old, ok := b.types[p.name]
		if !ok {
			b.types[p.name] = t
			return true
		}
		if old.Equal(t) {
			return true
		}
		if exact {
			return false
		}
		c, ok := types.Common(old, t)
		b.types[p.name] = c
		return ok
	}
	if p.base == types.Function {
		return t.Base == types.Function
	}
	if t.Base == types.Function {
		return false
	}
	if p.base == t.Base {
		return b.bindSame(p, t, exact)
	}
	if exact {
		return false
	}
	if t.Base == types.Unknown {
		for _, a := range p.args {
			if !b.bind(a, t, false) {
				return false
			}
		}
		zero := 0
		if p.base == types.Decimal {
			zero = 1
		}
		for i, n := range p.numbers {
			if i > 0 {
				zero = 0
			}
			b.number(n, zero)
		}
		return true
	}
	to := types.Type{Base: p.base}
	switch p.base {
	case types.Decimal:
		to = types.AsDecimal(t)
		if to.Base != types.Decimal {
			return false
		}
	case types.Varchar:
		return false
	case types.Char:
		if t.Base != types.Varchar {
			return false
		}
		to.P = min(t.P, 65536)
	case types.Timestamp, types.TimestampTZ, types.TimeTZ:
		to.P = t.P
		if t.Base == types.Date {
			to.P = 0
		}
	case types.Time:
		return false
	}
	if !types.Coercible(t, to) {
		return false
	}
	if len(p.numbers) > 0 {
		return b.bindSame(p, to, false)
	}
	return true
}

func (b *bindings) bindSame(p *pattern, t types.Type, exact bool) bool {
	if len(p.args) != len(t.Args) {
		return len(p.args) == 0 && p.base != types.Row
	}
	for i := range p.args {
		if !b.bind(p.args[i], t.Args[i], exact) {
			return false
		}
	}
	switch p.base {
	case types.Decimal:
		if len(p.numbers) == 2 {
			if n, err := strconv.Atoi(p.numbers[0]); err == nil {
				return n == t.P || !exact && n >= t.P
			}
			return b.number(p.numbers[0], t.P) && b.number(p.numbers[1], t.S) || !exact
		}
	case types.Varchar:
		if len(p.numbers) == 0 {
			return !exact || t.P == types.Unbounded
		}
		if n, err := strconv.Atoi(p.numbers[0]); err == nil {
			return n == t.P || !exact && t.P <= n
		}
		return b.number(p.numbers[0], t.P) || !exact
	case types.Char, types.Time, types.TimeTZ, types.Timestamp, types.TimestampTZ:
		if len(p.numbers) == 1 {
			return b.number(p.numbers[0], t.P) || !exact
		}
	}
	return true
}

// number binds a variable; the larger of two values stays.
func (b *bindings) number(name string, v int) bool {
	old, ok := b.numbers[name]
	if !ok || v > old {
		b.numbers[name] = v
	}
	return !ok || old == v
}

// resolve substitutes the variables; false if one has no value.
func (b *bindings) resolve(p *pattern) (types.Type, bool) {
	if p.base == "" {
		t, ok := b.types[p.name]
		return t, ok
	}
	t := types.Type{Base: p.base}
	for i, a := range p.args {
		x, ok := b.resolve(a)
		if !ok {
			return t, false
		}
		t.Args = append(t.Args, x)
		if p.base == types.Row {
			t.Names = append(t.Names, p.names[i])
		}
	}
	n := func(i int) int {
		if i >= len(p.numbers) {
			return 0
		}
		if v, err := strconv.Atoi(p.numbers[i]); err == nil {
			return v
		}
		if p.numbers[i] == "p3" {
			return max(3, b.numbers["p"])
		}
		if v, ok := b.numbers[p.numbers[i]]; ok {
			return v
		}
		return types.Unbounded
	}
	switch p.base {
	case types.Decimal:
		if len(p.numbers) == 1 {
			return decimalResult(p.numbers[0], b.numbers), true
		}
		t.P, t.S = n(0), n(1)
	case types.Varchar:
		t.P = types.Unbounded
		if len(p.numbers) == 1 {
			t.P = n(0)
		}
	case types.Char, types.Time, types.TimeTZ, types.Timestamp, types.TimestampTZ:
		t.P = n(0)
	}
	return t, true
}

// decimalResult is the type of an operator over decimal(a,b) and decimal(c,d).
func decimalResult(op string, n map[string]int) types.Type {
	p1, s1, p2, s2 := n["a"], n["b"], n["c"], n["d"]
	switch op {
	case "add":
		s := max(s1, s2)
		return types.DecimalOf(min(types.MaxDecimal, max(p1-s1, p2-s2)+s+1), s)
	case "mul":
		return types.DecimalOf(min(types.MaxDecimal, p1+p2), s1+s2)
	case "div":
		s := max(s1, s2)
		return types.DecimalOf(min(types.MaxDecimal, p1+s2+max(0, s2-s1)), s)
	}
	s := max(s1, s2)
	return types.DecimalOf(min(p1-s1, p2-s2)+s, s)
}
