package workflow

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// putVersion freezes m as its next version.
func (e *Engine) putVersion(b *kv.Batch, m *Machine, description string) *Machine {
	m.LastVersion++
	v := *m
	v.Version, v.Description, v.Created, v.Tags = m.LastVersion, description, e.now(), nil
	v.ARN = m.ARN + ":" + strconv.FormatInt(v.Version, 10)
	kv.Put(b, versionKey(m.Scope, m.Name, v.Version), v)
	return &v
}

// latestVersion returns the newest version of m that was not deleted, nil if there is none.
func (e *Engine) latestVersion(ctx context.Context, m *Machine) (*Machine, error) {
	prefix := scoped("v", m.Scope).Str(m.Name)
	list, _, err := kv.LoadAll[Machine](ctx, e.store, kv.Range{Lo: prefix, Hi: prefix.End(), Reverse: true}, 1)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// Publish makes a version of the state machine's current revision. If the newest version is of that revision, it is
// returned.
func (e *Engine) Publish(ctx context.Context, arn, revision, description string) (*Machine, error) {
	a, err := ParseMachineARN(arn)
	if err != nil {
		return nil, err
	}
	if a.Qualifier != "" {
		return nil, fail(ErrMachineNotFound, "State Machine Does Not Exist: '%s'", arn)
	}
	defer e.names.lock(machineKey(a.Scope, a.Name))()
	m, err := e.machine(ctx, a.Scope, a.Name)
	if err != nil {
		return nil, err
	}
	return e.publishLocked(ctx, m, revision, description)
}

func (e *Engine) publishLocked(ctx context.Context, m *Machine, revision, description string) (*Machine, error) {
	if m.Deleting {
		return nil, fail(ErrMachineDeleting, "State Machine is being deleted: '%s'", m.ARN)
	}
	current := m.Revision
	if revision == "INITIAL" {
		revision = ""
		if current != "" {
			return nil, fail(ErrConflict, "Failed to publish the State Machine version for revision INITIAL. The current State Machine revision is %s.", current)
		}
	}
	if revision != "" && revision != current {
		if current == "" {
			current = "INITIAL"
		}
		return nil, fail(ErrConflict, "Failed to publish the State Machine version for revision %s. The current State Machine revision is %s.", revision, current)
	}
	last, err := e.latestVersion(ctx, m)
	if err != nil {
		return nil, err
	}
	if last != nil && last.Revision == m.Revision {
		return last, nil
	}
	var b kv.Batch
	v := e.putVersion(&b, m, description)
	kv.Put(&b, machineKey(m.Scope, m.Name), m)
	if err := kv.Commit(ctx, e.store, &b); err != nil {
		return nil, fmt.Errorf("store version: %w", err)
	}
	return v, nil
}

// version loads a version of a state machine, without its definition.
func (e *Engine) version(ctx context.Context, a MachineARN, arn string) (*Machine, error) {
	n, err := strconv.ParseInt(a.Qualifier, 10, 64)
	if err != nil {
		return nil, fail(ErrMachineNotFound, "State Machine Does Not Exist: '%s'", arn)
	}
	v, err := e.records.load(ctx, e.store, versionKey(a.Scope, a.Name, n))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, fail(ErrMachineNotFound, "State Machine Does Not Exist: '%s'", arn)
	}
	if err != nil {
		return nil, fmt.Errorf("load version: %w", err)
	}
	return v, nil
}

// Versions lists the versions of a state machine, newest first.
func (e *Engine) Versions(ctx context.Context, arn string, limit int, token string) ([]Machine, string, error) {
	a, err := ParseMachineARN(arn)
	if err != nil {
		return nil, "", err
	}
	prefix := scoped("v", a.Scope).Str(a.Name)
	return pageOf[Machine](ctx, e, kv.Range{Lo: prefix, Hi: prefix.End(), Reverse: true}, limit, token, nil)
}

