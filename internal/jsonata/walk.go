package jsonata

import (
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// walk is an expression of the form $variable.name.name, by far the most frequent one. Its value is handed on as it was
// written, numbers too, which the evaluator writes as JavaScript does.
type walk struct {
	variable string
	names    []string
}

// parseWalk returns nil for any other expression.
func parseWalk(src string) *walk {
	src = strings.TrimSpace(src)
	if len(src) < 2 || src[0] != '$' {
		return nil
	}
	parts := strings.Split(src[1:], ".")
	for _, p := range parts {
		if !plainName(p) {
			return nil
		}
	}
	if builtins[parts[0]] != nil {
		return nil
	}
	return &walk{variable: parts[0], names: parts[1:]}
}

// plainName reports whether s is an identifier that the parser takes for nothing but a name.
func plainName(s string) bool {
	if s == "" || s == "and" || s == "or" || s == "in" || s == "true" || s == "false" || s == "null" || s == "function" {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || i > 0 && c >= '0' && c <= '9' {
			continue
		}
		return false
	}
	return true
}

// eval walks through objects. ok is false where a list is in the way: then the evaluator has to
// do it.
func (w *walk) eval(env Env) (v any, ok bool, err error) {
	if env == nil {
		return nil, true, ErrUndefined
	}
	v, has := env(w.variable)
	for _, name := range w.names {
		if !has {
			break
		}
		switch x := v.(type) {
		case *jsonvalue.Object:
			v, has = x.Get(name)
		case []any:
			return nil, false, nil
		default:
			has = false
		}
	}
	if !has {
		return nil, true, ErrUndefined
	}
	return v, true, nil
}
