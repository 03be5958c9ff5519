// Package protocol turns AWS's wire formats into calls of typed handlers and back.
//
// Each service is a table of operations (Service). A row names the operation, the resources it touches and the handler;
// everything else (bindings, constraints, error shapes) is read from the service's model, and the codec pairs the model
// with the Go types of input and output. The same table serves three callers: HTTP through aws/gateway, state machines
// through Invoke, and the command line.
package protocol

import (
	"context"
	"net/http"
	"reflect"

	"github.com/tarn-data/tarn/internal/ident"
	"github.com/tarn-data/tarn/internal/policy"
)

// Call is what a handler knows about a request besides its input.
type Call struct {
	ident.Scope                  // account and region that the request is for
	Service     string           // signing name: "lambda"
	Operation   string           // "CreateFunction"
	Principal   policy.Principal // who asks, already authorised
	RequestID   string
	SourceIP    string        // "" in process
	UserAgent   string        // "" in process
	HTTP        *http.Request // nil in process
	Header      http.Header   // headers to add to the answer; never nil
}

// Op is a row of a service's table. Make it with Handle.
type Op struct {
	Name      string // as in the model: "CreateFunction"
	Action    string // IAM action; "" = signing name + ":" + Name
	Public    bool   // served without authorisation (not without a valid signature, if one is given)
	In, Out   reflect.Type
	Resources func(*Call, any) []string
	Serve     func(context.Context, *Call, any) (any, error)
}

// Handle makes a row from a typed handler. resources returns the ARNs that the policy is asked about; nil stands for "*".
func Handle[In, Out any](name string, resources func(*Call, *In) []string, serve func(context.Context, *Call, *In) (*Out, error)) Op {
	op := Op{
		Name: name, In: reflect.TypeFor[In](), Out: reflect.TypeFor[Out](),
		Serve: func(ctx context.Context, c *Call, in any) (any, error) {
			out, err := serve(ctx, c, in.(*In))
			if err != nil {
				return nil, err
			}
			return out, nil
		},
	}
	if resources != nil {
		op.Resources = func(c *Call, in any) []string { return resources(c, in.(*In)) }
	}
	return op
}

// Error is an answer of a service that refuses a request. Handlers return it, or an engine's error that the service's
// table of errors (Service.MapError) turns into one.
type Error struct {
	Code    string         // "NoSuchBucket", "ResourceNotFoundException"
	Status  int            // HTTP status; 0 = that of the model, else 400
	Message string         // shown to the user
	Members map[string]any // further members of the error's shape, by their names on the wire
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }
