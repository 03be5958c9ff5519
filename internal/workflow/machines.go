package workflow

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/workflow/asl"
)

// nameLocks serialise the changes of one state machine, and the redrives of one execution. The zero value is ready.
type nameLocks struct {
	mu   sync.Mutex // guards held
	held map[string]*nameLock
}

type nameLock struct {
	mu    sync.Mutex
	users int // who holds the lock or waits for it
}

func (l *nameLocks) lock(k []byte) (unlock func()) {
	l.mu.Lock()
	n := l.held[string(k)]
	if n == nil {
		n = &nameLock{}
		if l.held == nil {
			l.held = map[string]*nameLock{}
		}
		l.held[string(k)] = n
	}
	n.users++
	l.mu.Unlock()
	n.mu.Lock()
	return func() {
		n.mu.Unlock()
		l.mu.Lock()
		if n.users--; n.users == 0 {
			delete(l.held, string(k))
		}
		l.mu.Unlock()
	}
}

// CreateMachine is what a state machine is made of.
type CreateMachine struct {
	Name               string
	Definition         string
	RoleARN            string
	Kind               Kind // "" = Standard
	Logging            *Logging
	Tracing            bool
	Tags               []Tag
	Publish            bool
	VersionDescription string
}

// maxTags is how many tags a resource can have.
const maxTags = 50

// Create makes a state machine. A second call with the same name and content answers as the first did.
func (e *Engine) Create(ctx context.Context, s ident.Scope, in CreateMachine) (*Machine, *Machine, error) {
	if !ValidName(in.Name) {
		return nil, nil, fail(ErrInvalidName, "Invalid Name: '%s'", in.Name)
	}
	if in.Kind == "" {
		in.Kind = Standard
	}
	if in.VersionDescription != "" && !in.Publish {
		return nil, nil, fail(ErrValidation, "Version description can only be set when publish is true")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, nil, err
	}
	logging, err := e.checkLogging(ctx, in.Logging)
	if err != nil {
		return nil, nil, err
	}
	if err := e.checkDefinition(in.Definition, in.Kind); err != nil {
		return nil, nil, err
	}
	if err := checkRole(in.RoleARN); err != nil {
		return nil, nil, err
	}
	k := machineKey(s, in.Name)
	defer e.names.lock(k)()
	now := e.now()
	m := &Machine{Scope: s, Name: in.Name, ARN: s.ARN("states", "stateMachine:"+in.Name), Definition: in.Definition, Hash: hashOf(in.Definition), RoleARN: in.RoleARN, Kind: in.Kind,
		Created: now, Updated: now, Logging: logging, Tracing: in.Tracing, Tags: in.Tags}
	old, err := e.machine(ctx, s, in.Name)
	switch {
	case err == nil && old.Deleting:
		return nil, nil, fail(ErrMachineDeleting, "State Machine is being deleted: '%s'", m.ARN)
	case err == nil:
		if old.Hash != m.Hash || old.RoleARN != m.RoleARN || old.Kind != m.Kind || !sameLogging(old.Logging, m.Logging) || old.Tracing != m.Tracing {
			return nil, nil, fail(ErrMachineExists, "State Machine Already Exists: '%s'", m.ARN)
		}
		var v *Machine
		if in.Publish {
			if v, err = e.publishLocked(ctx, old, "", in.VersionDescription); err != nil {
				return nil, nil, err
			}
		}
		return old, v, nil
	case !errors.Is(err, ErrMachineNotFound):
		return nil, nil, err
	}
	var b kv.Batch
	b.IfAbsent(k)
	e.putDefinition(&b, m)
	var v *Machine
	if in.Publish {
		v = e.putVersion(&b, m, in.VersionDescription)
	}
	kv.Put(&b, k, m)
	if err := kv.Commit(ctx, e.store, &b); err != nil {
		return nil, nil, fmt.Errorf("store state machine: %w", err)
	}
	return m, v, nil
}

func (e *Engine) now() time.Time { return e.clock.Now().UTC().Truncate(time.Millisecond) }

var nameRE = regexp.MustCompile(`^[^\x00-\x20\x7f-\x9f<>{}\[\]?*"#%\\^|~` + "`" + `$&,;:/]{1,80}$`)

