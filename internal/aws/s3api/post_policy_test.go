package s3api

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tarn-data/tarn/internal/aws/protocol"
)

func policyText(conditions string) string {
	return base64.StdEncoding.EncodeToString([]byte(`{"expiration":"2030-01-01T00:00:00.000Z","conditions":[` + conditions + `]}`))
}

// outcome is the code and message of an error, or "ok".
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	var e *protocol.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	return e.Code + ": " + e.Message
}

func TestPostPolicy_Check(t *testing.T) {
	form := &protocol.Form{FileName: "f.txt", Signed: true, Fields: []protocol.FormField{
		{Name: "key", Value: "in/${filename}"}, {Name: "Content-Type", Value: "image/png, image/gif"}, {Name: "X-Amz-Meta-A", Value: "1"}, {Name: "policy"}, {Name: "x-amz-signature"}, {Name: "x-ignore-me", Value: "x"},
	}}
	const all = `{"bucket":"b"},["starts-with","$key","in/"],["starts-with","$Content-Type","image/"],{"x-amz-meta-a":"1"}`
	for name, c := range map[string]struct{ conditions, want string }{
		"all hold":             {all, "ok"},
		"case of names":        {`{"bucket":"b"},["starts-with","$KEY","in/f"],["starts-with","$content-type",""],["eq","$X-AMZ-meta-A","1"]`, "ok"},
		"another bucket":       {`{"bucket":"c"},["starts-with","$key","in/"],["starts-with","$Content-Type",""],{"x-amz-meta-a":"1"}`, `AccessDenied: Invalid according to Policy: Policy Condition failed: ["eq", "$bucket", "c"]`},
		"another key":          {all + `,["eq","$key","in/g.txt"]`, `AccessDenied: Invalid according to Policy: Policy Condition failed: ["eq", "$key", "in/g.txt"]`},
		"key after the name":   {all + `,["eq","$key","in/f.txt"]`, "ok"},
		"one type of a list":   {all + `,["starts-with","$Content-Type","image/p"]`, `AccessDenied: Invalid according to Policy: Policy Condition failed: ["starts-with", "$Content-Type", "image/p"]`},
		"field without a rule": {`{"bucket":"b"},["starts-with","$key","in/"],["starts-with","$Content-Type","image/"]`, "AccessDenied: Invalid according to Policy: Extra input fields: x-amz-meta-a"},
		"rule without a field": {all + `,{"acl":"private"}`, `AccessDenied: Invalid according to Policy: Policy Condition failed: ["eq", "$acl", "private"]`},
		"rule without $":       {all + `,["eq","key","in/f.txt"]`, `AccessDenied: Invalid according to Policy: Policy Condition failed: ["eq", "key", "in/f.txt"]`},
		"range of words":       {all + `,["content-length-range","a","10"]`, `AccessDenied: Invalid according to Policy: Policy Condition failed: ["content-length-range", "a", "10"]`},
		"negative range":       {all + `,["content-length-range",-1,1]`, `AccessDenied: Invalid according to Policy: Policy Condition failed: ["content-length-range", -1, 1]`},
		"no rules":             {``, "AccessDenied: Invalid according to Policy: Extra input fields: key, content-type, x-amz-meta-a"},
	} {
		p, err := parsePostPolicy(policyText(c.conditions))
		if err == nil {
			err = p.check("b", "in/f.txt", form, time.Date(2029, 12, 31, 0, 0, 0, 0, time.UTC))
		}
		if got := outcome(err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	p, err := parsePostPolicy(policyText(all))
	if err != nil {
		t.Fatal(err)
	}
	if got := outcome(p.check("b", "in/f.txt", form, time.Date(2030, 1, 1, 0, 0, 1, 0, time.UTC))); got != "AccessDenied: Invalid according to Policy: Policy expired." {
		t.Errorf("later: %s", got)
	}
}

func TestPostPolicy_Malformed(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":              `{`,
		"a list":               `[]`,
		"something behind":     `{"expiration":"2030-01-01T00:00:00Z","conditions":[]} x`,
		"no expiration":        `{"conditions":[]}`,
		"no conditions":        `{"expiration":"2030-01-01T00:00:00Z"}`,
		"case of expiration":   `{"Expiration":"2030-01-01T00:00:00Z","conditions":[]}`,
		"date of another form": `{"expiration":"Tue, 01 Jan 2030 00:00:00 GMT","conditions":[]}`,
		"conditions an object": `{"expiration":"2030-01-01T00:00:00Z","conditions":{}}`,
		"two in one":           `{"expiration":"2030-01-01T00:00:00Z","conditions":[{"a":"1","b":"2"}]}`,
		"a number":             `{"expiration":"2030-01-01T00:00:00Z","conditions":[{"a":1}]}`,
		"operator":             `{"expiration":"2030-01-01T00:00:00Z","conditions":[["Starts-With","$key",""]]}`,
		"range of one":         `{"expiration":"2030-01-01T00:00:00Z","conditions":[["content-length-range",1]]}`,
	} {
		_, err := parsePostPolicy(base64.StdEncoding.EncodeToString([]byte(text)))
		if got := outcome(err); !strings.HasPrefix(got, "InvalidPolicyDocument: Invalid Policy: ") {
			t.Errorf("%s: %s", name, got)
		}
	}
	p, err := parsePostPolicy(policyText(`["content-length-range","2","10"],["content-length-range",0,5]`))
	if err != nil || p.min != 2 || p.max != 5 {
		t.Errorf("ranges: %+v %v", p, err)
	}
}

func FuzzPostPolicy(f *testing.F) {
	f.Add(`{"expiration":"2030-01-01T00:00:00Z","conditions":[{"bucket":"b"},["starts-with","$key",""],["content-length-range",0,5]]}`, "key", "v")
	f.Fuzz(func(t *testing.T, text, field, value string) {
		p, err := parsePostPolicy(base64.StdEncoding.EncodeToString([]byte(text)))
		if err != nil {
			if got := outcome(err); !strings.HasPrefix(got, "InvalidPolicyDocument: ") {
				t.Fatalf("%s", got)
			}
			return
		}
		form := &protocol.Form{Fields: []protocol.FormField{{Name: field, Value: value}}}
		if err := p.check("b", "k", form, p.expires); err == nil {
			// Every field that passes has a rule, or needs none.
			name := strings.ToLower(field)
			for _, c := range p.conditions {
				if c.field == name {
					return
				}
			}
			if !unconditional[name] && !strings.HasPrefix(name, "x-ignore-") {
				t.Fatalf("the field %q passes without a rule: %s", field, text)
			}
		}
	})
}
