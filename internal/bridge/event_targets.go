package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/logs"
	"github.com/tarn-data/tarn/internal/policy"
	"github.com/tarn-data/tarn/internal/queue"
	"github.com/tarn-data/tarn/internal/topic"
)

// EventTargets carries events of buses to queues, topics, functions, state machines, other buses, log groups and API destinations.
type EventTargets struct {
	Queues    *queue.Engine
	Topics    *topic.Engine
	Functions *function.Service
	Logs      *logs.Store
	Identity  *identity.Engine
	Registry  *protocol.Registry
	Ready     <-chan struct{} // closed when the services of Registry are served

	events *event.Engine
	apis   *EventAPIs
}

var _ event.Deliverer = (*EventTargets)(nil)

// Connect sets the buses, which are opened with the targets at hand.
func (d *EventTargets) Connect(e *event.Engine) { d.events = e }

// ConnectAPIs sets the API destinations. It is called before Ready is closed.
func (d *EventTargets) ConnectAPIs(a *EventAPIs) { d.apis = a }

const eventService = "events.amazonaws.com"

// Check implements event.Deliverer.
func (d *EventTargets) Check(_ context.Context, r event.Rule, t event.Target) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", event.ErrBadInput, fmt.Sprintf(format, args...))
	}
	a, err := ident.ParseARN(t.ARN)
	if err != nil {
		return bad("Provided Arn is not in correct format: %s", t.ARN)
	}
	if t.Dead != "" {
		if q, ok := queue.ParseARN(t.Dead); !ok || strings.HasSuffix(q.Name, ".fifo") {
			return bad("DeadLetterConfig: %s is not the ARN of a standard queue", t.Dead)
		}
	}
	if t.Group != "" && a.Service != "sqs" {
		return bad("SqsParameters are for queues only: target %s", t.ID)
	}
	if t.HTTP != nil && !strings.HasPrefix(a.Resource, apiPrefix) {
		return bad("HttpParameters are for API destinations only: target %s", t.ID)
	}
	kind, _, _ := strings.Cut(a.Resource, ":")
	switch {
	case a.Service == "events" && strings.HasPrefix(a.Resource, apiPrefix):
		if t.Role == "" {
			return bad("RoleArn is required for target %s.", t.ARN)
		}
		if a.Scope() != r.Bus.Scope {
			return bad("API destination %s is not in the account and region of the rule.", t.ARN)
		}
		return nil
	case a.Service == "sqs":
		if strings.HasSuffix(t.ARN, ".fifo") != (t.Group != "") {
			return bad("SqsParameters.MessageGroupId is needed for FIFO queues, and only there: target %s", t.ID)
		}
		return nil
	case a.Service == "sns" && strings.HasSuffix(t.ARN, ".fifo"):
		return bad("FIFO topics cannot be targets: %s", t.ARN)
	case a.Service == "sns", a.Service == "lambda":
		return nil
	case a.Service == "states" && kind == "stateMachine":
		if t.Role == "" {
			return bad("RoleArn is required for target %s.", t.ARN)
		}
		return nil
	case a.Service == "logs" && kind == "log-group":
		return nil
	case a.Service == "events" && strings.HasPrefix(a.Resource, "event-bus/"):
		switch {
		case t.ARN == r.Bus.ARN():
			return bad("Event bus %s cannot be the target of its own rule.", t.ARN)
		case t.Input != "" || t.InputPath != "" || t.Template != "":
			return bad("An event bus gets events as they are: leave Input, InputPath and InputTransformer out of target %s.", t.ID)
		case a.Account != r.Bus.Account && t.Role == "":
			return nil // the policy of the other bus decides
		}
		return nil
	}
	return bad("targets of %s are not supported: give a queue, a topic, a function, a state machine, an event bus, a log group or an API destination", a.Service)
}