// ValidName reports whether a name is one that AWS takes for state machines, executions and activities.
func ValidName(s string) bool { return nameRE.MatchString(s) && len([]rune(s)) <= 80 }

func checkRole(arn string) error {
	a, err := ident.ParseARN(arn)
	if err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "role/") {
		return fail(ErrInvalidARN, "Invalid Role Arn: '%s'", arn)
	}
	return nil
}

func checkTags(tags []Tag) error {
	if len(tags) > maxTags {
		return fail(ErrTooManyTags, "A resource can have at most %d tags, but %d were given", maxTags, len(tags))
	}
	for _, t := range tags {
		if t.Key == "" || len([]rune(t.Key)) > 128 || len([]rune(t.Value)) > 256 || strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return fail(ErrValidation, "Invalid tag: key '%s'", t.Key)
		}
	}
	return nil
}

func (e *Engine) checkLogging(ctx context.Context, l *Logging) (Logging, error) {
	if l == nil {
		return Logging{Level: "OFF"}, nil
	}
	out := *l
	if out.Level == "" {
		out.Level = "OFF"
	}
	if out.Level != "OFF" && len(out.Groups) != 1 {
		return out, fail(ErrInvalidLogging, "Invalid Logging Configuration: Must specify exactly one Log Destination.")
	}
	for _, g := range out.Groups {
		if a, err := ident.ParseARN(g); err != nil || a.Service != "logs" {
			return out, fail(ErrInvalidLogging, "Invalid Logging Configuration: Log Destination is not a valid log group ARN: %s", g)
		}
		if e.logs != nil && out.Level != "OFF" && !e.logs.Exists(ctx, g) {
			return out, fail(ErrInvalidLogging, "Invalid Logging Configuration: Log Destination not found.")
		}
	}
	return out, nil
}

func sameLogging(a, b Logging) bool {
	return a.Level == b.Level && a.IncludeData == b.IncludeData && slices.Equal(a.Groups, b.Groups)
}

func (e *Engine) checkDefinition(definition string, kind Kind) error {
	if n := len(definition); n > asl.MaxDefinition {
		return fail(ErrInvalidDefinition, "Invalid State Machine Definition: 'The definition has %d bytes, more than the %d allowed'", n, asl.MaxDefinition)
	}
	_, _, err := asl.Parse(definition, asl.Options{Express: kind == Express})
	if err != nil {
		return fail(ErrInvalidDefinition, "%s", err.Error())
	}
	return nil
}

// machine loads a state machine without its definition.
func (e *Engine) machine(ctx context.Context, s ident.Scope, name string) (*Machine, error) {
	m, err := e.records.load(ctx, e.store, machineKey(s, name))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, fail(ErrMachineNotFound, "State Machine Does Not Exist: '%s'", s.ARN("states", "stateMachine:"+name))
	}
	if err != nil {
		return nil, fmt.Errorf("load state machine: %w", err)
	}
	return m, nil
}

func (e *Engine) withText(ctx context.Context, m *Machine) error {
	text, err := e.store.Get(ctx, definitionKey(m.Hash))
	if err != nil {
		return fmt.Errorf("load definition: %w", err)
	}
	m.Definition = string(text)
	return nil
}

// MachineARN is the ARN of a state machine, a version or an alias, taken apart.
type MachineARN struct {
	ident.Scope
	Name      string
	Qualifier string // version number or alias; "" = none
	Label     string // of a map run's children: NAME/LABEL
}

// ParseMachineARN reads the ARN of a state machine.
func ParseMachineARN(arn string) (MachineARN, error) {
	a, err := ident.ParseARN(arn)
	if err != nil {
		return MachineARN{}, fail(ErrInvalidARN, "Invalid Arn: 'Invalid ARN prefix: %s'", arn)
	}
	rest, ok := strings.CutPrefix(a.Resource, "stateMachine:")
	if a.Service != "states" || !ok || rest == "" {
		return MachineARN{}, fail(ErrInvalidARN, "Invalid Arn: 'Resource type not valid in this context: %s'", strings.SplitN(a.Resource, ":", 2)[0])
	}
	out := MachineARN{Scope: a.Scope()}
	out.Name, out.Qualifier, _ = strings.Cut(rest, ":")
	out.Name, out.Label, _ = strings.Cut(out.Name, "/")
	return out, nil
}

