package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/lifecycle"
)

// A call that waits (a long poll) would hold on to its request, to the buffers of its connection and to a deep stack, some 24 KB.
// It is parked instead: the connection is taken from net/http, which forgets all of that, and two goroutines with shallow
// stacks are left, one that waits and one that notices when the client goes away. With its answer written, the connection goes
// back to the server as if it were new, with whatever the client has sent meanwhile.

// Listener hands to a server what another listener accepts, and the connections whose parked calls are answered. Make it with
// Gateway.Listener.
type Listener struct {
	net.Listener
	group    *lifecycle.Group
	idleTime time.Duration
	conns    chan net.Conn
	failed   chan error
	closed   chan struct{}
	close    func()
	closeErr error

	mu   sync.Mutex            // guards idle
	idle map[*resumed]struct{} // connections that went back, until something is read of them
}

// Listener returns l for http.Server.Serve; calls that wait are parked from then on. Goroutines belong to group, whose end
// closes the connections of parked calls; idle is the server's IdleTimeout. It is called once, before the server starts.
func (g *Gateway) Listener(l net.Listener, group *lifecycle.Group, idle time.Duration) *Listener {
	p := &Listener{Listener: l, group: group, idleTime: idle, conns: make(chan net.Conn), failed: make(chan error), closed: make(chan struct{}), idle: map[*resumed]struct{}{}}
	p.close = sync.OnceFunc(func() {
		close(p.closed)
		p.closeErr = l.Close()
		p.closeIdle()
	})
	group.Go("accept", func(context.Context) {
		for {
			c, err := l.Accept()
			if err == nil {
				p.back(c)
				continue
			}
			select {
			case p.failed <- err: // the server waits a little, or gives up
			case <-p.closed:
				return
			}
		}
	})
	g.parked = p
	return p
}

// Accept implements net.Listener.
func (p *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case err := <-p.failed:
		return nil, err
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *Listener) Close() error {
	p.close()
	return p.closeErr
}

// back gives a connection to the server.
func (p *Listener) back(c net.Conn) {
	select {
	case p.conns <- c:
	case <-p.closed:
		_ = c.Close() // nobody is left to tell
	}
}

// park takes the connection of x from net/http and has rest answer on it; done is called in the end.
func (g *Gateway) park(x *exchange, rest func(context.Context, *protocol.Recorder), done func(*protocol.Recorder)) bool {
	p, r := g.parked, x.r
	if p == nil || p.group.Context().Err() != nil || r.TLS != nil || r.ProtoMajor != 1 || r.ProtoMinor != 1 || r.Close || r.Header.Get("Expect") != "" || x.w.Status != 0 {
		return false
	}
	select {
	case g.waits <- struct{}{}:
	default:
		return false
	}
	header := x.w.Header().Clone()
	conn, rw, err := http.NewResponseController(x.w.ResponseWriter).Hijack()
	if err != nil {
		<-g.waits
		return false
	}
	early := make([]byte, rw.Reader.Buffered())
	_, _ = io.ReadFull(rw.Reader, early) // they are in memory
	if c, ok := conn.(*resumed); ok {
		conn, early = c.Conn, append(early, c.early...)
	}
	w := &parkedWriter{header: header}
	p.group.Go("parked call", func(ctx context.Context) {
		defer func() { <-g.waits }()
		alive := false
		defer func() {
			if !alive { // also after a panic
				_ = conn.Close() // nobody is left to tell
			}
		}()
		if early, alive = answerOn(ctx, conn, early, w, rest, done); !alive {
			return
		}
		c := &resumed{Conn: conn, owner: p, early: early}
		p.await(c)
		p.back(c)
	})
	return true
}

