package lambdaapi

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/function"
)

func (a *api) putConcurrency(ctx context.Context, c *protocol.Call, in *PutFunctionConcurrencyRequest) (*Concurrency, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	n := int(in.ReservedConcurrentExecutions)
	if err := a.Functions.SetReserved(ctx, r, &n); err != nil {
		return nil, err
	}
	return &Concurrency{ReservedConcurrentExecutions: &in.ReservedConcurrentExecutions}, nil
}

func (a *api) getConcurrency(ctx context.Context, c *protocol.Call, in *GetFunctionConcurrencyRequest) (*GetFunctionConcurrencyResponse, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	n, err := a.Functions.Reserved(ctx, r)
	if err != nil || n == nil {
		return &GetFunctionConcurrencyResponse{}, err
	}
	return &GetFunctionConcurrencyResponse{ReservedConcurrentExecutions: new(int32(*n))}, nil
}

func (a *api) deleteConcurrency(ctx context.Context, c *protocol.Call, in *DeleteFunctionConcurrencyRequest) (*DeleteFunctionConcurrencyOutput, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	return &DeleteFunctionConcurrencyOutput{}, a.Functions.SetReserved(ctx, r, nil)
}

func eventSettings(age, retries *int32, d *DestinationConfig) function.EventConfig {
	out := function.EventConfig{MaxAge: time.Duration(protocol.Or(age, 0)) * time.Second}
	if retries != nil {
		n := int(*retries)
		out.Retries = &n
	}
	if d != nil && d.OnSuccess != nil {
		out.OnSuccess = protocol.Or(d.OnSuccess.Destination, "")
	}
	if d != nil && d.OnFailure != nil {
		out.OnFailure = protocol.Or(d.OnFailure.Destination, "")
	}
	return out
}

func (a *api) setEventConfig(ctx context.Context, c *protocol.Call, name string, qualifier *string, cfg function.EventConfig, nothing, merge bool) (*FunctionEventInvokeConfig, error) {
	r, err := function.ParseRef(c.Scope, name, protocol.Or(qualifier, ""))
	if err != nil {
		return nil, err
	}
	if nothing {
		return nil, fmt.Errorf("%w: You must specify at least one of error handling or destination setting.", function.ErrBadParameter)
	}
	got, err := a.Functions.PutEventConfig(ctx, r, cfg, merge)
	if err != nil {
		return nil, err
	}
	return eventConfig(r, got), nil
}

func (a *api) putEventConfig(ctx context.Context, c *protocol.Call, in *PutFunctionEventInvokeConfigRequest) (*FunctionEventInvokeConfig, error) {
	return a.setEventConfig(ctx, c, in.FunctionName, in.Qualifier, eventSettings(in.MaximumEventAgeInSeconds, in.MaximumRetryAttempts, in.DestinationConfig),
		in.MaximumEventAgeInSeconds == nil && in.MaximumRetryAttempts == nil && in.DestinationConfig == nil, false)
}

func (a *api) updateEventConfig(ctx context.Context, c *protocol.Call, in *UpdateFunctionEventInvokeConfigRequest) (*FunctionEventInvokeConfig, error) {
	return a.setEventConfig(ctx, c, in.FunctionName, in.Qualifier, eventSettings(in.MaximumEventAgeInSeconds, in.MaximumRetryAttempts, in.DestinationConfig),
		in.MaximumEventAgeInSeconds == nil && in.MaximumRetryAttempts == nil && in.DestinationConfig == nil, true)
}

func (a *api) getEventConfig(ctx context.Context, c *protocol.Call, in *GetFunctionEventInvokeConfigRequest) (*FunctionEventInvokeConfig, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, protocol.Or(in.Qualifier, ""))
	if err != nil {
		return nil, err
	}
	cfg, err := a.Functions.EventConfig(ctx, r)
	if err != nil {
		return nil, err
	}
	return eventConfig(r, cfg), nil
}

func (a *api) listEventConfigs(ctx context.Context, c *protocol.Call, in *ListFunctionEventInvokeConfigsRequest) (*ListFunctionEventInvokeConfigsResponse, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	qualifiers := []string{""}
	aliases, _, err := a.Functions.Aliases(ctx, r, "", "", 0)
	if errors.Is(err, function.ErrNotFound) {
		return nil, fmt.Errorf("%w: The function doesn't exist.", function.ErrNoEventConfig)
	}
	if err != nil {
		return nil, err
	}
	for _, al := range aliases {
		qualifiers = append(qualifiers, al.Name)
	}
	versions, _, err := a.Functions.Versions(ctx, r, function.Latest, 0)
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		qualifiers = append(qualifiers, v.Number)
	}
	out := &ListFunctionEventInvokeConfigsResponse{FunctionEventInvokeConfigs: []FunctionEventInvokeConfig{}}
	for i, q := range qualifiers {
		if i < number(in.Marker) { // where the page before ended
			continue
		}
		r.Qualifier = q
		cfg, err := a.Functions.EventConfig(ctx, r)
		if errors.Is(err, function.ErrNoEventConfig) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(out.FunctionEventInvokeConfigs) == page(in.MaxItems) {
			out.NextMarker = new(strconv.Itoa(i))
			break
		}
		out.FunctionEventInvokeConfigs = append(out.FunctionEventInvokeConfigs, *eventConfig(r, cfg))
	}
	return out, nil
}

func (a *api) deleteEventConfig(ctx context.Context, c *protocol.Call, in *DeleteFunctionEventInvokeConfigRequest) (*DeleteFunctionEventInvokeConfigOutput, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, protocol.Or(in.Qualifier, ""))
	if err != nil {
		return nil, err
	}
	return &DeleteFunctionEventInvokeConfigOutput{}, a.Functions.DeleteEventConfig(ctx, r)
}

func (a *api) listTags(ctx context.Context, c *protocol.Call, in *ListTagsRequest) (*ListTagsResponse, error) {
	if mappingOf(c.Scope, in.Resource) != "" {
		tags, err := a.mappingTags(c, in.Resource)
		return &ListTagsResponse{Tags: tags}, err
	}
	r, err := function.ParseRef(c.Scope, in.Resource, "")
	if err != nil {
		return nil, err
	}
	if err := function.TaggableRef(r); err != nil {
		return nil, err
	}
	tags, err := a.Functions.Tags(ctx, r)
	if tags == nil {
		tags = map[string]string{}
	}
	return &ListTagsResponse{Tags: tags}, err
}

func (a *api) tagResource(ctx context.Context, c *protocol.Call, in *TagResourceRequest) (*TagResourceOutput, error) {
	if mappingOf(c.Scope, in.Resource) != "" {
		return &TagResourceOutput{}, a.tagMapping(ctx, c, in.Resource, in.Tags, nil)
	}
	r, err := function.ParseRef(c.Scope, in.Resource, "")
	if err != nil {
		return nil, err
	}
	return &TagResourceOutput{}, a.Functions.Tag(ctx, r, in.Tags, nil)
}

func (a *api) untagResource(ctx context.Context, c *protocol.Call, in *UntagResourceRequest) (*UntagResourceOutput, error) {
	if mappingOf(c.Scope, in.Resource) != "" {
		return &UntagResourceOutput{}, a.tagMapping(ctx, c, in.Resource, nil, in.TagKeys)
	}
	r, err := function.ParseRef(c.Scope, in.Resource, "")
	if err != nil {
		return nil, err
	}
	return &UntagResourceOutput{}, a.Functions.Tag(ctx, r, nil, in.TagKeys)
}
