package iamapi

import (
	"context"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/identity"
)

type api struct{ engine *identity.Engine }

// New returns the table of IAM over an identity engine.
func New(e *identity.Engine) *protocol.Service {
	a := &api{e}
	s := &protocol.Service{Name: "iam", SDKName: "iam", Model: Model, MapError: protocol.MapErrors(errorTable), ValidationCode: "ValidationError", Parameters: checkMarker}
	for _, ops := range [][]protocol.Op{a.users(), a.groups(), a.roles(), a.accessKeys(), a.policies(), a.attachments(), a.inline(), a.tags(), a.account()} {
		s.Ops = append(s.Ops, ops...)
	}
	return s
}

// on makes a row that touches one entity.
func on[In, Out any](a *api, name string, kind identity.Kind, entity func(*In) string, serve func(context.Context, *protocol.Call, *In) (*Out, error)) protocol.Op {
	return protocol.Handle(name, func(c *protocol.Call, in *In) []string { return []string{a.arn(c, kind, entity(in))} }, serve)
}

// under is the resource of lists: all of a kind.
func under[In any](kind string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, _ *In) []string { return []string{"arn:aws:iam::" + c.Account + ":" + kind} }
}

// arn names an entity that may not exist yet. "" is the caller.
func (a *api) arn(c *protocol.Call, kind identity.Kind, name string) string {
	if name == "" {
		return c.Principal.ARN
	}
	if x, err := a.engine.Get(c.Account, kind, name); err == nil {
		return x.ARN()
	}
	return (&identity.Entity{Account: c.Account, Kind: kind, Path: "/", Name: name}).ARN()
}

// newARN names an entity that is to be made.
func newARN(c *protocol.Call, kind identity.Kind, path *string, name string) string {
	return (&identity.Entity{Account: c.Account, Kind: kind, Path: protocol.Or(path, "/"), Name: name}).ARN()
}

// renamed names an entity as it is and as it is to be: both need the permission.
func (a *api) renamed(c *protocol.Call, kind identity.Kind, name string, newName, newPath *string) []string {
	x := identity.Entity{Account: c.Account, Kind: kind, Path: "/", Name: name}
	if old, err := a.engine.Get(c.Account, kind, name); err == nil {
		x.Path, x.Name = old.Path, old.Name
	}
	n := x
	n.Path, n.Name = protocol.Or(newPath, x.Path), protocol.Or(newName, x.Name)
	return []string{x.ARN(), n.ARN()}
}

// bounded is the condition key of requests that make a principal with a boundary, or change one that has it.
func bounded(arn *string) map[string][]string {
	if str(arn) == "" {
		return nil
	}
	return map[string][]string{"iam:PermissionsBoundary": {*arn}}
}

// boundaryOf is that key for an entity that there is.
func (a *api) boundaryOf(c *protocol.Call, kind identity.Kind, name string) map[string][]string {
	x, err := a.engine.Get(c.Account, kind, name)
	if err != nil {
		return nil
	}
	return bounded(&x.Boundary)
}

// policyARN is the one name of a managed policy: it is found by others that differ in case.
func (a *api) policyARN(c *protocol.Call, arn string) string {
	if p, err := a.engine.Policy(c.Account, arn); err == nil {
		return p.ARN()
	}
	return arn
}

// onPolicy makes a row that touches one managed policy.
func onPolicy[In, Out any](a *api, name string, policy func(*In) string, serve func(context.Context, *protocol.Call, *In) (*Out, error)) protocol.Op {
	return protocol.Handle(name, func(c *protocol.Call, in *In) []string { return []string{a.policyARN(c, policy(in))} }, serve)
}

// caller is the user that a request without a user name is about; "" is root.
func caller(c *protocol.Call, name *string) (string, error) {
	switch {
	case name != nil:
		return *name, nil
	case c.Principal.Root, c.Principal.Name != "":
		return c.Principal.Name, nil
	}
	return "", &protocol.Error{Code: "ValidationError", Message: "Must specify userName when calling with non-User credentials"}
}

// done is the answer of an operation that returns nothing.
func done[Out any](err error) (*Out, error) {
	if err != nil {
		return nil, err
	}
	return new(Out), nil
}

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
