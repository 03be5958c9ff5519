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
	s := &protocol.Service{Name: "iam", SDKName: "iam", Model: Model, MapError: protocol.MapErrors(errorTable), ValidationCode: "ValidationError"}
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
