package sfnapi

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tarn-data/tarn/internal/aws/model"
	"github.com/tarn-data/tarn/internal/aws/protocol"
	"github.com/tarn-data/tarn/internal/jsonvalue"
	"github.com/tarn-data/tarn/internal/workflow/asl"
	"github.com/tarn-data/tarn/internal/workflow/interp"
)

// testedMock checks the mock of a test: it must look as what the state would get.
func (a *api) testedMock(in *TestStateInput, req *interp.TestRequest) *protocol.Error {
	m := in.Mock
	if m == nil {
		return nil
	}
	if e := m.ErrorOutput; e != nil {
		req.MockFail = &interp.TaskError{Error: protocol.Or(e.Error, ""), Cause: protocol.Or(e.Cause, ""), NoError: e.Error == nil, NoCause: e.Cause == nil}
		return nil
	}
	if m.Result == nil {
		return refuse("A test mock should have one of the following fields: [result, errorOutput].")
	}
	v, err := jsonvalue.Parse(*m.Result)
	if err != nil {
		return refuse("Mocked result must be valid JSON")
	}
	req.Mock = m.Result
	s := req.State
	list, isList := v.([]any)
	switch {
	case s.Kind == asl.Map && s.Map.Writer != nil:
		if _, ok := v.(*jsonvalue.Object); !ok {
			return refuse("Mocked result must be a JSON object.")
		}
	case s.Kind == asl.Map || s.Kind == asl.Parallel:
		if !isList {
			return refuse("Mocked result must be an array.")
		}
		if s.Kind == asl.Parallel && len(list) != len(s.Branches) {
			return refuse("Mocked result must contain the same number of items as number of Parallel branches.")
		}
	}
	if req.Failures != nil && isList && *req.Failures > len(list) {
		return refuse("Map iteration failure count must be less than or equal to the number of Map iterations")
	}
	mode := protocol.Or(m.FieldValidationMode, MockResponseValidationMode_STRICT)
	if s.Kind != asl.Task || mode == MockResponseValidationMode_NONE {
		return nil
	}
	shape := a.answerShape(s.Resource)
	if shape == nil {
		return nil
	}
	c := mockCheck{strict: mode == MockResponseValidationMode_STRICT}
	if text := c.shape("", shape, v); text != "" {
		return refuse("Mock result schema validation error: %s", text)
	}
	return nil
}

// answerShape is what a resource answers, or nil when Tarn does not know.
func (a *api) answerShape(r asl.Resource) *model.Shape {
	if r.Integration != asl.Optimized && r.Integration != asl.SDK {
		return nil
	}
	name, operation := r.Service, upper(r.Action)
	switch {
	case r.Integration == asl.SDK:
	case r.Service == "states" && r.Pattern != asl.RequestResponse && r.Pattern != asl.WaitForToken:
		operation = "DescribeExecution"
	case r.Pattern == asl.Sync || r.Pattern == asl.Sync2 || r.Pattern == asl.WaitForToken:
		return nil
	}
	m := answers()[strings.ToLower(name)]
	if a.registry != nil {
		for _, s := range a.registry.Services() {
			if strings.EqualFold(s.Name, name) || strings.EqualFold(s.SDKName, name) {
				m = s.Model()
			}
		}
	}
	if m == nil || m.Ops[operation] == nil {
		return nil
	}
	return m.Ops[operation].Out
}

func upper(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// mockCheck checks a value against a shape; the answers are what is wrong, "" is nothing.
type mockCheck struct{ strict bool }

func (c mockCheck) shape(name string, s *model.Shape, v any) string {
	must := func(what string) string { return "Field '" + name + "' must be " + what }
	switch s.Kind {
	case model.Structure:
		o, ok := v.(*jsonvalue.Object)
		if !ok {
			return must("an object")
		}
		return c.structure(s, o)
	case model.List:
		list, ok := v.([]any)
		if !ok {
			return must("an array")
		}
		for _, e := range list {
			if text := c.shape(name, s.Elem.Shape, e); text != "" {
				return text
			}
		}
		return bounds(name, s, float64(len(list)), true)
	case model.Map:
		o, ok := v.(*jsonvalue.Object)
		if !ok {
			return must("an object")
		}
		for _, e := range o.All() {
			if text := c.shape(name, s.Val.Shape, e); text != "" {
				return text
			}
		}
	case model.Integer, model.Long, model.Float, model.Double:
		n, ok := v.(jsonvalue.Number)
		if !ok {
			return must("a number")
		}
		f, _ := strconv.ParseFloat(string(n), 64)
		return bounds(name, s, f, false)
	case model.Boolean:
		if _, ok := v.(bool); !ok {
			return must("a boolean")
		}
	case model.String, model.Timestamp, model.Blob:
		text, ok := v.(string)
		if !ok {
			return must("a string")
		}
		if len(s.Enum) > 0 {
			for _, e := range s.Enum {
				if e == text {
					return ""
				}
			}
			return "Field '" + name + "' is not an expected value"
		}
		if s.Kind != model.Timestamp {
			return bounds(name, s, float64(utf8.RuneCountInString(text)), true)
		}
	}
	return ""
}

func (c mockCheck) structure(s *model.Shape, o *jsonvalue.Object) string {
	for _, m := range s.Members {
		name := upper(m.Name)
		v, ok := o.Get(name)
		if !ok {
			if m.Required && c.strict {
				return "Required field '" + name + "' is missing"
			}
			continue
		}
		if text := c.shape(name, m.Shape, v); text != "" {
			return text
		}
	}
	return ""
}

func bounds(name string, s *model.Shape, n float64, length bool) string {
	field := "Field '" + name + "' "
	switch {
	case s.Min != nil && n < *s.Min && length:
		return field + "is smaller than the minimum length"
	case s.Max != nil && n > *s.Max && length:
		return field + "is larger than the maximum length"
	case s.Min != nil && n < *s.Min:
		return field + "is less than the minimum value"
	case s.Max != nil && n > *s.Max:
		return field + "exceeds the maximum value"
	}
	return ""
}
