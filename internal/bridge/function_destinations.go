package bridge

import (
	"context"
	"fmt"

	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/queue"
	"github.com/tarn-data/tarn/internal/topic"
)

// Destinations takes records of asynchronous invocations to queues, topics and functions. The delivery is a part of the batch that
// ends the invocation.
type Destinations struct {
	Queues    *queue.Engine
	functions *function.Service
	topics    *topic.Engine
}

var _ function.Destination = (*Destinations)(nil)

// Connect sets the functions and topics, which are opened with the destinations at hand.
func (d *Destinations) Connect(f *function.Service, t *topic.Engine) { d.functions, d.topics = f, t }

// Send implements function.Destination.
func (d *Destinations) Send(ctx context.Context, b *kv.Batch, scope ident.Scope, target string, record []byte) error {
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
		return d.Queues.Enqueue(b, queue.Incoming{Queue: r, Message: queue.Message{Body: string(record), Sender: scope.Account}})
	case "sns":
		r, _, ok := topic.ParseARN(target)
		if !ok {
			return fmt.Errorf("%q is not the ARN of a topic", target)
		}
		return d.topics.Enqueue(ctx, b, r, topic.Message{Body: string(record)})
	case "lambda":
		ref, err := function.ParseRef(scope, target, "")
		if err != nil {
			return err
		}
		_, err = d.functions.QueueInvocation(ctx, b, function.Invocation{Ref: ref, Payload: record})
		return err
	}
	return fmt.Errorf("destinations of %s are not supported: give a queue, a topic or a function", a.Service)
}