// DeleteVersion removes a version unless an alias routes to it. One that does not exist is no error.
func (e *Engine) DeleteVersion(ctx context.Context, arn string) error {
	a, err := ParseMachineARN(arn)
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(a.Qualifier, 10, 64)
	if err != nil {
		return fail(ErrValidation, "Invalid version ARN: '%s'", arn)
	}
	defer e.names.lock(machineKey(a.Scope, a.Name))()
	aliases, _, err := page[Alias](ctx, e, scoped("a", a.Scope).Str(a.Name), 1000, "", nil)
	if err != nil {
		return err
	}
	for _, al := range aliases {
		for _, r := range al.Routes {
			if r.VersionARN == arn {
				return fail(ErrConflict, "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [%s]", al.Name)
			}
		}
	}
	var b kv.Batch
	b.Delete(versionKey(a.Scope, a.Name, n))
	if err := kv.Commit(ctx, e.store, &b); err != nil {
		return fmt.Errorf("delete version: %w", err)
	}
	return nil
}

// removeIfIdle removes a state machine that is being deleted once none of its executions runs.
func (e *Engine) removeIfIdle(ctx context.Context, m *Machine) error {
	running := false
	e.live.Range(func(_, v any) bool {
		running = v.(*exec).rec.MachineARN == m.ARN // it never changes; the lock may be held by a long step
		return !running
	})
	if running {
		return nil
	}
	asleep, _, err := page(ctx, e, listPrefix(m.Scope, m.Name), 1, "", func(l *Listed) bool { return l.Status == interp.Running })
	if err != nil || len(asleep) > 0 {
		return err
	}
	machine, scope := m.Name, m.Scope
	list, _, err := kv.LoadAll[Listed](ctx, e.store, kv.Prefix(listPrefix(scope, machine)), 1)
	if err != nil {
		return fmt.Errorf("list executions: %w", err)
	}
	if len(list) == 0 {
		return e.remove(ctx, m)
	}
	e.group.Go("workflow removal", func(ctx context.Context) {
		err := e.removeExecutions(ctx, scope, machine)
		if err == nil {
			err = e.remove(ctx, m)
		}
		if err != nil && ctx.Err() == nil {
			e.log.Error("state machine cannot be removed", "machine", m.ARN, "error", err)
		}
	})
	return nil
}

// remove deletes a state machine of which no executions are left.
func (e *Engine) remove(ctx context.Context, m *Machine) error {
	var b kv.Batch
	b.Delete(machineKey(m.Scope, m.Name))
	for _, kind := range []string{"v", "a"} {
		p := scoped(kind, m.Scope).Str(m.Name)
		b.DeleteRange(p, p.End())
	}
	if err := kv.Commit(ctx, e.store, &b); err != nil {
		return fmt.Errorf("delete state machine: %w", err)
	}
	e.deleting.Delete(m.ARN)
	return nil
}

// removeExecutions forgets all executions of a state machine that was removed.
func (e *Engine) removeExecutions(ctx context.Context, s ident.Scope, machine string) error {
	for {
		list, next, err := kv.LoadAll[Listed](ctx, e.store, kv.Prefix(listPrefix(s, machine)), 200)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, l := range list {
			if err := e.forget(ctx, s, machine, l.Name); err != nil {
				return err
			}
		}
		if next == nil {
			return nil
		}
	}
}

// machineIdle is called when an execution has ended, to remove a state machine that waits for it.
func (e *Engine) machineIdle(rec *Record) {
	if rec.MapRun != "" || rec.Express {
		return
	}
	if _, ok := e.deleting.Load(rec.MachineARN); !ok {
		return
	}
	m, err := kv.Load[Machine](e.group.Context(), e.store, machineKey(rec.Scope, rec.Machine))
	if err != nil || !m.Deleting {
		return
	}
	if err := e.removeIfIdle(e.group.Context(), &m); err != nil {
		e.log.Error("state machine cannot be removed", "machine", m.ARN, "error", err)
	}
}
