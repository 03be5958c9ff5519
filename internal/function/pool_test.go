package function

import (
	"archive/zip"
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/blob/fileblob"
	"github.com/tarn-data/tarn/internal/clock"
)

func TestCodeCache_SweepsWhatNobodyUses(t *testing.T) {
	ctx, fake := t.Context(), clock.NewFake(time.Unix(1, 0))
	blobs, err := fileblob.Open(ctx, fileblob.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	if _, err := z.Create("a.py"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	w, err := blobs.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(buf.Bytes()); err != nil {
		t.Fatal(err)
	}
	id, err := w.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCodeCache(t.TempDir(), blobs, fake)
	if err != nil {
		t.Fatal(err)
	}
	get := func() string {
		t.Helper()
		dir, err := c.get(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	there := func(dir string) bool {
		_, err := os.Stat(dir)
		return err == nil
	}
	dir := get()
	if again := get(); again != dir {
		t.Errorf("unpacked twice: %s and %s", dir, again)
	}
	c.release(id)
	fake.Advance(time.Hour)
	if c.sweep(time.Minute); !there(dir) {
		t.Error("a folder that is in use was removed")
	}
	c.release(id)
	if c.sweep(time.Minute); !there(dir) {
		t.Error("a folder was removed at once")
	}
	fake.Advance(time.Hour)
	if c.sweep(time.Minute); there(dir) {
		t.Error("a folder that nobody uses stays")
	}
	if dir = get(); !there(dir) {
		t.Error("the package is not unpacked again")
	}
}

func TestPool_WhatIsTooLongIdleIsGivenToNobody(t *testing.T) {
	fake := clock.NewFake(time.Unix(1, 0))
	p := &pool{svc: &Service{opts: Options{Clock: fake, IdleAfter: time.Minute}}, idle: map[string][]*instance{}, all: map[*instance]bool{}, freed: make(chan struct{})}
	add := func() *instance {
		in := &instance{key: "k", exited: make(chan struct{}), expires: fake.Now().Add(time.Hour)}
		p.all[in] = true
		return in
	}
	old, young, working := add(), add(), add()
	p.put(old)
	fake.Advance(50 * time.Second)
	p.put(young)
	fake.Advance(20 * time.Second)
	busy, tired := p.look()
	if len(busy) != 1 || busy[0] != working || len(tired) != 1 || tired[0] != old {
		t.Errorf("busy %v, tired %v", busy, tired)
	}
	if in := p.pop("k"); in != young {
		t.Errorf("pop gives %v", in)
	}
	if in := p.pop("k"); in != nil {
		t.Errorf("pop gives an instance that is about to end: %v", in)
	}
}
