package protocol

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/tarn-data/tarn/internal/aws/model"
	"github.com/tarn-data/tarn/internal/kv"
	"github.com/tarn-data/tarn/internal/policy"
)

// Service is the table of an AWS service. Its exported fields are set before it is added to a Registry and not changed
// after; "" stands for the default of the service's protocol.
type Service struct {
	Name    string // signing name: "lambda", "states"
	SDKName string // in arn:aws:states:::aws-sdk:NAME:…, spelled as its errors are: "sfn", "cloudWatchLogs"; "" = Name
	Model   func() *model.Model
	Ops     []Op

	// MapError turns an engine's error into an answer. nil, of the function or of its result, answers InternalCode and
	// logs the error; a full disk (kv.ErrFull) is said to be one.
	MapError func(error) *Error

	ValidationCode   string // "ValidationException"; MalformedXML for restXml, ValidationError for query
	MissingCode      string // for required members that are not given; "" = ValidationCode, with its messages
	UnsupportedCode  string // for operations and members not served: ValidationCode; NotImplemented (501) for restXml
	SyntaxCode       string // "SerializationException"; MalformedXML, MalformedInput
	InternalCode     string // "InternalFailure"; InternalError for restXml
	ThrottlingCode   string // "ThrottlingException"; SlowDown, Throttling
	AccessDeniedCode string // "AccessDeniedException"; AccessDenied for restXml and query
	Smithy           bool   // validation messages in the newer wording

	// ResourcePolicy returns the policy attached to a resource (bucket policy, function policy, queue policy) and the
	// account that owns the resource; nil and "" where there is none or the ARN names the account. It is asked for every
	// call, so it must be quick.
	ResourcePolicy func(ctx context.Context, c *Call, resource string) (*policy.Document, string, error)

	// ConditionKeys adds the service's own condition keys to every question about its resources; nil adds nothing. It is not
	// asked where nothing can forbid the call.
	ConditionKeys func(ctx context.Context, c *Call, a Access, keys policy.Keys)

	// Parameters completes those of a request of the query protocol, or refuses it; nil leaves them as they came.
	Parameters func(r *http.Request, form url.Values) *Error

	// QueryCodes are the names that errors without a shape have in JSON, by their codes in the query protocol, for services that
	// came from it.
	QueryCodes map[string]string
	// QueryDetail adds an empty Detail to errors of the query protocol.
	QueryDetail bool

	// Preflight answers OPTIONS requests, which have no signature; nil refuses them.
	Preflight http.Handler
	// Form serves POST requests to a bucket whose body is a form of several parts, which carry their signature in its fields;
	// nil refuses them as an unknown operation.
	Form FormHandler
	// Details returns what an error of a request has besides code and message, such as the name of the bucket that does not
	// exist. What the error brings itself goes before it; nil adds nothing. Only restXml asks.
	Details func(c *Call, r *http.Request, e *Error) map[string]any
	// Argument words the refusal of a header or parameter, by its name on the wire and its text; nil, of the function or of
	// its result, leaves it to the codec. Only restXml asks.
	Argument func(name, text string) *Error
	// Decorate adds headers to any answer, errors included, before it is written; not to answers of HandleHTTP's handlers.
	Decorate func(ctx context.Context, c *Call, h http.Header)

	once    sync.Once
	err     error
	m       *model.Model
	planner planner
	rows    map[string]*opRow // by name
	routes  map[string][]*route
}

// opRow is a row with what the codec knows about it.
type opRow struct {
	Op
	model *model.Op

	once    sync.Once
	err     error
	in, out *plan // nil where the operation has none

	payload  *model.Member // of the input
	hasBody  bool          // the input has members in the body
	streamed bool          // the input's body is handed over as a reader

	emptyIsAbsent bool // a parameter of another kind than text that is empty counts as not given
}

// prepare parses the model and pairs it with the table.
func (s *Service) prepare() error {
	s.once.Do(func() {
		s.m = s.Model()
		s.defaults()
		s.rows = make(map[string]*opRow, len(s.Ops))
		for _, op := range s.Ops {
			mop := s.m.Ops[op.Name]
			switch {
			case mop == nil || mop.Unserved:
				s.err = fmt.Errorf("service %s: operation %s is not in support.txt", s.Name, op.Name)
			case s.rows[op.Name] != nil:
				s.err = fmt.Errorf("service %s: operation %s has two rows", s.Name, op.Name)
			case op.Serve == nil && op.ServeHTTP == nil:
				s.err = fmt.Errorf("service %s: operation %s has no handler", s.Name, op.Name)
			}
			if s.err != nil {
				return
			}
			if op.Action == "" {
				op.Action = s.Name + ":" + op.Name
			}
			r := &opRow{Op: op, model: mop, emptyIsAbsent: s.m.Protocol == "rest-xml"}
			if mop.In != nil {
				for _, m := range mop.In.Members {
					switch m.Loc {
					case model.Payload:
						r.payload = m
						r.streamed = m.Streaming && m.Shape.Kind == model.Blob
					case model.Body:
						r.hasBody = true
					}
				}
			}
			s.rows[op.Name] = r
		}
		if strings.HasPrefix(s.m.Protocol, "rest-") {
			s.buildRoutes()
		}
	})
	return s.err
}

