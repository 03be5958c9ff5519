package jsonata

import (
	"context"
	"runtime/metrics"
	"time"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

const (
	maxDepth   = 10000 // evaluations within one another: about 2,000 nested calls of an expression's own functions
	checkEvery = 1024  // steps between looks at the clock
)

// evaluator is one evaluation.
type evaluator struct {
	ctx      context.Context
	time     time.Duration
	deadline time.Time // set at the first look at the clock
	memory   uint64    // limit in bytes
	heavy    *Heavy    // nil = any number of evaluations may be heavy
	turn     bool      // it is heavy's turn
	plain    bool      // the JSONata library alone, with $eval and without Step Functions' functions
	env      Env
	root     *frame
	now      time.Time
	parse    func(string) (*node, error)
	copies   bool // documents are copied before use, as the expression may change them

	steps     int
	exports   uint64 // values in the result so far; text counts by its length
	depth     int
	allocated uint64 // since the heap was last looked at
	heap      uint64 // of the process, at the first look
	natives   []*function

	rootFrame  frame // the variables from outside, with space for a few
	rootNames  [4]string
	rootValues [4]any
}

// step counts a unit of work and ends the evaluation when its time is over.
func (ev *evaluator) step() error {
	if ev.steps++; ev.steps%checkEvery != 0 || ev.ctx == nil {
		return nil
	}
	if err := ev.ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	if ev.deadline.IsZero() {
		ev.deadline = now.Add(ev.time)
	}
	if now.After(ev.deadline) {
		return timeout()
	}
	if ev.heavy != nil && !ev.turn && ev.deadline.Sub(now) < ev.time-heavyAfter {
		return ev.takeTurn()
	}
	return nil
}

// millis returns the time of the evaluation: the same whenever it is asked for.
func (ev *evaluator) millis() float64 {
	if ev.now.IsZero() {
		ev.now = time.Now()
	}
	return float64(ev.now.UnixMilli())
}

// grown accounts for n bytes about to be used. One piece larger than the limit fails at once; small ones when
// together they exceed the limit and the heap really grew.
func (ev *evaluator) grown(n int) error {
	if ev.ctx == nil {
		return nil
	}
	if uint64(n) > ev.memory {
		return outOfMemory(ev.memory)
	}
	ev.allocated += uint64(n)
	if ev.heavy != nil && !ev.turn && ev.allocated > heavyBytes {
		if err := ev.takeTurn(); err != nil {
			return err
		}
	}
	if ev.allocated < ev.memory/4 {
		return nil
	}
	ev.allocated = 0
	now := heapBytes()
	if ev.heap == 0 {
		ev.heap = now
	}
	if now > ev.heap+ev.memory {
		return outOfMemory(ev.memory)
	}
	return nil
}

func heapBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}

const itemSize = 24 // bytes of an item of a list, with its number

// eval evaluates a node for an input.
func (ev *evaluator) eval(n *node, input any, f *frame) (any, error) {
	if ev.depth++; ev.depth > maxDepth {
		return nil, stackOverflow()
	}
	v, err := ev.evalKind(n, input, f)
	ev.depth--
	if err != nil {
		return nil, err
	}
	if err := ev.step(); err != nil {
		return nil, err
	}
	for i := range n.predicate {
		if v, err = ev.filter(n.predicate[i].filter, v, f); err != nil {
			return nil, err
		}
	}
	if n.group != nil && n.kind != kindPath {
		if v, err = ev.groupBy(n.group.pairs, n.group.pos, v, f); err != nil {
			return nil, err
		}
	}
	if a, ok := v.(*array); ok && a.seq && !a.tuples {
		if n.keepArray {
			a.keepSingleton = true
		}
		switch a.len() {
		case 0:
			return undef, nil
		case 1:
			if !a.keepSingleton {
				return a.at(0), nil
			}
		}
	}
	return v, nil
}

func (ev *evaluator) evalKind(n *node, input any, f *frame) (any, error) {
	switch n.kind {
	case kindPath:
		return ev.path(n, input, f)
	case kindName:
		return ev.lookup(input, n.str, 0)
	case kindString, kindNumber, kindValue:
		return n.val, nil
	case kindVariable:
		if n.str == "" {
			if a, ok := input.(*array); ok && a.outer {
				return a.at(0), nil
			}
			return input, nil
		}
		return ev.variable(n.str, n.builtin, f), nil
	case kindBinary:
		return ev.binary(n, input, f)
	case kindNegation:
		return ev.negate(n, input, f)
	case kindArray:
		return ev.arrayOf(n, input, f)
	case kindObject:
		return ev.groupBy(n.pairs, n.pos, input, f)
	case kindWildcard:
		return ev.wildcard(input)
	case kindDescendant:
		return ev.descendants(input)
	case kindParent:
		v, ok := f.lookup(n.slot.label)
		if !ok {
			return undef, nil
		}
		return v, nil
	case kindCondition:
		return ev.condition(n, input, f)
	case kindBlock:
		return ev.block(n, input, f)
	case kindBind:
		v, err := ev.eval(n.rhs, input, f)
		if err != nil {
			return nil, err
		}
		f.bind(n.lhs.str, v)
		return v, nil
	case kindRegex:
		return ev.matcher(n), nil
	case kindFunction:
		return ev.call(n, input, f, nil)
	case kindLambda:
		return &function{kind: fnLambda, params: n.params, sig: n.sig, body: n.rhs, input: input, env: f, thunk: n.thunk, arity: len(n.params)}, nil
	case kindPartial:
		return ev.partial(n, input, f)
	case kindApply:
		return ev.applyTo(n, input, f)
	case kindTransform:
		return ev.transformer(n, f), nil
	}
	return undef, nil
}

