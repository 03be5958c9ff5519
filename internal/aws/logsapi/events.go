package logsapi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/logs"
)

func (a *api) createStream(ctx context.Context, c *protocol.Call, in *CreateLogStreamRequest) (*CreateLogStreamOutput, error) {
	return &CreateLogStreamOutput{}, a.logs.CreateStream(ctx, c.Scope, in.LogGroupName, in.LogStreamName)
}

func (a *api) deleteStream(ctx context.Context, c *protocol.Call, in *DeleteLogStreamRequest) (*DeleteLogStreamOutput, error) {
	return &DeleteLogStreamOutput{}, a.logs.DeleteStream(ctx, c.Scope, in.LogGroupName, in.LogStreamName)
}

func (a *api) describeStreams(ctx context.Context, c *protocol.Call, in *DescribeLogStreamsRequest) (*DescribeLogStreamsResponse, error) {
	if in.LogGroupIdentifier != nil && in.LogGroupName != nil {
		return nil, &protocol.Error{Code: "ValidationException", Message: "LogGroup name and LogGroup ARN are mutually exclusive parameters."}
	}
	scope, group := groupOf(c.Scope, either(in.LogGroupIdentifier, in.LogGroupName))
	limit, prefix, after := int(protocol.Or(in.Limit, 50)), protocol.Or(in.LogStreamNamePrefix, ""), protocol.Or(in.NextToken, "")
	byTime := protocol.Or(in.OrderBy, OrderBy_LogStreamName) == OrderBy_LastEventTime
	if byTime && prefix != "" {
		return nil, fmt.Errorf("%w: cannot order by LastEventTime with a logStreamNamePrefix", logs.ErrBadInput)
	}
	descending := protocol.Or(in.Descending, false)
	var list []logs.Stream
	var more bool
	var err error
	if byTime || descending {
		// These orders are not that of the keys: the page is cut out of the sorted whole.
		if list, _, err = a.logs.Streams(ctx, scope, group, prefix, "", 0); err == nil {
			slices.SortStableFunc(list, func(x, y logs.Stream) int {
				n := 0
				if byTime {
					n = x.LastEvent.Compare(y.LastEvent)
				}
				if n == 0 {
					n = compare(x.Name, y.Name)
				}
				if descending {
					n = -n
				}
				return n
			})
			if i := slices.IndexFunc(list, func(s logs.Stream) bool { return s.Name == after }); i >= 0 {
				list = list[i+1:]
			}
			if len(list) > limit {
				list, more = list[:limit], true
			}
		}
	} else {
		list, more, err = a.logs.Streams(ctx, scope, group, prefix, after, limit)
	}
	if err != nil {
		return nil, err
	}
	out := &DescribeLogStreamsResponse{LogStreams: []LogStream{}}
	for _, s := range list {
		row := LogStream{
			LogStreamName: &s.Name, Arn: new(groupARN(scope, group) + ":log-stream:" + s.Name), CreationTime: new(s.Created.UnixMilli()), StoredBytes: new(int64(0)),
		}
		if !s.FirstEvent.IsZero() {
			row.FirstEventTimestamp, row.LastEventTimestamp, row.LastIngestionTime = new(s.FirstEvent.UnixMilli()), new(s.LastEvent.UnixMilli()), new(s.LastIngested.UnixMilli())
		}
		out.LogStreams = append(out.LogStreams, row)
	}
	if more {
		out.NextToken = new(list[len(list)-1].Name)
	}
	return out, nil
}

// sequenceToken is given to old clients, which send it back; CloudWatch Logs has not looked at it since 2023 and does not
// describe streams with it any more.
const sequenceToken = "49039859633320842412846893936523457789025513463871000000"

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (a *api) putEvents(ctx context.Context, c *protocol.Call, in *PutLogEventsRequest) (*PutLogEventsResponse, error) {
	events := make([]logs.Event, len(in.LogEvents))
	for i, e := range in.LogEvents {
		events[i] = logs.Event{Time: time.UnixMilli(e.Timestamp), Message: e.Message}
	}
	rej, err := a.logs.Put(ctx, c.Scope, in.LogGroupName, in.LogStreamName, events)
	if err != nil {
		return nil, err
	}
	out := &PutLogEventsResponse{NextSequenceToken: new(sequenceToken)}
	if rej.Any() {
		out.RejectedLogEventsInfo = &RejectedLogEventsInfo{
			TooNewLogEventStartIndex: index(rej.TooNewStart), TooOldLogEventEndIndex: index(rej.TooOldEnd), ExpiredLogEventEndIndex: index(rej.ExpiredEnd),
		}
	}
	return out, nil
}

func index(i int) *int32 {
	if i < 0 {
		return nil
	}
	return new(int32(i))
}

func query(start, end *int64, limit *int32, token *string) logs.Query {
	q := logs.Query{Limit: int(protocol.Or(limit, 0)), Token: protocol.Or(token, "")}
	if start != nil {
		q.Start = time.UnixMilli(*start)
	}
	if end != nil {
		q.End = time.UnixMilli(*end)
	}
	return q
}

func (a *api) getEvents(ctx context.Context, c *protocol.Call, in *GetLogEventsRequest) (*GetLogEventsResponse, error) {
	scope, group := groupOf(c.Scope, either(in.LogGroupIdentifier, in.LogGroupName))
	events, forward, back, err := a.logs.Get(ctx, scope, group, in.LogStreamName, query(in.StartTime, in.EndTime, in.Limit, in.NextToken), protocol.Or(in.StartFromHead, false))
	if err != nil {
		return nil, err
	}
	out := &GetLogEventsResponse{Events: []OutputLogEvent{}, NextForwardToken: &forward, NextBackwardToken: &back}
	for _, e := range events {
		out.Events = append(out.Events, OutputLogEvent{Timestamp: new(e.Time.UnixMilli()), Message: &e.Message, IngestionTime: new(e.Ingested.UnixMilli())})
	}
	return out, nil
}

func (a *api) filterEvents(ctx context.Context, c *protocol.Call, in *FilterLogEventsRequest) (*FilterLogEventsResponse, error) {
	scope, group := groupOf(c.Scope, either(in.LogGroupIdentifier, in.LogGroupName))
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != nil {
		return nil, fmt.Errorf("%w: give logStreamNames or logStreamNamePrefix, not both", logs.ErrBadInput)
	}
	events, next, err := a.logs.Filter(ctx, scope, group, in.LogStreamNames, protocol.Or(in.LogStreamNamePrefix, ""), protocol.Or(in.FilterPattern, ""),
		query(in.StartTime, in.EndTime, in.Limit, in.NextToken))
	if err != nil {
		return nil, err
	}
	out := &FilterLogEventsResponse{Events: []FilteredLogEvent{}, SearchedLogStreams: []SearchedLogStream{}, NextToken: protocol.Some(next)}
	for _, e := range events {
		out.Events = append(out.Events, FilteredLogEvent{
			EventId: new(e.ID()), Timestamp: new(e.Time.UnixMilli()), Message: &e.Message, IngestionTime: new(e.Ingested.UnixMilli()), LogStreamName: &e.Stream,
		})
	}
	return out, nil
}