// Describe returns a state machine or a version of it, with its definition.
func (e *Engine) Describe(ctx context.Context, arn string) (*Machine, error) {
	a, err := ParseMachineARN(arn)
	if err != nil {
		return nil, err
	}
	load := func() (*Machine, error) { return e.machine(ctx, a.Scope, a.Name) }
	if a.Qualifier != "" {
		load = func() (*Machine, error) { return e.version(ctx, a, arn) }
	}
	m, err := load()
	if err != nil {
		return nil, err
	}
	return m, e.withText(ctx, m)
}

// UpdateMachine is what of a state machine is changed; nil = stays.
type UpdateMachine struct {
	Definition         *string
	RoleARN            *string
	Logging            *Logging
	Tracing            *bool
	Publish            bool
	VersionDescription string
}

// Update changes a state machine. The revision is "" while nothing was ever changed; the version is nil unless one was asked for.
func (e *Engine) Update(ctx context.Context, arn string, in UpdateMachine) (updated time.Time, revision string, version *Machine, err error) {
	a, err := ParseMachineARN(arn)
	if err != nil {
		return time.Time{}, "", nil, err
	}
	if a.Qualifier != "" {
		return time.Time{}, "", nil, fail(ErrMachineNotFound, "State Machine Does Not Exist: '%s'", arn)
	}
	if in.Definition == nil && in.RoleARN == nil && in.Logging == nil && in.Tracing == nil && !in.Publish {
		return time.Time{}, "", nil, fail(ErrMissingRole, "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified")
	}
	if in.VersionDescription != "" && !in.Publish {
		return time.Time{}, "", nil, fail(ErrValidation, "Version description can only be set when publish is true")
	}
	k := machineKey(a.Scope, a.Name)
	defer e.names.lock(k)()
	m, err := e.machine(ctx, a.Scope, a.Name)
	if err != nil {
		return time.Time{}, "", nil, err
	}
	if m.Deleting {
		return time.Time{}, "", nil, fail(ErrMachineDeleting, "State Machine is being deleted: '%s'", m.ARN)
	}
	var b kv.Batch
	old := *m
	if in.Definition != nil {
		if err := e.checkDefinition(*in.Definition, m.Kind); err != nil {
			return time.Time{}, "", nil, err
		}
		m.Definition, m.Hash = *in.Definition, hashOf(*in.Definition)
		e.putDefinition(&b, m)
	}
	if in.RoleARN != nil {
		if err := checkRole(*in.RoleARN); err != nil {
			return time.Time{}, "", nil, err
		}
		m.RoleARN = *in.RoleARN
	}
	if in.Logging != nil {
		if m.Logging, err = e.checkLogging(ctx, in.Logging); err != nil {
			return time.Time{}, "", nil, err
		}
	}
	if in.Tracing != nil {
		m.Tracing = *in.Tracing
	}
	changed := m.Hash != old.Hash || m.RoleARN != old.RoleARN || !sameLogging(m.Logging, old.Logging) || m.Tracing != old.Tracing
	if changed {
		m.Revision = ident.UUID()
	}
	revision = m.Revision
	m.Updated = e.now()
	if in.Publish {
		if version, err = e.latestVersion(ctx, m); err != nil {
			return time.Time{}, "", nil, err
		}
		if version == nil || version.Revision != m.Revision {
			version = e.putVersion(&b, m, in.VersionDescription)
		}
	}
	kv.Put(&b, k, m)
	if err := kv.Commit(ctx, e.store, &b); err != nil {
		return time.Time{}, "", nil, fmt.Errorf("store state machine: %w", err)
	}
	return m.Updated, revision, version, nil
}

