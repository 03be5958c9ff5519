package eventsapi

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/eventpattern"
)

func (a *api) putEvents(ctx context.Context, c *protocol.Call, in *PutEventsRequest) (*PutEventsResponse, error) {
	out := &PutEventsResponse{Entries: make([]PutEventsResultEntry, len(in.Entries)), FailedEntryCount: new(int32(0))}
	var list []event.Event
	var buses []event.BusRef
	var places []int
	size := 0
	refuse := func(i int, code, message string) {
		out.Entries[i] = PutEventsResultEntry{ErrorCode: &code, ErrorMessage: &message}
		*out.FailedEntryCount++
	}
	for i := range in.Entries {
		e := &in.Entries[i]
		detail := protocol.Or(e.Detail, "")
		size += len(detail) + len(protocol.Or(e.Source, "")) + len(protocol.Or(e.DetailType, "")) + 14
		var object map[string]json.RawMessage
		switch {
		case protocol.Or(e.Source, "") == "":
			refuse(i, "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument.")
		case protocol.Or(e.DetailType, "") == "":
			refuse(i, "InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument.")
		case detail == "":
			refuse(i, "InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument.")
		case len(*e.Source) > 4 && (*e.Source)[:4] == "aws.":
			refuse(i, "NotAuthorizedForSourceException", "Not authorized for the source.")
		case json.Unmarshal([]byte(detail), &object) != nil:
			refuse(i, "MalformedDetail", "Detail is malformed.")
		default:
			ev := event.Event{Source: *e.Source, DetailType: *e.DetailType, Detail: json.RawMessage(detail), Resources: e.Resources, Account: c.Account}
			if e.Time != nil {
				ev.Time = *e.Time
			}
			list, buses, places = append(list, ev), append(buses, busRef(c.Scope, e.EventBusName)), append(places, i)
		}
	}
	if size > event.MaxEventBytes {
		return nil, &protocol.Error{Code: "ValidationException", Message: "Total size of the entries in the request is over the limit."}
	}
	ids, errs, err := a.events.Put(ctx, list, buses)
	if err != nil {
		return nil, err
	}
	for j, i := range places {
		switch {
		case errors.Is(errs[j], event.ErrNotFound):
			// AWS accepts events for buses that do not exist, and loses them. Here they are refused.
			refuse(i, "InvalidArgument", errs[j].Error())
		case errs[j] != nil:
			refuse(i, "MalformedDetail", errs[j].Error())
		default:
			out.Entries[i].EventId = &ids[j]
		}
	}
	return out, nil
}

func (a *api) testPattern(_ context.Context, _ *protocol.Call, in *TestEventPatternRequest) (*TestEventPatternResponse, error) {
	p, err := eventpattern.Compile([]byte(in.EventPattern))
	if err != nil {
		return nil, err
	}
	doc, err := eventpattern.Decode([]byte(in.Event))
	m, _ := doc.(map[string]any)
	for _, name := range []string{"id", "account", "source", "time", "region", "detail-type"} { // what every event has
		if _, ok := m[name]; err != nil || !ok {
			return nil, &protocol.Error{Code: "ValidationException", Message: "Parameter Event is not valid."}
		}
	}
	return &TestEventPatternResponse{Result: new(p.Match(doc))}, nil
}
