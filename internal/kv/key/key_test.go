package key_test

import (
	"bytes"
	"cmp"
	"math"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/kv/key"
)

func TestOrderIsThatOfTheTuples(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ordered := []key.Key{
		key.In(key.Blob).Str("z"),
		key.In(key.Object),
		key.In(key.Object).Str(""),
		key.In(key.Object).Str("\x00"),
		key.In(key.Object).Str("\x00\x00"),
		key.In(key.Object).Str("\x00\xff"),
		key.In(key.Object).Str("a"),
		key.In(key.Object).Str("a").Str("b"),
		key.In(key.Object).Str("a").Int(math.MinInt64),
		key.In(key.Object).Str("a").Int(-1),
		key.In(key.Object).Str("a").Int(0),
		key.In(key.Object).Str("a").Time(at),
		key.In(key.Object).Str("a").Time(at.Add(1)),
		key.In(key.Object).Str("a").Uint(0),
		key.In(key.Object).Str("a").Uint(math.MaxUint64),
		key.In(key.Object).Str("a\x00"),
		key.In(key.Object).Str("aa"),
		key.In(key.Object).Str("é"),
		key.In(key.Object).Str("\xff\xff"),
	}
	for i := range ordered {
		for j := range ordered {
			if got, want := bytes.Compare(ordered[i], ordered[j]), cmp.Compare(i, j); got != want {
				t.Errorf("compare(%q, %q) = %d, want %d", ordered[i], ordered[j], got, want)
			}
		}
	}
}

func TestReadGivesBackWhatWasWritten(t *testing.T) {
	at := time.Date(2026, 5, 6, 7, 8, 9, 10, time.UTC)
	k := key.In(key.Queue).Str("a\x00b").Uint(7).Int(-9).Time(at).Str("")
	r := key.Read(k, key.Queue)
	s, u, i, ts, e := r.Str(), r.Uint(), r.Int(), r.Time(), r.Str()
	if r.Err() != nil || r.More() {
		t.Fatalf("err = %v, more = %v", r.Err(), r.More())
	}
	if s != "a\x00b" || u != 7 || i != -9 || !ts.Equal(at) || e != "" {
		t.Errorf("got %q %d %d %v %q", s, u, i, ts, e)
	}
}

func TestPrefixes(t *testing.T) {
	base := key.In(key.Object).Str("bucket")
	p := base.Clone().StrPrefix("logs/")
	in, out := base.Clone().Str("logs/1"), base.Clone().Str("logt")
	if bytes.Compare(in, p) < 0 || bytes.Compare(in, p.End()) >= 0 {
		t.Error("logs/1 is not in the range of logs/")
	}
	if bytes.Compare(out, p.End()) < 0 {
		t.Error("logt is in the range of logs/")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(key.In(key.Queue).Str("a").Uint(1).Int(2)))
	f.Add([]byte{byte(key.Queue), 0x10, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := key.Read(b, key.Queue)
		s, u, i := r.Str(), r.Uint(), r.Int()
		if r.Err() != nil || r.More() {
			return
		}
		if again := key.In(key.Queue).Str(s).Uint(u).Int(i); !bytes.Equal(again, b) {
			t.Errorf("%q reads as (%q, %d, %d), which is written as %q", b, s, u, i, again)
		}
	})
}
