package protocol

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// buffers are reused by answers that fit.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const maxPooled = 1 << 20

// Serve decodes a request, asks the policies, calls the handler and writes the answer. body holds the whole body unless
// t.Streams, when r.Body is handed to the handler. c is filled by the caller but for its operation.
func (g *Registry) Serve(ctx context.Context, w http.ResponseWriter, r *http.Request, t *Target, c *Call, body []byte) {
	s, row := t.Service, t.row
	rec, ok := w.(*Recorder)
	if !ok {
		rec = &Recorder{ResponseWriter: w}
	}
	g.begin(s, row, c)
	defer g.rescue(ctx, s, rec, r, c)
	in, e := g.decode(ctx, r, t, c, body)
	if e != nil {
		s.Fail(ctx, rec, r, c, e)
		return
	}
	if row.ServeHTTP != nil {
		for k, vs := range c.Header {
			rec.Header()[k] = vs
		}
		s.requestID(rec.Header(), c)
		if err := row.ServeHTTP(ctx, c, in.Interface(), rec, r); err != nil {
			e := g.failure(ctx, s, c, err)
			if rec.Status != 0 { // the answer is under way: the client must see that it is cut short
				panic(http.ErrAbortHandler)
			}
			s.Fail(ctx, rec, r, c, e)
		}
		return
	}
	out, err := row.Serve(ctx, c, in.Interface())
	if later := (*Later)(nil); errors.As(err, &later) {
		if rec.Park != nil && g.park(rec, r, t, c, later) {
			return
		}
		out, err = later.Then(ctx)
	}
	g.finish(ctx, rec, r, t, c, out, err)
}

func (g *Registry) finish(ctx context.Context, w *Recorder, r *http.Request, t *Target, c *Call, out any, err error) {
	if err != nil {
		t.Service.Fail(ctx, w, r, c, g.failure(ctx, t.Service, c, err))
		return
	}
	g.answer(ctx, w, r, t, c, reflect.ValueOf(out))
}

// park has the rest of a call done without its request, of which no more is kept than the answer needs.
func (g *Registry) park(rec *Recorder, r *http.Request, t *Target, c *Call, later *Later) bool {
	slim := &http.Request{Method: r.Method, URL: r.URL, Host: r.Host, Header: http.Header{}}
	for _, h := range []string{"Content-Type", "X-Amz-Target"} {
		if v := r.Header.Values(h); len(v) > 0 {
			slim.Header[h] = []string{strings.Clone(v[0])}
		}
	}
	s, slimTarget, slimCall := t.Service, *t, *c
	slimTarget.form, slimCall.HTTP = nil, slim
	return rec.Park(func(ctx context.Context, w *Recorder) {
		defer g.rescue(ctx, s, w, slim, &slimCall)
		out, err := later.Then(ctx)
		g.finish(ctx, w, slim, &slimTarget, &slimCall, out, err)
	})
}

// rescue answers a handler's panic as an internal error; where the answer is under way, the client sees that it is cut short.
// It is deferred.
func (g *Registry) rescue(ctx context.Context, s *Service, w *Recorder, r *http.Request, c *Call) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // the value that net/http documents
		panic(p)
	}
	g.log.Error("handler panicked", "service", s.Name, "operation", c.Operation, "request", c.RequestID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if w.Status != 0 {
		panic(http.ErrAbortHandler)
	}
	s.Fail(ctx, w, r, c, s.internal())
}

func (g *Registry) begin(s *Service, row *opRow, c *Call) {
	c.Service, c.Operation = s.Name, row.Name
	if c.Header == nil {
		c.Header = http.Header{}
	}
	c.allow = func(ctx context.Context, c *Call, a Access) *Error { return g.authorise(ctx, s, c, a) }
}

// failure turns a handler's error into an answer and logs it where its text must not be shown.
func (g *Registry) failure(ctx context.Context, s *Service, c *Call, err error) *Error {
	e, internal := s.mapped(err)
	if internal && !(errors.Is(err, context.Canceled) && ctx.Err() != nil) {
		g.log.Error("operation failed", "service", s.Name, "operation", c.Operation, "request", c.RequestID, "err", err)
	}
	return e
}

