package connection

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/ident"
)

// Errors; compare with errors.Is.
var (
	ErrNotFound = errors.New("the resource does not exist")
	ErrExists   = errors.New("the resource already exists")
	ErrBadInput = errors.New("parameter is not valid")
	ErrLimit    = errors.New("the requested resource exceeds the maximum number allowed")
	// ErrState marks a connection that cannot authorise a call: it is DEAUTHORIZED.
	ErrState = errors.New("the connection is not authorized")
	// ErrInProgress marks a connection that is being authorised.
	ErrInProgress = errors.New("the connection is being authorized")
	// ErrRefused marks a token request that the authorization endpoint refused, so that another would not do better.
	ErrRefused = errors.New("the authorization endpoint refused the request")
)

// Limits of Amazon EventBridge.
const (
	MaxConnections  = 3000
	MaxDestinations = 3000
	MaxParameters   = 100
)

// The types of authorisation.
const (
	Basic  = "BASIC"
	APIKey = "API_KEY"
	OAuth  = "OAUTH_CLIENT_CREDENTIALS"
)

// The states of connections.
const (
	Authorizing   = "AUTHORIZING"
	Authorized    = "AUTHORIZED"
	Deauthorized  = "DEAUTHORIZED"
	Deauthorizing = "DEAUTHORIZING" // in the answer to Deauthorize only
	Deleting      = "DELETING"      // in the answer to Delete only
)

// Ref names a connection or a destination.
type Ref struct {
	ident.Scope
	Name string
}

// Parameter is added to each request.
type Parameter struct {
	Key, Value string
	Secret     bool `json:",omitempty"`
}

// Parameters are added to each request. The zero value adds nothing.
type Parameters struct {
	Header, Query, Body []Parameter `json:",omitempty"`
}

// OAuthClient is what a token is asked for with.
type OAuthClient struct {
	Endpoint, Method string
	ID, Secret       string
	Parameters       *Parameters `json:",omitempty"` // of the token request
}

// Auth are the credentials of a connection. Those of its type are set.
type Auth struct {
	Username, Password string `json:",omitempty"`
	KeyName, KeyValue  string `json:",omitempty"`
	OAuth              *OAuthClient
}

// Connection authorises calls of an HTTP API.
type Connection struct {
	Ref
	ID          string // UUID
	SecretID    string // UUID and six letters: of the secret that policies speak of
	Description string `json:",omitempty"`
	Type        string
	Auth        *Auth       `json:",omitempty"` // nil once it was deauthorised
	Parameters  *Parameters `json:",omitempty"` // nil = none were given

	State      string
	Reason     string `json:",omitempty"`
	Created    time.Time
	Modified   time.Time
	Authorized time.Time
}

// ARN returns arn:aws:events:REGION:ACCOUNT:connection/NAME/ID.
func (c Connection) ARN() string { return c.Scope.ARN("events", "connection/"+c.Name+"/"+c.ID) }

// SecretARN returns the ARN that permissions to use the connection's credentials name.
func (c Connection) SecretARN() string {
	return c.Scope.ARN("secretsmanager", "secret:events!connection/"+c.Name+"/"+c.SecretID)
}

// Destination names an HTTP API and the connection that authorises calls of it.
type Destination struct {
	Ref
	ID          string
	Description string `json:",omitempty"`
	Connection  string // ARN
	Endpoint    string // a URL in which * stands for path parameters
	Method      string
	Rate        int // calls a second at most
	Created     time.Time
	Modified    time.Time
}

// ARN returns arn:aws:events:REGION:ACCOUNT:api-destination/NAME/ID.
func (d Destination) ARN() string {
	return d.Scope.ARN("events", "api-destination/"+d.Name+"/"+d.ID)
}

var (
	nameForm   = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)
	headerForm = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9a-zA-Z]+$")
)

func bad(format string, args ...any) error { return because(ErrBadInput, format, args...) }

// refusal is an error of a kind whose text says all, as AWS words it.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

func because(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

// check reports what is wrong with a connection.
func (c *Connection) check() error {
	if !nameForm.MatchString(c.Name) {
		return bad("connection name %q: want 1 to 64 letters, digits, ., - and _", c.Name)
	}
	if err := c.Parameters.check(); err != nil {
		return err
	}
	a := c.Auth
	if a == nil {
		a = &Auth{}
	}
	switch c.Type {
	case Basic:
		if a.Username == "" || a.Password == "" {
			return bad("BasicAuthParameters with Username and Password are required for the authorization type BASIC")
		}
	case APIKey:
		if !headerForm.MatchString(a.KeyName) || a.KeyValue == "" {
			return bad("ApiKeyAuthParameters with ApiKeyName and ApiKeyValue are required for the authorization type API_KEY")
		}
	case OAuth:
		o := a.OAuth
		if o == nil || o.ID == "" || o.Secret == "" {
			return bad("OAuthParameters with ClientID and ClientSecret are required for the authorization type OAUTH_CLIENT_CREDENTIALS")
		}
		if u, err := url.Parse(o.Endpoint); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return bad("AuthorizationEndpoint %q: want a URL", o.Endpoint)
		}
		return o.Parameters.check()
	default:
		return bad("authorization type %q: want BASIC, API_KEY or OAUTH_CLIENT_CREDENTIALS", c.Type)
	}
	return nil
}

func (p *Parameters) check() error {
	if p == nil {
		return nil
	}
	for _, list := range [][]Parameter{p.Header, p.Query, p.Body} {
		if len(list) > MaxParameters {
			return bad("%d parameters: want at most %d", len(list), MaxParameters)
		}
		for _, x := range list {
			if x.Key == "" {
				return bad("a parameter has no key")
			}
		}
	}
	for _, x := range p.Header {
		if !headerForm.MatchString(x.Key) || strings.ContainsAny(x.Value, "\r\n\x00") {
			return bad("header parameter %q cannot be a header", x.Key)
		}
	}
	return nil
}
