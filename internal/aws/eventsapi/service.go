package eventsapi

import (
	"context"
	"errors"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/connection"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/eventpattern"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/policy"
)

type api struct {
	events      *event.Engine
	connections *connection.Engine
}

// New returns the operation table of Amazon EventBridge.
func New(events *event.Engine, connections *connection.Engine) *protocol.Service {
	a := &api{events, connections}
	return &protocol.Service{
		Name: "events", SDKName: "eventBridge", Model: Model, InternalCode: Code_InternalException, ResourcePolicy: a.resourcePolicy,
		MapError: mapError,
		Ops: append(a.connectionOps(), []protocol.Op{
			protocol.Handle("CreateEventBus", bus(func(r *CreateEventBusRequest) *string { return &r.Name }), a.createBus),
			protocol.Handle("DeleteEventBus", bus(func(r *DeleteEventBusRequest) *string { return &r.Name }), a.deleteBus),
			protocol.Handle("DescribeEventBus", bus(func(r *DescribeEventBusRequest) *string { return r.Name }), a.describeBus),
			protocol.Handle("UpdateEventBus", bus(func(r *UpdateEventBusRequest) *string { return r.Name }), a.updateBus),
			protocol.Handle("ListEventBuses", nil, a.listBuses),
			protocol.Handle("PutPermission", bus(func(r *PutPermissionRequest) *string { return r.EventBusName }), a.putPermission),
			protocol.Handle("RemovePermission", bus(func(r *RemovePermissionRequest) *string { return r.EventBusName }), a.removePermission),

			protocol.Handle("CreateArchive", named("archive", func(r *CreateArchiveRequest) string { return r.ArchiveName }), a.createArchive),
			protocol.Handle("UpdateArchive", named("archive", func(r *UpdateArchiveRequest) string { return r.ArchiveName }), a.updateArchive),
			protocol.Handle("DeleteArchive", named("archive", func(r *DeleteArchiveRequest) string { return r.ArchiveName }), a.deleteArchive),
			protocol.Handle("DescribeArchive", named("archive", func(r *DescribeArchiveRequest) string { return r.ArchiveName }), a.describeArchive),
			protocol.Handle("ListArchives", nil, a.listArchives),
			protocol.Handle("StartReplay", named("replay", func(r *StartReplayRequest) string { return r.ReplayName }), a.startReplay),
			protocol.Handle("CancelReplay", named("replay", func(r *CancelReplayRequest) string { return r.ReplayName }), a.cancelReplay),
			protocol.Handle("DescribeReplay", named("replay", func(r *DescribeReplayRequest) string { return r.ReplayName }), a.describeReplay),
			protocol.Handle("ListReplays", nil, a.listReplays),

			protocol.Handle("PutRule", rule(func(r *PutRuleRequest) (*string, string) { return r.EventBusName, r.Name }), a.putRule),
			protocol.Handle("DeleteRule", rule(func(r *DeleteRuleRequest) (*string, string) { return r.EventBusName, r.Name }), a.deleteRule),
			protocol.Handle("DescribeRule", rule(func(r *DescribeRuleRequest) (*string, string) { return r.EventBusName, r.Name }), a.describeRule),
			protocol.Handle("EnableRule", rule(func(r *EnableRuleRequest) (*string, string) { return r.EventBusName, r.Name }), a.enableRule),
			protocol.Handle("DisableRule", rule(func(r *DisableRuleRequest) (*string, string) { return r.EventBusName, r.Name }), a.disableRule),
			protocol.Handle("ListRules", foreignBus(func(r *ListRulesRequest) *string { return r.EventBusName }), a.listRules),
			protocol.Handle("ListRuleNamesByTarget", foreignBus(func(r *ListRuleNamesByTargetRequest) *string { return r.EventBusName }), a.listRuleNames),
			protocol.Also(protocol.Handle("PutTargets", rule(func(r *PutTargetsRequest) (*string, string) { return r.EventBusName, r.Rule }), a.putTargets),
				func(_ *protocol.Call, r *PutTargetsRequest) (list []protocol.Access) {
					for _, t := range r.Targets {
						if t.RoleArn != nil {
							list = append(list, protocol.PassRole(*t.RoleArn, "events.amazonaws.com"))
						}
					}
					return list
				}),
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
		}...),
	}
}

var errorTable = []protocol.ErrorRow{
	{Err: event.ErrNotFound, Code: Code_ResourceNotFoundException},
	{Err: event.ErrExists, Code: Code_ResourceAlreadyExistsException},
	{Err: event.ErrBadPattern, Code: Code_InvalidEventPatternException},
	{Err: eventpattern.ErrInvalid, Code: Code_InvalidEventPatternException},
	{Err: event.ErrBadSchedule, Code: "ValidationException", Message: "Parameter ScheduleExpression is not valid."},
	{Err: event.ErrBadInput, Code: "ValidationException"},
	{Err: event.ErrLimit, Code: Code_LimitExceededException, Message: "The requested resource exceeds the maximum number allowed."},
	{Err: event.ErrPolicySize, Code: Code_PolicyLengthExceededException},
	{Err: connection.ErrNotFound, Code: Code_ResourceNotFoundException},
	{Err: connection.ErrExists, Code: Code_ResourceAlreadyExistsException},
	{Err: connection.ErrBadInput, Code: "ValidationException"},
	{Err: connection.ErrLimit, Code: Code_LimitExceededException},
	{Err: event.ErrStatus, Code: Code_IllegalStatusException},
}

var mapTable = protocol.MapErrors(errorTable)

// mapError leaves out the kind of an error where its text says more.
func mapError(err error) *protocol.Error {
	e := mapTable(err)
	if e == nil {
		return nil
	}
	for _, row := range errorTable {
		if rest, ok := strings.CutPrefix(e.Message, row.Err.Error()+": "); ok && errors.Is(err, row.Err) {
			e.Message = rest
		}
	}
	if e.Message != "" {
		e.Message = strings.ToUpper(e.Message[:1]) + e.Message[1:]
	}
	return e
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

// foreignBus names the bus where it is another account's, whose policy must allow what is asked. Of the caller's own buses AWS knows
// no resource for lists.
func foreignBus[In any](name func(*In) *string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		if r := busRef(c.Scope, name(in)); r.Account != c.Account {
			return []string{r.ARN()}
		}
		return []string{"*"}
	}
}

func named[In any](kind string, name func(*In) string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string { return []string{c.ARN("events", kind+"/"+name(in))} }
}

// resourcePolicy is that of a bus; rules have the one of their bus.
func (a *api) resourcePolicy(_ context.Context, c *protocol.Call, resource string) (*policy.Document, string, error) {
	if b, ok := busOf(resource); ok {
		return a.events.Policy(b), b.Account, nil
	}
	if b, _, err := ruleOf(resource); err == nil {
		return a.events.Policy(b), b.Account, nil
	}
	return nil, c.Account, nil
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
	return event.BusRef{}, "", &protocol.Error{Code: "ValidationException", Message: "Tarn keeps tags of rules and event buses only: " + arn}
}
