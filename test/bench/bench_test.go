package main

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tarn-data/tarn/test/bench/floor"
)

// served is a floor without a process of its own.
func served(t *testing.T) *server {
	t.Helper()
	f, err := floor.New(t.TempDir(), peerKeys.Secret)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(f)
	t.Cleanup(func() {
		h.Close()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return &server{name: limits, client: newClient(h.URL, peerKeys)}
}

func TestFloorKeepsObjects(t *testing.T) {
	s := served(t)
	for _, size := range []int{0, 5, 4 << 10, 100 << 10} {
		b := body(size, 7)
		if err := s.put("a", b, md5Of(b)); err != nil {
			t.Fatal(err)
		}
		for _, c := range []call{
			{service: "s3", method: "GET", path: "/" + bucket + "/a"},
			{service: "s3", method: "PUT", path: "/" + bucket + "/b", header: map[string]string{"X-Amz-Copy-Source": "/" + bucket + "/a"}},
			{service: "s3", method: "GET", path: "/" + bucket + "/b"},
		} {
			got, _, err := s.do(c)
			if err != nil {
				t.Fatal(err)
			}
			if c.method == "GET" && string(got) != string(b) {
				t.Errorf("%s gave %d bytes of %d", c.path, len(got), len(b))
			}
		}
	}
}

func TestFloorRefusesWhatIsNotSigned(t *testing.T) {
	s := served(t)
	s.cred.Secret = "wrong"
	if err := s.put("a", nil, md5Of(nil)); err == nil {
		t.Error("a put with a wrong secret was taken")
	}
}

func TestWorkloadsCheckTheirAnswers(t *testing.T) {
	s := served(t)
	for name, run := range map[string]func(*server, int, time.Duration) (sample, error){
		"put": s3Put(4<<10, 2), "get": s3Get, "copy": s3Copy, "list": s3List, "cycle": sqsCycle(1, false), "tens": sqsCycle(10, false),
	} {
		got, err := run(s, 0, 50*time.Millisecond)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got.units == 0 || len(got.calls) == 0 {
			t.Errorf("%s did nothing: %+v", name, got)
		}
	}
}

func TestLoadEndsAtTheFirstError(t *testing.T) {
	bad := errors.New("bad")
	calls := 0
	_, err := load{workers: 1, calls: 100, op: func(_ int, i int64) (int, error) {
		calls++
		if i == 3 {
			return 0, bad
		}
		return 1, nil
	}}.run(selfCPU)
	if !errors.Is(err, bad) || calls != 4 {
		t.Errorf("ended with %v after %d calls", err, calls)
	}
}

func TestMiddle(t *testing.T) {
	s := func(us int64) sample { return sample{units: 10, cpu: time.Duration(us) * 10 * time.Microsecond} }
	if got := middle([]sample{s(9), s(1), s(5)}).perUnit(); got != 5*time.Microsecond {
		t.Errorf("the median is %v", got)
	}
	for d, want := range map[time.Duration]string{0: "–", 1500: "1.5 µs", 2_500_000: "2.5 ms"} {
		if got := show(d); got != want {
			t.Errorf("show(%d) = %s, want %s", d, got, want)
		}
	}
}
