package jsonata

import "github.com/tarn-data/tarn/internal/jsonvalue"

// frame holds the variables of a block, a call or a tuple. Variables of the frames around it are seen through it.
type frame struct {
	parent *frame
	names  []string
	vals   []any
	tuple  *jsonvalue.Object // its members are variables too
	space  [3]any            // where vals starts
}

func (f *frame) bind(name string, v any) {
	for i, n := range f.names {
		if n == name {
			f.vals[i] = v
			return
		}
	}
	f.names = append(f.names, name)
	f.vals = append(f.vals, v)
}

func (f *frame) lookup(name string) (any, bool) {
	for ; f != nil; f = f.parent {
		for i, n := range f.names {
			if n == name {
				return f.vals[i], true
			}
		}
		if f.tuple != nil {
			if v, ok := f.tuple.Get(name); ok {
				return norm(v), true
			}
		}
	}
	return nil, false
}

// variable returns the value of a variable: bound in the expression, a function of the library, or given by the caller.
func (ev *evaluator) variable(name string, b *builtin, f *frame) any {
	if v, ok := f.lookup(name); ok {
		return v
	}
	if b != nil {
		if ev.offers(b) {
			return ev.native(b)
		}
		return undef
	}
	if ev.env == nil {
		return undef
	}
	v, ok := ev.env(name)
	if !ok {
		v = undef
	}
	if ev.copies {
		v = copyDocument(v)
	}
	v = norm(v)
	ev.root.bind(name, v)
	return v
}

// offers reports whether the dialect has the function.
func (ev *evaluator) offers(b *builtin) bool {
	return b.dialect == anyDialect || (b.dialect == plainOnly) == ev.plain
}

// native returns the function value of a built-in function: one for each evaluation, as it remembers where it was called.
func (ev *evaluator) native(b *builtin) *function {
	for _, f := range ev.natives {
		if f.builtin == b {
			return f
		}
	}
	f := &function{kind: fnNative, builtin: b, sig: b.sig, arity: b.arity}
	ev.natives = append(ev.natives, f)
	return f
}
