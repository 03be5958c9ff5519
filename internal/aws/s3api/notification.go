package s3api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/objstore"
)

func (a *api) putNotification(ctx context.Context, c *call, in *PutBucketNotificationConfigurationRequest) (*none, error) {
	if in.NotificationConfiguration == nil {
		return nil, malformed()
	}
	conf, n := in.NotificationConfiguration, &objstore.Notification{}
	n.EventBridge = conf.EventBridgeConfiguration != nil
	ids := map[string]bool{}
	var wrong destinationErrors
	add := func(list *[]objstore.Notify, service, arn string, id *string, events []Event, f *NotificationConfigurationFilter) error {
		e := objstore.Notify{ID: str(id), ARN: arn}
		if e.ID == "" {
			e.ID = ident.UUID()
		}
		if ids[e.ID] || len(e.ID) > 255 {
			return invalid("Same ID used for multiple configurations or ID longer than 255 characters: " + e.ID)
		}
		ids[e.ID] = true
		parsed, err := ident.ParseARN(arn)
		if err != nil || parsed.Service != service {
			return argument(map[string]string{"lambda": "CloudFunction", "sqs": "Queue", "sns": "Topic"}[service], arn, "The ARN could not be parsed")
		}
		if err := eventNames(&e, events); err != nil {
			return err
		}
		if err := filter(&e, f); err != nil {
			return err
		}
		if a.destinations != nil && !deref(in.SkipDestinationValidation) {
			if err := a.destinations.CheckDestination(ctx, c.bk, arn); err != nil {
				if service == "lambda" {
					arn += ", null" // as S3 has it
				}
				wrong.add(arn, err)
			}
		}
		*list = append(*list, e)
		return nil
	}
	for i := range conf.LambdaFunctionConfigurations {
		f := &conf.LambdaFunctionConfigurations[i]
		if err := add(&n.Functions, "lambda", f.LambdaFunctionArn, f.Id, f.Events, f.Filter); err != nil {
			return nil, err
		}
	}
	for i := range conf.QueueConfigurations {
		f := &conf.QueueConfigurations[i]
		if err := add(&n.Queues, "sqs", f.QueueArn, f.Id, f.Events, f.Filter); err != nil {
			return nil, err
		}
	}
	for i := range conf.TopicConfigurations {
		f := &conf.TopicConfigurations[i]
		if err := add(&n.Topics, "sns", f.TopicArn, f.Id, f.Events, f.Filter); err != nil {
			return nil, err
		}
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	if len(ids) > 100 {
		return nil, invalid("A configuration has at most 100 notifications")
	}
	if err := overlaps(n.All()); err != nil {
		return nil, err
	}
	if len(ids) == 0 && !n.EventBridge {
		n = nil
	}
	return &none{}, a.store.SetNotification(ctx, c.bk.Name, n, c.by(), !deref(in.SkipDestinationValidation))
}

// destinationErrors collects the targets that cannot be notified: S3 names them all at once.
type destinationErrors map[string]any

func (d *destinationErrors) add(arn string, err error) {
	if *d == nil {
		*d = destinationErrors{}
	}
	n := strconv.Itoa(len(*d)/2 + 1)
	(*d)["ArgumentName"+n], (*d)["ArgumentValue"+n] = arn, err.Error()
}

func (d destinationErrors) err() error {
	if d == nil {
		return nil
	}
	e := invalid("Unable to validate the following destination configurations")
	e.Members = d
	return e
}

func eventNames(e *objstore.Notify, events []Event) error {
	if len(events) == 0 {
		return malformed()
	}
	for _, ev := range events {
		name := string(ev)
		known := slices.Contains(objstore.EventTypes, name)
		if base, ok := strings.CutSuffix(name, "*"); ok && strings.HasSuffix(base, ":") {
			known = slices.ContainsFunc(objstore.EventTypes, func(t string) bool { return base != "s3:" && strings.HasPrefix(t, base) })
		}
		if !known {
			return invalid(fmt.Sprintf("The event '%s' is not supported for notifications", name))
		}
		e.Events = append(e.Events, name)
	}
	return nil
}

func filter(e *objstore.Notify, f *NotificationConfigurationFilter) error {
	if f == nil || f.Key == nil {
		return nil
	}
	var prefix, suffix bool
	for _, r := range f.Key.FilterRules {
		if r.Name == nil || r.Value == nil {
			return malformed()
		}
		value := *r.Value
		if len(value) > 1024 {
			return invalid("Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation")
		}
		switch name := strings.ToLower(str(r.Name)); {
		case name == "prefix" && !prefix:
			prefix, e.Prefix, e.EmptyPrefix = true, value, value == ""
		case name == "suffix" && !suffix:
			suffix, e.Suffix, e.EmptySuffix = true, value, value == ""
		case name == "prefix", name == "suffix":
			return invalid("Cannot specify more than one " + name + " rule in a filter.")
		default:
			return argument("FilterRule.Name", str(r.Name), "filter rule name must be either prefix or suffix")
		}
	}
	return nil
}

// overlaps refuses two entries that would both take the same event of the same key.
func overlaps(list []objstore.Notify) error {
	for i := range list {
		for j := range list[:i] {
			a, b := &list[i], &list[j]
			if !(strings.HasPrefix(a.Prefix, b.Prefix) || strings.HasPrefix(b.Prefix, a.Prefix)) || !(strings.HasSuffix(a.Suffix, b.Suffix) || strings.HasSuffix(b.Suffix, a.Suffix)) {
				continue
			}
			for _, x := range a.Events {
				for _, y := range b.Events {
					if x == y || strings.HasSuffix(x, "*") && strings.HasPrefix(y, x[:len(x)-1]) || strings.HasSuffix(y, "*") && strings.HasPrefix(x, y[:len(y)-1]) {
						return invalid("Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.")
					}
				}
			}
		}
	}
	return nil
}

func (a *api) getNotification(_ context.Context, c *call, _ *GetBucketNotificationConfigurationRequest) (*NotificationConfiguration, error) {
	out := &NotificationConfiguration{}
	n := c.bk.Notification
	if n == nil {
		return out, nil
	}
	if n.EventBridge {
		out.EventBridgeConfiguration = &EventBridgeConfiguration{}
	}
	show := func(e *objstore.Notify) (events []Event, f *NotificationConfigurationFilter) {
		for _, ev := range e.Events {
			events = append(events, Event(ev))
		}
		var rules []FilterRule
		if e.Prefix != "" || e.EmptyPrefix {
			rules = append(rules, FilterRule{Name: ptr("Prefix"), Value: &e.Prefix})
		}
		if e.Suffix != "" || e.EmptySuffix {
			rules = append(rules, FilterRule{Name: ptr("Suffix"), Value: &e.Suffix})
		}
		if rules != nil {
			f = &NotificationConfigurationFilter{Key: &S3KeyFilter{FilterRules: rules}}
		}
		return events, f
	}
	for i := range n.Functions {
		e := &n.Functions[i]
		ev, f := show(e)
		out.LambdaFunctionConfigurations = append(out.LambdaFunctionConfigurations, LambdaFunctionConfiguration{Id: &e.ID, LambdaFunctionArn: e.ARN, Events: ev, Filter: f})
	}
	for i := range n.Queues {
		e := &n.Queues[i]
		ev, f := show(e)
		out.QueueConfigurations = append(out.QueueConfigurations, QueueConfiguration{Id: &e.ID, QueueArn: e.ARN, Events: ev, Filter: f})
	}
	for i := range n.Topics {
		e := &n.Topics[i]
		ev, f := show(e)
		out.TopicConfigurations = append(out.TopicConfigurations, TopicConfiguration{Id: &e.ID, TopicArn: e.ARN, Events: ev, Filter: f})
	}
	return out, nil
}
