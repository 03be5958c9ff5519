package asl

import (
	"github.com/tarn-data/tarn/internal/jsonpath"
	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// ResultPath tells where a result is put into the state's input.
type ResultPath struct {
	src  string
	null bool
	refs []jsonpath.Ref
}

// Apply returns input with result put in its place. Input itself is not changed. A nil ResultPath replaces input.
func (p *ResultPath) Apply(input, result any) (any, error) {
	if p == nil || !p.null && len(p.refs) == 0 {
		return result, nil
	}
	if p.null {
		return input, nil
	}
	v, ok := place(input, p.refs, result)
	if !ok {
		return nil, &StateError{Name: ErrResultPathMismatch, Cause: "Unable to apply ReferencePath " + p.src + " to input " + text(input)}
	}
	return v, nil
}

// place returns a copy of doc, as deep as needed, in which the value at refs is v. Missing objects are made.
func place(doc any, refs []jsonpath.Ref, v any) (any, bool) {
	if len(refs) == 0 {
		return v, true
	}
	r := refs[0]
	if r.IsIndex {
		list, ok := doc.([]any)
		if !ok || r.Index >= len(list) {
			return nil, false
		}
		child, ok := place(list[r.Index], refs[1:], v)
		if !ok {
			return nil, false
		}
		out := append([]any(nil), list...)
		out[r.Index] = child
		return out, true
	}
	var o *jsonvalue.Object
	switch d := doc.(type) {
	case *jsonvalue.Object:
		o = d.Clone()
	case nil:
		o = &jsonvalue.Object{}
	default:
		return nil, false
	}
	old, _ := o.Get(r.Name)
	child, ok := place(old, refs[1:], v)
	if !ok {
		return nil, false
	}
	o.Set(r.Name, child)
	return o, true
}