// gone says that a target does not exist or does not admit the rule, which another attempt does not change.
func gone(format string, args ...any) error {
	return fmt.Errorf("%w: %w", event.ErrPermanent, fmt.Errorf(format, args...))
}

// Deliver implements event.Deliverer.
func (d *EventTargets) Deliver(ctx context.Context, b *kv.Batch, x event.Delivery) error {
	r, t, account := x.Rule, x.Target, x.Rule.Bus.Account
	denied := func() error { return gone("%s does not admit %s for %s", t.ARN, eventService, r.ARN()) }
	a, err := ident.ParseARN(t.ARN)
	if err != nil {
		return gone("target %s: %w", t.ARN, err)
	}
	switch a.Service {
	case "sqs":
		q, _ := queue.ParseARN(t.ARN)
		if _, err := d.Queues.Policy(q); err != nil {
			return gone("target %s: %w", t.ARN, err)
		}
		if !d.Queues.Permits(q, eventService, r.ARN(), account) {
			return denied()
		}
		if err := d.Queues.Enqueue(b, queue.Incoming{Queue: q, Message: queue.Message{Body: string(x.Payload), Sender: account, Group: t.Group}}); err != nil {
			return gone("target %s: %w", t.ARN, err) // too large for the queue, say
		}
		return nil
	case "sns":
		n, _, _ := topic.ParseARN(t.ARN)
		if !d.Topics.Permits(n, eventService, r.ARN(), account) {
			return denied()
		}
		return d.Topics.Enqueue(ctx, b, n, topic.Message{Body: string(x.Payload)})
	case "states":
		return d.start(ctx, x)
	case "events":
		if strings.HasPrefix(a.Resource, apiPrefix) {
			return d.call(ctx, x, a)
		}
		return d.forward(b, x, a)
	case "logs":
		return d.log(ctx, x, a)
	}
	ref, err := function.ParseRef(r.Bus.Scope, t.ARN, "")
	if err != nil {
		return gone("target %s: %w", t.ARN, err)
	}
	ok, err := d.Functions.Permits(ctx, ref, function.Invoker{Principal: policy.ForService(eventService, account), SourceARN: r.ARN(), Account: account})
	if errors.Is(err, function.ErrNotFound) {
		return gone("target %s: %w", t.ARN, err)
	}
	if err != nil {
		return err
	}
	if !ok {
		return denied()
	}
	_, err = d.Functions.QueueInvocation(ctx, b, function.Invocation{Ref: ref, Payload: x.Payload})
	return err
}

// start starts an execution with the rights of the target's role. Its name is the delivery's id: an attempt that is repeated
// starts no second one.
func (d *EventTargets) start(ctx context.Context, x event.Delivery) error {
	c, err := d.assume(ctx, x)
	if err != nil {
		return err
	}
	in, err := json.Marshal(map[string]string{"stateMachineArn": x.Target.ARN, "name": x.ID, "input": string(x.Payload)})
	if err != nil {
		return err
	}
	_, fail := d.Registry.Invoke(ctx, c, "states", "StartExecution", in)
	switch {
	case fail == nil || fail.Code == "ExecutionAlreadyExists":
		return nil
	case fail.Status >= 500 || fail.Code == "ThrottlingException":
		return fail
	}
	return gone("start an execution of %s: %w", x.Target.ARN, fail)
}

