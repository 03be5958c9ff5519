package function

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// runtimeAPI serves the Lambda Runtime API on loopback. Each instance has its own path token, so that one function can
// neither take another's requests nor answer them.
type runtimeAPI struct {
	server *http.Server
	addr   string

	mu        sync.Mutex
	instances map[string]*instance // by token
}

func newRuntimeAPI() (*runtimeAPI, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for runtimes: %w", err)
	}
	a := &runtimeAPI{addr: l.Addr().String(), instances: map[string]*instance{}}
	// A runtime may connect first and load the function then: its first request comes when it is ready.
	a.server = &http.Server{Handler: a, ReadHeaderTimeout: initTimeout + MaxTimeout + time.Minute}
	go func() { _ = a.server.Serve(l) }()
	return a, nil
}

func (a *runtimeAPI) close() { _ = a.server.Close() }

func (a *runtimeAPI) add(in *instance) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.instances[in.token] = in
}

func (a *runtimeAPI) remove(in *instance) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.instances, in.token)
}

// ServeHTTP implements /TOKEN/2018-06-01/runtime/….
func (a *runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	a.mu.Lock()
	in := a.instances[token]
	a.mu.Unlock()
	path, ok := strings.CutPrefix(path, "2018-06-01/runtime/")
	if in == nil || !ok {
		http.Error(w, `{"errorType":"Forbidden","errorMessage":"unknown instance"}`, http.StatusForbidden)
		return
	}
	switch {
	case r.Method == http.MethodGet && path == "invocation/next":
		in.serveNext(w, r)
	case r.Method == http.MethodPost && path == "init/error":
		body, err := readLimited(r.Body, MaxSyncPayload)
		if err == nil {
			in.initFailed(body)
		}
		accepted(w)
	case r.Method == http.MethodPost && strings.HasPrefix(path, "invocation/"):
		id, what, _ := strings.Cut(strings.TrimPrefix(path, "invocation/"), "/")
		in.serveAnswer(w, r, id, what)
	default:
		http.NotFound(w, r)
	}
}

var errPayloadSize = errors.New("payload is too large")

func readLimited(r io.Reader, limit int) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(body) > limit {
		_, _ = io.Copy(io.Discard, r)
		err = errPayloadSize
	}
	return body, err
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "16")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "{\"status\":\"OK\"}\n")
}

func (in *instance) serveNext(w http.ResponseWriter, r *http.Request) {
	in.readyOnce.Do(func() { close(in.ready) })
	select {
	case req := <-in.next:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", req.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(req.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", req.arn)
		h.Set("Lambda-Runtime-Trace-Id", req.trace)
		if req.clientContext != "" {
			h.Set("Lambda-Runtime-Client-Context", req.clientContext)
		}
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(req.payload)))
		_, _ = w.Write(req.payload)
	case <-in.exited:
	case <-r.Context().Done():
	}
}

func (in *instance) serveAnswer(w http.ResponseWriter, r *http.Request, id, what string) {
	a := answer{}
	switch what {
	case "response":
		body, err := readLimited(r.Body, MaxAnswer)
		if errors.Is(err, errPayloadSize) {
			a = answer{failed: true, payload: errorPayload("Function.ResponseSizeTooLarge",
				fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxAnswer), "")}
			in.answer(id, a)
			http.Error(w, `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size"}`, http.StatusRequestEntityTooLarge)
			return
		}
		if err != nil {
			return // the runtime died in the middle of its answer: its exit ends the request
		}
		a.payload = body
	case "error":
		body, err := readLimited(r.Body, MaxSyncPayload)
		if err != nil {
			return
		}
		a = answer{failed: true, payload: body}
	default:
		http.NotFound(w, r)
		return
	}
	if !in.answer(id, a) {
		http.Error(w, `{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}`, http.StatusBadRequest)
		return
	}
	accepted(w)
}

// request is an invocation on its way into an instance.
type request struct {
	id, arn, trace string
	clientContext  string
	payload        []byte
	deadline       time.Time
	done           chan answer // buffered by one
}

// answer is what a runtime gave back.
type answer struct {
	payload []byte
	failed  bool
}

// answer passes a on if id is the request under way.
func (in *instance) answer(id string, a answer) bool {
	in.mu.Lock()
	req := in.current
	if req != nil && req.id == id {
		in.current = nil
	} else {
		req = nil
	}
	in.mu.Unlock()
	if req == nil {
		return false
	}
	req.done <- a
	return true
}

func (in *instance) initFailed(payload []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.initError == nil {
		in.initError = payload
	}
}

// await blocks until the instance asks for its first request, and returns the payload of the error if it ends before that.
func (in *instance) await(ctx context.Context) (failure []byte, err error) {
	select {
	case <-in.ready:
		return nil, nil
	case <-in.exited:
		in.mu.Lock()
		defer in.mu.Unlock()
		if in.initError != nil {
			return in.initError, nil
		}
		return errorPayload("Runtime.ExitError", "Error: Runtime exited "+in.exitReason, ""), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
