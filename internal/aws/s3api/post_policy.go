package s3api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
)

// postPolicy says what a form may upload and until when (AWS: "Creating a POST Policy").
type postPolicy struct {
	expires    time.Time
	conditions []postCondition
	min, max   int64 // of the file's bytes; max < 0 = none
}

// never is the operator of a condition that names no field: it is no mistake of the policy, but nothing fulfils it.
const never = "never"

// postCondition is a rule about a field: "eq" or "starts-with".
type postCondition struct {
	operator, field, value string
	text                   string // as the policy has it
}

func badPolicy(message string) error {
	return refuse("InvalidPolicyDocument", http.StatusBadRequest, "Invalid Policy: "+message)
}

// parsePostPolicy reads the document in base64.
func parsePostPolicy(encoded string) (*postPolicy, error) {
	text, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return nil, badPolicy("Invalid JSON: the policy is not in base64.")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var members map[string]json.RawMessage
	if err := d.Decode(&members); err != nil {
		return nil, badPolicy("Invalid JSON.")
	}
	if _, err := d.Token(); err != io.EOF { //nolint:errorlint // Token returns it bare
		return nil, badPolicy("Invalid JSON.")
	}
	p := &postPolicy{max: -1}
	var expiration string
	var list []json.RawMessage
	for name, raw := range members { // their case counts
		switch name {
		case "expiration":
			if err := json.Unmarshal(raw, &expiration); err != nil {
				return nil, badPolicy("Invalid 'expiration' value.")
			}
		case "conditions":
			if err := json.Unmarshal(raw, &list); err != nil || list == nil {
				return nil, badPolicy("Invalid 'conditions' value: must be a List.")
			}
		default:
			return nil, badPolicy("Unexpected: '" + name + "'")
		}
	}
	if expiration == "" {
		return nil, badPolicy("Policy missing expiration.")
	}
	if list == nil {
		return nil, badPolicy("Policy missing conditions.")
	}
	if p.expires, err = time.Parse("2006-01-02T15:04:05.999999999Z", expiration); err != nil {
		return nil, badPolicy("Invalid 'expiration' value: '" + expiration + "'")
	}
	for _, raw := range list {
		if err := p.add(raw); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// add reads a condition: {"field": "value"} or ["operator", "$field", "value"] or ["content-length-range", min, max].
func (p *postPolicy) add(raw json.RawMessage) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return badPolicy("Invalid JSON.")
	}
	var exact map[string]any
	if json.Unmarshal(raw, &exact) == nil && exact != nil {
		if len(exact) != 1 {
			return badPolicy("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
		}
		for field, v := range exact {
			value, ok := v.(string)
			if !ok {
				return badPolicy("Invalid Simple-Condition: value must be a string.")
			}
			text, err := json.Marshal([]string{"eq", "$" + field, value})
			if err != nil {
				return badPolicy("Invalid JSON.")
			}
			p.conditions = append(p.conditions, postCondition{"eq", strings.ToLower(field), value, spaced(text)})
		}
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var parts []any
	if err := d.Decode(&parts); err != nil {
		return badPolicy("Invalid Condition: must be an Array or an Object.")
	}
	if len(parts) != 3 {
		return badPolicy("Invalid Condition: wrong number of arguments.")
	}
	operator, ok := parts[0].(string)
	if !ok {
		return badPolicy("Invalid Condition: the operation must be a string.")
	}
	if operator == "content-length-range" {
		low, err1 := wholeNumber(parts[1])
		high, err2 := wholeNumber(parts[2])
		if err1 != nil || err2 != nil || low < 0 {
			p.conditions = append(p.conditions, postCondition{operator: never, text: spaced(compact.Bytes())})
			return nil
		}
		p.min = max(p.min, low)
		if p.max < 0 || high < p.max {
			p.max = high
		}
		return nil
	}
	field, ok1 := parts[1].(string)
	value, ok2 := parts[2].(string)
	if !ok1 || !ok2 {
		return badPolicy("Invalid Condition: the field and the value must be strings.")
	}
	if !strings.HasPrefix(field, "$") {
		p.conditions = append(p.conditions, postCondition{operator: never, text: spaced(compact.Bytes())})
		return nil
	}
	if operator != "eq" && operator != "starts-with" {
		return badPolicy("Invalid Condition: unknown operation '" + operator + "'.")
	}
	p.conditions = append(p.conditions, postCondition{operator, strings.ToLower(field[1:]), value, spaced(compact.Bytes())})
	return nil
}

// spaced writes a condition as AWS repeats it: ["eq", "$key", "value"].
func spaced(text []byte) string {
	var parts []json.RawMessage
	if json.Unmarshal(text, &parts) != nil {
		return string(text)
	}
	return string(append(append([]byte{'['}, bytes.Join([][]byte{parts[0], parts[1], parts[2]}, []byte(", "))...), ']'))
}

func wholeNumber(v any) (int64, error) {
	return strconv.ParseInt(fmt.Sprint(v), 10, 64) // AWS takes them as strings, too
}

// unconditional are the fields that need no condition.
var unconditional = map[string]bool{"x-amz-signature": true, "awsaccesskeyid": true, "signature": true, "file": true, "policy": true}

// check reports the first thing that the policy does not allow about a form.
func (p *postPolicy) check(bucket, key string, f *protocol.Form, now time.Time) error {
	denied := func(why string) error {
		return refuse("AccessDenied", http.StatusForbidden, "Invalid according to Policy: "+why)
	}
	if now.After(p.expires) {
		return denied("Policy expired.")
	}
	covered := map[string]bool{}
	for _, c := range p.conditions {
		covered[c.field] = true
		value := f.Get(c.field)
		switch c.field {
		case "bucket":
			value = bucket
		case "key":
			value = key
		default:
			value = strings.ReplaceAll(value, "${filename}", f.FileName)
		}
		if !c.holds(value) {
			return denied("Policy Condition failed: " + c.text)
		}
	}
	var extra []string
	for _, field := range f.Fields {
		name := strings.ToLower(field.Name)
		if !covered[name] && !unconditional[name] && !strings.HasPrefix(name, "x-ignore-") {
			extra = append(extra, name)
		}
	}
	if len(extra) > 0 {
		return denied("Extra input fields: " + strings.Join(extra, ", "))
	}
	return nil
}

func (c *postCondition) holds(value string) bool {
	if c.operator == never {
		return false
	}
	if c.operator == "eq" {
		return value == c.value
	}
	if c.field != "content-type" {
		return strings.HasPrefix(value, c.value)
	}
	for part := range strings.SplitSeq(value, ",") { // a list of types, each of which must fit
		if !strings.HasPrefix(strings.TrimSpace(part), c.value) {
			return false
		}
	}
	return true
}