// answerOn runs rest, which writes to w, while it watches whether the client stays, and sends the answer. It returns what the
// client has sent meanwhile, and whether the connection is good for further requests.
func answerOn(ctx context.Context, conn net.Conn, early []byte, w *parkedWriter, rest func(context.Context, *protocol.Recorder), done func(*protocol.Recorder)) (sent []byte, alive bool) {
	stop := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	gone := make(chan error, 1)
	go func() { // ends before answerOn does
		var one [1]byte
		n, err := conn.Read(one[:])
		early = append(early, one[:n]...)
		if err != nil {
			cancel()
		}
		gone <- err
	}()
	rec := &protocol.Recorder{ResponseWriter: w}
	finished := false
	func() {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // the value that net/http documents
				panic(p)
			}
		}()
		rest(ctx, rec)
		finished = true
	}()
	err := errors.Join(stop.Err(), conn.SetReadDeadline(time.Unix(1, 0))) // ends the read
	if e := <-gone; e != nil && !errors.Is(e, os.ErrDeadlineExceeded) {
		err = errors.Join(err, e)
	}
	if err == nil && finished {
		// A client that reads nothing must not hold up the stop.
		going := context.AfterFunc(stop, func() { _ = conn.SetWriteDeadline(time.Unix(1, 0)) })
		err = errors.Join(w.send(conn), conn.SetReadDeadline(time.Time{}))
		if !going() {
			err = errors.Join(err, stop.Err())
		}
	}
	done(rec)
	return early, err == nil && finished
}

// await notes that a connection went back. net/http takes it for a new one, which it would not close when it stops before a
// client had five seconds for its request.
func (p *Listener) await(c *resumed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle[c] = struct{}{}
}

func (p *Listener) read(c *resumed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.idle, c)
}

func (p *Listener) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.idle {
		if len(c.early) == 0 {
			_ = c.Conn.Close() // nobody is left to tell
		}
	}
	clear(p.idle)
}

// resumed is a connection that went back. early is what was read of it already.
type resumed struct {
	net.Conn
	owner *Listener
	early []byte
	used  bool
	limit time.Duration // that the server set for the headers of its first request
}

// Read implements io.Reader.
func (c *resumed) Read(b []byte) (n int, err error) {
	if len(c.early) == 0 {
		n, err = c.Conn.Read(b)
	} else {
		c.owner.mu.Lock()
		n = copy(b, c.early)
		c.early = c.early[n:]
		c.owner.mu.Unlock()
	}
	if !c.used {
		c.used = true
		c.owner.read(c)
		if c.limit > 0 && err == nil {
			err = c.Conn.SetReadDeadline(deadline(c.limit))
		}
	}
	return n, err
}

// SetReadDeadline implements net.Conn. The server takes the connection for a new one, whose client sends at once; this one's may
// take as long as between any two requests.
func (c *resumed) SetReadDeadline(t time.Time) error {
	if d := t.Sub(now()); !c.used && !t.IsZero() && d > 0 {
		c.limit = d
		t = deadline(max(d, c.owner.idleTime))
	}
	return c.Conn.SetReadDeadline(t)
}

// now is the machine's time: deadlines of connections know no other.
func now() time.Time { return clock.Real().Now() }

func deadline(d time.Duration) time.Time { return now().Add(d) }

// ReadFrom implements io.ReaderFrom: files are sent by the kernel.
func (c *resumed) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// Close implements net.Conn.
func (c *resumed) Close() error {
	c.owner.read(c)
	return c.Conn.Close()
}

// parkedWriter keeps an answer until it is whole.
type parkedWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *parkedWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *parkedWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *parkedWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (w *parkedWriter) send(conn net.Conn) error {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + strconv.Itoa(w.status) + " " + http.StatusText(w.status) + "\r\n")
	w.header.Set("Content-Length", strconv.Itoa(w.body.Len()))
	w.header.Set("Date", now().UTC().Format(http.TimeFormat))
	if err := w.header.Write(&b); err != nil {
		return err
	}
	b.WriteString("\r\n")
	b.Write(w.body.Bytes())
	_, err := conn.Write(b.Bytes())
	return err
}