// assume returns a call of the target's role.
func (d *EventTargets) assume(ctx context.Context, x event.Delivery) (*protocol.Call, error) {
	select {
	case <-d.Ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	scope := x.Rule.Bus.Scope
	s, err := d.Identity.AssumeForService(ctx, scope, x.Target.Role, eventService, "events-"+x.Rule.Name[:min(len(x.Rule.Name), 50)], time.Hour)
	if err != nil {
		return nil, gone("assume the role %s: %w", x.Target.Role, err)
	}
	if a, err := ident.ParseARN(x.Target.ARN); err == nil {
		scope.Region = a.Region
	}
	return &protocol.Call{Scope: scope, Principal: s.Principal}, nil
}

// forward puts the event on another bus: with the rights of the role where there is one, else with those of the account.
func (d *EventTargets) forward(b *kv.Batch, x event.Delivery, a ident.ARN) error {
	bus := event.BusRef{Scope: a.Scope(), Name: strings.TrimPrefix(a.Resource, "event-bus/")}
	if x.Hops > 0 {
		return gone("%s got the event from another bus: it is not forwarded to a third", x.Rule.Bus.ARN())
	}
	if x.Target.Role != "" || bus.Account != x.Rule.Bus.Account {
		p := policy.Root(x.Rule.Bus.Account)
		if x.Target.Role != "" {
			if err := d.Identity.AssumableBy(x.Rule.Bus.Scope, x.Target.Role, eventService); err != nil {
				return gone("assume the role %s: %w", x.Target.Role, err)
			}
			var err error
			if p, err = d.Identity.RolePrincipal(x.Rule.Bus.Account, x.Target.Role[strings.LastIndexByte(x.Target.Role, '/')+1:]); err != nil {
				return gone("assume the role %s: %w", x.Target.Role, err)
			}
		}
		q := &policy.Request{Principal: p, Action: "events:PutEvents", Resource: bus.ARN(), Account: bus.Account, ResourcePolicy: d.events.Policy(bus), Keys: policy.Keys{}}
		q.Keys.Set("aws:SourceArn", x.Rule.ARN())
		q.Keys.Set("aws:SourceAccount", x.Rule.Bus.Account)
		if v := policy.Evaluate(q); !v.Allowed {
			return gone("%s", v.Message(q))
		}
	}
	if err := d.events.Forward(b, bus, x.Payload, x.Hops+1); err != nil {
		return gone("forward to %s: %w", bus.ARN(), err)
	}
	return nil
}

// log appends the event to a log group, which must exist.
func (d *EventTargets) log(ctx context.Context, x event.Delivery, a ident.ARN) error {
	group := strings.TrimSuffix(strings.TrimPrefix(a.Resource, "log-group:"), ":*")
	return d.Logs.Append(ctx, a.Scope(), group, x.Rule.Name, []logs.Event{{Time: x.At, Message: string(x.Payload)}})
}

// Bury implements event.Deliverer.
func (d *EventTargets) Bury(_ context.Context, b *kv.Batch, x event.Delivery, attempts int, reason error) error {
	q, ok := queue.ParseARN(x.Target.Dead)
	if !ok || !d.Queues.Permits(q, eventService, x.Rule.ARN(), x.Rule.Bus.Account) {
		return fmt.Errorf("dead-letter queue %s does not admit %s for %s", x.Target.Dead, eventService, x.Rule.ARN())
	}
	code, exhausted := "NO_PERMISSIONS", ""
	if !errors.Is(reason, event.ErrPermanent) {
		code, exhausted = "SDK_CLIENT_ERROR", "MaximumEventAgeInSeconds"
		if attempts >= x.Target.Retries {
			exhausted = "MaximumRetryAttempts"
		}
	}
	m := queue.Message{Body: string(x.Payload), Sender: x.Rule.Bus.Account}
	for _, a := range [][3]string{
		{"RULE_ARN", "String", x.Rule.ARN()}, {"TARGET_ARN", "String", x.Target.ARN}, {"ERROR_CODE", "String", code}, {"ERROR_MESSAGE", "String", reason.Error()},
		{"RETRY_ATTEMPTS", "Number", strconv.Itoa(attempts)}, {"EXHAUSTED_RETRY_CONDITION", "String", exhausted},
	} {
		if a[2] != "" {
			m.Attributes = append(m.Attributes, queue.Attribute{Name: a[0], Type: a[1], Value: []byte(a[2])})
		}
	}
	return d.Queues.Enqueue(b, queue.Incoming{Queue: q, Message: m})
}
