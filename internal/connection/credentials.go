package connection

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
)

// Token is what an authorization endpoint gave.
type Token struct {
	Value   string
	Expires time.Time // zero = it said nothing
}

// Tokens fetches tokens. It is implemented by bridge.
type Tokens interface {
	// Token asks the endpoint for a token. ErrRefused in its error says that another request would not do better.
	Token(ctx context.Context, c OAuthClient) (Token, error)
}

// Credentials are what a connection adds to a request.
type Credentials struct {
	Parameters
	// Renewable is the token among the headers; "" where there is none. If the API refuses it, ask for the credentials again with it.
	Renewable string
}

const (
	attempts   = 3 // to authorise a connection
	pause      = time.Second
	early      = 30 * time.Second // before a token runs out another is fetched
	reasonSize = 512
)

// Credentials returns what the connection with an ARN adds to a request, authorisation included. refused is a token that the API did
// not take. Errors: ErrNotFound, ErrState, ErrInProgress, others when no token could be fetched.
func (e *Engine) Credentials(ctx context.Context, arn, refused string) (Credentials, error) {
	c, err := e.Find(arn)
	if err != nil {
		return Credentials{}, err
	}
	switch c.State {
	case Authorized:
	case Authorizing:
		return Credentials{}, fmt.Errorf("%w: %s", ErrInProgress, c.Name)
	default:
		return Credentials{}, fmt.Errorf("%w: connection %s is %s", ErrState, c.Name, c.State)
	}
	var out Credentials
	if p := c.Parameters; p != nil {
		out.Header, out.Query, out.Body = append(out.Header, p.Header...), append(out.Query, p.Query...), append(out.Body, p.Body...)
	}
	switch a := c.Auth; c.Type {
	case Basic:
		out.Header = append(out.Header, secret("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(a.Username+":"+a.Password))))
	case APIKey:
		out.Header = append(out.Header, secret(a.KeyName, a.KeyValue))
	case OAuth:
		t, err := e.token(ctx, c, refused)
		if err != nil {
			return Credentials{}, err
		}
		out.Renewable = t
		out.Header = append(out.Header, secret("Authorization", "Bearer "+t))
	}
	return out, nil
}

func secret(k, v string) Parameter { return Parameter{Key: k, Value: v, Secret: true} }

// token returns the token in memory, or fetches one. An endpoint that refuses deauthorises the connection.
func (e *Engine) token(ctx context.Context, c Connection, refused string) (string, error) {
	e.mu.RLock()
	t, ok := e.tokens[c.ARN()]
	e.mu.RUnlock()
	if ok && t.Value != refused && (t.Expires.IsZero() || e.opts.Clock.Now().Before(t.Expires.Add(-early))) {
		return t.Value, nil
	}
	t, err := e.opts.Tokens.Token(ctx, *c.Auth.OAuth)
	if err != nil {
		if errors.Is(err, ErrRefused) {
			e.settle(ctx, c, Token{}, err)
			return "", fmt.Errorf("%w: %w", ErrState, err)
		}
		return "", fmt.Errorf("fetch token of connection %s: %w", c.Name, err)
	}
	e.settle(ctx, c, t, nil)
	return t.Value, nil
}

// authorizeSoon fetches the first token of a connection.
func (e *Engine) authorizeSoon(c Connection) {
	e.opts.Group.Go("authorize connection", func(ctx context.Context) {
		for n := 1; ; n++ {
			t, err := e.opts.Tokens.Token(ctx, *c.Auth.OAuth)
			if err == nil || errors.Is(err, ErrRefused) || n == attempts {
				e.settle(ctx, c, t, err)
				return
			}
			if clock.Sleep(ctx, e.opts.Clock, time.Duration(n)*pause) != nil {
				return // it is authorised after the next start
			}
		}
	})
}

// settle notes the outcome of a token request, unless the connection has changed since.
func (e *Engine) settle(ctx context.Context, c Connection, t Token, fail error) {
	if ctx.Err() != nil {
		return
	}
	err := e.change(ctx, func(b *kv.Batch) (func(), error) {
		now, ok := e.connections[c.Ref]
		if !ok || now.ID != c.ID || !now.Modified.Equal(c.Modified) {
			return nil, nil
		}
		if fail == nil && now.State == Authorized { // a token more; nothing to write
			e.tokens[c.ARN()] = t
			return nil, nil
		}
		now.State, now.Reason = Authorized, ""
		if fail != nil {
			now.State, now.Reason = Deauthorized, fail.Error()
			now.Reason = now.Reason[:min(len(now.Reason), reasonSize)]
		} else {
			now.Authorized = e.opts.Clock.Now().UTC()
		}
		put := e.put(b, now)
		return func() {
			put()
			if fail == nil {
				e.tokens[c.ARN()] = t
			}
		}, nil
	})
	if err != nil {
		e.log.Error("the state of a connection could not be kept", "connection", c.ARN(), "error", err)
	}
}
