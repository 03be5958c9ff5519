// Package jsonvalue holds JSON documents as trees that keep what encoding/json loses: the order of members and the text
// of numbers. Payloads of state machines pass through it unharmed.
//
// A value is one of nil, bool, string, Number, []any and *Object. Trees are shared freely and therefore never changed
// in place by readers; whoever changes an Object first makes a Clone of it.
package jsonvalue

import (
	"iter"
	"math/big"
	"strconv"
	"strings"
)

// Number is a number as it was written: "1", "1.0", "1e3".
type Number string

// Float returns the number as a double. Numbers beyond its range become infinite.
func (n Number) Float() float64 {
	f, _ := strconv.ParseFloat(string(n), 64)
	return f
}

// Int returns the number as an integer; ok is false when it has a fraction, an exponent or is out of range.
func (n Number) Int() (i int64, ok bool) {
	i, err := strconv.ParseInt(string(n), 10, 64)
	return i, err == nil
}

// Compare compares two numbers by value, exactly where both are integers.
func (n Number) Compare(m Number) int {
	a, aok := n.Int()
	b, bok := m.Int()
	if aok && bok {
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	}
	x, xok := new(big.Float).SetPrec(200).SetString(string(n))
	y, yok := new(big.Float).SetPrec(200).SetString(string(m))
	if !xok || !yok {
		return strings.Compare(string(n), string(m))
	}
	return x.Cmp(y)
}

// Int returns the Number of an integer.
func Int(i int64) Number { return Number(strconv.FormatInt(i, 10)) }

// Float returns the Number of a double in its shortest form, an integer without a fraction.
func Float(f float64) Number {
	b := strconv.AppendFloat(nil, f, 'f', -1, 64)
	if len(b) > 21 {
		b = strconv.AppendFloat(b[:0], f, 'e', -1, 64)
	}
	return Number(b)
}

// Object is a JSON object whose members keep their order. The zero value is an empty object. A key that is set again
// keeps its place.
type Object struct {
	keys  []string
	vals  []any
	index map[string]int // built once there are many keys
}

const indexFrom = 12 // below this many keys a linear search is faster than a map

// NewObject returns an object with the members given as key, value, key, value.
func NewObject(kv ...any) *Object {
	o := &Object{keys: make([]string, 0, len(kv)/2), vals: make([]any, 0, len(kv)/2)}
	for i := 0; i+1 < len(kv); i += 2 {
		o.Set(kv[i].(string), kv[i+1])
	}
	return o
}

// Len returns the number of members.
func (o *Object) Len() int { return len(o.keys) }

// Keys returns the keys in order. The caller must not change the slice.
func (o *Object) Keys() []string { return o.keys }

// Get returns the value of a key.
func (o *Object) Get(key string) (any, bool) {
	if i := o.find(key); i >= 0 {
		return o.vals[i], true
	}
	return nil, false
}

// Str returns the value of a key if it is a string, else "".
func (o *Object) Str(key string) string {
	v, _ := o.Get(key)
	s, _ := v.(string)
	return s
}

// Has reports whether there is a member with the key.
func (o *Object) Has(key string) bool { return o.find(key) >= 0 }

// Set adds a member or replaces its value.
func (o *Object) Set(key string, v any) {
	if i := o.find(key); i >= 0 {
		o.vals[i] = v
		return
	}
	o.keys = append(o.keys, key)
	o.vals = append(o.vals, v)
	switch {
	case o.index != nil:
		o.index[key] = len(o.keys) - 1
	case len(o.keys) > indexFrom:
		o.index = make(map[string]int, 2*len(o.keys))
		for i, k := range o.keys {
			o.index[k] = i
		}
	}
}

// Delete removes a member.
func (o *Object) Delete(key string) {
	i := o.find(key)
	if i < 0 {
		return
	}
	o.keys = append(o.keys[:i:i], o.keys[i+1:]...)
	o.vals = append(o.vals[:i:i], o.vals[i+1:]...)
	if o.index != nil {
		clear(o.index)
		for i, k := range o.keys {
			o.index[k] = i
		}
	}
}

// All yields the members in order.
func (o *Object) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for i, k := range o.keys {
			if !yield(k, o.vals[i]) {
				return
			}
		}
	}
}

// Clone returns an object with the same members, which it shares.
func (o *Object) Clone() *Object {
	c := &Object{keys: append([]string(nil), o.keys...), vals: append([]any(nil), o.vals...)}
	if o.index != nil {
		c.index = make(map[string]int, len(o.index))
		for k, i := range o.index {
			c.index[k] = i
		}
	}
	return c
}

func (o *Object) find(key string) int {
	if o.index != nil {
		if i, ok := o.index[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range o.keys {
		if k == key {
			return i
		}
	}
	return -1
}

// Equal reports whether two values are the same JSON value: numbers by value, objects whatever their order.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		v, ok := b.(bool)
		return ok && a == v
	case string:
		v, ok := b.(string)
		return ok && a == v
	case Number:
		v, ok := b.(Number)
		return ok && a.Compare(v) == 0
	case []any:
		v, ok := b.([]any)
		if !ok || len(a) != len(v) {
			return false
		}
		for i := range a {
			if !Equal(a[i], v[i]) {
				return false
			}
		}
		return true
	case *Object:
		v, ok := b.(*Object)
		if !ok || a.Len() != v.Len() {
			return false
		}
		for k, x := range a.All() {
			y, ok := v.Get(k)
			if !ok || !Equal(x, y) {
				return false
			}
		}
		return true
	}
	return false
}

// TypeName returns the JSON type of v: null, boolean, string, number, array or object.
func TypeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case Number:
		return "number"
	case []any:
		return "array"
	}
	return "object"
}
