package gateway_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/tarn-data/tarn/internal/aws/gateway"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

func TestMaxConcurrent(t *testing.T) {
	c := clock.NewFake(now)
	e := must(identity.Open(t.Context(), identity.Options{Store: kvtest.New(t), Clock: c, Logger: quiet}))(t)
	entered, release := make(chan struct{}), make(chan struct{})
	slow := &protocol.Service{Name: "lambda", Model: load("lambdaapi"), Ops: []protocol.Op{
		protocol.Handle("GetFunction", nil, func(context.Context, *protocol.Call, *functionIn) (*functionOut, error) {
			close(entered)
			<-release
			return &functionOut{}, nil
		}),
	}}
	reg := protocol.NewRegistry(protocol.Options{Logger: quiet, Clock: c})
	reg.Add(slow, smallS3(), smallSFN())
	g := gateway.New(gateway.Options{Registry: reg, Identity: fixed{e}, Logger: quiet, Clock: c, MaxConcurrent: 1})
	done := make(chan int)
	go func() {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, signed("GET", "http://127.0.0.1:4566/2015-03-31/functions/f", "", "lambda", root, now))
		done <- w.Code
	}()
	<-entered
	for service, want := range map[string]string{"s3": "503 SlowDown", "states": "400 ThrottlingException"} {
		w := httptest.NewRecorder()
		method, body := "GET", ""
		if service == "states" {
			method, body = "POST", "{}"
		}
		g.ServeHTTP(w, signed(method, "http://127.0.0.1:4566/lake/k", body, service, root, now))
		if got := w.Result().Status[:4] + code(w); got != want {
			t.Errorf("%s: %s, want %s", service, got, want)
		}
	}
	close(release)
	if status := <-done; status != 200 {
		t.Errorf("the first request: %d", status)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, signed("GET", "http://127.0.0.1:4566/lake/k", "", "s3", root, now))
	if w.Code != 200 {
		t.Errorf("after it: %d %s", w.Code, w.Body)
	}
}
