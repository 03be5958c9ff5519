package lifecycle_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"

	"github.com/tarn-data/tarn/internal/lifecycle"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestGroup_StopsInReverseAfterGoroutines(t *testing.T) {
	var order []string
	g := lifecycle.New(t.Context(), quiet())
	g.OnStop("first", func(context.Context) error { order = append(order, "first"); return nil })
	g.OnStop("second", func(context.Context) error { order = append(order, "second"); return nil })
	g.Go("worker", func(ctx context.Context) { <-ctx.Done(); order = append(order, "worker") })
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"worker", "second", "first"}; !slices.Equal(order, want) {
		t.Errorf("order = %v, want %v", order, want)
	}
	if err := g.Stop(t.Context()); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}

func TestGroup_PanicEndsOnlyItsGoroutine(t *testing.T) {
	g := lifecycle.New(t.Context(), quiet())
	g.Go("bad", func(context.Context) { panic("boom") })
	ran := make(chan struct{})
	g.Go("good", func(context.Context) { close(ran) })
	<-ran
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestGroup_StopReportsWhoDidNotEnd(t *testing.T) {
	g := lifecycle.New(t.Context(), quiet())
	release := make(chan struct{})
	g.Go("stuck", func(context.Context) { <-release })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want context.Canceled", err)
	}
	close(release)
}

func TestGroup_JoinsCloseErrors(t *testing.T) {
	g := lifecycle.New(t.Context(), quiet())
	boom := errors.New("boom")
	g.OnStop("a", func(context.Context) error { return boom })
	if err := g.Stop(t.Context()); !errors.Is(err, boom) {
		t.Errorf("err = %v, want boom", err)
	}
}
