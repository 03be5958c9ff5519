package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Document is a parsed policy. It is immutable and safe for concurrent use.
type Document struct {
	Version    string
	ID         string
	Statements []Statement
	text       string
}

// String returns the text that the document was parsed from.
func (d *Document) String() string { return d.text }

// Statement is one rule. Of each pair (Action, NotAction) one is nil.
type Statement struct {
	SID                      string
	Deny                     bool
	Principals, NotPrincipal *Principals
	Actions, NotActions      []string // in lower case
	Resources, NotResources  []string
	Conditions               []Condition
	variables                bool // ${…} is replaced: version 2012-10-17
}

// Principals names who a statement is about.
type Principals struct {
	Any     bool     // "*"
	AWS     []string // account numbers, ARNs, unique ids
	Service []string
	Other   []string // canonical users and federated identities, which match nobody here
}

// Condition is one operator on one key; all conditions of a statement must hold.
type Condition struct {
	Operator string // as written: "ForAnyValue:StringLikeIfExists"
	Key      string // in lower case
	Values   []string
	op       operator
}

// Kind is what a policy is attached to; it decides which elements it must and must not have.
type Kind uint8

// The kinds.
const (
	Identity Kind = iota // users, groups, roles, boundaries, sessions
	Resource             // buckets, queues, functions …
	Trust                // who may assume a role
)

// MalformedError is what Parse refuses a document with. Its text is AWS's.
type MalformedError struct{ Message string }

// Error implements error.
func (e *MalformedError) Error() string { return e.Message }

func malformed(format string, args ...any) error {
	return &MalformedError{fmt.Sprintf(format, args...)}
}

// Sizes of documents in characters without white space, as IAM counts them.
const (
	MaxManaged = 6144
	MaxTrust   = 2048
)

type rawDocument struct {
	Version   *string
	ID        *string `json:"Id"`
	Statement json.RawMessage
}

type rawStatement struct {
	SID          *string `json:"Sid"`
	Effect       *string
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Action       json.RawMessage
	NotAction    json.RawMessage
	Resource     json.RawMessage
	NotResource  json.RawMessage
	Condition    map[string]map[string]json.RawMessage
}

// Parse reads and validates a document. Its error is a *MalformedError.
func Parse(kind Kind, text string) (*Document, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		if kind == Resource {
			return nil, malformed("Policies must be valid JSON and the first byte must be '{'")
		}
		return nil, malformed("Syntax errors in policy.")
	}
	if kind == Trust && !json.Valid([]byte(text)) {
		return nil, malformed("This policy contains invalid Json")
	}
	var raw rawDocument
	if err := strict([]byte(text), &raw); err != nil {
		return nil, err
	}
	d := &Document{Version: "2008-10-17", text: text}
	if raw.ID != nil {
		d.ID = *raw.ID
	}
	if raw.Version != nil {
		d.Version = *raw.Version
	}
	if d.Version != "2008-10-17" && d.Version != "2012-10-17" {
		return nil, malformed("The policy must contain a valid version string")
	}
	list, err := oneOrMore(raw.Statement)
	if err != nil || len(list) == 0 {
		return nil, malformed("Syntax errors in policy.")
	}
	sids := map[string]bool{}
	for _, b := range list {
		var rs rawStatement
		if err := strict(b, &rs); err != nil {
			return nil, err
		}
		s, err := rs.parse(kind)
		if err != nil {
			return nil, err
		}
		s.variables = d.Version == "2012-10-17"
		if s.SID != "" && sids[s.SID] {
			return nil, malformed("Statement IDs (SID) in a single policy must be unique.")
		}
		sids[s.SID] = true
		d.Statements = append(d.Statements, s)
	}
	return d, nil
}

// strict decodes b; unknown elements, which may be misspelled limits, are errors.
func strict(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return malformed("Syntax errors in policy. Unknown field %s", strings.Trim(name, `"`))
		}
		return malformed("Syntax errors in policy.")
	}
	if _, err := dec.Token(); err != io.EOF { //nolint:errorlint // io.EOF is returned bare
		return malformed("Syntax errors in policy.")
	}
	return nil
}

// oneOrMore splits a list, or makes a list of one element.
func oneOrMore(b json.RawMessage) ([]json.RawMessage, error) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || string(b) == "null" {
		return nil, nil
	}
	if b[0] != '[' {
		return []json.RawMessage{b}, nil
	}
	var list []json.RawMessage
	return list, json.Unmarshal(b, &list)
}

// texts reads a string or a list of strings.
func texts(b json.RawMessage) ([]string, error) {
	list, err := oneOrMore(b)
	if err != nil {
		return nil, malformed("Syntax errors in policy.")
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		var s string
		if json.Unmarshal(e, &s) != nil {
			return nil, malformed("Syntax errors in policy.")
		}
		out = append(out, s)
	}
	return out, nil
}

// values reads the values of a condition, which may be strings, numbers and booleans.
func values(b json.RawMessage) ([]string, error) {
	list, err := oneOrMore(b)
	if err != nil {
		return nil, malformed("Syntax errors in policy.")
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		var x any
		dec := json.NewDecoder(bytes.NewReader(e))
		dec.UseNumber()
		if dec.Decode(&x) != nil {
			return nil, malformed("Syntax errors in policy.")
		}
		switch x := x.(type) {
		case string:
			out = append(out, x)
		case json.Number:
			out = append(out, x.String())
		case bool:
			out = append(out, fmt.Sprint(x))
		default:
			return nil, malformed("Syntax errors in policy.")
		}
	}
	return out, nil
}
