package lambdaapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/function"
)

func (a *api) invoke(ctx context.Context, c *protocol.Call, in *InvocationRequest) (*InvocationResponse, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, protocol.Or(in.Qualifier, ""))
	if err == nil && r.Qualifier == "" {
		if _, missing := a.Functions.Get(ctx, r); errors.Is(missing, function.ErrNotFound) { // named by its version, here only
			return nil, fmt.Errorf("%w:%s", missing, function.Latest)
		}
	}
	if err != nil {
		return nil, err
	}
	inv := function.Invocation{Ref: r, Payload: in.Payload, RequestID: cmp.Or(c.Token, c.RequestID)}
	if in.ClientContext != nil {
		text, err := base64.StdEncoding.DecodeString(*in.ClientContext)
		if err != nil {
			return nil, fmt.Errorf("%w: the client context is not base64: %w", function.ErrBadPayload, err)
		}
		inv.ClientContext = string(text)
	}
	switch protocol.Or(in.InvocationType, InvocationType_RequestResponse) {
	case InvocationType_DryRun:
		if err := a.Functions.Check(ctx, r); err != nil {
			return nil, err
		}
		return &InvocationResponse{StatusCode: new(int32(204))}, nil
	case InvocationType_Event:
		if _, err := a.Functions.InvokeAsync(ctx, inv); err != nil {
			return nil, err
		}
		return &InvocationResponse{StatusCode: new(int32(202))}, nil
	}
	res, err := a.Functions.Invoke(ctx, inv)
	if err != nil {
		return nil, err
	}
	out := &InvocationResponse{StatusCode: new(int32(200)), Payload: res.Payload, ExecutedVersion: &res.Version}
	if res.Failed {
		out.FunctionError = new("Unhandled")
	}
	if in.LogType != nil && *in.LogType == LogType_Tail {
		out.LogResult = new(base64.StdEncoding.EncodeToString(res.LogTail))
	}
	return out, nil
}

func (a *api) invokeAsync(ctx context.Context, c *protocol.Call, in *InvokeAsyncRequest) (*InvokeAsyncResponse, error) {
	r, err := function.ParseRef(c.Scope, in.FunctionName, "")
	if err != nil {
		return nil, err
	}
	var payload []byte
	if in.InvokeArgs != nil {
		if payload, err = io.ReadAll(io.LimitReader(in.InvokeArgs, function.MaxAsyncPayload+1)); err != nil {
			return nil, errors.Join(function.ErrBadPayload, err)
		}
	}
	if _, err := a.Functions.InvokeAsync(ctx, function.Invocation{Ref: r, Payload: payload, RequestID: c.RequestID}); err != nil {
		return nil, err
	}
	return &InvokeAsyncResponse{Status: new(int32(202))}, nil
}
