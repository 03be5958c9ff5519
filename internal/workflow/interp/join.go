package interp

import (
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

func (r *Step) parallel(t *Thread, s *asl.State) {
	in := t.in
	if s.InputPath != nil || s.Parameters != nil {
		v, err := r.parameters(s, r.scope(t, s))
		if err != nil {
			r.fail(t, s, r.raise(t, s, err))
			return
		}
		in = fromTree(v)
	}
	t.Prev = r.emit(t.Prev, ParallelStateStarted, Detail{})
	t.Phase = Joining
	t.Total, t.Next, t.Active, t.Done = len(s.Branches), len(s.Branches), len(s.Branches), 0
	t.results = make([]string, t.Total)
	for i, b := range s.Branches {
		c := r.thread(t, i, b.StartAt, in)
		c.Prev = t.Prev
	}
}

// inlineLimit is how many iterations of an inline Map run at a time when nothing is said.
const inlineLimit = 40

func (r *Step) mapState(t *Thread, s *asl.State) {
	m := s.Map
	scope := r.scope(t, s)
	if s.Language == asl.JSONPath {
		in, err := s.InputPath.Get(scope)
		if err != nil {
			r.fail(t, s, r.raise(t, s, err))
			return
		}
		scope = scope.WithInput(in)
	}
	var items []any
	var err error
	if m.Reader == nil {
		if items, err = r.items(s, scope); err != nil {
			r.fail(t, s, r.raise(t, s, err))
			return
		}
	}
	limit := int64(0)
	if m.MaxConcurrency != nil {
		limit, err = m.MaxConcurrency.Integer(scope)
		if err == nil && limit < 0 {
			err = &asl.StateError{Name: asl.ErrRuntime, Cause: "MaxConcurrency cannot be negative."}
		}
		if err != nil {
			r.fail(t, s, r.raise(t, s, err))
			return
		}
	}
	t.Prev = r.emit(t.Prev, MapStateStarted, Detail{Length: int64(len(items))})
	if m.Distributed {
		r.distributed(t, s)
		return
	}
	if _, _, err := r.tolerance(s, scope); err != nil {
		r.fail(t, s, r.raise(t, s, err))
		return
	}
	if limit == 0 || limit > inlineLimit {
		limit = inlineLimit
	}
	t.Phase = Joining
	t.Total, t.Next, t.Active, t.Done, t.Limit = len(items), 0, 0, 0, int(limit)
	t.items, t.results = items, make([]string, len(items))
	r.Items = append(r.Items, t.ID)
	if t.Total == 0 {
		r.joined(t, s)
		return
	}
	for t.Next < t.Total && t.Active < t.Limit {
		if !r.iterate(t, s, scope, t.Prev) {
			return
		}
	}
}

// items returns what a Map iterates over.
func (r *Step) items(s *asl.State, scope *asl.Scope) ([]any, error) {
	m := s.Map
	if s.Language == asl.JSONPath {
		v, err := m.ItemsPath.Get(scope)
		if err != nil {
			return nil, err
		}
		list, ok := v.([]any)
		if !ok {
			path := "$"
			if m.ItemsPath != nil {
				path = m.ItemsPath.Source()
			}
			if strings.HasPrefix(path, "$$") {
				path = path[1:]
			}
			return nil, &asl.StateError{Name: asl.ErrRuntime, Cause: "Reference path \"" + path + "\" must point to array."}
		}
		return list, nil
	}
	if m.Items == nil {
		list, ok := scope.Input.([]any)
		if !ok {
			return nil, &asl.StateError{Name: asl.ErrQueryEvaluation, Eval: true, Cause: "Map state input must be an array but was: " + jsonvalue.Marshal(scope.Input)}
		}
		return list, nil
	}
	return m.Items.List(scope)
}

// iterate starts the next iteration. It reports false after a failure.
func (r *Step) iterate(t *Thread, s *asl.State, scope *asl.Scope, prev int64) bool {
	i := t.Next
	in := fromTree(t.items[i])
	if sel := s.Map.Selector; sel != nil {
		v, err := sel.Eval(r.itemScope(t, s, scope, i, t.items[i]))
		if err != nil {
			r.fail(t, s, r.raise(t, s, err))
			return false
		}
		in = fromTree(v)
	}
	t.Next++
	t.Active++
	started := r.emit(prev, MapIterationStarted, Detail{Name: s.Name, Index: int64(i)})
	c := r.thread(t, i, s.Map.Processor.StartAt, in)
	c.Prev = started
	r.mark(t)
	return true
}

// mapScope is what the expressions of a Map state refer to once its input was looked at.
func (r *Step) mapScope(t *Thread, s *asl.State) *asl.Scope {
	scope := r.scope(t, s)
	if s.Language == asl.JSONPath {
		if in, err := s.InputPath.Get(scope); err == nil {
			scope = scope.WithInput(in)
		}
	}
	return scope
}

// itemScope is scope with $$.Map.Item.
func (r *Step) itemScope(t *Thread, s *asl.State, scope *asl.Scope, index int, value any) *asl.Scope {
	c := *scope
	c.Context = func() *jsonvalue.Object {
		o := r.context(t, s)
		o.Set("Map", jsonvalue.NewObject("Item", itemOf(index, value)))
		return o
	}
	return &c
}

func (r *Step) childEnded(c *Thread, out payload) {
	p := r.State.Threads[c.Parent]
	s := r.stateOf(p)
	text := out.json()
	p.results[c.Index] = text
	r.Results = append(r.Results, Result{p.ID, c.Index, text})
	r.mark(p)
	r.drop(c)
	p.Active--
	p.Done++
	if s.Kind == asl.Parallel {
		p.Prev = c.Prev
	} else {
		p.Prev = r.emit(c.Prev, MapIterationSucceeded, Detail{Name: s.Name, Index: int64(c.Index)})
		if p.Next < p.Total {
			r.iterate(p, s, r.mapScope(p, s), c.Prev)
			return
		}
	}
	if p.Done == p.Total {
		r.joined(p, s)
	}
}

// joined is called when all children of a Parallel or Map state have ended.
func (r *Step) joined(t *Thread, s *asl.State) {
	typ := MapStateSucceeded
	if s.Kind == asl.Parallel {
		typ = ParallelStateSucceeded
	}
	r.emit(t.Prev, typ, Detail{})
	n := 2
	for _, x := range t.results {
		n += len(x) + 1
	}
	if n > asl.MaxPayload+1 {
		r.overflow(t, s)
		return
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteByte('[')
	for i, x := range t.results {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(x)
	}
	b.WriteByte(']')
	out := fromText(b.String())
	if s.ResultPath == nil && s.ResultSelector == nil && s.OutputPath == nil && s.Output == nil && s.Assign == nil {
		r.exit(t, s, out, nil, s.Next)
		return
	}
	r.output(t, s, r.scope(t, s), out.value())
}

func (r *Step) childFailed(c *Thread, f failure) {
	p := r.State.Threads[c.Parent]
	s := r.stateOf(p)
	r.mark(p)
	if s.Kind == asl.Map {
		r.emit(c.Prev, MapIterationFailed, Detail{Name: s.Name, Index: int64(c.Index)})
	}
	p.Prev = c.Prev
	if r.stateOf(c).Kind == asl.Task {
		r.emit(c.Prev, TaskStateAborted, Detail{}) // as recorded: after TaskFailed and TaskTimedOut
	}
	for _, other := range r.children(p) {
		if other.ID == c.ID {
			continue
		}
		if s.Kind == asl.Map {
			r.emit(c.Prev, MapIterationAborted, Detail{Name: s.Name, Index: int64(other.Index)})
		}
		r.abort(other, c.Prev)
	}
	r.fail(p, s, f)
}

var aborted = map[asl.Kind]EventType{asl.Task: TaskStateAborted, asl.Wait: WaitStateAborted, asl.Parallel: ParallelStateAborted, asl.Map: MapStateAborted}

// abort writes the events of states that are left without an end, all after the event of what failed.
func (r *Step) abort(t *Thread, failed int64) {
	if t.Phase == Ready {
		return
	}
	s := r.stateOf(t)
	for _, c := range r.children(t) {
		if s.Kind == asl.Map {
			r.emit(failed, MapIterationAborted, Detail{Name: s.Name, Index: int64(c.Index)})
		}
		r.abort(c, failed)
	}
	if typ, ok := aborted[s.Kind]; ok {
		r.emit(failed, typ, Detail{})
	}
}
