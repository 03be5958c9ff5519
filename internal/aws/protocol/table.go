// Package protocol turns AWS's wire formats into calls of typed handlers and back.
//
// Each service is a table of operations (Service). A row names the operation, the resources it touches and the handler;
// everything else (bindings, constraints, error shapes) is read from the service's model, and one codec pairs the model
// with the Go types of input and output. It speaks awsJson 1.0 and 1.1, restJson, restXml and the query protocol. The
// same table serves three callers: HTTP through aws/gateway, state machines and the command line through Registry.Invoke.
//
// What the codec promises a handler:
//
//	W1  The input has been validated against every constraint of the model, with AWS's messages.
//	W2  A member for which the struct has no field was not given: it is refused by name before the handler is called.
//	    Members that support.txt ignores, and members that the model does not know, are read over.
//	W3  The principal was allowed every (action, resource) that the row names.
//
// Traps, which the tests hold on to: constraints are not in every model (SQS has none: its handlers check by hand);
// which error carries a validation message is per service; patterns are Java's and match the whole value; longs beyond
// 2^53 never pass through a float64; headers and the status code are set by members even where a payload is.
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
	// Token names a call that comes again when its answer was lost, in process only: calls with one token that start something
	// start it once. "" = none.
	Token     string
	SourceIP  string        // "" in process
	UserAgent string        // "" in process
	Secure    bool          // by TLS
	HTTP      *http.Request // nil in process
	Header    http.Header   // headers to add to the answer; never nil

	allow func(context.Context, *Call, Access) *Error
}

// Access is a question to the policies: may the principal do this?
type Access struct {
	Action     string              // "s3:GetObject"
	Resource   string              // an ARN, or "*"
	Conditions map[string][]string // keys of the service: "s3:prefix"
}

// Allowed asks the policies for something that only the handler can know, such as each key of DeleteObjects. It returns
// nil or the error to answer.
func (c *Call) Allowed(ctx context.Context, a Access) *Error {
	if c.allow == nil {
		return nil
	}
	return c.allow(ctx, c, a)
}

// Op is a row of a service's table. Make it with Handle or HandleHTTP.
type Op struct {
	Name      string // as in the model: "CreateFunction"
	Action    string // IAM action; "" = signing name + ":" + Name
	Status    int    // of a successful answer of a REST protocol; 0 = the model's
	Public    bool   // served without authorisation, to anonymous callers too (not without a valid signature, if one is given)
	In, Out   reflect.Type
	Resources func(*Call, any) []string
	Serve     func(context.Context, *Call, any) (any, error)
	// ServeHTTP takes the place of Serve where the handler writes the answer itself. An error before the first byte is
	// answered as the service's.
	ServeHTTP func(context.Context, *Call, any, http.ResponseWriter, *http.Request) error
	// Conditions adds the service's own condition keys to the question that is asked for Action.
	Conditions func(*Call, any) map[string][]string
	// Further lists more questions, all of which must be answered with yes: iam:PassRole where a role is given.
	Further func(*Call, any) []Access
}

// Handle makes a row from a typed handler. resources returns the ARNs that the policy is asked about; nil stands for "*".
func Handle[In, Out any](name string, resources func(*Call, *In) []string, serve func(context.Context, *Call, *In) (*Out, error)) Op {
	op := row[In](name, resources)
	op.Out = reflect.TypeFor[Out]()
	op.Serve = func(ctx context.Context, c *Call, in any) (any, error) {
		out, err := serve(ctx, c, in.(*In))
		if err != nil {
			return nil, err
		}
		return out, nil
	}
	return op
}

// HandleHTTP makes a row whose handler writes the answer. The input has its labels, headers and parameters; a body that
// streams is in its member, any other body is decoded as for Handle. A call in process gives it a bare request and reads
// its answer back by the model.
func HandleHTTP[In any](name string, resources func(*Call, *In) []string, serve func(context.Context, *Call, *In, http.ResponseWriter, *http.Request) error) Op {
	op := row[In](name, resources)
	op.ServeHTTP = func(ctx context.Context, c *Call, in any, w http.ResponseWriter, r *http.Request) error {
		return serve(ctx, c, in.(*In), w, r)
	}
	return op
}

func row[In any](name string, resources func(*Call, *In) []string) Op {
	op := Op{Name: name, In: reflect.TypeFor[In]()}
	if resources != nil {
		op.Resources = func(c *Call, in any) []string { return resources(c, in.(*In)) }
	}
	return op
}

// As returns the row with another IAM action than its name: ListObjectsV2 is s3:ListBucket.
func (o Op) As(action string) Op {
	o.Action = action
	return o
}

// Answering returns the row with another status than the model's, which is not always what AWS answers.
func (o Op) Answering(status int) Op {
	o.Status = status
	return o
}

// If returns the row with condition keys of the service; see Op.Conditions.
func If[In any](o Op, f func(*Call, *In) map[string][]string) Op {
	o.Conditions = func(c *Call, in any) map[string][]string { return f(c, in.(*In)) }
	return o
}

// Also returns the row with further questions to the policies; see Op.Further.
func Also[In any](o Op, f func(*Call, *In) []Access) Op {
	o.Further = func(c *Call, in any) []Access { return f(c, in.(*In)) }
	return o
}

// PassRole is the question to ask where a principal gives a role to a service ("lambda.amazonaws.com").
func PassRole(roleARN, service string) Access {
	return Access{Action: "iam:PassRole", Resource: roleARN, Conditions: map[string][]string{"iam:PassedToService": {service}}}
}

// Error is an answer of a service that refuses a request. Handlers return it, or an engine's error that the service's
// table of errors (Service.MapError) turns into one.
type Error struct {
	Code    string         // "NoSuchBucket", "ResourceNotFoundException"
	Status  int            // HTTP status; 0 = that of the model, else 400
	Message string         // shown to the user
	Query   string         // the message in answers of the query protocol; "" = Message
	Members map[string]any // further members of the error's shape, by their names on the wire
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }
