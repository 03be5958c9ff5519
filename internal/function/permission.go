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

// AddPermission adds a statement to the resource policy of a function, or of its version or alias. revision, if given, must be
// that of the policy or, where there is none yet, of the function, version or alias itself.
func (s *Service) AddPermission(ctx context.Context, r Ref, p Permission, revision string) error {
	switch {
	case r.Qualifier == Latest:
		return fmt.Errorf("%w: We currently do not support adding policies for $LATEST.", ErrBadParameter)
	case !aliasForm.MatchString(p.ID):
		return fmt.Errorf("%w: statement id %q: want 1 to 100 letters, digits, - and _", ErrBadParameter, p.ID)
	case p.Principal == "":
		return fmt.Errorf("%w: a principal is required", ErrBadParameter)
	case !strings.HasPrefix(p.Action, "lambda:"):
		return fmt.Errorf("%w: action %q: want lambda:OPERATION", ErrBadParameter, p.Action)
	case !validPrincipal(p.Principal):
		return fmt.Errorf("%w: The provided principal was invalid. Please check the principal and try again.", ErrBadParameter)
	}
	return s.edit(ctx, func(b *kv.Batch) error {
		if err := s.policyOwner(ctx, r); err != nil {
			return err
		}
		list, err := s.permissions(ctx, r)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(list, func(q Permission) bool { return q.ID == p.ID }) {
			return fmt.Errorf("%w: The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", ErrStatementExists, p.ID)
		}
		return s.putPermissions(ctx, b, r, append(list, p), revision)
	})
}

// validPrincipal accepts everybody, a service, an account, an ARN of IAM or STS and an organization's service.
func validPrincipal(p string) bool {
	switch {
	case p == "*", len(p) == 12 && digits.MatchString(p):
		return true
	case strings.HasPrefix(p, "arn:"):
		return strings.Count(p, ":") >= 5
	}
	return strings.HasSuffix(p, ".amazonaws.com") && strings.Count(p, ".") >= 2 || strings.HasSuffix(p, ".amazon.com")
}

// policyOwner reports that the function, version or alias of a policy does not exist.
func (s *Service) policyOwner(ctx context.Context, r Ref) error {
	if r.Qualifier != "" && !digits.MatchString(r.Qualifier) && aliasForm.MatchString(r.Qualifier) {
		_, err := s.Alias(ctx, r, r.Qualifier)
		return err
	}
	_, err := s.Get(ctx, r)
	return err
}

// RemovePermission removes a statement. revision is that of AddPermission.
func (s *Service) RemovePermission(ctx context.Context, r Ref, id, revision string) error {
	return s.edit(ctx, func(b *kv.Batch) error {
		if err := s.policyOwner(ctx, r); errors.Is(err, ErrNotFound) {
			return fmt.Errorf("%w: No policy found for: %s", ErrNoPolicy, r.ARN())
		} else if err != nil {
			return err
		}
		list, err := s.permissions(ctx, r)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fmt.Errorf("%w: No policy is associated with the given resource.", ErrNoPolicy)
		}
		i := slices.IndexFunc(list, func(q Permission) bool { return q.ID == id })
		if i < 0 {
			return fmt.Errorf("%w: Statement %s is not found in resource policy.", ErrNoPolicy, id)
		}
		return s.putPermissions(ctx, b, r, slices.Delete(list, i, i+1), revision)
	})
}

// Permissions returns the statements and the revision of the policy, or ErrNoPolicy where there is none.
func (s *Service) Permissions(ctx context.Context, r Ref) ([]Permission, string, error) {
	list, err := s.permissions(ctx, r)
	if err != nil {
		return nil, "", err
	}
	if len(list) == 0 {
		return nil, "", ErrNoPolicy
	}
	m, err := s.meta(ctx, r.Scope, r.Name)
	return list, m.PolicyRevs[policyOf(r.Qualifier)], err
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
	case p.PrincipalOrg != "", p.URLAuth != "":
		return false
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

// putPermissions replaces a policy. What it belongs to gets the same new revision.
func (s *Service) putPermissions(ctx context.Context, b *kv.Batch, r Ref, list []Permission, revision string) error {
	m, err := s.meta(ctx, r.Scope, r.Name)
	if err != nil {
		return err
	}
	next, have := ident.UUID(), ""
	if q := policyOf(r.Qualifier); q == "" || digits.MatchString(q) {
		v, err := s.Get(ctx, r)
		if err != nil {
			return err
		}
		have = v.Revision
		v.Change, v.Revision = v.change(), next
		kv.Put(b, versionKey(r.Scope, r.Name, v.Number), v)
	} else {
		a, err := s.Alias(ctx, r, q)
		if err != nil {
			return err
		}
		have, a.Revision = a.Revision, next
		kv.Put(b, aliasKey(r.Scope, r.Name, q), a)
	}
	if revision != "" && revision != have && revision != m.PolicyRevs[policyOf(r.Qualifier)] {
		return errStalePolicy
	}
	revs := map[string]string{policyOf(r.Qualifier): next}
	for q, rev := range m.PolicyRevs {
		if q != policyOf(r.Qualifier) {
			revs[q] = rev
		}
	}
	m.PolicyRevs = revs
	k := policyKey(r.Scope, r.Name, r.Qualifier)
	if len(list) == 0 {
		b.Delete(k)
	} else {
		kv.Put(b, k, list)
	}
	kv.Put(b, metaKey(r.Scope, r.Name), m)
	return nil
}

func policyKey(s ident.Scope, name, qualifier string) []byte {
	return under(s, "policy").Str(name).Str(policyOf(qualifier))
}

// policyOf names what a qualifier's policy is kept by: $LATEST has that of the function.
func policyOf(qualifier string) string {
	if qualifier == Latest {
		return ""
	}
	return qualifier
}
