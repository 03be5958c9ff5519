package gateway_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tarn-data/tarn/internal/aws/gateway"
	"github.com/tarn-data/tarn/internal/aws/iamapi"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
	"github.com/tarn-data/tarn/internal/aws/stsapi"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
)

// FuzzGateway reads anything as a request, as it is and signed by root. Whatever it is, the answer is no failure of the
// server.
func FuzzGateway(f *testing.F) {
	c := clock.NewFake(now)
	e, err := identity.Open(f.Context(), identity.Options{Store: kvtest.New(f), Clock: c, Logger: quiet})
	if err != nil {
		f.Fatal(err)
	}
	reg := protocol.NewRegistry(protocol.Options{Logger: quiet, Clock: c})
	reg.Add(iamapi.New(e), stsapi.New(e))
	reg.Add(services()...)
	g := gateway.New(gateway.Options{Registry: reg, Identity: fixed{e}, Logger: quiet, Clock: c})
	services := []string{"s3", "sts", "iam", "states", "lambda", "none"}
	f.Add("GET /lake/a%2Fb?versionId=1 HTTP/1.1\r\nHost: lake.localhost\r\nRange: bytes=0-1\r\n\r\n", byte(0))
	f.Add("PUT /lake/k HTTP/1.1\r\nHost: h\r\nContent-Length: 15\r\nX-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n\r\n5\r\nhello\r\n0\r\n\r\n", byte(0))
	f.Add("POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 66\r\n\r\nAction=CreateUser&Version=2010-05-08&UserName=a&Tags.member.1.Key=b", byte(2))
	f.Add("POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: AWSStepFunctions.ListStateMachines\r\nContent-Length: 2\r\n\r\n{}", byte(3))
	f.Add("POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", byte(4))
	f.Add("OPTIONS /lake HTTP/1.1\r\nHost: h\r\nOrigin: x\r\n\r\n", byte(0))
	f.Fuzz(func(t *testing.T, text string, service byte) {
		for _, sign := range []bool{false, true} {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
			if err != nil {
				return
			}
			r.RemoteAddr = "192.0.2.1:1"
			if sign {
				if r.Header.Get("Authorization") != "" {
					return
				}
				sigv4.Sign(r, root, "us-east-1", services[int(service)%len(services)], now, sigv4.UnsignedPayload)
			}
			w := httptest.NewRecorder()
			func() {
				defer func() {
					if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // the value that net/http documents
						panic(p)
					}
				}()
				g.ServeHTTP(w, r.WithContext(t.Context()))
			}()
			if w.Code >= 500 && w.Code != http.StatusNotImplemented && !strings.Contains(text, "panic") {
				t.Errorf("signed %v: %d %s\n%s", sign, w.Code, w.Body, text)
			}
		}
	})
}
