package protocol

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"

	"github.com/tarn-data/tarn/internal/ident"
)

// Invoke calls an operation in process, through the same table, validation and policies as a request: a state machine's
// arn:aws:states:::aws-sdk:SERVICE:OPERATION, and the command line. service is a signing name or the name in AWS's SDKs
// ("sfn" or "states"); operation may start in lower case.
//
// Input and output are JSON in the form that Step Functions defines for SDK integrations: each member, wherever HTTP
// carries it, by its name in the model, written out with an upper-case first letter and read with any; timestamps as ISO
// 8601 (numbers are read as seconds since 1970); blobs as text (a blob may be given as any JSON value, which becomes its
// text; bytes that are not UTF-8 come back as base64). A member that the model does not have is refused by name: nobody
// else will notice the misspelling.
//
// c brings scope and principal, and gets the operation.
func (g *Registry) Invoke(ctx context.Context, c *Call, service, operation string, input json.RawMessage) (output json.RawMessage, fail *Error) {
	s := g.bySDKName(service)
	if s == nil {
		return nil, &Error{Code: "UnknownService", Message: fmt.Sprintf("There is no service %q in Tarn.", service)}
	}
	if err := s.prepare(); err != nil {
		panic("BUG: " + err.Error())
	}
	row := s.rowNamed(operation)
	if row == nil {
		return nil, s.unknown(upperFirst(operation))
	}
	if err := s.plans(row); err != nil {
		panic("BUG: " + err.Error())
	}
	if c.RequestID == "" {
		c.RequestID = ident.UUID()
	}
	g.begin(s, row, c)
	defer func() {
		if p := recover(); p != nil {
			g.log.Error("handler panicked", "service", s.Name, "operation", row.Name, "request", c.RequestID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			output, fail = nil, s.internal()
		}
	}()
	in := row.newInput()
	rep := &report{smithy: s.Smithy}
	if len(bytes.TrimSpace(input)) == 0 {
		input = json.RawMessage("{}")
	}
	var err error
	if row.in != nil {
		err = decodeJSON(row.in, input, in.Elem(), rep, true)
	}
	if e := s.refusal(rep, err); e != nil {
		return nil, e
	}
	row.fillTokens(in.Elem(), c.Token)
	if e := g.authoriseRow(ctx, s, row, c, in.Interface()); e != nil {
		return nil, e
	}
	if row.ServeHTTP != nil {
		b, err := s.invokeHTTP(ctx, row, c, in)
		if err != nil {
			return nil, g.failure(ctx, s, c, err)
		}
		return b, nil
	}
	out, err := row.Serve(ctx, c, in.Interface())
	if later := (*Later)(nil); errors.As(err, &later) {
		out, err = later.Then(ctx)
	}
	if err != nil {
		return nil, g.failure(ctx, s, c, err)
	}
	if row.out == nil {
		return json.RawMessage("{}"), nil
	}
	return jsonEnc{loose: true}.append(nil, row.out, nil, reflect.ValueOf(out)), nil
}

// Serves reports whether Invoke would find the operation.
func (g *Registry) Serves(service, operation string) bool {
	s := g.bySDKName(service)
	return s != nil && s.prepare() == nil && s.rowNamed(operation) != nil
}

// ErrorName returns the name under which a state machine sees an error of a service: "Lambda.ResourceNotFoundException".
func (g *Registry) ErrorName(service string, e *Error) string {
	s := g.bySDKName(service)
	if s == nil || s.prepare() != nil {
		return e.Code
	}
	name := e.Code
	if sh := s.m.Exception(e.Code); sh != nil {
		name = sh.Name
	}
	if !strings.HasSuffix(name, "Exception") {
		name += "Exception"
	}
	return upperFirst(s.SDKName) + "." + name
}

// OnWire returns the code and the HTTP status with which a service answers an error: the query protocol has codes of its own.
func (g *Registry) OnWire(service string, e *Error) (code string, status int) {
	code, status = e.Code, e.Status
	s := g.bySDKName(service)
	if s == nil || s.prepare() != nil {
		return code, status
	}
	if shape := s.m.Exception(e.Code); shape != nil {
		if s.m.Protocol == "query" {
			code = shape.ErrorCode
		}
		if status == 0 {
			status = shape.HTTPStatus()
		}
	}
	return code, status
}

// Modeled reports whether the model of an operation knows an error: state machines name the others by the service alone.
func (g *Registry) Modeled(service, operation string, e *Error) bool {
	s := g.bySDKName(service)
	if s == nil || s.prepare() != nil {
		return false
	}
	op := s.m.Ops[upperFirst(operation)]
	if op == nil {
		return false
	}
	for _, sh := range op.Errors {
		if sh.Name == e.Code || sh.ErrorCode == e.Code {
			return true
		}
	}
	return false
}

func (g *Registry) bySDKName(name string) *Service {
	if s := g.by[name]; s != nil {
		return s
	}
	for _, s := range g.list {
		if strings.EqualFold(s.SDKName, name) || strings.EqualFold(s.Name, name) {
			return s
		}
	}
	return nil
}

func (s *Service) rowNamed(name string) *opRow {
	if r := s.rows[name]; r != nil {
		return r
	}
	return s.rows[upperFirst(name)]
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// fillTokens makes the idempotency tokens that a request leaves to the service, of the call's own token where it has one.
func (r *opRow) fillTokens(v reflect.Value, token string) {
	if r.in == nil {
		return
	}
	for _, i := range r.in.tokens {
		if f := v.Field(r.in.fields[i].index); f.IsNil() {
			f.Set(reflect.New(f.Type().Elem()))
			f.Elem().SetString(cmp.Or(token, ident.UUID()))
		}
	}
}
