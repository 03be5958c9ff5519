package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/connection"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/outbox"
	"github.com/tarn-data/tarn/internal/pace"
	"github.com/tarn-data/tarn/internal/policy"
)

// EventAPIs calls the API destinations that are targets of rules.
//
// Source: "API destinations as targets in Amazon EventBridge" in the EventBridge user guide.
type EventAPIs struct {
	Connections *connection.Engine
	Calls       *HTTPCalls
	Clock       clock.Clock

	pace pace.Pacer // by the destination's ARN
}

// apiTime is how long a call of an API destination may take.
const apiTime = 5 * time.Second

const apiPrefix = "api-destination/"

// destination finds the one that an ARN names.
func (d *EventAPIs) destination(a ident.ARN, arn string) (connection.Destination, error) {
	name, _, _ := strings.Cut(strings.TrimPrefix(a.Resource, apiPrefix), "/")
	x, _, err := d.Connections.Destination(connection.Ref{Scope: a.Scope(), Name: name})
	if err == nil && x.ARN() != arn {
		err = fmt.Errorf("%w: %s", connection.ErrNotFound, arn)
	}
	return x, err
}

// call makes one call with the rights of the target's role. Answers of 401, 407, 409, 429 and 5xx, and none, are worth another.
func (d *EventTargets) call(ctx context.Context, x event.Delivery, a ident.ARN) error {
	c, err := d.assume(ctx, x) // the API destinations are at hand once the services are served
	if err != nil {
		return err
	}
	q := &policy.Request{Principal: c.Principal, Action: "events:InvokeApiDestination", Resource: x.Target.ARN}
	if v := policy.Evaluate(q); !v.Allowed {
		return gone("%s", v.Message(q))
	}
	dest, err := d.apis.destination(a, x.Target.ARN)
	if err != nil {
		return gone("target %s: %w", x.Target.ARN, err)
	}
	if err := d.apis.pace.Await(ctx, d.apis.Clock, x.Target.ARN, dest.Rate); err != nil {
		return err
	}
	refused := ""
	for {
		cred, err := d.apis.Connections.Credentials(ctx, dest.Connection, refused)
		if errors.Is(err, connection.ErrNotFound) || errors.Is(err, connection.ErrState) {
			return gone("target %s: %w", x.Target.ARN, err)
		}
		if err != nil {
			return err
		}
		status, wait, err := d.apis.send(ctx, &x, &dest, &cred)
		switch {
		case err != nil:
			return err
		case status >= 200 && status < 300:
			return nil
		case status == http.StatusUnauthorized && refused == "" && cred.Renewable != "":
			refused = cred.Renewable // once, with a new token
			continue
		}
		err = fmt.Errorf("%s %s answered %d %s", dest.Method, dest.Endpoint, status, http.StatusText(status))
		switch {
		case status == http.StatusTooManyRequests && wait > 0:
			return &outbox.Later{After: wait, Err: err}
		case status >= 500, status == http.StatusUnauthorized, status == http.StatusProxyAuthRequired, status == http.StatusConflict, status == http.StatusTooManyRequests:
			return err
		}
		return gone("%w", err)
	}
}

// send returns the status of the answer, and how long its Retry-After asks to wait.
func (d *EventAPIs) send(ctx context.Context, x *event.Delivery, dest *connection.Destination, cred *connection.Credentials) (status int, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	r, err := apiRequest(ctx, x, dest, cred)
	if err != nil {
		return 0, 0, gone("target %s: %w", x.Target.ARN, withoutURL(err))
	}
	res, err := d.Calls.client.Do(r)
	if err != nil {
		return 0, 0, withoutURL(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // so that the connection can be used again
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
		wait = min(time.Duration(n)*time.Second, 24*time.Hour)
	}
	return res.StatusCode, wait, nil
}

// apiRequest puts a call together: what the target says comes first, what the connection says replaces it.
func apiRequest(ctx context.Context, x *event.Delivery, dest *connection.Destination, cred *connection.Credentials) (*http.Request, error) {
	address := dest.Endpoint
	p := x.Target.HTTP
	if p == nil {
		p = &event.HTTPParameters{}
	}
	for _, v := range p.Path {
		address = strings.Replace(address, "*", url.PathEscape(v), 1)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	for k, v := range p.Query {
		query.Set(k, v)
	}
	for _, f := range cred.Query {
		query.Set(f.Key, f.Value)
	}
	u.RawQuery = query.Encode()
	body := ""
	if dest.Method != http.MethodGet && dest.Method != http.MethodHead {
		body = withMembers(x.Payload, cred.Body)
	}
	r, err := http.NewRequestWithContext(ctx, dest.Method, u.String(), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Range", "bytes=0-1048575")
	for k, v := range p.Header {
		r.Header.Set(k, v)
	}
	r.Header.Set("User-Agent", "Amazon/EventBridge/ApiDestinations")
	for _, f := range cred.Header {
		r.Header.Set(f.Key, f.Value)
	}
	return r, nil
}

// withMembers adds a connection's members to a body that is an object.
func withMembers(body []byte, members []connection.Parameter) string {
	var doc map[string]json.RawMessage
	if len(members) == 0 || json.Unmarshal(body, &doc) != nil || doc == nil {
		return string(body)
	}
	for _, m := range members {
		text, err := json.Marshal(m.Value)
		if err != nil {
			panic("BUG: encode text: " + err.Error())
		}
		doc[m.Key] = text
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return string(body)
	}
	return string(out)
}
