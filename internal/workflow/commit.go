package workflow

import (
	"encoding/binary"
	"time"

	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/meter"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// encodeRun is what changes with every step: the newest event and thread, and where the record is.
func encodeRun(s *interp.State, recKey []byte) []byte {
	b := binary.AppendUvarint(make([]byte, 0, 24+len(recKey)), uint64(s.LastEvent))
	b = binary.AppendUvarint(b, uint64(s.LastThread))
	return append(b, recKey...)
}

func decodeRun(b []byte) (last int64, thread uint32, recKey []byte, err error) {
	u, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, 0, nil, interp.ErrMalformed
	}
	v, m := binary.Uvarint(b[n:])
	if m <= 0 {
		return 0, 0, nil, interp.ErrMalformed
	}
	return int64(u), uint32(v), b[n+m:], nil
}

// fill puts all that a step changed into the batch. x.mu is held.
func (e *Engine) fill(b *kv.Batch, x *exec, s *interp.Step) {
	rec, k := x.rec, x.rec.Key
	if len(s.Events) > 0 {
		var h []byte
		for i := range s.Events {
			h = interp.AppendEvent(h, &s.Events[i])
		}
		b.Set(historyKey(k, s.Events[0].ID), h)
	}
	for _, id := range s.Gone {
		b.Delete(threadKey(k, id))
	}
	for _, id := range s.Emptied {
		b.Delete(itemsKey(k, id))
		lo := byKey("o", k).Uint(uint64(id))
		b.DeleteRange(lo, lo.End())
	}
	for _, id := range s.Items {
		if t := s.State.Threads[id]; t != nil {
			t.Filled = true
			b.Set(itemsKey(k, id), []byte(t.ItemsText()))
		}
	}
	for _, r := range s.Results {
		if t := s.State.Threads[r.Thread]; t != nil {
			t.Filled = true
			b.Set(resultKey(k, r.Thread, r.Index), []byte(r.Text))
		}
	}
	running := s.State.Status == interp.Running
	for id := range s.Dirty {
		t := s.State.Threads[id]
		if t == nil {
			continue
		}
		if !running && s.State.Status == interp.Succeeded {
			if t.Stored {
				b.Delete(threadKey(k, id))
			}
			continue
		}
		t.Stored = true
		b.Set(threadKey(k, id), interp.AppendThread(nil, t))
	}
	if running {
		wakes := x.asleep && (len(s.Events) > 0 || len(s.Dirty) > 0)
		if wakes {
			x.rise(b)
		}
		if len(s.Events) > 0 || wakes {
			b.Set(runKey(k), encodeRun(s.State, recordKey(rec.Scope, rec.Machine, rec.Name)))
		}
	} else if x.result == nil {
		e.finishRecord(x, s)
		rec = x.result
		b.Delete(runKey(k))
		x.rise(b)
		e.putRecord(b, rec)
		e.tell(b, rec)
		b.Set(gcKey(rec.Stop, k), recordKey(rec.Scope, rec.Machine, rec.Name))
	}
	if e.meter != nil {
		n := 0
		for i := range s.Events {
			if s.Events[i].Name != "" && s.Events[i].Input != "" {
				n++
			}
		}
		if n > 0 {
			e.meter.Add(b, s.Now, rec.Scope, meter.StateTransitions, rec.MachineARN, float64(n))
		}
	}
}

func (e *Engine) putRecord(b *kv.Batch, rec *Record) {
	kv.Put(b, recordKey(rec.Scope, rec.Machine, rec.Name), rec)
	kv.Put(b, listKey(rec.Scope, rec.Machine, rec.Start, rec.Key), rec.listed())
}

// finishRecord takes an ended state over into the record.
func (e *Engine) finishRecord(x *exec, s *interp.Step) {
	if s.State.Status == interp.Running || x.result != nil {
		return
	}
	rec := *x.rec
	rec.Status, rec.Output, rec.Error, rec.Cause = s.State.Status, s.State.Output, s.State.Error, s.State.Cause
	rec.Events, rec.Threads = s.State.LastEvent, s.State.LastThread
	rec.Stop = s.State.Stop.Truncate(time.Millisecond)
	x.result = &rec
}
