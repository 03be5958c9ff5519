// Package blobtest holds every backend of blob to the same suite.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/tarn-data/tarn/internal/blob"
)

// Run holds a backend to the contract of package blob. Each call of fresh prepares an empty place and returns a function
// that opens a store on it; the suite closes a store before it opens the next one there.
func Run(t *testing.T, fresh func(t *testing.T) (open func(t *testing.T) blob.Store)) {
	for _, c := range []struct {
		name string
		test func(*testing.T, func(*testing.T) blob.Store)
	}{
		{"RoundTrip", testRoundTrip}, {"Abort", testAbort}, {"Remove", testRemove}, {"List", testList},
		{"Unknown", testUnknown}, {"Concurrent", testConcurrent}, {"Context", testContext},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
}

// Write stores data in pieces of at most 100,000 bytes and returns the blob's id.
func Write(t testing.TB, s blob.Store, data []byte) blob.ID {
	t.Helper()
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for piece := range slices.Chunk(data, 100_000) {
		if n, err := w.Write(piece); err != nil || n != len(piece) {
			t.Fatalf("write = %d, %v", n, err)
		}
	}
	id, err := w.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func random(n int) []byte {
	rng := rand.NewChaCha8([32]byte{byte(n)})
	b := make([]byte, n)
	rng.Read(b)
	return b
}

func testRoundTrip(t *testing.T, open func(*testing.T) blob.Store) {
	const mib = 1 << 20
	s := open(t)
	ids := map[int]blob.ID{}
	sizes := []int{0, 1, 33_000, 4*mib - 1, 4 * mib, 4*mib + 1, 9 * mib}
	for _, n := range sizes {
		ids[n] = Write(t, s, random(n))
	}
	for range 2 { // the second time after a restart
		for _, n := range sizes {
			check(t, s, ids[n], random(n))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t)
	}
}

func check(t *testing.T, s blob.Store, id blob.ID, want []byte) {
	t.Helper()
	r, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Size() != int64(len(want)) {
		t.Fatalf("size = %d, want %d", r.Size(), len(want))
	}
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes, %v, equal %v", len(got), err, bytes.Equal(got, want))
	}
	for range 5 {
		if len(want) == 0 {
			break
		}
		off := rand.IntN(len(want))
		part := make([]byte, 1+rand.IntN(70_000))
		n, err := r.ReadAt(part, int64(off))
		if end := min(off+len(part), len(want)); !bytes.Equal(part[:n], want[off:end]) || err != nil && err != io.EOF {
			t.Fatalf("read at %d of %d = %d, %v", off, len(want), n, err)
		}
		if pos, err := r.Seek(int64(off), io.SeekStart); err != nil || pos != int64(off) {
			t.Fatalf("seek = %d, %v", pos, err)
		}
		if rest, err := io.ReadAll(r); err != nil || !bytes.Equal(rest, want[off:]) {
			t.Fatalf("read from %d: %d bytes, %v", off, len(rest), err)
		}
	}
	if n, err := r.ReadAt(make([]byte, 1), int64(len(want))); n != 0 || err != io.EOF {
		t.Fatalf("read behind the end = %d, %v, want EOF", n, err)
	}
	f, err := r.File(0, int64(len(want)))
	if err != nil {
		t.Fatal(err)
	}
	if f != nil {
		whole, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
		if err != nil || !bytes.Equal(whole, want) {
			t.Fatalf("the reader's file holds %d bytes, %v", len(whole), err)
		}
	}
	p, err := s.Path(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if p == "" {
		return // a test's file system has no paths
	}
	if whole, err := os.ReadFile(p); err == nil && !bytes.Equal(whole, want) {
		t.Fatalf("the file at %s holds %d other bytes", p, len(whole))
	}
}

func testAbort(t *testing.T, open func(*testing.T) blob.Store) {
	s := open(t)
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("half"))
	w.Abort()
	w.Abort()
	if _, err := w.Commit(t.Context()); err == nil {
		t.Error("commit after abort succeeded")
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("write after abort succeeded")
	}
	w, err = s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Abort() // does nothing
	check(t, s, id, nil)
	if got := ids(t, s); !slices.Equal(got, []blob.ID{id}) {
		t.Errorf("list = %v, want %v", got, id)
	}
}

func testRemove(t *testing.T, open func(*testing.T) blob.Store) {
	s := open(t)
	want := random(5 << 20)
	id := Write(t, s, want)
	r, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Remove(t.Context(), id), s.Remove(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), id); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("open of a removed blob: %v, want ErrNotFound", err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want[10:]) {
		t.Errorf("a reader that was open read %d bytes, %v", len(got), err)
	}
	if got := ids(t, s); len(got) != 0 {
		t.Errorf("list = %v after removal", got)
	}
}

func testList(t *testing.T, open func(*testing.T) blob.Store) {
	s := open(t)
	var want []blob.ID
	for i := range 20 {
		want = append(want, Write(t, s, random(i)))
	}
	want = append(want, Write(t, s, random(5<<20)))
	s.Close()
	s = open(t)
	got := ids(t, s)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("list = %v, want %v", got, want)
	}
	for range s.List(t.Context()) {
		break
	}
}

func ids(t *testing.T, s blob.Store) []blob.ID {
	t.Helper()
	var out []blob.ID
	for id, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

func testUnknown(t *testing.T, open func(*testing.T) blob.Store) {
	s := open(t)
	for _, id := range []blob.ID{"", "x", "../../etc/passwd", "0123456789abcdef01234567", "0123456789ABCDEF01234567", "0123456789abcdef0123456/"} {
		if _, err := s.Open(t.Context(), id); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("open %q: %v, want ErrNotFound", id, err)
		}
		if _, err := s.Path(t.Context(), id); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("path %q: %v, want ErrNotFound", id, err)
		}
		if err := s.Remove(t.Context(), id); err != nil {
			t.Errorf("remove %q: %v", id, err)
		}
	}
}

func testConcurrent(t *testing.T, open func(*testing.T) blob.Store) {
	s := open(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 5 {
				data := fmt.Appendf(nil, "%d/%d", i, j)
				check(t, s, Write(t, s, data), data)
			}
		})
	}
	wg.Wait()
	if n := len(ids(t, s)); n != 40 {
		t.Errorf("%d blobs, want 40", n)
	}
}

func testContext(t *testing.T, open func(*testing.T) blob.Store) {
	s := open(t)
	id := Write(t, s, []byte("x"))
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Commit(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v", err)
	}
	if _, err := s.Create(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("create: %v", err)
	}
	if _, err := s.Open(ctx, id); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
	if got := ids(t, s); len(got) != 1 {
		t.Errorf("%d blobs, want 1", len(got))
	}
}
