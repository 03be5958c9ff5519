package protocol

import (
	"fmt"
	"io"
	"reflect"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// plan pairs a shape of the model with the Go type that holds it. It is made once and then read only.
type plan struct {
	shape  *model.Shape
	typ    reflect.Type // never a pointer
	fields []field      // by Member.Index
	req    []int        // required members
	tokens []int        // idempotency tokens
	elem   *plan        // of lists and maps
}

type field struct {
	m     *model.Member
	index int // in the struct; -1 where it lacks the member
	plan  *plan
}

type planKey struct {
	s *model.Shape
	t reflect.Type
}

var (
	anyType    = reflect.TypeFor[any]()
	timeType   = reflect.TypeFor[time.Time]()
	readerType = reflect.TypeFor[io.Reader]()
)

// planner compiles the plans of one service and shares them between its operations.
type planner struct {
	mu    sync.Mutex // guards plans
	plans map[planKey]*plan
}

// plan returns the plan for a pair, or an error that says which type cannot hold its shape.
func (p *planner) plan(s *model.Shape, t reflect.Type) (*plan, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.plans == nil {
		p.plans = map[planKey]*plan{}
	}
	return p.compile(s, t)
}

func (p *planner) compile(s *model.Shape, t reflect.Type) (*plan, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	k := planKey{s, t}
	if q := p.plans[k]; q != nil {
		return q, nil
	}
	if !holds(s, t) {
		return nil, fmt.Errorf("shape %s cannot be held by %s", s.Name, t)
	}
	q := &plan{shape: s, typ: t}
	p.plans[k] = q // before its parts, which may refer to it
	var err error
	switch s.Kind {
	case model.Structure:
		err = p.structure(q)
	case model.List:
		q.elem, err = p.compile(s.Elem.Shape, t.Elem())
	case model.Map:
		if _, err = p.compile(s.Key.Shape, t.Key()); err == nil {
			q.elem, err = p.compile(s.Val.Shape, t.Elem())
		}
	}
	if err != nil {
		delete(p.plans, k)
		return nil, err
	}
	return q, nil
}

func (p *planner) structure(q *plan) error {
	q.fields = make([]field, len(q.shape.Members))
	known := 0
	for i, m := range q.shape.Members {
		q.fields[i] = field{m: m, index: -1}
		if m.Required && m.Support == model.Served {
			q.req = append(q.req, i)
		}
		f, ok := q.typ.FieldByName(model.GoName(m.Name))
		if !ok || len(f.Index) != 1 || !f.IsExported() || m.Support != model.Served {
			continue
		}
		known++
		sub, err := p.compile(m.Shape, f.Type)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", q.shape.Name, m.Name, err)
		}
		q.fields[i].index, q.fields[i].plan = f.Index[0], sub
		if m.Token && f.Type.Kind() == reflect.Pointer && m.Shape.Kind == model.String {
			q.tokens = append(q.tokens, i)
		}
	}
	if known != q.typ.NumField() {
		return fmt.Errorf("%s has fields that shape %s lacks", q.typ, q.shape.Name)
	}
	return nil
}

func holds(s *model.Shape, t reflect.Type) bool {
	switch s.Kind {
	case model.Structure:
		return t.Kind() == reflect.Struct
	case model.List:
		return t.Kind() == reflect.Slice
	case model.Map:
		return t.Kind() == reflect.Map && t.Key().Kind() == reflect.String
	case model.String:
		return t.Kind() == reflect.String
	case model.Integer:
		return t.Kind() == reflect.Int32 || t.Kind() == reflect.Int64
	case model.Long:
		return t.Kind() == reflect.Int64
	case model.Float, model.Double:
		return t.Kind() == reflect.Float64
	case model.Boolean:
		return t.Kind() == reflect.Bool
	case model.Timestamp:
		return t == timeType
	case model.Blob:
		return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 || t.Kind() == reflect.Interface && t.Implements(readerType)
	case model.Document:
		return t == anyType
	}
	return false
}

// deref returns the value that v points to, allocating on the way.
func deref(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	return v
}

// indirect follows pointers and interfaces; it reports whether there is a value at the end.
func indirect(v reflect.Value) (reflect.Value, bool) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return v, false
		}
		v = v.Elem()
	}
	return v, v.IsValid()
}

// absent reports whether a member is not to be sent. A value field that is zero counts as absent unless it is required.
func absent(m *model.Member, v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return v.IsNil()
	}
	return !m.Required && v.IsZero()
}
