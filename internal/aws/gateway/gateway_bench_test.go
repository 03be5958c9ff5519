package gateway_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/aws/gateway"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

// BenchmarkGateway measures everything between net/http and a handler that does nothing.
func BenchmarkGateway(b *testing.B) {
	c := clock.NewFake(now)
	e, err := identity.Open(b.Context(), identity.Options{Store: kvtest.New(b), Clock: c, Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	reg := protocol.NewRegistry(protocol.Options{Logger: quiet, Clock: c})
	reg.Add(services()...)
	g := gateway.New(gateway.Options{Registry: reg, Identity: fixed{e}, Logger: quiet, Clock: c})
	for _, s := range []struct{ service, method, url, body string }{
		{"s3", "GET", "http://127.0.0.1:4566/lake/key", ""},
		{"states", "POST", "http://127.0.0.1:4566/", "{}"},
		{"lambda", "GET", "http://127.0.0.1:4566/2015-03-31/functions/f", ""},
	} {
		r := signed(s.method, s.url, s.body, s.service, root, now)
		b.Run(s.service, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				q := *r
				q.Body = io.NopCloser(strings.NewReader(s.body))
				w := httptest.NewRecorder()
				g.ServeHTTP(w, &q)
				if w.Code != 200 {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
