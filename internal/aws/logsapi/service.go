package logsapi

import (
	"errors"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/logs"
)

type api struct{ logs *logs.Store }

// New returns the operation table of Amazon CloudWatch Logs.
func New(store *logs.Store) *protocol.Service {
	a := &api{store}
	return &protocol.Service{
		Name: "logs", SDKName: "cloudWatchLogs", Model: Model, MapError: mapError,
		ValidationCode: Code_InvalidParameterException, InternalCode: Code_ServiceUnavailableException,
		Ops: []protocol.Op{
			protocol.Handle("CreateLogGroup", group(func(r *CreateLogGroupRequest) string { return r.LogGroupName }), a.createGroup),
			protocol.Handle("DeleteLogGroup", group(func(r *DeleteLogGroupRequest) string { return r.LogGroupName }), a.deleteGroup),
			protocol.Handle("DescribeLogGroups", stream(func(*DescribeLogGroupsRequest) (string, string) { return "", "" }), a.describeGroups),
			protocol.Handle("PutRetentionPolicy", group(func(r *PutRetentionPolicyRequest) string { return r.LogGroupName }), a.putRetention),
			protocol.Handle("DeleteRetentionPolicy", group(func(r *DeleteRetentionPolicyRequest) string { return r.LogGroupName }), a.deleteRetention),
			protocol.Handle("ListTagsLogGroup", group(func(r *ListTagsLogGroupRequest) string { return r.LogGroupName }), a.listTagsGroup),
			protocol.Handle("TagLogGroup", group(func(r *TagLogGroupRequest) string { return r.LogGroupName }), a.tagGroup),
			protocol.Handle("UntagLogGroup", group(func(r *UntagLogGroupRequest) string { return r.LogGroupName }), a.untagGroup),
			protocol.Handle("ListTagsForResource", bareGroup(func(r *ListTagsForResourceRequest) string { return r.ResourceArn }), a.listTags),
			protocol.Handle("TagResource", bareGroup(func(r *TagResourceRequest) string { return r.ResourceArn }), a.tag),
			protocol.Handle("UntagResource", bareGroup(func(r *UntagResourceRequest) string { return r.ResourceArn }), a.untag),

			protocol.Handle("CreateLogStream", group(func(r *CreateLogStreamRequest) string { return r.LogGroupName }), a.createStream),
			protocol.Handle("DeleteLogStream", stream(func(r *DeleteLogStreamRequest) (string, string) { return r.LogGroupName, r.LogStreamName }), a.deleteStream),
			protocol.Handle("DescribeLogStreams", group(func(r *DescribeLogStreamsRequest) string { return either(r.LogGroupIdentifier, r.LogGroupName) }), a.describeStreams),
			protocol.Handle("PutLogEvents", stream(func(r *PutLogEventsRequest) (string, string) { return r.LogGroupName, r.LogStreamName }), a.putEvents),
			protocol.Handle("GetLogEvents", stream(func(r *GetLogEventsRequest) (string, string) {
				return either(r.LogGroupIdentifier, r.LogGroupName), r.LogStreamName
			}), a.getEvents),
			protocol.Handle("FilterLogEvents", group(func(r *FilterLogEventsRequest) string { return either(r.LogGroupIdentifier, r.LogGroupName) }), a.filterEvents),
		},
	}
}

// group names the log group that a request is about.
func group[In any](name func(*In) string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		scope, n := groupOf(c.Scope, name(in))
		return []string{groupARN(scope, n) + ":*"}
	}
}

// bareGroup names it as the newer operations on tags do, without :*.
func bareGroup[In any](name func(*In) string) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		scope, n := groupOf(c.Scope, name(in))
		return []string{groupARN(scope, n)}
	}
}

// stream names the log stream that a request is about.
func stream[In any](name func(*In) (group, stream string)) func(*protocol.Call, *In) []string {
	return func(c *protocol.Call, in *In) []string {
		g, s := name(in)
		scope, n := groupOf(c.Scope, g)
		return []string{groupARN(scope, n) + ":log-stream:" + s}
	}
}

func groupARN(s ident.Scope, name string) string { return s.ARN("logs", "log-group:"+name) }

// groupOf accepts a group's name or its ARN.
func groupOf(s ident.Scope, name string) (ident.Scope, string) {
	if a, err := ident.ParseARN(name); err == nil && a.Service == "logs" {
		return a.Scope(), strings.TrimSuffix(strings.TrimPrefix(a.Resource, "log-group:"), ":*")
	}
	return s, name
}

func either(identifier, name *string) string {
	return protocol.Or(identifier, protocol.Or(name, ""))
}

var errorTable = []struct {
	err  error
	code string
}{
	{logs.ErrNoSuchGroup, Code_ResourceNotFoundException},
	{logs.ErrNoSuchStream, Code_ResourceNotFoundException},
	{logs.ErrExists, Code_ResourceAlreadyExistsException},
	{logs.ErrBadToken, Code_InvalidParameterException},
	{logs.ErrBadPattern, Code_InvalidParameterException},
	{logs.ErrBadInput, Code_InvalidParameterException},
}

func mapError(err error) *protocol.Error {
	for _, row := range errorTable {
		if errors.Is(err, row.err) {
			return &protocol.Error{Code: row.code, Message: message(err, row.err)}
		}
	}
	return nil
}

// message words an error as CloudWatch Logs does: it names neither what is missing nor the kind of a bad input.
func message(err, kind error) string {
	text := err.Error()
	switch kind {
	case logs.ErrNoSuchGroup, logs.ErrNoSuchStream:
		text = kind.Error()
	case logs.ErrBadInput:
		text = strings.TrimPrefix(text, kind.Error()+": ")
	case logs.ErrExists:
		return upper(text) // without a full stop
	}
	return upper(text) + "."
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
