package eventsapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/event"
	"github.com/tarn-data/tarn/internal/ident"
)

func invalid(text string) error {
	return &protocol.Error{Code: "ValidationException", Message: text}
}

func (a *api) createArchive(ctx context.Context, c *protocol.Call, in *CreateArchiveRequest) (*CreateArchiveResponse, error) {
	bus, ok := busOf(in.EventSourceArn)
	if !ok {
		return nil, invalid("Parameter EventSourceArn is not valid. Reason: Must contain an event bus ARN.")
	}
	if bus.Scope != c.Scope { // buses of others are not seen from here
		return nil, fmt.Errorf("%w: Event bus %s does not exist.", event.ErrNotFound, bus.Name)
	}
	x, err := a.events.CreateArchive(ctx, event.Archive{
		Bus: bus, Name: in.ArchiveName, Description: protocol.Or(in.Description, ""), Pattern: protocol.Or(in.EventPattern, ""), Days: int(protocol.Or(in.RetentionDays, 0)),
	})
	if err != nil {
		return nil, err
	}
	return &CreateArchiveResponse{ArchiveArn: new(x.ARN()), CreationTime: &x.Created, State: new(ArchiveState_ENABLED)}, nil
}

func (a *api) updateArchive(ctx context.Context, c *protocol.Call, in *UpdateArchiveRequest) (*UpdateArchiveResponse, error) {
	x, err := a.events.EditArchive(ctx, c.Scope, in.ArchiveName, func(x *event.Archive) {
		x.Description = protocol.Or(in.Description, x.Description)
		x.Pattern = protocol.Or(in.EventPattern, x.Pattern)
		x.Days = int(protocol.Or(in.RetentionDays, int32(x.Days)))
	})
	if err != nil {
		return nil, err
	}
	return &UpdateArchiveResponse{ArchiveArn: new(x.ARN()), CreationTime: &x.Created, State: new(ArchiveState_ENABLED)}, nil
}

func (a *api) deleteArchive(ctx context.Context, c *protocol.Call, in *DeleteArchiveRequest) (*DeleteArchiveResponse, error) {
	return &DeleteArchiveResponse{}, a.events.DeleteArchive(ctx, c.Scope, in.ArchiveName)
}

func (a *api) describeArchive(ctx context.Context, c *protocol.Call, in *DescribeArchiveRequest) (*DescribeArchiveResponse, error) {
	x, err := a.events.Archive(c.Scope, in.ArchiveName)
	if err != nil {
		return nil, err
	}
	n, size, err := a.events.ArchiveSize(ctx, x)
	if err != nil {
		return nil, err
	}
	return &DescribeArchiveResponse{
		ArchiveArn: new(x.ARN()), ArchiveName: &x.Name, EventSourceArn: new(x.Bus.ARN()), Description: protocol.Some(x.Description), EventPattern: protocol.Some(x.Pattern),
		State: new(ArchiveState_ENABLED), RetentionDays: new(int32(x.Days)), SizeBytes: &size, EventCount: &n, CreationTime: &x.Created,
	}, nil
}

func (a *api) listArchives(ctx context.Context, c *protocol.Call, in *ListArchivesRequest) (*ListArchivesResponse, error) {
	prefix, source := protocol.Or(in.NamePrefix, ""), protocol.Or(in.EventSourceArn, "")
	if bus, ok := busOf(source); ok {
		if _, err := a.events.Bus(bus); err != nil {
			return nil, err
		}
	}
	list, next := a.events.Archives(c.Scope, func(x event.Archive) bool {
		return strings.HasPrefix(x.Name, prefix) && (source == "" || x.Bus.ARN() == source) && protocol.Or(in.State, ArchiveState_ENABLED) == ArchiveState_ENABLED
	}, after(in.NextToken), page(in.Limit))
	out := &ListArchivesResponse{Archives: []Archive{}, NextToken: token(next)}
	for _, x := range list {
		n, size, err := a.events.ArchiveSize(ctx, x)
		if err != nil {
			return nil, err
		}
		out.Archives = append(out.Archives, Archive{
			ArchiveName: new(x.Name), EventSourceArn: new(x.Bus.ARN()), State: new(ArchiveState_ENABLED), RetentionDays: new(int32(x.Days)), SizeBytes: &size, EventCount: &n,
			CreationTime: new(x.Created),
		})
	}
	return out, nil
}

