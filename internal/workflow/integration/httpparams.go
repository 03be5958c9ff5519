package integration

import (
	"net/url"
	"slices"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow"
)

// forbidden are the headers that a task must not give; so are those that start with one of forbiddenPrefixes.
var forbidden = []string{
	"a-im", "accept-charset", "accept-datetime", "accept-encoding", "authorization", "cache-control", "connection", "content-encoding", "content-md5", "date", "expect",
	"forwarded", "from", "host", "http2-settings", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "max-forwards", "origin", "pragma",
	"proxy-authorization", "referer", "server", "te", "trailer", "transfer-encoding", "upgrade", "via", "warning",
}

var forbiddenPrefixes = []string{"x-forwarded-", "x-amz-", "x-amzn-"}

var httpMethods = []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"}

// parseHTTP reads the parameters of a task.
func parseHTTP(p *jsonvalue.Object) (*httpCall, *workflow.TaskError) {
	c := &httpCall{arrays: "INDICES"}
	for name := range p.All() {
		switch name {
		case "ApiEndpoint", "Method", "Authentication", "InvocationConfig", "Headers", "QueryParameters", "RequestBody", "Transform":
		default:
			return nil, badHTTP("The field '" + name + "' is not supported by HTTP tasks")
		}
	}
	c.Endpoint, c.Method = p.Str("ApiEndpoint"), p.Str("Method")
	if u, err := url.Parse(c.Endpoint); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, badHTTP("The ApiEndpoint '" + c.Endpoint + "' is no URL of an HTTP API")
	}
	if !slices.Contains(httpMethods, c.Method) {
		return nil, badHTTP("The Method '" + c.Method + "' must be one of " + strings.Join(httpMethods, ", "))
	}
	for _, name := range []string{"Authentication", "InvocationConfig"} {
		if o := object(p, name); o != nil {
			c.Connection = o.Str("ConnectionArn")
		}
	}
	if c.Connection == "" {
		return nil, badHTTP("An HTTP task needs the ConnectionArn of an EventBridge connection in the field 'Authentication' or 'InvocationConfig'")
	}
	c.body, c.given = p.Get("RequestBody")
	for _, parse := range []func(*jsonvalue.Object) *workflow.TaskError{c.headers, c.queries, c.transform} {
		if fail := parse(p); fail != nil {
			return nil, fail
		}
	}
	return c, nil
}

func object(p *jsonvalue.Object, name string) *jsonvalue.Object {
	v, _ := p.Get(name)
	o, _ := v.(*jsonvalue.Object)
	return o
}

func (c *httpCall) headers(p *jsonvalue.Object) *workflow.TaskError {
	v, ok := p.Get("Headers")
	if !ok || v == nil {
		return nil
	}
	o, ok := v.(*jsonvalue.Object)
	if !ok {
		return badHTTP("Headers must be a JSON object")
	}
	for name, v := range o.All() {
		low := strings.ToLower(name)
		if slices.Contains(forbidden, low) || slices.ContainsFunc(forbiddenPrefixes, func(p string) bool { return strings.HasPrefix(low, p) }) {
			return badHTTP("The header '" + name + "' is not allowed in an HTTP task")
		}
		value := scalar(v)
		if list, ok := v.([]any); ok {
			parts := make([]string, len(list))
			for i, x := range list {
				parts[i] = scalar(x)
			}
			value = strings.Join(parts, ",")
		}
		if name == "" || strings.ContainsAny(name, " :\r\n\x00") || strings.ContainsAny(value, "\r\n\x00") {
			return badHTTP("The header '" + name + "' is not valid")
		}
		c.header = append(c.header, Field{name, value})
	}
	return nil
}

func (c *httpCall) queries(p *jsonvalue.Object) *workflow.TaskError {
	v, _ := p.Get("QueryParameters")
	text := func(s string) {
		for pair := range strings.SplitSeq(s, "&") {
			if k, v, _ := strings.Cut(pair, "="); k != "" {
				c.query = append(c.query, Field{k, v})
			}
		}
	}
	switch v := v.(type) {
	case nil:
	case string:
		text(v)
	case []any:
		for _, x := range v {
			text(scalar(x))
		}
	case *jsonvalue.Object:
		for k, x := range v.All() {
			list, ok := x.([]any)
			if !ok {
				list = []any{x}
			}
			for _, e := range list {
				c.query = append(c.query, Field{k, scalar(e)})
			}
		}
	default:
		return badHTTP("QueryParameters must be a string, an array or a JSON object")
	}
	return nil
}

func (c *httpCall) transform(p *jsonvalue.Object) *workflow.TaskError {
	t := object(p, "Transform")
	if t == nil {
		return nil
	}
	switch e := t.Str("RequestBodyEncoding"); e {
	case "", "NONE":
	case "URL_ENCODED":
		c.form = true
	default:
		return badHTTP("The RequestBodyEncoding '" + e + "' must be NONE or URL_ENCODED")
	}
	if o := object(t, "RequestEncodingOptions"); o != nil && o.Has("ArrayFormat") {
		if c.arrays = o.Str("ArrayFormat"); !slices.Contains([]string{"INDICES", "REPEAT", "COMMAS", "BRACKETS"}, c.arrays) {
			return badHTTP("The ArrayFormat '" + c.arrays + "' must be INDICES, REPEAT, COMMAS or BRACKETS")
		}
	}
	return nil
}

// scalar writes a value as a parameter has it.
func scalar(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return jsonvalue.Marshal(v)
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func encodeFields(list []Field) string {
	parts := make([]string, len(list))
	for i, f := range list {
		parts[i] = escape(f.Name) + "=" + escape(f.Value)
	}
	return strings.Join(parts, "&")
}

// encodeForm writes an object as a form. Members of objects are named in brackets, elements of arrays as format says.
func encodeForm(o *jsonvalue.Object, format string) string {
	var out []Field
	var add func(name string, v any)
	add = func(name string, v any) {
		switch v := v.(type) {
		case *jsonvalue.Object:
			for k, x := range v.All() {
				add(name+"["+k+"]", x)
			}
		case []any:
			if format == "COMMAS" {
				parts := make([]string, len(v))
				for i, x := range v {
					parts[i] = scalar(x)
				}
				add(name, strings.Join(parts, ","))
				return
			}
			for i, x := range v {
				switch format {
				case "REPEAT":
					add(name, x)
				case "BRACKETS":
					add(name+"[]", x)
				default:
					add(name+"["+string(jsonvalue.Int(int64(i)))+"]", x)
				}
			}
		default:
			out = append(out, Field{name, scalar(v)})
		}
	}
	for k, v := range o.All() {
		add(k, v)
	}
	return encodeFields(out)
}
