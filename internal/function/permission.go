package function

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/policy"
)

// AddPermission adds a statement to the resource policy of a function, or of its version or alias.
func (s *Service) AddPermission(ctx context.Context, r Ref, p Permission) error {
	switch {
	case !aliasForm.MatchString(p.ID):
		return fmt.Errorf("%w: statement id %q: want 1 to 100 letters, digits, - and _", ErrBadParameter, p.ID)
	case p.Principal == "":
		return fmt.Errorf("%w: a principal is required", ErrBadParameter)
	case !strings.HasPrefix(p.Action, "lambda:"):
		return fmt.Errorf("%w: action %q: want lambda:OPERATION", ErrBadParameter, p.Action)
	case strings.HasSuffix(p.Principal, ".amazonaws.com") && strings.Count(p.Principal, ".") < 2:
		return fmt.Errorf("%w: principal %q: want a service such as s3.amazonaws.com", ErrBadParameter, p.Principal)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.resolve(ctx, r, false); err != nil {
		return err
	}
	list, err := s.permissions(ctx, r)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(list, func(q Permission) bool { return q.ID == p.ID }) {
		return fmt.Errorf("%w: %s: please provide a new one, or remove the existing statement first", ErrStatementExists, p.ID)
	}
	return s.putPermissions(ctx, r, append(list, p))
}

// RemovePermission removes a statement.
func (s *Service) RemovePermission(ctx context.Context, r Ref, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.permissions(ctx, r)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(q Permission) bool { return q.ID == id })
	if i < 0 {
		return fmt.Errorf("%w: statement %s is not found in resource policy", ErrNoPolicy, id)
	}
	return s.putPermissions(ctx, r, slices.Delete(list, i, i+1))
}

// Permissions returns the statements and the revision of the policy, or ErrNoPolicy where there is none.
func (s *Service) Permissions(ctx context.Context, r Ref) ([]Permission, string, error) {
	if _, err := s.load(ctx, r.Scope, r.Name, Latest); err != nil {
		return nil, "", err
	}
	list, err := s.permissions(ctx, r)
	if err != nil {
		return nil, "", err
	}
	if len(list) == 0 {
		return nil, "", ErrNoPolicy
	}
	m, err := s.meta(ctx, r.Scope, r.Name)
	return list, m.PolicyRev, err
}

// Invoker is who wants to invoke a function: a service on behalf of a resource, or a principal of an account.
type Invoker struct {
	Principal policy.Principal
	SourceARN string // of the resource for which a service acts: a bucket, a rule, a queue
	Account   string // that owns the source
}

// Permits reports whether the resource policy lets the invoker in. The owner's principals need no statement: their own
// policies decide.
func (s *Service) Permits(ctx context.Context, r Ref, who Invoker) (bool, error) {
	list, err := s.permissions(ctx, r)
	if err != nil {
		return false, err
	}
	for _, p := range list {
		if p.Action != "lambda:InvokeFunction" && p.Action != "lambda:*" && p.Action != "lambda:Invoke*" {
			continue
		}
		if p.matches(who) {
			return true, nil
		}
	}
	return false, nil
}

func (p Permission) matches(who Invoker) bool {
	switch {
	case p.Principal == "*":
	case p.Principal == who.Principal.Service && who.Principal.Service != "":
	case who.Principal.Service == "" && p.Principal == who.Principal.Account:
	case who.Principal.Service == "" && p.Principal == who.Principal.ARN:
	case who.Principal.Service == "" && p.Principal == "arn:aws:iam::"+who.Principal.Account+":root":
	default:
		return false
	}
	if p.SourceAccount != "" && p.SourceAccount != who.Account {
		return false
	}
	return p.SourceARN == "" || arnLike(p.SourceARN, who.SourceARN)
}

// arnLike matches an ARN against a pattern with * and ?, part by part as IAM's ArnLike does.
func arnLike(pattern, arn string) bool {
	pp, ap := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(pp) != 6 || len(ap) != 6 {
		return false
	}
	for i := range pp {
		if !glob(pp[i], ap[i]) {
			return false
		}
	}
	return true
}

func glob(p, s string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(p) && (p[i] == '?' || p[i] == s[j]) && p[i] != '*':
			i, j = i+1, j+1
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

func (s *Service) permissions(ctx context.Context, r Ref) ([]Permission, error) {
	list, err := kv.Load[[]Permission](ctx, s.opts.Store, policyKey(r.Scope, r.Name, r.Qualifier))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, nil
	}
	return list, err
}

func (s *Service) putPermissions(ctx context.Context, r Ref, list []Permission) error {
	m, err := s.meta(ctx, r.Scope, r.Name)
	if err != nil {
		return err
	}
	m.PolicyRev = ident.UUID()
	var b kv.Batch
	k := policyKey(r.Scope, r.Name, r.Qualifier)
	if len(list) == 0 {
		b.Delete(k)
	} else {
		kv.Put(&b, k, list)
	}
	kv.Put(&b, metaKey(r.Scope, r.Name), m)
	return kv.Commit(ctx, s.opts.Store, &b)
}

func policyKey(s ident.Scope, name, qualifier string) []byte {
	if qualifier == Latest {
		qualifier = ""
	}
	return under(s, "policy").Str(name).Str(qualifier)
}
