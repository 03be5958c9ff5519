package asl

import (
	"fmt"
	"math"
	"strings"

	"github.com/tarn-data/tarn/internal/jsonvalue"
)

// The fields that states of each type have: in both languages, with JSONPath only and with JSONata only.
var (
	commonFields = "Type Comment QueryLanguage "
	stateFields  = map[string][3]string{
		"Pass":     {"Assign Next End", "InputPath OutputPath Parameters Result ResultPath", "Output"},
		"Task":     {"Assign Next End Resource Retry Catch TimeoutSeconds HeartbeatSeconds Credentials", "InputPath OutputPath Parameters ResultSelector ResultPath TimeoutSecondsPath HeartbeatSecondsPath", "Arguments Output"},
		"Choice":   {"Assign Choices Default", "InputPath OutputPath", "Output"},
		"Wait":     {"Assign Next End Seconds Timestamp", "InputPath OutputPath SecondsPath TimestampPath", "Output"},
		"Succeed":  {"", "InputPath OutputPath", "Output"},
		"Fail":     {"Error Cause", "ErrorPath CausePath", ""},
		"Parallel": {"Assign Next End Branches Retry Catch", "InputPath OutputPath Parameters ResultSelector ResultPath", "Arguments Output"},
		"Map": {"Assign Next End ItemProcessor Iterator MaxConcurrency ItemReader ItemSelector ItemBatcher ResultWriter ToleratedFailureCount ToleratedFailurePercentage Label Retry Catch",
			"InputPath OutputPath ItemsPath Parameters ResultSelector ResultPath MaxConcurrencyPath ToleratedFailureCountPath ToleratedFailurePercentagePath", "Items Output"},
	}
	allowedFields = func() map[string]map[string]bool {
		m := map[string]map[string]bool{}
		for typ, f := range stateFields {
			m[typ+"/JSONPath"] = set(commonFields, f[0], f[1])
			m[typ+"/JSONata"] = set(commonFields, f[0], f[2])
		}
		return m
	}()
	kinds = map[string]Kind{"Pass": Pass, "Task": Task, "Choice": Choice, "Wait": Wait, "Succeed": Succeed, "Fail": Fail, "Parallel": Parallel, "Map": Map}
)

// stateReader reads the fields of one state.
type stateReader struct {
	object
	lang Language
}

