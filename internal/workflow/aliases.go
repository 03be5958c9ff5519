package workflow

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// Alias names one or two versions of a state machine.
type Alias struct {
	ident.Scope
	Machine     string
	Name        string
	ARN         string
	Description string `json:",omitempty"`
	Routes      []Route
	Created     time.Time
	Updated     time.Time
}

// Route is a version with its share of new executions, in percent.
type Route struct {
	VersionARN string
	Weight     int
}

var aliasRE = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,80}$`)
var numberRE = regexp.MustCompile(`^[0-9]+$`)

func (e *Engine) checkRoutes(ctx context.Context, routes []Route) (MachineARN, error) {
	if len(routes) < 1 || len(routes) > 2 {
		return MachineARN{}, fail(ErrValidation, "The routing configuration must have 1 or 2 versions, but has %d", len(routes))
	}
	total := 0
	var first MachineARN
	arns, weights := make([]string, len(routes)), make([]string, len(routes))
	for i, r := range routes {
		arns[i], weights[i] = r.VersionARN, strconv.Itoa(r.Weight)
	}
	for i, r := range routes {
		a, err := ParseMachineARN(r.VersionARN)
		if err != nil {
			return first, err
		}
		if !numberRE.MatchString(a.Qualifier) {
			return first, fail(ErrValidation, "Routing configuration must contain state machine version ARNs. Received: [%s]", strings.Join(arns, ", "))
		}
		if i == 0 {
			first = a
		} else if a.Name != first.Name || a.Scope != first.Scope {
			return first, fail(ErrValidation, "Routing configuration must contain versions of one state machine")
		} else if a.Qualifier == first.Qualifier {
			return first, fail(ErrValidation, "Routing configuration must contain distinct state machine version ARNs. Received: [%s]", strings.Join(arns, ", "))
		}
		if _, err := e.version(ctx, a, r.VersionARN); err != nil {
			return first, err
		}
		if r.Weight < 0 || r.Weight > 100 {
			return first, fail(ErrValidation, "The weight %d is not between 0 and 100", r.Weight)
		}
		total += r.Weight
	}
	if total != 100 {
		return first, fail(ErrValidation, "Sum of routing configuration weights must equal 100. Received: [%s]", strings.Join(weights, ", "))
	}
	return first, nil
}

// CreateAlias makes an alias. A second call with the same content answers as the first did.
func (e *Engine) CreateAlias(ctx context.Context, name, description string, routes []Route) (*Alias, error) {
	if !aliasRE.MatchString(name) || numberRE.MatchString(name) {
		return nil, fail(ErrValidation, "Invalid alias name: '%s'", name)
	}
	a, err := e.checkRoutes(ctx, routes)
	if err != nil {
		return nil, err
	}
	defer e.names.lock(machineKey(a.Scope, a.Name))()
	if _, err := e.machine(ctx, a.Scope, a.Name); err != nil {
		return nil, err
	}
	k := aliasKey(a.Scope, a.Name, name)
	al := &Alias{Scope: a.Scope, Machine: a.Name, Name: name, ARN: a.ARN("states", "stateMachine:"+a.Name+":"+name), Description: description, Routes: routes, Created: e.now()}
	al.Updated = al.Created
	old, err := kv.Load[Alias](ctx, e.store, k)
	if err == nil {
		if old.Description != description || !sameRoutes(old.Routes, routes) {
			return nil, fail(ErrConflict, "Failed to create alias because an alias with the same name and a different routing configuration already exists.")
		}
		return &old, nil
	}
	if !errors.Is(err, kv.ErrNotFound) {
		return nil, fmt.Errorf("load alias: %w", err)
	}
	return al, e.putAlias(ctx, al)
}

func sameRoutes(a, b []Route) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (e *Engine) putAlias(ctx context.Context, al *Alias) error {
	var b kv.Batch
	kv.Put(&b, aliasKey(al.Scope, al.Machine, al.Name), al)
	if err := kv.Commit(ctx, e.store, &b); err != nil {
		return fmt.Errorf("store alias: %w", err)
	}
	return nil
}

// DescribeAlias returns an alias.
func (e *Engine) DescribeAlias(ctx context.Context, arn string) (*Alias, error) {
	a, err := ParseMachineARN(arn)
	if err != nil {
		return nil, err
	}
	al, err := kv.Load[Alias](ctx, e.store, aliasKey(a.Scope, a.Name, a.Qualifier))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, fail(ErrResourceNotFound, "Request references a resource that does not exist.")
	}
	if err != nil {
		return nil, fmt.Errorf("load alias: %w", err)
	}
	return &al, nil
}

// UpdateAlias changes an alias; nil = stays.
func (e *Engine) UpdateAlias(ctx context.Context, arn string, description *string, routes []Route) (*Alias, error) {
	if description == nil && routes == nil {
		return nil, fail(ErrValidation, "Either the description or the routing configuration must be specified")
	}
	a, err := ParseMachineARN(arn)
	if err != nil {
		return nil, err
	}
	defer e.names.lock(machineKey(a.Scope, a.Name))()
	al, err := e.DescribeAlias(ctx, arn)
	if err != nil {
		return nil, err
	}
	if routes != nil {
		to, err := e.checkRoutes(ctx, routes)
		if err != nil {
			return nil, err
		}
		if to.Name != al.Machine || to.Scope != al.Scope {
			return nil, fail(ErrValidation, "Routing configuration must contain versions of the alias's state machine")
		}
		al.Routes = routes
	}
	if description != nil {
		al.Description = *description
	}
	al.Updated = e.now()
	return al, e.putAlias(ctx, al)
}

// DeleteAlias removes an alias. One that does not exist is no error.
func (e *Engine) DeleteAlias(ctx context.Context, arn string) error {
	al, err := e.DescribeAlias(ctx, arn)
	if errors.Is(err, ErrResourceNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var b kv.Batch
	b.Delete(aliasKey(al.Scope, al.Machine, al.Name))
	if err := kv.Commit(ctx, e.store, &b); err != nil {
		return fmt.Errorf("delete alias: %w", err)
	}
	return nil
}

// Aliases lists the aliases of a state machine, or of one version when the ARN names it.
func (e *Engine) Aliases(ctx context.Context, arn string, limit int, token string) ([]Alias, string, error) {
	a, err := ParseMachineARN(arn)
	if err != nil {
		return nil, "", err
	}
	var keep func(*Alias) bool
	if a.Qualifier != "" {
		keep = func(al *Alias) bool {
			for _, r := range al.Routes {
				if strings.EqualFold(r.VersionARN, arn) {
					return true
				}
			}
			return false
		}
	}
	return page(ctx, e, scoped("a", a.Scope).Str(a.Name), limit, token, keep)
}

// resolve returns what an execution of the ARN runs, with the ARNs of version and alias that led to it.
func (e *Engine) resolve(ctx context.Context, arn string) (m *Machine, version, alias string, err error) {
	a, err := ParseMachineARN(arn)
	if err != nil {
		return nil, "", "", err
	}
	switch {
	case a.Qualifier == "":
		m, err = e.machine(ctx, a.Scope, a.Name)
		return m, "", "", err
	case numberRE.MatchString(a.Qualifier):
		m, err = e.version(ctx, a, arn)
		return m, arn, "", err
	}
	al, err := e.DescribeAlias(ctx, arn)
	if err != nil {
		return nil, "", "", fail(ErrMachineNotFound, "State Machine Does Not Exist: '%s'", arn)
	}
	version = al.Routes[0].VersionARN
	if len(al.Routes) == 2 && rand.IntN(100) >= al.Routes[0].Weight {
		version = al.Routes[1].VersionARN
	}
	va, err := ParseMachineARN(version)
	if err != nil {
		return nil, "", "", err
	}
	m, err = e.version(ctx, va, version)
	return m, version, arn, err
}
