package logsapi

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
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
			order := streamOrder(byTime, descending)
			slices.SortFunc(list, order)
			if after != "" {
				last, err := parseStreamToken(after)
				if err != nil {
					return nil, err
				}
				list = slices.DeleteFunc(list, func(s logs.Stream) bool { return order(s, last) <= 0 })
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
		last := list[len(list)-1]
		out.NextToken = &last.Name
		if byTime || descending {
			out.NextToken = new(streamToken(last))
		}
	}
	return out, nil
}

func streamOrder(byTime, descending bool) func(x, y logs.Stream) int {
	return func(x, y logs.Stream) int {
		n := 0
		if byTime {
			n = x.LastEvent.Compare(y.LastEvent)
		}
		if n == 0 {
			n = strings.Compare(x.Name, y.Name)
		}
		if descending {
			n = -n
		}
		return n
	}
}

// streamToken holds the place of a stream in either order, which stays when the stream goes.
func streamToken(s logs.Stream) string {
	nanos := int64(math.MinInt64)
	if !s.LastEvent.IsZero() {
		nanos = s.LastEvent.UnixNano()
	}
	return strconv.FormatInt(nanos, 10) + "/" + s.Name
}

func parseStreamToken(token string) (logs.Stream, error) {
	text, name, _ := strings.Cut(token, "/")
	nanos, err := strconv.ParseInt(text, 10, 64)
	if err != nil || name == "" {
		return logs.Stream{}, logs.ErrBadToken
	}
	s := logs.Stream{Name: name}
	if nanos != math.MinInt64 {
		s.LastEvent = time.Unix(0, nanos)
	}
	return s, nil
}

// sequenceToken is given to old clients, which send it back; CloudWatch Logs has not looked at it since 2023 and does not
// describe streams with it any more.
const sequenceToken = "49039859633320842412846893936523457789025513463871000000"

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
