package protocol

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/tarn-data/tarn/internal/aws/model"
)

// route is the place of a REST operation: method, path template and literal parameters.
type route struct {
	name    string
	row     *opRow   // nil where the operation is not served
	segs    []string // "functions", or "{FunctionName}" for a label
	greedy  bool     // the last label takes the rest of the path
	literal [][2]string
	query   []string // required parameters
	header  []string // required headers
}

// label is a part of the path that is bound to a member.
type label struct{ name, value string }

func (s *Service) buildRoutes() {
	s.routes = map[string][]*route{}
	for name, op := range s.m.Ops {
		path, query, _ := strings.Cut(op.URI, "?")
		r := &route{name: name, row: s.rows[name]}
		r.segs = strings.Split(strings.Trim(path, "/"), "/")
		if r.segs[0] == "" {
			r.segs = nil
		}
		if n := len(r.segs); n > 0 && strings.HasSuffix(r.segs[n-1], "+}") {
			r.greedy = true
			r.segs[n-1] = strings.TrimSuffix(r.segs[n-1], "+}") + "}"
		}
		if query != "" {
			for kv := range strings.SplitSeq(query, "&") {
				k, v, _ := strings.Cut(kv, "=")
				r.literal = append(r.literal, [2]string{k, v})
			}
		}
		if op.In != nil {
			for _, m := range op.In.Members {
				switch {
				case m.Required && m.Loc == model.Query:
					r.query = append(r.query, m.Wire)
				case m.Required && m.Loc == model.Header:
					r.header = append(r.header, m.Header)
				}
			}
		}
		s.routes[op.Method] = append(s.routes[op.Method], r)
	}
}

// find returns the most specific route of a request. Paths are compared in their escaped form, so that a slash inside a
// name (%2F) is not one between names.
func (s *Service) find(method, path string, query url.Values, h http.Header) (*route, []label) {
	var best *route
	bestScore := 0
	for _, r := range s.routes[method] {
		if !r.matches(path) {
			continue
		}
		score, ok := r.score(query, h)
		// Where two operations share a place (deprecated ones do), the one that is served wins.
		if !ok || best != nil && (score < bestScore || score == bestScore && (best.row != nil || r.row == nil && best.name < r.name)) {
			continue
		}
		best, bestScore = r, score
	}
	if best == nil {
		return nil, nil
	}
	return best, best.labels(path)
}

// score says how well a route fits, beyond its path: literal parameters count most, then required parameters, then
// required headers. A route whose required parts are all missing loses to one that needs none.
func (r *route) score(query url.Values, h http.Header) (int, bool) {
	for _, l := range r.literal {
		v, ok := query[l[0]]
		if !ok || l[1] != "" && (len(v) == 0 || v[0] != l[1]) {
			return 0, false
		}
	}
	score := 100 * len(r.literal)
	count := func(names []string, has func(string) bool, weight int) {
		n := 0
		for _, k := range names {
			if has(k) {
				n++
			}
		}
		if n == 0 && len(names) > 0 {
			score -= 50
		}
		score += weight * n
	}
	count(r.query, query.Has, 10)
	count(r.header, func(k string) bool { return len(h[k]) > 0 }, 1)
	return score, true
}

func (r *route) matches(path string) bool {
	_, ok := r.walk(path, nil)
	return ok
}

func (r *route) labels(path string) []label {
	out, _ := r.walk(path, make([]label, 0, len(r.segs)))
	return out
}

// walk compares path with the template; labels are collected where out is not nil.
func (r *route) walk(path string, out []label) ([]label, bool) {
	rest := strings.TrimPrefix(path, "/")
	for i, seg := range r.segs {
		last := i == len(r.segs)-1
		part := rest
		if !(last && r.greedy) {
			part, rest, _ = strings.Cut(rest, "/")
		} else {
			rest = ""
		}
		if part == "" {
			return nil, false
		}
		if seg[0] != '{' {
			if part != seg {
				return nil, false
			}
			continue
		}
		if out != nil {
			v, err := url.PathUnescape(part)
			if err != nil {
				v = part
			}
			out = append(out, label{seg[1 : len(seg)-1], v})
		}
	}
	return out, strings.Trim(rest, "/") == ""
}
