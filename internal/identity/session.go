package identity

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/policy"
)

// Lengths of sessions.
const (
	MinSession     = 15 * time.Minute
	MaxChained     = time.Hour // of a role assumed by a role's session
	DefaultSession = time.Hour
	MaxUserSession = 36 * time.Hour
)

var sessionForm = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// Credential is what a key id stands for.
type Credential struct {
	AccessKeyID string
	Secret      string
	Token       string    // "" for long-lived keys
	Expires     time.Time // zero for long-lived keys
	Principal   policy.Principal
}

// session is the content of a token.
type session struct {
	Key      string            `json:"k"`
	Expires  time.Time         `json:"e"`
	Account  string            `json:"a"`
	RoleName string            `json:"r,omitempty"`
	ID       string            `json:"i,omitempty"` // of the role or the user: one that is made anew under the name is another
	User     string            `json:"u,omitempty"` // GetSessionToken; "" with RoleName "" = root
	Name     string            `json:"n,omitempty"` // of a role's session
	Policies []string          `json:"p,omitempty"` // documents
	Managed  []string          `json:"m,omitempty"` // ARNs
	Tags     map[string]string `json:"t,omitempty"`
}

// AssumeRole is a request for the session of a role.
type AssumeRole struct {
	Caller      policy.Principal
	RoleARN     string
	SessionName string
	Duration    time.Duration // 0 = DefaultSession
	Policy      string        // session policy; "" = none
	PolicyARNs  []string
	Tags        map[string]string
	ExternalID  string
	Keys        policy.Keys // condition keys of the request; nil = none
}