func (ev *evaluator) condition(n *node, input any, f *frame) (any, error) {
	c, err := ev.eval(n.lhs, input, f)
	if err != nil {
		return nil, err
	}
	ok, err := truth(c)
	switch {
	case err != nil:
		return nil, err
	case ok:
		return ev.eval(n.rhs, input, f)
	case n.other != nil:
		return ev.eval(n.other, input, f)
	}
	return undef, nil
}

func (ev *evaluator) block(n *node, input any, f *frame) (v any, err error) {
	inner := f
	if !n.noBinds {
		inner = &frame{parent: f}
	}
	v = undef
	for _, e := range n.list {
		if v, err = ev.eval(e, input, inner); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// lookup returns the member key of an object, or of each object of a list.
func (ev *evaluator) lookup(input any, key string, depth int) (any, error) {
	if depth > maxNesting {
		return nil, stackOverflow()
	}
	switch x := input.(type) {
	case *jsonvalue.Object:
		return member(x, key), nil
	case *array:
		out := sequence()
		for i, n := 0, x.len(); i < n; i++ {
			v, err := ev.lookup(x.at(i), key, depth+1)
			if err != nil {
				return nil, err
			}
			switch v := v.(type) {
			case undefinedType:
			case *array:
				if err := ev.grown(v.len() * itemSize); err != nil {
					return nil, err
				}
				out.items = append(out.items, v.list()...)
			default:
				out.items = append(out.items, v)
			}
		}
		return out, nil
	}
	return undef, nil
}

func (ev *evaluator) wildcard(input any) (any, error) {
	if a, ok := input.(*array); ok && a.outer && a.len() > 0 {
		input = a.at(0)
	}
	out := sequence()
	isSeq := true
	var err error
	add := func(v any) {
		if a, ok := v.(*array); ok {
			if err == nil {
				out.items, err = ev.flatten(a, out.items, 0)
			}
			isSeq = false
			return
		}
		out.items = append(out.items, v)
	}
	switch x := input.(type) {
	case *jsonvalue.Object:
		for _, k := range orderedKeys(x) {
			add(member(x, k))
		}
	case *array:
		for i, n := 0, x.len(); i < n; i++ {
			add(x.at(i))
		}
		// the library lists the marks of a sequence among its members
		for _, mark := range []bool{x.seq, x.keepSingleton, x.tuples} {
			if mark {
				add(true)
			}
		}
	}
	out.seq = isSeq
	return out, err
}

func (ev *evaluator) flatten(a *array, into []any, depth int) (_ []any, err error) {
	if depth > maxNesting {
		return nil, stackOverflow()
	}
	if err := ev.grown(a.len() * itemSize); err != nil {
		return nil, err
	}
	for i, n := 0, a.len(); i < n; i++ {
		if err := ev.step(); err != nil {
			return nil, err
		}
		if inner, ok := a.at(i).(*array); ok {
			if into, err = ev.flatten(inner, into, depth+1); err != nil {
				return nil, err
			}
			continue
		}
		into = append(into, a.at(i))
	}
	return into, nil
}

func (ev *evaluator) descendants(input any) (any, error) {
	if isUndef(input) {
		return undef, nil
	}
	out := sequence()
	if err := ev.descend(input, out, 0); err != nil {
		return nil, err
	}
	if len(out.items) == 1 {
		return out.at(0), nil
	}
	return out, nil
}

func (ev *evaluator) descend(v any, out *array, depth int) error {
	if depth > maxNesting {
		return stackOverflow()
	}
	if err := ev.step(); err != nil {
		return err
	}
	if err := ev.grown(itemSize); err != nil {
		return err
	}
	switch x := v.(type) {
	case *array:
		for i, n := 0, x.len(); i < n; i++ {
			if err := ev.descend(x.at(i), out, depth+1); err != nil {
				return err
			}
		}
		return nil
	case *jsonvalue.Object:
		out.items = append(out.items, v)
		for _, k := range orderedKeys(x) {
			if err := ev.descend(member(x, k), out, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	out.items = append(out.items, v)
	return nil
}
