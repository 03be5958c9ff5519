package protocol

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// decodeBindings reads the members of a REST input that are not in the body.
func (r *opRow) decodeBindings(req *http.Request, query url.Values, labels []label, v reflect.Value, rep *report) error {
	if r.in == nil {
		return nil
	}
	for i, m := range r.model.In.Members {
		var text string
		var ok bool
		switch m.Loc {
		case model.URI:
			for _, l := range labels {
				if l.name == m.Wire {
					text, ok = l.value, true
				}
			}
		case model.Query:
			vs, given := query[m.Wire]
			if given && (m.Shape.Kind == model.List || m.Shape.Kind == model.Map) {
				if err := r.repeated(i, m, vs, v, rep); err != nil {
					return err
				}
				continue
			}
			if m.Shape.Kind == model.Map { // every other parameter
				if err := r.rest(i, query, v); err != nil {
					return err
				}
				continue
			}
			if given && len(vs) > 0 {
				text, ok = vs[0], true
			}
		case model.Header:
			if text, ok = headerOf(req, m.Header); ok && m.Shape.Kind == model.List {
				var vs []string
				for part := range strings.SplitSeq(text, ",") {
					vs = append(vs, strings.TrimSpace(part))
				}
				if err := r.repeated(i, m, vs, v, rep); err != nil {
					return err
				}
				continue
			}
		case model.Headers:
			r.prefixed(i, m, req.Header, v, rep)
			continue
		default:
			continue
		}
		if !ok {
			if m.Required && m.Support == model.Served {
				rep.missing(m.Name)
			}
			continue
		}
		f := &r.in.fields[i]
		if f.index < 0 {
			if m.Support != model.Ignored {
				rep.refuse(m.Name)
			}
			continue
		}
		if text == "" && m.Loc == model.Query && r.emptyIsAbsent && m.Shape.Kind != model.String {
			continue
		}
		rep.push(m.Name)
		before := len(rep.violations)
		err := setScalar(m.Shape, m, text, v.Field(f.index), rep)
		rep.pop()
		if rep.argument == nil && (err != nil || len(rep.violations) > before) {
			rep.argument = &binding{m.Wire, text}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.Wire, err)
		}
	}
	return nil
}

// headerOf returns a header by its canonical name. Several lines of it are joined, as HTTP says they may be.
func headerOf(req *http.Request, name string) (string, bool) {
	if name == "Content-Length" {
		if req.ContentLength < 0 {
			return "", false
		}
		return strconv.FormatInt(req.ContentLength, 10), true
	}
	switch vs := req.Header[name]; len(vs) {
	case 0:
		return "", false
	case 1:
		return vs[0], true
	default:
		return strings.Join(vs, ","), true
	}
}

// repeated fills a list from the values of a parameter that is given several times.
func (r *opRow) repeated(i int, m *model.Member, vs []string, v reflect.Value, rep *report) error {
	f := &r.in.fields[i]
	if f.index < 0 {
		if m.Support != model.Ignored {
			rep.refuse(m.Name)
		}
		return nil
	}
	if m.Shape.Kind != model.List {
		return fmt.Errorf("%w: parameter %s cannot be a map", errSyntax, m.Wire)
	}
	fv := v.Field(f.index)
	fv.Set(reflect.MakeSlice(fv.Type(), len(vs), len(vs)))
	rep.push(m.Name)
	defer rep.pop()
	for j, text := range vs {
		rep.pushIndex(j)
		err := setScalar(m.Shape.Elem.Shape, m.Shape.Elem, text, fv.Index(j), rep)
		rep.pop()
		if err != nil {
			return err
		}
	}
	rep.checkList(m.Shape, fv)
	return nil
}

// rest fills a map from the parameters that no other member is bound to.
func (r *opRow) rest(i int, query url.Values, v reflect.Value) error {
	f := &r.in.fields[i]
	if f.index < 0 {
		return nil
	}
	bound := map[string]bool{}
	for _, m := range r.model.In.Members {
		if m.Loc == model.Query {
			bound[m.Wire] = true
		}
	}
	out := map[string]string{}
	for k, vs := range query {
		if !bound[k] && len(vs) > 0 {
			out[k] = vs[0]
		}
	}
	fv := v.Field(f.index)
	if len(out) > 0 && fv.Type() == reflect.TypeFor[map[string]string]() {
		fv.Set(reflect.ValueOf(out))
	}
	return nil
}

// prefixed fills a map from the headers with a common prefix: x-amz-meta-*. Names are in lower case.
func (r *opRow) prefixed(i int, m *model.Member, h http.Header, v reflect.Value, rep *report) {
	var out map[string]string
	pre := m.Header
	for k, vs := range h {
		if len(k) > len(pre) && strings.HasPrefix(k, pre) {
			if out == nil {
				out = map[string]string{}
			}
			out[strings.ToLower(k[len(pre):])] = strings.Join(vs, ",")
		}
	}
	if out == nil {
		return
	}
	if f := &r.in.fields[i]; f.index >= 0 {
		v.Field(f.index).Set(reflect.ValueOf(out))
	} else if m.Support != model.Ignored {
		rep.refuse(m.Name)
	}
}

// decodeBody reads the body of a REST input: the payload member, or the members without another place.
func (r *opRow) decodeBody(body []byte, stream io.Reader, isXML bool, v reflect.Value, rep *report) error {
	if r.in == nil {
		return nil
	}
	whole := func(p *plan, dst reflect.Value, rootName string) error {
		if !isXML {
			return decodeJSON(p, body, dst, rep, false)
		}
		root, err := parseXML(body)
		if err != nil {
			return err
		}
		if rootName != "" && root.name != rootName {
			return fmt.Errorf("%w: the root element is %s, want %s", errSyntax, root.name, rootName)
		}
		return (&treeDec{rep: rep}).value(p, nil, root, dst)
	}
	if m := r.payload; m != nil {
		f := &r.in.fields[m.Index]
		empty := len(body) == 0 && stream == nil
		switch {
		case empty && m.Shape.Kind != model.Blob:
			if m.Required && !(isXML && m.Shape.Kind == model.String) { // an empty text is one
				rep.missing(m.Name)
			}
			return nil
		case f.index < 0:
			if !empty && m.Support != model.Ignored {
				rep.refuse(m.Name)
			}
			return nil
		case m.Shape.Kind == model.Blob:
			fv := v.Field(f.index)
			if fv.Kind() == reflect.Interface {
				if stream == nil {
					stream = http.NoBody
				}
				fv.Set(reflect.ValueOf(stream))
				return nil
			}
			if !empty {
				fv.SetBytes(body)
			}
			return nil
		case m.Shape.Kind == model.String:
			rep.push(m.Name)
			defer rep.pop()
			return setScalar(m.Shape, m, string(body), v.Field(f.index), rep)
		}
		rep.push(m.Name)
		defer rep.pop()
		return whole(f.plan, v.Field(f.index), rootName(m.Shape, m.Wire))
	}
	if !r.hasBody {
		return nil
	}
	if len(body) == 0 {
		if isXML {
			return nil
		}
		body = []byte("{}")
	}
	return whole(r.in, v, r.model.InputName)
}
