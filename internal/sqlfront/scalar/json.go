package scalar

import (
	"math"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/sqlfront/types"
)

var jsonTable = map[string]entry{
	"json_parse": plain(func(a []any) (any, error) {
		s, ok := CanonicalJSON(str(a[0]))
		if !ok {
			return nil, invalid("Cannot convert value to JSON: '%s'", str(a[0]))
		}
		return s, nil
	}),
	"json_format": plain(func(a []any) (any, error) { return a[0], nil }),
	"json_extract": plain(func(a []any) (any, error) {
		v, ok, err := extract(a)
		if err != nil || !ok {
			return nil, err
		}
		return printJSON(v, false), nil
	}),
	"json_extract_scalar": plain(func(a []any) (any, error) {
		v, ok, err := extract(a)
		if err != nil || !ok {
			return nil, err
		}
		switch v := v.(type) {
		case string:
			return v, nil
		case bool:
			return strconv.FormatBool(v), nil
		case jsonNumber:
			return string(v), nil
		}
		return nil, nil
	}),
	"json_size": plain(func(a []any) (any, error) {
		v, ok, err := extract(a)
		if err != nil || !ok {
			return nil, err
		}
		switch v := v.(type) {
		case []any:
			return int64(len(v)), nil
		case *jsonObject:
			return int64(len(v.keys)), nil
		}
		return int64(0), nil
	}),
	"json_array_length": plain(func(a []any) (any, error) {
		v, ok := parseJSON(str(a[0]), false)
		l, is := v.([]any)
		if !ok || !is {
			return nil, nil
		}
		return int64(len(l)), nil
	}),
	"json_array_get": plain(func(a []any) (any, error) {
		l, whole := elements(str(a[0]))
		i := num(a[1])
		if i < 0 {
			if !whole { // an index from the end needs the end
				return nil, nil
			}
			i += int64(len(l))
		}
		if i < 0 || i >= int64(len(l)) || l[i] == nil {
			return nil, nil
		}
		if s, ok := l[i].(string); ok {
			return s, nil
		}
		return printJSON(l[i], false), nil
	}),
	"json_array_contains": typed(jsonArrayContains),
	"is_json_scalar": plain(func(a []any) (any, error) {
		v, ok := parseJSON(str(a[0]), false)
		if !ok {
			return nil, invalid("Invalid JSON value: %s", str(a[0]))
		}
		switch v.(type) {
		case []any, *jsonObject:
			return false, nil
		}
		return true, nil
	}),
}

// CanonicalJSON returns JSON text as Trino stores it: members sorted, numbers as Jackson prints them.
func CanonicalJSON(s string) (string, bool) {
	v, ok := parseJSON(s, false)
	if !ok {
		return "", false
	}
	return printJSON(v, true), true
}

func jsonArrayContains(s Signature) (Func, error) {
	want := s.Args[1]
	return func(a []any) (any, error) {
		if f, ok := a[1].(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return false, nil // the text is not read
		}
		l, whole := elements(str(a[0]))
		for _, x := range l {
			switch x := x.(type) {
			case bool:
				if want.Base == types.Boolean && x == boolean(a[1]) {
					return true, nil
				}
			case string:
				if want.Base == types.Varchar && x == str(a[1]) {
					return true, nil
				}
			case jsonNumber:
				if i, ok := isInteger(x); want.Base == types.BigInt && ok && i == num(a[1]) {
					return true, nil
				}
				if f, err := strconv.ParseFloat(string(x), 64); want.Base == types.Double && err == nil && strings.ContainsAny(string(x), ".eE") && f == dbl(a[1]) {
					return true, nil
				}
			}
		}
		if !whole {
			return nil, nil
		}
		return false, nil
	}, nil
}

// elements returns the elements of a JSON array as a reader finds them that goes no further than it needs: those before the first
// error, and whether there was none.
func elements(s string) (list []any, whole bool) {
	r := &jsonReader{s: s}
	if !r.accept('[') {
		return nil, false
	}
	return r.elements()
}

// pathStep is a member's name or an index of an array.
type pathStep struct {
	name  string
	index int64
	isIdx bool
}

// extract applies a path of the old JSON functions; false if it leads nowhere.
func extract(a []any) (any, bool, error) {
	steps, ok := parsePath(str(a[1]))
	if !ok {
		return nil, false, invalid("Invalid JSON path: '%s'", str(a[1]))
	}
	v, ok := parseJSON(str(a[0]), true)
	if !ok {
		return nil, false, nil
	}
	for _, s := range steps {
		switch x := v.(type) {
		case []any:
			i := s.index
			if !s.isIdx {
				n, err := strconv.ParseInt(s.name, 10, 64)
				if err != nil {
					return nil, false, nil
				}
				i = n
			}
			if i < 0 || i >= int64(len(x)) {
				return nil, false, nil
			}
			v = x[i]
		case *jsonObject:
			name := s.name
			if s.isIdx {
				name = strconv.FormatInt(s.index, 10)
			}
			found := false
			for i, k := range x.keys {
				if k == name {
					v, found = x.values[i], true
					break
				}
			}
			if !found {
				return nil, false, nil
			}
		default:
			return nil, false, nil
		}
	}
	return v, true, nil
}

// parsePath reads $.name, $["name"] and $[0] steps.
func parsePath(p string) ([]pathStep, bool) {
	if p == "" || p[0] != '$' {
		return nil, false
	}
	var out []pathStep
	for i := 1; i < len(p); {
		switch p[i] {
		case '.':
			i++
			j := i
			for j < len(p) && p[j] != '.' && p[j] != '[' {
				c := p[j]
				if !(c == '_' || c == '-' || c == ':' || c == '@' || c >= 0x80 || isWordByte(c)) {
					return nil, false
				}
				j++
			}
			if j == i {
				return nil, false
			}
			out = append(out, pathStep{name: p[i:j]})
			i = j
		case '[':
			i++
			if i < len(p) && p[i] == '"' {
				var b strings.Builder
				i++
				for i < len(p) && p[i] != '"' {
					if p[i] == '\\' && i+1 < len(p) {
						i++
					}
					b.WriteByte(p[i])
					i++
				}
				if i+1 >= len(p) || p[i+1] != ']' {
					return nil, false
				}
				out = append(out, pathStep{name: b.String()})
				i += 2
				continue
			}
			j := strings.IndexByte(p[i:], ']')
			if j <= 0 {
				return nil, false
			}
			n, err := strconv.ParseInt(p[i:i+j], 10, 64)
			if err != nil {
				if strings.Trim(p[i:i+j], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
					return nil, false
				}
				out = append(out, pathStep{name: p[i : i+j]})
			} else if n < 0 {
				return nil, false
			} else {
				out = append(out, pathStep{index: n, isIdx: true})
			}
			i += j + 1
		default:
			return nil, false
		}
	}
	return out, true
}
