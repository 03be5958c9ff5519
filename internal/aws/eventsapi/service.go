package eventsapi

import (
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/ident"
)

type api struct{ events *event.Engine }

// New returns the operation table of Amazon EventBridge.
func New(events *event.Engine) *protocol.Service {
	a := &api{events}
	return &protocol.Service{
		Name: "events", SDKName: "eventBridge", Model: Model, InternalCode: Code_InternalException,
		MapError: protocol.MapErrors([]protocol.ErrorRow{
			{Err: event.ErrNotFound, Code: Code_ResourceNotFoundException},
			{Err: event.ErrExists, Code: Code_ResourceAlreadyExistsException},
			{Err: event.ErrBadPattern, Code: Code_InvalidEventPatternException},
			{Err: event.ErrBadInput, Code: "ValidationException"},
			{Err: event.ErrLimit, Code: Code_LimitExceededException},
		}),
		Ops: []protocol.Op{
			protocol.Handle("CreateEventBus", bus(func(r *CreateEventBusRequest) *string { return &r.Name }), a.createBus),
			protocol.Handle("DeleteEventBus", bus(func(r *DeleteEventBusRequest) *string { return &r.Name }), a.deleteBus),
			protocol.Handle("DescribeEventBus", bus(func(r *DescribeEventBusRequest) *string { return r.Name }), a.describeBus),
			protocol.Handle("ListEventBuses", nil, a.listBuses),
			protocol.Handle("PutRule", rule(func(r *PutRuleRequest) (*string, string) { return r.EventBusName, r.Name }), a.putRule),
			protocol.Handle("DeleteRule", rule(func(r *DeleteRuleRequest) (*string, string) { return r.EventBusName, r.Name }), a.deleteRule),
			protocol.Handle("DescribeRule", rule(func(r *DescribeRuleRequest) (*string, string) { return r.EventBusName, r.Name }), a.describeRule),
			protocol.Handle("EnableRule", rule(func(r *EnableRuleRequest) (*string, string) { return r.EventBusName, r.Name }), a.enableRule),
			protocol.Handle("DisableRule", rule(func(r *DisableRuleRequest) (*string, string) { return r.EventBusName, r.Name }), a.disableRule),
			protocol.Handle("ListRules", nil, a.listRules),
			protocol.Handle("ListRuleNamesByTarget", nil, a.listRuleNames),
			protocol.Handle("PutTargets", rule(func(r *PutTargetsRequest) (*string, string) { return r.EventBusName, r.Rule }), a.putTargets),
			protocol.Handle("RemoveTargets", rule(func(r *RemoveTargetsRequest) (*string, string) { return r.EventBusName, r.Rule }), a.removeTargets),
			protocol.Handle("ListTargetsByRule", rule(func(r *ListTargetsByRuleRequest) (*string, string) { return r.EventBusName, r.Rule }), a.listTargets),
			protocol.Handle("PutEvents", func(c *protocol.Call, r *PutEventsRequest) (list []string) {
				for _, e := range r.Entries {
					list = append(list, busRef(c.Scope, e.EventBusName).ARN())
				}
				return list
			}, a.putEvents),
			protocol.Handle("TestEventPattern", nil, a.testPattern),
			protocol.Handle("TagResource", func(_ *protocol.Call, r *TagResourceRequest) []string { return []string{r.ResourceARN} }, a.tag),
			protocol.Handle("UntagResource", func(_ *protocol.Call, r *UntagResourceRequest) []string { return []string{r.ResourceARN} }, a.untag),
			protocol.Handle("ListTagsForResource", func(_ *protocol.Call, r *ListTagsForResourceRequest) []string { return []string{r.ResourceARN} }, a.listTags),
		},
	}
}

// busRef reads the name or ARN of a bus; nil is the default one.
func busRef(s ident.Scope, name *string) event.BusRef {
	n := protocol.Or(name, "")
	if n == "" {
		n = event.DefaultBus
	}
	if a, err := ident.ParseARN(n); err == nil {
		if id, ok := strings.CutPrefix(a.Resource, "event-bus/"); ok {
			return event.BusRef{Scope: a.Scope(), Name: id}
		}
	}
	return event.BusRef{Scope: s, Name: n}
}

func bus[In any](name func(*In) *string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string { return []string{busRef(c.Scope, name(in)).ARN()} }
}

func rule[In any](name func(*In) (*string, string)) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		b, n := name(in)
		return []string{event.Rule{Bus: busRef(c.Scope, b), Name: n}.ARN()}
	}
}

// ruleOf reads the ARN of a rule.
func ruleOf(arn string) (event.BusRef, string, error) {
	a, err := ident.ParseARN(arn)
	if err == nil && a.Service == "events" {
		if p := strings.Split(a.Resource, "/"); len(p) > 1 && p[0] == "rule" {
			b := event.BusRef{Scope: a.Scope(), Name: event.DefaultBus}
			if len(p) == 3 {
				b.Name = p[1]
			}
			return b, p[len(p)-1], nil
		}
	}
	return event.BusRef{}, "", &protocol.Error{Code: "ValidationException", Message: "Tarn keeps tags of rules only: " + arn}
}
