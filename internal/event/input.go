package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var pathForm = regexp.MustCompile(`^\$(\.[A-Za-z0-9_-]+(\[\d+\])*)*$`)

func (t *Target) validate() error {
	inputs := 0
	for _, set := range []bool{t.Input != "", t.InputPath != "", t.Template != ""} {
		if set {
			inputs++
		}
	}
	switch {
	case inputs > 1:
		return fmt.Errorf("%w: Only one of Input, InputPath, or InputTransformer must be provided for target %s.", ErrBadInput, t.ID)
	case t.Input != "" && !json.Valid([]byte(t.Input)):
		return fmt.Errorf("%w: Input of target %s is not JSON", ErrBadInput, t.ID)
	case t.InputPath != "" && !pathForm.MatchString(t.InputPath):
		return fmt.Errorf("%w: InputPath %s of target %s: want $.name.name[0]", ErrBadInput, t.InputPath, t.ID)
	case t.Retries < 0 || t.Retries > 185:
		return fmt.Errorf("%w: MaximumRetryAttempts %d: want 0 to 185", ErrBadInput, t.Retries)
	case t.MaxAge < time.Minute || t.MaxAge > 24*time.Hour:
		return fmt.Errorf("%w: MaximumEventAgeInSeconds %d: want 60 to 86400", ErrBadInput, int(t.MaxAge.Seconds()))
	}
	for name, p := range t.Paths {
		if !pathForm.MatchString(p) || strings.HasPrefix(name, "aws.") {
			return fmt.Errorf("%w: InputPathsMap: %s: %s: want $.name.name[0]", ErrBadInput, name, p)
		}
	}
	for _, m := range placeholder.FindAllStringSubmatch(t.Template, -1) {
		if _, ok := t.Paths[m[1]]; !ok && !strings.HasPrefix(m[1], "aws.") {
			return fmt.Errorf("%w: InputTemplate for target %s contains invalid placeholder %s.", ErrBadInput, t.ID, m[1])
		}
	}
	return nil
}

// placeholder is a name in a template.
var placeholder = regexp.MustCompile(`<([A-Za-z0-9_.-]+)>`)

// payload is what a target gets of an event; nil = nothing, as its template gives no JSON.
func (t *Target) payload(r Rule, text []byte, doc any, now time.Time) []byte {
	switch {
	case t.Input != "":
		return []byte(t.Input)
	case t.InputPath != "":
		v, _ := at(doc, t.InputPath)
		return encode(v)
	case t.Template != "":
		return t.transform(r, text, doc, now)
	}
	return text
}

func encode(v any) []byte {
	b, err := marshal(v)
	if err != nil {
		panic("BUG: encode a part of an event: " + err.Error())
	}
	return b
}

// marshal is json.Marshal that leaves <, > and & as they are: targets may show the text.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// of returns the parameters for an event; p may be nil.
func (p *HTTPParameters) of(doc any) *HTTPParameters {
	if p == nil {
		return nil
	}
	value := func(s string) string {
		if !strings.HasPrefix(s, "$.") || !pathForm.MatchString(s) {
			return s
		}
		v, ok := at(doc, s)
		if !ok {
			return ""
		}
		if text, ok := v.(string); ok {
			return text
		}
		return string(encode(v))
	}
	out := &HTTPParameters{Header: map[string]string{}, Query: map[string]string{}}
	for _, s := range p.Path {
		out.Path = append(out.Path, value(s))
	}
	for k, s := range p.Header {
		out.Header[k] = value(s)
	}
	for k, s := range p.Query {
		out.Query[k] = value(s)
	}
	return out
}

// at returns the value at a path that pathForm accepts.
func at(doc any, path string) (any, bool) {
	for _, step := range strings.Split(path, ".")[1:] {
		name, rest, _ := strings.Cut(step, "[")
		m, ok := doc.(map[string]any)
		if !ok {
			return nil, false
		}
		if doc, ok = m[name]; !ok {
			return nil, false
		}
		for rest != "" {
			var n string
			n, rest, _ = strings.Cut(rest, "]")
			rest = strings.TrimPrefix(rest, "[")
			i, err := strconv.Atoi(n)
			list, ok := doc.([]any)
			if err != nil || !ok || i >= len(list) {
				return nil, false
			}
			doc = list[i]
		}
	}
	return doc, true
}

// transform fills the template: <name> outside of a string stands for a JSON value, inside of one for its text. In a template that
// is a string the text of objects and lists has no quotation marks; in one that is an object it has, so that mostly no JSON comes
// of it: then the result is nil.
//
// Source: "Amazon EventBridge input transformation" in the EventBridge user guide.
func (t *Target) transform(r Rule, text []byte, doc any, now time.Time) []byte {
	value := func(name string) (any, bool) {
		switch name {
		case "aws.events.rule-arn":
			return r.ARN(), true
		case "aws.events.rule-name":
			return r.Name, true
		case "aws.events.event.ingestion-time":
			return now.Format("2006-01-02T15:04:05Z"), true
		case "aws.events.event.json":
			return doc, true
		case "aws.events.event":
			m, _ := doc.(map[string]any)
			rest := map[string]any{}
			for k, v := range m {
				if k == "detail-type" { // AWS spells it so here, and only here
					k = "detailType"
				}
				if k != "detail" {
					rest[k] = v
				}
			}
			return rest, true
		}
		p, ok := t.Paths[name]
		if !ok {
			return nil, false
		}
		v, found := at(doc, p)
		if !found {
			return "", true // AWS leaves out what the event does not have
		}
		return v, true
	}
	var b strings.Builder
	quoted, object := false, strings.HasPrefix(strings.TrimSpace(t.Template), "{")
	for s := t.Template; s != ""; {
		c := s[0]
		if c == '\\' && quoted && len(s) > 1 {
			b.WriteString(s[:2])
			s = s[2:]
			continue
		}
		if c == '"' {
			quoted = !quoted
		}
		if end := strings.IndexByte(s, '>'); c == '<' && end > 0 {
			if v, ok := value(s[1:end]); ok {
				str, isText := v.(string)
				out := string(encode(v))
				switch {
				case quoted && isText:
					out = strings.TrimSuffix(strings.TrimPrefix(string(encode(str)), `"`), `"`)
				case quoted && object: // as it is, with its quotation marks
				case quoted:
					e := string(encode(strings.ReplaceAll(out, `"`, "")))
					out = e[1 : len(e)-1]
				}
				b.WriteString(out)
				s = s[end+1:]
				continue
			}
		}
		b.WriteByte(c)
		s = s[1:]
	}
	if object && !json.Valid([]byte(b.String())) {
		return nil
	}
	return []byte(b.String())
}
