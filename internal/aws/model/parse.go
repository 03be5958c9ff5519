package model

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"sort"
)

var kinds = map[string]Kind{
	"structure": Structure, "list": List, "map": Map, "string": String, "character": String, "integer": Integer, "short": Integer,
	"byte": Integer, "long": Long, "float": Float, "double": Double, "bigdecimal": Double, "boolean": Boolean, "timestamp": Timestamp, "blob": Blob,
}

var locations = map[string]Location{"uri": URI, "querystring": Query, "header": Header, "headers": Headers, "statusCode": Status}

// The raw types are service-2.json. Keys that start with "tarn" are written by awsgen.
type rawRef struct {
	Shape            string
	LocationName     string
	Location         string
	Flattened        bool
	Streaming        bool
	JSONValue        bool `json:"jsonvalue"`
	IdempotencyToken bool
	HostLabel        bool
	XMLAttribute     bool
	XMLNamespace     *rawNS
	TimestampFormat  string
	ResultWrapper    string
	Unwrapped        bool   `json:"tarnUnwrapped"`
	QueryName        string `json:"tarnQueryName"`
	QueryFlattened   bool   `json:"tarnQueryFlattened"`
	Support          string `json:"tarnSupport"` // "", "refused", "ignored"
}

type rawNS struct{ Prefix, URI string }

// UnmarshalJSON accepts the short form, a string.
func (n *rawNS) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &n.URI)
	}
	type plain rawNS
	return json.Unmarshal(b, (*plain)(n))
}

type rawShape struct {
	Type            string
	Members         map[string]*rawRef
	Member          *rawRef
	Key, Value      *rawRef
	Required        []string
	Min, Max        *float64
	Pattern         string
	GoPattern       string `json:"tarnPattern"`
	Backtrack       bool   `json:"tarnBacktrack"`
	Enum            []string
	Flattened       bool
	Union           bool
	Sensitive       bool
	Document        bool
	Streaming       bool
	Payload         string
	LocationName    string
	XMLNamespace    *rawNS
	TimestampFormat string
	Exception       bool
	Fault           bool
	Error           *struct {
		Code           string
		HTTPStatusCode int
	}
}

type rawOp struct {
	HTTP struct {
		Method, RequestURI string
		ResponseCode       int
	}
	Input, Output *rawRef
	Errors        []*rawRef
	AuthType      string
	Unserved      bool `json:"tarnUnserved"`
}

type rawModel struct {
	Metadata struct {
		APIVersion, Protocol, JSONVersion, TargetPrefix, XMLNamespace string
		EndpointPrefix, SigningName                                   string
		ServiceID                                                     string `json:"serviceId"`
		QueryNS                                                       string `json:"tarnQueryNamespace"`
	}
	Operations map[string]*rawOp
	Shapes     map[string]*rawShape
}

// ParseGzip is Parse for a compressed model.
func ParseGzip(z []byte) (*Model, error) {
	r, err := gzip.NewReader(bytes.NewReader(z))
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	return Parse(b)
}

// MustParseGzip is ParseGzip for a model that is embedded in the program. It panics if the model is damaged.
func MustParseGzip(z []byte) *Model {
	m, err := ParseGzip(z)
	if err != nil {
		panic("BUG: embedded model: " + err.Error())
	}
	return m
}

// Parse reads a model as awsgen writes it. The error names what refers to nothing.
func Parse(b []byte) (*Model, error) {
	var r rawModel
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("parse model: %w", err)
	}
	md := &r.Metadata
	m := &Model{
		ServiceID: md.ServiceID, SigningName: md.SigningName, Protocol: md.Protocol, JSONVersion: md.JSONVersion,
		TargetPrefix: md.TargetPrefix, XMLNS: md.XMLNamespace, Version: md.APIVersion, QueryNS: md.QueryNS,
		Ops: make(map[string]*Op, len(r.Operations)), Shapes: make(map[string]*Shape, len(r.Shapes)),
	}
	if m.SigningName == "" {
		m.SigningName = md.EndpointPrefix
	}
	p := parser{raw: &r, m: m}
	for n := range r.Shapes {
		m.Shapes[n] = &Shape{Name: n}
	}
	for n, x := range r.Shapes {
		if err := p.shape(m.Shapes[n], x); err != nil {
			return nil, fmt.Errorf("parse shape %s: %w", n, err)
		}
	}
	for n, x := range r.Operations {
		op, err := p.op(n, x)
		if err != nil {
			return nil, fmt.Errorf("parse operation %s: %w", n, err)
		}
		m.Ops[n] = op
	}
	return m, nil
}

type parser struct {
	raw *rawModel
	m   *Model
}

func (p *parser) find(name string) (*Shape, error) {
	if s := p.m.Shapes[name]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("no shape %q", name)
}

