package jsonata

import (
	"math"
	"strconv"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// undefinedType is the type of undef, the value of what does not exist. JSON's null is nil.
type undefinedType struct{}

var undef any = undefinedType{}

// array is a list with what JSONata remembers of where it came from. items may hold raw JSON (jsonvalue.Number, []any):
// they are read through at. The slice may be shared with a document: it is never written to, and appended to only after
// its capacity has been cut.
type array struct {
	items []any
	span  int // > 0: the integers from low on, not yet written down; items is nil
	low   float64

	seq           bool // a result sequence: one of length 1 stands for its item, an empty one for nothing
	keepSingleton bool // a sequence that stays one even with one item
	cons          bool // made by an array constructor within a path: not flattened into the result
	outer         bool // wraps an array that is the input of the whole expression
	tuples        bool // the items are tuples: objects of the bindings of a step
}

func sequence(items ...any) *array { return &array{items: items, seq: true} }

func (a *array) len() int {
	if a.span > 0 {
		return a.span
	}
	return len(a.items)
}

// at returns the item at i, undef beyond the end.
func (a *array) at(i int) any {
	if a.span > 0 {
		if i < 0 || i >= a.span {
			return undef
		}
		return a.low + float64(i)
	}
	if i < 0 || i >= len(a.items) {
		return undef
	}
	return norm(a.items[i])
}

// list returns the items as a slice that may be appended to but not written to.
func (a *array) list() []any {
	if a.span > 0 {
		items := make([]any, a.span)
		for i := range items {
			items[i] = a.low + float64(i)
		}
		a.items, a.span = items, 0
	}
	return a.items[:len(a.items):len(a.items)]
}

// norm turns a raw value of a document into one that the evaluator works on.
func norm(v any) any {
	switch x := v.(type) {
	case jsonvalue.Number:
		return number(x)
	case []any:
		return &array{items: x[:len(x):len(x)]}
	}
	return v
}

// number reads the text of a number; short integers, the usual case, without strconv.
func number(n jsonvalue.Number) float64 {
	if l := len(n); l > 0 && l < 16 {
		i, v := 0, int64(0)
		if n[0] == '-' && l > 1 && n[1] != '0' {
			i = 1
		}
		for ; i < l; i++ {
			c := n[i]
			if c < '0' || c > '9' {
				return n.Float()
			}
			v = v*10 + int64(c-'0')
		}
		if n[0] == '-' {
			v = -v
		}
		return float64(v)
	}
	return n.Float()
}

// member returns a member of an object, undef if there is none.
func member(o *jsonvalue.Object, key string) any {
	if v, ok := o.Get(key); ok {
		return norm(v)
	}
	return undef
}

func isUndef(v any) bool {
	_, ok := v.(undefinedType)
	return ok
}

// isNumeric reports whether v is a number that can be reckoned with. An infinite one is an error.
func isNumeric(v any) (bool, error) {
	f, ok := v.(float64)
	if !ok || math.IsNaN(f) {
		return false, nil
	}
	if math.IsInf(f, 0) {
		return false, fail("D1001").val(v)
	}
	return true, nil
}

// truth is JSONata's cast to a boolean; undefined counts as false.
func truth(v any) (bool, error) { return truthAt(v, 0) }

func truthAt(v any, depth int) (bool, error) {
	if depth > maxNesting {
		return false, stackOverflow()
	}
	switch x := v.(type) {
	case bool:
		return x, nil
	case string:
		return x != "", nil
	case float64:
		ok, err := isNumeric(v)
		return ok && x != 0, err
	case *jsonvalue.Object:
		return x.Len() > 0, nil
	case *array:
		if x.span > 0 {
			return x.span > 1 || x.low != 0, nil
		}
		for i := range x.items {
			// every item is looked at: an infinite number anywhere is an error
			ok, err := truthAt(x.at(i), depth+1)
			if err != nil {
				return false, err
			}
			if ok {
				for j := i + 1; j < len(x.items); j++ {
					if _, err := truthAt(x.at(j), depth+1); err != nil {
						return false, err
					}
				}
				return true, nil
			}
		}
		return false, nil
	case *function:
		return x.hasKeys(), nil
	}
	return false, nil
}

// scriptTruth is JavaScript's own idea of what is true, which some functions of the library apply to what a callback returns.
func scriptTruth(v any) bool {
	switch x := v.(type) {
	case nil, undefinedType:
		return false
	case bool:
		return x
	case string:
		return x != ""
	case float64:
		return x != 0 && !math.IsNaN(x)
	}
	return true
}

// numbersOnly reports whether all items are numbers.
func numbersOnly(a *array) (bool, error) {
	if a.span > 0 {
		return true, nil
	}
	all := true
	for i := range a.items {
		ok, err := isNumeric(a.at(i))
		if err != nil {
			return false, err
		}
		all = all && ok
	}
	return all, nil
}

func stringsOnly(a *array) bool {
	if a.span > 0 {
		return false
	}
	for _, v := range a.items {
		if _, ok := v.(string); !ok {
			return false
		}
	}
	return true
}

// appendValues is JSONata's concatenation: undefined counts for nothing, a single value for a list of one.
func appendValues(a, b any) any {
	if isUndef(a) {
		return b
	}
	if isUndef(b) {
		return a
	}
	left, ok := a.(*array)
	if !ok {
		left = sequence(a)
	}
	right, ok := b.(*array)
	if !ok {
		return &array{items: append(left.list(), b)}
	}
	if left.len() == 0 && right.span > 0 {
		return &array{span: right.span, low: right.low}
	}
	return &array{items: append(left.list(), right.list()...)}
}

// orderedKeys returns the keys in the order in which JavaScript lists them: array indexes first, ascending.
func orderedKeys(o *jsonvalue.Object) []string { return inOrder(o.Keys()) }

func inOrder(keys []string) []string {
	if !needsOrder(keys) {
		return keys
	}
	var indexes, rest []string
	for _, k := range keys {
		if isIndex(k) {
			indexes = append(indexes, k)
		} else {
			rest = append(rest, k)
		}
	}
	sortIndexes(indexes)
	return append(indexes, rest...)
}

func needsOrder(keys []string) bool {
	seenOther, last := false, uint64(0)
	for i, k := range keys {
		if k == "" || k[0] > '9' || k[0] < '0' || !isIndex(k) {
			seenOther = true
			continue
		}
		n, _ := strconv.ParseUint(k, 10, 64)
		if seenOther || i > 0 && n < last {
			return true
		}
		last = n
	}
	return false
}

// isIndex reports whether k is the text of an integer that JavaScript takes for an array index.
func isIndex(k string) bool {
	if k == "" || len(k) > 10 || len(k) > 1 && k[0] == '0' {
		return false
	}
	for i := 0; i < len(k); i++ {
		if k[i] < '0' || k[i] > '9' {
			return false
		}
	}
	n, err := strconv.ParseUint(k, 10, 64)
	return err == nil && n < math.MaxUint32
}
