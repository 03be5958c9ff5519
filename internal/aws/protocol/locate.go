package protocol

import (
	"net/http"
	"net/url"
	"strings"
)

// wire is a way in which a request is spelled.
type wire uint8

const (
	wireJSON wire = iota
	wireREST
	wireQuery
)

// Target is the operation that a request asks for.
type Target struct {
	Service *Service
	row     *opRow
	wire    wire
	labels  []label
	query   url.Values
	form    url.Values
}

// Operation returns the name of the operation.
func (t *Target) Operation() string { return t.row.Name }

// Streams reports whether the handler reads the body itself, so that it must not be read before.
func (t *Target) Streams() bool { return t.row.streamed }

// Public reports whether the operation is served without authorisation.
func (t *Target) Public() bool { return t.row.Public }

// Unsigned reports whether AWS serves the operation to requests without a signature.
func (t *Target) Unsigned() bool { return t.row.model.Unauthorized }

// NeedsForm reports whether the operation can only be told from the parameters in the body.
func (s *Service) NeedsForm(r *http.Request) bool {
	if err := s.prepare(); err != nil {
		return false
	}
	return s.wireOf(r) == wireQuery
}

func (s *Service) wireOf(r *http.Request) wire {
	switch {
	case strings.HasPrefix(s.m.Protocol, "rest-"):
		return wireREST
	case s.m.Protocol == "query", s.m.QueryNS != "" && r.Header.Get("X-Amz-Target") == "":
		return wireQuery
	}
	return wireJSON
}

// Wire returns how a request of the service is spelled: "json", "query", "rest-json" or "rest-xml".
func (s *Service) Wire(r *http.Request) string {
	if s.prepare() != nil {
		return "json"
	}
	switch s.wireOf(r) {
	case wireREST:
		return s.m.Protocol
	case wireQuery:
		return "query"
	}
	return "json"
}

// Throttled is the answer for a request that comes while too many are served.
func (s *Service) Throttled() *Error {
	if s.prepare() != nil {
		return &Error{Code: "ThrottlingException", Status: http.StatusTooManyRequests, Message: "Rate exceeded"}
	}
	if s.m.Protocol == "rest-xml" {
		return &Error{Code: s.ThrottlingCode, Status: http.StatusServiceUnavailable, Message: "Please reduce your request rate."}
	}
	return &Error{Code: s.ThrottlingCode, Message: "Rate exceeded"}
}

// Locate finds the operation of a request. form holds the parameters of a query request, from its body and its URL; it
// is not used for others. path is the escaped path, with the bucket in front where the host named it.
func (s *Service) Locate(r *http.Request, path string, form url.Values) (*Target, *Error) {
	if err := s.prepare(); err != nil {
		return nil, &Error{Code: "InternalFailure", Status: http.StatusInternalServerError, Message: err.Error()}
	}
	t := &Target{Service: s, wire: s.wireOf(r)}
	name := ""
	switch t.wire {
	case wireREST:
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, &Error{Code: "InvalidURI", Status: http.StatusBadRequest, Message: "Couldn't parse the specified URI."}
		}
		t.query = q
		route, labels := s.find(r.Method, path, q, r.Header)
		if route == nil {
			return nil, s.unknown("")
		}
		t.row, t.labels, name = route.row, labels, route.name
	case wireQuery:
		if s.Parameters != nil {
			if e := s.Parameters(r, form); e != nil {
				return nil, e
			}
		}
		t.form = form
		name = form.Get("Action")
		if name == "" {
			return nil, &Error{Code: "MissingAction", Message: "The request is missing an action or a required parameter."}
		}
		if v := form.Get("Version"); v != "" && v != s.m.Version {
			return nil, &Error{Code: "InvalidAction", Message: "Could not find operation " + name + " for version " + v}
		}
		if t.row = s.rows[name]; t.row == nil && s.m.Ops[name] == nil {
			return nil, &Error{Code: "InvalidAction", Message: "Could not find operation " + name + " for version " + s.m.Version}
		}
	default:
		prefix, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if prefix != s.m.TargetPrefix {
			return nil, &Error{Code: "UnknownOperationException", Message: "The header X-Amz-Target names no operation of " + s.m.ServiceID + "."}
		}
		name, t.row = op, s.rows[op]
	}
	if t.row == nil {
		return nil, s.unknown(name)
	}
	return t, nil
}