func (p *parser) member(name string, x *rawRef) (*Member, error) {
	if x == nil {
		return nil, fmt.Errorf("no reference for %s", name)
	}
	s, err := p.find(x.Shape)
	if err != nil {
		return nil, err
	}
	rs := p.raw.Shapes[x.Shape]
	m := &Member{
		Name: name, Wire: x.LocationName, Shape: s, Loc: locations[x.Location], Flattened: x.Flattened || rs.Flattened,
		Streaming: x.Streaming || rs.Streaming, JSONValue: x.JSONValue, Token: x.IdempotencyToken, HostLabel: x.HostLabel,
		Attr: x.XMLAttribute, Format: x.TimestampFormat, QueryWire: x.QueryName, QueryFlattened: x.QueryFlattened,
	}
	if m.Wire == "" {
		m.Wire = name
	}
	if m.Loc == Header || m.Loc == Headers {
		m.Header = textproto.CanonicalMIMEHeaderKey(m.Wire)
	}
	switch x.Support {
	case "refused":
		m.Support = Refused
	case "ignored":
		m.Support = Ignored
	}
	if ns := x.XMLNamespace; ns != nil {
		m.NSPrefix, m.NSURI = ns.Prefix, ns.URI
	} else if ns := rs.XMLNamespace; ns != nil {
		m.NSPrefix, m.NSURI = ns.Prefix, ns.URI
	}
	if p.m.Protocol == "query" && m.QueryWire == "" {
		m.QueryWire, m.QueryFlattened = m.Wire, m.Flattened
		// A flattened list is named after its elements: Attribute.1, not Attributes.member.1.
		if m.Flattened && rs.Type == "list" && rs.Member.LocationName != "" {
			m.QueryWire = rs.Member.LocationName
		}
	}
	if m.QueryWire == "" {
		m.QueryWire = m.Wire
	}
	return m, nil
}

func (p *parser) shape(s *Shape, x *rawShape) (err error) {
	kind, ok := kinds[x.Type]
	if !ok {
		return fmt.Errorf("unknown type %q", x.Type)
	}
	s.Kind = kind
	if x.Document {
		s.Kind = Document
	}
	s.Min, s.Max, s.Enum, s.Flattened, s.Union, s.Sensitive = x.Min, x.Max, x.Enum, x.Flattened, x.Union, x.Sensitive
	s.Format, s.XMLName = x.TimestampFormat, x.LocationName
	if x.Pattern != "" {
		s.Pattern = &Pattern{Source: x.Pattern, Expr: x.GoPattern, Backtrack: x.Backtrack}
		if x.GoPattern == "" {
			s.Pattern.Expr = x.Pattern
		}
	}
	if x.Exception || x.Error != nil {
		s.Exception, s.Fault, s.ErrorCode = true, x.Fault, s.Name
		if x.Error != nil {
			s.ErrorStatus = x.Error.HTTPStatusCode
			if x.Error.Code != "" {
				s.ErrorCode = x.Error.Code
			}
		}
	}
	switch s.Kind {
	case Structure:
		return p.structure(s, x)
	case List:
		s.Elem, err = p.member("member", x.Member)
	case Map:
		if s.Key, err = p.member("key", x.Key); err == nil {
			s.Val, err = p.member("value", x.Value)
		}
	}
	return err
}

func (p *parser) structure(s *Shape, x *rawShape) error {
	s.byWire, s.byName = make(map[string]*Member, len(x.Members)), make(map[string]*Member, len(x.Members))
	for n, ref := range x.Members {
		m, err := p.member(n, ref)
		if err != nil {
			return err
		}
		if x.Payload == n {
			m.Loc = Payload
		}
		s.Members = append(s.Members, m)
		s.byName[n] = m
		if m.Loc == Body {
			s.byWire[m.Wire] = m
		}
	}
	sort.Slice(s.Members, func(i, j int) bool { return s.Members[i].Name < s.Members[j].Name })
	for i, m := range s.Members {
		m.Index = i
	}
	for _, n := range x.Required {
		if m := s.byName[n]; m != nil {
			m.Required = true
		}
	}
	return nil
}

func (p *parser) op(name string, x *rawOp) (*Op, error) {
	op := &Op{
		Name: name, Method: x.HTTP.Method, URI: x.HTTP.RequestURI, Status: x.HTTP.ResponseCode,
		Unauthorized: x.AuthType == "none", Unserved: x.Unserved,
	}
	if op.Status == 0 {
		op.Status = 200
	}
	var err error
	if x.Input != nil {
		if op.In, err = p.find(x.Input.Shape); err != nil {
			return nil, err
		}
		op.InputName = x.Input.LocationName
	}
	if x.Output != nil {
		if op.Out, err = p.find(x.Output.Shape); err != nil {
			return nil, err
		}
		op.OutputName, op.ResultName, op.Unwrapped = x.Output.LocationName, x.Output.ResultWrapper, x.Output.Unwrapped
	}
	for _, e := range x.Errors {
		s, err := p.find(e.Shape)
		if err != nil {
			return nil, err
		}
		op.Errors = append(op.Errors, s)
	}
	return op, nil
}
