package athenaapi

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/query"
)

func (a *api) tagOps() []protocol.Op {
	return []protocol.Op{
		protocol.Handle("TagResource", func(_ *protocol.Call, in *TagResourceInput) []string { return []string{in.ResourceARN} }, a.tag),
		protocol.Handle("UntagResource", func(_ *protocol.Call, in *UntagResourceInput) []string { return []string{in.ResourceARN} }, a.untag),
		protocol.Handle("ListTagsForResource", func(_ *protocol.Call, in *ListTagsForResourceInput) []string { return []string{in.ResourceARN} }, a.listTags),
	}
}

// tagged returns the name of the workgroup that an ARN names; nothing else has tags.
func tagged(c *protocol.Call, arn string) (string, error) {
	r, err := ident.ParseARN(arn)
	if err == nil && r.Service == "athena" && r.Scope() == c.Scope {
		if name, ok := strings.CutPrefix(r.Resource, "workgroup/"); ok {
			return name, nil
		}
	}
	return "", fmt.Errorf("%w: Resource %s is not found", query.ErrNotFound, arn)
}

func (a *api) tag(ctx context.Context, c *protocol.Call, in *TagResourceInput) (*TagResourceOutput, error) {
	name, err := tagged(c, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return &TagResourceOutput{}, a.Engine.UpdateWorkgroup(ctx, c.Scope, name, func(w *query.Workgroup) error {
		if w.Tags == nil {
			w.Tags = map[string]string{}
		}
		for _, t := range in.Tags {
			w.Tags[protocol.Or(t.Key, "")] = protocol.Or(t.Value, "")
		}
		if len(w.Tags) > 50 {
			return fmt.Errorf("%w: a resource has at most 50 tags, this one would have %d", query.ErrInvalid, len(w.Tags))
		}
		return nil
	})
}

func (a *api) untag(ctx context.Context, c *protocol.Call, in *UntagResourceInput) (*UntagResourceOutput, error) {
	name, err := tagged(c, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return &UntagResourceOutput{}, a.Engine.UpdateWorkgroup(ctx, c.Scope, name, func(w *query.Workgroup) error {
		for _, k := range in.TagKeys {
			delete(w.Tags, k)
		}
		return nil
	})
}

func (a *api) listTags(ctx context.Context, c *protocol.Call, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	name, err := tagged(c, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	w, err := a.Engine.Workgroup(ctx, c.Scope, name)
	if err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(w.Tags))
	for k := range w.Tags {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	out := &ListTagsForResourceOutput{Tags: []Tag{}}
	for _, k := range keys {
		v := w.Tags[k]
		out.Tags = append(out.Tags, Tag{Key: &k, Value: &v})
	}
	return out, nil
}
