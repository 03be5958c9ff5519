package lambdaapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/mapping"
)

func mappingARN(s ident.Scope, uuid string) string {
	return s.ARN("lambda", "event-source-mapping:"+uuid)
}

// ofMapping names the mapping that a request is about.
func ofMapping[In any](uuid func(*In) string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string { return []string{mappingARN(c.Scope, uuid(in))} }
}

// mappingConfiguration describes a mapping.
func mappingConfiguration(m mapping.Mapping) *EventSourceMappingConfiguration {
	state := "Enabled"
	if m.Disabled {
		state = "Disabled"
	}
	out := &EventSourceMappingConfiguration{
		UUID: &m.UUID, EventSourceArn: &m.SourceARN, FunctionArn: &m.FunctionARN, BatchSize: new(int32(m.BatchSize)), State: &state,
		EventSourceMappingArn: new(mappingARN(m.Scope, m.UUID)), LastModified: &m.Modified, MaximumBatchingWindowInSeconds: new(int32(m.Window / time.Second)),
		StateTransitionReason: new("USER_INITIATED"), FunctionResponseTypes: []FunctionResponseType{},
	}
	if m.MaxConcurrency != 0 {
		out.ScalingConfig = &ScalingConfig{MaximumConcurrency: new(int32(m.MaxConcurrency))}
	}
	if m.PartialFailures {
		out.FunctionResponseTypes = []FunctionResponseType{FunctionResponseType_ReportBatchItemFailures}
	}
	for i := range m.Filters {
		if out.FilterCriteria == nil {
			out.FilterCriteria = &FilterCriteria{}
		}
		out.FilterCriteria.Filters = append(out.FilterCriteria.Filters, Filter{Pattern: &m.Filters[i]})
	}
	return out
}

func patterns(f *FilterCriteria) (list []string) {
	if f == nil {
		return nil
	}
	for _, p := range f.Filters {
		list = append(list, protocol.Or(p.Pattern, ""))
	}
	return list
}

// mappedFunction is the function of a mapping, which is of the mapping's own account: no policy of another's lets a mapping call it.
func mappedFunction(c *protocol.Call, name string) (function.Ref, error) {
	r, err := function.ParseRef(c.Scope, name, "")
	if err == nil && r.Account != c.Account {
		err = fmt.Errorf("%w: Function does not exist", function.ErrBadParameter)
	}
	return r, err
}

func (a *api) createMapping(ctx context.Context, c *protocol.Call, in *CreateEventSourceMappingRequest) (*EventSourceMappingConfiguration, error) {
	if in.EventSourceArn == nil {
		return nil, &protocol.Error{Code: Code_InvalidParameterValueException, Message: "Unrecognized event source.", Members: map[string]any{"Type": "User"}}
	}
	r, err := mappedFunction(c, in.FunctionName)
	if err != nil {
		return nil, err
	}
	m := mapping.Mapping{
		Scope: c.Scope, SourceARN: *in.EventSourceArn, FunctionARN: r.ARN(), BatchSize: int(protocol.Or(in.BatchSize, 10)), Disabled: !protocol.Or(in.Enabled, true),
		Window: time.Duration(protocol.Or(in.MaximumBatchingWindowInSeconds, 0)) * time.Second, Filters: patterns(in.FilterCriteria),
		PartialFailures: len(in.FunctionResponseTypes) > 0, Tags: in.Tags,
	}
	if in.ScalingConfig != nil {
		m.MaxConcurrency = int(protocol.Or(in.ScalingConfig.MaximumConcurrency, 0))
	}
	m, err = a.Mappings.Create(ctx, m)
	if errors.Is(err, function.ErrNotFound) {
		return nil, fmt.Errorf("%w: Function does not exist", function.ErrBadParameter)
	}
	if err != nil {
		return nil, err
	}
	out := mappingConfiguration(m)
	if !m.Disabled {
		out.State = new("Creating") // it is polled from the next moment on; the next description tells
	}
	return out, nil
}

func (a *api) getMapping(_ context.Context, c *protocol.Call, in *GetEventSourceMappingRequest) (*EventSourceMappingConfiguration, error) {
	m, err := a.Mappings.Get(c.Scope, in.UUID)
	if err != nil {
		return nil, err
	}
	return mappingConfiguration(m), nil
}

