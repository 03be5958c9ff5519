package ident_test

import (
	"regexp"
	"testing"

	"github.com/tarn-data/tarn/internal/ident"
)

func TestParseARN(t *testing.T) {
	const s = "arn:aws:lambda:us-west-2:123456789012:function:f:1"
	a, err := ident.ParseARN(s)
	if err != nil {
		t.Fatal(err)
	}
	if a.Resource != "function:f:1" || a.Scope() != (ident.Scope{Account: "123456789012", Region: "us-west-2"}) {
		t.Errorf("a = %+v", a)
	}
	if a.String() != s || a.Scope().ARN("lambda", a.Resource) != s {
		t.Errorf("round trip: %s", a)
	}
	for _, bad := range []string{"", "arn", "arn:aws:s3", "urn:aws:s3:::b", "arn:aws:s3:::", "arn::s3:::b", "arn:aws-cn:s3:::b"} {
		if _, err := ident.ParseARN(bad); err == nil {
			t.Errorf("ParseARN(%q) succeeded", bad)
		}
	}
}

func TestRandomForms(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{ident.UUID(), `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
		{ident.Hex(8), `^[0-9a-f]{16}$`},
		{ident.Upper(16), `^[A-Z2-7]{16}$`},
	} {
		if !regexp.MustCompile(c.want).MatchString(c.got) {
			t.Errorf("%q does not match %s", c.got, c.want)
		}
	}
	if ident.UUID() == ident.UUID() {
		t.Error("two UUIDs are equal")
	}
}