// decode reads the input, checks it and asks the policies. With restXml the policies come before the body: S3 does not
// say what is wrong with a document to whom may not send it.
func (g *Registry) decode(ctx context.Context, r *http.Request, t *Target, c *Call, body []byte) (reflect.Value, *Error) {
	s, row := t.Service, t.row
	if err := s.plans(row); err != nil {
		panic("BUG: " + err.Error())
	}
	in := row.newInput()
	rep := &report{smithy: s.Smithy}
	v := in.Elem()
	early := false
	var err error
	switch t.wire {
	case wireREST:
		err = row.decodeBindings(r, t.query, t.labels, v, rep)
		if isXML := s.m.Protocol == "rest-xml"; err == nil {
			if early = isXML; early {
				if e := g.authoriseRow(ctx, s, row, c, in.Interface()); e != nil {
					return in, e
				}
				if msg := rep.message(); msg != "" {
					return in, s.badArgument(rep, msg)
				}
			}
			var stream io.Reader
			if row.streamed {
				stream = r.Body
			}
			err = row.decodeBody(body, stream, isXML, v, rep)
		} else if isXML {
			return in, s.badArgument(rep, err.Error())
		}
	case wireQuery:
		var tree *node
		if tree, err = formTree(t.form); err == nil && row.in != nil {
			err = (&treeDec{rep: rep, query: true}).value(row.in, nil, tree, v)
		}
	default:
		if row.in != nil {
			if len(bytes.TrimSpace(body)) == 0 {
				body = []byte("{}")
			}
			err = decodeJSON(row.in, body, v, rep, false)
		}
	}
	if early && err == nil && rep.message() != "" { // S3 has one answer for documents that are not as its schema wants them
		if len(body) == 0 {
			return in, &Error{Code: "MissingRequestBodyError", Status: http.StatusBadRequest, Message: "Request Body is empty"}
		}
		return in, s.syntax(errors.New(rep.message()))
	}
	if e := s.refusal(rep, err); e != nil {
		return in, e
	}
	row.fillTokens(v, c.Token)
	if !early {
		if e := g.authoriseRow(ctx, s, row, c, in.Interface()); e != nil {
			return in, e
		}
	}
	return in, nil
}

// badArgument refuses a header or parameter of restXml.
func (s *Service) badArgument(rep *report, message string) *Error {
	b := rep.argument
	if b == nil {
		return &Error{Code: "InvalidArgument", Status: http.StatusBadRequest, Message: message}
	}
	if s.Argument != nil {
		if e := s.Argument(b.name, b.text); e != nil {
			return e
		}
	}
	return &Error{Code: "InvalidArgument", Status: http.StatusBadRequest, Message: message, Members: map[string]any{"ArgumentName": b.name, "ArgumentValue": b.text}}
}

// answer writes a successful answer.
func (g *Registry) answer(ctx context.Context, w *Recorder, r *http.Request, t *Target, c *Call, out reflect.Value) {
	s, row := t.Service, t.row
	buf := buffers.Get().(*[]byte)
	b := (*buf)[:0]
	defer func() {
		if cap(b) <= maxPooled {
			*buf = b[:0]
			buffers.Put(buf)
		}
	}()
	h := w.Header()
	status := http.StatusOK
	var stream io.ReadCloser
	switch t.wire {
	case wireREST:
		if status, b, stream = s.encodeREST(row, out, h, b); row.Status != 0 {
			status = row.Status
		}
		if stream != nil {
			defer stream.Close()
		}
		if len(b) > 0 && h["Content-Type"] == nil {
			if s.m.Protocol == "rest-xml" && rowSendsXML(row) {
				h["Content-Type"] = []string{"application/xml"}
			} else {
				h["Content-Type"] = []string{"application/json"}
			}
		}
	case wireQuery:
		h["Content-Type"] = []string{"text/xml"}
		b = s.encodeQuery(b, row, out, c)
	default:
		h["Content-Type"] = []string{"application/x-amz-json-" + s.m.JSONVersion}
		if row.out != nil {
			b = jsonEnc{}.append(b, row.out, nil, out)
		}
	}
	for k, vs := range c.Header {
		h[k] = vs
	}
	s.requestID(h, c)
	if s.Decorate != nil {
		s.Decorate(ctx, c, h)
	}
	if stream != nil {
		w.WriteHeader(status)
		if r.Method == http.MethodHead {
			return
		}
		if _, err := io.Copy(w, stream); err != nil {
			g.log.Debug("answer cut short", "service", s.Name, "operation", row.Name, "request", c.RequestID, "err", err)
			panic(http.ErrAbortHandler)
		}
		return
	}
	if status != http.StatusNoContent && status != http.StatusNotModified && r.Method != http.MethodHead {
		h["Content-Length"] = []string{strconv.Itoa(len(b))}
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead && len(b) > 0 {
		_, _ = w.Write(b)
	}
}

func rowSendsXML(row *opRow) bool {
	for _, m := range row.model.Out.Members {
		if m.Loc == model.Payload {
			return m.Shape.Kind == model.Structure
		}
	}
	return true
}

func (s *Service) encodeQuery(b []byte, row *opRow, out reflect.Value, c *Call) []byte {
	b = append(append(append(b, '<'), row.Name...), `Response xmlns="`...)
	b = append(append(b, s.queryNS()...), `">`...)
	if row.out != nil {
		name := row.model.ResultName
		if name == "" {
			name = row.Name + "Result"
		}
		b = xmlEnc{query: true}.root(b, row.out, name, "", out)
	}
	b = append(b, `<ResponseMetadata>`...)
	b = appendElement(b, "RequestId", c.RequestID)
	b = append(b, `</ResponseMetadata>`...)
	return closeTag(b, row.Name+"Response")
}
