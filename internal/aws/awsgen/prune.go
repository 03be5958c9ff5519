package awsgen

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// keep lists the keys of shapes, references and operations that the codec reads. Everything else is dropped, so that a
// new release of botocore changes only what matters.
var (
	keepShape = []string{
		"type", "members", "member", "key", "value", "required", "min", "max", "pattern", "enum", "flattened", "union", "sensitive", "document",
		"streaming", "payload", "locationName", "xmlNamespace", "timestampFormat", "exception", "fault", "error", "eventstream", "tarnPattern", "tarnBacktrack",
	}
	keepRef = []string{
		"shape", "locationName", "location", "flattened", "streaming", "jsonvalue", "idempotencyToken", "hostLabel", "xmlAttribute", "xmlNamespace",
		"timestampFormat", "resultWrapper", "tarnUnwrapped", "tarnQueryName", "tarnQueryFlattened", "tarnSupport",
	}
	keepOp   = []string{"http", "input", "output", "errors", "authtype", "tarnUnserved"}
	keepMeta = []string{
		"apiVersion", "endpointPrefix", "jsonVersion", "protocol", "serviceId", "signingName", "targetPrefix", "xmlNamespace", "tarnQueryNamespace",
	}
)

// notServed is the shape that stands for those of refused and ignored members.
const notServed = "TarnNotServed"

// Prune returns the model of s cut down to what is served, as JSON for model.Parse. It fails if support names what the
// model lacks, if a required member of an input is refused, or if a pattern cannot be compiled.
func Prune(models *Models, s *Support) ([]byte, error) {
	m, err := models.load(s.Service, Version)
	if err != nil {
		return nil, err
	}
	p := &pruner{m: m, shapes: m["shapes"].(obj), ops: m["operations"].(obj)}
	if s.QueryRef != "" {
		old, err := models.load(s.Service, s.QueryRef)
		if err != nil {
			return nil, err
		}
		p.queryNames(old)
	}
	if err := overlay(s.Service, m); err != nil {
		return nil, err
	}
	p.shapes[notServed] = obj{"type": "string"}
	if err := p.selectOps(s.Ops); err != nil {
		return nil, err
	}
	for _, r := range s.Members {
		if err := p.rule(r); err != nil {
			return nil, err
		}
	}
	p.dropUnused()
	if err := p.patterns(); err != nil {
		return nil, err
	}
	p.dropKeys()
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	return b, nil
}

type pruner struct {
	m, shapes, ops obj
	inputs         map[string]bool // shapes that requests reach
}

func (p *pruner) selectOps(names []string) error {
	for _, n := range names {
		if p.ops[n] == nil {
			return fmt.Errorf("no operation %q in the model", n)
		}
	}
	for n, x := range p.ops {
		if !slices.Contains(names, n) {
			p.ops[n] = obj{"http": x.(obj)["http"], "tarnUnserved": true}
			continue
		}
		if out, ok := x.(obj)["output"].(obj); ok {
			if n := p.eventStream(out["shape"].(string)); n != "" {
				return fmt.Errorf("operation %s answers with an event stream (%s), which the codec cannot write", x.(obj)["name"], n)
			}
		}
	}
	return nil
}

func (p *pruner) eventStream(shape string) string {
	ms, _ := p.shapes[shape].(obj)["members"].(obj)
	for _, r := range ms {
		n := r.(obj)["shape"].(string)
		if p.shapes[n].(obj)["eventstream"] == true {
			return n
		}
	}
	return ""
}

// rule marks the member that r's path leads to.
func (p *pruner) rule(r MemberRule) error {
	path := strings.Join(r.Path, ".")
	at := r.Path[0]
	if op, ok := p.ops[at].(obj); ok && p.shapes[at] == nil {
		in, ok := op["input"].(obj)
		if !ok {
			return fmt.Errorf("%s: operation %s is not served or has no input", path, at)
		}
		at = in["shape"].(string)
	}
	for i, n := range r.Path[1:] {
		s, ok := p.shapes[at].(obj)
		for ok && s["type"] != "structure" {
			ref, _ := s["member"].(obj)
			if s["type"] == "map" {
				ref, _ = s["value"].(obj)
			}
			if ref == nil {
				break
			}
			s, ok = p.shapes[ref["shape"].(string)].(obj)
		}
		if !ok {
			return fmt.Errorf("%s: no structure %q in the model", path, at)
		}
		ms, _ := s["members"].(obj)
		ref, ok := ms[n].(obj)
		if !ok {
			return fmt.Errorf("%s: %s has no member %q", path, at, n)
		}
		if i < len(r.Path)-2 {
			at = ref["shape"].(string)
			continue
		}
		if req, _ := s["required"].([]any); !r.Ignored && slices.Contains(req, any(n)) {
			return fmt.Errorf("%s: the member is required and cannot be refused", path)
		}
		ref["shape"], ref["tarnSupport"] = notServed, map[bool]string{false: "refused", true: "ignored"}[r.Ignored]
	}
	return nil
}