func (d *decoder) state(name string, o *jsonvalue.Object, loc string, outer Language, depth int) *State {
	x := stateReader{object: object{d, o, loc}}
	x.require("Type")
	if !o.Has("Type") {
		return nil
	}
	typ := x.oneOf("Type", "Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")
	if typ == "" {
		return nil
	}
	x.lang = x.language(outer)
	if outer == JSONata && x.lang == JSONPath {
		d.fail(loc, "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
	}
	allowed := allowedFields[typ+"/JSONPath"]
	if x.lang == JSONata {
		allowed = allowedFields[typ+"/JSONata"]
	}
	x.only(allowed)
	s := &State{Name: name, Kind: kinds[typ], Language: x.lang, Comment: x.str("Comment")}
	if allowed["Next"] {
		x.transition(s)
	}
	x.data(s)
	switch s.Kind {
	case Task:
		x.task(s)
	case Choice:
		x.choices(s)
	case Wait:
		x.wait(s)
	case Fail:
		s.Error, s.Cause = x.textField("Error"), x.textField("Cause")
	case Parallel:
		x.require("Branches")
		for _, b := range x.objects("Branches", false) {
			s.Branches = append(s.Branches, d.machine(b.o, b.loc, outer, depth+1))
		}
	case Map:
		x.mapState(s, outer, depth)
	}
	if allowed["Retry"] {
		x.retriers(s)
		x.catchers(s)
	}
	return s
}

func (x stateReader) transition(s *State) {
	s.Next = x.str("Next")
	s.End = x.boolean("End")
	switch {
	case x.o.Has("Next") && s.End:
		x.d.fail(x.loc, "A state cannot have both 'Next' and 'End'")
	case !x.o.Has("Next") && !s.End:
		x.d.fail(x.loc, "One of these fields is required: [Next, End]")
	}
}

// data reads the fields that shape input and output.
func (x stateReader) data(s *State) {
	s.InputPath, s.OutputPath = x.pathField("InputPath"), x.pathField("OutputPath")
	s.ResultPath = x.resultPath(x.object)
	if x.lang == JSONata {
		s.Parameters, s.Output = x.template("Arguments"), x.template("Output")
	} else if s.Kind != Map {
		s.Parameters = x.objectTemplate("Parameters")
	}
	s.ResultSelector = x.objectTemplate("ResultSelector")
	s.Assign = x.assign(x.object)
	if v, ok := x.o.Get("Result"); ok {
		s.Result, s.HasResult = v, true
		if o, isObject := v.(*jsonvalue.Object); isObject {
			for k := range o.All() {
				if strings.HasSuffix(k, ".$") {
					x.d.report(SeverityWarning, CodePassResult, x.at("Result")+"/"+k, "Attempt to use a path in the result of a pass state: '%s'", k)
				}
			}
		}
	}
	if x.lang == JSONPath {
		if p, ok := x.o.Get("Parameters"); ok {
			x.noDollar(p, x.at("Parameters"))
		}
	}
}

// noDollar warns of values that look like paths under names without ".$".
func (x stateReader) noDollar(v any, loc string) {
	switch v := v.(type) {
	case *jsonvalue.Object:
		for k, m := range v.All() {
			if s, ok := m.(string); ok && !strings.HasSuffix(k, ".$") && (strings.HasPrefix(s, "$.") || strings.HasPrefix(s, "$$.") || strings.HasPrefix(s, "States.")) {
				if _, err := parseExpr(s); err == nil {
					x.d.report(SeverityWarning, CodeNoDollar, loc+"/"+k, "The field '%s' looks like a JSONPath or an intrinsic function, but its name does not end with '.$'", k)
				}
			}
			x.noDollar(m, loc+"/"+k)
		}
	case []any:
		for i, m := range v {
			x.noDollar(m, fmt.Sprintf("%s[%d]", loc, i))
		}
	}
}

func (x stateReader) assign(o object) *Template {
	v, ok := o.o.Get("Assign")
	if !ok {
		return nil
	}
	a, ok := v.(*jsonvalue.Object)
	if !ok {
		x.d.fail(o.at("Assign"), "Expected value of type Object")
		return nil
	}
	for k := range a.All() {
		name := k
		if x.lang == JSONPath {
			name = strings.TrimSuffix(k, ".$")
		}
		if name == "" || !isNameStart(name) || nameLength(name) != len(name) || len([]rune(name)) > 80 {
			x.d.fail(o.at("Assign"), "The variable name '%s' is not valid", name)
		} else if name == "states" {
			x.d.fail(o.at("Assign"), "The variable name 'states' is reserved")
		}
	}
	return x.compile(v, o.at("Assign"), "Assign")
}

func (x stateReader) compile(v any, loc, field string) *Template {
	c := &collector{bad: x.d.fail}
	t := &Template{}
	if x.lang == JSONata {
		t.node = c.queryTemplate(v, loc, field)
	} else {
		t.node = c.pathTemplate(v, loc)
	}
	t.vars = c.vars
	return t
}

func (x stateReader) template(key string) *Template {
	v, ok := x.o.Get(key)
	if !ok {
		return nil
	}
	return x.compile(v, x.at(key), key)
}

func (x stateReader) objectTemplate(key string) *Template {
	v, ok := x.o.Get(key)
	if !ok {
		return nil
	}
	if _, ok := v.(*jsonvalue.Object); !ok && x.lang == JSONPath {
		x.d.fail(x.at(key), "Expected value of type Object")
		return nil
	}
	return x.template(key)
}

func (x stateReader) pathField(key string) *PathField {
	v, ok := x.o.Get(key)
	if !ok || x.lang == JSONata {
		return nil
	}
	if v == nil {
		return &PathField{null: true}
	}
	src, isText := v.(string)
	e, err := parseExpr(src)
	if !isText || err != nil {
		x.d.fail(x.at(key), "Value is not a valid JSONPath")
		return nil
	}
	return &PathField{src: src, expr: e}
}

func (x stateReader) resultPath(o object) *ResultPath {
	v, ok := o.o.Get("ResultPath")
	if !ok || x.lang == JSONata {
		return nil
	}
	if v == nil {
		return &ResultPath{null: true}
	}
	src, _ := v.(string)
	e, err := parsePath(src)
	if err != nil || e.root != rootInput {
		x.d.fail(o.at("ResultPath"), "Value is not a Reference Path")
		return nil
	}
	refs, ok := e.path.Reference()
	if !ok {
		x.d.fail(o.at("ResultPath"), "Value is not a Reference Path: Path cannot contain operators")
		return nil
	}
	return &ResultPath{src: src, refs: refs}
}

// numberField reads a number that may also be a path (key+"Path") or a JSONata expression.
func (x stateReader) numberField(o object, key string, lo, hi float64, integer bool) *NumberField {
	f := &NumberField{Name: key}
	if x.lang == JSONPath && o.o.Has(key+"Path") {
		if o.o.Has(key) {
			x.d.fail(o.loc, "Only one of these fields is allowed: [%s, %sPath]", key, key)
		}
		sub := stateReader{object: o, lang: JSONPath}
		if f.path = sub.pathField(key + "Path"); f.path == nil {
			return nil
		}
		return f
	}
	v, ok := o.o.Get(key)
	if !ok {
		return nil
	}
	if s, isText := v.(string); isText && x.lang == JSONata {
		c := &collector{bad: x.d.fail}
		if f.query = c.query(s, o.at(key), key); f.query != nil {
			return f
		}
	}
	n, ok := o.number(key, lo, hi, integer)
	if !ok {
		return nil
	}
	f.value = n
	return f
}

func (x stateReader) textField(key string) *TextField {
	f := &TextField{Name: key}
	if x.lang == JSONPath && x.o.Has(key+"Path") {
		if x.o.Has(key) {
			x.d.fail(x.loc, "Only one of these fields is allowed: [%s, %sPath]", key, key)
		}
		src := x.str(key + "Path")
		e, err := parseExpr(src)
		if err != nil {
			x.d.fail(x.at(key+"Path"), "Value is not a valid JSONPath or intrinsic function")
			return nil
		}
		f.expr = e
		return f
	}
	if !x.o.Has(key) {
		return nil
	}
	f.value = x.str(key)
	if x.lang == JSONata {
		c := &collector{bad: x.d.fail}
		f.query = c.query(f.value, x.at(key), key)
	}
	return f
}

func (x stateReader) task(s *State) {
	x.require("Resource")
	if arn := x.str("Resource"); x.o.Has("Resource") {
		s.Resource = x.resource(arn)
	}
	s.Timeout = x.numberField(x.object, "TimeoutSeconds", 1, 99999999, true)
	s.Heartbeat = x.numberField(x.object, "HeartbeatSeconds", 1, 99999999, true)
	if s.Timeout != nil && s.Heartbeat != nil {
		t, tok := s.Timeout.Constant()
		h, hok := s.Heartbeat.Constant()
		if tok && hok && h.Float() >= t.Float() {
			x.d.fail(x.loc, "HeartbeatSeconds must be smaller than TimeoutSeconds")
		}
	}
	if c, ok := x.child("Credentials"); ok {
		if !c.o.Has("RoleArn") && !(x.lang == JSONPath && c.o.Has("RoleArn.$")) {
			x.d.fail(c.loc, "The field 'RoleArn' is required but was missing")
		} else {
			s.Credentials = x.compile(c.o, c.loc, "Credentials")
		}
	}
}

func (x stateReader) resource(arn string) Resource {
	loc := x.at("Resource")
	r, ok := ParseResource(arn)
	if !ok || !r.known() {
		x.d.fail(loc, "The resource provided %s is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.", arn)
		return r
	}
	if x.d.opts.Express {
		switch {
		case r.Pattern == WaitForToken:
			x.d.fail(loc, "Express state machine does not support '.waitForTaskToken' service integration ")
		case r.Pattern != RequestResponse:
			x.d.fail(loc, "Express state machine does not support '.sync' service integration")
		case r.Integration == Activity:
			x.d.fail(loc, "Express state machine does not support Activity ARN")
		}
	}
	return r
}

func (x stateReader) wait(s *State) {
	given := 0
	for _, k := range []string{"Seconds", "SecondsPath", "Timestamp", "TimestampPath"} {
		if x.o.Has(k) {
			given++
		}
	}
	if given != 1 {
		x.d.fail(x.loc, "Exactly one of these fields is required: [Seconds, SecondsPath, Timestamp, TimestampPath]")
		return
	}
	s.Seconds = x.numberField(x.object, "Seconds", 0, 99999999, true)
	if s.Timestamp = x.textField("Timestamp"); s.Timestamp != nil && s.Timestamp.expr == nil && s.Timestamp.query == nil {
		if _, ok := ParseTimestamp(s.Timestamp.value); !ok {
			x.d.fail(x.at("Timestamp"), "String does not match RFC3339 timestamp")
		}
	}
}

var (
	retrierFields = set("Comment ErrorEquals IntervalSeconds MaxAttempts BackoffRate MaxDelaySeconds JitterStrategy")
	catcherFields = set("Comment ErrorEquals Next ResultPath Assign")
	catcherQuery  = set("Comment ErrorEquals Next Output Assign")
)

func (x stateReader) retriers(s *State) {
	list := x.objects("Retry", true)
	for i, r := range list {
		r.only(retrierFields)
		r.require("ErrorEquals")
		out := Retrier{Errors: r.strings("ErrorEquals"), Interval: 1, MaxAttempts: 3, Backoff: 2}
		x.loneAll(r, out.Errors, i == len(list)-1)
		if n, ok := r.number("IntervalSeconds", 1, 99999999, true); ok {
			out.Interval = n.Float()
		}
		if n, ok := r.number("MaxAttempts", 0, 99999999, true); ok {
			v, _ := n.Int()
			out.MaxAttempts = int(v)
		}
		if n, ok := r.number("BackoffRate", 1, math.MaxFloat64, false); ok {
			out.Backoff = n.Float()
		}
		if n, ok := r.number("MaxDelaySeconds", 1, 31622400, true); ok {
			out.MaxDelay = n.Float()
		}
		out.Jitter = r.oneOf("JitterStrategy", "FULL", "NONE") == "FULL"
		s.Retry = append(s.Retry, out)
	}
}

// loneAll checks that States.ALL stands alone, in the last entry.
func (x stateReader) loneAll(o object, errs []string, last bool) {
	for _, e := range errs {
		if e != ErrAll {
			continue
		}
		if len(errs) > 1 {
			x.d.fail(o.at("ErrorEquals"), "States.ALL must appear alone in 'ErrorEquals'")
		} else if !last {
			x.d.fail(o.at("ErrorEquals"), "States.ALL must appear in the last entry")
		}
	}
}

func (x stateReader) catchers(s *State) {
	list := x.objects("Catch", true)
	for i, c := range list {
		if x.lang == JSONata {
			c.only(catcherQuery)
		} else {
			c.only(catcherFields)
		}
		c.require("ErrorEquals", "Next")
		out := Catcher{Errors: c.strings("ErrorEquals"), Next: c.str("Next"), ResultPath: x.resultPath(c), Assign: x.assign(c)}
		x.loneAll(c, out.Errors, i == len(list)-1)
		if v, ok := c.o.Get("Output"); ok && x.lang == JSONata {
			out.Output = x.compile(v, c.at("Output"), "Output")
		}
		s.Catch = append(s.Catch, out)
	}
}