// Delete removes a state machine with its versions, aliases and executions, as soon as none of them runs.
func (e *Engine) Delete(ctx context.Context, arn string) error {
	a, err := ParseMachineARN(arn)
	if err != nil {
		return err
	}
	if a.Qualifier != "" {
		return e.DeleteVersion(ctx, arn)
	}
	k := machineKey(a.Scope, a.Name)
	unlock := e.names.lock(k)
	defer unlock()
	m, err := e.machine(ctx, a.Scope, a.Name)
	if errors.Is(err, ErrMachineNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	m.Deleting = true
	var b kv.Batch
	kv.Put(&b, k, m)
	if err := kv.Commit(ctx, e.store, &b); err != nil {
		return fmt.Errorf("store state machine: %w", err)
	}
	e.deleting.Store(m.ARN, true)
	return e.removeIfIdle(ctx, m)
}

// List returns the state machines of an account and region in the order of their names.
func (e *Engine) List(ctx context.Context, s ident.Scope, limit int, token string) ([]Machine, string, error) {
	return page[Machine](ctx, e, scoped("m", s), limit, token, nil)
}

// Resource finds the tags of a state machine or an activity.
func (e *Engine) tagged(ctx context.Context, arn string, change func(tags []Tag) ([]Tag, error)) ([]Tag, error) {
	missing := fail(ErrResourceNotFound, "Resource not found: '%s'", arn)
	a, err := ident.ParseARN(arn)
	if err != nil {
		return nil, fail(ErrInvalidARN, "Invalid Arn: 'Invalid ARN prefix: %s'", arn)
	}
	var b kv.Batch
	var tags []Tag
	switch {
	case strings.HasPrefix(a.Resource, "stateMachine:"):
		p, err := ParseMachineARN(arn)
		if err != nil || p.Qualifier != "" {
			return nil, missing
		}
		k := machineKey(p.Scope, p.Name)
		defer e.names.lock(k)()
		m, err := kv.Load[Machine](ctx, e.store, k)
		if err != nil {
			return nil, missing
		}
		tags = m.Tags
		if change == nil {
			return tags, nil
		}
		if m.Tags, err = change(tags); err != nil {
			return nil, err
		}
		tags = m.Tags
		kv.Put(&b, k, m)
	case strings.HasPrefix(a.Resource, "activity:"):
		k := activityKey(a.Scope(), strings.TrimPrefix(a.Resource, "activity:"))
		defer e.names.lock(k)()
		act, err := kv.Load[Activity](ctx, e.store, k)
		if err != nil {
			return nil, missing
		}
		tags = act.Tags
		if change == nil {
			return tags, nil
		}
		if act.Tags, err = change(tags); err != nil {
			return nil, err
		}
		tags = act.Tags
		kv.Put(&b, k, act)
	default:
		return nil, missing
	}
	if err := kv.Commit(ctx, e.store, &b); err != nil {
		return nil, fmt.Errorf("store tags: %w", err)
	}
	return tags, nil
}

// Tags returns the tags of a state machine or activity.
func (e *Engine) Tags(ctx context.Context, arn string) ([]Tag, error) { return e.tagged(ctx, arn, nil) }

// AddTags adds tags or replaces their values.
func (e *Engine) AddTags(ctx context.Context, arn string, add []Tag) error {
	_, err := e.tagged(ctx, arn, func(tags []Tag) ([]Tag, error) {
		if err := checkTags(add); err != nil {
			return nil, err
		}
		for _, t := range add {
			i := slices.IndexFunc(tags, func(x Tag) bool { return x.Key == t.Key })
			if i >= 0 {
				tags[i] = t
			} else {
				tags = append(tags, t)
			}
		}
		return tags, checkTags(tags)
	})
	return err
}

// RemoveTags removes tags.
func (e *Engine) RemoveTags(ctx context.Context, arn string, keys []string) error {
	_, err := e.tagged(ctx, arn, func(tags []Tag) ([]Tag, error) {
		return slices.DeleteFunc(tags, func(t Tag) bool { return slices.Contains(keys, t.Key) }), nil
	})
	return err
}

// Validate checks a definition as ValidateStateMachineDefinition does.
func (e *Engine) Validate(definition string, kind Kind) []asl.Diagnostic {
	_, diags, err := asl.Parse(definition, asl.Options{Express: kind == Express})
	var bad *asl.InvalidError
	if errors.As(err, &bad) && diags == nil {
		return bad.Diagnostics
	}
	return diags
}
