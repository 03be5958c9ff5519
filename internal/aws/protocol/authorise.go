package protocol

import (
	"context"
	"fmt"
	"net/http"
)

// authoriseRow asks the policies everything that a row needs.
func (g *Registry) authoriseRow(ctx context.Context, s *Service, row *opRow, c *Call, in any) *Error {
	if row.Public {
		return nil
	}
	resources := []string{"*"}
	if row.Resources != nil {
		resources = row.Resources(c, in)
	}
	a := Access{Action: row.Action}
	if row.Conditions != nil {
		a.Conditions = row.Conditions(c, in)
	}
	for _, a.Resource = range resources {
		if e := g.authorise(ctx, s, c, a); e != nil {
			return e
		}
	}
	if row.Further != nil {
		for _, a := range row.Further(c, in) {
			if e := g.authorise(ctx, s, c, a); e != nil {
				return e
			}
		}
	}
	return nil
}

func (g *Registry) authorise(_ context.Context, s *Service, c *Call, a Access) *Error {
	if c.Principal.Root {
		return nil
	}
	return &Error{
		Code: s.AccessDeniedCode, Status: http.StatusForbidden,
		Message: fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action", c.Principal.ARN, a.Action, a.Resource, a.Action),
	}
}
