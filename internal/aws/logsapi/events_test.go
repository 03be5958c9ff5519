package logsapi

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/logs"
)

// A stream that goes between two pages ends neither the list nor begins it anew.
func TestPagesOfStreamsByTimeWhileTheyGo(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	a := &api{logs.New(kvtest.New(t), logs.Options{Clock: clock.NewFake(now)})}
	c := &protocol.Call{Scope: ident.Scope{Account: "000000000000", Region: "us-east-1"}}
	for i := range 6 {
		if err := a.logs.Append(t.Context(), c.Scope, "/g", fmt.Sprintf("s%d", i), []logs.Event{{Time: now.Add(time.Duration(i) * time.Second), Message: "x"}}); err != nil {
			t.Fatal(err)
		}
	}
	order, group, two, yes := OrderBy_LastEventTime, "/g", int32(2), true
	in := &DescribeLogStreamsRequest{LogGroupName: &group, OrderBy: &order, Descending: &yes, Limit: &two}
	got := ""
	for range 5 {
		out, err := a.describeStreams(context.Background(), c, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range out.LogStreams {
			got += *s.LogStreamName + " "
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
		last := *out.LogStreams[len(out.LogStreams)-1].LogStreamName
		if err := a.logs.DeleteStream(t.Context(), c.Scope, "/g", last); err != nil {
			t.Fatal(err)
		}
	}
	if want := "s5 s4 s3 s2 s1 s0 "; got != want {
		t.Errorf("the pages hold %s, want %s", got, want)
	}
	in.NextToken = new("s5")
	if _, err := a.describeStreams(context.Background(), c, in); err == nil {
		t.Error("a token that is none was taken")
	}
}
