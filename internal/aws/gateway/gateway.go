// Package gateway is the one HTTP handler behind which all services are reached.
//
// A request passes, in this order: what no client of AWS sends is refused; the service and the operation are found (by
// the credential scope, X-Amz-Target, host, parameters or path); the body is read, unless the handler streams it; the
// signature is verified; then protocol.Registry decodes, authorises, calls and answers. Whatever goes wrong is answered
// in the wire form and with the error code of the service.
package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/aws/sigv4"
	"github.com/tarn-data/tarn/internal/clock"
	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/identity"
	"github.com/tarn-data/tarn/internal/policy"
)

// Resolver tells what an access key stands for. It models identity.Engine.
type Resolver interface {
	Resolve(ctx context.Context, accessKeyID, token string) (identity.Credential, error)
	Used(id, service, region string)
}

// Options are the settings of a Gateway.
type Options struct {
	Registry *protocol.Registry // required
	Identity Resolver           // required
	Account  string             // of requests that nobody signed; "" = ident.DefaultAccount
	Region   string             // of requests that name none; "" = ident.DefaultRegion
	Internal http.Handler       // serves /_tarn/…; nil = 404
	Logger   *slog.Logger       // nil = slog.Default()
	Access   *slog.Logger       // one line a request; nil = none
	Clock    clock.Clock        // nil = the real one

	// MaxBody limits bodies that do not stream, in bytes; 0 = 80 MiB, which a function's code needs.
	MaxBody int64
	// MaxConcurrent limits the requests that are served at a time; 0 = 16,384. More are answered with the service's
	// throttling error.
	MaxConcurrent int
	// Insecure accepts any key as the root of the account; a key id of twelve digits names the account. For loopback
	// addresses only, which the caller makes sure of.
	Insecure bool
}

// Limits of requests.
const (
	maxURI     = 16 << 10
	maxHeaders = 200
	smallBody  = 1 << 20
	maxBodies  = 1 << 30 // of all bodies over smallBody that are in memory
)

// Gateway serves HTTP. Use New.
type Gateway struct {
	o        Options
	verifier sigv4.Verifier
	slots    chan struct{}
	waits    chan struct{} // taken by parked calls
	parked   *Listener     // nil = calls are not parked
	reserved atomic.Int64  // bytes of the larger bodies in memory
}

// New returns a gateway.
func New(o Options) *Gateway {
	if o.Account == "" {
		o.Account = ident.DefaultAccount
	}
	if o.Region == "" {
		o.Region = ident.DefaultRegion
	}
	if o.Internal == nil {
		o.Internal = http.NotFoundHandler()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.MaxBody == 0 {
		o.MaxBody = 80 << 20
	}
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = 16384
	}
	o.Logger = o.Logger.With("component", "gateway")
	return &Gateway{o: o, slots: make(chan struct{}, o.MaxConcurrent), waits: make(chan struct{}, o.MaxConcurrent)}
}

// exchange is a request on its way.
type exchange struct {
	r       *http.Request
	w       *protocol.Recorder
	call    protocol.Call
	claim   *sigv4.Claim
	service *protocol.Service
	target  *protocol.Target
	body    []byte
	form    url.Values

	reserved int64
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_tarn/") {
		g.o.Internal.ServeHTTP(w, r)
		return
	}
	start := g.o.Clock.Now()
	x := &exchange{r: r, w: &protocol.Recorder{ResponseWriter: w}}
	x.call = protocol.Call{RequestID: ident.UUID(), UserAgent: r.UserAgent(), Secure: r.TLS != nil, HTTP: r, Header: http.Header{}}
	x.call.Scope = ident.Scope{Account: g.o.Account, Region: g.o.Region}
	if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		x.call.SourceIP = ip
	}
	w.Header()["Server"] = []string{"Tarn"}
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // the value that net/http documents
				panic(p)
			}
			g.o.Logger.Error("request panicked", "request", x.call.RequestID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if x.w.Status != 0 {
				panic(http.ErrAbortHandler)
			}
			http.Error(x.w, "internal error; request "+x.call.RequestID, http.StatusInternalServerError)
		}
	}()
	defer func() { g.reserved.Add(-x.reserved) }()
	if r.ContentLength == 0 && r.Header.Get("Expect") == "100-continue" {
		// net/http sends no 100 for an empty body. botocore takes the final answer in its place, and then misreads the
		// answer to its next request on the connection.
		w.WriteHeader(http.StatusContinue)
	}
	parked := false
	x.w.Park = func(rest func(context.Context, *protocol.Recorder)) bool {
		parked = g.park(x, rest, g.logger(start, x))
		return parked
	}
	g.serve(r.Context(), x)
	if !parked {
		g.logger(start, x)(x.w)
	}
}

// logger returns what writes the line of the access log when a request is answered. It does not hold on to the request.
func (g *Gateway) logger(start time.Time, x *exchange) func(*protocol.Recorder) {
	if g.o.Access == nil {
		return func(*protocol.Recorder) {}
	}
	method, path, service, operation := x.r.Method, x.r.URL.Path, x.call.Service, x.call.Operation
	principal, ip, request := x.call.Principal.ARN, x.call.SourceIP, x.call.RequestID
	return func(w *protocol.Recorder) {
		g.o.Access.LogAttrs(context.Background(), slog.LevelInfo, "request",
			slog.String("method", method), slog.String("path", path), slog.String("service", service), slog.String("operation", operation),
			slog.Int("status", w.Status), slog.Int64("bytes", w.Bytes), slog.Duration("took", g.o.Clock.Now().Sub(start)),
			slog.String("principal", principal), slog.String("ip", ip), slog.String("request", request))
	}
}

