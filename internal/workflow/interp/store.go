package interp

import (
	"encoding/binary"
	"sort"
	"time"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

const threadVersion = 1

// AppendThread appends the stored form of t without its items and results, which are stored apart.
func AppendThread(dst []byte, t *Thread) []byte {
	dst = append(dst, threadVersion, byte(t.Phase))
	for _, n := range [...]int64{int64(t.ID), int64(t.Parent), int64(t.Index), t.Prev, t.Before, t.Entered, micro(t.EnteredAt), int64(t.Retries), micro(t.Due),
		int64(t.Attempt), flags(t.Started, t.Submitted), micro(t.Deadline), int64(t.Heartbeat), micro(t.BeatBy),
		int64(t.Total), int64(t.Next), int64(t.Active), int64(t.Done), int64(t.Limit)} {
		dst = binary.AppendVarint(dst, n)
	}
	for _, s := range [...]string{t.State, t.Token, t.Handle, t.MapRun, t.in.json()} {
		dst = appendText(dst, s)
	}
	dst = binary.AppendUvarint(dst, uint64(len(t.Tries)))
	for _, n := range t.Tries {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	names := make([]string, 0, len(t.Vars))
	for n := range t.Vars {
		names = append(names, n)
	}
	sort.Strings(names)
	dst = binary.AppendUvarint(dst, uint64(len(names)))
	for _, n := range names {
		dst = appendText(appendText(dst, n), t.Vars[n])
	}
	return dst
}

func flags(a, b bool) int64 {
	n := int64(0)
	if a {
		n = 1
	}
	if b {
		n |= 2
	}
	return n
}

// micro keeps the zero time as 0.
func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicro(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// ReadThread reads what AppendThread wrote.
func ReadThread(b []byte) (*Thread, error) {
	r := &reader{b: b}
	if r.byte() != threadVersion {
		return nil, ErrMalformed
	}
	t := &Thread{Phase: Phase(r.byte())}
	var n [19]int64
	for i := range n {
		n[i] = r.int()
	}
	t.ID, t.Parent, t.Index, t.Prev, t.Before, t.Entered, t.EnteredAt = uint32(n[0]), uint32(n[1]), int(n[2]), n[3], n[4], n[5], fromMicro(n[6])
	t.Retries, t.Due, t.Attempt, t.Started, t.Submitted = int(n[7]), fromMicro(n[8]), uint32(n[9]), n[10]&1 != 0, n[10]&2 != 0
	t.Deadline, t.Heartbeat, t.BeatBy = fromMicro(n[11]), time.Duration(n[12]), fromMicro(n[13])
	t.Total, t.Next, t.Active, t.Done, t.Limit = int(n[14]), int(n[15]), int(n[16]), int(n[17]), int(n[18])
	t.State, t.Token, t.Handle, t.MapRun = r.text(), r.text(), r.text(), r.text()
	t.in = fromText(r.text())
	for k := r.uint(); k > 0 && !r.bad; k-- {
		t.Tries = append(t.Tries, int(r.uint()))
	}
	for k := r.uint(); k > 0 && !r.bad; k-- {
		if t.Vars == nil {
			t.Vars = map[string]string{}
		}
		name := r.text()
		t.Vars[name] = r.text()
	}
	if r.bad || len(r.b) > 0 {
		return nil, ErrMalformed
	}
	return t, nil
}

// ItemsText returns the items of the thread's Map state as JSON.
func (t *Thread) ItemsText() string { return jsonvalue.Marshal(t.items) }

// SetItems gives a thread the items of its Map state, as stored.
func (t *Thread) SetItems(text string) error {
	v, err := jsonvalue.Parse(text)
	if err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok {
		return ErrMalformed
	}
	t.items = list
	t.results = make([]string, t.Total)
	return nil
}

// Prepare completes a thread after it was read with its items and results.
func (t *Thread) Prepare() {
	if t.Phase == Joining && t.results == nil {
		t.results = make([]string, t.Total)
	}
}

// SetResult gives a thread the result of a child, as stored.
func (t *Thread) SetResult(index int, text string) {
	if t.results == nil {
		t.results = make([]string, t.Total)
	}
	if index >= 0 && index < len(t.results) {
		t.results[index] = text
	}
}
