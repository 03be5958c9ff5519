package etl

import (
	"context"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// step is one change of the service's state: a batch, and the runs that begin with it.
type step struct {
	kv.Batch
	begin []*execution
}

// change lets edit read the state and add to a step, as one with all other changes, and returns when the step is durable. The
// lock is held while the step is made and applied, not while it is synced. Runs of the step begin even if the caller gives up.
func (s *Service) change(ctx context.Context, edit func(*step) error) error {
	st := &step{}
	pending, err := s.apply(ctx, st, edit)
	if pending != nil {
		err = pending.Wait(ctx)
		for _, e := range st.begin {
			s.opts.Group.Go("job "+e.job.Name, e.carryOutOnce)
		}
	}
	return err
}

func (s *Service) apply(ctx context.Context, st *step, edit func(*step) error) (kv.Pending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := edit(st); err != nil || st.Empty() && len(st.begin) == 0 {
		return nil, err
	}
	pending, err := s.opts.Store.Apply(ctx, &st.Batch)
	if err != nil {
		return nil, err
	}
	for _, e := range st.begin {
		s.live[e.run.ID] = e
	}
	return pending, nil
}

// beginning counts the runs of a job that the step begins.
func (st *step) beginning(scope ident.Scope, job string) (n int) {
	for _, e := range st.begin {
		if e.scope == scope && e.job.Name == job {
			n++
		}
	}
	return n
}

// carryOutOnce carries the run out and forgets it.
func (e *execution) carryOutOnce(ctx context.Context) {
	e.carryOut(ctx)
	e.svc.mu.Lock()
	delete(e.svc.live, e.run.ID)
	e.svc.mu.Unlock()
}
