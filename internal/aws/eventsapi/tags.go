package eventsapi

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/ident"
)

// editTags changes the tags of a rule or a bus.
func (a *api) editTags(ctx context.Context, arn string, f func(map[string]string)) error {
	edit := func(old map[string]string) map[string]string {
		tags := maps.Clone(old)
		if tags == nil {
			tags = map[string]string{}
		}
		f(tags)
		return tags
	}
	if b, ok := busOf(arn); ok {
		return a.events.EditBus(ctx, b, func(b *event.Bus) error { b.Tags = edit(b.Tags); return nil })
	}
	b, n, err := ruleOf(arn)
	if err != nil {
		return err
	}
	return a.events.Edit(ctx, b, n, func(r *event.Rule) error { r.Tags = edit(r.Tags); return nil })
}

// busOf reads the ARN of a bus.
func busOf(arn string) (event.BusRef, bool) {
	a, err := ident.ParseARN(arn)
	name, ok := strings.CutPrefix(a.Resource, "event-bus/")
	return event.BusRef{Scope: a.Scope(), Name: name}, err == nil && a.Service == "events" && ok
}

func (a *api) tag(ctx context.Context, _ *protocol.Call, in *TagResourceRequest) (*TagResourceResponse, error) {
	return &TagResourceResponse{}, a.editTags(ctx, in.ResourceARN, func(tags map[string]string) {
		for _, t := range in.Tags {
			tags[t.Key] = t.Value
		}
	})
}

func (a *api) untag(ctx context.Context, _ *protocol.Call, in *UntagResourceRequest) (*UntagResourceResponse, error) {
	return &UntagResourceResponse{}, a.editTags(ctx, in.ResourceARN, func(tags map[string]string) {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
	})
}

func (a *api) listTags(_ context.Context, _ *protocol.Call, in *ListTagsForResourceRequest) (*ListTagsForResourceResponse, error) {
	var tags map[string]string
	if b, ok := busOf(in.ResourceARN); ok {
		bus, err := a.events.Bus(b)
		if err != nil {
			return nil, err
		}
		tags = bus.Tags
	} else {
		b, n, err := ruleOf(in.ResourceARN)
		if err != nil {
			return nil, err
		}
		r, err := a.events.Rule(b, n)
		if err != nil {
			return nil, err
		}
		tags = r.Tags
	}
	out := &ListTagsForResourceResponse{Tags: []Tag{}}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out.Tags = append(out.Tags, Tag{Key: k, Value: tags[k]})
	}
	return out, nil
}
