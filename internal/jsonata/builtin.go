package jsonata

import (
	"encoding/base64"
	"fmt"

	"github.com/dop251/goja"
)

// builtin are the names of the functions that every expression can call.
var builtin = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range []string{"sum", "count", "max", "min", "average", "string", "substring", "substringBefore", "substringAfter", "lowercase",
		"uppercase", "length", "trim", "pad", "match", "contains", "replace", "split", "join", "formatNumber", "formatBase", "formatInteger",
		"parseInteger", "number", "floor", "ceil", "round", "abs", "sqrt", "power", "random", "boolean", "not", "map", "zip", "filter", "single",
		"reduce", "sift", "keys", "lookup", "append", "exists", "spread", "merge", "reverse", "each", "error", "assert", "type", "sort", "shuffle",
		"distinct", "base64encode", "base64decode", "encodeUrlComponent", "encodeUrl", "decodeUrlComponent", "decodeUrl", "eval", "toMillis",
		"fromMillis", "clone", "now", "millis", "partition", "range", "hash", "uuid", "parse"} {
		m[n] = true
	}
	return m
}()

func setBase64(vm *goja.Runtime) error {
	if err := vm.Set("host_btoa", func(s string) string {
		b := make([]byte, 0, len(s))
		for _, r := range s {
			b = append(b, byte(r))
		}
		return base64.StdEncoding.EncodeToString(b)
	}); err != nil {
		return fmt.Errorf("set btoa: %w", err)
	}
	if err := vm.Set("host_atob", func(s string) (string, error) {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return "", fmt.Errorf("invalid base64: %w", err)
		}
		r := make([]rune, len(b))
		for i, c := range b {
			r[i] = rune(c)
		}
		return string(r), nil
	}); err != nil {
		return fmt.Errorf("set atob: %w", err)
	}
	return nil
}
