package meter_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/meter"
)

func TestTally(t *testing.T) {
	store, c := kvtest.New(t), clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	tally := meter.NewTally(meter.New())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); tally.Run(ctx, store, c, slog.New(slog.DiscardHandler)) }()
	scope := ident.Scope{Account: "000000000000", Region: "us-east-1"}
	for range 3 {
		tally.Add(scope, meter.SQSRequests, "q", 1)
	}
	c.AwaitTimers(1)
	c.Advance(2 * time.Second)
	c.AwaitTimers(1)
	tally.Add(scope, meter.SQSRequests, "q", 2)
	cancel()
	<-done // which writes what is left
	list, err := meter.Sum(t.Context(), store, scope.Account, c.Now().Add(-time.Hour))
	if err != nil || len(list) != 1 || list[0].Quantity != 5 || list[0].Resource != "q" {
		t.Errorf("%+v %v", list, err)
	}
}
