package identity

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/policy"
)

var policyARN = regexp.MustCompile(`^arn:aws:iam::(aws|[0-9]{12}):policy/(?:[\x21-\x7E]+/)?([\w+=,.@-]+)$`)

// size counts a document's characters without white space, as IAM does.
func size(doc string) int {
	n := 0
	for _, r := range doc {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// Policy returns a managed policy of the account or of AWS. The caller must not change it.
func (e *Engine) Policy(account, arn string) (*Policy, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.policy(account, arn)
}

func (e *Engine) policy(account, arn string) (*Policy, error) {
	m := policyARN.FindStringSubmatch(arn)
	if m == nil {
		return nil, fail(ErrInvalid, "Invalid ARN:  Could not be parsed!")
	}
	if m[1] == "aws" || m[1] == account {
		if p := e.policies[policyID{m[1], lower(m[2])}]; p != nil && strings.EqualFold(p.ARN(), arn) {
			return p, nil
		}
	}
	return nil, fail(ErrNoSuchEntity, "Policy %s does not exist or is not attachable.", arn)
}

// Policies returns the managed policies of the account ("local"), of AWS ("aws") or of both, by ARN.
func (e *Engine) Policies(account string, local, aws bool) []*Policy {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var list []*Policy
	for _, p := range e.policies {
		if local && p.Account == account || aws && p.Account == "aws" {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *Policy) int { return strings.Compare(a.ARN(), b.ARN()) })
	return list
}

// CreatePolicy makes a managed policy; p needs Account and Name. ErrExists, ErrInvalid, ErrMalformed, ErrLimit.
func (e *Engine) CreatePolicy(ctx context.Context, p Policy, document string) (*Policy, error) {
	if p.Path == "" {
		p.Path = "/"
	}
	if !nameForm.MatchString(p.Name) || !pathForm.MatchString(p.Path) {
		return nil, fail(ErrInvalid, "The specified value for policyName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
	}
	if err := checkManaged(document); err != nil {
		return nil, err
	}
	p.ID, p.Created = "ANPA"+ident.Upper(17), e.now()
	p.Updated, p.Default, p.Next = p.Created, "v1", 2
	p.Versions = []Version{{ID: "v1", Document: document, Created: p.Created}}
	n := &p
	return n, e.change(ctx, func(b *kv.Batch) (func(), error) {
		if e.policies[policyID{p.Account, lower(p.Name)}] != nil {
			return nil, fail(ErrExists, "A policy called %s already exists. Duplicate names are not allowed.", p.Name)
		}
		return e.putPolicy(b, n), nil
	})
}

func checkManaged(document string) error {
	if size(document) > policy.MaxManaged {
		return fail(ErrLimit, "Cannot exceed quota for PolicySize: %d", policy.MaxManaged)
	}
	return checkDocument(policy.Identity, document)
}

func (e *Engine) putPolicy(b *kv.Batch, p *Policy) func() {
	kv.Put(b, policyKey(p.Account, p.Name), p)
	return func() { e.policies[policyID{p.Account, lower(p.Name)}] = p }
}

// UpdatePolicy changes a policy of the account by f, which gets a copy.
func (e *Engine) UpdatePolicy(ctx context.Context, account, arn string, f func(*Policy) error) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		p, err := e.own(account, arn)
		if err != nil {
			return nil, err
		}
		n := p.clone()
		if err := f(n); err != nil {
			return nil, err
		}
		return e.putPolicy(b, n), nil
	})
}

func (e *Engine) own(account, arn string) (*Policy, error) {
	p, err := e.policy(account, arn)
	if errors.Is(err, ErrNoSuchEntity) { // another text than where a policy is attached
		return nil, fail(ErrNoSuchEntity, "Policy %s was not found.", arn)
	}
	if err == nil && p.Account == "aws" {
		return nil, fail(ErrUnmodifiable, "Policy %s is managed by AWS and cannot be changed.", arn)
	}
	return p, err
}

// AddVersion adds a version to a policy; at most MaxVersions.
func (e *Engine) AddVersion(ctx context.Context, account, arn, document string, makeDefault bool) (Version, error) {
	if err := checkManaged(document); err != nil {
		return Version{}, err
	}
	v := Version{Document: document, Created: e.now()}
	err := e.UpdatePolicy(ctx, account, arn, func(p *Policy) error {
		if len(p.Versions) >= MaxVersions {
			return fail(ErrLimit, "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", MaxVersions)
		}
		v.ID = fmt.Sprintf("v%d", p.Next)
		p.Next++
		p.Versions = append(p.Versions, v)
		p.Updated = v.Created
		if makeDefault {
			p.Default = v.ID
		}
		return nil
	})
	return v, err
}

