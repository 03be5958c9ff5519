package policy

import (
	"errors"
	"strings"
	"testing"
)

func TestParse_Refuses(t *testing.T) {
	stmt := func(s string) string { return `{"Version":"2012-10-17","Statement":[{` + s + `}]}` }
	for _, c := range []struct {
		kind       Kind
		text, want string
	}{
		{Identity, ``, "Syntax errors in policy."},
		{Identity, `[]`, "Syntax errors in policy."},
		{Identity, `{`, "Syntax errors in policy."},
		{Identity, `{} x`, "Syntax errors in policy."},
		{Identity, `{"Version":"2012-10-17"}`, "Syntax errors in policy."},
		{Identity, `{"Version":"2012-10-18","Statement":[]}`, "The policy must contain a valid version string"},
		{Identity, stmt(`"Action":"s3:*","Resource":"*"`), "Missing required field Effect"},
		{Identity, stmt(`"Effect":"allow","Action":"s3:*","Resource":"*"`), "Invalid effect: allow"},
		{Identity, stmt(`"Effect":"Allow","Resource":"*"`), "Policy statement must contain actions."},
		{Identity, stmt(`"Effect":"Allow","Action":[],"Resource":"*"`), "Policy statement must contain actions."},
		{Identity, stmt(`"Effect":"Allow","Action":"s3:*"`), "Policy statement must contain resources."},
		{Identity, stmt(`"Effect":"Allow","Action":"GetObject","Resource":"*"`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{Identity, stmt(`"Effect":"Allow","Action":"*:Get","Resource":"*"`), "Vendor * is not valid"},
		{Identity, stmt(`"Effect":"Allow","Action":"s3:*","Resource":"lake"`), `Resource lake must be in ARN format or "*".`},
		{Identity, stmt(`"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"`), "Policy document should not specify a principal."},
		{Identity, stmt(`"Effect":"Allow","Action":"s3:*","Resource":"*","Conditions":{}`), "Syntax errors in policy. Unknown field Conditions"},
		{Identity, stmt(`"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringIs":{"a:b":"c"}}`), "Invalid Condition type : StringIs."},
		{Identity, stmt(`"Sid":"a b","Effect":"Allow","Action":"s3:*","Resource":"*"`), "Statement IDs (SID) in a single policy must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"},
		{Identity, `{"Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"}]}`, "Statement IDs (SID) in a single policy must be unique."},
		{Resource, `x`, "Policies must be valid JSON and the first byte must be '{'"},
		{Resource, stmt(`"Effect":"Allow","Action":"s3:*","Resource":"*"`), "Missing required field Principal"},
		{Resource, stmt(`"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"x"`), `Invalid principal in policy: "x"`},
		{Resource, stmt(`"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":{"AWS":"bob"}`), `Invalid principal in policy: "AWS":"bob"`},
		{Trust, `{"Version": "2012-10-17",}`, "This policy contains invalid Json"},
		{Trust, stmt(`"Effect":"Allow","Action":"sts:AssumeRole"`), "Missing required field Principal cannot be empty!"},
		{Trust, stmt(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"`), "Has prohibited field Resource"},
		{Trust, stmt(`"Effect":"Allow","Action":"s3:GetObject","Principal":"*"`), "AssumeRole policy may only specify STS AssumeRole actions."},
	} {
		_, err := Parse(c.kind, c.text)
		var m *MalformedError
		if !errors.As(err, &m) || m.Message != c.want {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":["*"],"Condition":{"ForAnyValue:StringLike":{"aws:x":["${a:b}*"]}}}]}`, "arn:aws:s3:::a")
	f.Fuzz(func(t *testing.T, text, resource string) {
		for _, k := range []Kind{Identity, Resource, Trust} {
			d, err := Parse(k, text)
			if err != nil {
				continue
			}
			p := user("u", d)
			Evaluate(&Request{Principal: p, Action: "s3:GetObject", Resource: resource, ResourcePolicy: d, Keys: Keys{"aws:x": {resource}}})
		}
	})
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Fuzz(func(t *testing.T, p, s string) {
		if strings.ContainsAny(p, "\x01\x02") || len(p) > 30 || len(s) > 30 {
			return
		}
		if got, want := glob(p, s), slowGlob(p, s); got != want {
			t.Errorf("glob(%q, %q) = %v, want %v", p, s, got, want)
		}
	})
}

// slowGlob is the definition.
func slowGlob(p, s string) bool {
	switch {
	case p == "":
		return s == ""
	case p[0] == '*':
		return slowGlob(p[1:], s) || s != "" && slowGlob(p, s[1:])
	}
	return s != "" && (p[0] == '?' || p[0] == s[0]) && slowGlob(p[1:], s[1:])
}
