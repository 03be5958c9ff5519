package objstore

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// model is the obvious store: for each key its versions, newest first.
type model struct {
	versioning Versioning
	keys       map[string][]modelVersion
}

type modelVersion struct {
	id     string
	marker bool
	body   string
}

func (m *model) write(key string, v modelVersion) {
	if v.id == NullVersion {
		m.keys[key] = slices.DeleteFunc(m.keys[key], func(o modelVersion) bool { return o.id == NullVersion })
	}
	m.keys[key] = append([]modelVersion{v}, m.keys[key]...)
}

func (m *model) remove(key, id string) {
	m.keys[key] = slices.DeleteFunc(m.keys[key], func(o modelVersion) bool { return o.id == id })
	if len(m.keys[key]) == 0 {
		delete(m.keys, key)
	}
}

func (m *model) sorted() []string {
	var out []string
	for k := range m.keys {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// list returns what a list with no limit shows: keys, and common prefixes with "P ".
func (m *model) list(prefix, delimiter, after string) []string {
	var out []string
	for _, k := range m.sorted() {
		if !strings.HasPrefix(k, prefix) || m.keys[k][0].marker {
			continue
		}
		if delimiter != "" {
			if i := strings.Index(k[len(prefix):], delimiter); i >= 0 {
				p := k[:len(prefix)+i+len(delimiter)]
				// A common prefix is behind the marker unless the marker is in it.
				if p > after && !strings.HasPrefix(after, p) && !slices.Contains(out, "P "+p) {
					out = append(out, "P "+p)
				}
				continue
			}
		}
		if k > after {
			out = append(out, k)
		}
	}
	return out
}

// TestModel runs random operations against the model, in buckets of each versioning, with restarts.
func TestModel(t *testing.T) {
	for _, v := range []Versioning{Unversioned, Enabled, Suspended} {
		t.Run("versioning="+string(v), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			runModel(t, rand.New(rand.NewPCG(seed, 4)), v)
		})
	}
}

func runModel(t *testing.T, rng *rand.Rand, v Versioning) {
	e := newEnv(t)
	ctx := t.Context()
	e.bucket("bkt")
	m := &model{keys: map[string][]modelVersion{}, versioning: v}
	if v != Unversioned {
		e.versioning("bkt", Enabled)
		e.versioning("bkt", v)
	}
	word := func() string {
		parts := make([]string, 1+rng.IntN(3))
		for i := range parts {
			parts[i] = []string{"a", "b", "a\x00", "é", ""}[rng.IntN(5)]
		}
		if s := strings.Join(parts, "/"); s != "" {
			return s
		}
		return "x"
	}
	pick := func() string {
		if ks := m.sorted(); len(ks) > 0 && rng.IntN(5) > 0 {
			return ks[rng.IntN(len(ks))]
		}
		return word()
	}
	for step := range 700 {
		switch n := rng.IntN(100); {
		case n < 35:
			k, body := pick(), strings.Repeat(fmt.Sprint(step), rng.IntN(600))
			o := e.put("bkt", k, []byte(body))
			m.write(k, modelVersion{id: o.Version, body: body})
		case n < 50:
			src, dst := pick(), pick()
			o, _, err := e.Copy(ctx, &CopyRequest{SourceBucket: "bkt", SourceKey: src, Bucket: "bkt", Key: dst})
			vs := m.keys[src]
			switch {
			case len(vs) == 0 || vs[0].marker:
				if !errors.Is(err, ErrNoSuchKey) {
					t.Fatalf("step %d: copy of nothing: %v", step, err)
				}
			case src == dst:
				if !errors.Is(err, ErrCopyOntoItself) {
					t.Fatalf("step %d: copy onto itself: %v", step, err)
				}
			case err != nil:
				t.Fatalf("step %d: copy: %v", step, err)
			default:
				m.write(dst, modelVersion{id: o.Version, body: vs[0].body})
			}
		case n < 65:
			k := pick()
			d, err := e.Delete(ctx, &DeleteRequest{Bucket: "bkt", Key: k})
			if err != nil {
				t.Fatalf("step %d: delete: %v", step, err)
			}
			if v == Unversioned {
				m.remove(k, NullVersion)
			} else {
				m.write(k, modelVersion{id: d.Version, marker: true})
			}
		case n < 75:
			k := pick()
			if vs := m.keys[k]; len(vs) > 0 {
				id := vs[rng.IntN(len(vs))].id
				if _, err := e.Delete(ctx, &DeleteRequest{Bucket: "bkt", Key: k, Version: id}); err != nil {
					t.Fatalf("step %d: delete version: %v", step, err)
				}
				m.remove(k, id)
			}
		case n < 85:
			k := pick()
			got, err := e.read("bkt", k, "")
			if vs := m.keys[k]; len(vs) == 0 || vs[0].marker {
				if !errors.Is(err, ErrNoSuchKey) {
					t.Fatalf("step %d: get of nothing: %v", step, err)
				}
			} else if err != nil || string(got) != vs[0].body {
				t.Fatalf("step %d: get = %d bytes, %v, want %d", step, len(got), err, len(vs[0].body))
			}
		case n < 97:
			prefix, delimiter, after := "", "", ""
			if rng.IntN(2) == 0 {
				prefix = pick()[:1]
			}
			if rng.IntN(2) == 0 {
				delimiter = "/"
			}
			if rng.IntN(3) == 0 {
				after = pick()
			}
			compareLists(t, e, m, prefix, delimiter, after, 1+rng.IntN(5))
		default:
			e.restart()
		}
	}
	compareVersions(t, e, m)
	for _, k := range m.sorted() {
		for _, v := range m.keys[k] {
			got, err := e.read("bkt", k, v.id)
			if v.marker {
				if !errors.Is(err, ErrDeleteMarker) {
					t.Errorf("%q %s: %v, want ErrDeleteMarker", k, v.id, err)
				}
			} else if err != nil || !bytes.Equal(got, []byte(v.body)) {
				t.Errorf("%q %s: %d bytes, %v", k, v.id, len(got), err)
			}
			if _, err := e.Delete(ctx, &DeleteRequest{Bucket: "bkt", Key: k, Version: v.id}); err != nil {
				t.Errorf("delete %q %s: %v", k, v.id, err)
			}
		}
	}
	if n := e.referenced(); n != 0 {
		t.Errorf("%d blobs are referenced by an empty bucket", n)
	}
	if err := e.DeleteBucket(ctx, "bkt"); err != nil {
		t.Errorf("delete the empty bucket: %v", err)
	}
}

func compareLists(t *testing.T, e *env, m *model, prefix, delimiter, after string, limit int) {
	t.Helper()
	var got []string
	req := &ListRequest{Bucket: "bkt", Prefix: prefix, Delimiter: delimiter, After: after, Limit: limit}
	for {
		page, err := e.List(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.Objects) + len(page.Prefixes); n > limit || page.More && n != limit {
			t.Fatalf("a page of %d entries, limit %d, more %v", n, limit, page.More)
		}
		for _, o := range page.Objects {
			got = append(got, o.Key)
		}
		for _, p := range page.Prefixes {
			got = append(got, "P "+p)
		}
		if !page.More {
			break
		}
		req.After = page.Next
	}
	want := m.list(prefix, delimiter, after)
	bare := func(a, b string) int {
		return strings.Compare(strings.TrimPrefix(a, "P "), strings.TrimPrefix(b, "P "))
	}
	slices.SortFunc(got, bare)
	slices.SortFunc(want, bare)
	if !slices.Equal(got, want) {
		t.Fatalf("list prefix %q delimiter %q after %q limit %d:\n got %q\nwant %q", prefix, delimiter, after, limit, got, want)
	}
}

func compareVersions(t *testing.T, e *env, m *model) {
	t.Helper()
	var want []string
	for _, k := range m.sorted() {
		for i, v := range m.keys[k] {
			want = append(want, fmt.Sprint(k, " ", v.id, " ", v.marker, " ", i == 0))
		}
	}
	for _, limit := range []int{1, 3, 1000} {
		var got []string
		req := &VersionsRequest{Bucket: "bkt", Limit: limit}
		for {
			page, err := e.Versions(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Objects {
				got = append(got, fmt.Sprint(o.Key, " ", o.Version, " ", o.DeleteMarker, " ", o.Latest))
			}
			if !page.More {
				break
			}
			req.After, req.AfterVersion = page.Next, page.NextVersion
		}
		if !slices.Equal(got, want) {
			t.Fatalf("versions with limit %d:\n got %q\nwant %q", limit, got, want)
		}
	}
}