// DeletePolicy removes a policy that is attached nowhere and has no other version than the default one.
func (e *Engine) DeletePolicy(ctx context.Context, account, arn string) error {
	return e.change(ctx, func(b *kv.Batch) (func(), error) {
		p, err := e.own(account, arn)
		if err != nil {
			return nil, err
		}
		if att, bound := e.attachments(account, p.ARN()); len(att)+len(bound) > 0 {
			return nil, fail(ErrConflict, "Cannot delete a policy attached to entities.")
		}
		if len(p.Versions) > 1 {
			return nil, fail(ErrConflict, "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		b.Delete(policyKey(p.Account, p.Name))
		return func() { delete(e.policies, policyID{p.Account, lower(p.Name)}) }, nil
	})
}

// Attachments returns the entities that a policy is attached to, and those that it bounds.
func (e *Engine) Attachments(account, arn string) (attached, bounded []*Entity) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.attachments(account, arn)
}

func (e *Engine) attachments(account, arn string) (attached, bounded []*Entity) {
	for id, x := range e.entities {
		if id.account != account {
			continue
		}
		if slices.Contains(x.Attached, arn) {
			attached = append(attached, x)
		}
		if x.Boundary == arn {
			bounded = append(bounded, x)
		}
	}
	for _, l := range [][]*Entity{attached, bounded} {
		slices.SortFunc(l, func(a, b *Entity) int { return strings.Compare(a.ARN(), b.ARN()) })
	}
	return attached, bounded
}

// Attach attaches a managed policy to an entity, or detaches it.
func (e *Engine) Attach(ctx context.Context, account string, k Kind, name, arn string, on bool) error {
	return e.Update(ctx, account, k, name, func(x *Entity) error {
		p, err := e.policy(account, arn) // under the lock: a policy that goes meanwhile stays attached to nobody
		if err != nil {
			return err
		}
		arn := p.ARN()
		at := slices.Index(x.Attached, arn)
		switch {
		case on && at >= 0:
		case on && len(x.Attached) >= MaxAttached:
			return fail(ErrLimit, "Cannot exceed quota for PoliciesPer%s: %d", title[k], MaxAttached)
		case on:
			x.Attached = append(x.Attached, arn)
		case at < 0:
			return fail(ErrNoSuchEntity, "Policy %s was not found.", arn)
		default:
			x.Attached = slices.Delete(x.Attached, at, at+1)
		}
		return nil
	})
}

// SetBoundary sets or, with "", removes the permissions boundary of a user or role.
func (e *Engine) SetBoundary(ctx context.Context, account string, k Kind, name, arn string) error {
	return e.Update(ctx, account, k, name, func(x *Entity) error {
		arn := arn
		if arn != "" {
			p, err := e.policy(account, arn)
			if err != nil {
				return err
			}
			arn = p.ARN()
		}
		if arn == "" && x.Boundary == "" {
			return fail(ErrNoSuchEntity, "The %s with name %s has no permissions boundary.", k, name)
		}
		x.Boundary = arn
		return nil
	})
}

// PutInline sets an inline policy of an entity.
func (e *Engine) PutInline(ctx context.Context, account string, k Kind, name, policyName, document string) error {
	if err := checkDocument(policy.Identity, document); err != nil {
		return err
	}
	limit := map[Kind]int{User: MaxInlineUser, Group: MaxInlineGroup, Role: MaxInlineRole}[k]
	return e.Update(ctx, account, k, name, func(x *Entity) error {
		if x.Inline == nil {
			x.Inline = map[string]string{}
		}
		x.Inline[policyName] = document
		n := 0
		for _, d := range x.Inline {
			n += size(d)
		}
		if n > limit {
			return fail(ErrLimit, "Maximum policy size of %d bytes exceeded for %s %s", limit, k, name)
		}
		return nil
	})
}

// Inline returns the document of an inline policy.
func (e *Engine) Inline(account string, k Kind, name, policyName string) (string, error) {
	x, err := e.Get(account, k, name)
	if err != nil {
		return "", err
	}
	if d, ok := x.Inline[policyName]; ok {
		return d, nil
	}
	return "", fail(ErrNoSuchEntity, "The %s policy with name %s cannot be found.", k, policyName)
}

// DeleteInline removes an inline policy.
func (e *Engine) DeleteInline(ctx context.Context, account string, k Kind, name, policyName string) error {
	return e.Update(ctx, account, k, name, func(x *Entity) error {
		if _, ok := x.Inline[policyName]; !ok {
			return fail(ErrNoSuchEntity, "The %s policy with name %s cannot be found.", k, policyName)
		}
		delete(x.Inline, policyName)
		return nil
	})
}
