package protocol

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/policy"
)

// authoriseRow asks the policies everything that a row needs.
func (g *Registry) authoriseRow(ctx context.Context, s *Service, row *opRow, c *Call, in any) *Error {
	if row.Public {
		return nil
	}
	a := Access{Action: row.Action, Resource: "*"}
	if row.Conditions != nil {
		a.Conditions = row.Conditions(c, in)
	}
	resources := []string{"*"}
	if row.Resources != nil {
		resources = row.Resources(c, in)
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

// authorise asks one question on behalf of a service. The policy of a resource, and whose it is, is known by the service of the
// action, which may be another: the bucket that a function's code lies in.
func (g *Registry) authorise(ctx context.Context, s *Service, c *Call, a Access) *Error {
	r := &policy.Request{Principal: c.Principal, Action: a.Action, Resource: a.Resource}
	of, asked := s, c
	if vendor, _, _ := strings.Cut(a.Action, ":"); vendor != s.Name {
		other := *c
		other.HTTP = nil // what the request says in its headers, it says to the service that it is for
		of, asked = g.by[vendor], &other
	}
	if of != nil && of.ResourcePolicy != nil && a.Resource != "*" {
		doc, owner, err := of.ResourcePolicy(ctx, asked, a.Resource)
		if err != nil {
			return g.failure(ctx, s, c, err)
		}
		r.ResourcePolicy, r.Account = doc, owner
	}
	if c.Principal.Root && r.ResourcePolicy == nil && (r.Account == "" || r.Account == c.Principal.Account) && accountOf(a.Resource, c.Principal.Account) {
		return nil // nothing can forbid it
	}
	r.Keys = g.keys(c)
	if of != nil && of.ConditionKeys != nil {
		of.ConditionKeys(ctx, asked, a, r.Keys)
	}
	for k, vs := range a.Conditions {
		r.Keys.Set(k, vs...)
	}
	d := policy.Evaluate(r)
	if d.Allowed {
		return nil
	}
	e := &Error{Code: s.AccessDeniedCode, Status: http.StatusForbidden}
	if s.m.Protocol == "rest-xml" {
		// S3 quotes the resource, and says why to the owner's own principals only.
		if e.Message = "Access Denied"; !c.Principal.Anonymous() && (r.Account == "" || r.Account == c.Principal.Account) {
			q := *r
			q.Resource = strconv.Quote(r.Resource)
			e.Message = d.Message(&q)
		}
	} else {
		e.Message = d.Message(r)
	}
	if s.m.Protocol == "json" && s.AccessDeniedCode == "AccessDeniedException" {
		e.Status = http.StatusBadRequest // as AWS's JSON services answer it
	}
	return e
}

// Check answers one question for who acts outside of a request: a query that runs with the rights of its user. c brings scope and
// principal. It returns nil or the refusal.
func (g *Registry) Check(ctx context.Context, c *Call, a Access) error {
	vendor, _, _ := strings.Cut(a.Action, ":")
	s := g.by[vendor]
	if s == nil {
		return &Error{Code: "UnknownService", Message: "There is no service " + vendor + " in Tarn."}
	}
	if err := s.prepare(); err != nil {
		panic("BUG: " + err.Error())
	}
	if e := g.authorise(ctx, s, c, a); e != nil {
		return e
	}
	return nil
}

// accountOf reports whether an ARN is of the account, of none or of AWS itself.
func accountOf(arn, account string) bool {
	for range 4 {
		i := strings.IndexByte(arn, ':')
		if i < 0 {
			return true
		}
		arn = arn[i+1:]
	}
	owner, _, _ := strings.Cut(arn, ":")
	return owner == "" || owner == "aws" || owner == account
}

// keys are the condition keys that every request has.
func (g *Registry) keys(c *Call) policy.Keys {
	now := g.clock.Now().UTC()
	p := &c.Principal
	k := policy.Keys{
		"aws:currenttime":           {now.Format(time.RFC3339)},
		"aws:epochtime":             {strconv.FormatInt(now.Unix(), 10)},
		"aws:requestedregion":       {c.Region},
		"aws:securetransport":       {strconv.FormatBool(c.Secure)},
		"aws:principalisawsservice": {strconv.FormatBool(p.Service != "")},
	}
	set := func(key, v string) {
		if v != "" {
			k[key] = []string{v}
		}
	}
	set("aws:sourceip", c.SourceIP)
	set("aws:useragent", c.UserAgent)
	set("aws:principalaccount", p.Account)
	set("aws:userid", p.ID)
	set("aws:username", p.Name)
	set("aws:principalservicename", p.Service)
	arn, kind := p.ARN, "Anonymous"
	switch {
	case p.Role != "":
		arn, kind = p.Role, "AssumedRole"
	case p.Root:
		kind = "Account"
	case p.Service != "":
		kind = "Service"
	case p.Account != "":
		kind = "User"
	}
	set("aws:principalarn", arn)
	set("aws:principaltype", kind)
	for t, v := range p.Tags {
		k.Set("aws:PrincipalTag/"+t, v)
	}
	if c.HTTP != nil {
		set("aws:referer", c.HTTP.Referer())
	}
	return k
}
