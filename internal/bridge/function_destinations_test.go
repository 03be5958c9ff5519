package bridge

import (
	"context"
	"errors"
	"testing"

	"github.com/tarn-data/tarn/internal/function"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/kv"
)

// A restart may find records before the engines that take them are open.
func TestDestinationsWaitUntilTheyAreConnected(t *testing.T) {
	d := NewDestinations(nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- d.Send(ctx, &kv.Batch{}, ident.Scope{}, "arn:aws:none:us-east-1:000000000000:x", function.Outcome{})
	}()
	d.Connect(nil, nil, nil)
	if err := <-done; err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("after it was connected: %v", err)
	}
	cancel()
	if err := NewDestinations(nil).Send(ctx, &kv.Batch{}, ident.Scope{}, "arn:aws:sns:us-east-1:000000000000:x", function.Outcome{}); !errors.Is(err, context.Canceled) {
		t.Errorf("without an end: %v", err)
	}
}
