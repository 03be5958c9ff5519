package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/connection"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/workflow"
	"github.com/tarn-data/tarn/internal/workflow/integration"
)

// HTTPCalls calls HTTP APIs with the credentials of connections, and fetches connections' tokens.
type HTTPCalls struct {
	client *http.Client
	clock  clock.Clock
}

var _ connection.Tokens = (*HTTPCalls)(nil)

// maxToken is how much of an authorization endpoint's answer is read, tokenTime how long it may take.
const (
	maxToken  = 1 << 20
	tokenTime = 30 * time.Second
)

// NewHTTPCalls returns a caller. Redirects are not followed: credentials go where they were meant for only.
func NewHTTPCalls(c clock.Clock) *HTTPCalls {
	if c == nil {
		c = clock.Real()
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true // what the API sends is what the task gets
	return &HTTPCalls{client: &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, clock: c}
}

// Token implements connection.Tokens. The client is told by basic authentication and in the form, next to the grant type.
func (h *HTTPCalls) Token(ctx context.Context, c connection.OAuthClient) (connection.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenTime)
	defer cancel()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {c.Secret}}
	var header, query []connection.Parameter
	if p := c.Parameters; p != nil {
		header, query = p.Header, p.Query
		for _, x := range p.Body {
			form.Set(x.Key, x.Value)
		}
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return connection.Token{}, fmt.Errorf("%w: %w", connection.ErrRefused, err)
	}
	q := u.Query()
	for _, x := range query {
		q.Set(x.Key, x.Value)
	}
	body := form.Encode()
	if c.Method == http.MethodGet {
		for k, vs := range form {
			q[k] = vs
		}
		body = ""
	}
	u.RawQuery = q.Encode()
	r, err := http.NewRequestWithContext(ctx, c.Method, u.String(), strings.NewReader(body))
	if err != nil {
		return connection.Token{}, fmt.Errorf("%w: %w", connection.ErrRefused, err)
	}
	r.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(c.Secret)) // RFC 6749, 2.3.1
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, x := range header {
		r.Header.Set(x.Key, x.Value)
	}
	res, err := h.client.Do(r)
	if err != nil {
		return connection.Token{}, withoutURL(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxToken))
	if err != nil {
		return connection.Token{}, err
	}
	var answer struct {
		Token   string      `json:"access_token"`
		Expires json.Number `json:"expires_in"`
	}
	switch {
	case res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests:
		return connection.Token{}, fmt.Errorf("the authorization endpoint answered %s", res.Status)
	case res.StatusCode > 299:
		return connection.Token{}, fmt.Errorf("%w: it answered %s", connection.ErrRefused, res.Status)
	case json.Unmarshal(text, &answer) != nil || answer.Token == "" || strings.ContainsAny(answer.Token, "\r\n\x00"):
		return connection.Token{}, fmt.Errorf("%w: its answer has no access_token", connection.ErrRefused)
	}
	t := connection.Token{Value: answer.Token}
	if n, err := answer.Expires.Int64(); err == nil && n > 0 {
		t.Expires = h.clock.Now().Add(time.Duration(n) * time.Second)
	}
	return t, nil
}

// withoutURL drops the address from an error of a client: secrets may be in its query.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// taskHTTP is integration.HTTP with the rights of a task's role.
type taskHTTP struct {
	*HTTPCalls
	connections *connection.Engine
	call        *workflow.TaskCall
	principal   policy.Principal
}

var _ integration.HTTP = taskHTTP{}

const connectionError = "Events.ConnectionResource."

// may asks the policies of the role.
func (t taskHTTP) may(action, resource string, keys policy.Keys) error {
	if t.principal.Root {
		return nil
	}
	q := &policy.Request{Principal: t.principal, Action: action, Resource: resource, Keys: keys}
	if d := policy.Evaluate(q); !d.Allowed {
		return errors.New(d.Message(q))
	}
	return nil
}

// Credentials implements integration.HTTP.
func (t taskHTTP) Credentials(ctx context.Context, target integration.HTTPTarget, refused string) (integration.Additions, *workflow.TaskError) {
	var none integration.Additions
	keys := policy.Keys{}
	keys.Set("states:HTTPMethod", target.Method)
	keys.Set("states:HTTPEndpoint", target.Endpoint)
	if err := t.may("states:InvokeHTTPEndpoint", t.call.StateMachine, keys); err != nil {
		return none, &workflow.TaskError{Error: "States.Permissions", Cause: err.Error()}
	}
	if err := t.may("events:RetrieveConnectionCredentials", target.Connection, policy.Keys{}); err != nil {
		return none, &workflow.TaskError{Error: connectionError + "AccessDenied", Cause: err.Error()}
	}
	c, err := t.connections.Find(target.Connection)
	if err != nil {
		return none, connectionFailed(err)
	}
	for _, action := range []string{"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"} {
		if err := t.may(action, c.SecretARN(), policy.Keys{}); err != nil {
			return none, &workflow.TaskError{Error: connectionError + "AccessDenied", Cause: err.Error()}
		}
	}
	x, err := t.connections.Credentials(ctx, target.Connection, refused)
	if err != nil {
		return none, connectionFailed(err)
	}
	return integration.Additions{Header: fields(x.Header), Query: fields(x.Query), Body: fields(x.Body), Renewable: x.Renewable}, nil
}

func connectionFailed(err error) *workflow.TaskError {
	name := "InternalError"
	switch {
	case errors.Is(err, connection.ErrNotFound):
		name = "ResourceNotFound"
	case errors.Is(err, connection.ErrInProgress):
		name = "AuthInProgress"
	case errors.Is(err, connection.ErrState):
		name = "InvalidConnectionState"
	}
	return &workflow.TaskError{Error: connectionError + name, Cause: err.Error()}
}

func fields(list []connection.Parameter) []integration.Field {
	out := make([]integration.Field, len(list))
	for i, p := range list {
		out[i] = integration.Field{Name: p.Key, Value: p.Value}
	}
	return out
}

// Do implements integration.HTTP.
func (h *HTTPCalls) Do(ctx context.Context, req *integration.HTTPRequest, limit int) (*integration.HTTPResponse, error) {
	r, err := http.NewRequestWithContext(ctx, req.Method, req.URL, strings.NewReader(req.Body))
	if err != nil {
		return nil, withoutURL(err)
	}
	for _, f := range req.Header {
		r.Header[http.CanonicalHeaderKey(f.Name)] = []string{f.Value}
	}
	res, err := h.client.Do(r)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer res.Body.Close()
	out := &integration.HTTPResponse{Proto: res.Proto, Status: res.StatusCode, Text: strings.TrimSpace(res.Status[min(3, len(res.Status)):])}
	if out.Text == "" { // HTTP/2 has none
		out.Text = http.StatusText(res.StatusCode)
	}
	for name, vs := range res.Header {
		for _, v := range vs {
			out.Header = append(out.Header, integration.Field{Name: strings.ToLower(name), Value: v})
		}
	}
	slices.SortStableFunc(out.Header, func(a, b integration.Field) int { return strings.Compare(a.Name, b.Name) })
	out.Body, err = io.ReadAll(io.LimitReader(res.Body, int64(limit)))
	return out, err
}
