package bridge

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/queue"
	"github.com/tarn-data/tarn/internal/topic"
)

// Destinations takes records of asynchronous invocations to queues, topics, event buses and functions. The delivery is a part of
// the batch that ends the invocation. Make it with NewDestinations.
type Destinations struct {
	queues    *queue.Engine
	connected chan struct{} // closed when the fields below are set
	functions *function.Service
	topics    *topic.Engine
	events    *event.Engine
}

var _ function.Destination = (*Destinations)(nil)

// NewDestinations returns destinations that wait for Connect with what they are given.
func NewDestinations(q *queue.Engine) *Destinations {
	return &Destinations{queues: q, connected: make(chan struct{})}
}

// Connect sets the functions, topics and buses, which are opened with the destinations at hand. It is called once.
func (d *Destinations) Connect(f *function.Service, t *topic.Engine, e *event.Engine) {
	d.functions, d.topics, d.events = f, t, e
	close(d.connected)
}

// Send implements function.Destination. Records that a restart finds may come before Connect.
func (d *Destinations) Send(ctx context.Context, b *kv.Batch, scope ident.Scope, target string, o function.Outcome) error {
	select {
	case <-d.connected:
	case <-ctx.Done():
		return ctx.Err()
	}
	a, err := ident.ParseARN(target)
	if err != nil {
		return err
	}
	switch a.Service {
	case "sqs":
		r, ok := queue.ParseARN(target)
		if !ok {
			return fmt.Errorf("%q is not the ARN of a queue", target)
		}
		return d.queues.Enqueue(b, queue.Incoming{Queue: r, Message: queue.Message{Body: string(o.Body), Sender: scope.Account, Attributes: letterAttributes(o.Letter)}})
	case "sns":
		r, _, ok := topic.ParseARN(target)
		if !ok {
			return fmt.Errorf("%q is not the ARN of a topic", target)
		}
		m := topic.Message{Body: string(o.Body)}
		for _, a := range letterAttributes(o.Letter) {
			m.Attributes = append(m.Attributes, topic.Attribute(a))
		}
		return d.topics.Enqueue(ctx, b, r, m)
	case "events":
		kind := "Lambda Function Invocation Result - Success"
		if o.Failed {
			kind = "Lambda Function Invocation Result - Failure"
		}
		bus := event.BusRef{Scope: a.Scope(), Name: strings.TrimPrefix(a.Resource, "event-bus/")}
		_, err := d.events.Emit(b, bus, event.Event{Source: "lambda", DetailType: kind, Resources: []string{target, o.Function}, Detail: o.Body})
		return err
	case "lambda":
		ref, err := function.ParseRef(scope, target, "")
		if err != nil {
			return err
		}
		_, err = d.functions.QueueInvocation(ctx, b, function.Invocation{Ref: ref, Payload: o.Body})
		return err
	}
	return fmt.Errorf("destinations of %s are not supported: give a queue, a topic, an event bus or a function", a.Service)
}

// letterAttributes are the attributes of a message in a dead-letter target.
func letterAttributes(l *function.Letter) []queue.Attribute {
	if l == nil {
		return nil
	}
	list := []queue.Attribute{{Name: "ErrorCode", Type: "Number", Value: []byte(strconv.Itoa(l.ErrorCode))}, {Name: "RequestID", Type: "String", Value: []byte(l.RequestID)}}
	if l.ErrorMessage != "" { // an attribute without a value would be refused
		list = append(list, queue.Attribute{Name: "ErrorMessage", Type: "String", Value: []byte(l.ErrorMessage)})
	}
	return list
}
