package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/aws/gateway"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/kv/kvtest"
	"github.com/tarn-data/tarn/internal/lifecycle"
)

// waitingSFN has an operation that tells that it began and waits until release gives it an error or nil; ended gets how the wait ended.
func waitingSFN(began chan struct{}, release, ended chan error) *protocol.Service {
	return &protocol.Service{Name: "states", SDKName: "sfn", Model: load("sfnapi"), Ops: []protocol.Op{
		protocol.Handle("ListStateMachines", nil, func(context.Context, *protocol.Call, *machinesIn) (*machinesOut, error) {
			return nil, &protocol.Later{Then: func(ctx context.Context) (any, error) {
				began <- struct{}{}
				select {
				case err := <-release:
					if errors.Is(err, http.ErrAbortHandler) {
						panic(http.ErrAbortHandler)
					}
					return &machinesOut{}, err
				case <-ctx.Done():
					ended <- ctx.Err()
					return nil, ctx.Err()
				}
			}}
		}),
	}}
}

type parking struct {
	t              *testing.T
	addr           string
	began          chan struct{}
	release, ended chan error
	access         *bytes.Buffer
	stop           func()
}

func park(t *testing.T) *parking {
	t.Helper()
	p := &parking{t: t, began: make(chan struct{}, 10), release: make(chan error), ended: make(chan error, 10), access: &bytes.Buffer{}}
	e, err := identity.Open(t.Context(), identity.Options{Store: kvtest.New(t), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	reg := protocol.NewRegistry(protocol.Options{Logger: quiet})
	reg.Add(waitingSFN(p.began, p.release, p.ended))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	g := gateway.New(gateway.Options{Registry: reg, Identity: fixed{e}, Logger: quiet, Access: slog.New(slog.NewTextHandler(p.access, nil))})
	group := lifecycle.New(context.Background(), quiet)
	srv := &http.Server{Handler: g}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(g.Listener(l, group, time.Minute)) }()
	p.stop = func() {
		if err := errors.Join(srv.Shutdown(context.Background()), group.Stop(context.Background())); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}
	return p
}

// request returns the bytes of a call that waits.
func (p *parking) request() []byte {
	p.t.Helper()
	r, err := http.NewRequest("POST", "http://"+p.addr+"/", strings.NewReader("{}"))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "AWSStepFunctions.ListStateMachines")
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	sigv4.Sign(r, root, "us-east-1", "states", time.Now(), sigv4.Hash([]byte("{}")))
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		p.t.Fatal(err)
	}
	return b.Bytes()
}

func (p *parking) dial() (net.Conn, *bufio.Reader) {
	p.t.Helper()
	c, err := net.Dial("tcp", p.addr)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(30 * time.Second))
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

func (p *parking) send(c net.Conn, b []byte) {
	p.t.Helper()
	if _, err := c.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

func (p *parking) answer(r *bufio.Reader, status int) {
	p.t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status || resp.Header.Get("Date") == "" || resp.Header.Get("Server") != "Tarn" || resp.Header.Get("X-Amzn-Requestid") == "" {
		p.t.Fatalf("answer %v %s (%v), want %d", resp, body, err, status)
	}
}

// TestParkedCallsShareAConnection: one after the other, with the next request sent before, in the midst of and after the answer.
func TestParkedCallsShareAConnection(t *testing.T) {
	p := park(t)
	c, r := p.dial()
	defer c.Close()
	p.send(c, p.request())
	p.release <- nil
	p.answer(r, 200)
	p.send(c, p.request())
	p.release <- &protocol.Error{Code: "StateMachineDoesNotExist", Message: "no"}
	p.answer(r, 400)
	p.send(c, append(p.request(), p.request()...)) // the second one is in the buffer when the first is parked
	p.release <- nil
	p.answer(r, 200)
	p.release <- nil
	p.answer(r, 200)
	third := p.request()
	p.send(c, p.request())
	for range 5 {
		<-p.began
	}
	p.send(c, third[:100]) // while the first waits
	p.release <- nil
	p.answer(r, 200)
	p.send(c, third[100:])
	p.release <- nil
	p.answer(r, 200)
	p.stop()
	if n := strings.Count(p.access.String(), "operation=ListStateMachines"); n != 6 || strings.Count(p.access.String(), "status=200") != 5 {
		t.Errorf("the access log has %d lines: %s", n, p.access)
	}
}

// TestParkedCallEndsWithItsClient: nothing is taken for one that has gone away.
func TestParkedCallEndsWithItsClient(t *testing.T) {
	p := park(t)
	c, _ := p.dial()
	p.send(c, p.request())
	p.send(c, p.request())
	<-p.began
	p.release <- nil
	<-p.began
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-p.ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	p.stop()
}

// TestParkedCallsEndWithTheServer: their connections are closed without an answer, as they are where a handler gives up.
func TestParkedCallsEndWithTheServer(t *testing.T) {
	p := park(t)
	c, r := p.dial()
	defer c.Close()
	p.send(c, p.request())
	p.release <- http.ErrAbortHandler
	if b, err := r.ReadByte(); err == nil {
		t.Errorf("after a handler that gave up: %q", b)
	}
	<-p.began
	c, r = p.dial()
	defer c.Close()
	p.send(c, p.request())
	p.release <- nil
	p.answer(r, 200)
	<-p.began
	p.send(c, p.request())
	<-p.began
	go p.stop()
	<-p.ended
	if b, err := r.ReadByte(); err == nil {
		t.Errorf("after the end of the server: %q", b)
	}
}