func (a *api) listMappings(_ context.Context, c *protocol.Call, in *ListEventSourceMappingsRequest) (*ListEventSourceMappingsResponse, error) {
	fn := ""
	if in.FunctionName != nil {
		r, err := function.ParseRef(c.Scope, *in.FunctionName, "")
		if err != nil {
			return nil, err
		}
		fn = r.ARN()
	}
	list, next := a.Mappings.List(c.Scope, protocol.Or(in.EventSourceArn, ""), fn, protocol.Or(in.Marker, ""), min(int(protocol.Or(in.MaxItems, 100)), 100))
	out := &ListEventSourceMappingsResponse{NextMarker: protocol.Some(next), EventSourceMappings: []EventSourceMappingConfiguration{}}
	for _, m := range list {
		out.EventSourceMappings = append(out.EventSourceMappings, *mappingConfiguration(m))
	}
	return out, nil
}

func (a *api) updateMapping(ctx context.Context, c *protocol.Call, in *UpdateEventSourceMappingRequest) (*EventSourceMappingConfiguration, error) {
	var fn string
	if in.FunctionName != nil {
		r, err := mappedFunction(c, *in.FunctionName)
		if err != nil {
			return nil, err
		}
		fn = r.ARN()
	}
	m, err := a.Mappings.Update(ctx, c.Scope, in.UUID, func(m *mapping.Mapping) {
		if fn != "" {
			m.FunctionARN = fn
		}
		m.BatchSize = int(protocol.Or(in.BatchSize, int32(m.BatchSize)))
		m.Window = time.Duration(protocol.Or(in.MaximumBatchingWindowInSeconds, int32(m.Window/time.Second))) * time.Second
		m.Disabled = !protocol.Or(in.Enabled, !m.Disabled)
		if in.FilterCriteria != nil {
			m.Filters = patterns(in.FilterCriteria)
		}
		if in.FunctionResponseTypes != nil {
			m.PartialFailures = len(in.FunctionResponseTypes) > 0
		}
		if in.ScalingConfig != nil {
			m.MaxConcurrency = int(protocol.Or(in.ScalingConfig.MaximumConcurrency, 0))
		}
	})
	if err != nil {
		return nil, err
	}
	out := mappingConfiguration(m)
	switch {
	case in.Enabled == nil:
		out.State = new("Updating")
	case *in.Enabled:
		out.State = new("Enabling")
	default:
		out.State = new("Disabling")
	}
	return out, nil
}

func (a *api) deleteMapping(ctx context.Context, c *protocol.Call, in *DeleteEventSourceMappingRequest) (*EventSourceMappingConfiguration, error) {
	m, err := a.Mappings.Delete(ctx, c.Scope, in.UUID)
	if err != nil {
		return nil, err
	}
	out := mappingConfiguration(m)
	out.State = new("Deleting")
	return out, nil
}

// mappingOf returns the id of the mapping whose ARN it is, or "".
func mappingOf(scope ident.Scope, arn string) string {
	id, ok := strings.CutPrefix(arn, mappingARN(scope, ""))
	if !ok {
		return ""
	}
	return id
}

func (a *api) mappingTags(c *protocol.Call, arn string) (map[string]string, error) {
	m, err := a.Mappings.Get(c.Scope, mappingOf(c.Scope, arn))
	if errors.Is(err, mapping.ErrNotFound) {
		return nil, fmt.Errorf("%w: Event source mapping not found: %s", function.ErrNoPolicy, arn)
	}
	tags := map[string]string{}
	maps.Copy(tags, m.Tags)
	return tags, err
}

func (a *api) tagMapping(ctx context.Context, c *protocol.Call, arn string, add map[string]string, drop []string) error {
	tags, err := a.mappingTags(c, arn)
	if err != nil {
		return err
	}
	maps.Copy(tags, add)
	for _, k := range drop {
		delete(tags, k)
	}
	return a.Mappings.SetTags(ctx, c.Scope, mappingOf(c.Scope, arn), tags)
}
