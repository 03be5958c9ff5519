package jsonata

import (
	"math"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// export turns a result into a JSON value, as JSON.stringify would write it: functions within lists become null, those
// within objects are left out. What already is a JSON value is handed on as it is, without a copy.
func (ev *evaluator) export(v any) (any, error) {
	switch x := v.(type) {
	case undefinedType:
		return nil, ErrUndefined
	case *function:
		return nil, ErrNotJSON
	case *array:
		if x.outer && x.len() == 1 {
			v = x.at(0)
		}
	}
	out, _, err := ev.exported(v, 0)
	return out, err
}

func (ev *evaluator) exported(v any, depth int) (out any, changed bool, err error) {
	if depth > maxNesting {
		return nil, false, circular()
	}
	if err := ev.step(); err != nil {
		return nil, false, err
	}
	// what is small in memory, because parts are shared, may be endless as text
	if ev.exports++; ev.exports > ev.memory/64 {
		return nil, false, outOfMemory(ev.memory)
	}
	switch x := v.(type) {
	case string:
		ev.exports += uint64(len(x)) / 64
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, true, nil
		}
		return jsonvalue.Number(numberText(x)), true, nil
	case jsonvalue.Number:
		if canonical(x) {
			return v, false, nil
		}
		return ev.exported(number(x), depth)
	case undefinedType:
		return nil, true, nil
	case *function:
		if x.hasKeys() {
			return nil, false, ErrNotJSON
		}
		return nil, true, nil
	case []any:
		return ev.exportList(x, depth)
	case *array:
		out, _, err := ev.exportList(x.list(), depth)
		return out, true, err
	case *jsonvalue.Object:
		return ev.exportObject(x, depth)
	}
	return v, false, nil
}

// canonical reports whether the text of a number is that which JavaScript would write; false for some that are.
func canonical(n jsonvalue.Number) bool {
	s := string(n)
	if len(s) > 1 && s[0] == '-' && s[1] != '0' {
		s = s[1:]
	}
	if len(s) > 15 || s == "" {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func (ev *evaluator) exportList(items []any, depth int) (any, bool, error) {
	var out []any
	for i, item := range items {
		v, changed, err := ev.exported(item, depth+1)
		if err != nil {
			return nil, false, err
		}
		if changed && out == nil {
			out = append(make([]any, 0, len(items)), items[:i]...)
		}
		if out != nil {
			out = append(out, v)
		}
	}
	if out != nil {
		return out, true, ev.grown(len(out) * itemSize)
	}
	if items == nil {
		items = []any{}
	}
	return items, false, nil
}

func (ev *evaluator) exportObject(o *jsonvalue.Object, depth int) (any, bool, error) {
	keys := o.Keys()
	ordered := orderedKeys(o)
	rebuild := len(keys) > 0 && &ordered[0] != &keys[0]
	var out *jsonvalue.Object
	if rebuild {
		out = &jsonvalue.Object{}
	}
	for i, k := range ordered {
		raw, _ := o.Get(k)
		v, changed, err := ev.exported(raw, depth+1)
		if err != nil {
			return nil, false, err
		}
		if changed && out == nil {
			out = &jsonvalue.Object{}
			for _, before := range ordered[:i] {
				x, _ := o.Get(before)
				out.Set(before, x)
			}
		}
		if _, isFn := raw.(*function); out != nil && !isFn && !isUndef(raw) {
			out.Set(k, v)
		}
	}
	if out != nil {
		return out, true, ev.grown(2 * out.Len() * itemSize)
	}
	return o, false, nil
}
