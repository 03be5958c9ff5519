package interp

import (
	"fmt"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// distributed starts the run of a distributed Map.
func (r *Step) distributed(t *Thread, s *asl.State) {
	t.Attempt++
	label := s.Map.Label
	if label == "" {
		label = r.newID()
	}
	t.MapRun = fmt.Sprintf("%s/%s:%s", strings.Replace(r.State.MachineARN, ":stateMachine:", ":mapRun:", 1), label, r.newID())
	t.Phase = Mapping
	start, err := r.mapStart(t, s)
	if err != nil {
		t.Phase, t.MapRun = Pending, ""
		r.fail(t, s, r.raise(t, s, err))
		return
	}
	t.Prev = r.emit(t.Prev, MapRunStarted, Detail{MapRun: t.MapRun})
	r.Maps = append(r.Maps, start)
}

// redriveMap goes on with the run in which the execution ended. It reports false when the run cannot be described any
// more: then the state starts a new one.
func (r *Step) redriveMap(t *Thread, prev int64) bool {
	t.Done++
	start, err := r.mapStart(t, r.stateOf(t))
	if err != nil {
		t.clearJoin()
		return false
	}
	t.Phase = Mapping
	t.Prev = r.emit(prev, MapRunRedriven, Detail{MapRun: t.MapRun, Redrives: int64(t.Done)})
	r.mark(t)
	r.Maps = append(r.Maps, start)
	return true
}

// mapStart evaluates what a map run is started with.
func (r *Step) mapStart(t *Thread, s *asl.State) (MapStart, error) {
	m := s.Map
	scope := r.scope(t, s)
	if s.Language == asl.JSONPath {
		in, err := s.InputPath.Get(scope)
		if err != nil {
			return MapStart{}, err
		}
		scope = scope.WithInput(in)
	}
	start := MapStart{Thread: t.ID, Attempt: t.Attempt, State: s, ARN: t.MapRun, Redrives: t.Done, Input: jsonvalue.Marshal(scope.Input)}
	var err error
	if m.MaxConcurrency != nil {
		if start.Concurrency, err = m.MaxConcurrency.Integer(scope); err != nil {
			return start, err
		}
	}
	if start.TolerateCount, start.TolerateShare, err = r.tolerance(s, scope); err != nil {
		return start, err
	}
	start.HasTolerance = m.TolerateCount != nil || m.TolerateShare != nil
	if m.Reader == nil {
		if start.Items, err = r.items(s, scope); err != nil {
			return start, err
		}
	} else {
		start.Reader = &Reader{Spec: m.Reader}
		if m.Reader.Parameters != nil {
			if start.Reader.Parameters, err = m.Reader.Parameters.Eval(scope); err != nil {
				return start, err
			}
		}
		if m.Reader.MaxItems != nil {
			if start.Reader.MaxItems, err = m.Reader.MaxItems.Integer(scope); err != nil {
				return start, err
			}
		}
	}
	if b := m.Batcher; b != nil {
		start.Batch = &Batch{}
		for _, f := range []struct {
			field *asl.NumberField
			to    *int64
		}{{b.MaxItems, &start.Batch.MaxItems}, {b.MaxBytes, &start.Batch.MaxBytes}} {
			if f.field == nil {
				continue
			}
			if *f.to, err = f.field.Integer(scope); err != nil {
				return start, err
			}
			if *f.to < 1 {
				return start, &asl.StateError{Name: asl.ErrRuntime, Cause: f.field.Name + " must be greater than 0."}
			}
		}
		if b.Input != nil {
			if start.Batch.Input, err = b.Input.Eval(scope); err != nil {
				return start, err
			}
		}
	}
	if w := m.Writer; w != nil && w.Parameters != nil {
		if start.Writer, err = w.Parameters.Eval(scope); err != nil {
			return start, err
		}
	}
	return start, nil
}

func (r *Step) tolerance(s *asl.State, scope *asl.Scope) (count int64, share float64, err error) {
	m := s.Map
	if m.TolerateCount != nil {
		if count, err = m.TolerateCount.Integer(scope); err == nil && count < 0 {
			err = &asl.StateError{Name: asl.ErrRuntime, Cause: "ToleratedFailureCount cannot be negative."}
		}
	}
	if err == nil && m.TolerateShare != nil {
		if share, err = m.TolerateShare.Float(scope); err == nil && (share < 0 || share > 100) {
			err = &asl.StateError{Name: asl.ErrRuntime, Cause: "ToleratedFailurePercentage must be between 0 and 100."}
		}
	}
	return count, share, err
}

// ItemInput applies the ItemSelector to an item of a distributed Map.
func (r *Step) ItemInput(thread uint32, index int, value any) (any, error) {
	t := r.State.Threads[thread]
	if t == nil {
		return value, nil
	}
	s := r.stateOf(t)
	if s.Map == nil || s.Map.Selector == nil {
		return value, nil
	}
	scope := r.scope(t, s)
	if s.Language == asl.JSONPath {
		in, err := s.InputPath.Get(scope)
		if err != nil {
			return nil, err
		}
		scope = scope.WithInput(in)
	}
	return s.Map.Selector.Eval(r.itemScope(t, s, scope, index, value))
}

// MapDone brings the outcome of a map run.
func (r *Step) MapDone(thread, attempt uint32, output string, fail *TaskError) bool {
	t := r.waits(thread, attempt, Mapping)
	if t == nil {
		return false
	}
	s := r.stateOf(t)
	t.Phase = Pending
	if fail == nil && len(output) > asl.MaxPayload {
		f := r.tooLarge(s)
		fail = &TaskError{Error: f.name, Cause: f.cause}
	}
	if fail != nil {
		f := named(fail.Error, fail.Cause)
		t.Prev = r.emit(t.Prev, MapRunFailed, Detail{Error: &f.name, Cause: &f.cause})
		r.fail(t, s, f)
		r.run()
		return true
	}
	t.Prev = r.emit(t.Prev, MapRunSucceeded, Detail{})
	r.emit(t.Prev, MapStateSucceeded, Detail{})
	out := fromText(output)
	r.output(t, s, r.scope(t, s), out.value())
	r.run()
	return true
}
