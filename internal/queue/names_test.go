package queue_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/queue"
)

func TestNamesRestAfterADeletion(t *testing.T) {
	r := newRig(t)
	q := r.make("q", nil)
	if err := r.Delete(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	again := func() error {
		_, err := r.Create(t.Context(), q, queue.Defaults(), nil, func(queue.Settings) error { return nil })
		return err
	}
	r.clock.Advance(59 * time.Second)
	if err := again(); !errors.Is(err, queue.ErrDeletedRecently) {
		t.Errorf("after 59 s: %v", err)
	}
	r = r.reopen()
	if err := again(); !errors.Is(err, queue.ErrDeletedRecently) {
		t.Errorf("after a restart: %v", err)
	}
	r.clock.Advance(time.Second)
	if err := again(); err != nil {
		t.Errorf("after a minute: %v", err)
	}
}
