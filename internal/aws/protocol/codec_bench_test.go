package protocol

import (
	"context"
	"fmt"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"
)

func BenchmarkDecode(b *testing.B) {
	services := map[string]*Service{}
	for _, c := range loadCaptured(b) {
		pkg := map[string]string{"stepfunctions": "sfn"}[c.Service]
		if pkg == "" {
			pkg = c.Service
		}
		s := services[pkg]
		if s == nil {
			s = testService(b, pkg+"api", func(string, reflect.Value, *plan) (string, error) { return "", nil })
			services[pkg] = s
		}
		g := NewRegistry(Options{Logger: quiet})
		g.Add(s)
		r := c.request(b)
		var form map[string][]string
		if s.NeedsForm(r) {
			fr := c.request(b)
			if err := fr.ParseForm(); err != nil {
				b.Fatal(err)
			}
			form = fr.PostForm
		}
		target, e := s.Locate(r, r.URL.EscapedPath(), form)
		if e != nil {
			continue
		}
		b.Run(c.Service+"/"+target.Operation(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				call := rootCall
				g.begin(s, target.row, &call)
				if _, e := g.decode(context.Background(), r, target, &call, c.Body); e != nil {
					b.Fatal(e)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	s := testService(b, "s3api", func(string, reflect.Value, *plan) (string, error) { return "", nil })
	if err := s.prepare(); err != nil {
		b.Fatal(err)
	}
	row := s.rows["ListObjectsV2"]
	if err := s.plans(row); err != nil {
		b.Fatal(err)
	}
	doc := `{"Name":"lake","Contents":[`
	for i := range 1000 {
		if i > 0 {
			doc += ","
		}
		doc += fmt.Sprintf(`{"Key":"prefix/%06d","Size":5,"LastModified":%d,"ETag":"\"x\"","StorageClass":"STANDARD"}`, i, time.Now().Unix())
	}
	out := reflect.New(row.Out)
	if err := decodeJSON(row.out, []byte(doc+"]}"), out.Elem(), &report{}, true); err != nil {
		b.Fatal(err)
	}
	b.Run("list of 1,000 keys", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			w := httptest.NewRecorder()
			_, buf, _ = s.encodeREST(row, out, w.Header(), buf[:0])
		}
		b.SetBytes(int64(len(buf)))
	})
}
