package topic_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/topic"
)

// sink remembers deliveries as "endpoint:text".
type sink struct {
	store  kv.Store
	got    []string
	buried chan string
}

func (s *sink) Check(context.Context, topic.Ref, topic.Subscription) error { return nil }

func (s *sink) Add(_ context.Context, _ *kv.Batch, list []topic.Delivery) error {
	for _, d := range list {
		s.got = append(s.got, d.Subscription.Endpoint+":"+d.Message.Text(d.Subscription.Protocol))
	}
	return nil
}

func (s *sink) Apply(ctx context.Context, b *kv.Batch, list []topic.Delivery) (kv.Pending, error) {
	if err := s.Add(ctx, b, list); err != nil || b.Empty() {
		return nil, err
	}
	return s.store.Apply(ctx, b)
}

func (s *sink) Bury(_ context.Context, _ *kv.Batch, d topic.Delivery, reason error) error {
	s.buried <- d.Message.Body + ": " + reason.Error()
	return nil
}

func (s *sink) Confirm(_ context.Context, _ *kv.Batch, n topic.Notice) error {
	s.buried <- string(n.Kind) + " " + n.Subscription.Token
	return nil
}

func (s *sink) take() string {
	slices.Sort(s.got)
	out := strings.Join(s.got, " ")
	s.got = nil
	return out
}

var scope = ident.Scope{Account: "000000000000", Region: "us-east-1"}

func TestFilters(t *testing.T) {
	store := kvtest.New(t)
	s := &sink{store: store}
	open := func() *topic.Engine {
		e, err := topic.Open(t.Context(), topic.Options{Store: store, Deliverer: s})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := open()
	r := topic.Ref{Scope: scope, Name: "t"}
	if _, err := e.Create(t.Context(), r, nil, nil); err != nil {
		t.Fatal(err)
	}
	var all topic.Subscription
	for _, sub := range []topic.Subscription{
		{Endpoint: "all"}, {Endpoint: "a", Filter: `{"k":["a",{"prefix":"x"}]}`}, {Endpoint: "array", Filter: `{"list":["two"]}`},
		{Endpoint: "number", Filter: `{"n":[{"numeric":[">=",10]}]}`}, {Endpoint: "none", Filter: `{"k":[{"exists":false}]}`},
		{Endpoint: "body", Filter: `{"in":{"side":["yes"]}}`, OnBody: true},
	} {
		sub.Topic, sub.Protocol = r, "sqs"
		made, err := e.Subscribe(t.Context(), sub, nil)
		if err != nil {
			t.Fatal(err)
		}
		if sub.Endpoint == "all" {
			all = made
		}
	}
	e = open()
	attr := func(name, typ, v string) topic.Attribute {
		return topic.Attribute{Name: name, Type: typ, Value: []byte(v)}
	}
	for _, c := range []struct {
		m    topic.Message
		want string
	}{
		{topic.Message{Body: "1", Attributes: []topic.Attribute{attr("k", "String", "a")}}, "a:1 all:1"},
		{topic.Message{Body: "2", Attributes: []topic.Attribute{attr("k", "String", "xyz"), attr("n", "Number", "1e1")}}, "a:2 all:2 number:2"},
		{topic.Message{Body: "3", Attributes: []topic.Attribute{attr("k", "String", "b"), attr("list", "String.Array", `["one","two"]`)}}, "all:3 array:3"},
		{topic.Message{Body: `{"in":{"side":"yes"}}`}, `all:{"in":{"side":"yes"}} body:{"in":{"side":"yes"}} none:{"in":{"side":"yes"}}`},
		{topic.Message{Body: "x", PerTarget: map[string]string{"default": "d", "sqs": "q"}}, "all:q none:q"},
	} {
		_, errs, err := e.Publish(t.Context(), r, []topic.Message{c.m})
		if err = errors.Join(err, errs[0]); err != nil {
			t.Fatal(err)
		}
		if got := s.take(); got != c.want {
			t.Errorf("%+v: %s", c.m, got)
		}
	}
	if err := e.Unsubscribe(t.Context(), r, all.ID); err != nil {
		t.Fatal(err)
	}
	e = open()
	if _, _, err := e.Publish(t.Context(), r, []topic.Message{{Body: "4"}}); err != nil {
		t.Fatal(err)
	}
	if got := s.take(); got != "none:4" {
		t.Errorf("after unsubscribing: %s", got)
	}
}

func TestRefusals(t *testing.T) {
	store := kvtest.New(t)
	e, err := topic.Open(t.Context(), topic.Options{Store: store, Deliverer: &sink{store: store}})
	if err != nil {
		t.Fatal(err)
	}
	r, f := topic.Ref{Scope: scope, Name: "t"}, topic.Ref{Scope: scope, Name: "t.fifo"}
	_, err1 := e.Create(t.Context(), r, nil, nil)
	_, err2 := e.Create(t.Context(), f, map[string]string{"FifoTopic": "true"}, nil)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Create(t.Context(), topic.Ref{Scope: scope, Name: "x.fifo"}, nil, nil); !errors.Is(err, topic.ErrBadParameter) {
		t.Errorf("a FIFO name without the attribute: %v", err)
	}
	_, err = e.Subscribe(t.Context(), topic.Subscription{Topic: r, Protocol: "sqs", Endpoint: "x", Filter: `{"a":1}`}, nil)
	if !errors.Is(err, topic.ErrBadParameter) {
		t.Errorf("a bad filter: %v", err)
	}
	for _, c := range []struct {
		to   topic.Ref
		m    topic.Message
		want error
	}{
		{r, topic.Message{}, topic.ErrBadParameter},
		{r, topic.Message{Body: strings.Repeat("x", topic.MaxMessageBytes+1)}, topic.ErrTooLong},
		{r, topic.Message{Body: "x", Subject: "a\nb"}, topic.ErrBadParameter},
		{r, topic.Message{Body: "x", DedupID: "1"}, topic.ErrBadParameter},
		{f, topic.Message{Body: "x", DedupID: "1"}, topic.ErrBadParameter},
		{f, topic.Message{Body: "x", Group: "g"}, topic.ErrBadParameter},
	} {
		if _, errs, err := e.Publish(t.Context(), c.to, []topic.Message{c.m}); err != nil || !errors.Is(errs[0], c.want) {
			t.Errorf("%+v: %v %v", c.m, errs, err)
		}
	}
}

// TestRefusedFilters: a filter policy is read without spaces; where it is refused, the place is that in this form.
func TestRefusedFilters(t *testing.T) {
	store := kvtest.New(t)
	e, err := topic.Open(t.Context(), topic.Options{Store: store, Deliverer: &sink{store: store}})
	if err != nil {
		t.Fatal(err)
	}
	r := topic.Ref{Scope: scope, Name: "t"}
	if _, err := e.Create(t.Context(), r, nil, nil); err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string]string{
		`{"k": [ {"suffix": 7} ]}`: "FilterPolicy: suffix match pattern must be a string\n at [Source: (String)\"{\"k\":[{\"suffix\":7}]}\"; line: 1, column: 18]",
		`{k}`:                      "FilterPolicy: failed to parse JSON. Unexpected character ('k' (code 107)): was expecting double-quote to start field name\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]",
	} {
		_, err := e.Subscribe(t.Context(), topic.Subscription{Topic: r, Owner: scope.Account, Protocol: "sqs", Endpoint: "arn:aws:sqs:us-east-1:000000000000:q", Filter: filter}, nil)
		if !errors.Is(err, topic.ErrBadParameter) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", filter, err, want)
		}
	}
}
