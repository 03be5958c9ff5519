package topic_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/topic"
)

// outside is an endpoint that answers what the test says.
type outside struct {
	got    chan topic.Notice
	answer chan error
}

func (o *outside) Send(ctx context.Context, n topic.Notice) error {
	select {
	case o.got <- n:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o *outside) next(answer error) topic.Notice {
	n := <-o.got
	o.answer <- answer
	return n
}

func openOutside(t *testing.T, store kv.Store, c clock.Clock) (*topic.Engine, *outside, *sink) {
	t.Helper()
	o, s := &outside{got: make(chan topic.Notice), answer: make(chan error)}, &sink{store: store, buried: make(chan string, 1)}
	e, err := topic.Open(t.Context(), topic.Options{Store: store, Deliverer: s, Endpoints: o, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); e.Run(ctx) }()
	t.Cleanup(sync.OnceFunc(func() { cancel(); <-done }))
	return e, o, s
}

func TestHandshake(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	e, o, _ := openOutside(t, kvtest.New(t), c)
	r := topic.Ref{Scope: scope, Name: "t"}
	if _, err := e.Create(t.Context(), r, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Subscribe(t.Context(), topic.Subscription{Topic: r, Protocol: "https", Endpoint: "http://x/"}, nil); !errors.Is(err, topic.ErrBadParameter) {
		t.Errorf("an address that is not of the protocol: %v", err)
	}
	s, err := e.Subscribe(t.Context(), topic.Subscription{Topic: r, Protocol: "http", Endpoint: "http://x/"}, nil)
	if err != nil || !s.Pending {
		t.Fatalf("%+v: %v", s, err)
	}
	n := o.next(nil)
	if n.Kind != topic.Confirmation || n.Subscription.Token == "" {
		t.Fatalf("asked with %+v", n)
	}
	publish := func(body string) {
		t.Helper()
		if _, errs, err := e.Publish(t.Context(), r, []topic.Message{{Body: body}}); errors.Join(err, errs[0]) != nil {
			t.Fatal(err, errs)
		}
	}
	publish("too early")
	if _, err := e.Confirm(t.Context(), r, "x", false); !errors.Is(err, topic.ErrBadParameter) {
		t.Errorf("a token that was not sent: %v", err)
	}
	for range 2 { // the second time changes nothing
		if s, err := e.Confirm(t.Context(), r, n.Subscription.Token, false); err != nil || s.Pending {
			t.Fatalf("%+v: %v", s, err)
		}
	}
	publish("first")
	if n := o.next(nil); n.Kind != topic.Notification || n.Message.Body != "first" {
		t.Errorf("notified with %+v", n)
	}
	if err := e.Unsubscribe(t.Context(), r, s.ID); err != nil {
		t.Fatal(err)
	}
	gone := o.next(nil)
	publish("nobody wants it")
	if _, err := e.Confirm(t.Context(), r, gone.Subscription.Token, false); gone.Kind != topic.Removal || err != nil {
		t.Fatalf("restore: %+v %v", gone, err)
	}
	publish("again")
	if n := o.next(nil); n.Message.Body != "again" {
		t.Errorf("after it was restored: %+v", n)
	}
	late, err := e.Subscribe(t.Context(), topic.Subscription{Topic: r, Protocol: "email", Endpoint: "a@example.com"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	n = o.next(nil)
	c.Advance(topic.TokenLife + time.Second)
	if _, err := e.Confirm(t.Context(), r, n.Subscription.Token, false); err == nil {
		t.Error("a token was taken after its time")
	}
	_ = late
}

func TestRetriesThenDeadLetters(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	store := kvtest.New(t)
	e, o, s := openOutside(t, store, c)
	r := topic.Ref{Scope: scope, Name: "t"}
	if _, err := e.Create(t.Context(), r, nil, nil); err != nil {
		t.Fatal(err)
	}
	policy := `{"healthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":10,"numRetries":3,"numNoDelayRetries":1}}`
	if _, err := e.Subscribe(t.Context(), topic.Subscription{Topic: r, Protocol: "http", Endpoint: "http://x/", Dead: "dead", Retry: policy}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Confirm(t.Context(), r, o.next(nil).Subscription.Token, false); err != nil {
		t.Fatal(err)
	}
	fails := errors.New("503")
	if _, _, err := e.Publish(t.Context(), r, []topic.Message{{Body: "m"}}); err != nil {
		t.Fatal(err)
	}
	first := o.next(fails)
	var waits []time.Duration
	for range 3 {
		start := c.Now()
		for len(o.got) == 0 { // the outbox arms its timer in a goroutine of its own
			select {
			case n := <-o.got:
				if n.Entry != first.Entry || n.Message.ID != first.Message.ID {
					t.Errorf("another message: %+v", n)
				}
				waits = append(waits, c.Now().Sub(start))
				o.answer <- fails
			default:
				if next, ok := c.NextTimer(); ok && next.Sub(c.Now()) <= 10*time.Second {
					c.Advance(next.Sub(c.Now()))
				}
				continue
			}
			break
		}
	}
	if got := fmt.Sprint(waits); got != "[0s 5s 10s]" {
		t.Errorf("waited %s", got)
	}
	if got := <-s.buried; got != "m: 503" {
		t.Errorf("buried %s", got)
	}
	if _, _, err := e.Publish(t.Context(), r, []topic.Message{{Body: "p"}}); err != nil {
		t.Fatal(err)
	}
	o.next(fmt.Errorf("%w: 404", topic.ErrPermanent))
	if got := <-s.buried; got != "p: "+topic.ErrPermanent.Error()+": 404" {
		t.Errorf("buried %s", got)
	}
}

func TestDeliveryPolicies(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"healthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":3600,"numRetries":1}}`: true, `{"healthyRetryPolicy":{"minDelayTarget":0}}`: false,
		`{"healthyRetryPolicy":{"maxDelayTarget":3601}}`: false, `{"healthyRetryPolicy":{"numRetries":101}}`: false, `{"healthyRetryPolicy":{"numRetries":100}}`: true,
		`{"healthyRetryPolicy":{"numRetries":4,"minDelayTarget":1000,"maxDelayTarget":1000}}`: false, `{"throttlePolicy":{"maxReceivesPerSecond":1}}`: true, `{"throttlePolicy":{"maxReceivesPerSecond":0}}`: false, `{"throttlePolicy":null}`: true, `{"x":1}`: false,
		`{"healthyRetryPolicy":{"backoffFunction":"other"}}`: false, `{"requestPolicy":{"headerContentType":"application/json"}}`: true, `[]`: false, ``: true,
	} {
		if _, err := topic.ParseDeliveryPolicy(text, false); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestForeignQueueConfirms: a queue of another account than that of who asked takes messages once its owner has confirmed.
func TestForeignQueueConfirms(t *testing.T) {
	e, _, s := openOutside(t, kvtest.New(t), clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)))
	r := topic.Ref{Scope: scope, Name: "t"}
	if _, err := e.Create(t.Context(), r, nil, nil); err != nil {
		t.Fatal(err)
	}
	const theirs = "arn:aws:sqs:us-east-1:222222222222:q"
	own, err := e.Subscribe(t.Context(), topic.Subscription{Topic: r, Owner: "222222222222", Protocol: "sqs", Endpoint: theirs + "2"}, nil)
	if err != nil || own.Pending {
		t.Errorf("its owner asks: %+v, %v", own, err)
	}
	sub, err := e.Subscribe(t.Context(), topic.Subscription{Topic: r, Owner: r.Account, Protocol: "sqs", Endpoint: theirs}, nil)
	if err != nil || !sub.Pending {
		t.Fatalf("another asks: %+v, %v", sub, err)
	}
	if got := <-s.buried; got != "SubscriptionConfirmation "+sub.Token {
		t.Errorf("sent %q", got)
	}
	if sub, err = e.Confirm(t.Context(), r, sub.Token, false); err != nil || sub.Pending {
		t.Errorf("confirmed: %+v, %v", sub, err)
	}
}

// TestThrottlePolicy has posts that follow each other at the rate of the policy, and another subscription that does not wait.
func TestThrottlePolicy(t *testing.T) {
	c := clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	e, o, _ := openOutside(t, kvtest.New(t), c)
	r := topic.Ref{Scope: scope, Name: "t"}
	if _, err := e.Create(t.Context(), r, nil, nil); err != nil {
		t.Fatal(err)
	}
	for endpoint, policy := range map[string]string{"http://slow/": `{"throttlePolicy":{"maxReceivesPerSecond":2}}`, "http://fast/": ""} {
		set := func(s *topic.Subscription) error { s.Retry = policy; return nil }
		if _, err := e.Subscribe(t.Context(), topic.Subscription{Topic: r, Protocol: "http", Endpoint: endpoint}, set); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Confirm(t.Context(), r, o.next(nil).Subscription.Token, false); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if _, errs, err := e.Publish(t.Context(), r, []topic.Message{{Body: "m"}}); errors.Join(err, errs[0]) != nil {
			t.Fatal(err, errs)
		}
	}
	count := map[string]int{}
	for range 4 { // three that do not wait, and the first of the others
		count[o.next(nil).Subscription.Endpoint]++
	}
	if count["http://fast/"] != 3 {
		t.Errorf("without a policy: %v", count)
	}
	for i := range 2 {
		for { // other timers are those of the outbox and of expired tokens
			if at, ok := c.NextTimer(); ok && at.Sub(c.Now()) == 500*time.Millisecond {
				break
			}
			runtime.Gosched()
		}
		c.Advance(499 * time.Millisecond)
		select {
		case n := <-o.got:
			t.Errorf("post %d is early: %+v", i, n)
		default:
		}
		c.Advance(time.Millisecond)
		o.next(nil)
	}
}
