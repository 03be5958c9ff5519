package policy

import (
	"slices"
	"strings"
)

// Request is a question to the policies.
type Request struct {
	Principal Principal
	Action    string // "s3:GetObject"
	Resource  string // an ARN, or "*"
	// Account owns the resource; "" = the account in the ARN, or the principal's where it has none.
	Account        string
	Keys           Keys      // condition keys; nil = none
	ResourcePolicy *Document // attached to the resource; nil = none
}

// Decision is the answer. The zero value is a refusal because nothing allows the request.
type Decision struct {
	Allowed bool
	// Denied is set where a statement forbids the request, and not set where none allows it.
	Denied bool
	// By is the kind of policy that forbids, or that should have allowed: "identity-based policy", "resource-based
	// policy", "permissions boundary", "session policy".
	By string
}

// The kinds of policies, as AWS's messages name them.
const (
	byIdentity = "identity-based policy"
	byResource = "resource-based policy"
	byBoundary = "permissions boundary"
	bySession  = "session policy"
)

// Message words a refusal as AWS does.
func (d Decision) Message(r *Request) string {
	who := r.Principal.ARN
	if who == "" {
		who = "anonymous"
	}
	s := "User: " + who + " is not authorized to perform: " + r.Action + " on resource: " + r.Resource
	article := "a "
	if d.By == byIdentity {
		article = "an "
	}
	if d.Denied {
		return s + " with an explicit deny in " + article + d.By
	}
	return s + " because no " + d.By + " allows the " + r.Action + " action"
}

// level says how directly a resource's policy names the principal; see P4.
type level uint8

const (
	none     level = iota
	account        // the principal's account
	within         // the role, or everybody
	directly       // the user, the session, the service
)

// Evaluate answers r.
func Evaluate(r *Request) Decision {
	q := query{r: r, action: strings.ToLower(r.Action)}
	p := &r.Principal
	g := p.Grants
	if g == nil {
		g = &Grants{}
	}
	owner := r.Account
	if owner == "" {
		if parts := strings.SplitN(r.Resource, ":", 6); len(parts) == 6 {
			owner = parts[4]
		}
	}
	sameAccount := owner == "" || owner == "aws" || owner == p.Account // AWS's own policies are everybody's
	// Who may assume a role is said by its trust policy alone, for the account's own identities and for root too.
	needsResource := !sameAccount || q.action == "sts:assumerole"

	resDeny, resAllow := q.resource(r.ResourcePolicy)
	if resDeny && !(p.Root && sameAccount && repairsPolicy(q.action)) {
		return Decision{Denied: true, By: byResource}
	}
	if p.Anonymous() || p.Service != "" {
		return Decision{Allowed: resAllow >= within, By: byResource}
	}
	if p.Root {
		return Decision{Allowed: resAllow > none || !needsResource, By: byResource}
	}

	idDeny, idAllow := q.any(g.Identity)
	boundAllow, sessAllow := true, true
	if idDeny {
		return Decision{Denied: true, By: byIdentity}
	}
	if g.Boundary != nil {
		var deny bool
		if deny, boundAllow = q.any([]*Document{g.Boundary}); deny {
			return Decision{Denied: true, By: byBoundary}
		}
	}
	if g.Session != nil {
		var deny bool
		if deny, sessAllow = q.any(g.Session); deny {
			return Decision{Denied: true, By: bySession}
		}
	}
	switch {
	case sameAccount && resAllow == directly:
		return Decision{Allowed: true}
	case !idAllow && !(sameAccount && resAllow == within):
		return Decision{By: byIdentity}
	case !boundAllow:
		return Decision{By: byBoundary}
	case !sessAllow:
		return Decision{By: bySession}
	case needsResource && resAllow == none:
		return Decision{By: byResource}
	}
	return Decision{Allowed: true}
}

func repairsPolicy(action string) bool {
	return action == "s3:getbucketpolicy" || action == "s3:putbucketpolicy" || action == "s3:deletebucketpolicy"
}

type query struct {
	r      *Request
	action string // in lower case
}

// any evaluates policies of the identity.
func (q *query) any(docs []*Document) (deny, allow bool) {
	for _, d := range docs {
		for i := range d.Statements {
			s := &d.Statements[i]
			if allow && !s.Deny || !q.matches(s) { // once an allow is known, only denies matter
				continue
			}
			if s.Deny {
				return true, false
			}
			allow = true
		}
	}
	return false, allow
}

// resource evaluates the resource's policy.
func (q *query) resource(d *Document) (deny bool, allow level) {
	if d == nil {
		return false, none
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		l := s.names(&q.r.Principal)
		if l == none || !q.matches(s) {
			continue
		}
		if s.Deny {
			return true, none
		}
		allow = max(allow, l)
	}
	return false, allow
}

func (q *query) matches(s *Statement) bool {
	if len(s.Actions) > 0 {
		if !slices.ContainsFunc(s.Actions, func(p string) bool { return glob(p, q.action) }) {
			return false
		}
	} else if slices.ContainsFunc(s.NotActions, func(p string) bool { return glob(p, q.action) }) {
		return false
	}
	is := func(p string) bool {
		if s.variables {
			var ok bool
			if p, ok = expand(p, q.r.Keys); !ok {
				return false
			}
		}
		return globARN(p, q.r.Resource)
	}
	if len(s.Resources) > 0 {
		if !slices.ContainsFunc(s.Resources, is) {
			return false
		}
	} else if slices.ContainsFunc(s.NotResources, is) {
		return false
	}
	for i := range s.Conditions {
		if !s.Conditions[i].holds(q.r.Keys, s.variables) {
			return false
		}
	}
	return true
}

// names says whether and how a statement of a resource's policy names p.
func (s *Statement) names(p *Principal) level {
	switch {
	case s.Principals != nil:
		return s.Principals.match(p)
	case s.NotPrincipal == nil:
		return none
	}
	// NotPrincipal excludes whoever is named; naming the account of a principal does not exclude the principal.
	if s.NotPrincipal.match(p) >= within {
		return none
	}
	return within
}

func (n *Principals) match(p *Principal) level {
	best := none
	if n.Any {
		best = within
	}
	if p.Service != "" {
		for _, x := range n.Service {
			if x == p.Service || x == "*" {
				return directly
			}
		}
		return best
	}
	if p.Anonymous() {
		return best
	}
	id, _, _ := strings.Cut(p.ID, ":")
	for _, x := range n.AWS {
		switch {
		case x == p.ARN, p.Role == "" && x == id:
			if p.Root {
				best = max(best, account)
				continue
			}
			return directly
		case p.Role != "" && (x == p.Role || x == id):
			best = max(best, within)
		case x == p.Account, x == "arn:aws:iam::"+p.Account+":root":
			best = max(best, account)
		}
	}
	return best
}
