package clock_test

import (
	"context"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/clock"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestFake_AdvanceFiresInOrder(t *testing.T) {
	f := clock.NewFake(start)
	late, early := f.NewTimer(2*time.Second), f.NewTimer(time.Second)
	f.Advance(3 * time.Second)
	if got := <-early.C(); !got.Equal(start.Add(time.Second)) {
		t.Errorf("early fired at %v", got)
	}
	if got := <-late.C(); !got.Equal(start.Add(2 * time.Second)) {
		t.Errorf("late fired at %v", got)
	}
	if now := f.Now(); !now.Equal(start.Add(3 * time.Second)) {
		t.Errorf("now = %v", now)
	}
}

func TestFake_StopAndReset(t *testing.T) {
	f := clock.NewFake(start)
	tm := f.NewTimer(time.Second)
	if !tm.Stop() || tm.Stop() {
		t.Fatal("Stop must report true once, then false")
	}
	f.Advance(time.Minute)
	select {
	case <-tm.C():
		t.Fatal("a stopped timer fired")
	default:
	}
	tm.Reset(0)
	<-tm.C()
}

func TestSleep(t *testing.T) {
	f := clock.NewFake(start)
	done := make(chan error, 1)
	go func() { done <- clock.Sleep(context.Background(), f, time.Hour) }()
	f.AwaitTimers(1)
	f.Advance(time.Hour)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { done <- clock.Sleep(ctx, f, time.Hour) }()
	f.AwaitTimers(1)
	cancel()
	if err := <-done; err != context.Canceled {
		t.Fatalf("err = %v, want context.Canceled", err)
	}
}

func TestFake_JumpMovesTheWallClockAlone(t *testing.T) {
	f := clock.NewFake(start)
	tm, steady := f.NewTimer(time.Minute), clock.Steady(f)
	f.Advance(10 * time.Second)
	f.Jump(time.Hour)
	f.Advance(49 * time.Second)
	select {
	case <-tm.C():
		t.Fatal("a timer fired early")
	default:
	}
	f.Jump(-3 * time.Hour)
	f.Advance(time.Second)
	<-tm.C()
	if got, want := f.Now(), start.Add(time.Minute-2*time.Hour); !got.Equal(want) {
		t.Errorf("now = %v, want %v", got, want)
	}
	if got, want := steady.Now(), start.Add(time.Minute); !got.Equal(want) {
		t.Errorf("steady: now = %v, want %v", got, want)
	}
}

func TestJumps(t *testing.T) {
	f := clock.NewFake(start)
	j := clock.NewJumps(f)
	for _, c := range []struct{ pass, jump, want time.Duration }{
		{time.Hour, 0, 0}, {time.Second, time.Hour, time.Hour}, {time.Second, 0, 0}, {0, -2 * time.Hour, -2 * time.Hour},
		{0, 400 * time.Millisecond, 0}, {time.Minute, 400 * time.Millisecond, 0}, {time.Minute, 400 * time.Millisecond, 1200 * time.Millisecond}, // small ones add up
	} {
		f.Advance(c.pass)
		f.Jump(c.jump)
		if got := j.Next(); got != c.want {
			t.Errorf("after %v and a jump of %v: %v, want %v", c.pass, c.jump, got, c.want)
		}
	}
}