// Assume starts a session of a role, if the role's trust policy and the caller's own policies allow it. ErrNotAuthorised
// (also for a role that does not exist), ErrInvalid, ErrMalformed.
func (e *Engine) Assume(_ context.Context, r AssumeRole) (*Credential, *Entity, error) {
	if !sessionForm.MatchString(r.SessionName) {
		return nil, nil, fail(ErrInvalid, "%q is not a session name: want 2 to 64 letters, digits and _+=,.@-", r.SessionName)
	}
	if p := strings.SplitN(r.RoleARN, ":", 6); len(p) < 6 || p[0] != "arn" || p[1] == "" || p[2] == "" || p[5] == "" {
		return nil, nil, fail(ErrInvalid, "%s is invalid", r.RoleARN)
	}
	q := &policy.Request{Principal: r.Caller, Action: "sts:AssumeRole", Resource: r.RoleARN, Keys: policy.Keys{}}
	for k, v := range r.Keys {
		q.Keys[k] = v
	}
	if r.ExternalID != "" {
		q.Keys.Set("sts:ExternalId", r.ExternalID)
	}
	q.Keys.Set("sts:RoleSessionName", r.SessionName)
	role, trust := e.roleByARN(r.RoleARN)
	if role == nil {
		return nil, nil, fail(ErrNotAuthorised, "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", r.Caller.ARN, r.RoleARN)
	}
	q.ResourcePolicy = trust
	if d := policy.Evaluate(q); !d.Allowed {
		return nil, nil, fail(ErrNotAuthorised, "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", r.Caller.ARN, r.RoleARN)
	}
	d := r.Duration
	if d == 0 {
		d = DefaultSession
	}
	switch {
	case d < MinSession:
		return nil, nil, fail(ErrInvalid, "The requested DurationSeconds must be at least %d.", int(MinSession.Seconds()))
	case d > role.MaxSession:
		return nil, nil, fail(ErrInvalid, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	case d > MaxChained && r.Caller.Role != "":
		return nil, nil, fail(ErrInvalid, "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	s := session{Account: role.Account, RoleName: role.Name, ID: role.ID, Name: r.SessionName, Managed: r.PolicyARNs, Tags: r.Tags}
	if r.Policy != "" {
		if err := checkDocument(policy.Identity, r.Policy); err != nil {
			return nil, nil, err
		}
		s.Policies = []string{r.Policy}
	}
	for _, arn := range r.PolicyARNs {
		if _, err := e.Policy(role.Account, arn); err != nil {
			return nil, nil, err
		}
	}
	c, err := e.start(s, d)
	return c, role, err
}

// AssumeForService starts a session of a role for a service of Tarn that acts for the account: "lambda.amazonaws.com".
// The role's trust policy must name the service. ErrNotAuthorised, ErrInvalid.
func (e *Engine) AssumeForService(ctx context.Context, scope ident.Scope, roleARN, service, sessionName string, ttl time.Duration) (*Credential, error) {
	role, _ := e.roleByARN(roleARN)
	if role == nil {
		if e.stands(scope.Account, roleARN) {
			return e.start(session{Account: scope.Account}, max(ttl, MinSession))
		}
		return nil, fail(ErrNotAuthorised, "The role %s does not exist.", roleARN)
	}
	if role.Account != scope.Account {
		return nil, fail(ErrNotAuthorised, "Cross-account pass role is not allowed: %s is not of account %s.", roleARN, scope.Account)
	}
	if ttl > role.MaxSession { // services renew; they are not bound by what a caller may ask for
		ttl = role.MaxSession
	}
	if ttl < MinSession {
		ttl = MinSession
	}
	keys := policy.Keys{}
	keys.Set("aws:SourceAccount", scope.Account)
	c, _, err := e.Assume(ctx, AssumeRole{Caller: policy.ForService(service, scope.Account), RoleARN: roleARN, SessionName: sessionName, Duration: ttl, Keys: keys})
	if errors.Is(err, ErrNotAuthorised) {
		return nil, fail(ErrNotAuthorised, "The role defined for the function cannot be assumed: the trust policy of %s does not let %s assume it.", roleARN, service)
	}
	return c, err
}

// AssumableBy reports whether the trust policy of a role lets a service assume it: nil, or ErrNoSuchEntity or
// ErrNotAuthorised.
func (e *Engine) AssumableBy(scope ident.Scope, roleARN, service string) error {
	role, trust := e.roleByARN(roleARN)
	if role == nil && e.stands(scope.Account, roleARN) {
		return nil
	}
	if role == nil || role.Account != scope.Account {
		return fail(ErrNoSuchEntity, "The role %s cannot be found.", roleARN)
	}
	keys := policy.Keys{}
	keys.Set("aws:SourceAccount", scope.Account)
	if !policy.Evaluate(&policy.Request{Principal: policy.ForService(service, scope.Account), Action: "sts:AssumeRole", Resource: roleARN, ResourcePolicy: trust, Keys: keys}).Allowed {
		return fail(ErrNotAuthorised, "The trust policy of %s does not let %s assume it.", roleARN, service)
	}
	return nil
}

// stands reports whether root stands for a role that does not exist: Options.AnyRole.
func (e *Engine) stands(account, roleARN string) bool {
	a, err := ident.ParseARN(roleARN)
	return e.anyRole && err == nil && a.Service == "iam" && a.Account == account && strings.HasPrefix(a.Resource, "role/")
}

// roleByARN returns a role and its trust policy, or nil.
func (e *Engine) roleByARN(arn string) (*Entity, *policy.Document) {
	a, err := ident.ParseARN(arn)
	if err != nil || a.Service != "iam" || len(a.Resource) < 6 || a.Resource[:5] != "role/" {
		return nil, nil
	}
	path, name := splitPath(a.Resource[4:])
	role, err := e.Get(a.Account, Role, name)
	if err != nil || role.Path != path {
		return nil, nil
	}
	doc, err := policy.Parse(policy.Trust, role.Trust)
	if err != nil {
		return nil, nil
	}
	return role, doc
}

// SessionToken starts a session of a user or of root, with the same rights.
func (e *Engine) SessionToken(_ context.Context, p policy.Principal, d time.Duration) (*Credential, error) {
	if p.Temporary || p.Role != "" || p.Service != "" || p.Anonymous() {
		return nil, fail(ErrNotAuthorised, "Cannot call GetSessionToken with session credentials")
	}
	limit := MaxUserSession
	if p.Root {
		limit = time.Hour
	}
	if d == 0 {
		d = min(12*time.Hour, limit)
	}
	if d < MinSession || d > MaxUserSession {
		return nil, fail(ErrInvalid, "The requested DurationSeconds must be between %d and %d.", int(MinSession.Seconds()), int(MaxUserSession.Seconds()))
	}
	return e.start(session{Account: p.Account, User: p.Name, ID: p.ID}, min(d, limit))
}

func (e *Engine) start(s session, d time.Duration) (*Credential, error) {
	s.Key, s.Expires = "ASIA"+ident.Upper(16), e.now().Add(d)
	token, err := e.seal.seal(s)
	if err != nil {
		return nil, err
	}
	p, err := e.sessionPrincipal(&s)
	if err != nil {
		return nil, err
	}
	return &Credential{AccessKeyID: s.Key, Secret: e.seal.secret(s.Key), Token: token, Expires: s.Expires, Principal: p}, nil
}

// sealer makes and opens tokens.
type sealer struct {
	aead cipher.AEAD
	key  []byte // of the secrets
}

func newSealer(root []byte) (sealer, error) {
	derive := func(label string) []byte {
		m := hmac.New(sha256.New, root)
		m.Write([]byte(label))
		return m.Sum(nil)
	}
	block, err := aes.NewCipher(derive("session tokens"))
	if err != nil {
		return sealer{}, fmt.Errorf("make token cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return sealer{}, fmt.Errorf("make token cipher: %w", err)
	}
	return sealer{aead, derive("session secrets")}, nil
}

// secret derives the secret of a temporary key from its id.
func (s sealer) secret(id string) string {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte(id))
	return base64.StdEncoding.EncodeToString(m.Sum(nil)[:30])
}

func (s sealer) seal(x session) (string, error) {
	plain, err := json.Marshal(x)
	if err != nil {
		return "", fmt.Errorf("encode session: %w", err)
	}
	nonce := make([]byte, s.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("make nonce: %w", err)
	}
	return base64.StdEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, nil)), nil
}

func (s sealer) open(token string) (*session, error) {
	b, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(b) < s.aead.NonceSize() {
		return nil, ErrInvalidToken
	}
	n := s.aead.NonceSize()
	plain, err := s.aead.Open(nil, b[:n], b[n:], nil)
	if err != nil {
		return nil, ErrInvalidToken
	}
	var x session
	if err := json.Unmarshal(plain, &x); err != nil {
		return nil, ErrInvalidToken
	}
	return &x, nil
}