func (g *Gateway) serve(ctx context.Context, x *exchange) {
	var claimErr error
	x.claim, claimErr = sigv4.Parse(x.r)
	path, e := g.find(ctx, x)
	if e == nil && x.service == nil {
		e = &protocol.Error{Code: "UnknownOperationException", Status: http.StatusNotFound, Message: "Tarn serves no such service."}
		if x.claim != nil {
			e.Message = fmt.Sprintf("Tarn does not serve %q, the service that the request is signed for.", x.claim.Service)
		}
	}
	if x.service == nil {
		plainError(x.w, e)
		return
	}
	x.call.Service = x.service.Name
	if x.service.Wire(x.r) == "rest-xml" {
		x.call.RequestID = s3RequestID(x.call.RequestID)
	}
	if e == nil {
		e = ambiguous(x.r)
	}
	if e != nil {
		x.fail(ctx, e)
		return
	}
	select {
	case g.slots <- struct{}{}:
		defer func() { <-g.slots }()
	default:
		x.fail(ctx, x.service.Throttled())
		return
	}
	if x.r.Method == http.MethodOptions && x.service.Preflight != nil {
		x.service.Identify(x.w.Header(), &x.call)
		x.service.Preflight.ServeHTTP(x.w, x.r)
		return
	}
	if boundary, ok := x.uploadForm(); ok {
		g.serveForm(ctx, x, boundary)
		return
	}
	if x.form == nil && x.service.NeedsForm(x.r) {
		if e := g.readForm(ctx, x); e != nil {
			x.fail(ctx, e)
			return
		}
	}
	if x.target, e = x.service.Locate(x.r, path, x.form); e != nil {
		// Who cannot sign learns nothing about operations. S3 alone signs a hash that it names, so that its body need not
		// be read.
		if x.body == nil && x.service.Wire(x.r) != "rest-xml" {
			if e := g.readBody(ctx, x); e != nil {
				x.fail(ctx, e)
				return
			}
		}
		if e2 := g.authenticate(ctx, x, claimErr, true); e2 != nil {
			e = e2
		}
		x.fail(ctx, e)
		return
	}
	x.call.Operation = x.target.Operation()
	if x.body == nil && !x.target.Streams() {
		if e := g.readBody(ctx, x); e != nil {
			x.fail(ctx, e)
			return
		}
	}
	if e := g.authenticate(ctx, x, claimErr, false); e != nil {
		x.fail(ctx, e)
		return
	}
	g.o.Registry.Serve(ctx, x.w, x.r, x.target, &x.call, x.body)
}

func (x *exchange) fail(ctx context.Context, e *protocol.Error) {
	// A client that waits for "100 Continue" is told at once; what it has begun to send is not read.
	if x.r.ContentLength > 1<<20 || x.r.ContentLength < 0 {
		x.w.Header().Set("Connection", "close")
	}
	x.service.Fail(ctx, x.w, x.r, &x.call, e)
}

// s3RequestID makes S3's form of a request id: sixteen characters in upper case.
func s3RequestID(uuid string) string {
	return strings.ToUpper(strings.ReplaceAll(uuid, "-", ""))[:16]
}

func plainError(w http.ResponseWriter, e *protocol.Error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": e.Code, "message": e.Message}) // the client may be gone
}

// ambiguous refuses what two parts of a chain could understand in two ways, and what is too large to look at.
func ambiguous(r *http.Request) *protocol.Error {
	bad := func(msg string) *protocol.Error {
		return &protocol.Error{Code: "InvalidRequest", Status: http.StatusBadRequest, Message: msg}
	}
	for _, h := range []string{"Authorization", "X-Amz-Date", "X-Amz-Content-Sha256", "X-Amz-Security-Token", "X-Amz-Target", "X-Amz-Decoded-Content-Length", "Content-Length", "Content-Type", "Host"} {
		if len(r.Header[h]) > 1 {
			return bad("The header " + h + " is given more than once.")
		}
	}
	if len(r.RequestURI) > maxURI {
		return &protocol.Error{Code: "URITooLong", Status: http.StatusRequestURITooLong, Message: fmt.Sprintf("The URI is longer than %d bytes.", maxURI)}
	}
	if len(r.Header) > maxHeaders {
		return bad(fmt.Sprintf("The request has more than %d headers.", maxHeaders))
	}
	if strings.ContainsRune(r.URL.Path, 0) {
		return bad("The path contains a NUL.")
	}
	if len(r.TransferEncoding) > 0 && (len(r.TransferEncoding) > 1 || r.TransferEncoding[0] != "chunked") {
		return &protocol.Error{Code: "NotImplemented", Status: http.StatusNotImplemented, Message: "A header you provided implies functionality that is not implemented."}
	}
	return nil
}

// isLoopback reports whether a listening address is reachable from this machine only.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// CheckInsecure refuses to accept any key on an address that others reach.
func CheckInsecure(addr string) error {
	if !isLoopback(addr) {
		return fmt.Errorf("--insecure-dev accepts any key and is refused on %s: listen on 127.0.0.1 or leave it out", addr)
	}
	return nil
}

// anonymous is the principal of requests without a signature.
var anonymous policy.Principal

// skewText words a refusal by time as AWS's query services do.
func skewText(signed, now time.Time) string {
	const f = "20060102T150405Z"
	if signed.Before(now) {
		return fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - 15 min.)", signed.Format(f), now.Add(-sigv4.MaxSkew).Format(f), now.Format(f))
	}
	return fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 15 min.)", signed.Format(f), now.Add(sigv4.MaxSkew).Format(f), now.Format(f))
}
