package protocol

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// maxAnswer bounds what a call in process takes into memory; a state machine could not keep a hundredth of it.
const maxAnswer = 32 << 20

// memoryAnswer is the ResponseWriter of a handler that is called in process.
type memoryAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *memoryAnswer) Header() http.Header { return w.header }

func (w *memoryAnswer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *memoryAnswer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.body.Len()+len(b) > maxAnswer {
		return 0, fmt.Errorf("the answer is larger than %d bytes, the limit of calls in process", maxAnswer)
	}
	return w.body.Write(b)
}

// invokeHTTP calls a handler that writes its answer, and reads the answer back by the model.
func (s *Service) invokeHTTP(ctx context.Context, row *opRow, c *Call, in reflect.Value) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, row.model.Method, "/", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	w := &memoryAnswer{header: http.Header{}}
	if err := row.ServeHTTP(ctx, c, in.Interface(), w, r); err != nil {
		return nil, err
	}
	out := []byte{'{'}
	if row.model.Out == nil {
		return append(out, '}'), nil
	}
	for _, m := range row.model.Out.Members {
		var value []byte
		switch m.Loc {
		case model.Header:
			if text, ok := headerNamed(w.header, m.Header); ok {
				value = headerJSON(m, text)
			}
		case model.Headers:
			value = prefixedJSON(m, w.header)
		case model.Status:
			value = strconv.AppendInt(nil, int64(w.status), 10)
		case model.Payload:
			if m.Shape.Kind == model.Blob {
				value = textJSON(w.body.Bytes())
			}
		}
		if value == nil {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(appendString(out, model.GoName(m.Name)), ':'), value...)
	}
	return append(out, '}'), nil
}

func textJSON(b []byte) []byte {
	if utf8.Valid(b) {
		return appendString(nil, string(b))
	}
	return appendString(nil, base64.StdEncoding.EncodeToString(b))
}

// headerJSON is the reverse of headerText.
func headerJSON(m *model.Member, text string) []byte {
	switch m.Shape.Kind {
	case model.Integer, model.Long:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return strconv.AppendInt(nil, n, 10)
		}
	case model.Float, model.Double:
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return appendFloat(nil, f)
		}
	case model.Boolean:
		return strconv.AppendBool(nil, text == "true")
	case model.Timestamp:
		if t, err := parseTime(text, timeFormat(m.Shape, m)); err == nil {
			return append(appendISO([]byte{'"'}, t, true), '"')
		}
	case model.List:
		out := []byte{'['}
		for part := range strings.SplitSeq(text, ",") {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = appendString(out, strings.TrimSpace(part))
		}
		return append(out, ']')
	}
	return appendString(nil, text)
}

func prefixedJSON(m *model.Member, h http.Header) []byte {
	var out []byte
	pre := strings.ToLower(m.Wire)
	for _, k := range slices.Sorted(maps.Keys(h)) {
		name, ok := strings.CutPrefix(strings.ToLower(k), pre)
		if !ok {
			continue
		}
		if out == nil {
			out = []byte{'{'}
		} else {
			out = append(out, ',')
		}
		out = append(appendString(out, name), ':')
		out = appendString(out, h[k][0])
	}
	if out == nil {
		out = []byte{'{'} // SDKs give an empty map
	}
	return append(out, '}')
}

// headerNamed finds a header that a handler may have set in another case: S3 writes ETag.
func headerNamed(h http.Header, name string) (string, bool) {
	if vs := h[name]; len(vs) > 0 {
		return vs[0], true
	}
	for k, vs := range h {
		if len(vs) > 0 && strings.EqualFold(k, name) {
			return vs[0], true
		}
	}
	return "", false
}
