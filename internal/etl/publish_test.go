package etl

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write makes one write of a run as the runner would: stage, files, publish. It returns the first error.
func write(ctx context.Context, f *fixture, e *execution, path, mode string, files ...string) error {
	staging, skip, err := e.stage(ctx, path, mode)
	if err != nil || skip {
		return err
	}
	for _, name := range files {
		f.objects.put(staging[len("s3://"):]+name, fmt.Sprintf("start %d", e.run.Starts))
	}
	_, err = e.publish(ctx, path, staging, mode)
	return err
}

func start(f *fixture, id string, starts int) *execution {
	return newExecution(f.Service, scope, Job{Name: "j"}, Run{Job: "j", ID: id, Starts: starts}, nil)
}

func TestPublish_AppearsAtOnce(t *testing.T) {
	f := open(t)
	f.objects.put("lake/out/old", "old")
	e := start(f, "jr_1", 1)
	staging, _, err := e.stage(t.Context(), "s3://lake/out/", "append")
	if err != nil {
		t.Fatal(err)
	}
	f.objects.put(staging[len("s3://"):]+"p=1/a", "new")
	f.objects.put(staging[len("s3://"):]+"_SUCCESS", "")
	if _, err := e.publish(t.Context(), "s3://lake/out/", "s3://lake/out/elsewhere/", "append"); !errors.Is(err, ErrBadInput) {
		t.Errorf("publish of a place that was not staged: %v", err)
	}
	if n, err := e.publish(t.Context(), "s3://lake/out/", staging, "append"); n != 1 || err != nil {
		t.Fatalf("publish: %d %v", n, err)
	}
	if diff := cmp.Diff(map[string]string{"lake/out/old": "old", "lake/out/p=1/a": "new"}, f.objects.all()); diff != "" {
		t.Error(diff)
	}
	if e.run.FilesMade != 1 || e.run.BytesMade != 3 || len(e.outputs) != 1 {
		t.Errorf("counted %d files, %d bytes, %d outputs", e.run.FilesMade, e.run.BytesMade, len(e.outputs))
	}
}

func TestPublish_Modes(t *testing.T) {
	for _, c := range []struct {
		mode string
		fail bool
		want map[string]string
	}{
		{"append", false, map[string]string{"lake/out/old": "old", "lake/out/a": "start 1"}},
		{"overwrite", false, map[string]string{"lake/out/a": "start 1"}},
		{"ignore", false, map[string]string{"lake/out/old": "old"}},
		{"error", true, map[string]string{"lake/out/old": "old"}},
	} {
		t.Run(c.mode, func(t *testing.T) {
			f := open(t)
			f.objects.put("lake/out/old", "old")
			err := write(t.Context(), f, start(f, "jr_1", 1), "s3://lake/out/", c.mode, "a")
			if (err != nil) != c.fail {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(c.want, f.objects.all()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A run is ended at every step of its two writes, and once more at every step of its second start; the third ends well.
// Whatever happened, the objects are those of one undisturbed run.
func TestPublish_RepeatsReplaceWhatWasPublished(t *testing.T) {
	f := open(t)
	for _, mode := range []string{"append", "overwrite"} {
		for first := range 9 {
			for second := range 9 {
				f.objects.data = map[string]string{"lake/out/old": "old"}
				run := fmt.Sprintf("jr_%s%d%d", mode, first, second)
				for n, failAfter := range []int{first, second, -1} {
					id := run
					if n == 2 {
						id += attemptMark + "1" // a retry replaces as a restart does
					}
					e := start(f, id, n+1)
					f.objects.failAfter = failAfter
					// The engine names its files anew each time.
					err := write(t.Context(), f, e, "s3://lake/out/", mode, fmt.Sprintf("a%d", n), fmt.Sprintf("b%d", n))
					if err == nil {
						err = write(t.Context(), f, e, "s3://lake/second/", mode, fmt.Sprintf("c%d", n))
					}
					if err != nil && !errors.Is(err, errCrash) {
						t.Fatal(err)
					}
					f.objects.failAfter = -1
					if n == 2 {
						e.cleanUp(t.Context())
					}
				}
				want := map[string]string{"lake/out/a2": "start 3", "lake/out/b2": "start 3", "lake/second/c2": "start 3"}
				if mode == "append" {
					want["lake/out/old"] = "old"
				}
				if diff := cmp.Diff(want, f.objects.all()); diff != "" {
					t.Fatalf("%s, crashes after %d and %d changes:\n%s", mode, first, second, diff)
				}
			}
		}
	}
}

func TestPublish_AnotherBucketAtTheSecondStart(t *testing.T) {
	f := open(t)
	if err := write(t.Context(), f, start(f, "jr_1", 1), "s3://monday/out/", "append", "a"); err != nil {
		t.Fatal(err)
	}
	if err := write(t.Context(), f, start(f, "jr_1", 2), "s3://tuesday/out/", "append", "b"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"tuesday/out/b": "start 2"}, f.objects.all()); diff != "" {
		t.Error(diff)
	}
}

func TestCleanUp_RemovesWhatEarlierStartsStaged(t *testing.T) {
	f := open(t)
	f.objects.put("lake/out/old", "old")
	for n := 1; n <= 2; n++ {
		e := start(f, "jr_1", n)
		staging, _, err := e.stage(t.Context(), "s3://lake/out/", "append")
		if err != nil {
			t.Fatal(err)
		}
		f.objects.put(staging[len("s3://"):]+"half", "")
		if n == 2 {
			e.cleanUp(t.Context())
		}
	}
	if diff := cmp.Diff(map[string]string{"lake/out/old": "old"}, f.objects.all()); diff != "" {
		t.Error(diff)
	}
}

func TestStage_RefusesOtherAddresses(t *testing.T) {
	f := open(t)
	for _, path := range []string{"", "/tmp/x", "s3:///x", "http://x/y"} {
		if _, _, err := start(f, "jr_1", 1).stage(t.Context(), path, "append"); !errors.Is(err, ErrBadInput) {
			t.Errorf("%q: %v", path, err)
		}
	}
}