// dropUnused removes the shapes that no operation served reaches.
func (p *pruner) dropUnused() {
	used := map[string]bool{}
	p.inputs = map[string]bool{}
	for _, x := range p.ops {
		op := x.(obj)
		if r, ok := op["input"].(obj); ok {
			p.visit(r, p.inputs)
		}
		if r, ok := op["output"].(obj); ok {
			p.visit(r, used)
		}
		es, _ := op["errors"].([]any)
		for _, e := range es {
			p.visit(e.(obj), used)
		}
	}
	// Errors that no operation lists (common ones, such as ThrottlingException) are kept for their codes and statuses.
	for n, x := range p.shapes {
		s := x.(obj)
		if s["exception"] == true || s["error"] != nil {
			p.visit(obj{"shape": n}, used)
		}
	}
	for n := range p.shapes {
		if !used[n] && !p.inputs[n] {
			delete(p.shapes, n)
		}
	}
}

func (p *pruner) visit(ref obj, seen map[string]bool) {
	n := ref["shape"].(string)
	if seen[n] {
		return
	}
	seen[n] = true
	s := p.shapes[n].(obj)
	for _, k := range []string{"member", "key", "value"} {
		if r, ok := s[k].(obj); ok {
			p.visit(r, seen)
		}
	}
	ms, _ := s["members"].(obj)
	for _, r := range ms {
		p.visit(r.(obj), seen)
	}
}

// patterns translates the patterns of inputs and drops the constraints of what only answers hold.
func (p *pruner) patterns() error {
	for n, x := range p.shapes {
		s := x.(obj)
		if !p.inputs[n] {
			delete(s, "pattern")
			delete(s, "min")
			delete(s, "max")
			continue
		}
		src, ok := s["pattern"].(string)
		if !ok {
			continue
		}
		pat, err := translate(src)
		if err != nil {
			return fmt.Errorf("shape %s: %w", n, err)
		}
		if pat.Expr != src {
			s["tarnPattern"] = pat.Expr
		}
		if pat.Backtrack {
			s["tarnBacktrack"] = true
		}
	}
	return nil
}

func (p *pruner) dropKeys() {
	only := func(x any, keys []string) obj {
		o, ok := x.(obj)
		if !ok {
			return nil
		}
		for k := range o {
			if !slices.Contains(keys, k) {
				delete(o, k)
			}
		}
		return o
	}
	only(p.m["metadata"], keepMeta)
	for k := range p.m {
		if k != "metadata" && k != "operations" && k != "shapes" {
			delete(p.m, k)
		}
	}
	for _, x := range p.ops {
		op := only(x, keepOp)
		only(op["input"], keepRef)
		only(op["output"], keepRef)
		es, _ := op["errors"].([]any)
		for _, e := range es {
			only(e, keepRef)
		}
	}
	for _, x := range p.shapes {
		s := only(x, keepShape)
		only(s["member"], keepRef)
		only(s["key"], keepRef)
		only(s["value"], keepRef)
		ms, _ := s["members"].(obj)
		for _, r := range ms {
			only(r, keepRef)
		}
	}
}

// queryNames takes from old, a model of the query protocol, the names that the newer JSON model has lost.
func (p *pruner) queryNames(old obj) {
	p.m["metadata"].(obj)["tarnQueryNamespace"] = old["metadata"].(obj)["xmlNamespace"]
	oldShapes := old["shapes"].(obj)
	flat := func(ref obj) bool {
		s, _ := oldShapes[ref["shape"].(string)].(obj)
		return ref["flattened"] == true || s["flattened"] == true
	}
	take := func(ref, from obj, name string) {
		if ref == nil || from == nil {
			return
		}
		q, _ := from["locationName"].(string)
		target, _ := oldShapes[from["shape"].(string)].(obj)
		if flat(from) {
			ref["tarnQueryFlattened"] = true
			if own, _ := target["locationName"].(string); q == "" {
				q = own
			}
			if e, ok := target["member"].(obj); ok && e["locationName"] != nil {
				q = e["locationName"].(string)
			}
		}
		if q != "" && q != name {
			ref["tarnQueryName"] = q
		}
	}
	for n, x := range p.shapes {
		s := x.(obj)
		o, ok := oldShapes[n].(obj)
		if !ok {
			continue
		}
		if e, ok := o["error"]; ok {
			s["error"] = e
		}
		ms, _ := s["members"].(obj)
		oms, _ := o["members"].(obj)
		for mn, r := range ms {
			or, _ := oms[mn].(obj)
			take(r.(obj), or, mn)
		}
		for _, k := range []string{"key", "value", "member"} {
			r, _ := s[k].(obj)
			or, _ := o[k].(obj)
			take(r, or, k)
		}
	}
	oldOps := old["operations"].(obj)
	for n, x := range p.ops {
		o, _ := oldOps[n].(obj)
		out, _ := o["output"].(obj)
		if w, ok := out["resultWrapper"]; ok {
			x.(obj)["output"].(obj)["resultWrapper"] = w
		}
	}
}