// archiveOf reads the ARN of an archive.
func archiveOf(s ident.Scope, arn string) (string, error) {
	a, err := ident.ParseARN(arn)
	name, ok := strings.CutPrefix(a.Resource, "archive/")
	if err != nil || !ok || a.Service != "events" || a.Scope() != s {
		return "", invalid("Parameter EventSourceArn is not valid. Reason: Must contain an archive ARN of this account and region.")
	}
	return name, nil
}

func (a *api) startReplay(ctx context.Context, c *protocol.Call, in *StartReplayRequest) (*StartReplayResponse, error) {
	archive, err := archiveOf(c.Scope, in.EventSourceArn)
	if err != nil {
		return nil, err
	}
	bus, ok := busOf(in.Destination.Arn)
	if !ok {
		return nil, invalid("Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN.")
	}
	if bus.Scope == c.Scope {
		if _, err := a.events.Bus(bus); err != nil {
			return nil, err
		}
	}
	if _, err := a.events.Archive(c.Scope, archive); errors.Is(err, event.ErrNotFound) {
		return nil, invalid("Parameter EventSourceArn is not valid. Reason: Archive " + archive + " does not exist.")
	}
	r, err := a.events.StartReplay(ctx, event.Replay{
		Scope: c.Scope, Name: in.ReplayName, Description: protocol.Or(in.Description, ""), Archive: archive, Bus: bus, Rules: in.Destination.FilterArns,
		From: in.EventStartTime, To: in.EventEndTime,
	})
	if err != nil {
		return nil, err
	}
	return &StartReplayResponse{ReplayArn: new(r.ARN()), State: new(ReplayState(r.State)), ReplayStartTime: &r.Started}, nil
}

func (a *api) cancelReplay(ctx context.Context, c *protocol.Call, in *CancelReplayRequest) (*CancelReplayResponse, error) {
	r, err := a.events.CancelReplay(ctx, c.Scope, in.ReplayName)
	if err != nil {
		return nil, err
	}
	return &CancelReplayResponse{ReplayArn: new(r.ARN()), State: new(ReplayState(r.State))}, nil
}

func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a *api) describeReplay(ctx context.Context, c *protocol.Call, in *DescribeReplayRequest) (*DescribeReplayResponse, error) {
	r, err := a.events.Replay(ctx, c.Scope, in.ReplayName)
	if err != nil {
		return nil, err
	}
	return &DescribeReplayResponse{
		ReplayName: &r.Name, ReplayArn: new(r.ARN()), Description: protocol.Some(r.Description), State: new(ReplayState(r.State)), StateReason: protocol.Some(r.Reason),
		EventSourceArn: new(c.Scope.ARN("events", "archive/"+r.Archive)), Destination: &ReplayDestination{Arn: r.Bus.ARN(), FilterArns: r.Rules},
		EventStartTime: &r.From, EventEndTime: &r.To, EventLastReplayedTime: some(r.LastEvent), ReplayStartTime: &r.Started, ReplayEndTime: some(r.Ended),
	}, nil
}

func (a *api) listReplays(ctx context.Context, c *protocol.Call, in *ListReplaysRequest) (*ListReplaysResponse, error) {
	prefix, state, archive := protocol.Or(in.NamePrefix, ""), event.ReplayState(protocol.Or(in.State, "")), ""
	if in.EventSourceArn != nil {
		var err error
		if archive, err = archiveOf(c.Scope, *in.EventSourceArn); err != nil {
			return nil, err
		}
	}
	list, next, err := a.events.Replays(ctx, c.Scope, func(r event.Replay) bool {
		return strings.HasPrefix(r.Name, prefix) && (state == "" || r.State == state) && (archive == "" || r.Archive == archive)
	}, after(in.NextToken), page(in.Limit))
	if err != nil {
		return nil, err
	}
	out := &ListReplaysResponse{Replays: []Replay{}, NextToken: token(next)}
	for _, r := range list {
		out.Replays = append(out.Replays, Replay{
			ReplayName: new(r.Name), EventSourceArn: new(c.Scope.ARN("events", "archive/"+r.Archive)), State: new(ReplayState(r.State)), StateReason: protocol.Some(r.Reason),
			EventStartTime: new(r.From), EventEndTime: new(r.To), EventLastReplayedTime: some(r.LastEvent), ReplayStartTime: new(r.Started), ReplayEndTime: some(r.Ended),
		})
	}
	return out, nil
}
