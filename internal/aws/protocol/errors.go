package protocol

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// Fail answers a request with an error in the service's wire form.
func (s *Service) Fail(ctx context.Context, w http.ResponseWriter, r *http.Request, c *Call, e *Error) {
	wire := wireJSON
	if s.prepare() == nil {
		wire = s.wireOf(r)
	}
	shape := s.m.Exception(e.Code)
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
		if shape != nil {
			status = shape.HTTPStatus()
		}
	}
	h := w.Header()
	for k, vs := range c.Header {
		h[k] = vs
	}
	s.requestID(h, c)
	if s.Decorate != nil {
		s.Decorate(ctx, c, h)
	}
	var body []byte
	switch {
	case wire == wireQuery:
		h.Set("Content-Type", "text/xml")
		body = s.queryError(shape, e, status, c)
	case s.m.Protocol == "rest-xml":
		h.Set("Content-Type", "application/xml")
		body = s.restXMLError(h, e, r, c)
	default:
		body = s.jsonError(h, shape, e, status, wire == wireREST)
	}
	if r.Method == http.MethodHead || status == http.StatusNotModified {
		h.Del("Content-Type")
		w.WriteHeader(status)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// Identify sets the headers that name a request; codecs do it for the answers that they write.
func (s *Service) Identify(h http.Header, c *Call) { s.requestID(h, c) }

func (s *Service) requestID(h http.Header, c *Call) {
	if s.m.Protocol == "rest-xml" {
		h["X-Amz-Request-Id"] = []string{c.RequestID}
		h["X-Amz-Id-2"] = []string{hostID(c)}
		return
	}
	h["X-Amzn-Requestid"] = []string{c.RequestID}
}

// hostID stands for S3's second request id, which names the machine that served the request.
func hostID(c *Call) string { return "tarn/" + c.RequestID }

func (s *Service) jsonError(h http.Header, shape *model.Shape, e *Error, status int, rest bool) []byte {
	name, typ := e.Code, e.Code
	if shape != nil {
		name, typ = shape.Name, shape.Name
	}
	if s.m.QueryNS != "" { // the query protocol's code, for clients that came from it
		fault, code := "Sender", e.Code
		if status >= 500 {
			fault = "Receiver"
		}
		if shape != nil {
			code = shape.ErrorCode
		} else if n := s.QueryCodes[code]; n != "" {
			name = n
		}
		h["X-Amzn-Query-Error"] = []string{code + ";" + fault}
		typ = "com.amazonaws." + s.Name + "#" + name
	}
	message := "message"
	doc := map[string]any{}
	if shape != nil {
		for _, m := range shape.Members {
			switch {
			case strings.EqualFold(m.Name, "message"):
				message = m.Wire
			case m.Name == "Type" && rest:
				doc["Type"] = map[bool]string{true: "Service", false: "User"}[status >= 500]
			}
		}
	}
	for k, v := range e.Members {
		if shape != nil {
			if m := shape.ByName(k); m != nil && m.Loc == model.Header {
				h.Set(m.Wire, fmt.Sprint(v))
				continue
			}
		}
		doc[k] = v
	}
	doc[message] = e.Message
	if rest {
		h["X-Amzn-Errortype"] = []string{name}
		h["Content-Type"] = []string{"application/json"}
	} else {
		doc["__type"] = typ
		h["Content-Type"] = []string{"application/x-amz-json-" + s.m.JSONVersion}
	}
	body, err := json.Marshal(doc)
	if err != nil {
		panic("BUG: encode error: " + err.Error())
	}
	return body
}

func (s *Service) queryError(shape *model.Shape, e *Error, status int, c *Call) []byte {
	code, fault := e.Code, "Sender"
	if shape != nil {
		code = shape.ErrorCode
	}
	if status >= 500 {
		fault = "Receiver"
	}
	b := append([]byte(`<ErrorResponse xmlns="`), s.queryNS()...)
	b = append(append(append(b, `"><Error><Type>`...), fault...), `</Type>`...)
	b = appendElement(b, "Code", code)
	b = appendElement(b, "Message", cmp.Or(e.Query, e.Message))
	b = appendMembers(b, e.Members)
	if s.QueryDetail {
		b = append(b, `<Detail/>`...)
	}
	b = append(b, `</Error>`...)
	b = appendElement(b, "RequestId", c.RequestID)
	return append(b, `</ErrorResponse>`...)
}

func (s *Service) queryNS() string {
	if s.m.QueryNS != "" {
		return s.m.QueryNS
	}
	return s.m.XMLNS
}

// detailHeader carries what exactly is wrong with a document: S3 itself says only that something is.
const detailHeader = "X-Tarn-Detail"

func (s *Service) restXMLError(h http.Header, e *Error, r *http.Request, c *Call) []byte {
	members := map[string]any{}
	if s.Details != nil {
		maps.Copy(members, s.Details(c, r, e))
	}
	maps.Copy(members, e.Members)
	if d, ok := members[detailMember].(string); ok {
		h.Set(detailHeader, d)
		delete(members, detailMember)
	}
	b := append([]byte(xmlHeader), `<Error>`...)
	b = appendElement(b, "Code", e.Code)
	b = appendElement(b, "Message", e.Message)
	b = appendMembers(b, members)
	b = appendElement(b, "RequestId", c.RequestID)
	b = appendElement(b, "HostId", hostID(c))
	return append(b, `</Error>`...)
}

func appendElement(b []byte, name, text string) []byte {
	b = append(append(append(b, '<'), name...), '>')
	return closeTag(appendEscaped(b, text), name)
}

func appendMembers(b []byte, members map[string]any) []byte {
	keys := make([]string, 0, len(members))
	for k := range members {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		b = appendElement(b, k, fmt.Sprint(members[k]))
	}
	return b
}
