package event

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/policy"
)

// has reports whether a bus exists; e.mu is held.
func (e *Engine) has(b BusRef) bool {
	_, ok := e.buses[b]
	return ok || b.Name == DefaultBus
}

func (b *Bus) compile() (err error) {
	b.policy = nil
	if b.Policy == "" {
		return nil
	}
	if len(b.Policy) > MaxPolicyBytes {
		return fmt.Errorf("%w: it has %d characters, the maximum is %d", ErrPolicySize, len(b.Policy), MaxPolicyBytes)
	}
	if b.policy, err = policy.Parse(policy.Resource, b.Policy); err != nil {
		return fmt.Errorf("%w: Policy: %w", ErrBadInput, err)
	}
	return nil
}

// CreateBus adds a bus.
func (e *Engine) CreateBus(ctx context.Context, b Bus) error {
	if !nameForm.MatchString(b.Name) || strings.Contains(b.Name, "/") {
		return fmt.Errorf("%w: event bus name %q: want 1 to 256 letters, digits, ., - and _", ErrBadInput, b.Name)
	}
	b.Created = e.opts.Clock.Now().UTC()
	return e.change(ctx, func(batch *kv.Batch) (func(), error) {
		if e.has(b.BusRef) {
			return nil, fmt.Errorf("%w: Event bus %s already exists.", ErrExists, b.Name)
		}
		kv.Put(batch, under(b.Scope, "bus").Str(b.Name), b)
		return func() { e.buses[b.BusRef] = b }, nil
	})
}

// EditBus changes a bus, the default one too.
func (e *Engine) EditBus(ctx context.Context, r BusRef, f func(*Bus) error) error {
	return e.change(ctx, func(batch *kv.Batch) (func(), error) {
		if !e.has(r) {
			return nil, fmt.Errorf("%w: Event bus %s does not exist.", ErrNotFound, r.Name)
		}
		b := e.buses[r]
		b.BusRef, b.Tags = r, maps.Clone(b.Tags)
		if b.Tags == nil {
			b.Tags = map[string]string{}
		}
		if err := f(&b); err != nil {
			return nil, err
		}
		if err := b.compile(); err != nil {
			return nil, err
		}
		b.Modified = e.opts.Clock.Now().UTC()
		kv.Put(batch, under(r.Scope, "bus").Str(r.Name), b)
		return func() { e.buses[r] = b }, nil
	})
}

// DeleteBus removes a bus that has no rules. One that is gone is no error.
func (e *Engine) DeleteBus(ctx context.Context, r BusRef) error {
	if r.Name == DefaultBus {
		return fmt.Errorf("%w: Cannot delete event bus default.", ErrBadInput)
	}
	return e.change(ctx, func(batch *kv.Batch) (func(), error) {
		if len(e.rules[r]) > 0 {
			return nil, fmt.Errorf("%w: Event bus %s has rules: delete them first", ErrBadInput, r.Name)
		}
		batch.Delete(under(r.Scope, "bus").Str(r.Name))
		return func() { delete(e.buses, r) }, nil
	})
}

// Bus returns a bus.
func (e *Engine) Bus(r BusRef) (Bus, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if !e.has(r) {
		return Bus{}, fmt.Errorf("%w: Event bus %s does not exist.", ErrNotFound, r.Name)
	}
	if b, ok := e.buses[r]; ok {
		return b, nil
	}
	return Bus{BusRef: r}, nil
}

// Buses returns the buses of a scope in the order of their names.
func (e *Engine) Buses(scope ident.Scope, prefix, after string, limit int) (list []Bus, next string) {
	e.mu.RLock()
	base := BusRef{Scope: scope, Name: DefaultBus}
	var all []Bus
	if _, ok := e.buses[base]; !ok {
		all = append(all, Bus{BusRef: base})
	}
	for _, b := range e.buses {
		if b.Scope == scope {
			all = append(all, b)
		}
	}
	e.mu.RUnlock()
	slices.SortFunc(all, func(a, b Bus) int { return strings.Compare(a.Name, b.Name) })
	for _, b := range all {
		if !strings.HasPrefix(b.Name, prefix) || b.Name <= after {
			continue
		}
		if len(list) == limit {
			return list, list[limit-1].Name
		}
		list = append(list, b)
	}
	return list, ""
}

// Policy returns the parsed policy of a bus; nil where it has none or does not exist.
func (e *Engine) Policy(r BusRef) *policy.Document {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.buses[r].policy
}

// Permission is a statement of a bus's policy as PutPermission gives it.
type Permission struct {
	Statement, Action string
	Principal         string // account, or *
	OrgID             string // of the condition aws:PrincipalOrgID; "" = none
}

// Permit adds a statement to the policy of a bus, in place of the one with its id.
func (e *Engine) Permit(ctx context.Context, r BusRef, p Permission) error {
	return e.editPolicy(ctx, r, func(list []map[string]any) ([]map[string]any, error) {
		var who any = "*"
		if p.Principal != "*" {
			who = map[string]string{"AWS": "arn:aws:iam::" + p.Principal + ":root"}
		}
		s := map[string]any{"Sid": p.Statement, "Effect": "Allow", "Principal": who, "Action": p.Action, "Resource": r.ARN()}
		if p.OrgID != "" {
			s["Condition"] = map[string]any{"StringEquals": map[string]string{"aws:PrincipalOrgID": p.OrgID}}
		}
		list = slices.DeleteFunc(list, func(o map[string]any) bool { return o["Sid"] == p.Statement })
		return append(list, s), nil
	})
}

// Forbid removes a statement from the policy of a bus.
func (e *Engine) Forbid(ctx context.Context, r BusRef, statement string) error {
	return e.editPolicy(ctx, r, func(list []map[string]any) ([]map[string]any, error) {
		rest := slices.DeleteFunc(slices.Clone(list), func(o map[string]any) bool { return o["Sid"] == statement })
		if len(rest) == len(list) {
			return nil, fmt.Errorf("%w: Statement with the provided id does not exist.", ErrNotFound)
		}
		return rest, nil
	})
}

func (e *Engine) editPolicy(ctx context.Context, r BusRef, edit func([]map[string]any) ([]map[string]any, error)) error {
	return e.EditBus(ctx, r, func(b *Bus) error {
		var doc struct {
			Version   string
			ID        string           `json:"Id,omitempty"`
			Statement []map[string]any `json:",omitempty"`
		}
		if b.Policy != "" {
			if err := json.Unmarshal([]byte(b.Policy), &doc); err != nil {
				return fmt.Errorf("%w: Policy: %w", ErrBadInput, err)
			}
		}
		list, err := edit(doc.Statement)
		if err != nil {
			return err
		}
		if b.Policy = ""; len(list) == 0 {
			return nil
		}
		doc.Version, doc.Statement = "2012-10-17", list
		text, err := json.Marshal(doc)
		b.Policy = string(text)
		return err
	})
}
