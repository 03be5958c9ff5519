package protocol

import (
	"encoding/base64"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// encodeREST writes the headers of an answer to h and returns its status and either its body or a stream, which the
// caller closes.
func (s *Service) encodeREST(r *opRow, out reflect.Value, h http.Header, b []byte) (int, []byte, io.ReadCloser) {
	status := r.model.Status
	isXML := s.m.Protocol == "rest-xml"
	if r.out == nil {
		return status, b, nil
	}
	v, ok := indirect(out)
	if !ok {
		return status, b, nil
	}
	body, payload := false, false
	var stream io.ReadCloser
	for i, m := range r.model.Out.Members {
		f := &r.out.fields[i]
		if m.Loc == model.Body {
			body = true
		}
		if f.index < 0 || absent(m, v.Field(f.index)) {
			payload = payload || m.Loc == model.Payload
			continue
		}
		x, ok := indirect(v.Field(f.index))
		switch m.Loc {
		case model.Header:
			if ok {
				h[m.Header] = []string{headerText(m, x)}
			}
		case model.Headers:
			// In lower case, as S3 sends them: clients give the rest of the name to their users as it is.
			for it := x.MapRange(); it.Next(); {
				h[strings.ToLower(m.Wire+it.Key().String())] = []string{it.Value().String()}
			}
		case model.Status:
			status = int(x.Int())
		case model.Payload:
			payload = true
			switch {
			case m.Shape.Kind == model.Blob:
				if x.Kind() == reflect.Slice {
					b = append(b, x.Bytes()...)
				} else {
					stream = v.Field(f.index).Interface().(io.ReadCloser)
				}
			case m.Shape.Kind == model.String:
				b = append(b, x.String()...)
			case isXML:
				b = append(b, xmlHeader...)
				b = s.xml().root(b, f.plan, rootName(m.Shape, m.Wire), s.m.XMLNS, x)
			default:
				b = jsonEnc{}.append(b, f.plan, m, x)
			}
		}
	}
	switch {
	case payload || !body:
	case !isXML:
		b = jsonEnc{}.append(b, r.out, nil, v)
	case r.model.Unwrapped:
		b = append(b, xmlHeader...)
		b = s.unwrapped(b, r, v)
	default:
		b = append(b, xmlHeader...)
		name := r.model.OutputName
		if name == "" {
			name = r.model.Out.Name
		}
		b = s.xml().root(b, r.out, name, s.m.XMLNS, v)
	}
	return status, b, stream
}

const xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

func (s *Service) xml() xmlEnc { return xmlEnc{millis: s.m.Protocol == "rest-xml"} }

func rootName(s *model.Shape, wire string) string {
	if s.XMLName != "" {
		return s.XMLName
	}
	return wire
}

// unwrapped writes an output whose only member stands at the root.
func (s *Service) unwrapped(b []byte, r *opRow, v reflect.Value) []byte {
	for i, m := range r.model.Out.Members {
		f := &r.out.fields[i]
		if m.Loc != model.Body || f.index < 0 {
			continue
		}
		return s.xml().root(b, f.plan, r.model.OutputName, s.m.XMLNS, v.Field(f.index))
	}
	return b
}

func headerText(m *model.Member, x reflect.Value) string {
	switch m.Shape.Kind {
	case model.Timestamp:
		t := *x.Addr().Interface().(*time.Time)
		switch timeFormat(m.Shape, m) {
		case "iso8601":
			return string(appendISO(nil, t, true))
		case "unixTimestamp":
			return string(appendEpoch(nil, t))
		}
		return t.UTC().Format(http.TimeFormat)
	case model.Boolean:
		return strconv.FormatBool(x.Bool())
	case model.Integer, model.Long:
		return strconv.FormatInt(x.Int(), 10)
	case model.Float, model.Double:
		return strconv.FormatFloat(x.Float(), 'g', -1, 64)
	case model.Blob:
		return base64.StdEncoding.EncodeToString(x.Bytes())
	case model.List:
		var parts []string
		for i := range x.Len() {
			parts = append(parts, x.Index(i).String())
		}
		return strings.Join(parts, ",")
	}
	if m.JSONValue {
		return base64.StdEncoding.EncodeToString([]byte(x.String()))
	}
	return x.String()
}
