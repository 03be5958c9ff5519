package types

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseHive reads a type as the catalog writes it: int, string, decimal(10,2), array<struct<a:int>>, map<string,int>.
func ParseHive(s string) (Type, error) {
	p := hiveParser{s: strings.TrimSpace(s)}
	t, err := p.parse()
	if err == nil && p.i != len(p.s) {
		err = fmt.Errorf("unexpected %q", p.s[p.i:])
	}
	if err != nil {
		return Type{}, fmt.Errorf("column type %q: %w", s, err)
	}
	return t, nil
}

type hiveParser struct {
	s     string
	i     int
	depth int
}

func (p *hiveParser) word(stop string) string {
	start := p.i
	for p.i < len(p.s) && strings.IndexByte(stop, p.s[p.i]) < 0 {
		p.i++
	}
	return strings.TrimSpace(p.s[start:p.i])
}

func (p *hiveParser) accept(c byte) bool {
	for p.i < len(p.s) && p.s[p.i] == ' ' {
		p.i++
	}
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *hiveParser) parse() (Type, error) {
	if p.depth++; p.depth > 50 {
		return Type{}, fmt.Errorf("more than 50 levels")
	}
	defer func() { p.depth-- }()
	name := strings.ToLower(p.word("<>(),:"))
	if plain, ok := hiveNames[name]; ok {
		return plain, nil
	}
	var nums []int
	if p.accept('(') {
		for {
			n, err := strconv.Atoi(p.word(",)"))
			if err != nil || n < 0 {
				return Type{}, fmt.Errorf("%s needs numbers", name)
			}
			nums = append(nums, n)
			if !p.accept(',') {
				break
			}
		}
		if !p.accept(')') {
			return Type{}, fmt.Errorf("missing )")
		}
	}
	switch {
	case name == "decimal" && len(nums) == 0:
		return DecimalOf(10, 0), nil
	case name == "decimal" && nums[0] >= 1 && nums[0] <= MaxDecimal && len(nums) <= 2:
		t := DecimalOf(nums[0], 0)
		if len(nums) == 2 {
			t.S = nums[1]
		}
		if t.S > t.P {
			return Type{}, fmt.Errorf("scale %d exceeds precision %d", t.S, t.P)
		}
		return t, nil
	case name == "varchar" && len(nums) == 1:
		return VarcharOf(nums[0]), nil
	case name == "varchar" && len(nums) == 0:
		return VarcharOf(Unbounded), nil
	case name == "char" && len(nums) == 1:
		return With(Char, nums[0]), nil
	case name == "timestamp" && len(nums) == 1:
		return With(Timestamp, nums[0]), nil
	case name == "array" || name == "map" || name == "struct":
		return p.nested(name)
	}
	return Type{}, fmt.Errorf("type %q is not known", name)
}

func (p *hiveParser) nested(name string) (Type, error) {
	if !p.accept('<') {
		return Type{}, fmt.Errorf("%s needs <", name)
	}
	t := Type{Base: Row}
	for {
		field := ""
		if name == "struct" {
			field = strings.ToLower(strings.Trim(p.word(":<>,"), "`\""))
			if !p.accept(':') || field == "" {
				return Type{}, fmt.Errorf("struct needs name:type")
			}
		}
		arg, err := p.parse()
		if err != nil {
			return Type{}, err
		}
		t.Args, t.Names = append(t.Args, arg), append(t.Names, field)
		if !p.accept(',') {
			break
		}
	}
	if !p.accept('>') {
		return Type{}, fmt.Errorf("missing >")
	}
	switch {
	case name == "array" && len(t.Args) == 1:
		return ArrayOf(t.Args[0]), nil
	case name == "map" && len(t.Args) == 2:
		return MapOf(t.Args[0], t.Args[1]), nil
	case name == "struct":
		return t, nil
	}
	return Type{}, fmt.Errorf("%s has %d arguments", name, len(t.Args))
}

var hiveNames = map[string]Type{
	"boolean": Of(Boolean), "tinyint": Of(TinyInt), "smallint": Of(SmallInt), "int": Of(Integer), "integer": Of(Integer),
	"bigint": Of(BigInt), "long": Of(BigInt), "float": Of(Real), "real": Of(Real), "double": Of(Double), "string": VarcharOf(Unbounded),
	"binary": Of(Varbinary), "date": Of(Date), "timestamp": With(Timestamp, 3),
	"timestamp with local time zone": With(TimestampTZ, 3),
}

// Hive returns the type as the catalog writes it; false if the catalog has no such type.
func (t Type) Hive() (string, bool) {
	switch t.Base {
	case Boolean, TinyInt, SmallInt, BigInt, Double, Date:
		return string(t.Base), true
	case Integer:
		return "int", true
	case Real:
		return "float", true
	case Varbinary:
		return "binary", true
	case Timestamp:
		return "timestamp", true
	case Varchar:
		if t.P == Unbounded {
			return "string", true
		}
		return "varchar(" + strconv.Itoa(t.P) + ")", true
	case Char:
		return t.String(), true
	case Decimal:
		return t.String(), true
	case Array, Map, Row:
		parts := make([]string, len(t.Args))
		for i, a := range t.Args {
			s, ok := a.Hive()
			if !ok {
				return "", false
			}
			if t.Base == Row {
				name := t.Names[i]
				if name == "" {
					name = "field" + strconv.Itoa(i)
				}
				s = name + ":" + s
			}
			parts[i] = s
		}
		name := string(t.Base)
		if t.Base == Row {
			name = "struct"
		}
		return name + "<" + strings.Join(parts, ",") + ">", true
	}
	return "", false
}
