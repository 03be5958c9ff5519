package connection_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/connection"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/lifecycle"
)

var (
	scope = ident.Scope{Account: "000000000000", Region: "us-east-1"}
	begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// endpoint gives numbered tokens, or an error, for each that is asked for on ask.
type endpoint struct {
	ask  chan string
	give chan error
	life time.Duration
	now  func() time.Time
	n    int
}

func (p *endpoint) Token(ctx context.Context, c connection.OAuthClient) (connection.Token, error) {
	p.ask <- c.ID
	select {
	case err := <-p.give:
		p.n++
		return connection.Token{Value: fmt.Sprint("t", p.n), Expires: p.now().Add(p.life)}, err
	case <-ctx.Done():
		return connection.Token{}, ctx.Err()
	}
}

func open(t *testing.T, store kv.Store, tokens connection.Tokens, c clock.Clock) (*connection.Engine, func()) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	g := lifecycle.New(context.Background(), log)
	stop := func() { _ = g.Stop(context.Background()) }
	t.Cleanup(stop)
	e, err := connection.Open(t.Context(), connection.Options{Store: store, Tokens: tokens, Group: g, Clock: c, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	return e, stop
}

func ref(name string) connection.Ref { return connection.Ref{Scope: scope, Name: name} }

func headers(t *testing.T, e *connection.Engine, arn, refused string) []string {
	t.Helper()
	c, err := e.Credentials(t.Context(), arn, refused)
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, p := range c.Header {
		out = append(out, p.Key+": "+p.Value)
	}
	return out
}

func TestCredentials(t *testing.T) {
	store := kvtest.New(t)
	e, _ := open(t, store, nil, clock.NewFake(begin))
	basic, err := e.Create(t.Context(), connection.Connection{Ref: ref("basic"), Type: connection.Basic, Auth: &connection.Auth{Username: "u", Password: "p"},
		Parameters: &connection.Parameters{Header: []connection.Parameter{{Key: "X-A", Value: "1"}}}})
	if err != nil {
		t.Fatal(err)
	}
	key, err := e.Create(t.Context(), connection.Connection{Ref: ref("key"), Type: connection.APIKey, Auth: &connection.Auth{KeyName: "X-Key", KeyValue: "k"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Create(t.Context(), key); !errors.Is(err, connection.ErrExists) {
		t.Errorf("a second one: %v", err)
	}
	if _, err := e.Update(t.Context(), ref("key"), func(c *connection.Connection) bool {
		c.Auth = &connection.Auth{KeyName: "X-Key", KeyValue: "new"}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Update(t.Context(), ref("key"), func(c *connection.Connection) bool {
		c.Auth.Password = "of another type"
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if c, _ := e.Connection(ref("key")); c.Auth.Password != "" {
		t.Errorf("credentials of another type are kept: %+v", c.Auth)
	}
	e, _ = open(t, store, nil, clock.NewFake(begin)) // as after a restart
	if d := cmp.Diff([]string{"X-A: 1", "Authorization: Basic dTpw"}, headers(t, e, basic.ARN(), "")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"X-Key: new"}, headers(t, e, key.ARN(), "")); d != "" {
		t.Error(d)
	}
	if _, err := e.Deauthorize(t.Context(), ref("key")); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Credentials(t.Context(), key.ARN(), ""); !errors.Is(err, connection.ErrState) {
		t.Errorf("deauthorized: %v", err)
	}
	if _, err := e.Delete(t.Context(), ref("basic")); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Credentials(t.Context(), basic.ARN(), ""); !errors.Is(err, connection.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

func TestBadConnections(t *testing.T) {
	e, _ := open(t, kvtest.New(t), nil, clock.NewFake(begin))
	for name, c := range map[string]connection.Connection{
		"no password":   {Ref: ref("a"), Type: connection.Basic, Auth: &connection.Auth{Username: "u"}},
		"name":          {Ref: ref("a b"), Type: connection.Basic, Auth: &connection.Auth{Username: "u", Password: "p"}},
		"other type":    {Ref: ref("a"), Type: connection.APIKey, Auth: &connection.Auth{Username: "u", Password: "p"}},
		"unknown type":  {Ref: ref("a"), Type: "MAGIC"},
		"no endpoint":   {Ref: ref("a"), Type: connection.OAuth, Auth: &connection.Auth{OAuth: &connection.OAuthClient{ID: "i", Secret: "s", Endpoint: "nowhere"}}},
		"split headers": {Ref: ref("a"), Type: connection.Basic, Auth: &connection.Auth{Username: "u", Password: "p"}, Parameters: &connection.Parameters{Header: []connection.Parameter{{Key: "a", Value: "b\r\nc: d"}}}},
	} {
		if _, err := e.Create(t.Context(), c); !errors.Is(err, connection.ErrBadInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokens(t *testing.T) {
	store, c := kvtest.New(t), clock.NewFake(begin)
	p := &endpoint{ask: make(chan string, 8), give: make(chan error, 8), life: time.Hour, now: c.Now}
	e, stop := open(t, store, p, c)
	x, err := e.Create(t.Context(), connection.Connection{Ref: ref("o"), Type: connection.OAuth, Auth: &connection.Auth{OAuth: &connection.OAuthClient{ID: "id", Secret: "s", Endpoint: "https://auth"}}})
	if err != nil || x.State != connection.Authorizing {
		t.Fatalf("%+v, %v", x, err)
	}
	<-p.ask
	if _, err := e.Credentials(t.Context(), x.ARN(), ""); !errors.Is(err, connection.ErrInProgress) {
		t.Errorf("while it is authorised: %v", err)
	}
	stop() // before the endpoint answers: it is asked again after the start
	e, _ = open(t, store, p, c)
	<-p.ask
	p.give <- nil
	for got, err := e.Connection(ref("o")); got.State == connection.Authorizing && err == nil; got, err = e.Connection(ref("o")) {
		runtime.Gosched()
	}
	want := func(header string, asked int, refused string) {
		t.Helper()
		if got := headers(t, e, x.ARN(), refused); !slices.Equal(got, []string{"Authorization: Bearer " + header}) || len(p.ask) != asked {
			t.Errorf("got %v after %d questions, want %s after %d", got, len(p.ask), header, asked)
		}
		for len(p.ask) > 0 {
			<-p.ask
		}
	}
	want("t1", 0, "")
	p.give <- nil
	want("t2", 1, "t1")
	want("t2", 0, "t1")
	c.Advance(time.Hour - 10*time.Second)
	p.give <- nil
	want("t3", 1, "")
	p.give <- errors.New("no network")
	if got := headers(t, e, x.ARN(), "t3"); len(got) != 1 {
		t.Error(got)
	}
	if got, _ := e.Connection(ref("o")); got.State != connection.Authorized {
		t.Errorf("a passing fault deauthorised it: %+v", got)
	}
	p.give <- connection.ErrRefused
	if _, err := e.Credentials(t.Context(), x.ARN(), "t3"); !errors.Is(err, connection.ErrState) {
		t.Errorf("refused: %v", err)
	}
	if got, _ := e.Connection(ref("o")); got.State != connection.Deauthorized || got.Reason == "" {
		t.Errorf("%+v", got)
	}
}

func TestDestinations(t *testing.T) {
	e, _ := open(t, kvtest.New(t), nil, clock.NewFake(begin))
	d := connection.Destination{Ref: ref("d"), Connection: "arn:aws:events:us-east-1:000000000000:connection/none/1", Endpoint: "https://example.com/*", Method: "POST"}
	if _, err := e.CreateDestination(t.Context(), d); !errors.Is(err, connection.ErrNotFound) {
		t.Errorf("without its connection: %v", err)
	}
	c, err := e.Create(t.Context(), connection.Connection{Ref: ref("c"), Type: connection.Basic, Auth: &connection.Auth{Username: "u", Password: "p"}})
	if err != nil {
		t.Fatal(err)
	}
	d.Connection = c.ARN()
	for _, n := range []string{"a", "b", "c"} {
		d.Name = n
		if _, err := e.CreateDestination(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	all := func(connection.Destination) bool { return true }
	list, next := e.Destinations(scope, all, "", 2)
	if len(list) != 2 || next != "b" || list[0].Rate != connection.DefaultRate {
		t.Errorf("%+v, %q", list, next)
	}
	if list, next = e.Destinations(scope, all, next, 2); len(list) != 1 || next != "" {
		t.Errorf("%+v, %q", list, next)
	}
	if _, active, err := e.Destination(ref("a")); err != nil || !active {
		t.Errorf("%v, %v", active, err)
	}
	if _, err := e.Delete(t.Context(), c.Ref); err != nil {
		t.Fatal(err)
	}
	if _, active, err := e.Destination(ref("a")); err != nil || active {
		t.Errorf("without its connection: %v, %v", active, err)
	}
}