func (s *Service) defaults() {
	def := func(p *string, json, xml, query string) {
		if *p != "" {
			return
		}
		switch s.m.Protocol {
		case "rest-xml":
			*p = xml
		case "query":
			*p = query
		default:
			*p = json
		}
	}
	def(&s.ValidationCode, "ValidationException", "InvalidRequest", "ValidationError")
	def(&s.UnsupportedCode, s.ValidationCode, "NotImplemented", s.ValidationCode)
	def(&s.SyntaxCode, "SerializationException", "MalformedXML", "MalformedInput")
	def(&s.InternalCode, "InternalFailure", "InternalError", "InternalFailure")
	def(&s.ThrottlingCode, "ThrottlingException", "SlowDown", "Throttling")
	def(&s.AccessDeniedCode, "AccessDeniedException", "AccessDenied", "AccessDenied")
	if s.SDKName == "" {
		s.SDKName = s.Name
	}
}

// plans makes the row's plans on its first use.
func (s *Service) plans(r *opRow) error {
	r.once.Do(func() {
		if r.model.In != nil {
			r.in, r.err = s.planner.plan(r.model.In, r.In)
		} else if r.In.NumField() != 0 {
			r.err = fmt.Errorf("operation %s has no input", r.Name)
		}
		if r.err != nil || r.Out == nil {
			return
		}
		if r.model.Out != nil {
			r.out, r.err = s.planner.plan(r.model.Out, r.Out)
		} else if r.Out.NumField() != 0 {
			r.err = fmt.Errorf("operation %s has no output", r.Name)
		}
	})
	if r.err != nil {
		return fmt.Errorf("service %s: %w", s.Name, r.err)
	}
	return nil
}

// Check reports what is wrong with the table: rows that are not in support.txt, Go types that do not fit the model, and,
// joined, the operations of support.txt that have no row. Each adapter's tests call it.
func (s *Service) Check() error {
	if err := s.prepare(); err != nil {
		return err
	}
	for _, r := range s.rows {
		if err := s.plans(r); err != nil {
			return err
		}
	}
	var missing []string
	for n, op := range s.m.Ops {
		if !op.Unserved && s.rows[n] == nil {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("service %s: operations of support.txt without a row: %s", s.Name, strings.Join(missing, ", "))
	}
	return nil
}

// newInput returns a pointer to a new input of the row.
func (r *opRow) newInput() reflect.Value { return reflect.New(r.In) }

// unknown is the error for an operation that has no row.
func (s *Service) unknown(name string) *Error {
	if s.m.Ops[name] != nil {
		e := &Error{Code: s.UnsupportedCode, Message: fmt.Sprintf("The operation %s of %s is not supported by Tarn.", name, s.m.ServiceID)}
		if s.m.Protocol == "rest-xml" {
			e.Status = http.StatusNotImplemented
		}
		return e
	}
	switch s.m.Protocol {
	case "query":
		return &Error{Code: "InvalidAction", Message: fmt.Sprintf("Could not find operation %s for version %s", name, s.m.Version)}
	case "rest-xml":
		return &Error{Code: "MethodNotAllowed", Status: http.StatusMethodNotAllowed, Message: "The specified method is not allowed against this resource."}
	case "rest-json":
		return &Error{Code: "UnknownOperationException", Status: http.StatusNotFound, Message: "The requested operation is not known to " + s.m.ServiceID + "."}
	}
	return &Error{Code: "UnknownOperationException", Message: fmt.Sprintf("The operation %q is not known to %s.", name, s.m.ServiceID)}
}

// refusal turns what the decoder has found into an answer, or nil.
func (s *Service) refusal(rep *report, err error) *Error {
	if err != nil {
		return s.syntax(err)
	}
	if s.MissingCode != "" && len(rep.absent) > 0 {
		return &Error{Code: s.MissingCode, Message: "The request must contain the parameter " + rep.absent[0] + "."}
	}
	if msg := rep.message(); msg != "" {
		return &Error{Code: s.ValidationCode, Message: msg}
	}
	if len(rep.unsupported) > 0 {
		e := &Error{Code: s.UnsupportedCode, Message: "Tarn does not support " + strings.Join(rep.unsupported, ", ") + "."}
		if s.m.Protocol == "rest-xml" {
			e.Status = http.StatusNotImplemented
		}
		return e
	}
	return nil
}

// detailMember of an error becomes a header; see restXMLError.
const detailMember = "Detail"

func (s *Service) syntax(err error) *Error {
	msg := strings.TrimPrefix(err.Error(), errSyntax.Error()+": ")
	if s.m.Protocol == "rest-xml" {
		return &Error{Code: s.SyntaxCode, Message: "The XML you provided was not well-formed or did not validate against our published schema", Members: map[string]any{detailMember: msg}}
	}
	return &Error{Code: s.SyntaxCode, Message: msg}
}

// mapped turns a handler's error into an answer; internal is set where the error is to be logged and hidden.
func (s *Service) mapped(err error) (e *Error, internal bool) {
	// An answer may be wrapped: a body that fails its signature says so through the engine that reads it.
	if e := (*Error)(nil); errors.As(err, &e) {
		return e, false
	}
	if s.MapError != nil {
		if e := s.MapError(err); e != nil {
			return e, false
		}
	}
	if errors.Is(err, kv.ErrFull) {
		return &Error{Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable, Message: "The disk of the server is full: writes are refused until space returns."}, false
	}
	return s.internal(), true
}

func (s *Service) internal() *Error {
	msg := "We encountered an internal error. Please try again."
	return &Error{Code: s.InternalCode, Status: http.StatusInternalServerError, Message: msg}
}
